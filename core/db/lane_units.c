/* The way of a unit: from md_db_run() to a lane, perhaps to another one, and back to its owner.
 * done() is never called before md_db_run() has returned: what ends earlier is posted. */
#include "core/base/clock.h"
#include "core/db/lane_pipe.h"

#include "core/base/banned.h"

/* --- the end --- */

static void run_end(struct md_task *task)
{
	struct md_unit *unit = (struct md_unit *)((char *)task - offsetof(struct md_unit, task));

	unit->stage = MD_AT_OWNER;
	md_lane_finish(unit, unit->result);
}

static void post_end(struct md_pipes *pipes, struct md_unit *unit, enum md_code code)
{
	unit->stage = MD_AT_END;
	unit->result = code;
	unit->task.run = run_end;
	md_reactor_post(pipes->loop->home, &unit->task);
}

/* The connection was lost, or the server ended it for a reason that is none of the client's. */
static bool is_loss(const struct md_error *err)
{
	static const char *const states[] = {
		"57P02", /* another process of the server has crashed */
		"57P03", /* it is starting or ending */
		"57P05", /* idle for too long, */
		"25P03"  /* or in a transaction */
	};

	if (err->code != MD_UNAVAILABLE)
		return false;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(err->wire, states[i]) == 0)
			return true;
	return strncmp(err->wire, "08", 2) == 0;
}

/* Say so in PostgREST's words. */
static void translate(struct md_error *err)
{
	struct md_error said = *err;

	if (!is_loss(err))
		return;
	md_fail(err, MD_UNAVAILABLE, "PGRST001", "Database client error. Retrying the connection.");
	md_error_details(err, "%s", said.message);
}

/* Our deadline, not the server's statement timeout; nothing has been changed. */
static bool is_late(const struct md_unit *unit)
{
	return unit->deadline_ns && md_now_ns() >= unit->deadline_ns &&
	       strcmp(unit->error.wire, "57014") == 0;
}

static void tell_late(struct md_unit *unit)
{
	struct md_error *err = &unit->error;

	if (unit->sent) {
		md_fail(err, MD_TIMEOUT, "MD504",
			"The database did not answer before the request's deadline.");
		return;
	}
	md_fail(err, MD_TIMEOUT, "PGRST003",
		"Timed out acquiring connection from connection pool.");
	md_error_details(err, "There was none before the request's deadline.");
}

void md_pipes_finish(struct md_pipes *pipes, struct md_unit *unit, enum md_code code)
{
	md_reactor_disarm(pipes->loop->home, &unit->timer);
	unit->place = NULL;
	unit->stage = MD_AT_OWNER;
	if (code != MD_OK)
		translate(&unit->error);
	if (code == MD_TIMEOUT && is_late(unit))
		tell_late(unit);
	if (unit->starting)
		post_end(pipes, unit, code);
	else
		md_lane_finish(unit, code);
}

void md_pipes_fail(struct md_pipes *pipes, struct md_unit *unit, const struct md_error *err)
{
	unit->error = *err;
	md_pipes_finish(pipes, unit, err->code);
}

/* --- waiting has an end --- */

bool md_pipes_is_over(const struct md_unit *unit)
{
	return atomic_load_explicit(&unit->cancelled, memory_order_relaxed) ||
	       (unit->deadline_ns && md_now_ns() >= unit->deadline_ns);
}

void md_pipes_fail_over(struct md_pipes *pipes, struct md_unit *unit)
{
	bool cancelled = atomic_load(&unit->cancelled);

	md_fail(&unit->error, cancelled ? MD_CANCELLED : MD_TIMEOUT, "57014",
		"canceling statement due to user request");
	md_pipes_finish(pipes, unit, unit->error.code);
}

static void fail_wait(struct md_pipes *pipes, struct md_unit *unit)
{
	struct md_pool_stats pool;

	if (md_pipes_is_over(unit)) {
		md_pipes_fail_over(pipes, unit);
		return;
	}
	md_pool_tell(&pipes->db->pool, &pool);
	md_fail(&unit->error, MD_TIMEOUT, "PGRST003",
		"Timed out acquiring connection from connection pool.");
	md_error_details(&unit->error,
			 "QueuePool limit of size %u overflow %d reached, connection timed out, "
			 "timeout %.2f",
			 pool.size, pool.max_overflow,
			 atomic_load(&pipes->db->pool_timeout_ms) / 1000.0);
	md_pipes_finish(pipes, unit, MD_TIMEOUT);
}

/* Take it from where it waits. False: it does not wait any more, its end will come. */
static bool stop_waiting(struct md_pipes *pipes, struct md_unit *unit, bool timed_out)
{
	struct md_pipe *pipe = unit->place;

	switch ((enum md_stage)unit->stage) {
	case MD_AT_POOL:
		return md_pool_unqueue(&pipes->db->pool, unit, timed_out);
	case MD_AT_PARKED:
		return md_pipes_unpark(pipes, unit);
	case MD_AT_SESSION:
		pipe->unit = NULL; /* somebody else will have use for it */
		md_pipe_list(pipe);
		return true;
	case MD_AT_OWNER:
	case MD_AT_WORK:
	case MD_AT_END:
		break;
	}
	return false;
}

static void wait_over(struct md_timer *timer)
{
	struct md_unit *unit = (struct md_unit *)((char *)timer - offsetof(struct md_unit, timer));
	struct md_pipes *pipes = md_pipes_of(unit);

	md_pipes_enter(pipes);
	if (stop_waiting(pipes, unit, true))
		fail_wait(pipes, unit);
	md_pipes_leave(pipes);
}

void md_pipes_limit_wait(struct md_pipes *pipes, struct md_unit *unit, bool pooled)
{
	uint64_t until_ns = unit->deadline_ns, pool_ns = atomic_load(&pipes->db->pool_timeout_ms);

	if (pooled && pool_ns > 0) {
		pool_ns = md_now_ns() + pool_ns * MD_MS;
		if (until_ns == 0 || pool_ns < until_ns)
			until_ns = pool_ns;
	}
	unit->timer.due = wait_over;
	if (until_ns)
		md_reactor_arm(pipes->loop->home, &unit->timer, until_ns);
	else
		md_reactor_disarm(pipes->loop->home, &unit->timer);
}

/* --- beginning --- */

/* Short work, as far as one can know beforehand, that can begin again when it was not. */
static bool is_fast(const struct md_pipes *pipes, const struct md_unit *unit)
{
	return pipes->has_fast && !unit->slow && unit->tx == MD_TX_IMPLICIT &&
	       unit->asked != MD_LANE_OWN && !unit->alone && unit->owner_ops->reset;
}

void md_pipes_place(struct md_pipes *pipes, struct md_unit *unit)
{
	if (pipes->down)
		md_pipes_park(pipes, unit);
	else if (is_fast(pipes, unit))
		md_lane_fast_run(pipes, unit,
				 unit->asked == MD_LANE_WRITE ? MD_PIPE_WRITE : MD_PIPE_READ);
	else
		md_lane_own_run(pipes, unit);
}

void md_pipes_run(struct md_pipes *pipes, struct md_unit *unit)
{
	unit->owner_ops = unit->ops;
	unit->lane = pipes->loop;
	unit->place = NULL;
	unit->stage = MD_AT_OWNER;
	unit->sent = unit->retried = unit->slow = unit->streamed = false;
	unit->timer = (struct md_timer){ .due = wait_over };
	if (!unit->prelude)
		unit->prelude = atomic_load_explicit(&pipes->db->prelude, memory_order_acquire);
	unit->starting = true;
	md_pipes_enter(pipes);
	md_pipes_place(pipes, unit);
	md_pipes_leave(pipes);
	unit->starting = false;
}

/* --- again --- */

bool md_pipes_may_rerun(const struct md_unit *unit, enum md_code code)
{
	if (code != MD_UNAVAILABLE || unit->retried || unit->streamed || md_pipes_is_over(unit))
		return false;
	if (unit->sent && (unit->asked == MD_LANE_WRITE || unit->tx == MD_TX_WRITE))
		return false;
	return !unit->sent || unit->owner_ops->reset;
}

void md_pipes_rerun(struct md_pipes *pipes, struct md_unit *unit)
{
	md_pool_count(&pipes->db->pool, MD_POOL_RERUN);
	md_error_clear(&unit->error);
	unit->ops = unit->owner_ops;
	unit->place = NULL;
	unit->stage = MD_AT_OWNER;
	unit->sent = false;
	if (unit->ops->reset)
		unit->ops->reset(unit);
	md_pipes_place(pipes, unit);
}

/* --- from outside --- */

void md_pipes_resume(struct md_pipes *pipes, struct md_unit *unit)
{
	if (unit->stage != MD_AT_WORK)
		return;
	md_reactor_disarm(pipes->loop->home, &unit->timer);
	md_lane_own_resumed(unit->place);
	md_pipe_resume(unit->place, unit);
}

void md_pipes_cancel(struct md_pipes *pipes, struct md_unit *unit)
{
	atomic_store(&unit->cancelled, true);
	md_pipes_enter(pipes);
	if (unit->stage == MD_AT_WORK) {
		md_pipe_cancel(unit->place, unit);
	} else if (stop_waiting(pipes, unit, false)) {
		md_reactor_disarm(pipes->loop->home, &unit->timer);
		post_end(pipes, unit,
			 md_fail(&unit->error, MD_CANCELLED, "57014",
				 "canceling statement due to user request"));
	}
	md_pipes_leave(pipes);
}
