/* Any text as a value of every kind of rule. Properties: what a format lets pass has what makes it
 * one; a rule that fails says so with a code; a number rounds to the same as a double and as a
 * text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/db/value.h"
#include "core/model/define.h"
#include "core/model/format.h"
#include "core/model/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 1 << 22, SHORT = 64 };

static const char model[] =
	"{\"version\":1,\"models\":{\"T\":{\"fields\":{"
	"\"a\":\"string(9) min_length(2) pattern('^[a-zä]{2,9}(-[0-9]|x)?$')\","
	"\"b\":\"array(integer)\",\"c\":\"array(date)\",\"d\":\"array(string)\","
	"\"e\":\"decimal(12, 3) min(-5) max(999999.5) multiple_of(0.25)\","
	"\"f\":\"enum(x, yy)\",\"g\":\"datetime min('2020-01-01T00:00:00Z')\","
	"\"h\":\"text format(email)\"}}}}";

static const struct md_definitions *definitions;
static const struct md_rules *rules[16];
static unsigned count;
static struct md_arena *kept;

static void start(void)
{
	struct md_def_source source = { "m.json", { model, sizeof(model) - 1 } };
	struct md_def_report report = { .count = 0 };

	md_definitions_load(&source, 1, NULL, 0, &report, &definitions, NULL);
	kept = md_arena_new(ARENA);
	if (!definitions || !kept)
		abort();
	md_def_report_release(&report);
	for (unsigned i = 1; i < definitions->models[0].field_count; i++)
		if (md_rules_new(kept, "t", &definitions->models[0].fields[i], &rules[count++],
				 NULL) != MD_OK)
			abort();
}

static unsigned occurrences(struct md_str text, char c)
{
	unsigned n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == c;
	return n;
}

static bool has_blank(struct md_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ')
			return true;
	return false;
}

static void check_formats(struct md_str text)
{
	static const struct {
		enum md_def_format format;
		char needs;
		unsigned least, most;
		bool blanks;
	} table[] = {
		{ MD_DEF_EMAIL, '@', 1, 1, false },    { MD_DEF_URI, ':', 1, 1u << 30, false },
		{ MD_DEF_HOSTNAME, '@', 0, 0, false }, { MD_DEF_IPV4, '.', 3, 3, false },
		{ MD_DEF_IPV6, ':', 2, 8, false },     { MD_DEF_SLUG, '_', 0, 0, false },
		{ MD_DEF_PHONE, '+', 0, 1, true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned n = occurrences(text, table[i].needs);

		if (!md_format_fits(table[i].format, text))
			continue;
		if (n < table[i].least || n > table[i].most || text.len == 0 ||
		    (!table[i].blanks && has_blank(text)))
			abort();
	}
}

static void check_value(struct md_value value, struct md_arena *arena)
{
	for (unsigned i = 0; i < count; i++) {
		struct md_value copy = value;
		struct md_error err;
		enum md_code code;

		md_error_clear(&err);
		if (md_rules_fit(rules[i], arena, &copy, &err) != MD_OK)
			abort();
		code = md_rules_check(rules[i], &copy, &err);
		if (code != err.code || (code == MD_OK) != (err.wire[0] == '\0'))
			abort();
	}
}

/* The short way for doubles gives what the long one for texts does. */
static void check_real(struct md_str text, struct md_arena *arena)
{
	struct md_value real, exact;
	char digits[SHORT];
	double number;

	if (text.len > SHORT / 2 || !md_str_to_double(text, &number) || number > 1e8 ||
	    number < -1e8)
		return;
	snprintf(digits, sizeof(digits), "%.4f", number);
	real = md_value_real(strtod(digits, NULL));
	exact = md_value_text(md_str_of(digits));
	if (md_rules_fit(rules[4], arena, &real, NULL) != MD_OK ||
	    md_rules_fit(rules[4], arena, &exact, NULL) != MD_OK)
		abort();
	snprintf(digits, sizeof(digits), "%.*s", (int)exact.len, exact.text);
	if (strtod(digits, NULL) < real.r || strtod(digits, NULL) > real.r)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str text = { size > 0 ? (const char *)data : "", size };
	md_auto_arena arena = md_arena_new(ARENA);
	double number;
	int64_t whole;

	if (!arena)
		return 0;
	if (!definitions)
		start();
	if (md_utf8_is_valid(text.ptr, text.len))
		check_formats(text);
	check_value(md_value_text(text), arena);
	if (md_str_to_i64(text, &whole))
		check_value(md_value_int(whole), arena);
	if (md_str_to_double(text, &number))
		check_value(md_value_real(number), arena);
	check_real(text, arena);
	return 0;
}
