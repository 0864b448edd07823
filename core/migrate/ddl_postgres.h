/* Private to core/migrate: how what PostgreSQL tells is held against what a definition says. The
 * server writes expressions and names of types in its own words. No state, any thread. */
#ifndef MD_CORE_MIGRATE_DDL_POSTGRES_H
#define MD_CORE_MIGRATE_DDL_POSTGRES_H
#include "core/migrate/ddl.h"

/** The collation of fields with collate(nocase), made in the schema of their tables. */
#define MD_POSTGRES_NOCASE "modeld_nocase"
/** The statement that makes it, unless it is there. */
extern const char md_postgres_nocase_sql[];

bool md_postgres_same_type(const char *own, const char *declared);
bool md_postgres_other_numbers(const struct md_def_field *field, const char *declared);
bool md_postgres_serves(const struct md_def_field *field, const struct md_catalog_column *column);
bool md_postgres_same_default(const struct md_def_field *field, const char *wanted,
			      const char *found);
#endif
