/* JSON bodies, second pass. The text has been checked: nothing here looks for its end, except
 * where eight bytes are read at once. */
#include "core/json/body_reader.h"
#include "core/json/swar.h"

#include "core/base/banned.h"

/* One row on its way into cells. */
struct row {
	const struct md_body *body;
	const char *end; /* of the body */
	char *scratch;   /* its free part */
};

/* At the first quote or backslash. */
static inline const char *skip_text(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t word = md_swar_load(p);
		uint64_t marks = md_swar_equal(word, '"') | md_swar_equal(word, '\\');

		if (marks != 0)
			return p + md_swar_first(marks);
	}
	while (*p != '"' && *p != '\\')
		p++;
	return p;
}

/* Behind the quote; returns the closing one. */
static const char *skip_string(const char *p, const char *end, bool *ret_escaped)
{
	*ret_escaped = false;
	for (p = skip_text(p, end); *p != '"'; p = skip_text(p + 2, end))
		*ret_escaped = true;
	return p;
}

static unsigned hex4(const char *p)
{
	unsigned unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit * 16 +
		       (p[i] <= '9' ? (unsigned)(p[i] - '0') : (unsigned)((p[i] | 32) - 'a') + 10);
	return unit;
}

static char *put_utf8(char *out, unsigned point)
{
	if (point < 0x80) {
		*out++ = (char)point;
		return out;
	}
	if (point < 0x800) {
		*out++ = (char)(0xC0 | point >> 6);
	} else {
		if (point < 0x10000) {
			*out++ = (char)(0xE0 | point >> 12);
		} else {
			*out++ = (char)(0xF0 | point >> 18);
			*out++ = (char)(0x80 | (point >> 12 & 0x3F));
		}
		*out++ = (char)(0x80 | (point >> 6 & 0x3F));
	}
	*out++ = (char)(0x80 | (point & 0x3F));
	return out;
}

/* Behind "\u"; returns the place behind the character, which may be a pair. */
static const char *unescape_unicode(char **out, const char *p)
{
	unsigned point = hex4(p);

	p += 4;
	if (point >= 0xD800 && point <= 0xDBFF) {
		point = 0x10000 + ((point - 0xD800) << 10) + (hex4(p + 2) - 0xDC00);
		p += 6;
	}
	*out = put_utf8(*out, point);
	return p;
}

size_t md_json_unescape(char *out, struct md_str string)
{
	static const char plain[256] = {
		['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
		['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
	};
	const char *p = string.ptr, *end = p + string.len;
	char *start = out;

	while (p < end) {
		const char *backslash = memchr(p, '\\', (size_t)(end - p));
		size_t len = (size_t)((backslash ? backslash : end) - p);

		memcpy(out, p, len);
		out += len;
		if (!backslash)
			break;
		p = backslash + 2;
		if (p[-1] == 'u')
			p = unescape_unicode(&out, p);
		else
			*out++ = plain[(unsigned char)p[-1]];
	}
	return (size_t)(out - start);
}

static struct md_str decode(struct row *row, struct md_str raw)
{
	struct md_str text = { row->scratch, md_json_unescape(row->scratch, raw) };

	row->scratch += text.len;
	return text;
}

/* A key at its quote; returns the place of its value. */
static const char *read_key(struct row *row, const char *p, unsigned field, unsigned *ret_column)
{
	struct md_str raw;
	bool escaped;

	if (md_json_is_expected(row->body, field, p + 1, row->end)) {
		*ret_column = row->body->keys[field].column;
		p += row->body->keys[field].raw.len + 1;
	} else {
		raw.ptr = p + 1;
		p = skip_string(raw.ptr, row->end, &escaped);
		raw.len = (size_t)(p - raw.ptr);
		*ret_column = md_body_column(row->body, escaped ? decode(row, raw) : raw);
	}
	p = md_json_blanks(p + 1, row->end);
	return md_json_blanks(p + 1, row->end);
}

static const char *read_string(struct row *row, const char *p, struct md_body_cell *cell)
{
	struct md_str raw = { p + 1, 0 };
	bool escaped;

	p = skip_string(raw.ptr, row->end, &escaped);
	raw.len = (size_t)(p - raw.ptr);
	cell->kind = MD_CELL_STRING;
	cell->text = escaped ? decode(row, raw) : raw;
	return p + 1;
}

/* An object or an array, as it is. */
static const char *read_json(const char *start, const char *end, struct md_body_cell *cell)
{
	const char *p = start;
	unsigned depth = 0;
	bool escaped;

	do {
		if (*p == '"')
			p = skip_string(p + 1, end, &escaped);
		else if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (depth > 0);
	cell->kind = MD_CELL_JSON;
	cell->text = (struct md_str){ start, (size_t)(p - start) };
	return p;
}

static const char *read_number(const char *start, struct md_body_cell *cell)
{
	const char *p = start;

	while ((*p >= '0' && *p <= '9') || *p == '.' || *p == '-' || *p == '+' || (*p | 32) == 'e')
		p++;
	cell->kind = MD_CELL_NUMBER;
	cell->text = (struct md_str){ start, (size_t)(p - start) };
	return p;
}

static const char *read_value(struct row *row, const char *p, struct md_body_cell *cell)
{
	switch (*p) {
	case '"':
		return read_string(row, p, cell);
	case '{':
	case '[':
		return read_json(p, row->end, cell);
	case 'n':
		cell->kind = MD_CELL_NULL;
		return p + 4;
	case 't':
	case 'f':
		cell->kind = MD_CELL_BOOL;
		cell->truth = *p == 't';
		return p + (cell->truth ? 4 : 5);
	default:
		return read_number(p, cell);
	}
}

const char *md_json_read_row(const struct md_body *body, const char *p, char *scratch,
			     struct md_body_cell *cells)
{
	struct row row = { body, body->text.ptr + body->text.len, scratch };
	struct md_body_cell ignored;
	unsigned column;

	p = md_json_blanks(p + 1, row.end);
	for (unsigned field = 0; *p != '}'; field++) {
		p = read_key(&row, p, field, &column);
		p = read_value(&row, p, column == MD_NO_COLUMN ? &ignored : &cells[column]);
		p = md_json_blanks(p, row.end);
		if (*p == ',')
			p = md_json_blanks(p + 1, row.end);
	}
	p = md_json_blanks(p + 1, row.end);
	return p < row.end && *p == ',' ? md_json_blanks(p + 1, row.end) : p;
}
