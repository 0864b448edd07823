/* The shadow of a database: its schema, without rows, in memory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

/* --- texts -------------------------------------------------------------------------------------
 */

const char *md_lite_printf(struct md_lite *lite, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = md_plan_vprintf(lite->work, fmt, ap);
	va_end(ap);
	return text;
}

const char *md_lite_quote(struct md_lite *lite, const char *name)
{
	md_auto_buf text = MD_BUF(MD_LITE_SQL);

	md_ddl_put_name(lite->dialect, &text, name);
	return md_plan_keep(lite->work, &text);
}

const char *md_lite_text(struct md_lite *lite, const char *text)
{
	md_auto_buf out = MD_BUF(MD_LITE_SQL);

	md_ddl_put_text(&out, text);
	return md_plan_keep(lite->work, &out);
}

void md_lite_fail(struct md_lite *lite, enum md_code code, const char *wire, const char *fmt, ...)
{
	char line[MD_MESSAGE_MAX];
	va_list ap;

	if (md_lite_failed(lite))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	lite->code = md_fail(lite->err, code, wire, "%s", line);
}

struct md_step *md_lite_step(struct md_lite *lite, const char *object, const char *fmt, ...)
{
	struct md_step *step = md_plan_add_step(lite->work);
	va_list ap;

	if (!step)
		return NULL;
	va_start(ap, fmt);
	step->what = md_plan_vprintf(lite->work, fmt, ap);
	va_end(ap);
	step->kind = MD_STEP_TOGETHER;
	step->object = object;
	step->lock = "database";
	step->lock_is_brief = true;
	step->reversible = true;
	return step;
}

/* --- statements --------------------------------------------------------------------------------
 */

/* What the engine refuses here it would refuse there. */
static void rehearse(struct md_lite *lite, const char *sql)
{
	struct md_error err;
	enum md_code code;

	md_error_clear(&err);
	code = md_db_schema_run(lite->shadow, sql, &err);
	if (code == MD_OK || lite->unsure)
		return;
	if (code == MD_NOMEM) {
		lite->work->failed = true;
		return;
	}
	md_lite_fail(lite, MD_CONFLICT, "MD_DRIFT", "the engine would refuse a statement: %.300s",
		     err.message);
	md_error_details(lite->err, "in: %.1400s", sql);
	md_error_hint(lite->err, "The statement was tried in memory on the schema that the "
				 "database has; nothing was changed.");
}

void md_lite_run(struct md_lite *lite, struct md_step *step, const struct md_buf *sql)
{
	const char *text = md_plan_keep(lite->work, sql);

	if (!step || md_lite_failed(lite))
		return;
	md_plan_add_sql(lite->work, step, text);
	rehearse(lite, text);
}

void md_lite_runf(struct md_lite *lite, struct md_step *step, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = md_plan_vprintf(lite->work, fmt, ap);
	va_end(ap);
	if (!step || md_lite_failed(lite))
		return;
	md_plan_add_sql(lite->work, step, text);
	rehearse(lite, text);
}

/* Any other failure of a question that may fail is an answer. */
static bool went_well(struct md_lite *lite, enum md_code code)
{
	lite->work->failed = lite->work->failed || code == MD_NOMEM;
	return code == MD_OK;
}

bool md_lite_takes(struct md_lite *lite, const char *sql)
{
	return went_well(lite,
			 md_db_schema_query(lite->shadow, sql, NULL, 0, NULL, NULL, NULL, NULL));
}

/* --- answers -----------------------------------------------------------------------------------
 */

struct answer {
	struct md_lite *lite;
	struct md_lite_row *first, **end;
};

static const char *copy(struct md_lite *lite, const char *text)
{
	const char *kept = text ? md_arena_strndup(lite->arena, text, strlen(text)) : NULL;

	lite->work->failed = lite->work->failed || (text && !kept);
	return kept;
}

static enum md_code take_row(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	struct answer *answer = ctx;
	struct md_lite_row *row = md_arena_zalloc(answer->lite->arena, sizeof(*row));

	if (!row)
		return md_fail_nomem(err);
	row->one = copy(answer->lite, values[0]);
	row->other = count > 1 ? copy(answer->lite, values[1]) : NULL;
	*answer->end = row;
	answer->end = &row->next;
	return answer->lite->work->failed ? md_fail_nomem(err) : MD_OK;
}

static const struct md_lite_row *ask(struct md_lite *lite, struct md_db_schema *schema,
				     const char *sql, const char *param)
{
	struct answer answer = { lite, NULL, &answer.first };
	const char *params[] = { param };
	enum md_code code =
		md_db_schema_query(schema, sql, params, param ? 1 : 0, take_row, &answer, NULL,
				   md_lite_failed(lite) ? NULL : lite->err);

	if (code != MD_OK && !md_lite_failed(lite))
		lite->code = code;
	return md_lite_failed(lite) ? NULL : answer.first;
}

const struct md_lite_row *md_lite_ask(struct md_lite *lite, const char *sql, const char *param)
{
	return ask(lite, lite->shadow, sql, param);
}

const struct md_catalog_table *md_lite_table(struct md_lite *lite, const char *name)
{
	const struct md_catalog *catalog;
	enum md_code code;

	if (md_lite_failed(lite))
		return NULL;
	code = md_db_schema_catalog(lite->shadow, lite->arena, &catalog, lite->err);
	if (code != MD_OK)
		lite->code = code;
	for (unsigned i = 0; code == MD_OK && i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0 &&
		    catalog->tables[i].kind == MD_REL_TABLE)
			return &catalog->tables[i];
	return NULL;
}

bool md_lite_has_column(const struct md_catalog_table *table, const char *name)
{
	for (unsigned i = 0; table && i < table->column_count; i++)
		if (strcasecmp(table->columns[i].name, name) == 0)
			return true;
	return false;
}

/* --- the database ------------------------------------------------------------------------------
 */

const char *md_lite_live(const struct md_lite *lite, const char *now)
{
	for (const struct md_lite_name *name = lite->names; name; name = name->next)
		if (strcmp(name->now, now) == 0)
			return name->live;
	return now;
}

static void call(struct md_lite *lite, const char *now, const char *live)
{
	struct md_lite_name *name = md_arena_zalloc(lite->arena, sizeof(*name));

	if (!name) {
		lite->work->failed = true;
		return;
	}
	*name = (struct md_lite_name){ copy(lite, now), copy(lite, live), lite->names };
	lite->names = name;
}

void md_lite_renamed(struct md_lite *lite, const char *from, const char *to)
{
	const char *live = from ? md_lite_live(lite, from) : NULL;

	for (struct md_lite_touched *one = lite->touched; from && one; one = one->next)
		if (one->table && strcmp(one->table, from) == 0)
			one->table = to ? copy(lite, to) : NULL;
	if (from)
		call(lite, from, NULL);
	if (to)
		call(lite, to, live);
}

static enum md_code take_size(void *ctx, const char *const *values, unsigned count,
			      struct md_error *err)
{
	struct md_lite_size *size = ctx;

	(void)err;
	size->rows = values[0] ? strtod(values[0], NULL) : -1;
	if (count > 2 && values[1] && values[2]) {
		size->low = strtoll(values[1], NULL, 10);
		size->high = strtoll(values[2], NULL, 10);
	}
	return MD_OK;
}

struct md_lite_size md_lite_size(struct md_lite *lite, const char *now, bool numbered)
{
	struct md_lite_size size = { -1, 0, 0 };
	const char *live = md_lite_live(lite, now);

	if (lite->work->request->live && live && !md_lite_failed(lite))
		went_well(lite,
			  md_db_schema_query(
				  lite->work->request->live,
				  md_lite_printf(lite, "SELECT count(*)%s FROM %s",
						 numbered ? ", min(_rowid_), max(_rowid_)" : "",
						 md_lite_quote(lite, live)),
				  NULL, 0, take_size, &size, NULL, NULL));
	return size;
}

static enum md_code take_any(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	(void)values;
	(void)count;
	(void)err;
	*(bool *)ctx = true;
	return MD_OK;
}

bool md_lite_is_broken(struct md_lite *lite, const char *now)
{
	const char *live = md_lite_live(lite, now);
	bool broken = false;

	if (lite->work->request->live && live && !md_lite_failed(lite))
		went_well(lite,
			  md_db_schema_query(
				  lite->work->request->live,
				  md_lite_printf(lite,
						 "SELECT 1 FROM temp.pragma_foreign_key_check(%s) "
						 "LIMIT 1",
						 md_lite_text(lite, live)),
				  NULL, 0, take_any, &broken, NULL, NULL));
	return broken;
}

/* --- making it ---------------------------------------------------------------------------------
 */

static const char live_schema[] =
	"SELECT sql, type FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' "
	"ESCAPE '\\' ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 "
	"ELSE 3 END, rowid";

/* What cannot be made here (a module is missing, a table came with its virtual one) is not one of
 * ours. */
static void copy_live(struct md_lite *lite)
{
	const struct md_lite_row *row = ask(lite, lite->work->request->live, live_schema, NULL);

	for (; row; row = row->next)
		went_well(lite, md_db_schema_run(lite->shadow, row->one, NULL));
}

static enum md_code copy_definitions(struct md_lite *lite, struct md_error *err)
{
	const struct md_definitions *definitions = lite->work->request->before->definitions;
	bool *wanted = md_arena_zalloc(lite->arena, definitions->model_count + 1);
	struct md_ddl_plan plan;
	enum md_code code;

	if (!wanted)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < definitions->model_count; i++)
		wanted[i] = md_ddl_is_made(&definitions->models[i]);
	code = md_ddl_plan(lite->dialect, definitions, wanted, lite->arena, &plan, err);
	for (unsigned i = 0; code == MD_OK && i < plan.count; i++)
		code = md_db_schema_run(lite->shadow, plan.statements[i].sql, err);
	return code;
}

enum md_code md_lite_shadow(struct md_lite *lite, struct md_error *err)
{
	const struct md_db_schema_options options = { .url = "sqlite:///shadow", .scratch = true };
	enum md_code code = md_db_schema_open(&options, &lite->shadow, err);

	if (code == MD_OK)
		code = md_db_schema_run(lite->shadow, "PRAGMA foreign_keys=OFF", err);
	if (code != MD_OK)
		return code;
	lite->err = err;
	if (lite->work->request->live)
		copy_live(lite);
	else
		lite->code = copy_definitions(lite, err);
	return lite->work->failed ? md_fail_nomem(err) : lite->code;
}
