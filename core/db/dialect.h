/* Where engines differ in the text of SQL: quoting, placeholders, operators, casts. A table of
 * functions per engine; the SQL generator (core/query/sql.c) asks it and never asks which engine it
 * is. No user data passes through here: values are placeholders, names come from the registry. */
#ifndef MD_CORE_DB_DIALECT_H
#define MD_CORE_DB_DIALECT_H
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/db/catalog.h"

struct md_dialect {
	const char *name;
	/** "name" with its quotes doubled. */
	void (*put_name)(struct md_buf *sql, struct md_str name);
	/** The placeholder of parameter `number`, counted from 1. */
	void (*put_param)(struct md_buf *sql, unsigned number);
};
extern const struct md_dialect md_sqlite_dialect;
#ifdef MD_HAVE_POSTGRES
extern const struct md_dialect md_postgres_dialect;
#endif
#endif
