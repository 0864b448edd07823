/* Plans for PostgreSQL, case by case: what the data forbid, what is kept, what others hold on to,
 * steps that were cut off, writers who must not wait. */
#include "tests/driver/plan_rig.h"

#include <libpq-fe.h>
#include <pthread.h>

#include "core/base/clock.h"

#define USER(fields) "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\"," fields "}}"
#define POST(fields) "\"Post\":{\"table\":\"post\",\"fields\":{\"id\":\"bigint pk\"," fields "}}"

static const struct md_definitions *before, *after;

static void start(const char *from, const char *to, const char *seed)
{
	begin();
	before = load(from);
	after = load(to);
	make_tables(before, "shop");
	server_run(seed);
}

static void finish(void)
{
	before = md_definitions_free(before);
	after = md_definitions_free(after);
	end();
}

static void must_plan(const struct md_definitions *from, const struct md_definitions *to)
{
	if (plan_to(from, to, NULL, false) != MD_OK)
		ck_abort_msg("%s %s", err.message, err.details);
}

static const char *ask_shop(const char *sql)
{
	struct md_db_schema *schema = open_schema("shop");
	const char *text = ask(schema, sql);

	md_db_schema_close(schema);
	return text;
}

static const struct md_step *step_named(const char *what)
{
	for (unsigned i = 0; i < plan.step_count; i++)
		if (strstr(plan.steps[i].what, what))
			return &plan.steps[i];
	ck_abort_msg("no step \"%s\"\n%s", what, script());
	return NULL;
}

/* --- what the data forbid ----------------------------------------------------------------------
 */

struct forbidden {
	const char *from, *to, *values; /* of "user", inserted as they are */
	const char *found;
};

static const struct forbidden forbidden[] = {
	{ USER("\"a\":\"text?\""), USER("\"a\":\"text\""), "(1, 'x'), (2, NULL), (3, NULL)",
	  "23502 user.a: 2\n3\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"text\",\"b\":\"integer\""), "(1, 'x')",
	  "23502 user.b: 1\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"text unique\""),
	  "(1, 'x'), (2, 'y'), (3, 'x'), (4, 'x'), (5, 'z'), (6, 'x'), (7, 'x'), (8, 'x'), "
	  "(9, 'x')",
	  "23505 user: 1\n3\n4\n6\n7\n8\n" },
	{ USER("\"a\":\"text unique\""), USER("\"a\":\"text unique collate(nocase)\""),
	  "(1, 'x'), (2, 'X'), (3, 'y')", "23505 user: 1\n2\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"string(3)\""), "(1, 'abc'), (2, 'abcd')",
	  "22001 user.a: 2\n" },
	{ USER("\"a\":\"string(10)\""), USER("\"a\":\"integer\""),
	  "(1, '12'), (2, 'x'), (3, '3000000000'), (4, '-7'), (5, ''), (6, '1.5')",
	  "22P02 user.a: 2\n3\n5\n6\n" },
	{ USER("\"a\":\"text?\""), USER("\"a\":\"decimal(5, 2)?\""),
	  "(1, '1.25'), (2, '1.255'), (3, '1000'), (4, 'x'), (5, NULL), (6, '1e2')",
	  "22P02 user.a: 2\n3\n4\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"date\""),
	  "(1, '2024-02-29'), (2, '2023-02-29'), (3, '2024-13-01'), (4, 'today')",
	  "22P02 user.a: 2\n3\n4\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"datetime\""),
	  "(1, '2024-02-29T10:00:00Z'), (2, '2024-02-30 10:00:00'), (3, '2024-02-29 25:00:00'), "
	  "(4, '2024-02-29 10:00:00.5+05:30'), (5, '2024-02-29')",
	  "22P02 user.a: 2\n3\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"boolean\""), "(1, 'Yes'), (2, 'maybe'), (3, '0')",
	  "22P02 user.a: 2\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"uuid\""),
	  "(1, '1df7b9fe-7daa-4000-8000-000000000000'), (2, 'x')", "22P02 user.a: 2\n" },
	{ USER("\"a\":\"text\""), USER("\"a\":\"json\""),
	  "(1, '{\"a\": [1, -2.5e3, \"x\\\" [\\u00e4\"], \"b\": {}}'), (2, '{a: 1}'), (3, '[1,]'), "
	  "(4, '\"s\"'), (5, '01'), (6, ' true '), (7, '[[[]], [{\"k\": null}]]'), (8, '[1 2]')",
	  "22P02 user.a: 2\n3\n5\n8\n" },
	{ USER("\"a\":\"bigint\""), USER("\"a\":\"smallint\""), "(1, 32767), (2, 32768)",
	  "22003 user.a: 2\n" },
	{ USER("\"a\":\"float\""), USER("\"a\":\"bigint\""),
	  "(1, 3), (2, 3.5), (3, 1e300), (4, 'NaN'), (5, -9223372036854775808), "
	  "(6, 9223372036854775808)",
	  "22003 user.a: 2\n3\n4\n6\n" },
	{ USER("\"a\":\"float\""), USER("\"a\":\"decimal(6, 2)\""),
	  "(1, 3.25), (2, 3.255), (3, 10000), (4, 'Infinity')", "22003 user.a: 2\n3\n4\n" },
	{ USER("\"a\":\"decimal(8, 4)\""), USER("\"a\":\"decimal(6, 2)\""),
	  "(1, 1.2500), (2, 1.2550), (3, 9999.9900)", "22003 user.a: 2\n" },
	{ USER("\"a\":\"integer\""), USER("\"a\":\"boolean\""), "(1, 0), (2, 1), (3, 2)",
	  "22P02 user.a: 3\n" },
	{ USER("\"a\":\"datetime\""), USER("\"a\":\"date\""),
	  "(1, '2024-02-29 00:00:00+00'), (2, '2024-02-29 00:00:00+02')", "22008 user.a: 2\n" },
	{ USER("\"a\":\"array(text)\""), USER("\"a\":\"array(integer)\""),
	  "(1, '{1,2}'), (2, '{1,x}')", "22P02 user.a: 2\n" },
	{ USER("\"a\":\"enum(a, b)\""), USER("\"a\":\"enum(a)\""), "(1, 'a'), (2, 'b')",
	  "23514 user: 2\n" },
	{ USER("\"a\":\"integer\""), USER("\"a\":\"integer max(5)\""), "(1, 5), (2, 6)",
	  "23514 user: 2\n" },
	{ USER("\"a\":\"integer\""), USER("\"a\":\"string(2)\""), "(1, 55), (2, 600)",
	  "22001 user.a: 2\n" },
	{ USER("\"a\":\"text?\""),
	  USER("\"a\":\"text?\",\"b\":{\"type\":\"text\",\"backfill\":{\"sql\":\"upper(a)\"}}"),
	  "(1, 'x'), (2, NULL)", "23502 user.b: 2\n" },
	{ USER("\"a\":\"bigint?\"") "," POST("\"x\":\"text?\""),
	  USER("\"a\":\"-> Post?\"") "," POST("\"x\":\"text?\""), "(1, NULL), (2, 77)",
	  "23503 user: 2\n" },
	{ USER("\"a\":\"bigint?\""), USER("\"a\":\"-> Post?\"") "," POST("\"x\":\"text?\""),
	  "(1, NULL), (2, 77)", "23503 user: 2\n" },
	{ "\"User\":{\"table\":\"user\",\"primary_key\":[\"id\",\"a\"],\"fields\":{\"id\":"
	  "\"bigint\","
	  "\"a\":\"integer\"}}",
	  "\"User\":{\"table\":\"user\",\"primary_key\":[\"a\"],\"fields\":{\"id\":\"bigint\","
	  "\"a\":\"integer\"}}",
	  "(1, 4), (2, 4), (3, 5)", "23505 user: 1, 4\n2, 4\n" },
};

START_TEST(rows_that_stand_against_a_change_are_told_by_their_keys)
{
	const struct forbidden *one = &forbidden[_i];
	const char *found;

	begin();
	before = load(one->from);
	after = load(one->to);
	make_tables(before, "shop");
	server_run(md_arena_printf(arena, "INSERT INTO shop.\"user\" VALUES %s", one->values));
	must_plan(before, after);
	found = check_data();
	ck_assert_msg(strcmp(found, one->found) == 0, "%s\n%s\nfound %s", one->from, one->to,
		      found);
	finish();
}
END_TEST

enum { FORBIDDEN = sizeof(forbidden) / sizeof(forbidden[0]) };

START_TEST(what_has_no_way_is_refused_before_anything)
{
	start(USER("\"a\":\"bytes\""), USER("\"a\":\"time\""), "SELECT 1");
	ck_assert_int_eq(plan_to(before, after, NULL, false), MD_INVALID);
	ck_assert_str_eq(err.wire, "42846");
	ck_assert_ptr_nonnull(strstr(err.message, "bytea to time"));
	finish();
}
END_TEST

/* --- what is kept ------------------------------------------------------------------------------
 */

START_TEST(dropped_columns_and_tables_are_kept_and_noted)
{
	start(USER("\"a\":\"text unique\",\"b\":\"integer = 3 index\"") "," POST(
		      "\"u\":\"-> User on delete cascade\""),
	      USER("\"b\":\"integer = 3\""),
	      "INSERT INTO shop.\"user\" (a) VALUES ('x'), ('y');"
	      "INSERT INTO shop.post (u) VALUES (1)");
	must_plan(before, after);
	ck_assert_int_eq(step_named("put column user.a")->risk, MD_RISK_KEPT);
	ck_assert_int_eq(step_named("put table post")->risk, MD_RISK_KEPT);
	ck_assert(step_named("put column user.a")->reversible);
	run_plan(-1);
	ck_assert_str_eq(
		ask_shop("SELECT kind, name, model, checksum FROM _modeld_objects WHERE kind "
			 "LIKE 'kept%' ORDER BY 1"),
		"kept column|user._dropped_" REVISION "_a|user.a|" REVISION "\n"
		"kept table|_dropped_" REVISION "_post|post|" REVISION "\n");
	/* New rows need not know of it, and old parents may go. */
	server_run(
		"INSERT INTO shop.\"user\" DEFAULT VALUES; DELETE FROM shop.\"user\" WHERE id = 1");
	/* The names are free. */
	server_run(
		"CREATE TABLE shop.post (id bigint CONSTRAINT post_pkey PRIMARY KEY GENERATED BY "
		"DEFAULT AS IDENTITY); DROP TABLE shop.post");
	must_plan(after, before);
	ck_assert_str_eq(check_data(), "23503 post: 1\n23502 user.a: 3\n");
	server_run("DELETE FROM shop.\"user\" WHERE id = 3; DELETE FROM shop._dropped_" REVISION
		   "_post");
	ck_assert_str_eq(check_data(), "");
	run_plan(-1);
	same_as_fresh(before, "gone back");
	ck_assert_str_eq(ask_shop("SELECT id, a FROM \"user\""), "2|y\n");
	ck_assert_str_eq(ask_shop("SELECT count(*) FROM _modeld_objects WHERE kind LIKE 'kept%'"),
			 "0\n");
	finish();
}
END_TEST

START_TEST(a_kept_column_moves_with_its_table)
{
	const struct md_definitions *third;

	start(USER("\"a\":\"text?\",\"b\":\"text?\""), USER("\"b\":\"text?\""), "SELECT 1");
	must_plan(before, after);
	run_plan(-1);
	third = load("\"User\":{\"table\":\"person\",\"fields\":{\"id\":\"bigint "
		     "pk\",\"b\":\"text?\"}}");
	must_plan(after, third);
	run_plan(-1);
	ck_assert_str_eq(
		ask_shop("SELECT name, model FROM _modeld_objects WHERE kind LIKE 'kept%'"),
		"person._dropped_" REVISION "_a|user.a\n");
	md_definitions_free(third);
	finish();
}
END_TEST

START_TEST(what_is_to_be_forgotten_is_dropped_for_good)
{
	start(USER("\"a\":\"text\",\"b\":\"text?\"") "," POST("\"u\":\"-> User\""),
	      USER("\"b\":\"text?\""), "INSERT INTO shop.\"user\" (a) VALUES ('x')");
	ck_assert_int_eq(plan_to(before, after, NULL, true), MD_OK);
	ck_assert_int_eq(step_named("drop column user.a")->risk, MD_RISK_LOSS);
	ck_assert_int_eq(step_named("drop table post")->risk, MD_RISK_LOSS);
	ck_assert(!step_named("drop table post")->reversible);
	run_plan(-1);
	same_as_fresh(after, "forgotten");
	ck_assert_str_eq(
		ask_shop("SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_dropped%'"),
		"0\n");
	finish();
}
END_TEST

START_TEST(values_that_an_expression_replaces_are_told_as_lost)
{
	start(USER("\"a\":\"integer\",\"b\":\"integer?\""),
	      USER("\"a\":\"integer\",\"b\":{\"type\":\"integer\",\"nullable\":true,\"generated\":"
		   "{\"sql\":\"a * 2\",\"stored\":true}}"),
	      "INSERT INTO shop.\"user\" (a, b) VALUES (1, 7)");
	must_plan(before, after);
	ck_assert_int_eq(step_named("make generated column")->risk, MD_RISK_LOSS);
	ck_assert(step_named("make generated column")->rewrites);
	run_plan(-1);
	same_as_fresh(after, "generated");
	ck_assert_str_eq(ask_shop("SELECT b FROM \"user\""), "2\n");
	finish();
}
END_TEST

/* --- what others hold on to --------------------------------------------------------------------
 */

START_TEST(a_view_on_a_column_that_gets_another_type_is_named_and_stays)
{
	start(USER("\"a\":\"integer\",\"b\":\"text?\""), USER("\"a\":\"bigint\""),
	      "CREATE VIEW shop.two AS SELECT a FROM shop.\"user\";"
	      "CREATE VIEW shop.other AS SELECT b FROM shop.\"user\"");
	ck_assert_int_eq(plan_to(before, after, NULL, false), MD_INVALID);
	ck_assert_str_eq(err.wire, "2BP01");
	ck_assert_msg(strstr(err.message, "user.a") && strstr(err.message, "two") &&
			      !strstr(err.message, "other"),
		      "%s", err.message);
	server_run("DROP VIEW shop.two");
	must_plan(before, after);
	run_plan(-1); /* the view of the kept column stays */
	ck_assert_str_eq(ask_shop("SELECT count(b) FROM other"), "0\n");
	same_as_fresh(after, "views");
	finish();
}
END_TEST

START_TEST(what_modeld_does_not_own_stays_as_it_is)
{
	start(USER("\"a\":\"integer\""), USER("\"a\":\"bigint unique\",\"b\":\"text?\""),
	      "ALTER TABLE shop.\"user\" ADD COLUMN foreign_one text DEFAULT 'z';"
	      "CREATE INDEX extra ON shop.\"user\" (foreign_one);"
	      "CREATE TABLE shop.others (x integer REFERENCES shop.\"user\"(id));"
	      "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.foreign_one "
	      ":= ''t''; RETURN NEW; END';"
	      "CREATE TRIGGER tr BEFORE INSERT ON shop.\"user\" FOR EACH ROW EXECUTE FUNCTION "
	      "shop.f(); INSERT INTO shop.\"user\" (a) VALUES (1)");
	must_plan(before, after);
	run_plan(-1);
	ck_assert_str_eq(ask_shop("SELECT a, b, foreign_one FROM \"user\""), "1|-|t\n");
	ck_assert_str_eq(
		ask_shop("SELECT (SELECT count(*) FROM pg_indexes WHERE indexname = 'extra'), "
			 "(SELECT count(*) FROM pg_trigger WHERE tgname = 'tr'), (SELECT "
			 "count(*) FROM pg_constraint WHERE conrelid = 'others'::regclass)"),
		"1|1|1\n");
	finish();
}
END_TEST

START_TEST(names_that_others_gave_are_found_by_what_they_name)
{
	start("\"Other\":{\"fields\":{\"id\":\"bigint pk\"}}",
	      "\"Other\":{\"fields\":{\"id\":\"bigint pk\"}}",
	      "CREATE TABLE shop.\"user\" (id bigserial CONSTRAINT pk_old PRIMARY KEY, a "
	      "varchar(9) "
	      "COLLATE \"C\" NOT NULL CONSTRAINT uq_old UNIQUE, b integer NOT NULL);"
	      "CREATE INDEX ix_old ON shop.\"user\" (b);"
	      "CREATE TABLE shop.post (id bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, u "
	      "bigint "
	      "NOT NULL CONSTRAINT fk_old REFERENCES shop.\"user\"(id))");
	md_definitions_free(before);
	md_definitions_free(after);
	before = load(USER("\"a\":\"string(9) unique\",\"b\":\"integer index\"") "," POST(
		"\"u\":\"-> User\""));
	after = load("\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"integer "
		     "pk\",\"a\":\"string(9)\","
		     "\"b\":\"integer\"}}," POST("\"u\":\"-> User\""));
	must_plan(before, after);
	run_plan(-1);
	ck_assert_str_eq(
		ask_shop("SELECT conname FROM pg_constraint WHERE connamespace = "
			 "'shop'::regnamespace AND contype IN ('p', 'u', 'f') AND conrelid <> "
			 "'other'::regclass AND conrelid <> '_modeld_objects'::regclass ORDER "
			 "BY 1"),
		"post_pkey\npost_u_fkey\nuser_pkey\n");
	ck_assert_str_eq(ask_shop("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%\\_old'"),
			 "0\n");
	finish();
}
END_TEST

/* --- steps that were cut off -------------------------------------------------------------------
 */

START_TEST(an_index_that_was_cut_off_is_made_again)
{
	const struct md_step *step;
	struct md_db_schema *schema;

	start(USER("\"a\":\"text\""), USER("\"a\":\"text unique\""),
	      "INSERT INTO shop.\"user\" (a) VALUES ('x'), ('x')");
	must_plan(before, after);
	step = step_named("make unique index");
	ck_assert_int_eq(step->kind, MD_STEP_ALONE);
	schema = open_schema("shop");
	ck_assert_int_ne(md_db_schema_run(schema, step->sql[0], &err), MD_OK);
	ck_assert_str_eq(err.wire, "23505");
	ck_assert_str_eq(ask(schema, "SELECT indisvalid FROM pg_index WHERE indexrelid = "
				     "'user_a_key'::regclass"),
			 "f\n");
	ck_assert_str_eq(ask(schema, step->probe), "");
	md_db_schema_close(schema);
	server_run("UPDATE shop.\"user\" SET a = id::text");
	run_plan(-1);
	same_as_fresh(after, "again");
	finish();
}
END_TEST

START_TEST(values_that_come_in_while_rows_are_filled_are_filled_too)
{
	unsigned at = 0;

	start(USER("\"a\":\"integer?\""),
	      USER("\"a\":{\"type\":\"integer\",\"backfill\":{\"sql\":\"id * 2\"}}"),
	      "INSERT INTO shop.\"user\" (a) SELECT NULL FROM generate_series(1, 1000)");
	must_plan(before, after);
	ck_assert_str_eq(check_data(), "");
	while (plan.steps[at].kind != MD_STEP_BATCHES)
		at++;
	run_plan((int)at + 1);
	server_run("INSERT INTO shop.\"user\" (a) VALUES (NULL)");
	memmove((struct md_step *)(uintptr_t)plan.steps, plan.steps + at + 1,
		(plan.step_count - at - 1) * sizeof(*plan.steps));
	plan.step_count -= at + 1;
	run_plan(-1);
	same_as_fresh(after, "filled");
	ck_assert_str_eq(ask_shop("SELECT count(*) FROM \"user\" WHERE a = id * 2"), "1001\n");
	finish();
}
END_TEST

START_TEST(an_operation_fills_a_column_where_it_is_null)
{
	struct md_plan_request request = { .dialect = &md_postgres_ddl, .revision = REVISION };
	struct md_plan_work work = { .request = &request, .plan = &plan };
	const struct md_def_default value = { .sql = { .any = "'n' || id" } };
	const struct md_def_default none = { .fn = MD_DEF_AUTH };
	const struct md_def_model *model;

	start(USER("\"a\":\"text?\""), USER("\"a\":\"text?\""),
	      "INSERT INTO shop.\"user\" (a) SELECT CASE WHEN i % 2 = 0 THEN 'x' END FROM "
	      "generate_series(1, 100) i");
	work.arena = arena;
	memset(&plan, 0, sizeof(plan));
	model = md_definitions_find(before, md_str_of("User"));
	ck_assert_int_eq(md_postgres_planner.backfill(&work, model, &model->fields[1], &none, &err),
			 MD_INVALID);
	ck_assert_int_eq(
		md_postgres_planner.backfill(&work, model, &model->fields[1], &value, &err), MD_OK);
	ck_assert_uint_eq(plan.step_count, 1);
	run_plan(-1);
	ck_assert_str_eq(ask_shop("SELECT count(*) FILTER (WHERE a = 'n' || id), count(*) FILTER "
				  "(WHERE a = 'x') FROM \"user\""),
			 "50|50\n");
	finish();
}
END_TEST

/* --- writers who must not wait -----------------------------------------------------------------
 */

struct writer {
	volatile bool stop;
	unsigned writes;
	uint64_t longest_ns;
};

static void *write_on(void *ctx)
{
	struct writer *writer = ctx;
	PGconn *db = PQconnectdb(server_url);

	while (!writer->stop) {
		uint64_t from = md_now_ns();
		PGresult *result = PQexec(db, "INSERT INTO shop.\"user\" (a) VALUES ('w')");

		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			writer->stop = true;
		PQclear(result);
		writer->writes++;
		if (md_now_ns() - from > writer->longest_ns)
			writer->longest_ns = md_now_ns() - from;
	}
	PQfinish(db);
	return NULL;
}

START_TEST(a_writer_never_waits_long_while_a_table_gets_new_columns_and_indexes)
{
	struct writer writer = { .stop = false };
	pthread_t thread;

	start(USER("\"a\":\"text\""),
	      USER("\"a\":\"text index\",\"n\":\"integer = 7\",\"t\":\"uuid = uuid()\","
		   "\"k\":\"enum(a, b) = b\""),
	      "INSERT INTO shop.\"user\" (a) SELECT 'x' || i FROM generate_series(1, 100000) i;"
	      "ANALYZE shop.\"user\"");
	must_plan(before, after);
	ck_assert(step_named("fill user.t")->rows >= 100000);
	batch = 5000;
	ck_assert_int_eq(pthread_create(&thread, NULL, write_on, &writer), 0);
	run_plan(-1);
	ck_assert(!writer.stop);
	writer.stop = true;
	pthread_join(thread, NULL);
	ck_assert_uint_gt(writer.writes, 10);
	ck_assert_msg(writer.longest_ns < 1000000000, "waited %llu ns",
		      (unsigned long long)writer.longest_ns);
	same_as_fresh(after, "with a writer");
	ck_assert_str_eq(ask_shop("SELECT count(*) - count(t) FROM \"user\""), "0\n");
	finish();
}
END_TEST

static TCase *cases(void)
{
	const TTest *tests[] = {
		what_has_no_way_is_refused_before_anything,
		dropped_columns_and_tables_are_kept_and_noted,
		a_kept_column_moves_with_its_table,
		what_is_to_be_forgotten_is_dropped_for_good,
		values_that_an_expression_replaces_are_told_as_lost,
		a_view_on_a_column_that_gets_another_type_is_named_and_stays,
		what_modeld_does_not_own_stays_as_it_is,
		names_that_others_gave_are_found_by_what_they_name,
		an_index_that_was_cut_off_is_made_again,
		values_that_come_in_while_rows_are_filled_are_filled_too,
		an_operation_fills_a_column_where_it_is_null,
		a_writer_never_waits_long_while_a_table_gets_new_columns_and_indexes,
	};
	TCase *tcase = tcase_create("plan_postgres_cases");

	tcase_set_timeout(tcase, 240);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, rows_that_stand_against_a_change_are_told_by_their_keys, 0,
			    FORBIDDEN);
	return tcase;
}

int main(void)
{
	return plan_main(cases());
}
