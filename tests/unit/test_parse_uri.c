#include "tests/support/query.h"

START_TEST(splits_paths_and_decodes_segments_once)
{
	md_auto_arena arena = md_arena_new(1 << 16);
	struct md_path path;

	ck_assert_int_eq(md_parse_path(arena, MD_STR("/"), &path, NULL), MD_OK);
	ck_assert_uint_eq(path.count, 0);
	ck_assert_int_eq(md_parse_path(arena, MD_STR("/a%2Fb/x+y%2520/%C3%A9/"), &path, NULL),
			 MD_OK);
	ck_assert_uint_eq(path.count, 3);
	ck_assert(md_str_is(path.segments[0], "a/b") && md_str_is(path.segments[1], "x+y%20"));
	ck_assert(md_str_is(path.segments[2], "\xC3\xA9"));
	ck_assert_int_eq(md_parse_path(arena, MD_STR("/a//b"), &path, NULL), MD_OK);
	ck_assert(path.count == 3 && path.segments[1].len == 0);
	ck_assert_int_eq(md_parse_path(arena, MD_STR("/1/2/3/4/5/6"), &path, NULL), MD_OK);
	ck_assert_uint_eq(path.count, 6);
}
END_TEST

START_TEST(refuses_bad_paths)
{
	static const struct {
		const char *path;
		enum md_code code;
		const char *wire;
	} cases[] = {
		{ "/%", MD_INVALID, "PGRST100" },
		{ "/%4", MD_INVALID, "PGRST100" },
		{ "/%zz", MD_INVALID, "PGRST100" },
		{ "/%00", MD_INVALID, "PGRST100" },
		{ "/%FF", MD_INVALID, "PGRST100" },
		{ "/\xC3", MD_INVALID, "PGRST100" },
		{ "/1/2/3/4/5/6/7", MD_NOT_FOUND, "PGRST125" },
	};
	md_auto_arena arena = md_arena_new(1 << 16);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct md_path path = { .count = 9 };
		struct md_error err;

		ck_assert_int_eq(md_parse_path(arena, md_str_of(cases[i].path), &path, &err),
				 cases[i].code);
		ck_assert_str_eq(err.wire, cases[i].wire);
		ck_assert_uint_eq(path.count, 9);
	}
}
END_TEST

START_TEST(splits_composite_keys_only)
{
	md_auto_arena arena = md_arena_new(1 << 16);
	struct md_str parts[3] = { MD_STR("kept") };
	struct md_error err;

	ck_assert_int_eq(md_parse_key(arena, MD_STR("a,b"), 1, parts, &err), MD_OK);
	ck_assert(md_str_is(parts[0], "a,b"));
	ck_assert_int_eq(md_parse_key(arena, MD_STR("\"a,\\\"b\\\\\",7"), 2, parts, &err), MD_OK);
	ck_assert(md_str_is(parts[0], "a,\"b\\") && md_str_is(parts[1], "7"));
	ck_assert_int_eq(md_parse_key(arena, MD_STR("1,,3"), 3, parts, &err), MD_OK);
	ck_assert(parts[1].len == 0 && md_str_is(parts[2], "3"));
	parts[0] = MD_STR("kept");
	ck_assert_int_eq(md_parse_key(arena, MD_STR("1,2,3"), 2, parts, &err), MD_NOT_FOUND);
	ck_assert_str_eq(err.wire, "MD404");
	ck_assert_str_ne(err.hint, "");
	ck_assert_int_eq(md_parse_key(arena, MD_STR("1"), 2, parts, &err), MD_NOT_FOUND);
	ck_assert_int_eq(md_parse_key(arena, MD_STR("1,2)"), 2, parts, &err), MD_NOT_FOUND);
	ck_assert(md_str_is(parts[0], "kept"));
}
END_TEST

static void check_canonical(const char *text, const char *expected)
{
	md_auto_arena arena = md_arena_new(1 << 16);
	md_auto_buf out = { .max = 1 << 16 };

	ck_assert_int_eq(md_query_canonical(arena, md_str_of(text), &out, NULL), MD_OK);
	ck_assert_str_eq(out.len ? md_buf_text(&out) : "", expected);
}

START_TEST(sorts_and_encodes_for_content_location)
{
	check_canonical("", "");
	check_canonical("c=3&a=1;b=2&d", "a=1&b=2&c=3&d=");
	check_canonical("z=eq.x+y&select=a(b),c&z=eq.1", "select=a%28b%29%2Cc&z=eq.x%20y&z=eq.1");
	check_canonical("a%20b=%C3%A9~-_.", "a%20b=%C3%A9~-_.");
	check_canonical("aa=1&a=2&&", "a=2&aa=1");
}
END_TEST

static void check_page(const char *text, int64_t limit, int64_t offset, const char *expected)
{
	md_auto_buf out = MD_BUF(1u << 12);

	md_query_page(md_str_of(text), limit, offset, &out);
	ck_assert_str_eq(md_buf_text(&out), expected);
}

START_TEST(another_page_has_the_same_parameters)
{
	check_page("", -1, 5, "offset=5");
	check_page("", 2, 5, "limit=2&offset=5");
	check_page("limit=9&offset=1", 2, INT64_MAX, "limit=2&offset=9223372036854775807");
	check_page("z=1&off%73et=7&b&a=x+y;limit=3&l%69mi%74=", -1, 0, "z=1&a=x+y&offset=0");
	check_page("rel.limit=1&rel.offset=2&limit2=3&limi=4&or=(a.eq.%3E)", 1, 1,
		   "rel.limit=1&rel.offset=2&limit2=3&limi=4&or=(a.eq.%3E)&limit=1&offset=1");
	check_page("a=<\"b>&c=100%&d=%4&e=\xC3\xA9%c3%a9&f={x|y}^`\\", -1, 7,
		   "a=%3C%22b%3E&c=100%25&d=%254&e=%C3%A9%c3%a9&f=%7Bx%7Cy%7D%5E%60%5C&offset=7");
	check_page("=x&&;a==b&l%00=1", 0, 0, "=x&a==b&l%2500=1&limit=0&offset=0");
}
END_TEST

SUITE_MAIN("parse_uri", splits_paths_and_decodes_segments_once, refuses_bad_paths,
	   splits_composite_keys_only, sorts_and_encodes_for_content_location,
	   another_page_has_the_same_parameters)
