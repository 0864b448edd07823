/* How values change their type. Values keep the forms in which modeld stores them; what cannot be
 * brought into one is found by a condition before anything is changed. */
#include <stdio.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

#define BIT(type) (1u << MD_DEF_##type)

/* A decimal with more digits than a double keeps is another kind of thing: a text. */
enum {
	LONG = 1u << MD_DEF_TYPE_COUNT,
	INTEGERS = BIT(SMALLINT) | BIT(INTEGER) | BIT(BIGINT),
	TEXTS = BIT(STRING) | BIT(TEXT) | BIT(ENUM),
	STAMPS = BIT(DATETIME) | BIT(DATETIME_LOCAL),
};

/* White space around numbers does not count. {t} is the text without it. */
#define NOT_INTEGER                                                                           \
	"({t} NOT GLOB '[-+0-9]*' OR substr({t}, 2) GLOB '*[^0-9]*' OR {t} IN ('-', '+') OR " \
	"(length({t}) > 18 AND CAST(CAST({t} AS INTEGER) AS TEXT) <> {t}))"
#define NOT_NUMBER "(NOT json_valid({t}) OR ltrim({t}, '-') NOT GLOB '[0-9]*')"
#define DIGITS     "[0-9][0-9]"
#define DATE       DIGITS DIGITS "-" DIGITS "-" DIGITS
#define TIME       DIGITS ":" DIGITS ":" DIGITS
#define HEX4       "[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]"
/* With a date and a time that there are; the engine tells. */
#define IS_STAMP                                                                                 \
	"({c} GLOB '" DATE "[T ]" TIME "' OR {c} GLOB '" DATE "[T ]" TIME ".[0-9]*' AND "        \
	"substr({c}, 21) NOT GLOB '*[^0-9]*' AND length({c}) <= 26) AND "                        \
	"date(substr({c}, 1, 10), '+0 days') = substr({c}, 1, 10) AND time(substr({c}, 12, 8)) " \
	"IS NOT NULL"
#define IS_LOCAL "(" IS_STAMP ")"
#define IS_INSTANT                                                                               \
	"({c} GLOB '" DATE "T" TIME "." DIGITS DIGITS DIGITS "+00:00' AND "                      \
	"date(substr({c}, 1, 10), '+0 days') = substr({c}, 1, 10) AND time(substr({c}, 12, 8)) " \
	"IS NOT NULL)"
#define AS_LOCAL                                                                               \
	"substr({c}, 1, 10) || 'T' || substr({c}, 12, 8) || '.' || substr(substr({c}, 21, 6) " \
	"|| '000000', 1, 6)"
#define IS_TIME                                                                       \
	"({c} GLOB '" TIME "' OR {c} GLOB '" TIME ".[0-9]*' AND substr({c}, 10) NOT " \
	"GLOB '*[^0-9]*' AND length({c}) <= 15) AND time(substr({c}, 1, 8)) IS NOT NULL"
#define NOT_EXACT   "round({c}, {s}) <> {c} OR abs({c}) >= 1e{w}"
#define TRUE_WORDS  "'true', 't', 'yes', 'y', 'on', '1'"
#define FALSE_WORDS "'false', 'f', 'no', 'n', 'off', '0'"

static const struct {
	unsigned from, to;
	struct md_lite_cast cast;
} casts[] = {
	{ INTEGERS | BIT(BOOLEAN), INTEGERS | BIT(BOOLEAN), { "{c}", NULL, NULL } },
	{ INTEGERS,
	  BIT(FLOAT),
	  { "CAST({c} AS REAL)", "CAST(CAST({c} AS REAL) AS INTEGER) <> {c}", NULL } },
	{ INTEGERS, BIT(DECIMAL), { "CAST({c} AS REAL)", "abs({c}) >= 1e{w}", NULL } },
	{ INTEGERS, LONG | TEXTS | BIT(JSON), { "CAST({c} AS TEXT)", NULL, NULL } },
	{ BIT(BOOLEAN), BIT(FLOAT) | BIT(DECIMAL), { "CAST({c} AS REAL)", NULL, NULL } },
	{ BIT(BOOLEAN), LONG, { "CAST({c} AS TEXT)", NULL, NULL } },
	{ BIT(BOOLEAN),
	  TEXTS | BIT(JSON),
	  { "CASE {c} WHEN 0 THEN 'false' WHEN 1 THEN 'true' END", NULL, NULL } },
	{ BIT(FLOAT) | BIT(DECIMAL),
	  INTEGERS,
	  { "CAST({c} AS INTEGER)", "CAST({c} AS INTEGER) <> {c}", NULL } },
	{ BIT(FLOAT) | BIT(DECIMAL),
	  BIT(BOOLEAN),
	  { "CAST({c} AS INTEGER)", "{c} NOT IN (0, 1)", NULL } },
	{ BIT(FLOAT) | BIT(DECIMAL), BIT(FLOAT), { "{c}", NULL, NULL } },
	{ BIT(FLOAT) | BIT(DECIMAL), BIT(DECIMAL), { "{c}", NOT_EXACT, NULL } },
	{ BIT(DECIMAL), TEXTS | BIT(JSON), { "CAST({c} AS TEXT)", NULL, NULL } },
	{ BIT(FLOAT), TEXTS | BIT(JSON), { "md_cast_text({c})", NULL, NULL } },
	{ BIT(FLOAT) | BIT(DECIMAL),
	  LONG,
	  { "CASE WHEN {c} IS NOT NULL THEN rtrim(rtrim(printf('%.{d}f', {c}), '0'), '.') END",
	    "round({c}, {s}) <> {c}", NULL } },
	{ LONG,
	  BIT(FLOAT),
	  { "CAST({c} AS REAL)", "length(ltrim(replace({c}, '.', ''), '-0')) > 15", NULL } },
	{ LONG,
	  BIT(DECIMAL),
	  { "CAST({c} AS REAL)",
	    "length(ltrim(replace({c}, '.', ''), '-0')) > 15 OR round(CAST({c} AS REAL), {s}) <> "
	    "CAST({c} AS REAL) OR abs(CAST({c} AS REAL)) >= 1e{w}",
	    NULL } },
	{ LONG, INTEGERS, { "CAST({t} AS INTEGER)", NOT_INTEGER, NULL } },
	{ LONG,
	  LONG,
	  { "{c}",
	    "(instr({c}, '.') > 0 AND length({c}) - instr({c}, '.') > {s}) OR "
	    "instr(ltrim({c}, '-0') || '.', '.') - 1 > {w}",
	    NULL } },
	{ LONG, TEXTS | BIT(JSON), { "{c}", NULL, NULL } },
	{ TEXTS, TEXTS | BIT(JSON) | BIT(ARRAY), { "{c}", NULL, NULL } },
	{ TEXTS, INTEGERS, { "CAST({t} AS INTEGER)", NOT_INTEGER, NULL } },
	{ TEXTS, BIT(FLOAT), { "CAST({t} AS REAL)", NOT_NUMBER, NULL } },
	{ TEXTS,
	  BIT(DECIMAL),
	  { "CAST({t} AS REAL)",
	    NOT_NUMBER " OR round(CAST({t} AS REAL), {s}) <> CAST({t} AS REAL) OR "
		       "abs(CAST({t} AS REAL)) >= 1e{w}",
	    NULL } },
	{ TEXTS, LONG, { "{t}", NOT_NUMBER " OR lower({t}) GLOB '*e*'", NULL } },
	{ TEXTS,
	  BIT(BOOLEAN),
	  { "lower({t}) IN (" TRUE_WORDS ")", "lower({t}) NOT IN (" TRUE_WORDS ", " FALSE_WORDS ")",
	    NULL } },
	{ TEXTS | STAMPS,
	  BIT(DATETIME),
	  { "CASE WHEN " IS_INSTANT " THEN {c} ELSE " AS_LOCAL " || '+00:00' END",
	    "NOT (" IS_INSTANT " OR " IS_LOCAL ")", NULL } },
	{ TEXTS | STAMPS,
	  BIT(DATETIME_LOCAL),
	  { "CASE WHEN " IS_INSTANT " THEN substr({c}, 1, 26) ELSE " AS_LOCAL " END",
	    "NOT (" IS_INSTANT " OR " IS_LOCAL ")", NULL } },
	{ TEXTS,
	  BIT(DATE),
	  { "{c}", "{c} NOT GLOB '" DATE "' OR date({c}, '+0 days') IS NOT {c}", NULL } },
	{ TEXTS,
	  BIT(TIME),
	  { "substr({c}, 1, 8) || '.' || substr(substr({c}, 10, 6) || '000000', 1, 6)",
	    "NOT (" IS_TIME ")", NULL } },
	{ STAMPS, BIT(DATE), { "substr({c}, 1, 10)", NULL, "the time of day" } },
	{ STAMPS, BIT(TIME), { "substr({c}, 12, 15)", NULL, "the date" } },
	{ BIT(DATE), BIT(DATETIME), { "{c} || 'T00:00:00.000000+00:00'", NULL, NULL } },
	{ BIT(DATE), BIT(DATETIME_LOCAL), { "{c} || 'T00:00:00.000000'", NULL, NULL } },
	{ TEXTS,
	  BIT(UUID),
	  { "lower({c})",
	    "{c} NOT GLOB '" HEX4 HEX4 "-" HEX4 "-" HEX4 "-" HEX4 "-" HEX4 HEX4 HEX4 "'", NULL } },
	{ TEXTS, BIT(BYTES), { "CAST({c} AS BLOB)", NULL, NULL } },
	{ STAMPS | BIT(DATE) | BIT(TIME) | BIT(UUID) | BIT(JSON) | BIT(ARRAY),
	  TEXTS,
	  { "{c}", NULL, NULL } },
	{ BIT(JSON) | BIT(ARRAY), BIT(JSON) | BIT(ARRAY), { "{c}", NULL, NULL } },
};

static unsigned bit_of(const struct md_def_field *field)
{
	if (md_ddl_is_long(&md_sqlite_ddl, field))
		return LONG;
	return 1u << field->type;
}

/* Narrower ones only are asked about. */
static bool is_wider(const struct md_def_field *before, const struct md_def_field *after)
{
	return before->type == MD_DEF_DECIMAL && after->type == MD_DEF_DECIMAL &&
	       after->scale >= before->scale &&
	       after->precision - after->scale >= before->precision - before->scale;
}

struct md_lite_cast md_lite_cast(const struct md_def_field *before,
				 const struct md_def_field *after)
{
	struct md_lite_cast cast = { NULL, NULL, NULL };
	unsigned from = bit_of(before), to = bit_of(after);

	if (before->type == after->type && before->type != MD_DEF_DECIMAL)
		return (struct md_lite_cast){ "{c}", NULL, NULL };
	for (size_t i = 0; !cast.expression && i < sizeof(casts) / sizeof(casts[0]); i++)
		if ((casts[i].from & from) && (casts[i].to & to))
			cast = casts[i].cast;
	if (cast.expression && is_wider(before, after))
		cast.bad = NULL;
	return cast;
}

void md_lite_put_cast(struct md_lite *lite, struct md_buf *sql, const char *template,
		      const struct md_def_field *before, const struct md_def_field *after,
		      const char *column)
{
	char scale[16], whole[16], digits[16];
	const struct md_ddl_slot slots[] = {
		{ 'c', column }, { 't', md_lite_printf(lite, "trim(%s)", column) },
		{ 's', scale },  { 'w', whole },
		{ 'd', digits }, { 0, NULL }
	};
	unsigned places = before->type == MD_DEF_DECIMAL ? before->scale : after->scale;

	snprintf(scale, sizeof(scale), "%u", after->scale);
	snprintf(whole, sizeof(whole), "%u", after->precision - after->scale);
	snprintf(digits, sizeof(digits), "%u", places > 0 ? places : 1);
	md_ddl_put_template(sql, template, slots);
}

const char *md_lite_type_name(enum md_def_type type)
{
	static const char *const names[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_NONE] = "a value",
		[MD_DEF_SMALLINT] = "a smallint",
		[MD_DEF_INTEGER] = "an integer",
		[MD_DEF_BIGINT] = "a bigint",
		[MD_DEF_FLOAT] = "a float",
		[MD_DEF_DECIMAL] = "a decimal",
		[MD_DEF_STRING] = "a string",
		[MD_DEF_TEXT] = "a text",
		[MD_DEF_BOOLEAN] = "a boolean",
		[MD_DEF_DATETIME] = "a datetime",
		[MD_DEF_DATETIME_LOCAL] = "a datetime_local",
		[MD_DEF_DATE] = "a date",
		[MD_DEF_TIME] = "a time",
		[MD_DEF_UUID] = "a uuid",
		[MD_DEF_JSON] = "json",
		[MD_DEF_BYTES] = "bytes",
		[MD_DEF_ENUM] = "an enum",
		[MD_DEF_ARRAY] = "an array",
	};

	return names[type];
}
