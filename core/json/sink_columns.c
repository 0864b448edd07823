/* Rows of a child statement as columns: a list of values for each item, all filled in one run, so
 * that the first elements of all lists are of one row. What is spread inside has its lists beside
 * those of its parent; a list inside is one element of a list. */
#include "core/json/sink_nested.h"

#include <stdlib.h>

#include "core/base/banned.h"

/* One item of the row. */
struct column {
	const struct md_shape_item *item;
	const struct md_text_value *value;    /* one value; NULL: several */
	const struct md_text_columns *spread; /* the lists of what is spread */
};

struct md_text_columns {
	const struct md_shape_call *call;
	const struct column *columns;
	unsigned count;
	const struct md_shape_item **leaves; /* of all lists, in order */
	unsigned leaf_count;
};

/* ---- compiling ---- */

static unsigned count_leaves(const struct md_shape *shape)
{
	unsigned count = 0;

	for (unsigned i = 0; i < shape->count; i++)
		count += shape->items[i].key ? 1 : count_leaves(shape->items[i].child);
	return count;
}

static bool compile_column(struct md_arena *arena, struct md_text_columns *columns,
			   const struct md_shape_item *item, struct column *column)
{
	*column = (struct column){ .item = item };
	if (item->key) {
		columns->leaves[columns->leaf_count++] = item;
		column->value = md_text_value_new(arena, item);
		return column->value != NULL;
	}
	column->spread = md_text_columns_new(arena, item);
	if (!column->spread)
		return false;
	for (unsigned i = 0; i < column->spread->leaf_count; i++)
		columns->leaves[columns->leaf_count++] = column->spread->leaves[i];
	return true;
}

const struct md_text_columns *md_text_columns_new(struct md_arena *arena,
						  const struct md_shape_item *item)
{
	const struct md_shape *shape = item->child;
	struct md_text_columns *columns = md_arena_zalloc(arena, sizeof(*columns));
	struct column *list = md_arena_alloc(arena, shape->count * sizeof(*list));

	if (!columns || !list)
		return NULL;
	columns->leaves =
		md_arena_alloc(arena, count_leaves(shape) * sizeof(struct md_shape_item *));
	if (!columns->leaves)
		return NULL;
	for (unsigned i = 0; i < shape->count; i++)
		if (!compile_column(arena, columns, &shape->items[i], &list[i]))
			return NULL;
	columns->call = item->call;
	columns->columns = list;
	columns->count = shape->count;
	return columns;
}

unsigned md_text_columns_count(const struct md_text_columns *columns)
{
	return columns->leaf_count;
}

const struct md_shape_item *md_text_columns_item(const struct md_text_columns *columns, unsigned i)
{
	return columns->leaves[i];
}

/* ---- collecting ---- */

static bool collect_row(struct md_text_walk *walk, const struct md_text_columns *columns,
			const struct md_value *cells, struct md_buf *lists);

/* Behind the element before. */
static void next_element(struct md_buf *list)
{
	if (list->len > 0)
		md_buf_putc(list, ',');
}

static bool collect_value(struct md_text_walk *walk, const struct md_text_value *value,
			  const struct md_value *cells, struct md_buf *list)
{
	struct md_buf *out = walk->out;
	bool ok;

	next_element(list);
	if (!cells) {
		md_buf_puts(list, "null");
		return !list->failed;
	}
	walk->out = list;
	ok = md_text_value_write(walk, value, cells);
	walk->out = out;
	return ok && !list->failed;
}

static bool collect_rows(struct md_text_walk *walk, const struct md_text_columns *columns,
			 struct md_rows *child, struct md_buf *lists)
{
	const struct md_value *cells;
	enum md_step step;

	while ((step = md_walk_next(child, &cells, walk->err)) == MD_STEP_ROW)
		if (!collect_row(walk, columns, cells, lists))
			return false;
	return step == MD_STEP_END;
}

static bool collect_first(struct md_text_walk *walk, const struct md_text_columns *columns,
			  struct md_rows *child, struct md_buf *lists)
{
	const struct md_value *cells = NULL;
	enum md_step step = md_walk_next(child, &cells, walk->err);

	if (step == MD_STEP_FAIL || step == MD_STEP_WAIT)
		return false;
	return collect_row(walk, columns, step == MD_STEP_ROW ? cells : NULL, lists);
}

/* Run the child statement for its rows, or the first of them. */
static bool collect_child(struct md_text_walk *walk, const struct md_text_columns *columns,
			  const struct md_value *cells, struct md_buf *lists,
			  bool (*collect)(struct md_text_walk *walk,
					  const struct md_text_columns *columns,
					  struct md_rows *child, struct md_buf *lists))
{
	struct md_rows *parent = walk->rows, *child;
	bool ok;

	if (md_walk_open(parent, columns->call, walk->child_args, cells, &child, walk->err) !=
	    MD_OK)
		return false;
	walk->rows = child;
	ok = collect(walk, columns, child, lists);
	walk->rows = parent;
	md_walk_close(child);
	return ok;
}

/* Lists inside are elements of lists. */
static bool collect_lists(struct md_text_walk *walk, const struct md_text_columns *columns,
			  const struct md_value *cells, struct md_buf *lists)
{
	struct md_buf *inner = cells ? md_text_columns_open(walk, columns) : NULL;
	bool ok = !cells || (inner && md_text_columns_collect(walk, columns, cells, inner));

	for (unsigned i = 0; ok && i < columns->leaf_count; i++) {
		next_element(&lists[i]);
		if (cells)
			md_text_columns_put(&lists[i], &inner[i]);
		else
			md_buf_puts(&lists[i], "null");
		ok = !lists[i].failed;
	}
	md_text_columns_close(columns, inner);
	return ok;
}

static bool collect_spread(struct md_text_walk *walk, const struct column *column,
			   const struct md_value *cells, struct md_buf *lists)
{
	const struct md_shape_item *item = column->item;

	if (item->nest == MD_NEST_COLUMNS)
		return collect_lists(walk, column->spread, cells, lists);
	if (cells && item->nest == MD_NEST_ROW)
		return collect_child(walk, column->spread, cells, lists, collect_first);
	if (cells && cells[item->column].type == MD_NULL)
		cells = NULL;
	return collect_row(walk, column->spread, cells, lists);
}

/* One more element for each list. `cells` NULL: there is no row. Depth: that of select. */
static bool collect_row(struct md_text_walk *walk, const struct md_text_columns *columns,
			const struct md_value *cells, struct md_buf *lists)
{
	for (unsigned i = 0; i < columns->count; i++) {
		const struct column *column = &columns->columns[i];
		bool ok = column->value ? collect_value(walk, column->value, cells, lists)
					: collect_spread(walk, column, cells, lists);

		if (!ok)
			return false;
		lists += column->value ? 1 : column->spread->leaf_count;
	}
	return true;
}

/* ---- lists ---- */

struct md_buf *md_text_columns_open(struct md_text_walk *walk,
				    const struct md_text_columns *columns)
{
	struct md_buf *lists = calloc(columns->leaf_count + 1u, sizeof(*lists));

	if (!lists) {
		walk->out->failed = walk->out->no_memory = true;
		return NULL;
	}
	for (unsigned i = 0; i < columns->leaf_count; i++)
		md_buf_init(&lists[i], walk->out->max);
	return lists;
}

void md_text_columns_close(const struct md_text_columns *columns, struct md_buf *lists)
{
	for (unsigned i = 0; lists && i < columns->leaf_count; i++)
		md_buf_release(&lists[i]);
	free(lists);
}

void md_text_columns_put(struct md_buf *out, const struct md_buf *list)
{
	md_buf_putc(out, '[');
	md_buf_put(out, list->data, list->len);
	md_buf_putc(out, ']');
}

bool md_text_columns_collect(struct md_text_walk *walk, const struct md_text_columns *columns,
			     const struct md_value *cells, struct md_buf *lists)
{
	bool ok = collect_child(walk, columns, cells, lists, collect_rows);

	for (unsigned i = 0; i < columns->leaf_count; i++) {
		walk->out->failed |= lists[i].failed;
		walk->out->no_memory |= lists[i].no_memory;
	}
	return ok && !walk->out->failed;
}
