/* Decimal numbers as text, of more digits than a double holds. One text for each value: no sign but
 * a minus, no zeros that mean nothing, no exponent: -1.5, 0.001, 0. No state, any thread. */
#ifndef MD_CORE_BASE_DECIMAL_H
#define MD_CORE_BASE_DECIMAL_H
#include <stddef.h>

#include "core/base/str.h"

enum { MD_DECIMAL_MAX = 1000 /* characters of a decimal */ };
enum md_decimal_reading { MD_DECIMAL_READ, MD_DECIMAL_BAD_SYNTAX, MD_DECIMAL_OUT_OF_RANGE };

/** The one text of the number that `text` is (as SQL and JSON write it: also 1., .5, 1e5), into
 * `out` of MD_DECIMAL_MAX bytes. */
enum md_decimal_reading md_decimal_normalize(struct md_str text, char *out, size_t *ret_len);
/** Order of two texts by value; those that are no decimals stand behind those that are, in byte
 * order. */
int md_decimal_compare(struct md_str a, struct md_str b);
#endif
