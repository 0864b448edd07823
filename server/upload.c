#include "server/upload.h"

#include <stdlib.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "server/client.h"
#include "server/server.h"

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

	static const struct md_str own[] = { MD_STR("/-/query/"),     MD_STR("/-/batch"),
					     MD_STR("/-/pool"),       MD_STR("/-/log"),
					     MD_STR("/-/migrations"), MD_STR("/-/tables") };

	if (!md_str_starts_with(request->target, MD_STR("/-/")))
		return writes[request->method];
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (md_str_starts_with(request->target, own[i]))
			return writes[request->method];
	return false;
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

/* JSON when nothing is said. False: none of ours. */
static bool find_kind(const struct md_request *request, enum md_body_kind *ret_kind,
		      struct md_str *ret_type)
{
	struct md_str type = request->heads.value[MD_HEAD_CONTENT_TYPE];
	const char *semicolon;

	*ret_kind = MD_BODY_JSON;
	if (!md_heads_has(&request->heads, MD_HEAD_CONTENT_TYPE))
		return true;
	semicolon = memchr(type.ptr, ';', type.len);
	if (semicolon)
		type.len = (size_t)(semicolon - type.ptr);
	type = md_str_trim(type);
	*ret_type = type;
	for (size_t i = 0; i < sizeof(kinds_table) / sizeof(kinds_table[0]); i++) {
		if (!md_str_equal_nocase(type, kinds_table[i].type))
			continue;
		*ret_kind = kinds_table[i].kind;
		return true;
	}
	return false;
}

/* ---- in a file ---- */

/* What a part may have, but for rows that are longer; and what a client must send at least. */
enum { BULK_PART = 256 * 1024, BULK_BYTES_PER_SECOND = 64 * 1024 };

bool md_upload_is_bulk(const struct md_request *request)
{
	enum md_body_kind kind;
	struct md_str type;

	return request->method == MD_METHOD_POST &&
	       md_gate_body_length(&request->heads) > request->loop->options->body &&
	       !md_str_starts_with(request->target, MD_STR("/-/")) &&
	       find_kind(request, &kind, &type) && (kind == MD_BODY_LINES || kind == MD_BODY_CSV);
}

static const char *bulk_folder(const struct md_options *options)
{
	const char *folder = options->bulk_folder, *user = getenv("TMPDIR");

	if (folder[0] != '\0')
		return folder;
	return user && user[0] == '/' ? user : "/var/tmp";
}

static enum md_code open_bulk(struct md_request *request, enum md_body_kind kind,
			      const struct md_body_limits *limits, const struct md_str *columns,
			      unsigned column_count)
{
	const struct md_options *options = request->loop->options;
	_Atomic unsigned *running = &request->loop->server->bulk_requests;
	const struct md_bulk_options bulk = { .kind = kind,
					      .folder = bulk_folder(options),
					      .part = BULK_PART,
					      .limits = *limits,
					      .columns = columns,
					      .column_count = column_count };
	enum md_code code;

	if (request->bulk) { /* it was sent before; the request has begun again */
		md_bulk_rewind(request->bulk);
		return MD_OK;
	}
	if (atomic_fetch_add(running, 1) >= options->bulk_requests) {
		atomic_fetch_sub(running, 1);
		md_fail(&request->error, MD_BUSY, "MD503", "too many large bodies are being read");
		md_error_hint(&request->error, "try again; the limit is the option bulk-requests");
		return MD_BUSY;
	}
	code = md_bulk_new(&bulk, &request->bulk, &request->error);
	if (code != MD_OK)
		atomic_fetch_sub(running, 1);
	return code;
}

void md_upload_drop(struct md_request *request)
{
	if (!request->bulk)
		return;
	request->bulk = md_bulk_free(request->bulk);
	atomic_fetch_sub(&request->loop->server->bulk_requests, 1);
}

/* Small pieces into the page cache: the loop does not wait for the disk, unless everybody does.
 * What fails is told when the body has come; before, nobody would listen. */
static void take_bulk(struct md_request *request, const char *data, size_t size)
{
	if (request->bulk)
		md_bulk_add(request->bulk, data, size, NULL);
	request->client->deadline_ns += size * MD_SEC / BULK_BYTES_PER_SECOND;
}

enum md_code md_upload_finish(struct md_request *request)
{
	struct md_write_ask *ask = &request->write_ask;

	if (ask->bulk)
		return MD_OK;
	md_client_enter(request->client, MD_CLIENT_WORK, 0);
	ask->bulk = request->bulk;
	request->deadline_ns = 0; /* the body's time is not ours */
	ask->deadline_ns = md_request_deadline(request);
	return md_bulk_next(request->bulk, &ask->body, &request->error);
}

/* ---- in memory ---- */

void md_upload_take(struct md_request *request, const char *data, size_t size)
{
	struct md_buf *body = &request->body;

	if (request->is_bulk) {
		take_bulk(request, data, size);
		return;
	}
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

/* curl's -d says that it sends a form, whatever it sends. No form begins with a bracket that opens
 * JSON: a form encodes it. */
static bool is_json_after_all(enum md_body_kind kind, struct md_str text)
{
	text = md_str_trim(text);
	return kind == MD_BODY_FORM && text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '[');
}

bool md_upload_kind(struct md_request *request, enum md_body_kind *ret_kind)
{
	struct md_str type;

	if (!find_kind(request, ret_kind, &type)) {
		md_fail(&request->error, MD_INVALID, "PGRST102",
			"Content-Type not acceptable: %.*s", MD_STR_ARG(type));
		return false;
	}
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
	request->write_ask.texts = kind == MD_BODY_CSV || kind == MD_BODY_FORM;
	if (request->is_bulk)
		return open_bulk(request, kind, &limits, columns, column_count);
	code = md_upload_share(request, request->body.len);
	if (code != MD_OK)
		return code;
	if (text.len == 0)
		text = MD_STR("");
	return md_body_open(request->arena, kind, text, &limits, columns, column_count,
			    &request->write_ask.body, &request->error);
}
