#include "core/ops/tables.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/db/wal_owner.h"
#include "tests/support/suite.h"

enum { NOBODY = 65534 };

static char path[64], url[96];
static struct md_arena *arena;
static const struct md_definitions *definitions;
static struct md_tables tables;
static struct md_error err;

/* A file with these tables; NULL: no file. */
static void begin(const char *schema, const char *models)
{
	char text[4096];
	struct md_def_source source = { "test.json", { text, 0 } };
	struct md_def_report report = { .items = NULL };
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "/tmp/modeld-tables-%d.db", (int)getpid());
	snprintf(url, sizeof(url), "sqlite:///%s", path);
	unlink(path);
	arena = md_arena_new(16 << 20);
	source.text.len =
		(size_t)snprintf(text, sizeof(text), "{\"version\":1,\"models\":{%s}}", models);
	ck_assert_msg(md_definitions_load(&source, 1, NULL, MD_ENGINE_SQLITE, &report, &definitions,
					  &err) == MD_OK,
		      "%s", report.items ? report.items[0].message : err.message);
	md_def_report_release(&report);
	if (!schema)
		return;
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, schema, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void end(void)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char name[96];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
	definitions = md_definitions_free(definitions);
	arena = md_arena_free(arena);
}

static enum md_code create(void)
{
	struct md_tables_options options = { .url = url, .definitions = definitions };

	md_error_clear(&err);
	memset(&tables, 0, sizeof(tables));
	return md_tables_create(&options, arena, &tables, &err);
}

/* One line a difference: ! blocks. */
static const char *differences(void)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < tables.differences.count; i++) {
		const struct md_difference *d = &tables.differences.items[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s.%s: %s%s%s\n",
					d->blocking ? "!" : "", d->table,
					d->column ? d->column : "", d->text, d->mend ? " -> " : "",
					d->mend ? d->mend : "");
	}
	return text;
}

#define ANEW      "the table must be made anew and its rows copied\n"
#define A(fields) "\"A\":{\"fields\":{" fields "}}"

static const struct {
	const char *schema, *models, *expected;
} cases[] = {
	{ "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y VARCHAR(9), b BOOLEAN, "
	  "d DATETIME, j JSON, u UUID, n NUMERIC(8, 2), r BLOB)",
	  A("\"x\":\"text\",\"y\":\"string(9)?\",\"b\":\"boolean?\",\"d\":\"datetime?\","
	    "\"j\":\"json?\",\"u\":\"uuid?\",\"n\":\"decimal(8,2)?\",\"r\":\"bytes?\""),
	  "a.y: the check \"a_y_check\" is missing: (length(\"y\") <= 9) -> " ANEW
	  "a.b: the check \"a_b_check\" is missing: (\"b\" IN (0, 1)) -> " ANEW
	  "a.j: the check \"a_j_check\" is missing: ((\"j\" IS NULL OR json_valid(\"j\"))) -> " ANEW
	  "a.u: the check \"a_u_check\" is missing: (length(\"u\") = 36) -> " ANEW },
	{ "CREATE TABLE a (id INTEGER PRIMARY KEY)",
	  A("\"x\":\"text?\",\"y\":\"int = 3 index\",\"z\":\"text\""),
	  "!a.x: the column is missing -> ALTER TABLE \"a\" ADD COLUMN \"x\" TEXT\n"
	  "!a.y: the column is missing -> ALTER TABLE \"a\" ADD COLUMN \"y\" INTEGER NOT NULL "
	  "DEFAULT 3\n"
	  "!a.z: the column is missing -> the table must be made anew and its rows copied\n"
	  "a.: the index \"a_y_idx\" is missing -> CREATE INDEX \"a_y_idx\" ON \"a\" (\"y\")\n" },
	{ "CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER)", A("\"x\":\"text?\""),
	  "!a.x: the type INTEGER cannot hold what the model says, TEXT -> change the type of the "
	  "field, or make the table anew and copy its rows\n" },
	{ "CREATE TABLE a (id INTEGER NOT NULL, x TEXT, PRIMARY KEY (id, x))", A("\"x\":\"text?\""),
	  "!a.: the primary key is not (id) -> change the key of the model, or make the table anew "
	  "and copy its rows\n" },
	{ "CREATE TABLE a (id INTEGER PRIMARY KEY, X TEXT); CREATE TABLE Bb (id INTEGER PRIMARY "
	  "KEY)",
	  A("\"x\":\"text?\"") ",\"BB\":{\"fields\":{}}",
	  "!a.x: the column is called \"X\" -> give the field \"column\": \"X\"\n"
	  "a.X: the model has no such field; the column is not served\n"
	  "!bb.: the table is called \"Bb\" -> give the model \"table\": \"Bb\"\n" },
	{ "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT DEFAULT 'a' COLLATE NOCASE, y TEXT NOT "
	  "NULL, z TEXT, w TEXT AS (x))",
	  A("\"x\":\"text = 'b'\",\"z\":\"text? unique\",\"w\":\"text?\""),
	  "a.x: the column may be null, the field may not\n"
	  "a.x: the collation is NOCASE, the model says binary\n"
	  "a.x: the default is 'a', the model says 'b'\n"
	  "a.w: the column is generated, the field is not\n"
	  "!a.y: the model has no such field, and the column must be given: rows cannot be "
	  "inserted -> give the column a default, or the model a field for it\n"
	  "a.: the unique key \"a_z_key\" is missing -> CREATE UNIQUE INDEX \"a_z_key\" ON \"a\" "
	  "(\"z\")\n" },
	{ "CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE TABLE a (id INTEGER PRIMARY KEY, b_id "
	  "INTEGER, c_id INTEGER CONSTRAINT mine REFERENCES b (id)); CREATE TABLE extra(x)",
	  A("\"b_id\":{\"references\":\"B\",\"nullable\":true,\"index\":false},"
	    "\"c_id\":{\"references\":\"B\",\"nullable\":true,\"index\":false}") ",\"B\":{"
										 "\"fields\":{}}",
	  "a.: the foreign key \"a_b_id_fkey\" to b is missing -> " ANEW
	  "a.: the foreign key \"a_c_id_fkey\" is called \"mine\"\n"
	  "extra.: no model describes this table\n" },
	{ "CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE VIEW a AS SELECT id, 'x' AS x FROM b",
	  A("\"x\":\"text = 'y'\"") ",\"B\":{\"fields\":{}}", "" },
	{ "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y TEXT)",
	  "\"A\":{\"managed\":false,\"fields\":{\"x\":\"text?\"}},"
	  "\"Gone\":{\"managed\":false,\"fields\":{\"x\":\"text?\"}}",
	  "!gone.: the table is missing, and modeld does not manage it -> make it, or take "
	  "\"managed\": false away\n" },
};

START_TEST(what_differs_is_told_and_what_is_in_the_way_stops)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].schema, cases[i].models);
		ck_assert_msg(create() == MD_OK, "%s: %s", cases[i].schema, err.message);
		ck_assert_str_eq(differences(), cases[i].expected);
		ck_assert_uint_eq(tables.plan.count, 0);
		end();
	}
}
END_TEST

START_TEST(nothing_is_made_while_a_difference_is_in_the_way)
{
	begin("CREATE TABLE a (id INTEGER PRIMARY KEY)",
	      A("\"x\":\"text\"") ",\"B\":{\"fields\":{}}");
	ck_assert_int_eq(create(), MD_OK);
	ck_assert_uint_eq(tables.differences.blocking, 1);
	ck_assert_uint_eq(tables.plan.count, 0);
	end();
	begin("CREATE TABLE a (id INTEGER PRIMARY KEY)",
	      A("\"x\":\"text\",\"y\":\"-> B\"") ",\"B\":{\"fields\":{}}");
	ck_assert_int_eq(create(), MD_OK);
	ck_assert_uint_eq(tables.differences.blocking, 2);
	ck_assert_uint_eq(tables.plan.count, 0);
	end();
}
END_TEST

START_TEST(only_missing_tables_are_made)
{
	begin("CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL)",
	      A("\"x\":\"text\"") ",\"B\":{\"fields\":{\"a_id\":\"-> A\"}},\"Base\":{\"abstract\":"
				  "true,\"fields\":{\"n\":\"text\"}}");
	ck_assert_int_eq(create(), MD_OK);
	ck_assert_uint_eq(tables.plan.count, 2);
	ck_assert_str_eq(tables.plan.statements[0].name, "b");
	ck_assert_str_eq(tables.plan.statements[1].name, "b_a_id_idx");
	ck_assert_int_eq(create(), MD_OK);
	ck_assert_uint_eq(tables.plan.count, 0);
	ck_assert_str_eq(differences(), "");
	end();
}
END_TEST

START_TEST(a_file_is_made_only_for_tables)
{
	begin(NULL, "\"Base\":{\"abstract\":true,\"fields\":{\"n\":\"text\"}}");
	ck_assert_int_eq(create(), MD_NOT_FOUND);
	ck_assert_str_eq(err.wire, "58P01");
	ck_assert_int_ne(access(path, F_OK), 0);
	end();
	begin(NULL, "\"A\":{\"managed\":false,\"fields\":{\"n\":\"text\"}}");
	ck_assert_int_eq(create(), MD_OK);
	ck_assert_uint_eq(tables.differences.blocking, 1);
	ck_assert_int_ne(access(path, F_OK), 0);
	end();
	begin(NULL, A("\"n\":\"text\""));
	ck_assert_int_eq(create(), MD_OK);
	ck_assert_uint_eq(tables.plan.count, 1);
	ck_assert_int_eq(access(path, F_OK), 0);
	end();
	begin(NULL, A("\"n\":\"text\""));
	snprintf(url, sizeof(url), "sqlite:////tmp/modeld-no-such-folder/a.db");
	ck_assert_int_eq(create(), MD_UNAVAILABLE);
	snprintf(url, sizeof(url), "mysql://localhost/a");
	ck_assert_int_eq(create(), MD_INVALID);
	end();
}
END_TEST

/* As somebody who may only read the file; root may do everything. */
static enum md_code create_as_reader(void)
{
	uid_t me = geteuid();
	enum md_code code;

	ck_assert_int_eq(chmod(path, 0444), 0);
	if (me == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
	code = create();
	if (me == 0)
		ck_assert_int_eq(seteuid(me), 0);
	return code;
}

START_TEST(a_database_that_can_only_be_read_needs_all_its_tables)
{
	begin("CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT NOT NULL)", A("\"n\":\"text\""));
	ck_assert_msg(create_as_reader() == MD_OK, "%s", err.message);
	ck_assert_str_eq(differences(), "");
	end();
	begin("CREATE TABLE b (id INTEGER PRIMARY KEY)", A("\"n\":\"text\""));
	ck_assert_int_eq(create_as_reader(), MD_UNAVAILABLE);
	ck_assert_str_eq(err.message, "tables are missing, and the database can only be read");
	end();
}
END_TEST

/* The log of a file that was replaced while it was served must not get into the new one. */
START_TEST(a_file_that_was_replaced_gets_its_tables_without_the_old_log)
{
	struct md_wal_owner owner;
	struct md_tables_options options = { .wal_owner = &owner };
	char other[80];
	sqlite3 *old = NULL, *new = NULL;

	begin("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;", A("\"n\":\"text\""));
	ck_assert_int_eq(sqlite3_open(path, &old), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(old, "CREATE TABLE old (x)", NULL, NULL, NULL), SQLITE_OK);
	md_wal_owner_init(&owner);
	md_wal_owner_note(&owner, path);
	snprintf(other, sizeof(other), "%s-other", path);
	ck_assert_int_eq(sqlite3_open(other, &new), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(new, "PRAGMA journal_mode = WAL; CREATE TABLE new (x)", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(new);
	ck_assert_int_eq(rename(other, path), 0);
	options.url = url;
	options.definitions = definitions;
	ck_assert_msg(md_tables_create(&options, arena, &tables, &err) == MD_OK, "%s", err.message);
	ck_assert_str_eq(differences(), "new.: no model describes this table\n");
	ck_assert_uint_eq(tables.plan.count, 1);
	sqlite3_close(old);
	md_wal_owner_release(&owner);
	end();
}
END_TEST

SUITE_MAIN("tables", what_differs_is_told_and_what_is_in_the_way_stops,
	   nothing_is_made_while_a_difference_is_in_the_way, only_missing_tables_are_made,
	   a_file_is_made_only_for_tables, a_database_that_can_only_be_read_needs_all_its_tables,
	   a_file_that_was_replaced_gets_its_tables_without_the_old_log)
