/* md_db_driver.query: one trusted statement with texts as parameters, its rows as texts. */
#include <stdlib.h>
#include <string.h>

#include "core/base/sql_text.h"
#include "core/db/sqlite.h"

#include "core/base/banned.h"

struct run {
	struct md_sqlite *sq;
	const struct md_db_query *query;
	sqlite3_stmt *stmt;
	const char **values; /* of one row */
	uint64_t rows;
};

static enum md_code prepare(struct run *run, struct md_error *err)
{
	const char *tail = NULL;
	const char *sql = run->query->sql;
	int rc = sqlite3_prepare_v2(run->sq->db, sql, -1, &run->stmt, &tail);

	if (rc != SQLITE_OK)
		return md_sqlite_fail(run->sq, rc, sql, err);
	if (!run->stmt)
		return md_fail(err, MD_INVALID, "42601", "the statement is empty");
	for (tail = md_sql_skip_blank(tail); *tail == ';';)
		tail = md_sql_skip_blank(tail + 1);
	if (*tail)
		return md_fail(err, MD_INVALID, "42601",
			       "cannot insert multiple commands into a prepared statement");
	return MD_OK;
}

static enum md_code bind(struct run *run, struct md_error *err)
{
	const struct md_db_query *query = run->query;
	int wanted = sqlite3_bind_parameter_count(run->stmt);

	if ((unsigned)wanted != query->param_count)
		return md_fail(err, MD_INVALID, "08P01",
			       "bind message supplies %u parameters, but prepared statement "
			       "requires %d",
			       query->param_count, wanted);
	for (unsigned i = 0; i < query->param_count; i++) {
		const char *text = query->params[i];
		int rc = text ? sqlite3_bind_text64(run->stmt, (int)i + 1, text, strlen(text),
						    SQLITE_STATIC, SQLITE_UTF8)
			      : sqlite3_bind_null(run->stmt, (int)i + 1);

		if (rc != SQLITE_OK)
			return md_sqlite_fail(run->sq, rc, query->sql, err);
	}
	return MD_OK;
}

static enum md_code give_row(struct run *run, struct md_error *err)
{
	int count = sqlite3_column_count(run->stmt);

	if (!run->query->each)
		return MD_OK;
	if (!run->values)
		run->values = calloc((size_t)count + 1, sizeof(*run->values));
	if (!run->values)
		return md_fail_nomem(err);
	for (int i = 0; i < count; i++) {
		/* What could not be made a text for lack of memory is a null behind it. */
		int type = sqlite3_column_type(run->stmt, i);

		run->values[i] = (const char *)sqlite3_column_text(run->stmt, i);
		if (!run->values[i] && type != SQLITE_NULL)
			return md_fail_nomem(err);
	}
	return run->query->each(run->query->ctx, run->values, (unsigned)count, err);
}

static enum md_code step_all(struct run *run, struct md_error *err)
{
	enum md_code code = MD_OK;
	int rc = sqlite3_step(run->stmt);

	for (; rc == SQLITE_ROW && code == MD_OK; run->rows++) {
		code = give_row(run, err);
		if (code == MD_OK)
			rc = sqlite3_step(run->stmt);
	}
	if (code != MD_OK || rc == SQLITE_DONE)
		return code;
	return md_sqlite_fail(run->sq, rc, run->query->sql, err);
}

/* sqlite3_changes() is that of the last statement which wrote: this one need not have. */
static uint64_t changed(const struct run *run, sqlite3_int64 total_before)
{
	if (sqlite3_column_count(run->stmt) > 0 && sqlite3_stmt_readonly(run->stmt))
		return run->rows;
	if (sqlite3_total_changes64(run->sq->db) == total_before)
		return 0;
	return (uint64_t)sqlite3_changes64(run->sq->db);
}

enum md_code md_sqlite_query(struct md_conn *conn, const struct md_db_query *query,
			     uint64_t *ret_changed, struct md_error *err)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;
	struct run run = { .sq = sq, .query = query };
	sqlite3_int64 before = sqlite3_total_changes64(sq->db);
	bool was_trusted = sq->trusted;
	enum md_code code;

	sq->trusted = true;
	code = prepare(&run, err);
	if (code == MD_OK)
		code = bind(&run, err);
	if (code == MD_OK)
		code = step_all(&run, err);
	if (code == MD_OK && ret_changed)
		*ret_changed = changed(&run, before);
	sqlite3_finalize(run.stmt);
	free(run.values);
	sq->trusted = was_trusted;
	return code;
}
