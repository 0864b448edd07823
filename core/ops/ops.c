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
