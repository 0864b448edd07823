/* Lists in JSON, element by element. The text is well-formed JSON: whoever made it has seen to
 * that. */
#include "core/db/catalog.h"
#include "core/model/define_private.h"
#include "core/model/private.h"
#include "core/model/rules_private.h"

#include "core/base/banned.h"

enum { SHORT_TEXT = 64 }; /* longer than any moment or UUID */

/* PostgreSQL's names, for messages. */
static enum md_type type_of(enum md_def_type items)
{
	static const enum md_type types[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_SMALLINT] = MD_TYPE_INT2,
		[MD_DEF_INTEGER] = MD_TYPE_INT4,
		[MD_DEF_BIGINT] = MD_TYPE_INT8,
		[MD_DEF_FLOAT] = MD_TYPE_FLOAT,
		[MD_DEF_STRING] = MD_TYPE_TEXT,
		[MD_DEF_TEXT] = MD_TYPE_TEXT,
		[MD_DEF_BOOLEAN] = MD_TYPE_BOOL,
		[MD_DEF_DATETIME] = MD_TYPE_TIMESTAMPTZ,
		[MD_DEF_DATETIME_LOCAL] = MD_TYPE_TIMESTAMP,
		[MD_DEF_DATE] = MD_TYPE_DATE,
		[MD_DEF_TIME] = MD_TYPE_TIME,
		[MD_DEF_UUID] = MD_TYPE_UUID,
		[MD_DEF_BYTES] = MD_TYPE_BYTES,
	};

	return types[items];
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The element at *at as it is written, without the quotes of a string; moves behind it. Lists and
 * objects: only their bracket. */
static struct md_str take_element(struct md_str json, size_t *at, bool *ret_quoted)
{
	bool quoted = json.ptr[*at] == '"';
	size_t start = *at + quoted, i = start;
	struct md_str element;

	if (quoted)
		for (; i < json.len && json.ptr[i] != '"'; i++)
			i += json.ptr[i] == '\\';
	else
		while (i < json.len && json.ptr[i] != ',' && json.ptr[i] != ']' &&
		       !is_space(json.ptr[i]))
			i++;
	if (i > json.len)
		i = json.len;
	element = (struct md_str){ json.ptr + start, i - start };
	*at = i + (quoted && i < json.len);
	*ret_quoted = quoted;
	return element;
}

static bool fits_shape(enum md_def_type items, struct md_str element)
{
	char text[SHORT_TEXT];
	const struct md_def_field field = { .type = items };
	const struct md_def_value value = { MD_DEF_TEXTUAL, text };

	if (element.len >= sizeof(text))
		return false;
	memcpy(text, element.ptr, element.len);
	text[element.len] = '\0';
	return md_def_misfit(NULL, &field, &value) == NULL;
}

static bool fits(enum md_def_type items, struct md_str element, bool quoted)
{
	double number;
	int64_t whole;

	switch (items) {
	case MD_DEF_SMALLINT:
	case MD_DEF_INTEGER:
	case MD_DEF_BIGINT:
		return !quoted && md_str_to_i64(element, &whole);
	case MD_DEF_FLOAT:
		return !quoted && md_str_to_double(element, &number);
	case MD_DEF_BOOLEAN:
		return !quoted && (md_str_is(element, "true") || md_str_is(element, "false"));
	case MD_DEF_DATETIME:
	case MD_DEF_DATETIME_LOCAL:
	case MD_DEF_DATE:
	case MD_DEF_TIME:
	case MD_DEF_UUID:
		return quoted && fits_shape(items, element);
	case MD_DEF_NONE:
	case MD_DEF_DECIMAL:
	case MD_DEF_STRING:
	case MD_DEF_TEXT:
	case MD_DEF_JSON:
	case MD_DEF_BYTES:
	case MD_DEF_ENUM:
	case MD_DEF_ARRAY:
	case MD_DEF_TYPE_COUNT:
		break;
	}
	return quoted;
}

/* A whole number, though it may be beyond every type. */
static bool is_whole(struct md_str element)
{
	size_t at = element.len && element.ptr[0] == '-';
	size_t start = at;

	while (at < element.len && element.ptr[at] >= '0' && element.ptr[at] <= '9')
		at++;
	return at > start && at == element.len;
}

static bool is_beyond(enum md_def_type items, struct md_str element, bool quoted)
{
	bool whole = items == MD_DEF_SMALLINT || items == MD_DEF_INTEGER || items == MD_DEF_BIGINT;

	return whole && !quoted && is_whole(element);
}

static enum md_code check_element(enum md_def_type items, struct md_str element, bool quoted,
				  struct md_error *err)
{
	int64_t whole;

	if (!quoted && md_str_is(element, "null"))
		return MD_OK;
	if (!fits(items, element, quoted) && is_beyond(items, element, quoted))
		return md_fail(err, MD_INVALID, "22003",
			       "value \"%.*s\" is out of range for type %s",
			       MD_STR_ARG(md_name_shown(element)), md_type_name(type_of(items)));
	if (!fits(items, element, quoted))
		return md_fail(err, MD_INVALID, "22P02",
			       "invalid input syntax for type %s: \"%.*s\"",
			       md_type_name(type_of(items)), MD_STR_ARG(md_name_shown(element)));
	return !quoted && md_str_to_i64(element, &whole) ? md_rules_check_range(items, whole, err)
							 : MD_OK;
}

static size_t skip_space(struct md_str json, size_t at)
{
	while (at < json.len && is_space(json.ptr[at]))
		at++;
	return at;
}

enum md_code md_rules_check_array(enum md_def_type items, struct md_str json, struct md_error *err)
{
	size_t at = skip_space(json, 0);
	enum md_code code = MD_OK;

	if (at == json.len || json.ptr[at] != '[')
		return md_fail(err, MD_INVALID, "22P02", "expected JSON array: \"%.*s\"",
			       MD_STR_ARG(md_name_shown(json)));
	at = skip_space(json, at + 1);
	while (code == MD_OK && at < json.len && json.ptr[at] != ']') {
		bool quoted;
		struct md_str element = take_element(json, &at, &quoted);

		code = check_element(items, element, quoted, err);
		at = skip_space(json, at);
		if (at < json.len && json.ptr[at] == ',')
			at = skip_space(json, at + 1);
	}
	return code;
}
