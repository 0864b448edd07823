/* From tables of the catalog to models: fields, keys and indexes. A declared model has fields of
 * its own (declared.c) and takes only keys and indexes from here. */
#include <assert.h>

#include "core/model/private.h"

#include "core/base/banned.h"

/* Fields are found by an index of their own in every model: a table of places + 1, open addressing,
 * at most half full. The names are not a client's, so the hash needs no seed. */
bool md_fields_index(struct md_arena *arena, struct md_model *model)
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

bool md_copy_text(struct md_arena *arena, const char *from, const char **ret_copy)
{
	*ret_copy = from ? md_arena_strndup(arena, from, strlen(from)) : NULL;
	return !from || *ret_copy;
}

bool md_copy_str(struct md_arena *arena, const char *from, struct md_str *ret_copy)
{
	*ret_copy = md_arena_str(arena, md_str_of(from));
	return !from || ret_copy->ptr;
}

static bool copy_labels(struct md_arena *arena, const struct md_catalog_column *column,
			struct md_field *field)
{
	const char **labels;

	if (column->label_count == 0)
		return true;
	labels = md_arena_alloc(arena, column->label_count * sizeof(*labels));
	for (unsigned i = 0; labels && i < column->label_count; i++)
		if (!md_copy_text(arena, column->labels[i], &labels[i]))
			return false;
	field->labels = labels;
	field->label_count = column->label_count;
	return labels;
}

bool md_copy_column(struct md_arena *arena, const struct md_catalog_column *column,
		    struct md_field *field)
{
	field->kind = column->kind;
	field->element_type = column->element_type;
	field->delimiter = column->delimiter;
	field->max_length = column->max_length;
	field->always = column->always;
	return copy_labels(arena, column, field) &&
	       md_copy_text(arena, column->comment, &field->comment) &&
	       md_copy_text(arena, column->base, &field->base) &&
	       md_copy_str(arena, column->declared, &field->declared) &&
	       md_copy_text(arena, column->fallback, &field->fallback) &&
	       md_copy_text(arena, column->collation, &field->collation);
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
	if (!md_copy_str(arena, column->name, &field->name))
		return false;
	field->column = field->name;
	return md_copy_column(arena, column, field);
}

/* Places of columns among the model's fields. False: a column is no field. */
static bool find_places(const struct md_table_copy *copy, const unsigned *columns, unsigned count,
			unsigned *ret_places)
{
	for (unsigned i = 0; i < count; i++) {
		assert(columns[i] < copy->table->column_count);
		ret_places[i] = copy->places ? copy->places[columns[i]] : columns[i];
		if (ret_places[i] == MD_NO_PLACE)
			return false;
	}
	return count > 0;
}

/* *n grows when the key is one of fields. False: out of memory. */
static bool copy_key(const struct md_table_copy *copy, const struct md_catalog_key *from,
		     struct md_key *keys, unsigned *n)
{
	struct md_key *key = &keys[*n];
	unsigned *places = md_arena_alloc(copy->arena, from->count * sizeof(*places));
	const struct md_field **members = md_field_list(copy->arena, from->count);

	if (!places || !members || !md_copy_str(copy->arena, from->name, &key->name))
		return false;
	if (!find_places(copy, from->columns, from->count, places))
		return true;
	for (unsigned i = 0; i < from->count; i++) {
		members[i] = &copy->fields[places[i]];
		if (from->primary)
			copy->fields[places[i]].key_position = (int)i;
	}
	copy->fields[places[0]].indexed = true;
	if (from->count == 1)
		copy->fields[places[0]].unique = true;
	key->primary = from->primary;
	key->fields = members;
	key->count = from->count;
	(*n)++;
	return true;
}

/* Primary first, whatever the order of the catalog. */
static bool copy_keys(const struct md_table_copy *copy)
{
	const struct md_catalog_table *table = copy->table;
	struct md_key *keys = md_arena_alloc(copy->arena, table->key_count * sizeof(*keys));
	unsigned n = 0;

	if (!keys)
		return false;
	for (int primary = 1; primary >= 0; primary--)
		for (unsigned i = 0; i < table->key_count; i++)
			if (table->keys[i].primary == (primary == 1) &&
			    !copy_key(copy, &table->keys[i], keys, &n))
				return false;
	copy->model->keys = keys;
	copy->model->keys_count = n;
	if (n > 0 && keys[0].primary) {
		copy->model->key = keys[0].fields;
		copy->model->key_count = keys[0].count;
	}
	return true;
}

/* Those with a predicate serve no order and no range. */
static bool copy_indexes(const struct md_table_copy *copy)
{
	const struct md_catalog_table *table = copy->table;
	struct md_catalog_index *indexes =
		md_arena_alloc(copy->arena, table->index_count * sizeof(*indexes));
	unsigned n = 0;

	if (!indexes)
		return false;
	for (unsigned i = 0; i < table->index_count; i++) {
		const struct md_catalog_index *from = &table->indexes[i];
		unsigned *places = md_arena_alloc(copy->arena, from->count * sizeof(*places));

		if (!places)
			return false;
		if (from->partial || !find_places(copy, from->columns, from->count, places))
			continue;
		copy->fields[places[0]].indexed = true;
		indexes[n] = (struct md_catalog_index){ .columns = places,
							.count = from->count,
							.unique = from->unique && from->whole,
							.whole = from->whole };
		if (!md_copy_text(copy->arena, from->name, &indexes[n++].name))
			return false;
	}
	copy->model->indexes = indexes;
	copy->model->index_count = n;
	return true;
}

bool md_table_copy_keys(const struct md_table_copy *copy)
{
	return copy_keys(copy) && copy_indexes(copy);
}

static bool copy_table(struct md_registry *registry, const struct md_catalog_table *table,
		       struct md_field *fields, struct md_model *model)
{
	struct md_arena *arena = registry->arena;
	const struct md_table_copy copy = { arena, table, model, fields, NULL };

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
	if (!md_copy_str(arena, table->name, &model->name) ||
	    !md_copy_str(arena, table->comment, &model->comment) ||
	    !md_copy_str(arena, *table->schema ? table->schema : NULL, &model->space))
		return false;
	for (unsigned i = 0; i < table->column_count; i++)
		if (!copy_field(arena, &table->columns[i], i, &fields[i]))
			return false;
	return md_fields_index(arena, model) && md_table_copy_keys(&copy) &&
	       md_constraints_copy(arena, table, model);
}

static size_t count_columns(const struct md_catalog_table *tables, unsigned count)
{
	size_t columns = 0;

	for (unsigned i = 0; i < count; i++)
		columns += tables[i].column_count;
	return columns;
}

bool md_tables_build(struct md_registry *registry, const struct md_catalog *catalog)
{
	struct md_arena *arena = registry->arena;
	unsigned count = catalog->count + catalog->base_count;
	size_t columns = count_columns(catalog->tables, catalog->count) +
			 count_columns(catalog->bases, catalog->base_count);
	struct md_field *fields = md_arena_alloc(arena, columns * sizeof(*fields));

	registry->fields = fields;
	registry->models = md_arena_alloc(arena, count * sizeof(*registry->models));
	if (!fields || !registry->models)
		return false;
	for (unsigned i = 0; i < count; i++) {
		bool base = i >= catalog->count;
		const struct md_catalog_table *table =
			base ? &catalog->bases[i - catalog->count] : &catalog->tables[i];
		struct md_model *model = &registry->models[i];

		if (!copy_table(registry, table, fields, model) ||
		    (!base && !md_map_set(registry->by_name, model->name, model)))
			return false;
		fields += table->column_count;
	}
	registry->count = catalog->count;
	registry->base_count = catalog->base_count;
	registry->field_count = columns;
	return true;
}
