#include "core/json/pairs.h"

#include <stdio.h>

#include "core/base/buf.h"
#include "tests/support/suite.h"

static const struct md_body_limits limits = { .size = 1u << 16,
					      .string = 1000,
					      .number = 20,
					      .depth = 4,
					      .nodes = 12,
					      .keys = 5,
					      .rows = 1 };

/* name=value;… or what is wrong with the text. */
static const char *of(const char *text)
{
	static char shown[1000];
	struct md_arena *arena = md_arena_new(1u << 16);
	const struct md_pair *pairs;
	struct md_error err;
	unsigned count;
	size_t at = 0;

	md_error_clear(&err);
	shown[0] = '\0';
	if (md_pairs_read(arena, md_str_of(text), &limits, &pairs, &count, &err) != MD_OK) {
		snprintf(shown, sizeof(shown), "%s %s", err.wire, err.message);
		count = 0;
	}
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(shown + at, sizeof(shown) - at, "%.*s=%.*s;",
				       MD_STR_ARG(pairs[i].name), MD_STR_ARG(pairs[i].value));
	md_arena_free(arena);
	return shown;
}

struct example {
	const char *text, *shown;
};

static void check(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(of(examples[i].text), examples[i].shown);
}

START_TEST(each_text_of_an_object_is_a_pair)
{
	static const struct example examples[] = {
		{ "{}", "" },
		{ " { } ", "" },
		{ "{\"b\":\"2\",\"a\":\"1\"}", "a=1;b=2;" },
		{ "{\"a\":[\"x\",\"y\"],\"b\":\"z\"}", "a=x;a=y;b=z;" },
		{ "{\"a\": [ \"x\" , \"y\" ] }", "a=x;a=y;" },
		{ "{\"a\":[]}", "" },
		{ "{\"a\":\"\",\"\":\"b\"}", "=b;a=;" },
		{ "{\"n\":-1.50,\"t\":true,\"f\":false}", "f=false;n=-1.50;t=true;" },
		{ "{\"a\\\"\":\"\\u00e9\\n\",\"l\":[\"\\\\\",\"\\\"]\"]}", "a\"=é\n;l=\\;l=\"];" },
	};

	check(examples, sizeof(examples) / sizeof(examples[0]));
}
END_TEST

START_TEST(what_a_query_cannot_say_is_refused)
{
	static const struct example examples[] = {
		{ "{\"a\":null}", "PGRST102 'a' is neither a text nor a list of texts" },
		{ "{\"a\":{}}", "PGRST102 'a' is neither a text nor a list of texts" },
		{ "{\"a\":[1]}", "PGRST102 'a' is neither a text nor a list of texts" },
		{ "{\"a\":[\"x\",null]}", "PGRST102 'a' is neither a text nor a list of texts" },
		{ "{\"a\":[[\"x\"]]}", "PGRST102 'a' is neither a text nor a list of texts" },
		{ "[]", "PGRST102 a query is an object of texts" },
		{ "[{}]", "PGRST102 a query is an object of texts" },
		{ " [\"a\"]", "PGRST102 a query is an object of texts" },
		{ "[{\"a\":\"\"},{}]", "PGRST102 a query is an object of texts" },
		{ "7", "PGRST102 a query is an object of texts" },
		{ "", "PGRST102 Empty or invalid json" },
		{ "{\"a\":[\"x\",]}", "PGRST102 Empty or invalid json" },
		{ "{\"a\":\"x\"", "PGRST102 Empty or invalid json" },
	};

	check(examples, sizeof(examples) / sizeof(examples[0]));
}
END_TEST

START_TEST(limits_of_bodies_hold)
{
	ck_assert(md_str_starts_with(
		md_str_of(of("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1}")),
		MD_STR("MD413")));
	ck_assert(md_str_starts_with(
		md_str_of(of("{\"a\":[\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\","
			     "\"1\",\"1\",\"1\"]}")),
		MD_STR("MD413")));
	ck_assert(md_str_starts_with(md_str_of(of("{\"a\":[[[[\"1\"]]]]}")), MD_STR("MD413")));
}
END_TEST

START_TEST(no_memory_is_told)
{
	static const char text[] = "{\"a\":[\"xx\",\"yy\"],\"b\":\"\\n\"}";
	unsigned refused = 0;

	for (size_t limit = 1;; limit += 8) {
		struct md_arena *arena = md_arena_new(limit);
		const struct md_pair *pairs;
		unsigned count = 0;
		struct md_error err;
		enum md_code code;

		ck_assert_ptr_nonnull(arena);
		code = md_pairs_read(arena, MD_STR(text), &limits, &pairs, &count, &err);
		md_arena_free(arena);
		if (code == MD_OK)
			break;
		ck_assert_int_eq(code, MD_NOMEM);
		refused++;
	}
	ck_assert_uint_gt(refused, 3);
}
END_TEST

SUITE_MAIN("pairs", each_text_of_an_object_is_a_pair, what_a_query_cannot_say_is_refused,
	   limits_of_bodies_hold, no_memory_is_told)
