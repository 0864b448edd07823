/* The piece of work: everything one request does in one transaction. It is handed to the database
 * side whole, not statement by statement, because on SQLite it runs inside one savepoint on another
 * thread and may not come back to the loop between two statements.
 *
 * Life: the owner fills ops, tx, deadline and submits it (md_db_run, or a driver's push in
 * tests). From then until done() it belongs to the database side:
 *
 *   next() ──┬─ CALL ──► the statement runs ──► rows() ──┬─ ON ──► next() …
 *            │                                           ├─ PAUSE ──► paused() on the home loop
 *            │                 rows() again ◄── md_db_resume() ◄── … when it may go on
 *            │                                           └─ ABORT ──► all is rolled back ──► done()
 *            └─ COMMIT, ROLLBACK ──► the bracket is closed ──► done()
 *
 * next() and rows() run on the executing thread (loop, reader, writer) and may touch only the unit
 * and what travels with it: one owner at a time. done() and paused() run on the home loop. */
#ifndef MD_CORE_DB_UNIT_H
#define MD_CORE_DB_UNIT_H
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/reactor.h"
#include "core/db/rows.h"
#include "core/db/value.h"

struct md_unit;

/** What the plan of a statement takes a cell of its rows for: how it is written depends on that. */
enum md_expect {
	MD_EXPECT_ANY,
	MD_EXPECT_NUMBER,
	MD_EXPECT_BOOL,
	MD_EXPECT_JSON,
	MD_EXPECT_TIMESTAMP,
	MD_EXPECT_TEXT /* none of those */
};

/** A statement of a plan: immutable, prepared once per connection under `id`, dropped when it falls
 * out of the cache. */
struct md_stmt {
	unsigned long
		id; /* unique in the process for ever: md_stmt_next_id(). 0: run once, never kept */
	const char *sql; /* NUL-terminated; placeholders as the dialect writes them */
	unsigned params;
	const unsigned *param_types; /* engine type ids; NULL: let the engine infer */
	const bool *secret;          /* parameters whose values nobody may see; NULL: none */
	bool returns_rows, writes;
	bool solo;    /* it counts in settings of the transaction: nobody else may share that */
	bool trusted; /* a text of our own that changes what tables there are */
	/** enum md_expect of the first `cell_count` cells of a row, for engines whose results tell
	 * their types: other ones mean that a table has changed since it was planned. */
	const unsigned char *cells;
	unsigned cell_count;
};
/** One execution. `args` (stmt->params of them) live until the unit is done. */
struct md_call {
	const struct md_stmt *stmt;
	const struct md_value *args;
	const void *tag; /* the unit's own business */
};

/** How the executing side brackets the unit's statements. */
enum md_tx {
	MD_TX_IMPLICIT, /* no bracket of its own: one statement, or the engine's implicit group
			   (PostgreSQL: until Sync) */
	MD_TX_READ,     /* all statements see one snapshot; nothing may be written */
	MD_TX_WRITE,    /* BEGIN … COMMIT or ROLLBACK */
};
enum md_next {
	MD_NEXT_CALL,       /* run *ret_call */
	MD_NEXT_AFTER_ROWS, /* ask again when the rows of the calls so far have been consumed
			       (pipelining drivers) */
	MD_NEXT_COMMIT,     /* done: commit what there is */
	MD_NEXT_ROLLBACK    /* done: undo, and report MD_OK (dry run) or unit->error.code when it is
			       set */
};
enum md_flow {
	MD_FLOW_ON,    /* rows consumed to the end, or the rest is not wanted */
	MD_FLOW_WAIT,  /* the next row is not there yet (MD_STEP_WAIT); call again when it is */
	MD_FLOW_PAUSE, /* no room: stop until md_db_resume() */
	MD_FLOW_ABORT  /* unit->error says why; roll back */
};

struct md_unit_ops {
	enum md_next (*next)(struct md_unit *unit, struct md_call *ret_call);
	/** Consume the rows of `call`. Called once per call even when there are none; again after
	 * PAUSE or WAIT with the same cursor. For statements that return no rows the cursor is
	 * empty. */
	enum md_flow (*rows)(struct md_unit *unit, const struct md_call *call,
			     struct md_rows *rows);
	/** A piece is ready and the unit waits for md_db_resume(). Home loop. NULL: the unit
	 * never pauses. */
	void (*paused)(struct md_unit *unit);
	/** The end: MD_OK after COMMIT is durable, otherwise everything is undone and unit->error
	 * says why. Home loop; the last touch by the database side. */
	void (*done)(struct md_unit *unit, enum md_code code);
	/** Start over: what rows() has produced is void, next() begins again. Called on the home
	 * loop when an inline read ran over its budget and is given to a reader, and on the
	 * writer's thread when a neighbour undid the group. NULL: the unit cannot be rerun, so it
	 * is never run inline nor in a group. */
	void (*reset)(struct md_unit *unit);
	/** For engines that tell less than PostgreSQL does: a constraint stood against the unit,
	 * which has been undone, and unit->error and unit->violated say all that is known. Make
	 * unit->error better; until then give calls that only read, as next() does (MD_NEXT_CALL;
	 * their rows go to rows()). Anything else ends it, and so does a call that fails, which
	 * nobody hears of: rows() must not touch unit->error here. Executing thread, before
	 * done(). NULL: the error stays as it is. */
	enum md_next (*explain)(struct md_unit *unit, struct md_call *ret_call);
	/** A child statement (md_rows.child) is about to run. Of lanes, for drivers that have such;
	 * executing thread. NULL: nobody wants to know. */
	void (*child)(struct md_unit *unit, const struct md_call *call);
};
enum { MD_VIOLATED_MAX = 512 };
struct md_unit {
	const struct md_unit_ops *ops;
	enum md_tx tx;
	const char *prelude;  /* PostgreSQL: role and claims by set_config; NULL: none */
	uint64_t deadline_ns; /* 0: none. Passed: ends with MD_TIMEOUT, 57014 */
	bool alone; /* a write whose cost has no bound (UPDATE without a unique key, a large body):
		       a transaction of its own, in which its deadline holds */
	bool postpones; /* SQLite, MD_TX_WRITE outside of sessions: what its rows refer to may come
			   later; foreign keys are looked at when it ends */
	uint64_t changes;        /* rows changed by the last call, set before rows() */
	bool sent;               /* false: nothing reached the server, so a retry is safe */
	_Atomic(bool) cancelled; /* set by cancel; drivers look at it between rows */
	struct md_error error;
	/** What the engine calls the constraint of unit->error: PostgreSQL's name of it; SQLite's
	 * "table.column, table.column", "index 'name'", or a CHECK's name or text. "" when there is
	 * nothing. */
	char violated[MD_VIOLATED_MAX];
	/* For whoever owns the unit now: queues of lanes and drivers. A lane puts its own ops in
	 * front of the owner's. */
	struct md_unit *link;
	struct md_task task, pause_task;
	struct md_timer timer;
	const struct md_unit_ops *owner_ops;
	void *lane;                 /* the loop's place at the database */
	void *place;                /* reader thread or connection that has it; NULL: queued */
	struct md_reactor *home;    /* of a unit that waits for a connection */
	struct md_session *session; /* keeps the connection when the unit has ended well; NULL */
	bool on_writer;             /* it went to the writer's lane, not to the readers */
	uint64_t queued_ns;         /* when it was given to the writer, or began to wait */
	unsigned char asked;        /* enum md_lane */
	unsigned char stage;        /* where it is: core/db/lane_pipe.h */
	bool echoed;                /* its beginning has been told to the log */
	bool starting;              /* md_db_run() has not returned */
	bool retried;               /* its connection was lost and it began again */
	bool slow;     /* it did not fit on the lane of short work and began again elsewhere; its
			  plan should be remembered as such. Tell by it in done() */
	bool streamed; /* a piece of it has been given away: it cannot begin again */
	enum md_code result; /* on its way to done() */
};

/** When a commit is on the disk. Everything but MD_DURABLE is for tests and benchmarks: what was
 * acknowledged may be lost with the power. */
enum md_durability {
	MD_DURABLE,       /* before it is acknowledged */
	MD_DURABLE_LATER, /* some time; the database stays whole */
	MD_DURABLE_NEVER  /* when the system likes; the database may be damaged */
};

/** A fresh statement id. Any thread. */
unsigned long md_stmt_next_id(void);
#endif
