/* A path of the request line, and its segments as keys. Properties: what is decoded is never longer
 * than what it came from, is UTF-8 and has no NUL; a key split into parts and joined again is the
 * same parts. */
#include "tests/fuzz/query_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_part(struct md_buf *out, struct md_str part)
{
	md_buf_putc(out, '"');
	for (size_t i = 0; i < part.len; i++) {
		if (part.ptr[i] == '"' || part.ptr[i] == '\\')
			md_buf_putc(out, '\\');
		md_buf_putc(out, part.ptr[i]);
	}
	md_buf_putc(out, '"');
}

static void check_key(struct md_arena *arena, struct md_str segment, unsigned columns)
{
	md_auto_buf joined = { .max = 1 << 20 };
	struct md_str parts[4], again[4];
	struct md_error err;
	enum md_code code = md_parse_key(arena, segment, columns, parts, &err);
	size_t total = 0;

	if (code) {
		require_error(code, &err);
		return;
	}
	for (unsigned i = 0; i < columns; i++) {
		total += parts[i].len;
		if (i > 0)
			md_buf_putc(&joined, ',');
		put_part(&joined, parts[i]);
	}
	require(total <= segment.len);
	if (columns == 1)
		return;
	code = md_parse_key(arena, (struct md_str){ joined.data, joined.len }, columns, again,
			    &err);
	require(code == MD_OK);
	for (unsigned i = 0; i < columns; i++)
		require(md_str_equal(parts[i], again[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	md_auto_arena arena = md_arena_new(1 << 24);
	struct md_str raw = { (const char *)data, size };
	struct md_path path;
	struct md_error err;
	enum md_code code;
	size_t total = 0;

	if (!arena)
		return 0;
	code = md_parse_path(arena, raw, &path, &err);
	if (code) {
		require_error(code, &err);
		return 0;
	}
	for (unsigned i = 0; i < path.count; i++) {
		struct md_str segment = path.segments[i];

		total += segment.len;
		require(md_utf8_is_valid(segment.ptr, segment.len));
		require(segment.len == 0 || !memchr(segment.ptr, '\0', segment.len));
		for (unsigned columns = 1; columns <= 4; columns++)
			check_key(arena, segment, columns);
	}
	require(total <= size);
	return 0;
}
