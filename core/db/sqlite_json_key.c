/* The order of JSON values, as PostgreSQL's jsonb has it: a key for each value, whose bytes compare
 * as the values do. Object > Array > Boolean > Number > String > null; of two arrays or objects the
 * one with more in it, else by what is in it, members by the length of their names and then their
 * bytes. Equal numbers are equal however they are written, and so are members in another order. */
#include "core/db/sqlite_functions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

#include "core/base/banned.h"

/* SQLite cannot interrupt a function: members of this many bytes are sorted, a fraction of a
 * second. */
static const size_t bytes_max = 100000000;

enum rank { LEAST, NOTHING, STRING, NUMBER, TRUTH, ARRAY, OBJECT };

struct work {
	const char *p, *end; /* what is left of the text, which is well-formed */
	struct md_buf out;
	size_t bytes;
};

/* A member in the output: its name without the end mark, and all of it. */
struct member {
	size_t at, name_len, len;
	const char *bytes; /* once nothing is added any more */
};

static void skip_blank(struct work *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
		w->p++;
}

static void put_rank(struct work *w, enum rank rank)
{
	md_buf_putc(&w->out, (char)rank);
}

static void put_u64(struct md_buf *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		md_buf_putc(out, (char)(value >> 8 * bytes));
}

/* A zero inside sorts behind the end mark, which is two of them. */
static void put_byte(struct work *w, unsigned char byte)
{
	md_buf_putc(&w->out, (char)byte);
	if (byte == 0)
		md_buf_putc(&w->out, '\xFF');
}

static void put_utf8(struct work *w, uint32_t c)
{
	if (c < 0x80) {
		put_byte(w, (unsigned char)c);
		return;
	}
	if (c < 0x800) {
		put_byte(w, (unsigned char)(0xC0 | c >> 6));
	} else {
		if (c < 0x10000) {
			put_byte(w, (unsigned char)(0xE0 | c >> 12));
		} else {
			put_byte(w, (unsigned char)(0xF0 | c >> 18));
			put_byte(w, (unsigned char)(0x80 | (c >> 12 & 0x3F)));
		}
		put_byte(w, (unsigned char)(0x80 | (c >> 6 & 0x3F)));
	}
	put_byte(w, (unsigned char)(0x80 | (c & 0x3F)));
}

static void put_end(struct work *w)
{
	md_buf_put(&w->out, "\0", 2);
}

static void put_string(struct work *w)
{
	for (w->p++; *w->p != '"';) {
		if (*w->p == '\\')
			put_utf8(w, md_sqlite_json_char(&w->p, w->end));
		else
			put_byte(w, (unsigned char)*w->p++);
	}
	w->p++;
	put_end(w);
}

/* The exponent behind a number; what nobody can mean is cut off. */
static int64_t take_exponent(struct work *w)
{
	bool negative = w->p[1] == '-';
	int64_t value = 0;

	w->p += 1 + (w->p[1] == '-' || w->p[1] == '+');
	for (; w->p < w->end && *w->p >= '0' && *w->p <= '9'; w->p++)
		if (value < INT32_MAX)
			value = 10 * value + (*w->p - '0');
	return negative ? -value : value;
}

/* 0.d1d2d3… times ten to the power: sign, power, digits without zeros at either end. Of negative
 * numbers all of it is turned around. */
static void put_number(struct work *w)
{
	bool negative = *w->p == '-', behind = false;
	int64_t power = 0;
	size_t at = w->out.len, digits, last;

	w->p += negative;
	md_buf_putc(&w->out, 2);
	put_u64(&w->out, 0, 8);
	last = digits = w->out.len;
	for (; w->p < w->end && (*w->p == '.' || (*w->p >= '0' && *w->p <= '9')); w->p++) {
		bool leads = w->out.len == digits && *w->p == '0';

		if (*w->p == '.') {
			behind = true;
			continue;
		}
		power += leads ? -(int64_t)behind : !behind;
		if (leads)
			continue;
		md_buf_putc(&w->out, *w->p);
		if (*w->p != '0')
			last = w->out.len;
	}
	if (w->p < w->end && (*w->p == 'e' || *w->p == 'E'))
		power += take_exponent(w);
	if (w->out.failed)
		return;
	w->out.len = last;
	if (last == digits) { /* zero */
		w->out.data[at] = 1;
		w->out.len = at + 1;
		return;
	}
	md_buf_putc(&w->out, 0);
	if (w->out.failed)
		return;
	for (unsigned i = 0; i < 8; i++)
		w->out.data[at + 1 + i] =
			(char)(((uint64_t)power + ((uint64_t)1 << 63)) >> 8 * (7 - i));
	for (size_t i = at; negative && i < w->out.len; i++)
		w->out.data[i] = (char)~w->out.data[i];
	if (negative)
		w->out.data[at] = 0;
}

static void put_value(struct work *w);

/* Behind a bracket: whether it is closed now, or there is one more. */
static bool is_more(struct work *w, char close)
{
	skip_blank(w);
	if (*w->p == ',')
		w->p++;
	skip_blank(w);
	if (*w->p != close)
		return !w->out.failed;
	w->p++;
	return false;
}

static void set_count(struct work *w, size_t at, uint64_t count)
{
	for (unsigned i = 0; !w->out.failed && i < 4; i++)
		w->out.data[at + i] = (char)(count >> 8 * (3 - i));
}

static void put_array(struct work *w)
{
	size_t at = w->out.len;
	uint64_t count = 0;

	put_u64(&w->out, 0, 4);
	for (w->p++; is_more(w, ']'); count++)
		put_value(w);
	set_count(w, at, count);
}

/* By name; of one name in the order in which they stand. */
static int compare(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order;

	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, a->name_len);
	return order ? order : a->at < b->at ? -1 : 1;
}

static bool same_name(const struct member *a, const struct member *b)
{
	return a->name_len == b->name_len && memcmp(a->bytes, b->bytes, a->name_len) == 0;
}

/* Sort what stands from `from` on; of members with one name the last one counts. */
static size_t sort(struct work *w, struct member *members, size_t count, size_t from)
{
	md_auto_buf sorted = MD_BUF(w->out.len - from + 1);
	size_t kept = 0;

	w->bytes += w->out.len - from;
	if (w->bytes > bytes_max)
		return 0;
	for (size_t i = 0; i < count; i++)
		members[i].bytes = w->out.data + members[i].at;
	qsort(members, count, sizeof(members[0]), compare);
	for (size_t i = 0; i < count; i++) {
		if (i + 1 < count && same_name(&members[i], &members[i + 1]))
			continue;
		md_buf_put(&sorted, members[i].bytes, members[i].len);
		kept++;
	}
	w->out.len = from;
	md_buf_put(&w->out, sorted.data, sorted.len);
	w->out.failed |= sorted.failed;
	return kept;
}

static void put_object(struct work *w)
{
	md_auto_buf members = MD_BUF((size_t)(w->end - w->p) * sizeof(struct member));
	size_t at = w->out.len, from, count = 0;

	put_u64(&w->out, 0, 4);
	from = w->out.len;
	for (w->p++; is_more(w, '}'); count++) {
		struct member member = { .at = w->out.len };

		put_string(w);
		member.name_len = w->out.len - member.at - 2;
		skip_blank(w);
		w->p++;
		put_value(w);
		member.len = w->out.len - member.at;
		md_buf_put(&members, &member, sizeof(member));
	}
	w->out.failed |= members.failed;
	if (count > 1 && !w->out.failed)
		count = sort(w, (struct member *)(void *)members.data, count, from);
	set_count(w, at, count);
}

static void put_word(struct work *w)
{
	put_rank(w, *w->p == 'n' ? NOTHING : TRUTH);
	if (*w->p != 'n')
		md_buf_putc(&w->out, *w->p == 't');
	w->p += *w->p == 'f' ? 5 : 4;
}

static void put_value(struct work *w)
{
	skip_blank(w);
	switch (*w->p) {
	case '{':
		put_rank(w, OBJECT);
		put_object(w);
		break;
	case '[':
		put_rank(w, ARRAY);
		put_array(w);
		break;
	case '"':
		put_rank(w, STRING);
		put_string(w);
		break;
	case 't':
	case 'f':
	case 'n':
		put_word(w);
		break;
	default:
		put_rank(w, NUMBER);
		put_number(w);
	}
}

/* An empty array that stands alone is less than all else; that is how PostgreSQL has it. */
static bool is_empty_array(struct md_str text)
{
	struct work w = { .p = text.ptr, .end = text.ptr + text.len };

	skip_blank(&w);
	if (*w.p++ != '[')
		return false;
	skip_blank(&w);
	return *w.p == ']';
}

/* What a column for JSON holds, but is none, is a text. */
static void put_text(struct work *w)
{
	put_rank(w, STRING);
	while (w->p < w->end)
		put_byte(w, (unsigned char)*w->p++);
	put_end(w);
}

void md_sqlite_json_key(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[MD_SQLITE_NUMBER_MAX];
	struct md_str text = md_sqlite_value_text(args[0], scratch);
	struct work w = { .p = text.ptr, .out = MD_BUF(8 * text.len + 64) };

	(void)count;
	if (!text.ptr) {
		if (sqlite3_value_type(args[0]) != SQLITE_NULL)
			sqlite3_result_error_nomem(ctx);
		return;
	}
	w.end = text.ptr + text.len;
	if (!md_sqlite_is_stored_json(text))
		put_text(&w);
	else if (is_empty_array(text))
		put_rank(&w, LEAST);
	else
		put_value(&w);
	if (w.bytes > bytes_max)
		md_sqlite_raise(ctx, "54000", "the JSON values are too large to compare");
	else if (w.out.failed)
		sqlite3_result_error_nomem(ctx);
	else
		sqlite3_result_blob64(ctx, w.out.data, w.out.len, SQLITE_TRANSIENT);
	md_buf_release(&w.out);
}
