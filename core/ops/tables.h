/* The tables of declared models: those that are missing are made, those that exist are compared.
 * All in one transaction, or not at all. Blocking; for commands and start-up. */
#ifndef MD_CORE_OPS_TABLES_H
#define MD_CORE_OPS_TABLES_H
#include <stdbool.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/migrate/compare.h"
#include "core/migrate/ddl.h"

struct md_catalog;
struct md_dialect;
struct md_wal_owner;

struct md_tables_options {
	const char *url;
	const char *schema; /* where the tables are (PostgreSQL); NULL: the session's own */
	const struct md_definitions *definitions;
	bool dry_run; /* try everything out in memory; the database is only read */
	bool anyway;  /* make what is missing although another difference is blocking */
	bool no_file; /* a database file that is missing is MD_NOT_FOUND, whatever is to be made */
	unsigned lock_timeout_ms;
	bool keep_journal;
	const struct md_log *log;       /* may be NULL */
	struct md_wal_owner *wal_owner; /* of a database that is served; NULL: it is not */
};
/** Lives in the arena that was given, names in the definitions. */
struct md_tables {
	struct md_ddl_plan plan; /* what was made, or would be */
	/** All statements between BEGIN and COMMIT, those that note what was made included. */
	const char *const *script;
	unsigned script_count;
	struct md_differences differences;
};

/** Make what is missing. Nothing is made while a difference is blocking: MD_OK, with an empty plan;
 * `anyway` makes it nevertheless. A database file that is missing is made when there are tables to
 * make. MD_NOT_FOUND: it is missing and there are none. Other failures: nothing has changed;
 * details name the statement. */
enum md_code md_tables_create(const struct md_tables_options *options, struct md_arena *arena,
			      struct md_tables *ret_tables, struct md_error *err);

/** Hold definitions against a catalog of an engine with this SQL. A table that is missing is
 * blocking, and what would mend it are the statements that make it. MD_INVALID: an engine without
 * declared models. */
enum md_code md_tables_compare(const struct md_dialect *sql,
			       const struct md_definitions *definitions,
			       const struct md_catalog *catalog, struct md_arena *arena,
			       struct md_differences *ret_differences, struct md_error *err);
#endif
