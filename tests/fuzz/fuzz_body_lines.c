/* Lines of JSON that are read are, with commas between them, an array that is read to the same
 * columns and cells; and each line alone is a body of one row. */
#include "core/base/buf.h"
#include "tests/fuzz/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
	uint64_t value;
	size_t rows;
};

static void add_row(void *arg, size_t row, const struct md_str *columns,
		    const struct md_body_cell *cells, unsigned count)
{
	struct digest *digest = arg;

	(void)row;
	for (unsigned i = 0; i < count; i++)
		digest->value = md_hash(columns[i].ptr, columns[i].len, digest->value);
	digest->value = fuzz_digest(cells, count, digest->value);
	digest->rows++;
}

static bool is_blank(const char *p, size_t len)
{
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t' || p[len - 1] == '\r'))
		len--;
	return len == 0;
}

/* The lines as an array, written in the plainest way; each of them is looked at alone. */
static size_t join(const uint8_t *data, size_t size, struct md_buf *out)
{
	const char *p = (const char *)data, *end = p + size;
	size_t lines = 0;

	md_buf_putc(out, '[');
	while (p < end) {
		const char *feed = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((feed ? feed : end) - p);
		struct digest one = { 0, 0 };

		if (!is_blank(p, len)) {
			md_buf_puts(out, lines++ > 0 ? "," : "");
			md_buf_put(out, p, len);
			fuzz_require(fuzz_body(MD_BODY_JSON, (const uint8_t *)p, len, NULL, 0,
					       add_row, &one) == MD_OK);
			fuzz_require(one.rows == 1);
		}
		p = feed ? feed + 1 : end;
	}
	md_buf_putc(out, ']');
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct md_str given[] = { { "b", 1 }, { "a", 1 } };
	md_auto_buf array = MD_BUF(1u << 20);
	struct digest lines = { 0, 0 }, rows = { 0, 0 };
	enum md_code code = fuzz_body(MD_BODY_LINES, data, size, NULL, 0, add_row, &lines);

	if (code != MD_OK)
		return 0;
	fuzz_require(fuzz_body(MD_BODY_LINES, data, size, given, 2, NULL, NULL) == MD_OK);
	fuzz_require(join(data, size, &array) == lines.rows);
	if (array.len > fuzz_limits.size || lines.rows + 1 > fuzz_limits.nodes / 2)
		return 0; /* brackets and the array count */
	code = fuzz_body(MD_BODY_JSON, (const uint8_t *)array.data, array.len, NULL, 0, add_row,
			 &rows);
	fuzz_require(code == MD_OK || code == MD_TOO_LARGE);
	fuzz_require(code != MD_OK || (rows.rows == lines.rows && rows.value == lines.value));
	return 0;
}
