/* What one result looks like; built by core/query, walked by the sinks of core/json. Immutable, no
 * SQL, no model. A shape describes an object: its items in order. Where its values come from are
 * the cells of one row (`column`), and for to-many relations the rows of a child statement. */
#ifndef MD_CORE_JSON_SHAPE_H
#define MD_CORE_JSON_SHAPE_H
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/db/rows.h"

struct md_stmt;

/** How a cell becomes JSON; chosen at plan time from declared type and engine. A cell whose storage
 * class does not fit its codec (SQLite) is written as what it is: INT and REAL as numbers, TEXT as
 * a string, BLOB as "\\x…" hex. */
enum md_codec {
	MD_AS_ANY,          /* by storage class */
	MD_AS_STRING,       /* TEXT cells quoted; others by storage class */
	MD_AS_TEXT,         /* always a JSON string: numbers are quoted too (->>, ::text) */
	MD_AS_NUMBER_TEXT,  /* TEXT that is a number is copied verbatim (PostgreSQL int, numeric);
			       NaN, Infinity quoted */
	MD_AS_BOOL,         /* INT 0/1 or TEXT t/f → false/true; other integers stay numbers */
	MD_AS_JSON,         /* TEXT copied verbatim when it is well-formed JSON, else quoted */
	MD_AS_JSON_CHECKED, /* TEXT known to be well-formed JSON (made by the engine): copied
			       verbatim */
	MD_AS_JSON_MADE,    /* the same of a value that is no JSON (an enum, a range): in CSV a
			       string is the text that it stands for */
	MD_AS_TIMESTAMP, /* PostgreSQL timestamp(tz) text: the blank becomes T, offset +00 becomes
			    +00:00 */
	MD_AS_KEPT       /* time or timestamp as modeld keeps it, with six digits behind the point:
			    zeros at their end are left out */
};
enum md_nest {
	MD_NEST_CELL,   /* one cell */
	MD_NEST_OBJECT, /* object from cells of the same row; null when cell `column` is NULL */
	MD_NEST_ROW,   /* object from the first row of a child statement; null when there is none */
	MD_NEST_ARRAY, /* array from the rows of a child statement */
	MD_NEST_COLUMNS /* without a key: an array for each item of the child's, of its values in
			   all rows of a child statement */
};

/** An argument of a child statement that is taken from a cell of the parent row. */
struct md_shape_bind {
	unsigned param, column;
};
/** A child statement: run once per parent row. Its other arguments are the same for every parent
 * and are given to the sink beforehand: args[slot]. */
struct md_shape_call {
	const struct md_stmt *stmt;
	unsigned slot;
	const struct md_shape_bind *binds;
	unsigned bind_count;
};

struct md_shape;
struct md_shape_item {
	const char *key; /* rendered JSON: "name": with quotes and colon, escaped; NULL: the child's
			    items stand in place (spread) */
	unsigned key_len;
	enum md_nest nest;
	enum md_codec codec; /* CELL */
	unsigned column; /* CELL: the cell. OBJECT: the cell that is NULL when there is no row */
	const struct md_shape *child;     /* not CELL */
	const struct md_shape_call *call; /* ROW, ARRAY, COLUMNS */
};

/** Identity of a row, for `depth=`: a row whose (model, key) is already on the path from the root
 * is written with its key items only. Items [0..key_count) are the key. */
struct md_shape_cycle {
	const void *model; /* compared by address */
	unsigned key_count;
};

struct md_shape {
	const struct md_shape_item *items;
	unsigned count;
	bool strip_nulls; /* leave items out that are null, in values that are JSON, too */
	const struct md_shape_cycle *cycle; /* NULL: not checked */
};
#endif
