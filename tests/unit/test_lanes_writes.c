/* Writes on the shared connection to PostgreSQL: they share a commit, and nobody feels it. */
#include "tests/unit/lanes_rig.h"

enum { MANY = 60 };

static void make_table(void)
{
	pg_admin("DROP TABLE IF EXISTS child, t;"
		 "CREATE TABLE t (id int PRIMARY KEY CHECK (id < 1000), n int);"
		 "CREATE TABLE child (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
}

/* Texts that outlive the units: `before` the number, and behind it. */
static const char *text_of(unsigned index, const char *before, unsigned id, const char *behind)
{
	static char texts[MANY][160];

	snprintf(texts[index], sizeof(texts[index]), "%s%u%s", before, id, behind);
	return texts[index];
}

static void start_insert(struct rig *rig, unsigned index, unsigned id)
{
	start(rig, &jobs[index], text_of(index, "INSERT INTO t VALUES (", id, ", 0) RETURNING id"),
	      MD_TX_IMPLICIT, MD_LANE_WRITE);
}

/* The connection stands. */
static void warm_up(struct rig *rig)
{
	make_table();
	rig_open(rig);
	expect(rig, "DELETE FROM t", MD_LANE_WRITE, "");
	ck_assert_int_eq(run(rig, &jobs[0], "DELETE FROM t", MD_TX_IMPLICIT, MD_LANE_WRITE), MD_OK);
}

static void expect_row(unsigned index, unsigned id)
{
	char want[16];

	snprintf(want, sizeof(want), "%u;", id);
	ck_assert_msg(jobs[index].s.code == MD_OK, "%u: %s", index,
		      jobs[index].s.unit.error.message);
	ck_assert_str_eq(jobs[index].s.text, want);
}

START_TEST(writes_that_wait_share_a_commit)
{
	struct rig rig;

	warm_up(&rig);
	for (unsigned i = 0; i < MANY; i++)
		start_insert(&rig, i, i);
	wait_all(&rig);
	for (unsigned i = 0; i < MANY; i++)
		expect_row(i, i);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), "60");
	ck_assert_int_le(atoi(pg_admin("SELECT count(DISTINCT xmin::text) FROM t")), 3);
	rig_close(&rig);
}
END_TEST

/* At its statement, and at the commit of all. */
START_TEST(one_that_fails_does_not_touch_its_neighbours)
{
	static const char *const bad[][2] = { { "INSERT INTO t VALUES (", ", 0)" },
					      { "INSERT INTO child VALUES (", ")" },
					      { "SELECT nothing FROM t WHERE id = ", "" } };
	static const char *const wires[] = { "23514", "23503", "42703" };
	struct rig rig;

	warm_up(&rig);
	for (unsigned i = 0; i < 30; i++)
		if (i == 12)
			start(&rig, &jobs[i], text_of(i, bad[_i][0], 5000, bad[_i][1]),
			      MD_TX_IMPLICIT, MD_LANE_WRITE);
		else
			start_insert(&rig, i, i);
	wait_all(&rig);
	for (unsigned i = 0; i < 30; i++)
		if (i != 12)
			expect_row(i, i);
	ck_assert_int_ne(jobs[12].s.code, MD_OK);
	ck_assert_str_eq(jobs[12].s.unit.error.wire, wires[_i]);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), "29");
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM child"), "0");
	rig_close(&rig);
}
END_TEST

START_TEST(of_two_with_one_key_one_is_there)
{
	struct rig rig;
	unsigned done = 0;

	warm_up(&rig);
	for (unsigned i = 0; i < 20; i++)
		start_insert(&rig, i, i / 2);
	wait_all(&rig);
	for (unsigned i = 0; i < 20; i++) {
		done += jobs[i].s.code == MD_OK;
		if (jobs[i].s.code != MD_OK)
			ck_assert_str_eq(jobs[i].s.unit.error.wire, "23505");
	}
	ck_assert_uint_eq(done, 10);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), "10");
	rig_close(&rig);
}
END_TEST

START_TEST(those_that_count_in_their_transaction_share_none)
{
	struct rig rig;

	warm_up(&rig);
	for (unsigned i = 0; i < 10; i++) {
		start_insert(&rig, i, i);
		jobs[i].s.stmts[0].solo = true;
	}
	wait_all(&rig);
	for (unsigned i = 0; i < 10; i++)
		expect_row(i, i);
	/* The first was sent before it was marked. */
	ck_assert_int_ge(atoi(pg_admin("SELECT count(DISTINCT xmin::text) FROM t")), 9);
	rig_close(&rig);
}
END_TEST

START_TEST(one_that_is_cancelled_does_not_touch_its_neighbours)
{
	struct rig rig;

	warm_up(&rig);
	for (unsigned i = 0; i < 20; i++)
		start_insert(&rig, i, i);
	md_db_cancel(rig.loop, &jobs[7].s.unit);
	wait_all(&rig);
	for (unsigned i = 0; i < 20; i++)
		if (i != 7)
			expect_row(i, i);
	ck_assert(jobs[7].s.code == MD_OK || jobs[7].s.code == MD_CANCELLED);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), jobs[7].s.code == MD_OK ? "20" : "19");
	rig_close(&rig);
}
END_TEST

/* What was sent may have happened; it is never done twice. */
START_TEST(a_lost_connection_leaves_nobody_in_the_dark_nor_twice)
{
	static const char terminate[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
					" WHERE pid <> pg_backend_pid() AND"
					" backend_type = 'client backend'";
	struct rig rig;

	warm_up(&rig);
	pg_admin("DROP TABLE child, t; CREATE TABLE t (id int, n int)");
	start(&rig, &jobs[0], "INSERT INTO t SELECT 0, 0 FROM pg_sleep(0.5) RETURNING id",
	      MD_TX_IMPLICIT, MD_LANE_WRITE);
	for (unsigned i = 1; i < 20; i++)
		start_insert(&rig, i, i);
	idle(&rig, 150);
	pg_admin(terminate);
	wait_all(&rig);
	for (unsigned i = 0; i < 20; i++) {
		char sql[64];
		int rows;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM t WHERE id = %u", i);
		rows = atoi(pg_admin(sql));
		if (jobs[i].s.code == MD_OK)
			ck_assert_int_eq(rows, 1);
		else if (jobs[i].s.code == MD_UNCERTAIN)
			ck_assert_int_le(rows, 1);
		else
			ck_assert_int_eq(rows, 0);
	}
	rig_close(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lanes_writes");
	TCase *tcase = tcase_create("lanes_writes");
	SRunner *runner;
	int failed;

	if (!pg_start())
		return EXIT_FAILURE;
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, writes_that_wait_share_a_commit);
	tcase_add_loop_test(tcase, one_that_fails_does_not_touch_its_neighbours, 0, 3);
	tcase_add_test(tcase, of_two_with_one_key_one_is_there);
	tcase_add_test(tcase, those_that_count_in_their_transaction_share_none);
	tcase_add_test(tcase, one_that_is_cancelled_does_not_touch_its_neighbours);
	tcase_add_test(tcase, a_lost_connection_leaves_nobody_in_the_dark_nor_twice);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
