#include "server/upload.h"

#include "config/options.h"
#include "server/loop.h"

#include "core/base/banned.h"

/* Longer than any number that a database keeps exactly. */
enum { NUMBER_MAX = 4096 };

static bool is_kept(const struct md_request *request)
{
	static const bool writes[] = { [MD_METHOD_POST] = true,
				       [MD_METHOD_PUT] = true,
				       [MD_METHOD_PATCH] = true,
				       [MD_METHOD_QUERY] = true,
				       [MD_METHOD_OTHER] = false };

	if (md_str_starts_with(request->target, MD_STR("/-/")))
		return md_str_starts_with(request->target, MD_STR("/-/query/")) ||
		       md_str_starts_with(request->target, MD_STR("/-/batch"));
	return writes[request->method];
}

void md_upload_take(struct md_request *request, const char *data, size_t size)
{
	struct md_buf *body = &request->body;

	if (request->is_turned_away || !is_kept(request))
		return;
	if (body->len == 0)
		md_buf_grow(body, md_gate_body_length(&request->heads));
	md_buf_put(body, data, size);
	if (!body->failed && md_request_has_memory(request)) {
		md_request_account(request);
		return;
	}
	request->is_turned_away = true;
	md_buf_release(body);
	md_request_account(request);
}

static const struct {
	struct md_str type;
	enum md_body_kind kind;
} kinds_table[] = {
	{ { "application/json", 16 }, MD_BODY_JSON },
	{ { "text/csv", 8 }, MD_BODY_CSV },
	{ { "application/x-ndjson", 20 }, MD_BODY_LINES },
	{ { "application/x-www-form-urlencoded", 33 }, MD_BODY_FORM },
};

/* JSON when nothing is said. */
static enum md_code find_kind(struct md_request *request, enum md_body_kind *ret_kind)
{
	struct md_str type = request->heads.value[MD_HEAD_CONTENT_TYPE];
	const char *semicolon;

	if (!md_heads_has(&request->heads, MD_HEAD_CONTENT_TYPE)) {
		*ret_kind = MD_BODY_JSON;
		return MD_OK;
	}
	semicolon = memchr(type.ptr, ';', type.len);
	if (semicolon)
		type.len = (size_t)(semicolon - type.ptr);
	type = md_str_trim(type);
	for (size_t i = 0; i < sizeof(kinds_table) / sizeof(kinds_table[0]); i++) {
		if (!md_str_equal_nocase(type, kinds_table[i].type))
			continue;
		*ret_kind = kinds_table[i].kind;
		return MD_OK;
	}
	return md_fail(&request->error, MD_INVALID, "PGRST102", "Content-Type not acceptable: %.*s",
		       MD_STR_ARG(type));
}

/* curl's -d says that it sends a form, whatever it sends. No form begins with a bracket that opens
 * JSON: a form encodes it. */
static bool is_json_after_all(enum md_body_kind kind, struct md_str text)
{
	text = md_str_trim(text);
	return kind == MD_BODY_FORM && text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '[');
}

bool md_upload_kind(struct md_request *request, enum md_body_kind *ret_kind)
{
	if (find_kind(request, ret_kind) != MD_OK)
		return false;
	if (is_json_after_all(*ret_kind, (struct md_str){ request->body.data, request->body.len }))
		*ret_kind = MD_BODY_JSON;
	return true;
}

enum md_code md_upload_share(struct md_request *request, size_t more)
{
	size_t most = request->loop->options->request_memory, size = request->body.len;

	if (size >= most) {
		md_fail(&request->error, MD_TOO_LARGE, "MD413", "the request body is too large");
		md_error_hint(&request->error, "the limit is the option request-memory");
		return MD_TOO_LARGE;
	}
	request->out.max = most - size;
	md_arena_extend(request->arena, more);
	return MD_OK;
}

struct md_body_limits md_upload_limits(const struct md_request *request)
{
	const struct md_options *options = request->loop->options;

	return (struct md_body_limits){ .size = options->body,
					.string = options->body,
					.number = NUMBER_MAX,
					.depth = options->json_depth,
					.nodes = options->body_values,
					.keys = options->body_columns,
					.rows = options->body_rows };
}

enum md_code md_upload_open(struct md_request *request, const struct md_str *columns,
			    unsigned column_count)
{
	const struct md_body_limits limits = md_upload_limits(request);
	struct md_str text = { request->body.data, request->body.len };
	enum md_body_kind kind;
	enum md_code code;

	if (!md_upload_kind(request, &kind))
		return MD_INVALID;
	code = md_upload_share(request, request->body.len);
	if (code != MD_OK)
		return code;
	if (text.len == 0)
		text = MD_STR("");
	request->write_ask.texts = kind == MD_BODY_CSV || kind == MD_BODY_FORM;
	return md_body_open(request->arena, kind, text, &limits, columns, column_count,
			    &request->write_ask.body, &request->error);
}
