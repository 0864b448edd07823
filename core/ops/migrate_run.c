/* The steps of one revision, run and noted. An engine that keeps a database in a file runs all of a
 * revision in one transaction, the note included: it happens once or not at all. A server runs
 * neighbours together and notes how far it is in the same transaction; what runs in none is noted
 * behind it, and asked about (`probe`) when nobody knows. Locks are waited for in short pieces,
 * again and again, so that nobody queues behind one who waits. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum {
	LOCK_TRIES = 30,
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

static void tell(const struct md_run *run, unsigned at, double rows_done, double rows)
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
static bool is_passing(enum md_code code, const struct md_error *err)
{
	static const char *const wires[] = { "55P03", "40P01", "40001" };

	for (unsigned i = 0; i < sizeof(wires) / sizeof(*wires); i++)
		if (strcmp(err->wire, wires[i]) == 0)
			return true;
	return code == MD_BUSY && strcmp(err->wire, "MD_MIGRATING") != 0;
}

/* What is not there, or is there already: names of the engine's words for it. */
static bool is_done_already(const struct md_error *err)
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

static enum md_code run_text(struct md_db_schema *db, const char *sql, struct md_error *err)
{
	enum md_code code = md_db_schema_run(db, sql, err);

	if (code != MD_OK)
		name_statement(err, sql);
	return code;
}

static enum md_code run_texts(struct md_db_schema *db, const char *const *texts, unsigned count,
			      struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < count; i++)
		code = run_text(db, texts[i], err);
	return code;
}

/* Where a half of a revision is taken back, a statement finds that there is nothing to take back.
 */
static enum md_code run_tolerantly(struct md_db_schema *db, const char *sql, struct md_error *err)
{
	struct md_error failed = { .code = MD_OK };
	enum md_code code = md_db_schema_run(db, "SAVEPOINT _modeld_step", err);

	if (code != MD_OK)
		return code;
	code = run_text(db, sql, &failed);
	if (code == MD_OK)
		return md_db_schema_run(db, "RELEASE SAVEPOINT _modeld_step", err);
	if (is_done_already(&failed))
		return md_db_schema_run(db, "ROLLBACK TO SAVEPOINT _modeld_step", err);
	if (err)
		*err = failed;
	return code;
}

struct verdict {
	char text[256];
	unsigned count;
};

static enum md_code take_verdict(void *ctx, const char *const *values, unsigned count,
				 struct md_error *err)
{
	struct verdict *verdict = ctx;
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
	struct verdict verdict = { .text = "" };
	enum md_code code = md_db_schema_query(db, sql, NULL, 0, take_verdict, &verdict, NULL, err);
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

static enum md_code verify(const struct md_run *run, struct md_error *err)
{
	for (unsigned i = 0; i < run->plan.verify_count; i++) {
		const char *sql = run->plan.verify[i];
		struct verdict verdict = { .text = "" };
		enum md_code code = md_db_schema_query(run->migrate->db, sql, NULL, 0, take_verdict,
						       &verdict, NULL, err);

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
		if (batches->within || tries + 1 >= LOCK_TRIES || !is_passing(code, &failed)) {
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
		tell(batches->run, batches->at, batches->rows_done, batches->rows);
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
static enum md_code run_batches(const struct md_run *run, unsigned at, bool within,
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
	tell(run, at, 0, batches.rows);
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

static enum md_code run_step(const struct md_run *run, unsigned at, struct md_error *err)
{
	const struct md_step *step = &run->plan.steps[at];
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = MD_OK;

	if (step->kind == MD_STEP_BATCHES)
		return run_batches(run, at, true, err);
	tell(run, at, -1, step->rows);
	for (unsigned i = 0; code == MD_OK && i < step->sql_count; i++)
		code = run->tolerant ? run_tolerantly(db, step->sql[i], err)
				     : run_text(db, step->sql[i], err);
	return code;
}

/* The state in which a run ends well. */
static enum md_history_state final_state(const struct md_run *run)
{
	return run->down ? MD_HISTORY_ROLLED_BACK : MD_HISTORY_APPLIED;
}

static int64_t elapsed_ms(const struct md_run *run)
{
	return (int64_t)((md_now_ns() - run->began_ns) / MD_MS);
}

static enum md_code note_end(const struct md_run *run, struct md_error *err)
{
	return md_history_end(run->migrate->db, run->sequence, final_state(run), elapsed_ms(run),
			      NULL, err);
}

/* What a row says of the revision, whichever way it goes. */
static void describe(const struct md_run *run, struct md_history_row *row)
{
	const struct md_link *link = run->link;
	const char *parent = json_string_value(json_object_get(run->document, "down_revision"));

	memcpy(row->revision, link->id, sizeof(row->revision));
	if (parent && strlen(parent) < sizeof(row->parent))
		memcpy(row->parent, parent, strlen(parent) + 1);
	memcpy(row->checksum,
	       link->file && !link->holds ? link->file->checksum : link->row->checksum,
	       sizeof(row->checksum));
	row->message = json_string_value(json_object_get(run->document, "message"));
	row->steps = run->plan.step_count;
	row->state = run->down ? MD_HISTORY_REVERTING : MD_HISTORY_RUNNING;
	row->applied_by = run->migrate->owner;
	row->version = PACKAGE_VERSION;
}

/* A try that left nothing behind keeps its place only when nothing came after it: the history is in
 * the order in which things were done. */
static enum md_code forget_old_try(const struct md_run *run, struct md_error *err)
{
	const struct md_history *history = &run->migrate->history;
	const struct md_history_row *row = run->link->row;

	if (run->down || !row || run->link->holds || row->state == MD_HISTORY_ROLLED_BACK ||
	    row == &history->rows[history->count - 1])
		return MD_OK;
	return md_history_forget(run->migrate->db, row->revision, err);
}

/* What the history is to say from now on. The snapshot of a revision that is taken back is still
 * the one behind it. */
static enum md_code note_begin(struct md_run *run, struct md_error *err)
{
	struct md_history_row row = { .sequence = 0 };
	md_auto_json body = json_copy(run->document);
	char *text = NULL, *snapshot = NULL;
	enum md_code code;

	if (!body || json_object_set_new(body, "plan", md_plan_write(&run->plan)) != 0)
		return md_fail_nomem(err);
	describe(run, &row);
	row.body = text = json_dumps(body, JSON_COMPACT);
	if (!run->down)
		row.snapshot = snapshot =
			json_dumps(run->after->document, JSON_COMPACT | JSON_SORT_KEYS);
	code = text && (run->down || snapshot) ? forget_old_try(run, err) : md_fail_nomem(err);
	if (code == MD_OK)
		code = md_history_begin(run->migrate->db, &row, err);
	if (code == MD_OK)
		run->sequence = row.sequence;
	free(text);
	free(snapshot);
	return code;
}

/* --- a database in a file ----------------------------------------------------------------------
 */

/* The plan was made before the transaction began, which pragmas of its own come before: nobody may
 * have changed anything since. */
static enum md_code all_at_once(struct md_run *run, struct md_error *err)
{
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = md_db_schema_begin(db, err);

	if (code == MD_OK)
		code = md_run_check(run, err);
	if (code == MD_OK)
		code = note_begin(run, err);
	for (unsigned i = 0; code == MD_OK && i < run->plan.step_count; i++)
		code = run_step(run, i, err);
	if (code == MD_OK)
		code = verify(run, err);
	if (code == MD_OK)
		code = md_history_step(db, run->sequence, run->plan.step_count, err);
	if (code == MD_OK)
		code = note_end(run, err);
	if (code == MD_OK)
		code = md_db_schema_commit(db, err);
	if (code != MD_OK)
		md_db_schema_rollback(db, NULL);
	return code;
}

/* --- a server ----------------------------------------------------------------------------------
 */

/* The end of the neighbours that run with the step at `at`. */
static unsigned end_of_group(const struct md_plan *plan, unsigned at)
{
	unsigned end = at + 1;

	if (plan->steps[at].kind != MD_STEP_TOGETHER)
		return end;
	while (end < plan->step_count && plan->steps[end].kind == MD_STEP_TOGETHER)
		end++;
	return end;
}

static enum md_code run_group(struct md_run *run, unsigned from, unsigned to, struct md_error *err)
{
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = md_db_schema_begin(db, err);

	for (unsigned i = from; code == MD_OK && i < to; i++)
		code = run_step(run, i, err);
	if (code == MD_OK)
		code = verify(run, err);
	if (code == MD_OK)
		code = md_history_step(db, run->sequence, to, err);
	if (code == MD_OK && to == run->plan.step_count)
		code = note_end(run, err);
	if (code == MD_OK)
		code = md_db_schema_commit(db, err);
	if (code != MD_OK)
		md_db_schema_rollback(db, NULL);
	return code;
}

/* Such a step holds nobody up while it waits, and would begin all over again: it waits as long as
 * it takes. */
static enum md_code run_patiently(const struct md_run *run, const struct md_step *step,
				  struct md_error *err)
{
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = run_text(db, "SET lock_timeout = 0", err);
	md_auto_buf back = MD_BUF(128);

	md_buf_printf(&back, "SET lock_timeout = %u", run->migrate->options.lock_timeout_ms);
	if (!md_buf_text(&back))
		return md_fail_nomem(err);
	if (code == MD_OK)
		code = run_texts(db, step->sql, step->sql_count, err);
	if (code == MD_OK)
		return run_text(db, back.data, err);
	md_db_schema_run(db, back.data, NULL);
	return code;
}

static enum md_code run_alone(struct md_run *run, unsigned at, struct md_error *err)
{
	const struct md_step *step = &run->plan.steps[at];
	struct md_db_schema *db = run->migrate->db;
	struct verdict done = { .text = "" };
	enum md_code code = MD_OK;

	tell(run, at, -1, step->rows);
	if (step->probe)
		code = md_db_schema_query(db, step->probe, NULL, 0, take_verdict, &done, NULL, err);
	if (code == MD_OK && done.count == 0 && step->clean)
		code = run_text(db, step->clean, err);
	if (code == MD_OK && done.count == 0) {
		struct md_error failed = { .code = MD_OK };

		code = run_patiently(run, step, &failed);
		if (code != MD_OK && step->clean)
			md_db_schema_run(db, step->clean, NULL);
		if (code != MD_OK && run->tolerant && is_done_already(&failed))
			code = MD_OK;
		else if (code != MD_OK && err)
			*err = failed;
	}
	return code == MD_OK ? md_history_step(db, run->sequence, at + 1, err) : code;
}

static enum md_code run_some(struct md_run *run, unsigned from, unsigned to, struct md_error *err)
{
	enum md_code code;

	switch (run->plan.steps[from].kind) {
	case MD_STEP_ALONE:
		return run_alone(run, from, err);
	case MD_STEP_BATCHES:
		code = run_batches(run, from, false, err);
		return code == MD_OK ? md_history_step(run->migrate->db, run->sequence, to, err)
				     : code;
	case MD_STEP_TOGETHER:
	case MD_STEP_APART:
		break;
	}
	return run_group(run, from, to, err);
}

/* A lock that does not come, or a deadlock, undoes the neighbours that ran together, and only
 * these. */
static enum md_code run_some_in_the_end(struct md_run *run, unsigned from, unsigned to,
					struct md_error *err)
{
	unsigned most =
		run->migrate->options.lock_tries ? run->migrate->options.lock_tries : LOCK_TRIES;

	for (unsigned tries = 0;; tries++) {
		struct md_error failed = { .code = MD_OK };
		enum md_code code = run_some(run, from, to, &failed);

		if (code == MD_OK)
			return code;
		if (tries + 1 >= most || !is_passing(code, &failed)) {
			if (err)
				*err = failed;
			return code;
		}
		md_log_line(run->migrate->options.log, MD_LOG_INFO,
			    "migration: %s waits for a lock, try %u of %u: %s",
			    run->plan.steps[from].what, tries + 1, most, failed.message);
		md_migrate_back_off(tries);
	}
}

static enum md_code in_steps(struct md_run *run, struct md_error *err)
{
	enum md_code code = run->resumed ? MD_OK : md_run_check(run, err);
	bool ended = false;

	if (run->resumed)
		run->sequence = run->link->row->sequence;
	else if (code == MD_OK)
		code = note_begin(run, err);
	while (code == MD_OK && run->done < run->plan.step_count) {
		unsigned to = end_of_group(&run->plan, run->done);
		enum md_step_kind kind = run->plan.steps[run->done].kind;

		code = run_some_in_the_end(run, run->done, to, err);
		if (code == MD_OK)
			run->done = to;
		ended = to == run->plan.step_count &&
			(kind == MD_STEP_TOGETHER || kind == MD_STEP_APART);
		if (code == MD_OK)
			code = md_history_heartbeat(run->migrate->db, err);
	}
	return code == MD_OK && !ended ? note_end(run, err) : code;
}

/* --- a revision --------------------------------------------------------------------------------
 */

/* Where nothing is left of a run, it is noted all the same that it was tried, and why it failed. A
 * rollback that failed is one that has begun. */
static void note_failure(struct md_run *run, const struct md_error *failed)
{
	struct md_db_schema *db = run->migrate->db;
	enum md_history_state state = run->down ? MD_HISTORY_REVERTING : MD_HISTORY_FAILED;

	if (md_db_schema_is_file(db)) {
		if (run->down || md_db_schema_begin(db, NULL) != MD_OK)
			return;
		if (note_begin(run, NULL) != MD_OK ||
		    md_history_end(db, run->sequence, state, elapsed_ms(run), failed->message,
				   NULL) != MD_OK ||
		    md_db_schema_commit(db, NULL) != MD_OK)
			md_db_schema_rollback(db, NULL);
		return;
	}
	if (run->sequence > 0)
		md_history_end(db, run->sequence, state, elapsed_ms(run), failed->message, NULL);
}

enum md_code md_run_go(struct md_run *run, struct md_error *err)
{
	struct md_db_schema *db = run->migrate->db;
	struct md_error failed = { .code = MD_OK };
	enum md_code code;

	run->began_ns = md_now_ns();
	run->sequence = 0;
	code = run_texts(db, run->plan.open, run->plan.open_count, &failed);
	if (code == MD_OK)
		code = (md_db_schema_is_file(db) ? all_at_once : in_steps)(run, &failed);
	for (unsigned i = 0; i < run->plan.close_count; i++)
		md_db_schema_run(db, run->plan.close[i], NULL);
	md_migrate_quiet(run->migrate);
	if (code == MD_OK)
		return code;
	if (strcmp(failed.wire, "MD_DATA") != 0 || run->sequence > 0)
		note_failure(run, &failed);
	if (err)
		*err = failed;
	return code;
}

enum md_code md_run_fake(struct md_run *run, enum md_history_state state, struct md_error *err)
{
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = md_db_schema_begin(db, err);

	run->began_ns = md_now_ns();
	if (code == MD_OK)
		code = note_begin(run, err);
	if (code == MD_OK)
		code = md_history_end(db, run->sequence, state, 0, NULL, err);
	if (code == MD_OK)
		code = md_db_schema_commit(db, err);
	if (code != MD_OK)
		md_db_schema_rollback(db, NULL);
	return code;
}
