/* A CSV body that is read can be written again from its cells, every field quoted, and that text
 * gives the same columns and cells. */
#include "core/base/buf.h"
#include "tests/fuzz/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_field(struct md_buf *out, struct md_str text, unsigned i)
{
	if (i > 0)
		md_buf_putc(out, ',');
	md_buf_putc(out, '"');
	for (size_t k = 0; k < text.len; k++) {
		if (text.ptr[k] == '"')
			md_buf_putc(out, '"');
		md_buf_putc(out, text.ptr[k]);
	}
	md_buf_putc(out, '"');
}

static void write_row(void *arg, size_t row, const struct md_str *columns,
		      const struct md_body_cell *cells, unsigned count)
{
	struct md_buf *out = arg;

	for (unsigned i = 0; i < count && row == 0; i++)
		put_field(out, columns[i], i);
	md_buf_putc(out, '\n');
	for (unsigned i = 0; i < count; i++) {
		fuzz_require(cells[i].kind == MD_CELL_STRING || cells[i].kind == MD_CELL_NULL);
		fuzz_require(md_str_is(cells[i].text, "NULL") == (cells[i].kind == MD_CELL_NULL));
		put_field(out, cells[i].text, i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct md_str given[] = { { "b", 1 }, { "a", 1 } };
	md_auto_buf once = MD_BUF(1u << 20), twice = MD_BUF(1u << 20);
	enum md_code code = fuzz_body(MD_BODY_CSV, data, size, NULL, 0, write_row, &once);

	fuzz_require(code == fuzz_body(MD_BODY_CSV, data, size, given, 2, NULL, NULL));
	if (code != MD_OK || once.len == 0)
		return 0;
	fuzz_require(fuzz_body(MD_BODY_CSV, (const uint8_t *)once.data, once.len, NULL, 0,
			       write_row, &twice) == MD_OK);
	fuzz_require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	return 0;
}
