/* Private to core/json: what a cell becomes under a codec. The one definition that both sinks and
 * so both kinds of answer share. With a constant codec the compiler reduces md_form_of() to the
 * cell's type. */
#ifndef MD_CORE_JSON_CODEC_H
#define MD_CORE_JSON_CODEC_H
#include <stdbool.h>
#include <stddef.h>

#include "core/db/value.h"
#include "core/json/shape.h"
#include "core/json/write.h"

enum {
	MD_CODEC_JSON_DEPTH = 512, /* JSON texts nested deeper are quoted */
	MD_TIMESTAMP_ROOM = 64
};

enum md_form {
	MD_FORM_NULL,
	MD_FORM_INT,
	MD_FORM_REAL,
	MD_FORM_QUOTED_INT,
	MD_FORM_QUOTED_REAL,
	MD_FORM_FALSE,
	MD_FORM_TRUE,
	MD_FORM_STRING,
	MD_FORM_NUMBER, /* text that is a JSON number */
	MD_FORM_JSON,   /* text that is JSON */
	MD_FORM_TIMESTAMP,
	MD_FORM_KEPT,
	MD_FORM_HEX
};

static inline enum md_form md_form_of_text(enum md_codec codec, const struct md_value *cell)
{
	switch (codec) {
	case MD_AS_ANY:
	case MD_AS_STRING:
	case MD_AS_TEXT:
		return MD_FORM_STRING;
	case MD_AS_NUMBER_TEXT:
		return md_json_is_number(cell->text, cell->len) ? MD_FORM_NUMBER : MD_FORM_STRING;
	case MD_AS_BOOL:
		if (cell->len == 1 && (*cell->text == 't' || *cell->text == 'f'))
			return *cell->text == 't' ? MD_FORM_TRUE : MD_FORM_FALSE;
		return MD_FORM_STRING;
	case MD_AS_JSON:
		return md_json_is_valid(cell->text, cell->len, MD_CODEC_JSON_DEPTH)
			       ? MD_FORM_JSON
			       : MD_FORM_STRING;
	case MD_AS_JSON_CHECKED:
	case MD_AS_JSON_MADE:
		return MD_FORM_JSON;
	case MD_AS_TIMESTAMP:
		return MD_FORM_TIMESTAMP;
	case MD_AS_KEPT:
		return MD_FORM_KEPT;
	}
	__builtin_unreachable();
}

static inline enum md_form md_form_of(enum md_codec codec, const struct md_value *cell)
{
	switch (cell->type) {
	case MD_NULL:
		return MD_FORM_NULL;
	case MD_INT:
		if (codec == MD_AS_BOOL && (cell->i == 0 || cell->i == 1))
			return cell->i ? MD_FORM_TRUE : MD_FORM_FALSE;
		return codec == MD_AS_TEXT ? MD_FORM_QUOTED_INT : MD_FORM_INT;
	case MD_REAL:
		return codec == MD_AS_TEXT ? MD_FORM_QUOTED_REAL : MD_FORM_REAL;
	case MD_TEXT:
		return md_form_of_text(codec, cell);
	case MD_BLOB:
		return MD_FORM_HEX;
	}
	__builtin_unreachable();
}

/** PostgreSQL's timestamp text as row_to_json writes it, into `out` (MD_TIMESTAMP_ROOM bytes).
 * Returns its length; 0: this is no such text (infinity, something else): take it as it is. */
size_t md_timestamp_text(char *out, const char *ptr, size_t len);
/** A time that is kept (23:59:59.120000, with a date in front of it, an offset behind it) without
 * the zeros that PostgreSQL does not show; the same promises. */
size_t md_kept_text(char *out, const char *ptr, size_t len);
#endif
