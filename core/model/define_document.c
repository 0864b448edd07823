/* One definition file: what stands in it, and how it is printed again. */
#include <jansson.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

/* --- relations ---------------------------------------------------------------------------------
 */

static const struct md_def_word loads[] = {
	{ "request", false },
	{ "always", true },
	{ NULL, 0 },
};

static void read_load(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	bool *always = into;
	unsigned value = false;

	if (json_is_string(at->json) &&
	    md_def_word_find(loads, md_str_of(json_string_value(at->json)), &value))
		*always = value;
	else
		md_def_wrong(loader, at, MD_DEF_M106, "expected \"request\" or \"always\"");
}

static bool print_load(const void *from, struct md_buf *out)
{
	const bool *always = from;

	if (*always)
		md_buf_puts(out, "\"always\"");
	return *always;
}

static void read_order(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_names *names = into;
	struct md_def_here child = { .up = NULL };
	struct md_def_order order;
	size_t size = json_array_size(at->json);
	const char **items;
	unsigned count = 0;

	if (!md_def_is_array(loader, at))
		return;
	if (size == 0 || size > MD_DEF_KEY_FIELDS) {
		md_def_wrong(loader, at, MD_DEF_M106, "expected 1 to %d fields, not %zu",
			     MD_DEF_KEY_FIELDS, size);
		return;
	}
	items = md_def_alloc(loader, size, sizeof(*items));
	while (items && md_def_next(loader, at, &child)) {
		const char *text = md_def_text(loader, &child);

		if (text && md_def_take_order(text, &order))
			items[count++] = text;
		else if (text)
			md_def_no_order(loader, &child, text);
	}
	*names = (struct md_def_names){ items, count };
}

static bool print_order(const void *from, struct md_buf *out)
{
	const struct md_def_names *order = from;

	if (order->count > 0)
		md_def_print_names(order, out);
	return order->count > 0;
}

/* clang-format off */
#define KEY(key, how, type, member) \
	{ .name = (key), .reads = MD_DEF_READ_##how, .offset = offsetof(struct type, member) }
#define CALL(key, where, reader, printer) \
	{ .name = (key), .reads = MD_DEF_READ_CALL, .offset = (where), .read = (reader), .print = (printer) }
#define WORD(key, type, member, list) \
	{ .name = (key), .reads = MD_DEF_READ_WORD, .offset = offsetof(struct type, member), .words = (list) }
static const struct md_def_key relation_keys[] = {
	KEY("model", NAME, md_def_relation, model),
	KEY("uselist", MAYBE, md_def_relation, uselist),
	KEY("secondary", IDENT, md_def_relation, secondary),
	KEY("via", ONE_NAME, md_def_relation, via),
	KEY("local", ONE_NAME, md_def_relation, local),
	KEY("remote", ONE_NAME, md_def_relation, remote),
	KEY("back_populates", NAME, md_def_relation, back_populates),
	CALL("order_by", offsetof(struct md_def_relation, order_by), read_order, print_order),
	CALL("load", offsetof(struct md_def_relation, always), read_load, print_load),
	KEY("cascade_delete", BOOL, md_def_relation, cascade_delete),
	KEY("description", TEXT, md_def_relation, description),
	KEY("$comment", COMMENT, md_def_relation, name),
};
/* clang-format on */

static void read_relation_object(struct md_def_loader *loader, const struct md_def_here *at,
				 struct md_def_relation *relation)
{
	md_def_read_object(loader, at, relation_keys, MD_DEF_LENGTH(relation_keys), relation);
	if (!json_object_get(at->json, "model"))
		md_def_wrong(loader, at, MD_DEF_M105, "\"model\" is missing");
	if (relation->secondary && relation->via.count > 0) {
		md_def_wrong(loader, at, MD_DEF_M112,
			     "\"secondary\" and \"via\" exclude each other");
		relation->broken = true;
	}
}

void md_def_read_relation(struct md_def_loader *loader, const struct md_def_here *at,
			  struct md_def_relation *relation)
{
	relation->name = md_def_copy(loader, md_str_of(at->key));
	relation->place = md_def_place_of(loader, at);
	relation->broken = !md_def_check_name(loader, at, at->key);
	if (json_is_string(at->json))
		md_def_parse_relation(loader, at, md_def_text(loader, at), relation);
	else if (json_is_object(at->json))
		read_relation_object(loader, at, relation);
	else
		md_def_wrong(loader, at, MD_DEF_M104, "expected a shorthand or an object");
	relation->broken = relation->broken || !relation->model;
}

void md_def_print_relation(const struct md_def_relation *relation, enum md_def_form form,
			   struct md_buf *out)
{
	md_auto_buf text = MD_BUF(MD_DEF_SHORTHAND + 1);

	if (form == MD_DEF_SHORT && md_def_shorten_relation(relation, &text)) {
		const char *shorthand = md_buf_text(&text);

		if (shorthand)
			md_def_print_text(shorthand, out);
		out->failed = out->failed || !shorthand;
		return;
	}
	md_buf_puts(out, "{ ");
	md_def_print_object(relation, relation_keys, MD_DEF_LENGTH(relation_keys), out);
	md_buf_puts(out, " }");
	out->failed = out->failed || text.failed;
}

/* --- models ------------------------------------------------------------------------------------
 */

static void read_fields(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_model *model = into;
	struct md_def_here child = { .up = NULL };
	size_t size = json_object_size(at->json);
	struct md_def_field *fields;

	if (!md_def_is_object(loader, at))
		return;
	if (size > loader->limits.fields) {
		md_def_wrong(loader, at, MD_DEF_M108, "a model has at most %u fields, not %zu",
			     loader->limits.fields, size);
		return;
	}
	fields = md_def_alloc(loader, size, sizeof(*fields));
	model->fields = fields;
	while (fields && md_def_next(loader, at, &child))
		md_def_read_field(loader, &child, &fields[model->field_count++]);
}

static void read_relations(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_model *model = into;
	struct md_def_here child = { .up = NULL };
	struct md_def_relation *relations;

	if (!md_def_is_object(loader, at))
		return;
	relations = md_def_alloc(loader, json_object_size(at->json), sizeof(*relations));
	model->relations = relations;
	while (relations && md_def_next(loader, at, &child))
		md_def_read_relation(loader, &child, &relations[model->relation_count++]);
}

static const struct md_def_key timestamp_keys[] = {
	KEY("created", NAME, md_def_model, created),
	KEY("updated", NAME, md_def_model, updated),
};

static void read_timestamps(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_model *model = into;

	if (json_is_boolean(at->json)) {
		model->timestamps = json_is_true(at->json) ? MD_DEF_YES : MD_DEF_NO;
	} else if (!json_is_object(at->json)) {
		md_def_wrong(loader, at, MD_DEF_M104,
			     "expected true, false or an object with \"created\" and \"updated\"");
	} else {
		md_def_read_object(loader, at, timestamp_keys, MD_DEF_LENGTH(timestamp_keys),
				   model);
		model->timestamps = model->created || model->updated ? MD_DEF_YES : MD_DEF_NO;
	}
}

static bool print_timestamps(const void *from, struct md_buf *out)
{
	const struct md_def_model *model = from;

	if (model->timestamps == MD_DEF_UNSET)
		return false;
	if (!model->created && !model->updated) {
		md_buf_puts(out, model->timestamps == MD_DEF_YES ? "true" : "false");
		return true;
	}
	md_buf_puts(out, "{ ");
	md_def_print_object(model, timestamp_keys, MD_DEF_LENGTH(timestamp_keys), out);
	md_buf_puts(out, " }");
	return true;
}

/* clang-format off */
/* The first are printed in front of the fields, one a line; those without a printer in a way of their own. */
enum { PLAIN_KEYS = 12 };
static const struct md_def_key model_keys[] = {
	KEY("table", IDENT, md_def_model, table),
	KEY("schema", IDENT, md_def_model, schema),
	KEY("description", TEXT, md_def_model, description),
	KEY("abstract", BOOL, md_def_model, abstract),
	KEY("extends", ONE_NAME, md_def_model, extends),
	KEY("managed", MAYBE, md_def_model, managed),
	KEY("read_only", BOOL, md_def_model, read_only),
	KEY("renamed_from", NAME, md_def_model, renamed_from),
	KEY("primary_key", NAMES, md_def_model, primary_key),
	CALL("timestamps", 0, read_timestamps, print_timestamps),
	CALL("options", offsetof(struct md_def_model, options), md_def_read_options, md_def_print_options),
	KEY("$comment", COMMENT, md_def_model, name),
	CALL("fields", 0, read_fields, NULL),
	CALL("relations", 0, read_relations, NULL),
	CALL("unique", 0, md_def_read_unique, NULL),
	CALL("indexes", 0, md_def_read_indexes, NULL),
	CALL("checks", 0, md_def_read_checks, NULL),
	CALL("foreign_keys", 0, md_def_read_foreign_keys, NULL),
};
/* clang-format on */

static void read_model(struct md_def_loader *loader, const struct md_def_here *at,
		       struct md_def_model *model)
{
	model->name = md_def_copy(loader, md_str_of(at->key));
	model->place = md_def_place_of(loader, at);
	md_def_check_name(loader, at, at->key);
	if (md_def_read_object(loader, at, model_keys, MD_DEF_LENGTH(model_keys), model) &&
	    !json_object_get(at->json, "fields") && !json_object_get(at->json, "extends"))
		md_def_wrong(loader, at, MD_DEF_M105, "\"fields\" is missing");
}

static void read_models(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_definitions *document = into;
	struct md_def_here child = { .up = NULL };
	size_t size = json_object_size(at->json);
	struct md_def_model *models;

	if (!md_def_is_object(loader, at))
		return;
	if (size > loader->limits.models) {
		md_def_wrong(loader, at, MD_DEF_M108, "at most %u models, not %zu",
			     loader->limits.models, size);
		return;
	}
	models = md_def_alloc(loader, size, sizeof(*models));
	document->models = models;
	while (models && md_def_next(loader, at, &child))
		read_model(loader, &child, &models[document->model_count++]);
}

/* --- the file ----------------------------------------------------------------------------------
 */

static void read_enums(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_definitions *document = into;
	struct md_def_here child = { .up = NULL };
	struct md_def_enum *enums;

	if (!md_def_is_object(loader, at))
		return;
	enums = md_def_alloc(loader, json_object_size(at->json), sizeof(*enums));
	document->enums = enums;
	while (enums && md_def_next(loader, at, &child)) {
		struct md_def_enum *one = &enums[document->enum_count++];

		one->name = md_def_copy(loader, md_str_of(child.key));
		one->place = md_def_place_of(loader, &child);
		md_def_check_name(loader, &child, child.key);
		md_def_read_labels(loader, &child, &one->labels);
	}
}

static void read_version(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	(void)into;
	if (!json_is_integer(at->json) || json_integer_value(at->json) != 1)
		md_def_wrong(loader, at, MD_DEF_M106, "the version of the format is 1");
}

static const struct md_def_word ids[] = {
	{ "bigint", MD_DEF_ID_BIGINT },
	{ "integer", MD_DEF_ID_INTEGER },
	{ "uuid", MD_DEF_ID_UUID },
	{ "none", MD_DEF_ID_NONE },
	{ NULL, 0 },
};
static const struct md_def_word cases[] = {
	{ "lower", MD_DEF_LOWER },
	{ "snake", MD_DEF_SNAKE },
	{ "exact", MD_DEF_EXACT },
	{ NULL, 0 },
};
static const struct md_def_key defaults_keys[] = {
	WORD("auto_id", md_def_defaults, auto_id, ids),
	KEY("timestamps", MAYBE, md_def_defaults, timestamps),
	WORD("table_name", md_def_defaults, table_name, cases),
	WORD("on_delete", md_def_defaults, on_delete, md_def_actions),
	{ .name = "string_max",
	  .reads = MD_DEF_READ_UINT,
	  .offset = offsetof(struct md_def_defaults, string_max),
	  .min = 1,
	  .max = MD_DEF_STRING_MAX },
};

static void read_defaults(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	md_def_read_object(loader, at, defaults_keys, MD_DEF_LENGTH(defaults_keys), into);
}

static const struct md_def_key file_keys[] = {
	KEY("$schema", TEXT, md_definitions, schema_url),
	CALL("version", 0, read_version, NULL),
	CALL("defaults", offsetof(struct md_definitions, defaults), read_defaults, NULL),
	CALL("enums", 0, read_enums, NULL),
	CALL("models", 0, read_models, NULL),
	KEY("$comment", COMMENT, md_definitions, schema_url),
};

void md_def_read_document(struct md_def_loader *loader, const struct md_def_here *root,
			  struct md_definitions *into)
{
	static const char *const needed[] = { "version", "models" };

	loader->comments = false;
	if (!md_def_read_object(loader, root, file_keys, MD_DEF_LENGTH(file_keys), into))
		return;
	for (size_t i = 0; i < MD_DEF_LENGTH(needed); i++)
		if (!json_object_get(root->json, needed[i]))
			md_def_wrong(loader, root, MD_DEF_M105, "\"%s\" is missing", needed[i]);
	into->has_comments = loader->comments;
}

/* --- printing ----------------------------------------------------------------------------------
 */

/* A list of lines, separated by commas. */
struct lines {
	struct md_buf *out;
	const char *indent;
	unsigned count;
};

static struct md_buf *next_line(struct lines *lines)
{
	md_buf_printf(lines->out, "%s\n%s", lines->count++ > 0 ? "," : "", lines->indent);
	return lines->out;
}

static void print_fields(const struct md_def_model *model, enum md_def_form form,
			 struct lines *keys)
{
	struct lines lines = { keys->out, "        ", 0 };

	md_buf_puts(next_line(keys), "\"fields\": {");
	for (unsigned i = 0; i < model->field_count; i++) {
		md_buf_printf(next_line(&lines), "\"%s\": ", model->fields[i].name);
		md_def_print_field(&model->fields[i], form, lines.out);
	}
	md_buf_puts(keys->out, lines.count > 0 ? "\n      }" : "}");
}

static void print_relations(const struct md_def_model *model, enum md_def_form form,
			    struct lines *keys)
{
	struct lines lines = { keys->out, "        ", 0 };

	if (model->relation_count == 0)
		return;
	md_buf_puts(next_line(keys), "\"relations\": {");
	for (unsigned i = 0; i < model->relation_count; i++) {
		md_buf_printf(next_line(&lines), "\"%s\": ", model->relations[i].name);
		md_def_print_relation(&model->relations[i], form, lines.out);
	}
	md_buf_puts(keys->out, "\n      }");
}

static void print_indexes(const struct md_def_model *model, bool unique, struct lines *keys)
{
	struct lines lines = { keys->out, "        ", 0 };

	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *index = &model->indexes[i];

		if (!index->declared || index->in_unique != unique)
			continue;
		if (lines.count == 0)
			md_buf_puts(next_line(keys), unique ? "\"unique\": [" : "\"indexes\": [");
		next_line(&lines);
		md_def_print_index(index, lines.out);
	}
	if (lines.count > 0)
		md_buf_puts(keys->out, "\n      ]");
}

static void print_checks(const struct md_def_model *model, struct lines *keys)
{
	struct lines lines = { keys->out, "        ", 0 };

	if (model->check_count == 0)
		return;
	md_buf_puts(next_line(keys), "\"checks\": [");
	for (unsigned i = 0; i < model->check_count; i++) {
		next_line(&lines);
		md_def_print_check(&model->checks[i], lines.out);
	}
	md_buf_puts(keys->out, "\n      ]");
}

static void print_foreign_keys(const struct md_def_model *model, struct lines *keys)
{
	struct lines lines = { keys->out, "        ", 0 };

	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		if (!model->foreign_keys[i].declared)
			continue;
		if (lines.count == 0)
			md_buf_puts(next_line(keys), "\"foreign_keys\": [");
		next_line(&lines);
		md_def_print_foreign_key(&model->foreign_keys[i], lines.out);
	}
	if (lines.count > 0)
		md_buf_puts(keys->out, "\n      ]");
}

static void print_model(const struct md_def_model *model, enum md_def_form form,
			struct lines *models)
{
	struct lines keys = { models->out, "      ", 0 };

	md_buf_printf(next_line(models), "\"%s\": {", model->name);
	for (unsigned i = 0; i < PLAIN_KEYS; i++) {
		md_auto_buf one = MD_BUF(1024 * 1024);

		if (md_def_print_object(model, &model_keys[i], 1, &one) > 0)
			md_buf_put(next_line(&keys), one.data, one.len);
		models->out->failed = models->out->failed || one.failed;
	}
	print_fields(model, form, &keys);
	print_relations(model, form, &keys);
	print_indexes(model, true, &keys);
	print_indexes(model, false, &keys);
	print_checks(model, &keys);
	print_foreign_keys(model, &keys);
	md_buf_puts(models->out, "\n    }");
}

static bool uses(const struct md_def_model *model, const char *enum_name)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (model->fields[i].enum_name && model->fields[i].typed &&
		    strcmp(model->fields[i].enum_name, enum_name) == 0)
			return true;
	return false;
}

static void print_enums(const struct md_definitions *from, const struct md_def_model *only,
			struct lines *keys)
{
	struct lines lines = { keys->out, "    ", 0 };

	for (unsigned i = 0; i < from->enum_count; i++) {
		if (only && !uses(only, from->enums[i].name))
			continue;
		if (lines.count == 0)
			md_buf_puts(next_line(keys), "\"enums\": {");
		md_buf_printf(next_line(&lines), "\"%s\": ", from->enums[i].name);
		md_def_print_names(&from->enums[i].labels, lines.out);
	}
	if (lines.count > 0)
		md_buf_puts(keys->out, "\n  }");
}

static void print_defaults(const struct md_def_defaults *defaults, struct lines *keys)
{
	md_auto_buf text = MD_BUF(1024);

	if (md_def_print_object(defaults, defaults_keys, MD_DEF_LENGTH(defaults_keys), &text) > 0)
		md_buf_printf(next_line(keys), "\"defaults\": { %.*s }", (int)text.len, text.data);
	keys->out->failed = keys->out->failed || text.failed;
}

void md_definitions_print(const struct md_definitions *definitions, const struct md_def_model *only,
			  enum md_def_form form, struct md_buf *out)
{
	struct lines keys = { out, "  ", 0 }, models = { out, "    ", 0 };

	md_buf_putc(out, '{');
	if (definitions->schema_url && !only) {
		md_buf_puts(next_line(&keys), "\"$schema\": ");
		md_def_print_text(definitions->schema_url, out);
	}
	md_buf_puts(next_line(&keys), "\"version\": 1");
	print_defaults(&definitions->defaults, &keys);
	print_enums(definitions, only, &keys);
	md_buf_puts(next_line(&keys), "\"models\": {");
	for (unsigned i = 0; i < definitions->model_count; i++)
		if (!only || only == &definitions->models[i])
			print_model(&definitions->models[i], form, &models);
	md_buf_puts(out, models.count > 0 ? "\n  }\n}\n" : "}\n}\n");
}
