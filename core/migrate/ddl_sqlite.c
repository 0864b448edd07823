/* SQLite's DDL: STRICT tables, whose columns have five types; what else a type means is told by
 * CHECKs. Moments are texts of one width, so that they sort. */
#include <stdio.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/moment.h"
#include "core/db/dialect.h"
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { EXACT_DIGITS = 15 };

/* --- literals ----------------------------------------------------------------------------------
 */

/* In the form in which values of requests are kept. */
static void put_moment(struct md_buf *sql, enum md_def_type type, const char *text)
{
	char out[MD_MOMENT_ROOM];
	struct md_moment moment;
	size_t len;

	md_moment_read(md_str_of(text), &moment);
	len = md_moment_keep(&moment, md_def_moment(type), out);
	md_buf_printf(sql, "'%.*s'", (int)len, out);
}

static void put_bytes(struct md_buf *sql, const char *text)
{
	md_buf_puts(sql, "X'");
	md_ddl_put_hex(sql, text, "0123456789ABCDEF");
	md_buf_putc(sql, '\'');
}

/* Likewise. */
static void put_decimal(struct md_buf *sql, const char *text)
{
	char out[MD_DECIMAL_MAX];
	size_t len;

	if (md_decimal_normalize(md_str_of(text), out, &len) == MD_DECIMAL_READ)
		md_buf_printf(sql, "'%.*s'", (int)len, out);
	else
		sql->failed = true;
}

static void put_literal(struct md_buf *sql, const struct md_def_field *field,
			const struct md_def_value *value)
{
	bool as_text = field->type == MD_DEF_DECIMAL && field->precision > EXACT_DIGITS;

	switch (field->type) {
	case MD_DEF_BOOLEAN:
		md_buf_putc(sql, strcmp(value->text, "true") == 0 ? '1' : '0');
		return;
	case MD_DEF_SMALLINT:
	case MD_DEF_INTEGER:
	case MD_DEF_BIGINT:
	case MD_DEF_FLOAT:
	case MD_DEF_DECIMAL:
		if (as_text)
			put_decimal(sql, value->text);
		else
			md_buf_puts(sql, value->text);
		return;
	case MD_DEF_DATETIME:
	case MD_DEF_DATETIME_LOCAL:
	case MD_DEF_DATE:
	case MD_DEF_TIME:
		put_moment(sql, field->type, value->text);
		return;
	case MD_DEF_JSON:
	case MD_DEF_ARRAY:
		md_ddl_put_json(sql, value);
		return;
	case MD_DEF_BYTES:
		put_bytes(sql, value->text);
		return;
	case MD_DEF_NONE:
	case MD_DEF_STRING:
	case MD_DEF_TEXT:
	case MD_DEF_UUID:
	case MD_DEF_ENUM:
	case MD_DEF_TYPE_COUNT:
		md_ddl_put_text(sql, value->text);
		return;
	}
}

static void put_table_options(struct md_buf *sql, const struct md_def_model *model)
{
	bool strict = model->options.strict != MD_DEF_NO;
	bool without = model->options.without_rowid == MD_DEF_YES;

	md_buf_puts(sql, strict ? " STRICT" : "");
	md_buf_puts(sql, without ? strict ? ", WITHOUT ROWID" : " WITHOUT ROWID" : "");
}

/* --- the table ---------------------------------------------------------------------------------
 */

#define NOW_UTC "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"

static const struct md_ddl_function functions[] = {
	{ MD_DEF_NOW, MD_DEF_DATETIME, NOW_UTC },
	{ MD_DEF_NOW, MD_DEF_DATETIME_LOCAL, "strftime('%Y-%m-%dT%H:%M:%f000', 'now')" },
	{ MD_DEF_TODAY, MD_DEF_DATE, "date('now')" },
	{ MD_DEF_UUID4, MD_DEF_NONE,
	  "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || "
	  "substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) || "
	  "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))" },
	{ MD_DEF_RANDOM_HEX, MD_DEF_NONE, "lower(hex(randomblob(16)))" },
	{ MD_DEF_FN_NONE, MD_DEF_NONE, NULL },
};

/* In STRICT tables only the first group occurs; the others are what existing files declare. */
enum {
	INTEGERS = 1u << MD_TYPE_INT8 | 1u << MD_TYPE_INT4 | 1u << MD_TYPE_INT2 | 1u << MD_TYPE_ANY,
	REALS = 1u << MD_TYPE_FLOAT | 1u << MD_TYPE_NUMERIC | 1u << MD_TYPE_ANY,
	TEXTS = 1u << MD_TYPE_TEXT | 1u << MD_TYPE_ANY,
};

const struct md_ddl_dialect md_sqlite_ddl = {
	.engine = MD_ENGINE_SQLITE,
	.sql = &md_sqlite_dialect,
	.types = {
		[MD_DEF_NONE] = "ANY",
		[MD_DEF_SMALLINT] = "INTEGER",
		[MD_DEF_INTEGER] = "INTEGER",
		[MD_DEF_BIGINT] = "INTEGER",
		[MD_DEF_FLOAT] = "REAL",
		[MD_DEF_DECIMAL] = "REAL",
		[MD_DEF_STRING] = "TEXT",
		[MD_DEF_TEXT] = "TEXT",
		[MD_DEF_BOOLEAN] = "INTEGER",
		[MD_DEF_DATETIME] = "TEXT",
		[MD_DEF_DATETIME_LOCAL] = "TEXT",
		[MD_DEF_DATE] = "TEXT",
		[MD_DEF_TIME] = "TEXT",
		[MD_DEF_UUID] = "TEXT",
		[MD_DEF_JSON] = "TEXT",
		[MD_DEF_BYTES] = "BLOB",
		[MD_DEF_ENUM] = "TEXT",
		[MD_DEF_ARRAY] = "TEXT",
	},
	.long_decimal = "TEXT",
	.decimal_digits = EXACT_DIGITS,
	.identity = "PRIMARY KEY AUTOINCREMENT",
	.identity_is_key = true,
	.collations = { [MD_DEF_NOCASE] = "NOCASE" },
	.checks = {
		[MD_DEF_SMALLINT] = "{c} BETWEEN -32768 AND 32767",
		[MD_DEF_INTEGER] = "{c} BETWEEN -2147483648 AND 2147483647",
		[MD_DEF_BOOLEAN] = "{c} IN (0, 1)",
		[MD_DEF_UUID] = "length({c}) = 36",
		[MD_DEF_JSON] = "({c} IS NULL OR json_valid({c}))",
		/* json_valid(NULL) is 0 before 3.41; json_type() is not for schemas that are not
		 * trusted. */
		[MD_DEF_ARRAY] = "({c} IS NULL OR json_valid({c}) AND "
				 "substr(ltrim({c}, char(9, 10, 13, 32)), 1, 1) = '[')",
	},
	.length = "length({c})",
	.functions = functions,
	.put_literal = put_literal,
	.put_table_options = put_table_options,
	.served_by = {
		[MD_DEF_SMALLINT] = INTEGERS,
		[MD_DEF_INTEGER] = INTEGERS,
		[MD_DEF_BIGINT] = INTEGERS,
		[MD_DEF_FLOAT] = REALS,
		[MD_DEF_DECIMAL] = REALS,
		[MD_DEF_STRING] = TEXTS,
		[MD_DEF_TEXT] = TEXTS,
		[MD_DEF_BOOLEAN] = INTEGERS | 1u << MD_TYPE_BOOL,
		[MD_DEF_DATETIME] = TEXTS | 1u << MD_TYPE_TIMESTAMP | 1u << MD_TYPE_TIMESTAMPTZ,
		[MD_DEF_DATETIME_LOCAL] = TEXTS | 1u << MD_TYPE_TIMESTAMP | 1u << MD_TYPE_TIMESTAMPTZ,
		[MD_DEF_DATE] = TEXTS | 1u << MD_TYPE_DATE,
		[MD_DEF_TIME] = TEXTS | 1u << MD_TYPE_TIME,
		[MD_DEF_UUID] = TEXTS | 1u << MD_TYPE_UUID,
		[MD_DEF_JSON] = TEXTS | 1u << MD_TYPE_JSON,
		[MD_DEF_BYTES] = 1u << MD_TYPE_BYTES | 1u << MD_TYPE_ANY,
		[MD_DEF_ENUM] = TEXTS,
		[MD_DEF_ARRAY] = TEXTS | 1u << MD_TYPE_JSON,
	},
	.served_long_decimal = TEXTS | 1u << MD_TYPE_NUMERIC,
	.verbatim = true,
	.objects_table = "CREATE TABLE IF NOT EXISTS \"_modeld_objects\" (\n"
			 "  \"kind\" TEXT NOT NULL,\n"
			 "  \"name\" TEXT NOT NULL,\n"
			 "  \"model\" TEXT NOT NULL,\n"
			 "  \"checksum\" TEXT NOT NULL,\n"
			 "  \"created_at\" TEXT NOT NULL DEFAULT (" NOW_UTC "),\n"
			 "  PRIMARY KEY (\"kind\", \"name\")\n"
			 ") STRICT, WITHOUT ROWID",
	.objects_entry = "INSERT OR REPLACE INTO \"_modeld_objects\" (\"kind\", \"name\", "
			 "\"model\", \"checksum\")\nVALUES ({k}, {n}, {m}, {s})",
};
