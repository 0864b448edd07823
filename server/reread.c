#include "server/reread.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/lock.h"
#include "server/reload.h"

#include "core/base/banned.h"

static const uint64_t pause_first_ns = MD_SEC, pause_most_ns = 30 * MD_SEC;
/* So long a request waits for the next look when the one at work has found nothing. */
static const uint64_t soon_ns = 3 * MD_SEC;

static struct {
	pthread_once_t once;
	int fd; /* eventfd: main is to look */
	struct md_lock lock;
	/* Guarded by it. */
	struct md_reload_ask *asks;
	bool wanted; /* a look, with or without asks */
	bool sure;   /* a sign said so that no client can give */
	bool running, running_sure;
	bool closed;
	uint64_t generation;        /* that every loop has been given */
	unsigned vain;              /* looks in a row that found nothing */
	uint64_t pause_ns, next_ns; /* the pause after the last look; when it ends */
} reread = { .once = PTHREAD_ONCE_INIT, .fd = -1, .lock = MD_LOCK_INIT, .pause_ns = MD_SEC };

static void make_fd(void)
{
	reread.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int md_reread_fd(void)
{
	pthread_once(&reread.once, make_fd);
	return reread.fd;
}

static void wake(void)
{
	static const uint64_t one = 1;

	if (write(md_reread_fd(), &one, sizeof(one)) < 0)
		return; /* it is awake */
}

/* Looks are worth their while. */
static void shorten_pause(void)
{
	reread.vain = 0;
	if (reread.pause_ns <= pause_first_ns)
		return;
	reread.next_ns -= reread.pause_ns - pause_first_ns;
	reread.pause_ns = pause_first_ns;
}

void md_reread_hint(void)
{
	bool first;

	md_lock_enter(&reread.lock);
	first = !reread.sure && !reread.closed;
	reread.wanted = reread.sure = true;
	shorten_pause();
	md_lock_leave(&reread.lock);
	if (first)
		wake();
}

void md_reread_helped(void)
{
	md_lock_enter(&reread.lock);
	shorten_pause();
	md_lock_leave(&reread.lock);
}

/* Looks have found nothing, and the next is not due: no request waits for that. */
static bool is_in_vain(void)
{
	return reread.pause_ns > pause_first_ns && !reread.running && md_now_ns() < reread.next_ns;
}

/* Either it is remembered or it is known already: the news is on its way to its loop. */
static bool take_ask(struct md_reload_ask *ask, uint64_t generation, uint64_t *ret_known)
{
	if (generation < reread.generation) {
		*ret_known = reread.generation;
		return true;
	}
	reread.wanted = true;
	if (is_in_vain())
		return false;
	ask->next = reread.asks;
	reread.asks = ask;
	return true;
}

bool md_reread_ask(struct md_reload_ask *ask, uint64_t generation)
{
	struct md_reload_result result = { .generation = 0 };
	bool taken;

	md_lock_enter(&reread.lock);
	taken = !reread.closed && take_ask(ask, generation, &result.generation);
	md_lock_leave(&reread.lock);
	if (result.generation == 0) {
		wake();
		return taken;
	}
	ask->next = NULL;
	md_error_clear(&result.error);
	md_reload_answer(ask, &result);
	return true;
}

int md_reread_wait_ms(void)
{
	uint64_t now_ns = md_now_ns();
	int ms = -1;

	md_lock_enter(&reread.lock);
	if (reread.wanted && !reread.running && !reread.closed)
		ms = now_ns >= reread.next_ns ? 0 : (int)((reread.next_ns - now_ns) / MD_MS) + 1;
	md_lock_leave(&reread.lock);
	return ms;
}

void md_reread_look(struct md_server *server, const struct md_options *options)
{
	struct md_reload_ask *asks = NULL;
	uint64_t now_ns = md_now_ns(), count;
	bool due;

	if (read(md_reread_fd(), &count, sizeof(count)) < 0)
		count = 0; /* it was the time that woke us */
	md_lock_enter(&reread.lock);
	due = reread.wanted && !reread.running && !reread.closed && now_ns >= reread.next_ns;
	if (due) {
		asks = reread.asks;
		reread.asks = NULL;
		reread.running = true;
		reread.running_sure = reread.sure;
		reread.wanted = reread.sure = false;
	}
	md_lock_leave(&reread.lock);
	if (due)
		md_reload_reread(server, options, asks);
}

/* Who asked in the meantime begins again with what was found; that is mostly enough. When nothing
 * was, what they have seen may be newer: they wait for the next look, if it comes soon. */
static struct md_reload_ask *take_satisfied(bool changed)
{
	struct md_reload_ask *asks = reread.asks;

	if (!changed && reread.next_ns <= md_now_ns() + soon_ns)
		return NULL;
	reread.asks = NULL;
	if (changed)
		reread.wanted = reread.sure;
	return asks;
}

/* Of a look of ours. The first in vain may have come between two changes. */
static void set_pause(bool changed)
{
	reread.running = false;
	if (changed)
		reread.vain = 0;
	else if (!reread.running_sure)
		reread.vain++;
	reread.pause_ns = pause_first_ns << (reread.vain < 2 ? 0 : reread.vain - 1);
	if (reread.pause_ns > pause_most_ns) {
		reread.pause_ns = pause_most_ns;
		reread.vain--;
	}
	reread.next_ns = md_now_ns() + reread.pause_ns;
}

struct md_reload_ask *md_reread_ended(uint64_t generation, bool ours)
{
	struct md_reload_ask *asks;

	md_lock_enter(&reread.lock);
	if (ours)
		set_pause(generation != 0);
	if (generation != 0)
		reread.generation = generation;
	asks = take_satisfied(generation != 0);
	md_lock_leave(&reread.lock);
	wake();
	return asks;
}

struct md_reload_ask *md_reread_end(void)
{
	struct md_reload_ask *asks;

	md_lock_enter(&reread.lock);
	reread.closed = true;
	asks = reread.asks;
	reread.asks = NULL;
	md_lock_leave(&reread.lock);
	return asks;
}
