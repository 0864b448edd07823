/* Any text as a query string. Properties: what is refused has a code and a message; what is taken
 * can be printed, and the printed text means the same: it prints as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/query/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 1 << 26, TEXT_MAX = 1 << 24 };

/* The tree of `text`, printed. False: it is refused. */
static bool print(struct md_arena *arena, struct md_str text, bool item, struct md_buf *out)
{
	struct md_query query;
	struct md_error err;
	enum md_code code =
		md_parse_query(arena, text, &md_parse_limits_default, item, &query, &err);

	if (code != MD_OK) {
		if (err.code != code || err.wire[0] == '\0' || err.message[0] == '\0')
			abort();
		return false;
	}
	md_query_print(&query, out);
	if (out->failed)
		abort();
	return true;
}

static void check(struct md_str text, bool item)
{
	struct md_arena *arena = md_arena_new(ARENA);
	md_auto_buf first = MD_BUF(TEXT_MAX), second = MD_BUF(TEXT_MAX);

	if (!arena)
		abort();
	if (print(arena, text, item, &first)) {
		if (!print(arena, md_buf_str(&first), item, &second))
			abort();
		if (!md_str_equal(md_buf_str(&first), md_buf_str(&second)))
			abort();
	}
	md_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str text = { (const char *)data, size };

	check(text, false);
	check(text, true);
	return 0;
}
