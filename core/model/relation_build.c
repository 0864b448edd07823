/* From links to relations: drafts (both directions of every link, and of every pair of links of a
 * junction), then what is declared about them, then the sorted relations of each model with their
 * inverses and names. The rules are PostgREST's. */
#include <stdlib.h>

#include "core/model/build.h"
#include "core/model/define_private.h"

#include "core/base/banned.h"

static bool add_draft(struct md_builder *b, const struct md_draft *draft)
{
	struct md_draft *drafts =
		md_grown(b->scratch, b->drafts, b->draft_count, &b->draft_size, sizeof(*b->drafts));

	if (!drafts)
		return false;
	b->drafts = drafts;
	drafts[b->draft_count] = *draft;
	drafts[b->draft_count].relation.self = draft->relation.from == draft->relation.to;
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
	return add_draft(b, &(struct md_draft){ .relation = here, .inverse = number + 1 }) &&
	       add_draft(b, &(struct md_draft){ .relation = there, .inverse = number });
}

/* A table that only views show takes part in nothing itself. */
static bool is_served(const struct md_builder *b, const struct md_link *link)
{
	return md_model_index(b, link->from) < b->registry->count &&
	       md_model_index(b, link->to) < b->registry->count;
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

static bool add_both_through(struct md_builder *b, const struct md_link *near,
			     const struct md_link *far)
{
	int number = (int)b->draft_count;

	return add_draft(b, &(struct md_draft){ .relation = through(near, far),
						.near = near->key,
						.far = far->key,
						.inverse = number + 1 }) &&
	       add_draft(b, &(struct md_draft){ .relation = through(far, near),
						.near = far->key,
						.far = near->key,
						.inverse = number });
}

/* A junction: a model whose primary key contains the columns of two foreign keys. */
static bool add_through(struct md_builder *b, const struct md_chain *chain)
{
	for (int i = chain->first; i != MD_NO_LINK; i = b->links[i].next_from) {
		const struct md_link *near = &b->links[i];

		if (near->one_to_one || !is_in_key(near) || !is_served(b, near))
			continue;
		for (int j = near->next_from; j != MD_NO_LINK; j = b->links[j].next_from) {
			const struct md_link *far = &b->links[j];

			if (far->one_to_one || md_str_equal(near->name, far->name) ||
			    !is_in_key(far) || !is_served(b, far))
				continue;
			if (!add_both_through(b, near, far))
				return false;
		}
	}
	return true;
}

/* --- what is declared --------------------------------------------------------------------------
 */

/* The number of the link that `key` became; MD_NO_LINK: one of its models is broken. */
static int link_of(const struct md_builder *b, const struct md_def_model *holder,
		   const struct md_def_foreign_key *key)
{
	const struct md_model *model = md_declared_find(b->registry, holder);
	int i = model ? b->from[md_model_index(b, model)].first : MD_NO_LINK;

	while (i != MD_NO_LINK && b->links[i].key != key)
		i = b->links[i].next_from;
	return i;
}

/* Drafts of junctions stand behind the two of every link. */
static bool find_through(struct md_builder *b, const struct md_def_relation *relation,
			 size_t *ret_draft)
{
	int near = link_of(b, relation->junction, relation->key);
	int far = link_of(b, relation->junction, relation->far_key);

	*ret_draft = 2 * b->link_count;
	if (near == MD_NO_LINK || far == MD_NO_LINK) {
		*ret_draft = SIZE_MAX;
		return true;
	}
	for (; *ret_draft < b->draft_count; (*ret_draft)++)
		if (b->drafts[*ret_draft].near == relation->key &&
		    b->drafts[*ret_draft].far == relation->far_key)
			return true;
	/* Its key does not make it a junction, but it is declared to be one. */
	return add_both_through(b, &b->links[near], &b->links[far]);
}

static bool set_order(struct md_arena *arena, const struct md_def_names *names,
		      struct md_relation *relation)
{
	static const int nulls[] = {
		[MD_DEF_NULLS_UNSET] = 0, [MD_DEF_NULLS_FIRST] = -1, [MD_DEF_NULLS_LAST] = 1
	};
	struct md_relation_order *order = md_arena_alloc(arena, names->count * sizeof(*order));

	if (!order)
		return false;
	for (unsigned i = 0; i < names->count; i++) {
		const struct md_field *field;
		struct md_def_order term;

		if (!md_def_take_order(names->items[i], &term))
			continue;
		field = md_model_any(relation->to, term.name);
		if (field)
			order[relation->order_count++] = (struct md_relation_order){
				.field = field,
				.descending = term.descending,
				.nulls = nulls[term.nulls],
			};
	}
	relation->order = relation->order_count > 0 ? order : NULL;
	return true;
}

/* A relation and its foreign key are one; a second name for them is a relation of its own. */
static bool declare(struct md_builder *b, const struct md_model *model,
		    const struct md_def_relation *declared)
{
	struct md_relation *relation;
	size_t draft;

	if (declared->junction) {
		if (!find_through(b, declared, &draft))
			return false;
	} else {
		int link = link_of(b, declared->here ? model->def : declared->to, declared->key);

		draft = link == MD_NO_LINK ? SIZE_MAX : 2 * (size_t)link + !declared->here;
	}
	if (draft == SIZE_MAX)
		return true;
	if (b->drafts[draft].relation.declared) {
		struct md_draft twin = b->drafts[draft];

		if (!add_draft(b, &twin))
			return false;
		draft = b->draft_count - 1;
	}
	relation = &b->drafts[draft].relation;
	relation->declared = true;
	relation->name = md_str_of(declared->name);
	relation->always = declared->always;
	relation->order = NULL;
	relation->order_count = 0;
	return set_order(b->registry->arena, &declared->order_by, relation);
}

static bool declare_all(struct md_builder *b)
{
	for (unsigned i = 0; b->registry->definitions && i < b->registry->count; i++) {
		const struct md_model *model = &b->registry->models[i];

		for (unsigned k = 0; !model->broken && k < model->def->relation_count; k++)
			if (!declare(b, model, &model->def->relations[k]))
				return false;
	}
	return true;
}

/* --- order and names ---------------------------------------------------------------------------
 */

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
	       !md_model_any(model, name);
}

static bool name_one(struct md_arena *arena, struct md_relation *relation, struct md_map *taken)
{
	for (unsigned n = 0; !relation->name.ptr; n++) {
		struct md_str name = proposal(arena, relation, n);

		if (!name.ptr)
			return false;
		if (!md_model_any(relation->from, name) && !md_map_get(taken, name))
			relation->name = name;
	}
	return md_map_set(taken, relation->name, relation);
}

/* Declared names, then targets that are alone; those whose key stands here choose before those that
 * are named after somebody else's. */
static bool name_all(struct md_arena *arena, const struct md_model *model,
		     struct md_relation *relations, struct md_map *taken)
{
	unsigned count = model->relation_count;

	for (unsigned i = 0; i < count; i++)
		if (relations[i].name.ptr && !name_one(arena, &relations[i], taken))
			return false;
	for (unsigned i = 0; i < count; i++)
		if (!relations[i].name.ptr && is_alone(model, i) &&
		    !md_map_get(taken, relations[i].to->name)) {
			relations[i].name = relations[i].to->name;
			if (!name_one(arena, &relations[i], taken))
				return false;
		}
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

	for (unsigned i = 0; i < model->relation_count; i++)
		done = done && !relations[i].declared && is_alone(model, i);
	if (done) {
		for (unsigned i = 0; i < model->relation_count; i++)
			relations[i].name = relations[i].to->name;
		return true;
	}
	taken = md_map_new();
	done = taken && name_all(b->registry->arena, model, relations, taken);
	md_map_free(taken);
	return done;
}

static bool build(struct md_builder *b)
{
	if (!b->scratch || !md_links_build(b))
		return false;
	for (size_t i = 0; i < b->link_count; i++)
		if (is_served(b, &b->links[i]) && !add_both_ways(b, &b->links[i]))
			return false;
	for (unsigned i = 0; i < b->registry->count; i++)
		if (!add_through(b, &b->from[i]))
			return false;
	if (!declare_all(b) || !finish(b))
		return false;
	for (unsigned i = 0; i < b->registry->count; i++)
		if (b->registry->models[i].relation_count > 0 &&
		    !name_relations(b, &b->registry->models[i]))
			return false;
	return true;
}

enum md_code md_relations_build(struct md_registry *registry,
				const struct md_registry_source *source, struct md_error *err)
{
	md_auto_arena scratch = md_arena_new(MD_REGISTRY_MAX);
	struct md_builder b = { .registry = registry,
				.catalog = source->catalog,
				.scratch = scratch };

	return build(&b) ? MD_OK : md_fail_nomem(err);
}
