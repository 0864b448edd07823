#include "tests/support/server.h"

#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char server_url[256];

static char dir[] = "/tmp/modeld-test-XXXXXX";
static pid_t owner;

void server_run(const char *sql)
{
	PGconn *db = PQconnectdb(server_url);
	PGresult *result = PQexec(db, sql);
	ExecStatusType status = PQresultStatus(result);

	ck_assert_msg(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s",
		      PQerrorMessage(db));
	PQclear(result);
	PQfinish(db);
}

const char *server_ask(const char *sql)
{
	static char text[8192];
	PGconn *db = PQconnectdb(server_url);
	PGresult *result = PQexec(db, sql);

	snprintf(text, sizeof(text), "%s",
		 PQresultStatus(result) != PGRES_TUPLES_OK ? PQerrorMessage(db)
		 : PQntuples(result) > 0                   ? PQgetvalue(result, 0, 0)
							   : "");
	PQclear(result);
	PQfinish(db);
	return text;
}

void server_kill_sessions(void)
{
	server_run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
		   " WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

void server_url_with(const char *parameter, char *out, unsigned size)
{
	snprintf(out, size, "%s%s%s", server_url, strchr(server_url, '?') ? "&" : "?", parameter);
}

bool server_is_ours(void)
{
	return owner != 0;
}

static void run_script(const char *verb)
{
	char command[512];

	snprintf(command, sizeof(command), "'%s/tests/support/postgres.sh' %s %s %d", SRCDIR, verb,
		 dir, (int)owner);
	if (system(command) != 0)
		fprintf(stderr, "%s failed\n", command);
}

static void stop_server(void)
{
	if (getpid() == owner) /* not the tests that Check forks */
		run_script("stop");
}

bool server_start(void)
{
	const char *given = getenv("MD_TEST_POSTGRES");
	char command[512];
	FILE *pipe;
	bool ok;

	unsetenv("PGOPTIONS"); /* settings of the caller are not ours */
	if (given) {
		snprintf(server_url, sizeof(server_url), "%s", given);
		return true;
	}
	if (!mkdtemp(dir))
		return false;
	owner = getpid();
	atexit(stop_server);
	snprintf(command, sizeof(command), "'%s/tests/support/postgres.sh' start %s %d", SRCDIR,
		 dir, (int)owner);
	pipe = popen(command, "r");
	ok = pipe && fgets(server_url, sizeof(server_url), pipe);
	server_url[strcspn(server_url, "\n")] = '\0';
	return (!pipe || pclose(pipe) == 0) && ok;
}
