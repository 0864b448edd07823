#include "tests/unit/body.h"

#include "tests/support/suite.h"

struct example {
	const char *text, *shown;
};

static const struct md_str given[] = { { "b", 1 }, { "a", 1 } };

static const char *of(const char *text)
{
	return rows_of(MD_BODY_JSON, text);
}

static const char *with_columns(const char *text)
{
	return body_of(MD_BODY_JSON, text, strlen(text), &no_limits, given, 2);
}

START_TEST(rows_have_cells_in_the_byte_order_of_their_keys)
{
	static const struct example examples[] = {
		{ "{\"a\":1}", "a\n#1" },
		{ " \t\r\n[ { \"b\" : true , \"a\" : null } , { \"a\" : false , \"b\" : \"x\" } ] ",
		  "a b\nnull|true\nfalse|'x'" },
		{ "[{\"é\":1,\"z\":2,\"\":3,\"za\":4}]", " z za é\n#3|#2|#4|#1" },
		{ "[{\"a\":[1, {\"b\":2}],\"b\":{ }}]", "a b\n[1, {\"b\":2}]|{ }" },
		{ "{\"a\":[\"]\\\"}\"],\"b\":\"[{\"}", "a b\n[\"]\\\"}\"]|'[{'" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

START_TEST(strings_are_decoded)
{
	static const struct example examples[] = {
		{ "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a\n'\"\\/\b\f\n\r\t'" },
		{ "{\"a\":\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00!\"}", "a\n'Aé€😀!'" },
		{ "{\"a\":\"\\uFFFF\\u0001\\u07ff\\u0800\\udbff\\udfff\"}",
		  "a\n'\xEF\xBF\xBF\x01\xDF\xBF\xE0\xA0\x80\xF4\x8F\xBF\xBF'" },
		{ "[{\"\\u0061\":\"x\\ty\",\"b\":\"\\n\"},{\"b\":\"\",\"a\":\"z\"}]",
		  "a b\n'x\ty'|'\n'\n'z'|''" },
		{ "[{\"a\":1,\"b\\n\":2},{\"b\\u000a\":\"\\t\",\"\\u0061\":\"\\t\\t\"}]",
		  "a b\n\n#1|#2\n'\t\t'|'\t'" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}
END_TEST

START_TEST(numbers_keep_their_digits)
{
	static const char *const numbers[] = {
		"0",
		"-0",
		"0.10",
		"12345678901234567.89",
		"1e400",
		"-1.50E+0007",
		"9223372036854775808",
		"3.141592653589793238462643383279502884197169399375105820974944592307816406286",
		"1e-99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char text[256], shown[256];

		snprintf(text, sizeof(text), "[{\"a\":%s},{\"a\": %s }]", numbers[i], numbers[i]);
		snprintf(shown, sizeof(shown), "a\n#%s\n#%s", numbers[i], numbers[i]);
		ck_assert_str_eq(of(text), shown);
	}
}
END_TEST

START_TEST(knows_empty_bodies_apart)
{
	static const struct {
		const char *text;
		size_t rows;
		bool is_array;
	} examples[] = {
		{ "[]", 0, true },           { "{}", 1, false },    { "[{}]", 1, true },
		{ "[ {} , { } ]", 2, true }, { " { } ", 1, false }, { "[ ]", 0, true },
		{ "null", 0, true },         { "\"x\"", 0, true },  { " 1 ", 0, true },
	};
	struct md_arena *arena = md_arena_new(1u << 20);

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct md_body *body = NULL;
		unsigned count;

		ck_assert_int_eq(md_body_open(arena, MD_BODY_JSON, md_str_of(examples[i].text),
					      &no_limits, NULL, 0, &body, NULL),
				 MD_OK);
		md_body_columns(body, &count);
		ck_assert_uint_eq(count, 0);
		ck_assert_uint_eq(md_body_rows(body), examples[i].rows);
		ck_assert_int_eq(md_body_is_array(body), examples[i].is_array);
		ck_assert_uint_eq(md_body_scratch(body), 0);
	}
	md_arena_free(arena);
}
END_TEST

START_TEST(refuses_what_is_no_json)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"[",
		"}",
		"]",
		"}{ x = 2",
		"{} x",
		"[] []",
		"[{}]]",
		"{},",
		"[,]",
		"[{},]",
		"[{}{}]",
		"[{} {}]",
		"[{}",
		"[{},",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,",
		"{\"a\":1,}",
		"{,\"a\":1}",
		"{\"a\" 1}",
		"{a:1}",
		"{'a':1}",
		"{1:1}",
		"{\"a\":}",
		"{\"a\"::1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":1]",
		"[{\"a\":1]}",
		"{\"a\":[1,]}",
		"{\"a\":[,1]}",
		"{\"a\":[1 2]}",
		"{\"a\":[1}",
		"{\"a\":{\"b\":1]}",
		"{\"a\":{\"b\"}}",
		"{\"a\":{\"b\":1,}}",
		"{\"a\":{\"b\" 1}}",
		"{\"a\":01}",
		"{\"a\":-}",
		"{\"a\":+1}",
		"{\"a\":1.}",
		"{\"a\":.5}",
		"{\"a\":1e}",
		"{\"a\":1e+}",
		"{\"a\":-01}",
		"{\"a\":1.e5}",
		"{\"a\":0x1}",
		"{\"a\":1_0}",
		"{\"a\":1a}",
		"{\"a\":NaN}",
		"{\"a\":Infinity}",
		"{\"a\":-Infinity}",
		"{\"a\":nul}",
		"{\"a\":nulll}",
		"{\"a\":True}",
		"{\"a\":tru",
		"{\"a\":fals",
		"{\"a\":\"}",
		"{\"a\":\"\t\"}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\x1f\"}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\a\"}",
		"{\"a\":\"\\'\"}",
		"{\"a\":\"\\",
		"{\"a\":\"\\u",
		"{\"a\":\"\\u1",
		"{\"a\":\"\\u00e",
		"{\"a\":\"\\u00g0\"}",
		"{\"a\":\"\\U0041\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\ud800x\"}",
		"{\"a\":\"\\ud800\\n\"}",
		"{\"a\":\"\\ud800\\ud800\"}",
		"{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\x80\"}",
		"{\"a\":\"\xC0\xAF\"}",
		"{\"a\":\"\xE2\x82\"}",
		"{\"a\":\"\xED\xA0\x80\"}",
		"{\"a\":\"\xF4\x90\x80\x80\"}",
		"{\"a\":\"\xFF\"}",
		"{\"\xE9\":1}",
		"\xEF\xBB\xBF{}",
		"{\"a\":1}\v",
		"\f[]",
		"[1,2",
		"[1,2]x",
		"/**/{}",
		"{}//",
		"{}#",
		"{\"a\":1,\"b\"}",
		"[{\"a\":1},{\"a\":}]",
		"[{\"a\":1},{\"a\" 2}]",
		"[{\"a\":1},{\"a",
		"[{\"a\":1},{\"a\"",
		"[{\"a\":1},{b:1}]",
		"tru",
		"-",
		"\"x",
		"1 2",
		"\xC2\xA0{}",
		"{\"a\":\"\\uD800\\u",
		"{\"a\":\"\\uD800\\",
		"{\"a\":\"x\\\"}",
		"[\"a\":1]",
		"{[]:1}",
		"{\"a\",1}",
		"[1:2]",
		"{null:null}",
		"[[[",
		"{\"a\":{\"b\":{",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_str_eq(of(texts[i]), "PGRST102 Empty or invalid json");
		ck_assert_str_eq(with_columns(texts[i]), "PGRST102 Empty or invalid json");
	}
	ck_assert_str_eq(body_of(MD_BODY_JSON, "{}\0", 3, &no_limits, NULL, 0),
			 "PGRST102 Empty or invalid json");
	ck_assert_str_eq(body_of(MD_BODY_JSON, "{\"a\":\"\0\"}", 9, &no_limits, NULL, 0),
			 "PGRST102 Empty or invalid json");
}
END_TEST

START_TEST(refuses_every_beginning_of_a_body)
{
	static const char text[] = "[ {\"a\\u00e9é\" : -12.50e+3 , \"b\":[{\"c\":null},true,\"\\"
				   "ud83d\\ude00\"]},{\"b\":{},\"a\\u00e9é\":\"12345678\"}]";
	size_t len = sizeof(text) - 1;

	for (size_t i = 0; i < len; i++)
		ck_assert_str_eq(body_of(MD_BODY_JSON, text, i, &no_limits, NULL, 0),
				 "PGRST102 Empty or invalid json");
	ck_assert_ptr_nonnull(strstr(of(text), "\n'12345678'|{}"));
}
END_TEST

START_TEST(says_when_there_is_a_nul)
{
	static const char *const texts[] = {
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"x\\u0000y\"}",
		"{\"\\u0000\":1}",
		"{\"a\":[{\"b\":\"\\u0000\"}]}",
		"[{\"a\":1},{\"a\":\"\\u0000\"}]",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_str_eq(of(texts[i]), "22P05 unsupported Unicode escape sequence "
					       "(\\u0000 cannot be converted to text.)");
	ck_assert_str_eq(of("{\"a\":\"\\\\u0000\"}"), "a\n'\\u0000'");
}
END_TEST

START_TEST(refuses_rows_with_other_keys)
{
	static const char *const texts[] = {
		"[{\"a\":1},{\"b\":1}]",
		"[{\"a\":1},{}]",
		"[{},{\"a\":1}]",
		"[{\"a\":1},{\"a\":1,\"b\":2}]",
		"[{\"a\":1,\"b\":2},{\"a\":1}]",
		"[{\"a\":1,\"b\":2},{\"a\":1,\"c\":2}]",
		"[1]",
		"[null]",
		"[[]]",
		"[{\"a\":1},2]",
		"[{\"a\":1},[{\"a\":1}]]",
		"[1,{\"a\":1}]",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_str_eq(of(texts[i]), "PGRST102 All object keys must match");
	ck_assert_str_eq(of("[{\"a\":1},{\"b\":1}"), "PGRST102 Empty or invalid json");
}
END_TEST

START_TEST(given_columns_pick_from_the_rows)
{
	static const struct example examples[] = {
		{ "[]", "b a" },
		{ "{}", "b a\n-|-" },
		{ "{\"a\":1,\"x\":2}", "b a\n-|#1" },
		{ "[{\"x\":\"\\n\",\"b\":1},{\"b\":2,\"x\":3,\"a\":\"\\n\"},{\"y\":{\"a\":1}},{}]",
		  "b a\n#1|-\n#2|'\n'\n-|-\n-|-" },
		{ "[{\"b\":1,\"x\":1},{\"b\":2,\"x\":1},{\"x\":1,\"\\u0062\":3}]",
		  "b a\n#1|-\n#2|-\n#3|-" },
		{ "1", "22023 cannot call json_to_recordset on a scalar" },
		{ "null", "22023 cannot call json_to_recordset on a scalar" },
		{ "[{\"a\":1},null]",
		  "22023 argument of json_to_recordset must be an array of objects" },
		{ "[[]]", "22023 argument of json_to_recordset must be an array of objects" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		ck_assert_str_eq(with_columns(examples[i].text), examples[i].shown);
	ck_assert_str_eq(body_of(MD_BODY_JSON, "[{\"a\":1},{}]", 12, &no_limits, given, 0), "\n\n");
}
END_TEST

START_TEST(refuses_a_key_that_is_there_twice)
{
	static const struct example examples[] = {
		{ "{\"a\":1,\"a\":1}", "a" },
		{ "{\"a\":1,\"b\":2,\"\\u0061\":3}", "a" },
		{ "[{\"a\":1,\"b\":1},{\"a\":1,\"a\":1}]", "a" },
		{ "[{\"a\":1,\"b\":1},{\"b\":1,\"\\u0062\":1}]", "b" },
		{ "[{\"a\":1,\"b\":1},{\"b\":1,\"b\":1}]", "b" },
		{ "[{\"a\":1},{\"x\":1,\"x\":1}]", "x" },
		{ "[{\"a\":1,\"x\":1},{\"x\":1,\"x\":1}]", "x" },
		{ "[{\"x\":1},{\"x\":1,\"\\u0078\":1}]", "x" },
		{ "{\"a\":{\"\":1,\"\":1}}", "" },
		{ "{\"a\":[{\"é\":1,\"\\u00e9\":1}]}", "é" },
		{ "{\"a\":{\"b\":{\"c\":1},\"d\":{\"c\":1},\"b\":1}}", "b" },
		{ "[1,{\"a\":1,\"a\":1}]", "a" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		char shown[128];

		snprintf(shown, sizeof(shown), "PGRST102 The key \"%s\" is given twice",
			 examples[i].shown);
		ck_assert_str_eq(of(examples[i].text), shown);
		ck_assert_str_eq(with_columns(examples[i].text), shown);
	}
	ck_assert_str_eq(of("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}"),
			 "a b\n{\"a\":{\"a\":1}}|[{\"a\":1},{\"a\":2}]");
}
END_TEST

/* An object of `count` keys, the last one named like number `twice`; nested in "o" or not. */
static const char *wide_object(unsigned count, unsigned twice, bool nested)
{
	static struct md_buf buf = { .max = 1u << 20 };

	md_buf_clear(&buf);
	md_buf_puts(&buf, nested ? "{\"o\":{" : "{");
	for (unsigned i = 0; i + 1 < count; i++)
		md_buf_printf(&buf, "\"key%u\":%u,", i * 7919 % count, i);
	md_buf_printf(&buf, "\"key%u\":0%s", twice, nested ? "}}" : "}");
	return md_buf_text(&buf);
}

START_TEST(finds_the_same_key_among_many)
{
	static const unsigned counts[] = { 2, 11, 12, 13, 14, 31, 32, 33, 100, 1000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		for (int nested = 0; nested < 2; nested++) {
			unsigned count = counts[i], last = (count - 1) * 7919 % count;
			char shown[64];

			snprintf(shown, sizeof(shown), "PGRST102 The key \"key%u\" is given twice",
				 count / 2 == last ? 0 : count / 2);
			ck_assert_str_eq(
				of(wide_object(count, count / 2 == last ? 0 : count / 2, nested)),
				shown);
			ck_assert_str_ne(of(wide_object(count, last, nested)), shown);
		}
}
END_TEST

/* A string with every special thing at every distance from the ends of words. */
START_TEST(finds_special_bytes_at_every_place)
{
	static const struct example pieces[] = {
		{ "\\n", "\n" },  { "é", "é" },       { "€", "€" },
		{ "😀", "😀" },     { "\x7f", "\x7f" }, { "\\ud83d\\ude00", "😀" },
		{ "\\\\", "\\" }, { "\\\"", "\"" },
	};
	static const char *const bad[] = { "\x01", "\x1f", "\x80", "\xC3", "\\", "\\u12", "\"" };

	for (int before = 0; before < 20; before++)
		for (int after = 0; after < 20; after++) {
			char text[128], shown[128];

			for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
				snprintf(text, sizeof(text), "{\"a\":\"%.*s%s%.*s\"}", before,
					 "abcdefghijklmnopqrstuvwxyz", pieces[i].text, after,
					 "abcdefghijklmnopqrstuvwxyz");
				snprintf(shown, sizeof(shown), "a\n'%.*s%s%.*s'", before,
					 "abcdefghijklmnopqrstuvwxyz", pieces[i].shown, after,
					 "abcdefghijklmnopqrstuvwxyz");
				ck_assert_str_eq(of(text), shown);
			}
			for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
				snprintf(text, sizeof(text), "{\"a\":\"%.*s%s%.*s\"}", before,
					 "ghijklmnopqrstuvwxyzabcd", bad[i], after,
					 "ghijklmnopqrstuvwxyzabcd");
				ck_assert_str_eq(of(text), "PGRST102 Empty or invalid json");
			}
		}
}
END_TEST

START_TEST(texts_without_escapes_are_spans_of_the_body)
{
	static const char text[] = "{\"a\":\"plain é\",\"b\":[1],\"c\":12}";
	struct md_arena *arena = md_arena_new(1u << 20);
	const struct md_body *body = NULL;
	struct md_body_cursor cursor;
	struct md_body_cell cells[3];

	ck_assert_int_eq(
		md_body_open(arena, MD_BODY_JSON, MD_STR(text), &no_limits, NULL, 0, &body, NULL),
		MD_OK);
	ck_assert_uint_eq(md_body_scratch(body), 0);
	md_body_rewind(&cursor, body, NULL);
	ck_assert(md_body_next(&cursor, cells));
	for (int i = 0; i < 3; i++) {
		ck_assert(cells[i].text.ptr > text);
		ck_assert(cells[i].text.ptr < text + sizeof(text));
	}
	md_arena_free(arena);
}
END_TEST

START_TEST(cursors_on_one_body_do_not_disturb_each_other)
{
	static const char text[] = "[{\"a\":\"\\u0031\"},{\"a\":\"\\u0032\"},{\"a\":\"\\u0033\"}]";
	struct md_arena *arena = md_arena_new(1u << 20);
	const struct md_body *body = NULL;
	struct md_body_cursor one, two;
	struct md_body_cell first, second;
	char scratch[2][64];

	ck_assert_int_eq(
		md_body_open(arena, MD_BODY_JSON, MD_STR(text), &no_limits, NULL, 0, &body, NULL),
		MD_OK);
	ck_assert_uint_le(md_body_scratch(body), sizeof(scratch[0]));
	md_body_rewind(&one, body, scratch[0]);
	md_body_rewind(&two, body, scratch[1]);
	ck_assert(md_body_next(&one, &first) && md_body_next(&one, &first));
	ck_assert(md_body_next(&two, &second));
	ck_assert(md_str_is(first.text, "2"));
	ck_assert(md_str_is(second.text, "1"));
	md_body_rewind(&one, body, scratch[0]);
	ck_assert(md_body_next(&one, &first));
	ck_assert(md_str_is(first.text, "1"));
	md_arena_free(arena);
}
END_TEST

START_TEST(leaves_the_output_alone_on_failure)
{
	struct md_arena *arena = md_arena_new(1u << 20);
	const struct md_body *body = (const struct md_body *)arena;

	ck_assert_int_eq(
		md_body_open(arena, MD_BODY_JSON, MD_STR("{"), &no_limits, NULL, 0, &body, NULL),
		MD_INVALID);
	ck_assert_ptr_eq(body, arena);
	ck_assert_int_eq(md_body_open(arena, MD_BODY_JSON, (struct md_str){ NULL, 0 }, &no_limits,
				      NULL, 0, &body, NULL),
			 MD_INVALID);
	md_arena_free(arena);
}
END_TEST

SUITE_MAIN("body_json", rows_have_cells_in_the_byte_order_of_their_keys, strings_are_decoded,
	   numbers_keep_their_digits, knows_empty_bodies_apart, refuses_what_is_no_json,
	   refuses_every_beginning_of_a_body, says_when_there_is_a_nul,
	   refuses_rows_with_other_keys, given_columns_pick_from_the_rows,
	   refuses_a_key_that_is_there_twice, finds_the_same_key_among_many,
	   finds_special_bytes_at_every_place, texts_without_escapes_are_spans_of_the_body,
	   cursors_on_one_body_do_not_disturb_each_other, leaves_the_output_alone_on_failure)
