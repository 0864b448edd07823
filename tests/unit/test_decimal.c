/* Decimals of any length: read, rounded, compared, divided, written. */
#include "core/base/decimal.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"

START_TEST(decimals_are_read_compared_and_written)
{
	static const struct {
		const char *text, *rounded;
		unsigned scale;
	} cases[] = {
		{ "0", "0", 0 },      { "-0.00", "0", 1 },      { "1.5", "2", 0 },
		{ "-1.5", "-2", 0 },  { "0.5", "1", 0 },        { "0.05", "0.1", 1 },
		{ "0.04", "0", 1 },   { "0.0004", "0", 2 },     { "99.995", "100", 2 },
		{ "1e3", "1000", 1 }, { "12.5e-1", "1.25", 2 }, { ".5", "0.5", 2 },
		{ "5.", "5", 0 },     { "007", "7", 0 },        { "+3", "3", 0 },
		{ "1e-400", "0", 3 },
	};
	static const char *const bad[] = { "",      "-",   ".",  "1e", "e5",
					   "1.2.3", "0x1", " 1", "1 ", "nan" };
	struct md_decimal a, b;
	char out[MD_DECIMAL_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(md_decimal_read(md_str_of(cases[i].text), &a), MD_DECIMAL_READ);
		md_decimal_round(&a, cases[i].scale);
		out[md_decimal_write(&a, out)] = '\0';
		ck_assert_str_eq(out, cases[i].rounded);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(md_decimal_read(md_str_of(bad[i]), &a) == MD_DECIMAL_BAD_SYNTAX, "%s",
			      bad[i]);
	for (int i = -120; i <= 120; i++)
		for (int k = -120; k <= 120; k++) {
			snprintf(out, sizeof(out), "%.1f", i / 10.0);
			ck_assert_int_eq(md_decimal_read(md_str_of(out), &a), MD_DECIMAL_READ);
			snprintf(out, sizeof(out), "%de-1", k);
			ck_assert_int_eq(md_decimal_read(md_str_of(out), &b), MD_DECIMAL_READ);
			ck_assert_int_eq(md_decimal_compare(&a, &b), (i > k) - (i < k));
			if (k != 0)
				ck_assert_int_eq(md_decimal_is_multiple(&a, &b), i % k == 0);
		}
}
END_TEST

/* Every one is less than the next. */
START_TEST(orders_decimals_by_their_value)
{
	static const char *const rising[] = { "-12345678901234567891",
					      "-12345678901234567890.5",
					      "-1.51",
					      "-1.5",
					      "-0.001",
					      "0",
					      "0.0009",
					      "0.001",
					      "1",
					      "1.5",
					      "1.51",
					      "2",
					      "10",
					      "1e2",
					      "12345678901234567890.5",
					      "12345678901234567891",
					      "",
					      "x",
					      "y" };
	const size_t count = sizeof(rising) / sizeof(rising[0]);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			int order = md_decimal_compare_texts(md_str_of(rising[i]),
							     md_str_of(rising[j]));

			ck_assert_msg((i < j && order < 0) || (i == j && order == 0) ||
					      (i > j && order > 0),
				      "%s, %s: %d", rising[i], rising[j], order);
		}
	ck_assert_int_eq(md_decimal_compare_texts(MD_STR("1.50"), MD_STR("01.5")), 0);
	ck_assert_int_eq(md_decimal_compare_texts(MD_STR("-0"), MD_STR("0.0")), 0);
}
END_TEST

/* A thousand characters are the most, of digits as of a text. */
START_TEST(numbers_that_are_too_long_are_out_of_range)
{
	static const struct {
		const char *text;
		enum md_decimal_reading normalized;
	} cases[] = {
		{ "1e996", MD_DECIMAL_READ },
		{ "1e997", MD_DECIMAL_OUT_OF_RANGE },
		{ "-1e-997", MD_DECIMAL_READ },
		{ "1e-998", MD_DECIMAL_OUT_OF_RANGE },
		{ "1e99999999", MD_DECIMAL_OUT_OF_RANGE },
		{ "0e99999999", MD_DECIMAL_READ },
		{ "1e-99999999", MD_DECIMAL_OUT_OF_RANGE },
	};
	char out[MD_DECIMAL_MAX], digits[MD_DECIMAL_MAX + 2];
	struct md_decimal decimal;
	size_t len;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(md_decimal_normalize(md_str_of(cases[i].text), out, &len) ==
				      cases[i].normalized,
			      "%s", cases[i].text);
	memset(digits, '7', sizeof(digits));
	ck_assert_int_eq(md_decimal_read((struct md_str){ digits, MD_DECIMAL_MAX }, &decimal),
			 MD_DECIMAL_READ);
	ck_assert_uint_eq(md_decimal_write(&decimal, out), 0);
	ck_assert_int_eq(md_decimal_read((struct md_str){ digits, MD_DECIMAL_MAX + 1 }, &decimal),
			 MD_DECIMAL_OUT_OF_RANGE);
}
END_TEST

SUITE_MAIN("decimal", decimals_are_read_compared_and_written, orders_decimals_by_their_value,
	   numbers_that_are_too_long_are_out_of_range)
