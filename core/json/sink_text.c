/* A shape is compiled into ops when the sink is made: key, comma and brace in front of a value are
 * one text, and how the value is written is one function. The loop over a row then decides nothing
 * but what the cells themselves decide.
 *
 * Every member begins with a comma; the first one's becomes the brace. When null members are left
 * out, the first one is known only afterwards, and the comma is overwritten then. */
#include "core/json/sink_text.h"

#include <assert.h>
#include <stdlib.h>

#include "core/json/codec.h"
#include "core/json/raw.h"
#include "core/json/sink_csv.h"
#include "core/json/sink_nested.h"
#include "core/json/walk.h"
#include "core/json/write.h"

#include "core/base/banned.h"

enum { PREFIX_BLOCK = 16 /* prefixes are padded to this, so that they are copied in blocks */ };

struct plan;
struct op;

/* Write prefix and value. False: stop, the walk has failed. */
typedef bool op_fn(struct md_text_walk *walk, const struct op *op, const struct md_value *cells);
/* Write a value at p, where there is room; used when the buffer has none. */
typedef char *value_fn(char *p, const struct md_value *cell);

struct op {
	op_fn *write;
	const char *prefix; /* ,"key": or {"key": — padded */
	unsigned prefix_len, column;
	size_t room; /* for prefix and a number */
	const struct plan *plan;
	const struct md_shape_call *call;
};

struct plan {
	const struct op *ops;
	unsigned count;
	unsigned key_ops; /* ops that are written for a row met again */
	bool strip;
	const struct md_shape *shape;
	const struct md_csv_form *csv;         /* of a row of CSV, and then nothing else is set */
	const struct md_text_columns *columns; /* of lists: `ops` are their keys only */
	bool (*write)(struct md_text_walk *walk, const struct plan *plan,
		      const struct md_value *cells);
};

struct md_text_form {
	struct plan plan; /* of the root */
};

struct md_text_sink {
	struct md_text_sink_options options;
	const struct plan *plan;
	uint64_t rows;
	struct md_str header; /* in front of the first row */
	char separator;
	bool open;
};

/* ---- cells ---- */

static char *put_quoted_real(char *p, double value)
{
	char *start = p, *end = md_raw_real(p, value);

	if (*start == '"')
		return end;
	memmove(start + 1, start, (size_t)(end - start));
	*start = '"';
	end[1] = '"';
	return end + 2;
}

static char *put_timestamp(char *p, const struct md_value *cell)
{
	char text[MD_TIMESTAMP_ROOM];
	size_t len = md_timestamp_text(text, cell->text, cell->len);

	return len > 0 ? md_raw_string(p, text, len) : md_raw_string(p, cell->text, cell->len);
}

static char *put_kept(char *p, const struct md_value *cell)
{
	char text[MD_TIMESTAMP_ROOM];
	size_t len = md_kept_text(text, cell->text, cell->len);

	return len > 0 ? md_raw_string(p, text, len) : md_raw_string(p, cell->text, cell->len);
}

static inline __attribute__((always_inline)) char *put_cell(char *p, enum md_codec codec,
							    const struct md_value *cell)
{
	switch (md_form_of(codec, cell)) {
	case MD_FORM_NULL:
		return md_raw_literal(p, "null", 4);
	case MD_FORM_INT:
		return md_raw_i64(p, cell->i);
	case MD_FORM_REAL:
		return md_raw_real(p, cell->r);
	case MD_FORM_QUOTED_INT:
		*p = '"';
		p = md_raw_i64(p + 1, cell->i);
		*p = '"';
		return p + 1;
	case MD_FORM_QUOTED_REAL:
		return put_quoted_real(p, cell->r);
	case MD_FORM_FALSE:
		return md_raw_literal(p, "false", 5);
	case MD_FORM_TRUE:
		return md_raw_literal(p, "true", 4);
	case MD_FORM_STRING:
		return md_raw_string(p, cell->text, cell->len);
	case MD_FORM_NUMBER:
	case MD_FORM_JSON:
		return md_raw_literal(p, cell->text, cell->len);
	case MD_FORM_TIMESTAMP:
		return put_timestamp(p, cell);
	case MD_FORM_KEPT:
		return put_kept(p, cell);
	case MD_FORM_HEX:
		return md_raw_hex(p, cell->text, cell->len);
	}
	__builtin_unreachable();
}

static inline char *put_prefix(char *p, const struct op *op)
{
	memcpy(p, op->prefix, PREFIX_BLOCK);
	if (__builtin_expect(op->prefix_len > PREFIX_BLOCK, 0))
		memcpy(p + PREFIX_BLOCK, op->prefix + PREFIX_BLOCK, op->prefix_len - PREFIX_BLOCK);
	return p + op->prefix_len;
}

static inline size_t cell_room(const struct op *op, const struct md_value *cell)
{
	bool has_text = cell->type == MD_TEXT || cell->type == MD_BLOB;

	return op->room + (has_text ? md_raw_text_room(cell->len) : 0);
}

/* The buffer has no room for the worst case: grow it, or write beside it and append. */
static bool write_crowded(struct md_buf *out, const struct op *op, const struct md_value *cell,
			  value_fn *put)
{
	size_t room = cell_room(op, cell);
	char *p;

	if (md_raw_reserve(out, room)) {
		p = put(put_prefix(out->data + out->len, op), cell);
		out->len = (size_t)(p - out->data);
		return true;
	}
	p = out->failed ? NULL : malloc(room);
	if (!p) {
		out->failed = true;
		return false;
	}
	md_buf_put(out, p, (size_t)(put(put_prefix(p, op), cell) - p));
	free(p);
	return !out->failed;
}

static inline __attribute__((always_inline)) bool write_cell(struct md_text_walk *walk,
							     const struct op *op,
							     const struct md_value *cells,
							     enum md_codec codec, value_fn *put)
{
	const struct md_value *cell = &cells[op->column];
	struct md_buf *out = walk->out;
	char *p;

	if (__builtin_expect(out->cap - out->len < cell_room(op, cell), 0))
		return write_crowded(out, op, cell, put);
	p = put_cell(put_prefix(out->data + out->len, op), codec, cell);
	out->len = (size_t)(p - out->data);
	return true;
}

#define CELL_WRITER(name, codec)                                                 \
	static char *put_##name##_cell(char *p, const struct md_value *cell)     \
	{                                                                        \
		return put_cell(p, codec, cell);                                 \
	}                                                                        \
	static bool write_##name(struct md_text_walk *walk, const struct op *op, \
				 const struct md_value *cells)                   \
	{                                                                        \
		return write_cell(walk, op, cells, codec, put_##name##_cell);    \
	}
CELL_WRITER(any, MD_AS_ANY)
CELL_WRITER(string, MD_AS_STRING)
CELL_WRITER(text, MD_AS_TEXT)
CELL_WRITER(number_text, MD_AS_NUMBER_TEXT)
CELL_WRITER(bool, MD_AS_BOOL)
CELL_WRITER(json, MD_AS_JSON)
CELL_WRITER(json_checked, MD_AS_JSON_CHECKED)
CELL_WRITER(json_made, MD_AS_JSON_MADE)
CELL_WRITER(timestamp, MD_AS_TIMESTAMP)
CELL_WRITER(kept, MD_AS_KEPT)

static op_fn *const cell_writers[] = {
	[MD_AS_ANY] = write_any,
	[MD_AS_STRING] = write_string,
	[MD_AS_TEXT] = write_text,
	[MD_AS_NUMBER_TEXT] = write_number_text,
	[MD_AS_BOOL] = write_bool,
	[MD_AS_JSON] = write_json,
	[MD_AS_JSON_CHECKED] = write_json_checked,
	[MD_AS_JSON_MADE] = write_json_made,
	[MD_AS_TIMESTAMP] = write_timestamp,
	[MD_AS_KEPT] = write_kept,
};

/* ---- rows ---- */

static inline bool put(struct md_text_walk *walk, const char *text, size_t len)
{
	md_buf_put(walk->out, text, len);
	return !walk->out->failed;
}

static inline bool put_key(struct md_text_walk *walk, const struct op *op)
{
	return put(walk, op->prefix, op->prefix_len);
}

static inline bool write_ops(struct md_text_walk *walk, const struct op *ops, unsigned count,
			     const struct md_value *cells)
{
	for (const struct op *op = ops; op < ops + count; op++)
		if (!op->write(walk, op, cells))
			return false;
	return true;
}

static bool write_members(struct md_text_walk *walk, const struct plan *plan,
			  const struct md_value *cells)
{
	return write_ops(walk, plan->ops, plan->count, cells) && put(walk, "}", 1);
}

static bool write_nothing(struct md_text_walk *walk, const struct plan *plan,
			  const struct md_value *cells)
{
	(void)plan;
	(void)cells;
	return put(walk, "{}", 2);
}

static bool is_null_member(const struct md_buf *out, size_t start, const struct op *op)
{
	return out->len == start + op->prefix_len + 4 &&
	       memcmp(out->data + out->len - 4, "null", 4) == 0;
}

/* Values that are JSON themselves lose theirs, too: cells, and lists of cells. */
static void strip_inside(struct md_buf *out, size_t start, const struct op *op)
{
	size_t from = start + op->prefix_len;
	bool lists = op->plan && op->plan->columns;

	if (lists || (!op->plan && (out->data[from] == '{' || out->data[from] == '[')))
		out->len = from + md_json_strip_nulls(out->data + from, out->len - from);
}

static bool write_stripped_ops(struct md_text_walk *walk, const struct op *ops, unsigned count,
			       const struct md_value *cells)
{
	for (const struct op *op = ops; op < ops + count; op++) {
		size_t start = walk->out->len;

		if (!op->write(walk, op, cells))
			return false;
		if (is_null_member(walk->out, start, op))
			walk->out->len = start;
		else
			strip_inside(walk->out, start, op);
	}
	return true;
}

static bool close_stripped(struct md_text_walk *walk, size_t start)
{
	if (walk->out->len == start)
		return put(walk, "{}", 2);
	walk->out->data[start] = '{';
	return put(walk, "}", 1);
}

static bool write_stripped(struct md_text_walk *walk, const struct plan *plan,
			   const struct md_value *cells)
{
	size_t start = walk->out->len;

	return write_stripped_ops(walk, plan->ops, plan->count, cells) &&
	       close_stripped(walk, start);
}

/* A row of a shape with a cycle check: in full the first time, only its key when it is met again
 * below itself. */
static bool write_once(struct md_text_walk *walk, const struct plan *plan,
		       const struct md_value *cells)
{
	struct md_walk_path here = { walk->path, plan->shape, cells };
	unsigned count = plan->count;
	size_t start = walk->out->len;
	bool ok;

	if (md_walk_is_on_path(walk->path, plan->shape, cells))
		count = plan->key_ops;
	walk->path = &here;
	ok = plan->strip ? write_stripped_ops(walk, plan->ops, count, cells)
			 : write_ops(walk, plan->ops, count, cells);
	walk->path = here.up;
	if (!ok)
		return false;
	if (plan->strip)
		return close_stripped(walk, start);
	return count > 0 ? put(walk, "}", 1) : put(walk, "{}", 2);
}

/* ---- nested ---- */

static bool write_object(struct md_text_walk *walk, const struct op *op,
			 const struct md_value *cells)
{
	if (!put_key(walk, op))
		return false;
	if (cells[op->column].type == MD_NULL)
		return put(walk, "null", 4);
	return op->plan->write(walk, op->plan, cells);
}

/* Run the op's child statement and write its first row or all of them by `each`. */
static bool
write_child(struct md_text_walk *walk, const struct op *op, const struct md_value *cells,
	    bool (*each)(struct md_text_walk *walk, const struct op *op, struct md_rows *child))
{
	struct md_rows *parent = walk->rows, *child;
	bool ok;

	if (md_walk_open(parent, op->call, walk->child_args, cells, &child, walk->err) != MD_OK)
		return false;
	walk->rows = child;
	ok = each(walk, op, child);
	walk->rows = parent;
	md_walk_close(child);
	return ok;
}

static bool write_all_rows(struct md_text_walk *walk, const struct op *op, struct md_rows *child)
{
	const struct md_value *cells;
	enum md_step step;

	for (bool first = true; (step = md_walk_next(child, &cells, walk->err)) == MD_STEP_ROW;
	     first = false) {
		if (!first && !put(walk, ",", 1))
			return false;
		if (!op->plan->write(walk, op->plan, cells))
			return false;
	}
	return step == MD_STEP_END;
}

static bool write_array(struct md_text_walk *walk, const struct op *op,
			const struct md_value *cells)
{
	return put_key(walk, op) && put(walk, "[", 1) &&
	       write_child(walk, op, cells, write_all_rows) && put(walk, "]", 1);
}

static bool write_first_row(struct md_text_walk *walk, const struct op *op, struct md_rows *child)
{
	const struct md_value *cells;

	switch (md_walk_next(child, &cells, walk->err)) {
	case MD_STEP_ROW:
		return op->plan->write(walk, op->plan, cells);
	case MD_STEP_END:
		return put(walk, "null", 4);
	case MD_STEP_WAIT:
	case MD_STEP_FAIL:
		break;
	}
	return false;
}

static bool write_row(struct md_text_walk *walk, const struct op *op, const struct md_value *cells)
{
	return put_key(walk, op) && write_child(walk, op, cells, write_first_row);
}

/* ---- spread: the members of another row in place; their plan goes on in the outer object ---- */

static op_fn write_spread_object, write_spread_row;

/* What stands there without a key. */
static bool is_spread(const struct op *op)
{
	return op->write == write_spread_object || op->write == write_spread_row ||
	       (op->plan && op->plan->columns);
}

static bool write_absent(struct md_text_walk *walk, const struct plan *plan)
{
	for (const struct op *op = plan->ops; op < plan->ops + plan->count; op++) {
		if (is_spread(op) ? !write_absent(walk, op->plan)
				  : !put_key(walk, op) || !put(walk, "null", 4))
			return false;
	}
	return true;
}

static bool write_present(struct md_text_walk *walk, const struct plan *plan,
			  const struct md_value *cells)
{
	if (plan->strip)
		return write_stripped_ops(walk, plan->ops, plan->count, cells);
	return write_ops(walk, plan->ops, plan->count, cells);
}

static bool write_maybe(struct md_text_walk *walk, const struct plan *plan,
			const struct md_value *cells)
{
	if (cells)
		return write_present(walk, plan, cells);
	return plan->strip || write_absent(walk, plan);
}

static bool write_spread_object(struct md_text_walk *walk, const struct op *op,
				const struct md_value *cells)
{
	return write_maybe(walk, op->plan, cells[op->column].type == MD_NULL ? NULL : cells);
}

static bool spread_first_row(struct md_text_walk *walk, const struct op *op, struct md_rows *child)
{
	const struct md_value *cells = NULL;
	enum md_step step = md_walk_next(child, &cells, walk->err);

	if (step == MD_STEP_FAIL)
		return false;
	return write_maybe(walk, op->plan, step == MD_STEP_ROW ? cells : NULL);
}

static bool write_spread_row(struct md_text_walk *walk, const struct op *op,
			     const struct md_value *cells)
{
	return write_child(walk, op, cells, spread_first_row);
}

static bool write_columns(struct md_text_walk *walk, const struct op *op,
			  const struct md_value *cells)
{
	const struct plan *plan = op->plan;
	struct md_buf *lists = md_text_columns_open(walk, plan->columns);
	bool ok = lists && md_text_columns_collect(walk, plan->columns, cells, lists);

	for (unsigned i = 0; ok && i < plan->count; i++) {
		ok = put_key(walk, &plan->ops[i]);
		md_text_columns_put(walk->out, &lists[i]);
	}
	md_text_columns_close(plan->columns, lists);
	return ok && !walk->out->failed;
}

/* ---- compiling ---- */

struct compiler {
	struct md_arena *arena;
	bool strip;  /* of the object that is being compiled */
	bool opened; /* it has a member already: the next one begins with a comma */
};

static bool compile_prefix(struct compiler *compiler, const struct md_shape_item *item,
			   struct op *op)
{
	size_t len = 1 + (size_t)item->key_len;
	size_t padded = (len + PREFIX_BLOCK - 1) / PREFIX_BLOCK * PREFIX_BLOCK;
	char *prefix = md_arena_zalloc(compiler->arena, padded);

	if (!prefix)
		return false;
	prefix[0] = compiler->opened || compiler->strip ? ',' : '{';
	memcpy(prefix + 1, item->key, item->key_len);
	compiler->opened = true;
	op->prefix = prefix;
	op->prefix_len = (unsigned)len;
	op->room = padded + MD_RAW_NUMBER_ROOM;
	return true;
}

static bool compile_ops(struct compiler *compiler, const struct md_shape *shape, struct plan *plan);

/* The plan of an object of its own. */
static bool compile_object(struct md_arena *arena, const struct md_shape *shape, struct plan *plan)
{
	struct compiler compiler = { arena, shape->strip_nulls, false };

	if (!compile_ops(&compiler, shape, plan))
		return false;
	if (!compiler.opened)
		plan->count = 0;
	if (shape->cycle)
		plan->write = write_once;
	else if (shape->strip_nulls)
		plan->write = write_stripped;
	else
		plan->write = plan->count > 0 ? write_members : write_nothing;
	return true;
}

static const struct plan *compile_nested(struct md_arena *arena, const struct md_shape *shape)
{
	struct plan *plan = md_arena_zalloc(arena, sizeof(*plan));

	return plan && compile_object(arena, shape, plan) ? plan : NULL;
}

static const struct plan *compile_spread(struct compiler *compiler, const struct md_shape *shape)
{
	struct plan *plan = md_arena_zalloc(compiler->arena, sizeof(*plan));

	return plan && compile_ops(compiler, shape, plan) ? plan : NULL;
}

/* The keys of the lists. */
static const struct plan *compile_columns(struct compiler *compiler,
					  const struct md_shape_item *item)
{
	struct plan *plan = md_arena_zalloc(compiler->arena, sizeof(*plan));
	const struct md_text_columns *columns = md_text_columns_new(compiler->arena, item);
	struct op *ops;

	if (!plan || !columns)
		return NULL;
	plan->columns = columns;
	plan->count = md_text_columns_count(columns);
	ops = md_arena_zalloc(compiler->arena, plan->count * sizeof(*ops));
	if (!ops)
		return NULL;
	for (unsigned i = 0; i < plan->count; i++)
		if (!compile_prefix(compiler, md_text_columns_item(columns, i), &ops[i]))
			return NULL;
	plan->ops = ops;
	return plan;
}

static bool compile_op(struct compiler *compiler, const struct md_shape_item *item, struct op *op)
{
	static op_fn *const nested[] = {
		[MD_NEST_OBJECT] = write_object,
		[MD_NEST_ROW] = write_row,
		[MD_NEST_ARRAY] = write_array,
	};

	*op = (struct op){ .column = item->column, .call = item->call };
	if (!item->key && item->nest == MD_NEST_COLUMNS) {
		op->write = write_columns;
		op->plan = compile_columns(compiler, item);
		return op->plan != NULL;
	}
	if (!item->key) {
		assert(item->nest == MD_NEST_OBJECT || item->nest == MD_NEST_ROW);
		op->write = item->nest == MD_NEST_ROW ? write_spread_row : write_spread_object;
		op->plan = compile_spread(compiler, item->child);
		return op->plan != NULL;
	}
	if (!compile_prefix(compiler, item, op))
		return false;
	if (item->nest == MD_NEST_CELL) {
		op->write = cell_writers[item->codec];
		return true;
	}
	op->write = nested[item->nest];
	op->plan = compile_nested(compiler->arena, item->child);
	return op->plan != NULL;
}

static bool compile_ops(struct compiler *compiler, const struct md_shape *shape, struct plan *plan)
{
	struct op *ops = md_arena_alloc(compiler->arena, shape->count * sizeof(*ops));

	if (!ops)
		return false;
	for (unsigned i = 0; i < shape->count; i++)
		if (!compile_op(compiler, &shape->items[i], &ops[i]))
			return false;
	plan->ops = ops;
	plan->count = shape->count;
	plan->key_ops = shape->cycle ? shape->cycle->key_count : 0;
	plan->strip = compiler->strip;
	plan->shape = shape;
	return true;
}

const struct md_text_form *md_text_form_new(struct md_arena *arena, const struct md_shape *shape)
{
	struct md_text_form *form = md_arena_zalloc(arena, sizeof(*form));

	return form && compile_object(arena, shape, &form->plan) ? form : NULL;
}

/* ---- one value of it ---- */

struct md_text_value {
	struct op op;
};

const struct md_text_value *md_text_value_new(struct md_arena *arena,
					      const struct md_shape_item *item)
{
	struct compiler compiler = { arena, false, false };
	struct md_text_value *value = md_arena_zalloc(arena, sizeof(*value));

	if (!value || !compile_op(&compiler, item, &value->op))
		return NULL;
	value->op.prefix_len = 0;
	return value;
}

bool md_text_value_write(struct md_text_walk *walk, const struct md_text_value *value,
			 const struct md_value *cells)
{
	return value->op.write(walk, &value->op, cells);
}

/* ---- CSV ---- */

static bool write_csv(struct md_text_walk *walk, const struct plan *plan,
		      const struct md_value *cells)
{
	return md_csv_write_row(walk, plan->csv, cells);
}

static const struct md_text_form *csv_form_new(struct md_arena *arena, const struct md_shape *shape)
{
	struct md_text_form *form = md_arena_zalloc(arena, sizeof(*form));
	const struct md_csv_form *csv = md_csv_form_new(arena, shape);

	if (!form || !csv)
		return NULL;
	form->plan.csv = csv;
	form->plan.write = write_csv;
	return form;
}

/* ---- feeding ---- */

struct md_text_sink *md_text_sink_new(struct md_arena *arena, const struct md_shape *shape,
				      const struct md_text_sink_options *options)
{
	struct md_text_sink *sink = md_arena_zalloc(arena, sizeof(*sink));
	const struct md_text_form *form = options->form;
	bool csv = options->frame == MD_FRAME_CSV;

	if (csv)
		form = csv_form_new(arena, shape);
	else if (sink && !form)
		form = md_text_form_new(arena, shape);
	if (!sink || !form)
		return NULL;
	sink->options = *options;
	sink->plan = &form->plan;
	sink->separator = csv || options->frame == MD_FRAME_LINES ? '\n' : ',';
	if (csv)
		sink->header = md_csv_header(form->plan.csv);
	return sink;
}

static enum md_sink fail(const struct md_buf *out, struct md_error *err)
{
	if (out->no_memory)
		md_fail_nomem(err);
	else if (out->failed)
		md_fail(err, MD_TOO_LARGE, "54000", "the answer is too large");
	return MD_SINK_FAIL;
}

/* Stored JSON may have line breaks between its tokens; inside of them there are none. */
static void keep_line(char *row, size_t len)
{
	for (char *p = row; (p = memchr(p, '\n', len - (size_t)(p - row))); p++)
		*p = ' ';
	for (char *p = row; (p = memchr(p, '\r', len - (size_t)(p - row))); p++)
		*p = ' ';
}

/* Of an object frame only the first row is written; the others are counted. */
static bool write_root(struct md_text_sink *sink, struct md_text_walk *walk,
		       const struct md_value *cells)
{
	size_t start;

	if (sink->rows > 0) {
		if (sink->options.frame == MD_FRAME_OBJECT)
			return true;
		if (!put(walk, &sink->separator, 1))
			return false;
	} else if (!put(walk, sink->header.ptr, sink->header.len)) {
		return false;
	}
	start = walk->out->len;
	if (!sink->plan->write(walk, sink->plan, cells))
		return false;
	if (sink->options.frame == MD_FRAME_LINES)
		keep_line(walk->out->data + start, walk->out->len - start);
	return true;
}

static enum md_sink write_rows(struct md_text_sink *sink, struct md_text_walk *walk)
{
	struct md_rows *rows = walk->rows;
	const struct md_value *cells;

	for (;;) {
		switch (rows->next(rows, &cells, walk->err)) {
		case MD_STEP_ROW:
			if (!write_root(sink, walk, cells))
				return MD_SINK_FAIL;
			sink->rows++;
			if (walk->out->len >= sink->options.piece)
				return MD_SINK_FULL;
			continue;
		case MD_STEP_END:
			return MD_SINK_DONE;
		case MD_STEP_WAIT:
			return MD_SINK_WAIT;
		case MD_STEP_FAIL:
			break;
		}
		return MD_SINK_FAIL;
	}
}

enum md_sink md_text_sink_feed(struct md_text_sink *sink, struct md_rows *rows, struct md_buf *out,
			       struct md_error *err)
{
	struct md_text_walk walk = { out, rows, sink->options.child_args, NULL, err };
	bool array = sink->options.frame == MD_FRAME_ARRAY;
	enum md_sink result;

	if (array && !sink->open && !put(&walk, "[", 1))
		return fail(out, err);
	sink->open = true;
	result = write_rows(sink, &walk);
	if (result == MD_SINK_FAIL)
		return fail(out, err);
	if (result == MD_SINK_DONE && array && !put(&walk, "]", 1))
		return fail(out, err);
	return result;
}

void md_text_sink_finish(const struct md_text_sink *sink, struct md_buf *out)
{
	bool wanted = sink->options.frame == MD_FRAME_CSV ? sink->rows == 0 : sink->rows > 0;

	if (sink->separator == '\n' && wanted)
		md_buf_putc(out, '\n');
}

uint64_t md_text_sink_rows(const struct md_text_sink *sink)
{
	return sink->rows;
}

void md_text_sink_set_piece(struct md_text_sink *sink, size_t piece)
{
	sink->options.piece = piece;
}

void md_text_sink_reset(struct md_text_sink *sink)
{
	sink->rows = 0;
	sink->open = false;
}

const char *md_shape_key(struct md_arena *arena, const char *name, size_t len, unsigned *ret_len)
{
	md_auto_buf text;
	char *key;

	md_buf_init(&text, UINT32_MAX);
	md_json_write_string(&text, name, len);
	md_buf_putc(&text, ':');
	if (text.failed)
		return NULL;
	key = md_arena_strndup(arena, text.data, text.len);
	if (key)
		*ret_len = (unsigned)text.len;
	return key;
}
