/* The body of a batch: operations as texts. */
#include "config/options.h"
#include "core/json/body.h"
#include "server/batch.h"
#include "server/loop.h"
#include "server/upload.h"

#include "core/base/banned.h"

enum cell { CELL_ID, CELL_METHOD, CELL_PATH, CELL_HEADERS, CELL_BODY, CELLS };

static const struct md_str names[CELLS] = {
	{ "id", 2 }, { "method", 6 }, { "path", 4 }, { "headers", 7 }, { "body", 4 }
};
static const struct md_str envelope[] = { { "operations", 10 }, { "continue_on_error", 17 } };

static enum md_code bad(struct md_request *request, unsigned index, const char *what)
{
	md_fail(&request->error, MD_INVALID, "MD400", "operation %u: %s", index, what);
	return MD_INVALID;
}

/* A text that lasts. */
static bool keep(struct md_arena *arena, const struct md_body_cell *cell, struct md_str *ret_text)
{
	char *copy = md_arena_strndup(arena, cell->text.ptr, cell->text.len);

	*ret_text = (struct md_str){ copy, cell->text.len };
	return copy != NULL;
}

static bool is_absent(const struct md_body_cell *cell)
{
	return cell->kind == MD_CELL_ABSENT || cell->kind == MD_CELL_NULL;
}

/* What a JSON body looks like again. */
static enum md_code take_body(struct md_request *request, const struct md_body_cell *cell,
			      struct md_str *ret_text)
{
	if (cell->kind == MD_CELL_ABSENT)
		return MD_OK;
	if (cell->kind == MD_CELL_JSON || cell->kind == MD_CELL_STRING) {
		if (keep(request->arena, cell, ret_text))
			return MD_OK;
		return md_fail_nomem(&request->error);
	}
	return md_fail(&request->error, MD_INVALID, "MD400",
		       "the body of an operation is an object, a list, or a text");
}

static enum md_code take(struct md_request *request, const struct md_body_cell *cells,
			 unsigned index, struct md_batch_operation *ret_operation)
{
	struct md_batch_operation one = { .method = MD_STR("GET") };
	struct md_arena *arena = request->arena;
	bool ok = true;

	if (cells[CELL_PATH].kind != MD_CELL_STRING || cells[CELL_PATH].text.len == 0 ||
	    cells[CELL_PATH].text.ptr[0] != '/')
		return bad(request, index, "its path is a text that begins with /");
	ok = keep(arena, &cells[CELL_PATH], &one.path);
	if (!is_absent(&cells[CELL_METHOD]) && cells[CELL_METHOD].kind != MD_CELL_STRING)
		return bad(request, index, "its method is a text");
	if (!is_absent(&cells[CELL_METHOD]))
		ok = ok && keep(arena, &cells[CELL_METHOD], &one.method);
	if (!is_absent(&cells[CELL_ID]) && cells[CELL_ID].kind != MD_CELL_STRING)
		return bad(request, index, "its id is a text");
	if (!is_absent(&cells[CELL_ID]))
		ok = ok && keep(arena, &cells[CELL_ID], &one.id);
	if (!is_absent(&cells[CELL_HEADERS]) &&
	    (cells[CELL_HEADERS].kind != MD_CELL_JSON || cells[CELL_HEADERS].text.ptr[0] != '{'))
		return bad(request, index, "its headers are an object");
	if (!is_absent(&cells[CELL_HEADERS]))
		ok = ok && keep(arena, &cells[CELL_HEADERS], &one.headers);
	if (!ok)
		return md_fail_nomem(&request->error);
	*ret_operation = one;
	return take_body(request, &cells[CELL_BODY], &ret_operation->body);
}

static enum md_code check_id(struct md_request *request, const struct md_batch_list *list,
			     unsigned index)
{
	struct md_str id = list->operations[index].id;

	for (unsigned i = 0; md_str_is_given(id) && i < index; i++)
		if (md_str_equal(list->operations[i].id, id))
			return bad(request, index, "its id is that of another one");
	return MD_OK;
}

static enum md_code take_all(struct md_request *request, const struct md_body *body,
			     struct md_batch_list *list)
{
	struct md_body_cursor cursor;
	struct md_body_cell cells[CELLS];
	char *scratch = md_arena_alloc(request->arena, md_body_scratch(body));
	enum md_code code = MD_OK;

	list->count = (unsigned)md_body_rows(body);
	list->operations = md_arena_zalloc(request->arena, list->count * sizeof(*list->operations));
	if (!list->operations || !scratch)
		return md_fail_nomem(&request->error);
	md_body_rewind(&cursor, body, scratch);
	for (unsigned i = 0; code == MD_OK && md_body_next(&cursor, cells); i++) {
		code = take(request, cells, i, &list->operations[i]);
		if (code == MD_OK)
			code = check_id(request, list, i);
		if (code == MD_OK && (md_batch_has_refs(list->operations[i].body) ||
				      md_batch_has_refs(list->operations[i].path)))
			list->refers = true;
	}
	return code;
}

/* {"operations": […], "continue_on_error": true}; the list becomes the text. */
static enum md_code open_envelope(struct md_request *request, struct md_str *text,
				  struct md_batch_list *list)
{
	const struct md_body_limits limits = md_upload_limits(request);
	const struct md_body *body;
	struct md_body_cursor cursor;
	struct md_body_cell cells[2];
	enum md_code code = md_body_open(request->arena, MD_BODY_JSON, *text, &limits, envelope, 2,
					 &body, &request->error);
	char *scratch;

	if (code != MD_OK)
		return code;
	scratch = md_arena_alloc(request->arena, md_body_scratch(body));
	if (!scratch)
		return md_fail_nomem(&request->error);
	md_body_rewind(&cursor, body, scratch);
	if (!md_body_next(&cursor, cells) || cells[0].kind != MD_CELL_JSON) {
		*text = (struct md_str){ NULL, 0 };
		return MD_OK;
	}
	if (cells[1].kind == MD_CELL_BOOL)
		list->continue_on_error = cells[1].truth;
	else if (!is_absent(&cells[1]))
		return md_fail(&request->error, MD_INVALID, "MD400",
			       "continue_on_error is true or false");
	return keep(request->arena, &cells[0], text) ? MD_OK : md_fail_nomem(&request->error);
}

enum md_code md_batch_read(struct md_request *request, struct md_batch_list *ret_list)
{
	struct md_body_limits limits = md_upload_limits(request);
	struct md_str text = md_str_trim((struct md_str){ request->body.data, request->body.len });
	const struct md_body *body;
	enum md_code code = md_upload_share(request, 2 * request->body.len);

	*ret_list = (struct md_batch_list){ .count = 0 };
	if (code == MD_OK && text.len > 0 && text.ptr[0] == '{')
		code = open_envelope(request, &text, ret_list);
	if (code != MD_OK)
		return code;
	if (text.len == 0 || text.ptr[0] != '[')
		return md_fail(&request->error, MD_INVALID, "MD400",
			       "a batch is a list of operations, or an object with the list as "
			       "\"operations\"");
	if (limits.rows > request->loop->options->batch_operations)
		limits.rows = (unsigned)request->loop->options->batch_operations;
	code = md_body_open(request->arena, MD_BODY_JSON, text, &limits, names, CELLS, &body,
			    &request->error);
	return code == MD_OK ? take_all(request, body, ret_list) : code;
}
