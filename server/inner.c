#include "server/inner.h"

#include "core/json/write.h"
#include "server/loop.h"
#include "server/reply.h"
#include "server/run.h"
#include "server/write.h"

#include "core/base/banned.h"

struct md_request *md_inner_new(const struct md_inner *inner, struct md_str method,
				struct md_str target, struct md_str body)
{
	struct md_request *request = md_request_inside(inner, target);

	if (!request)
		return NULL;
	request->method_text = method;
	request->method = md_method_of(method);
	request->version = MD_STR("HTTP/1.1");
	md_heads_init(&request->heads, (struct md_str){ NULL, 0 });
	request->has_head = true;
	if (md_str_is_given(body))
		md_buf_putstr(&request->body, body);
	if (!request->body.failed)
		return request;
	return md_inner_free(request);
}

struct md_request *md_inner_free(struct md_request *request)
{
	if (request)
		md_request_let_go(request, MD_HELD_BY_OUTER);
	return NULL;
}

void md_inner_add_header(struct md_request *request, struct md_str name, struct md_str value)
{
	md_heads_add(&request->heads, name, value);
}

/* Only what a transaction can hold. */
static bool is_data(const struct md_request *request)
{
	return request->route.id == MD_ROUTE_RELATION || request->route.id == MD_ROUTE_ITEM ||
	       request->route.id == MD_ROUTE_RELATED || request->route.id == MD_ROUTE_LINK;
}

enum md_go md_inner_parse(struct md_request *request)
{
	enum md_go go = md_request_step(request, MD_STEP_ID_ROUTE);

	if (go != MD_GO_ON)
		return MD_GO_FAIL;
	if (!is_data(request) || request->method == MD_METHOD_OPTIONS) {
		md_fail(&request->error, MD_INVALID, "MD400",
			"an operation reads or writes a table or an item");
		return MD_GO_FAIL;
	}
	return md_request_step(request, MD_STEP_ID_PARSE);
}

enum md_go md_inner_run(struct md_request *request)
{
	enum md_go go = md_request_step(request, MD_STEP_ID_RUN);

	if (go == MD_GO_DROP) {
		md_fail(&request->error, MD_CANCELLED, "57014", "the client is gone");
		return MD_GO_FAIL;
	}
	if (go != MD_GO_ON || !request->read || md_read_state(request->read) != MD_READ_PIECE)
		return go;
	md_fail(&request->error, MD_TOO_LARGE, "54000",
		"the answer of an operation is too large for a batch");
	md_error_hint(&request->error, "the limit is the option stream-threshold");
	md_read_cancel(request->read);
	return MD_GO_FAIL;
}

struct listing {
	struct md_buf *out;
	bool any;
};

static void put_header(void *arg, const char *name, const char *value)
{
	struct listing *listing = arg;

	if (!md_reply_is_told(name))
		return;
	if (listing->any)
		md_buf_putc(listing->out, ',');
	listing->any = true;
	md_json_write_string(listing->out, name, strlen(name));
	md_buf_putc(listing->out, ':');
	md_json_write_string(listing->out, value, strlen(value));
}

static bool is_json(const struct md_request *request)
{
	return request->type && strstr(request->type, "json") && !strstr(request->type, "ndjson");
}

void md_inner_put_answer(struct md_request *request, struct md_buf *out)
{
	struct listing listing = { .out = out };

	md_reply_describe(request);
	md_buf_printf(out, "\"status\":%u,\"headers\":{", request->status);
	md_reply_each_header(request, put_header, &listing);
	md_buf_puts(out, "},\"body\":");
	if (request->length == 0 || request->method == MD_METHOD_HEAD)
		md_buf_puts(out, "null");
	else if (is_json(request))
		md_buf_putstr(out, (struct md_str){ request->out.data, request->out.len });
	else
		md_json_write_string(out, request->out.data, request->out.len);
	md_buf_inherit(out, &request->out);
	if (request->lost_header)
		out->failed = out->no_memory = true;
}
