/* What the C API promises to event loops, on any engine. The program that includes it gives
 * api_url(). */
#ifndef MD_TESTS_UNIT_API_ASYNC_STEPS_H
#define MD_TESTS_UNIT_API_ASYNC_STEPS_H
#include "tests/unit/api_async_end_steps.h"

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
	every_verb_tells_its_end_in_a_turn, scopes_need_not_be_waited_for,                        \
		what_fails_on_the_way_is_told_by_the_callback, what_cannot_begin_is_told_at_once, \
		a_session_has_one_verb_on_its_way, an_ask_in_use_is_freed_but_not_changed,        \
		sessions_of_a_store_run_side_by_side, a_callback_begins_the_next_verb,            \
		the_descriptor_is_readable_when_there_is_something_to_do, ASYNC_END_TESTS
#endif
