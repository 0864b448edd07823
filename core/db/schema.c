#include "core/db/schema.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/driver.h"

#include "core/base/banned.h"

enum { REHEARSAL_MS = 10000, REHEARSAL_LOCK_MS = 1000 };

struct md_db_schema {
	const struct md_db_driver *driver;
	struct md_conn *conn;
	char *name; /* of the schema; NULL: the session's own */
	uint64_t serial;
	bool rehearsal; /* on a server: its one transaction is never committed */
};

static enum md_code find_driver(const char *url, const struct md_db_driver **ret_driver,
				struct md_error *err)
{
	const struct md_db_driver *driver = md_db_driver_find(url);

	if (!driver) {
		md_fail(err, MD_INVALID, "MD400", "no database driver for this url");
		md_error_hint(err,
			      "db_url is sqlite:///relative/path.db, sqlite:////absolute/path.db "
			      "or postgresql://user@host/database");
		return MD_INVALID;
	}
	*ret_driver = driver;
	return MD_OK;
}

/* A server that others work on: it takes time to connect, an empty database cannot be had, and
 * nobody else's locks are waited for in a rehearsal. */
static enum md_code open_server(struct md_db_schema *schema,
				const struct md_db_schema_options *options,
				struct md_conn_target *target, struct md_error *err)
{
	const char *first = options->scratch ? schema->driver->begin_write : "SELECT 1";
	enum md_code code;

	if (options->scratch) {
		target->read_only = false;
		target->statement_timeout_ms = REHEARSAL_MS;
		if (target->lock_timeout_ms == 0 || target->lock_timeout_ms > REHEARSAL_LOCK_MS)
			target->lock_timeout_ms = REHEARSAL_LOCK_MS;
	}
	schema->rehearsal = options->scratch;
	code = schema->driver->connect(target, &schema->conn, err);
	if (code != MD_OK)
		return code;
	code = schema->driver->command(schema->conn, first, err);
	if (code != MD_OK)
		schema->driver->close(schema->conn);
	if (code != MD_NOT_FOUND)
		return code;
	if (err)
		err->code = MD_UNAVAILABLE; /* a database is not made like a file */
	md_error_hint(err, "Make the database first.");
	return MD_UNAVAILABLE;
}

static enum md_code open_file(struct md_db_schema *schema,
			      const struct md_db_schema_options *options,
			      struct md_conn_target *target, struct md_error *err)
{
	if (options->scratch)
		target->url = schema->driver->scratch_url;
	return schema->driver->connect(target, &schema->conn, err);
}

enum md_code md_db_schema_open(const struct md_db_schema_options *options,
			       struct md_db_schema **ret_schema, struct md_error *err)
{
	struct md_conn_target target = {
		.url = options->url,
		.read_only = options->read_only,
		.create = options->create,
		.lock_timeout_ms = options->lock_timeout_ms,
		.keep_journal = options->keep_journal || options->read_only,
		.log = options->log,
		.schema = options->schema,
		.wal_owner = options->wal_owner,
	};
	static atomic_uint_fast64_t serial;
	struct md_db_schema *schema;
	enum md_code code;

	schema = calloc(1, sizeof(*schema));
	if (!schema)
		return md_fail_nomem(err);
	schema->serial = atomic_fetch_add(&serial, 1) + 1;
	schema->name = options->schema ? strdup(options->schema) : NULL;
	code = options->schema && !schema->name ? md_fail_nomem(err)
						: find_driver(options->url, &schema->driver, err);
	if (code == MD_OK)
		code = (schema->driver->scratch_url ? open_file : open_server)(schema, options,
									       &target, err);
	if (code != MD_OK) {
		free(schema->name);
		free(schema);
		return code;
	}
	*ret_schema = schema;
	return MD_OK;
}

struct md_db_schema *md_db_schema_close(struct md_db_schema *schema)
{
	if (!schema)
		return NULL;
	schema->driver->close(schema->conn);
	free(schema->name);
	free(schema);
	return NULL;
}

const struct md_dialect *md_db_schema_dialect(const struct md_db_schema *schema)
{
	return schema->driver->dialect;
}

const char *md_db_schema_name(const struct md_db_schema *schema)
{
	return schema->name;
}

uint64_t md_db_schema_serial(const struct md_db_schema *schema)
{
	return schema->serial;
}

bool md_db_schema_is_file(const struct md_db_schema *schema)
{
	return schema->driver->scratch_url;
}

enum md_code md_db_schema_catalog(struct md_db_schema *schema, struct md_arena *arena,
				  const struct md_catalog **ret_catalog, struct md_error *err)
{
	return schema->driver->catalog(schema->conn, arena, ret_catalog, err);
}

enum md_code md_db_schema_begin(struct md_db_schema *schema, struct md_error *err)
{
	if (schema->rehearsal)
		return MD_OK;
	return schema->driver->command(schema->conn, schema->driver->begin_write, err);
}

enum md_code md_db_schema_run(struct md_db_schema *schema, const char *sql, struct md_error *err)
{
	return schema->driver->command(schema->conn, sql, err);
}

enum md_code md_db_schema_query(struct md_db_schema *schema, const char *sql,
				const char *const *params, unsigned param_count,
				md_db_schema_row_fn *each, void *ctx, uint64_t *ret_changed,
				struct md_error *err)
{
	const struct md_db_query query = { sql, params, param_count, each, ctx };

	return schema->driver->query(schema->conn, &query, ret_changed, err);
}

enum md_code md_db_schema_commit(struct md_db_schema *schema, struct md_error *err)
{
	return schema->rehearsal ? MD_OK : schema->driver->command(schema->conn, "COMMIT", err);
}

enum md_code md_db_schema_rollback(struct md_db_schema *schema, struct md_error *err)
{
	enum md_code code;

	/* What ends with the connection is undone, too. */
	if (!md_db_schema_in_transaction(schema))
		return MD_OK;
	code = schema->driver->command(schema->conn, "ROLLBACK", err);
	if (code == MD_OK && schema->rehearsal)
		code = schema->driver->command(schema->conn, schema->driver->begin_write, err);
	return code;
}

bool md_db_schema_in_transaction(const struct md_db_schema *schema)
{
	return !schema->conn->broken && schema->driver->in_transaction(schema->conn);
}
