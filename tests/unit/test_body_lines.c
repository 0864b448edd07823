#include "tests/unit/body.h"

#include "tests/support/suite.h"

static const char *of(const char *text)
{
	return rows_of(MD_BODY_LINES, text);
}

struct example {
	const char *text, *shown;
};

static void compare(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
#define COMPARE(examples) compare(examples, sizeof(examples) / sizeof((examples)[0]))

START_TEST(every_line_is_a_row)
{
	static const struct example examples[] = {
		{ "{\"a\":1}", "a\n#1" },
		{ "{\"a\":1}\n", "a\n#1" },
		{ "{\"a\":1}\n{\"a\":2}", "a\n#1\n#2" },
		{ "{\"b\":null,\"a\":\"x\"}\r\n {\"a\":true, \"b\":[1]}\t\r\n",
		  "a b\n'x'|null\ntrue|[1]" },
		{ "\n \n{\"a\":1}\n\r\n\n{\"a\":\"\\n\"}\n\n", "a\n#1\n'\n'" },
		{ "{}\n{}", "\n\n" },
	};

	COMPARE(examples);
}
END_TEST

START_TEST(no_lines_are_no_rows)
{
	static const struct example examples[] = { { "", "" }, { "\n", "" }, { " \r\n\t\n", "" } };

	COMPARE(examples);
}
END_TEST

START_TEST(a_mistake_is_told_with_its_line)
{
	static const struct example examples[] = {
		{ "{\"a\":1}\n{\"a\":}\n",
		  "PGRST102 Empty or invalid json (Line 2 is not a JSON object.)" },
		{ "\n\n5", "PGRST102 Empty or invalid json (Line 3 is not a JSON object.)" },
		{ "[{\"a\":1}]", "PGRST102 Empty or invalid json (Line 1 is not a JSON object.)" },
		{ "{\"a\":1},{\"a\":2}",
		  "PGRST102 Empty or invalid json (Line 1 is not a JSON object.)" },
		{ "{\"a\":1} {\"a\":2}",
		  "PGRST102 Empty or invalid json (Line 1 is not a JSON object.)" },
		{ "{\"a\":1}\n,{\"a\":2}",
		  "PGRST102 Empty or invalid json (Line 2 is not a JSON object.)" },
		{ "{\"a\":\n1}", "PGRST102 Empty or invalid json (Line 1 is not a JSON object.)" },
		{ "{\"a\":1}\n{\"b\":1}", "PGRST102 All object keys must match (The keys of line 2 "
					  "are not those of the first.)" },
		{ "{\"a\":1}\n{}", "PGRST102 All object keys must match (The keys of line 2 are "
				   "not those of the first.)" },
		{ "{\"a\":1}\n{\"a\":1,\"a\":2}",
		  "PGRST102 The key \"a\" is given twice (The mistake is in line 2.)" },
	};

	COMPARE(examples);
}
END_TEST

START_TEST(limits_name_the_line_too)
{
	struct md_body_limits limits = no_limits;
	static const char text[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}";

	limits.rows = 2;
	ck_assert_str_eq(body_of(MD_BODY_LINES, text, sizeof(text) - 1, &limits, NULL, 0),
			 "MD413 the request body has more than 2 rows (The mistake is in line 3.)");
	limits.rows = 3;
	ck_assert_str_eq(body_of(MD_BODY_LINES, text, sizeof(text) - 1, &limits, NULL, 0),
			 "a\n#1\n#2\n#3");
}
END_TEST

START_TEST(given_columns_pick_from_the_keys)
{
	static const struct md_str given[] = { { "b", 1 }, { "a", 1 } };
	static const char text[] = "{\"a\":1,\"c\":0}\n{\"b\":2}\n{}";

	ck_assert_str_eq(body_of(MD_BODY_LINES, text, sizeof(text) - 1, &no_limits, given, 2),
			 "b a\n-|#1\n#2|-\n-|-");
}
END_TEST

START_TEST(lines_can_be_had_as_an_array)
{
	static const char text[] = "\n {\"a\": 1.50}\r\n\n{\"a\":\"x\"} \n";
	static const char other[] = "[]";
	md_auto_arena arena = md_arena_new(1 << 20);
	md_auto_buf out = MD_BUF(1024);
	const struct md_body *body;

	ck_assert_int_eq(
		md_body_open(arena, MD_BODY_LINES, MD_STR(text), &no_limits, NULL, 0, &body, NULL),
		MD_OK);
	ck_assert(md_body_lines_array(body, &out));
	ck_assert_str_eq(md_buf_text(&out), "[{\"a\": 1.50}\r,{\"a\":\"x\"} ]");
	ck_assert(!md_str_is_given(md_body_json_text(body)));
	ck_assert(md_body_is_array(body));
	ck_assert_int_eq(
		md_body_open(arena, MD_BODY_JSON, MD_STR(other), &no_limits, NULL, 0, &body, NULL),
		MD_OK);
	ck_assert(!md_body_lines_array(body, &out));
}
END_TEST

SUITE_MAIN("body_lines", every_line_is_a_row, no_lines_are_no_rows, a_mistake_is_told_with_its_line,
	   limits_name_the_line_too, given_columns_pick_from_the_keys, lines_can_be_had_as_an_array)
