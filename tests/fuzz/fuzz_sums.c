/* migrations.sum. Properties: reading never crashes; a refusal names the file and one of its lines;
 * what is accepted has each revision once, is written again and read as the same, and written once
 * more stays as it is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/migrate/revision_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_refusal(const struct md_error *err, struct md_str text)
{
	unsigned lines = 1, line = 0;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	require(err->code == MD_INVALID && err->hint[0]);
	require(sscanf(err->message, MD_REVISION_SUMS ", line %u: ", &line) == 1);
	require(line >= 1 && line <= lines);
}

static void write_all(struct md_buf *out, const struct md_revision_sum *sums, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		md_revision_sums_put(out, sums[i].id, sums[i].checksum, sums[i].file);
	require(!out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str text = { size > 0 ? (const char *)data : "", size };
	md_auto_arena arena = md_arena_new(64 << 20);
	md_auto_buf once = MD_BUF(16 << 20);
	md_auto_buf twice = MD_BUF(16 << 20);
	const struct md_revision_sum *sums, *again;
	struct md_error err;
	unsigned count, count_again;
	enum md_code code = md_revision_sums_parse(text, arena, &sums, &count, &err);

	if (code != MD_OK) {
		check_refusal(&err, text);
		return 0;
	}
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < i; j++)
			require(strcmp(sums[i].id, sums[j].id) != 0);
	write_all(&once, sums, count);
	require(md_revision_sums_parse(md_buf_str(&once), arena, &again, &count_again, NULL) ==
		MD_OK);
	require(count_again == count);
	for (unsigned i = 0; i < count; i++)
		require(strcmp(sums[i].file, again[i].file) == 0);
	write_all(&twice, again, count_again);
	require(md_str_equal(md_buf_str(&once), md_buf_str(&twice)));
	return 0;
}
