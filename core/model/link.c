/* From foreign keys to links: a foreign key between two tables, and the same key seen through the
 * views that show its columns. */
#include <assert.h>

#include "core/db/catalog.h"
#include "core/model/build.h"

#include "core/base/banned.h"

static size_t field_index(const struct md_builder *b, const struct md_field *field)
{
	return (size_t)(field - b->registry->fields);
}

void *md_grown(struct md_arena *arena, void *items, size_t count, size_t *size, size_t each)
{
	size_t bigger = *size > 0 ? *size * 2 : 64;
	void *moved;

	if (count < *size)
		return items;
	moved = md_arena_alloc(arena, bigger * each);
	if (!moved)
		return NULL;
	if (count > 0)
		memcpy(moved, items, count * each);
	*size = bigger;
	return moved;
}

static void chain_add(struct md_link *links, struct md_chain *chain, int number, bool from)
{
	if (chain->first == MD_NO_LINK)
		chain->first = number;
	else if (from)
		links[chain->last].next_from = number;
	else
		links[chain->last].next_to = number;
	chain->last = number;
}

static bool add_link(struct md_builder *b, const struct md_link *link)
{
	struct md_link *links =
		md_grown(b->scratch, b->links, b->link_count, &b->link_size, sizeof(*b->links));
	int number = (int)b->link_count;

	if (!links)
		return false;
	b->links = links;
	links[number] = *link;
	links[number].next_from = links[number].next_to = MD_NO_LINK;
	chain_add(links, &b->from[md_model_index(b, link->from)], number, true);
	chain_add(links, &b->to[md_model_index(b, link->to)], number, false);
	b->link_count++;
	return true;
}

/* A foreign key whose columns are exactly those of a key, in any order, holds each value once. */
static bool is_key(const struct md_model *model, const struct md_field *const *fields,
		   unsigned count)
{
	for (unsigned k = 0; k < model->keys_count; k++) {
		const struct md_key *key = &model->keys[k];
		unsigned found = 0;

		if (key->count != count)
			continue;
		for (unsigned i = 0; i < count; i++)
			for (unsigned j = 0; j < count; j++)
				found += fields[i] == key->fields[j];
		if (found == count)
			return true;
	}
	return false;
}

/* A table that is not served, by its number in the catalog's `bases`, or else one by name. */
static const struct md_model *find_table(const struct md_builder *b, unsigned base,
					 const char *name)
{
	if (base > 0)
		return &b->registry->models[b->registry->count + base - 1];
	return md_registry_find(b->registry, md_str_of(name));
}

/* Keys to tables or columns that the catalog does not have are left out. */
static bool add_foreign_key(struct md_builder *b, const struct md_model *model,
			    const struct md_catalog_foreign_key *key)
{
	struct md_arena *arena = b->registry->arena;
	const struct md_model *to = find_table(b, key->target_base, key->target);
	const struct md_field **local, **remote;
	struct md_link link = { .from = model,
				.to = to,
				.count = key->count,
				.on_delete = key->on_delete,
				.on_update = key->on_update,
				.deferred = key->deferred };

	if (!to || key->count == 0)
		return true;
	local = md_field_list(arena, key->count);
	remote = md_field_list(arena, key->count);
	link.name = md_arena_str(arena, md_str_of(key->name));
	if (!local || !remote || !link.name.ptr)
		return false;
	for (unsigned i = 0; i < key->count; i++) {
		assert(key->columns[i] < model->field_count);
		local[i] = &model->fields[key->columns[i]];
		remote[i] = md_model_field(to, md_str_of(key->target_columns[i]));
		if (!remote[i])
			return true;
	}
	link.local = local;
	link.remote = remote;
	link.one_to_one = is_key(model, local, key->count);
	return add_link(b, &link);
}

static bool add_table_keys(struct md_builder *b, const struct md_model *model,
			   const struct md_catalog_table *table)
{
	for (unsigned k = 0; k < table->foreign_key_count; k++)
		if (!add_foreign_key(b, model, &table->foreign_keys[k]))
			return false;
	for (unsigned k = 0; k < table->outside_count; k++)
		if (!add_foreign_key(b, model, &table->outside[k]))
			return false;
	return true;
}

static bool add_foreign_keys(struct md_builder *b)
{
	const struct md_model *models = b->registry->models;

	for (unsigned t = 0; t < b->catalog->count; t++)
		if (!add_table_keys(b, &models[t], &b->catalog->tables[t]))
			return false;
	for (unsigned t = 0; t < b->catalog->base_count; t++)
		if (!add_table_keys(b, &models[b->registry->count + t], &b->catalog->bases[t]))
			return false;
	for (size_t i = 0; i < b->link_count; i++) {
		b->links[i].local_last = &b->links[i].local_shown;
		b->links[i].remote_last = &b->links[i].remote_shown;
	}
	return true;
}

/* Views: which column shows which. */
static void find_origin(struct md_builder *b, const struct md_field *field,
			const struct md_catalog_column *column)
{
	size_t at = field_index(b, field);
	const struct md_model *base;

	if (!column->origin_table || !column->origin_column)
		return;
	base = find_table(b, column->origin_base, column->origin_table);
	if (!base || base->kind != MD_REL_TABLE)
		return;
	b->origin[at] = md_model_field(base, md_str_of(column->origin_column));
	b->origin_model[at] = b->origin[at] ? base : NULL;
}

/* The column of the view after `after` (NULL: from the start) that shows `base`. */
static const struct md_field *shows(const struct md_builder *b, const struct md_model *view,
				    const struct md_field *base, const struct md_field *after)
{
	const struct md_field *end = view->fields + view->field_count;

	for (const struct md_field *f = after ? after + 1 : view->fields; f < end; f++)
		if (b->origin[field_index(b, f)] == base)
			return f;
	return NULL;
}

/* The next way to pick columns of the view, like the digits of a counter: a column shown twice
 * makes two ways. False: that was the last. */
static bool next_way(const struct md_builder *b, const struct md_model *view,
		     const struct md_field *const *base, const struct md_field **way,
		     unsigned count)
{
	for (unsigned i = count; i-- > 0;) {
		const struct md_field *next = shows(b, view, base[i], way[i]);

		if (next) {
			way[i] = next;
			return true;
		}
		way[i] = shows(b, view, base[i], NULL);
	}
	return false;
}

/* Note every way in which the view shows all of `base`. */
static bool add_shown(struct md_builder *b, const struct md_model *view,
		      const struct md_field *const *base, unsigned count, struct md_shown ***last)
{
	enum { MOST_WAYS = 16 };
	const struct md_field **way = md_field_list(b->scratch, count);
	unsigned ways = 0;

	if (!way)
		return false;
	for (unsigned i = 0; i < count; i++) {
		way[i] = shows(b, view, base[i], NULL);
		if (!way[i])
			return true;
	}
	do {
		struct md_shown *shown = md_arena_alloc(b->scratch, sizeof(*shown));
		const struct md_field **fields = md_field_list(b->registry->arena, count);

		if (!shown || !fields)
			return false;
		memcpy(fields, way, count * sizeof(void *));
		*shown = (struct md_shown){ view, fields, NULL };
		**last = shown;
		*last = &shown->next;
	} while (++ways < MOST_WAYS && next_way(b, view, base, way, count));
	return true;
}

/* The keys of one of the view's tables, as far as the view shows them. */
static bool add_shown_keys(struct md_builder *b, const struct md_model *view,
			   const struct md_model *base)
{
	size_t at = md_model_index(b, base);

	for (int i = b->from[at].first; i != MD_NO_LINK; i = b->links[i].next_from) {
		struct md_link *link = &b->links[i];

		if (!add_shown(b, view, link->local, link->count, &link->local_last))
			return false;
	}
	for (int i = b->to[at].first; i != MD_NO_LINK; i = b->links[i].next_to) {
		struct md_link *link = &b->links[i];

		if (!add_shown(b, view, link->remote, link->count, &link->remote_last))
			return false;
	}
	return true;
}

/* The primary key of `base`, as far as the view shows it: nothing, or all of it. */
static unsigned shown_key(const struct md_builder *b, const struct md_model *view,
			  const struct md_model *base, const struct md_field **fields)
{
	for (unsigned i = 0; i < base->key_count; i++) {
		fields[i] = shows(b, view, base->key[i], NULL);
		if (!fields[i])
			return 0;
	}
	return base->key_count;
}

/* Keys of its own (a materialized view may have unique indexes) stand behind the one inherited. */
static bool set_key(struct md_builder *b, struct md_model *view,
		    const struct md_field *const *shown, unsigned count, struct md_str name)
{
	struct md_arena *arena = b->registry->arena;
	struct md_key *keys = md_arena_alloc(arena, (view->keys_count + 1) * sizeof(*keys));
	const struct md_field **fields = md_field_list(arena, count);

	if (!keys || !fields)
		return false;
	for (unsigned i = 0; i < count; i++) {
		fields[i] = shown[i];
		b->registry->fields[field_index(b, shown[i])].key_position = (int)i;
	}
	keys[0] = (struct md_key){ name, true, fields, count };
	if (view->keys_count > 0)
		memcpy(keys + 1, view->keys, view->keys_count * sizeof(*keys));
	view->key = fields;
	view->key_count = count;
	view->keys = keys;
	view->keys_count++;
	return true;
}

/* The keys of the view's tables that it shows; its own key is made of the primary ones among them,
 * as PostgREST has it: a row of a join is one of each of its tables. */
static bool inherit(struct md_builder *b, struct md_model *view)
{
	const struct md_field **fields = md_field_list(b->scratch, view->field_count);
	struct md_str name = { NULL, 0 };
	unsigned count = 0;

	if (!fields)
		return false;
	for (unsigned i = 0; i < view->field_count; i++) {
		const struct md_model *base = b->origin_model[field_index(b, &view->fields[i])];
		unsigned j = 0, shown;

		while (j < i && b->origin_model[field_index(b, &view->fields[j])] != base)
			j++;
		if (!base || j < i)
			continue;
		if (!add_shown_keys(b, view, base))
			return false;
		shown = count + base->key_count <= view->field_count
				? shown_key(b, view, base, fields + count)
				: 0;
		if (shown > 0 && count == 0)
			name = base->keys[0].name;
		count += shown;
	}
	return count == 0 || view->key_count > 0 || set_key(b, view, fields, count, name);
}

static bool add_view_link(struct md_builder *b, size_t base, const struct md_shown *local,
			  const struct md_shown *remote)
{
	struct md_link link = b->links[base];

	if (local) {
		link.from = local->view;
		link.local = local->fields;
	}
	if (remote) {
		link.to = remote->view;
		link.remote = remote->fields;
	}
	return add_link(b, &link);
}

static bool add_view_links(struct md_builder *b, size_t base)
{
	const struct md_shown *locals = b->links[base].local_shown;
	const struct md_shown *remotes = b->links[base].remote_shown;

	for (const struct md_shown *l = locals; l; l = l->next)
		if (!add_view_link(b, base, l, NULL))
			return false;
	for (const struct md_shown *r = remotes; r; r = r->next)
		if (!add_view_link(b, base, NULL, r))
			return false;
	for (const struct md_shown *l = locals; l; l = l->next)
		for (const struct md_shown *r = remotes; r; r = r->next)
			if (!add_view_link(b, base, l, r))
				return false;
	return true;
}

static bool add_views(struct md_builder *b)
{
	size_t base_count = b->link_count;

	for (unsigned t = 0; t < b->catalog->count; t++) {
		const struct md_catalog_table *table = &b->catalog->tables[t];
		struct md_model *model = &b->registry->models[t];

		if (table->kind != MD_REL_VIEW)
			continue;
		for (unsigned c = 0; c < table->column_count; c++)
			find_origin(b, &model->fields[c], &table->columns[c]);
		if (!inherit(b, model))
			return false;
	}
	for (size_t i = 0; i < base_count; i++)
		if (!add_view_links(b, i))
			return false;
	return true;
}

/* --- declared models ---------------------------------------------------------------------------
 */

static enum md_fk_action action_of(enum md_def_action action)
{
	static const enum md_fk_action actions[] = {
		[MD_DEF_ACTION_UNSET] = MD_FK_NO_ACTION, [MD_DEF_NO_ACTION] = MD_FK_NO_ACTION,
		[MD_DEF_RESTRICT] = MD_FK_RESTRICT,      [MD_DEF_CASCADE] = MD_FK_CASCADE,
		[MD_DEF_SET_NULL] = MD_FK_SET_NULL,      [MD_DEF_SET_DEFAULT] = MD_FK_SET_DEFAULT,
	};

	return actions[action];
}

static bool add_declared_key(struct md_builder *b, const struct md_model *model,
			     const struct md_def_foreign_key *key)
{
	struct md_arena *arena = b->registry->arena;
	const struct md_model *to = md_declared_find(b->registry, key->to);
	const struct md_field **local = md_field_list(arena, key->count);
	const struct md_field **remote = md_field_list(arena, key->count);

	if (!local || !remote)
		return false;
	if (!to || to->broken || key->count == 0)
		return true;
	for (unsigned i = 0; i < key->count; i++) {
		local[i] = md_declared_field(model, key->fields[i]);
		remote[i] = md_declared_field(to, key->targets[i]);
		if (!local[i] || !remote[i])
			return true;
	}
	return add_link(b, &(struct md_link){ .from = model,
					      .to = to,
					      .key = key,
					      .name = md_str_of(key->name),
					      .local = local,
					      .remote = remote,
					      .count = key->count,
					      .one_to_one = key->unique,
					      .on_delete = action_of(key->on_delete),
					      .on_update = action_of(key->on_update),
					      .deferred = key->deferrable == MD_DEF_DEFERRED });
}

/* Only what is declared: views are models like others, and have the keys that are said. */
static bool add_declared_keys(struct md_builder *b)
{
	for (unsigned i = 0; i < b->registry->count; i++) {
		const struct md_model *model = &b->registry->models[i];

		for (unsigned k = 0; !model->broken && k < model->def->foreign_key_count; k++)
			if (!add_declared_key(b, model, &model->def->foreign_keys[k]))
				return false;
	}
	return true;
}

static bool start(struct md_builder *b)
{
	size_t fields = b->registry->field_count;
	size_t models = (size_t)b->registry->count + b->registry->base_count;

	b->from = md_arena_alloc(b->scratch, models * sizeof(*b->from));
	b->to = md_arena_alloc(b->scratch, models * sizeof(*b->to));
	b->origin = md_arena_zalloc(b->scratch, fields * sizeof(void *));
	b->origin_model = md_arena_zalloc(b->scratch, fields * sizeof(void *));
	if (!b->from || !b->to || !b->origin || !b->origin_model)
		return false;
	for (size_t i = 0; i < models; i++)
		b->from[i] = b->to[i] = (struct md_chain){ MD_NO_LINK, MD_NO_LINK };
	return true;
}

bool md_links_build(struct md_builder *b)
{
	if (!start(b))
		return false;
	return b->registry->definitions ? add_declared_keys(b)
					: add_foreign_keys(b) && add_views(b);
}
