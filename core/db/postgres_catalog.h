/* Private to core/db/postgres*.c: the catalog while it is made. A question per kind of thing, for
 * all tables at once, ordered by table, so that what belongs together stands together: each list is
 * one array, and tables point into it. Everything lives in the caller's arena; one thread. */
#ifndef MD_CORE_DB_POSTGRES_CATALOG_H
#define MD_CORE_DB_POSTGRES_CATALOG_H
#include "core/base/arena.h"
#include "core/db/catalog.h"
#include "core/db/postgres_block.h"

struct md_pg_table {
	unsigned id; /* oid */
	char kind;   /* relkind */
	struct md_catalog_table *out;
	struct md_catalog_column *columns;
	const int *numbers;         /* attnum of each column, rising */
	const unsigned *collations; /* oid of each column's collation, 0: none */
	unsigned base;              /* its number among the bases, from 1; 0: it is served */
};

struct md_pg_type {
	unsigned id;
	char kind; /* typtype */
	bool array;
	char delimiter;    /* between elements of a list of such values */
	bool not_null;     /* of a domain */
	unsigned below;    /* base of a domain, elements of an array or a range; 0: none */
	const char *name;  /* format_type() */
	const char *based; /* of a domain: its base with the modifier */
	int modifier;      /* of a domain, for its base; -1: none */
	const char **labels;
	unsigned label_count;
};

struct md_pg_survey {
	struct md_pg *pg;
	struct md_arena *arena;
	const char *schema_id, *schema;
	bool bytewise; /* the database's own collation sorts by bytes */
	struct md_catalog_table *out;
	struct md_pg_table *tables; /* rising by id */
	unsigned count;
	struct md_catalog_table *bases_out;
	struct md_pg_table *bases; /* not served, but shown by views; rising by id */
	unsigned base_count;
	const char *base_ids;     /* an array literal of their ids */
	struct md_pg_type *types; /* rising by id */
	unsigned type_count;
	const struct md_catalog_function *functions;
	unsigned function_count;
	struct md_error *err;
	unsigned room; /* for connections */
};

/** WHERE of pg_class c: what is served of the schema $1. Partitions are reached through their
 * tables; what modeld and migrations keep for themselves is nobody's business. */
#define MD_PG_SERVED                                                                  \
	"c.relnamespace = $1::oid AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT" \
	" c.relispartition AND left(c.relname, 8) <> '_modeld_' AND c.relname <> "    \
	"'alembic_version'"

/** WHERE of pg_class c: tables that views show, by their ids in $1. Relations of the server itself
 * have small numbers. */
#define MD_PG_BASES "c.oid = ANY ($1::oid[]) AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f')"

/* postgres_catalog.c */
/** md_db_driver.catalog */
enum md_code md_pg_catalog(struct md_conn *conn, struct md_arena *arena,
			   const struct md_catalog **ret_catalog, struct md_error *err);
/** Ask with the schema as $1. */
enum md_code md_pg_survey_ask(struct md_pg_survey *survey, const char *sql, PGresult **ret_result);
enum md_code md_pg_survey_nomem(struct md_pg_survey *survey);
/** The same with the ids of the bases as $1. */
enum md_code md_pg_survey_ask_bases(struct md_pg_survey *survey, const char *sql,
				    PGresult **ret_result);
/** NULL: not served. */
struct md_pg_table *md_pg_survey_table(const struct md_pg_survey *survey, unsigned id);
/** The place of column `number`; MD_PG_NO_PLACE: none. */
enum { MD_PG_NO_PLACE = 0x7fffffff };
unsigned md_pg_survey_place(const struct md_pg_table *table, int number);
/** Numbers in braces or apart by blanks, as places of columns. Returns how many were understood:
 * it stops at an expression. NULL in *ret_places: no memory. */
unsigned md_pg_survey_places(struct md_pg_survey *survey, const struct md_pg_table *table,
			     const char *numbers, const unsigned **ret_places);

/* Cells of answers. */
const char *md_pg_cell(const PGresult *result, int row, int column); /* "" for NULL */
unsigned md_pg_cell_id(const PGresult *result, int row, int column);
bool md_pg_cell_true(const PGresult *result, int row, int column);
/** A copy in the arena, NULL for NULL. False: no memory. */
bool md_pg_cell_keep(struct md_pg_survey *survey, const PGresult *result, int row, int column,
		     const char **ret_text);

/* postgres_catalog_types.c */
enum md_code md_pg_read_types(struct md_pg_survey *survey);
/** A type of the server's own; OTHER when it is none. */
enum md_type md_pg_type_of(unsigned id);
/** What a column of that type holds. */
void md_pg_describe_type(const struct md_pg_survey *survey, unsigned id, int modifier,
			 struct md_catalog_column *column);

/* postgres_catalog_keys.c */
/** Keys, indexes, foreign keys and checks. */
enum md_code md_pg_read_constraints(struct md_pg_survey *survey);

/* postgres_catalog_views.c */
/** Where the columns of views come from. Tables must have their columns. */
enum md_code md_pg_read_views(struct md_pg_survey *survey);

/* postgres_catalog_bases.c */
/** A column of a view that shows one of a relation that is not served. */
struct md_pg_shown {
	struct md_catalog_column *column;
	unsigned table;
	int number;
};
/** Read the tables among those relations, and tell the columns of them. */
enum md_code md_pg_read_bases(struct md_pg_survey *survey, const struct md_pg_shown *shown,
			      unsigned count);
/** A table that is served or a base; NULL: neither. */
struct md_pg_table *md_pg_survey_any(const struct md_pg_survey *survey, unsigned id);

/* postgres_catalog_rights.c */
/** What roles may not do. */
enum md_code md_pg_read_rights(struct md_pg_survey *survey);
/** Ask with the schema as $1 and the role of requests, or NULL, as $2. */
enum md_code md_pg_survey_ask_role(struct md_pg_survey *survey, const char *sql,
				   PGresult **ret_result);

/* postgres_catalog_functions.c */
enum md_code md_pg_read_functions(struct md_pg_survey *survey);
#endif
