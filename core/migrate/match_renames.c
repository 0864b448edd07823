/* What things were called before: renamings are gone through from the last to the first. */
#include "core/migrate/match_private.h"

#include "core/base/banned.h"

static const char FIELD[] = "rename_field", INDEX[] = "rename_index";

static const char *text_of(const json_t *operation, const char *key)
{
	const char *text = json_string_value(json_object_get(operation, key));

	return text ? text : "";
}

/* False: the operation renames nothing. */
static bool read_renaming(const json_t *operation, struct renaming *into)
{
	const char *op = text_of(operation, "op");
	bool field = strcmp(op, FIELD) == 0, index = strcmp(op, INDEX) == 0;

	*into = (struct renaming){ .part = field   ? FIELD
					   : index ? INDEX
						   : NULL,
				   .model = text_of(operation, "model"),
				   .from = text_of(operation, "from"),
				   .to = text_of(operation, "to") };
	return field || index || strcmp(op, "rename_model") == 0;
}

void md_match_renamings(struct matching *m, const json_t *operations)
{
	size_t count = json_array_size(operations);
	struct renaming *renamings = md_arena_alloc(m->arena, count * sizeof(*renamings));

	m->failed = m->failed || !renamings;
	m->renamings = renamings;
	for (size_t i = 0; renamings && i < count; i++)
		m->renaming_count +=
			read_renaming(json_array_get(operations, i), &renamings[m->renaming_count]);
}

/* Take one renaming back. False: before it, the name belonged to another. */
static bool step_back(const struct renaming *renaming, const char **name)
{
	if (strcmp(renaming->to, *name) == 0)
		*name = renaming->from;
	else if (strcmp(renaming->from, *name) == 0)
		return false;
	return true;
}

/* `name` NULL: a model is looked for; else a part of that kind in it. */
static const char *name_before(const struct matching *m, const char *model, const char *part,
			       const char *name)
{
	for (unsigned i = m->renaming_count; i-- > 0;) {
		const struct renaming *renaming = &m->renamings[i];

		if (!renaming->part && !step_back(renaming, &model))
			return NULL;
		if (renaming->part && renaming->part == part &&
		    strcmp(renaming->model, model) == 0 && !step_back(renaming, &name))
			return NULL;
	}
	return name ? name : model;
}

const char *md_match_model_before(const struct matching *m, const char *model)
{
	return name_before(m, model, NULL, NULL);
}

const char *md_match_field_before(const struct matching *m, const char *model, const char *field)
{
	return name_before(m, model, FIELD, field);
}

const char *md_match_index_before(const struct matching *m, const char *model, const char *index)
{
	return name_before(m, model, INDEX, index);
}
