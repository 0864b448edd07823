/* The step that changes rows that are there: many writes of one row each, as one piece of work. */
#include "core/json/pieces.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

enum { CHAIN_MAX = 64 };

static void take_updated(struct md_nested *nest, struct md_nest_group *group)
{
	for (unsigned i = 0; i < nest->map_count && !nest->failed; i++) {
		struct md_nest_row *row = &group->rows[nest->map[i]];
		struct md_pieces pieces;
		struct md_str object;

		if (row->known.ptr || nest->outs[i].len == 0)
			continue;
		md_pieces_open(&pieces, md_buf_str(&nest->outs[i]));
		if (md_pieces_element(&pieces, &object))
			md_nest_know(nest, row, object);
	}
}

static void release_outs(struct md_nested *nest)
{
	for (unsigned i = 0; i < nest->map_count && nest->outs; i++)
		md_buf_release(&nest->outs[i]);
	nest->outs = NULL;
}

static void chain_failed(struct md_nested *nest)
{
	nest->error = *md_chain_error(nest->chain);
	md_nest_point(nest, nest->blame, true, nest->map[md_chain_failed(nest->chain)],
		      &nest->error);
	md_nest_fail(nest, &nest->error);
}

static void chain_ready(struct md_chain *chain, void *arg)
{
	struct md_nested *nest = arg;

	nest->has_step = false;
	if (md_chain_state(chain) == MD_READ_FAILED) {
		chain_failed(nest);
	} else {
		take_updated(nest, nest->blame);
	}
	release_outs(nest);
	nest->chain = NULL;
	md_nest_went_on(nest);
}

/* One more write of the chain. False: there is nothing to write, or nest->failed. */
static bool fill_update(struct md_nested *nest, struct md_nest_group *group, unsigned number,
			struct md_write_ask *ask)
{
	const struct md_nest_row *row = &group->rows[number];
	struct md_str text;

	md_buf_clear(&nest->text);
	if (!md_nest_put_object(group, number, true, &nest->text) ||
	    (row->kind != MD_NEST_CHANGE && row->kind != MD_NEST_LINK))
		return false;
	/* Several bodies at a time: each in a place of its own. */
	text = md_arena_str(nest->work, md_buf_str(&nest->text));
	*ask = md_nest_write_ask(nest, MD_WRITE_UPDATE, group->model);
	ask->key = md_nest_key(nest, group, number);
	ask->query = md_nest_query(nest, group);
	if (!text.ptr || !ask->key || !ask->query)
		return md_nest_fail_nomem(nest);
	if (md_nest_open_text(nest, text, NULL, &ask->body, &nest->error) != MD_OK) {
		md_nest_fail(nest, &nest->error);
		return false;
	}
	ask->give = group->needed_count > 0 && !row->known.ptr ? MD_GIVE_ROWS : MD_GIVE_COUNT;
	ask->out = &nest->outs[nest->map_count];
	return true;
}

static bool start_chain(struct md_nested *nest, const struct md_write_ask *asks)
{
	const struct md_chain_ask ask = { .asks = asks,
					  .count = nest->map_count,
					  .deadline_ns = nest->write->ask.deadline_ns,
					  .session = nest->session,
					  .arena = nest->work,
					  .ready = chain_ready,
					  .arg = nest };
	struct md_generation *newest = md_nest_enter(nest);
	bool ended = md_chain_start(nest->ops, &ask, &nest->chain);

	nest->ops->newest = newest;
	nest->has_step = !ended;
	if (!ended)
		return true;
	if (nest->chain) {
		chain_failed(nest);
	} else {
		md_nest_fail_nomem(nest);
	}
	release_outs(nest);
	nest->chain = NULL;
	return false;
}

static bool start_some(struct md_nested *nest, struct md_nest_group *group)
{
	struct md_write_ask *asks = md_arena_alloc(nest->work, CHAIN_MAX * sizeof(*asks));

	nest->outs = md_arena_alloc(nest->work, CHAIN_MAX * sizeof(*nest->outs));
	if (!asks || !nest->outs) {
		nest->outs = NULL;
		return md_nest_fail_nomem(nest);
	}
	if (!md_nest_make_map(nest, CHAIN_MAX))
		return false;
	for (unsigned i = 0; i < CHAIN_MAX; i++)
		md_buf_init(&nest->outs[i], nest->write->ask.out->max);
	for (; nest->at < group->count && nest->map_count < CHAIN_MAX && !nest->failed; nest->at++)
		if (fill_update(nest, group, nest->at, &asks[nest->map_count]))
			nest->map[nest->map_count++] = nest->at;
	if (nest->failed || nest->map_count == 0)
		return false;
	return start_chain(nest, asks);
}

/* A row that was changed and of which nothing but its own text is needed. */
static void know_changed(struct md_nest_group *group)
{
	for (unsigned i = 0; i < group->count; i++)
		if (!group->rows[i].known.ptr && group->rows[i].kind == MD_NEST_CHANGE)
			group->rows[i].known = group->rows[i].text;
}

bool md_nest_update(struct md_nested *nest, struct md_nest_group *group)
{
	bool runs = start_some(nest, group);

	if (!runs && !nest->failed)
		know_changed(group);
	return runs;
}
