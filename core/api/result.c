/* Rows: their text, and what is in it. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"
#include "core/json/body.h"

#include "core/base/banned.h"

struct md_result {
	struct md_arena *arena;
	struct md_buf json;
	unsigned rows, fields;
	const char **names;
	const char **values; /* row after row; NULL: null */
};

static const char *text_of(struct md_arena *arena, const struct md_body_cell *cell)
{
	switch (cell->kind) {
	case MD_CELL_ABSENT:
	case MD_CELL_NULL:
		return "";
	case MD_CELL_BOOL:
		return cell->truth ? "true" : "false";
	case MD_CELL_NUMBER:
	case MD_CELL_STRING:
	case MD_CELL_JSON:
		return md_arena_strndup(arena, cell->text.ptr, cell->text.len);
	}
	return "";
}

static bool is_null(const struct md_body_cell *cell)
{
	return cell->kind == MD_CELL_ABSENT || cell->kind == MD_CELL_NULL;
}

static enum md_code keep_names(struct md_result *result, const struct md_str *columns)
{
	result->names = md_arena_alloc(result->arena, result->fields * sizeof(*result->names));
	if (!result->names)
		return MD_NOMEM;
	for (unsigned i = 0; i < result->fields; i++) {
		result->names[i] = md_arena_strndup(result->arena, columns[i].ptr, columns[i].len);
		if (!result->names[i])
			return MD_NOMEM;
	}
	return MD_OK;
}

static enum md_code keep_values(struct md_result *result, const struct md_body *body)
{
	size_t count = (size_t)result->rows * result->fields, at = 0;
	struct md_body_cell *cells = md_arena_alloc(result->arena, result->fields * sizeof(*cells));
	char *scratch = md_arena_alloc(result->arena, md_body_scratch(body));
	struct md_body_cursor cursor;

	result->values = md_arena_zalloc(result->arena, count * sizeof(*result->values));
	if (!cells || !scratch || !result->values)
		return MD_NOMEM;
	md_body_rewind(&cursor, body, scratch);
	while (md_body_next(&cursor, cells))
		for (unsigned i = 0; i < result->fields; i++, at++) {
			if (is_null(&cells[i]))
				continue;
			result->values[at] = text_of(result->arena, &cells[i]);
			if (!result->values[at])
				return MD_NOMEM;
		}
	return MD_OK;
}

/* The text is ours: what the reader of bodies refuses in it is our mistake. */
static enum md_code read_rows(struct md_result *result, struct md_error *err)
{
	static const struct md_body_limits limits = { .size = SIZE_MAX,
						      .string = SIZE_MAX,
						      .number = SIZE_MAX,
						      .depth = 1000,
						      .nodes = UINT32_MAX,
						      .keys = UINT32_MAX,
						      .rows = UINT32_MAX };
	const struct md_body *body;
	const struct md_str *columns;
	enum md_code code = md_body_open(result->arena, MD_BODY_JSON, md_buf_str(&result->json),
					 &limits, NULL, 0, &body, err);

	if (code)
		return code;
	columns = md_body_columns(body, &result->fields);
	result->rows = (unsigned)md_body_rows(body);
	code = keep_names(result, columns);
	if (code == MD_OK)
		code = keep_values(result, body);
	return code ? md_fail_nomem(err) : MD_OK;
}

/* One row is an object: make an array of it. */
static void put_rows(struct md_buf *out, struct md_str text)
{
	bool one = text.len > 0 && text.ptr[0] == '{';

	md_buf_puts(out, one ? "[" : "");
	md_buf_putstr(out, text.len > 0 ? text : MD_STR("[]"));
	md_buf_puts(out, one ? "]" : "");
}

enum md_code md_api_result(struct md_buf *text, struct md_result **ret_result, struct md_error *err)
{
	struct md_result *result = calloc(1, sizeof(*result));
	enum md_code code = MD_NOMEM;

	if (!result)
		return md_fail_nomem(err);
	md_buf_init(&result->json, MD_API_RESULT_MAX);
	result->arena = md_arena_new(MD_API_RESULT_MAX);
	put_rows(&result->json, md_buf_str(text));
	if (!result->arena || !md_buf_text(&result->json))
		md_fail_nomem(err);
	else
		code = read_rows(result, err);
	if (code)
		md_result_free(result);
	else
		*ret_result = result;
	return code;
}

struct md_result *md_result_free(struct md_result *result)
{
	if (!result)
		return NULL;
	md_arena_free(result->arena);
	md_buf_release(&result->json);
	free(result);
	return NULL;
}

const char *md_result_json(const struct md_result *result)
{
	return result->json.data;
}

unsigned md_result_rows(const struct md_result *result)
{
	return result->rows;
}

const char *md_result_field(const struct md_result *result, unsigned index)
{
	return index < result->fields ? result->names[index] : NULL;
}

const char *md_result_text(const struct md_result *result, unsigned row, const char *field)
{
	for (unsigned i = 0; row < result->rows && i < result->fields; i++)
		if (strcmp(result->names[i], field) == 0)
			return result->values[(size_t)row * result->fields + i];
	return NULL;
}

bool md_result_i64(const struct md_result *result, unsigned row, const char *field,
		   int64_t *ret_value)
{
	const char *text = md_result_text(result, row, field);

	return text && md_str_to_i64(md_str_of(text), ret_value);
}

bool md_result_double(const struct md_result *result, unsigned row, const char *field,
		      double *ret_value)
{
	const char *text = md_result_text(result, row, field);

	return text && md_str_to_double(md_str_of(text), ret_value);
}

bool md_result_is_true(const struct md_result *result, unsigned row, const char *field)
{
	const char *text = md_result_text(result, row, field);

	return text && strcmp(text, "true") == 0;
}
