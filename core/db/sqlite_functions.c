#include "core/db/sqlite.h"

#include "core/base/banned.h"

int md_sqlite_add_functions(sqlite3 *db)
{
	(void)db;
	return SQLITE_OK;
}
