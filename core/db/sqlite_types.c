/* Declared types of SQLite columns: any text is allowed, the well-known ones mean something. */
#include "core/db/sqlite_catalog.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/banned.h"

static const struct {
	const char *name;
	enum md_type type;
} names[] = {
	{ "integer", MD_TYPE_INT8 },
	{ "bigint", MD_TYPE_INT8 },
	{ "int8", MD_TYPE_INT8 },
	{ "unsigned big int", MD_TYPE_INT8 },
	{ "bigserial", MD_TYPE_INT8 },
	{ "serial8", MD_TYPE_INT8 },
	{ "int", MD_TYPE_INT4 },
	{ "int4", MD_TYPE_INT4 },
	{ "mediumint", MD_TYPE_INT4 },
	{ "serial", MD_TYPE_INT4 },
	{ "serial4", MD_TYPE_INT4 },
	{ "smallint", MD_TYPE_INT2 },
	{ "int2", MD_TYPE_INT2 },
	{ "tinyint", MD_TYPE_INT2 },
	{ "smallserial", MD_TYPE_INT2 },
	{ "real", MD_TYPE_FLOAT },
	{ "float", MD_TYPE_FLOAT },
	{ "float4", MD_TYPE_FLOAT },
	{ "float8", MD_TYPE_FLOAT },
	{ "double", MD_TYPE_FLOAT },
	{ "double precision", MD_TYPE_FLOAT },
	{ "numeric", MD_TYPE_NUMERIC },
	{ "decimal", MD_TYPE_NUMERIC },
	{ "dec", MD_TYPE_NUMERIC },
	{ "number", MD_TYPE_NUMERIC },
	{ "money", MD_TYPE_NUMERIC },
	{ "date", MD_TYPE_DATE },
	{ "time", MD_TYPE_TIME },
	{ "time without time zone", MD_TYPE_TIME },
	{ "timetz", MD_TYPE_TIME },
	{ "time with time zone", MD_TYPE_TIME },
	{ "datetime", MD_TYPE_TIMESTAMP },
	{ "timestamp", MD_TYPE_TIMESTAMP },
	{ "timestamp without time zone", MD_TYPE_TIMESTAMP },
	{ "timestamptz", MD_TYPE_TIMESTAMPTZ },
	{ "timestamp with time zone", MD_TYPE_TIMESTAMPTZ },
	{ "uuid", MD_TYPE_UUID },
	{ "guid", MD_TYPE_UUID },
	{ "uniqueidentifier", MD_TYPE_UUID },
	{ "json", MD_TYPE_JSON },
	{ "jsonb", MD_TYPE_JSON },
	{ "blob", MD_TYPE_BYTES },
	{ "bytea", MD_TYPE_BYTES },
	{ "binary", MD_TYPE_BYTES },
	{ "varbinary", MD_TYPE_BYTES },
	{ "name", MD_TYPE_TEXT },
	{ "string", MD_TYPE_TEXT },
	{ "any", MD_TYPE_ANY },
	{ "interval", MD_TYPE_ANY }, /* not integers, though they have "int" in them */
	{ "point", MD_TYPE_ANY },
};

/* SQLite's own rules of affinity, in its order. What they would call NUMERIC by default is a type
 * that nobody knows: its values are what they are. */
static const struct {
	const char *part;
	enum md_type type;
} parts[] = {
	{ "bool", MD_TYPE_BOOL },  { "int", MD_TYPE_INT8 },   { "char", MD_TYPE_TEXT },
	{ "clob", MD_TYPE_TEXT },  { "text", MD_TYPE_TEXT },  { "blob", MD_TYPE_BYTES },
	{ "real", MD_TYPE_FLOAT }, { "floa", MD_TYPE_FLOAT }, { "doub", MD_TYPE_FLOAT },
};

/* Lower case, one space between words, without what stands in brackets. */
static void normalize(const char *declared, char *out, size_t size)
{
	size_t len = 0;
	unsigned depth = 0;

	for (const char *p = declared; *p && len + 1 < size; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;

		if (c == '(')
			depth++;
		if (depth == 0 && !(c == ' ' && (len == 0 || out[len - 1] == ' ')))
			out[len++] = c;
		if (c == ')' && depth > 0)
			depth--;
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

enum md_type md_sqlite_type(const char *declared)
{
	char name[64];

	normalize(declared, name, sizeof(name));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].type;
	if (strstr(name, "[]")) /* an array in PostgreSQL; here it is written as JSON */
		return MD_TYPE_JSON;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i].part))
			return parts[i].type;
	return MD_TYPE_ANY;
}

unsigned md_sqlite_max_length(const char *declared)
{
	const char *bracket = strchr(declared, '(');
	unsigned long length = 0;
	char name[64], *end;

	normalize(declared, name, sizeof(name));
	if (!bracket || !strstr(name, "char"))
		return 0;
	length = strtoul(bracket + 1, &end, 10);
	end += strspn(end, " ");
	return *end == ')' && length <= UINT_MAX ? (unsigned)length : 0;
}
