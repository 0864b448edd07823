/* One read from request to text:
 *
 *   start: range ─► plan (cache, else build) ─► bind ─► lane
 *   unit:  [probe: is the parent there] ─► [count] ─► select ─► sink ─► buffer
 *   end:   checks on the number of rows ─► DONE or FAILED; PIECE in between when the answer is
 * large */
#include "core/ops/read.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/json/sink_text.h"
#include "core/ops/ops.h"

#include "core/base/banned.h"

enum { CHEAP_NS = 1000 * 1000, SETTLED_RUNS = 16, SAMPLE = 16, MOST_DEPTH = 5 };

enum phase { PHASE_PROBE, PHASE_COUNT, PHASE_ESTIMATE, PHASE_SELECT, PHASE_END };

struct md_read {
	struct md_unit unit; /* first */
	struct md_ops *ops;
	struct md_generation *generation;
	struct md_cached_plan *cached;
	struct md_read_request request;
	struct md_plan_request ask;
	enum md_read_state state;
	enum phase phase;  /* whose rows come next */
	enum phase asking; /* what next() gives next: ahead of `phase` when the driver sends all
			      statements at once */
	bool starting;     /* inside md_read_start(): nobody to call yet */
	bool timed;
	int64_t offset;
	uint64_t begun_ns, spent_ns;
	struct md_value *probe_args, *count_args, *estimate_args, *select_args, **child_args;
	struct md_text_sink *sink;
	struct md_read_result result;
};

static struct md_read *read_of(struct md_unit *unit)
{
	return (struct md_read *)unit;
}

static enum md_code fail_range(struct md_error *err, const char *details)
{
	md_fail(err, MD_INVALID, "PGRST103", "Requested range not satisfiable");
	md_error_details(err, "%s", details);
	return MD_INVALID;
}

/* The page of the query string and the Range header: `first` and what is behind its last row. */
static enum md_code meet(const struct md_level *root, const struct md_range *range,
			 int64_t *ret_first, int64_t *ret_end, struct md_error *err)
{
	int64_t first = root->has_offset && root->offset > 0 ? root->offset : 0, end = INT64_MAX;

	if (root->has_limit && root->limit < 0)
		return fail_range(err, "Limit should be greater than or equal to zero.");
	if (range->given && range->has_last && range->last < range->first)
		return fail_range(err,
				  "The lower boundary must be lower than or equal to the upper "
				  "boundary in the Range header.");
	if (root->has_limit && root->limit == 0) {
		*ret_first = *ret_end = 0;
		return MD_OK;
	}
	if (root->has_limit && __builtin_add_overflow(first, root->limit, &end))
		end = INT64_MAX;
	if (range->given && range->first > first)
		first = range->first;
	if (range->given && range->has_last && range->last < end - 1)
		end = range->last + 1;
	if (range->given && end <= first)
		return fail_range(err,
				  "The Range header and limit and offset have no row in common.");
	*ret_first = first;
	*ret_end = end;
	return MD_OK;
}

/* limit and offset of the root, from the query string, the Range header and db-max-rows: the
 * narrowest of all. */
static enum md_code set_range(struct md_read *read, struct md_error *err)
{
	uint64_t max_rows = read->ops->options.max_rows;
	int64_t first = 0, end = 0;
	enum md_code code =
		meet(&read->request.query->root, &read->request.range, &first, &end, err);

	if (code != MD_OK)
		return code;
	read->ask.has_limit = end != INT64_MAX;
	read->ask.limit = end - first;
	if (max_rows <= INT64_MAX &&
	    (!read->ask.has_limit || read->ask.limit > (int64_t)max_rows)) {
		read->ask.has_limit = true;
		read->ask.limit = (int64_t)max_rows;
	}
	read->ask.has_offset = first > 0;
	read->offset = first;
	read->result.first = (uint64_t)first;
	read->result.most = read->ask.has_limit ? (uint64_t)read->ask.limit : UINT64_MAX;
	return MD_OK;
}

/* depth= stands for a select of its own and is small: it multiplies with every relation. */
enum md_code md_ops_check_depth(const struct md_query *query, struct md_error *err)
{
	if (!query->has_depth)
		return MD_OK;
	if (query->depth < 0 || query->depth > MOST_DEPTH)
		return md_fail(err, MD_INVALID, "MD400", "depth must be 0 to %d", MOST_DEPTH);
	if (query->has_select)
		return md_fail(err, MD_INVALID, "MD400", "depth and select exclude each other");
	return MD_OK;
}

static enum md_code build_plan(struct md_read *read, struct md_str key, struct md_error *err)
{
	struct md_plan_context context;
	struct md_plan *plan;
	enum md_code code;

	md_ops_context(read->ops, &context);
	code = md_plan_build(&read->ask, &read->ops->walk, &context, &plan, err);
	if (code != MD_OK)
		return code;
	read->cached = md_ops_cache(read->ops, key, plan, NULL);
	return read->cached ? MD_OK : md_fail_nomem(err);
}

/* PostgREST's url-use-legacy-target-names = false: an embed with an alias is known by it alone. */
static enum md_code fail_legacy(struct md_str name, struct md_error *err)
{
	md_fail(err, MD_INVALID, "PGRST108", "'%.*s' is not an embedded resource in this request",
		MD_STR_ARG(name));
	md_error_hint(err, "Verify that '%.*s' is included in the 'select' query parameter.",
		      MD_STR_ARG(name));
	return MD_INVALID;
}

/* Estimated: counted up to db-max-rows, which is as far as an estimate does not matter. */
static enum md_count_rows counts_of(const struct md_read *read)
{
	bool capped = read->ops->options.max_rows < INT64_MAX;

	switch (read->request.count) {
	case MD_COUNT_NONE:
		break;
	case MD_COUNT_EXACT:
		return MD_ROWS_COUNTED;
	case MD_COUNT_PLANNED:
		return MD_ROWS_ESTIMATED;
	case MD_COUNT_ESTIMATED:
		return capped ? MD_ROWS_BOTH : MD_ROWS_COUNTED;
	}
	return MD_ROWS_NOT_COUNTED;
}

/* One more than the cap tells that there are more. */
static int64_t count_limit(const struct md_read *read)
{
	uint64_t max_rows = read->ops->options.max_rows;

	return max_rows < INT64_MAX ? (int64_t)max_rows + 1 : INT64_MAX;
}

static enum md_code find_plan(struct md_read *read, struct md_error *err)
{
	const struct md_read_request *request = &read->request;
	struct md_ops *ops = read->ops;
	struct md_str key;
	enum md_code code;

	read->ask.route = request->route;
	read->ask.model = request->model;
	read->ask.relationship = request->relationship;
	read->ask.query = request->query;
	read->ask.count = counts_of(read);
	read->ask.count_limit = count_limit(read);
	read->ask.array_lists = ops->options.dialect->array_lists;
	read->ask.strip_nulls = request->strip_nulls;
	md_buf_clear(&ops->key);
	code = md_plan_key(&read->ask, &ops->key, &ops->walk, err);
	if (code != MD_OK)
		return code;
	key = (struct md_str){ ops->key.data, ops->key.len };
	read->cached = md_ops_find(ops, key);
	read->result.legacy_names = md_str_is_given(ops->walk.legacy_name);
	if (read->result.legacy_names && !ops->options.legacy_names)
		return fail_legacy(ops->walk.legacy_name, err);
	if (read->cached) {
		read->result.plan_hit = true;
		return MD_OK;
	}
	return build_plan(read, key, err);
}

static enum md_code find_plan_timed(struct md_read *read, struct md_error *err)
{
	uint64_t begin = read->request.timed ? md_now_ns() : 0;
	enum md_code code = find_plan(read, err);

	if (read->request.timed)
		read->result.plan_ns = md_now_ns() - begin;
	return code;
}

static enum md_code bind_stmt(struct md_read *read, const struct md_plan_stmt *stmt,
			      struct md_value **ret_args, struct md_error *err)
{
	const struct md_plan_values values = {
		.query = read->request.query,
		.walk = &read->ops->walk,
		.key = read->request.key,
		.offset = read->offset,
		.arena = read->request.arena,
	};
	struct md_value *args;

	if (!stmt)
		return MD_OK;
	args = md_arena_alloc(read->request.arena, stmt->stmt.params * sizeof(*args));
	if (!args)
		return md_fail_nomem(err);
	*ret_args = args;
	return md_plan_bind(stmt, &values, args, err);
}

static enum md_code bind_all(struct md_read *read, struct md_error *err)
{
	const struct md_plan *plan = read->cached->plan;
	enum md_code code = bind_stmt(read, plan->probe, &read->probe_args, err);

	if (code == MD_OK)
		code = bind_stmt(read, plan->count, &read->count_args, err);
	if (code == MD_OK)
		code = bind_stmt(read, plan->estimate, &read->estimate_args, err);
	if (code == MD_OK)
		code = bind_stmt(read, &plan->select, &read->select_args, err);
	if (code != MD_OK || plan->child_count == 0)
		return code;
	read->child_args =
		md_arena_alloc(read->request.arena, plan->child_count * sizeof(*read->child_args));
	if (!read->child_args)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < plan->child_count && code == MD_OK; i++)
		code = bind_stmt(read, &plan->children[i], &read->child_args[i], err);
	return code;
}

static bool wants_object(const struct md_read *read)
{
	return read->request.singular || read->request.route == MD_READ_ITEM ||
	       read->cached->plan->to_one;
}

/* NULL (out of memory) only means that the sink makes its own. */
static const struct md_text_form *form_of(struct md_cached_plan *cached)
{
	if (!cached->form)
		cached->form = md_text_form_new(cached->plan->arena, cached->plan->shape);
	return cached->form;
}

static enum md_frame frame_of(const struct md_read *read)
{
	static const enum md_frame frames[] = { [MD_ANSWER_JSON] = MD_FRAME_ARRAY,
						[MD_ANSWER_LINES] = MD_FRAME_LINES,
						[MD_ANSWER_CSV] = MD_FRAME_CSV };

	if (read->request.answer == MD_ANSWER_JSON && wants_object(read))
		return MD_FRAME_OBJECT;
	return frames[read->request.answer];
}

/* An object is never streamed: whether there is exactly one decides about the status. */
static enum md_code make_sink(struct md_read *read, struct md_error *err)
{
	const struct md_text_sink_options options = {
		.frame = frame_of(read),
		.piece = wants_object(read) ? SIZE_MAX : read->ops->options.stream_threshold,
		.child_args = read->child_args,
		.form = form_of(read->cached),
	};

	read->sink = md_text_sink_new(read->request.arena, read->cached->plan->shape, &options);
	return read->sink ? MD_OK : md_fail_nomem(err);
}

static enum phase after(const struct md_read *read, enum phase phase)
{
	const struct md_plan *plan = read->cached->plan;

	if (phase < PHASE_COUNT && plan->count)
		return PHASE_COUNT;
	if (phase < PHASE_ESTIMATE && plan->estimate)
		return PHASE_ESTIMATE;
	return phase < PHASE_SELECT ? PHASE_SELECT : PHASE_END;
}

static enum phase first_phase(const struct md_read *read)
{
	return read->cached->plan->probe ? PHASE_PROBE : after(read, PHASE_PROBE);
}

/* Asked for rows behind the last one: only known when they are counted. */
static bool is_behind_the_end(struct md_read *read)
{
	char details[128];

	if (!read->result.has_total || (uint64_t)read->offset <= read->result.total)
		return false;
	snprintf(details, sizeof(details),
		 "An offset of %lld was requested, but there are only %llu rows.",
		 (long long)read->offset, (unsigned long long)read->result.total);
	fail_range(&read->unit.error, details);
	return true;
}

static enum md_next read_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_read *read = read_of(unit);
	const struct md_plan *plan = read->cached->plan;

	if (read->timed && read->begun_ns == 0)
		read->begun_ns = md_now_ns();
	switch (read->asking) {
	case PHASE_PROBE:
		*ret_call =
			(struct md_call){ .stmt = &plan->probe->stmt, .args = read->probe_args };
		break;
	case PHASE_COUNT:
		*ret_call =
			(struct md_call){ .stmt = &plan->count->stmt, .args = read->count_args };
		break;
	case PHASE_ESTIMATE:
		*ret_call = (struct md_call){ .stmt = &plan->estimate->stmt,
					      .args = read->estimate_args };
		break;
	case PHASE_SELECT:
		*ret_call =
			(struct md_call){ .stmt = &plan->select.stmt, .args = read->select_args };
		break;
	case PHASE_END:
		if (read->timed && read->phase == PHASE_END)
			read->spent_ns = md_now_ns() - read->begun_ns;
		return MD_NEXT_COMMIT;
	}
	read->asking = after(read, read->asking);
	return MD_NEXT_CALL;
}

static enum md_code fail_absent(struct md_error *err)
{
	md_fail(err, MD_NOT_FOUND, "MD404", "no such row");
	md_error_hint(err,
		      "the path names a row by its primary key, and there is none with this key");
	return MD_NOT_FOUND;
}

static uint64_t integer_of(const struct md_value *cell)
{
	uint64_t value = 0;

	if (cell->type == MD_INT)
		return (uint64_t)cell->i;
	if (cell->type == MD_TEXT)
		md_str_to_u64((struct md_str){ cell->text, cell->len }, &value);
	return value;
}

static void note_total(struct md_read *read, uint64_t total)
{
	read->result.total = total;
	read->result.has_total = read->result.counted = true;
}

/* The first of the "Plan Rows" in PostgreSQL's plan is that of the whole. What was counted up to
 * the cap is no estimate. */
static void note_estimate(struct md_read *read, const struct md_value *cell)
{
	static const char name[] = "\"Plan Rows\": ";
	struct md_str text = { cell->type == MD_TEXT ? cell->text : "", cell->len }, digits;
	const char *at = memmem(text.ptr, text.len, name, sizeof(name) - 1);
	uint64_t estimate = 0;

	if (!at)
		return;
	digits.ptr = at + sizeof(name) - 1;
	digits.len = 0;
	while (digits.ptr + digits.len < text.ptr + text.len && digits.ptr[digits.len] >= '0' &&
	       digits.ptr[digits.len] <= '9')
		digits.len++;
	md_str_to_u64(digits, &estimate);
	if (!read->result.has_total || (read->result.total == (uint64_t)read->ask.count_limit &&
					estimate > read->result.total))
		note_total(read, estimate);
}

/* One row of one statement: the parent's, or the count. */
static enum md_flow one_row(struct md_read *read, struct md_rows *rows)
{
	const struct md_value *cells;

	switch (rows->next(rows, &cells, &read->unit.error)) {
	case MD_STEP_WAIT:
		return MD_FLOW_WAIT;
	case MD_STEP_FAIL:
		return MD_FLOW_ABORT;
	case MD_STEP_END:
		fail_absent(&read->unit.error);
		return MD_FLOW_ABORT;
	case MD_STEP_ROW:
		break;
	}
	if (read->phase == PHASE_COUNT)
		note_total(read, integer_of(&cells[0]));
	else if (read->phase == PHASE_ESTIMATE)
		note_estimate(read, &cells[0]);
	read->phase = after(read, read->phase);
	return read->phase == PHASE_SELECT && is_behind_the_end(read) ? MD_FLOW_ABORT : MD_FLOW_ON;
}

static enum md_flow check_rows(struct md_read *read)
{
	uint64_t rows = md_text_sink_rows(read->sink);
	struct md_error *err = &read->unit.error;

	md_text_sink_finish(read->sink, read->request.out);
	read->result.rows = rows;
	read->result.bytes += read->request.out->len;
	read->phase = PHASE_END;
	if (rows == 0 && read->request.route != MD_READ_LIST && wants_object(read)) {
		fail_absent(err);
		return MD_FLOW_ABORT;
	}
	if (read->request.singular && rows != 1) {
		md_fail(err, MD_INVALID, "PGRST116",
			"Cannot coerce the result to a single JSON object");
		md_error_details(err, "The result contains %llu rows", (unsigned long long)rows);
		return MD_FLOW_ABORT;
	}
	return MD_FLOW_ON;
}

static enum md_flow feed(struct md_read *read, struct md_rows *rows)
{
	struct md_buf *out = read->request.out;

	for (;;) {
		switch (md_text_sink_feed(read->sink, rows, out, &read->unit.error)) {
		case MD_SINK_DONE:
			return check_rows(read);
		case MD_SINK_WAIT:
			return MD_FLOW_WAIT;
		case MD_SINK_FAIL:
			return MD_FLOW_ABORT;
		case MD_SINK_FULL:
			break;
		}
		read->result.bytes += out->len;
		if (!read->request.head) {
			md_text_sink_set_piece(read->sink, read->ops->options.stream_piece);
			return MD_FLOW_PAUSE;
		}
		md_buf_clear(out); /* HEAD: only the length is wanted */
	}
}

static enum md_flow read_rows(struct md_unit *unit, const struct md_call *call,
			      struct md_rows *rows)
{
	struct md_read *read = read_of(unit);

	(void)call;
	return read->phase == PHASE_SELECT ? feed(read, rows) : one_row(read, rows);
}

static void tell(struct md_read *read)
{
	if (!read->starting)
		read->request.ready(read, read->request.arg);
}

/* All rows of an answer that was counted, before the last of them has been read. */
static uint64_t rows_to_come(const struct md_read *read)
{
	uint64_t rows = read->result.total - read->result.first;

	return read->ask.has_limit && (uint64_t)read->ask.limit < rows ? (uint64_t)read->ask.limit
								       : rows;
}

static void read_paused(struct md_unit *unit)
{
	struct md_read *read = read_of(unit);

	if (read->result.has_total)
		read->result.rows = rows_to_come(read);
	read->state = MD_READ_PIECE;
	tell(read);
}

/* Mean over about the last eight timed runs: quick to learn, slow to be fooled. */
static void note_cost(struct md_read *read)
{
	struct md_cached_plan *cached = read->cached;

	cached->runs++;
	cached->slow = cached->slow || read->unit.slow;
	if (!read->timed || read->spent_ns == 0)
		return;
	if (cached->mean_ns == 0)
		cached->mean_ns = read->spent_ns;
	else
		cached->mean_ns = cached->mean_ns - cached->mean_ns / 8 + read->spent_ns / 8;
}

static void let_go(struct md_read *read)
{
	if (read->cached)
		md_plans_unuse(read->cached);
	read->cached = NULL;
	if (read->generation)
		md_generation_leave(read->ops, read->generation);
	read->generation = NULL;
}

/* A key in the path that its column cannot hold is one that is not there. */
static void explain_key(struct md_read *read)
{
	const char *wire = read->unit.error.wire;
	bool is_value = strcmp(wire, "22P02") == 0 || strcmp(wire, "22003") == 0 ||
			strcmp(wire, "22007") == 0 || strcmp(wire, "22008") == 0;

	if (read->request.route != MD_READ_LIST && is_value &&
	    read->request.query->value_count == 0)
		fail_absent(&read->unit.error);
}

static void read_done(struct md_unit *unit, enum md_code code)
{
	struct md_read *read = read_of(unit);

	if (read->timed && read->begun_ns != 0 && read->spent_ns == 0)
		read->spent_ns = md_now_ns() - read->begun_ns;
	note_cost(read);
	if (code != MD_OK)
		explain_key(read);
	let_go(read);
	read->state = code == MD_OK ? MD_READ_DONE : MD_READ_FAILED;
	tell(read);
}

static void read_reset(struct md_unit *unit)
{
	struct md_read *read = read_of(unit);

	md_text_sink_reset(read->sink);
	if (!wants_object(read))
		md_text_sink_set_piece(read->sink, read->ops->options.stream_threshold);
	md_buf_clear(read->request.out);
	read->phase = read->asking = first_phase(read);
	read->result.bytes = 0;
	read->result.has_total = false;
	read->begun_ns = read->spent_ns = 0;
	read->timed = true; /* it was too slow for the loop: learn how slow */
}

static const struct md_unit_ops read_ops = {
	.next = read_next,
	.rows = read_rows,
	.paused = read_paused,
	.done = read_done,
	.reset = read_reset,
};

/* Until a plan has been seen at work, what is known of it decides; then what it really took. */
static enum md_lane choose_lane(const struct md_read *read)
{
	const struct md_cached_plan *cached = read->cached;

	if (md_db_is_shared(read->ops->options.db)) /* time in a queue tells nothing */
		return cached->plan->bounded && !cached->slow ? MD_LANE_INLINE : MD_LANE_OWN;
	if (cached->runs == 0)
		return cached->plan->bounded ? MD_LANE_INLINE : MD_LANE_OWN;
	return cached->mean_ns <= CHEAP_NS ? MD_LANE_INLINE : MD_LANE_OWN;
}

static enum md_code prepare(struct md_read *read, struct md_error *err)
{
	enum md_code code = set_range(read, err);

	if (code == MD_OK)
		code = md_ops_check_depth(read->request.query, err);
	if (code == MD_OK)
		code = find_plan_timed(read, err);
	if (code != MD_OK)
		return code;
	md_plans_use(read->cached);
	read->generation = read->ops->newest;
	read->generation->users++;
	code = bind_all(read, err);
	if (code == MD_OK)
		code = make_sink(read, err);
	return code;
}

static void set_unit(struct md_read *read)
{
	const struct md_plan *plan = read->cached->plan;

	read->unit.ops = &read_ops;
	/* One statement has its own snapshot; more of them need a common one. */
	read->unit.tx = plan->probe || plan->count || plan->estimate ? MD_TX_READ : MD_TX_IMPLICIT;
	read->unit.deadline_ns = read->request.deadline_ns;
	read->unit.prelude = read->request.prelude;
	read->phase = read->asking = first_phase(read);
	read->timed = read->cached->runs < SETTLED_RUNS || read->cached->runs % SAMPLE == 0;
}

/* All zero but the texts of the error, which are most of it: an empty first byte is enough for
 * those. */
static struct md_read *new_read(struct md_arena *arena)
{
	const size_t error = offsetof(struct md_read, unit.error),
		     after = error + sizeof(struct md_error);
	struct md_read *read = md_arena_alloc(arena, sizeof(*read));

	if (!read)
		return NULL;
	memset(read, 0, error);
	md_error_clear(&read->unit.error);
	memset((char *)read + after, 0, sizeof(*read) - after);
	return read;
}

static bool run(struct md_read *read)
{
	if (!read->request.session)
		return md_db_run(read->ops->options.db, &read->unit, choose_lane(read));
	md_session_run(read->request.session, &read->unit);
	return false;
}

bool md_read_start(struct md_ops *ops, const struct md_read_request *request,
		   struct md_read **ret_read)
{
	struct md_read *read = new_read(request->arena);
	enum md_code code;
	bool ended;

	*ret_read = read;
	if (!read)
		return true;
	read->ops = ops;
	read->request = *request;
	read->starting = true;
	code = prepare(read, &read->unit.error);
	if (code != MD_OK) {
		let_go(read);
		read->state = MD_READ_FAILED;
		return true;
	}
	set_unit(read);
	ended = run(read);
	read->starting = false;
	return ended;
}

enum md_read_state md_read_state(const struct md_read *read)
{
	return read->state;
}

const struct md_error *md_read_error(const struct md_read *read)
{
	return &read->unit.error;
}

void md_read_resume(struct md_read *read)
{
	read->state = MD_READ_RUNNING;
	if (read->request.session)
		md_session_resume(read->request.session, &read->unit);
	else
		md_db_resume(read->ops->options.db, &read->unit);
}

void md_read_cancel(struct md_read *read)
{
	if (read->state != MD_READ_RUNNING && read->state != MD_READ_PIECE)
		return;
	if (read->request.session)
		md_session_cancel(read->request.session, &read->unit);
	else
		md_db_cancel(read->ops->options.db, &read->unit);
}

const struct md_read_result *md_read_result(const struct md_read *read)
{
	return &read->result;
}
