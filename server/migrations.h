/* Migrations as this program's settings have them: what the command line, the routes and the start
 * of a daemon share. Private to server/. */
#ifndef MD_SERVER_MIGRATIONS_H
#define MD_SERVER_MIGRATIONS_H
#include "config/options.h"
#include "core/ops/migrate.h"

struct md_wal_owner;

/** What the settings say; definitions, progress and log are left to the caller. */
struct md_migrate_options md_migrations_options(const struct md_options *options,
						struct md_wal_owner *served);

/** Apply the revisions that are pending, at a start; nothing is locked when there are none.
 * `served`: the daemon runs already; then only migrate = auto applies, and what is pending is told
 * otherwise: who took a revision back over HTTP does not want it again. *ret_managed: the database
 * has migrations, so its tables are theirs to make. With migrate = auto a difference between the
 * newest revision and the models becomes a revision first. Blocking; any thread. */
enum md_code md_migrations_at_start(const struct md_options *options,
				    const struct md_definitions *definitions,
				    struct md_wal_owner *served, const struct md_log *log,
				    bool *ret_managed, struct md_error *err);
/** Take no more requests about migrations. False: one is still at work. Main thread, while loops
 * run. */
bool md_migrations_end(void);

/** Exit codes besides those of sysexits.h. */
enum {
	MD_EXIT_PENDING = 3,
	MD_EXIT_DRIFT = 4,
	MD_EXIT_HISTORY = 5,
	MD_EXIT_CONSENT = 6,
	MD_EXIT_AMBIGUOUS = 7
};
/** The exit code of sysexits.h for a failure of a command on a database. */
int md_exit_of(enum md_code code);
/** The exit code for a failure of migrations: those of decisions of their own, else by code. */
int md_migrations_exit(const struct md_error *err);
#endif
