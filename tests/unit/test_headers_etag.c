#include "core/query/headers.h"

#include "tests/support/suite.h"

static const char etag[] = "\"0123456789abcdef\"";

START_TEST(a_list_of_etags_is_read)
{
	static const char *const good[] = {
		"*",
		" * ",
		"\"x\"",
		"W/\"x\"",
		"\"\"",
		"\"a\",\"b\"",
		"\"a\" , W/\"b\"\t,, \"c\" ,",
		"\"a,b\"",
		"\"\xC3\xA9!#\"",
	};
	static const char *const bad[] = {
		"",         " ",       ",",           "x",       "\"",      "\"x",
		"x\"",      "\"x\"y",  "\"x\" \"y\"", "w/\"x\"", "W/",      "W/x",
		"W/ \"x\"", "\"a b\"", "\"a\x7f\"",   "*,\"x\"", "\"x\",*", "**",
	};
	struct md_etags etags;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(md_etags_parse(md_str_of(good[i]), &etags) && etags.given, "%s",
			      good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!md_etags_parse(md_str_of(bad[i]), &etags), "%s", bad[i]);
}
END_TEST

static const struct {
	const char *header;
	bool strongly, weakly;
} found_table[] = {
	{ "*", true, true },
	{ "\"0123456789abcdef\"", true, true },
	{ "W/\"0123456789abcdef\"", false, true },
	{ "\"x\", \"0123456789abcdef\"", true, true },
	{ "\"x\",W/\"0123456789abcdef\",\"y\"", false, true },
	{ "\"0123456789ABCDEF\"", false, false },
	{ "\"0123456789abcde\"", false, false },
	{ "\"0123456789abcdef0\"", false, false },
	{ "\"x,\",\"0123456789abcdef,\"", false, false },
};

START_TEST(an_etag_is_found_by_all_of_its_characters)
{
	for (size_t i = 0; i < sizeof(found_table) / sizeof(found_table[0]); i++) {
		struct md_etags etags;

		ck_assert(md_etags_parse(md_str_of(found_table[i].header), &etags));
		ck_assert_int_eq(md_etags_have(&etags, etag, false), found_table[i].strongly);
		ck_assert_int_eq(md_etags_have(&etags, etag, true), found_table[i].weakly);
	}
}
END_TEST

START_TEST(other_bytes_have_another_etag)
{
	char seen[2000][MD_ETAG_MAX], bytes[64];
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		md_etag_of(bytes, len, seen[count++]);
	for (size_t i = 0; i < sizeof(bytes); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[i] ^= (char)(1u << bit);
			md_etag_of(bytes, sizeof(bytes), seen[count++]);
			bytes[i] ^= (char)(1u << bit);
		}
	for (unsigned i = 0; i < count; i++) {
		ck_assert_uint_eq(strlen(seen[i]), MD_ETAG_MAX - 1);
		ck_assert(seen[i][0] == '"' && seen[i][MD_ETAG_MAX - 2] == '"');
		ck_assert_uint_eq(strspn(seen[i] + 1, "0123456789abcdef"), 16);
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(seen[i], seen[j]);
	}
}
END_TEST

SUITE_MAIN("headers_etag", a_list_of_etags_is_read, an_etag_is_found_by_all_of_its_characters,
	   other_bytes_have_another_etag)
