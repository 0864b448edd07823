/* Fields and relations as shorthand, where it can say them. */
#include <stdio.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

static void put_string(const char *text, struct md_buf *out)
{
	md_buf_putc(out, '\'');
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\'' || *p == '\\')
			md_buf_putc(out, '\\');
		md_buf_putc(out, *p);
	}
	md_buf_putc(out, '\'');
}

/* A label that needs no quotes. */
static bool is_bare(const char *label)
{
	return md_def_is_name(md_str_of(label)) && strcmp(label, "true") != 0 &&
	       strcmp(label, "false") != 0 && strcmp(label, "null") != 0;
}

static void put_label(const char *label, struct md_buf *out)
{
	if (is_bare(label))
		md_buf_puts(out, label);
	else
		put_string(label, out);
}

static void put_enum(const struct md_def_field *field, struct md_buf *out)
{
	if (field->enum_name) {
		md_buf_puts(out, field->enum_name);
		return;
	}
	md_buf_puts(out, "enum(");
	for (unsigned i = 0; i < field->labels.count; i++) {
		md_buf_puts(out, i > 0 ? ", " : "");
		put_label(field->labels.items[i], out);
	}
	md_buf_putc(out, ')');
}

static void put_type(const struct md_def_field *field, struct md_buf *out)
{
	const struct md_def_reference *reference = field->reference;

	if (reference && reference->field)
		md_buf_printf(out, "-> %s.%s", reference->model, reference->field);
	else if (reference)
		md_buf_printf(out, "-> %s", reference->model);
	else if (field->type == MD_DEF_ENUM)
		put_enum(field, out);
	else
		md_buf_puts(out, md_def_word_of(md_def_types, field->type));
	if (reference)
		return;
	if (field->type == MD_DEF_STRING && field->max_length > 0)
		md_buf_printf(out, "(%u)", field->max_length);
	if (field->type == MD_DEF_DECIMAL && field->scale > 0)
		md_buf_printf(out, "(%u, %u)", field->precision, field->scale);
	else if (field->type == MD_DEF_DECIMAL)
		md_buf_printf(out, "(%u)", field->precision);
	if (field->type == MD_DEF_ARRAY)
		md_buf_printf(out, "(%s)", md_def_word_of(md_def_types, field->items));
}

static void put_value(const char *modifier, const struct md_def_value *value, struct md_buf *out)
{
	if (value->kind == MD_DEF_NO_VALUE)
		return;
	md_buf_printf(out, " %s(", modifier);
	if (value->kind == MD_DEF_TEXTUAL)
		put_string(value->text, out);
	else
		md_buf_puts(out, value->text);
	md_buf_putc(out, ')');
}

static void put_default(const struct md_def_field *field, struct md_buf *out)
{
	const struct md_def_value *literal = &field->value.literal;

	if (field->value.fn)
		md_buf_printf(out, " = %s()", md_def_word_of(md_def_fns, field->value.fn));
	if (literal->kind == MD_DEF_NO_VALUE)
		return;
	md_buf_puts(out, " = ");
	if (literal->kind == MD_DEF_TEXTUAL && field->type == MD_DEF_ENUM)
		put_label(literal->text, out);
	else if (literal->kind == MD_DEF_TEXTUAL)
		put_string(literal->text, out);
	else
		md_buf_puts(out, literal->text);
}

static void put_actions(const struct md_def_field *field, struct md_buf *out)
{
	const struct md_def_reference *reference = field->reference;

	if (reference && reference->on_delete)
		md_buf_printf(out, " on delete %s",
			      md_def_word_of(md_def_actions, reference->on_delete));
	if (reference && reference->on_update)
		md_buf_printf(out, " on update %s",
			      md_def_word_of(md_def_actions, reference->on_update));
	if (field->on_update_now)
		md_buf_puts(out, " on update now()");
}

static void put_flags(const struct md_def_field *field, struct md_buf *out)
{
	md_buf_puts(out, field->nullable ? "?" : "");
	md_buf_puts(out, field->primary_key ? " pk" : "");
	md_buf_puts(out, field->unique ? " unique" : "");
	md_buf_puts(out, field->index == MD_DEF_YES ? " index" : "");
}

static void put_limits(const struct md_def_field *field, struct md_buf *out)
{
	put_value("min", &field->min, out);
	put_value("max", &field->max, out);
	put_value("exclusive_min", &field->exclusive_min, out);
	put_value("exclusive_max", &field->exclusive_max, out);
	put_value("multiple_of", &field->multiple_of, out);
	if (field->min_length > 0)
		md_buf_printf(out, " min_length(%u)", field->min_length);
	if (field->max_length > 0 && (field->type != MD_DEF_STRING || field->reference))
		md_buf_printf(out, " max_length(%u)", field->max_length);
	if (field->pattern) {
		md_buf_puts(out, " pattern(");
		put_string(field->pattern, out);
		md_buf_putc(out, ')');
	}
	if (field->format)
		md_buf_printf(out, " format(%s)", md_def_word_of(md_def_formats, field->format));
	if (field->collate)
		md_buf_printf(out, " collate(%s)", md_def_word_of(md_def_collates, field->collate));
}

static bool is_plain(const struct md_def_value *value)
{
	return value->kind == MD_DEF_NO_VALUE || value->kind == MD_DEF_NUMBER ||
	       value->kind == MD_DEF_TEXTUAL;
}

static bool reference_is_short(const struct md_def_field *field)
{
	const struct md_def_reference *reference = field->reference;

	if (!reference)
		return true;
	return !field->typed && !reference->name && !reference->deferrable &&
	       md_def_is_name(md_str_of(reference->model)) &&
	       (!reference->field || md_def_is_name(md_str_of(reference->field)));
}

static bool type_is_short(const struct md_def_field *field)
{
	const char *name = field->enum_name;
	unsigned type;

	if (name && (name[0] < 'A' || name[0] > 'Z' ||
		     md_def_word_find(md_def_types, md_str_of(name), &type)))
		return false;
	return field->reference || field->type != MD_DEF_NONE;
}

static bool limits_are_short(const struct md_def_field *field)
{
	return is_plain(&field->min) && is_plain(&field->max) && is_plain(&field->exclusive_min) &&
	       is_plain(&field->exclusive_max) && is_plain(&field->multiple_of);
}

/* What only an object can say. */
static bool needs_object(const struct md_def_field *field)
{
	const char *const texts[] = { field->title, field->description, field->column };
	const struct md_def_sql *const sqls[] = { &field->check, &field->sql_type,
						  &field->value.sql, &field->generated,
						  &field->backfill.sql };

	for (size_t i = 0; i < MD_DEF_LENGTH(texts); i++)
		if (texts[i])
			return true;
	for (size_t i = 0; i < MD_DEF_LENGTH(sqls); i++)
		if (md_def_sql_is_given(sqls[i]))
			return true;
	return field->auto_increment || field->index == MD_DEF_NO || field->stored ||
	       field->enforce || field->json_number || field->writeonly || field->example.kind ||
	       field->backfill.literal.kind || field->backfill.fn ||
	       field->value.literal.kind == MD_DEF_TREE;
}

/* Take back what is written behind `before`. */
static bool is_too_long(struct md_buf *out, size_t before)
{
	if (out->failed || out->len - before <= MD_DEF_SHORTHAND)
		return false;
	out->len = before;
	return true;
}

bool md_def_shorten_field(const struct md_def_field *field, struct md_buf *out)
{
	size_t before = out->len;

	if (needs_object(field) || !reference_is_short(field) || !type_is_short(field) ||
	    !limits_are_short(field) ||
	    (field->renamed_from && !md_def_is_name(md_str_of(field->renamed_from))))
		return false;
	put_type(field, out);
	put_flags(field, out);
	put_default(field, out);
	put_actions(field, out);
	put_limits(field, out);
	md_buf_puts(out, field->hidden ? " hidden" : "");
	md_buf_puts(out, field->readonly ? " readonly" : "");
	md_buf_puts(out, field->immutable ? " immutable" : "");
	if (field->renamed_from)
		md_buf_printf(out, " was(%s)", field->renamed_from);
	return !is_too_long(out, before);
}

bool md_def_shorten_relation(const struct md_def_relation *relation, struct md_buf *out)
{
	static const char *const suffixes[] = { "", "?", "[]" };

	if (relation->secondary || relation->via.count > 1 || relation->local.count > 0 ||
	    relation->remote.count > 0 || relation->order_by.count > 0 || relation->always ||
	    relation->cascade_delete || relation->description)
		return false;
	md_buf_printf(out, "%s%s", relation->model, suffixes[relation->uselist]);
	if (relation->via.count == 1)
		md_buf_printf(out, " via %s", relation->via.items[0]);
	if (relation->back_populates)
		md_buf_printf(out, " <-> %s", relation->back_populates);
	return true;
}
