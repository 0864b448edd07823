/* Sessions of engines that do not block: a connection of the pool, lent by it as to any other unit
 * that needs one of its own, and kept until the transaction has ended. BEGIN, COMMIT and ROLLBACK
 * are units, too.
 *
 *   run ──► [control: BEGIN ──► pool ──► pipe] ──► unit ──► done      end ──► control: COMMIT ──►
 * pool
 */
#include <assert.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"
#include "core/db/session_private.h"

#include "core/base/banned.h"

/* --- commands --- */

static struct md_session *session_of(struct md_unit *control)
{
	return (struct md_session *)((char *)control - offsetof(struct md_session, control));
}

static enum md_next control_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_session *session = session_of(unit);

	if (session->asked)
		return MD_NEXT_COMMIT;
	session->asked = true;
	*ret_call = (struct md_call){ .stmt = &session->command };
	return MD_NEXT_CALL;
}

static enum md_flow control_rows(struct md_unit *unit, const struct md_call *call,
				 struct md_rows *rows)
{
	(void)unit;
	(void)call;
	(void)rows;
	return MD_FLOW_ON;
}

static void control_reset(struct md_unit *unit)
{
	session_of(unit)->asked = false;
}

static void start_unit(struct md_session *session);
static void command_mark(struct md_session *session);

/* There is no transaction, and so none for the unit. */
static void fail_unit(struct md_session *session)
{
	struct md_unit *unit = session->unit;

	session->unit = NULL;
	session->work = MD_SESSION_IDLE;
	unit->error = session->control.error;
	unit->ops->done(unit, unit->error.code);
}

static void begun(struct md_session *session, enum md_code code)
{
	session->begun = code == MD_OK && session->pipe;
	if (code == MD_OK && !session->pipe)
		md_fail(&session->control.error, MD_UNAVAILABLE, "PGRST001",
			"Database client error. Retrying the connection.");
	if (session->work == MD_SESSION_MARK) {
		session->error = session->control.error;
		if (session->begun)
			command_mark(session);
		else
			md_session_marked(session);
	} else if (session->begun) {
		start_unit(session);
	} else {
		fail_unit(session);
	}
}

/* What was not answered in time may still be on its way: nobody uses that connection again, and the
 * server undoes what was open on it. */
static void part_late(struct md_session *session, enum md_code code)
{
	if (code != MD_TIMEOUT)
		return;
	md_fail(&session->control.error, MD_TIMEOUT, "MD504",
		"The database did not answer before the request's deadline.");
	if (session->pipe)
		session->pipe->conn->broken = true;
}

/* A mark that cannot be set, forgotten or gone back to leaves nothing to go on with. */
static void marked(struct md_session *session, enum md_code code)
{
	part_late(session, code);
	if (code != MD_OK)
		session->error = session->control.error;
	if (session->pipe) {
		session->pipe->conn->held = true;
		session->pipe->unit = NULL;
		session->pipe->moved_ns = md_now_ns();
	}
	session->lost = !session->pipe || session->pipe->conn->broken;
	md_session_marked(session);
}

static void control_done(struct md_unit *control, enum md_code code)
{
	struct md_session *session = session_of(control);

	if (session->work == MD_SESSION_UNIT || !session->begun) {
		begun(session, code);
		return;
	}
	if (!md_session_work_ends(session->work)) {
		marked(session, code);
		return;
	}
	part_late(session, code);
	if (code != MD_OK)
		session->error = control->error;
	if (session->pipe)
		md_pipe_give_back(session->pipe);
	session->pipe = NULL;
	md_session_ended(session);
}

static const struct md_unit_ops control_ops = {
	.next = control_next, .rows = control_rows, .done = control_done, .reset = control_reset
};

static void prepare_control(struct md_session *session, const char *sql, bool writes)
{
	struct md_unit *control = &session->control;

	memset(control, 0, sizeof(*control));
	control->ops = &control_ops;
	control->tx = MD_TX_IMPLICIT;
	control->alone = true;
	control->asked = MD_LANE_WRITE;
	session->command = (struct md_stmt){ .sql = sql, .writes = writes };
	session->asked = false;
}

/* --- units --- */

static void unit_done(struct md_unit *unit, enum md_code code)
{
	struct md_session *session = unit->session;

	unit->session = NULL;
	session->lost = session->pipe->conn->broken;
	session->pipe->unit = NULL;
	session->pipe->moved_ns = md_now_ns();
	session->unit = NULL;
	session->work = MD_SESSION_IDLE;
	md_pipes_finish(session->loop->pipes, unit, code);
}

static const struct md_unit_ops unit_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.done = unit_done,
};

static void stream_over(struct md_timer *timer)
{
	struct md_unit *unit = (struct md_unit *)((char *)timer - offsetof(struct md_unit, timer));

	md_session_cancel(unit->session, unit);
}

/* The reader of the answer must not keep the connection for ever. */
static void unit_paused(struct md_unit *unit)
{
	struct md_db_loop *loop = unit->lane;
	uint64_t timeout_ns = loop->db->options.stream_timeout_ms * MD_MS;

	if (timeout_ns > 0)
		md_reactor_arm(loop->home, &unit->timer, md_now_ns() + timeout_ns);
	unit->owner_ops->paused(unit);
}

static const struct md_unit_ops streaming_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.paused = unit_paused,
	.done = unit_done,
};

/* done() may come before md_session_run() has returned: it is posted, then. */
static void start_unit(struct md_session *session)
{
	struct md_unit *unit = session->unit;

	unit->owner_ops = unit->ops;
	unit->ops = unit->owner_ops->paused ? &streaming_ops : &unit_ops;
	unit->lane = session->loop;
	unit->place = session->pipe;
	unit->stage = MD_AT_WORK;
	unit->session = session;
	unit->sent = unit->retried = unit->slow = unit->streamed = false;
	unit->timer = (struct md_timer){ .due = stream_over };
	if (!unit->prelude)
		unit->prelude =
			atomic_load_explicit(&session->loop->db->prelude, memory_order_acquire);
	session->pipe->unit = unit;
	md_pipe_push(session->pipe, unit);
}

static void begin(struct md_session *session, uint64_t deadline_ns)
{
	prepare_control(session, "BEGIN", false);
	session->control.deadline_ns = deadline_ns;
	session->control.session = session;
	md_pipes_run(session->loop->pipes, &session->control);
}

static void run(struct md_session *session)
{
	struct md_unit *unit = session->unit;

	unit->starting = true;
	if (session->begun)
		start_unit(session);
	else
		begin(session, unit->deadline_ns);
	unit->starting = false;
}

static void resume(struct md_session *session)
{
	if (!session->begun)
		return;
	md_reactor_disarm(session->loop->home, &session->unit->timer);
	md_pipe_resume(session->pipe, session->unit);
}

static void cancel(struct md_session *session)
{
	atomic_store(&session->unit->cancelled, true);
	if (session->begun)
		md_pipe_cancel(session->pipe, session->unit);
	else
		md_pipes_cancel(session->loop->pipes, &session->control);
}

/* --- the end --- */

/* A server that has stopped answering must not hold whoever waits for the end. */
static uint64_t latest_end(const struct md_session *session)
{
	uint64_t most_ms = atomic_load(&session->loop->db->end_timeout_ms);

	return most_ms > 0 ? md_now_ns() + most_ms * MD_MS : 0;
}

/* Not in a savepoint, as units are. */
static void command(struct md_session *session, const char *sql, bool writes, uint64_t deadline_ns)
{
	struct md_pipe *pipe = session->pipe;

	prepare_control(session, sql, writes);
	session->control.deadline_ns = deadline_ns;
	session->control.owner_ops = session->control.ops;
	pipe->conn->held = false;
	md_pipe_push(pipe, &session->control);
}

static void end(struct md_session *session)
{
	bool commit = session->work == MD_SESSION_COMMIT;

	command(session, commit ? "COMMIT" : "ROLLBACK", commit, latest_end(session));
}

static void command_mark(struct md_session *session)
{
	uint64_t deadline_ns = session->control.deadline_ns;

	command(session, session->mark, false, deadline_ns ? deadline_ns : latest_end(session));
}

static void mark(struct md_session *session)
{
	if (session->begun)
		command_mark(session);
	else
		begin(session, session->control.deadline_ns);
}

static void release(struct md_session *session)
{
	struct md_pipes *pipes = session->loop->pipes;

	if (!session->pipe)
		return;
	md_pipes_enter(pipes);
	md_pipe_give_back(session->pipe);
	md_pipes_leave(pipes);
	session->pipe = NULL;
}

void md_session_lose_pipe(struct md_session *session)
{
	session->pipe = NULL;
	session->lost = session->begun;
}

static void leave(struct md_session *session)
{
	if (session->pipe)
		md_pipe_detach(session->pipe);
}

static void join(struct md_session *session)
{
	struct md_pipes *pipes = session->loop->pipes;

	if (!session->pipe)
		return;
	md_pipes_enter(pipes);
	md_pipe_attach(pipes, session->pipe);
	md_pipes_leave(pipes);
}

const struct md_session_way md_session_by_pipe = {
	.run = run,
	.resume = resume,
	.cancel = cancel,
	.end = end,
	.mark = mark,
	.release = release,
	.leave = leave,
	.join = join,
};
