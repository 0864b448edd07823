/* Decimal numbers of more digits than a double holds: read, compared, rounded, divided and written
 * without ever being doubles. One text for each value: no sign but a minus, no zeros that mean
 * nothing, no exponent: -1.5, 0.001, 0. No state, any thread. */
#ifndef MD_CORE_BASE_DECIMAL_H
#define MD_CORE_BASE_DECIMAL_H
#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"

enum { MD_DECIMAL_MAX = 1000 /* digits, and characters of the text */ };
enum md_decimal_reading { MD_DECIMAL_READ, MD_DECIMAL_BAD_SYNTAX, MD_DECIMAL_OUT_OF_RANGE };

/** 0.d1d2d3… × 10^point, without zeros in front and at the end; zero has no digits. */
struct md_decimal {
	bool negative;
	int point;
	unsigned count;
	char digits[MD_DECIMAL_MAX];
};

/** A number as SQL and JSON write it (also 1., .5, 1e5), the whole text. Out of range: it has more
 * digits than there is room for. `decimal` is only then of use when it was read. */
enum md_decimal_reading md_decimal_read(struct md_str text, struct md_decimal *decimal);
/** -1, 0, 1. */
int md_decimal_compare(const struct md_decimal *a, const struct md_decimal *b);
/** To `scale` digits behind the point, half away from zero. True: that changed it. */
bool md_decimal_round(struct md_decimal *decimal, unsigned scale);
/** Digits before the point; 0 below 1. */
unsigned md_decimal_whole(const struct md_decimal *decimal);
/** Whether it is a whole multiple of `unit`, which is not zero. Exact for units of at most 18
 * digits; false when too many digits lie between the two. */
bool md_decimal_is_multiple(const struct md_decimal *decimal, const struct md_decimal *unit);
/** Its text into `out` of MD_DECIMAL_MAX bytes. Returns the length, without NUL; 0: it is longer.
 */
size_t md_decimal_write(const struct md_decimal *decimal, char *out);

/** Read and write: the one text of the number that `text` is, into `out` of MD_DECIMAL_MAX bytes.
 */
enum md_decimal_reading md_decimal_normalize(struct md_str text, char *out, size_t *ret_len);
/** Order of two texts by value; those that are no decimals stand behind those that are, in byte
 * order. */
int md_decimal_compare_texts(struct md_str a, struct md_str b);
#endif
