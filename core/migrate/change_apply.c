/* Operations applied to documents. What an operation says of before must be there. */
#include <stdarg.h>
#include <stdio.h>

#include "core/migrate/change_private.h"

#include "core/base/banned.h"

enum { MESSAGE = 400 };

enum md_code md_change_misfit(struct md_applying *a, const char *fmt, ...)
{
	char text[MESSAGE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	md_fail(a->err, MD_INVALID, "MD422", "an operation does not fit: %s", text);
	md_error_details(a->err, "operation %zu, %s", a->number, md_change_str(a->operation, "op"));
	return MD_INVALID;
}

static const char *str(const struct md_applying *a, const char *key)
{
	return md_change_str(a->operation, key);
}

static json_t *models_of(const struct md_applying *a)
{
	return json_object_get(a->document, "models");
}

/* What stands in a key of the operation, for the document. NULL: no memory. */
static json_t *copy_of(const struct md_applying *a, const char *key)
{
	return md_json_deep_copy(json_object_get(a->operation, key));
}

/* A failed allocation, or success. */
static enum md_code done(const struct md_applying *a, bool ok)
{
	return ok ? MD_OK : md_fail_nomem(a->err);
}

/* The model of the operation; NULL: there is none, and that is told. */
static json_t *model_of(struct md_applying *a)
{
	json_t *model = json_object_get(models_of(a), str(a, "model"));

	if (!model)
		md_change_misfit(a, "there is no model %s", str(a, "model"));
	return model;
}

/* --- models ------------------------------------------------------------------------------------
 */

enum md_code md_apply_create_table(struct md_applying *a)
{
	const char *name = str(a, "model");

	if (json_object_get(models_of(a), name))
		return md_change_misfit(a, "there is a model %s already", name);
	return done(a, json_object_set_new(models_of(a), name, copy_of(a, "definition")) == 0);
}

enum md_code md_apply_drop_table(struct md_applying *a)
{
	json_t *model = model_of(a);

	if (!model)
		return MD_INVALID;
	if (!json_equal(model, json_object_get(a->operation, "definition")))
		return md_change_misfit(a, "%s is not as the operation says", str(a, "model"));
	json_object_del(models_of(a), str(a, "model"));
	return MD_OK;
}

/* A relation may name its junction by the table. */
static bool rename_secondary(struct md_applying *a, const char *from, const char *to)
{
	const char *name, *key;
	json_t *model, *relation;

	json_object_foreach(models_of(a), name, model)
		json_object_foreach(json_object_get(model, "relations"), key, relation)
	{
		const char *text = md_change_str(relation, "secondary");

		if (text && strcmp(text, from) == 0 && !json_object_get(models_of(a), from) &&
		    json_object_set_new(relation, "secondary", json_string(to)) != 0)
			return false;
	}
	return true;
}

static enum md_code rename_table(struct md_applying *a, json_t *model, const json_t *tables)
{
	const char *table = md_change_str(model, "table");
	const char *from = md_change_str(tables, "from"), *to = md_change_str(tables, "to");

	if (!tables)
		return MD_OK;
	if (!table || strcmp(table, from) != 0)
		return md_change_misfit(a, "the table of %s is not \"%s\"", str(a, "from"), from);
	if (json_object_set_new(model, "table", json_string(to)) != 0)
		return md_fail_nomem(a->err);
	return done(a, rename_secondary(a, from, to));
}

enum md_code md_apply_rename_model(struct md_applying *a)
{
	const char *from = str(a, "from"), *to = str(a, "to");
	json_t *model = json_object_get(models_of(a), from);
	struct md_mentions mentions = { .models = models_of(a), .from = to, .other = from };
	enum md_code code;

	if (!model)
		return md_change_misfit(a, "there is no model %s", from);
	md_mentions_of_model(&mentions);
	if (json_object_get(models_of(a), to) || mentions.count > 0)
		return md_change_misfit(a, "the name %s is taken", to);
	code = rename_table(a, model, json_object_get(a->operation, "table"));
	if (code != MD_OK)
		return code;
	mentions =
		(struct md_mentions){ .models = models_of(a), .from = from, .to = to, .other = to };
	md_mentions_of_model(&mentions);
	return done(a, !mentions.failed && md_json_rename(models_of(a), from, to));
}

/* A key that is missing is null. */
static bool is_value(const json_t *value, const json_t *wanted)
{
	if (!wanted || json_is_null(wanted))
		return !value;
	return value && json_equal(value, wanted);
}

static bool has_operations(const char *key)
{
	for (unsigned i = 0; i < MD_SNAPSHOT_LISTS; i++)
		if (strcmp(key, md_snapshot_lists[i]) == 0)
			return true;
	return strcmp(key, "fields") == 0;
}

static enum md_code check_keys(struct md_applying *a, const json_t *model, const json_t *keys)
{
	const json_t *from = json_object_get(a->operation, "from");
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)keys, key, value)
	{
		if (has_operations(key))
			return md_change_misfit(a, "%s have operations of their own", key);
		if (!is_value(json_object_get(model, key), json_object_get(from, key)))
			return md_change_misfit(a, "%s of %s is not as the operation says", key,
						str(a, "model"));
	}
	return MD_OK;
}

enum md_code md_apply_alter_model(struct md_applying *a)
{
	json_t *model = model_of(a), *value;
	const json_t *from = json_object_get(a->operation, "from");
	const json_t *to = json_object_get(a->operation, "to");
	const char *key;
	enum md_code code;

	if (!model)
		return MD_INVALID;
	code = check_keys(a, model, from);
	if (code == MD_OK)
		code = check_keys(a, model, to);
	if (code != MD_OK)
		return code;
	json_object_foreach((json_t *)(uintptr_t)from, key, value) json_object_del(model, key);
	json_object_foreach((json_t *)(uintptr_t)to, key,
			    value) if (!json_is_null(value) &&
				       json_object_set_new(model, key, md_json_deep_copy(value)) !=
					       0) return md_fail_nomem(a->err);
	return MD_OK;
}

/* --- fields ------------------------------------------------------------------------------------
 */

/* The fields of the operation's model; NULL: there are none, and that is told. */
static json_t *fields_of(struct md_applying *a)
{
	json_t *model = model_of(a), *fields = json_object_get(model, "fields");

	if (model && !fields)
		md_change_misfit(a, "%s has no fields", str(a, "model"));
	return fields;
}

static json_t *field_of(struct md_applying *a, json_t *fields, const char *name)
{
	json_t *field = json_object_get(fields, name);

	if (fields && !field)
		md_change_misfit(a, "%s has no field %s", str(a, "model"), name);
	return field;
}

static enum md_code set_field(struct md_applying *a, json_t *fields, const char *key)
{
	json_t *field = copy_of(a, key);
	json_t *backfill = json_object_get(a->operation, "backfill");

	if (!field)
		return md_fail_nomem(a->err);
	if (a->keep_backfill && backfill &&
	    json_object_set_new(field, "backfill", md_json_deep_copy(backfill)) != 0) {
		json_decref(field);
		return md_fail_nomem(a->err);
	}
	return done(a, json_object_set_new(fields, str(a, "field"), field) == 0);
}

enum md_code md_apply_add_field(struct md_applying *a)
{
	json_t *fields = fields_of(a);

	if (!fields)
		return MD_INVALID;
	if (json_object_get(fields, str(a, "field")))
		return md_change_misfit(a, "%s has a field %s already", str(a, "model"),
					str(a, "field"));
	return set_field(a, fields, "definition");
}

/* The field, which is as a key of the operation says; NULL: it is not, and that is told. */
static json_t *field_as(struct md_applying *a, json_t *fields, const char *key)
{
	json_t *field = field_of(a, fields, str(a, "field"));

	if (!field || md_json_equal_but(field, json_object_get(a->operation, key), "backfill"))
		return field;
	md_change_misfit(a, "%s.%s is not as the operation says", str(a, "model"), str(a, "field"));
	return NULL;
}

enum md_code md_apply_drop_field(struct md_applying *a)
{
	json_t *fields = fields_of(a);

	if (!field_as(a, fields, "definition"))
		return MD_INVALID;
	json_object_del(fields, str(a, "field"));
	return MD_OK;
}

enum md_code md_apply_alter_field(struct md_applying *a)
{
	json_t *fields = fields_of(a);

	return field_as(a, fields, "from") ? set_field(a, fields, "to") : MD_INVALID;
}

enum md_code md_apply_rename_field(struct md_applying *a)
{
	const char *from = str(a, "from"), *to = str(a, "to");
	json_t *fields = fields_of(a);
	struct md_mentions mentions = {
		.models = models_of(a), .model = str(a, "model"), .from = to, .other = from
	};

	if (!field_of(a, fields, from))
		return MD_INVALID;
	md_mentions_of_field(&mentions);
	if (json_object_get(fields, to) || mentions.count > 0)
		return md_change_misfit(a, "the name %s is taken in %s", to, str(a, "model"));
	mentions.from = from;
	mentions.to = mentions.other = to;
	md_mentions_of_field(&mentions);
	return done(a, !mentions.failed && md_json_rename(fields, from, to));
}

enum md_code md_apply_backfill(struct md_applying *a)
{
	return field_of(a, fields_of(a), str(a, "field")) ? MD_OK : MD_INVALID;
}

/* --- lists -------------------------------------------------------------------------------------
 */

static size_t find_item(const json_t *list, const json_t *item)
{
	size_t at = 0;

	while (at < json_array_size(list) && !json_equal(json_array_get(list, at), item))
		at++;
	return at;
}

static enum md_code add_item(struct md_applying *a, const char *key)
{
	json_t *model = model_of(a), *list = json_object_get(model, key);

	if (!model)
		return MD_INVALID;
	if (!list) {
		list = json_array();
		if (!list || json_object_set_new(model, key, list) != 0)
			return md_fail_nomem(a->err);
	}
	return done(a, json_array_append_new(list, copy_of(a, "definition")) == 0);
}

static void drop_at(json_t *model, const char *key, json_t *list, size_t at)
{
	json_array_remove(list, at);
	if (json_array_size(list) == 0)
		json_object_del(model, key);
}

static enum md_code drop_item(struct md_applying *a, const char *key)
{
	json_t *model = model_of(a), *list = json_object_get(model, key);
	size_t at = find_item(list, json_object_get(a->operation, "definition"));

	if (!model)
		return MD_INVALID;
	if (at == json_array_size(list))
		return md_change_misfit(a, "%s has none such in its %s", str(a, "model"), key);
	drop_at(model, key, list, at);
	return MD_OK;
}

static const char *index_list(const struct md_applying *a)
{
	return json_is_true(json_object_get(a->operation, "unique")) ? "unique" : "indexes";
}

enum md_code md_apply_add_index(struct md_applying *a)
{
	return add_item(a, index_list(a));
}

enum md_code md_apply_drop_index(struct md_applying *a)
{
	return drop_item(a, index_list(a));
}

/* The index of a renaming: by its name, and where that comes by itself, by what it is. */
static json_t *index_named(struct md_applying *a, const json_t *list)
{
	const char *from = str(a, "from");
	const json_t *definition = json_object_get(a->operation, "definition");
	json_t *item;
	size_t at;

	json_array_foreach(list, at, item)
	{
		const char *name = md_change_str(item, "name");

		if (from && name ? strcmp(from, name) != 0 : from || name)
			continue;
		if (definition ? md_json_equal_but(item, definition, "name") : from != NULL)
			return item;
	}
	return NULL;
}

enum md_code md_apply_rename_index(struct md_applying *a)
{
	json_t *model = model_of(a);
	json_t *item = index_named(a, json_object_get(model, index_list(a)));
	const char *to = str(a, "to");

	if (!model)
		return MD_INVALID;
	if (!item)
		return md_change_misfit(a, "%s has no such index", str(a, "model"));
	if (to)
		return done(a, json_object_set_new(item, "name", json_string(to)) == 0);
	json_object_del(item, "name");
	return MD_OK;
}

enum md_code md_apply_add_check(struct md_applying *a)
{
	return add_item(a, "checks");
}

enum md_code md_apply_drop_check(struct md_applying *a)
{
	return drop_item(a, "checks");
}

enum md_code md_apply_add_foreign_key(struct md_applying *a)
{
	return add_item(a, "foreign_keys");
}

enum md_code md_apply_drop_foreign_key(struct md_applying *a)
{
	return drop_item(a, "foreign_keys");
}

/* --- enums -------------------------------------------------------------------------------------
 */

enum md_code md_apply_alter_enum(struct md_applying *a)
{
	json_t *enums = json_object_get(a->document, "enums");
	const char *name = str(a, "enum");
	const json_t *to = json_object_get(a->operation, "to");

	if (!is_value(json_object_get(enums, name), json_object_get(a->operation, "from")))
		return md_change_misfit(a, "the enum %s is not as the operation says", name);
	if (json_is_null(to)) {
		json_object_del(enums, name);
		if (enums && json_object_size(enums) == 0)
			json_object_del(a->document, "enums");
		return MD_OK;
	}
	if (!enums) {
		enums = json_object();
		if (!enums || json_object_set_new(a->document, "enums", enums) != 0)
			return md_fail_nomem(a->err);
	}
	return done(a, json_object_set_new(enums, name, copy_of(a, "to")) == 0);
}

/* --- all together ------------------------------------------------------------------------------
 */

enum md_code md_change_apply_one(struct md_applying *a)
{
	const struct md_change_kind *kind = md_change_kind_of(a->operation);

	return kind->apply ? kind->apply(a) : MD_OK;
}

enum md_code md_change_apply(const struct md_snapshot *before, const json_t *operations,
			     size_t first, size_t count, bool keep_backfill,
			     struct md_snapshot **ret_after, struct md_error *err)
{
	struct md_applying a = { .keep_backfill = keep_backfill, .err = err };
	md_auto_json document = NULL;
	enum md_code code = md_change_check(operations, err);

	if (code != MD_OK)
		return code;
	document = md_json_deep_copy(before->document);
	if (!document)
		return md_fail_nomem(err);
	a.document = document;
	for (size_t i = 0; i < count && first + i < json_array_size(operations); i++) {
		a.operation = json_array_get(operations, first + i);
		a.number = first + i;
		code = md_change_apply_one(&a);
		if (code != MD_OK)
			return code;
	}
	code = md_snapshot_take(document, ret_after, err);
	if (code == MD_OK)
		document = NULL;
	return code;
}
