/* Private to core/ops/migrate*.c: the handle, and what its verbs share. migrate.c opens and looks,
 * migrate_line.c holds folder and history together, migrate_plan.c makes plans and writes them
 * down, migrate_lock.c waits for its turn, migrate_run.c runs the steps of one revision,
 * migrate_go.c runs revisions up and down; the verbs have a file each. One thread, but for the
 * ticker, which calls the progress function while a statement runs. */
#ifndef MD_CORE_OPS_MIGRATE_PRIVATE_H
#define MD_CORE_OPS_MIGRATE_PRIVATE_H
#include <jansson.h>
#include <pthread.h>

#include "core/base/arena.h"
#include "core/base/lock.h"
#include "core/db/schema.h"
#include "core/migrate/history.h"
#include "core/migrate/plan.h"
#include "core/ops/migrate.h"

/** A revision as folder and database know it. */
struct md_link {
	char id[MD_REVISION_TEXT];
	const struct md_revision *file;   /* NULL: the folder does not have it */
	const struct md_history_row *row; /* its newest; NULL: none */
	bool holds;                       /* applied, noted, or done in part */
	bool half;                        /* done in part, upwards or downwards */
	bool modified;                    /* the file says something else than what was applied */
	bool replaced;                    /* another has taken its place and is applied */
};
/** All of them: those of the folder in their order, then those that only the database knows. */
struct md_line {
	struct md_link *items;
	unsigned count, files;
	const struct md_link **applied; /* those that hold, in the order in which they were run */
	unsigned applied_count;
	const struct md_link *half; /* NULL: none */
	unsigned pending, unknown, modified;
	bool ahead; /* what the folder does not know goes on where it ends */
};

struct md_ticker {
	pthread_t thread;
	struct md_lock lock; /* guards what follows, and is held while progress is called */
	pthread_cond_t wake;
	bool running, stop, busy;
	uint64_t began_ns;
	struct md_migrate_progress now;
};

struct md_migrate {
	struct md_migrate_options options;
	struct md_arena *arena; /* of the verb at work */
	struct md_arena *past;  /* of history and line */
	struct md_revisions *folder;
	struct md_error tangle;  /* why the folder is not in one line; MD_OK: it is */
	struct md_db_schema *db; /* NULL: not connected */
	bool writable;           /* … for changes */
	bool missing;            /* there is no database file yet */
	/** Everything happens in a transaction that is never committed, in this new schema; NULL:
	 * it does not. */
	const char *inside;
	const struct md_ddl_dialect *dialect;
	struct md_history history;
	struct md_line line;
	bool locked;
	char owner[64];
	struct md_ticker ticker;
};

/* --- migrate.c ---------------------------------------------------------------------------------
 */

/** Begin a verb: an empty arena. */
enum md_code md_migrate_begin(struct md_migrate *migrate, struct md_error *err);
/** Connect, for changes or not, and read the history. A file that is missing is made for changes,
 * else it is an empty history. */
enum md_code md_migrate_load(struct md_migrate *migrate, bool change, struct md_error *err);
/** Read the history once more. */
enum md_code md_migrate_reload(struct md_migrate *migrate, struct md_error *err);
/** Read the folder once more: a verb has written to it. */
enum md_code md_migrate_reread(struct md_migrate *migrate, struct md_error *err);
/** A document, or MD_NOMEM where it is NULL. */
enum md_code md_migrate_answer(json_t *document, json_t **ret_document, struct md_error *err);
/** Details that are a list, cut where it is too long. Takes the list over. */
void md_migrate_details(struct md_error *err, json_t *list);
/** The url without its password, in the arena; NULL: no memory. */
const char *md_migrate_label(struct md_migrate *migrate);

static inline void md_json_decrefp(json_t **json)
{
	json_decref(*json);
}
#define md_auto_json __attribute__((cleanup(md_json_decrefp))) json_t *

static inline void md_snapshot_freep(struct md_snapshot **snapshot)
{
	*snapshot = md_snapshot_free(*snapshot);
}
#define md_auto_snapshot __attribute__((cleanup(md_snapshot_freep))) struct md_snapshot *

/** A handle of which nothing stays: all is done in a new schema, which ends with it. Servers only.
 */
enum md_code md_migrate_open_inside(const struct md_migrate_options *options, const char *schema,
				    struct md_migrate **ret_migrate, struct md_error *err);

/* --- migrate_line.c ----------------------------------------------------------------------------
 */

/** Hold folder and history together. */
enum md_code md_line_make(struct md_migrate *migrate, struct md_error *err);
/** Whether one can go on from here: nothing was changed, nothing is unknown, and the sums of the
 * folder are right. MD_HISTORY, MD_OUT_OF_ORDER. */
enum md_code md_line_sound(struct md_migrate *migrate, struct md_error *err);
/** A link by id or its beginning. MD_NOT_FOUND, MD_REVISION. */
enum md_code md_line_find(const struct md_line *line, const char *name,
			  const struct md_link **ret_link, struct md_error *err);
/** What the database is by its history: the snapshot of its newest revision that is whole. */
enum md_code md_line_snapshot(const struct md_migrate *migrate, struct md_snapshot **ret_snapshot,
			      struct md_error *err);
/** Of a text of the database; NULL: of no models. MD_HISTORY: it is none. */
enum md_code md_snapshot_parse(const char *text, struct md_snapshot **ret_snapshot,
			       struct md_error *err);
/** What the folder leads to. */
enum md_code md_line_head(const struct md_migrate *migrate, struct md_snapshot **ret_snapshot,
			  struct md_error *err);
/** The revision's document without what this file's neighbours keep in it; NULL: MD_NOMEM, or what
 * the database has is no JSON. */
json_t *md_line_document(const struct md_link *link);
/** Say which of the two it was. */
enum md_code md_line_fail_document(const struct md_link *link, struct md_error *err);
/** The plan that is kept beside a document in the database; NULL: none. New. */
json_t *md_line_plan(const struct md_history_row *row);
/** The database takes over what the file says of a revision; in a transaction. */
enum md_code md_line_accept(struct md_migrate *migrate, const struct md_link *link,
			    struct md_error *err);
/** Whether the revision waits although one behind it in the folder is applied. */
bool md_line_is_late(const struct md_line *line, unsigned at);

/* --- migrate_way.c -----------------------------------------------------------------------------
 */

/** What is to be run to come to a place; the list is in the arena of the past. MD_REVISION, and
 * what stands against going on: MD_HISTORY, MD_OUT_OF_ORDER, MD_IRREVERSIBLE. */
enum md_code md_way_up(struct md_migrate *migrate, const char *to,
		       const struct md_link ***ret_links, unsigned *ret_count,
		       struct md_error *err);
enum md_code md_way_down(struct md_migrate *migrate, const char *to,
			 const struct md_link ***ret_links, unsigned *ret_count,
			 struct md_error *err);

/* --- migrate_plan.c ----------------------------------------------------------------------------
 */

/** A revision on its way in one direction. */
struct md_run {
	struct md_migrate *migrate;
	const struct md_link *link;
	bool down;
	bool forget;
	bool resumed;       /* the plan is the one that was begun with */
	bool tolerant;      /* takes back what was done in part: what is not there is no failure */
	json_t *document;   /* owned */
	json_t *operations; /* owned */
	struct md_snapshot *before, *after;
	struct md_plan plan;
	unsigned done; /* steps */
	int64_t sequence;
	uint64_t began_ns;
};
void md_run_release(struct md_run *run);
/** Its operations and the snapshots around them. `before` is taken over. */
enum md_code md_run_prepare(struct md_run *run, struct md_snapshot *before, struct md_error *err);
/** Its plan: the one that was begun, or a new one; `live`: with the database as it is. */
enum md_code md_run_plan(struct md_run *run, bool live, struct md_error *err);
/** As the answer of a verb has it. NULL: no memory. */
json_t *md_run_json(const struct md_run *run, bool script);
/** Objects whose data would leave without consent, as texts added to `missing`. */
enum md_code md_run_consent(const struct md_run *run, const struct md_consent *consent,
			    json_t *missing, struct md_error *err);
/** MD_DATA_LOSS, where the list is not empty. */
enum md_code md_consent_missing(json_t *missing, struct md_error *err);
/** Ask the data. MD_DATA. */
enum md_code md_run_check(const struct md_run *run, struct md_error *err);

/** A plan with all that running it takes; NULL: no memory. */
json_t *md_plan_write(const struct md_plan *plan);
/** Read such a one. MD_HISTORY: it is none. */
enum md_code md_plan_read(const json_t *json, struct md_arena *arena, struct md_plan *ret_plan,
			  struct md_error *err);
/** Only what people want to know. */
json_t *md_plan_show(const struct md_plan *plan);

/* --- migrate_lock.c ----------------------------------------------------------------------------
 */

/** Take the lock and read the history again, waiting for whoever has it. Ends early, unlocked and
 * with *ret_taken false, when `idle` says that nothing is left to do. */
enum md_code md_migrate_lock(struct md_migrate *migrate, const char *purpose,
			     bool (*idle)(struct md_migrate *migrate, const void *ctx),
			     const void *ctx, bool *ret_taken, struct md_error *err);
void md_migrate_give(struct md_migrate *migrate);
/** Tell where it is, and go on telling every second until the next call. */
void md_migrate_tell(struct md_migrate *migrate, const struct md_migrate_progress *progress);
/** Nothing goes on any longer. */
void md_migrate_quiet(struct md_migrate *migrate);
/** Sleep: between two tries, the longer the more there were, never quite as long as another. */
void md_migrate_back_off(unsigned tries);

/* --- migrate_step.c ----------------------------------------------------------------------------
 */

/** Tries of a step that finds its lock taken, where nobody says how many, and the longest that one
 * of them waits for a table: all others queue behind it. */
enum { MD_LOCK_TRIES = 30, MD_LOCK_PIECE_MS = 300 };
/** In a transaction: wait for locks in short pieces until its end. */
enum md_code md_run_hurriedly(const struct md_migrate *migrate, struct md_error *err);

/** The first row of an answer, and how many there were. */
struct md_verdict {
	char text[256];
	unsigned count;
};
enum md_code md_take_verdict(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err);
/** A statement; what fails names it. */
enum md_code md_run_text(struct md_db_schema *db, const char *sql, struct md_error *err);
enum md_code md_run_texts(struct md_db_schema *db, const char *const *texts, unsigned count,
			  struct md_error *err);
/** Somebody else was at the same things: it can be tried again from the last note on. */
bool md_is_passing(enum md_code code, const struct md_error *err);
/** It fails because it is there already, or is not there any longer. */
bool md_is_done_already(const struct md_error *err);
/** Tell that a step runs. Rows < 0: not known. */
void md_step_tell(const struct md_run *run, unsigned at, double rows_done, double rows);
/** The step in the transaction that is open. */
enum md_code md_step_run(const struct md_run *run, unsigned at, struct md_error *err);
/** Its batches, each in a transaction of its own, or `within` the one that is open. */
enum md_code md_step_batches(const struct md_run *run, unsigned at, bool within,
			     struct md_error *err);
/** What must be so before a COMMIT. MD_DATA. */
enum md_code md_run_verify(const struct md_run *run, struct md_error *err);

/* --- migrate_run.c -----------------------------------------------------------------------------
 */

/** Run it, from its first step that is not done, and note everything. */
enum md_code md_run_go(struct md_run *run, struct md_error *err);
/** Note it as done without running. */
enum md_code md_run_fake(struct md_run *run, enum md_history_state state, struct md_error *err);

/* --- migrate_status.c, migrate_drift.c ---------------------------------------------------------
 */

/** Who holds the lock. NULL: no memory. */
json_t *md_holder_json(const struct md_lock_holder *holder);
/** What the database has otherwise than its newest snapshot says, added to the list. */
enum md_code md_migrate_find_drift(struct md_migrate *migrate, json_t *list, struct md_error *err);

/** What it has otherwise than these definitions say; `indexes`: those that are not declared, too.
 */
enum md_code md_migrate_hold_against(struct md_migrate *migrate,
				     const struct md_definitions *definitions, bool indexes,
				     json_t *list, struct md_error *err);

/* --- migrate_rehearse.c ------------------------------------------------------------------------
 */

/** Run the steps of a plan in the transaction that is open, without noting anything. */
enum md_code md_run_inside(const struct md_run *run, struct md_error *err);
#endif
