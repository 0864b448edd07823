/* The query string of Content-Location. */
#include <limits.h>
#include <stdlib.h>

#include "core/query/scan.h"

#include "core/base/banned.h"

/* By name, and parameters of one name in the order in which they came. */
static int compare(const void *left, const void *right)
{
	const struct md_parameter *a = *(const struct md_parameter *const *)left;
	const struct md_parameter *b = *(const struct md_parameter *const *)right;
	size_t common = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = common ? memcmp(a->name.ptr, b->name.ptr, common) : 0;

	if (order)
		return order;
	if (a->name.len != b->name.len)
		return a->name.len < b->name.len ? -1 : 1;
	return a < b ? -1 : a > b;
}

enum md_code md_query_canonical(struct md_arena *arena, struct md_str raw, struct md_buf *out,
				struct md_error *err)
{
	struct md_parameter *parameters;
	const struct md_parameter **sorted;
	unsigned count;
	enum md_code code;

	if (raw.len == 0)
		return MD_OK;
	code = md_uri_parameters(arena, raw, UINT_MAX, &parameters, &count, err);
	if (code)
		return code;
	sorted = md_arena_alloc(arena, count * sizeof(const struct md_parameter *));
	if (!sorted)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < count; i++)
		sorted[i] = &parameters[i];
	if (count > 1)
		qsort(sorted, count, sizeof(const struct md_parameter *), compare);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			md_buf_putc(out, '&');
		md_uri_encode(out, sorted[i]->name, "-_.~");
		md_buf_putc(out, '=');
		md_uri_encode(out, sorted[i]->value, "-_.~");
	}
	return out->failed ? md_fail_nomem(err) : MD_OK;
}
