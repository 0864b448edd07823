#include "server/range.h"

#include "tests/support/suite.h"

static const struct {
	struct md_page page;
	const char *text;
	unsigned status;
} expected_table[] = {
	{ { 0, 15, false, 0 }, "0-14/*", 200 }, { { 0, 0, false, 0 }, "*/*", 200 },
	{ { 2, 3, false, 0 }, "2-4/*", 200 },   { { 0, 4, true, 4 }, "0-3/4", 200 },
	{ { 0, 4, true, 5 }, "0-3/5", 206 },    { { 0, 0, true, 0 }, "*/0", 200 },
	{ { 15, 0, true, 15 }, "*/15", 206 },   { { 100, 0, true, 15 }, "*/15", 416 },
	{ { 0, 0, true, 7 }, "*/7", 206 },
};

START_TEST(a_page_has_the_range_and_status_of_the_dialect)
{
	for (size_t i = 0; i < sizeof(expected_table) / sizeof(expected_table[0]); i++) {
		char text[MD_CONTENT_RANGE_MAX];

		md_content_range(&expected_table[i].page, text);
		ck_assert_str_eq(text, expected_table[i].text);
		ck_assert_msg(md_page_status(&expected_table[i].page, NULL) ==
				      expected_table[i].status,
			      "%s", text);
	}
}
END_TEST

START_TEST(an_offset_behind_the_end_says_how_many_rows_there_are)
{
	struct md_page page = { 100, 0, true, 15 };
	struct md_error err;

	md_error_clear(&err);
	ck_assert_uint_eq(md_page_status(&page, &err), 416);
	ck_assert_str_eq(err.wire, "PGRST103");
	ck_assert_str_eq(err.details,
			 "An offset of 100 was requested, but there are only 15 rows.");
}
END_TEST

SUITE_MAIN("range", a_page_has_the_range_and_status_of_the_dialect,
	   an_offset_behind_the_end_says_how_many_rows_there_are)
