/* Closing, lost connections, allocations that fail. */
#include "tests/driver/suite.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/support/fault.h"

START_TEST(closing_ends_the_units_in_flight)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe running, sent, waits;

	rig_open(&rig);
	probe_init(&running, MD_TX_IMPLICIT, STEPS(CALL(&s.slow, NULL), COMMIT));
	probe_init(&sent, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.put, ARGS(md_value_int(1), md_value_null())), COMMIT));
	probe_init(&waits, MD_TX_WRITE,
		   STEPS(CALL(&s.put, ARGS(md_value_int(2), md_value_null())), COMMIT));
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_push(&rig, &running);
	rig_push(&rig, &sent);
	rig_push(&rig, &waits);
	rig_idle(&rig, 50);
	ck_assert(!running.done && !sent.done && !waits.done);
	ck_assert_uint_eq(rig.conn->depth, 3);
	rig_close(&rig);
	ck_assert(running.done && sent.done && waits.done);
	ck_assert_int_eq(running.code, MD_UNAVAILABLE);
	ck_assert_int_eq(sent.code, MD_UNCERTAIN);
	ck_assert_int_eq(waits.code, MD_UNAVAILABLE);
	ck_assert(running.unit.sent && sent.unit.sent && !waits.unit.sent);
	probe_release(&running);
	probe_release(&sent);
	probe_release(&waits);
}
END_TEST

START_TEST(closing_ends_a_paused_unit)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_READ, STEPS(CALL(&s.series, ARGS(md_value_int(100000))), COMMIT));
	probe_pausing(&probe, 100);
	rig_push(&rig, &probe);
	rig_wait_pause(&rig, &probe);
	ck_assert(probe.paused && !probe.done);
	rig_close(&rig);
	ck_assert(probe.done);
	ck_assert_int_eq(probe.code, MD_UNAVAILABLE);
	probe_release(&probe);
}
END_TEST

START_TEST(closing_before_the_connection_stands_ends_what_waits)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_error err;
	struct probe probe;

	ck_assert_int_eq(rig_connect(&rig, (struct md_conn_target){ 0 }, &err), MD_OK);
	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
	rig_push(&rig, &probe);
	rig_close(&rig);
	ck_assert(probe.done && !probe.unit.sent);
	ck_assert_int_eq(probe.code, MD_UNAVAILABLE);
	probe_release(&probe);
}
END_TEST

/* However busy the machine is: the server has begun what was sent, and sleeps in it. */
static void until_it_runs(struct rig *rig)
{
	const struct suite_engine *engine = suite_engine();

	rig_idle(rig, 100);
	for (int i = 0; i < 200 && engine->sleeps && !engine->sleeps(); i++)
		rig_idle(rig, 100);
}

START_TEST(a_killed_session_is_unavailable_and_a_new_one_works)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	const struct suite_engine *engine = suite_engine();
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe, waits;

	for (int i = 0; i < 3; i++) {
		rig_open(&rig);
		probe_init(&probe, kinds[i], STEPS(CALL(&s.slow, NULL), COMMIT));
		probe_init(&waits, MD_TX_WRITE, STEPS(CALL(&s.count, NULL), COMMIT));
		rig_push(&rig, &probe);
		rig_push(&rig, &waits);
		until_it_runs(&rig);
		engine->kill();
		ck_assert_int_eq(rig_wait(&rig, &probe), MD_UNAVAILABLE);
		ck_assert_int_eq(rig_wait(&rig, &waits), MD_UNAVAILABLE);
		ck_assert_str_eq(probe.unit.error.wire, "57P01");
		ck_assert(probe.unit.sent && !waits.unit.sent);
		ck_assert(rig.conn->broken);
		probe_release(&waits);
		probe_init(&waits, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
		ck_assert_int_eq(rig_run(&rig, &waits), MD_UNAVAILABLE);
		probe_release(&probe);
		probe_release(&waits);
		rig_close(&rig);
	}
	rig_open(&rig);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(a_session_killed_while_idle_is_noticed)
{
	struct rig rig;
	struct stmts s = stmts_new();

	rig_open(&rig);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	suite_engine()->kill();
	rig_idle(&rig, 200);
	ck_assert(rig.conn->broken);
	ck_assert_int_eq(rig_one(&rig, &s.count, NULL, NULL), MD_UNAVAILABLE);
	rig_close(&rig);
}
END_TEST

/* The server says that it stopped before the write was done, so nothing is uncertain. */
START_TEST(a_write_killed_while_it_runs_is_undone)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_WRITE };
	struct md_stmt put;
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	for (int i = 0; i < 2; i++) {
		put = stmt_new(suite_engine()->texts.slow_put, 2, false, true);
		rig_open(&rig);
		probe_init(&probe, kinds[i],
			   STEPS(CALL(&put, ARGS(md_value_int(1), md_value_null())), COMMIT));
		rig_push(&rig, &probe);
		until_it_runs(&rig);
		suite_engine()->kill();
		ck_assert_int_eq(rig_wait(&rig, &probe), MD_UNAVAILABLE);
		ck_assert_str_eq(probe.unit.error.wire, "57P01");
		probe_release(&probe);
		rig_close(&rig);
		ck_assert_int_eq(rig_connect(&rig, (struct md_conn_target){ 0 }, NULL), MD_OK);
		rig_expect(&rig, &s.count, NULL, "0|\n");
		rig_close(&rig);
	}
}
END_TEST

/* The rows arrive, the commit is not answered: it may have happened. */
START_TEST(a_write_killed_at_its_commit_is_uncertain)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_WRITE };
	const struct suite_engine *engine = suite_engine();
	struct md_stmt put;
	struct rig rig;
	struct probe probe;

	if (!engine->texts.put_late)
		return;
	put = stmt_new(engine->texts.put_late, 1, true, true);
	for (int i = 0; i < 2; i++) {
		rig_open(&rig);
		probe_init(&probe, kinds[i], STEPS(CALL(&put, ARGS(md_value_int(1))), COMMIT));
		rig_push(&rig, &probe);
		until_it_runs(&rig);
		ck_assert(!probe.done);
		engine->kill();
		ck_assert_int_eq(rig_wait(&rig, &probe), MD_UNCERTAIN);
		ck_assert_uint_eq(probe.calls, 1); /* it had its row */
		probe_release(&probe);
		rig_close(&rig);
	}
}
END_TEST

START_TEST(a_write_cancelled_at_its_commit_is_undone)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_WRITE };
	const struct suite_engine *engine = suite_engine();
	struct md_stmt put;
	struct rig rig;
	struct probe probe;

	if (!engine->texts.put_late)
		return;
	put = stmt_new(engine->texts.put_late, 1, true, true);
	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		probe_init(&probe, kinds[i], STEPS(CALL(&put, ARGS(md_value_int(1))), COMMIT));
		rig_push(&rig, &probe);
		until_it_runs(&rig);
		rig.conn->driver->cancel(rig.conn, &probe.unit);
		ck_assert_int_eq(rig_wait(&rig, &probe), MD_CANCELLED);
		ck_assert(!rig.conn->broken);
		probe_release(&probe);
	}
	rig_close(&rig);
}
END_TEST

/* A session that answers nothing, not even a cancel request, is given up. */
START_TEST(a_frozen_session_is_given_up)
{
	const struct suite_engine *engine = suite_engine();
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe, write;
	uint64_t start;

	rig_open(&rig);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	engine->freeze(true);
	start = md_now_ns();
	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
	probe.unit.deadline_ns = start + 100 * MD_MS;
	probe_init(&write, MD_TX_WRITE,
		   STEPS(CALL(&s.put, ARGS(md_value_int(1), md_value_null())), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_TIMEOUT);
	ck_assert_uint_le(md_now_ns() - start, MD_SEC);
	ck_assert_int_eq(rig_run(&rig, &write), MD_UNAVAILABLE);
	ck_assert_uint_le(md_now_ns() - start, 4 * MD_SEC);
	ck_assert(rig.conn->broken && !write.unit.sent);
	engine->freeze(false);
	rig_close(&rig);
	probe_release(&probe);
	probe_release(&write);
}
END_TEST

/* One attempt: connect, write in a transaction, read in pieces. Returns the first failure. */
static enum md_code attempt(struct md_error *ret_error)
{
	struct rig rig = { 0 };
	struct stmts s = stmts_new();
	struct md_error err = { 0 };
	struct probe probe;
	enum md_code code = MD_OK;

	fault_pause();
	suite_engine()->reset();
	fault_resume();
	code = rig_connect(&rig, (struct md_conn_target){ .statement_cache = 2 }, &err);
	if (code != MD_OK) {
		MUST(!rig.conn && err.code == code, "connect() failed halfway");
		*ret_error = err;
		return code;
	}
	for (int i = 0; i < 4 && code == MD_OK; i++) {
		probe_init(&probe, i % 2 ? MD_TX_WRITE : MD_TX_IMPLICIT,
			   STEPS(CALL(&s.put, ARGS(md_value_int(i), md_value_real(1.5))),
				 CALL(&s.count, NULL), AFTER_ROWS,
				 CALL(&s.series, ARGS(md_value_int(10))), COMMIT));
		probe_pausing(&probe, 3);
		code = rig_run(&rig, &probe);
		*ret_error = probe.unit.error;
		fault_pause();
		probe_release(&probe);
		fault_resume();
	}
	rig_close(&rig);
	return code;
}

START_TEST(survives_a_failure_at_every_call)
{
	long n;

	for (n = 0; n < 1000; n++) {
		struct md_error err = { 0 };
		enum md_code code;

		fault_arm(n);
		code = attempt(&err);
		if (!fault_fired()) {
			fault_disarm();
			ck_assert_msg(code == MD_OK, "%d: %s", (int)code, err.message);
			break;
		}
		fault_disarm();
		ck_assert_msg(code != MD_OK || fault_is_soft(),
			      "call %ld failed and nobody noticed", n);
		ck_assert_int_eq(err.code, code);
	}
	ck_assert_msg(n > 3, "only %ld calls could fail", n);
	ck_assert_msg(n < 1000, "no end");
	printf("%s: %ld calls failed once\n", suite_engine()->name, n);
}
END_TEST

void suite_loss(TCase *tcase)
{
	bool sessions = suite_engine()->kill != NULL;

	suite_add(tcase, closing_ends_the_units_in_flight, MD_DB_PIPELINE, 0);
	suite_add(tcase, closing_ends_a_paused_unit, 0, 0);
	suite_add(tcase, closing_before_the_connection_stands_ends_what_waits, 0, MD_DB_BLOCKING);
	if (sessions) {
		suite_add(tcase, a_killed_session_is_unavailable_and_a_new_one_works, 0, 0);
		suite_add(tcase, a_session_killed_while_idle_is_noticed, 0, 0);
		suite_add(tcase, a_write_killed_while_it_runs_is_undone, 0, 0);
		suite_add(tcase, a_write_killed_at_its_commit_is_uncertain, 0, 0);
		suite_add(tcase, a_write_cancelled_at_its_commit_is_undone, 0, 0);
	}
	if (suite_engine()->freeze)
		suite_add(tcase, a_frozen_session_is_given_up, 0, 0);
	suite_add(tcase, survives_a_failure_at_every_call, 0, 0);
}
