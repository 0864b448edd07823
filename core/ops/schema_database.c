#include "core/db/catalog.h"
#include "core/db/dialect.h"
#include "core/db/schema.h"
#include "core/migrate/ddl.h"
#include "core/ops/schema.h"

#include "core/base/banned.h"

const struct md_dialect *md_schema_dialect(unsigned engines)
{
	const struct md_ddl_dialect *own = md_ddl_dialect_for(engines);

	return own ? own->sql : md_sqlite_ddl.sql;
}

enum md_code md_schema_read(const struct md_schema_database *database, struct md_arena *arena,
			    const struct md_catalog **ret_catalog,
			    const struct md_dialect **ret_dialect, struct md_error *err)
{
	const struct md_db_schema_options options = { .url = database->url,
						      .read_only = true,
						      .schema = database->schema };
	md_auto_schema schema = NULL;
	const struct md_catalog *catalog;
	enum md_code code = md_db_schema_open(&options, &schema, err);

	if (code == MD_OK)
		code = md_db_schema_catalog(schema, arena, &catalog, err);
	if (code != MD_OK)
		return code;
	catalog = md_catalog_without_kept(catalog, arena);
	if (!catalog)
		return md_fail_nomem(err);
	*ret_catalog = catalog;
	*ret_dialect = md_db_schema_dialect(schema);
	return MD_OK;
}
