#include "core/base/reactor.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"

#include "tests/support/suite.h"

struct counter {
	struct md_task task;
	struct md_reactor *reactor;
	int runs;
	bool enough;
};

static void count_task(struct md_task *task)
{
	struct counter *counter = (struct counter *)task;

	counter->runs++;
	if (counter->runs == 1000)
		counter->enough = true;
	else
		md_reactor_post(counter->reactor, task); /* reuse from inside run */
}

START_TEST(runs_posted_tasks)
{
	struct counter counter = { .task.run = count_task };

	ck_assert_int_eq(md_reactor_new(&counter.reactor, NULL), MD_OK);
	md_reactor_post(counter.reactor, &counter.task);
	md_reactor_run(counter.reactor, &counter.enough);
	ck_assert_int_eq(counter.runs, 1000);
	md_reactor_free(counter.reactor);
}
END_TEST

enum { POSTERS = 4, POSTS = 2000 };
struct post {
	struct md_task task;
	int *sum;
	bool *enough;
};

static void add_post(struct md_task *task)
{
	struct post *post = (struct post *)task;

	if (++*post->sum == POSTERS * POSTS)
		*post->enough = true;
}

struct poster {
	struct md_reactor *reactor;
	struct post posts[POSTS];
};

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	for (int i = 0; i < POSTS; i++)
		md_reactor_post(poster->reactor, &poster->posts[i].task);
	return NULL;
}

START_TEST(loses_no_post_of_many_threads)
{
	static struct poster posters[POSTERS];
	pthread_t threads[POSTERS];
	struct md_reactor *reactor;
	int sum = 0;
	bool enough = false;

	ck_assert_int_eq(md_reactor_new(&reactor, NULL), MD_OK);
	for (int i = 0; i < POSTERS; i++) {
		posters[i].reactor = reactor;
		for (int j = 0; j < POSTS; j++)
			posters[i].posts[j] = (struct post){ .task.run = add_post,
							     .sum = &sum,
							     .enough = &enough };
		pthread_create(&threads[i], NULL, post_all, &posters[i]);
	}
	md_reactor_run(reactor, &enough);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(sum, POSTERS * POSTS);
	md_reactor_free(reactor);
}
END_TEST

struct alarm {
	struct md_timer timer;
	int number;
};
static int fired[400], fired_count;
static bool all_fired;
static int expected;

static void note(struct md_timer *timer)
{
	fired[fired_count++] = ((struct alarm *)timer)->number;
	all_fired = fired_count == expected;
}

START_TEST(fires_timers_in_order_of_their_deadlines)
{
	static struct alarm alarms[400];
	struct md_reactor *reactor;
	uint64_t now = md_now_ns();

	ck_assert_int_eq(md_reactor_new(&reactor, NULL), MD_OK);
	srand(3);
	for (int i = 0; i < 400; i++) {
		alarms[i] = (struct alarm){ .timer.due = note, .number = rand() % 100000 };
		md_reactor_arm(reactor, &alarms[i].timer,
			       now + 1000000 + (uint64_t)alarms[i].number * 100);
	}
	for (int i = 0; i < 400; i += 2) { /* move some, disarm some */
		if (i % 4 == 0) {
			md_reactor_disarm(reactor, &alarms[i].timer);
		} else {
			alarms[i].number = rand() % 100000;
			md_reactor_arm(reactor, &alarms[i].timer,
				       now + 1000000 + (uint64_t)alarms[i].number * 100);
		}
	}
	expected = 300;
	md_reactor_run(reactor, &all_fired);
	for (int i = 1; i < 300; i++)
		ck_assert_int_le(fired[i - 1], fired[i]);
	md_reactor_free(reactor);
}
END_TEST

struct reader {
	struct md_source source;
	struct md_reactor *reactor;
	struct reader *other;
	int calls;
	bool done;
};

static void forget_both(struct md_source *source, unsigned events)
{
	struct reader *reader = (struct reader *)source;

	ck_assert_uint_eq(events & MD_READ, MD_READ);
	reader->calls++;
	reader->done = reader->other->done = true;
	md_reactor_forget(reader->reactor, source);
	md_reactor_forget(reader->reactor, &reader->other->source);
}

START_TEST(does_not_call_a_source_forgotten_in_the_same_turn)
{
	struct md_reactor *reactor;
	int a[2], b[2];
	struct reader one = { .source = { .wants = MD_READ, .ready = forget_both } };
	struct reader two = one;

	ck_assert_int_eq(pipe(a) | pipe(b), 0);
	ck_assert_int_eq(md_reactor_new(&reactor, NULL), MD_OK);
	one.reactor = two.reactor = reactor;
	one.other = &two;
	two.other = &one;
	one.source.fd = a[0];
	two.source.fd = b[0];
	ck_assert(md_reactor_watch(reactor, &one.source));
	ck_assert(md_reactor_watch(reactor, &two.source));
	ck_assert_int_eq(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
	md_reactor_run(reactor, &one.done);
	ck_assert_int_eq(one.calls + two.calls, 1);
	md_reactor_free(reactor);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}
END_TEST

static void *stop_later(void *arg)
{
	usleep(20000);
	md_reactor_stop(arg);
	return NULL;
}

START_TEST(stops_from_another_thread)
{
	struct md_reactor *reactor;
	pthread_t thread;

	ck_assert_int_eq(md_reactor_new(&reactor, NULL), MD_OK);
	pthread_create(&thread, NULL, stop_later, reactor);
	md_reactor_run(reactor, NULL);
	pthread_join(thread, NULL);
	md_reactor_free(reactor);
}
END_TEST

static bool is_readable(const struct md_reactor *reactor)
{
	struct pollfd fd = { .fd = md_reactor_fd(reactor), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

struct bell {
	struct md_timer timer;
	bool rung;
};

static void ring(struct md_timer *timer)
{
	((struct bell *)timer)->rung = true;
}

/* The loop around it sees what there is to do, and gives it one turn. */
START_TEST(turns_in_another_loop)
{
	struct counter counter = { .task.run = count_task };
	struct bell bell = { .timer.due = ring };
	struct md_reactor *reactor;

	ck_assert_int_eq(md_reactor_new(&reactor, NULL), MD_OK);
	counter.reactor = reactor;
	ck_assert_int_eq(md_reactor_wait_ms(reactor), -1);
	ck_assert(!is_readable(reactor));
	md_reactor_step(reactor, 0); /* and does not wait */
	md_reactor_nudge(reactor);
	ck_assert(is_readable(reactor));
	md_reactor_step(reactor, -1);
	ck_assert(!is_readable(reactor));
	counter.runs = 998;
	md_reactor_post(reactor, &counter.task);
	ck_assert(is_readable(reactor));
	md_reactor_step(reactor, -1);
	ck_assert_int_eq(counter.runs, 999);
	ck_assert(is_readable(reactor)); /* it has posted itself */
	md_reactor_step(reactor, -1);
	ck_assert_int_eq(counter.runs, 1000);
	ck_assert(!is_readable(reactor));
	md_reactor_arm(reactor, &bell.timer, md_now_ns() + 20 * MD_MS);
	ck_assert_int_ge(md_reactor_wait_ms(reactor), 0);
	ck_assert_int_le(md_reactor_wait_ms(reactor), 20);
	while (!bell.rung)
		md_reactor_step(reactor, 5); /* less than the timer waits */
	ck_assert_int_eq(md_reactor_wait_ms(reactor), -1);
	md_reactor_free(reactor);
}
END_TEST

SUITE_MAIN("reactor", turns_in_another_loop, runs_posted_tasks, loses_no_post_of_many_threads,
	   fires_timers_in_order_of_their_deadlines,
	   does_not_call_a_source_forgotten_in_the_same_turn, stops_from_another_thread)
