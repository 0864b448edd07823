#include "core/db/catalog.h"
#include "core/db/sqlite.h"

#include "core/base/banned.h"

enum md_code md_sqlite_catalog(struct md_conn *conn, struct md_arena *arena,
			       const struct md_catalog **ret_catalog, struct md_error *err)
{
	struct md_catalog *catalog = md_arena_zalloc(arena, sizeof(*catalog));

	(void)conn;
	if (!catalog)
		return md_fail_nomem(err);
	*ret_catalog = catalog;
	return MD_OK;
}
