/* Private to core/db/postgres*.c: a connection that a thread waits for, for introspection and for
 * changes of the schema. It leaves the pipeline for good: no unit is pushed to it afterwards. */
#ifndef MD_CORE_DB_POSTGRES_BLOCK_H
#define MD_CORE_DB_POSTGRES_BLOCK_H
#include "core/db/postgres.h"

/** Be connected, with the session's settings, and out of the pipeline. Within the connect timeout.
 */
enum md_code md_pg_block(struct md_pg *pg, struct md_error *err);

/** A question: one statement, with texts as parameters. */
struct md_pg_question {
	const char *sql;
	const char *const *args;
	int count;
};
/** Ask and wait. The result is the caller's (PQclear). */
enum md_code md_pg_ask(struct md_pg *pg, const struct md_pg_question *question,
		       PGresult **ret_result, struct md_error *err);
/** The same, a row at a time: no more than one is in memory. `row` returns what stops it. */
enum md_code md_pg_ask_each(struct md_pg *pg, const struct md_pg_question *question,
			    enum md_code (*row)(void *arg, const PGresult *result), void *arg,
			    struct md_error *err);
/** The same; what came behind the rows, with their number, is the caller's (PQclear). */
enum md_code md_pg_ask_rows(struct md_pg *pg, const struct md_pg_question *question,
			    enum md_code (*row)(void *arg, const PGresult *result), void *arg,
			    PGresult **ret_last, struct md_error *err);

/* postgres_query.c */
/** md_db_driver.query */
enum md_code md_pg_query(struct md_conn *conn, const struct md_db_query *query,
			 uint64_t *ret_changed, struct md_error *err);
/** md_db_driver.in_transaction, of a connection that is blocking. */
bool md_pg_in_transaction(const struct md_conn *conn);

/** md_db_driver.command */
enum md_code md_pg_command(struct md_conn *conn, const char *sql, struct md_error *err);
#endif
