/* The document of /-/models. Every setter of jansson takes NULL as a value and fails, so a failing
 * allocation anywhere makes its whole branch NULL, up to the document. */
#include "core/model/registry_json.h"

#include <stdlib.h>

#include "core/base/banned.h"

json_t *md_json_checked(json_t *json, int failed)
{
	if (!failed)
		return json;
	json_decref(json);
	return NULL;
}

/* An array of `count` values made by `one`. */
static json_t *list(json_t *(*one)(const void *items, unsigned i), const void *items,
		    unsigned count)
{
	json_t *array = json_array();
	int failed = !array;

	for (unsigned i = 0; i < count && !failed; i++)
		failed = json_array_append_new(array, one(items, i));
	return md_json_checked(array, failed);
}

/* Names are nearly always UTF-8; one that is not must not cost the whole document. */
json_t *md_json_text(struct md_str s)
{
	json_t *json;
	char *copy;

	if (!s.ptr)
		return json_null();
	if (md_utf8_is_valid(s.ptr, s.len))
		return json_stringn_nocheck(s.ptr, s.len);
	copy = malloc(s.len);
	if (!copy)
		return NULL;
	memcpy(copy, s.ptr, s.len);
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	json = json_stringn_nocheck(copy, s.len);
	free(copy);
	return json;
}

const char *md_field_type_name(const struct md_field *f)
{
	static const char *const names[] = {
		[MD_TYPE_ANY] = "any",
		[MD_TYPE_INT2] = "smallint",
		[MD_TYPE_INT4] = "integer",
		[MD_TYPE_INT8] = "bigint",
		[MD_TYPE_FLOAT] = "float",
		[MD_TYPE_NUMERIC] = "decimal",
		[MD_TYPE_BOOL] = "boolean",
		[MD_TYPE_TEXT] = "text",
		[MD_TYPE_DATE] = "date",
		[MD_TYPE_TIME] = "time",
		[MD_TYPE_TIMESTAMP] = "datetime_local",
		[MD_TYPE_TIMESTAMPTZ] = "datetime",
		[MD_TYPE_UUID] = "uuid",
		[MD_TYPE_JSON] = "json",
		[MD_TYPE_BYTES] = "bytes",
		[MD_TYPE_OTHER] = "other",
		[MD_TYPE_KEPT_DATE] = "date",
		[MD_TYPE_KEPT_TIME] = "time",
		[MD_TYPE_KEPT_TIMESTAMP] = "datetime_local",
		[MD_TYPE_KEPT_TIMESTAMPTZ] = "datetime",
		[MD_TYPE_KEPT_UUID] = "uuid",
		[MD_TYPE_KEPT_NUMERIC] = "decimal",
		[MD_TYPE_KEPT_BYTES] = "bytes",
	};

	return f->def ? md_declared_type_name(f) : names[f->type];
}

/* Names of fields; those that are hidden are left out. */
static json_t *field_names(const struct md_field *const *fields, unsigned count)
{
	json_t *array = json_array();
	int failed = !array;

	for (unsigned i = 0; i < count && !failed; i++)
		if (!fields[i]->hidden)
			failed = json_array_append_new(array, md_json_text(fields[i]->name));
	return md_json_checked(array, failed);
}

static json_t *field(const struct md_field *f)
{
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", md_json_text(f->name));
	failed |= json_object_set_new(json, "type", json_string_nocheck(md_field_type_name(f)));
	failed |= json_object_set_new(json, "declared", md_json_text(f->declared));
	failed |= json_object_set_new(json, "nullable", json_boolean(f->nullable));
	failed |= json_object_set_new(json, "generated", json_boolean(f->generated));
	failed |= json_object_set_new(json, "primary_key", json_boolean(f->key_position >= 0));
	failed |= json_object_set_new(json, "unique", json_boolean(f->unique));
	failed |= json_object_set_new(json, "default",
				      f->def ? md_declared_default(f->def)
					     : md_json_text(md_str_of(f->fallback)));
	if (f->def)
		failed |= md_declared_put_field(json, f);
	return md_json_checked(json, failed);
}

static json_t *fields(const struct md_model *m)
{
	json_t *array = json_array();
	int failed = !array;

	for (unsigned i = 0; i < m->field_count && !failed; i++)
		if (!m->fields[i].hidden)
			failed = json_array_append_new(array, field(&m->fields[i]));
	return md_json_checked(array, failed);
}

static json_t *key(const void *items, unsigned i)
{
	const struct md_key *k = (const struct md_key *)items + i;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", md_json_text(k->name));
	failed |= json_object_set_new(json, "fields", field_names(k->fields, k->count));
	return md_json_checked(json, failed);
}

static json_t *junction(const struct md_relation *r)
{
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "model", md_json_text(r->junction->name));
	failed |= json_object_set_new(json, "fields", field_names(r->near, r->local_count));
	failed |= json_object_set_new(json, "references", field_names(r->far, r->remote_count));
	failed |= json_object_set_new(json, "constraint", md_json_text(r->far_constraint));
	return md_json_checked(json, failed);
}

const char *md_cardinality_name(enum md_cardinality cardinality)
{
	static const char *const names[] = { [MD_MANY_TO_ONE] = "many-to-one",
					     [MD_ONE_TO_MANY] = "one-to-many",
					     [MD_ONE_TO_ONE] = "one-to-one",
					     [MD_MANY_TO_MANY] = "many-to-many" };

	return names[cardinality];
}

static json_t *relation(const void *items, unsigned i)
{
	const struct md_relation *r = (const struct md_relation *)items + i;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", md_json_text(r->name));
	failed |= json_object_set_new(json, "model", md_json_text(r->to->name));
	failed |= json_object_set_new(json, "cardinality",
				      json_string_nocheck(md_cardinality_name(r->cardinality)));
	failed |= json_object_set_new(json, "constraint", md_json_text(r->constraint));
	failed |= json_object_set_new(json, "fields", field_names(r->local, r->local_count));
	failed |= json_object_set_new(json, "references", field_names(r->remote, r->remote_count));
	if (r->junction)
		failed |= json_object_set_new(json, "through", junction(r));
	if (r->from->def) {
		failed |= json_object_set_new(json, "declared", json_boolean(r->declared));
		failed |= json_object_set_new(json, "always", json_boolean(r->always));
	}
	return md_json_checked(json, failed);
}

/* What OPTIONS allows, in its order. */
static json_t *methods(const struct md_model *m)
{
	const struct {
		const char *name;
		bool allowed;
	} all[] = {
		{ "OPTIONS", true },
		{ "GET", true },
		{ "HEAD", true },
		{ "POST", m->insertable },
		{ "PUT", m->insertable && m->updatable && m->key_count > 0 },
		{ "PATCH", m->updatable },
		{ "DELETE", m->deletable },
	};
	json_t *array = json_array();
	int failed = !array;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].allowed)
			failed |= json_array_append_new(array, json_string_nocheck(all[i].name));
	return md_json_checked(array, failed);
}

static json_t *model(const void *items, unsigned i)
{
	const struct md_model *m = (const struct md_model *)items + i;
	unsigned primary = m->keys_count > 0 && m->keys[0].primary;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", md_json_text(m->name));
	failed |= json_object_set_new(
		json, "kind", json_string_nocheck(m->kind == MD_REL_VIEW ? "view" : "table"));
	if (m->def)
		failed |= md_declared_put_model(json, m);
	else if (m->comment.ptr)
		failed |= json_object_set_new(json, "comment", md_json_text(m->comment));
	failed |= json_object_set_new(json, "fields", fields(m));
	failed |= json_object_set_new(json, "primary_key", field_names(m->key, m->key_count));
	failed |= json_object_set_new(
		json, "unique",
		list(key, m->keys_count > 0 ? m->keys + primary : NULL, m->keys_count - primary));
	failed |= json_object_set_new(json, "relations",
				      list(relation, m->relations, m->relation_count));
	failed |= json_object_set_new(json, "methods", methods(m));
	return md_json_checked(json, failed);
}

json_t *md_registry_to_json_all(const struct md_registry *registry)
{
	json_t *json = md_registry_to_json(registry, NULL), *models;
	md_auto_arena arena = md_arena_new(MD_REGISTRY_MAX);
	const struct md_model *abstract = NULL;
	unsigned count = 0;
	int failed = !json || !arena || !md_registry_abstract(registry, arena, &abstract, &count);

	models = json_object_get(json, "models");
	for (unsigned i = 0; i < count && !failed; i++) {
		json_t *one = model(abstract, i);

		failed = json_object_set_new(one, "kind", json_string_nocheck("abstract"));
		failed |= json_array_append_new(models, one);
	}
	return md_json_checked(json, failed);
}

json_t *md_registry_to_json(const struct md_registry *registry, const struct md_model *only)
{
	json_t *json;
	int failed;

	if (only)
		return model(only, 0);
	json = json_object();
	failed = !json;
	failed |= json_object_set_new(json, "generation",
				      json_integer((json_int_t)registry->generation));
	failed |= json_object_set_new(json, "schema", md_json_text(registry->schema));
	failed |=
		json_object_set_new(json, "models", list(model, registry->models, registry->count));
	if (registry->definitions)
		failed |=
			json_object_set_new(json, "differences",
					    md_differences_json(registry->differences.items,
								registry->differences.count, NULL));
	return md_json_checked(json, failed);
}
