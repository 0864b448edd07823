/* jsonb's @> on JSON texts. Both have been checked before, so skipping needs to look at quotes and
 * brackets only. */
#include "core/db/sqlite_functions.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/banned.h"

/* A long array in a long array costs their product, and SQLite cannot interrupt a function: this
 * many bytes are looked at, a fraction of a second. */
static const size_t bytes_max = 100000000;

struct work {
	const char *h_end, *n_end; /* of haystack and needle */
	size_t bytes;
};

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

/* The end of the value that begins at `p`. */
static const char *skip_value(struct work *work, const char *p, const char *end)
{
	const char *start = p;
	unsigned depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '[' || *p == '{')
			depth++;
		else if (*p == ']' || *p == '}')
			depth--;
		p++;
		/* A number or a word ends before what cannot be in it. */
		while (depth == 0 && p < end && p[-1] != ']' && p[-1] != '}' &&
		       !strchr(",]} \t\n\r", *p))
			p++;
	} while (depth > 0);
	work->bytes += (size_t)(p - start);
	return p;
}

/* The first value inside the brackets at `p`; NULL: none. */
static const char *first(const char *p, const char *end)
{
	p = skip_blank(p + 1, end);
	return *p == ']' || *p == '}' ? NULL : p;
}

/* What follows the value that begins at `p`: the next element, or behind a key its value. */
static const char *next(struct work *work, const char *p, const char *end)
{
	p = skip_blank(skip_value(work, p, end), end);
	return *p == ',' || *p == ':' ? skip_blank(p + 1, end) : NULL;
}

/* One character of a string's inside, escapes taken away. */
uint32_t md_sqlite_json_char(const char **at, const char *end)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found;
	uint32_t c, low;

	if (**at != '\\')
		return md_sqlite_next_char(at, end);
	*at += 2;
	if ((*at)[-1] != 'u') {
		found = strchr(from, (*at)[-1]);
		return (unsigned char)(found ? to[found - from] : (*at)[-1]);
	}
	c = (uint32_t)md_sqlite_hex4(*at);
	*at += 4;
	if (c < 0xD800 || c > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return c;
	low = (uint32_t)md_sqlite_hex4(*at + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return c;
	*at += 6;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

static bool same_string(const char *a, const char *b)
{
	const char *a_end = skip_string(a) - 1, *b_end = skip_string(b) - 1;

	a++;
	b++;
	while (a < a_end && b < b_end)
		if (md_sqlite_json_char(&a, a_end) != md_sqlite_json_char(&b, b_end))
			return false;
	return a == a_end && b == b_end;
}

/* Long integers are more exact as text than as doubles. */
static bool same_number(struct work *work, const char *a, const char *b)
{
	struct md_str x = { a, (size_t)(skip_value(work, a, work->h_end) - a) };
	struct md_str y = { b, (size_t)(skip_value(work, b, work->n_end) - b) };
	int64_t i, k;
	double r, s;

	if (md_str_equal(x, y))
		return true;
	if (md_str_to_i64(x, &i) && md_str_to_i64(y, &k))
		return i == k;
	return md_str_to_double(x, &r) && md_str_to_double(y, &s) && r == s;
}

static bool contains(struct work *work, const char *h, const char *n);

static bool some_element(struct work *work, const char *h, const char *n)
{
	for (const char *p = first(h, work->h_end); p; p = next(work, p, work->h_end))
		if (contains(work, p, n))
			return true;
	return false;
}

/* The value of the last member of that name; NULL: there is none. */
static const char *member(struct work *work, const char *h, const char *key)
{
	const char *found = NULL;

	for (const char *p = first(h, work->h_end); p; p = next(work, p, work->h_end)) {
		const char *value = next(work, p, work->h_end);

		if (same_string(p, key))
			found = value;
		p = value;
	}
	return found;
}

static bool all_members(struct work *work, const char *h, const char *n)
{
	for (const char *p = first(n, work->n_end); p; p = next(work, p, work->n_end)) {
		const char *found = member(work, h, p);

		p = next(work, p, work->n_end);
		if (!found || !contains(work, found, p))
			return false;
	}
	return true;
}

static bool all_elements(struct work *work, const char *h, const char *n)
{
	for (const char *p = first(n, work->n_end); p; p = next(work, p, work->n_end))
		if (!some_element(work, h, p))
			return false;
	return true;
}

static char kind_of(const char *p)
{
	return strchr("[{\"tfn", *p) ? *p : '0';
}

/* The depth of the recursion is that of the texts, so it is bounded. */
static bool contains(struct work *work, const char *h, const char *n)
{
	if (++work->bytes > bytes_max || kind_of(h) != kind_of(n))
		return false;
	switch (kind_of(h)) {
	case '"':
		return same_string(h, n);
	case '0':
		return same_number(work, h, n);
	case '{':
		return all_members(work, h, n);
	case '[':
		return all_elements(work, h, n);
	default:
		return true;
	}
}

/* {} is an empty object, and as a literal of PostgreSQL's an empty array: whichever the other one
 * is. */
static bool is_literal(const char *p, const char *end, const char *other)
{
	return *p == '{' && *other == '[' && !first(p, end);
}

void md_sqlite_json_contains(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[2][MD_SQLITE_NUMBER_MAX];
	struct md_str h = md_sqlite_value_text(args[0], scratch[0]);
	struct md_str n = md_sqlite_value_text(args[1], scratch[1]);
	struct work work = { .bytes = 0 };
	bool given = count > 2; /* it is the first that somebody asks for, else the second */
	bool result;

	if (!h.ptr || !n.ptr)
		return;
	if (!md_sqlite_is_json(h) || !md_sqlite_is_json(n)) {
		md_sqlite_raise(ctx, "22P02", "invalid input syntax for type json");
		return;
	}
	work.h_end = h.ptr + h.len;
	work.n_end = n.ptr + n.len;
	h.ptr = skip_blank(h.ptr, work.h_end);
	n.ptr = skip_blank(n.ptr, work.n_end);
	if (!given && is_literal(n.ptr, work.n_end, h.ptr))
		result = true;
	else if (given && is_literal(h.ptr, work.h_end, n.ptr))
		result = !first(n.ptr, work.n_end);
	/* An array contains a value that stands alone, at the top only. */
	else if (*h.ptr == '[' && *n.ptr != '[' && *n.ptr != '{')
		result = some_element(&work, h.ptr, n.ptr);
	else
		result = contains(&work, h.ptr, n.ptr);
	if (work.bytes > bytes_max)
		md_sqlite_raise(ctx, "54000", "the JSON values are too large to compare");
	else
		sqlite3_result_int(ctx, result);
}
