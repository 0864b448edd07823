#include "tests/support/pipe_driver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/db/dialect.h"

enum { CONNS_MAX = 256, UNITS_MAX = 128 };

struct pipe {
	struct md_conn base; /* first */
	int wake;
	bool stands, lost;
	enum md_code refused;
	struct md_unit *units[UNITS_MAX];
	bool ended[UNITS_MAX];
	unsigned count;
	uint64_t order[UNITS_MAX];
};

/* Guards all that follows, and the lists of units: loops run on threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pipe *pipes[CONNS_MAX];
static unsigned open_count, opened_count, most_count, running_count;
static uint64_t next_order;
static enum md_code refuse_with;
static bool automatic = true, breaks;

static void wake_up(struct pipe *pipe)
{
	uint64_t one = 1;
	ssize_t n = write(pipe->wake, &one, sizeof(one));

	(void)n;
}

void pipe_refuse(enum md_code code)
{
	pthread_mutex_lock(&lock);
	refuse_with = code;
	pthread_mutex_unlock(&lock);
}

void pipe_automatic(bool on)
{
	pthread_mutex_lock(&lock);
	automatic = on;
	pthread_mutex_unlock(&lock);
}

void pipe_break_at_push(bool on)
{
	pthread_mutex_lock(&lock);
	breaks = on;
	pthread_mutex_unlock(&lock);
}

static unsigned read_counter(const unsigned *counter)
{
	unsigned value;

	pthread_mutex_lock(&lock);
	value = *counter;
	pthread_mutex_unlock(&lock);
	return value;
}

unsigned pipe_running(void)
{
	return read_counter(&running_count);
}
unsigned pipe_open(void)
{
	return read_counter(&open_count);
}
unsigned pipe_opened(void)
{
	return read_counter(&opened_count);
}
unsigned pipe_most(void)
{
	return read_counter(&most_count);
}

bool pipe_end(void)
{
	struct pipe *best = NULL;
	unsigned at = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct pipe *pipe = pipes[i];

		for (unsigned u = 0; pipe && u < pipe->count; u++) {
			if (pipe->ended[u] || (best && pipe->order[u] > best->order[at]))
				continue;
			best = pipe;
			at = u;
		}
	}
	if (best) {
		best->ended[at] = true;
		wake_up(best);
	}
	pthread_mutex_unlock(&lock);
	return best != NULL;
}

void pipe_lose_all(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		if (!pipes[i])
			continue;
		pipes[i]->lost = true;
		wake_up(pipes[i]);
	}
	pthread_mutex_unlock(&lock);
}

void pipe_reset(void)
{
	pthread_mutex_lock(&lock);
	refuse_with = MD_OK;
	automatic = true;
	breaks = false;
	opened_count = open_count;
	most_count = open_count;
	pthread_mutex_unlock(&lock);
}

/* --- the driver --- */

static enum md_code connect_pipe(const struct md_conn_target *target, struct md_conn **ret_conn,
				 struct md_error *err)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	unsigned at = 0;

	(void)target;
	if (!pipe)
		return md_fail_nomem(err);
	pipe->base = (struct md_conn){ .driver = &md_pipe_driver,
				       .features = md_pipe_driver.features,
				       .born_ns = md_now_ns() };
	pipe->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_lock(&lock);
	pipe->refused = refuse_with;
	while (pipes[at])
		at++;
	pipes[at] = pipe;
	opened_count++;
	if (++open_count > most_count)
		most_count = open_count;
	wake_up(pipe);
	pthread_mutex_unlock(&lock);
	*ret_conn = &pipe->base;
	return MD_OK;
}

/* Units that are to end, taken out under the lock. */
static unsigned take(struct pipe *pipe, bool all, struct md_unit **ret_units)
{
	unsigned taken = 0, kept = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < pipe->count; i++) {
		if (all || pipe->ended[i] || atomic_load(&pipe->units[i]->cancelled)) {
			ret_units[taken++] = pipe->units[i];
			running_count--;
			continue;
		}
		pipe->units[kept] = pipe->units[i];
		pipe->ended[kept] = pipe->ended[i];
		pipe->order[kept++] = pipe->order[i];
	}
	pipe->count = kept;
	pthread_mutex_unlock(&lock);
	pipe->base.depth = kept;
	return taken;
}

static void lose(struct pipe *pipe, enum md_code code)
{
	struct md_unit *units[UNITS_MAX];
	unsigned count = take(pipe, true, units);

	pipe->base.broken = true;
	for (unsigned i = 0; i < count; i++) {
		md_fail(&units[i]->error, code, "08006", "the connection was lost");
		units[i]->ops->done(units[i], code);
	}
}

static void close_pipe(struct md_conn *conn)
{
	struct pipe *pipe = (struct pipe *)conn;

	lose(pipe, MD_UNAVAILABLE);
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (pipes[i] == pipe)
			pipes[i] = NULL;
	open_count--;
	pthread_mutex_unlock(&lock);
	close(pipe->wake);
	free(pipe);
}

/* hello and ping are units, too; they must not wait for the test. */
static bool is_ours(struct md_unit *unit)
{
	return unit->owner_ops == NULL;
}

static void push(struct md_conn *conn, struct md_unit *unit)
{
	struct pipe *pipe = (struct pipe *)conn;

	pthread_mutex_lock(&lock);
	conn->broken = conn->broken || breaks;
	pthread_mutex_unlock(&lock);
	if (conn->broken) {
		md_fail(&unit->error, MD_UNAVAILABLE, "08003", "closed");
		unit->ops->done(unit, MD_UNAVAILABLE);
		return;
	}
	unit->sent = pipe->stands;
	pthread_mutex_lock(&lock);
	pipe->units[pipe->count] = unit;
	pipe->ended[pipe->count] = automatic || is_ours(unit);
	pipe->order[pipe->count++] = next_order++;
	running_count++;
	if (pipe->ended[pipe->count - 1])
		wake_up(pipe);
	pthread_mutex_unlock(&lock);
	conn->depth = pipe->count;
}

static void process(struct md_conn *conn, unsigned events)
{
	struct pipe *pipe = (struct pipe *)conn;
	struct md_unit *units[UNITS_MAX];
	uint64_t count;
	ssize_t n = read(pipe->wake, &count, sizeof(count));
	unsigned taken;
	bool lost;

	(void)n;
	(void)events;
	pthread_mutex_lock(&lock);
	lost = pipe->lost;
	pthread_mutex_unlock(&lock);
	if (lost || pipe->refused != MD_OK) {
		lose(pipe, lost ? MD_UNAVAILABLE : pipe->refused);
		return;
	}
	pipe->stands = true;
	taken = take(pipe, false, units);
	for (unsigned i = 0; i < taken; i++) {
		enum md_code code = MD_OK;

		if (atomic_load(&units[i]->cancelled))
			code = md_fail(&units[i]->error, MD_CANCELLED, "57014", "cancelled");
		units[i]->ops->done(units[i], code);
	}
}

static void resume(struct md_conn *conn, struct md_unit *unit)
{
	(void)conn;
	(void)unit;
}

static void cancel(struct md_conn *conn, struct md_unit *unit)
{
	atomic_store(&unit->cancelled, true);
	wake_up((struct pipe *)conn);
}

static int fd(const struct md_conn *conn)
{
	return ((const struct pipe *)conn)->wake;
}

static unsigned wants(const struct md_conn *conn)
{
	(void)conn;
	return MD_READ;
}

static void flush(struct md_conn *conn)
{
	(void)conn;
}

static const struct md_dialect pipe_dialect = { .name = "pipe" };

const struct md_db_driver md_pipe_driver = {
	.engine = "pipe",
	.dialect = &pipe_dialect,
	.features = MD_DB_PIPELINE,
	.connect = connect_pipe,
	.close = close_pipe,
	.push = push,
	.resume = resume,
	.cancel = cancel,
	.fd = fd,
	.wants = wants,
	.process = process,
	.flush = flush,
};
