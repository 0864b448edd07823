/* Private to core/api: what is behind the handles of include/modeld.h. One thread.
 *
 * There is one way to run a verb: md_api_prepare() makes room for it, its parameters are filled in,
 * and md_api_go() has it begin:
 *
 *   go ──► a staged row ──► … ──► the verb's own read, write or end ──► md_then.done
 *             │ (each step ends in a task of the reactor: advance(), verb.c)
 *             └─ fails ─────────────────────────────────────────────────►
 *
 * A blocking verb is the same with md_api_wait() behind it. */
#ifndef MD_CORE_API_API_H
#define MD_CORE_API_API_H
#include "core/base/arena.h"
#include "core/base/reactor.h"
#include "core/db/session.h"
#include "core/model/registry.h"
#include "core/ops/read.h"
#include "core/ops/write.h"
#include "core/query/compose.h"
#include "include/modeld.h"

enum {
	MD_API_ARENA_MAX = 256 * 1024 * 1024,   /* of an operation */
	MD_API_RESULT_MAX = 1024 * 1024 * 1024, /* of the text of a result */
	MD_API_GROUPS_MAX = 16
};

struct md_store {
	struct md_reactor *reactor;
	struct md_db *db;
	struct md_db_loop *loop;
	struct md_ops *ops;
	struct md_ops *pieces; /* whose answers come in pieces; NULL: nobody has asked */
	struct md_ops_options options;
	bool turning;     /* in a turn: callbacks run */
	unsigned closing; /* works that were closed and are still there */
	bool settled;     /* … none */
};

/** A row that waits for a flush. */
struct md_staged {
	struct md_staged *next;
	char *model, *json;
};

enum md_verb_kind {
	MD_VERB_FLUSH, /* the staged rows, and nothing else */
	MD_VERB_READ,
	MD_VERB_WRITE,
	MD_VERB_COMMIT,
	MD_VERB_ROLLBACK,
	MD_VERB_SAVEPOINT,
	MD_VERB_RELEASE,
	MD_VERB_BACK
};

/** A read or a write. `arena` and `text`, a body, are there before it begins. */
struct md_job {
	struct md_arena *arena;
	struct md_buf text, out;
	struct md_read *read; /* one of them, when it has begun */
	struct md_write *write;
	md_take_fn *take; /* the pieces of the answer; NULL: it comes whole */
	void *arg;
	bool stopped; /* the rest is not wanted */
};

/** What a verb is doing. */
enum md_stage {
	MD_STAGE_STAGED, /* writing a staged row */
	MD_STAGE_OWN     /* its own work */
};

/** The verb that is on its way; a work has one. */
struct md_verb {
	bool busy, cancelled;
	bool posted; /* the task is on its way */
	enum md_verb_kind kind;
	enum md_stage stage;
	struct md_then then;
	struct md_ask *ask; /* whose query it is; NULL: none */
	struct md_task task;
	struct md_job row, own;
	struct md_select star;
	struct md_query query;
	struct md_read_request read;
	struct md_write_ask write;
	bool only;      /* there has to be one row */
	unsigned point; /* of SAVEPOINT, RELEASE and BACK */
	struct md_error error;
	struct md_result *result;
	uint64_t count;
};

struct md_work {
	struct md_store *store;
	struct md_session *session;
	struct md_staged *first, **last;
	unsigned points; /* savepoints that are set */
	struct md_verb verb;
	bool closed;
	bool *gone; /* … and this is set in the end; NULL: nobody waits */
};

struct md_ask {
	struct md_work *work;
	struct md_arena *arena;
	const struct md_model *model;
	struct md_query query;
	struct md_composer composer;
	struct md_scope scopes[MD_API_GROUPS_MAX]; /* groups in groups; the first is the root */
	unsigned depth;
	bool used, freed;      /* by a verb on its way; … and it is freed with that */
	struct md_error error; /* the first failure of a verb */
};

/** The model of this name. */
enum md_code md_api_model(const struct md_store *store, const char *name,
			  const struct md_model **ret_model, struct md_error *err);

/* --- verb.c --- */

/** Make work->verb ready to be filled in. MD_INVALID when one is on its way, or a callback would
 * have to wait. Then md_api_go() or md_api_drop(). */
enum md_code md_api_prepare(struct md_work *work, enum md_verb_kind kind,
			    const struct md_then *then, struct md_error *err);
/** Begin. After a failure there is no verb. */
enum md_code md_api_go(struct md_work *work, struct md_error *err);
/** It does not begin. Returns `code`. */
enum md_code md_api_drop(struct md_work *work, enum md_code code);
/** Run turns until `*until`. */
void md_api_turns(struct md_store *store, const bool *until);
/** Forget the rows that wait for a flush. */
void md_api_unstage(struct md_work *work);
/** work->session has done what it was told. */
void md_api_session_done(struct md_session *session, const struct md_error *err, void *arg);

/** What a blocking verb waits with. */
struct md_await {
	struct md_then then;
	struct md_work *work;
	bool over;
	enum md_code code;
	struct md_result **ret_result; /* NULL: nobody wants it */
	uint64_t count;
	struct md_error *err;
};
void md_api_await(struct md_await *await, struct md_work *work, struct md_result **ret_result,
		  struct md_error *err);
/** `code` is what the verb's beginning has returned. */
enum md_code md_api_wait(struct md_await *await, enum md_code code);

/* --- job.c --- */

/** What is written. */
struct md_api_body {
	const char *json;                   /* NULL: the values, if any */
	const struct md_value_text *values; /* NULL: no body */
	unsigned count;
};
enum md_code md_job_init(struct md_job *job, struct md_error *err);
void md_job_release(struct md_job *job);
/** Read the body: write->body and write->texts. */
enum md_code md_job_body(struct md_job *job, const struct md_api_body *body,
			 struct md_write_ask *write, struct md_error *err);
/** Begin; its end is posted as work->verb.task. The request needs no session, arena, buffer nor
 * callback. */
enum md_code md_job_read(struct md_work *work, struct md_job *job, struct md_read_request *request,
			 struct md_error *err);
enum md_code md_job_write(struct md_work *work, struct md_job *job, struct md_write_ask *ask,
			  struct md_error *err);
/** True: what was there was a piece, and there is more to come. */
bool md_job_goes_on(struct md_job *job);
/** How it went: *ret_count rows, or their number. ret_result NULL: nobody wants them. */
enum md_code md_job_end(struct md_job *job, struct md_result **ret_result, uint64_t *ret_count,
			struct md_error *err);
void md_job_cancel(struct md_job *job);

/** A result of this text, JSON rows. */
enum md_code md_api_result(struct md_buf *text, struct md_result **ret_result,
			   struct md_error *err);

/* --- run.c --- */

/** Make work->verb ready for a verb that uses the ask, whose query is whole: verb->query. */
enum md_code md_api_prepare_ask(struct md_ask *ask, enum md_verb_kind kind,
				const struct md_then *then, struct md_error *err);

/* --- ask.c --- */

/** The verb that used it has ended. NULL is fine. */
void md_api_unuse(struct md_ask *ask);
/** The query is whole, and can be run. */
enum md_code md_api_close_ask(struct md_ask *ask, struct md_error *err);
#endif
