/* Which steps a tree takes. To-one rows come before the row that points to them, everything else
 * behind it:
 *
 *   the author ─► the post ─► [clear] ─► its comments ─► new tags ─► [clear] ─► post_tags
 */
#include "core/json/pieces.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

/* --- what is needed of rows --- */

static bool need(struct md_nested *nest, struct md_nest_group *group, const struct md_field *field)
{
	if (!group->needed)
		group->needed = md_arena_alloc(nest->arena,
					       group->model->field_count * sizeof(*group->needed));
	if (!group->needed)
		return false;
	for (unsigned i = 0; i < group->needed_count; i++)
		if (group->needed[i] == field)
			return true;
	group->needed[group->needed_count++] = field;
	return true;
}

static bool need_all(struct md_nested *nest, struct md_nest_group *group,
		     const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!need(nest, group, fields[i]))
			return false;
	return true;
}

/* Rows of the root, and those that are given back, are told by their key. */
static bool is_told(const struct md_nested *nest, const struct md_nest_group *group)
{
	return !group->up || group == nest->base;
}

static bool find_needed(struct md_nested *nest, struct md_nest_group *group)
{
	const struct md_relation *via = group->via;
	bool ok = true;

	if (is_told(nest, group))
		ok = need_all(nest, group, group->model->key, group->model->key_count);
	if (via && !md_nest_is_below(via))
		ok = ok && need_all(nest, group, via->remote, via->remote_count);
	for (struct md_nest_group *child = group->first; ok && child; child = child->next) {
		if (!child->via->here)
			ok = need_all(nest, group, child->via->local, child->via->local_count);
		ok = ok && find_needed(nest, child);
	}
	return ok;
}

static bool knows_all(const struct md_nest_group *group, struct md_str text)
{
	for (unsigned i = 0; i < group->needed_count; i++)
		if (!md_pieces_find(text, group->needed[i]->name).ptr)
			return false;
	return true;
}

/* What is there and was named with all that is needed is known from the beginning. */
static void find_known(struct md_nest_group *group)
{
	for (unsigned i = 0; i < group->count; i++) {
		struct md_nest_row *row = &group->rows[i];

		if (!group->up || row->kind != MD_NEST_LINK)
			continue;
		if (knows_all(group, row->text))
			row->known = row->text;
		else
			group->looks = true;
	}
	for (struct md_nest_group *child = group->first; child; child = child->next)
		find_known(child);
}

/* --- steps --- */

static bool add(struct md_nested *nest, enum md_nest_act act, struct md_nest_group *group)
{
	if (nest->step_count == nest->step_room) {
		unsigned room = nest->step_room > 0 ? 2 * nest->step_room : 16;
		struct md_nest_step *steps = md_arena_alloc(nest->arena, room * sizeof(*steps));

		if (!steps)
			return false;
		if (nest->step_count > 0)
			memcpy(steps, nest->steps, nest->step_count * sizeof(*steps));
		nest->steps = steps;
		nest->step_room = room;
	}
	nest->steps[nest->step_count++] = (struct md_nest_step){ act, group };
	return true;
}

static bool has_pointed(const struct md_nest_group *group)
{
	for (const struct md_nest_group *child = group->first; child; child = child->next)
		if (child->via->here)
			return true;
	return false;
}

/* A list that says what is there; and one row has one partner, whatever is said. */
static bool is_set(const struct md_nested *nest, const struct md_nest_group *group)
{
	if (group->via->here)
		return false;
	return nest->mode == MD_NEST_SET || (md_nest_is_below(group->via) && group->via->to_one);
}

/* Rows that are there get what they do not have. */
static bool is_updated(const struct md_nest_group *group)
{
	return group->kinds[MD_NEST_CHANGE] > 0 ||
	       (group->kinds[MD_NEST_LINK] > 0 &&
		(md_nest_is_below(group->via) || has_pointed(group)));
}

static bool add_own(struct md_nested *nest, struct md_nest_group *group)
{
	const unsigned *kinds = group->kinds;

	if (group->looks && !add(nest, MD_NEST_LOOK, group))
		return false;
	if (is_set(nest, group) && !add(nest, MD_NEST_CLEAR, group))
		return false;
	return (!is_updated(group) || add(nest, MD_NEST_UPDATE, group)) &&
	       (kinds[MD_NEST_CREATE] == 0 || add(nest, MD_NEST_INSERT, group)) &&
	       (kinds[MD_NEST_MERGE] == 0 || add(nest, MD_NEST_UPSERT, group)) &&
	       (kinds[MD_NEST_MERGE_ONE] == 0 || add(nest, MD_NEST_UPSERT_ONE, group)) &&
	       (!group->via->junction || add(nest, MD_NEST_JOIN, group));
}

/* Whether the root has columns of its own, or gets some. */
static bool root_changes(const struct md_nested *nest)
{
	const struct md_nest_group *root = nest->root;
	const struct md_write_ask *ask = &nest->write->ask;

	if (ask->kind != MD_WRITE_UPDATE || has_pointed(root) || ask->match)
		return true;
	for (unsigned i = 0; i < root->model->field_count; i++)
		if (root->given[i])
			return true;
	return false;
}

/* The ETag is that of what was asked for, not of what we need: it has a look of its own. */
static bool add_root(struct md_nested *nest, struct md_nest_group *group)
{
	return add(nest, root_changes(nest) ? MD_NEST_WRITE_ROOT : MD_NEST_LOOK_ROOT, group) &&
	       (!nest->write->ask.match || add(nest, MD_NEST_LOOK_ROOT, group));
}

static bool add_group(struct md_nested *nest, struct md_nest_group *group)
{
	for (struct md_nest_group *child = group->first; child; child = child->next)
		if (child->via->here && !add_group(nest, child))
			return false;
	if (!(group->up ? add_own(nest, group) : add_root(nest, group)))
		return false;
	for (struct md_nest_group *child = group->first; child; child = child->next)
		if (!child->via->here && !add_group(nest, child))
			return false;
	return true;
}

static bool add_all(struct md_nested *nest)
{
	struct md_nest_group *base = nest->base;

	if (nest->mode == MD_NEST_REMOVE)
		return add(nest, MD_NEST_LOOK_ROOT, nest->root) &&
		       (!base->looks || add(nest, MD_NEST_LOOK, base)) &&
		       add(nest, MD_NEST_CUT, base);
	return add_group(nest, nest->root) && (nest->write->ask.give != MD_GIVE_ROWS ||
					       add(nest, MD_NEST_SHOW, base ? base : nest->root));
}

static enum md_code fail_keyless(const struct md_nest_group *group, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "MD400",
		       "rows of '%.*s' cannot have relationships in a body: they have no key",
		       MD_STR_ARG(group->model->name));
}

static enum md_code check_needed(const struct md_nest_group *group, struct md_error *err)
{
	if (group->model->key_count == 0)
		return fail_keyless(group, err);
	for (unsigned i = 0; i < group->needed_count; i++)
		if (!md_field_is_visible(group->needed[i]))
			return fail_keyless(group, err);
	return MD_OK;
}

enum md_code md_nest_plan(struct md_nested *nest, struct md_error *err)
{
	enum md_code code;

	if (!find_needed(nest, nest->root))
		return md_fail_nomem(err);
	code = check_needed(nest->root, err);
	if (code == MD_OK && nest->base)
		code = check_needed(nest->base, err);
	if (code != MD_OK)
		return code;
	find_known(nest->root);
	return add_all(nest) ? MD_OK : md_fail_nomem(err);
}
