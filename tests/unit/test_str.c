#include "core/base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/suite.h"

START_TEST(scans_integers)
{
	int64_t i = 7;

	ck_assert(md_str_to_i64(MD_STR("-9223372036854775808"), &i) && i == INT64_MIN);
	ck_assert(md_str_to_i64(MD_STR("9223372036854775807"), &i) && i == INT64_MAX);
	ck_assert(md_str_to_i64(MD_STR("+5"), &i) && i == 5);
	i = 7;
	ck_assert(!md_str_to_i64(MD_STR("9223372036854775808"), &i));
	ck_assert(!md_str_to_i64(MD_STR("-9223372036854775809"), &i));
	ck_assert(!md_str_to_i64(MD_STR(""), &i));
	ck_assert(!md_str_to_i64(MD_STR("-"), &i));
	ck_assert(!md_str_to_i64(MD_STR(" 1"), &i));
	ck_assert(!md_str_to_i64(MD_STR("1x"), &i));
	ck_assert(!md_str_to_i64(MD_STR("99999999999999999999999"), &i));
	ck_assert_int_eq(i, 7);
}
END_TEST

START_TEST(scans_doubles)
{
	static const char *const bad[] = { "",   ".",     "inf", "nan", "0x1",
					   "1e", "1e400", "--1", "1 ",  "e5" };
	double r;

	ck_assert(md_str_to_double(MD_STR("1e5"), &r) && r == 1e5);
	ck_assert(md_str_to_double(MD_STR("-.5"), &r) && r == -0.5);
	ck_assert(md_str_to_double(MD_STR("3."), &r) && r == 3.0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!md_str_to_double(md_str_of(bad[i]), &r), "%s", bad[i]);
}
END_TEST

static void is_as_strtod_says(const char *text)
{
	double ours = 7, theirs = strtod(text, NULL);

	ck_assert_msg(md_str_to_double(md_str_of(text), &ours), "%s", text);
	ck_assert_msg(memcmp(&ours, &theirs, sizeof(ours)) == 0, "%s: %.17g, not %.17g", text, ours,
		      theirs);
}

START_TEST(scans_doubles_to_the_last_bit_as_strtod_does)
{
	static const char *const hard[] = { "0",
					    "-0",
					    "-0.0",
					    "+1.5",
					    ".1",
					    "0.000000000000001",
					    "00000000000000.1",
					    "999999999999999",
					    "9999999999999999",
					    "9007199254740993",
					    "900719925474099.3",
					    "0.1234567890123456",
					    "12345678.90123456",
					    "8.5e-5" };
	uint64_t dice = 88172645463325252u;
	char text[64];

	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
		is_as_strtod_says(hard[i]);
	for (unsigned i = 0; i < 20000; i++) {
		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		snprintf(text, sizeof(text), "%s%llu.%0*llu", i % 2 ? "-" : "",
			 (unsigned long long)(dice >> 32) % 1000000000u, (int)(i % 9) + 1,
			 (unsigned long long)(dice & 0xFFFFFFFF) % 100000u);
		is_as_strtod_says(text);
	}
}
END_TEST

START_TEST(knows_utf8)
{
	static const char *const good[] = {
		"", "abc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF"
	};
	static const char *const bad[] = { "\x80",
					   "\xC0\xAF",
					   "\xC3",
					   "\xE0\x80\x80",
					   "\xED\xA0\x80",
					   "\xF4\x90\x80\x80",
					   "\xF8\x88\x80\x80\x80",
					   "abcdefgh\xFFijklmnop",
					   "\xE2\x82" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert(md_utf8_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert(!md_utf8_is_valid(bad[i], strlen(bad[i])));
}
END_TEST

START_TEST(writes_integers_as_printf_does)
{
	char ours[20], theirs[32];
	int64_t samples[] = { 0, 1, -1, 9, 10, 99, 100, 101, 12345, -100000, INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t len = md_i64_to_text(samples[i], ours);

		snprintf(theirs, sizeof(theirs), "%lld", (long long)samples[i]);
		ck_assert_uint_eq(len, strlen(theirs));
		ck_assert_int_eq(memcmp(ours, theirs, len), 0);
	}
}
END_TEST

START_TEST(compares_without_case_and_trims)
{
	ck_assert(md_str_equal_nocase(MD_STR("Content-Length"), MD_STR("content-LENGTH")));
	ck_assert(!md_str_equal_nocase(MD_STR("a["), MD_STR("A{")));
	ck_assert(md_str_is(md_str_trim(MD_STR(" \tx y ")), "x y"));
	ck_assert(md_str_starts_with(MD_STR("abc"), MD_STR("ab")));
	ck_assert(!md_str_starts_with(MD_STR("a"), MD_STR("ab")));
}
END_TEST

SUITE_MAIN("str", scans_integers, scans_doubles, scans_doubles_to_the_last_bit_as_strtod_does,
	   knows_utf8, writes_integers_as_printf_does, compares_without_case_and_trims)
