/* The C API on PostgreSQL. */
#define API_SCHEMA "api"
#include "tests/support/server.h"
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

SUITE_RUN("api postgres", API_TESTS)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
