#include "core/ops/ops.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/banned.h"

enum { KEY_MAX = 256 * 1024 };

static struct md_generation *generation_free(struct md_generation *generation)
{
	if (!generation)
		return NULL;
	md_plans_free(generation->plans);
	md_registry_unref(generation->registry);
	free(generation);
	return NULL;
}

static struct md_generation *generation_new(struct md_ops *ops, struct md_registry *registry)
{
	struct md_generation *generation = calloc(1, sizeof(*generation));

	if (!generation)
		return NULL;
	generation->plans = md_plans_new(ops->options.plan_cache);
	if (!generation->plans) {
		free(generation);
		return NULL;
	}
	generation->registry = registry;
	return generation;
}

enum md_code md_ops_new(const struct md_ops_options *options, struct md_registry *registry,
			struct md_ops **ret_ops, struct md_error *err)
{
	struct md_ops *ops = calloc(1, sizeof(*ops));

	if (!ops)
		return md_fail_nomem(err);
	ops->options = *options;
	md_buf_init(&ops->key, KEY_MAX);
	ops->newest = generation_new(ops, registry);
	if (!ops->newest) {
		free(ops);
		return md_fail_nomem(err);
	}
	*ret_ops = ops;
	return MD_OK;
}

struct md_ops *md_ops_free(struct md_ops *ops)
{
	if (!ops)
		return NULL;
	assert(ops->newest->users == 0);
	generation_free(ops->newest);
	md_buf_release(&ops->key);
	free(ops);
	return NULL;
}

static void bump(atomic_uint_fast64_t *counter, uint64_t by)
{
	/* One writer: no need for an atomic addition. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

void md_ops_context(const struct md_ops *ops, struct md_plan_context *ret_context)
{
	*ret_context = (struct md_plan_context){
		.registry = ops->newest->registry,
		.dialect = ops->options.dialect,
		.embeds = ops->options.embeds,
		.max_rows = ops->options.max_rows,
		.aggregates = ops->options.aggregates,
	};
}

struct md_cached_plan *md_ops_find(struct md_ops *ops, struct md_str key)
{
	struct md_cached_plan *cached = md_plans_find(ops->newest->plans, key);

	if (cached)
		bump(&ops->hits, 1);
	return cached;
}

struct md_cached_plan *md_ops_cache(struct md_ops *ops, struct md_str key, struct md_plan *plan,
				    struct md_write_plan *write)
{
	struct md_plans *plans = ops->newest->plans;
	uint64_t evicted = 0;
	struct md_cached_plan *cached = md_plans_add(plans, key, plan, write, &evicted);

	bump(&ops->misses, 1);
	bump(&ops->evictions, evicted);
	atomic_store_explicit(&ops->plans, md_plans_count(plans), memory_order_relaxed);
	return cached;
}

void md_generation_leave(struct md_ops *ops, struct md_generation *generation)
{
	assert(generation->users > 0);
	if (--generation->users == 0 && generation != ops->newest)
		generation_free(generation);
}

void md_ops_adopt(struct md_ops *ops, struct md_registry *registry)
{
	struct md_generation *old = ops->newest, *generation = generation_new(ops, registry);

	if (!generation) { /* out of memory: the old snapshot goes on serving */
		md_registry_unref(registry);
		return;
	}
	ops->newest = generation;
	if (old->users == 0)
		generation_free(old);
}

void md_ops_set(struct md_ops *ops, const struct md_ops_options *options)
{
	ops->options.embeds = options->embeds;
	ops->options.nested_depth = options->nested_depth;
	ops->options.nested_rows = options->nested_rows;
	ops->options.max_rows = options->max_rows;
	ops->options.stream_threshold = options->stream_threshold;
	ops->options.stream_piece = options->stream_piece;
	ops->options.aggregates = options->aggregates;
	ops->options.legacy_names = options->legacy_names;
}

struct md_registry *md_ops_registry(const struct md_ops *ops)
{
	return ops->newest->registry;
}

void md_ops_stats(const struct md_ops *ops, struct md_ops_stats *ret_stats)
{
	*ret_stats = (struct md_ops_stats){
		.plan_hits = atomic_load_explicit(&ops->hits, memory_order_relaxed),
		.plan_misses = atomic_load_explicit(&ops->misses, memory_order_relaxed),
		.plan_evictions = atomic_load_explicit(&ops->evictions, memory_order_relaxed),
		.plans = atomic_load_explicit(&ops->plans, memory_order_relaxed),
	};
}
