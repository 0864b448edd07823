/* What stands in a row is written first and looked at afterwards: a cell that needs quotes is moved
 * apart where it stands, so that no cell is kept anywhere else. */
#include "core/json/sink_csv.h"

#include "core/json/body_reader.h"
#include "core/json/codec.h"
#include "core/json/raw.h"

#include "core/base/banned.h"

/* One cell of the row; or, of a spread, the cells of another. */
struct column {
	const struct md_shape_item *item;
	const struct md_text_value *value;   /* an embedded row or rows; NULL: a plain cell */
	const struct md_csv_form *spread;    /* NULL: this is one cell */
	const struct md_text_columns *lists; /* … or a cell for each list */
};

struct md_csv_form {
	const struct column *columns;
	unsigned count;
	struct md_str header;
};

/* What makes quotes necessary, as in PostgreSQL's record_out(). */
static const bool special_table[256] = {
	['"'] = true,  ['\\'] = true, [','] = true,  ['('] = true,  [')'] = true, [' '] = true,
	['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true
};

/* Quote what stands behind `start`, where that is necessary. */
static bool quote(struct md_buf *out, size_t start)
{
	size_t len = out->len - start, quotes = 0;
	bool special = len == 0;
	char *from, *to;

	for (size_t i = start; i < out->len; i++) {
		special = special || special_table[(unsigned char)out->data[i]];
		quotes += out->data[i] == '"';
	}
	if (!special)
		return true;
	if (!md_buf_room(out, quotes + 2))
		return false;
	from = out->data + out->len;
	to = from + quotes + 2;
	*--to = '"';
	while (from > out->data + start) {
		*--to = *--from;
		if (*from == '"')
			*--to = '"';
	}
	out->data[start] = '"';
	md_buf_wrote(out, quotes + 2);
	return true;
}

/* ---- cells ---- */

/* As it is; what is no UTF-8 becomes U+FFFD, as in JSON. */
static bool put_text(struct md_buf *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t start = out->len, left = len, good, bad = 1;

	if (md_utf8_is_valid(text, len)) {
		md_buf_put(out, text, len);
		return !out->failed && quote(out, start);
	}
	for (; left > 0; p += good, left -= good) {
		good = md_raw_utf8(p, left, &bad);
		md_buf_put(out, good > 0 ? (const void *)p : "\xEF\xBF\xBD", good > 0 ? good : 3);
		good = good > 0 ? good : bad;
	}
	return !out->failed && quote(out, start);
}

/* NaN and infinity come with quotes. */
static bool put_real(struct md_buf *out, double value)
{
	char text[MD_RAW_NUMBER_ROOM];
	size_t len = (size_t)(md_raw_real(text, value) - text), quoted = *text == '"';

	md_buf_put(out, text + quoted, len - 2 * quoted);
	return !out->failed;
}

/* PostgreSQL has a blank where JSON has a T, and no minutes in a full hour's offset. */
static bool put_kept(struct md_buf *out, const struct md_value *cell)
{
	enum { ZONED = 32 };
	char text[MD_TIMESTAMP_ROOM];
	size_t len = md_kept_text(text, cell->text, cell->len);

	if (len == 0)
		return put_text(out, cell->text, cell->len);
	if (cell->len == ZONED && memcmp(text + len - 3, ":00", 3) == 0)
		len -= 3;
	if (len > 10 && text[10] == 'T')
		text[10] = ' ';
	return put_text(out, text, len);
}

static bool put_hex(struct md_buf *out, const struct md_value *cell)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = (const unsigned char *)cell->text;
	size_t size = 4 + 2 * (size_t)cell->len;
	char *p = md_buf_room(out, size);

	if (!p)
		return false;
	p = md_raw_literal(p, "\"\\x", 3);
	for (size_t i = 0; i < cell->len; i++) {
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	*p = '"';
	md_buf_wrote(out, size);
	return true;
}

/* The engine made JSON of what would be a text here. */
static bool put_made(struct md_buf *out, const struct md_value *cell)
{
	const char *inner = cell->text + 1;
	size_t start = out->len, len = cell->len;

	if (len < 2 || *cell->text != '"')
		return put_text(out, cell->text, len);
	if (!memchr(inner, '\\', len - 2))
		return put_text(out, inner, len - 2);
	md_json_put_plain(out, inner, len - 2);
	return !out->failed && quote(out, start);
}

static bool put_cell(struct md_buf *out, enum md_codec codec, const struct md_value *cell)
{
	switch (md_form_of(codec, cell)) {
	case MD_FORM_NULL:
		return true;
	case MD_FORM_INT:
	case MD_FORM_QUOTED_INT:
		md_buf_put_i64(out, cell->i);
		return !out->failed;
	case MD_FORM_REAL:
	case MD_FORM_QUOTED_REAL:
		return put_real(out, cell->r);
	case MD_FORM_FALSE:
	case MD_FORM_TRUE:
		md_buf_putc(out, md_form_of(codec, cell) == MD_FORM_TRUE ? 't' : 'f');
		return !out->failed;
	case MD_FORM_JSON:
		if (codec == MD_AS_JSON_MADE)
			return put_made(out, cell);
		return put_text(out, cell->text, cell->len);
	case MD_FORM_STRING:
	case MD_FORM_NUMBER:
	case MD_FORM_TIMESTAMP:
		return put_text(out, cell->text, cell->len);
	case MD_FORM_KEPT:
		return put_kept(out, cell);
	case MD_FORM_HEX:
		return put_hex(out, cell);
	}
	__builtin_unreachable();
}

/* An embedded row that is not there is NULL. */
static bool put_value(struct md_text_walk *walk, const struct md_text_value *value,
		      const struct md_value *cells)
{
	struct md_buf *out = walk->out;
	size_t start = out->len;

	if (!md_text_value_write(walk, value, cells))
		return false;
	if (out->len == start + 4 && memcmp(out->data + start, "null", 4) == 0) {
		out->len = start;
		return true;
	}
	return quote(out, start);
}

/* ---- rows ---- */

static bool write_cells(struct md_text_walk *walk, const struct md_csv_form *form,
			const struct md_value *cells);

/* A spread row is cells of this one; where there is none they are empty. Depth: that of select. */
static bool write_spread(struct md_text_walk *walk, const struct column *column,
			 const struct md_value *cells)
{
	const struct md_shape_item *item = column->item;
	struct md_rows *parent = walk->rows, *child;
	const struct md_value *row = NULL;
	bool ok;

	if (!cells)
		return write_cells(walk, column->spread, NULL);
	if (item->nest == MD_NEST_OBJECT)
		return write_cells(walk, column->spread,
				   cells[item->column].type == MD_NULL ? NULL : cells);
	if (md_walk_open(parent, item->call, walk->child_args, cells, &child, walk->err) != MD_OK)
		return false;
	walk->rows = child;
	switch (md_walk_next(child, &row, walk->err)) {
	case MD_STEP_ROW:
		ok = write_cells(walk, column->spread, row);
		break;
	case MD_STEP_END:
		ok = write_cells(walk, column->spread, NULL);
		break;
	case MD_STEP_WAIT:
	case MD_STEP_FAIL:
	default:
		ok = false;
		break;
	}
	walk->rows = parent;
	md_walk_close(child);
	return ok;
}

/* A cell for each list, in JSON. */
static bool write_lists(struct md_text_walk *walk, const struct md_text_columns *columns,
			const struct md_value *cells)
{
	struct md_buf *lists = cells ? md_text_columns_open(walk, columns) : NULL;
	bool ok = !cells || (lists && md_text_columns_collect(walk, columns, cells, lists));

	for (unsigned i = 0; ok && i < md_text_columns_count(columns); i++) {
		size_t start;

		if (i > 0)
			md_buf_putc(walk->out, ',');
		start = walk->out->len;
		if (!cells)
			continue;
		md_text_columns_put(walk->out, &lists[i]);
		ok = !walk->out->failed && quote(walk->out, start);
	}
	md_text_columns_close(columns, lists);
	return ok;
}

static bool write_column(struct md_text_walk *walk, const struct column *column,
			 const struct md_value *cells)
{
	if (column->lists)
		return write_lists(walk, column->lists, cells);
	if (column->spread)
		return write_spread(walk, column, cells);
	if (!cells)
		return true;
	if (column->value)
		return put_value(walk, column->value, cells);
	return put_cell(walk->out, column->item->codec, &cells[column->item->column]);
}

/* No cells: the row is not there. */
static bool write_cells(struct md_text_walk *walk, const struct md_csv_form *form,
			const struct md_value *cells)
{
	for (unsigned i = 0; i < form->count; i++) {
		if (i > 0)
			md_buf_putc(walk->out, ',');
		if (!write_column(walk, &form->columns[i], cells))
			return false;
	}
	return !walk->out->failed;
}

bool md_csv_write_row(struct md_text_walk *walk, const struct md_csv_form *form,
		      const struct md_value *cells)
{
	return write_cells(walk, form, cells);
}

/* ---- compiling ---- */

static const struct md_csv_form *compile(struct md_arena *arena, const struct md_shape *shape,
					 struct md_buf *header);

/* A key is "name": in JSON. */
static bool put_name(struct md_arena *arena, const struct md_shape_item *item,
		     struct md_buf *header)
{
	char *name = md_arena_alloc(arena, item->key_len);
	struct md_str text = { item->key + 1, item->key_len - 3 };

	if (!name)
		return false;
	if (header->len > 0)
		md_buf_putc(header, ',');
	text.len = md_json_unescape(name, text);
	return put_text(header, name, text.len);
}

static bool compile_lists(struct md_arena *arena, const struct md_shape_item *item,
			  struct md_buf *header, struct column *column)
{
	column->lists = md_text_columns_new(arena, item);
	if (!column->lists)
		return false;
	for (unsigned i = 0; i < md_text_columns_count(column->lists); i++)
		if (!put_name(arena, md_text_columns_item(column->lists, i), header))
			return false;
	return true;
}

static bool is_empty(const struct column *column)
{
	if (column->lists)
		return md_text_columns_count(column->lists) == 0;
	return column->spread && column->spread->count == 0;
}

static bool compile_column(struct md_arena *arena, const struct md_shape_item *item,
			   struct md_buf *header, struct column *column)
{
	*column = (struct column){ .item = item };
	if (!item->key && item->nest == MD_NEST_COLUMNS)
		return compile_lists(arena, item, header, column);
	if (!item->key) {
		column->spread = compile(arena, item->child, header);
		return column->spread != NULL;
	}
	if (!put_name(arena, item, header))
		return false;
	if (item->nest == MD_NEST_CELL)
		return true;
	column->value = md_text_value_new(arena, item);
	return column->value != NULL;
}

static const struct md_csv_form *compile(struct md_arena *arena, const struct md_shape *shape,
					 struct md_buf *header)
{
	struct md_csv_form *form = md_arena_zalloc(arena, sizeof(*form));
	struct column *columns = md_arena_alloc(arena, shape->count * sizeof(*columns));

	if (!form || !columns)
		return NULL;
	for (unsigned i = 0; i < shape->count; i++) {
		struct column *column = &columns[form->count];

		if (!compile_column(arena, &shape->items[i], header, column))
			return NULL;
		form->count += !is_empty(column);
	}
	form->columns = columns;
	return form;
}

const struct md_csv_form *md_csv_form_new(struct md_arena *arena, const struct md_shape *shape)
{
	enum { HEADER_MAX = 16 * 1024 * 1024 };
	md_auto_buf header = MD_BUF(HEADER_MAX);
	struct md_csv_form *form = md_arena_zalloc(arena, sizeof(*form));
	const struct md_csv_form *made = compile(arena, shape, &header);
	const char *text;

	md_buf_putc(&header, '\n');
	if (!form || !made || header.failed)
		return NULL;
	text = md_arena_strndup(arena, header.data, header.len);
	if (!text)
		return NULL;
	*form = *made;
	form->header = (struct md_str){ text, header.len };
	return form;
}

struct md_str md_csv_header(const struct md_csv_form *form)
{
	return form->header;
}
