/* Introspection of PostgreSQL: who may do what, and functions. On a server of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/catalog.h"
#include "core/db/driver.h"
#include "tests/support/server.h"
#include "tests/support/suite.h"

static struct md_arena *arena;
static const struct md_catalog *catalog;

static void look(const char *sql, const char *role)
{
	const struct md_conn_target target = {
		.url = server_url, .read_only = true, .schema = "api", .role = role
	};
	struct md_conn *conn = NULL;
	struct md_error err;

	server_run(sql);
	md_error_clear(&err);
	arena = md_arena_free(arena);
	arena = md_arena_new(64 << 20);
	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
	if (md_postgres_driver.catalog(conn, arena, &catalog, &err) != MD_OK)
		ck_abort_msg("%s", err.message);
	md_postgres_driver.close(conn);
}

static void begin(void)
{
	server_run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS api CASCADE;"
		   "CREATE SCHEMA api; DROP ROLE IF EXISTS web; CREATE ROLE web");
}

static const struct md_catalog_table *the_table(const char *name)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	ck_abort_msg("no table %s", name);
	return NULL;
}

/* What requests may do: s, i, u, d of the table, then of each column. */
static const char *rights(const char *name)
{
	static const char letters[] = "siud";
	static char text[256];
	const struct md_catalog_table *t = the_table(name);
	size_t n = 0;

	for (unsigned i = 0; i <= t->column_count; i++) {
		unsigned lacks = i == 0 ? t->web_lacks : t->columns[i - 1].web_lacks;

		if (i > 0)
			text[n++] = ' ';
		for (unsigned k = 0; k < (i == 0 ? 4u : 3u); k++)
			if (!(lacks & 1u << k))
				text[n++] = letters[k];
	}
	text[n] = '\0';
	return text;
}

START_TEST(rights_of_the_role_of_requests_are_told_for_tables_and_columns)
{
	begin();
	look("CREATE TABLE api.all (a int, b int); CREATE TABLE api.none (a int, b int);"
	     "CREATE TABLE api.some (a int, b int, c int); CREATE VIEW api.v AS SELECT 1 AS a;"
	     "CREATE TABLE api.public (a int);"
	     "GRANT ALL ON api.all TO web; GRANT SELECT ON api.v TO web;"
	     "GRANT SELECT, INSERT ON api.public TO PUBLIC;"
	     "GRANT DELETE ON api.some TO web; GRANT SELECT (a, b), UPDATE (b) ON api.some TO web",
	     "web");
	ck_assert_str_eq(rights("all"), "siud siu siu");
	ck_assert_str_eq(rights("none"), "  ");
	ck_assert_str_eq(rights("some"), "sud s su ");
	ck_assert_str_eq(rights("v"), "s s");
	ck_assert_str_eq(rights("public"), "si si");
	ck_assert_uint_eq(the_table("none")->lacks, 0); /* the session's role owns it */
	ck_assert_uint_eq(the_table("some")->columns[2].lacks, 0);
}
END_TEST

START_TEST(without_a_role_requests_may_do_what_the_session_may)
{
	begin();
	look("CREATE TABLE api.t (a int)", NULL);
	ck_assert_str_eq(rights("t"), "siud siu");
}
END_TEST

START_TEST(a_role_that_does_not_exist_may_do_nothing)
{
	begin();
	look("CREATE TABLE api.t (a int); CREATE FUNCTION api.f() RETURNS int LANGUAGE sql RETURN "
	     "1",
	     "nobody at \"all'");
	ck_assert_str_eq(rights("t"), " ");
	ck_assert(catalog->functions[0].web_lacks && !catalog->functions[0].lacks);
}
END_TEST

/* Everything of the functions on lines. */
static const char *tell_functions(void)
{
	static const char *const modes[] = { "", "out ", "inout ", "variadic ", "table " };
	static const char *const volatilities[] = { "volatile", "stable", "immutable" };
	static char text[4096];
	size_t n = 0;

#define ADD(...) n += (size_t)snprintf(text + n, sizeof(text) - n, __VA_ARGS__)
	for (unsigned i = 0; i < catalog->function_count; i++) {
		const struct md_catalog_function *f = &catalog->functions[i];

		ADD("%s(", f->name);
		for (unsigned k = 0; k < f->argument_count; k++) {
			const struct md_catalog_argument *a = &f->arguments[k];

			ADD("%s%s%s %s%s%s", k > 0 ? ", " : "", modes[a->mode], a->name,
			    a->declared, a->fallback ? " = " : "", a->fallback ? a->fallback : "");
		}
		ADD(") %s%s%s%s%s %s%s%s%s\n", f->returns_set ? "set of " : "", f->returns,
		    f->returns_composite ? " row" : "", f->returns_relation ? " of " : "",
		    f->returns_relation ? f->returns_relation : "", volatilities[f->volatility],
		    f->comment ? " -- " : "", f->comment ? f->comment : "",
		    f->web_lacks ? " closed" : "");
	}
#undef ADD
	return text;
}

START_TEST(functions_are_told_with_their_arguments_and_results)
{
	begin();
	look("CREATE TABLE api.t (id int, name text); CREATE DOMAIN api.short AS varchar(5);"
	     "CREATE FUNCTION api.add(a int, b int DEFAULT 1 + 1) RETURNS int IMMUTABLE"
	     "  LANGUAGE sql RETURN a + b;"
	     "COMMENT ON FUNCTION api.add(int, int) IS 'sums';"
	     "CREATE FUNCTION api.add(a text) RETURNS api.short STABLE LANGUAGE sql RETURN a;"
	     "CREATE FUNCTION api.all_t() RETURNS SETOF api.t LANGUAGE sql AS 'SELECT * FROM "
	     "api.t';"
	     "CREATE FUNCTION api.both(INOUT x int, OUT y text) LANGUAGE sql AS 'SELECT 1, ''a''';"
	     "CREATE FUNCTION api.many(VARIADIC v int[]) RETURNS void LANGUAGE sql AS 'SELECT 1';"
	     "CREATE FUNCTION api.one(OUT y numeric) LANGUAGE sql AS 'SELECT 1.0';"
	     "CREATE FUNCTION api.rows(n int) RETURNS TABLE (a int, b text) LANGUAGE sql"
	     "  AS 'SELECT 1, ''x''';"
	     "CREATE FUNCTION api.unnamed(int, text DEFAULT 'x') RETURNS json LANGUAGE sql"
	     "  AS 'SELECT ''{}''::json';"
	     "CREATE FUNCTION api.hidden() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; "
	     "END';"
	     "CREATE PROCEDURE api.proc() LANGUAGE sql AS 'SELECT 1';"
	     "CREATE AGGREGATE api.agg (int) (sfunc = int4pl, stype = int);"
	     "REVOKE EXECUTE ON FUNCTION api.all_t() FROM PUBLIC",
	     "web");
	ck_assert_str_eq(
		tell_functions(),
		"add(a integer, b integer = (1 + 1)) integer immutable -- sums\n"
		"add(a text) api.short stable\n"
		"all_t() set of api.t row of t volatile closed\n"
		"both(inout x integer, out y text) record row volatile\n"
		"many(variadic v integer[]) void volatile\n"
		"one(out y numeric) numeric volatile\n"
		"rows(n integer, table a integer, table b text) set of record row volatile\n"
		"unnamed( integer,  text = 'x'::text) json volatile\n");
	ck_assert_int_eq(catalog->functions[0].returns_type, MD_TYPE_INT4);
	ck_assert_int_eq(catalog->functions[0].arguments[0].type, MD_TYPE_INT4);
}
END_TEST

START_TEST(the_print_of_a_catalog_is_another_one_after_each_change)
{
	static const char *const changes[] = {
		"ALTER TABLE api.t ADD b int",
		"ALTER TABLE api.t ALTER b TYPE bigint",
		"ALTER TABLE api.t ALTER b SET DEFAULT 5",
		"ALTER TABLE api.t ALTER b SET NOT NULL",
		"COMMENT ON COLUMN api.t.b IS 'x'",
		"CREATE INDEX i ON api.t (b)",
		"ALTER TABLE api.t ADD CHECK (b > 0)",
		"ALTER TABLE api.t ADD UNIQUE (b)",
		"ALTER TYPE api.mood ADD VALUE 'wild'",
		"GRANT SELECT (b) ON api.t TO web",
		"CREATE FUNCTION api.f(a int) RETURNS int LANGUAGE sql RETURN 1",
		"ALTER FUNCTION api.f(int) STABLE",
		"CREATE VIEW api.v AS SELECT b FROM api.t",
		"CREATE OR REPLACE VIEW api.v AS SELECT b + 1 AS b FROM api.t",
		"DROP VIEW api.v",
	};
	uint64_t before, after;

	begin();
	look("CREATE TYPE api.mood AS ENUM ('calm'); CREATE TABLE api.t (id int, m api.mood)",
	     "web");
	before = md_catalog_print(catalog);
	look("INSERT INTO api.t VALUES (1, 'calm'); ANALYZE api.t", "web");
	ck_assert_uint_eq(md_catalog_print(catalog), before);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		look(strstr(changes[i], "NOT NULL") ? "UPDATE api.t SET b = 1" : "SELECT 1", "web");
		look(changes[i], "web");
		after = md_catalog_print(catalog);
		ck_assert_msg(after != before, "%s", changes[i]);
		before = after;
	}
	arena = md_arena_free(arena);
}
END_TEST

SUITE_RUN("postgres rights", rights_of_the_role_of_requests_are_told_for_tables_and_columns,
	  without_a_role_requests_may_do_what_the_session_may,
	  a_role_that_does_not_exist_may_do_nothing,
	  functions_are_told_with_their_arguments_and_results,
	  the_print_of_a_catalog_is_another_one_after_each_change)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
