/* /-/pool: the connections to the database, in the words of SQLAlchemy's pool. */
#include <inttypes.h>

#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

enum md_go md_run_pool(struct md_request *request)
{
	struct md_buf *out = &request->out;
	struct md_pool_stats pool;

	md_db_pool(request->loop->server->db, &pool);
	md_buf_clear(out);
	md_buf_printf(out,
		      "{\"size\":%u,\"max_overflow\":%d,\"idle\":%u,\"in_use\":%u,\"shared\":%u,"
		      "\"overflow\":%u,\"waiting\":%u,",
		      pool.size, pool.max_overflow, pool.idle, pool.in_use, pool.reserved,
		      pool.overflow, pool.waiting);
	md_buf_printf(out,
		      "\"opened_total\":%" PRIu64 ",\"recycled_total\":%" PRIu64
		      ",\"invalidated_total\":%" PRIu64 ",\"timeouts_total\":%" PRIu64
		      ",\"failures_total\":%" PRIu64 ",\"reruns_total\":%" PRIu64 ",",
		      pool.opened, pool.recycled, pool.invalidated, pool.timeouts, pool.failures,
		      pool.reruns);
	md_buf_printf(out,
		      "\"wait_ms_p50\":%.3f,\"wait_ms_p95\":%.3f,\"wait_ms_p99\":%.3f,"
		      "\"up\":%s}",
		      pool.wait_ms_p50, pool.wait_ms_p95, pool.wait_ms_p99,
		      pool.alive ? "true" : "false");
	request->type = "application/json; charset=utf-8";
	request->status = 200;
	request->length = out->len;
	return MD_GO_ON;
}
