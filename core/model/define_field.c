/* A field of a definition file: as an object, or as a shorthand. */
#include <jansson.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

bool md_def_can_be_item(enum md_def_type type)
{
	return type != MD_DEF_NONE && type != MD_DEF_JSON && type != MD_DEF_ENUM &&
	       type != MD_DEF_ARRAY && type != MD_DEF_DECIMAL;
}

/* --- type, enum, items -------------------------------------------------------------------------
 */

static enum md_def_type read_type(struct md_def_loader *loader, const struct md_def_here *at)
{
	const char *text = md_def_text(loader, at), *like;
	unsigned type = MD_DEF_NONE;

	if (!text || md_def_word_find(md_def_types, md_str_of(text), &type))
		return type;
	md_def_wrong(loader, at, MD_DEF_M120, "unknown type \"%s\"", text);
	like = md_def_type_like(md_str_of(text));
	if (strpbrk(text, "( ?") || text[0] == '-')
		md_def_hint(loader, "that is a shorthand: write \"%s\" in place of the object",
			    text);
	else if (like)
		md_def_hint(loader, "did you mean \"%s\"?", like);
	return type;
}

static void read_field_type(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_field *field = into;

	field->type = read_type(loader, at);
	field->typed = true;
	field->broken = field->broken || field->type == MD_DEF_NONE;
}

static bool print_field_type(const void *from, struct md_buf *out)
{
	const struct md_def_field *field = from;

	if (!field->typed || field->type == MD_DEF_ENUM || field->type == MD_DEF_NONE)
		return false;
	md_def_print_text(md_def_word_of(md_def_types, field->type), out);
	return true;
}

static void read_items(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_field *field = into;

	field->items = read_type(loader, at);
	if (field->items && !md_def_can_be_item(field->items))
		md_def_wrong(loader, at, MD_DEF_M122, "an array cannot have items of type %s",
			     md_def_word_of(md_def_types, field->items));
	field->broken = field->broken || !md_def_can_be_item(field->items);
}

static bool print_items(const void *from, struct md_buf *out)
{
	const struct md_def_field *field = from;

	if (field->items == MD_DEF_NONE)
		return false;
	md_def_print_text(md_def_word_of(md_def_types, field->items), out);
	return true;
}

void md_def_read_labels(struct md_def_loader *loader, const struct md_def_here *at,
			struct md_def_names *into)
{
	struct md_def_here child = { .up = NULL };
	size_t size = json_array_size(at->json);
	const char **items;
	unsigned count = 0;

	if (!md_def_is_array(loader, at))
		return;
	if (size == 0 || size > MD_DEF_LABELS) {
		md_def_wrong(loader, at, MD_DEF_M106, "expected 1 to %d labels, not %zu",
			     MD_DEF_LABELS, size);
		return;
	}
	items = md_def_alloc(loader, size, sizeof(*items));
	while (items && md_def_next(loader, at, &child)) {
		const char *label = md_def_text(loader, &child);
		bool again = false;

		for (unsigned i = 0; label && i < count; i++)
			again = again || strcmp(items[i], label) == 0;
		if (again)
			md_def_wrong(loader, &child, MD_DEF_M103, "\"%s\" is there twice", label);
		else if (label && label[0] == '\0')
			md_def_wrong(loader, &child, MD_DEF_M106, "a label cannot be empty");
		else if (label)
			items[count++] = label;
	}
	*into = (struct md_def_names){ items, count };
}

static void read_enum(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_field *field = into;

	if (!json_is_string(at->json)) {
		md_def_read_labels(loader, at, &field->labels);
		field->broken = field->broken || field->labels.count == 0;
		return;
	}
	field->enum_name = md_def_text(loader, at);
	if (field->enum_name && !md_def_check_name(loader, at, field->enum_name))
		field->broken = true;
}

static bool print_enum(const void *from, struct md_buf *out)
{
	const struct md_def_field *field = from;

	if (field->type != MD_DEF_ENUM || (!field->typed && field->reference))
		return false;
	if (field->enum_name)
		md_def_print_text(field->enum_name, out);
	else
		md_def_print_names(&field->labels, out);
	return true;
}

/* --- references --------------------------------------------------------------------------------
 */

static const struct md_def_word deferrables[] = {
	{ "immediate", MD_DEF_IMMEDIATE },
	{ "deferred", MD_DEF_DEFERRED },
	{ NULL, 0 },
};

void md_def_read_deferrable(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	enum md_def_deferrable *place = into;
	unsigned value = MD_DEF_NOT_DEFERRABLE;

	if (!json_is_false(at->json) &&
	    !(json_is_string(at->json) &&
	      md_def_word_find(deferrables, md_str_of(json_string_value(at->json)), &value)))
		md_def_wrong(loader, at, MD_DEF_M106,
			     "expected false, \"immediate\" or \"deferred\"");
	*place = value;
}

bool md_def_print_deferrable(const void *from, struct md_buf *out)
{
	const enum md_def_deferrable *place = from;

	if (*place == MD_DEF_NOT_DEFERRABLE)
		return false;
	md_def_print_text(md_def_word_of(deferrables, *place), out);
	return true;
}

#define REFERENCE(member) offsetof(struct md_def_reference, member)
static const struct md_def_key reference_keys[] = {
	{ .name = "model", .reads = MD_DEF_READ_NAME, .offset = REFERENCE(model) },
	{ .name = "field", .reads = MD_DEF_READ_NAME, .offset = REFERENCE(field) },
	{ .name = "on_delete",
	  .reads = MD_DEF_READ_WORD,
	  .offset = REFERENCE(on_delete),
	  .words = md_def_actions },
	{ .name = "on_update",
	  .reads = MD_DEF_READ_WORD,
	  .offset = REFERENCE(on_update),
	  .words = md_def_actions },
	{ .name = "deferrable",
	  .reads = MD_DEF_READ_CALL,
	  .offset = REFERENCE(deferrable),
	  .read = md_def_read_deferrable,
	  .print = md_def_print_deferrable },
	{ .name = "name", .reads = MD_DEF_READ_IDENT, .offset = REFERENCE(name) },
};

/* "Model" or "Model.field" */
static void read_target(struct md_def_loader *loader, const struct md_def_here *at,
			struct md_def_reference *into)
{
	struct md_str text = md_str_of(json_string_value(at->json));
	const char *dot = strchr(text.ptr, '.');
	struct md_str model = { text.ptr, dot ? (size_t)(dot - text.ptr) : text.len };
	struct md_str field = md_str_of(dot ? dot + 1 : NULL);

	if (!md_def_is_name(model) || (dot && !md_def_is_name(field))) {
		md_def_wrong(loader, at, MD_DEF_M107, "\"%s\" is neither Model nor Model.field",
			     text.ptr);
		return;
	}
	into->model = md_def_copy(loader, model);
	into->field = dot ? md_def_copy(loader, field) : NULL;
}

static void read_reference(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_field *field = into;
	struct md_def_reference *reference = md_def_alloc(loader, 1, sizeof(*reference));

	if (!reference)
		return;
	if (json_is_string(at->json))
		read_target(loader, at, reference);
	else if (!json_is_object(at->json))
		md_def_wrong(loader, at, MD_DEF_M104,
			     "expected \"Model\", \"Model.field\" or an object");
	else if (md_def_read_object(loader, at, reference_keys, MD_DEF_LENGTH(reference_keys),
				    reference) &&
		 !json_object_get(at->json, "model"))
		md_def_wrong(loader, at, MD_DEF_M105, "\"model\" is missing");
	field->reference = reference;
	field->broken = field->broken || !reference->model;
}

static bool print_reference(const void *from, struct md_buf *out)
{
	const struct md_def_field *field = from;

	if (!field->reference)
		return false;
	md_buf_puts(out, "{ ");
	md_def_print_object(field->reference, reference_keys, MD_DEF_LENGTH(reference_keys), out);
	md_buf_puts(out, " }");
	return true;
}

/* --- defaults ----------------------------------------------------------------------------------
 */

#define DEFAULT(member) offsetof(struct md_def_default, member)
static const struct md_def_key default_keys[] = {
	{ .name = "fn", .reads = MD_DEF_READ_WORD, .offset = DEFAULT(fn), .words = md_def_fns },
	{ .name = "sql", .reads = MD_DEF_READ_SQL, .offset = DEFAULT(sql) },
};

static void read_default(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_default *value = into;
	bool fn = json_object_get(at->json, "fn"), sql = json_object_get(at->json, "sql");

	if (fn && sql)
		md_def_wrong(loader, at, MD_DEF_M112, "\"fn\" and \"sql\" exclude each other");
	else if (fn || sql)
		md_def_read_object(loader, at, default_keys, MD_DEF_LENGTH(default_keys), value);
	else
		value->literal = md_def_read_value(loader, at);
}

static bool print_default(const void *from, struct md_buf *out)
{
	const struct md_def_default *value = from;

	if (value->literal.kind) {
		md_def_print_value(&value->literal, out);
		return true;
	}
	if (!value->fn && !md_def_sql_is_given(&value->sql))
		return false;
	md_buf_puts(out, "{ ");
	md_def_print_object(value, default_keys, MD_DEF_LENGTH(default_keys), out);
	md_buf_puts(out, " }");
	return true;
}

static void read_on_update(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_default value = { .fn = MD_DEF_FN_NONE };
	bool *now = into;

	if (!md_def_read_object(loader, at, default_keys, 1, &value))
		return;
	*now = value.fn == MD_DEF_NOW;
	if (!json_object_get(at->json, "fn"))
		md_def_wrong(loader, at, MD_DEF_M105, "\"fn\" is missing");
	else if (value.fn && !*now)
		md_def_wrong(loader, at, MD_DEF_M106, "on_update knows only { \"fn\": \"now\" }");
}

static bool print_on_update(const void *from, struct md_buf *out)
{
	const bool *now = from;

	if (*now)
		md_buf_puts(out, "{ \"fn\": \"now\" }");
	return *now;
}

#define FIELD(member) offsetof(struct md_def_field, member)
static const struct md_def_key generated_keys[] = {
	{ .name = "sql", .reads = MD_DEF_READ_SQL, .offset = FIELD(generated) },
	{ .name = "stored", .reads = MD_DEF_READ_MAYBE, .offset = FIELD(stored) },
};

static void read_generated(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_field *field = into;

	if (md_def_read_object(loader, at, generated_keys, MD_DEF_LENGTH(generated_keys), field) &&
	    !json_object_get(at->json, "sql"))
		md_def_wrong(loader, at, MD_DEF_M105, "\"sql\" is missing");
	field->is_generated = true;
}

static bool print_generated(const void *from, struct md_buf *out)
{
	const struct md_def_field *field = from;

	if (!field->is_generated)
		return false;
	md_buf_puts(out, "{ ");
	md_def_print_object(field, generated_keys, MD_DEF_LENGTH(generated_keys), out);
	md_buf_puts(out, " }");
	return true;
}

/* --- the object --------------------------------------------------------------------------------
 */

static const struct md_def_word enforces[] = {
	{ "both", MD_DEF_ENFORCE_BOTH },
	{ "api", MD_DEF_ENFORCE_API },
	{ "database", MD_DEF_ENFORCE_DATABASE },
	{ NULL, 0 },
};
static const struct md_def_word json_numbers[] = {
	{ "number", MD_DEF_AS_NUMBER },
	{ "string", MD_DEF_AS_STRING },
	{ NULL, 0 },
};

/* clang-format off */
#define KEY(key, how, member) { .name = (key), .reads = MD_DEF_READ_##how, .offset = FIELD(member) }
#define CALL(key, member, reader, printer) \
	{ .name = (key), .reads = MD_DEF_READ_CALL, .offset = (member), .read = (reader), .print = (printer) }
#define UINT(key, member, least, most) \
	{ .name = (key), .reads = MD_DEF_READ_UINT, .offset = FIELD(member), .min = (least), .max = (most) }
#define WORD(key, member, list) \
	{ .name = (key), .reads = MD_DEF_READ_WORD, .offset = FIELD(member), .words = (list) }
static const struct md_def_key field_keys[] = {
	CALL("type", 0, read_field_type, print_field_type),
	CALL("enum", 0, read_enum, print_enum),
	CALL("references", 0, read_reference, print_reference),
	CALL("items", 0, read_items, print_items),
	UINT("precision", precision, 1, MD_DEF_PRECISION),
	UINT("scale", scale, 0, MD_DEF_SCALE),
	UINT("max_length", max_length, 1, MD_DEF_STRING_MAX),
	UINT("min_length", min_length, 0, MD_DEF_STRING_MAX),
	KEY("nullable", BOOL, nullable),
	KEY("primary_key", BOOL, primary_key),
	KEY("auto_increment", MAYBE, auto_increment),
	KEY("unique", BOOL, unique),
	KEY("index", MAYBE, index),
	CALL("default", FIELD(value), read_default, print_default),
	CALL("on_update", FIELD(on_update_now), read_on_update, print_on_update),
	CALL("generated", 0, read_generated, print_generated),
	KEY("min", VALUE, min),
	KEY("max", VALUE, max),
	KEY("exclusive_min", VALUE, exclusive_min),
	KEY("exclusive_max", VALUE, exclusive_max),
	KEY("multiple_of", VALUE, multiple_of),
	KEY("pattern", TEXT, pattern),
	WORD("format", format, md_def_formats),
	KEY("check", SQL, check),
	WORD("enforce", enforce, enforces),
	KEY("hidden", BOOL, hidden),
	KEY("readonly", BOOL, readonly),
	KEY("writeonly", BOOL, writeonly),
	KEY("immutable", BOOL, immutable),
	WORD("collate", collate, md_def_collates),
	KEY("column", IDENT, column),
	KEY("sql_type", SQL, sql_type),
	WORD("json_number", json_number, json_numbers),
	KEY("title", TEXT, title),
	KEY("description", TEXT, description),
	KEY("example", VALUE, example),
	KEY("renamed_from", IDENT, renamed_from),
	CALL("backfill", FIELD(backfill), read_default, print_default),
	KEY("$comment", COMMENT, name),
};
/* clang-format on */

bool md_def_is_field_key(struct md_str word)
{
	for (size_t i = 0; i < MD_DEF_LENGTH(field_keys); i++)
		if (md_str_is(word, field_keys[i].name))
			return true;
	return false;
}

/* What the keys say together. */
static void finish_object(struct md_def_loader *loader, const struct md_def_here *at,
			  struct md_def_field *field)
{
	bool labels = json_object_get(at->json, "enum");

	if (!field->typed && !labels && !field->reference) {
		if (!field->broken)
			md_def_wrong(loader, at, MD_DEF_M105,
				     "\"type\", \"enum\" or \"references\" is missing");
		field->broken = true;
	} else if (labels && field->typed && field->type != MD_DEF_ENUM &&
		   field->type != MD_DEF_NONE) {
		md_def_wrong(loader, at, MD_DEF_M112, "\"enum\" does not go with type %s",
			     md_def_word_of(md_def_types, field->type));
		field->broken = true;
	} else if (labels) {
		field->type = MD_DEF_ENUM;
		field->typed = true;
	} else if (field->type == MD_DEF_ENUM) {
		md_def_wrong(loader, at, MD_DEF_M105, "\"enum\" with the labels is missing");
		field->broken = true;
	} else if (field->type == MD_DEF_ARRAY && !json_object_get(at->json, "items")) {
		md_def_wrong(loader, at, MD_DEF_M105, "\"items\" with the type is missing");
		field->broken = true;
	} else if (field->type == MD_DEF_DECIMAL && !json_object_get(at->json, "precision")) {
		md_def_wrong(loader, at, MD_DEF_M105, "\"precision\" is missing");
		field->broken = true;
	}
}

void md_def_read_field(struct md_def_loader *loader, const struct md_def_here *at,
		       struct md_def_field *field)
{
	field->name = md_def_copy(loader, md_str_of(at->key));
	field->place = md_def_place_of(loader, at);
	if (!md_def_check_name(loader, at, at->key))
		field->broken = true;
	if (json_is_string(at->json))
		md_def_parse_field(loader, at, md_def_text(loader, at), field);
	else if (!json_is_object(at->json)) {
		md_def_wrong(loader, at, MD_DEF_M104, "expected a shorthand or an object");
		field->broken = true;
	} else if (md_def_read_object(loader, at, field_keys, MD_DEF_LENGTH(field_keys), field)) {
		finish_object(loader, at, field);
	}
}

void md_def_print_field(const struct md_def_field *field, enum md_def_form form, struct md_buf *out)
{
	md_auto_buf text = MD_BUF(64 * 1024);

	if (form == MD_DEF_SHORT && md_def_shorten_field(field, &text)) {
		const char *shorthand = md_buf_text(&text);

		if (shorthand)
			md_def_print_text(shorthand, out);
		out->failed = out->failed || !shorthand;
		return;
	}
	md_buf_puts(out, "{ ");
	md_def_print_object(field, field_keys, MD_DEF_LENGTH(field_keys), out);
	md_buf_puts(out, " }");
	out->failed = out->failed || text.failed;
}
