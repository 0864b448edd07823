/* Private to core/query: a plan under construction. One `md_build` per plan; one `md_stmt_build`
 * per statement, whose parts are written side by side and joined at the end (placeholders are
 * numbered, so their order does not matter). */
#ifndef MD_CORE_QUERY_BUILDER_H
#define MD_CORE_QUERY_BUILDER_H
#include <limits.h>

#include "core/query/plan.h"

struct md_cell {
	unsigned alias;
	const struct md_field *field; /* NULL: an expression, never shared */
	enum md_expect expect;
};
/* As many columns as a table can have on any engine. */
enum { MD_CELLS_MAX = 2000, MD_BINDS_MAX = 4096, MD_SQL_MAX = 1u << 18 };
/** Instead of an alias: columns are written by their name alone (RETURNING). */
#define MD_NO_ALIAS UINT_MAX

/** What stands around a SELECT; NULL: nothing. */
struct md_envelope {
	const char *before, *behind;
};
/** What columns are called that are numbered in the statement itself. */
struct md_names {
	struct md_str *list;
	unsigned count, cap;
};
struct md_stmt_build {
	struct md_envelope around;
	struct md_buf cells, from, where, group, order;
	unsigned cell_count;
	struct md_cell
		*known; /* which plain columns the cells are, so that none is fetched twice */
	struct md_bind *binds;
	unsigned params, binds_cap;
	struct md_names *names; /* not NULL: nested columns are named c0, c1, … and kept here */
	bool grouped;           /* it has aggregates: `group` is filled with the other cells */
	bool key;               /* it tells rows of a list apart: lists in it are cells, too */
	bool failed;            /* memory */
	bool crowded;           /* more cells or binds than there may be */
};

struct md_node;
struct md_build {
	const struct md_plan_request *request;
	const struct md_walk *walk;
	const struct md_plan_context *context;
	struct md_plan *plan;
	struct md_arena *arena; /* the plan's */
	const struct md_level *root;
	unsigned next_alias, relations;
	/** The root of what a write gives back: `source` and not the table, under this alias; and
	 * which of its columns, by index, are asked for. */
	const char *source;
	unsigned source_alias;
	bool *source_columns;
	/** The relation of a write that stands under its own name: views have no alias there. */
	const struct md_node *named;
	struct md_plan_stmt *children[256];
	unsigned child_count;
};

/** An embed of a node: its relation, and where its rows come from. */
struct md_link {
	const struct md_select *select; /* its place in the list */
	const struct md_embed *embed;
	const struct md_relation *relation;
	struct md_node *joined; /* in the same statement; NULL: a child statement */
	bool inner;             /* rows without a partner do not count */
	bool enforced;          /* the join itself sees to it */
};
/** One relation in a statement: model under an alias, with what is asked of it. */
struct md_node {
	const struct md_model *model;
	unsigned alias;
	const struct md_level *level;
	struct md_link *links;
	unsigned link_count;
	const struct md_node *parent; /* whose embed it is; NULL: the root */
	bool nested;                  /* in a sub-select that gives JSON (nested.c) */
	bool grouped;                 /* in a statement with aggregates */
	/** By which it was joined to be spread; NULL: it is not spread. */
	const struct md_relation *spread;
};

/* build.c: nodes and statements */
/** A node with its links resolved; nothing joined yet. */
enum md_code md_node_new(struct md_build *b, const struct md_model *model,
			 const struct md_level *level, struct md_node **ret_node,
			 struct md_error *err);
/** The link a filter or an order term means: by alias, else by target name. NULL: none. */
struct md_link *md_node_link(struct md_node *node, struct md_str name);
enum md_code md_stmt_build_init(struct md_stmt_build *s, struct md_error *err);
void md_stmt_build_release(struct md_stmt_build *s);
/** Join the parts into `ret_stmt`. `limit` as in SQL text; bind of the offset is made here. */
enum md_code md_stmt_build_finish(struct md_build *b, struct md_stmt_build *s, bool has_limit,
				  int64_t limit, const struct md_level *offset_of,
				  struct md_plan_stmt *ret_stmt, struct md_error *err);

/** tN.key = ? for every part of the item's key. */
void md_put_key_conditions(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			   const struct md_model *model, unsigned alias, const char **separator);
/** Keep the SQL and the binds of a statement under construction in the plan's arena. */
enum md_code md_stmt_keep(struct md_build *b, const struct md_stmt_build *s, struct md_buf *sql,
			  struct md_plan_stmt *ret_stmt, struct md_error *err);
/** Copy the child statements made so far into `plan`. */
enum md_code md_keep_children(struct md_build *b, struct md_plan *plan, struct md_error *err);

/** Number of a level in the walk, for its offset's bind. */
unsigned md_level_number(const struct md_build *b, const struct md_level *level);
/** LIMIT and OFFSET behind what stands in s->order. */
void md_put_limit(struct md_build *b, struct md_stmt_build *s, bool has_limit, int64_t limit,
		  const struct md_level *offset_of);

/* expression.c: columns, relations, order */
/** Add a bind; writes its placeholder into `out` when that is not NULL. Returns the number, from 1.
 */
unsigned md_put_bind(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
		     const struct md_bind *bind);
/** "tN"."column" */
void md_put_column(struct md_build *b, struct md_buf *out, unsigned alias,
		   const struct md_field *field);
/** Expression of a column reference with its JSON path, in the arena; its type in *ret_type. 42703
 * when there is none. */
enum md_code md_column_expression(struct md_build *b, struct md_stmt_build *s,
				  const struct md_node *node, const struct md_column_ref *ref,
				  struct md_str *ret_text, enum md_type *ret_type,
				  struct md_error *err);
/** The template with {c} and {p} filled in. */
void md_put_template(struct md_buf *out, const char *template, struct md_str column,
		     struct md_str param);
/** FROM part of `relation` seen from `parent`: "target" AS tN [JOIN "junction" …]; and its join
 * condition in `on`. The parent's columns are written as columns of alias `parent`, or as child
 * binds when `child` is set. */
enum md_code md_put_relation(struct md_build *b, struct md_stmt_build *s, struct md_buf *from,
			     struct md_buf *on, const struct md_relation *relation, unsigned target,
			     unsigned parent, bool child, struct md_error *err);
enum md_code md_put_order(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			  struct md_error *err);
/** JSON, which is no list of a declared field, on an engine that has to be told how it compares. */
bool md_is_ranked_json(const struct md_build *b, const struct md_node *node,
		       const struct md_column_ref *ref, enum md_type type);
/** An expression as it is compared by < and put in order. */
void md_put_ordered(struct md_build *b, struct md_buf *out, enum md_type type, struct md_str text);
/** The order that the relation itself gives its rows. */
enum md_code md_put_relation_order(struct md_build *b, struct md_stmt_build *s,
				   const struct md_node *node, const struct md_relation *relation,
				   struct md_error *err);
/** " AS tN" */
void md_put_alias(struct md_buf *out, unsigned alias);
/** "schema"."table", or "table" where there is no schema */
void md_put_model(const struct md_dialect *dialect, struct md_buf *out,
		  const struct md_model *model);
/** The same AS tN */
void md_put_table(struct md_build *b, struct md_buf *out, const struct md_model *model,
		  unsigned alias);

/* condition.c */
/** All conditions of a node, joined by AND, each preceded by *separator (" WHERE " first, " AND "
 * then): its filters, null filters on embeds, and inner embeds that no join enforces. */
enum md_code md_put_conditions(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			       struct md_node *node, const char **separator, struct md_error *err);
/** The type behind a parameter that is compared with a composite, "[]" behind a list of them: the
 * server would take it for any record. Nothing for other fields; NULL: a part of one. */
void md_put_composite(const struct md_field *field, const char *suffix, struct md_buf *out);

/* selected.c: items of select lists */
/** What a column of a select list is, before it becomes a cell. */
struct md_output {
	struct md_str sql;
	struct md_str group;          /* what rows are grouped by; not given: what is shown */
	const struct md_field *field; /* the column itself; NULL: an expression */
	enum md_type type;
	bool is_text;  /* always a JSON string */
	bool any_type; /* of a type that only the engine knows */
};
/** A column, its JSON path and casts. PGRST123 and PGRST127 for aggregates, 42704 for a type that
 * cannot be. */
enum md_code md_select_output(struct md_build *b, struct md_stmt_build *s,
			      const struct md_node *node, const struct md_select *select,
			      struct md_output *ret_output, struct md_error *err);
/** The key under which a column is shown: alias, else the last key of the JSON path, else its name.
 */
struct md_str md_output_name(const struct md_select *select);
/** … and an embed. */
struct md_str md_embed_name(const struct md_embed *embed);

/* output.c: cells and shapes */
/** The cell that holds this column; adds it when the statement does not have it yet. */
unsigned md_cell_column(struct md_build *b, struct md_stmt_build *s, unsigned alias,
			const struct md_field *field);
/** The shape of a node's select list; adds cells, joins and child statements as it needs them. */
enum md_code md_node_shape(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			   bool inner_chain, const struct md_shape **ret_shape,
			   struct md_error *err);
/** Whether anything of this level is written: rel() and rel(other()) stand for conditions only. */
bool md_has_output(const struct md_level *level);
/** Inner embeds that will be joined as such need no EXISTS. Must be known before the conditions are
 * written. */
void md_mark_enforced(const struct md_build *b, struct md_node *node, bool inner_chain);
/** Join a to-one embed into the statement of its parent. */
enum md_code md_join_link(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			  struct md_link *link, bool inner, struct md_node **ret_target,
			  struct md_error *err);
/** write_whole.c: a write in one statement; fills `plan`. */
enum md_code md_write_build_whole(struct md_build *b, const struct md_write_request *request,
				  struct md_write_plan *plan, struct md_error *err);
/** LIMIT of an embed: its own, or db-max-rows. False: none. */
bool md_embed_limit(const struct md_build *b, const struct md_level *level, int64_t *ret_limit);

/* group.c: aggregates */
/** The aggregate of an item of a select list; count also for a `count` that is no column of `model`
 * (NULL: not looked at). */
enum md_aggregate md_select_aggregate(const struct md_model *model, const struct md_select *select);
/** PGRST123 when there are aggregates anywhere and they are switched off. */
enum md_code md_check_aggregates(const struct md_build *b, const struct md_level *level,
				 struct md_error *err);
/** PGRST127 when a to-many relationship is spread with aggregates. */
enum md_code md_check_columns(const struct md_level *level, struct md_error *err);
/** 42803: `column` is no term of GROUP BY. */
enum md_code md_fail_ungrouped(const struct md_model *model, struct md_str column,
			       struct md_error *err);
/** 42803: something stands beside `count` without parentheses. */
enum md_code md_check_old_count(const struct md_node *node, struct md_error *err);
/** 42803 when the node's statement has aggregates and does not group by `ref`. */
enum md_code md_check_grouped(const struct md_node *node, const struct md_column_ref *ref,
			      struct md_error *err);
/** One more term of GROUP BY, in a statement with aggregates; not given: the cell added last. */
void md_group_by(struct md_stmt_build *s, struct md_str term);
/** Whether a column that is cast groups rows by what it was before: it does without an alias, if
 * its type is one that can be compared for sure. */
bool md_groups_uncast(const struct md_node *node, const struct md_select *select);
/** By the key, so that an item that is not there is no group. */
void md_group_by_key(struct md_build *b, struct md_stmt_build *s, const struct md_node *node);
/** Make an output, column and cast, into the aggregate of it; without text it is count(). 42883 for
 * a type that has no such aggregate. */
enum md_code md_put_aggregate(struct md_build *b, const struct md_node *node,
			      const struct md_select *select, struct md_output *output,
			      struct md_error *err);

/** A scalar sub-select whose value is the same for all rows of `node` with equal lists (or rows)
 * behind `link`. For engines that give those by child statements. */
enum md_code md_put_list_key(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			     const struct md_node *node, const struct md_link *link,
			     struct md_error *err);

/* nested.c: embeds as JSON, for engines that make it better than child statements would */
/** Join the embed's rows as columns, one array for each; *ret_alias has them as c0, c1, … under the
 * names of `names`. */
enum md_code md_join_columns(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			     struct md_link *link, struct md_names *names, unsigned *ret_alias,
			     struct md_error *err);
/** tN.cM, as JSON that can be grouped by where there are groups. */
void md_put_joined_column(struct md_build *b, const struct md_stmt_build *s, struct md_buf *out,
			  unsigned alias, unsigned column);
/** The parts of a sub-select, with the binds of the statement it stands in, which they go back to.
 */
void md_parts_open(struct md_stmt_build *inner, const struct md_stmt_build *s);
void md_parts_close(struct md_stmt_build *inner, struct md_stmt_build *s);
/** A scalar sub-select that gives the embed of `node`'s row: a list, or an object or NULL. */
enum md_code md_put_nested(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			   struct md_node *node, struct md_link *link, struct md_error *err);
#endif
