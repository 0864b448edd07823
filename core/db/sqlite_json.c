/* The cast to json: the text stays as it is, once it has been read as RFC 8259 has it. */
#include "core/db/sqlite_functions.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/banned.h"

enum { DEPTH_MAX = 200, STORED_DEPTH_MAX = 2000 /* what SQLite itself reads */ };

struct json {
	const char *p, *end;
	unsigned depth, most;
};

static void skip_blank(struct json *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
		j->p++;
}

static bool take(struct json *j, char c)
{
	skip_blank(j);
	if (j->p == j->end || *j->p != c)
		return false;
	j->p++;
	return true;
}

static bool take_digits(struct json *j)
{
	const char *start = j->p;

	while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
		j->p++;
	return j->p > start;
}

static bool read_number(struct json *j)
{
	bool zero;

	j->p += *j->p == '-';
	zero = j->p < j->end && *j->p == '0';
	if (zero)
		j->p++;
	else if (!take_digits(j))
		return false;
	if (j->p < j->end && *j->p == '.') {
		j->p++;
		if (!take_digits(j))
			return false;
	}
	if (j->p < j->end && (*j->p == 'e' || *j->p == 'E')) {
		j->p++;
		j->p += j->p < j->end && (*j->p == '+' || *j->p == '-');
		return take_digits(j);
	}
	return true;
}

int md_sqlite_hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value = value * 16 + ((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static bool read_string(struct json *j)
{
	for (j->p++; j->p < j->end && *j->p != '"'; j->p++) {
		if ((unsigned char)*j->p < 0x20)
			return false;
		if (*j->p != '\\')
			continue;
		j->p++;
		if (j->p == j->end || *j->p == '\0' || !strchr("\"\\/bfnrtu", *j->p))
			return false;
		if (*j->p == 'u') {
			if (j->end - j->p < 5 || md_sqlite_hex4(j->p + 1) < 0)
				return false;
			j->p += 4;
		}
	}
	return take(j, '"');
}

static bool read_word(struct json *j, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(j->end - j->p) < len || memcmp(j->p, word, len) != 0)
		return false;
	j->p += len;
	return true;
}

static bool read_value(struct json *j);

/* Behind "[" or "{". */
static bool read_children(struct json *j, char close)
{
	if (take(j, close))
		return true;
	do {
		skip_blank(j);
		if (close == '}' &&
		    (j->p == j->end || *j->p != '"' || !read_value(j) || !take(j, ':')))
			return false;
		if (!read_value(j))
			return false;
	} while (take(j, ','));
	return take(j, close);
}

static bool read_nested(struct json *j)
{
	char close = *j->p++ == '[' ? ']' : '}';
	bool ok = ++j->depth <= j->most && read_children(j, close);

	j->depth--;
	return ok;
}

static bool read_value(struct json *j)
{
	skip_blank(j);
	if (j->p == j->end)
		return false;
	switch (*j->p) {
	case '{':
	case '[':
		return read_nested(j);
	case '"':
		return read_string(j);
	case 't':
		return read_word(j, "true");
	case 'f':
		return read_word(j, "false");
	case 'n':
		return read_word(j, "null");
	default:
		return read_number(j);
	}
}

static bool is_json(struct md_str text, unsigned depth)
{
	struct json j = { text.ptr, text.ptr + text.len, 0, depth };

	if (!read_value(&j))
		return false;
	skip_blank(&j);
	return j.p == j.end;
}

bool md_sqlite_is_json(struct md_str text)
{
	return is_json(text, DEPTH_MAX);
}

bool md_sqlite_is_stored_json(struct md_str text)
{
	return is_json(text, STORED_DEPTH_MAX);
}

/* SQLite's own is not marked as harmless in 3.40: without a trusted schema no CHECK, no view and
 * no index may use it. Of NULL it says 0, as 3.40 does and later versions do not. */
void md_sqlite_json_valid(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	struct md_str text;

	(void)count;
	text.ptr = (const char *)sqlite3_value_text(args[0]);
	text.len = (size_t)sqlite3_value_bytes(args[0]);
	if (!text.ptr && sqlite3_value_type(args[0]) != SQLITE_NULL)
		sqlite3_result_error_nomem(ctx);
	else
		sqlite3_result_int(ctx, text.ptr && is_json(text, STORED_DEPTH_MAX));
}

void md_sqlite_cast_json(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	int type = sqlite3_value_type(args[0]);
	struct md_str text;

	(void)count;
	if (type == SQLITE_BLOB) {
		md_sqlite_raise(ctx, "42846", "cannot cast type bytea to json");
		return;
	}
	if (type == SQLITE_TEXT) {
		text.ptr = (const char *)sqlite3_value_text(args[0]);
		text.len = (size_t)sqlite3_value_bytes(args[0]);
		if (!text.ptr) {
			sqlite3_result_error_nomem(ctx);
			return;
		}
		if (!md_sqlite_is_json(text)) {
			md_sqlite_raise(ctx, "22P02", "invalid input syntax for type json");
			return;
		}
	}
	sqlite3_result_value(ctx, args[0]);
}
