/* Savepoints of the C API, on any engine. The program that includes it gives api_url(). */
#ifndef MD_TESTS_UNIT_API_POINTS_STEPS_H
#define MD_TESTS_UNIT_API_POINTS_STEPS_H
#include "tests/unit/api_rig.h"

static void add_user(const char *name)
{
	struct md_value_text value = { .name = "name", .value = name };

	OK(md_create_values(work, "User", &value, 1, NULL, &err));
}

static unsigned savepoint(void)
{
	unsigned number = 0;

	OK(md_work_savepoint(work, &number, &err));
	return number;
}

START_TEST(scopes_are_undone_or_kept_one_in_another)
{
	unsigned outer, inner;

	start();
	fill();
	add_user("before");
	outer = savepoint();
	ck_assert_uint_eq(outer, 1);
	add_user("outer");
	inner = savepoint();
	ck_assert_uint_eq(inner, 2);
	add_user("inner");
	OK(md_work_rollback_to(work, inner, &err));
	ck_assert_uint_eq(count_of("User"), 5);
	inner = savepoint(); /* that one has ended */
	ck_assert_uint_eq(inner, 2);
	add_user("kept");
	OK(md_work_release(work, inner, &err));
	ck_assert_uint_eq(count_of("User"), 6);
	OK(md_work_rollback_to(work, outer, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	stop();
}
END_TEST

START_TEST(the_end_of_a_scope_ends_those_in_it)
{
	start();
	fill();
	savepoint();
	add_user("one");
	savepoint();
	add_user("two");
	ck_assert_uint_eq(savepoint(), 3);
	add_user("three");
	OK(md_work_rollback_to(work, 2, &err));
	FAILS("MD400", md_work_release(work, 3, &err));
	FAILS("MD400", md_work_rollback_to(work, 2, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	savepoint();
	add_user("two");
	savepoint();
	add_user("three");
	OK(md_work_release(work, 1, &err));
	FAILS("MD400", md_work_release(work, 1, &err));
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 6);
	stop();
}
END_TEST

START_TEST(an_operation_that_fails_in_a_scope_is_undone_alone)
{
	unsigned scope;

	start();
	fill();
	scope = savepoint();
	add_user("x");
	FAILS("23505",
	      md_create(work, "User", "[{\"name\":\"y\"},{\"name\":\"ann\"}]", NULL, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	add_user("z");
	OK(md_work_release(work, scope, &err));
	scope = savepoint();
	FAILS("23505", md_create(work, "User", "{\"name\":\"ann\"}", NULL, &err));
	OK(md_work_rollback_to(work, scope, &err));
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 5);
	stop();
}
END_TEST

START_TEST(staged_rows_belong_to_the_scope_they_were_staged_in)
{
	unsigned scope;

	start();
	fill();
	OK(md_add(work, "User", "{\"name\":\"before\"}", &err));
	scope = savepoint(); /* writes it */
	OK(md_add(work, "User", "{\"name\":\"inside\"}", &err));
	OK(md_work_rollback_to(work, scope, &err)); /* forgets it */
	ck_assert_uint_eq(count_of("User"), 4);
	scope = savepoint();
	OK(md_add(work, "User", "{\"name\":\"inside\"}", &err));
	OK(md_work_release(work, scope, &err));
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 5);
	/* one that is refused: there is no scope, and it is staged still */
	OK(md_add(work, "User", "{\"name\":\"ann\"}", &err));
	FAILS("23505", md_work_savepoint(work, &scope, &err));
	FAILS("MD400", md_work_release(work, 1, &err));
	OK(md_work_rollback(work, &err));
	scope = savepoint();
	OK(md_add(work, "User", "{\"name\":\"ann\"}", &err));
	FAILS("23505", md_work_release(work, scope, &err));
	OK(md_work_rollback_to(work, scope, &err)); /* the scope was still there */
	ck_assert_uint_eq(count_of("User"), 5);
	stop();
}
END_TEST

START_TEST(scopes_end_with_the_transaction)
{
	start();
	fill();
	FAILS("MD400", md_work_release(work, 1, &err));
	FAILS("MD400", md_work_rollback_to(work, 0, &err));
	savepoint();
	add_user("x");
	savepoint();
	add_user("y");
	OK(md_work_commit(work, &err));
	FAILS("MD400", md_work_release(work, 1, &err));
	ck_assert_uint_eq(count_of("User"), 5);
	ck_assert_uint_eq(savepoint(), 1);
	OK(md_work_rollback(work, &err));
	FAILS("MD400", md_work_rollback_to(work, 1, &err));
	ck_assert_uint_eq(savepoint(), 1);
	stop();
}
END_TEST

/* A scope that has written nothing keeps no writer waiting. */
START_TEST(a_scope_of_reads_keeps_nobody_waiting)
{
	struct md_work *other;

	start();
	fill();
	savepoint();
	ck_assert_uint_eq(count_of("User"), 3);
	OK(md_work_open(store, &other, &err));
	OK(md_create(other, "User", "{\"name\":\"x\"}", NULL, &err));
	OK(md_work_commit(other, &err));
	md_work_close(other);
	OK(md_work_release(work, 1, &err));
	stop();
}
END_TEST

START_TEST(a_hundred_scopes_are_not_too_many)
{
	start();
	fill();
	for (unsigned i = 1; i <= 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_uint_eq(savepoint(), i);
		add_user(name);
	}
	OK(md_work_rollback_to(work, 51, &err));
	ck_assert_uint_eq(count_of("User"), 53);
	OK(md_work_release(work, 1, &err));
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 53);
	stop();
}
END_TEST

#define POINT_TESTS                                                                     \
	scopes_are_undone_or_kept_one_in_another, the_end_of_a_scope_ends_those_in_it,  \
		an_operation_that_fails_in_a_scope_is_undone_alone,                     \
		staged_rows_belong_to_the_scope_they_were_staged_in,                    \
		scopes_end_with_the_transaction, a_scope_of_reads_keeps_nobody_waiting, \
		a_hundred_scopes_are_not_too_many
#endif
