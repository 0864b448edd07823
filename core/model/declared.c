/* From definitions to models: what is served is what the files say, as far as the tables have it. A
 * model whose table cannot serve it is there by name only, so that requests hear why. */
#include <stdlib.h>

#include "core/model/private.h"
#include "core/model/rules.h"

#include "core/base/banned.h"

enum { DOUBLE_DIGITS = 15, UUID_LEN = 36 };

/* --- types -------------------------------------------------------------------------------------
 */

/* Of columns that are text, or whatever they are given. */
static enum md_type type_in_text(const struct md_def_field *field)
{
	static const enum md_type types[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_NONE] = MD_TYPE_TEXT,
		[MD_DEF_SMALLINT] = MD_TYPE_INT2,
		[MD_DEF_INTEGER] = MD_TYPE_INT4,
		[MD_DEF_BIGINT] = MD_TYPE_INT8,
		[MD_DEF_FLOAT] = MD_TYPE_FLOAT,
		[MD_DEF_DECIMAL] = MD_TYPE_NUMERIC,
		[MD_DEF_STRING] = MD_TYPE_TEXT,
		[MD_DEF_TEXT] = MD_TYPE_TEXT,
		[MD_DEF_BOOLEAN] = MD_TYPE_BOOL,
		[MD_DEF_DATETIME] = MD_TYPE_KEPT_TIMESTAMPTZ,
		[MD_DEF_DATETIME_LOCAL] = MD_TYPE_KEPT_TIMESTAMP,
		[MD_DEF_DATE] = MD_TYPE_KEPT_DATE,
		[MD_DEF_TIME] = MD_TYPE_KEPT_TIME,
		[MD_DEF_UUID] = MD_TYPE_KEPT_UUID,
		[MD_DEF_JSON] = MD_TYPE_JSON,
		[MD_DEF_BYTES] = MD_TYPE_KEPT_BYTES,
		[MD_DEF_ENUM] = MD_TYPE_TEXT,
		[MD_DEF_ARRAY] = MD_TYPE_JSON,
	};

	if (field->type == MD_DEF_DECIMAL && field->precision > DOUBLE_DIGITS)
		return MD_TYPE_KEPT_NUMERIC;
	return types[field->type];
}

/* Of columns of an engine that has such types: values are brought into our form all the same, so
 * that what is none of them is told before any SQL. */
static enum md_type type_of_own(enum md_type type)
{
	static const enum md_type types[MD_TYPE_COUNT] = {
		[MD_TYPE_DATE] = MD_TYPE_KEPT_DATE,
		[MD_TYPE_TIME] = MD_TYPE_KEPT_TIME,
		[MD_TYPE_TIMESTAMP] = MD_TYPE_KEPT_TIMESTAMP,
		[MD_TYPE_TIMESTAMPTZ] = MD_TYPE_KEPT_TIMESTAMPTZ,
		[MD_TYPE_UUID] = MD_TYPE_KEPT_UUID,
	};

	return types[type] != MD_TYPE_ANY ? types[type] : type;
}

/* An engine without types of its own has one integer for all; messages name the field's. */
static enum md_type type_in_integer(const struct md_def_field *field,
				    const struct md_catalog_column *column)
{
	if (field->type == MD_DEF_BOOLEAN)
		return MD_TYPE_BOOL;
	return column->type_id == 0 && md_def_is_integer(field->type) ? type_in_text(field)
								      : column->type;
}

enum md_type md_declared_type(const struct md_def_field *field,
			      const struct md_catalog_column *column)
{
	bool narrow = column->max_length > 0 && column->max_length < UUID_LEN;

	/* CHAR(32), as SQLAlchemy makes it, has no room for the hyphens. */
	if (column->type == MD_TYPE_TEXT && field->type == MD_DEF_UUID && narrow)
		return MD_TYPE_TEXT;
	if (column->type == MD_TYPE_TEXT || column->type == MD_TYPE_ANY)
		return type_in_text(field);
	if (column->type == MD_TYPE_INT2 || column->type == MD_TYPE_INT4 ||
	    column->type == MD_TYPE_INT8)
		return type_in_integer(field, column);
	if (column->type == MD_TYPE_FLOAT && field->type == MD_DEF_DECIMAL)
		return MD_TYPE_NUMERIC;
	if (column->type == MD_TYPE_NUMERIC && column->type_id != 0 &&
	    field->type == MD_DEF_DECIMAL)
		return MD_TYPE_KEPT_NUMERIC; /* exact in the engine, so exact on the way, too */
	if (column->type == MD_TYPE_BYTES && field->type == MD_DEF_BYTES)
		return MD_TYPE_KEPT_BYTES;
	return column->type_id != 0 ? type_of_own(column->type) : column->type;
}

/* Numbers that a double does not hold are strings, whatever the engine makes of them. */
static bool is_shown_as_string(const struct md_def_field *field)
{
	if (field->json_number != MD_DEF_NUMBER_UNSET)
		return field->json_number == MD_DEF_AS_STRING;
	return field->type == MD_DEF_DECIMAL && field->precision > DOUBLE_DIGITS;
}

/* --- one model ---------------------------------------------------------------------------------
 */

static const struct md_catalog_column *find_column(const struct md_catalog_table *table,
						   const char *name, unsigned *ret_number)
{
	for (unsigned i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0) {
			*ret_number = i;
			return &table->columns[i];
		}
	return NULL;
}

struct md_field md_declared_field_of(const struct md_def_field *definition,
				     const struct md_catalog_column *column)
{
	return (struct md_field){
		.name = md_str_of(definition->name),
		.column = md_str_of(md_def_column(definition)),
		.type = md_declared_type(definition, column),
		.nullable = definition->nullable,
		.generated = definition->is_generated || column->generated,
		.identity = column->identity,
		.key_position = -1,
		.def = definition,
		.hidden = definition->hidden,
		.writeonly = definition->writeonly,
		.readonly = definition->readonly,
		.immutable = definition->immutable,
		.as_string = is_shown_as_string(definition),
	};
}

static bool fill_field(struct md_arena *arena, const char *table,
		       const struct md_def_field *definition,
		       const struct md_catalog_column *column, struct md_field *field)
{
	*field = md_declared_field_of(definition, column);
	return md_rules_new(arena, table, definition, &field->rules, NULL) == MD_OK &&
	       md_copy_column(arena, column, field);
}

/* A view tells no keys; the definition is believed. */
static bool set_view_key(struct md_arena *arena, struct md_model *model, struct md_field *fields)
{
	const struct md_def_model *def = model->def;
	const struct md_field **members = md_field_list(arena, def->key_count);
	struct md_key *key = md_arena_alloc(arena, sizeof(*key));

	if (!members || !key)
		return false;
	if (def->key_count == 0)
		return true;
	for (unsigned i = 0; i < def->key_count; i++) {
		struct md_field *field = &fields[def->key[i] - def->fields];

		field->key_position = (int)i;
		members[i] = field;
	}
	*key = (struct md_key){ md_str_of(def->key_name), true, members, def->key_count };
	model->key = members;
	model->key_count = def->key_count;
	model->keys = key;
	model->keys_count = 1;
	return true;
}

/* *ret_whole: the table has all columns. False: out of memory. */
static bool fill_fields(struct md_arena *arena, const struct md_catalog_table *table,
			struct md_model *model, struct md_field *fields, bool *ret_whole)
{
	const struct md_def_model *def = model->def;
	unsigned *places = md_arena_alloc(arena, table->column_count * sizeof(*places));
	const struct md_table_copy copy = { arena, table, model, fields, places };

	*ret_whole = false;
	if (!places)
		return false;
	for (unsigned i = 0; i < table->column_count; i++)
		places[i] = MD_NO_PLACE;
	for (unsigned i = 0; i < def->field_count; i++) {
		unsigned number = 0;
		const struct md_catalog_column *column =
			find_column(table, md_def_column(&def->fields[i]), &number);

		if (!column)
			return true;
		if (!fill_field(arena, def->table, &def->fields[i], column, &fields[i]))
			return false;
		fields[i].index = i;
		places[number] = i;
	}
	*ret_whole = true;
	model->fields = fields;
	model->field_count = def->field_count;
	return table->kind == MD_REL_VIEW ? set_view_key(arena, model, fields)
					  : md_table_copy_keys(&copy);
}

static int compare_table(const void *name, const void *table)
{
	return strcmp(name, ((const struct md_catalog_table *)table)->name);
}

static bool fill_model(struct md_registry *registry, const struct md_catalog *catalog,
		       struct md_model *model, struct md_field *fields)
{
	const struct md_def_model *def = model->def;
	const struct md_catalog_table *table =
		catalog->count > 0 ? bsearch(def->table, catalog->tables, catalog->count,
					     sizeof(*catalog->tables), compare_table)
				   : NULL;
	bool whole = false;

	if (table && !model->broken && !fill_fields(registry->arena, table, model, fields, &whole))
		return false;
	model->broken = !whole;
	if (whole) {
		model->kind = table->kind;
		model->insertable = table->insertable && !def->read_only;
		model->updatable = table->updatable && !def->read_only;
		model->deletable = table->deletable && !def->read_only;
		model->rows_estimate = table->rows_estimate;
		if (!md_copy_str(registry->arena, *table->schema ? table->schema : NULL,
				 &model->space))
			return false;
		if (!def->description &&
		    !md_copy_str(registry->arena, table->comment, &model->comment))
			return false;
	}
	return md_fields_index(registry->arena, model) &&
	       (!whole || md_constraints_copy(registry->arena, table, model));
}

/* --- differences -------------------------------------------------------------------------------
 */

static bool copy_differences(struct md_registry *registry, const struct md_differences *from)
{
	struct md_difference *items;
	bool done = true;

	if (!from || from->count == 0)
		return true;
	items = md_arena_alloc(registry->arena, from->count * sizeof(*items));
	if (!items)
		return false;
	for (unsigned i = 0; i < from->count && done; i++) {
		const struct md_difference *one = &from->items[i];
		struct md_difference *copy = &items[i];

		*copy = *one;
		done = md_copy_text(registry->arena, one->table, &copy->table) &&
		       md_copy_text(registry->arena, one->column, &copy->column) &&
		       md_copy_text(registry->arena, one->text, &copy->text) &&
		       md_copy_text(registry->arena, one->mend, &copy->mend);
	}
	registry->differences = (struct md_differences){ .items = items,
							 .count = from->count,
							 .room = from->count,
							 .blocking = from->blocking };
	return done;
}

/* Those of one model stand side by side. */
static void share_differences(struct md_registry *registry)
{
	const struct md_differences *all = &registry->differences;

	for (unsigned i = 0; i < all->count; i++) {
		const struct md_difference *item = &all->items[i];
		struct md_model *model =
			item->model ? md_map_get(registry->by_name, md_str_of(item->model->table))
				    : NULL;

		if (!model)
			continue;
		if (model->difference_count++ == 0)
			model->differences = item;
		model->broken |= item->blocking;
	}
}

/* --- all of them -------------------------------------------------------------------------------
 */

static int compare_models(const void *left, const void *right)
{
	return md_str_compare(((const struct md_model *)left)->name,
			      ((const struct md_model *)right)->name);
}

/* Models by name, with nothing but their names; and room for all fields. */
static bool name_models(struct md_registry *registry, const struct md_definitions *definitions)
{
	struct md_arena *arena = registry->arena;
	struct md_model *models = md_arena_alloc(arena, definitions->model_count * sizeof(*models));
	unsigned n = 0;

	for (unsigned i = 0; models && i < definitions->model_count; i++) {
		const struct md_def_model *def = &definitions->models[i];

		if (def->abstract)
			continue;
		models[n++] = (struct md_model){ .name = md_str_of(def->table),
						 .schema = registry->schema,
						 .comment = md_str_of(def->description),
						 .rows_estimate = -1,
						 .def = def };
		registry->field_count += def->field_count;
	}
	registry->models = models;
	registry->count = n;
	registry->fields = md_arena_zalloc(arena, registry->field_count * sizeof(struct md_field));
	if (!models || !registry->fields)
		return false;
	if (n > 0)
		qsort(models, n, sizeof(*models), compare_models);
	for (unsigned i = 0; i < n; i++)
		if (!md_map_set(registry->by_name, models[i].name, &models[i]))
			return false;
	return true;
}

/* A model is also known by its own name, where no table is called so. */
static bool set_aliases(struct md_registry *registry)
{
	for (unsigned i = 0; i < registry->count; i++) {
		struct md_model *model = &registry->models[i];
		struct md_str alias = md_str_of(model->def->name);

		if (md_map_get(registry->by_name, alias))
			continue;
		model->alias = alias;
		if (!md_map_set(registry->by_name, alias, model))
			return false;
	}
	return true;
}

bool md_declared_build(struct md_registry *registry, const struct md_registry_source *source)
{
	struct md_field *fields;

	if (!name_models(registry, source->definitions) ||
	    !copy_differences(registry, source->differences))
		return false;
	share_differences(registry);
	fields = registry->fields;
	for (unsigned i = 0; i < registry->count; i++) {
		struct md_model *model = &registry->models[i];

		if (!fill_model(registry, source->catalog, model, fields))
			return false;
		fields += model->def->field_count;
	}
	return set_aliases(registry);
}

const struct md_model *md_declared_find(const struct md_registry *registry,
					const struct md_def_model *definition)
{
	return md_map_get(registry->by_name, md_str_of(definition->table));
}

const struct md_field *md_declared_field(const struct md_model *model,
					 const struct md_def_field *definition)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (model->fields[i].def == definition)
			return &model->fields[i];
	return NULL;
}
