/* Each allocation of snapshots, differences and matches fails once: no crash, no leak, MD_NOMEM or
 * the same answer as ever. */
#include "core/base/arena.h"
#include "core/migrate/match.h"
#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/unit/snapshot_rig.h"

static const char before[] =
	"{\"version\":1,\"enums\":{\"K\":[\"a\"]},\"models\":{\"A\":{\"fields\":{\"x\":\"int\","
	"\"d\":\"decimal(8,2) = "
	"1.50\",\"k\":\"K\",\"gone\":\"text\"},\"indexes\":[[\"x\"],[\"d\"]],"
	"\"checks\":[\"x > 1\",\"x > 0\"]},\"Old\":{\"fields\":{\"a\":\"-> A\"}}}}";
static const char after[] =
	"{\"version\":1,\"enums\":{\"K\":[\"a\",\"b\"]},\"models\":{\"Z\":{\"renamed_from\":\"A\","
	"\"fields\":{\"x\":{\"type\":\"bigint\",\"backfill\":3},\"e\":\"decimal(8,2) = 1.50 "
	"was(d)\","
	"\"k\":\"K\"},\"indexes\":[[\"x\"],{\"fields\":[\"e\"],\"name\":\"i\"}],\"checks\":[\"x > "
	"0\"]},"
	"\"New\":{\"fields\":{\"a\":\"-> Z\",\"q\":\"date\",\"r\":\"date\",\"s\":\"date\"},"
	"\"relations\":{\"z\":\"Z\"}}}}";

/* jansson's allocations, too: definitions take some that fail for mistakes of a text. */
static bool json_fails;

static void *failing_malloc(size_t size)
{
	return fault_tick() ? NULL : malloc(size);
}

struct work {
	const struct md_definitions *before, *after;
	struct md_snapshot *from, *to;
};

/* Outputs of what failed are as before, and what did not fail is right. Check's own assertions
 * allocate. */
static bool untouched = true;

/* Everything once. */
static enum md_code run(const struct work *work)
{
	const struct md_diff_options options = { .definitions = work->after };
	md_auto_arena arena = md_arena_new(1 << 20);
	struct md_snapshot *snapshot = NULL, *there = NULL;
	const struct md_rename_question *questions;
	json_t *up = NULL, *down = NULL;
	const struct md_match *match;
	unsigned count;
	enum md_code code = md_snapshot_of(work->after, &snapshot, NULL);

	untouched = untouched && (code == MD_OK || !snapshot);
	if (code == MD_OK && !arena)
		code = MD_NOMEM;
	if (code == MD_OK)
		code = md_change_diff(work->from, snapshot, &options, arena, &up, &questions,
				      &count, NULL);
	untouched = untouched && (code == MD_OK || !up);
	if (code == MD_OK)
		code = md_change_invert(up, &down, NULL);
	untouched = untouched && (code == MD_OK || !down);
	if (code == MD_OK)
		code = md_change_apply(work->to, down, 0, json_array_size(down), true, &there,
				       NULL);
	untouched = untouched && (code == MD_OK || !there);
	if (code == MD_OK)
		code = md_match_make(&md_sqlite_ddl, work->from->definitions, work->to->definitions,
				     up, arena, &match, NULL);
	for (size_t i = 0; code == MD_OK && i < json_array_size(up); i++)
		if (!md_change_text(json_array_get(up, i), arena))
			code = MD_NOMEM;
	if (code == MD_OK)
		untouched = untouched && strcmp(there->checksum, work->from->checksum) == 0 &&
			    strcmp(snapshot->checksum, work->to->checksum) == 0;
	md_snapshot_free(there);
	md_snapshot_free(snapshot);
	json_decref(up);
	json_decref(down);
	return code;
}

static long fail_each(const struct work *work)
{
	long n = 0;

	for (;; n++) {
		enum md_code code;
		bool fired;

		fault_arm(n);
		code = run(work);
		fired = fault_fired();
		fault_disarm();
		ck_assert(untouched);
		ck_assert_msg(code == MD_OK || code == MD_NOMEM ||
				      (json_fails && code == MD_INVALID),
			      "call %ld: code %d", n, code);
		if (!fired)
			break;
		ck_assert_int_lt(n, 1000000);
	}
	return n;
}

START_TEST(every_allocation_may_fail)
{
	struct work work = { .before = load_definitions(before), .after = load_definitions(after) };

	work.from = snapshot_of(work.before);
	work.to = snapshot_of(work.after);
	ck_assert_int_eq(run(&work), MD_OK);
	ck_assert_int_gt(fail_each(&work), 20);
	md_snapshot_free(work.from);
	md_snapshot_free(work.to);
	json_set_alloc_funcs(failing_malloc, free);
	json_fails = true;
	work.from = snapshot_of(work.before);
	work.to = snapshot_of(work.after);
	ck_assert_int_gt(fail_each(&work), 1000);
	md_snapshot_free(work.from);
	md_snapshot_free(work.to);
	md_definitions_free(work.before);
	md_definitions_free(work.after);
}
END_TEST

SUITE_MAIN("changes without memory", every_allocation_may_fail)
