/* Dates and times as PostgreSQL reads ISO 8601, from year 1 on, as its to_json writes them, and in
 * the one form in which modeld keeps them as text: it sorts, and has always six digits of a second.
 * No state, any thread. */
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
enum { MD_MOMENT_ROOM = 40 };
/** What a kind of value has of a moment; with ZONE it is told in UTC. */
enum { MD_MOMENT_DATE = 1, MD_MOMENT_TIME = 2, MD_MOMENT_ZONE = 4 };

enum md_moment_reading md_moment_read(struct md_str text, struct md_moment *m);

/** 2020-01-31 into `out`, of MD_MOMENT_ROOM bytes like those of the others. Returns its length. */
size_t md_moment_put_date(char *out, int64_t days);
/** 10:00:00.5; with `all_digits` 10:00:00.500000. */
size_t md_moment_put_time(char *out, int64_t us, bool all_digits);
/** 2020-01-31T10:00:00.5; `us` may lead to another day. */
size_t md_moment_put_timestamp(char *out, int64_t days, int64_t us, bool all_digits);

/** The instant of a clock, in UTC. */
struct md_moment md_moment_at(int64_t seconds, unsigned micros);
/** Whether it can be kept: years have four digits, so that the texts sort. */
bool md_moment_is_kept_as(const struct md_moment *moment, unsigned parts);
/** These parts of it in the form in which they are kept, all: 2024-02-29T23:59:59.123456+00:00.
 * Returns the length. */
size_t md_moment_keep(const struct md_moment *moment, unsigned parts, char *out);
#endif
