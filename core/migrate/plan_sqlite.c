/* The planner for SQLite. What ALTER TABLE can do so that the table is as the definition would make
 * it is done by it; for everything else a table is made anew, once per stretch. */
#include <strings.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

/* --- what has to be made anew ------------------------------------------------------------------
 */

/* Whether the engine has a text for it, like a default or a rule. */
static bool has_text(void (*put)(const struct md_ddl_dialect *dialect, struct md_buf *sql,
				 const struct md_def_field *field),
		     const struct md_lite *lite, const struct md_def_field *field)
{
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);

	put(lite->dialect, &sql, field);
	return md_lite_wrote(lite, &sql);
}

/* ADD COLUMN takes constants only. */
static bool can_be_added(const struct md_lite *lite, const struct md_def_field *field)
{
	bool constant = field->value.literal.kind > MD_DEF_NULL &&
			!md_ddl_own_sql(lite->dialect, &field->value.sql);
	struct md_def_field filled = *field;

	if (field->is_generated || field->primary_key || field->identity)
		return false;
	filled.value = field->backfill;
	if (has_text(md_ddl_put_default, lite, &filled))
		return false;
	return constant || (field->nullable && !has_text(md_ddl_put_default, lite, field));
}

/* As it is when it was put aside: nothing stands in its way. */
static bool is_plain(const struct md_lite *lite, const struct md_def_field *field)
{
	return field->nullable && !field->primary_key && !field->is_generated &&
	       !has_text(md_ddl_put_default, lite, field) &&
	       !has_text(md_ddl_put_rule, lite, field);
}

static bool types_differ(const struct md_lite *lite, const struct md_column_pair *column)
{
	md_auto_buf before = MD_BUF(MD_LITE_SQL), after = MD_BUF(MD_LITE_SQL);
	const char *cast = md_lite_cast(column->before, column->after).expression;

	md_ddl_put_type(lite->dialect, &before, column->before);
	md_ddl_put_type(lite->dialect, &after, column->after);
	lite->work->failed = lite->work->failed || before.failed || after.failed;
	return !md_str_equal(md_buf_str(&before), md_buf_str(&after)) || !cast ||
	       strcmp(cast, "{c}") != 0;
}

static bool column_needs_rebuild(struct md_lite *lite, const struct md_column_pair *column,
				 const struct md_catalog_table *now)
{
	enum {
		TEXTS = MD_COLUMN_NULL | MD_COLUMN_DEFAULT | MD_COLUMN_GENERATED |
			MD_COLUMN_COLLATION | MD_COLUMN_IDENTITY | MD_COLUMN_CHECK
	};

	if (!column->after)
		return lite->work->request->forget || !is_plain(lite, column->before);
	if (!column->before)
		return md_lite_has_column(now, md_def_column(column->after)) ||
		       !can_be_added(lite, column->after);
	return (column->changed & TEXTS) ||
	       ((column->changed & MD_COLUMN_TYPE) && types_differ(lite, column));
}

static bool is_constraint(const struct md_lite *lite, const struct md_def_index *index)
{
	return index && md_ddl_is_constraint(lite->dialect, index);
}

static bool index_needs_rebuild(const struct md_lite *lite, const struct md_index_pair *index)
{
	bool constraint = is_constraint(lite, index->before) || is_constraint(lite, index->after);

	return constraint && (!index->before || !index->after || index->changed || index->renamed);
}

/* A table that took the name of another to which a foreign key referred: the engine has led the key
 * after the other one. */
static bool key_needs_rebuild(const struct md_lite *lite, const struct md_key_pair *key)
{
	const struct md_model_pair *to;

	if (!key->before || !key->after || key->changed || key->renamed)
		return true;
	to = md_match_model(lite->work->match, key->after->to);
	return to && !to->before;
}

static bool needs_rebuild(struct md_lite *lite, const struct md_model_pair *pair)
{
	const struct md_catalog_table *now = md_lite_table(lite, pair->after->table);
	bool needed = pair->options_changed || pair->key_changed || pair->key_renamed;

	for (unsigned i = 0; i < pair->column_count && !needed; i++)
		needed = column_needs_rebuild(lite, &pair->columns[i], now);
	for (unsigned i = 0; i < pair->index_count && !needed; i++)
		needed = index_needs_rebuild(lite, &pair->indexes[i]);
	for (unsigned i = 0; i < pair->check_count && !needed; i++)
		needed = !pair->checks[i].before || !pair->checks[i].after ||
			 pair->checks[i].changed || pair->checks[i].renamed;
	for (unsigned i = 0; i < pair->foreign_key_count && !needed; i++)
		needed = key_needs_rebuild(lite, &pair->foreign_keys[i]);
	return needed;
}

/* --- one table ---------------------------------------------------------------------------------
 */

static void add_column(struct md_lite *lite, const struct md_model_pair *pair,
		       const struct md_def_field *field)
{
	const char *table = pair->after->table;
	md_auto_buf sql = MD_BUF(MD_LITE_SQL), rule = MD_BUF(MD_LITE_SQL);
	struct md_step *step =
		md_lite_step(lite, md_lite_printf(lite, "%s.%s", table, md_def_column(field)),
			     "add column %s to %s", md_def_column(field), table);

	if (!step)
		return;
	md_buf_printf(&sql, "ALTER TABLE %s ADD COLUMN ", md_lite_quote(lite, table));
	md_ddl_put_column(lite->dialect, &sql, pair->after, field);
	md_ddl_put_rule(lite->dialect, &rule, field);
	if (rule.len > 0)
		md_buf_printf(&sql, " CONSTRAINT %s CHECK (%s)",
			      md_lite_quote(lite, field->check_name),
			      md_plan_keep(lite->work, &rule));
	md_buf_inherit(&sql, &rule);
	md_lite_run(lite, step, &sql);
}

static void add_index(struct md_lite *lite, const struct md_model_pair *pair,
		      const struct md_def_index *index)
{
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);
	struct md_step *step = md_lite_step(lite, pair->after->table, "make index %s on %s",
					    index->name, pair->after->table);

	if (!step)
		return;
	step->lock_is_brief = false;
	step->rows = md_lite_size(lite, pair->after->table, false).rows;
	md_ddl_put_index(lite->dialect, &sql, pair->after, index);
	md_lite_run(lite, step, &sql);
}

/* What is really altered, in words. */
static const char *loss_of(struct md_lite *lite, const struct md_model_pair *pair,
			   const char **ret_object)
{
	for (unsigned i = 0; i < pair->column_count; i++) {
		const struct md_column_pair *column = &pair->columns[i];
		const char *loss;

		if (!column->before || !column->after || !(column->changed & MD_COLUMN_TYPE))
			continue;
		loss = md_lite_cast(column->before, column->after).loss;
		if (!loss)
			continue;
		*ret_object = md_lite_printf(lite, "%s.%s", pair->before->table,
					     md_def_column(column->before));
		return md_lite_printf(lite, "%s in %s goes", loss, *ret_object);
	}
	return NULL;
}

static void rebuild(struct md_lite *lite, const struct md_model_pair *pair)
{
	const struct md_lite_rebuild how = {
		.pair = pair,
		.model = pair->after,
		.table = pair->after->table,
		.what = md_lite_printf(lite, "make table %s anew and copy its rows",
				       pair->after->table),
	};
	unsigned first = lite->work->plan->step_count;
	const char *object = NULL;
	const char *loss = pair->before ? loss_of(lite, pair, &object) : NULL;

	md_lite_rebuild(lite, &how);
	if (loss && lite->work->plan->step_count > first) {
		struct md_step *step = (struct md_step *)(uintptr_t)&lite->work->plan->steps[first];

		step->object = object;
		step->risk = MD_RISK_LOSS;
		step->at_risk = loss;
		step->reversible = false;
	}
}

static void change_table(struct md_lite *lite, const struct md_model_pair *pair)
{
	if (needs_rebuild(lite, pair)) {
		rebuild(lite, pair);
		return;
	}
	for (unsigned i = 0; i < pair->column_count; i++)
		if (!pair->columns[i].before)
			add_column(lite, pair, pair->columns[i].after);
	for (unsigned i = 0; i < pair->index_count; i++) {
		const struct md_index_pair *index = &pair->indexes[i];

		if (index->after && !is_constraint(lite, index->after) &&
		    (!index->before || index->changed || index->renamed))
			add_index(lite, pair, index->after);
	}
}

/* Names of indexes are those of the whole database: the old ones go first. */
static void drop_indexes(struct md_lite *lite, const struct md_model_pair *pair)
{
	for (unsigned i = 0; i < pair->index_count; i++) {
		const struct md_index_pair *index = &pair->indexes[i];
		struct md_step *step;

		if (!index->before || is_constraint(lite, index->before) ||
		    (index->after && !index->changed && !index->renamed))
			continue;
		step = md_lite_step(lite, pair->before->table, "drop index %s of %s",
				    index->before->name, pair->before->table);
		if (step)
			md_lite_runf(lite, step, "DROP INDEX IF EXISTS %s",
				     md_lite_quote(lite, index->before->name));
	}
}

/* --- new tables --------------------------------------------------------------------------------
 */

static void create_table(struct md_lite *lite, const struct md_ddl_plan *plan, unsigned at)
{
	const struct md_ddl_statement *statements = plan->statements;
	const struct md_def_model *model = statements[at].model;
	struct md_step *step = md_lite_step(lite, model->table, "make table %s", model->table);
	unsigned end = at;

	if (!step)
		return;
	for (; end < plan->count && statements[end].model == model; end++)
		md_lite_runf(lite, step, "%s", statements[end].sql);
	md_lite_runf(lite, step, "%s", lite->dialect->objects_table);
	for (; at < end; at++) {
		md_auto_buf sql = MD_BUF(MD_LITE_SQL);

		md_ddl_put_entry(lite->dialect, &sql, &statements[at]);
		md_lite_run(lite, step, &sql);
	}
	md_lite_renamed(lite, NULL, model->table);
}

static void create_tables(struct md_lite *lite)
{
	const struct md_match *match = lite->work->match;
	const struct md_definitions *after = match->after;
	bool *wanted = md_arena_zalloc(lite->arena, after->model_count + 1);
	bool *back = md_arena_zalloc(lite->arena, match->model_count + 1);
	struct md_ddl_plan plan = { NULL, 0 };

	lite->work->failed = lite->work->failed || !wanted || !back;
	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++) {
		const struct md_model_pair *pair = &match->models[i];

		if (pair->before)
			continue;
		back[i] = md_lite_restore_table(lite, pair->after);
		wanted[pair->after - after->models] = !back[i];
	}
	if (md_lite_failed(lite))
		return;
	lite->code = md_ddl_plan(lite->dialect, after, wanted, lite->arena, &plan, lite->err);
	for (unsigned i = 0; i < plan.count && !md_lite_failed(lite); i++)
		if (plan.statements[i].makes == MD_MAKES_TABLE)
			create_table(lite, &plan, i);
	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++)
		if (back[i])
			rebuild(lite, &match->models[i]);
}

/* --- a stretch ---------------------------------------------------------------------------------
 */

static void refuse_impossible(struct md_lite *lite, const struct md_model_pair *pair)
{
	for (unsigned i = 0; i < pair->column_count && !md_lite_failed(lite); i++) {
		const struct md_def_field *before = pair->columns[i].before;
		const struct md_def_field *after = pair->columns[i].after;

		if (!before || !after || after->is_generated ||
		    !(pair->columns[i].changed & MD_COLUMN_TYPE) ||
		    md_lite_cast(before, after).expression)
			continue;
		md_lite_fail(lite, MD_INVALID, "MD400", "%s.%s: %s cannot become %s",
			     pair->after->table, md_def_column(after),
			     md_lite_type_name(before->type), md_lite_type_name(after->type));
		md_error_hint(lite->err, "Add a field of the new type with a backfill, and drop "
					 "this one in a later revision.");
	}
}

static bool is_changed(const struct md_model_pair *pair)
{
	return pair->before && pair->after && pair->changed;
}

static enum md_code plan_stretch(struct md_plan_work *work, struct md_error *err)
{
	struct md_lite *lite = work->own;
	const struct md_match *match = work->match;

	lite->work = work;
	lite->err = err;
	lite->code = MD_OK;
	for (unsigned i = 0; i < match->model_count; i++)
		refuse_impossible(lite, &match->models[i]);
	if (md_lite_failed(lite))
		return lite->code;
	for (unsigned i = 0; i < match->model_count && !work->no_checks; i++)
		if (is_changed(&match->models[i]))
			md_lite_check(lite, &match->models[i]);
	for (unsigned i = 0; i < match->model_count; i++)
		if (is_changed(&match->models[i]))
			drop_indexes(lite, &match->models[i]);
	md_lite_drop_tables(lite);
	md_lite_rename_tables(lite);
	for (unsigned i = 0; i < match->model_count; i++)
		if (is_changed(&match->models[i]))
			md_lite_rename_columns(lite, &match->models[i]);
	create_tables(lite);
	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++)
		if (match->models[i].before && match->models[i].after)
			change_table(lite, &match->models[i]);
	if (lite->code != MD_OK)
		return lite->code;
	return work->failed ? md_fail_nomem(err) : MD_OK;
}

static enum md_code plan_backfill(struct md_plan_work *work, const struct md_def_model *model,
				  const struct md_def_field *field,
				  const struct md_def_default *value, struct md_error *err)
{
	struct md_lite *lite = work->own;
	const char *column = md_lite_quote(lite, md_def_column(field));
	md_auto_buf given = MD_BUF(MD_LITE_SQL);
	struct md_def_field filled = *field;
	struct md_step *step;

	lite->err = err;
	lite->code = MD_OK;
	filled.value = *value;
	md_ddl_put_default(lite->dialect, &given, &filled);
	if (!md_lite_wrote(lite, &given) && !given.failed)
		return md_fail(err, MD_INVALID, "MD400", "%s.%s: there is no such value on sqlite",
			       model->table, md_def_column(field));
	step = md_lite_step(lite, md_lite_printf(lite, "%s.%s", model->table, md_def_column(field)),
			    "fill column %s of %s where it is null", md_def_column(field),
			    model->table);
	if (step) {
		step->lock_is_brief = false;
		step->rows = md_lite_size(lite, model->table, false).rows;
	}
	md_lite_runf(lite, step, "UPDATE %s SET %s = %s WHERE %s IS NULL",
		     md_lite_quote(lite, model->table), column, md_plan_keep(work, &given), column);
	if (lite->code != MD_OK)
		return lite->code;
	return work->failed ? md_fail_nomem(err) : MD_OK;
}

/* What people wrote may need rows that are not in the shadow. */
static enum md_code see_sql(struct md_plan_work *work, const char *sql, struct md_error *err)
{
	struct md_lite *lite = work->own;
	enum md_code code = md_db_schema_run(lite->shadow, sql, NULL);

	lite->unsure = lite->unsure || code != MD_OK;
	return code == MD_NOMEM ? md_fail_nomem(err) : MD_OK;
}

static enum md_code begin(struct md_plan_work *work, struct md_error *err)
{
	struct md_lite *lite = md_arena_zalloc(work->arena, sizeof(*lite));

	if (!lite)
		return md_fail_nomem(err);
	work->own = lite;
	lite->work = work;
	lite->dialect = work->request->dialect;
	lite->arena = work->arena;
	return md_lite_shadow(lite, err);
}

static void end(struct md_plan_work *work)
{
	struct md_lite *lite = work->own;

	if (!lite)
		return;
	md_lite_verify(lite);
	lite->shadow = md_db_schema_close(lite->shadow);
}

const struct md_planner md_sqlite_planner = {
	.sql = &md_sqlite_dialect,
	.begin = begin,
	.end = end,
	.saw = see_sql,
	.plan = plan_stretch,
	.backfill = plan_backfill,
};
