/* Columns, relations and order as SQL text. User text never gets here: names come from the
 * registry, values are binds. */
#include "core/query/builder.h"

#include <string.h>

#include "core/model/define.h"

#include "core/base/banned.h"

void md_put_alias(struct md_buf *out, unsigned alias)
{
	md_buf_putc(out, 't');
	md_buf_put_i64(out, alias);
}

void md_put_model(const struct md_dialect *dialect, struct md_buf *out,
		  const struct md_model *model)
{
	if (md_str_is_given(model->space)) {
		dialect->put_name(out, model->space);
		md_buf_putc(out, '.');
	}
	dialect->put_name(out, model->name);
}

void md_put_table(struct md_build *b, struct md_buf *out, const struct md_model *model,
		  unsigned alias)
{
	if (b->source && alias == b->source_alias)
		md_buf_puts(out, b->source);
	else
		md_put_model(b->context->dialect, out, model);
	md_buf_puts(out, " AS ");
	md_put_alias(out, alias);
}

void md_put_column(struct md_build *b, struct md_buf *out, unsigned alias,
		   const struct md_field *field)
{
	if (b->named && alias == b->named->alias) {
		b->context->dialect->put_name(out, b->named->model->name);
		md_buf_putc(out, '.');
	} else if (alias != MD_NO_ALIAS) {
		md_put_alias(out, alias);
		md_buf_putc(out, '.');
	}
	if (b->source && alias == b->source_alias)
		b->source_columns[field->index] = true;
	b->context->dialect->put_name(out, field->column);
}

/* The parameter that has this text already, so that equal expressions stay equal for the engine,
 * which groups by them; 0: none. */
static unsigned find_bind(const struct md_stmt_build *s, const struct md_bind *bind)
{
	for (unsigned i = 0; i < s->params; i++)
		if (s->binds[i].from == bind->from && s->binds[i].as == bind->as &&
		    s->binds[i].type == bind->type && md_str_equal(s->binds[i].text, bind->text))
			return i + 1;
	return 0;
}

unsigned md_put_bind(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
		     const struct md_bind *bind)
{
	if (bind->from == MD_FROM_PLAN) {
		unsigned known = find_bind(s, bind);

		if (known > 0) {
			if (out)
				b->context->dialect->put_param(out, known);
			return known;
		}
	}
	if (s->params == s->binds_cap) {
		s->crowded = true;
		return 1;
	}
	s->binds[s->params++] = *bind;
	if (out)
		b->context->dialect->put_param(out, s->params);
	return s->params;
}

void md_put_template(struct md_buf *out, const char *template, struct md_str column,
		     struct md_str param)
{
	for (const char *p = template; *p; p++) {
		if (strncmp(p, "{c}", 3) == 0) {
			md_buf_putstr(out, column);
			p += 2;
		} else if (strncmp(p, "{p}", 3) == 0) {
			md_buf_putstr(out, param);
			p += 2;
		} else {
			md_buf_putc(out, *p);
		}
	}
}

/* The text of a buffer, kept in the plan's arena. */
static enum md_code keep(struct md_build *b, struct md_buf *buf, struct md_str *ret_text,
			 struct md_error *err)
{
	struct md_str text =
		md_arena_str(b->arena, (struct md_str){ buf->data ? buf->data : "", buf->len });

	if (buf->failed || !text.ptr)
		return md_fail_nomem(err);
	*ret_text = text;
	return MD_OK;
}

/* SQLite's paths have no way to write a quote inside a key. */
static enum md_code fail_json_key(const struct md_build *b, struct md_error *err)
{
	return md_fail_feature(err, "JSON keys with a double quote cannot be reached on %s",
			       b->context->dialect->name);
}

/* $."key"[0][#-1]: SQLite's path text of a chain of arrows; the last arrow decides whether text or
 * JSON comes out. */
static enum md_code path_text(struct md_build *b, const struct md_column_ref *ref,
			      struct md_str *ret_text, struct md_error *err)
{
	md_auto_buf path = MD_BUF(16384);

	md_buf_putc(&path, '$');
	for (unsigned i = 0; i < ref->path_len; i++) {
		const struct md_json_step *step = &ref->path[i];

		if (step->is_index && step->index < 0)
			md_buf_printf(&path, "[#-%llu]", -(unsigned long long)step->index);
		else if (step->is_index)
			md_buf_printf(&path, "[%lld]", (long long)step->index);
		else if (memchr(step->key.ptr, '"', step->key.len))
			return fail_json_key(b, err);
		else
			md_buf_printf(&path, ".\"%.*s\"", (int)step->key.len, step->key.ptr);
	}
	return keep(b, &path, ret_text, err);
}

/* The whole path in one parameter. */
static enum md_code put_whole_path(struct md_build *b, struct md_stmt_build *s,
				   const struct md_column_ref *ref, struct md_str column,
				   struct md_buf *out, struct md_error *err)
{
	bool as_text = ref->path[ref->path_len - 1].as_text;
	const char *template =
		b->context->dialect->templates[as_text ? MD_SQL_JSON_GET_TEXT : MD_SQL_JSON_GET];
	struct md_bind bind = { .from = MD_FROM_PLAN, .as = MD_BIND_TEXT };
	md_auto_buf param = MD_BUF(64);
	enum md_code code = path_text(b, ref, &bind.text, err);

	if (code != MD_OK)
		return code;
	md_put_bind(b, s, &param, &bind);
	s->failed |= param.failed;
	md_put_template(out, template, column, md_buf_str(&param));
	return MD_OK;
}

/* The key or the number of a step, as the parameter's text. */
static enum md_code step_text(struct md_build *b, const struct md_json_step *step,
			      struct md_str *ret_text, struct md_error *err)
{
	md_auto_buf number = MD_BUF(64);

	if (!step->is_index) {
		*ret_text = md_arena_str(b->arena, step->key);
		return ret_text->ptr ? MD_OK : md_fail_nomem(err);
	}
	md_buf_put_i64(&number, step->index);
	return keep(b, &number, ret_text, err);
}

/* A parameter for every arrow: ((t0."data" -> $1::text) ->> $2::int) */
static enum md_code put_steps(struct md_build *b, struct md_stmt_build *s,
			      const struct md_column_ref *ref, struct md_str column,
			      struct md_buf *out, struct md_error *err)
{
	md_auto_buf text = MD_BUF(1u << 16);
	enum md_code code = MD_OK;

	for (unsigned i = 0; i < ref->path_len && code == MD_OK; i++) {
		const struct md_json_step *step = &ref->path[i];
		struct md_bind bind = { .from = MD_FROM_PLAN,
					.as = MD_BIND_TEXT,
					.type = step->is_index ? MD_TYPE_INT4 : MD_TYPE_TEXT };
		md_auto_buf param = MD_BUF(64);

		code = step_text(b, step, &bind.text, err);
		if (code != MD_OK)
			return code;
		md_put_bind(b, s, &param, &bind);
		s->failed |= param.failed;
		md_buf_clear(&text);
		md_put_template(&text,
				b->context->dialect->json_steps[step->as_text][step->is_index],
				column, md_buf_str(&param));
		code = keep(b, &text, &column, err);
	}
	md_buf_putstr(out, column);
	return code;
}

static enum md_code put_path(struct md_build *b, struct md_stmt_build *s,
			     const struct md_column_ref *ref, const struct md_field *field,
			     struct md_str column, struct md_buf *out, struct md_error *err)
{
	const struct md_dialect *dialect = b->context->dialect;
	const char *to_json = dialect->templates[MD_SQL_TO_JSON];
	md_auto_buf text = MD_BUF(1u << 16);
	enum md_code code = MD_OK;

	if (!dialect->json_steps[0][0])
		return put_whole_path(b, s, ref, column, out, err);
	if (to_json && field->type != MD_TYPE_JSON) {
		md_put_template(&text, to_json, column, (struct md_str){ NULL, 0 });
		code = keep(b, &text, &column, err);
	}
	return code == MD_OK ? put_steps(b, s, ref, column, out, err) : code;
}

enum md_code md_column_expression(struct md_build *b, struct md_stmt_build *s,
				  const struct md_node *node, const struct md_column_ref *ref,
				  struct md_str *ret_text, enum md_type *ret_type,
				  struct md_error *err)
{
	const struct md_field *field = md_model_field(node->model, ref->name);
	struct md_str column;
	md_auto_buf text = MD_BUF(1u << 16);
	enum md_code code;

	if (!field)
		return md_model_fail_field(node->model, ref->name, err);
	md_put_column(b, &text, node->alias, field);
	code = keep(b, &text, &column, err);
	if (code != MD_OK)
		return code;
	if (ref->path_len == 0) {
		*ret_text = column;
		*ret_type = field->type;
		return MD_OK;
	}
	md_buf_clear(&text);
	code = put_path(b, s, ref, field, column, &text, err);
	if (code == MD_OK)
		code = keep(b, &text, ret_text, err);
	if (code == MD_OK)
		*ret_type = ref->path[ref->path_len - 1].as_text ? MD_TYPE_TEXT : MD_TYPE_JSON;
	return code;
}

enum md_code md_put_relation(struct md_build *b, struct md_stmt_build *s, struct md_buf *from,
			     struct md_buf *on, const struct md_relation *relation, unsigned target,
			     unsigned parent, bool child, struct md_error *err)
{
	unsigned junction = relation->junction ? b->next_alias++ : target;
	const struct md_field *const *near = relation->junction ? relation->near : relation->remote;

	md_put_table(b, from, relation->to, target);
	if (relation->junction) {
		md_buf_puts(from, " JOIN ");
		md_put_table(b, from, relation->junction, junction);
		for (unsigned i = 0; i < relation->remote_count; i++) {
			md_buf_puts(from, i == 0 ? " ON " : " AND ");
			md_put_column(b, from, junction, relation->far[i]);
			md_buf_puts(from, " = ");
			md_put_column(b, from, target, relation->remote[i]);
		}
	}
	for (unsigned i = 0; i < relation->local_count; i++) {
		if (i > 0)
			md_buf_puts(on, " AND ");
		md_put_column(b, on, junction, near[i]);
		md_buf_puts(on, " = ");
		if (child)
			md_put_bind(b, s, on,
				    &(struct md_bind){ .from = MD_FROM_PARENT, .index = i });
		else
			md_put_column(b, on, parent, relation->local[i]);
	}
	return from->failed || on->failed ? md_fail_nomem(err) : MD_OK;
}

void md_put_ordered(struct md_build *b, struct md_buf *out, enum md_type type, struct md_str text)
{
	const char *template = b->context->dialect->templates[MD_SQL_DECIMAL];

	if (type == MD_TYPE_KEPT_NUMERIC && template)
		md_put_template(out, template, text, (struct md_str){ NULL, 0 });
	else
		md_buf_putstr(out, text);
}

bool md_is_ranked_json(const struct md_build *b, const struct md_node *node,
		       const struct md_column_ref *ref, enum md_type type)
{
	const struct md_field *field = md_model_field(node->model, ref->name);

	return type == MD_TYPE_JSON && b->context->dialect->templates[MD_SQL_JSON_KEY] &&
	       (ref->path_len > 0 || !field->def || field->def->type != MD_DEF_ARRAY);
}

/* In the order of its values. */
static void put_sorted(struct md_build *b, struct md_buf *out, const struct md_node *node,
		       const struct md_column_ref *ref, enum md_type type, struct md_str text)
{
	if (md_is_ranked_json(b, node, ref, type))
		md_put_template(out, b->context->dialect->templates[MD_SQL_JSON_KEY], text,
				(struct md_str){ NULL, 0 });
	else
		md_put_ordered(b, out, type, text);
}

/* PostgreSQL puts NULLs last when ascending and first when descending; said only where it is not
 * sure to be so. */
static void put_direction(struct md_buf *out, const struct md_order *order, bool nullable)
{
	bool desc = order->direction == MD_DIR_DESC;
	bool first = order->nulls == MD_NULLS_DEFAULT ? desc : order->nulls == MD_NULLS_FIRST;

	if (desc)
		md_buf_puts(out, " DESC");
	if (nullable)
		md_buf_puts(out, first ? " NULLS FIRST" : " NULLS LAST");
}

static enum md_code fail_related_order(const struct md_node *node, const struct md_order *order,
				       bool found, struct md_error *err)
{
	struct md_str name = order->relation;

	if (!found) {
		md_fail(err, MD_INVALID, "PGRST108",
			"'%.*s' is not an embedded resource in this request", MD_STR_ARG(name));
		md_error_hint(err,
			      "Verify that '%.*s' is included in the 'select' query parameter.",
			      MD_STR_ARG(name));
		return MD_INVALID;
	}
	md_fail(err, MD_INVALID, "PGRST118", "A related order on '%.*s' is not possible",
		MD_STR_ARG(name));
	md_error_details(err,
			 "'%.*s' and '%.*s' do not form a many-to-one or one-to-one relationship",
			 MD_STR_ARG(node->model->name), MD_STR_ARG(name));
	return MD_INVALID;
}

/* order=rel(name): the column that the embed shows under this alias, else the one of this name. */
static const struct md_column_ref *shown_as(const struct md_level *level,
					    const struct md_column_ref *ref)
{
	for (const struct md_select *select = level->select; select; select = select->next)
		if (select->kind == MD_SELECT_COLUMN && select->aggregate == MD_AGG_NONE &&
		    !md_str_is_given(select->cast) && ref->path_len == 0 &&
		    md_str_is_given(select->alias) && md_str_equal(select->alias, ref->name))
			return &select->column;
	return ref;
}

/* order=rel(col): a column of the joined row, or a scalar subquery when the embed is not joined. */
static enum md_code put_related_order(struct md_build *b, struct md_stmt_build *s,
				      struct md_node *node, const struct md_order *order,
				      struct md_error *err)
{
	struct md_link *link = md_node_link(node, order->relation);
	struct md_buf *out = &s->order;
	const struct md_column_ref *column;
	struct md_node *target;
	const char *separator = " AND ";
	struct md_str text;
	enum md_type type;
	md_auto_buf on = MD_BUF(1u << 16);
	md_auto_buf sub = MD_BUF(1u << 16);
	enum md_code code;

	if (!link || !link->relation->to_one)
		return fail_related_order(node, order, link != NULL, err);
	column = shown_as(&link->embed->level, &order->column);
	if (node->grouped && (!link->joined || !link->embed->spread))
		return md_fail_ungrouped(link->relation->to, column->name, err);
	if (link->joined) {
		code = md_check_grouped(link->joined, column, err);
		if (code == MD_OK)
			code = md_column_expression(b, s, link->joined, column, &text, &type, err);
		if (code == MD_OK)
			put_sorted(b, out, link->joined, column, type, text);
		return code;
	}
	code = md_node_new(b, link->relation->to, &link->embed->level, &target, err);
	if (code == MD_OK)
		code = md_column_expression(b, s, target, column, &text, &type, err);
	if (code != MD_OK)
		return code;
	md_buf_puts(&sub, "(SELECT ");
	md_buf_putstr(&sub, text);
	md_buf_puts(&sub, " FROM ");
	code = md_put_relation(b, s, &sub, &on, link->relation, target->alias, node->alias, false,
			       err);
	md_buf_puts(&sub, " WHERE ");
	md_buf_put(&sub, on.data, on.len);
	if (code == MD_OK) /* a row that the embed does not show counts as none */
		code = md_put_conditions(b, s, &sub, target, &separator, err);
	md_buf_putc(&sub, ')');
	s->failed |= sub.failed;
	put_sorted(b, out, target, column, type, md_buf_str(&sub));
	return code;
}

/* With a page cut out of an order that may tie, the key decides, so that pages neither overlap nor
 * leave rows out. */
static void put_tie_breaker(struct md_build *b, struct md_stmt_build *s, const struct md_node *node)
{
	for (unsigned i = 0; i < node->model->key_count; i++) {
		md_buf_putc(&s->order, ',');
		md_put_column(b, &s->order, node->alias, node->model->key[i]);
	}
}

static bool is_paged(const struct md_build *b, const struct md_node *node)
{
	if (node->grouped) /* groups have no key */
		return false;
	if (node->level == b->root)
		return b->request->has_limit || b->request->has_offset;
	return node->level->has_limit || node->level->has_offset;
}

enum md_code md_put_relation_order(struct md_build *b, struct md_stmt_build *s,
				   const struct md_node *node, const struct md_relation *relation,
				   struct md_error *err)
{
	bool unique = false;

	if (node->grouped)
		return MD_OK;
	for (unsigned i = 0; i < relation->order_count; i++) {
		const struct md_relation_order *term = &relation->order[i];
		const struct md_order order = {
			.direction = term->descending ? MD_DIR_DESC : MD_DIR_ASC,
			.nulls = term->nulls < 0   ? MD_NULLS_FIRST
				 : term->nulls > 0 ? MD_NULLS_LAST
						   : MD_NULLS_DEFAULT,
		};
		md_auto_buf column = MD_BUF(1u << 12);

		md_put_column(b, &column, node->alias, term->field);
		if (column.failed)
			return md_fail_nomem(err);
		md_buf_puts(&s->order, i == 0 ? " ORDER BY " : ",");
		put_sorted(b, &s->order, node, &(struct md_column_ref){ .name = term->field->name },
			   term->field->type, md_buf_str(&column));
		put_direction(&s->order, &order, term->field->nullable);
		unique |= term->field->unique && !term->field->nullable;
	}
	if (relation->order_count > 0 && !unique && is_paged(b, node))
		put_tie_breaker(b, s, node);
	return MD_OK;
}

enum md_code md_put_order(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			  struct md_error *err)
{
	bool unique = false;

	for (const struct md_order *order = node->level->order; order; order = order->next) {
		bool nullable = true;
		struct md_str text;
		enum md_type type;
		enum md_code code;

		md_buf_puts(&s->order, order == node->level->order ? " ORDER BY " : ",");
		if (md_str_is_given(order->relation)) {
			code = put_related_order(b, s, node, order, err);
		} else {
			code = md_column_expression(b, s, node, &order->column, &text, &type, err);
			if (code == MD_OK)
				code = md_check_grouped(node, &order->column, err);
			if (code == MD_OK && order->column.path_len == 0) {
				const struct md_field *field =
					md_model_field(node->model, order->column.name);

				nullable = field->nullable;
				unique |= field->unique && !field->nullable;
			}
			if (code == MD_OK)
				put_sorted(b, &s->order, node, &order->column, type, text);
		}
		if (code != MD_OK)
			return code;
		put_direction(&s->order, order, nullable);
	}
	if (node->level->order && !unique && is_paged(b, node))
		put_tie_breaker(b, s, node);
	return MD_OK;
}
