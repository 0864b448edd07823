/* Connections of a loop: opened, watched, looked at after every call of their driver, closed. What
 * is to be done with one (close it, give it back) waits until no driver is on the stack, because a
 * connection whose driver is still at work must neither be freed nor be handed to another loop. */
#include "core/db/lane_pipe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/session_private.h"

#include "core/base/banned.h"

/* The fast lane gives up what would keep its neighbours waiting. */
enum { FAST_STATEMENT_MS = 1000, FAST_LOCK_MS = 50, STALL_MS = 5000, REAPER_MS = 1000 };

uint64_t md_pipes_random(struct md_pipes *pipes, uint64_t below)
{
	uint64_t x = pipes->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	pipes->random = x;
	return below > 0 ? x % below : 0;
}

/* --- lists --- */

void md_pipe_list(struct md_pipe *pipe)
{
	if (pipe->listed)
		return;
	pipe->listed = true;
	pipe->todo = pipe->pipes->todo;
	pipe->pipes->todo = pipe;
}

static void unlist(struct md_pipe *pipe)
{
	struct md_pipe **at = &pipe->pipes->todo;

	if (!pipe->listed)
		return;
	while (*at != pipe)
		at = &(*at)->todo;
	*at = pipe->todo;
	pipe->listed = false;
}

static void clean(struct md_pipe *pipe)
{
	struct md_pipe **at = &pipe->pipes->dirty;

	if (!pipe->dirty)
		return;
	while (*at != pipe)
		at = &(*at)->dirty_next;
	*at = pipe->dirty_next;
	pipe->dirty = false;
}

static void leave_idle(struct md_pipe *pipe)
{
	struct md_pipe **at = &pipe->pipes->idle;

	if (!pipe->idle)
		return;
	while (*at != pipe)
		at = &(*at)->under;
	*at = pipe->under;
	pipe->idle = false;
	md_pool_unidle(&pipe->pipes->db->pool, &pipe->pipes->place);
}

/* Out of the list of all. */
static void leave_all(struct md_pipe *pipe)
{
	struct md_pipes *pipes = pipe->pipes;

	assert(!pipe->previous == (pipes->all == pipe));
	*(pipe->previous ? &pipe->previous->next : &pipes->all) = pipe->next;
	if (pipe->next)
		pipe->next->previous = pipe->previous;
}

void md_pipe_detach(struct md_pipe *pipe)
{
	struct md_pipes *pipes = pipe->pipes;

	md_reactor_forget(pipes->loop->home, &pipe->source);
	unlist(pipe);
	clean(pipe);
	leave_all(pipe);
	pipe->next = pipe->previous = NULL;
	pipe->pipes = NULL;
}

static void watch(struct md_pipe *pipe)
{
	const struct md_db_driver *driver = pipe->conn->driver;
	struct md_reactor *home = pipe->pipes->loop->home;
	unsigned wants = driver->wants(pipe->conn);
	int fd = driver->fd(pipe->conn);

	if (pipe->source.watched && fd == pipe->source.fd && wants == pipe->source.wants)
		return;
	if (pipe->source.watched && fd != pipe->source.fd)
		md_reactor_forget(home, &pipe->source);
	pipe->source.fd = fd;
	pipe->source.wants = wants;
	if (fd >= 0 && !md_reactor_watch(home, &pipe->source))
		md_pipe_doom(pipe);
}

void md_pipe_attach(struct md_pipes *pipes, struct md_pipe *pipe)
{
	pipe->pipes = pipes;
	pipe->previous = NULL;
	pipe->next = pipes->all;
	if (pipe->next)
		pipe->next->previous = pipe;
	pipes->all = pipe;
	watch(pipe);
}

/* --- calls of the driver --- */

void md_pipes_enter(struct md_pipes *pipes)
{
	pipes->depth++;
}

static void note_prepares(struct md_pipe *pipe)
{
	if (pipe->conn->prepares == pipe->prepares)
		return;
	atomic_fetch_add_explicit(&pipe->pipes->db->prepares, pipe->conn->prepares - pipe->prepares,
				  memory_order_relaxed);
	pipe->prepares = pipe->conn->prepares;
}

static void note_changes(struct md_pipe *pipe)
{
	const struct md_db *db = pipe->pipes->db;

	if (pipe->conn->changes == pipe->changes)
		return;
	pipe->changes = pipe->conn->changes;
	if (db->options.changed)
		db->options.changed();
}

/* After every call of the driver. */
static void look_at(struct md_pipe *pipe)
{
	note_prepares(pipe);
	note_changes(pipe);
	if (pipe->conn->broken)
		md_pipe_doom(pipe);
	else
		watch(pipe);
	if (pipe->retired && pipe->conn->depth == 0)
		md_pipe_list(pipe);
	if (pipe->dirty || pipe->doomed)
		return;
	pipe->dirty = true;
	pipe->dirty_next = pipe->pipes->dirty;
	pipe->pipes->dirty = pipe;
}

void md_pipe_push(struct md_pipe *pipe, struct md_unit *unit)
{
	struct md_pipes *pipes = pipe->pipes;

	md_pipes_enter(pipes);
	if (pipe->conn->depth == 0)
		pipe->moved_ns = md_now_ns();
	pipe->conn->driver->push(pipe->conn, unit);
	look_at(pipe);
	md_pipes_leave(pipes);
}

void md_pipe_resume(struct md_pipe *pipe, struct md_unit *unit)
{
	struct md_pipes *pipes = pipe->pipes;

	md_pipes_enter(pipes);
	pipe->conn->driver->resume(pipe->conn, unit);
	look_at(pipe);
	md_pipes_leave(pipes);
}

void md_pipe_cancel(struct md_pipe *pipe, struct md_unit *unit)
{
	struct md_pipes *pipes = pipe->pipes;

	md_pipes_enter(pipes);
	pipe->conn->driver->cancel(pipe->conn, unit);
	look_at(pipe);
	md_pipes_leave(pipes);
}

static void take_in(struct md_pipe *pipe, unsigned events)
{
	struct md_pipes *pipes = pipe->pipes;

	md_pipes_enter(pipes);
	pipe->conn->driver->process(pipe->conn, events);
	look_at(pipe);
	md_pipes_leave(pipes);
}

void md_pipe_look(struct md_pipe *pipe)
{
	take_in(pipe, MD_READ);
}

static void ready(struct md_source *source, unsigned events)
{
	take_in((struct md_pipe *)source, events);
}

static void end_turn(struct md_turn_hook *hook)
{
	struct md_pipes *pipes =
		(struct md_pipes *)((char *)hook - offsetof(struct md_pipes, turn_end));
	struct md_pipe *pipe = pipes->dirty, *next;

	pipes->dirty = NULL;
	md_pipes_enter(pipes);
	for (; pipe; pipe = next) {
		next = pipe->dirty_next;
		pipe->conn->driver->flush(pipe->conn);
		pipe->dirty = true; /* looked at without becoming dirty again */
		look_at(pipe);
		pipe->dirty = false;
	}
	md_pipes_leave(pipes);
}

/* --- kept by a session --- */

void md_pipe_keep(struct md_pipe *pipe, struct md_session *session)
{
	pipe->session = session;
	pipe->conn->held = true;
	session->pipe = pipe;
}

void md_pipe_give_back(struct md_pipe *pipe)
{
	pipe->session = NULL;
	pipe->conn->held = false;
	if (!pipe->doomed)
		md_pipe_list(pipe);
}

/* --- hello --- */

static enum md_next hello_next(struct md_unit *unit, struct md_call *ret_call)
{
	static const struct md_stmt nothing = { .sql = "" };
	struct md_pipe *pipe = (struct md_pipe *)((char *)unit - offsetof(struct md_pipe, hello));

	if (!pipe->pinging || unit->queued_ns != 0)
		return MD_NEXT_COMMIT;
	unit->queued_ns = 1; /* asked once */
	*ret_call = (struct md_call){ .stmt = &nothing };
	return MD_NEXT_CALL;
}

static enum md_flow hello_rows(struct md_unit *unit, const struct md_call *call,
			       struct md_rows *rows)
{
	(void)unit;
	(void)call;
	(void)rows;
	return MD_FLOW_ON;
}

/* The server has answered that it does not want one more (it has no room, the password is another
 * now …), but others stand: that is no reason to stop using them. */
static bool is_one_too_many(const struct md_pipe *pipe)
{
	const struct md_pipe *other = pipe->pipes->fast[MD_PIPE_READ];

	return strncmp(pipe->hello.error.wire, "08", 2) != 0 && other && !other->opening &&
	       !other->conn->broken;
}

static void opened(struct md_pipe *pipe, enum md_code code)
{
	struct md_pipes *pipes = pipe->pipes;

	pipe->opening = false;
	if (pipe->kind == MD_PIPE_SESSION)
		pipes->opening--;
	if (pipes->leaving)
		return;
	if (code != MD_OK) {
		pipe->failed = true;
		md_pipe_doom(pipe);
		if (is_one_too_many(pipe))
			md_pipes_refused(pipes, &pipe->hello.error);
		else
			md_pipes_failed(pipes, pipe, &pipe->hello.error);
		md_lane_own_lost(pipe, false);
		return;
	}
	md_pool_count(&pipes->db->pool, MD_POOL_OPENED);
	if (pipe->kind == MD_PIPE_SESSION)
		md_lane_own_ready(pipe);
	md_pipes_up(pipes);
}

static void hello_done(struct md_unit *unit, enum md_code code)
{
	struct md_pipe *pipe = (struct md_pipe *)((char *)unit - offsetof(struct md_pipe, hello));

	if (pipe->opening) {
		opened(pipe, code);
		return;
	}
	pipe->pinging = false;
	if (pipe->pipes->leaving)
		return;
	if (code == MD_OK) {
		md_lane_own_ready(pipe);
		return;
	}
	md_pipe_doom(pipe);
	md_lane_own_lost(pipe, true);
}

static const struct md_unit_ops hello_ops = {
	.next = hello_next,
	.rows = hello_rows,
	.done = hello_done,
};

static void say_hello(struct md_pipe *pipe, uint64_t deadline_ns)
{
	memset(&pipe->hello, 0, offsetof(struct md_unit, error));
	md_error_clear(&pipe->hello.error);
	pipe->hello.queued_ns = 0;
	pipe->hello.ops = &hello_ops;
	pipe->hello.deadline_ns = deadline_ns;
	md_pipe_push(pipe, &pipe->hello);
}

void md_pipe_ping(struct md_pipe *pipe)
{
	pipe->pinging = true;
	say_hello(pipe, md_now_ns() + 2 * MD_SEC);
}

/* --- opening and closing --- */

/* A tenth more or less, so that those that were opened together are not replaced together. */
static uint64_t recycle_at(struct md_pipes *pipes, uint64_t now_ns)
{
	uint64_t age_ns = atomic_load(&pipes->db->pool_recycle_ms) * MD_MS;

	if (age_ns == 0)
		return 0;
	return now_ns + age_ns - age_ns / 10 + md_pipes_random(pipes, age_ns / 5 + 1);
}

static void aim(const struct md_pipes *pipes, enum md_pipe_kind kind,
		struct md_conn_target *ret_target)
{
	const struct md_db *db = pipes->db;

	*ret_target = db->target;
	ret_target->read_only = kind == MD_PIPE_READ;
	if (kind == MD_PIPE_SESSION)
		return;
	ret_target->shared = true;
	if (ret_target->statement_timeout_ms == 0 ||
	    ret_target->statement_timeout_ms > FAST_STATEMENT_MS)
		ret_target->statement_timeout_ms = FAST_STATEMENT_MS;
	if (kind == MD_PIPE_WRITE)
		ret_target->lock_timeout_ms = FAST_LOCK_MS;
}

struct md_pipe *md_pipe_open(struct md_pipes *pipes, enum md_pipe_kind kind, struct md_error *err)
{
	struct md_pipe *pipe = calloc(1, sizeof(*pipe));
	struct md_conn_target target;
	enum md_code code;
	struct md_error why;

	aim(pipes, kind, &target);
	md_error_clear(&why);
	code = pipe ? pipes->db->driver->connect(&target, &pipe->conn, &why) : md_fail_nomem(&why);
	if (code != MD_OK) {
		free(pipe);
		md_pipes_failed(pipes, NULL, &why);
		if (err)
			*err = why;
		return NULL;
	}
	pipe->kind = kind;
	pipe->opening = true;
	pipe->source = (struct md_source){ .fd = -1, .phase = MD_PHASE_DB, .ready = ready };
	pipe->moved_ns = md_now_ns();
	pipe->recycle_ns = recycle_at(pipes, pipe->moved_ns);
	if (kind == MD_PIPE_SESSION)
		pipes->opening++;
	else
		pipes->fast[kind] = pipe;
	md_pipes_enter(pipes); /* whatever happens: the caller has not seen it yet */
	md_pipe_attach(pipes, pipe);
	say_hello(pipe, 0);
	pipes->depth--;
	return pipe;
}

bool md_pipe_is_stale(const struct md_pipe *pipe)
{
	uint64_t invalid_ns =
		atomic_load_explicit(&pipe->pipes->db->pool.invalid_ns, memory_order_relaxed);

	if (pipe->recycle_ns && md_reactor_now_ns(pipe->pipes->loop->home) > pipe->recycle_ns)
		return true;
	return pipe->conn->born_ns < invalid_ns;
}

void md_pipe_doom(struct md_pipe *pipe)
{
	struct md_pipes *pipes = pipe->pipes;

	if (pipe->doomed)
		return;
	pipe->doomed = true;
	if (pipe->kind != MD_PIPE_SESSION && pipes->fast[pipe->kind] == pipe)
		pipes->fast[pipe->kind] = NULL;
	leave_idle(pipe);
	md_pipe_list(pipe);
	if (pipe->conn->broken && !pipe->opening && !pipe->failed && !pipes->leaving) {
		md_pool_invalidate(&pipes->db->pool, md_now_ns());
		md_echo_pool(pipes->db, MD_DB_ECHO,
			     "a connection was lost; older ones are "
			     "replaced when they are next used");
	}
}

static void close_pipe(struct md_pipe *pipe)
{
	struct md_pipes *pipes = pipe->pipes;
	bool session = pipe->kind == MD_PIPE_SESSION;

	clean(pipe);
	if (!pipes->leaving) /* its loop may have ended, then */
		md_reactor_forget(pipes->loop->home, &pipe->source);
	pipe->conn->driver->close(pipe->conn); /* whatever is in it ends */
	unlist(pipe);                          /* a unit that ended has listed it again */
	if (pipe->session)
		md_session_lose_pipe(pipe->session);
	if (pipes->probe == pipe)
		pipes->probe = NULL;
	leave_all(pipe);
	free(pipe);
	md_echo_pool(pipes->db, MD_DB_ECHO_ALL, "connection closed");
	if (session)
		md_pool_drop(&pipes->db->pool);
}

static void settle_one(struct md_pipe *pipe)
{
	if (pipe->retired && !pipe->doomed && pipe->conn->depth == 0)
		md_pipe_doom(pipe);
	if (pipe->doomed) {
		unlist(pipe);
		close_pipe(pipe);
	} else if (pipe->kind == MD_PIPE_SESSION && !pipe->unit && !pipe->session &&
		   !pipe->opening && !pipe->pinging && !pipe->idle) {
		md_lane_own_free(pipe);
	}
}

void md_pipes_leave(struct md_pipes *pipes)
{
	if (pipes->depth > 1) {
		pipes->depth--;
		return;
	}
	do {
		while (pipes->todo) {
			struct md_pipe *pipe = pipes->todo;

			/* Closing takes it off both lists.
			 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
			assert(pipe->listed);
			unlist(pipe);
			settle_one(pipe);
		}
		if (pipes->has_fast && !pipes->fast[MD_PIPE_READ] && !pipes->down &&
		    !pipes->leaving)
			md_pipe_open(pipes, MD_PIPE_READ, NULL);
	} while (pipes->todo);
	pipes->depth--;
}

/* --- now and then --- */

/* `now_ns` is that of the turn: a unit that was finished later in it has a later time. */
static void reap(struct md_pipe *pipe, uint64_t now_ns)
{
	uint64_t idle_ns = atomic_load(&pipe->pipes->db->pool_idle_ms) * MD_MS;
	bool stalls = pipe->kind == MD_PIPE_READ && !pipe->opening && pipe->conn->depth > 0 &&
		      now_ns > pipe->moved_ns + STALL_MS * MD_MS;

	if (stalls) { /* statements end after a second: nobody is there */
		md_log_line(&pipe->pipes->db->log, MD_LOG_WARN,
			    "a connection to the database has not answered for %d s; giving it up",
			    STALL_MS / 1000);
		md_pool_invalidate(&pipe->pipes->db->pool, now_ns);
		md_pipe_doom(pipe);
	} else if (pipe->idle && idle_ns > 0 && now_ns > pipe->idle_ns + idle_ns) {
		md_echo_pool(pipe->pipes->db, MD_DB_ECHO, "closing an idle connection");
		md_pipe_doom(pipe);
	}
}

static void reaper_due(struct md_timer *timer)
{
	struct md_pipes *pipes =
		(struct md_pipes *)((char *)timer - offsetof(struct md_pipes, reaper));
	uint64_t now_ns = md_reactor_now_ns(pipes->loop->home);

	md_pipes_enter(pipes);
	for (struct md_pipe *pipe = pipes->all, *next; pipe; pipe = next) {
		next = pipe->next;
		reap(pipe, now_ns);
	}
	md_pipes_leave(pipes);
	md_reactor_arm(pipes->loop->home, &pipes->reaper, now_ns + REAPER_MS * MD_MS);
}

/* --- coming and going --- */

enum md_code md_pipes_new(struct md_db_loop *loop, struct md_pipes **ret_pipes,
			  struct md_error *err)
{
	struct md_pipes *pipes = calloc(1, sizeof(*pipes));
	struct md_db *db = loop->db;

	if (!pipes)
		return md_fail_nomem(err);
	pipes->loop = loop;
	pipes->db = db;
	pipes->parked_end = &pipes->parked;
	pipes->random = md_now_ns() ^ (uint64_t)(uintptr_t)pipes;
	pipes->retry.due = md_pipes_retry;
	pipes->reaper.due = reaper_due;
	pipes->turn_end.end = end_turn;
	pipes->place = (struct md_pool_place){ .home = loop->home,
					       .granted = md_lane_own_granted,
					       .asked = md_lane_own_asked };
	md_pool_enter(&db->pool, &pipes->place);
	pipes->has_fast = atomic_fetch_add(&db->joined, 1) < db->lanes;
	if (pipes->has_fast)
		md_pool_reserve(&db->pool, 2);
	md_reactor_at_turn_end(loop->home, &pipes->turn_end);
	md_reactor_arm(loop->home, &pipes->reaper, md_now_ns() + REAPER_MS * MD_MS);
	*ret_pipes = pipes;
	loop->pipes = pipes;
	md_pipes_enter(pipes);
	md_pipes_leave(pipes);
	return MD_OK;
}

struct md_pipes *md_pipes_free(struct md_pipes *pipes)
{
	if (!pipes)
		return NULL;
	assert(!pipes->parked);
	pipes->leaving = true;
	md_pipes_enter(pipes);
	while (pipes->all) {
		/* Closing takes it off both lists. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		md_pipe_doom(pipes->all);
		unlist(pipes->all);
		close_pipe(pipes->all);
	}
	md_pool_leave(&pipes->db->pool, &pipes->place);
	if (pipes->has_fast)
		md_pool_unreserve(&pipes->db->pool, 2);
	free(pipes);
	return NULL;
}
