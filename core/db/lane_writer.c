/* The writer: one thread with the one connection that writes. Whatever waits is run in one
 * transaction, each unit in a savepoint of its own, and committed together; nobody is told anything
 * before that commit is durable.
 *
 *   loop: run ──► queue ──► thread: begin ─► unit ─► unit … ─► commit ──► post ──► loop: done()
 *                                     ▲        │
 *                                     └────────┘ the transaction is gone: see rerun()
 *
 * An ordinary failure undoes its own savepoint only. Some take the whole transaction with them (an
 * interrupt, RAISE(ROLLBACK), a full disk): the unit at fault gets its error, the others before it
 * have not been told anything and run again. Whatever ran in a transaction shares its fate: if the
 * commit fails, an answer given on the strength of a neighbour's row is void, too. */
#include <assert.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/db/lane.h"

#include "core/base/banned.h"

enum { QUEUE_DEFAULT = 1024, GROUP_MS = 20 };

static void count(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Inside push: the end of the unit, not of the transaction. */
static void writer_done(struct md_unit *unit, enum md_code code)
{
	unit->result = code;
}

/* No pause: rows may not leave before the commit, and neighbours wait. */
static const struct md_unit_ops writer_ops = {
	.next = md_lane_next,
	.rows = md_lane_rows,
	.done = writer_done,
	.explain = md_lane_explain,
	.child = md_lane_child,
};

/* Of a loan: never called. */
static const struct md_unit_ops loan_ops = { .next = NULL };

/* Under the lock. */
static struct md_unit *pop(struct md_writer *writer)
{
	struct md_unit *unit = writer->queue_head;

	assert(md_lock_is_mine(&writer->lock));
	writer->queue_head = unit->link;
	if (!writer->queue_head)
		writer->queue_tail = &writer->queue_head;
	writer->waiting--;
	return unit;
}

/* Take a unit out of the queue; false when the thread has it already. Under the lock. */
static bool unqueue(struct md_writer *writer, struct md_unit *unit)
{
	assert(md_lock_is_mine(&writer->lock));
	for (struct md_unit **link = &writer->queue_head; *link; link = &(*link)->link) {
		if (*link != unit)
			continue;
		*link = unit->link;
		if (!*link)
			writer->queue_tail = link;
		writer->waiting--;
		return true;
	}
	return false;
}

static bool goes_alone(const struct md_unit *unit)
{
	return unit->alone || !unit->owner_ops->reset;
}

/* The next unit that may join the group, or NULL. */
static struct md_unit *next_member(struct md_writer *writer)
{
	struct md_unit *unit = NULL;

	md_lock_enter(&writer->lock);
	if (writer->queue_head && !goes_alone(writer->queue_head))
		unit = pop(writer);
	md_lock_leave(&writer->lock);
	return unit;
}

static bool is_loan(const struct md_unit *unit)
{
	return unit->owner_ops == &loan_ops;
}

/* Under the lock. */
static void refuse_loan(struct md_writer *writer, struct md_unit *unit, const struct md_error *err)
{
	((struct md_loan *)unit)->error = *err;
	pthread_cond_broadcast(&writer->loans);
}

/* Everything that was queued before `since_ns` ends with `err`: it has waited for what failed. */
static void fail_waiting(struct md_writer *writer, uint64_t since_ns, const struct md_error *err)
{
	struct md_unit *unit;
	bool loan;

	for (;;) {
		md_lock_enter(&writer->lock);
		unit = writer->queue_head;
		unit = unit && unit->queued_ns <= since_ns ? pop(writer) : NULL;
		loan = unit && is_loan(unit);
		if (loan)
			refuse_loan(writer, unit, err);
		md_lock_leave(&writer->lock);
		if (!unit)
			return;
		if (loan)
			continue;
		unit->error = *err;
		unit->result = err->code;
		md_lane_post_done(unit);
	}
}

/* A connection that broke, or whose file was replaced, is closed, which undoes what it had begun;
 * the next one is new. */
static enum md_code have_connection(struct md_db *db, struct md_error *err)
{
	struct md_writer *writer = &db->writer;
	struct md_conn_target target = db->target;

	if (writer->conn && md_lane_usable(db, writer->conn))
		return MD_OK;
	if (writer->conn)
		db->driver->close(writer->conn);
	writer->conn = NULL;
	writer->seen_prepares = 0;
	target.read_only = false;
	if (db->driver->connect(&target, &writer->conn, err) == MD_OK)
		return MD_OK;
	return md_lane_fail_connect(db, err);
}

static enum md_code begin(struct md_db *db, struct md_error *err)
{
	enum md_code code = have_connection(db, err);

	if (code == MD_OK)
		code = db->driver->command(db->writer.conn, db->driver->begin_write, err);
	return code;
}

static void roll_back(struct md_db *db)
{
	struct md_conn *conn = db->writer.conn;

	if (db->driver->in_transaction(conn) &&
	    db->driver->command(conn, "ROLLBACK", NULL) != MD_OK)
		conn->broken = true;
}

static void push(struct md_db *db, struct md_unit *unit)
{
	struct md_writer *writer = &db->writer;

	md_lock_enter(&writer->lock);
	writer->running = unit;
	md_lock_leave(&writer->lock);
	db->driver->push(writer->conn, unit);
	md_lock_enter(&writer->lock);
	writer->running = NULL;
	md_lock_leave(&writer->lock);
}

/* Run one unit of a group. False: it has lost the transaction for all. */
static bool run_member(struct md_db *db, struct md_unit *unit)
{
	push(db, unit);
	return !db->writer.conn->broken && db->driver->in_transaction(db->writer.conn);
}

/* What was committed just now went into the file that is served: nobody has put another one in its
 * place since the transaction began. */
static bool is_kept(struct md_db *db, struct md_error *err)
{
	if (!db->driver->is_stale || !db->driver->is_stale(db->writer.conn))
		return true;
	md_fail(err, MD_UNCERTAIN, "58030", "the database file was replaced during the write");
	return false;
}

/* In a transaction of its own: the driver's bracket, with its deadline. */
static void run_alone(struct md_db *db, struct md_unit *unit)
{
	md_error_clear(&unit->error);
	unit->result = have_connection(db, &unit->error);
	if (unit->result != MD_OK)
		return;
	push(db, unit);
	if (unit->result == MD_OK && !is_kept(db, &unit->error))
		unit->result = unit->error.code;
	if (unit->result != MD_OK)
		return;
	count(&db->writer.commits, 1);
	count(&db->writer.members, 1);
	md_db_note_commit(db);
}

static void settle(struct md_writer *writer, unsigned first, unsigned end,
		   const struct md_error *err)
{
	for (unsigned i = first; i < end; i++) {
		writer->group[i]->result = err->code;
		writer->group[i]->error = *err;
	}
}

/* Commit what members first … end have done, or end them all with the reason why not. */
static void commit(struct md_db *db, unsigned first, unsigned end)
{
	struct md_writer *writer = &db->writer;
	struct md_error err;
	unsigned good = 0;

	for (unsigned i = first; i < end; i++)
		good += writer->group[i]->result == MD_OK;
	if (good == 0) {
		roll_back(db);
		return;
	}
	md_error_clear(&err);
	if (db->driver->command(writer->conn, "COMMIT", &err) != MD_OK)
		roll_back(db);
	else if (is_kept(db, &err)) {
		count(&writer->commits, 1);
		count(&writer->members, good);
		md_db_note_commit(db);
		return;
	}
	settle(writer, first, end, &err);
}

static void start_over(struct md_db *db, struct md_unit *unit)
{
	unit->owner_ops->reset(unit);
	count(&db->writer.reruns, 1);
}

/* Members first … end ran in a transaction that was lost. Once more together; those that lose it
 * again, through no fault of theirs, then one by one. */
static void rerun(struct md_db *db, unsigned first, unsigned end)
{
	struct md_writer *writer = &db->writer;

	while (first < end) {
		struct md_error err;
		unsigned at;

		md_error_clear(&err);
		if (begin(db, &err) != MD_OK) {
			settle(writer, first, end, &err);
			return;
		}
		for (at = first; at < end; at++) {
			start_over(db, writer->group[at]);
			if (!run_member(db, writer->group[at]))
				break;
		}
		if (at == end) {
			commit(db, first, end);
			return;
		}
		for (unsigned i = first; i < at; i++) {
			start_over(db, writer->group[i]);
			run_alone(db, writer->group[i]);
		}
		first = at + 1;
	}
}

/* The transaction is open: run what waits in it, and commit. */
static void run_group(struct md_db *db)
{
	struct md_writer *writer = &db->writer;
	uint64_t end_ns = md_now_ns() + writer->group_ns;
	struct md_unit *unit;
	bool stands = true;

	while (stands && writer->count < MD_GROUP_MAX && md_now_ns() < end_ns) {
		unit = next_member(writer);
		if (!unit)
			break;
		writer->group[writer->count++] = unit;
		stands = run_member(db, unit);
	}
	if (stands)
		commit(db, 0, writer->count);
	else
		rerun(db, 0, writer->count - 1); /* the last one is at fault */
}

static void serve_group(struct md_db *db)
{
	struct md_writer *writer = &db->writer;
	uint64_t began_ns = md_now_ns();
	struct md_error err;

	md_error_clear(&err);
	if (begin(db, &err) != MD_OK) {
		fail_waiting(writer, began_ns, &err);
		return;
	}
	run_group(db);
}

/* Somebody else writes; rest until they have. Under the lock. */
static void lend(struct md_writer *writer, struct md_loan *loan)
{
	loan->granted = true;
	writer->lent = loan;
	pthread_cond_broadcast(&writer->loans);
	while (writer->lent)
		md_cond_wait(&writer->loans, &writer->lock);
}

static void serve_alone(struct md_db *db)
{
	struct md_writer *writer = &db->writer;
	struct md_unit *unit = NULL;

	md_lock_enter(&writer->lock);
	/* It may have been cancelled, and another stand in its place. */
	if (writer->queue_head && goes_alone(writer->queue_head))
		unit = pop(writer);
	if (unit && is_loan(unit)) {
		lend(writer, (struct md_loan *)unit);
		unit = NULL;
	}
	md_lock_leave(&writer->lock);
	if (!unit)
		return;
	writer->group[writer->count++] = unit;
	run_alone(db, unit);
}

/* Wait for work. False: stop, and nothing is left to do. */
static bool wait_for_work(struct md_writer *writer, bool *ret_alone)
{
	bool work;

	md_lock_enter(&writer->lock);
	while (!writer->queue_head && !writer->stop)
		md_cond_wait(&writer->work, &writer->lock);
	work = writer->queue_head != NULL;
	if (work)
		*ret_alone = goes_alone(writer->queue_head);
	md_lock_leave(&writer->lock);
	return work;
}

static void note_prepares(struct md_db *db)
{
	struct md_writer *writer = &db->writer;

	if (!writer->conn || writer->conn->prepares == writer->seen_prepares)
		return;
	count(&db->prepares, writer->conn->prepares - writer->seen_prepares);
	writer->seen_prepares = writer->conn->prepares;
}

static void *writer_main(void *arg)
{
	struct md_db *db = arg;
	struct md_writer *writer = &db->writer;
	bool alone;

	while (wait_for_work(writer, &alone)) {
		writer->count = 0;
		if (alone)
			serve_alone(db);
		else
			serve_group(db);
		for (unsigned i = 0; i < writer->count; i++)
			md_lane_post_done(writer->group[i]);
		note_prepares(db);
	}
	if (writer->conn)
		db->driver->close(writer->conn);
	writer->conn = NULL;
	return NULL;
}

/* The timer stands for the unit's own deadline, or for the longest wait in the queue. */
static void waited_too_long(struct md_timer *timer)
{
	struct md_unit *unit = (struct md_unit *)((char *)timer - offsetof(struct md_unit, timer));
	struct md_db_loop *loop = unit->lane;
	struct md_writer *writer = &loop->db->writer;
	bool waited;

	md_lock_enter(&writer->lock);
	waited = unqueue(writer, unit);
	md_lock_leave(&writer->lock);
	if (!waited)
		return;
	if (timer->deadline_ns == unit->deadline_ns)
		md_fail(&unit->error, MD_TIMEOUT, "57014",
			"canceling statement due to statement timeout");
	else
		md_fail(&unit->error, MD_TIMEOUT, "PGRST003",
			"Timed out acquiring connection from connection pool.");
	md_lane_finish(unit, MD_TIMEOUT);
}

static void arm(struct md_db_loop *loop, struct md_unit *unit)
{
	uint64_t due = unit->deadline_ns, wait_ns = loop->db->options.queue_timeout_ms * MD_MS;

	unit->timer = (struct md_timer){ .due = waited_too_long };
	if (wait_ns > 0 && (due == 0 || unit->queued_ns + wait_ns < due))
		due = unit->queued_ns + wait_ns;
	if (due > 0)
		md_reactor_arm(loop->home, &unit->timer, due);
}

/* Under the lock. */
static enum md_code enqueue(struct md_db *db, struct md_unit *unit)
{
	struct md_writer *writer = &db->writer;

	assert(md_lock_is_mine(&writer->lock));
	if (writer->waiting >= writer->limit) {
		md_fail(&unit->error, MD_BUSY, "MD503", "too many writes are waiting");
		md_error_hint(&unit->error, "Try again in a moment.");
		return MD_BUSY;
	}
	if (!writer->started && pthread_create(&writer->thread, NULL, writer_main, db) != 0)
		return md_fail(&unit->error, MD_UNAVAILABLE, "53000",
			       "cannot start the writer thread");
	writer->started = true;
	*writer->queue_tail = unit;
	writer->queue_tail = &unit->link;
	writer->waiting++;
	pthread_cond_signal(&writer->work);
	return MD_OK;
}

void md_lane_writer_run(struct md_db_loop *loop, struct md_unit *unit)
{
	struct md_writer *writer = &loop->db->writer;
	enum md_code code;

	assert(unit->tx == MD_TX_WRITE && (loop->db->driver->features & MD_DB_ONE_WRITER));
	unit->owner_ops = unit->ops;
	unit->ops = &writer_ops;
	unit->lane = loop;
	unit->link = NULL;
	unit->queued_ns = md_now_ns();
	arm(loop, unit);
	md_lock_enter(&writer->lock);
	code = enqueue(loop->db, unit);
	md_lock_leave(&writer->lock);
	if (code == MD_OK)
		return;
	/* Not done() from here: the caller believes that the unit is on its way. */
	unit->result = code;
	md_lane_post_done(unit);
}

void md_lane_writer_cancel(struct md_db_loop *loop, struct md_unit *unit)
{
	struct md_db *db = loop->db;
	struct md_writer *writer = &db->writer;
	bool waited;

	atomic_store(&unit->cancelled, true);
	md_lock_enter(&writer->lock);
	waited = unqueue(writer, unit);
	/* Run, but not committed yet: too late, unless a neighbour makes it run again. */
	if (writer->running == unit)
		db->driver->cancel(writer->conn, unit);
	md_lock_leave(&writer->lock);
	if (!waited)
		return;
	unit->result = md_fail(&unit->error, MD_CANCELLED, "57014",
			       "canceling statement due to user request");
	md_lane_post_done(unit);
}

/* --- loans --- */

/* Until when to wait for one; 0: for ever. */
static uint64_t loan_until(const struct md_db *db, uint64_t deadline_ns)
{
	uint64_t until_ns = md_now_ns() + db->options.queue_timeout_ms * MD_MS;

	if (db->options.queue_timeout_ms == 0 || (deadline_ns > 0 && deadline_ns < until_ns))
		return deadline_ns;
	return until_ns;
}

/* Under the lock: granted, refused, cancelled or too late. */
static void await_loan(struct md_writer *writer, struct md_loan *loan, uint64_t until_ns,
		       const _Atomic(bool) *cancelled)
{
	struct timespec until = { .tv_sec = (time_t)(until_ns / MD_SEC),
				  .tv_nsec = (long)(until_ns % MD_SEC) };
	bool in_time = true;

	while (in_time && !loan->granted && loan->error.code == MD_OK && !atomic_load(cancelled)) {
		if (until_ns == 0)
			md_cond_wait(&writer->loans, &writer->lock);
		else
			in_time = md_cond_wait_until(&writer->loans, &writer->lock, &until);
	}
	if (loan->granted || loan->error.code != MD_OK)
		return;
	unqueue(writer, &loan->unit);
	if (in_time)
		md_fail(&loan->error, MD_CANCELLED, "57014",
			"canceling statement due to user request");
	else
		md_fail(&loan->error, MD_TIMEOUT, "PGRST003",
			"Timed out acquiring connection from connection pool.");
}

enum md_code md_lane_writer_borrow(struct md_db *db, struct md_loan *loan, uint64_t deadline_ns,
				   const _Atomic(bool) *cancelled, struct md_error *err)
{
	struct md_writer *writer = &db->writer;

	loan->granted = false;
	loan->unit.owner_ops = &loan_ops;
	loan->unit.link = NULL;
	loan->unit.queued_ns = md_now_ns();
	md_error_clear(&loan->error);
	md_lock_enter(&writer->lock);
	if (enqueue(db, &loan->unit) == MD_OK)
		await_loan(writer, loan, loan_until(db, deadline_ns), cancelled);
	else
		loan->error = loan->unit.error;
	md_lock_leave(&writer->lock);
	if (loan->granted)
		return MD_OK;
	*err = loan->error;
	return err->code;
}

void md_lane_writer_return(struct md_db *db)
{
	struct md_writer *writer = &db->writer;

	md_lock_enter(&writer->lock);
	writer->lent = NULL;
	pthread_cond_broadcast(&writer->loans);
	md_lock_leave(&writer->lock);
}

void md_lane_writer_wake(struct md_db *db)
{
	struct md_writer *writer = &db->writer;

	md_lock_enter(&writer->lock);
	pthread_cond_broadcast(&writer->loans);
	md_lock_leave(&writer->lock);
}

void md_lane_writer_init(struct md_writer *writer, unsigned limit)
{
	md_lock_init(&writer->lock);
	md_cond_init(&writer->work);
	md_cond_init(&writer->loans);
	writer->queue_tail = &writer->queue_head;
	writer->group_ns = GROUP_MS * MD_MS;
	writer->limit = limit > 0 ? limit : QUEUE_DEFAULT;
}

void md_lane_writer_stop(struct md_db *db)
{
	struct md_writer *writer = &db->writer;

	md_lock_enter(&writer->lock);
	assert(!writer->queue_head);
	writer->stop = true;
	pthread_cond_signal(&writer->work);
	md_lock_leave(&writer->lock);
	if (writer->started)
		pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->loans);
	pthread_cond_destroy(&writer->work);
	md_lock_release(&writer->lock);
}
