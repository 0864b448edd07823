#include "server/stale.h"

#include <string.h>

#include "core/model/registry.h"
#include "core/ops/altered.h"
#include "server/loop.h"
#include "server/reload.h"
#include "server/reread.h"

#include "core/base/banned.h"

/* Tables may change while we look at them. */
enum { RESTARTS_MAX = 4 };

/* A request that waits for a look at the database. */
struct md_stale_wait {
	struct md_reload_ask ask; /* first */
	struct md_request *request;
	struct md_timer timer; /* at the request's deadline */
	bool over, late;
};

static void looked(struct md_reload_ask *ask)
{
	struct md_stale_wait *wait = (struct md_stale_wait *)ask;
	struct md_request *request = wait->request;

	wait->over = true;
	md_reactor_disarm(request->loop->reactor, &wait->timer);
	if ((request->held & MD_HELD_BY_HTTP) && !wait->late)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_RELOAD);
}

/* The look goes on without us; its answer is what the request is kept for. */
static void time_is_up(struct md_timer *timer)
{
	struct md_stale_wait *wait = md_container_of(timer, struct md_stale_wait, timer);

	wait->late = true;
	if (wait->request->held & MD_HELD_BY_HTTP)
		md_request_resume(wait->request);
}

static enum md_go fail_late(struct md_request *request)
{
	md_fail(&request->error, MD_TIMEOUT, "MD504",
		"The database could not be read anew before the request's deadline.");
	return MD_GO_FAIL;
}

/* A request that wants to know whether its table has been altered. */
struct md_stale_probe {
	struct md_altered *answer;
	struct md_request *request;
	bool over;
};

static void told(void *arg)
{
	struct md_stale_probe *probe = arg;
	struct md_request *request = probe->request;

	probe->over = true;
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_RELOAD);
}

/* As it was before its route was looked up; its head and its body are still there. */
static void begin_again(struct md_request *request)
{
	request->step = MD_STEP_ID_ROUTE;
	request->restarts++;
	request->stale = NULL;
	request->probe = NULL;
	request->has_route = request->has_query = request->has_page = false;
	request->applied = request->status = 0;
	request->once = NULL;
	request->batch = NULL;
	request->read = NULL;
	request->write = NULL;
	request->type = request->etag = request->location = NULL;
	md_error_clear(&request->error);
	md_buf_clear(&request->out);
}

static enum md_go wait_for_look(struct md_request *request)
{
	struct md_stale_wait *wait = md_arena_zalloc(request->arena, sizeof(*wait));

	if (!wait)
		return MD_GO_FAIL;
	wait->request = request;
	wait->ask.home = request->loop->reactor;
	wait->ask.done = looked;
	request->held |= MD_HELD_BY_RELOAD; /* the answer may not overtake us: it is posted to us */
	request->stale = wait;
	wait->timer.due = time_is_up;
	if (md_reread_ask(&wait->ask, request->generation)) {
		md_reactor_arm(request->loop->reactor, &wait->timer, md_request_deadline(request));
		return MD_GO_SUSPEND;
	}
	request->held &= ~(unsigned)MD_HELD_BY_RELOAD;
	request->stale = NULL;
	return MD_GO_FAIL;
}

/* The model itself may be gone with its registry. */
static bool may_be_altered(const struct md_request *request)
{
	return request->route.model && !request->is_bulk && !request->inner &&
	       md_altered_is_possible(request->loop->ops, &request->error);
}

static enum md_go wait_or_begin(struct md_request *request)
{
	if (!request->stale)
		return wait_for_look(request);
	if (!request->stale->over)
		return MD_GO_SUSPEND;
	/* All is as it was, or is so again: a column that went has come back, and may go once more.
	 * A result of another shape is proof that it was not; what fails for good is no sign at
	 * all. */
	if (strcmp(request->error.wire, "0A000") != 0 && request->restarts < RESTARTS_MAX - 2)
		request->restarts = RESTARTS_MAX - 2;
	begin_again(request);
	return MD_GO_ON;
}

/* A value did not fit its column, as it was. SUSPEND: the database is asked whether it still is. */
static enum md_go probe(struct md_request *request)
{
	struct md_stale_probe *probe = request->probe;

	if (request->route.model->def) /* its definition checks values; only a reload changes it */
		return MD_GO_FAIL;
	if (!probe) {
		probe = md_arena_zalloc(request->arena, sizeof(*probe));
		if (!probe)
			return MD_GO_FAIL;
		request->probe = probe;
		probe->request = request;
		request->held |= MD_HELD_BY_RELOAD;
		probe->answer =
			md_altered_ask(request->loop->ops, request->route.model,
				       md_request_deadline(request), request->arena, told, probe);
		if (!probe->answer) {
			request->held &= ~(unsigned)MD_HELD_BY_RELOAD;
			probe->over = true;
		}
	}
	if (!probe->over)
		return MD_GO_SUSPEND;
	return probe->answer && md_altered_is_so(probe->answer) ? MD_GO_ON : MD_GO_FAIL;
}

enum md_go md_stale_look(struct md_request *request)
{
	const struct md_loop *loop = request->loop;
	bool of_value;

	if (!loop->registry || request->restarts >= RESTARTS_MAX)
		return MD_GO_FAIL;
	if (request->stale && request->stale->late)
		return fail_late(request);
	of_value = !request->error.stale && may_be_altered(request);
	if (!request->error.stale && !of_value)
		return MD_GO_FAIL;
	if (md_registry_generation(loop->registry) != request->generation) {
		begin_again(request);
		return MD_GO_ON;
	}
	if (of_value) {
		enum md_go go = probe(request);

		if (go != MD_GO_ON)
			return go;
	}
	return wait_or_begin(request);
}
