/* Private to core/db/sqlite*.c: the catalog while it is made. Everything lives in the caller's
 * arena; one thread. */
#ifndef MD_CORE_DB_SQLITE_CATALOG_H
#define MD_CORE_DB_SQLITE_CATALOG_H
#include "core/base/map.h"
#include "core/db/catalog.h"
#include "core/db/sqlite.h"
#include "core/db/sqlite_ddl.h"

/** The questions of the introspection, each prepared once. */
enum md_sqlite_question {
	MD_ASK_SCHEMA,
	MD_ASK_KINDS,
	MD_ASK_TRIGGERS,
	MD_ASK_COLUMNS,
	MD_ASK_INDEXES,
	MD_ASK_INDEX_COLUMNS,
	MD_ASK_INDEX_TEXT,
	MD_ASK_FOREIGN_KEYS,
	MD_ASK_STATISTICS,
	MD_ASK_VIOLATIONS,
	MD_ASK_COUNT
};

/** An array in the arena, growing by doubling. */
struct md_sqlite_list {
	void *items;
	unsigned count, room;
};

struct md_sqlite_table {
	struct md_catalog_table out;
	const char *sql; /* NULL: none */
	bool served;
	bool is_virtual;
	bool opaque;      /* a view whose columns cannot be traced to base columns */
	bool indexed_key; /* the primary key has an index: it is not the rowid */
	struct md_sqlite_list columns, keys, foreign_keys, indexes, checks;
	struct md_ddl_constraint *constraints;
};

enum { MD_SQLITE_NO_PLACE = 0x7fffffff };

struct md_sqlite_survey {
	struct md_sqlite *sq;
	struct md_arena *arena;
	struct md_error *err;
	sqlite3_stmt *asked[MD_ASK_COUNT];
	struct md_sqlite_list tables; /* struct md_sqlite_table */
	struct md_map *by_name;       /* folded name → struct md_sqlite_table */
	struct md_map *taken;         /* names of constraints and relations */
};

/* sqlite_catalog.c: helpers. Those that return a pointer return NULL when memory is out. */
/** Begin to ask; `table` (may be NULL) is the argument. NULL: err is filled. */
sqlite3_stmt *md_sqlite_ask(struct md_sqlite_survey *survey, enum md_sqlite_question question,
			    const char *table);
/** Next row of an answer. At the end, and on failure, it is reset; then *ret_code is set. */
bool md_sqlite_answer(struct md_sqlite_survey *survey, sqlite3_stmt *stmt, enum md_code *ret_code);
/** A zeroed item at the end of `list`. */
void *md_sqlite_list_add(struct md_arena *arena, struct md_sqlite_list *list, size_t size);
/** Copy of a text cell; "" for NULL. */
char *md_sqlite_text(struct md_sqlite_survey *survey, sqlite3_stmt *stmt, int column);
/** The table of that name, letters A to Z of either case; NULL: none. */
struct md_sqlite_table *md_sqlite_table_named(struct md_sqlite_survey *survey, const char *name);
unsigned md_sqlite_column_named(const struct md_sqlite_table *table, const char *name);

/* sqlite_keys.c */
/** Keys, indexes and checks of a table with columns; names that the database gives, NULL where it
 * has none. */
enum md_code md_sqlite_read_keys(struct md_sqlite_survey *survey, struct md_sqlite_table *table);
/** Foreign keys, once the columns of all tables are known. */
enum md_code md_sqlite_read_foreign_keys(struct md_sqlite_survey *survey,
					 struct md_sqlite_table *table);

/* sqlite_names.c */
/** Give PostgreSQL's automatic names to what has none. */
enum md_code md_sqlite_name_constraints(struct md_sqlite_survey *survey);

/* sqlite_types.c */
/** What a column declared like this holds. */
enum md_type md_sqlite_type(const char *declared);
/** n of VARCHAR(n) and the like; 0: none. */
unsigned md_sqlite_max_length(const char *declared);

/* sqlite_views.c */
/** Columns' origins and what can be written through INSTEAD OF triggers. */
enum md_code md_sqlite_read_views(struct md_sqlite_survey *survey);
#endif
