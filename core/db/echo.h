/* Private to core/db: what `echo` and `echo_pool` say, in the manner of SQLAlchemy, through the log
 * hook. Values are told only when everything is asked for. Any thread. */
#ifndef MD_CORE_DB_ECHO_H
#define MD_CORE_DB_ECHO_H
#include "core/db/db.h"
#include "core/db/unit.h"

/** What next() said: a statement, or how the unit ends. */
void md_echo_next(const struct md_db *db, struct md_unit *unit, enum md_next next,
		  const struct md_call *call);
/** A statement that is run beside those of next(). */
void md_echo_call(const struct md_db *db, const struct md_call *call);
/** A line about connections, if echo_pool says at least `level`. */
void md_echo_pool(const struct md_db *db, enum md_echo level, const char *text);
#endif
