/* A request with a key:
 *
 *   claim ──► key is new ──► the work ──► keep ──► commit ──► answer
 *     │                         └──► it fails: rollback ──► its error
 *     └─────► key is there ──► rollback ──► the answer that was kept
 */
#include "server/once.h"

#include "config/options.h"
#include "core/base/clock.h"
#include "core/db/session.h"
#include "core/ops/idempotency.h"
#include "server/inner.h"
#include "server/loop.h"
#include "server/preferences.h"
#include "server/raised.h"
#include "server/reply.h"
#include "server/write.h"

#include "core/base/banned.h"

enum stage { STAGE_CLAIM, STAGE_WORK, STAGE_KEEP, STAGE_END, STAGE_OVER };

struct md_once {
	struct md_request *request;
	struct md_session *session;
	struct md_idempotency *key;
	enum stage stage;
	bool waits;  /* for the database, in this stage */
	bool failed; /* `error` says why */
	struct md_error error;
	char fingerprint[MD_FINGERPRINT_MAX];
};

struct md_session *md_once_session(const struct md_request *request)
{
	return request->once ? request->once->session : NULL;
}

bool md_once_is_asked(const struct md_request *request)
{
	bool counts = request->route.id == MD_ROUTE_RELATION ||
		      request->route.id == MD_ROUTE_RELATED || request->route.id == MD_ROUTE_BATCH;

	return request->method == MD_METHOD_POST && counts && !request->inner &&
	       md_heads_has(&request->heads, MD_HEAD_IDEMPOTENCY_KEY);
}

/* --- the end --- */

static void session_ended(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_once *once = arg;
	struct md_request *request = once->request;

	md_session_close(session);
	once->session = NULL;
	if (err->code != MD_OK && !once->failed) {
		once->failed = true;
		once->error = *err;
	}
	once->stage = STAGE_OVER;
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_ONCE);
}

static enum md_go end(struct md_once *once, bool commit)
{
	once->stage = STAGE_END;
	if (commit)
		md_session_commit(once->session, session_ended, once);
	else
		md_session_rollback(once->session, session_ended, once);
	return MD_GO_SUSPEND;
}

static enum md_go give_up(struct md_once *once, const struct md_error *err)
{
	once->failed = true;
	once->error = *err;
	return end(once, false);
}

void md_once_abandon(struct md_request *request)
{
	struct md_once *once = request->once;

	if (once->stage < STAGE_END && !md_session_is_busy(once->session))
		give_up(once, &(struct md_error){ .code = MD_CANCELLED, .wire = "57014" });
}

void md_once_cancel(struct md_request *request)
{
	struct md_once *once = request->once;

	if (once->stage == STAGE_CLAIM || once->stage == STAGE_KEEP)
		md_idempotency_cancel(once->key);
}

/* --- an answer as text, and back --- */

static void put_header(void *arg, const char *name, const char *value)
{
	if (md_reply_is_told(name))
		md_buf_printf(arg, "%s: %s\n", name, value);
}

static bool add_raised(struct md_request *request, const char *name, size_t name_len,
		       const char *value, size_t value_len)
{
	struct md_raised_header *header = md_arena_alloc(request->arena, sizeof(*header));

	if (!header)
		return false;
	*header = (struct md_raised_header){
		.name = md_arena_strndup(request->arena, name, name_len),
		.value = md_arena_strndup(request->arena, value, value_len),
		.next = request->raised,
	};
	request->raised = header;
	return header->name && header->value;
}

static bool take_headers(struct md_request *request, struct md_str text)
{
	static const char mark[] = "Idempotency-Replayed";

	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;
		const char *colon = memmem(text.ptr, len, ": ", 2);
		size_t name = colon ? (size_t)(colon - text.ptr) : 0;

		if (colon && !add_raised(request, text.ptr, name, colon + 2, len - name - 2))
			return false;
		len += end != NULL;
		text.ptr += len;
		text.len -= len;
	}
	return add_raised(request, mark, sizeof(mark) - 1, "true", 4);
}

/* As it was told before. */
static enum md_go tell_again(struct md_request *request, const struct md_kept_answer *answer)
{
	md_buf_clear(&request->out);
	if (md_str_is_given(answer->body))
		md_buf_putstr(&request->out, answer->body);
	request->status = answer->status;
	request->length = request->out.len;
	request->type = NULL;
	if (take_headers(request, answer->headers))
		return MD_GO_ON;
	md_fail_nomem(&request->error);
	return MD_GO_FAIL;
}

/* --- the stages --- */

/* To keep the answer: the work may have taken all the time. */
static uint64_t keep_deadline(const struct md_request *request)
{
	return md_loop_now(request->loop) + request->loop->options->request_deadline * MD_MS;
}

static void key_ready(struct md_idempotency *key, void *arg)
{
	struct md_once *once = arg;
	struct md_request *request = once->request;

	(void)key;
	once->waits = false;
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	else
		md_once_abandon(request);
}

static enum md_code check_key(struct md_request *request, struct md_str key)
{
	bool plain = key.len > 0 && key.len <= MD_IDEMPOTENCY_KEY_MAX;

	for (size_t i = 0; i < key.len; i++)
		plain = plain && key.ptr[i] > 0x20 && key.ptr[i] < 0x7f;
	if (!plain || request->heads.seen[MD_HEAD_IDEMPOTENCY_KEY] > 1)
		return md_fail(&request->error, MD_INVALID, "MD400",
			       "an Idempotency-Key has 1 to %d visible characters of ASCII",
			       MD_IDEMPOTENCY_KEY_MAX);
	if (request->transaction)
		return md_fail(&request->error, MD_INVALID, "MD400",
			       "a request with an Idempotency-Key is in no other transaction");
	return MD_OK;
}

static enum md_code take_fingerprint(struct md_request *request, struct md_once *once)
{
	const struct md_heads *heads = &request->heads;
	const struct md_str texts[] = { request->method_text,
					request->target,
					heads->value[MD_HEAD_CONTENT_TYPE],
					heads->value[MD_HEAD_ACCEPT],
					heads->value[MD_HEAD_PREFER],
					{ request->body.data, request->body.len } };

	return md_idempotency_fingerprint(texts, sizeof(texts) / sizeof(texts[0]),
					  once->fingerprint)
		       ? MD_OK
		       : md_fail_nomem(&request->error);
}

static enum md_go claim(struct md_request *request)
{
	const struct md_session_options how = { .writes = true };
	struct md_str key = md_str_trim(request->heads.value[MD_HEAD_IDEMPOTENCY_KEY]);
	struct md_once *once = md_arena_zalloc(request->arena, sizeof(*once));
	enum md_code code = once ? check_key(request, key) : md_fail_nomem(&request->error);

	if (code == MD_OK)
		code = take_fingerprint(request, once);
	if (code == MD_OK)
		code = md_session_open(request->loop->db, &how, &once->session, &request->error);
	if (code != MD_OK)
		return MD_GO_FAIL;
	once->request = request;
	once->key = md_idempotency_new(
		request->arena, once->session, key, once->fingerprint,
		(uint64_t)request->loop->options->idempotency_lifetime / 1000, key_ready, once);
	if (!once->key) {
		md_session_close(once->session);
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	request->once = once;
	request->held |= MD_HELD_BY_ONCE;
	once->waits = true;
	md_idempotency_claim(once->key, md_request_deadline(request));
	return MD_GO_SUSPEND;
}

/* What is not whole for lack of memory must not be told again for ever. */
static bool is_whole(const struct md_request *request)
{
	return !request->out.failed && !request->lost_header;
}

static enum md_go keep(struct md_once *once)
{
	struct md_request *request = once->request;
	struct md_kept_answer answer = { .status = 0 };
	md_auto_buf headers = MD_BUF(64 * 1024);
	const char *text;

	md_reply_describe(request);
	md_reply_each_header(request, put_header, &headers);
	text = headers.failed ? NULL : md_arena_strndup(request->arena, headers.data, headers.len);
	if (request->error.code != MD_OK || !text || !is_whole(request)) {
		if (request->error.code == MD_OK)
			md_fail_nomem(&request->error);
		return give_up(once, &request->error);
	}
	answer.status = request->status;
	answer.headers = (struct md_str){ text, headers.len };
	answer.body =
		(struct md_str){ request->out.data ? request->out.data : "", request->length };
	once->stage = STAGE_KEEP;
	once->waits = true;
	md_idempotency_keep(once->key, &answer, keep_deadline(request));
	return MD_GO_SUSPEND;
}

static enum md_go work(struct md_once *once, md_step_fn *run)
{
	struct md_request *request = once->request;

	switch (run(request)) {
	case MD_GO_ON:
	case MD_GO_REPLY:
		/* A batch that could not be has its error in the body. */
		return request->error.code == MD_OK && request->status < 400 ? keep(once)
									     : end(once, false);
	case MD_GO_SUSPEND:
		return MD_GO_SUSPEND;
	case MD_GO_FAIL:
	case MD_GO_DROP:
		break;
	}
	return give_up(once, &request->error);
}

static enum md_go after_claim(struct md_once *once, md_step_fn *run)
{
	const struct md_error *err = md_idempotency_error(once->key);

	if (err->code != MD_OK)
		return give_up(once, err);
	if (md_idempotency_answer(once->key))
		return end(once, false);
	once->stage = STAGE_WORK;
	return work(once, run);
}

/* The work may have been described already, and then could not be kept. */
static void forget_answer(struct md_request *request)
{
	md_buf_clear(&request->out);
	request->status = 0;
	request->length = 0;
	request->location = NULL;
	request->has_page = request->lost_header = false;
}

static enum md_go answer(struct md_once *once)
{
	struct md_request *request = once->request;
	const struct md_kept_answer *kept = md_idempotency_answer(once->key);

	if (once->failed) {
		forget_answer(request);
		request->error = once->error;
		return MD_GO_FAIL;
	}
	return kept ? tell_again(request, kept) : MD_GO_ON;
}

/* A rehearsal may happen any number of times. */
static enum md_go begin(struct md_request *request, md_step_fn *run)
{
	if (request->route.id == MD_ROUTE_BATCH && md_preferences_read(request) != MD_OK)
		return MD_GO_FAIL;
	return md_write_is_dry_run(request) ? run(request) : claim(request);
}

enum md_go md_once_run(struct md_request *request, md_step_fn *run)
{
	struct md_once *once = request->once;

	if (!once)
		return begin(request, run);
	if (once->waits)
		return MD_GO_SUSPEND;
	switch (once->stage) {
	case STAGE_CLAIM:
		return after_claim(once, run);
	case STAGE_WORK:
		return work(once, run);
	case STAGE_KEEP:
		if (md_idempotency_error(once->key)->code != MD_OK)
			return give_up(once, md_idempotency_error(once->key));
		return end(once, true);
	case STAGE_END:
		return MD_GO_SUSPEND;
	case STAGE_OVER:
		break;
	}
	return answer(once);
}
