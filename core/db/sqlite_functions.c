#include "core/db/sqlite_functions.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/db/sqlite.h"

#include "core/base/banned.h"

static const struct md_sqlite_int_type int2 = { "smallint", INT16_MIN, INT16_MAX };
static const struct md_sqlite_int_type int4 = { "integer", INT32_MIN, INT32_MAX };
static const struct md_sqlite_int_type int8 = { "bigint", INT64_MIN, INT64_MAX };

static const struct {
	const char *name;
	int args;
	md_sqlite_function *run;
	const struct md_sqlite_int_type *type;
} functions[] = {
	{ "md_like", 3, md_sqlite_like, NULL },
#ifdef MD_HAVE_PCRE2
	{ "md_regex", 3, md_sqlite_regex, NULL },
#endif
	{ "md_cast_int2", 1, md_sqlite_cast_int, &int2 },
	{ "md_cast_int4", 1, md_sqlite_cast_int, &int4 },
	{ "md_cast_int8", 1, md_sqlite_cast_int, &int8 },
	{ "md_round", 1, md_sqlite_round, NULL },
	{ "md_cast_real", 1, md_sqlite_cast_real, NULL },
	{ "md_cast_numeric", 1, md_sqlite_cast_numeric, NULL },
	{ "md_cast_bool", 1, md_sqlite_cast_bool, NULL },
	{ "md_cast_text", 1, md_sqlite_cast_text, NULL },
	{ "md_cast_text", 2, md_sqlite_cast_text, NULL }, /* 2nd true: the value is a boolean */
	{ "md_cast_date", 1, md_sqlite_cast_date, NULL },
	{ "md_cast_time", 1, md_sqlite_cast_time, NULL },
	{ "md_cast_timestamp", 1, md_sqlite_cast_timestamp, NULL },
	{ "md_cast_timestamptz", 1, md_sqlite_cast_timestamptz, NULL },
	{ "md_cast_uuid", 1, md_sqlite_cast_uuid, NULL },
	{ "md_cast_json", 1, md_sqlite_cast_json, NULL },
	{ "md_key_bytes", 1, md_sqlite_key_bytes, NULL },
	{ "json_valid", 1, md_sqlite_json_valid, NULL }, /* in place of SQLite's own */
	{ "md_json_contains", 2, md_sqlite_json_contains, NULL },
	{ "md_json_contains", 3, md_sqlite_json_contains, NULL },
	{ "md_json_key", 1, md_sqlite_json_key, NULL },
};

/* Order of decimals that are kept as text. */
static int compare_decimals(void *data, int a_len, const void *a, int b_len, const void *b)
{
	(void)data;
	return md_decimal_compare_texts((struct md_str){ a, (size_t)a_len },
					(struct md_str){ b, (size_t)b_len });
}

int md_sqlite_add_functions(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		union {
			const struct md_sqlite_int_type *in;
			void *out; /* SQLite hands it back, no more */
		} data = { functions[i].type };
		int rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].args, flags,
						    data.out, functions[i].run, NULL, NULL, NULL);

		if (rc != SQLITE_OK)
			return rc;
	}
	if (md_sqlite_add_aggregates(db) != SQLITE_OK)
		return SQLITE_NOMEM;
	return sqlite3_create_collation(db, "md_decimal", SQLITE_UTF8, NULL, compare_decimals);
}

void md_sqlite_raise(sqlite3_context *ctx, const char *wire, const char *fmt, ...)
{
	char text[640];
	int len = snprintf(text, sizeof(text), "MD:%s:", wire);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, args);
	va_end(args);
	sqlite3_result_error(ctx, text, -1);
}

/* "d.ddde+xx" with the fewest digits that read back as `value`: the digits without the point, and
 * the exponent. */
static void shortest_digits(double value, char digits[MD_SQLITE_NUMBER_MAX], int *ret_exponent)
{
	char text[MD_SQLITE_NUMBER_MAX];
	char *e;
	size_t len;

	/* 15 digits are enough for most, 17 for all. */
	for (int precision = 14; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	e = strchr(text, 'e');
	*ret_exponent = (int)strtol(e + 1, NULL, 10);
	*e = '\0';
	text[1] = text[0]; /* over the point */
	len = strlen(text + 1);
	while (len > 1 && text[len] == '0')
		len--;
	text[len + 1] = '\0';
	memcpy(digits, text + 1, len + 1);
}

size_t md_sqlite_real_text(double value, char out[MD_SQLITE_NUMBER_MAX])
{
	const size_t size = MD_SQLITE_NUMBER_MAX;
	const char *sign = signbit(value) && !isnan(value) ? "-" : "";
	char digits[MD_SQLITE_NUMBER_MAX];
	int exponent, count, n;

	if (!isfinite(value))
		return (size_t)snprintf(out, size, "%s%s", sign, isnan(value) ? "NaN" : "Infinity");
	shortest_digits(fabs(value), digits, &exponent);
	count = (int)strlen(digits);
	if (exponent < -4 || exponent >= 15)
		n = snprintf(out, size, "%s%c%s%se%c%02d", sign, digits[0], count > 1 ? "." : "",
			     digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
	else if (exponent < 0)
		n = snprintf(out, size, "%s0.%.*s%s", sign, -exponent - 1, "000", digits);
	else if (count <= exponent + 1)
		n = snprintf(out, size, "%s%s%.*s", sign, digits, exponent + 1 - count,
			     "000000000000000");
	else
		n = snprintf(out, size, "%s%.*s.%s", sign, exponent + 1, digits,
			     digits + exponent + 1);
	return (size_t)n;
}

struct md_str md_sqlite_value_text(sqlite3_value *value, char scratch[MD_SQLITE_NUMBER_MAX])
{
	struct md_str text = { scratch, 0 };

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		text.len = md_i64_to_text(sqlite3_value_int64(value), scratch);
		break;
	case SQLITE_FLOAT:
		text.len = md_sqlite_real_text(sqlite3_value_double(value), scratch);
		break;
	case SQLITE_TEXT:
		text.ptr = (const char *)sqlite3_value_text(value);
		text.len = (size_t)sqlite3_value_bytes(value);
		break;
	case SQLITE_BLOB:
		text.len = (size_t)sqlite3_value_bytes(value);
		text.ptr = text.len > 0 ? sqlite3_value_blob(value) : "";
		break;
	default:
		text.ptr = NULL;
	}
	return text;
}

uint32_t md_sqlite_next_char(const char **at, const char *end)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*at;
	unsigned len = p[0] < 0xC2 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 1;
	uint32_t c = p[0];

	(*at)++;
	if (len == 1 || (size_t)(end - (const char *)p) < len)
		return c;
	c &= 0x7Fu >> len;
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return p[0];
		c = c << 6 | (p[i] & 0x3Fu);
	}
	if (c < smallest[len])
		return p[0];
	*at += len - 1;
	return c;
}
