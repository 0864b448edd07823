/* Reader threads: each has its own connection and runs one unit at a time, whatever that takes.
 * Threads are started when there is work for them, up to options.readers, and stay. A unit that
 * pauses (its buffer is full) keeps its thread until it is resumed, cancelled, or the stream
 * timeout has passed: a slow client must not hold a snapshot for ever.
 *
 * Nor may slow clients hold up others: a reader that has waited ASIDE_MS for its client is set
 * aside. It does not count as one of options.readers then, and another may take its place; when
 * there are as many threads as there may be, the unit that has waited longest for its client, and
 * for MD_SLOW_CLIENT_MS at least, is cut.
 *
 *   loop: run ──► queue ──► thread: push ──► done ──► post ──► loop: done()
 *                                      └──► paused ──► post ──► loop: paused() … resume ──► thread:
 * resume … */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/db/lane.h"

#include "core/base/banned.h"

enum { ASIDE_MS = 100 };

static void *reader_main(void *arg);

/* Under the lock. */
static bool start_one(struct md_db *db)
{
	struct md_reader *reader = &db->readers[db->started];

	assert(md_lock_is_mine(&db->lock));
	if (db->started >= db->reader_room ||
	    (db->started >= db->reader_count && db->started - db->reader_count >= db->reader_spare))
		return false;
	*reader = (struct md_reader){ .db = db };
	md_cond_init(&reader->wake);
	if (pthread_create(&reader->thread, NULL, reader_main, reader) != 0) {
		pthread_cond_destroy(&reader->wake);
		return false;
	}
	db->started++;
	db->idle++;
	return true;
}

/* Of those who are set aside, cut the one whose client has taken nothing for the longest time. It
 * counts as running again, and takes the next unit when it has ended. Under the lock. */
static void evict_one(struct md_db *db)
{
	uint64_t now = md_now_ns(), least = MD_SLOW_CLIENT_MS * MD_MS;
	struct md_reader *slowest = NULL;

	for (unsigned i = 0; i < db->started; i++) {
		struct md_reader *reader = &db->readers[i];

		if (reader->aside && !reader->go && now - reader->paused_ns >= least &&
		    (!slowest || reader->paused_ns < slowest->paused_ns))
			slowest = reader;
	}
	if (!slowest)
		return;
	slowest->aside = false;
	db->aside--;
	slowest->evicted = true;
	pthread_cond_signal(&slowest->wake);
}

/* Some of those that sleep may have to go on doing so. Under the lock. */
static void wake(struct md_db *db)
{
	if (db->started > db->reader_count)
		pthread_cond_broadcast(&db->work);
	else
		pthread_cond_signal(&db->work);
}

/* Somebody waits: see that a reader will be there. False: there is none at all. Under the lock. */
static bool make_room(struct md_db *db)
{
	if (db->waiting > db->idle && db->started - db->aside < db->reader_count && !start_one(db))
		evict_one(db);
	return db->started > 0;
}

/* Inside push or resume, on the reader's thread; posted when the driver has let go of the unit. */
static void reader_paused(struct md_unit *unit)
{
	struct md_reader *reader = unit->place;

	reader->paused = true;
}

static void reader_done(struct md_unit *unit, enum md_code code)
{
	struct md_reader *reader = unit->place;

	reader->ended = true;
	unit->result = code;
}

static const struct md_unit_ops reader_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.paused = reader_paused,
	.done = reader_done,
	.child = md_lane_child,
};

static bool may_go(const struct md_reader *reader)
{
	return reader->go || reader->evicted;
}

/* Wait until the reader may go on, or for so long; 0: without an end. Under the lock. */
static void wait_paused(struct md_reader *reader, unsigned ms)
{
	uint64_t due = reader->paused_ns + ms * MD_MS;
	struct timespec until = { .tv_sec = (time_t)(due / MD_SEC),
				  .tv_nsec = (long)(due % MD_SEC) };
	bool in_time = true;

	while (!may_go(reader) && in_time) {
		if (ms == 0)
			md_cond_wait(&reader->wake, &reader->db->lock);
		else
			in_time = md_cond_wait_until(&reader->wake, &reader->db->lock, &until);
	}
}

/* Let another one run in its place, or end it for that. Under the lock. */
static void set_aside(struct md_reader *reader)
{
	struct md_db *db = reader->db;

	if (!reader->aside)
		db->aside++;
	reader->aside = true;
	make_room(db);
	wake(db);
}

/* Wait for resume. False: the stream timeout has passed, or the place is needed. */
static bool wait_for_go(struct md_reader *reader)
{
	static const unsigned steps[] = { ASIDE_MS, MD_SLOW_CLIENT_MS };
	struct md_db *db = reader->db;
	unsigned timeout_ms = db->options.stream_timeout_ms;
	bool in_time;

	md_lock_enter(&db->lock);
	reader->paused_ns = md_now_ns();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (timeout_ms != 0 && timeout_ms <= steps[i])
			break;
		wait_paused(reader, steps[i]);
		if (may_go(reader))
			break;
		set_aside(reader);
	}
	wait_paused(reader, timeout_ms);
	if (reader->aside)
		db->aside--;
	in_time = reader->go && !reader->evicted;
	reader->aside = reader->go = reader->evicted = false;
	md_lock_leave(&db->lock);
	return in_time;
}

/* Tell it in words that are true. */
static void tell_slow(struct md_unit *unit)
{
	if (unit->result == MD_CANCELLED)
		unit->result = md_fail(&unit->error, MD_CANCELLED, "57014",
				       "the client took too little of it in time");
}

static void run_unit(struct md_reader *reader, struct md_unit *unit)
{
	const struct md_db_driver *driver = reader->db->driver;
	bool slow = false;

	reader->ended = reader->paused = false;
	driver->push(reader->conn, unit);
	while (!reader->ended) {
		assert(reader->paused);
		reader->paused = false;
		md_lane_post_paused(unit);
		slow = !wait_for_go(reader);
		if (slow)
			atomic_store(&unit->cancelled, true);
		driver->resume(reader->conn, unit);
	}
	if (slow)
		tell_slow(unit);
}

static void set_connection(struct md_reader *reader, struct md_conn *conn)
{
	md_lock_enter(&reader->db->lock);
	reader->conn = conn;
	md_lock_leave(&reader->db->lock);
}

/* A connection that broke is closed; the next unit gets a new one. */
static bool have_connection(struct md_reader *reader, struct md_unit *unit)
{
	struct md_db *db = reader->db;
	struct md_conn *conn = reader->conn;
	enum md_code code;

	if (conn && md_lane_usable(db, conn))
		return true;
	set_connection(reader, NULL); /* before it is closed: cancel looks at it */
	if (conn)
		db->driver->close(conn);
	code = db->driver->connect(&db->target, &conn, &unit->error);
	if (code == MD_OK)
		set_connection(reader, conn);
	else
		unit->result = md_lane_fail_connect(db, &unit->error);
	return code == MD_OK;
}

static void serve_unit(struct md_reader *reader, struct md_unit *unit)
{
	struct md_db *db = reader->db;
	uint64_t prepares;

	unit->ops = &reader_ops;
	if (have_connection(reader, unit)) {
		prepares = reader->conn->prepares;
		run_unit(reader, unit);
		atomic_fetch_add_explicit(&db->prepares, reader->conn->prepares - prepares,
					  memory_order_relaxed);
	}
	md_lock_enter(&db->lock);
	reader->unit = NULL;
	unit->place = NULL;
	reader->go = reader->evicted = false;
	db->idle++; /* before the loop hears of it: it may have the next unit at once */
	md_lock_leave(&db->lock);
	md_lane_post_done(unit);
}

/* Units that readers are at work on, those aside not counted. Under the lock. */
static unsigned running(const struct md_db *db)
{
	return db->started - db->idle - db->aside;
}

/* One of those that stand in for others. Under the lock. */
static bool is_spare(const struct md_reader *reader)
{
	return reader - reader->db->readers >= (ptrdiff_t)reader->db->reader_count;
}

/* One of the others has nothing to do: it goes first. Under the lock. */
static bool has_idle(const struct md_db *db)
{
	for (unsigned i = 0; i < db->started && i < db->reader_count; i++)
		if (!db->readers[i].unit)
			return true;
	return false;
}

/* May it take the first that waits? Under the lock. */
static bool may_take(const struct md_reader *reader)
{
	const struct md_db *db = reader->db;

	return db->queue_head && running(db) < db->reader_count &&
	       !(is_spare(reader) && has_idle(db));
}

/* A spare thread does not keep a connection. */
static void close_spare(struct md_reader *reader)
{
	struct md_db *db = reader->db;
	struct md_conn *conn = reader->conn;
	bool closes;

	md_lock_enter(&db->lock);
	closes = conn && is_spare(reader) && !may_take(reader);
	if (closes)
		reader->conn = NULL;
	md_lock_leave(&db->lock);
	if (closes)
		db->driver->close(conn);
}

static struct md_unit *take(struct md_reader *reader)
{
	struct md_db *db = reader->db;
	struct md_unit *unit;

	md_lock_enter(&db->lock);
	while (!may_take(reader) && !db->stop)
		md_cond_wait(&db->work, &db->lock);
	unit = db->stop ? NULL : db->queue_head;
	if (unit) {
		db->idle--;
		db->queue_head = unit->link;
		if (!db->queue_head)
			db->queue_tail = &db->queue_head;
		db->waiting--;
		reader->unit = unit;
		unit->place = reader;
	}
	md_lock_leave(&db->lock);
	return unit;
}

static void *reader_main(void *arg)
{
	struct md_reader *reader = arg;
	struct md_unit *unit;

	while ((unit = take(reader)) != NULL) {
		serve_unit(reader, unit);
		close_spare(reader);
	}
	if (reader->conn)
		reader->db->driver->close(reader->conn);
	reader->conn = NULL;
	return NULL;
}

/* Take a unit out of the queue; false when a reader has it already. Under the lock. */
static bool unqueue(struct md_db *db, struct md_unit *unit)
{
	assert(md_lock_is_mine(&db->lock));
	for (struct md_unit **link = &db->queue_head; *link; link = &(*link)->link) {
		if (*link != unit)
			continue;
		*link = unit->link;
		if (!*link)
			db->queue_tail = link;
		db->waiting--;
		return true;
	}
	return false;
}

static void queue_timeout(struct md_timer *timer)
{
	struct md_unit *unit = (struct md_unit *)((char *)timer - offsetof(struct md_unit, timer));
	struct md_db_loop *loop = unit->lane;
	bool waited;

	md_lock_enter(&loop->db->lock);
	waited = unqueue(loop->db, unit);
	md_lock_leave(&loop->db->lock);
	if (waited)
		md_lane_finish(unit,
			       md_fail(&unit->error, MD_TIMEOUT, "PGRST003",
				       "Timed out acquiring connection from connection pool."));
}

void md_lane_readers_resize(struct md_db *db, unsigned count, unsigned spare)
{
	md_lock_enter(&db->lock);
	db->reader_count = count < 1 ? 1 : count > db->reader_room ? db->reader_room : count;
	db->reader_spare = spare;
	while (db->started - db->aside < db->reader_count && db->waiting > db->idle &&
	       start_one(db))
		;
	pthread_cond_broadcast(&db->work);
	md_lock_leave(&db->lock);
}

void md_lane_readers_run(struct md_db_loop *loop, struct md_unit *unit)
{
	struct md_db *db = loop->db;
	bool started;

	unit->owner_ops = unit->ops;
	unit->lane = loop;
	unit->place = NULL;
	unit->link = NULL;
	unit->timer = (struct md_timer){ .due = queue_timeout };
	if (db->options.queue_timeout_ms > 0)
		md_reactor_arm(loop->home, &unit->timer,
			       md_reactor_now_ns(loop->home) +
				       db->options.queue_timeout_ms * MD_MS);
	atomic_fetch_add_explicit(&db->offloaded, 1, memory_order_relaxed);
	md_lock_enter(&db->lock);
	*db->queue_tail = unit;
	db->queue_tail = &unit->link;
	db->waiting++;
	started = make_room(db);
	if (!started)
		unqueue(db, unit);
	wake(db);
	md_lock_leave(&db->lock);
	if (started)
		return;
	/* Not done() from here: the caller believes that the unit is on its way. */
	unit->result =
		md_fail(&unit->error, MD_UNAVAILABLE, "53000", "cannot start a reader thread");
	md_lane_post_done(unit);
}

void md_lane_readers_resume(struct md_db_loop *loop, struct md_unit *unit)
{
	struct md_reader *reader;

	md_lock_enter(&loop->db->lock);
	reader = unit->place; /* NULL: the stream timeout was faster, done() is on its way */
	if (reader) {
		reader->go = true;
		pthread_cond_signal(&reader->wake);
	}
	md_lock_leave(&loop->db->lock);
}

void md_lane_readers_cancel(struct md_db_loop *loop, struct md_unit *unit)
{
	struct md_db *db = loop->db;
	struct md_reader *reader;
	bool waited;

	atomic_store(&unit->cancelled, true);
	md_lock_enter(&db->lock);
	waited = unqueue(db, unit);
	reader = unit->place;
	if (reader) {
		if (reader->conn)
			db->driver->cancel(reader->conn, unit);
		reader->go = true;
		pthread_cond_signal(&reader->wake);
	}
	md_lock_leave(&db->lock);
	if (waited) {
		unit->result = md_fail(&unit->error, MD_CANCELLED, "57014",
				       "canceling statement due to user request");
		md_lane_post_done(unit);
	}
}

void md_lane_readers_stop(struct md_db *db)
{
	md_lock_enter(&db->lock);
	assert(!db->queue_head);
	db->stop = true;
	pthread_cond_broadcast(&db->work);
	md_lock_leave(&db->lock);
	for (unsigned i = 0; i < db->started; i++) {
		pthread_join(db->readers[i].thread, NULL);
		pthread_cond_destroy(&db->readers[i].wake);
	}
	db->started = 0;
}
