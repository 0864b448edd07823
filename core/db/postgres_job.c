/* What comes back, and how units end. */
#include <string.h>

#include "core/base/clock.h"
#include "core/db/postgres.h"

#include "core/base/banned.h"

enum { IDLE_ANSWERS_MAX = 16 };

void md_pg_unit_done(struct md_pg *pg, struct md_pg_job *job, const struct md_error *err)
{
	struct md_unit *unit = job->unit;

	(void)pg;
	job->unit = NULL;
	if (!unit)
		return;
	if (err->code != MD_OK && err != &unit->error)
		unit->error = *err;
	unit->ops->done(unit, err->code);
}

static struct md_pg_step *present_step(struct md_pg_job *job)
{
	return job->step_at < job->step_count ? &job->steps[job->step_at] : NULL;
}

/* --- failures --- */

static bool is_about_names(const char *state)
{
	static const char *const states[] = {
		"0A000", /* cached plan must not change result type */
		"26000", /* the server does not know the name, */
		"42P05"  /* or knows it as something else */
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i], state) == 0)
			return true;
	return false;
}

/* A forgotten name is our business: nothing was executed, so run the unit once more without. */
static void look_at_names(struct md_pg *pg, struct md_pg_job *job, const struct md_pg_step *step)
{
	const char *state = job->error.wire;

	if (step->id == 0)
		return;
	if (step->kind == MD_PG_PREPARE || is_about_names(state))
		md_pg_names_forget(&pg->names, step->id, step->generation,
				   strcmp(state, "0A000") == 0);
	if (is_about_names(state) && !job->unnamed && job->unit && job->stop == MD_OK &&
	    (!job->rows_given || job->unit->ops->reset))
		job->rerun_wanted = true;
}

/* What our statements name was there when the catalog was read, and had these types; unless a
 * client named it. */
static bool is_stale(const struct md_pg_step *step, const char *state)
{
	static const char *const states[] = {
		"42703", /* undefined column, */
		"42P01", /* table, */
		"42883", /* function or operator, */
		"42704", /* type */
		"42804"  /* a value of another type */
	};

	if (step->kind != MD_PG_QUERY && step->kind != MD_PG_PREPARE)
		return false;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i], state) == 0)
			return true;
	return false;
}

/* The message names it, too, but in the language of the server. */
static void note_constraint(struct md_pg_job *job, const PGresult *result)
{
	const char *name = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

	if (job->unit)
		snprintf(job->unit->violated, sizeof(job->unit->violated), "%s", name ? name : "");
}

void md_pg_job_failed(struct md_pg *pg, struct md_pg_job *job, const PGresult *result)
{
	const struct md_pg_step *step = present_step(job);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (!state || !step) { /* libpq's own: the connection is lost */
		pg->gone = true;
		return;
	}
	pg->gone = pg->gone || md_pg_is_fatal(result);
	if (job->error.code != MD_OK)
		return;
	md_pg_result_error(pg, result, &job->error);
	job->error.stale = is_stale(step, state);
	note_constraint(job, result);
	if (pg->gone && job->commits && (step->kind == MD_PG_SYNC || step->kind == MD_PG_COMMIT)) {
		md_error_clear(&job->error); /* it may have been committed before: see lost */
		return;
	}
	if (strcmp(state, "57014") == 0 && job->stop != MD_OK)
		job->error.code = job->stop;
	look_at_names(pg, job, step);
}

static void fill_uncertain(struct md_error *err)
{
	md_fail(err, MD_UNCERTAIN, "08007",
		"the connection to the database was lost before the change was confirmed");
	md_error_hint(err, "The change may or may not have been applied.");
}

static void end_lost(struct md_pg *pg, struct md_pg_job *job, const struct md_error *err)
{
	if (job->error.code == MD_OK && job->commits)
		fill_uncertain(&job->error);
	if (job->error.code == MD_OK)
		job->error = *err;
	md_pg_unit_done(pg, job, &job->error);
	md_pg_job_recycle(pg, job);
}

/* In front of those that have not been answered. */
static void take_answered_back(struct md_pg *pg)
{
	if (!pg->answered)
		return;
	*pg->answered_end = pg->flight;
	if (!pg->flight)
		pg->flight_end = pg->answered_end;
	pg->flight = pg->answered;
	pg->answered = NULL;
	pg->answered_end = &pg->answered;
}

void md_pg_lost(struct md_pg *pg, const struct md_error *err)
{
	struct md_error why = *err; /* it may belong to one of the jobs */
	struct md_pg_job *job = pg->flight;

	if (pg->state == MD_PG_BROKEN)
		return;
	pg->state = MD_PG_BROKEN;
	pg->base.broken = true;
	pg->base.depth = 0;
	pg->in_flight = 0;
	if (job)
		md_pg_rows_end(pg, job);
	take_answered_back(pg);
	*pg->flight_end = pg->queue;
	job = pg->flight;
	pg->flight = pg->queue = NULL;
	pg->flight_end = &pg->flight;
	pg->queue_end = &pg->queue;
	while (job) {
		struct md_pg_job *next = job->next;

		end_lost(pg, job, &why);
		job = next;
	}
}

void md_pg_lost_conn(struct md_pg *pg)
{
	struct md_error err;

	md_pg_conn_error(pg, &err);
	md_pg_lost(pg, &err);
}

/* --- stopping --- */

/* Tell the server to stop a job that has to, once it is the only one there: a cancel request hits
 * whatever runs when it arrives. On a connection that requests share it only has to answer some
 * time: its statements are short. */
static void cut_short(struct md_pg *pg)
{
	struct md_pg_job *job = pg->flight;

	if (!job)
		return;
	if (job->stop == MD_OK || job->give_up_ns || !present_step(job) ||
	    (pg->in_flight != 1 && !pg->shared_use))
		return;
	if (!pg->shared_use)
		md_pg_cancel_running(pg);
	job->give_up_ns = md_now_ns() +
			  (pg->shared_use ? MD_PG_SHARED_GRACE_MS : MD_PG_CANCEL_GRACE_MS) * MD_MS;
	job->cancel_again_ns = md_now_ns() + MD_PG_CANCEL_AGAIN_MS * MD_MS;
	atomic_store(&pg->shared->attention, true); /* the timer has to know */
	md_pg_wake(pg->shared);
}

/* --- the end of a job --- */

static void take_from_flight(struct md_pg *pg)
{
	struct md_pg_job *job = pg->flight;

	pg->flight = job->next;
	if (!pg->flight)
		pg->flight_end = &pg->flight;
	pg->in_flight--;
}

/* Among those that wait, in the order in which they came. */
static void to_queue_again(struct md_pg *pg, struct md_pg_job *job)
{
	struct md_pg_job **at = &pg->queue;

	while (*at && (*at)->pushed_ns <= job->pushed_ns)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	if (!job->next)
		pg->queue_end = &job->next;
}

static void rerun(struct md_pg *pg, struct md_pg_job *job)
{
	if (job->rerun_wanted && strcmp(job->error.wire, "0A000") == 0)
		job->changed = true;
	job->unnamed = job->unnamed || job->rerun_wanted;
	job->alone = true;
	job->rerun_wanted = job->sync_sent = job->commits = job->writes = false;
	job->shares = job->grouped = job->aborted = job->heard = false;
	job->skip = job->asked = false;
	job->step_at = job->step_count = job->call_sent = 0;
	md_error_clear(&job->error);
	if (job->rows_given) {
		job->unit->ops->reset(job->unit);
		job->rows_given = false;
		job->call_count = 0;
		job->ending = MD_NEXT_CALL;
	}
	to_queue_again(pg, job);
}

/* Skipped, because one before it in its group failed; nothing has been seen of it. */
static bool begins_again(struct md_pg_job *job)
{
	if (job->rerun_wanted)
		return true;
	if (!job->aborted || !job->unit || job->error.code != MD_OK)
		return false;
	if (!job->rows_given || job->unit->ops->reset)
		return true;
	md_fail(&job->error, MD_INTERNAL, "25P02", "the read was given up with one before it");
	return false;
}

/* Everything of the first in flight has been answered. */
static void end_job(struct md_pg *pg, struct md_pg_job *job)
{
	const struct md_error *err = &job->error;

	take_from_flight(pg);
	if (begins_again(job)) {
		rerun(pg, job);
		cut_short(pg);
		return;
	}
	if (job->vital) {
		if (err->code != MD_OK)
			md_pg_lost(pg, err);
		else
			pg->state = MD_PG_READY;
	}
	if (err->code == MD_OK && job->ending == MD_NEXT_ROLLBACK && job->unit)
		err = &job->unit->error;
	if (job->changed && err->code == MD_OK)
		pg->base.changes++;
	if (job->counted)
		pg->base.depth--;
	md_pg_unit_done(pg, job, err);
	md_pg_job_recycle(pg, job);
	cut_short(pg);
}

static void on_sync(struct md_pg *pg, struct md_pg_job *job)
{
	PGTransactionStatusType state = PQtransactionStatus(pg->db);
	bool open = state == PQTRANS_INERROR || (state == PQTRANS_INTRANS && !pg->base.held);

	job->sync_sent = false;
	job->step_at++;
	if (job->block && open)
		md_pg_send_rollback(pg, job);
	else
		end_job(pg, job);
}

/* --- results --- */

static bool wants_rows(const struct md_pg_job *job)
{
	return job->unit && job->error.code == MD_OK && job->stop == MD_OK && !job->skip;
}

/* True: the result has been taken over. */
static bool on_success(struct md_pg *pg, struct md_pg_job *job, PGresult *result)
{
	const struct md_pg_step *step = present_step(job);

	if (!step)
		return false;
	switch (step->kind) {
	case MD_PG_PREPARE:
		pg->base.prepares++;
		return false;
	case MD_PG_COMMIT:
		if (strcmp(PQcmdStatus(result), "COMMIT") != 0 && job->error.code == MD_OK)
			md_fail(&job->error, MD_INTERNAL, "25P02",
				"the transaction was rolled back at its commit");
		return false;
	case MD_PG_QUERY:
		if (!wants_rows(job))
			return false;
		md_pg_rows_begin(pg, job, result);
		return true;
	case MD_PG_BEGIN:
	case MD_PG_PRELUDE:
	case MD_PG_OTHER:
	case MD_PG_SYNC:
		break;
	}
	return false;
}

static void on_aborted(struct md_pg *pg, struct md_pg_job *job)
{
	const struct md_pg_step *step = present_step(job);

	if (step && step->kind == MD_PG_PREPARE)
		md_pg_names_forget(&pg->names, step->id, step->generation, false);
	job->aborted = job->shares;
}

/* A job without steps left is at its end, too. */
static bool at_sync(struct md_pg_job *job)
{
	const struct md_pg_step *step = present_step(job);

	return !step || step->kind == MD_PG_SYNC;
}

/* Its rows have come; whether they stay is told by the Sync of its group. */
static void to_answered(struct md_pg *pg, struct md_pg_job *job)
{
	take_from_flight(pg);
	job->next = NULL;
	*pg->answered_end = job;
	pg->answered_end = &job->next;
}

/* NULL: the results of the present step are complete. A Sync has an answer of its own. */
static void on_step_end(struct md_pg *pg, struct md_pg_job *job)
{
	if (++pg->idle_answers > IDLE_ANSWERS_MAX)
		pg->gone = true;
	if (at_sync(job) || !job->heard)
		return;
	job->step_at++;
	job->skip = job->asked = job->heard = false;
	if (!job->grouped || present_step(job))
		return;
	if (pg->commits)
		to_answered(pg, job);
	else
		end_job(pg, job);
}

static void fill_stopped(struct md_error *err, enum md_code code)
{
	md_fail(err, code, "57014", "%s",
		code == MD_TIMEOUT ? "canceling statement due to deadline"
				   : "canceling statement due to user request");
}

/* --- the end of a group of writes --- */

static struct md_pg_job *take_answered(struct md_pg *pg)
{
	struct md_pg_job *job = pg->answered;

	pg->answered = job->next;
	if (!pg->answered)
		pg->answered_end = &pg->answered;
	return job;
}

/* It has been undone, with all others. One that has to stop anyway does. */
static void end_undone(struct md_pg *pg, struct md_pg_job *job)
{
	if (job->unit && job->stop == MD_OK && !job->vital) {
		rerun(pg, job);
		return;
	}
	if (job->error.code == MD_OK && job->stop != MD_OK)
		fill_stopped(&job->error, job->stop);
	if (job->counted)
		pg->base.depth--;
	md_pg_unit_done(pg, job, &job->error);
	md_pg_job_recycle(pg, job);
}

static void end_committed(struct md_pg *pg, struct md_pg_job *job)
{
	if (job->changed && job->error.code == MD_OK)
		pg->base.changes++;
	if (job->counted)
		pg->base.depth--;
	md_pg_unit_done(pg, job, &job->error);
	md_pg_job_recycle(pg, job);
}

/* The Sync of `last` has been answered; nobody of the group is in flight any more. */
static void end_writes(struct md_pg *pg, struct md_pg_job *last)
{
	bool undone = pg->undone;

	pg->undone = false;
	take_from_flight(pg);
	last->next = NULL;
	*pg->answered_end = last;
	pg->answered_end = &last->next;
	while (pg->answered) {
		struct md_pg_job *job = take_answered(pg);

		if (undone)
			end_undone(pg, job);
		else
			end_committed(pg, job);
	}
}

/* Whoever has steps left now was skipped with the rest: that need not be told for each step. */
static void take_sync(struct md_pg *pg)
{
	struct md_pg_job *job = pg->flight;

	while (job && job->grouped) {
		job->aborted = true;
		if (pg->commits)
			to_answered(pg, job);
		else
			end_job(pg, job);
		job = pg->flight;
	}
	if (!job)
		return;
	if (pg->answered) {
		end_writes(pg, job);
		return;
	}
	pg->undone = false;
	job->aborted = job->aborted || (job->shares && !at_sync(job));
	while (!at_sync(job))
		job->step_at++;
	job->heard = false;
	on_sync(pg, job);
}

static void take_result(struct md_pg *pg, struct md_pg_job *job, PGresult *result)
{
	if (!result) {
		on_step_end(pg, job);
		return;
	}
	pg->idle_answers = 0;
	job->heard = true;
	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC:
		take_sync(pg);
		break;
	case PGRES_PIPELINE_ABORTED:
		pg->undone = pg->commits;
		on_aborted(pg, job);
		break;
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		if (on_success(pg, job, result))
			return;
		break;
	case PGRES_NONFATAL_ERROR:
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
		pg->undone = pg->commits;
		md_pg_job_failed(pg, job, result);
		break;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
	default: /* nothing of ours copies; libpq cannot get out of it in a pipeline */
		md_fail(&job->error, MD_INVALID, "0A000", "COPY is not possible here");
		pg->gone = true;
		break;
	}
	PQclear(result);
}

/* A result per row, so that a slow reader does not fill our memory; not in a pipeline, where the
 * units behind would wait for the slow reader. Only before the first answer is looked at. */
static void ask_for_single_rows(struct md_pg *pg, struct md_pg_job *job)
{
	const struct md_pg_step *step = present_step(job);

	if (job->asked || step->kind != MD_PG_QUERY)
		return;
	job->asked = true;
	if (job->unit && job->unit->ops->paused && pg->in_flight == 1 &&
	    !job->calls[step->call].stmt->writes)
		PQsetSingleRowMode(pg->db);
}

/* No result to take yet. When libpq has no memory for the answer to a Sync it says so nowhere else,
 * and would be busy for ever. */
static bool is_busy(struct md_pg *pg)
{
	if (!PQisBusy(pg->db))
		return false;
	if (strncmp(PQerrorMessage(pg->db), "out of memory", strlen("out of memory")) == 0)
		pg->gone = true;
	return true;
}

/* One step forward with the first job. False: nothing can be done now. */
static bool advance(struct md_pg *pg, struct md_pg_job *job)
{
	if (job->paused)
		return false;
	if (job->in_rows) {
		if (pg->cursor.streaming && !pg->cursor.ended && is_busy(pg))
			return false;
		md_pg_rows_again(pg, job);
		return true;
	}
	if (!present_step(job)) {
		md_pg_decide(pg, job);
		return true;
	}
	ask_for_single_rows(pg, job);
	if (is_busy(pg))
		return false;
	take_result(pg, job, PQgetResult(pg->db));
	return true;
}

static void end_session(struct md_pg *pg)
{
	struct md_error err;

	if (pg->flight && pg->flight->error.code != MD_OK && PQstatus(pg->db) != CONNECTION_BAD)
		err = pg->flight->error;
	else
		md_pg_conn_error(pg, &err);
	if (err.code != MD_UNAVAILABLE)
		md_fail(&err, MD_UNAVAILABLE, "08006", "the connection to the database was lost");
	md_pg_lost(pg, &err);
}

void md_pg_pump(struct md_pg *pg)
{
	while (pg->state != MD_PG_BROKEN && !pg->gone && pg->flight)
		if (!advance(pg, pg->flight))
			break;
	if (pg->gone)
		end_session(pg);
}

/* --- cancelled and late units --- */

/* An in-flight unit has to stop. A read ends now, whatever still comes for it is dropped. A write
 * ends with its Sync, which tells what has become of it. */
static void stop(struct md_pg *pg, struct md_pg_job *job, enum md_code code)
{
	job->stop = code;
	if (job == pg->flight && job->in_rows)
		md_pg_rows_end(pg, job);
	if (job->rerun_wanted || (!job->commits && job->error.code == MD_OK))
		fill_stopped(&job->error, code);
	job->rerun_wanted = false;
	cut_short(pg);
	if (!job->writes && job->error.code != MD_OK)
		md_pg_unit_done(pg, job, &job->error);
}

static enum md_code must_stop(const struct md_pg_job *job, uint64_t now_ns)
{
	if (!job->unit || job->stop != MD_OK)
		return MD_OK;
	if (atomic_load(&job->unit->cancelled))
		return MD_CANCELLED;
	return job->deadline_ns && now_ns >= job->deadline_ns ? MD_TIMEOUT : MD_OK;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* A cancel request that arrives before the server has begun the statement hits nothing. */
static void cancel_again(struct md_pg *pg, struct md_pg_job *job, uint64_t now_ns)
{
	if (now_ns < job->cancel_again_ns)
		return;
	job->cancel_again_ns = now_ns + MD_PG_CANCEL_AGAIN_MS * MD_MS;
	if (pg->in_flight == 1 && !pg->shared_use && present_step(job) &&
	    atomic_load(&pg->shared->cancelling) == 0)
		md_pg_cancel_running(pg);
}

static uint64_t check_flight(struct md_pg *pg, uint64_t now_ns)
{
	uint64_t next_ns = 0;

	for (struct md_pg_job *job = pg->flight; job; job = job->next) {
		enum md_code code = must_stop(job, now_ns);

		if (code != MD_OK)
			stop(pg, job, code);
		if (job->give_up_ns && now_ns >= job->give_up_ns)
			pg->gone = true; /* does not answer, not even to a cancel request */
		if (job->give_up_ns) {
			cancel_again(pg, job, now_ns);
			next_ns = earlier(next_ns, earlier(job->give_up_ns, job->cancel_again_ns));
		}
		if (job->unit && job->stop == MD_OK)
			next_ns = earlier(next_ns, job->deadline_ns);
	}
	return next_ns;
}

/* done() may push: take one out at a time and begin anew. */
static bool end_one_waiting(struct md_pg *pg, uint64_t now_ns)
{
	for (struct md_pg_job **at = &pg->queue; *at; at = &(*at)->next) {
		struct md_pg_job *job = *at;
		enum md_code code = must_stop(job, now_ns);

		if (code == MD_OK)
			continue;
		*at = job->next;
		if (!job->next)
			pg->queue_end = at;
		md_fail(&job->error, code, "57014", "%s",
			code == MD_TIMEOUT ? "too late before it was started"
					   : "canceled before it was started");
		pg->base.depth--;
		md_pg_unit_done(pg, job, &job->error);
		md_pg_job_recycle(pg, job);
		return true;
	}
	return false;
}

uint64_t md_pg_check_units(struct md_pg *pg, uint64_t now_ns)
{
	uint64_t next_ns = check_flight(pg, now_ns);

	while (end_one_waiting(pg, now_ns))
		continue;
	for (struct md_pg_job *job = pg->queue; job; job = job->next)
		next_ns = earlier(next_ns, job->deadline_ns);
	return next_ns;
}
