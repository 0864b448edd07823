/* What planning has in common on all engines: a revision is cut into stretches at what people wrote
 * by hand, each stretch becomes a match of two definitions, and tables that are there already are
 * taken over. The planners of the engines do the rest. */
#include "core/migrate/plan.h"

#include <string.h>

#include "core/db/catalog.h"
#include "core/db/dialect.h"
#include "core/db/schema.h"
#include "core/migrate/compare.h"
#include "core/migrate/match.h"

#include "core/base/banned.h"

enum { DETAILS_MAX = 64 * 1024 };

static const struct md_planner *const planners[] = {
	&md_sqlite_planner,
#ifdef MD_HAVE_POSTGRES
	&md_postgres_planner,
#endif
};

struct making {
	const struct md_planner *planner;
	struct md_plan_work work;
	struct md_plan plan;
	const struct md_snapshot *now; /* what the operations so far have made */
	struct md_snapshot *own;       /* the same, when it is not the first one */
};

static const struct md_planner *find_planner(const struct md_dialect *sql)
{
	for (size_t i = 0; i < sizeof(planners) / sizeof(planners[0]); i++)
		if (planners[i]->sql == sql)
			return planners[i];
	return NULL;
}

static const char *name_of(const json_t *operation)
{
	const char *name = json_string_value(json_object_get(operation, "op"));

	return name ? name : "";
}

static bool is_by_hand(const json_t *operation)
{
	return strcmp(name_of(operation), "sql") == 0 ||
	       strcmp(name_of(operation), "backfill") == 0;
}

static void go_on(struct making *m, struct md_snapshot *after)
{
	md_snapshot_free(m->own);
	m->own = after;
	m->now = after;
}

/* --- what outlives the definitions -------------------------------------------------------------
 */

static void keep(struct md_plan_work *work, const char **text)
{
	if (!*text)
		return;
	*text = md_arena_strndup(work->arena, *text, strlen(*text));
	work->failed = work->failed || !*text;
}

/* Planners may point into definitions and catalogs; those of a stretch end with it. */
static void settle(struct making *m, unsigned first_step, unsigned first_check)
{
	for (unsigned i = first_step; i < m->plan.step_count && !m->work.failed; i++) {
		struct md_step *step = (struct md_step *)(uintptr_t)&m->plan.steps[i];

		keep(&m->work, &step->what);
		keep(&m->work, &step->object);
		keep(&m->work, &step->lock);
		keep(&m->work, &step->at_risk);
		keep(&m->work, &step->probe);
		keep(&m->work, &step->clean);
		keep(&m->work, &step->blocks);
		keep(&m->work, &step->remaining);
	}
	for (unsigned i = first_check; i < m->plan.check_count && !m->work.failed; i++) {
		struct md_data_check *check = (struct md_data_check *)(uintptr_t)&m->plan.checks[i];

		keep(&m->work, &check->object);
		keep(&m->work, &check->sql);
		keep(&m->work, &check->message);
		keep(&m->work, &check->hint);
		keep(&m->work, &check->wire);
	}
}

/* --- tables that are there already -------------------------------------------------------------
 */

static const struct md_catalog_table *find_table(const struct md_catalog *catalog, const char *name)
{
	for (unsigned i = 0; catalog && i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	return NULL;
}

/* A table of this name that a model has, had when the revision began, or is about to leave. */
static bool is_ours(const struct making *m, const struct md_match *match, const char *table)
{
	const struct md_definitions *lists[] = { match->before,
						 m->work.request->before->definitions };

	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
		for (unsigned i = 0; i < lists[k]->model_count; i++)
			if (lists[k]->models[i].table && md_ddl_is_made(&lists[k]->models[i]) &&
			    strcmp(lists[k]->models[i].table, table) == 0)
				return true;
	return false;
}

static enum md_code fail_drift(const struct md_def_model *model, const struct md_differences *found,
			       struct md_error *err)
{
	md_auto_buf details = MD_BUF(DETAILS_MAX);

	for (unsigned i = 0; i < found->count; i++) {
		const struct md_difference *one = &found->items[i];

		if (one->model != model)
			continue;
		md_buf_printf(&details, "%s%s%s%s: %s", details.len > 0 ? "\n" : "", one->table,
			      one->column ? "." : "", one->column ? one->column : "", one->text);
	}
	md_fail(err, MD_CONFLICT, "MD_DRIFT",
		"the table \"%s\" is there already, and it is not what the model %s says",
		model->table, model->name);
	md_error_details(err, "%s", md_buf_text(&details) ? md_buf_text(&details) : "");
	md_error_hint(err, "Make the first revision of the models as the table has them (modeld db "
			   "makemigrations, or baseline), the next one of what changed; or rename "
			   "the table.");
	return MD_CONFLICT;
}

/* What the model has and the table lacks, or has otherwise. What the table has besides is no
 * obstacle: it stays as it is. */
static bool stands_against(const struct md_difference *difference, const struct md_def_model *model)
{
	static const char *const besides[] = { "the model has no ", "no model describes" };

	if (difference->model != model)
		return false;
	for (size_t i = 0; !difference->blocking && i < sizeof(besides) / sizeof(besides[0]); i++)
		if (strncmp(difference->text, besides[i], strlen(besides[i])) == 0)
			return false;
	return true;
}

static enum md_code compare(struct making *m, const struct md_match *match,
			    struct md_differences *ret_found, struct md_error *err)
{
	bool *missing =
		md_arena_zalloc(m->work.arena, (match->after->model_count + 1) * sizeof(*missing));

	if (!missing)
		return md_fail_nomem(err);
	return md_compare(m->work.request->dialect, match->after, m->work.catalog, m->work.arena,
			  missing, ret_found, err);
}

/* The match without the models whose tables are taken over. */
static enum md_code take_over(struct making *m, const struct md_match **match, struct md_error *err)
{
	const struct md_match *whole = *match;
	struct md_differences found = { .items = NULL };
	struct md_model_pair *models =
		md_arena_zalloc(m->work.arena, (whole->model_count + 1) * sizeof(*models));
	struct md_match *left = md_arena_zalloc(m->work.arena, sizeof(*left));
	bool compared = false;

	if (!models || !left)
		return md_fail_nomem(err);
	*left = (struct md_match){ whole->before, whole->after, models, 0 };
	for (unsigned i = 0; i < whole->model_count; i++) {
		const struct md_model_pair *pair = &whole->models[i];
		enum md_code code = MD_OK;

		if (pair->before || !find_table(m->work.catalog, pair->after->table) ||
		    is_ours(m, whole, pair->after->table)) {
			models[left->model_count++] = *pair;
			continue;
		}
		if (!compared)
			code = compare(m, whole, &found, err);
		if (code != MD_OK)
			return code;
		compared = true;
		for (unsigned k = 0; k < found.count; k++)
			if (stands_against(&found.items[k], pair->after))
				return fail_drift(pair->after, &found, err);
		md_plan_add_note(&m->work, "the table \"%s\" is there already and is taken over",
				 pair->after->table);
	}
	*match = left;
	return MD_OK;
}

/* --- operations --------------------------------------------------------------------------------
 */

static enum md_code plan_match(struct making *m, const struct md_snapshot *after,
			       const json_t *operations, struct md_error *err)
{
	const struct md_plan_request *request = m->work.request;
	const struct md_match *match;
	enum md_code code;

	code = md_match_make(request->dialect, m->now->definitions, after->definitions, operations,
			     m->work.arena, &match, err);
	if (code == MD_OK)
		code = take_over(m, &match, err);
	m->work.match = match;
	return code == MD_OK ? m->planner->plan(&m->work, err) : code;
}

/* Operations [first, first + count), none of them by hand. */
static enum md_code plan_stretch(struct making *m, size_t first, size_t count, struct md_error *err)
{
	unsigned step = m->plan.step_count, check = m->plan.check_count;
	const json_t *all = m->work.request->operations;
	struct md_snapshot *after = NULL;
	json_t *part = json_array();
	enum md_code code = MD_OK;

	for (size_t i = first; i < first + count; i++)
		if (json_array_append(part, json_array_get(all, i)) != 0)
			code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_change_apply(m->now, all, first, count, true, &after, err);
	if (code == MD_OK) {
		m->work.operation = first;
		code = plan_match(m, after, part, err);
		settle(m, step, check);
		m->work.match = NULL;
		go_on(m, after);
	}
	json_decref(part);
	return code;
}

static enum md_code add_sql(struct making *m, struct md_step *step, const json_t *text,
			    struct md_error *err)
{
	const char *sql = json_string_value(text);

	if (!sql)
		return md_fail(err, MD_INVALID, "MD400", "operation %zu has no SQL for %s",
			       m->work.operation, m->planner->sql->name);
	sql = md_arena_strndup(m->work.arena, sql, strlen(sql));
	if (!sql)
		return md_fail_nomem(err);
	md_plan_add_sql(&m->work, step, sql);
	return m->planner->saw ? m->planner->saw(&m->work, sql, err) : MD_OK;
}

static enum md_code plan_sql(struct making *m, const json_t *operation, struct md_error *err)
{
	const json_t *text = json_object_get(operation, "up");
	struct md_step *step;
	enum md_code code = MD_OK;

	if (json_is_object(text))
		text = json_object_get(text, m->planner->sql->name);
	if (!text || json_is_null(text))
		return MD_OK;
	step = md_plan_add_step(&m->work);
	if (!step)
		return md_fail_nomem(err);
	step->what = md_change_text(operation, m->work.arena);
	step->object = "sql";
	step->rows = -1;
	step->reversible = md_change_is_reversible(operation);
	if (!step->what)
		return md_fail_nomem(err);
	if (!json_is_array(text))
		return add_sql(m, step, text, err);
	for (size_t i = 0; code == MD_OK && i < json_array_size(text); i++)
		code = add_sql(m, step, json_array_get(text, i), err);
	return code;
}

/* The operation as an altering of a field in which nothing changes, so that the reader of
 * definitions reads the value, and sees to it that it fits the field. */
static json_t *as_alteration(const struct making *m, const json_t *operation)
{
	const json_t *model = json_object_get(operation, "model");
	const json_t *field = json_object_get(operation, "field");
	json_t *found = json_object_get(m->now->document, "models");

	found = json_object_get(found, model ? json_string_value(model) : "");
	found = json_object_get(json_object_get(found, "fields"),
				field ? json_string_value(field) : "");
	if (!found)
		return NULL;
	return json_pack("[{s:s,s:O,s:O,s:O,s:O,s:O}]", "op", "alter_field", "model", model,
			 "field", field, "from", found, "to", found, "backfill",
			 json_object_get(operation, "value"));
}

static const struct md_def_field *find_field(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; model && i < model->field_count; i++)
		if (strcmp(model->fields[i].name, name) == 0)
			return &model->fields[i];
	return NULL;
}

static bool is_given(const struct md_def_default *value)
{
	return value->literal.kind > MD_DEF_NULL || value->fn != MD_DEF_FN_NONE ||
	       md_def_sql_is_given(&value->sql);
}

static enum md_code plan_backfill(struct making *m, const json_t *operation, struct md_error *err)
{
	const char *name = json_string_value(json_object_get(operation, "model"));
	const char *field_name = json_string_value(json_object_get(operation, "field"));
	unsigned step = m->plan.step_count, check = m->plan.check_count;
	json_t *alteration = as_alteration(m, operation);
	struct md_snapshot *with = NULL;
	const struct md_def_model *model = NULL;
	const struct md_def_field *field = NULL;
	enum md_code code = MD_OK;

	if (alteration)
		code = md_change_apply(m->now, alteration, 0, 1, true, &with, err);
	if (with) {
		model = md_definitions_find(with->definitions, md_str_of(name));
		field = find_field(model, field_name);
	}
	if (code == MD_OK && (!field || !is_given(&field->backfill)))
		code = md_fail(err, MD_INVALID, "MD400",
			       "operation %zu: there is no such field to fill, or no value",
			       m->work.operation);
	if (code == MD_OK)
		code = m->planner->backfill(&m->work, model, field, &field->backfill, err);
	settle(m, step, check);
	md_snapshot_free(with);
	json_decref(alteration);
	return code;
}

static enum md_code plan_all(struct making *m, struct md_error *err)
{
	const json_t *operations = m->work.request->operations;
	size_t count = json_array_size(operations), end;
	enum md_code code = MD_OK;

	for (size_t at = 0; code == MD_OK && at < count; at = end) {
		const json_t *operation = json_array_get(operations, at);

		m->work.operation = at;
		end = at + 1;
		if (strcmp(name_of(operation), "sql") == 0) {
			code = plan_sql(m, operation, err);
			m->work.no_checks = true;
		} else if (strcmp(name_of(operation), "backfill") == 0) {
			code = plan_backfill(m, operation, err);
			m->work.no_checks = true;
		} else {
			while (end < count && !is_by_hand(json_array_get(operations, end)))
				end++;
			code = plan_stretch(m, at, end - at, err);
		}
		if (code == MD_OK && m->work.failed)
			code = md_fail_nomem(err);
	}
	return code;
}

enum md_code md_plan_make(const struct md_plan_request *request, struct md_arena *arena,
			  struct md_plan *ret_plan, struct md_error *err)
{
	struct making m = { .planner = find_planner(request->dialect->sql),
			    .now = request->before };
	enum md_code code = MD_OK;

	m.work.request = request;
	m.work.arena = arena;
	m.work.plan = &m.plan;
	if (!m.planner)
		return md_fail(err, MD_INVALID, "MD400", "migrations cannot be run on this engine");
	if (request->live)
		code = md_db_schema_catalog(request->live, arena, &m.work.catalog, err);
	else
		md_plan_add_note(&m.work, "the database was not asked: the plan takes it to be as "
					  "the revisions before say");
	if (code == MD_OK && m.planner->begin)
		code = m.planner->begin(&m.work, err);
	if (code == MD_OK)
		code = plan_all(&m, err);
	if (m.planner->end)
		m.planner->end(&m.work);
	md_snapshot_free(m.own);
	if (code == MD_OK && m.work.failed)
		code = md_fail_nomem(err);
	if (code == MD_OK)
		*ret_plan = m.plan;
	return code;
}
