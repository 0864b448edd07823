/* A write in one statement: the body goes to the engine as one JSON text, and everything that is
 * asked about the rows comes back with the statement's own rows.
 *
 * When nothing depends on how many rows there are, the statement is a transaction of its own, told
 * to be done when the engine has committed it. Otherwise it stands in a bracket, and what becomes
 * of that is decided after its rows. */
#include "core/json/codec.h"
#include "core/json/write.h"
#include "core/model/define.h"
#include "core/ops/cell.h"
#include "core/ops/generate.h"
#include "core/ops/keys.h"
#include "core/ops/write_private.h"

#include "core/base/banned.h"

static struct md_write *write_of(struct md_unit *unit)
{
	return (struct md_write *)unit;
}

/* ---- the body as JSON ---- */

/* Whether a value of ours is JSON already: lists are, whatever column they go to. */
static bool is_json(const struct md_field *field)
{
	return field->type == MD_TYPE_JSON || (field->def && field->def->type == MD_DEF_ARRAY);
}

/* A value of ours. */
static void put_value(struct md_buf *out, const struct md_field *field,
		      const struct md_value *value)
{
	if (is_json(field) && value->type == MD_TEXT)
		md_buf_put(out, value->text, value->len);
	else
		md_key_put(out, value);
}

/* A default, made for this row. */
static enum md_code put_made(struct md_write *write, const struct md_field *field,
			     struct md_error *err)
{
	const struct md_made made = { .field = field };
	char room[MD_GENERATED_TEXT];
	struct md_value value;
	enum md_code code =
		md_generate(write->generator, &made, md_write_arena(write), room, &value, err);

	if (code == MD_OK)
		put_value(&write->document, field, &value);
	return code;
}

/* Texts for a JSON column are JSON, bytes may be base64, lists array literals, dates and times in
 * forms or without parts that only we know how to read. */
static bool is_converted(const struct md_write *write, const struct md_field *field)
{
	bool moment = field->type >= MD_TYPE_KEPT_DATE && field->type <= MD_TYPE_KEPT_TIMESTAMPTZ;

	return (write->ask.texts && field->type == MD_TYPE_JSON) || moment ||
	       field->type == MD_TYPE_KEPT_BYTES ||
	       (field->def && field->def->type == MD_DEF_ARRAY);
}

static enum md_code put_converted(struct md_write *write, const struct md_field *field,
				  const struct md_body_cell *cell, struct md_error *err)
{
	struct md_value value;
	enum md_code code =
		md_cell_field(cell, field, write->ask.texts, md_write_arena(write), &value, err);

	if (code != MD_OK)
		return code;
	if (is_json(field) && value.type == MD_TEXT &&
	    !md_json_is_valid(value.text, value.len, MD_CODEC_JSON_DEPTH))
		return md_fail(err, MD_INVALID, "22P02", "invalid input syntax for type json");
	put_value(&write->document, field, &value);
	return MD_OK;
}

static void put_key(struct md_buf *out, const struct md_field *field, bool *first)
{
	if (!*first)
		md_buf_putc(out, ',');
	*first = false;
	md_json_write_string(out, field->name.ptr, field->name.len);
	md_buf_putc(out, ':');
}

static enum md_code put_column(struct md_write *write, unsigned column, bool *first,
			       struct md_error *err)
{
	const struct md_field *field = write->fields[column];
	const struct md_body_cell *cell = &write->cells[column];
	bool absent = cell->kind == MD_CELL_ABSENT;
	bool made = absent && write->ask.missing_default && md_is_made(field, false);

	if (absent && !made)
		return MD_OK;
	put_key(&write->document, field, first);
	if (made)
		return put_made(write, field, err);
	if (cell->kind != MD_CELL_NULL && is_converted(write, field))
		return put_converted(write, field, cell, err);
	md_body_cell_put(cell, &write->document);
	return MD_OK;
}

static enum md_code put_row(struct md_write *write, struct md_error *err)
{
	const struct md_write_variant *variant = &write->variants[0];
	struct md_buf *out = &write->document;
	enum md_code code = MD_OK;
	bool first = true;

	md_buf_putc(out, '{');
	for (unsigned i = 0; i < write->column_count && code == MD_OK; i++)
		code = put_column(write, i, &first, err);
	for (unsigned i = 0; i < variant->made_count && code == MD_OK; i++) {
		if (variant->made[i].update)
			continue;
		put_key(out, variant->made[i].field, &first);
		if (md_is_made_per_row(&variant->made[i]))
			code = put_made(write, variant->made[i].field, err);
		else
			put_value(out, variant->made[i].field, &variant->made_values[i]);
	}
	md_buf_putc(out, '}');
	return code;
}

static enum md_code put_rows(struct md_write *write, struct md_error *err)
{
	struct md_buf *out = &write->document;
	enum md_code code = MD_OK;

	md_buf_putc(out, '[');
	md_body_rewind(&write->cursor, write->ask.body, write->scratch);
	while (code == MD_OK && md_body_next(&write->cursor, write->cells)) {
		if (out->len > 1)
			md_buf_putc(out, ',');
		code = put_row(write, err);
	}
	md_buf_putc(out, ']');
	return code == MD_OK && out->failed ? md_fail_nomem(err) : code;
}

/* Whether rows get something that did not come with the body. */
static bool is_completed(const struct md_write *write)
{
	for (unsigned i = 0; i < write->variants[0].made_count; i++)
		if (!write->variants[0].made[i].update)
			return true;
	for (unsigned i = 0; i < write->column_count; i++)
		if (is_converted(write, write->fields[i]) ||
		    (write->ask.missing_default && md_is_made(write->fields[i], false)))
			return true;
	return false;
}

/* JSON as it came, where it can be: its numbers and documents keep their bytes, and nothing is
 * copied. An object is put into an array. */
static enum md_code make_document(struct md_write *write, struct md_str *ret_text,
				  struct md_error *err)
{
	bool completed = is_completed(write);
	struct md_str text = { NULL, 0 };
	enum md_code code = MD_OK;

	if (!completed)
		text = md_body_json_text(write->ask.body);
	if (md_str_is_given(text) && md_body_is_array(write->ask.body)) {
		*ret_text = text;
		return MD_OK;
	}
	if (md_str_is_given(text)) {
		md_buf_putc(&write->document, '[');
		md_buf_putstr(&write->document, text);
		md_buf_putc(&write->document, ']');
		if (write->document.failed)
			return md_fail_nomem(err);
	} else if (!completed && md_body_lines_array(write->ask.body, &write->document)) {
		if (write->document.failed)
			return md_fail_nomem(err);
	} else {
		code = put_rows(write, err);
	}
	*ret_text = md_buf_str(&write->document);
	return code;
}

/* The document of the rows at hand, among the arguments of the statement. */
static enum md_code bind_rows(struct md_write *write, struct md_error *err)
{
	const struct md_plan_stmt *stmt = &md_write_plan_of(write)->write;
	struct md_str document = { NULL, 0 };

	for (unsigned i = 0; i < stmt->stmt.params; i++) {
		enum md_code code = MD_OK;

		if (stmt->binds[i].from == MD_FROM_MADE)
			write->variants[0].write_args[i] =
				write->variants[0].made_values[stmt->binds[i].index];
		if (stmt->binds[i].from != MD_FROM_DOCUMENT)
			continue;
		if (!md_str_is_given(document))
			code = make_document(write, &document, err);
		if (code != MD_OK)
			return code;
		write->variants[0].write_args[i] = md_value_text(document);
	}
	return MD_OK;
}

/* Parts are bound one by one, when it is their turn. */
static enum md_code begin(struct md_write *write, struct md_error *err)
{
	if (!write->ask.bulk)
		return bind_rows(write, err);
	if (!md_write_plan_of(write)->groups)
		return MD_OK;
	return md_fail_feature(err, "aggregates of rows that are sent in parts");
}

/* ---- the unit ---- */

/* Whether the number of rows decides about the transaction. A key of a table names one row or none,
 * and where there is none nothing has to be undone. */
static bool is_judged(const struct md_write *write)
{
	bool one = write->ask.key && write->ask.kind != MD_WRITE_INSERT &&
		   write->ask.model->kind == MD_REL_TABLE;

	return (write->ask.singular && !one) || write->ask.has_max_affected;
}

/* Whether the rows that come back may be more than an answer can hold: they are read before the
 * transaction ends, so that an error means that nothing was written. What an embed brings along has
 * no bound. */
static bool may_overflow(const struct md_write *write)
{
	struct md_str text;

	if (!write->sink)
		return false;
	if (write->ask.query->embed_count > 0)
		return true;
	if (write->ask.kind != MD_WRITE_INSERT)
		return !write->ask.key;
	text = md_body_json_text(write->ask.body);
	return !md_str_is_given(text) || text.len > write->ask.out->max / 4;
}

static enum md_tx tx(const struct md_write *write)
{
	bool bracket =
		write->ask.bulk || is_judged(write) || may_overflow(write) || write->ask.dry_run;

	return bracket ? MD_TX_WRITE : MD_TX_IMPLICIT;
}

/* A change of nothing in rows that nobody named one by one; groups of them are still counted. */
static bool is_idle(const struct md_write *write)
{
	return write->ask.kind == MD_WRITE_UPDATE && write->column_count == 0 && !write->ask.key &&
	       !md_write_plan_of(write)->groups;
}

/* The rows of a body in parts come back with several statements; the brackets are ours. */
static bool is_array_in_parts(const struct md_write *write)
{
	return write->ask.bulk && write->sink && !write->ask.singular &&
	       write->ask.answer == MD_ANSWER_JSON;
}

static enum md_next end_parts(struct md_write *write)
{
	if (write->unit.error.code == MD_OK && md_write_check_rows(write)) {
		if (is_array_in_parts(write))
			md_buf_putc(write->ask.out, ']');
		if (write->sink)
			md_text_sink_finish(write->sink, write->ask.out);
	}
	return md_write_end(write);
}

/* A statement a part; its rows are taken before the next one is read. */
static enum md_next next_part(struct md_write *write, struct md_call *ret_call)
{
	if (write->called && !write->consumed)
		return MD_NEXT_AFTER_ROWS;
	if (write->unit.error.code != MD_OK || !md_write_next_part(write))
		return end_parts(write);
	md_buf_clear(&write->document);
	if (bind_rows(write, &write->unit.error) != MD_OK)
		return end_parts(write);
	write->called = true;
	write->consumed = false;
	*ret_call = (struct md_call){ .stmt = &md_write_plan_of(write)->write.stmt,
				      .args = write->variants[0].write_args };
	return MD_NEXT_CALL;
}

static enum md_next next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_write *write = write_of(unit);

	if (write->ask.bulk)
		return next_part(write, ret_call);
	if (!write->called && !is_idle(write)) {
		write->called = true;
		if (write->sink && write->unit.tx == MD_TX_IMPLICIT)
			write->ask.out->max = SIZE_MAX; /* done by then: it has to be told */
		*ret_call = (struct md_call){ .stmt = &md_write_plan_of(write)->write.stmt,
					      .args = write->variants[0].write_args };
		return MD_NEXT_CALL;
	}
	if (write->called && !write->consumed && (is_judged(write) || may_overflow(write)))
		return MD_NEXT_AFTER_ROWS;
	if (!write->called && write->unit.error.code == MD_OK)
		md_write_check_rows(write); /* none may be too few */
	return md_write_end(write);
}

/* The largest so far. */
static void note_number(const struct md_value *cell, uint64_t *number)
{
	uint64_t value = 0;

	if (cell->type == MD_TEXT)
		md_str_to_u64((struct md_str){ cell->text, cell->len }, &value);
	if (value > *number)
		*number = value;
}

/** A cursor in front of the engine's, which takes the last cells for itself. */
struct tally {
	struct md_rows rows; /* first */
	struct md_rows *inner;
	struct md_write *write;
};

static enum md_step next_row(struct md_rows *rows, const struct md_value **ret_cells,
			     struct md_error *err)
{
	struct tally *tally = (struct tally *)rows;
	enum md_step step = tally->inner->next(tally->inner, ret_cells, err);
	const struct md_write_plan *plan = md_write_plan_of(tally->write);
	unsigned own = rows->columns;

	if (step == MD_STEP_ROW && plan->tells_merges)
		note_number(&(*ret_cells)[own++], &tally->write->merges);
	if (step == MD_STEP_ROW && plan->tells_rows)
		note_number(&(*ret_cells)[own], &tally->write->written);
	return step;
}

/* Rows that are only counted, or tell their keys. */
static enum md_flow take_rows(struct md_write *write, struct md_rows *rows)
{
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
		write->result.rows++;
		if (md_write_plan_of(write)->key_cells > 0)
			md_write_note_location(write, cells);
	}
}

static enum md_flow judge(struct md_write *write)
{
	const struct md_write_plan *plan = md_write_plan_of(write);

	write->consumed = true;
	if (plan->tells_rows)
		write->result.rows = write->written;
	else if (write->sink)
		write->result.rows = md_text_sink_rows(write->sink);
	else if (!plan->write.stmt.returns_rows)
		write->result.rows += write->unit.changes;
	/* `!inner` leaves rows out of what comes back, but not out of the merges. */
	write->result.inserted =
		write->result.rows > write->merges ? write->result.rows - write->merges : 0;
	if (write->ask.bulk)
		return MD_FLOW_ON;
	if (write->sink)
		md_text_sink_finish(write->sink, write->ask.out);
	return md_write_check_rows(write) && md_write_check_groups(write) ? MD_FLOW_ON
									  : MD_FLOW_ABORT;
}

static enum md_flow take(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	struct md_write *write = write_of(unit);
	const struct md_write_plan *plan = md_write_plan_of(write);
	unsigned own = (unsigned)plan->tells_merges + plan->tells_rows;
	struct tally tally = { .rows = { .next = next_row }, .inner = rows, .write = write };
	enum md_flow flow;

	(void)call;
	tally.rows.columns = rows->columns > own ? rows->columns - own : 0;
	flow = write->sink ? md_write_feed(write, &tally.rows) : take_rows(write, &tally.rows);
	return flow == MD_FLOW_ON ? judge(write) : flow;
}

static void start_over(struct md_write *write)
{
	md_write_begin_again(write);
	write->called = write->consumed = false;
	write->merges = write->written = 0;
	md_write_first_part(write);
	if (is_array_in_parts(write))
		md_buf_putc(write->ask.out, '[');
	if (is_idle(write) && write->sink && write->ask.answer != MD_ANSWER_JSON)
		md_text_sink_finish(write->sink, write->ask.out);
	else if (is_idle(write) && write->sink && !write->ask.singular)
		md_buf_puts(write->ask.out, "[]");
}

static void reset(struct md_unit *unit)
{
	start_over(write_of(unit));
}

const struct md_write_way md_write_whole = {
	.begin = begin,
	.tx = tx,
	.start_over = start_over,
	.ops = { .next = next, .rows = take, .done = md_write_done, .reset = reset },
};
