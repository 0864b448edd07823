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

/* What a URI is made of; the rest is encoded. RFC 3986, without # and with %, which is looked at.
 */
static const bool uri_table[256] = {
	['!'] = true, ['$' ... ';'] = true, ['='] = true,         ['?' ... '['] = true,
	[']'] = true, ['_'] = true,         ['a' ... 'z'] = true, ['~'] = true,
};

static void put_piece(struct md_buf *out, struct md_str piece)
{
	const char *p = piece.ptr, *end = piece.ptr + piece.len;

	while (p < end) {
		const char *begin = p;

		while (p < end && uri_table[(unsigned char)*p] &&
		       (*p != '%' || md_uri_is_escape(p, end)))
			p++;
		md_buf_put(out, begin, (size_t)(p - begin));
		if (p < end)
			md_uri_encode(out, (struct md_str){ p++, 1 }, "");
	}
}

/* Whether a name as it was sent is this one. */
static bool is_name(struct md_str raw, struct md_str name)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len;
	size_t i = 0;

	for (; p < end && i < name.len; i++) {
		int byte = md_uri_is_escape(p, end);

		if ((byte ? byte : *p) != name.ptr[i])
			return false;
		p += byte ? 3 : 1;
	}
	return p == end && i == name.len;
}

void md_query_page(struct md_str raw, int64_t limit, int64_t offset, struct md_buf *out)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len, *stop;

	for (; p < end; p = stop + 1) {
		struct md_str name = { p, 0 };
		const char *equals;

		for (stop = p; stop < end && *stop != '&' && *stop != ';';)
			stop++;
		equals = memchr(p, '=', (size_t)(stop - p));
		if (!equals)
			continue;
		name.len = (size_t)(equals - p);
		if (is_name(name, MD_STR("limit")) || is_name(name, MD_STR("offset")))
			continue;
		put_piece(out, (struct md_str){ p, (size_t)(stop - p) });
		md_buf_putc(out, '&');
	}
	if (limit >= 0) {
		md_buf_puts(out, "limit=");
		md_buf_put_i64(out, limit);
		md_buf_putc(out, '&');
	}
	md_buf_puts(out, "offset=");
	md_buf_put_i64(out, offset);
}
