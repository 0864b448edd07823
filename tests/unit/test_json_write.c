#include "core/json/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json/raw.h"
#include "tests/support/suite.h"

#if defined(__SANITIZE_ADDRESS__)
enum { RANDOM_DOUBLES = 20000 };
#else
enum { RANDOM_DOUBLES = 200000 };
#endif

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const char *string_of(const char *ptr, size_t len)
{
	static struct md_buf buf;

	md_buf_release(&buf);
	md_buf_init(&buf, 1u << 20);
	md_json_write_string(&buf, ptr, len);
	return md_buf_text(&buf);
}

static const char *real_of(double value)
{
	static struct md_buf buf;

	md_buf_release(&buf);
	md_buf_init(&buf, 64);
	md_json_write_real(&buf, value);
	return md_buf_text(&buf);
}

START_TEST(escapes_as_postgresql_does)
{
	static const char all[] = "\x01\b\t\n\v\f\r\x1f \"/\\\x7f";

	ck_assert_str_eq(string_of(all, sizeof(all) - 1),
			 "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"/\\\\\x7f\"");
	ck_assert_str_eq(string_of("a\0b", 3), "\"a\\u0000b\"");
	ck_assert_str_eq(string_of("", 0), "\"\"");
	ck_assert_str_eq(string_of("12345678", 8), "\"12345678\"");
	ck_assert_str_eq(string_of("grüße, 世界 🦊!", 21), "\"grüße, 世界 🦊!\"");
}
END_TEST

START_TEST(escapes_at_every_place_of_a_word)
{
	for (size_t len = 1; len < 40; len++) {
		for (size_t at = 0; at < len; at++) {
			char text[40], expected[48];

			memset(text, 'x', len);
			text[at] = '"';
			snprintf(expected, sizeof(expected), "\"%.*s\\\"%.*s\"", (int)at, text,
				 (int)(len - at - 1), text + at + 1);
			ck_assert_str_eq(string_of(text, len), expected);
		}
	}
}
END_TEST

START_TEST(replaces_what_is_not_utf8)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "a\xff"
		  "b",
		  "\"a\uFFFDb\"" },
		{ "\xc0\x80", "\"\uFFFD\uFFFD\"" },                       /* overlong */
		{ "\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\"" },             /* surrogate */
		{ "\xf4\x90\x80\x80x", "\"\uFFFD\uFFFD\uFFFD\uFFFDx\"" }, /* above U+10FFFF */
		{ "\xe2\x82", "\"\uFFFD\"" },                             /* cut off */
		{ "\xe2\x82z\xf0\x9f\xa6\"", "\"\uFFFDz\uFFFD\\\"\"" },
		{ "xxxxxxx\xf0\x9f", "\"xxxxxxx\uFFFD\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(string_of(cases[i].text, strlen(cases[i].text)),
				 cases[i].expected);
}
END_TEST

/* Every byte string becomes JSON; what was UTF-8 without specials stays as it was. */
START_TEST(writes_json_for_any_bytes)
{
	static const char alphabet[] = "ab\"\\\n\x80\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x8a";

	for (int run = 0; run < 20000; run++) {
		char text[32];
		size_t len = next_random() % sizeof(text);
		const char *json;

		for (size_t i = 0; i < len; i++)
			text[i] = run % 2 ? (char)next_random()
					  : alphabet[next_random() % (sizeof(alphabet) - 1)];
		json = string_of(text, len);
		ck_assert_msg(md_json_is_valid(json, strlen(json), 0), "%s", json);
	}
}
END_TEST

START_TEST(needs_no_more_room_than_the_text)
{
	static const char text[] = "some \"quoted\" text, \x01 and more";
	size_t full = strlen(string_of(text, sizeof(text) - 1));

	for (size_t max = 0;; max++) {
		md_auto_buf buf;

		md_buf_init(&buf, max);
		md_json_write_string(&buf, text, sizeof(text) - 1);
		if (!buf.failed) {
			ck_assert_uint_eq(max, full);
			ck_assert_uint_eq(buf.len, full);
			ck_assert_int_eq(memcmp(buf.data, string_of(text, sizeof(text) - 1), full),
					 0);
			break;
		}
		ck_assert_uint_eq(buf.len, 0);
	}
}
END_TEST

START_TEST(writes_large_strings)
{
	size_t len = 300000;
	char *text = malloc(len);
	md_auto_buf buf;

	memset(text, 'x', len);
	text[len / 2] = '\n';
	md_buf_init(&buf, len + 3);
	md_json_write_string(&buf, text, len);
	ck_assert(!buf.failed);
	ck_assert_uint_eq(buf.len, len + 3);
	ck_assert(md_json_is_valid(buf.data, buf.len, 0));
	free(text);
}
END_TEST

START_TEST(writes_hex_as_bytea)
{
	md_auto_buf buf;

	md_buf_init(&buf, 100);
	md_json_write_hex(&buf, "\x00\xff\x1a", 3);
	md_json_write_hex(&buf, NULL, 0);
	ck_assert_str_eq(md_buf_text(&buf), "\"\\\\x00ff1a\"\"\\\\x\"");
}
END_TEST

START_TEST(writes_reals_as_float8out)
{
	/* The right side was printed by PostgreSQL 15: SELECT to_json($1::float8). */
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 1, "1" },
		{ -1.5, "-1.5" },
		{ 23.45, "23.45" },
		{ 0.1, "0.1" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e-4, "0.0001" },
		{ 1e-5, "1e-05" },
		{ 1.5e-7, "1.5e-07" },
		{ 0.00012345678901234567, "0.00012345678901234567" },
		{ 999999999999999, "999999999999999" },
		{ 1e15, "1e+15" },
		{ 123456789012345678.0, "1.2345678901234568e+17" },
		{ 1e20, "1e+20" },
		{ 1e100, "1e+100" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 5e-324, "5e-324" },
		{ 100, "100" },
		{ 1234567.891, "1234567.891" },
		{ 3.141592653589793, "3.141592653589793" },
		{ NAN, "\"NaN\"" },
		{ INFINITY, "\"Infinity\"" },
		{ -INFINITY, "\"-Infinity\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(real_of(cases[i].value), cases[i].text);
}
END_TEST

static double random_double(int run)
{
	union {
		uint64_t bits;
		double value;
	} any = { .bits = next_random() };

	switch (run % 4) {
	case 0:
		return any.value;
	case 1:
		return (double)(int64_t)(any.bits % 2000000000) / 100;
	case 2:
		return (double)(any.bits % 10000000000000000u) / 1e9;
	default:
		return (double)(int64_t)any.bits / 9.3e18;
	}
}

/* REAL_RUNS=10000000 in the environment for the long form. */
START_TEST(writes_reals_that_read_back_equal)
{
	const char *runs_text = getenv("REAL_RUNS");
	int runs = runs_text ? (int)strtol(runs_text, NULL, 10) : RANDOM_DOUBLES;

	for (int run = 0; run < runs; run++) {
		double value = random_double(run);
		char text[MD_RAW_NUMBER_ROOM + 1];

		if (!isfinite(value))
			continue;
		*md_raw_real(text, value) = '\0';
		if (strtod(text, NULL) != value || !md_json_is_number(text, strlen(text)))
			ck_abort_msg("%.17g was written as %s", value, text);
	}
}
END_TEST

START_TEST(writes_integers_of_every_length)
{
	for (int64_t power = 1;; power *= 10) {
		for (int64_t value = power - 1; value <= power + 1; value++) {
			char ours[MD_RAW_NUMBER_ROOM + 1], theirs[MD_RAW_NUMBER_ROOM];

			*md_raw_i64(ours, value) = '\0';
			snprintf(theirs, sizeof(theirs), "%lld", (long long)value);
			ck_assert_str_eq(ours, theirs);
			*md_raw_i64(ours, -value) = '\0';
			snprintf(theirs, sizeof(theirs), "%lld", (long long)-value);
			ck_assert_str_eq(ours, theirs);
		}
		if (power > INT64_MAX / 10)
			break;
	}
}
END_TEST

START_TEST(tells_numbers_from_other_text)
{
	static const char *const good[] = {
		"0", "-0", "12", "-1.50", "1e5", "1E+5", "0.0e-0", "123456789012345678901234567890"
	};
	static const char *const bad[] = { "",    "-",  "+1", "01",  ".5",  "1.",       "1e",
					   "1e+", " 1", "1 ", "NaN", "0x1", "Infinity", "1,5" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(md_json_is_number(good[i], strlen(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!md_json_is_number(bad[i], strlen(bad[i])), "%s", bad[i]);
}
END_TEST

START_TEST(tells_json_from_other_text)
{
	static const char *const good[] = {
		"null",
		" true ",
		"[]",
		"{}",
		"[ ]",
		"{ }",
		"[1,2]",
		"[[],{}]",
		"{\"a\":[1,{\"b\":null}],\"c\":\"\\u00e4\\ud83e\\udd8a\\n\"}",
		"\t[\r\n1 , \"x\" ] ",
		"{\"a\" : 1 , \"a\" : 2}",
		"\"\\u0000\"",
		"-1.5e-3",
	};
	static const char *const bad[] = {
		"",
		" ",
		"nul",
		"nulll",
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"{\"a\"}",
		"{\"a\":}",
		"{a:1}",
		"{\"a\":1,}",
		"{1:2}",
		"[1]]",
		"1 2",
		"\"a",
		"'a'",
		"\"\t\"",
		"\"\\x\"",
		"\"\\u12g4\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"[1}",
		"{\"a\":1]",
		"\"\xff\"",
		"01",
		"\\u0020",
		"\"\\",
		"\"\\u12",
		"true,",
		"\xEF\xBB\xBF[]",
		"\"\\ud800\\u0041\"",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(md_json_is_valid(good[i], strlen(good[i]), 8), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!md_json_is_valid(bad[i], strlen(bad[i]), 8), "%s", bad[i]);
	ck_assert(!md_json_is_valid("1\0", 2, 8));
}
END_TEST

START_TEST(counts_levels)
{
	char text[4096];

	ck_assert(md_json_is_valid("1", 1, 0));
	ck_assert(!md_json_is_valid("[]", 2, 0));
	for (unsigned depth = 1; depth <= 2000; depth += depth < 40 ? 1 : 493) {
		for (unsigned i = 0; i < depth; i++) {
			text[i] = '[';
			text[2 * depth - 1 - i] = ']';
		}
		ck_assert(md_json_is_valid(text, 2 * (size_t)depth, depth) == (depth <= 1024));
		ck_assert(!md_json_is_valid(text, 2 * (size_t)depth, depth - 1));
	}
	ck_assert(md_json_is_valid("[[1],[2],{\"a\":[]}]", 18, 3));
}
END_TEST

START_TEST(strips_members_that_are_null)
{
	static const char *const pairs[][2] = {
		{ "{}", "{}" },
		{ "{\"a\":null}", "{}" },
		{ " { \"a\" : null , \"b\" : 1 } ", "{\"b\":1}" },
		{ "{\"b\":1,\"a\":null}", "{\"b\":1}" },
		{ "{\"a\":null,\"b\":1,\"c\":null,\"d\":null}", "{\"b\":1}" },
		{ "[null,{\"a\":null},[ null ]]", "[null,{},[null]]" },
		{ "{\"a\":{\"b\":{\"c\":null}}}", "{\"a\":{\"b\":{}}}" },
		{ "{\"q\\\"\\\\\": null,\"x\":\"\\\": null\"}", "{\"x\":\"\\\": null\"}" },
		{ "[\"a\",null]", "[\"a\",null]" },
		{ "{\"null\":\"null\",\"t\":true}", "{\"null\":\"null\",\"t\":true}" },
		{ "null", "null" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char text[64];
		size_t len = strlen(pairs[i][0]);

		memcpy(text, pairs[i][0], len);
		len = md_json_strip_nulls(text, len);
		text[len] = '\0';
		ck_assert_str_eq(text, pairs[i][1]);
	}
}
END_TEST

SUITE_MAIN("json_write", escapes_as_postgresql_does, escapes_at_every_place_of_a_word,
	   replaces_what_is_not_utf8, writes_json_for_any_bytes, needs_no_more_room_than_the_text,
	   writes_large_strings, writes_hex_as_bytea, writes_reals_as_float8out,
	   writes_reals_that_read_back_equal, writes_integers_of_every_length,
	   tells_numbers_from_other_text, tells_json_from_other_text, counts_levels,
	   strips_members_that_are_null)
