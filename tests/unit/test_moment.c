/* Dates and times: read as PostgreSQL reads them, written as it shows them, and as they are kept.
 */
#include "core/base/moment.h"

#include <stdint.h>
#include <time.h>

#include "tests/support/suite.h"

enum { DAY = 86400, INSTANT = MD_MOMENT_DATE | MD_MOMENT_TIME | MD_MOMENT_ZONE };

static char out[MD_MOMENT_ROOM + 1];

static const char *keep(const struct md_moment *moment, unsigned parts)
{
	out[md_moment_keep(moment, parts, out)] = '\0';
	return out;
}

static const char *kept(const char *text, unsigned parts)
{
	struct md_moment moment;

	ck_assert_msg(md_moment_read(md_str_of(text), &moment) == MD_MOMENT_READ, "%s", text);
	ck_assert_msg(md_moment_is_kept_as(&moment, parts), "%s", text);
	return keep(&moment, parts);
}

START_TEST(an_instant_of_the_clock_has_one_form)
{
	struct md_moment moment = md_moment_at(1709251199, 42);

	ck_assert_str_eq(keep(&moment, INSTANT), "2024-02-29T23:59:59.000042+00:00");
	ck_assert_str_eq(keep(&moment, MD_MOMENT_DATE), "2024-02-29");
	ck_assert_str_eq(keep(&moment, MD_MOMENT_TIME), "23:59:59.000042");
	moment = md_moment_at(-1, 0);
	ck_assert_str_eq(keep(&moment, MD_MOMENT_DATE | MD_MOMENT_TIME),
			 "1969-12-31T23:59:59.000000");
}
END_TEST

START_TEST(texts_are_kept_in_one_form)
{
	static const struct {
		const char *text, *kept;
		unsigned parts;
	} cases[] = {
		{ "2024-01-01T00:30:00.5-01:30", "2024-01-01T02:00:00.500000+00:00", INSTANT },
		{ "2024-01-01t00:30:00z", "2024-01-01T00:30:00.000000+00:00", INSTANT },
		{ "2024-01-01 00:30:00.123456", "2024-01-01T00:30:00.123456",
		  MD_MOMENT_DATE | MD_MOMENT_TIME },
		{ "12:00:00", "12:00:00.000000", MD_MOMENT_TIME },
		{ "24:00:00", "24:00:00.000000", MD_MOMENT_TIME },
		{ "0001-02-03", "0001-02-03", MD_MOMENT_DATE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(kept(cases[i].text, cases[i].parts), cases[i].kept);
}
END_TEST

/* The calendar of the C library is the measure, for every day of four centuries and more. */
START_TEST(every_day_is_the_calendars)
{
	for (int64_t day = -160000; day < 160000; day++) {
		time_t seconds = (time_t)(day * DAY);
		char expected[64];
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%d", &tm);
		out[md_moment_put_date(out, day)] = '\0';
		ck_assert_str_eq(out, expected);
	}
}
END_TEST

START_TEST(shows_as_few_digits_as_there_are)
{
	out[md_moment_put_time(out, 36000000000, false)] = '\0';
	ck_assert_str_eq(out, "10:00:00");
	out[md_moment_put_time(out, 36000500000, false)] = '\0';
	ck_assert_str_eq(out, "10:00:00.5");
	out[md_moment_put_timestamp(out, 0, -1, false)] = '\0';
	ck_assert_str_eq(out, "1969-12-31T23:59:59.999999");
	out[md_moment_put_date(out, 106751991)] = '\0';
	ck_assert_str_eq(out, "294247-01-10");
}
END_TEST

START_TEST(years_that_are_kept_have_four_digits)
{
	static const struct {
		const char *text;
		unsigned parts;
		bool kept;
	} cases[] = {
		{ "9999-12-31T23:59:59.999999Z", INSTANT, true },
		{ "9999-12-31T23:00:00-02:00", INSTANT, false },
		{ "0001-01-01T00:00:00Z", INSTANT, true },
		{ "0001-01-01T00:00:00+01:00", INSTANT, false },
		{ "9999-12-31 24:00", MD_MOMENT_DATE | MD_MOMENT_TIME, false },
		{ "9999-12-31 24:00", MD_MOMENT_DATE, true },
		{ "10000-01-01", MD_MOMENT_DATE, false },
	};
	struct md_moment moment;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(md_moment_read(md_str_of(cases[i].text), &moment), MD_MOMENT_READ);
		ck_assert_msg(md_moment_is_kept_as(&moment, cases[i].parts) == cases[i].kept, "%s",
			      cases[i].text);
	}
}
END_TEST

SUITE_MAIN("moment", an_instant_of_the_clock_has_one_form, texts_are_kept_in_one_form,
	   every_day_is_the_calendars, shows_as_few_digits_as_there_are,
	   years_that_are_kept_have_four_digits)
