/* The tables in which a database remembers its migrations: _modeld_migrations with whole revisions
 * and the snapshots behind them, _modeld_lock with who is at it, _modeld_objects with what modeld
 * made and what it keeps of what was dropped. Texts of the engines stand in one table per engine.
 * One thread. */
#ifndef MD_CORE_MIGRATE_HISTORY_H
#define MD_CORE_MIGRATE_HISTORY_H
#include "core/migrate/revision.h"

struct md_db_schema;

enum md_history_state {
	MD_HISTORY_RUNNING, /* begun; steps_done of its steps are */
	MD_HISTORY_APPLIED,
	MD_HISTORY_FAILED,
	MD_HISTORY_ROLLED_BACK,
	MD_HISTORY_BASELINE, /* noted, not run */
	MD_HISTORY_REVERTING /* a rollback that has begun */
};
struct md_history_row {
	int64_t sequence;
	char revision[MD_REVISION_TEXT], parent[MD_REVISION_TEXT];
	char checksum[MD_CHECKSUM_TEXT];
	const char *message, *body, *snapshot; /* JSON texts */
	const char *started_at, *finished_at;  /* NULL: not finished */
	int64_t ms;
	unsigned steps, steps_done;
	enum md_history_state state;
	const char *error, *applied_by, *version;
};
struct md_history {
	const struct md_history_row *rows; /* in the order in which they were begun */
	unsigned count;
	bool exists; /* the table does */
	/** The newest row that holds: applied, baseline, running, failed or reverting; NULL: none.
	 */
	const struct md_history_row *current;
};
/** Read all. No table: none, and no failure. */
enum md_code md_history_read(struct md_db_schema *schema, struct md_arena *arena,
			     struct md_history *ret_history, struct md_error *err);
/** Make the tables that are missing. */
enum md_code md_history_prepare(struct md_db_schema *schema, struct md_error *err);
/** Add a row, or begin one again (same revision, not applied): sequence is returned in it. With the
 * state REVERTING: the row of a revision that was applied, or that is half. What is NULL in `row`
 * stays as it was. MD_CONFLICT, MD_HISTORY: it has been applied already, or there is nothing to
 * revert; MD_BUSY, MD_MIGRATING: somebody else begins it now. */
enum md_code md_history_begin(struct md_db_schema *schema, struct md_history_row *row,
			      struct md_error *err);
/** Note how far it is; in the transaction of the step itself where there is one. */
enum md_code md_history_step(struct md_db_schema *schema, int64_t sequence, unsigned steps_done,
			     struct md_error *err);
/** Note how it ended; `error` NULL: none. */
enum md_code md_history_end(struct md_db_schema *schema, int64_t sequence,
			    enum md_history_state state, int64_t ms, const char *error,
			    struct md_error *err);
/** Take rows away: of one revision, or all of them (NULL). For squash and stamp. */
enum md_code md_history_forget(struct md_db_schema *schema, const char *revision,
			       struct md_error *err);
/** Replace parent, checksum, message, body and snapshot of a row, found by its sequence; those that
 * are NULL stay. For repair. */
enum md_code md_history_amend(struct md_db_schema *schema, const struct md_history_row *row,
			      struct md_error *err);
/** "running", "applied" … as the table has it. */
const char *md_history_state_name(enum md_history_state state);

/** Something kept of what was dropped. */
struct md_kept {
	const char *table;  /* that it is in, or that it is, under its kept name */
	const char *column; /* NULL: a whole table */
	const char *was;    /* its name before: "user.bio", "user" */
	const char *revision, *since;
};
enum md_code md_history_kept(struct md_db_schema *schema, struct md_arena *arena,
			     const struct md_kept **ret_kept, unsigned *ret_count,
			     struct md_error *err);

/** The lock. On PostgreSQL it is an advisory lock of the session, so it ends with its holder; on
 * SQLite it is the row alone, and what keeps two from writing is the write transaction of each
 * revision. The row says who, and its heartbeat that he is alive. Dead is a holder on this host
 * whose process is gone, and one whose heartbeat is older than MD_LOCK_DEAD_S, unless its process
 * is known to be there, or its session is at work: a long statement has no time for heartbeats. */
enum { MD_LOCK_HEARTBEAT_S = 5, MD_LOCK_DEAD_S = 60 };
struct md_lock_holder {
	bool held, dead;
	bool mine; /* this connection has it */
	char owner[64], host[256], purpose[64], acquired_at[40], heartbeat_at[40];
	int64_t pid;
};
/** Take it, or tell who has it: MD_BUSY, MD_MIGRATING. Does not wait. Makes the tables that are
 * missing; not inside of a transaction. A dead holder is followed at once: ret_holder (may be NULL)
 * tells him then, and is not held when there was none. */
enum md_code md_history_lock(struct md_db_schema *schema, const char *owner, const char *purpose,
			     struct md_lock_holder *ret_holder, struct md_error *err);
/** MD_BUSY, MD_MIGRATING: it was taken away. */
enum md_code md_history_heartbeat(struct md_db_schema *schema, struct md_error *err);
/** Not held: fine. */
enum md_code md_history_unlock(struct md_db_schema *schema, struct md_error *err);
enum md_code md_history_holder(struct md_db_schema *schema, struct md_lock_holder *ret_holder,
			       struct md_error *err);
/** Take it away from whoever has it, dead or alive; PostgreSQL: ends his session. Nobody has it
 * then. `ret_holder` (may be NULL) tells who had it. */
enum md_code md_history_seize(struct md_db_schema *schema, struct md_lock_holder *ret_holder,
			      struct md_error *err);
#endif
