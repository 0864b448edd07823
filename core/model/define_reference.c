/* References: their targets, the types they take over, foreign keys and the indexes behind them. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

/* --- targets of single fields ------------------------------------------------------------------
 */

/* By its name, or as the seed of a database has it: by its column. */
static struct md_def_field *target_of(const struct md_def_resolver *resolver,
				      const struct md_def_model *model, const char *name)
{
	struct md_def_field *field = md_def_field_of(resolver, model, name);
	struct md_def_slot *slot = md_def_slot_of(resolver, model);

	for (unsigned i = 0; !field && i < model->field_count; i++)
		if (strcmp(md_def_column(&slot->fields[i]), name) == 0)
			field = &slot->fields[i];
	return field;
}

/* The model that is referenced; NULL: that has been told. */
static struct md_def_model *find_model(struct md_def_resolver *resolver,
				       const struct md_def_place *place, const char *name)
{
	struct md_def_model *model = md_def_model_of(resolver, name);

	if (!model) {
		md_def_no_model(resolver, place, name);
	} else if (model->abstract) {
		md_def_report_at(resolver->loader, place, MD_DEF_M201,
				 "%s is abstract and has no rows to reference", model->name);
		model = NULL;
	}
	return model;
}

static const struct md_def_field *find_target(struct md_def_resolver *resolver,
					      const struct md_def_model *to,
					      const struct md_def_place *place, const char *name)
{
	const struct md_def_field *target = name ? target_of(resolver, to, name) : NULL;

	if (target)
		return target;
	if (name) {
		md_def_report_at(resolver->loader, place, MD_DEF_M207, "%s has no field \"%s\"",
				 to->name, name);
		md_def_hint_field(resolver->loader, to, name);
	} else if (to->key_count == 1) {
		return to->key[0];
	} else if (to->key_count > 1) {
		md_def_report_at(resolver->loader, place, MD_DEF_M207,
				 "the primary key of %s has %u fields", to->name, to->key_count);
		md_def_hint(resolver->loader, "reference all of them, in foreign_keys");
	}
	/* Without a key: that has been told. */
	return NULL;
}

static void resolve_target(struct md_def_resolver *resolver, struct md_def_field *field,
			   const struct md_def_slot *slot)
{
	struct md_def_reference *copy;
	struct md_def_model *to;

	if (!field->reference->model)
		return;
	/* Several models may have inherited it; each has its own. */
	copy = md_def_alloc(resolver->loader, 1, sizeof(*copy));
	if (!copy)
		return;
	*copy = *field->reference;
	field->reference = copy;
	if (copy->on_delete == MD_DEF_ACTION_UNSET)
		copy->on_delete = slot->defaults->on_delete;
	to = find_model(resolver, &field->place, copy->model);
	if (!to) {
		field->broken = true;
		return;
	}
	copy->to = to;
	copy->model = to->name;
	copy->to_field = find_target(resolver, to, &field->place, copy->field);
	if (copy->to_field && copy->field)
		copy->field = copy->to_field->name;
	field->broken = field->broken || !copy->to_field;
}

/* --- types -------------------------------------------------------------------------------------
 */

static void copy_type(const struct md_def_field *from, struct md_def_field *to)
{
	to->type = from->type;
	to->items = from->items;
	to->precision = from->precision;
	to->scale = from->scale;
	to->enum_name = from->enum_name;
	to->labels = from->labels;
	if (to->max_length == 0)
		to->max_length = from->max_length;
	if (to->collate == MD_DEF_COLLATE_UNSET)
		to->collate = from->collate;
	if (!md_def_sql_is_given(&to->sql_type))
		to->sql_type = from->sql_type;
	if (to->json_number == MD_DEF_NUMBER_UNSET)
		to->json_number = from->json_number;
}

static void check_type(struct md_def_resolver *resolver, const struct md_def_field *field,
		       const struct md_def_field *target)
{
	if (field->type == target->type || field->broken || target->broken)
		return;
	md_def_report_at(resolver->loader, &field->place, MD_DEF_M209,
			 "the type is %s, but %s.%s is %s",
			 md_def_word_of(md_def_types, field->type), field->reference->to->name,
			 target->name, md_def_word_of(md_def_types, target->type));
	md_def_hint(resolver->loader, "leave the type out: a reference takes it over");
}

enum { CHAIN_MAX = 1000 };

/* The type of a reference is that of its target, which may be a reference itself. */
static void resolve_type(struct md_def_resolver *resolver, const struct md_def_model *model,
			 struct md_def_field *field, unsigned depth)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);
	enum md_def_state *state = &slot->typed[field - slot->fields];
	const struct md_def_reference *reference = field->reference;
	struct md_def_field *target;

	if (*state == MD_DEF_DONE)
		return;
	if (*state == MD_DEF_OPEN || depth == CHAIN_MAX) {
		md_def_report_at(resolver->loader, &field->place, MD_DEF_M209,
				 "the reference ends nowhere: it comes back to itself");
		field->broken = true;
		return;
	}
	*state = MD_DEF_OPEN;
	if (reference && reference->to_field) {
		/* A field of the resolved model, which is still ours. */
		target = (struct md_def_field *)(uintptr_t)reference->to_field;
		if (!field->typed || !target->typed)
			resolve_type(resolver, reference->to, target, depth + 1);
		if (field->typed)
			check_type(resolver, field, target);
		else
			copy_type(target, field);
		field->broken = field->broken || target->broken;
	}
	*state = MD_DEF_DONE;
}

static const struct md_def_enum *find_enum(struct md_def_resolver *resolver,
					   const struct md_def_field *field)
{
	const struct md_def_enum *found = md_map_get(resolver->enums, md_str_of(field->enum_name));
	struct md_def_guess guess;
	const char *like;

	if (found)
		return found;
	md_def_report_at(resolver->loader, &field->place, MD_DEF_M123,
			 "\"%s\" is neither a type nor an enum", field->enum_name);
	if (md_map_get(resolver->by_name, md_str_of(field->enum_name))) {
		md_def_hint(resolver->loader, "for a reference write \"-> %s\"", field->enum_name);
		return NULL;
	}
	md_def_guess_init(&guess, md_str_of(md_def_lower(resolver->loader, field->enum_name)));
	for (unsigned i = 0; i < resolver->enum_count; i++)
		md_def_guess_offer(&guess, resolver->enum_list[i].name);
	like = md_def_guess_best(&guess);
	if (!like)
		like = md_def_type_like(guess.wanted);
	if (like)
		md_def_hint(resolver->loader, "did you mean \"%s\"?", like);
	return NULL;
}

/* Named enums, and the length of strings. */
static void resolve_own_type(struct md_def_resolver *resolver, const struct md_def_slot *slot,
			     struct md_def_field *field)
{
	const struct md_def_enum *found;

	if (field->type == MD_DEF_STRING && field->max_length == 0)
		field->max_length =
			slot->defaults->string_max > 0 ? slot->defaults->string_max : 255;
	if (!field->enum_name || field->broken)
		return;
	found = find_enum(resolver, field);
	if (found)
		field->labels = found->labels;
	/* Labels that cannot be read have been told. */
	field->broken = field->broken || !found || found->labels.count == 0;
}

void md_def_resolve_types(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count; i++) {
		struct md_def_slot *slot = &resolver->slots[i];

		for (unsigned k = 0; k < resolver->models[i].field_count; k++) {
			resolve_own_type(resolver, slot, &slot->fields[k]);
			if (slot->fields[k].reference && !resolver->models[i].abstract)
				resolve_target(resolver, &slot->fields[k], slot);
		}
	}
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++)
		for (unsigned k = 0; k < resolver->models[i].field_count; k++)
			resolve_type(resolver, &resolver->models[i], &resolver->slots[i].fields[k],
				     0);
}

/* --- foreign keys ------------------------------------------------------------------------------
 */

/* "-> User? on delete set null" */
static void hint_nullable(struct md_def_resolver *resolver, const struct md_def_foreign_key *key,
			  const struct md_def_field *field)
{
	if (key->declared)
		md_def_hint(resolver->loader, "make the field nullable: add \"?\" to its type");
	else
		md_def_hint(resolver->loader, "make it nullable: \"%s\": \"-> %s? …\"", field->name,
			    key->to->name);
}

static void check_action(struct md_def_resolver *resolver, const struct md_def_foreign_key *key,
			 const char *when, enum md_def_action action)
{
	for (unsigned i = 0; i < key->count; i++) {
		const struct md_def_field *field = key->fields[i];

		if (action == MD_DEF_SET_NULL && !field->nullable) {
			md_def_report_at(resolver->loader, &key->place, MD_DEF_M220,
					 "%s set null, but \"%s\" cannot be null", when,
					 field->name);
			hint_nullable(resolver, key, field);
		}
		if (action == MD_DEF_SET_DEFAULT && field->required) {
			md_def_report_at(resolver->loader, &key->place, MD_DEF_M221,
					 "%s set default, but \"%s\" has no default", when,
					 field->name);
			md_def_hint(resolver->loader, "add a default: \"… = 1\"");
		}
	}
}

/* The targets are the primary key, or those of one unique index, neither more nor less. */
static bool is_key_of(const struct md_def_model *model, const struct md_def_field *const *fields,
		      unsigned count)
{
	if (!md_def_is_unique(model, fields, count))
		return false;
	for (unsigned i = 0; count > 1 && i < count; i++) {
		const struct md_def_field *rest[MD_DEF_KEY_FIELDS];
		unsigned left = 0;

		for (unsigned k = 0; k < count; k++)
			if (k != i)
				rest[left++] = fields[k];
		if (md_def_is_unique(model, rest, left) && count != model->key_count)
			return false;
	}
	return true;
}

static void check_foreign_key(struct md_def_resolver *resolver,
			      const struct md_def_foreign_key *key)
{
	const char *name = key->targets[0]->name;

	if (!is_key_of(key->to, key->targets, key->count)) {
		if (key->count == 1)
			md_def_report_at(resolver->loader, &key->place, MD_DEF_M208,
					 "%s.%s is neither the primary key nor unique",
					 key->to->name, name);
		else
			md_def_report_at(resolver->loader, &key->place, MD_DEF_M208,
					 "the referenced fields of %s are neither its primary key "
					 "nor unique",
					 key->to->name);
		md_def_hint(resolver->loader, key->count == 1
						      ? "add \"unique\" to the field"
						      : "add them to \"unique\" of the model");
	}
	check_action(resolver, key, "on delete", key->on_delete);
	check_action(resolver, key, "on update", key->on_update);
}

static void types_differ(struct md_def_resolver *resolver, const struct md_def_foreign_key *key)
{
	for (unsigned i = 0; i < key->count; i++) {
		const struct md_def_field *field = key->fields[i], *target = key->targets[i];

		if (field->type == target->type || field->broken || target->broken)
			continue;
		md_def_report_at(resolver->loader, &key->place, MD_DEF_M209,
				 "\"%s\" is %s, but %s.%s is %s", field->name,
				 md_def_word_of(md_def_types, field->type), key->to->name,
				 target->name, md_def_word_of(md_def_types, target->type));
	}
}

static void take_reference(struct md_def_loader *loader, const struct md_def_field *field,
			   struct md_def_foreign_key *into)
{
	const struct md_def_reference *reference = field->reference;
	const struct md_def_field **pair = md_def_alloc(loader, 2, sizeof(struct md_def_field *));

	if (!pair)
		return;
	pair[0] = field;
	pair[1] = reference->to_field;
	*into = (struct md_def_foreign_key){
		.name = reference->name,
		.model = reference->to->name,
		.on_delete = reference->on_delete,
		.on_update = reference->on_update,
		.deferrable = reference->deferrable,
		.place = field->place,
		.to = reference->to,
		.fields = &pair[0],
		.targets = &pair[1],
		.count = 1,
	};
}

/* Fields and targets of a declared key; false: there is a mistake, and it is told. */
static bool take_declared(struct md_def_resolver *resolver, const struct md_def_model *model,
			  struct md_def_foreign_key *key)
{
	unsigned count = key->names.count;
	const struct md_def_field **fields, **targets;
	bool ok = true;

	key->to = find_model(resolver, &key->place, key->model);
	fields = md_def_alloc(resolver->loader, count, sizeof(*fields));
	targets = md_def_alloc(resolver->loader, count, sizeof(*targets));
	if (!fields || !targets)
		return false;
	for (unsigned i = 0; i < count; i++) {
		fields[i] = md_def_field_of(resolver, model, key->names.items[i]);
		if (fields[i])
			continue;
		md_def_report_at(resolver->loader, &key->place, MD_DEF_M113,
				 "%s has no field \"%s\"", model->name, key->names.items[i]);
		md_def_hint_field(resolver->loader, model, key->names.items[i]);
		ok = false;
	}
	if (!key->to || (key->target_names.count == 0 && key->to->key_count == 0))
		return false; /* told before */
	if (key->target_names.count == 0 && key->to->key_count != count) {
		md_def_report_at(resolver->loader, &key->place, MD_DEF_M207,
				 "the primary key of %s has %u field%s, not %u", key->to->name,
				 key->to->key_count, key->to->key_count == 1 ? "" : "s", count);
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		targets[i] = key->target_names.count == 0
				     ? key->to->key[i]
				     : find_target(resolver, key->to, &key->place,
						   key->target_names.items[i]);
		ok = ok && targets[i];
	}
	key->model = key->to->name;
	key->fields = fields;
	key->targets = targets;
	key->count = count;
	return ok;
}

static bool begins_index(const struct md_def_index *index, const struct md_def_foreign_key *key)
{
	if (index->count < key->count || md_def_sql_is_given(&index->where) ||
	    index->using > MD_DEF_BTREE)
		return false;
	for (unsigned i = 0; i < key->count; i++)
		if (index->columns[i].field != key->fields[i])
			return false;
	return true;
}

static bool begins_key(const struct md_def_model *model, const struct md_def_foreign_key *key)
{
	for (unsigned i = 0; i < key->count; i++)
		if (i >= model->key_count || model->key[i] != key->fields[i])
			return false;
	return true;
}

/* Every foreign key has an index, or the start of one. */
static void add_index(struct md_def_loader *loader, struct md_def_slot *slot,
		      struct md_def_model *model, const struct md_def_foreign_key *key)
{
	struct md_def_index_column *columns;

	if (begins_key(model, key) || (key->count == 1 && key->fields[0]->index == MD_DEF_NO))
		return;
	for (unsigned i = 0; i < model->index_count; i++)
		if (begins_index(&model->indexes[i], key))
			return;
	columns = md_def_alloc(loader, key->count, sizeof(*columns));
	if (!columns)
		return;
	for (unsigned i = 0; i < key->count; i++)
		columns[i] = (struct md_def_index_column){ .name = key->fields[i]->name,
							   .field = key->fields[i] };
	slot->indexes[model->index_count++] = (struct md_def_index){
		.columns = columns,
		.count = key->count,
		.place = key->place,
	};
}

static void resolve_model(struct md_def_resolver *resolver, struct md_def_model *model)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);
	struct md_def_foreign_key *declared = slot->foreign_keys, *list;
	unsigned count = 0;

	list = md_def_alloc(resolver->loader, model->field_count + model->foreign_key_count,
			    sizeof(*list));
	if (!list)
		return;
	for (unsigned i = 0; i < model->field_count; i++)
		if (slot->fields[i].reference && slot->fields[i].reference->to_field &&
		    !slot->fields[i].broken)
			take_reference(resolver->loader, &slot->fields[i], &list[count++]);
	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		list[count] = declared[i];
		if (list[count].on_delete == MD_DEF_ACTION_UNSET)
			list[count].on_delete = slot->defaults->on_delete;
		if (!take_declared(resolver, model, &list[count]))
			continue;
		types_differ(resolver, &list[count++]);
	}
	slot->foreign_keys = list;
	model->foreign_keys = list;
	model->foreign_key_count = resolver->loader->failed ? 0 : count;
	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		list[i].unique = md_def_is_unique(model, list[i].fields, list[i].count);
		add_index(resolver->loader, slot, model, &list[i]);
	}
}

void md_def_resolve_foreign_keys(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++)
		if (!resolver->models[i].abstract)
			resolve_model(resolver, &resolver->models[i]);
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++)
		for (unsigned k = 0; k < resolver->models[i].foreign_key_count; k++)
			if (!resolver->models[i].abstract)
				check_foreign_key(resolver, &resolver->models[i].foreign_keys[k]);
}
