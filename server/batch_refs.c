/* References: {"$ref":"id.field"} in the body of an operation, ${id.field} in its path. The text
 * has been checked to be JSON, so that it is enough to look at quotes and braces. */
#include "core/json/body.h"
#include "server/batch.h"

#include "core/base/banned.h"

static const struct md_str body_mark = { "\"$ref\"", 6 }, path_mark = { "${", 2 };

static const char *find(struct md_str text, struct md_str mark)
{
	return text.len > 0 ? memmem(text.ptr, text.len, mark.ptr, mark.len) : NULL;
}

bool md_batch_has_refs(struct md_str text)
{
	return find(text, body_mark) || find(text, path_mark);
}

/* --- what is referred to --- */

static enum md_code no_value(struct md_str name, const char *why, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "MD400", "the reference %.*s: %s", MD_STR_ARG(name), why);
}

/* The cell of this field in the first row of the answer. */
static enum md_code find_cell(struct md_str answer, struct md_str field, struct md_str name,
			      struct md_arena *arena, struct md_body_cell *ret_cell,
			      struct md_error *err)
{
	static const struct md_body_limits limits = { .size = SIZE_MAX,
						      .string = SIZE_MAX,
						      .number = SIZE_MAX,
						      .depth = 1000,
						      .nodes = UINT32_MAX,
						      .keys = UINT32_MAX,
						      .rows = UINT32_MAX };
	const struct md_body *body;
	struct md_body_cursor cursor;
	char *scratch;
	enum md_code code =
		md_body_open(arena, MD_BODY_JSON, answer, &limits, &field, 1, &body, err);

	if (code != MD_OK)
		return code;
	scratch = md_arena_alloc(arena, md_body_scratch(body));
	if (!scratch)
		return md_fail_nomem(err);
	md_body_rewind(&cursor, body, scratch);
	if (!md_body_next(&cursor, ret_cell))
		return no_value(name, "the operation has given no rows", err);
	if (ret_cell->kind == MD_CELL_ABSENT)
		return no_value(name, "its rows have no such field", err);
	return MD_OK;
}

/* `name` is id.field. */
static enum md_code look_up(const struct md_batch_list *list, unsigned before, struct md_str name,
			    struct md_arena *arena, struct md_body_cell *ret_cell,
			    struct md_error *err)
{
	const char *dot = memchr(name.ptr, '.', name.len);
	struct md_str id = name, field;

	if (!dot)
		return no_value(name, "it is written id.field", err);
	id.len = (size_t)(dot - name.ptr);
	field = (struct md_str){ dot + 1, name.len - id.len - 1 };
	for (unsigned i = 0; i < before; i++) {
		const struct md_batch_operation *one = &list->operations[i];

		if (!md_str_is_given(one->id) || !md_str_equal(one->id, id))
			continue;
		if (!md_str_is_given(one->answer))
			return no_value(name, "the operation has failed, or gives no rows", err);
		return find_cell(one->answer, field, name, arena, ret_cell, err);
	}
	return no_value(name, "no operation before this one has that id", err);
}

/* --- in a body --- */

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind the string that begins at `p`. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

/* The reference that begins at the brace `p`: its name, and the place behind it. NULL: it is an
 * object like any other. A name has no escapes. */
static const char *reference_at(const char *p, const char *end, struct md_str *ret_name)
{
	const char *at = skip_space(p + 1, end), *name;

	if ((size_t)(end - at) < body_mark.len || memcmp(at, body_mark.ptr, body_mark.len) != 0)
		return NULL;
	at = skip_space(at + body_mark.len, end);
	if (at == end || *at != ':')
		return NULL;
	name = skip_space(at + 1, end);
	if (name == end || *name != '"')
		return NULL;
	at = skip_string(name, end);
	*ret_name = (struct md_str){ name + 1, (size_t)(at - name) - 2 };
	at = skip_space(at, end);
	return at < end && *at == '}' ? at + 1 : NULL;
}

static enum md_code put_body(const struct md_batch_list *list, unsigned before, struct md_str text,
			     struct md_arena *arena, struct md_buf *out, struct md_error *err)
{
	const char *p = text.ptr, *end = p + text.len, *from = p;

	while (p < end) {
		struct md_body_cell cell;
		struct md_str name;
		const char *next;
		enum md_code code;

		next = *p == '{' ? reference_at(p, end, &name) : NULL;
		if (!next) {
			p = *p == '"' ? skip_string(p, end) : p + 1;
			continue;
		}
		code = look_up(list, before, name, arena, &cell, err);
		if (code != MD_OK)
			return code;
		md_buf_put(out, from, (size_t)(p - from));
		md_body_cell_put(&cell, out);
		p = from = next;
	}
	md_buf_put(out, from, (size_t)(end - from));
	return out->failed ? md_fail_nomem(err) : MD_OK;
}

/* --- in a path --- */

static enum md_code put_path(const struct md_batch_list *list, unsigned before, struct md_str text,
			     struct md_arena *arena, struct md_buf *out, struct md_error *err)
{
	while (text.len > 0) {
		const char *mark = find(text, path_mark);
		const char *close =
			mark ? memchr(mark, '}', text.len - (size_t)(mark - text.ptr)) : NULL;
		struct md_body_cell cell;
		struct md_str name;
		enum md_code code;

		if (!close) {
			md_buf_putstr(out, text);
			break;
		}
		name = (struct md_str){ mark + 2, (size_t)(close - mark) - 2 };
		code = look_up(list, before, name, arena, &cell, err);
		if (code == MD_OK && (cell.kind == MD_CELL_NULL || cell.kind == MD_CELL_JSON))
			code = no_value(name, "it cannot stand in a path", err);
		if (code != MD_OK)
			return code;
		md_buf_put(out, text.ptr, (size_t)(mark - text.ptr));
		if (cell.kind == MD_CELL_BOOL)
			md_buf_puts(out, cell.truth ? "true" : "false");
		else
			md_uri_encode(out, cell.text, "-_.~");
		text.len -= (size_t)(close + 1 - text.ptr);
		text.ptr = close + 1;
	}
	return out->failed ? md_fail_nomem(err) : MD_OK;
}

enum md_code md_batch_put(const struct md_batch_list *list, unsigned before, struct md_str text,
			  bool path, struct md_arena *arena, struct md_buf *out,
			  struct md_error *err)
{
	return path ? put_path(list, before, text, arena, out, err)
		    : put_body(list, before, text, arena, out, err);
}
