/* A form that is read can be written again from its cells, every byte escaped, and that text gives
 * the same columns and cells. */
#include "core/base/buf.h"
#include "tests/fuzz/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_escaped(struct md_buf *out, struct md_str text)
{
	for (size_t i = 0; i < text.len; i++)
		md_buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
}

static void write_row(void *arg, size_t row, const struct md_str *columns,
		      const struct md_body_cell *cells, unsigned count)
{
	struct md_buf *out = arg;

	fuzz_require(row == 0);
	for (unsigned i = 0; i < count; i++) {
		fuzz_require(cells[i].kind == MD_CELL_STRING);
		put_escaped(out, columns[i]);
		md_buf_putc(out, '=');
		put_escaped(out, cells[i].text);
		md_buf_putc(out, '&');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct md_str given[] = { { "b", 1 }, { "a", 1 } };
	md_auto_buf once = MD_BUF(1u << 20), twice = MD_BUF(1u << 20);
	enum md_code code = fuzz_body(MD_BODY_FORM, data, size, NULL, 0, write_row, &once);

	fuzz_require(code == fuzz_body(MD_BODY_FORM, data, size, given, 2, NULL, NULL));
	if (code != MD_OK || size > 1000) /* escaped, a longer field may be too long */
		return 0;
	fuzz_require(fuzz_body(MD_BODY_FORM, (const uint8_t *)once.data, once.len, NULL, 0,
			       write_row, &twice) == MD_OK);
	fuzz_require(once.len == twice.len);
	fuzz_require(once.len == 0 || memcmp(once.data, twice.data, once.len) == 0);
	return 0;
}
