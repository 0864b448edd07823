/* Running the bind program: the values of a request, checked against their columns, in PostgreSQL's
 * words when they do not fit. SQLite compares 'abc' with an integer without complaint; a client
 * must hear about it. */
#include "core/json/write.h"
#include "core/query/kept.h"
#include "core/query/plan.h"

#include "core/base/banned.h"

static enum md_code fail_syntax(enum md_type type, struct md_str value, struct md_error *err)
{
	return md_fail(err, MD_INVALID, "22P02", "invalid input syntax for type %s: \"%.*s\"",
		       md_type_name(type), MD_STR_ARG(value));
}

static struct md_str trim_space(struct md_str s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r'))) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 &&
	       (s.ptr[s.len - 1] == ' ' || (s.ptr[s.len - 1] >= '\t' && s.ptr[s.len - 1] <= '\r')))
		s.len--;
	return s;
}

static enum md_code bind_integer(enum md_type type, struct md_str text, struct md_value *ret_value,
				 struct md_error *err)
{
	struct md_str digits = trim_space(text), rest;
	int64_t i;

	if (md_str_to_i64(digits, &i)) {
		*ret_value = md_value_int(i);
		return MD_OK;
	}
	rest = digits;
	if (rest.len > 1 && (rest.ptr[0] == '-' || rest.ptr[0] == '+')) {
		rest.ptr++;
		rest.len--;
	}
	for (size_t k = 0; k < rest.len; k++)
		if (rest.ptr[k] < '0' || rest.ptr[k] > '9')
			return fail_syntax(type, text, err);
	if (rest.len == 0)
		return fail_syntax(type, text, err);
	return md_fail(err, MD_INVALID, "22003", "value \"%.*s\" is out of range for type %s",
		       MD_STR_ARG(text), md_type_name(type));
}

/* A number that a double cannot hold, or only as 0. */
static enum md_code fail_beyond(enum md_type type, struct md_str text, struct md_error *err)
{
	if (type != MD_TYPE_FLOAT)
		return md_fail(err, MD_INVALID, "22003", "value overflows numeric format");
	return md_fail(err, MD_INVALID, "22003", "\"%.*s\" is out of range for type %s",
		       MD_STR_ARG(text), md_type_name(type));
}

static bool is_number(struct md_str text)
{
	bool plus = text.len > 0 && text.ptr[0] == '+';

	return md_json_is_number(text.ptr + plus, text.len - plus);
}

/* Whether a digit before the exponent is another than 0. */
static bool is_something(struct md_str number)
{
	for (size_t i = 0; i < number.len && (number.ptr[i] | 0x20) != 'e'; i++)
		if (number.ptr[i] >= '1' && number.ptr[i] <= '9')
			return true;
	return false;
}

static enum md_code bind_number(enum md_type type, struct md_str text, struct md_value *ret_value,
				struct md_error *err)
{
	struct md_str digits = trim_space(text);
	int64_t i;
	double r;

	if (md_str_to_i64(digits, &i)) {
		*ret_value = md_value_int(i);
		return MD_OK;
	}
	if (!md_str_to_double(digits, &r))
		return is_number(digits) ? fail_beyond(type, digits, err)
					 : fail_syntax(type, text, err);
	if (r == 0 && type == MD_TYPE_FLOAT && is_something(digits))
		return fail_beyond(type, digits, err);
	*ret_value = md_value_real(r);
	return MD_OK;
}

/* PostgreSQL's spellings, each of which may be cut short as long as it stays unique. */
static enum md_code bind_bool(enum md_type type, struct md_str text, struct md_value *ret_value,
			      struct md_error *err)
{
	static const struct {
		const char *word;
		unsigned shortest;
		bool value;
	} words[] = { { "true", 1, true }, { "false", 1, false }, { "yes", 1, true },
		      { "no", 1, false },  { "on", 2, true },     { "off", 2, false },
		      { "1", 1, true },    { "0", 1, false } };
	struct md_str word = trim_space(text);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct md_str whole = md_str_of(words[i].word);

		if (word.len < words[i].shortest || word.len > whole.len)
			continue;
		whole.len = word.len;
		if (md_str_equal_nocase(whole, word)) {
			*ret_value = md_value_int(words[i].value);
			return MD_OK;
		}
	}
	return fail_syntax(type, text, err);
}

static enum md_code bind_text(enum md_type type, struct md_str text, struct md_value *ret_value,
			      struct md_error *err)
{
	(void)type;
	(void)err;
	*ret_value = md_value_text(text);
	return MD_OK;
}

/* A column without a type compares by storage class: what looks like a number is one. */
static enum md_code bind_any(enum md_type type, struct md_str text, struct md_value *ret_value,
			     struct md_error *err)
{
	if (bind_number(type, text, ret_value, NULL) == MD_OK)
		return MD_OK;
	return bind_text(type, text, ret_value, err);
}

typedef enum md_code bind_fn(enum md_type type, struct md_str text, struct md_value *ret_value,
			     struct md_error *err);
static bind_fn *const binders[] = {
	[MD_TYPE_ANY] = bind_any,        [MD_TYPE_INT2] = bind_integer,
	[MD_TYPE_INT4] = bind_integer,   [MD_TYPE_INT8] = bind_integer,
	[MD_TYPE_FLOAT] = bind_number,   [MD_TYPE_NUMERIC] = bind_number,
	[MD_TYPE_BOOL] = bind_bool,      [MD_TYPE_TEXT] = bind_text,
	[MD_TYPE_DATE] = bind_text,      [MD_TYPE_TIME] = bind_text,
	[MD_TYPE_TIMESTAMP] = bind_text, [MD_TYPE_TIMESTAMPTZ] = bind_text,
	[MD_TYPE_UUID] = bind_text,      [MD_TYPE_JSON] = bind_text,
	[MD_TYPE_BYTES] = bind_text,     [MD_TYPE_OTHER] = bind_text,
};

static enum md_code fail_hex(struct md_str text, size_t at, struct md_error *err)
{
	size_t len = 1;

	if (at >= text.len)
		return md_fail(err, MD_INVALID, "22023",
			       "invalid hexadecimal data: odd number of digits");
	while (at + len < text.len && ((unsigned char)text.ptr[at + len] & 0xC0) == 0x80)
		len++;
	return md_fail(err, MD_INVALID, "22023", "invalid hexadecimal digit: \"%.*s\"", (int)len,
		       text.ptr + at);
}

/* \x0a0b → a blob; anything else is compared as the text it is. */
static enum md_code bind_bytes(struct md_str text, struct md_arena *arena,
			       struct md_value *ret_value, struct md_error *err)
{
	char *bytes;

	if (text.len < 2 || text.ptr[0] != '\\' || text.ptr[1] != 'x')
		return bind_text(MD_TYPE_BYTES, text, ret_value, err);
	bytes = md_arena_alloc(arena, text.len / 2);
	if (!bytes)
		return md_fail_nomem(err);
	for (size_t i = 2; i < text.len; i += 2) {
		int high = md_hex_digit(text.ptr[i]),
		    low = i + 1 < text.len ? md_hex_digit(text.ptr[i + 1]) : -1;

		if (high < 0 || low < 0)
			return fail_hex(text, high < 0 ? i : i + 1, err);
		bytes[(i - 2) / 2] = (char)(high * 16 + low);
	}
	*ret_value = (struct md_value){ .type = MD_BLOB,
					.len = (uint32_t)((text.len - 2) / 2),
					.text = bytes };
	return MD_OK;
}

static enum md_code bind_pattern(struct md_str text, struct md_arena *arena,
				 struct md_value *ret_value, struct md_error *err)
{
	char *copy;

	if (!memchr(text.ptr, '*', text.len))
		return bind_text(MD_TYPE_TEXT, text, ret_value, err);
	copy = md_arena_strndup(arena, text.ptr, text.len);
	if (!copy)
		return md_fail_nomem(err);
	for (size_t i = 0; i < text.len; i++)
		if (copy[i] == '*')
			copy[i] = '%';
	*ret_value = md_value_text((struct md_str){ copy, text.len });
	return MD_OK;
}

/* The literal beginning of a pattern; with `high`, the first text (in byte order) behind all that
 * begin with it. */
static enum md_code bind_prefix(struct md_str text, bool high, struct md_arena *arena,
				struct md_value *ret_value, struct md_error *err)
{
	size_t len = 0;
	char *copy;

	while (len < text.len && !memchr("*%_\\", text.ptr[len], 4))
		len++;
	copy = md_arena_strndup(arena, text.ptr, len);
	if (!copy)
		return md_fail_nomem(err);
	if (high && len > 0)
		copy[len - 1]++; /* never 0xFF in UTF-8 */
	*ret_value = md_value_text((struct md_str){ copy, len });
	return MD_OK;
}

/* What is kept of bytes, as PostgreSQL reads it. */
static enum md_code bind_kept(enum md_type type, struct md_str text, struct md_arena *arena,
			      struct md_value *ret_value, struct md_error *err)
{
	md_auto_buf out = MD_BUF(1u << 24);
	struct md_value value;
	struct md_str copy;
	enum md_code code = md_kept_bind(type, text, arena, &value, err);

	if (code != MD_OK || value.type != MD_BLOB) {
		if (code == MD_OK)
			*ret_value = value;
		return code;
	}
	md_buf_puts(&out, "\\x");
	for (uint32_t i = 0; i < value.len; i++)
		md_buf_printf(&out, "%02x", (unsigned char)value.text[i]);
	copy = md_arena_str(arena, md_buf_str(&out));
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*ret_value = md_value_text(copy);
	return MD_OK;
}

/* Lists; `type` is that of their elements where it is one that is kept in a form of its own. */
static enum md_code bind_items(const struct md_bind *bind, struct md_str text,
			       struct md_arena *arena, struct md_value *ret_value,
			       struct md_error *err)
{
	enum md_code code;

	if (bind->as == MD_BIND_LITERAL)
		return md_kept_literal(text, arena, ret_value, err);
	code = md_kept_list(bind->as, text, arena, ret_value, err);
	return code == MD_OK ? md_kept_items(bind->type, arena, ret_value, err) : code;
}

static enum md_code bind_one(const struct md_bind *bind, struct md_str text, struct md_arena *arena,
			     struct md_value *ret_value, struct md_error *err)
{
	if (!md_str_is_given(text)) { /* NULL in eq(any).{a,NULL} */
		*ret_value = md_value_null();
		return MD_OK;
	}
	switch (bind->as) {
	case MD_BIND_TEXT:
		return bind_text(MD_TYPE_TEXT, text, ret_value, err);
	case MD_BIND_PATTERN:
		return bind_pattern(text, arena, ret_value, err);
	case MD_BIND_PREFIX_LOW:
	case MD_BIND_PREFIX_HIGH:
		return bind_prefix(text, bind->as == MD_BIND_PREFIX_HIGH, arena, ret_value, err);
	case MD_BIND_JSON:
	case MD_BIND_ARRAY:
	case MD_BIND_ARRAY_TEXT:
	case MD_BIND_LITERAL:
		return bind_items(bind, text, arena, ret_value, err);
	case MD_BIND_COMPACT:
		return md_kept_json(text, arena, ret_value, err);
	case MD_BIND_KEPT:
		return bind_kept(bind->type, text, arena, ret_value, err);
	case MD_BIND_TYPED:
		break;
	}
	if (bind->type >= MD_TYPE_KEPT_DATE)
		return md_kept_bind(bind->type, text, arena, ret_value, err);
	if (bind->type == MD_TYPE_BYTES)
		return bind_bytes(text, arena, ret_value, err);
	return binders[bind->type](bind->type, text, ret_value, err);
}

enum md_code md_bind_typed(enum md_type type, struct md_str text, struct md_arena *arena,
			   struct md_value *ret_value, struct md_error *err)
{
	const struct md_bind bind = { .as = MD_BIND_TYPED, .type = type };

	return bind_one(&bind, text, arena, ret_value, err);
}

/* An array literal: every element in quotes, so that only those that are not given are NULL. */
static enum md_code bind_list(const struct md_plan_values *values, const struct md_bind *bind,
			      struct md_value *ret_value, struct md_error *err)
{
	const struct md_filter *filter = values->walk->filters[bind->index];
	md_auto_buf out = MD_BUF(1u << 24);
	struct md_value value;
	struct md_str copy;

	md_buf_putc(&out, '{');
	for (unsigned i = 0; i < filter->value_count; i++) {
		struct md_str text = values->query->values[filter->value + i];

		if (i > 0)
			md_buf_putc(&out, bind->delimiter ? bind->delimiter : ',');
		if (!md_str_is_given(text)) {
			md_buf_puts(&out, "NULL");
			continue;
		}
		if (bind->as == MD_BIND_KEPT) {
			enum md_code code = bind_kept(bind->type, text, values->arena, &value, err);

			if (code != MD_OK)
				return code;
			text = (struct md_str){ value.text, value.len };
		}
		md_buf_putc(&out, '"');
		for (size_t k = 0; k < text.len; k++) {
			bool star = bind->as == MD_BIND_PATTERN && text.ptr[k] == '*';

			if (text.ptr[k] == '"' || text.ptr[k] == '\\')
				md_buf_putc(&out, '\\');
			md_buf_putc(&out, star ? '%' : text.ptr[k]);
		}
		md_buf_putc(&out, '"');
	}
	md_buf_putc(&out, '}');
	copy = md_arena_str(values->arena, md_buf_str(&out));
	if (out.failed || !copy.ptr)
		return md_fail_nomem(err);
	*ret_value = md_value_text(copy);
	return MD_OK;
}

static struct md_str filter_value(const struct md_plan_values *values, const struct md_bind *bind)
{
	const struct md_filter *filter = values->walk->filters[bind->index];
	unsigned item = bind->item < filter->value_count ? bind->item : filter->value_count - 1;

	return values->query->values[filter->value + item];
}

static enum md_code bind_key(const struct md_plan_values *values, const struct md_bind *bind,
			     struct md_value *ret_value, struct md_error *err)
{
	struct md_str part = values->key[bind->index];

	if (bind_one(bind, part, values->arena, ret_value, NULL) == MD_OK)
		return MD_OK;
	md_fail(err, MD_NOT_FOUND, "MD404", "no row has the key '%.*s'", MD_STR_ARG(part));
	md_error_hint(err, "the key is of type %s", md_type_name(bind->type));
	return MD_NOT_FOUND;
}

enum md_code md_plan_bind(const struct md_plan_stmt *stmt, const struct md_plan_values *values,
			  struct md_value *args, struct md_error *err)
{
	for (unsigned i = 0; i < stmt->stmt.params; i++) {
		const struct md_bind *bind = &stmt->binds[i];
		enum md_code code = MD_OK;

		switch (bind->from) {
		case MD_FROM_FILTER:
			code = bind_one(bind, filter_value(values, bind), values->arena, &args[i],
					err);
			break;
		case MD_FROM_LIST:
			code = bind_list(values, bind, &args[i], err);
			break;
		case MD_FROM_OFFSET:
			args[i] = md_value_int(
				bind->index == 0 ? values->offset
						 : values->walk->offsets[bind->index]->offset);
			break;
		case MD_FROM_KEY:
			code = bind_key(values, bind, &args[i], err);
			break;
		case MD_FROM_PLAN:
			args[i] = md_value_text(bind->text);
			break;
		case MD_FROM_PARENT: /* filled in by the sink, */
		case MD_FROM_KEYS:   /* by the write, */
		case MD_FROM_DOCUMENT:
		case MD_FROM_MADE:
		case MD_FROM_BODY: /* and for every row of the body */
			args[i] = md_value_null();
			break;
		}
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}
