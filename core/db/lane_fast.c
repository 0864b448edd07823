/* The fast lane: two connections that the requests of a loop share, one that only reads and one
 * that writes. Fill first: as long as the connection moves, everything goes to it. It spills by
 * age: when the first in line has not moved for two milliseconds, the next ones go to sessions that
 * are to be had without waiting.
 *
 * What takes too long for its neighbours (a second, a lock for 50 ms) is stopped by the server, and
 * begins again on a session; nothing of it has happened. Nobody sends a cancel request here: it
 * would hit whatever runs when it arrives. */
#include <string.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"

#include "core/base/banned.h"

/* Writes wait for the commit of those before them, and then share one. */
enum { FLIGHT_MAX = 64, SPILL_MS = 2, SPILL_WRITES_MS = 20 };

/* Rows are for one piece: who has more to say begins again where it keeps nobody waiting. */
static enum md_flow fast_rows(struct md_unit *unit, const struct md_call *call,
			      struct md_rows *rows)
{
	enum md_flow flow = unit->owner_ops->rows(unit, call, rows);

	if (flow != MD_FLOW_PAUSE)
		return flow;
	md_fail(&unit->error, MD_BUSY, "MDOVER", "the answer does not fit in one piece");
	return MD_FLOW_ABORT;
}

/* The server, or we, found that it does not belong here. */
static bool is_slow(const struct md_pipe *pipe, const struct md_unit *unit, enum md_code code)
{
	const char *wire = unit->error.wire;

	if (md_pipes_is_over(unit))
		return false;
	if (code == MD_BUSY && strcmp(wire, "MDOVER") == 0)
		return true;
	if (code == MD_TIMEOUT && strcmp(wire, "57014") == 0)
		return true;
	return pipe->kind == MD_PIPE_WRITE && strcmp(wire, "55P03") == 0;
}

static void fast_done(struct md_unit *unit, enum md_code code)
{
	struct md_pipe *pipe = unit->place;
	struct md_pipes *pipes = pipe->pipes;
	bool lock = code == MD_BUSY && strcmp(unit->error.wire, "55P03") == 0;

	pipe->moved_ns = md_now_ns();
	if (code == MD_OK) {
		md_pipes_finish(pipes, unit, code);
		return;
	}
	if (pipe->failed) {
		md_pipes_refusal(&unit->error);
		md_pipes_finish(pipes, unit, MD_UNAVAILABLE);
		return;
	}
	if (is_slow(pipe, unit, code)) {
		unit->slow = true;
		md_pipes_rerun(pipes, unit);
		unit->slow = !lock; /* a lock says nothing about the plan */
		return;
	}
	if (!md_pipes_may_rerun(unit, code)) {
		md_pipes_finish(pipes, unit, code);
		return;
	}
	unit->retried = true;
	md_pipes_rerun(pipes, unit);
}

static void fast_reset(struct md_unit *unit)
{
	unit->owner_ops->reset(unit);
}

static const struct md_unit_ops fast_ops = {
	.next = md_lane_next,
	.rows = fast_rows,
	.done = fast_done,
	.reset = fast_reset,
};

/* NULL: it could not even begin to be opened; the database is down. */
static struct md_pipe *connection(struct md_pipes *pipes, enum md_pipe_kind kind)
{
	struct md_pipe *pipe = pipes->fast[kind];

	if (pipe && pipe->conn->broken) { /* its units are just being told */
		md_pipe_doom(pipe);
		pipe = NULL;
	}
	if (pipe && !pipe->opening && md_pipe_is_stale(pipe)) {
		md_pool_count(&pipes->db->pool, MD_POOL_RECYCLED);
		pipe->retired = true;
		pipes->fast[kind] = NULL;
		md_pipe_list(pipe);
		pipe = NULL;
	}
	return pipe ? pipe : md_pipe_open(pipes, kind, NULL);
}

static bool is_stalled(const struct md_pipe *pipe)
{
	uint64_t most_ns = (pipe->kind == MD_PIPE_WRITE ? SPILL_WRITES_MS : SPILL_MS) * MD_MS;

	return pipe->conn->depth > 1 && !pipe->opening &&
	       md_reactor_now_ns(pipe->pipes->loop->home) > pipe->moved_ns + most_ns;
}

void md_lane_fast_run(struct md_pipes *pipes, struct md_unit *unit, enum md_pipe_kind kind)
{
	struct md_pipe *pipe = connection(pipes, kind);

	if (!pipe) {
		md_pipes_park(pipes, unit);
		return;
	}
	if (is_stalled(pipe) && md_lane_own_try(pipes, unit))
		return;
	if (pipe->conn->depth >= FLIGHT_MAX) {
		md_lane_own_run(pipes, unit);
		return;
	}
	atomic_fetch_add_explicit(&pipes->db->inline_reads, 1, memory_order_relaxed);
	unit->place = pipe;
	unit->stage = MD_AT_WORK;
	unit->ops = &fast_ops;
	md_pipe_push(pipe, unit);
}
