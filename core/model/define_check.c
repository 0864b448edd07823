/* Whether the settings of a field go together, and its values fit its type. */
#include "core/base/decimal.h"
#include "core/base/moment.h"
#include "core/db/value.h"
#include "core/model/define_private.h"
#include "core/model/rules.h"

#include "core/base/banned.h"

#define BIT(type) (1u << MD_DEF_##type)
enum {
	INTEGERS = BIT(SMALLINT) | BIT(INTEGER) | BIT(BIGINT),
	NUMBERS = INTEGERS | BIT(FLOAT) | BIT(DECIMAL),
	TEXTS = BIT(STRING) | BIT(TEXT),
	MOMENTS = BIT(DATETIME) | BIT(DATETIME_LOCAL) | BIT(DATE) | BIT(TIME),
	ALL = ~0
};

struct check {
	struct md_def_resolver *resolver;
	struct md_def_loader *loader;
	const struct md_def_field *field;
	const char *type;
	unsigned errors; /* before this field */
};

static void report(const struct check *check, enum md_def_code code, const char *text)
{
	md_def_report_at(check->loader, &check->field->place, code, "%s", text);
}

/* --- which settings a type has -----------------------------------------------------------------
 */

static void does_not_apply(const struct check *check, bool given, const char *setting,
			   unsigned types)
{
	if (given && !(types & 1u << check->field->type))
		md_def_report_at(check->loader, &check->field->place, MD_DEF_M112,
				 "%s does not go with type %s", setting, check->type);
}

static void check_settings(const struct check *check)
{
	const struct md_def_field *field = check->field;
	bool own = field->typed; /* a reference takes some over from its target */

	does_not_apply(check, field->max_length > 0 && own, "max_length", TEXTS | BIT(BYTES));
	does_not_apply(check, field->min_length > 0, "min_length", TEXTS | BIT(BYTES));
	does_not_apply(check, field->min.kind, "min", NUMBERS | MOMENTS);
	does_not_apply(check, field->max.kind, "max", NUMBERS | MOMENTS);
	does_not_apply(check, field->exclusive_min.kind, "exclusive_min", NUMBERS | MOMENTS);
	does_not_apply(check, field->exclusive_max.kind, "exclusive_max", NUMBERS | MOMENTS);
	does_not_apply(check, field->multiple_of.kind, "multiple_of", NUMBERS);
	does_not_apply(check, field->pattern, "pattern", TEXTS);
	does_not_apply(check, field->format, "format", TEXTS);
	does_not_apply(check, field->collate && own, "collate", TEXTS);
	does_not_apply(check, field->precision > 0 && own, "precision", BIT(DECIMAL));
	does_not_apply(check, field->scale > 0 && own, "scale", BIT(DECIMAL));
	does_not_apply(check, field->items && own, "items", BIT(ARRAY));
	does_not_apply(check, field->json_number && own, "json_number", INTEGERS | BIT(DECIMAL));
	does_not_apply(check, field->on_update_now, "on update now()",
		       BIT(DATETIME) | BIT(DATETIME_LOCAL));
	does_not_apply(check, field->unique, "unique", (unsigned)ALL & ~(BIT(JSON) | BIT(ARRAY)));
	does_not_apply(check, field->primary_key, "the primary key",
		       (unsigned)ALL & ~(BIT(JSON) | BIT(ARRAY)));
}

/* --- what contradicts itself -------------------------------------------------------------------
 */

static bool has_default(const struct md_def_field *field)
{
	return field->value.literal.kind || field->value.fn ||
	       md_def_sql_is_given(&field->value.sql);
}

/* The form in which texts of moments sort. False: it is none, which is told elsewhere. */
static bool sortable(const struct check *check, const struct md_def_value *value, char *out)
{
	const struct md_def_field *field = check->field;
	unsigned parts = md_def_moment(field->type);
	struct md_moment moment;

	if (value->kind != MD_DEF_TEXTUAL || md_def_misfit(check->loader, field, value) ||
	    md_moment_read(md_str_of(value->text), &moment) != MD_MOMENT_READ ||
	    !md_moment_is_kept_as(&moment, parts))
		return false;
	out[md_moment_keep(&moment, parts, out)] = '\0';
	return true;
}

/* No value is between the two. `apart`: nor may they be equal. */
static bool is_above(const struct check *check, const struct md_def_value *low,
		     const struct md_def_value *high, bool apart)
{
	const struct md_def_field *field = check->field;
	char a[MD_MOMENT_ROOM], b[MD_MOMENT_ROOM];
	struct md_decimal from, to;
	int order;

	if (MOMENTS & 1u << field->type) {
		if (!sortable(check, low, a) || !sortable(check, high, b))
			return false;
		order = strcmp(a, b);
	} else {
		if (!(NUMBERS & 1u << field->type) || !low->kind || !high->kind ||
		    md_decimal_read(md_str_of(low->text), &from) != MD_DECIMAL_READ ||
		    md_decimal_read(md_str_of(high->text), &to) != MD_DECIMAL_READ)
			return false;
		order = md_decimal_compare(&from, &to);
	}
	return apart ? order >= 0 : order > 0;
}

static void check_range(const struct check *check)
{
	const struct md_def_field *field = check->field;

	if (is_above(check, &field->min, &field->max, false) ||
	    is_above(check, &field->exclusive_min, &field->exclusive_max, true) ||
	    is_above(check, &field->min, &field->exclusive_max, true) ||
	    is_above(check, &field->exclusive_min, &field->max, true))
		report(check, MD_DEF_M112, "no value is between the minimum and the maximum");
}

static void check_sense(const struct check *check)
{
	const struct md_def_field *field = check->field;
	double step;

	if (field->is_generated && (has_default(field) || field->on_update_now))
		report(check, MD_DEF_M112, "a generated value has no default");
	if (field->is_generated && field->auto_increment == MD_DEF_YES)
		report(check, MD_DEF_M112, "a generated value does not count by itself");
	if (field->readonly && field->writeonly)
		report(check, MD_DEF_M112, "readonly and writeonly exclude each other");
	if (field->readonly && field->required) {
		report(check, MD_DEF_M112, "readonly and required: nobody can give the value");
		md_def_hint(check->loader, "add a default, or \"?\"");
	}
	if (field->max_length > 0 && field->min_length > field->max_length)
		report(check, MD_DEF_M112, "min_length is more than max_length");
	if (field->type == MD_DEF_DECIMAL && field->scale > field->precision)
		md_def_report_at(check->loader, &field->place, MD_DEF_M122,
				 "a scale of %u is more than the precision of %u", field->scale,
				 field->precision);
	if (field->multiple_of.kind == MD_DEF_NUMBER &&
	    (!md_str_to_double(md_str_of(field->multiple_of.text), &step) || step <= 0))
		report(check, MD_DEF_M106, "multiple_of must be more than 0");
}

static void check_pattern(const struct check *check)
{
	const char *problem = check->field->pattern
				      ? md_def_bad_pattern(check->loader, check->field->pattern)
				      : NULL;

	if (problem)
		md_def_report_at(check->loader, &check->field->place, MD_DEF_M131,
				 "bad pattern: %s", problem);
}

/* --- values ------------------------------------------------------------------------------------
 */

static void hint_label(const struct check *check, const char *text)
{
	struct md_def_guess guess;

	md_def_guess_init(&guess, md_str_of(text));
	for (unsigned i = 0; i < check->field->labels.count; i++)
		md_def_guess_offer(&guess, check->field->labels.items[i]);
	md_def_guess_hint(check->loader, &guess);
}

static size_t keep(const struct md_def_field *field, const struct md_def_value *given, char *kept)
{
	struct md_moment moment;

	md_moment_read(md_str_of(given->text), &moment); /* it is one: check_value() has seen it */
	return md_moment_keep(&moment, md_def_moment(field->type), kept);
}

/* The value as requests give it; false: what is asked of fields says nothing about it. */
static bool as_given(const struct md_def_field *field, const struct md_def_value *given, char *kept,
		     struct md_value *ret_value)
{
	double real;
	int64_t whole;

	if (given->kind != MD_DEF_NUMBER && given->kind != MD_DEF_TEXTUAL &&
	    given->kind != MD_DEF_TREE)
		return false;
	*ret_value = md_value_text(md_str_of(given->text));
	if (INTEGERS & 1u << field->type && md_str_to_i64(md_str_of(given->text), &whole))
		*ret_value = md_value_int(whole);
	else if (field->type == MD_DEF_FLOAT && md_str_to_double(md_str_of(given->text), &real))
		*ret_value = md_value_real(real);
	else if (MOMENTS & 1u << field->type)
		*ret_value = md_value_text((struct md_str){ kept, keep(field, given, kept) });
	return true;
}

/* What is asked of values that requests give is asked of those of the file, too: a default that is
 * refused would make every request fail that relies on it. */
static void check_rules(const struct check *check, const char *what,
			const struct md_def_value *given)
{
	const struct md_rules *rules = NULL;
	struct md_error error = { 0 };
	struct md_value value;
	char kept[MD_MOMENT_ROOM];
	enum md_code code;

	if (!as_given(check->field, given, kept, &value))
		return;
	code = md_rules_new(check->loader->arena, "", check->field, &rules, &error);
	if (code == MD_OK)
		code = md_rules_check(rules, &value, &error);
	if (code == MD_NOMEM)
		check->loader->failed = true;
	else if (code != MD_OK)
		md_def_report_at(check->loader, &check->field->place, MD_DEF_M130,
				 "%s %s is refused: %s", what, given->text,
				 *error.details ? error.details : error.message);
	md_rules_free(rules);
}

static void check_value(const struct check *check, const char *what,
			const struct md_def_value *value, bool may_be_null)
{
	const char *expected;
	const char *quote = value->kind == MD_DEF_TEXTUAL ? "\"" : "";

	if (value->kind == MD_DEF_NO_VALUE || (value->kind == MD_DEF_NULL && may_be_null))
		return;
	if (value->kind == MD_DEF_NULL && check->field->type != MD_DEF_JSON) {
		md_def_report_at(check->loader, &check->field->place, MD_DEF_M130,
				 "%s is null, but the field cannot be", what);
		return;
	}
	expected = md_def_misfit(check->loader, check->field, value);
	if (!expected)
		return;
	md_def_report_at(check->loader, &check->field->place, MD_DEF_M130,
			 "%s %s%s%s does not fit %s: expected %s", what, quote, value->text, quote,
			 check->type, expected);
	if (check->field->type == MD_DEF_ENUM)
		hint_label(check, value->text);
}

/* Limits have the type's own kind of value, without its length. */
static void check_limit(const struct check *check, const char *what,
			const struct md_def_value *value)
{
	if (value->kind == MD_DEF_NULL)
		md_def_report_at(check->loader, &check->field->place, MD_DEF_M130,
				 "%s cannot be null", what);
	else if ((NUMBERS | MOMENTS) & 1u << check->field->type)
		check_value(check, what, value, false);
}

static void check_fn(const struct check *check, const char *what, enum md_def_fn fn)
{
	static const unsigned fits[] = {
		[MD_DEF_FN_NONE] = (unsigned)ALL,
		[MD_DEF_NOW] = BIT(DATETIME) | BIT(DATETIME_LOCAL),
		[MD_DEF_TODAY] = BIT(DATE),
		[MD_DEF_UUID4] = BIT(UUID) | TEXTS,
		[MD_DEF_UUID7] = BIT(UUID) | TEXTS,
		[MD_DEF_RANDOM_HEX] = TEXTS,
		[MD_DEF_AUTH] = TEXTS | INTEGERS | BIT(UUID),
	};
	static const unsigned lengths[] = { [MD_DEF_UUID4] = 36,
					    [MD_DEF_UUID7] = 36,
					    [MD_DEF_RANDOM_HEX] = 32,
					    [MD_DEF_AUTH] = 0 };
	const struct md_def_field *field = check->field;

	if (!(fits[fn] & 1u << check->field->type))
		md_def_report_at(check->loader, &check->field->place, MD_DEF_M130,
				 "%s %s() does not fit %s", what, md_def_word_of(md_def_fns, fn),
				 check->type);
	else if (TEXTS & 1u << field->type && lengths[fn] > 0 &&
		 ((field->max_length > 0 && field->max_length < lengths[fn]) ||
		  field->min_length > lengths[fn]))
		md_def_report_at(check->loader, &field->place, MD_DEF_M130,
				 "%s %s() does not fit: it has %u characters", what,
				 md_def_word_of(md_def_fns, fn), lengths[fn]);
}

static void check_values(const struct check *check)
{
	const struct md_def_field *field = check->field;

	check_value(check, "the default", &field->value.literal, field->nullable);
	check_fn(check, "the default", field->value.fn);
	check_value(check, "backfill", &field->backfill.literal, field->nullable);
	check_fn(check, "backfill", field->backfill.fn);
	check_value(check, "the example", &field->example, field->nullable);
	check_limit(check, "min", &field->min);
	check_limit(check, "max", &field->max);
	check_limit(check, "exclusive_min", &field->exclusive_min);
	check_limit(check, "exclusive_max", &field->exclusive_max);
	if (field->multiple_of.kind && field->multiple_of.kind != MD_DEF_NUMBER)
		report(check, MD_DEF_M130, "multiple_of is not a number");
	if (check->loader->report->errors > check->errors)
		return; /* the rules themselves may be wrong */
	check_rules(check, "the default", &field->value.literal);
	check_rules(check, "backfill", &field->backfill.literal);
	check_rules(check, "the example", &field->example);
}

static void check_field(struct md_def_resolver *resolver, const struct md_def_field *field)
{
	struct check check = { resolver, resolver->loader, field,
			       md_def_word_of(md_def_types, field->type),
			       resolver->loader->report->errors };

	if (field->broken || field->type == MD_DEF_NONE)
		return;
	check_settings(&check);
	check_sense(&check);
	check_range(&check);
	check_pattern(&check);
	check_values(&check);
}

void md_def_check_fields(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++)
		for (unsigned k = 0; k < resolver->models[i].field_count; k++)
			check_field(resolver, &resolver->slots[i].fields[k]);
}
