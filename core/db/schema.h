/* A connection that changes what a database contains: one transaction of trusted texts, and
 * introspection inside of it. It is not one of the lanes: commands and start-up use it before, or
 * instead of, serving. Blocking; one thread at a time. */
#ifndef MD_CORE_DB_SCHEMA_H
#define MD_CORE_DB_SCHEMA_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"

struct md_catalog;
struct md_db_schema;
struct md_dialect;
struct md_wal_owner;

struct md_db_schema_options {
	const char *url;
	bool create;    /* make a database file that is missing */
	bool read_only; /* introspection only; changes nothing, not even the journal mode */
	/** To try texts out. An empty database in memory; on a server, a transaction of the
	 * database itself that has begun and is never committed (begin and commit do nothing, a
	 * rollback undoes all so far and a new one begins): it gives up on locks after a
	 * second and on statements after ten. */
	bool scratch;
	const char *schema; /* of PostgreSQL; NULL: the session's own */
	unsigned lock_timeout_ms;
	bool keep_journal;
	const struct md_log *log; /* may be NULL; outlives the connection */
	/** Of the database when it is served already: a file that was put in the place of another
	 * must not be opened with that one's log. NULL: it is not. */
	struct md_wal_owner *wal_owner;
};

/** Open. MD_NOT_FOUND: there is no such file, MD_INVALID: no such engine, and whatever connecting
 * fails with; a server's database that is missing is MD_UNAVAILABLE. */
enum md_code md_db_schema_open(const struct md_db_schema_options *options,
			       struct md_db_schema **ret_schema, struct md_error *err);
/** A transaction that is still open is rolled back. NULL is fine; returns NULL. */
struct md_db_schema *md_db_schema_close(struct md_db_schema *schema);

const struct md_dialect *md_db_schema_dialect(const struct md_db_schema *schema);
/** Whether it is a file, and scratch an empty database of its own. */
bool md_db_schema_is_file(const struct md_db_schema *schema);
/** The schema of the options; NULL: the session's own. */
const char *md_db_schema_name(const struct md_db_schema *schema);
/** No other connection of this kind in this process has, or had, the same. */
uint64_t md_db_schema_serial(const struct md_db_schema *schema);
enum md_code md_db_schema_catalog(struct md_db_schema *schema, struct md_arena *arena,
				  const struct md_catalog **ret_catalog, struct md_error *err);
/** Begin the transaction, with the lock for writing; on a server, with one that all transactions of
 * this kind take: daemons that start together go one after the other. */
enum md_code md_db_schema_begin(struct md_db_schema *schema, struct md_error *err);
/** Run one statement. `sql` is ours or the administrator's, never a client's. */
enum md_code md_db_schema_run(struct md_db_schema *schema, const char *sql, struct md_error *err);
/** As run, with an answer: `params` are texts, NULL is null, placeholders are the engine's own ($1
 * or ?1). Each row is given to `each` (NULL: nobody wants them) as texts, NULL for null, valid
 * during the call, in which the connection must be left alone; another code than MD_OK from it
 * ends the query with that. ret_changed (may be NULL): rows written, or read. Not for COMMIT. */
typedef enum md_code md_db_schema_row_fn(void *ctx, const char *const *values, unsigned count,
					 struct md_error *err);
enum md_code md_db_schema_query(struct md_db_schema *schema, const char *sql,
				const char *const *params, unsigned param_count,
				md_db_schema_row_fn *each, void *ctx, uint64_t *ret_changed,
				struct md_error *err);
enum md_code md_db_schema_commit(struct md_db_schema *schema, struct md_error *err);
/** Undo what was begun; nothing begun is fine. */
enum md_code md_db_schema_rollback(struct md_db_schema *schema, struct md_error *err);
/** Whether one is open, also one that has failed and can only be rolled back. False when a failure
 * has undone it already, or the connection is gone. */
bool md_db_schema_in_transaction(const struct md_db_schema *schema);

static inline void md_db_schema_closep(struct md_db_schema **schema)
{
	*schema = md_db_schema_close(*schema);
}
#define md_auto_schema __attribute__((cleanup(md_db_schema_closep))) struct md_db_schema *
#endif
