/* Private to core/db/sqlite*.c: one SQLite connection. It belongs to one thread at a time (opened
 * with SQLITE_OPEN_NOMUTEX); only md_db_driver.cancel() comes from elsewhere, and touches nothing
 * but `running` under `cancel_lock`. */
#ifndef MD_CORE_DB_SQLITE_H
#define MD_CORE_DB_SQLITE_H
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/db/driver.h"

/** Why a running statement was stopped by us; SQLite itself only says "interrupted". */
enum md_sqlite_stop {
	MD_SQLITE_GO_ON,
	MD_SQLITE_CANCELLED,
	MD_SQLITE_TIMEOUT,
	MD_SQLITE_LOCK_TIMEOUT,
	MD_SQLITE_OVER_BUDGET
};

/** How the transaction around the unit was begun, and so how it ends. */
enum md_sqlite_bracket {
	MD_SQLITE_NO_BRACKET,
	MD_SQLITE_READ,
	MD_SQLITE_WRITE,
	MD_SQLITE_SAVEPOINT /* a write inside a transaction that the lane holds */
};

/** Transaction commands, prepared at first use and kept. */
enum md_sqlite_command {
	MD_SQLITE_BEGIN,
	MD_SQLITE_BEGIN_IMMEDIATE,
	MD_SQLITE_COMMIT,
	MD_SQLITE_ROLLBACK,
	MD_SQLITE_SAVE,
	MD_SQLITE_RELEASE,
	MD_SQLITE_ROLLBACK_TO,
	MD_SQLITE_COMMAND_COUNT
};

struct md_sqlite;

/** A prepared statement with its cursor: one allocation, reused by every run of the statement. */
struct md_sqlite_cursor {
	struct md_rows rows; /* first: what the unit sees */
	struct md_sqlite *sq;
	sqlite3_stmt *stmt;
	unsigned long id; /* 0: run once, freed when it ends */
	bool read_only;
	bool open;                      /* bound and not yet reset */
	bool fresh;                     /* open, and not stepped since */
	bool ended;                     /* END or FAIL has been told */
	bool stale;                     /* its columns no longer fit `cells`: prepare again */
	struct md_sqlite_cursor *chain; /* next in its hash bucket */
	struct md_sqlite_cursor *newer, *older; /* order of use */
	struct md_sqlite_cursor *open_next;     /* list of open cursors */
	struct md_value cells[];
};

/** Prepared statements by id: hash with chains, least recently used goes first. */
struct md_sqlite_cache {
	struct md_sqlite_cursor **buckets;
	unsigned mask, count, limit;
	struct md_sqlite_cursor *newest, *oldest;
};

struct md_sqlite {
	struct md_conn base;
	sqlite3 *db;
	const struct md_log *log;    /* may be NULL */
	bool read_only, wants_write; /* wants_write: read-only because the file is */
	enum md_durability durability;
	bool trusted; /* statements of the driver itself: the authorizer lets everything pass */
	uint64_t statement_timeout_ns, lock_timeout_ns, budget_ns;

	/* The unit in flight. */
	struct md_unit *unit;
	struct md_call call;
	struct md_sqlite_cursor *cursor; /* of `call`; NULL between calls */
	enum md_sqlite_bracket bracket;
	enum md_sqlite_stop stop;
	uint64_t statement_end_ns, budget_end_ns; /* 0: none */
	uint64_t paused_ns, lock_since_ns;
	struct md_sqlite_cursor *open_list;

	struct md_lock cancel_lock; /* guards `running` */
	struct md_unit *running;    /* the unit that sqlite3_interrupt() would hit */

	struct md_sqlite_cache cache;
	sqlite3_stmt *commands[MD_SQLITE_COMMAND_COUNT];
};

/* sqlite_url.c */
/** The file that `url` names, percent-decoded, in `path`; ":memory:" for a database in memory. */
enum md_code md_sqlite_path(const char *url, char *path, size_t size, struct md_error *err);

/* sqlite_open.c */
enum md_code md_sqlite_connect(const struct md_conn_target *target, struct md_conn **ret_conn,
			       struct md_error *err);
void md_sqlite_close(struct md_conn *conn);
/** Something else stands where the connection's file was, or nothing. */
bool md_sqlite_has_moved(struct md_sqlite *sq);
/** Whether `path` and its folder can be written; if not, which of them. */
bool md_sqlite_may_write(const char *path, const char **ret_what);

/* sqlite_cursor.c */
bool md_sqlite_cache_init(struct md_sqlite_cache *cache, unsigned limit);
/** Finalize every statement. */
void md_sqlite_cache_release(struct md_sqlite_cache *cache);
/** Prepare (or find) the call's statement, bind its arguments and open its cursor. */
enum md_code md_sqlite_open_cursor(struct md_sqlite *sq, const struct md_call *call,
				   struct md_sqlite_cursor **ret_cursor, struct md_error *err);
/** End a cursor wherever it stands; a writing statement is run to its end first. */
enum md_code md_sqlite_close_cursor(struct md_sqlite_cursor *cursor, struct md_error *err);
/** Reset whatever is open. */
void md_sqlite_close_all(struct md_sqlite *sq);
/** True when the unit must stop now; `sq->stop` says why. */
bool md_sqlite_must_stop(struct md_sqlite *sq);

/* sqlite_errors.c */
/** Fill `err` from the connection's last error. `sql` (may be NULL) is the statement at fault. */
enum md_code md_sqlite_fail(struct md_sqlite *sq, int rc, const char *sql, struct md_error *err);
/** Fill `err` for a unit that we stopped. */
enum md_code md_sqlite_fail_stopped(enum md_sqlite_stop stop, struct md_error *err);

/* sqlite_functions.c */
/** Register the SQL functions that generated statements may use. */
int md_sqlite_add_functions(sqlite3 *db);

/* sqlite_query.c */
enum md_code md_sqlite_query(struct md_conn *conn, const struct md_db_query *query,
			     uint64_t *ret_changed, struct md_error *err);

/* sqlite_catalog.c */
enum md_code md_sqlite_catalog(struct md_conn *conn, struct md_arena *arena,
			       const struct md_catalog **ret_catalog, struct md_error *err);
#endif
