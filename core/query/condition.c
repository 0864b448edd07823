/* Conditions as SQL text: filters, logic, embeds that must or must not be there. User text never
 * gets here: names come from the registry, values are binds. */
#include "core/query/builder.h"

#include <string.h>

#include "core/model/define.h"
#include "core/query/kept.h"

#include "core/base/banned.h"

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
	[MD_OP_IN] = { " = ", 0, MD_BIND_TYPED, "in" },
	[MD_OP_ISDISTINCT] = { NULL, MD_SQL_IS_DISTINCT, MD_BIND_TYPED, "isdistinct" },
	[MD_OP_CS] = { NULL, MD_SQL_CONTAINS, MD_BIND_JSON, "cs" },
	[MD_OP_CD] = { NULL, MD_SQL_CONTAINED, MD_BIND_JSON, "cd" },
	[MD_OP_OV] = { NULL, MD_SQL_OVERLAPS, MD_BIND_JSON, "ov" },
	[MD_OP_FTS] = { NULL, MD_SQL_FTS, MD_BIND_TEXT, "fts" },
	[MD_OP_PLFTS] = { NULL, MD_SQL_PLFTS, MD_BIND_TEXT, "plfts" },
	[MD_OP_PHFTS] = { NULL, MD_SQL_PHFTS, MD_BIND_TEXT, "phfts" },
	[MD_OP_WFTS] = { NULL, MD_SQL_WFTS, MD_BIND_TEXT, "wfts" },
	[MD_OP_SL] = { NULL, MD_SQL_LEFT_OF, MD_BIND_TEXT, "sl" },
	[MD_OP_SR] = { NULL, MD_SQL_RIGHT_OF, MD_BIND_TEXT, "sr" },
	[MD_OP_NXR] = { NULL, MD_SQL_NOT_RIGHT, MD_BIND_TEXT, "nxr" },
	[MD_OP_NXL] = { NULL, MD_SQL_NOT_LEFT, MD_BIND_TEXT, "nxl" },
	[MD_OP_ADJ] = { NULL, MD_SQL_ADJACENT, MD_BIND_TEXT, "adj" },
};

struct leaf {
	const struct md_filter *filter;
	const struct md_field *field; /* NULL: a part of one */
	struct md_str column;
	enum md_type type;
	bool ranked;         /* JSON, of which keys are compared */
	struct md_bind bind; /* all but `item` */
	/* What stands for MD_BIND_TYPED and MD_BIND_JSON, and for both on an engine that checks
	 * values itself. */
	enum md_bind_as typed, json, own;
};

/* What is done with a value on its way; little by us when the engine does it. */
static enum md_bind_as bind_as(const struct md_build *b, const struct leaf *leaf,
			       enum md_bind_as as)
{
	if (as != MD_BIND_TYPED && as != MD_BIND_JSON)
		return as;
	if (b->context->dialect->checks_values)
		return leaf->own;
	return as == MD_BIND_JSON ? leaf->json : leaf->typed;
}

/* Only declared fields are known to be lists, and of what, and to be kept in one form. */
static void set_forms(const struct md_node *node, struct leaf *leaf)
{
	const struct md_filter *filter = leaf->filter;
	const struct md_field *field = filter->column.path_len == 0
					       ? md_model_field(node->model, filter->column.name)
					       : NULL;
	bool plain = field && field->def && field->type == leaf->type;

	leaf->typed = MD_BIND_TYPED;
	leaf->json = MD_BIND_JSON;
	leaf->own = MD_BIND_TEXT;
	leaf->field = field;
	leaf->bind.delimiter = field ? field->delimiter : 0;
	if (!plain)
		return;
	if (field->def->type == MD_DEF_ARRAY) {
		leaf->typed = leaf->json = md_kept_list_of(field->def);
		leaf->own = MD_BIND_LITERAL;
		leaf->bind.type = md_kept_items_of(field->def);
	} else if (field->def->type == MD_DEF_JSON && field->type == MD_TYPE_JSON) {
		leaf->typed = MD_BIND_COMPACT;
	} else if (field->type >= MD_TYPE_KEPT_DATE && field->type != MD_TYPE_KEPT_NUMERIC) {
		leaf->own = MD_BIND_KEPT;
	}
}

void md_put_composite(const struct md_field *field, const char *suffix, struct md_buf *out)
{
	if (!field || field->kind != MD_KIND_COMPOSITE)
		return;
	md_buf_puts(out, "::");
	md_buf_putstr(out, field->base ? md_str_of(field->base) : field->declared);
	md_buf_puts(out, suffix);
}

static void put_value(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
		      unsigned item, enum md_bind_as as, struct md_buf *out)
{
	struct md_bind bind = leaf->bind;
	md_auto_buf param = MD_BUF(64);

	bind.item = item;
	bind.as = bind_as(b, leaf, as);
	md_put_bind(b, s, &param, &bind);
	s->failed |= param.failed;
	if (leaf->ranked)
		md_put_template(out, b->context->dialect->templates[MD_SQL_JSON_ASKED],
				md_buf_str(&param), (struct md_str){ NULL, 0 });
	else
		md_buf_putstr(out, md_buf_str(&param));
}

/* JSON is compared by keys, where the engine knows it as text only. */
static enum md_code set_rank(struct md_build *b, const struct md_node *node, struct leaf *leaf,
			     struct md_error *err)
{
	const struct md_filter *filter = leaf->filter;
	bool compares = operators[filter->op].infix || filter->op == MD_OP_ISDISTINCT;
	md_auto_buf text = MD_BUF(1u << 16);

	if (!compares || !md_is_ranked_json(b, node, &filter->column, leaf->type))
		return MD_OK;
	md_put_template(&text, b->context->dialect->templates[MD_SQL_JSON_KEY], leaf->column,
			(struct md_str){ NULL, 0 });
	leaf->column = md_arena_str(b->arena, md_buf_str(&text));
	leaf->ranked = true;
	return text.failed || !leaf->column.ptr ? md_fail_nomem(err) : MD_OK;
}

/* All values of the filter in one parameter: ANY($1) */
static void put_values(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
		       const char *quantifier, struct md_buf *out)
{
	struct md_bind bind = leaf->bind;

	bind.from = MD_FROM_LIST;
	bind.as = bind_as(b, leaf, operators[leaf->filter->op].as);
	md_buf_puts(out, quantifier);
	md_buf_putc(out, '(');
	md_put_bind(b, s, out, &bind);
	md_put_composite(leaf->field, "[]", out);
	md_buf_putc(out, ')');
}

/* The column compared with what stands in `param`. */
static void put_operator(struct md_build *b, const struct leaf *leaf, struct md_str param,
			 struct md_buf *out)
{
	const struct operator* op = & operators[leaf->filter->op];
	const struct md_dialect *dialect = b->context->dialect;

	if (!op->infix && op->template <MD_SQL_TEMPLATES) {
		md_put_template(out, dialect->templates[op->template], leaf->column, param);
		return;
	}
	if (leaf->filter->op >= MD_OP_GT && leaf->filter->op <= MD_OP_LTE)
		md_put_ordered(b, out, leaf->type, leaf->column);
	else
		md_buf_putstr(out, leaf->column);
	md_buf_puts(out, op->infix ? op->infix : " = ");
	md_buf_putstr(out, param);
}

static void put_comparison(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
			   unsigned item, struct md_buf *out)
{
	md_auto_buf param = MD_BUF(1024);

	put_value(b, s, leaf, item, operators[leaf->filter->op].as, &param);
	if (operators[leaf->filter->op].as == MD_BIND_TYPED)
		md_put_composite(leaf->field, "", &param);
	s->failed |= param.failed;
	put_operator(b, leaf, md_buf_str(&param), out);
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

	if (!b->context->dialect->prefix_range || filter->op != MD_OP_LIKE || filter->negated ||
	    filter->value_count != 1 || filter->column.path_len > 0 ||
	    field->type != MD_TYPE_TEXT || field->collation || !field->indexed)
		return false;
	value = b->request->query->values[filter->value];
	return value.len > 0 && !memchr("*%_\\", value.ptr[0], 4);
}

/* One of the values, or all of them, in one parameter. */
static void put_list(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf, bool any,
		     struct md_buf *out)
{
	md_auto_buf param = MD_BUF(1024);

	put_values(b, s, leaf, any ? "ANY" : "ALL", &param);
	s->failed |= param.failed;
	put_operator(b, leaf, md_buf_str(&param), out);
}

static void put_quantified(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
			   struct md_buf *out)
{
	bool any = leaf->filter->quantifier == MD_QUANT_ANY;

	if (leaf->filter->value_count == 0) {
		md_buf_puts(out, b->context->dialect->truth[!any]);
		return;
	}
	if (b->context->dialect->array_lists) {
		put_list(b, s, leaf, any, out);
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
	if (b->context->dialect->array_lists) {
		put_list(b, s, leaf, true, out);
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

static bool is_number(struct md_str text)
{
	size_t i = 0;

	while (i < text.len && ((text.ptr[i] >= '0' && text.ptr[i] <= '9') || text.ptr[i] == '-'))
		i++;
	return i == text.len;
}

/* The language as a parameter, kept in the plan: it is part of the shape. Nothing: the engine's
 * own. */
static enum md_code put_language(struct md_build *b, struct md_stmt_build *s,
				 struct md_str language, struct md_buf *out, struct md_error *err)
{
	struct md_bind bind = { .from = MD_FROM_PLAN, .as = MD_BIND_TEXT };

	if (!md_str_is_given(language))
		return MD_OK;
	/* A number would be taken for an internal one, whether it is there or not. */
	if (is_number(language))
		return md_fail(err, MD_INVALID, "42704",
			       "text search configuration \"%.*s\" does not exist",
			       (int)language.len, language.ptr);
	bind.text = md_arena_str(b->arena, language);
	if (!bind.text.ptr)
		return md_fail_nomem(err);
	md_put_bind(b, s, out, &bind);
	return MD_OK;
}

static bool is_search(enum md_op op)
{
	return op >= MD_OP_FTS && op <= MD_OP_WFTS;
}

/* to_tsvector($1::regconfig, column) @@ to_tsquery($1::regconfig, $2); a column that is made for
 * it stands alone. */
static enum md_code put_search(struct md_build *b, struct md_stmt_build *s, const struct leaf *leaf,
			       struct md_buf *out, struct md_error *err)
{
	const struct md_dialect *dialect = b->context->dialect;
	bool is_text = leaf->type == MD_TYPE_TEXT || leaf->type == MD_TYPE_JSON;
	struct md_str subject = leaf->column;
	md_auto_buf language = MD_BUF(64), text = MD_BUF(1u << 16), question = MD_BUF(128);
	enum md_code code = put_language(b, s, leaf->filter->language, &language, err);

	if (code != MD_OK)
		return code;
	if (is_text) {
		md_put_template(&text,
				dialect->templates[language.len > 0 ? MD_SQL_SEARCH_TEXT
								    : MD_SQL_SEARCH_PLAIN],
				leaf->column, md_buf_str(&language));
		subject = md_buf_str(&text);
	}
	md_put_template(&question, dialect->templates[operators[leaf->filter->op].template],
			(struct md_str){ NULL, 0 }, (struct md_str){ NULL, 0 });
	md_buf_putc(&question, '(');
	if (language.len > 0) {
		md_buf_putstr(&question, md_buf_str(&language));
		md_buf_puts(&question, "::regconfig, ");
	}
	put_value(b, s, leaf, 0, MD_BIND_TEXT, &question);
	md_buf_putc(&question, ')');
	s->failed |= language.failed || text.failed || question.failed;
	md_put_template(out, dialect->templates[MD_SQL_SEARCH], subject, md_buf_str(&question));
	return MD_OK;
}

/* IS TRUE is for booleans only, as PostgreSQL has it. */
static enum md_code put_is(const struct md_build *b, const struct leaf *leaf, struct md_buf *out,
			   struct md_error *err)
{
	static const char *const words[] = {
		[MD_IS_NULL] = " IS NULL",    [MD_IS_NOT_NULL] = " IS NOT NULL",
		[MD_IS_TRUE] = " IS TRUE",    [MD_IS_FALSE] = " IS FALSE",
		[MD_IS_UNKNOWN] = " IS NULL",
	};
	static const char *const asked[] = {
		[MD_IS_TRUE] = "TRUE", [MD_IS_FALSE] = "FALSE", [MD_IS_UNKNOWN] = "UNKNOWN"
	};
	bool checks = b->context->dialect->checks_values;
	enum md_is is = leaf->filter->is;

	if (!checks && is >= MD_IS_TRUE && leaf->type != MD_TYPE_BOOL && leaf->type != MD_TYPE_ANY)
		return md_fail(err, MD_INVALID, "42804",
			       "argument of IS %s must be type boolean, not type %s", asked[is],
			       md_type_name(leaf->type));
	md_buf_putstr(out, leaf->column);
	md_buf_puts(out, checks && is == MD_IS_UNKNOWN ? " IS UNKNOWN" : words[is]);
	return MD_OK;
}

static enum md_code fail_unsupported(const struct md_build *b, const struct md_filter *filter,
				     struct md_error *err)
{
	return md_fail_feature(err, "the operator '%s' is not available on %s",
			       operators[filter->op].name, b->context->dialect->name);
}

static unsigned filter_number(const struct md_build *b, const struct md_filter *filter)
{
	unsigned i = 0;

	while (i < b->walk->filter_count && b->walk->filters[i] != filter)
		i++;
	return i;
}

/* A comparison with no value at all is a constant: the column does not stand in it, nor do the
 * parameters that its path had. */
static bool is_empty_list(const struct md_filter *filter)
{
	return filter->value_count == 0 &&
	       (filter->op == MD_OP_IN || filter->quantifier != MD_QUANT_NONE);
}

static enum md_code put_leaf(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			     struct md_node *node, const struct md_filter *filter,
			     struct md_error *err)
{
	struct leaf leaf = { .filter = filter };
	unsigned params = s->params;
	enum md_code code =
		md_column_expression(b, s, node, &filter->column, &leaf.column, &leaf.type, err);
	enum md_template template = operators[filter->op].template;

	if (code != MD_OK)
		return code;
	leaf.bind = (struct md_bind){ .from = MD_FROM_FILTER,
				      .type = leaf.type,
				      .index = filter_number(b, filter) };
	set_forms(node, &leaf);
	code = set_rank(b, node, &leaf, err);
	if (code != MD_OK)
		return code;
	if (filter->op != MD_OP_IN && filter->op != MD_OP_IS && !operators[filter->op].infix &&
	    (template == MD_SQL_TEMPLATES || !b->context->dialect->templates[template]))
		return fail_unsupported(b, filter, err);
	if (filter->negated)
		md_buf_puts(out, "NOT ");
	md_buf_putc(out, '(');
	if (filter->op == MD_OP_IS) {
		code = put_is(b, &leaf, out, err);
	} else if (is_search(filter->op)) {
		code = put_search(b, s, &leaf, out, err);
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
	if (is_empty_list(filter))
		s->params = params;
	return code;
}

/* A page of an embed on which there may be no row although there are rows. Of groups, it is enough
 * that there are rows. */
static void put_page(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
		     const struct md_node *node)
{
	const struct md_level *level = node->level;

	if (level->has_limit && level->limit <= 0)
		md_buf_printf(out, " AND %s", b->context->dialect->truth[0]);
	if (!level->has_offset || node->grouped)
		return;
	md_buf_printf(out, " LIMIT %s OFFSET ", b->context->dialect->no_limit);
	md_put_bind(
		b, s, out,
		&(struct md_bind){ .from = MD_FROM_OFFSET, .index = md_level_number(b, level) });
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
	put_page(b, s, out, target);
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
