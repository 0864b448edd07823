/* md_db_driver.query: one trusted statement with texts as parameters, its rows as texts, one row in
 * memory at a time. */
#include <stdlib.h>

#include "core/base/str.h"
#include "core/db/postgres_block.h"

#include "core/base/banned.h"

struct run {
	const struct md_db_query *query;
	const char **values; /* of one row */
	struct md_error *err;
};

static enum md_code give_row(void *arg, const PGresult *result)
{
	struct run *run = arg;
	int count = PQnfields(result);

	if (!run->query->each)
		return MD_OK;
	if (!run->values)
		run->values = calloc((size_t)count + 1, sizeof(*run->values));
	if (!run->values)
		return md_fail_nomem(run->err);
	for (int i = 0; i < count; i++)
		run->values[i] = PQgetisnull(result, 0, i) ? NULL : PQgetvalue(result, 0, i);
	return run->query->each(run->query->ctx, run->values, (unsigned)count, run->err);
}

enum md_code md_pg_query(struct md_conn *conn, const struct md_db_query *query,
			 uint64_t *ret_changed, struct md_error *err)
{
	struct run run = { .query = query, .err = err };
	const struct md_pg_question question = { query->sql, query->params,
						 (int)query->param_count };
	PGresult *last = NULL;
	uint64_t changed = 0;
	enum md_code code =
		md_pg_ask_rows((struct md_pg *)conn, &question, give_row, &run, &last, err);

	free(run.values);
	if (code != MD_OK)
		return code;
	md_str_to_u64(md_str_of(PQcmdTuples(last)), &changed); /* "": stays none */
	PQclear(last);
	if (ret_changed)
		*ret_changed = changed;
	return MD_OK;
}

bool md_pg_in_transaction(const struct md_conn *conn)
{
	const struct md_pg *pg = (const struct md_pg *)conn;

	return !conn->broken && pg->blocking && PQtransactionStatus(pg->db) != PQTRANS_IDLE;
}
