/* TypeScript: the type `Database`, as postgrest-js and supabase-js take it. */
#include "core/base/map.h"
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

static const char *const types_table[MD_DEF_TYPE_COUNT] = {
	[MD_DEF_NONE] = "unknown",
	[MD_DEF_SMALLINT] = "number",
	[MD_DEF_INTEGER] = "number",
	[MD_DEF_BIGINT] = "number",
	[MD_DEF_FLOAT] = "number",
	[MD_DEF_DECIMAL] = "number",
	[MD_DEF_STRING] = "string",
	[MD_DEF_TEXT] = "string",
	[MD_DEF_BOOLEAN] = "boolean",
	[MD_DEF_DATETIME] = "string",
	[MD_DEF_DATETIME_LOCAL] = "string",
	[MD_DEF_DATE] = "string",
	[MD_DEF_TIME] = "string",
	[MD_DEF_UUID] = "string",
	[MD_DEF_JSON] = "Json",
	[MD_DEF_BYTES] = "string",
	[MD_DEF_ENUM] = "string",
	[MD_DEF_ARRAY] = "unknown",
};

static void put_name(struct md_buf *out, struct md_str name)
{
	bool plain = name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9');

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || c == '_');
	}
	if (plain)
		md_buf_putstr(out, name);
	else
		md_schema_quote(out, name);
}

/* The name of a type without the schema that everything is in, and without quotes. */
static struct md_str bare_name(const struct md_model *model, struct md_str name)
{
	size_t len = model->space.len;

	if (len > 0 && name.len > len + 1 && memcmp(name.ptr, model->space.ptr, len) == 0 &&
	    name.ptr[len] == '.')
		name = (struct md_str){ name.ptr + len + 1, name.len - len - 1 };
	if (name.len > 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"' &&
	    !memchr(name.ptr + 1, '"', name.len - 2))
		name = (struct md_str){ name.ptr + 1, name.len - 2 };
	return name;
}

/* An enum has a name of its own, or its labels stand in the field. */
static struct md_str enum_name(const struct md_model *model, const struct md_field *field)
{
	if (field->def)
		return md_str_of(field->def->type == MD_DEF_ENUM ? field->def->enum_name : NULL);
	if (field->kind != MD_KIND_ENUM)
		return (struct md_str){ NULL, 0 };
	return bare_name(model, field->base ? md_str_of(field->base) : field->declared);
}

static void put_labels(struct md_buf *out, const struct md_shape *shape)
{
	for (unsigned i = 0; i < shape->label_count; i++) {
		md_buf_puts(out, i > 0 ? " | " : "");
		md_schema_quote(out, md_str_of(shape->labels[i]));
	}
	if (shape->label_count == 0)
		md_buf_puts(out, "never");
}

static void put_type(const struct md_schema *schema, const struct md_model *model,
		     const struct md_field *field, enum md_variant variant)
{
	const struct md_shape shape = md_shape_of(field);
	struct md_str name = enum_name(model, field);
	struct md_buf *out = schema->out;

	if (name.ptr) {
		md_buf_puts(out, "Database[");
		md_schema_quote(out, md_registry_schema(schema->source->registry));
		md_buf_puts(out, "][\"Enums\"][");
		md_schema_quote(out, name);
		md_buf_putc(out, ']');
	} else if (shape.type == MD_DEF_ENUM) {
		put_labels(out, &shape);
	} else if (shape.type == MD_DEF_ARRAY) {
		md_buf_printf(out, "%s[]", types_table[shape.items]);
	} else if (shape.as_string) {
		md_buf_puts(out, variant == MD_ROW ? "string" : "number | string");
	} else {
		md_buf_puts(out, types_table[shape.type]);
	}
	md_buf_puts(out, field->nullable ? " | null" : "");
}

static void put_rows(const struct md_schema *schema, const struct md_model *model,
		     enum md_variant variant)
{
	static const char *const names[] = {
		[MD_ROW] = "Row", [MD_INSERT] = "Insert", [MD_UPDATE] = "Update"
	};
	struct md_buf *out = schema->out;

	md_buf_printf(out, "        %s: {\n", names[variant]);
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_field *field = &model->fields[i];

		if (!md_field_is_in(field, variant))
			continue;
		md_buf_puts(out, "          ");
		put_name(out, field->name);
		md_buf_puts(out, md_field_is_needed(field, variant) ? ": " : "?: ");
		put_type(schema, model, field, variant);
		md_buf_putc(out, '\n');
	}
	md_buf_puts(out, "        }\n");
}

static void put_names(struct md_buf *out, const struct md_field *const *fields, unsigned count)
{
	md_buf_putc(out, '[');
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? ", " : "");
		md_schema_quote(out, fields[i]->name);
	}
	md_buf_putc(out, ']');
}

/* Those whose foreign key stands here; the client finds the other direction by itself. */
static void put_relationships(struct md_buf *out, const struct md_model *model)
{
	bool first = true;

	md_buf_puts(out, "        Relationships: [");
	for (unsigned i = 0; i < model->relation_count; i++) {
		const struct md_relation *r = &model->relations[i];

		if (!r->here || !md_relation_is_known(r))
			continue;
		md_buf_puts(out, first ? "\n          {\n            foreignKeyName: "
				       : ",\n          {\n            foreignKeyName: ");
		md_schema_quote(out, r->constraint);
		md_buf_puts(out, "\n            columns: ");
		put_names(out, r->local, r->local_count);
		md_buf_printf(out, "\n            isOneToOne: %s\n            referencedRelation: ",
			      r->cardinality == MD_ONE_TO_ONE ? "true" : "false");
		md_schema_quote(out, r->to->name);
		md_buf_puts(out, "\n            referencedColumns: ");
		put_names(out, r->remote, r->remote_count);
		md_buf_puts(out, "\n          }");
		first = false;
	}
	md_buf_puts(out, first ? "]\n" : "\n        ]\n");
}

static void put_model(const struct md_schema *schema, const struct md_model *model)
{
	struct md_buf *out = schema->out;
	bool view = model->kind == MD_REL_VIEW;

	md_buf_puts(out, "      ");
	put_name(out, model->name);
	md_buf_puts(out, ": {\n");
	put_rows(schema, model, MD_ROW);
	for (enum md_variant v = MD_INSERT; v <= MD_UPDATE; v++)
		if (md_model_has(model, v)) {
			put_rows(schema, model, v);
		} else if (!view || md_model_has(model, MD_INSERT) ||
			   md_model_has(model, MD_UPDATE)) {
			md_buf_printf(out, "        %s: never\n",
				      v == MD_INSERT ? "Insert" : "Update");
		}
	put_relationships(out, model);
	md_buf_puts(out, "      }\n");
}

static const char nothing[] = "      [_ in never]: never\n";

/* All tables, or all views. */
static bool put_models(const struct md_schema *schema, enum md_relation_kind kind)
{
	bool any = false;

	md_buf_printf(schema->out, "    %s: {\n", kind == MD_REL_VIEW ? "Views" : "Tables");
	for (unsigned i = 0; i < schema->count; i++) {
		if (schema->models[i].kind != kind || schema->models[i].broken)
			continue;
		put_model(schema, &schema->models[i]);
		any = true;
	}
	md_buf_puts(schema->out, any ? "    }\n" : nothing);
	md_buf_puts(schema->out, any ? "" : "    }\n");
	return any;
}

/* Each name once, in the order of the models. */
static void put_enums(struct md_schema *schema)
{
	struct md_map *seen = md_map_new();
	bool any = false;

	schema->no_memory |= !seen;
	md_buf_puts(schema->out, "    Enums: {\n");
	for (unsigned m = 0; m < schema->count && seen; m++) {
		const struct md_model *model = &schema->models[m];

		for (unsigned i = 0; i < model->field_count; i++) {
			const struct md_field *field = &model->fields[i];
			const struct md_shape shape = md_shape_of(field);
			struct md_str name = enum_name(model, field);

			if (!name.ptr || field->hidden || md_map_get(seen, name))
				continue;
			schema->no_memory |= !md_map_set(seen, name, schema);
			md_buf_puts(schema->out, "      ");
			put_name(schema->out, name);
			md_buf_puts(schema->out, ": ");
			put_labels(schema->out, &shape);
			md_buf_putc(schema->out, '\n');
			any = true;
		}
	}
	md_buf_puts(schema->out, any ? "    }\n" : nothing);
	md_buf_puts(schema->out, any ? "" : "    }\n");
	md_map_free(seen);
}

static void put_helpers(const struct md_schema *schema)
{
	static const char *const helpers[][2] = { { "Tables", "Row" },
						  { "TablesInsert", "Insert" },
						  { "TablesUpdate", "Update" } };
	struct md_buf *out = schema->out;

	md_buf_puts(out, "\ntype Served = Database[");
	md_schema_quote(out, md_registry_schema(schema->source->registry));
	md_buf_puts(out, "][\"Tables\"]\n");
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		md_buf_printf(out, "export type %s<T extends keyof Served> = Served[T][\"%s\"]\n",
			      helpers[i][0], helpers[i][1]);
}

void md_schema_write_typescript(struct md_schema *schema)
{
	struct md_buf *out = schema->out;
	bool any;

	md_buf_puts(out, "export type Json =\n  | string\n  | number\n  | boolean\n  | null\n"
			 "  | { [key: string]: Json | undefined }\n  | Json[]\n\n"
			 "export type Database = {\n  ");
	put_name(out, md_registry_schema(schema->source->registry));
	md_buf_puts(out, ": {\n");
	any = put_models(schema, MD_REL_TABLE);
	put_models(schema, MD_REL_VIEW);
	md_buf_printf(out, "    Functions: {\n%s    }\n", nothing);
	put_enums(schema);
	md_buf_printf(out, "    CompositeTypes: {\n%s    }\n  }\n}\n", nothing);
	if (any)
		put_helpers(schema);
}
