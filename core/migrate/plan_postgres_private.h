/* Private to core/migrate/plan_postgres*.c: a plan for PostgreSQL on its way. Recipes put their
 * statements into phases; at the end the phases become the plan, one behind the other, so that a
 * recipe can stand in one place although other tables come in between. Names "was" are those of the
 * database before the stretch, other names those behind it. Everything lives in the arena of the
 * plan. One thread. */
#ifndef MD_CORE_MIGRATE_PLAN_POSTGRES_PRIVATE_H
#define MD_CORE_MIGRATE_PLAN_POSTGRES_PRIVATE_H
#include "core/db/catalog.h"
#include "core/migrate/ddl_private.h"
#include "core/migrate/match.h"
#include "core/migrate/plan.h"

enum pg_phase {
	PG_KEYS_OFF,      /* what stands in the way: foreign keys, checks */
	PG_RENAME,        /* everything gets its new name */
	PG_COLUMNS,       /* columns come, defaults change, types that are the same bytes */
	PG_REWRITE,       /* tables written anew */
	PG_KEYS_BACK,     /* foreign keys that went for a type */
	PG_FILL,          /* rows get values, batch by batch */
	PG_CHECKS,        /* checks for what comes in from now on */
	PG_FILL_REST,     /* what came in before these */
	PG_INDEXES,       /* made while others write */
	PG_VALIDATE,      /* checks for what is there */
	PG_FINISH,        /* what was made beside the old takes its place */
	PG_ASIDE,         /* what is dropped is put aside */
	PG_TABLES,        /* new tables */
	PG_KEYS_ON,       /* foreign keys for what comes in from now on */
	PG_KEYS_VALIDATE, /* … and for what is there */
	PG_LAST,
	PG_PHASES
};

/** How a column's type changes. */
enum pg_type_change {
	PG_TYPE_SAME,
	PG_TYPE_LABEL,   /* the same bytes: a catalog entry */
	PG_TYPE_INDEXES, /* … but indexes are made anew */
	PG_TYPE_REWRITE
};

/** How the values of a type become those of another: templates filled in. */
struct pg_conversion {
	enum pg_type_change change;
	const char *using; /* expression of the old column; NULL: PostgreSQL's own way */
	const char *bad;   /* condition for values that cannot be; NULL: all can */
	const char *wire;  /* what the engine would call these */
};

struct pg_column {
	const struct md_column_pair *pair;
	const struct md_def_field *before, *after;
	const char *was;  /* NULL: it is new */
	const char *name; /* of a dropped one, under which it is kept */
	bool restored;    /* `was` is the name under which it was kept */
	struct pg_conversion type;
	const char *fill; /* what rows without a value get; NULL: they stay so */
	bool fill_is_constant;
	bool remade; /* generated: it goes and comes again */
};

struct pg_table {
	const struct md_model_pair *pair;
	const char *was;                     /* NULL: it is new */
	const char *name;                    /* of a dropped one, under which it is kept */
	const struct md_catalog_table *live; /* NULL: not known */
	bool created, dropped, restored, early;
	double rows;
	struct pg_column *columns; /* as pair->columns */
	/* Pieces of the one ALTER TABLE that writes it anew. */
	const char *rewrite, *rewrite_what, *rewrite_object, *rewrite_loses;
};

/** A constraint of the database. */
struct pg_constraint {
	const char *table, *name;
	char type; /* as pg_constraint.contype */
};
/** A column that the database counts, and its sequence. */
struct pg_sequence {
	const char *table, *column, *name;
};
struct pg_name {
	const char *table, *column; /* column NULL: a table */
};
/** Facts of the database; `known` false: there is none to ask. */
struct pg_live {
	bool known;
	struct pg_constraint *constraints;
	struct pg_sequence *sequences;
	struct pg_name *kept;
	unsigned constraint_count, sequence_count, kept_count;
};

/** A rename of an index, a sequence or a constraint of a table. */
struct pg_rename {
	const char *kind; /* "INDEX", "SEQUENCE"; NULL: a constraint of `table` */
	const char *object, *table, *from, *to;
	struct pg_rename *next;
};

struct pg_steps {
	struct md_step *items;
	unsigned count, room;
};
struct pg {
	struct md_plan_work *work;
	struct md_arena *arena;
	struct pg_live live;
	struct pg_table *tables; /* as work->match->models */
	unsigned table_count;
	struct pg_steps phases[PG_PHASES];
	struct pg_rename *renames, **last_rename;
	struct md_step spare; /* where to write when memory is out */
	enum md_code code;    /* the first failure but for memory */
	struct md_error *err;
};

/* --- plan_postgres_text.c: texts and steps */

/** printf into the arena; "" and failed: out of memory. */
const char *pg_text(struct pg *pg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** A name in quotes. */
const char *pg_name(struct pg *pg, const char *name);
/** A text as a literal. */
const char *pg_literal(struct pg *pg, const char *value);
/** What `put` of the generator writes for a field. */
const char *pg_put(struct pg *pg,
		   void (*put)(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			       const struct md_def_field *field),
		   const struct md_def_field *field);
/** A name of modeld's own that nobody else has, for what takes the place of `name` later. */
const char *pg_temporary(struct pg *pg, const char *name);
/** A new step in a phase; its lock is held briefly. Never NULL. */
struct md_step *pg_step(struct pg *pg, enum pg_phase phase, const char *lock, const char *object,
			const char *what);
/** Add a statement to it. */
void pg_sql(struct pg *pg, struct md_step *step, const char *sql);
/** "ALTER TABLE name …", one more statement of a step. */
void pg_alter(struct pg *pg, struct md_step *step, const char *table, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** A step that reads all rows, or writes them. */
void pg_long(struct md_step *step, const struct pg_table *table);
void pg_check_data(struct pg *pg, const char *object, const char *sql, const char *message,
		   const char *hint, const char *wire);
/** Remember the first failure. */
void pg_fail(struct pg *pg, enum md_code code, const char *wire, const char *hint, const char *fmt,
	     ...) __attribute__((format(printf, 5, 6)));
bool pg_mentions(const char *sql, const char *name);
/** Put the steps of all phases into the plan. */
void pg_flush(struct pg *pg);

/* --- plan_postgres_live.c: what the database says */

void pg_live_read(struct pg *pg);
/** Whether a column (NULL: a table) is there under its kept name. */
bool pg_live_kept(const struct pg *pg, const char *table, const char *column);
bool pg_live_constraint(const struct pg *pg, const char *table, const char *name, char type);
const char *pg_live_sequence(const struct pg *pg, const char *table, const char *column);
/** Refuse what views, triggers, policies or others hold on to. */
void pg_live_dependents(struct pg *pg, const struct pg_table *table, const char *column,
			const char *doing);
/** The name of an index or key in the database: its own, or that of one with the same columns. */
const char *pg_live_index(struct pg *pg, const struct pg_table *table,
			  const struct md_def_index *index);
const char *pg_live_primary_key(const struct pg_table *table, const char *name);
const char *pg_live_foreign_key(const struct pg_table *table, const struct md_def_foreign_key *key);

/* --- plan_postgres_types.c */

/** How the values of the one become those of the other. `was` is the column in quotes. Fails when
 * there is no way. */
struct pg_conversion pg_convert(struct pg *pg, const struct md_def_field *before,
				const struct md_def_field *after, const char *was);

/* --- plan_postgres_shape.c: questions to the data */

/** The table as it will be, as a sub-select of the database as it is, with "_modeld_key". */
const char *pg_shape(struct pg *pg, const struct pg_table *table);
void pg_ask_types(struct pg *pg, const struct pg_table *table, const struct pg_column *column);
void pg_ask_null(struct pg *pg, const struct pg_table *table, const struct pg_column *column);
void pg_ask_fill(struct pg *pg, const struct pg_table *table, const struct pg_column *column);
void pg_ask_rule(struct pg *pg, const struct pg_table *table, const char *name, const char *rule);
void pg_ask_unique(struct pg *pg, const struct pg_table *table, const char *name,
		   const struct md_def_field *const *fields, unsigned count, const char *where);
void pg_ask_target(struct pg *pg, const struct pg_table *table,
		   const struct md_def_foreign_key *key);
void pg_ask_no_rows(struct pg *pg, const struct pg_table *table, const struct pg_column *column);

/* --- plan_postgres_columns.c, _checks.c, _keys.c, _tables.c: the recipes */

/** Find out what becomes of each column, and refuse what cannot be. */
void pg_survey_columns(struct pg *pg, struct pg_table *table);
void pg_plan_columns(struct pg *pg, struct pg_table *table);
/** What fills rows: a value of definitions as an expression; NULL: there is none. */
const char *pg_fill_expression(struct pg *pg, const struct md_def_field *field,
			       const struct md_def_default *value);
/** The sequence that gives rows numbers that came while a counting column was put aside; quoted. */
const char *pg_counter(struct pg *pg, const struct pg_table *table, const struct pg_column *column);
/** The step that fills a column where it is null, with column->fill. */
void pg_put_fill(struct pg *pg, const struct pg_table *table, const struct pg_column *column);
void pg_plan_checks(struct pg *pg, const struct pg_table *table);
void pg_plan_indexes(struct pg *pg, const struct pg_table *table);
void pg_plan_primary_key(struct pg *pg, const struct pg_table *table);
void pg_plan_foreign_keys(struct pg *pg, const struct pg_table *table);
void pg_plan_created(struct pg *pg);
void pg_plan_moves(struct pg *pg, const struct pg_table *table);
void pg_plan_options(struct pg *pg, const struct pg_table *table);
void pg_plan_entries(struct pg *pg);

/** Rename an index ("INDEX"), a sequence ("SEQUENCE"), or a constraint (NULL). */
void pg_rename(struct pg *pg, const struct pg_table *table, const char *kind, const char *from,
	       const char *to);
/** Put the renames behind those of tables and columns; names in a circle go by way of others. */
void pg_plan_renames(struct pg *pg);
/** Whether an index that goes, or is made anew, has this name until then. */
bool pg_is_held(struct pg *pg, const char *name);
/** All that goes before something else takes its place. */
void pg_plan_index_drops(struct pg *pg, const struct pg_table *table);
struct pg_table *pg_table_of(const struct pg *pg, const struct md_def_model *model);
struct pg_column *pg_column_of(const struct pg_table *table, const struct md_def_field *field);
/** "user.bio" */
const char *pg_object(struct pg *pg, const struct pg_table *table, const char *column);
#endif
