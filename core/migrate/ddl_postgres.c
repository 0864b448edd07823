/* PostgreSQL's DDL. Types mean what definitions say, so checks are few. Texts sort by bytes, as on
 * every engine, unless the field says otherwise. Literals are written as the server writes them, in
 * UTC, so that defaults are known again. */
#include "core/migrate/ddl_postgres.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/moment.h"
#include "core/db/catalog.h"
#include "core/db/dialect.h"
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { LITERAL_MAX = 1024 * 1024 };

/* --- types -------------------------------------------------------------------------------------
 */

#define TYPES                                                                                      \
	{                                                                                          \
		[MD_DEF_NONE] = "text", [MD_DEF_SMALLINT] = "smallint",                            \
		[MD_DEF_INTEGER] = "integer", [MD_DEF_BIGINT] = "bigint",                          \
		[MD_DEF_FLOAT] = "double precision", [MD_DEF_DECIMAL] = "numeric",                 \
		[MD_DEF_STRING] = "varchar", [MD_DEF_TEXT] = "text", [MD_DEF_BOOLEAN] = "boolean", \
		[MD_DEF_DATETIME] = "timestamptz", [MD_DEF_DATETIME_LOCAL] = "timestamp",          \
		[MD_DEF_DATE] = "date", [MD_DEF_TIME] = "time", [MD_DEF_UUID] = "uuid",            \
		[MD_DEF_JSON] = "jsonb", [MD_DEF_BYTES] = "bytea", [MD_DEF_ENUM] = "varchar",      \
		[MD_DEF_ARRAY] = "an array",                                                       \
	}

static const char *const types[MD_DEF_TYPE_COUNT] = TYPES;

static void put_type(struct md_buf *sql, const struct md_def_field *field)
{
	if (field->type == MD_DEF_ARRAY) {
		md_buf_printf(sql, "%s[]", types[field->items]);
		return;
	}
	md_buf_puts(sql, types[field->type]);
	if (field->type == MD_DEF_STRING && field->max_length > 0)
		md_buf_printf(sql, "(%u)", field->max_length);
	if (field->type == MD_DEF_DECIMAL && field->precision > 0)
		md_buf_printf(sql, "(%u,%u)", field->precision, field->scale);
}

/* --- literals ----------------------------------------------------------------------------------
 */

/* As PostgreSQL writes it, so that the default is known again. */
static void put_moment(struct md_buf *sql, enum md_def_type type, const char *text)
{
	unsigned parts = md_def_moment(type);
	bool zone = parts & MD_MOMENT_ZONE;
	char out[MD_MOMENT_ROOM];
	struct md_moment moment;
	size_t len;

	md_moment_read(md_str_of(text), &moment);
	if (!(parts & MD_MOMENT_DATE)) {
		len = md_moment_put_time(out, moment.time_us, false);
	} else {
		len = md_moment_put_timestamp(
			out, moment.days, moment.time_us - (zone ? moment.offset_us : 0), false);
		*(char *)memchr(out, 'T', len) = ' ';
	}
	md_buf_printf(sql, "'%.*s%s'", (int)len, out, zone ? "+00" : "");
}

static void put_bytes(struct md_buf *sql, const char *text)
{
	md_buf_puts(sql, "'\\x");
	md_ddl_put_hex(sql, text, "0123456789abcdef");
	md_buf_putc(sql, '\'');
}

static unsigned hex4(const char *p)
{
	unsigned value = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static void put_utf8(struct md_buf *out, unsigned c)
{
	if (c < 0x80) {
		md_buf_putc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		md_buf_putc(out, (char)(0xC0 | c >> 6));
	} else {
		if (c < 0x10000) {
			md_buf_putc(out, (char)(0xE0 | c >> 12));
		} else {
			md_buf_putc(out, (char)(0xF0 | c >> 18));
			md_buf_putc(out, (char)(0x80 | (c >> 12 & 0x3F)));
		}
		md_buf_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
	}
	md_buf_putc(out, (char)(0x80 | (c & 0x3F)));
}

/* What \uXXXX stands for, a pair of them for one character included; returns behind it. */
static const char *put_code_point(struct md_buf *out, const char *p)
{
	unsigned c = hex4(p);

	p += 4;
	if (c >= 0xD800 && c < 0xDC00 && p[0] == '\\' && p[1] == 'u') {
		c = 0x10000 + ((c - 0xD800) << 10) + (hex4(p + 2) - 0xDC00);
		p += 6;
	}
	put_utf8(out, c);
	return p;
}

/* The characters of a JSON string that begins at `p`; returns behind its closing quote. */
static const char *put_unescaped(struct md_buf *out, const char *p)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";

	for (p++; *p != '"' && *p != '\0';) {
		const char *letter;

		if (*p != '\\') {
			md_buf_putc(out, *p++);
			continue;
		}
		p += 2;
		letter = strchr(letters, p[-1]);
		if (p[-1] == 'u')
			p = put_code_point(out, p);
		else
			md_buf_putc(out, letter ? meant[letter - letters] : p[-1]);
	}
	return *p ? p + 1 : p;
}

/* Behind the JSON value at `p`. */
static const char *skip_value(const char *p)
{
	unsigned depth = 0;

	for (bool in_string = false; *p != '\0'; p++) {
		if (in_string) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				in_string = false;
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == ']'))
			break;
		in_string = *p == '"';
		depth += *p == '[' || *p == '{';
		depth -= *p == ']' || *p == '}';
	}
	return p;
}

/* An element, in quotes where the server would put it in some. */
static void put_element(struct md_buf *out, const char *text)
{
	bool quoted = *text == '\0' || strpbrk(text, "{}\",\\ \t\n\v\f\r") ||
		      strcasecmp(text, "null") == 0;

	if (!quoted) {
		md_buf_puts(out, text);
		return;
	}
	md_buf_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			md_buf_putc(out, '\\');
		md_buf_putc(out, *text);
	}
	md_buf_putc(out, '"');
}

/* A JSON list without blanks between its values as the text of an array. */
static void put_array(struct md_buf *sql, const struct md_def_field *field, const char *p)
{
	md_auto_buf out = MD_BUF(LITERAL_MAX), element = MD_BUF(LITERAL_MAX);
	const char *text;

	md_buf_putc(&out, '{');
	for (p += *p == '['; *p != ']' && *p != '\0'; p += *p == ',') {
		const char *end = skip_value(p);

		md_buf_clear(&element);
		if (*p == '"')
			put_unescaped(&element, p);
		else if (field->items == MD_DEF_BOOLEAN && *p != 'n')
			md_buf_putc(&element, *p);
		else
			md_buf_put(&element, p, (size_t)(end - p));
		text = md_buf_text(&element);
		if (out.len > 1)
			md_buf_putc(&out, ',');
		if (*p == 'n')
			md_buf_puts(&out, "NULL");
		else if (text)
			put_element(&out, text);
		else
			out.failed = true;
		p = end;
	}
	md_buf_putc(&out, '}');
	text = md_buf_text(&out);
	if (text)
		md_ddl_put_text(sql, text);
	else
		sql->failed = true;
}

static void put_literal(struct md_buf *sql, const struct md_def_field *field,
			const struct md_def_value *value)
{
	switch (field->type) {
	case MD_DEF_BOOLEAN:
	case MD_DEF_SMALLINT:
	case MD_DEF_INTEGER:
	case MD_DEF_BIGINT:
	case MD_DEF_FLOAT:
	case MD_DEF_DECIMAL:
		md_buf_puts(sql, value->text);
		return;
	case MD_DEF_DATETIME:
	case MD_DEF_DATETIME_LOCAL:
	case MD_DEF_TIME:
		put_moment(sql, field->type, value->text);
		return;
	case MD_DEF_JSON:
		md_ddl_put_json(sql, value);
		return;
	case MD_DEF_ARRAY:
		put_array(sql, field, value->text);
		return;
	case MD_DEF_BYTES:
		put_bytes(sql, value->text);
		return;
	case MD_DEF_NONE:
	case MD_DEF_STRING:
	case MD_DEF_TEXT:
	case MD_DEF_DATE:
	case MD_DEF_UUID:
	case MD_DEF_ENUM:
	case MD_DEF_TYPE_COUNT:
		md_ddl_put_text(sql, value->text);
		return;
	}
}

/* --- tables ------------------------------------------------------------------------------------
 */

static bool has_nocase(const struct md_def_model *model)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (model->fields[i].collate == MD_DEF_NOCASE)
			return true;
	return false;
}

const char md_postgres_nocase_sql[] = "CREATE COLLATION IF NOT EXISTS \"" MD_POSTGRES_NOCASE
				      "\" (provider = icu, locale = 'und-u-ks-level2',"
				      " deterministic = false)";

/* Texts that differ in upper and lower case only are equal: what a key or a filter must know, no
 * function in an index could tell them. It takes a server with ICU. */
static void put_create(struct md_buf *sql, const struct md_def_model *model)
{
	if (has_nocase(model))
		md_buf_printf(sql, "%s;\n", md_postgres_nocase_sql);
	md_buf_puts(sql, model->options.unlogged == MD_DEF_YES ? "CREATE UNLOGGED TABLE "
							       : "CREATE TABLE ");
}

static void put_comment(struct md_buf *sql, const struct md_def_model *model,
			const struct md_def_field *field)
{
	const char *text = field ? field->description : model->description;

	if (!text)
		return;
	md_buf_printf(sql, ";\nCOMMENT ON %s ", field ? "COLUMN" : "TABLE");
	md_ddl_put_name(&md_postgres_ddl, sql, model->table);
	if (field) {
		md_buf_putc(sql, '.');
		md_ddl_put_name(&md_postgres_ddl, sql, md_def_column(field));
	}
	md_buf_puts(sql, " IS ");
	md_ddl_put_text(sql, text);
}

static void put_table_options(struct md_buf *sql, const struct md_def_model *model)
{
	if (model->options.fillfactor > 0)
		md_buf_printf(sql, " WITH (fillfactor = %u)", model->options.fillfactor);
	if (model->options.tablespace) {
		md_buf_puts(sql, " TABLESPACE ");
		md_ddl_put_name(&md_postgres_ddl, sql, model->options.tablespace);
	}
	put_comment(sql, model, NULL);
	for (unsigned i = 0; i < model->field_count; i++)
		put_comment(sql, model, &model->fields[i]);
}

/* Written as the server would tell them. */
static const struct md_ddl_function functions[] = {
	{ MD_DEF_NOW, MD_DEF_DATETIME, "now()" },
	{ MD_DEF_NOW, MD_DEF_DATETIME_LOCAL, "timezone('UTC', now())" },
	{ MD_DEF_TODAY, MD_DEF_DATE, "timezone('UTC', now())::date" },
	{ MD_DEF_UUID4, MD_DEF_NONE, "gen_random_uuid()" },
	{ MD_DEF_RANDOM_HEX, MD_DEF_NONE, "replace(gen_random_uuid()::text, '-', '')" },
	{ MD_DEF_FN_NONE, MD_DEF_NONE, NULL },
};

/* As the catalog has them: nothing is said of the order of bytes. */
static const char *const collation_names[] = {
	[MD_DEF_NOCASE] = MD_POSTGRES_NOCASE, [MD_DEF_COLLATE_DATABASE] = NULL
};

enum {
	INTEGERS = 1u << MD_TYPE_INT8 | 1u << MD_TYPE_INT4 | 1u << MD_TYPE_INT2,
};

const struct md_ddl_dialect md_postgres_ddl = {
	.engine = MD_ENGINE_POSTGRESQL,
	.sql = &md_postgres_dialect,
	.types = TYPES,
	.decimal_digits = UINT_MAX,
	.identity = "PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY",
	.identity_is_key = true,
	.collations = { [MD_DEF_COLLATE_UNSET] = "\"C\"",
			[MD_DEF_BINARY] = "\"C\"",
			[MD_DEF_NOCASE] = "\"" MD_POSTGRES_NOCASE "\"" },
	.length = "length({c})",
	.functions = functions,
	.put_literal = put_literal,
	.put_table_options = put_table_options,
	.served_by = {
		[MD_DEF_SMALLINT] = INTEGERS,
		[MD_DEF_INTEGER] = INTEGERS,
		[MD_DEF_BIGINT] = INTEGERS,
		[MD_DEF_FLOAT] = 1u << MD_TYPE_FLOAT | 1u << MD_TYPE_NUMERIC,
		[MD_DEF_DECIMAL] = 1u << MD_TYPE_NUMERIC,
		[MD_DEF_STRING] = 1u << MD_TYPE_TEXT,
		[MD_DEF_TEXT] = 1u << MD_TYPE_TEXT,
		[MD_DEF_BOOLEAN] = 1u << MD_TYPE_BOOL,
		[MD_DEF_DATETIME] = 1u << MD_TYPE_TIMESTAMPTZ,
		[MD_DEF_DATETIME_LOCAL] = 1u << MD_TYPE_TIMESTAMP,
		[MD_DEF_DATE] = 1u << MD_TYPE_DATE,
		[MD_DEF_TIME] = 1u << MD_TYPE_TIME,
		[MD_DEF_UUID] = 1u << MD_TYPE_UUID,
		[MD_DEF_JSON] = 1u << MD_TYPE_JSON,
		[MD_DEF_BYTES] = 1u << MD_TYPE_BYTES,
		[MD_DEF_ENUM] = 1u << MD_TYPE_TEXT,
	},
	.put_type = put_type,
	.put_create = put_create,
	.types_have_length = true,
	.rich_indexes = true,
	.targets_first = true,
	.adds_constraints = true,
	.collation_names = collation_names,
	.same_type = md_postgres_same_type,
	.other_numbers = md_postgres_other_numbers,
	.serves = md_postgres_serves,
	.same_default = md_postgres_same_default,
	.objects_table = "CREATE TABLE IF NOT EXISTS \"_modeld_objects\" (\n"
			 "  \"kind\" text NOT NULL,\n"
			 "  \"name\" text NOT NULL,\n"
			 "  \"model\" text NOT NULL,\n"
			 "  \"checksum\" text NOT NULL,\n"
			 "  \"created_at\" timestamptz NOT NULL DEFAULT now(),\n"
			 "  PRIMARY KEY (\"kind\", \"name\")\n"
			 ")",
	.objects_entry = "INSERT INTO \"_modeld_objects\" (\"kind\", \"name\", \"model\", "
			 "\"checksum\")\nVALUES ({k}, {n}, {m}, {s})\n"
			 "ON CONFLICT (\"kind\", \"name\") DO UPDATE SET \"model\" = "
			 "excluded.\"model\", \"checksum\" = excluded.\"checksum\", "
			 "\"created_at\" = now()",
};
