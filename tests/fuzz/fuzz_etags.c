/* If-Match as anybody may send it. Properties: what is accepted says for every ETag whether it is
 * in the list, the same when the list is repeated; an ETag put before or behind such a list is in
 * it; weakly in it is at least what is strongly so. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/query/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool has(const char *before, struct md_str list, const char *behind, const char *etag)
{
	md_auto_buf text = MD_BUF(1u << 20);
	struct md_etags etags;

	md_buf_puts(&text, before);
	md_buf_putstr(&text, list);
	md_buf_puts(&text, behind);
	require(md_etags_parse(md_buf_str(&text), &etags));
	require(!md_etags_have(&etags, etag, false) || md_etags_have(&etags, etag, true));
	return md_etags_have(&etags, etag, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str list = { size > 0 ? (const char *)data : "", size };
	struct md_etags etags;
	char etag[MD_ETAG_MAX];

	md_etag_of(data, size, etag);
	if (!md_etags_parse(list, &etags)) {
		require(size == 0 || list.ptr[0] != '*' || size > 1);
		return 0;
	}
	if (etags.any) {
		require(md_etags_have(&etags, etag, false));
		return 0;
	}
	require(has("", list, "", etag) == has("\"x\",", list, ",\"y\"", etag));
	require(has("\"gx\" ,", list, "", "\"gx\""));
	require(has("", list, ", \"gx\"", "\"gx\""));
	return 0;
}
