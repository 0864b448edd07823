/* Primary keys and indexes, those that are declared at fields included. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

/* --- primary keys ------------------------------------------------------------------------------
 */

static bool has_default(const struct md_def_field *field)
{
	return field->value.literal.kind || field->value.fn ||
	       md_def_sql_is_given(&field->value.sql);
}

static bool is_listed(const struct md_def_names *names, const char *name)
{
	for (unsigned i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

/* The fields that the model's own list names. */
static void take_listed(struct md_def_resolver *resolver, struct md_def_model *model,
			const struct md_def_field **key)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);

	for (unsigned i = 0; i < model->primary_key.count; i++) {
		const char *name = model->primary_key.items[i];
		struct md_def_field *field = md_def_field_of(resolver, model, name);

		if (!field) {
			md_def_report_at(resolver->loader, &model->place, MD_DEF_M113,
					 "primary_key names \"%s\", which is no field", name);
			md_def_hint_field(resolver->loader, model, name);
			continue;
		}
		field->primary_key = true;
		key[model->key_count++] = field;
	}
	for (unsigned i = 0; i < model->field_count; i++)
		if (slot->fields[i].primary_key &&
		    !is_listed(&model->primary_key, slot->fields[i].name))
			md_def_report_at(
				resolver->loader, &slot->fields[i].place, MD_DEF_M111,
				"\"%s\" is part of the primary key, but primary_key does not "
				"name it",
				slot->fields[i].name);
}

static void check_key(struct md_def_resolver *resolver, const struct md_def_model *model,
		      const struct md_def_field *const *key)
{
	for (unsigned i = 0; i < model->key_count; i++) {
		if (key[i]->nullable)
			md_def_report_at(resolver->loader, &key[i]->place, MD_DEF_M111,
					 "\"%s\" is part of the primary key and cannot be null",
					 key[i]->name);
		if (key[i]->hidden || key[i]->writeonly)
			md_def_report_at(resolver->loader, &key[i]->place, MD_DEF_M111,
					 "\"%s\" is part of the primary key and cannot be %s",
					 key[i]->name, key[i]->hidden ? "hidden" : "writeonly");
	}
}

static void resolve_primary_key(struct md_def_resolver *resolver, struct md_def_model *model)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);
	const struct md_def_field **key;
	unsigned room = model->primary_key.count;

	for (unsigned i = 0; i < model->field_count; i++)
		room += slot->fields[i].primary_key;
	key = md_def_alloc(resolver->loader, room, sizeof(*key));
	if (!key)
		return;
	if (model->primary_key.count > 0) {
		take_listed(resolver, model, key);
	} else {
		for (unsigned i = 0; i < model->field_count; i++)
			if (slot->fields[i].primary_key)
				key[model->key_count++] = &slot->fields[i];
	}
	if (model->key_count > MD_DEF_KEY_FIELDS)
		md_def_report_at(resolver->loader, &model->place, MD_DEF_M108,
				 "a primary key has at most %d fields, not %u", MD_DEF_KEY_FIELDS,
				 model->key_count);
	check_key(resolver, model, key);
	model->key = key;
}

/* The engine counts iff a single integer key has no reference and no default. */
static void resolve_identity(struct md_def_resolver *resolver, struct md_def_model *model)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);

	for (unsigned i = 0; i < model->field_count; i++) {
		struct md_def_field *field = &slot->fields[i];
		bool counts = model->key_count == 1 && model->key[0] == field &&
			      md_def_is_integer(field->type) && !field->reference &&
			      !has_default(field) && !field->is_generated;

		if (field->auto_increment == MD_DEF_YES && !counts && !field->broken)
			md_def_report_at(
				resolver->loader, &field->place, MD_DEF_M112,
				"auto_increment is for a single integer primary key without "
				"reference and default");
		field->identity = counts && field->auto_increment != MD_DEF_NO;
		field->required = !field->nullable && !has_default(field) && !field->identity &&
				  !field->is_generated;
	}
}

void md_def_resolve_primary_keys(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++) {
		if (!resolver->models[i].abstract)
			resolve_primary_key(resolver, &resolver->models[i]);
		resolve_identity(resolver, &resolver->models[i]);
	}
}

/* --- indexes -----------------------------------------------------------------------------------
 */

static bool is_sole_key(const struct md_def_model *model, const struct md_def_field *field)
{
	return model->key_count == 1 && model->key[0] == field;
}

static void add_index(struct md_def_loader *loader, const struct md_def_field *field, bool unique,
		      struct md_def_index *into)
{
	struct md_def_index_column *column = md_def_alloc(loader, 1, sizeof(*column));

	if (!column)
		return;
	column->name = field->name;
	column->field = field;
	*into = (struct md_def_index){
		.columns = column,
		.count = 1,
		.unique = unique,
		.in_unique = unique,
		.place = field->place,
	};
}

/* Tell fields of a declared index that do not exist; false: there is one. */
static bool find_columns(struct md_def_resolver *resolver, const struct md_def_model *model,
			 struct md_def_index *index)
{
	struct md_def_index_column *columns =
		md_def_alloc(resolver->loader, index->count, sizeof(*columns));
	bool ok = columns;

	for (unsigned i = 0; columns && i < index->count; i++) {
		columns[i] = index->columns[i];
		columns[i].field = md_def_field_of(resolver, model, columns[i].name);
		if (columns[i].field)
			continue;
		md_def_report_at(resolver->loader, &index->place, MD_DEF_M113,
				 "%s has no field \"%s\"", model->name, columns[i].name);
		md_def_hint_field(resolver->loader, model, columns[i].name);
		ok = false;
	}
	for (unsigned i = 0; i < index->include.count; i++) {
		if (md_def_field_of(resolver, model, index->include.items[i]))
			continue;
		md_def_report_at(resolver->loader, &index->place, MD_DEF_M113,
				 "%s has no field \"%s\"", model->name, index->include.items[i]);
		md_def_hint_field(resolver->loader, model, index->include.items[i]);
		ok = false;
	}
	index->columns = columns;
	return ok;
}

static void resolve_model(struct md_def_resolver *resolver, struct md_def_model *model)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);
	struct md_def_index *declared = slot->indexes, *list;
	unsigned count = 0;

	/* A foreign key may add one for each field, too. */
	list = md_def_alloc(resolver->loader,
			    model->index_count + 2 * model->field_count + model->foreign_key_count,
			    sizeof(*list));
	if (!list)
		return;
	for (unsigned i = 0; i < model->field_count; i++)
		if (slot->fields[i].unique && !is_sole_key(model, &slot->fields[i]))
			add_index(resolver->loader, &slot->fields[i], true, &list[count++]);
	for (unsigned i = 0; i < model->index_count; i++)
		if (find_columns(resolver, model, &declared[i]))
			list[count++] = declared[i];
	for (unsigned i = 0; i < model->field_count; i++)
		if (slot->fields[i].index == MD_DEF_YES && !slot->fields[i].unique &&
		    !is_sole_key(model, &slot->fields[i]))
			add_index(resolver->loader, &slot->fields[i], false, &list[count++]);
	slot->indexes = list;
	model->indexes = list;
	model->index_count = count;
}

void md_def_resolve_indexes(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++)
		if (!resolver->models[i].abstract)
			resolve_model(resolver, &resolver->models[i]);
}

static bool is_among(const struct md_def_field *field, const struct md_def_field *const *fields,
		     unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fields[i] == field)
			return true;
	return false;
}

bool md_def_is_unique(const struct md_def_model *model, const struct md_def_field *const *fields,
		      unsigned count)
{
	unsigned found = 0;

	for (unsigned i = 0; i < model->key_count; i++)
		found += is_among(model->key[i], fields, count);
	if (model->key_count > 0 && found == model->key_count)
		return true;
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *index = &model->indexes[i];

		found = 0;
		for (unsigned k = 0; k < index->count; k++)
			found += is_among(index->columns[k].field, fields, count);
		if (index->unique && !md_def_sql_is_given(&index->where) && found == index->count)
			return true;
	}
	return false;
}
