#include "core/model/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "core/model/private.h"

#include "core/base/banned.h"

/* Fields are found by an index of their own in every model: a table of places + 1, open addressing,
 * at most half full. The names are the database's, so the hash needs no seed. */
static bool index_fields(struct md_arena *arena, struct md_model *model)
{
	unsigned size = 4;
	unsigned *slots;

	while (size < model->field_count * 2)
		size *= 2;
	slots = md_arena_zalloc(arena, size * sizeof(*slots));
	if (!slots)
		return false;
	for (unsigned i = 0; i < model->field_count; i++) {
		struct md_str name = model->fields[i].name;
		size_t at = md_hash(name.ptr, name.len, 0) & (size - 1);

		while (slots[at] != 0)
			at = (at + 1) & (size - 1);
		slots[at] = i + 1;
	}
	model->field_slots = slots;
	model->field_mask = size - 1;
	return true;
}

static const struct md_field *find_field(const struct md_model *model, struct md_str name)
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
	const struct md_field *field = find_field(model, name);

	return field && md_field_is_visible(field) ? field : NULL;
}

const struct md_field *md_model_input(const struct md_model *model, struct md_str name)
{
	const struct md_field *field = find_field(model, name);

	return field && !field->hidden ? field : NULL;
}

/* Nearly every column has its field's name. */
const struct md_field *md_model_column(const struct md_model *model, struct md_str column)
{
	const struct md_field *field = find_field(model, column);

	if (field && md_str_equal(field->column, column))
		return field;
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_str_equal(model->fields[i].column, column))
			return &model->fields[i];
	return NULL;
}

/* Copies of texts: false when one that was there has become NULL. */
static bool copy_text(struct md_arena *arena, const char *from, const char **ret_copy)
{
	*ret_copy = from ? md_arena_strndup(arena, from, strlen(from)) : NULL;
	return !from || *ret_copy;
}

static bool copy_str(struct md_arena *arena, const char *from, struct md_str *ret_copy)
{
	*ret_copy = md_arena_str(arena, md_str_of(from));
	return !from || ret_copy->ptr;
}

static bool copy_field(struct md_arena *arena, const struct md_catalog_column *column,
		       unsigned index, struct md_field *field)
{
	*field = (struct md_field){
		.type = column->type,
		.index = index,
		.nullable = column->nullable,
		.generated = column->generated,
		.identity = column->identity,
		.key_position = -1,
	};
	if (!copy_str(arena, column->name, &field->name))
		return false;
	field->column = field->name;
	return copy_str(arena, column->declared, &field->declared) &&
	       copy_text(arena, column->fallback, &field->fallback) &&
	       copy_text(arena, column->collation, &field->collation);
}

static bool copy_key(struct md_arena *arena, const struct md_catalog_key *from,
		     struct md_field *fields, unsigned field_count, struct md_key *ret_key)
{
	const struct md_field **members = md_field_list(arena, from->count);

	if (!members || !copy_str(arena, from->name, &ret_key->name))
		return false;
	for (unsigned i = 0; i < from->count; i++) {
		assert(from->columns[i] < field_count);
		(void)field_count;
		members[i] = &fields[from->columns[i]];
		if (from->primary)
			fields[from->columns[i]].key_position = (int)i;
	}
	fields[from->columns[0]].indexed = true;
	if (from->count == 1)
		fields[from->columns[0]].unique = true;
	ret_key->primary = from->primary;
	ret_key->fields = members;
	ret_key->count = from->count;
	return true;
}

/* Primary first, whatever the order of the catalog. */
static bool copy_keys(struct md_arena *arena, const struct md_catalog_table *table,
		      struct md_field *fields, struct md_model *model)
{
	struct md_key *keys = md_arena_alloc(arena, table->key_count * sizeof(*keys));
	unsigned n = 0;

	if (!keys)
		return false;
	for (int primary = 1; primary >= 0; primary--)
		for (unsigned i = 0; i < table->key_count; i++) {
			const struct md_catalog_key *key = &table->keys[i];

			if (key->primary != (primary == 1) || key->count == 0)
				continue;
			if (!copy_key(arena, key, fields, table->column_count, &keys[n]))
				return false;
			n++;
		}
	model->keys = keys;
	model->keys_count = n;
	if (n > 0 && keys[0].primary) {
		model->key = keys[0].fields;
		model->key_count = keys[0].count;
	}
	return true;
}

static bool copy_indexes(struct md_arena *arena, const struct md_catalog_table *table,
			 struct md_field *fields, struct md_model *model)
{
	struct md_catalog_index *indexes =
		md_arena_alloc(arena, table->index_count * sizeof(*indexes));

	if (!indexes)
		return false;
	for (unsigned i = 0; i < table->index_count; i++) {
		const struct md_catalog_index *from = &table->indexes[i];
		unsigned *columns;

		if (from->partial || from->count == 0)
			continue; /* it orders nothing */
		columns = md_arena_alloc(arena, from->count * sizeof(*columns));
		if (!columns)
			return false;
		memcpy(columns, from->columns, from->count * sizeof(*columns));
		assert(columns[0] < table->column_count);
		fields[columns[0]].indexed = true;
		indexes[model->index_count++] =
			(struct md_catalog_index){ .columns = columns,
						   .count = from->count,
						   .unique = from->unique && from->whole };
	}
	model->indexes = indexes;
	return true;
}

static bool copy_table(struct md_registry *registry, const struct md_catalog_table *table,
		       struct md_field *fields, struct md_model *model)
{
	struct md_arena *arena = registry->arena;

	*model = (struct md_model){
		.schema = registry->schema,
		.kind = table->kind,
		.insertable = table->insertable,
		.updatable = table->updatable,
		.deletable = table->deletable,
		.fields = fields,
		.field_count = table->column_count,
		.rows_estimate = table->rows_estimate,
	};
	if (!copy_str(arena, table->name, &model->name) ||
	    !copy_str(arena, table->comment, &model->comment) ||
	    !copy_str(arena, *table->schema ? table->schema : NULL, &model->space))
		return false;
	for (unsigned i = 0; i < table->column_count; i++)
		if (!copy_field(arena, &table->columns[i], i, &fields[i]))
			return false;
	return index_fields(arena, model) && copy_keys(arena, table, fields, model) &&
	       copy_indexes(arena, table, fields, model) &&
	       md_constraints_copy(arena, table, model);
}

static bool copy_tables(struct md_registry *registry, const struct md_catalog *catalog)
{
	size_t columns = 0;

	for (unsigned i = 0; i < catalog->count; i++)
		columns += catalog->tables[i].column_count;
	registry->fields = md_arena_alloc(registry->arena, columns * sizeof(*registry->fields));
	registry->models =
		md_arena_alloc(registry->arena, catalog->count * sizeof(*registry->models));
	if (!registry->fields || !registry->models)
		return false;
	columns = 0;
	for (unsigned i = 0; i < catalog->count; i++) {
		struct md_model *model = &registry->models[i];

		if (!copy_table(registry, &catalog->tables[i], &registry->fields[columns], model) ||
		    !md_map_set(registry->by_name, model->name, model))
			return false;
		columns += catalog->tables[i].column_count;
	}
	registry->count = catalog->count;
	return true;
}

static struct md_registry *registry_free(struct md_registry *registry)
{
	md_arena_free(registry->arena);
	md_map_free(registry->by_name);
	free(registry);
	return NULL;
}

enum md_code md_registry_build(const struct md_registry_source *source,
			       struct md_registry **ret_registry, struct md_error *err)
{
	struct md_registry *registry = calloc(1, sizeof(*registry));
	enum md_code code;

	if (!registry)
		return md_fail_nomem(err);
	atomic_init(&registry->references, 1);
	registry->generation = source->generation;
	registry->arena = md_arena_new(MD_REGISTRY_MAX);
	registry->by_name = md_map_new();
	if (registry->arena)
		registry->schema = md_arena_str(registry->arena, source->schema);
	if (!registry->arena || !registry->by_name ||
	    (source->schema.ptr && !registry->schema.ptr) ||
	    !copy_tables(registry, source->catalog)) {
		registry_free(registry);
		return md_fail_nomem(err);
	}
	code = md_relations_build(registry, source->catalog, err);
	if (code != MD_OK) {
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
	for (unsigned i = 0; i < registry->count; i++)
		md_guess_offer(&guess, registry->models[i].name);
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

enum md_code md_model_fail_field(const struct md_model *model, struct md_str name,
				 struct md_error *err)
{
	enum { TOO_FAR = 4 };
	struct near_columns near = { .distance = TOO_FAR };
	struct md_str shown = md_name_shown(name);

	md_fail(err, MD_INVALID, "42703", "column %.*s.%.*s does not exist",
		MD_STR_ARG(model->name), MD_STR_ARG(shown));
	for (unsigned i = 0; i < model->field_count && name.len > 0; i++)
		if (md_field_is_visible(&model->fields[i]))
			near_offer(&near, name, &model->fields[i]);
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

int md_str_compare(struct md_str a, struct md_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
