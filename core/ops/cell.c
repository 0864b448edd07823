#include "core/ops/cell.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/json/write.h"
#include "core/model/define.h"
#include "core/model/rules.h"
#include "core/query/kept.h"

#include "core/base/banned.h"

enum { QUOTED_MAX = 64 * 1024 * 1024, JSON_DEPTH = 64 };

static bool takes_any_text(enum md_type type)
{
	return type == MD_TYPE_TEXT || type == MD_TYPE_OTHER;
}

/* A string for a JSON column is JSON again: with its quotes. */
static enum md_code quote(struct md_str text, struct md_arena *arena, struct md_value *ret_value,
			  struct md_error *err)
{
	md_auto_buf out = MD_BUF(QUOTED_MAX);
	struct md_str copy;

	md_json_write_string(&out, text.ptr, text.len);
	copy = md_arena_str(arena, (struct md_str){ out.data, out.len });
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*ret_value = md_value_text(copy);
	return MD_OK;
}

/* false, true, numbers, objects and arrays as the text that they are. */
static struct md_str text_of(const struct md_body_cell *cell)
{
	if (cell->kind == MD_CELL_BOOL)
		return cell->truth ? MD_STR("true") : MD_STR("false");
	return cell->text;
}

enum md_code md_cell_value(const struct md_body_cell *cell, enum md_type type, bool texts,
			   struct md_arena *arena, struct md_value *ret_value, struct md_error *err)
{
	if (cell->kind == MD_CELL_ABSENT || cell->kind == MD_CELL_NULL) {
		*ret_value = md_value_null();
		return MD_OK;
	}
	if (type == MD_TYPE_JSON && cell->kind == MD_CELL_STRING && !texts)
		return quote(cell->text, arena, ret_value, err);
	if (type == MD_TYPE_ANY && cell->kind == MD_CELL_BOOL) {
		*ret_value = md_value_int(cell->truth);
		return MD_OK;
	}
	if (type == MD_TYPE_JSON || takes_any_text(type) ||
	    (type == MD_TYPE_ANY && cell->kind == MD_CELL_STRING)) {
		*ret_value = md_value_text(text_of(cell));
		return MD_OK;
	}
	return md_bind_typed(type, text_of(cell), arena, ret_value, err);
}

static enum md_code fail_json(struct md_error *err)
{
	return md_fail(err, MD_INVALID, "22P02", "invalid input syntax for type json");
}

static bool begins_with(struct md_str text, char c)
{
	text = md_str_trim(text);
	return text.len > 0 && text.ptr[0] == c;
}

/* A list may be written as an array literal wherever a text may stand. */
static enum md_code read_list(const struct md_body_cell *cell, const struct md_field *field,
			      bool texts, struct md_arena *arena, struct md_value *ret_value,
			      struct md_error *err)
{
	bool literal = cell->kind == MD_CELL_STRING && begins_with(cell->text, '{');

	if (literal)
		return md_kept_list(md_kept_list_of(field->def), md_str_trim(cell->text), arena,
				    ret_value, err);
	if (cell->kind == MD_CELL_STRING && !texts)
		return quote(cell->text, arena, ret_value, err);
	if (!md_json_is_valid(text_of(cell).ptr, text_of(cell).len, JSON_DEPTH))
		return fail_json(err);
	return md_kept_json(text_of(cell), arena, ret_value, err);
}

static enum md_code take_list(const struct md_body_cell *cell, const struct md_field *field,
			      bool texts, struct md_arena *arena, struct md_value *ret_value,
			      struct md_error *err)
{
	enum md_code code = read_list(cell, field, texts, arena, ret_value, err);

	if (code != MD_OK)
		return code;
	return md_kept_items(md_kept_items_of(field->def), arena, ret_value, err);
}

static enum md_code take_json(const struct md_body_cell *cell, bool texts, struct md_arena *arena,
			      struct md_value *ret_value, struct md_error *err)
{
	if (cell->kind == MD_CELL_STRING && !texts)
		return quote(cell->text, arena, ret_value, err);
	if (texts && !md_json_is_valid(text_of(cell).ptr, text_of(cell).len, JSON_DEPTH))
		return fail_json(err);
	return md_kept_json(text_of(cell), arena, ret_value, err);
}

/* A column that others made may hold dates and UUIDs in a form of theirs: it gets them as they
 * come, but nothing else. */
static enum md_code check_form(const struct md_field *field, const struct md_value *value,
			       struct md_arena *arena, struct md_error *err)
{
	static const enum md_type forms[MD_TYPE_COUNT] = {
		[MD_TYPE_DATE] = MD_TYPE_KEPT_DATE,
		[MD_TYPE_TIME] = MD_TYPE_KEPT_TIME,
		[MD_TYPE_TIMESTAMP] = MD_TYPE_KEPT_TIMESTAMP,
		[MD_TYPE_TIMESTAMPTZ] = MD_TYPE_KEPT_TIMESTAMP,
		[MD_TYPE_UUID] = MD_TYPE_KEPT_UUID,
	};
	struct md_value kept;

	if (forms[field->type] == MD_TYPE_ANY || value->type != MD_TEXT)
		return MD_OK;
	return md_kept_bind(forms[field->type], (struct md_str){ value->text, value->len }, arena,
			    &kept, err);
}

enum md_code md_cell_field(const struct md_body_cell *cell, const struct md_field *field,
			   bool texts, struct md_arena *arena, struct md_value *ret_value,
			   struct md_error *err)
{
	bool given = cell->kind != MD_CELL_ABSENT && cell->kind != MD_CELL_NULL;
	enum md_code code;

	if (field->def && given && field->def->type == MD_DEF_ARRAY)
		return take_list(cell, field, texts, arena, ret_value, err);
	if (field->def && given && field->type == MD_TYPE_JSON)
		return take_json(cell, texts, arena, ret_value, err);
	code = md_cell_value(cell, field->type, texts, arena, ret_value, err);
	if (code != MD_OK || !field->def || ret_value->type == MD_NULL)
		return code;
	code = check_form(field, ret_value, arena, err);
	return code == MD_OK ? md_rules_fit(field->rules, arena, ret_value, err) : code;
}

static bool is_same(const struct md_value *a, const struct md_value *b)
{
	if (a->type == MD_INT && b->type == MD_INT)
		return a->i == b->i;
	if (a->type <= MD_REAL && b->type <= MD_REAL) {
		double x = a->type == MD_INT ? (double)a->i : a->r;
		double y = b->type == MD_INT ? (double)b->i : b->r;

		return x >= y && x <= y;
	}
	return a->type == b->type && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* An instant without an offset is one of the session's zone, which we do not know. */
static bool has_offset(struct md_str text)
{
	enum { DATE = 10 };

	for (size_t i = DATE; i < text.len; i++)
		if (strchr("+-Zz", text.ptr[i]))
			return true;
	return false;
}

/* The type in whose one form equal values are equal texts. */
static enum md_type form_of(enum md_type type, struct md_str a, struct md_str b)
{
	static const enum md_type forms[MD_TYPE_COUNT] = {
		[MD_TYPE_DATE] = MD_TYPE_KEPT_DATE,
		[MD_TYPE_TIMESTAMP] = MD_TYPE_KEPT_TIMESTAMP,
		[MD_TYPE_TIMESTAMPTZ] = MD_TYPE_KEPT_TIMESTAMPTZ,
		[MD_TYPE_UUID] = MD_TYPE_KEPT_UUID,
	};

	if (type == MD_TYPE_TIMESTAMPTZ && (!has_offset(a) || !has_offset(b)))
		return type;
	return forms[type] ? forms[type] : type;
}

/* {1,2} in a URL is [1,2] in a body. */
static bool is_same_list(const struct md_field *field, struct md_str list, struct md_str text,
			 struct md_arena *arena)
{
	enum md_bind_as as =
		takes_any_text(field->element_type) ? MD_BIND_ARRAY_TEXT : MD_BIND_ARRAY;
	struct md_value a, b;

	return field->kind == MD_KIND_ARRAY && md_kept_json(list, arena, &a, NULL) == MD_OK &&
	       md_kept_list(as, text, arena, &b, NULL) == MD_OK && is_same(&a, &b);
}

bool md_cell_is(const struct md_body_cell *cell, const struct md_field *field, struct md_str text,
		struct md_arena *arena)
{
	bool number = cell->kind == MD_CELL_NUMBER;
	enum md_type type;
	struct md_value a, b;

	if (cell->kind == MD_CELL_ABSENT || cell->kind == MD_CELL_NULL)
		return false;
	if (cell->kind == MD_CELL_JSON)
		return is_same_list(field, text_of(cell), text, arena);
	if (md_str_equal(text_of(cell), text))
		return true;
	/* Without a type, what looks like a number is one in a URL, but in a body only if it is. */
	type = form_of(field->type, text_of(cell), text);
	if (takes_any_text(type) || (type == MD_TYPE_ANY && !number))
		return false;
	return md_bind_typed(type, text_of(cell), arena, &a, NULL) == MD_OK &&
	       md_bind_typed(type, text, arena, &b, NULL) == MD_OK && is_same(&a, &b);
}
