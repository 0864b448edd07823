/* Sessions on any engine: a database, a loop, and steps that are waited for. The program that
 * includes it gives set_up(), which makes the tables t and child anew and returns the URL, and
 * rig_ask(): the one value of a query, as somebody else sees it. */
#ifndef MD_TESTS_UNIT_SESSION_RIG_H
#define MD_TESTS_UNIT_SESSION_RIG_H
#include <check.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/db/session.h"
#include "tests/support/script.h"

struct rig {
	struct md_db *db;
	struct md_reactor *reactor;
	struct md_db_loop *loop;
	struct md_session *session;
	bool idle;
	enum md_code ended;
	char wire[MD_WIRE_MAX];
	struct md_timer timer;
};
struct step {
	struct script s; /* first */
	struct rig *rig;
	unsigned asked;
};

static void rig_open(struct rig *rig, const char *url, bool writes)
{
	const struct md_db_options options = { .url = url,
					       .readers = 2,
					       .statement_timeout_ms = 15000,
					       .lock_timeout_ms = 5000,
					       .queue_timeout_ms = 2000,
					       .inline_budget_us = 1000000,
					       .loops = 1,
					       .pool_size = 4,
					       .max_overflow = 0 };
	const struct md_session_options how = { .writes = writes };
	struct md_error err = { 0 };

	memset(rig, 0, sizeof(*rig));
	ck_assert_msg(md_db_open(&options, &rig->db, &err) == MD_OK, "%s", err.message);
	ck_assert_int_eq(md_reactor_new(&rig->reactor, &err), MD_OK);
	ck_assert_int_eq(md_db_join(rig->db, rig->reactor, &rig->loop, &err), MD_OK);
	ck_assert_int_eq(md_session_open(rig->loop, &how, &rig->session, &err), MD_OK);
}

static void rig_due(struct md_timer *timer)
{
	struct rig *rig = (struct rig *)((char *)timer - offsetof(struct rig, timer));

	rig->idle = true;
}

/** Let the loop turn for a while. */
static void rig_turn(struct rig *rig, unsigned ms)
{
	rig->timer = (struct md_timer){ .due = rig_due };
	rig->idle = false;
	md_reactor_arm(rig->reactor, &rig->timer, md_now_ns() + ms * MD_MS);
	md_reactor_run(rig->reactor, &rig->idle);
}

static void rig_close(struct rig *rig)
{
	md_session_close(rig->session);
	rig_turn(rig, 50);
	md_db_leave(rig->loop);
	md_reactor_free(rig->reactor);
	md_db_close(rig->db);
}

static void step_done(struct md_unit *unit, enum md_code code)
{
	struct step *step = (struct step *)unit;

	script_done(unit, code);
	step->rig->idle = true;
}

/* All calls at once, as a pipeline wants them. */
static enum md_next step_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct step *step = (struct step *)unit;

	if (step->asked == step->s.count)
		return step->s.end == MD_NEXT_CALL ? MD_NEXT_COMMIT : step->s.end;
	*ret_call = (struct md_call){ .stmt = &step->s.stmts[step->asked++] };
	return MD_NEXT_CALL;
}

static const struct md_unit_ops step_ops = { .next = step_next,
					     .rows = script_rows,
					     .done = step_done };
static void step_again(struct md_unit *unit)
{
	struct step *step = (struct step *)unit;

	step->asked = step->s.at = step->s.rows = 0;
	step->s.len = 0;
	step->s.text[0] = '\0';
}
static const struct md_unit_ops plain_ops = {
	.next = step_next, .rows = script_rows, .done = step_done, .reset = step_again
};

static void step_init(struct rig *rig, struct step *step, const char *sql, bool writes)
{
	memset(step, 0, sizeof(*step));
	script_init(&step->s, writes ? MD_TX_WRITE : MD_TX_IMPLICIT);
	script_add(&step->s, 0, sql, NULL, 0);
	step->s.stmts[0].writes = writes;
	step->s.unit.ops = &step_ops;
	step->rig = rig;
	rig->idle = false;
}

static void wait_for(struct rig *rig, struct step *step)
{
	rig->idle = step->s.done > 0;
	if (!rig->idle)
		md_reactor_run(rig->reactor, &rig->idle);
	ck_assert_uint_eq(step->s.done, 1);
}

/** Run a statement in the session, and wait. */
static enum md_code in_session(struct rig *rig, struct step *step, const char *sql, bool writes)
{
	step_init(rig, step, sql, writes);
	md_session_run(rig->session, &step->s.unit);
	ck_assert_uint_eq(step->s.done, 0); /* not before it has returned */
	wait_for(rig, step);
	return step->s.code;
}

/** … which must go well, with this text. */
static void expect(struct rig *rig, const char *sql, bool writes, const char *text)
{
	struct step step;

	ck_assert_msg(in_session(rig, &step, sql, writes) == MD_OK, "%s: %s", sql,
		      step.s.unit.error.message);
	ck_assert_str_eq(step.s.text, text);
}

static void noted(struct md_session *session, const struct md_error *err, void *arg)
{
	struct rig *rig = arg;

	(void)session;
	rig->ended = err->code;
	memcpy(rig->wire, err->wire, sizeof(rig->wire));
	rig->idle = true;
}

static enum md_code commit(struct rig *rig)
{
	rig->idle = false;
	md_session_commit(rig->session, noted, rig);
	ck_assert(md_session_is_busy(rig->session));
	while (md_session_is_busy(rig->session)) { /* what runs beside it may end first */
		rig->idle = false;
		md_reactor_run(rig->reactor, &rig->idle);
	}
	return rig->ended;
}

static enum md_code set_mark(struct rig *rig)
{
	rig->idle = false;
	md_session_mark(rig->session, md_now_ns() + 5 * MD_SEC, noted, rig);
	if (!rig->idle)
		md_reactor_run(rig->reactor, &rig->idle);
	return rig->ended;
}

static enum md_code unmark(struct rig *rig, bool undo)
{
	rig->idle = false;
	md_session_unmark(rig->session, undo, noted, rig);
	if (!rig->idle)
		md_reactor_run(rig->reactor, &rig->idle);
	return rig->ended;
}

static void roll_back(struct rig *rig)
{
	rig->idle = false;
	md_session_rollback(rig->session, noted, rig);
	md_reactor_run(rig->reactor, &rig->idle);
	ck_assert_int_eq(rig->ended, MD_OK);
}

/* --- the tests that all engines have in common --- */

static const char *set_up(void);
static const char *rig_ask(const char *sql);

START_TEST(what_was_done_since_the_mark_is_undone_together)
{
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	ck_assert_int_eq(set_mark(&rig), MD_OK); /* it begins the transaction */
	ck_assert(md_session_is_begun(rig.session));
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	ck_assert_int_eq(unmark(&rig, true), MD_OK);
	expect(&rig, "SELECT count(*) FROM t", false, "0;");
	expect(&rig, "INSERT INTO t VALUES (2, 'b') RETURNING id", true, "2;");
	for (int undo = 0; undo < 2; undo++) {
		ck_assert_int_eq(set_mark(&rig), MD_OK);
		expect(&rig, "INSERT INTO t VALUES (3, 'c') RETURNING id", true, "3;");
		ck_assert_int_ne(in_session(&rig, &step, "INSERT INTO t VALUES (3, 'd')", true),
				 MD_OK);
		expect(&rig, "DELETE FROM t WHERE id = 2 RETURNING id", true, "2;");
		ck_assert_int_eq(unmark(&rig, undo == 0), MD_OK);
		expect(&rig, "SELECT sum(id) FROM t", false, undo == 0 ? "2;" : "3;");
	}
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert_str_eq(rig_ask("SELECT sum(id) FROM t"), "3");
	rig_close(&rig);
}
END_TEST

START_TEST(what_is_committed_is_there_and_nothing_before)
{
	struct rig rig;

	rig_open(&rig, set_up(), _i == 1);
	ck_assert(!md_session_is_begun(rig.session));
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	ck_assert(md_session_is_begun(rig.session));
	expect(&rig, "INSERT INTO t VALUES (2, 'b') RETURNING id", true, "2;");
	expect(&rig, "SELECT id, name FROM t ORDER BY id", false, "1,a;2,b;");
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM t"), "0");
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert(!md_session_is_begun(rig.session));
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM t"), "2");
	expect(&rig, "INSERT INTO t VALUES (3, 'c') RETURNING id", true, "3;"); /* the next one */
	roll_back(&rig);
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM t"), "2");
	rig_close(&rig);
}
END_TEST

START_TEST(a_unit_that_fails_is_undone_alone)
{
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	ck_assert_int_eq(in_session(&rig, &step, "INSERT INTO t VALUES (2, 'b'), (1, 'c')", true),
			 MD_CONFLICT);
	ck_assert_str_eq(step.s.unit.error.wire, "23505");
	ck_assert_int_ne(in_session(&rig, &step, "SELECT nothing FROM t", false), MD_OK);
	ck_assert(!md_session_is_lost(rig.session));
	expect(&rig, "INSERT INTO t VALUES (3, 'd') RETURNING id", true, "3;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert_str_eq(rig_ask("SELECT sum(id) FROM t"), "4");
	rig_close(&rig);
}
END_TEST

START_TEST(a_unit_may_undo_itself)
{
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	step_init(&rig, &step, "INSERT INTO t VALUES (2, 'b') RETURNING id", true);
	step.s.end = MD_NEXT_ROLLBACK;
	md_session_run(rig.session, &step.s.unit);
	wait_for(&rig, &step);
	ck_assert_int_eq(step.s.code, MD_OK);
	expect(&rig, "SELECT id FROM t", false, "1;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	ck_assert_str_eq(rig_ask("SELECT sum(id) FROM t"), "1");
	rig_close(&rig);
}
END_TEST

START_TEST(closing_undoes_everything)
{
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	rig_close(&rig);
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM t"), "0");
}
END_TEST

START_TEST(an_end_without_a_beginning_is_fine)
{
	struct rig rig;

	rig_open(&rig, set_up(), false);
	ck_assert_int_eq(commit(&rig), MD_OK);
	roll_back(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(a_deferred_key_stands_against_the_commit)
{
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO child VALUES (1, 1) RETURNING id", true, "1;");
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	expect(&rig, "INSERT INTO child VALUES (2, 2) RETURNING id", true, "2;");
	expect(&rig, "INSERT INTO t VALUES (3, 'c') RETURNING id", true, "3;");
	ck_assert_int_eq(commit(&rig), MD_CONFLICT);
	ck_assert_str_eq(rig.wire, "23503");
	ck_assert_str_eq(rig_ask("SELECT max(id) FROM t"), "1");
	expect(&rig, "INSERT INTO t VALUES (2, 'b') RETURNING id", true, "2;");
	ck_assert_int_eq(commit(&rig), MD_OK);
	rig_close(&rig);
}
END_TEST

START_TEST(a_long_answer_pauses_and_goes_on)
{
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c') RETURNING id", true,
	       "1;2;3;");
	expect(&rig, "SELECT count(*) FROM t a, t b, t c", false, "27;");
	ck_assert_int_eq(in_session(&rig, &step, "SELECT id FROM t ORDER BY id", false), MD_OK);
	ck_assert_str_eq(step.s.text, "1;2;3;");
	rig_close(&rig);
}
END_TEST

/* What must end when it is asked to, and what it leaves of the transaction. */
START_TEST(a_unit_can_be_cancelled)
{
	struct step step;
	struct rig rig;

	rig_open(&rig, set_up(), false);
	expect(&rig, "INSERT INTO t VALUES (1, 'a') RETURNING id", true, "1;");
	step_init(&rig, &step,
		  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
		  " SELECT count(*) FROM n",
		  false);
	md_session_run(rig.session, &step.s.unit);
	rig_turn(&rig, 100);
	ck_assert_uint_eq(step.s.done, 0);
	md_session_cancel(rig.session, &step.s.unit);
	wait_for(&rig, &step);
	ck_assert_int_eq(step.s.code, MD_CANCELLED);
	if (!md_session_is_lost(rig.session)) {
		expect(&rig, "SELECT id FROM t", false, "1;");
		ck_assert_int_eq(commit(&rig), MD_OK);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(sessions_follow_one_another)
{
	const struct md_session_options how = { .writes = true };
	struct md_error err;
	struct rig rig;

	rig_open(&rig, set_up(), true);
	for (int i = 1; i <= 20; i++) {
		char sql[64];
		char text[16];

		snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d, 'x') RETURNING id", i);
		snprintf(text, sizeof(text), "%d;", i);
		expect(&rig, sql, true, text);
		ck_assert_int_eq(commit(&rig), MD_OK);
		md_session_close(rig.session);
		ck_assert_int_eq(md_session_open(rig.loop, &how, &rig.session, &err), MD_OK);
	}
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM t"), "20");
	rig_close(&rig);
}
END_TEST

static void add_common(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_is_committed_is_there_and_nothing_before, 0, 2);
	tcase_add_test(tcase, what_was_done_since_the_mark_is_undone_together);
	tcase_add_test(tcase, a_unit_that_fails_is_undone_alone);
	tcase_add_test(tcase, a_unit_may_undo_itself);
	tcase_add_test(tcase, closing_undoes_everything);
	tcase_add_test(tcase, an_end_without_a_beginning_is_fine);
	tcase_add_test(tcase, a_deferred_key_stands_against_the_commit);
	tcase_add_test(tcase, a_long_answer_pauses_and_goes_on);
	tcase_add_test(tcase, a_unit_can_be_cancelled);
	tcase_add_test(tcase, sessions_follow_one_another);
}

/** Start a write outside of the session. */
static inline void start_beside(struct rig *rig, struct step *step, const char *sql)
{
	step_init(rig, step, sql, true);
	step->s.unit.ops = &plain_ops;
	md_db_run(rig->loop, &step->s.unit, MD_LANE_WRITE);
}

static int run_suite(TCase *tcase, const char *name)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif
