/* Private to core/db/sqlite*.c: what SQLite keeps only in the text of CREATE statements, read by a
 * small tokenizer. The texts come from sqlite_schema, so they have been parsed by SQLite before;
 * what is not understood is passed over. No state, any thread. */
#ifndef MD_CORE_DB_SQLITE_DDL_H
#define MD_CORE_DB_SQLITE_DDL_H
#include <stdbool.h>

#include "core/base/arena.h"

enum md_ddl_kind { MD_DDL_PRIMARY_KEY, MD_DDL_UNIQUE, MD_DDL_FOREIGN_KEY, MD_DDL_CHECK };

/** A constraint as CREATE TABLE has it. Names are without their quotes, in the arena. */
struct md_ddl_constraint {
	enum md_ddl_kind kind;
	bool used;                 /* for the caller: matched with what the pragmas tell */
	const char *name;          /* NULL: unnamed */
	const char *target;        /* foreign keys: the table */
	bool deferrable, deferred; /* foreign keys */
	const char *expression;    /* checks: what stands in the brackets */
	const char **columns; /* checks: all names in the expression, those of functions, too */
	unsigned count;
	struct md_ddl_constraint *next; /* in the order of the text */
};

/** The primary key, unique, foreign key and check constraints of a CREATE TABLE text; NULL when
 * there are none. False: no memory. */
bool md_ddl_constraints(struct md_arena *arena, const char *sql,
			struct md_ddl_constraint **ret_first);

/** What stands behind WHERE in a CREATE INDEX text, a place in it; NULL: nothing. */
const char *md_ddl_predicate(const char *sql);

enum md_ddl_event { MD_DDL_INSERT = 1, MD_DDL_UPDATE = 2, MD_DDL_DELETE = 4 };
/** What a CREATE TRIGGER text is INSTEAD OF; 0: it is another kind of trigger. */
unsigned md_ddl_instead_of(const char *sql);

/** Call `see` with every name and bare word of a text, until it returns false. Returns false then,
 * or when there is no memory. */
bool md_ddl_each_word(struct md_arena *arena, const char *sql,
		      bool (*see)(void *arg, const char *word, bool quoted), void *arg);
#endif
