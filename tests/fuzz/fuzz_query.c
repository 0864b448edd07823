/* A query string as it stands in the request line. Properties: those of check_query(); the
 * canonical form of a canonical form is itself. */
#include "tests/fuzz/query_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(struct md_str raw)
{
	md_auto_arena arena = md_arena_new(1 << 24);
	md_auto_buf first = { .max = 1 << 22 }, second = { .max = 1 << 22 };
	struct md_error err;
	enum md_code code;

	if (!arena)
		return;
	code = md_query_canonical(arena, raw, &first, &err);
	if (code) {
		require_error(code, &err);
		return;
	}
	code = md_query_canonical(arena, (struct md_str){ first.data, first.len }, &second, &err);
	require(code == MD_OK && first.len == second.len);
	require(first.len == 0 || memcmp(first.data, second.data, first.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str raw = { (const char *)data, size };

	check_query(raw, false);
	check_query(raw, true);
	check_canonical(raw);
	return 0;
}
