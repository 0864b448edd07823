/* The query strings of Content-Location and Link. */
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

static enum md_code put_sorted(struct md_arena *arena, const struct md_parameter *parameters,
			       unsigned count, struct md_buf *out, struct md_error *err)
{
	const struct md_parameter **sorted =
		md_arena_alloc(arena, count * sizeof(const struct md_parameter *));

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

enum md_code md_query_canonical(struct md_arena *arena, struct md_str raw, struct md_buf *out,
				struct md_error *err)
{
	struct md_parameter *parameters;
	unsigned count;
	enum md_code code;

	if (raw.len == 0)
		return MD_OK;
	code = md_uri_parameters(arena, raw, UINT_MAX, &parameters, &count, err);
	return code == MD_OK ? put_sorted(arena, parameters, count, out, err) : code;
}

static struct md_parameter number(struct md_arena *arena, const char *name, int64_t value)
{
	char *text = md_arena_alloc(arena, 24);
	size_t len = text ? (size_t)md_i64_to_text(value, text) : 0;

	return (struct md_parameter){ md_str_of(name), { text, len } };
}

enum md_code md_query_page(struct md_arena *arena, struct md_str raw, int64_t limit, int64_t offset,
			   struct md_buf *out, struct md_error *err)
{
	struct md_parameter *parameters = NULL, *kept;
	unsigned count = 0, k = 0;
	enum md_code code = MD_OK;

	if (raw.len > 0)
		code = md_uri_parameters(arena, raw, UINT_MAX, &parameters, &count, err);
	if (code != MD_OK)
		return code;
	kept = md_arena_alloc(arena, (count + 2) * sizeof(*kept));
	if (!kept)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < count; i++)
		if (md_str_is_given(parameters[i].value) &&
		    !md_str_is(parameters[i].name, "limit") &&
		    !md_str_is(parameters[i].name, "offset"))
			kept[k++] = parameters[i];
	if (limit >= 0)
		kept[k++] = number(arena, "limit", limit);
	kept[k++] = number(arena, "offset", offset);
	return put_sorted(arena, kept, k, out, err);
}
