/* Private to core/ops: the plan cache of one loop and one generation of the registry. Bounded,
 * least recently used out first. A plan in use outlives its eviction. The loop's thread only. */
#ifndef MD_CORE_OPS_PLANS_H
#define MD_CORE_OPS_PLANS_H
#include "core/json/sink_text.h"
#include "core/query/plan.h"

struct md_plans;

/** A plan with what it has cost so far. */
struct md_cached_plan {
	struct md_plan *plan;            /* of a read, or NULL */
	struct md_write_plan *write;     /* of a write, or NULL */
	struct md_str key;               /* in the plan's arena */
	unsigned users;                  /* requests that run it now */
	bool cached;                     /* still found by its key */
	const struct md_text_form *form; /* of its shape; made by the first who needs it */
	bool slow;                       /* it did not fit on the lane of short work */
	uint64_t runs;
	uint64_t mean_ns;     /* running mean of the time on the executing thread */
	size_t largest_piece; /* how large a buffer its answers needed lately */
	struct md_cached_plan *newer, *older;
};

/** Cache for `limit` plans. NULL: out of memory. */
struct md_plans *md_plans_new(unsigned limit);
/** No plan is in use. NULL is fine; returns NULL. */
struct md_plans *md_plans_free(struct md_plans *plans);
/** The plan of this key, now the most recently used; NULL: none. */
struct md_cached_plan *md_plans_find(struct md_plans *plans, struct md_str key);
/** Add a plan, which the cache owns from then on, also when this fails (NULL: out of memory).
 * Counts what had to go in *evicted. */
struct md_cached_plan *md_plans_add(struct md_plans *plans, struct md_str key, struct md_plan *plan,
				    struct md_write_plan *write, uint64_t *evicted);
/** One request more that runs it. */
void md_plans_use(struct md_cached_plan *cached);
/** One less; the last one frees a plan that was evicted meanwhile. */
void md_plans_unuse(struct md_cached_plan *cached);
unsigned md_plans_count(const struct md_plans *plans);
#endif
