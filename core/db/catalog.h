/* What a database contains, as its engine tells it: plain data from introspection, the same for
 * every engine. Everything lives in the arena given to md_db_driver.catalog and is immutable. Names
 * are NUL-terminated, byte for byte. */
#ifndef MD_CORE_DB_CATALOG_H
#define MD_CORE_DB_CATALOG_H
#include <stdbool.h>

/** What a column holds, as far as filters, casts and output need to know. */
enum md_type {
	MD_TYPE_ANY, /* nothing declared: values are what they are (SQLite) */
	MD_TYPE_INT2,
	MD_TYPE_INT4,
	MD_TYPE_INT8,
	MD_TYPE_FLOAT,   /* double precision, real */
	MD_TYPE_NUMERIC, /* exact decimal */
	MD_TYPE_BOOL,
	MD_TYPE_TEXT,
	MD_TYPE_DATE,
	MD_TYPE_TIME,
	MD_TYPE_TIMESTAMP, /* without time zone */
	MD_TYPE_TIMESTAMPTZ,
	MD_TYPE_UUID,
	MD_TYPE_JSON,
	MD_TYPE_BYTES,
	MD_TYPE_OTHER /* known to the engine only: bound and shown as text */
};

/** PostgreSQL's name of the type, for messages and documents. */
const char *md_type_name(enum md_type type);

struct md_catalog_column {
	const char *name;
	const char *declared; /* the engine's own type text; "" when there is none */
	enum md_type type;
	bool nullable;
	bool generated;        /* cannot be written */
	const char *fallback;  /* DEFAULT expression as the engine tells it; NULL: none */
	const char *collation; /* NULL: the engine's byte order */
	const char *origin_table,
		*origin_column; /* views: the base column it shows unchanged; NULL: computed */
};
/** Primary key (the first, if any) or unique constraint or unique index without predicate. Columns
 * in key order. */
struct md_catalog_key {
	const char *name; /* never NULL: PostgreSQL's automatic name where the database has none */
	bool primary;
	const unsigned *columns; /* indexes into the table's columns */
	unsigned count;
};
struct md_catalog_foreign_key {
	const char *name;
	const unsigned *columns;
	unsigned count;
	const char *target;                /* table name */
	const char *const *target_columns; /* `count` names; resolved to the primary key when the
					      DDL names none */
};
/** An index that can serve ORDER BY or a range: leading columns only, plain columns only. */
struct md_catalog_index {
	const unsigned *columns;
	unsigned count;
	bool unique;
};
enum md_relation_kind { MD_REL_TABLE, MD_REL_VIEW };

struct md_catalog_table {
	const char *schema; /* "" on SQLite */
	const char *name;
	const char *comment; /* NULL: none */
	enum md_relation_kind kind;
	bool insertable, updatable,
		deletable; /* views: INSTEAD OF triggers or the engine's own rules */
	const struct md_catalog_column *columns;
	unsigned column_count;
	const struct md_catalog_key *keys;
	unsigned key_count;
	const struct md_catalog_foreign_key *foreign_keys;
	unsigned foreign_key_count;
	const struct md_catalog_index *indexes;
	unsigned index_count;
	double rows_estimate; /* < 0: unknown */
};
struct md_catalog {
	const struct md_catalog_table *tables; /* sorted by name, byte order */
	unsigned count;
};
#endif
