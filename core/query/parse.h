/* Parsers of PostgREST's dialect: text → ast.h. Pure functions: no model, no state, no I/O; each
 * has a fuzz target. Memory comes from the arena; texts in the result are decoded copies or spans
 * of the input, so the input must live as long as the arena. Every failure is the client's:
 * MD_INVALID, PGRST100 with PostgREST's message and details. */
#ifndef MD_CORE_QUERY_PARSE_H
#define MD_CORE_QUERY_PARSE_H
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/query/ast.h"

/** Limits a client cannot cross; from config/options.def. All are inclusive. */
struct md_parse_limits {
	unsigned parameters;   /* of the query string */
	unsigned embeds;       /* in all */
	unsigned embed_depth;  /* of nesting */
	unsigned filters;      /* leaves of all conditions */
	unsigned in_values;    /* of one list */
	unsigned order_terms;  /* of one level */
	unsigned logic_depth;  /* of and()/or() */
	unsigned select_items; /* of one level */
	unsigned json_path;    /* arrows of one path */
};
extern const struct md_parse_limits md_parse_limits_default;

/** The path of a request: `/a/b/c` → decoded segments. */
struct md_path {
	struct md_str segments[6];
	unsigned count; /* 0 for "/" */
};
/** Split a raw path (from the request line, without query) on '/' and decode each segment once.
 * Fails (MD_INVALID, PGRST125 text is the router's business; here wire "PGRST100") on bad
 * percent-encoding, %00, invalid UTF-8. More segments than fit: MD_NOT_FOUND, PGRST125. A trailing
 * slash is no segment. `+` stays `+`. */
enum md_code md_parse_path(struct md_arena *arena, struct md_str raw, struct md_path *ret_path,
			   struct md_error *err);

/** The query string (raw, without '?'; not given = none) → *ret_query. `item_route`: depth= is
 * recognised when its value is empty or an integer. Parameters are split on '&' and ';', '+' is a
 * space, one without '=' is ignored. */
enum md_code md_parse_query(struct md_arena *arena, struct md_str raw,
			    const struct md_parse_limits *limits, bool item_route,
			    struct md_query *ret_query, struct md_error *err);

/** The names of a columns= or on_conflict= list (md_query.columns, .on_conflict), in order and with
 * repetitions. */
enum md_code md_parse_columns(struct md_arena *arena, struct md_str list, struct md_str **ret_names,
			      unsigned *ret_count, struct md_error *err);

/** A key of an item route: one column: the whole segment; several: the grammar of in.(…) without
 * the parentheses. Fails with MD_NOT_FOUND, MD404 when the number of parts is not `columns`. */
enum md_code md_parse_key(struct md_arena *arena, struct md_str segment, unsigned columns,
			  struct md_str *ret_parts, struct md_error *err);

/** Write the query back as a query string: parse → print → parse gives the same tree. Only bytes
 * that would be misread are percent-encoded. For tests and logs. */
void md_query_print(const struct md_query *query, struct md_buf *out);
/** A column's name as the name of a filter's parameter, encoded; in quotes where it would be
 * misread. */
void md_query_print_key(struct md_str name, struct md_buf *out);

/** The query string of Content-Location: parameters sorted by name, encoded as PostgREST does.
 * Empty input: empty. */
enum md_code md_query_canonical(struct md_arena *arena, struct md_str raw, struct md_buf *out,
				struct md_error *err);

/** The query string of another page: the parameters of `raw` as they were sent, but for limit and
 * offset, which are these (limit -1: none). What means nothing (no `=`) is left out; bytes that do
 * not belong into a URI are encoded. */
void md_query_page(struct md_str raw, int64_t limit, int64_t offset, struct md_buf *out);

/** Append `text` with every byte but letters, digits and those of `plain` percent-encoded. */
void md_uri_encode(struct md_buf *out, struct md_str text, const char *plain);
#endif
