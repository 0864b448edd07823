/* Private to core/ops: what every loop has one of. */
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

/** One request less that uses `generation`. */
void md_generation_leave(struct md_ops *ops, struct md_generation *generation);
#endif
