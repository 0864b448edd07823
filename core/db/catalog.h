/* What a database contains, as its engine tells it: plain data from introspection, the same for
 * every engine. Everything lives in the arena given to md_db_driver.catalog and is immutable. Names
 * are NUL-terminated, byte for byte. */
#ifndef MD_CORE_DB_CATALOG_H
#define MD_CORE_DB_CATALOG_H
#include <stdbool.h>
#include <stdint.h>

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
	MD_TYPE_OTHER, /* known to the engine only: bound and shown as text */

	/* What modeld itself keeps in columns of an engine without such types, as text in one form
	 * that sorts: input is brought into that form, answers show it as PostgreSQL would. Where
	 * the engine has such types, the same form is what it is given. Never found by
	 * introspection; declared fields get them (core/model). */
	MD_TYPE_KEPT_DATE,        /* 2024-02-29 */
	MD_TYPE_KEPT_TIME,        /* 23:59:59.123456 */
	MD_TYPE_KEPT_TIMESTAMP,   /* 2024-02-29T23:59:59.123456 */
	MD_TYPE_KEPT_TIMESTAMPTZ, /* 2024-02-29T23:59:59.123456+00:00 */
	MD_TYPE_KEPT_UUID,        /* lower case, with hyphens */
	MD_TYPE_KEPT_NUMERIC,     /* more digits than a number of the engine holds */
	MD_TYPE_KEPT_BYTES,       /* bytes of any engine: input may be base64, too */
	MD_TYPE_COUNT
};

/** PostgreSQL's name of the type, for messages and documents. */
const char *md_type_name(enum md_type type);

/** What kind of type a column has, below its domains. */
enum md_type_kind {
	MD_KIND_SCALAR,
	MD_KIND_ARRAY,
	MD_KIND_ENUM,
	MD_KIND_COMPOSITE,
	MD_KIND_RANGE,
	MD_KIND_MULTIRANGE
};

/** What a role may be without: no bit, and it may do everything, as on engines without roles. Those
 * of a table that it has in some column only count as had. */
enum md_right {
	MD_RIGHT_SELECT = 1,
	MD_RIGHT_INSERT = 2,
	MD_RIGHT_UPDATE = 4,
	MD_RIGHT_DELETE = 8,
	MD_RIGHTS_OF_COLUMNS = MD_RIGHT_SELECT | MD_RIGHT_INSERT | MD_RIGHT_UPDATE
};

struct md_catalog_column {
	const char *name;
	const char *declared; /* the engine's own type text; "" when there is none */
	enum md_type type;
	bool nullable;
	bool generated;        /* cannot be written */
	bool identity;         /* the engine counts: rowid, serial, identity */
	unsigned max_length;   /* of varchar(n), char(n); 0: none */
	const char *fallback;  /* DEFAULT expression as the engine tells it; NULL: none */
	bool fallback_of_type; /* it is not the column's own, but that of its domain */
	const char *collation; /* NULL: the engine's byte order */
	const char *origin_table,
		*origin_column; /* views: the base column it shows unchanged; NULL: computed */
	unsigned origin_base;   /* that table is not served: its number in `bases`, from 1 */
	const char *comment;    /* NULL: none */

	/* Engines with types that users make (PostgreSQL); all zero elsewhere. `type` above, and
	 * what follows, are of the type below all domains; texts name their schema unless it is the
	 * engine's own, so they can stand in a cast. */
	enum md_type_kind kind;
	unsigned type_id;          /* the engine's number of the declared type */
	const char *base;          /* a domain: the text of the type below; NULL: not a domain */
	const char *element;       /* an array, a range: the text of its elements' type */
	enum md_type element_type; /* … and what they hold */
	char delimiter;            /* between elements of a list of such values; 0: a comma */
	const char *const *labels; /* an enum, in its order */
	unsigned label_count;
	bool always; /* an identity whose values clients may not give */
	unsigned char lacks,
		web_lacks; /* enum md_right: the connecting role, the one of requests */
};
/** Primary key (the first, if any) or unique constraint or unique index without predicate. Columns
 * in key order. */
struct md_catalog_key {
	const char *name; /* never NULL: PostgreSQL's automatic name where the database has none */
	bool primary;
	const unsigned *columns; /* indexes into the table's columns */
	unsigned count;
};
/** What happens to rows that refer to one that goes. */
enum md_fk_action {
	MD_FK_NO_ACTION,
	MD_FK_RESTRICT,
	MD_FK_CASCADE,
	MD_FK_SET_NULL,
	MD_FK_SET_DEFAULT
};
struct md_catalog_foreign_key {
	const char *name;
	enum md_fk_action on_delete, on_update;
	bool deferrable, deferred; /* deferred: checked at COMMIT unless told otherwise */
	const unsigned *columns;
	unsigned count;
	const char *target;                /* table name */
	const char *const *target_columns; /* `count` names; resolved to the primary key when the
					      DDL names none */
	unsigned target_base; /* the target is not served: its number in `bases`, from 1 */
};
/** An index. The planner uses it when it serves ORDER BY or a range: no predicate, and then its
 * leading plain columns only. */
struct md_catalog_index {
	const char *name; /* NULL: made by a key */
	const unsigned *columns;
	unsigned count; /* leading plain columns; 0: it begins with an expression */
	bool unique;
	bool partial;          /* has a predicate, or serves no ORDER BY (hash, gin, …): never for
				  planning, only for comparing */
	bool whole;            /* all of its columns are in `columns` */
	const char *predicate; /* of a partial one, as the engine tells it; NULL: not told */
};
/** A CHECK constraint. */
struct md_catalog_check {
	const char *name;       /* never NULL: PostgreSQL's automatic name where there is none */
	const char *expression; /* as the engine tells it, without the outer brackets */
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
	/** Foreign keys to tables that are not served, but shown by views. */
	const struct md_catalog_foreign_key *outside;
	unsigned outside_count;
	const struct md_catalog_index *indexes;
	unsigned index_count;
	const struct md_catalog_check *checks;
	unsigned check_count;
	double rows_estimate;           /* < 0: unknown */
	bool strict, without_rowid;     /* what SQLite's tables may be */
	unsigned char lacks, web_lacks; /* enum md_right, as of columns */
};

enum md_argument_mode {
	MD_ARG_IN,
	MD_ARG_OUT,
	MD_ARG_INOUT,
	MD_ARG_VARIADIC, /* the last of those that are given: an array of all the rest */
	MD_ARG_TABLE     /* a column of RETURNS TABLE */
};
struct md_catalog_argument {
	const char *name; /* "": it has none */
	enum md_argument_mode mode;
	const char *declared; /* the type's text */
	unsigned type_id;
	enum md_type type;
	const char *fallback; /* DEFAULT expression; NULL: it must be given */
};
enum md_volatility { MD_VOLATILE, MD_STABLE, MD_IMMUTABLE };
/** A function that can be called by name; several may have the same. */
struct md_catalog_function {
	const char *name;
	const char *comment;                         /* NULL: none */
	const struct md_catalog_argument *arguments; /* as declared, those of the result included */
	unsigned argument_count;
	const char *returns; /* the type's text */
	unsigned returns_id;
	enum md_type returns_type;
	bool returns_set;
	bool returns_composite;       /* a row: of a type or table, of OUT arguments, of TABLE */
	const char *returns_relation; /* rows of this table of the schema; NULL: of none */
	enum md_volatility volatility;
	bool lacks, web_lacks; /* who may not call it: as of columns */
};
struct md_catalog {
	const struct md_catalog_table *tables; /* sorted by name, byte order */
	unsigned count;
	const struct md_catalog_function *functions; /* sorted by name, byte order */
	unsigned function_count;
	/** Tables that are not served (of another schema, a partition), but that views show: the
	 * names of their columns, their keys and foreign keys. */
	const struct md_catalog_table *bases;
	unsigned base_count;
	unsigned room; /* connections that the server has for the session's role; 0: not told */
};
/** A number that differs, as good as surely, when anything but an estimate does. */
uint64_t md_catalog_print(const struct md_catalog *catalog);

struct md_arena;
/** Whether a column or table is one that migrations keep of what was dropped:
 * "_dropped_<revision>_<name>". */
bool md_catalog_is_kept(const char *name);
/** The catalog without those, and without keys and indexes over them: what is served, compared and
 * imported. The same when there are none; else in the arena. NULL: no memory. */
const struct md_catalog *md_catalog_without_kept(const struct md_catalog *catalog,
						 struct md_arena *arena);
#endif
