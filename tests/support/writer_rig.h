/* A database with its writer, one loop and jobs for it: what the tests of the writer share. A job
 * is a script (script.h) that can be run again. All of it belongs to the thread of the test. */
#ifndef MD_TESTS_WRITER_RIG_H
#define MD_TESTS_WRITER_RIG_H
#include <check.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/db/lane.h"

#include "tests/support/script.h"

struct rig {
	struct md_db *db;
	struct md_reactor *reactor;
	struct md_db_loop *loop;
	unsigned flying, acknowledged;
	bool idle;
	sqlite3 *gate; /* another program that holds the write lock */
	void (*on_done)(struct rig *rig, struct script *job);
};

struct job {
	struct script s; /* first; its unit is first in it */
	struct rig *rig;
	atomic_uint runs;
	unsigned order;    /* of acknowledgement, from 1 */
	const char *later; /* SQL of the first statement from the second run on */
};

/* Does not allocate when it holds, for tests that count allocations. */
#define MUST(condition)                                 \
	do {                                            \
		if (!(condition))                       \
			ck_abort_msg("%s", #condition); \
	} while (0)

static char rig_folder[64], rig_path[80], rig_url[96];

static inline void rig_make_folder(void)
{
	snprintf(rig_folder, sizeof(rig_folder), "/tmp/md-writer-XXXXXX");
	MUST(mkdtemp(rig_folder));
	snprintf(rig_path, sizeof(rig_path), "%s/w.db", rig_folder);
	snprintf(rig_url, sizeof(rig_url), "sqlite:///%s", rig_path);
}

static inline void rig_remove_folder(void)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	char name[96];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", rig_path, endings[i]);
		unlink(name);
	}
	rmdir(rig_folder);
}

/** Run SQL as somebody else. */
static inline void rig_admin(const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	MUST(sqlite3_open(rig_path, &db) == SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	sqlite3_exec(db, sql, NULL, NULL, &message);
	ck_assert_msg(message == NULL, "%s: %s", sql, message);
	sqlite3_close(db);
}

/** The one text or number that `sql` finds, as somebody else sees it. */
static inline const char *rig_ask(const char *sql)
{
	static char answer[4096];
	sqlite3 *db;
	sqlite3_stmt *stmt;

	MUST(sqlite3_open(rig_path, &db) == SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
		      sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_step(stmt) == SQLITE_ROW, "%s", sqlite3_errmsg(db));
	snprintf(answer, sizeof(answer), "%s",
		 sqlite3_column_text(stmt, 0) ? (const char *)sqlite3_column_text(stmt, 0) : "-");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}

static inline enum md_code rig_try_open(struct rig *rig, const struct md_db_options *options,
					struct md_error *err)
{
	enum md_code code;

	memset(rig, 0, sizeof(*rig));
	code = md_db_open(options, &rig->db, err);
	if (code == MD_OK)
		rig->db->writer.group_ns = 30 * MD_SEC; /* groups end when the queue is empty */
	if (code == MD_OK)
		code = md_reactor_new(&rig->reactor, err);
	if (code == MD_OK)
		code = md_db_join(rig->db, rig->reactor, &rig->loop, err);
	return code;
}

static inline void rig_close(struct rig *rig)
{
	MUST(rig->flying == 0);
	md_db_leave(rig->loop);
	md_reactor_free(rig->reactor);
	rig->db = md_db_close(rig->db);
}

static inline struct md_db_options rig_options(void)
{
	return (struct md_db_options){
		.url = rig_url, .readers = 1, .lock_timeout_ms = 5000, .inline_budget_us = 1000000
	};
}

/** Open the database with these options; it must work. */
static inline void rig_open_with(struct rig *rig, const struct md_db_options *options)
{
	struct md_error err = { 0 };

	ck_assert_msg(rig_try_open(rig, options, &err) == MD_OK, "%s", err.message);
}

static inline void rig_open(struct rig *rig)
{
	struct md_db_options options = rig_options();

	rig_open_with(rig, &options);
}

/** Let another program take the write lock, so that everything started until rig_release() is one
 * group. */
static inline void rig_hold(struct rig *rig)
{
	MUST(sqlite3_open(rig_path, &rig->gate) == SQLITE_OK);
	MUST(sqlite3_exec(rig->gate, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
}

static inline void rig_release(struct rig *rig)
{
	sqlite3_close(rig->gate);
	rig->gate = NULL;
}

static enum md_next job_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct job *job = (struct job *)unit;

	if (job->s.at == 0) {
		atomic_fetch_add(&job->runs, 1);
		if (job->later && atomic_load(&job->runs) > 1)
			job->s.stmts[0].sql = job->later;
	}
	return script_next(unit, ret_call);
}

static void job_reset(struct md_unit *unit)
{
	struct job *job = (struct job *)unit;

	job->s.at = job->s.rows = 0;
	job->s.len = 0;
	job->s.text[0] = '\0';
}

static void job_done(struct md_unit *unit, enum md_code code)
{
	struct job *job = (struct job *)unit;
	struct rig *rig = job->rig;

	script_done(unit, code);
	job->order = ++rig->acknowledged;
	rig->idle = --rig->flying == 0;
	if (rig->on_done)
		rig->on_done(rig, &job->s);
}

static const struct md_unit_ops job_ops = {
	.next = job_next,
	.rows = script_rows,
	.done = job_done,
	.reset = job_reset,
};

/** Make it empty; add statements with script_add(&job->s, …). */
static inline void job_init(struct job *job)
{
	memset(job, 0, sizeof(*job));
	script_init(&job->s, MD_TX_WRITE);
	job->s.unit.ops = &job_ops;
}

/** A job of one statement without parameters. */
static inline void job_text(struct job *job, const char *sql)
{
	job_init(job);
	script_add(&job->s, 0, sql, NULL, 0);
}

static inline void rig_start(struct rig *rig, struct job *job)
{
	job->rig = rig;
	rig->flying++;
	rig->idle = false;
	md_db_run(rig->loop, &job->s.unit, MD_LANE_WRITE);
}

/** Until everything started is done. */
static inline void rig_wait(struct rig *rig)
{
	if (rig->flying > 0)
		md_reactor_run(rig->reactor, &rig->idle);
}

/** Start them as one group, and wait. */
static inline void rig_group(struct rig *rig, struct job *jobs, unsigned count)
{
	rig_hold(rig);
	for (unsigned i = 0; i < count; i++)
		rig_start(rig, &jobs[i]);
	rig_release(rig);
	rig_wait(rig);
}

static inline struct md_db_stats rig_stats(const struct rig *rig)
{
	struct md_db_stats stats;

	md_db_stats(rig->db, &stats);
	return stats;
}

#define EXPECT(job, want_code, want_wire)                                                     \
	do {                                                                                  \
		const struct script *expect_s = &(job)->s;                                    \
		ck_assert_msg(expect_s->done == 1 && expect_s->code == (want_code) &&         \
				      strcmp(expect_s->unit.error.wire, (want_wire)) == 0,    \
			      "%s: done %u, code %d, %s %s", expect_s->stmts[0].sql,          \
			      expect_s->done, (int)expect_s->code, expect_s->unit.error.wire, \
			      expect_s->unit.error.message);                                  \
	} while (0)
#endif
