/* Waiting for one's turn, and telling how it goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/clock.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 5000, WAIT_PAUSE_MS = 200, TELL_S = 5 };
enum { GIVE_MS = 10000, GIVE_PAUSE_MS = 50 };

static void sleep_ms(unsigned ms)
{
	struct timespec pause = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000L };

	nanosleep(&pause, NULL);
}

/* Between half of `ms` and one and a half: several that failed together do not try together. */
static unsigned jittered(unsigned ms)
{
	unsigned random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = (unsigned)md_now_ns();
	return ms / 2 + random % (ms + 1);
}

void md_migrate_back_off(unsigned tries)
{
	unsigned ms = FIRST_PAUSE_MS;

	for (unsigned i = 0; i < tries && ms < LONGEST_PAUSE_MS; i++)
		ms *= 2;
	sleep_ms(jittered(ms > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : ms));
}

/* --- telling -----------------------------------------------------------------------------------
 */

static void call_progress(struct md_migrate *migrate)
{
	struct md_ticker *ticker = &migrate->ticker;

	ticker->now.seconds = (unsigned)((md_now_ns() - ticker->began_ns) / MD_SEC);
	migrate->options.progress(migrate->options.progress_ctx, &ticker->now);
}

/* A statement may take minutes, and the thread that runs it cannot say so. */
static void *tick(void *ctx)
{
	struct md_migrate *migrate = ctx;
	struct md_ticker *ticker = &migrate->ticker;

	md_lock_enter(&ticker->lock);
	while (!ticker->stop) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		if (!md_cond_wait_until(&ticker->wake, &ticker->lock, &until) && ticker->busy &&
		    !ticker->stop)
			call_progress(migrate);
	}
	md_lock_leave(&ticker->lock);
	return NULL;
}

void md_migrate_tell(struct md_migrate *migrate, const struct md_migrate_progress *progress)
{
	struct md_ticker *ticker = &migrate->ticker;
	bool same;

	if (!migrate->options.progress)
		return;
	md_lock_enter(&ticker->lock);
	same = ticker->busy && ticker->now.what == progress->what &&
	       ticker->now.step == progress->step;
	if (!same)
		ticker->began_ns = md_now_ns();
	ticker->now = *progress;
	ticker->busy = true;
	call_progress(migrate);
	if (!ticker->running) {
		ticker->stop = false;
		ticker->running = pthread_create(&ticker->thread, NULL, tick, migrate) == 0;
	}
	md_lock_leave(&ticker->lock);
}

void md_migrate_quiet(struct md_migrate *migrate)
{
	struct md_ticker *ticker = &migrate->ticker;
	bool running;

	md_lock_enter(&ticker->lock);
	ticker->stop = true;
	ticker->busy = false;
	running = ticker->running;
	ticker->running = false;
	pthread_cond_signal(&ticker->wake);
	md_lock_leave(&ticker->lock);
	if (running)
		pthread_join(ticker->thread, NULL);
}

/* --- the lock ----------------------------------------------------------------------------------
 */

static void tell_waiting(struct md_migrate *migrate, const struct md_lock_holder *holder)
{
	struct md_migrate_progress progress = { .rows = -1, .rows_done = -1, .waiting = true };
	char what[512];

	if (!migrate->options.progress)
		return;
	if (holder->held)
		snprintf(what, sizeof(what), "%s (%s, process %lld, since %s)", holder->owner,
			 holder->host, (long long)holder->pid, holder->acquired_at);
	else
		snprintf(what, sizeof(what), "somebody who writes to the database");
	progress.what = what;
	migrate->options.progress(migrate->options.progress_ctx, &progress);
}

static unsigned elapsed_ms(uint64_t since)
{
	return (unsigned)((md_now_ns() - since) / MD_MS);
}

/* Tables first: the lock is a row in one of them. Whoever makes them holds up who comes second. */
static enum md_code try_lock(struct md_migrate *migrate, const char *purpose,
			     struct md_lock_holder *ret_holder, struct md_error *err)
{
	enum md_code code = md_history_prepare(migrate->db, err);

	if (code == MD_OK)
		code = md_history_lock(migrate->db, migrate->owner, purpose, ret_holder, err);
	return code;
}

enum md_code md_migrate_lock(struct md_migrate *migrate, const char *purpose,
			     bool (*idle)(struct md_migrate *migrate, const void *ctx),
			     const void *ctx, bool *ret_taken, struct md_error *err)
{
	uint64_t began = md_now_ns(), told = 0;
	enum md_code code;

	for (;;) {
		struct md_lock_holder holder = { .held = false };
		struct md_error failed = { .code = MD_OK };

		code = try_lock(migrate, purpose, &holder, &failed);
		migrate->locked = code == MD_OK;
		if (code != MD_OK &&
		    (code != MD_BUSY || elapsed_ms(began) >= migrate->options.lock_wait_ms)) {
			if (err)
				*err = failed;
			return code;
		}
		if (code == MD_OK || idle) {
			enum md_code read = md_migrate_reload(migrate, err);

			if (read != MD_OK)
				return read;
			if (idle && idle(migrate, ctx)) {
				md_migrate_give(migrate);
				*ret_taken = false;
				return MD_OK;
			}
		}
		if (code == MD_OK)
			break;
		if (told == 0 || md_now_ns() - told >= TELL_S * MD_SEC) {
			tell_waiting(migrate, &holder);
			told = md_now_ns();
		}
		sleep_ms(jittered(WAIT_PAUSE_MS));
	}
	*ret_taken = true;
	return MD_OK;
}

/* As long as this process lives nobody takes the lock from it: what is in the way of giving it
 * back, no memory or somebody who writes, is waited for. */
void md_migrate_give(struct md_migrate *migrate)
{
	uint64_t began = md_now_ns();
	enum md_code code;

	if (!migrate->locked)
		return;
	migrate->locked = false;
	if (!migrate->inside)
		md_db_schema_rollback(migrate->db, NULL);
	code = md_history_unlock(migrate->db, NULL);
	while ((code == MD_NOMEM || code == MD_BUSY) && elapsed_ms(began) < GIVE_MS) {
		sleep_ms(GIVE_PAUSE_MS);
		code = md_history_unlock(migrate->db, NULL);
	}
}
