/* A PostgreSQL server of the test program's own (tests/support/postgres.sh), or the database that
 * MD_TEST_POSTGRES names. Started once by main, before Check forks; it stops when the program has
 * ended, however that came. */
#ifndef MD_TESTS_SERVER_H
#define MD_TESTS_SERVER_H
#include <stdbool.h>

/** Start it; false: it cannot be. */
bool server_start(void);
/** Whether the server is our own, so that its processes may be stopped. */
bool server_is_ours(void);
/** Where it is. */
extern char server_url[256];
/** `server_url` with one more parameter of libpq, "key=value". */
void server_url_with(const char *parameter, char *out, unsigned size);
/** Run as the administrator, in a session of its own. */
void server_run(const char *sql);
/** The first cell of the answer, or the message of a failure; to the next call. */
const char *server_ask(const char *sql);
/** End every other session of the database. */
void server_kill_sessions(void);
#endif
