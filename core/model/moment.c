#include "core/model/moment.h"

#include <stdio.h>
#include <time.h>

#include "core/base/banned.h"

enum { FRACTION = 6, MOMENT = 19, TIME = 8, OFFSET = 6 };

size_t md_moment_write(enum md_def_type type, int64_t seconds, unsigned micros, char *out)
{
	static const struct {
		bool date, time;
		const char *tail;
	} forms[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_DATETIME] = { true, true, "+00:00" },
		[MD_DEF_DATETIME_LOCAL] = { true, true, "" },
		[MD_DEF_DATE] = { true, false, "" },
		[MD_DEF_TIME] = { false, true, "" },
	};
	time_t time = (time_t)seconds;
	struct tm tm;
	size_t len = 0;

	if (!forms[type].tail || !gmtime_r(&time, &tm))
		return 0;
	if (forms[type].date)
		len += (size_t)snprintf(out, MD_MOMENT_TEXT, "%04d-%02d-%02d", tm.tm_year + 1900,
					tm.tm_mon + 1, tm.tm_mday);
	if (forms[type].date && forms[type].time)
		out[len++] = 'T';
	if (forms[type].time)
		len += (size_t)snprintf(out + len, MD_MOMENT_TEXT - len, "%02d:%02d:%02d.%06u%s",
					tm.tm_hour, tm.tm_min, tm.tm_sec, micros % 1000000,
					forms[type].tail);
	return len;
}

static int two_digits(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Behind the point of the seconds, if there is one. */
static unsigned micros_of(const char *p)
{
	unsigned micros = 0, digits = 0;

	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && digits < FRACTION; digits++)
			micros = micros * 10 + (unsigned)(*p++ - '0');
	for (; digits < FRACTION; digits++)
		micros *= 10;
	return micros;
}

/* Seconds east of UTC. */
static int offset_of(const char *text)
{
	size_t len = strlen(text);
	const char *p;

	if (len < MOMENT + OFFSET)
		return 0;
	p = text + len - OFFSET;
	if (*p != '+' && *p != '-')
		return 0;
	return (*p == '-' ? -60 : 60) * (two_digits(p + 1) * 60 + two_digits(p + 4));
}

static void set_time(const char *text, struct tm *tm)
{
	tm->tm_hour = two_digits(text);
	tm->tm_min = two_digits(text + 3);
	tm->tm_sec = two_digits(text + 6);
}

size_t md_moment_keep(enum md_def_type type, const char *literal, char *out)
{
	struct tm tm = { .tm_year = 70, .tm_mday = 1 };
	const char *behind = "";

	if (type == MD_DEF_TIME) {
		set_time(literal, &tm);
		behind = literal + TIME;
	} else {
		tm.tm_year = two_digits(literal) * 100 + two_digits(literal + 2) - 1900;
		tm.tm_mon = two_digits(literal + 5) - 1;
		tm.tm_mday = two_digits(literal + 8);
	}
	if (type == MD_DEF_DATETIME || type == MD_DEF_DATETIME_LOCAL) {
		set_time(literal + 11, &tm);
		behind = literal + MOMENT;
	}
	return md_moment_write(type,
			       timegm(&tm) - (type == MD_DEF_DATETIME ? offset_of(literal) : 0),
			       micros_of(behind), out);
}
