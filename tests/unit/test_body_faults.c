/* Memory that ends at every allocation: the body is refused, or read as if nothing had been. */
#include "core/json/bulk.h"
#include <check.h>

#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/unit/body.h"

struct example {
	enum md_body_kind kind;
	const char *text;
};

static const struct example examples[] = {
	{ MD_BODY_JSON,
	  "[{\"a\":1,\"\\u0062\":{\"c\\n\":[1,{\"d\":2}]}},{\"b\":\"\\n\",\"a\":2}]" },
	{ MD_BODY_JSON, "{\"o\":{\"01\":1,\"02\":1,\"03\":1,\"04\":1,\"05\":1,\"06\":1,\"07\":1,"
			"\"08\":1,\"09\":1,\"10\":1,\"11\":1,\"12\":1,\"13\":1,\"14\":1,\"15\":1,"
			"\"16\":1,\"17\":1,\"18\":1,\"19\":1,\"20\":1,\"21\":1,\"22\":1,\"23\":1,"
			"\"24\":1,\"25\":1,\"26\":1,\"27\":1,\"28\":1,\"29\":1,\"30\":1,\"31\":1,"
			"\"32\":1,\"33\":1}}" },
	{ MD_BODY_CSV, "a,\"b\"\"\"\n1,\"\"\"\"\n" },
	{ MD_BODY_FORM, "a=1&b+c=%20&x=" },
	{ MD_BODY_LINES, "{\"a\":1,\"\\u0062\":[{\"d\":2}]}\n{\"b\":\"\\n\",\"a\":2}\n" },
};

static const struct md_str given[] = { { "b", 1 }, { "x", 1 } };

/* With the allocation after `calls` others failing (never: -1). True: the body was read, so neither
 * the limit nor the fault was reached. */
static bool try_open(const struct example *example, size_t limit, unsigned columns, long calls)
{
	const struct md_body *body = NULL;
	struct md_error err;
	enum md_code code = MD_NOMEM;
	struct md_arena *arena;

	md_error_clear(&err);
	if (calls >= 0)
		fault_arm(calls);
	arena = md_arena_new(limit);
	if (arena)
		code = md_body_open(arena, example->kind, md_str_of(example->text), &no_limits,
				    columns > 0 ? given : NULL, columns, &body, &err);
	fault_disarm();
	ck_assert(code == MD_OK || code == MD_NOMEM);
	ck_assert(code == MD_OK ? body != NULL : body == NULL);
	if (arena && code == MD_NOMEM)
		ck_assert_str_eq(err.wire, "53200");
	else
		ck_assert_str_eq(err.wire, "");
	md_arena_free(arena);
	return code == MD_OK;
}

START_TEST(an_arena_that_grows_byte_by_byte_is_enough_at_some_point)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		for (unsigned columns = 0; columns <= 2; columns += 2) {
			size_t limit = 0;

			while (!try_open(&examples[i], limit, columns, -1))
				limit++;
			ck_assert_uint_gt(limit, 64);
			ck_assert_uint_lt(limit, 1u << 16);
		}
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		for (unsigned columns = 0; columns <= 2; columns += 2)
			for (long calls = 0;; calls++) {
				bool read = try_open(&examples[i], 1u << 20, columns, calls);

				if (!fault_fired()) {
					ck_assert(read);
					break;
				}
				ck_assert(!read);
			}
}
END_TEST

/* Both parts of a body that comes in parts. True: they were read. */
static bool try_parts(const char *text, enum md_body_kind kind, long calls)
{
	const struct md_bulk_options options = {
		.kind = kind, .folder = "/tmp", .part = 12, .limits = no_limits
	};
	const struct md_body *part = NULL;
	struct md_bulk *bulk = NULL;
	struct md_error err;
	enum md_code code;
	unsigned parts = 0;

	md_error_clear(&err);
	fault_arm(calls);
	code = md_bulk_new(&options, &bulk, &err);
	if (code == MD_OK)
		code = md_bulk_add(bulk, text, strlen(text), &err);
	while (code == MD_OK) {
		code = md_bulk_next(bulk, &part, &err);
		if (code == MD_OK && !part)
			break;
		parts++;
	}
	fault_disarm();
	ck_assert(code == MD_OK || code == MD_NOMEM);
	ck_assert(code != MD_OK || parts >= 2);
	ck_assert_str_eq(err.wire, code == MD_OK ? "" : "53200");
	md_bulk_free(bulk);
	return code == MD_OK;
}

START_TEST(every_allocation_for_parts_may_fail)
{
	static const char *const texts[] = { "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
					     "a,b\n1,2\n3,4\n5,6\n7,\"8\"\n9,0\n" };
	static const enum md_body_kind kinds[] = { MD_BODY_LINES, MD_BODY_CSV };

	for (int i = 0; i < 2; i++)
		for (long calls = 0;; calls++) {
			bool read = try_parts(texts[i], kinds[i], calls);

			if (!fault_fired()) {
				ck_assert(read);
				ck_assert_int_gt(calls, 5);
				break;
			}
			ck_assert(!read);
		}
}
END_TEST

SUITE_MAIN("body_faults", every_allocation_for_parts_may_fail,
	   an_arena_that_grows_byte_by_byte_is_enough_at_some_point, every_allocation_may_fail)
