/* Decimal numbers as they are written: compared, rounded and divided without ever being doubles.
 * Leaf module, no state, any thread. */
#ifndef MD_CORE_MODEL_EXACT_H
#define MD_CORE_MODEL_EXACT_H
#include <stdbool.h>

#include "core/base/str.h"

enum {
	MD_EXACT_DIGITS = 128, /* kept; those behind count for nothing */
	MD_EXACT_TEXT = 2 * MD_EXACT_DIGITS + 8
};

/** 0.d1d2d3… × 10^point, without zeros in front and at the end; zero has no digits. */
struct md_exact {
	bool negative;
	int point;
	unsigned count;
	char digits[MD_EXACT_DIGITS];
};

/** A number as JSON or SQL writes it, the whole text. False: it is none; *ret untouched. */
bool md_exact_read(struct md_str text, struct md_exact *ret_decimal);
/** -1, 0, 1. */
int md_exact_compare(const struct md_exact *a, const struct md_exact *b);
/** To `scale` digits behind the point, half away from zero. True: that changed it. */
bool md_exact_round(struct md_exact *decimal, unsigned scale);
/** Digits before the point; 0 below 1. */
unsigned md_exact_whole(const struct md_exact *decimal);
/** Whether it is a whole multiple of `unit`, which is not zero. Exact for units of at most 18
 * digits; false when too many digits lie between the two. */
bool md_exact_is_multiple(const struct md_exact *decimal, const struct md_exact *unit);
/** Write it into `out` (MD_EXACT_TEXT bytes), without zeros that mean nothing: -1.5, 0.001, 0.
 * Returns the length, without NUL. It must have at most MD_EXACT_DIGITS digits before the point,
 * and have been rounded to no more behind it. */
size_t md_exact_write(const struct md_exact *decimal, char *out);
#endif
