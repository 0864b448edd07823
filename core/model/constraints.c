/* What refuses rows besides keys and foreign keys: copied so that a violation can be told by name.
 */
#include "core/model/private.h"

#include "core/base/banned.h"

static bool copy_text(struct md_arena *arena, const char *from, const char **ret_copy)
{
	*ret_copy = from ? md_arena_strndup(arena, from, strlen(from)) : NULL;
	return !from || *ret_copy;
}

static bool copy_checks(struct md_arena *arena, const struct md_catalog_table *table,
			struct md_model *model)
{
	struct md_catalog_check *checks =
		md_arena_alloc(arena, table->check_count * sizeof(*checks));

	if (!checks)
		return false;
	for (unsigned i = 0; i < table->check_count; i++)
		if (!copy_text(arena, table->checks[i].name, &checks[i].name) ||
		    !copy_text(arena, table->checks[i].expression, &checks[i].expression))
			return false;
	model->checks = checks;
	model->check_count = table->check_count;
	return true;
}

/* Columns that the model does not serve end the list. */
static bool copy_index(struct md_arena *arena, const struct md_catalog_table *table,
		       const struct md_catalog_index *from, const struct md_model *model,
		       struct md_catalog_index *ret_index)
{
	unsigned *columns = md_arena_alloc(arena, from->count * sizeof(*columns));
	unsigned n = 0;

	if (!columns)
		return false;
	for (; n < from->count; n++) {
		const struct md_field *field =
			md_model_column(model, md_str_of(table->columns[from->columns[n]].name));

		if (!field)
			break;
		columns[n] = field->index;
	}
	*ret_index = *from;
	ret_index->columns = columns;
	ret_index->count = n;
	ret_index->whole = from->whole && n == from->count;
	return copy_text(arena, from->name, &ret_index->name) &&
	       copy_text(arena, from->predicate, &ret_index->predicate);
}

static bool is_extra(const struct md_catalog_index *index)
{
	return index->unique && index->name && (index->partial || !index->whole);
}

bool md_constraints_copy(struct md_arena *arena, const struct md_catalog_table *table,
			 struct md_model *model)
{
	struct md_catalog_index *indexes =
		md_arena_alloc(arena, table->index_count * sizeof(*indexes));
	unsigned count = 0;

	if (!indexes)
		return false;
	for (unsigned i = 0; i < table->index_count; i++)
		if (is_extra(&table->indexes[i]) &&
		    !copy_index(arena, table, &table->indexes[i], model, &indexes[count++]))
			return false;
	model->unique_indexes = indexes;
	model->unique_index_count = count;
	return copy_checks(arena, table, model);
}
