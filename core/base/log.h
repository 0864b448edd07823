/* How core says something to its host: through a hook given at open. core never chooses where text
 * goes and never logs errors that it returns; warnings, echo and pool events only. */
#ifndef MD_CORE_BASE_LOG_H
#define MD_CORE_BASE_LOG_H

/** Levels as systemd numbers them. */
enum md_log_level { MD_LOG_ERROR = 3, MD_LOG_WARN = 4, MD_LOG_INFO = 6, MD_LOG_DEBUG = 7 };

/** Where log lines go. May be called from any thread; `text` is one line without newline. */
struct md_log {
	void (*write)(void *ctx, enum md_log_level level, const char *text);
	void *ctx;
	enum md_log_level level; /* lines above it are not formatted at all */
};

/** Format one line and pass it on; `log` may be NULL (nothing happens). Cut at 2,000 bytes; control
 * bytes become spaces. */
void md_log_line(const struct md_log *log, enum md_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#endif
