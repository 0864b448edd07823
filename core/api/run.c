/* Running a query: the verbs that end an ask. */
#include "core/api/api.h"

#include "core/base/banned.h"

enum md_code md_api_prepare_ask(struct md_ask *ask, enum md_verb_kind kind,
				const struct md_then *then, struct md_error *err)
{
	struct md_work *work = ask->work;
	enum md_code code = md_api_prepare(work, kind, then, err);

	if (code)
		return code;
	code = md_api_close_ask(ask, err);
	if (code)
		return md_api_drop(work, code);
	work->verb.query = ask->query;
	work->verb.ask = ask;
	ask->used = true;
	return MD_OK;
}

/* No more rows than `most`. */
static enum md_code read_rows(struct md_ask *ask, int64_t most, bool only,
			      const struct md_then *then, struct md_error *err)
{
	struct md_verb *verb = &ask->work->verb;
	enum md_code code = md_api_prepare_ask(ask, MD_VERB_READ, then, err);
	struct md_level *root = &verb->query.root;

	if (code)
		return code;
	if (most < INT64_MAX && (!root->has_limit || root->limit > most)) {
		root->has_limit = true;
		root->limit = most;
	}
	verb->only = only;
	verb->read = (struct md_read_request){ .route = MD_READ_LIST,
					       .model = ask->model,
					       .query = &verb->query };
	return md_api_go(ask->work, err);
}

enum md_code md_async_all(struct md_ask *ask, const struct md_then *then, struct md_error *err)
{
	return read_rows(ask, INT64_MAX, false, then, err);
}

enum md_code md_async_first(struct md_ask *ask, const struct md_then *then, struct md_error *err)
{
	return read_rows(ask, 1, false, then, err);
}

enum md_code md_async_one(struct md_ask *ask, const struct md_then *then, struct md_error *err)
{
	return read_rows(ask, 2, true, then, err);
}

enum md_code md_async_count(struct md_ask *ask, const struct md_then *then, struct md_error *err)
{
	struct md_verb *verb = &ask->work->verb;
	enum md_code code = md_api_prepare_ask(ask, MD_VERB_READ, then, err);

	if (code)
		return code;
	verb->query.root.has_limit = true;
	verb->query.root.limit = 0;
	verb->query.root.has_offset = false;
	verb->query.root.order = NULL;
	verb->read = (struct md_read_request){ .route = MD_READ_LIST,
					       .model = ask->model,
					       .query = &verb->query,
					       .count = MD_COUNT_EXACT,
					       .head = true };
	return md_api_go(ask->work, err);
}

static enum md_code change(struct md_ask *ask, enum md_write_kind kind,
			   const struct md_api_body *body, const struct md_then *then,
			   struct md_error *err)
{
	struct md_work *work = ask->work;
	struct md_verb *verb = &work->verb;
	enum md_code code = md_api_prepare_ask(ask, MD_VERB_WRITE, then, err);

	if (code)
		return code;
	verb->write = (struct md_write_ask){ .kind = kind,
					     .give = then->no_rows ? MD_GIVE_COUNT : MD_GIVE_ROWS,
					     .model = ask->model,
					     .query = &verb->query };
	if (verb->query.root.has_limit || verb->query.root.has_offset || verb->query.embed_count)
		code = md_fail(err, MD_INVALID, "MD400",
			       "a write has neither limit nor offset nor joins");
	else if (body)
		code = md_job_body(&verb->own, body, &verb->write, err);
	return code ? md_api_drop(work, code) : md_api_go(work, err);
}

enum md_code md_async_update(struct md_ask *ask, const char *json, const struct md_then *then,
			     struct md_error *err)
{
	return change(ask, MD_WRITE_UPDATE, &(struct md_api_body){ .json = json }, then, err);
}

enum md_code md_async_update_values(struct md_ask *ask, const struct md_value_text *values,
				    unsigned count, const struct md_then *then,
				    struct md_error *err)
{
	return change(ask, MD_WRITE_UPDATE,
		      &(struct md_api_body){ .values = values, .count = count }, then, err);
}

enum md_code md_async_delete(struct md_ask *ask, const struct md_then *then, struct md_error *err)
{
	return change(ask, MD_WRITE_DELETE, NULL, then, err);
}

/* --- and waiting for it --- */

enum md_code md_all(struct md_ask *ask, struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, ask->work, ret_result, err);
	return md_api_wait(&await, md_async_all(ask, &await.then, err));
}

enum md_code md_first(struct md_ask *ask, struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, ask->work, ret_result, err);
	return md_api_wait(&await, md_async_first(ask, &await.then, err));
}

enum md_code md_one(struct md_ask *ask, struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, ask->work, ret_result, err);
	return md_api_wait(&await, md_async_one(ask, &await.then, err));
}

enum md_code md_count(struct md_ask *ask, uint64_t *ret_count, struct md_error *err)
{
	struct md_await await;
	enum md_code code;

	md_api_await(&await, ask->work, NULL, err);
	code = md_api_wait(&await, md_async_count(ask, &await.then, err));
	if (code == MD_OK)
		*ret_count = await.count;
	return code;
}

enum md_code md_update(struct md_ask *ask, const char *json, struct md_result **ret_result,
		       struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, ask->work, ret_result, err);
	return md_api_wait(&await, md_async_update(ask, json, &await.then, err));
}

enum md_code md_update_values(struct md_ask *ask, const struct md_value_text *values,
			      unsigned count, struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, ask->work, ret_result, err);
	return md_api_wait(&await, md_async_update_values(ask, values, count, &await.then, err));
}

enum md_code md_delete(struct md_ask *ask, struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, ask->work, ret_result, err);
	return md_api_wait(&await, md_async_delete(ask, &await.then, err));
}
