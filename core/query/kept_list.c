/* Lists and documents of declared fields: two ways of writing a list, PostgreSQL's array literal
 * and JSON, become the one that the engine keeps. */
#include "core/json/write.h"
#include "core/model/define.h"
#include "core/query/kept.h"

#include "core/base/banned.h"

enum { LIST_MAX = 64 * 1024 * 1024, JSON_DEPTH = 512, MICRO_DIGITS = 6 };

enum md_bind_as md_kept_list_of(const struct md_def_field *field)
{
	static const unsigned plain = 1u << MD_DEF_SMALLINT | 1u << MD_DEF_INTEGER |
				      1u << MD_DEF_BIGINT | 1u << MD_DEF_FLOAT |
				      1u << MD_DEF_BOOLEAN;

	return plain & 1u << field->items ? MD_BIND_ARRAY : MD_BIND_ARRAY_TEXT;
}

enum md_code md_kept_json(struct md_str text, struct md_arena *arena, struct md_value *ret_value,
			  struct md_error *err)
{
	md_auto_buf out = MD_BUF(LIST_MAX);
	struct md_str copy = text;

	if (md_json_is_valid(text.ptr, text.len, JSON_DEPTH)) {
		md_json_compact(&out, text.ptr, text.len);
		copy = md_arena_str(arena, md_buf_str(&out));
	}
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*ret_value = md_value_text(copy);
	return MD_OK;
}

static size_t skip_blanks(struct md_str text, size_t at)
{
	while (at < text.len &&
	       (text.ptr[at] == ' ' || (text.ptr[at] >= '\t' && text.ptr[at] <= '\r')))
		at++;
	return at;
}

/* Booleans as PostgreSQL prints them in lists, where there are no strings. */
static struct md_str word_of(enum md_bind_as as, struct md_str element)
{
	if (as == MD_BIND_ARRAY && md_str_is(element, "t"))
		return MD_STR("true");
	if (as == MD_BIND_ARRAY && md_str_is(element, "f"))
		return MD_STR("false");
	return element;
}

/* One element of {a,"b c",1}: quoted ones are strings, and all when the list is one of texts;
 * numbers are numbers. Returns where it ended. */
static size_t put_element(struct md_buf *out, struct md_str text, size_t from, enum md_bind_as as)
{
	md_auto_buf item = MD_BUF(LIST_MAX);
	size_t i = skip_blanks(text, from);
	bool quoted = i < text.len && text.ptr[i] == '"';
	struct md_str element;

	for (i += quoted; i < text.len; i++) {
		if (quoted ? text.ptr[i] == '"' : text.ptr[i] == ',' || text.ptr[i] == '}')
			break;
		if (text.ptr[i] == '\\' && i + 1 < text.len)
			i++;
		md_buf_putc(&item, text.ptr[i]);
	}
	element = quoted ? md_buf_str(&item) : word_of(as, md_str_trim(md_buf_str(&item)));
	if (!quoted && md_str_equal_nocase(element, MD_STR("null")))
		md_buf_puts(out, "null");
	else if (!quoted && as != MD_BIND_ARRAY_TEXT &&
		 (md_json_is_number(element.ptr, element.len) || md_str_is(element, "true") ||
		  md_str_is(element, "false")))
		md_buf_putstr(out, element);
	else
		md_json_write_string(out, element.ptr, element.len);
	md_buf_inherit(out, &item);
	return quoted ? skip_blanks(text, i + 1) : i;
}

static enum md_code fail_literal(struct md_str text, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "22P02", "malformed array literal: \"%.*s\"",
		       MD_STR_ARG(text));
}

static bool is_json_list(struct md_str text)
{
	return text.len > 0 && text.ptr[0] == '[' &&
	       md_json_is_valid(text.ptr, text.len, JSON_DEPTH);
}

enum md_code md_kept_list(enum md_bind_as as, struct md_str text, struct md_arena *arena,
			  struct md_value *ret_value, struct md_error *err)
{
	bool list = as != MD_BIND_JSON;
	struct md_str copy;
	md_auto_buf out = MD_BUF(LIST_MAX);
	size_t i = 1;

	if (text.len < 2 || text.ptr[0] != '{' ||
	    (!list && (text.len == 2 || memchr(text.ptr, ':', text.len))))
		return list && !is_json_list(text) ? fail_literal(text, err)
						   : md_kept_json(text, arena, ret_value, err);
	md_buf_putc(&out, '[');
	while (i < text.len && text.ptr[i] != '}') {
		if (out.len > 1)
			md_buf_putc(&out, ',');
		i = put_element(&out, text, i, as);
		if (i < text.len && text.ptr[i] == ',')
			i++;
		else
			break;
	}
	if (i + 1 != text.len || text.ptr[i] != '}')
		return fail_literal(text, err);
	md_buf_putc(&out, ']');
	copy = md_arena_str(arena, md_buf_str(&out));
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*ret_value = md_value_text(copy);
	return MD_OK;
}

/* A JSON value inside a list as an element of an array literal; returns behind it. */
static const char *put_literal(struct md_buf *out, const char *p, const char *end)
{
	md_auto_buf plain = MD_BUF(LIST_MAX);
	const char *start = p + 1;
	struct md_str text;

	if (*p != '"') {
		for (start = p; p < end && *p != ',' && *p != ']';)
			p++;
		text = (struct md_str){ start, (size_t)(p - start) };
		md_buf_putstr(out, md_str_is(text, "null") ? MD_STR("NULL") : text);
		return p;
	}
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	md_json_put_plain(&plain, start, (size_t)(p - start));
	text = md_buf_str(&plain);
	md_buf_inherit(out, &plain);
	md_buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			md_buf_putc(out, '\\');
		md_buf_putc(out, text.ptr[i]);
	}
	md_buf_putc(out, '"');
	return p + 1;
}

enum md_code md_kept_literal(struct md_str text, struct md_arena *arena, struct md_value *ret_value,
			     struct md_error *err)
{
	md_auto_buf out = MD_BUF(LIST_MAX);
	enum md_code code = md_kept_json(text, arena, ret_value, err);
	const char *p = ret_value->text, *end = p + ret_value->len;
	struct md_str copy;

	if (code != MD_OK || !is_json_list(text))
		return code;
	md_buf_putc(&out, '{');
	for (p++; p < end && *p != ']'; p += p < end && *p == ',') {
		if (*p == '[' || *p == '{')
			return code; /* not flat */
		md_buf_puts(&out, out.len > 1 ? "," : "");
		p = put_literal(&out, p, end);
	}
	md_buf_putc(&out, '}');
	copy = md_arena_str(arena, md_buf_str(&out));
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*ret_value = md_value_text(copy);
	return MD_OK;
}

enum md_type md_kept_items_of(const struct md_def_field *field)
{
	static const enum md_type types[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_DATETIME] = MD_TYPE_KEPT_TIMESTAMPTZ,
		[MD_DEF_DATETIME_LOCAL] = MD_TYPE_KEPT_TIMESTAMP,
		[MD_DEF_DATE] = MD_TYPE_KEPT_DATE,
		[MD_DEF_TIME] = MD_TYPE_KEPT_TIME,
		[MD_DEF_BYTES] = MD_TYPE_KEPT_BYTES,
		[MD_DEF_UUID] = MD_TYPE_KEPT_UUID,
	};

	return types[field->items];
}

/* As answers show it: nobody looks into a list once it is kept. */
static void put_item(struct md_buf *out, const struct md_value *value)
{
	const char *point;
	size_t zeros = 0;

	if (value->type == MD_BLOB) {
		md_json_write_hex(out, value->text, value->len);
		return;
	}
	point = memchr(value->text, '.', value->len);
	md_buf_putc(out, '"');
	if (point) {
		size_t whole = (size_t)(point - value->text);

		while (zeros < MICRO_DIGITS && point[MICRO_DIGITS - zeros] == '0')
			zeros++;
		md_buf_put(out, value->text, whole);
		if (zeros < MICRO_DIGITS)
			md_buf_put(out, point, 1 + MICRO_DIGITS - zeros);
		md_buf_put(out, point + 1 + MICRO_DIGITS, value->len - whole - 1 - MICRO_DIGITS);
	} else {
		md_buf_put(out, value->text, value->len);
	}
	md_buf_putc(out, '"');
}

/* The string at its quote, in one form; returns behind it. NULL: it is none, as `code` says. */
static const char *take_item(enum md_type type, struct md_buf *out, const char *p, const char *end,
			     struct md_arena *arena, enum md_code *code, struct md_error *err)
{
	md_auto_buf plain = MD_BUF(LIST_MAX);
	const char *start = ++p;
	struct md_value value;
	struct md_str text;

	for (; p < end && *p != '"'; p++)
		p += *p == '\\';
	md_json_put_plain(&plain, start, (size_t)(p - start));
	text = plain.failed ? (struct md_str){ NULL, 0 } : md_arena_str(arena, md_buf_str(&plain));
	if (!text.ptr)
		*code = md_fail_nomem(err);
	else
		*code = md_kept_bind(type, text, arena, &value, err);
	if (*code != MD_OK)
		return NULL;
	put_item(out, &value);
	return p + 1;
}

enum md_code md_kept_items(enum md_type type, struct md_arena *arena, struct md_value *list,
			   struct md_error *err)
{
	const char *p = list->text, *end = p + list->len;
	md_auto_buf out = MD_BUF(LIST_MAX);
	enum md_code code = MD_OK;
	struct md_str copy;

	if (type < MD_TYPE_KEPT_DATE || list->len == 0 || *p != '[' ||
	    memchr(p + 1, '[', list->len - 1))
		return MD_OK;
	while (p < end) {
		if (*p != '"') {
			md_buf_putc(&out, *p++);
			continue;
		}
		p = take_item(type, &out, p, end, arena, &code, err);
		if (!p)
			return code;
	}
	copy = md_arena_str(arena, md_buf_str(&out));
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*list = md_value_text(copy);
	return MD_OK;
}
