/* The cursor over a result, and the conversation with the unit about it. Whole results lie in
 * memory; a unit that may pause and is alone on the connection gets its rows one by one, and while
 * it pauses nothing is read from the socket, so that the server waits. */
#include <stdlib.h>

#include "core/base/str.h"
#include "core/db/postgres.h"

#include "core/base/banned.h"

enum { CELLS_MIN = 16 };

/* The next result of a cursor that gets one per row. */
static enum md_step next_result(struct md_pg_cursor *cursor)
{
	struct md_pg *pg = cursor->pg;
	PGresult *result;

	if (PQisBusy(pg->db))
		return MD_STEP_WAIT;
	result = PQgetResult(pg->db);
	if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
		PQclear(cursor->result);
		cursor->result = result;
		cursor->row = 0;
		return MD_STEP_ROW;
	}
	cursor->ended = true;
	if (PQresultStatus(result) != PGRES_TUPLES_OK) /* NULL is an error, too */
		md_pg_job_failed(pg, cursor->job, result);
	PQclear(result);
	return pg->gone || cursor->job->error.code != MD_OK ? MD_STEP_FAIL : MD_STEP_END;
}

/* A connection that was lost has no error of the job; what becomes of that is found out later. */
static enum md_step fail_next(const struct md_pg_cursor *cursor, struct md_error *err)
{
	if (cursor->job->error.code == MD_OK)
		md_pg_conn_error(cursor->pg, err);
	else if (err)
		*err = cursor->job->error;
	return MD_STEP_FAIL;
}

static enum md_step next_row(struct md_rows *rows, const struct md_value **ret_cells,
			     struct md_error *err)
{
	struct md_pg_cursor *cursor = (struct md_pg_cursor *)rows;
	struct md_pg_job *job = cursor->job;

	if (job->error.code != MD_OK)
		return fail_next(cursor, err);
	if (atomic_load_explicit(&job->unit->cancelled, memory_order_relaxed)) {
		md_fail(&job->error, MD_CANCELLED, "57014", "canceled");
		return fail_next(cursor, err);
	}
	if (cursor->row == cursor->row_count) {
		enum md_step step = MD_STEP_END;

		if (cursor->streaming && !cursor->ended)
			step = next_result(cursor);
		if (step == MD_STEP_FAIL)
			return fail_next(cursor, err);
		if (step != MD_STEP_ROW)
			return step;
	}
	for (unsigned i = 0; i < rows->columns; i++) {
		int column = (int)i, row = cursor->row;
		int len = PQgetlength(cursor->result, row, column);

		/* The length of NULL is 0: each call checks its numbers again. */
		if (len == 0 && PQgetisnull(cursor->result, row, column))
			cursor->cells[i] = md_value_null();
		else
			cursor->cells[i] = md_value_text((struct md_str){
				PQgetvalue(cursor->result, row, column), (size_t)len });
	}
	cursor->row++;
	*ret_cells = cursor->cells;
	return MD_STEP_ROW;
}

void md_pg_rows_end(struct md_pg *pg, struct md_pg_job *job)
{
	PQclear(pg->cursor.result);
	pg->cursor.result = NULL;
	job->in_rows = job->paused = false;
	job->skip = true;
}

static void abort_job(const struct md_pg *pg, struct md_pg_job *job)
{
	if (pg->gone)
		return;
	if (job->error.code == MD_OK)
		job->error = job->unit->error;
	if (job->error.code == MD_OK)
		md_fail(&job->error, MD_INTERNAL, "XX000", "the unit aborted without saying why");
}

void md_pg_rows_again(struct md_pg *pg, struct md_pg_job *job)
{
	struct md_unit *unit = job->unit;
	const struct md_call *call = &job->calls[job->steps[job->step_at].call];

	job->in_rows = false;
	switch (unit->ops->rows(unit, call, &pg->cursor.rows)) {
	case MD_FLOW_ON:
		break;
	case MD_FLOW_WAIT:
		job->in_rows = true;
		return;
	case MD_FLOW_PAUSE:
		job->in_rows = job->paused = true;
		unit->ops->paused(unit);
		return;
	case MD_FLOW_ABORT:
		abort_job(pg, job);
		break;
	}
	md_pg_rows_end(pg, job);
}

static bool make_room(struct md_pg_cursor *cursor, unsigned columns)
{
	unsigned cap = columns < CELLS_MIN ? CELLS_MIN : columns;
	struct md_value *cells;

	if (columns <= cursor->cell_cap)
		return true;
	cells = realloc(cursor->cells, cap * sizeof(*cells));
	if (!cells)
		return false;
	cursor->cells = cells;
	cursor->cell_cap = cap;
	return true;
}

void md_pg_rows_begin(struct md_pg *pg, struct md_pg_job *job, PGresult *result)
{
	struct md_pg_cursor *cursor = &pg->cursor;
	uint64_t changes = 0;

	md_str_to_u64(md_str_of(PQcmdTuples(result)), &changes);
	cursor->rows = (struct md_rows){ .columns = (unsigned)PQnfields(result), .next = next_row };
	cursor->pg = pg;
	cursor->job = job;
	cursor->result = result;
	cursor->row = 0;
	cursor->row_count = PQntuples(result);
	cursor->streaming = PQresultStatus(result) == PGRES_SINGLE_TUPLE;
	cursor->ended = false;
	job->rows_given = true;
	job->unit->changes = changes;
	if (!md_pg_rows_fit(pg, job, result)) {
		md_pg_rows_end(pg, job);
		return;
	}
	if (make_room(cursor, cursor->rows.columns)) {
		md_pg_rows_again(pg, job);
		return;
	}
	md_fail_nomem(&job->error);
	md_pg_rows_end(pg, job);
}
