/* The one form in which values are kept as text, and how it is shown. */
#include "core/query/kept.h"

#include <string.h>

#include "core/json/codec.h"
#include "tests/support/suite.h"

static const struct {
	enum md_type type;
	const char *text, *expected; /* the form, or the code of the refusal */
} forms[] = {
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-02-29T23:59:59.5Z", "2024-02-29T23:59:59.500000+00:00" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-03-01 01:00+02:00", "2024-02-29T23:00:00.000000+00:00" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-12-31T23:59:59.9999999-0030",
	  "2025-01-01T00:30:00.000000+00:00" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-02-29", "2024-02-29T00:00:00.000000+00:00" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000+00:00" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "9999-12-31T23:59:59.999999Z",
	  "9999-12-31T23:59:59.999999+00:00" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-02-29T23:59:59", "22007" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "yesterday", "22007" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "", "22007" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "2023-02-29T00:00:00Z", "22008" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "9999-12-31T23:00:00-02:00", "22008" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "0001-01-01T00:00:00+01:00", "22008" },
	{ MD_TYPE_KEPT_TIMESTAMPTZ, "12000-01-01T00:00:00Z", "22008" },
	{ MD_TYPE_KEPT_TIMESTAMP, "2024-02-29T10:00:00.25+05:00", "2024-02-29T10:00:00.250000" },
	{ MD_TYPE_KEPT_TIMESTAMP, "2024-02-29 24:00:00", "2024-03-01T00:00:00.000000" },
	{ MD_TYPE_KEPT_TIMESTAMP, "9999-12-31 24:00:00", "22008" },
	{ MD_TYPE_KEPT_TIMESTAMP, "10:00", "22007" },
	{ MD_TYPE_KEPT_DATE, "2024-02-29", "2024-02-29" },
	{ MD_TYPE_KEPT_DATE, "20240229", "2024-02-29" },
	{ MD_TYPE_KEPT_DATE, "2024-02-29T23:00:00-05:00", "2024-02-29" },
	{ MD_TYPE_KEPT_DATE, "2024-13-01", "22008" },
	{ MD_TYPE_KEPT_TIME, "9:05", "09:05:00.000000" },
	{ MD_TYPE_KEPT_TIME, "23:59:59.123456", "23:59:59.123456" },
	{ MD_TYPE_KEPT_TIME, "2024-02-29", "22007" },
	{ MD_TYPE_KEPT_TIME, "25:00", "22008" },
	{ MD_TYPE_KEPT_UUID, "{A0EEBC99-9C0B4EF8-BB6D6BB9BD380A11}",
	  "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
	{ MD_TYPE_KEPT_UUID, "a0eebc99", "22P02" },
	{ MD_TYPE_KEPT_NUMERIC, " 0012345678901234567890.1200 ", "12345678901234567890.12" },
	{ MD_TYPE_KEPT_NUMERIC, "-0.000", "0" },
	{ MD_TYPE_KEPT_NUMERIC, "1.5e3", "1500" },
	{ MD_TYPE_KEPT_NUMERIC, "-15E-4", "-0.0015" },
	{ MD_TYPE_KEPT_NUMERIC, ".5", "0.5" },
	{ MD_TYPE_KEPT_NUMERIC, "1e-999", "22003" },
	{ MD_TYPE_KEPT_NUMERIC, "1e99999999999", "22003" },
	{ MD_TYPE_KEPT_NUMERIC, "1e", "22P02" },
	{ MD_TYPE_KEPT_NUMERIC, ".", "22P02" },
	{ MD_TYPE_KEPT_NUMERIC, "NaN", "22P02" },
};

static const char *form_of(enum md_type type, const char *text)
{
	static char out[2048];
	md_auto_arena arena = md_arena_new(1 << 16);
	struct md_value value;
	struct md_error err;

	md_error_clear(&err);
	if (md_kept_bind(type, md_str_of(text), arena, &value, &err) != MD_OK) {
		ck_assert_str_ne(err.wire, "");
		strcpy(out, err.wire);
		return out;
	}
	ck_assert_str_eq(err.wire, "");
	memcpy(out, value.text, value.len);
	out[value.len] = '\0';
	return out;
}

START_TEST(brings_input_into_the_form_that_is_kept)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *form = form_of(forms[i].type, forms[i].text);

		ck_assert_msg(strcmp(form, forms[i].expected) == 0, "%s: %s, not %s", forms[i].text,
			      form, forms[i].expected);
		if (form[0] != '2' || form[1] != '2') { /* what is kept stays what it is */
			char again[64];

			strcpy(again, form);
			ck_assert_str_eq(form_of(forms[i].type, again), again);
		}
	}
}
END_TEST

START_TEST(reads_bytes_in_hexadecimal_digits_and_base64)
{
	static const struct {
		const char *text, *expected;
		unsigned len;
	} bytes[] = {
		{ "\\x00fF", "\0\xff", 2 }, { "\\x", "", 0 },          { "", "", 0 },
		{ "AAEC", "\0\1\2", 3 },    { "/+8=", "\xff\xef", 2 }, { "_-8", "\xff\xef", 2 },
		{ "YQ==", "a", 1 },
	};
	static const char *const refused[] = {
		"\\x0", "\\x0g", "A", "YQ=", "Y Q=", "YQ===", "%%%%"
	};
	md_auto_arena arena = md_arena_new(1 << 16);
	struct md_value value;

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		ck_assert_int_eq(md_kept_bind(MD_TYPE_KEPT_BYTES, md_str_of(bytes[i].text), arena,
					      &value, NULL),
				 MD_OK);
		ck_assert_int_eq(value.type, MD_BLOB);
		ck_assert_uint_eq(value.len, bytes[i].len);
		ck_assert_int_eq(memcmp(value.text, bytes[i].expected, bytes[i].len), 0);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ck_assert_str_eq(form_of(MD_TYPE_KEPT_BYTES, refused[i]), "22023");
}
END_TEST

START_TEST(shows_no_zeros_behind_the_point)
{
	static const char *const shown[][2] = {
		{ "23:59:59.120000", "23:59:59.12" },
		{ "23:59:59.000000", "23:59:59" },
		{ "2024-02-29T10:00:00.000001", "2024-02-29T10:00:00.000001" },
		{ "2024-02-29T10:00:00.100000", "2024-02-29T10:00:00.1" },
		{ "2024-02-29T10:00:00.000000+00:00", "2024-02-29T10:00:00+00:00" },
		{ "2024-02-29T10:00:00.120000+00:00", "2024-02-29T10:00:00.12+00:00" },
	};
	static const char *const others[] = { "", "now", "2024-02-29 10:00:00", "23:59:59,120000" };
	char out[MD_TIMESTAMP_ROOM + 1];

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		out[md_kept_text(out, shown[i][0], strlen(shown[i][0]))] = '\0';
		ck_assert_str_eq(out, shown[i][1]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_uint_eq(md_kept_text(out, others[i], strlen(others[i])), 0);
}
END_TEST

SUITE_MAIN("kept", brings_input_into_the_form_that_is_kept,
	   reads_bytes_in_hexadecimal_digits_and_base64, shows_no_zeros_behind_the_point)
