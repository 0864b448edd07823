/* SQLite's SQL. The md_… functions are registered by the driver on every connection
 * (core/db/sqlite_functions.c). */
#include "core/db/dialect.h"

#include "core/base/banned.h"

static void put_name(struct md_buf *sql, struct md_str name)
{
	md_buf_putc(sql, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"')
			md_buf_putc(sql, '"');
		md_buf_putc(sql, name.ptr[i]);
	}
	md_buf_putc(sql, '"');
}

static void put_param(struct md_buf *sql, unsigned number)
{
	md_buf_putc(sql, '?');
	md_buf_put_i64(sql, number);
}

static const struct md_cast casts[] = {
	{ "text", "md_cast_text({c})", MD_TYPE_TEXT },
	{ "varchar", "md_cast_text({c})", MD_TYPE_TEXT },
	{ "character varying", "md_cast_text({c})", MD_TYPE_TEXT },
	{ "char", "substr(md_cast_text({c}), 1, 1)", MD_TYPE_TEXT },
	{ "character", "substr(md_cast_text({c}), 1, 1)", MD_TYPE_TEXT },
	{ "bpchar", "md_cast_text({c})", MD_TYPE_TEXT },
	{ "name", "md_cast_text({c})", MD_TYPE_TEXT },
	{ "citext", "md_cast_text({c})", MD_TYPE_TEXT },
	{ "int2", "md_cast_int2({c})", MD_TYPE_INT2 },
	{ "smallint", "md_cast_int2({c})", MD_TYPE_INT2 },
	{ "int4", "md_cast_int4({c})", MD_TYPE_INT4 },
	{ "int", "md_cast_int4({c})", MD_TYPE_INT4 },
	{ "integer", "md_cast_int4({c})", MD_TYPE_INT4 },
	{ "int8", "md_cast_int8({c})", MD_TYPE_INT8 },
	{ "bigint", "md_cast_int8({c})", MD_TYPE_INT8 },
	{ "numeric", "md_cast_numeric({c})", MD_TYPE_NUMERIC },
	{ "decimal", "md_cast_numeric({c})", MD_TYPE_NUMERIC },
	{ "dec", "md_cast_numeric({c})", MD_TYPE_NUMERIC },
	{ "float", "md_cast_real({c})", MD_TYPE_FLOAT },
	{ "float4", "md_cast_real({c})", MD_TYPE_FLOAT },
	{ "real", "md_cast_real({c})", MD_TYPE_FLOAT },
	{ "float8", "md_cast_real({c})", MD_TYPE_FLOAT },
	{ "double precision", "md_cast_real({c})", MD_TYPE_FLOAT },
	{ "bool", "md_cast_bool({c})", MD_TYPE_BOOL },
	{ "boolean", "md_cast_bool({c})", MD_TYPE_BOOL },
	{ "date", "md_cast_date({c})", MD_TYPE_DATE },
	{ "time", "md_cast_time({c})", MD_TYPE_TIME },
	{ "timestamp", "md_cast_timestamp({c})", MD_TYPE_TIMESTAMP },
	{ "timestamptz", "md_cast_timestamptz({c})", MD_TYPE_TIMESTAMPTZ },
	{ "time without time zone", "md_cast_time({c})", MD_TYPE_TIME },
	{ "timestamp without time zone", "md_cast_timestamp({c})", MD_TYPE_TIMESTAMP },
	{ "timestamp with time zone", "md_cast_timestamptz({c})", MD_TYPE_TIMESTAMPTZ },
	{ "uuid", "md_cast_uuid({c})", MD_TYPE_UUID },
	{ "json", "md_cast_json({c})", MD_TYPE_JSON },
	{ "jsonb", "md_cast_json({c})", MD_TYPE_JSON },
	{ NULL, NULL, MD_TYPE_ANY },
};

const struct md_dialect md_sqlite_dialect = {
	.name = "sqlite",
	.typed_cells = true,
	.prefix_range = true,
	.put_name = put_name,
	.put_param = put_param,
	.templates = {
		[MD_SQL_LIKE] = "md_like({p}, {c}, 0)",
		[MD_SQL_ILIKE] = "md_like({p}, {c}, 1)",
#ifdef MD_HAVE_PCRE2
		[MD_SQL_MATCH] = "md_regex({p}, {c}, 0)",
		[MD_SQL_IMATCH] = "md_regex({p}, {c}, 1)",
#endif
		[MD_SQL_IS_DISTINCT] = "{c} IS NOT {p}",
		[MD_SQL_CONTAINS] = "md_json_contains({c}, {p})",
		[MD_SQL_CONTAINED] = "md_json_contains({p}, {c}, 1)",
		/* Asking what they contain tells NULL, and refuses what is not JSON. */
		[MD_SQL_OVERLAPS] = "CASE WHEN md_json_contains({c}, 'null') + md_json_contains({p}, 'null') "
				    "IS NOT NULL THEN EXISTS (SELECT 1 FROM temp.json_each({c}) AS a JOIN "
				    "temp.json_each({p}) AS b ON b.type = a.type AND b.value IS a.value) END",
		[MD_SQL_JSON_GET] = "CASE WHEN json_valid({c}) THEN {c} -> {p} END",
		/* json_extract gives 1 and 0 for booleans, PostgreSQL's ->> gives their names. */
		[MD_SQL_JSON_GET_TEXT] = "CASE WHEN json_valid({c}) THEN CASE json_type({c}, {p}) WHEN 'true' "
					 "THEN 'true' WHEN 'false' THEN 'false' ELSE md_cast_text({c} ->> {p}) END END",
		[MD_SQL_BOOL_TEXT] = "CASE {c} WHEN 0 THEN 'false' WHEN 1 THEN 'true' "
				     "ELSE md_cast_text({c}) END",
		[MD_SQL_DECIMAL] = "{c} COLLATE md_decimal",
		[MD_SQL_JSON_KEY] = "md_json_key({c})",
		[MD_SQL_JSON_ASKED] = "md_json_key(md_cast_json({c}))",
		[MD_SQL_SUM] = "md_sum({c})",
		[MD_SQL_SUM_REAL] = "sum({c})",
		[MD_SQL_AVG] = "md_avg({c})",
		[MD_SQL_AVG_REAL] = "avg({c})",
		[MD_SQL_ROUND] = "md_round({c})",
	},
	.no_limit = "-1",
	.truth = { "0", "1" },
	.casts = casts,
	.keys_from = "temp.json_each({p}) AS keys CROSS JOIN ",
	.keys_part = "(keys.value ->> {p})",
	.keys_bytes = "md_key_bytes(keys.value ->> {p})",
	.keys_order = "keys.key",
	.row_key = "rowid",
};
