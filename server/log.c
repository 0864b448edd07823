#include "server/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/banned.h"

static bool to_journal; /* set before threads */

void md_log_setup(void)
{
	to_journal = getenv("JOURNAL_STREAM") != NULL;
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

void md_log_write(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n <= 0)
			return; /* nobody to tell */
		text += n;
		len -= (size_t)n;
	}
}

static void write_line(void *ctx, enum md_log_level level, const char *text)
{
	char line[2200];
	int len = snprintf(line, sizeof(line), "%s%s%s\n", md_log_prefix(level), level_word(level),
			   text);

	(void)ctx;
	if (len > 0)
		md_log_write(line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1);
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
