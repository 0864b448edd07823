/* depth=N: dict() of a row with its relationships, as a select tree like one a client would write.
 */
#include "core/query/plan.h"

#include "core/base/banned.h"

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
		struct md_select *select;

		if (came_by && relation == came_by->inverse)
			continue; /* the way back */
		select = md_arena_zalloc(arena, sizeof(*select));
		if (!select)
			return false;
		select->kind = MD_SELECT_EMBED;
		select->embed = md_arena_zalloc(arena, sizeof(*select->embed));
		if (!select->embed)
			return false;
		select->embed->relation = relation->name;
		select->embed->resolved = relation;
		if (!fill(arena, relation->to, depth - 1, relation, &select->embed->level))
			return false;
		*next = select;
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
