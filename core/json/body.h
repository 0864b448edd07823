/* The body of a write: JSON, lines of JSON, CSV or a form, as rows of cells. It is read twice, and
 * never becomes a tree.
 *
 * md_body_open() is the fence: one strict scan that checks everything (grammar, UTF-8, no NUL,
 * keys, limits) and finds the columns. Behind it nothing can be wrong with the body, so the second
 * pass, a cursor that hands out row after row, allocates nothing and cannot fail. Numbers keep
 * their digits and nested JSON its bytes: what the client sent is what the database gets.
 *
 * A body borrows the text and lives in the arena given to open. It is immutable from then on: any
 * number of cursors may read it, on any thread. A cursor belongs to one thread at a time.
 *
 * Errors are PostgREST's where it has one (PGRST102) and PostgreSQL's where it would have refused
 * (22021, 22023, 22P05); limits are MD_TOO_LARGE, MD413. Stricter than PostgREST on purpose, which
 * would drop data silently: a key or column given twice, and CSV lines longer or shorter than the
 * header. */
#ifndef MD_CORE_JSON_BODY_H
#define MD_CORE_JSON_BODY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"

enum md_body_kind {
	MD_BODY_JSON,
	MD_BODY_CSV,
	MD_BODY_FORM,
	MD_BODY_LINES /* NDJSON: an object a line */
};

/** The most that is taken of each; one more is refused. */
struct md_body_limits {
	size_t size;    /* bytes of the body */
	size_t string;  /* bytes of a string, key, or field, as it was sent */
	size_t number;  /* bytes of a number */
	unsigned depth; /* open brackets */
	unsigned nodes; /* values: objects, arrays, what is in them; CSV and forms: rows, fields */
	unsigned keys;  /* keys of an object, columns */
	unsigned rows;
	/* No limits, but about a part of a body of lines: those in front of it, and whether its
	 * rows must have exactly the columns given, which are those of the first part. */
	uint64_t lines_before;
	bool exact;
};

enum md_body_cell_kind {
	MD_CELL_ABSENT, /* the row does not have this column */
	MD_CELL_NULL,   /* also NULL in CSV */
	MD_CELL_BOOL,
	MD_CELL_NUMBER, /* text: the digits as sent */
	MD_CELL_STRING, /* text: decoded */
	MD_CELL_JSON    /* text: an object or an array as sent */
};

struct md_body_cell {
	enum md_body_cell_kind kind;
	bool truth; /* BOOL */
	struct md_str text;
};

struct md_body;

/** Check `text` and find its columns: those given (with columns != NULL: rows may lack some, and
 * whatever else they have is ignored), or all that the first row has, in byte order: then all rows
 * must have the same. Text, columns and arena must outlive the body. */
enum md_code md_body_open(struct md_arena *arena, enum md_body_kind kind, struct md_str text,
			  const struct md_body_limits *limits, const struct md_str *columns,
			  unsigned column_count, const struct md_body **ret_body,
			  struct md_error *err);
/** Names of the columns, decoded. None, unless given, when there are no rows. */
const struct md_str *md_body_columns(const struct md_body *body, unsigned *ret_count);
/** The body as it was sent, when it is JSON with rows; not given: it is of another kind, or has
 * none.
 */
struct md_str md_body_json_text(const struct md_body *body);
/** The rows of lines of JSON as one JSON array, each as it was sent. False: the body is of another
 * kind, and nothing is written. */
bool md_body_lines_array(const struct md_body *body, struct md_buf *out);
/** 0 for `[]`, and for a JSON text that is neither object nor array (PostgREST); 1 for `{}`. */
size_t md_body_rows(const struct md_body *body);
/** Several rows could have been sent. False: one JSON object, or a form. */
bool md_body_is_array(const struct md_body *body);
/** Bytes of scratch that every cursor on this body needs; often 0. */
size_t md_body_scratch(const struct md_body *body);

/** A place in a body. Only its functions know the fields. */
struct md_body_cursor {
	const struct md_body *body;
	const char *at;
	char *scratch;
	size_t row;
};

/** Stand before the first row, now or again. `scratch`: md_body_scratch() bytes, or NULL if 0. */
void md_body_rewind(struct md_body_cursor *cursor, const struct md_body *body, char *scratch);
/** The next row: one cell per column, in their order. The texts point into the body, the arena or
 * the scratch, and are valid up to the next call. False: there are no more rows. */
bool md_body_next(struct md_body_cursor *cursor, struct md_body_cell *cells);
/** The cell as the JSON that it was, or would have been; an absent one is null. */
void md_body_cell_put(const struct md_body_cell *cell, struct md_buf *out);
#endif
