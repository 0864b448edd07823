/* Where the daemon's lines go: standard error, with systemd's priority prefix when the journal is
 * behind it. One write(2) per line or block, so that lines of several threads do not mix. Any
 * thread. */
#ifndef MD_SERVER_LOG_H
#define MD_SERVER_LOG_H
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/log.h"

/** Find out whether the journal listens; before threads. */
void md_log_setup(void);
/** A hook that writes to standard error. */
struct md_log md_log_stderr(enum md_log_level level);
/** What a line of `level` begins with: "<6>" or "". */
const char *md_log_prefix(enum md_log_level level);
/** An error in lines: `before` with the message, details, hint. What was told one by one before it
 * was summed up (MD422) is not told again. */
void md_log_error(const struct md_log *log, const char *before, const struct md_error *err);
/** Whole lines, with their newlines. */
void md_log_write(const char *text, size_t len);
#endif
