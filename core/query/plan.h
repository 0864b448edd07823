/* A compiled request shape: SQL, bind program, output shape. Built from a syntax tree and the
 * registry; immutable afterwards, so that any thread may run it. It holds nothing of the request it
 * was built for: values come from the request at hand through the bind program. All its memory is
 * in its own arena. */
#ifndef MD_CORE_QUERY_PLAN_H
#define MD_CORE_QUERY_PLAN_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/db/dialect.h"
#include "core/db/unit.h"
#include "core/json/shape.h"
#include "core/model/registry.h"
#include "core/query/ast.h"

enum md_read_route {
	MD_READ_LIST,    /* /{relation} */
	MD_READ_ITEM,    /* /{relation}/{key} */
	MD_READ_RELATED, /* /{relation}/{key}/{relationship} */
	MD_READ_KEYS     /* the rows of a list of keys: what a write gives back */
};

/** Everything that decides the text of the SQL and the shape of the answer. Borrowed while a plan
 * is made. */
struct md_plan_request {
	enum md_read_route route;
	const struct md_model *model;
	struct md_str relationship; /* RELATED */
	const struct md_query *query;
	enum md_count_rows {
		MD_ROWS_NOT_COUNTED,
		MD_ROWS_COUNTED,   /* all of them */
		MD_ROWS_ESTIMATED, /* what the engine believes; counted when it cannot tell */
		MD_ROWS_BOTH       /* counted up to `count_limit`, and estimated; or counted */
	} count;
	int64_t count_limit;
	bool strip_nulls;
	bool has_limit,
		has_offset; /* of the root, after Range and db-max-rows; offset's value is bound */
	int64_t limit;
	bool lock;        /* ITEM: `probe` keeps others from changing the row; see MD_SQL_LOCK */
	bool array_lists; /* how many values a list has is no shape of its own */
};
/** What the planner works with besides the request. */
struct md_plan_context {
	const struct md_registry *registry;
	const struct md_dialect *dialect;
	unsigned embeds;   /* relations in one plan, depth= included */
	uint64_t max_rows; /* per embed; UINT64_MAX: no cap */
	bool aggregates;   /* db-aggregates-enabled */
};

/** The values of one request in the order of the tree: what the bind program refers to by number.
 */
struct md_walk {
	const struct md_filter *filters[256];
	unsigned filter_count;
	const struct md_level *offsets[64];
	unsigned offset_count;
	struct md_str legacy_name; /* an embed that a parameter named by its target although it has
				      an alias; not given: none */
};

/** Where one placeholder's value comes from. */
enum md_bind_from {
	MD_FROM_FILTER,   /* value `item` of filter `index` of the walk (the last one when there are
			     fewer: padded lists) */
	MD_FROM_LIST,     /* all values of filter `index` as one array literal */
	MD_FROM_OFFSET,   /* offset of level `index` of the walk; 0 is the root's, after Range */
	MD_FROM_KEY,      /* part `index` of the item's key */
	MD_FROM_PLAN,     /* `text`, fixed: JSON paths */
	MD_FROM_KEYS,     /* the list of keys, as JSON */
	MD_FROM_BODY,     /* cell `index` of the body's row */
	MD_FROM_MADE,     /* value `index` of those that we make for the row */
	MD_FROM_DOCUMENT, /* the whole body, as a JSON array */
	MD_FROM_PARENT    /* filled in by the sink from the parent's row */
};
/** What is done with it on the way. */
enum md_bind_as {
	MD_BIND_TYPED,       /* checked and converted to `type` */
	MD_BIND_TEXT,        /* as it is */
	MD_BIND_PATTERN,     /* like: * becomes % */
	MD_BIND_PREFIX_LOW,  /* literal beginning of a pattern */
	MD_BIND_PREFIX_HIGH, /* first text behind all that begin so */
	MD_BIND_JSON,        /* JSON, or an array literal {a,b} made into it */
	MD_BIND_ARRAY,       /* the same, for a list: braces are an array literal for sure */
	MD_BIND_ARRAY_TEXT,  /* the same, of texts: {1} is ["1"] */
	MD_BIND_LITERAL,     /* an array literal, or a JSON list made into it */
	MD_BIND_COMPACT,     /* JSON in the form in which it is kept */
	MD_BIND_KEPT         /* TYPED, for an engine that reads texts: bytes are hexadecimal */
};
struct md_bind {
	enum md_bind_from from;
	enum md_bind_as as;
	enum md_type type;
	unsigned index, item;
	struct md_str text;
	bool secret;    /* the value is that of a field which is never shown: not for logs */
	char delimiter; /* LIST: between its elements; 0: a comma */
};
/** A statement and its bind program: one bind per parameter. */
struct md_plan_stmt {
	struct md_stmt stmt;
	const struct md_bind *binds;
};

struct md_plan {
	struct md_arena *arena;
	const struct md_plan_stmt *
		probe; /* RELATED: finds the parent row; `lock`: the row itself; NULL: not needed */
	const struct md_plan_stmt *count; /* one row, one integer; NULL: not asked */
	const struct md_plan_stmt
		*estimate; /* one row: the engine's plan, as JSON; NULL: not asked */
	struct md_plan_stmt select;
	const struct md_plan_stmt *children; /* by slot of md_shape_call */
	unsigned child_count;
	const struct md_shape *shape;
	bool to_one;  /* RELATED to a to-one: one object */
	bool bounded; /* unique key, or a small LIMIT without a sort: may run on the loop from the
			 first time */
};

/** Append the plan key of the request to `key`: everything that can change text or shape, nothing
 * that is only a value; and list the values' places in `ret_walk`. Fails with MD_TOO_LARGE when the
 * walk's arrays are too small. */
enum md_code md_plan_key(const struct md_plan_request *request, struct md_buf *key,
			 struct md_walk *ret_walk, struct md_error *err);

/** Resolve names and compile. Failures are the client's (PGRST…, 42703, 42704); `*ret_plan` is
 * freed by md_plan_free(). */
enum md_code md_plan_build(const struct md_plan_request *request, const struct md_walk *walk,
			   const struct md_plan_context *context, struct md_plan **ret_plan,
			   struct md_error *err);
/** NULL is fine; returns NULL. */
struct md_plan *md_plan_free(struct md_plan *plan);

/** What is written. */
enum md_write_kind { MD_WRITE_INSERT, MD_WRITE_UPDATE, MD_WRITE_DELETE };
/** What is to be known of the rows written. */
enum md_give { MD_GIVE_COUNT, MD_GIVE_KEYS, MD_GIVE_ROWS };

/** A value that the body does not give: a default, or one that every change brings. */
struct md_made {
	const struct md_field *field;
	bool update; /* for the row that is there: UPDATE, DO UPDATE SET; else for the new one */
};
struct md_write_request {
	enum md_write_kind kind;
	enum md_give give;
	const struct md_model *model;
	const struct md_query
		*query; /* filters of UPDATE and DELETE; select and order of what is given back */
	bool item;      /* only the row whose key is in the path */
	const struct md_field *const *fields; /* columns the body gives */
	unsigned field_count;
	/** Columns of the body that the rows at hand lack and that get their defaults: a merge and
	 * an UPDATE say so, in a new row they just do not stand. */
	const struct md_field *const *lacking;
	unsigned lacking_count;
	/** What we make ourselves; it follows from model, kind, fields and resolution. */
	const struct md_made *made;
	unsigned made_count;
	/** INSERT: what to do with rows whose `conflict` columns are there already. */
	enum md_resolution { MD_RESOLVE_NOT, MD_RESOLVE_MERGE, MD_RESOLVE_IGNORE } resolution;
	const struct md_field *const *conflict;
	unsigned conflict_count;
	bool missing_default; /* a column that a row lacks gets its default, not NULL */
	bool strip_nulls;
};
/** A compiled write. The rows it gives back come from RETURNING when their columns do, else from a
 * select by key. */
struct md_write_plan {
	struct md_arena *arena;
	const struct md_plan_stmt *find; /* a row for each that is meant, before the write; with its
					    key when rows are given; NULL: not needed */
	const struct md_plan_stmt *exists; /* upsert: is the body's row there; NULL: no upsert */
	struct md_plan_stmt write;         /* INSERT: once for every row of the body */
	unsigned key_cells; /* RETURNING (or find) gives the key in so many cells; 0: it gives the
			       rows */
	const struct md_shape *shape; /* of RETURNING's rows; NULL: see `rows` */
	struct md_plan *rows;         /* select of the rows by their keys; NULL: not needed */
	bool whole;        /* `write` does all of it at once and gives back what is asked */
	bool tells_merges; /* … and, in a last cell, how many rows were merged so far */
	bool groups;       /* what comes back are groups of the rows that were written */
	bool tells_rows; /* … of which a last cell, behind that of the merges, says the number */
	bool bounded;    /* one row at most, or rows of the body: may share a commit with others */
	/** UPDATE and DELETE: which rows, as write.sql has it: the number of the table's alias, and
	 * the condition without WHERE; not given: all of them. */
	unsigned alias;
	struct md_str where;
};
enum md_code md_write_plan_build(const struct md_write_request *request, const struct md_walk *walk,
				 const struct md_plan_context *context,
				 struct md_write_plan **ret_plan, struct md_error *err);
/** NULL is fine; returns NULL. */
struct md_write_plan *md_write_plan_free(struct md_write_plan *plan);
enum md_code md_write_plan_key(const struct md_write_request *request, struct md_buf *key,
			       struct md_walk *ret_walk, struct md_error *err);

/** The values of one request. */
struct md_plan_values {
	const struct md_query *query;
	const struct md_walk *walk;
	const struct md_str *key; /* item routes */
	int64_t offset;           /* of the root */
	struct md_arena *arena;
};
/** Run the bind program of one statement into args[0..stmt.params). Text stays where it is or goes
 * to the arena. A value that does not fit its column: MD_INVALID 22P02/22003 in PostgreSQL's words;
 * a key that does not fit: MD_NOT_FOUND, MD404. */
enum md_code md_plan_bind(const struct md_plan_stmt *stmt, const struct md_plan_values *values,
			  struct md_value *args, struct md_error *err);

/** One text as a value of `type`: 22P02 or 22003 in PostgreSQL's words when it is none. */
enum md_code md_bind_typed(enum md_type type, struct md_str text, struct md_arena *arena,
			   struct md_value *ret_value, struct md_error *err);

/** The select tree of depth=N: all fields and relationships of `model`, N levels deep, without the
 * way back. In `arena`. NULL: the arena is full. */
struct md_level *md_depth_level(struct md_arena *arena, const struct md_model *model,
				unsigned depth);
/** Whether the rows of a level are grouped: it has aggregates, or what is spread in it has. */
bool md_level_is_grouped(const struct md_model *model, const struct md_level *level);
/** Whether the model's relations that are always loaded belong to the answer: nothing or `*` is
 * selected. */
bool md_level_is_always(const struct md_model *model, const struct md_level *level);
/** `level` with those relations, but for the way back of `via` (may be NULL); `level` itself when
 * there are none. NULL: the arena is full. */
const struct md_level *md_always_level(struct md_arena *arena, const struct md_model *model,
				       const struct md_relation *via, const struct md_level *level);

/** MD_INVALID, PGRST127: what is asked cannot be done here; the format says what. */
enum md_code md_fail_feature(struct md_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** A SELECT (MD_SQL_ALTERED) with a row for each column of the table that is not what `model` says.
 * In `arena`; NULL: it is full. */
const char *md_altered_sql(const struct md_dialect *dialect, const struct md_model *model,
			   struct md_arena *arena);
#endif
