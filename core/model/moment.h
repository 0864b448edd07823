/* Dates and times in the one form in which modeld keeps them as text: it sorts, and has always six
 * digits of a second. Leaf module, no state, any thread. */
#ifndef MD_CORE_MODEL_MOMENT_H
#define MD_CORE_MODEL_MOMENT_H
#include "core/model/define.h"

enum { MD_MOMENT_TEXT = 40 };

/** Write an instant as a value of `type`: DATETIME 2024-02-29T23:59:59.123456+00:00,
 * DATETIME_LOCAL the same in UTC without offset, DATE and TIME the parts of it. `out` has
 * MD_MOMENT_TEXT bytes and ends in NUL. Returns the length; 0: `type` is no moment. */
size_t md_moment_write(enum md_def_type type, int64_t seconds, unsigned micros, char *out);
/** The kept form of a literal that fits `type`, as definitions have them. */
size_t md_moment_keep(enum md_def_type type, const char *literal, char *out);
#endif
