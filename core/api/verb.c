/* The life of a verb, from md_api_prepare() to its callback, and the turns in which that happens.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/api/api.h"

#include "core/base/banned.h"

static void advance(struct md_task *task);
static void awaited(struct md_work *work, const struct md_outcome *outcome, void *arg);

/* --- before it begins --- */

static enum md_code refuse(const struct md_work *work, const struct md_then *then,
			   struct md_error *err)
{
	if (work->store->turning && then->done == awaited)
		return md_fail(err, MD_INVALID, "MD400",
			       "a callback cannot wait for the database: begin the verb with "
			       "md_async_…()");
	if (work->verb.busy)
		return md_fail(err, MD_INVALID, "MD400",
			       "the session is busy: a verb is on its way in it");
	return MD_OK;
}

enum md_code md_api_prepare(struct md_work *work, enum md_verb_kind kind,
			    const struct md_then *then, struct md_error *err)
{
	struct md_verb *verb = &work->verb;
	enum md_code code;

	if (err)
		md_error_clear(err);
	code = refuse(work, then, err);
	if (code)
		return code;
	memset(verb, 0, offsetof(struct md_verb, error));
	md_error_clear(&verb->error);
	verb->result = NULL;
	verb->count = 0;
	verb->kind = kind;
	verb->then = *then;
	verb->task.run = advance;
	verb->star.kind = MD_SELECT_STAR;
	verb->busy = true;
	code = kind == MD_VERB_READ || kind == MD_VERB_WRITE ? md_job_init(&verb->own, err) : MD_OK;
	return code ? md_api_drop(work, code) : MD_OK;
}

enum md_code md_api_drop(struct md_work *work, enum md_code code)
{
	struct md_verb *verb = &work->verb;

	md_job_release(&verb->row);
	md_job_release(&verb->own);
	md_api_unuse(verb->ask);
	verb->ask = NULL;
	verb->busy = false;
	return code;
}

/* --- staged rows --- */

static void unstage_first(struct md_work *work)
{
	struct md_staged *row = work->first;

	work->first = row->next;
	if (!work->first)
		work->last = &work->first;
	free(row->model);
	free(row->json);
	free(row);
}

void md_api_unstage(struct md_work *work)
{
	while (work->first)
		unstage_first(work);
}

static enum md_code begin_staged(struct md_work *work, struct md_error *err)
{
	static const struct md_query all = { .has_select = true };
	const struct md_api_body body = { .json = work->first->json };
	struct md_job *job = &work->verb.row;
	struct md_write_ask ask = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_COUNT, .query = &all };
	enum md_code code = md_api_model(work->store, work->first->model, &ask.model, err);

	work->verb.stage = MD_STAGE_STAGED;
	if (code == MD_OK)
		code = md_job_init(job, err);
	if (code == MD_OK)
		code = md_job_body(job, &body, &ask, err);
	return code ? code : md_job_write(work, job, &ask, err);
}

static enum md_code end_staged(struct md_work *work, struct md_error *err)
{
	struct md_verb *verb = &work->verb;
	uint64_t rows;
	enum md_code code = md_job_end(&verb->row, NULL, &rows, err);

	md_job_release(&verb->row);
	if (code)
		return code;
	unstage_first(work);
	return verb->cancelled ? md_fail(err, MD_CANCELLED, "57014", "the verb was cancelled")
			       : MD_OK;
}

/* Before an end without a commit, staged rows are forgotten. */
static bool has_staged(const struct md_work *work)
{
	enum md_verb_kind kind = work->verb.kind;

	return work->first && kind != MD_VERB_ROLLBACK && kind != MD_VERB_BACK;
}

/* --- its own work --- */

void md_api_session_done(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_work *work = arg;

	(void)session;
	work->verb.error = *err;
	md_reactor_post(work->store->reactor, &work->verb.task);
}

static void point(struct md_work *work, enum md_point what)
{
	md_session_point(work->session, what, work->verb.point, md_api_session_done, work);
}

static enum md_code begin_own(struct md_work *work, struct md_error *err)
{
	struct md_verb *verb = &work->verb;

	verb->stage = MD_STAGE_OWN;
	switch (verb->kind) {
	case MD_VERB_FLUSH:
		md_reactor_post(work->store->reactor, &verb->task);
		break;
	case MD_VERB_READ:
		return md_job_read(work, &verb->own, &verb->read, err);
	case MD_VERB_WRITE:
		return md_job_write(work, &verb->own, &verb->write, err);
	case MD_VERB_COMMIT:
		md_session_commit(work->session, md_api_session_done, work);
		break;
	case MD_VERB_ROLLBACK:
		md_api_unstage(work);
		md_session_rollback(work->session, md_api_session_done, work);
		break;
	case MD_VERB_SAVEPOINT:
		point(work, MD_POINT_SET);
		break;
	case MD_VERB_RELEASE:
		point(work, MD_POINT_RELEASE);
		break;
	case MD_VERB_BACK:
		md_api_unstage(work);
		point(work, MD_POINT_BACK);
		break;
	}
	return MD_OK;
}

/* One row, or nothing is good. */
static enum md_code check_only(struct md_verb *verb, struct md_error *err)
{
	unsigned rows = md_result_rows(verb->result);

	if (rows == 1)
		return MD_OK;
	verb->result = md_result_free(verb->result);
	return md_fail(err, rows == 0 ? MD_NOT_FOUND : MD_CONFLICT, "PGRST116",
		       rows == 0 ? "no row was found" : "more than one row was found");
}

static enum md_code end_job(struct md_verb *verb, struct md_error *err)
{
	bool wanted = !verb->then.no_rows && !verb->read.head && !verb->own.take;
	enum md_code code =
		md_job_end(&verb->own, wanted ? &verb->result : NULL, &verb->count, err);

	if (code == MD_OK && verb->only)
		code = check_only(verb, err);
	return code;
}

/* True: there is one more step. A savepoint that was gone back to ends. */
static bool end_session_step(struct md_work *work)
{
	struct md_verb *verb = &work->verb;

	if (!md_session_is_begun(work->session))
		work->points = 0;
	if (verb->error.code)
		return false;
	if (verb->kind == MD_VERB_SAVEPOINT)
		verb->count = work->points = verb->point;
	if (verb->kind == MD_VERB_RELEASE)
		work->points = verb->point - 1;
	if (verb->kind != MD_VERB_BACK)
		return false;
	verb->kind = MD_VERB_RELEASE;
	return true;
}

/* --- steps --- */

/* The next one; it may turn out that it cannot begin. */
static enum md_code step(struct md_work *work, struct md_error *err)
{
	return has_staged(work) ? begin_staged(work, err) : begin_own(work, err);
}

enum md_code md_api_go(struct md_work *work, struct md_error *err)
{
	enum md_code code = step(work, err);

	if (code)
		return md_api_drop(work, code);
	if (!work->store->turning)
		md_reactor_nudge(work->store->reactor);
	return MD_OK;
}

/* Closed: roll back what is open, and be gone. */
static void bury(struct md_work *work)
{
	const struct md_then nobody = { .done = NULL };
	struct md_store *store = work->store;

	md_api_unstage(work);
	if (md_session_is_begun(work->session)) {
		md_api_prepare(work, MD_VERB_ROLLBACK, &nobody, NULL);
		md_api_go(work, NULL);
		return;
	}
	md_session_close(work->session);
	if (work->gone)
		*work->gone = true;
	free(work);
	store->settled = --store->closing == 0;
}

/* Nothing of the verb is left when the callback runs: it may begin the next, or close the work. Who
 * waits in a session that was closed meanwhile is told; other callbacks are not called then. */
static void finish(struct md_work *work)
{
	struct md_verb *verb = &work->verb;
	struct md_then then = verb->then;
	struct md_error error = verb->error;
	struct md_outcome outcome = { .code = error.code,
				      .error = &error,
				      .result = verb->result,
				      .count = error.code ? 0 : verb->count };

	md_api_drop(work, error.code);
	if (!work->closed) {
		then.done(work, &outcome, then.arg);
		return;
	}
	if (then.done == awaited)
		awaited(work, &outcome, then.arg);
	else
		md_result_free(outcome.result);
	bury(work);
}

/* A step has ended. */
static void advance(struct md_task *task)
{
	struct md_work *work =
		(struct md_work *)((char *)task - offsetof(struct md_work, verb.task));
	struct md_verb *verb = &work->verb;
	bool more = false;

	verb->posted = false;
	if (md_job_goes_on(&verb->own))
		return;
	if (verb->stage == MD_STAGE_STAGED)
		more = end_staged(work, &verb->error) == MD_OK;
	else if (verb->kind == MD_VERB_READ || verb->kind == MD_VERB_WRITE)
		end_job(verb, &verb->error);
	else if (verb->kind != MD_VERB_FLUSH)
		more = end_session_step(work);
	if (!more || step(work, &verb->error) != MD_OK)
		finish(work);
}

/* --- waiting --- */

void md_api_turns(struct md_store *store, const bool *until)
{
	store->turning = true;
	if (!*until)
		md_reactor_run(store->reactor, until);
	store->turning = false;
}

static void awaited(struct md_work *work, const struct md_outcome *outcome, void *arg)
{
	struct md_await *await = arg;

	(void)work;
	await->code = outcome->code;
	await->count = outcome->count;
	await->over = true;
	if (outcome->code && await->err)
		*await->err = *outcome->error;
	if (outcome->result && await->ret_result)
		*await->ret_result = outcome->result;
	else
		md_result_free(outcome->result);
}

void md_api_await(struct md_await *await, struct md_work *work, struct md_result **ret_result,
		  struct md_error *err)
{
	*await = (struct md_await){
		.then = { .done = awaited, .arg = await, .no_rows = !ret_result },
		.work = work,
		.ret_result = ret_result,
		.err = err
	};
}

enum md_code md_api_wait(struct md_await *await, enum md_code code)
{
	if (code)
		return code;
	md_api_turns(await->work->store, &await->over);
	return await->code;
}

/* --- turns of the caller's loop --- */

int md_store_fd(const struct md_store *store)
{
	return md_reactor_fd(store->reactor);
}

int md_store_wait_ms(const struct md_store *store)
{
	return md_reactor_wait_ms(store->reactor);
}

enum md_code md_store_turn(struct md_store *store, int most_ms, struct md_error *err)
{
	if (err)
		md_error_clear(err);
	if (store->turning)
		return md_fail(err, MD_INVALID, "MD400",
			       "a callback cannot turn the loop it is in");
	store->turning = true;
	md_reactor_step(store->reactor, most_ms);
	store->turning = false;
	return MD_OK;
}

/* --- the end of a session --- */

void md_work_cancel(struct md_work *work)
{
	struct md_verb *verb = &work->verb;

	if (!verb->busy)
		return;
	verb->cancelled = true;
	md_job_cancel(verb->stage == MD_STAGE_STAGED ? &verb->row : &verb->own);
	if (!work->store->turning)
		md_reactor_nudge(work->store->reactor);
}

struct md_work *md_work_close(struct md_work *work)
{
	struct md_store *store;
	bool gone = false;

	if (!work)
		return NULL;
	store = work->store;
	work->closed = true;
	store->closing++;
	store->settled = false;
	if (work->verb.busy) {
		md_work_cancel(work);
	} else if (store->turning) {
		bury(work);
	} else {
		/* cppcheck-suppress autoVariables ; it is buried before we return */
		work->gone = &gone;
		bury(work);
		md_api_turns(store, &gone);
	}
	return NULL;
}
