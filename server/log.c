#include "server/log.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/lock.h"

#include "core/base/banned.h"

enum { SINK_BYTES = 1024 * 1024, END_MS = 1000, GATHER_MS = 10 };

static bool to_journal; /* set before threads */

/* Between those who log and standard error, which may block for as long as it likes. */
static struct {
	struct md_lock lock;
	pthread_cond_t fed, rested;
	pthread_t thread;
	/* Guarded by the lock, but for what the thread is writing out. */
	char *gathered, *written;
	size_t len;
	uint64_t lost; /* lines, not yet told */
	bool running, busy, ending;
	bool urgent; /* somebody waits, or it is no mere request line: write at once */
	_Atomic uint64_t lost_ever;
} sink = { .lock = MD_LOCK_INIT };

/* The variable says which file is the journal's; whoever is started by a service with its output
 * elsewhere, a shell's for example, has it, too. */
void md_log_setup(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	to_journal = strcmp(stream, ours) == 0;
}

const char *md_log_prefix(enum md_log_level level)
{
	static const char *const prefixes[8] = { [MD_LOG_ERROR] = "<3>",
						 [MD_LOG_WARN] = "<4>",
						 [MD_LOG_INFO] = "<6>",
						 [MD_LOG_DEBUG] = "<7>" };

	if (!to_journal || (unsigned)level >= 8 || !prefixes[level])
		return "";
	return prefixes[level];
}

/* The level in words, for people; the journal shows it by itself. */
static const char *level_word(enum md_log_level level)
{
	if (to_journal)
		return "";
	switch (level) {
	case MD_LOG_ERROR:
		return "error: ";
	case MD_LOG_WARN:
		return "warning: ";
	case MD_LOG_INFO:
	case MD_LOG_DEBUG:
		break;
	}
	return "";
}

/* --- the sink ----------------------------------------------------------------------------------
 */

static struct timespec at_ns(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / MD_SEC), .tv_nsec = (long)(ns % MD_SEC) };
}

/* How much could be written: less than `len` on a full disk, or when the other end is gone. */
static size_t write_most(const char *text, size_t len)
{
	struct pollfd full = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(STDERR_FILENO, text + done, len - done);

		if (n < 0 && errno == EAGAIN)
			poll(&full, 1, -1);
		else if (n <= 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	return done;
}

/* Whole lines, behind one that could not be finished the last time. Returns how much of `text` was
 * written; one thread at a time. */
static size_t write_lines(const char *text, size_t len)
{
	static atomic_bool torn;
	size_t done;

	if (len == 0 || (torn && write_most("\n", 1) == 0))
		return 0;
	done = write_most(text, len);
	torn = done > 0 && text[done - 1] != '\n';
	return done;
}

static bool tell_lost(uint64_t lost)
{
	char line[160];
	size_t len = (size_t)snprintf(line, sizeof(line),
				      "%s%s%llu lines of the log are lost: standard error was "
				      "blocked, or its disk full\n",
				      md_log_prefix(MD_LOG_WARN), level_word(MD_LOG_WARN),
				      (unsigned long long)lost);

	return write_lines(line, len) == len;
}

static uint64_t count_lines(const char *text, size_t len)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* With the lock. A line that could not be finished counts: its newline is in what is left. */
static void lose(const char *text, size_t len)
{
	uint64_t lines = count_lines(text, len);

	sink.lost += lines;
	atomic_fetch_add_explicit(&sink.lost_ever, lines, memory_order_relaxed);
}

static void write_out(void)
{
	size_t len = sink.len, done;
	uint64_t lost = sink.lost;
	char *text = sink.gathered;

	sink.gathered = sink.written;
	sink.written = text;
	sink.len = 0;
	sink.lost = 0;
	sink.urgent = false;
	sink.busy = true;
	md_lock_leave(&sink.lock);
	done = write_lines(text, len);
	if (lost > 0 && tell_lost(lost))
		lost = 0;
	md_lock_enter(&sink.lock);
	sink.lost += lost;
	lose(text + done, len - done);
	sink.busy = false;
}

static bool is_half_full(void)
{
	return sink.len > SINK_BYTES / 2;
}

/* With the lock: request lines wait a moment for others, because waking a thread for each costs
 * more than writing it. */
static void gather(void)
{
	struct timespec until = at_ns(md_now_ns() + GATHER_MS * MD_MS);

	while (!sink.urgent && !sink.ending && !is_half_full())
		if (!md_cond_wait_until(&sink.fed, &sink.lock, &until))
			return;
}

static void *sink_main(void *cls)
{
	pthread_setname_np(pthread_self(), "modeld-log");
	md_lock_enter(&sink.lock);
	while (!sink.ending || sink.len > 0) {
		if (sink.len > 0) {
			gather();
			write_out();
			continue;
		}
		sink.urgent = false;
		pthread_cond_signal(&sink.rested);
		md_cond_wait(&sink.fed, &sink.lock);
	}
	pthread_cond_signal(&sink.rested);
	md_lock_leave(&sink.lock);
	return cls;
}

bool md_log_start(void)
{
	sink.gathered = malloc(SINK_BYTES);
	sink.written = malloc(SINK_BYTES);
	md_cond_init(&sink.fed);
	md_cond_init(&sink.rested);
	sink.ending = sink.busy = sink.urgent = false;
	sink.len = 0;
	sink.running = sink.gathered && sink.written &&
		       pthread_create(&sink.thread, NULL, sink_main, NULL) == 0;
	return sink.running;
}

/* With the lock: wait until everything is written, not longer than `ms`. */
static bool rest(unsigned ms)
{
	struct timespec until = at_ns(md_now_ns() + ms * MD_MS);

	sink.urgent = true;
	pthread_cond_signal(&sink.fed);
	while (sink.busy || sink.len > 0)
		if (!md_cond_wait_until(&sink.rested, &sink.lock, &until))
			return !sink.busy && sink.len == 0;
	return true;
}

void md_log_flush(unsigned ms)
{
	if (!sink.running)
		return;
	md_lock_enter(&sink.lock);
	rest(ms);
	md_lock_leave(&sink.lock);
}

void md_log_end(void)
{
	bool rested;

	if (!sink.running)
		return;
	md_lock_enter(&sink.lock);
	sink.ending = true;
	rested = rest(END_MS);
	md_lock_leave(&sink.lock);
	if (!rested) { /* it blocks for ever: what is left stays with it, and what follows, too */
		pthread_detach(sink.thread);
		return;
	}
	pthread_join(sink.thread, NULL);
	sink.running = false;
	free(sink.gathered);
	free(sink.written);
	sink.gathered = sink.written = NULL;
}

uint64_t md_log_lost(void)
{
	return atomic_load_explicit(&sink.lost_ever, memory_order_relaxed);
}

static void put(const char *text, size_t len, bool urgent)
{
	bool was_empty, was_half_full;

	if (!sink.running) {
		write_lines(text, len);
		return;
	}
	md_lock_enter(&sink.lock);
	was_empty = sink.len == 0;
	was_half_full = is_half_full();
	if (len > SINK_BYTES - sink.len) {
		lose(text, len);
	} else {
		memcpy(sink.gathered + sink.len, text, len);
		sink.len += len;
	}
	sink.urgent = sink.urgent || urgent;
	if (!sink.busy && (was_empty || urgent || is_half_full() != was_half_full))
		pthread_cond_signal(&sink.fed);
	md_lock_leave(&sink.lock);
}

void md_log_write(const char *text, size_t len)
{
	put(text, len, false);
}

/* --- lines -------------------------------------------------------------------------------------
 */

static void write_line(void *ctx, enum md_log_level level, const char *text)
{
	char line[2200];
	int len = snprintf(line, sizeof(line), "%s%s%s\n", md_log_prefix(level), level_word(level),
			   text);

	(void)ctx;
	if (len > 0)
		put(line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1, true);
}

struct md_log md_log_stderr(enum md_log_level level)
{
	return (struct md_log){ .write = write_line, .ctx = NULL, .level = level };
}

void md_log_error(const struct md_log *log, const char *before, const struct md_error *err)
{
	md_log_line(log, MD_LOG_ERROR, "%s%s", before, err->message);
	if (err->details[0] != '\0' && !err->details_json && strcmp(err->wire, "MD422") != 0)
		md_log_line(log, MD_LOG_ERROR, "%s", err->details);
	if (err->hint[0] != '\0')
		md_log_line(log, MD_LOG_ERROR, "hint: %s", err->hint);
}
