#include "core/json/pairs.h"

#include "core/json/body_reader.h"

#include "core/base/banned.h"

/* Behind the text whose first byte (behind its quote) is at `p`: at the closing quote. What is
 * read here has been checked. */
static const char *end_of_text(const char *p)
{
	while (*p != '"')
		p += *p == '\\' ? 2 : 1;
	return p;
}

/* The texts of a list, into `pairs` unless that is NULL. False: something in it is no text. */
static bool read_list(struct md_arena *arena, struct md_str name, struct md_str list,
		      struct md_pair *pairs, unsigned *count)
{
	const char *p = list.ptr + 1, *end = list.ptr + list.len, *stop;

	for (p = md_json_blanks(p, end); *p != ']'; p = md_json_blanks(p, end)) {
		if (*p != '"')
			return false;
		stop = end_of_text(++p);
		if (pairs) {
			char *text = md_arena_alloc(arena, (size_t)(stop - p));
			struct md_str raw = { p, (size_t)(stop - p) };

			if (!text)
				return false;
			pairs[*count] =
				(struct md_pair){ name, { text, md_json_unescape(text, raw) } };
		}
		++*count;
		p = md_json_blanks(stop + 1, end);
		p += *p == ',';
	}
	return true;
}

/* What one key says. False: nothing that a query could. */
static bool read_cell(struct md_arena *arena, struct md_str name, const struct md_body_cell *cell,
		      struct md_pair *pairs, unsigned *count)
{
	struct md_str value = cell->text;

	switch (cell->kind) {
	case MD_CELL_ABSENT:
	case MD_CELL_NULL:
		return false;
	case MD_CELL_JSON:
		return value.ptr[0] == '[' && read_list(arena, name, value, pairs, count);
	case MD_CELL_BOOL:
		value = cell->truth ? MD_STR("true") : MD_STR("false");
		break;
	case MD_CELL_NUMBER:
	case MD_CELL_STRING:
		break;
	}
	if (pairs)
		pairs[*count] = (struct md_pair){ name, value };
	++*count;
	return true;
}

static enum md_code read_cells(struct md_arena *arena, const struct md_body *body,
			       const struct md_body_cell *cells, struct md_pair *pairs,
			       unsigned *ret_count, struct md_error *err)
{
	unsigned columns, count = 0;
	const struct md_str *names = md_body_columns(body, &columns);

	for (unsigned i = 0; i < columns; i++) {
		if (read_cell(arena, names[i], &cells[i], pairs, &count))
			continue;
		if (pairs)
			return md_fail_nomem(err);
		return md_fail(err, MD_INVALID, "PGRST102",
			       "'%.*s' is neither a text nor a list of texts",
			       MD_STR_ARG(names[i]));
	}
	*ret_count = count;
	return MD_OK;
}

enum md_code md_pairs_read(struct md_arena *arena, struct md_str text,
			   const struct md_body_limits *limits, const struct md_pair **ret_pairs,
			   unsigned *ret_count, struct md_error *err)
{
	const struct md_body *body;
	struct md_body_cursor cursor;
	struct md_body_cell *cells;
	struct md_pair *pairs;
	unsigned count;
	char *scratch;
	enum md_code code;

	/* What a list of rows would be refused for says nothing about a query. */
	text = md_str_trim(text);
	if (md_str_starts_with(text, MD_STR("[")))
		return md_fail(err, MD_INVALID, "PGRST102", "a query is an object of texts");
	code = md_body_open(arena, MD_BODY_JSON, text, limits, NULL, 0, &body, err);
	if (code != MD_OK)
		return code;
	if (md_body_is_array(body))
		return md_fail(err, MD_INVALID, "PGRST102", "a query is an object of texts");
	md_body_columns(body, &count);
	cells = md_arena_alloc(arena, count * sizeof(*cells));
	scratch = md_arena_alloc(arena, md_body_scratch(body));
	if (!cells || !scratch)
		return md_fail_nomem(err);
	md_body_rewind(&cursor, body, scratch);
	md_body_next(&cursor, cells);
	code = read_cells(arena, body, cells, NULL, &count, err);
	if (code != MD_OK)
		return code;
	pairs = md_arena_alloc(arena, count * sizeof(*pairs));
	if (!pairs)
		return md_fail_nomem(err);
	code = read_cells(arena, body, cells, pairs, &count, err);
	if (code != MD_OK)
		return code;
	*ret_pairs = pairs;
	*ret_count = count;
	return MD_OK;
}
