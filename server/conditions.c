#include "server/conditions.h"

#include "server/reply.h"

#include "core/base/banned.h"

static enum md_code read_one(struct md_request *request, enum md_head head, const char *name,
			     struct md_etags *ret_etags)
{
	*ret_etags = (struct md_etags){ .given = false };
	if (!md_heads_has(&request->heads, head))
		return MD_OK;
	request->has_match = true;
	if (request->heads.seen[head] == 1 && md_etags_parse(request->heads.value[head], ret_etags))
		return MD_OK;
	md_fail(&request->error, MD_INVALID, "MD400", "%s is no list of ETags", name);
	md_error_hint(&request->error, "an ETag has quotes: %s: \"0123456789abcdef\"", name);
	return MD_INVALID;
}

enum md_code md_conditions_read(struct md_request *request)
{
	struct md_match *match = &request->match;
	enum md_code code = read_one(request, MD_HEAD_IF_MATCH, "If-Match", &match->if_match);

	return code == MD_OK ? read_one(request, MD_HEAD_IF_NONE_MATCH, "If-None-Match",
					&match->if_none_match)
			     : code;
}

static enum md_code fail(struct md_request *request, const char *message)
{
	return md_fail(&request->error, MD_CONFLICT, "MD412", "%s", message);
}

enum md_code md_conditions_ask(struct md_request *request, const struct md_str *key)
{
	if (!request->has_match)
		return MD_OK;
	if (key) {
		request->match.key = key;
		request->write_ask.match = &request->match;
		return MD_OK;
	}
	if (!request->match.if_match.given || request->match.if_match.any)
		return MD_OK;
	fail(request, "a list has no ETag that If-Match could match");
	md_error_hint(&request->error, "name the row in the path: /relation/key");
	return MD_CONFLICT;
}

void md_conditions_tag(struct md_request *request)
{
	char etag[MD_ETAG_MAX];

	if (request->media == MD_MEDIA_CSV || request->media == MD_MEDIA_NDJSON)
		return; /* of the row, there is one ETag */
	md_etag_of(request->out.data, request->out.len, etag);
	request->etag =
		md_reply_kept(request, md_arena_strndup(request->arena, etag, MD_ETAG_MAX - 1));
}

void md_conditions_answer(struct md_request *request)
{
	const struct md_match *match = &request->match;

	md_conditions_tag(request);
	if (!request->has_match || !request->etag)
		return;
	if (match->if_match.given && !md_etags_have(&match->if_match, request->etag, false)) {
		fail(request, "the row is not as If-Match wants it");
		request->status = 0;
	} else if (match->if_none_match.given &&
		   md_etags_have(&match->if_none_match, request->etag, true)) {
		request->status = 304;
		request->type = NULL;
		request->length = 0;
	}
}
