/* The steps of one revision, run and noted. An engine that keeps a database in a file runs all of a
 * revision in one transaction, the note included: it happens once or not at all. A server runs
 * neighbours together and notes how far it is in the same transaction; what runs in none is noted
 * behind it, and asked about (`probe`) when nobody knows. Locks are waited for in short pieces,
 * again and again, so that nobody queues behind one who waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/catalog.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

/* --- the journal -------------------------------------------------------------------------------
 */

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

static unsigned most_tries(const struct md_run *run)
{
	unsigned tries = run->migrate->options.lock_tries;

	return tries > 0 ? tries : MD_LOCK_TRIES;
}

/* Others may be writing all the time. */
static enum md_code begin_in_the_end(const struct md_run *run, struct md_error *err)
{
	for (unsigned tries = 0;; tries++) {
		struct md_error failed = { .code = MD_OK };
		enum md_code code = md_db_schema_begin(run->migrate->db, &failed);

		if (code == MD_OK)
			return code;
		if (tries + 1 >= most_tries(run) || !md_is_passing(code, &failed)) {
			if (err)
				*err = failed;
			return code;
		}
		md_migrate_back_off(tries);
	}
}

/* The plan was made before the transaction began, which pragmas of its own come before: nobody may
 * have changed anything since. */
static enum md_code all_at_once(struct md_run *run, struct md_error *err)
{
	struct md_db_schema *db = run->migrate->db;
	enum md_code code = begin_in_the_end(run, err);

	if (code == MD_OK) /* whoever has the right to write now: is the lock still ours? */
		code = md_history_heartbeat(db, err);
	if (code == MD_OK)
		code = md_run_check(run, err);
	if (code == MD_OK)
		code = note_begin(run, err);
	for (unsigned i = 0; code == MD_OK && i < run->plan.step_count; i++)
		code = md_step_run(run, i, err);
	if (code == MD_OK)
		code = md_run_verify(run, err);
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

/* The same, where the transaction is somebody else's and what cannot run in one is made to. */
static enum md_code all_inside(struct md_run *run, struct md_error *err)
{
	enum md_code code = note_begin(run, err);

	if (code == MD_OK)
		code = md_run_inside(run, err);
	return code == MD_OK ? note_end(run, err) : code;
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

	if (code == MD_OK)
		code = md_run_hurriedly(run->migrate, err);
	for (unsigned i = from; code == MD_OK && i < to; i++)
		code = md_step_run(run, i, err);
	if (code == MD_OK)
		code = md_run_verify(run, err);
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
	enum md_code code = md_run_text(db, "SET lock_timeout = 0", err);
	md_auto_buf back = MD_BUF(128);

	md_buf_printf(&back, "SET lock_timeout = %u", run->migrate->options.lock_timeout_ms);
	if (!md_buf_text(&back))
		return md_fail_nomem(err);
	if (code == MD_OK)
		code = md_run_texts(db, step->sql, step->sql_count, err);
	if (code == MD_OK)
		return md_run_text(db, back.data, err);
	md_db_schema_run(db, back.data, NULL);
	return code;
}

static enum md_code run_alone(struct md_run *run, unsigned at, struct md_error *err)
{
	const struct md_step *step = &run->plan.steps[at];
	struct md_db_schema *db = run->migrate->db;
	struct md_verdict done = { .text = "" };
	enum md_code code = MD_OK;

	md_step_tell(run, at, -1, step->rows);
	if (step->probe)
		code = md_db_schema_query(db, step->probe, NULL, 0, md_take_verdict, &done, NULL,
					  err);
	if (code == MD_OK && done.count == 0 && step->clean)
		code = md_run_text(db, step->clean, err);
	if (code == MD_OK && done.count == 0) {
		struct md_error failed = { .code = MD_OK };

		code = run_patiently(run, step, &failed);
		if (code != MD_OK && step->clean)
			md_db_schema_run(db, step->clean, NULL);
		if (code != MD_OK && run->tolerant && md_is_done_already(&failed))
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
		code = md_step_batches(run, from, false, err);
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
	unsigned most = most_tries(run);

	for (unsigned tries = 0;; tries++) {
		struct md_error failed = { .code = MD_OK };
		enum md_code code = run_some(run, from, to, &failed);

		if (code == MD_OK)
			return code;
		if (tries + 1 >= most || !md_is_passing(code, &failed)) {
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

/* Checks that a revision has only while it is run: one that was cut off has left them. */
static enum md_code tidy(const struct md_run *run, struct md_error *err)
{
	struct md_migrate *migrate = run->migrate;
	const struct md_catalog *catalog = NULL;
	char begins[32];
	enum md_code code = md_db_schema_catalog(migrate->db, migrate->arena, &catalog, err);

	snprintf(begins, sizeof(begins), "_modeld_%s_", run->link->id);
	for (unsigned t = 0; code == MD_OK && t < catalog->count; t++) {
		const struct md_catalog_table *table = &catalog->tables[t];

		for (unsigned i = 0; code == MD_OK && i < table->check_count; i++) {
			md_auto_buf sql = MD_BUF(4096);

			if (strncmp(table->checks[i].name, begins, strlen(begins)) != 0)
				continue;
			md_buf_puts(&sql, "ALTER TABLE ");
			md_ddl_put_name(migrate->dialect, &sql, table->name);
			md_buf_puts(&sql, " DROP CONSTRAINT ");
			md_ddl_put_name(migrate->dialect, &sql, table->checks[i].name);
			code = md_buf_text(&sql) ? md_run_text(migrate->db, sql.data, err)
						 : md_fail_nomem(err);
		}
	}
	return code;
}

static enum md_code in_steps(struct md_run *run, struct md_error *err)
{
	enum md_code code = run->resumed ? MD_OK : md_run_check(run, err);
	bool ended = false;

	if (run->resumed)
		run->sequence = run->link->row->sequence;
	else if (code == MD_OK)
		code = note_begin(run, err);
	if (code == MD_OK && run->tolerant)
		code = tidy(run, err);
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
	code = md_run_texts(db, run->plan.open, run->plan.open_count, &failed);
	if (code == MD_OK && run->migrate->inside)
		code = all_inside(run, &failed);
	else if (code == MD_OK)
		code = (md_db_schema_is_file(db) ? all_at_once : in_steps)(run, &failed);
	for (unsigned i = 0; i < run->plan.close_count; i++)
		md_db_schema_run(db, run->plan.close[i], NULL);
	md_migrate_quiet(run->migrate);
	if (code == MD_OK)
		return code;
	if (!run->migrate->inside && (strcmp(failed.wire, "MD_DATA") != 0 || run->sequence > 0))
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
