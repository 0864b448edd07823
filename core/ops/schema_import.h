/* Only for core/ops/schema_import*.c: a definition file that is being made of a catalog. One
 * thread; what is made on the way is in an arena that ends with it. Memory that runs out sets
 * no_memory. */
#ifndef MD_CORE_OPS_SCHEMA_IMPORT_H
#define MD_CORE_OPS_SCHEMA_IMPORT_H
#include "core/db/catalog.h"
#include "core/migrate/ddl.h"
#include "core/ops/schema_private.h"

struct md_import {
	const struct md_schema_import *source;
	const struct md_ddl_dialect *ddl;
	struct md_str engine; /* its member in a text of SQL and in options */
	struct md_json_out json;
	struct md_buf *notes;
	struct md_arena *arena;
	/* By table, in the order of the catalog: */
	const struct md_model *models; /* fields are in the order of the columns */
	const char **names;            /* of the model; NULL: it is left out */
	const char ***fields;          /* names of fields, by column; NULL: it is left out */
	bool no_memory;
};

/** Which table it is; -1: none that is declared. */
int md_import_find(const struct md_import *import, const char *table);
/** A name of letters, digits and _. NULL: out of memory. */
const char *md_import_name(struct md_import *import, const char *name);
/** Whether definition files allow it as the name of something in the database. */
bool md_import_is_name(const char *name);
/** Add a line to the notes. */
void md_import_note(struct md_import *import, const char *table, const char *what, const char *name,
		    const char *why);
/** The foreign key of one column that its field tells; NULL: none. The others are the model's. */
const struct md_catalog_foreign_key *md_import_reference(const struct md_import *import,
							 unsigned table, unsigned column);
/** Members that all foreign keys have. */
void md_import_put_actions(struct md_import *import, unsigned table,
			   const struct md_catalog_foreign_key *key);
/** SQL, for this engine. */
void md_import_put_sql(struct md_import *import, struct md_str key, const char *sql);
/** "name": {…} of a column. */
void md_import_put_field(struct md_import *import, unsigned table, unsigned number);
#endif
