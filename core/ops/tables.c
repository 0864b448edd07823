#include "core/ops/tables.h"

#include <string.h>

#include "core/db/schema.h"

#include "core/base/banned.h"

enum { STATEMENT_MAX = 1024 * 1024 };

/* One run of md_tables_create(). */
struct work {
	const struct md_tables_options *options;
	const struct md_ddl_dialect *dialect;
	struct md_arena *arena;
	struct md_tables tables;
	const char **script;
	bool in_memory; /* texts can be tried out there */
};

static enum md_code open_with(const struct work *work, struct md_db_schema_options how,
			      struct md_db_schema **ret_schema, struct md_error *err)
{
	how.url = work->options->url;
	how.schema = work->options->schema;
	how.lock_timeout_ms = work->options->lock_timeout_ms;
	how.keep_journal = work->options->keep_journal;
	how.log = work->options->log;
	how.wal_owner = work->options->wal_owner;
	return md_db_schema_open(&how, ret_schema, err);
}

/* --- the script --------------------------------------------------------------------------------
 */

static enum md_code add_text(struct work *work, const char *text, struct md_error *err)
{
	if (!text)
		return md_fail_nomem(err);
	work->script[work->tables.script_count++] = text;
	return MD_OK;
}

static enum md_code add_entry(struct work *work, const struct md_ddl_statement *made,
			      struct md_error *err)
{
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);

	md_ddl_put_entry(work->dialect, &sql, made);
	return add_text(work, sql.failed ? NULL : md_arena_strndup(work->arena, sql.data, sql.len),
			err);
}

/* The statements of the plan, and notes of what they make. */
static enum md_code write_script(struct work *work, struct md_error *err)
{
	const struct md_ddl_plan *plan = &work->tables.plan;
	enum md_code code = MD_OK;

	if (plan->count == 0)
		return MD_OK;
	work->script = md_arena_alloc(work->arena, (2 * plan->count + 1) * sizeof(*work->script));
	if (!work->script)
		return md_fail_nomem(err);
	work->tables.script = work->script;
	for (unsigned i = 0; code == MD_OK && i < plan->count; i++)
		code = add_text(work, plan->statements[i].sql, err);
	if (code == MD_OK)
		code = add_text(work, work->dialect->objects_table, err);
	for (unsigned i = 0; code == MD_OK && i < plan->count; i++)
		code = add_entry(work, &plan->statements[i], err);
	return code;
}

/* --- the database ------------------------------------------------------------------------------
 */

/* What is there, what differs, what is to be done. */
static enum md_code look(struct work *work, struct md_db_schema *schema, struct md_error *err)
{
	const struct md_definitions *definitions = work->options->definitions;
	const struct md_catalog *catalog;
	bool *missing = md_arena_zalloc(work->arena, definitions->model_count * sizeof(*missing));
	enum md_code code;

	work->dialect = md_ddl_dialect_of(md_db_schema_dialect(schema));
	work->in_memory = md_db_schema_is_file(schema);
	if (!missing)
		return md_fail_nomem(err);
	if (!work->dialect)
		return md_fail(err, MD_INVALID, "MD400", "tables cannot be made on this engine");
	code = md_db_schema_catalog(schema, work->arena, &catalog, err);
	if (code == MD_OK)
		code = md_compare(work->dialect, definitions, catalog, work->arena, missing,
				  &work->tables.differences, err);
	if (code != MD_OK || (work->tables.differences.blocking > 0 && !work->options->anyway))
		return code;
	code = md_ddl_plan(work->dialect, definitions, missing, work->arena, &work->tables.plan,
			   err);
	return code == MD_OK ? write_script(work, err) : code;
}

/* Which model a statement belongs to, and where that is declared. */
static void say_where(const struct md_ddl_plan *plan, const char *sql, struct md_error *err)
{
	for (unsigned i = 0; i < plan->count; i++) {
		const struct md_def_model *model = plan->statements[i].model;

		if (plan->statements[i].sql == sql && err->hint[0] == '\0')
			md_error_hint(err, "the model is %s, %s:%u", model->name, model->place.file,
				      model->place.line);
	}
}

static enum md_code run_script(const struct work *work, struct md_db_schema *schema,
			       struct md_error *err)
{
	for (unsigned i = 0; i < work->tables.script_count; i++) {
		enum md_code code = md_db_schema_run(schema, work->script[i], err);

		if (code == MD_OK)
			continue;
		md_error_details(err, "in: %.1400s", work->script[i]);
		say_where(&work->tables.plan, work->script[i], err);
		return code;
	}
	return MD_OK;
}

/* Everything on a new database in memory, so that mistakes in the SQL of users are found before a
 * file is touched; on a server, where a transaction that fails leaves nothing behind, only for a
 * dry run, in a transaction that is rolled back. */
static enum md_code rehearse(const struct work *work, struct md_error *err)
{
	md_auto_schema schema = NULL;
	enum md_code code =
		open_with(work, (struct md_db_schema_options){ .scratch = true }, &schema, err);

	return code == MD_OK ? run_script(work, schema, err) : code;
}

/* A file, or a folder, that may only be read. */
static enum md_code fail_read_only(enum md_code code, struct md_error *err)
{
	if (!err || strcmp(err->wire, "25006") != 0)
		return code;
	md_fail(err, MD_UNAVAILABLE, "25006",
		"tables are missing, and the database can only be read");
	md_error_hint(err, "give write access to the file and its folder, or make the tables with "
			   "modeld db create-tables first");
	return MD_UNAVAILABLE;
}

/* Look and act in one transaction: nobody comes in between. A failure rolls it back by closing. */
static enum md_code act(struct work *work, struct md_db_schema *schema, struct md_error *err)
{
	enum md_code code = md_db_schema_begin(schema, err);

	if (code != MD_OK)
		return fail_read_only(code, err);
	code = look(work, schema, err);
	if (code != MD_OK || work->tables.script_count == 0)
		return code;
	code = run_script(work, schema, err);
	return code == MD_OK ? md_db_schema_commit(schema, err) : code;
}

/* The database as it is; when there is no file, an empty one. */
static enum md_code look_only(struct work *work, bool *ret_absent, struct md_error *err)
{
	md_auto_schema schema = NULL;
	struct md_error missing = { .code = MD_OK };
	enum md_code code = open_with(work, (struct md_db_schema_options){ .read_only = true },
				      &schema, &missing);

	*ret_absent = code == MD_NOT_FOUND && !work->options->no_file;
	if (*ret_absent)
		code = open_with(work, (struct md_db_schema_options){ .scratch = true }, &schema,
				 err);
	else if (code != MD_OK && err)
		*err = missing;
	if (code == MD_OK)
		code = look(work, schema, err);
	if (code == MD_OK && *ret_absent && work->tables.script_count == 0 &&
	    work->tables.differences.blocking == 0) {
		if (err)
			*err = missing;
		return MD_NOT_FOUND;
	}
	return code;
}

enum md_code md_tables_create(const struct md_tables_options *options, struct md_arena *arena,
			      struct md_tables *ret_tables, struct md_error *err)
{
	struct work work = { .options = options, .arena = arena };
	md_auto_schema schema = NULL;
	bool absent = false;
	enum md_code code = look_only(&work, &absent, err);

	if (code == MD_OK && work.tables.script_count > 0) {
		if (work.in_memory || options->dry_run)
			code = rehearse(&work, err);
		if (code == MD_OK && !options->dry_run)
			code = open_with(&work, (struct md_db_schema_options){ .create = absent },
					 &schema, err);
		if (code == MD_OK && !options->dry_run) {
			work = (struct work){ .options = options, .arena = arena };
			code = act(&work, schema, err);
		}
	}
	if (code == MD_OK)
		*ret_tables = work.tables;
	return code;
}

/* --- comparing ---------------------------------------------------------------------------------
 */

/* What makes the table of one model, as one text; NULL: no memory. */
static const char *making(const struct md_ddl_plan *plan, const struct md_def_model *model,
			  struct md_arena *arena)
{
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);

	for (unsigned i = 0; i < plan->count; i++)
		if (plan->statements[i].model == model)
			md_buf_printf(&sql, "%s%s", sql.len > 0 ? ";\n" : "",
				      plan->statements[i].sql);
	return sql.failed ? NULL : md_arena_strndup(arena, sql.data, sql.len);
}

/* The missing tables and what was found, in the order of the models. */
static enum md_code merge(const struct md_definitions *definitions, const bool *missing,
			  const struct md_ddl_plan *plan, struct md_arena *arena,
			  struct md_differences *differences, struct md_error *err)
{
	struct md_differences all = { .blocking = differences->blocking };
	unsigned at = 0;

	all.room = differences->count + definitions->model_count;
	all.items = md_arena_zalloc(arena, (all.room + 1) * sizeof(*all.items));
	if (!all.items)
		return md_fail_nomem(err);
	for (unsigned m = 0; m < definitions->model_count; m++) {
		const struct md_def_model *model = &definitions->models[m];

		if (missing[m]) {
			struct md_difference gone = { true,
						      model,
						      model->table,
						      NULL,
						      "the table is missing",
						      making(plan, model, arena) };

			if (!gone.mend)
				return md_fail_nomem(err);
			all.items[all.count++] = gone;
			all.blocking++;
		}
		while (at < differences->count && differences->items[at].model == model)
			all.items[all.count++] = differences->items[at++];
	}
	while (at < differences->count)
		all.items[all.count++] = differences->items[at++];
	*differences = all;
	return MD_OK;
}

enum md_code md_tables_compare(const struct md_dialect *sql,
			       const struct md_definitions *definitions,
			       const struct md_catalog *catalog, struct md_arena *arena,
			       struct md_differences *ret_differences, struct md_error *err)
{
	const struct md_ddl_dialect *dialect = md_ddl_dialect_of(sql);
	bool *missing = md_arena_zalloc(arena, (definitions->model_count + 1) * sizeof(*missing));
	struct md_differences found = { .items = NULL };
	struct md_ddl_plan plan = { .count = 0 };
	enum md_code code;

	if (!missing)
		return md_fail_nomem(err);
	if (!dialect)
		return md_fail(err, MD_INVALID, "MD400",
			       "declared models cannot be served from this engine yet");
	code = md_compare(dialect, definitions, catalog, arena, missing, &found, err);
	if (code == MD_OK)
		code = md_ddl_plan(dialect, definitions, missing, arena, &plan, err);
	if (code == MD_OK)
		code = merge(definitions, missing, &plan, arena, &found, err);
	if (code == MD_OK)
		*ret_differences = found;
	return code;
}
