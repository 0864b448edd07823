/* Reads and writes: their memory, beginning and end. */
#include "core/api/api.h"
#include "core/json/write.h"

#include "core/base/banned.h"

enum { JSON_DEPTH = 64 };

enum md_code md_job_init(struct md_job *job, struct md_error *err)
{
	*job = (struct md_job){ .arena = md_arena_new(MD_API_ARENA_MAX) };
	md_buf_init(&job->text, MD_API_ARENA_MAX);
	md_buf_init(&job->out, MD_API_RESULT_MAX);
	return job->arena ? MD_OK : md_fail_nomem(err);
}

/* All zero is fine. */
void md_job_release(struct md_job *job)
{
	md_arena_free(job->arena);
	md_buf_release(&job->text);
	md_buf_release(&job->out);
	*job = (struct md_job){ .arena = NULL };
}

/* --- bodies --- */

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

enum md_code md_job_body(struct md_job *job, const struct md_api_body *body,
			 struct md_write_ask *write, struct md_error *err)
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
		md_buf_puts(&job->text, body->json);
	else if (kind == MD_BODY_JSON)
		code = put_object(&job->text, write->model, body, err);
	else
		put_values(&job->text, body->values, body->count);
	if (code)
		return code;
	if (!md_buf_text(&job->text))
		return md_fail_nomem(err);
	write->texts = !body->json;
	return md_body_open(job->arena, kind, md_buf_str(&job->text), &limits, NULL, 0,
			    &write->body, err);
}

/* --- beginning --- */

/* Later, and not from here: what calls this may not be done with the job. Cancelled, a read tells
 * that a piece has come and that it has ended before anybody has looked. */
static void post_end(struct md_work *work)
{
	if (work->verb.posted)
		return;
	work->verb.posted = true;
	md_reactor_post(work->store->reactor, &work->verb.task);
}

static void read_ready(struct md_read *read, void *arg)
{
	(void)read;
	post_end(arg);
}

static void write_ready(struct md_write *write, void *arg)
{
	(void)write;
	post_end(arg);
}

static enum md_code copy_error(const struct md_error *error, struct md_error *err)
{
	if (!err)
		return error->code;
	*err = *error;
	err->errors = NULL; /* it lives in the arena of the job */
	return err->code;
}

enum md_code md_job_read(struct md_work *work, struct md_job *job, struct md_read_request *request,
			 struct md_error *err)
{
	struct md_ops *ops = job->take ? work->store->pieces : work->store->ops;

	request->session = work->session;
	request->arena = job->arena;
	request->out = &job->out;
	request->ready = read_ready;
	request->arg = work;
	if (!md_read_start(ops, request, &job->read))
		return MD_OK;
	if (!job->read)
		return md_fail_nomem(err);
	if (md_read_state(job->read) == MD_READ_FAILED)
		return copy_error(md_read_error(job->read), err);
	post_end(work);
	return MD_OK;
}

enum md_code md_job_write(struct md_work *work, struct md_job *job, struct md_write_ask *ask,
			  struct md_error *err)
{
	ask->session = work->session;
	ask->arena = job->arena;
	ask->out = &job->out;
	ask->ready = write_ready;
	ask->arg = work;
	if (!md_write_start(work->store->ops, ask, &job->write))
		return MD_OK;
	return job->write ? copy_error(md_write_error(job->write), err) : md_fail_nomem(err);
}

/* --- pieces and the end --- */

static void hand_over(struct md_job *job)
{
	if (!job->take)
		return;
	if (job->out.len > 0 && !job->stopped)
		job->stopped = !job->take(job->arg, job->out.data, job->out.len);
	md_buf_clear(&job->out);
}

bool md_job_goes_on(struct md_job *job)
{
	if (!job->read || md_read_state(job->read) != MD_READ_PIECE)
		return false;
	hand_over(job);
	if (job->stopped)
		md_read_cancel(job->read);
	else
		md_read_resume(job->read);
	return true;
}

static enum md_code end_write(struct md_job *job, struct md_result **ret_result,
			      uint64_t *ret_count, struct md_error *err)
{
	if (md_write_state(job->write) == MD_READ_FAILED)
		return copy_error(md_write_error(job->write), err);
	*ret_count = md_write_result(job->write)->rows;
	return ret_result ? md_api_result(&job->out, ret_result, err) : MD_OK;
}

enum md_code md_job_end(struct md_job *job, struct md_result **ret_result, uint64_t *ret_count,
			struct md_error *err)
{
	const struct md_read_result *result;

	if (job->write)
		return end_write(job, ret_result, ret_count, err);
	if (md_read_state(job->read) == MD_READ_DONE)
		hand_over(job);
	if (job->take && job->stopped)
		return md_fail(err, MD_CANCELLED, "57014", "nobody wants the rest of the rows");
	if (md_read_state(job->read) == MD_READ_FAILED)
		return copy_error(md_read_error(job->read), err);
	result = md_read_result(job->read);
	*ret_count = result->has_total ? result->total : result->rows;
	return ret_result ? md_api_result(&job->out, ret_result, err) : MD_OK;
}

/* A piece that is there already is looked at first: md_job_goes_on(). */
void md_job_cancel(struct md_job *job)
{
	job->stopped = true;
	if (job->write)
		md_write_cancel(job->write);
	else if (job->read && md_read_state(job->read) == MD_READ_RUNNING)
		md_read_cancel(job->read);
}
