/* "Did you mean": the known word nearest to a mistyped one. No state, any thread. */
#ifndef MD_CONFIG_SUGGEST_H
#define MD_CONFIG_SUGGEST_H
#include "core/base/str.h"

/** The best word so far; start with all zero and `word` set. */
struct md_suggest {
	struct md_str word;
	const char *best; /* NULL: nothing is near enough */
	unsigned distance;
};

/** Offer one known word. Case is ignored and `-` equals `_`. */
void md_suggest_offer(struct md_suggest *suggest, const char *candidate);
#endif
