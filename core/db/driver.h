/* Private to core/db and its tests: what an engine provides.
 * A driver knows one CONNECTION. What stands above it, engine-neutral and chosen by feature bits,
 * never by name, are the lanes (core/db/lane_*.c): inline reads with the turn's snapshot, reader
 * threads and the writer for engines that block, pipes and their pool for those that do not. A
 * connection belongs to one thread at a time (its loop, or the lane thread that runs a unit on it);
 * only cancel() may be called from elsewhere. */
#ifndef MD_CORE_DB_DRIVER_H
#define MD_CORE_DB_DRIVER_H
#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/db/unit.h"

struct md_catalog; /* core/db/catalog.h */
struct md_dialect; /* core/db/dialect.h */

enum md_db_feature {
	MD_DB_BLOCKING =
		1u << 0, /* push() returns when the unit is done or paused; runs on lane threads */
	MD_DB_PIPELINE = 1u << 1,   /* several units may be in flight on one connection */
	MD_DB_ONE_WRITER = 1u << 2, /* writes go to one thread, grouped into one commit */
	MD_DB_NESTED = 1u << 3,     /* md_rows.child works: to-many embeds as child statements */
	MD_DB_RETURNING = 1u << 4,
	MD_DB_UPSERT = 1u << 5,
	MD_DB_LATERAL = 1u << 6,
};

struct md_wal_owner;

/** Where and how to connect. Borrowed during connect() only. */
struct md_conn_target {
	const char *url; /* as configured; the driver parses its own form */
	bool read_only;
	bool create; /* make a file that is missing; not with read_only */
	unsigned statement_timeout_ms, lock_timeout_ms; /* 0: none */
	unsigned statement_cache;      /* prepared statements kept per connection; 0: default 256 */
	bool keep_journal;             /* SQLite: do not switch an existing file to WAL */
	enum md_durability durability; /* for engines that run in this process */
	struct md_wal_owner *wal_owner; /* SQLite: shared by all connections; may be NULL */
	bool shared;     /* requests share it: never ask the server to stop what runs */
	bool unprepared; /* no named statements */
	const char *const *search_path; /* NULL: as the server has it */
	unsigned search_path_count;
	const struct md_log *log; /* may be NULL; must outlive the connection */
	const char *schema; /* whose tables are served, for engines with several; NULL: the one in
			       which the session makes tables */
	const char *role;   /* for catalog(): whose rights to tell; NULL: the session's alone */
};

struct md_conn; /* drivers embed it as their first member */

/** A statement for query(), see md_db_schema_query(). */
struct md_db_query {
	const char *sql;
	const char *const *params; /* texts; NULL: null */
	unsigned param_count;
	/** May be NULL. The connection is taken while it is called. */
	enum md_code (*each)(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err);
	void *ctx;
};

struct md_db_driver {
	const char *engine; /* its name, see core/base/engine.h */
	const struct md_dialect *dialect;
	unsigned features; /* before connecting; md_conn.features is what this server can do */

	/** BLOCKING engines connect here; others begin to and finish in process(): units may be
	 * pushed at once and wait. */
	enum md_code (*connect)(const struct md_conn_target *target, struct md_conn **ret_conn,
				struct md_error *err);
	/** Never blocks. Units in flight end with MD_UNAVAILABLE, or MD_UNCERTAIN for writes that
	 * were sent. */
	void (*close)(struct md_conn *conn);
	/** Run a unit. Cannot fail: failure arrives by done(). A driver calls done() and paused()
	 * itself, on its own thread; for BLOCKING drivers the lane has replaced them by ones that
	 * post to the home loop. */
	void (*push)(struct md_conn *conn, struct md_unit *unit);
	/** Go on after PAUSE. */
	void (*resume)(struct md_conn *conn, struct md_unit *unit);
	/** Any thread; may come too late. The unit ends with MD_CANCELLED. On a pipelined
	 * connection its results are drained and dropped, neighbours are not touched. */
	void (*cancel)(struct md_conn *conn, struct md_unit *unit);
	/** BEGIN, SAVEPOINT, COMMIT and the like; constant texts of ours, or DDL. Blocking; engines
	 * that are not MD_DB_BLOCKING: on a connection of its own, never on a loop, and no unit is
	 * pushed from then on. */
	enum md_code (*command)(struct md_conn *conn, const char *sql, struct md_error *err);
	/** One statement, with an answer; under the conditions of command(). */
	enum md_code (*query)(struct md_conn *conn, const struct md_db_query *query,
			      uint64_t *ret_changed, struct md_error *err);
	/** For command(): a transaction that holds the lock for writing from its beginning; of
	 * engines with many writers, the one for changes of the schema. */
	const char *begin_write;
	/** What the database contains, into `arena`. Blocking; on a connection of its own, never on
	 * a loop. */
	enum md_code (*catalog)(struct md_conn *conn, struct md_arena *arena,
				const struct md_catalog **ret_catalog, struct md_error *err);

	/* Engines that are not MD_DB_BLOCKING; NULL otherwise. */
	int (*fd)(const struct md_conn *conn); /* -1: none now. May change in process() (reconnects
						  do not happen here) */
	unsigned (*wants)(const struct md_conn *conn); /* MD_READ | MD_WRITE */
	/* Deadlines and cancel() make the fd ready, too: nobody needs a timer for them. */
	void (*process)(struct md_conn *conn,
			unsigned events); /* reads, calls ops, finishes units */
	/** The end of the turn: what push() has left until then, because the connection was at
	 * work anyway, is sent together. */
	void (*flush)(struct md_conn *conn);

	/* Engines that are MD_DB_BLOCKING; NULL otherwise. */
	/** For the units that follow: stop one that takes longer with MD_BUSY, so that it can be
	 * rerun on a reader. 0: off. */
	void (*set_budget)(struct md_conn *conn, uint64_t ns);
	/** Optional: what the connection has opened is no longer what its URL names: the file was
	 * replaced or removed, or could not be written and now can. Costs a system call. */
	bool (*is_stale)(struct md_conn *conn);

	/** Optional: text for md_unit.prelude that runs the unit as `role`. */
	void (*put_role)(struct md_buf *sql, struct md_str role);
	/** Optional: the same for a time zone, as the only text (`sql` is empty) or behind that of
	 * a role. */
	void (*put_zone)(struct md_buf *sql, struct md_str zone);

	/** Optional: url of a new, empty database in memory. */
	const char *scratch_url;

	/* Engines that are MD_DB_ONE_WRITER: between command(begin_write) and
	 * COMMIT a unit with MD_TX_WRITE runs in a savepoint of its own, without a deadline: when
	 * it fails, only it is undone, unless in_transaction() says otherwise. Checks that the
	 * engine would leave to COMMIT are made at its end. */
	/** False: there is none, or a failure has undone all of it. Of other engines: of a
	 * connection that command() or query() was called on. */
	bool (*in_transaction)(const struct md_conn *conn);
};

struct md_conn {
	const struct md_db_driver *driver;
	unsigned features;
	unsigned depth; /* units in flight */
	uint64_t born_ns,
		head_ns;   /* recycle; submission of the oldest unit in flight: spill rule */
	uint64_t prepares; /* statements prepared so far */
	uint64_t changes;  /* statements so far whose table had changed since they were prepared */
	bool broken;       /* takes no more units; close it */
	bool held; /* it is in a transaction of several units, which come one at a time: each runs
		      in a savepoint, and what the engine checks at COMMIT is left to that */
};

/** The driver for the engine that md_engine_of_url() tells. NULL: none built in. */
const struct md_db_driver *md_db_driver_find(const char *url);

extern const struct md_db_driver md_sqlite_driver;
#ifdef MD_HAVE_POSTGRES
extern const struct md_db_driver md_postgres_driver;
#endif
#endif
