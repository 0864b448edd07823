/* Probes: is the process there, can it serve. And the wish to reload. */
#include <inttypes.h>

#include "core/base/clock.h"
#include "server/reload.h"
#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

static enum md_go finish(struct md_request *request)
{
	request->type = "application/json; charset=utf-8";
	request->status = 200;
	request->length = request->out.len;
	return MD_GO_ON;
}

static enum md_go answer(struct md_request *request, const char *body)
{
	md_buf_clear(&request->out);
	md_buf_puts(&request->out, body);
	return finish(request);
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

/* --- reload ------------------------------------------------------------------------------------
 */

/* A request that waits for a reload. */
struct md_reload_wait {
	struct md_reload_ask ask; /* first */
	struct md_request *request;
	bool over;
};

static void reload_done(struct md_reload_ask *ask)
{
	struct md_reload_wait *wait = (struct md_reload_wait *)ask;
	struct md_request *request = wait->request;

	wait->over = true;
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_RELOAD);
}

static enum md_go ask_for_reload(struct md_request *request)
{
	struct md_reload_wait *wait = md_arena_zalloc(request->arena, sizeof(*wait));

	if (!wait) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	wait->request = request;
	wait->ask.home = request->loop->reactor;
	wait->ask.done = reload_done;
	if (!md_reload_ask(&wait->ask)) {
		md_fail(&request->error, MD_UNAVAILABLE, "MD503", "the server is stopping");
		return MD_GO_FAIL;
	}
	request->reload = wait;
	request->held |= MD_HELD_BY_RELOAD;
	return MD_GO_SUSPEND;
}

enum md_go md_run_reload(struct md_request *request)
{
	const struct md_reload_result *result;

	if (!request->reload)
		return ask_for_reload(request);
	if (!request->reload->over)
		return MD_GO_SUSPEND;
	result = &request->reload->ask.result;
	if (result->error.code != MD_OK) {
		request->error = result->error;
		return MD_GO_FAIL;
	}
	md_buf_clear(&request->out);
	md_buf_printf(&request->out,
		      "{\"generation\":%" PRIu64 ",\"models\":%u,\"tables_made\":%u,"
		      "\"differences\":{\"blocking\":%u,\"other\":%u}}",
		      result->generation, result->models, result->made, result->blocking,
		      result->differences - result->blocking);
	return finish(request);
}
