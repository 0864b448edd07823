/* A write that a constraint stood against: what was written, for constraint.c. */
#include "core/ops/constraint.h"
#include "core/ops/write_private.h"

#include "core/base/banned.h"

static void give_row(void *arg, struct md_written_row *ret_row)
{
	const struct md_write *write = arg;

	*ret_row = (struct md_written_row){ .stmt = &write->now->cached->write->write,
					    .args = write->now->write_args,
					    .fields = write->now->fields,
					    .made = write->now->made,
					    .lacking = write->now->lacking,
					    .lacking_count = write->now->lacking_count };
}

static bool give_next(void *arg, bool first, struct md_written_row *ret_row)
{
	struct md_write *write = arg;

	if (first) {
		md_body_rewind(&write->cursor, write->ask.body, write->scratch);
		md_keys_clear(&write->merged); /* they are noted anew */
	}
	if (!md_write_next_row(write))
		return false;
	give_row(arg, ret_row);
	return true;
}

static void begin(struct md_write *write)
{
	bool inserts = write->ask.kind == MD_WRITE_INSERT;
	bool at_end = write->phase != MD_PHASE_WRITE;
	struct md_constraint_ask ask = {
		.registry = write->generation->registry,
		.model = write->ask.model,
		.kind = write->ask.kind,
		.plan = md_write_plan_of(write),
		.arena = write->ask.arena,
		.unit = &write->unit,
		.at_end = at_end,
		.postponed = write->unit.postpones,
		.at_row = write->now && !(inserts && at_end),
		.row = give_row,
		.next = give_next,
		.arg = write,
	};

	write->explaining = true;
	if (!ask.at_row && !inserts)
		return;
	ask.row_count = ask.at_row ? write->row : md_body_rows(write->ask.body);
	/* This may be another thread than the loop's: of `ops` only what never changes. */
	ask.dialect = write->ops->options.dialect;
	write->constraint = md_constraint_new(&ask);
}

/* Reading a row again may fail for want of memory; nobody needs to know. */
enum md_next md_write_explain(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_write *write = (struct md_write *)unit;
	struct md_error error;
	enum md_next next;

	if (!write->explaining)
		begin(write);
	if (!write->constraint)
		return MD_NEXT_ROLLBACK;
	error = unit->error;
	next = md_constraint_next(write->constraint, ret_call);
	unit->error = error;
	return next;
}
