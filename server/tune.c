#include "server/tune.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/lock.h"
#include "server/reload.h"

#include "core/base/banned.h"

/* Different settings that can be changed. */
enum { CHANGES_MAX = 16 };

/* Main thread: what was changed; the texts are owned. */
struct changes {
	struct md_override items[CHANGES_MAX];
	char *keys[CHANGES_MAX], *values[CHANGES_MAX];
	uint64_t until_ns[CHANGES_MAX]; /* 0: for good */
	unsigned count;
};

static struct {
	pthread_once_t once;
	int fd; /* eventfd: main is to look */
	struct md_lock lock;
	/* Guarded by it. */
	struct md_tune_ask *asks;
	bool closed;
	/* Main thread. */
	struct changes now;
} tune = { .once = PTHREAD_ONCE_INIT, .fd = -1, .lock = MD_LOCK_INIT };

static void make_fd(void)
{
	tune.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int md_tune_fd(void)
{
	pthread_once(&tune.once, make_fd);
	return tune.fd;
}

bool md_tune_ask(struct md_tune_ask *ask)
{
	static const uint64_t one = 1;
	bool taken;

	md_lock_enter(&tune.lock);
	taken = !tune.closed;
	if (taken) {
		ask->next = tune.asks;
		tune.asks = ask;
	}
	md_lock_leave(&tune.lock);
	if (taken && write(md_tune_fd(), &one, sizeof(one)) < 0)
		return true; /* main is awake */
	return taken;
}

/* --- changes --- */

static void free_changes(struct changes *changes)
{
	for (unsigned i = 0; i < changes->count; i++) {
		free(changes->keys[i]);
		free(changes->values[i]);
	}
	changes->count = 0;
}

static bool add(struct changes *changes, const char *key, const char *value, uint64_t until_ns)
{
	unsigned at = changes->count++;

	changes->keys[at] = strdup(key);
	changes->values[at] = strdup(value);
	changes->until_ns[at] = until_ns;
	changes->items[at] = (struct md_override){ .layer = MD_LAYER_LIVE,
						   .name = "administrator",
						   .key = changes->keys[at],
						   .key_len = strlen(key),
						   .value = changes->values[at] };
	return changes->keys[at] && changes->values[at];
}

static bool is_named(const struct md_tune_ask *ask, const char *key)
{
	for (unsigned i = 0; ask && i < ask->count; i++)
		if (strcmp(ask->changes[i].key, key) == 0)
			return true;
	return false;
}

/* Those of now that are not over, and those of the ask (may be NULL) in place of the same. */
static bool merge(const struct md_tune_ask *ask, struct changes *next)
{
	uint64_t now_ns = md_now_ns();

	*next = (struct changes){ .count = 0 };
	for (unsigned i = 0; i < tune.now.count; i++) {
		const struct md_override *item = &tune.now.items[i];
		uint64_t until_ns = tune.now.until_ns[i];

		if ((until_ns > 0 && until_ns <= now_ns) || is_named(ask, item->key))
			continue;
		if (!add(next, item->key, item->value, until_ns))
			return false;
	}
	for (unsigned i = 0; ask && i < ask->count; i++) {
		if (!ask->changes[i].value)
			continue;
		if (next->count == CHANGES_MAX ||
		    !add(next, ask->changes[i].key, ask->changes[i].value,
			 ask->for_ms > 0 ? now_ns + ask->for_ms * MD_MS : 0))
			return false;
	}
	return true;
}

static enum md_code apply(struct md_server *server, struct md_settings *settings,
			  const struct md_tune_ask *ask, struct md_error *err)
{
	struct changes next, before = tune.now;
	enum md_code code = merge(ask, &next) ? MD_OK : md_fail_nomem(err);

	if (code == MD_OK) {
		tune.now = next;
		settings->live = tune.now.items;
		settings->live_count = tune.now.count;
		code = md_reload_settings(server, settings, err);
	}
	if (code == MD_OK) {
		free_changes(&before);
		return MD_OK;
	}
	free_changes(&next);
	tune.now = before;
	settings->live_count = tune.now.count;
	return code;
}

/* --- the main thread --- */

static void arrive(struct md_task *task)
{
	struct md_tune_ask *ask = (struct md_tune_ask *)task;

	ask->done(ask);
}

/* The last touch. */
static void reply(struct md_tune_ask *ask)
{
	ask->task.run = arrive;
	md_reactor_post(ask->home, &ask->task);
}

static struct md_tune_ask *take(bool close)
{
	struct md_tune_ask *asks, *turned = NULL;

	md_lock_enter(&tune.lock);
	asks = tune.asks;
	tune.asks = NULL;
	tune.closed = tune.closed || close;
	md_lock_leave(&tune.lock);
	while (asks) { /* in the order in which they came */
		struct md_tune_ask *next = asks->next;

		asks->next = turned;
		turned = asks;
		asks = next;
	}
	return turned;
}

static uint64_t next_end(void)
{
	uint64_t next_ns = 0;

	for (unsigned i = 0; i < tune.now.count; i++)
		if (tune.now.until_ns[i] > 0 && (next_ns == 0 || tune.now.until_ns[i] < next_ns))
			next_ns = tune.now.until_ns[i];
	return next_ns;
}

int md_tune_wait_ms(void)
{
	uint64_t next_ns = next_end(), now_ns = md_now_ns();

	if (next_ns == 0)
		return -1;
	return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns) / MD_MS % 3600000 + 1);
}

void md_tune_look(struct md_server *server, struct md_settings *settings)
{
	uint64_t ignored, next_ns = next_end();
	struct md_tune_ask *asks;
	struct md_error err;

	if (read(md_tune_fd(), &ignored, sizeof(ignored)) < 0 && next_ns == 0)
		return;
	for (asks = take(false); asks;) {
		struct md_tune_ask *ask = asks;

		asks = ask->next;
		md_error_clear(&ask->error);
		apply(server, settings, ask, &ask->error);
		reply(ask);
	}
	md_error_clear(&err);
	if (next_ns > 0 && next_ns <= md_now_ns())
		apply(server, settings, NULL, &err);
}

void md_tune_end(void)
{
	struct md_tune_ask *asks = take(true);

	while (asks) {
		struct md_tune_ask *ask = asks;

		asks = ask->next;
		md_error_clear(&ask->error);
		md_fail(&ask->error, MD_UNAVAILABLE, "MD503", "the server is stopping");
		reply(ask);
	}
	free_changes(&tune.now);
}
