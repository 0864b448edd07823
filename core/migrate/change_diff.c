/* What makes one snapshot of another. Each operation is applied as soon as it is found, so that the
 * next ones are told against what they will meet. */
#include "core/base/arena.h"
#include "core/migrate/change_private.h"

#include "core/base/banned.h"

enum md_code md_differ_emit(struct md_differing *d, json_t *operation)
{
	if (!operation || json_array_append_new(d->operations, operation) != 0)
		return md_fail_nomem(d->err);
	d->applying.operation = operation;
	d->applying.number = json_array_size(d->operations) - 1;
	return md_change_apply_one(&d->applying);
}

json_t *md_differ_model(const struct md_differing *d, const char *name)
{
	return json_object_get(json_object_get(d->applying.document, "models"), name);
}

/* --- lists -------------------------------------------------------------------------------------
 */

static const struct list {
	const char *key, *add, *drop;
	bool unique;
} lists[] = {
	{ "foreign_keys", "add_foreign_key", "drop_foreign_key", false },
	{ "checks", "add_check", "drop_check", false },
	{ "indexes", "add_index", "drop_index", false },
	{ "unique", "add_index", "drop_index", true },
};
enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

static size_t count_of(const json_t *list, const json_t *item)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		count += json_equal(json_array_get(list, i), item) != 0;
	return count;
}

static json_t *bare_of(const json_t *item)
{
	json_t *bare = md_json_copy(item);

	json_object_del(bare, "name");
	return bare;
}

/* One of `list` that `others` lacks, and that is `item` but for its name. NULL: none. */
static const json_t *find_renamed(const json_t *list, const json_t *others, const json_t *item)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *other = json_array_get(list, i);

		if (count_of(others, other) < count_of(list, other) &&
		    md_json_equal_but(other, item, "name"))
			return other;
	}
	return NULL;
}

static enum md_code emit_item(struct md_differing *d, const char *op, const char *model,
			      const struct list *list, const json_t *item)
{
	json_t *operation = json_pack("{s:s, s:s, s:O}", "op", op, "model", model, "definition",
				      (json_t *)(uintptr_t)item);

	if (operation && list->unique &&
	    json_object_set_new(operation, "unique", json_true()) != 0) {
		json_decref(operation);
		operation = NULL;
	}
	return md_differ_emit(d, operation);
}

static json_t *name_of(const json_t *item)
{
	json_t *name = json_object_get(item, "name");

	return name ? json_incref(name) : json_null();
}

static enum md_code emit_rename(struct md_differing *d, const char *model, const struct list *list,
				const json_t *from, const json_t *to)
{
	json_t *operation =
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "op", "rename_index", "model", model, "from",
			  name_of(from), "to", name_of(to), "definition", bare_of(from));

	if (operation && list->unique &&
	    json_object_set_new(operation, "unique", json_true()) != 0) {
		json_decref(operation);
		operation = NULL;
	}
	return md_differ_emit(d, operation);
}

/* Drop what is too many, or call it otherwise. */
static enum md_code drop_items(struct md_differing *d, const char *model, const struct list *list,
			       const json_t *wanted)
{
	md_auto_json before = md_json_copy(json_object_get(md_differ_model(d, model), list->key));
	bool index = strcmp(list->drop, "drop_index") == 0;
	enum md_code code = MD_OK;

	if (!before && json_object_get(md_differ_model(d, model), list->key))
		return md_fail_nomem(d->err);
	for (size_t i = 0; i < json_array_size(before) && code == MD_OK; i++) {
		const json_t *item = json_array_get(before, i), *renamed;
		const json_t *now = json_object_get(md_differ_model(d, model), list->key);

		if (count_of(now, item) <= count_of(wanted, item))
			continue;
		renamed = index ? find_renamed(wanted, now, item) : NULL;
		code = renamed ? emit_rename(d, model, list, item, renamed)
			       : emit_item(d, list->drop, model, list, item);
	}
	return code;
}

static enum md_code add_items(struct md_differing *d, const char *model, const struct list *list,
			      const json_t *wanted)
{
	enum md_code code = MD_OK;

	for (size_t i = 0; i < json_array_size(wanted) && code == MD_OK; i++) {
		const json_t *item = json_array_get(wanted, i);
		const json_t *now = json_object_get(md_differ_model(d, model), list->key);

		if (count_of(now, item) < count_of(wanted, item))
			code = emit_item(d, list->add, model, list, item);
	}
	return code;
}

/* --- fields ------------------------------------------------------------------------------------
 */

/* Add what definitions say for rows that exist; `operation` is given up when memory is out. */
static json_t *with_backfill(const struct md_differing *d, json_t *operation, const char *model,
			     const char *field)
{
	const json_t *fields = json_object_get(json_object_get(d->declared, model), "fields");
	json_t *backfill = json_object_get(json_object_get(fields, field), "backfill");

	if (operation && backfill && json_object_set(operation, "backfill", backfill) != 0) {
		json_decref(operation);
		return NULL;
	}
	return operation;
}

static enum md_code add_field(struct md_differing *d, const char *model, const char *name,
			      json_t *field)
{
	json_t *operation = json_pack("{s:s, s:s, s:s, s:O}", "op", "add_field", "model", model,
				      "field", name, "definition", field);

	return md_differ_emit(d, with_backfill(d, operation, model, name));
}

static enum md_code alter_field(struct md_differing *d, const char *model, const char *name,
				json_t *from, json_t *to)
{
	/* The document goes on to change; the operation does not. */
	json_t *operation =
		json_pack("{s:s, s:s, s:s, s:o, s:O}", "op", "alter_field", "model", model, "field",
			  name, "from", md_json_deep_copy(from), "to", to);
	bool narrows = json_is_true(json_object_get(from, "nullable")) &&
		       !json_is_true(json_object_get(to, "nullable"));

	return md_differ_emit(d, narrows ? with_backfill(d, operation, model, name) : operation);
}

/* Those that come first, so that others can be changed to refer to them. */
static enum md_code add_fields(struct md_differing *d, const char *model, const json_t *after)
{
	enum md_code code = MD_OK;
	const char *name;
	json_t *field;

	json_object_foreach(
		json_object_get(after, "fields"), name,
		field) if (code == MD_OK &&
			   !json_object_get(json_object_get(md_differ_model(d, model), "fields"),
					    name)) code = add_field(d, model, name, field);
	return code;
}

static enum md_code alter_fields(struct md_differing *d, const char *model, const json_t *after)
{
	enum md_code code = MD_OK;
	const char *name;
	json_t *field;

	json_object_foreach(json_object_get(after, "fields"), name, field)
	{
		json_t *now =
			json_object_get(json_object_get(md_differ_model(d, model), "fields"), name);

		if (code == MD_OK && !json_equal(now, field))
			code = alter_field(d, model, name, now, field);
	}
	return code;
}

static enum md_code drop_fields(struct md_differing *d, const char *model, const json_t *after)
{
	const json_t *wanted = json_object_get(after, "fields");
	md_auto_json before = md_json_copy(json_object_get(md_differ_model(d, model), "fields"));
	enum md_code code = MD_OK;
	const char *name;
	json_t *field;

	if (!before)
		return md_fail_nomem(d->err);
	json_object_foreach(before, name,
			    field) if (code == MD_OK && !json_object_get(wanted, name)) code =
		md_differ_emit(d, json_pack("{s:s, s:s, s:s, s:O}", "op", "drop_field", "model",
					    model, "field", name, "definition", field));
	return code;
}

/* --- models ------------------------------------------------------------------------------------
 */

static bool is_plain(const char *key)
{
	for (unsigned i = 0; i < LISTS; i++)
		if (strcmp(key, lists[i].key) == 0)
			return false;
	return strcmp(key, "fields") != 0;
}

/* The keys of `model` whose values are others in `other`; NULL: no memory. */
static json_t *differing(const json_t *model, const json_t *other)
{
	md_auto_json keys = json_object();
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)model, key,
			    value) if (is_plain(key) &&
				       !json_equal(value, json_object_get(other, key)) &&
				       json_object_set_new(keys, key, md_json_deep_copy(value)) !=
					       0) return NULL;
	/* A key that is missing on one side is null there. */
	json_object_foreach((json_t *)(uintptr_t)other, key,
			    value) if (is_plain(key) && !json_object_get(model, key) &&
				       json_object_set_new(keys, key, json_null()) !=
					       0) return NULL;
	return keys ? json_incref(keys) : NULL;
}

static enum md_code alter_model(struct md_differing *d, const char *name, const json_t *after)
{
	const json_t *now = md_differ_model(d, name);
	md_auto_json from = differing(now, after);
	md_auto_json to = differing(after, now);

	if (!from || !to)
		return md_fail_nomem(d->err);
	if (json_object_size(from) == 0)
		return MD_OK;
	return md_differ_emit(d, json_pack("{s:s, s:s, s:O, s:O}", "op", "alter_model", "model",
					   name, "from", from, "to", to));
}

static enum md_code create_tables(struct md_differing *d)
{
	enum md_code code = MD_OK;
	const char *name;
	json_t *model;

	json_object_foreach((json_t *)(uintptr_t)d->models, name,
			    model) if (code == MD_OK && !md_differ_model(d, name)) code =
		md_differ_emit(d, json_pack("{s:s, s:s, s:O}", "op", "create_table", "model", name,
					    "definition", model));
	return code;
}

/* The last that was made goes first. */
static enum md_code drop_tables(struct md_differing *d)
{
	md_auto_json before = json_array();
	enum md_code code = MD_OK;
	const char *name;
	json_t *model;

	json_object_foreach(json_object_get(d->applying.document, "models"), name,
			    model) if (!json_object_get(d->models, name) &&
				       json_array_insert_new(before, 0, json_string(name)) !=
					       0) return md_fail_nomem(d->err);
	for (size_t i = 0; i < json_array_size(before) && code == MD_OK; i++) {
		name = json_string_value(json_array_get(before, i));
		code = md_differ_emit(d, json_pack("{s:s, s:s, s:o}", "op", "drop_table", "model",
						   name, "definition",
						   md_json_deep_copy(md_differ_model(d, name))));
	}
	return before ? code : md_fail_nomem(d->err);
}

/* --- enums -------------------------------------------------------------------------------------
 */

static enum md_code alter_enum(struct md_differing *d, const char *name, json_t *from, json_t *to)
{
	return md_differ_emit(d, json_pack("{s:s, s:s, s:o, s:o}", "op", "alter_enum", "enum", name,
					   "from", from ? md_json_deep_copy(from) : json_null(),
					   "to", to ? json_incref(to) : json_null()));
}

static enum md_code change_enums(struct md_differing *d)
{
	enum md_code code = MD_OK;
	const char *name;
	json_t *labels;

	json_object_foreach(json_object_get(d->after->document, "enums"), name, labels)
	{
		json_t *now = json_object_get(json_object_get(d->applying.document, "enums"), name);

		if (code == MD_OK && !(now && json_equal(now, labels)))
			code = alter_enum(d, name, now, labels);
	}
	return code;
}

static enum md_code drop_enums(struct md_differing *d)
{
	const json_t *wanted = json_object_get(d->after->document, "enums");
	const json_t *all = json_object_get(d->applying.document, "enums");
	md_auto_json before = all ? md_json_copy(all) : json_object();
	enum md_code code = MD_OK;
	const char *name;
	json_t *labels;

	if (!before)
		return md_fail_nomem(d->err);
	json_object_foreach(before, name,
			    labels) if (code == MD_OK && !json_object_get(wanted, name)) code =
		alter_enum(d, name, labels, NULL);
	return code;
}

/* --- all together ------------------------------------------------------------------------------
 */

static enum md_code drop_lists(struct md_differing *d, const char *model, const json_t *after)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; i < LISTS && code == MD_OK; i++)
		code = drop_items(d, model, &lists[i], json_object_get(after, lists[i].key));
	return code;
}

static enum md_code add_lists(struct md_differing *d, const char *model, const json_t *after)
{
	enum md_code code = MD_OK;

	for (unsigned i = LISTS; i-- > 0 && code == MD_OK;)
		code = add_items(d, model, &lists[i], json_object_get(after, lists[i].key));
	return code;
}

/* A step for each model that is there on both sides. */
static enum md_code for_each(struct md_differing *d,
			     enum md_code (*step)(struct md_differing *, const char *,
						  const json_t *))
{
	enum md_code code = MD_OK;
	const char *name;
	json_t *model;

	json_object_foreach((json_t *)(uintptr_t)d->models, name,
			    model) if (code == MD_OK && md_differ_model(d, name)) code =
		step(d, name, model);
	return code;
}

/* What is in the way goes first, then comes what is new, then what refers to it; what is left over
 * goes last. */
static enum md_code differ(struct md_differing *d)
{
	enum md_code code = md_differ_renames(d);

	if (code == MD_OK && d->question_count > 0)
		return md_differ_ask(d);
	if (code == MD_OK)
		code = for_each(d, drop_lists);
	if (code == MD_OK)
		code = change_enums(d);
	if (code == MD_OK)
		code = create_tables(d);
	if (code == MD_OK)
		code = for_each(d, add_fields);
	if (code == MD_OK)
		code = for_each(d, alter_fields);
	if (code == MD_OK)
		code = for_each(d, alter_model);
	if (code == MD_OK)
		code = for_each(d, add_lists);
	if (code == MD_OK)
		code = for_each(d, drop_fields);
	if (code == MD_OK)
		code = drop_tables(d);
	return code == MD_OK ? drop_enums(d) : code;
}

/* The models as files have them, for what a snapshot leaves out; NULL: no memory. */
static json_t *declared_models(const struct md_definitions *definitions)
{
	md_auto_buf text = MD_BUF(MD_JSON_MAX);
	md_auto_json document = NULL;

	if (!definitions)
		return json_object();
	md_definitions_print(definitions, NULL, MD_DEF_LONG, &text);
	document = text.failed ? NULL : json_loadb(text.data, text.len, 0, NULL);
	return document ? json_incref(json_object_get(document, "models")) : NULL;
}

enum md_code md_change_diff(const struct md_snapshot *before, const struct md_snapshot *after,
			    const struct md_diff_options *options, struct md_arena *arena,
			    json_t **ret_operations,
			    const struct md_rename_question **ret_questions,
			    unsigned *ret_question_count, struct md_error *err)
{
	static const struct md_diff_options none;
	md_auto_json operations = json_array();
	md_auto_json document = md_json_deep_copy(before->document);
	md_auto_json declared = declared_models(options ? options->definitions : NULL);
	struct md_differing d = { .applying = { .document = document, .err = err },
				  .before = before,
				  .after = after,
				  .options = options ? options : &none,
				  .models = json_object_get(after->document, "models"),
				  .declared = declared,
				  .operations = operations,
				  .arena = arena,
				  .err = err };
	enum md_code code;

	if (!operations || !document || !declared)
		return md_fail_nomem(err);
	code = differ(&d);
	if (code == MD_OK) {
		/* Nothing in it belongs to the snapshots. */
		json_t *copy = md_json_deep_copy(operations);

		if (!copy)
			return md_fail_nomem(err);
		*ret_operations = copy;
	}
	if (code == MD_CONFLICT && ret_questions) {
		*ret_questions = d.questions;
		*ret_question_count = d.question_count;
	}
	return code;
}
