/* Bodies as text, for tests: open one, read its rows (twice, which must give the same) and show
 * them as "column column\ncell|cell\n…". Cells: - absent, null, true, false, #number, 'string',
 * json. A refused body is shown as "wire message" or "wire message (details)". */
#ifndef MD_TESTS_UNIT_BODY_H
#define MD_TESTS_UNIT_BODY_H
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/json/body.h"

static const struct md_body_limits no_limits = {
	.size = 1u << 30,
	.string = 1u << 30,
	.number = 1u << 30,
	.depth = 64,
	.nodes = 1u << 30,
	.keys = 1u << 30,
	.rows = 1u << 30,
};

static inline void show_cell(struct md_buf *out, const struct md_body_cell *cell)
{
	switch (cell->kind) {
	case MD_CELL_ABSENT:
		md_buf_putc(out, '-');
		break;
	case MD_CELL_NULL:
		md_buf_puts(out, "null");
		break;
	case MD_CELL_BOOL:
		md_buf_puts(out, cell->truth ? "true" : "false");
		break;
	case MD_CELL_NUMBER:
		md_buf_putc(out, '#');
		md_buf_putstr(out, cell->text);
		break;
	case MD_CELL_STRING:
		md_buf_putc(out, '\'');
		md_buf_putstr(out, cell->text);
		md_buf_putc(out, '\'');
		break;
	case MD_CELL_JSON:
		md_buf_putstr(out, cell->text);
		break;
	}
}

static inline void show_rows(struct md_buf *out, const struct md_body *body, char *scratch)
{
	struct md_body_cursor cursor;
	struct md_body_cell *cells;
	unsigned count;

	md_body_columns(body, &count);
	cells = malloc((count > 0 ? count : 1) * sizeof(*cells));
	if (!cells)
		abort();
	md_body_rewind(&cursor, body, scratch);
	while (md_body_next(&cursor, cells)) {
		md_buf_putc(out, '\n');
		for (unsigned i = 0; i < count; i++) {
			if (i > 0)
				md_buf_putc(out, '|');
			show_cell(out, &cells[i]);
		}
	}
	if (md_body_next(&cursor, cells))
		abort();
	free(cells);
}

static inline void show_body(struct md_buf *out, const struct md_body *body)
{
	size_t need = md_body_scratch(body);
	char *scratch = need > 0 ? malloc(need) : NULL;
	const struct md_str *columns;
	struct md_buf again;
	unsigned count;

	columns = md_body_columns(body, &count);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			md_buf_putc(out, ' ');
		md_buf_putstr(out, columns[i]);
	}
	md_buf_init(&again, out->max);
	show_rows(&again, body, scratch);
	md_buf_clear(&again);
	show_rows(&again, body, scratch);
	md_buf_put(out, again.data, again.len);
	md_buf_release(&again);
	free(scratch);
}

static inline void show_error(struct md_buf *out, const struct md_error *err)
{
	md_buf_printf(out, "%s %s", err->wire, err->message);
	if (err->details[0])
		md_buf_printf(out, " (%s)", err->details);
}

/* The text is given in a block of its own size, so that a sanitizer sees a step too far. Valid up
 * to the next call. */
static inline const char *body_of(enum md_body_kind kind, const char *ptr, size_t len,
				  const struct md_body_limits *limits, const struct md_str *columns,
				  unsigned column_count)
{
	static struct md_buf out = { .max = 64u << 20 };
	struct md_arena *arena = md_arena_new(64u << 20);
	const struct md_body *body = NULL;
	char *text = malloc(len > 0 ? len : 1);
	struct md_error err;

	if (!text || !arena)
		abort();
	md_error_clear(&err);
	if (len > 0)
		memcpy(text, ptr, len);
	md_buf_clear(&out);
	if (md_body_open(arena, kind, (struct md_str){ text, len }, limits, columns, column_count,
			 &body, &err) == MD_OK)
		show_body(&out, body);
	else
		show_error(&out, &err);
	free(text);
	md_arena_free(arena);
	return md_buf_text(&out);
}

/** A NUL-terminated text, without limits, with the columns it brings. */
static inline const char *rows_of(enum md_body_kind kind, const char *text)
{
	return body_of(kind, text, strlen(text), &no_limits, NULL, 0);
}
#endif
