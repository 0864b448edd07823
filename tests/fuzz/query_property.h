/* What must hold for every query string; shared by the targets of the query parsers. */
#ifndef MD_TESTS_FUZZ_QUERY_PROPERTY_H
#define MD_TESTS_FUZZ_QUERY_PROPERTY_H
#include <stdlib.h>
#include <string.h>

#include "core/query/parse.h"

static inline void require(bool holds)
{
	if (!holds)
		abort();
}

/** A filled error is complete, has the code that was returned, and shows no torn characters. */
static inline void require_error(enum md_code code, const struct md_error *err)
{
	require(err->code == code && err->wire[0] && err->message[0]);
	require(md_utf8_is_valid(err->message, strlen(err->message)));
	require(md_utf8_is_valid(err->details, strlen(err->details)));
	require(md_utf8_is_valid(err->hint, strlen(err->hint)));
}

static inline unsigned count_embeds(const struct md_select *item)
{
	unsigned count = 0;

	for (; item; item = item->next)
		if (item->kind == MD_SELECT_EMBED)
			count += 1 + count_embeds(item->embed->level.select);
	return count;
}

static inline void require_values(const struct md_query *query, size_t most)
{
	size_t total = 0;

	for (unsigned i = 0; i < query->value_count; i++) {
		require(query->values[i].ptr || query->values[i].len == 0);
		total += query->values[i].len;
		require(query->values[i].len == 0 ||
			md_utf8_is_valid(query->values[i].ptr, query->values[i].len));
	}
	require(total <= most);
}

/** Parse; on success: parse → print → parse gives as many values and prints the same again;
 * decoded values are never longer than the input; what is counted is there. */
static inline void check_query(struct md_str raw, bool item_route)
{
	const struct md_parse_limits *limits = &md_parse_limits_default;
	md_auto_arena arena = md_arena_new(1 << 24);
	md_auto_buf first = { .max = 1 << 22 }, second = { .max = 1 << 22 };
	struct md_query query, again;
	struct md_error err;
	enum md_code code;

	if (!arena)
		return;
	code = md_parse_query(arena, raw, limits, item_route, &query, &err);
	if (code) {
		require_error(code, &err);
		require(code == MD_INVALID || code == MD_TOO_LARGE);
		return;
	}
	require_values(&query, raw.len);
	require(query.embed_count == count_embeds(query.root.select));
	require(query.embed_count <= limits->embeds && query.embed_depth <= limits->embed_depth);
	md_query_print(&query, &first);
	require(!first.failed);
	code = md_parse_query(arena, (struct md_str){ first.data, first.len }, limits, item_route,
			      &again, &err);
	require(code == MD_OK);
	require(query.value_count == again.value_count);
	require(query.embed_count == again.embed_count && query.embed_depth == again.embed_depth);
	md_query_print(&again, &second);
	require(first.len == second.len);
	require(first.len == 0 || memcmp(first.data, second.data, first.len) == 0);
}
#endif
