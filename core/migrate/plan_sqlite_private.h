/* Private to core/migrate/plan_sqlite*.c. The planner for SQLite keeps a shadow: an empty database
 * in memory with the schema of the real one. Every statement is run there as soon as it is planned,
 * so that the next one is planned for the schema as it will be (triggers and views follow renames
 * by the engine's own hand), and so that what the engine refuses is known before anything is
 * changed. plan_sqlite.c goes through the tables, _shadow.c is the shadow, _rebuild.c makes a table
 * anew, _text.c reads CREATE TABLE, _cast.c knows how values change their type, _value.c what a
 * column's rows get, _names.c renames, _checks.c asks the data, _verify.c says
 * what must hold at the end. One thread. */
#ifndef MD_CORE_MIGRATE_PLAN_SQLITE_PRIVATE_H
#define MD_CORE_MIGRATE_PLAN_SQLITE_PRIVATE_H
#include <string.h>

#include "core/db/catalog.h"
#include "core/db/dialect.h"
#include "core/db/schema.h"
#include "core/migrate/ddl_private.h"
#include "core/migrate/match.h"
#include "core/migrate/plan.h"

enum { MD_LITE_SQL = 4 * 1024 * 1024 };

/** A table that was renamed by this plan. */
struct md_lite_name {
	const char *now, *live; /* live NULL: it is not in the database yet */
	struct md_lite_name *next;
};
/** A table whose rows are to be looked at before the end. */
struct md_lite_touched {
	const char *table; /* as it is called now; NULL: it went */
	bool is_small;
	struct md_lite_touched *next;
};
struct md_lite {
	struct md_plan_work *work;
	const struct md_ddl_dialect *dialect;
	struct md_arena *arena;
	struct md_db_schema *shadow;
	bool unsure; /* SQL by hand did not run there: failures in it tell nothing any more */
	struct md_lite_name *names;
	struct md_lite_touched *touched;
	enum md_code code; /* the first failure, with its text in `err` */
	struct md_error *err;
};

/* --- plan_sqlite_shadow.c ----------------------------------------------------------------------
 */

/** Open, and bring in the schema: of the database, else of the definitions before. */
enum md_code md_lite_shadow(struct md_lite *lite, struct md_error *err);
/** One more statement of a step, and of the shadow. */
void md_lite_run(struct md_lite *lite, struct md_step *step, const struct md_buf *sql);
void md_lite_runf(struct md_lite *lite, struct md_step *step, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** Whether the shadow takes a query. */
bool md_lite_takes(struct md_lite *lite, const char *sql);
/** Two columns of the rows of a query on the shadow, in the arena. `param` NULL: none. */
struct md_lite_row {
	const char *one, *other; /* NULL: null */
	struct md_lite_row *next;
};
const struct md_lite_row *md_lite_ask(struct md_lite *lite, const char *sql, const char *param);
/** The table as it is in the shadow; NULL: it is not there. */
const struct md_catalog_table *md_lite_table(struct md_lite *lite, const char *name);
/** As the engine compares names: whatever the case of their letters. */
bool md_lite_has_column(const struct md_catalog_table *table, const char *name);
/** What the database calls a table; NULL: it does not have it. */
const char *md_lite_live(const struct md_lite *lite, const char *now);
/** NULL: it is made; it goes. */
void md_lite_renamed(struct md_lite *lite, const char *from, const char *to);
/** Rows of the database's table, and its lowest and highest number; rows < 0: not known. */
struct md_lite_size {
	double rows;
	int64_t low, high;
};
struct md_lite_size md_lite_size(struct md_lite *lite, const char *now, bool numbered);
/** Whether rows of the database's table refer to rows that are not there. */
bool md_lite_is_broken(struct md_lite *lite, const char *now);
/** A new step with its facts; NULL: failed. `what` is printf. */
struct md_step *md_lite_step(struct md_lite *lite, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void md_lite_fail(struct md_lite *lite, enum md_code code, const char *wire, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** Quoted, in the arena. */
const char *md_lite_quote(struct md_lite *lite, const char *name);
/** A text as a literal, in the arena. */
const char *md_lite_text(struct md_lite *lite, const char *text);
const char *md_lite_printf(struct md_lite *lite, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* --- plan_sqlite_text.c ------------------------------------------------------------------------
 */

enum md_lite_part {
	MD_LITE_COLUMN,
	MD_LITE_PRIMARY_KEY,
	MD_LITE_UNIQUE,
	MD_LITE_FOREIGN_KEY,
	MD_LITE_CHECK
};
/** A column or a constraint of CREATE TABLE, as it is written there. */
struct md_lite_segment {
	enum md_lite_part part;
	const char *name; /* of the column or the constraint; NULL: none */
	const char *text;
	const char *columns; /* in the first brackets of a key: "\na\nb\n"; else "\n" */
	struct md_lite_segment *next;
};
/** NULL: there is none, or no memory (lite->code). ret_without_rowid: the table has no rowid. */
const struct md_lite_segment *md_lite_segments(struct md_lite *lite, const char *sql,
					       bool *ret_without_rowid);

/* --- plan_sqlite_cast.c ------------------------------------------------------------------------
 */

/** How a value changes its type. */
struct md_lite_cast {
	const char *expression; /* {c}: the column; NULL: it cannot */
	const char *bad;        /* condition of values that cannot be; NULL: all can */
	const char *loss;       /* what goes; NULL: nothing */
};
struct md_lite_cast md_lite_cast(const struct md_def_field *before,
				 const struct md_def_field *after);
/** A template of a cast, for a quoted column. */
void md_lite_put_cast(struct md_lite *lite, struct md_buf *sql, const char *template,
		      const struct md_def_field *before, const struct md_def_field *after,
		      const char *column);
/** "a string", "an integer". */
const char *md_lite_type_name(enum md_def_type type);

/* --- plan_sqlite_value.c -----------------------------------------------------------------------
 */

/** A table whose rows are read, and what its columns are called there. */
struct md_lite_source {
	const struct md_model_pair *pair;
	const struct md_catalog_table *table;
	bool renamed; /* columns have their new names already, and what was kept is back */
};
/** Whether rows that are there get a value for the column where they have none. */
bool md_lite_has_filler(const struct md_lite *lite, const struct md_column_pair *column);
/** The expression of what a row gets; false: the row gets none (the engine counts or computes). */
bool md_lite_put_value(struct md_lite *lite, struct md_buf *sql,
		       const struct md_lite_source *source, const struct md_column_pair *column);
/** The name in the source of a field's column; NULL: it is not there. */
const char *md_lite_source_column(struct md_lite *lite, const struct md_lite_source *source,
				  const struct md_column_pair *column);
/** FROM: the table, with the other names of its columns where SQL of users may ask for them. */
void md_lite_put_from(struct md_lite *lite, struct md_buf *sql, const struct md_lite_source *source,
		      const char *rowid);
/** A name of the rowid that is no column; NULL: all are. */
const char *md_lite_rowid(const struct md_catalog_table *table);

/* --- plan_sqlite_names.c -----------------------------------------------------------------------
 */

void md_lite_drop_tables(struct md_lite *lite);
void md_lite_rename_tables(struct md_lite *lite);
/** Bring back what is kept of the revision; false: nothing is. */
bool md_lite_restore_table(struct md_lite *lite, const struct md_def_model *model);
/** Columns that go, those that are called otherwise, those that come back. */
void md_lite_rename_columns(struct md_lite *lite, const struct md_model_pair *pair);

/* --- plan_sqlite_checks.c, plan_sqlite_rebuild.c -----------------------------------------------
 */

/** Ask the data what stands against a pair. */
void md_lite_check(struct md_lite *lite, const struct md_model_pair *pair);

struct md_lite_rebuild {
	const struct md_model_pair *pair;
	const struct md_def_model *model; /* that the table is to be */
	const char *table;                /* as it is called, before and after */
	const char *what;                 /* why, for people; NULL: it was changed */
	bool bare;                        /* without indexes of its own */
};
/** Make a table anew in one step. */
void md_lite_rebuild(struct md_lite *lite, const struct md_lite_rebuild *how);

/* --- plan_sqlite_verify.c ----------------------------------------------------------------------
 */

/** Views that can be read; whether they still can. */
const struct md_lite_row *md_lite_sound_views(struct md_lite *lite);
void md_lite_check_views(struct md_lite *lite, const struct md_lite_row *views);
/** A table was made anew: it and those that refer to it are to be looked at. */
void md_lite_touch(struct md_lite *lite, const char *changed, bool is_small);
/** The questions, in the names of the end. */
void md_lite_verify(struct md_lite *lite);

/** Whether anything was written; for want of memory nobody knows. */
static inline bool md_lite_wrote(const struct md_lite *lite, const struct md_buf *sql)
{
	lite->work->failed = lite->work->failed || sql->failed;
	return sql->len > 0;
}

static inline bool md_lite_failed(const struct md_lite *lite)
{
	return lite->code != MD_OK || lite->work->failed;
}
#endif
