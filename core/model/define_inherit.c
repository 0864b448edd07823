/* The fields of each model: inherited ones, time stamps, the implicit id. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

/* Lists of a model that grow while parents are added to it. */
struct growing {
	struct md_def_field *fields;
	struct md_def_index *indexes;
	struct md_def_foreign_key *foreign_keys;
	struct md_def_check *checks;
	struct md_def_relation *relations;
	unsigned field_count, index_count, foreign_key_count, check_count, relation_count;
};

static unsigned find(const struct md_def_field *fields, unsigned count, const char *name)
{
	unsigned i = 0;

	while (i < count && strcmp(fields[i].name, name) != 0)
		i++;
	return i;
}

static bool is_same_place(const struct md_def_place *a, const struct md_def_place *b)
{
	return strcmp(a->file, b->file) == 0 && strcmp(a->pointer, b->pointer) == 0;
}

/* The fields of a parent; one field that comes by two ways is one. */
static void inherit_fields(struct md_def_resolver *resolver, const struct md_def_model *model,
			   const struct md_def_model *parent, struct growing *to)
{
	const struct md_def_field *from = md_def_slot_of(resolver, parent)->fields;

	for (unsigned i = 0; i < parent->field_count; i++) {
		unsigned at = find(to->fields, to->field_count, from[i].name);

		if (at == to->field_count)
			to->fields[to->field_count++] = from[i];
		else if (!is_same_place(&to->fields[at].place, &from[i].place))
			md_def_report_at(resolver->loader, &model->place, MD_DEF_M103,
					 "the field \"%s\" comes from %s and from %s", from[i].name,
					 to->fields[at].place.pointer, from[i].place.pointer);
	}
}

static void inherit(struct md_def_resolver *resolver, const struct md_def_model *model,
		    const struct md_def_model *parent, struct growing *to)
{
	inherit_fields(resolver, model, parent, to);
	for (unsigned i = 0; i < parent->index_count; i++)
		to->indexes[to->index_count++] = parent->indexes[i];
	for (unsigned i = 0; i < parent->foreign_key_count; i++)
		to->foreign_keys[to->foreign_key_count++] = parent->foreign_keys[i];
	for (unsigned i = 0; i < parent->check_count; i++)
		to->checks[to->check_count++] = parent->checks[i];
	for (unsigned i = 0; i < parent->relation_count; i++)
		to->relations[to->relation_count++] = parent->relations[i];
}

static void add_own(const struct md_def_model *model, struct growing *to)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		unsigned at = find(to->fields, to->field_count, model->fields[i].name);

		to->fields[at] = model->fields[i];
		to->field_count += at == to->field_count;
	}
	for (unsigned i = 0; i < model->relation_count; i++) {
		unsigned at = 0;

		while (at < to->relation_count &&
		       strcmp(to->relations[at].name, model->relations[i].name) != 0)
			at++;
		to->relations[at] = model->relations[i];
		to->relation_count += at == to->relation_count;
	}
	for (unsigned i = 0; i < model->index_count; i++)
		to->indexes[to->index_count++] = model->indexes[i];
	for (unsigned i = 0; i < model->foreign_key_count; i++)
		to->foreign_keys[to->foreign_key_count++] = model->foreign_keys[i];
	for (unsigned i = 0; i < model->check_count; i++)
		to->checks[to->check_count++] = model->checks[i];
}

/* --- time stamps and id ------------------------------------------------------------------------
 */

static void add_stamp(const struct md_def_model *model, const char *name, bool updated,
		      struct growing *to)
{
	if (!name || find(to->fields, to->field_count, name) < to->field_count)
		return;
	to->fields[to->field_count++] = (struct md_def_field){
		.name = name,
		.place = model->place,
		.type = MD_DEF_DATETIME,
		.typed = true,
		.value = { .fn = MD_DEF_NOW },
		.on_update_now = updated,
		.immutable = !updated,
		.readonly = true,
	};
}

static void add_stamps(const struct md_def_slot *slot, const struct md_def_model *model,
		       struct growing *to)
{
	bool named = model->created || model->updated;

	if (model->timestamps == MD_DEF_NO)
		return;
	if (model->timestamps == MD_DEF_UNSET &&
	    (model->abstract || slot->defaults->timestamps != MD_DEF_YES))
		return;
	add_stamp(model, named ? model->created : "created_at", false, to);
	add_stamp(model, named ? model->updated : "updated_at", true, to);
}

static bool has_key(const struct md_def_model *model, const struct growing *to)
{
	for (unsigned i = 0; i < to->field_count; i++)
		if (to->fields[i].primary_key)
			return true;
	return model->primary_key.count > 0;
}

static void add_id(struct md_def_resolver *resolver, const struct md_def_slot *slot,
		   const struct md_def_model *model, struct growing *to)
{
	static const enum md_def_type types[] = { [MD_DEF_ID_UNSET] = MD_DEF_BIGINT,
						  [MD_DEF_ID_BIGINT] = MD_DEF_BIGINT,
						  [MD_DEF_ID_INTEGER] = MD_DEF_INTEGER,
						  [MD_DEF_ID_UUID] = MD_DEF_UUID,
						  [MD_DEF_ID_NONE] = MD_DEF_NONE };
	enum md_def_type type = types[slot->defaults->auto_id];
	unsigned at = find(to->fields, to->field_count, "id");

	if (at < to->field_count) {
		md_def_report_at(resolver->loader, &to->fields[at].place, MD_DEF_M110,
				 "%s has no primary key: \"id\" is none, and nothing else is",
				 model->name);
		md_def_hint(resolver->loader, "add \"pk\" to the field, or remove it");
		return;
	}
	if (type == MD_DEF_NONE) {
		if (model->managed == MD_DEF_NO)
			return;
		md_def_report_at(resolver->loader, &model->place, MD_DEF_M110,
				 "%s has no primary key, and auto_id is none", model->name);
		md_def_hint(resolver->loader, "add to its fields: \"id\": \"bigint pk\"");
		return;
	}
	memmove(to->fields + 1, to->fields, to->field_count * sizeof(*to->fields));
	to->field_count++;
	to->fields[0] = (struct md_def_field){
		.name = "id",
		.place = model->place,
		.type = type,
		.typed = true,
		.primary_key = true,
		.value = { .fn = type == MD_DEF_UUID ? MD_DEF_UUID4 : MD_DEF_FN_NONE },
	};
}

/* --- one model ---------------------------------------------------------------------------------
 */

static bool make_room(struct md_def_loader *loader, const struct growing *most, struct growing *to)
{
	*to = (struct growing){
		.fields = md_def_alloc(loader, most->field_count + 3, sizeof(*to->fields)),
		.indexes = md_def_alloc(loader, most->index_count, sizeof(*to->indexes)),
		.foreign_keys =
			md_def_alloc(loader, most->foreign_key_count, sizeof(*to->foreign_keys)),
		.checks = md_def_alloc(loader, most->check_count, sizeof(*to->checks)),
		.relations = md_def_alloc(loader, most->relation_count, sizeof(*to->relations)),
	};
	return !loader->failed;
}

static void count(const struct md_def_model *model, struct growing *most)
{
	most->field_count += model->field_count;
	most->index_count += model->index_count;
	most->foreign_key_count += model->foreign_key_count;
	most->check_count += model->check_count;
	most->relation_count += model->relation_count;
}

static void resolve_model(struct md_def_resolver *resolver, struct md_def_model *model);

/* The parent of this name, its own fields complete; NULL: it cannot be extended. */
static struct md_def_model *parent_of(struct md_def_resolver *resolver,
				      const struct md_def_model *model, const char *name)
{
	struct md_def_model *parent = md_map_get(resolver->by_name, md_str_of(name));

	if (!parent) {
		md_def_no_model(resolver, &model->place, name);
		return NULL;
	}
	if (!parent->abstract) {
		md_def_report_at(resolver->loader, &model->place, MD_DEF_M114,
				 "%s cannot extend %s: only abstract models can be extended",
				 model->name, name);
		md_def_hint(resolver->loader, "add to %s: \"abstract\": true", name);
		return NULL;
	}
	if (md_def_slot_of(resolver, parent)->state == MD_DEF_OPEN) {
		md_def_report_at(resolver->loader, &model->place, MD_DEF_M114,
				 "%s extends itself, by %s", name, model->name);
		return NULL;
	}
	resolve_model(resolver, parent);
	return parent;
}

/* Parents, without those that cannot be; returns how many. */
static unsigned parents_of(struct md_def_resolver *resolver, const struct md_def_model *model,
			   struct md_def_model **parents)
{
	unsigned found = 0;

	for (unsigned i = 0; i < model->extends.count; i++) {
		struct md_def_model *parent = parent_of(resolver, model, model->extends.items[i]);

		if (parent)
			parents[found++] = parent;
	}
	return found;
}

static void take_lists(struct md_def_resolver *resolver, struct md_def_model *model,
		       const struct growing *from)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);

	slot->fields = from->fields;
	slot->indexes = from->indexes;
	slot->foreign_keys = from->foreign_keys;
	slot->checks = from->checks;
	slot->relations = from->relations;
	model->fields = from->fields;
	model->field_count = from->field_count;
	model->indexes = from->indexes;
	model->index_count = from->index_count;
	model->foreign_keys = from->foreign_keys;
	model->foreign_key_count = from->foreign_key_count;
	model->checks = from->checks;
	model->check_count = from->check_count;
	model->relations = from->relations;
	model->relation_count = from->relation_count;
	slot->typed = md_def_alloc(resolver->loader, from->field_count, sizeof(*slot->typed));
	resolver->field_total += from->field_count;
	if (resolver->field_total > MD_DEF_ALL_FIELDS) {
		md_def_report_at(resolver->loader, &(struct md_def_place){ "", "", 0 }, MD_DEF_M108,
				 "all models together have more than %d fields", MD_DEF_ALL_FIELDS);
		resolver->field_total = 0;
		resolver->too_many = true;
	}
}

/* Recursive; files are nested by extends as deep as there are models. */
static void resolve_model(struct md_def_resolver *resolver, struct md_def_model *model)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);
	struct md_def_model *parents[MD_DEF_KEY_FIELDS];
	struct growing most = { .field_count = 0 }, to;
	unsigned parent_count;

	if (slot->state != MD_DEF_NEW || resolver->loader->failed || resolver->too_many)
		return;
	slot->state = MD_DEF_OPEN;
	parent_count = parents_of(resolver, model, parents);
	count(model, &most);
	for (unsigned i = 0; i < parent_count; i++)
		count(parents[i], &most);
	if (!make_room(resolver->loader, &most, &to))
		return;
	for (unsigned i = 0; i < parent_count; i++) {
		inherit(resolver, model, parents[i], &to);
		if (model->primary_key.count == 0)
			model->primary_key = parents[i]->primary_key;
	}
	add_own(model, &to);
	add_stamps(slot, model, &to);
	if (!model->abstract && !has_key(model, &to))
		add_id(resolver, slot, model, &to);
	take_lists(resolver, model, &to);
	slot->state = MD_DEF_DONE;
}

void md_def_resolve_fields(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count; i++)
		resolve_model(resolver, &resolver->models[i]);
}
