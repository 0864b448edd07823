/* Definitions as a document that says each thing in one way only, so that what means the same is
 * the same: keys always at the model, no abstract models, no settings that are the default. */
#include "core/migrate/snapshot_private.h"

#include "core/base/banned.h"

/* What is put together; `failed`: memory is out. */
struct document {
	const struct md_definitions *definitions;
	bool failed;
};

static void set(struct document *doc, json_t *object, const char *key, json_t *value)
{
	doc->failed = json_object_set_new(object, key, value) != 0 || doc->failed;
}

/* Take a key away that says `usual`. */
static void drop_usual(json_t *object, const char *key, const char *usual)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text && strcmp(text, usual) == 0)
		json_object_del(object, key);
}

static void drop_bool(json_t *object, const char *key, bool usual)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_boolean(value) && json_is_true(value) == usual)
		json_object_del(object, key);
}

static void drop_empty(json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (value && json_object_size(value) == 0 && json_array_size(value) == 0)
		json_object_del(object, key);
}

/* --- values ------------------------------------------------------------------------------------
 */

/* A value whose text would change when it is written again stays a text. */
static void keep_exact(struct document *doc, json_t *field, const char *key,
		       const struct md_def_value *value)
{
	const json_t *json = json_object_get(field, key);
	md_auto_buf text = MD_BUF(MD_JSON_MAX);

	if (!json || (value->kind != MD_DEF_NUMBER && value->kind != MD_DEF_TREE))
		return;
	md_json_put(&text, json, MD_JSON_LOADED);
	doc->failed = doc->failed || text.failed;
	if (!text.failed && !md_str_is(md_buf_str(&text), value->text))
		set(doc, field, key, json_pack("{s:s}", MD_JSON_EXACT, value->text));
}

static void tidy_values(struct document *doc, json_t *json, const struct md_def_field *field)
{
	const struct {
		const char *key;
		const struct md_def_value *value;
	} values[] = {
		{ "default", &field->value.literal },
		{ "min", &field->min },
		{ "max", &field->max },
		{ "exclusive_min", &field->exclusive_min },
		{ "exclusive_max", &field->exclusive_max },
		{ "multiple_of", &field->multiple_of },
		{ "example", &field->example },
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		keep_exact(doc, json, values[i].key, values[i].value);
}

/* --- fields ------------------------------------------------------------------------------------
 */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_sql(const struct md_def_sql *a, const struct md_def_sql *b)
{
	bool same = same_text(a->any, b->any);

	for (unsigned i = 0; i < MD_ENGINES; i++)
		same = same && same_text(a->own[i], b->own[i]);
	return same;
}

/* What a reference took over from its target comes again by itself. */
static void drop_taken_over(json_t *json, const struct md_def_field *field)
{
	const struct md_def_field *target = field->reference->to_field;

	if (field->typed || !target)
		return;
	if (field->max_length == target->max_length)
		json_object_del(json, "max_length");
	if (field->collate == target->collate)
		json_object_del(json, "collate");
	if (same_sql(&field->sql_type, &target->sql_type))
		json_object_del(json, "sql_type");
	if (field->json_number == target->json_number)
		json_object_del(json, "json_number");
	json_object_del(json, "items");
	json_object_del(json, "precision");
	json_object_del(json, "scale");
}

static void drop_actions(json_t *json)
{
	drop_usual(json, "on_delete", "no action");
	drop_usual(json, "on_update", "no action");
}

static void tidy_reference(json_t *json, const struct md_def_field *field)
{
	const struct md_def_reference *reference = field->reference;
	json_t *inner = json_object_get(json, "references");

	if (!reference)
		return;
	if (reference->to && reference->to->key_count == 1 &&
	    reference->to_field == reference->to->key[0])
		json_object_del(inner, "field");
	drop_actions(inner);
	drop_taken_over(json, field);
}

/* Whether it would get an index without being asked. */
static bool is_foreign(const struct md_def_model *model, const struct md_def_field *field)
{
	for (unsigned i = 0; i < model->foreign_key_count; i++)
		for (unsigned k = 0; k < model->foreign_keys[i].count; k++)
			if (model->foreign_keys[i].fields[k] == field)
				return true;
	return false;
}

static void tidy_field(struct document *doc, json_t *json, const struct md_def_model *model,
		       const struct md_def_field *field)
{
	bool sole = model->key_count == 1 && model->key[0] == field;

	tidy_values(doc, json, field);
	tidy_reference(json, field);
	json_object_del(json, "primary_key"); /* stands at the model */
	json_object_del(json, "renamed_from");
	json_object_del(json, "backfill");
	drop_usual(json, "column", field->name);
	drop_bool(json, "auto_increment", true);
	drop_bool(json_object_get(json, "generated"), "stored", true);
	if (!is_foreign(model, field))
		drop_bool(json, "index", false);
	if (sole || field->unique)
		json_object_del(json, "index");
	if (sole)
		json_object_del(json, "unique");
}

/* --- models ------------------------------------------------------------------------------------
 */

static void tidy_options(json_t *model)
{
	json_t *options = json_object_get(model, "options");

	drop_bool(json_object_get(options, "sqlite"), "strict", true);
	drop_bool(json_object_get(options, "sqlite"), "without_rowid", false);
	drop_bool(json_object_get(options, "postgresql"), "unlogged", false);
	for (unsigned i = 0; i < MD_ENGINES; i++)
		drop_empty(options, md_engines[i].name);
	drop_empty(model, "options");
}

static void put_key(struct document *doc, json_t *json, const struct md_def_model *model)
{
	json_t *key = json_array();

	doc->failed = doc->failed || !key;
	for (unsigned i = 0; i < model->key_count; i++)
		doc->failed = json_array_append_new(key, json_string(model->key[i]->name)) != 0 ||
			      doc->failed;
	set(doc, json, "primary_key", key);
	drop_empty(json, "primary_key");
}

/* The keys of a foreign key's targets, when they are the primary key. */
static void tidy_foreign_keys(json_t *json, const struct md_def_model *model)
{
	json_t *list = json_object_get(json, "foreign_keys");
	unsigned at = 0;

	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		const struct md_def_foreign_key *key = &model->foreign_keys[i];
		json_t *item;
		bool primary = key->count == key->to->key_count;

		if (!key->declared)
			continue;
		item = json_array_get(list, at++);
		drop_actions(item);
		for (unsigned k = 0; primary && k < key->count; k++)
			primary = key->targets[k] == key->to->key[k];
		if (primary)
			json_object_del(item, "references");
	}
}

static void tidy_model(struct document *doc, json_t *json, const struct md_def_model *model)
{
	json_t *fields = json_object_get(json, "fields");
	json_t *indexes = json_object_get(json, "indexes");
	json_t *unique = json_object_get(json, "unique");

	json_object_del(json, "renamed_from");
	drop_bool(json, "managed", true);
	put_key(doc, json, model);
	tidy_options(json);
	for (unsigned i = 0; i < model->field_count; i++)
		tidy_field(doc, json_object_get(fields, model->fields[i].name), model,
			   &model->fields[i]);
	for (size_t i = 0; i < json_array_size(indexes); i++)
		json_object_del(json_array_get(indexes, i), "renamed_from");
	for (size_t i = 0; i < json_array_size(unique); i++)
		json_object_del(json_array_get(unique, i), "renamed_from");
	tidy_foreign_keys(json, model);
}

/* --- the document ------------------------------------------------------------------------------
 */

static bool is_used(const struct md_definitions *definitions, const char *name)
{
	for (unsigned i = 0; i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];

		for (unsigned k = 0; !model->abstract && k < model->field_count; k++)
			if (model->fields[k].typed && model->fields[k].enum_name &&
			    strcmp(model->fields[k].enum_name, name) == 0)
				return true;
	}
	return false;
}

static json_t *printed(const struct md_definitions *definitions)
{
	md_auto_buf text = MD_BUF(MD_JSON_MAX);

	md_definitions_print(definitions, NULL, MD_DEF_LONG, &text);
	return text.failed ? NULL : json_loadb(text.data, text.len, 0, NULL);
}

static void take_models(struct document *doc, const json_t *from, json_t *models)
{
	for (unsigned i = 0; i < doc->definitions->model_count && !doc->failed; i++) {
		const struct md_def_model *model = &doc->definitions->models[i];
		json_t *json = json_object_get(from, model->name);

		if (model->abstract)
			continue;
		tidy_model(doc, json, model);
		set(doc, models, model->name, json_incref(json));
	}
}

static void take_enums(struct document *doc, const json_t *from, json_t *enums)
{
	for (unsigned i = 0; i < doc->definitions->enum_count; i++) {
		const char *name = doc->definitions->enums[i].name;

		if (is_used(doc->definitions, name))
			set(doc, enums, name, json_incref(json_object_get(from, name)));
	}
}

json_t *md_snapshot_document(const struct md_definitions *definitions)
{
	struct document doc = { .definitions = definitions };
	md_auto_json from = printed(definitions);
	md_auto_json document = NULL;

	/* Models without a key are described, not made: no id comes to them. */
	document = json_pack("{s:i, s:{s:s}, s:{}, s:{}}", "version", 1, "defaults", "auto_id",
			     "none", "enums", "models");
	if (!from || !document)
		return NULL;
	take_enums(&doc, json_object_get(from, "enums"), json_object_get(document, "enums"));
	take_models(&doc, json_object_get(from, "models"), json_object_get(document, "models"));
	drop_empty(document, "enums");
	if (doc.failed || !md_snapshot_sort(document))
		return NULL;
	return json_incref(document);
}
