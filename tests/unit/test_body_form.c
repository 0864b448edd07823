#include "tests/unit/body.h"

#include "tests/support/suite.h"

struct example {
	const char *text, *shown;
};

static const char *of(const char *text)
{
	return rows_of(MD_BODY_FORM, text);
}

START_TEST(a_form_is_one_row_of_strings)
{
	static const struct example examples[] = {
		{ "b=1&a=x", "a b\n'x'|'1'" },
		{ "a=&b", "a b\n''|''" },
		{ "a=1=2&=3", " a\n'3'|'1=2'" },
		{ "&&a=1&", "a\n'1'" },
		{ "a=1;b=2", "a\n'1;b=2'" },
		{ "a=NULL", "a\n'NULL'" },
		{ "", "\n" },
		{ "&", "\n" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

START_TEST(escapes_and_plus_are_decoded)
{
	static const struct example examples[] = {
		{ "a+b=c+d", "a b\n'c d'" },
		{ "%61=%c3%A9%2B%26%3d", "a\n'é+&='" },
		{ "a=100%&b=%4&c=%zz&d=%%41", "a b c d\n'100%'|'%4'|'%zz'|'%A'" },
		{ "a=\xC3\xA9", "a\n'é'" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

START_TEST(given_columns_pick_from_the_fields)
{
	static const struct md_str given[] = { { "c", 1 }, { "x", 1 }, { "a", 1 } };

	ck_assert_str_eq(body_of(MD_BODY_FORM, "a=1&b=2&c=+", 11, &no_limits, given, 3),
			 "c x a\n' '|-|'1'");
	ck_assert_str_eq(body_of(MD_BODY_FORM, "a=1", 3, &no_limits, given, 0), "\n");
}
END_TEST

START_TEST(refuses_what_is_no_text)
{
	static const struct example examples[] = {
		{ "a=%ff", "22021 invalid byte sequence for encoding \"UTF8\"" },
		{ "%c3=1", "22021 invalid byte sequence for encoding \"UTF8\"" },
		{ "a=\xFF", "22021 invalid byte sequence for encoding \"UTF8\"" },
		{ "a=x%00", "22P05 unsupported Unicode escape sequence "
			    "(\\u0000 cannot be converted to text.)" },
		{ "a=1&%61=2", "PGRST102 The key \"a\" is given twice" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

SUITE_MAIN("body_form", a_form_is_one_row_of_strings, escapes_and_plus_are_decoded,
	   given_columns_pick_from_the_fields, refuses_what_is_no_text)
