#include "server/pages.h"

#include "server/loop.h"
#include "server/reply.h"

#include "core/base/banned.h"

/* Of a query that came in a body, and that no GET can ask. */
static bool is_beyond_get(const struct md_request *request, size_t len)
{
	return request->method != MD_METHOD_GET && request->method != MD_METHOD_HEAD &&
	       len > request->loop->gate.request_line;
}

const char *md_pages_range(struct md_request *request)
{
	char *text;

	if (!request->has_page)
		return NULL;
	text = md_arena_alloc(request->arena, MD_CONTENT_RANGE_MAX);
	if (text)
		md_content_range(&request->page, text);
	return md_reply_kept(request, text);
}

const char *md_pages_location(struct md_request *request)
{
	md_auto_buf out = { .max = 1024 * 1024 };

	if (!request->has_page || !request->read || request->error.code != MD_OK ||
	    is_beyond_get(request, request->raw_query.len))
		return NULL;
	md_buf_putstr(&out, request->raw_path);
	if (request->raw_query.len == 0)
		return md_reply_kept_buf(request, &out);
	md_buf_putc(&out, '?');
	if (md_query_canonical(request->arena, request->raw_query, &out, NULL) != MD_OK ||
	    out.failed)
		return md_reply_kept(request, NULL);
	if (out.data[out.len - 1] == '?')
		out.len--;
	if (is_beyond_get(request, out.len))
		return NULL;
	return md_reply_kept_buf(request, &out);
}

const char *md_pages_next(struct md_request *request)
{
	const struct md_read_result *result = request->read ? md_read_result(request->read) : NULL;
	const struct md_level *root = &request->query.root;
	md_auto_buf out = MD_BUF(1024 * 1024);
	int64_t limit = -1;
	uint64_t next;

	if (!request->has_page || !result || request->error.code != MD_OK || result->rows == 0 ||
	    result->rows < result->most || is_beyond_get(request, request->raw_query.len))
		return NULL;
	next = result->first + result->rows;
	if (next > INT64_MAX || (request->prefer.count == MD_COUNT_EXACT && next >= result->total))
		return NULL;
	if (request->ask.range.given && request->ask.range.has_last)
		limit = (int64_t)result->most;
	else if (root->has_limit)
		limit = root->limit;
	md_buf_putc(&out, '<');
	md_uri_encode(&out, request->raw_path, "/%-_.~!$&'()*+,;=:@");
	md_buf_putc(&out, '?');
	md_query_page(request->raw_query, limit, (int64_t)next, &out);
	if (out.len > request->loop->gate.request_line)
		return NULL;
	md_buf_puts(&out, ">; rel=\"next\"");
	return md_reply_kept_buf(request, &out);
}
