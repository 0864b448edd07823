#include "core/ops/cell.h"

#include "core/base/buf.h"
#include "core/json/write.h"
#include "core/model/rules.h"
#include "core/query/plan.h"

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

enum md_code md_cell_field(const struct md_body_cell *cell, const struct md_field *field,
			   bool texts, struct md_arena *arena, struct md_value *ret_value,
			   struct md_error *err)
{
	enum md_code code = md_cell_value(cell, field->type, texts, arena, ret_value, err);

	if (code != MD_OK || !field->def || ret_value->type == MD_NULL)
		return code;
	if (texts && field->type == MD_TYPE_JSON && ret_value->type == MD_TEXT &&
	    !md_json_is_valid(ret_value->text, ret_value->len, JSON_DEPTH))
		return md_fail(err, MD_INVALID, "22P02", "invalid input syntax for type json");
	return md_rules_fit(field->rules, arena, ret_value, err);
}
