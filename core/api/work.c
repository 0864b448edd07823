/* Sessions: operations that are waited for, and the end of transactions. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"
#include "core/json/write.h"

#include "core/base/banned.h"

enum { JSON_DEPTH = 64 };

void md_api_wait(struct md_work *work)
{
	if (!work->over)
		md_reactor_run(work->store->reactor, &work->over);
}

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

static struct md_staged *unstage(struct md_staged *row)
{
	struct md_staged *next = row->next;

	free(row->model);
	free(row->json);
	free(row);
	return next;
}

static void forget_staged(struct md_work *work)
{
	while (work->first)
		work->first = unstage(work->first);
	work->last = &work->first;
}

static void ended(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_work *work = arg;

	(void)session;
	work->error = *err;
	work->over = true;
}

/* Commit or roll back, and wait for it. */
static enum md_code end(struct md_work *work,
			void (*how)(struct md_session *session, md_session_fn *then, void *arg),
			struct md_error *err)
{
	work->over = false;
	how(work->session, ended, work);
	md_api_wait(work);
	if (work->error.code && err)
		*err = work->error;
	return work->error.code;
}

/* The session is rolled back here, so that its connection is back before the work is gone. */
struct md_work *md_work_close(struct md_work *work)
{
	if (!work)
		return NULL;
	forget_staged(work);
	if (md_session_is_begun(work->session))
		end(work, md_session_rollback, NULL);
	md_session_close(work->session);
	free(work);
	return NULL;
}

enum md_code md_work_flush(struct md_work *work, struct md_error *err)
{
	const struct md_query all = { .has_select = true };

	if (err)
		md_error_clear(err);
	while (work->first) {
		const struct md_api_body body = { .json = work->first->json };
		const struct md_model *model;
		enum md_code code = md_api_model(work->store, work->first->model, &model, err);

		if (code == MD_OK)
			code = md_api_write(work, MD_WRITE_INSERT, model, &all, &body, NULL, err);
		if (code)
			return code;
		work->first = unstage(work->first);
		if (!work->first)
			work->last = &work->first;
	}
	return MD_OK;
}

enum md_code md_work_commit(struct md_work *work, struct md_error *err)
{
	enum md_code code = md_work_flush(work, err);

	return code ? code : end(work, md_session_commit, err);
}

enum md_code md_work_rollback(struct md_work *work, struct md_error *err)
{
	if (err)
		md_error_clear(err);
	forget_staged(work);
	return end(work, md_session_rollback, err);
}

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
		unstage(row);
		return md_fail_nomem(err);
	}
	*work->last = row;
	work->last = &row->next;
	return MD_OK;
}

/* --- reads --- */

static void read_ready(struct md_read *read, void *arg)
{
	struct md_work *work = arg;

	/* stream_threshold is more than a result may have: there are no pieces */
	if (md_read_state(read) == MD_READ_PIECE)
		md_read_resume(read);
	else
		work->over = true;
}

static enum md_code finish_read(const struct md_api_read *read, const struct md_read *done,
				struct md_buf *out, struct md_result **ret_result,
				struct md_error *err)
{
	if (md_read_state(done) != MD_READ_FAILED)
		return ret_result && !read->request.head ? md_api_result(out, ret_result, err)
							 : MD_OK;
	if (err)
		*err = *md_read_error(done);
	if (err)
		err->errors = NULL; /* it lives in the arena of the operation */
	return md_read_error(done)->code;
}

enum md_code md_api_read(struct md_work *work, struct md_api_read *read,
			 struct md_result **ret_result, struct md_error *err)
{
	md_auto_arena arena = md_arena_new(MD_API_ARENA_MAX);
	md_auto_buf out = MD_BUF(MD_API_RESULT_MAX);
	struct md_read *started = NULL;
	enum md_code code;

	if (!arena)
		return md_fail_nomem(err);
	read->request.session = work->session;
	read->request.arena = arena;
	read->request.out = &out;
	read->request.ready = read_ready;
	read->request.arg = work;
	work->over = false;
	if (!md_read_start(work->store->ops, &read->request, &started))
		md_api_wait(work);
	if (!started)
		return md_fail_nomem(err);
	code = finish_read(read, started, &out, ret_result, err);
	if (code == MD_OK)
		read->total = md_read_result(started)->total;
	return code;
}

enum md_code md_get(struct md_work *work, const char *model, const char *key,
		    struct md_result **ret_result, struct md_error *err)
{
	md_auto_arena arena = md_arena_new(MD_API_ARENA_MAX);
	struct md_select star = { .kind = MD_SELECT_STAR };
	const struct md_query query = { .root.select = &star };
	struct md_api_read read = { .request = { .route = MD_READ_ITEM, .query = &query } };
	const struct md_model *found;
	struct md_str *parts;
	enum md_code code = md_work_flush(work, err);

	if (code == MD_OK && !arena)
		code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_api_model(work->store, model, &found, err);
	if (code)
		return code;
	parts = md_arena_zalloc(arena, (found->key_count + 1) * sizeof(*parts));
	if (!parts)
		return md_fail_nomem(err);
	code = md_parse_key(arena, md_str_of(key), found->key_count, parts, err);
	if (code)
		return code;
	read.request.model = found;
	read.request.key = parts;
	return md_api_read(work, &read, ret_result, err);
}

/* --- writes --- */

static void write_ready(struct md_write *write, void *arg)
{
	struct md_work *work = arg;

	(void)write;
	work->over = true;
}

/* Values as a form, which the reader of bodies knows. A null has no place in a form: it is CSV. */
static void put_field(struct md_buf *out, const char *text)
{
	md_buf_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			md_buf_putc(out, '"');
		md_buf_putc(out, *text);
	}
	md_buf_putc(out, '"');
}

static void put_values(struct md_buf *out, const struct md_value_text *values, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? "," : "");
		put_field(out, values[i].name);
	}
	md_buf_puts(out, "\n");
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? "," : "");
		if (values[i].value)
			put_field(out, values[i].value);
		else
			md_buf_puts(out, "NULL");
	}
	md_buf_puts(out, "\n");
}

/* When some of them are JSON, all are: an object, in which a text is a string. A JSON string for a
 * JSON column is a text as well, with its quotes. */
static enum md_code put_json_value(struct md_buf *out, const struct md_model *model,
				   const struct md_value_text *value, struct md_error *err)
{
	const struct md_field *field = md_model_field(model, md_str_of(value->name));
	struct md_str text = md_str_of(value->value ? value->value : "null");
	bool quoted = value->json && md_str_trim(text).ptr[0] == '"';

	if (value->json && !md_json_is_valid(text.ptr, text.len, JSON_DEPTH)) {
		md_fail(err, MD_INVALID, "22P02", "what is given for \"%.64s\" is not JSON",
			value->name);
		md_error_details(err, "%.200s", text.ptr);
		return MD_INVALID;
	}
	if (value->value && (!value->json || (quoted && field && field->type == MD_TYPE_JSON)))
		md_json_write_string(out, text.ptr, text.len);
	else
		md_buf_putstr(out, text);
	return MD_OK;
}

static enum md_code put_object(struct md_buf *out, const struct md_model *model,
			       const struct md_api_body *body, struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; i < body->count && code == MD_OK; i++) {
		md_buf_putc(out, i > 0 ? ',' : '{');
		md_json_write_string(out, body->values[i].name, strlen(body->values[i].name));
		md_buf_putc(out, ':');
		code = put_json_value(out, model, &body->values[i], err);
	}
	md_buf_putc(out, '}');
	return code;
}

static bool has_json(const struct md_api_body *body)
{
	for (unsigned i = 0; i < body->count; i++)
		if (body->values[i].json)
			return true;
	return false;
}

static enum md_code open_body(const struct md_api_body *body, struct md_buf *text,
			      struct md_write_ask *ask, struct md_error *err)
{
	static const struct md_body_limits limits = { .size = MD_API_ARENA_MAX,
						      .string = MD_API_ARENA_MAX,
						      .number = 1000,
						      .depth = JSON_DEPTH,
						      .nodes = 10 * 1000 * 1000,
						      .keys = 1000,
						      .rows = 1000 * 1000 };

	enum md_body_kind kind = body->json || has_json(body) ? MD_BODY_JSON : MD_BODY_CSV;
	enum md_code code = MD_OK;

	if (body->json)
		md_buf_puts(text, body->json);
	else if (kind == MD_BODY_JSON)
		code = put_object(text, ask->model, body, err);
	else
		put_values(text, body->values, body->count);
	if (code)
		return code;
	if (!md_buf_text(text))
		return md_fail_nomem(err);
	ask->texts = !body->json;
	return md_body_open(ask->arena, kind, md_buf_str(text), &limits, NULL, 0, &ask->body, err);
}

static enum md_code finish_write(const struct md_write *done, struct md_buf *out,
				 struct md_result **ret_result, struct md_error *err)
{
	if (md_write_state(done) != MD_READ_FAILED)
		return ret_result ? md_api_result(out, ret_result, err) : MD_OK;
	if (err)
		*err = *md_write_error(done);
	if (err)
		err->errors = NULL; /* it lives in the arena of the operation */
	return md_write_error(done)->code;
}

enum md_code md_api_write(struct md_work *work, enum md_write_kind kind,
			  const struct md_model *model, const struct md_query *query,
			  const struct md_api_body *body, struct md_result **ret_result,
			  struct md_error *err)
{
	md_auto_arena arena = md_arena_new(MD_API_ARENA_MAX);
	md_auto_buf out = MD_BUF(MD_API_RESULT_MAX);
	md_auto_buf text = MD_BUF(MD_API_ARENA_MAX);
	struct md_write_ask ask = { .kind = kind,
				    .give = ret_result ? MD_GIVE_ROWS : MD_GIVE_COUNT,
				    .model = model,
				    .query = query,
				    .session = work->session,
				    .arena = arena,
				    .out = &out,
				    .ready = write_ready,
				    .arg = work };
	struct md_write *started = NULL;
	enum md_code code = MD_OK;

	if (!arena)
		return md_fail_nomem(err);
	if (body)
		code = open_body(body, &text, &ask, err);
	if (code)
		return code;
	work->over = false;
	if (!md_write_start(work->store->ops, &ask, &started))
		md_api_wait(work);
	if (!started)
		return md_fail_nomem(err);
	return finish_write(started, &out, ret_result, err);
}

static enum md_code create(struct md_work *work, const char *model, const struct md_api_body *body,
			   struct md_result **ret_result, struct md_error *err)
{
	struct md_select star = { .kind = MD_SELECT_STAR };
	const struct md_query query = { .root.select = &star };
	const struct md_model *found;
	enum md_code code = md_work_flush(work, err);

	if (code == MD_OK)
		code = md_api_model(work->store, model, &found, err);
	if (code)
		return code;
	return md_api_write(work, MD_WRITE_INSERT, found, &query, body, ret_result, err);
}

enum md_code md_create(struct md_work *work, const char *model, const char *json,
		       struct md_result **ret_result, struct md_error *err)
{
	return create(work, model, &(struct md_api_body){ .json = json }, ret_result, err);
}

enum md_code md_create_values(struct md_work *work, const char *model,
			      const struct md_value_text *values, unsigned count,
			      struct md_result **ret_result, struct md_error *err)
{
	return create(work, model, &(struct md_api_body){ .values = values, .count = count },
		      ret_result, err);
}
