/* Private to core/ops: what every loop has one of, behind md_ops_new() (read.h): the generations of
 * the registry with their plans. The loop's thread only, but for the counters. */
#ifndef MD_CORE_OPS_OPS_H
#define MD_CORE_OPS_OPS_H
#include <stdatomic.h>

#include "core/ops/plans.h"
#include "core/ops/read.h"

/** One registry with the plans made from it; goes when it is no longer the newest and its last
 * request has ended. */
struct md_generation {
	struct md_registry *registry;
	struct md_plans *plans;
	unsigned users;
};

struct md_ops {
	struct md_ops_options options;
	struct md_generation *newest;
	struct md_buf key;   /* scratch, of the request being started */
	struct md_walk walk; /* scratch, likewise */
	/* Written by this loop, read by metrics. */
	atomic_uint_fast64_t hits, misses, evictions;
	atomic_uint plans;
};

/** What plans are made with. */
void md_ops_context(const struct md_ops *ops, struct md_plan_context *ret_context);
/** The cached plan of this key, counted as a hit; NULL: none. */
struct md_cached_plan *md_ops_find(struct md_ops *ops, struct md_str key);
/** Keep a new plan, of a read or of a write; owned from then on. NULL: out of memory. */
struct md_cached_plan *md_ops_cache(struct md_ops *ops, struct md_str key, struct md_plan *plan,
				    struct md_write_plan *write);
/** MD400: the depth= of a request is not one that can be had. */
enum md_code md_ops_check_depth(const struct md_query *query, struct md_error *err);
/** One request less that uses `generation`. */
void md_generation_leave(struct md_ops *ops, struct md_generation *generation);
#endif
