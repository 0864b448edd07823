/* The lanes of an engine with connections, on a PostgreSQL server of the test's own. */
#include "tests/unit/lanes_rig.h"

/* --- lanes --- */

START_TEST(units_of_every_lane_run)
{
	struct rig rig;

	pg_admin("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, n int)");
	rig_open(&rig);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	expect(&rig, "SELECT 2", MD_LANE_OWN, "2;");
	expect(&rig, "INSERT INTO t VALUES (1, 1) RETURNING id", MD_LANE_WRITE, "1;");
	ck_assert_int_eq(run(&rig, &jobs[0], "UPDATE t SET n = 2 RETURNING n", MD_TX_IMPLICIT,
			     MD_LANE_WRITE),
			 MD_OK);
	ck_assert_str_eq(jobs[0].s.text, "2;");
	ck_assert_str_eq(pg_admin("SELECT n FROM t"), "2");
	ck_assert_int_eq(
		run(&rig, &jobs[0], "SELECT 1 FROM nowhere", MD_TX_IMPLICIT, MD_LANE_INLINE),
		MD_NOT_FOUND);
	ck_assert_str_eq(jobs[0].s.unit.error.wire, "42P01");
	rig_close(&rig);
}
END_TEST

START_TEST(a_read_cannot_write_on_any_lane)
{
	static const enum md_lane lanes[] = { MD_LANE_INLINE, MD_LANE_OWN };
	struct rig rig;

	pg_admin("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY)");
	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_ne(run(&rig, &jobs[0], "INSERT INTO t VALUES (1) RETURNING id",
				     MD_TX_IMPLICIT, lanes[i]),
				 MD_OK);
		ck_assert_str_eq(jobs[0].s.unit.error.wire, "25006");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(short_reads_share_one_connection)
{
	struct rig rig;
	char pid[16];

	rig_open(&rig);
	expect(&rig, "SELECT pg_backend_pid()", MD_LANE_INLINE, jobs[0].s.text);
	snprintf(pid, sizeof(pid), "%.15s", jobs[0].s.text);
	for (unsigned i = 0; i < 60; i++)
		start(&rig, &jobs[i], "SELECT pg_backend_pid()", MD_TX_IMPLICIT, MD_LANE_INLINE);
	wait_all(&rig);
	for (unsigned i = 0; i < 60; i++)
		ck_assert_str_eq(jobs[i].s.text, pid);
	ck_assert_uint_eq(pool_of(&rig).in_use + pool_of(&rig).idle, 0);
	rig_close(&rig);
}
END_TEST

/* The head of the line takes 300 ms; what comes after 2 ms of that goes to a session. */
START_TEST(a_stalled_fast_lane_spills)
{
	struct rig rig;

	rig_open(&rig);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	start(&rig, &jobs[0], "SELECT pg_sleep(0.3)", MD_TX_IMPLICIT, MD_LANE_INLINE);
	start(&rig, &jobs[1], "SELECT 'behind'", MD_TX_IMPLICIT, MD_LANE_INLINE);
	idle(&rig, 20);
	start(&rig, &jobs[2], "SELECT 'spilled'", MD_TX_IMPLICIT, MD_LANE_INLINE);
	wait_all(&rig);
	ck_assert_str_eq(jobs[2].s.text, "spilled;");
	ck_assert_uint_lt(jobs[2].ended_ns, jobs[0].ended_ns);
	ck_assert_uint_gt(jobs[1].ended_ns, jobs[0].ended_ns);
	ck_assert_uint_eq(pool_of(&rig).idle, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(a_slow_fast_read_begins_again_on_a_session)
{
	struct rig rig;

	rig_open(&rig);
	expect(&rig, "SELECT pg_sleep(1.3)", MD_LANE_INLINE, ";");
	ck_assert(jobs[0].s.unit.slow);
	ck_assert_uint_eq(jobs[0].resets, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(a_fast_read_that_pauses_begins_again_and_streams)
{
	struct rig rig;

	rig_open(&rig);
	memset(&jobs[0], 0, sizeof(jobs[0]));
	script_init(&jobs[0].s, MD_TX_IMPLICIT);
	script_add(&jobs[0].s, md_stmt_next_id(), "SELECT i FROM generate_series(1, 100) i", NULL,
		   0);
	jobs[0].s.unit.ops = &job_ops;
	jobs[0].s.pause_after = 30;
	jobs[0].rig = &rig;
	rig.flying = 1;
	rig.idle = false;
	md_db_run(rig.loop, &jobs[0].s.unit, MD_LANE_INLINE);
	wait_all(&rig);
	ck_assert_int_eq(jobs[0].s.code, MD_OK);
	ck_assert_uint_eq(jobs[0].s.rows, 100);
	ck_assert_uint_eq(jobs[0].resets, 1);
	ck_assert(jobs[0].s.unit.slow);
	rig_close(&rig);
}
END_TEST

START_TEST(a_fast_write_that_meets_a_lock_begins_again_and_waits)
{
	struct rig rig;
	PGconn *other;

	pg_admin("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, n int);"
		 "INSERT INTO t VALUES (1, 1)");
	rig_open(&rig);
	other = PQconnectdb(pg_url);
	PQclear(PQexec(other, "BEGIN; UPDATE t SET n = 5"));
	start(&rig, &jobs[0], "UPDATE t SET n = n + 1 RETURNING n", MD_TX_IMPLICIT, MD_LANE_WRITE);
	idle(&rig, 300);
	ck_assert_uint_eq(jobs[0].s.done, 0);
	PQclear(PQexec(other, "COMMIT"));
	PQfinish(other);
	wait_all(&rig);
	ck_assert_int_eq(jobs[0].s.code, MD_OK);
	ck_assert_str_eq(jobs[0].s.text, "6;");
	ck_assert_uint_eq(jobs[0].resets, 1);
	ck_assert(!jobs[0].s.unit.slow);
	rig_close(&rig);
}
END_TEST

START_TEST(a_lock_that_stays_is_busy)
{
	struct rig rig;
	struct md_db_options o = options(&rig);
	PGconn *other;

	pg_admin("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, n int);"
		 "INSERT INTO t VALUES (1, 1)");
	o.lock_timeout_ms = 200;
	rig_open_with(&rig, &o);
	other = PQconnectdb(pg_url);
	PQclear(PQexec(other, "BEGIN; UPDATE t SET n = 5"));
	ck_assert_int_eq(
		run(&rig, &jobs[0], "UPDATE t SET n = n + 1", MD_TX_IMPLICIT, MD_LANE_WRITE),
		MD_BUSY);
	ck_assert_str_eq(jobs[0].s.unit.error.wire, "55P03");
	PQfinish(other);
	rig_close(&rig);
}
END_TEST

START_TEST(units_run_as_the_role)
{
	struct rig rig;
	struct md_db_options o = options(&rig);

	pg_admin("DROP ROLE IF EXISTS \"o'neil\"; CREATE ROLE \"o'neil\"");
	o.role = "o'neil";
	rig_open_with(&rig, &o);
	for (int i = 0; i < 3; i++) { /* as text, then by name */
		expect(&rig, "SELECT current_user", MD_LANE_INLINE, "o'neil;");
		expect(&rig, "SELECT current_user", MD_LANE_OWN, "o'neil;");
		expect(&rig, "SELECT current_user", MD_LANE_WRITE, "o'neil;");
	}
	expect(&rig, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%role%'",
	       MD_LANE_INLINE, "1;");
	expect(&rig, "DEALLOCATE ALL", MD_LANE_INLINE, "");
	expect(&rig, "SELECT current_user", MD_LANE_INLINE, "o'neil;"); /* forgotten: again */
	expect(&rig, "SELECT current_user", MD_LANE_INLINE, "o'neil;");
	rig_close(&rig);
}
END_TEST

START_TEST(a_role_that_is_not_there_stops_the_start)
{
	struct rig rig;
	struct md_db_options o = options(&rig);
	struct md_error err = { 0 };

	o.role = "nobody";
	ck_assert_int_eq(rig_try(&rig, &o, &err), MD_INVALID);
	ck_assert_msg(strstr(err.message, "nobody") != NULL, "%s", err.message);
}
END_TEST

START_TEST(settings_of_the_session_are_made)
{
	static const char *const path[] = { "api\"x", "o'path" };
	struct rig rig;
	struct md_db_options o = options(&rig);

	o.search_path = path;
	o.search_path_count = 2;
	rig_open_with(&rig, &o);
	expect(&rig, "SHOW search_path", MD_LANE_INLINE, "\"api\"\"x\", \"o'path\";");
	expect(&rig, "SHOW search_path", MD_LANE_OWN, "\"api\"\"x\", \"o'path\";");
	expect(&rig, "SHOW statement_timeout", MD_LANE_INLINE, "1s;");
	expect(&rig, "SHOW statement_timeout", MD_LANE_OWN, "15s;");
	expect(&rig, "SHOW lock_timeout", MD_LANE_WRITE, "5s;");
	ck_assert_int_eq(run(&rig, &jobs[0], "SHOW lock_timeout", MD_TX_IMPLICIT, MD_LANE_WRITE),
			 MD_OK);
	ck_assert_str_eq(jobs[0].s.text, "50ms;");
	expect(&rig, "SHOW default_transaction_read_only", MD_LANE_INLINE, "on;");
	rig_close(&rig);
}
END_TEST

START_TEST(without_names_nothing_is_prepared)
{
	struct rig rig;
	struct md_db_options o = options(&rig);
	unsigned long stmt_id = md_stmt_next_id();

	for (int unprepared = 0; unprepared < 2; unprepared++) {
		o.unprepared = unprepared == 1;
		rig_open_with(&rig, &o);
		for (int i = 0; i < 5; i++) {
			rig.stmt_id = stmt_id;
			expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
			rig.stmt_id = 0;
			start(&rig, &jobs[0], "SELECT count(*) FROM pg_prepared_statements",
			      MD_TX_IMPLICIT, MD_LANE_INLINE);
			wait_all(&rig);
		}
		ck_assert_int_eq(strcmp(jobs[0].s.text, "0;") == 0, o.unprepared);
		rig_close(&rig);
	}
}
END_TEST

/* --- the pool --- */

START_TEST(an_exhausted_pool_times_out_in_sqlalchemys_words)
{
	struct rig rig;
	struct md_db_options o = options(&rig);

	o.pool_size = 1;
	o.max_overflow = 1;
	o.queue_timeout_ms = 200;
	rig_open_with(&rig, &o);
	for (int i = 0; i < 4; i++)
		start(&rig, &jobs[i], "SELECT pg_sleep(0.6)", MD_TX_IMPLICIT, MD_LANE_INLINE);
	wait_all(&rig);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(jobs[i].s.code, MD_OK);
	for (int i = 2; i < 4; i++) {
		ck_assert_int_eq(jobs[i].s.code, MD_TIMEOUT);
		ck_assert_str_eq(jobs[i].s.unit.error.wire, "PGRST003");
		ck_assert_str_eq(jobs[i].s.unit.error.details,
				 "QueuePool limit of size 1 overflow 1 reached, connection timed "
				 "out, timeout 0.20");
	}
	ck_assert_uint_eq(pool_of(&rig).timeouts, 2);
	ck_assert_uint_eq(pool_of(&rig).idle, 1); /* the other one was overflow */
	rig_close(&rig);
}
END_TEST

START_TEST(a_unit_that_waits_can_be_cancelled)
{
	struct rig rig;
	struct md_db_options o = options(&rig);

	o.pool_size = 1;
	o.max_overflow = 0;
	rig_open_with(&rig, &o);
	start(&rig, &jobs[0], "SELECT pg_sleep(0.3)", MD_TX_IMPLICIT, MD_LANE_OWN);
	start(&rig, &jobs[1], "SELECT 1", MD_TX_IMPLICIT, MD_LANE_OWN);
	start(&rig, &jobs[2], "SELECT 2", MD_TX_IMPLICIT, MD_LANE_OWN);
	idle(&rig, 100);
	md_db_cancel(rig.loop, &jobs[1].s.unit);
	ck_assert_uint_eq(jobs[1].s.done, 0); /* not from inside */
	wait_all(&rig);
	ck_assert_int_eq(jobs[1].s.code, MD_CANCELLED);
	ck_assert_int_eq(jobs[0].s.code, MD_OK);
	ck_assert_int_eq(jobs[2].s.code, MD_OK);
	rig_close(&rig);
}
END_TEST

START_TEST(a_running_unit_can_be_cancelled_and_its_session_lives)
{
	struct rig rig;

	rig_open(&rig);
	start(&rig, &jobs[0], "SELECT pg_sleep(30)", MD_TX_IMPLICIT, MD_LANE_OWN);
	idle(&rig, 100);
	md_db_cancel(rig.loop, &jobs[0].s.unit);
	wait_all(&rig);
	ck_assert_int_eq(jobs[0].s.code, MD_CANCELLED);
	idle(&rig, 200);
	ck_assert_uint_eq(pool_of(&rig).idle, 1);
	ck_assert_uint_eq(pool_of(&rig).invalidated, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(old_connections_are_replaced)
{
	struct rig rig;
	struct md_db_options o = options(&rig);
	char pid[16];

	o.pool_recycle_ms = 200;
	rig_open_with(&rig, &o);
	expect(&rig, "SELECT pg_backend_pid()", MD_LANE_OWN, jobs[0].s.text);
	snprintf(pid, sizeof(pid), "%.15s", jobs[0].s.text);
	idle(&rig, 300);
	expect(&rig, "SELECT pg_backend_pid()", MD_LANE_OWN, jobs[0].s.text);
	ck_assert_str_ne(jobs[0].s.text, pid);
	ck_assert_uint_ge(pool_of(&rig).recycled, 1);
	ck_assert_uint_eq(pool_of(&rig).idle, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(idle_connections_are_closed)
{
	struct rig rig;
	struct md_db_options o = options(&rig);

	o.pool_idle_ms = 100;
	rig_open_with(&rig, &o);
	expect(&rig, "SELECT 1", MD_LANE_OWN, "1;");
	ck_assert_uint_eq(pool_of(&rig).idle, 1);
	idle(&rig, 2200);
	ck_assert_uint_eq(pool_of(&rig).idle, 0);
	ck_assert_uint_eq(pool_of(&rig).in_use, 0);
	rig_close(&rig);
}
END_TEST

/* --- faults --- */

START_TEST(reads_of_killed_sessions_begin_again)
{
	struct rig rig;

	rig_open(&rig);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	start(&rig, &jobs[0], "SELECT pg_sleep(0.5)", MD_TX_IMPLICIT, MD_LANE_INLINE);
	start(&rig, &jobs[1], "SELECT 'x', pg_sleep(0.5)", MD_TX_IMPLICIT, MD_LANE_OWN);
	idle(&rig, 100);
	pg_admin(PG_KILL_OTHERS);
	wait_all(&rig);
	ck_assert_int_eq(jobs[0].s.code, MD_OK);
	ck_assert_int_eq(jobs[1].s.code, MD_OK);
	ck_assert_str_eq(jobs[1].s.text, "x,;");
	ck_assert_uint_eq(pool_of(&rig).reruns, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(writes_of_killed_sessions_never_begin_again)
{
	struct rig rig;

	pg_admin("DROP TABLE IF EXISTS t; CREATE TABLE t (id serial, n int)");
	rig_open(&rig);
	start(&rig, &jobs[0], "INSERT INTO t (n) SELECT 1 FROM pg_sleep(0.5)", MD_TX_IMPLICIT,
	      MD_LANE_WRITE);
	start(&rig, &jobs[1], "INSERT INTO t (n) SELECT 2 FROM pg_sleep(0.5)", MD_TX_WRITE,
	      MD_LANE_WRITE);
	idle(&rig, 100);
	pg_admin(PG_KILL_OTHERS);
	wait_all(&rig);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(jobs[i].s.code, MD_UNAVAILABLE);
		ck_assert_uint_eq(jobs[i].resets, 0);
	}
	idle(&rig, 700);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM t"), "0");
	expect(&rig, "INSERT INTO t (n) VALUES (3) RETURNING n", MD_LANE_WRITE, "3;");
	rig_close(&rig);
}
END_TEST

START_TEST(a_write_killed_at_its_commit_is_uncertain)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_WRITE };
	struct rig rig;

	pg_admin("DROP TABLE IF EXISTS late; CREATE TABLE late (id int);"
		 "CREATE OR REPLACE FUNCTION be_late() RETURNS trigger LANGUAGE plpgsql AS"
		 " 'BEGIN PERFORM pg_sleep(0.8); RETURN NULL; END';"
		 "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED"
		 " FOR EACH ROW EXECUTE FUNCTION be_late()");
	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		start(&rig, &jobs[0], "INSERT INTO late VALUES (1) RETURNING id", kinds[i],
		      MD_LANE_WRITE);
		idle(&rig, 300);
		pg_admin(PG_KILL_OTHERS);
		wait_all(&rig);
		ck_assert_int_eq(jobs[0].s.code, MD_UNCERTAIN);
		ck_assert_uint_eq(jobs[0].resets, 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(idle_sessions_that_were_killed_are_not_used)
{
	struct rig rig;

	rig_open(&rig);
	for (int i = 0; i < 3; i++)
		start(&rig, &jobs[i], "SELECT pg_sleep(0.1)", MD_TX_IMPLICIT, MD_LANE_OWN);
	wait_all(&rig);
	ck_assert_uint_eq(pool_of(&rig).idle, 3);
	pg_admin(PG_KILL_OTHERS);
	for (int i = 0; i < 3; i++)
		expect(&rig, "SELECT 1", MD_LANE_WRITE, "1;");
	idle(&rig, 50);
	ck_assert_uint_eq(pool_of(&rig).in_use, 0);
	ck_assert_uint_ge(pool_of(&rig).invalidated, 1);
	rig_close(&rig);
}
END_TEST

/* The loop does not hear of the end of a frozen machine; the question before the use does. */
START_TEST(a_session_idle_for_long_is_asked_before_a_write)
{
	struct rig rig;
	char pid[32];
	int session;

	rig_open(&rig);
	expect(&rig, "SELECT pg_backend_pid()", MD_LANE_OWN, jobs[0].s.text);
	snprintf(pid, sizeof(pid), "%.15s", jobs[0].s.text);
	session = atoi(pid);
	idle(&rig, 1200);
	kill(session, SIGSTOP);
	ck_assert_int_eq(run(&rig, &jobs[0], "SELECT pg_backend_pid()", MD_TX_WRITE, MD_LANE_WRITE),
			 MD_OK);
	ck_assert_str_ne(jobs[0].s.text, pid);
	kill(session, SIGCONT);
	rig_close(&rig);
}
END_TEST

START_TEST(a_restarted_server_serves_within_a_second)
{
	struct rig rig;
	uint64_t back_ns;

	rig_open(&rig);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	expect(&rig, "SELECT 1", MD_LANE_OWN, "1;");
	pg_ctl("stop -m fast");
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(run(&rig, &jobs[0], "SELECT 1", MD_TX_IMPLICIT,
				     i % 2 ? MD_LANE_OWN : MD_LANE_INLINE),
				 MD_UNAVAILABLE);
		ck_assert_str_eq(jobs[0].s.unit.error.wire, "PGRST000");
	}
	ck_assert_uint_eq(rig.errors, 1); /* one line, not six */
	pg_ctl("start");
	back_ns = md_now_ns();
	while (run(&rig, &jobs[0], "SELECT 1", MD_TX_IMPLICIT, MD_LANE_INLINE) != MD_OK)
		continue;
	ck_assert_uint_le(md_now_ns() - back_ns, MD_SEC);
	expect(&rig, "SELECT 1", MD_LANE_OWN, "1;");
	expect(&rig, "SELECT 1", MD_LANE_WRITE, "1;");
	rig_close(&rig);
}
END_TEST

START_TEST(a_server_that_returns_is_noticed_without_requests)
{
	struct rig rig;
	struct md_db_stats stats;

	rig_open(&rig);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	pg_ctl("stop -m fast");
	idle(&rig, 500);
	md_db_stats(rig.db, &stats);
	ck_assert(!stats.alive);
	pg_ctl("start");
	idle(&rig, 6000);
	md_db_stats(rig.db, &stats);
	ck_assert(stats.alive);
	rig_close(&rig);
}
END_TEST

/* As a machine that hangs: reads end at their deadline, writes soon after, and when it is back they
 * work again. */
START_TEST(a_frozen_server_ends_in_deadlines)
{
	struct rig rig;
	uint64_t start_ns;

	rig_open(&rig);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	ck_assert_int_eq(run(&rig, &jobs[1], "SELECT 1", MD_TX_IMPLICIT, MD_LANE_WRITE), MD_OK);
	pg_signal(SIGSTOP);
	start_ns = md_now_ns();
	for (int i = 0; i < 8; i++) {
		static const enum md_lane lanes[] = { MD_LANE_INLINE, MD_LANE_OWN, MD_LANE_WRITE,
						      MD_LANE_WRITE };

		rig.deadline_ns = start_ns + 500 * MD_MS;
		start(&rig, &jobs[i], "SELECT 1", i % 4 == 3 ? MD_TX_WRITE : MD_TX_IMPLICIT,
		      lanes[i % 4]);
	}
	idle(&rig, 100);
	wait_all(&rig);
	ck_assert_uint_le(md_now_ns() - start_ns, 16 * MD_SEC);
	for (int i = 0; i < 8; i++)
		ck_assert_int_ne(jobs[i].s.code, MD_OK);
	for (int i = 0; i < 8; i += 4) { /* reads: one was sent, one had no session yet */
		ck_assert_str_eq(jobs[i].s.unit.error.wire, "MD504");
		ck_assert_str_eq(jobs[i + 1].s.unit.error.wire, "PGRST003");
	}
	pg_signal(SIGCONT);
	rig.deadline_ns = 0;
	start_ns = md_now_ns();
	while (run(&rig, &jobs[0], "SELECT 1", MD_TX_IMPLICIT, MD_LANE_INLINE) != MD_OK)
		continue;
	ck_assert_uint_le(md_now_ns() - start_ns, MD_SEC);
	rig_close(&rig);
}
END_TEST

/* The server of the test takes 50. */
START_TEST(a_server_that_is_full_refuses_those_beyond_only)
{
	struct rig rig;
	struct md_db_options o = options(&rig);
	unsigned served = 0;

	o.pool_size = 0;
	rig_open_with(&rig, &o);
	expect(&rig, "SELECT 1", MD_LANE_INLINE, "1;");
	for (int i = 0; i < 70; i++)
		start(&rig, &jobs[i], "SELECT pg_sleep(1)", MD_TX_IMPLICIT, MD_LANE_OWN);
	start(&rig, &jobs[70], "SELECT 'short'", MD_TX_IMPLICIT, MD_LANE_INLINE);
	wait_all(&rig);
	for (int i = 0; i < 70; i++) {
		served += jobs[i].s.code == MD_OK;
		if (jobs[i].s.code != MD_OK)
			ck_assert_str_eq(jobs[i].s.unit.error.wire, "PGRST000");
	}
	ck_assert_uint_ge(served, 30);
	ck_assert_uint_lt(served, 70);
	ck_assert_str_eq(jobs[70].s.text, "short;");
	ck_assert_uint_eq(rig.errors, 1); /* not down */
	rig_close(&rig);
}
END_TEST

START_TEST(a_server_that_is_not_there_stops_the_start)
{
	struct rig rig;
	struct md_db_options o = options(&rig);
	struct md_error err = { 0 };

	o.url = "postgresql://test@127.0.0.1:1/postgres";
	ck_assert_int_eq(rig_try(&rig, &o, &err), MD_UNAVAILABLE);
	ck_assert_str_eq(err.wire, "08001");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lanes on PostgreSQL");
	TCase *tcase = tcase_create("lanes on PostgreSQL");
	SRunner *runner;
	int failed;

	if (!pg_start())
		return EXIT_FAILURE;
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, units_of_every_lane_run);
	tcase_add_test(tcase, a_read_cannot_write_on_any_lane);
	tcase_add_test(tcase, short_reads_share_one_connection);
	tcase_add_test(tcase, a_stalled_fast_lane_spills);
	tcase_add_test(tcase, a_slow_fast_read_begins_again_on_a_session);
	tcase_add_test(tcase, a_fast_read_that_pauses_begins_again_and_streams);
	tcase_add_test(tcase, a_fast_write_that_meets_a_lock_begins_again_and_waits);
	tcase_add_test(tcase, a_lock_that_stays_is_busy);
	tcase_add_test(tcase, units_run_as_the_role);
	tcase_add_test(tcase, a_role_that_is_not_there_stops_the_start);
	tcase_add_test(tcase, settings_of_the_session_are_made);
	tcase_add_test(tcase, without_names_nothing_is_prepared);
	tcase_add_test(tcase, an_exhausted_pool_times_out_in_sqlalchemys_words);
	tcase_add_test(tcase, a_unit_that_waits_can_be_cancelled);
	tcase_add_test(tcase, a_running_unit_can_be_cancelled_and_its_session_lives);
	tcase_add_test(tcase, old_connections_are_replaced);
	tcase_add_test(tcase, idle_connections_are_closed);
	tcase_add_test(tcase, reads_of_killed_sessions_begin_again);
	tcase_add_test(tcase, writes_of_killed_sessions_never_begin_again);
	tcase_add_test(tcase, a_write_killed_at_its_commit_is_uncertain);
	tcase_add_test(tcase, idle_sessions_that_were_killed_are_not_used);
	tcase_add_test(tcase, a_session_idle_for_long_is_asked_before_a_write);
	tcase_add_test(tcase, a_restarted_server_serves_within_a_second);
	tcase_add_test(tcase, a_server_that_returns_is_noticed_without_requests);
	tcase_add_test(tcase, a_frozen_server_ends_in_deadlines);
	tcase_add_test(tcase, a_server_that_is_full_refuses_those_beyond_only);
	tcase_add_test(tcase, a_server_that_is_not_there_stops_the_start);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
