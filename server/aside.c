#include "server/aside.h"

#include <pthread.h>

#include "core/base/lock.h"
#include "core/model/registry.h"
#include "server/loop.h"

#include "core/base/banned.h"

/* Fields of all models, whose longest document takes a loop ten milliseconds or less. */
enum { FIELDS_SMALL = 500 };

static struct {
	pthread_t thread;
	pthread_cond_t more;
	/* Guards what follows. */
	struct md_lock lock;
	struct md_aside *first; /* that nobody has begun with */
	bool started, closed;
} aside_line = { .more = PTHREAD_COND_INITIALIZER, .lock = MD_LOCK_INIT };

/* --- the loop ----------------------------------------------------------------------------------
 */

static void go_on(struct md_aside *aside)
{
	struct md_request *request = aside->request;

	aside->over = true;
	if (request->held & MD_HELD_BY_ASKER)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_RELOAD);
}

static void arrive(struct md_task *task)
{
	struct md_aside *aside = (struct md_aside *)task;

	md_reactor_disarm(aside->request->loop->reactor, &aside->timer);
	if (aside->keep)
		aside->keep(aside);
	go_on(aside);
}

/* False: it is being made, or has been. */
static bool leave_line(struct md_aside *aside)
{
	struct md_aside **at = &aside_line.first;
	bool found;

	md_lock_enter(&aside_line.lock);
	while (*at && *at != aside)
		at = &(*at)->next;
	found = *at != NULL;
	if (found)
		*at = aside->next;
	md_lock_leave(&aside_line.lock);
	return found;
}

static void time_is_up(struct md_timer *timer)
{
	struct md_aside *aside = md_container_of(timer, struct md_aside, timer);

	if (!leave_line(aside))
		return;
	md_registry_unref(aside->registry);
	md_fail(&aside->error, MD_TIMEOUT, "MD504",
		"The document could not be made before the request's deadline.");
	go_on(aside);
}

void md_aside_cancel(struct md_request *request)
{
	struct md_aside *aside = request->aside;

	if (aside->over || !leave_line(aside))
		return;
	md_reactor_disarm(request->loop->reactor, &aside->timer);
	md_registry_unref(aside->registry);
	md_fail(&aside->error, MD_CANCELLED, "57014", "nobody waits for it any more");
	go_on(aside);
}

/* --- the helper --------------------------------------------------------------------------------
 */

static struct md_aside *take(void)
{
	struct md_aside *aside;

	md_lock_enter(&aside_line.lock);
	while (!aside_line.first && !aside_line.closed)
		md_cond_wait(&aside_line.more, &aside_line.lock);
	aside = aside_line.first;
	if (aside)
		aside_line.first = aside->next;
	md_lock_leave(&aside_line.lock);
	return aside;
}

static void *help(void *cls)
{
	struct md_aside *aside;

	(void)cls;
	while ((aside = take())) {
		aside->make(aside, &aside->error);
		md_registry_unref(aside->registry); /* perhaps the last one */
		aside->task.run = arrive;
		md_reactor_post(aside->request->loop->reactor, &aside->task);
	}
	return NULL;
}

/* False: there is no helper, and there can be none. */
static bool join_line(struct md_aside *aside)
{
	struct md_aside **end = &aside_line.first;
	bool started;

	md_lock_enter(&aside_line.lock);
	if (!aside_line.started)
		aside_line.started = pthread_create(&aside_line.thread, NULL, help, NULL) == 0;
	started = aside_line.started;
	while (*end)
		end = &(*end)->next;
	if (started)
		*end = aside;
	md_lock_leave(&aside_line.lock);
	pthread_cond_signal(&aside_line.more);
	return started;
}

void md_aside_end(void)
{
	bool started;

	md_lock_enter(&aside_line.lock);
	aside_line.closed = true;
	started = aside_line.started;
	md_lock_leave(&aside_line.lock);
	pthread_cond_signal(&aside_line.more);
	if (started)
		pthread_join(aside_line.thread, NULL);
}

/* --- the request -------------------------------------------------------------------------------
 */

static bool is_small(const struct md_registry *registry)
{
	unsigned count, fields = 0;
	const struct md_model *models = md_registry_models(registry, &count);

	for (unsigned i = 0; i < count && fields <= FIELDS_SMALL; i++)
		fields += models[i].field_count;
	return fields <= FIELDS_SMALL;
}

static enum md_go told(struct md_aside *aside)
{
	if (aside->error.code == MD_OK)
		return MD_GO_ON;
	aside->request->error = aside->error;
	return MD_GO_FAIL;
}

/* True: it is over. */
static bool start(struct md_aside *aside)
{
	struct md_request *request = aside->request;

	if (!aside->is_small && !is_small(aside->registry)) {
		md_registry_ref(aside->registry);
		request->held |= MD_HELD_BY_RELOAD;
		if (join_line(aside)) {
			md_reactor_arm(request->loop->reactor, &aside->timer,
				       md_request_deadline(request));
			return false;
		}
		request->held &= ~(unsigned)MD_HELD_BY_RELOAD;
		md_registry_unref(aside->registry);
	}
	aside->make(aside, &aside->error);
	if (aside->keep)
		aside->keep(aside);
	aside->over = true;
	return true;
}

enum md_go md_aside_run(struct md_request *request, const struct md_aside *work)
{
	struct md_aside *aside = request->aside;

	if (aside)
		return aside->over ? told(aside) : MD_GO_SUSPEND;
	aside = md_arena_alloc(request->arena, sizeof(*aside));
	if (!aside) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	*aside = *work;
	aside->request = request;
	aside->registry = request->loop->registry;
	aside->timer.due = time_is_up;
	md_error_clear(&aside->error);
	request->aside = aside;
	return start(aside) ? told(aside) : MD_GO_SUSPEND;
}
