#include "core/json/write.h"

#include <endian.h>
#include <stdlib.h>

#include "core/json/raw.h"
#include "core/json/swar.h"

#include "core/base/banned.h"

/* What stands for a byte that cannot stand for itself; 'u': \u00XX. */
static const char escape_table[256] = {
	[0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't',      ['\n'] = 'n', [11] = 'u',
	['\f'] = 'f',    ['\r'] = 'r', [14 ... 31] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static const char hex_digits[] = "0123456789abcdef";

/* Second byte bounds by first byte, RFC 3629 section 4. */
static bool fits_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xE0:
		return second >= 0xA0 && second <= 0xBF;
	case 0xED:
		return second >= 0x80 && second <= 0x9F;
	case 0xF0:
		return second >= 0x90 && second <= 0xBF;
	case 0xF4:
		return second >= 0x80 && second <= 0x8F;
	default:
		return (second & 0xC0) == 0x80;
	}
}

static size_t utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t md_raw_utf8(const unsigned char *p, size_t left, size_t *ret_bad)
{
	size_t len = utf8_length(p[0]), i;

	for (i = 1; i < len && i < left; i++)
		if (i == 1 ? !fits_second(p[0], p[1]) : (p[i] & 0xC0) != 0x80)
			break;
	if (i == len)
		return len;
	*ret_bad = i;
	return 0;
}

/* The byte at *ps is special; step over it and write what stands for it. */
static char *put_special(char *p, const char **ps, const char *end)
{
	unsigned char c = (unsigned char)**ps;
	size_t len, bad;
	char escape = escape_table[c];

	if (c >= 0x80) {
		len = md_raw_utf8((const unsigned char *)*ps, (size_t)(end - *ps), &bad);
		memcpy(p, len > 0 ? *ps : "\xEF\xBF\xBD", len > 0 ? len : 3);
		*ps += len > 0 ? len : bad;
		return p + (len > 0 ? len : 3);
	}
	++*ps;
	p[0] = '\\';
	p[1] = escape;
	if (escape != 'u')
		return p + 2;
	md_raw_literal(p + 2, "00", 2);
	p[4] = hex_digits[c >> 4];
	p[5] = hex_digits[c & 15];
	return p + 6;
}

char *md_raw_string(char *p, const char *ptr, size_t len)
{
	const char *s = ptr, *end = ptr + len;
	uint64_t word, marks;

	*p++ = '"';
	while (end - s >= 8) {
		memcpy(&word, s, 8);
		memcpy(p, &word, 8);
		marks = md_swar_special(le64toh(word));
		if (marks == 0) {
			s += 8;
			p += 8;
			continue;
		}
		s += md_swar_first(marks);
		p += md_swar_first(marks);
		p = put_special(p, &s, end);
	}
	while (s < end) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x80 && !escape_table[c]) {
			*p++ = (char)c;
			s++;
		} else {
			p = put_special(p, &s, end);
		}
	}
	*p++ = '"';
	return p;
}

char *md_raw_hex(char *p, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	p = md_raw_literal(p, "\"\\\\x", 4);
	for (size_t i = 0; i < len; i++) {
		*p++ = hex_digits[bytes[i] >> 4];
		*p++ = hex_digits[bytes[i] & 15];
	}
	*p++ = '"';
	return p;
}

bool md_raw_reserve(struct md_buf *out, size_t need)
{
	enum { WASTE = 64 * 1024 }; /* ask for more than this only when it is all used */

	if (out->failed)
		return false;
	if (out->cap - out->len >= need)
		return true;
	return need <= WASTE && out->len <= out->max && need <= out->max - out->len &&
	       md_buf_grow(out, need);
}

/* Write by `put` into the buffer, or beside it when the worst case does not fit. */
static void write_text(struct md_buf *out, const char *ptr, size_t len,
		       char *(*put)(char *p, const char *ptr, size_t len))
{
	size_t room;
	char *scratch;

	if (__builtin_mul_overflow(len, (size_t)MD_RAW_TEXT_FACTOR, &room) ||
	    __builtin_add_overflow(room, (size_t)MD_RAW_TEXT_ROOM, &room)) {
		out->failed = true;
		return;
	}
	if (md_raw_reserve(out, room)) {
		out->len = (size_t)(put(out->data + out->len, ptr, len) - out->data);
		return;
	}
	if (out->failed)
		return;
	scratch = malloc(room);
	if (!scratch) {
		out->failed = true;
		return;
	}
	md_buf_put(out, scratch, (size_t)(put(scratch, ptr, len) - scratch));
	free(scratch);
}

void md_json_write_string(struct md_buf *out, const char *ptr, size_t len)
{
	write_text(out, len > 0 ? ptr : "", len, md_raw_string);
}

static char *put_hex(char *p, const char *ptr, size_t len)
{
	return md_raw_hex(p, ptr, len);
}

void md_json_write_hex(struct md_buf *out, const void *data, size_t len)
{
	write_text(out, len > 0 ? data : "", len, put_hex);
}

void md_json_write_real(struct md_buf *out, double value)
{
	char text[MD_RAW_NUMBER_ROOM];

	md_buf_put(out, text, (size_t)(md_raw_real(text, value) - text));
}
