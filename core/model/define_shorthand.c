/* The shorthand of fields and relations:
 *	field    = ( type | "->" Model [ "." field ] ) [ "?" ] { modifier }
 *	relation = Model [ "[]" | "?" ] [ "via" name ] [ "<->" name ]
 * The first mistake of a shorthand is told, with the token it is about. */
#include <stdio.h>

#include "core/model/define_tokens.h"

#include "core/base/banned.h"

static void hint_type(struct md_tokens *p, struct md_str word)
{
	const char *like = md_def_type_like(word);

	if (like)
		md_def_hint(p->loader, "did you mean \"%s\"?", like);
}

static void hint_like(struct md_tokens *p, const struct md_def_word *words, struct md_str word)
{
	const char *like = md_def_word_like(words, word);

	if (like)
		md_def_hint(p->loader, "did you mean \"%s\"?", like);
}

/* --- types -------------------------------------------------------------------------------------
 */

static unsigned take_uint(struct md_tokens *p, enum md_def_code code, unsigned min, unsigned max)
{
	struct md_str word = p->word;
	uint64_t value = 0;

	if (!md_tokens_take(p, MD_T_NUMBER, "a number"))
		return 0;
	if (!md_str_to_u64(word, &value) || value < min || value > max)
		md_tokens_wrong(p, code, word, "expected a number from %u to %u, not %.*s", min,
				max, MD_STR_ARG(word));
	return p->failed ? 0 : (unsigned)value;
}

static void string_arguments(struct md_tokens *p, struct md_def_field *field)
{
	if (!md_tokens_take_if(p, MD_T_OPEN))
		return;
	field->max_length = take_uint(p, MD_DEF_M122, 1, MD_DEF_STRING_MAX);
	md_tokens_take(p, MD_T_CLOSE, "\")\"");
}

static void decimal_arguments(struct md_tokens *p, struct md_def_field *field)
{
	if (!md_tokens_take(p, MD_T_OPEN, "the digits, as in decimal(10, 2),"))
		return;
	field->precision = take_uint(p, MD_DEF_M122, 1, MD_DEF_PRECISION);
	if (md_tokens_take_if(p, MD_T_COMMA))
		field->scale = take_uint(p, MD_DEF_M122, 0, MD_DEF_SCALE);
	md_tokens_take(p, MD_T_CLOSE, "\")\"");
}

static void enum_arguments(struct md_tokens *p, struct md_def_field *field)
{
	/* A label takes two bytes at least. */
	const char *labels[MD_DEF_SHORTHAND / 2 + 1], **copy;
	unsigned count = 0;

	if (!md_tokens_take(p, MD_T_OPEN, "the labels, as in enum(draft, final),"))
		return;
	do {
		struct md_str word = p->word;

		if (md_tokens_take_if(p, MD_T_STRING))
			labels[count] = md_tokens_unquote(p, word);
		else if (md_tokens_take(p, MD_T_NAME, "a label"))
			labels[count] = md_def_copy(p->loader, word);
		else
			return;
		if (labels[count][0] == '\0')
			md_tokens_wrong(p, MD_DEF_M122, word, "a label cannot be empty");
		for (unsigned i = 0; i < count; i++)
			if (strcmp(labels[i], labels[count]) == 0)
				md_tokens_wrong(p, MD_DEF_M103, word, "the label is there twice");
		count++;
	} while (md_tokens_take_if(p, MD_T_COMMA));
	copy = md_def_alloc(p->loader, count, sizeof(*copy));
	if (copy && md_tokens_take(p, MD_T_CLOSE, "\")\"")) {
		memcpy(copy, labels, count * sizeof(*copy));
		field->labels = (struct md_def_names){ copy, count };
	}
}

static void array_arguments(struct md_tokens *p, struct md_def_field *field)
{
	struct md_str word;
	unsigned type = MD_DEF_NONE;

	if (!md_tokens_take(p, MD_T_OPEN, "the type of the items, as in array(integer),"))
		return;
	word = p->word;
	if (!md_tokens_take(p, MD_T_NAME, "a type"))
		return;
	if (!md_def_word_find(md_def_types, word, &type)) {
		md_tokens_wrong(p, MD_DEF_M120, word, "unknown type \"%.*s\"", MD_STR_ARG(word));
		hint_type(p, word);
	} else if (!md_def_can_be_item(type)) {
		md_tokens_wrong(p, MD_DEF_M122, word, "an array cannot have items of type %.*s",
				MD_STR_ARG(word));
	}
	field->items = type;
	md_tokens_take(p, MD_T_CLOSE, "\")\"");
}

static void parse_type(struct md_tokens *p, struct md_def_field *field)
{
	static void (*const arguments[MD_DEF_TYPE_COUNT])(struct md_tokens *,
							  struct md_def_field *) = {
		[MD_DEF_STRING] = string_arguments,
		[MD_DEF_DECIMAL] = decimal_arguments,
		[MD_DEF_ENUM] = enum_arguments,
		[MD_DEF_ARRAY] = array_arguments,
	};
	struct md_str word = p->word;
	unsigned type = MD_DEF_NONE;

	if (!md_tokens_take(p, MD_T_NAME, "a type or \"->\""))
		return;
	field->typed = true;
	if (md_def_word_find(md_def_types, word, &type)) {
		field->type = type;
	} else if (word.ptr[0] >= 'A' && word.ptr[0] <= 'Z' && md_def_is_name(word) &&
		   p->token != MD_T_OPEN) {
		field->type = MD_DEF_ENUM;
		field->enum_name = md_def_copy(p->loader, word);
		return;
	} else {
		md_tokens_wrong(p, MD_DEF_M120, word, "unknown type \"%.*s\"", MD_STR_ARG(word));
		hint_type(p, word);
		return;
	}
	if (arguments[type])
		arguments[type](p, field);
	else if (p->token == MD_T_OPEN)
		md_tokens_wrong(p, MD_DEF_M122, p->word, "%.*s takes no arguments",
				MD_STR_ARG(word));
}

static void parse_target(struct md_tokens *p, struct md_def_field *field)
{
	struct md_def_reference *reference = md_def_alloc(p->loader, 1, sizeof(*reference));

	if (!reference)
		return;
	reference->model = md_tokens_take_name(p, "a model");
	if (md_tokens_take_if(p, MD_T_DOT))
		reference->field = md_tokens_take_name(p, "a field");
	field->reference = reference;
}

/* --- modifiers ---------------------------------------------------------------------------------
 */

/* What a word without quotes may have been meant to be. */
static void hint_word(struct md_tokens *p, struct md_str word)
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

static void parse_default(struct md_tokens *p, struct md_def_field *field)
{
	struct md_str word = p->word;
	unsigned fn = 0;

	if (!md_tokens_take_if(p, MD_T_NAME)) {
		field->value.literal = md_tokens_take_value(p, "a value");
	} else if (md_tokens_take_if(p, MD_T_OPEN)) {
		md_tokens_take(p, MD_T_CLOSE, "\")\"");
		if (!md_def_word_find(md_def_fns, word, &fn)) {
			md_tokens_wrong(p, MD_DEF_M121, word, "unknown function %.*s()",
					MD_STR_ARG(word));
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
		md_tokens_wrong(p, MD_DEF_M121, word,
				"only labels of an enum stand without quotes");
		hint_word(p, word);
	}
}

/* An action has one word or two. */
static enum md_def_action take_action(struct md_tokens *p)
{
	struct md_str first = p->word;
	char both[32];
	unsigned action = MD_DEF_ACTION_UNSET;

	if (!md_tokens_take(p, MD_T_NAME, "an action"))
		return action;
	if (md_def_word_find(md_def_actions, first, &action))
		return action;
	if (p->token == MD_T_NAME && first.len + p->word.len + 2 < sizeof(both)) {
		snprintf(both, sizeof(both), "%.*s %.*s", MD_STR_ARG(first), MD_STR_ARG(p->word));
		if (md_def_word_find(md_def_actions, md_str_of(both), &action)) {
			md_tokens_next(p);
			return action;
		}
	}
	md_tokens_wrong(p, MD_DEF_M121, first,
			"expected no action, restrict, cascade, set null or set default");
	hint_like(p, md_def_actions, first);
	return action;
}

static struct md_def_reference *reference_of(struct md_tokens *p, struct md_def_field *field,
					     struct md_str word)
{
	if (!field->reference)
		md_tokens_wrong(p, MD_DEF_M121, word,
				"only a reference, as in \"-> User\", has an action");
	/* Made by parse_target(), and still ours. */
	return p->failed ? NULL : (struct md_def_reference *)(uintptr_t)field->reference;
}

/* "delete" action | "update" ( action | "now" "(" ")" ) */
static void parse_on(struct md_tokens *p, struct md_def_field *field)
{
	struct md_str word = p->word;
	struct md_def_reference *reference;

	if (md_tokens_at_word(p, "delete")) {
		md_tokens_next(p);
		reference = reference_of(p, field, word);
		if (reference && reference->on_delete)
			md_tokens_wrong(p, MD_DEF_M121, word, "\"on delete\" is there twice");
		else if (reference)
			reference->on_delete = take_action(p);
	} else if (md_tokens_at_word(p, "update")) {
		md_tokens_next(p);
		if (md_tokens_at_word(p, "now")) {
			md_tokens_next(p);
			if (field->on_update_now)
				md_tokens_wrong(p, MD_DEF_M121, word,
						"\"on update\" is there twice");
			field->on_update_now = md_tokens_take(p, MD_T_OPEN, "\"()\"") &&
					       md_tokens_take(p, MD_T_CLOSE, "\")\"");
			return;
		}
		reference = reference_of(p, field, word);
		if (reference && reference->on_update)
			md_tokens_wrong(p, MD_DEF_M121, word, "\"on update\" is there twice");
		else if (reference)
			reference->on_update = take_action(p);
	} else {
		static const struct md_def_word events[] = { { "delete", 0 },
							     { "update", 0 },
							     { NULL, 0 } };

		word = p->word;
		md_tokens_expected(p, "\"delete\" or \"update\"");
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

static void take_word(struct md_tokens *p, const struct modifier *modifier, unsigned *into)
{
	struct md_str word = p->word;

	if (!md_tokens_take(p, MD_T_NAME, "a word"))
		return;
	if (md_def_word_find(modifier->words, word, into))
		return;
	md_tokens_wrong(p, MD_DEF_M121, word, "unknown %s \"%.*s\"", modifier->name,
			MD_STR_ARG(word));
	hint_like(p, modifier->words, word);
}

static void take_pattern(struct md_tokens *p, const char **into)
{
	struct md_str word = p->word;

	if (md_tokens_take(p, MD_T_STRING, "a pattern in single quotes"))
		*into = md_tokens_unquote(p, word);
}

static void parse_argument(struct md_tokens *p, const struct modifier *modifier, void *into)
{
	if (!md_tokens_take(p, MD_T_OPEN, "\"(\""))
		return;
	switch (modifier->argument) {
	case A_VALUE:
		*(struct md_def_value *)into =
			md_tokens_take_value(p, "a number, or a text in quotes");
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
		*(const char **)into = md_tokens_take_name(p, "a name");
		break;
	case A_NONE:
		break;
	}
	md_tokens_take(p, MD_T_CLOSE, "\")\"");
}

static size_t find_modifier(struct md_str word)
{
	size_t i = 0;

	while (i < MD_DEF_LENGTH(modifiers) && !md_str_is(word, modifiers[i].name))
		i++;
	return i;
}

static void unknown_modifier(struct md_tokens *p, struct md_str word)
{
	struct md_def_word words[MD_DEF_LENGTH(modifiers) + 1] = { { NULL, 0 } };
	const char *otherwise = md_def_said_otherwise(word);

	for (size_t i = 0; i < MD_DEF_LENGTH(modifiers); i++)
		words[i].text = modifiers[i].name;
	md_tokens_wrong(p, MD_DEF_M121, word, "unknown modifier \"%.*s\"", MD_STR_ARG(word));
	if (otherwise)
		md_def_hint(p->loader, "%s", otherwise);
	else if (md_def_is_field_key(word))
		md_def_hint(p->loader, "only an object can say it: { \"type\": …, \"%.*s\": … }",
			    MD_STR_ARG(word));
	else
		hint_like(p, words, word);
}

/* `seen` has a bit for each modifier. */
static void parse_modifier(struct md_tokens *p, struct md_def_field *field, unsigned *seen)
{
	struct md_str word = p->word;
	size_t i = find_modifier(word);
	const struct modifier *modifier = &modifiers[i];

	if (i == MD_DEF_LENGTH(modifiers)) {
		if (p->token == MD_T_NAME)
			unknown_modifier(p, word);
		else
			md_tokens_expected(p, "a modifier");
		return;
	}
	if ((*seen & 1u << i) && !md_str_is(word, "on")) {
		md_tokens_wrong(p, MD_DEF_M121, word, "\"%s\" is there twice", modifier->name);
		return;
	}
	*seen |= 1u << i;
	md_tokens_next(p);
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
	struct md_tokens p;
	unsigned seen = 0;

	md_tokens_start(&p, loader, at, text);
	if (md_tokens_take_if(&p, MD_T_ARROW))
		parse_target(&p, field);
	else
		parse_type(&p, field);
	field->nullable = md_tokens_take_if(&p, MD_T_OPTIONAL);
	/* string(80) and max_length are the same. */
	if (field->max_length > 0)
		seen |= 1u << find_modifier(MD_STR("max_length"));
	while (!p.failed && p.token != MD_T_END)
		parse_modifier(&p, field, &seen);
	field->broken = field->broken || p.failed;
}

/* --- relations ---------------------------------------------------------------------------------
 */

void md_def_parse_relation(struct md_def_loader *loader, const struct md_def_here *at,
			   const char *text, struct md_def_relation *relation)
{
	struct md_tokens p;

	md_tokens_start(&p, loader, at, text);
	relation->model = md_tokens_take_name(&p, "a model");
	if (md_tokens_take_if(&p, MD_T_LIST))
		relation->uselist = MD_DEF_YES;
	else if (md_tokens_take_if(&p, MD_T_OPTIONAL))
		relation->uselist = MD_DEF_NO;
	if (md_tokens_at_word(&p, "via")) {
		const char *via;

		md_tokens_next(&p);
		via = md_tokens_take_name(&p, "a model, a table or a field");
		if (via)
			relation->via = md_def_one_name(loader, via);
	}
	if (md_tokens_take_if(&p, MD_T_LINK))
		relation->back_populates = md_tokens_take_name(&p, "a relation");
	if (!p.failed && p.token != MD_T_END)
		md_tokens_expected(&p, relation->back_populates ? "nothing more"
								: "\"via\" or \"<->\"");
	relation->broken = relation->broken || p.failed;
}
