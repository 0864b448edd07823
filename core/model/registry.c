#include "core/model/registry.h"

#include <stdlib.h>

#include "core/model/private.h"
#include "core/model/rules.h"

#include "core/base/banned.h"

enum md_code md_model_check(const struct md_model *model, struct md_error *err)
{
	unsigned i = 0;

	if (!model->broken)
		return MD_OK;
	md_fail(err, MD_INTERNAL, "MD503", "the table of model %s differs from its definition",
		model->def->name);
	while (i < model->difference_count && !model->differences[i].blocking)
		i++;
	if (i == model->difference_count)
		md_error_details(err, "%s: the table or a column of it is missing",
				 model->def->table);
	else
		md_error_details(err, "%s%s%s: %s", model->differences[i].table,
				 model->differences[i].column ? "." : "",
				 model->differences[i].column ? model->differences[i].column : "",
				 model->differences[i].text);
	return MD_INTERNAL;
}

const struct md_field *md_model_any(const struct md_model *model, struct md_str name)
{
	size_t at = md_hash(name.ptr, name.len, 0) & model->field_mask;

	for (; model->field_slots[at] != 0; at = (at + 1) & model->field_mask) {
		const struct md_field *field = &model->fields[model->field_slots[at] - 1];

		if (md_str_equal(field->name, name))
			return field;
	}
	return NULL;
}

const struct md_field *md_model_field(const struct md_model *model, struct md_str name)
{
	const struct md_field *field = md_model_any(model, name);

	return field && md_field_is_visible(field) ? field : NULL;
}

const struct md_field *md_model_input(const struct md_model *model, struct md_str name)
{
	const struct md_field *field = md_model_any(model, name);

	return field && !field->hidden ? field : NULL;
}

/* Nearly every column has its field's name. */
const struct md_field *md_model_column(const struct md_model *model, struct md_str column)
{
	const struct md_field *field = md_model_any(model, column);

	if (field && md_str_equal(field->column, column))
		return field;
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_str_equal(model->fields[i].column, column))
			return &model->fields[i];
	return NULL;
}

static struct md_registry *registry_free(struct md_registry *registry)
{
	for (size_t i = 0; registry->fields && i < registry->field_count; i++)
		md_rules_free(registry->fields[i].rules);
	md_arena_free(registry->arena);
	md_map_free(registry->by_name);
	md_definitions_free(registry->definitions);
	free(registry);
	return NULL;
}

static bool start(struct md_registry *registry, const struct md_registry_source *source)
{
	atomic_init(&registry->references, 1);
	registry->generation = source->generation;
	registry->arena = md_arena_new(MD_REGISTRY_MAX);
	registry->by_name = md_map_new();
	if (!registry->arena || !registry->by_name)
		return false;
	registry->schema = md_arena_str(registry->arena, source->schema);
	return registry->schema.ptr || !source->schema.ptr;
}

enum md_code md_registry_build(const struct md_registry_source *source,
			       struct md_registry **ret_registry, struct md_error *err)
{
	struct md_registry *registry = calloc(1, sizeof(*registry));
	enum md_code code = MD_OK;

	if (!registry)
		return md_fail_nomem(err);
	registry->definitions = source->definitions;
	if (!start(registry, source) ||
	    !(source->definitions ? md_declared_build(registry, source)
				  : md_tables_build(registry, source->catalog)))
		code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_relations_build(registry, source, err);
	if (code != MD_OK) {
		registry->definitions = NULL; /* still the caller's */
		registry_free(registry);
		return code;
	}
	*ret_registry = registry;
	return MD_OK;
}

struct md_registry *md_registry_ref(struct md_registry *registry)
{
	atomic_fetch_add_explicit(&registry->references, 1, memory_order_relaxed);
	return registry;
}

struct md_registry *md_registry_unref(struct md_registry *registry)
{
	/* acq_rel: what others read before they let go happens before the free. */
	if (registry &&
	    atomic_fetch_sub_explicit(&registry->references, 1, memory_order_acq_rel) == 1)
		registry_free(registry);
	return NULL;
}

uint64_t md_registry_generation(const struct md_registry *registry)
{
	return registry->generation;
}

struct md_str md_registry_schema(const struct md_registry *registry)
{
	return registry->schema;
}

const struct md_definitions *md_registry_definitions(const struct md_registry *registry)
{
	return registry->definitions;
}

const struct md_model *md_registry_models(const struct md_registry *registry, unsigned *ret_count)
{
	*ret_count = registry->count;
	return registry->models;
}

const struct md_differences *md_registry_differences(const struct md_registry *registry)
{
	return &registry->differences;
}

const struct md_model *md_registry_find(const struct md_registry *registry, struct md_str name)
{
	return md_map_get(registry->by_name, name);
}

enum md_code md_registry_fail_model(const struct md_registry *registry, struct md_str name,
				    struct md_error *err)
{
	struct md_str shown = md_name_shown(name);
	struct md_guess guess;

	md_fail(err, MD_NOT_FOUND, "PGRST205",
		"Could not find the table '%.*s.%.*s' in the schema cache",
		MD_STR_ARG(registry->schema), MD_STR_ARG(shown));
	md_guess_init(&guess, name, 0.75);
	for (unsigned i = 0; i < registry->count; i++) {
		md_guess_offer(&guess, registry->models[i].name);
		if (registry->models[i].alias.ptr)
			md_guess_offer(&guess, registry->models[i].alias);
	}
	for (unsigned i = 0; i < registry->count && !md_str_is_given(guess.best); i++)
		if (md_is_swapped(name, registry->models[i].name))
			guess.best = registry->models[i].name;
	if (md_str_is_given(guess.best))
		md_error_hint(err, "Perhaps you meant the table '%.*s.%.*s'",
			      MD_STR_ARG(registry->schema), MD_STR_ARG(guess.best));
	return MD_NOT_FOUND;
}

/* PostgreSQL's rule for the columns it proposes: nearest by edit distance, at most three edits and
 * not more than half of what was written; two that are equally near are both told, three are none,
 * and then only a nearer one counts. */
struct near_columns {
	unsigned distance;
	const struct md_field *first, *second;
};

static void near_offer(struct near_columns *near, struct md_str wanted,
		       const struct md_field *field)
{
	enum { FURTHEST = 3 };
	unsigned distance = md_edit_distance(wanted, field->name, near->distance);

	if (distance > wanted.len / 2 || distance > near->distance)
		return;
	if (distance < near->distance) {
		*near = (struct near_columns){ distance, field, NULL };
	} else if (near->second) {
		*near = (struct near_columns){ distance > 0 ? distance - 1 : 0, NULL, NULL };
	} else if (near->first) {
		near->second = field;
	} else if (distance <= FURTHEST) {
		near->first = field;
	}
}

static struct near_columns near_find(const struct md_model *model, struct md_str name)
{
	enum { TOO_FAR = 4 };
	struct near_columns near = { .distance = TOO_FAR };

	for (unsigned i = 0; i < model->field_count && name.len > 0; i++)
		if (md_field_is_visible(&model->fields[i]))
			near_offer(&near, name, &model->fields[i]);
	return near;
}

enum md_code md_model_fail_field(const struct md_model *model, struct md_str name,
				 struct md_error *err)
{
	struct near_columns near = near_find(model, name);

	md_fail(err, MD_INVALID, "42703", "column %.*s.%.*s does not exist",
		MD_STR_ARG(model->name), MD_STR_ARG(md_name_shown(name)));
	if (near.second)
		md_error_hint(err,
			      "Perhaps you meant to reference the column \"%.*s.%.*s\" or the "
			      "column \"%.*s.%.*s\".",
			      MD_STR_ARG(model->name), MD_STR_ARG(near.first->name),
			      MD_STR_ARG(model->name), MD_STR_ARG(near.second->name));
	else if (near.first)
		md_error_hint(err, "Perhaps you meant to reference the column \"%.*s.%.*s\".",
			      MD_STR_ARG(model->name), MD_STR_ARG(near.first->name));
	return MD_INVALID;
}

/* There the new row is another table with the same columns: two of one are three too many. */
enum md_code md_model_fail_conflict(const struct md_model *model, struct md_str name, bool merges,
				    struct md_error *err)
{
	struct near_columns near = near_find(model, name);

	md_fail(err, MD_INVALID, "42703", "column \"%.*s\" does not exist",
		MD_STR_ARG(md_name_shown(name)));
	if (!near.first || near.second)
		return MD_INVALID;
	if (merges)
		md_error_hint(err,
			      "Perhaps you meant to reference the column \"%.*s.%.*s\" or the "
			      "column \"excluded.%.*s\".",
			      MD_STR_ARG(model->name), MD_STR_ARG(near.first->name),
			      MD_STR_ARG(near.first->name));
	else
		md_error_hint(err, "Perhaps you meant to reference the column \"%.*s.%.*s\".",
			      MD_STR_ARG(model->name), MD_STR_ARG(near.first->name));
	return MD_INVALID;
}

static bool key_is_within(const struct md_key *key, const struct md_field *const *fields,
			  unsigned count)
{
	for (unsigned i = 0; i < key->count; i++) {
		unsigned j = 0;

		while (j < count && fields[j] != key->fields[i])
			j++;
		if (j == count)
			return false;
	}
	return key->count > 0;
}

bool md_model_is_unique_by(const struct md_model *model, const struct md_field *const *fields,
			   unsigned count)
{
	/* A view may show a row of its table more than once. */
	if (model->kind == MD_REL_VIEW)
		return false;
	/* Unique keys let any number of NULLs in, but equality never finds those. */
	for (unsigned i = 0; i < model->keys_count; i++)
		if (key_is_within(&model->keys[i], fields, count))
			return true;
	return false;
}
