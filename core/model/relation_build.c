/* From foreign keys to relations, in three steps: links (a foreign key between two models, and the
 * same key seen through views that show its columns), drafts (both directions of every link, and of
 * every pair of links of a junction), and at last the sorted relations of each model with their
 * inverses and names. The rules are PostgREST's. */
#include <assert.h>
#include <stdlib.h>

#include "core/db/catalog.h"
#include "core/model/private.h"

#include "core/base/banned.h"

enum { NONE = -1 };

/* A view that shows all columns of one side of a foreign key, in the key's order. */
struct shown {
	const struct md_model *view;
	const struct md_field *const *fields;
	struct shown *next;
};

struct link {
	const struct md_model *from, *to;
	struct md_str name;
	const struct md_field *const *local, *const *remote;
	unsigned count;
	bool one_to_one;
	int next_from, next_to; /* links of the same model, in order */
	/* Only for links between tables. */
	struct shown *local_shown, **local_last, *remote_shown, **remote_last;
};

struct draft {
	struct md_relation relation;
	int inverse;                  /* another draft */
	struct md_relation *finished; /* its place */
};

/* First and last link of a model, by number. */
struct chain {
	int first, last;
};

struct builder {
	struct md_registry *registry;
	const struct md_catalog *catalog;
	struct md_arena *scratch;
	struct link *links;
	size_t link_count, link_size;
	struct chain *from, *to; /* one per model */
	struct draft *drafts;
	size_t draft_count, draft_size;
	/* One per field of the registry: the table's column that a view's column shows. */
	const struct md_field **origin;
	const struct md_model **origin_model;
};

static size_t model_index(const struct builder *b, const struct md_model *model)
{
	return (size_t)(model - b->registry->models);
}

static size_t field_index(const struct builder *b, const struct md_field *field)
{
	return (size_t)(field - b->registry->fields);
}

/* Room for one more item of an array in the arena; the outgrown array stays behind until the arena
 * goes. NULL: out of memory. */
static void *grown(struct md_arena *arena, void *items, size_t count, size_t *size, size_t each)
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

static void chain_add(struct link *links, struct chain *chain, int number, bool from)
{
	if (chain->first == NONE)
		chain->first = number;
	else if (from)
		links[chain->last].next_from = number;
	else
		links[chain->last].next_to = number;
	chain->last = number;
}

static bool add_link(struct builder *b, const struct link *link)
{
	struct link *links =
		grown(b->scratch, b->links, b->link_count, &b->link_size, sizeof(*b->links));
	int number = (int)b->link_count;

	if (!links)
		return false;
	b->links = links;
	links[number] = *link;
	links[number].next_from = links[number].next_to = NONE;
	chain_add(links, &b->from[model_index(b, link->from)], number, true);
	chain_add(links, &b->to[model_index(b, link->to)], number, false);
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

/* Keys to tables or columns that the catalog does not have are left out. */
static bool add_foreign_key(struct builder *b, const struct md_model *model,
			    const struct md_catalog_foreign_key *key)
{
	struct md_arena *arena = b->registry->arena;
	const struct md_model *to = md_registry_find(b->registry, md_str_of(key->target));
	const struct md_field **local, **remote;
	struct link link = { .from = model, .to = to, .count = key->count };

	if (!to || key->count == 0)
		return true;
	local = md_arena_alloc(arena, key->count * sizeof(*local));
	remote = md_arena_alloc(arena, key->count * sizeof(*remote));
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

static bool add_foreign_keys(struct builder *b)
{
	for (unsigned t = 0; t < b->catalog->count; t++) {
		const struct md_catalog_table *table = &b->catalog->tables[t];

		for (unsigned k = 0; k < table->foreign_key_count; k++)
			if (!add_foreign_key(b, &b->registry->models[t], &table->foreign_keys[k]))
				return false;
	}
	for (size_t i = 0; i < b->link_count; i++) {
		b->links[i].local_last = &b->links[i].local_shown;
		b->links[i].remote_last = &b->links[i].remote_shown;
	}
	return true;
}

/* Views: which column shows which. */
static void find_origin(struct builder *b, const struct md_field *field,
			const struct md_catalog_column *column)
{
	size_t at = field_index(b, field);
	const struct md_model *base;

	if (!column->origin_table || !column->origin_column)
		return;
	base = md_registry_find(b->registry, md_str_of(column->origin_table));
	if (!base || base->kind != MD_REL_TABLE)
		return;
	b->origin[at] = md_model_field(base, md_str_of(column->origin_column));
	b->origin_model[at] = b->origin[at] ? base : NULL;
}

/* The column of the view after `after` (NULL: from the start) that shows `base`. */
static const struct md_field *shows(const struct builder *b, const struct md_model *view,
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
static bool next_way(const struct builder *b, const struct md_model *view,
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
static bool add_shown(struct builder *b, const struct md_model *view,
		      const struct md_field *const *base, unsigned count, struct shown ***last)
{
	enum { MOST_WAYS = 16 };
	const struct md_field **way = md_arena_alloc(b->scratch, count * sizeof(*way));
	unsigned ways = 0;

	if (!way)
		return false;
	for (unsigned i = 0; i < count; i++) {
		way[i] = shows(b, view, base[i], NULL);
		if (!way[i])
			return true;
	}
	do {
		struct shown *shown = md_arena_alloc(b->scratch, sizeof(*shown));
		const struct md_field **fields =
			md_arena_alloc(b->registry->arena, count * sizeof(*fields));

		if (!shown || !fields)
			return false;
		memcpy(fields, way, count * sizeof(*fields));
		*shown = (struct shown){ view, fields, NULL };
		**last = shown;
		*last = &shown->next;
	} while (++ways < MOST_WAYS && next_way(b, view, base, way, count));
	return true;
}

/* The keys of one of the view's tables, as far as the view shows them. */
static bool add_shown_keys(struct builder *b, const struct md_model *view,
			   const struct md_model *base)
{
	size_t at = model_index(b, base);

	for (int i = b->from[at].first; i != NONE; i = b->links[i].next_from) {
		struct link *link = &b->links[i];

		if (!add_shown(b, view, link->local, link->count, &link->local_last))
			return false;
	}
	for (int i = b->to[at].first; i != NONE; i = b->links[i].next_to) {
		struct link *link = &b->links[i];

		if (!add_shown(b, view, link->remote, link->count, &link->remote_last))
			return false;
	}
	return true;
}

/* A view of one table that shows all of its primary key has that key. */
static bool inherit_key(struct builder *b, struct md_model *view, const struct md_model *base)
{
	struct md_arena *arena = b->registry->arena;
	const struct md_field **fields;
	struct md_key *key;

	for (unsigned i = 0; i < base->key_count; i++)
		if (!shows(b, view, base->key[i], NULL))
			return true;
	if (base->key_count == 0)
		return true;
	fields = md_arena_alloc(arena, base->key_count * sizeof(*fields));
	key = md_arena_alloc(arena, sizeof(*key));
	if (!fields || !key)
		return false;
	for (unsigned i = 0; i < base->key_count; i++) {
		fields[i] = shows(b, view, base->key[i], NULL);
		b->registry->fields[field_index(b, fields[i])].key_position = (int)i;
	}
	*key = (struct md_key){ base->keys[0].name, true, fields, base->key_count };
	view->key = fields;
	view->key_count = base->key_count;
	view->keys = key;
	view->keys_count = 1;
	return true;
}

static bool inherit(struct builder *b, struct md_model *view)
{
	const struct md_model *only = NULL;
	unsigned bases = 0;

	for (unsigned i = 0; i < view->field_count; i++) {
		const struct md_model *base = b->origin_model[field_index(b, &view->fields[i])];
		unsigned j = 0;

		while (j < i && b->origin_model[field_index(b, &view->fields[j])] != base)
			j++;
		if (!base || j < i)
			continue;
		only = base;
		bases++;
		if (!add_shown_keys(b, view, base))
			return false;
	}
	return bases != 1 || view->keys_count > 0 || inherit_key(b, view, only);
}

static bool add_view_link(struct builder *b, size_t base, const struct shown *local,
			  const struct shown *remote)
{
	struct link link = b->links[base];

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

static bool add_view_links(struct builder *b, size_t base)
{
	const struct shown *locals = b->links[base].local_shown;
	const struct shown *remotes = b->links[base].remote_shown;

	for (const struct shown *l = locals; l; l = l->next)
		if (!add_view_link(b, base, l, NULL))
			return false;
	for (const struct shown *r = remotes; r; r = r->next)
		if (!add_view_link(b, base, NULL, r))
			return false;
	for (const struct shown *l = locals; l; l = l->next)
		for (const struct shown *r = remotes; r; r = r->next)
			if (!add_view_link(b, base, l, r))
				return false;
	return true;
}

static bool add_views(struct builder *b)
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

static bool add_draft(struct builder *b, const struct md_relation *relation, int inverse)
{
	struct draft *drafts =
		grown(b->scratch, b->drafts, b->draft_count, &b->draft_size, sizeof(*b->drafts));

	if (!drafts)
		return false;
	b->drafts = drafts;
	drafts[b->draft_count] = (struct draft){ *relation, inverse, NULL };
	drafts[b->draft_count].relation.self = relation->from == relation->to;
	b->draft_count++;
	return true;
}

static bool add_both_ways(struct builder *b, const struct link *link)
{
	struct md_relation here = {
		.cardinality = link->one_to_one ? MD_ONE_TO_ONE : MD_MANY_TO_ONE,
		.from = link->from,
		.to = link->to,
		.constraint = link->name,
		.to_one = true,
		.here = true,
		.local = link->local,
		.local_count = link->count,
		.remote = link->remote,
		.remote_count = link->count,
	};
	struct md_relation there = here;
	int number = (int)b->draft_count;

	there.cardinality = link->one_to_one ? MD_ONE_TO_ONE : MD_ONE_TO_MANY;
	there.from = link->to;
	there.to = link->from;
	there.to_one = link->one_to_one;
	there.here = false;
	there.local = link->remote;
	there.remote = link->local;
	return add_draft(b, &here, number + 1) && add_draft(b, &there, number);
}

static bool is_in_key(const struct link *link)
{
	for (unsigned i = 0; i < link->count; i++)
		if (link->local[i]->key_position < 0)
			return false;
	return true;
}

static struct md_relation through(const struct link *near, const struct link *far)
{
	return (struct md_relation){
		.cardinality = MD_MANY_TO_MANY,
		.from = near->to,
		.to = far->to,
		.constraint = near->name,
		.local = near->remote,
		.local_count = near->count,
		.remote = far->remote,
		.remote_count = far->count,
		.junction = near->from,
		.far_constraint = far->name,
		.near = near->local,
		.far = far->local,
	};
}

/* A junction: a model whose primary key contains the columns of two foreign keys. */
static bool add_through(struct builder *b, const struct chain *chain)
{
	for (int i = chain->first; i != NONE; i = b->links[i].next_from) {
		const struct link *near = &b->links[i];

		if (near->one_to_one || !is_in_key(near))
			continue;
		for (int j = near->next_from; j != NONE; j = b->links[j].next_from) {
			const struct link *far = &b->links[j];
			struct md_relation there = through(near, far), back = through(far, near);
			int number = (int)b->draft_count;

			if (far->one_to_one || md_str_equal(near->name, far->name) ||
			    !is_in_key(far))
				continue;
			if (!add_draft(b, &there, number + 1) || !add_draft(b, &back, number))
				return false;
		}
	}
	return true;
}

static int compare_fields(const struct md_field *const *a, unsigned a_count,
			  const struct md_field *const *b, unsigned b_count)
{
	for (unsigned i = 0; i < a_count && i < b_count; i++) {
		int order = md_str_compare(a[i]->name, b[i]->name);

		if (order != 0)
			return order;
	}
	return (a_count > b_count) - (a_count < b_count);
}

/* By model, target name, then as PostgREST lists the candidates of an ambiguous request. */
static int compare_relations(const struct md_relation *a, const struct md_relation *b)
{
	static const int rank[] = { [MD_ONE_TO_MANY] = 0,
				    [MD_MANY_TO_ONE] = 1,
				    [MD_ONE_TO_ONE] = 2,
				    [MD_MANY_TO_MANY] = 3 };
	int order;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	order = md_str_compare(a->to->name, b->to->name);
	if (order == 0)
		order = rank[a->cardinality] - rank[b->cardinality];
	if (order == 0 && a->junction)
		order = md_str_compare(a->junction->name, b->junction->name);
	if (order == 0)
		order = md_str_compare(a->constraint, b->constraint);
	if (order == 0)
		order = md_str_compare(a->far_constraint, b->far_constraint);
	if (order == 0)
		order = compare_fields(a->local, a->local_count, b->local, b->local_count);
	if (order == 0)
		order = compare_fields(a->remote, a->remote_count, b->remote, b->remote_count);
	return order;
}

static int compare_drafts(const void *left, const void *right)
{
	const struct draft *a = *(const struct draft *const *)left;
	const struct draft *b = *(const struct draft *const *)right;
	int order = compare_relations(&a->relation, &b->relation);

	return order != 0 ? order : (a > b) - (a < b);
}

static bool finish(struct builder *b)
{
	struct draft **sorted = md_arena_alloc(b->scratch, b->draft_count * sizeof(*sorted));
	struct md_relation *relations =
		md_arena_alloc(b->registry->arena, b->draft_count * sizeof(*relations));

	if (!sorted || !relations)
		return false;
	for (size_t i = 0; i < b->draft_count; i++)
		sorted[i] = &b->drafts[i];
	if (b->draft_count > 0)
		qsort(sorted, b->draft_count, sizeof(struct draft *), compare_drafts);
	for (size_t i = 0; i < b->draft_count; i++) {
		struct md_model *from =
			&b->registry->models[model_index(b, sorted[i]->relation.from)];

		relations[i] = sorted[i]->relation;
		sorted[i]->finished = &relations[i];
		if (from->relation_count++ == 0)
			from->relations = &relations[i];
	}
	for (size_t i = 0; i < b->draft_count; i++)
		b->drafts[i].finished->inverse = b->drafts[b->drafts[i].inverse].finished;
	b->registry->relations = relations;
	return true;
}

static struct md_str columns_name(struct md_arena *arena, const struct md_relation *relation)
{
	size_t len = relation->local_count - 1;
	char *text, *p;

	for (unsigned i = 0; i < relation->local_count; i++)
		len += relation->local[i]->name.len;
	text = md_arena_alloc(arena, len + 1);
	if (!text)
		return (struct md_str){ NULL, 0 };
	p = text;
	for (unsigned i = 0; i < relation->local_count; i++) {
		struct md_str name = relation->local[i]->name;

		if (i > 0)
			*p++ = '_';
		memcpy(p, name.ptr, name.len);
		p += name.len;
	}
	*p = '\0';
	return (struct md_str){ text, len };
}

/* The many of a self relation, where the table has no other: tree.tree as PostgREST has it. */
static bool is_lone_pair(const struct md_relation *relation)
{
	const struct md_model *model = relation->from;
	unsigned to_self = 0;

	for (unsigned i = 0; i < model->relation_count; i++)
		to_self += model->relations[i].self;
	return relation->self && to_self == 2;
}

/* The `n`th thing a relation might be called when its target's name is not its own. */
static struct md_str proposal(struct md_arena *arena, const struct md_relation *relation,
			      unsigned n)
{
	struct md_str constraint = relation->constraint;

	if (n == 0 && relation->here)
		return columns_name(arena, relation);
	if (n == 0 && is_lone_pair(relation))
		return relation->to->name;
	if (n <= 1)
		return constraint;
	if (n == 2 && relation->junction)
		return md_str_of(md_arena_printf(arena, "%.*s_%.*s", MD_STR_ARG(constraint),
						 MD_STR_ARG(relation->far_constraint)));
	if (n == 2 && relation->self)
		return md_str_of(md_arena_printf(arena, "%.*s_inverse", MD_STR_ARG(constraint)));
	return md_str_of(md_arena_printf(arena, "%.*s_%u", MD_STR_ARG(constraint), n));
}

static bool is_alone(const struct md_model *model, unsigned i)
{
	const struct md_relation *r = model->relations;
	struct md_str name = r[i].to->name;

	return (i == 0 || !md_str_equal(r[i - 1].to->name, name)) &&
	       (i + 1 == model->relation_count || !md_str_equal(r[i + 1].to->name, name)) &&
	       !md_model_field(model, name);
}

static bool name_one(struct md_arena *arena, struct md_relation *relation, struct md_map *taken)
{
	for (unsigned n = 0; !relation->name.ptr; n++) {
		struct md_str name = proposal(arena, relation, n);

		if (!name.ptr)
			return false;
		if (!md_model_field(relation->from, name) && !md_map_get(taken, name))
			relation->name = name;
	}
	return md_map_set(taken, relation->name, relation);
}

/* Those whose key stands here choose before those that are named after somebody else's. */
static bool name_rest(struct md_arena *arena, struct md_relation *relations, unsigned count,
		      struct md_map *taken)
{
	for (unsigned i = 0; i < count; i++)
		if (relations[i].name.ptr && !name_one(arena, &relations[i], taken))
			return false;
	for (unsigned i = 0; i < count; i++)
		if (!relations[i].name.ptr && relations[i].here &&
		    !name_one(arena, &relations[i], taken))
			return false;
	for (unsigned i = 0; i < count; i++)
		if (!relations[i].name.ptr && !name_one(arena, &relations[i], taken))
			return false;
	return true;
}

static bool name_relations(struct builder *b, const struct md_model *model)
{
	struct md_relation *relations =
		&b->registry->relations[model->relations - b->registry->relations];
	struct md_map *taken;
	bool done = true;

	for (unsigned i = 0; i < model->relation_count; i++) {
		if (is_alone(model, i))
			relations[i].name = relations[i].to->name;
		else
			done = false;
	}
	if (done)
		return true;
	taken = md_map_new();
	done = taken && name_rest(b->registry->arena, relations, model->relation_count, taken);
	md_map_free(taken);
	return done;
}

static bool start(struct builder *b)
{
	size_t fields = 0, models = b->registry->count;

	for (unsigned t = 0; t < b->catalog->count; t++)
		fields += b->catalog->tables[t].column_count;
	b->from = md_arena_alloc(b->scratch, models * sizeof(*b->from));
	b->to = md_arena_alloc(b->scratch, models * sizeof(*b->to));
	b->origin = md_arena_zalloc(b->scratch, fields * sizeof(*b->origin));
	b->origin_model = md_arena_zalloc(b->scratch, fields * sizeof(*b->origin_model));
	if (!b->from || !b->to || !b->origin || !b->origin_model)
		return false;
	for (size_t i = 0; i < models; i++)
		b->from[i] = b->to[i] = (struct chain){ NONE, NONE };
	return true;
}

static bool build(struct builder *b)
{
	if (!b->scratch || !start(b) || !add_foreign_keys(b) || !add_views(b))
		return false;
	for (size_t i = 0; i < b->link_count; i++)
		if (!add_both_ways(b, &b->links[i]))
			return false;
	for (unsigned i = 0; i < b->registry->count; i++)
		if (!add_through(b, &b->from[i]))
			return false;
	if (!finish(b))
		return false;
	for (unsigned i = 0; i < b->registry->count; i++)
		if (b->registry->models[i].relation_count > 0 &&
		    !name_relations(b, &b->registry->models[i]))
			return false;
	return true;
}

enum md_code md_relations_build(struct md_registry *registry, const struct md_catalog *catalog,
				struct md_error *err)
{
	md_auto_arena scratch = md_arena_new(MD_REGISTRY_MAX);
	struct builder b = { .registry = registry, .catalog = catalog, .scratch = scratch };

	return build(&b) ? MD_OK : md_fail_nomem(err);
}
