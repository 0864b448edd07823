/* A unit made of a list of statements, for tests of drivers: it runs them one after another and
 * writes all cells into one text: "1,a,NULL;2,b,NULL;" with "|" between statements. */
#ifndef MD_TESTS_SCRIPT_H
#define MD_TESTS_SCRIPT_H
#include <stdio.h>
#include <string.h>

#include "core/db/driver.h"

enum { SCRIPT_MAX = 8 };

struct script {
	struct md_unit unit; /* first */
	struct md_stmt stmts[SCRIPT_MAX];
	const struct md_value *args[SCRIPT_MAX];
	unsigned count, at;
	enum md_next end;      /* 0 is MD_NEXT_CALL and stands for COMMIT */
	unsigned pause_after;  /* pause after every so many rows; 0: never */
	unsigned stop_after;   /* want no more than so many rows of a statement; 0: all */
	unsigned rows, pauses; /* seen */
	uint64_t changes[SCRIPT_MAX];
	enum md_code code; /* from done() */
	unsigned done;
	size_t len;
	char text[8192];
};

static inline void script_put(struct script *s, const char *text, size_t len)
{
	if (len > sizeof(s->text) - 1 - s->len)
		len = sizeof(s->text) - 1 - s->len;
	memcpy(s->text + s->len, text, len);
	s->len += len;
	s->text[s->len] = '\0';
}

static inline void script_put_cell(struct script *s, const struct md_value *cell)
{
	char number[40];

	switch (cell->type) {
	case MD_NULL:
		script_put(s, "NULL", 4);
		break;
	case MD_INT:
		snprintf(number, sizeof(number), "%lld", (long long)cell->i);
		script_put(s, number, strlen(number));
		break;
	case MD_REAL:
		snprintf(number, sizeof(number), "%.17g", cell->r);
		script_put(s, number, strlen(number));
		break;
	case MD_TEXT:
	case MD_BLOB:
		script_put(s, cell->text, cell->len);
		break;
	}
}

static inline void script_put_row(struct script *s, const struct md_value *cells, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			script_put(s, ",", 1);
		script_put_cell(s, &cells[i]);
	}
	script_put(s, ";", 1);
}

static enum md_next script_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct script *s = (struct script *)unit;

	if (s->at == s->count)
		return s->end == MD_NEXT_CALL ? MD_NEXT_COMMIT : s->end;
	*ret_call = (struct md_call){ .stmt = &s->stmts[s->at], .args = s->args[s->at] };
	return MD_NEXT_CALL;
}

static enum md_flow script_rows(struct md_unit *unit, const struct md_call *call,
				struct md_rows *rows)
{
	struct script *s = (struct script *)unit;
	const struct md_value *cells;
	unsigned here = 0;

	(void)call;
	for (;;) {
		switch (rows->next(rows, &cells, &unit->error)) {
		case MD_STEP_ROW:
			script_put_row(s, cells, rows->columns);
			s->rows++;
			here++;
			if (s->stop_after == here)
				goto end;
			if (s->pause_after != 0 && s->rows % s->pause_after == 0) {
				s->pauses++;
				return MD_FLOW_PAUSE;
			}
			break;
		case MD_STEP_END:
			goto end;
		case MD_STEP_WAIT:
			return MD_FLOW_WAIT;
		case MD_STEP_FAIL:
			return MD_FLOW_ABORT;
		}
	}
end:
	s->changes[s->at++] = unit->changes;
	if (s->at < s->count)
		script_put(s, "|", 1);
	return MD_FLOW_ON;
}

static void script_paused(struct md_unit *unit)
{
	(void)unit;
}

static void script_done(struct md_unit *unit, enum md_code code)
{
	struct script *s = (struct script *)unit;

	s->code = code;
	s->done++;
}

static const struct md_unit_ops script_ops = {
	.next = script_next,
	.rows = script_rows,
	.paused = script_paused,
	.done = script_done,
};

static inline void script_init(struct script *s, enum md_tx tx)
{
	memset(s, 0, sizeof(*s));
	s->unit.ops = &script_ops;
	s->unit.tx = tx;
}

/** Add a statement; `id` 0: run once. */
static inline void script_add(struct script *s, unsigned long id, const char *sql,
			      const struct md_value *args, unsigned params)
{
	s->stmts[s->count] = (struct md_stmt){ .id = id, .sql = sql, .params = params };
	s->args[s->count++] = args;
}

/** Push, and resume until it is done. */
static inline enum md_code script_run(struct script *s, struct md_conn *conn)
{
	unsigned pauses = 0;

	conn->driver->push(conn, &s->unit);
	while (s->done == 0 && s->pauses != pauses) {
		pauses = s->pauses;
		conn->driver->resume(conn, &s->unit);
	}
	return s->code;
}

/** One statement in one unit. */
static inline enum md_code script_one(struct script *s, struct md_conn *conn, enum md_tx tx,
				      const char *sql)
{
	script_init(s, tx);
	script_add(s, 0, sql, NULL, 0);
	return script_run(s, conn);
}
#endif
