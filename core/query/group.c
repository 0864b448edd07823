/* Aggregates: what they are in SQL, which statements have them, and what their rows are grouped by.
 *
 * A level with an aggregate groups its rows by everything else that it shows: each cell that is no
 * aggregate is a term of GROUP BY. A to-one embed that is spread belongs to the level around it, so
 * its aggregates are about the groups of that level; any other embed with aggregates is a statement
 * of its own. */
#include "core/query/builder.h"

#include <stdlib.h>

#include "core/base/banned.h"

#define T(name) (1u << MD_TYPE_##name)
#define WHOLE   (T(INT2) | T(INT4) | T(INT8))
#define EXACT   (WHOLE | T(NUMERIC) | T(KEPT_NUMERIC))
#define NUMBERS (EXACT | T(FLOAT))
#define MOMENTS                                                                            \
	(T(DATE) | T(TIME) | T(TIMESTAMP) | T(TIMESTAMPTZ) | T(KEPT_DATE) | T(KEPT_TIME) | \
	 T(KEPT_TIMESTAMP) | T(KEPT_TIMESTAMPTZ))
/* Types that nobody knows are tried. */
#define UNKNOWN (T(ANY) | T(OTHER))

static const struct aggregate {
	const char *name;
	unsigned types;               /* that PostgreSQL has it for */
	enum md_template exact, real; /* of numbers and of floating point numbers */
} aggregates[] = {
	[MD_AGG_COUNT] = { "count", ~0u, MD_SQL_TEMPLATES, MD_SQL_TEMPLATES },
	[MD_AGG_SUM] = { "sum", NUMBERS | UNKNOWN, MD_SQL_SUM, MD_SQL_SUM_REAL },
	[MD_AGG_AVG] = { "avg", NUMBERS | UNKNOWN, MD_SQL_AVG, MD_SQL_AVG_REAL },
	[MD_AGG_MIN] = { "min", NUMBERS | UNKNOWN | MOMENTS | T(TEXT), MD_SQL_TEMPLATES,
			 MD_SQL_TEMPLATES },
	[MD_AGG_MAX] = { "max", NUMBERS | UNKNOWN | MOMENTS | T(TEXT), MD_SQL_TEMPLATES,
			 MD_SQL_TEMPLATES },
};

/* ---- which levels have them ---- */

/* `count` was written before there was count(). */
static bool is_old_count(const struct md_model *model, const struct md_select *select)
{
	return model && select->kind == MD_SELECT_COLUMN && select->column.path_len == 0 &&
	       md_str_is(select->column.name, "count") &&
	       !md_model_field(model, select->column.name);
}

enum md_aggregate md_select_aggregate(const struct md_model *model, const struct md_select *select)
{
	if (select->kind != MD_SELECT_COLUMN)
		return MD_AGG_NONE;
	if (select->aggregate == MD_AGG_NONE && is_old_count(model, select))
		return MD_AGG_COUNT;
	return select->aggregate;
}

bool md_level_is_grouped(const struct md_model *model, const struct md_level *level)
{
	for (const struct md_select *select = level->select; select; select = select->next) {
		if (md_select_aggregate(model, select) != MD_AGG_NONE)
			return true;
		if (select->kind == MD_SELECT_EMBED && select->embed->spread &&
		    md_level_is_grouped(NULL, &select->embed->level))
			return true;
	}
	return false;
}

static bool has_aggregate(const struct md_level *level)
{
	for (const struct md_select *select = level->select; select; select = select->next) {
		if (select->kind == MD_SELECT_EMBED ? has_aggregate(&select->embed->level)
						    : select->aggregate != MD_AGG_NONE)
			return true;
	}
	return false;
}

enum md_code md_check_aggregates(const struct md_build *b, const struct md_level *level,
				 struct md_error *err)
{
	if (b->context->aggregates || !has_aggregate(level))
		return MD_OK;
	return md_fail(err, MD_INVALID, "PGRST123", "Use of aggregate functions is not allowed");
}

enum md_code md_check_columns(const struct md_level *level, struct md_error *err)
{
	if (!md_level_is_grouped(NULL, level))
		return MD_OK;
	return md_fail_feature(err, "Aggregates are not implemented for one-to-many or "
				    "many-to-many spreads.");
}

/* ---- what the rows are grouped by ---- */

void md_group_by(struct md_stmt_build *s, struct md_str term)
{
	if (!s->grouped)
		return;
	md_buf_puts(&s->group, s->group.len > 0 ? "," : " GROUP BY ");
	if (md_str_is_given(term))
		md_buf_putstr(&s->group, term);
	else
		md_buf_put_i64(&s->group, s->cell_count);
}

void md_group_by_key(struct md_build *b, struct md_stmt_build *s, const struct md_node *node)
{
	for (unsigned i = 0; s->grouped && i < node->model->key_count; i++) {
		md_auto_buf column = MD_BUF(1u << 12);

		md_put_column(b, &column, node->alias, node->model->key[i]);
		md_group_by(s, md_buf_str(&column));
		s->failed |= column.failed;
	}
}

enum md_code md_fail_ungrouped(const struct md_model *model, struct md_str column,
			       struct md_error *err)
{
	return md_fail(err, MD_INVALID, "42803",
		       "column \"%.*s.%.*s\" must appear in the GROUP BY clause or be used in an "
		       "aggregate function",
		       MD_STR_ARG(model->name), MD_STR_ARG(column));
}

/* What stands beside `count` without parentheses is not grouped by: that is what count() is for. */
enum md_code md_check_old_count(const struct md_node *node, struct md_error *err)
{
	bool old = false;

	for (const struct md_select *select = node->level->select; select; select = select->next)
		old |= select->aggregate == MD_AGG_NONE && is_old_count(node->model, select);
	for (const struct md_select *select = node->level->select; old && select;
	     select = select->next) {
		if (select->kind == MD_SELECT_STAR && node->model->field_count > 0)
			return md_fail_ungrouped(node->model, node->model->fields[0].name, err);
		if (select->kind == MD_SELECT_EMBED && md_has_output(&select->embed->level))
			return md_fail_ungrouped(node->model, md_embed_name(select->embed), err);
		if (select->kind == MD_SELECT_COLUMN &&
		    md_select_aggregate(node->model, select) == MD_AGG_NONE)
			return md_fail_ungrouped(node->model, select->column.name, err);
	}
	return MD_OK;
}

static bool is_same_step(const struct md_json_step *a, const struct md_json_step *b)
{
	if (a->as_text != b->as_text || a->is_index != b->is_index)
		return false;
	return a->is_index ? a->index == b->index : md_str_equal(a->key, b->key);
}

static bool is_same_ref(const struct md_column_ref *a, const struct md_column_ref *b)
{
	if (!md_str_equal(a->name, b->name) || a->path_len != b->path_len)
		return false;
	for (unsigned i = 0; i < a->path_len; i++)
		if (!is_same_step(&a->path[i], &b->path[i]))
			return false;
	return true;
}

bool md_groups_uncast(const struct md_node *node, const struct md_select *select)
{
	const struct md_column_ref *ref = &select->column;
	const struct md_field *field = md_model_field(node->model, ref->name);

	if (md_str_is_given(select->alias) || node->spread || !field)
		return false;
	if (ref->path_len > 0)
		return ref->path[ref->path_len - 1].as_text;
	return field->type != MD_TYPE_JSON && field->type != MD_TYPE_OTHER &&
	       field->type != MD_TYPE_ANY;
}

/* Rows are grouped by this as it is, so that there is one of it in each group. */
static bool is_shown(const struct md_node *node, const struct md_column_ref *ref)
{
	for (const struct md_select *select = node->level->select; select; select = select->next) {
		const struct md_field *field;

		if (select->kind == MD_SELECT_COLUMN && select->aggregate == MD_AGG_NONE &&
		    (!md_str_is_given(select->cast) || md_groups_uncast(node, select)) &&
		    is_same_ref(&select->column, ref))
			return true;
		if (select->kind != MD_SELECT_STAR)
			continue;
		field = md_model_field(node->model, ref->name);
		if (field && md_field_is_visible(field) && ref->path_len == 0)
			return true;
	}
	return false;
}

/* A whole key decides the row, and with it all columns. */
static bool shows_key(const struct md_node *node)
{
	for (unsigned i = 0; i < node->model->key_count; i++) {
		const struct md_column_ref ref = { .name = node->model->key[i]->name };

		if (!is_shown(node, &ref))
			return false;
	}
	return node->model->key_count > 0;
}

enum md_code md_check_grouped(const struct md_node *node, const struct md_column_ref *ref,
			      struct md_error *err)
{
	if (!node->grouped || is_shown(node, ref) || shows_key(node))
		return MD_OK;
	return md_fail_ungrouped(node->model, ref->name, err);
}

/* ---- the aggregates ---- */

static enum md_code fail_types(const struct aggregate *aggregate, enum md_type type,
			       struct md_error *err)
{
	md_fail(err, MD_NOT_FOUND, "42883", "function %s(%s) does not exist", aggregate->name,
		md_type_name(type));
	md_error_hint(err, "No function matches the given name and argument types. You might need "
			   "to add explicit type casts.");
	return MD_NOT_FOUND;
}

static enum md_type type_of(enum md_aggregate aggregate, enum md_type type)
{
	bool sum = aggregate == MD_AGG_SUM || aggregate == MD_AGG_AVG;

	if (aggregate == MD_AGG_COUNT)
		return MD_TYPE_INT8;
	/* As many digits as there are. */
	return sum && (1u << type & (EXACT | T(ANY))) ? MD_TYPE_KEPT_NUMERIC : type;
}

/* count(): rows; in a spread those that are there. */
static void put_count(struct md_build *b, struct md_buf *out, const struct md_node *node)
{
	if (node->spread) {
		md_buf_puts(out, "count(");
		md_put_column(b, out, node->alias, node->spread->remote[0]);
		md_buf_putc(out, ')');
	} else {
		md_buf_puts(out, "count(*)");
	}
}

static void put_call(struct md_build *b, struct md_buf *out, const struct aggregate *aggregate,
		     const struct md_output *input)
{
	enum md_template template =
		input->type == MD_TYPE_FLOAT ? aggregate->real : aggregate->exact;

	if (template != MD_SQL_TEMPLATES) {
		md_put_template(out, b->context->dialect->templates[template], input->sql,
				(struct md_str){ NULL, 0 });
		return;
	}
	md_buf_printf(out, "%s(", aggregate->name);
	md_put_ordered(b, out, input->type, input->sql);
	md_buf_putc(out, ')');
}

enum md_code md_put_aggregate(struct md_build *b, const struct md_node *node,
			      const struct md_select *select, struct md_output *output,
			      struct md_error *err)
{
	enum md_aggregate which = md_select_aggregate(node->model, select);
	const struct aggregate *aggregate = &aggregates[which];
	bool as_string = output->field && output->field->as_string && which >= MD_AGG_MIN;
	md_auto_buf text = MD_BUF(1u << 16);

	if (!output->sql.ptr)
		put_count(b, &text, node);
	else if (!b->context->dialect->checks_values && !(aggregate->types & 1u << output->type))
		return fail_types(aggregate, output->type, err);
	else
		put_call(b, &text, aggregate, output);
	if (as_string) {
		md_auto_buf call = MD_BUF(1u << 16);

		md_buf_putstr(&call, md_buf_str(&text));
		md_buf_clear(&text);
		md_buf_puts(&text, "CAST(");
		md_buf_putstr(&text, md_buf_str(&call));
		md_buf_puts(&text, " AS text)");
		md_buf_inherit(&text, &call);
	}
	*output = (struct md_output){ .sql = md_arena_str(b->arena, md_buf_str(&text)),
				      .type = type_of(which, output->type),
				      .is_text = as_string ||
						 (which >= MD_AGG_MIN && output->is_text) };
	output->any_type = output->type == MD_TYPE_OTHER;
	return text.failed || !output->sql.ptr ? md_fail_nomem(err) : MD_OK;
}

/* ---- lists ---- */

static enum md_code build_key(struct md_build *b, struct md_stmt_build *inner,
			      const struct md_node *node, const struct md_link *link,
			      struct md_error *err)
{
	const struct md_level *level = &link->embed->level;
	const char *separator = " AND ";
	const struct md_shape *shape;
	struct md_node *target;
	int64_t limit;
	bool limited = md_embed_limit(b, level, &limit);
	enum md_code code = md_node_new(b, link->relation->to, level, &target, err);

	if (code != MD_OK)
		return code;
	target->parent = node;
	inner->grouped = target->grouped;
	md_buf_puts(&inner->where, " WHERE ");
	code = md_put_relation(b, inner, &inner->from, &inner->where, link->relation, target->alias,
			       node->alias, false, err);
	if (code == MD_OK)
		code = md_node_shape(b, inner, target, true, &shape, err);
	if (code == MD_OK)
		code = md_put_conditions(b, inner, &inner->where, target, &separator, err);
	if (code == MD_OK)
		code = level->order ? md_put_order(b, inner, target, err)
				    : md_put_relation_order(b, inner, target, link->relation, err);
	if (code == MD_OK)
		md_put_limit(b, inner, limited, limit, level->has_offset ? level : NULL);
	return code;
}

/* (WITH e(c0,c1) AS (SELECT …) SELECT group_concat(quote(c0)||','||quote(c1),';') FROM e) */
static void put_key(const struct md_stmt_build *inner, struct md_buf *out)
{
	md_buf_puts(out, "(WITH e(");
	for (unsigned i = 0; i < inner->cell_count; i++)
		md_buf_printf(out, "%sc%u", i > 0 ? "," : "", i);
	md_buf_puts(out, ") AS (SELECT ");
	md_buf_put(out, inner->cells.data, inner->cells.len);
	md_buf_puts(out, " FROM ");
	md_buf_put(out, inner->from.data, inner->from.len);
	md_buf_put(out, inner->where.data, inner->where.len);
	md_buf_put(out, inner->group.data, inner->group.len);
	md_buf_put(out, inner->order.data, inner->order.len);
	md_buf_puts(out, ") SELECT group_concat(");
	for (unsigned i = 0; i < inner->cell_count; i++)
		md_buf_printf(out, "%squote(c%u)", i > 0 ? "||','||" : "", i);
	md_buf_puts(out, ",';') FROM e)");
}

enum md_code md_put_list_key(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			     const struct md_node *node, const struct md_link *link,
			     struct md_error *err)
{
	struct md_cell *known = calloc(MD_CELLS_MAX, sizeof(*known));
	unsigned relations = b->relations;
	struct md_stmt_build inner;
	enum md_code code;

	if (!known)
		return md_fail_nomem(err);
	md_parts_open(&inner, s);
	inner.known = known;
	inner.key = true;
	code = build_key(b, &inner, node, link, err);
	b->relations = relations; /* the same embeds again */
	if (code == MD_OK)
		put_key(&inner, out);
	md_parts_close(&inner, s);
	free(known);
	return code;
}
