/* Prefer, Range and Accept as anybody may send them. Properties: what Preference-Applied would say
 * means the same as what was sent, and nothing else; a range that is given has no negative end;
 * every text of what is accepted stands in the header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/query/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool lies_in(struct md_str part, struct md_str whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_prefer(struct md_str header)
{
	struct md_prefer once, twice;
	md_auto_buf text = MD_BUF(1u << 20), again = MD_BUF(1u << 20);

	md_prefer_init(&once);
	md_prefer_parse(&once, header);
	for (unsigned i = 0; i < once.invalid_count; i++)
		require(once.invalid[i].len > 0 && lies_in(once.invalid[i], header));
	md_prefer_applied(&once, ~0u, &text);
	md_prefer_init(&twice);
	md_prefer_parse(&twice, md_buf_str(&text));
	require(twice.invalid_count == 0);
	require(once.ret == twice.ret && once.count == twice.count && once.tx == twice.tx &&
		once.resolution == twice.resolution && once.missing == twice.missing &&
		once.handling == twice.handling);
	require(once.has_max_affected == twice.has_max_affected &&
		once.max_affected == twice.max_affected);
	require(md_str_is_given(once.timezone) == md_str_is_given(twice.timezone) &&
		md_str_equal(once.timezone, twice.timezone));
	md_prefer_applied(&twice, ~0u, &again);
	require(text.len == again.len &&
		(text.len == 0 || memcmp(text.data, again.data, text.len) == 0));
	md_prefer_parse(&twice, header); /* the first of each has won */
	require(once.ret == twice.ret && md_str_equal(once.timezone, twice.timezone));
}

static void check_range(struct md_str header)
{
	struct md_range range;

	md_range_parse(header, &range);
	require(!range.given || (range.first >= 0 && (!range.has_last || range.last >= 0)));
}

static void check_accept(struct md_str header)
{
	struct md_accept accept;

	md_accept_parse(header, &accept);
	require(accept.count <= MD_ACCEPT_MAX);
	for (unsigned i = 0; i < accept.count; i++)
		require(lies_in(accept.text[i], header) && accept.media[i] <= MD_MEDIA_OTHER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_str header = { size > 0 ? (const char *)data : "", size };

	check_prefer(header);
	check_range(header);
	check_accept(header);
	return 0;
}
