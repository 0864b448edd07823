/* Plans for PostgreSQL in tests: made of two definitions and run as the runner does, step by step,
 * in a schema "shop"; a second schema, "fresh", has what the definitions make at once. Include it
 * once per program. */
#ifndef MD_TESTS_PLAN_RIG_H
#define MD_TESTS_PLAN_RIG_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/catalog.h"
#include "core/db/schema.h"
#include "core/migrate/compare.h"
#include "core/migrate/match.h"
#include "core/migrate/plan.h"
#include "core/ops/tables.h"
#include "tests/support/server.h"
#include "tests/support/suite.h"

#define REVISION "1df7b9fe7daa"
enum { BLOCKS_AT_ONCE = 2 };
static unsigned batch = 7;

static struct md_arena *arena;
static struct md_error err;
static struct md_plan plan;
static struct md_db_schema *runner;

static inline const struct md_definitions *load(const char *models)
{
	static char text[16 * 1024];
	struct md_def_source source = { "test.json", { text, 0 } };
	struct md_def_report report = { .items = NULL };
	const struct md_definitions *definitions = NULL;

	snprintf(text, sizeof(text), "{\"version\":1,\"models\":{%s}}", models);
	source.text = md_str_of(text);
	if (md_definitions_load(&source, 1, NULL, MD_ENGINE_POSTGRESQL, &report, &definitions,
				&err) != MD_OK)
		ck_abort_msg("%s\n%s: %s", text, report.items ? report.items[0].place.pointer : "",
			     report.items ? report.items[0].message : err.message);
	md_def_report_release(&report);
	return definitions;
}

static struct md_db_schema *open_schema(const char *name)
{
	const struct md_db_schema_options options = { .url = server_url,
						      .schema = name,
						      .lock_timeout_ms = 2000 };
	struct md_db_schema *schema = NULL;

	if (md_db_schema_open(&options, &schema, &err) != MD_OK)
		ck_abort_msg("%s", err.message);
	return schema;
}

static void make_tables(const struct md_definitions *definitions, const char *schema)
{
	const struct md_tables_options options = { .url = server_url,
						   .schema = schema,
						   .definitions = definitions };
	struct md_tables tables;

	if (md_tables_create(&options, arena, &tables, &err) != MD_OK)
		ck_abort_msg("%s %s", err.message, err.details);
}

/* --- asking ------------------------------------------------------------------------------------
 */

static enum md_code put_row(void *ctx, const char *const *values, unsigned count,
			    struct md_error *error)
{
	struct md_buf *out = ctx;

	(void)error;
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? "|" : "");
		md_buf_puts(out, values[i] ? values[i] : "-");
	}
	md_buf_putc(out, '\n');
	return MD_OK;
}

/* The rows as lines, in the arena. */
static const char *ask(struct md_db_schema *schema, const char *sql)
{
	md_auto_buf out = MD_BUF(1 << 20);
	const char *text;

	if (md_db_schema_query(schema, sql, NULL, 0, put_row, &out, NULL, &err) != MD_OK)
		ck_abort_msg("%s\n%s", sql, err.message);
	text = md_arena_strndup(arena, out.data ? out.data : "", out.len);
	ck_assert_ptr_nonnull(text);
	return text;
}

/* Everything about the tables of a schema, but for the order of columns and what is kept. */
static const char *dump(const char *schema_name)
{
	struct md_db_schema *schema = open_schema(schema_name);
	static const char sql[] =
		"WITH t AS (SELECT c.* FROM pg_class c WHERE relnamespace = "
		"current_schema()::regnamespace AND relkind = 'r' AND relname NOT LIKE "
		"'\\_dropped\\_%' AND relname NOT LIKE '\\_modeld\\_%') "
		"SELECT format('%s.%s %s null=%s default=%s collation=%s identity=%s generated=%s "
		"comment=%s', relname, attname, format_type(atttypid, atttypmod), NOT attnotnull, "
		"pg_get_expr(adbin, adrelid), (SELECT collname FROM pg_collation l WHERE l.oid = "
		"attcollation), attidentity, attgenerated, col_description(t.oid, attnum)) FROM t "
		"JOIN pg_attribute a ON attrelid = t.oid LEFT JOIN pg_attrdef d ON adrelid = t.oid "
		"AND adnum = attnum WHERE attnum > 0 AND NOT attisdropped AND attname NOT LIKE "
		"'\\_dropped\\_%' UNION ALL "
		"SELECT format('%s constraint %s %s valid=%s', relname, conname, "
		"pg_get_constraintdef(k.oid), convalidated) FROM t JOIN pg_constraint k ON "
		"conrelid "
		"= t.oid UNION ALL "
		"SELECT format('%s index %s valid=%s', relname, pg_get_indexdef(indexrelid), "
		"indisvalid) FROM t JOIN pg_index ON indrelid = t.oid UNION ALL "
		"SELECT format('%s options %s %s %s', relname, reloptions, relpersistence, "
		"obj_description(t.oid)) FROM t UNION ALL "
		"SELECT format('%s sequence %s %s', t.relname, s.relname, q.seqtypid::regtype) "
		"FROM "
		"pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN t ON "
		"t.oid "
		"= d.refobjid JOIN pg_sequence q ON q.seqrelid = s.oid UNION ALL "
		"SELECT format('entry %s %s %s %s', kind, name, model, checksum) FROM "
		"_modeld_objects WHERE kind NOT LIKE 'kept%' ORDER BY 1";
	const char *text = ask(schema, sql);
	md_auto_buf out = MD_BUF(1 << 20);
	size_t len = strlen(schema_name);

	for (const char *p = text; *p;) { /* names of schemas aside */
		if (strncmp(p, schema_name, len) == 0 && p[len] == '.') {
			p += len + 1;
			continue;
		}
		md_buf_putc(&out, *p++);
	}
	md_db_schema_close(schema);
	text = md_arena_strndup(arena, out.data ? out.data : "", out.len);
	ck_assert_ptr_nonnull(text);
	return text;
}

/* --- planning and running ----------------------------------------------------------------------
 */

static const char *script(void)
{
	md_auto_buf out = MD_BUF(1 << 20);

	for (unsigned i = 0; i < plan.step_count; i++) {
		const struct md_step *step = &plan.steps[i];

		md_buf_printf(&out, "-- %u %s [%s]\n", step->kind, step->what,
			      step->lock ? step->lock : "");
		for (unsigned k = 0; k < step->sql_count; k++)
			md_buf_printf(&out, "%s;\n", step->sql[k]);
	}
	return md_arena_strndup(arena, out.data ? out.data : "", out.len);
}

/* NULL operations: "[]". */
static inline enum md_code plan_to(const struct md_definitions *before,
				   const struct md_definitions *after, const char *operations,
				   bool forget)
{
	struct md_plan_request request = {
		.dialect = &md_postgres_ddl,
		.revision = REVISION,
		.forget = forget,
		.schema = "shop",
		.live = open_schema("shop"),
	};
	struct md_plan_work work = { .request = &request, .arena = arena, .plan = &plan };
	json_t *list = json_loads(operations ? operations : "[]", 0, NULL);
	enum md_code code;

	ck_assert_ptr_nonnull(list);
	md_error_clear(&err);
	memset(&plan, 0, sizeof(plan));
	request.operations = list;
	code = md_db_schema_catalog(request.live, arena, &work.catalog, &err);
	if (code == MD_OK)
		code = md_match_make(&md_postgres_ddl, before, after, list, arena, &work.match,
				     &err);
	if (code == MD_OK)
		code = md_postgres_planner.plan(&work, &err);
	json_decref(list);
	md_db_schema_close(request.live);
	return code;
}

static void run(const char *sql)
{
	if (md_db_schema_run(runner, sql, &err) == MD_OK)
		return;
	fprintf(stderr, "%s\n", script()); /* too long for Check */
	ck_abort_msg("%.1000s\n%s %.1000s", sql, err.message, err.details);
}

static void run_all(const struct md_step *step)
{
	for (unsigned i = 0; i < step->sql_count; i++)
		run(step->sql[i]);
}

static unsigned number_of(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

/* A template with its numbers. */
static const char *filled(const char *template, unsigned from, unsigned to)
{
	md_auto_buf out = MD_BUF(1 << 16);

	for (const char *p = template; *p;) {
		unsigned values[] = { from, to, batch }, i;
		static const char *const slots[] = { "{from}", "{to}", "{batch}" };

		for (i = 0; i < 3; i++)
			if (strncmp(p, slots[i], strlen(slots[i])) == 0)
				break;
		if (i == 3) {
			md_buf_putc(&out, *p++);
			continue;
		}
		md_buf_printf(&out, "%u", values[i]);
		p += strlen(slots[i]);
	}
	return md_arena_strndup(arena, out.data, out.len);
}

static void run_batches(const struct md_step *step)
{
	unsigned blocks = step->blocks ? number_of(ask(runner, step->blocks)) : 1;
	unsigned pieces = 0, limit = 1000000;

	for (unsigned from = 0; from < blocks;) {
		const char *sql = filled(step->sql[0], from, from + BLOCKS_AT_ONCE);
		uint64_t changed = 0;

		ck_assert_uint_lt(pieces++, limit);
		if (md_db_schema_query(runner, sql, NULL, 0, NULL, NULL, &changed, &err) != MD_OK)
			ck_abort_msg("%s\n%s", sql, err.message);
		ck_assert_uint_le(changed, batch);
		if (changed == 0)
			from += BLOCKS_AT_ONCE;
	}
	if (step->remaining)
		ck_assert_uint_eq(number_of(ask(runner, step->remaining)), 0);
}

static void run_alone(const struct md_step *step)
{
	if (step->probe && *ask(runner, step->probe))
		return;
	if (step->clean)
		run(step->clean);
	run_all(step);
	if (step->probe)
		ck_assert_str_ne(ask(runner, step->probe), "");
}

/* Numbers that PostgreSQL knows the rows of the tables by: others when they are written anew. */
static const char *files(void)
{
	return ask(runner, "SELECT oid, relfilenode FROM pg_class WHERE relkind = 'r' AND "
			   "relnamespace = 'shop'::regnamespace AND oid < 1000000000 ORDER BY oid");
}

/* The strongest lock that the runner's open transaction has on tables that were there before, as
 * another session sees it. */
static const char *strongest(const char *known)
{
	const char *pid = ask(runner, "SELECT pg_backend_pid()");

	return md_arena_printf(
		arena, "%s",
		server_ask(md_arena_printf(
			arena,
			"SELECT upper(regexp_replace(regexp_replace(mode, 'Lock$', ''), "
			"'([a-z])([A-Z])', '\\1 \\2', 'g')) FROM pg_locks WHERE pid = %s AND "
			"locktype = 'relation' AND relation = ANY ('{%s}'::oid[]) AND mode NOT IN "
			"('AccessShareLock', 'RowShareLock', 'RowExclusiveLock') ORDER BY "
			"array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock', "
			"'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock'], mode)",
			pid, known)));
}

static const char *tables_and_indexes(void)
{
	const char *list =
		ask(runner, "SELECT string_agg(oid::text, ',') FROM pg_class WHERE "
			    "relkind IN ('r', 'i', 'S') AND relname NOT LIKE '\\_modeld\\_obj%' "
			    "AND relnamespace = 'shop'::regnamespace");

	return md_arena_strndup(arena, list, strlen(list) - 1);
}

/* Run a step, and see that it takes the lock and writes the table as it says. */
static void run_watched(const struct md_step *step)
{
	const char *known = tables_and_indexes(), *was = files(), *lock;
	bool made = strncmp(step->what, "make table", 10) == 0;

	run_all(step);
	lock = strongest(known);
	ck_assert_msg(strcmp(lock, step->lock ? step->lock : "") == 0, "%s: %s, not %s\n%s",
		      step->what, lock, step->lock ? step->lock : "none", script());
	if (!made)
		ck_assert_msg((strcmp(files(), was) != 0) == step->rewrites, "%s: rewrites %d\n%s",
			      step->what, step->rewrites, script());
}

/* Each step of one transaction in one of its own, watched; the others as the runner does. */
static bool watching;

/* All steps in their order. `stop`: before this one; -1: to the end. */
static void run_plan(int stop)
{
	runner = open_schema("shop");
	for (unsigned i = 0; i < plan.step_count && (int)i != stop; i++) {
		const struct md_step *step = &plan.steps[i];
		bool apart = step->kind == MD_STEP_APART || watching;
		bool first = i == 0 || plan.steps[i - 1].kind != MD_STEP_TOGETHER;
		bool last = i + 1 == plan.step_count || (int)i + 1 == stop ||
			    plan.steps[i + 1].kind != MD_STEP_TOGETHER;

		if (step->kind == MD_STEP_ALONE)
			run_alone(step);
		if (step->kind == MD_STEP_BATCHES)
			run_batches(step);
		if (step->kind == MD_STEP_ALONE || step->kind == MD_STEP_BATCHES)
			continue;
		if (apart || first)
			run("BEGIN");
		(watching ? run_watched : run_all)(step);
		if (apart || last)
			run("COMMIT");
	}
	runner = md_db_schema_close(runner);
}

/* What the questions to the data find, "object: keys" a line. */
static const char *check_data(void)
{
	md_auto_buf out = MD_BUF(1 << 16);
	struct md_db_schema *schema = open_schema("shop");

	for (unsigned i = 0; i < plan.check_count; i++) {
		md_auto_buf keys = MD_BUF(1 << 16);
		const struct md_data_check *check = &plan.checks[i];

		if (md_db_schema_query(schema, check->sql, NULL, 0, put_row, &keys, NULL, &err) !=
		    MD_OK)
			ck_abort_msg("%s\n%s", check->sql, err.message);
		if (keys.len > 0)
			md_buf_printf(&out, "%s %s: %s", check->wire, check->object,
				      md_buf_text(&keys));
	}
	md_db_schema_close(schema);
	return md_arena_strndup(arena, out.data ? out.data : "", out.len);
}

static void new_schemas(void)
{
	server_run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS shop CASCADE;"
		   "DROP SCHEMA IF EXISTS fresh CASCADE; CREATE SCHEMA shop; CREATE SCHEMA fresh");
}

static void begin(void)
{
	new_schemas();
	arena = md_arena_new(256 << 20);
	ck_assert_ptr_nonnull(arena);
}

static void end(void)
{
	arena = md_arena_free(arena);
}

/* Lines that only one of them has. */
static void fail_with_difference(const char *title, const char *is, const char *wanted)
{
	const char *texts[] = { is, wanted };

	fprintf(stderr, "%s\n", title);
	for (unsigned t = 0; t < 2; t++)
		for (const char *line = texts[t]; *line; line = strchr(line, '\n') + 1) {
			int len = (int)(strchr(line, '\n') - line + 1);
			const char *copy = md_arena_strndup(arena, line, (size_t)len);

			if (!strstr(texts[1 - t], copy))
				fprintf(stderr, "%c %s", t == 0 ? '+' : '-', copy);
		}
	fprintf(stderr, "%s\n", script());
	ck_abort_msg("%s: not as a new one", title);
}

/* What comparing finds, but for what is kept. */
static const char *differences(const struct md_definitions *definitions, const char *name)
{
	struct md_db_schema *schema = open_schema(name);
	md_auto_buf out = MD_BUF(1 << 16);
	const struct md_catalog *catalog;
	struct md_differences found = { .items = NULL };
	bool missing[64];

	ck_assert_int_eq(md_db_schema_catalog(schema, arena, &catalog, &err), MD_OK);
	ck_assert_int_eq(
		md_compare(&md_postgres_ddl, definitions, catalog, arena, missing, &found, &err),
		MD_OK);
	for (unsigned i = 0; i < found.count; i++) {
		const struct md_difference *one = &found.items[i];
		const char *column = one->column ? one->column : "";

		if (!md_is_kept_name(one->table) && !md_is_kept_name(column))
			md_buf_printf(&out, "%s.%s %s\n", one->table, column, one->text);
	}
	md_db_schema_close(schema);
	return md_arena_strndup(arena, out.data ? out.data : "", out.len);
}

/* The schema is as a new one made of the definitions, and comparing finds nothing more there. */
static void same_as_fresh(const struct md_definitions *definitions, const char *title)
{
	const char *shop, *fresh;

	server_run("SET client_min_messages = warning; DROP SCHEMA fresh CASCADE;"
		   "CREATE SCHEMA fresh");
	make_tables(definitions, "fresh");
	shop = dump("shop");
	fresh = dump("fresh");
	if (strcmp(shop, fresh) != 0)
		fail_with_difference(title, shop, fresh);
	shop = differences(definitions, "shop");
	fresh = differences(definitions, "fresh");
	if (strcmp(shop, fresh) != 0)
		fail_with_difference(title, shop, fresh);
}
static int plan_main(TCase *tests)
{
	SRunner *all;
	Suite *suite;
	int failed;

	if (!server_start()) {
		fprintf(stderr, "cannot start a server\n");
		return EXIT_FAILURE;
	}
	suite = suite_create("plans for PostgreSQL");
	suite_add_tcase(suite, tests);
	all = srunner_create(suite);
	srunner_run_all(all, CK_ENV);
	failed = srunner_ntests_failed(all);
	srunner_free(all);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
#endif
