/* What a client may know of models, and in which words. */
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

const char *md_shape_name(enum md_def_type type)
{
	static const char *const names[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_NONE] = "any",
		[MD_DEF_SMALLINT] = "smallint",
		[MD_DEF_INTEGER] = "integer",
		[MD_DEF_BIGINT] = "bigint",
		[MD_DEF_FLOAT] = "float",
		[MD_DEF_DECIMAL] = "decimal",
		[MD_DEF_STRING] = "string",
		[MD_DEF_TEXT] = "text",
		[MD_DEF_BOOLEAN] = "boolean",
		[MD_DEF_DATETIME] = "datetime",
		[MD_DEF_DATETIME_LOCAL] = "datetime_local",
		[MD_DEF_DATE] = "date",
		[MD_DEF_TIME] = "time",
		[MD_DEF_UUID] = "uuid",
		[MD_DEF_JSON] = "json",
		[MD_DEF_BYTES] = "bytes",
		[MD_DEF_ENUM] = "enum",
		[MD_DEF_ARRAY] = "array",
	};

	return names[type];
}

static enum md_def_type type_of(enum md_type type)
{
	static const enum md_def_type types[MD_TYPE_COUNT] = {
		[MD_TYPE_ANY] = MD_DEF_NONE,
		[MD_TYPE_INT2] = MD_DEF_SMALLINT,
		[MD_TYPE_INT4] = MD_DEF_INTEGER,
		[MD_TYPE_INT8] = MD_DEF_BIGINT,
		[MD_TYPE_FLOAT] = MD_DEF_FLOAT,
		[MD_TYPE_NUMERIC] = MD_DEF_DECIMAL,
		[MD_TYPE_BOOL] = MD_DEF_BOOLEAN,
		[MD_TYPE_TEXT] = MD_DEF_TEXT,
		[MD_TYPE_DATE] = MD_DEF_DATE,
		[MD_TYPE_TIME] = MD_DEF_TIME,
		[MD_TYPE_TIMESTAMP] = MD_DEF_DATETIME_LOCAL,
		[MD_TYPE_TIMESTAMPTZ] = MD_DEF_DATETIME,
		[MD_TYPE_UUID] = MD_DEF_UUID,
		[MD_TYPE_JSON] = MD_DEF_JSON,
		[MD_TYPE_BYTES] = MD_DEF_BYTES,
		[MD_TYPE_OTHER] = MD_DEF_TEXT,
		[MD_TYPE_KEPT_DATE] = MD_DEF_DATE,
		[MD_TYPE_KEPT_TIME] = MD_DEF_TIME,
		[MD_TYPE_KEPT_TIMESTAMP] = MD_DEF_DATETIME_LOCAL,
		[MD_TYPE_KEPT_TIMESTAMPTZ] = MD_DEF_DATETIME,
		[MD_TYPE_KEPT_UUID] = MD_DEF_UUID,
		[MD_TYPE_KEPT_NUMERIC] = MD_DEF_DECIMAL,
		[MD_TYPE_KEPT_BYTES] = MD_DEF_BYTES,
	};

	return types[type];
}

static struct md_shape declared_shape(const struct md_field *field)
{
	const struct md_def_field *def = field->def;

	return (struct md_shape){ .type = def->type,
				  .items = def->items,
				  .labels = def->labels.items,
				  .label_count = def->type == MD_DEF_ENUM ? def->labels.count : 0,
				  .max_length = def->max_length,
				  .precision = def->precision,
				  .scale = def->scale,
				  .as_string = field->as_string };
}

struct md_shape md_shape_of(const struct md_field *field)
{
	struct md_shape shape = { .type = type_of(field->type), .max_length = field->max_length };

	if (field->def)
		return declared_shape(field);
	switch (field->kind) {
	case MD_KIND_ARRAY:
		shape.type = MD_DEF_ARRAY;
		shape.items = type_of(field->element_type);
		shape.nested = true;
		break;
	case MD_KIND_ENUM:
		shape.type = MD_DEF_ENUM;
		shape.labels = field->labels;
		shape.label_count = field->label_count;
		break;
	case MD_KIND_COMPOSITE:
		shape.type = MD_DEF_NONE;
		break;
	case MD_KIND_SCALAR:
	case MD_KIND_RANGE:
	case MD_KIND_MULTIRANGE:
		break;
	}
	if (shape.type == MD_DEF_TEXT && shape.max_length > 0)
		shape.type = MD_DEF_STRING;
	return shape;
}

/* --- what is known -----------------------------------------------------------------------------
 */

bool md_fields_are_known(const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fields[i]->hidden)
			return false;
	return true;
}

bool md_relation_is_known(const struct md_relation *r)
{
	return md_fields_are_known(r->local, r->local_count) &&
	       md_fields_are_known(r->remote, r->remote_count) &&
	       (!r->junction || (md_fields_are_known(r->near, r->local_count) &&
				 md_fields_are_known(r->far, r->remote_count)));
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

bool md_sql_names(const char *sql, struct md_str name)
{
	size_t len = sql ? strlen(sql) : 0;

	for (size_t i = 0; i + name.len <= len; i++)
		if (md_str_equal_nocase((struct md_str){ sql + i, name.len }, name) &&
		    (i == 0 || !is_letter(sql[i - 1])) && !is_letter(sql[i + name.len]))
			return true;
	return false;
}

bool md_sql_is_known(const struct md_model *model, const char *sql)
{
	for (unsigned i = 0; sql && i < model->field_count; i++)
		if (model->fields[i].hidden && md_sql_names(sql, model->fields[i].column))
			return false;
	return true;
}

bool md_index_is_known(const struct md_model *model, const struct md_catalog_index *index)
{
	for (unsigned i = 0; i < index->count; i++)
		if (model->fields[index->columns[i]].hidden)
			return false;
	return index->whole && md_sql_is_known(model, index->predicate);
}

/* --- rows --------------------------------------------------------------------------------------
 */

bool md_field_is_in(const struct md_field *field, enum md_variant variant)
{
	if (variant == MD_ROW)
		return md_field_is_visible(field);
	return !field->hidden && !field->generated && !field->readonly && !field->always &&
	       !(variant == MD_UPDATE && field->immutable);
}

bool md_field_is_needed(const struct md_field *field, enum md_variant variant)
{
	if (variant == MD_INSERT && field->def)
		return field->def->required;
	return variant == MD_ROW ||
	       (variant == MD_INSERT && !field->nullable && !field->identity && !field->fallback);
}

bool md_model_has(const struct md_model *model, enum md_variant variant)
{
	const bool has[] = {
		[MD_ROW] = true, [MD_INSERT] = model->insertable, [MD_UPDATE] = model->updatable
	};

	return has[variant];
}

struct md_str md_model_note(const struct md_model *model)
{
	return model->def && model->def->description ? md_str_of(model->def->description)
						     : model->comment;
}

struct md_str md_field_note(const struct md_field *field)
{
	return md_str_of(field->def && field->def->description ? field->def->description
							       : field->comment);
}

struct md_shown_default md_field_default(const struct md_model *model, const struct md_field *field)
{
	struct md_shown_default shown = { NULL, NULL };
	const char *sql = field->fallback;

	if (field->def) {
		const struct md_def_default *value = &field->def->value;

		sql = value->fn == MD_DEF_FN_NONE && value->literal.kind == MD_DEF_NO_VALUE ? sql
											    : NULL;
		if (value->literal.kind != MD_DEF_NO_VALUE)
			shown.value = &value->literal;
	}
	if (!field->generated && md_sql_is_known(model, sql))
		shown.sql = sql;
	return shown;
}
