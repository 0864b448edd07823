#include "core/db/dialect.h"
#include "core/db/schema.h"
#include "core/migrate/ddl.h"
#include "core/ops/schema.h"

#include "core/base/banned.h"

const struct md_dialect *md_schema_dialect(bool postgresql)
{
#ifdef MD_HAVE_POSTGRES
	if (postgresql)
		return md_postgres_ddl.sql;
#else
	(void)postgresql;
#endif
	return md_sqlite_ddl.sql;
}

enum md_code md_schema_read(const struct md_schema_database *database, struct md_arena *arena,
			    const struct md_catalog **ret_catalog,
			    const struct md_dialect **ret_dialect, struct md_error *err)
{
	const struct md_db_schema_options options = { .url = database->url,
						      .read_only = true,
						      .schema = database->schema };
	md_auto_schema schema = NULL;
	enum md_code code = md_db_schema_open(&options, &schema, err);

	if (code == MD_OK)
		code = md_db_schema_catalog(schema, arena, ret_catalog, err);
	if (code == MD_OK)
		*ret_dialect = md_db_schema_dialect(schema);
	return code;
}
