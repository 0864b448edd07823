/* Several files become one: models by name, one step after the other. A step may leave something
 * unresolved that it has reported; later steps pass over it in silence. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

void md_def_map_set(struct md_def_resolver *resolver, struct md_map *map, const char *key,
		    void *value)
{
	if (!md_map_set(map, md_str_of(key), value))
		resolver->loader->failed = true;
}

struct md_def_field *md_def_field_of(const struct md_def_resolver *resolver,
				     const struct md_def_model *model, const char *name)
{
	struct md_def_slot *slot = md_def_slot_of(resolver, model);

	for (unsigned i = 0; i < model->field_count; i++)
		if (strcmp(slot->fields[i].name, name) == 0)
			return &slot->fields[i];
	return NULL;
}

void md_def_hint_field(struct md_def_loader *loader, const struct md_def_model *model,
		       const char *name)
{
	struct md_def_guess guess;

	md_def_guess_init(&guess, md_str_of(name));
	for (unsigned i = 0; i < model->field_count; i++)
		md_def_guess_offer(&guess, model->fields[i].name);
	md_def_guess_hint(loader, &guess);
}

const char *md_def_lower(struct md_def_loader *loader, const char *name)
{
	char *copy = md_arena_strndup(loader->arena, name, strlen(name));

	loader->failed = loader->failed || !copy;
	for (char *p = copy; p && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy ? copy : "";
}

struct md_def_model *md_def_model_of(const struct md_def_resolver *resolver, const char *name)
{
	struct md_def_model *model = md_map_get(resolver->by_name, md_str_of(name));

	if (model)
		return model;
	model = md_map_get(resolver->by_table, md_str_of(md_def_lower(resolver->loader, name)));
	return model && strcmp(model->table, name) == 0 ? model : NULL;
}

void md_def_no_model(const struct md_def_resolver *resolver, const struct md_def_place *place,
		     const char *name)
{
	struct md_def_guess guess;

	md_def_report_at(resolver->loader, place, MD_DEF_M201, "there is no model \"%s\"", name);
	md_def_guess_init(&guess, md_str_of(name));
	for (unsigned i = 0; i < resolver->count; i++)
		md_def_guess_offer(&guess, resolver->models[i].name);
	md_def_guess_hint(resolver->loader, &guess);
}

/* --- all files together ------------------------------------------------------------------------
 */

static void take_enum(struct md_def_resolver *resolver, const struct md_def_enum *one)
{
	const struct md_def_enum *other = md_map_get(resolver->enums, md_str_of(one->name));
	struct md_def_enum *copy = &resolver->enum_list[resolver->enum_count];

	if (other) {
		md_def_report_at(resolver->loader, &one->place, MD_DEF_M103,
				 "the enum \"%s\" is also in %s:%u", one->name, other->place.file,
				 other->place.line);
		return;
	}
	*copy = *one;
	resolver->enum_count++;
	md_def_map_set(resolver, resolver->enums, copy->name, copy);
}

static void take_model(struct md_def_resolver *resolver, const struct md_def_model *one,
		       const struct md_def_defaults *defaults)
{
	const struct md_def_model *other = md_map_get(resolver->by_name, md_str_of(one->name));
	struct md_def_model *copy = &resolver->models[resolver->count];

	if (other) {
		md_def_report_at(resolver->loader, &one->place, MD_DEF_M103,
				 "the model \"%s\" is also in %s:%u", one->name, other->place.file,
				 other->place.line);
		return;
	}
	*copy = *one;
	resolver->slots[resolver->count++] =
		(struct md_def_slot){ .written = one, .defaults = defaults };
	md_def_map_set(resolver, resolver->by_name, copy->name, copy);
}

/* False: nothing can be done. */
static bool collect(struct md_def_resolver *resolver)
{
	struct md_def_loader *loader = resolver->loader;
	struct md_def_place nowhere = { "", "", 0 };
	size_t models = 0, enums = 0;

	for (unsigned i = 0; i < resolver->document_count; i++) {
		models += resolver->documents[i].model_count;
		enums += resolver->documents[i].enum_count;
	}
	if (models > loader->limits.models) {
		md_def_report_at(loader, &nowhere, MD_DEF_M108, "at most %u models, not %zu",
				 loader->limits.models, models);
		return false;
	}
	resolver->models = md_def_alloc(loader, models, sizeof(*resolver->models));
	resolver->slots = md_def_alloc(loader, models, sizeof(*resolver->slots));
	resolver->enum_list = md_def_alloc(loader, enums, sizeof(*resolver->enum_list));
	for (unsigned i = 0; i < resolver->document_count && !loader->failed; i++) {
		const struct md_definitions *document = &resolver->documents[i];

		for (unsigned k = 0; k < document->enum_count && !loader->failed; k++)
			take_enum(resolver, &document->enums[k]);
		for (unsigned k = 0; k < document->model_count && !loader->failed; k++)
			take_model(resolver, &document->models[k], &document->defaults);
	}
	return !loader->failed;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* UserProfile → user_profile, HTTPServer → http_server */
static const char *snake(struct md_def_loader *loader, const char *name)
{
	char text[2 * MD_DEF_NAME + 1];
	size_t len = 0;

	for (size_t i = 0; i < MD_DEF_NAME && name[i] != '\0'; i++) {
		bool before =
			i > 0 && name[i - 1] != '_' &&
			(!is_upper(name[i - 1]) ||
			 (name[i + 1] != '\0' && name[i + 1] != '_' && !is_upper(name[i + 1])));

		if (is_upper(name[i]) && before)
			text[len++] = '_';
		text[len++] = name[i];
	}
	text[len] = '\0';
	return md_def_short_name(loader, md_def_lower(loader, text));
}

static const char *table_name(struct md_def_loader *loader, const char *name, enum md_def_case how)
{
	if (how == MD_DEF_SNAKE)
		return snake(loader, name);
	return how == MD_DEF_EXACT ? name : md_def_lower(loader, name);
}

static bool is_reserved(const char *table)
{
	static const char *const begins[] = { "_modeld_", "sqlite_", "-" };

	for (size_t i = 0; i < MD_DEF_LENGTH(begins); i++)
		if (strncmp(table, begins[i], strlen(begins[i])) == 0)
			return true;
	return strcmp(table, "alembic_version") == 0;
}

static void resolve_tables(struct md_def_resolver *resolver)
{
	struct md_def_loader *loader = resolver->loader;

	for (unsigned i = 0; i < resolver->count && !loader->failed; i++) {
		struct md_def_model *model = &resolver->models[i], *other;
		const char *key;

		if (model->abstract) {
			if (model->table)
				md_def_report_at(loader, &model->place, MD_DEF_M112,
						 "an abstract model has no table");
			continue;
		}
		if (!model->table)
			model->table = table_name(loader, model->name,
						  resolver->slots[i].defaults->table_name);
		key = md_def_lower(loader, model->table);
		other = md_map_get(resolver->by_table, md_str_of(key));
		if (is_reserved(key))
			md_def_report_at(loader, &model->place, MD_DEF_M243,
					 "the table name \"%s\" is reserved", model->table);
		else if (other)
			md_def_report_at(loader, &model->place, MD_DEF_M240,
					 "%s and %s have the same table \"%s\"", other->name,
					 model->name, model->table);
		else
			md_def_map_set(resolver, resolver->by_table, key, model);
	}
}

static void finish_lists(struct md_def_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->count; i++) {
		struct md_def_model *model = &resolver->models[i];
		const struct md_def_slot *slot = &resolver->slots[i];

		model->fields = slot->fields;
		model->indexes = slot->indexes;
		model->foreign_keys = slot->foreign_keys;
		model->checks = slot->checks;
		model->relations = slot->relations;
		model->extends = (struct md_def_names){ NULL, 0 };
		model->timestamps = MD_DEF_UNSET;
		model->created = NULL;
		model->updated = NULL;
	}
}

bool md_def_resolve(struct md_def_resolver *resolver)
{
	static void (*const steps[])(struct md_def_resolver *) = {
		md_def_resolve_fields,       resolve_tables,        md_def_resolve_primary_keys,
		md_def_resolve_types,        md_def_check_fields,   md_def_resolve_indexes,
		md_def_resolve_foreign_keys, md_def_resolve_names,  md_def_resolve_relations,
		md_def_check_engines,        md_def_check_cascades,
	};

	if (!collect(resolver))
		return false;
	for (size_t i = 0;
	     i < MD_DEF_LENGTH(steps) && !resolver->loader->failed && !resolver->too_many; i++)
		steps[i](resolver);
	finish_lists(resolver);
	return !resolver->loader->failed;
}
