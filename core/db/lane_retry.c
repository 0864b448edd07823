/* When the database does not answer: one attempt at a time, sooner when somebody waits for it. The
 * first failure is the news; what follows it is one line when it is over. */
#include <string.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"

#include "core/base/banned.h"

enum { DELAY_FIRST_MS = 50, DELAY_WAITED_MS = 500, DELAY_MAX_MS = 5000, TELL_MS = 5000 };

void md_pipes_refusal(struct md_error *ret_err)
{
	md_fail(ret_err, MD_UNAVAILABLE, "PGRST000",
		"Database connection error. Retrying the connection.");
}

/* A quarter less, up to. */
static uint64_t jittered(struct md_pipes *pipes, uint64_t delay_ns)
{
	return delay_ns - md_pipes_random(pipes, delay_ns / 4 + 1);
}

static void fail_parked(struct md_pipes *pipes)
{
	struct md_error why;

	md_pipes_refusal(&why);
	while (pipes->parked) {
		struct md_unit *unit = pipes->parked;

		md_pipes_unpark(pipes, unit);
		md_pipes_fail(pipes, unit, &why);
	}
}

static void schedule(struct md_pipes *pipes)
{
	uint64_t most_ns = (pipes->parked ? DELAY_WAITED_MS : DELAY_MAX_MS) * MD_MS;
	uint64_t delay_ns = pipes->delay_ns < most_ns ? pipes->delay_ns : most_ns;

	md_reactor_arm(pipes->loop->home, &pipes->retry,
		       pipes->failed_ns + jittered(pipes, delay_ns));
}

static void tell_failure(const struct md_pipes *pipes, const struct md_error *err)
{
	md_log_line(&pipes->db->log, MD_LOG_ERROR, "cannot connect to %s: %s (%s)%s%s",
		    pipes->db->label, err->message, err->wire, err->hint[0] ? "; " : "", err->hint);
}

void md_pipes_failed(struct md_pipes *pipes, struct md_pipe *pipe, const struct md_error *err)
{
	uint64_t now_ns = md_now_ns();

	if (pipe && pipe == pipes->probe)
		pipes->probe = NULL;
	md_pool_count(&pipes->db->pool, MD_POOL_FAILED);
	atomic_store_explicit(&pipes->db->alive, false, memory_order_relaxed);
	if (!pipes->down) {
		tell_failure(pipes, err);
		pipes->down = true;
		pipes->delay_ns = DELAY_FIRST_MS * MD_MS;
	} else if (now_ns - pipes->failed_ns >= pipes->delay_ns / 2 &&
		   pipes->delay_ns < DELAY_MAX_MS * MD_MS) {
		pipes->delay_ns *= 2; /* not for those that failed together */
	}
	pipes->failed_ns = now_ns;
	fail_parked(pipes);
	if (!pipes->probe)
		schedule(pipes);
}

void md_pipes_refused(struct md_pipes *pipes, const struct md_error *err)
{
	uint64_t now_ns = md_now_ns();

	md_pool_count(&pipes->db->pool, MD_POOL_FAILED);
	if (pipes->told_ns == 0 || now_ns - pipes->told_ns > TELL_MS * MD_MS) {
		tell_failure(pipes, err);
		pipes->told_ns = now_ns;
	}
	md_pipes_up(pipes);
}

void md_pipes_up(struct md_pipes *pipes)
{
	struct md_unit *unit = pipes->parked;

	atomic_store_explicit(&pipes->db->alive, true, memory_order_relaxed);
	if (!pipes->down)
		return;
	pipes->down = false;
	pipes->probe = NULL;
	md_reactor_disarm(pipes->loop->home, &pipes->retry);
	md_log_line(&pipes->db->log, MD_LOG_INFO, "connected to %s again", pipes->db->label);
	pipes->parked = NULL;
	pipes->parked_end = &pipes->parked;
	while (unit) {
		struct md_unit *next = unit->link;

		unit->stage = MD_AT_OWNER;
		md_pipes_place(pipes, unit);
		unit = next;
	}
}

void md_pipes_park(struct md_pipes *pipes, struct md_unit *unit)
{
	unit->stage = MD_AT_PARKED;
	unit->link = NULL;
	*pipes->parked_end = unit;
	pipes->parked_end = &unit->link;
	md_pipes_limit_wait(pipes, unit, false);
	if (!pipes->probe && pipes->retry.deadline_ns > pipes->failed_ns + DELAY_WAITED_MS * MD_MS)
		schedule(pipes);
}

bool md_pipes_unpark(struct md_pipes *pipes, struct md_unit *unit)
{
	for (struct md_unit **at = &pipes->parked; *at; at = &(*at)->link) {
		if (*at != unit)
			continue;
		*at = unit->link;
		if (!*at)
			pipes->parked_end = at;
		unit->stage = MD_AT_OWNER;
		return true;
	}
	return false;
}

/* The connection of the fast lane, if there is to be one, else a session. */
static struct md_pipe *attempt(struct md_pipes *pipes)
{
	struct md_pool *pool = &pipes->db->pool;
	struct md_pipe *pipe;

	if (pipes->has_fast && !pipes->fast[MD_PIPE_READ])
		return md_pipe_open(pipes, MD_PIPE_READ, NULL);
	switch (md_pool_try(pool, &pipes->place, true)) {
	case MD_PERMIT_OPEN:
		pipe = md_pipe_open(pipes, MD_PIPE_SESSION, NULL);
		if (!pipe)
			md_pool_drop(pool);
		return pipe;
	case MD_PERMIT_IDLE: /* one has survived: ask it */
		pipe = pipes->idle;
		pipes->idle = pipe->under;
		pipe->idle = false;
		md_pipe_ping(pipe);
		md_pipes_up(pipes);
		return NULL;
	case MD_PERMIT_WAIT:
		break;
	}
	md_pipes_up(pipes); /* all slots are used: it cannot be that bad */
	return NULL;
}

void md_pipes_retry(struct md_timer *timer)
{
	struct md_pipes *pipes =
		(struct md_pipes *)((char *)timer - offsetof(struct md_pipes, retry));

	if (!pipes->down || pipes->probe)
		return;
	md_pipes_enter(pipes);
	pipes->probe = attempt(pipes);
	if (pipes->probe && (pipes->probe->failed || !pipes->down))
		pipes->probe = NULL;
	if (pipes->down && !pipes->probe)
		schedule(pipes);
	md_pipes_leave(pipes);
}
