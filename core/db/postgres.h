/* Private to core/db/postgres*.c: one PostgreSQL connection in libpq's non-blocking pipeline mode.
 * It belongs to one loop; only md_pg_shared is seen by other threads (cancel(), cancel helpers).
 *
 * Every unit is a job. Jobs wait in `queue`, in order, and are sent into `flight`. What a job sends
 * is a list of steps, ended by a Sync; its results come in the same order, and the job owns all of
 * them up to the answer to its last Sync. Statements, rows or commands are never counted: after an
 * error, or with a deferred constraint, there are more or fewer results than statements.
 *
 *   queue ──► gather (next() until it stops) ──► flight: [BEGIN] [prelude] statements ─┐
 *     ▲                                            ▲        AFTER_ROWS: more statements │
 *     │ rerun without names                        └────────────────────────────────────┤
 *     └── Sync answered ◄── [ROLLBACK Sync] ◄── Sync answered ◄── [COMMIT|ROLLBACK] Sync ┘
 *              └──► done()
 *
 * A job with a bracket of its own (BEGIN) is alone in flight, because a transaction that failed
 * would take those behind it with it.
 *
 * On a connection that only reads and that requests share, what was pushed in one turn shares one
 * Sync: the last of such a group has it, and the others end with their own last result, for the
 * result of a read is final when it has come. When one fails, the server skips those behind it up
 * to the Sync. Nothing of them has been seen, and they begin again, each with a Sync of its own.
 * The server is asked for answers now and then, so that a slow read holds up few before it.
 *
 * Writes on such a connection share a Sync as well, and with it a commit: whatever was pushed while
 * the group before was on its way goes together. Nothing of it is done before the answer to that
 * Sync: units whose rows have come wait in `answered`. When anything in the group fails, all of it
 * was undone by the server, and every member begins again, each alone. */
#ifndef MD_CORE_DB_POSTGRES_H
#define MD_CORE_DB_POSTGRES_H
#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/db/driver.h"

enum {
	MD_PG_FLIGHT_MAX = 64, /* units sent and not yet answered */
	MD_PG_GROUP_MAX = 16,  /* of which so many reads may share a Sync */
	MD_PG_WRITES_MAX = 64, /* … and so many writes */
	MD_PG_HELD_MAX = 4,    /* statements whose answers the server may hold until then */
	MD_PG_SEEN = 1024,     /* statement ids remembered for their second use; power of two */
	MD_PG_CANCEL_AGAIN_MS = 200,  /* one that came before the statement began was lost */
	MD_PG_SHARED_GRACE_MS = 5000, /* for what runs on a shared connection to end */
	MD_PG_CANCEL_GRACE_MS = 2000  /* for a server to answer a cancel request */
};

enum md_pg_kind {
	MD_PG_BEGIN,
	MD_PG_PRELUDE,
	MD_PG_PREPARE,
	MD_PG_QUERY,
	MD_PG_OTHER, /* its result matters only when it is an error */
	MD_PG_COMMIT,
	MD_PG_SYNC
};
struct md_pg_step {
	enum md_pg_kind kind;
	unsigned call;       /* QUERY, PREPARE: index into calls */
	unsigned long id;    /* QUERY with a name, PREPARE: which name */
	unsigned generation; /* of that name */
};

struct md_pg_job {
	struct md_pg_job *next;
	struct md_unit *unit; /* NULL: our own business, or the unit has been ended already */
	struct md_call *calls;
	unsigned call_count, call_cap, call_sent;
	struct md_pg_step *steps;
	unsigned step_count, step_cap, step_at;
	enum md_next ending; /* what next() said last; CALL: it has not been asked */
	uint64_t pushed_ns, deadline_ns;
	uint64_t give_up_ns;      /* 0, or when the connection is given up for this job */
	uint64_t cancel_again_ns; /* with give_up_ns: when the cancel request is repeated */
	enum md_code stop; /* not MD_OK: cancelled or too late, and what it is to be called */
	bool writes;       /* one of the calls sent does */
	bool block;        /* in a bracket of its own */
	bool commits;      /* something that may make a write durable was sent */
	bool sync_sent;
	bool unnamed;      /* rerun: use no names */
	bool changed;      /* rerun: its result is not what it was when it was prepared */
	bool named;        /* a name was used or made */
	bool rerun_wanted; /* the error is one of forgotten names */
	bool shares;       /* sent as one of a group */
	bool grouped;      /* the Sync is that of a job behind it */
	bool aborted;      /* skipped by the server, as one before it in the group failed */
	bool alone;        /* rerun: in no group */
	bool heard;        /* of the present step */
	bool rows_given;   /* rows() has been called */
	bool asked;        /* for a result per row, for the present step */
	bool in_rows;      /* rows() is to be called again with the same cursor */
	bool paused;
	bool skip;             /* rows of the present step are not wanted any more */
	bool counted;          /* in md_conn.depth */
	bool vital;            /* our own business, without which the connection is of no use */
	struct md_error error; /* the first */
};

/** A statement on the server. */
struct md_pg_name {
	struct md_pg_name *chain;         /* in its hash bucket, or in the list of the doomed */
	struct md_pg_name *newer, *older; /* order of use */
	unsigned long id;
	unsigned generation;
};
struct md_pg_names {
	struct md_pg_name **buckets;
	unsigned mask, count, limit, generation;
	struct md_pg_name *newest, *oldest;
	struct md_pg_name *doomed; /* to be deallocated on the server */
	unsigned long seen[MD_PG_SEEN];
};

/** Arguments of the calls about to be sent, as text: first rendered, then pointed to. */
struct md_pg_binds {
	struct md_buf text;
	size_t *offsets; /* of each parameter in turn; SIZE_MAX: NULL */
	const char **values;
	unsigned count, cap;
};

/** What other threads may touch; lives as long as the last that needs it. */
struct md_pg_shared {
	atomic_int refs;
	atomic_int cancelling; /* helpers at work: no new unit is started */
	atomic_bool signalled; /* `wake` was written */
	atomic_bool attention; /* a unit was cancelled */
	int wake;              /* eventfd */
};

struct md_pg_cursor {
	struct md_rows rows; /* first */
	struct md_pg *pg;
	struct md_pg_job *job;
	PGresult *result;
	int row, row_count;
	bool streaming; /* a result per row */
	bool ended;
	struct md_value *cells;
	unsigned cell_cap;
};

enum md_pg_state { MD_PG_CONNECTING, MD_PG_SETTLING, MD_PG_READY, MD_PG_BROKEN };

struct md_pg {
	struct md_conn base; /* first */
	PGconn *db;
	const struct md_log *log; /* may be NULL */
	enum md_pg_state state;
	bool read_only;
	bool shared_use; /* by requests that must not be hit by a cancel request */
	bool groups;     /* units of one turn share a Sync */
	bool commits;    /* … which commits them: they write */
	bool unprepared; /* no names */
	const char *const *search_path;
	unsigned search_path_count;
	unsigned statement_timeout_ms, lock_timeout_ms;
	char *prelude; /* the last, and its id; NULL: none yet */
	unsigned long prelude_id;
	char *password; /* never to be told; NULL: none */
	int epoll, timer;
	int socket;        /* watched; -1: not */
	unsigned interest; /* epoll events of the socket */
	uint64_t timer_ns; /* 0: not armed */
	uint64_t connect_by_ns;
	struct md_pg_shared *shared;
	struct md_pg_job *queue, **queue_end;
	struct md_pg_job *flight, **flight_end;
	unsigned in_flight;
	struct md_pg_job *answered, **answered_end; /* of a group of writes */
	bool undone; /* the server has said that something failed in it */
	struct md_pg_job *spare;
	struct md_pg_names names;
	struct md_pg_binds binds;
	struct md_pg_cursor cursor;
	unsigned entered;      /* calls of ours on the stack: no second pump, no free */
	unsigned idle_answers; /* in a row, that said nothing: guard against running in circles */
	bool gone;             /* the server has said that it ends the session */
	bool closed;
	bool blocking; /* a thread waits for it: out of the pipeline, see postgres_block.h */
	char *schema;  /* to be introspected; NULL: the session's own */
	char *role;    /* whose rights are told, besides the session's; NULL: nobody's */
};

/* postgres_url.c */
/** Begin to connect. On failure nothing is left open. */
enum md_code md_pg_dial(struct md_pg *pg, const char *url, struct md_error *err);

/* postgres_error.c */
/** Fill `err` from a failed result. */
enum md_code md_pg_result_error(const struct md_pg *pg, const PGresult *result,
				struct md_error *err);
/** Fill `err` from libpq's own message about the connection; code UNAVAILABLE, or NOT_FOUND for a
 * database that is not there. */
enum md_code md_pg_conn_error(const struct md_pg *pg, struct md_error *err);
/** Whether the session is gone with this result. */
bool md_pg_is_fatal(const PGresult *result);

/* postgres_names.c */
enum md_code md_pg_names_init(struct md_pg_names *names, unsigned limit, struct md_error *err);
void md_pg_names_release(struct md_pg_names *names);
/** The name under which `id` is known, now the most recently used. NULL: it has none. */
struct md_pg_name *md_pg_names_find(struct md_pg_names *names, unsigned long id);
/** A name for a statement that deserves one: it is used for the second time. NULL: it does not, or
 * memory is out. The least recently used name may be doomed for it. */
struct md_pg_name *md_pg_names_add(struct md_pg_names *names, unsigned long id);
/** The server does not have it, or not as it should be (`doom`: it is to be deallocated). */
void md_pg_names_forget(struct md_pg_names *names, unsigned long id, unsigned generation,
			bool doom);
/** Write the name into `text`; `size` 48 is enough. */
void md_pg_name_text(unsigned long id, unsigned generation, char *text, size_t size);

/* postgres_binds.c */
/** Render the arguments of `count` calls. Nothing is left to fail when they are sent. */
enum md_code md_pg_binds_render(struct md_pg_binds *binds, const struct md_call *calls,
				unsigned count, struct md_error *err);
void md_pg_binds_release(struct md_pg_binds *binds);

/* postgres_cancel.c */
enum md_code md_pg_shared_new(struct md_pg_shared **ret_shared, struct md_error *err);
void md_pg_shared_unref(struct md_pg_shared *shared);
/** Wake the loop. Any thread. */
void md_pg_wake(struct md_pg_shared *shared);
/** Ask the server to stop what the session runs, on a thread of its own. */
void md_pg_cancel_running(struct md_pg *pg);

/* postgres_rows.c */
/** Start a cursor over `result` (taken) and give it to the unit of `job`. */
void md_pg_rows_begin(struct md_pg *pg, struct md_pg_job *job, PGresult *result);
/** Call rows() again with the same cursor. */
void md_pg_rows_again(struct md_pg *pg, struct md_pg_job *job);
/** Forget the cursor; rows that still come are skipped. */
void md_pg_rows_end(struct md_pg *pg, struct md_pg_job *job);

/* postgres_changed.c */
/** Whether its cells are what the plan of the statement takes them for. If not, the job has failed,
 * unless it has been made so. */
bool md_pg_rows_fit(struct md_pg *pg, struct md_pg_job *job, PGresult *result);

/* postgres_send.c */
struct md_pg_job *md_pg_job_new(struct md_pg *pg, struct md_unit *unit);
/** Keep it for the next unit. */
void md_pg_job_recycle(struct md_pg *pg, struct md_pg_job *job);
void md_pg_job_free(struct md_pg_job *job);
/** Send what may be sent. */
void md_pg_start(struct md_pg *pg);
/** Everything sent by the job, which has a bracket of its own, has been answered: go on or end. */
void md_pg_decide(struct md_pg *pg, struct md_pg_job *job);
/** The transaction is still open after a Sync: end it. */
void md_pg_send_rollback(struct md_pg *pg, struct md_pg_job *job);
/** The first thing in a session: settings. The state is SETTLING until they are answered. */
void md_pg_send_settings(struct md_pg *pg);
/** driver.put_role */
void md_pg_put_role(struct md_buf *sql, struct md_str role);
/** driver.put_zone */
void md_pg_put_zone(struct md_buf *sql, struct md_str zone);

/* postgres_job.c */
/** Take the results that are there. */
void md_pg_pump(struct md_pg *pg);
/** The job failed with this result, unless it has before. */
void md_pg_job_failed(struct md_pg *pg, struct md_pg_job *job, const PGresult *result);
/** The unit of a job ends. */
void md_pg_unit_done(struct md_pg *pg, struct md_pg_job *job, const struct md_error *err);
/** End the units that were cancelled or are too late, as far as that can be done now. Returns the
 * next time to look, 0 for none. */
uint64_t md_pg_check_units(struct md_pg *pg, uint64_t now_ns);
/** The connection is of no use any more: everything ends. `err` says why. */
void md_pg_lost(struct md_pg *pg, const struct md_error *err);
/** The same, for a reason that libpq knows. */
void md_pg_lost_conn(struct md_pg *pg);
#endif
