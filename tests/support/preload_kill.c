/* Put in front of libsqlite3 and libpq: kills the process with SIGKILL before statement number
 * KILL_AT (from 1) is given to the engine; 0 kills nobody. KILL_COUNT names a file that gets the
 * number of statements so far. Not counted: what sessions ask before they do anything. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static int only_asks(const char *sql)
{
	static const char *const words[] = { "SELECT", "PRAGMA", "SHOW" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncasecmp(sql, words[i], strlen(words[i])) == 0)
			return 1;
	return 0;
}

static void count(const char *sql)
{
	static int statements;
	const char *at = getenv("KILL_AT"), *file = getenv("KILL_COUNT");
	char text[16];
	int fd, len;

	if (only_asks(sql))
		return;
	statements++;
	if (at && atoi(at) == statements)
		kill(getpid(), SIGKILL);
	if (!file)
		return;
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	len = snprintf(text, sizeof(text), "%d", statements);
	if (fd < 0 || write(fd, text, (size_t)len) != len || close(fd) != 0)
		abort();
}

#define FORWARD(result, name, parameters, arguments)               \
	result name parameters;                                    \
	result name parameters                                     \
	{                                                          \
		static result(*next) parameters;                   \
                                                                   \
		if (!next)                                         \
			*(void **)&next = dlsym(RTLD_NEXT, #name); \
		count(sql);                                        \
		return next arguments;                             \
	}

FORWARD(int, sqlite3_exec, (void *db, const char *sql, void *each, void *arg, char **message),
	(db, sql, each, arg, message))
FORWARD(int, sqlite3_prepare_v2,
	(void *db, const char *sql, int len, void **statement, const char **tail),
	(db, sql, len, statement, tail))
FORWARD(int, sqlite3_prepare_v3,
	(void *db, const char *sql, int len, unsigned flags, void **statement, const char **tail),
	(db, sql, len, flags, statement, tail))
FORWARD(void *, PQexec, (void *connection, const char *sql), (connection, sql))
FORWARD(void *, PQexecParams,
	(void *connection, const char *sql, int count_, const void *types,
	 const char *const *values, const int *lengths, const int *formats, int format),
	(connection, sql, count_, types, values, lengths, formats, format))
FORWARD(int, PQsendQuery, (void *connection, const char *sql), (connection, sql))
FORWARD(int, PQsendQueryParams,
	(void *connection, const char *sql, int count_, const void *types,
	 const char *const *values, const int *lengths, const int *formats, int format),
	(connection, sql, count_, types, values, lengths, formats, format))
