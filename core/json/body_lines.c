/* NDJSON bodies, first pass: an object a line, and nothing of it on another. Lines of white space
 * do not count. Behind this the lines are read as the rows of an array are: what stands between
 * two of them is white space. */
#include "core/json/body_json.h"

#include "core/base/banned.h"

static enum md_code fail_line(struct md_json *json, uint64_t at)
{
	struct md_fence *fence = json->fence;
	unsigned long long line = fence->limits->lines_before + at;
	bool others = json->has_others;

	if (json->code != MD_OK) {
		if (fence->err && fence->err->details[0] == '\0')
			md_error_details(fence->err, "The mistake is in line %llu.", line);
		return json->code;
	}
	md_fence_invalid(fence, others ? "All object keys must match" : "Empty or invalid json");
	md_error_details(fence->err,
			 others ? "The keys of line %llu are not those of the first."
				: "Line %llu is not a JSON object.",
			 line);
	return MD_INVALID;
}

/* The line ends at json->end. */
static bool check_line(struct md_json *json, const char *p)
{
	struct md_body *body = json->fence->body;

	p = md_json_blanks(p, json->end);
	if (p == json->end)
		return true;
	if (*p != '{')
		return false;
	if (body->rows == 0)
		body->first = p;
	p = md_json_check_row(json, p);
	return p && md_json_blanks(p, json->end) == json->end && !json->has_others;
}

static enum md_code check(struct md_fence *fence)
{
	struct md_body *body = fence->body;
	struct md_json json = { .fence = fence };
	const char *p = body->text.ptr, *end = p + body->text.len;

	body->is_array = true;
	body->first = end;
	json.levels = md_arena_alloc(fence->arena, fence->limits->depth * sizeof(*json.levels));
	if (!json.levels)
		return md_fail_nomem(fence->err);
	for (uint64_t line = 1; p < end; line++) {
		const char *feed = memchr(p, '\n', (size_t)(end - p));

		json.end = feed ? feed : end;
		if (!check_line(&json, p))
			return fail_line(&json, line);
		p = feed ? feed + 1 : end;
	}
	return MD_OK;
}

bool md_body_lines_array(const struct md_body *body, struct md_buf *out)
{
	const char *p = body->text.ptr, *end = p + body->text.len;
	bool first = true;

	if (body->reader != &md_body_lines)
		return false;
	md_buf_putc(out, '[');
	while (p < end) {
		const char *feed = memchr(p, '\n', (size_t)(end - p)), *stop = feed ? feed : end;

		p = md_json_blanks(p, stop);
		if (p < stop && !first)
			md_buf_putc(out, ',');
		first = first && p == stop;
		md_buf_put(out, p, (size_t)(stop - p));
		p = feed ? feed + 1 : end;
	}
	md_buf_putc(out, ']');
	return true;
}

const struct md_body_reader md_body_lines = { check, md_json_read_row };
