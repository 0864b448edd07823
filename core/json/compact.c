/* JSON in one form: equal texts for values that differ in white space and escapes only. */
#include <stdlib.h>
#include <string.h>

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

/* Behind the closing quote. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind the null, and the comma that follows it, of a member whose name ends before `p`; NULL: it
 * is something else. */
static const char *skip_null_member(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	if (p == end || *p != ':')
		return NULL;
	p = skip_blanks(p + 1, end);
	if (end - p < 4 || memcmp(p, "null", 4) != 0)
		return NULL;
	p = skip_blanks(p + 4, end);
	return p < end && *p == ',' ? p + 1 : p;
}

size_t md_json_strip_nulls(char *text, size_t len)
{
	const char *p = text, *end = text + len, *name, *behind;
	char *out = text;

	while ((p = skip_blanks(p, end)) < end) {
		name = p;
		if (*p == '"') {
			p = skip_string(p, end);
			behind = skip_null_member(p, end);
			if (!behind)
				memmove(out, name, (size_t)(p - name));
			out += behind ? 0 : p - name;
			p = behind ? behind : p;
			continue;
		}
		if (*p == '}' && out > text && out[-1] == ',') /* what came last is gone */
			out--;
		*out++ = *p++;
	}
	return (size_t)(out - text);
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
