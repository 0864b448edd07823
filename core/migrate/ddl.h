/* SQL that makes the tables of model definitions. What differs between engines stands in a table of
 * texts per engine, struct md_ddl_dialect; the generator never asks which engine it is. Names of
 * users pass through the dialect's quoting only, values through its literals; pieces of SQL that
 * users give in definition files are put in as they are. Everything made here lives in the arena
 * that is given. No state, any thread. */
#ifndef MD_CORE_MIGRATE_DDL_H
#define MD_CORE_MIGRATE_DDL_H
#include <stdbool.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/model/define.h"

struct md_catalog_column;
struct md_dialect;

enum md_ddl_makes { MD_MAKES_TABLE, MD_MAKES_INDEX, MD_MAKES_FOREIGN_KEY, MD_MAKES_KINDS };

/** Bytes of a checksum as text, with its NUL. */
enum { MD_DDL_CHECKSUM = 65 };

struct md_ddl_statement {
	enum md_ddl_makes makes;
	const char *name; /* of the table, the index or the constraint */
	const struct md_def_model *model;
	const char *sql; /* one piece of work, without semicolon at the end */
};
struct md_ddl_plan {
	const struct md_ddl_statement *statements;
	unsigned count;
};

/** The default of a function of definitions. */
struct md_ddl_function {
	enum md_def_fn fn;
	enum md_def_type type; /* of the field; MD_DEF_NONE: any */
	const char *sql;       /* an expression */
};

struct md_ddl_dialect {
	unsigned engine;              /* MD_ENGINE_… */
	const struct md_dialect *sql; /* quoting */
	const char *types[MD_DEF_TYPE_COUNT];
	const char *long_decimal;  /* type of decimals with more digits than a double keeps */
	unsigned decimal_digits;   /* … which are these many */
	const char *identity;      /* behind the type of a key that counts, with its constraint */
	bool identity_is_key;      /* … which makes it the primary key already */
	const char *collations[4]; /* by enum md_def_collate; NULL: nothing to say */
	/** What a type must hold, with {c} for the column; NULL: the engine knows by itself. */
	const char *checks[MD_DEF_TYPE_COUNT];
	const char *length;                      /* of a text or of bytes, with {c} */
	const struct md_ddl_function *functions; /* ends with MD_DEF_FN_NONE */
	/** A value of a definition file as a literal of the field's type. */
	void (*put_literal)(struct md_buf *sql, const struct md_def_field *field,
			    const struct md_def_value *value);
	/** What stands behind the closing bracket of a table. */
	void (*put_table_options)(struct md_buf *sql, const struct md_def_model *model);
	/** Types of existing columns that serve each type: bits of enum md_type. */
	unsigned served_by[MD_DEF_TYPE_COUNT], served_long_decimal;

	/* NULL and false where the common form will do. */
	void (*put_type)(struct md_buf *sql, const struct md_def_field *field);
	/** "CREATE TABLE ", and what must be there before. */
	void (*put_create)(struct md_buf *sql, const struct md_def_model *model);
	bool types_have_length; /* of strings: no check for it */
	bool rich_indexes;      /* USING, INCLUDE, NULLS FIRST */
	bool targets_first;     /* a foreign key can only be made when its target is there */
	/** How the catalog calls `collations`; NULL: just so. */
	const char *const *collation_names;
	/** Whether a type that a user wrote is the one that the catalog tells. */
	bool (*same_type)(const char *own, const char *declared);
	/** Whether the type that the catalog tells holds more or fewer numbers than the field's. */
	bool (*other_numbers)(const struct md_def_field *field, const char *declared);
	/** Whether an existing column can hold the field; else served_by decides. */
	bool (*serves)(const struct md_def_field *field, const struct md_catalog_column *column);
	/** Whether the default that the catalog tells is the one wanted; both may be "". */
	bool (*same_default)(const struct md_def_field *field, const char *wanted,
			     const char *found);
	bool verbatim;         /* checks and conditions of indexes are told as they were written */
	bool adds_constraints; /* to tables that exist */
	/** The list of what modeld made, and one entry of it: {k} kind, {n} name, {m} model, {s}
	 * checksum, all of them as literals of texts. */
	const char *objects_table, *objects_entry;
};
extern const struct md_ddl_dialect md_sqlite_ddl;
#ifdef MD_HAVE_POSTGRES
extern const struct md_ddl_dialect md_postgres_ddl;
#endif

/** The dialect for an engine's SQL, or for an engine by its bit (MD_ENGINE_…). NULL: there is none;
 * several bits have none either. */
const struct md_ddl_dialect *md_ddl_dialect_of(const struct md_dialect *sql);
const struct md_ddl_dialect *md_ddl_dialect_for(unsigned engine);

/** Whether the model has a table that modeld makes. */
bool md_ddl_is_made(const struct md_def_model *model);

/** Statements that make the tables of the models for which `wanted` (indexed like the models) is
 * true, each with its indexes behind it. A table comes after those it refers to, as far as there
 * is no circle; where that matters to the engine, the rest of the foreign keys come at the end.
 * MD_NOMEM. */
enum md_code md_ddl_plan(const struct md_ddl_dialect *dialect,
			 const struct md_definitions *definitions, const bool *wanted,
			 struct md_arena *arena, struct md_ddl_plan *ret_plan,
			 struct md_error *err);

/** A column as CREATE TABLE and ADD COLUMN have it. */
void md_ddl_put_column(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		       const struct md_def_model *model, const struct md_def_field *field);
/** The statement that makes an index, or a unique key afterwards. */
void md_ddl_put_index(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_model *model, const struct md_def_index *index);
/** The default as an expression; nothing when the engine has none. */
void md_ddl_put_default(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			const struct md_def_field *field);
/** The text of the engine, else the one for all. NULL: none. */
const char *md_ddl_own_sql(const struct md_ddl_dialect *dialect, const struct md_def_sql *sql);
/** A text as a literal: in single quotes, those inside doubled. */
void md_ddl_put_text(struct md_buf *sql, const char *text);
void md_ddl_put_name(const struct md_ddl_dialect *dialect, struct md_buf *sql, const char *name);

/** "table", "index", "foreign key". */
const char *md_ddl_kind(enum md_ddl_makes makes);
/** SHA-256 of a statement, in hexadecimal digits. */
void md_ddl_checksum(const char *sql, char out[MD_DDL_CHECKSUM]);
/** The statement that enters what `made` makes into the list of objects. */
void md_ddl_put_entry(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_ddl_statement *made);
#endif
