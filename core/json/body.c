#include "core/json/body.h"

#include <stdlib.h>

#include "core/json/body_reader.h"
#include "core/json/write.h"

#include "core/base/banned.h"

enum { FEW_NAMES = 16 };

static const struct md_body_reader *const readers[] = {
	[MD_BODY_JSON] = &md_body_json,
	[MD_BODY_CSV] = &md_body_csv,
	[MD_BODY_FORM] = &md_body_form,
	[MD_BODY_LINES] = &md_body_lines,
};

enum md_code md_fence_too_large(struct md_fence *fence, size_t limit, const char *of_what)
{
	return md_fail(fence->err, MD_TOO_LARGE, "MD413", "the request body has more than %zu %s",
		       limit, of_what);
}

enum md_code md_fence_invalid(struct md_fence *fence, const char *message)
{
	return md_fail(fence->err, MD_INVALID, "PGRST102", "%s", message);
}

enum md_code md_fence_twice(struct md_fence *fence, struct md_str name)
{
	return md_fail(fence->err, MD_INVALID, "PGRST102", "The key \"%.*s\" is given twice",
		       MD_STR_ARG(name));
}

enum md_code md_fence_nul(struct md_fence *fence)
{
	md_fail(fence->err, MD_INVALID, "22P05", "unsupported Unicode escape sequence");
	md_error_details(fence->err, "\\u0000 cannot be converted to text.");
	return MD_INVALID;
}

enum md_code md_fence_text(struct md_fence *fence, struct md_str text)
{
	if (!md_utf8_is_valid(text.ptr, text.len))
		return md_fail(fence->err, MD_INVALID, "22021",
			       "invalid byte sequence for encoding \"UTF8\"");
	return text.len > 0 && memchr(text.ptr, 0, text.len) ? md_fence_nul(fence) : MD_OK;
}

enum md_code md_fence_node(struct md_fence *fence)
{
	if (fence->nodes == fence->limits->nodes)
		return md_fence_too_large(fence, fence->limits->nodes, "values");
	fence->nodes++;
	return MD_OK;
}

enum md_code md_fence_row(struct md_fence *fence)
{
	if (fence->body->rows == fence->limits->rows)
		return md_fence_too_large(fence, fence->limits->rows, "rows");
	fence->body->rows++;
	return MD_OK;
}

int md_body_compare(struct md_str a, struct md_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
	const struct md_body_name *left = a, *right = b;

	return md_body_compare(left->name, right->name);
}

/* Rows have few columns as a rule: there insertion costs a third of qsort(). */
static void sort_names(struct md_body_name *names, unsigned count)
{
	if (count > FEW_NAMES) {
		qsort(names, count, sizeof(*names), by_name);
		return;
	}
	for (unsigned i = 1; i < count; i++) {
		struct md_body_name name = names[i];
		unsigned at = i;

		for (; at > 0 && md_body_compare(name.name, names[at - 1].name) < 0; at--)
			names[at] = names[at - 1];
		names[at] = name;
	}
}

/* Only the names of the columns remain in the table; given ones were there before. */
static enum md_code take_columns(struct md_fence *fence, const struct md_body_name *names,
				 unsigned count)
{
	struct md_body *body = fence->body;
	struct md_str *columns = md_arena_alloc(fence->arena, count * sizeof(*columns));

	if (!columns)
		return md_fail_nomem(fence->err);
	for (unsigned i = 0; i < count; i++)
		columns[i] = names[i].name;
	body->columns = columns;
	body->column_count = count;
	body->names = names;
	return MD_OK;
}

/* `names` are sorted; each leads to its key first, and to its column in the end. */
static enum md_code place_keys(struct md_fence *fence, struct md_body_key *keys,
			       struct md_body_name *names, unsigned count)
{
	struct md_body *body = fence->body;

	for (unsigned i = 1; i < count; i++)
		if (md_str_equal(names[i - 1].name, names[i].name))
			return md_fence_twice(fence, names[i].name);
	if (body->is_given) {
		for (unsigned i = 0; i < count; i++)
			keys[i].column = md_body_column(body, keys[i].name);
		return MD_OK;
	}
	for (unsigned i = 0; i < count; i++) {
		keys[names[i].column].column = i;
		names[i].column = i;
	}
	return take_columns(fence, names, count);
}

enum md_code md_fence_learn(struct md_fence *fence, const struct md_body_key *keys, unsigned count)
{
	struct md_body_name *names = md_arena_alloc(fence->arena, count * sizeof(*names));
	struct md_body_key *copy = md_arena_alloc(fence->arena, count * sizeof(*copy));

	if (!names || !copy)
		return md_fail_nomem(fence->err);
	for (unsigned i = 0; i < count; i++) {
		copy[i] = keys[i];
		names[i] = (struct md_body_name){ keys[i].name, i };
	}
	sort_names(names, count);
	fence->body->keys = copy;
	fence->body->key_count = count;
	return place_keys(fence, copy, names, count);
}

unsigned md_body_column(const struct md_body *body, struct md_str name)
{
	unsigned low = 0, high = body->column_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = md_body_compare(name, body->names[middle].name);

		if (order == 0)
			return body->names[middle].column;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return MD_NO_COLUMN;
}

static enum md_code take_given(struct md_fence *fence, const struct md_str *columns, unsigned count)
{
	struct md_body_name *names = md_arena_alloc(fence->arena, count * sizeof(*names));

	if (!names)
		return md_fail_nomem(fence->err);
	for (unsigned i = 0; i < count; i++)
		names[i] = (struct md_body_name){ columns[i], i };
	sort_names(names, count);
	fence->body->columns = columns;
	fence->body->column_count = count;
	fence->body->names = names;
	fence->body->is_given = true;
	return MD_OK;
}

enum md_code md_body_open(struct md_arena *arena, enum md_body_kind kind, struct md_str text,
			  const struct md_body_limits *limits, const struct md_str *columns,
			  unsigned column_count, const struct md_body **ret_body,
			  struct md_error *err)
{
	struct md_body *body = md_arena_zalloc(arena, sizeof(*body));
	struct md_fence fence = { .arena = arena, .limits = limits, .body = body, .err = err };
	enum md_code code;

	if (!body)
		return md_fail_nomem(err);
	if (text.len > limits->size)
		return md_fence_too_large(&fence, limits->size, "bytes");
	body->reader = readers[kind];
	body->text = text.ptr ? text : MD_STR("");
	if (columns) {
		code = take_given(&fence, columns, column_count);
		if (code != MD_OK)
			return code;
	}
	code = body->reader->check(&fence);
	if (code == MD_OK)
		*ret_body = body;
	return code;
}

const struct md_str *md_body_columns(const struct md_body *body, unsigned *ret_count)
{
	*ret_count = body->column_count;
	return body->columns;
}

struct md_str md_body_json_text(const struct md_body *body)
{
	bool given = body->reader == &md_body_json && body->rows > 0;

	return given ? body->text : (struct md_str){ NULL, 0 };
}

size_t md_body_rows(const struct md_body *body)
{
	return body->rows;
}

bool md_body_is_array(const struct md_body *body)
{
	return body->is_array;
}

size_t md_body_scratch(const struct md_body *body)
{
	return body->scratch;
}

void md_body_rewind(struct md_body_cursor *cursor, const struct md_body *body, char *scratch)
{
	*cursor = (struct md_body_cursor){ body, body->first, scratch, 0 };
}

bool md_body_next(struct md_body_cursor *cursor, struct md_body_cell *cells)
{
	const struct md_body *body = cursor->body;

	if (cursor->row == body->rows)
		return false;
	for (unsigned i = 0; i < body->column_count; i++)
		cells[i].kind = MD_CELL_ABSENT;
	cursor->at = body->reader->read(body, cursor->at, cursor->scratch, cells);
	cursor->row++;
	return true;
}

void md_body_cell_put(const struct md_body_cell *cell, struct md_buf *out)
{
	switch (cell->kind) {
	case MD_CELL_ABSENT:
	case MD_CELL_NULL:
		md_buf_puts(out, "null");
		break;
	case MD_CELL_BOOL:
		md_buf_puts(out, cell->truth ? "true" : "false");
		break;
	case MD_CELL_NUMBER:
	case MD_CELL_JSON:
		md_buf_putstr(out, cell->text);
		break;
	case MD_CELL_STRING:
		md_json_write_string(out, cell->text.ptr, cell->text.len);
		break;
	}
}
