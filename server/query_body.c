#include "server/query_body.h"

#include "config/options.h"
#include "core/json/pairs.h"
#include "server/loop.h"
#include "server/upload.h"

#include "core/base/banned.h"

bool md_query_is_asked(const struct md_request *request)
{
	return request->method == MD_METHOD_QUERY ||
	       (request->route.id == MD_ROUTE_QUERY && request->method == MD_METHOD_POST);
}

static enum md_code fail_type(struct md_request *request, bool given, struct md_str type)
{
	if (!given)
		md_fail(&request->error, MD_INVALID, "MD400", "a query needs a Content-Type");
	else
		md_fail(&request->error, MD_INVALID, "MD415",
			"a query cannot be of the Content-Type %.*s", MD_STR_ARG(type));
	md_error_hint(&request->error, "it may be %s", MD_QUERY_TYPES);
	return MD_INVALID;
}

/* Names and texts as a query string. */
static enum md_code put_pairs(struct md_request *request, struct md_str text, struct md_buf *out)
{
	const struct md_body_limits limits = md_upload_limits(request);
	const struct md_pair *pairs;
	unsigned count;
	enum md_code code =
		md_pairs_read(request->arena, text, &limits, &pairs, &count, &request->error);

	for (unsigned i = 0; code == MD_OK && i < count; i++) {
		md_buf_puts(out, out->len > 0 ? "&" : "");
		md_uri_encode(out, pairs[i].name, "-_.~");
		md_buf_putc(out, '=');
		md_uri_encode(out, pairs[i].value, "-_.~");
	}
	return code;
}

static enum md_code put_body(struct md_request *request, enum md_body_kind kind, struct md_buf *out)
{
	struct md_str text = md_str_trim((struct md_str){ request->body.data, request->body.len });

	if (kind == MD_BODY_JSON)
		return put_pairs(request, text.len > 0 ? text : MD_STR(""), out);
	md_buf_puts(out, out->len > 0 && text.len > 0 ? "&" : "");
	md_buf_putstr(out, text);
	return MD_OK;
}

/* POST /-/query/t is about /t. */
static enum md_code set_path(struct md_request *request)
{
	md_auto_buf path = MD_BUF(64 * 1024);
	char *text;

	if (request->route.id != MD_ROUTE_QUERY)
		return MD_OK;
	md_buf_putc(&path, '/');
	md_uri_encode(&path, request->route.relation, "-_.~");
	text = path.failed ? NULL : md_arena_strndup(request->arena, path.data, path.len);
	if (!text)
		return md_fail_nomem(&request->error);
	request->raw_path = (struct md_str){ text, path.len };
	return MD_OK;
}

enum md_code md_query_take(struct md_request *request)
{
	struct md_str type = request->heads.value[MD_HEAD_CONTENT_TYPE];
	bool given = md_heads_has(&request->heads, MD_HEAD_CONTENT_TYPE);
	/* A byte becomes three at most. */
	md_auto_buf out = MD_BUF(4 * (request->body.len + request->raw_query.len) + 1);
	enum md_body_kind kind;
	enum md_code code;
	char *text;

	if (!given || !md_upload_kind(request, &kind) ||
	    (kind != MD_BODY_FORM && kind != MD_BODY_JSON))
		return fail_type(request, given, type);
	code = md_upload_share(request, 4 * request->body.len);
	if (code == MD_OK)
		code = set_path(request);
	if (code != MD_OK)
		return code;
	md_buf_putstr(&out, request->raw_query);
	code = put_body(request, kind, &out);
	if (code != MD_OK)
		return code;
	text = out.failed ? NULL : md_arena_strndup(request->arena, out.data, out.len);
	if (!text)
		return md_fail_nomem(&request->error);
	request->raw_query = (struct md_str){ text, out.len };
	return MD_OK;
}
