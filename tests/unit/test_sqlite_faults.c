/* Every allocation of SQLite fails once: an error, nothing leaked, outputs untouched. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db/catalog.h"
#include "core/db/driver.h"

#include "tests/support/script.h"
#include "tests/support/suite.h"

static sqlite3_mem_methods real;
static long until = -1; /* allocations until one fails; < 0: none will */
static long fired;      /* how many have failed */
static long alive;      /* blocks that are not freed */

static bool fails_now(void)
{
	if (until < 0 || until-- > 0)
		return false;
	fired++;
	return true;
}

static void *test_malloc(int size)
{
	void *p = fails_now() ? NULL : real.xMalloc(size);

	alive += p != NULL;
	return p;
}

static void test_free(void *p)
{
	alive -= p != NULL;
	real.xFree(p);
}

static void *test_realloc(void *p, int size)
{
	return fails_now() ? NULL : real.xRealloc(p, size);
}

static void install(void)
{
	sqlite3_mem_methods methods;

	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
	methods = real;
	methods.xMalloc = test_malloc;
	methods.xFree = test_free;
	methods.xRealloc = test_realloc;
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
}

static struct md_conn *open_url(const char *url)
{
	struct md_conn_target target = { .url = url };
	struct md_conn *conn = NULL;

	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, NULL), MD_OK);
	return conn;
}

static void set_up(struct md_conn *conn)
{
	struct md_error err;

	md_error_clear(&err);
	ck_assert_msg(md_sqlite_driver.command(
			      conn,
			      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT CONSTRAINT u UNIQUE "
			      "COLLATE "
			      "NOCASE, b REFERENCES t (id), CHECK (a <> ''));"
			      "CREATE INDEX i ON t (b, a); CREATE VIEW v AS SELECT t.id, a FROM t;"
			      "CREATE TRIGGER tr INSTEAD OF DELETE ON v BEGIN SELECT 1; END;"
			      "CREATE TABLE w (a INT, b INT, PRIMARY KEY (b, a), FOREIGN KEY (a) "
			      "REFERENCES t) WITHOUT ROWID;"
			      "INSERT INTO t VALUES (1, 'x', NULL), (2, 'y', 1); ANALYZE",
			      &err) == MD_OK,
		      "%s", err.message);
}

START_TEST(connecting_without_memory_is_an_error)
{
	char path[] = "/tmp/md-test-XXXXXX", url[64];
	struct md_conn_target target = { .url = url };
	struct md_conn *conn;
	long before, count = 0;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(url, sizeof(url), "sqlite:///%s", path);
	install();
	conn = open_url(url);
	set_up(conn);
	md_sqlite_driver.close(conn);
	before = alive;
	do {
		struct md_error err;
		enum md_code code;

		conn = NULL;
		fired = 0;
		until = count++;
		code = md_sqlite_driver.connect(&target, &conn, &err);
		until = -1;
		if (code == MD_OK) {
			md_sqlite_driver.close(conn);
		} else {
			ck_assert_msg(code == MD_NOMEM, "%ld: %d %s", count, (int)code,
				      err.message);
			ck_assert_ptr_null(conn);
		}
		ck_assert_int_eq(alive, before);
	} while (fired > 0);
	ck_assert_int_gt(count, 100);
	unlink(path);
}
END_TEST

START_TEST(reading_the_catalog_without_memory_is_an_error)
{
	struct md_conn *conn;
	long count = 0;

	install();
	conn = open_url("sqlite://");
	set_up(conn);
	do {
		struct md_arena *arena = md_arena_new(1 << 20);
		const struct md_catalog *catalog = NULL;
		struct md_error err;
		enum md_code code;

		fired = 0;
		until = count++;
		code = md_sqlite_driver.catalog(conn, arena, &catalog, &err);
		until = -1;
		if (code == MD_OK) {
			ck_assert_uint_eq(catalog->count, 3);
		} else {
			ck_assert_msg(code == MD_NOMEM, "%ld: %d %s", count, (int)code,
				      err.message);
			ck_assert_ptr_null(catalog);
		}
		md_arena_free(arena);
	} while (fired > 0);
	ck_assert_int_gt(count, 500);
	md_sqlite_driver.close(conn);
}
END_TEST

static void fill(struct script *s, unsigned long id)
{
	static const struct md_value args[2] = {
		{ .type = MD_TEXT, .len = 2, .text = "%X" },
		{ .type = MD_TEXT, .len = 2, .text = "^x" },
	};

	script_init(s, MD_TX_WRITE);
	script_add(s, id, "INSERT INTO t (id, a) VALUES (3, 'zx') RETURNING id, a", NULL, 0);
	script_add(s, id + 1,
		   "SELECT a, md_cast_text(1.5), md_cast_uuid('a0eebc999c0b4ef8bb6d6bb9bd380a11') "
		   "FROM t WHERE md_like(?1, a, 1) AND md_json_contains('[1]', '1') ORDER BY a",
		   args, 2);
#ifdef MD_HAVE_PCRE2
	script_add(s, id + 2, "SELECT count(*) FROM t WHERE md_regex(?2, a, 0)", args, 2);
#endif
	s->end = MD_NEXT_ROLLBACK;
}

START_TEST(a_unit_without_memory_is_undone)
{
	struct md_conn *conn;
	unsigned long id = 1;
	long count = 0, before, failures = 0;

	install();
	conn = open_url("sqlite://");
	set_up(conn);
	before = alive;
	do {
		struct script s;

		fill(&s, id);
		id += 3;
		fired = 0;
		until = count++;
		script_run(&s, conn);
		until = -1;
		ck_assert_uint_eq(s.done, 1);
		ck_assert_msg(s.code == MD_OK || s.code == MD_NOMEM, "%ld: %d %s", count,
			      (int)s.code, s.unit.error.message);
		failures += s.code != MD_OK;
		script_one(&s, conn, MD_TX_READ, "SELECT count(*) FROM t");
		ck_assert_str_eq(s.text, "2;");
	} while (fired > 0);
	ck_assert_int_gt(failures, 50);
	ck_assert(!conn->broken);
	md_sqlite_driver.close(conn);
	ck_assert_int_lt(alive, before);
}
END_TEST

SUITE_MAIN("sqlite_faults", connecting_without_memory_is_an_error,
	   reading_the_catalog_without_memory_is_an_error, a_unit_without_memory_is_undone)
