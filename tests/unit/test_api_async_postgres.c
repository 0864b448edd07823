/* The C API in an event loop, on PostgreSQL. */
#define API_SCHEMA "api"
#include "tests/support/server.h"
#include "tests/unit/api_async_steps.h"

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

/* One more session than there are connections waits until one is given back. */
static void fill_all_connections(unsigned connections)
{
	struct md_store_options options = { .schema = API_SCHEMA, .connections = connections };
	struct heard heard[4] = { { .calls = 0 } };
	struct md_work *works[4];

	OK(md_store_open(api_url(), &options, &store, &err));
	for (unsigned i = 0; i <= connections; i++) {
		struct md_ask *ask;

		OK(md_work_open(store, &works[i], &err));
		OK(md_ask_new(works[i], "user", &ask, &err));
		OK(md_async_count(ask, to(&heard[i]), &err));
		md_ask_free(ask);
		if (i < connections)
			loop_until(&heard[i], 1);
	}
	loop_for(50);
	ck_assert_uint_eq(heard[connections].calls, 0);
	works[0] = md_work_close(works[0]);
	loop_until(&heard[connections], 1);
	ck_assert_str_eq(heard[connections].wire, "");
	ck_assert_uint_eq(heard[connections].count, 3);
	for (unsigned i = 1; i <= connections; i++)
		md_work_close(works[i]);
	store = md_store_close(store);
}

START_TEST(sessions_wait_when_there_are_no_more_connections)
{
	start();
	fill();
	stop();
	for (unsigned connections = 1; connections <= 3; connections++)
		fill_all_connections(connections);
}
END_TEST

/* The verb on its way is told, and so are those after it, until the rollback. */
START_TEST(a_lost_connection_is_told_to_the_callback)
{
	struct heard heard = { .calls = 0 };

	start();
	fill();
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	server_kill_sessions();
	OK(md_async_get(work, "User", "1", to(&heard), &err));
	loop_until(&heard, 1);
	ck_assert_int_ne(heard.code, MD_OK);
	COMES(&heard, "MD410", md_async_get(work, "User", "1", to(&heard), &err));
	COMES(&heard, "MD410", md_async_commit(work, to(&heard), &err));
	COMES(&heard, "", md_async_rollback(work, to(&heard), &err));
	COMES(&heard, "", md_async_get(work, "User", "1", to(&heard), &err));
	forget(&heard);
	ck_assert_uint_eq(count_of("User"), 3);
	stop();
}
END_TEST

SUITE_RUN("api async postgres", ASYNC_TESTS, sessions_wait_when_there_are_no_more_connections,
	  a_lost_connection_is_told_to_the_callback)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
