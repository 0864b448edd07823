/* The pool and the lanes above it, without an engine: who gets a connection, and when. Two loops
 * are turned by the one thread of the test, so that what happens has one order. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"
#include "tests/support/fault.h"
#include "tests/support/pipe_driver.h"
#include "tests/support/suite.h"

enum { LOOPS_MAX = 4, JOBS_MAX = 128 };

#define MUST(condition)                                 \
	do {                                            \
		if (!(condition))                       \
			ck_abort_msg("%s", #condition); \
	} while (0)

struct place {
	struct md_reactor *reactor;
	struct md_db_loop *loop;
	struct md_task task;
	bool turned;
};
struct rig {
	struct md_db *db;
	struct place places[LOOPS_MAX];
	unsigned count, ended;
};
struct job {
	struct md_unit unit; /* first */
	struct rig *rig;
	enum md_code code;
	unsigned order, resets; /* of ending, from 1 */
	bool done;
};
static struct job jobs[JOBS_MAX];

static enum md_next job_next(struct md_unit *unit, struct md_call *ret_call)
{
	(void)unit;
	(void)ret_call;
	return MD_NEXT_COMMIT;
}
static enum md_flow job_rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	(void)unit;
	(void)call;
	(void)rows;
	return MD_FLOW_ON;
}
static void job_reset(struct md_unit *unit)
{
	((struct job *)unit)->resets++;
}
static void job_done(struct md_unit *unit, enum md_code code)
{
	struct job *job = (struct job *)unit;

	MUST(!job->done);
	job->done = true;
	job->code = code;
	job->order = ++job->rig->ended;
}
static const struct md_unit_ops job_ops = {
	.next = job_next, .rows = job_rows, .done = job_done, .reset = job_reset
};

static struct md_db_options options(unsigned size, int overflow)
{
	return (struct md_db_options){ .url = "pipe:",
				       .driver = &md_pipe_driver,
				       .pool_size = size,
				       .max_overflow = overflow,
				       .loops = 2 };
}

static enum md_code open_rig(struct rig *rig, const struct md_db_options *o)
{
	enum md_code code;

	memset(rig, 0, sizeof(*rig));
	pipe_reset();
	code = md_db_open(o, &rig->db, NULL);
	for (unsigned i = 0; i < o->loops && code == MD_OK; i++) {
		struct place *place = &rig->places[i];

		code = md_reactor_new(&place->reactor, NULL);
		if (code == MD_OK)
			code = md_db_join(rig->db, place->reactor, &place->loop, NULL);
		rig->count = i + 1;
	}
	pipe_reset();
	return code;
}

static void rig_open(struct rig *rig, unsigned size, int overflow)
{
	struct md_db_options o = options(size, overflow);

	MUST(open_rig(rig, &o) == MD_OK);
}

static void rig_close(struct rig *rig)
{
	for (unsigned i = 0; i < rig->count; i++)
		md_db_leave(rig->places[i].loop);
	md_db_close(rig->db);
	for (unsigned i = 0; i < rig->count; i++)
		md_reactor_free(rig->places[i].reactor);
	MUST(pipe_open() == 0 && pipe_running() == 0);
}

static void turned(struct md_task *task)
{
	((struct place *)((char *)task - offsetof(struct place, task)))->turned = true;
}

/* A few turns of every loop: messages between them come and are answered. */
static void turn(struct rig *rig)
{
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < rig->count; i++) {
			struct place *place = &rig->places[i];

			if (!place->loop)
				continue;
			place->turned = false;
			place->task.run = turned;
			md_reactor_post(place->reactor, &place->task);
			md_reactor_run(place->reactor, &place->turned);
		}
	}
}

static void start(struct rig *rig, unsigned place, struct job *job, enum md_lane lane)
{
	memset(job, 0, sizeof(*job));
	job->unit.ops = &job_ops;
	job->unit.tx = lane == MD_LANE_WRITE ? MD_TX_WRITE : MD_TX_IMPLICIT;
	job->rig = rig;
	md_db_run(rig->places[place].loop, &job->unit, lane);
	MUST(!job->done);
}

static struct md_pool_stats pool_of(const struct rig *rig)
{
	struct md_pool_stats stats;

	md_db_pool(rig->db, &stats);
	return stats;
}

static void turn_until_done(struct rig *rig, unsigned count)
{
	uint64_t by_ns = md_now_ns() + 20 * MD_SEC;

	while (rig->ended < count) {
		turn(rig);
		ck_assert_msg(md_now_ns() < by_ns, "%u of %u have ended", rig->ended, count);
	}
}

START_TEST(who_waits_is_served_in_turn_whatever_its_loop)
{
	static const unsigned homes[] = { 0, 0, 1, 0, 1, 1, 0 };
	struct rig rig;

	rig_open(&rig, 2, 0);
	pipe_automatic(false);
	for (unsigned i = 0; i < 7; i++) {
		start(&rig, homes[i], &jobs[i], MD_LANE_OWN);
		turn(&rig);
	}
	ck_assert_uint_eq(pipe_running(), 2);
	ck_assert_uint_eq(pool_of(&rig).waiting, 5);
	for (unsigned i = 0; i < 7; i++) {
		ck_assert(pipe_end());
		turn(&rig);
		ck_assert(jobs[i].done);
		ck_assert_uint_eq(jobs[i].order, i + 1);
		ck_assert_uint_eq(pipe_running(), i < 5 ? 2 : 6 - i);
	}
	ck_assert_uint_eq(pipe_opened(), 2); /* handed over, not opened anew */
	rig_close(&rig);
}
END_TEST

START_TEST(pools_of_every_size_work_and_keep_their_limit)
{
	static const struct {
		unsigned size;
		int overflow;
		unsigned most;
	} cases[] = { { 1, 0, 1 }, { 2, 0, 2 },  { 1, 1, 2 },  { 3, 0, 3 },
		      { 1, 2, 3 }, { 4, 0, 4 },  { 5, 0, 5 },  { 10, 20, 30 },
		      { 5, 3, 8 }, { 0, 0, 99 }, { 2, -1, 99 } };
	static const enum md_lane lanes[] = { MD_LANE_INLINE, MD_LANE_OWN, MD_LANE_WRITE };
	struct rig rig;

	for (unsigned c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		rig_open(&rig, cases[c].size, cases[c].overflow);
		for (unsigned i = 0; i < 60; i++)
			start(&rig, i % 2, &jobs[i], lanes[i % 3]);
		turn_until_done(&rig, 60);
		for (unsigned i = 0; i < 60; i++)
			ck_assert_int_eq(jobs[i].code, MD_OK);
		ck_assert_uint_le(pipe_most(), cases[c].most);
		rig_close(&rig);
	}
}
END_TEST

START_TEST(zero_and_minus_one_are_no_limit)
{
	struct rig rig;

	for (int unlimited = 0; unlimited < 2; unlimited++) {
		rig_open(&rig, unlimited == 0 ? 0 : 2, unlimited == 0 ? 0 : -1);
		pipe_automatic(false);
		for (unsigned i = 0; i < 50; i++)
			start(&rig, 0, &jobs[i], MD_LANE_OWN);
		turn(&rig);
		ck_assert_uint_eq(pipe_running(), 50);
		while (pipe_end())
			continue;
		turn_until_done(&rig, 50);
		turn(&rig);
		/* What is beyond the size is closed after use. */
		ck_assert_uint_eq(pool_of(&rig).idle, unlimited == 0 ? 50 : 2);
		rig_close(&rig);
	}
}
END_TEST

START_TEST(an_idle_connection_elsewhere_is_handed_over)
{
	struct rig rig;

	rig_open(&rig, 2, 0);
	pipe_automatic(false);
	start(&rig, 0, &jobs[0], MD_LANE_OWN);
	start(&rig, 0, &jobs[1], MD_LANE_OWN);
	turn(&rig);
	while (pipe_end())
		continue;
	turn(&rig);
	ck_assert_uint_eq(pool_of(&rig).idle, 2);
	start(&rig, 1, &jobs[2], MD_LANE_OWN);
	turn(&rig);
	ck_assert_uint_eq(pipe_running(), 1);
	ck_assert_uint_eq(pipe_opened(), 2);
	pipe_end();
	turn(&rig);
	ck_assert_int_eq(jobs[2].code, MD_OK);
	ck_assert(jobs[2].done);
	rig_close(&rig);
}
END_TEST

START_TEST(the_last_used_is_used_next)
{
	struct rig rig;
	struct md_pipe *pipe;

	rig_open(&rig, 5, 0);
	pipe_automatic(false);
	for (unsigned i = 0; i < 3; i++)
		start(&rig, 1, &jobs[i], MD_LANE_OWN);
	turn(&rig);
	for (unsigned i = 0; i < 3; i++) {
		pipe_end();
		turn(&rig);
	}
	pipe = rig.places[1].loop->pipes->idle;
	start(&rig, 1, &jobs[3], MD_LANE_OWN);
	ck_assert_ptr_eq(jobs[3].unit.place, pipe);
	pipe_end();
	turn(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(a_larger_limit_lets_those_in_who_wait)
{
	struct rig rig;
	struct md_db_options larger = options(2, 1);

	rig_open(&rig, 1, 0);
	pipe_automatic(false);
	for (unsigned i = 0; i < 4; i++)
		start(&rig, i % 2, &jobs[i], MD_LANE_OWN);
	turn(&rig);
	ck_assert_uint_eq(pipe_running(), 1);
	MUST(md_db_tune(rig.db, &larger, NULL) == MD_OK);
	turn(&rig);
	ck_assert_uint_eq(pipe_running(), 3);
	while (rig.ended < 4) {
		pipe_end();
		turn(&rig);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_limit_that_sinks_below_the_fast_lanes_leaves_one_session)
{
	struct rig rig;
	struct md_db_options smaller = options(1, 0);

	rig_open(&rig, 10, 0);
	pipe_automatic(false);
	ck_assert_uint_eq(pool_of(&rig).reserved, 4);
	for (unsigned i = 0; i < 4; i++)
		start(&rig, i % 2, &jobs[i], MD_LANE_OWN);
	turn(&rig);
	ck_assert_uint_eq(pipe_running(), 4);
	MUST(md_db_tune(rig.db, &smaller, NULL) == MD_OK);
	for (unsigned i = 0; i < 4; i++) {
		pipe_end();
		turn(&rig);
	}
	ck_assert_uint_eq(rig.ended, 4);
	for (unsigned i = 4; i < 8; i++)
		start(&rig, i % 2, &jobs[i], MD_LANE_OWN);
	turn(&rig);
	ck_assert_uint_eq(pipe_running(), 1);
	ck_assert_uint_eq(pool_of(&rig).waiting, 3);
	while (rig.ended < 8) {
		MUST(pipe_end());
		turn(&rig);
	}
	ck_assert_uint_eq(pool_of(&rig).idle, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(a_lost_connection_makes_older_ones_suspect)
{
	struct rig rig;

	rig_open(&rig, 2, 0);
	pipe_automatic(false);
	start(&rig, 0, &jobs[0], MD_LANE_WRITE);
	start(&rig, 1, &jobs[1], MD_LANE_OWN);
	turn(&rig);
	pipe_lose_all();
	turn(&rig);
	ck_assert(jobs[0].done); /* a write does not begin again */
	ck_assert_int_eq(jobs[0].code, MD_UNAVAILABLE);
	ck_assert_uint_eq(jobs[0].resets, 0);
	ck_assert(!jobs[1].done); /* a read does, once */
	ck_assert_uint_eq(jobs[1].resets, 1);
	pipe_lose_all();
	turn(&rig);
	ck_assert(jobs[1].done);
	ck_assert_int_eq(jobs[1].code, MD_UNAVAILABLE);
	ck_assert_str_eq(jobs[1].unit.error.wire, "PGRST001");
	ck_assert_uint_ge(pool_of(&rig).invalidated, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(connections_refused_are_tried_again_and_who_waits_shares_the_outcome)
{
	struct rig rig;
	uint64_t back_ns;
	unsigned opened;

	rig_open(&rig, 10, 0);
	pipe_refuse(MD_UNAVAILABLE);
	pipe_lose_all();
	turn(&rig);
	for (unsigned i = 0; i < 40; i++)
		start(&rig, i % 2, &jobs[i], i % 3 ? MD_LANE_OWN : MD_LANE_INLINE);
	opened = pipe_opened();
	turn_until_done(&rig, 40);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_int_eq(jobs[i].code, MD_UNAVAILABLE);
		ck_assert_str_eq(jobs[i].unit.error.wire, "PGRST000");
	}
	ck_assert_uint_le(pipe_opened() - opened, 6); /* one attempt of each loop, not 40 */
	ck_assert(!pool_of(&rig).alive);
	pipe_refuse(MD_OK);
	back_ns = md_now_ns();
	do {
		rig.ended = 0;
		start(&rig, 0, &jobs[0], MD_LANE_INLINE);
		turn_until_done(&rig, 1);
	} while (jobs[0].code != MD_OK);
	ck_assert_uint_le(md_now_ns() - back_ns, MD_SEC);
	ck_assert(pool_of(&rig).alive);
	rig_close(&rig);
}
END_TEST

START_TEST(a_stop_with_units_that_wait_ends_them_all)
{
	struct rig rig;

	rig_open(&rig, 1, 0);
	pipe_automatic(false);
	for (unsigned i = 0; i < 20; i++)
		start(&rig, i % 2, &jobs[i], MD_LANE_OWN);
	turn(&rig);
	for (unsigned i = 0; i < 20; i++)
		md_db_cancel(rig.places[i % 2].loop, &jobs[i].unit);
	turn_until_done(&rig, 20);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(jobs[i].code, MD_CANCELLED);
	rig_close(&rig);
}
END_TEST

/* --- memory --- */

static enum md_code attempt(void)
{
	struct md_db_options o = options(3, 2);
	struct rig rig;
	enum md_code code = open_rig(&rig, &o);

	if (code == MD_OK) {
		for (unsigned i = 0; i < 9; i++)
			start(&rig, i % 2, &jobs[i], (enum md_lane)(i % 3));
		while (rig.ended < 9)
			turn(&rig);
		for (unsigned i = 0; i < 9 && code == MD_OK; i++)
			code = jobs[i].code;
	}
	if (rig.db)
		rig_close(&rig);
	return code;
}

START_TEST(survives_a_failure_of_every_allocation)
{
	long n;

	for (n = 0; n < 1000; n++) {
		enum md_code code;

		fault_arm(n);
		code = attempt();
		if (!fault_fired()) {
			fault_disarm();
			MUST(code == MD_OK);
			break;
		}
		fault_disarm();
	}
	ck_assert_msg(n > 10 && n < 1000, "%ld allocations failed once", n);
}
END_TEST

/* --- threads --- */

enum { RUNS = 2000, UNITS = 8 };

struct worker {
	pthread_t thread;
	struct md_db *db;
	struct md_reactor *reactor;
	struct md_db_loop *loop;
	struct md_unit units[UNITS];
	struct md_task begin, end;
	unsigned started, ended, failed;
	bool finished;
};

/* A loop goes on until the last unit of all has ended: others may wait for what is idle at it. */
static struct worker workers[LOOPS_MAX];
static atomic_uint workers_ended; /* units that begin no other */

static struct worker *worker_of(struct md_unit *unit)
{
	return (struct worker *)(uintptr_t)unit->prelude;
}

static void begin_unit(struct worker *worker, struct md_unit *unit);

static void worker_done(struct md_unit *unit, enum md_code code)
{
	struct worker *worker = worker_of(unit);

	worker->failed += code != MD_OK;
	worker->ended++;
	if (worker->started < RUNS)
		begin_unit(worker, unit);
	else if (atomic_fetch_add(&workers_ended, 1) + 1 == LOOPS_MAX * UNITS)
		for (unsigned i = 0; i < LOOPS_MAX; i++)
			md_reactor_post(workers[i].reactor, &workers[i].end);
}

static const struct md_unit_ops worker_ops = {
	.next = job_next, .rows = job_rows, .done = worker_done, .reset = job_reset
};

/* The prelude is nothing to this driver: it carries the worker. */
static void begin_unit(struct worker *worker, struct md_unit *unit)
{
	memset(unit, 0, offsetof(struct md_unit, error));
	unit->ops = &worker_ops;
	unit->prelude = (const char *)worker;
	unit->tx = MD_TX_IMPLICIT;
	worker->started++;
	md_db_run(worker->loop, unit, worker->started % 3 ? MD_LANE_OWN : MD_LANE_INLINE);
}

static void begin_all(struct md_task *task)
{
	struct worker *worker = (struct worker *)((char *)task - offsetof(struct worker, begin));

	for (unsigned i = 0; i < UNITS; i++)
		begin_unit(worker, &worker->units[i]);
}

static void end_run(struct md_task *task)
{
	struct worker *worker = (struct worker *)((char *)task - offsetof(struct worker, end));

	worker->finished = true;
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;

	worker->begin.run = begin_all;
	worker->end.run = end_run;
	md_reactor_post(worker->reactor, &worker->begin);
	md_reactor_run(worker->reactor, &worker->finished);
	return NULL;
}

START_TEST(loops_on_threads_share_a_small_pool)
{
	static const unsigned sizes[] = { 1, 3, 10 };

	for (unsigned s = 0; s < 3; s++) {
		struct md_db_options o = options(sizes[s], 2);
		struct md_db *db;

		o.loops = LOOPS_MAX;
		memset(workers, 0, sizeof(workers));
		workers_ended = 0;
		pipe_reset();
		MUST(md_db_open(&o, &db, NULL) == MD_OK);
		pipe_reset();
		for (unsigned i = 0; i < LOOPS_MAX; i++) {
			MUST(md_reactor_new(&workers[i].reactor, NULL) == MD_OK);
			MUST(md_db_join(db, workers[i].reactor, &workers[i].loop, NULL) == MD_OK);
		}
		for (unsigned i = 0; i < LOOPS_MAX; i++)
			MUST(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) ==
			     0);
		for (unsigned i = 0; i < LOOPS_MAX; i++)
			pthread_join(workers[i].thread, NULL);
		ck_assert_uint_le(pipe_most(), sizes[s] + 2);
		for (unsigned i = 0; i < LOOPS_MAX; i++) {
			ck_assert_uint_eq(workers[i].ended, RUNS);
			ck_assert_uint_eq(workers[i].failed, 0);
			md_db_leave(workers[i].loop);
		}
		md_db_close(db);
		for (unsigned i = 0; i < LOOPS_MAX; i++)
			md_reactor_free(workers[i].reactor);
	}
}
END_TEST

SUITE_MAIN("pool", who_waits_is_served_in_turn_whatever_its_loop,
	   pools_of_every_size_work_and_keep_their_limit, zero_and_minus_one_are_no_limit,
	   an_idle_connection_elsewhere_is_handed_over, the_last_used_is_used_next,
	   a_larger_limit_lets_those_in_who_wait,
	   a_limit_that_sinks_below_the_fast_lanes_leaves_one_session,
	   a_lost_connection_makes_older_ones_suspect,
	   connections_refused_are_tried_again_and_who_waits_shares_the_outcome,
	   a_stop_with_units_that_wait_ends_them_all, survives_a_failure_of_every_allocation,
	   loops_on_threads_share_a_small_pool)
