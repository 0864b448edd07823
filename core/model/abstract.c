/* Models that are only there to be extended: no table, so no place among those that are served. */
#include "core/model/private.h"

#include "core/base/banned.h"

static bool fill(const struct md_registry *registry, struct md_arena *arena,
		 const struct md_def_model *def, struct md_model *model)
{
	struct md_field *fields = md_arena_alloc(arena, def->field_count * sizeof(*fields));

	*model = (struct md_model){ .name = md_str_of(def->name),
				    .schema = registry->schema,
				    .comment = md_str_of(def->description),
				    .fields = fields,
				    .field_count = def->field_count,
				    .rows_estimate = -1,
				    .def = def };
	for (unsigned i = 0; fields && i < def->field_count; i++) {
		const struct md_catalog_column column = { .type = MD_TYPE_TEXT };

		fields[i] = md_declared_field_of(&def->fields[i], &column);
		fields[i].index = i;
		fields[i].declared = MD_STR("");
	}
	return fields;
}

bool md_registry_abstract(const struct md_registry *registry, struct md_arena *arena,
			  const struct md_model **ret_models, unsigned *ret_count)
{
	const struct md_definitions *definitions = registry->definitions;
	unsigned all = definitions ? definitions->model_count : 0, count = 0;
	struct md_model *models;

	for (unsigned i = 0; i < all; i++)
		count += definitions->models[i].abstract;
	models = md_arena_alloc(arena, count * sizeof(*models));
	if (!models)
		return false;
	count = 0;
	for (unsigned i = 0; i < all; i++)
		if (definitions->models[i].abstract &&
		    !fill(registry, arena, &definitions->models[i], &models[count++]))
			return false;
	*ret_models = models;
	*ret_count = count;
	return true;
}
