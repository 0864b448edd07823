/* A PostgreSQL server of the test program's own, made by postgres.sh, and an administrator's door
 * to it. pg_start() in main before the suite; it is stopped when the program ends, however that is.
 */
#ifndef MD_TESTS_PG_SERVER_H
#define MD_TESTS_PG_SERVER_H
#include <check.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char pg_dir[] = "/tmp/modeld-pg-XXXXXX";
static char pg_url[256];
static pid_t pg_owner;

static inline int pg_script(const char *verb)
{
	char command[512];

	snprintf(command, sizeof(command), "'%s/tests/support/postgres.sh' %s %s %d", SRCDIR, verb,
		 pg_dir, (int)pg_owner);
	return system(command);
}

static inline void pg_stop(void)
{
	if (getpid() == pg_owner && pg_script("stop") != 0) /* not the tests that Check forks */
		fprintf(stderr, "the server could not be stopped\n");
}

static inline bool pg_start(void)
{
	char command[512];
	FILE *pipe;
	bool ok;

	unsetenv("PGOPTIONS"); /* settings of the caller are not ours */
	if (!mkdtemp(pg_dir))
		return false;
	pg_owner = getpid();
	atexit(pg_stop);
	snprintf(command, sizeof(command), "'%s/tests/support/postgres.sh' start %s %d", SRCDIR,
		 pg_dir, (int)pg_owner);
	pipe = popen(command, "r");
	ok = pipe && fgets(pg_url, sizeof(pg_url), pipe);
	pg_url[strcspn(pg_url, "\n")] = '\0';
	return (!pipe || pclose(pipe) == 0) && ok;
}

/** Run SQL as somebody else; the first cell of the last result, "" when there is none. */
static inline const char *pg_admin(const char *sql)
{
	static char answer[4096];
	PGconn *db = PQconnectdb(pg_url);
	PGresult *result = PQexec(db, sql);
	ExecStatusType status = PQresultStatus(result);

	ck_assert_msg(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql,
		      PQerrorMessage(db));
	snprintf(answer, sizeof(answer), "%s",
		 PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(db);
	return answer;
}

/** pg_ctl, as the server's user: "stop -m fast", "start", "restart -m immediate" … */
static inline void pg_ctl(const char *what)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "bin=$(dirname \"$(ls /usr/lib/postgresql/*/bin/pg_ctl /usr/pgsql-*/bin/pg_ctl "
		 "$(command -v pg_ctl) 2>/dev/null | tail -1)\"); cd /; "
		 "if [ $(id -u) = 0 ]; then as='runuser -u postgres --'; fi; "
		 "$as $bin/pg_ctl -w -s -D %s/data -l %s/data/server.log %s >/dev/null 2>&1",
		 pg_dir, pg_dir, what);
	ck_assert_msg(system(command) == 0, "pg_ctl %s", what);
}

/** Send a signal to every process of the server: SIGSTOP is a machine that hangs. */
static inline void pg_signal(int number)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "pid=$(head -1 %s/data/postmaster.pid)"
		 "; kill -%d $pid $(cat /proc/$pid/task/$pid/children)",
		 pg_dir, number);
	ck_assert_msg(system(command) == 0, "kill -%d", number);
}

#define PG_KILL_OTHERS                                                              \
	"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE" \
	" datname = current_database() AND pid <> pg_backend_pid()"
#endif
