/* Casts to numbers, booleans, texts and UUIDs as PostgreSQL makes them, with its messages. */
#include "core/db/sqlite_functions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"

#include "core/base/banned.h"

/* For messages: values are cut, at a character. */
static int shown(struct md_str text)
{
	size_t len = text.len < 200 ? text.len : 200;

	while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
		len--;
	return (int)len;
}

static void raise_syntax(sqlite3_context *ctx, const char *type, struct md_str text)
{
	md_sqlite_raise(ctx, "22P02", "invalid input syntax for type %s: \"%.*s\"", type,
			shown(text), text.ptr);
}

/* PostgreSQL has no such cast at all. */
static void raise_no_cast(sqlite3_context *ctx, sqlite3_value *value, const char *type)
{
	static const char *const names[] = {
		[SQLITE_INTEGER] = "bigint", [SQLITE_FLOAT] = "double precision",
		[SQLITE_TEXT] = "text",      [SQLITE_BLOB] = "bytea",
		[SQLITE_NULL] = "unknown",
	};

	md_sqlite_raise(ctx, "42846", "cannot cast type %s to %s", names[sqlite3_value_type(value)],
			type);
}

/* White space as PostgreSQL's input functions skip it. */
static struct md_str trim(struct md_str s)
{
	while (s.len > 0 && strchr(" \t\n\r\f\v", s.ptr[0]) && s.ptr[0] != '\0') {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && strchr(" \t\n\r\f\v", s.ptr[s.len - 1]) && s.ptr[s.len - 1] != '\0')
		s.len--;
	return s;
}

static bool is_integer(struct md_str s)
{
	size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');

	if (i == s.len)
		return false;
	for (; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return true;
}

static void int_from_text(sqlite3_context *ctx, const struct md_sqlite_int_type *type,
			  struct md_str text)
{
	struct md_str digits = trim(text);
	int64_t value;

	if (!is_integer(digits))
		raise_syntax(ctx, type->name, text);
	else if (!md_str_to_i64(digits, &value) || value < type->min || value > type->max)
		md_sqlite_raise(ctx, "22003", "value \"%.*s\" is out of range for type %s",
				shown(text), text.ptr, type->name);
	else
		sqlite3_result_int64(ctx, value);
}

static void raise_int_range(sqlite3_context *ctx, const struct md_sqlite_int_type *type)
{
	md_sqlite_raise(ctx, "22003", "%s out of range", type->name);
}

void md_sqlite_cast_int(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	const struct md_sqlite_int_type *type = sqlite3_user_data(ctx);
	char scratch[MD_SQLITE_NUMBER_MAX];
	struct md_str text;
	int64_t whole;
	double real;

	(void)count;
	switch (sqlite3_value_type(args[0])) {
	case SQLITE_INTEGER:
		whole = sqlite3_value_int64(args[0]);
		if (whole < type->min || whole > type->max)
			raise_int_range(ctx, type);
		else
			sqlite3_result_int64(ctx, whole);
		break;
	case SQLITE_FLOAT:
		/* 2^63 is a double, INT64_MAX is none: the upper end is excluded. Halves go to the
		 * even number. */
		real = nearbyint(sqlite3_value_double(args[0]));
		if (!(real >= (double)type->min && real < (double)type->max + 1))
			raise_int_range(ctx, type);
		else
			sqlite3_result_int64(ctx, (int64_t)real);
		break;
	case SQLITE_TEXT:
		text = md_sqlite_value_text(args[0], scratch);
		if (text.ptr)
			int_from_text(ctx, type, text);
		else
			sqlite3_result_error_nomem(ctx);
		break;
	case SQLITE_BLOB:
		raise_no_cast(ctx, args[0], type->name);
		break;
	default:
		break;
	}
}

/* "Infinity" in its spellings; SQLite cannot store a NaN, it stays text. */
static bool special_number(sqlite3_context *ctx, struct md_str s)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	struct md_str name = s;

	if (md_str_equal_nocase(s, MD_STR("nan"))) {
		sqlite3_result_text(ctx, "NaN", 3, SQLITE_STATIC);
		return true;
	}
	if (s.len > 0 && (negative || s.ptr[0] == '+'))
		name = (struct md_str){ s.ptr + 1, s.len - 1 };
	if (!md_str_equal_nocase(name, MD_STR("infinity")) &&
	    !md_str_equal_nocase(name, MD_STR("inf")))
		return false;
	sqlite3_result_double(ctx, negative ? -HUGE_VAL : HUGE_VAL);
	return true;
}

/* Written as a number, whether a double can hold it or not: [+-] digits [. digits] [e [+-] digits]
 */
static bool is_number(struct md_str s)
{
	const char *p = s.ptr, *end = s.ptr + s.len;
	size_t digits = 0;

	p += p < end && (*p == '-' || *p == '+');
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		digits++;
	p += p < end && *p == '.';
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		digits++;
	if (digits == 0)
		return false;
	if (p == end || (*p != 'e' && *p != 'E'))
		return p == end;
	return is_integer((struct md_str){ p + 1, (size_t)(end - p - 1) });
}

static void real_from_text(sqlite3_context *ctx, const char *type, struct md_str text, bool exact)
{
	struct md_str number = trim(text);
	int64_t whole;
	double real;

	if (exact && is_integer(number) && md_str_to_i64(number, &whole))
		sqlite3_result_int64(ctx, whole);
	else if (md_str_to_double(number, &real))
		sqlite3_result_double(ctx, real);
	else if (special_number(ctx, number))
		return;
	else if (is_number(number) && exact)
		md_sqlite_raise(ctx, "22003", "value overflows numeric format");
	else if (is_number(number))
		md_sqlite_raise(ctx, "22003", "\"%.*s\" is out of range for type %s", shown(text),
				text.ptr, type);
	else
		raise_syntax(ctx, type, text);
}

/* `exact`: integers stay integers, as numeric keeps all their digits. */
static void cast_real(sqlite3_context *ctx, sqlite3_value *value, const char *type, bool exact)
{
	char scratch[MD_SQLITE_NUMBER_MAX];
	struct md_str text;

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		if (exact)
			sqlite3_result_value(ctx, value);
		else
			sqlite3_result_double(ctx, sqlite3_value_double(value));
		break;
	case SQLITE_FLOAT:
		sqlite3_result_value(ctx, value);
		break;
	case SQLITE_TEXT:
		text = md_sqlite_value_text(value, scratch);
		if (text.ptr)
			real_from_text(ctx, type, text, exact);
		else
			sqlite3_result_error_nomem(ctx);
		break;
	case SQLITE_BLOB:
		raise_no_cast(ctx, value, type);
		break;
	default:
		break;
	}
}

void md_sqlite_cast_real(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	(void)count;
	cast_real(ctx, args[0], "double precision", false);
}

/* A decimal, as text or number, to a whole number, half away from zero; beyond all integers it
 * becomes a double, which the cast behind it refuses. What is no decimal is left to that cast, too.
 */
void md_sqlite_round(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[MD_SQLITE_NUMBER_MAX], text[MD_DECIMAL_MAX];
	struct md_decimal decimal;
	struct md_str value;
	int64_t whole;
	size_t len;

	(void)count;
	if (sqlite3_value_type(args[0]) == SQLITE_INTEGER ||
	    sqlite3_value_type(args[0]) == SQLITE_NULL) {
		sqlite3_result_value(ctx, args[0]);
		return;
	}
	value = md_sqlite_value_text(args[0], scratch);
	if (!value.ptr) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	if (md_decimal_read(value, &decimal) != MD_DECIMAL_READ) {
		sqlite3_result_value(ctx, args[0]);
		return;
	}
	md_decimal_round(&decimal, 0);
	len = md_decimal_write(&decimal, text);
	if (md_str_to_i64((struct md_str){ text, len }, &whole))
		sqlite3_result_int64(ctx, whole);
	else
		sqlite3_result_double(ctx, decimal.negative ? -INFINITY : INFINITY);
}

void md_sqlite_cast_numeric(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	(void)count;
	cast_real(ctx, args[0], "numeric", true);
}

/* Whole words and their beginnings, as long as they are of one of them only. */
static int bool_from_text(struct md_str s)
{
	static const struct {
		const char *word;
		size_t least; /* letters that are needed */
		int value;
	} words[] = {
		{ "true", 1, 1 }, { "false", 1, 0 }, { "yes", 1, 1 }, { "no", 1, 0 },
		{ "on", 2, 1 },   { "off", 2, 0 },   { "1", 1, 1 },   { "0", 1, 0 },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (s.len >= words[i].least && s.len <= strlen(words[i].word) &&
		    md_str_equal_nocase(s, (struct md_str){ words[i].word, s.len }))
			return words[i].value;
	return -1;
}

void md_sqlite_cast_bool(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[MD_SQLITE_NUMBER_MAX];
	struct md_str text;
	int value;

	(void)count;
	switch (sqlite3_value_type(args[0])) {
	case SQLITE_INTEGER:
		sqlite3_result_int(ctx, sqlite3_value_int64(args[0]) != 0);
		break;
	case SQLITE_TEXT:
		text = md_sqlite_value_text(args[0], scratch);
		value = text.ptr ? bool_from_text(trim(text)) : -1;
		if (!text.ptr)
			sqlite3_result_error_nomem(ctx);
		else if (value < 0)
			raise_syntax(ctx, "boolean", text);
		else
			sqlite3_result_int(ctx, value);
		break;
	case SQLITE_FLOAT:
	case SQLITE_BLOB:
		raise_no_cast(ctx, args[0], "boolean");
		break;
	default:
		break;
	}
}

/* bytea as text: \x and two digits per byte. */
static void hex_text(sqlite3_context *ctx, sqlite3_value *value)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = (size_t)sqlite3_value_bytes(value);
	const unsigned char *bytes = sqlite3_value_blob(value);
	char *out = sqlite3_malloc64(len * 2 + 2);

	if (!out) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	memcpy(out, "\\x", 2);
	for (size_t i = 0; i < len; i++) {
		out[2 + i * 2] = digits[bytes[i] >> 4];
		out[3 + i * 2] = digits[bytes[i] & 15];
	}
	sqlite3_result_text64(ctx, out, len * 2 + 2, sqlite3_free, SQLITE_UTF8);
}

void md_sqlite_cast_text(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[MD_SQLITE_NUMBER_MAX];
	struct md_str text;

	switch (sqlite3_value_type(args[0])) {
	case SQLITE_INTEGER:
		if (count == 2 && sqlite3_value_int(args[1]) != 0) {
			bool yes = sqlite3_value_int64(args[0]) != 0;

			sqlite3_result_text(ctx, yes ? "true" : "false", -1, SQLITE_STATIC);
			break;
		}
		__attribute__((fallthrough));
	case SQLITE_FLOAT:
		text = md_sqlite_value_text(args[0], scratch);
		sqlite3_result_text(ctx, text.ptr, (int)text.len, SQLITE_TRANSIENT);
		break;
	case SQLITE_TEXT:
		sqlite3_result_value(ctx, args[0]);
		break;
	case SQLITE_BLOB:
		hex_text(ctx, args[0]);
		break;
	default:
		break;
	}
}

void md_sqlite_cast_uuid(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[MD_SQLITE_NUMBER_MAX], out[36];
	struct md_str text;

	(void)count;
	if (sqlite3_value_type(args[0]) == SQLITE_NULL)
		return;
	if (sqlite3_value_type(args[0]) != SQLITE_TEXT) {
		raise_no_cast(ctx, args[0], "uuid");
		return;
	}
	text = md_sqlite_value_text(args[0], scratch);
	if (!text.ptr)
		sqlite3_result_error_nomem(ctx);
	else if (!md_uuid_from_text(text, out))
		raise_syntax(ctx, "uuid", text);
	else
		sqlite3_result_text(ctx, out, sizeof(out), SQLITE_TRANSIENT);
}

/* \x0a0b of a list of keys → the bytes; anything else is the key itself. */
void md_sqlite_key_bytes(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	const char *text = (const char *)sqlite3_value_text(args[0]);
	int len = sqlite3_value_bytes(args[0]);
	char *bytes;

	(void)count;
	if (!text || len < 2 || len % 2 != 0 || text[0] != '\\' || text[1] != 'x') {
		sqlite3_result_value(ctx, args[0]);
		return;
	}
	bytes = sqlite3_malloc(len / 2);
	if (!bytes) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	for (int i = 2; i < len; i += 2) {
		int high = md_hex_digit(text[i]), low = md_hex_digit(text[i + 1]);

		if (high < 0 || low < 0) {
			sqlite3_free(bytes);
			sqlite3_result_value(ctx, args[0]);
			return;
		}
		bytes[i / 2 - 1] = (char)(high * 16 + low);
	}
	sqlite3_result_blob(ctx, bytes, len / 2 - 1, sqlite3_free);
}
