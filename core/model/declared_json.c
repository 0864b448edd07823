/* What definitions add to the document of /-/models. */
#include "core/model/define_private.h"
#include "core/model/registry_json.h"

#include "core/base/banned.h"

static int put(json_t *json, const char *key, const char *text)
{
	return text ? json_object_set_new(json, key, md_json_text(md_str_of(text))) : 0;
}

static int put_flag(json_t *json, const char *key, bool is_set)
{
	return is_set ? json_object_set_new(json, key, json_true()) : 0;
}

static int put_size(json_t *json, const char *key, unsigned size)
{
	return size > 0 ? json_object_set_new(json, key, json_integer(size)) : 0;
}

/* Numbers and documents stand in the file as JSON. What jansson cannot hold is told as text. */
static json_t *value_json(const struct md_def_value *value)
{
	json_t *json = NULL;

	switch (value->kind) {
	case MD_DEF_NO_VALUE:
	case MD_DEF_NULL:
		return json_null();
	case MD_DEF_BOOL:
		return json_boolean(strcmp(value->text, "true") == 0);
	case MD_DEF_NUMBER:
	case MD_DEF_TREE:
		json = json_loads(value->text, JSON_DECODE_ANY, NULL);
		break;
	case MD_DEF_TEXTUAL:
		break;
	}
	return json ? json : md_json_text(md_str_of(value->text));
}

static int put_value(json_t *json, const char *key, const struct md_def_value *value)
{
	return value->kind != MD_DEF_NO_VALUE ? json_object_set_new(json, key, value_json(value))
					      : 0;
}

static json_t *names_json(const struct md_def_names *names)
{
	json_t *array = json_array();
	int failed = !array;

	for (unsigned i = 0; i < names->count && !failed; i++)
		failed = json_array_append_new(array, md_json_text(md_str_of(names->items[i])));
	return md_json_checked(array, failed);
}

const char *md_declared_type_name(const struct md_field *field)
{
	return md_def_word_of(md_def_types, field->def->type);
}

struct md_field_fallback md_field_fallback(const struct md_field *field)
{
	struct md_field_fallback found = { .sql = field->fallback };
	const struct md_def_default *value;

	if (!field->def)
		return found;
	value = &field->def->value;
	found.sql = md_def_sql_first(&value->sql);
	if (value->fn != MD_DEF_FN_NONE)
		found.function = md_def_word_of(md_def_fns, value->fn);
	else if (value->literal.kind > MD_DEF_NULL)
		found.value = value->literal.text;
	return found;
}

static json_t *one_member(const char *key, const char *text)
{
	json_t *json = json_object();
	int failed = !json;

	failed |= put(json, key, text);
	return md_json_checked(json, failed);
}

json_t *md_declared_default(const struct md_def_field *def)
{
	const struct md_field_fallback found = md_field_fallback(&(struct md_field){ .def = def });

	if (found.function)
		return one_member("fn", found.function);
	return found.sql ? one_member("sql", found.sql) : value_json(&def->value.literal);
}

int md_declared_put_field(json_t *json, const struct md_field *field)
{
	const struct md_def_field *def = field->def;
	const char *format = def->format != MD_DEF_FORMAT_NONE
				     ? md_def_word_of(md_def_formats, def->format)
				     : NULL;
	int failed = put(json, "title", def->title);

	failed |= put(json, "description", def->description);
	failed |= put_value(json, "example", &def->example);
	failed |= put_flag(json, "required", def->required);
	failed |= put_flag(json, "readonly", def->readonly);
	failed |= put_flag(json, "writeonly", def->writeonly);
	failed |= put_flag(json, "immutable", def->immutable);
	failed |= put_flag(json, "as_string", field->as_string);
	if (def->type == MD_DEF_ENUM)
		failed |= json_object_set_new(json, "enum", names_json(&def->labels));
	if (def->type == MD_DEF_ARRAY)
		failed |= put(json, "items", md_def_word_of(md_def_types, def->items));
	failed |= put_size(json, "max_length", def->max_length);
	failed |= put_size(json, "min_length", def->min_length);
	failed |= put_size(json, "precision", def->precision);
	failed |= put_size(json, "scale", def->scale);
	failed |= put_value(json, "min", &def->min);
	failed |= put_value(json, "max", &def->max);
	failed |= put_value(json, "exclusive_min", &def->exclusive_min);
	failed |= put_value(json, "exclusive_max", &def->exclusive_max);
	failed |= put_value(json, "multiple_of", &def->multiple_of);
	failed |= put(json, "pattern", def->pattern);
	return failed | put(json, "format", format);
}

int md_declared_put_model(json_t *json, const struct md_model *model)
{
	int failed = put(json, "model", model->def->name);

	failed |= put(json, "table", model->def->table);
	failed |= put(json, "description", model->def->description);
	failed |= json_object_set_new(json, "broken", json_boolean(model->broken));
	return failed |
	       json_object_set_new(json, "differences",
				   md_differences_json(model->differences, model->difference_count,
						       model->def));
}

static json_t *difference_json(const struct md_difference *item)
{
	json_t *json = json_object();
	int failed = !json;

	failed |= put(json, "table", item->table);
	failed |= put(json, "column", item->column);
	failed |= put(json, "text", item->text);
	failed |= put(json, "mend", item->mend);
	failed |= json_object_set_new(json, "blocking", json_boolean(item->blocking));
	return md_json_checked(json, failed);
}

json_t *md_differences_json(const struct md_difference *items, unsigned count,
			    const struct md_def_model *def)
{
	json_t *array = json_array();
	int failed = !array;

	for (unsigned i = 0; i < count && !failed; i++)
		if (items[i].model == def)
			failed = json_array_append_new(array, difference_json(&items[i]));
	return md_json_checked(array, failed);
}
