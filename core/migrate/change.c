#include "core/migrate/change.h"

#include <stdio.h>

#include "core/migrate/change_private.h"

#include "core/base/banned.h"

/* --- the operations ----------------------------------------------------------------------------
 */

/* clang-format off */
#define MODEL_KEY { "model", MD_FORM_NAME, false }
#define FIELD_KEY { "field", MD_FORM_NAME, false }
#define UNIQUE_KEY { "unique", MD_FORM_BOOL, true }
#define BACKFILL_KEY { "backfill", MD_FORM_ANY, true }
#define DEFINITION(form) { "definition", MD_FORM_##form, false }
#define FROM_TO(form) { "from", MD_FORM_##form, false }, { "to", MD_FORM_##form, false }
static const struct md_change_kind kinds[] = {
	{ "create_table", "drop_table", md_apply_create_table, { MODEL_KEY, DEFINITION(MODEL) } },
	{ "drop_table", "create_table", md_apply_drop_table, { MODEL_KEY, DEFINITION(MODEL) } },
	{ "rename_model", "rename_model", md_apply_rename_model,
	  { FROM_TO(NAME), { "table", MD_FORM_TABLES, true } } },
	{ "alter_model", "alter_model", md_apply_alter_model, { MODEL_KEY, FROM_TO(OBJECT) } },
	{ "add_field", "drop_field", md_apply_add_field,
	  { MODEL_KEY, FIELD_KEY, DEFINITION(FIELD), BACKFILL_KEY } },
	{ "drop_field", "add_field", md_apply_drop_field,
	  { MODEL_KEY, FIELD_KEY, DEFINITION(FIELD), BACKFILL_KEY } },
	{ "rename_field", "rename_field", md_apply_rename_field, { MODEL_KEY, FROM_TO(NAME) } },
	{ "alter_field", "alter_field", md_apply_alter_field,
	  { MODEL_KEY, FIELD_KEY, FROM_TO(FIELD), BACKFILL_KEY } },
	{ "add_index", "drop_index", md_apply_add_index, { MODEL_KEY, DEFINITION(OBJECT), UNIQUE_KEY } },
	{ "drop_index", "add_index", md_apply_drop_index, { MODEL_KEY, DEFINITION(OBJECT), UNIQUE_KEY } },
	{ "rename_index", "rename_index", md_apply_rename_index,
	  { MODEL_KEY, FROM_TO(NAME_OR_NULL), { "definition", MD_FORM_OBJECT, true }, UNIQUE_KEY } },
	{ "add_check", "drop_check", md_apply_add_check, { MODEL_KEY, DEFINITION(OBJECT) } },
	{ "drop_check", "add_check", md_apply_drop_check, { MODEL_KEY, DEFINITION(OBJECT) } },
	{ "add_foreign_key", "drop_foreign_key", md_apply_add_foreign_key, { MODEL_KEY, DEFINITION(OBJECT) } },
	{ "drop_foreign_key", "add_foreign_key", md_apply_drop_foreign_key, { MODEL_KEY, DEFINITION(OBJECT) } },
	{ "alter_enum", "alter_enum", md_apply_alter_enum,
	  { { "enum", MD_FORM_NAME, false }, FROM_TO(LABELS_OR_NULL) } },
	{ "sql", "sql", NULL, { { "up", MD_FORM_SQL, false }, { "down", MD_FORM_SQL, true } } },
	{ "backfill", NULL, md_apply_backfill, { MODEL_KEY, FIELD_KEY, { "value", MD_FORM_ANY, false } } },
};
/* clang-format on */

const char *md_change_str(const json_t *operation, const char *key)
{
	return json_string_value(json_object_get(operation, key));
}

const struct md_change_kind *md_change_kind_of(const json_t *operation)
{
	const char *op = md_change_str(operation, "op");

	for (size_t i = 0; op && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(op, kinds[i].op) == 0)
			return &kinds[i];
	return NULL;
}

/* --- checking ----------------------------------------------------------------------------------
 */

static bool are_texts(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return json_is_array(list);
}

static bool is_name_or_null(const json_t *value)
{
	return json_is_null(value) || json_string_length(value) > 0;
}

static bool is_name(const json_t *value)
{
	return json_string_length(value) > 0;
}

static bool is_labels_or_null(const json_t *value)
{
	return json_is_null(value) || (are_texts(value) && json_array_size(value) > 0);
}

static bool is_tables(const json_t *value)
{
	return json_object_size(value) == 2 && is_name(json_object_get(value, "from")) &&
	       is_name(json_object_get(value, "to"));
}

static bool is_statements(const json_t *value)
{
	return json_is_null(value) || json_is_string(value) || are_texts(value);
}

static bool is_sql(const json_t *value)
{
	size_t known = 0;

	if (!json_is_object(value))
		return is_statements(value);
	for (size_t i = 0; i < MD_ENGINES; i++) {
		const json_t *own = json_object_get(value, md_engines[i].name);

		if (!own || !md_engines[i].schemes[0])
			continue;
		if (!is_statements(own))
			return false;
		known++;
	}
	return known > 0 && known == json_object_size(value);
}

static bool is_field(const json_t *value)
{
	const json_t *reference = json_object_get(value, "references");

	return json_is_object(value) && (!reference || json_is_object(reference));
}

static bool are_objects(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_object(json_array_get(list, i)))
			return false;
	return !list || json_is_array(list);
}

static bool is_model(const json_t *value)
{
	const char *name;
	json_t *inner;

	json_object_foreach(json_object_get(value, "fields"), name,
			    inner) if (!is_field(inner)) return false;
	json_object_foreach(json_object_get(value, "relations"), name,
			    inner) if (!json_is_object(inner)) return false;
	for (unsigned i = 0; i < MD_SNAPSHOT_LISTS; i++)
		if (!are_objects(json_object_get(value, md_snapshot_lists[i])))
			return false;
	return json_is_object(json_object_get(value, "fields"));
}

static bool is_object(const json_t *value)
{
	return json_is_object(value);
}

static bool is_bool(const json_t *value)
{
	return json_is_boolean(value);
}

static bool is_anything(const json_t *value)
{
	return value;
}

static const struct {
	bool (*is)(const json_t *value);
	const char *expected;
} forms[] = {
	[MD_FORM_NAME] = { is_name, "a name" },
	[MD_FORM_NAME_OR_NULL] = { is_name_or_null, "a name or null" },
	[MD_FORM_OBJECT] = { is_object, "an object" },
	[MD_FORM_MODEL] = { is_model, "a model in the long form" },
	[MD_FORM_FIELD] = { is_field, "a field in the long form" },
	[MD_FORM_LABELS_OR_NULL] = { is_labels_or_null, "a list of labels or null" },
	[MD_FORM_TABLES] = { is_tables, "an object with \"from\" and \"to\"" },
	[MD_FORM_SQL] = { is_sql, "SQL: a text, a list of texts, or an object of them by engine" },
	[MD_FORM_BOOL] = { is_bool, "true or false" },
	[MD_FORM_ANY] = { is_anything, "a value" },
};

static enum md_code wrong(struct md_error *err, size_t number, const char *key, const char *what)
{
	md_fail(err, MD_INVALID, "MD422", "the operations of a revision are wrong: %s", what);
	md_error_details(err, "/%zu%s%s", number, key[0] ? "/" : "", key);
	return MD_INVALID;
}

static const struct md_change_key *key_of(const struct md_change_kind *kind, const char *name)
{
	for (unsigned i = 0; i < MD_CHANGE_KEYS && kind->keys[i].name; i++)
		if (strcmp(kind->keys[i].name, name) == 0)
			return &kind->keys[i];
	return NULL;
}

static enum md_code check_one(const json_t *operation, size_t number, struct md_error *err)
{
	const struct md_change_kind *kind = md_change_kind_of(operation);
	char text[160];
	const char *name;
	json_t *value;

	if (!kind) {
		snprintf(text, sizeof(text), "unknown operation \"%.64s\"",
			 md_change_str(operation, "op") ? md_change_str(operation, "op") : "");
		return wrong(err, number, "op", text);
	}
	for (unsigned i = 0; i < MD_CHANGE_KEYS && kind->keys[i].name; i++) {
		const struct md_change_key *key = &kind->keys[i];

		value = json_object_get(operation, key->name);
		if (!value && key->optional)
			continue;
		snprintf(text, sizeof(text), "\"%s\" of %s is %s", key->name, kind->op,
			 forms[key->form].expected);
		if (!value || !forms[key->form].is(value))
			return wrong(err, number, key->name, text);
	}
	json_object_foreach((json_t *)(uintptr_t)operation, name, value)
	{
		if (strcmp(name, "op") == 0 || key_of(kind, name))
			continue;
		snprintf(text, sizeof(text), "%s has no \"%.64s\"", kind->op, name);
		return wrong(err, number, name, text);
	}
	return MD_OK;
}

enum md_code md_change_check(const json_t *operations, struct md_error *err)
{
	if (!json_is_array(operations))
		return md_fail(err, MD_INVALID, "MD422",
			       "the operations of a revision are a list of objects");
	for (size_t i = 0; i < json_array_size(operations); i++) {
		enum md_code code = check_one(json_array_get(operations, i), i, err);

		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

/* --- taking back -------------------------------------------------------------------------------
 */

bool md_change_is_reversible(const json_t *operation)
{
	const struct md_change_kind *kind = md_change_kind_of(operation);

	return kind && (kind->apply || json_object_get(operation, "down"));
}

/* Two keys change places. */
static bool swap(json_t *object, const char *one, const char *other)
{
	json_t *first = json_incref(json_object_get(object, one));
	json_t *second = json_incref(json_object_get(object, other));

	/* Each takes over its value, also when it fails. */
	bool ok = json_object_set_new(object, one, second) == 0;

	return json_object_set_new(object, other, first) == 0 && ok;
}

/* The operation the other way round; NULL: no memory. */
static json_t *inverted(const json_t *operation, const struct md_change_kind *kind)
{
	md_auto_json made = md_json_deep_copy(operation);
	bool ok = made && json_object_set_new(made, "op", json_string(kind->inverse)) == 0;

	if (ok && json_object_get(made, "from"))
		ok = swap(made, "from", "to");
	if (ok && !kind->apply)
		ok = swap(made, "up", "down");
	if (ok && json_object_get(made, "table"))
		ok = swap(json_object_get(made, "table"), "from", "to");
	/* It filled what may be null again. */
	if (ok && json_object_get(made, "from"))
		json_object_del(made, "backfill");
	return ok ? json_incref(made) : NULL;
}

enum md_code md_change_invert(const json_t *operations, json_t **ret_operations,
			      struct md_error *err)
{
	md_auto_json list = json_array();
	enum md_code code = md_change_check(operations, err);

	if (code != MD_OK)
		return code;
	if (!list)
		return md_fail_nomem(err);
	for (size_t i = json_array_size(operations); i-- > 0;) {
		const json_t *operation = json_array_get(operations, i);
		const struct md_change_kind *kind = md_change_kind_of(operation);

		if (!md_change_is_reversible(operation)) {
			md_fail(err, MD_CONFLICT, "MD_IRREVERSIBLE",
				"an operation cannot be taken back: it has no \"down\"");
			md_error_details(err, "operation %zu, %s", i, kind->op);
			return MD_CONFLICT;
		}
		if (kind->inverse && json_array_append_new(list, inverted(operation, kind)) != 0)
			return md_fail_nomem(err);
	}
	*ret_operations = json_incref(list);
	return MD_OK;
}
