/* A write that is made only if the row is as the client has seen it: If-Match, If-None-Match. In
 * front of the write, in its transaction, the row is read as a GET of the same target reads it, and
 * its ETag is compared. Nobody can change it in between: on SQLite there is one writer, elsewhere
 * the row is locked first.
 *
 *   [lock] ─► read ─► compare ─► the write, whichever way it goes
 */
#include "core/ops/write_private.h"

#include "core/base/banned.h"

enum { ROW_MAX = 64 * 1024 * 1024 };
enum stage { STAGE_LOCK, STAGE_READ, STAGE_JUDGE, STAGE_WRITE };

struct md_write_match {
	const struct md_write_way *way;
	struct md_cached_plan *cached;
	struct md_value *lock_args, *read_args, **child_args;
	struct md_text_sink *sink;
	struct md_buf out; /* the row, as GET would answer */
	enum stage stage;
	bool judged;
};

static struct md_write *write_of(struct md_unit *unit)
{
	return (struct md_write *)unit;
}

enum md_code md_write_fail_match(struct md_error *err)
{
	md_fail(err, MD_CONFLICT, "MD412", "the row is not as If-Match or If-None-Match wants it");
	md_error_hint(err, "read it again and see whether the change still makes sense");
	return MD_CONFLICT;
}

/* ---- what is needed ---- */

/* The plan of the GET; where rows are locked, of one that does so. */
static enum md_code find_plan(struct md_write *write, struct md_write_match *match,
			      struct md_error *err)
{
	struct md_ops *ops = write->ops;
	const struct md_dialect *dialect = ops->options.dialect;
	const struct md_plan_request request = {
		.route = MD_READ_ITEM,
		.model = write->ask.model,
		.query = write->ask.query,
		.array_lists = dialect->array_lists,
		.strip_nulls = write->ask.strip_nulls,
		.lock = dialect->templates[MD_SQL_LOCK] != NULL,
	};
	struct md_plan_context context;
	struct md_plan *plan;
	struct md_str key;
	enum md_code code;

	write->walk = &ops->walk; /* for the binds of this plan; the write has another */
	md_buf_clear(&ops->key);
	code = md_plan_key(&request, &ops->key, write->walk, err);
	if (code != MD_OK)
		return code;
	key = md_buf_str(&ops->key);
	match->cached = md_ops_find(ops, key);
	if (!match->cached) {
		md_ops_context(ops, &context);
		code = md_plan_build(&request, write->walk, &context, &plan, err);
		if (code != MD_OK)
			return code;
		match->cached = md_ops_cache(ops, key, plan, NULL);
		if (!match->cached)
			return md_fail_nomem(err);
	}
	md_plans_use(match->cached);
	return MD_OK;
}

static enum md_code make_sink(struct md_write *write, struct md_write_match *match,
			      struct md_error *err)
{
	const struct md_text_sink_options options = { .frame = MD_FRAME_OBJECT,
						      .piece = SIZE_MAX,
						      .child_args = match->child_args };

	match->sink = md_text_sink_new(write->ask.arena, match->cached->plan->shape, &options);
	return match->sink ? MD_OK : md_fail_nomem(err);
}

enum md_code md_write_match_prepare(struct md_write *write, const struct md_write_way *way,
				    struct md_error *err)
{
	struct md_write_match *match = md_arena_zalloc(write->ask.arena, sizeof(*match));
	const struct md_str *key = write->ask.match->key;
	const struct md_plan *plan;
	enum md_code code;

	if (!match)
		return md_fail_nomem(err);
	match->way = way;
	md_buf_init(&match->out, ROW_MAX);
	write->match = match;
	code = md_ops_check_depth(write->ask.query, err);
	if (code == MD_OK)
		code = find_plan(write, match, err);
	if (code != MD_OK)
		return code;
	plan = match->cached->plan;
	code = md_write_bind(write, plan->probe, key, &match->lock_args, err);
	if (code == MD_OK)
		code = md_write_bind(write, &plan->select, key, &match->read_args, err);
	if (code == MD_OK)
		code = md_write_bind_children(write, plan, key, &match->child_args, err);
	return code == MD_OK ? make_sink(write, match, err) : code;
}

void md_write_match_release(struct md_write *write)
{
	if (!write->match)
		return;
	if (write->match->cached)
		md_plans_unuse(write->match->cached);
	md_buf_release(&write->match->out);
	write->match = NULL;
}

/* ---- the unit ---- */

static enum md_next next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_write_match *match = write_of(unit)->match;
	const struct md_plan *plan = match->cached->plan;

	switch (match->stage) {
	case STAGE_LOCK:
		match->stage = STAGE_READ;
		if (!plan->probe)
			return next(unit, ret_call);
		*ret_call =
			(struct md_call){ .stmt = &plan->probe->stmt, .args = match->lock_args };
		return MD_NEXT_CALL;
	case STAGE_READ:
		match->stage = STAGE_JUDGE;
		*ret_call =
			(struct md_call){ .stmt = &plan->select.stmt, .args = match->read_args };
		return MD_NEXT_CALL;
	case STAGE_JUDGE:
		if (!match->judged)
			return MD_NEXT_AFTER_ROWS;
		match->stage = STAGE_WRITE;
		break;
	case STAGE_WRITE:
		break;
	}
	return match->way->ops.next(unit, ret_call);
}

/* A row that is not there: what a change or deletion says about that is more than we could. */
static bool holds(const struct md_write *write, const char *etag, bool there)
{
	const struct md_match *match = write->ask.match;

	if (!there)
		return !match->if_match.given || write->ask.kind != MD_WRITE_INSERT;
	if (match->if_match.given && !md_etags_have(&match->if_match, etag, false))
		return false;
	return !match->if_none_match.given || !md_etags_have(&match->if_none_match, etag, true);
}

static enum md_flow judge(struct md_write *write)
{
	struct md_write_match *match = write->match;
	char etag[MD_ETAG_MAX];

	match->judged = true;
	md_etag_of(match->out.data, match->out.len, etag);
	if (holds(write, etag, md_text_sink_rows(match->sink) > 0))
		return MD_FLOW_ON;
	md_write_fail_match(&write->unit.error);
	return MD_FLOW_ABORT;
}

static enum md_flow take(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	struct md_write *write = write_of(unit);
	struct md_write_match *match = write->match;

	if (match->judged)
		return match->way->ops.rows(unit, call, rows);
	if (call->stmt != &match->cached->plan->select.stmt)
		return MD_FLOW_ON; /* locked */
	switch (md_text_sink_feed(match->sink, rows, &match->out, &unit->error)) {
	case MD_SINK_DONE:
	case MD_SINK_FULL:
		return judge(write);
	case MD_SINK_WAIT:
		return MD_FLOW_WAIT;
	case MD_SINK_FAIL:
		break;
	}
	return MD_FLOW_ABORT;
}

static void reset(struct md_unit *unit)
{
	struct md_write_match *match = write_of(unit)->match;

	match->stage = STAGE_LOCK;
	match->judged = false;
	md_buf_clear(&match->out);
	md_text_sink_reset(match->sink);
	match->way->ops.reset(unit);
}

static enum md_next explain(struct md_unit *unit, struct md_call *ret_call)
{
	const struct md_write_match *match = write_of(unit)->match;

	return match->way->ops.explain ? match->way->ops.explain(unit, ret_call) : MD_NEXT_ROLLBACK;
}

const struct md_unit_ops md_write_match_ops = {
	.next = next,
	.rows = take,
	.done = md_write_done,
	.reset = reset,
	.explain = explain,
};
