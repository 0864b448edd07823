/* Definitions without what clients may not know, for the SQL that they are shown. A copy in which
 * fields are fewer, so everything that points to one is made again. */
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

struct copy {
	const struct md_definitions *from;
	struct md_arena *arena;
	struct md_def_model *models;
	struct md_def_field ***places; /* by model and field; NULL: left out */
};

static bool has_hidden(const struct md_definitions *definitions)
{
	for (unsigned m = 0; m < definitions->model_count; m++)
		for (unsigned i = 0; i < definitions->models[m].field_count; i++)
			if (definitions->models[m].fields[i].hidden)
				return true;
	return false;
}

static bool sql_names(const struct md_def_sql *sql, struct md_str column)
{
	bool found = md_sql_names(sql->any, column);

	for (unsigned i = 0; i < MD_ENGINES && !found; i++)
		found = md_sql_names(sql->own[i], column);
	return found;
}

static bool is_known(const struct md_def_model *model, const struct md_def_sql *sql)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		struct md_str column = md_str_of(md_def_column(&model->fields[i]));

		if (model->fields[i].hidden && sql_names(sql, column))
			return false;
	}
	return true;
}

static const struct md_def_field *place_of(const struct copy *copy,
					   const struct md_def_model *model,
					   const struct md_def_field *field)
{
	return copy->places[model - copy->from->models][field - model->fields];
}

static bool copy_fields(const struct copy *copy, unsigned number)
{
	const struct md_def_model *from = &copy->from->models[number];
	struct md_def_field *fields =
		md_arena_alloc(copy->arena, from->field_count * sizeof(*fields));
	unsigned n = 0;

	copy->places[number] = md_arena_zalloc(copy->arena, from->field_count * sizeof(void *));
	if (!fields || !copy->places[number])
		return false;
	for (unsigned i = 0; i < from->field_count; i++) {
		struct md_def_field *field = &fields[n];

		if (from->fields[i].hidden)
			continue;
		*field = from->fields[i];
		if (!is_known(from, &field->check))
			field->check = (struct md_def_sql){ .any = NULL };
		if (!is_known(from, &field->generated))
			field->is_generated = false;
		copy->places[number][i] = field;
		n++;
	}
	copy->models[number].fields = fields;
	copy->models[number].field_count = n;
	return true;
}

/* NULL: out of memory. *ret_whole: all of them are known. */
static const struct md_def_field **copy_list(const struct copy *copy,
					     const struct md_def_model *model,
					     const struct md_def_field *const *fields,
					     unsigned count, bool *ret_whole)
{
	const struct md_def_field **list = md_arena_alloc(copy->arena, count * sizeof(void *));

	for (unsigned i = 0; list && i < count; i++) {
		list[i] = place_of(copy, model, fields[i]);
		*ret_whole = *ret_whole && list[i];
	}
	return list;
}

static bool copy_indexes(const struct copy *copy, unsigned number)
{
	const struct md_def_model *from = &copy->from->models[number];
	struct md_def_index *indexes =
		md_arena_alloc(copy->arena, from->index_count * sizeof(*indexes));
	unsigned n = 0;

	for (unsigned i = 0; indexes && i < from->index_count; i++) {
		const struct md_def_index *index = &from->indexes[i];
		struct md_def_index_column *columns =
			md_arena_alloc(copy->arena, index->count * sizeof(*columns));
		bool known = is_known(from, &index->where);

		if (!columns)
			return false;
		for (unsigned c = 0; c < index->count; c++) {
			columns[c] = index->columns[c];
			columns[c].field = place_of(copy, from, columns[c].field);
			known = known && columns[c].field;
		}
		for (unsigned c = 0; c < index->include.count; c++)
			for (unsigned f = 0; f < from->field_count; f++)
				known = known && !(from->fields[f].hidden &&
						   strcmp(from->fields[f].name,
							  index->include.items[c]) == 0);
		indexes[n] = *index;
		indexes[n].columns = columns;
		n += known;
	}
	copy->models[number].indexes = indexes;
	copy->models[number].index_count = n;
	return indexes;
}

static bool copy_keys(const struct copy *copy, unsigned number)
{
	const struct md_def_model *from = &copy->from->models[number];
	struct md_def_model *to = &copy->models[number];
	struct md_def_foreign_key *keys =
		md_arena_alloc(copy->arena, from->foreign_key_count * sizeof(*keys));
	unsigned n = 0;
	bool whole = true;

	to->key = copy_list(copy, from, from->key, from->key_count, &whole);
	for (unsigned i = 0; keys && i < from->foreign_key_count; i++) {
		struct md_def_foreign_key *key = &keys[n];

		*key = from->foreign_keys[i];
		whole = true;
		key->fields = copy_list(copy, from, key->fields, key->count, &whole);
		key->targets = copy_list(copy, key->to, key->targets, key->count, &whole);
		key->to = &copy->models[key->to - copy->from->models];
		if (!key->fields || !key->targets)
			return false;
		n += whole;
	}
	to->foreign_keys = keys;
	to->foreign_key_count = n;
	return keys && to->key;
}

static bool copy_checks(const struct copy *copy, unsigned number)
{
	const struct md_def_model *from = &copy->from->models[number];
	struct md_def_check *checks =
		md_arena_alloc(copy->arena, from->check_count * sizeof(*checks));
	unsigned n = 0;

	for (unsigned i = 0; checks && i < from->check_count; i++)
		if (is_known(from, &from->checks[i].sql))
			checks[n++] = from->checks[i];
	copy->models[number].checks = checks;
	copy->models[number].check_count = n;
	return checks;
}

const struct md_definitions *md_definitions_known(const struct md_registry *registry,
						  struct md_arena *arena)
{
	const struct md_definitions *from = md_registry_definitions(registry);
	struct md_definitions *definitions;
	struct copy copy = { .from = from, .arena = arena };
	unsigned count = from->model_count;
	bool ok;

	if (!has_hidden(from))
		return from;
	definitions = md_arena_alloc(arena, sizeof(*definitions));
	copy.models = md_arena_alloc(arena, count * sizeof(*copy.models));
	copy.places = md_arena_alloc(arena, count * sizeof(void *));
	ok = definitions && copy.models && copy.places;
	if (ok)
		memcpy(copy.models, from->models, count * sizeof(*copy.models));
	for (unsigned m = 0; ok && m < count; m++)
		ok = copy_fields(&copy, m);
	for (unsigned m = 0; ok && m < count; m++)
		ok = from->models[m].abstract ||
		     (copy_indexes(&copy, m) && copy_keys(&copy, m) && copy_checks(&copy, m));
	if (!ok)
		return NULL;
	*definitions = *from;
	definitions->models = copy.models;
	return definitions;
}
