/* Composing a struct md_query (ast.h), in two layers. Nodes: what every tree is made of, with the
 * limits that no tree crosses; the parsers make theirs here. Verbs: where, join, order_by, limit,
 * offset, select, filter, for callers that have no query string (the C API, the command line); they
 * make the tree that the parsers would. Pure functions: no model, no state, no I/O. Everything is
 * in the arena. Verbs copy the texts they are given; nodes borrow theirs. Failures: MD_INVALID,
 * MD_TOO_LARGE (MD414) as of the parsers, MD_NOMEM. */
#ifndef MD_CORE_QUERY_COMPOSE_H
#define MD_CORE_QUERY_COMPOSE_H
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/query/ast.h"
#include "core/query/parse.h"

/** A query being composed. Filled by its owner: arena, limits, query (all zero) and err. */
struct md_composer {
	struct md_arena *arena;
	const struct md_parse_limits *limits;
	struct md_query *query;
	struct md_error *err; /* may be NULL */
	unsigned value_cap, filter_count;
};

/* Nodes. */

/** A limit was crossed: MD_TOO_LARGE, MD414 "more than 32 embedded resources". */
enum md_code md_compose_too_many(struct md_composer *composer, unsigned limit, const char *of_what);
/** Add to the values of the query. */
enum md_code md_compose_value(struct md_composer *composer, struct md_str value);

/** A condition or a group of them that belongs nowhere yet. */
static inline enum md_code md_compose_node(struct md_composer *composer, enum md_logic_kind kind,
					   struct md_logic **ret_node)
{
	struct md_logic *node = md_arena_zalloc(composer->arena, sizeof(*node));

	if (!node)
		return md_fail_nomem(composer->err), MD_NOMEM;
	node->kind = kind;
	*ret_node = node;
	return MD_OK;
}
/** Add at the end of a list, which is looked up every time: there are at most `filters`. */
static inline void md_compose_append(struct md_logic **list, struct md_logic *node)
{
	while (*list)
		list = &(*list)->next;
	*list = node;
}
/** One leaf more; its values are those that are added from now on. */
static inline enum md_code md_compose_leaf(struct md_composer *composer, struct md_filter *filter)
{
	if (composer->filter_count++ == composer->limits->filters)
		return md_compose_too_many(composer, composer->limits->filters, "filters"),
		       MD_TOO_LARGE;
	filter->value = composer->query->value_count;
	return MD_OK;
}
/** One value more in the list of a leaf. */
static inline enum md_code md_compose_listed(struct md_composer *composer, struct md_filter *filter,
					     struct md_str value)
{
	if (filter->value_count == composer->limits->in_values)
		return md_compose_too_many(composer, filter->value_count, "values in a list"),
		       MD_TOO_LARGE;
	filter->value_count++;
	return md_compose_value(composer, value);
}
/** The one value of a leaf. */
static inline enum md_code md_compose_single(struct md_composer *composer, struct md_filter *filter,
					     struct md_str value)
{
	filter->value_count = 1;
	return md_compose_value(composer, value);
}
/** May there be a group in `depth` groups, itself included? */
static inline enum md_code md_compose_depth(struct md_composer *composer, unsigned depth)
{
	if (depth > composer->limits->logic_depth)
		return md_compose_too_many(composer, composer->limits->logic_depth,
					   "levels of and/or"),
		       MD_TOO_LARGE;
	return MD_OK;
}
/** A term of an order that has `count` already. */
static inline enum md_code md_compose_term(struct md_composer *composer, unsigned count,
					   struct md_order **ret_term)
{
	struct md_order *term = md_arena_zalloc(composer->arena, sizeof(*term));

	if (!term)
		return md_fail_nomem(composer->err), MD_NOMEM;
	if (count == composer->limits->order_terms)
		return md_compose_too_many(composer, count, "terms in an order"), MD_TOO_LARGE;
	*ret_term = term;
	return MD_OK;
}
/** An item, a star until it becomes something else, of a list that has `count` already. */
static inline enum md_code md_compose_item(struct md_composer *composer, unsigned count,
					   struct md_select **ret_item)
{
	struct md_select *item;

	if (count == composer->limits->select_items)
		return md_compose_too_many(composer, count, "items in a select list"), MD_TOO_LARGE;
	item = md_arena_zalloc(composer->arena, sizeof(*item));
	if (!item)
		return md_fail_nomem(composer->err), MD_NOMEM;
	*ret_item = item;
	return MD_OK;
}
/** An embed that belongs to no item yet. */
static inline enum md_code md_compose_embed(struct md_composer *composer,
					    struct md_embed **ret_embed)
{
	struct md_embed *embed = md_arena_zalloc(composer->arena, sizeof(*embed));

	if (!embed)
		return md_fail_nomem(composer->err), MD_NOMEM;
	*ret_embed = embed;
	return MD_OK;
}
/** `item`, below `depth` others, becomes `embed`, which takes over its alias. */
enum md_code md_compose_embed_item(struct md_composer *composer, unsigned depth,
				   struct md_select *item, struct md_embed *embed);
/** Nothing was selected: the root has all its columns. */
enum md_code md_compose_star(struct md_composer *composer);

/* Verbs. */

/** Where verbs add: a level, and in it the list of conditions or a group of them. A value to be
 * copied; valid as long as the query. */
struct md_scope {
	struct md_level *level;
	struct md_logic **conditions;
	unsigned embeds, groups; /* how deep it is */
};
/** A comparison. One value, but for IN and quantifiers (any number) and IS (`is`, no value). */
struct md_comparison {
	enum md_op op;
	bool negated;
	enum md_quantifier quantifier;
	enum md_is is;
	struct md_str language; /* full text search; not given: default */
	const struct md_str *values;
	unsigned value_count;
};
/** What an item of a select shows. `column` as in a select list ("data->>city"); not given: count()
 * of rows. */
struct md_shown {
	struct md_str column, alias, cast;
	enum md_aggregate aggregate;
	struct md_str aggregate_cast;
};
struct md_joined {
	struct md_str relation, alias, hint; /* alias and hint may be not given */
	enum md_join join;
	bool spread;
};

/** The root level. */
struct md_scope md_compose_root(struct md_composer *composer);
/** The level of an embed by its names with points between ("posts.comments"): PGRST108. */
enum md_code md_compose_find(struct md_composer *composer, struct md_str path,
			     struct md_scope *ret_scope);
/** column op value, beside the conditions that are there. */
enum md_code md_compose_where(struct md_composer *composer, const struct md_scope *scope,
			      struct md_str column, const struct md_comparison *comparison);
/** The same as text: `operation` is "eq", "not.in", "like(any)", "fts(french)", …; `value` is what
 * stands behind the point in a query string, without percent-encoding. */
enum md_code md_compose_where_text(struct md_composer *composer, const struct md_scope *scope,
				   struct md_str column, struct md_str operation,
				   struct md_str value);
/** A group, AND or OR, for conditions and further groups. An empty one must not remain. */
enum md_code md_compose_group(struct md_composer *composer, const struct md_scope *scope,
			      enum md_logic_kind kind, bool negated, struct md_scope *ret_group);
/** A whole group as text: `word` is and, or, not.and or not.or, `list` "(a.eq.1,or(…))". */
enum md_code md_compose_group_text(struct md_composer *composer, const struct md_scope *scope,
				   struct md_str word, struct md_str list);
/** Equality: no value is the null value, one is compared, several are a list. A value that is not
 * given is null when it is the only one. */
enum md_code md_compose_filter(struct md_composer *composer, const struct md_scope *scope,
			       struct md_str column, const struct md_str *values, unsigned count);
/** Embed a relationship. A level of which nothing was selected selects all its columns before, as
 * if nothing had been said; the new one has none until something is selected. */
enum md_code md_compose_join(struct md_composer *composer, const struct md_scope *scope,
			     const struct md_joined *joined, struct md_scope *ret_scope);
/** Show one thing more, or all columns. */
enum md_code md_compose_select(struct md_composer *composer, const struct md_scope *scope,
			       const struct md_shown *shown);
enum md_code md_compose_select_all(struct md_composer *composer, const struct md_scope *scope);
/** A whole list as of select=, for a root that selects nothing yet. */
enum md_code md_compose_select_text(struct md_composer *composer, struct md_str list);
/** One term more; `column` as of order=: "name", "data->>city". */
enum md_code md_compose_order_by(struct md_composer *composer, const struct md_scope *scope,
				 struct md_str column, enum md_direction direction,
				 enum md_nulls nulls);
/** A term by a column of a to-one embed. */
enum md_code md_compose_order_by_related(struct md_composer *composer, const struct md_scope *scope,
					 struct md_str relation, struct md_str column,
					 enum md_direction direction, enum md_nulls nulls);
/** Terms as of order=, for a level that has none yet. */
enum md_code md_compose_order_text(struct md_composer *composer, const struct md_scope *scope,
				   struct md_str terms);
static inline void md_compose_limit(const struct md_scope *scope, int64_t limit)
{
	scope->level->has_limit = true;
	scope->level->limit = limit;
}
static inline void md_compose_offset(const struct md_scope *scope, int64_t offset)
{
	scope->level->has_offset = true;
	scope->level->offset = offset;
}
/** Of item routes: related rows to this depth. */
static inline void md_compose_dict(struct md_composer *composer, int64_t depth)
{
	composer->query->has_depth = true;
	composer->query->depth = depth;
}
/** The end: the query is ready to be planned. It may be called again after more verbs. */
enum md_code md_compose_end(struct md_composer *composer);
#endif
