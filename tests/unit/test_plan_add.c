#include "core/migrate/plan.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"

static struct md_arena *arena;
static struct md_plan plan;
static struct md_plan_work work;

static void begin(size_t limit)
{
	arena = md_arena_new(limit);
	memset(&plan, 0, sizeof(plan));
	memset(&work, 0, sizeof(work));
	work.arena = arena;
	work.plan = &plan;
}

static void end(void)
{
	arena = md_arena_free(arena);
}

START_TEST(steps_and_checks_keep_their_order_however_many_they_are)
{
	char text[32];

	begin(1 << 20);
	for (unsigned i = 0; i < 100; i++) {
		struct md_step *step;

		work.operation = i;
		step = md_plan_add_step(&work);
		ck_assert_ptr_nonnull(step);
		ck_assert_ptr_null(step->what);
		snprintf(text, sizeof(text), "step %u", i);
		step->what = md_arena_strndup(arena, text, strlen(text));
		for (unsigned k = 0; k < i; k++)
			md_plan_add_sql(&work, step, k % 2 ? "odd" : "even");
		md_plan_add_check(&work)->message = step->what;
	}
	ck_assert(!work.failed);
	ck_assert_uint_eq(plan.step_count, 100);
	ck_assert_uint_eq(plan.check_count, 100);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "step %u", i);
		ck_assert_str_eq(plan.steps[i].what, text);
		ck_assert_str_eq(plan.checks[i].message, text);
		ck_assert_uint_eq(plan.steps[i].operation, i);
		ck_assert_uint_eq(plan.steps[i].sql_count, i);
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_eq(plan.steps[i].sql[k], k % 2 ? "odd" : "even");
	}
	end();
}
END_TEST

START_TEST(the_same_text_is_taken_once)
{
	char text[] = "PRAGMA a";

	begin(1 << 20);
	md_plan_add_open(&work, text);
	md_plan_add_open(&work, "PRAGMA b");
	md_plan_add_open(&work, "PRAGMA a");
	md_plan_add_close(&work, "PRAGMA c");
	md_plan_add_verify(&work, "SELECT 1");
	md_plan_add_verify(&work, "SELECT 1");
	md_plan_add_note(&work, "%s has %d rows", "user", 3);
	md_plan_add_note(&work, "user has 3 rows");
	memset(text, 'x', strlen(text));
	ck_assert_uint_eq(plan.open_count, 2);
	ck_assert_str_eq(plan.open[0], "PRAGMA a");
	ck_assert_uint_eq(plan.close_count, 1);
	ck_assert_uint_eq(plan.verify_count, 1);
	ck_assert_uint_eq(plan.note_count, 1);
	ck_assert_str_eq(plan.notes[0], "user has 3 rows");
	end();
}
END_TEST

START_TEST(running_out_of_memory_is_remembered)
{
	unsigned i = 0;

	begin(4096);
	while (i < 1000 && md_plan_add_step(&work))
		i++;
	ck_assert_uint_lt(i, 1000);
	ck_assert(work.failed);
	ck_assert_uint_eq(plan.step_count, i);
	end();
}
END_TEST

START_TEST(kept_names_are_told_apart_and_never_too_long)
{
	static const char revision[] = "1df7b9fe7daa";
	char name[MD_KEPT_NAME], one[MD_KEPT_NAME], other[MD_KEPT_NAME], longer[128];

	md_kept_name(revision, "bio", name);
	ck_assert_str_eq(name, "_dropped_1df7b9fe7daa_bio");
	ck_assert(md_is_kept_name(name));
	for (size_t len = 1; len < 100; len++) {
		memset(longer, 'a', len);
		longer[len] = '\0';
		md_kept_name(revision, longer, one);
		longer[len - 1] = 'b';
		md_kept_name(revision, longer, other);
		ck_assert_uint_lt(strlen(one), MD_KEPT_NAME);
		ck_assert_str_ne(one, other);
		ck_assert(md_is_kept_name(one));
	}
	/* Cut between characters, not in one. */
	memset(longer, 'a', 31);
	memcpy(longer + 31, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 13);
	md_kept_name(revision, longer, one);
	ck_assert_ptr_nonnull(strstr(one, "_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_"));
	ck_assert(md_is_kept_name("_modeld_objects"));
	ck_assert(!md_is_kept_name("_dropped_bio"));
	ck_assert(!md_is_kept_name("_dropped_1df7b9fe7daabio"));
	ck_assert(!md_is_kept_name("_dropped_1df7b9fe7daz_bio"));
	ck_assert(!md_is_kept_name("dropped"));
}
END_TEST

SUITE_MAIN("plan_add", steps_and_checks_keep_their_order_however_many_they_are,
	   the_same_text_is_taken_once, running_out_of_memory_is_remembered,
	   kept_names_are_told_apart_and_never_too_long)
