/* Decimal numbers as they are written: compared, rounded and divided without ever being doubles.
 * Leaf module, no state, any thread. */
#ifndef MD_CORE_MODEL_DECIMAL_H
#define MD_CORE_MODEL_DECIMAL_H
#include <stdbool.h>

#include "core/base/str.h"

enum {
	MD_DECIMAL_DIGITS = 128, /* kept; those behind count for nothing */
	MD_DECIMAL_TEXT = 2 * MD_DECIMAL_DIGITS + 8
};

/** 0.d1d2d3… × 10^point, without zeros in front and at the end; zero has no digits. */
struct md_decimal {
	bool negative;
	int point;
	unsigned count;
	char digits[MD_DECIMAL_DIGITS];
};

/** A number as JSON or SQL writes it, the whole text. False: it is none; *ret untouched. */
bool md_decimal_read(struct md_str text, struct md_decimal *ret_decimal);
/** -1, 0, 1. */
int md_decimal_compare(const struct md_decimal *a, const struct md_decimal *b);
/** To `scale` digits behind the point, half away from zero. True: that changed it. */
bool md_decimal_round(struct md_decimal *decimal, unsigned scale);
/** Digits before the point; 0 below 1. */
unsigned md_decimal_whole(const struct md_decimal *decimal);
/** Whether it is a whole multiple of `unit`, which is not zero. Exact for units of at most 18
 * digits; false when too many digits lie between the two. */
bool md_decimal_is_multiple(const struct md_decimal *decimal, const struct md_decimal *unit);
/** Write it with `scale` digits behind the point into `out` (MD_DECIMAL_TEXT bytes); returns the
 * length, without NUL. It must have been rounded to that scale, and have at most
 * MD_DECIMAL_DIGITS digits before the point. */
size_t md_decimal_write(const struct md_decimal *decimal, unsigned scale, char *out);
#endif
