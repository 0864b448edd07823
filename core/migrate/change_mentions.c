/* Names in other places of a document, which follow when a model or a field is called otherwise. */
#include "core/migrate/change_private.h"

#include "core/base/banned.h"

bool md_json_rename(json_t *object, const char *from, const char *to)
{
	md_auto_json copy = json_object();
	const char *key;
	json_t *value;

	if (!copy)
		return false;
	json_object_foreach(object, key,
			    value) if (json_object_set(copy, strcmp(key, from) == 0 ? to : key,
						       value) != 0) return false;
	json_object_clear(object);
	return json_object_update(object, copy) == 0;
}

/* The name in a text: all of it, or what is before the first blank ("name desc"). */
static json_t *replaced(struct md_mentions *m, const char *text)
{
	size_t len = strcspn(text, " ");
	json_t *made;

	if (!md_str_is((struct md_str){ text, len }, m->from))
		return NULL;
	m->count++;
	if (!m->to)
		return NULL;
	made = text[len] ? json_sprintf("%s%s", m->to, text + len) : json_string(m->to);
	m->failed = m->failed || !made;
	return made;
}

static void see_key(struct md_mentions *m, json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	json_t *made = text ? replaced(m, text) : NULL;

	if (made && json_object_set_new(object, key, made) != 0)
		m->failed = true;
}

static void see_list(struct md_mentions *m, json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		json_t *made = text ? replaced(m, text) : NULL;

		if (made && json_array_set_new(list, i, made) != 0)
			m->failed = true;
	}
}

/* One name, or a list of them. */
static void see_names(struct md_mentions *m, json_t *object, const char *key)
{
	see_key(m, object, key);
	see_list(m, json_object_get(object, key));
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
	const char *found = json_string_value(json_object_get(object, key));

	return found && text && strcmp(found, text) == 0;
}

/* Whether a model has a field that could be meant as well. */
static bool has_field(const struct md_mentions *m, const char *model)
{
	const json_t *fields =
		json_object_get(model ? json_object_get(m->models, model) : NULL, "fields");

	return json_object_get(fields, m->from) || (m->other && json_object_get(fields, m->other));
}

/* --- models ------------------------------------------------------------------------------------
 */

void md_mentions_of_model(struct md_mentions *m)
{
	const char *name, *key;
	json_t *model, *inner;
	size_t at;

	json_object_foreach(m->models, name, model)
	{
		json_object_foreach(json_object_get(model, "fields"), key, inner)
			see_key(m, json_object_get(inner, "references"), "model");
		json_array_foreach(json_object_get(model, "foreign_keys"), at, inner)
			see_key(m, inner, "model");
		json_object_foreach(json_object_get(model, "relations"), key, inner)
		{
			const char *target = json_string_value(json_object_get(inner, "model"));

			if (!has_field(m, name) && !has_field(m, target))
				see_names(m, inner, "via");
			see_key(m, inner, "secondary");
			see_key(m, inner, "model");
		}
	}
}

/* --- fields ------------------------------------------------------------------------------------
 */

/* Fields of a model in its own lists. */
static void see_own(struct md_mentions *m, json_t *model)
{
	static const char *const lists[] = { "unique", "indexes" };
	json_t *item;
	size_t at;

	see_list(m, json_object_get(model, "primary_key"));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_array_foreach(json_object_get(model, lists[i]), at, item)
		{
			see_list(m, json_object_get(item, "fields"));
			see_list(m, json_object_get(item, "include"));
		}
	json_array_foreach(json_object_get(model, "foreign_keys"), at, item)
		see_list(m, json_object_get(item, "fields"));
}

/* References to the field, wherever they stand. */
static void see_references(struct md_mentions *m, json_t *model)
{
	const char *key;
	json_t *item;
	size_t at;

	json_object_foreach(json_object_get(model, "fields"), key, item)
	{
		json_t *reference = json_object_get(item, "references");

		if (is_text(reference, "model", m->model))
			see_key(m, reference, "field");
	}
	json_array_foreach(json_object_get(model, "foreign_keys"), at,
			   item) if (is_text(item, "model", m->model))
		see_list(m, json_object_get(item, "references"));
}

/* Whether the rows of the model link those of a relation. */
static bool is_junction(const struct md_mentions *m, const json_t *relation)
{
	const char *table =
		json_string_value(json_object_get(json_object_get(m->models, m->model), "table"));
	const json_t *via = json_object_get(relation, "via");

	return is_text(relation, "via", m->model) || is_text(relation, "secondary", m->model) ||
	       is_text(relation, "secondary", table) ||
	       (json_array_size(via) == 1 && json_is_string(json_array_get(via, 0)) &&
		strcmp(json_string_value(json_array_get(via, 0)), m->model) == 0);
}

/* Whether the model has a foreign key of this field to another. */
static bool links(const struct md_mentions *m, const char *model, const char *target)
{
	const json_t *json = json_object_get(m->models, model);
	const json_t *field = json_object_get(json_object_get(json, "fields"), m->from);
	json_t *key;
	size_t at, i;

	if (is_text(json_object_get(field, "references"), "model", target))
		return true;
	json_array_foreach(json_object_get(json, "foreign_keys"), at, key)
	{
		const json_t *fields = json_object_get(key, "fields");

		for (i = 0; is_text(key, "model", target) && i < json_array_size(fields); i++) {
			const char *name = json_string_value(json_array_get(fields, i));

			if (name && strcmp(name, m->from) == 0)
				return true;
		}
	}
	return false;
}

/* Whether "via" of a relation means the field: the key may be on either side. What is only counted
 * must not be there at all, so there it is a name that means nothing yet. */
static bool means_field(const struct md_mentions *m, const char *owner, const char *target,
			const json_t *relation)
{
	bool list = json_is_true(json_object_get(relation, "uselist"));
	bool here = links(m, owner, target) && !list;

	if (!m->to)
		return !links(m, owner, target) && !links(m, target, owner);
	if (here)
		return strcmp(owner, m->model) == 0;
	return strcmp(target, m->model) == 0 && links(m, target, owner);
}

static void see_relation(struct md_mentions *m, const char *owner, json_t *relation)
{
	const char *target = md_change_str(relation, "model");
	bool theirs = target && strcmp(target, m->model) == 0;

	if (target && (theirs || strcmp(owner, m->model) == 0) &&
	    means_field(m, owner, target, relation))
		see_names(m, relation, "via");
	if (theirs)
		see_list(m, json_object_get(relation, "order_by"));
	if (is_junction(m, relation)) {
		see_names(m, relation, "local");
		see_names(m, relation, "remote");
	}
}

void md_mentions_of_field(struct md_mentions *m)
{
	const char *name, *key;
	json_t *model, *relation;

	see_own(m, json_object_get(m->models, m->model));
	json_object_foreach(m->models, name, model)
	{
		see_references(m, model);
		json_object_foreach(json_object_get(model, "relations"), key, relation)
			see_relation(m, name, relation);
	}
}
