/* Model definitions held against what a database contains. Finds everything that differs and says
 * which differences keep a model from being served. Not compared: the order within indexes, options
 * of tables, and, where the engine rewrites it, the text of checks and conditions. No state, any
 * thread. */
#ifndef MD_CORE_MIGRATE_COMPARE_H
#define MD_CORE_MIGRATE_COMPARE_H
#include "core/migrate/ddl.h"
#include "core/model/model.h"

struct md_catalog;

/** Compare. `ret_missing`, one per model: its table is to be made. Tables that exist are compared;
 * those of models with managed false must exist. MD_NOMEM. */
enum md_code md_compare(const struct md_ddl_dialect *dialect,
			const struct md_definitions *definitions, const struct md_catalog *catalog,
			struct md_arena *arena, bool *ret_missing,
			struct md_differences *ret_differences, struct md_error *err);
#endif
