/* The own lane: a session is lent to one unit, for as long as that takes. Here are transactions,
 * answers without a bound, whatever was too slow for the fast lane, and everything when the pool is
 * too small for shared connections. */
#include <assert.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"

#include "core/base/banned.h"

/* Idle for longer than that: ask before it is used. */
enum { FRESH_MS = 1000 };

/* --- a unit on its session --- */

static void set_slow(struct md_pipe *pipe, bool slow)
{
	struct md_pipes *pipes = pipe->pipes;

	if (pipe->slow == slow)
		return;
	pipe->slow = slow;
	md_pool_note_slow(&pipes->db->pool, &pipes->place, slow);
}

static void cut(struct md_pipe *pipe)
{
	set_slow(pipe, false);
	pipe->cut = true;
	md_pipes_cancel(pipe->pipes, pipe->unit);
}

/* Others wait for connections: those who have waited longest for their clients make room. */
static void cut_slow(struct md_pipes *pipes)
{
	for (;;) {
		struct md_pipe *slowest = NULL;

		for (struct md_pipe *pipe = pipes->all; pipe; pipe = pipe->next)
			if (pipe->slow && (!slowest || pipe->paused_ns < slowest->paused_ns))
				slowest = pipe;
		if (!slowest || !md_pool_claim(&pipes->db->pool))
			return;
		slowest->claimed = true;
		cut(slowest);
	}
}

/* The stream timeout: a session must not wait for a client for ever. */
static void stream_over(struct md_timer *timer)
{
	struct md_unit *unit = (struct md_unit *)((char *)timer - offsetof(struct md_unit, timer));

	cut(unit->place);
}

static void client_is_slow(struct md_timer *timer)
{
	struct md_unit *unit = (struct md_unit *)((char *)timer - offsetof(struct md_unit, timer));
	struct md_pipes *pipes = md_pipes_of(unit);
	struct md_pipe *pipe = unit->place;
	uint64_t timeout_ns = pipes->db->options.stream_timeout_ms * MD_MS;

	unit->timer.due = stream_over;
	if (timeout_ns > 0)
		md_reactor_arm(pipes->loop->home, &unit->timer, pipe->paused_ns + timeout_ns);
	set_slow(pipe, !unit->session);
	cut_slow(pipes);
}

static void own_paused(struct md_unit *unit)
{
	struct md_pipes *pipes = md_pipes_of(unit);
	struct md_pipe *pipe = unit->place;
	unsigned timeout_ms = pipes->db->options.stream_timeout_ms;
	bool patient = timeout_ms == 0 || timeout_ms > MD_SLOW_CLIENT_MS;

	unit->streamed = true;
	unit->timer.due = patient ? client_is_slow : stream_over;
	pipe->paused_ns = md_now_ns();
	md_reactor_arm(pipes->loop->home, &unit->timer,
		       pipe->paused_ns + (patient ? MD_SLOW_CLIENT_MS : timeout_ms) * MD_MS);
	unit->owner_ops->paused(unit);
}

void md_lane_own_resumed(struct md_pipe *pipe)
{
	set_slow(pipe, false);
}

/* It does not hold its session any more. */
static void let_go(struct md_pipe *pipe, struct md_unit *unit, enum md_code code)
{
	set_slow(pipe, false);
	if (pipe->claimed)
		md_pool_claimed(&pipe->pipes->db->pool);
	if (pipe->cut && code == MD_CANCELLED)
		md_fail(&unit->error, MD_CANCELLED, "57014",
			"the client took too little of it in time");
	pipe->claimed = pipe->cut = false;
}

static void own_done(struct md_unit *unit, enum md_code code)
{
	struct md_pipe *pipe = unit->place;
	struct md_pipes *pipes = pipe->pipes;

	pipe->unit = NULL;
	let_go(pipe, unit, code);
	pipe->moved_ns = md_now_ns();
	if (unit->session && code == MD_OK)
		md_pipe_keep(pipe, unit->session);
	md_pipe_list(pipe);
	if (!md_pipes_may_rerun(unit, code)) {
		md_pipes_finish(pipes, unit, code);
		return;
	}
	unit->retried = true;
	md_pipes_rerun(pipes, unit);
}

static const struct md_unit_ops own_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.done = own_done,
};
static const struct md_unit_ops streaming_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.paused = own_paused,
	.done = own_done,
};

/* A session can write; what came as a read may not. */
static void start_on(struct md_pipe *pipe, struct md_unit *unit)
{
	struct md_pipes *pipes = pipe->pipes;
	bool reads = unit->asked != MD_LANE_WRITE;

	md_reactor_disarm(pipes->loop->home, &unit->timer);
	if (reads && unit->tx == MD_TX_IMPLICIT)
		unit->tx = MD_TX_READ;
	unit->ops = reads && unit->owner_ops->paused ? &streaming_ops : &own_ops;
	unit->place = pipe;
	unit->stage = MD_AT_WORK;
	pipe->unit = unit;
	atomic_fetch_add_explicit(&pipes->db->offloaded, 1, memory_order_relaxed);
	md_pipe_push(pipe, unit);
}

/* --- sessions for units --- */

static void bind(struct md_pipe *pipe, struct md_unit *unit)
{
	pipe->unit = unit;
	unit->place = pipe;
	unit->stage = MD_AT_SESSION;
	md_pipes_limit_wait(pipe->pipes, unit, false);
}

static void fail_refused(struct md_pipes *pipes, struct md_unit *unit)
{
	struct md_error why;

	md_pipes_refusal(&why);
	md_pipes_fail(pipes, unit, &why);
}

/* The slot is there. */
static void open_for(struct md_pipes *pipes, struct md_unit *unit)
{
	struct md_pipe *pipe = NULL;

	if (!pipes->down)
		pipe = md_pipe_open(pipes, MD_PIPE_SESSION, NULL);
	if (pipe && pipe->failed) { /* before it was the unit's: nobody would tell it */
		fail_refused(pipes, unit);
		return;
	}
	if (pipe) {
		bind(pipe, unit);
		return;
	}
	md_pool_drop(&pipes->db->pool);
	md_pipes_park(pipes, unit); /* the attempt was not made on its behalf alone */
}

/* It is not good any more: close it. Its slot goes with it, a new one is asked for. */
static void replace(struct md_pipe *pipe, struct md_unit *unit)
{
	struct md_pipes *pipes = pipe->pipes;

	md_pipe_doom(pipe);
	if (unit)
		md_lane_own_run(pipes, unit);
}

static void use(struct md_pipe *pipe, struct md_unit *unit)
{
	struct md_pipes *pipes = pipe->pipes;
	bool fresh = md_now_ns() - pipe->idle_ns <= FRESH_MS * MD_MS;

	pipe->unit = NULL;
	if (fresh && unit->asked == MD_LANE_WRITE)
		md_pipe_look(pipe); /* a farewell may have come in this turn */
	if (pipe->conn->broken || pipe->doomed) {
		replace(pipe, unit);
	} else if (md_pipe_is_stale(pipe)) {
		md_pool_count(&pipes->db->pool, MD_POOL_RECYCLED);
		md_echo_pool(pipes->db, MD_DB_ECHO, "connection exceeded its age; recycling");
		replace(pipe, unit);
	} else if (fresh) {
		start_on(pipe, unit);
	} else {
		bind(pipe, unit);
		md_echo_pool(pipes->db, MD_DB_ECHO_ALL, "pre-ping");
		md_pipe_ping(pipe);
	}
}

static struct md_pipe *pop_idle(struct md_pipes *pipes)
{
	struct md_pipe *pipe = pipes->idle;

	assert(pipe);
	pipes->idle = pipe->under;
	pipe->idle = false;
	return pipe;
}

void md_lane_own_run(struct md_pipes *pipes, struct md_unit *unit)
{
	unit->stage = MD_AT_POOL;
	switch (md_pool_take(&pipes->db->pool, &pipes->place, unit)) {
	case MD_PERMIT_IDLE:
		md_echo_pool(pipes->db, MD_DB_ECHO_ALL, "connection checked out");
		use(pop_idle(pipes), unit);
		break;
	case MD_PERMIT_OPEN:
		open_for(pipes, unit);
		break;
	case MD_PERMIT_WAIT:
		md_pipes_limit_wait(pipes, unit, true);
		break;
	}
}

/* One new session at a time: the fast lane goes on by itself most of the time. */
bool md_lane_own_try(struct md_pipes *pipes, struct md_unit *unit)
{
	switch (md_pool_try(&pipes->db->pool, &pipes->place, pipes->opening == 0)) {
	case MD_PERMIT_IDLE:
		use(pop_idle(pipes), unit);
		return true;
	case MD_PERMIT_OPEN:
		open_for(pipes, unit);
		return true;
	case MD_PERMIT_WAIT:
		break;
	}
	return false;
}

void md_lane_own_ready(struct md_pipe *pipe)
{
	struct md_unit *unit = pipe->unit;

	md_echo_pool(pipe->pipes->db, MD_DB_ECHO_ALL, "connection is ready");
	if (unit)
		start_on(pipe, unit);
	else
		md_pipe_list(pipe);
}

void md_lane_own_lost(struct md_pipe *pipe, bool again)
{
	struct md_pipes *pipes = pipe->pipes;
	struct md_unit *unit = pipe->unit;

	pipe->unit = NULL;
	if (!unit)
		return;
	unit->place = NULL;
	if (again)
		md_pipes_place(pipes, unit);
	else
		fail_refused(pipes, unit);
}

/* --- sessions without a unit --- */

/* How long it has been idle goes with it. */
static void hand_over(struct md_pipe *pipe, struct md_unit *unit)
{
	md_pipe_detach(pipe);
	md_pool_grant(unit, pipe);
}

static void keep_again(struct md_pipe *pipe)
{
	struct md_pipes *pipes = pipe->pipes;

	pipe->idle = true;
	pipe->under = pipes->idle;
	pipes->idle = pipe;
}

static void keep(struct md_pipe *pipe)
{
	pipe->idle_ns = md_now_ns();
	keep_again(pipe);
}

/* No driver is on the stack. */
void md_lane_own_free(struct md_pipe *pipe)
{
	struct md_pipes *pipes = pipe->pipes;
	struct md_unit *unit;

	switch (md_pool_put(&pipes->db->pool, &pipes->place, false, &unit)) {
	case MD_RETURN_KEEP:
		md_echo_pool(pipes->db, MD_DB_ECHO_ALL, "connection returned");
		keep(pipe);
		break;
	case MD_RETURN_GIVE:
		pipe->idle_ns = md_now_ns();
		hand_over(pipe, unit);
		break;
	case MD_RETURN_CLOSE:
		md_pipe_doom(pipe);
		break;
	}
}

void md_lane_own_granted(struct md_task *task)
{
	struct md_unit *unit = (struct md_unit *)((char *)task - offsetof(struct md_unit, task));
	struct md_pipes *pipes = md_pipes_of(unit);
	struct md_pipe *pipe = unit->place;
	bool over = md_pipes_is_over(unit);

	md_pipes_enter(pipes);
	unit->place = NULL;
	if (pipe)
		md_pipe_attach(pipes, pipe);
	if (pipe && over)
		md_pipe_list(pipe);
	else if (pipe)
		use(pipe, unit);
	else if (over)
		md_pool_drop(&pipes->db->pool);
	else
		open_for(pipes, unit);
	if (over)
		md_pipes_fail_over(pipes, unit);
	md_pipes_leave(pipes);
}

/* Somebody waits elsewhere, and connections are idle here. */
void md_lane_own_asked(struct md_task *task)
{
	struct md_pool_place *place =
		(struct md_pool_place *)((char *)task - offsetof(struct md_pool_place, task));
	struct md_pipes *pipes =
		(struct md_pipes *)((char *)place - offsetof(struct md_pipes, place));
	struct md_pool *pool = &pipes->db->pool;
	struct md_unit *unit;
	bool waits = true;

	md_pipes_enter(pipes);
	md_pool_ask_taken(pool, place);
	while (waits && pipes->idle) {
		struct md_pipe *pipe = pop_idle(pipes);

		switch (md_pool_put(pool, place, true, &unit)) {
		case MD_RETURN_KEEP:
			keep_again(pipe);
			waits = false;
			break;
		case MD_RETURN_GIVE:
			hand_over(pipe, unit);
			break;
		case MD_RETURN_CLOSE:
			md_pipe_doom(pipe);
			break;
		}
	}
	cut_slow(pipes);
	md_pipes_leave(pipes);
}
