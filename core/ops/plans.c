#include "core/ops/plans.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/map.h"

#include "core/base/banned.h"

struct md_plans {
	struct md_map *map;
	struct md_cached_plan *newest, *oldest;
	unsigned limit;
};

struct md_plans *md_plans_new(unsigned limit)
{
	struct md_plans *plans = calloc(1, sizeof(*plans));

	if (!plans)
		return NULL;
	plans->limit = limit > 0 ? limit : 1;
	plans->map = md_map_new();
	if (plans->map)
		return plans;
	free(plans);
	return NULL;
}

static void unlink_plan(struct md_plans *plans, struct md_cached_plan *cached)
{
	*(cached->newer ? &cached->newer->older : &plans->newest) = cached->older;
	*(cached->older ? &cached->older->newer : &plans->oldest) = cached->newer;
	cached->newer = cached->older = NULL;
}

static void link_newest(struct md_plans *plans, struct md_cached_plan *cached)
{
	cached->older = plans->newest;
	*(plans->newest ? &plans->newest->newer : &plans->oldest) = cached;
	plans->newest = cached;
}

static void free_plan(struct md_plan *plan, struct md_write_plan *write)
{
	md_plan_free(plan);
	md_write_plan_free(write);
}

/* The entry lives in the plan's arena, so it goes with it. */
static void drop(struct md_plans *plans, struct md_cached_plan *cached)
{
	md_map_remove(plans->map, cached->key);
	unlink_plan(plans, cached);
	cached->cached = false;
	if (cached->users == 0)
		free_plan(cached->plan, cached->write);
}

struct md_plans *md_plans_free(struct md_plans *plans)
{
	if (!plans)
		return NULL;
	while (plans->oldest)
		drop(plans, plans->oldest);
	md_map_free(plans->map);
	free(plans);
	return NULL;
}

struct md_cached_plan *md_plans_find(struct md_plans *plans, struct md_str key)
{
	struct md_cached_plan *cached = md_map_get(plans->map, key);

	if (cached && cached != plans->newest) {
		unlink_plan(plans, cached);
		link_newest(plans, cached);
	}
	return cached;
}

struct md_cached_plan *md_plans_add(struct md_plans *plans, struct md_str key, struct md_plan *plan,
				    struct md_write_plan *write, uint64_t *evicted)
{
	struct md_arena *arena = plan ? plan->arena : write->arena;
	struct md_cached_plan *cached = md_arena_zalloc(arena, sizeof(*cached));

	if (cached)
		cached->key = md_arena_str(arena, key);
	if (!cached || !cached->key.ptr || !md_map_set(plans->map, cached->key, cached)) {
		free_plan(plan, write);
		return NULL;
	}
	cached->plan = plan;
	cached->write = write;
	cached->cached = true;
	link_newest(plans, cached);
	while (md_map_count(plans->map) > plans->limit && plans->oldest != cached) {
		drop(plans, plans->oldest);
		++*evicted;
	}
	return cached;
}

void md_plans_use(struct md_cached_plan *cached)
{
	cached->users++;
}

void md_plans_unuse(struct md_cached_plan *cached)
{
	assert(cached->users > 0);
	if (--cached->users == 0 && !cached->cached)
		free_plan(cached->plan, cached->write);
}

unsigned md_plans_count(const struct md_plans *plans)
{
	return (unsigned)md_map_count(plans->map);
}
