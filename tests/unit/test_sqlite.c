#include "core/db/driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"

#include "tests/support/folder.h"
#include "tests/support/script.h"
#include "tests/support/suite.h"

static char lines[4096];

static void note_line(void *ctx, enum md_log_level level, const char *text)
{
	size_t len = strlen(lines);

	(void)ctx;
	snprintf(lines + len, sizeof(lines) - len, "%d %s\n", (int)level, text);
}

static const struct md_log test_log = { .write = note_line, .level = MD_LOG_DEBUG };

static enum md_code open_url(const char *url, bool read_only, struct md_conn **ret_conn,
			     struct md_error *err)
{
	struct md_conn_target target = { .url = url, .read_only = read_only, .log = &test_log };

	md_error_clear(err);
	target.lock_timeout_ms = 50;
	target.statement_cache = 8;
	return md_sqlite_driver.connect(&target, ret_conn, err);
}

static struct md_conn *open_file(const char *name, bool read_only)
{
	char url[160];
	struct md_conn *conn = NULL;
	struct md_error err;

	snprintf(url, sizeof(url), "sqlite:///%s", file_at(name));
	ck_assert_msg(open_url(url, read_only, &conn, &err) == MD_OK, "%s", err.message);
	return conn;
}

static struct md_conn *new_file(const char *name)
{
	write_file(name, "");
	return open_file(name, false);
}

static struct md_conn *open_memory(void)
{
	struct md_conn *conn = NULL;
	struct md_error err;

	ck_assert_int_eq(open_url("sqlite://", false, &conn, &err), MD_OK);
	return conn;
}

static void command(struct md_conn *conn, const char *sql)
{
	struct md_error err;

	md_error_clear(&err);
	ck_assert_msg(conn->driver->command(conn, sql, &err) == MD_OK, "%s", err.message);
}

static void fails(const char *url, enum md_code code, const char *text)
{
	struct md_conn *conn = NULL;
	struct md_error err;

	ck_assert_msg(open_url(url, false, &conn, &err) == code, "%s: %d", url, (int)err.code);
	ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
	ck_assert_str_ne(err.hint, "");
	ck_assert_ptr_null(conn);
}

static void fails_at(const char *name, enum md_code code, const char *text)
{
	char url[160];

	snprintf(url, sizeof(url), "sqlite:///%s", file_at(name));
	fails(url, code, text);
}

static void gives(struct md_conn *conn, const char *sql, const char *text)
{
	struct script s;

	script_one(&s, conn, MD_TX_READ, sql);
	ck_assert_msg(s.code == MD_OK, "%s: %s", sql, s.unit.error.message);
	ck_assert_str_eq(s.text, text);
}

static void refuses(struct md_conn *conn, enum md_tx tx, const char *sql, const char *wire)
{
	struct script s;

	ck_assert_msg(script_one(&s, conn, tx, sql) != MD_OK, "%s", sql);
	ck_assert_uint_eq(s.done, 1);
	ck_assert_int_eq(s.unit.error.code, s.code);
	ck_assert_msg(strcmp(s.unit.error.wire, wire) == 0, "%s: %s %s", sql, s.unit.error.wire,
		      s.unit.error.message);
}

/* The leak checker, which runs last, must be allowed to look at the process. */
static void as_root(void)
{
	if (seteuid(0) == 0)
		prctl(PR_SET_DUMPABLE, 1);
}

/* Permissions say nothing to root; each test is a process of its own. */
static void not_as_root(void)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(atexit(as_root), 0);
}

START_TEST(the_driver_is_found_by_scheme)
{
	ck_assert_ptr_eq(md_db_driver_find("sqlite:///a.db"), &md_sqlite_driver);
	ck_assert_ptr_null(md_db_driver_find("oracle://x"));
	ck_assert_ptr_null(md_db_driver_find(""));
}
END_TEST

START_TEST(urls_name_files_as_sqlalchemy_does)
{
	struct md_conn *conn;
	struct md_error err;
	char url[160];

	write_file("a b?.db", "");
	write_file("file:x", "");
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(open_url("sqlite:///a%20b%3f.db", false, &conn, &err), MD_OK);
	md_sqlite_driver.close(conn);
	ck_assert_int_eq(open_url("sqlite+x:///file:x", false, &conn, &err), MD_OK);
	md_sqlite_driver.close(conn);
	snprintf(url, sizeof(url), "sqlite:////%s/a%%20b%%3F.db", folder + 1);
	ck_assert_int_eq(open_url(url, false, &conn, &err), MD_OK);
	md_sqlite_driver.close(conn);
	ck_assert_int_eq(open_url("sqlite:///:memory:", false, &conn, &err), MD_OK);
	md_sqlite_driver.close(conn);
	ck_assert_int_eq(open_url("sqlite:///", false, &conn, &err), MD_OK);
	md_sqlite_driver.close(conn);
	fails("sqlite:a.db", MD_INVALID, "not an SQLite url");
	fails("sqlite://host/a.db", MD_INVALID, "not an SQLite url");
	fails("sqlite:///a.db?mode=ro", MD_INVALID, "takes no options");
	ck_assert_int_eq(open_url("sqlite:///a%2", false, &conn, &err), MD_INVALID);
	ck_assert_int_eq(open_url("sqlite:///a%00b", false, &conn, &err), MD_INVALID);
}
END_TEST

START_TEST(what_is_not_a_database_is_said_with_a_hint)
{
	struct md_conn *conn, *other;

	not_as_root();
	conn = new_file("locked.db");
	fails_at("missing.db", MD_NOT_FOUND, "no such file: /tmp/md-test-");
	ck_assert_int_ne(access(file_at("missing.db"), F_OK), 0);
	fails_at("missing/x.db", MD_NOT_FOUND, "no such file");
	fails_at("", MD_INVALID, "a folder");
	write_file("text.db", "This is only a text, though a rather long one, longer than a "
			      "header of a hundred bytes, so that it is read as one.");
	fails_at("text.db", MD_INVALID, "not an SQLite database");
	ck_assert_int_eq(mkfifo(file_at("fifo"), 0600), 0);
	fails_at("fifo", MD_INVALID, "not a regular file");
	write_file("secret.db", "");
	ck_assert_int_eq(chmod(file_at("secret.db"), 0), 0);
	fails_at("secret.db", MD_INVALID, "no permission");
	ck_assert_int_eq(mkdir(file_at("closed"), 0), 0);
	fails_at("closed/x.db", MD_INVALID, "cannot look at the file");
	command(conn, "PRAGMA journal_mode=DELETE");
	command(conn, "BEGIN EXCLUSIVE");
	fails_at("locked.db", MD_UNAVAILABLE, "locked by another program");
	command(conn, "ROLLBACK");
	md_sqlite_driver.close(conn);
	other = open_file("locked.db", false);
	md_sqlite_driver.close(other);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_database_and_becomes_wal)
{
	struct md_conn *conn = new_file("empty.db");
	struct md_conn *reader;

	ck_assert_ptr_nonnull(strstr(lines, "6 /tmp/"));
	ck_assert_ptr_nonnull(strstr(lines, "switched to WAL"));
	lines[0] = '\0';
	command(conn, "CREATE TABLE t (a)");
	reader = open_file("empty.db", true);
	gives(reader, "SELECT count(*) FROM t", "0;");
	refuses(reader, MD_TX_WRITE, "INSERT INTO t VALUES (1)", "25006");
	ck_assert_str_eq(lines, "");
	md_sqlite_driver.close(reader);
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(the_journal_mode_is_kept_on_request)
{
	struct md_conn_target target = { .keep_journal = true, .log = &test_log };
	struct md_conn *conn = new_file("keep.db");
	struct md_error err;
	struct script s;
	char url[160];

	command(conn, "PRAGMA journal_mode=DELETE");
	md_sqlite_driver.close(conn);
	lines[0] = '\0';
	snprintf(url, sizeof(url), "sqlite:///%s", file_at("keep.db"));
	target.url = url;
	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, &err), MD_OK);
	ck_assert_str_eq(lines, "");
	ck_assert_int_eq(script_one(&s, conn, MD_TX_WRITE, "SELECT 1"), MD_OK);
	md_sqlite_driver.close(conn);
}
END_TEST

static void serves_read_only(const char *why)
{
	struct md_conn *conn;

	lines[0] = '\0';
	conn = open_file("fixed.db", false);
	ck_assert_ptr_nonnull(strstr(lines, why));
	ck_assert_ptr_nonnull(strstr(lines, "served read-only"));
	gives(conn, "SELECT count(*) FROM t", "0;");
	refuses(conn, MD_TX_WRITE, "INSERT INTO t VALUES (1)", "25006");
	md_sqlite_driver.close(conn);
}

START_TEST(a_file_that_cannot_be_written_is_served_read_only)
{
	struct md_conn *conn;

	not_as_root();
	conn = new_file("fixed.db");
	command(conn, "PRAGMA journal_mode=DELETE");
	command(conn, "CREATE TABLE t (a)");
	md_sqlite_driver.close(conn);
	ck_assert_int_eq(chmod(file_at("fixed.db"), 0444), 0);
	serves_read_only("the file");
	ck_assert_int_eq(chmod(file_at("fixed.db"), 0644), 0);
	ck_assert_int_eq(chmod(folder, 0555), 0);
	serves_read_only("its folder");
	ck_assert_int_eq(chmod(folder, 0755), 0);
	conn = open_file("fixed.db", false); /* becomes WAL */
	md_sqlite_driver.close(conn);
	ck_assert_int_eq(chmod(folder, 0555), 0);
	fails_at("fixed.db", MD_UNAVAILABLE, "cannot open the database");
	ck_assert_int_eq(chmod(folder, 0755), 0);
}
END_TEST

START_TEST(cells_and_arguments_keep_their_types)
{
	static const struct md_value args[] = {
		{ .type = MD_NULL },
		{ .type = MD_INT, .i = INT64_MIN },
		{ .type = MD_REAL, .r = 0.1 },
		{ .type = MD_TEXT, .len = 0, .text = NULL },
		{ .type = MD_TEXT, .len = 3, .text = "a\0b" },
		{ .type = MD_BLOB, .len = 2, .text = "xyz" },
	};
	struct md_conn *conn = open_memory();
	struct script s;

	script_init(&s, MD_TX_READ);
	script_add(&s, 0,
		   "SELECT ?1 IS NULL, ?2, ?3, ?4 = '', length(CAST(?5 AS BLOB)), ?6, "
		   "typeof(?4), typeof(?6)",
		   args, 6);
	script_add(&s, 0, "SELECT 1 WHERE 0", NULL, 0);
	ck_assert_int_eq(script_run(&s, conn), MD_OK);
	ck_assert_str_eq(s.text, "1,-9223372036854775808,0.10000000000000001,1,3,xy,text,blob;|");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_database_in_utf_16_gives_utf_8)
{
	struct md_conn *conn = open_memory();

	command(conn,
		"PRAGMA encoding='UTF-16le'; CREATE TABLE t (a); INSERT INTO t VALUES ('é𝄞')");
	gives(conn, "SELECT a, md_cast_text(a), length(a) FROM t WHERE md_like('%É_', a, 1)",
	      "é𝄞,é𝄞,2;");
	gives(conn, "SELECT x'', a FROM t", ",é𝄞;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_write_commits_and_tells_its_changes)
{
	struct md_conn *conn = open_memory();
	struct script s;

	command(conn, "CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
	script_init(&s, MD_TX_WRITE);
	script_add(&s, 0, "INSERT INTO t VALUES (1, 'x'), (2, 'y')", NULL, 0);
	script_add(&s, 0, "UPDATE t SET b = 'z' RETURNING a", NULL, 0);
	script_add(&s, 0, "DELETE FROM t WHERE a = 1 RETURNING b", NULL, 0);
	s.stop_after = 1; /* the driver runs RETURNING to its end */
	ck_assert_int_eq(script_run(&s, conn), MD_OK);
	ck_assert_str_eq(s.text, "|1;|z;");
	ck_assert_uint_eq(s.changes[0], 2);
	gives(conn, "SELECT * FROM t", "2,z;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_failed_or_rolled_back_unit_leaves_nothing)
{
	struct md_conn *conn = open_memory();
	struct script s;

	command(conn, "CREATE TABLE t (a INTEGER PRIMARY KEY)");
	script_init(&s, MD_TX_WRITE);
	script_add(&s, 0, "INSERT INTO t VALUES (1)", NULL, 0);
	script_add(&s, 0, "INSERT INTO t VALUES (1)", NULL, 0);
	ck_assert_int_eq(script_run(&s, conn), MD_CONFLICT);
	ck_assert_str_eq(s.unit.error.wire, "23505");
	gives(conn, "SELECT count(*) FROM t", "0;");
	script_init(&s, MD_TX_WRITE);
	script_add(&s, 0, "INSERT INTO t VALUES (1) RETURNING a", NULL, 0);
	s.end = MD_NEXT_ROLLBACK;
	ck_assert_int_eq(script_run(&s, conn), MD_OK);
	ck_assert_str_eq(s.text, "1;");
	gives(conn, "SELECT count(*) FROM t", "0;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_write_inside_the_lanes_transaction_is_a_savepoint)
{
	struct md_conn *conn = open_memory();
	struct script s;

	command(conn, "CREATE TABLE t (a INTEGER PRIMARY KEY REFERENCES t DEFERRABLE INITIALLY "
		      "DEFERRED, b REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
	command(conn, "BEGIN IMMEDIATE");
	ck_assert_int_eq(script_one(&s, conn, MD_TX_WRITE, "INSERT INTO t VALUES (1, 1)"), MD_OK);
	refuses(conn, MD_TX_WRITE, "INSERT INTO t VALUES (1, 1)", "23505");
	refuses(conn, MD_TX_WRITE, "INSERT INTO t VALUES (2, 9)", "23503");
	command(conn, "COMMIT");
	gives(conn, "SELECT * FROM t", "1,1;");
	/* Alone, the deferred key fails in COMMIT, and a dry run says so too. */
	refuses(conn, MD_TX_WRITE, "INSERT INTO t VALUES (3, 9)", "23503");
	script_init(&s, MD_TX_WRITE);
	script_add(&s, 0, "INSERT INTO t VALUES (3, 9)", NULL, 0);
	s.end = MD_NEXT_ROLLBACK;
	ck_assert_int_eq(script_run(&s, conn), MD_CONFLICT);
	gives(conn, "SELECT * FROM t", "1,1;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(reads_join_the_snapshot_that_the_lane_holds)
{
	struct md_conn *writer = new_file("snap.db"), *reader;

	command(writer, "CREATE TABLE t (a)");
	reader = open_file("snap.db", true);
	command(reader, "BEGIN");
	gives(reader, "SELECT count(*) FROM t", "0;");
	command(writer, "INSERT INTO t VALUES (1)");
	gives(reader, "SELECT count(*) FROM t", "0;");
	command(reader, "COMMIT");
	gives(reader, "SELECT count(*) FROM t", "1;");
	refuses(writer, MD_TX_READ, "INSERT INTO t VALUES (1)", "25006");
	md_sqlite_driver.close(reader);
	md_sqlite_driver.close(writer);
}
END_TEST

START_TEST(a_paused_unit_goes_on_with_the_same_cursor)
{
	struct md_conn *conn = open_memory();
	struct script s;

	script_init(&s, MD_TX_READ);
	script_add(&s, 7, "VALUES (1), (2), (3), (4), (5)", NULL, 0);
	script_add(&s, 8, "VALUES (6), (7)", NULL, 0);
	s.pause_after = 2;
	ck_assert_int_eq(script_run(&s, conn), MD_OK);
	ck_assert_uint_eq(s.pauses, 3);
	ck_assert_str_eq(s.text, "1;2;3;4;5;|6;7;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(closing_ends_a_paused_unit)
{
	struct md_conn *conn = open_memory();
	struct script s;

	script_init(&s, MD_TX_READ);
	script_add(&s, 7, "VALUES (1), (2), (3)", NULL, 0);
	s.pause_after = 1;
	conn->driver->push(conn, &s.unit);
	ck_assert_uint_eq(s.done, 0);
	ck_assert_uint_eq(conn->depth, 1);
	md_sqlite_driver.close(conn);
	ck_assert_uint_eq(s.done, 1);
	ck_assert_int_eq(s.code, MD_UNAVAILABLE);
}
END_TEST

START_TEST(statements_are_prepared_once_and_dropped_least_recently_used)
{
	struct md_conn *conn = open_memory(); /* keeps 8 */
	struct script s;
	char sql[20][16];

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned id = 1; id <= 8; id++) {
			snprintf(sql[id], sizeof(sql[id]), "SELECT %u", id);
			script_init(&s, MD_TX_READ);
			script_add(&s, id, sql[id], NULL, 0);
			ck_assert_int_eq(script_run(&s, conn), MD_OK);
			ck_assert_int_eq(s.text[0], (int)('0' + id));
		}
		ck_assert_uint_eq(conn->prepares, 8);
	}
	for (unsigned id = 9; id <= 12; id++) { /* drops 1 to 4 */
		script_init(&s, MD_TX_READ);
		script_add(&s, id, "SELECT 0", NULL, 0);
		ck_assert_int_eq(script_run(&s, conn), MD_OK);
	}
	ck_assert_uint_eq(conn->prepares, 12);
	script_init(&s, MD_TX_READ);
	script_add(&s, 5, "SELECT 5", NULL, 0);
	script_add(&s, 8, "SELECT 8", NULL, 0);
	ck_assert_int_eq(script_run(&s, conn), MD_OK);
	ck_assert_uint_eq(conn->prepares, 12);
	script_init(&s, MD_TX_READ);
	script_add(&s, 1, "SELECT 1", NULL, 0);
	script_add(&s, 0, "SELECT 1", NULL, 0);
	script_add(&s, 0, "SELECT 1", NULL, 0);
	ck_assert_int_eq(script_run(&s, conn), MD_OK);
	ck_assert_uint_eq(conn->prepares, 15);
	md_sqlite_driver.close(conn);
}
END_TEST

/* Parents and their children, the tree of a to-many embed: three levels, the last one the same
 * statement as the second. */
struct family {
	struct script s;
	struct md_stmt child;
	unsigned limit;
};

static void put_children(struct family *f, struct md_rows *rows, int64_t parent, unsigned level)
{
	struct md_value arg = md_value_int(parent);
	struct md_call call = { .stmt = &f->child, .args = &arg };
	const struct md_value *cells;
	struct md_rows *child;

	ck_assert_int_eq(rows->child(rows, &call, &child, &f->s.unit.error), MD_OK);
	script_put(&f->s, "[", 1);
	while (child->next(child, &cells, &f->s.unit.error) == MD_STEP_ROW) {
		int64_t key = cells[0].i;

		script_put_cell(&f->s, &cells[0]);
		if (level < 3)
			put_children(f, child, key, level + 1);
		if (f->limit == 1)
			break;
	}
	script_put(&f->s, "]", 1);
	child->close(child);
}

static enum md_flow family_rows(struct md_unit *unit, const struct md_call *call,
				struct md_rows *rows)
{
	struct family *f = (struct family *)unit;
	const struct md_value *cells;

	(void)call;
	while (rows->next(rows, &cells, &unit->error) == MD_STEP_ROW) {
		int64_t key = cells[0].i;

		script_put_cell(&f->s, &cells[0]);
		put_children(f, rows, key, 2);
	}
	f->s.at++;
	return unit->error.code == MD_OK ? MD_FLOW_ON : MD_FLOW_ABORT;
}

START_TEST(children_run_while_their_parent_is_open)
{
	struct md_unit_ops ops = script_ops;
	struct md_conn *conn = open_memory();
	struct family f = { .child = { .id = 21,
				       .sql = "SELECT id FROM n WHERE up = ?1 ORDER BY id",
				       .params = 1 } };

	command(conn, "CREATE TABLE n (id INTEGER PRIMARY KEY, up);"
		      "INSERT INTO n VALUES (1, NULL), (2, NULL), (3, 1), (4, 1), (5, 3)");
	ops.rows = family_rows;
	for (f.limit = 0; f.limit < 2; f.limit++) {
		script_init(&f.s, MD_TX_READ);
		f.s.unit.ops = &ops;
		script_add(&f.s, 20, "SELECT id FROM n WHERE up IS NULL ORDER BY id", NULL, 0);
		ck_assert_int_eq(script_run(&f.s, conn), MD_OK);
		ck_assert_str_eq(f.s.text, f.limit == 0 ? "1[3[5]4[]]2[]" : "1[3[5]]2[]");
	}
	md_sqlite_driver.close(conn);
}
END_TEST

static const char endless[] =
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

START_TEST(a_deadline_ends_a_statement)
{
	struct md_conn *conn = open_memory();
	uint64_t start = md_now_ns();
	struct script s;

	script_init(&s, MD_TX_READ);
	script_add(&s, 0, endless, NULL, 0);
	s.unit.deadline_ns = start + 30 * MD_MS;
	ck_assert_int_eq(script_run(&s, conn), MD_TIMEOUT);
	ck_assert_str_eq(s.unit.error.wire, "57014");
	ck_assert_str_eq(s.unit.error.message, "canceling statement due to statement timeout");
	ck_assert(md_now_ns() - start >= 30 * MD_MS);
	/* It has passed already: nothing runs. */
	s.done = s.at = 0;
	ck_assert_int_eq(script_run(&s, conn), MD_TIMEOUT);
	gives(conn, "SELECT 1", "1;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(the_statement_timeout_ends_a_statement)
{
	struct md_conn_target target = { .url = "sqlite://", .statement_timeout_ms = 20 };
	struct md_conn *conn;
	struct md_error err;

	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, &err), MD_OK);
	refuses(conn, MD_TX_READ, endless, "57014");
	gives(conn, "SELECT 1", "1;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(over_the_budget_is_busy_so_that_a_reader_reruns_it)
{
	struct md_conn *conn = open_memory();
	struct script s;

	conn->driver->set_budget(conn, MD_MS);
	ck_assert_int_eq(script_one(&s, conn, MD_TX_READ, endless), MD_BUSY);
	ck_assert_str_eq(s.unit.error.wire, "MDOVER");
	gives(conn, "SELECT 1", "1;");
	conn->driver->set_budget(conn, 0);
	gives(conn,
	      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) "
	      "SELECT max(i) FROM n",
	      "300000;");
	md_sqlite_driver.close(conn);
}
END_TEST

static void *cancel_soon(void *arg)
{
	struct script *s = arg;
	struct timespec pause = { 0, 20 * (long)MD_MS };

	nanosleep(&pause, NULL);
	md_sqlite_driver.cancel(s->unit.lane, &s->unit);
	return NULL;
}

START_TEST(another_thread_cancels_a_running_unit)
{
	struct md_conn *conn = open_memory();
	pthread_t thread;
	struct script s;

	script_init(&s, MD_TX_READ);
	script_add(&s, 0, endless, NULL, 0);
	s.unit.lane = conn;
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &s), 0);
	ck_assert_int_eq(script_run(&s, conn), MD_CANCELLED);
	pthread_join(thread, NULL);
	ck_assert_str_eq(s.unit.error.wire, "57014");
	gives(conn, "SELECT 1", "1;");
	/* Too late: neither this unit nor the next one is hit. */
	conn->driver->cancel(conn, &s.unit);
	gives(conn, "SELECT 1", "1;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_paused_unit_is_cancelled_when_it_goes_on)
{
	struct md_conn *conn = open_memory();
	struct script s;

	script_init(&s, MD_TX_READ);
	script_add(&s, 0, "VALUES (1), (2), (3)", NULL, 0);
	s.pause_after = 1;
	conn->driver->push(conn, &s.unit);
	conn->driver->cancel(conn, &s.unit);
	conn->driver->resume(conn, &s.unit);
	ck_assert_uint_eq(s.done, 1);
	ck_assert_int_eq(s.code, MD_CANCELLED);
	gives(conn, "SELECT 1", "1;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_lock_held_elsewhere_is_busy_after_the_lock_timeout)
{
	struct md_conn *one = new_file("busy.db"), *two = open_file("busy.db", false);
	struct script s;

	command(one, "CREATE TABLE t (a)");
	command(one, "BEGIN IMMEDIATE");
	ck_assert_int_eq(script_one(&s, two, MD_TX_WRITE, "INSERT INTO t VALUES (1)"), MD_BUSY);
	ck_assert_str_eq(s.unit.error.wire, "55P03");
	command(one, "COMMIT");
	ck_assert_int_eq(script_one(&s, two, MD_TX_WRITE, "INSERT INTO t VALUES (1)"), MD_OK);
	md_sqlite_driver.close(two);
	md_sqlite_driver.close(one);
}
END_TEST

START_TEST(errors_carry_the_sqlstate_that_postgresql_would_give)
{
	static const char *const cases[][2] = {
		{ "INSERT INTO t(a, b) VALUES (1, 'x'), (1, 'y')", "23505" },
		{ "INSERT INTO t(a, b) VALUES (1, 'x'), (2, 'x')", "23505" },
		{ "INSERT INTO t(b) VALUES (NULL)", "23502" },
		{ "INSERT INTO t(b, c) VALUES ('x', 5)", "23503" },
		{ "INSERT INTO t(b, d) VALUES ('x', -1)", "23514" },
		{ "INSERT INTO t(b, d) VALUES ('x', 13)", "P0001" },
		{ "INSERT INTO t(a, b) VALUES ('x', 'x')", "42804" },
		{ "INSERT INTO s VALUES ('x')", "42804" },
		{ "INSERT INTO v VALUES (1)", "55000" },
		{ "SELECT * FROM nowhere", "42P01" },
		{ "SELECT nowhere FROM t", "42703" },
		{ "SELECT nowhere(1)", "42883" },
		{ "SELECT \"text\"", "42703" },
		{ "SELECT json('{')", "22P02" },
		{ "SELECT abs(-9223372036854775807 - 1)", "22003" },
		{ "SELECT zeroblob(68000000)", "54000" },
		{ "SELECT ?1", "XX000" },
		{ "", "XX000" },
		{ "SELEC 1", "XX000" },
	};
	struct md_conn *conn = open_memory();
	struct script s;

	command(conn, "CREATE TABLE t (a INTEGER PRIMARY KEY, b NOT NULL UNIQUE,"
		      " c REFERENCES t, d CONSTRAINT small CHECK (d > 0));"
		      "CREATE VIEW v AS SELECT a FROM t;"
		      "CREATE TABLE s (a INTEGER) STRICT;"
		      "CREATE TRIGGER unlucky BEFORE INSERT ON t WHEN new.d = 13 BEGIN"
		      " SELECT raise(ABORT, 'no 13'); END");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuses(conn, MD_TX_WRITE, cases[i][0], cases[i][1]);
	script_one(&s, conn, MD_TX_WRITE, "INSERT INTO t(b) VALUES (NULL)");
	ck_assert_str_eq(s.unit.error.message, "null value in column \"b\" of relation \"t\" "
					       "violates not-null constraint");
	script_one(&s, conn, MD_TX_WRITE, "INSERT INTO t(b, d) VALUES ('x', 13)");
	ck_assert_str_eq(s.unit.error.message, "no 13");
	script_one(&s, conn, MD_TX_READ, "SELECT * FROM nowhere");
	ck_assert_str_eq(s.unit.error.message, "relation \"nowhere\" does not exist");
	script_one(&s, conn, MD_TX_READ, "DELETE FROM t");
	ck_assert_str_eq(s.unit.error.message, "cannot execute DELETE in a read-only transaction");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(data_statements_cannot_leave_the_data)
{
	static const char *const cases[] = {
		"ATTACH '/tmp/x.db' AS x",
		"DETACH main",
		"PRAGMA user_version",
		"PRAGMA query_only=OFF",
		"SELECT * FROM pragma_table_list",
		"SELECT sql FROM sqlite_master",
		"SELECT sql FROM sqlite_schema",
		"SELECT seq FROM sqlite_sequence",
		"UPDATE sqlite_sequence SET seq = 1",
		"SELECT load_extension('x')",
		"CREATE TABLE x (a)",
		"CREATE TEMP TABLE x (a)",
		"DROP TABLE t",
		"ALTER TABLE t ADD c",
		"CREATE INDEX i ON t(a)",
		"BEGIN",
		"SAVEPOINT x",
		"ANALYZE",
		"REINDEX",
	};
	struct md_conn *conn = open_memory();

	command(conn, "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE)");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuses(conn, MD_TX_IMPLICIT, cases[i], "42501");
	gives(conn, "SELECT count(*) FROM t", "0;");
	md_sqlite_driver.close(conn);
}
END_TEST

START_TEST(a_changed_schema_is_noticed_by_kept_statements)
{
	struct md_conn *conn = open_memory();
	struct script s;

	command(conn, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	for (unsigned round = 0; round < 3; round++) {
		script_init(&s, MD_TX_READ);
		script_add(&s, 5, "SELECT * FROM t", NULL, 0);
		script_run(&s, conn);
		if (round == 1) {
			ck_assert_str_eq(s.unit.error.wire, "0A000");
		} else {
			ck_assert_int_eq(s.code, MD_OK);
			ck_assert_str_eq(s.text, round == 0 ? "1;" : "1,NULL;");
		}
		if (round == 0)
			command(conn, "ALTER TABLE t ADD b");
	}
	md_sqlite_driver.close(conn);
}
END_TEST

SUITE_MAIN("sqlite", the_driver_is_found_by_scheme, urls_name_files_as_sqlalchemy_does,
	   what_is_not_a_database_is_said_with_a_hint,
	   an_empty_file_is_an_empty_database_and_becomes_wal, the_journal_mode_is_kept_on_request,
	   a_file_that_cannot_be_written_is_served_read_only, cells_and_arguments_keep_their_types,
	   a_database_in_utf_16_gives_utf_8, a_write_commits_and_tells_its_changes,
	   a_failed_or_rolled_back_unit_leaves_nothing,
	   a_write_inside_the_lanes_transaction_is_a_savepoint,
	   reads_join_the_snapshot_that_the_lane_holds, a_paused_unit_goes_on_with_the_same_cursor,
	   closing_ends_a_paused_unit, statements_are_prepared_once_and_dropped_least_recently_used,
	   children_run_while_their_parent_is_open, a_deadline_ends_a_statement,
	   the_statement_timeout_ends_a_statement,
	   over_the_budget_is_busy_so_that_a_reader_reruns_it,
	   another_thread_cancels_a_running_unit, a_paused_unit_is_cancelled_when_it_goes_on,
	   a_lock_held_elsewhere_is_busy_after_the_lock_timeout,
	   errors_carry_the_sqlstate_that_postgresql_would_give,
	   data_statements_cannot_leave_the_data, a_changed_schema_is_noticed_by_kept_statements)
