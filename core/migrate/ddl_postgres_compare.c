#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/db/catalog.h"
#include "core/migrate/ddl_postgres.h"
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 1024 * 1024 };

/* --- types -------------------------------------------------------------------------------------
 */

/* Names that people write, and what the server calls the same. */
static const struct {
	const char *written, *told;
} names[] = {
	{ "bool", "boolean" },
	{ "int2", "smallint" },
	{ "int", "integer" },
	{ "int4", "integer" },
	{ "int8", "bigint" },
	{ "float4", "real" },
	{ "float8", "double precision" },
	{ "float", "double precision" },
	{ "decimal", "numeric" },
	{ "varchar", "character varying" },
	{ "char", "character" },
	{ "char varying", "character varying" },
	{ "bpchar", "character" },
	{ "timestamptz", "timestamp with time zone" },
	{ "timestamp", "timestamp without time zone" },
	{ "timetz", "time with time zone" },
	{ "time", "time without time zone" },
	{ "varbit", "bit varying" },
};

/* A type apart: its name without the modifier, the modifier, and [] for an array. */
struct parts {
	char name[128], modifier[32];
	bool array;
};

static void add(char *text, size_t size, char c)
{
	size_t len = strlen(text);

	if (len + 1 < size) {
		text[len] = c;
		text[len + 1] = '\0';
	}
}

static void trim(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == ' ')
		text[--len] = '\0';
}

static void take_apart(const char *type, struct parts *parts)
{
	bool inside = false, quoted = false;

	*parts = (struct parts){ .array = false };
	for (; *type; type++) {
		quoted = quoted != (*type == '"');
		if (quoted || *type == '"') {
			add(parts->name, sizeof(parts->name), *type);
		} else if (*type == '(' || *type == ')') {
			inside = *type == '(';
		} else if (*type == '[' || *type == ']') {
			parts->array = true;
		} else if (inside) {
			if (*type != ' ')
				add(parts->modifier, sizeof(parts->modifier), *type);
		} else if (*type != ' ' || (*parts->name && type[1] != ' ')) {
			add(parts->name, sizeof(parts->name), (char)tolower((unsigned char)*type));
		}
	}
	trim(parts->name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(parts->name, names[i].written) == 0) {
			memcpy(parts->name, names[i].told, strlen(names[i].told) + 1);
			break;
		}
}

bool md_postgres_same_type(const char *own, const char *declared)
{
	struct parts a, b;
	const char *told = b.name, *dot;

	take_apart(own, &a);
	take_apart(declared, &b);
	dot = strrchr(told, '.');
	if (dot && !strchr(a.name, '.'))
		told = dot + 1; /* the server names the schema, people seldom do */
	return strcmp(a.name, told) == 0 && strcmp(a.modifier, b.modifier) == 0 &&
	       a.array == b.array;
}

bool md_postgres_other_numbers(const struct md_def_field *field, const char *declared)
{
	static const char *const numbers[] = { "smallint", "integer", "bigint",
					       "real",     "numeric", "double precision" };
	md_auto_buf sql = MD_BUF(TEXT_MAX);
	struct parts parts;
	const char *wanted;
	bool number = false;

	if (!md_def_is_integer(field->type) && field->type != MD_DEF_FLOAT &&
	    field->type != MD_DEF_DECIMAL)
		return false;
	/* Domains have names and limits of their own. */
	take_apart(declared, &parts);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		number = number || strcmp(parts.name, numbers[i]) == 0;
	md_ddl_put_type(&md_postgres_ddl, &sql, field);
	wanted = md_buf_text(&sql);
	return number && wanted && !md_postgres_same_type(wanted, declared);
}

bool md_postgres_serves(const struct md_def_field *field, const struct md_catalog_column *column)
{
	const unsigned *served_by = md_postgres_ddl.served_by;

	if (field->type == MD_DEF_ARRAY)
		return column->kind == MD_KIND_ARRAY &&
		       (served_by[field->items] & 1u << column->element_type) != 0;
	if (field->type == MD_DEF_ENUM && column->kind == MD_KIND_ENUM)
		return true;
	return column->kind == MD_KIND_SCALAR && (served_by[field->type] & 1u << column->type) != 0;
}

/* --- expressions -------------------------------------------------------------------------------
 */

/* Behind a quoted text or name that begins at `p`. */
static const char *skip_quoted(const char *p)
{
	char quote = *p++;

	while (*p && (*p != quote || p[1] == quote))
		p += *p == quote ? 2 : 1;
	return *p ? p + 1 : p;
}

static const char *skip_word(const char *p)
{
	if (*p == '"')
		return skip_quoted(p);
	while (isalnum((unsigned char)*p) || *p == '_' || *p == '$')
		p++;
	return p;
}

/* Behind the name of a type that begins at `p`. */
static const char *skip_type(const char *p)
{
	static const char *const more[] = { " varying", " precision", " with time zone",
					    " without time zone", "[]" };
	bool again = true;

	p = skip_word(p);
	while (*p == '.')
		p = skip_word(p + 1);
	while (again) {
		again = false;
		if (*p == '(' && isdigit((unsigned char)p[1])) {
			p += strcspn(p, ")");
			p += *p == ')';
			again = true;
		}
		for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
			if (strncmp(p, more[i], strlen(more[i])) == 0) {
				p += strlen(more[i]);
				again = true;
			}
	}
	return p;
}

/* Without casts, brackets and blanks, in small letters but for what is quoted: what is left of two
 * ways to write the same. */
static void put_bare(struct md_buf *out, const char *p)
{
	while (*p) {
		if (*p == '\'' || *p == '"') {
			const char *end = skip_quoted(p);

			md_buf_put(out, p, (size_t)(end - p));
			p = end;
		} else if (p[0] == ':' && p[1] == ':') {
			p = skip_type(p + 2);
		} else {
			if (!strchr("() \t\n", *p))
				md_buf_putc(out, (char)tolower((unsigned char)*p));
			p++;
		}
	}
}

static struct md_str without_quotes(struct md_str s)
{
	if (s.len >= 2 && s.ptr[0] == '\'' && s.ptr[s.len - 1] == '\'')
		return (struct md_str){ s.ptr + 1, s.len - 2 };
	return s;
}

/* -7 is told as '-7'::integer, 1.5e3 as 1500. */
static bool same_number(struct md_str a, struct md_str b)
{
	double left, right;

	return md_str_to_double(without_quotes(a), &left) &&
	       md_str_to_double(without_quotes(b), &right) && !(left < right) && !(left > right);
}

/* jsonb puts members in an order of its own and blanks between them: the bytes are compared as a
 * heap, blanks aside. */
static bool same_json(struct md_str a, struct md_str b)
{
	long count[256] = { 0 };

	for (size_t i = 0; i < a.len; i++)
		count[(unsigned char)a.ptr[i]]++;
	for (size_t i = 0; i < b.len; i++)
		count[(unsigned char)b.ptr[i]]--;
	count[' '] = 0;
	for (unsigned i = 0; i < 256; i++)
		if (count[i] != 0)
			return false;
	return true;
}

/* Types whose elements the server writes as definitions do. */
static bool is_plain(enum md_def_type type)
{
	return type == MD_DEF_SMALLINT || type == MD_DEF_INTEGER || type == MD_DEF_BIGINT ||
	       type == MD_DEF_STRING || type == MD_DEF_TEXT || type == MD_DEF_BOOLEAN ||
	       type == MD_DEF_ENUM;
}

/* Whether what is left of the two says the same. */
static bool same_bare(const struct md_def_field *field, struct md_str wanted, struct md_str found)
{
	if (md_str_equal(wanted, found) || same_number(wanted, found))
		return true;
	if (wanted.len == 0 || found.len == 0)
		return false;
	/* A user's expression comes back rewritten, and so do some elements: there is one. */
	if (md_ddl_own_sql(&md_postgres_ddl, &field->value.sql))
		return true;
	if (field->type == MD_DEF_JSON)
		return same_json(wanted, found);
	return field->type == MD_DEF_ARRAY && !is_plain(field->items);
}

bool md_postgres_same_default(const struct md_def_field *field, const char *wanted,
			      const char *found)
{
	md_auto_buf left = MD_BUF(TEXT_MAX), right = MD_BUF(TEXT_MAX);
	const char *a, *b;

	put_bare(&left, wanted);
	put_bare(&right, found);
	a = md_buf_text(&left);
	b = md_buf_text(&right);
	return a && b && same_bare(field, md_str_of(a), md_str_of(b));
}
