/* JSON in one form: equal texts for values that differ in white space and escapes only. */
#include <stdlib.h>

#include "core/json/body_reader.h"
#include "core/json/write.h"

#include "core/base/banned.h"

void md_json_put_plain(struct md_buf *out, const char *ptr, size_t len)
{
	char *room = malloc(len + 1);

	if (room)
		md_buf_put(out, room, md_json_unescape(room, (struct md_str){ ptr, len }));
	else
		out->failed = true;
	free(room);
}

/* A string at its quote; returns its closing one. */
static const char *put_string(struct md_buf *out, const char *p, const char *end)
{
	md_auto_buf plain = MD_BUF(SIZE_MAX / 2);
	const char *start = ++p;
	bool escaped = false;

	for (; p < end && *p != '"'; p++)
		if (*p == '\\') {
			escaped = true;
			p++;
		}
	if (escaped) {
		md_json_put_plain(&plain, start, (size_t)(p - start));
		md_json_write_string(out, plain.data, plain.len);
		md_buf_inherit(out, &plain);
	} else {
		md_json_write_string(out, start, (size_t)(p - start));
	}
	return p;
}

void md_json_compact(struct md_buf *out, const char *ptr, size_t len)
{
	const char *end = ptr + len;

	for (const char *p = ptr; p < end; p++) {
		if (*p == '"')
			p = put_string(out, p, end);
		else if (*p != ' ' && *p != '\t' && *p != '\n' && *p != '\r')
			md_buf_putc(out, *p);
	}
}
