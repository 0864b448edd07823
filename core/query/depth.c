/* depth=N: dict() of a row with its relationships, as a select tree like one a client would write;
 * and relations that are always loaded. */
#include "core/query/plan.h"

#include "core/base/banned.h"

/* An embed of all fields, behind *next. */
static struct md_select *add_embed(struct md_arena *arena, const struct md_relation *relation,
				   struct md_select **next)
{
	struct md_select *select = md_arena_zalloc(arena, sizeof(*select));
	struct md_embed *embed = md_arena_zalloc(arena, sizeof(*embed));

	if (!select || !embed)
		return NULL;
	select->kind = MD_SELECT_EMBED;
	select->embed = embed;
	embed->relation = relation->name;
	embed->resolved = relation;
	*next = select;
	return select;
}

/* Of a declared model what its user calls a relationship, of a table all that lead away from it. */
static bool is_shown(const struct md_model *model, const struct md_relation *relation)
{
	return !model->def || relation->declared;
}

static bool fill(struct md_arena *arena, const struct md_model *model, unsigned depth,
		 const struct md_relation *came_by, struct md_level *level)
{
	struct md_select *star = md_arena_zalloc(arena, sizeof(*star));
	struct md_select **next = &level->select;

	if (!star)
		return false;
	star->kind = MD_SELECT_STAR;
	*next = star;
	next = &star->next;
	for (unsigned i = 0; depth > 0 && i < model->relation_count; i++) {
		const struct md_relation *relation = &model->relations[i];
		bool is_way_back = came_by && relation == came_by->inverse;
		struct md_select *select;

		if (is_way_back || !is_shown(model, relation))
			continue;
		select = add_embed(arena, relation, next);
		if (!select ||
		    !fill(arena, relation->to, depth - 1, relation, &select->embed->level))
			return false;
		next = &select->next;
	}
	return true;
}

struct md_level *md_depth_level(struct md_arena *arena, const struct md_model *model,
				unsigned depth)
{
	struct md_level *level = md_arena_zalloc(arena, sizeof(*level));

	return level && fill(arena, model, depth, NULL, level) ? level : NULL;
}

bool md_level_is_always(const struct md_model *model, const struct md_level *level)
{
	if (!level->select || level->select->kind != MD_SELECT_STAR || level->select->next)
		return false;
	for (unsigned i = 0; i < model->relation_count; i++)
		if (model->relations[i].always)
			return true;
	return false;
}

const struct md_level *md_always_level(struct md_arena *arena, const struct md_model *model,
				       const struct md_relation *via, const struct md_level *level)
{
	struct md_level *copy;
	struct md_select *star, **next;

	if (!md_level_is_always(model, level))
		return level;
	copy = md_arena_zalloc(arena, sizeof(*copy));
	star = md_arena_zalloc(arena, sizeof(*star));
	if (!copy || !star)
		return NULL;
	*copy = *level;
	*star = *level->select;
	copy->select = star;
	next = &star->next;
	for (unsigned i = 0; i < model->relation_count; i++) {
		const struct md_relation *relation = &model->relations[i];
		struct md_select *select;

		if (!relation->always || (via && relation == via->inverse))
			continue;
		select = add_embed(arena, relation, next);
		if (!select || !fill(arena, relation->to, 0, relation, &select->embed->level))
			return NULL;
		next = &select->next;
	}
	return copy;
}
