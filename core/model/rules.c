#include "core/model/rules.h"

#include <locale.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/decimal.h"
#include "core/base/moment.h"
#include "core/db/value.h"
#include "core/model/define_private.h"
#include "core/model/format.h"
#include "core/model/private.h"
#include "core/model/rules_private.h"

#include "core/base/banned.h"

/* Doubles hold whole numbers up to 2^53, and powers of ten up to 10^22, exactly. */
enum { EXACT_POWER = 22, BOUND_DIGITS = 18 };
#define EXACT_UNITS 9007199254740992.0

enum { RULES_MAX = 9, NUMBER_TEXT = 32, LIMITS_MAX = 4, LIMIT_TEXT = 512 };

/** One side of a range, in every form in which a value may have to be compared with it. */
struct limit {
	const struct md_def_value *given;
	const char *words; /* in a message, before the limit */
	int outside;       /* the value must not be on this side of it: -1, 1 */
	bool exclusive;
	bool whole;
	int64_t number;
	double real;
	const struct md_decimal *decimal;
	struct md_str kept; /* moments */
};

struct pattern {
	regex_t regex;
	locale_t characters; /* UTF-8, or 0: then bytes are characters */
};

typedef enum md_code (*rule_fn)(const struct md_rules *rules, const struct md_value *value,
				struct md_error *err);

struct md_rules {
	const struct md_def_field *def;
	const char *relation;
	rule_fn rules[RULES_MAX + 1]; /* NULL ends them */
	unsigned count;
	struct limit *limits;
	unsigned limit_count;
	const struct md_decimal *unit; /* multiple_of */
	int64_t whole_unit;            /* of whole numbers; 0: there is none */
	struct md_str *labels;         /* sorted */
	struct pattern *pattern;
	int64_t bound; /* decimals: 10^digits before the point, at most 10^18 */
	double power;  /* 10^scale */
};

static struct md_str text_of(const struct md_value *value)
{
	return (struct md_str){ value->text, value->len };
}

/* The number as a decimal; false: it is none of ours, but the engine's. */
static bool read_decimal(const struct md_value *value, struct md_decimal *decimal)
{
	char number[NUMBER_TEXT];
	struct md_str text = { number, 0 };

	switch (value->type) {
	case MD_INT:
		text.len = md_i64_to_text(value->i, number);
		break;
	case MD_REAL:
		/* 15 digits are what a client can have written exactly. */
		snprintf(number, sizeof(number), "%.15g", value->r);
		if (strtod(number, NULL) < value->r || strtod(number, NULL) > value->r)
			snprintf(number, sizeof(number), "%.17g", value->r);
		text = md_str_of(number);
		break;
	case MD_TEXT:
		text = text_of(value);
		break;
	case MD_NULL:
	case MD_BLOB:
		return false;
	}
	return md_decimal_read(text, decimal) == MD_DECIMAL_READ;
}

/* --- checks ------------------------------------------------------------------------------------
 */

/* A value that the database's CHECK would refuse as well: its words, and what exactly is asked. */
static enum md_code __attribute__((format(printf, 3, 4)))
fail_limit(const struct md_rules *rules, struct md_error *err, const char *fmt, ...)
{
	char text[LIMIT_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!rules->def->check_name || rules->def->enforce == MD_DEF_ENFORCE_API)
		return md_fail(err, MD_INVALID, "23514", "%s", text);
	md_fail(err, MD_INVALID, "23514",
		"new row for relation \"%s\" violates check constraint \"%s\"", rules->relation,
		rules->def->check_name);
	md_error_details(err, "%s", text);
	return MD_INVALID;
}

enum md_code md_rules_check_range(enum md_def_type type, int64_t number, struct md_error *err)
{
	static const struct {
		int64_t most;
		const char *name;
	} types[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_SMALLINT] = { INT16_MAX, "smallint" },
		[MD_DEF_INTEGER] = { INT32_MAX, "integer" },
	};

	if (!types[type].name || (number <= types[type].most && number >= -types[type].most - 1))
		return MD_OK;
	return md_fail(err, MD_INVALID, "22003", "value \"%lld\" is out of range for type %s",
		       (long long)number, types[type].name);
}

static enum md_code check_range(const struct md_rules *rules, const struct md_value *value,
				struct md_error *err)
{
	if (value->type != MD_INT)
		return MD_OK;
	return md_rules_check_range(rules->def->type, value->i, err);
}

/* Whether a number of the engine has its scale already and fits its precision, as most have: the
 * nearest double to n / 10^scale is what dividing the two gives. False: perhaps not. */
static bool is_scaled(const struct md_rules *rules, const struct md_value *value)
{
	double units;
	int64_t whole;

	if (value->type == MD_INT)
		return value->i < rules->bound && value->i > -rules->bound;
	if (value->type != MD_REAL || rules->def->scale > EXACT_POWER)
		return false;
	units = value->r * rules->power;
	if (!(units < EXACT_UNITS && units > -EXACT_UNITS) ||
	    !(value->r < (double)rules->bound && value->r > -(double)rules->bound))
		return false;
	whole = (int64_t)(units < 0 ? units - 0.5 : units + 0.5);
	units = (double)whole / rules->power;
	return units <= value->r && units >= value->r;
}

static enum md_code check_precision(const struct md_rules *rules, const struct md_value *value,
				    struct md_error *err)
{
	const struct md_def_field *def = rules->def;
	struct md_decimal decimal;

	if (is_scaled(rules, value) || !read_decimal(value, &decimal))
		return MD_OK;
	md_decimal_round(&decimal, def->scale);
	if (md_decimal_whole(&decimal) <= def->precision - def->scale)
		return MD_OK;
	md_fail(err, MD_INVALID, "22003", "numeric field overflow");
	md_error_details(err,
			 "A field with precision %u, scale %u must round to an absolute value less "
			 "than %s%u.",
			 def->precision, def->scale, def->precision > def->scale ? "10^" : "",
			 def->precision > def->scale ? def->precision - def->scale : 1);
	return MD_INVALID;
}

/* Characters of a text, bytes of a blob. */
static size_t length_of(const struct md_value *value)
{
	size_t length = 0;

	if (value->type == MD_BLOB)
		return value->len;
	for (uint32_t i = 0; i < value->len; i++)
		length += ((unsigned char)value->text[i] & 0xC0) != 0x80;
	return length;
}

static enum md_code check_length(const struct md_rules *rules, const struct md_value *value,
				 struct md_error *err)
{
	const struct md_def_field *def = rules->def;
	bool bytes = def->type == MD_DEF_BYTES;
	const char *unit = bytes ? "byte" : "character";

	if (value->type != (bytes ? MD_BLOB : MD_TEXT))
		return MD_OK;
	if (def->max_length > 0 && value->len > def->max_length &&
	    length_of(value) > def->max_length)
		return def->type == MD_DEF_STRING
			       ? md_fail(err, MD_INVALID, "22001",
					 "value too long for type character varying(%u)",
					 def->max_length)
			       : fail_limit(rules, err, "%s must have at most %u %s%s", def->name,
					    def->max_length, unit, def->max_length == 1 ? "" : "s");
	if (value->len < def->min_length || length_of(value) < def->min_length)
		return fail_limit(rules, err, "%s must have at least %u %s%s", def->name,
				  def->min_length, unit, def->min_length == 1 ? "" : "s");
	return MD_OK;
}

/* Whether a moment has the form of the limit: digits where it has digits, else the same. */
static bool is_kept(const struct limit *limit, const struct md_value *value)
{
	if (value->type != MD_TEXT || value->len != limit->kept.len)
		return false;
	for (uint32_t i = 0; i < value->len; i++) {
		char is = value->text[i], like = limit->kept.ptr[i];
		bool digit = is >= '0' && is <= '9';

		if (like >= '0' && like <= '9' ? !digit : is != like)
			return false;
	}
	return true;
}

/* -1, 0, 1. False: the two cannot be compared here. */
static bool compare(const struct limit *limit, const struct md_value *value, int *ret_order)
{
	struct md_decimal decimal;
	double real;

	if (limit->kept.ptr) {
		if (!is_kept(limit, value))
			return false;
		*ret_order = memcmp(value->text, limit->kept.ptr, value->len);
	} else if (value->type == MD_INT && limit->whole) {
		*ret_order = (value->i > limit->number) - (value->i < limit->number);
	} else if (value->type == MD_TEXT) {
		if (!read_decimal(value, &decimal))
			return false;
		*ret_order = md_decimal_compare(&decimal, limit->decimal);
	} else if (value->type == MD_INT || value->type == MD_REAL) {
		real = value->type == MD_INT ? (double)value->i : value->r;
		*ret_order = (real > limit->real) - (real < limit->real);
	} else {
		return false;
	}
	return true;
}

static enum md_code check_limits(const struct md_rules *rules, const struct md_value *value,
				 struct md_error *err)
{
	for (unsigned i = 0; i < rules->limit_count; i++) {
		const struct limit *limit = &rules->limits[i];
		int order = 0;

		if (!compare(limit, value, &order))
			continue;
		if (limit->outside < 0 ? order < 0 : order > 0)
			order = 1;
		else
			order = order == 0 && limit->exclusive;
		if (order)
			return fail_limit(rules, err, "%s must be %s %s", rules->def->name,
					  limit->words, limit->given->text);
	}
	return MD_OK;
}

static enum md_code check_multiple(const struct md_rules *rules, const struct md_value *value,
				   struct md_error *err)
{
	struct md_decimal decimal;

	if (value->type == MD_INT && rules->whole_unit > 0) {
		if (value->i % rules->whole_unit == 0)
			return MD_OK;
	} else if (!read_decimal(value, &decimal) ||
		   md_decimal_is_multiple(&decimal, rules->unit)) {
		return MD_OK;
	}
	return fail_limit(rules, err, "%s must be a multiple of %s", rules->def->name,
			  rules->def->multiple_of.text);
}

static int compare_texts(const void *a, const void *b)
{
	return md_str_compare(*(const struct md_str *)a, *(const struct md_str *)b);
}

static enum md_code check_label(const struct md_rules *rules, const struct md_value *value,
				struct md_error *err)
{
	struct md_str text = text_of(value);

	if (value->type != MD_TEXT ||
	    bsearch(&text, rules->labels, rules->def->labels.count, sizeof(text), compare_texts))
		return MD_OK;
	return md_fail(err, MD_INVALID, "22P02", "invalid input value for enum %s: \"%.*s\"",
		       rules->def->enum_name ? rules->def->enum_name : rules->def->name,
		       MD_STR_ARG(md_name_shown(text)));
}

static enum md_code check_elements(const struct md_rules *rules, const struct md_value *value,
				   struct md_error *err)
{
	if (value->type != MD_TEXT)
		return MD_OK;
	return md_rules_check_array(rules->def->items, text_of(value), err);
}

static enum md_code check_format(const struct md_rules *rules, const struct md_value *value,
				 struct md_error *err)
{
	if (value->type != MD_TEXT || md_format_fits(rules->def->format, text_of(value)))
		return MD_OK;
	return md_fail(err, MD_INVALID, "22P02", "invalid input syntax for type %s: \"%.*s\"",
		       md_def_word_of(md_def_formats, rules->def->format),
		       MD_STR_ARG(md_name_shown(text_of(value))));
}

/* ASan's regexec wants a NUL behind the text, whatever REG_STARTEND says. */
#if defined(__SANITIZE_ADDRESS__)
#define WANTS_NUL 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WANTS_NUL 1
#endif
#endif
#ifdef WANTS_NUL
static int match_range(const regex_t *regex, struct md_str text, regmatch_t *range)
{
	char *copy = strndup(text.ptr, text.len);
	int rc = copy ? regexec(regex, copy, 0, range, REG_STARTEND) : REG_ESPACE;

	free(copy);
	return rc;
}
#else
static int match_range(const regex_t *regex, struct md_str text, regmatch_t *range)
{
	return regexec(regex, text.ptr, 0, range, REG_STARTEND);
}
#endif

/* The C library takes the locale of the thread at every match. */
static int match(const struct pattern *pattern, struct md_str text)
{
	regmatch_t range = { .rm_so = 0, .rm_eo = (regoff_t)text.len };
	locale_t before = pattern->characters ? uselocale(pattern->characters) : (locale_t)0;
	int rc = match_range(&pattern->regex, text, &range);

	if (before)
		uselocale(before);
	return rc;
}

static enum md_code check_pattern(const struct md_rules *rules, const struct md_value *value,
				  struct md_error *err)
{
	int rc = value->type == MD_TEXT ? match(rules->pattern, text_of(value)) : 0;

	if (rc == REG_ESPACE)
		return md_fail_nomem(err);
	if (rc == 0)
		return MD_OK;
	return md_fail(err, MD_INVALID, "23514", "%s must match the pattern %s", rules->def->name,
		       rules->def->pattern);
}

enum md_code md_rules_check(const struct md_rules *rules, const struct md_value *value,
			    struct md_error *err)
{
	enum md_code code = MD_OK;

	if (!rules || value->type == MD_NULL)
		return MD_OK;
	for (unsigned i = 0; rules->rules[i] && code == MD_OK; i++)
		code = rules->rules[i](rules, value, err);
	return code;
}

/* --- scale -------------------------------------------------------------------------------------
 */

enum md_code md_rules_fit(const struct md_rules *rules, struct md_arena *arena,
			  struct md_value *value, struct md_error *err)
{
	struct md_decimal decimal;
	char text[MD_DECIMAL_MAX + 1];
	struct md_str copy;
	bool changed;

	if (!rules || rules->def->type != MD_DEF_DECIMAL || value->type == MD_INT ||
	    is_scaled(rules, value) || !read_decimal(value, &decimal))
		return MD_OK;
	changed = md_decimal_round(&decimal, rules->def->scale);
	if ((!changed && value->type == MD_REAL) ||
	    md_decimal_whole(&decimal) > rules->def->precision - rules->def->scale)
		return MD_OK; /* what is too large is told by the check */
	copy = (struct md_str){ text, md_decimal_write(&decimal, text) };
	if (value->type == MD_REAL) {
		text[copy.len] = '\0';
		*value = md_value_real(strtod(text, NULL));
		return MD_OK;
	}
	copy = md_arena_str(arena, copy);
	if (!copy.ptr)
		return md_fail_nomem(err);
	*value = md_value_text(copy);
	return MD_OK;
}

/* --- compiling ---------------------------------------------------------------------------------
 */

static void add(struct md_rules *rules, bool asked, rule_fn rule)
{
	if (asked)
		rules->rules[rules->count++] = rule;
}

static const struct md_decimal *keep_decimal(struct md_arena *arena, const char *text)
{
	struct md_decimal *decimal = md_arena_zalloc(arena, sizeof(*decimal));

	if (decimal)
		md_decimal_read(md_str_of(text), decimal);
	return decimal;
}

static bool is_given(const struct md_def_value *value)
{
	return value->kind == MD_DEF_NUMBER || value->kind == MD_DEF_TEXTUAL;
}

static bool set_limit(struct md_arena *arena, enum md_def_type type, struct limit *limit)
{
	const char *text = limit->given->text;
	char kept[MD_MOMENT_ROOM];
	struct md_moment moment;

	limit->whole = md_str_to_i64(md_str_of(text), &limit->number);
	if (md_def_is_integer(type) || type == MD_DEF_FLOAT || type == MD_DEF_DECIMAL) {
		md_str_to_double(md_str_of(text), &limit->real);
		limit->decimal = keep_decimal(arena, text);
		return limit->decimal != NULL;
	}
	md_moment_read(md_str_of(text), &moment); /* it is one: the loader has seen to it */
	limit->kept.ptr = kept;
	limit->kept.len = md_moment_keep(&moment, md_def_moment(type), kept);
	limit->kept = md_arena_str(arena, limit->kept);
	return limit->kept.ptr != NULL;
}

static bool set_limits(struct md_arena *arena, struct md_rules *rules)
{
	const struct md_def_field *def = rules->def;
	const struct limit all[LIMITS_MAX] = {
		{ .given = &def->min, .words = "at least", .outside = -1 },
		{ .given = &def->max, .words = "at most", .outside = 1 },
		{ .given = &def->exclusive_min,
		  .words = "more than",
		  .outside = -1,
		  .exclusive = true },
		{ .given = &def->exclusive_max,
		  .words = "less than",
		  .outside = 1,
		  .exclusive = true },
	};

	rules->limits = md_arena_zalloc(arena, sizeof(all));
	for (unsigned i = 0; i < LIMITS_MAX && rules->limits; i++) {
		if (!is_given(all[i].given))
			continue;
		rules->limits[rules->limit_count] = all[i];
		if (!set_limit(arena, def->type, &rules->limits[rules->limit_count++]))
			return false;
	}
	return rules->limits != NULL;
}

static bool set_unit(struct md_arena *arena, struct md_rules *rules)
{
	const struct md_def_value *unit = &rules->def->multiple_of;

	if (unit->kind != MD_DEF_NUMBER)
		return true;
	if (md_str_to_i64(md_str_of(unit->text), &rules->whole_unit) && rules->whole_unit < 0)
		rules->whole_unit = rules->whole_unit > INT64_MIN ? -rules->whole_unit : 0;
	rules->unit = keep_decimal(arena, unit->text);
	return rules->unit != NULL;
}

static bool set_labels(struct md_arena *arena, struct md_rules *rules)
{
	const struct md_def_names *labels = &rules->def->labels;

	if (rules->def->type != MD_DEF_ENUM)
		return true;
	rules->labels = md_arena_alloc(arena, labels->count * sizeof(*rules->labels));
	if (!rules->labels)
		return false;
	for (unsigned i = 0; i < labels->count; i++)
		rules->labels[i] = md_str_of(labels->items[i]);
	qsort(rules->labels, labels->count, sizeof(*rules->labels), compare_texts);
	return true;
}

/* The reader of definitions has seen to it that the pattern is one, and that it is not too much. */
static bool set_pattern(struct md_arena *arena, struct md_rules *rules)
{
	struct pattern *pattern;
	locale_t before = (locale_t)0;
	char *whole;
	int rc;

	if (!rules->def->pattern)
		return true;
	pattern = md_arena_zalloc(arena, sizeof(*pattern));
	whole = md_arena_printf(arena, "^(%s)$", rules->def->pattern);
	if (!pattern || !whole)
		return false;
	pattern->characters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (pattern->characters)
		before = uselocale(pattern->characters);
	rc = regcomp(&pattern->regex, whole, REG_EXTENDED | REG_NOSUB);
	if (before)
		uselocale(before);
	if (rc == 0)
		rules->pattern = pattern;
	else if (pattern->characters)
		freelocale(pattern->characters);
	return rc == 0;
}

static void set_precision(struct md_rules *rules)
{
	const struct md_def_field *def = rules->def;

	rules->bound = 1;
	rules->power = 1;
	for (unsigned i = def->scale; i < def->precision && i < def->scale + BOUND_DIGITS; i++)
		rules->bound *= 10;
	for (unsigned i = 0; i < def->scale; i++)
		rules->power *= 10;
}

/* In this order: what a value is, before what it must be. */
static void add_rules(struct md_rules *rules)
{
	const struct md_def_field *def = rules->def;
	bool limits = def->enforce != MD_DEF_ENFORCE_DATABASE;
	bool lengths = def->max_length > 0 || def->min_length > 0;

	add(rules, def->type == MD_DEF_SMALLINT || def->type == MD_DEF_INTEGER, check_range);
	add(rules, def->type == MD_DEF_DECIMAL, check_precision);
	add(rules, def->type == MD_DEF_ENUM, check_label);
	add(rules, def->type == MD_DEF_ARRAY, check_elements);
	add(rules, limits && lengths && def->type != MD_DEF_ENUM, check_length);
	add(rules, limits && rules->limit_count > 0, check_limits);
	add(rules, limits && rules->unit && rules->unit->count > 0, check_multiple);
	add(rules, def->format != MD_DEF_FORMAT_NONE, check_format);
	add(rules, def->pattern != NULL, check_pattern);
}

enum md_code md_rules_new(struct md_arena *arena, const char *relation,
			  const struct md_def_field *field, const struct md_rules **ret_rules,
			  struct md_error *err)
{
	struct md_rules *rules = md_arena_zalloc(arena, sizeof(*rules));

	if (!rules)
		return md_fail_nomem(err);
	rules->def = field;
	rules->relation = relation;
	set_precision(rules);
	if (!set_limits(arena, rules) || !set_unit(arena, rules) || !set_labels(arena, rules) ||
	    !set_pattern(arena, rules))
		return md_fail_nomem(err);
	add_rules(rules);
	if (rules->count == 0) {
		md_rules_free(rules);
		rules = NULL;
	}
	*ret_rules = rules;
	return MD_OK;
}

void md_rules_free(const struct md_rules *rules)
{
	if (!rules || !rules->pattern)
		return;
	regfree(&rules->pattern->regex);
	if (rules->pattern->characters)
		freelocale(rules->pattern->characters);
}
