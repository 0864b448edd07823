/* A select= list, any bytes. Properties: those of check_query(). */
#include "core/query/scan.h"
#include "tests/fuzz/query_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	md_auto_buf raw = { .max = 1 << 20 };

	md_buf_puts(&raw, "select=");
	md_uri_encode(&raw, (struct md_str){ (const char *)data, size }, "");
	if (!raw.failed)
		check_query((struct md_str){ raw.data, raw.len }, false);
	return 0;
}
