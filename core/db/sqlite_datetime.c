/* Dates and times as PostgreSQL reads ISO 8601, written the one way that to_json writes them:
 * 2020-01-31, 10:00:00.5, 2020-01-31T10:00:00.5, and +00:00 behind those with a time zone. */
#include "core/db/sqlite_functions.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/banned.h"

static const int64_t second_us = 1000000;
static const int64_t day_us = 86400 * 1000000ll;

/* One text, read once for all four types. */
struct moment {
	int64_t days;      /* since 1970-01-01 */
	int64_t time_us;   /* since midnight; may be a whole day */
	int64_t offset_us; /* east of UTC */
	bool has_date, has_time, has_zone;
};

enum reading { READ, BAD_SYNTAX, OUT_OF_RANGE };

struct scan {
	const char *p, *end;
};

static bool at(const struct scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static bool take(struct scan *s, char c)
{
	if (!at(s, c))
		return false;
	s->p++;
	return true;
}

/* A number of `least` to `most` digits. */
static bool take_number(struct scan *s, int least, int most, int *ret_number)
{
	int count = 0, number = 0;

	while (s->p < s->end && count < most && *s->p >= '0' && *s->p <= '9') {
		number = number * 10 + (*s->p++ - '0');
		count++;
	}
	*ret_number = number;
	return count >= least;
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\n\r\f\v", *s->p) && *s->p != '\0')
		s->p++;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is
 * their last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097, doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

/* YYYY-MM-DD, or YYYYMMDD. */
static enum reading read_date(struct scan *s, struct moment *m)
{
	const char *start = s->p;
	int year, month, day;

	if (!take_number(s, 4, 6, &year))
		return BAD_SYNTAX;
	if (take(s, '-')) {
		if (!take_number(s, 1, 2, &month) || !take(s, '-') || !take_number(s, 1, 2, &day))
			return BAD_SYNTAX;
	} else {
		s->p = start;
		if (!take_number(s, 4, 4, &year) || !take_number(s, 2, 2, &month) ||
		    !take_number(s, 2, 2, &day))
			return BAD_SYNTAX;
	}
	if (year < 1 || year > 294276 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month))
		return OUT_OF_RANGE;
	m->days = days_of(year, month, day);
	m->has_date = true;
	return READ;
}

/* The digits behind the point, rounded to microseconds. */
static int64_t take_fraction(struct scan *s)
{
	int64_t unit = second_us / 10, us = 0;
	bool first_lost = true;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		us += (*s->p - '0') * unit;
		if (unit == 0 && first_lost) {
			us += *s->p >= '5';
			first_lost = false;
		}
		unit /= 10;
	}
	return us;
}

/* HH:MM[:SS[.f]]; 24:00:00 is the end of the day, second 60 the next minute. */
static enum reading read_time(struct scan *s, struct moment *m)
{
	int hour, minute, second = 0;
	int64_t fraction = 0;

	if (!take_number(s, 1, 2, &hour) || !take(s, ':') || !take_number(s, 2, 2, &minute))
		return BAD_SYNTAX;
	if (take(s, ':')) {
		if (!take_number(s, 2, 2, &second))
			return BAD_SYNTAX;
		if (take(s, '.'))
			fraction = take_fraction(s);
	}
	m->time_us = ((hour * 60 + minute) * 60 + second) * second_us + fraction;
	m->has_time = true;
	if (minute > 59 || second > 60 || m->time_us > day_us)
		return OUT_OF_RANGE;
	return READ;
}

/* Z, UTC, +HH, +HHMM, +HH:MM. */
static enum reading read_zone(struct scan *s, struct moment *m)
{
	int hour, minute = 0, sign = at(s, '-') ? -1 : 1;

	m->has_zone = true;
	if (s->end - s->p >= 3 && md_str_equal_nocase((struct md_str){ s->p, 3 }, MD_STR("utc"))) {
		s->p += 3;
		return READ;
	}
	if (take(s, 'Z') || take(s, 'z'))
		return READ;
	if (!take(s, '+') && !take(s, '-'))
		return BAD_SYNTAX;
	if (!take_number(s, 1, 2, &hour))
		return BAD_SYNTAX;
	if (take(s, ':') ? !take_number(s, 2, 2, &minute)
			 : s->p < s->end && *s->p >= '0' && *s->p <= '9' &&
				   !take_number(s, 2, 2, &minute))
		return BAD_SYNTAX;
	if (hour > 15 || minute > 59)
		return OUT_OF_RANGE;
	m->offset_us = sign * (hour * 60 + minute) * 60 * second_us;
	return READ;
}

static bool starts_with_time(const struct scan *s)
{
	return s->end - s->p > 2 && (s->p[1] == ':' || s->p[2] == ':');
}

static enum reading read_moment(struct md_str text, struct moment *m)
{
	struct scan s = { text.ptr, text.ptr + text.len };
	enum reading reading = READ;

	*m = (struct moment){ .days = 0 };
	skip_blanks(&s);
	if (!starts_with_time(&s)) {
		reading = read_date(&s, m);
		if (reading == READ && (at(&s, 'T') || at(&s, 't')))
			s.p++;
		else
			skip_blanks(&s);
	}
	if (reading == READ && starts_with_time(&s))
		reading = read_time(&s, m);
	skip_blanks(&s);
	if (reading == READ && s.p < s.end)
		reading = read_zone(&s, m);
	skip_blanks(&s);
	if (reading == READ && s.p < s.end)
		reading = BAD_SYNTAX;
	return reading;
}

static size_t put_date(char *out, size_t size, int64_t days)
{
	int year, month, day;

	date_of(days, &year, &month, &day);
	return (size_t)snprintf(out, size, "%04d-%02d-%02d", year, month, day);
}

static size_t put_time(char *out, size_t size, int64_t us)
{
	int64_t seconds = us / second_us, fraction = us % second_us;
	size_t len = (size_t)snprintf(out, size, "%02d:%02d:%02d", (int)(seconds / 3600),
				      (int)(seconds / 60 % 60), (int)(seconds % 60));

	if (fraction == 0)
		return len;
	len += (size_t)snprintf(out + len, size - len, ".%06d", (int)fraction);
	while (out[len - 1] == '0')
		len--;
	return len;
}

static size_t put_timestamp(char *out, size_t size, int64_t days, int64_t us)
{
	size_t len;

	days += us / day_us;
	us %= day_us;
	if (us < 0) {
		us += day_us;
		days--;
	}
	len = put_date(out, size, days);
	out[len++] = 'T';
	return len + put_time(out + len, size - len, us);
}

static void raise_reading(sqlite3_context *ctx, enum reading reading, const char *type,
			  struct md_str text)
{
	int len = text.len < 100 ? (int)text.len : 100;

	if (reading == OUT_OF_RANGE)
		md_sqlite_raise(ctx, "22008", "date/time field value out of range: \"%.*s\"", len,
				text.ptr);
	else
		md_sqlite_raise(ctx, "22007", "invalid input syntax for type %s: \"%.*s\"", type,
				len, text.ptr);
}

static bool is_infinity(struct md_str s)
{
	if (s.len > 0 && s.ptr[0] == '-')
		s = (struct md_str){ s.ptr + 1, s.len - 1 };
	return md_str_is(s, "infinity");
}

/* Read the argument. False: the function has its result. */
static bool take_moment(sqlite3_context *ctx, sqlite3_value *value, const char *type,
			struct moment *m)
{
	bool needs_time = strcmp(type, "time") == 0;
	struct md_str text;
	enum reading reading;

	if (sqlite3_value_type(value) == SQLITE_NULL)
		return false;
	if (sqlite3_value_type(value) != SQLITE_TEXT) {
		md_sqlite_raise(ctx, "42846", "cannot cast a value that is not text to type %s",
				type);
		return false;
	}
	text.ptr = (const char *)sqlite3_value_text(value);
	text.len = (size_t)sqlite3_value_bytes(value);
	if (!text.ptr) {
		sqlite3_result_error_nomem(ctx);
		return false;
	}
	if (is_infinity(text) && !needs_time) {
		sqlite3_result_value(ctx, value);
		return false;
	}
	reading = read_moment(text, m);
	if (reading == READ && !(needs_time ? m->has_time : m->has_date))
		reading = BAD_SYNTAX;
	if (reading != READ)
		raise_reading(ctx, reading, type, text);
	return reading == READ;
}

void md_sqlite_cast_date(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[64];
	struct moment m;

	(void)count;
	if (take_moment(ctx, args[0], "date", &m))
		sqlite3_result_text(ctx, out, (int)put_date(out, sizeof(out), m.days),
				    SQLITE_TRANSIENT);
}

void md_sqlite_cast_time(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[64];
	struct moment m;

	(void)count;
	if (take_moment(ctx, args[0], "time", &m))
		sqlite3_result_text(ctx, out, (int)put_time(out, sizeof(out), m.time_us),
				    SQLITE_TRANSIENT);
}

void md_sqlite_cast_timestamp(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[64];
	struct moment m;

	(void)count;
	if (take_moment(ctx, args[0], "timestamp", &m))
		sqlite3_result_text(ctx, out,
				    (int)put_timestamp(out, sizeof(out), m.days, m.time_us),
				    SQLITE_TRANSIENT);
}

/* Without a zone it is UTC. */
void md_sqlite_cast_timestamptz(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[64];
	struct moment m;
	size_t len;

	(void)count;
	if (!take_moment(ctx, args[0], "timestamp with time zone", &m))
		return;
	len = put_timestamp(out, sizeof(out) - 6, m.days, m.time_us - m.offset_us);
	memcpy(out + len, "+00:00", 6);
	sqlite3_result_text(ctx, out, (int)len + 6, SQLITE_TRANSIENT);
}
