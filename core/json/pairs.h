/* A JSON object as names and texts: what a query string would say, in a body. Pure; any thread. */
#ifndef MD_CORE_JSON_PAIRS_H
#define MD_CORE_JSON_PAIRS_H
#include "core/json/body.h"

struct md_pair {
	struct md_str name, value;
};
/** An object of name → text, or list of texts, of which each is a pair; numbers and truth values
 * stand for their text. The names are in byte order, the texts of a name as they were sent. Pairs
 * live in the arena, texts there or in `text`. PGRST102: it is anything else. */
enum md_code md_pairs_read(struct md_arena *arena, struct md_str text,
			   const struct md_body_limits *limits, const struct md_pair **ret_pairs,
			   unsigned *ret_count, struct md_error *err);
#endif
