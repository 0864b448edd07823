/* How the values of a column become those of another type: by the catalog alone, or by writing the
 * table anew; by which expression; and which values cannot. Those are looked for before anything
 * is changed: nothing is cut off or rounded. */
#include <stdio.h>
#include <string.h>

#include "core/migrate/ddl_postgres.h"
#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 64 * 1024, NUMBER_MAX = 32 };

/* --- families ----------------------------------------------------------------------------------
 */

/* Types that convert alike. */
enum family {
	INT,
	FLOAT,
	DECIMAL,
	TEXT,
	BOOL,
	INSTANT,
	LOCAL,
	DATE,
	TIME,
	UUID,
	JSON,
	BYTES,
	FAMILIES
};

static const enum family families[MD_DEF_TYPE_COUNT] = {
	[MD_DEF_NONE] = TEXT,        [MD_DEF_SMALLINT] = INT, [MD_DEF_INTEGER] = INT,
	[MD_DEF_BIGINT] = INT,       [MD_DEF_FLOAT] = FLOAT,  [MD_DEF_DECIMAL] = DECIMAL,
	[MD_DEF_STRING] = TEXT,      [MD_DEF_TEXT] = TEXT,    [MD_DEF_BOOLEAN] = BOOL,
	[MD_DEF_DATETIME] = INSTANT, [MD_DEF_DATE] = DATE,    [MD_DEF_DATETIME_LOCAL] = LOCAL,
	[MD_DEF_TIME] = TIME,        [MD_DEF_UUID] = UUID,    [MD_DEF_JSON] = JSON,
	[MD_DEF_BYTES] = BYTES,      [MD_DEF_ENUM] = TEXT,    [MD_DEF_ARRAY] = FAMILIES,
};

/* {c} the column, {t} the type; bounds of integers {l} and {h}, of decimals {d}, with {s} digits
 * behind the point. */
struct way {
	enum family from, to;
	const char *using; /* NULL: PostgreSQL's own */
	const char *bad, *wire;
};

#define OWN_WAY       NULL
#define UNCASTABLE    "22P02"
#define OUT_OF_RANGE  "22003"
#define INTEGER_RANGE "{c} NOT BETWEEN {l} AND {h}"
#define DIGITS        "'^[[:space:]]*[-+]?[0-9]{1,40}[[:space:]]*$'"
#define NUMBER                                                                \
	"'^[[:space:]]*[-+]?([0-9]{1,200}([.][0-9]{0,200})?|[.][0-9]{1,200})" \
	"([eE][-+]?[0-9]{1,2})?[[:space:]]*$'"
#define DAY_PATTERN  "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define TIME_PATTERN "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
#define NO_DAY                                                                                  \
	"jsonb_path_exists(to_jsonb(left({c}::text, 10)), '$.datetime(\"YYYY-MM-DD\")', '{}', " \
	"true) IS NOT TRUE"
/* PostgreSQL 15 cannot be asked whether a text is JSON without failing: strings become the
 * character 1, other values 2, and lists and objects of those become 2 until nothing changes. */
#define JSON_STRING "'\"([^\"\\\\\\u0001-\\u001f]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4})*\"'"
#define JSON_VALUE  "'true|false|null|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]{1,3})?'"
#define JSON_NESTED                                      \
	"'\\[([\\u0001\\u0002](,[\\u0001\\u0002])*)?\\]" \
	"|\\{(\\u0001:[\\u0001\\u0002](,\\u0001:[\\u0001\\u0002])*)?\\}'"
#define NO_JSON                                                                                   \
	"{c} COLLATE \"C\" ~ '[\\u0001\\u0002]|\\\\u0000' OR (WITH RECURSIVE r(n, t) AS (SELECT " \
	"0, "                                                                                     \
	"regexp_replace(regexp_replace(regexp_replace({c} COLLATE \"C\", " JSON_STRING            \
	", chr(1), 'g'), " JSON_VALUE                                                             \
	", chr(2), 'g'), '[ \\t\\r\\n]', '', 'g') UNION ALL SELECT n + "                          \
	"1, regexp_replace(t, " JSON_NESTED ", chr(2), 'g') FROM r WHERE t ~ " JSON_NESTED ") "   \
	"SELECT t NOT IN (chr(1), chr(2)) FROM r ORDER BY n DESC LIMIT 1)"
#define FALSE_OR_TRUE "{c} NOT IN (0, 1)"
#define UTC           "({c} AT TIME ZONE 'UTC')"

static const struct way ways[] = {
	{ INT, INT, OWN_WAY, INTEGER_RANGE, OUT_OF_RANGE },
	{ INT, FLOAT, OWN_WAY, "{c} NOT BETWEEN -9007199254740992 AND 9007199254740992",
	  OUT_OF_RANGE },
	{ INT, DECIMAL, OWN_WAY, "abs({c}::numeric) >= {d}", OUT_OF_RANGE },
	{ INT, TEXT, "{c}::text", NULL, NULL },
	{ INT, BOOL, "({c} <> 0)", FALSE_OR_TRUE, UNCASTABLE },

	{ FLOAT, INT, OWN_WAY,
	  "{c} <> trunc({c}) OR NOT ({c} >= {l} AND {c}::numeric < {h}::numeric + 1)",
	  OUT_OF_RANGE },
	{ FLOAT, DECIMAL, OWN_WAY,
	  "CASE WHEN {c} IN ('NaN', 'Infinity', '-Infinity') OR abs({c}) >= {d} THEN true"
	  " ELSE round({c}::numeric, {s})::double precision <> {c} END",
	  OUT_OF_RANGE },
	{ FLOAT, TEXT, "{c}::text", NULL, NULL },
	{ FLOAT, BOOL, "({c} <> 0)", FALSE_OR_TRUE, UNCASTABLE },

	{ DECIMAL, INT, OWN_WAY, "{c} <> trunc({c}) OR " INTEGER_RANGE, OUT_OF_RANGE },
	{ DECIMAL, FLOAT, OWN_WAY, "{c}::double precision::numeric <> {c}", OUT_OF_RANGE },
	{ DECIMAL, DECIMAL, OWN_WAY, "abs({c}) >= {d} OR round({c}, {s}) <> {c}", OUT_OF_RANGE },
	{ DECIMAL, TEXT, "{c}::text", NULL, NULL },
	{ DECIMAL, BOOL, "({c} <> 0)", FALSE_OR_TRUE, UNCASTABLE },

	{ TEXT, INT, "{c}::{t}",
	  "CASE WHEN {c} COLLATE \"C\" ~ " DIGITS
	  " THEN {c}::numeric NOT BETWEEN {l} AND {h} ELSE true END",
	  UNCASTABLE },
	{ TEXT, FLOAT, "{c}::{t}", "{c} COLLATE \"C\" !~ " NUMBER, UNCASTABLE },
	{ TEXT, DECIMAL, "{c}::numeric",
	  "CASE WHEN {c} COLLATE \"C\" ~ " NUMBER " THEN abs({c}::numeric) >= {d}"
	  " OR round({c}::numeric, {s}) <> {c}::numeric ELSE true END",
	  UNCASTABLE },
	{ TEXT, TEXT, OWN_WAY, NULL, NULL },
	{ TEXT, BOOL, "{c}::boolean",
	  "lower(btrim({c})) NOT IN ('t', 'true', 'y', 'yes', 'on', '1', 'f', 'false', 'n', 'no',"
	  " 'off', '0')",
	  UNCASTABLE },
	{ TEXT, INSTANT, "{c}::timestamptz",
	  "{c} COLLATE \"C\" !~ '^" DAY_PATTERN "([ T]" TIME_PATTERN
	  " ?(Z|UTC|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?$'"
	  " OR " NO_DAY,
	  UNCASTABLE },
	{ TEXT, LOCAL, "{c}::timestamp",
	  "{c} COLLATE \"C\" !~ '^" DAY_PATTERN "([ T]" TIME_PATTERN ")?$' OR " NO_DAY,
	  UNCASTABLE },
	{ TEXT, DATE, "{c}::date", "{c} COLLATE \"C\" !~ '^" DAY_PATTERN "$' OR " NO_DAY,
	  UNCASTABLE },
	{ TEXT, TIME, "{c}::time", "{c} COLLATE \"C\" !~ '^" TIME_PATTERN "$'", UNCASTABLE },
	{ TEXT, UUID, "{c}::uuid",
	  "{c} COLLATE \"C\" !~ '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$'",
	  UNCASTABLE },
	{ TEXT, JSON, "{c}::jsonb", NO_JSON, UNCASTABLE },
	{ TEXT, BYTES, "convert_to({c}, 'UTF8')", NULL, NULL },

	{ BOOL, INT, "{c}::integer::{t}", NULL, NULL },
	{ BOOL, FLOAT, "{c}::integer::{t}", NULL, NULL },
	{ BOOL, DECIMAL, "{c}::integer::numeric", "{c}::integer >= {d}", OUT_OF_RANGE },
	{ BOOL, TEXT, "{c}::text", NULL, NULL },

	{ INSTANT, LOCAL, OWN_WAY, NULL, NULL },
	{ INSTANT, DATE, UTC "::date", UTC " <> date_trunc('day', " UTC ")", "22008" },
	{ INSTANT, TEXT, "{c}::text", NULL, NULL },
	{ LOCAL, INSTANT, OWN_WAY, NULL, NULL },
	{ LOCAL, DATE, "{c}::date", "{c} <> date_trunc('day', {c})", "22008" },
	{ LOCAL, TEXT, "{c}::text", NULL, NULL },
	{ DATE, INSTANT, OWN_WAY, NULL, NULL },
	{ DATE, LOCAL, OWN_WAY, NULL, NULL },
	{ DATE, TEXT, "{c}::text", NULL, NULL },
	{ TIME, TEXT, "{c}::text", NULL, NULL },
	{ UUID, TEXT, "{c}::text", NULL, NULL },
	{ JSON, TEXT, "{c}::text", NULL, NULL },

	{ INT, JSON, "to_jsonb({c})", NULL, NULL },
	{ FLOAT, JSON, "to_jsonb({c})", "{c} IN ('NaN', 'Infinity', '-Infinity')", OUT_OF_RANGE },
	{ DECIMAL, JSON, "to_jsonb({c})", "{c} = 'NaN'", OUT_OF_RANGE },
	{ BOOL, JSON, "to_jsonb({c})", NULL, NULL },
	{ DATE, JSON, "to_jsonb({c})", NULL, NULL },
	{ UUID, JSON, "to_jsonb({c})", NULL, NULL },
};

static const struct way *find_way(enum md_def_type from, enum md_def_type to)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (ways[i].from == families[from] && ways[i].to == families[to])
			return &ways[i];
	return NULL;
}

/* --- filling in --------------------------------------------------------------------------------
 */

struct bounds {
	const char *low, *high;
};

static struct bounds bounds_of(enum md_def_type type)
{
	if (type == MD_DEF_SMALLINT)
		return (struct bounds){ "-32768", "32767" };
	if (type == MD_DEF_INTEGER)
		return (struct bounds){ "-2147483648", "2147483647" };
	return (struct bounds){ "-9223372036854775808", "9223372036854775807" };
}

static const char *fill_in(struct pg *pg, const char *template, const struct md_def_field *after,
			   const char *column)
{
	enum md_def_type type = after->type == MD_DEF_ARRAY ? after->items : after->type;
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct bounds bounds = bounds_of(type);
	char limit[NUMBER_MAX], digits[NUMBER_MAX];
	struct md_ddl_slot slots[] = {
		{ 'c', column },     { 't', pg_put(pg, md_ddl_put_type, after) },
		{ 'l', bounds.low }, { 'h', bounds.high },
		{ 'd', limit },      { 's', digits },
		{ 0, NULL }
	};

	/* Without a precision everything fits, with all its digits. */
	snprintf(limit, sizeof(limit), "1e%u",
		 after->precision > 0 ? after->precision - after->scale : 300);
	snprintf(digits, sizeof(digits), "%u", after->precision > 0 ? after->scale : 300);
	if (!template)
		return NULL;
	md_ddl_put_template(&text, template, slots);
	return md_plan_keep(pg->work, &text);
}

/* --- what needs no rewriting -------------------------------------------------------------------
 */

static unsigned length_of(const struct md_def_field *field)
{
	return field->type == MD_DEF_STRING ? field->max_length : 0;
}

static bool is_wider_integer(enum md_def_type from, enum md_def_type to)
{
	return md_def_is_integer(from) && md_def_is_integer(to) && from <= to;
}

static bool is_wider_decimal(const struct md_def_field *before, const struct md_def_field *after)
{
	return after->precision == 0 || (before->precision > 0 && before->scale == after->scale &&
					 before->precision <= after->precision);
}

/* Rows stay as they are when the bytes of all values would. */
static enum pg_type_change change_of(const struct md_def_field *before,
				     const struct md_def_field *after)
{
	unsigned from = length_of(before), to = length_of(after);

	if (before->type == MD_DEF_ARRAY || after->type == MD_DEF_ARRAY)
		return PG_TYPE_REWRITE;
	if (families[before->type] == TEXT && families[after->type] == TEXT)
		return to == 0 || (from > 0 && from <= to) ? PG_TYPE_LABEL : PG_TYPE_REWRITE;
	if (before->type == MD_DEF_DECIMAL && after->type == MD_DEF_DECIMAL)
		return is_wider_decimal(before, after) ? PG_TYPE_LABEL : PG_TYPE_REWRITE;
	if ((before->type == MD_DEF_DATETIME && after->type == MD_DEF_DATETIME_LOCAL) ||
	    (before->type == MD_DEF_DATETIME_LOCAL && after->type == MD_DEF_DATETIME))
		return PG_TYPE_INDEXES; /* in a session that lives in UTC */
	return PG_TYPE_REWRITE;
}

/* --- types of users ----------------------------------------------------------------------------
 */

/* Without "(…)" at its end: the assignment refuses what is too long, where a cast would cut. */
static const char *without_modifier(struct pg *pg, const char *type)
{
	size_t len = strlen(type);
	const char *open = strrchr(type, '(');

	if (len > 0 && type[len - 1] == ')' && open)
		return pg_text(pg, "%.*s", (int)(open - type), type);
	return type;
}

static struct pg_conversion convert_own(struct pg *pg, const char *from, const char *to,
					const char *was)
{
	const char *a = without_modifier(pg, from), *b = without_modifier(pg, to);
	struct pg_conversion way = { .change = PG_TYPE_REWRITE };

	if (md_postgres_same_type(from, to))
		way.change = PG_TYPE_SAME;
	else if (md_postgres_same_type(a, "cidr") && md_postgres_same_type(b, "inet"))
		way.change = PG_TYPE_INDEXES;
	else if (!md_postgres_same_type(a, b))
		way.using = pg_text(pg, "%s::%s", was, b);
	return way;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static struct pg_conversion no_way(struct pg *pg, const struct md_def_field *before,
				   const struct md_def_field *after)
{
	pg_fail(pg, MD_INVALID, "42846",
		"add a field of the new type, fill it by an operation \"sql\" or \"backfill\", and "
		"drop the old one",
		"there is no way from type %s to %s for the values of \"%s\"",
		pg_put(pg, md_ddl_put_type, before), pg_put(pg, md_ddl_put_type, after),
		after->name);
	return (struct pg_conversion){ .change = PG_TYPE_SAME };
}

static struct pg_conversion convert_elements(struct pg *pg, const struct md_def_field *before,
					     const struct md_def_field *after, const char *was)
{
	const struct way *way = find_way(before->items, after->items);
	struct pg_conversion to = { .change = PG_TYPE_REWRITE };

	if (!way)
		return no_way(pg, before, after);
	to.using = pg_text(pg, "%s::%s", was, pg_put(pg, md_ddl_put_type, after));
	to.wire = way->wire;
	if (way->bad && !is_wider_integer(before->items, after->items))
		to.bad = pg_text(pg, "EXISTS (SELECT 1 FROM unnest(%s) AS e(e) WHERE %s)", was,
				 fill_in(pg, way->bad, after, "e"));
	return to;
}

static struct pg_conversion convert_array(struct pg *pg, const struct md_def_field *before,
					  const struct md_def_field *after, const char *was)
{
	if (before->type == MD_DEF_ARRAY && after->type == MD_DEF_ARRAY)
		return convert_elements(pg, before, after, was);
	if (after->type != MD_DEF_ARRAY || families[before->type] != families[after->items])
		return no_way(pg, before, after);
	return (struct pg_conversion){
		.change = PG_TYPE_REWRITE,
		.using = pg_text(pg, "CASE WHEN %s IS NULL THEN NULL ELSE ARRAY[%s]::%s END", was,
				 was, pg_put(pg, md_ddl_put_type, after)),
	};
}

/* What is too long for the new type. */
static void add_length(struct pg *pg, struct pg_conversion *to, const struct md_def_field *before,
		       const struct md_def_field *after, const char *was)
{
	unsigned from = length_of(before), limit = length_of(after);

	if (limit == 0 || (families[before->type] == TEXT && from > 0 && from <= limit))
		return;
	to->bad = pg_text(pg, "length(%s) > %u", to->using ? to->using : was, limit);
	to->wire = "22001";
}

static struct pg_conversion convert_plain(struct pg *pg, const struct md_def_field *before,
					  const struct md_def_field *after, const char *was)
{
	const struct way *way = find_way(before->type, after->type);
	struct pg_conversion to = { .change = change_of(before, after) };
	bool safe = is_wider_integer(before->type, after->type) || to.change != PG_TYPE_REWRITE;

	if (!way)
		return no_way(pg, before, after);
	to.using = fill_in(pg, way->using, after, was);
	to.wire = way->wire;
	if (!safe)
		to.bad = fill_in(pg, way->bad, after, was);
	if (families[after->type] == TEXT)
		add_length(pg, &to, before, after, was);
	return to;
}

struct pg_conversion pg_convert(struct pg *pg, const struct md_def_field *before,
				const struct md_def_field *after, const char *was)
{
	const char *from = pg_put(pg, md_ddl_put_type, before);
	const char *to = pg_put(pg, md_ddl_put_type, after);
	struct pg_conversion way = { .change = PG_TYPE_SAME };

	if (strcmp(from, to) != 0) {
		if (md_ddl_own_sql(&md_postgres_ddl, &before->sql_type) ||
		    md_ddl_own_sql(&md_postgres_ddl, &after->sql_type))
			way = convert_own(pg, from, to, was);
		else if (before->type == MD_DEF_ARRAY || after->type == MD_DEF_ARRAY)
			way = convert_array(pg, before, after, was);
		else
			way = convert_plain(pg, before, after, was);
	}
	if (way.bad)
		way.bad = pg_text(pg, "(%s IS NOT NULL AND (%s))", was, way.bad);
	if (way.change == PG_TYPE_SAME && strcmp(pg_put(pg, md_ddl_put_collation, before),
						 pg_put(pg, md_ddl_put_collation, after)) != 0)
		way.change = PG_TYPE_INDEXES;
	return way;
}
