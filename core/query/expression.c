/* Columns, conditions and order as SQL text. User text never gets here: names come from the
 * registry, values are binds. */
#include "core/query/builder.h"

#include <string.h>

#include "core/base/banned.h"

void md_put_alias(struct md_buf *out, unsigned alias)
{
	md_buf_putc(out, 't');
	md_buf_put_i64(out, alias);
}

void md_put_table(struct md_build *b, struct md_buf *out, const struct md_model *model,
		  unsigned alias)
{
	b->context->dialect->put_name(out, model->name);
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
	b->context->dialect->put_name(out, field->column);
}

unsigned md_put_bind(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
		     const struct md_bind *bind)
{
	if (s->params == s->binds_cap) {
		s->failed = true;
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
	md_fail(err, MD_INVALID, "PGRST127", "Feature not implemented");
	md_error_details(err, "JSON keys with a double quote cannot be reached on %s",
			 b->context->dialect->name);
	return MD_INVALID;
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

static enum md_code put_path(struct md_build *b, struct md_stmt_build *s,
			     const struct md_column_ref *ref, struct md_str column,
			     struct md_buf *out, struct md_error *err)
{
	bool as_text = ref->path[ref->path_len - 1].as_text;
	const char *template =
		b->context->dialect->templates[as_text ? MD_SQL_JSON_GET_TEXT : MD_SQL_JSON_GET];
	struct md_bind bind = { .from = MD_FROM_PLAN, .as = MD_BIND_TEXT };
	struct md_str number;
	md_auto_buf param = MD_BUF(64);
	enum md_code code = path_text(b, ref, &bind.text, err);

	if (code != MD_OK)
		return code;
	md_put_bind(b, s, &param, &bind);
	s->failed |= param.failed;
	number = (struct md_str){ param.data, param.len };
	md_put_template(out, template, column, number);
	return MD_OK;
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
	code = put_path(b, s, ref, column, &text, err);
	if (code == MD_OK)
		code = keep(b, &text, ret_text, err);
	if (code == MD_OK)
		*ret_type = ref->path[ref->path_len - 1].as_text ? MD_TYPE_TEXT : MD_TYPE_JSON;
	return code;
}

/* How each operator is written. `infix` for those that every engine writes alike. */
static const struct operator
{
	const char *infix;
	enum md_template template;
	enum md_bind_as as;
	const char *name;
}
operators[] = {
	[MD_OP_EQ] = { " = ", 0, MD_BIND_TYPED, "eq" },
	[MD_OP_NEQ] = { " <> ", 0, MD_BIND_TYPED, "neq" },
	[MD_OP_GT] = { " > ", 0, MD_BIND_TYPED, "gt" },
	[MD_OP_GTE] = { " >= ", 0, MD_BIND_TYPED, "gte" },
	[MD_OP_LT] = { " < ", 0, MD_BIND_TYPED, "lt" },
	[MD_OP_LTE] = { " <= ", 0, MD_BIND_TYPED, "lte" },
	[MD_OP_LIKE] = { NULL, MD_SQL_LIKE, MD_BIND_PATTERN, "like" },
	[MD_OP_ILIKE] = { NULL, MD_SQL_ILIKE, MD_BIND_PATTERN, "ilike" },
	[MD_OP_MATCH] = { NULL, MD_SQL_MATCH, MD_BIND_TEXT, "match" },
	[MD_OP_IMATCH] = { NULL, MD_SQL_IMATCH, MD_BIND_TEXT, "imatch" },
	[MD_OP_ISDISTINCT] = { NULL, MD_SQL_IS_DISTINCT, MD_BIND_TYPED, "isdistinct" },
	[MD_OP_CS] = { NULL, MD_SQL_CONTAINS, MD_BIND_JSON, "cs" },
	[MD_OP_CD] = { NULL, MD_SQL_CONTAINED, MD_BIND_JSON, "cd" },
	[MD_OP_OV] = { NULL, MD_SQL_OVERLAPS, MD_BIND_JSON, "ov" },
	[MD_OP_FTS] = { NULL, MD_SQL_TEMPLATES, 0, "fts" },
	[MD_OP_PLFTS] = { NULL, MD_SQL_TEMPLATES, 0, "plfts" },
	[MD_OP_PHFTS] = { NULL, MD_SQL_TEMPLATES, 0, "phfts" },
	[MD_OP_WFTS] = { NULL, MD_SQL_TEMPLATES, 0, "wfts" },
	[MD_OP_SL] = { NULL, MD_SQL_TEMPLATES, 0, "sl" },
	[MD_OP_SR] = { NULL, MD_SQL_TEMPLATES, 0, "sr" },
	[MD_OP_NXR] = { NULL, MD_SQL_TEMPLATES, 0, "nxr" },
	[MD_OP_NXL] = { NULL, MD_SQL_TEMPLATES, 0, "nxl" },
	[MD_OP_ADJ] = { NULL, MD_SQL_TEMPLATES, 0, "adj" },
};

struct leaf {
	const struct md_filter *filter;
	struct md_str column;
	enum md_type type;
	struct md_bind bind; /* all but `item` */
};

static void put_value(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
		      unsigned item, enum md_bind_as as, struct md_buf *out)
{
	struct md_bind bind = leaf->bind;

	bind.item = item;
	bind.as = as;
	md_put_bind(b, s, out, &bind);
}

static void put_comparison(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
			   unsigned item, struct md_buf *out)
{
	const struct operator* op = & operators[leaf->filter->op];
	md_auto_buf param = MD_BUF(64);

	if (op->infix) {
		md_buf_putstr(out, leaf->column);
		md_buf_puts(out, op->infix);
		put_value(b, s, leaf, item, op->as, out);
		return;
	}
	put_value(b, s, leaf, item, op->as, &param);
	s->failed |= param.failed;
	md_put_template(out, b->context->dialect->templates[op->template], leaf->column,
			(struct md_str){ param.data, param.len });
}

/* A pattern with a literal beginning is also a range, which an index can serve. */
static void put_prefix_range(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
			     struct md_buf *out)
{
	md_buf_putstr(out, leaf->column);
	md_buf_puts(out, " >= ");
	put_value(b, s, leaf, 0, MD_BIND_PREFIX_LOW, out);
	md_buf_puts(out, " AND ");
	md_buf_putstr(out, leaf->column);
	md_buf_puts(out, " < ");
	put_value(b, s, leaf, 0, MD_BIND_PREFIX_HIGH, out);
	md_buf_puts(out, " AND ");
}

static bool has_prefix_range(const struct md_build *b, const struct md_node *node,
			     const struct md_filter *filter)
{
	const struct md_field *field = md_model_field(node->model, filter->column.name);
	struct md_str value;

	if (filter->op != MD_OP_LIKE || filter->negated || filter->value_count != 1 ||
	    filter->column.path_len > 0 || field->type != MD_TYPE_TEXT || field->collation ||
	    !field->indexed)
		return false;
	value = b->request->query->values[filter->value];
	return value.len > 0 && !memchr("*%_\\", value.ptr[0], 4);
}

static void put_quantified(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
			   struct md_buf *out)
{
	bool any = leaf->filter->quantifier == MD_QUANT_ANY;

	if (leaf->filter->value_count == 0) {
		md_buf_puts(out, b->context->dialect->truth[!any]);
		return;
	}
	for (unsigned i = 0; i < leaf->filter->value_count; i++) {
		md_buf_puts(out, i == 0 ? "(" : any ? " OR " : " AND ");
		put_comparison(b, s, leaf, i, out);
	}
	md_buf_putc(out, ')');
}

static void put_in(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
		   struct md_buf *out)
{
	unsigned size = 1;

	if (leaf->filter->value_count == 0) {
		md_buf_puts(out, b->context->dialect->truth[0]);
		return;
	}
	while (size < leaf->filter->value_count)
		size *= 2;
	md_buf_putstr(out, leaf->column);
	for (unsigned i = 0; i < size; i++) {
		md_buf_puts(out, i == 0 ? " IN (" : ",");
		put_value(b, s, leaf, i, MD_BIND_TYPED, out);
	}
	md_buf_putc(out, ')');
}

/* PostgreSQL has IS TRUE for booleans only. */
static enum md_code put_is(const struct leaf *leaf, struct md_buf *out, struct md_error *err)
{
	static const char *const words[] = {
		[MD_IS_NULL] = " IS NULL",    [MD_IS_NOT_NULL] = " IS NOT NULL",
		[MD_IS_TRUE] = " IS TRUE",    [MD_IS_FALSE] = " IS FALSE",
		[MD_IS_UNKNOWN] = " IS NULL",
	};
	static const char *const asked[] = {
		[MD_IS_TRUE] = "TRUE", [MD_IS_FALSE] = "FALSE", [MD_IS_UNKNOWN] = "UNKNOWN"
	};
	enum md_is is = leaf->filter->is;

	if (is >= MD_IS_TRUE && leaf->type != MD_TYPE_BOOL && leaf->type != MD_TYPE_ANY)
		return md_fail(err, MD_INVALID, "42804",
			       "argument of IS %s must be type boolean, not type %s", asked[is],
			       md_type_name(leaf->type));
	md_buf_putstr(out, leaf->column);
	md_buf_puts(out, words[is]);
	return MD_OK;
}

static enum md_code fail_unsupported(const struct md_build *b, const struct md_filter *filter,
				     struct md_error *err)
{
	md_fail(err, MD_INVALID, "PGRST127", "Feature not implemented");
	md_error_details(err, "the operator '%s' is not available on %s",
			 operators[filter->op].name, b->context->dialect->name);
	return MD_INVALID;
}

static unsigned filter_number(const struct md_build *b, const struct md_filter *filter)
{
	unsigned i = 0;

	while (i < b->walk->filter_count && b->walk->filters[i] != filter)
		i++;
	return i;
}

static enum md_code put_leaf(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			     struct md_node *node, const struct md_filter *filter,
			     struct md_error *err)
{
	struct leaf leaf = { .filter = filter };
	enum md_code code =
		md_column_expression(b, s, node, &filter->column, &leaf.column, &leaf.type, err);
	enum md_template template = operators[filter->op].template;

	if (code != MD_OK)
		return code;
	leaf.bind = (struct md_bind){ .from = MD_FROM_FILTER,
				      .type = leaf.type,
				      .index = filter_number(b, filter) };
	if (filter->op != MD_OP_IN && filter->op != MD_OP_IS && !operators[filter->op].infix &&
	    (template == MD_SQL_TEMPLATES || !b->context->dialect->templates[template]))
		return fail_unsupported(b, filter, err);
	if (filter->negated)
		md_buf_puts(out, "NOT ");
	md_buf_putc(out, '(');
	if (filter->op == MD_OP_IS) {
		code = put_is(&leaf, out, err);
	} else if (filter->op == MD_OP_IN) {
		put_in(b, s, &leaf, out);
	} else if (filter->quantifier != MD_QUANT_NONE) {
		put_quantified(b, s, &leaf, out);
	} else {
		if (has_prefix_range(b, node, filter))
			put_prefix_range(b, s, &leaf, out);
		put_comparison(b, s, &leaf, 0, out);
	}
	md_buf_putc(out, ')');
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

/* EXISTS (SELECT 1 FROM target WHERE join AND its own conditions) */
static enum md_code put_exists(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			       struct md_node *node, const struct md_link *link,
			       struct md_error *err)
{
	struct md_node *target;
	const char *separator = " AND ";
	md_auto_buf on = MD_BUF(1u << 16);
	enum md_code code;

	code = md_node_new(b, link->relation->to, &link->embed->level, &target, err);
	if (code != MD_OK)
		return code;
	md_buf_puts(out, "EXISTS (SELECT 1 FROM ");
	code = md_put_relation(b, s, out, &on, link->relation, target->alias, node->alias, false,
			       err);
	if (code != MD_OK)
		return code;
	md_buf_puts(out, " WHERE ");
	md_buf_put(out, on.data, on.len);
	code = md_put_conditions(b, s, out, target, &separator, err);
	md_buf_putc(out, ')');
	return code;
}

static enum md_code put_logic(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			      struct md_node *node, const struct md_logic *logic,
			      struct md_error *err)
{
	const struct md_filter *leaf = &logic->leaf;
	enum md_code code = MD_OK;

	if (logic->kind == MD_LOGIC_LEAF) {
		bool null_test = leaf->op == MD_OP_IS && leaf->column.path_len == 0 &&
				 leaf->is <= MD_IS_NOT_NULL;
		struct md_link *link = null_test ? md_node_link(node, leaf->column.name) : NULL;

		if (!link)
			return put_leaf(b, s, out, node, leaf, err);
		if ((leaf->is == MD_IS_NULL) != leaf->negated)
			md_buf_puts(out, "NOT ");
		return put_exists(b, s, out, node, link, err);
	}
	if (logic->negated)
		md_buf_puts(out, "NOT ");
	md_buf_putc(out, '(');
	for (const struct md_logic *child = logic->child; child && code == MD_OK;
	     child = child->next) {
		if (child != logic->child)
			md_buf_puts(out, logic->kind == MD_LOGIC_AND ? " AND " : " OR ");
		code = put_logic(b, s, out, node, child, err);
	}
	md_buf_putc(out, ')');
	return code;
}

enum md_code md_put_conditions(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			       struct md_node *node, const char **separator, struct md_error *err)
{
	enum md_code code = MD_OK;

	for (const struct md_logic *logic = node->level->where; logic && code == MD_OK;
	     logic = logic->next) {
		md_buf_puts(out, *separator);
		*separator = " AND ";
		code = put_logic(b, s, out, node, logic, err);
	}
	for (unsigned i = 0; i < node->link_count && code == MD_OK; i++) {
		if (!node->links[i].inner || node->links[i].enforced)
			continue;
		md_buf_puts(out, *separator);
		*separator = " AND ";
		code = put_exists(b, s, out, node, &node->links[i], err);
	}
	if (code == MD_OK && out->failed)
		return md_fail_nomem(err);
	return code;
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

/* order=rel(col): a column of the joined row, or a scalar subquery when the embed is not joined. */
static enum md_code put_related_order(struct md_build *b, struct md_stmt_build *s,
				      struct md_node *node, const struct md_order *order,
				      struct md_error *err)
{
	struct md_link *link = md_node_link(node, order->relation);
	struct md_buf *out = &s->order;
	struct md_node *target;
	struct md_str text;
	enum md_type type;
	md_auto_buf on = MD_BUF(1u << 16);
	enum md_code code;

	if (!link || !link->relation->to_one)
		return fail_related_order(node, order, link != NULL, err);
	if (link->joined) {
		code = md_column_expression(b, s, link->joined, &order->column, &text, &type, err);
		if (code == MD_OK)
			md_buf_putstr(out, text);
		return code;
	}
	code = md_node_new(b, link->relation->to, &link->embed->level, &target, err);
	if (code == MD_OK)
		code = md_column_expression(b, s, target, &order->column, &text, &type, err);
	if (code != MD_OK)
		return code;
	md_buf_puts(out, "(SELECT ");
	md_buf_putstr(out, text);
	md_buf_puts(out, " FROM ");
	code = md_put_relation(b, s, out, &on, link->relation, target->alias, node->alias, false,
			       err);
	md_buf_puts(out, " WHERE ");
	md_buf_put(out, on.data, on.len);
	md_buf_putc(out, ')');
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
	if (node->level == &b->request->query->root)
		return b->request->has_limit || b->request->has_offset;
	return node->level->has_limit || node->level->has_offset;
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
			if (code == MD_OK && order->column.path_len == 0) {
				const struct md_field *field =
					md_model_field(node->model, order->column.name);

				nullable = field->nullable;
				unique |= field->unique && !field->nullable;
			}
			if (code == MD_OK)
				md_buf_putstr(&s->order, text);
		}
		if (code != MD_OK)
			return code;
		put_direction(&s->order, order, nullable);
	}
	if (node->level->order && !unique && is_paged(b, node))
		put_tie_breaker(b, s, node);
	return MD_OK;
}
