#include "server/reply.h"

#include "config/options.h"
#include "core/base/clock.h"
#include "core/json/write.h"
#include "server/client.h"
#include "server/conditions.h"
#include "server/cors.h"
#include "server/pages.h"
#include "server/params.h"
#include "server/problem.h"
#include "server/query_body.h"
#include "server/raised.h"
#include "server/run.h"
#include "server/server.h"
#include "server/status.h"
#include "server/stream.h"
#include "server/transactions.h"
#include "server/write.h"

#include "core/base/banned.h"

static const char json_type[] = "application/json; charset=utf-8";
static const char server_text[] = "modeld/" PACKAGE_VERSION;

static void put_text(struct md_buf *out, const char *text)
{
	if (text[0] == '\0')
		md_buf_puts(out, "null");
	else
		md_json_write_string(out, text, strlen(text));
}

void md_error_put_members(const struct md_error *error, bool minimal, struct md_buf *out)
{
	md_buf_puts(out, "\"code\":");
	put_text(out, error->wire[0] ? error->wire : "PGRSTX00");
	if (!minimal) {
		md_buf_puts(out, ",\"details\":");
		if (error->details_json && error->details[0] != '\0')
			md_buf_puts(out, error->details);
		else
			put_text(out, error->details);
		md_buf_puts(out, ",\"hint\":");
		put_text(out, error->hint);
	}
	md_buf_puts(out, ",\"message\":");
	md_json_write_string(out, error->message, strlen(error->message));
	if (!minimal && error->errors) {
		md_buf_puts(out, ",\"errors\":");
		md_buf_puts(out, error->errors);
	}
}

void md_error_to_json(const struct md_error *error, bool minimal, struct md_buf *out)
{
	md_buf_clear(out);
	md_buf_putc(out, '{');
	md_error_put_members(error, minimal, out);
	md_buf_putc(out, '}');
}

/* Our own failures carry the request's id, so that the log can be asked. Errors that a database
 * function raised, and PostgREST's, stay as they are. */
static bool wants_id(const struct md_error *error)
{
	static const char *const prefixes[] = { "MD", "XX", "58", "53", "08", "PGRSTX", "PGRST00" };

	if (error->details[0] != '\0')
		return false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(error->wire, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return error->wire[0] == '\0';
}

/* A range behind the end still tells how many rows there are. */
static void describe_range_error(struct md_request *request)
{
	const struct md_read_result *result;

	if (!request->read || strcmp(request->error.wire, "PGRST103") != 0)
		return;
	result = md_read_result(request->read);
	if (!result->has_total)
		return;
	request->page = (struct md_page){ .has_total = true, .total = result->total };
	request->has_page = true;
}

static void error_body(struct md_request *request)
{
	struct md_error *error = &request->error;
	bool minimal = request->loop->options->client_error_verbosity == MD_ERRORS_MINIMAL;

	describe_range_error(request);
	md_raised_apply(request);
	if (request->status == 0)
		request->status = md_status_of(error, false);
	if (request->status >= 500 && wants_id(error))
		md_error_details(error, "request id: %s", md_request_id(request));
	if (md_problem_is_wanted(request)) {
		request->type = MD_PROBLEM_TYPE;
		md_problem_to_json(error, request->status, minimal, &request->out);
	} else {
		request->type = json_type;
		md_error_to_json(error, minimal, &request->out);
	}
	if (request->status == 204 || request->status == 304) { /* a function wants it so */
		request->type = NULL;
		md_buf_clear(&request->out);
	}
	request->length = request->out.len;
}

/* Header values. Each function gives the value, or NULL when the header is not sent. Texts live in
 * the arena or for ever. An answer that lacks a header because there was no memory for it would be
 * a different answer: it is not sent at all. */

const char *md_reply_kept(struct md_request *request, const char *text)
{
	request->lost_header = request->lost_header || !text;
	return text;
}

const char *md_reply_kept_buf(struct md_request *request, const struct md_buf *text)
{
	if (text->failed)
		return md_reply_kept(request, NULL);
	return md_reply_kept(request, md_arena_strndup(request->arena, text->data, text->len));
}

static const char *content_type(struct md_request *request)
{
	return request->type;
}

/* Where the new row is. */
static const char *location(struct md_request *request)
{
	return request->location;
}

/* Which schema was meant, when there are several. */
static const char *content_profile(struct md_request *request)
{
	const struct md_option_list *schemas = &request->loop->options->db_schemas;

	if (schemas->count < 2 || request->error.code != MD_OK ||
	    !(request->read || request->write))
		return NULL;
	return schemas->items[0];
}

static const char *vary(struct md_request *request)
{
	if (md_cors_is_restricted(request))
		return "Accept, Prefer, Range, Origin";
	return "Accept, Prefer, Range";
}

static const char *server(struct md_request *request)
{
	(void)request;
	return server_text;
}

static const char *preference_applied(struct md_request *request)
{
	md_auto_buf out = { .max = 1024 };

	if (request->applied == 0 || !request->has_query || request->error.code != MD_OK)
		return NULL;
	md_prefer_applied(&request->prefer, request->applied, &out);
	return out.len == 0 && !out.failed ? NULL : md_reply_kept_buf(request, &out);
}

static const char *warning(struct md_request *request)
{
	if (!request->read || request->error.code != MD_OK ||
	    !md_read_result(request->read)->legacy_names)
		return NULL;
	return "299 modeld \"Filters and orders by the target name of an aliased embed are "
	       "deprecated; use the alias\"";
}

static const char *proxy_status(struct md_request *request)
{
	if (request->error.code == MD_OK)
		return NULL;
	return md_reply_kept(request, md_arena_printf(request->arena, "PostgREST; error=%s",
						      request->error.wire[0] ? request->error.wire
									     : "PGRSTX00"));
}

static const char *www_authenticate(struct md_request *request)
{
	if (request->status != 401)
		return NULL;
	if (strcmp(request->error.wire, "PGRST301") != 0)
		return "Bearer";
	return md_arena_printf(request->arena,
			       "Bearer error=\"invalid_token\", error_description=\"%s\"",
			       request->error.message);
}

static const char *allow(struct md_request *request)
{
	md_auto_buf out = { .max = 256 };

	if (request->status != 405 && (request->method != MD_METHOD_OPTIONS || !request->has_route))
		return NULL;
	md_route_allow(request->has_route ? &request->route : NULL, &out);
	return md_reply_kept_buf(request, &out);
}

/* Where a query may be asked by its body, and when it was asked in the wrong way. */
static const char *accept_query(struct md_request *request)
{
	bool has_query = request->has_route && (request->route.id == MD_ROUTE_RELATION ||
						request->route.id == MD_ROUTE_QUERY);

	return has_query && (request->method == MD_METHOD_OPTIONS || request->status == 415)
		       ? MD_QUERY_TYPES
		       : NULL;
}

static const char *retry_after(struct md_request *request)
{
	if (request->raised)
		return NULL;
	return md_status_wants_retry(request->status, &request->error) ? "1" : NULL;
}

static const char *etag(struct md_request *request)
{
	return request->etag;
}

static const char *server_timing(struct md_request *request)
{
	double total = (double)(md_now_ns() - request->started_ns) / 1e6;
	double parse = (double)request->parse_ns / 1e6, plan;

	if (!request->loop->options->server_timing_enabled || !(request->read || request->write))
		return NULL;
	plan = (double)(request->read ? md_read_result(request->read)->plan_ns
				      : md_write_result(request->write)->plan_ns) /
	       1e6;
	return md_arena_printf(request->arena,
			       "jwt;dur=0.0, parse;dur=%.3f, plan;dur=%.3f, "
			       "transaction;dur=%.3f, response;dur=0.0",
			       parse, plan, total - parse - plan);
}

/* OPTIONS is open to everybody in PostgREST, with or without Origin. */
static const char *allow_origin(struct md_request *request)
{
	const char *origin = md_cors_origin(request);

	if (!origin && request->has_route && request->method == MD_METHOD_OPTIONS &&
	    !md_cors_is_restricted(request))
		return "*";
	return origin;
}

static const char *allow_credentials(struct md_request *request)
{
	return md_cors_is_restricted(request) && md_cors_origin(request) ? "true" : NULL;
}

static const char *expose_headers(struct md_request *request)
{
	return !request->is_preflight && md_cors_origin(request) ? MD_CORS_EXPOSED : NULL;
}

/* A line of its own, when there is something to read: what PostgREST exposes stays as it is. */
static const char *expose_more(struct md_request *request)
{
	bool has_more = request->etag || request->applied != 0 || request->error.code != MD_OK ||
			md_pages_next(request);

	return has_more && expose_headers(request) ? MD_CORS_EXPOSED_TOO : NULL;
}

static const char *preflight_methods(struct md_request *request)
{
	if (!request->is_preflight || !md_cors_origin(request))
		return NULL;
	return md_str_is(request->heads.value[MD_HEAD_CORS_METHOD], "QUERY") ? MD_CORS_METHODS
		       ", QUERY"
									     : MD_CORS_METHODS;
}

static const char *preflight_headers(struct md_request *request)
{
	if (!request->is_preflight || !md_cors_origin(request))
		return NULL;
	return md_reply_kept(request, md_cors_headers(request));
}

static const char *preflight_age(struct md_request *request)
{
	return request->is_preflight && md_cors_origin(request) ? "86400" : NULL;
}

static const char *connection(struct md_request *request)
{
	return request->must_close || request->loop->draining ? "close" : NULL;
}

/* When a header can be there at all; keeps the ordinary answer to a few calls. */
enum when { ALWAYS = 0, ON_ERROR = 1, WITH_ORIGIN_OR_OPTIONS = 2, ON_ERROR_OR_OPTIONS = 3 };

static const struct {
	const char *name;
	const char *(*value)(struct md_request *request);
	enum when when;
} headers_table[] = {
	{ "Content-Type", content_type, ALWAYS },
	{ "Content-Range", md_pages_range, ALWAYS },
	{ "Content-Location", md_pages_location, ALWAYS },
	{ "Content-Profile", content_profile, ALWAYS },
	{ "Link", md_pages_next, ALWAYS },
	{ "Location", location, ALWAYS },
	{ "Vary", vary, ALWAYS },
	{ "Server", server, ALWAYS },
	{ "Preference-Applied", preference_applied, ALWAYS },
	{ "Warning", warning, ALWAYS },
	{ "ETag", etag, ALWAYS },
	{ "Server-Timing", server_timing, ALWAYS },
	{ "Connection", connection, ALWAYS },
	{ "Proxy-Status", proxy_status, ON_ERROR },
	{ "WWW-Authenticate", www_authenticate, ON_ERROR },
	{ "Retry-After", retry_after, ON_ERROR },
	{ "Allow", allow, ON_ERROR_OR_OPTIONS },
	{ "Accept-Query", accept_query, ON_ERROR_OR_OPTIONS },
	{ "Access-Control-Allow-Origin", allow_origin, WITH_ORIGIN_OR_OPTIONS },
	{ "Access-Control-Allow-Credentials", allow_credentials, WITH_ORIGIN_OR_OPTIONS },
	{ "Access-Control-Expose-Headers", expose_headers, WITH_ORIGIN_OR_OPTIONS },
	{ "Access-Control-Expose-Headers", expose_more, WITH_ORIGIN_OR_OPTIONS },
	{ "Access-Control-Allow-Methods", preflight_methods, WITH_ORIGIN_OR_OPTIONS },
	{ "Access-Control-Allow-Headers", preflight_headers, WITH_ORIGIN_OR_OPTIONS },
	{ "Access-Control-Max-Age", preflight_age, WITH_ORIGIN_OR_OPTIONS },
};

/* The library refuses CR and LF by itself; a control character of any kind does not get that far.
 * What the library does not take it has no memory for. */
struct headers {
	struct md_request *request;
	struct MHD_Response *response;
};

static void add_header(void *arg, const char *name, const char *value)
{
	struct headers *headers = arg;

	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return;
	if (value[0] != '\0' && MHD_add_response_header(headers->response, name, value) != MHD_YES)
		headers->request->lost_header = true;
}

/* What a function of the database raised stands in place of ours. */
static bool is_raised(const struct md_request *request, const char *name)
{
	for (const struct md_raised_header *h = request->raised; h; h = h->next)
		if (md_str_equal_nocase(md_str_of(h->name), md_str_of(name)))
			return true;
	return false;
}

/* How long the body is, the library says. */
static bool is_framing(const char *name)
{
	return md_str_equal_nocase(md_str_of(name), MD_STR("Content-Length")) ||
	       md_str_equal_nocase(md_str_of(name), MD_STR("Transfer-Encoding"));
}

bool md_reply_is_told(const char *name)
{
	static const char *const names[] = { "Content-Type", "Content-Range",      "Location",
					     "ETag",         "Preference-Applied", "Warning" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void md_reply_each_header(struct md_request *request,
			  void (*each)(void *arg, const char *name, const char *value), void *arg)
{
	unsigned now = request->error.code != MD_OK ? ON_ERROR : 0;

	if (request->has_head &&
	    (md_heads_has(&request->heads, MD_HEAD_ORIGIN) || request->method == MD_METHOD_OPTIONS))
		now |= WITH_ORIGIN_OR_OPTIONS;
	for (size_t i = 0; i < sizeof(headers_table) / sizeof(headers_table[0]); i++) {
		unsigned when = headers_table[i].when;
		const char *value;

		if (when != ALWAYS && !(when & now))
			continue;
		value = headers_table[i].value(request);
		if (value && !is_raised(request, headers_table[i].name))
			each(arg, headers_table[i].name, value);
	}
	for (const struct md_raised_header *h = request->raised; h; h = h->next)
		if (!is_framing(h->name))
			each(arg, h->name, h->value);
}

static void add_headers(struct md_request *request, struct MHD_Response *response)
{
	const char *trace = request->loop->options->server_trace_header;
	struct headers headers = { request, response };

	md_reply_each_header(request, add_header, &headers);
	if (trace[0] != '\0' && request->has_head && md_heads_has(&request->heads, MD_HEAD_TRACE))
		add_header(&headers, trace, md_request_id(request));
}

/* Never called: HEAD has a length but no body. */
static ssize_t no_body(void *cls, uint64_t at, char *to, size_t max)
{
	(void)cls;
	(void)at;
	(void)to;
	(void)max;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void released(void *cls)
{
	md_request_let_go(cls, MD_HELD_BY_RESPONSE);
}

static struct MHD_Response *whole_response(struct md_request *request)
{
	struct MHD_Response *response;
	static char nothing[1];

	if (request->method == MD_METHOD_HEAD && request->length > 0)
		return MHD_create_response_from_callback(request->length, 1, no_body, NULL, NULL);
	if (request->length == 0)
		return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer_with_free_callback_cls(
		request->length, request->out.data, released, request);
	if (response)
		request->held |= MD_HELD_BY_RESPONSE;
	return response;
}

/* What the answer of a read says about itself. */
static void describe_read(struct md_request *request)
{
	const struct md_read_result *result = md_read_result(request->read);
	bool streams = md_read_state(request->read) == MD_READ_PIECE;

	request->type = md_media_type(request->media);
	request->length = request->method == MD_METHOD_HEAD ? result->bytes : request->out.len;
	if (result->counted)
		request->applied |= MD_PREFER_COUNT;
	request->status = 200;
	if (request->route.id == MD_ROUTE_ITEM) {
		md_conditions_answer(request);
		return;
	}
	request->page = (struct md_page){ .first = result->first,
					  .rows = result->rows,
					  .has_total = result->has_total,
					  .total = result->total };
	if (streams && !result->has_total)
		return; /* how many rows there will be is not known yet */
	request->has_page = true;
	request->status = md_page_status(&request->page, &request->error);
}

static bool is_streaming(const struct md_request *request)
{
	return request->read && request->error.code == MD_OK &&
	       md_read_state(request->read) == MD_READ_PIECE;
}

/* Memory is out: the smallest answer there is. */
static struct MHD_Response *last_resort(struct md_request *request)
{
	static char body[] = "{\"code\":\"53200\",\"details\":null,\"hint\":null,"
			     "\"message\":\"out of memory\"}";

	request->status = 503;
	request->type = json_type;
	request->length = sizeof(body) - 1;
	return MHD_create_response_from_buffer(sizeof(body) - 1, body, MHD_RESPMEM_PERSISTENT);
}

void md_reply_describe(struct md_request *request)
{
	if (request->error.code == MD_OK && request->read)
		describe_read(request);
	if (request->error.code == MD_OK && request->write)
		md_write_describe(request);
	if (request->error.code != MD_OK)
		error_body(request);
}

enum md_go md_step_reply(struct md_request *request)
{
	struct MHD_Response *response;
	enum MHD_Result queued = MHD_NO;

	if (request->gone)
		return MD_GO_DROP;
	md_reply_describe(request);
	if (is_streaming(request))
		response = md_stream_response(request);
	else if (request->out.failed)
		response = last_resort(request);
	else
		response = whole_response(request);
	if (!response)
		return MD_GO_DROP;
	add_headers(request, response);
	md_request_account(request);
	md_client_enter(request->client, MD_CLIENT_WRITE, request->streaming ? 0 : request->length);
	if (!(request->held & MD_HELD_BY_DATABASE))
		md_transaction_leave(request);
	if (!request->lost_header)
		queued = MHD_queue_response(request->mhd, request->status, response);
	request->replied = queued == MHD_YES;
	MHD_destroy_response(response);
	return request->replied ? MD_GO_ON : MD_GO_DROP;
}
