/* What the fuzz targets of bodies share: a body is opened, read twice to the same cells, and each
 * text lies where it may: in the body, the arena or the scratch. */
#ifndef MD_TESTS_FUZZ_BODY_H
#define MD_TESTS_FUZZ_BODY_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/body.h"

static const struct md_body_limits fuzz_limits = {
	.size = 1u << 16,
	.string = 1u << 12,
	.number = 1u << 10,
	.depth = 64,
	.nodes = 5000,
	.keys = 1000,
	.rows = 1000,
};

typedef void fuzz_row(void *arg, size_t row, const struct md_str *columns,
		      const struct md_body_cell *cells, unsigned count);

static inline void fuzz_require(int condition)
{
	if (!condition)
		abort();
}

/* A digest of all cells, in which every byte of every text has been looked at. */
static inline uint64_t fuzz_digest(const struct md_body_cell *cells, unsigned count, uint64_t h)
{
	for (unsigned i = 0; i < count; i++) {
		h = md_hash(&cells[i].kind, sizeof(cells[i].kind), h);
		if (cells[i].kind == MD_CELL_BOOL)
			h = h * 31 + cells[i].truth;
		if (cells[i].kind >= MD_CELL_NUMBER)
			h = md_hash(cells[i].text.ptr, cells[i].text.len, h);
		if (cells[i].kind >= MD_CELL_NUMBER)
			fuzz_require(md_utf8_is_valid(cells[i].text.ptr, cells[i].text.len) &&
				     memchr(cells[i].text.ptr, 0, cells[i].text.len) == NULL);
	}
	return h;
}

static inline uint64_t fuzz_read(const struct md_body *body, char *scratch, fuzz_row *look,
				 void *arg)
{
	struct md_body_cursor cursor;
	struct md_body_cell *cells;
	const struct md_str *columns;
	uint64_t digest = 0;
	unsigned count;
	size_t rows = 0;

	columns = md_body_columns(body, &count);
	cells = malloc((count > 0 ? count : 1) * sizeof(*cells));
	fuzz_require(cells != NULL);
	md_body_rewind(&cursor, body, scratch);
	for (; md_body_next(&cursor, cells); rows++) {
		digest = fuzz_digest(cells, count, digest);
		if (look)
			look(arg, rows, columns, cells, count);
	}
	fuzz_require(rows == md_body_rows(body));
	free(cells);
	return digest;
}

/* The code of open; when it is MD_OK, `look` (may be NULL) has seen every row. */
static inline enum md_code fuzz_body(enum md_body_kind kind, const uint8_t *data, size_t size,
				     const struct md_str *columns, unsigned count, fuzz_row *look,
				     void *arg)
{
	struct md_arena *arena = md_arena_new(8u << 20);
	struct md_str text = { (const char *)data, size };
	const struct md_body *body = NULL;
	enum md_code code;
	struct md_error err;
	uint64_t digest;
	char *scratch;

	fuzz_require(arena != NULL);
	md_error_clear(&err);
	code = md_body_open(arena, kind, text, &fuzz_limits, columns, count, &body, &err);
	fuzz_require((code == MD_OK) == (err.wire[0] == '\0'));
	fuzz_require(code == MD_OK || code == MD_INVALID || code == MD_TOO_LARGE);
	if (code == MD_OK) {
		scratch = malloc(md_body_scratch(body));
		digest = fuzz_read(body, scratch, look, arg);
		fuzz_require(digest == fuzz_read(body, scratch, NULL, NULL));
		free(scratch);
	}
	md_arena_free(arena);
	return code;
}
#endif
