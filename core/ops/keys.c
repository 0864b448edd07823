#include "core/ops/keys.h"

#include "core/json/write.h"
#include "core/ops/constraint.h"
#include "core/query/parse.h"

#include "core/base/banned.h"

enum { KEY_MAX = 1u << 24 };

void md_key_put(struct md_buf *out, const struct md_value *value)
{
	switch (value->type) {
	case MD_NULL:
		md_buf_puts(out, "null");
		break;
	case MD_INT:
		md_buf_put_i64(out, value->i);
		break;
	case MD_REAL:
		md_json_write_real(out, value->r);
		break;
	case MD_TEXT:
		md_json_write_string(out, value->text, value->len);
		break;
	case MD_BLOB:
		md_json_write_hex(out, value->text, value->len);
		break;
	}
}

void md_key_put_filter(struct md_buf *out, const struct md_value *value)
{
	md_auto_buf text = MD_BUF(1u << 16);

	if (value->type == MD_NULL) {
		md_buf_puts(out, "is.null");
		return;
	}
	md_buf_puts(out, "eq.");
	if (value->type == MD_TEXT)
		md_buf_put(&text, value->text, value->len);
	else if (value->type == MD_BLOB)
		md_constraint_put_value(&text, MD_TYPE_BYTES, value);
	else
		md_key_put(&text, value);
	md_buf_inherit(out, &text);
	md_uri_encode(out, (struct md_str){ text.data, text.len }, "-_.~");
}

void md_keys_clear(struct md_keys *keys)
{
	keys->map = md_map_free(keys->map);
}

enum md_code md_keys_add(struct md_keys *keys, const struct md_value *values, unsigned count,
			 struct md_arena *arena, bool *ret_is_new, struct md_error *err)
{
	md_auto_buf text = MD_BUF(KEY_MAX);
	struct md_str key;

	*ret_is_new = true;
	for (unsigned i = 0; i < count; i++) {
		if (values[i].type == MD_NULL)
			return MD_OK;
		md_buf_putc(&text, ',');
		md_key_put(&text, &values[i]);
	}
	if (!keys->map)
		keys->map = md_map_new();
	key = md_arena_str(arena, (struct md_str){ text.data, text.len });
	if (text.failed || !keys->map || !key.ptr)
		return md_fail_nomem(err);
	*ret_is_new = !md_map_get(keys->map, key);
	return md_map_set(keys->map, key, keys) ? MD_OK : md_fail_nomem(err);
}
