/* The value of a filter, a logic tree and an order, any bytes, and the same as a name. Properties:
 * those of check_query(). */
#include "core/query/scan.h"
#include "tests/fuzz/query_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const shapes[][2] = {
		{ "a=", "" },     { "or=(", ")" }, { "not.and=(b.eq.1,", ")" },
		{ "order=", "" }, { "", "=eq.1" },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		md_auto_buf raw = { .max = 1 << 20 };

		md_buf_puts(&raw, shapes[i][0]);
		md_uri_encode(&raw, (struct md_str){ (const char *)data, size }, "");
		md_buf_puts(&raw, shapes[i][1]);
		if (!raw.failed)
			check_query((struct md_str){ raw.data, raw.len }, false);
	}
	return 0;
}
