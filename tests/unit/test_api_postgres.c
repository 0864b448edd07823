/* The C API on PostgreSQL. */
#define API_SCHEMA "api"
#include "tests/support/server.h"
#include "tests/unit/api_points_steps.h"
#include "tests/unit/api_steps.h"

/* Each test is a process of its own, and begins with an empty schema. */
static const char *api_url(void)
{
	static bool clean;

	if (!clean)
		server_run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS api CASCADE;"
			   "CREATE SCHEMA api");
	clean = true;
	return server_url;
}

/* Nothing but a rollback will do then, and it ends the scopes. */
START_TEST(a_lost_connection_ends_all_scopes)
{
	start();
	fill();
	savepoint();
	add_user("x");
	ck_assert_uint_eq(savepoint(), 2);
	server_kill_sessions();
	ck_assert_int_ne(md_create(work, "User", "{\"name\":\"y\"}", NULL, &err), MD_OK);
	FAILS("MD410", md_work_release(work, 2, &err));
	FAILS("MD410", md_work_rollback_to(work, 1, &err));
	FAILS("MD410", md_work_commit(work, &err));
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(savepoint(), 1);
	ck_assert_uint_eq(count_of("User"), 3);
	stop();
}
END_TEST

SUITE_RUN("api postgres", API_TESTS, POINT_TESTS, a_lost_connection_ends_all_scopes)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
