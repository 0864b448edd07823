/* Transactions, errors, order. */
#include "tests/driver/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM(number) ARGS(md_value_int(number), md_value_text(MD_STR("n")))

START_TEST(calls_of_a_unit_share_one_transaction)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(
		&probe, MD_TX_WRITE,
		STEPS(CALL(&s.put, ITEM(1)), CALL(&s.put, ITEM(2)), CALL(&s.count, NULL), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_str_eq(probe_text(&probe), "2|\n");
	ck_assert_uint_eq(probe.calls, 3);
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "2|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(a_unit_may_wait_for_its_rows_before_it_goes_on)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_WRITE,
		   STEPS(CALL(&s.put, ITEM(1)), AFTER_ROWS, CALL(&s.get, ARGS(md_value_int(1))),
			 AFTER_ROWS, CALL(&s.put, ITEM(2)), CALL(&s.count, NULL), AFTER_ROWS,
			 COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_str_eq(probe_text(&probe), "n|\n2|\n");
	probe_release(&probe);
	probe_init(&probe, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.count, NULL), AFTER_ROWS, CALL(&s.get, ARGS(md_value_int(2))),
			 COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_str_eq(probe_text(&probe), "2|\nn|\n");
	probe_release(&probe);
	rig_close(&rig);
}
END_TEST

START_TEST(a_unit_without_calls_is_fine)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	struct rig rig;
	struct probe probe;

	rig_open(&rig);
	for (int i = 0; i < 3; i++) {
		probe_init(&probe, kinds[i], STEPS(COMMIT));
		ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
		probe_release(&probe);
		probe_init(&probe, kinds[i], STEPS(ROLLBACK));
		ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
		probe_release(&probe);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(rollback_undoes_everything_and_is_no_error)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_WRITE,
		   STEPS(CALL(&s.put, ITEM(1)), CALL(&s.count, NULL), ROLLBACK));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_str_eq(probe_text(&probe), "1|\n");
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(abort_undoes_everything_and_reports_why)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_WRITE,
		   STEPS(CALL(&s.put, ITEM(1)), CALL(&s.put, ITEM(2)), COMMIT));
	probe.abort = true;
	ck_assert_int_eq(rig_run(&rig, &probe), MD_INVALID);
	ck_assert_str_eq(probe.unit.error.wire, "MDTEST");
	ck_assert_uint_eq(probe.calls, 1);
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(an_error_in_the_middle_undoes_what_came_before)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	for (int i = 0; i < 3; i++) { /* unnamed, prepared, found */
		probe_init(&probe, MD_TX_WRITE,
			   STEPS(CALL(&s.put, ITEM(1)), CALL(&s.put, ITEM(1)),
				 CALL(&s.put, ITEM(2)), COMMIT));
		ck_assert_int_eq(rig_run(&rig, &probe), MD_CONFLICT);
		ck_assert_str_eq(probe.unit.error.wire, "23505");
		probe_release(&probe);
		rig_expect(&rig, &s.count, NULL, "0|\n");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(an_implicit_group_is_atomic)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.put, ITEM(1)), CALL(&s.put, ITEM(1)), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_CONFLICT);
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(an_error_leaves_the_neighbours_alone)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_WRITE };
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe a, b, c, d;

	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		rig_expect(&rig, &s.clear, NULL, "");
		probe_init(&a, kinds[i], STEPS(CALL(&s.put, ITEM(1)), COMMIT));
		probe_init(&b, kinds[i], STEPS(CALL(&s.put, ITEM(1)), COMMIT));
		probe_init(&c, kinds[i], STEPS(CALL(&s.wrong, NULL), COMMIT));
		probe_init(&d, kinds[i],
			   STEPS(CALL(&s.put, ITEM(2)), CALL(&s.count, NULL), COMMIT));
		rig_push(&rig, &a);
		rig_push(&rig, &b);
		rig_push(&rig, &c);
		rig_push(&rig, &d);
		ck_assert_int_eq(rig_wait(&rig, &d), MD_OK);
		ck_assert_int_eq(rig_wait(&rig, &a), MD_OK);
		ck_assert_int_eq(rig_wait(&rig, &b), MD_CONFLICT);
		ck_assert_int_eq(rig_wait(&rig, &c), MD_NOT_FOUND);
		ck_assert_str_eq(probe_text(&d), "2|\n");
		probe_release(&a);
		probe_release(&b);
		probe_release(&c);
		probe_release(&d);
	}
	rig_close(&rig);
}
END_TEST

/* The rows of RETURNING arrive before the deferred constraint is looked at. */
START_TEST(a_deferred_key_fails_the_unit_at_its_commit)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_WRITE };
	const struct suite_texts *texts = &suite_engine()->texts;
	struct md_stmt put, count;
	struct rig rig;
	struct probe probe, good;

	if (!texts->put_thing)
		return;
	put = stmt_new(texts->put_thing, 2, true, true);
	count = stmt_new(texts->count_things, 0, true, false);
	rig_open(&rig);
	for (int i = 0; i < 4; i++) {
		probe_init(&probe, kinds[i % 2],
			   STEPS(CALL(&put, ARGS(md_value_int(1), md_value_int(77))), COMMIT));
		probe_init(&good, MD_TX_IMPLICIT, STEPS(CALL(&count, NULL), COMMIT));
		rig_push(&rig, &probe);
		rig_push(&rig, &good);
		ck_assert_int_eq(rig_wait(&rig, &probe), MD_CONFLICT);
		ck_assert_str_eq(probe.unit.error.wire, "23503");
		ck_assert_int_eq(rig_wait(&rig, &good), MD_OK);
		ck_assert_str_eq(probe_text(&good), "0|\n");
		probe_release(&probe);
		probe_release(&good);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_rehearsal_sees_deferred_keys_too)
{
	const struct suite_texts *texts = &suite_engine()->texts;
	struct md_stmt put;
	struct rig rig;
	struct probe probe;

	if (!texts->put_thing)
		return;
	put = stmt_new(texts->put_thing, 2, true, true);
	rig_open(&rig);
	probe_init(&probe, MD_TX_WRITE,
		   STEPS(CALL(&put, ARGS(md_value_int(1), md_value_int(77))), ROLLBACK));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_CONFLICT);
	ck_assert_str_eq(probe.unit.error.wire, "23503");
	probe_release(&probe);
	rig_close(&rig);
}
END_TEST

START_TEST(a_read_unit_sees_one_snapshot)
{
	const struct suite_engine *engine = suite_engine();
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	if (!engine->admin)
		return;
	rig_open(&rig);
	probe_init(&probe, MD_TX_READ,
		   STEPS(CALL(&s.count, NULL), CALL(&s.series, ARGS(md_value_int(1))), AFTER_ROWS,
			 CALL(&s.count, NULL), COMMIT));
	probe_pausing(&probe, 2); /* after the row of the second call */
	rig_push(&rig, &probe);
	rig_wait_pause(&rig, &probe);
	ck_assert(probe.paused);
	engine->admin("INSERT INTO item VALUES (1, 'from outside')");
	ck_assert_int_eq(rig_wait(&rig, &probe), MD_OK);
	ck_assert_int_eq(strncmp(probe_text(&probe), "0|\n1|", 5), 0);
	ck_assert_str_eq(probe_text(&probe) + probe.out.len - 4, "\n0|\n");
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "1|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(a_read_unit_writes_nothing)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	probe_init(&probe, MD_TX_READ, STEPS(CALL(&s.put, ITEM(1)), COMMIT));
	ck_assert_int_ne(rig_run(&rig, &probe), MD_OK);
	ck_assert_str_eq(probe.unit.error.wire, "25006");
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_expect(&rig, &s.put, ITEM(1), "");
	rig_close(&rig);
}
END_TEST

START_TEST(tells_how_many_rows_were_changed)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	for (int i = 0; i < 3; i++) {
		probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&s.put, ITEM(i)), COMMIT));
		ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
		ck_assert_uint_eq(probe.changes, 1);
		probe_release(&probe);
	}
	probe_init(&probe, MD_TX_WRITE, STEPS(CALL(&s.clear, NULL), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_uint_eq(probe.changes, 3);
	probe_release(&probe);
	rig_close(&rig);
}
END_TEST

START_TEST(a_write_returns_its_rows)
{
	struct md_stmt put = stmt_new(suite_engine()->texts.put_returning, 2, true, true);
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	for (int i = 1; i <= 4; i++) {
		probe_init(&probe, i % 2 ? MD_TX_IMPLICIT : MD_TX_WRITE,
			   STEPS(CALL(&put, ARGS(md_value_int(i), md_value_null())), COMMIT));
		ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
		ck_assert_uint_eq(probe.rows, 1);
		ck_assert_uint_eq(probe.changes, 1);
		ck_assert_str_eq(probe_text(&probe) + 1, "|~|\n");
		probe_release(&probe);
	}
	rig_expect(&rig, &s.count, NULL, "4|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(rows_that_are_not_wanted_are_dropped)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		probe_init(&probe, MD_TX_READ,
			   STEPS(CALL(&s.series, ARGS(md_value_int(5000))), CALL(&s.count, NULL),
				 COMMIT));
		probe.no_rows = true;
		if (i == 1)
			probe_pausing(&probe, 0);
		ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
		ck_assert_uint_eq(probe.rows, 2);
		ck_assert_str_eq(probe_text(&probe) + probe.out.len - 4, "\n0|\n");
		probe_release(&probe);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_prelude_holds_for_its_unit_only)
{
	static const enum md_tx kinds[] = { MD_TX_IMPLICIT, MD_TX_READ, MD_TX_WRITE };
	const struct suite_texts *texts = &suite_engine()->texts;
	struct md_stmt who;
	struct rig rig;
	struct probe probe;

	if (!texts->prelude)
		return;
	who = stmt_new(texts->who, 0, true, false);
	rig_open(&rig);
	for (int i = 0; i < 6; i++) {
		probe_init(&probe, kinds[i % 3], STEPS(CALL(&who, NULL), COMMIT));
		probe.unit.prelude = texts->prelude;
		ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
		ck_assert_str_eq(probe_text(&probe), "eve|\n");
		probe_release(&probe);
		rig_expect(&rig, &who, NULL, "|\n");
	}
	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&who, NULL), COMMIT));
	probe.unit.prelude = "SELECT nonsense";
	ck_assert_int_ne(rig_run(&rig, &probe), MD_OK);
	probe_release(&probe);
	rig_expect(&rig, &who, NULL, "|\n");
	rig_close(&rig);
}
END_TEST

/* Answers larger than one read of a socket, pushed all at once. */
START_TEST(many_units_in_flight_each_get_their_own_rows)
{
	enum { UNITS = 150 };
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe *probes = calloc(UNITS, sizeof(*probes));
	struct md_value *args = calloc(UNITS, sizeof(*args));
	struct probe_step(*steps)[2] = calloc(UNITS, sizeof(*steps));
	char last[32];

	rig_open(&rig);
	for (int i = 0; i < UNITS; i++) {
		args[i] = md_value_int(i % 3 == 0 ? i * 20 : i);
		steps[i][0] = (struct probe_step)CALL(&s.series, &args[i]);
		steps[i][1] = (struct probe_step)COMMIT;
		probe_init(&probes[i], i % 7 == 0 ? MD_TX_READ : MD_TX_IMPLICIT, steps[i]);
		if (i % 5 == 0)
			probe_pausing(&probes[i], 0);
		rig_push(&rig, &probes[i]);
	}
	for (int i = 0; i < UNITS; i++) {
		ck_assert_int_eq(rig_wait(&rig, &probes[i]), MD_OK);
		ck_assert_uint_eq(probes[i].rows, (size_t)args[i].i);
		if (args[i].i == 0)
			continue;
		snprintf(last, sizeof(last), "%s%d|", args[i].i > 1 ? "\n" : "", (int)args[i].i);
		ck_assert_ptr_nonnull(strstr(probe_text(&probes[i]), last));
		ck_assert_int_eq(strncmp(probe_text(&probes[i]), "1|x", 3), 0);
	}
	ck_assert_uint_eq(rig.conn->depth, 0);
	for (int i = 0; i < UNITS; i++)
		probe_release(&probes[i]);
	rig_close(&rig);
	free(steps);
	free(args);
	free(probes);
}
END_TEST

/* A statement that has fallen out of the cache is forgotten before the unit begins. */
START_TEST(nobody_runs_inside_the_transaction_of_a_unit_that_waits_for_rows)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe, wrong;

	suite_engine()->reset();
	ck_assert_int_eq(rig_connect(&rig, (struct md_conn_target){ .statement_cache = 1 }, NULL),
			 MD_OK);
	for (int i = 0; i < 5; i++) /* the second has just pushed out the first */
		rig_expect(&rig, i < 3 ? &s.count : &s.get, ARGS(md_value_int(1)),
			   i < 3 ? "0|\n" : "");
	probe_init(&probe, MD_TX_WRITE,
		   STEPS(CALL(&s.series, ARGS(md_value_int(1))), AFTER_ROWS, CALL(&s.count, NULL),
			 COMMIT));
	probe_init(&wrong, MD_TX_IMPLICIT, STEPS(CALL(&s.wrong, NULL), COMMIT));
	rig_push(&rig, &probe);
	rig_push(&rig, &wrong);
	ck_assert_int_eq(rig_wait(&rig, &probe), MD_OK);
	ck_assert_int_ne(rig_wait(&rig, &wrong), MD_OK);
	ck_assert_uint_eq(probe.rows, 2);
	probe_release(&probe);
	probe_release(&wrong);
	rig_close(&rig);
}
END_TEST

void suite_units(TCase *tcase)
{
	suite_add(tcase, calls_of_a_unit_share_one_transaction, 0, 0);
	suite_add(tcase, a_unit_may_wait_for_its_rows_before_it_goes_on, 0, 0);
	suite_add(tcase, a_unit_without_calls_is_fine, 0, 0);
	suite_add(tcase, rollback_undoes_everything_and_is_no_error, 0, 0);
	suite_add(tcase, abort_undoes_everything_and_reports_why, 0, 0);
	suite_add(tcase, an_error_in_the_middle_undoes_what_came_before, 0, 0);
	suite_add(tcase, an_implicit_group_is_atomic, MD_DB_PIPELINE, 0);
	suite_add(tcase, an_error_leaves_the_neighbours_alone, 0, 0);
	suite_add(tcase, a_deferred_key_fails_the_unit_at_its_commit, 0, 0);
	suite_add(tcase, a_rehearsal_sees_deferred_keys_too, 0, 0);
	suite_add(tcase, a_read_unit_sees_one_snapshot, 0, 0);
	suite_add(tcase, a_read_unit_writes_nothing, 0, 0);
	suite_add(tcase, tells_how_many_rows_were_changed, 0, 0);
	suite_add(tcase, a_write_returns_its_rows, MD_DB_RETURNING, 0);
	suite_add(tcase, rows_that_are_not_wanted_are_dropped, 0, 0);
	suite_add(tcase, a_prelude_holds_for_its_unit_only, 0, 0);
	suite_add(tcase, nobody_runs_inside_the_transaction_of_a_unit_that_waits_for_rows,
		  MD_DB_PIPELINE, 0);
	suite_add(tcase, many_units_in_flight_each_get_their_own_rows, 0, 0);
}
