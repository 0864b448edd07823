/* Inline reads: on the loop itself, with no queue and no thread switch. All inline reads of one
 * turn share one read transaction, which is renewed when a write of ours was committed since it
 * began, so that a client always reads its own acknowledged write. A read that takes longer than
 * the budget, that has more to say than fits in its buffer, or that would have to wait for a lock
 * is undone and given to a reader thread: nothing of it has been sent. */
#include <assert.h>
#include <string.h>

#include "core/db/lane.h"

#include "core/base/banned.h"

static void count(atomic_uint_fast64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void close_snapshot(struct md_db_loop *loop)
{
	if (!loop->snapshot_open)
		return;
	loop->snapshot_open = false;
	/* A read transaction has nothing to lose; if even COMMIT fails, roll back and start afresh.
	 */
	if (loop->conn->driver->command(loop->conn, "COMMIT", NULL) != MD_OK)
		loop->conn->driver->command(loop->conn, "ROLLBACK", NULL);
}

void md_lane_inline_end_turn(struct md_turn_hook *hook)
{
	struct md_db_loop *loop =
		(struct md_db_loop *)((char *)hook - offsetof(struct md_db_loop, turn_end));

	close_snapshot(loop);
	if (loop->conn && loop->conn->prepares != loop->seen_prepares) {
		atomic_fetch_add_explicit(&loop->db->prepares,
					  loop->conn->prepares - loop->seen_prepares,
					  memory_order_relaxed);
		loop->seen_prepares = loop->conn->prepares;
	}
}

/* The counter is read before BEGIN: a commit noted in between makes the snapshot look older than it
 * is, never younger. */
static enum md_code open_snapshot(struct md_db_loop *loop, struct md_error *err)
{
	uint64_t commits = atomic_load_explicit(&loop->db->commits, memory_order_acquire);
	enum md_code code;

	if (loop->snapshot_open && loop->snapshot_commits == commits)
		return MD_OK;
	if (loop->snapshot_open) {
		close_snapshot(loop);
		count(&loop->db->renewals);
	}
	code = loop->conn->driver->command(loop->conn, "BEGIN", err);
	if (code != MD_OK)
		return code;
	loop->snapshot_open = true;
	loop->snapshot_commits = commits;
	count(&loop->db->snapshots);
	return MD_OK;
}

/* No statement of the inline connection may survive the turn, so there is no pause here: the unit
 * moves. */
static enum md_flow inline_rows(struct md_unit *unit, const struct md_call *call,
				struct md_rows *rows)
{
	enum md_flow flow = unit->owner_ops->rows(unit, call, rows);

	if (flow != MD_FLOW_PAUSE)
		return flow;
	md_fail(&unit->error, MD_BUSY, "MDOVER", "the answer does not fit in one piece");
	return MD_FLOW_ABORT;
}

static void inline_done(struct md_unit *unit, enum md_code code)
{
	struct md_db_loop *loop = unit->lane;
	enum md_inline_end *end = loop->inline_end;

	if (code == MD_BUSY && unit->owner_ops->reset) {
		*end = MD_INLINE_MOVED;
		return; /* md_lane_inline_run() goes on, when the driver has let go of the unit */
	}
	*end = MD_INLINE_DONE;
	md_lane_note(loop->db, code);
	md_lane_finish(unit, code);
}

static const struct md_unit_ops inline_ops = {
	.next = md_lane_next,
	.rows = inline_rows,
	.done = inline_done,
	.child = md_lane_child,
};

static void move_to_reader(struct md_db_loop *loop, struct md_unit *unit)
{
	count(&loop->db->over_budget);
	unit->ops = unit->owner_ops;
	md_error_clear(&unit->error);
	unit->ops->reset(unit);
	md_lane_readers_run(loop, unit);
}

bool md_lane_inline_run(struct md_db_loop *loop, struct md_unit *unit)
{
	enum md_inline_end end = MD_INLINE_RUNNING, *outer = loop->inline_end;
	enum md_code code = open_snapshot(loop, &unit->error);

	unit->owner_ops = unit->ops;
	unit->lane = loop;
	if (code == MD_BUSY) {
		move_to_reader(loop, unit);
		return false;
	}
	if (code != MD_OK) {
		md_lane_note(loop->db, code);
		md_lane_finish(unit, code);
		return true;
	}
	count(&loop->db->inline_reads);
	unit->ops = &inline_ops;
	loop->inline_end = &end;
	loop->conn->driver->push(loop->conn, unit);
	loop->inline_end = outer;
	assert(end != MD_INLINE_RUNNING);
	if (end == MD_INLINE_DONE)
		return true;
	move_to_reader(loop, unit);
	return false;
}
