/* Answers that come in pieces. They have plans of their own: those of other answers never stop. */
#include "core/api/api.h"

#include "core/base/banned.h"

enum { PIECE = 64 * 1024 };

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

enum md_code md_async_pieces(struct md_ask *ask, enum md_form form, md_take_fn *take,
			     const struct md_then *then, struct md_error *err)
{
	static const enum md_answer answers[] = { [MD_FORM_JSON] = MD_ANSWER_JSON,
						  [MD_FORM_LINES] = MD_ANSWER_LINES,
						  [MD_FORM_CSV] = MD_ANSWER_CSV };
	struct md_verb *verb = &ask->work->verb;
	enum md_code code = md_api_prepare_ask(ask, MD_VERB_READ, then, err);

	if (code)
		return code;
	verb->own.take = take;
	verb->own.arg = then->arg;
	verb->read = (struct md_read_request){ .route = MD_READ_LIST,
					       .model = ask->model,
					       .query = &verb->query,
					       .answer = answers[form] };
	code = make_ops(ask->work->store, err);
	return code ? md_api_drop(ask->work, code) : md_api_go(ask->work, err);
}

/* The end and the pieces have one argument: both are in here. */
struct waiting {
	struct md_await await; /* first */
	md_take_fn *take;
	void *arg;
};

static bool take_for(void *arg, const char *text, size_t len)
{
	struct waiting *waiting = arg;

	return waiting->take(waiting->arg, text, len);
}

enum md_code md_pieces(struct md_ask *ask, enum md_form form, md_take_fn *take, void *arg,
		       struct md_error *err)
{
	struct waiting waiting = { .take = take, .arg = arg };

	md_api_await(&waiting.await, ask->work, NULL, err);
	return md_api_wait(&waiting.await,
			   md_async_pieces(ask, form, take_for, &waiting.await.then, err));
}
