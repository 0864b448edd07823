/* Looking at the models of a store. Names of the registry end in NUL. */
#include "core/api/api.h"
#include "core/model/define.h"

#include "core/base/banned.h"

static const char *name_of(const struct md_model *model)
{
	return md_str_is_given(model->alias) ? model->alias.ptr : model->name.ptr;
}

static const struct md_model *find(const struct md_store *store, const char *model)
{
	return md_registry_find(md_ops_registry(store->ops), md_str_of(model));
}

const char *md_store_model(const struct md_store *store, unsigned index)
{
	unsigned count;
	const struct md_model *models = md_registry_models(md_ops_registry(store->ops), &count);

	return index < count ? name_of(&models[index]) : NULL;
}

/* Of those that are shown. */
static const struct md_field *field_at(const struct md_model *model, unsigned index)
{
	for (unsigned i = 0; model && i < model->field_count; i++)
		if (md_field_is_visible(&model->fields[i]) && index-- == 0)
			return &model->fields[i];
	return NULL;
}

const char *md_store_field(const struct md_store *store, const char *model, unsigned index)
{
	const struct md_field *field = field_at(find(store, model), index);

	return field ? field->name.ptr : NULL;
}

unsigned md_store_field_count(const struct md_store *store, const char *model)
{
	const struct md_model *found = find(store, model);
	unsigned count = 0;

	while (field_at(found, count))
		count++;
	return count;
}

bool md_store_field_info(const struct md_store *store, const char *model, const char *field,
			 struct md_field_info *ret_info)
{
	const struct md_model *found = find(store, model);
	const struct md_field *f = found ? md_model_field(found, md_str_of(field)) : NULL;
	struct md_field_fallback value;

	if (!f)
		return false;
	value = md_field_fallback(f);
	*ret_info = (struct md_field_info){
		.name = f->name.ptr,
		.column = f->column.ptr,
		.type = md_field_type_name(f),
		.declared = f->declared.ptr,
		.default_value = value.value,
		.default_function = value.function,
		.default_sql = value.sql,
		.max_length = f->def ? f->def->max_length : f->max_length,
		.nullable = f->nullable,
		.primary_key = f->key_position >= 0,
		.unique = f->unique,
		.generated = f->generated,
		.identity = f->identity,
		.readonly = f->readonly || f->always,
	};
	return true;
}

const char *md_store_key(const struct md_store *store, const char *model, unsigned index)
{
	const struct md_model *found = find(store, model);

	return found && index < found->key_count && md_field_is_visible(found->key[index])
		       ? found->key[index]->name.ptr
		       : NULL;
}

bool md_store_relation(const struct md_store *store, const char *model, unsigned index,
		       struct md_relation_info *ret_info)
{
	const struct md_model *found = find(store, model);
	const struct md_relation *relation;

	if (!found || index >= found->relation_count)
		return false;
	relation = &found->relations[index];
	*ret_info = (struct md_relation_info){
		.name = relation->name.ptr,
		.target = name_of(relation->to),
		.cardinality = md_cardinality_name(relation->cardinality),
		.through = relation->junction ? name_of(relation->junction) : NULL,
		.to_one = relation->to_one,
	};
	return true;
}
