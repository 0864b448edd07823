/* References of a batch: a body that is JSON is JSON afterwards, and itself when it has none; a
 * path has no more bytes that need an escape than before. */
#include <stdlib.h>

#include "core/json/codec.h"
#include "server/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 64 };

static void fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_batch_operation one = {
		.id = MD_STR("a"),
		.answer = MD_STR(
			"[{\"id\":1.50,\"t\":\"\\\"x/\\u00e9\",\"o\":{\"k\":[1]},\"n\":null}]"),
	};
	const struct md_batch_list list = { .operations = &one, .count = 1 };
	struct md_str text = { (const char *)data, size };
	struct md_arena *arena = md_arena_new(1u << 20);
	md_auto_buf body = MD_BUF(1u << 20), path = MD_BUF(1u << 20);
	struct md_error err;

	md_error_clear(&err);
	if (size > 0 && md_json_is_valid(text.ptr, size, DEPTH) &&
	    md_batch_put(&list, 1, text, false, arena, &body, &err) == MD_OK) {
		fuzz_require(md_json_is_valid(body.data, body.len, DEPTH + 4));
		if (!md_batch_has_refs(text))
			fuzz_require(body.len == size && memcmp(body.data, data, size) == 0);
	}
	if (md_batch_put(&list, 1, text, true, arena, &path, &err) == MD_OK &&
	    !md_batch_has_refs(text))
		fuzz_require(path.len == size && (size == 0 || memcmp(path.data, data, size) == 0));
	md_arena_free(arena);
	return 0;
}
