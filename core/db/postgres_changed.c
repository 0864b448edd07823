/* Results that are not what their plan expects, because a table was altered after it was planned.
 * The server tells that of statements that it had prepared before; of the others only the types of
 * their results do, and a cell that is written as a number or as JSON must not be a text. */
#include "core/db/postgres.h"

#include "core/base/banned.h"

enum {
	BOOL = 16,
	INT8 = 20,
	INT2 = 21,
	INT4 = 23,
	JSON = 114,
	FLOAT4 = 700,
	FLOAT8 = 701,
	TIMESTAMP = 1114,
	TIMESTAMPTZ = 1184,
	NUMERIC = 1700,
	JSONB = 3802
};

static enum md_expect kind_of(Oid type)
{
	switch (type) {
	case BOOL:
		return MD_EXPECT_BOOL;
	case INT8:
	case INT2:
	case INT4:
	case FLOAT4:
	case FLOAT8:
	case NUMERIC:
		return MD_EXPECT_NUMBER;
	case JSON:
	case JSONB:
		return MD_EXPECT_JSON;
	case TIMESTAMP:
	case TIMESTAMPTZ:
		return MD_EXPECT_TIMESTAMP;
	default:
		return MD_EXPECT_TEXT;
	}
}

static bool differs(const struct md_stmt *stmt, const PGresult *result, unsigned column)
{
	return stmt->cells[column] != MD_EXPECT_ANY &&
	       stmt->cells[column] != kind_of(PQftype(result, (int)column));
}

static void put_string(struct md_buf *out, const char *text)
{
	md_buf_putc(out, '"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < ' ')
			md_buf_printf(out, "\\u%04x", *p);
		else if (*p == '"' || *p == '\\')
			md_buf_printf(out, "\\%c", *p);
		else
			md_buf_putc(out, (char)*p);
	}
	md_buf_putc(out, '"');
}

/* The cell of a column that is taken for JSON, as JSON. */
static bool make_json(PGresult *result, int row, int column, struct md_buf *text)
{
	const char *value = PQgetvalue(result, row, column);

	if (PQgetisnull(result, row, column))
		return true;
	md_buf_clear(text);
	if (PQftype(result, column) == BOOL)
		md_buf_puts(text, *value == 't' ? "true" : "false");
	else
		put_string(text, value);
	return !text->failed && PQsetvalue(result, row, column, text->data, (int)text->len);
}

static bool mend(const struct md_stmt *stmt, PGresult *result, unsigned column)
{
	enum md_expect wanted = stmt->cells[column], found = kind_of(PQftype(result, (int)column));
	md_auto_buf text = MD_BUF(1u << 30);

	if (wanted == MD_EXPECT_TEXT || wanted == MD_EXPECT_TIMESTAMP)
		return true; /* written as a string, whatever it is */
	if (wanted == MD_EXPECT_BOOL)
		return false;
	if (found == MD_EXPECT_JSON || (found == MD_EXPECT_NUMBER && wanted == MD_EXPECT_NUMBER))
		return true;
	for (int row = 0; row < PQntuples(result); row++)
		if (!make_json(result, row, (int)column, &text))
			return false;
	return true;
}

/* The commit is on its way: the change has been made, and must not begin again. */
static bool mend_all(struct md_pg *pg, struct md_pg_job *job, const struct md_stmt *stmt,
		     PGresult *result, unsigned columns)
{
	pg->base.changes++;
	for (unsigned i = 0; i < columns; i++) {
		if (!differs(stmt, result, i) || mend(stmt, result, i))
			continue;
		md_fail(&job->error, MD_INTERNAL, "XX000",
			"the change has been made, but what it gives back cannot be told");
		md_error_hint(&job->error, "The table had been altered.");
		return false;
	}
	return true;
}

bool md_pg_rows_fit(struct md_pg *pg, struct md_pg_job *job, PGresult *result)
{
	const struct md_stmt *stmt = job->calls[job->steps[job->step_at].call].stmt;
	unsigned columns = (unsigned)PQnfields(result), i = 0;

	if (columns > stmt->cell_count)
		columns = stmt->cell_count;
	while (i < columns && !differs(stmt, result, i))
		i++;
	if (i == columns)
		return true;
	if (job->commits)
		return mend_all(pg, job, stmt, result, columns);
	md_fail(&job->error, MD_CONFLICT, "0A000", "cached plan must not change result type");
	md_error_hint(&job->error, "A table has been altered: reload.");
	job->error.stale = true;
	return false;
}
