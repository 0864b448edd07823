#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

#include "core/base/banned.h"

/* vsnprintf may cut a UTF-8 sequence in two; take the torn one away. */
static void format(char *text, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(text, size, fmt, args);
	size_t len;

	if (n < 0) {
		text[0] = '\0';
		return;
	}
	if ((size_t)n < size)
		return;
	len = size - 1;
	while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
		len--;
	if (len > 0 && (unsigned char)text[len - 1] >= 0xC0)
		len--;
	else
		len = size - 1;
	text[len] = '\0';
}

enum md_code md_fail(struct md_error *err, enum md_code code, const char *wire, const char *fmt,
		     ...)
{
	va_list args;

	if (!err)
		return code;
	md_error_clear(err);
	err->code = code;
	strncat(err->wire, wire, sizeof(err->wire) - 1);
	va_start(args, fmt);
	format(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	return code;
}

void md_error_details(struct md_error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, fmt);
	format(err->details, sizeof(err->details), fmt, args);
	va_end(args);
}

void md_error_hint(struct md_error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, fmt);
	format(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
}

enum md_code md_fail_nomem(struct md_error *err)
{
	return md_fail(err, MD_NOMEM, "53200", "out of memory");
}
