/* Forms (application/x-www-form-urlencoded, as browsers write and read them): one row of strings.
 * What does not look like an escape stands for itself. The row is decoded once, into the arena,
 * since its text can only be checked then. */
#include "core/json/body_reader.h"

#include "core/base/banned.h"

static size_t decode(char *out, struct md_str raw)
{
	size_t len = 0;

	for (size_t i = 0; i < raw.len; i++) {
		int high = -1, low = -1;

		if (raw.ptr[i] == '%' && raw.len - i > 2) {
			high = md_hex_digit(raw.ptr[i + 1]);
			low = md_hex_digit(raw.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[len++] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[len++] = raw.ptr[i] == '+' ? ' ' : raw.ptr[i];
		}
	}
	return len;
}

static bool is_plain(struct md_str raw)
{
	return raw.len == 0 || (!memchr(raw.ptr, '%', raw.len) && !memchr(raw.ptr, '+', raw.len));
}

static enum md_code take_text(struct md_fence *fence, struct md_str raw, struct md_str *ret_text)
{
	struct md_str text = raw;
	enum md_code code;
	char *out;

	if (raw.len > fence->limits->string)
		return md_fence_too_large(fence, fence->limits->string, "bytes in a field");
	if (!is_plain(raw)) {
		out = md_arena_alloc(fence->arena, raw.len);
		if (!out)
			return md_fail_nomem(fence->err);
		text = (struct md_str){ out, decode(out, raw) };
	}
	code = md_fence_text(fence, text);
	if (code == MD_OK)
		*ret_text = text;
	return code;
}

/* The next piece of `*rest` up to `separator`, which is taken away too. */
static struct md_str cut(struct md_str *rest, char separator)
{
	const char *at = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
	struct md_str piece = { rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len };
	size_t taken = piece.len + (at != NULL);

	rest->ptr += taken;
	rest->len -= taken;
	return piece;
}

static unsigned count_pairs(struct md_str rest, unsigned limit)
{
	unsigned count = 0;

	while (rest.len > 0 && count <= limit)
		count += cut(&rest, '&').len > 0;
	return count;
}

static enum md_code take_pair(struct md_fence *fence, struct md_str piece, struct md_body_key *key,
			      struct md_str *ret_value)
{
	enum md_code code = md_fence_node(fence);

	*key = (struct md_body_key){ .column = MD_NO_COLUMN };
	key->raw = cut(&piece, '=');
	if (code == MD_OK)
		code = take_text(fence, key->raw, &key->name);
	return code == MD_OK ? take_text(fence, piece, ret_value) : code;
}

/* Cells by column, from values in the order of the keys. */
static enum md_code take_row(struct md_fence *fence, const struct md_str *values)
{
	struct md_body *body = fence->body;
	struct md_body_cell *cells =
		md_arena_zalloc(fence->arena, body->column_count * sizeof(*cells));

	if (!cells)
		return md_fail_nomem(fence->err);
	for (unsigned i = 0; i < body->key_count; i++)
		if (body->keys[i].column != MD_NO_COLUMN)
			cells[body->keys[i].column] =
				(struct md_body_cell){ MD_CELL_STRING, false, values[i] };
	body->decoded = cells;
	return MD_OK;
}

static enum md_code check_pairs(struct md_fence *fence, unsigned count)
{
	struct md_body_key *keys = md_arena_alloc(fence->arena, count * sizeof(*keys));
	struct md_str *values = md_arena_alloc(fence->arena, count * sizeof(*values));
	struct md_str rest = fence->body->text;
	enum md_code code = MD_OK;

	if (!keys || !values)
		return md_fail_nomem(fence->err);
	for (unsigned i = 0; i < count && code == MD_OK;) {
		struct md_str piece = cut(&rest, '&');

		if (piece.len == 0)
			continue;
		code = take_pair(fence, piece, &keys[i], &values[i]);
		i++;
	}
	if (code == MD_OK)
		code = md_fence_learn(fence, keys, count);
	return code == MD_OK ? take_row(fence, values) : code;
}

static enum md_code check(struct md_fence *fence)
{
	unsigned limit = fence->limits->keys, count = count_pairs(fence->body->text, limit);
	enum md_code code = md_fence_row(fence);

	if (code == MD_OK)
		code = md_fence_node(fence);
	if (code == MD_OK && count > limit)
		code = md_fence_too_large(fence, limit, "fields");
	return code == MD_OK ? check_pairs(fence, count) : code;
}

static const char *read_row(const struct md_body *body, const char *p, char *scratch,
			    struct md_body_cell *cells)
{
	(void)scratch;
	if (body->column_count > 0)
		memcpy(cells, body->decoded, body->column_count * sizeof(*cells));
	return p;
}

const struct md_body_reader md_body_form = { check, read_row };
