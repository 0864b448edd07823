#include "core/db/postgres_block.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/base/clock.h"

#include "core/base/banned.h"

enum {
	SETTLE_MS = 10000,   /* for the settings, once the server has let us in */
	CONNECT_MS = 600000, /* "for ever" of those who have set no connect timeout */
	GRACE_MS = 5000      /* for an answer, beyond the server's own statement timeout */
};

/* --- connecting --------------------------------------------------------------------------------
 */

/* A first unit, of no statement: it ends when the connection can be used, or has failed. */
struct knock {
	struct md_unit unit;
	bool done;
	enum md_code code;
};

static enum md_next knock_next(struct md_unit *unit, struct md_call *ret_call)
{
	(void)unit;
	(void)ret_call;
	return MD_NEXT_COMMIT;
}

static void knock_done(struct md_unit *unit, enum md_code code)
{
	struct knock *knock = (struct knock *)unit;

	knock->done = true;
	knock->code = code;
}

static const struct md_unit_ops knock_ops = { .next = knock_next, .done = knock_done };

/* The loop of one connection, until the unit is done; its deadline wakes us. */
static void wait_for(struct md_pg *pg, const struct knock *knock)
{
	const struct md_db_driver *driver = pg->base.driver;
	struct pollfd watched = { .fd = pg->epoll, .events = POLLIN };

	for (driver->flush(&pg->base); !knock->done; driver->flush(&pg->base)) {
		if (poll(&watched, 1, -1) < 0 && errno != EINTR)
			break;
		driver->process(&pg->base, MD_READ);
	}
}

/* Tables are made in the schema that is served; what they use may lie where it always did. */
static enum md_code enter_schema(struct md_pg *pg, struct md_error *err)
{
	static const char sql[] =
		"SELECT set_config('search_path', quote_ident($1) ||"
		" coalesce(', ' || nullif(current_setting('search_path'), ''), ''), false)";
	const char *schema = pg->schema;
	const struct md_pg_question question = { sql, &schema, 1 };
	PGresult *result = NULL;
	enum md_code code = md_pg_ask(pg, &question, &result, err);

	PQclear(result);
	return code;
}

enum md_code md_pg_block(struct md_pg *pg, struct md_error *err)
{
	struct knock knock = { .unit = { .ops = &knock_ops, .tx = MD_TX_IMPLICIT } };
	uint64_t by_ns = pg->connect_by_ns ? pg->connect_by_ns : md_now_ns() + CONNECT_MS * MD_MS;

	if (pg->blocking && !pg->base.broken)
		return MD_OK;
	if (pg->base.broken)
		return md_fail(err, MD_UNAVAILABLE, "08003",
			       "the connection to the database is closed");
	if (by_ns < md_now_ns())
		by_ns = md_now_ns();
	knock.unit.deadline_ns = by_ns + SETTLE_MS * MD_MS;
	pg->base.driver->push(&pg->base, &knock.unit);
	wait_for(pg, &knock);
	if (!knock.done)
		return md_fail(err, MD_INTERNAL, "XX000", "cannot wait for the database");
	if (knock.code != MD_OK) {
		if (err)
			*err = knock.unit.error;
		return knock.code;
	}
	if (!PQexitPipelineMode(pg->db) || PQsetnonblocking(pg->db, 0) != 0)
		return md_fail(err, MD_INTERNAL, "XX000", "the connection is not idle");
	pg->blocking = true;
	return pg->schema && !pg->read_only ? enter_schema(pg, err) : MD_OK;
}

/* --- asking ------------------------------------------------------------------------------------
 */

static enum md_code give_up(struct md_pg *pg, struct md_error *err)
{
	pg->base.broken = true;
	return md_fail(err, MD_TIMEOUT, "57014", "the database did not answer in time");
}

static enum md_code lost(struct md_pg *pg, struct md_error *err)
{
	pg->base.broken = true;
	return md_pg_conn_error(pg, err);
}

/* Until a result can be taken without waiting. */
static enum md_code wait_for_result(struct md_pg *pg, uint64_t by_ns, struct md_error *err)
{
	while (PQisBusy(pg->db)) {
		struct pollfd watched = { .fd = PQsocket(pg->db), .events = POLLIN };
		uint64_t now_ns = md_now_ns();
		int patience = -1, ready;

		if (by_ns && now_ns >= by_ns)
			return give_up(pg, err);
		if (by_ns)
			patience = (int)((by_ns - now_ns) / MD_MS) + 1;
		ready = poll(&watched, 1, patience);
		if (ready < 0 && errno != EINTR)
			return lost(pg, err);
		if (ready > 0 && !PQconsumeInput(pg->db))
			return lost(pg, err);
	}
	return MD_OK;
}

static bool is_copy(ExecStatusType status)
{
	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

static enum md_code judge(struct md_pg *pg, const PGresult *result, struct md_error *err)
{
	ExecStatusType status = PQresultStatus(result);
	enum md_code code;

	if (is_copy(status)) {
		pg->base.broken = true; /* there is no way out of it but the end */
		return md_fail(err, MD_INVALID, "0A000", "COPY cannot be used here");
	}
	if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE &&
	    status != PGRES_EMPTY_QUERY)
		return MD_OK;
	if (status == PGRES_EMPTY_QUERY)
		return md_fail(err, MD_INVALID, "42601", "the statement is empty");
	code = md_pg_result_error(pg, result, err);
	if (PQstatus(pg->db) == CONNECTION_BAD || md_pg_is_fatal(result))
		pg->base.broken = true;
	return code;
}

/* One answer: `row` sees every result; the last one is handed over when it is wanted. The first
 * failure counts, the rest is taken from the wire. */
struct answer {
	enum md_code (*row)(void *arg, const PGresult *result);
	void *arg;
	PGresult *last;
	enum md_code code;
};

static void take(struct md_pg *pg, struct answer *answer, PGresult *result, struct md_error *err)
{
	if (answer->code == MD_OK)
		answer->code = judge(pg, result, err);
	if (answer->code == MD_OK && answer->row && PQresultStatus(result) == PGRES_SINGLE_TUPLE)
		answer->code = answer->row(answer->arg, result);
	PQclear(answer->last);
	answer->last = result;
}

static enum md_code collect(struct md_pg *pg, struct answer *answer, struct md_error *err)
{
	uint64_t by_ns = pg->statement_timeout_ms
				 ? md_now_ns() + (pg->statement_timeout_ms + GRACE_MS) * MD_MS
				 : 0;
	PGresult *result;

	do {
		enum md_code code = wait_for_result(pg, by_ns, answer->code == MD_OK ? err : NULL);

		if (code != MD_OK && answer->code == MD_OK)
			answer->code = code;
		if (code != MD_OK)
			break;
		result = PQgetResult(pg->db);
		if (result)
			take(pg, answer, result, err);
	} while (result && !pg->base.broken);
	if (answer->code == MD_OK && !answer->last)
		answer->code = lost(pg, err);
	return answer->code;
}

static enum md_code start(struct md_pg *pg, const struct md_pg_question *question,
			  struct md_error *err)
{
	enum md_code code = md_pg_block(pg, err);

	if (code != MD_OK)
		return code;
	if (!PQsendQueryParams(pg->db, question->sql, question->count, NULL, question->args, NULL,
			       NULL, 0))
		return lost(pg, err);
	return MD_OK;
}

enum md_code md_pg_ask(struct md_pg *pg, const struct md_pg_question *question,
		       PGresult **ret_result, struct md_error *err)
{
	struct answer answer = { .code = MD_OK };
	enum md_code code = start(pg, question, err);

	if (code == MD_OK)
		code = collect(pg, &answer, err);
	if (code == MD_OK)
		*ret_result = answer.last;
	else
		PQclear(answer.last);
	return code;
}

enum md_code md_pg_ask_rows(struct md_pg *pg, const struct md_pg_question *question,
			    enum md_code (*row)(void *arg, const PGresult *result), void *arg,
			    PGresult **ret_last, struct md_error *err)
{
	struct answer answer = { .row = row, .arg = arg, .code = MD_OK };
	enum md_code code = start(pg, question, err);

	if (code == MD_OK && !PQsetSingleRowMode(pg->db))
		code = lost(pg, err);
	if (code == MD_OK)
		code = collect(pg, &answer, err);
	if (code == MD_OK)
		*ret_last = answer.last;
	else
		PQclear(answer.last);
	return code;
}

enum md_code md_pg_ask_each(struct md_pg *pg, const struct md_pg_question *question,
			    enum md_code (*row)(void *arg, const PGresult *result), void *arg,
			    struct md_error *err)
{
	PGresult *last = NULL;
	enum md_code code = md_pg_ask_rows(pg, question, row, arg, &last, err);

	PQclear(last);
	return code;
}

/* --- commands ----------------------------------------------------------------------------------
 */

/* A COMMIT that fails quietly, and one of which nothing was heard. */
static enum md_code judge_commit(const struct md_pg *pg, const struct answer *answer,
				 struct md_error *err)
{
	if (answer->code != MD_OK && pg->base.broken) {
		md_fail(err, MD_UNCERTAIN, "08007",
			"the connection was lost while the changes were made");
		md_error_hint(err, "They may or may not have been made: look before you repeat.");
		return MD_UNCERTAIN;
	}
	if (answer->code == MD_OK && strcmp(PQcmdStatus(answer->last), "COMMIT") != 0)
		return md_fail(err, MD_CONFLICT, "25P02",
			       "the transaction had failed and was rolled back");
	return answer->code;
}

enum md_code md_pg_command(struct md_conn *conn, const char *sql, struct md_error *err)
{
	struct md_pg *pg = (struct md_pg *)conn;
	struct answer answer = { .code = MD_OK };
	enum md_code code = md_pg_block(pg, err);

	if (code != MD_OK)
		return code;
	if (!PQsendQuery(pg->db, sql))
		return lost(pg, err);
	code = collect(pg, &answer, err);
	if (strcmp(sql, "COMMIT") == 0)
		code = judge_commit(pg, &answer, err);
	PQclear(answer.last);
	return code;
}
