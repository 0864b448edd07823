/* How PostgreSQL prints names and values in the details of its errors. */
#include <stdlib.h>
#include <string.h>

#include "core/json/write.h"
#include "core/ops/constraint.h"

#include "core/base/banned.h"

enum { WORD_MAX = 18, NUMBER_MAX = 64 };

/* PostgreSQL 15: all keywords but the unreserved ones, which need no quotes. Sorted. */
/* clang-format off */
static const char words[][WORD_MAX] = {
	"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
	"authorization", "between", "bigint", "binary", "bit", "boolean", "both", "case", "cast",
	"char", "character", "check", "coalesce", "collate", "collation", "column", "concurrently",
	"constraint", "create", "cross", "current_catalog", "current_date", "current_role",
	"current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal",
	"default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists",
	"extract", "false", "fetch", "float", "for", "foreign", "freeze", "from", "full", "grant",
	"greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner", "inout",
	"int", "integer", "intersect", "interval", "into", "is", "isnull", "join", "lateral",
	"leading", "least", "left", "like", "limit", "localtime", "localtimestamp", "national",
	"natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric",
	"offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing",
	"position", "precision", "primary", "real", "references", "returning", "right", "row",
	"select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric",
	"table", "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim",
	"true", "union", "unique", "user", "using", "values", "varchar", "variadic", "verbose",
	"when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists",
	"xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
};
/* clang-format on */

static int by_text(const void *word, const void *entry)
{
	return strcmp(word, entry);
}

static bool is_keyword(struct md_str name)
{
	char word[WORD_MAX];

	if (name.len >= sizeof(word))
		return false;
	memcpy(word, name.ptr, name.len);
	word[name.len] = '\0';
	return bsearch(word, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), by_text);
}

static bool is_plain(struct md_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return name.len > 0 && !is_keyword(name);
}

void md_constraint_put_name(struct md_buf *out, struct md_str name)
{
	if (is_plain(name)) {
		md_buf_putstr(out, name);
		return;
	}
	md_buf_putc(out, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"')
			md_buf_putc(out, '"');
		md_buf_putc(out, name.ptr[i]);
	}
	md_buf_putc(out, '"');
}

/* 2024-02-29T23:59:59.120000+00:00 → 2024-02-29 23:59:59.12+00 */
static void put_moment(struct md_buf *out, struct md_str text)
{
	const char *point = memchr(text.ptr, '.', text.len);
	const char *end = text.ptr + text.len;
	const char *last = point;

	for (const char *p = text.ptr; p < (point ? point : end); p++)
		md_buf_putc(out, *p == 'T' ? ' ' : *p);
	if (!point)
		return;
	for (const char *p = point + 1; p < end && *p >= '0' && *p <= '9'; p++)
		if (*p != '0')
			last = p + 1;
	md_buf_put(out, point, (size_t)(last - point));
	for (point++; point < end && *point >= '0' && *point <= '9';)
		point++;
	if (end - point > 3 && memcmp(end - 3, ":00", 3) == 0)
		end -= 3;
	md_buf_put(out, point, (size_t)(end - point));
}

/* 1.0 is 1 there. */
static void put_real(struct md_buf *out, double number)
{
	md_auto_buf text = MD_BUF(NUMBER_MAX);

	md_json_write_real(&text, number);
	if (text.len > 2 && memcmp(text.data + text.len - 2, ".0", 2) == 0)
		text.len -= 2;
	md_buf_put(out, text.data, text.len);
	md_buf_inherit(out, &text);
}

void md_constraint_put_value(struct md_buf *out, enum md_type type, const struct md_value *value)
{
	switch (value->type) {
	case MD_NULL:
		md_buf_puts(out, "null");
		return;
	case MD_INT:
		if (type == MD_TYPE_BOOL)
			md_buf_putc(out, value->i ? 't' : 'f');
		else
			md_buf_put_i64(out, value->i);
		return;
	case MD_REAL:
		put_real(out, value->r);
		return;
	case MD_TEXT:
		if (type >= MD_TYPE_KEPT_TIME && type <= MD_TYPE_KEPT_TIMESTAMPTZ)
			put_moment(out, (struct md_str){ value->text, value->len });
		else
			md_buf_put(out, value->text, value->len);
		return;
	case MD_BLOB:
		md_buf_puts(out, "\\x");
		for (uint32_t i = 0; i < value->len; i++)
			md_buf_printf(out, "%02x", (unsigned char)value->text[i]);
		return;
	}
}

/* Names are quoted in the details of unique keys only, as PostgreSQL does it. */
bool md_constraint_put_pairs(struct md_buf *out, const struct md_field *const *fields,
			     unsigned count, const struct md_value *const *values, bool quoted)
{
	md_buf_putc(out, '(');
	for (unsigned i = 0; i < count; i++) {
		if (!md_field_is_visible(fields[i]))
			return false;
		md_buf_puts(out, i > 0 ? ", " : "");
		if (quoted)
			md_constraint_put_name(out, fields[i]->name);
		else
			md_buf_putstr(out, fields[i]->name);
	}
	md_buf_puts(out, ")=(");
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? ", " : "");
		md_constraint_put_value(out, fields[i]->type, values[i]);
	}
	md_buf_putc(out, ')');
	return !out->failed;
}
