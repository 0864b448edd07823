/* Private to core/db: who may have a connection. The pool counts connections, it owns none: each
 * belongs to the place (a loop) that opened it or was handed it. A connection takes one slot from
 * before it is opened until it is closed; the lanes that keep connections of their own reserve
 * theirs. Whoever finds no slot waits in one queue, first in, first out over all places. A
 * connection that becomes free goes to the first that waits, wherever that is.
 *
 * Limits mean what they mean in SQLAlchemy's QueuePool: up to `size` connections are kept when
 * idle, `overflow` more may be open, `size` 0 or `overflow` -1 is no limit. One is lent even when a
 * limit that was lowered has no room beside what is reserved.
 *
 * Every function may be called by any thread unless it says otherwise; a unit that waits here is
 * touched by nobody else. */
#ifndef MD_CORE_DB_POOL_H
#define MD_CORE_DB_POOL_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/lock.h"
#include "core/base/reactor.h"
#include "core/db/db.h"
#include "core/db/unit.h"

enum { MD_POOL_BUCKETS = 40 };

/** A loop at the pool. Fill `home`, `granted` and `asked`, then md_pool_enter(). */
struct md_pool_place {
	struct md_reactor *home;
	/** Posted to `home`: the unit's wait is over. unit->place is the connection that comes with
	 * it, or NULL: the slot is there, open one. */
	void (*granted)(struct md_task *task);
	/** Posted to `home`: somebody waits, and here are idle connections, or units whose clients
	 * are slow; md_pool_ask_taken() first. */
	void (*asked)(struct md_task *task);
	struct md_task task;
	/* Guarded by the pool's lock. */
	unsigned idle, slow;
	bool is_asked;
	struct md_pool_place *next;
};

struct md_pool {
	struct md_lock lock;
	/* All of it guarded by the lock. */
	unsigned size;
	int overflow;
	unsigned taken, reserved, idle, waiting;
	unsigned slow;    /* units that wait for slow clients */
	unsigned claimed; /* of them: being ended for those who wait */
	struct md_unit *head, **tail;
	struct md_pool_place *places;
	struct md_pool_stats counts;
	uint64_t waits[MD_POOL_BUCKETS]; /* waits of less than 2^i µs */
	/* A connection older than this is not to be trusted. */
	_Atomic uint64_t invalid_ns;
};

enum md_permit {
	MD_PERMIT_IDLE, /* use an idle connection of your own */
	MD_PERMIT_OPEN, /* there is a slot: open one */
	MD_PERMIT_WAIT  /* queued; granted() will come */
};
enum md_return {
	MD_RETURN_KEEP, /* it is idle now and stays */
	MD_RETURN_CLOSE,
	MD_RETURN_GIVE /* to the unit that waits: md_pool_grant() */
};

void md_pool_init(struct md_pool *pool, unsigned size, int overflow);
void md_pool_release(struct md_pool *pool);
/** Change the limits; those who wait may find room now. */
void md_pool_resize(struct md_pool *pool, unsigned size, int overflow);
/** How many loops of `loops` can have connections of their own, two each: decisions about small
 * pools. 0: everything is lent. */
unsigned md_pool_lanes(unsigned size, int overflow, unsigned loops);

void md_pool_enter(struct md_pool *pool, struct md_pool_place *place);
/** No unit of this place waits, and all of its slots have been given back. */
void md_pool_leave(struct md_pool *pool, struct md_pool_place *place);
/** Slots for connections that are never lent. */
void md_pool_reserve(struct md_pool *pool, unsigned slots);
void md_pool_unreserve(struct md_pool *pool, unsigned slots);

/** A connection for `unit`, whose home is `place`. WAIT: granted() is called with unit->task. */
enum md_permit md_pool_take(struct md_pool *pool, struct md_pool_place *place,
			    struct md_unit *unit);
/** The same without waiting: WAIT is a refusal. `may_open` false: only an idle one. */
enum md_permit md_pool_try(struct md_pool *pool, struct md_pool_place *place, bool may_open);
/** Stop waiting. False: it has been granted, granted() is on its way. */
bool md_pool_unqueue(struct md_pool *pool, struct md_unit *unit, bool timed_out);
/** A connection of this place, lent until now (`idle` false) or idle (true), is free. */
enum md_return md_pool_put(struct md_pool *pool, struct md_pool_place *place, bool idle,
			   struct md_unit **ret_unit);
/** Let `unit`, which md_pool_put() gave, have its connection. The last touch. */
void md_pool_grant(struct md_unit *unit, void *connection);
/** asked() has begun. */
void md_pool_ask_taken(struct md_pool *pool, struct md_pool_place *place);
/** An idle connection is idle no more: it is closed, or its slot used for a new one. */
void md_pool_unidle(struct md_pool *pool, struct md_pool_place *place);
/** A unit of this place waits for a slow client, or does so no more. */
void md_pool_note_slow(struct md_pool *pool, struct md_pool_place *place, bool slow);
/** Does somebody wait for whom such a unit must be ended? If so, md_pool_claimed() at its end. */
bool md_pool_claim(struct md_pool *pool);
void md_pool_claimed(struct md_pool *pool);
/** A slot is free. */
void md_pool_drop(struct md_pool *pool);

enum md_pool_event {
	MD_POOL_OPENED,
	MD_POOL_RECYCLED,
	MD_POOL_INVALIDATED,
	MD_POOL_FAILED,
	MD_POOL_RERUN
};
void md_pool_count(struct md_pool *pool, enum md_pool_event event);
/** A connection was lost: those opened before `now_ns` are replaced when they are next used. */
void md_pool_invalidate(struct md_pool *pool, uint64_t now_ns);
void md_pool_tell(struct md_pool *pool, struct md_pool_stats *ret_stats);
#endif
