/* Private to core/db: what the lanes of one database share. A lane is engine-neutral; it knows
 * units, connections and threads. `db->lock` guards the reader threads, their queue and every unit
 * that is offloaded (unit->place); `writer.lock` guards the queue of writes. Neither is held while
 * the other is taken. */
#ifndef MD_CORE_DB_LANE_H
#define MD_CORE_DB_LANE_H
#include <pthread.h>
#include <stdatomic.h>

#include "core/base/lock.h"
#include "core/db/db.h"
#include "core/db/driver.h"
#include "core/db/pool.h"
#include "core/db/wal_owner.h"

/** A reader thread with its own connection; runs one unit at a time, also while that is paused. */
struct md_reader {
	struct md_db *db;
	pthread_t thread;
	pthread_cond_t wake;  /* resume or stop, while its unit is paused */
	struct md_conn *conn; /* opened by the thread with its first unit; NULL after it broke */
	struct md_unit *unit; /* guarded by db->lock */
	bool go;              /* guarded: resume was called */
	bool aside;           /* guarded: its client is slow; it does not count as one that runs */
	bool evicted;         /* guarded: somebody else needs its place */
	uint64_t paused_ns;   /* guarded: since when its unit has been paused */
	bool paused;          /* the thread's own */
	bool ended;           /* the thread's own: done() was called during push or resume */
};

enum { MD_GROUP_MAX = 256 };

/** A client that takes nothing of a stream for so long is slow: it is cut when others wait for what
 * it holds. */
enum { MD_SLOW_CLIENT_MS = 1000 };

/** A place in the writer's queue for somebody who wants to write on a connection of their own: when
 * its turn has come, the writer rests until it is returned. */
struct md_loan {
	struct md_unit unit; /* first: stands in the queue, never runs */
	bool granted;
	struct md_error error; /* why it never will be; MD_OK: it may */
};

/** The one thread that writes, with its own connection. What stands below `lock` up to `running` is
 * guarded by it, the rest is the thread's own. */
struct md_writer {
	struct md_lock lock;
	pthread_cond_t work; /* a unit was queued, or stop */
	struct md_unit *queue_head, **queue_tail;
	unsigned waiting, limit;
	bool started, stop;
	struct md_unit *running; /* what the connection works on now: cancel may interrupt it */
	struct md_loan *lent;    /* who writes in its place */
	pthread_cond_t loans;    /* a loan was granted, refused or returned */

	pthread_t thread;
	struct md_conn *conn; /* opened with the first write; NULL after it broke */
	uint64_t seen_prepares;
	uint64_t group_ns; /* the longest that the first of a group waits for the last */
	struct md_unit *group[MD_GROUP_MAX];
	unsigned count;
	atomic_uint_fast64_t commits, members, reruns;
};

struct md_db {
	const struct md_db_driver *driver;
	char *url, *label, *schema, **search_path;
	struct md_log log;
	struct md_conn_target target;
	struct md_wal_owner wal_owner;
	struct md_db_options options;
	atomic_uint_fast64_t commits; /* read-your-writes: moved by md_db_note_commit() */

	struct md_lock lock;
	pthread_cond_t work; /* a unit was queued, or stop */
	struct md_unit *queue_head, **queue_tail;
	struct md_reader *readers;
	unsigned reader_room;  /* of `readers` */
	unsigned reader_count; /* that may run now; those beyond it rest */
	unsigned reader_spare; /* threads beyond it, in the place of those that are set aside */
	unsigned started, idle, aside, waiting;
	bool stop;
	struct md_writer writer;
	struct md_held *held; /* threads of sessions, idle; guarded by `lock` */
	unsigned held_count;

	atomic_uint_fast64_t replaced; /* connections that found their file replaced */
	/* Engines that are not MD_DB_BLOCKING: core/db/lane_pipe.h. */
	struct md_pool pool;
	unsigned lanes;                /* loops that may have connections of their own */
	atomic_uint joined;            /* loops so far */
	_Atomic(const char *) prelude; /* of every unit; NULL: none */
	_Atomic(const char *) role;    /* that is in it; NULL: none */
	struct md_db_text *texts;      /* what they have pointed to; freed at the end */
	atomic_uint pool_timeout_ms, pool_recycle_ms, pool_idle_ms, end_timeout_ms;
	atomic_uint echo, echo_pool; /* enum md_echo */

	atomic_uint_fast64_t inline_reads, over_budget, offloaded, snapshots, renewals, prepares;
	atomic_bool alive;
};

struct md_pipes;

struct md_db_loop {
	struct md_db *db;
	struct md_reactor *home;
	struct md_pipes *pipes; /* not MD_DB_BLOCKING: its connections, and none of the following */
	struct md_conn *conn;
	struct md_turn_hook turn_end;
	bool snapshot_open;
	uint64_t snapshot_commits; /* db->commits when the snapshot was opened */
	uint64_t seen_prepares;
	uint64_t looked_ns;     /* when the inline connection was last asked whether it is stale */
	uint64_t seen_replaced; /* db->replaced at that time */
	enum md_inline_end *inline_end; /* where the inline unit now running tells how it ended */
};
enum md_inline_end { MD_INLINE_RUNNING, MD_INLINE_DONE, MD_INLINE_MOVED };

/** Lane of inline reads: run now, inside the turn's snapshot. Answers as md_db_run(). */
bool md_lane_inline_run(struct md_db_loop *loop, struct md_unit *unit);
/** End of the turn: close the snapshot. */
void md_lane_inline_end_turn(struct md_turn_hook *hook);

/** Lane of reader threads: queue the unit; starts a thread when none is idle and there may be one
 * more. */
void md_lane_readers_run(struct md_db_loop *loop, struct md_unit *unit);
void md_lane_readers_resume(struct md_db_loop *loop, struct md_unit *unit);
void md_lane_readers_cancel(struct md_db_loop *loop, struct md_unit *unit);
/** Have so many of them at most run from now on, and `spare` more wait for slow clients. Any
 * thread. */
void md_lane_readers_resize(struct md_db *db, unsigned count, unsigned spare);
/** Stop and join all threads; their queue is empty. */
void md_lane_readers_stop(struct md_db *db);

/** Lane of the writer: queue the unit; the first one starts the thread. */
void md_lane_writer_run(struct md_db_loop *loop, struct md_unit *unit);
void md_lane_writer_cancel(struct md_db_loop *loop, struct md_unit *unit);
void md_lane_writer_init(struct md_writer *writer, unsigned limit);
/** Stop and join the thread; its queue is empty. */
void md_lane_writer_stop(struct md_db *db);
/** Wait until the writer rests, so that the caller may write on another connection. Blocking; not
 * on a loop. MD_TIMEOUT after `deadline_ns` (0: none) or the longest wait in the queue,
 * MD_CANCELLED when `cancelled` was set and md_lane_writer_wake() called. */
enum md_code md_lane_writer_borrow(struct md_db *db, struct md_loan *loan, uint64_t deadline_ns,
				   const _Atomic(bool) *cancelled, struct md_error *err);
/** The writer goes on. */
void md_lane_writer_return(struct md_db *db);
/** Have those who wait for a loan look whether they still want it. Any thread. */
void md_lane_writer_wake(struct md_db *db);

/** A lane's ops in front of the owner's: pass the call on. */
enum md_next md_lane_next(struct md_unit *unit, struct md_call *ret_call);
enum md_next md_lane_explain(struct md_unit *unit, struct md_call *ret_call);
/** For ops of lanes whose drivers have child statements. */
void md_lane_child(struct md_unit *unit, const struct md_call *call);
enum md_flow md_lane_rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows);
/** From a lane's thread: have the home loop finish the unit with unit->result. The last touch: once
 * the loop has it, the unit may be gone. */
void md_lane_post_done(struct md_unit *unit);
/** From a lane's thread: have the home loop hear that the unit has paused. */
void md_lane_post_paused(struct md_unit *unit);
/** Hand the unit back to its owner: restores its ops, then done(). Home loop. */
void md_lane_finish(struct md_unit *unit, enum md_code code);
/** True when `conn` may run a unit: neither broken nor stale. Says so in the log when the file was
 * replaced. */
bool md_lane_usable(struct md_db *db, struct md_conn *conn);
/** A connection for serving could not be opened: the log hears why, the client MD_UNAVAILABLE,
 * PGRST000. */
enum md_code md_lane_fail_connect(struct md_db *db, struct md_error *err);
/** Note in db->alive what an attempt to use the database told. */
void md_lane_note(struct md_db *db, enum md_code code);
#endif
