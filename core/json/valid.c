/* Validators: is this text JSON, is it a number. No tree, no recursion. */
#include "core/json/raw.h"
#include "core/json/write.h"

#include "core/base/banned.h"

enum { MAX_DEPTH = 1024 };

struct scan {
	const char *p, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool skip_char(struct scan *scan, char c)
{
	if (scan->p == scan->end || *scan->p != c)
		return false;
	scan->p++;
	return true;
}

/* Behind the digits at p; NULL: there are none. */
static inline const char *digits_end(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && is_digit(*p))
		p++;
	return p > start ? p : NULL;
}

/* Behind the number at p; NULL: there is none. Every number of an answer passes here. */
static const char *number_end(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	p = p < end && *p == '0' ? p + 1 : digits_end(p, end);
	if (p && p < end && *p == '.')
		p = digits_end(p + 1, end);
	if (!p || p == end || (*p | 32) != 'e')
		return p;
	p++;
	if (p < end && (*p == '+' || *p == '-'))
		p++;
	return digits_end(p, end);
}

static bool skip_number(struct scan *scan)
{
	const char *p = number_end(scan->p, scan->end);

	if (!p)
		return false;
	scan->p = p;
	return true;
}

bool md_json_is_number(const char *ptr, size_t len)
{
	return len > 0 && number_end(ptr, ptr + len) == ptr + len;
}

static bool skip_hex4(struct scan *scan, unsigned *ret_unit)
{
	unsigned unit = 0;

	if (scan->end - scan->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *scan->p++;

		if (is_digit(c))
			unit = unit * 16 + (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			unit = unit * 16 + (unsigned)((c | 32) - 'a') + 10;
		else
			return false;
	}
	*ret_unit = unit;
	return true;
}

/* Behind the backslash. Halves of a surrogate pair that stand alone are refused: readers differ
 * about them. */
static bool skip_escape(struct scan *scan)
{
	unsigned unit;

	if (scan->p == scan->end)
		return false;
	switch (*scan->p++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return true;
	case 'u':
		if (!skip_hex4(scan, &unit))
			return false;
		if (unit < 0xD800 || unit > 0xDFFF)
			return true;
		return unit < 0xDC00 && skip_char(scan, '\\') && skip_char(scan, 'u') &&
		       skip_hex4(scan, &unit) && unit >= 0xDC00 && unit <= 0xDFFF;
	default:
		return false;
	}
}

static bool skip_string(struct scan *scan)
{
	size_t len, bad;

	if (!skip_char(scan, '"'))
		return false;
	while (scan->p < scan->end) {
		unsigned char c = (unsigned char)*scan->p;

		if (c == '\\') {
			scan->p++;
			if (!skip_escape(scan))
				return false;
			continue;
		}
		if (c < 0x20)
			return false;
		len = md_raw_utf8((const unsigned char *)scan->p, (size_t)(scan->end - scan->p),
				  &bad);
		if (len == 0)
			return false;
		scan->p += len;
		if (c == '"')
			return true;
	}
	return false;
}

static bool skip_word(struct scan *scan, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(scan->end - scan->p) < len || memcmp(scan->p, word, len) != 0)
		return false;
	scan->p += len;
	return true;
}

static bool skip_scalar(struct scan *scan)
{
	switch (*scan->p) {
	case '"':
		return skip_string(scan);
	case 't':
		return skip_word(scan, "true");
	case 'f':
		return skip_word(scan, "false");
	case 'n':
		return skip_word(scan, "null");
	default:
		return skip_number(scan);
	}
}

static void skip_blanks(struct scan *scan)
{
	while (scan->p < scan->end &&
	       (*scan->p == ' ' || *scan->p == '\n' || *scan->p == '\r' || *scan->p == '\t'))
		scan->p++;
}

/* Which bracket is open at each level: one bit, set for objects. */
struct levels {
	unsigned depth, max;
	unsigned char bits[MAX_DEPTH / 8];
};

static bool in_object(const struct levels *levels)
{
	unsigned top = levels->depth - 1;

	return (levels->bits[top / 8] >> (top % 8)) & 1;
}

static bool enter(struct levels *levels, bool object)
{
	unsigned top = levels->depth;

	if (top == levels->max)
		return false;
	levels->bits[top / 8] &= (unsigned char)~(1u << (top % 8));
	levels->bits[top / 8] |= (unsigned char)((unsigned)object << (top % 8));
	levels->depth++;
	return true;
}

static bool skip_key(struct scan *scan)
{
	skip_blanks(scan);
	if (!skip_string(scan))
		return false;
	skip_blanks(scan);
	return skip_char(scan, ':');
}

/* A bracket and, when it is not closed at once, the place of its first value. */
static bool open_bracket(struct scan *scan, struct levels *levels, bool *ret_value_follows)
{
	bool object = *scan->p++ == '{';

	if (!enter(levels, object))
		return false;
	skip_blanks(scan);
	if (skip_char(scan, object ? '}' : ']')) {
		levels->depth--;
		*ret_value_follows = false;
		return true;
	}
	*ret_value_follows = true;
	return !object || skip_key(scan);
}

/* Behind a value: close brackets, up to the place of the next value or the end of the text. */
static bool after_value(struct scan *scan, struct levels *levels)
{
	for (;;) {
		skip_blanks(scan);
		if (levels->depth == 0)
			return true;
		if (skip_char(scan, ','))
			return !in_object(levels) || skip_key(scan);
		if (!skip_char(scan, in_object(levels) ? '}' : ']'))
			return false;
		levels->depth--;
	}
}

bool md_json_is_valid(const char *ptr, size_t len, unsigned depth)
{
	struct scan scan = { ptr, ptr + len };
	struct levels levels = { .depth = 0, .max = depth < MAX_DEPTH ? depth : MAX_DEPTH };
	bool value_follows;

	if (len == 0)
		return false;
	do {
		skip_blanks(&scan);
		if (scan.p == scan.end)
			return false;
		if (*scan.p == '[' || *scan.p == '{') {
			if (!open_bracket(&scan, &levels, &value_follows))
				return false;
			if (value_follows)
				continue;
		} else if (!skip_scalar(&scan)) {
			return false;
		}
		if (!after_value(&scan, &levels))
			return false;
		value_follows = levels.depth > 0;
	} while (value_follows);
	return scan.p == scan.end;
}
