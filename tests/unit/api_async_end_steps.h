/* What the C API promises to event loops, continued: what callbacks may do, how verbs and sessions
 * are given up, answers in pieces. */
#ifndef MD_TESTS_UNIT_API_ASYNC_END_STEPS_H
#define MD_TESTS_UNIT_API_ASYNC_END_STEPS_H
#include "tests/unit/api_loop.h"

static struct heard closed;

static void close_it(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	hear(in, outcome, arg);
	md_work_close(in);
}

START_TEST(a_callback_closes_the_session)
{
	const struct md_then then = { .done = close_it, .arg = &closed };

	start();
	fill();
	OK(md_async_create(work, "User", "{\"name\":\"x\"}", &then, &err));
	loop_until(&closed, 1);
	OK(md_work_open(store, &work, &err));
	ck_assert_uint_eq(count_of("User"), 3);
	/* one that has nothing open */
	OK(md_work_rollback(work, &err));
	OK(md_async_flush(work, &then, &err));
	loop_until(&closed, 2);
	OK(md_work_open(store, &work, &err));
	/* and one whose rollback is left to the end of the store */
	OK(md_async_create(work, "User", "{\"name\":\"x\"}", &then, &err));
	loop_until(&closed, 3);
	forget(&closed);
	work = NULL;
	stop();
	start();
	ck_assert_uint_eq(count_of("User"), 3);
	stop();
}
END_TEST

static void wait_here(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	struct md_work *other;
	struct md_ask *ask;
	struct md_result *rows = NULL;
	uint64_t count;
	unsigned point;

	OK(md_work_open(store, &other, &err));
	OK(md_ask_new(other, "User", &ask, &err));
	FAILS("MD400", md_all(ask, &rows, &err));
	FAILS("MD400", md_count(ask, &count, &err));
	FAILS("MD400", md_create(other, "User", "{\"name\":\"x\"}", NULL, &err));
	FAILS("MD400", md_get(in, "User", "1", &rows, &err));
	FAILS("MD400", md_work_commit(in, &err));
	FAILS("MD400", md_work_savepoint(in, &point, &err));
	FAILS("MD400", md_store_turn(store, 0, &err));
	ck_assert_ptr_null(rows);
	md_ask_free(ask);
	md_work_close(other);
	hear(in, outcome, arg);
}

START_TEST(a_callback_cannot_wait)
{
	struct heard heard = { .calls = 0 };
	const struct md_then then = { .done = wait_here, .arg = &heard };

	start();
	fill();
	COMES(&heard, "", md_async_get(work, "User", "1", &then, &err));
	ck_assert_str_eq(first_text(&heard, "name"), "ann");
	forget(&heard);
	ck_assert_uint_eq(count_of("User"), 3); /* outside it can */
	stop();
}
END_TEST

START_TEST(waiting_for_one_session_calls_back_for_others)
{
	struct heard heard = { .calls = 0 };
	struct md_work *other;

	start();
	fill();
	OK(md_work_open(store, &other, &err));
	OK(md_async_get(other, "User", "2", to(&heard), &err));
	for (unsigned i = 0; i < 1000 && heard.calls == 0; i++)
		ck_assert_uint_eq(count_of("User"), 3);
	ck_assert_uint_eq(heard.calls, 1);
	ck_assert_str_eq(first_text(&heard, "name"), "bob");
	forget(&heard);
	md_work_close(other);
	stop();
}
END_TEST

START_TEST(a_session_closed_with_a_verb_on_its_way_is_undone_and_silent)
{
	struct heard heard = { .calls = 0 };
	struct md_work *other;
	struct md_ask *ask;

	start();
	fill();
	/* one that could end at once; with staged rows, too */
	OK(md_work_open(store, &other, &err));
	OK(md_create(other, "User", "{\"name\":\"x\"}", NULL, &err));
	OK(md_add(other, "User", "{\"name\":\"y\"}", &err));
	OK(md_add(other, "User", "{\"name\":\"z\"}", &err));
	OK(md_ask_new(other, "User", &ask, &err));
	OK(md_async_all(ask, to(&heard), &err));
	md_work_close(other);
	md_ask_free(ask);
	/* one that waits for another */
	OK(md_create(work, "User", "{\"name\":\"w\"}", NULL, &err));
	OK(md_work_open(store, &other, &err));
	OK(md_async_create(other, "User", "{\"name\":\"w\"}", to(&heard), &err));
	loop_for(30);
	md_work_close(other);
	loop_for(30);
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	/* one that the store waits for */
	OK(md_work_rollback(work, &err));
	OK(md_work_open(store, &other, &err));
	OK(md_create(other, "User", "{\"name\":\"v\"}", NULL, &err));
	OK(md_async_create(other, "User", "{\"name\":\"u\"}", to(&heard), &err));
	md_work_close(other);
	stop();
	ck_assert_uint_eq(heard.calls, 0);
	start();
	ck_assert_uint_eq(count_of("User"), 4);
	stop();
}
END_TEST

START_TEST(a_verb_that_is_cancelled_says_so)
{
	struct heard heard = { .calls = 0 };
	struct md_work *other;
	uint64_t begun = now_ms();

	start();
	fill();
	md_work_cancel(work); /* nothing is on its way */
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	OK(md_work_open(store, &other, &err));
	OK(md_async_create(other, "User", "{\"name\":\"x\"}", to(&heard), &err));
	loop_for(30);
	ck_assert_uint_eq(heard.calls, 0);
	md_work_cancel(other);
	loop_until(&heard, 1);
	ck_assert_int_eq(heard.code, MD_CANCELLED);
	ck_assert_uint_lt(now_ms() - begun, 4000);
	COMES(&heard, "", md_async_rollback(other, to(&heard), &err));
	OK(md_work_commit(work, &err));
	COMES(&heard, "23505",
	      md_async_create(other, "User", "{\"name\":\"x\"}", to(&heard), &err));
	md_work_close(other);
	stop();
}
END_TEST

START_TEST(staged_rows_are_left_when_a_verb_is_cancelled)
{
	struct heard heard = { .calls = 0 };
	char row[64];

	start();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(row, sizeof(row), "{\"name\":\"s%u\"}", i);
		OK(md_add(work, "User", row, &err));
	}
	OK(md_async_commit(work, to(&heard), &err));
	md_work_cancel(work);
	loop_until(&heard, 1);
	ck_assert_int_eq(heard.code, MD_CANCELLED);
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(count_of("User"), 0);
	stop();
}
END_TEST

/** Pieces, and what came behind them. */
struct taken {
	struct heard heard; /* first: it is the argument of both */
	size_t len, longest;
	unsigned pieces, stop_at;
};

static bool take_piece(void *arg, const char *text, size_t len)
{
	struct taken *taken = arg;

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(taken->heard.calls, 0);
	taken->len += len;
	taken->longest = len > taken->longest ? len : taken->longest;
	return ++taken->pieces != taken->stop_at;
}

/* 300 kB of them. */
static struct md_ask *long_rows(void)
{
	struct md_ask *ask;
	char row[1200];

	memset(row, 'x', sizeof(row));
	for (unsigned i = 0; i < 300; i++) {
		size_t len = (size_t)snprintf(row, sizeof(row), "{\"name\":\"l%u\",\"data\":\"", i);

		memset(row + len, 'x', 1000);
		memcpy(row + len + 1000, "\"}", 3);
		OK(md_add(work, "User", row, &err));
	}
	OK(md_work_commit(work, &err));
	ask = users();
	OK(md_select(ask, "name,data"));
	return ask;
}

START_TEST(pieces_come_in_turns_and_may_be_stopped)
{
	struct taken all = { .len = 0 }, some = { .stop_at = 2 }, left = { .len = 0 };
	struct md_ask *ask;

	start();
	ask = long_rows();
	COMES(&all.heard, "",
	      md_async_pieces(ask, MD_FORM_LINES, take_piece, to(&all.heard), &err));
	ck_assert_uint_gt(all.len, 300 * 1000);
	ck_assert_uint_gt(all.pieces, 3);
	ck_assert_uint_lt(all.longest, 70 * 1000);
	ck_assert_ptr_null(all.heard.result);
	ck_assert_uint_eq(all.heard.count, 300);
	COMES(&some.heard, "57014",
	      md_async_pieces(ask, MD_FORM_LINES, take_piece, to(&some.heard), &err));
	ck_assert_int_eq(some.heard.code, MD_CANCELLED);
	ck_assert_uint_eq(some.pieces, 2);
	/* cancelled, with a piece there already or not */
	OK(md_async_pieces(ask, MD_FORM_LINES, take_piece, to(&left.heard), &err));
	loop_once(1000);
	md_work_cancel(work);
	md_work_cancel(work);
	loop_until(&left.heard, 1);
	ck_assert_int_eq(left.heard.code, MD_CANCELLED);
	ck_assert_uint_lt(left.len, all.len);
	md_ask_free(ask);
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(count_of("User"), 300);
	stop();
}
END_TEST

/* However far it had come. */
START_TEST(a_session_closed_between_pieces_is_silent)
{
	start();
	md_ask_free(long_rows());
	for (unsigned turns = 0; turns < 8; turns++) {
		struct taken taken = { .len = 0 };
		struct md_ask *ask;
		unsigned pieces;

		ask = users();
		OK(md_async_pieces(ask, MD_FORM_CSV, take_piece, to(&taken.heard), &err));
		for (unsigned i = 0; i < turns; i++)
			loop_once(100);
		pieces = taken.pieces;
		if (taken.heard.calls > 0) /* that was the end */
			turns = 8;
		taken.heard.calls = 0;
		md_ask_free(ask);
		md_work_close(work);
		loop_for(20);
		ck_assert_uint_eq(taken.pieces, pieces);
		ck_assert_uint_eq(taken.heard.calls, 0);
		OK(md_work_open(store, &work, &err));
	}
	ck_assert_uint_eq(count_of("User"), 300);
	stop();
}
END_TEST

static void close_other(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	(void)in;
	md_result_free(outcome->result);
	md_work_close(arg);
}

START_TEST(who_waits_in_a_session_that_is_closed_waits_no_longer)
{
	struct md_work *other, *third;
	struct md_then then = { .done = close_other };
	uint64_t begun = now_ms();

	start();
	fill();
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	OK(md_work_open(store, &other, &err));
	OK(md_work_open(store, &third, &err));
	then.arg = other;
	OK(md_async_get(third, "User", "1", &then, &err));
	ck_assert_int_eq(md_create(other, "User", "{\"name\":\"x\"}", NULL, &err), MD_CANCELLED);
	ck_assert_uint_lt(now_ms() - begun, 4000);
	md_work_close(third);
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	stop();
}
END_TEST

#define ASYNC_END_TESTS                                                                          \
	a_callback_closes_the_session, a_callback_cannot_wait,                                   \
		waiting_for_one_session_calls_back_for_others,                                   \
		a_session_closed_with_a_verb_on_its_way_is_undone_and_silent,                    \
		a_verb_that_is_cancelled_says_so, staged_rows_are_left_when_a_verb_is_cancelled, \
		pieces_come_in_turns_and_may_be_stopped,                                         \
		a_session_closed_between_pieces_is_silent,                                       \
		who_waits_in_a_session_that_is_closed_waits_no_longer
#endif
