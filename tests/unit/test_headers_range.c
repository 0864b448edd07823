#include "core/query/headers.h"

#include "tests/support/suite.h"

START_TEST(reads_ranges)
{
	struct md_range r;

	md_range_parse(MD_STR("0-9"), &r);
	ck_assert(r.given && r.first == 0 && r.has_last && r.last == 9);
	md_range_parse(MD_STR("20-"), &r);
	ck_assert(r.given && r.first == 20 && !r.has_last);
	md_range_parse(MD_STR("items=5-2"), &r);
	ck_assert(r.given && r.first == 5 && r.last == 2);
	md_range_parse(MD_STR("0-99999999999999999999"), &r);
	ck_assert(r.given && r.last == INT64_MAX);
}
END_TEST

START_TEST(takes_nothing_else_for_a_range)
{
	static const char *const texts[] = { "",     "-",         "-5",   "5",       "a-b",
					     "1-2x", "bytes=0-5", "1--2", "1-2,4-5", "1 - 2" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct md_range r = { .given = true };

		md_range_parse(md_str_of(texts[i]), &r);
		ck_assert_msg(!r.given, "%s", texts[i]);
	}
}
END_TEST

SUITE_MAIN("headers_range", reads_ranges, takes_nothing_else_for_a_range)
