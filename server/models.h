/* The declared models of a daemon: the definition files that the setting `models` names, their
 * tables, and how the two differ. Everything worth knowing is logged here, so that it is told the
 * same way at a start and at a reload; errors are summaries. Blocking; any thread. Private to
 * server/. */
#ifndef MD_SERVER_MODELS_H
#define MD_SERVER_MODELS_H
#include <stdbool.h>

#include "config/options.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/model/define.h"
#include "core/model/model.h"

struct md_catalog;
struct md_dialect;
struct md_wal_owner;

/** Engines that definitions are checked for: those of models_targets, else the one of db_url; with
 * `for_database` that one in any case. */
unsigned md_models_targets(const struct md_options *options, bool for_database);
struct md_def_limits md_models_limits(const struct md_options *options);
/** Text of a report, as people read it: lines with their newlines. */
void md_models_put_report(const struct md_def_report *report, struct md_buf *out);
/** Text of a difference: a line, and what would mend it. */
void md_models_put_difference(const struct md_difference *difference, struct md_buf *out);
/** Which commands bring tables to their models; said once, behind the differences. */
#define MD_MODELS_MIGRATE                                                                        \
	"modeld db makemigrations and modeld db migrate bring tables to their models; tables "   \
	"that no revision made are noted first, with models that agree with them, by modeld db " \
	"baseline"
/** Whether that may help: tables of models that modeld manages differ. */
bool md_models_can_migrate(const struct md_differences *differences);

/** Read the files. NULL in *ret_definitions: the setting is empty. MD_NOT_FOUND: no file matches.
 * MD_INVALID: there are mistakes. */
enum md_code md_models_load(const struct md_options *options, const struct md_log *log,
			    const struct md_definitions **ret_definitions, struct md_error *err);
/** Make the tables that are missing, if `migrate` says so. `served`: of the database, when it is
 * open already; then a file that is missing is not made. NULL at the start. MD_INVALID: a
 * difference is in the way, and nothing was made. */
enum md_code md_models_make_tables(const struct md_options *options,
				   const struct md_definitions *definitions,
				   struct md_wal_owner *served, const struct md_log *log,
				   unsigned *ret_made, struct md_error *err);
/** Hold the definitions against what the database contains. MD_INVALID: a difference is in the way.
 */
enum md_code md_models_compare(const struct md_options *options, const struct md_dialect *sql,
			       const struct md_definitions *definitions,
			       const struct md_catalog *catalog, struct md_arena *arena,
			       const struct md_log *log, struct md_differences *ret_differences,
			       struct md_error *err);
#endif
