/* Sessions of engines that block: a thread each, with a connection of its own that reads and
 * writes. Threads and their connections are kept for the next session.
 *
 *   loop: order ──► thread: [the writer] ─► [BEGIN] ─► unit, COMMIT or ROLLBACK ──► post ──► loop
 */
#include <assert.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/db/session_private.h"

#include "core/base/banned.h"

enum { KEPT_MAX = 4 };

enum order { ORDER_NONE, ORDER_RUN, ORDER_COMMIT, ORDER_ROLLBACK, ORDER_MARK, ORDER_STOP };

/** A thread. What stands below `lock` up to `order` is guarded by it; the rest is the thread's own
 * while it has an order, and the loop's otherwise. */
struct md_held {
	struct md_lock lock;
	pthread_cond_t changed; /* an order, or leave to go on */
	struct md_conn *conn;   /* NULL: none, or it is being closed */
	bool go;                /* resume was called */
	enum order order;

	struct md_db *db;
	pthread_t thread;
	struct md_session *session;
	struct md_unit *unit;
	struct md_loan loan;
	bool in_transaction, has_writer, wrote;
	unsigned writes; /* that succeeded */
	bool paused, ended;
	struct md_error error; /* of what ended */
	struct md_held *next;  /* idle ones; guarded by db->lock */
};

/* --- the connection; the thread's side --- */

static void set_connection(struct md_held *held, struct md_conn *conn)
{
	md_lock_enter(&held->lock);
	held->conn = conn;
	md_lock_leave(&held->lock);
}

static enum md_code have_connection(struct md_held *held, struct md_error *err)
{
	struct md_db *db = held->db;
	struct md_conn_target target = db->target;
	struct md_conn *conn = held->conn;
	enum md_code code;

	if (conn && md_lane_usable(db, conn))
		return MD_OK;
	set_connection(held, NULL);
	if (conn)
		db->driver->close(conn);
	target.read_only = false;
	code = db->driver->connect(&target, &conn, err);
	if (code != MD_OK)
		return md_lane_fail_connect(db, err);
	set_connection(held, conn);
	return MD_OK;
}

static void give_writer_back(struct md_held *held)
{
	if (held->has_writer)
		md_lane_writer_return(held->db);
	held->has_writer = false;
}

static enum md_code take_writer(struct md_held *held, const struct md_unit *unit,
				struct md_error *err)
{
	enum md_code code = md_lane_writer_borrow(held->db, &held->loan, unit->deadline_ns,
						  &unit->cancelled, err);

	held->has_writer = code == MD_OK;
	return code;
}

/* The writer first, then the transaction: one that has read without it may turn out to be too old
 * to write. */
static enum md_code begin(struct md_held *held, const struct md_unit *unit, struct md_error *err)
{
	bool writes = unit->tx == MD_TX_WRITE || held->session->options.writes;
	const struct md_db_driver *driver = held->db->driver;
	enum md_code code = MD_OK;

	if (!held->in_transaction)
		code = have_connection(held, err);
	if (code == MD_OK && writes && !held->has_writer)
		code = take_writer(held, unit, err);
	if (code != MD_OK || held->in_transaction)
		return code;
	code = driver->command(held->conn, held->has_writer ? driver->begin_write : "BEGIN", err);
	held->in_transaction = held->conn->held = code == MD_OK;
	held->wrote = false;
	held->writes = 0;
	if (code != MD_OK)
		give_writer_back(held);
	return code;
}

/* --- a unit; the thread's side --- */

static struct md_held *held_of(struct md_unit *unit)
{
	return unit->place;
}

static void held_paused(struct md_unit *unit)
{
	held_of(unit)->paused = true;
}

static void held_done(struct md_unit *unit, enum md_code code)
{
	held_of(unit)->ended = true;
	unit->result = code;
}

static const struct md_unit_ops held_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.paused = held_paused,
	.done = held_done,
	.explain = md_lane_explain,
	.child = md_lane_child,
};

/* False: the one who reads the answer has been too slow. */
static bool wait_for_go(struct md_held *held)
{
	unsigned timeout_ms = held->db->options.stream_timeout_ms;
	uint64_t due = md_now_ns() + timeout_ms * MD_MS;
	struct timespec until = { .tv_sec = (time_t)(due / MD_SEC),
				  .tv_nsec = (long)(due % MD_SEC) };
	bool in_time = true, go;

	md_lock_enter(&held->lock);
	while (!held->go && in_time) {
		if (timeout_ms == 0)
			md_cond_wait(&held->changed, &held->lock);
		else
			in_time = md_cond_wait_until(&held->changed, &held->lock, &until);
	}
	go = held->go;
	held->go = false;
	md_lock_leave(&held->lock);
	return go;
}

static void run_unit(struct md_held *held, struct md_unit *unit)
{
	const struct md_db_driver *driver = held->db->driver;
	uint64_t prepares = held->conn->prepares;

	held->ended = held->paused = false;
	driver->push(held->conn, unit);
	while (!held->ended) {
		assert(held->paused);
		held->paused = false;
		md_lane_post_paused(unit);
		if (!wait_for_go(held))
			atomic_store(&unit->cancelled, true);
		driver->resume(held->conn, unit);
	}
	atomic_fetch_add_explicit(&held->db->prepares, held->conn->prepares - prepares,
				  memory_order_relaxed);
}

/* Some failures take the whole transaction with them. */
static void look_at_transaction(struct md_held *held)
{
	if (!held->in_transaction ||
	    (!held->conn->broken && held->db->driver->in_transaction(held->conn)))
		return;
	held->in_transaction = held->conn->held = false;
	give_writer_back(held);
}

static void do_run(struct md_held *held)
{
	struct md_unit *unit = held->unit;

	md_error_clear(&unit->error);
	unit->result = begin(held, unit, &unit->error);
	if (unit->result != MD_OK)
		return;
	run_unit(held, unit);
	held->wrote = held->wrote || unit->tx == MD_TX_WRITE;
	held->writes += unit->tx == MD_TX_WRITE && unit->result == MD_OK;
	look_at_transaction(held);
}

/* --- the end; the thread's side --- */

static void roll_back(struct md_held *held)
{
	if (held->in_transaction && !held->conn->broken &&
	    held->db->driver->in_transaction(held->conn) &&
	    held->db->driver->command(held->conn, "ROLLBACK", NULL) != MD_OK)
		held->conn->broken = true;
	held->in_transaction = held->conn->held = false;
	give_writer_back(held);
}

/* What was committed went into the file that is served, unless another one was put in its place. */
static enum md_code check_kept(struct md_held *held)
{
	const struct md_db_driver *driver = held->db->driver;

	if (!held->wrote || !driver->is_stale || !driver->is_stale(held->conn))
		return MD_OK;
	return md_fail(&held->error, MD_UNCERTAIN, "58030",
		       "the database file was replaced during the write");
}

static void do_commit(struct md_held *held)
{
	enum md_code code = held->db->driver->command(held->conn, "COMMIT", &held->error);

	if (code == MD_OK)
		code = check_kept(held);
	if (code == MD_OK && held->wrote) {
		atomic_fetch_add_explicit(&held->db->writer.commits, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&held->db->writer.members, held->writes,
					  memory_order_relaxed);
		md_db_note_commit(held->db);
	}
	held->in_transaction = held->in_transaction && code != MD_OK;
	roll_back(held);
}

static void do_mark(struct md_held *held)
{
	const struct md_session *session = held->session;

	if (begin(held, &session->control, &held->error) != MD_OK)
		return;
	held->db->driver->command(held->conn, session->mark, &held->error);
	look_at_transaction(held);
}

/* --- the thread --- */

static void posted(struct md_task *task);

static enum order take_order(struct md_held *held)
{
	enum order order;

	md_lock_enter(&held->lock);
	while (held->order == ORDER_NONE)
		md_cond_wait(&held->changed, &held->lock);
	order = held->order;
	held->order = ORDER_NONE;
	md_lock_leave(&held->lock);
	return order;
}

static void *held_main(void *arg)
{
	struct md_held *held = arg;
	enum order order;

	while ((order = take_order(held)) != ORDER_STOP) {
		struct md_session *session = held->session;

		md_error_clear(&held->error);
		if (order == ORDER_RUN)
			do_run(held);
		else if (order == ORDER_COMMIT)
			do_commit(held);
		else if (order == ORDER_MARK)
			do_mark(held);
		else
			roll_back(held);
		session->task.run = posted;
		md_reactor_post(session->loop->home, &session->task);
	}
	if (held->conn)
		held->db->driver->close(held->conn);
	return NULL;
}

/* --- the loop's side --- */

static void give_order(struct md_held *held, enum order order)
{
	md_lock_enter(&held->lock);
	assert(held->order == ORDER_NONE);
	held->order = order;
	held->go = false;
	pthread_cond_broadcast(&held->changed);
	md_lock_leave(&held->lock);
}

static void free_held(struct md_held *held)
{
	pthread_cond_destroy(&held->changed);
	md_lock_release(&held->lock);
	free(held);
}

static struct md_held *new_held(struct md_db *db)
{
	struct md_held *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	held->db = db;
	md_lock_init(&held->lock);
	md_cond_init(&held->changed);
	if (pthread_create(&held->thread, NULL, held_main, held) == 0)
		return held;
	free_held(held);
	return NULL;
}

static void stop_thread(struct md_held *held)
{
	give_order(held, ORDER_STOP);
	pthread_join(held->thread, NULL);
	free_held(held);
}

static bool have_thread(struct md_session *session)
{
	struct md_db *db = session->loop->db;

	if (session->held)
		return true;
	md_lock_enter(&db->lock);
	session->held = db->held;
	if (db->held) {
		db->held = db->held->next;
		db->held_count--;
	}
	md_lock_leave(&db->lock);
	if (!session->held)
		session->held = new_held(db);
	if (session->held)
		session->held->session = session;
	return session->held != NULL;
}

static void release(struct md_session *session)
{
	struct md_held *held = session->held;
	struct md_db *db;

	if (!held)
		return;
	session->held = NULL;
	held->session = NULL;
	db = held->db;
	md_lock_enter(&db->lock);
	if (db->held_count < KEPT_MAX) {
		held->next = db->held;
		db->held = held;
		db->held_count++;
		held = NULL;
	}
	md_lock_leave(&db->lock);
	if (held)
		stop_thread(held); /* it has nothing to do, and so ends at once */
}

void md_session_threads_stop(struct md_db *db)
{
	while (db->held) {
		struct md_held *held = db->held;

		db->held = held->next;
		stop_thread(held);
	}
	db->held_count = 0;
}

static void note_transaction(struct md_session *session)
{
	bool was_begun = session->begun;

	session->begun = session->held && session->held->in_transaction;
	session->lost = was_begun && !session->begun;
}

static void unit_ended(struct md_session *session)
{
	struct md_unit *unit = session->unit;

	note_transaction(session);
	session->unit = NULL;
	session->work = MD_SESSION_IDLE;
	md_lane_finish(unit, unit->result);
}

static void posted(struct md_task *task)
{
	struct md_session *session =
		(struct md_session *)((char *)task - offsetof(struct md_session, task));

	if (session->work == MD_SESSION_UNIT) {
		unit_ended(session);
		return;
	}
	session->error = session->held->error;
	if (md_session_work_ends(session->work)) {
		release(session);
		md_session_ended(session);
	} else {
		note_transaction(session);
		md_session_marked(session);
	}
}

static void run(struct md_session *session)
{
	struct md_unit *unit = session->unit;

	unit->owner_ops = unit->ops;
	unit->ops = &held_ops;
	unit->lane = session->loop;
	unit->timer = (struct md_timer){ .due = NULL };
	if (!have_thread(session)) {
		unit->result = md_fail(&unit->error, MD_UNAVAILABLE, "53000",
				       "cannot start a thread for the session");
		session->task.run = posted;
		md_reactor_post(session->loop->home, &session->task);
		return;
	}
	unit->place = session->held;
	session->held->unit = unit;
	give_order(session->held, ORDER_RUN);
}

static void resume(struct md_session *session)
{
	struct md_held *held = session->held;

	md_lock_enter(&held->lock);
	held->go = true;
	pthread_cond_broadcast(&held->changed);
	md_lock_leave(&held->lock);
}

static void cancel(struct md_session *session)
{
	struct md_held *held = session->held;
	struct md_unit *unit = session->unit;

	atomic_store(&unit->cancelled, true);
	if (!held)
		return;
	md_lane_writer_wake(held->db);
	md_lock_enter(&held->lock);
	if (held->conn)
		held->db->driver->cancel(held->conn, unit);
	held->go = true;
	pthread_cond_broadcast(&held->changed);
	md_lock_leave(&held->lock);
}

static void no_thread(struct md_task *task)
{
	md_session_marked((struct md_session *)((char *)task - offsetof(struct md_session, task)));
}

static void mark(struct md_session *session)
{
	if (have_thread(session)) {
		give_order(session->held, ORDER_MARK);
		return;
	}
	md_fail(&session->error, MD_UNAVAILABLE, "53000", "cannot start a thread for the session");
	session->task.run = no_thread;
	md_reactor_post(session->loop->home, &session->task);
}

static void end(struct md_session *session)
{
	give_order(session->held,
		   session->work == MD_SESSION_COMMIT ? ORDER_COMMIT : ORDER_ROLLBACK);
}

/* The thread posts to the loop of the day; it has no order now. */
static void move(struct md_session *session)
{
	(void)session;
}

const struct md_session_way md_session_by_thread = {
	.run = run,
	.resume = resume,
	.cancel = cancel,
	.end = end,
	.mark = mark,
	.release = release,
	.leave = move,
	.join = move,
};
