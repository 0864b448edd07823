#include "core/base/reactor.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"

#include "core/base/banned.h"

enum { EVENTS = 256 };

struct md_reactor {
	int epoll, wake;
	pthread_t owner;
	_Atomic(struct md_task *) posted; /* a stack; turned round when taken */
	atomic_bool stop;
	struct md_timer *timers; /* root of the pairing heap: the earliest */
	struct md_turn_hook *hooks;
	struct md_front *front;
	uint64_t now_ns, turn;
	struct epoll_event events[EVENTS];
	int ready; /* events of this turn; forgotten sources are set to NULL in them */
};

/* Markers for epoll's data pointer that are no sources. */
static char wake_mark, front_mark;

static bool is_owner(const struct md_reactor *reactor)
{
	return pthread_equal(reactor->owner, pthread_self());
}

enum md_code md_reactor_new(struct md_reactor **ret_reactor, struct md_error *err)
{
	struct md_reactor *reactor = calloc(1, sizeof(*reactor));
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = &wake_mark } };

	if (!reactor)
		return md_fail_nomem(err);
	reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
	reactor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reactor->owner = pthread_self();
	reactor->now_ns = md_now_ns();
	if (reactor->epoll < 0 || reactor->wake < 0 ||
	    epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, reactor->wake, &event) != 0) {
		md_reactor_free(reactor);
		return md_fail(err, MD_UNAVAILABLE, "58030",
			       "no file descriptors for an event loop");
	}
	*ret_reactor = reactor;
	return MD_OK;
}

struct md_reactor *md_reactor_free(struct md_reactor *reactor)
{
	if (!reactor)
		return NULL;
	if (reactor->epoll >= 0)
		close(reactor->epoll);
	if (reactor->wake >= 0)
		close(reactor->wake);
	free(reactor);
	return NULL;
}

bool md_reactor_watch(struct md_reactor *reactor, struct md_source *source)
{
	struct epoll_event event = { .events = EPOLLRDHUP, .data = { .ptr = source } };
	int rc;

	assert(is_owner(reactor));
	if (source->wants & MD_READ)
		event.events |= EPOLLIN;
	if (source->wants & MD_WRITE)
		event.events |= EPOLLOUT;
	rc = epoll_ctl(reactor->epoll, source->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, source->fd,
		       &event);
	if (rc == 0)
		source->watched = true;
	return rc == 0;
}

void md_reactor_forget(struct md_reactor *reactor, struct md_source *source)
{
	assert(is_owner(reactor));
	if (!source->watched)
		return;
	epoll_ctl(reactor->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	source->watched = false;
	for (int i = 0; i < reactor->ready; i++)
		if (reactor->events[i].data.ptr == source)
			reactor->events[i].data.ptr = NULL;
}

static void wake_up(struct md_reactor *reactor)
{
	uint64_t one = 1;
	ssize_t n = write(reactor->wake, &one, sizeof(one));

	(void)n; /* EAGAIN: it is awake already */
}

void md_reactor_post(struct md_reactor *reactor, struct md_task *task)
{
	struct md_task *head = atomic_load_explicit(&reactor->posted, memory_order_relaxed);

	do
		task->next = head;
	while (!atomic_compare_exchange_weak_explicit(&reactor->posted, &head, task,
						      memory_order_release, memory_order_relaxed));
	if (!head)
		wake_up(reactor);
}

/* Pairing heap: the root is the earliest; children are a list by `sibling`; `previous` is the left
 * sibling or the parent. */
static struct md_timer *meld(struct md_timer *a, struct md_timer *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (b->deadline_ns < a->deadline_ns) {
		struct md_timer *t = a;

		a = b;
		b = t;
	}
	b->previous = a;
	b->sibling = a->child;
	if (b->sibling)
		b->sibling->previous = b;
	a->child = b;
	a->sibling = a->previous = NULL;
	return a;
}

/* Meld a list of siblings in pairs from the left, then the pairs from the right. */
static struct md_timer *meld_children(struct md_timer *list)
{
	struct md_timer *pairs = NULL, *root = NULL;

	while (list) {
		struct md_timer *a = list, *b = a->sibling;

		list = b ? b->sibling : NULL;
		a->sibling = a->previous = NULL;
		if (b)
			b->sibling = b->previous = NULL;
		a = meld(a, b);
		a->previous = pairs; /* a stack by `previous` */
		pairs = a;
	}
	while (pairs) {
		struct md_timer *next = pairs->previous;

		pairs->previous = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

void md_reactor_disarm(struct md_reactor *reactor, struct md_timer *timer)
{
	struct md_timer *rest;

	assert(is_owner(reactor));
	if (!timer->armed)
		return;
	rest = meld_children(timer->child);
	if (timer == reactor->timers) {
		reactor->timers = rest;
	} else {
		if (timer->previous->child == timer)
			timer->previous->child = timer->sibling;
		else
			timer->previous->sibling = timer->sibling;
		if (timer->sibling)
			timer->sibling->previous = timer->previous;
		reactor->timers = meld(reactor->timers, rest);
	}
	timer->armed = false;
	timer->child = timer->sibling = timer->previous = NULL;
}

void md_reactor_arm(struct md_reactor *reactor, struct md_timer *timer, uint64_t deadline_ns)
{
	md_reactor_disarm(reactor, timer);
	timer->deadline_ns = deadline_ns;
	timer->armed = true;
	timer->child = timer->sibling = timer->previous = NULL;
	reactor->timers = meld(reactor->timers, timer);
}

void md_reactor_at_turn_end(struct md_reactor *reactor, struct md_turn_hook *hook)
{
	struct md_turn_hook **last = &reactor->hooks;

	assert(is_owner(reactor));
	while (*last)
		last = &(*last)->next;
	hook->next = NULL;
	*last = hook;
}

enum md_code md_reactor_set_front(struct md_reactor *reactor, struct md_front *front,
				  struct md_error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = &front_mark } };

	assert(is_owner(reactor));
	if (reactor->front)
		epoll_ctl(reactor->epoll, EPOLL_CTL_DEL, reactor->front->fd, NULL);
	reactor->front = NULL;
	if (front && epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, front->fd, &event) != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "cannot watch the HTTP front end");
	reactor->front = front;
	return MD_OK;
}

uint64_t md_reactor_now_ns(const struct md_reactor *reactor)
{
	return reactor->now_ns;
}

uint64_t md_reactor_turn(const struct md_reactor *reactor)
{
	return reactor->turn;
}

int md_reactor_fd(const struct md_reactor *reactor)
{
	return reactor->epoll;
}

/* How long epoll may wait: the earliest of the front's and the first timer's time. */
int md_reactor_wait_ms(const struct md_reactor *reactor)
{
	int ms = reactor->front ? reactor->front->wait_ms(reactor->front) : -1;

	if (reactor->timers) {
		uint64_t now = md_now_ns(), due = reactor->timers->deadline_ns;
		uint64_t left = due > now ? (due - now + MD_MS - 1) / MD_MS : 0;

		if (left > 1000 * 1000)
			left = 1000 * 1000;
		if (ms < 0 || left < (uint64_t)ms)
			ms = (int)left;
	}
	return ms;
}

static void run_sources(struct md_reactor *reactor, enum md_phase phase)
{
	for (int i = 0; i < reactor->ready; i++) {
		struct md_source *source = reactor->events[i].data.ptr;
		uint32_t got = reactor->events[i].events;
		unsigned events = 0;

		if (!source || (void *)source == &wake_mark || (void *)source == &front_mark ||
		    source->phase != phase)
			continue;
		if (got & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
			events |= MD_HANGUP | source->wants;
		if (got & EPOLLIN)
			events |= MD_READ;
		if (got & EPOLLOUT)
			events |= MD_WRITE;
		reactor->events[i].data.ptr = NULL;
		source->ready(source, events);
	}
}

static void run_tasks(struct md_reactor *reactor)
{
	struct md_task *stack =
		atomic_exchange_explicit(&reactor->posted, NULL, memory_order_acquire);
	struct md_task *queue = NULL;

	while (stack) {
		struct md_task *next = stack->next;

		stack->next = queue;
		queue = stack;
		stack = next;
	}
	while (queue) {
		struct md_task *next = queue->next;

		queue->run(queue);
		queue = next;
	}
}

static void run_timers(struct md_reactor *reactor)
{
	while (reactor->timers && reactor->timers->deadline_ns <= reactor->now_ns) {
		struct md_timer *timer = reactor->timers;

		md_reactor_disarm(reactor, timer);
		timer->due(timer);
	}
}

static void turn(struct md_reactor *reactor, int most_ms)
{
	uint64_t count;
	int ms = md_reactor_wait_ms(reactor), n;

	if (most_ms >= 0 && (ms < 0 || ms > most_ms))
		ms = most_ms;
	n = epoll_wait(reactor->epoll, reactor->events, EVENTS, ms);

	assert(n >= 0 || errno == EINTR);
	reactor->ready = n < 0 ? 0 : n;
	reactor->now_ns = md_now_ns();
	reactor->turn++;
	for (int i = 0; i < reactor->ready; i++)
		if (reactor->events[i].data.ptr == &wake_mark &&
		    read(reactor->wake, &count, sizeof(count)) < 0)
			assert(errno == EAGAIN);
	run_sources(reactor, MD_PHASE_DB);
	run_tasks(reactor);
	run_sources(reactor, MD_PHASE_FRONT);
	reactor->ready = 0;
	if (reactor->front)
		reactor->front->run(reactor->front);
	run_timers(reactor);
	for (struct md_turn_hook *hook = reactor->hooks; hook; hook = hook->next)
		hook->end(hook);
}

void md_reactor_run(struct md_reactor *reactor, const bool *until)
{
	reactor->owner = pthread_self();
	while (!(until && *until) && !atomic_exchange(&reactor->stop, false))
		turn(reactor, -1);
}

void md_reactor_step(struct md_reactor *reactor, int most_ms)
{
	reactor->owner = pthread_self();
	turn(reactor, most_ms);
}

void md_reactor_nudge(struct md_reactor *reactor)
{
	wake_up(reactor);
}

void md_reactor_stop(struct md_reactor *reactor)
{
	atomic_store(&reactor->stop, true);
	wake_up(reactor);
}
