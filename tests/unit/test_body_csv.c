#include "tests/unit/body.h"

#include "tests/support/suite.h"

struct example {
	const char *text, *shown;
};

static const char *of(const char *text)
{
	return rows_of(MD_BODY_CSV, text);
}

START_TEST(the_first_line_names_the_columns)
{
	static const struct example examples[] = {
		{ "b,a\n1,2", "a b\n'2'|'1'" },
		{ "a,b\n1,2\n", "a b\n'1'|'2'" },
		{ "a,b\r\n1,2\r\n3,4", "a b\n'1'|'2'\n'3'|'4'" },
		{ "a\r1\r2\r", "a\n'1'\n'2'" },
		{ "a\n\n1\n\r\n\r2\n\n", "a\n'1'\n'2'" },
		{ "a,\n1,2", " a\n'2'|'1'" },
		{ "\"a,\"\"b\"\"\",c\n1,2", "a,\"b\" c\n'1'|'2'" },
		{ "\xEF\xBB\xBF"
		  "a\n1",
		  "a\n'1'" },
		{ " a , b \n 1 , 2 ", " a   b \n' 1 '|' 2 '" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

START_TEST(a_header_alone_is_no_rows_and_no_columns)
{
	static const char *const texts[] = { "a,b", "a,b\n", "a,b\r\n\r\n" };
	static const struct md_str given[] = { { "a", 1 } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_str_eq(of(texts[i]), "");
	ck_assert_str_eq(body_of(MD_BODY_CSV, "a,b\n", 4, &no_limits, given, 1), "a");
}
END_TEST

START_TEST(fields_may_be_quoted)
{
	static const struct example examples[] = {
		{ "a,b\n\"x,y\",\"1\n2\"", "a b\n'x,y'|'1\n2'" },
		{ "a,b\n\"\",\"\"\"\"", "a b\n''|'\"'" },
		{ "a,b\n\"\"\"x\"\"\",\"y\"\"\"\"z\"", "a b\n'\"x\"'|'y\"\"z'" },
		{ "a\n\"\"\n", "a\n''" },
		{ "a,b\n,\n,é", "a b\n''|''\n''|'é'" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

START_TEST(the_word_null_is_null)
{
	ck_assert_str_eq(of("a,b,c,d\nNULL,\"NULL\",null,NULLS"),
			 "a b c d\nnull|null|'null'|'NULLS'");
}
END_TEST

START_TEST(numbers_stay_text)
{
	ck_assert_str_eq(of("a,b\n1.50,true"), "a b\n'1.50'|'true'");
}
END_TEST

START_TEST(given_columns_pick_from_the_fields)
{
	static const struct md_str given[] = { { "c", 1 }, { "x", 1 }, { "a", 1 } };
	static const char text[] = "a,b,c\n1,\"\"\"\",3";

	ck_assert_str_eq(body_of(MD_BODY_CSV, text, sizeof(text) - 1, &no_limits, given, 3),
			 "c x a\n'3'|-|'1'");
}
END_TEST

START_TEST(lines_have_as_many_fields_as_the_header)
{
	static const char *const texts[] = { "a,b\nfoo,bar\nbaz", "a,b\n1", "a,b\n1,2,3",
					     "a\n1\n2,3", "a,b\n1,2\n,,\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_str_eq(of(texts[i]),
				 "PGRST102 All lines must have same number of fields");
}
END_TEST

START_TEST(refuses_what_is_no_csv)
{
	static const struct example examples[] = {
		{ "", "PGRST102 parse error (not enough input) at \"\"" },
		{ "\xEF\xBB\xBF", "PGRST102 parse error (not enough input) at \"\"" },
		{ "a\"b", "PGRST102 parse error in line 1: a quote in a field that is not quoted" },
		{ "a,\"b", "PGRST102 parse error in line 1: a quoted field does not end" },
		{ "a\n\n\"x", "PGRST102 parse error in line 3: a quoted field does not end" },
		{ "a\n\"1\n2\"\n\"x\"y",
		  "PGRST102 parse error in line 4: there is text behind a quoted field" },
		{ "a\r\nx\"y\"", "PGRST102 parse error in line 2: a quote in a field that is not "
				 "quoted" },
		{ "a,b,a\n1,2,3", "PGRST102 The key \"a\" is given twice" },
		{ "a,\"a\"\n1,2", "PGRST102 The key \"a\" is given twice" },
		{ "a\n\xFF", "22021 invalid byte sequence for encoding \"UTF8\"" },
		{ "a\xC3\n", "22021 invalid byte sequence for encoding \"UTF8\"" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
	ck_assert_str_eq(body_of(MD_BODY_CSV, "a\nx\0y", 5, &no_limits, NULL, 0),
			 "22P05 unsupported Unicode escape sequence "
			 "(\\u0000 cannot be converted to text.)");
}
END_TEST

SUITE_MAIN("body_csv", the_first_line_names_the_columns, a_header_alone_is_no_rows_and_no_columns,
	   fields_may_be_quoted, the_word_null_is_null, numbers_stay_text,
	   given_columns_pick_from_the_fields, lines_have_as_many_fields_as_the_header,
	   refuses_what_is_no_csv)
