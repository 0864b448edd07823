#include "server/params.h"

#include "config/options.h"
#include "core/base/clock.h"
#include "server/conditions.h"
#include "server/loop.h"
#include "server/preferences.h"
#include "server/query_body.h"
#include "server/request.h"
#include "server/write.h"

#include "core/base/banned.h"

static const struct {
	enum md_media media;
	const char *type;
} types_table[] = {
	{ MD_MEDIA_JSON, "application/json; charset=utf-8" },
	{ MD_MEDIA_OBJECT, "application/vnd.pgrst.object+json; charset=utf-8" },
	{ MD_MEDIA_ARRAY_STRIPPED,
	  "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8" },
	{ MD_MEDIA_OBJECT_STRIPPED,
	  "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8" },
	{ MD_MEDIA_CSV, "text/csv; charset=utf-8" },
	{ MD_MEDIA_NDJSON, "application/x-ndjson; charset=utf-8" },
	{ MD_MEDIA_OPENAPI, "application/openapi+json; charset=utf-8" },
	{ MD_MEDIA_HTML, "text/html; charset=utf-8" },
};

/* What each kind of route can answer with; the first is the default. */
static const enum md_media read_offers[] = {
	MD_MEDIA_JSON, MD_MEDIA_OBJECT, MD_MEDIA_ARRAY_STRIPPED, MD_MEDIA_OBJECT_STRIPPED,
	MD_MEDIA_CSV,  MD_MEDIA_NDJSON
};
static const enum md_media root_offers[] = { MD_MEDIA_OPENAPI, MD_MEDIA_JSON, MD_MEDIA_HTML };
static const enum md_media plain_offers[] = { MD_MEDIA_JSON };

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

const char *md_media_type(enum md_media media)
{
	for (unsigned i = 0; i < COUNT(types_table); i++)
		if (types_table[i].media == media)
			return types_table[i].type;
	return "application/json; charset=utf-8";
}

enum md_answer md_media_answer(enum md_media media)
{
	if (media == MD_MEDIA_CSV)
		return MD_ANSWER_CSV;
	return media == MD_MEDIA_NDJSON ? MD_ANSWER_LINES : MD_ANSWER_JSON;
}

static enum md_code no_media(const struct md_accept *accept, struct md_error *err)
{
	md_auto_buf list = { .max = MD_MESSAGE_MAX };

	for (unsigned i = 0; i < accept->count; i++) {
		if (i > 0)
			md_buf_puts(&list, ", ");
		md_buf_putstr(&list, accept->text[i]);
	}
	if (accept->count == 0)
		return md_fail(err, MD_INVALID, "PGRST107", "No media type is accepted");
	return md_fail(err, MD_INVALID, "PGRST107", "None of these media types are available: %.*s",
		       (int)list.len, list.data ? list.data : "");
}

enum md_code md_media_choose(const struct md_accept *accept, const enum md_media *offered,
			     unsigned count, enum md_media *ret_media, struct md_error *err)
{
	if (accept->count == 0 && accept->refused == 0) {
		*ret_media = offered[0];
		return MD_OK;
	}
	for (unsigned i = 0; i < accept->count; i++) {
		bool any = accept->media[i] == MD_MEDIA_ANY;

		for (unsigned j = 0; j < count; j++) {
			if (any ? (accept->refused & 1u << offered[j]) != 0
				: accept->media[i] != offered[j])
				continue;
			*ret_media = offered[j];
			return MD_OK;
		}
	}
	for (unsigned i = 0; i < accept->count; i++) {
		if (accept->media[i] != MD_MEDIA_PROBLEM)
			continue;
		*ret_media = offered[0]; /* what errors look like is all that was said */
		return MD_OK;
	}
	return no_media(accept, err);
}

static bool is_data(const struct md_request *request)
{
	return request->route.id == MD_ROUTE_RELATION || request->route.id == MD_ROUTE_ITEM ||
	       request->route.id == MD_ROUTE_RELATED || request->route.id == MD_ROUTE_LINK ||
	       request->route.id == MD_ROUTE_QUERY;
}

static enum md_code choose_media(struct md_request *request)
{
	struct md_accept accept = { .count = 0 };
	const enum md_media *offers = read_offers;
	unsigned count = COUNT(read_offers);

	if (request->route.id == MD_ROUTE_SCHEMA || request->route.id == MD_ROUTE_OPENAPI)
		return MD_OK; /* it is the format that is asked for */
	if (!is_data(request)) {
		bool root = request->route.id == MD_ROUTE_ROOT;

		offers = root ? root_offers : plain_offers;
		count = root ? COUNT(root_offers) : COUNT(plain_offers);
	}
	if (!md_heads_has(&request->heads, MD_HEAD_ACCEPT)) {
		request->media = offers[0];
		return MD_OK;
	}
	md_accept_parse(request->heads.value[MD_HEAD_ACCEPT], &accept);
	return md_media_choose(&accept, offers, count, &request->media, &request->error);
}

enum md_code md_check_profile(struct md_request *request)
{
	enum md_head head = md_is_write(request) ? MD_HEAD_CONTENT_PROFILE : MD_HEAD_ACCEPT_PROFILE;
	struct md_str profile = request->heads.value[head];
	const struct md_option_list *schemas = &request->loop->options->db_schemas;

	if (!md_heads_has(&request->heads, head) || schemas->count == 0 ||
	    md_str_is(profile, schemas->items[0]))
		return MD_OK;
	md_fail(&request->error, MD_INVALID, "PGRST106", "Invalid schema: %.*s",
		MD_STR_ARG(profile));
	md_error_hint(&request->error, "Only the following schemas are exposed: %s",
		      schemas->items[0]);
	return MD_INVALID;
}

/* Parts of the key in the path. */
static enum md_code read_key(struct md_request *request, const struct md_str **ret_key)
{
	unsigned count = request->route.model->key_count;
	struct md_str *parts = md_arena_alloc(request->arena, count * sizeof(*parts));
	enum md_code code;

	if (!parts)
		return md_fail_nomem(&request->error);
	code = md_parse_key(request->arena, request->route.key, count, parts, &request->error);
	*ret_key = parts;
	return code;
}

static void fill_ask(struct md_request *request, const struct md_str *key)
{
	static const enum md_read_route routes[MD_ROUTE_COUNT] = {
		[MD_ROUTE_RELATION] = MD_READ_LIST,
		[MD_ROUTE_ITEM] = MD_READ_ITEM,
		[MD_ROUTE_RELATED] = MD_READ_RELATED,
		[MD_ROUTE_QUERY] = MD_READ_LIST,
	};
	struct md_loop *loop = request->loop;

	request->ask = (struct md_read_request){
		.route = routes[request->route.id],
		.model = request->route.model,
		.key = key,
		.relationship = request->route.relationship,
		.query = &request->query,
		.count = request->prefer.count,
		.singular = request->media == MD_MEDIA_OBJECT ||
			    request->media == MD_MEDIA_OBJECT_STRIPPED,
		.strip_nulls = request->media == MD_MEDIA_ARRAY_STRIPPED ||
			       request->media == MD_MEDIA_OBJECT_STRIPPED,
		.answer = md_media_answer(request->media),
		.head = request->method == MD_METHOD_HEAD,
		.timed = loop->options->server_timing_enabled,
		.prelude = request->prelude,
		.deadline_ns = md_request_deadline(request),
		.arena = request->arena,
		.out = &request->out,
	};
	if (request->method != MD_METHOD_HEAD && md_heads_has(&request->heads, MD_HEAD_RANGE))
		md_range_parse(request->heads.value[MD_HEAD_RANGE], &request->ask.range);
}

static enum md_code parse_data(struct md_request *request)
{
	bool item = md_str_is_given(request->route.key);
	const struct md_str *key = NULL;
	enum md_code code = md_preferences_read(request);

	if (code == MD_OK && md_query_is_asked(request))
		code = md_query_take(request);
	if (code == MD_OK)
		code = md_parse_query(request->arena, request->raw_query, &request->loop->parse,
				      item, &request->query, &request->error);
	if (code == MD_OK && item)
		code = read_key(request, &key);
	if (code == MD_OK && (request->route.id == MD_ROUTE_ITEM || md_is_write(request)))
		code = md_conditions_read(request);
	if (code != MD_OK)
		return code;
	request->has_query = true;
	if (md_is_write(request))
		return md_write_parse(request, key);
	fill_ask(request, key);
	return MD_OK;
}

enum md_go md_step_parse(struct md_request *request)
{
	bool timed = request->loop->options->server_timing_enabled;
	uint64_t begin = timed ? md_now_ns() : 0;
	enum md_code code;

	if (md_routes[request->route.id].access != MD_ACCESS_DATA)
		return MD_GO_ON;
	code = is_data(request) || request->route.id == MD_ROUTE_ROOT ? md_check_profile(request)
								      : MD_OK;
	if (request->method == MD_METHOD_OPTIONS)
		return code == MD_OK ? MD_GO_ON : MD_GO_FAIL;
	if (code == MD_OK)
		code = choose_media(request);
	if (code == MD_OK && is_data(request))
		code = parse_data(request);
	if (timed)
		request->parse_ns = md_now_ns() - begin;
	return code == MD_OK ? MD_GO_ON : MD_GO_FAIL;
}
