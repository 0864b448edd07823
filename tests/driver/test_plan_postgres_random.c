/* Plans for PostgreSQL between definitions that have nothing to do with each other, there and
 * back: whatever comes together, the end is as a new database. */
#include "tests/driver/plan_rig.h"

#include "tests/unit/ddl_random.h"

enum { PAIRS = 60, MOST_SKIPPED = PAIRS * 5 / 6 };

static const struct md_definitions *made_of(uint32_t seed)
{
	md_auto_buf text = MD_BUF(1 << 20);
	struct md_def_source source = { "random.json", { NULL, 0 } };
	struct md_def_report report = { .items = NULL };
	const struct md_definitions *definitions = NULL;

	random_definitions(&text, seed);
	source.text = md_str_of(md_buf_text(&text));
	ck_assert_int_eq(md_definitions_load(&source, 1, NULL, MD_ENGINE_POSTGRESQL, &report,
					     &definitions, &err),
			 MD_OK);
	md_def_report_release(&report);
	return definitions;
}

/* False: the types have no way. */
static bool go(const struct md_definitions *from, const struct md_definitions *to,
	       const char *title)
{
	enum md_code code = plan_to(from, to, NULL, false);

	if (code == MD_INVALID && strcmp(err.wire, "42846") == 0)
		return false;
	ck_assert_msg(code == MD_OK, "%s: %s", title, err.message);
	ck_assert_str_eq(check_data(), "");
	run_plan(-1);
	same_as_fresh(to, title);
	return true;
}

START_TEST(definitions_of_all_kinds_become_each_other_and_back)
{
	const char *given = getenv("MD_TEST_SEED");
	uint32_t first = given ? (uint32_t)strtoul(given, NULL, 10) : 1;
	unsigned skipped = 0;

	random_stored_only = true;
	for (uint32_t seed = first; seed < first + PAIRS; seed++) {
		const struct md_definitions *before, *after;
		char title[64];

		begin();
		snprintf(title, sizeof(title), "MD_TEST_SEED=%u", seed);
		before = made_of(seed);
		after = made_of(seed + 100000);
		make_tables(before, "shop");
		if (!go(before, after, title) || !go(after, before, title))
			skipped++;
		md_definitions_free(before);
		md_definitions_free(after);
		end();
	}
	ck_assert_uint_lt(skipped, MOST_SKIPPED);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("plan_postgres_random");

	tcase_set_timeout(tests, 240);
	tcase_add_test(tests, definitions_of_all_kinds_become_each_other_and_back);
	return plan_main(tests);
}
