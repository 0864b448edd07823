/* The document of /-/models. Every setter of jansson takes NULL as a value and fails, so a failing
 * allocation anywhere makes its whole branch NULL, up to the document. */
#include <jansson.h>
#include <stdlib.h>

#include "core/model/private.h"

#include "core/base/banned.h"

static json_t *checked(json_t *json, int failed)
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
	return checked(array, failed);
}

/* Names are nearly always UTF-8; one that is not must not cost the whole document. */
static json_t *text(struct md_str s)
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

static json_t *type_name(enum md_type type)
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
	};

	return json_string_nocheck(names[type]);
}

static json_t *field_name(const void *items, unsigned i)
{
	const struct md_field *const *fields = items;

	return text(fields[i]->name);
}

static json_t *field(const void *items, unsigned i)
{
	const struct md_field *f = (const struct md_field *)items + i;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", text(f->name));
	failed |= json_object_set_new(json, "type", type_name(f->type));
	failed |= json_object_set_new(json, "declared", text(f->declared));
	failed |= json_object_set_new(json, "nullable", json_boolean(f->nullable));
	failed |= json_object_set_new(json, "generated", json_boolean(f->generated));
	failed |= json_object_set_new(json, "primary_key", json_boolean(f->key_position >= 0));
	failed |= json_object_set_new(json, "unique", json_boolean(f->unique));
	failed |= json_object_set_new(json, "default", text(md_str_of(f->fallback)));
	return checked(json, failed);
}

static json_t *key(const void *items, unsigned i)
{
	const struct md_key *k = (const struct md_key *)items + i;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", text(k->name));
	failed |= json_object_set_new(json, "fields", list(field_name, k->fields, k->count));
	return checked(json, failed);
}

static json_t *junction(const struct md_relation *r)
{
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "model", text(r->junction->name));
	failed |= json_object_set_new(json, "fields", list(field_name, r->near, r->local_count));
	failed |=
		json_object_set_new(json, "references", list(field_name, r->far, r->remote_count));
	failed |= json_object_set_new(json, "constraint", text(r->far_constraint));
	return checked(json, failed);
}

static json_t *relation(const void *items, unsigned i)
{
	static const char *const names[] = { [MD_MANY_TO_ONE] = "many-to-one",
					     [MD_ONE_TO_MANY] = "one-to-many",
					     [MD_ONE_TO_ONE] = "one-to-one",
					     [MD_MANY_TO_MANY] = "many-to-many" };
	const struct md_relation *r = (const struct md_relation *)items + i;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", text(r->name));
	failed |= json_object_set_new(json, "model", text(r->to->name));
	failed |= json_object_set_new(json, "cardinality",
				      json_string_nocheck(names[r->cardinality]));
	failed |= json_object_set_new(json, "constraint", text(r->constraint));
	failed |= json_object_set_new(json, "fields", list(field_name, r->local, r->local_count));
	failed |= json_object_set_new(json, "references",
				      list(field_name, r->remote, r->remote_count));
	if (r->junction)
		failed |= json_object_set_new(json, "through", junction(r));
	return checked(json, failed);
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
	return checked(array, failed);
}

static json_t *model(const void *items, unsigned i)
{
	const struct md_model *m = (const struct md_model *)items + i;
	unsigned primary = m->keys_count > 0 && m->keys[0].primary;
	json_t *json = json_object();
	int failed = !json;

	failed |= json_object_set_new(json, "name", text(m->name));
	failed |= json_object_set_new(
		json, "kind", json_string_nocheck(m->kind == MD_REL_VIEW ? "view" : "table"));
	if (m->comment.ptr)
		failed |= json_object_set_new(json, "comment", text(m->comment));
	failed |= json_object_set_new(json, "fields", list(field, m->fields, m->field_count));
	failed |= json_object_set_new(json, "primary_key", list(field_name, m->key, m->key_count));
	failed |= json_object_set_new(
		json, "unique",
		list(key, m->keys_count > 0 ? m->keys + primary : NULL, m->keys_count - primary));
	failed |= json_object_set_new(json, "relations",
				      list(relation, m->relations, m->relation_count));
	failed |= json_object_set_new(json, "methods", methods(m));
	return checked(json, failed);
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
	failed |= json_object_set_new(json, "schema", text(registry->schema));
	failed |=
		json_object_set_new(json, "models", list(model, registry->models, registry->count));
	return checked(json, failed);
}
