/* The way from one snapshot to the next on an engine: steps of SQL, each with what people want to
 * know before they say yes. Planning changes nothing; core/ops/migrate.h runs plans. Engines come
 * in by struct md_planner, found by the dialect. Everything lives in the arena. One thread. */
#ifndef MD_CORE_MIGRATE_PLAN_H
#define MD_CORE_MIGRATE_PLAN_H
#include <stdarg.h>

#include "core/migrate/change.h"
#include "core/migrate/ddl.h"

struct md_catalog;
struct md_db_schema;
struct md_match;

enum md_step_kind {
	/** Runs in one transaction with its neighbours of this kind; the note of what is done is
	 * part of it, so it happens once or not at all. */
	MD_STEP_TOGETHER,
	/** Runs by itself in no transaction (CREATE INDEX CONCURRENTLY). When the run was cut off
	 * nobody knows whether it happened: `probe` tells, `clean` takes away what is half done. */
	MD_STEP_ALONE,
	/** As TOGETHER, but in a short transaction of its own, because it would make others wait
	 * (VALIDATE CONSTRAINT), or must not wait with locks held. */
	MD_STEP_APART,
	/** One statement again and again, each time in a transaction of its own, until it changes
	 * no row: backfill. Its SQL has {batch} for the number of rows and may have {from} and
	 * {to}: numbers of blocks (see `blocks`). */
	MD_STEP_BATCHES,
};
enum md_step_risk {
	MD_RISK_NONE,
	MD_RISK_KEPT, /* gone from sight, but kept until purged */
	MD_RISK_LOSS  /* data goes for good, or is shortened */
};

struct md_step {
	enum md_step_kind kind;
	const char *what;   /* for people: "add column bio to user" */
	const char *object; /* what it changes and what consent names: "user", "user.bio" */
	const char *const *sql;
	unsigned sql_count;
	const char *lock; /* the engine's word for it: "ACCESS EXCLUSIVE"; NULL: none to speak of */
	bool lock_is_brief; /* held while a catalog is changed, not while rows are read or written
			     */
	bool rewrites;      /* the table is written anew */
	double rows;        /* read or written; < 0: not known */
	bool reversible;    /* the inverse brings back what was there, data included */
	enum md_step_risk risk;
	const char *at_risk; /* MD_RISK_*: a sentence; NULL: nothing */
	const char *probe;   /* ALONE: gives a row when it is done already; NULL: may be repeated */
	const char *clean;   /* ALONE: run before it and after it failed; NULL: nothing */
	const char *blocks;  /* BATCHES: gives the number of blocks of the table; NULL: no blocks */
	const char *remaining; /* BATCHES: gives the number of rows to go, for progress; NULL:
				  unknown */
	size_t operation;      /* which of the operations it is for; the first, when of several */
};
/** A question to the data before anything is changed: gives the keys of at most `MD_CHECK_KEYS` + 1
 * rows that stand against the step, one column each, as text. */
struct md_data_check {
	const char *object;
	const char *sql;
	const char *message; /* "user.bio is null in some rows" */
	const char *hint;    /* NULL: none */
	const char *wire;    /* what the engine would say: "23502", "23505" … */
};
enum { MD_CHECK_KEYS = 5 };

struct md_plan {
	const struct md_step *steps;
	unsigned step_count;
	const struct md_data_check *checks;
	unsigned check_count;
	/** Around everything, outside of transactions; `close` also after a failure. */
	const char *const *open, *const *close;
	unsigned open_count, close_count;
	/** Before each COMMIT: must give no row; one that comes is told. */
	const char *const *verify;
	unsigned verify_count;
	const char *const *notes; /* what is good to know; a line each */
	unsigned note_count;
};

struct md_plan_request {
	const struct md_ddl_dialect *dialect;
	const struct md_snapshot *before;
	const json_t *operations; /* of one direction of one revision */
	const char *revision;     /* 12 digits: part of the names of what is kept */
	bool forget;              /* what is dropped is not kept */
	const char *schema;       /* of PostgreSQL; NULL: the session's own */
	/** The database as it is, for triggers, views, kept columns, numbers of rows, and tables
	 * that are there already. NULL: not to be had; the plan says what it assumes. */
	struct md_db_schema *live;
};

/** Plan. Tables of create_table that exist: taken over without a step when they are as wanted, else
 * MD_CONFLICT, MD_DRIFT. MD_INVALID: operations that do not fit, or that the engine has no way for.
 * MD_NOMEM, and what looking at the database fails with. */
enum md_code md_plan_make(const struct md_plan_request *request, struct md_arena *arena,
			  struct md_plan *ret_plan, struct md_error *err);

/* --- for planners ------------------------------------------------------------------------------
 */

/** A stretch of a revision without SQL of users in it: two definitions and what lies between. */
struct md_plan_work {
	const struct md_plan_request *request;
	const struct md_match *match;
	const struct md_catalog
		*catalog; /* of the database before the revision; NULL: not to be had */
	struct md_arena *arena;
	size_t operation;     /* number of the first of its operations */
	struct md_plan *plan; /* private: grows by md_plan_add… */
	bool failed;          /* out of memory */
	/** Something was run by hand before this stretch: what the data are then is not known, so
	 * nothing is asked of them before the revision begins. */
	bool no_checks;
	void *own; /* the planner's; zero at first */
};
struct md_planner {
	const struct md_dialect *sql;
	/** Before the first stretch and after the last one, failures included. NULL: nothing. */
	enum md_code (*begin)(struct md_plan_work *work, struct md_error *err);
	void (*end)(struct md_plan_work *work);
	/** A statement of users was added to the plan. NULL: nobody wants to know. */
	enum md_code (*saw)(struct md_plan_work *work, const char *sql, struct md_error *err);
	/** Add the steps and checks for one stretch. */
	enum md_code (*plan)(struct md_plan_work *work, struct md_error *err);
	/** Fill a column where it is null: the step of the operation backfill. */
	enum md_code (*backfill)(struct md_plan_work *work, const struct md_def_model *model,
				 const struct md_def_field *field,
				 const struct md_def_default *value, struct md_error *err);
};
extern const struct md_planner md_sqlite_planner;
#ifdef MD_HAVE_POSTGRES
extern const struct md_planner md_postgres_planner;
#endif

/** Room for one more, all zero; NULL and work->failed: out of memory. Valid until the next. */
struct md_step *md_plan_add_step(struct md_plan_work *work);
struct md_data_check *md_plan_add_check(struct md_plan_work *work);
/** One more statement of a step; `sql` is in the arena. */
void md_plan_add_sql(struct md_plan_work *work, struct md_step *step, const char *sql);
/** Texts are copied. The same text twice is taken once. */
void md_plan_add_open(struct md_plan_work *work, const char *sql);
void md_plan_add_close(struct md_plan_work *work, const char *sql);
void md_plan_add_verify(struct md_plan_work *work, const char *sql);
void md_plan_add_note(struct md_plan_work *work, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** What is in `text`, kept in the arena; "" and work->failed: out of memory. */
const char *md_plan_keep(struct md_plan_work *work, const struct md_buf *text);
/** printf into the arena; fails as md_plan_keep() does. */
const char *md_plan_vprintf(struct md_plan_work *work, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/** Bytes of a name of what is kept, with its NUL. */
enum { MD_KEPT_NAME = 64 };
/** "_dropped_1df7b9fe7daa_bio": the name under which the column or table that a revision drops is
 * kept; long names end in a part of their checksum. Going back (or up again after going back)
 * looks for the name of the same revision. */
void md_kept_name(const char *revision, const char *name, char out[MD_KEPT_NAME]);
/** Whether a name is such a one, or another of modeld's own ("_modeld_…"). */
bool md_is_kept_name(const char *name);
#endif
