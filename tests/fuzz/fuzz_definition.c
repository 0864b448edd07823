/* A definition file. Properties: reading never crashes; every mistake has one of the file's lines,
 * and its caret stands within the shorthand it quotes; a file that is accepted says the same when
 * it is printed in either form and read again, and printed again it stays as it is. */
#include <stdint.h>
#include <stdlib.h>

#include "core/model/define.h"
#include "tests/support/define_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 64 * 1024 * 1024 };

static void check_report(const struct md_def_report *report, struct md_str text)
{
	unsigned lines = 1;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	for (unsigned i = 0; i < report->count; i++) {
		const struct md_def_problem *problem = &report->items[i];
		md_auto_buf out = MD_BUF(TEXT_MAX);

		if (problem->place.line > lines)
			abort();
		if (problem->quote && problem->caret + problem->caret_len > strlen(problem->quote))
			abort();
		md_def_problem_print(problem, &out);
		if (out.failed || !md_utf8_is_valid(out.data, out.len))
			abort();
	}
}

static const struct md_definitions *load(struct md_str text)
{
	struct md_def_source source = { "m.json", text };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	enum md_code code = md_definitions_load(&source, 1, NULL, 7, &report, &definitions, NULL);

	if (code == MD_INVALID ? report.errors == 0 : code != MD_OK || !definitions)
		abort();
	check_report(&report, text);
	md_def_report_release(&report);
	return definitions;
}

static void must_equal(const struct md_buf *a, const struct md_buf *b)
{
	if (a->failed || b->failed || a->len != b->len || memcmp(a->data, b->data, a->len) != 0)
		abort();
}

/* `text` says what `dump` tells. */
static void check_says(const struct md_buf *text, const struct md_buf *dump)
{
	const struct md_definitions *definitions = load((struct md_str){ text->data, text->len });
	md_auto_buf again = MD_BUF(TEXT_MAX);

	if (!definitions)
		abort();
	dump_definitions(definitions, &again);
	must_equal(&again, dump);
	md_definitions_free(definitions);
}

static void print_document(struct md_str text, enum md_def_form form, struct md_buf *out)
{
	struct md_def_source source = { "m.json", text };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *document = NULL;

	if (md_definitions_read(&source, NULL, &report, &document, NULL) != MD_OK)
		abort();
	md_definitions_print(document, NULL, form, out);
	md_definitions_free(document);
	md_def_report_release(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str text = { size > 0 ? (const char *)data : "", size };
	const struct md_definitions *definitions = load(text);
	md_auto_buf dump = MD_BUF(TEXT_MAX);

	if (!definitions)
		return 0;
	dump_definitions(definitions, &dump);
	for (enum md_def_form form = MD_DEF_LONG; form <= MD_DEF_SHORT; form++) {
		md_auto_buf resolved = MD_BUF(TEXT_MAX);
		md_auto_buf once = MD_BUF(TEXT_MAX);
		md_auto_buf twice = MD_BUF(TEXT_MAX);

		md_definitions_print(definitions, NULL, form, &resolved);
		check_says(&resolved, &dump);
		print_document(text, form, &once);
		check_says(&once, &dump);
		print_document((struct md_str){ once.data, once.len }, form, &twice);
		must_equal(&once, &twice);
	}
	md_definitions_free(definitions);
	return 0;
}
