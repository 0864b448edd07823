/* The driver's face to the loop: connecting, events, closing. The loop sees one fd that never
 * changes: an epoll instance of ours with the socket (which libpq replaces as it likes while it
 * connects), a timer for deadlines and an eventfd for other threads. */
#include "core/db/postgres.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/db/dialect.h"
#include "core/db/postgres_block.h"
#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

static struct md_pg *pg_of(struct md_conn *conn)
{
	return (struct md_pg *)conn;
}

/* --- what the inner epoll watches --- */

static void watch_socket(struct md_pg *pg, int fd, unsigned interest)
{
	struct epoll_event event = { .events = interest, .data = { .fd = fd } };

	if (fd == pg->socket && interest == pg->interest && pg->state != MD_PG_CONNECTING)
		return;
	/* Closed fds leave by themselves, and a new socket may have the number of the old one. */
	if (pg->socket >= 0)
		epoll_ctl(pg->epoll, EPOLL_CTL_DEL, pg->socket, NULL);
	pg->socket = -1;
	pg->interest = 0;
	if (fd < 0 || interest == 0)
		return;
	if (epoll_ctl(pg->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		pg->gone = true;
		return;
	}
	pg->socket = fd;
	pg->interest = interest;
}

static void update_interest(struct md_pg *pg)
{
	unsigned interest = EPOLLIN;
	int unsent;

	if (pg->state == MD_PG_CONNECTING)
		return;
	if (pg->state == MD_PG_BROKEN) {
		watch_socket(pg, -1, 0);
		return;
	}
	unsent = PQflush(pg->db);
	if (pg->flight && pg->flight->paused)
		interest = 0; /* let the server wait, too */
	if (unsent > 0)
		interest |= EPOLLOUT;
	watch_socket(pg, PQsocket(pg->db), interest);
}

static void set_timer(struct md_pg *pg, uint64_t deadline_ns)
{
	struct itimerspec spec = { .it_value = { .tv_sec = (time_t)(deadline_ns / MD_SEC),
						 .tv_nsec = (long)(deadline_ns % MD_SEC) } };

	if (deadline_ns == pg->timer_ns)
		return;
	pg->timer_ns = deadline_ns;
	timerfd_settime(pg->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* False: there was nothing to drain. */
static bool drain(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

/* --- making and freeing --- */

static void release(struct md_pg *pg)
{
	while (pg->spare) {
		struct md_pg_job *job = pg->spare;

		pg->spare = job->next;
		md_pg_job_free(job);
	}
	PQclear(pg->cursor.result);
	free(pg->cursor.cells);
	md_pg_binds_release(&pg->binds);
	md_pg_names_release(&pg->names);
	if (pg->db)
		PQfinish(pg->db);
	if (pg->epoll >= 0)
		close(pg->epoll);
	if (pg->timer >= 0)
		close(pg->timer);
	md_pg_shared_unref(pg->shared);
	free(pg->password);
	free(pg->prelude);
	free(pg->schema);
	free(pg->role);
	free(pg);
}

static enum md_code make_fds(struct md_pg *pg, struct md_error *err)
{
	struct epoll_event event = { .events = EPOLLIN };
	enum md_code code = md_pg_shared_new(&pg->shared, err);

	if (code != MD_OK)
		return code;
	pg->epoll = epoll_create1(EPOLL_CLOEXEC);
	pg->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (pg->epoll < 0 || pg->timer < 0 ||
	    epoll_ctl(pg->epoll, EPOLL_CTL_ADD, pg->timer, &event) != 0 ||
	    epoll_ctl(pg->epoll, EPOLL_CTL_ADD, pg->shared->wake, &event) != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030",
			       "no file descriptors for a database connection");
	return MD_OK;
}

static enum md_code prepare(struct md_pg *pg, const struct md_conn_target *target,
			    struct md_error *err)
{
	enum md_code code = make_fds(pg, err);

	if (code == MD_OK)
		code = md_pg_names_init(&pg->names, target->statement_cache, err);
	if (code == MD_OK)
		code = md_pg_dial(pg, target->url, err);
	return code;
}

static void on_notice(void *arg, const PGresult *result)
{
	struct md_pg *pg = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	bool warning = severity && strcmp(severity, "WARNING") == 0;

	md_log_line(pg->log, warning ? MD_LOG_WARN : MD_LOG_INFO, "postgresql: %s: %s",
		    severity ? severity : "NOTICE", message ? message : "");
	pg->gone = pg->gone || md_pg_is_fatal(result); /* said to a session that did nothing */
}

static enum md_code connect_pg(const struct md_conn_target *target, struct md_conn **ret_conn,
			       struct md_error *err)
{
	struct md_pg *pg = calloc(1, sizeof(*pg));
	enum md_code code;

	if (!pg)
		return md_fail_nomem(err);
	pg->base.driver = &md_postgres_driver;
	pg->base.features = md_postgres_driver.features;
	pg->base.born_ns = md_now_ns();
	pg->log = target->log;
	pg->read_only = target->read_only;
	pg->shared_use = target->shared;
	pg->groups = target->shared;
	pg->commits = target->shared && !target->read_only;
	pg->unprepared = target->unprepared;
	pg->search_path = target->search_path;
	pg->search_path_count = target->search_path_count;
	pg->statement_timeout_ms = target->statement_timeout_ms;
	pg->lock_timeout_ms = target->lock_timeout_ms;
	pg->epoll = pg->timer = pg->socket = -1;
	pg->queue_end = &pg->queue;
	pg->flight_end = &pg->flight;
	pg->answered_end = &pg->answered;
	md_buf_init(&pg->binds.text, 1u << 30); /* the server's own limit for one value */
	pg->schema = target->schema ? strdup(target->schema) : NULL;
	pg->role = target->role ? strdup(target->role) : NULL;
	code = (target->schema && !pg->schema) || (target->role && !pg->role)
		       ? md_fail_nomem(err)
		       : prepare(pg, target, err);
	if (code != MD_OK) {
		release(pg);
		return code;
	}
	PQsetNoticeReceiver(pg->db, on_notice, pg);
	watch_socket(pg, PQsocket(pg->db), EPOLLOUT);
	set_timer(pg, pg->connect_by_ns);
	*ret_conn = &pg->base;
	return MD_OK;
}

/* --- calls of the loop; done() and paused() may call us again --- */

static void enter(struct md_pg *pg)
{
	pg->entered++;
}

static void note_head(struct md_pg *pg)
{
	const struct md_pg_job *head = pg->flight ? pg->flight : pg->queue;

	pg->base.head_ns = head ? head->pushed_ns : 0;
}

/* libpq reads when it cannot send all at once. Nothing announces what it has taken then. */
static bool has_read_ahead(const struct md_pg *pg)
{
	return pg->state == MD_PG_READY && pg->in_flight > 1 && !pg->flight->paused && !pg->gone &&
	       !PQisBusy(pg->db);
}

/* libpq has given the socket up, which it finds out when it sends, too. */
static bool is_cut_off(const struct md_pg *pg)
{
	return (pg->state == MD_PG_SETTLING || pg->state == MD_PG_READY) && PQsocket(pg->db) < 0;
}

/* The outermost call does what the inner ones have left to do. */
static void leave(struct md_pg *pg)
{
	if (pg->entered == 1) {
		do {
			md_pg_start(pg);
			md_pg_pump(pg);
			md_pg_start(pg);
			update_interest(pg);
		} while (has_read_ahead(pg));
		if (is_cut_off(pg)) {
			md_pg_pump(pg); /* what came before the end counts */
			pg->gone = true;
		}
		if (pg->gone)
			md_pg_pump(pg);
		note_head(pg);
	}
	pg->entered--;
	if (pg->entered == 0 && pg->closed)
		release(pg);
}

static void connected(struct md_pg *pg)
{
	pg->state = MD_PG_SETTLING;
	PQsetErrorVerbosity(pg->db, PQERRORS_DEFAULT);
	if (PQsetnonblocking(pg->db, 1) != 0 || !PQenterPipelineMode(pg->db))
		md_pg_lost_conn(pg);
	else
		md_pg_send_settings(pg);
}

/* A connection that is asked before its socket is ready is taken for one that stands, and then
 * libpq waits for it: a deadline, or somebody who cancels, must not make it do that. */
static bool can_go_on(const struct md_pg *pg)
{
	struct pollfd watched = { .fd = pg->socket,
				  .events = pg->interest & EPOLLOUT ? POLLOUT : POLLIN };

	return pg->socket < 0 || poll(&watched, 1, 0) != 0;
}

static void go_on_connecting(struct md_pg *pg)
{
	if (!can_go_on(pg))
		return;
	switch (PQconnectPoll(pg->db)) {
	case PGRES_POLLING_READING:
		watch_socket(pg, PQsocket(pg->db), EPOLLIN);
		break;
	case PGRES_POLLING_WRITING:
		watch_socket(pg, PQsocket(pg->db), EPOLLOUT);
		break;
	case PGRES_POLLING_OK:
		connected(pg);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		md_pg_lost_conn(pg);
		break;
	}
}

static void too_long(struct md_pg *pg)
{
	struct md_error err;

	md_fail(&err, MD_UNAVAILABLE, "08001", "the database did not answer in time");
	md_pg_lost(pg, &err);
}

/* It takes until its settings are answered, and has a time limit for that. */
static bool is_expected(const struct md_pg *pg)
{
	bool opening = pg->state == MD_PG_CONNECTING || pg->state == MD_PG_SETTLING;

	return opening && pg->connect_by_ns != 0;
}

static void look_at_clock(struct md_pg *pg)
{
	bool called = atomic_exchange(&pg->shared->signalled, false);
	uint64_t now_ns = md_now_ns(), next_ns;

	if (called && !drain(pg->shared->wake)) /* whoever called has still to write: once more */
		atomic_store(&pg->shared->signalled, true);
	if (!atomic_exchange(&pg->shared->attention, false) &&
	    (pg->timer_ns == 0 || now_ns < pg->timer_ns))
		return;
	drain(pg->timer);
	pg->timer_ns = 0;
	if (is_expected(pg) && now_ns >= pg->connect_by_ns)
		too_long(pg);
	next_ns = md_pg_check_units(pg, now_ns);
	if (is_expected(pg) && (next_ns == 0 || pg->connect_by_ns < next_ns))
		next_ns = pg->connect_by_ns;
	set_timer(pg, next_ns);
}

static void process(struct md_conn *conn, unsigned events)
{
	struct md_pg *pg = pg_of(conn);

	(void)events; /* of the epoll instance: something has happened */
	enter(pg);
	if (pg->entered == 1) {
		look_at_clock(pg);
		if (pg->state == MD_PG_CONNECTING) {
			go_on_connecting(pg);
		} else if (pg->state != MD_PG_BROKEN && !(pg->flight && pg->flight->paused)) {
			bool alive = PQconsumeInput(pg->db);

			md_pg_pump(pg); /* what came before the end counts */
			if (!pg->flight && pg->state == MD_PG_READY)
				PQisBusy(pg->db); /* reads what nobody has asked for */
			if (!alive)
				pg->gone = true;
		}
	}
	leave(pg);
}

static void flush(struct md_conn *conn)
{
	struct md_pg *pg = pg_of(conn);

	enter(pg);
	if (pg->entered == 1 && atomic_load(&pg->shared->attention))
		look_at_clock(pg);
	leave(pg);
}

static void fail_push(struct md_unit *unit, struct md_pg *pg)
{
	if (pg->base.broken)
		md_fail(&unit->error, MD_UNAVAILABLE, "08003",
			"the connection to the database is closed");
	else
		md_fail_nomem(&unit->error);
	unit->ops->done(unit, unit->error.code);
}

static void to_queue(struct md_pg *pg, struct md_pg_job *job)
{
	*pg->queue_end = job;
	pg->queue_end = &job->next;
	pg->base.depth++;
	if (job->deadline_ns && (pg->timer_ns == 0 || job->deadline_ns < pg->timer_ns))
		set_timer(pg, job->deadline_ns);
}

static void push(struct md_conn *conn, struct md_unit *unit)
{
	struct md_pg *pg = pg_of(conn);
	struct md_pg_job *job = pg->base.broken ? NULL : md_pg_job_new(pg, unit);

	if (job && pg->groups && pg->flight) { /* an answer will come, and with it the turn's end */
		to_queue(pg, job);
		note_head(pg);
		return;
	}
	enter(pg);
	if (job)
		to_queue(pg, job);
	else
		fail_push(unit, pg);
	leave(pg);
}

static void resume(struct md_conn *conn, struct md_unit *unit)
{
	struct md_pg *pg = pg_of(conn);

	enter(pg);
	if (pg->flight && pg->flight->unit == unit)
		pg->flight->paused = false;
	leave(pg);
}

static void cancel(struct md_conn *conn, struct md_unit *unit)
{
	struct md_pg *pg = pg_of(conn);

	atomic_store(&unit->cancelled, true);
	atomic_store(&pg->shared->attention, true);
	md_pg_wake(pg->shared);
}

static void close_pg(struct md_conn *conn)
{
	struct md_pg *pg = pg_of(conn);
	struct md_error err;

	enter(pg);
	md_fail(&err, MD_UNAVAILABLE, "08003", "the connection to the database was closed");
	md_pg_lost(pg, &err);
	pg->closed = true;
	leave(pg);
}

static int fd(const struct md_conn *conn)
{
	return ((const struct md_pg *)conn)->epoll;
}

static unsigned wants(const struct md_conn *conn)
{
	(void)conn;
	return MD_READ;
}

const struct md_db_driver md_postgres_driver = {
	.engine = "postgresql",
	.dialect = &md_postgres_dialect,
	.features = MD_DB_PIPELINE | MD_DB_RETURNING | MD_DB_UPSERT | MD_DB_LATERAL,
	.connect = connect_pg,
	.close = close_pg,
	.push = push,
	.resume = resume,
	.cancel = cancel,
	.command = md_pg_command,
	.query = md_pg_query,
	.in_transaction = md_pg_in_transaction,
	/* The number is ours; whoever makes tables takes it. Each statement sees what there is when
	 * the lock has come. */
	.begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
		       " SELECT pg_advisory_xact_lock(120265298963556)",
	.catalog = md_pg_catalog,
	.fd = fd,
	.wants = wants,
	.process = process,
	.flush = flush,
	.put_role = md_pg_put_role,
	.put_zone = md_pg_put_zone,
};
