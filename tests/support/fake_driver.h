/* An MD_DB_BLOCKING driver without an engine, for tests: scripted answers per SQL text, a handful
 * of statements that really do something on one table in memory, and a failure before any operation
 * when fault_tick() says so. The table and the script are the process's; connections see the same.
 * One thread, but for cancel().
 *
 * Statements it knows: "echo" (a row of its parameters), "put" (number, text: 23505 when the number
 * is there), "get" (text of a number), "count", "clear", "series" (rows 1..$1), "slow" (until
 * cancelled or too late). Anything else is answered by the script, or is 42P01. */
#ifndef MD_TESTS_FAKE_DRIVER_H
#define MD_TESTS_FAKE_DRIVER_H
#include "core/db/driver.h"

/** Scheme "fake"; the only address that works is "fake:memory". */
extern const struct md_db_driver md_fake_driver;

/** Empty the table and forget the script. */
void fake_reset(void);
/** Answer `sql` with `count` rows of `columns` cells (may be 0); all of it is borrowed. */
void fake_answer(const char *sql, unsigned columns, const struct md_value *cells, unsigned count);
/** Answer `sql` with an error; texts are borrowed. */
void fake_refuse(const char *sql, enum md_code code, const char *wire, const char *message);
/** What catalog() hands out; borrowed. NULL: an empty one. */
void fake_set_catalog(const struct md_catalog *catalog);
/** Connections that are open. */
unsigned fake_connections(void);
#endif
