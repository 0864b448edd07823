/* A database: its driver, its connections and lanes, its commit counter. The one handle that
 * core/ops and the server hold. Made once by main, used by every loop. A loop joins it with
 * md_db_join() and gets its own inline connection; reader threads and the writer are shared. Thread
 * rules stand at each function. */
#ifndef MD_CORE_DB_DB_H
#define MD_CORE_DB_DB_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/db/unit.h"

struct md_arena;
struct md_catalog;
struct md_db;
struct md_db_loop; /* a loop's place at the database: its inline connection and what waits there */
struct md_db_driver;
struct md_dialect;
struct md_wal_owner;
struct md_reactor;

enum md_echo { MD_DB_QUIET, MD_DB_ECHO, MD_DB_ECHO_ALL };

struct md_db_options {
	const char *url;
	unsigned readers; /* reader threads (SQLite) */
	unsigned statement_timeout_ms, lock_timeout_ms;
	unsigned inline_budget_us;  /* an inline read over it is rerun on a reader */
	unsigned statement_cache;   /* prepared statements per connection */
	unsigned stream_timeout_ms; /* a paused reader is cut after this; 0: never */
	unsigned queue_timeout_ms;  /* wait for a free reader or the writer, then MD_TIMEOUT,
				       PGRST003; 0: for ever */
	unsigned write_queue;       /* writes that may wait, then MD_BUSY, MD503; 0: default 1024 */
	enum md_durability durability;
	bool keep_journal;  /* SQLite: leave the journal mode of an existing file alone */
	const char *schema; /* whose tables are served (PostgreSQL); NULL: the session's own */
	/* Engines with connections (not MD_DB_BLOCKING). */
	const struct md_db_driver *driver; /* for tests; NULL: by the scheme of `url` */
	unsigned loops;                    /* that will join; 0: 1 */
	unsigned pool_size;                /* connections kept; 0: no limit at all */
	int max_overflow;                  /* more of them; -1: no limit */
	unsigned pool_recycle_ms;          /* age at which one is replaced; 0: never */
	unsigned pool_idle_ms;             /* idle time after which one is closed; 0: never */
	unsigned end_timeout_ms;        /* a session's COMMIT, ROLLBACK, savepoint; 0: no limit */
	const char *role;               /* every unit runs as it; NULL or "": as nobody else */
	const char *const *search_path; /* NULL: as the server has it */
	unsigned search_path_count;
	bool unprepared; /* no named statements: for a pooler that cannot */
	enum md_echo echo, echo_pool;
	/** A table is not what the catalog told; rarely, on any loop. NULL: nobody cares. Requests
	 * that fail for it have error.stale instead. */
	void (*changed)(void);
	struct md_log log; /* copied; log.write may be NULL */
};

/** Open: connect once, to see that it can be done, and start the reader threads. Texts are copied.
 * Fails with a message that says what to do: MD_NOT_FOUND (no such file), MD_INVALID (bad URL, not
 * a database, no driver), MD_UNAVAILABLE. */
enum md_code md_db_open(const struct md_db_options *options, struct md_db **ret_db,
			struct md_error *err);
/** Stop the threads and close everything. Every loop has left, so no unit is in flight. NULL is
 * fine; returns NULL. */
struct md_db *md_db_close(struct md_db *db);

/** Take over what may change while it is open: readers, pool_size, max_overflow, queue_timeout_ms
 * (of engines with connections), pool_recycle_ms, pool_idle_ms, end_timeout_ms, role, echo,
 * echo_pool. One thread at a time. */
enum md_code md_db_tune(struct md_db *db, const struct md_db_options *options,
			struct md_error *err);

/** Whom other connections to the same file must ask (core/db/wal_owner.h). */
struct md_wal_owner *md_db_wal_owner(struct md_db *db);
/** What is told to the log of statements and of the pool: enum md_echo. Any thread. */
void md_db_echoes(const struct md_db *db, unsigned *ret_echo, unsigned *ret_echo_pool);

const struct md_dialect *md_db_dialect(const struct md_db *db);
unsigned md_db_features(const struct md_db *db);
/** Writes wait for one another, whatever they write. */
bool md_db_has_one_writer(const struct md_db *db);
/** The url without its password, for messages. */
const char *md_db_label(const struct md_db *db);

/** Introspect on a connection of its own. Blocking: start-up and reload helper only, any thread. */
enum md_code md_db_catalog(struct md_db *db, struct md_arena *arena,
			   const struct md_catalog **ret_catalog, struct md_error *err);

/** Join with a loop, on its thread (or before it runs). Opens the inline connection. */
enum md_code md_db_join(struct md_db *db, struct md_reactor *home, struct md_db_loop **ret_loop,
			struct md_error *err);
/** Leave; the loop has no unit in flight. NULL is fine; returns NULL. */
struct md_db_loop *md_db_leave(struct md_db_loop *loop);

/** Whether the engine gives moments in a time zone that a session chooses. */
bool md_db_has_time_zones(const struct md_db *db);
/** A text for md_unit.prelude that has the unit run in this time zone, beside what every unit runs
 * with. The caller has checked what the zone is made of. In `arena`; NULL: no memory. Engines with
 * time zones only. */
const char *md_db_zone_prelude(const struct md_db_loop *loop, struct md_str zone,
			       struct md_arena *arena);

/** Short reads share a connection: how long one took tells nothing about its plan. */
bool md_db_is_shared(const struct md_db_loop *loop);

enum md_lane {
	MD_LANE_INLINE, /* bounded read: on the loop, inside the turn's snapshot; over its budget it
			   moves to a reader by itself */
	MD_LANE_OWN,    /* any other read: a reader thread */
	MD_LANE_WRITE   /* MD_TX_WRITE: the writer thread, which commits whatever waits together.
			   The unit must not pause. Needs MD_DB_ONE_WRITER */
};
/** Start a unit on a lane; home loop only. True: it is already done (done() has been called before
 * the return). Never fails and never blocks: failure arrives in done(). */
bool md_db_run(struct md_db_loop *loop, struct md_unit *unit, enum md_lane lane);
/** Go on after paused(); home loop only. */
void md_db_resume(struct md_db_loop *loop, struct md_unit *unit);
/** Client gone or deadline passed: the unit ends soon with MD_CANCELLED, still through done(). Home
 * loop only. */
void md_db_cancel(struct md_db_loop *loop, struct md_unit *unit);

/** A write of ours is durable: snapshots opened before are old. Any thread; called before the write
 * is acknowledged. */
void md_db_note_commit(struct md_db *db);

/** Counters for metrics; any thread, each value is a consistent snapshot of its own. */
struct md_db_stats {
	uint64_t inline_reads, inline_over_budget, offloaded, snapshots, snapshot_renewals,
		prepares;
	uint64_t commits, writes, reruns; /* of the writer: commits, units committed by them, units
					     run again because a neighbour undid them */
	unsigned readers, readers_busy, waiting;
	unsigned writes_waiting;
	bool alive; /* the last attempt to use the database succeeded */
};
void md_db_stats(const struct md_db *db, struct md_db_stats *ret_stats);

/** The pool, as /-/pool shows it. SQLite's readers are counted the same way. */
struct md_pool_stats {
	unsigned size;
	int max_overflow;
	unsigned idle, in_use; /* connections lent to one request each */
	unsigned reserved;     /* for the connections that requests share */
	unsigned overflow, waiting;
	uint64_t opened, recycled, invalidated, timeouts, failures;
	uint64_t reruns; /* units that began again on another connection */
	double wait_ms_p50, wait_ms_p95, wait_ms_p99;
	bool alive; /* the last attempt to use the database succeeded */
};
void md_db_pool(const struct md_db *db, struct md_pool_stats *ret_stats);
#endif
