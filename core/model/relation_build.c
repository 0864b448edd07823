/* From links to relations: drafts (both directions of every link, and of every pair of links of a
 * junction), then the sorted relations of each model with their inverses and names. The rules are
 * PostgREST's. */
#include <stdlib.h>

#include "core/model/build.h"

#include "core/base/banned.h"

static bool add_draft(struct md_builder *b, const struct md_relation *relation, int inverse)
{
	struct md_draft *drafts =
		md_grown(b->scratch, b->drafts, b->draft_count, &b->draft_size, sizeof(*b->drafts));

	if (!drafts)
		return false;
	b->drafts = drafts;
	drafts[b->draft_count] = (struct md_draft){ *relation, inverse, NULL };
	drafts[b->draft_count].relation.self = relation->from == relation->to;
	b->draft_count++;
	return true;
}

static bool add_both_ways(struct md_builder *b, const struct md_link *link)
{
	struct md_relation here = {
		.cardinality = link->one_to_one ? MD_ONE_TO_ONE : MD_MANY_TO_ONE,
		.from = link->from,
		.to = link->to,
		.constraint = link->name,
		.on_delete = link->on_delete,
		.on_update = link->on_update,
		.deferred = link->deferred,
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

static bool is_in_key(const struct md_link *link)
{
	for (unsigned i = 0; i < link->count; i++)
		if (link->local[i]->key_position < 0)
			return false;
	return true;
}

static struct md_relation through(const struct md_link *near, const struct md_link *far)
{
	return (struct md_relation){
		.cardinality = MD_MANY_TO_MANY,
		.from = near->to,
		.to = far->to,
		.constraint = near->name,
		.on_delete = near->on_delete,
		.on_update = near->on_update,
		.deferred = near->deferred,
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
static bool add_through(struct md_builder *b, const struct md_chain *chain)
{
	for (int i = chain->first; i != MD_NO_LINK; i = b->links[i].next_from) {
		const struct md_link *near = &b->links[i];

		if (near->one_to_one || !is_in_key(near))
			continue;
		for (int j = near->next_from; j != MD_NO_LINK; j = b->links[j].next_from) {
			const struct md_link *far = &b->links[j];
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
	const struct md_draft *a = *(const struct md_draft *const *)left;
	const struct md_draft *b = *(const struct md_draft *const *)right;
	int order = compare_relations(&a->relation, &b->relation);

	return order != 0 ? order : (a > b) - (a < b);
}

static bool finish(struct md_builder *b)
{
	struct md_draft **sorted = md_arena_alloc(b->scratch, b->draft_count * sizeof(void *));
	struct md_relation *relations =
		md_arena_alloc(b->registry->arena, b->draft_count * sizeof(*relations));

	if (!sorted || !relations)
		return false;
	for (size_t i = 0; i < b->draft_count; i++)
		sorted[i] = &b->drafts[i];
	if (b->draft_count > 0)
		qsort(sorted, b->draft_count, sizeof(void *), compare_drafts);
	for (size_t i = 0; i < b->draft_count; i++) {
		struct md_model *from =
			&b->registry->models[md_model_index(b, sorted[i]->relation.from)];

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

static bool name_relations(struct md_builder *b, const struct md_model *model)
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

static bool build(struct md_builder *b)
{
	if (!b->scratch || !md_links_build(b))
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
	struct md_builder b = { .registry = registry, .catalog = catalog, .scratch = scratch };

	return build(&b) ? MD_OK : md_fail_nomem(err);
}
