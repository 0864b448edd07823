/* A loop on a PostgreSQL server of the test's own, and jobs for it: units that run one statement
 * and keep what came back. */
#ifndef MD_TESTS_UNIT_LANES_RIG_H
#define MD_TESTS_UNIT_LANES_RIG_H
#include <stdatomic.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"
#include "tests/support/pg_server.h"
#include "tests/support/script.h"

enum { JOBS_MAX = 256 };

struct rig {
	struct md_db *db;
	struct md_reactor *reactor;
	struct md_db_loop *loop;
	unsigned flying;
	bool idle;
	unsigned errors, warnings; /* lines of the log */
	struct md_timer timer;
	bool timer_due;
	unsigned long stmt_id; /* of the units started from now on; 0: a new one each */
	uint64_t deadline_ns;  /* of the units started from now on */
};
struct job {
	struct script s; /* first */
	struct rig *rig;
	unsigned asked, resets;
	uint64_t ended_ns;
};
static struct job jobs[JOBS_MAX];

static void write_log(void *ctx, enum md_log_level level, const char *text)
{
	struct rig *rig = ctx;

	rig->errors += level == MD_LOG_ERROR;
	rig->warnings += level == MD_LOG_WARN;
	if (getenv("MD_TEST_LOG"))
		fprintf(stderr, "%d %s\n", (int)level, text);
}

/* All calls at once, as a pipeline wants them. */
static enum md_next job_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct job *job = (struct job *)unit;

	if (job->asked == job->s.count)
		return MD_NEXT_COMMIT;
	*ret_call = (struct md_call){ .stmt = &job->s.stmts[job->asked++] };
	return MD_NEXT_CALL;
}

static void job_reset(struct md_unit *unit)
{
	struct job *job = (struct job *)unit;

	job->resets++;
	job->asked = 0;
	job->s.at = job->s.rows = 0;
	job->s.len = 0;
	job->s.text[0] = '\0';
}

static void job_done(struct md_unit *unit, enum md_code code)
{
	struct job *job = (struct job *)unit;

	script_done(unit, code);
	job->ended_ns = md_now_ns();
	job->rig->idle = --job->rig->flying == 0;
}

static void job_paused(struct md_unit *unit)
{
	struct job *job = (struct job *)unit;

	md_db_resume(job->rig->loop, &job->s.unit);
}

static const struct md_unit_ops job_ops = { .next = job_next,
					    .rows = script_rows,
					    .paused = job_paused,
					    .done = job_done,
					    .reset = job_reset };
static const struct md_unit_ops write_job_ops = {
	.next = job_next, .rows = script_rows, .done = job_done, .reset = job_reset
};

static struct md_db_options options(struct rig *rig)
{
	return (struct md_db_options){
		.url = pg_url,
		.statement_timeout_ms = 15000,
		.lock_timeout_ms = 5000,
		.queue_timeout_ms = 30000,
		.loops = 1,
		.pool_size = 10,
		.max_overflow = 20,
		.log = { .write = write_log, .ctx = rig, .level = MD_LOG_INFO },
	};
}

static enum md_code rig_try(struct rig *rig, const struct md_db_options *o, struct md_error *err)
{
	enum md_code code;

	memset(rig, 0, sizeof(*rig));
	code = md_db_open(o, &rig->db, err);
	if (code != MD_OK)
		return code;
	ck_assert_int_eq(md_reactor_new(&rig->reactor, err), MD_OK);
	ck_assert_int_eq(md_db_join(rig->db, rig->reactor, &rig->loop, err), MD_OK);
	return MD_OK;
}

static void rig_open_with(struct rig *rig, const struct md_db_options *o)
{
	struct md_error err = { 0 };

	ck_assert_msg(rig_try(rig, o, &err) == MD_OK, "%s", err.message);
}

static void rig_open(struct rig *rig)
{
	struct md_db_options o = options(rig);

	rig_open_with(rig, &o);
}

static void rig_close(struct rig *rig)
{
	ck_assert_uint_eq(rig->flying, 0);
	md_db_leave(rig->loop);
	md_db_close(rig->db);
	md_reactor_free(rig->reactor);
}

static void start(struct rig *rig, struct job *job, const char *sql, enum md_tx tx,
		  enum md_lane lane)
{
	memset(job, 0, sizeof(*job));
	script_init(&job->s, tx);
	script_add(&job->s, rig->stmt_id ? rig->stmt_id : md_stmt_next_id(), sql, NULL, 0);
	job->s.stmts[0].writes = lane == MD_LANE_WRITE;
	job->s.unit.ops = lane == MD_LANE_WRITE ? &write_job_ops : &job_ops;
	job->s.unit.deadline_ns = rig->deadline_ns;
	job->rig = rig;
	rig->flying++;
	rig->idle = false;
	md_db_run(rig->loop, &job->s.unit, lane);
	ck_assert_uint_eq(job->s.done, 0); /* not before it has returned */
}

static void wait_all(struct rig *rig)
{
	if (rig->flying > 0)
		md_reactor_run(rig->reactor, &rig->idle);
}

static void timer_due(struct md_timer *timer)
{
	struct rig *rig = (struct rig *)((char *)timer - offsetof(struct rig, timer));

	rig->timer_due = true;
}

/* Let the loop turn for a while. */
static void idle(struct rig *rig, unsigned ms)
{
	rig->timer = (struct md_timer){ .due = timer_due };
	rig->timer_due = false;
	md_reactor_arm(rig->reactor, &rig->timer, md_now_ns() + ms * MD_MS);
	md_reactor_run(rig->reactor, &rig->timer_due);
}

static enum md_code run(struct rig *rig, struct job *job, const char *sql, enum md_tx tx,
			enum md_lane lane)
{
	start(rig, job, sql, tx, lane);
	wait_all(rig);
	ck_assert_uint_eq(job->s.done, 1);
	return job->s.code;
}

static void expect(struct rig *rig, const char *sql, enum md_lane lane, const char *text)
{
	enum md_tx tx = lane == MD_LANE_WRITE ? MD_TX_WRITE : MD_TX_IMPLICIT;

	ck_assert_msg(run(rig, &jobs[0], sql, tx, lane) == MD_OK, "%s: %s", sql,
		      jobs[0].s.unit.error.message);
	ck_assert_str_eq(jobs[0].s.text, text);
}

static inline struct md_pool_stats pool_of(struct rig *rig)
{
	struct md_pool_stats stats;

	md_db_pool(rig->db, &stats);
	return stats;
}
#endif
