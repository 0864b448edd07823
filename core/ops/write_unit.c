/* The work of a write, on the writer's thread:
 *
 *   [find ─► rows] ─► ([exists] ─► write) for each row of the body ─► checks ─► [rows]
 */
#include "core/ops/cell.h"
#include "core/ops/constraint.h"
#include "core/ops/write_private.h"
#include "core/query/parse.h"

#include "core/base/banned.h"

static struct md_write *write_of(struct md_unit *unit)
{
	return (struct md_write *)unit;
}

/* What each row gets from us anew. */
static bool make_values(struct md_write *write)
{
	const struct md_write_variant *now = write->now;

	for (unsigned i = 0; i < now->made_count; i++)
		if (md_is_made_per_row(&now->made[i]) &&
		    md_generate(write->generator, &now->made[i], write->ask.arena,
				now->made_room[i], &now->made_values[i],
				&write->unit.error) != MD_OK)
			return false;
	return true;
}

static bool put_cell(struct md_write *write, const struct md_bind *bind, struct md_value *ret_value)
{
	const struct md_write_variant *now = write->now;
	unsigned column = now->columns[bind->index];
	struct md_arena *arena = write->row_arena ? write->row_arena : write->ask.arena;

	if (write->values) {
		*ret_value = write->values[column];
		return true;
	}
	return md_cell_field(&write->cells[column], now->fields[bind->index], write->ask.texts,
			     arena, ret_value, &write->unit.error) == MD_OK;
}

static bool put_row(struct md_write *write, const struct md_plan_stmt *stmt, struct md_value *args)
{
	for (unsigned i = 0; i < stmt->stmt.params; i++) {
		const struct md_bind *bind = &stmt->binds[i];

		if (bind->from == MD_FROM_MADE)
			args[i] = write->now->made_values[bind->index];
		else if (bind->from == MD_FROM_BODY && !put_cell(write, bind, &args[i]))
			return false;
	}
	return true;
}

/* One command changes a row once, as in PostgreSQL; SQLite, which gets row after row, would merge
 * them all. */
static bool note_merged(struct md_write *write, const struct md_stmt *exists)
{
	struct md_error *err = &write->unit.error;
	bool is_new = true;
	enum md_code code = MD_OK;

	if (write->ask.resolution == MD_RESOLUTION_MERGE && md_body_rows(write->ask.body) > 1)
		code = md_keys_add(&write->merged, write->now->exists_args, exists->params,
				   md_write_arena(write), &is_new, err);
	if (code == MD_OK && !is_new) {
		code = md_fail(err, MD_CONFLICT, "21000",
			       "ON CONFLICT DO UPDATE command cannot affect row a second time");
		md_error_hint(err, "Ensure that no rows proposed for insertion within the same "
				   "command have duplicate constrained values.");
	}
	return code == MD_OK;
}

bool md_write_next_row(struct md_write *write)
{
	const struct md_write_plan *plan;

	while (!write->ask.body || !md_body_next(&write->cursor, write->cells))
		if (!md_write_next_part(write))
			return false;
	write->now = md_write_find_variant(write);
	if (!write->now && !md_write_late_variant(write))
		return false;
	if (!write->now)
		write->now = &write->variants[write->variant_count - 1];
	plan = write->now->cached->write;
	write->was_there = false;
	if (write->row_arena)
		md_arena_reset(write->row_arena, MD_WRITE_ROW_MAX);
	write->row++;
	return make_values(write) && put_row(write, &plan->write, write->now->write_args) &&
	       (!plan->exists || (put_row(write, plan->exists, write->now->exists_args) &&
				  note_merged(write, &plan->exists->stmt)));
}

static bool changes_nothing(const struct md_write *write)
{
	return write->ask.kind == MD_WRITE_UPDATE &&
	       write->variants[0].count + write->variants[0].lacking_count == 0;
}

static void begin_row(struct md_write *write)
{
	bool many = write->ask.kind == MD_WRITE_INSERT;

	write->phase = MD_PHASE_END;
	if (many ||
	    (write->ask.kind == MD_WRITE_UPDATE && !write->now && !changes_nothing(write))) {
		if (md_write_next_row(write))
			write->phase = write->now->cached->write->exists ? MD_PHASE_EXISTS
									 : MD_PHASE_WRITE;
	} else if (write->ask.kind == MD_WRITE_DELETE && !write->now) {
		write->now = &write->variants[0];
		write->phase = MD_PHASE_WRITE;
	}
}

static bool fail_check(struct md_write *write, const char *wire, const char *message,
		       const char *what, uint64_t rows)
{
	md_fail(&write->unit.error, MD_INVALID, wire, "%s", message);
	md_error_details(&write->unit.error, "The %s %llu rows", what, (unsigned long long)rows);
	return false;
}

static bool check_single(struct md_write *write, uint64_t rows)
{
	if (!write->ask.singular || rows == 1)
		return true;
	return fail_check(write, "PGRST116", "Cannot coerce the result to a single JSON object",
			  "result contains", rows);
}

bool md_write_check_rows(struct md_write *write)
{
	const struct md_write_ask *ask = &write->ask;

	if (ask->match && ask->kind == MD_WRITE_INSERT && write->result.rows == 0) {
		md_write_fail_match(&write->unit.error);
		return false;
	}
	if (ask->has_max_affected &&
	    write->result.rows > (uint64_t)(ask->max_affected < 0 ? 0 : ask->max_affected))
		return fail_check(write, "PGRST124",
				  "Query result exceeds max-affected preference constraint",
				  "query affects", write->result.rows);
	if (ask->key && ask->kind != MD_WRITE_INSERT && write->result.rows == 0) {
		md_fail(&write->unit.error, MD_NOT_FOUND, "MD404", "no such row");
		return false;
	}
	return md_write_plan_of(write)->groups || check_single(write, write->result.rows);
}

bool md_write_check_groups(struct md_write *write)
{
	if (!md_write_plan_of(write)->groups)
		return true;
	write->result.grouped = true;
	write->result.groups = md_text_sink_rows(write->sink);
	return check_single(write, write->result.groups);
}

/* Rows come back with each statement, and the brackets of their array are ours. */
static bool is_array(const struct md_write *write)
{
	return md_write_wants_rows(write) && md_write_plan_of(write)->shape &&
	       !write->ask.singular && write->ask.answer == MD_ANSWER_JSON;
}

/* The rows are read when they are written. */
static bool reads_after(const struct md_write *write)
{
	return md_write_wants_rows(write) && md_write_plan_of(write)->rows &&
	       write->ask.kind != MD_WRITE_DELETE;
}

/* What counts are the rows that come back: `!inner` leaves out new ones without a partner. Of a
 * change they were not meant in the first place. */
static bool counts_shown(const struct md_write *write)
{
	return write->ask.kind == MD_WRITE_INSERT && reads_after(write);
}

/* All rows of the body are written. */
static void after_rows(struct md_write *write)
{
	write->checked = true;
	if (write->unit.error.code != MD_OK ||
	    (!counts_shown(write) && !md_write_check_rows(write)))
		return;
	if (is_array(write))
		md_buf_putc(write->ask.out, ']');
	if (reads_after(write))
		write->phase = MD_PHASE_ROWS;
}

/* False: the keys are not all there. */
static bool set_keys(struct md_write *write)
{
	const struct md_plan_stmt *stmt = &md_write_plan_of(write)->rows->select;

	if (write->keys.len == 0)
		md_buf_putc(&write->keys, '[');
	md_buf_putc(&write->keys, ']');
	for (unsigned i = 0; i < stmt->stmt.params; i++)
		if (stmt->binds[i].from == MD_FROM_KEYS)
			write->rows_args[i] =
				md_value_text((struct md_str){ write->keys.data, write->keys.len });
	return !write->keys.failed;
}

enum md_next md_write_end(struct md_write *write)
{
	if (write->unit.error.code == MD_OK && (write->keys.no_memory || write->ask.out->no_memory))
		md_fail_nomem(&write->unit.error);
	if (write->unit.error.code == MD_OK && (write->keys.failed || write->ask.out->failed))
		md_fail(&write->unit.error, MD_TOO_LARGE, "54000", "the answer is too large");
	return write->unit.error.code != MD_OK || write->ask.dry_run ? MD_NEXT_ROLLBACK
								     : MD_NEXT_COMMIT;
}

static enum md_next write_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_write *write = write_of(unit);
	const struct md_write_plan *plan = md_write_plan_of(write);

	if (write->phase == MD_PHASE_END && !write->checked) {
		begin_row(write);
		if (write->phase == MD_PHASE_END)
			after_rows(write);
	}
	if (write->phase == MD_PHASE_END || write->unit.error.code != MD_OK) {
		if (write->sink)
			md_text_sink_finish(write->sink, write->ask.out);
		return md_write_end(write);
	}
	switch (write->phase) {
	case MD_PHASE_FIND:
		*ret_call = (struct md_call){ .stmt = &plan->find->stmt, .args = write->find_args };
		break;
	case MD_PHASE_EXISTS:
		*ret_call = (struct md_call){ .stmt = &write->now->cached->write->exists->stmt,
					      .args = write->now->exists_args };
		break;
	case MD_PHASE_WRITE:
		*ret_call = (struct md_call){ .stmt = &write->now->cached->write->write.stmt,
					      .args = write->now->write_args };
		break;
	case MD_PHASE_ROWS_BEFORE:
	case MD_PHASE_ROWS:
		if (!set_keys(write))
			return md_write_end(write);
		*ret_call = (struct md_call){ .stmt = &plan->rows->select.stmt,
					      .args = write->rows_args };
		break;
	case MD_PHASE_END:
		break;
	}
	return MD_NEXT_CALL;
}

/* What is not shown is not told by Location either. */
static bool shows_key(const struct md_model *model)
{
	for (unsigned i = 0; i < model->key_count; i++)
		if (!md_field_is_visible(model->key[i]))
			return false;
	return true;
}

void md_write_note_location(struct md_write *write, const struct md_value *cells)
{
	const struct md_model *model = write->ask.model;
	md_auto_buf out = MD_BUF(1u << 16);

	/* With more than one row nobody will ask. */
	if (write->ask.kind != MD_WRITE_INSERT || write->ask.give != MD_GIVE_KEYS ||
	    write->result.location || !shows_key(model))
		return;
	for (unsigned i = 0; i < model->key_count; i++) {
		md_buf_putc(&out, i == 0 ? '?' : '&');
		md_query_print_key(model->key[i]->name, &out);
		md_buf_putc(&out, '=');
		md_key_put_filter(&out, &cells[i]);
	}
	if (!out.failed)
		write->result.location = md_arena_strndup(write->ask.arena, out.data, out.len);
	write->result.lost_location = out.no_memory || (!out.failed && !write->result.location);
}

static enum md_flow take_keys(struct md_write *write, struct md_rows *rows)
{
	unsigned count = md_write_plan_of(write)->key_cells;
	const struct md_value *cells;

	for (;;) {
		switch (rows->next(rows, &cells, &write->unit.error)) {
		case MD_STEP_WAIT:
			return MD_FLOW_WAIT;
		case MD_STEP_FAIL:
			return MD_FLOW_ABORT;
		case MD_STEP_END:
			return MD_FLOW_ON;
		case MD_STEP_ROW:
			break;
		}
		write->found += write->phase == MD_PHASE_FIND;
		if (rows->columns < count || count == 0)
			continue;
		md_write_note_location(write, cells);
		if (!md_write_plan_of(write)->rows)
			continue;
		md_buf_putc(&write->keys, write->keys.len == 0 ? '[' : ',');
		for (unsigned i = 0; i < count; i++) {
			md_buf_putc(&write->keys, i == 0 ? '[' : ',');
			md_key_put(&write->keys, &cells[i]);
		}
		md_buf_putc(&write->keys, ']');
	}
}

enum md_flow md_write_feed(struct md_write *write, struct md_rows *rows)
{
	switch (md_text_sink_feed(write->sink, rows, write->ask.out, &write->unit.error)) {
	case MD_SINK_DONE:
	case MD_SINK_FULL: /* not asked for: piece is SIZE_MAX */
		return MD_FLOW_ON;
	case MD_SINK_WAIT:
		return MD_FLOW_WAIT;
	case MD_SINK_FAIL:
		break;
	}
	return MD_FLOW_ABORT;
}

/* What triggers do in place of a view is not counted by the engine. */
static uint64_t count_changes(const struct md_write *write)
{
	if (write->unit.changes > 0 || write->ask.model->kind != MD_REL_VIEW)
		return write->unit.changes;
	return write->ask.kind == MD_WRITE_INSERT ? 1 : write->found;
}

static enum md_flow written(struct md_write *write, struct md_rows *rows)
{
	bool direct = md_write_wants_rows(write) && md_write_plan_of(write)->shape;
	uint64_t before = direct ? md_text_sink_rows(write->sink) : 0;
	enum md_flow flow = direct ? md_write_feed(write, rows) : take_keys(write, rows);
	uint64_t changed;

	if (flow != MD_FLOW_ON)
		return flow;
	changed = direct ? md_text_sink_rows(write->sink) - before : count_changes(write);
	write->result.rows += changed;
	if (!write->was_there)
		write->result.inserted += changed;
	write->phase = MD_PHASE_END; /* next() looks for another row */
	return MD_FLOW_ON;
}

static enum md_flow exists(struct md_write *write, struct md_rows *rows)
{
	const struct md_value *cells;

	switch (rows->next(rows, &cells, &write->unit.error)) {
	case MD_STEP_WAIT:
		return MD_FLOW_WAIT;
	case MD_STEP_FAIL:
		return MD_FLOW_ABORT;
	case MD_STEP_ROW:
		write->was_there = true;
		break;
	case MD_STEP_END:
		break;
	}
	write->phase = MD_PHASE_WRITE;
	return MD_FLOW_ON;
}

static void after_find(struct md_write *write)
{
	bool before = write->ask.kind == MD_WRITE_DELETE && md_write_plan_of(write)->rows;

	write->phase = before ? MD_PHASE_ROWS_BEFORE : MD_PHASE_END;
	if (changes_nothing(write))
		write->result.rows = write->found;
}

static enum md_flow shown(struct md_write *write)
{
	write->phase = MD_PHASE_END;
	if (!counts_shown(write))
		return MD_FLOW_ON;
	write->result.rows = md_text_sink_rows(write->sink);
	return md_write_check_rows(write) ? MD_FLOW_ON : MD_FLOW_ABORT;
}

static enum md_flow write_rows(struct md_unit *unit, const struct md_call *call,
			       struct md_rows *rows)
{
	struct md_write *write = write_of(unit);
	enum md_flow flow = MD_FLOW_ON;

	(void)call;
	if (write->explaining)
		return md_constraint_rows(write->constraint, rows);
	switch (write->phase) {
	case MD_PHASE_FIND:
		flow = take_keys(write, rows);
		if (flow == MD_FLOW_ON)
			after_find(write);
		break;
	case MD_PHASE_EXISTS:
		return exists(write, rows);
	case MD_PHASE_WRITE:
		return written(write, rows);
	case MD_PHASE_ROWS_BEFORE:
	case MD_PHASE_ROWS:
		flow = md_write_feed(write, rows);
		if (flow == MD_FLOW_ON && !md_write_check_groups(write))
			flow = MD_FLOW_ABORT;
		if (flow == MD_FLOW_ON)
			flow = shown(write);
		break;
	case MD_PHASE_END:
		break;
	}
	return flow;
}

static void start_over(struct md_write *write)
{
	md_write_begin_again(write);
	write->now = NULL;
	write->checked = false;
	write->found = write->row = 0;
	write->explaining = false;
	md_constraint_release(write->constraint);
	write->constraint = NULL;
	md_keys_clear(&write->merged);
	md_buf_clear(&write->keys);
	md_write_first_part(write);
	if (write->ask.body)
		md_body_rewind(&write->cursor, write->ask.body, write->scratch);
	if (is_array(write))
		md_buf_putc(write->ask.out, '[');
	write->phase = md_write_plan_of(write)->find ? MD_PHASE_FIND : MD_PHASE_END;
}

static void write_reset(struct md_unit *unit)
{
	start_over(write_of(unit));
}

static enum md_tx tx(const struct md_write *write)
{
	(void)write;
	return MD_TX_WRITE;
}

static bool gives(const struct md_write *write, const struct md_field *field)
{
	for (unsigned i = 0; i < write->column_count; i++)
		if (write->fields[i] == field)
			return true;
	return false;
}

/* Rows that may refer to later ones of the same body. In one statement that is no mistake; row by
 * row it would be. Of a body in parts nobody could say afterwards which row it was. */
bool md_write_refers_ahead(const struct md_write *write)
{
	const struct md_model *model = write->ask.model;

	if (write->ask.kind != MD_WRITE_INSERT || write->ask.bulk ||
	    md_body_rows(write->ask.body) < 2)
		return false;
	for (unsigned i = 0; i < model->relation_count; i++) {
		const struct md_relation *relation = &model->relations[i];

		if (relation->self && relation->here && relation->local_count > 0 &&
		    !relation->deferred && gives(write, relation->local[0]))
			return true;
	}
	return false;
}

const struct md_write_way md_write_by_row = {
	.tx = tx,
	.start_over = start_over,
	.ops = { .next = write_next,
		 .rows = write_rows,
		 .done = md_write_done,
		 .reset = write_reset,
		 .explain = md_write_explain },
};
