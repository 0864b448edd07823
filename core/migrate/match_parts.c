/* Indexes, checks and foreign keys side by side: by a renaming or by name first, what is left over
 * by what it is. */
#include "core/migrate/match_private.h"

#include "core/base/banned.h"

/* One kind of part, for the pairing that is the same for all. */
struct part_kind {
	const void *(*item)(const struct md_def_model *model, unsigned at);
	const char *(*name)(const void *item);
	/* Whether the engine has it at all. */
	bool (*is_there)(const struct matching *m, const void *item);
	bool (*same)(const struct matching *m, const struct md_model_pair *pair, const void *before,
		     const void *after);
};
struct part_pair {
	const void *before, *after;
	bool changed, renamed;
};

/* --- indexes -----------------------------------------------------------------------------------
 */

static const void *index_at(const struct md_def_model *model, unsigned at)
{
	return at < model->index_count ? &model->indexes[at] : NULL;
}

static const char *index_name(const void *item)
{
	return ((const struct md_def_index *)item)->name;
}

static bool always(const struct matching *m, const void *item)
{
	(void)m;
	(void)item;
	return true;
}

/* A constraint and an index are made by different statements. */
static bool is_constraint(const struct matching *m, const struct md_def_index *index)
{
	for (unsigned i = 0; i < index->count; i++)
		if (index->columns[i].descending)
			return false;
	return index->unique && index->in_unique && !md_ddl_own_sql(m->dialect, &index->where);
}

static const struct md_def_field *field_of(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (strcmp(model->fields[i].name, name) == 0)
			return &model->fields[i];
	return NULL;
}

static bool same_include(const struct md_model_pair *pair, const struct md_def_names *before,
			 const struct md_def_names *after)
{
	if (before->count != after->count)
		return false;
	for (unsigned i = 0; i < before->count; i++)
		if (md_match_field_after(pair, field_of(pair->before, before->items[i])) !=
		    field_of(pair->after, after->items[i]))
			return false;
	return true;
}

static bool same_columns(const struct matching *m, const struct md_model_pair *pair,
			 const struct md_def_index *before, const struct md_def_index *after)
{
	if (before->count != after->count)
		return false;
	for (unsigned i = 0; i < before->count; i++) {
		const struct md_def_index_column *one = &before->columns[i];
		const struct md_def_index_column *other = &after->columns[i];

		if (md_match_field_after(pair, one->field) != other->field ||
		    one->descending != other->descending ||
		    (m->dialect->rich_indexes && one->nulls != other->nulls))
			return false;
	}
	return true;
}

static bool same_index(const struct matching *m, const struct md_model_pair *pair,
		       const void *former, const void *latter)
{
	const struct md_def_index *before = former, *after = latter;
	bool rich = m->dialect->rich_indexes;

	return same_columns(m, pair, before, after) && before->unique == after->unique &&
	       is_constraint(m, before) == is_constraint(m, after) &&
	       md_match_same_text(md_ddl_own_sql(m->dialect, &before->where),
				  md_ddl_own_sql(m->dialect, &after->where)) &&
	       (!rich || ((before->using > MD_DEF_BTREE ? before->using : 0) ==
				  (after->using > MD_DEF_BTREE ? after->using : 0) &&
			  same_include(pair, &before->include, &after->include)));
}

static const struct part_kind index_kind = { index_at, index_name, always, same_index };

/* --- checks ------------------------------------------------------------------------------------
 */

static const void *check_at(const struct md_def_model *model, unsigned at)
{
	return at < model->check_count ? &model->checks[at] : NULL;
}

static const char *check_name(const void *item)
{
	return ((const struct md_def_check *)item)->name;
}

static bool check_is_there(const struct matching *m, const void *item)
{
	return md_ddl_own_sql(m->dialect, &((const struct md_def_check *)item)->sql);
}

static bool same_check(const struct matching *m, const struct md_model_pair *pair,
		       const void *former, const void *latter)
{
	const struct md_def_check *before = former, *after = latter;

	(void)pair;
	return md_match_same_text(md_ddl_own_sql(m->dialect, &before->sql),
				  md_ddl_own_sql(m->dialect, &after->sql));
}

static const struct part_kind check_kind = { check_at, check_name, check_is_there, same_check };

/* --- foreign keys ------------------------------------------------------------------------------
 */

static const void *key_at(const struct md_def_model *model, unsigned at)
{
	return at < model->foreign_key_count ? &model->foreign_keys[at] : NULL;
}

static const char *key_name(const void *item)
{
	return ((const struct md_def_foreign_key *)item)->name;
}

/* Whether a target of before is the one of afterwards; tables that are not ours go by name. */
static bool same_target(const struct matching *m, const struct md_def_foreign_key *before,
			const struct md_def_foreign_key *after)
{
	const struct md_model_pair *target = md_match_pair_of(m, before->to);

	if (!target) {
		if (strcmp(before->to->table, after->to->table) != 0)
			return false;
		for (unsigned i = 0; i < before->count; i++)
			if (strcmp(md_def_column(before->targets[i]),
				   md_def_column(after->targets[i])) != 0)
				return false;
		return true;
	}
	if (target->after != after->to)
		return false;
	for (unsigned i = 0; i < before->count; i++)
		if (md_match_field_after(target, before->targets[i]) != after->targets[i])
			return false;
	return true;
}

static bool same_action(enum md_def_action one, enum md_def_action other)
{
	if (one == MD_DEF_ACTION_UNSET)
		one = MD_DEF_NO_ACTION;
	if (other == MD_DEF_ACTION_UNSET)
		other = MD_DEF_NO_ACTION;
	return one == other;
}

static bool same_key(const struct matching *m, const struct md_model_pair *pair, const void *former,
		     const void *latter)
{
	const struct md_def_foreign_key *before = former, *after = latter;

	if (before->count != after->count)
		return false;
	for (unsigned i = 0; i < before->count; i++)
		if (md_match_field_after(pair, before->fields[i]) != after->fields[i])
			return false;
	return same_target(m, before, after) && same_action(before->on_delete, after->on_delete) &&
	       same_action(before->on_update, after->on_update) &&
	       before->deferrable == after->deferrable;
}

static const struct part_kind key_kind = { key_at, key_name, always, same_key };

/* --- pairing -----------------------------------------------------------------------------------
 */

/* Work on one list of a pair of models. */
struct pairing {
	struct matching *m;
	const struct md_model_pair *models;
	const struct part_kind *kind;
	struct part_pair *pairs;
	unsigned count, former, latter; /* how many there are */
	bool *taken;                    /* by number of the former parts */
};

static unsigned count_of(const struct md_def_model *model, const struct part_kind *kind)
{
	unsigned count = 0;

	while (model && kind->item(model, count))
		count++;
	return count;
}

static void take(struct pairing *p, struct part_pair *pair, unsigned at)
{
	pair->before = p->kind->item(p->models->before, at);
	p->taken[at] = true;
	pair->renamed = strcmp(p->kind->name(pair->before), p->kind->name(pair->after)) != 0;
	pair->changed = !p->kind->same(p->m, p->models, pair->before, pair->after);
}

static bool is_open(const struct pairing *p, unsigned at)
{
	return !p->taken[at] && p->kind->is_there(p->m, p->kind->item(p->models->before, at));
}

static void find_by_name(struct pairing *p, struct part_pair *pair)
{
	const char *name = p->kind->name(pair->after);

	if (p->kind == &index_kind)
		name = md_match_index_before(p->m, p->models->after->name, name);
	for (unsigned i = 0; name && !pair->before && i < p->former; i++)
		if (is_open(p, i) &&
		    strcmp(p->kind->name(p->kind->item(p->models->before, i)), name) == 0)
			take(p, pair, i);
}

static void find_by_content(struct pairing *p, struct part_pair *pair)
{
	for (unsigned i = 0; !pair->before && i < p->former; i++)
		if (is_open(p, i) &&
		    p->kind->same(p->m, p->models, p->kind->item(p->models->before, i),
				  pair->after))
			take(p, pair, i);
}

/* Nothing has changed: before a rename could take it for something else. */
static void find_exact(struct pairing *p, struct part_pair *pair)
{
	const char *name = p->kind->name(pair->after);

	for (unsigned i = 0; !pair->before && i < p->former; i++) {
		const void *before = p->kind->item(p->models->before, i);

		if (is_open(p, i) && strcmp(p->kind->name(before), name) == 0 &&
		    p->kind->same(p->m, p->models, before, pair->after))
			take(p, pair, i);
	}
}

static void pair_up(struct pairing *p)
{
	static void (*const ways[])(struct pairing *, struct part_pair *) = { find_exact,
									      find_by_name,
									      find_by_content };

	for (unsigned i = 0; i < p->latter; i++) {
		const void *item = p->kind->item(p->models->after, i);

		if (p->kind->is_there(p->m, item))
			p->pairs[p->count++].after = item;
	}
	for (unsigned w = 0; p->models->before && w < sizeof(ways) / sizeof(ways[0]); w++)
		for (unsigned i = 0; i < p->count; i++)
			if (!p->pairs[i].before)
				ways[w](p, &p->pairs[i]);
	for (unsigned i = 0; i < p->former; i++)
		if (is_open(p, i))
			p->pairs[p->count++].before = p->kind->item(p->models->before, i);
}

/* The pairs, in the arena; NULL: out of memory. */
static const struct part_pair *pairs_of(struct matching *m, const struct md_model_pair *models,
					const struct part_kind *kind, unsigned *ret_count)
{
	unsigned before = count_of(models->before, kind), after = count_of(models->after, kind);
	struct pairing p = {
		.m = m, .models = models, .kind = kind, .former = before, .latter = after
	};

	p.pairs = md_arena_zalloc(m->arena, (before + after) * sizeof(*p.pairs));
	p.taken = md_arena_zalloc(m->arena, before * sizeof(*p.taken));
	m->failed = m->failed || !p.pairs || !p.taken;
	if (m->failed)
		return NULL;
	pair_up(&p);
	*ret_count = p.count;
	return p.pairs;
}

static const struct md_index_pair *index_pairs(struct matching *m, const struct part_pair *pairs,
					       unsigned count)
{
	struct md_index_pair *made = md_arena_zalloc(m->arena, count * sizeof(*made));

	m->failed = m->failed || !made;
	for (unsigned i = 0; made && i < count; i++)
		made[i] = (struct md_index_pair){ pairs[i].before, pairs[i].after, pairs[i].changed,
						  pairs[i].renamed };
	return made;
}

static const struct md_check_pair *check_pairs(struct matching *m, const struct part_pair *pairs,
					       unsigned count)
{
	struct md_check_pair *made = md_arena_zalloc(m->arena, count * sizeof(*made));

	m->failed = m->failed || !made;
	for (unsigned i = 0; made && i < count; i++)
		made[i] = (struct md_check_pair){ pairs[i].before, pairs[i].after, pairs[i].changed,
						  pairs[i].renamed };
	return made;
}

static const struct md_key_pair *key_pairs(struct matching *m, const struct part_pair *pairs,
					   unsigned count)
{
	struct md_key_pair *made = md_arena_zalloc(m->arena, count * sizeof(*made));

	m->failed = m->failed || !made;
	for (unsigned i = 0; made && i < count; i++)
		made[i] = (struct md_key_pair){ pairs[i].before, pairs[i].after, pairs[i].changed,
						pairs[i].renamed };
	return made;
}

void md_match_parts(struct matching *m, struct md_model_pair *pair)
{
	const struct part_pair *indexes = pairs_of(m, pair, &index_kind, &pair->index_count);
	const struct part_pair *checks = pairs_of(m, pair, &check_kind, &pair->check_count);
	const struct part_pair *keys = pairs_of(m, pair, &key_kind, &pair->foreign_key_count);

	if (m->failed)
		return;
	pair->indexes = index_pairs(m, indexes, pair->index_count);
	pair->checks = check_pairs(m, checks, pair->check_count);
	pair->foreign_keys = key_pairs(m, keys, pair->foreign_key_count);
}
