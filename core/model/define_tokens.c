#include "core/model/define_tokens.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/banned.h"

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
	enum md_token token;
} marks[] = {
	{ "<->", MD_T_LINK }, { "->", MD_T_ARROW },   { "[]", MD_T_LIST },
	{ "(", MD_T_OPEN },   { ")", MD_T_CLOSE },    { ",", MD_T_COMMA },
	{ ".", MD_T_DOT },    { "?", MD_T_OPTIONAL }, { "=", MD_T_EQUALS },
};

static enum md_token scan_token(const char *p, size_t *ret_len)
{
	for (size_t i = 0; i < MD_DEF_LENGTH(marks); i++) {
		*ret_len = strlen(marks[i].text);
		if (strncmp(p, marks[i].text, *ret_len) == 0)
			return marks[i].token;
	}
	if (is_letter(*p)) {
		*ret_len = name_len(p);
		return MD_T_NAME;
	}
	if (is_digit(*p) || *p == '-') {
		*ret_len = number_len(p);
		if (*ret_len > 0)
			return MD_T_NUMBER;
	} else if (*p == '\'') {
		*ret_len = string_len(p);
		if (*ret_len > 0)
			return MD_T_STRING;
	}
	/* To the next space, and whole characters. */
	*ret_len = strcspn(p, " \t\r\n");
	return MD_T_BAD;
}

void md_tokens_next(struct md_tokens *p)
{
	size_t len = 0;

	p->pos += strspn(p->text + p->pos, " \t\r\n");
	p->token = p->text[p->pos] == '\0' ? MD_T_END : scan_token(p->text + p->pos, &len);
	p->word = (struct md_str){ p->text + p->pos, len };
	p->pos += len;
}

void md_tokens_start(struct md_tokens *p, struct md_def_loader *loader,
		     const struct md_def_here *at, const char *text)
{
	*p = (struct md_tokens){ .loader = loader, .at = at, .text = text };
	if (strlen(text) > MD_DEF_SHORTHAND) {
		md_def_wrong(loader, at, MD_DEF_M108, "a shorthand has at most %d bytes, not %zu",
			     MD_DEF_SHORTHAND, strlen(text));
		p->failed = true;
		p->token = MD_T_END;
		return;
	}
	md_tokens_next(p);
}

/* A mistake at `word`. Only the first is told. */
void md_tokens_wrong(struct md_tokens *p, enum md_def_code code, struct md_str word,
		     const char *fmt, ...)
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

void md_tokens_expected(struct md_tokens *p, const char *what)
{
	if (p->failed)
		return;
	if (p->token == MD_T_END)
		md_tokens_wrong(p, MD_DEF_M121, p->word, "expected %s at the end", what);
	else
		md_tokens_wrong(p, MD_DEF_M121, p->word, "expected %s, not \"%.*s\"", what,
				MD_STR_ARG(p->word));
	if (p->token == MD_T_BAD && p->word.ptr[0] == '\'')
		md_def_hint(p->loader, "the text has no end: a single quote is missing");
	else if (p->token == MD_T_BAD && (p->word.ptr[0] == '"' || p->word.ptr[0] == '`'))
		md_def_hint(p->loader, "texts stand in single quotes");
}

bool md_tokens_take(struct md_tokens *p, enum md_token token, const char *what)
{
	if (p->failed)
		return false;
	if (p->token != token) {
		md_tokens_expected(p, what);
		return false;
	}
	md_tokens_next(p);
	return true;
}

bool md_tokens_take_if(struct md_tokens *p, enum md_token token)
{
	if (p->failed || p->token != token)
		return false;
	md_tokens_next(p);
	return true;
}

bool md_tokens_at_word(const struct md_tokens *p, const char *text)
{
	return !p->failed && p->token == MD_T_NAME && md_str_is(p->word, text);
}

const char *md_tokens_take_name(struct md_tokens *p, const char *what)
{
	struct md_str word = p->word;

	if (!md_tokens_take(p, MD_T_NAME, what))
		return NULL;
	if (!md_def_is_name(word)) {
		md_tokens_wrong(p, MD_DEF_M107, word, "a name has at most %d bytes", MD_DEF_NAME);
		return NULL;
	}
	return md_def_copy(p->loader, word);
}

/* What stands between the quotes. */
const char *md_tokens_unquote(struct md_tokens *p, struct md_str word)
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
struct md_def_value md_tokens_take_value(struct md_tokens *p, const char *what)
{
	struct md_def_value value = { MD_DEF_NO_VALUE, NULL };
	struct md_str word = p->word;

	if (md_tokens_take_if(p, MD_T_STRING)) {
		value.text = md_tokens_unquote(p, word);
		value.kind = MD_DEF_TEXTUAL;
	} else if (p->token == MD_T_NUMBER && !is_readable(word)) {
		md_tokens_wrong(p, MD_DEF_M121, word,
				"the number is too big: only a decimal has so many digits, and "
				"stands in quotes");
	} else if (md_tokens_take_if(p, MD_T_NUMBER)) {
		value.text = md_def_copy(p->loader, word);
		value.kind = MD_DEF_NUMBER;
	} else {
		md_tokens_expected(p, what);
	}
	return value;
}
