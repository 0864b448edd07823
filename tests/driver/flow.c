/* Pausing, cancelling, deadlines, nested cursors. */
#include "tests/driver/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"

START_TEST(a_paused_unit_goes_on_where_it_stopped)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe whole, pieces;

	rig_open(&rig);
	probe_init(&whole, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.series, ARGS(md_value_int(10000))), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &whole), MD_OK);
	ck_assert_uint_eq(whole.rows, 10000);
	for (int i = 0; i < 3; i++) {
		probe_init(&pieces, kinds[i],
			   STEPS(CALL(&s.series, ARGS(md_value_int(10000))), COMMIT));
		probe_pausing(&pieces, 1000);
		ck_assert_int_eq(rig_run(&rig, &pieces), MD_OK);
		ck_assert_uint_eq(pieces.pauses, 10);
		ck_assert_uint_eq(pieces.out.len, whole.out.len);
		ck_assert_int_eq(memcmp(pieces.out.data, whole.out.data, whole.out.len), 0);
		probe_release(&pieces);
	}
	probe_release(&whole);
	rig_close(&rig);
}
END_TEST

START_TEST(units_behind_a_paused_one_are_served_after_it)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe slow, quick;

	rig_open(&rig);
	probe_init(&slow, MD_TX_IMPLICIT, STEPS(CALL(&s.series, ARGS(md_value_int(3000))), COMMIT));
	probe_pausing(&slow, 1000);
	probe_init(&quick, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
	rig_push(&rig, &slow);
	rig_wait_pause(&rig, &slow);
	rig_push(&rig, &quick);
	rig_idle(&rig, 50);
	ck_assert(!slow.done);
	ck_assert_int_eq(rig_wait(&rig, &slow), MD_OK);
	ck_assert_int_eq(rig_wait(&rig, &quick), MD_OK);
	ck_assert_uint_eq(slow.rows, 3000);
	ck_assert_str_eq(probe_text(&quick), "0|\n");
	probe_release(&slow);
	probe_release(&quick);
	rig_close(&rig);
}
END_TEST

struct canceller {
	pthread_t thread;
	struct rig *rig;
	struct probe *probe;
	unsigned wait_ms;
	int times;
};

static void *cancel_it(void *arg)
{
	struct canceller *c = arg;

	usleep(c->wait_ms * 1000);
	for (int i = 0; i < c->times; i++) {
		c->rig->conn->driver->cancel(c->rig->conn, &c->probe->unit);
		usleep(2000);
	}
	return NULL;
}

START_TEST(a_running_unit_is_cancelled_from_another_thread)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;
	struct canceller c;

	rig_open(&rig);
	for (int i = 0; i < 6; i++) {
		probe_init(&probe, kinds[i % 3],
			   STEPS(CALL(&s.count, NULL), CALL(&s.slow, NULL), COMMIT));
		if (i >= 3)
			probe_pausing(&probe, 0);
		c = (struct canceller){ .rig = &rig, .probe = &probe, .wait_ms = 50, .times = 1 };
		ck_assert_int_eq(pthread_create(&c.thread, NULL, cancel_it, &c), 0);
		ck_assert_int_eq(rig_run(&rig, &probe), MD_CANCELLED);
		pthread_join(c.thread, NULL);
		probe_release(&probe);
		rig_expect(&rig, &s.count, NULL, "0|\n");
	}
	ck_assert(!rig.conn->broken);
	rig_close(&rig);
}
END_TEST

START_TEST(cancelling_what_is_done_does_not_hit_the_next_unit)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe first, next;
	struct canceller c;

	rig_open(&rig);
	probe_init(&first, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &first), MD_OK);
	c = (struct canceller){ .rig = &rig, .probe = &first, .wait_ms = 0, .times = 20 };
	ck_assert_int_eq(pthread_create(&c.thread, NULL, cancel_it, &c), 0);
	for (int i = 0; i < 20; i++) {
		probe_init(&next, MD_TX_IMPLICIT,
			   STEPS(CALL(&s.series, ARGS(md_value_int(2000))), COMMIT));
		ck_assert_int_eq(rig_run(&rig, &next), MD_OK);
		ck_assert_uint_eq(next.rows, 2000);
		probe_release(&next);
	}
	pthread_join(c.thread, NULL);
	probe_release(&first);
	rig_close(&rig);
}
END_TEST

/* Cancel at about the time when the unit ends by itself, again and again. */
START_TEST(a_cancel_that_comes_just_too_late_hits_nobody_else)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe first, next;
	struct canceller c;
	enum md_code code;

	rig_open(&rig);
	for (int i = 0; i < 40; i++) {
		probe_init(&first, MD_TX_IMPLICIT,
			   STEPS(CALL(&s.series, ARGS(md_value_int(200 * (i % 20)))), COMMIT));
		probe_init(&next, MD_TX_IMPLICIT,
			   STEPS(CALL(&s.series, ARGS(md_value_int(500))), COMMIT));
		c = (struct canceller){ .rig = &rig, .probe = &first, .wait_ms = 0, .times = 1 };
		ck_assert_int_eq(pthread_create(&c.thread, NULL, cancel_it, &c), 0);
		code = rig_run(&rig, &first);
		ck_assert(code == MD_OK || code == MD_CANCELLED);
		ck_assert_int_eq(rig_run(&rig, &next), MD_OK);
		pthread_join(c.thread, NULL);
		probe_release(&first);
		probe_release(&next);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(cancelling_in_a_pipeline_drops_that_unit_only)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe a, b, c;

	rig_open(&rig);
	probe_init(&a, MD_TX_IMPLICIT, STEPS(CALL(&s.series, ARGS(md_value_int(1000))), COMMIT));
	probe_init(&b, MD_TX_IMPLICIT, STEPS(CALL(&s.series, ARGS(md_value_int(2000))), COMMIT));
	probe_init(&c, MD_TX_IMPLICIT, STEPS(CALL(&s.series, ARGS(md_value_int(3000))), COMMIT));
	rig_push(&rig, &a);
	rig_push(&rig, &b);
	rig_push(&rig, &c);
	rig.conn->driver->cancel(rig.conn, &b.unit);
	ck_assert_int_eq(rig_wait(&rig, &c), MD_OK);
	ck_assert_int_eq(rig_wait(&rig, &b), MD_CANCELLED);
	ck_assert_int_eq(rig_wait(&rig, &a), MD_OK);
	ck_assert_uint_eq(a.rows, 1000);
	ck_assert_uint_eq(c.rows, 3000);
	ck_assert_uint_eq(rig.conn->depth, 0);
	probe_release(&a);
	probe_release(&b);
	probe_release(&c);
	rig_close(&rig);
}
END_TEST

START_TEST(a_cancelled_unit_does_not_hold_up_those_that_come_later)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe first, slow;
	uint64_t start;

	rig_open(&rig);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	start = md_now_ns();
	probe_init(&first, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.series, ARGS(md_value_int(1000))), COMMIT));
	probe_init(&slow, MD_TX_IMPLICIT, STEPS(CALL(&s.slow, NULL), COMMIT));
	rig_push(&rig, &first);
	rig_push(&rig, &slow);
	rig.conn->driver->cancel(rig.conn, &slow.unit); /* while it is not alone */
	ck_assert_int_eq(rig_wait(&rig, &slow), MD_CANCELLED);
	ck_assert_int_eq(rig_wait(&rig, &first), MD_OK);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	ck_assert_uint_le(md_now_ns() - start, 5 * MD_SEC);
	ck_assert(!rig.conn->broken);
	probe_release(&first);
	probe_release(&slow);
	rig_close(&rig);
}
END_TEST

START_TEST(a_unit_that_waits_is_cancelled_at_once)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe slow, waits;

	rig_open(&rig);
	probe_init(&slow, MD_TX_WRITE, STEPS(CALL(&s.slow, NULL), COMMIT));
	probe_init(&waits, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
	rig_push(&rig, &slow);
	rig_push(&rig, &waits);
	rig_idle(&rig, 50);
	rig.conn->driver->cancel(rig.conn, &waits.unit);
	ck_assert_int_eq(rig_wait(&rig, &waits), MD_CANCELLED);
	ck_assert(!waits.unit.sent && !slow.done);
	rig.conn->driver->cancel(rig.conn, &slow.unit);
	ck_assert_int_eq(rig_wait(&rig, &slow), MD_CANCELLED);
	probe_release(&slow);
	probe_release(&waits);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(a_paused_unit_can_be_cancelled)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	for (int i = 0; i < 3; i++) {
		probe_init(&probe, kinds[i],
			   STEPS(CALL(&s.series, ARGS(md_value_int(300000))), COMMIT));
		probe_pausing(&probe, 1000);
		rig_push(&rig, &probe);
		rig_wait_pause(&rig, &probe);
		ck_assert(probe.paused);
		rig.conn->driver->cancel(rig.conn, &probe.unit);
		ck_assert_int_eq(rig_wait(&rig, &probe), MD_CANCELLED);
		ck_assert_uint_le(probe.rows, 3000);
		probe_release(&probe);
		rig_expect(&rig, &s.count, NULL, "0|\n");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_deadline_ends_a_unit)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;
	uint64_t start;

	rig_open(&rig);
	for (int i = 0; i < 3; i++) {
		start = md_now_ns();
		probe_init(&probe, kinds[i], STEPS(CALL(&s.slow, NULL), COMMIT));
		probe.unit.deadline_ns = start + 100 * MD_MS;
		ck_assert_int_eq(rig_run(&rig, &probe), MD_TIMEOUT);
		ck_assert_str_eq(probe.unit.error.wire, "57014");
		ck_assert_uint_ge(md_now_ns() - start, 90 * MD_MS);
		ck_assert_uint_le(md_now_ns() - start, 5 * MD_SEC);
		probe_release(&probe);
		rig_expect(&rig, &s.count, NULL, "0|\n");
	}
	ck_assert(!rig.conn->broken);
	rig_close(&rig);
}
END_TEST

START_TEST(a_write_that_is_cut_leaves_nothing_behind)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_stmt put;
	struct probe probe;

	if (!suite_engine()->texts.slow_put)
		return;
	put = stmt_new(suite_engine()->texts.slow_put, 2, false, true);
	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		const struct md_value *args = ARGS(md_value_int(2), md_value_null());
		const struct probe_step *steps[] = {
			STEPS(CALL(&put, args), COMMIT),
			STEPS(CALL(&s.put, ARGS(md_value_int(1), md_value_null())),
			      CALL(&put, args), COMMIT),
		};

		probe_init(&probe, i == 0 ? MD_TX_IMPLICIT : MD_TX_WRITE, steps[i]);
		probe.unit.deadline_ns = md_now_ns() + 100 * MD_MS;
		ck_assert_int_eq(rig_run(&rig, &probe), MD_TIMEOUT);
		ck_assert_str_eq(probe.unit.error.wire, "57014");
		probe_release(&probe);
		rig_expect(&rig, &s.count, NULL, "0|\n");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_deadline_that_has_passed_starts_nothing)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_WRITE,
		   STEPS(CALL(&s.put, ARGS(md_value_int(1), md_value_null())), COMMIT));
	probe.unit.deadline_ns = md_now_ns() - 1;
	ck_assert_int_eq(rig_run(&rig, &probe), MD_TIMEOUT);
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(a_statement_timeout_of_the_session_ends_a_unit)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_error err;
	struct probe probe;

	suite_engine()->reset();
	ck_assert_int_eq(
		rig_connect(&rig, (struct md_conn_target){ .statement_timeout_ms = 100 }, &err),
		MD_OK);
	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&s.slow, NULL), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_TIMEOUT);
	ck_assert_str_eq(probe.unit.error.wire, "57014");
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(a_child_cursor_runs_inside_its_parent)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_value two = md_value_int(2);
	struct md_stmt inner = stmt_new(suite_engine()->texts.series, 1, true, false);
	struct md_call child = { .stmt = &inner, .args = &two };
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_READ, STEPS(CALL(&s.series, ARGS(md_value_int(3))), COMMIT));
	probe.child = &child;
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_uint_eq(probe.rows, 3 + 3 * 2);
	probe_release(&probe);
	inner.sql = suite_engine()->texts.wrong;
	inner.id = 0;
	inner.params = 0;
	probe_init(&probe, MD_TX_READ, STEPS(CALL(&s.series, ARGS(md_value_int(3))), COMMIT));
	probe.child = &child;
	ck_assert_int_eq(rig_run(&rig, &probe), MD_NOT_FOUND);
	probe_release(&probe);
	rig_close(&rig);
}
END_TEST

void suite_flow(TCase *tcase)
{
	suite_add(tcase, a_paused_unit_goes_on_where_it_stopped, 0, 0);
	suite_add(tcase, units_behind_a_paused_one_are_served_after_it, 0, MD_DB_BLOCKING);
	suite_add(tcase, a_running_unit_is_cancelled_from_another_thread, 0, 0);
	suite_add(tcase, cancelling_what_is_done_does_not_hit_the_next_unit, 0, 0);
	suite_add(tcase, a_cancel_that_comes_just_too_late_hits_nobody_else, 0, 0);
	suite_add(tcase, cancelling_in_a_pipeline_drops_that_unit_only, MD_DB_PIPELINE, 0);
	suite_add(tcase, a_cancelled_unit_does_not_hold_up_those_that_come_later, MD_DB_PIPELINE,
		  0);
	suite_add(tcase, a_unit_that_waits_is_cancelled_at_once, MD_DB_PIPELINE, 0);
	suite_add(tcase, a_paused_unit_can_be_cancelled, 0, 0);
	suite_add(tcase, a_deadline_ends_a_unit, 0, 0);
	suite_add(tcase, a_write_that_is_cut_leaves_nothing_behind, 0, 0);
	suite_add(tcase, a_deadline_that_has_passed_starts_nothing, 0, 0);
	suite_add(tcase, a_statement_timeout_of_the_session_ends_a_unit, 0, 0);
	suite_add(tcase, a_child_cursor_runs_inside_its_parent, MD_DB_NESTED, 0);
}
