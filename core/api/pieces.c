/* Answers that come in pieces. They have plans of their own: those of other answers never stop. */
#include "core/api/api.h"

#include "core/base/banned.h"

enum { PIECE = 64 * 1024 };

/* One answer. */
struct pieces {
	bool (*take)(void *arg, const char *text, size_t len);
	void *arg;
	bool stopped;
};

static enum md_code make_ops(struct md_store *store, struct md_error *err)
{
	struct md_ops_options options = store->options;
	struct md_registry *registry = md_ops_registry(store->ops);
	enum md_code code;

	if (store->pieces)
		return MD_OK;
	options.stream_threshold = options.stream_piece = PIECE;
	md_registry_ref(registry);
	code = md_ops_new(&options, registry, &store->pieces, err);
	if (code)
		md_registry_unref(registry);
	return code;
}

static void ready(struct md_read *read, void *arg)
{
	struct md_work *work = arg;

	(void)read;
	work->over = true;
}

static void hand_over(struct pieces *pieces, struct md_buf *out)
{
	if (out->len > 0 && !pieces->stopped)
		pieces->stopped = !pieces->take(pieces->arg, out->data, out->len);
	md_buf_clear(out);
}

/* Piece after piece, up to the end. */
static enum md_code turn(struct md_work *work, struct md_read *read, struct pieces *pieces,
			 struct md_buf *out, struct md_error *err)
{
	if (md_read_state(read) == MD_READ_RUNNING)
		md_api_wait(work);
	while (md_read_state(read) == MD_READ_PIECE) {
		hand_over(pieces, out);
		work->over = false;
		if (pieces->stopped)
			md_read_cancel(read); /* a piece until it has ended */
		else
			md_read_resume(read);
		if (pieces->stopped || md_read_state(read) == MD_READ_RUNNING)
			md_api_wait(work);
	}
	if (md_read_state(read) == MD_READ_DONE)
		hand_over(pieces, out);
	if (pieces->stopped)
		return md_fail(err, MD_CANCELLED, "57014", "nobody wants the rest of the rows");
	if (md_read_state(read) != MD_READ_FAILED)
		return MD_OK;
	if (err)
		*err = *md_read_error(read);
	if (err)
		err->errors = NULL; /* it lives in the arena of the operation */
	return md_read_error(read)->code;
}

static enum md_answer answer_of(enum md_form form)
{
	switch (form) {
	case MD_FORM_JSON:
		return MD_ANSWER_JSON;
	case MD_FORM_LINES:
		return MD_ANSWER_LINES;
	case MD_FORM_CSV:
		return MD_ANSWER_CSV;
	}
	return MD_ANSWER_JSON;
}

enum md_code md_pieces(struct md_ask *ask, enum md_form form,
		       bool (*take)(void *arg, const char *text, size_t len), void *arg,
		       struct md_error *err)
{
	struct pieces pieces = { .take = take, .arg = arg };
	struct md_work *work = ask->work;
	md_auto_arena arena = md_arena_new(MD_API_ARENA_MAX);
	md_auto_buf out = MD_BUF(MD_API_RESULT_MAX);
	struct md_read_request request = { .route = MD_READ_LIST,
					   .model = ask->model,
					   .query = &ask->query,
					   .answer = answer_of(form),
					   .session = work->session,
					   .arena = arena,
					   .out = &out,
					   .ready = ready,
					   .arg = work };
	struct md_read *read = NULL;
	enum md_code code = md_api_ready(ask, err);

	if (code == MD_OK)
		code = arena ? make_ops(work->store, err) : md_fail_nomem(err);
	if (code)
		return code;
	work->over = false;
	(void)md_read_start(work->store->pieces, &request, &read);
	return read ? turn(work, read, &pieces, &out, err) : md_fail_nomem(err);
}
