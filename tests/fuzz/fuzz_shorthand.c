/* The shorthand of a field; behind a newline that of a relation. Properties: a mistake has its
 * caret within the shorthand; what is accepted is the same when it is printed in the short and in
 * the long form and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/define.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1024 * 1024 };

static void put_string(const char *text, size_t len, struct md_buf *out)
{
	md_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++)
		if (text[i] == '"' || text[i] == '\\')
			md_buf_printf(out, "\\%c", text[i]);
		else if ((unsigned char)text[i] < 0x20)
			md_buf_printf(out, "\\u%04x", (unsigned)text[i]);
		else
			md_buf_putc(out, text[i]);
	md_buf_putc(out, '"');
}

static void check_report(const struct md_def_report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct md_def_problem *problem = &report->items[i];

		if (problem->quote && problem->caret + problem->caret_len > strlen(problem->quote))
			abort();
	}
}

/* Print the document of `text`; false: it has mistakes. */
static bool print(const struct md_buf *text, enum md_def_form form, struct md_buf *out)
{
	struct md_def_source source = { "m.json", { text->data, text->len } };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *document = NULL;
	enum md_code code = md_definitions_read(&source, NULL, &report, &document, NULL);

	if (code != MD_OK && (code != MD_INVALID || report.errors == 0))
		abort();
	check_report(&report);
	if (document)
		md_definitions_print(document, NULL, form, out);
	md_definitions_free(document);
	md_def_report_release(&report);
	return code == MD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";
	const char *newline = memchr(text, '\n', size);
	size_t len = newline ? (size_t)(newline - text) : size;
	md_auto_buf file = MD_BUF(TEXT_MAX);
	md_auto_buf first = MD_BUF(TEXT_MAX);
	md_auto_buf second = MD_BUF(TEXT_MAX);
	md_auto_buf third = MD_BUF(TEXT_MAX);

	md_buf_puts(&file, "{\"version\":1,\"models\":{\"M\":{\"fields\":{\"f\":");
	put_string(text, len, &file);
	md_buf_puts(&file, "},\"relations\":{");
	if (newline) {
		md_buf_puts(&file, "\"r\":");
		put_string(newline + 1, size - len - 1, &file);
	}
	md_buf_puts(&file, "}}}}");
	if (file.failed || !print(&file, MD_DEF_SHORT, &first))
		return 0;
	if (!print(&first, MD_DEF_LONG, &second) || !print(&second, MD_DEF_SHORT, &third))
		abort();
	if (first.len != third.len || memcmp(first.data, third.data, first.len) != 0)
		abort();
	return 0;
}
