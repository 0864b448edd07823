/* A driver without an engine that is not MD_DB_BLOCKING, for tests of the pool and the lanes: its
 * connections stand when the test lets them, its units end when the test says so, on the loop to
 * which the connection belongs. Everything it counts is shared by all connections of the process;
 * tests of one thread, or of several that only read the counters. */
#ifndef MD_TESTS_PIPE_DRIVER_H
#define MD_TESTS_PIPE_DRIVER_H
#include "core/db/driver.h"

/** Scheme "pipe"; any address. */
extern const struct md_db_driver md_pipe_driver;

/** From now on connections fail with this code (MD_OK: they stand). */
void pipe_refuse(enum md_code code);
/** Units end by themselves in the turn after their push; off: pipe_end() does it. */
void pipe_automatic(bool on);
/** End the unit that has run longest on any connection: true when there was one. */
bool pipe_end(void);
/** Units being run. */
unsigned pipe_running(void);
/** Connections that are open, that were ever opened, and the most at one time. */
unsigned pipe_open(void);
unsigned pipe_opened(void);
unsigned pipe_most(void);
/** Every connection is lost, as when the server ends. */
void pipe_lose_all(void);
/** Every connection breaks at the next unit, which ends before its push has returned. */
void pipe_break_at_push(bool on);
void pipe_reset(void);
#endif
