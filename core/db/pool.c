#include "core/db/pool.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "core/base/clock.h"

#include "core/base/banned.h"

void md_pool_init(struct md_pool *pool, unsigned size, int overflow)
{
	memset(pool, 0, sizeof(*pool));
	md_lock_init(&pool->lock);
	pool->size = size;
	pool->overflow = overflow;
	pool->tail = &pool->head;
}

void md_pool_release(struct md_pool *pool)
{
	assert(!pool->head && !pool->places);
	md_lock_release(&pool->lock);
}

unsigned md_pool_lanes(unsigned size, int overflow, unsigned loops)
{
	unsigned lanes;

	if (size == 0)
		return loops;
	if (overflow >= 0 && size + (unsigned)overflow < 3)
		return 0;
	lanes = (size - 1) / 2;
	if (lanes == 0)
		lanes = 1;
	return lanes < loops ? lanes : loops;
}

/* --- under the lock --- */

static unsigned limit(const struct md_pool *pool)
{
	if (pool->size == 0 || pool->overflow < 0)
		return UINT_MAX;
	return pool->size + (unsigned)pool->overflow;
}

/* What is reserved stays so when the limit sinks below it: one is lent in any case, or nobody who
 * needs one would ever be served. */
static bool has_room(const struct md_pool *pool)
{
	return pool->taken == 0 || pool->taken + pool->reserved < limit(pool);
}

static bool is_over(const struct md_pool *pool)
{
	return pool->taken > 1 && pool->taken + pool->reserved > limit(pool);
}

static void note_wait(struct md_pool *pool, uint64_t waited_ns)
{
	uint64_t us = waited_ns / 1000;
	unsigned bucket = 0;

	while (us > 0 && bucket + 1 < MD_POOL_BUCKETS) {
		us >>= 1;
		bucket++;
	}
	pool->waits[bucket]++;
}

static struct md_unit *pop(struct md_pool *pool)
{
	struct md_unit *unit = pool->head;

	assert(md_lock_is_mine(&pool->lock));
	if (!unit)
		return NULL;
	pool->head = unit->link;
	if (!pool->head)
		pool->tail = &pool->head;
	pool->waiting--;
	note_wait(pool, md_now_ns() - unit->queued_ns);
	return unit;
}

/* Slots to those who wait, as many as there are. */
static void grant_slots(struct md_pool *pool)
{
	while (pool->head && has_room(pool)) {
		struct md_unit *unit = pop(pool);

		pool->taken++;
		md_pool_grant(unit, NULL);
	}
}

/* There is no slot, but there are idle connections, or units that wait for slow clients: have their
 * places look at them. */
static void ask_others(struct md_pool *pool)
{
	if (pool->idle == 0 && pool->slow == 0)
		return;
	for (struct md_pool_place *place = pool->places; place; place = place->next) {
		if ((place->idle == 0 && place->slow == 0) || place->is_asked)
			continue;
		place->is_asked = true;
		place->task.run = place->asked;
		md_reactor_post(place->home, &place->task);
	}
}

static enum md_permit take(struct md_pool *pool, struct md_pool_place *place, bool may_open)
{
	if (pool->head) /* no overtaking */
		return MD_PERMIT_WAIT;
	if (place->idle > 0) {
		place->idle--;
		pool->idle--;
		return MD_PERMIT_IDLE;
	}
	if (!may_open || !has_room(pool))
		return MD_PERMIT_WAIT;
	pool->taken++;
	return MD_PERMIT_OPEN;
}

/* --- places --- */

void md_pool_resize(struct md_pool *pool, unsigned size, int overflow)
{
	md_lock_enter(&pool->lock);
	pool->size = size;
	pool->overflow = overflow;
	grant_slots(pool);
	if (is_over(pool) || (size > 0 && pool->idle > size))
		ask_others(pool); /* what is idle beyond the limits is closed */
	md_lock_leave(&pool->lock);
}

void md_pool_enter(struct md_pool *pool, struct md_pool_place *place)
{
	md_lock_enter(&pool->lock);
	place->idle = place->slow = 0;
	place->is_asked = false;
	place->next = pool->places;
	pool->places = place;
	md_lock_leave(&pool->lock);
}

void md_pool_leave(struct md_pool *pool, struct md_pool_place *place)
{
	md_lock_enter(&pool->lock);
	assert(place->idle == 0);
	for (struct md_pool_place **at = &pool->places; *at; at = &(*at)->next) {
		if (*at != place)
			continue;
		*at = place->next;
		break;
	}
	md_lock_leave(&pool->lock);
}

void md_pool_reserve(struct md_pool *pool, unsigned slots)
{
	md_lock_enter(&pool->lock);
	pool->reserved += slots;
	md_lock_leave(&pool->lock);
}

void md_pool_unreserve(struct md_pool *pool, unsigned slots)
{
	md_lock_enter(&pool->lock);
	pool->reserved -= slots;
	grant_slots(pool);
	md_lock_leave(&pool->lock);
}

/* --- taking --- */

enum md_permit md_pool_take(struct md_pool *pool, struct md_pool_place *place, struct md_unit *unit)
{
	enum md_permit permit;

	md_lock_enter(&pool->lock);
	permit = take(pool, place, true);
	if (permit == MD_PERMIT_WAIT) {
		unit->queued_ns = md_now_ns();
		unit->place = NULL;
		unit->task.run = place->granted;
		unit->home = place->home;
		unit->link = NULL;
		*pool->tail = unit;
		pool->tail = &unit->link;
		pool->waiting++;
		ask_others(pool);
	} else {
		pool->waits[0]++;
	}
	md_lock_leave(&pool->lock);
	return permit;
}

enum md_permit md_pool_try(struct md_pool *pool, struct md_pool_place *place, bool may_open)
{
	enum md_permit permit;

	md_lock_enter(&pool->lock);
	permit = take(pool, place, may_open);
	if (permit != MD_PERMIT_WAIT)
		pool->waits[0]++;
	md_lock_leave(&pool->lock);
	return permit;
}

static bool take_out(struct md_pool *pool, const struct md_unit *unit)
{
	for (struct md_unit **at = &pool->head; *at; at = &(*at)->link) {
		if (*at != unit)
			continue;
		*at = unit->link;
		if (!*at)
			pool->tail = at;
		pool->waiting--;
		return true;
	}
	return false;
}

bool md_pool_unqueue(struct md_pool *pool, struct md_unit *unit, bool timed_out)
{
	bool waited;

	md_lock_enter(&pool->lock);
	waited = take_out(pool, unit);
	if (waited && timed_out) {
		pool->counts.timeouts++;
		note_wait(pool, md_now_ns() - unit->queued_ns);
	}
	md_lock_leave(&pool->lock);
	return waited;
}

void md_pool_grant(struct md_unit *unit, void *connection)
{
	unit->place = connection;
	md_reactor_post(unit->home, &unit->task);
}

/* --- giving back --- */

enum md_return md_pool_put(struct md_pool *pool, struct md_pool_place *place, bool idle,
			   struct md_unit **ret_unit)
{
	enum md_return what = MD_RETURN_KEEP;
	struct md_unit *unit;

	md_lock_enter(&pool->lock);
	if (idle) {
		place->idle--;
		pool->idle--;
	}
	unit = pop(pool);
	if (unit) {
		*ret_unit = unit;
		what = MD_RETURN_GIVE;
	} else if (is_over(pool) || (pool->size > 0 && pool->idle >= pool->size)) {
		what = MD_RETURN_CLOSE;
	} else {
		place->idle++;
		pool->idle++;
	}
	md_lock_leave(&pool->lock);
	return what;
}

void md_pool_ask_taken(struct md_pool *pool, struct md_pool_place *place)
{
	md_lock_enter(&pool->lock);
	place->is_asked = false;
	md_lock_leave(&pool->lock);
}

void md_pool_unidle(struct md_pool *pool, struct md_pool_place *place)
{
	md_lock_enter(&pool->lock);
	place->idle--;
	pool->idle--;
	md_lock_leave(&pool->lock);
}

void md_pool_note_slow(struct md_pool *pool, struct md_pool_place *place, bool slow)
{
	md_lock_enter(&pool->lock);
	if (slow) {
		pool->slow++;
		place->slow++;
	} else {
		pool->slow--;
		place->slow--;
	}
	md_lock_leave(&pool->lock);
}

bool md_pool_claim(struct md_pool *pool)
{
	bool claims;

	md_lock_enter(&pool->lock);
	claims = pool->waiting > pool->claimed + pool->idle;
	if (claims)
		pool->claimed++;
	md_lock_leave(&pool->lock);
	return claims;
}

void md_pool_claimed(struct md_pool *pool)
{
	md_lock_enter(&pool->lock);
	pool->claimed--;
	md_lock_leave(&pool->lock);
}

void md_pool_drop(struct md_pool *pool)
{
	md_lock_enter(&pool->lock);
	assert(pool->taken > 0);
	pool->taken--;
	grant_slots(pool);
	md_lock_leave(&pool->lock);
}

/* --- telling --- */

void md_pool_count(struct md_pool *pool, enum md_pool_event event)
{
	uint64_t *const counters[] = {
		[MD_POOL_OPENED] = &pool->counts.opened,
		[MD_POOL_RECYCLED] = &pool->counts.recycled,
		[MD_POOL_INVALIDATED] = &pool->counts.invalidated,
		[MD_POOL_FAILED] = &pool->counts.failures,
		[MD_POOL_RERUN] = &pool->counts.reruns,
	};

	md_lock_enter(&pool->lock);
	++*counters[event];
	md_lock_leave(&pool->lock);
}

void md_pool_invalidate(struct md_pool *pool, uint64_t now_ns)
{
	atomic_store_explicit(&pool->invalid_ns, now_ns, memory_order_relaxed);
	md_pool_count(pool, MD_POOL_INVALIDATED);
}

/* The upper end of the bucket in which that share of all waits lies. */
static double percentile(const struct md_pool *pool, unsigned percent)
{
	uint64_t total = 0, below = 0;

	for (unsigned i = 0; i < MD_POOL_BUCKETS; i++)
		total += pool->waits[i];
	for (unsigned i = 0; i < MD_POOL_BUCKETS && total > 0; i++) {
		below += pool->waits[i];
		if (below * 100 >= total * percent)
			return i == 0 ? 0 : (double)(1ull << i) / 1000;
	}
	return 0;
}

void md_pool_tell(struct md_pool *pool, struct md_pool_stats *ret_stats)
{
	md_lock_enter(&pool->lock);
	*ret_stats = pool->counts;
	ret_stats->size = pool->size;
	ret_stats->max_overflow = pool->overflow;
	ret_stats->idle = pool->idle;
	ret_stats->in_use = pool->taken - pool->idle;
	ret_stats->reserved = pool->reserved;
	if (pool->size > 0 && pool->taken + pool->reserved > pool->size)
		ret_stats->overflow = pool->taken + pool->reserved - pool->size;
	ret_stats->waiting = pool->waiting;
	ret_stats->wait_ms_p50 = percentile(pool, 50);
	ret_stats->wait_ms_p95 = percentile(pool, 95);
	ret_stats->wait_ms_p99 = percentile(pool, 99);
	md_lock_leave(&pool->lock);
}
