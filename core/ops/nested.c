/* A nested write from request to durable rows:
 *
 *   start: tree ─► checks ─► steps                         all of it before anything is written
 *   run:   [mark] ─► step ─► step … in the session
 *   end:   commit, or rollback; in a session of others: back to the mark, or forget it
 */
#include "core/json/pieces.h"
#include "core/ops/nested_private.h"
#include "core/query/parse.h"

#include "core/base/banned.h"

enum { ARENA_BASE = 1u << 20 };

/* --- is it one --- */

bool md_write_is_nested(const struct md_ops *ops, const struct md_write_ask *ask)
{
	const struct md_relation *via;
	const struct md_str *names;
	struct md_error ignored;
	unsigned count;

	if (ask->link != MD_LINK_NONE)
		return true;
	if (!ask->body || ask->bulk || ask->texts || ops->options.nested_depth == 0 ||
	    ask->model->relation_count == 0 || md_str_is_given(ask->query->columns))
		return false;
	names = md_body_columns(ask->body, &count);
	for (unsigned i = 0; i < count; i++)
		if (!md_model_input(ask->model, names[i]) &&
		    (md_relation_resolve(ops->newest->registry, ask->model, names[i],
					 (struct md_str){ NULL, 0 }, &via, &ignored) == MD_OK ||
		     strcmp(ignored.wire, "PGRST200") != 0))
			return true;
	return false;
}

/* --- the end --- */

static void finish(struct md_nested *nest)
{
	struct md_write *write = nest->write;

	nest->finished = true;
	if (nest->failed)
		write->unit.error = nest->error;
	write->state = nest->failed ? MD_READ_FAILED : MD_READ_DONE;
	md_buf_release(&nest->text);
	md_buf_release(&nest->out);
	md_buf_release(&nest->shown);
	md_buf_release(&nest->lines);
	md_buf_release(&nest->findings.list);
	md_buf_release(&nest->findings.lines);
	md_generation_leave(nest->ops, nest->generation);
	nest->arena = md_arena_free(nest->arena);
	nest->work = md_arena_free(nest->work);
	if (!nest->starting)
		write->ask.ready(write, write->ask.arg);
}

static void ended(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_nested *nest = arg;

	if (err->code != MD_OK)
		md_nest_fail(nest, err);
	if (nest->own_session)
		nest->session = md_session_close(session);
	finish(nest);
}

static void put_key(struct md_buf *out, const struct md_nest_group *group, struct md_str known)
{
	for (unsigned i = 0; i < group->model->key_count; i++) {
		struct md_str value = md_nest_value(known, group->model->key[i]);
		md_auto_buf plain = MD_BUF(1u << 16);

		md_pieces_put_plain(&plain, value);
		md_buf_putc(out, i == 0 ? '?' : '&');
		md_uri_encode(out, group->model->key[i]->name, "-_.~");
		md_buf_puts(out, "=eq.");
		md_uri_encode(out, md_buf_str(&plain), "-_.~");
		md_buf_inherit(out, &plain);
	}
}

/* Location of the one row that is new. */
static void note_result(struct md_nested *nest)
{
	const struct md_nest_group *told = nest->base ? nest->base : nest->root;
	struct md_write *write = nest->write;
	md_auto_buf out = MD_BUF(1u << 16);

	if (write->ask.link == MD_LINK_ADD) {
		write->result.rows = told->count;
		write->result.inserted = told->count - told->kinds[MD_NEST_LINK];
	}
	if (write->ask.give != MD_GIVE_KEYS || told->count != 1)
		return;
	put_key(&out, told, told->rows[0].known);
	if (!out.failed)
		write->result.location = md_arena_strndup(write->ask.arena, out.data, out.len);
	write->result.lost_location = !write->result.location;
}

static void end(struct md_nested *nest)
{
	bool keep = !nest->failed && !nest->write->ask.dry_run;

	if (!nest->failed)
		note_result(nest);
	if (nest->own_session && keep)
		md_session_commit(nest->session, ended, nest);
	else if (nest->own_session)
		md_session_rollback(nest->session, ended, nest);
	else if (nest->marked && !md_session_is_lost(nest->session))
		md_session_unmark(nest->session, !keep, ended, nest);
	else
		finish(nest);
}

/* --- from step to step --- */

void md_nest_fail(struct md_nested *nest, const struct md_error *err)
{
	if (nest->failed)
		return;
	nest->failed = true;
	if (err != &nest->error)
		nest->error = *err;
}

static void work(struct md_nested *nest)
{
	while (!nest->failed && nest->step < nest->step_count) {
		if (nest->cancelled) {
			md_fail(&nest->error, MD_CANCELLED, "57014", "the client is gone");
			md_nest_fail(nest, &nest->error);
			break;
		}
		if (md_nest_start_step(nest))
			return;
		nest->step++;
		nest->at = 0;
	}
	end(nest);
}

void md_nest_went_on(struct md_nested *nest)
{
	work(nest);
}

static void marked(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_nested *nest = arg;

	(void)session;
	nest->marked = err->code == MD_OK;
	if (!nest->marked)
		md_nest_fail(nest, err);
	work(nest);
}

void md_nest_cancel(struct md_nested *nest)
{
	nest->cancelled = true;
	if (!nest->has_step)
		return;
	if (nest->chain)
		md_chain_cancel(nest->chain);
	else if (nest->reading)
		md_read_cancel(nest->reading);
	else if (nest->writing)
		md_write_cancel(nest->writing);
}

/* --- the beginning --- */

static enum md_nest_mode mode_of(const struct md_write_ask *ask)
{
	static const enum md_nest_mode modes[] = { [MD_LINK_SET] = MD_NEST_SET,
						   [MD_LINK_ADD] = MD_NEST_ADD,
						   [MD_LINK_REMOVE] = MD_NEST_REMOVE };

	if (ask->link != MD_LINK_NONE)
		return modes[ask->link];
	if (ask->kind == MD_WRITE_UPDATE)
		return MD_NEST_EDIT;
	return ask->replace ? MD_NEST_SET : MD_NEST_ADD;
}

static enum md_code body_text(struct md_nested *nest, struct md_str *ret_text, struct md_error *err)
{
	const struct md_body *body = nest->write->ask.body;

	*ret_text = md_body_json_text(body);
	if (ret_text->ptr)
		return MD_OK;
	if (!md_body_lines_array(body, &nest->lines))
		return md_fail(err, MD_INVALID, "PGRST102", "Relationships need a body of JSON");
	*ret_text = md_buf_str(&nest->lines);
	return nest->lines.failed ? md_fail_nomem(err) : MD_OK;
}

static enum md_code check_ask(const struct md_nested *nest, struct md_error *err)
{
	const struct md_write_ask *ask = &nest->write->ask;

	if (ask->resolution == MD_RESOLUTION_IGNORE)
		return md_fail(
			err, MD_INVALID, "MD400",
			"a body with relationships cannot have resolution=ignore-duplicates");
	if (ask->kind == MD_WRITE_UPDATE && nest->root->count != 1)
		return md_fail(err, MD_INVALID, "MD400",
			       "a body with relationships changes one row");
	return MD_OK;
}

static enum md_code prepare(struct md_nested *nest, struct md_error *err)
{
	struct md_str text;
	enum md_code code = body_text(nest, &text, err);

	if (code == MD_OK)
		code = md_nest_read(nest, text, err);
	if (code == MD_OK)
		code = check_ask(nest, err);
	if (code == MD_OK && nest->write->ask.link != MD_LINK_NONE)
		nest->base = nest->root->first;
	if (code == MD_OK)
		code = md_nest_check(nest, err);
	return code == MD_OK ? md_nest_plan(nest, err) : code;
}

static enum md_code open_session(struct md_nested *nest, struct md_error *err)
{
	const struct md_session_options how = { .writes = true };

	nest->session = nest->write->ask.session;
	nest->own_session = nest->session == NULL;
	return nest->own_session ? md_session_open(nest->ops->options.db, &how, &nest->session, err)
				 : MD_OK;
}

static struct md_nested *new_nest(struct md_ops *ops, struct md_write *write)
{
	struct md_nested *nest = md_arena_zalloc(write->ask.arena, sizeof(*nest));
	size_t most = write->ask.out->max;

	if (!nest)
		return NULL;
	nest->write = write;
	nest->ops = ops;
	nest->mode = mode_of(&write->ask);
	nest->arena = md_arena_new(most + ARENA_BASE);
	nest->work = md_arena_new(most + ARENA_BASE);
	md_buf_init(&nest->text, most);
	md_buf_init(&nest->out, most);
	md_buf_init(&nest->shown, most);
	md_buf_init(&nest->lines, most);
	nest->generation = ops->newest;
	nest->generation->users++;
	return nest;
}

bool md_nest_start(struct md_ops *ops, const struct md_write_ask *ask, struct md_write **ret_write)
{
	struct md_write *write = md_arena_zalloc(ask->arena, sizeof(*write));
	struct md_nested *nest;
	enum md_code code;

	*ret_write = NULL;
	if (!write)
		return true;
	write->ops = ops;
	write->ask = *ask;
	md_buf_clear(ask->out);
	nest = new_nest(ops, write);
	if (!nest)
		return true;
	write->nest = nest;
	*ret_write = write;
	nest->starting = true;
	code = nest->arena && nest->work ? prepare(nest, &nest->error)
					 : md_fail_nomem(&nest->error);
	if (code == MD_OK)
		code = open_session(nest, &nest->error);
	if (code != MD_OK) {
		nest->failed = true;
		finish(nest);
		return true;
	}
	if (nest->own_session)
		work(nest);
	else
		md_session_mark(nest->session, ask->deadline_ns, marked, nest);
	nest->starting = false;
	return nest->finished;
}
