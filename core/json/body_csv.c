/* CSV bodies (RFC 4180; lines may also end with a bare CR or LF, empty ones do not count). The
 * first line names the columns. All cells are strings, except NULL. */
#include "core/json/body_reader.h"

#include "core/base/banned.h"

/* A field as it was sent. */
struct field {
	struct md_str raw;   /* between the quotes if there were any */
	unsigned doubled;    /* quotes that are there twice */
	const char *mistake; /* instead of all that */
};

struct csv {
	struct md_fence *fence;
	const char *end;
};

static bool ends_line(const char *p, const char *end)
{
	return p == end || *p == '\n' || *p == '\r';
}

/* Behind the quote. */
static const char *scan_quoted(const char *p, const char *end, struct field *field)
{
	const char *start = p;

	for (;;) {
		p = p < end ? memchr(p, '"', (size_t)(end - p)) : NULL;
		if (!p) {
			field->mistake = "a quoted field does not end";
			return NULL;
		}
		if (p + 1 == end || p[1] != '"')
			break;
		field->doubled++;
		p += 2;
	}
	field->raw = (struct md_str){ start, (size_t)(p - start) };
	p++;
	if (!ends_line(p, end) && *p != ',') {
		field->mistake = "there is text behind a quoted field";
		return NULL;
	}
	return p;
}

/* Returns the comma or the end of the line; NULL: field->mistake says why. */
static const char *scan_field(const char *p, const char *end, struct field *field)
{
	const char *start = p;

	*field = (struct field){ .doubled = 0 };
	if (p < end && *p == '"')
		return scan_quoted(p + 1, end, field);
	while (!ends_line(p, end) && *p != ',') {
		if (*p++ == '"') {
			field->mistake = "a quote in a field that is not quoted";
			return NULL;
		}
	}
	field->raw = (struct md_str){ start, (size_t)(p - start) };
	return p;
}

static size_t undouble(char *out, struct md_str raw)
{
	size_t len = 0;

	for (size_t i = 0; i < raw.len; i++) {
		out[len++] = raw.ptr[i];
		i += raw.ptr[i] == '"';
	}
	return len;
}

static const char *skip_line_ends(const char *p, const char *end)
{
	while (p < end && ends_line(p, end))
		p++;
	return p;
}

/* The mistake is in the field at `at`. */
static enum md_code fail_parse(struct csv *csv, const char *at, const char *mistake)
{
	const char *end = csv->end;
	unsigned long long line = csv->fence->limits->lines_before + 1;

	for (const char *p = csv->fence->body->text.ptr; p < at; p++)
		line += *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
	return md_fail(csv->fence->err, MD_INVALID, "PGRST102", "parse error in line %llu: %s",
		       line, mistake);
}

static enum md_code check_field(struct csv *csv, const char **pp, struct field *field)
{
	const struct md_body_limits *limits = csv->fence->limits;
	const char *p = scan_field(*pp, csv->end, field);

	if (!p)
		return fail_parse(csv, *pp, field->mistake);
	if (field->raw.len > limits->string)
		return md_fence_too_large(csv->fence, limits->string, "bytes in a field");
	*pp = p;
	return md_fence_node(csv->fence);
}

static enum md_code read_name(struct md_fence *fence, const struct field *field,
			      struct md_body_key *ret_key)
{
	char *out;

	*ret_key = (struct md_body_key){ field->raw, field->raw, MD_NO_COLUMN };
	if (field->doubled == 0)
		return MD_OK;
	out = md_arena_alloc(fence->arena, field->raw.len);
	if (!out)
		return md_fail_nomem(fence->err);
	ret_key->name = (struct md_str){ out, undouble(out, field->raw) };
	return MD_OK;
}

static unsigned count_names(const char *p, const char *end)
{
	struct field field;
	unsigned count = 1;

	for (p = scan_field(p, end, &field); p && !ends_line(p, end); count++)
		p = scan_field(p + 1, end, &field);
	return count;
}

static enum md_code check_header(struct csv *csv, const char **pp)
{
	struct md_fence *fence = csv->fence;
	unsigned count = count_names(*pp, csv->end);
	struct md_body_key *keys;
	struct field field;

	if (count > fence->limits->keys)
		return md_fence_too_large(fence, fence->limits->keys, "columns");
	keys = md_arena_alloc(fence->arena, count * sizeof(*keys));
	if (!keys)
		return md_fail_nomem(fence->err);
	for (unsigned i = 0; i < count; i++) {
		enum md_code code = check_field(csv, pp, &field);

		if (code == MD_OK)
			code = read_name(fence, &field, &keys[i]);
		if (code != MD_OK)
			return code;
		*pp += i + 1 < count;
	}
	return md_fence_learn(fence, keys, count);
}

static enum md_code check_line(struct csv *csv, const char **pp)
{
	struct md_body *body = csv->fence->body;
	enum md_code code = md_fence_row(csv->fence);
	unsigned count = 0;
	size_t need = 0;
	struct field field;

	if (code == MD_OK)
		code = md_fence_node(csv->fence);
	if (code != MD_OK)
		return code;
	for (;; ++*pp) {
		code = check_field(csv, pp, &field);
		if (code != MD_OK)
			return code;
		need += field.doubled > 0 ? field.raw.len : 0;
		count++;
		if (ends_line(*pp, csv->end))
			break;
	}
	if (count != body->key_count)
		return md_fence_invalid(csv->fence, "All lines must have same number of fields");
	if (need > body->scratch)
		body->scratch = need;
	return MD_OK;
}

static enum md_code check_lines(struct csv *csv, const char *p)
{
	enum md_code code = check_header(csv, &p);

	if (code != MD_OK)
		return code;
	p = skip_line_ends(p, csv->end);
	csv->fence->body->first = p;
	while (p < csv->end) {
		code = check_line(csv, &p);
		if (code != MD_OK)
			return code;
		p = skip_line_ends(p, csv->end);
	}
	return MD_OK;
}

static enum md_code check(struct md_fence *fence)
{
	struct md_body *body = fence->body;
	struct csv csv = { .fence = fence, .end = body->text.ptr + body->text.len };
	const char *p = body->text.ptr;
	enum md_code code;

	if (md_str_starts_with(body->text, MD_STR("\xEF\xBB\xBF")))
		p += 3; /* spreadsheets write one */
	if (p == csv.end)
		return md_fence_invalid(fence, "parse error (not enough input) at \"\"");
	code = md_fence_text(fence, body->text);
	if (code == MD_OK)
		code = check_lines(&csv, p);
	if (code != MD_OK)
		return code;
	body->is_array = true;
	if (body->rows == 0 && !body->is_given)
		body->column_count = 0; /* PostgREST: as `[]` */
	return MD_OK;
}

/* Empty lines and the end of this one lie before the next row. */
static const char *read_line(const struct md_body *body, const char *p, char *scratch,
			     struct md_body_cell *cells)
{
	const char *end = body->text.ptr + body->text.len;
	struct field field;

	for (unsigned i = 0; i < body->key_count; i++) {
		unsigned column = body->keys[i].column;

		p = scan_field(p, end, &field);
		p += i + 1 < body->key_count;
		if (column == MD_NO_COLUMN)
			continue;
		cells[column].kind = md_str_is(field.raw, "NULL") ? MD_CELL_NULL : MD_CELL_STRING;
		cells[column].text = field.raw;
		if (field.doubled == 0)
			continue;
		cells[column].text = (struct md_str){ scratch, undouble(scratch, field.raw) };
		scratch += cells[column].text.len;
	}
	return skip_line_ends(p, end);
}

const struct md_body_reader md_body_csv = { check, read_line };
