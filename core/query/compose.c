/* Nodes that the parsers and the verbs make, and the verbs themselves. */
#include "core/query/compose.h"

#include "core/query/scan.h"

#include "core/base/banned.h"

enum { FIRST_VALUES = 8 };

enum md_code md_compose_too_many(struct md_composer *composer, unsigned limit, const char *of_what)
{
	return md_fail(composer->err, MD_TOO_LARGE, "MD414", "more than %u %s", limit, of_what);
}

enum md_code md_compose_value(struct md_composer *composer, struct md_str value)
{
	struct md_query *query = composer->query;

	if (query->value_count == composer->value_cap) {
		unsigned cap = composer->value_cap ? composer->value_cap * 2 : FIRST_VALUES;
		struct md_str *grown = md_arena_alloc(composer->arena, cap * sizeof(*grown));

		if (!grown)
			return md_fail_nomem(composer->err);
		if (query->value_count)
			memcpy(grown, query->values, query->value_count * sizeof(*grown));
		query->values = grown;
		composer->value_cap = cap;
	}
	query->values[query->value_count++] = value;
	return MD_OK;
}

enum md_code md_compose_embed_item(struct md_composer *composer, unsigned depth,
				   struct md_select *item, struct md_embed *embed)
{
	struct md_query *query = composer->query;

	if (query->embed_count == composer->limits->embeds)
		return md_compose_too_many(composer, query->embed_count, "embedded resources");
	if (depth == composer->limits->embed_depth)
		return md_compose_too_many(composer, depth, "levels of embedded resources");
	query->embed_count++;
	if (query->embed_depth <= depth)
		query->embed_depth = depth + 1;
	embed->alias = item->alias;
	item->alias = (struct md_str){ NULL, 0 };
	item->kind = MD_SELECT_EMBED;
	item->embed = embed;
	return MD_OK;
}

enum md_code md_compose_star(struct md_composer *composer)
{
	return md_compose_item(composer, 0, &composer->query->root.select);
}

/* Copy a text of the caller's; one that is not given stays so. The bytes that no request can have,
 * no query has. */
static enum md_code take(struct md_composer *composer, struct md_str text, struct md_str *ret_text)
{
	struct md_str copy = { NULL, 0 };

	if (md_str_is_given(text)) {
		if (text.len > 0 && memchr(text.ptr, '\0', text.len))
			return md_fail(composer->err, MD_INVALID, "22021",
				       "invalid byte sequence for encoding \"UTF8\": 0x00");
		if (!md_utf8_is_valid(text.ptr, text.len))
			return md_fail(composer->err, MD_INVALID, "22021",
				       "invalid byte sequence for encoding \"UTF8\"");
		copy = md_arena_str(composer->arena, text);
		if (!copy.ptr)
			return md_fail_nomem(composer->err);
	}
	*ret_text = copy;
	return MD_OK;
}

/* Read a copy of `text` with the parsers' scanner; stop_reading() takes back what it has made. */
static enum md_code read_text(struct md_composer *composer, struct md_scan *scan, const char *what,
			      struct md_str text)
{
	struct md_str copy;
	enum md_code code = take(composer, md_str_is_given(text) ? text : MD_STR(""), &copy);

	if (code)
		return code;
	*scan = (struct md_scan){ .into = *composer };
	md_scan_begin(scan, what, copy);
	return MD_OK;
}

static enum md_code stop_reading(struct md_composer *composer, struct md_scan *scan,
				 enum md_code code)
{
	*composer = scan->into;
	if (code == MD_OK && scan->p < scan->end) {
		md_scan_expect(scan, MD_EXPECT(END));
		return md_scan_fail(scan);
	}
	return code;
}

static enum md_code read_column(struct md_composer *composer, struct md_str text,
				struct md_column_ref *ret_column)
{
	struct md_column_ref column = { .path = NULL };
	struct md_scan scan;
	enum md_code code = read_text(composer, &scan, "failed to parse column", text);

	if (code)
		return code;
	code = stop_reading(composer, &scan, md_scan_column(&scan, &column));
	if (code == MD_OK)
		*ret_column = column;
	return code;
}

struct md_scope md_compose_root(struct md_composer *composer)
{
	struct md_level *root = &composer->query->root;

	return (struct md_scope){ .level = root, .conditions = &root->where };
}

/* The embed of a level that is called `name`, by its alias or, without one, by what it embeds. */
static struct md_embed *find_embed(const struct md_level *level, struct md_str name)
{
	for (struct md_select *item = level->select; item; item = item->next)
		if (item->kind == MD_SELECT_EMBED &&
		    md_str_equal(md_str_is_given(item->embed->alias) ? item->embed->alias
								     : item->embed->relation,
				 name))
			return item->embed;
	return NULL;
}

enum md_code md_compose_find(struct md_composer *composer, struct md_str path,
			     struct md_scope *ret_scope)
{
	struct md_scope scope = md_compose_root(composer);
	const char *p = path.ptr, *end = p + path.len;

	while (p < end) {
		const char *stop = memchr(p, '.', (size_t)(end - p));
		struct md_str name = { p, (size_t)((stop ? stop : end) - p) };
		struct md_embed *embed = find_embed(scope.level, name);

		if (!embed)
			return md_scan_fail_embed(composer->err, name);
		scope.level = &embed->level;
		scope.conditions = &embed->level.where;
		scope.embeds++;
		p = stop ? stop + 1 : end;
	}
	*ret_scope = scope;
	return MD_OK;
}

/* A comparison has as many values as its operator wants. */
static enum md_code check_count(struct md_composer *composer, const struct md_comparison *c)
{
	bool many = c->op == MD_OP_IN || c->quantifier != MD_QUANT_NONE;
	unsigned wanted = c->op == MD_OP_IS ? 0 : 1;

	if (!many && c->value_count != wanted)
		return md_fail(composer->err, MD_INVALID, "MD400",
			       "this comparison has %u values instead of %u", c->value_count,
			       wanted);
	if (c->quantifier != MD_QUANT_NONE && !md_scan_op_is_quantified(c->op))
		return md_fail(composer->err, MD_INVALID, "MD400",
			       "this operator has neither any nor all");
	for (unsigned i = 0; i < c->value_count; i++)
		if (!md_str_is_given(c->values[i]) && c->quantifier == MD_QUANT_NONE)
			return md_fail(composer->err, MD_INVALID, "MD400",
				       "null is compared with `is`");
	return MD_OK;
}

static enum md_code add_values(struct md_composer *composer, struct md_filter *filter,
			       const struct md_comparison *comparison)
{
	bool single = comparison->op != MD_OP_IN && comparison->quantifier == MD_QUANT_NONE;
	enum md_code code = MD_OK;

	for (unsigned i = 0; i < comparison->value_count && code == MD_OK; i++) {
		struct md_str value;

		code = take(composer, comparison->values[i], &value);
		if (code)
			break;
		code = single ? md_compose_single(composer, filter, value)
			      : md_compose_listed(composer, filter, value);
	}
	return code;
}

enum md_code md_compose_where(struct md_composer *composer, const struct md_scope *scope,
			      struct md_str column, const struct md_comparison *comparison)
{
	struct md_logic *node;
	enum md_code code = check_count(composer, comparison);

	if (code)
		return code;
	code = md_compose_node(composer, MD_LOGIC_LEAF, &node);
	if (code)
		return code;
	code = read_column(composer, column, &node->leaf.column);
	if (code == MD_OK)
		code = md_compose_leaf(composer, &node->leaf);
	if (code == MD_OK)
		code = take(composer, comparison->language, &node->leaf.language);
	if (code)
		return code;
	node->leaf.op = comparison->op;
	node->leaf.negated = comparison->negated;
	node->leaf.quantifier = comparison->quantifier;
	node->leaf.is = comparison->is;
	code = add_values(composer, &node->leaf, comparison);
	if (code == MD_OK)
		md_compose_append(scope->conditions, node);
	return code;
}

enum md_code md_compose_where_text(struct md_composer *composer, const struct md_scope *scope,
				   struct md_str column, struct md_str operation,
				   struct md_str value)
{
	struct md_logic *node;
	struct md_scan scan;
	char *text = md_arena_printf(composer->arena, "%.*s.%.*s", MD_STR_ARG(operation),
				     MD_STR_ARG(value));
	enum md_code code;

	if (!text)
		return md_fail_nomem(composer->err);
	code = md_compose_node(composer, MD_LOGIC_LEAF, &node);
	if (code)
		return code;
	code = read_column(composer, column, &node->leaf.column);
	if (code == MD_OK)
		code = read_text(composer, &scan, "failed to parse filter", md_str_of(text));
	if (code)
		return code;
	code = md_parse_operation(&scan, false, &node->leaf);
	*composer = scan.into;
	if (code == MD_OK)
		md_compose_append(scope->conditions, node);
	return code;
}

enum md_code md_compose_group(struct md_composer *composer, const struct md_scope *scope,
			      enum md_logic_kind kind, bool negated, struct md_scope *ret_group)
{
	struct md_scope group = *scope;
	struct md_logic *node;
	enum md_code code = md_compose_depth(composer, scope->groups + 1);

	if (code)
		return code;
	code = md_compose_node(composer, kind, &node);
	if (code)
		return code;
	node->negated = negated;
	md_compose_append(scope->conditions, node);
	group.groups++;
	group.conditions = &node->child;
	*ret_group = group;
	return MD_OK;
}

enum md_code md_compose_group_text(struct md_composer *composer, const struct md_scope *scope,
				   struct md_str word, struct md_str list)
{
	bool negated = word.len > 4 && memcmp(word.ptr, "not.", 4) == 0;
	struct md_str bare = { word.ptr + (negated ? 4 : 0), word.len - (negated ? 4 : 0) };
	struct md_logic *node;
	struct md_scan scan;
	enum md_code code;

	if (!md_str_is(bare, "or") && !md_str_is(bare, "and"))
		return md_fail(composer->err, MD_INVALID, "MD400",
			       "a group is one of or, and, not.or, not.and");
	code = md_compose_node(composer, md_str_is(bare, "or") ? MD_LOGIC_OR : MD_LOGIC_AND, &node);
	if (code == MD_OK)
		code = read_text(composer, &scan, "failed to parse logic tree", list);
	if (code)
		return code;
	node->negated = negated;
	code = stop_reading(composer, &scan, md_parse_logic(&scan, scope->groups + 1, node));
	if (code == MD_OK)
		md_compose_append(scope->conditions, node);
	return code;
}

enum md_code md_compose_filter(struct md_composer *composer, const struct md_scope *scope,
			       struct md_str column, const struct md_str *values, unsigned count)
{
	struct md_comparison comparison = { .op = MD_OP_EQ,
					    .values = values,
					    .value_count = count };

	if (count == 0 || (count == 1 && !md_str_is_given(values[0]))) {
		comparison.op = MD_OP_IS;
		comparison.value_count = 0;
	} else if (count > 1) {
		comparison.op = MD_OP_IN;
	}
	return md_compose_where(composer, scope, column, &comparison);
}

/* One item more. Something is selected from now on. */
static enum md_code add_item(struct md_composer *composer, const struct md_scope *scope,
			     struct md_select *item)
{
	struct md_select **tail = &scope->level->select, *added;
	unsigned count = 0;
	enum md_code code;

	for (; *tail; tail = &(*tail)->next)
		count++;
	code = md_compose_item(composer, count, &added);
	if (code)
		return code;
	*added = *item;
	*tail = added;
	composer->query->has_select = true;
	return MD_OK;
}

enum md_code md_compose_select_all(struct md_composer *composer, const struct md_scope *scope)
{
	struct md_select star = { .kind = MD_SELECT_STAR };

	return add_item(composer, scope, &star);
}

enum md_code md_compose_select(struct md_composer *composer, const struct md_scope *scope,
			       const struct md_shown *shown)
{
	struct md_select item = { .kind = MD_SELECT_COLUMN, .aggregate = shown->aggregate };
	enum md_code code = MD_OK;

	if (md_str_is_given(shown->column))
		code = read_column(composer, shown->column, &item.column);
	else if (shown->aggregate != MD_AGG_COUNT || md_str_is_given(shown->cast))
		return md_fail(composer->err, MD_INVALID, "MD400",
			       "only count() can do without a column");
	if (code == MD_OK)
		code = take(composer, shown->alias, &item.alias);
	if (code == MD_OK)
		code = take(composer, shown->cast, &item.cast);
	if (code == MD_OK)
		code = take(composer, shown->aggregate_cast, &item.aggregate_cast);
	return code ? code : add_item(composer, scope, &item);
}

enum md_code md_compose_select_text(struct md_composer *composer, struct md_str list)
{
	struct md_scan scan;
	enum md_code code;

	if (composer->query->root.select)
		return md_fail(composer->err, MD_INVALID, "MD400",
			       "something has been selected already");
	code = read_text(composer, &scan, "failed to parse select parameter", list);
	if (code)
		return code;
	composer->query->has_select = true;
	code = md_parse_select(&scan);
	*composer = scan.into;
	return code;
}

enum md_code md_compose_join(struct md_composer *composer, const struct md_scope *scope,
			     const struct md_joined *joined, struct md_scope *ret_scope)
{
	struct md_select item = { .kind = MD_SELECT_EMBED };
	struct md_scope inner = { .embeds = scope->embeds + 1 };
	struct md_embed *embed;
	enum md_code code = MD_OK;

	if (!scope->level->select && !composer->query->has_select)
		code = md_compose_select_all(composer, scope);
	if (code)
		return code;
	code = md_compose_embed(composer, &embed);
	if (code)
		return code;
	code = take(composer, joined->relation, &embed->relation);
	if (code == MD_OK)
		code = take(composer, joined->hint, &embed->hint);
	if (code == MD_OK)
		code = take(composer, joined->alias, &item.alias);
	if (code)
		return code;
	embed->join = joined->join;
	embed->spread = joined->spread;
	code = md_compose_embed_item(composer, scope->embeds, &item, embed);
	if (code == MD_OK)
		code = add_item(composer, scope, &item);
	if (code)
		return code;
	inner.level = &embed->level;
	inner.conditions = &embed->level.where;
	*ret_scope = inner;
	return MD_OK;
}

enum md_code md_compose_order_by_related(struct md_composer *composer, const struct md_scope *scope,
					 struct md_str relation, struct md_str column,
					 enum md_direction direction, enum md_nulls nulls)
{
	struct md_order **tail = &scope->level->order, *term;
	unsigned count = 0;
	enum md_code code;

	for (; *tail; tail = &(*tail)->next)
		count++;
	code = md_compose_term(composer, count, &term);
	if (code)
		return code;
	code = take(composer, relation, &term->relation);
	if (code == MD_OK)
		code = read_column(composer, column, &term->column);
	if (code)
		return code;
	term->direction = direction;
	term->nulls = nulls;
	*tail = term;
	return MD_OK;
}

enum md_code md_compose_order_by(struct md_composer *composer, const struct md_scope *scope,
				 struct md_str column, enum md_direction direction,
				 enum md_nulls nulls)
{
	return md_compose_order_by_related(composer, scope, (struct md_str){ NULL, 0 }, column,
					   direction, nulls);
}

enum md_code md_compose_order_text(struct md_composer *composer, const struct md_scope *scope,
				   struct md_str terms)
{
	struct md_order *order;
	struct md_scan scan;
	enum md_code code;

	if (scope->level->order)
		return md_fail(composer->err, MD_INVALID, "MD400", "there is an order already");
	code = read_text(composer, &scan, "failed to parse order", terms);
	if (code)
		return code;
	code = md_parse_order(&scan, &order);
	*composer = scan.into;
	if (code == MD_OK)
		scope->level->order = order;
	return code;
}

enum md_code md_compose_end(struct md_composer *composer)
{
	if (composer->query->has_select || composer->query->root.select)
		return MD_OK;
	return md_compose_star(composer);
}
