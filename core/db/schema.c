#include "core/db/schema.h"

#include <stdlib.h>

#include "core/db/driver.h"

#include "core/base/banned.h"

struct md_db_schema {
	const struct md_db_driver *driver;
	struct md_conn *conn;
};

static enum md_code find_driver(const char *url, const struct md_db_driver **ret_driver,
				struct md_error *err)
{
	const struct md_db_driver *driver = md_db_driver_find(url);

	if (!driver) {
		md_fail(err, MD_INVALID, "MD400", "no database driver for this url");
		md_error_hint(
			err, "db_url is sqlite:///relative/path.db or sqlite:////absolute/path.db");
		return MD_INVALID;
	}
	if (!(driver->features & MD_DB_BLOCKING) || !driver->catalog)
		return md_fail(err, MD_INVALID, "MD400",
			       "this version makes tables in SQLite databases only, not '%s'",
			       driver->scheme);
	*ret_driver = driver;
	return MD_OK;
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
	};
	struct md_db_schema *schema;
	enum md_code code;

	schema = calloc(1, sizeof(*schema));
	if (!schema)
		return md_fail_nomem(err);
	code = find_driver(options->url, &schema->driver, err);
	if (code == MD_OK) {
		if (options->scratch)
			target.url = schema->driver->scratch_url;
		code = schema->driver->connect(&target, &schema->conn, err);
	}
	if (code != MD_OK) {
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
	free(schema);
	return NULL;
}

const struct md_dialect *md_db_schema_dialect(const struct md_db_schema *schema)
{
	return schema->driver->dialect;
}

enum md_code md_db_schema_catalog(struct md_db_schema *schema, struct md_arena *arena,
				  const struct md_catalog **ret_catalog, struct md_error *err)
{
	return schema->driver->catalog(schema->conn, arena, ret_catalog, err);
}

enum md_code md_db_schema_begin(struct md_db_schema *schema, struct md_error *err)
{
	return schema->driver->command(schema->conn, schema->driver->begin_write, err);
}

enum md_code md_db_schema_run(struct md_db_schema *schema, const char *sql, struct md_error *err)
{
	return schema->driver->command(schema->conn, sql, err);
}

enum md_code md_db_schema_commit(struct md_db_schema *schema, struct md_error *err)
{
	return schema->driver->command(schema->conn, "COMMIT", err);
}
