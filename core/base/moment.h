/* Dates and times as PostgreSQL reads ISO 8601, from year 1 on, and as its to_json writes them. No
 * state, any thread. */
#ifndef MD_CORE_BASE_MOMENT_H
#define MD_CORE_BASE_MOMENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

/** One text, whichever of date, time and both it is. */
struct md_moment {
	int64_t days;      /* since 1970-01-01 */
	int64_t time_us;   /* since midnight; may be a whole day */
	int64_t offset_us; /* east of UTC */
	bool has_date, has_time, has_zone;
};
enum md_moment_reading { MD_MOMENT_READ, MD_MOMENT_BAD_SYNTAX, MD_MOMENT_OUT_OF_RANGE };
enum { MD_MOMENT_DATE_ROOM = 32, MD_MOMENT_TIME_ROOM = 40, MD_MOMENT_ROOM = 80 };

enum md_moment_reading md_moment_read(struct md_str text, struct md_moment *m);

/** 2020-01-31 into `out`, of MD_MOMENT_ROOM bytes like those of the others. Returns its length. */
size_t md_moment_put_date(char *out, int64_t days);
/** 10:00:00.5; with `all_digits` 10:00:00.500000. */
size_t md_moment_put_time(char *out, int64_t us, bool all_digits);
/** 2020-01-31T10:00:00.5; `us` may lead to another day. */
size_t md_moment_put_timestamp(char *out, int64_t days, int64_t us, bool all_digits);
#endif
