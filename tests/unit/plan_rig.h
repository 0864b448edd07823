/* A database file that goes from one definition file to another by plans, as the runner would run
 * them. Everything fails its test at once. */
#ifndef MD_TESTS_PLAN_RIG_H
#define MD_TESTS_PLAN_RIG_H
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/db/catalog.h"
#include "core/db/schema.h"
#include "core/migrate/compare.h"
#include "core/migrate/match.h"
#include "core/migrate/plan.h"
#include "core/ops/tables.h"
#include "tests/support/suite.h"

#define RIG_REVISION "1df7b9fe7daa"

static char rig_path[64], rig_url[96], rig_fresh_path[64], rig_fresh_url[96];
static struct md_arena *rig_arena;
static struct md_plan rig_plan;
static struct md_error rig_err;
static bool rig_forget;
/* Steps point into definitions: they stay until the end. */
static const struct md_definitions *rig_loaded[64];
static unsigned rig_loaded_count;

static inline void rig_unlink(const char *path)
{
	static const char *const parts[] = { "", "-wal", "-shm", "-journal" };
	char name[96];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
}

static inline void rig_begin(void)
{
	snprintf(rig_path, sizeof(rig_path), "/tmp/modeld-plan-%d.db", (int)getpid());
	snprintf(rig_url, sizeof(rig_url), "sqlite:///%s", rig_path);
	snprintf(rig_fresh_path, sizeof(rig_fresh_path), "/tmp/modeld-plan-%d-new.db",
		 (int)getpid());
	snprintf(rig_fresh_url, sizeof(rig_fresh_url), "sqlite:///%s", rig_fresh_path);
	rig_unlink(rig_path);
	rig_unlink(rig_fresh_path);
	rig_arena = md_arena_new(256 << 20);
	rig_forget = false;
	ck_assert_ptr_nonnull(rig_arena);
}

static inline void rig_end(void)
{
	rig_unlink(rig_path);
	rig_unlink(rig_fresh_path);
	while (rig_loaded_count > 0)
		md_definitions_free(rig_loaded[--rig_loaded_count]);
	rig_arena = md_arena_free(rig_arena);
}

static inline const struct md_definitions *rig_load(const char *models)
{
	const struct md_definitions *definitions = NULL;
	struct md_def_report report = { .items = NULL };
	char *text = md_arena_printf(rig_arena, "{\"version\":1,\"models\":{%s}}", models);
	struct md_def_source source = { "test.json", md_str_of(text) };

	if (md_definitions_load(&source, 1, NULL, MD_ENGINE_SQLITE, &report, &definitions,
				&rig_err) != MD_OK)
		ck_abort_msg("%s\n%s: %s", text, report.items ? report.items[0].place.pointer : "",
			     report.items ? report.items[0].message : rig_err.message);
	md_def_report_release(&report);
	ck_assert_uint_lt(rig_loaded_count, 64);
	rig_loaded[rig_loaded_count++] = definitions;
	return definitions;
}

static inline void rig_create_in(const char *url, const struct md_definitions *definitions)
{
	struct md_tables_options options = { .url = url,
					     .definitions = definitions,
					     .keep_journal = true };
	struct md_tables tables;

	if (md_tables_create(&options, rig_arena, &tables, &rig_err) != MD_OK)
		ck_abort_msg("%s\n%s", rig_err.message, rig_err.details);
}

/* The database as the models make it. */
static inline void rig_create(const char *models)
{
	const struct md_definitions *definitions = rig_load(models);

	rig_create_in(rig_url, definitions);
}

static inline sqlite3 *rig_open(const char *path)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
	return db;
}

static inline void rig_sql(const char *sql)
{
	sqlite3 *db = rig_open(rig_path);
	char *message = NULL;

	sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		ck_abort_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

/* All rows of a query as "a|b\nc|d\n"; what goes wrong as its message. */
static inline const char *rig_ask_in(const char *path, const char *sql)
{
	sqlite3 *db = rig_open(path);
	sqlite3_stmt *stmt = NULL;
	md_auto_buf out = MD_BUF(16 << 20);
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *text = (const char *)sqlite3_column_text(stmt, i);

			md_buf_printf(&out, "%s%s", i > 0 ? "|" : "", text ? text : "NULL");
		}
		md_buf_putc(&out, '\n');
	}
	if (rc != SQLITE_OK)
		md_buf_puts(&out, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return md_arena_strndup(rig_arena, out.data ? out.data : "", out.len);
}

static inline const char *rig_ask(const char *sql)
{
	return rig_ask_in(rig_path, sql);
}

/* --- plans -------------------------------------------------------------------------------------
 */

static inline struct md_db_schema *rig_schema(void)
{
	const struct md_db_schema_options options = { .url = rig_url, .keep_journal = true };
	struct md_db_schema *schema = NULL;

	if (md_db_schema_open(&options, &schema, &rig_err) != MD_OK ||
	    md_db_schema_run(schema, "PRAGMA synchronous=OFF", &rig_err) != MD_OK)
		ck_abort_msg("%s", rig_err.message);
	return schema;
}

/* One stretch; `operations` rename. */
static inline enum md_code rig_plan_between(struct md_db_schema *schema,
					    const struct md_definitions *before,
					    const struct md_definitions *after,
					    const char *operations)
{
	json_t *json = json_loads(operations ? operations : "[]", 0, NULL);
	struct md_snapshot past = { .definitions = before };
	struct md_plan_request request = { .dialect = &md_sqlite_ddl,
					   .before = &past,
					   .operations = json,
					   .revision = RIG_REVISION,
					   .forget = rig_forget,
					   .live = schema };
	struct md_plan_work work = { .request = &request, .arena = rig_arena, .plan = &rig_plan };
	enum md_code code;

	ck_assert_ptr_nonnull(json);
	md_error_clear(&rig_err);
	memset(&rig_plan, 0, sizeof(rig_plan));
	ck_assert_int_eq(md_match_make(&md_sqlite_ddl, before, after, json, rig_arena, &work.match,
				       &rig_err),
			 MD_OK);
	code = md_sqlite_planner.begin(&work, &rig_err);
	if (code == MD_OK)
		code = md_sqlite_planner.plan(&work, &rig_err);
	md_sqlite_planner.end(&work);
	json_decref(json);
	return code;
}

static inline enum md_code rig_tell(void *ctx, const char *const *values, unsigned count,
				    struct md_error *err)
{
	struct md_buf *out = ctx;

	(void)err;
	for (unsigned i = 0; i < count; i++)
		md_buf_printf(out, "%s%s", i > 0 ? "|" : "", values[i] ? values[i] : "NULL");
	md_buf_putc(out, '\n');
	return MD_OK;
}

/* What the data checks say: "wire object: message [keys]" a line. */
static inline const char *rig_checks(struct md_db_schema *schema)
{
	md_auto_buf all = MD_BUF(1 << 20);

	for (unsigned i = 0; i < rig_plan.check_count; i++) {
		const struct md_data_check *check = &rig_plan.checks[i];
		md_auto_buf keys = MD_BUF(1 << 20);

		if (md_db_schema_query(schema, check->sql, NULL, 0, rig_tell, &keys, NULL,
				       &rig_err) != MD_OK)
			ck_abort_msg("%s\n%s", check->sql, rig_err.message);
		for (size_t k = 0; k < keys.len; k++)
			keys.data[k] = keys.data[k] == '\n' ? ' ' : keys.data[k];
		if (keys.len > 0)
			md_buf_printf(&all, "%s %s: %s [%.*s]\n", check->wire, check->object,
				      check->message, (int)keys.len - 1, keys.data);
	}
	return md_arena_strndup(rig_arena, all.data ? all.data : "", all.len);
}

static inline void rig_run_one(struct md_db_schema *schema, const char *sql)
{
	if (md_db_schema_run(schema, sql, &rig_err) != MD_OK)
		ck_abort_msg("%s\n%s %s", sql, rig_err.message, rig_err.details);
}

/* As the runner does. */
static inline void rig_run(struct md_db_schema *schema)
{
	for (unsigned i = 0; i < rig_plan.open_count; i++)
		rig_run_one(schema, rig_plan.open[i]);
	ck_assert_int_eq(md_db_schema_begin(schema, &rig_err), MD_OK);
	for (unsigned i = 0; i < rig_plan.step_count; i++) {
		const struct md_step *step = &rig_plan.steps[i];

		ck_assert_ptr_nonnull(step->what);
		ck_assert_ptr_nonnull(step->object);
		ck_assert(strcmp(step->object, "sql") == 0 || strcmp(step->lock, "database") == 0);
		ck_assert((step->risk == MD_RISK_NONE) == (step->at_risk == NULL));
		for (unsigned k = 0; k < step->sql_count; k++)
			rig_run_one(schema, step->sql[k]);
	}
	for (unsigned i = 0; i < rig_plan.verify_count; i++) {
		md_auto_buf told = MD_BUF(1 << 20);

		if (md_db_schema_query(schema, rig_plan.verify[i], NULL, 0, rig_tell, &told, NULL,
				       &rig_err) != MD_OK)
			ck_abort_msg("%s\n%s", rig_plan.verify[i], rig_err.message);
		ck_assert_msg(told.len == 0, "%s\n%s", rig_plan.verify[i], told.data);
	}
	ck_assert_int_eq(md_db_schema_commit(schema, &rig_err), MD_OK);
	for (unsigned i = 0; i < rig_plan.close_count; i++)
		rig_run_one(schema, rig_plan.close[i]);
}

/* --- what came of it ---------------------------------------------------------------------------
 */

/* What is kept, and what was never ours, is no difference. */
static inline bool rig_is_own(const struct md_difference *difference)
{
	return difference->model && !strstr(difference->text, "the model has no ");
}

static inline void rig_compare(struct md_db_schema *schema,
			       const struct md_definitions *definitions)
{
	bool missing[64] = { false };
	struct md_differences found = { .items = NULL };
	const struct md_catalog *catalog;

	ck_assert_int_eq(md_db_schema_catalog(schema, rig_arena, &catalog, &rig_err), MD_OK);
	ck_assert_int_eq(md_compare(&md_sqlite_ddl, definitions, catalog, rig_arena, missing,
				    &found, &rig_err),
			 MD_OK);
	for (unsigned i = 0; i < definitions->model_count; i++)
		ck_assert_msg(!missing[i], "%s is missing", definitions->models[i].table);
	for (unsigned i = 0; i < found.count; i++)
		if (rig_is_own(&found.items[i]))
			ck_abort_msg("%s.%s: %s", found.items[i].table,
				     found.items[i].column ? found.items[i].column : "",
				     found.items[i].text);
}

/* Plan without a word against it; run; hold against the definitions. */
static inline void rig_go(const char *from, const char *to, const char *operations)
{
	const struct md_definitions *before = rig_load(from), *after = rig_load(to);
	struct md_db_schema *schema = rig_schema();

	if (rig_plan_between(schema, before, after, operations) != MD_OK)
		ck_abort_msg("%s\n%s", rig_err.message, rig_err.details);
	ck_assert_str_eq(rig_checks(schema), "");
	rig_run(schema);
	rig_compare(schema, after);
	md_db_schema_close(schema);
}

/* Plan only: what the data checks say, or the failure. */
static inline const char *rig_refusal(const char *from, const char *to, const char *operations)
{
	const struct md_definitions *before = rig_load(from), *after = rig_load(to);
	struct md_db_schema *schema = rig_schema();
	const char *text;

	if (rig_plan_between(schema, before, after, operations) == MD_OK)
		text = rig_checks(schema);
	else
		text = md_arena_printf(rig_arena, "%s: %s", rig_err.wire, rig_err.message);
	md_db_schema_close(schema);
	return text;
}

/* The text of a table in a database made of the models alone. */
static inline const char *rig_fresh_text(const char *models, const char *table)
{
	const struct md_definitions *definitions = rig_load(models);
	const char *sql = md_arena_printf(
		rig_arena,
		"SELECT sql FROM sqlite_schema WHERE tbl_name = '%s' ORDER BY type, name", table);

	rig_unlink(rig_fresh_path);
	rig_create_in(rig_fresh_url, definitions);
	return rig_ask_in(rig_fresh_path, sql);
}

static inline const struct md_step *rig_step(const char *object)
{
	for (unsigned i = 0; i < rig_plan.step_count; i++)
		if (strcmp(rig_plan.steps[i].object, object) == 0)
			return &rig_plan.steps[i];
	ck_abort_msg("no step for %s", object);
	return NULL;
}

static inline unsigned rig_rewrites(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < rig_plan.step_count; i++)
		count += rig_plan.steps[i].rewrites;
	return count;
}
#endif
