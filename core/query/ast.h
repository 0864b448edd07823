/* The syntax tree of a request in PostgREST's dialect: what was asked, before any name is looked
 * up. Made by the parsers of this folder (pure functions), read by the planner. Everything lives in
 * the request's arena; texts are decoded.
 *
 * Values are kept apart from the structure: every literal that a client may change without changing
 * the meaning of the query stands in md_query.values, and the tree refers to it by index. So two
 * requests that differ in values only have the same tree, and the plan cache can use the tree
 * without the values as its key. */
#ifndef MD_CORE_QUERY_AST_H
#define MD_CORE_QUERY_AST_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

enum md_op {
	MD_OP_EQ,
	MD_OP_NEQ,
	MD_OP_GT,
	MD_OP_GTE,
	MD_OP_LT,
	MD_OP_LTE,
	MD_OP_LIKE, /* value as written: `*` stands for `%` and is replaced when bound */
	MD_OP_ILIKE,
	MD_OP_MATCH,
	MD_OP_IMATCH,
	MD_OP_IN,
	MD_OP_IS,
	MD_OP_ISDISTINCT,
	MD_OP_FTS,
	MD_OP_PLFTS,
	MD_OP_PHFTS,
	MD_OP_WFTS,
	MD_OP_CS,
	MD_OP_CD,
	MD_OP_OV,
	MD_OP_SL,
	MD_OP_SR,
	MD_OP_NXR,
	MD_OP_NXL,
	MD_OP_ADJ
};
enum md_quantifier { MD_QUANT_NONE, MD_QUANT_ANY, MD_QUANT_ALL };
enum md_is { MD_IS_NULL, MD_IS_NOT_NULL, MD_IS_TRUE, MD_IS_FALSE, MD_IS_UNKNOWN };
enum md_aggregate { MD_AGG_NONE, MD_AGG_COUNT, MD_AGG_SUM, MD_AGG_AVG, MD_AGG_MIN, MD_AGG_MAX };

/** One arrow of a JSON path: ->key, ->>key, ->3, ->>-1. */
struct md_json_step {
	bool as_text; /* ->> */
	bool is_index;
	struct md_str key; /* !is_index */
	int64_t index;     /* is_index */
};
/** A column, or a place inside a JSON column. */
struct md_column_ref {
	struct md_str name;
	const struct md_json_step *path;
	unsigned path_len; /* 0: the column itself */
};

/** A leaf of a condition: column op value. */
struct md_filter {
	struct md_column_ref column;
	enum md_op op;
	enum md_quantifier quantifier;
	bool negated;
	enum md_is is;               /* op IS */
	struct md_str language;      /* full text search; not given: default */
	unsigned value, value_count; /* values[value .. value+value_count): 1; IN and quantifiers:
					any number; IS: 0 */
};

enum md_logic_kind { MD_LOGIC_LEAF, MD_LOGIC_AND, MD_LOGIC_OR };
/** A condition tree. Children are a list by `next`. */
struct md_logic {
	enum md_logic_kind kind;
	bool negated;           /* AND, OR; a leaf has its own */
	struct md_filter leaf;  /* LEAF */
	struct md_logic *child; /* AND, OR: first child */
	struct md_logic *next;  /* sibling */
};

enum md_direction { MD_DIR_DEFAULT, MD_DIR_ASC, MD_DIR_DESC };
enum md_nulls { MD_NULLS_DEFAULT, MD_NULLS_FIRST, MD_NULLS_LAST };
struct md_order {
	struct md_str relation; /* order=rel(col): alias or name of a to-one embed; not given: own
				   column */
	struct md_column_ref column;
	enum md_direction direction;
	enum md_nulls nulls;
	struct md_order *next;
};

enum md_select_kind { MD_SELECT_STAR, MD_SELECT_COLUMN, MD_SELECT_EMBED };
struct md_embed;
struct md_select {
	enum md_select_kind kind;
	struct md_str alias;         /* not given: none */
	struct md_column_ref column; /* COLUMN; name not given: count() without a column */
	struct md_str cast;          /* not given: none */
	enum md_aggregate aggregate;
	struct md_str aggregate_cast; /* after the aggregate */
	struct md_embed *embed;       /* EMBED */
	struct md_select *next;
};

/** One level of the result: the root relation or an embed. */
struct md_level {
	struct md_select *select; /* NULL: nothing selected (`rel()`); the root without select= has
				     one STAR */
	struct md_logic *where; /* conditions, all of which must hold: list by `next`; NULL: none */
	struct md_order *order;
	bool has_limit, has_offset;
	int64_t limit, offset; /* as asked; may be negative */
};
enum md_join { MD_JOIN_DEFAULT, MD_JOIN_INNER, MD_JOIN_LEFT };
struct md_embed {
	struct md_str relation; /* table, relation or column name */
	struct md_str alias;
	struct md_str hint; /* !hint; not given: none */
	enum md_join join;
	bool spread; /* ...rel(cols) */
	/** A parameter named it by its target although it has an alias (Warning: 299). */
	bool legacy_name;
	/** Set by the planner for depth=: the relation itself. NULL: to be looked up. */
	const void *resolved;
	struct md_level level;
};

/** The parsed target and query string of one request. */
struct md_query {
	struct md_level root;
	struct md_str *values; /* not given: NULL as an element of eq(any).{…} */
	unsigned value_count;
	unsigned embed_count, embed_depth;
	bool has_select;
	struct md_str columns;     /* columns=, raw list; for writes */
	struct md_str on_conflict; /* on_conflict=, raw list; for writes */
	bool has_depth;            /* depth= on item routes */
	int64_t depth;
};
#endif
