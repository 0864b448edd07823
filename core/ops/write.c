/* One write from request to durable rows:
 *
 *   start: columns ─► plans (cache, else build) ─► writer lane
 *   unit:  [find ─► rows] ─► ([exists] ─► write) for each row of the body ─► checks ─► [rows]
 *   end:   DONE after COMMIT, or FAILED and undone
 *
 * With missing=default the rows of a body may lack different columns; each such set is a variant
 * with a plan of its own, because a column that is not named is what gets its default. */
#include "core/ops/write.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json/sink_text.h"
#include "core/ops/cell.h"
#include "core/ops/keys.h"
#include "core/ops/ops.h"
#include "core/query/parse.h"

#include "core/base/banned.h"

enum { VARIANTS_MAX = 32, KEYS_MAX = 64 * 1024 * 1024 };

enum phase { PHASE_FIND, PHASE_ROWS_BEFORE, PHASE_EXISTS, PHASE_WRITE, PHASE_ROWS, PHASE_END };

/** One set of columns that rows of the body have. */
struct variant {
	struct md_cached_plan *cached;
	const struct md_field **fields;
	unsigned *columns; /* of the body, one per field */
	unsigned count;
	struct md_value *write_args, *exists_args;
};

struct md_write {
	struct md_unit unit; /* first */
	struct md_ops *ops;
	struct md_generation *generation;
	struct md_write_ask ask;
	enum md_read_state state;
	enum phase phase;
	const struct md_field **fields; /* of the body's columns */
	unsigned column_count;
	struct variant *variants;
	unsigned variant_count;
	struct variant *now; /* of the row at hand */
	struct md_body_cursor cursor;
	char *scratch;
	struct md_body_cell *cells;
	bool was_there;        /* the row at hand, of an upsert */
	bool checked;          /* all rows are written and counted */
	uint64_t found;        /* rows that are meant, when they were looked for */
	struct md_keys merged; /* of the rows so far, by the columns they may conflict in */
	struct md_buf keys;    /* [[1],[2]]: rows written, or found */
	struct md_value *find_args, *rows_args, **child_args;
	struct md_text_sink *sink;
	struct md_write_result result;
};

static struct md_write *write_of(struct md_unit *unit)
{
	return (struct md_write *)unit;
}

/* Any variant: what does not depend on columns is the same in all. */
static const struct md_write_plan *plan_of(const struct md_write *write)
{
	return write->variants[0].cached->write;
}

static bool wants_rows(const struct md_write *write)
{
	return write->ask.give == MD_GIVE_ROWS;
}

/* ---- start ---- */

static enum md_code fail_column(const struct md_write *write, struct md_str name,
				struct md_error *err)
{
	return md_fail(err, MD_INVALID, "PGRST204",
		       "Could not find the '%.*s' column of '%.*s' in the schema cache",
		       MD_STR_ARG(name), MD_STR_ARG(write->ask.model->name));
}

static enum md_code find_fields(struct md_write *write, const struct md_str *names, unsigned count,
				const struct md_field ***ret_fields, struct md_error *err)
{
	const struct md_field **fields = md_arena_alloc(write->ask.arena, count * sizeof(*fields));

	if (!fields)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < count; i++) {
		fields[i] = md_model_input(write->ask.model, names[i]);
		if (!fields[i])
			return fail_column(write, names[i], err);
	}
	*ret_fields = fields;
	return MD_OK;
}

static enum md_code read_columns(struct md_write *write, struct md_error *err)
{
	const struct md_str *names;

	if (!write->ask.body)
		return MD_OK;
	names = md_body_columns(write->ask.body, &write->column_count);
	write->cells =
		md_arena_zalloc(write->ask.arena, write->column_count * sizeof(*write->cells));
	write->scratch = md_arena_alloc(write->ask.arena, md_body_scratch(write->ask.body));
	if (!write->cells || !write->scratch)
		return md_fail_nomem(err);
	return find_fields(write, names, write->column_count, &write->fields, err);
}

static bool has_same_columns(const struct md_write *write, const struct variant *variant)
{
	unsigned k = 0;

	for (unsigned i = 0; i < write->column_count; i++) {
		bool present = write->cells[i].kind != MD_CELL_ABSENT;
		bool listed = k < variant->count && variant->columns[k] == i;

		if (present != listed)
			return false;
		k += listed;
	}
	return true;
}

static struct variant *find_variant(struct md_write *write)
{
	if (!write->ask.missing_default)
		return &write->variants[0];
	for (unsigned i = 0; i < write->variant_count; i++)
		if (has_same_columns(write, &write->variants[i]))
			return &write->variants[i];
	return NULL;
}

/* A variant of the columns that the row at hand has; all of them unless missing=default. */
static enum md_code add_variant(struct md_write *write, struct md_error *err)
{
	struct variant *variant = &write->variants[write->variant_count];

	if (write->variant_count == VARIANTS_MAX)
		return md_fail(err, MD_TOO_LARGE, "MD413",
			       "the rows of the body lack columns in more than %d ways",
			       VARIANTS_MAX);
	*variant = (struct variant){ .count = 0 };
	variant->fields =
		md_arena_alloc(write->ask.arena, write->column_count * sizeof(*variant->fields));
	variant->columns =
		md_arena_alloc(write->ask.arena, write->column_count * sizeof(*variant->columns));
	if (!variant->fields || !variant->columns)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < write->column_count; i++) {
		if (write->ask.missing_default && write->cells[i].kind == MD_CELL_ABSENT)
			continue;
		variant->fields[variant->count] = write->fields[i];
		variant->columns[variant->count++] = i;
	}
	write->variant_count++;
	return MD_OK;
}

static enum md_code find_variants(struct md_write *write, struct md_error *err)
{
	enum md_code code = MD_OK;

	write->variants = md_arena_alloc(write->ask.arena, VARIANTS_MAX * sizeof(*write->variants));
	if (!write->variants)
		return md_fail_nomem(err);
	if (write->ask.missing_default && write->ask.body) {
		md_body_rewind(&write->cursor, write->ask.body, write->scratch);
		while (code == MD_OK && md_body_next(&write->cursor, write->cells))
			if (!find_variant(write))
				code = add_variant(write, err);
	}
	if (code == MD_OK && write->variant_count == 0)
		code = add_variant(write, err);
	return code;
}

static enum md_code set_resolution(struct md_write *write, struct md_write_request *request,
				   struct md_error *err)
{
	const struct md_write_ask *ask = &write->ask;
	const struct md_field **fields;
	enum md_code code;

	if (ask->kind != MD_WRITE_INSERT || ask->resolution == MD_RESOLUTION_NONE)
		return MD_OK;
	request->conflict = ask->model->key;
	request->conflict_count = ask->model->key_count;
	if (ask->conflict) {
		code = find_fields(write, ask->conflict, ask->conflict_count, &fields, err);
		if (code != MD_OK)
			return code;
		request->conflict = fields;
		request->conflict_count = ask->conflict_count;
	}
	if (request->conflict_count == 0)
		return MD_OK; /* nothing to conflict with: a plain INSERT */
	request->resolution =
		ask->resolution == MD_RESOLUTION_MERGE ? MD_RESOLVE_MERGE : MD_RESOLVE_IGNORE;
	write->result.resolved = true;
	return MD_OK;
}

static enum md_code build_plan(struct md_write *write, const struct md_write_request *request,
			       struct md_str key, struct variant *variant, struct md_error *err)
{
	struct md_plan_context context;
	struct md_write_plan *plan;
	enum md_code code;

	md_ops_context(write->ops, &context);
	context.max_rows = UINT64_MAX; /* the cap is for reads */
	code = md_write_plan_build(request, &write->ops->walk, &context, &plan, err);
	if (code != MD_OK)
		return code;
	variant->cached = md_ops_cache(write->ops, key, NULL, plan);
	return variant->cached ? MD_OK : md_fail_nomem(err);
}

static enum md_code find_plan(struct md_write *write, const struct md_write_request *request,
			      struct variant *variant, struct md_error *err)
{
	struct md_ops *ops = write->ops;
	struct md_str key;
	enum md_code code;

	md_buf_clear(&ops->key);
	code = md_write_plan_key(request, &ops->key, &ops->walk, err);
	if (code != MD_OK)
		return code;
	key = (struct md_str){ ops->key.data, ops->key.len };
	variant->cached = md_ops_find(ops, key);
	if (!variant->cached)
		code = build_plan(write, request, key, variant, err);
	if (code == MD_OK)
		md_plans_use(variant->cached);
	return code;
}

static enum md_code bind_stmt(struct md_write *write, const struct md_plan_stmt *stmt,
			      struct md_value **ret_args, struct md_error *err)
{
	const struct md_plan_values values = { .query = write->ask.query,
					       .walk = &write->ops->walk,
					       .key = write->ask.key,
					       .arena = write->ask.arena };
	struct md_value *args;

	if (!stmt)
		return MD_OK;
	args = md_arena_alloc(write->ask.arena, stmt->stmt.params * sizeof(*args));
	if (!args)
		return md_fail_nomem(err);
	*ret_args = args;
	return md_plan_bind(stmt, &values, args, err);
}

static enum md_code bind_rows(struct md_write *write, const struct md_plan *rows,
			      struct md_error *err)
{
	enum md_code code = bind_stmt(write, &rows->select, &write->rows_args, err);

	if (code != MD_OK || rows->child_count == 0)
		return code;
	write->child_args =
		md_arena_alloc(write->ask.arena, rows->child_count * sizeof(*write->child_args));
	if (!write->child_args)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < rows->child_count && code == MD_OK; i++)
		code = bind_stmt(write, &rows->children[i], &write->child_args[i], err);
	return code;
}

static enum md_code plan_variant(struct md_write *write, struct md_write_request *request,
				 struct variant *variant, struct md_error *err)
{
	const struct md_write_plan *plan;
	enum md_code code;

	request->fields = variant->fields;
	request->field_count = variant->count;
	code = find_plan(write, request, variant, err);
	if (code != MD_OK)
		return code;
	plan = variant->cached->write;
	code = bind_stmt(write, &plan->write, &variant->write_args, err);
	if (code == MD_OK)
		code = bind_stmt(write, plan->exists, &variant->exists_args, err);
	if (code == MD_OK && variant == write->variants)
		code = bind_stmt(write, plan->find, &write->find_args, err);
	if (code == MD_OK && variant == write->variants && plan->rows)
		code = bind_rows(write, plan->rows, err);
	return code;
}

static enum md_code make_sink(struct md_write *write, struct md_error *err)
{
	const struct md_write_plan *plan = plan_of(write);
	const struct md_text_sink_options options = {
		.frame = write->ask.singular ? MD_FRAME_OBJECT
			 : plan->rows        ? MD_FRAME_ARRAY
					     : MD_FRAME_ROWS,
		.piece = SIZE_MAX,
		.child_args = write->child_args,
	};

	if (!wants_rows(write))
		return MD_OK;
	write->sink = md_text_sink_new(write->ask.arena,
				       plan->rows ? plan->rows->shape : plan->shape, &options);
	return write->sink ? MD_OK : md_fail_nomem(err);
}

static enum md_code prepare(struct md_write *write, struct md_error *err)
{
	struct md_write_request request = { .kind = write->ask.kind,
					    .give = write->ask.give,
					    .model = write->ask.model,
					    .query = write->ask.query,
					    .item = write->ask.key != NULL &&
						    write->ask.kind != MD_WRITE_INSERT,
					    .strip_nulls = write->ask.strip_nulls };
	enum md_code code = read_columns(write, err);

	if (code == MD_OK)
		code = find_variants(write, err);
	if (code == MD_OK)
		code = set_resolution(write, &request, err);
	for (unsigned i = 0; i < write->variant_count && code == MD_OK; i++)
		code = plan_variant(write, &request, &write->variants[i], err);
	if (code == MD_OK)
		code = make_sink(write, err);
	return code;
}

/* ---- the unit, on the writer's thread ---- */

static bool put_row(struct md_write *write, const struct md_plan_stmt *stmt, struct md_value *args)
{
	for (unsigned i = 0; i < stmt->stmt.params; i++) {
		const struct md_bind *bind = &stmt->binds[i];
		const struct md_body_cell *cell;

		if (bind->from != MD_FROM_BODY)
			continue;
		cell = &write->cells[write->now->columns[bind->index]];
		if (md_cell_value(cell, bind->type, write->ask.texts, write->ask.arena, &args[i],
				  &write->unit.error) != MD_OK)
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
				   write->ask.arena, &is_new, err);
	if (code == MD_OK && !is_new) {
		code = md_fail(err, MD_CONFLICT, "21000",
			       "ON CONFLICT DO UPDATE command cannot affect row a second time");
		md_error_hint(err, "Ensure that no rows proposed for insertion within the same "
				   "command have duplicate constrained values.");
	}
	return code == MD_OK;
}

/* The next row of the body, its variant and its values. False: none, or unit.error says what is
 * wrong with it. */
static bool next_row(struct md_write *write)
{
	const struct md_write_plan *plan;

	if (!md_body_next(&write->cursor, write->cells))
		return false;
	write->now = find_variant(write);
	plan = write->now->cached->write;
	write->was_there = false;
	return put_row(write, &plan->write, write->now->write_args) &&
	       (!plan->exists || (put_row(write, plan->exists, write->now->exists_args) &&
				  note_merged(write, &plan->exists->stmt)));
}

static bool changes_nothing(const struct md_write *write)
{
	return write->ask.kind == MD_WRITE_UPDATE && write->column_count == 0;
}

static void begin_row(struct md_write *write)
{
	bool many = write->ask.kind == MD_WRITE_INSERT;

	write->phase = PHASE_END;
	if (many ||
	    (write->ask.kind == MD_WRITE_UPDATE && !write->now && !changes_nothing(write))) {
		if (next_row(write))
			write->phase =
				write->now->cached->write->exists ? PHASE_EXISTS : PHASE_WRITE;
	} else if (write->ask.kind == MD_WRITE_DELETE && !write->now) {
		write->now = &write->variants[0];
		write->phase = PHASE_WRITE;
	}
}

static bool fail_check(struct md_write *write, const char *wire, const char *message,
		       const char *what)
{
	md_fail(&write->unit.error, MD_INVALID, wire, "%s", message);
	md_error_details(&write->unit.error, "The %s %llu rows", what,
			 (unsigned long long)write->result.rows);
	return false;
}

/* What the number of rows must be. */
static bool check_rows(struct md_write *write)
{
	const struct md_write_ask *ask = &write->ask;

	if (ask->has_max_affected &&
	    write->result.rows > (uint64_t)(ask->max_affected < 0 ? 0 : ask->max_affected))
		return fail_check(write, "PGRST124",
				  "Query result exceeds max-affected preference constraint",
				  "query affects");
	if (ask->key && ask->kind != MD_WRITE_INSERT && write->result.rows == 0) {
		md_fail(&write->unit.error, MD_NOT_FOUND, "MD404", "no such row");
		return false;
	}
	if (ask->singular && write->result.rows != 1)
		return fail_check(write, "PGRST116",
				  "Cannot coerce the result to a single JSON object",
				  "result contains");
	return true;
}

/* All rows of the body are written. */
static void after_rows(struct md_write *write)
{
	bool direct = wants_rows(write) && plan_of(write)->shape;

	write->checked = true;
	if (write->unit.error.code != MD_OK || !check_rows(write))
		return;
	if (direct && !write->ask.singular)
		md_buf_putc(write->ask.out, ']');
	if (wants_rows(write) && plan_of(write)->rows && write->ask.kind != MD_WRITE_DELETE)
		write->phase = PHASE_ROWS;
}

static void set_keys(struct md_write *write)
{
	const struct md_plan_stmt *stmt = &plan_of(write)->rows->select;

	if (write->keys.len == 0)
		md_buf_putc(&write->keys, '[');
	md_buf_putc(&write->keys, ']');
	for (unsigned i = 0; i < stmt->stmt.params; i++)
		if (stmt->binds[i].from == MD_FROM_KEYS)
			write->rows_args[i] =
				md_value_text((struct md_str){ write->keys.data, write->keys.len });
}

static enum md_next end_unit(struct md_write *write)
{
	if (write->unit.error.code == MD_OK && (write->keys.failed || write->ask.out->failed))
		md_fail(&write->unit.error, MD_TOO_LARGE, "54000", "the answer is too large");
	return write->unit.error.code != MD_OK || write->ask.dry_run ? MD_NEXT_ROLLBACK
								     : MD_NEXT_COMMIT;
}

static enum md_next write_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_write *write = write_of(unit);
	const struct md_write_plan *plan = plan_of(write);

	if (write->phase == PHASE_END && !write->checked) {
		begin_row(write);
		if (write->phase == PHASE_END)
			after_rows(write);
	}
	if (write->phase == PHASE_END || write->unit.error.code != MD_OK)
		return end_unit(write);
	switch (write->phase) {
	case PHASE_FIND:
		*ret_call = (struct md_call){ .stmt = &plan->find->stmt, .args = write->find_args };
		break;
	case PHASE_EXISTS:
		*ret_call = (struct md_call){ .stmt = &write->now->cached->write->exists->stmt,
					      .args = write->now->exists_args };
		break;
	case PHASE_WRITE:
		*ret_call = (struct md_call){ .stmt = &write->now->cached->write->write.stmt,
					      .args = write->now->write_args };
		break;
	case PHASE_ROWS_BEFORE:
	case PHASE_ROWS:
		set_keys(write);
		*ret_call = (struct md_call){ .stmt = &plan->rows->select.stmt,
					      .args = write->rows_args };
		break;
	case PHASE_END:
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

/* "?id=eq.7", as PostgREST writes Location. */
static void note_location(struct md_write *write, const struct md_value *cells)
{
	const struct md_model *model = write->ask.model;
	md_auto_buf out = MD_BUF(1u << 16);

	if (write->ask.kind != MD_WRITE_INSERT || write->ask.give != MD_GIVE_KEYS ||
	    !shows_key(model))
		return;
	for (unsigned i = 0; i < model->key_count; i++) {
		md_buf_putc(&out, i == 0 ? '?' : '&');
		md_uri_encode(&out, model->key[i]->name, "-_.~");
		md_buf_putc(&out, '=');
		md_key_put_filter(&out, &cells[i]);
	}
	if (!out.failed)
		write->result.location = md_arena_strndup(write->ask.arena, out.data, out.len);
}

static enum md_flow take_keys(struct md_write *write, struct md_rows *rows)
{
	unsigned count = plan_of(write)->key_cells;
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
		write->found += write->phase == PHASE_FIND;
		if (rows->columns < count || count == 0)
			continue;
		note_location(write, cells);
		md_buf_putc(&write->keys, write->keys.len == 0 ? '[' : ',');
		for (unsigned i = 0; i < count; i++) {
			md_buf_putc(&write->keys, i == 0 ? '[' : ',');
			md_key_put(&write->keys, &cells[i]);
		}
		md_buf_putc(&write->keys, ']');
	}
}

static enum md_flow feed(struct md_write *write, struct md_rows *rows)
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
	bool direct = wants_rows(write) && plan_of(write)->shape;
	uint64_t before = direct ? md_text_sink_rows(write->sink) : 0;
	enum md_flow flow = direct ? feed(write, rows) : take_keys(write, rows);
	uint64_t changed;

	if (flow != MD_FLOW_ON)
		return flow;
	changed = direct ? md_text_sink_rows(write->sink) - before : count_changes(write);
	write->result.rows += changed;
	if (!write->was_there)
		write->result.inserted += changed;
	write->phase = PHASE_END; /* next() looks for another row */
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
	write->phase = PHASE_WRITE;
	return MD_FLOW_ON;
}

static void after_find(struct md_write *write)
{
	bool before = write->ask.kind == MD_WRITE_DELETE && plan_of(write)->rows;

	write->phase = before ? PHASE_ROWS_BEFORE : PHASE_END;
	if (changes_nothing(write))
		write->result.rows = write->found;
}

static enum md_flow write_rows(struct md_unit *unit, const struct md_call *call,
			       struct md_rows *rows)
{
	struct md_write *write = write_of(unit);
	enum md_flow flow = MD_FLOW_ON;

	(void)call;
	switch (write->phase) {
	case PHASE_FIND:
		flow = take_keys(write, rows);
		if (flow == MD_FLOW_ON)
			after_find(write);
		break;
	case PHASE_ROWS_BEFORE:
		flow = feed(write, rows);
		if (flow == MD_FLOW_ON)
			write->phase = PHASE_END;
		break;
	case PHASE_EXISTS:
		return exists(write, rows);
	case PHASE_WRITE:
		return written(write, rows);
	case PHASE_ROWS:
		flow = feed(write, rows);
		if (flow == MD_FLOW_ON)
			write->phase = PHASE_END;
		break;
	case PHASE_END:
		break;
	}
	return flow;
}

/* ---- end ---- */

static void let_go(struct md_write *write)
{
	for (unsigned i = 0; i < write->variant_count; i++)
		if (write->variants[i].cached)
			md_plans_unuse(write->variants[i].cached);
	write->variant_count = 0;
	md_keys_clear(&write->merged);
	md_buf_release(&write->keys);
	md_generation_leave(write->ops, write->generation);
}

static void write_done(struct md_unit *unit, enum md_code code)
{
	struct md_write *write = write_of(unit);

	let_go(write);
	write->state = code == MD_OK ? MD_READ_DONE : MD_READ_FAILED;
	write->ask.ready(write, write->ask.arg);
}

static void start_over(struct md_write *write)
{
	bool resolved = write->result.resolved;

	write->result = (struct md_write_result){ .resolved = resolved };
	write->now = NULL;
	write->checked = false;
	write->found = 0;
	md_keys_clear(&write->merged);
	md_buf_clear(&write->keys);
	md_buf_clear(write->ask.out);
	if (write->ask.body)
		md_body_rewind(&write->cursor, write->ask.body, write->scratch);
	if (write->sink)
		md_text_sink_reset(write->sink);
	if (wants_rows(write) && plan_of(write)->shape && !write->ask.singular)
		md_buf_putc(write->ask.out, '[');
	write->phase = plan_of(write)->find ? PHASE_FIND : PHASE_END;
}

static void write_reset(struct md_unit *unit)
{
	start_over(write_of(unit));
}

static const struct md_unit_ops write_ops = {
	.next = write_next,
	.rows = write_rows,
	.done = write_done,
	.reset = write_reset,
};

bool md_write_start(struct md_ops *ops, const struct md_write_ask *ask, struct md_write **ret_write)
{
	struct md_write *write = md_arena_zalloc(ask->arena, sizeof(*write));

	*ret_write = write;
	if (!write)
		return true;
	write->ops = ops;
	write->ask = *ask;
	write->generation = ops->newest;
	write->generation->users++;
	md_buf_init(&write->keys, KEYS_MAX);
	if (prepare(write, &write->unit.error) != MD_OK) {
		let_go(write);
		write->state = MD_READ_FAILED;
		return true;
	}
	start_over(write);
	write->unit.ops = &write_ops;
	write->unit.tx = MD_TX_WRITE;
	write->unit.alone = !plan_of(write)->bounded;
	write->unit.deadline_ns = ask->deadline_ns;
	md_db_run(ops->options.db, &write->unit, MD_LANE_WRITE);
	return false;
}

enum md_read_state md_write_state(const struct md_write *write)
{
	return write->state;
}

const struct md_error *md_write_error(const struct md_write *write)
{
	return &write->unit.error;
}

const struct md_write_result *md_write_result(const struct md_write *write)
{
	return &write->result;
}

void md_write_cancel(struct md_write *write)
{
	if (write->state == MD_READ_RUNNING)
		md_db_cancel(write->ops->options.db, &write->unit);
}
