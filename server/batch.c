/* A batch on its way:
 *
 *   read ──► all parsed, writes only, no references ──► chain ──────────────────────┐
 *     └────► session: parse one, run it, put its answer ──► … ──► commit, rollback ──┴──► answer
 */
#include "server/batch.h"

#include "config/options.h"
#include "core/base/clock.h"
#include "core/json/write.h"
#include "core/ops/chain.h"
#include "server/loop.h"
#include "server/preferences.h"
#include "server/reply.h"
#include "server/run.h"
#include "server/status.h"
#include "server/transactions.h"
#include "server/write.h"

#include "core/base/banned.h"

struct md_batch {
	struct md_inner inner; /* first; of all its operations */
	struct md_request *request;
	struct md_batch_list list;
	unsigned at;  /* the operation at work */
	bool dry_run; /* nothing is kept */
	bool failed, over;
	struct md_error error; /* why all of it was undone */
	unsigned culprit;      /* which operation is to blame; list.count: none */
	struct md_chain *chain;
	struct md_session *session;
	bool borrowed;       /* the session is that of the request */
	struct md_task task; /* all is done in it */
	struct md_buf answers;
};

static const char json_type[] = "application/json; charset=utf-8";

/* --- the end --- */

static void put_answer_of(struct md_batch *batch, unsigned index)
{
	struct md_batch_operation *one = &batch->list.operations[index];
	struct md_buf *out = &batch->answers;

	md_buf_putc(out, index == 0 ? '[' : ',');
	md_buf_putc(out, '{');
	if (md_str_is_given(one->id)) {
		md_buf_puts(out, "\"id\":");
		md_json_write_string(out, one->id.ptr, one->id.len);
		md_buf_putc(out, ',');
	}
	md_inner_put_answer(one->request, out);
	md_buf_putc(out, '}');
}

static void free_requests(struct md_batch *batch)
{
	for (unsigned i = 0; i < batch->list.count; i++)
		batch->list.operations[i].request =
			md_inner_free(batch->list.operations[i].request);
}

/* The request goes on; it may be gone afterwards. */
static void finish(struct md_batch *batch)
{
	struct md_request *request = batch->request;

	batch->over = true;
	free_requests(batch);
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	else
		md_buf_release(&batch->answers);
	md_request_let_go(request, MD_HELD_BY_BATCH);
}

static void fail(struct md_batch *batch, const struct md_error *err, unsigned culprit)
{
	batch->failed = true;
	batch->error = *err;
	batch->culprit = culprit;
	if (err->errors) /* its request goes before it is told */
		batch->error.errors =
			md_arena_strndup(batch->request->arena, err->errors, strlen(err->errors));
}

/* --- writes that do not need each other --- */

static void chain_ready(struct md_chain *chain, void *arg)
{
	struct md_batch *batch = arg;

	if (md_chain_state(chain) == MD_READ_FAILED)
		fail(batch, md_chain_error(chain), md_chain_failed(chain));
	for (unsigned i = 0; !batch->failed && i < batch->list.count; i++) {
		struct md_batch_operation *one = &batch->list.operations[i];

		one->request->write = md_chain_write(chain, i);
		put_answer_of(batch, i);
		one->request = md_inner_free(one->request);
	}
	finish(batch);
}

static bool is_chainable(const struct md_batch *batch)
{
	const struct md_batch_list *list = &batch->list;

	for (unsigned i = 0; i < list->count; i++) {
		const struct md_request *one = list->operations[i].request;

		if (!md_is_write(one) || one->write_ask.dry_run != batch->dry_run ||
		    one->write_ask.prelude ||
		    md_write_is_nested(batch->request->loop->ops, &one->write_ask))
			return false;
	}
	return list->count > 0;
}

static enum md_go start_chain(struct md_batch *batch)
{
	struct md_request *request = batch->request;
	struct md_loop *loop = request->loop;
	struct md_chain_ask ask = {
		.count = batch->list.count,
		.dry_run = batch->dry_run,
		.deadline_ns = md_request_deadline(request),
		.session = md_transaction_session(request),
		.arena = request->arena,
		.ready = chain_ready,
		.arg = batch,
	};
	struct md_write_ask *asks = md_arena_alloc(request->arena, ask.count * sizeof(*asks));
	bool ended;

	if (!asks) {
		free_requests(batch);
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	for (unsigned i = 0; i < ask.count; i++)
		asks[i] = batch->list.operations[i].request->write_ask;
	ask.asks = asks;
	request->held |= MD_HELD_BY_BATCH;
	ended = md_chain_start(loop->ops, &ask, &batch->chain);
	if (!ended)
		return MD_GO_SUSPEND;
	request->held &= ~(unsigned)MD_HELD_BY_BATCH;
	if (batch->chain)
		fail(batch, md_chain_error(batch->chain), md_chain_failed(batch->chain));
	else
		md_fail_nomem(&request->error);
	free_requests(batch);
	batch->over = true;
	return batch->chain ? MD_GO_ON : MD_GO_FAIL;
}

/* --- making the request of an operation --- */

/* {"Prefer": "return=representation"} */
static enum md_code add_headers(struct md_request *one, struct md_str text, struct md_error *err)
{
	static const struct md_body_limits limits = { .size = 65536,
						      .string = 8192,
						      .number = 32,
						      .depth = 2,
						      .nodes = 64,
						      .keys = 32,
						      .rows = 1 };
	const struct md_body *body;
	const struct md_str *names;
	struct md_body_cell cells[32];
	struct md_body_cursor cursor;
	unsigned count;
	char *scratch;
	enum md_code code =
		md_body_open(one->arena, MD_BODY_JSON, text, &limits, NULL, 0, &body, err);

	if (code != MD_OK)
		return code;
	names = md_body_columns(body, &count);
	scratch = md_arena_alloc(one->arena, md_body_scratch(body));
	if (!scratch)
		return md_fail_nomem(err);
	md_body_rewind(&cursor, body, scratch);
	if (!md_body_next(&cursor, cells))
		return MD_OK;
	for (unsigned i = 0; i < count; i++) {
		char *value = md_arena_strndup(one->arena, cells[i].text.ptr, cells[i].text.len);

		if (cells[i].kind != MD_CELL_STRING)
			return md_fail(err, MD_INVALID, "MD400", "headers are texts");
		if (!value)
			return md_fail_nomem(err);
		md_inner_add_header(one, names[i], (struct md_str){ value, cells[i].text.len });
	}
	return MD_OK;
}

/* Those behind it may want its rows. */
static void show_rows(const struct md_batch *batch, struct md_batch_operation *one)
{
	if (batch->list.refers && md_str_is_given(one->id) && md_is_write(one->request) &&
	    one->request->prefer.ret == MD_RETURN_NONE)
		one->request->write_ask.give = MD_GIVE_ROWS;
}

/* Its texts with the values they refer to. */
static enum md_code resolve(struct md_batch *batch, unsigned index, struct md_buf *path,
			    struct md_buf *body, struct md_error *err)
{
	const struct md_batch_operation *one = &batch->list.operations[index];
	struct md_arena *arena = batch->request->arena;
	enum md_code code = md_batch_put(&batch->list, index, one->path, true, arena, path, err);

	if (code == MD_OK && md_str_is_given(one->body))
		code = md_batch_put(&batch->list, index, one->body, false, arena, body, err);
	return code;
}

/* What fails here is in the request of the operation, too, unless there was no memory for one. */
static enum md_code make(struct md_batch *batch, unsigned index)
{
	struct md_batch_operation *one = &batch->list.operations[index];
	struct md_error *err = &batch->request->error;
	size_t most = batch->request->loop->options->request_memory;
	md_auto_buf path = MD_BUF(most);
	md_auto_buf body = MD_BUF(most);
	enum md_code code;

	md_error_clear(err);
	code = resolve(batch, index, &path, &body, err);
	one->request =
		md_inner_new(&batch->inner, one->method,
			     code == MD_OK ? md_buf_str(&path) : one->path, md_buf_str(&body));
	if (!one->request)
		return md_fail_nomem(err);
	if (code == MD_OK && md_str_is_given(one->headers))
		code = add_headers(one->request, one->headers, err);
	if (code == MD_OK && md_inner_parse(one->request) != MD_GO_ON) {
		*err = one->request->error;
		code = err->code;
	}
	if (code == MD_OK)
		show_rows(batch, one);
	else
		one->request->error = *err;
	return code;
}

/* --- one after another, in a session --- */

static void session_ended(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_batch *batch = arg;

	if (err->code != MD_OK && !batch->failed)
		fail(batch, err, batch->list.count);
	batch->session = md_session_close(session);
	finish(batch);
}

static void borrowed_ended(struct md_task *task)
{
	finish(md_container_of(task, struct md_batch, task));
}

static void end_session(struct md_batch *batch)
{
	if (batch->borrowed) {
		batch->task.run = borrowed_ended; /* later: the request may not have suspended */
		md_reactor_post(batch->request->loop->reactor, &batch->task);
		return;
	}
	if (batch->failed || batch->dry_run)
		md_session_rollback(batch->session, session_ended, batch);
	else
		md_session_commit(batch->session, session_ended, batch);
}

/* What others may refer to. */
static bool keep_answer(struct md_batch *batch, struct md_batch_operation *one)
{
	const struct md_buf *out = &one->request->out;
	char *copy;

	if (!batch->list.refers || !md_str_is_given(one->id) || out->len == 0 ||
	    one->request->error.code != MD_OK)
		return true;
	copy = md_arena_strndup(batch->request->arena, out->data, out->len);
	if (copy)
		one->answer = (struct md_str){ copy, out->len };
	return copy;
}

/* There is no room for the answers. */
static void fail_answers(struct md_batch *batch, bool no_memory)
{
	struct md_error err;

	md_error_clear(&err);
	if (no_memory)
		md_fail_nomem(&err);
	else
		md_fail(&err, MD_TOO_LARGE, "54000", "the answer is too large");
	fail(batch, &err, batch->list.count);
}

/* The operation at hand has failed, and all with it. Where each stands for itself, the cause is not
 * its own mistake, but that the engine gave up the transaction. */
static void fail_all(struct md_batch *batch)
{
	struct md_error err = batch->list.operations[batch->at].request->error;

	if (batch->list.continue_on_error && md_status_of(&err, false) < 500)
		md_fail(&err, MD_UNAVAILABLE, "MD503",
			"the database has given up the transaction of the batch");
	fail(batch, &err, batch->at);
}

/* The operation at hand has ended; `err` in its request. False: and so has the batch. */
static bool note(struct md_batch *batch)
{
	struct md_batch_operation *one = &batch->list.operations[batch->at];

	if (!one->request) { /* there was no memory for it */
		fail(batch, &batch->request->error, batch->at);
		return false;
	}
	if (one->request->error.code != MD_OK &&
	    (!batch->list.continue_on_error || md_session_is_lost(batch->session))) {
		fail_all(batch);
		return false;
	}
	if (!keep_answer(batch, one)) {
		fail_answers(batch, true);
		return false;
	}
	put_answer_of(batch, batch->at);
	one->request = md_inner_free(one->request);
	batch->at++;
	if (!batch->answers.failed)
		return true;
	fail_answers(batch, batch->answers.no_memory);
	return false;
}

/* Until one has to wait for the database, or all is done. */
static void work(struct md_batch *batch)
{
	bool on = !batch->request->gone;

	if (!on)
		fail(batch, &(struct md_error){ .code = MD_CANCELLED, .wire = "57014" },
		     batch->list.count);
	while (on && batch->at < batch->list.count) {
		struct md_batch_operation *one = &batch->list.operations[batch->at];
		enum md_go go = MD_GO_ON;

		if (!one->request && make(batch, batch->at) != MD_OK)
			go = MD_GO_FAIL;
		if (go == MD_GO_ON)
			go = md_inner_run(one->request);
		if (go == MD_GO_SUSPEND)
			return;
		on = note(batch);
	}
	md_error_clear(&batch->request->error);
	end_session(batch);
}

static void operation_ready(struct md_request *request, void *arg)
{
	(void)request;
	work(arg);
}

static bool writes(const struct md_batch *batch)
{
	for (unsigned i = 0; i < batch->list.count; i++)
		if (!md_str_is(batch->list.operations[i].method, "GET") &&
		    !md_str_is(batch->list.operations[i].method, "HEAD"))
			return true;
	return false;
}

static enum md_go start_session(struct md_batch *batch)
{
	const struct md_session_options how = { .writes = writes(batch) };
	struct md_request *request = batch->request;

	batch->session = md_transaction_session(request);
	batch->borrowed = batch->session != NULL;
	if (!batch->borrowed &&
	    md_session_open(request->loop->db, &how, &batch->session, &request->error) != MD_OK) {
		free_requests(batch);
		return MD_GO_FAIL;
	}
	free_requests(batch);
	batch->inner.session = batch->session;
	request->held |= MD_HELD_BY_BATCH;
	work(batch);
	return MD_GO_SUSPEND;
}

/* --- the request --- */

/* All of them, before anything runs. False: batch->error says which cannot be. */
static bool make_all(struct md_batch *batch)
{
	for (unsigned i = 0; i < batch->list.count; i++) {
		if (make(batch, i) == MD_OK)
			continue;
		fail(batch, &batch->request->error, i);
		md_error_clear(&batch->request->error);
		return false;
	}
	return true;
}

static enum md_go start(struct md_request *request)
{
	struct md_batch *batch = md_arena_zalloc(request->arena, sizeof(*batch));
	enum md_code code = batch ? MD_OK : md_fail_nomem(&request->error);

	if (code == MD_OK)
		code = md_preferences_read(request);
	if (code == MD_OK)
		code = md_batch_read(request, &batch->list);
	if (code != MD_OK)
		return MD_GO_FAIL;
	request->batch = batch;
	batch->request = request;
	batch->inner =
		(struct md_inner){ .outer = request, .ready = operation_ready, .arg = batch };
	batch->dry_run = md_write_is_dry_run(request);
	batch->culprit = batch->list.count;
	md_buf_init(&batch->answers, request->out.max);
	if (batch->list.count == 0) {
		md_buf_putc(&batch->answers, '[');
		batch->over = true;
		return MD_GO_ON;
	}
	if (batch->list.continue_on_error || batch->list.refers)
		return start_session(batch);
	if (!make_all(batch)) {
		free_requests(batch);
		batch->over = true;
		return MD_GO_ON;
	}
	return is_chainable(batch) ? start_chain(batch) : start_session(batch);
}

/* The error, and which operation it is about. */
static void answer_failure(struct md_request *request, struct md_batch *batch)
{
	const struct md_batch_list *list = &batch->list;
	bool minimal = request->loop->options->client_error_verbosity == MD_ERRORS_MINIMAL;
	struct md_buf *out = &request->out;

	request->status = md_status_of(&batch->error, false);
	md_buf_clear(out);
	md_buf_putc(out, '{');
	md_error_put_members(&batch->error, minimal, out);
	if (batch->culprit < list->count) {
		struct md_str id = list->operations[batch->culprit].id;

		md_buf_printf(out, ",\"operation\":{\"index\":%u,\"id\":", batch->culprit);
		if (md_str_is_given(id))
			md_json_write_string(out, id.ptr, id.len);
		else
			md_buf_puts(out, "null");
		md_buf_putc(out, '}');
	}
	md_buf_putc(out, '}');
}

enum md_go md_run_batch(struct md_request *request)
{
	struct md_batch *batch = request->batch;

	if (!batch) {
		enum md_go go = start(request);

		if (go != MD_GO_ON)
			return go;
		batch = request->batch;
	}
	if (!batch->over)
		return MD_GO_SUSPEND;
	request->type = json_type;
	if (batch->failed) {
		md_buf_release(&batch->answers);
		answer_failure(request, batch);
	} else {
		md_buf_putc(&batch->answers, ']');
		md_buf_release(&request->out);
		request->out = batch->answers;
		batch->answers = (struct md_buf){ .max = 0 };
		request->status = 200;
		if (batch->dry_run)
			request->applied |= MD_PREFER_TX;
	}
	request->length = request->out.len;
	return MD_GO_ON;
}

void md_batch_cancel(struct md_request *request)
{
	struct md_batch *batch = request->batch;

	if (batch->chain) {
		md_chain_cancel(batch->chain);
	} else if (batch->at < batch->list.count) {
		struct md_request *one = batch->list.operations[batch->at].request;

		if (one)
			md_request_cancel(one);
	}
}
