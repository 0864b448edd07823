#include "server/life.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config/settings.h"
#include "core/base/clock.h"
#include "server/migrations.h"
#include "server/notify.h"
#include "server/reload.h"
#include "server/reread.h"
#include "server/router.h"
#include "server/server.h"
#include "server/shrink.h"
#include "server/tune.h"

#include "core/base/banned.h"

/* How often ending loops are looked at; administration, which answers until the end, gets a moment
 * for those who are just asking. The manager waits that much longer than the drain may take. */
enum { LOOK_MS = 10, ADMIN_DRAIN_MS = 100, END_MS = 10000 };
/* How often the manager is asked for more time. */
#define TELL_NS (10 * MD_SEC)

void md_life_init(struct md_life *life, struct md_server *server)
{
	sigset_t set;

	*life = (struct md_life){ .server = server, .signals = -1 };
	md_watchdog_init(&life->watchdog);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0)
		life->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void md_life_release(struct md_life *life)
{
	if (life->signals >= 0)
		close(life->signals);
	life->signals = -1;
}

/* The next signal; 0: none came in time. */
static unsigned next_signal(const struct md_life *life, int wait_ms)
{
	struct pollfd ready = { .fd = life->signals, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&ready, 1, wait_ms) <= 0 ||
	    read(life->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	return info.ssi_signo;
}

/* Of two waits; -1 is for ever. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Sleep until a signal has come, the database looks changed, an administrator changes a setting, or
 * the watchdog wants to hear. */
static void sleep_on(const struct md_life *life)
{
	struct pollfd fds[] = { { .fd = life->signals, .events = POLLIN },
				{ .fd = md_reread_fd(), .events = POLLIN },
				{ .fd = md_tune_fd(), .events = POLLIN },
				{ .fd = md_shrink_fd(), .events = POLLIN } };
	int wait_ms = sooner(md_reread_wait_ms(), md_tune_wait_ms());

	poll(fds, 4, sooner(wait_ms, md_watchdog_wait_ms(&life->watchdog)));
}

static bool is_end(unsigned number)
{
	return number == SIGTERM || number == SIGINT;
}

void md_life_obey(struct md_life *life, struct md_settings *settings)
{
	for (;;) {
		unsigned number;

		sleep_on(life);
		md_tune_look(life->server, settings);
		md_reread_look(life->server, settings->options);
		md_shrink_now();
		number = next_signal(life, 0);
		if (is_end(number))
			return;
		if (number == SIGUSR1)
			md_reload_models(life->server, settings->options);
		else if (number != 0)
			md_reload(life->server, settings);
		md_watchdog_tick(&life->watchdog, life->server);
	}
}

/* Sockets of our own: whoever connects from now on is refused, and need not wait for the end to
 * learn it. Those of the service manager stay, and who connects waits for the next daemon. */
static void close_listeners(struct md_server *server)
{
	for (unsigned i = 0; i < server->listener_count; i++) {
		struct md_listener *listener = &server->listeners[i];

		if (!listener->inherited && listener->routes == MD_ON_PUBLIC)
			md_listener_close(listener);
	}
}

static void hurry(const struct md_life *life)
{
	struct md_server *server = life->server;

	md_log_line(&server->log, MD_LOG_INFO, "stopping at once");
	for (unsigned i = 0; i < server->loop_count; i++)
		if (server->loops[i]->started && !server->loops[i]->is_admin)
			md_loop_post_hurry(server->loops[i]);
}

/* Wait for the end of a loop. A second signal ends what is in flight; later ones change nothing. */
static void join(struct md_life *life, struct md_loop *loop, bool *hurried)
{
	while (pthread_tryjoin_np(loop->thread, NULL) == EBUSY) {
		if (is_end(next_signal(life, LOOK_MS)) && !*hurried) {
			*hurried = true;
			hurry(life);
		}
		md_watchdog_tick_anyway(&life->watchdog);
	}
}

static void tell_stopping(const struct md_server *server, uint64_t drain_ms)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "STOPPING=1\nSTATUS=finishing requests\nEXTEND_TIMEOUT_USEC=%" PRIu64,
		 (drain_ms + END_MS) * 1000);
	md_notify(text);
	md_log_line(&server->log, MD_LOG_INFO, "stopping");
}

bool md_life_await_migrations(struct md_life *life)
{
	struct md_server *server = life->server;
	uint64_t told_ns = 0;

	while (!md_migrations_end()) {
		if (told_ns == 0)
			md_log_line(
				&server->log, MD_LOG_INFO,
				"waiting for a migration to end; a second signal stops at once");
		if (md_now_ns() - told_ns >= TELL_NS) {
			told_ns = md_now_ns();
			md_notify("STOPPING=1\nSTATUS=waiting for a migration\n"
				  "EXTEND_TIMEOUT_USEC=60000000");
		}
		md_watchdog_tick_anyway(&life->watchdog);
		if (is_end(next_signal(life, LOOK_MS)))
			return false;
	}
	return true;
}

bool md_life_stop(struct md_life *life, uint64_t drain_ms)
{
	struct md_server *server = life->server;
	bool hurried = false, stuck = false;

	if (server->loop_count > 0)
		tell_stopping(server, drain_ms);
	atomic_store(&server->draining, true);
	for (unsigned i = 0; i < server->loop_count; i++)
		if (server->loops[i]->started && !server->loops[i]->is_admin)
			md_loop_post_drain(server->loops[i], drain_ms);
	close_listeners(server);
	for (unsigned i = 0; i < server->loop_count; i++) {
		struct md_loop *loop = server->loops[i];

		if (!loop->started)
			continue;
		if (loop->is_admin)
			md_loop_post_drain(loop, ADMIN_DRAIN_MS);
		join(life, loop, &hurried);
		stuck = stuck || loop->stuck;
	}
	return !stuck;
}
