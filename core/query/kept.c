#include "core/query/kept.h"

#include <string.h>

#include "core/base/decimal.h"
#include "core/base/moment.h"
#include "core/query/plan.h"

#include "core/base/banned.h"

enum { UUID_LEN = 36 };

static enum md_code keep(const char *text, size_t len, struct md_arena *arena,
			 struct md_value *ret_value, struct md_error *err)
{
	const char *copy = md_arena_strndup(arena, text, len);

	if (!copy)
		return md_fail_nomem(err);
	*ret_value = md_value_text((struct md_str){ copy, len });
	return MD_OK;
}

/* --- dates and times ---------------------------------------------------------------------------
 */

static enum md_code fail_range(struct md_str text, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "22008", "date/time field value out of range: \"%.*s\"",
		       MD_STR_ARG(text));
}

static enum md_code fail_form(enum md_type type, struct md_str text, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "22007", "invalid input syntax for type %s: \"%.*s\"",
		       md_type_name(type), MD_STR_ARG(text));
}

/* What is said in full must say where: a date alone is midnight UTC. */
static enum md_code fail_naive(enum md_type type, struct md_str text, struct md_error *err)
{
	fail_form(type, text, err);
	md_error_hint(err, "An offset from UTC is needed: Z, or +02:00.");
	return MD_INVALID;
}

/* What a value of a type has of a moment. */
static unsigned parts_of(enum md_type type)
{
	static const unsigned char parts[MD_TYPE_COUNT] = {
		[MD_TYPE_KEPT_DATE] = MD_MOMENT_DATE,
		[MD_TYPE_KEPT_TIME] = MD_MOMENT_TIME,
		[MD_TYPE_KEPT_TIMESTAMP] = MD_MOMENT_DATE | MD_MOMENT_TIME,
		[MD_TYPE_KEPT_TIMESTAMPTZ] = MD_MOMENT_DATE | MD_MOMENT_TIME | MD_MOMENT_ZONE,
	};

	return parts[type];
}

static enum md_code bind_moment(enum md_type type, struct md_str text, struct md_arena *arena,
				struct md_value *ret_value, struct md_error *err)
{
	unsigned parts = parts_of(type);
	char out[MD_MOMENT_ROOM];
	struct md_moment m;

	switch (md_moment_read(text, &m)) {
	case MD_MOMENT_BAD_SYNTAX:
		return fail_form(type, text, err);
	case MD_MOMENT_OUT_OF_RANGE:
		return fail_range(text, err);
	case MD_MOMENT_READ:
		break;
	}
	/* A date alone is its midnight. */
	if (parts & MD_MOMENT_DATE ? !m.has_date : !m.has_time)
		return fail_form(type, text, err);
	if ((parts & MD_MOMENT_ZONE) && m.has_time && !m.has_zone)
		return fail_naive(type, text, err);
	if (!md_moment_is_kept_as(&m, parts))
		return fail_range(text, err);
	return keep(out, md_moment_keep(&m, parts, out), arena, ret_value, err);
}

/* --- others ------------------------------------------------------------------------------------
 */

static enum md_code fail_syntax(enum md_type type, struct md_str text, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "22P02", "invalid input syntax for type %s: \"%.*s\"",
		       md_type_name(type), MD_STR_ARG(text));
}

static enum md_code bind_uuid(enum md_type type, struct md_str text, struct md_arena *arena,
			      struct md_value *ret_value, struct md_error *err)
{
	char out[UUID_LEN];

	if (!md_uuid_from_text(text, out))
		return fail_syntax(type, text, err);
	return keep(out, sizeof(out), arena, ret_value, err);
}

static enum md_code bind_decimal(enum md_type type, struct md_str text, struct md_arena *arena,
				 struct md_value *ret_value, struct md_error *err)
{
	char out[MD_DECIMAL_MAX];
	size_t len;

	switch (md_decimal_normalize(md_str_trim(text), out, &len)) {
	case MD_DECIMAL_BAD_SYNTAX:
		return fail_syntax(type, text, err);
	case MD_DECIMAL_OUT_OF_RANGE:
		return md_fail(err, MD_INVALID, "22003", "value overflows numeric format");
	case MD_DECIMAL_READ:
		break;
	}
	return keep(out, len, arena, ret_value, err);
}

/* --- bytes -------------------------------------------------------------------------------------
 */

/* Of either alphabet, with or without the signs that fill it up. */
static int base64_digit(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(letters, c) : NULL;

	if (c == '-' || c == '_')
		return c == '-' ? 62 : 63;
	return at ? (int)(at - letters) : -1;
}

static enum md_code bind_base64(struct md_str text, char *bytes, size_t *ret_len,
				struct md_error *err)
{
	unsigned bits = 0, have = 0;
	size_t digits = text.len;

	while (digits > 0 && text.len - digits < 2 && text.ptr[digits - 1] == '=')
		digits--;
	if (digits % 4 == 1 || (digits < text.len && text.len % 4 != 0))
		return md_fail(err, MD_INVALID, "22023", "invalid base64 data");
	for (size_t i = 0; i < digits; i++) {
		int digit = base64_digit(text.ptr[i]);

		if (digit < 0)
			return md_fail(err, MD_INVALID, "22023", "invalid base64 data");
		bits = bits << 6 | (unsigned)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		bytes[(*ret_len)++] = (char)(bits >> have & 0xFF);
	}
	return MD_OK;
}

static enum md_code bind_bytes(enum md_type type, struct md_str text, struct md_arena *arena,
			       struct md_value *ret_value, struct md_error *err)
{
	size_t len = 0;
	enum md_code code;
	char *bytes;

	(void)type;
	if (md_str_starts_with(text, MD_STR("\\x")))
		return md_bind_typed(MD_TYPE_BYTES, text, arena, ret_value, err);
	bytes = md_arena_alloc(arena, text.len + 1);
	if (!bytes)
		return md_fail_nomem(err);
	code = bind_base64(text, bytes, &len, err);
	if (code == MD_OK)
		*ret_value =
			(struct md_value){ .type = MD_BLOB, .len = (uint32_t)len, .text = bytes };
	return code;
}

enum md_code md_kept_bind(enum md_type type, struct md_str text, struct md_arena *arena,
			  struct md_value *ret_value, struct md_error *err)
{
	typedef enum md_code bind_fn(enum md_type, struct md_str, struct md_arena *,
				     struct md_value *, struct md_error *);
	static bind_fn *const binders[MD_TYPE_COUNT] = {
		[MD_TYPE_KEPT_DATE] = bind_moment,      [MD_TYPE_KEPT_TIME] = bind_moment,
		[MD_TYPE_KEPT_TIMESTAMP] = bind_moment, [MD_TYPE_KEPT_TIMESTAMPTZ] = bind_moment,
		[MD_TYPE_KEPT_UUID] = bind_uuid,        [MD_TYPE_KEPT_NUMERIC] = bind_decimal,
		[MD_TYPE_KEPT_BYTES] = bind_bytes,
	};

	return binders[type](type, text, arena, ret_value, err);
}
