/* JSON bodies, first pass: values, whatever they belong to. */
#include <stdlib.h>

#include "core/json/body_json.h"
#include "core/json/raw.h"
#include "core/json/swar.h"

#include "core/base/banned.h"

enum { FIRST_KEYS = 32, FEW_KEYS = 12 };

const char *md_json_refuse(struct md_json *json, enum md_code code)
{
	json->code = code;
	return NULL;
}

const char *md_json_too_large(struct md_json *json, size_t limit, const char *of_what)
{
	return md_json_refuse(json, md_fence_too_large(json->fence, limit, of_what));
}

static const char *scan_hex4(const char *p, const char *end, unsigned *ret_unit)
{
	unsigned unit = 0;

	if (end - p < 4)
		return NULL;
	for (int i = 0; i < 4; i++, p++) {
		unsigned char c = (unsigned char)(*p | 32);

		if (*p >= '0' && *p <= '9')
			unit = unit * 16 + (unsigned)(*p - '0');
		else if (c >= 'a' && c <= 'f')
			unit = unit * 16 + (unsigned)(c - 'a') + 10;
		else
			return NULL;
	}
	*ret_unit = unit;
	return p;
}

/* Behind "\u". Halves of a surrogate pair must not stand alone: they are no characters. */
static const char *check_unicode(struct md_json *json, const char *p)
{
	unsigned unit, low;

	p = scan_hex4(p, json->end, &unit);
	if (!p)
		return NULL;
	if (unit == 0)
		return md_json_refuse(json, md_fence_nul(json->fence));
	if (unit < 0xD800 || unit > 0xDFFF)
		return p;
	if (unit > 0xDBFF || json->end - p < 2 || p[0] != '\\' || p[1] != 'u')
		return NULL;
	p = scan_hex4(p + 2, json->end, &low);
	return p && low >= 0xDC00 && low <= 0xDFFF ? p : NULL;
}

/* At the backslash. */
static const char *check_escape(struct md_json *json, const char *p)
{
	json->escaped = true;
	if (json->end - p < 2)
		return NULL;
	if (p[1] == 'u')
		return check_unicode(json, p + 2);
	return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
}

static inline const char *skip_plain(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t marks = md_swar_special(md_swar_load(p));

		if (marks != 0)
			return p + md_swar_first(marks);
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
	       *p != '\\')
		p++;
	return p;
}

/* Behind the quote; returns the place behind the closing one. */
static const char *check_string(struct md_json *json, const char *p)
{
	const char *start = p;
	size_t len, bad;

	for (p = skip_plain(p, json->end); p < json->end; p = skip_plain(p, json->end)) {
		if (*p == '"')
			return (size_t)(p - start) <= json->fence->limits->string
				       ? p + 1
				       : md_json_too_large(json, json->fence->limits->string,
							   "bytes in a string");
		if (*p == '\\') {
			p = check_escape(json, p);
			if (!p)
				return NULL;
			continue;
		}
		len = md_raw_utf8((const unsigned char *)p, (size_t)(json->end - p), &bad);
		if ((unsigned char)*p < 0x20 || len == 0)
			return NULL;
		p += len;
	}
	return NULL;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* One digit at least. */
static const char *check_digits(const char *p, const char *end)
{
	const char *behind = skip_digits(p, end);

	return behind > p ? behind : NULL;
}

static const char *scan_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	p = p < end && *p == '0' ? p + 1 : check_digits(p, end);
	if (p && p < end && *p == '.')
		p = check_digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = check_digits(p, end);
	}
	return p;
}

static const char *check_number(struct md_json *json, const char *p)
{
	const char *behind = scan_number(p, json->end);

	if (behind && (size_t)(behind - p) > json->fence->limits->number)
		return md_json_too_large(json, json->fence->limits->number, "bytes in a number");
	return behind;
}

static const char *check_word(struct md_json *json, const char *p, struct md_str word)
{
	return (size_t)(json->end - p) >= word.len && memcmp(p, word.ptr, word.len) == 0
		       ? p + word.len
		       : NULL;
}

static const char *check_scalar(struct md_json *json, const char *p)
{
	switch (*p) {
	case '"':
		return check_string(json, p + 1);
	case 't':
		return check_word(json, p, MD_STR("true"));
	case 'f':
		return check_word(json, p, MD_STR("false"));
	case 'n':
		return check_word(json, p, MD_STR("null"));
	default:
		return check_number(json, p);
	}
}

bool md_json_enter(struct md_json *json, bool is_object)
{
	if (json->depth == json->fence->limits->depth) {
		md_json_too_large(json, json->fence->limits->depth, "levels of nesting");
		return false;
	}
	json->levels[json->depth++] = (struct md_json_level){ json->key_count, is_object };
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct md_body_key *left = a, *right = b;

	return md_body_compare(left->name, right->name);
}

/* The first of two equal names among `keys`, whose order is not kept; NULL: all differ. */
static const struct md_body_key *find_twice(struct md_body_key *keys, unsigned count)
{
	if (count > FEW_KEYS) {
		qsort(keys, count, sizeof(*keys), by_name);
		for (unsigned i = 1; i < count; i++)
			if (md_str_equal(keys[i - 1].name, keys[i].name))
				return &keys[i];
		return NULL;
	}
	for (unsigned i = 1; i < count; i++)
		for (unsigned k = 0; k < i; k++)
			if (md_str_equal(keys[i].name, keys[k].name))
				return &keys[k];
	return NULL;
}

bool md_json_leave(struct md_json *json)
{
	unsigned first = json->levels[--json->depth].first_key, count = json->key_count - first;
	const struct md_body_key *twice = count > 1 ? find_twice(json->keys + first, count) : NULL;

	if (twice) {
		json->code = md_fence_twice(json->fence, twice->name);
		return false;
	}
	json->key_count = first;
	return true;
}

static bool grow_keys(struct md_json *json)
{
	unsigned room = json->key_room > 0 ? 2 * json->key_room : FIRST_KEYS;
	struct md_body_key *keys = md_arena_alloc(json->fence->arena, room * sizeof(*keys));

	if (!keys) {
		json->code = md_fail_nomem(json->fence->err);
		return false;
	}
	if (json->key_count > 0)
		memcpy(keys, json->keys, json->key_count * sizeof(*keys));
	json->keys = keys;
	json->key_room = room;
	return true;
}

/* The key between the quotes, decoded. ptr NULL: out of memory. */
static struct md_str decode_key(struct md_json *json, struct md_str raw)
{
	char *out;

	if (!json->escaped)
		return raw;
	out = md_arena_alloc(json->fence->arena, raw.len);
	if (!out) {
		json->code = md_fail_nomem(json->fence->err);
		return (struct md_str){ NULL, 0 };
	}
	return (struct md_str){ out, md_json_unescape(out, raw) };
}

bool md_json_push_key(struct md_json *json, struct md_str raw, struct md_str name)
{
	if (json->key_count == json->key_room && !grow_keys(json))
		return false;
	json->keys[json->key_count++] = (struct md_body_key){ raw, name, MD_NO_COLUMN };
	return true;
}

const char *md_json_check_key(struct md_json *json, const char *p, struct md_str *ret_raw,
			      struct md_str *ret_name)
{
	const char *start = p + 1;

	if (p == json->end || *p != '"')
		return NULL;
	json->escaped = false;
	p = check_string(json, start);
	if (!p)
		return NULL;
	*ret_raw = (struct md_str){ start, (size_t)(p - 1 - start) };
	*ret_name = decode_key(json, *ret_raw);
	return ret_name->ptr ? p : NULL;
}

const char *md_json_check_colon(struct md_json *json, const char *p)
{
	p = md_json_blanks(p, json->end);
	return p < json->end && *p == ':' ? md_json_blanks(p + 1, json->end) : NULL;
}

/* A key inside a value, up to its value. */
static const char *check_key(struct md_json *json, const char *p)
{
	unsigned first = json->levels[json->depth - 1].first_key;
	struct md_str raw, name;

	if (json->key_count - first == json->fence->limits->keys)
		return md_json_too_large(json, json->fence->limits->keys, "keys in an object");
	p = md_json_check_key(json, p, &raw, &name);
	return p && md_json_push_key(json, raw, name) ? md_json_check_colon(json, p) : NULL;
}

/* A bracket and, when it is not closed at once, the place of its first value. */
static const char *open_bracket(struct md_json *json, const char *p, bool *ret_value_follows)
{
	bool is_object = *p == '{';

	if (!md_json_enter(json, is_object))
		return NULL;
	p = md_json_blanks(p + 1, json->end);
	if (p == json->end)
		return NULL;
	if (*p == (is_object ? '}' : ']')) {
		json->depth--;
		*ret_value_follows = false;
		return p + 1;
	}
	*ret_value_follows = true;
	return is_object ? check_key(json, p) : p;
}

/* Behind a value: close brackets, up to the place of the next value or behind the last bracket. */
static const char *after_value(struct md_json *json, const char *p, unsigned floor,
			       bool *ret_value_follows)
{
	while (json->depth > floor) {
		bool is_object = json->levels[json->depth - 1].is_object;

		p = md_json_blanks(p, json->end);
		if (p == json->end)
			return NULL;
		if (*p == ',') {
			*ret_value_follows = true;
			p = md_json_blanks(p + 1, json->end);
			return is_object ? check_key(json, p) : p;
		}
		if (*p != (is_object ? '}' : ']') || !md_json_leave(json))
			return NULL;
		p++;
	}
	*ret_value_follows = false;
	return p;
}

const char *md_json_check_value(struct md_json *json, const char *p)
{
	unsigned floor = json->depth;
	bool value_follows;
	enum md_code code;

	do {
		if (p == json->end)
			return NULL;
		code = md_fence_node(json->fence);
		if (code != MD_OK)
			return md_json_refuse(json, code);
		value_follows = false;
		if (*p == '[' || *p == '{')
			p = open_bracket(json, p, &value_follows);
		else
			p = check_scalar(json, p);
		if (p && !value_follows)
			p = after_value(json, p, floor, &value_follows);
	} while (p && value_follows);
	return p;
}
