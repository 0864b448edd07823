/* Reading the values and objects of a definition file, by tables of keys. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/model/define_private.h"
#include "core/model/private.h"

#include "core/base/banned.h"

/* --- memory ------------------------------------------------------------------------------------
 */

void *md_def_alloc(struct md_def_loader *loader, size_t count, size_t size)
{
	void *block = md_arena_zalloc(loader->arena, count * size);

	loader->failed = loader->failed || !block;
	return block;
}

const char *md_def_copy(struct md_def_loader *loader, struct md_str text)
{
	const char *copy = md_arena_strndup(loader->arena, text.ptr ? text.ptr : "", text.len);

	loader->failed = loader->failed || !copy;
	return copy ? copy : "";
}

const char *md_def_printf(struct md_def_loader *loader, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return md_def_copy(loader, md_str_of(text));
}

struct md_def_names md_def_one_name(struct md_def_loader *loader, const char *name)
{
	const char **items = md_def_alloc(loader, 1, sizeof(*items));

	if (!items)
		return (struct md_def_names){ NULL, 0 };
	items[0] = name;
	return (struct md_def_names){ items, 1 };
}

/* --- words -------------------------------------------------------------------------------------
 */

const struct md_def_word md_def_types[] = {
	{ "smallint", MD_DEF_SMALLINT },  { "integer", MD_DEF_INTEGER },
	{ "bigint", MD_DEF_BIGINT },      { "float", MD_DEF_FLOAT },
	{ "decimal", MD_DEF_DECIMAL },    { "string", MD_DEF_STRING },
	{ "text", MD_DEF_TEXT },          { "boolean", MD_DEF_BOOLEAN },
	{ "datetime", MD_DEF_DATETIME },  { "datetime_local", MD_DEF_DATETIME_LOCAL },
	{ "date", MD_DEF_DATE },          { "time", MD_DEF_TIME },
	{ "uuid", MD_DEF_UUID },          { "json", MD_DEF_JSON },
	{ "bytes", MD_DEF_BYTES },        { "enum", MD_DEF_ENUM },
	{ "array", MD_DEF_ARRAY },        { "int", MD_DEF_INTEGER },
	{ "str", MD_DEF_STRING },         { "bool", MD_DEF_BOOLEAN },
	{ "double", MD_DEF_FLOAT },       { "number", MD_DEF_FLOAT },
	{ "timestamp", MD_DEF_DATETIME }, { NULL, 0 },
};
const struct md_def_word md_def_actions[] = {
	{ "no action", MD_DEF_NO_ACTION },     { "restrict", MD_DEF_RESTRICT },
	{ "cascade", MD_DEF_CASCADE },         { "set null", MD_DEF_SET_NULL },
	{ "set default", MD_DEF_SET_DEFAULT }, { NULL, 0 },
};
const struct md_def_word md_def_fns[] = {
	{ "now", MD_DEF_NOW },
	{ "today", MD_DEF_TODAY },
	{ "uuid", MD_DEF_UUID4 },
	{ "uuid7", MD_DEF_UUID7 },
	{ "random_hex", MD_DEF_RANDOM_HEX },
	{ "auth", MD_DEF_AUTH },
	{ NULL, 0 },
};
const struct md_def_word md_def_formats[] = {
	{ "email", MD_DEF_EMAIL },       { "uri", MD_DEF_URI },
	{ "hostname", MD_DEF_HOSTNAME }, { "ipv4", MD_DEF_IPV4 },
	{ "ipv6", MD_DEF_IPV6 },         { "slug", MD_DEF_SLUG },
	{ "phone", MD_DEF_PHONE },       { NULL, 0 },
};
const struct md_def_word md_def_collates[] = {
	{ "binary", MD_DEF_BINARY },
	{ "nocase", MD_DEF_NOCASE },
	{ "database", MD_DEF_COLLATE_DATABASE },
	{ NULL, 0 },
};

bool md_def_word_find(const struct md_def_word *words, struct md_str text, unsigned *ret_value)
{
	for (; words->text; words++)
		if (md_str_is(text, words->text)) {
			*ret_value = words->value;
			return true;
		}
	return false;
}

const char *md_def_word_of(const struct md_def_word *words, unsigned value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return "";
}

const char *md_def_word_like(const struct md_def_word *words, struct md_str text)
{
	struct md_def_guess guess;

	md_def_guess_init(&guess, text);
	for (; words->text; words++)
		md_def_guess_offer(&guess, words->text);
	return md_def_guess_best(&guess);
}

/* --- values ------------------------------------------------------------------------------------
 */

bool md_def_next(const struct md_def_loader *loader, const struct md_def_here *at,
		 struct md_def_here *child)
{
	json_t *json = (json_t *)(uintptr_t)at->json; /* iterators want it, and change nothing */

	if (child->up) {
		child->node += loader->nodes[child->node].size;
		child->index++;
		if (child->iter)
			child->iter = json_object_iter_next(json, child->iter);
	} else {
		*child = (struct md_def_here){ .up = at, .node = at->node + 1 };
		if (json_is_object(json))
			child->iter = json_object_iter(json);
	}
	if (json_is_array(json)) {
		child->json = json_array_get(json, child->index);
		return child->json;
	}
	if (!child->iter)
		return false;
	child->key = json_object_iter_key(child->iter);
	child->json = json_object_iter_value(child->iter);
	return true;
}

static const char *kind_of(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

void md_def_wrong_kind(struct md_def_loader *loader, const struct md_def_here *at,
		       const char *expected)
{
	md_def_wrong(loader, at, MD_DEF_M104, "expected %s, not %s", expected, kind_of(at->json));
}

bool md_def_is_object(struct md_def_loader *loader, const struct md_def_here *at)
{
	if (json_is_object(at->json))
		return true;
	md_def_wrong_kind(loader, at, "an object");
	return false;
}

bool md_def_is_array(struct md_def_loader *loader, const struct md_def_here *at)
{
	if (json_is_array(at->json))
		return true;
	md_def_wrong_kind(loader, at, "a list");
	return false;
}

const char *md_def_text(struct md_def_loader *loader, const struct md_def_here *at)
{
	if (json_is_string(at->json))
		return md_def_copy(loader, (struct md_str){ json_string_value(at->json),
							    json_string_length(at->json) });
	md_def_wrong_kind(loader, at, "a text");
	return NULL;
}

bool md_def_is_name(struct md_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return name.len > 0 && name.len <= MD_DEF_NAME;
}

bool md_def_check_name(struct md_def_loader *loader, const struct md_def_here *at, const char *name)
{
	if (md_def_is_name(md_str_of(name)))
		return true;
	md_def_wrong(loader, at, MD_DEF_M107,
		     "\"%s\" is no name: letters, digits and _, at most %d", name, MD_DEF_NAME);
	return false;
}

static const char *read_name(struct md_def_loader *loader, const struct md_def_here *at)
{
	const char *name = md_def_text(loader, at);

	return name && md_def_check_name(loader, at, name) ? name : NULL;
}

static const char *read_ident(struct md_def_loader *loader, const struct md_def_here *at)
{
	const char *text = md_def_text(loader, at);
	size_t len = text ? strlen(text) : 0;
	bool odd = len == 0 || len > MD_DEF_NAME;

	for (size_t i = 0; i < len; i++)
		odd = odd || (unsigned char)text[i] < 0x20 || text[i] == 0x7F;
	if (!text || !odd)
		return text;
	md_def_wrong(loader, at, MD_DEF_M107,
		     "\"%s\" is no name: 1 to %d bytes, no control characters", text, MD_DEF_NAME);
	return NULL;
}

static void read_names(struct md_def_loader *loader, const struct md_def_here *at,
		       struct md_def_names *into)
{
	struct md_def_here child = { .up = NULL };
	const char **items;
	unsigned count = 0;
	size_t size = json_array_size(at->json);

	if (!md_def_is_array(loader, at))
		return;
	if (size == 0 || size > MD_DEF_KEY_FIELDS) {
		md_def_wrong(loader, at, MD_DEF_M106, "expected 1 to %d names, not %zu",
			     MD_DEF_KEY_FIELDS, size);
		return;
	}
	items = md_def_alloc(loader, size, sizeof(*items));
	while (items && md_def_next(loader, at, &child)) {
		const char *name = read_name(loader, &child);
		bool again = false;

		for (unsigned i = 0; name && i < count; i++)
			again = again || strcmp(items[i], name) == 0;
		if (again)
			md_def_wrong(loader, &child, MD_DEF_M103, "\"%s\" is there twice", name);
		else if (name)
			items[count++] = name;
	}
	*into = (struct md_def_names){ items, count };
}

static void read_one_name(struct md_def_loader *loader, const struct md_def_here *at,
			  struct md_def_names *into)
{
	const char *name;

	if (json_is_array(at->json)) {
		read_names(loader, at, into);
		return;
	}
	name = read_name(loader, at);
	if (name)
		*into = md_def_one_name(loader, name);
}

static void read_bool(struct md_def_loader *loader, const struct md_def_here *at, bool *into)
{
	if (json_is_boolean(at->json))
		*into = json_is_true(at->json);
	else
		md_def_wrong_kind(loader, at, "true or false");
}

static void read_maybe(struct md_def_loader *loader, const struct md_def_here *at,
		       enum md_def_maybe *into)
{
	bool yes = false;

	if (!json_is_boolean(at->json)) {
		md_def_wrong_kind(loader, at, "true or false");
		return;
	}
	read_bool(loader, at, &yes);
	*into = yes ? MD_DEF_YES : MD_DEF_NO;
}

static void read_uint(struct md_def_loader *loader, const struct md_def_here *at,
		      const struct md_def_key *key, unsigned *into)
{
	json_int_t value = json_integer_value(at->json);

	if (!json_is_integer(at->json))
		md_def_wrong_kind(loader, at, "a whole number");
	else if (value < key->min || value > key->max)
		md_def_wrong(loader, at, MD_DEF_M106,
			     "expected a number from %u to %u, not %" JSON_INTEGER_FORMAT, key->min,
			     key->max, value);
	else
		*into = (unsigned)value;
}

/* "a, b or c" */
static const char *choices(const struct md_def_word *words, struct md_buf *out)
{
	for (const struct md_def_word *word = words; word->text; word++) {
		if (word != words)
			md_buf_puts(out, word[1].text ? ", " : " or ");
		md_buf_puts(out, word->text);
	}
	return md_buf_text(out);
}

static void read_word(struct md_def_loader *loader, const struct md_def_here *at,
		      const struct md_def_word *words, unsigned *into)
{
	md_auto_buf list = MD_BUF(1024);
	const char *like, *expected = choices(words, &list);

	if (!json_is_string(at->json)) {
		md_def_wrong_kind(loader, at, expected ? expected : "a word");
		return;
	}
	if (md_def_word_find(words, md_str_of(json_string_value(at->json)), into))
		return;
	md_def_wrong(loader, at, MD_DEF_M106, "\"%s\" is not %s", json_string_value(at->json),
		     expected ? expected : "known");
	like = md_def_word_like(words, md_str_of(json_string_value(at->json)));
	if (like)
		md_def_hint(loader, "did you mean \"%s\"?", like);
}

/* The array or object at `offset`, as it is written but without spaces. */
static const char *compact(struct md_def_loader *loader, size_t offset)
{
	md_auto_buf out = MD_BUF(loader->len + 1);
	unsigned depth = 0;
	bool quoted = false;

	do {
		char c = loader->text[offset++];

		if (quoted && c == '\\') {
			md_buf_putc(&out, c);
			c = loader->text[offset++];
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && strchr(" \t\r\n", c)) {
			continue;
		} else if (!quoted) {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
		}
		md_buf_putc(&out, c);
	} while (depth > 0 && offset < loader->len);
	loader->failed = loader->failed || out.failed;
	return md_def_copy(loader, (struct md_str){ out.data, out.len });
}

struct md_def_value md_def_read_value(struct md_def_loader *loader, const struct md_def_here *at)
{
	struct md_def_value value = { MD_DEF_NULL, "null" };
	size_t offset = loader->nodes[at->node].value;

	switch (json_typeof(at->json)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		value.kind = MD_DEF_TREE;
		value.text = compact(loader, offset);
		break;
	case JSON_STRING:
		value.kind = MD_DEF_TEXTUAL;
		value.text = md_def_text(loader, at);
		break;
	case JSON_INTEGER:
	case JSON_REAL: /* as it is written: a double would change decimals */
		value.kind = MD_DEF_NUMBER;
		value.text = md_def_copy(
			loader,
			(struct md_str){ loader->text + offset,
					 md_def_number_len(loader->text, loader->len, offset) });
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		value.kind = MD_DEF_BOOL;
		value.text = json_is_true(at->json) ? "true" : "false";
		break;
	case JSON_NULL:
		break;
	}
	return value;
}

/* --- objects -----------------------------------------------------------------------------------
 */

static void read_key(struct md_def_loader *loader, const struct md_def_here *at,
		     const struct md_def_key *key, void *into)
{
	void *place = (char *)into + key->offset;

	switch (key->reads) {
	case MD_DEF_READ_TEXT:
		*(const char **)place = md_def_text(loader, at);
		break;
	case MD_DEF_READ_NAME:
		*(const char **)place = read_name(loader, at);
		break;
	case MD_DEF_READ_IDENT:
		*(const char **)place = read_ident(loader, at);
		break;
	case MD_DEF_READ_BOOL:
		read_bool(loader, at, place);
		break;
	case MD_DEF_READ_MAYBE:
		read_maybe(loader, at, place);
		break;
	case MD_DEF_READ_UINT:
		read_uint(loader, at, key, place);
		break;
	case MD_DEF_READ_WORD:
		read_word(loader, at, key->words, place);
		break;
	case MD_DEF_READ_VALUE:
		*(struct md_def_value *)place = md_def_read_value(loader, at);
		break;
	case MD_DEF_READ_SQL:
		md_def_read_sql(loader, at, place);
		break;
	case MD_DEF_READ_NAMES:
		read_names(loader, at, place);
		break;
	case MD_DEF_READ_ONE_NAME:
		read_one_name(loader, at, place);
		break;
	case MD_DEF_READ_CALL:
		key->read(loader, at, place);
		break;
	case MD_DEF_READ_COMMENT:
		loader->comments = true;
		break;
	}
}

static void unknown_key(struct md_def_loader *loader, const struct md_def_here *at,
			const struct md_def_key *keys, unsigned count)
{
	struct md_def_guess guess;

	md_def_wrong(loader, at, MD_DEF_M102, "unknown key \"%s\"", at->key);
	md_def_guess_init(&guess, md_str_of(at->key));
	for (unsigned i = 0; i < count; i++)
		md_def_guess_offer(&guess, keys[i].name);
	md_def_guess_hint(loader, &guess);
}

bool md_def_read_object(struct md_def_loader *loader, const struct md_def_here *at,
			const struct md_def_key *keys, unsigned count, void *into)
{
	struct md_def_here child = { .up = NULL };

	if (!md_def_is_object(loader, at))
		return false;
	while (md_def_next(loader, at, &child)) {
		unsigned i = 0;

		while (i < count && strcmp(keys[i].name, child.key) != 0)
			i++;
		if (i < count)
			read_key(loader, &child, &keys[i], into);
		else
			unknown_key(loader, &child, keys, count);
	}
	return true;
}
