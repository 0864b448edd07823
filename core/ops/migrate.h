/* Migrations: revisions made of what changed in the models, applied, taken back, told about. All
 * verbs of `modeld db` and of /-/migrations are here; each answers with one JSON document, which
 * the command line shows as text and the HTTP surface as it is (docs/migrations.md).
 *
 * Where the truth is: what a database went through stands in the database (_modeld_migrations:
 * whole revisions and snapshots), what it is to go through in the folder of revision files, what
 * is wanted in the model definitions. Blocking; one thread per handle; not for a loop's thread.
 *
 * Failures of their own kind, by wire code (exit codes of the command line in brackets):
 *	MD_DATA_LOSS     MD_CONFLICT  consent by name is missing; details: JSON list of objects [6]
 *	MD_AMBIGUOUS     MD_CONFLICT  something went and something like it came: renamed? [7]
 *	MD_DATA          MD_CONFLICT  rows stand against it; details: JSON list of checks, keys [65]
 *	MD_HISTORY       MD_CONFLICT  a revision was changed, is missing, or is not known [5]
 *	MD_DRIFT         MD_CONFLICT  the database is not as the history says [4]
 *	MD_OUT_OF_ORDER  MD_CONFLICT  revisions beside each other that touch the same things [5]
 *	MD_IRREVERSIBLE  MD_CONFLICT  a step cannot be taken back [65]
 *	MD_PENDING       MD_CONFLICT  revisions are to be applied first [3]
 *	MD_REVISION      MD_NOT_FOUND there is no such revision, or too many begin like this [65]
 *	MD_MIGRATING     MD_BUSY      somebody else is at it; details say who and since when [75] */
#ifndef MD_CORE_OPS_MIGRATE_H
#define MD_CORE_OPS_MIGRATE_H
#include <jansson.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/migrate/change.h"

struct md_migrate;
struct md_wal_owner;

/** What is going on, for a terminal and the log. Texts are borrowed. Called at every step and every
 * second while one runs, then from another thread, but never from two at once. */
struct md_migrate_progress {
	const char *revision, *message;
	unsigned step, steps; /* of this revision; step counts from 1 */
	const char *what;
	double rows, rows_done; /* < 0: not known, or not counted */
	unsigned seconds;       /* since the step began */
	bool waiting;           /* for somebody else's lock: `what` says whose */
};
typedef void md_migrate_progress_fn(void *ctx, const struct md_migrate_progress *progress);

struct md_migrate_options {
	const char *url, *schema; /* schema: of PostgreSQL; NULL: the session's own */
	const char *folder;       /* of revision files; may be missing */
	const struct md_definitions *definitions; /* the models as they are now; NULL: not known */
	/** For a lock, before it is tried again. A server's tables are waited for in pieces of at
	 * most MD_LOCK_PIECE_MS: behind one who waits for a table everybody queues. */
	unsigned lock_timeout_ms;
	unsigned lock_wait_ms; /* for somebody else's migration */
	unsigned lock_tries;   /* of one step that finds its lock taken; 0: 30 */
	bool keep_journal;
	const char *who; /* applied_by: "cli:anna", "daemon"; NULL: the user of the process */
	md_migrate_progress_fn *progress; /* NULL: nobody wants to know */
	void *progress_ctx;
	const struct md_log *log;       /* may be NULL */
	struct md_wal_owner *wal_owner; /* of a database that is served; NULL: it is not */
};
/** All of it is borrowed until the handle is closed. Reads the folder; connects when a verb needs
 * it. MD_INVALID: a revision file is broken; MD_HISTORY: the folder does not agree with
 * migrations.sum. */
enum md_code md_migrate_open(const struct md_migrate_options *options,
			     struct md_migrate **ret_migrate, struct md_error *err);
/** NULL is fine; returns NULL. Gives up its locks. */
struct md_migrate *md_migrate_close(struct md_migrate *migrate);

/** Names of objects ("user.bio", "user") whose data may go, or all. */
struct md_consent {
	const char *const *names;
	unsigned count;
	bool all;
};

struct md_migrate_make {
	const char *message;
	const struct md_rename *renames;
	unsigned rename_count;
	bool no_renames;
	bool empty;   /* a revision without operations, to be written by hand */
	bool offline; /* against the newest revision file only; the database is not asked */
	bool check;   /* write nothing */
	struct md_consent consent; /* kept in the revision */
	bool allow_pending;        /* do not mind that the database is behind the folder */
};
/** makemigrations: {"changes":[text…],"revision":…,"file":…,"plan":…}; "changes":[] when there is
 * nothing to do, and no file then. */
enum md_code md_migrate_make(struct md_migrate *migrate, const struct md_migrate_make *how,
			     json_t **ret_document, struct md_error *err);

struct md_migrate_go {
	const char *to; /* "head", "+1", "-2", "base", a revision or its beginning; NULL: head, and
			   of rollback the one before */
	bool plan;      /* tell, do nothing */
	bool sql;       /* with the whole script in the answer */
	bool fake;      /* note as applied without running */
	bool rehearse;  /* run in a transaction that is rolled back */
	bool forget;    /* what is dropped is not kept */
	struct md_consent consent;
};
/** {"revisions":[{"revision","message","direction","steps":[{what, object, sql, lock, rewrites,
 * rows, reversible, risk, at_risk, kind}…],"checks":[…],"notes":[…],"ms":…}…],"applied":bool}; an
 * empty list when nothing is to be done. Nobody takes a lock then. */
enum md_code md_migrate_up(struct md_migrate *migrate, const struct md_migrate_go *how,
			   json_t **ret_document, struct md_error *err);
enum md_code md_migrate_down(struct md_migrate *migrate, const struct md_migrate_go *how,
			     json_t **ret_document, struct md_error *err);

/** The document of get_migration_status. "state": "up_to_date", "pending", "drift", "modified",
 * "unknown", "ahead", "failed", "none". `with_drift`: hold the database against the snapshot. */
enum md_code md_migrate_status(struct md_migrate *migrate, bool with_drift, json_t **ret_document,
			       struct md_error *err);
/** {"history":[{revision, down_revision, message, applied_at, ms, state…}…]}, the newest first. */
enum md_code md_migrate_history(struct md_migrate *migrate, json_t **ret_document,
				struct md_error *err);
/** One revision, file or database, with its operations as texts and JSON. */
enum md_code md_migrate_show(struct md_migrate *migrate, const char *revision,
			     json_t **ret_document, struct md_error *err);
/** Say that the database is at `revision` without running anything; NULL: at none. */
enum md_code md_migrate_stamp(struct md_migrate *migrate, const char *revision, bool purge,
			      json_t **ret_document, struct md_error *err);
/** All that could be wrong: files, chain, order, models against head, database against snapshot.
 * `replay`: also run everything from nothing up, down and up in an empty database. {"problems":
 * [{"kind","message","hint"}…],"ok":bool} */
enum md_code md_migrate_check(struct md_migrate *migrate, bool replay, json_t **ret_document,
			      struct md_error *err);
/** {"drift":[{"path","kind":"unexpected|missing|changed","text","mend"}…]}. `fix`: run what mends
 * it, as a plan with consent. */
enum md_code md_migrate_drift(struct md_migrate *migrate, bool fix,
			      const struct md_consent *consent, json_t **ret_document,
			      struct md_error *err);

struct md_migrate_baseline {
	const char *message;
	bool from_alembic; /* remember alembic_version, too */
	/** NULL: the models given to md_migrate_open must describe tables that exist. Else a
	 * definition file of what is there is written to this path, for models of one's own. */
	const char *write_models;
};
/** Take over a database that exists: a first revision that is noted, not run. MD_DRIFT: models and
 * tables differ; all differences in details. */
enum md_code md_migrate_baseline(struct md_migrate *migrate, const struct md_migrate_baseline *how,
				 json_t **ret_document, struct md_error *err);
/** Accept files that were changed after they were applied (message, texts; operations must be the
 * same unless `all`), write migrations.sum anew, clear a failed mark. */
enum md_code md_migrate_repair(struct md_migrate *migrate, bool all, json_t **ret_document,
			       struct md_error *err);
/** One revision in place of all up to `revision`, in folder and database. */
enum md_code md_migrate_squash(struct md_migrate *migrate, const char *revision,
			       const char *message, json_t **ret_document, struct md_error *err);
/** Drop for good what was kept of dropped columns and tables; `days`: only what was dropped at
 * least so long ago. Needs consent by name ("user.bio") or all, else says what it would drop. */
enum md_code md_migrate_purge(struct md_migrate *migrate, unsigned days, bool plan,
			      const struct md_consent *consent, json_t **ret_document,
			      struct md_error *err);
/** Whose lock is held; `force`: take it away from a holder that is dead or silent. */
enum md_code md_migrate_unlock(struct md_migrate *migrate, bool force, json_t **ret_document,
			       struct md_error *err);

/** At the start of a daemon, and before anything is locked: whether there is anything to do.
 * *ret_pending: revisions of the folder that the database lacks; *ret_managed: the database has a
 * history, or the folder has revisions. */
enum md_code md_migrate_look(struct md_migrate *migrate, unsigned *ret_pending, bool *ret_managed,
			     struct md_error *err);
#endif
