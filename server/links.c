#include "server/links.h"

#include "core/json/write.h"
#include "server/conditions.h"
#include "server/upload.h"
#include "server/write.h"

#include "core/base/banned.h"

/* What json_depth may be at most. */
enum { JSON_DEPTH_MAX = 1000 };

bool md_links_are_asked(const struct md_request *request)
{
	return (request->route.id == MD_ROUTE_RELATED || request->route.id == MD_ROUTE_LINK) &&
	       md_is_write(request);
}

static enum md_code find(const struct md_request *request, const struct md_relation **ret_via,
			 struct md_error *err)
{
	return md_relation_resolve(request->route.registry, request->route.model,
				   request->route.relationship, (struct md_str){ NULL, 0 }, ret_via,
				   err);
}

/* --- the body: {"tags": what was sent} --- */

static enum md_code fail_absent(struct md_request *request)
{
	return md_fail(&request->error, MD_NOT_FOUND, "MD404", "no such row");
}

/* The key of the path as an object; one that its column cannot hold is not there. */
static enum md_code put_other(struct md_request *request, const struct md_model *model,
			      struct md_buf *out)
{
	struct md_str *parts = md_arena_alloc(request->arena, model->key_count * sizeof(*parts));
	struct md_value value;
	enum md_code code;

	if (!parts)
		return md_fail_nomem(&request->error);
	if (model->key_count == 0)
		return fail_absent(request);
	code = md_parse_key(request->arena, request->route.other, model->key_count, parts,
			    &request->error);
	for (unsigned i = 0; code == MD_OK && i < model->key_count; i++) {
		code = md_bind_typed(model->key[i]->type, parts[i], request->arena, &value,
				     &request->error);
		if (code == MD_INVALID)
			code = fail_absent(request);
		md_buf_putc(out, i == 0 ? '{' : ',');
		md_json_write_string(out, model->key[i]->name.ptr, model->key[i]->name.len);
		md_buf_putc(out, ':');
		md_json_write_string(out, parts[i].ptr, parts[i].len);
	}
	md_buf_putc(out, '}');
	return code;
}

/* Nobody closes the brackets around it but we: it is one value. */
static bool is_one_value(struct md_str sent)
{
	return md_json_is_valid(sent.ptr, sent.len, JSON_DEPTH_MAX);
}

/* A list stays one; one row of a list becomes one, and the answer to it has no number in its
 * pointers. */
static enum md_code put_sent(struct md_request *request, const struct md_relation *via,
			     struct md_buf *out)
{
	struct md_str sent = md_buf_str(&request->body);
	enum md_body_kind kind;
	bool single;

	if (!md_upload_kind(request, &kind))
		return MD_INVALID;
	if (kind != MD_BODY_JSON)
		return md_fail(&request->error, MD_INVALID, "PGRST102",
			       "a relationship is written as JSON");
	if (!is_one_value(sent))
		return md_fail(&request->error, MD_INVALID, "PGRST102", "Empty or invalid json");
	while (sent.len > 0 && memchr(" \t\r\n", sent.ptr[0], 4)) {
		sent.ptr++;
		sent.len--;
	}
	single = request->method == MD_METHOD_POST && !via->to_one && sent.ptr[0] != '[';
	request->write_ask.link_single = single;
	md_buf_puts(out, single ? "[" : "");
	md_buf_putstr(out, sent);
	md_buf_puts(out, single ? "]" : "");
	return MD_OK;
}

/* In a place of its own: a request may begin again with what was sent. */
static enum md_code open_body(struct md_request *request, struct md_buf *text)
{
	struct md_body_limits limits = md_upload_limits(request);
	struct md_str copy;
	enum md_code code = md_upload_share(request, 2 * text->len);

	if (code != MD_OK)
		return code;
	copy = md_arena_str(request->arena, md_buf_str(text));
	if (text->failed || !copy.ptr)
		return md_fail_nomem(&request->error);
	limits.size += text->len - request->body.len;
	limits.depth += 2;
	limits.nodes += 2;
	return md_body_open(request->arena, MD_BODY_JSON, copy, &limits, NULL, 0,
			    &request->write_ask.body, &request->error);
}

static enum md_code make_body(struct md_request *request, const struct md_relation *via)
{
	struct md_str name = request->route.relationship;
	bool named = request->route.id == MD_ROUTE_LINK;
	md_auto_buf out = MD_BUF(SIZE_MAX);
	enum md_code code;

	md_buf_putc(&out, '{');
	md_json_write_string(&out, name.ptr, name.len);
	md_buf_puts(&out, named ? ":[" : ":");
	code = named ? put_other(request, via->to, &out) : put_sent(request, via, &out);
	md_buf_puts(&out, named ? "]}" : "}");
	return code == MD_OK ? open_body(request, &out) : code;
}

/* --- what is asked --- */

enum md_code md_links_parse(struct md_request *request, const struct md_str *key)
{
	static const enum md_link links[] = { [MD_METHOD_PUT] = MD_LINK_SET,
					      [MD_METHOD_POST] = MD_LINK_ADD,
					      [MD_METHOD_DELETE] = MD_LINK_REMOVE };
	struct md_write_ask *ask = &request->write_ask;
	const struct md_relation *via;
	enum md_code code = find(request, &via, &request->error);

	if (code == MD_OK)
		code = md_conditions_ask(request, NULL);
	if (code != MD_OK)
		return code;
	md_write_fill_ask(request, key);
	ask->link = links[request->method];
	ask->kind = MD_WRITE_UPDATE;
	ask->link_single = request->route.id == MD_ROUTE_LINK;
	ask->replace = false;
	ask->resolution = MD_RESOLUTION_NONE;
	ask->singular = request->media == MD_MEDIA_OBJECT ||
			request->media == MD_MEDIA_OBJECT_STRIPPED || via->to_one;
	if (ask->link == MD_LINK_REMOVE)
		ask->give = MD_GIVE_COUNT;
	return make_body(request, via);
}

/* A row that was made is 201; links alone are 204, unless rows are shown. */
unsigned md_links_status(const struct md_request *request)
{
	const struct md_write_result *result = md_write_result(request->write);

	if (request->write_ask.link == MD_LINK_ADD && result->inserted > 0)
		return 201;
	return request->write_ask.give == MD_GIVE_ROWS ? 200 : 204;
}

struct md_str md_links_target(const struct md_request *request)
{
	const struct md_relation *via;
	struct md_error ignored;

	return find(request, &via, &ignored) == MD_OK ? via->to->name : request->route.relation;
}
