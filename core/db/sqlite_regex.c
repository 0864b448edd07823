/* match and imatch on PCRE2, kept to what cannot run away: no back references, no look-around, no
 * recursion, and limits on the work of one match. */
#include "core/db/sqlite_functions.h"

#ifdef MD_HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/banned.h"

#ifndef PCRE2_MATCH_INVALID_UTF /* 10.34; before it, a value that is not UTF-8 does not match */
#define PCRE2_MATCH_INVALID_UTF 0
#endif

enum { PATTERN_MAX = 256, MATCH_LIMIT = 100000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KIB = 8192 };

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

static void free_regex(void *arg)
{
	struct regex *regex = arg;

	pcre2_match_data_free(regex->data);
	pcre2_match_context_free(regex->limits);
	pcre2_code_free(regex->code);
	free(regex);
}

/* The end of the bracket expression that begins at `p`. */
static const char *skip_class(const char *p, const char *end)
{
	p++;
	if (p < end && *p == '^')
		p++;
	if (p < end && *p == ']')
		p++;
	for (; p < end && *p != ']'; p++) {
		if (*p == '\\') {
			p++;
		} else if (*p == '[' && p + 1 < end && strchr(":.=", p[1])) {
			char kind = p[1];

			for (p += 2; p + 1 < end && !(p[0] == kind && p[1] == ']'); p++)
				;
			p++;
		}
	}
	return p;
}

/* "(?:" and option letters are allowed behind "(?", nothing else is. */
static bool is_plain_group(const char *p, const char *end)
{
	while (p < end && strchr("imsx-", *p) && *p != '\0')
		p++;
	return p < end && (*p == ':' || *p == ')');
}

/* What in the pattern is refused; NULL: nothing. */
static const char *refused(struct md_str pattern)
{
	const char *end = pattern.ptr + pattern.len;

	for (const char *p = pattern.ptr; p < end; p++) {
		if (*p == '[') {
			p = skip_class(p, end);
		} else if (*p == '\\') {
			p++;
			if (p < end && *p != '\0' && strchr("123456789gkKQECGXR", *p))
				return "back references and the escapes of Perl are not supported";
		} else if (*p == '(' && p + 1 < end) {
			if (p[1] == '*' || (p[1] == '?' && !is_plain_group(p + 2, end)))
				return "look-around and the groups of Perl are not supported";
		}
	}
	return NULL;
}

static void raise_pcre(sqlite3_context *ctx, int error)
{
	PCRE2_UCHAR text[160];

	pcre2_get_error_message(error, text, sizeof(text));
	md_sqlite_raise(ctx, "2201B", "invalid regular expression: %s", (const char *)text);
}

static struct regex *wrap(pcre2_code *code)
{
	struct regex *regex = calloc(1, sizeof(*regex));

	if (!regex) {
		pcre2_code_free(code);
		return NULL;
	}
	regex->code = code;
	regex->data = pcre2_match_data_create(1, NULL);
	regex->limits = pcre2_match_context_create(NULL);
	if (!regex->data || !regex->limits) {
		free_regex(regex);
		return NULL;
	}
	pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(regex->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(regex->limits, HEAP_LIMIT_KIB);
	return regex;
}

/* NULL: the function has ended with an error. */
static struct regex *compile(sqlite3_context *ctx, struct md_str pattern, bool fold)
{
	uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF |
			   PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | (fold ? PCRE2_CASELESS : 0);
	const char *why = refused(pattern);
	struct regex *regex;
	pcre2_code *code;
	PCRE2_SIZE offset;
	int error;

	if (!why && pattern.len > PATTERN_MAX)
		why = "the pattern is longer than 256 bytes";
	if (why) {
		md_sqlite_raise(ctx, "2201B", "invalid regular expression: %s", why);
		return NULL;
	}
	code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, options, &error, &offset, NULL);
	if (!code) {
		raise_pcre(ctx, error);
		return NULL;
	}
	regex = wrap(code);
	if (!regex)
		sqlite3_result_error_nomem(ctx);
	return regex;
}

/* Compiled once per statement: SQLite keeps it with the constant pattern. */
static struct regex *kept_regex(sqlite3_context *ctx, struct md_str pattern, bool fold)
{
	struct regex *regex = sqlite3_get_auxdata(ctx, 0);

	if (regex)
		return regex;
	regex = compile(ctx, pattern, fold);
	if (!regex)
		return NULL;
	sqlite3_set_auxdata(ctx, 0, regex, free_regex);
	regex = sqlite3_get_auxdata(ctx, 0);
	if (!regex) /* it was freed at once: no memory */
		sqlite3_result_error_nomem(ctx);
	return regex;
}

void md_sqlite_regex(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[2][MD_SQLITE_NUMBER_MAX];
	struct md_str pattern = md_sqlite_value_text(args[0], scratch[0]);
	struct md_str value = md_sqlite_value_text(args[1], scratch[1]);
	struct regex *regex;
	int rc;

	(void)count;
	if (!pattern.ptr || !value.ptr)
		return;
	regex = kept_regex(ctx, pattern, sqlite3_value_int(args[2]) != 0);
	if (!regex)
		return;
	rc = pcre2_match(regex->code, (PCRE2_SPTR)value.ptr, value.len, 0, 0, regex->data,
			 regex->limits);
	if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH || PCRE2_MATCH_INVALID_UTF == 0)
		sqlite3_result_int(ctx, rc >= 0);
	else if (rc == PCRE2_ERROR_NOMEMORY)
		sqlite3_result_error_nomem(ctx);
	else
		md_sqlite_raise(ctx, "2201B",
				"regular expression failed: it takes too much work on this value");
}
#endif
