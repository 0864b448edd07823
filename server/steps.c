/* The steps of a request, and the table that orders them. */
#include <string.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "core/model/registry.h"
#include "server/client.h"
#include "server/cors.h"
#include "server/once.h"
#include "server/request.h"
#include "server/reread.h"
#include "server/run.h"
#include "server/server.h"
#include "server/stale.h"
#include "server/status.h"
#include "server/transactions.h"
#include "server/upload.h"

#include "core/base/banned.h"

/* While this much or less is in flight, nobody has to look at the other loops. */
static uint64_t memory_in_flight(const struct md_server *server)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < server->loop_count; i++)
		sum += md_counted(&server->loops[i]->counters.memory);
	return sum;
}

static void split_target(struct md_request *request)
{
	struct md_str target = request->target;
	const char *mark = memchr(target.ptr, '?', target.len);

	request->raw_path = target;
	if (!mark)
		return;
	request->raw_path.len = (size_t)(mark - target.ptr);
	request->raw_query = (struct md_str){ mark + 1, target.len - request->raw_path.len - 1 };
}

/* What is answered at this listener. */
static unsigned listeners_of(const struct md_request *request)
{
	const struct md_listener *listener = request->client->site->listener;
	unsigned routes = listener->routes;

	if (request->loop->server->admin_on_public && listener->is_loopback)
		routes |= MD_ON_ADMIN;
	return routes;
}

/* The method is refused whatever is asked for: Allow tells those that are not. */
static void find_allowed(struct md_request *request)
{
	struct md_error ignored;

	split_target(request);
	request->has_route =
		md_parse_path(request->arena, request->raw_path, &request->path, &ignored) ==
			MD_OK &&
		md_route_find(&request->path, listeners_of(request), request->loop->registry,
			      &request->route, &ignored) == MD_OK;
}

bool md_request_pass_gate(struct md_request *request)
{
	struct md_gate_limits limits = request->loop->gate;
	struct md_gate gate = { request->method_text, request->target, request->version,
				&request->heads, &limits };

	request->is_bulk = md_upload_is_bulk(request);
	if (request->is_bulk)
		limits.body = request->loop->options->bulk_body;
	request->status = md_gate_judge(&gate, &request->error);
	if (request->status != 0) {
		request->must_close = true;
		if (request->status == 405)
			find_allowed(request);
		request->step = MD_STEP_ID_REPLY;
		return false;
	}
	if (md_gate_body_length(&request->heads) > 0)
		md_client_enter(request->client, MD_CLIENT_BODY, 0);
	return true;
}

static enum md_go step_route(struct md_request *request)
{
	struct md_registry *registry = request->loop->registry;

	md_client_enter(request->client, MD_CLIENT_WORK, 0);
	split_target(request);
	if (md_cors_is_preflight(request)) {
		request->is_preflight = true;
		request->status = 200;
		return MD_GO_REPLY;
	}
	if (md_parse_path(request->arena, request->raw_path, &request->path, &request->error) !=
	    MD_OK)
		return MD_GO_FAIL;
	if (md_route_find(&request->path, listeners_of(request), registry, &request->route,
			  &request->error) != MD_OK) {
		/* A table is missing from a schema; which one comes first. */
		if (strcmp(request->error.wire, "PGRST205") == 0)
			md_check_profile(request);
		return MD_GO_FAIL;
	}
	request->has_route = true;
	request->generation = registry ? md_registry_generation(registry) : 0;
	if (md_route_check(&request->route, request->method, request->method_text,
			   &request->error) != MD_OK)
		return MD_GO_FAIL;
	return MD_GO_ON;
}

bool md_request_has_memory(const struct md_request *request)
{
	const struct md_server *server = request->loop->server;
	uint64_t mine = md_counted(&request->loop->counters.memory);

	return !request->is_turned_away && (mine <= server->memory_limit / server->loop_count ||
					    memory_in_flight(server) <= server->memory_limit);
}

static enum md_go step_admit(struct md_request *request)
{
	if (md_routes[request->route.id].access == MD_ACCESS_OPEN || md_request_has_memory(request))
		return MD_GO_ON;
	md_fail(&request->error, MD_BUSY, "MD503", "the server is out of memory for requests");
	md_error_hint(&request->error, "try again; the limit is the option memory-limit");
	return MD_GO_FAIL;
}

static enum md_go step_run(struct md_request *request)
{
	static md_step_fn *const run_table[MD_ROUTE_COUNT] = {
#define ROUTE(id, template, methods, listeners, access, run) md_run_##run,
#include "server/routes.def"
#undef ROUTE
	};

	enum md_go go;

	if (request->gone)
		return MD_GO_DROP;
	if (request->is_bulk && md_upload_finish(request) != MD_OK)
		return MD_GO_FAIL;
	if (request->method == MD_METHOD_OPTIONS) {
		request->status = 200;
		return MD_GO_ON;
	}
	go = md_transaction_enter(request);
	if (go != MD_GO_ON)
		return go;
	if (md_once_is_asked(request))
		return md_once_run(request, run_table[request->route.id]);
	return run_table[request->route.id](request);
}

/* The database side is done with a piece or with all of it. */
static void read_ready(struct md_read *read, void *arg)
{
	struct md_request *request = arg;
	enum md_read_state state = md_read_state(read);
	bool ended = state == MD_READ_DONE || state == MD_READ_FAILED;

	if (request->held & MD_HELD_BY_ASKER) {
		md_request_account(request);
		md_request_resume(request);
	}
	if (ended)
		md_request_let_go(request, MD_HELD_BY_READ);
}

static enum md_go start_read(struct md_request *request)
{
	bool waits;

	request->ask.session = md_transaction_session(request);
	request->ask.ready = read_ready;
	request->ask.arg = request;
	waits = !md_read_start(request->loop->ops, &request->ask, &request->read);
	if (!request->read) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	if (waits || md_read_state(request->read) == MD_READ_PIECE)
		request->held |= MD_HELD_BY_READ;
	return waits ? MD_GO_SUSPEND : MD_GO_ON;
}

enum md_go md_run_read(struct md_request *request)
{
	if (!request->read) {
		enum md_go go = start_read(request);

		if (go != MD_GO_ON)
			return go;
	}
	md_request_account(request);
	switch (md_read_state(request->read)) {
	case MD_READ_RUNNING:
		return MD_GO_SUSPEND;
	case MD_READ_FAILED:
		request->error = *md_read_error(request->read);
		return MD_GO_FAIL;
	case MD_READ_PIECE:
	case MD_READ_DONE:
		break;
	}
	return MD_GO_ON;
}

static md_step_fn *const steps_table[MD_STEP_ID_DONE] = {
	[MD_STEP_ID_ROUTE] = step_route,    [MD_STEP_ID_ADMIT] = step_admit,
	[MD_STEP_ID_PARSE] = md_step_parse, [MD_STEP_ID_AUTH] = md_step_auth,
	[MD_STEP_ID_RUN] = step_run,        [MD_STEP_ID_REPLY] = md_step_reply,
};

enum md_go md_request_step(struct md_request *request, enum md_step_id step)
{
	return steps_table[step](request);
}

/* A body that is too large to be kept comes when all is ready for it. */
static bool waits_for_body(const struct md_request *request)
{
	return request->is_bulk && !request->has_body;
}

/* What follows a step. A failure may be of our own making. */
static enum md_go follow(struct md_request *request)
{
	enum md_step_id step = request->step;
	enum md_go go = steps_table[step](request);

	if (go == MD_GO_ON)
		request->step++;
	if (go == MD_GO_ON && step == MD_STEP_ID_RUN && request->restarts > 0)
		md_reread_helped();
	if (go == MD_GO_FAIL && step == MD_STEP_ID_RUN)
		go = md_stale_look(request);
	if (go == MD_GO_REPLY || go == MD_GO_FAIL) {
		request->must_close = request->must_close || waits_for_body(request);
		request->step = MD_STEP_ID_REPLY;
	}
	return go;
}

enum MHD_Result md_request_run(struct md_request *request)
{
	while (request->step != MD_STEP_ID_DONE) {
		if (request->step == MD_STEP_ID_RUN && waits_for_body(request)) {
			md_client_enter(request->client, MD_CLIENT_BODY, 0);
			return MHD_YES;
		}
		switch (follow(request)) {
		case MD_GO_ON:
		case MD_GO_REPLY:
		case MD_GO_FAIL:
			break;
		case MD_GO_SUSPEND:
			md_request_suspend(request);
			return MHD_YES;
		case MD_GO_DROP:
			return MHD_NO;
		}
	}
	return MHD_YES;
}
