#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/banned.h"

void md_log_line(const struct md_log *log, enum md_log_level level, const char *fmt, ...)
{
	char text[2000];
	va_list args;

	if (!log || !log->write || level > log->level)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			*p = ' ';
	log->write(log->ctx, level, text);
}
