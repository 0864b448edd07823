/* Dates and times as PostgreSQL casts to them, written the one way that to_json writes them:
 * 2020-01-31, 10:00:00.5, 2020-01-31T10:00:00.5, and +00:00 behind those with a time zone. */
#include "core/base/moment.h"
#include "core/db/sqlite_functions.h"

#include <string.h>

#include "core/base/banned.h"

static void raise_reading(sqlite3_context *ctx, enum md_moment_reading reading, const char *type,
			  struct md_str text)
{
	int len = text.len < 100 ? (int)text.len : 100;

	if (reading == MD_MOMENT_OUT_OF_RANGE)
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
			struct md_moment *m)
{
	bool needs_time = strcmp(type, "time") == 0;
	struct md_str text;
	enum md_moment_reading reading;

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
	reading = md_moment_read(text, m);
	if (reading == MD_MOMENT_READ && !(needs_time ? m->has_time : m->has_date))
		reading = MD_MOMENT_BAD_SYNTAX;
	if (reading != MD_MOMENT_READ)
		raise_reading(ctx, reading, type, text);
	return reading == MD_MOMENT_READ;
}

void md_sqlite_cast_date(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[MD_MOMENT_ROOM];
	struct md_moment m;

	(void)count;
	if (take_moment(ctx, args[0], "date", &m))
		sqlite3_result_text(ctx, out, (int)md_moment_put_date(out, m.days),
				    SQLITE_TRANSIENT);
}

void md_sqlite_cast_time(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[MD_MOMENT_ROOM];
	struct md_moment m;

	(void)count;
	if (take_moment(ctx, args[0], "time", &m))
		sqlite3_result_text(ctx, out, (int)md_moment_put_time(out, m.time_us, false),
				    SQLITE_TRANSIENT);
}

void md_sqlite_cast_timestamp(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[MD_MOMENT_ROOM];
	struct md_moment m;

	(void)count;
	if (take_moment(ctx, args[0], "timestamp", &m))
		sqlite3_result_text(ctx, out,
				    (int)md_moment_put_timestamp(out, m.days, m.time_us, false),
				    SQLITE_TRANSIENT);
}

/* Without a zone it is UTC. */
void md_sqlite_cast_timestamptz(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char out[MD_MOMENT_ROOM];
	struct md_moment m;
	size_t len;

	(void)count;
	if (!take_moment(ctx, args[0], "timestamp with time zone", &m))
		return;
	len = md_moment_put_timestamp(out, m.days, m.time_us - m.offset_us, false);
	memcpy(out + len, "+00:00", 6);
	sqlite3_result_text(ctx, out, (int)len + 6, SQLITE_TRANSIENT);
}
