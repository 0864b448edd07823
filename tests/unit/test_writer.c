/* The writer's lane: groups, and neighbours that must not feel each other. */
#include "core/db/db.h"

#include <pthread.h>
#include <sys/stat.h>

#include "core/base/clock.h"

#include "tests/support/suite.h"
#include "tests/support/writer_rig.h"

static const char schema[] =
	"PRAGMA journal_mode = WAL;"
	"CREATE TABLE owner (id INTEGER PRIMARY KEY);"
	"INSERT INTO owner VALUES (1);"
	"CREATE TABLE item (id INTEGER PRIMARY KEY CHECK (id < 1000), name TEXT NOT NULL UNIQUE,"
	" now_of INTEGER REFERENCES owner,"
	" late_of INTEGER REFERENCES owner DEFERRABLE INITIALLY DEFERRED);"
	"CREATE TRIGGER item_abort BEFORE INSERT ON item WHEN NEW.name = 'abort'"
	" BEGIN SELECT RAISE(ABORT, 'not this one'); END;"
	"CREATE TRIGGER item_rollback BEFORE INSERT ON item WHEN NEW.name = 'rollback'"
	" BEGIN SELECT RAISE(ROLLBACK, 'not any of them'); END";

static const char all_ids[] = "SELECT group_concat(id) FROM (SELECT id FROM item ORDER BY id)";
static const char roll_all_back[] = "INSERT INTO item (id, name) VALUES (99, 'rollback')";
static const char forever[] =
	"INSERT INTO item (id, name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1"
	" FROM n) SELECT 100, 'slow' FROM n WHERE i < 0";

static void set_up(void)
{
	rig_make_folder();
	rig_admin(schema);
}

static struct md_value numbers[512][1];

/* Insert item `id`. */
static void job_put(struct job *job, unsigned id)
{
	static struct md_stmt put = { .sql = "INSERT INTO item (id, name) VALUES (?1, 'n' || ?1)"
					     " RETURNING id" };

	if (put.id == 0)
		put.id = md_stmt_next_id();
	job_init(job);
	numbers[id][0] = md_value_int(id);
	script_add(&job->s, put.id, put.sql, numbers[id], 1);
}

START_TEST(many_units_share_few_commits)
{
	static struct job jobs[300];
	struct rig rig;

	set_up();
	rig_open(&rig);
	for (unsigned i = 0; i < 64; i++)
		job_put(&jobs[i], i);
	rig_group(&rig, jobs, 64);
	ck_assert_uint_eq(rig_stats(&rig).commits, 1);
	ck_assert_uint_eq(rig_stats(&rig).writes, 64);
	ck_assert_uint_eq(rig_stats(&rig).reruns, 0);
	for (unsigned i = 0; i < 64; i++) {
		EXPECT(&jobs[i], MD_OK, "");
		ck_assert_uint_eq(jobs[i].order, i + 1);
	}
	ck_assert_str_eq(jobs[63].s.text, "63;");
	for (unsigned i = 0; i < 300; i++)
		job_put(&jobs[i], 100 + i);
	rig_group(&rig, jobs, 300);
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM item"), "364");
	ck_assert_uint_ge(rig_stats(&rig).commits, 3); /* no group is larger than 256 */
	ck_assert_uint_le(rig_stats(&rig).commits, 12);
	ck_assert_uint_eq(rig_stats(&rig).writes_waiting, 0);
	ck_assert_uint_le(rig_stats(&rig).prepares, 2);
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

static const struct culprit {
	const char *sql;
	enum md_code code;
	const char *wire;
	unsigned reruns;
} culprits[] = {
	{ "INSERT INTO item (id, name) VALUES (50, 'taken')", MD_CONFLICT, "23505", 0 },
	{ "INSERT INTO item (id, name, now_of) VALUES (9, 'x', 7)", MD_CONFLICT, "23503", 0 },
	{ "INSERT INTO item (id, name, late_of) VALUES (9, 'x', 7)", MD_CONFLICT, "23503", 0 },
	{ "INSERT INTO item (id, name) VALUES (1000, 'x')", MD_INVALID, "23514", 0 },
	{ "INSERT INTO item (id, name) VALUES (9, NULL)", MD_INVALID, "23502", 0 },
	{ "INSERT INTO item (id, name) VALUES (9, 'abort')", MD_INVALID, "P0001", 0 },
	{ "INSERT INTO nowhere VALUES (1)", MD_NOT_FOUND, "42P01", 0 },
	{ "INSERT OR FAIL INTO item (id, name) VALUES (51, 'x'), (50, 'y')", MD_CONFLICT, "23505",
	  0 },
	{ roll_all_back, MD_INVALID, "P0001", 2 },
	{ "INSERT OR ROLLBACK INTO item (id, name) VALUES (50, 'taken')", MD_CONFLICT, "23505", 2 },
};

/* Each culprit has written a row before it fails, and has two neighbours on each side. */
START_TEST(a_failing_unit_does_not_touch_its_neighbours)
{
	static struct job jobs[5];
	const struct culprit *culprit = &culprits[_i];
	struct rig rig;

	set_up();
	rig_admin("INSERT INTO item (id, name) VALUES (50, 'old')");
	rig_open(&rig);
	for (unsigned i = 0; i < 5; i++)
		job_put(&jobs[i], i);
	script_add(&jobs[2].s, 0, culprit->sql, NULL, 0);
	rig_group(&rig, jobs, 5);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 2)
			EXPECT(&jobs[i], culprit->code, culprit->wire);
		else
			EXPECT(&jobs[i], MD_OK, "");
		ck_assert_uint_eq(jobs[i].order, i + 1);
		ck_assert_uint_eq(jobs[i].runs, culprit->reruns > 0 && i < 2 ? 2 : 1);
	}
	ck_assert_str_eq(rig_ask(all_ids), "0,1,3,4,50");
	ck_assert_uint_eq(rig_stats(&rig).reruns, culprit->reruns);
	ck_assert_uint_eq(rig_stats(&rig).writes, 4);
	ck_assert_uint_eq(rig_stats(&rig).commits, culprit->reruns > 0 ? 2 : 1);
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

/* The second run of 1 destroys the transaction again: 0 goes alone, 2 gets another group. */
START_TEST(a_unit_that_loses_its_transaction_twice_runs_alone)
{
	static struct job jobs[5];
	struct rig rig;

	set_up();
	rig_open(&rig);
	for (unsigned i = 0; i < 5; i++)
		job_put(&jobs[i], i);
	job_text(&jobs[1], "INSERT INTO item (id, name) VALUES (1, 'first')");
	jobs[1].later = roll_all_back;
	job_text(&jobs[3], roll_all_back);
	rig_group(&rig, jobs, 5);
	EXPECT(&jobs[0], MD_OK, "");
	EXPECT(&jobs[1], MD_INVALID, "P0001");
	EXPECT(&jobs[2], MD_OK, "");
	EXPECT(&jobs[3], MD_INVALID, "P0001");
	EXPECT(&jobs[4], MD_OK, "");
	ck_assert_uint_eq(jobs[0].runs, 3);
	ck_assert_uint_eq(jobs[2].runs, 2);
	ck_assert_uint_eq(jobs[4].runs, 1);
	ck_assert_str_eq(jobs[0].s.text, "0;"); /* the rows of the last run only */
	ck_assert_str_eq(rig_ask(all_ids), "0,2,4");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

struct canceller {
	struct md_timer timer; /* first */
	struct rig *rig;
	struct job *job;
};

/* Once it runs. */
static void cancel_it(struct md_timer *timer)
{
	struct canceller *canceller = (struct canceller *)timer;

	if (atomic_load(&canceller->job->runs) == 0)
		md_reactor_arm(canceller->rig->reactor, timer, md_now_ns() + MD_MS);
	else
		md_db_cancel(canceller->rig->loop, &canceller->job->s.unit);
}

START_TEST(cancelling_a_running_unit_spares_its_neighbours)
{
	static struct job jobs[5];
	struct canceller canceller = { .timer.due = cancel_it };
	struct rig rig;

	set_up();
	rig_open(&rig);
	for (unsigned i = 0; i < 5; i++)
		job_put(&jobs[i], i);
	job_text(&jobs[2], forever);
	canceller.rig = &rig;
	canceller.job = &jobs[2];
	md_reactor_arm(rig.reactor, &canceller.timer, md_now_ns());
	rig_group(&rig, jobs, 5);
	for (unsigned i = 0; i < 5; i++)
		if (i != 2)
			EXPECT(&jobs[i], MD_OK, "");
	EXPECT(&jobs[2], MD_CANCELLED, "57014");
	ck_assert_str_eq(rig_ask(all_ids), "0,1,3,4");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(a_waiting_unit_can_be_cancelled)
{
	static struct job jobs[3];
	struct rig rig;

	set_up();
	rig_open(&rig);
	rig_hold(&rig);
	for (unsigned i = 0; i < 3; i++) {
		job_put(&jobs[i], i);
		rig_start(&rig, &jobs[i]);
	}
	for (unsigned i = 0; i < 3; i += 2)
		md_db_cancel(rig.loop, &jobs[i].s.unit);
	ck_assert_uint_eq(jobs[0].s.done, 0); /* never inside the call */
	rig_release(&rig);
	rig_wait(&rig);
	EXPECT(&jobs[0], MD_CANCELLED, "57014");
	EXPECT(&jobs[1], MD_OK, "");
	EXPECT(&jobs[2], MD_CANCELLED, "57014");
	ck_assert_uint_eq(jobs[0].runs, 0);
	ck_assert_str_eq(rig_ask(all_ids), "1");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(waiting_ends_with_the_deadline_or_the_queue_timeout)
{
	static struct job jobs[3];
	struct md_db_options options = rig_options();
	struct rig rig;

	set_up();
	options.queue_timeout_ms = 60;
	options.write_queue = 2;
	rig_open_with(&rig, &options);
	rig_hold(&rig);
	for (unsigned i = 0; i < 3; i++)
		job_put(&jobs[i], i);
	jobs[0].s.unit.deadline_ns = md_now_ns() + 30 * MD_MS;
	for (unsigned i = 0; i < 3; i++)
		rig_start(&rig, &jobs[i]);
	rig_wait(&rig);
	EXPECT(&jobs[0], MD_TIMEOUT, "57014");
	EXPECT(&jobs[1], MD_TIMEOUT, "PGRST003");
	EXPECT(&jobs[2], MD_BUSY, "MD503"); /* the queue holds two */
	ck_assert_uint_eq(jobs[2].order, 1);
	rig_release(&rig);
	ck_assert_str_eq(rig_ask(all_ids), "-");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(a_lock_held_elsewhere_ends_what_waited_for_it)
{
	static struct job jobs[3];
	struct md_db_options options = rig_options();
	struct rig rig;

	set_up();
	options.lock_timeout_ms = 50;
	rig_open_with(&rig, &options);
	rig_hold(&rig);
	for (unsigned i = 0; i < 3; i++)
		job_put(&jobs[i], i);
	jobs[1].s.unit.alone = true;
	for (unsigned i = 0; i < 3; i++)
		rig_start(&rig, &jobs[i]);
	rig_wait(&rig);
	for (unsigned i = 0; i < 3; i++)
		EXPECT(&jobs[i], MD_BUSY, "55P03");
	rig_release(&rig);
	job_put(&jobs[0], 0);
	rig_start(&rig, &jobs[0]);
	rig_wait(&rig);
	EXPECT(&jobs[0], MD_OK, "");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

/* What done() is told must already be true for everybody. */
static void check_visible(struct rig *rig, struct script *job)
{
	char sql[80];

	(void)rig;
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM item WHERE id = %d",
		 (int)job->args[0][0].i);
	ck_assert_str_eq(rig_ask(sql), "1");
}

START_TEST(an_acknowledged_row_is_visible_to_everybody)
{
	static struct job jobs[20];
	struct rig rig;

	set_up();
	rig_open(&rig);
	rig.on_done = check_visible;
	for (unsigned i = 0; i < 20; i++) {
		job_put(&jobs[i], i);
		jobs[i].s.unit.alone = i % 7 == 3;
		rig_start(&rig, &jobs[i]);
	}
	rig_wait(&rig);
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(a_dry_run_succeeds_and_leaves_nothing)
{
	static struct job jobs[4];
	struct rig rig;

	set_up();
	rig_open(&rig);
	for (unsigned i = 0; i < 4; i++)
		job_put(&jobs[i], i);
	jobs[1].s.end = jobs[2].s.end = MD_NEXT_ROLLBACK;
	script_add(&jobs[2].s, 0, "INSERT INTO item (id, name, late_of) VALUES (9, 'x', 7)", NULL,
		   0);
	rig_group(&rig, jobs, 4);
	EXPECT(&jobs[0], MD_OK, "");
	EXPECT(&jobs[1], MD_OK, "");
	ck_assert_str_eq(jobs[1].s.text, "1;");
	EXPECT(&jobs[2], MD_CONFLICT, "23503"); /* COMMIT would have refused it */
	EXPECT(&jobs[3], MD_OK, "");
	ck_assert_str_eq(rig_ask(all_ids), "0,3");
	job_put(&jobs[0], 7);
	jobs[0].s.end = MD_NEXT_ROLLBACK;
	jobs[0].s.unit.alone = true;
	rig_start(&rig, &jobs[0]);
	rig_wait(&rig);
	EXPECT(&jobs[0], MD_OK, "");
	ck_assert_str_eq(rig_ask(all_ids), "0,3");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(a_unit_without_bound_has_a_transaction_and_a_deadline_of_its_own)
{
	static struct job jobs[5];
	struct rig rig;

	set_up();
	rig_open(&rig);
	for (unsigned i = 0; i < 5; i++)
		job_put(&jobs[i], i);
	jobs[1].s.unit.alone = true;
	job_text(&jobs[3], forever);
	jobs[3].s.unit.alone = true;
	jobs[3].s.unit.deadline_ns = md_now_ns() + 300 * MD_MS;
	rig_group(&rig, jobs, 5);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 3)
			EXPECT(&jobs[i], MD_TIMEOUT, "57014");
		else
			EXPECT(&jobs[i], MD_OK, "");
		ck_assert_uint_eq(jobs[i].order, i + 1);
	}
	ck_assert_str_eq(rig_ask(all_ids), "0,1,2,4");
	ck_assert_uint_eq(rig_stats(&rig).commits, 4);
	ck_assert_uint_eq(rig_stats(&rig).reruns, 0);
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(rows_that_nobody_reads_are_written_all_the_same)
{
	static struct job jobs[3];
	struct rig rig;

	set_up();
	rig_open(&rig);
	for (unsigned i = 0; i < 3; i++)
		job_put(&jobs[i], i);
	job_text(&jobs[1], "INSERT INTO item (id, name) VALUES (10, 'a'), (11, 'b'), (12, 'c')"
			   " RETURNING id");
	jobs[1].s.stop_after = 1;
	rig_group(&rig, jobs, 3);
	for (unsigned i = 0; i < 3; i++)
		EXPECT(&jobs[i], MD_OK, "");
	ck_assert_str_eq(jobs[1].s.text, "10;");
	ck_assert_str_eq(rig_ask(all_ids), "0,2,10,11,12");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

/* A loop of its own that writes, for the test below. */
struct other_loop {
	struct rig *rig;
	atomic_uint wanted, acknowledged;
};

static void *write_on_demand(void *arg)
{
	struct other_loop *other = arg;
	static struct job job;
	struct rig rig = { .db = other->rig->db };

	MUST(md_reactor_new(&rig.reactor, NULL) == MD_OK);
	MUST(md_db_join(rig.db, rig.reactor, &rig.loop, NULL) == MD_OK);
	for (unsigned i = 1; i <= 50; i++) {
		while (atomic_load(&other->wanted) < i)
			usleep(100);
		job_put(&job, i);
		rig_start(&rig, &job);
		rig_wait(&rig);
		MUST(job.s.code == MD_OK);
		atomic_store(&other->acknowledged, i);
	}
	md_db_leave(rig.loop);
	md_reactor_free(rig.reactor);
	return NULL;
}

struct reader_task {
	struct md_task task; /* first */
	struct other_loop *other;
	bool enough;
};

/* All in one turn of this loop, so in one snapshot but for the writes. */
static void read_and_write(struct md_task *task)
{
	struct reader_task *reader = (struct reader_task *)task;
	struct rig *rig = reader->other->rig;
	static struct job job;
	char want[16];

	for (unsigned i = 0; i <= 50; i++) {
		atomic_store(&reader->other->wanted, i);
		while (atomic_load(&reader->other->acknowledged) < i)
			usleep(100);
		job_text(&job, "SELECT count(*) FROM item");
		job.rig = rig;
		job.s.unit.tx = MD_TX_READ;
		rig->flying++;
		MUST(md_db_run(rig->loop, &job.s.unit, MD_LANE_INLINE));
		snprintf(want, sizeof(want), "%u;", i);
		ck_assert_str_eq(job.s.text, want);
	}
	reader->enough = true;
}

START_TEST(a_read_sees_what_another_loop_has_acknowledged)
{
	struct rig rig;
	struct other_loop other = { .rig = &rig };
	struct reader_task reader = { .task.run = read_and_write, .other = &other };
	pthread_t thread;

	set_up();
	rig_open(&rig);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_on_demand, &other), 0);
	md_reactor_post(rig.reactor, &reader.task);
	md_reactor_run(rig.reactor, &reader.enough);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(rig_stats(&rig).snapshot_renewals, 50);
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(everything_can_be_cancelled_before_the_end)
{
	static struct job jobs[40];
	struct rig rig;

	set_up();
	rig_open(&rig);
	job_text(&jobs[0], forever);
	for (unsigned i = 1; i < 40; i++)
		job_put(&jobs[i], i);
	for (unsigned i = 0; i < 40; i++)
		rig_start(&rig, &jobs[i]);
	while (atomic_load(&jobs[0].runs) == 0)
		usleep(100);
	/* The one that keeps the others waiting goes last. */
	for (unsigned i = 40; i-- > 0;)
		md_db_cancel(rig.loop, &jobs[i].s.unit);
	rig_wait(&rig);
	for (unsigned i = 0; i < 40; i++)
		EXPECT(&jobs[i], MD_CANCELLED, "57014");
	rig_close(&rig);
	ck_assert_str_eq(rig_ask(all_ids), "-");
	rig_remove_folder();
}
END_TEST

START_TEST(writes_go_to_the_file_that_took_the_place_of_the_old_one)
{
	static struct job jobs[2];
	char new_path[96];
	struct rig rig;

	set_up();
	rig_open(&rig);
	job_put(&jobs[0], 0);
	rig_start(&rig, &jobs[0]);
	rig_wait(&rig);
	snprintf(new_path, sizeof(new_path), "%s.new", rig_path);
	ck_assert_int_eq(rename(rig_path, new_path), 0);
	job_put(&jobs[1], 1);
	rig_start(&rig, &jobs[1]);
	rig_wait(&rig);
	EXPECT(&jobs[1], MD_UNAVAILABLE, "PGRST000");
	rig_admin(schema);
	job_put(&jobs[1], 2);
	rig_start(&rig, &jobs[1]);
	rig_wait(&rig);
	EXPECT(&jobs[1], MD_OK, "");
	ck_assert_str_eq(rig_ask(all_ids), "2");
	unlink(new_path);
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

START_TEST(a_file_that_cannot_be_written_says_so)
{
	static struct job jobs[2];
	struct rig rig;

	if (geteuid() == 0)
		return; /* nothing is forbidden to root */
	set_up();
	rig_admin("PRAGMA journal_mode = DELETE");
	ck_assert_int_eq(chmod(rig_path, 0400), 0);
	rig_open(&rig);
	for (unsigned i = 0; i < 2; i++)
		job_put(&jobs[i], i);
	for (unsigned i = 0; i < 2; i++)
		rig_start(&rig, &jobs[i]);
	rig_wait(&rig);
	for (unsigned i = 0; i < 2; i++)
		EXPECT(&jobs[i], MD_INVALID, "25006");
	rig_close(&rig);
	rig_remove_folder();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		many_units_share_few_commits,
		a_unit_that_loses_its_transaction_twice_runs_alone,
		cancelling_a_running_unit_spares_its_neighbours,
		a_waiting_unit_can_be_cancelled,
		waiting_ends_with_the_deadline_or_the_queue_timeout,
		a_lock_held_elsewhere_ends_what_waited_for_it,
		an_acknowledged_row_is_visible_to_everybody,
		a_dry_run_succeeds_and_leaves_nothing,
		a_unit_without_bound_has_a_transaction_and_a_deadline_of_its_own,
		rows_that_nobody_reads_are_written_all_the_same,
		a_read_sees_what_another_loop_has_acknowledged,
		everything_can_be_cancelled_before_the_end,
		writes_go_to_the_file_that_took_the_place_of_the_old_one,
		a_file_that_cannot_be_written_says_so,
	};
	Suite *suite = suite_create("writer");
	TCase *tcase = tcase_create("writer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_failing_unit_does_not_touch_its_neighbours, 0,
			    sizeof(culprits) / sizeof(culprits[0]));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
