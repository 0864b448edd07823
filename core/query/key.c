/* The plan key: the syntax tree without its values, as bytes. Two requests with the same key have
 * the same SQL. */
#include "core/query/plan.h"

#include "core/base/banned.h"

struct walker {
	struct md_buf *key;
	struct md_walk *walk;
	const struct md_query *query;
	bool full, array_lists;
	const char *negative; /* a limit or an offset of an embed */
};

static void put_byte(struct walker *w, unsigned byte)
{
	md_buf_putc(w->key, (char)byte);
}

static void put_i64(struct walker *w, int64_t value)
{
	md_buf_put(w->key, &value, sizeof(value));
}

/* Length first, so that neighbours cannot flow into each other; "not given" and empty differ. */
static void put_str(struct walker *w, struct md_str s)
{
	put_i64(w, s.ptr ? (int64_t)s.len : -1);
	md_buf_put(w->key, s.ptr, s.len);
}

static void put_ref(struct walker *w, const struct md_column_ref *ref)
{
	put_str(w, ref->name);
	put_byte(w, ref->path_len);
	for (unsigned i = 0; i < ref->path_len; i++) {
		const struct md_json_step *step = &ref->path[i];

		put_byte(w, (unsigned)step->as_text << 1 | step->is_index);
		if (step->is_index)
			put_i64(w, step->index);
		else
			put_str(w, step->key);
	}
}

/* Lists of IN are padded to powers of two, so that their length is no shape of its own. */
static unsigned padded(unsigned count)
{
	unsigned size = 1;

	if (count == 0)
		return 0;
	while (size < count)
		size *= 2;
	return size;
}

static void put_filter(struct walker *w, const struct md_filter *filter)
{
	unsigned count = filter->op == MD_OP_IN ? padded(filter->value_count) : filter->value_count;

	if (w->array_lists && count > 1)
		count = 1;

	put_ref(w, &filter->column);
	put_byte(w, filter->op);
	put_byte(w,
		 (unsigned)filter->quantifier << 4 | (unsigned)filter->negated << 3 | filter->is);
	put_str(w, filter->language);
	put_i64(w, count);
	/* A pattern with a literal beginning also gets a range, which an index can serve. */
	if (filter->op == MD_OP_LIKE && filter->value_count == 1) {
		struct md_str value = w->query->values[filter->value];

		put_byte(w, value.len > 0 && !memchr("*%_\\", value.ptr[0], 4));
	}
	if (w->walk->filter_count == sizeof(w->walk->filters) / sizeof(w->walk->filters[0]))
		w->full = true;
	else
		w->walk->filters[w->walk->filter_count++] = filter;
}

static void put_logic(struct walker *w, const struct md_logic *list)
{
	for (const struct md_logic *logic = list; logic; logic = logic->next) {
		put_byte(w, 1 + (unsigned)logic->kind * 2 + logic->negated);
		if (logic->kind == MD_LOGIC_LEAF)
			put_filter(w, &logic->leaf);
		else
			put_logic(w, logic->child);
	}
	put_byte(w, 0);
}

static void put_order(struct walker *w, const struct md_order *list)
{
	for (const struct md_order *order = list; order; order = order->next) {
		put_byte(w, 1 + (unsigned)order->direction * 3 + (unsigned)order->nulls);
		put_str(w, order->relation);
		put_ref(w, &order->column);
	}
	put_byte(w, 0);
}

static void put_level(struct walker *w, const struct md_level *level);

static void put_embed(struct walker *w, const struct md_embed *embed)
{
	put_str(w, embed->relation);
	put_str(w, embed->alias);
	put_str(w, embed->hint);
	put_byte(w, (unsigned)embed->join << 1 | embed->spread);
	if (embed->legacy_name)
		w->walk->legacy_name = embed->relation;
	put_level(w, &embed->level);
}

static void put_select(struct walker *w, const struct md_select *list)
{
	for (const struct md_select *select = list; select; select = select->next) {
		put_byte(w, 1 + (unsigned)select->kind);
		put_str(w, select->alias);
		if (select->kind == MD_SELECT_EMBED) {
			put_embed(w, select->embed);
		} else if (select->kind == MD_SELECT_COLUMN) {
			put_ref(w, &select->column);
			put_str(w, select->cast);
			put_byte(w, select->aggregate);
			put_str(w, select->aggregate_cast);
		}
	}
	put_byte(w, 0);
}

static void put_level(struct walker *w, const struct md_level *level)
{
	if (w->walk->offset_count == sizeof(w->walk->offsets) / sizeof(w->walk->offsets[0]))
		w->full = true;
	else
		w->walk->offsets[w->walk->offset_count++] = level;
	if (level->has_limit && level->limit < 0)
		w->negative = "LIMIT";
	else if (level->has_offset && level->offset < 0)
		w->negative = "OFFSET";
	put_select(w, level->select);
	put_logic(w, level->where);
	put_order(w, level->order);
	put_byte(w, (unsigned)level->has_limit << 1 | level->has_offset);
	if (level->has_limit)
		put_i64(w, level->limit);
}

enum md_code md_plan_key(const struct md_plan_request *request, struct md_buf *key,
			 struct md_walk *ret_walk, struct md_error *err)
{
	struct walker w = { .key = key,
			    .walk = ret_walk,
			    .query = request->query,
			    .array_lists = request->array_lists };
	struct md_level root = request->query->root;

	ret_walk->filter_count = ret_walk->offset_count = 0;
	ret_walk->legacy_name = (struct md_str){ NULL, 0 };
	/* The root's limit and offset are those of the request, not of the tree: Range and
	 * db-max-rows count too. */
	root.has_limit = root.has_offset = false;
	put_i64(&w, (int64_t)(uintptr_t)request->model);
	put_byte(&w, request->count);
	put_i64(&w, request->count == MD_ROWS_BOTH ? request->count_limit : -1);
	put_byte(&w, (unsigned)request->lock << 6 | (unsigned)request->route << 4 |
			     (unsigned)request->strip_nulls << 3 |
			     (unsigned)request->has_limit << 2 |
			     (unsigned)request->has_offset << 1 | request->query->has_depth);
	put_i64(&w, request->has_limit ? request->limit : -1);
	put_i64(&w, request->query->has_depth ? request->query->depth : -1);
	put_str(&w, request->relationship);
	put_level(&w, &root);
	ret_walk->offsets[0] = &request->query->root;
	if (w.full)
		return md_fail(err, MD_TOO_LARGE, "MD414",
			       "too many filters or embedded resources in one request");
	if (w.negative)
		return md_fail(err, MD_INVALID, *w.negative == 'L' ? "2201W" : "2201X",
			       "%s must not be negative", w.negative);
	if (key->failed)
		return md_fail_nomem(err);
	return MD_OK;
}
