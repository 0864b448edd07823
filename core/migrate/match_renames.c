/* What things were called before: operations are gone through from the last to the first. */
#include "core/migrate/match_private.h"

#include "core/base/banned.h"

static const char *text_of(const json_t *operation, const char *key)
{
	const char *text = json_string_value(json_object_get(operation, key));

	return text ? text : "";
}

/* Take one renaming back. False: before it, the name belonged to another. */
static bool step_back(const json_t *operation, const char **name)
{
	if (strcmp(text_of(operation, "to"), *name) == 0)
		*name = text_of(operation, "from");
	else if (strcmp(text_of(operation, "from"), *name) == 0)
		return false;
	return true;
}

/* `part` NULL: a model is looked for; else what `op` renames within the model. */
static const char *name_before(const json_t *operations, const char *model, const char *op,
			       const char *part)
{
	for (size_t i = json_array_size(operations); i-- > 0;) {
		const json_t *operation = json_array_get(operations, i);
		const char *what = text_of(operation, "op");

		if (strcmp(what, "rename_model") == 0) {
			if (!step_back(operation, &model))
				return NULL;
		} else if (part && strcmp(what, op) == 0 &&
			   strcmp(text_of(operation, "model"), model) == 0) {
			if (!step_back(operation, &part))
				return NULL;
		}
	}
	return part ? part : model;
}

const char *md_match_model_before(const json_t *operations, const char *model)
{
	return name_before(operations, model, "", NULL);
}

const char *md_match_field_before(const json_t *operations, const char *model, const char *field)
{
	return name_before(operations, model, "rename_field", field);
}

const char *md_match_index_before(const json_t *operations, const char *model, const char *index)
{
	return name_before(operations, model, "rename_index", index);
}
