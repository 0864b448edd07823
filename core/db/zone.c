/* Time zones of requests. */
#include <stdatomic.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/db/lane.h"

#include "core/base/banned.h"

bool md_db_has_time_zones(const struct md_db *db)
{
	return db->driver->put_zone != NULL;
}

const char *md_db_zone_prelude(const struct md_db_loop *loop, struct md_str zone,
			       struct md_arena *arena)
{
	const struct md_db *db = loop->db;
	const char *common = atomic_load_explicit(&db->prelude, memory_order_acquire);
	md_auto_buf sql = MD_BUF(8192);

	if (common)
		md_buf_puts(&sql, common);
	db->driver->put_zone(&sql, zone);
	return sql.failed ? NULL : md_arena_strndup(arena, sql.data, sql.len);
}
