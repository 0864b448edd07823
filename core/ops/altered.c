#include "core/ops/altered.h"

#include "core/db/db.h"
#include "core/db/dialect.h"
#include "core/ops/ops.h"
#include "core/query/plan.h"

#include "core/base/banned.h"

struct md_altered {
	struct md_unit unit; /* first */
	struct md_stmt stmt;
	bool asked, altered;
	void (*ready)(void *arg);
	void *arg;
};

bool md_altered_is_possible(const struct md_ops *ops, const struct md_error *err)
{
	static const char *const of_values[] = {
		"22P02", /* not of the type, */
		"22001", /* too long, */
		"22003", /* too large, */
		"22007", /* no moment, */
		"22008"  /* or none that there is */
	};

	if (!ops->options.dialect->templates[MD_SQL_ALTERED])
		return false;
	for (size_t i = 0; i < sizeof(of_values) / sizeof(of_values[0]); i++)
		if (strcmp(err->wire, of_values[i]) == 0)
			return true;
	return false;
}

static enum md_next next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_altered *altered = (struct md_altered *)unit;

	if (altered->asked)
		return MD_NEXT_COMMIT;
	altered->asked = true;
	*ret_call = (struct md_call){ .stmt = &altered->stmt };
	return MD_NEXT_CALL;
}

/* A column that differs is a row. */
static enum md_flow rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	struct md_altered *altered = (struct md_altered *)unit;
	const struct md_value *cells;

	(void)call;
	for (;;)
		switch (rows->next(rows, &cells, &unit->error)) {
		case MD_STEP_ROW:
			altered->altered = true;
			break;
		case MD_STEP_WAIT:
			return MD_FLOW_WAIT;
		case MD_STEP_FAIL:
			return MD_FLOW_ABORT;
		case MD_STEP_END:
			return MD_FLOW_ON;
		}
}

static void reset(struct md_unit *unit)
{
	struct md_altered *altered = (struct md_altered *)unit;

	altered->asked = altered->altered = false;
}

/* A table or a type that is gone fails the question: that is stale, too. */
static void done(struct md_unit *unit, enum md_code code)
{
	struct md_altered *altered = (struct md_altered *)unit;

	altered->altered = code == MD_OK ? altered->altered : unit->error.stale;
	altered->ready(altered->arg);
}

static const struct md_unit_ops unit_ops = {
	.next = next, .rows = rows, .done = done, .reset = reset
};

struct md_altered *md_altered_ask(struct md_ops *ops, const struct md_model *model,
				  uint64_t deadline_ns, struct md_arena *arena,
				  void (*ready)(void *arg), void *arg)
{
	struct md_altered *altered = md_arena_zalloc(arena, sizeof(*altered));

	if (!altered)
		return NULL;
	altered->stmt = (struct md_stmt){ .sql = md_altered_sql(ops->options.dialect, model, arena),
					  .returns_rows = true };
	if (!altered->stmt.sql)
		return NULL;
	altered->ready = ready;
	altered->arg = arg;
	altered->unit.ops = &unit_ops;
	altered->unit.tx = MD_TX_IMPLICIT;
	altered->unit.deadline_ns = deadline_ns;
	md_db_run(ops->options.db, &altered->unit, MD_LANE_INLINE);
	return altered;
}

bool md_altered_is_so(const struct md_altered *altered)
{
	return altered->altered;
}
