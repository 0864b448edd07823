/* One step: its statements, or its batches. Locks are waited for in short pieces; what fails for
 * somebody else's doing can be tried again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum {
	SQL_MAX = 16 << 20,
	BATCH_ROWS = 1000,
	MOST_BATCH_ROWS = 50000,
	FEWEST_BATCH_ROWS = 100,
	BATCH_BLOCKS = 64,
	MOST_BATCH_BLOCKS = 4096,
	WANTED_MS = 100, /* of a batch */
	PAUSE_MS = 5     /* between two */
};

/* --- telling -----------------------------------------------------------------------------------
 */

void md_step_tell(const struct md_run *run, unsigned at, double rows_done, double rows)
{
	const struct md_step *step = &run->plan.steps[at];
	struct md_migrate_progress progress = {
		.revision = run->link->id,
		.message = json_string_value(json_object_get(run->document, "message")),
		.step = at + 1,
		.steps = run->plan.step_count,
		.what = step->what,
		.rows = rows,
		.rows_done = rows_done,
	};

	md_migrate_tell(run->migrate, &progress);
}

/* --- failures ----------------------------------------------------------------------------------
 */

/* Somebody else was at the same things: it can be tried again from the last note on. */
bool md_is_passing(enum md_code code, const struct md_error *err)
{
	static const char *const wires[] = { "55P03", "40P01", "40001" };

	for (unsigned i = 0; i < sizeof(wires) / sizeof(*wires); i++)
		if (strcmp(err->wire, wires[i]) == 0)
			return true;
	return code == MD_BUSY && strcmp(err->wire, "MD_MIGRATING") != 0;
}

/* What is not there, or is there already: names of the engine's words for it. */
bool md_is_done_already(const struct md_error *err)
{
	static const char *const wires[] = { "42703", "42P01", "42704", "42701", "42P07",
					     "42710", "42P06", "42P16", "42883" };

	for (unsigned i = 0; i < sizeof(wires) / sizeof(*wires); i++)
		if (strcmp(err->wire, wires[i]) == 0)
			return true;
	return false;
}

static void name_statement(struct md_error *err, const char *sql)
{
	if (err && !err->details[0])
		md_error_details(err, "in: %.1400s", sql);
}

/* --- statements --------------------------------------------------------------------------------
 */

enum md_code md_run_text(struct md_db_schema *db, const char *sql, struct md_error *err)
{
	enum md_code code = md_db_schema_run(db, sql, err);

	if (code != MD_OK)
		name_statement(err, sql);
	return code;
}

enum md_code md_run_texts(struct md_db_schema *db, const char *const *texts, unsigned count,
			  struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < count; i++)
		code = md_run_text(db, texts[i], err);
	return code;
}

enum md_code md_run_hurriedly(const struct md_migrate *migrate, struct md_error *err)
{
	unsigned ms = migrate->options.lock_timeout_ms;
	char sql[64];

	if (ms == 0 || ms > MD_LOCK_PIECE_MS)
		ms = MD_LOCK_PIECE_MS;
	snprintf(sql, sizeof(sql), "SET LOCAL lock_timeout = %u", ms);
	return md_run_text(migrate->db, sql, err);
}

/* Where a half of a revision is taken back, a statement finds that there is nothing to take back.
 */
static enum md_code run_tolerantly(struct md_db_schema *db, const char *sql, struct md_error *err)
{
	struct md_error failed = { .code = MD_OK };
	enum md_code code = md_db_schema_run(db, "SAVEPOINT _modeld_step", err);

	if (code != MD_OK)
		return code;
	code = md_run_text(db, sql, &failed);
	if (code == MD_OK)
		return md_db_schema_run(db, "RELEASE SAVEPOINT _modeld_step", err);
	if (md_is_done_already(&failed))
		return md_db_schema_run(db, "ROLLBACK TO SAVEPOINT _modeld_step", err);
	if (err)
		*err = failed;
	return code;
}

enum md_code md_take_verdict(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	struct md_verdict *verdict = ctx;
	size_t len = 0;

	(void)err;
	for (unsigned i = 0; verdict->count == 0 && i < count; i++) {
		const char *value = values[i] ? values[i] : "null";
		size_t room = sizeof(verdict->text) - len - 1;
		size_t more = strlen(value) < room ? strlen(value) : room;

		if (i > 0 && room > more + 1)
			verdict->text[len++] = ' ';
		memcpy(verdict->text + len, value, more);
		len += more;
		verdict->text[len] = '\0';
	}
	verdict->count++;
	return MD_OK;
}

/* The first value of the first row; -1: there is none, or it is no number. */
static enum md_code ask_number(struct md_db_schema *db, const char *sql, double *ret_number,
			       struct md_error *err)
{
	struct md_verdict verdict = { .text = "" };
	enum md_code code =
		md_db_schema_query(db, sql, NULL, 0, md_take_verdict, &verdict, NULL, err);
	char *end;

	if (code != MD_OK) {
		name_statement(err, sql);
		return code;
	}
	*ret_number = strtod(verdict.text, &end);
	if (end == verdict.text)
		*ret_number = -1;
	return MD_OK;
}

enum md_code md_run_verify(const struct md_run *run, struct md_error *err)
{
	for (unsigned i = 0; i < run->plan.verify_count; i++) {
		const char *sql = run->plan.verify[i];
		struct md_verdict verdict = { .text = "" };
		enum md_code code = md_db_schema_query(run->migrate->db, sql, NULL, 0,
						       md_take_verdict, &verdict, NULL, err);

		if (code == MD_OK && verdict.count == 0)
			continue;
		if (code == MD_OK) {
			code = md_fail(err, MD_CONFLICT, "MD_DATA",
				       "what the revision leaves behind is not right: %s",
				       verdict.text);
			md_error_hint(err, "Nothing was changed.");
		}
		name_statement(err, sql);
		return code;
	}
	return MD_OK;
}

/* --- batches -----------------------------------------------------------------------------------
 */

struct batches {
	const struct md_run *run;
	unsigned at;
	bool within; /* a transaction of the whole revision */
	bool by_blocks;
	double size, blocks, from;
	double rows, rows_done;
};

static void put_number(struct md_buf *sql, double number)
{
	md_buf_put_i64(sql, (int64_t)number);
}

static void fill_in(const struct batches *batches, const char *text, struct md_buf *sql)
{
	const struct {
		const char *name;
		double value;
	} holes[] = { { "{batch}", batches->by_blocks ? MOST_BATCH_ROWS : batches->size },
		      { "{from}", batches->from },
		      { "{to}", batches->from + batches->size } };
	enum { HOLES = sizeof(holes) / sizeof(*holes) };

	while (*text) {
		unsigned i = 0;

		while (i < HOLES && strncmp(text, holes[i].name, strlen(holes[i].name)) != 0)
			i++;
		if (i < HOLES) {
			put_number(sql, holes[i].value);
			text += strlen(holes[i].name);
		} else {
			md_buf_putc(sql, *text++);
		}
	}
}

/* One batch, in a transaction of its own where there is none. */
static enum md_code run_batch(struct batches *batches, uint64_t *ret_changed, struct md_error *err)
{
	const struct md_step *step = &batches->run->plan.steps[batches->at];
	struct md_db_schema *db = batches->run->migrate->db;
	enum md_code code = batches->within ? MD_OK : md_db_schema_run(db, "BEGIN", err);

	*ret_changed = 0;
	if (!batches->within && code == MD_OK)
		code = md_run_hurriedly(batches->run->migrate, err);
	for (unsigned i = 0; code == MD_OK && i < step->sql_count; i++) {
		md_auto_buf sql = MD_BUF(SQL_MAX);
		uint64_t changed = 0;

		fill_in(batches, step->sql[i], &sql);
		if (!md_buf_text(&sql))
			code = md_fail_nomem(err);
		if (code == MD_OK)
			code = md_db_schema_query(db, sql.data, NULL, 0, NULL, NULL, &changed, err);
		if (code != MD_OK)
			name_statement(err, sql.data ? sql.data : "");
		*ret_changed += changed;
	}
	if (!batches->within && code == MD_OK)
		code = md_db_schema_commit(db, err);
	if (!batches->within && code != MD_OK)
		md_db_schema_rollback(db, NULL);
	return code;
}

/* Batches that take about as long as others can well wait for. */
static void adapt(struct batches *batches, uint64_t ms)
{
	double most = batches->by_blocks ? MOST_BATCH_BLOCKS : MOST_BATCH_ROWS;
	double fewest = batches->by_blocks ? 1 : FEWEST_BATCH_ROWS;

	if (ms < WANTED_MS / 2 && batches->size * 2 <= most)
		batches->size *= 2;
	else if (ms > WANTED_MS * 2 && batches->size / 2 >= fewest)
		batches->size = (double)(int64_t)(batches->size / 2);
}

static enum md_code run_batch_in_the_end(struct batches *batches, uint64_t *ret_changed,
					 struct md_error *err)
{
	for (unsigned tries = 0;; tries++) {
		struct md_error failed = { .code = MD_OK };
		enum md_code code = run_batch(batches, ret_changed, &failed);

		if (code == MD_OK)
			return code;
		if (batches->within || tries + 1 >= MD_LOCK_TRIES ||
		    !md_is_passing(code, &failed)) {
			if (err)
				*err = failed;
			return code;
		}
		md_migrate_back_off(tries);
	}
}

/* Once over all rows, or until there are none left. */
static enum md_code run_pass(struct batches *batches, uint64_t *ret_changed, struct md_error *err)
{
	struct md_migrate *migrate = batches->run->migrate;
	uint64_t changed = 0;
	enum md_code code = MD_OK;

	*ret_changed = 0;
	batches->from = 0;
	do {
		uint64_t began = md_now_ns();

		code = run_batch_in_the_end(batches, &changed, err);
		if (code != MD_OK)
			break;
		*ret_changed += changed;
		batches->rows_done += (double)changed;
		if (batches->by_blocks)
			batches->from += batches->size;
		adapt(batches, (md_now_ns() - began) / MD_MS);
		md_step_tell(batches->run, batches->at, batches->rows_done, batches->rows);
		if (!batches->within)
			code = md_history_heartbeat(migrate->db, err);
		if (code == MD_OK && !batches->within && changed > 0)
			nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
	} while (code == MD_OK &&
		 (batches->by_blocks ? batches->from < batches->blocks : changed > 0));
	return code;
}

/* Rows that others write meanwhile may come to lie where it has been: it ends when a pass over
 * everything finds nothing. */
enum md_code md_step_batches(const struct md_run *run, unsigned at, bool within,
			     struct md_error *err)
{
	const struct md_step *step = &run->plan.steps[at];
	struct batches batches = { .run = run, .at = at, .within = within, .rows = step->rows };
	uint64_t changed = 0;
	enum md_code code = MD_OK;

	batches.by_blocks = step->blocks;
	batches.size = step->blocks ? BATCH_BLOCKS : BATCH_ROWS;
	if (step->remaining)
		code = ask_number(run->migrate->db, step->remaining, &batches.rows, err);
	md_step_tell(run, at, 0, batches.rows);
	do {
		if (code == MD_OK && step->blocks)
			code = ask_number(run->migrate->db, step->blocks, &batches.blocks, err);
		if (code == MD_OK)
			code = run_pass(&batches, &changed, err);
	} while (code == MD_OK && step->blocks && changed > 0);
	return code;
}

/* --- steps -------------------------------------------------------------------------------------
 */

/* A statement of a step that writes a table anew; rows are copied by one or more of them. */
static enum md_code run_counted(const struct md_run *run, unsigned at, const char *sql,
				double *rows_done, struct md_error *err)
{
	const struct md_step *step = &run->plan.steps[at];
	struct md_db_schema *db = run->migrate->db;
	uint64_t changed = 0;
	enum md_code code;

	if (!step->rewrites || step->rows <= 0 || strncmp(sql, "INSERT INTO", 11) != 0)
		return md_run_text(db, sql, err);
	code = md_db_schema_query(db, sql, NULL, 0, NULL, NULL, &changed, err);
	if (code != MD_OK)
		name_statement(err, sql);
	*rows_done += (double)changed;
	if (code == MD_OK && *rows_done < step->rows)
		md_step_tell(run, at, *rows_done, step->rows);
	return code;
}

enum md_code md_step_run(const struct md_run *run, unsigned at, struct md_error *err)
{
	const struct md_step *step = &run->plan.steps[at];
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = MD_OK;
	double rows_done = 0;

	if (step->kind == MD_STEP_BATCHES)
		return md_step_batches(run, at, true, err);
	md_step_tell(run, at, -1, step->rows);
	for (unsigned i = 0; code == MD_OK && i < step->sql_count; i++)
		code = run->tolerant ? run_tolerantly(db, step->sql[i], err)
				     : run_counted(run, at, step->sql[i], &rows_done, err);
	return code;
}
