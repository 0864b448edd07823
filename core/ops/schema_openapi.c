/* OpenAPI 3.1: the routes of all models. Those of administration are not for clients. */
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

enum { NAME_MAX_BYTES = 1024, KEY_MAX_BYTES = 1024 * 1024 };

/* --- names -------------------------------------------------------------------------------------
 */

static const char *const variants_table[] = {
	[MD_ROW] = "row", [MD_INSERT] = "insert", [MD_UPDATE] = "update"
};

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Components have names of letters and digits; other models have a number. */
static void put_component(struct md_buf *out, const struct md_schema *schema,
			  const struct md_model *model, const char *what)
{
	bool plain = model->name.len > 0 && model->name.len < NAME_MAX_BYTES / 2;

	for (size_t i = 0; i < model->name.len; i++)
		plain = plain && is_plain(model->name.ptr[i]);
	if (plain)
		md_buf_printf(out, "%s.%.*s", what, (int)model->name.len, model->name.ptr);
	else
		md_buf_printf(out, "%s-%u", what, (unsigned)(model - schema->models));
}

static void put_segment(struct md_buf *out, struct md_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (is_plain((char)c) || c == '-' || c == '.' || c == '~')
			md_buf_putc(out, (char)c);
		else
			md_buf_printf(out, "%%%02X", c);
	}
}

/* A short text that was made up; one that failed fails the document. */
static void take_failure(struct md_json_out *json, const struct md_buf *text)
{
	json->out->failed |= text->failed;
	json->out->no_memory |= text->no_memory;
}

static void put_ref(struct md_json_out *json, const struct md_schema *schema,
		    const struct md_model *model, enum md_variant variant)
{
	md_auto_buf text = MD_BUF(NAME_MAX_BYTES);

	md_buf_puts(&text, "#/components/schemas/");
	put_component(&text, schema, model, variants_table[variant]);
	md_json_text_value(json, MD_STR("$ref"), md_buf_str(&text));
	take_failure(json, &text);
}

/* --- parameters --------------------------------------------------------------------------------
 */

static const struct parameter {
	const char *name, *in, *what;
} parameters_table[] = {
	{ "select", "query", "Fields, embedded relations and aggregates" },
	{ "order", "query",
	  "field.asc or field.desc, with nullsfirst or nullslast; several by comma" },
	{ "limit", "query", "Rows at most" },
	{ "offset", "query", "Rows to pass over" },
	{ "or", "query", "Filters of which one must hold: (a.eq.1,b.gt.2)" },
	{ "and", "query", "Filters that must all hold: (a.gte.1,a.lt.9)" },
	{ "columns", "query", "Fields that are taken from the body; others in it are ignored" },
	{ "on_conflict", "query", "Fields of the unique key that decides whether a row is there" },
	{ "Prefer", "header",
	  "return=representation|minimal|headers-only, count=exact|planned|estimated, "
	  "resolution=merge-duplicates|ignore-duplicates, missing=default, handling=strict, "
	  "max-affected=N, timezone=ZONE, tx=rollback" },
	{ "Range", "header", "Rows from-to, counted from 0" },
};
enum { PARAMETERS = sizeof(parameters_table) / sizeof(parameters_table[0]) };

static void put_parameters(struct md_json_out *json)
{
	md_json_open(json, MD_STR("parameters"), '{');
	for (unsigned i = 0; i < PARAMETERS; i++) {
		const struct parameter *p = &parameters_table[i];
		bool number = strcmp(p->name, "limit") == 0 || strcmp(p->name, "offset") == 0;

		md_json_open(json, md_str_of(p->name), '{');
		md_json_text_value(json, MD_STR("name"), md_str_of(p->name));
		md_json_text_value(json, MD_STR("in"), md_str_of(p->in));
		md_json_text_value(json, MD_STR("description"), md_str_of(p->what));
		md_json_open(json, MD_STR("schema"), '{');
		md_json_text_value(json, MD_STR("type"),
				   number ? MD_STR("integer") : MD_STR("string"));
		if (number)
			md_json_plain(json, MD_STR("minimum"), "0");
		md_json_close(json, '}');
		md_json_close(json, '}');
	}
	md_json_close(json, '}');
}

static bool is_taken(struct md_str name)
{
	for (unsigned i = 0; i < PARAMETERS; i++)
		if (md_str_is(name, parameters_table[i].name))
			return true;
	return false;
}

static void put_parameter_refs(struct md_json_out *json, const char *names)
{
	for (const char *name = names; *name;) {
		size_t len = strcspn(name, " ");
		md_auto_buf text = MD_BUF(NAME_MAX_BYTES);

		md_buf_printf(&text, "#/components/parameters/%.*s", (int)len, name);
		md_json_open(json, MD_NO_KEY, '{');
		md_json_text_value(json, MD_STR("$ref"), md_buf_str(&text));
		md_json_close(json, '}');
		take_failure(json, &text);
		name += len + (name[len] == ' ');
	}
}

static void put_filters(struct md_json_out *json, const struct md_model *model)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_field *field = &model->fields[i];

		if (!md_field_is_visible(field) || is_taken(field->name))
			continue;
		md_json_open(json, MD_NO_KEY, '{');
		md_json_text_value(json, MD_STR("name"), field->name);
		md_json_text_value(json, MD_STR("in"), MD_STR("query"));
		md_json_text_value(
			json, MD_STR("description"),
			MD_STR("operator.value: eq.1, gte.5, like.a*, is.null, in.(1,2)"));
		md_json_open(json, MD_STR("schema"), '{');
		md_json_text_value(json, MD_STR("type"), MD_STR("string"));
		md_json_close(json, '}');
		md_json_close(json, '}');
	}
}

/* --- operations --------------------------------------------------------------------------------
 */

enum body { NO_BODY, BODY_INSERT, BODY_UPDATE };

static const struct operation {
	const char *method, *verb, *summary, *parameters;
	bool item, filters;
	enum body body;
	const char *status; /* without a body in the answer */
} operations_table[] = {
	{ "get", "list", "Read rows", "select order limit offset or and Prefer Range", false, true,
	  NO_BODY, NULL },
	{ "post", "create", "Insert rows", "select columns on_conflict Prefer", false, false,
	  BODY_INSERT, "201" },
	{ "patch", "update", "Change rows", "select columns or and Prefer", false, true,
	  BODY_UPDATE, "204" },
	{ "delete", "delete", "Delete rows", "select or and Prefer", false, true, NO_BODY, "204" },
	{ "get", "get", "Read one row", "select", true, false, NO_BODY, NULL },
	{ "put", "put", "Insert a row, or replace it", "select columns Prefer", true, false,
	  BODY_INSERT, "204" },
	{ "patch", "patch", "Change one row", "select columns Prefer", true, false, BODY_UPDATE,
	  "204" },
	{ "delete", "remove", "Delete one row", "select Prefer", true, false, NO_BODY, "204" },
};
enum { OPERATIONS = sizeof(operations_table) / sizeof(operations_table[0]) };

static bool is_allowed(const struct md_model *model, const struct operation *op)
{
	if (strcmp(op->method, "post") == 0)
		return model->insertable;
	if (strcmp(op->method, "put") == 0)
		return model->insertable && model->updatable;
	if (strcmp(op->method, "patch") == 0)
		return model->updatable;
	return strcmp(op->method, "delete") != 0 || model->deletable;
}

/* One row, or a list of them. */
static void put_rows(struct md_json_out *json, const struct md_schema *schema,
		     const struct md_model *model, enum md_variant variant, bool one, bool either)
{
	md_json_open(json, MD_STR("schema"), '{');
	if (either) {
		md_json_open(json, MD_STR("oneOf"), '[');
		md_json_open(json, MD_NO_KEY, '{');
	}
	if (one || either)
		put_ref(json, schema, model, variant);
	if (either) {
		md_json_close(json, '}');
		md_json_open(json, MD_NO_KEY, '{');
	}
	if (!one || either) {
		md_json_text_value(json, MD_STR("type"), MD_STR("array"));
		md_json_open(json, MD_STR("items"), '{');
		put_ref(json, schema, model, variant);
		md_json_close(json, '}');
	}
	if (either) {
		md_json_close(json, '}');
		md_json_close(json, ']');
	}
	md_json_close(json, '}');
}

static void put_body(struct md_json_out *json, const struct md_schema *schema,
		     const struct md_model *model, const struct operation *op)
{
	bool insert = op->body == BODY_INSERT;

	if (op->body == NO_BODY)
		return;
	md_json_open(json, MD_STR("requestBody"), '{');
	md_json_bool(json, MD_STR("required"), true);
	md_json_open(json, MD_STR("content"), '{');
	md_json_open(json, MD_STR("application/json"), '{');
	put_rows(json, schema, model, insert ? MD_INSERT : MD_UPDATE, op->item || !insert,
		 insert && !op->item);
	md_json_close(json, '}');
	md_json_close(json, '}');
	md_json_close(json, '}');
}

static void put_answer(struct md_json_out *json, const struct md_schema *schema,
		       const struct md_model *model, const struct operation *op, const char *status)
{
	bool has_rows = !op->status || strcmp(status, "204") != 0;

	md_json_open(json, md_str_of(status), '{');
	md_json_text_value(json, MD_STR("description"),
			   !has_rows                    ? MD_STR("Done")
			   : strcmp(status, "206") == 0 ? MD_STR("Some of the rows")
			   : strcmp(status, "201") == 0
				   ? MD_STR("Inserted; rows with return=representation")
			   : op->status ? MD_STR("Rows, with return=representation")
					: MD_STR("Rows"));
	if (has_rows) {
		md_json_open(json, MD_STR("content"), '{');
		md_json_open(json, MD_STR("application/json"), '{');
		put_rows(json, schema, model, MD_ROW, op->item && !op->status, false);
		md_json_close(json, '}');
		md_json_close(json, '}');
	}
	md_json_close(json, '}');
}

static void put_responses(struct md_json_out *json, const struct md_schema *schema,
			  const struct md_model *model, const struct operation *op)
{
	md_json_open(json, MD_STR("responses"), '{');
	put_answer(json, schema, model, op, "200");
	if (op->status)
		put_answer(json, schema, model, op, op->status);
	else if (!op->item)
		put_answer(json, schema, model, op, "206");
	md_json_open(json, MD_STR("default"), '{');
	md_json_text_value(json, MD_STR("$ref"), MD_STR("#/components/responses/error"));
	md_json_close(json, '}');
	md_json_close(json, '}');
}

static void put_operation(struct md_json_out *json, const struct md_schema *schema,
			  const struct md_model *model, const struct operation *op)
{
	md_auto_buf id = MD_BUF(NAME_MAX_BYTES);

	put_component(&id, schema, model, op->verb);
	md_json_open(json, md_str_of(op->method), '{');
	md_json_open(json, MD_STR("tags"), '[');
	md_json_text_value(json, MD_NO_KEY, model->name);
	md_json_close(json, ']');
	md_json_text_value(json, MD_STR("operationId"), md_buf_str(&id));
	md_json_text_value(json, MD_STR("summary"), md_str_of(op->summary));
	md_json_open(json, MD_STR("parameters"), '[');
	put_parameter_refs(json, op->parameters);
	if (op->filters)
		put_filters(json, model);
	md_json_close(json, ']');
	put_body(json, schema, model, op);
	put_responses(json, schema, model, op);
	md_json_close(json, '}');
	take_failure(json, &id);
}

static void put_key(struct md_json_out *json, const struct md_model *model)
{
	md_auto_buf text = MD_BUF(KEY_MAX_BYTES);

	md_buf_puts(&text,
		    model->key_count > 1 ? "The key, values separated by commas: " : "The key: ");
	for (unsigned i = 0; i < model->key_count; i++) {
		md_buf_puts(&text, i > 0 ? ", " : "");
		md_buf_putstr(&text, model->key[i]->name);
	}
	md_json_open(json, MD_STR("parameters"), '[');
	md_json_open(json, MD_NO_KEY, '{');
	md_json_text_value(json, MD_STR("name"), MD_STR("key"));
	md_json_text_value(json, MD_STR("in"), MD_STR("path"));
	md_json_bool(json, MD_STR("required"), true);
	md_json_text_value(json, MD_STR("description"), md_buf_str(&text));
	md_json_open(json, MD_STR("schema"), '{');
	md_json_text_value(json, MD_STR("type"), MD_STR("string"));
	md_json_close(json, '}');
	md_json_close(json, '}');
	md_json_close(json, ']');
	take_failure(json, &text);
}

static void put_path(struct md_json_out *json, const struct md_schema *schema,
		     const struct md_model *model, bool item)
{
	md_auto_buf path = MD_BUF(NAME_MAX_BYTES + 3 * model->name.len);

	md_buf_putc(&path, '/');
	put_segment(&path, model->name);
	md_buf_puts(&path, item ? "/{key}" : "");
	md_json_open(json, md_buf_str(&path), '{');
	if (item)
		put_key(json, model);
	for (unsigned i = 0; i < OPERATIONS; i++)
		if (operations_table[i].item == item && is_allowed(model, &operations_table[i]))
			put_operation(json, schema, model, &operations_table[i]);
	md_json_close(json, '}');
	take_failure(json, &path);
}

/* --- the document ------------------------------------------------------------------------------
 */

static void put_error(struct md_json_out *json)
{
	static const char *const members[] = { "code", "message", "details", "hint" };

	md_json_open(json, MD_STR("error"), '{');
	md_json_text_value(json, MD_STR("type"), MD_STR("object"));
	md_json_open(json, MD_STR("properties"), '{');
	for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		md_json_open(json, md_str_of(members[i]), '{');
		md_json_open(json, MD_STR("type"), '[');
		md_json_text_value(json, MD_NO_KEY, MD_STR("string"));
		if (i >= 2)
			md_json_text_value(json, MD_NO_KEY, MD_STR("null"));
		md_json_close(json, ']');
		md_json_close(json, '}');
	}
	md_json_close(json, '}');
	md_json_open(json, MD_STR("required"), '[');
	for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		md_json_text_value(json, MD_NO_KEY, md_str_of(members[i]));
	md_json_close(json, ']');
	md_json_close(json, '}');
}

static void put_schemas(struct md_json_out *json, const struct md_schema *schema)
{
	md_json_open(json, MD_STR("schemas"), '{');
	put_error(json);
	for (unsigned i = 0; i < schema->count; i++) {
		const struct md_model *model = &schema->models[i];

		for (enum md_variant v = MD_ROW; v <= MD_UPDATE && !model->broken; v++) {
			md_auto_buf name = MD_BUF(NAME_MAX_BYTES);

			if (!md_model_has(model, v))
				continue;
			put_component(&name, schema, model, variants_table[v]);
			md_json_schema_rows(json, md_buf_str(&name), model, v);
			md_json_close(json, '}');
			take_failure(json, &name);
		}
	}
	md_json_close(json, '}');
}

static void put_components(struct md_json_out *json, const struct md_schema *schema)
{
	md_json_open(json, MD_STR("components"), '{');
	put_schemas(json, schema);
	put_parameters(json);
	md_json_open(json, MD_STR("responses"), '{');
	md_json_open(json, MD_STR("error"), '{');
	md_json_text_value(json, MD_STR("description"), MD_STR("Why it could not be done"));
	md_json_open(json, MD_STR("content"), '{');
	md_json_open(json, MD_STR("application/json"), '{');
	md_json_open(json, MD_STR("schema"), '{');
	md_json_text_value(json, MD_STR("$ref"), MD_STR("#/components/schemas/error"));
	md_json_close(json, '}');
	md_json_close(json, '}');
	md_json_close(json, '}');
	md_json_close(json, '}');
	md_json_close(json, '}');
	md_json_close(json, '}');
}

void md_schema_write_openapi(struct md_schema *schema)
{
	struct md_json_out json = { .out = schema->out, .lines = schema->source->lines };

	md_json_open(&json, MD_NO_KEY, '{');
	md_json_text_value(&json, MD_STR("openapi"), MD_STR("3.1.0"));
	md_json_open(&json, MD_STR("info"), '{');
	md_json_text_value(&json, MD_STR("title"), MD_STR("modeld"));
	md_json_text_value(&json, MD_STR("description"),
			   MD_STR("Models of the database, in the PostgREST dialect"));
	md_json_text_value(&json, MD_STR("version"), MD_STR(PACKAGE_VERSION));
	md_json_close(&json, '}');
	md_json_open(&json, MD_STR("paths"), '{');
	for (unsigned i = 0; i < schema->count; i++) {
		const struct md_model *model = &schema->models[i];

		if (model->broken)
			continue;
		put_path(&json, schema, model, false);
		if (model->key_count > 0)
			put_path(&json, schema, model, true);
	}
	md_json_close(&json, '}');
	put_components(&json, schema);
	md_json_close(&json, '}');
}
