/* What the C API promises to event loops, on any engine. The program that includes it gives
 * api_url(). */
#ifndef MD_TESTS_UNIT_API_ASYNC_STEPS_H
#define MD_TESTS_UNIT_API_ASYNC_STEPS_H
#include <poll.h>
#include <time.h>

#include "tests/unit/api_rig.h"

/** What a callback was told. */
struct heard {
	unsigned calls;
	enum md_code code;
	char wire[MD_WIRE_MAX];
	struct md_result *result;
	uint64_t count;
};

static void hear(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	struct heard *heard = arg;

	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(outcome->code, outcome->error->code);
	heard->calls++;
	heard->code = outcome->code;
	strncat(strcpy(heard->wire, ""), outcome->error->wire, MD_WIRE_MAX - 1);
	md_result_free(heard->result);
	heard->result = outcome->result;
	heard->count = outcome->count;
}

static const struct md_then *to(struct heard *heard)
{
	static struct md_then then;

	then = (struct md_then){ .done = hear, .arg = heard };
	return &then;
}

static const struct md_then *without_rows(struct heard *heard)
{
	static struct md_then then;

	then = (struct md_then){ .done = hear, .arg = heard, .no_rows = true };
	return &then;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One round of a loop as programs have it, which sleeps in poll() and nowhere else. */
static bool loop_once(int most_ms)
{
	struct pollfd ready = { .fd = md_store_fd(store), .events = POLLIN };
	int ms = md_store_wait_ms(store);
	int found = poll(&ready, 1, ms < 0 || ms > most_ms ? most_ms : ms);

	OK(md_store_turn(store, 0, &err));
	return found > 0;
}

static void loop_for(unsigned ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end)
		loop_once((int)(end - now_ms()));
}

static void loop_until(const struct heard *heard, unsigned calls)
{
	uint64_t end = now_ms() + 20000;

	while (heard->calls < calls && now_ms() < end)
		loop_once(1000);
	ck_assert_uint_eq(heard->calls, calls);
}

/** The verb begins, is not told of before its time, and ends with this code of the wire ("" when it
 * goes well). */
#define COMES(heard, code, call)                            \
	do {                                                \
		unsigned before_ = (heard)->calls;          \
                                                            \
		OK(call);                                   \
		ck_assert_uint_eq((heard)->calls, before_); \
		loop_until((heard), before_ + 1);           \
		ck_assert_str_eq((heard)->wire, (code));    \
	} while (0)

static const char *first_text(const struct heard *heard, const char *field)
{
	ck_assert_ptr_nonnull(heard->result);
	ck_assert_ptr_nonnull(md_result_text(heard->result, 0, field));
	return md_result_text(heard->result, 0, field);
}

static void forget(struct heard *heard)
{
	heard->result = md_result_free(heard->result);
}

START_TEST(every_verb_tells_its_end_in_a_turn)
{
	const struct md_value_text eve = { .name = "name", .value = "eve" };
	const struct md_value_text old = { .name = "age", .value = "99" };
	struct heard heard = { .calls = 0 };
	struct md_ask *ask;

	start();
	COMES(&heard, "", md_async_create(work, "User", "{\"name\":\"dan\"}", to(&heard), &err));
	ck_assert_str_eq(first_text(&heard, "name"), "dan");
	ck_assert_uint_eq(heard.count, 1);
	COMES(&heard, "",
	      md_async_create_values(work, "User", &eve, 1, without_rows(&heard), &err));
	ck_assert_ptr_null(heard.result);
	ck_assert_uint_eq(heard.count, 1);
	COMES(&heard, "", md_async_get(work, "User", "2", to(&heard), &err));
	ck_assert_str_eq(first_text(&heard, "name"), "eve");
	OK(md_add(work, "User", "{\"name\":\"fay\"}", &err));
	COMES(&heard, "", md_async_flush(work, to(&heard), &err));
	COMES(&heard, "", md_async_flush(work, to(&heard), &err)); /* nothing is staged */
	COMES(&heard, "", md_async_commit(work, to(&heard), &err));
	ask = users();
	md_order_by(ask, "id.desc");
	COMES(&heard, "", md_async_all(ask, to(&heard), &err));
	ck_assert_uint_eq(md_result_rows(heard.result), 3);
	ck_assert_uint_eq(heard.count, 3);
	COMES(&heard, "", md_async_first(ask, to(&heard), &err));
	ck_assert_str_eq(first_text(&heard, "name"), "fay");
	COMES(&heard, "", md_async_count(ask, to(&heard), &err));
	ck_assert_uint_eq(heard.count, 3);
	ck_assert_ptr_null(heard.result);
	COMES(&heard, "PGRST116", md_async_one(ask, to(&heard), &err));
	ck_assert_int_eq(heard.code, MD_CONFLICT);
	ck_assert_ptr_null(heard.result);
	md_filter(ask, "name", "dan");
	COMES(&heard, "", md_async_one(ask, to(&heard), &err));
	ck_assert_str_eq(first_text(&heard, "id"), "1");
	md_ask_free(ask);
	ask = users();
	md_filter(ask, "name", "dan");
	COMES(&heard, "", md_async_update(ask, "{\"age\":7}", to(&heard), &err));
	ck_assert_str_eq(first_text(&heard, "age"), "7");
	COMES(&heard, "", md_async_update_values(ask, &old, 1, to(&heard), &err));
	ck_assert_str_eq(first_text(&heard, "age"), "99");
	COMES(&heard, "", md_async_delete(ask, without_rows(&heard), &err));
	ck_assert_uint_eq(heard.count, 1);
	md_ask_free(ask);
	COMES(&heard, "", md_async_rollback(work, to(&heard), &err));
	ck_assert_uint_eq(count_of("User"), 3);
	forget(&heard);
	stop();
}
END_TEST

START_TEST(scopes_need_not_be_waited_for)
{
	struct heard heard = { .calls = 0 };

	start();
	fill();
	COMES(&heard, "", md_async_savepoint(work, to(&heard), &err));
	ck_assert_uint_eq(heard.count, 1);
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	COMES(&heard, "", md_async_savepoint(work, to(&heard), &err));
	ck_assert_uint_eq(heard.count, 2);
	OK(md_create(work, "User", "{\"name\":\"y\"}", NULL, &err));
	COMES(&heard, "", md_async_rollback_to(work, 2, to(&heard), &err));
	FAILS("MD400", md_async_release(work, 2, to(&heard), &err));
	COMES(&heard, "", md_async_release(work, 1, to(&heard), &err));
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	stop();
}
END_TEST

START_TEST(what_fails_on_the_way_is_told_by_the_callback)
{
	struct heard heard = { .calls = 0 };
	struct md_ask *ask;

	start();
	fill();
	COMES(&heard, "23505",
	      md_async_create(work, "User", "{\"name\":\"ann\"}", to(&heard), &err));
	ck_assert_int_eq(heard.code, MD_CONFLICT);
	ck_assert_ptr_null(heard.result);
	ck_assert_uint_eq(heard.count, 0);
	/* a staged row is refused: it remains, and the verb is not done */
	OK(md_add(work, "User", "{\"name\":\"new\"}", &err));
	OK(md_add(work, "User", "{\"name\":\"ann\"}", &err));
	ask = users();
	COMES(&heard, "23505", md_async_delete(ask, to(&heard), &err));
	COMES(&heard, "23505", md_async_commit(work, to(&heard), &err));
	COMES(&heard, "", md_async_rollback(work, to(&heard), &err));
	COMES(&heard, "", md_async_count(ask, to(&heard), &err));
	ck_assert_uint_eq(heard.count, 3);
	md_ask_free(ask);
	stop();
}
END_TEST

START_TEST(what_cannot_begin_is_told_at_once)
{
	struct heard heard = { .calls = 0 };
	struct md_ask *ask;

	start();
	fill();
	FAILS("PGRST205", md_async_create(work, "Nobody", "{}", to(&heard), &err));
	FAILS("PGRST102", md_async_create(work, "User", "{", to(&heard), &err));
	FAILS("PGRST205", md_async_get(work, "Nobody", "1", to(&heard), &err));
	FAILS("MD404", md_async_get(work, "User", "1,2", to(&heard), &err));
	ask = users();
	md_limit(ask, 1);
	FAILS("MD400", md_async_delete(ask, to(&heard), &err));
	md_filter(ask, "nobody", "1");
	FAILS("42703", md_async_all(ask, to(&heard), &err));
	FAILS("42703", md_async_count(ask, to(&heard), &err));
	md_ask_free(ask);
	loop_for(20);
	ck_assert_uint_eq(heard.calls, 0);
	/* and the session is as good as before */
	COMES(&heard, "", md_async_get(work, "User", "1", to(&heard), &err));
	forget(&heard);
	stop();
}
END_TEST

START_TEST(a_session_has_one_verb_on_its_way)
{
	struct heard heard = { .calls = 0 }, other = { .calls = 0 };
	struct md_ask *ask;
	struct md_result *rows;

	start();
	fill();
	ask = users();
	OK(md_async_all(ask, to(&heard), &err));
	FAILS("MD400", md_async_get(work, "User", "1", to(&other), &err));
	ck_assert_int_eq(err.code, MD_INVALID);
	FAILS("MD400", md_async_commit(work, to(&other), &err));
	FAILS("MD400", md_async_all(ask, to(&other), &err));
	FAILS("MD400", md_get(work, "User", "1", &rows, &err));
	FAILS("MD400", md_work_rollback(work, &err));
	loop_until(&heard, 1);
	ck_assert_uint_eq(md_result_rows(heard.result), 3);
	ck_assert_uint_eq(other.calls, 0);
	COMES(&other, "", md_async_get(work, "User", "1", to(&other), &err));
	md_ask_free(ask);
	forget(&heard);
	forget(&other);
	stop();
}
END_TEST

START_TEST(an_ask_in_use_is_freed_but_not_changed)
{
	struct heard heard = { .calls = 0 };
	struct md_ask *ask;
	struct md_result *rows;

	start();
	fill();
	ask = users();
	OK(md_async_all(ask, to(&heard), &err));
	ck_assert_int_eq(md_filter(ask, "name", "ann"), MD_INVALID);
	loop_until(&heard, 1);
	ck_assert_uint_eq(md_result_rows(heard.result), 3);
	FAILS("MD400", md_all(ask, &rows, &err)); /* it was told to do something else */
	md_ask_free(ask);
	ask = users();
	md_filter(ask, "name", "ann");
	OK(md_async_all(ask, to(&heard), &err));
	md_ask_free(ask);
	loop_until(&heard, 2);
	ck_assert_uint_eq(md_result_rows(heard.result), 1);
	forget(&heard);
	stop();
}
END_TEST

/* The other one cannot end before this one has: waiting for it would be for ever. */
START_TEST(sessions_of_a_store_run_side_by_side)
{
	struct heard first = { .calls = 0 }, second = { .calls = 0 }, third = { .calls = 0 };
	struct md_work *other, *reader;
	struct md_ask *ask, *read;

	start();
	fill();
	OK(md_work_open(store, &other, &err));
	OK(md_work_open(store, &reader, &err));
	ask = users();
	md_filter(ask, "name", "ann");
	COMES(&first, "", md_async_update(ask, "{\"age\":1}", to(&first), &err));
	md_ask_free(ask);
	OK(md_ask_new(other, "User", &ask, &err));
	md_filter(ask, "name", "ann");
	OK(md_async_update(ask, "{\"age\":2}", to(&second), &err));
	OK(md_ask_new(reader, "User", &read, &err));
	md_filter(read, "name", "ann");
	COMES(&third, "", md_async_one(read, to(&third), &err));
	ck_assert_str_eq(first_text(&third, "age"), "30");
	loop_for(50);
	ck_assert_uint_eq(second.calls, 0);
	COMES(&first, "", md_async_commit(work, to(&first), &err));
	loop_until(&second, 1);
	ck_assert_str_eq(second.wire, "");
	ck_assert_str_eq(first_text(&second, "age"), "2");
	COMES(&second, "", md_async_commit(other, to(&second), &err));
	md_ask_free(ask);
	md_ask_free(read);
	md_work_close(other);
	md_work_close(reader);
	forget(&first);
	forget(&second);
	forget(&third);
	stop();
}
END_TEST

/** A row after the other, each begun when that before it is there. */
struct chain {
	unsigned left;
	struct heard end;
};

static void next_row(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	struct chain *chain = arg;
	const struct md_then again = { .done = next_row, .arg = chain, .no_rows = true };
	char row[64];

	ck_assert_int_eq(outcome->code, MD_OK);
	if (chain->left == 0) {
		OK(md_async_commit(in, to(&chain->end), &err));
		return;
	}
	snprintf(row, sizeof(row), "{\"name\":\"c%u\"}", chain->left--);
	OK(md_async_create(in, "User", row, &again, &err));
}

START_TEST(a_callback_begins_the_next_verb)
{
	struct chain chain = { .left = 50 };
	const struct md_then begin = { .done = next_row, .arg = &chain };

	start();
	OK(md_async_flush(work, &begin, &err));
	loop_until(&chain.end, 1);
	ck_assert_str_eq(chain.end.wire, "");
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(count_of("User"), 50);
	stop();
}
END_TEST

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

/* A loop that is told nothing sleeps; one that is told something has something to do. */
START_TEST(the_descriptor_is_readable_when_there_is_something_to_do)
{
	struct pollfd ready = { .events = POLLIN };
	struct heard heard = { .calls = 0 };
	unsigned idle = 0;
	int fd;

	start();
	fill();
	fd = ready.fd = md_store_fd(store);
	ck_assert_int_ge(fd, 0);
	for (unsigned i = 0; i < 5; i++)
		OK(md_store_turn(store, 0, &err));
	for (unsigned i = 0; i < 10; i++)
		idle += poll(&ready, 1, 0) == 0;
	ck_assert_uint_eq(idle, 10);
	OK(md_async_get(work, "User", "1", to(&heard), &err));
	ck_assert_int_eq(poll(&ready, 1, 5000), 1);
	loop_until(&heard, 1);
	forget(&heard);
	ck_assert_int_eq(md_store_fd(store), fd);
	/* a turn that may wait returns when something happens, or when the time is over */
	OK(md_async_get(work, "User", "1", to(&heard), &err));
	for (unsigned i = 0; i < 20 && heard.calls < 2; i++)
		OK(md_store_turn(store, 5000, &err));
	ck_assert_uint_eq(heard.calls, 2);
	forget(&heard);
	OK(md_store_turn(store, 10, &err));
	stop();
}
END_TEST

#define ASYNC_TESTS                                                                               \
	pieces_come_in_turns_and_may_be_stopped, a_session_closed_between_pieces_is_silent,       \
		every_verb_tells_its_end_in_a_turn, scopes_need_not_be_waited_for,                \
		what_fails_on_the_way_is_told_by_the_callback, what_cannot_begin_is_told_at_once, \
		a_session_has_one_verb_on_its_way, an_ask_in_use_is_freed_but_not_changed,        \
		sessions_of_a_store_run_side_by_side, a_callback_begins_the_next_verb,            \
		a_callback_closes_the_session, a_callback_cannot_wait,                            \
		waiting_for_one_session_calls_back_for_others,                                    \
		a_session_closed_with_a_verb_on_its_way_is_undone_and_silent,                     \
		a_verb_that_is_cancelled_says_so, staged_rows_are_left_when_a_verb_is_cancelled,  \
		the_descriptor_is_readable_when_there_is_something_to_do
#endif
