/* Arguments in PostgreSQL's text format. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/postgres.h"

#include "core/base/banned.h"

static void put_real(struct md_buf *text, double value)
{
	char number[40];

	if (isnan(value) || isinf(value)) {
		md_buf_puts(text, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back the same */
		snprintf(number, sizeof(number), "%.*g", digits, value);
		if (strtod(number, NULL) == value)
			break;
	}
	md_buf_puts(text, number);
}

static void put_hex(struct md_buf *text, const struct md_value *value)
{
	static const char digits[] = "0123456789abcdef";
	char *out = md_buf_room(text, 2 + 2 * (size_t)value->len);

	if (!out)
		return;
	*out++ = '\\';
	*out++ = 'x';
	for (uint32_t i = 0; i < value->len; i++) {
		*out++ = digits[(unsigned char)value->text[i] >> 4];
		*out++ = digits[(unsigned char)value->text[i] & 15];
	}
	md_buf_wrote(text, 2 + 2 * (size_t)value->len);
}

static enum md_code put_value(struct md_buf *text, const struct md_value *value,
			      struct md_error *err)
{
	switch (value->type) {
	case MD_NULL:
		return MD_OK;
	case MD_INT:
		md_buf_put_i64(text, value->i);
		break;
	case MD_REAL:
		put_real(text, value->r);
		break;
	case MD_TEXT: /* the server would see the text end at the NUL */
		if (value->len > 0 && memchr(value->text, '\0', value->len))
			return md_fail(err, MD_INVALID, "22021",
				       "invalid byte sequence for encoding \"UTF8\": 0x00");
		md_buf_put(text, value->text, value->len);
		break;
	case MD_BLOB:
		put_hex(text, value);
		break;
	}
	md_buf_putc(text, '\0');
	return MD_OK;
}

static bool make_room(struct md_pg_binds *binds, unsigned count)
{
	unsigned cap = count < 16 ? 16 : count;
	void *offsets, *values;

	if (count <= binds->cap)
		return true;
	offsets = realloc(binds->offsets, cap * sizeof(size_t));
	if (offsets)
		binds->offsets = offsets;
	values = realloc(binds->values, cap * sizeof(char *));
	if (values)
		binds->values = values;
	if (!offsets || !values)
		return false;
	binds->cap = cap;
	return true;
}

enum md_code md_pg_binds_render(struct md_pg_binds *binds, const struct md_call *calls,
				unsigned count, struct md_error *err)
{
	unsigned params = 0, at = 0;

	for (unsigned i = 0; i < count; i++)
		params += calls[i].stmt->params;
	md_buf_clear(&binds->text);
	binds->count = 0;
	if (!make_room(binds, params))
		return md_fail_nomem(err);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned p = 0; p < calls[i].stmt->params; p++) {
			const struct md_value *value = &calls[i].args[p];
			enum md_code code;

			binds->offsets[at++] = value->type == MD_NULL ? SIZE_MAX : binds->text.len;
			code = put_value(&binds->text, value, err);
			if (code != MD_OK)
				return code;
		}
	}
	if (binds->text.failed)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < params; i++)
		binds->values[i] =
			binds->offsets[i] == SIZE_MAX ? NULL : binds->text.data + binds->offsets[i];
	binds->count = params;
	return MD_OK;
}

void md_pg_binds_release(struct md_pg_binds *binds)
{
	md_buf_release(&binds->text);
	free(binds->offsets);
	free(binds->values);
}
