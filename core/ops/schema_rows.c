/* JSON Schema (2020-12) of rows, as they are read, inserted and changed. */
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

/* What a value is in JSON. A format says more about a text; those of RFC 3339 need an offset. */
static const struct {
	const char *type, *format;
} types_table[MD_DEF_TYPE_COUNT] = {
	[MD_DEF_NONE] = { NULL, NULL },
	[MD_DEF_SMALLINT] = { "integer", NULL },
	[MD_DEF_INTEGER] = { "integer", NULL },
	[MD_DEF_BIGINT] = { "integer", NULL },
	[MD_DEF_FLOAT] = { "number", NULL },
	[MD_DEF_DECIMAL] = { "number", NULL },
	[MD_DEF_STRING] = { "string", NULL },
	[MD_DEF_TEXT] = { "string", NULL },
	[MD_DEF_BOOLEAN] = { "boolean", NULL },
	[MD_DEF_DATETIME] = { "string", "date-time" },
	[MD_DEF_DATETIME_LOCAL] = { "string", NULL },
	[MD_DEF_DATE] = { "string", "date" },
	[MD_DEF_TIME] = { "string", NULL },
	[MD_DEF_UUID] = { "string", "uuid" },
	[MD_DEF_JSON] = { NULL, NULL },
	[MD_DEF_BYTES] = { "string", NULL },
	[MD_DEF_ENUM] = { "string", NULL },
	[MD_DEF_ARRAY] = { "array", NULL },
};

static const char *const formats_table[] = {
	[MD_DEF_FORMAT_NONE] = NULL,    [MD_DEF_EMAIL] = "email", [MD_DEF_URI] = "uri",
	[MD_DEF_HOSTNAME] = "hostname", [MD_DEF_IPV4] = "ipv4",   [MD_DEF_IPV6] = "ipv6",
	[MD_DEF_SLUG] = NULL,           [MD_DEF_PHONE] = NULL,
};

static bool is_number(enum md_def_type type)
{
	return md_def_is_integer(type) || type == MD_DEF_FLOAT || type == MD_DEF_DECIMAL;
}

/* One word, or a list of them: a number that is shown as a text may be given as either. */
static void put_type(struct md_json_out *json, const char *type, bool also_number, bool nullable)
{
	bool list = also_number || nullable;

	if (!type)
		return;
	if (!list) {
		md_json_text_value(json, MD_STR("type"), md_str_of(type));
		return;
	}
	md_json_open(json, MD_STR("type"), '[');
	md_json_text_value(json, MD_NO_KEY, md_str_of(type));
	if (also_number)
		md_json_text_value(json, MD_NO_KEY, MD_STR("number"));
	if (nullable)
		md_json_text_value(json, MD_NO_KEY, MD_STR("null"));
	md_json_close(json, ']');
}

static void put_items(struct md_json_out *json, const struct md_shape *shape)
{
	const char *type = types_table[shape->items].type;

	md_json_open(json, MD_STR("items"), '{');
	if (type && shape->nested) {
		md_json_open(json, MD_STR("type"), '[');
		md_json_text_value(json, MD_NO_KEY, md_str_of(type));
		md_json_text_value(json, MD_NO_KEY, MD_STR("array"));
		md_json_text_value(json, MD_NO_KEY, MD_STR("null"));
		md_json_close(json, ']');
	} else {
		put_type(json, type, false, true);
	}
	md_json_close(json, '}');
}

static void put_labels(struct md_json_out *json, const struct md_shape *shape, bool nullable)
{
	md_json_open(json, MD_STR("enum"), '[');
	for (unsigned i = 0; i < shape->label_count; i++)
		md_json_text_value(json, MD_NO_KEY, md_str_of(shape->labels[i]));
	if (nullable)
		md_json_plain(json, MD_NO_KEY, "null");
	md_json_close(json, ']');
}

static void put_bound(struct md_json_out *json, struct md_str key, const struct md_def_value *value)
{
	if (value->kind == MD_DEF_NUMBER)
		md_json_value(json, key, value);
}

static void put_range(struct md_json_out *json, const struct md_field *field, enum md_def_type type)
{
	static const struct {
		const char *least, *most;
	} ranges[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_SMALLINT] = { "-32768", "32767" },
		[MD_DEF_INTEGER] = { "-2147483648", "2147483647" },
	};
	const struct md_def_field *def = field->def;

	if (def && def->min.kind == MD_DEF_NUMBER)
		md_json_value(json, MD_STR("minimum"), &def->min);
	else if (ranges[type].least)
		md_json_plain(json, MD_STR("minimum"), ranges[type].least);
	if (def && def->max.kind == MD_DEF_NUMBER)
		md_json_value(json, MD_STR("maximum"), &def->max);
	else if (ranges[type].most)
		md_json_plain(json, MD_STR("maximum"), ranges[type].most);
	if (!def)
		return;
	put_bound(json, MD_STR("exclusiveMinimum"), &def->exclusive_min);
	put_bound(json, MD_STR("exclusiveMaximum"), &def->exclusive_max);
	put_bound(json, MD_STR("multipleOf"), &def->multiple_of);
}

/* Classes in brackets are POSIX's alone; a pattern here is found anywhere, ours is the whole text.
 */
static void put_pattern(struct md_json_out *json, const char *pattern)
{
	md_auto_buf whole = MD_BUF(2 * MD_DEF_PATTERN + sizeof("^(?:)$"));

	if (!pattern || strstr(pattern, "[:") || strstr(pattern, "[.") || strstr(pattern, "[="))
		return;
	md_buf_printf(&whole, "^(?:%s)$", pattern);
	if (!whole.failed)
		md_json_text_value(json, MD_STR("pattern"), md_buf_str(&whole));
	json->out->failed |= whole.failed;
	json->out->no_memory |= whole.no_memory;
}

/* What must hold of a text that comes in. */
static void put_text_limits(struct md_json_out *json, const struct md_field *field,
			    const struct md_shape *shape)
{
	bool text = shape->type == MD_DEF_STRING || shape->type == MD_DEF_TEXT;

	if (!text)
		return;
	if (field->def && field->def->min_length > 0)
		md_json_unsigned(json, MD_STR("minLength"), field->def->min_length);
	if (shape->max_length > 0)
		md_json_unsigned(json, MD_STR("maxLength"), shape->max_length);
	if (field->def)
		put_pattern(json, field->def->pattern);
}

void md_json_schema_field(struct md_json_out *json, const struct md_field *field,
			  enum md_variant variant)
{
	const struct md_shape shape = md_shape_of(field);
	const struct md_def_field *def = field->def;
	const char *format = types_table[shape.type].format;
	bool text = shape.as_string && is_number(shape.type);

	put_type(json, text ? "string" : types_table[shape.type].type, text && variant != MD_ROW,
		 field->nullable);
	if (def && def->format != MD_DEF_FORMAT_NONE)
		format = formats_table[def->format];
	md_json_text_if(json, MD_STR("format"), md_str_of(format));
	if (shape.type == MD_DEF_ENUM)
		put_labels(json, &shape, field->nullable);
	if (shape.type == MD_DEF_ARRAY)
		put_items(json, &shape);
	if (variant != MD_ROW) {
		put_text_limits(json, field, &shape);
		if (is_number(shape.type) && !text)
			put_range(json, field, shape.type);
	}
	md_json_flag(json, MD_STR("readOnly"),
		     variant == MD_ROW && !md_field_is_in(field, MD_INSERT));
	md_json_flag(json, MD_STR("writeOnly"), field->writeonly);
	if (variant == MD_INSERT && def && def->value.literal.kind != MD_DEF_NULL)
		md_json_value(json, MD_STR("default"), &def->value.literal);
	md_json_text_if(json, MD_STR("title"), md_str_of(def ? def->title : NULL));
	md_json_text_if(json, MD_STR("description"), md_field_note(field));
	if (def && def->example.kind != MD_DEF_NO_VALUE) {
		md_json_open(json, MD_STR("examples"), '[');
		md_json_value(json, MD_NO_KEY, &def->example);
		md_json_close(json, ']');
	}
}

static void put_required(struct md_json_out *json, const struct md_model *model,
			 enum md_variant variant)
{
	md_json_open(json, MD_STR("required"), '[');
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_field *field = &model->fields[i];

		if (md_field_is_in(field, variant) && md_field_is_needed(field, variant))
			md_json_text_value(json, MD_NO_KEY, field->name);
	}
	md_json_close(json, ']');
}

void md_json_schema_rows(struct md_json_out *json, struct md_str key, const struct md_model *model,
			 enum md_variant variant)
{
	md_json_open(json, key, '{');
	if (variant == MD_ROW) {
		md_json_text_value(json, MD_STR("title"), model->name);
		md_json_text_if(json, MD_STR("description"), md_model_note(model));
	}
	md_json_text_value(json, MD_STR("type"), MD_STR("object"));
	md_json_open(json, MD_STR("properties"), '{');
	for (unsigned i = 0; i < model->field_count; i++) {
		if (!md_field_is_in(&model->fields[i], variant))
			continue;
		md_json_open(json, model->fields[i].name, '{');
		md_json_schema_field(json, &model->fields[i], variant);
		md_json_close(json, '}');
	}
	md_json_close(json, '}');
	if (variant != MD_UPDATE)
		put_required(json, model, variant);
	if (variant != MD_ROW)
		md_json_bool(json, MD_STR("additionalProperties"), false);
}

static void put_model(struct md_json_out *json, const struct md_model *model)
{
	static const struct {
		enum md_variant variant;
		const char *name;
	} variants[] = { { MD_INSERT, "insert" }, { MD_UPDATE, "update" } };

	if (model->broken)
		return;
	md_json_schema_rows(json, model->name, model, MD_ROW);
	md_json_open(json, MD_STR("$defs"), '{');
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		if (!md_model_has(model, variants[i].variant))
			continue;
		md_json_schema_rows(json, md_str_of(variants[i].name), model, variants[i].variant);
		md_json_close(json, '}');
	}
	md_json_close(json, '}');
	md_json_close(json, '}');
}

void md_schema_write_json_schema(struct md_schema *schema)
{
	struct md_json_out json = { .out = schema->out, .lines = schema->source->lines };

	md_json_open(&json, MD_NO_KEY, '{');
	md_json_text_value(&json, MD_STR("$schema"),
			   MD_STR("https://json-schema.org/draft/2020-12/schema"));
	md_json_text_value(&json, MD_STR("title"), md_registry_schema(schema->source->registry));
	md_json_open(&json, MD_STR("$defs"), '{');
	for (unsigned i = 0; i < schema->count; i++)
		put_model(&json, &schema->models[i]);
	for (unsigned i = 0; i < schema->abstract_count; i++)
		put_model(&json, &schema->abstract[i]);
	md_json_close(&json, '}');
	md_json_close(&json, '}');
}
