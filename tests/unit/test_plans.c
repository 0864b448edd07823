#include "core/ops/plans.h"

#include <stdlib.h>

#include "tests/support/suite.h"

static struct md_plan *make_plan(void)
{
	struct md_arena *arena = md_arena_new(1u << 16);
	struct md_plan *plan = md_arena_zalloc(arena, sizeof(*plan));

	plan->arena = arena;
	return plan;
}

START_TEST(keeps_the_most_recently_used_plans)
{
	struct md_plans *plans = md_plans_new(2);
	uint64_t evicted = 0;

	ck_assert_ptr_nonnull(md_plans_add(plans, MD_STR("a"), make_plan(), NULL, &evicted));
	ck_assert_ptr_nonnull(md_plans_add(plans, MD_STR("b"), make_plan(), NULL, &evicted));
	ck_assert_ptr_nonnull(md_plans_find(plans, MD_STR("a")));
	ck_assert_ptr_nonnull(md_plans_add(plans, MD_STR("c"), make_plan(), NULL, &evicted));
	ck_assert_uint_eq(evicted, 1);
	ck_assert_ptr_nonnull(md_plans_find(plans, MD_STR("a")));
	ck_assert_ptr_null(md_plans_find(plans, MD_STR("b")));
	ck_assert_ptr_nonnull(md_plans_find(plans, MD_STR("c")));
	ck_assert_uint_eq(md_plans_count(plans), 2);
	md_plans_free(plans);
}
END_TEST

START_TEST(keeps_a_plan_in_use_after_its_eviction)
{
	struct md_plans *plans = md_plans_new(1);
	uint64_t evicted = 0;
	struct md_cached_plan *first =
		md_plans_add(plans, MD_STR("a"), make_plan(), NULL, &evicted);

	md_plans_use(first);
	ck_assert_ptr_nonnull(md_plans_add(plans, MD_STR("b"), make_plan(), NULL, &evicted));
	ck_assert_ptr_null(md_plans_find(plans, MD_STR("a")));
	ck_assert_ptr_nonnull(first->plan->arena); /* still there: ASan would tell */
	md_plans_unuse(first);
	md_plans_free(plans);
}
END_TEST

SUITE_MAIN("plans", keeps_the_most_recently_used_plans, keeps_a_plan_in_use_after_its_eviction)
