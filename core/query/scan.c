#include "core/query/scan.h"

#include <stdio.h>

#include "core/base/banned.h"

enum { SHOWN_MAX = 384, FIRST_STEPS = 4 };

/* Bytes of names; every byte of a multi-byte character counts as a letter. */
static bool is_name_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == ' ' || c == '$' || c >= 0x80;
}
/* Bytes of JSON keys. */
static bool is_key_byte(unsigned char c)
{
	return c != '(' && c != '-' && c != ':' && c != '.' && c != ',' && c != '>' && c != ')';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void md_scan_begin(struct md_scan *scan, const char *what, struct md_str text)
{
	scan->start = scan->p = text.ptr;
	scan->end = text.ptr + text.len;
	scan->what = what;
	scan->shown = text;
	scan->ahead = (struct md_str){ NULL, 0 };
	scan->expected_at = scan->failed_at = NULL;
	scan->expected = 0;
}

/* Line and column as parsec counts: characters, tabs to the next multiple of eight. */
static void advance(struct md_str text, unsigned *line, unsigned *column)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '\n') {
			++*line;
			*column = 1;
		} else if (c == '\t') {
			*column += 8 - (*column - 1) % 8;
		} else if ((c & 0xC0) != 0x80) {
			++*column;
		}
	}
}

static uint32_t code_point(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p++;
	uint32_t code = c < 0x80 ? c : c < 0xE0 ? c & 0x1Fu : c < 0xF0 ? c & 0x0Fu : c & 0x07u;

	for (; c >= 0x80 && p < end && ((unsigned char)*p & 0xC0) == 0x80; p++)
		code = code << 6 | ((unsigned char)*p & 0x3Fu);
	return code;
}

/* The character as Haskell shows it between `quote`s. */
static void show_char(struct md_buf *out, const char *p, const char *end, char quote)
{
	static const char *const controls[] = { "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK",
						"a",   "b",   "t",   "n",   "v",   "f",   "r",
						"SO",  "SI",  "DLE", "DC1", "DC2", "DC3", "DC4",
						"NAK", "SYN", "ETB", "CAN", "EM",  "SUB", "ESC",
						"FS",  "GS",  "RS",  "US" };
	uint32_t code = code_point(p, end);

	md_buf_putc(out, quote);
	if (code < 32)
		md_buf_printf(out, "\\%s", controls[code]);
	else if (code == 127)
		md_buf_puts(out, "\\DEL");
	else if (code > 127)
		md_buf_printf(out, "\\%u", code);
	else if (code == (unsigned char)quote || code == '\\')
		md_buf_printf(out, "\\%c", (char)code);
	else
		md_buf_putc(out, (char)code);
	md_buf_putc(out, quote);
}

static void list_expected(struct md_buf *out, uint64_t expected)
{
	static const char *const texts[] = {
#define TEXT(name, text) text,
		MD_EXPECT_LIST(TEXT)
#undef TEXT
	};

	/* the same words, looked for twice */
	if (expected & MD_EXPECT(CAST))
		expected &= ~MD_EXPECT(LATE_CAST);
	if (expected & MD_EXPECT(LATE_COMMA))
		expected &= ~MD_EXPECT(COMMA);
	if (expected)
		md_buf_puts(out, " expecting ");
	for (unsigned i = 0; i < MD_EXPECT_BITS; i++) {
		uint64_t rest = expected >> i;

		if (!(rest & 1))
			continue;
		md_buf_puts(out, texts[i]);
		rest >>= 1;
		if (rest)
			md_buf_puts(out, (rest & (rest - 1)) == 0 ? " or " : ", ");
	}
}

/* At most SHOWN_MAX bytes, so that the place behind it is never cut off. */
static struct md_str shorten(struct md_str text)
{
	if (text.len <= SHOWN_MAX)
		return text;
	text.len = SHOWN_MAX;
	while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
		text.len--;
	return text;
}

/* parsec reports what it met in place of the end of the input in single quotes. */
static enum md_code fail(struct md_scan *scan, const char *at, const char *bad, uint64_t expected,
			 bool single)
{
	struct md_str shown = shorten(scan->shown);
	struct md_str before = { scan->start, (size_t)(at - scan->start) };
	unsigned line = 1, column = 1;
	md_auto_buf text = { .max = MD_DETAILS_MAX };

	scan->failed_at = at;
	if (!scan->into.err)
		return MD_INVALID;
	advance(scan->ahead, &line, &column);
	advance(before, &line, &column);
	md_fail(scan->into.err, MD_INVALID, "PGRST100", "\"%s (%.*s)\" (line %u, column %u)",
		scan->what, (int)shown.len, shown.len ? shown.ptr : "", line, column);
	md_buf_puts(&text, "unexpected ");
	if (bad < scan->end)
		show_char(&text, bad, scan->end, single ? '\'' : '"');
	else
		md_buf_puts(&text, "end of input");
	list_expected(&text, expected);
	md_error_details(scan->into.err, "%s", md_buf_text(&text) ? text.data : "");
	return MD_INVALID;
}

enum md_code md_scan_fail_at(struct md_scan *scan, const char *at, const char *bad,
			     uint64_t expected)
{
	return fail(scan, at, bad, expected, (expected & MD_EXPECT(END)) != 0);
}

enum md_code md_scan_fail(struct md_scan *scan)
{
	uint64_t expected = scan->expected_at == scan->p ? scan->expected : 0;
	bool arrow = scan->end - scan->p >= 2 && scan->p[0] == '-' && scan->p[1] == '>';

	/* After a name the dash of an arrow is tried as part of the name: the `>` is to blame, and
	 * parsec has counted it, unless something else could have begun here. */
	if (arrow && (expected & MD_EXPECT(DASH)) && !(expected & MD_EXPECT(ARROW)))
		return fail(scan, scan->p + 2, scan->p + 1, 0, true);
	return md_scan_fail_at(scan, scan->p, scan->p, expected);
}

const char *md_scan_differs(const struct md_scan *scan, const char *at, const char *word)
{
	while (at < scan->end && *word && *at == *word) {
		at++;
		word++;
	}
	return at;
}

static struct md_str strip(const char *from, const char *to)
{
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	return (struct md_str){ from, (size_t)(to - from) };
}

/* Copy of names separated by dashes, each without spaces around. */
static enum md_code join_parts(struct md_scan *scan, const char *from, const char *to,
			       struct md_str *ret_name)
{
	char *copy = md_arena_alloc(scan->into.arena, (size_t)(to - from));
	size_t len = 0;

	if (!copy)
		return md_fail_nomem(scan->into.err);
	for (const char *dash; from <= to; from = dash + 1) {
		struct md_str part;

		dash = memchr(from, '-', (size_t)(to - from));
		if (!dash)
			dash = to;
		part = strip(from, dash);
		memcpy(copy + len, part.ptr, part.len);
		len += part.len;
		if (dash < to)
			copy[len++] = '-';
	}
	*ret_name = (struct md_str){ copy, len };
	return MD_OK;
}

/* Runs of `is_part` bytes with single dashes between; a dash before > begins an arrow. */
static enum md_code dashed(struct md_scan *scan, bool (*is_part)(unsigned char), uint64_t first,
			   uint64_t later, struct md_str *ret_name)
{
	const char *begin = scan->p, *part = begin;
	bool tidy = true;

	for (;;) {
		while (scan->p < scan->end && is_part((unsigned char)*scan->p))
			scan->p++;
		if (scan->p == part) {
			md_scan_expect(scan, part == begin ? first : later);
			return md_scan_fail(scan);
		}
		if (!md_scan_is(scan, '-') || (scan->p + 1 < scan->end && scan->p[1] == '>'))
			break;
		part = scan->p + 1;
		if (is_space(part[-2]) || (part < scan->end && is_space(*part)))
			tidy = false;
		scan->p++;
	}
	md_scan_expect(scan, later | MD_EXPECT(DASH));
	if (!tidy)
		return join_parts(scan, begin, scan->p, ret_name);
	*ret_name = strip(begin, scan->p);
	return MD_OK;
}

enum md_code md_scan_name(struct md_scan *scan, struct md_str *ret_name)
{
	if (md_scan_is(scan, '"'))
		return md_scan_quoted(scan, ret_name);
	return dashed(scan, is_name_byte, MD_EXPECT(NAME), MD_EXPECT(LETTER) | MD_EXPECT(DIGIT),
		      ret_name);
}

enum md_code md_scan_identifier(struct md_scan *scan, struct md_str *ret_name)
{
	const char *begin = scan->p;

	while (scan->p < scan->end && is_name_byte((unsigned char)*scan->p))
		scan->p++;
	md_scan_expect(scan, MD_EXPECT(LETTER) | MD_EXPECT(DIGIT));
	if (scan->p == begin)
		return md_scan_fail(scan);
	*ret_name = strip(begin, scan->p);
	return MD_OK;
}

/* The text between quotes without the backslashes that escape. */
static enum md_code unescape(struct md_scan *scan, const char *from, const char *to,
			     struct md_str *ret_text)
{
	char *copy = md_arena_alloc(scan->into.arena, (size_t)(to - from));
	size_t len = 0;

	if (!copy)
		return md_fail_nomem(scan->into.err);
	for (; from < to; from++) {
		if (*from == '\\')
			from++;
		copy[len++] = *from;
	}
	*ret_text = (struct md_str){ copy, len };
	return MD_OK;
}

/* Finds the closing quote; false: there is none, *ret_close is the end. */
static bool find_close(const struct md_scan *scan, const char **ret_close, bool *ret_escaped)
{
	const char *p = scan->p + 1;

	*ret_escaped = false;
	for (; p < scan->end && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		*ret_escaped = true;
		if (++p == scan->end)
			break;
	}
	*ret_close = p;
	return p < scan->end;
}

enum md_code md_scan_quoted(struct md_scan *scan, struct md_str *ret_text)
{
	const char *begin = scan->p + 1, *close;
	bool escaped;

	if (!find_close(scan, &close, &escaped))
		return md_scan_fail_at(scan, close, close, MD_EXPECT(BACKSLASH) | MD_EXPECT(QUOTE));
	scan->p = close + 1;
	if (escaped)
		return unescape(scan, begin, close, ret_text);
	*ret_text = (struct md_str){ begin, (size_t)(close - begin) };
	return MD_OK;
}

enum md_code md_scan_element(struct md_scan *scan, struct md_str *ret_value)
{
	const char *begin = scan->p, *close;
	bool escaped;

	if (md_scan_is(scan, '"') && find_close(scan, &close, &escaped) &&
	    (close + 1 == scan->end || close[1] == ',' || close[1] == ')'))
		return md_scan_quoted(scan, ret_value);
	while (scan->p < scan->end && *scan->p != ',' && *scan->p != ')')
		scan->p++;
	*ret_value = (struct md_str){ begin, (size_t)(scan->p - begin) };
	return MD_OK;
}

/* Behind the digits of an index. PostgREST takes an index before `)` for a key, so that
 * rel(data->0) asks for the key "0"; that cannot be meant. */
static bool ends_index(const struct md_scan *scan, const char *p)
{
	size_t left = (size_t)(scan->end - p);

	if (left == 0 || *p == '.' || *p == ',' || *p == ')')
		return true;
	return left >= 2 && (memcmp(p, "->", 2) == 0 || memcmp(p, "::", 2) == 0);
}

static enum md_code json_operand(struct md_scan *scan, struct md_json_step *step)
{
	const char *digits = scan->p + md_scan_is(scan, '-'), *p = digits;
	struct md_str number;

	while (p < scan->end && is_digit(*p))
		p++;
	if (p > digits && ends_index(scan, p)) {
		number = (struct md_str){ scan->p, (size_t)(p - scan->p) };
		step->is_index = true;
		if (!md_str_to_i64(number, &step->index) || step->index > INT32_MAX ||
		    step->index < INT32_MIN)
			return md_fail(scan->into.err, MD_INVALID, "22003",
				       "value \"%.*s\" is out of range for type integer",
				       MD_STR_ARG(number));
		scan->p = p;
		md_scan_expect(scan, MD_EXPECT(DIGIT));
		return MD_OK;
	}
	if (digits > scan->p)
		return md_scan_fail_at(scan, p, p,
				       p == digits
					       ? MD_EXPECT(DIGIT)
					       : MD_EXPECT(DIGIT) | MD_EXPECT(ARROW) |
							 MD_EXPECT(CAST) | MD_EXPECT(DOT) |
							 MD_EXPECT(LATE_COMMA) | MD_EXPECT(END));
	if (md_scan_is(scan, '"'))
		return md_scan_quoted(scan, &step->key);
	return dashed(scan, is_key_byte, MD_EXPECT(JSON_KEY), 0, &step->key);
}

enum md_code md_scan_path(struct md_scan *scan, struct md_column_ref *column)
{
	struct md_json_step *steps = NULL, *grown;
	unsigned count = 0, cap = 0;
	enum md_code code;

	while (md_scan_sees(scan, "->")) {
		if (count == scan->into.limits->json_path)
			return md_compose_too_many(&scan->into, count, "arrows in a JSON path");
		if (count == cap) {
			cap = cap ? cap * 2 : FIRST_STEPS;
			grown = md_arena_alloc(scan->into.arena, cap * sizeof(*steps));
			if (!grown)
				return md_fail_nomem(scan->into.err);
			if (count)
				memcpy(grown, steps, count * sizeof(*steps));
			steps = grown;
		}
		scan->p += 2;
		steps[count] = (struct md_json_step){ .as_text = md_scan_is(scan, '>') };
		scan->p += steps[count].as_text;
		code = json_operand(scan, &steps[count++]);
		if (code)
			return code;
	}
	md_scan_expect(scan, MD_EXPECT(ARROW_TEXT) | MD_EXPECT(ARROW));
	column->path = steps;
	column->path_len = count;
	return MD_OK;
}

enum md_code md_scan_column(struct md_scan *scan, struct md_column_ref *ret_column)
{
	enum md_code code;

	md_scan_blanks(scan);
	code = md_scan_name(scan, &ret_column->name);
	if (code == MD_OK)
		code = md_scan_path(scan, ret_column);
	if (code == MD_OK)
		md_scan_blanks(scan);
	return code;
}
