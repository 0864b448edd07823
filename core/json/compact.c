/* JSON in one form: equal texts for values that differ in white space and escapes only. */
#include <stdlib.h>

#include "core/json/body_reader.h"
#include "core/json/write.h"

#include "core/base/banned.h"

static const char *put_string(struct md_buf *out, const char *p, const char *end)
{
	const char *start = ++p;
	bool escaped = false;
	char *room;
	size_t len;

	for (; p < end && *p != '"'; p++)
		if (*p == '\\') {
			escaped = true;
			p++;
		}
	len = (size_t)(p - start);
	if (!escaped) {
		md_json_write_string(out, start, len);
		return p;
	}
	room = malloc(len);
	if (!room) {
		out->failed = true;
		return p;
	}
	md_json_write_string(out, room, md_json_unescape(room, (struct md_str){ start, len }));
	free(room);
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
