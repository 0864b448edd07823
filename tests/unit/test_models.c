/* The declared models of a daemon: files, tables, differences, and what the log says of them. */
#include "server/models.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/db/db.h"
#include "core/db/wal_owner.h"

#include "tests/support/fault.h"
#include "tests/support/suite.h"

static char folder[] = "/tmp/modeld-models-XXXXXX", url[96], path[64], pattern[96];
static struct md_options options;
static char lines[16384];
static struct md_error err;
static const struct md_definitions *definitions; /* of the last go(); its differences need them */

static void write_line(void *ctx, enum md_log_level level, const char *text)
{
	size_t len = strlen(lines);

	(void)ctx;
	snprintf(lines + len, sizeof(lines) - len, "%d %s\n", level, text);
}

static const struct md_log log_lines = { write_line, NULL, MD_LOG_INFO };

static void put(const char *name, const char *models)
{
	char file[96];
	FILE *to;

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	to = fopen(file, "w");
	ck_assert_ptr_nonnull(to);
	fprintf(to, "{ \"version\": 1, \"models\": {\n%s\n} }\n", models);
	fclose(to);
}

static void exec(const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int count_tables(void)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int count = -1;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'", -1, &stmt,
			   NULL);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		count = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count;
}

static void remove_database(void)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char name[96];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
}

static void begin(void)
{
	static const char *const schemas[] = { "public" };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.db", folder);
	snprintf(url, sizeof(url), "sqlite:///%s", path);
	snprintf(pattern, sizeof(pattern), "%s/*.json", folder);
	options = (struct md_options){ .models = pattern,
				       .models_file = 1 << 20,
				       .models_count = 100,
				       .models_fields = 100,
				       .db_url = url,
				       .db_schemas = { schemas, 1 },
				       .migrate = MD_MIGRATE_APPLY };
	lines[0] = '\0';
	md_error_clear(&err);
}

static void end(void)
{
	char command[128];

	definitions = md_definitions_free(definitions);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* All that a start does; `found` lives in `arena`. */
static enum md_code go(bool running, struct md_arena *arena, struct md_differences *found)
{
	const struct md_catalog *catalog;
	struct md_db_options how = { .url = url, .readers = 1, .log = log_lines };
	struct md_wal_owner owner;
	struct md_db *db = NULL;
	unsigned made;
	enum md_code code;

	definitions = md_definitions_free(definitions);
	code = md_models_load(&options, &log_lines, &definitions, &err);
	if (code != MD_OK)
		return code;
	md_wal_owner_init(&owner);
	if (!arena)
		code = md_fail_nomem(&err);
	if (code == MD_OK)
		code = md_models_make_tables(&options, definitions, running ? &owner : NULL,
					     &log_lines, &made, &err);
	if (code == MD_OK)
		code = md_db_open(&how, &db, &err);
	if (code == MD_OK)
		code = md_db_catalog(db, arena, &catalog, &err);
	if (code == MD_OK)
		code = md_models_compare(&options, md_db_dialect(db), definitions, catalog, arena,
					 &log_lines, found, &err);
	md_db_close(db);
	md_wal_owner_release(&owner);
	return code;
}

static enum md_code start(void)
{
	md_auto_arena arena = md_arena_new(16 << 20);
	struct md_differences found = { .count = 0 };

	lines[0] = '\0';
	md_error_clear(&err);
	return go(false, arena, &found);
}

#define A "\"A\": {\"fields\": {\"x\": \"text\"}}"
#define B "\"B\": {\"fields\": {\"a_id\": \"-> A\"}}"

START_TEST(without_a_pattern_there_are_no_definitions)
{
	definitions = (const void *)"untouched";
	options = (struct md_options){ .models = "" };
	ck_assert_int_eq(md_models_load(&options, NULL, &definitions, &err), MD_OK);
	ck_assert_ptr_null(definitions);
}
END_TEST

START_TEST(a_pattern_that_matches_nothing_is_told)
{
	begin();
	definitions = (const void *)"untouched";
	ck_assert_int_eq(md_models_load(&options, &log_lines, &definitions, &err), MD_NOT_FOUND);
	ck_assert_ptr_eq(definitions, (const void *)"untouched");
	definitions = NULL;
	ck_assert_ptr_nonnull(strstr(err.message, "no file matches /tmp/modeld-models-"));
	ck_assert_ptr_nonnull(strstr(err.hint, "the setting models"));
	end();
}
END_TEST

START_TEST(all_mistakes_are_logged_as_lines)
{
	begin();
	put("1.json", "\"A\": {\"fields\": {\"x\": \"txet\", \"y\": \"-> Nobody\"}}");
	put("2.json", B);
	ck_assert_int_eq(start(), MD_INVALID);
	ck_assert_str_eq(err.wire, "MD422");
	ck_assert_ptr_nonnull(strstr(err.message, "the definition files have 2 mistakes"));
	ck_assert_ptr_nonnull(strstr(err.details, "unknown type \"txet\""));
	ck_assert_ptr_nonnull(strstr(lines, "/1.json:2: M120 /models/A/fields/x: "));
	ck_assert_ptr_nonnull(strstr(lines, "\n3     txet\n3     ^~~~\n"));
	ck_assert_ptr_nonnull(strstr(lines, "there is no model \"Nobody\""));
	ck_assert_int_ne(access(path, F_OK), 0);
	end();
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_a_mistake)
{
	char name[96];

	begin();
	put("1.json", A);
	snprintf(name, sizeof(name), "%s/2.json", folder);
	ck_assert_int_eq(symlink("nowhere", name), 0);
	ck_assert_int_eq(start(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(lines, "2.json: M100"));
	end();
}
END_TEST

START_TEST(missing_tables_are_made_and_logged_once)
{
	begin();
	put("1.json", B);
	put("2.json", A);
	ck_assert_msg(start() == MD_OK, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(lines, "6 made table a for model A\n"
					    "6 made table b for model B\n"));
	ck_assert_int_eq(start(), MD_OK);
	ck_assert_ptr_null(strstr(lines, "made"));
	put("3.json", "\"C\": {\"fields\": {\"b_id\": \"-> B\"}}");
	ck_assert_int_eq(start(), MD_OK);
	ck_assert_ptr_nonnull(strstr(lines, "6 made table c for model C\n"));
	end();
}
END_TEST

START_TEST(with_migrate_false_a_missing_table_is_in_the_way)
{
	begin();
	put("1.json", A "," B);
	options.migrate = MD_MIGRATE_CHECK;
	ck_assert_int_eq(start(), MD_NOT_FOUND);
	ck_assert_int_ne(access(path, F_OK), 0);
	exec("CREATE TABLE other (x)");
	ck_assert_int_eq(start(), MD_INVALID);
	ck_assert_int_eq(count_tables(), 1);
	ck_assert_ptr_nonnull(strstr(lines, "3 table a: the table is missing (model A, "));
	ck_assert_ptr_nonnull(strstr(lines, "3         CREATE TABLE \"a\" (\n"));
	ck_assert_ptr_nonnull(strstr(lines, "3 table b: the table is missing (model B, "));
	ck_assert_ptr_nonnull(strstr(lines, "3         CREATE INDEX \"b_a_id_idx\" ON \"b\""));
	ck_assert_ptr_nonnull(strstr(lines, "4 table other: no model describes this table\n"));
	ck_assert_ptr_nonnull(strstr(err.message, "2 differences"));
	ck_assert_ptr_nonnull(strstr(err.hint, "modeld db create-tables"));
	options.on_difference = MD_DIFFERENCE_WARN;
	ck_assert_int_eq(start(), MD_OK);
	ck_assert_ptr_nonnull(strstr(lines, "4 table a: the table is missing (model A, "));
	ck_assert_ptr_null(strstr(lines, "\n3 "));
	end();
}
END_TEST

START_TEST(a_difference_in_the_way_stops_before_anything_is_made)
{
	begin();
	put("1.json", A ",\"C\": {\"fields\": {\"y\": \"text\"}}");
	exec("CREATE TABLE a (id INTEGER PRIMARY KEY)");
	ck_assert_int_eq(start(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(lines, "3 table a, column x: the column is missing"));
	ck_assert_ptr_null(strstr(lines, "table c"));
	ck_assert_ptr_nonnull(strstr(err.details, "the column is missing"));
	ck_assert_int_eq(count_tables(), 1);
	end();
}
END_TEST

START_TEST(on_difference_warn_makes_the_other_tables)
{
	md_auto_arena arena = md_arena_new(16 << 20);
	struct md_differences found = { .count = 0 };

	begin();
	put("1.json", A ",\"C\": {\"fields\": {\"y\": \"text\"}}");
	exec("CREATE TABLE a (id INTEGER PRIMARY KEY)");
	options.on_difference = MD_DIFFERENCE_WARN;
	ck_assert_msg(go(false, arena, &found) == MD_OK, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(lines, "6 made table c for model C\n"));
	ck_assert_ptr_nonnull(strstr(lines, "4 table a, column x: the column is missing"));
	ck_assert_ptr_nonnull(strstr(lines, "4 models with a difference in the way answer 503"));
	ck_assert_uint_eq(found.blocking, 1);
	ck_assert_str_eq(found.items[0].table, "a");
	end();
}
END_TEST

START_TEST(missing_tables_stand_among_the_differences_in_the_order_of_models)
{
	md_auto_arena arena = md_arena_new(16 << 20);
	struct md_differences found = { .count = 0 };
	static const char *const expected[] = { "a", "b", "c", "other" };

	begin();
	put("1.json", A "," B ",\"C\": {\"fields\": {\"y\": \"text?\"}}");
	exec("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY); "
	     "CREATE TABLE other (x)");
	options.migrate = MD_MIGRATE_CHECK;
	options.on_difference = MD_DIFFERENCE_WARN;
	ck_assert_msg(go(false, arena, &found) == MD_OK, "%s", err.message);
	ck_assert_uint_eq(found.count, 4);
	ck_assert_uint_eq(found.blocking, 3);
	for (unsigned i = 0; i < found.count; i++)
		ck_assert_str_eq(found.items[i].table, expected[i]);
	ck_assert_str_eq(found.items[1].text, "the table is missing");
	ck_assert_ptr_nonnull(strstr(found.items[1].mend, "CREATE TABLE \"b\""));
	end();
}
END_TEST

START_TEST(a_running_daemon_makes_no_database)
{
	md_auto_arena arena = md_arena_new(16 << 20);
	struct md_differences found = { .count = 0 };

	begin();
	put("1.json", A);
	ck_assert_int_eq(go(true, arena, &found), MD_NOT_FOUND);
	ck_assert_int_ne(access(path, F_OK), 0);
	end();
}
END_TEST

START_TEST(wrong_sql_of_the_definitions_is_their_mistake)
{
	begin();
	put("1.json", "\"A\": {\"fields\": {\"x\": \"text\"}, \"checks\": [\"nothing(x)\"]}");
	ck_assert_int_eq(start(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "nothing"));
	ck_assert_str_eq(err.wire, "MD422");
	ck_assert_ptr_nonnull(strstr(err.details, "CREATE TABLE \"a\""));
	ck_assert_ptr_nonnull(strstr(lines, "3 in: CREATE TABLE \"a\""));
	ck_assert_int_ne(access(path, F_OK), 0);
	end();
}
END_TEST

/* A failure is no memory or an unreachable database, and leaves all tables or none. */
START_TEST(survives_a_failure_of_every_allocation)
{
	int failed = 0;

	begin();
	put("1.json", A "," B);
	for (int n = 0;; n++) {
		md_auto_arena arena = md_arena_new(16 << 20);
		struct md_differences found = { .count = 0 };
		enum md_code code;
		bool fired;
		int tables;

		remove_database();
		lines[0] = '\0';
		fault_arm(n);
		code = go(false, arena, &found);
		fired = fault_fired();
		fault_disarm();
		failed += code != MD_OK;
		ck_assert_msg(code == MD_OK || (fired && code == MD_NOMEM), "call %d: code %d %s",
			      n, code, err.message);
		tables = count_tables();
		ck_assert_msg(tables == 0 || tables == 4, "call %d: %d tables", n, tables);
		if (!fired)
			break;
	}
	ck_assert_int_gt(failed, 20);
	end();
}
END_TEST

SUITE_MAIN("models of a daemon", without_a_pattern_there_are_no_definitions,
	   a_pattern_that_matches_nothing_is_told, all_mistakes_are_logged_as_lines,
	   a_file_that_cannot_be_read_is_a_mistake, missing_tables_are_made_and_logged_once,
	   with_migrate_false_a_missing_table_is_in_the_way,
	   a_difference_in_the_way_stops_before_anything_is_made,
	   on_difference_warn_makes_the_other_tables,
	   missing_tables_stand_among_the_differences_in_the_order_of_models,
	   a_running_daemon_makes_no_database, wrong_sql_of_the_definitions_is_their_mistake,
	   survives_a_failure_of_every_allocation)
