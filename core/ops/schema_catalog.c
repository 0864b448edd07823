/* The catalog that a database would have if it had just been made of definitions. */
#include "core/db/catalog.h"

#include <stdlib.h>

#include "core/ops/schema_private.h"

#include "core/base/banned.h"

/* Types are told by the definitions; a column that holds texts leaves it all to them. */
static bool set_columns(const struct md_def_model *model, struct md_arena *arena,
			struct md_catalog_table *table)
{
	struct md_catalog_column *columns =
		md_arena_zalloc(arena, (model->field_count + 1) * sizeof(*columns));

	for (unsigned i = 0; columns && i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i];

		columns[i] = (struct md_catalog_column){ .name = md_def_column(field),
							 .declared = "",
							 .type = MD_TYPE_TEXT,
							 .nullable = field->nullable,
							 .generated = field->is_generated,
							 .identity = field->identity,
							 .fallback = md_def_sql_first(
								 &field->value.sql) };
	}
	table->columns = columns;
	table->column_count = model->field_count;
	return columns;
}

static unsigned *numbers(const struct md_def_model *model, const struct md_def_field *const *fields,
			 unsigned count, struct md_arena *arena)
{
	unsigned *list = md_arena_alloc(arena, (count + 1) * sizeof(*list));

	for (unsigned i = 0; list && i < count; i++)
		list[i] = (unsigned)(fields[i] - model->fields);
	return list;
}

static bool is_key(const struct md_def_index *index)
{
	return index->unique && !md_def_sql_first(&index->where);
}

/* Keys, and indexes that are none. */
static bool set_keys(const struct md_def_model *model, struct md_arena *arena,
		     struct md_catalog_table *table)
{
	unsigned room = model->index_count + 1, columns_of_key = model->key_count;
	struct md_catalog_key *keys = md_arena_zalloc(arena, room * sizeof(*keys));
	struct md_catalog_index *indexes = md_arena_zalloc(arena, room * sizeof(*indexes));

	if (!keys || !indexes)
		return false;
	if (columns_of_key > 0) {
		const unsigned *columns = numbers(model, model->key, columns_of_key, arena);

		keys[table->key_count++] =
			(struct md_catalog_key){ model->key_name, true, columns, columns_of_key };
		if (!columns)
			return false;
	}
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *index = &model->indexes[i];
		unsigned *columns = md_arena_alloc(arena, (index->count + 1) * sizeof(*columns));

		if (!columns)
			return false;
		for (unsigned c = 0; c < index->count; c++)
			columns[c] = (unsigned)(index->columns[c].field - model->fields);
		if (is_key(index))
			keys[table->key_count++] = (struct md_catalog_key){ index->name, false,
									    columns, index->count };
		else
			indexes[table->index_count++] = (struct md_catalog_index){
				.name = index->name,
				.columns = columns,
				.count = index->count,
				.unique = index->unique,
				.partial = md_def_sql_first(&index->where) != NULL,
				.whole = true,
				.predicate = md_def_sql_first(&index->where),
			};
	}
	table->keys = keys;
	table->indexes = indexes;
	return true;
}

static enum md_fk_action action(enum md_def_action action)
{
	static const enum md_fk_action actions[] = {
		[MD_DEF_ACTION_UNSET] = MD_FK_NO_ACTION, [MD_DEF_NO_ACTION] = MD_FK_NO_ACTION,
		[MD_DEF_RESTRICT] = MD_FK_RESTRICT,      [MD_DEF_CASCADE] = MD_FK_CASCADE,
		[MD_DEF_SET_NULL] = MD_FK_SET_NULL,      [MD_DEF_SET_DEFAULT] = MD_FK_SET_DEFAULT,
	};

	return actions[action];
}

static bool set_foreign_keys(const struct md_def_model *model, struct md_arena *arena,
			     struct md_catalog_table *table)
{
	struct md_catalog_foreign_key *keys =
		md_arena_zalloc(arena, (model->foreign_key_count + 1) * sizeof(*keys));

	for (unsigned i = 0; keys && i < model->foreign_key_count; i++) {
		const struct md_def_foreign_key *from = &model->foreign_keys[i];
		const char **targets = md_arena_alloc(arena, (from->count + 1) * sizeof(*targets));

		keys[i] = (struct md_catalog_foreign_key){
			.name = from->name,
			.on_delete = action(from->on_delete),
			.on_update = action(from->on_update),
			.deferrable = from->deferrable != MD_DEF_NOT_DEFERRABLE,
			.deferred = from->deferrable == MD_DEF_DEFERRED,
			.columns = numbers(model, from->fields, from->count, arena),
			.count = from->count,
			.target = from->to->table,
			.target_columns = targets,
		};
		if (!targets || !keys[i].columns)
			return false;
		for (unsigned c = 0; c < from->count; c++)
			targets[c] = md_def_column(from->targets[c]);
	}
	table->foreign_keys = keys;
	table->foreign_key_count = model->foreign_key_count;
	return keys;
}

static bool set_checks(const struct md_def_model *model, struct md_arena *arena,
		       struct md_catalog_table *table)
{
	struct md_catalog_check *checks =
		md_arena_alloc(arena, (model->check_count + 1) * sizeof(*checks));

	for (unsigned i = 0; checks && i < model->check_count; i++)
		if (md_def_sql_first(&model->checks[i].sql))
			checks[table->check_count++] = (struct md_catalog_check){
				model->checks[i].name, md_def_sql_first(&model->checks[i].sql)
			};
	table->checks = checks;
	return checks;
}

static int compare_tables(const void *left, const void *right)
{
	return strcmp(((const struct md_catalog_table *)left)->name,
		      ((const struct md_catalog_table *)right)->name);
}

const struct md_catalog *md_schema_catalog(const struct md_definitions *definitions,
					   struct md_arena *arena)
{
	struct md_catalog *catalog = md_arena_zalloc(arena, sizeof(*catalog));
	struct md_catalog_table *tables =
		md_arena_zalloc(arena, (definitions->model_count + 1) * sizeof(*tables));
	bool ok = catalog && tables;

	for (unsigned i = 0; ok && i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];
		struct md_catalog_table *table = &tables[catalog->count];

		if (model->abstract)
			continue;
		*table = (struct md_catalog_table){ .schema = "",
						    .name = model->table,
						    .insertable = true,
						    .updatable = true,
						    .deletable = true,
						    .rows_estimate = -1 };
		ok = set_columns(model, arena, table) && set_keys(model, arena, table) &&
		     set_foreign_keys(model, arena, table) && set_checks(model, arena, table);
		catalog->count++;
	}
	if (!ok)
		return NULL;
	qsort(tables, catalog->count, sizeof(*tables), compare_tables);
	catalog->tables = tables;
	return catalog;
}
