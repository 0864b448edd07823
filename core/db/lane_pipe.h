/* Private to core/db: the lanes of engines that are not MD_DB_BLOCKING. Everything of a loop runs
 * on that loop; what loops share is the pool (core/db/pool.h) and the database's options.
 *
 * A pipe is a connection at its place in a loop. A loop may have two that its requests share, the
 * fast lane: one that only reads and, from its first write on, one that writes. The others are
 * sessions, the own lane: lent to one unit at a time, counted and queued for by the pool, and
 * handed from loop to loop when somebody elsewhere waits.
 *
 *   short read, short write ──► fast lane ──┬──► done
 *                                  │        └─ too slow, too large, a lock: begins again ──┐
 *                                  └─ stalled or full ──┐                                  │
 *   any other unit ─────────────────────────────────────┴──► pool ──► session ──► done ◄───┘
 *
 * When a connection cannot be opened the loop is `down`: one attempt at a time, units wait for its
 * outcome and share it. */
#ifndef MD_CORE_DB_LANE_PIPE_H
#define MD_CORE_DB_LANE_PIPE_H
#include "core/db/echo.h"
#include "core/db/lane.h"
#include "core/db/pool.h"

/** What a pipe is for; READ and WRITE are indices of md_pipes.fast. */
enum md_pipe_kind { MD_PIPE_READ, MD_PIPE_WRITE, MD_PIPE_SESSION };

/** Where a unit is: md_unit.stage. */
enum md_stage {
	MD_AT_OWNER,
	MD_AT_POOL,    /* in its queue, or granted and on the way back */
	MD_AT_PARKED,  /* the database is down; waits for the next attempt */
	MD_AT_SESSION, /* a session is its, but does not stand yet */
	MD_AT_WORK,    /* the driver has it */
	MD_AT_END      /* done() is posted */
};

struct md_pipe {
	struct md_source source; /* first */
	struct md_pipes *pipes;  /* the loop it is at */
	struct md_conn *conn;
	enum md_pipe_kind kind;
	bool opening; /* the connection does not stand yet */
	bool failed;  /* it never will */
	bool pinging; /* asked whether it is still alive */
	bool idle;    /* on the list of idle ones */
	bool retired; /* too old: takes no more units, closed when it is empty */
	bool doomed;  /* to be closed */
	bool listed, dirty;
	bool slow;            /* the client of its unit is: somebody who waits may have its place */
	bool cut;             /* … and its unit is being ended for that */
	bool claimed;         /* … for one who waits: md_pool_claim() */
	uint64_t paused_ns;   /* its unit has been paused since */
	struct md_unit hello; /* ends when the connection stands, or answers to a ping */
	struct md_unit *unit; /* SESSION: whose it is */
	struct md_session *session;      /* … and who keeps it between units; NULL: nobody */
	uint64_t recycle_ns;             /* when it is too old; 0: never */
	uint64_t idle_ns;                /* idle since */
	uint64_t moved_ns;               /* the last time it finished a unit, or was empty */
	uint64_t prepares, changes;      /* of which the database knows */
	struct md_pipe *next, *previous; /* all of the loop */
	struct md_pipe *under;           /* idle ones, the last used first */
	struct md_pipe *todo;            /* to be looked at when no driver is on the stack */
	struct md_pipe *dirty_next;      /* to be flushed at the end of the turn */
};

struct md_pipes {
	struct md_db_loop *loop;
	struct md_db *db;
	struct md_pool_place place;
	bool has_fast, leaving, down;
	struct md_pipe *fast[2];
	struct md_pipe *all, *idle, *todo, *dirty;
	struct md_pipe *probe; /* the attempt while down */
	unsigned opening;      /* sessions that do not stand yet */
	unsigned depth;        /* calls of the driver on the stack */
	struct md_unit *parked, **parked_end;
	struct md_timer retry, reaper;
	uint64_t delay_ns, failed_ns, told_ns; /* told_ns: the last refusal that was logged */
	uint64_t random;
	struct md_turn_hook turn_end;
};

/* lane_pipe.c: connections */
enum md_code md_pipes_new(struct md_db_loop *loop, struct md_pipes **ret_pipes,
			  struct md_error *err);
struct md_pipes *md_pipes_free(struct md_pipes *pipes);
/** Open one more connection. A session has its slot. NULL: it failed, which has been noted. */
struct md_pipe *md_pipe_open(struct md_pipes *pipes, enum md_pipe_kind kind, struct md_error *err);
/** Close it soon. It is on no list but that of all any more. */
void md_pipe_doom(struct md_pipe *pipe);
/** Look at it when no driver is on the stack: close it, or give it back. */
void md_pipe_list(struct md_pipe *pipe);
/** Give the unit to the driver. */
void md_pipe_push(struct md_pipe *pipe, struct md_unit *unit);
void md_pipe_resume(struct md_pipe *pipe, struct md_unit *unit);
void md_pipe_cancel(struct md_pipe *pipe, struct md_unit *unit);
/** Take what has come; it may be broken then. */
void md_pipe_look(struct md_pipe *pipe);
/** A session (core/db/session.h) keeps the pipe of its unit that is ending. */
void md_pipe_keep(struct md_pipe *pipe, struct md_session *session);
/** … and has no use for it any more. */
void md_pipe_give_back(struct md_pipe *pipe);
/** Ask it whether it is alive; hello ends. */
void md_pipe_ping(struct md_pipe *pipe);
/** Too old, or older than a loss. */
bool md_pipe_is_stale(const struct md_pipe *pipe);
/** Between calls from outside: nothing is looked at before the last md_pipes_leave(). */
void md_pipes_enter(struct md_pipes *pipes);
void md_pipes_leave(struct md_pipes *pipes);
/** Wait until `conn` stands and has run `prelude` (may be NULL). Blocking: start-up only. */
enum md_code md_lane_greet(struct md_conn *conn, const char *prelude, struct md_error *err);
/** Let go of it: the loop does not watch it any more. Take it over at another loop. */
void md_pipe_detach(struct md_pipe *pipe);
void md_pipe_attach(struct md_pipes *pipes, struct md_pipe *pipe);
/** Between 0 and `below`. */
uint64_t md_pipes_random(struct md_pipes *pipes, uint64_t below);

/* lane_retry.c: when the database does not answer */
/** An attempt to connect failed. */
void md_pipes_failed(struct md_pipes *pipes, struct md_pipe *pipe, const struct md_error *err);
/** The server has refused one more, but answers, and others stand. */
void md_pipes_refused(struct md_pipes *pipes, const struct md_error *err);
/** A connection stands. */
void md_pipes_up(struct md_pipes *pipes);
/** Down: let the unit wait for the next attempt. */
void md_pipes_park(struct md_pipes *pipes, struct md_unit *unit);
/** False: it is not parked. */
bool md_pipes_unpark(struct md_pipes *pipes, struct md_unit *unit);
void md_pipes_retry(struct md_timer *timer);

/* lane_fast.c, lane_own.c: units */
void md_lane_fast_run(struct md_pipes *pipes, struct md_unit *unit, enum md_pipe_kind kind);
void md_lane_own_run(struct md_pipes *pipes, struct md_unit *unit);
/** A session for it without waiting; false: none. */
bool md_lane_own_try(struct md_pipes *pipes, struct md_unit *unit);
/** The session stands, or answered: go on with what it is for. */
void md_lane_own_ready(struct md_pipe *pipe);
/** It does not; its unit, if any, is refused or begins again (`again`). */
void md_lane_own_lost(struct md_pipe *pipe, bool again);
/** Nobody uses it: to the pool, to a unit that waits, or away. */
void md_lane_own_free(struct md_pipe *pipe);
/** Its unit goes on. */
void md_lane_own_resumed(struct md_pipe *pipe);
void md_lane_own_granted(struct md_task *task);
void md_lane_own_asked(struct md_task *task);

/* lane_units.c: from md_db_run() to the lanes, and back */
void md_pipes_run(struct md_pipes *pipes, struct md_unit *unit);
void md_pipes_resume(struct md_pipes *pipes, struct md_unit *unit);
void md_pipes_cancel(struct md_pipes *pipes, struct md_unit *unit);
/** Choose a lane, again. */
void md_pipes_place(struct md_pipes *pipes, struct md_unit *unit);
/** Start over: what it has produced is void. */
void md_pipes_rerun(struct md_pipes *pipes, struct md_unit *unit);
/** The end of a unit. */
void md_pipes_finish(struct md_pipes *pipes, struct md_unit *unit, enum md_code code);
void md_pipes_fail(struct md_pipes *pipes, struct md_unit *unit, const struct md_error *err);
/** It was lost with its connection: may it begin again? */
bool md_pipes_may_rerun(const struct md_unit *unit, enum md_code code);
/** Cancelled, or past its deadline. */
bool md_pipes_is_over(const struct md_unit *unit);
/** End a unit that is, and has not been sent. */
void md_pipes_fail_over(struct md_pipes *pipes, struct md_unit *unit);
/** Stop waiting at the deadline and, `pooled`, after the pool's timeout. */
void md_pipes_limit_wait(struct md_pipes *pipes, struct md_unit *unit, bool pooled);
/** What clients hear when there is no connection. */
void md_pipes_refusal(struct md_error *ret_err);

static inline struct md_pipes *md_pipes_of(const struct md_unit *unit)
{
	return ((struct md_db_loop *)unit->lane)->pipes;
}
#endif
