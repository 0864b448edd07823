#include "core/base/moment.h"

#include "core/base/banned.h"

enum { FIRST_DAY = -719162 /* 0001-01-01 */, LAST_DAY = 2932896 /* 9999-12-31 */, ZONE_LEN = 6 };

static const int64_t second_us = 1000000;
static const int64_t day_us = 86400 * 1000000ll;

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
static enum md_moment_reading read_date(struct scan *s, struct md_moment *m)
{
	const char *start = s->p;
	int year, month, day;

	if (!take_number(s, 4, 6, &year))
		return MD_MOMENT_BAD_SYNTAX;
	if (take(s, '-')) {
		if (!take_number(s, 1, 2, &month) || !take(s, '-') || !take_number(s, 1, 2, &day))
			return MD_MOMENT_BAD_SYNTAX;
	} else {
		s->p = start;
		if (!take_number(s, 4, 4, &year) || !take_number(s, 2, 2, &month) ||
		    !take_number(s, 2, 2, &day))
			return MD_MOMENT_BAD_SYNTAX;
	}
	if (year < 1 || year > 294276 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month))
		return MD_MOMENT_OUT_OF_RANGE;
	m->days = days_of(year, month, day);
	m->has_date = true;
	return MD_MOMENT_READ;
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
static enum md_moment_reading read_time(struct scan *s, struct md_moment *m)
{
	int hour, minute, second = 0;
	int64_t fraction = 0;

	if (!take_number(s, 1, 2, &hour) || !take(s, ':') || !take_number(s, 2, 2, &minute))
		return MD_MOMENT_BAD_SYNTAX;
	if (take(s, ':')) {
		if (!take_number(s, 2, 2, &second))
			return MD_MOMENT_BAD_SYNTAX;
		if (take(s, '.'))
			fraction = take_fraction(s);
	}
	m->time_us = ((hour * 60 + minute) * 60 + second) * second_us + fraction;
	m->has_time = true;
	if (minute > 59 || second > 60 || m->time_us > day_us)
		return MD_MOMENT_OUT_OF_RANGE;
	return MD_MOMENT_READ;
}

/* Z, UTC, +HH, +HHMM, +HH:MM. */
static enum md_moment_reading read_zone(struct scan *s, struct md_moment *m)
{
	int hour, minute = 0, sign = at(s, '-') ? -1 : 1;

	m->has_zone = true;
	if (s->end - s->p >= 3 && md_str_equal_nocase((struct md_str){ s->p, 3 }, MD_STR("utc"))) {
		s->p += 3;
		return MD_MOMENT_READ;
	}
	if (take(s, 'Z') || take(s, 'z'))
		return MD_MOMENT_READ;
	if (!take(s, '+') && !take(s, '-'))
		return MD_MOMENT_BAD_SYNTAX;
	if (!take_number(s, 1, 2, &hour))
		return MD_MOMENT_BAD_SYNTAX;
	if (take(s, ':') ? !take_number(s, 2, 2, &minute)
			 : s->p < s->end && *s->p >= '0' && *s->p <= '9' &&
				   !take_number(s, 2, 2, &minute))
		return MD_MOMENT_BAD_SYNTAX;
	if (hour > 15 || minute > 59)
		return MD_MOMENT_OUT_OF_RANGE;
	m->offset_us = sign * (hour * 60 + minute) * 60 * second_us;
	return MD_MOMENT_READ;
}

static bool starts_with_time(const struct scan *s)
{
	return s->end - s->p > 2 && (s->p[1] == ':' || s->p[2] == ':');
}

enum md_moment_reading md_moment_read(struct md_str text, struct md_moment *m)
{
	struct scan s = { text.ptr, text.ptr + text.len };
	enum md_moment_reading reading = MD_MOMENT_READ;

	*m = (struct md_moment){ .days = 0 };
	skip_blanks(&s);
	if (!starts_with_time(&s)) {
		reading = read_date(&s, m);
		if (reading == MD_MOMENT_READ && (at(&s, 'T') || at(&s, 't')))
			s.p++;
		else
			skip_blanks(&s);
	}
	if (reading == MD_MOMENT_READ && starts_with_time(&s))
		reading = read_time(&s, m);
	skip_blanks(&s);
	if (reading == MD_MOMENT_READ && s.p < s.end)
		reading = read_zone(&s, m);
	skip_blanks(&s);
	if (reading == MD_MOMENT_READ && s.p < s.end)
		reading = MD_MOMENT_BAD_SYNTAX;
	return reading;
}

/* `digits` digits of a number, as many as it has if there are more. */
static char *put_number(char *p, unsigned number, unsigned digits)
{
	unsigned power = 1;

	for (unsigned i = 1; i < digits || number / power >= 10; i++)
		power *= 10;
	for (; power > 0; power /= 10)
		*p++ = (char)('0' + number / power % 10);
	return p;
}

static char *put_three(char *p, const int parts[3], unsigned first_digits, char between)
{
	p = put_number(p, (unsigned)parts[0], first_digits);
	*p++ = between;
	p = put_number(p, (unsigned)parts[1], 2);
	*p++ = between;
	return put_number(p, (unsigned)parts[2], 2);
}

size_t md_moment_put_date(char *out, int64_t days)
{
	int parts[3];

	date_of(days, &parts[0], &parts[1], &parts[2]);
	return (size_t)(put_three(out, parts, 4, '-') - out);
}

size_t md_moment_put_time(char *out, int64_t us, bool all_digits)
{
	int seconds = (int)(us / second_us), fraction = (int)(us % second_us);
	const int parts[3] = { seconds / 3600, seconds / 60 % 60, seconds % 60 };
	char *p = put_three(out, parts, 2, ':');

	if (!all_digits && fraction == 0)
		return (size_t)(p - out);
	*p++ = '.';
	p = put_number(p, (unsigned)fraction, 6);
	while (!all_digits && p[-1] == '0')
		p--;
	return (size_t)(p - out);
}

size_t md_moment_put_timestamp(char *out, int64_t days, int64_t us, bool all_digits)
{
	size_t len;

	days += us / day_us;
	us %= day_us;
	if (us < 0) {
		us += day_us;
		days--;
	}
	len = md_moment_put_date(out, days);
	out[len++] = 'T';
	return len + md_moment_put_time(out + len, us, all_digits);
}

bool md_moment_is_kept_as(const struct md_moment *moment, unsigned parts)
{
	int64_t us = parts & MD_MOMENT_ZONE   ? moment->time_us - moment->offset_us
		     : parts & MD_MOMENT_TIME ? moment->time_us
					      : 0;
	int64_t days = moment->days + us / day_us - (us % day_us < 0);

	return !(parts & MD_MOMENT_DATE) || (days >= FIRST_DAY && days <= LAST_DAY);
}

size_t md_moment_keep(const struct md_moment *moment, unsigned parts, char *out)
{
	bool zone = parts & MD_MOMENT_ZONE;
	size_t len;

	if (!(parts & MD_MOMENT_TIME))
		return md_moment_put_date(out, moment->days);
	if (!(parts & MD_MOMENT_DATE))
		return md_moment_put_time(out, moment->time_us, true);
	len = md_moment_put_timestamp(out, moment->days,
				      moment->time_us - (zone ? moment->offset_us : 0), true);
	if (!zone)
		return len;
	memcpy(out + len, "+00:00", ZONE_LEN);
	return len + ZONE_LEN;
}

struct md_moment md_moment_at(int64_t seconds, unsigned micros)
{
	const int64_t day = day_us / second_us;
	int64_t of_day = (seconds % day + day) % day;

	return (struct md_moment){ .days = (seconds - of_day) / day,
				   .time_us = of_day * second_us + micros,
				   .has_date = true,
				   .has_time = true,
				   .has_zone = true };
}
