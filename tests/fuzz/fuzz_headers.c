/* Prefer, Range and Accept headers. Properties: texts kept are parts of the header; what was
 * understood of Prefer reads the same from its own Preference-Applied; a range written out reads
 * the same; each accepted type means the same alone. */
#include "core/query/headers.h"

#include "tests/fuzz/query_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_part(struct md_str part, struct md_str whole)
{
	require(part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_prefer(struct md_str header)
{
	md_auto_buf first = { .max = 1 << 20 }, second = { .max = 1 << 20 };
	struct md_prefer prefer, again;

	md_prefer_init(&prefer);
	md_prefer_parse(&prefer, header);
	for (unsigned i = 0; i < prefer.invalid_count; i++)
		require_part(prefer.invalid[i], header);
	md_prefer_applied(&prefer, ~0u, &first);
	md_prefer_init(&again);
	md_prefer_parse(&again, (struct md_str){ first.data, first.len });
	require(again.invalid_count == 0);
	md_prefer_applied(&again, ~0u, &second);
	require(first.len == second.len);
	require(first.len == 0 || memcmp(first.data, second.data, first.len) == 0);
}

static void check_range(struct md_str header)
{
	md_auto_buf text = { .max = 1000 };
	struct md_range range, again;

	md_range_parse(header, &range);
	require(range.given || (range.first == 0 && !range.has_last));
	if (!range.given)
		return;
	md_buf_put_i64(&text, range.first);
	md_buf_putc(&text, '-');
	if (range.has_last)
		md_buf_put_i64(&text, range.last);
	md_range_parse((struct md_str){ text.data, text.len }, &again);
	require(again.given && again.first == range.first && again.has_last == range.has_last);
	require(!range.has_last || again.last == range.last);
}

static void check_accept(struct md_str header)
{
	struct md_accept accept, alone;

	md_accept_parse(header, &accept);
	require(accept.count <= MD_ACCEPT_MAX);
	for (unsigned i = 0; i < accept.count; i++) {
		require_part(accept.text[i], header);
		md_accept_parse(accept.text[i], &alone);
		if (accept.text[i].len > 0)
			require(alone.count == 1 && alone.media[0] == accept.media[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str header = { (const char *)data, size };

	check_prefer(header);
	check_range(header);
	check_accept(header);
	return 0;
}
