/* What a nested write gives back: the rows that the path means, as they are in the end, in the
 * order of the body unless the request says another. */
#include "core/json/pieces.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

static bool fail_large(struct md_nested *nest, const struct md_buf *out)
{
	if (out->no_memory)
		md_fail_nomem(&nest->error);
	else
		md_fail(&nest->error, MD_TOO_LARGE, "54000", "the answer is too large");
	md_nest_fail(nest, &nest->error);
	return false;
}

static void take_all(struct md_nested *nest)
{
	struct md_buf *out = nest->write->ask.out;

	md_buf_put(out, nest->shown.data, nest->shown.len);
	if (out->failed)
		fail_large(nest, out);
}

/* One row of a list: without its brackets. */
static void take_one(struct md_nested *nest)
{
	struct md_buf *out = nest->write->ask.out;

	md_buf_puts(out, out->len == 0 ? "[" : ",");
	if (nest->shown.len > 2)
		md_buf_put(out, nest->shown.data + 1, nest->shown.len - 2);
	if (nest->at == nest->steps[nest->step].group->count)
		md_buf_putc(out, ']');
	if (out->failed)
		fail_large(nest, out);
}

/* Keys that were counted: their order is that in which rows were made. */
static bool are_counted(const struct md_nest_group *group)
{
	int64_t last = INT64_MIN, number;

	if (group->model->key_count != 1)
		return false;
	for (unsigned i = 0; i < group->count; i++) {
		struct md_str key = md_nest_value(group->rows[i].known, group->model->key[0]);

		if (!md_str_to_i64(key, &number) || number <= last)
			return false;
		last = number;
	}
	return true;
}

static bool order_by_key(struct md_nested *nest, const struct md_model *model,
			 struct md_query *query)
{
	struct md_order **end = &query->root.order;

	for (unsigned i = 0; i < model->key_count; i++) {
		*end = md_arena_zalloc(nest->work, sizeof(**end));
		if (!*end)
			return false;
		(*end)->column.name = model->key[i]->name;
		end = &(*end)->next;
	}
	return true;
}

/* A list without rows, or a relationship that was set to null. */
static bool show_none(struct md_nested *nest)
{
	const struct md_write_ask *ask = &nest->write->ask;

	if (nest->at++ == 0 && ask->answer == MD_ANSWER_JSON)
		md_buf_puts(ask->out, ask->singular ? "null" : "[]");
	return ask->out->failed && fail_large(nest, ask->out);
}

bool md_nest_show(struct md_nested *nest, struct md_nest_group *group)
{
	const struct md_write_ask *ask = &nest->write->ask;
	bool ordered = ask->query->root.order != NULL || group->count == 1 ||
		       md_level_is_grouped(group->model, &ask->query->root),
	     whole = ordered || ask->answer != MD_ANSWER_JSON || are_counted(group);
	struct md_query query = *ask->query, *copy;
	struct md_read_request request = { .route = MD_READ_LIST,
					   .model = group->model,
					   .singular = ask->singular,
					   .strip_nulls = ask->strip_nulls,
					   .answer = ask->answer };
	unsigned first = nest->at, count = whole ? group->count : 1;
	struct md_str *objects;

	if (group->count == 0)
		return show_none(nest);
	if (first >= group->count)
		return false;
	nest->at += count;
	query.root.where = NULL;
	query.root.has_limit = query.root.has_offset = false;
	objects = md_arena_alloc(nest->work, count * sizeof(*objects));
	copy = md_arena_alloc(nest->work, sizeof(*copy));
	if (!objects || !copy)
		return md_nest_fail_nomem(nest);
	for (unsigned i = 0; i < count; i++)
		objects[i] = group->rows[first + i].known;
	*copy = query;
	if (!md_nest_where_in(nest, copy, group->model->key, group->model->key_count, objects,
			      count, false) ||
	    (!ordered && whole && !order_by_key(nest, group->model, copy)))
		return md_nest_fail_nomem(nest);
	request.query = copy;
	return md_nest_start_read(nest, &request, whole ? take_all : take_one);
}
