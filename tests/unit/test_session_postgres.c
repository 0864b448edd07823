/* Sessions over PostgreSQL: connections of the pool, kept. */
#include "tests/support/pg_server.h"
#include "tests/unit/session_rig.h"

static const char *rig_ask(const char *sql)
{
	return pg_admin(sql);
}

static const char *set_up(void)
{
	pg_admin("DROP TABLE IF EXISTS child, t; CREATE TABLE t (id int PRIMARY KEY, name text);"
		 "CREATE TABLE child (id int PRIMARY KEY, t_id int REFERENCES t"
		 " DEFERRABLE INITIALLY DEFERRED)");
	return pg_url;
}

static unsigned in_use(struct rig *rig)
{
	struct md_pool_stats stats;

	md_db_pool(rig->db, &stats);
	return stats.in_use;
}

START_TEST(a_session_has_a_connection_from_its_first_unit_to_its_end)
{
	struct rig rig;

	rig_open(&rig, set_up(), false);
	ck_assert_uint_eq(in_use(&rig), 0);
	expect(&rig, "SELECT 1", false, "1;");
	ck_assert_uint_eq(in_use(&rig), 1);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM pg_stat_activity"
				  " WHERE state = 'idle in transaction'"),
			 "1");
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert_uint_eq(in_use(&rig), 0);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM pg_stat_activity"
				  " WHERE state LIKE 'idle in transaction%'"),
			 "0");
	rig_close(&rig);
}
END_TEST

START_TEST(others_write_beside_the_session)
{
	struct step beside;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	start_beside(&rig, &beside, "INSERT INTO t VALUES (2, 'b') RETURNING id");
	wait_for(&rig, &beside);
	ck_assert_int_eq(beside.s.code, MD_OK);
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), "2");
	rig_close(&rig);
}
END_TEST

/* Idle or at work, before or at the commit. */
START_TEST(a_connection_that_is_lost_takes_the_transaction_with_it)
{
	static const char terminate[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
					" WHERE pid <> pg_backend_pid() AND"
					" backend_type = 'client backend'";
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	pg_admin(terminate);
	rig_turn(&rig, 100);
	ck_assert(md_session_is_lost(rig.session));
	ck_assert_int_eq(in_session(&rig, &step, "SELECT 1", false), MD_NOT_FOUND);
	ck_assert_str_eq(step.s.unit.error.wire, "MD410");
	ck_assert_int_eq(commit(&rig), MD_NOT_FOUND);
	expect(&rig, "INSERT INTO t VALUES (2, 'b') RETURNING id", true, "2;");
	step_init(&rig, &step, "SELECT pg_sleep(10)", false);
	md_session_run(rig.session, &step.s.unit);
	rig_turn(&rig, 100);
	pg_admin(terminate);
	wait_for(&rig, &step);
	ck_assert_int_eq(step.s.code, MD_UNAVAILABLE);
	ck_assert(md_session_is_lost(rig.session));
	roll_back(&rig);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), "0");
	ck_assert_uint_eq(in_use(&rig), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(a_pool_without_room_makes_a_session_wait)
{
	const struct md_session_options how = { .writes = false };
	struct md_session *sessions[5];
	struct step step;
	struct md_error err;
	struct rig rig;
	int count = 0;

	rig_open(&rig, set_up(), false);
	sessions[count++] = rig.session;
	for (;;) {
		in_session(&rig, &step, "SELECT 1", false);
		if (step.s.code != MD_OK)
			break;
		ck_assert_int_lt(count, 5);
		ck_assert_int_eq(md_session_open(rig.loop, &how, &rig.session, &err), MD_OK);
		sessions[count++] = rig.session;
	}
	ck_assert_int_eq(step.s.code, MD_TIMEOUT);
	ck_assert_str_eq(step.s.unit.error.wire, "PGRST003");
	ck_assert(!md_session_is_begun(rig.session));
	for (int i = 0; i < count - 1; i++)
		md_session_close(sessions[i]);
	expect(&rig, "SELECT 1", false, "1;");
	rig_close(&rig);
}
END_TEST

START_TEST(a_session_moves_to_another_loop)
{
	struct md_reactor *reactor, *first;
	struct md_db_loop *loop, *home;
	struct md_error err;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	ck_assert_int_eq(md_reactor_new(&reactor, &err), MD_OK);
	ck_assert_int_eq(md_db_join(rig.db, reactor, &loop, &err), MD_OK);
	first = rig.reactor;
	home = rig.loop;
	md_session_leave(rig.session);
	rig.reactor = reactor;
	rig.loop = loop;
	md_session_join(rig.session, loop);
	expect(&rig, "INSERT INTO t VALUES (2, 'b') RETURNING id", true, "2;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert_str_eq(pg_admin("SELECT sum(id) FROM t"), "3");
	md_db_leave(home);
	md_reactor_free(first);
	rig_close(&rig);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("session_postgres");

	if (!pg_start())
		return EXIT_FAILURE;
	add_common(tcase);
	tcase_add_test(tcase, a_session_has_a_connection_from_its_first_unit_to_its_end);
	tcase_add_test(tcase, others_write_beside_the_session);
	tcase_add_test(tcase, a_connection_that_is_lost_takes_the_transaction_with_it);
	tcase_add_test(tcase, a_pool_without_room_makes_a_session_wait);
	tcase_add_test(tcase, a_session_moves_to_another_loop);
	return run_suite(tcase, "session_postgres");
}
