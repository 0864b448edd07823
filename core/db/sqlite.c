/* SQLite behind the driver contract: units on one connection, on the calling thread.
 *
 *   push ──► begin ──► next() ─ CALL ─► bind ─► rows() ─ ON ─► next() …
 *                        │                       ├─ PAUSE ─► paused(), cursor stays open;
 *                        │                       │           resume() goes on in rows()
 *                        └─ COMMIT / ROLLBACK    └─ ABORT
 *                                └──────┬───────────┘
 *                       everything reset, bracket closed, done() */
#include "core/db/sqlite.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/dialect.h"

#include "core/base/banned.h"

enum { EXPLAIN_MS = 50 };

static const char *const command_texts[MD_SQLITE_COMMAND_COUNT] = {
	[MD_SQLITE_BEGIN] = "BEGIN",
	[MD_SQLITE_BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
	[MD_SQLITE_COMMIT] = "COMMIT",
	[MD_SQLITE_ROLLBACK] = "ROLLBACK",
	[MD_SQLITE_SAVE] = "SAVEPOINT md_unit",
	[MD_SQLITE_RELEASE] = "RELEASE md_unit",
	[MD_SQLITE_ROLLBACK_TO] = "ROLLBACK TO md_unit",
};

/* The commit record may have reached the disk although the sync of it failed: found there after a
 * crash, it counts. */
static enum md_code fail_command(struct md_sqlite *sq, enum md_sqlite_command which, int rc,
				 struct md_error *err)
{
	if (which == MD_SQLITE_COMMIT && (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC))
		return md_fail(err, MD_UNCERTAIN, "58030",
			       "the disk failed at the commit: it may or may not have happened");
	return md_sqlite_fail(sq, rc, command_texts[which], err);
}

static enum md_code run_command(struct md_sqlite *sq, enum md_sqlite_command which,
				struct md_error *err)
{
	bool was_trusted = sq->trusted;
	int rc = SQLITE_OK;

	sq->trusted = true;
	if (!sq->commands[which])
		rc = sqlite3_prepare_v3(sq->db, command_texts[which], -1, SQLITE_PREPARE_PERSISTENT,
					&sq->commands[which], NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(sq->commands[which]);
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	if (rc != SQLITE_OK)
		fail_command(sq, which, rc, err);
	sqlite3_reset(sq->commands[which]);
	sq->trusted = was_trusted;
	return rc == SQLITE_OK ? MD_OK : err->code;
}

static enum md_code command(struct md_conn *conn, const char *sql, struct md_error *err)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;
	struct md_error local;
	bool was_trusted = sq->trusted;
	int rc;

	for (unsigned i = 0; i < MD_SQLITE_COMMAND_COUNT; i++)
		if (strcmp(sql, command_texts[i]) == 0)
			return run_command(sq, (enum md_sqlite_command)i, err ? err : &local);
	sq->trusted = true;
	rc = sqlite3_exec(sq->db, sql, NULL, NULL, NULL);
	sq->trusted = was_trusted;
	return rc == SQLITE_OK ? MD_OK : md_sqlite_fail(sq, rc, sql, err);
}

/* From here on cancel() may interrupt; and no longer. */
static void set_running(struct md_sqlite *sq, struct md_unit *unit)
{
	md_lock_enter(&sq->cancel_lock);
	sq->running = unit;
	md_lock_leave(&sq->cancel_lock);
}

/* Statements are compiled anew, since the check becomes another one: not for every write. */
static enum md_code postpone_keys(struct md_sqlite *sq, bool on, struct md_error *err)
{
	if (!sq->unit->postpones || sq->base.held)
		return MD_OK;
	return command(&sq->base,
		       on ? "PRAGMA defer_foreign_keys=ON" : "PRAGMA defer_foreign_keys=OFF", err);
}

static enum md_code open_bracket(struct md_sqlite *sq, struct md_unit *unit)
{
	bool held = sqlite3_get_autocommit(sq->db) == 0;

	sq->bracket = MD_SQLITE_NO_BRACKET;
	if (unit->tx == MD_TX_WRITE)
		sq->bracket = held ? MD_SQLITE_SAVEPOINT : MD_SQLITE_WRITE;
	else if (unit->tx == MD_TX_READ && !held)
		sq->bracket = MD_SQLITE_READ;
	switch (sq->bracket) {
	case MD_SQLITE_NO_BRACKET:
		return MD_OK;
	case MD_SQLITE_READ:
		return run_command(sq, MD_SQLITE_BEGIN, &unit->error);
	case MD_SQLITE_WRITE:
		return run_command(sq, MD_SQLITE_BEGIN_IMMEDIATE, &unit->error);
	case MD_SQLITE_SAVEPOINT:
		return run_command(sq, MD_SQLITE_SAVE, &unit->error);
	}
	return MD_INTERNAL;
}

static void undo(struct md_sqlite *sq);

static enum md_code begin(struct md_sqlite *sq, struct md_unit *unit)
{
	enum md_code code = open_bracket(sq, unit);

	if (code != MD_OK)
		return code;
	code = postpone_keys(sq, true, &unit->error);
	if (code != MD_OK)
		undo(sq);
	return code;
}

/* A deferred foreign key is checked by COMMIT only; a savepoint of a group and a dry run must know
 * it before. */
static enum md_code check_deferred_keys(struct md_sqlite *sq, struct md_error *err)
{
	int violated = 0, highest = 0;

	if (sq->base.held || (sq->bracket != MD_SQLITE_WRITE && sq->bracket != MD_SQLITE_SAVEPOINT))
		return MD_OK;
	sqlite3_db_status(sq->db, SQLITE_DBSTATUS_DEFERRED_FKS, &violated, &highest, 0);
	return violated == 0
		       ? MD_OK
		       : md_fail(err, MD_CONFLICT, "23503",
				 "insert, update or delete violates a foreign key constraint");
}

static void undo(struct md_sqlite *sq)
{
	struct md_error ignored;
	enum md_code code;

	/* Some errors have rolled everything back already. */
	if (sq->bracket == MD_SQLITE_NO_BRACKET || sqlite3_get_autocommit(sq->db) != 0)
		return;
	if (sq->bracket != MD_SQLITE_SAVEPOINT) {
		code = run_command(sq, MD_SQLITE_ROLLBACK, &ignored);
	} else {
		code = run_command(sq, MD_SQLITE_ROLLBACK_TO, &ignored);
		if (code == MD_OK)
			code = run_command(sq, MD_SQLITE_RELEASE, &ignored);
	}
	if (code != MD_OK)
		sq->base.broken = true;
}

static enum md_code commit(struct md_sqlite *sq, struct md_error *err)
{
	enum md_code code;

	switch (sq->bracket) {
	case MD_SQLITE_NO_BRACKET:
		return MD_OK;
	case MD_SQLITE_READ:
	case MD_SQLITE_WRITE:
		return run_command(sq, MD_SQLITE_COMMIT, err);
	case MD_SQLITE_SAVEPOINT:
		code = check_deferred_keys(sq, err);
		return code == MD_OK ? run_command(sq, MD_SQLITE_RELEASE, err) : code;
	}
	return MD_INTERNAL;
}

/* Which constraint was it? The unit asks; it has been undone, so nothing is in danger. Its
 * questions have a time of their own, and their failures are heard by nobody. */
static void explain(struct md_sqlite *sq)
{
	struct md_unit *unit = sq->unit;
	struct md_error ignored;
	bool goes_on = true;

	sq->statement_end_ns = md_now_ns() + EXPLAIN_MS * MD_MS;
	while (goes_on && unit->ops->explain(unit, &sq->call) == MD_NEXT_CALL) {
		goes_on = md_sqlite_open_cursor(sq, &sq->call, &sq->cursor, &ignored) == MD_OK &&
			  sq->cursor->read_only &&
			  unit->ops->rows(unit, &sq->call, &sq->cursor->rows) == MD_FLOW_ON;
		md_sqlite_close_all(sq);
	}
	sq->statement_end_ns = 0;
	sq->stop = MD_SQLITE_GO_ON;
}

static bool needs_explaining(const struct md_sqlite *sq, enum md_code code)
{
	const struct md_unit *unit = sq->unit;

	return code != MD_OK && unit->ops->explain && !sq->base.broken &&
	       strncmp(unit->error.wire, "23", 2) == 0;
}

static bool is_alive(struct md_sqlite *sq, enum md_code code)
{
	return code != MD_INTERNAL || (sqlite3_errcode(sq->db) & 0xFF) != SQLITE_CORRUPT;
}

/* The last touch of the unit: it may be gone when done() returns. */
static void finish(struct md_sqlite *sq, enum md_next how, enum md_code code)
{
	struct md_unit *unit = sq->unit;

	set_running(sq, NULL);
	md_sqlite_close_all(sq);
	/* We stopped it: whatever the unit made of that failure, this is what happened. */
	if (code != MD_OK && sq->stop != MD_SQLITE_GO_ON)
		code = md_sqlite_fail_stopped(sq->stop, &unit->error);
	sq->stop = MD_SQLITE_GO_ON;
	sq->statement_end_ns = sq->budget_end_ns = 0;
	if (code == MD_OK && how == MD_NEXT_COMMIT)
		code = commit(sq, &unit->error);
	else if (code == MD_OK && unit->error.code == MD_OK)
		code = check_deferred_keys(sq, &unit->error);
	else if (code == MD_OK)
		code = unit->error.code;
	if (code != MD_OK || how != MD_NEXT_COMMIT)
		undo(sq);
	if (!is_alive(sq, code) || postpone_keys(sq, false, NULL) != MD_OK)
		sq->base.broken = true;
	sq->stop = MD_SQLITE_GO_ON;
	if (needs_explaining(sq, code))
		explain(sq);
	sq->unit = NULL;
	sq->base.depth--;
	unit->ops->done(unit, code);
}

static enum md_code internal(struct md_unit *unit, const char *what)
{
	return md_fail(&unit->error, MD_INTERNAL, "XX000", "%s", what);
}

/* Open the cursor of sq->call; a statement without rows runs to its end at once. */
static enum md_code start_call(struct md_sqlite *sq)
{
	struct md_unit *unit = sq->unit;
	const struct md_value *cells;
	enum md_code code;

	unit->changes = 0;
	unit->sent = true;
	if (sq->statement_timeout_ns != 0 && sq->bracket != MD_SQLITE_SAVEPOINT)
		sq->statement_end_ns = md_now_ns() + sq->statement_timeout_ns;
	if (md_sqlite_must_stop(sq))
		return md_sqlite_fail_stopped(sq->stop, &unit->error);
	code = md_sqlite_open_cursor(sq, &sq->call, &sq->cursor, &unit->error);
	if (code != MD_OK || sq->cursor->rows.columns != 0)
		return code;
	return sq->cursor->rows.next(&sq->cursor->rows, &cells, &unit->error) == MD_STEP_FAIL
		       ? unit->error.code
		       : MD_OK;
}

/* Give the rows to the unit. False: it paused, or is finished. */
static bool consume(struct md_sqlite *sq)
{
	struct md_unit *unit = sq->unit;
	enum md_code code = MD_INTERNAL;

	switch (unit->ops->rows(unit, &sq->call, &sq->cursor->rows)) {
	case MD_FLOW_ON:
		code = md_sqlite_close_cursor(sq->cursor, &unit->error);
		sq->cursor = NULL;
		if (code == MD_OK)
			return true;
		break;
	case MD_FLOW_PAUSE:
		if (unit->ops->paused) {
			sq->paused_ns = md_now_ns();
			unit->ops->paused(unit);
			return false;
		}
		code = internal(unit, "the unit paused, but cannot be resumed");
		break;
	case MD_FLOW_WAIT:
		code = internal(unit, "the unit waits for a row that is there");
		break;
	case MD_FLOW_ABORT:
		code = unit->error.code;
		if (code == MD_OK)
			code = internal(unit, "the unit gave up without a reason");
		break;
	}
	finish(sq, MD_NEXT_ROLLBACK, code);
	return false;
}

static void run(struct md_sqlite *sq)
{
	struct md_unit *unit = sq->unit;

	for (;;) {
		enum md_next next = unit->ops->next(unit, &sq->call);
		enum md_code code;

		if (next == MD_NEXT_AFTER_ROWS) /* they have been consumed: ask again */
			continue;
		if (next != MD_NEXT_CALL) {
			finish(sq, next, MD_OK);
			return;
		}
		code = start_call(sq);
		if (code != MD_OK) {
			finish(sq, MD_NEXT_ROLLBACK, code);
			return;
		}
		if (!consume(sq))
			return;
	}
}

static void push(struct md_conn *conn, struct md_unit *unit)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;
	enum md_code code;

	conn->head_ns = md_now_ns();
	conn->depth++;
	md_error_clear(&unit->error);
	unit->violated[0] = '\0';
	sq->unit = unit;
	sq->stop = MD_SQLITE_GO_ON;
	sq->cursor = NULL;
	sq->bracket = MD_SQLITE_NO_BRACKET;
	sq->budget_end_ns = sq->budget_ns == 0 ? 0 : conn->head_ns + sq->budget_ns;
	sq->statement_end_ns = 0;
	set_running(sq, unit);
	if (md_sqlite_must_stop(sq)) {
		finish(sq, MD_NEXT_ROLLBACK, md_sqlite_fail_stopped(sq->stop, &unit->error));
		return;
	}
	code = begin(sq, unit);
	if (code != MD_OK) {
		sq->bracket = MD_SQLITE_NO_BRACKET;
		finish(sq, MD_NEXT_ROLLBACK, code);
		return;
	}
	run(sq);
}

static void resume(struct md_conn *conn, struct md_unit *unit)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;

	(void)unit;
	/* The time of the pause was the client's, not the statement's. */
	if (sq->statement_end_ns != 0)
		sq->statement_end_ns += md_now_ns() - sq->paused_ns;
	if (consume(sq))
		run(sq);
}

static void cancel(struct md_conn *conn, struct md_unit *unit)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;

	atomic_store(&unit->cancelled, true);
	md_lock_enter(&sq->cancel_lock);
	if (sq->running == unit)
		sqlite3_interrupt(sq->db);
	md_lock_leave(&sq->cancel_lock);
}

static void set_budget(struct md_conn *conn, uint64_t ns)
{
	((struct md_sqlite *)conn)->budget_ns = ns;
}

static bool is_stale(struct md_conn *conn)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;
	const char *what;

	return md_sqlite_has_moved(sq) ||
	       (sq->wants_write && md_sqlite_may_write(sqlite3_db_filename(sq->db, "main"), &what));
}

static bool in_transaction(const struct md_conn *conn)
{
	return sqlite3_get_autocommit(((const struct md_sqlite *)conn)->db) == 0;
}

const struct md_db_driver md_sqlite_driver = {
	.engine = "sqlite",
	.dialect = &md_sqlite_dialect,
	.features =
		MD_DB_BLOCKING | MD_DB_ONE_WRITER | MD_DB_NESTED | MD_DB_RETURNING | MD_DB_UPSERT,
	.connect = md_sqlite_connect,
	.close = md_sqlite_close,
	.push = push,
	.resume = resume,
	.cancel = cancel,
	.command = command,
	.query = md_sqlite_query,
	.catalog = md_sqlite_catalog,
	.set_budget = set_budget,
	.is_stale = is_stale,
	.scratch_url = "sqlite:///:memory:",
	.begin_write = "BEGIN IMMEDIATE",
	.in_transaction = in_transaction,
};
