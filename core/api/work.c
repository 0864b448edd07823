/* Sessions: their beginning, the verbs without a query, and the end of transactions. The end of a
 * session is in verb.c. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"

#include "core/base/banned.h"

enum md_code md_work_open(struct md_store *store, struct md_work **ret_work, struct md_error *err)
{
	const struct md_session_options options = { .writes = false };
	struct md_work *work = calloc(1, sizeof(*work));
	enum md_code code;

	if (err)
		md_error_clear(err);
	if (!work)
		return md_fail_nomem(err);
	work->store = store;
	work->last = &work->first;
	code = md_session_open(store->loop, &options, &work->session, err);
	if (code) {
		free(work);
		return code;
	}
	*ret_work = work;
	return MD_OK;
}

/* --- verbs with nothing but the session --- */

static enum md_code begin(struct md_work *work, enum md_verb_kind kind, const struct md_then *then,
			  struct md_error *err)
{
	enum md_code code = md_api_prepare(work, kind, then, err);

	return code ? code : md_api_go(work, err);
}

enum md_code md_async_flush(struct md_work *work, const struct md_then *then, struct md_error *err)
{
	return begin(work, MD_VERB_FLUSH, then, err);
}

enum md_code md_async_commit(struct md_work *work, const struct md_then *then, struct md_error *err)
{
	return begin(work, MD_VERB_COMMIT, then, err);
}

enum md_code md_async_rollback(struct md_work *work, const struct md_then *then,
			       struct md_error *err)
{
	return begin(work, MD_VERB_ROLLBACK, then, err);
}

enum md_code md_work_flush(struct md_work *work, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, NULL, err);
	return md_api_wait(&await, md_async_flush(work, &await.then, err));
}

enum md_code md_work_commit(struct md_work *work, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, NULL, err);
	return md_api_wait(&await, md_async_commit(work, &await.then, err));
}

enum md_code md_work_rollback(struct md_work *work, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, NULL, err);
	return md_api_wait(&await, md_async_rollback(work, &await.then, err));
}

/* --- savepoints --- */

enum md_code md_async_savepoint(struct md_work *work, const struct md_then *then,
				struct md_error *err)
{
	enum md_code code = md_api_prepare(work, MD_VERB_SAVEPOINT, then, err);

	if (code)
		return code;
	work->verb.point = work->points + 1;
	return md_api_go(work, err);
}

static enum md_code end_point(struct md_work *work, enum md_verb_kind kind, unsigned savepoint,
			      const struct md_then *then, struct md_error *err)
{
	enum md_code code = md_api_prepare(work, kind, then, err);

	if (code)
		return code;
	if (savepoint == 0 || savepoint > work->points)
		return md_api_drop(work, md_fail(err, MD_INVALID, "MD400",
						 "savepoint %u is not set", savepoint));
	work->verb.point = savepoint;
	return md_api_go(work, err);
}

enum md_code md_async_release(struct md_work *work, unsigned savepoint, const struct md_then *then,
			      struct md_error *err)
{
	return end_point(work, MD_VERB_RELEASE, savepoint, then, err);
}

enum md_code md_async_rollback_to(struct md_work *work, unsigned savepoint,
				  const struct md_then *then, struct md_error *err)
{
	return end_point(work, MD_VERB_BACK, savepoint, then, err);
}

enum md_code md_work_savepoint(struct md_work *work, unsigned *ret_savepoint, struct md_error *err)
{
	struct md_await await;
	enum md_code code;

	md_api_await(&await, work, NULL, err);
	code = md_api_wait(&await, md_async_savepoint(work, &await.then, err));
	if (code == MD_OK)
		*ret_savepoint = (unsigned)await.count;
	return code;
}

enum md_code md_work_release(struct md_work *work, unsigned savepoint, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, NULL, err);
	return md_api_wait(&await, md_async_release(work, savepoint, &await.then, err));
}

enum md_code md_work_rollback_to(struct md_work *work, unsigned savepoint, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, NULL, err);
	return md_api_wait(&await, md_async_rollback_to(work, savepoint, &await.then, err));
}

/* --- rows --- */

enum md_code md_add(struct md_work *work, const char *model, const char *json, struct md_error *err)
{
	struct md_staged *row;
	const struct md_model *found;
	enum md_code code;

	if (err)
		md_error_clear(err);
	code = md_api_model(work->store, model, &found, err);
	if (code)
		return code;
	row = calloc(1, sizeof(*row));
	if (!row)
		return md_fail_nomem(err);
	row->model = strdup(model);
	row->json = strdup(json);
	if (!row->model || !row->json) {
		free(row->model);
		free(row->json);
		free(row);
		return md_fail_nomem(err);
	}
	*work->last = row;
	work->last = &row->next;
	return MD_OK;
}

static enum md_code create(struct md_work *work, const char *model, const struct md_api_body *body,
			   const struct md_then *then, struct md_error *err)
{
	struct md_verb *verb = &work->verb;
	enum md_code code = md_api_prepare(work, MD_VERB_WRITE, then, err);

	if (code)
		return code;
	verb->query.root.select = &verb->star;
	verb->write = (struct md_write_ask){ .kind = MD_WRITE_INSERT,
					     .give = then->no_rows ? MD_GIVE_COUNT : MD_GIVE_ROWS,
					     .query = &verb->query };
	code = md_api_model(work->store, model, &verb->write.model, err);
	if (code == MD_OK)
		code = md_job_body(&verb->own, body, &verb->write, err);
	return code ? md_api_drop(work, code) : md_api_go(work, err);
}

enum md_code md_async_create(struct md_work *work, const char *model, const char *json,
			     const struct md_then *then, struct md_error *err)
{
	return create(work, model, &(struct md_api_body){ .json = json }, then, err);
}

enum md_code md_async_create_values(struct md_work *work, const char *model,
				    const struct md_value_text *values, unsigned count,
				    const struct md_then *then, struct md_error *err)
{
	return create(work, model, &(struct md_api_body){ .values = values, .count = count }, then,
		      err);
}

static enum md_code fill_get(struct md_work *work, const char *model, const char *key,
			     struct md_error *err)
{
	struct md_verb *verb = &work->verb;
	struct md_arena *arena = verb->own.arena;
	const char *copy = md_arena_strndup(arena, key, strlen(key));
	const struct md_model *found;
	struct md_str *parts;
	enum md_code code = md_api_model(work->store, model, &found, err);

	if (code)
		return code;
	parts = md_arena_zalloc(arena, (found->key_count + 1) * sizeof(*parts));
	if (!parts || !copy)
		return md_fail_nomem(err);
	code = md_parse_key(arena, md_str_of(copy), found->key_count, parts, err);
	verb->query.root.select = &verb->star;
	verb->read = (struct md_read_request){
		.route = MD_READ_ITEM, .model = found, .key = parts, .query = &verb->query
	};
	return code;
}

enum md_code md_async_get(struct md_work *work, const char *model, const char *key,
			  const struct md_then *then, struct md_error *err)
{
	enum md_code code = md_api_prepare(work, MD_VERB_READ, then, err);

	if (code)
		return code;
	code = fill_get(work, model, key, err);
	return code ? md_api_drop(work, code) : md_api_go(work, err);
}

enum md_code md_create(struct md_work *work, const char *model, const char *json,
		       struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, ret_result, err);
	return md_api_wait(&await, md_async_create(work, model, json, &await.then, err));
}

enum md_code md_create_values(struct md_work *work, const char *model,
			      const struct md_value_text *values, unsigned count,
			      struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, ret_result, err);
	return md_api_wait(&await,
			   md_async_create_values(work, model, values, count, &await.then, err));
}

enum md_code md_get(struct md_work *work, const char *model, const char *key,
		    struct md_result **ret_result, struct md_error *err)
{
	struct md_await await;

	md_api_await(&await, work, ret_result, err);
	return md_api_wait(&await, md_async_get(work, model, key, &await.then, err));
}
