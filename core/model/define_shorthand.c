/* The shorthand of fields and relations:
 *	field    = ( type | "->" Model [ "." field ] ) [ "?" ] { modifier }
 *	relation = Model [ "[]" | "?" ] [ "via" name ] [ "<->" name ]
 * The first mistake of a shorthand is told, with the token it is about. */
#include <stdarg.h>
#include <stdio.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

enum token {
	T_END,
	T_NAME,
	T_NUMBER,
	T_STRING, /* in single quotes */
	T_ARROW,  /* -> */
	T_LINK,   /* <-> */
	T_LIST,   /* [] */
	T_OPEN,
	T_CLOSE,
	T_COMMA,
	T_DOT,
	T_OPTIONAL, /* ? */
	T_EQUALS,
	T_BAD
};

struct parser {
	struct md_def_loader *loader;
	const struct md_def_here *at;
	const char *text;
	size_t pos; /* behind the token */
	enum token token;
	struct md_str word; /* the token's text */
	bool failed;
};

/* --- tokens ------------------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t digits(const char *p)
{
	size_t n = 0;

	while (is_digit(p[n]))
		n++;
	return n;
}

/* A number as JSON has it; 0: none. */
static size_t number_len(const char *p)
{
	size_t n = p[0] == '-', more = digits(p + n);

	if (more == 0 || (more > 1 && p[n] == '0'))
		return 0;
	n += more;
	if (p[n] == '.') {
		more = digits(p + n + 1);
		if (more == 0)
			return 0;
		n += 1 + more;
	}
	if (p[n] == 'e' || p[n] == 'E') {
		size_t sign = p[n + 1] == '-' || p[n + 1] == '+';

		more = digits(p + n + 1 + sign);
		if (more == 0)
			return 0;
		n += 1 + sign + more;
	}
	return is_letter(p[n]) || p[n] == '.' ? 0 : n;
}

/* 0: no end. */
static size_t string_len(const char *p)
{
	size_t n = 1;

	while (p[n] != '\0' && p[n] != '\'')
		n += p[n] == '\\' && (p[n + 1] == '\'' || p[n + 1] == '\\') ? 2 : 1;
	return p[n] == '\'' ? n + 1 : 0;
}

static size_t name_len(const char *p)
{
	size_t n = 0;

	while (is_letter(p[n]) || is_digit(p[n]))
		n++;
	return n;
}

static const struct {
	const char *text;
	enum token token;
} marks[] = {
	{ "<->", T_LINK }, { "->", T_ARROW },   { "[]", T_LIST },
	{ "(", T_OPEN },   { ")", T_CLOSE },    { ",", T_COMMA },
	{ ".", T_DOT },    { "?", T_OPTIONAL }, { "=", T_EQUALS },
};

static enum token scan_token(const char *p, size_t *ret_len)
{
	for (size_t i = 0; i < MD_DEF_LENGTH(marks); i++) {
		*ret_len = strlen(marks[i].text);
		if (strncmp(p, marks[i].text, *ret_len) == 0)
			return marks[i].token;
	}
	if (is_letter(*p)) {
		*ret_len = name_len(p);
		return T_NAME;
	}
	if (is_digit(*p) || *p == '-') {
		*ret_len = number_len(p);
		if (*ret_len > 0)
			return T_NUMBER;
	} else if (*p == '\'') {
		*ret_len = string_len(p);
		if (*ret_len > 0)
			return T_STRING;
	}
	/* To the next space, and whole characters. */
	*ret_len = strcspn(p, " \t\r\n");
	return T_BAD;
}

static void advance(struct parser *p)
{
	size_t len = 0;

	p->pos += strspn(p->text + p->pos, " \t\r\n");
	p->token = p->text[p->pos] == '\0' ? T_END : scan_token(p->text + p->pos, &len);
	p->word = (struct md_str){ p->text + p->pos, len };
	p->pos += len;
}

static void start(struct parser *p, struct md_def_loader *loader, const struct md_def_here *at,
		  const char *text)
{
	*p = (struct parser){ .loader = loader, .at = at, .text = text };
	if (strlen(text) > MD_DEF_SHORTHAND) {
		md_def_wrong(loader, at, MD_DEF_M108, "a shorthand has at most %d bytes, not %zu",
			     MD_DEF_SHORTHAND, strlen(text));
		p->failed = true;
		p->token = T_END;
		return;
	}
	advance(p);
}

/* A mistake at `word`. Only the first is told. */
static __attribute__((format(printf, 4, 5))) void wrong(struct parser *p, enum md_def_code code,
							struct md_str word, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (p->failed)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	md_def_wrong(p->loader, p->at, code, "%s", text);
	md_def_quote(p->loader, p->text, (size_t)(word.ptr - p->text), word.len);
	p->failed = true;
}

static void hint_type(struct parser *p, struct md_str word)
{
	const char *like = md_def_type_like(word);

	if (like)
		md_def_hint(p->loader, "did you mean \"%s\"?", like);
}

static void hint_like(struct parser *p, const struct md_def_word *words, struct md_str word)
{
	const char *like = md_def_word_like(words, word);

	if (like)
		md_def_hint(p->loader, "did you mean \"%s\"?", like);
}

static void expected(struct parser *p, const char *what)
{
	if (p->failed)
		return;
	if (p->token == T_END)
		wrong(p, MD_DEF_M121, p->word, "expected %s at the end", what);
	else
		wrong(p, MD_DEF_M121, p->word, "expected %s, not \"%.*s\"", what,
		      MD_STR_ARG(p->word));
	if (p->token == T_BAD && p->word.ptr[0] == '\'')
		md_def_hint(p->loader, "the text has no end: a single quote is missing");
	else if (p->token == T_BAD && (p->word.ptr[0] == '"' || p->word.ptr[0] == '`'))
		md_def_hint(p->loader, "texts stand in single quotes");
}

static bool take(struct parser *p, enum token token, const char *what)
{
	if (p->failed)
		return false;
	if (p->token != token) {
		expected(p, what);
		return false;
	}
	advance(p);
	return true;
}

static bool take_if(struct parser *p, enum token token)
{
	if (p->failed || p->token != token)
		return false;
	advance(p);
	return true;
}

static bool is_word(const struct parser *p, const char *text)
{
	return !p->failed && p->token == T_NAME && md_str_is(p->word, text);
}

static const char *take_name(struct parser *p, const char *what)
{
	struct md_str word = p->word;

	if (!take(p, T_NAME, what))
		return NULL;
	if (!md_def_is_name(word)) {
		wrong(p, MD_DEF_M107, word, "a name has at most %d bytes", MD_DEF_NAME);
		return NULL;
	}
	return md_def_copy(p->loader, word);
}

/* What stands between the quotes. */
static const char *unquote(struct parser *p, struct md_str word)
{
	char text[MD_DEF_SHORTHAND + 1];
	size_t len = 0;

	for (size_t i = 1; i + 1 < word.len && len < MD_DEF_SHORTHAND; i++) {
		if (word.ptr[i] == '\\' && (word.ptr[i + 1] == '\'' || word.ptr[i + 1] == '\\'))
			i++;
		text[len++] = word.ptr[i];
	}
	return md_def_copy(p->loader, (struct md_str){ text, len });
}

/* A number that JSON's parser takes, too. */
static bool is_readable(struct md_str number)
{
	int64_t whole;
	double real;

	if (memchr(number.ptr, '.', number.len) || memchr(number.ptr, 'e', number.len) ||
	    memchr(number.ptr, 'E', number.len))
		return md_str_to_double(number, &real);
	return md_str_to_i64(number, &whole);
}

/* A number or a string. */
static struct md_def_value take_value(struct parser *p, const char *what)
{
	struct md_def_value value = { MD_DEF_NO_VALUE, NULL };
	struct md_str word = p->word;

	if (take_if(p, T_STRING)) {
		value.text = unquote(p, word);
		value.kind = MD_DEF_TEXTUAL;
	} else if (p->token == T_NUMBER && !is_readable(word)) {
		wrong(p, MD_DEF_M121, word,
		      "the number is too big: only a decimal has so many digits, and "
		      "stands in quotes");
	} else if (take_if(p, T_NUMBER)) {
		value.text = md_def_copy(p->loader, word);
		value.kind = MD_DEF_NUMBER;
	} else {
		expected(p, what);
	}
	return value;
}

/* --- types -------------------------------------------------------------------------------------
 */

static unsigned take_uint(struct parser *p, enum md_def_code code, unsigned min, unsigned max)
{
	struct md_str word = p->word;
	uint64_t value = 0;

	if (!take(p, T_NUMBER, "a number"))
		return 0;
	if (!md_str_to_u64(word, &value) || value < min || value > max)
		wrong(p, code, word, "expected a number from %u to %u, not %.*s", min, max,
		      MD_STR_ARG(word));
	return p->failed ? 0 : (unsigned)value;
}

static void string_arguments(struct parser *p, struct md_def_field *field)
{
	if (!take_if(p, T_OPEN))
		return;
	field->max_length = take_uint(p, MD_DEF_M122, 1, MD_DEF_STRING_MAX);
	take(p, T_CLOSE, "\")\"");
}

static void decimal_arguments(struct parser *p, struct md_def_field *field)
{
	if (!take(p, T_OPEN, "the digits, as in decimal(10, 2),"))
		return;
	field->precision = take_uint(p, MD_DEF_M122, 1, MD_DEF_PRECISION);
	if (take_if(p, T_COMMA))
		field->scale = take_uint(p, MD_DEF_M122, 0, MD_DEF_SCALE);
	take(p, T_CLOSE, "\")\"");
}

static void enum_arguments(struct parser *p, struct md_def_field *field)
{
	/* A label takes two bytes at least. */
	const char *labels[MD_DEF_SHORTHAND / 2 + 1], **copy;
	unsigned count = 0;

	if (!take(p, T_OPEN, "the labels, as in enum(draft, final),"))
		return;
	do {
		struct md_str word = p->word;

		if (take_if(p, T_STRING))
			labels[count] = unquote(p, word);
		else if (take(p, T_NAME, "a label"))
			labels[count] = md_def_copy(p->loader, word);
		else
			return;
		if (labels[count][0] == '\0')
			wrong(p, MD_DEF_M122, word, "a label cannot be empty");
		for (unsigned i = 0; i < count; i++)
			if (strcmp(labels[i], labels[count]) == 0)
				wrong(p, MD_DEF_M103, word, "the label is there twice");
		count++;
	} while (take_if(p, T_COMMA));
	copy = md_def_alloc(p->loader, count, sizeof(*copy));
	if (copy && take(p, T_CLOSE, "\")\"")) {
		memcpy(copy, labels, count * sizeof(*copy));
		field->labels = (struct md_def_names){ copy, count };
	}
}

static void array_arguments(struct parser *p, struct md_def_field *field)
{
	struct md_str word;
	unsigned type = MD_DEF_NONE;

	if (!take(p, T_OPEN, "the type of the items, as in array(integer),"))
		return;
	word = p->word;
	if (!take(p, T_NAME, "a type"))
		return;
	if (!md_def_word_find(md_def_types, word, &type)) {
		wrong(p, MD_DEF_M120, word, "unknown type \"%.*s\"", MD_STR_ARG(word));
		hint_type(p, word);
	} else if (!md_def_can_be_item(type)) {
		wrong(p, MD_DEF_M122, word, "an array cannot have items of type %.*s",
		      MD_STR_ARG(word));
	}
	field->items = type;
	take(p, T_CLOSE, "\")\"");
}

static void parse_type(struct parser *p, struct md_def_field *field)
{
	static void (*const arguments[MD_DEF_TYPE_COUNT])(struct parser *,
							  struct md_def_field *) = {
		[MD_DEF_STRING] = string_arguments,
		[MD_DEF_DECIMAL] = decimal_arguments,
		[MD_DEF_ENUM] = enum_arguments,
		[MD_DEF_ARRAY] = array_arguments,
	};
	struct md_str word = p->word;
	unsigned type = MD_DEF_NONE;

	if (!take(p, T_NAME, "a type or \"->\""))
		return;
	field->typed = true;
	if (md_def_word_find(md_def_types, word, &type)) {
		field->type = type;
	} else if (word.ptr[0] >= 'A' && word.ptr[0] <= 'Z' && md_def_is_name(word) &&
		   p->token != T_OPEN) {
		field->type = MD_DEF_ENUM;
		field->enum_name = md_def_copy(p->loader, word);
		return;
	} else {
		wrong(p, MD_DEF_M120, word, "unknown type \"%.*s\"", MD_STR_ARG(word));
		hint_type(p, word);
		return;
	}
	if (arguments[type])
		arguments[type](p, field);
	else if (p->token == T_OPEN)
		wrong(p, MD_DEF_M122, p->word, "%.*s takes no arguments", MD_STR_ARG(word));
}

static void parse_target(struct parser *p, struct md_def_field *field)
{
	struct md_def_reference *reference = md_def_alloc(p->loader, 1, sizeof(*reference));

	if (!reference)
		return;
	reference->model = take_name(p, "a model");
	if (take_if(p, T_DOT))
		reference->field = take_name(p, "a field");
	field->reference = reference;
}

/* --- modifiers ---------------------------------------------------------------------------------
 */

/* What a word without quotes may have been meant to be. */
static void hint_word(struct parser *p, struct md_str word)
{
	static const char *const words[] = { "true", "false", "null" };
	unsigned fn;

	for (size_t i = 0; i < MD_DEF_LENGTH(words); i++)
		if (md_str_equal_nocase(word, md_str_of(words[i]))) {
			md_def_hint(p->loader, "did you mean \"%s\"?", words[i]);
			return;
		}
	if (md_def_word_find(md_def_fns, word, &fn))
		md_def_hint(p->loader, "for the function write %.*s(), for the text '%.*s'",
			    MD_STR_ARG(word), MD_STR_ARG(word));
	else
		md_def_hint(p->loader, "write '%.*s'", MD_STR_ARG(word));
}

static void parse_default(struct parser *p, struct md_def_field *field)
{
	struct md_str word = p->word;
	unsigned fn = 0;

	if (!take_if(p, T_NAME)) {
		field->value.literal = take_value(p, "a value");
	} else if (take_if(p, T_OPEN)) {
		take(p, T_CLOSE, "\")\"");
		if (!md_def_word_find(md_def_fns, word, &fn)) {
			wrong(p, MD_DEF_M121, word, "unknown function %.*s()", MD_STR_ARG(word));
			hint_like(p, md_def_fns, word);
		}
		field->value.fn = fn;
	} else if (md_str_is(word, "true") || md_str_is(word, "false")) {
		field->value.literal =
			(struct md_def_value){ MD_DEF_BOOL, word.ptr[0] == 't' ? "true" : "false" };
	} else if (md_str_is(word, "null")) {
		field->value.literal = (struct md_def_value){ MD_DEF_NULL, "null" };
	} else if (field->type == MD_DEF_ENUM) {
		field->value.literal =
			(struct md_def_value){ MD_DEF_TEXTUAL, md_def_copy(p->loader, word) };
	} else {
		wrong(p, MD_DEF_M121, word, "only labels of an enum stand without quotes");
		hint_word(p, word);
	}
}

/* An action has one word or two. */
static enum md_def_action take_action(struct parser *p)
{
	struct md_str first = p->word;
	char both[32];
	unsigned action = MD_DEF_ACTION_UNSET;

	if (!take(p, T_NAME, "an action"))
		return action;
	if (md_def_word_find(md_def_actions, first, &action))
		return action;
	if (p->token == T_NAME && first.len + p->word.len + 2 < sizeof(both)) {
		snprintf(both, sizeof(both), "%.*s %.*s", MD_STR_ARG(first), MD_STR_ARG(p->word));
		if (md_def_word_find(md_def_actions, md_str_of(both), &action)) {
			advance(p);
			return action;
		}
	}
	wrong(p, MD_DEF_M121, first,
	      "expected no action, restrict, cascade, set null or set default");
	hint_like(p, md_def_actions, first);
	return action;
}

static struct md_def_reference *reference_of(struct parser *p, struct md_def_field *field,
					     struct md_str word)
{
	if (!field->reference)
		wrong(p, MD_DEF_M121, word, "only a reference, as in \"-> User\", has an action");
	/* Made by parse_target(), and still ours. */
	return p->failed ? NULL : (struct md_def_reference *)(uintptr_t)field->reference;
}

/* "delete" action | "update" ( action | "now" "(" ")" ) */
static void parse_on(struct parser *p, struct md_def_field *field)
{
	struct md_str word = p->word;
	struct md_def_reference *reference;

	if (is_word(p, "delete")) {
		advance(p);
		reference = reference_of(p, field, word);
		if (reference && reference->on_delete)
			wrong(p, MD_DEF_M121, word, "\"on delete\" is there twice");
		else if (reference)
			reference->on_delete = take_action(p);
	} else if (is_word(p, "update")) {
		advance(p);
		if (is_word(p, "now")) {
			advance(p);
			if (field->on_update_now)
				wrong(p, MD_DEF_M121, word, "\"on update\" is there twice");
			field->on_update_now =
				take(p, T_OPEN, "\"()\"") && take(p, T_CLOSE, "\")\"");
			return;
		}
		reference = reference_of(p, field, word);
		if (reference && reference->on_update)
			wrong(p, MD_DEF_M121, word, "\"on update\" is there twice");
		else if (reference)
			reference->on_update = take_action(p);
	} else {
		static const struct md_def_word events[] = { { "delete", 0 },
							     { "update", 0 },
							     { NULL, 0 } };

		word = p->word;
		expected(p, "\"delete\" or \"update\"");
		hint_like(p, events, word);
	}
}

enum argument { A_NONE, A_VALUE, A_LENGTH, A_PATTERN, A_WORD, A_NAME };

static const struct modifier {
	const char *name;
	enum argument argument;
	size_t offset;
	const struct md_def_word *words;
} modifiers[] = {
	{ "pk", A_NONE, offsetof(struct md_def_field, primary_key), NULL },
	{ "unique", A_NONE, offsetof(struct md_def_field, unique), NULL },
	{ "hidden", A_NONE, offsetof(struct md_def_field, hidden), NULL },
	{ "readonly", A_NONE, offsetof(struct md_def_field, readonly), NULL },
	{ "immutable", A_NONE, offsetof(struct md_def_field, immutable), NULL },
	{ "min", A_VALUE, offsetof(struct md_def_field, min), NULL },
	{ "max", A_VALUE, offsetof(struct md_def_field, max), NULL },
	{ "exclusive_min", A_VALUE, offsetof(struct md_def_field, exclusive_min), NULL },
	{ "exclusive_max", A_VALUE, offsetof(struct md_def_field, exclusive_max), NULL },
	{ "multiple_of", A_VALUE, offsetof(struct md_def_field, multiple_of), NULL },
	{ "min_length", A_LENGTH, offsetof(struct md_def_field, min_length), NULL },
	{ "max_length", A_LENGTH, offsetof(struct md_def_field, max_length), NULL },
	{ "pattern", A_PATTERN, offsetof(struct md_def_field, pattern), NULL },
	{ "format", A_WORD, offsetof(struct md_def_field, format), md_def_formats },
	{ "collate", A_WORD, offsetof(struct md_def_field, collate), md_def_collates },
	{ "was", A_NAME, offsetof(struct md_def_field, renamed_from), NULL },
	/* Read by functions of their own; here for "did you mean" and "twice". */
	{ "index", A_NONE, 0, NULL },
	{ "on", A_NONE, 0, NULL },
	{ "=", A_NONE, 0, NULL },
};

static void take_word(struct parser *p, const struct modifier *modifier, unsigned *into)
{
	struct md_str word = p->word;

	if (!take(p, T_NAME, "a word"))
		return;
	if (md_def_word_find(modifier->words, word, into))
		return;
	wrong(p, MD_DEF_M121, word, "unknown %s \"%.*s\"", modifier->name, MD_STR_ARG(word));
	hint_like(p, modifier->words, word);
}

static void take_pattern(struct parser *p, const char **into)
{
	struct md_str word = p->word;

	if (take(p, T_STRING, "a pattern in single quotes"))
		*into = unquote(p, word);
}

static void parse_argument(struct parser *p, const struct modifier *modifier, void *into)
{
	if (!take(p, T_OPEN, "\"(\""))
		return;
	switch (modifier->argument) {
	case A_VALUE:
		*(struct md_def_value *)into = take_value(p, "a number, or a text in quotes");
		break;
	case A_LENGTH:
		*(unsigned *)into = take_uint(p, MD_DEF_M121, 1, MD_DEF_STRING_MAX);
		break;
	case A_PATTERN:
		take_pattern(p, into);
		break;
	case A_WORD:
		take_word(p, modifier, into);
		break;
	case A_NAME:
		*(const char **)into = take_name(p, "a name");
		break;
	case A_NONE:
		break;
	}
	take(p, T_CLOSE, "\")\"");
}

static size_t find_modifier(struct md_str word)
{
	size_t i = 0;

	while (i < MD_DEF_LENGTH(modifiers) && !md_str_is(word, modifiers[i].name))
		i++;
	return i;
}

static void unknown_modifier(struct parser *p, struct md_str word)
{
	struct md_def_word words[MD_DEF_LENGTH(modifiers) + 1] = { { NULL, 0 } };
	const char *otherwise = md_def_said_otherwise(word);

	for (size_t i = 0; i < MD_DEF_LENGTH(modifiers); i++)
		words[i].text = modifiers[i].name;
	wrong(p, MD_DEF_M121, word, "unknown modifier \"%.*s\"", MD_STR_ARG(word));
	if (otherwise)
		md_def_hint(p->loader, "%s", otherwise);
	else if (md_def_is_field_key(word))
		md_def_hint(p->loader, "only an object can say it: { \"type\": …, \"%.*s\": … }",
			    MD_STR_ARG(word));
	else
		hint_like(p, words, word);
}

/* `seen` has a bit for each modifier. */
static void parse_modifier(struct parser *p, struct md_def_field *field, unsigned *seen)
{
	struct md_str word = p->word;
	size_t i = find_modifier(word);
	const struct modifier *modifier = &modifiers[i];

	if (i == MD_DEF_LENGTH(modifiers)) {
		if (p->token == T_NAME)
			unknown_modifier(p, word);
		else
			expected(p, "a modifier");
		return;
	}
	if ((*seen & 1u << i) && !md_str_is(word, "on")) {
		wrong(p, MD_DEF_M121, word, "\"%s\" is there twice", modifier->name);
		return;
	}
	*seen |= 1u << i;
	advance(p);
	if (md_str_is(word, "="))
		parse_default(p, field);
	else if (md_str_is(word, "on"))
		parse_on(p, field);
	else if (md_str_is(word, "index"))
		field->index = MD_DEF_YES;
	else if (modifier->argument == A_NONE)
		*(bool *)((char *)field + modifier->offset) = true;
	else
		parse_argument(p, modifier, (char *)field + modifier->offset);
}

void md_def_parse_field(struct md_def_loader *loader, const struct md_def_here *at,
			const char *text, struct md_def_field *field)
{
	struct parser p;
	unsigned seen = 0;

	start(&p, loader, at, text);
	if (take_if(&p, T_ARROW))
		parse_target(&p, field);
	else
		parse_type(&p, field);
	field->nullable = take_if(&p, T_OPTIONAL);
	/* string(80) and max_length are the same. */
	if (field->max_length > 0)
		seen |= 1u << find_modifier(MD_STR("max_length"));
	while (!p.failed && p.token != T_END)
		parse_modifier(&p, field, &seen);
	field->broken = field->broken || p.failed;
}

/* --- relations ---------------------------------------------------------------------------------
 */

void md_def_parse_relation(struct md_def_loader *loader, const struct md_def_here *at,
			   const char *text, struct md_def_relation *relation)
{
	struct parser p;

	start(&p, loader, at, text);
	relation->model = take_name(&p, "a model");
	if (take_if(&p, T_LIST))
		relation->uselist = MD_DEF_YES;
	else if (take_if(&p, T_OPTIONAL))
		relation->uselist = MD_DEF_NO;
	if (is_word(&p, "via")) {
		const char *via;

		advance(&p);
		via = take_name(&p, "a model, a table or a field");
		if (via)
			relation->via = md_def_one_name(loader, via);
	}
	if (take_if(&p, T_LINK))
		relation->back_populates = take_name(&p, "a relation");
	if (!p.failed && p.token != T_END)
		expected(&p, relation->back_populates ? "nothing more" : "\"via\" or \"<->\"");
	relation->broken = relation->broken || p.failed;
}
