/* Each allocation of a load fails once: no crash, no leak, MD_NOMEM or the same answer as ever. */
#include <jansson.h>

#include <stdio.h>

#include "core/model/define.h"

#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/unit/define_sample.h"

/* jansson's allocations, too: it takes some that fail for mistakes of the text. */
static bool json_fails;

static void *failing_malloc(size_t size)
{
	return fault_tick() ? NULL : malloc(size);
}

static char last[256];

static enum md_code run(const char *text, bool *ret_untouched)
{
	struct md_def_source source = { "m.json", md_str_of(text) };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	struct md_error err;
	md_auto_buf out = MD_BUF(1 << 20);
	enum md_code code = md_definitions_load(&source, 1, NULL, 7, &report, &definitions, &err);

	*ret_untouched = code == MD_OK || !definitions;
	if (definitions)
		md_definitions_print(definitions, NULL, MD_DEF_SHORT, &out);
	for (unsigned i = 0; i < report.count; i++)
		md_def_problem_print(&report.items[i], &out);
	snprintf(last, sizeof(last), "%s", report.count > 0 ? report.items[0].message : "");
	md_def_report_release(&report);
	md_definitions_free(definitions);
	return code;
}

static void check(const char *text, enum md_code usual)
{
	bool untouched;
	long n = 0;

	for (;; n++) {
		enum md_code code;
		bool fired;

		fault_arm(n);
		code = run(text, &untouched);
		fired = fault_fired();
		fault_disarm();
		ck_assert(untouched);
		ck_assert_msg(code == usual || code == MD_NOMEM ||
				      (json_fails && code == MD_INVALID),
			      "call %ld: code %d %s", n, code, last);
		if (!fired)
			break;
	}
	ck_assert_int_gt(n, 10);
	ck_assert_int_eq(run(text, &untouched), usual);
}

START_TEST(every_allocation_may_fail)
{
	for (unsigned i = 0; i < 2; i++) {
		if (i == 1)
			json_set_alloc_funcs(failing_malloc, free);
		json_fails = i == 1;
		check(everything, MD_INVALID); /* not for all engines */
		check("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"-> A?\"},"
		      "\"relations\":{\"x1\":\"A\"},\"unique\":[[\"x\"]]}}}",
		      MD_OK);
		check("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"txt?\",\"y\":\"-> "
		      "B\"},"
		      "\"relations\":{\"r\":\"A[] <-> z\"}}}}",
		      MD_INVALID);
		check("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"enum(a) = b\","
		      "\"x\":1,\"y\":\"decimal(2) = 100\"},\"relations\":{\"r\":\"A via z\"}}}}",
		      MD_INVALID);
	}
}
END_TEST

START_TEST(reading_files_may_fail)
{
	for (long n = 0;; n++) {
		struct md_def_report report = { .count = 0 };
		struct md_def_files files = { NULL, 0, NULL };
		struct md_error err;
		const char *srcdir = getenv("srcdir");
		char pattern[1024];
		enum md_code code;
		bool fired;

		snprintf(pattern, sizeof(pattern), "%s/config/models/blog.json",
			 srcdir ? srcdir : ".");
		fault_arm(n);
		code = md_def_files_read(pattern, NULL, &report, &files, &err);
		fired = fault_fired();
		fault_disarm();
		ck_assert(code == (fired ? MD_NOMEM : MD_OK));
		md_def_files_release(&files);
		md_def_report_release(&report);
		if (!fired)
			break;
	}
}
END_TEST

SUITE_MAIN("definitions without memory", every_allocation_may_fail, reading_files_may_fail)
