/* A configuration file. Properties: reading never crashes; every problem of the file has one of its
 * lines; when the file is valid, what `show` prints is valid too and prints the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count_lines(struct md_str text)
{
	unsigned lines = 1;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

/* Read `text`; false when it has problems. `shown` gets what show prints. */
static bool read_and_show(struct md_str text, struct md_buf *shown)
{
	struct md_settings settings = { .text = text, .ready_fd = -1, .no_files = true };
	bool valid = md_settings_load(&settings, NULL) == MD_OK;

	for (unsigned i = 0; i < settings.problems.count; i++)
		if (settings.problems.items[i].line > count_lines(text))
			abort();
	if (valid && settings.problems.errors > 0)
		abort();
	md_settings_show(&settings, true, shown);
	md_settings_release(&settings);
	return valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A pointer that is not NULL, also for nothing. */
	struct md_str text = { size > 0 ? (const char *)data : "", size };
	md_auto_buf first = { .max = 64 * 1024 * 1024 };
	md_auto_buf second = { .max = 64 * 1024 * 1024 };

	if (size > MD_FILE_MAX / 16 || !read_and_show(text, &first))
		return 0;
	if (first.failed || !read_and_show((struct md_str){ first.data, first.len }, &second))
		abort();
	if (second.len != first.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	return 0;
}
