#include "core/json/walk.h"

#include "core/db/unit.h"

#include "core/base/banned.h"

static bool is_same(const struct md_value *a, const struct md_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case MD_NULL:
		return false;
	case MD_INT:
		return a->i == b->i;
	case MD_REAL:
		return !(a->r < b->r) && !(a->r > b->r);
	case MD_TEXT:
	case MD_BLOB:
		return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
	}
	__builtin_unreachable();
}

static bool is_same_row(const struct md_walk_path *entry, const struct md_shape *shape,
			const struct md_value *cells)
{
	const struct md_shape *other = entry->shape;

	if (other->cycle->model != shape->cycle->model ||
	    other->cycle->key_count != shape->cycle->key_count)
		return false;
	for (unsigned i = 0; i < shape->cycle->key_count; i++)
		if (!is_same(&entry->cells[other->items[i].column], &cells[shape->items[i].column]))
			return false;
	return shape->cycle->key_count > 0;
}

bool md_walk_is_on_path(const struct md_walk_path *path, const struct md_shape *shape,
			const struct md_value *cells)
{
	for (; path; path = path->up)
		if (is_same_row(path, shape, cells))
			return true;
	return false;
}

enum md_code md_walk_open(struct md_rows *rows, const struct md_shape_call *call,
			  struct md_value *const *child_args, const struct md_value *cells,
			  struct md_rows **ret_child, struct md_error *err)
{
	struct md_value *args = child_args ? child_args[call->slot] : NULL;
	struct md_call run = { .stmt = call->stmt, .args = args, .tag = NULL };

	if (!rows->child || (!args && call->bind_count > 0))
		return md_fail(err, MD_INTERNAL, "XX000",
			       "a child statement cannot be run on this cursor");
	for (unsigned i = 0; i < call->bind_count; i++)
		args[call->binds[i].param] = cells[call->binds[i].column];
	return rows->child(rows, &run, ret_child, err);
}

enum md_step md_walk_next(struct md_rows *child, const struct md_value **ret_cells,
			  struct md_error *err)
{
	enum md_step step = child->next(child, ret_cells, err);

	if (step != MD_STEP_WAIT)
		return step;
	md_fail(err, MD_INTERNAL, "XX000", "a child statement cannot wait for its rows");
	return MD_STEP_FAIL;
}

void md_walk_close(struct md_rows *child)
{
	if (child->close)
		child->close(child);
}
