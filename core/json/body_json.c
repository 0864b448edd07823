/* JSON bodies, first pass: everything that can be wrong is found here (RFC 8259 and the limits).
 * Rows mostly look like the first one, so each key is compared with what stood at its place there
 * before anything else is tried. */
#include "core/json/body_json.h"

#include "core/base/banned.h"

/* A key that is not where it was in the first row. */
static const char *check_other_key(struct md_json *json, const char *p, unsigned *ret_column)
{
	struct md_str raw, name;

	p = md_json_check_key(json, p, &raw, &name);
	if (!p)
		return NULL;
	if (json->escaped)
		json->need += raw.len;
	*ret_column = md_body_column(json->fence->body, name);
	if (!json->seen || *ret_column == MD_NO_COLUMN)
		return md_json_push_key(json, raw, name) ? p : NULL;
	return p;
}

/* The `field`th key of a row, up to its value. In the first row all keys go to the stack. */
static const char *check_row_key(struct md_json *json, const char *p, unsigned field)
{
	const struct md_body *body = json->fence->body;
	unsigned column;

	if (p < json->end && *p == '"' && md_json_is_expected(body, field, p + 1, json->end)) {
		const struct md_body_key *key = &body->keys[field];

		column = key->column;
		p += key->raw.len + 2;
		if (column == MD_NO_COLUMN && !md_json_push_key(json, key->raw, key->name))
			return NULL;
	} else {
		if (field >= json->fence->limits->keys)
			return md_json_too_large(json, json->fence->limits->keys,
						 "keys in an object");
		p = check_other_key(json, p, &column);
	}
	if (!p)
		return NULL;
	if (json->seen && column != MD_NO_COLUMN) {
		if (json->seen[column] == body->rows)
			return md_json_refuse(json,
					      md_fence_twice(json->fence, body->columns[column]));
		json->seen[column] = body->rows;
	}
	return md_json_check_colon(json, p);
}

static const char *check_row_value(struct md_json *json, const char *p)
{
	const char *start = p;

	json->escaped = false;
	p = md_json_check_value(json, p);
	if (p && json->escaped && *start == '"')
		json->need += (size_t)(p - start) - 2;
	return p;
}

/* The first row names the columns, and says what the others will probably look like. */
static bool learn(struct md_json *json)
{
	struct md_fence *fence = json->fence;

	json->code = md_fence_learn(fence, json->keys, json->key_count);
	if (json->code != MD_OK)
		return false;
	json->key_count = 0;
	json->seen = md_arena_zalloc(fence->arena, fence->body->column_count * sizeof(*json->seen));
	if (!json->seen)
		json->code = md_fail_nomem(fence->err);
	return json->seen != NULL;
}

/* Whether the first row of a part has all columns and nothing else. */
static bool has_exactly(const struct md_body *body)
{
	for (unsigned i = 0; i < body->key_count; i++)
		if (body->keys[i].column == MD_NO_COLUMN)
			return false;
	return body->key_count == body->column_count;
}

static bool finish_row(struct md_json *json, unsigned field_count)
{
	struct md_body *body = json->fence->body;
	bool exact = json->fence->limits->exact;

	if (json->need > body->scratch)
		body->scratch = json->need;
	if (!json->seen) {
		json->depth--;
		if (!learn(json))
			return false;
		json->has_others = exact && !has_exactly(body);
		return true;
	}
	if ((!body->is_given || exact) &&
	    (field_count != body->column_count || json->key_count > 0))
		json->has_others = true;
	return md_json_leave(json);
}

/* The keys of a row up to its closing brace. */
static const char *check_fields(struct md_json *json, const char *p, unsigned *ret_count)
{
	for (unsigned field = 0;; field++) {
		p = check_row_key(json, p, field);
		if (p)
			p = check_row_value(json, p);
		if (!p)
			return NULL;
		p = md_json_blanks(p, json->end);
		if (p < json->end && *p == ',') {
			p = md_json_blanks(p + 1, json->end);
			continue;
		}
		*ret_count = field + 1;
		return p < json->end && *p == '}' ? p : NULL;
	}
}

const char *md_json_check_row(struct md_json *json, const char *p)
{
	unsigned count = 0;

	if (!md_json_enter(json, true))
		return NULL;
	json->code = md_fence_node(json->fence);
	if (json->code == MD_OK)
		json->code = md_fence_row(json->fence);
	if (json->code != MD_OK)
		return NULL;
	json->need = 0;
	p = md_json_blanks(p + 1, json->end);
	if (p == json->end)
		return NULL;
	if (*p != '}')
		p = check_fields(json, p, &count);
	return p && finish_row(json, count) ? p + 1 : NULL;
}

static const char *check_element(struct md_json *json, const char *p)
{
	if (p == json->end)
		return NULL;
	if (*p == '{' && !json->has_values) {
		if (json->fence->body->rows == 0)
			json->fence->body->first = p;
		return md_json_check_row(json, p);
	}
	json->has_values = true;
	return md_json_check_value(json, p);
}

static const char *check_array(struct md_json *json, const char *p)
{
	enum md_code code = md_fence_node(json->fence);

	if (code != MD_OK)
		return md_json_refuse(json, code);
	if (!md_json_enter(json, false))
		return NULL;
	p = md_json_blanks(p + 1, json->end);
	if (p < json->end && *p == ']')
		return p + 1;
	for (;;) {
		p = check_element(json, p);
		if (!p)
			return NULL;
		p = md_json_blanks(p, json->end);
		if (p == json->end || (*p != ',' && *p != ']'))
			return NULL;
		if (*p == ']')
			return p + 1;
		p = md_json_blanks(p + 1, json->end);
	}
}

static const char *check_text(struct md_json *json, struct md_body *body)
{
	const char *p = md_json_blanks(body->text.ptr, json->end);

	if (p == json->end)
		return NULL;
	body->first = p;
	body->is_array = *p != '{';
	json->is_scalar = *p != '{' && *p != '[';
	if (*p == '[')
		p = check_array(json, p);
	else
		p = *p == '{' ? md_json_check_row(json, p) : md_json_check_value(json, p);
	if (p)
		p = md_json_blanks(p, json->end);
	return p == json->end ? p : NULL;
}

/* It is JSON; is it rows? With `columns` PostgREST leaves this question to PostgreSQL. */
static enum md_code check_shape(struct md_json *json, struct md_body *body)
{
	if (body->is_given && json->is_scalar)
		return md_fail(json->fence->err, MD_INVALID, "22023",
			       "cannot call json_to_recordset on a scalar");
	if (body->is_given && json->has_values)
		return md_fail(json->fence->err, MD_INVALID, "22023",
			       "argument of json_to_recordset must be an array of objects");
	if (json->has_values || json->has_others)
		return md_fence_invalid(json->fence, "All object keys must match");
	return MD_OK;
}

static enum md_code check(struct md_fence *fence)
{
	struct md_body *body = fence->body;
	struct md_json json = { .fence = fence, .end = body->text.ptr + body->text.len };

	json.levels = md_arena_alloc(fence->arena, fence->limits->depth * sizeof(*json.levels));
	if (!json.levels)
		return md_fail_nomem(fence->err);
	if (check_text(&json, body))
		return check_shape(&json, body);
	return json.code != MD_OK ? json.code : md_fence_invalid(fence, "Empty or invalid json");
}

const struct md_body_reader md_body_json = { check, md_json_read_row };
