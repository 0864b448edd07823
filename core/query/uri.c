/* Percent-encoding, paths, and the splitting of query strings. */
#include "core/query/scan.h"

#include "core/base/banned.h"

/* Value of a hexadecimal digit, 16 if it is none. */
static unsigned hex(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The byte of %XX at p; -1: malformed. */
static int percent(const char *p, const char *end)
{
	unsigned high, low;

	if (end - p < 3)
		return -1;
	high = hex(p[1]);
	low = hex(p[2]);
	return high < 16 && low < 16 ? (int)(high << 4 | low) : -1;
}

int md_uri_is_escape(const char *p, const char *end)
{
	int byte = p < end && *p == '%' ? percent(p, end) : -1;

	return byte > 0 ? byte : 0;
}

static enum md_code fail_bytes(struct md_error *err, const char *wire, bool nul)
{
	return md_fail(err, MD_INVALID, wire, "%s",
		       nul ? "invalid byte sequence for encoding \"UTF8\": 0x00"
			   : "invalid byte sequence for encoding \"UTF8\"");
}

static bool needs_decoding(struct md_str raw, bool plus)
{
	return raw.len > 0 &&
	       (memchr(raw.ptr, '%', raw.len) || (plus && memchr(raw.ptr, '+', raw.len)));
}

enum md_code md_uri_decode(struct md_arena *arena, struct md_str raw, bool plus,
			   struct md_str *ret_text, struct md_error *err)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len;
	size_t len = 0;
	char *copy;

	if (!needs_decoding(raw, plus)) {
		*ret_text = raw;
		return MD_OK;
	}
	copy = md_arena_alloc(arena, raw.len);
	if (!copy)
		return md_fail_nomem(err);
	for (; p < end; p++) {
		int byte = *p == '%' ? percent(p, end) : -1;

		copy[len++] = byte >= 0 ? (char)byte : plus && *p == '+' ? ' ' : *p;
		if (byte >= 0)
			p += 2;
	}
	if (memchr(copy, '\0', len))
		return fail_bytes(err, "22021", true);
	if (!md_utf8_is_valid(copy, len))
		return fail_bytes(err, "22021", false);
	*ret_text = (struct md_str){ copy, len };
	return MD_OK;
}

static bool is_well_formed(struct md_str raw)
{
	for (size_t i = 0; i < raw.len; i++)
		if (raw.ptr[i] == '%' && percent(raw.ptr + i, raw.ptr + raw.len) < 0)
			return false;
	return true;
}

static enum md_code add_segment(struct md_arena *arena, struct md_str raw, struct md_path *path,
				struct md_error *err)
{
	struct md_error inner;
	enum md_code code;

	if (path->count == sizeof(path->segments) / sizeof(path->segments[0]))
		return md_fail(err, MD_NOT_FOUND, "PGRST125",
			       "Invalid path specified in request URL");
	if (!is_well_formed(raw))
		return md_fail(err, MD_INVALID, "PGRST100", "invalid percent-encoding in the path");
	if (raw.len > 0 && memchr(raw.ptr, '\0', raw.len))
		return fail_bytes(err, "PGRST100", true);
	if (!md_utf8_is_valid(raw.ptr, raw.len))
		return fail_bytes(err, "PGRST100", false);
	code = md_uri_decode(arena, raw, false, &path->segments[path->count], &inner);
	if (code == MD_INVALID)
		return md_fail(err, code, "PGRST100", "%s", inner.message);
	if (code)
		return md_fail_nomem(err);
	path->count++;
	return MD_OK;
}

enum md_code md_parse_path(struct md_arena *arena, struct md_str raw, struct md_path *ret_path,
			   struct md_error *err)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len, *slash;
	struct md_path path = { .count = 0 };
	enum md_code code;

	if (p < end && *p == '/')
		p++;
	for (; p < end; p = slash + 1) {
		slash = memchr(p, '/', (size_t)(end - p));
		if (!slash)
			slash = end;
		code = add_segment(arena, (struct md_str){ p, (size_t)(slash - p) }, &path, err);
		if (code)
			return code;
	}
	*ret_path = path;
	return MD_OK;
}

/* One piece between separators; an empty one adds nothing. */
static enum md_code add_parameter(struct md_arena *arena, struct md_str piece,
				  struct md_parameter *parameter, struct md_error *err)
{
	const char *equals = memchr(piece.ptr, '=', piece.len);
	struct md_str name = piece, value = { NULL, 0 };
	enum md_code code;

	if (equals) {
		name.len = (size_t)(equals - piece.ptr);
		value.ptr = equals + 1;
		value.len = piece.len - name.len - 1;
	}
	code = md_uri_decode(arena, name, true, &parameter->name, err);
	return code ? code : md_uri_decode(arena, value, true, &parameter->value, err);
}

static const char *next_separator(const char *p, const char *end)
{
	while (p < end && *p != '&' && *p != ';')
		p++;
	return p;
}

enum md_code md_uri_parameters(struct md_arena *arena, struct md_str raw, unsigned limit,
			       struct md_parameter **ret_parameters, unsigned *ret_count,
			       struct md_error *err)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len, *stop;
	struct md_parameter *parameters;
	unsigned count = 0, pieces = 0;
	enum md_code code;

	for (; p < end; p = stop + 1) {
		stop = next_separator(p, end);
		pieces += stop > p;
	}
	if (pieces > limit)
		return md_fail(err, MD_TOO_LARGE, "MD414", "more than %u query parameters", limit);
	if (raw.len > 0 && memchr(raw.ptr, '\0', raw.len))
		return fail_bytes(err, "22021", true);
	if (!md_utf8_is_valid(raw.ptr, raw.len))
		return fail_bytes(err, "22021", false);
	parameters = md_arena_alloc(arena, pieces * sizeof(*parameters));
	if (!parameters)
		return md_fail_nomem(err);
	for (p = raw.ptr; p < end; p = stop + 1) {
		stop = next_separator(p, end);
		if (stop == p)
			continue;
		code = add_parameter(arena, (struct md_str){ p, (size_t)(stop - p) },
				     &parameters[count++], err);
		if (code)
			return code;
	}
	*ret_parameters = parameters;
	*ret_count = count;
	return MD_OK;
}

void md_uri_encode(struct md_buf *out, struct md_str text, const char *plain)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		char *p = md_buf_room(out, 3);

		if (!p)
			return;
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != '\0' && strchr(plain, c))) {
			*p = (char)c;
			md_buf_wrote(out, 1);
			continue;
		}
		p[0] = '%';
		p[1] = digits[c >> 4];
		p[2] = digits[c & 15];
		md_buf_wrote(out, 3);
	}
}

/* The parts of a composite key; counts on after `columns` only as far as to know that there are too
 * many. */
static enum md_code read_parts(struct md_scan *scan, unsigned columns, struct md_str *parts,
			       unsigned *ret_count)
{
	unsigned count = 0;
	enum md_code code;

	for (;; scan->p++) {
		struct md_str part;

		code = md_scan_element(scan, &part);
		if (code)
			return code;
		if (count < columns)
			parts[count] = part;
		count++;
		if (!md_scan_is(scan, ',') || count > columns)
			break;
	}
	*ret_count = scan->p == scan->end ? count : columns + 1;
	return MD_OK;
}

enum md_code md_parse_key(struct md_arena *arena, struct md_str segment, unsigned columns,
			  struct md_str *ret_parts, struct md_error *err)
{
	struct md_scan scan = { .into = { .arena = arena, .err = err } };
	struct md_str *parts;
	unsigned count = 0;
	enum md_code code;

	if (columns == 1) {
		ret_parts[0] = segment;
		return MD_OK;
	}
	parts = md_arena_alloc(arena, columns * sizeof(*parts));
	if (!parts)
		return md_fail_nomem(err);
	md_scan_begin(&scan, "failed to parse key", segment);
	code = read_parts(&scan, columns, parts, &count);
	if (code)
		return code;
	if (count != columns) {
		md_fail(err, MD_NOT_FOUND, "MD404", "the key does not have %u parts", columns);
		md_error_hint(err, "Separate the parts of the key by commas, in the order of the "
				   "primary key; write a part with a comma as \"a,b\".");
		return MD_NOT_FOUND;
	}
	memcpy(ret_parts, parts, columns * sizeof(*parts));
	return MD_OK;
}
