/* The pieces of valid JSON put together again, without white space between them, are valid JSON and
 * mean what the text meant, as jansson sees it; each piece is valid JSON by itself and lies in the
 * text. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/json/pieces.h"
#include "core/json/write.h"

enum { DEPTH = 64, MOST = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

static void put(struct md_buf *out, struct md_str value, struct md_str whole);

static void put_object(struct md_buf *out, struct md_str text)
{
	struct md_pieces pieces;
	struct md_str name, value;
	bool first = true;

	md_buf_putc(out, '{');
	md_pieces_open(&pieces, text);
	while (md_pieces_member(&pieces, &name, &value)) {
		md_buf_puts(out, first ? "\"" : ",\"");
		first = false;
		md_buf_putstr(out, name);
		md_buf_puts(out, "\":");
		put(out, value, text);
	}
	md_buf_putc(out, '}');
}

static void put_list(struct md_buf *out, struct md_str text)
{
	struct md_pieces pieces;
	struct md_str value;
	bool first = true;

	md_buf_putc(out, '[');
	md_pieces_open(&pieces, text);
	while (md_pieces_element(&pieces, &value)) {
		if (!first)
			md_buf_putc(out, ',');
		first = false;
		put(out, value, text);
	}
	md_buf_putc(out, ']');
}

static void put(struct md_buf *out, struct md_str value, struct md_str whole)
{
	fuzz_require(value.ptr >= whole.ptr && value.ptr + value.len <= whole.ptr + whole.len);
	fuzz_require(value.len > 0 && md_json_is_valid(value.ptr, value.len, DEPTH));
	if (value.ptr[0] == '{')
		put_object(out, value);
	else if (value.ptr[0] == '[')
		put_list(out, value);
	else
		md_buf_putstr(out, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str text = md_str_trim((struct md_str){ (const char *)data, size });
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	md_auto_buf out = MD_BUF(MOST);
	json_t *before, *after;

	if (text.len == 0 || !md_json_is_valid(text.ptr, text.len, DEPTH))
		return 0;
	put(&out, text, text);
	fuzz_require(!out.failed && md_json_is_valid(out.data, out.len, DEPTH));
	before = json_loadb(text.ptr, text.len, flags, NULL);
	after = json_loadb(out.data, out.len, flags, NULL);
	fuzz_require(!before == !after && (!before || json_equal(before, after)));
	json_decref(before);
	json_decref(after);
	return 0;
}
