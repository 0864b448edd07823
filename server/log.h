/* Where the daemon's lines go: standard error, with systemd's priority prefix when the journal is
 * behind it. While the daemon serves, a thread of its own does the writing, so that a pipe nobody
 * reads, or a journal that hangs, stops nothing: beyond 1 MiB lines are dropped and counted, and
 * how many is told when there is room again. Whole lines or blocks of them, so that lines of
 * several threads do not mix. Any thread, but for what begins and ends it. */
#ifndef MD_SERVER_LOG_H
#define MD_SERVER_LOG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"

/** Find out whether the journal listens; before threads. */
void md_log_setup(void);
/** From now on a thread writes; before other threads. False: no memory or no thread, and writing
 * stays as it was. */
bool md_log_start(void);
/** Wait until everything is written, but not longer than `ms`. */
void md_log_flush(unsigned ms);
/** After all other threads: write the rest, unless standard error blocks, and end the thread. */
void md_log_end(void);
/** Lines dropped so far. */
uint64_t md_log_lost(void);
/** A hook that writes to standard error. */
struct md_log md_log_stderr(enum md_log_level level);
/** What a line of `level` begins with: "<6>" or "". */
const char *md_log_prefix(enum md_log_level level);
/** An error in lines: `before` with the message, details, hint. What was told one by one before it
 * was summed up (MD422) is not told again. */
void md_log_error(const struct md_log *log, const char *before, const struct md_error *err);
/** Whole lines of requests, with their newlines; they are gathered for 10 ms. Lines of the hook are
 * written at once, with all before them. */
void md_log_write(const char *text, size_t len);
#endif
