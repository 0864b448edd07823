/* Probes: is the process there, can it serve. */
#include "core/base/clock.h"
#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

static enum md_go answer(struct md_request *request, const char *body)
{
	md_buf_clear(&request->out);
	md_buf_puts(&request->out, body);
	request->type = "application/json; charset=utf-8";
	request->status = 200;
	request->length = request->out.len;
	return MD_GO_ON;
}

enum md_go md_run_live(struct md_request *request)
{
	return answer(request, "{\"status\":\"live\"}");
}

enum md_go md_run_ready(struct md_request *request)
{
	struct md_server *server = request->loop->server;
	struct md_db_stats stats;

	if (atomic_load_explicit(&server->draining, memory_order_relaxed)) {
		md_fail(&request->error, MD_UNAVAILABLE, "MD503", "the server is stopping");
		return MD_GO_FAIL;
	}
	md_db_stats(server->db, &stats);
	if (!stats.alive) {
		md_fail(&request->error, MD_UNAVAILABLE, "PGRST001",
			"the database cannot be reached");
		return MD_GO_FAIL;
	}
	return answer(request, "{\"status\":\"ready\"}");
}
