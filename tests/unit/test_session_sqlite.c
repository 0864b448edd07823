/* Sessions over SQLite: one writer, which a session borrows. */
#include <sqlite3.h>
#include <unistd.h>

#include "tests/unit/session_rig.h"

static char path[64], url[80];

static sqlite3 *open_beside(void)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static const char *rig_ask(const char *sql)
{
	static char answer[256];
	sqlite3 *db = open_beside();
	sqlite3_stmt *stmt;

	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	snprintf(answer, sizeof(answer), "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}

static void rig_admin(const char *sql)
{
	sqlite3 *db = open_beside();

	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void remove_files(void)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	char name[80];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
}

static const char *set_up(void)
{
	remove_files();
	rig_admin("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);"
		  "CREATE TABLE child (id INTEGER PRIMARY KEY, t_id INTEGER REFERENCES t"
		  " DEFERRABLE INITIALLY DEFERRED);"
		  "CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.name = 'rollback'"
		  " BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END");
	return url;
}

START_TEST(other_writes_wait_until_the_session_ends)
{
	struct step beside;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "SELECT count(*) FROM t", false, "0;");
	start_beside(&rig, &beside, "INSERT INTO t VALUES (1, 'beside') RETURNING id");
	wait_for(&rig, &beside); /* reading holds up nobody */
	roll_back(&rig);
	expect(&rig, "INSERT INTO t VALUES (2, 'session') RETURNING id", true, "2;");
	start_beside(&rig, &beside, "INSERT INTO t VALUES (3, 'beside') RETURNING id");
	rig_turn(&rig, 100);
	ck_assert_uint_eq(beside.s.done, 0);
	ck_assert_int_eq(commit(&rig), MD_OK);
	wait_for(&rig, &beside);
	ck_assert_int_eq(beside.s.code, MD_OK);
	ck_assert_str_eq(rig_ask("SELECT sum(id) FROM t"), "6");
	rig_close(&rig);
}
END_TEST

START_TEST(what_was_read_has_changed_before_the_first_write)
{
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "SELECT count(*) FROM t", false, "0;");
	rig_admin("INSERT INTO t VALUES (1, 'other')");
	expect(&rig, "SELECT count(*) FROM t", false, "0;");
	ck_assert_int_eq(in_session(&rig, &step, "INSERT INTO t VALUES (2, 'x')", true), MD_BUSY);
	ck_assert_str_eq(step.s.unit.error.wire, "40001");
	expect(&rig, "SELECT count(*) FROM t", false, "0;");
	roll_back(&rig);
	expect(&rig, "INSERT INTO t VALUES (2, 'x') RETURNING id", true, "2;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	rig_close(&rig);
}
END_TEST

START_TEST(a_failure_that_undoes_all_loses_the_session)
{
	struct step step, beside;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	ck_assert_int_eq(in_session(&rig, &step, "INSERT INTO t VALUES (2, 'rollback')", true),
			 MD_INVALID);
	ck_assert(md_session_is_lost(rig.session));
	start_beside(&rig, &beside, "INSERT INTO t VALUES (3, 'beside') RETURNING id");
	wait_for(&rig, &beside); /* the writer is free again */
	ck_assert_int_eq(in_session(&rig, &step, "SELECT 1", false), MD_NOT_FOUND);
	ck_assert_str_eq(step.s.unit.error.wire, "MD410");
	ck_assert_int_eq(commit(&rig), MD_NOT_FOUND);
	ck_assert_str_eq(rig_ask("SELECT sum(id) FROM t"), "3");
	expect(&rig, "INSERT INTO t VALUES (4, 'b') RETURNING id", true, "4;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	rig_close(&rig);
}
END_TEST

START_TEST(who_waits_for_the_writer_can_be_cancelled_or_is_too_late)
{
	const struct md_session_options how = { .writes = false };
	struct md_session *first;
	struct step step;
	struct md_error err;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	first = rig.session;
	ck_assert_int_eq(md_session_open(rig.loop, &how, &rig.session, &err), MD_OK);
	step_init(&rig, &step, "INSERT INTO t VALUES (2, 'b') RETURNING id", true);
	md_session_run(rig.session, &step.s.unit);
	rig_turn(&rig, 100);
	ck_assert_uint_eq(step.s.done, 0);
	md_session_cancel(rig.session, &step.s.unit);
	wait_for(&rig, &step);
	ck_assert_int_eq(step.s.code, MD_CANCELLED);
	step_init(&rig, &step, "INSERT INTO t VALUES (2, 'b') RETURNING id", true);
	step.s.unit.deadline_ns = md_now_ns() + 200 * MD_MS;
	md_session_run(rig.session, &step.s.unit);
	wait_for(&rig, &step);
	ck_assert_int_eq(step.s.code, MD_TIMEOUT);
	md_session_close(first);
	expect(&rig, "INSERT INTO t VALUES (2, 'b') RETURNING id", true, "2;");
	rig_close(&rig);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("session_sqlite");
	int rc;

	snprintf(path, sizeof(path), "/tmp/md-session-%d.db", (int)getpid());
	snprintf(url, sizeof(url), "sqlite:///%s", path);
	add_common(tcase);
	tcase_add_test(tcase, other_writes_wait_until_the_session_ends);
	tcase_add_test(tcase, what_was_read_has_changed_before_the_first_write);
	tcase_add_test(tcase, a_failure_that_undoes_all_loses_the_session);
	tcase_add_test(tcase, who_waits_for_the_writer_can_be_cancelled_or_is_too_late);
	rc = run_suite(tcase, "session_sqlite");
	remove_files();
	return rc;
}
