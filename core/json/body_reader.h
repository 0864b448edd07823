/* Private to core/json: what the readers of the three kinds of bodies share. A reader is a check
 * (the fence) that fills the body, and a function that reads one row of it. */
#ifndef MD_CORE_JSON_BODY_READER_H
#define MD_CORE_JSON_BODY_READER_H
#include <string.h>

#include "core/json/body.h"

#define MD_NO_COLUMN (~0u)

/** A key as it was sent and decoded, and its column if it has one. */
struct md_body_key {
	struct md_str raw, name;
	unsigned column;
};

/** An entry of the table that leads from a name to its column. */
struct md_body_name {
	struct md_str name;
	unsigned column;
};

struct md_body_reader;

struct md_body {
	const struct md_body_reader *reader;
	struct md_str text;
	const char *first; /* where the first row begins */
	const struct md_str *columns;
	const struct md_body_name *names;   /* of the columns, in byte order */
	const struct md_body_key *keys;     /* of the first row, in its order: what to expect */
	const struct md_body_cell *decoded; /* a form: its only row */
	unsigned column_count, key_count;
	bool is_given, is_array;
	size_t rows, scratch;
};

/** One md_body_open(). */
struct md_fence {
	struct md_arena *arena;
	const struct md_body_limits *limits;
	struct md_body *body;
	struct md_error *err;
	unsigned nodes;
};

struct md_body_reader {
	enum md_code (*check)(struct md_fence *fence);
	/* The row at `p`, which exists; all cells are ABSENT. Returns the place of the next one. */
	const char *(*read)(const struct md_body *body, const char *p, char *scratch,
			    struct md_body_cell *cells);
};

extern const struct md_body_reader md_body_json, md_body_csv, md_body_form, md_body_lines;

/** MD_TOO_LARGE: "more than 64 …". */
enum md_code md_fence_too_large(struct md_fence *fence, size_t limit, const char *of_what);
/** PGRST102, as PostgREST calls all that is wrong with a body. */
enum md_code md_fence_invalid(struct md_fence *fence, const char *message);
/** The key is there twice. */
enum md_code md_fence_twice(struct md_fence *fence, struct md_str name);
/** 22P05, PostgreSQL's words for a NUL in a text. */
enum md_code md_fence_nul(struct md_fence *fence);
/** 22021 unless `text` is well-formed UTF-8, and 22P05 when there is a NUL in it. */
enum md_code md_fence_text(struct md_fence *fence, struct md_str text);
/** Another value. */
enum md_code md_fence_node(struct md_fence *fence);
/** Another row. */
enum md_code md_fence_row(struct md_fence *fence);

/** The keys of the first row are known: take a copy, give each its column, and make them the
 * columns unless those were given. Refuses a name that is there twice. */
enum md_code md_fence_learn(struct md_fence *fence, const struct md_body_key *keys, unsigned count);
/** Column of this name, or MD_NO_COLUMN. */
unsigned md_body_column(const struct md_body *body, struct md_str name);
/** Byte order. */
int md_body_compare(struct md_str a, struct md_str b);

/** What a JSON string (without its quotes, checked) stands for, into `out`, where its own length is
 * always enough. Returns the length. */
size_t md_json_unescape(char *out, struct md_str string);
/** md_body_json.read. */
const char *md_json_read_row(const struct md_body *body, const char *p, char *scratch,
			     struct md_body_cell *cells);
/** Behind the white space at `p`. */
static inline const char *md_json_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}
/** Is the key behind the quote at `p` the expected `field`th one? */
static inline bool md_json_is_expected(const struct md_body *body, unsigned field, const char *p,
				       const char *end)
{
	const struct md_str *raw;

	if (field >= body->key_count)
		return false;
	raw = &body->keys[field].raw;
	return (size_t)(end - p) > raw->len && p[raw->len] == '"' &&
	       memcmp(p, raw->ptr, raw->len) == 0;
}
#endif
