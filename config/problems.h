/* Everything that is wrong with a configuration, collected so that it can be reported at once. One
 * thread; texts live in the list's arena. */
#ifndef MD_CONFIG_PROBLEMS_H
#define MD_CONFIG_PROBLEMS_H
#include <stdbool.h>

#include "config/options.h"

struct md_problem {
	bool warning;     /* the configuration can be used nevertheless */
	unsigned line;    /* of the configuration file; 0: elsewhere */
	const char *text; /* one line, begins with the place */
};
struct md_problems {
	struct md_arena *arena; /* borrowed */
	struct md_problem *items;
	unsigned count, room;
	unsigned errors;   /* how many are not warnings, also those left out */
	unsigned left_out; /* beyond the first MD_PROBLEMS_MAX */
	bool failed;       /* memory ran out: the list is not complete */
};
enum { MD_PROBLEMS_MAX = 200 };

/** Add one. `origin` NULL: no single place is to blame. Never fails; see `failed`. */
void md_problem_add(struct md_problems *problems, bool warning, const struct md_origin *origin,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** Where a value came from, for people: "modeld.conf:3", "environment MODELD_LISTEN", "default". */
void md_origin_put(const struct md_origin *origin, struct md_buf *out);
/** Bytes of somebody else, for a message: cut at 80 bytes, control bytes as `?`. */
void md_problem_quote(struct md_str text, struct md_buf *out);
#endif
