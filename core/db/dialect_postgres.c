/* PostgreSQL's SQL. The server knows the types of parameters from what they are compared with. */
#include "core/db/dialect.h"

#include "core/base/banned.h"

enum { INT8_ID = 20 };

static void put_quoted(struct md_buf *sql, char quote, struct md_str text)
{
	md_buf_putc(sql, quote);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == quote)
			md_buf_putc(sql, quote);
		md_buf_putc(sql, text.ptr[i]);
	}
	md_buf_putc(sql, quote);
}

static void put_name(struct md_buf *sql, struct md_str name)
{
	put_quoted(sql, '"', name);
}

/* The driver sets standard_conforming_strings: a backslash is a backslash. */
static void put_text(struct md_buf *sql, struct md_str text)
{
	put_quoted(sql, '\'', text);
}

static void put_param(struct md_buf *sql, unsigned number)
{
	md_buf_putc(sql, '$');
	md_buf_put_i64(sql, number);
}

/* Names of types that are none in quotes, and those whose cells need no to_json(); all others go by
 * MD_SQL_ANY_CAST. */
static const struct md_cast casts[] = {
	{ "text", "CAST({c} AS text)", MD_TYPE_TEXT },
	{ "varchar", "CAST({c} AS varchar)", MD_TYPE_TEXT },
	{ "character varying", "CAST({c} AS varchar)", MD_TYPE_TEXT },
	{ "bpchar", "CAST({c} AS bpchar)", MD_TYPE_TEXT },
	{ "name", "CAST({c} AS name)", MD_TYPE_TEXT },
	{ "int2", "CAST({c} AS int2)", MD_TYPE_INT2 },
	{ "smallint", "CAST({c} AS int2)", MD_TYPE_INT2 },
	{ "int4", "CAST({c} AS int4)", MD_TYPE_INT4 },
	{ "int", "CAST({c} AS int4)", MD_TYPE_INT4 },
	{ "integer", "CAST({c} AS int4)", MD_TYPE_INT4 },
	{ "int8", "CAST({c} AS int8)", MD_TYPE_INT8 },
	{ "bigint", "CAST({c} AS int8)", MD_TYPE_INT8 },
	{ "numeric", "CAST({c} AS numeric)", MD_TYPE_NUMERIC },
	{ "decimal", "CAST({c} AS numeric)", MD_TYPE_NUMERIC },
	{ "float4", "CAST({c} AS float4)", MD_TYPE_FLOAT },
	{ "real", "CAST({c} AS float4)", MD_TYPE_FLOAT },
	{ "float8", "CAST({c} AS float8)", MD_TYPE_FLOAT },
	{ "double precision", "CAST({c} AS float8)", MD_TYPE_FLOAT },
	{ "bool", "CAST({c} AS bool)", MD_TYPE_BOOL },
	{ "boolean", "CAST({c} AS bool)", MD_TYPE_BOOL },
	{ "date", "CAST({c} AS date)", MD_TYPE_DATE },
	{ "time", "CAST({c} AS time)", MD_TYPE_TIME },
	{ "timestamp", "CAST({c} AS timestamp)", MD_TYPE_TIMESTAMP },
	{ "timestamptz", "CAST({c} AS timestamptz)", MD_TYPE_TIMESTAMPTZ },
	{ "uuid", "CAST({c} AS uuid)", MD_TYPE_UUID },
	{ "time without time zone", "CAST({c} AS time)", MD_TYPE_TIME },
	{ "timestamp without time zone", "CAST({c} AS timestamp)", MD_TYPE_TIMESTAMP },
	{ "timestamp with time zone", "CAST({c} AS timestamptz)", MD_TYPE_TIMESTAMPTZ },
	{ "time with time zone", "CAST({c} AS timetz)", MD_TYPE_OTHER },
	{ "char", "CAST({c} AS char)", MD_TYPE_OTHER },
	{ "character", "CAST({c} AS char)", MD_TYPE_OTHER },
	{ "bit", "CAST({c} AS bit)", MD_TYPE_OTHER },
	{ "bit varying", "CAST({c} AS varbit)", MD_TYPE_OTHER },
	{ "float", "CAST({c} AS float8)", MD_TYPE_FLOAT },
	{ "dec", "CAST({c} AS numeric)", MD_TYPE_NUMERIC },
	{ "json", "CAST({c} AS json)", MD_TYPE_JSON },
	{ "jsonb", "CAST({c} AS jsonb)", MD_TYPE_JSON },
	{ NULL, NULL, MD_TYPE_ANY },
};

/* A key that no integer of the column's size could be is not there, which is no error. */
static const unsigned key_types[MD_TYPE_COUNT] = {
	[MD_TYPE_INT2] = INT8_ID,
	[MD_TYPE_INT4] = INT8_ID,
	[MD_TYPE_INT8] = INT8_ID,
};

const struct md_dialect md_postgres_dialect = {
	.name = "postgresql",
	.checks_values = true,
	.array_lists = true,
	.key_types = key_types,
	.put_name = put_name,
	.put_text = put_text,
	.put_param = put_param,
	.templates = {
		[MD_SQL_LIKE] = "{c} LIKE {p}",
		[MD_SQL_ILIKE] = "{c} ILIKE {p}",
		[MD_SQL_MATCH] = "{c} ~ {p}",
		[MD_SQL_IMATCH] = "{c} ~* {p}",
		[MD_SQL_IS_DISTINCT] = "{c} IS DISTINCT FROM {p}",
		[MD_SQL_CONTAINS] = "{c} @> {p}",
		[MD_SQL_CONTAINED] = "{c} <@ {p}",
		[MD_SQL_OVERLAPS] = "{c} && {p}",
		[MD_SQL_LEFT_OF] = "{c} << {p}",
		[MD_SQL_RIGHT_OF] = "{c} >> {p}",
		[MD_SQL_NOT_RIGHT] = "{c} &< {p}",
		[MD_SQL_NOT_LEFT] = "{c} &> {p}",
		[MD_SQL_ADJACENT] = "{c} -|- {p}",
		[MD_SQL_SEARCH] = "{c} @@ {p}",
		[MD_SQL_SEARCH_TEXT] = "to_tsvector({p}::regconfig, {c})",
		[MD_SQL_SEARCH_PLAIN] = "to_tsvector({c})",
		[MD_SQL_FTS] = "to_tsquery",
		[MD_SQL_PLFTS] = "plainto_tsquery",
		[MD_SQL_PHFTS] = "phraseto_tsquery",
		[MD_SQL_WFTS] = "websearch_to_tsquery",
		[MD_SQL_TO_JSON] = "to_jsonb({c})",
		[MD_SQL_AS_JSON] = "to_json({c})",
		[MD_SQL_ANY_CAST] = "CAST({c} AS {p})",
		[MD_SQL_ROW] = "row_to_json({c})",
		/* As quick as json_agg(), and compact. */
		[MD_SQL_LIST] = "array_to_json(ARRAY({c}))",
		[MD_SQL_COLUMN] = "coalesce(array_to_json(array_agg(to_json({c}))), '[]')",
		[MD_SQL_STRIP] = "json_strip_nulls({c})",
		[MD_SQL_BODY_ROWS] = "json_to_recordset({p}::json) AS r({c})",
		[MD_SQL_BODY_EACH] = "json_array_elements({p}::json) AS e(j), "
				     "LATERAL json_to_record(e.j) AS r({c})",
		[MD_SQL_BODY_EMPTY] = "json_array_elements({p}::json) AS r",
		[MD_SQL_BODY_LACKS] = "(e.j -> {p}) IS NULL",
		[MD_SQL_BODY_FALLBACK] = "nextval(pg_get_serial_sequence({c}, {p}))",
		/* Whether xmax is 0 would tell it, too, but not in partitioned tables and views. */
		[MD_SQL_MERGE_COUNT] = "set_config('modeld.merged', (coalesce(nullif("
				       "current_setting('modeld.merged', true), ''), '0')::int + "
				       "1)::text, true) <> ''",
		[MD_SQL_MERGES] = "current_setting('modeld.merged', true)",
		[MD_SQL_LOCK] = " FOR UPDATE",
		[MD_SQL_ESTIMATE] = "EXPLAIN (FORMAT JSON) ",
		/* Names of types depend on search_path, what follows them in brackets does not. */
		[MD_SQL_ALTERED] =
			"SELECT c.name FROM (VALUES {c}) AS c(name, type) LEFT JOIN pg_attribute a "
			"ON a.attrelid = {p}::regclass AND a.attname = c.name "
			"AND NOT a.attisdropped WHERE a.atttypid IS DISTINCT FROM "
			"c.type::regtype::oid OR "
			"substring(format_type(a.atttypid, a.atttypmod) FROM '[(].*') "
			"IS DISTINCT FROM substring(c.type FROM '[(].*')",
		[MD_SQL_SUM] = "sum({c})",
		[MD_SQL_SUM_REAL] = "sum({c})",
		[MD_SQL_AVG] = "avg({c})",
		[MD_SQL_AVG_REAL] = "avg({c})",
	},
	.json_steps = { { "({c} -> {p}::text)", "({c} -> {p}::int)" },
			{ "({c} ->> {p}::text)", "({c} ->> {p}::int)" } },
	.no_limit = "ALL",
	.truth = { "false", "true" },
	.casts = casts,
};
