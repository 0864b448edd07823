/* Private to core/ops: what the files of a write share. write.c is its beginning and end,
 * write_prepare.c finds columns and plans and binds what does not come from rows. Two ways lead to
 * rows: write_unit.c goes row by row, on the writer's thread; write_whole.c hands the whole body to
 * the engine, in one statement. */
#ifndef MD_CORE_OPS_WRITE_PRIVATE_H
#define MD_CORE_OPS_WRITE_PRIVATE_H
#include "core/db/dialect.h"
#include "core/json/sink_text.h"
#include "core/ops/generate.h"
#include "core/ops/keys.h"
#include "core/ops/ops.h"
#include "core/ops/write.h"

struct md_constraint;
struct md_nested;
struct md_write_match;

enum { MD_WRITE_ROW_MAX = 256 * 1024 * 1024 }; /* bytes of one row */

enum md_write_phase {
	MD_PHASE_FIND,
	MD_PHASE_ROWS_BEFORE,
	MD_PHASE_EXISTS,
	MD_PHASE_WRITE,
	MD_PHASE_ROWS,
	MD_PHASE_END
};

/** One set of columns that rows of the body have. */
struct md_write_variant {
	struct md_cached_plan *cached;
	const struct md_field **fields;
	unsigned *columns; /* of the body, one per field */
	unsigned count;
	const struct md_field **lacking; /* the others: they get their defaults */
	unsigned lacking_count;
	struct md_value *write_args, *exists_args;
	struct md_made *made; /* what we give the row ourselves */
	struct md_value *made_values;
	char (*made_room)[MD_GENERATED_TEXT];
	unsigned made_count;
};

struct md_write {
	struct md_unit unit;    /* first */
	struct md_nested *nest; /* it is several writes, and nothing below but ask, state and result
				 is used; NULL: it is one */
	struct md_ops *ops;
	struct md_generation *generation;
	struct md_write_ask ask;
	enum md_read_state state;
	enum md_write_phase phase;
	struct md_write_match *match;   /* conditions on the row; NULL: none */
	const struct md_field **fields; /* of the body's columns */
	unsigned column_count;
	struct md_write_variant *variants;
	unsigned variant_count;
	struct md_write_variant *now; /* of the row at hand */
	struct md_body_cursor cursor;
	uint64_t rows_before;            /* in parts before the one at hand */
	struct md_write_request request; /* what plans are made of */
	struct md_plan_context context;  /* … on another thread than the loop's */
	struct md_walk *walk;            /* scratch of plans */
	bool away;                       /* on the executing thread: the cache is out of reach */
	char *scratch;
	struct md_body_cell *cells;
	struct md_value *values;    /* of a body's one row, checked and converted; NULL: not yet */
	struct md_arena *row_arena; /* texts of the row at hand; NULL: they go to the request's */
	struct md_generator *generator;   /* declared models only */
	bool was_there;                   /* the row at hand, of an upsert */
	bool checked;                     /* all rows are written and counted */
	uint64_t row;                     /* number of the row at hand, from 1 */
	bool explaining;                  /* a constraint stood against it, and it was undone */
	struct md_constraint *constraint; /* … which is looked for; NULL: no more */
	uint64_t found;                   /* rows that are meant, when they were looked for */
	struct md_keys merged; /* of the rows so far, by the columns they may conflict in */
	struct md_buf keys;    /* [[1],[2]]: rows written, or found */
	struct md_value *find_args, *rows_args, **child_args;
	struct md_text_sink *sink;
	/* The whole body at once. */
	struct md_buf document; /* what was made of it, when it was not JSON as it came */
	bool called, consumed;  /* the statement was given to the driver; its rows were taken */
	uint64_t merges;        /* as the engine counted them */
	uint64_t written;       /* … and the rows, where groups of them come back */
	struct md_write_result result;
};

/* Any variant: what does not depend on columns is the same in all. */
static inline const struct md_write_plan *md_write_plan_of(const struct md_write *write)
{
	return write->variants[0].cached->write;
}

static inline bool md_write_wants_rows(const struct md_write *write)
{
	return write->ask.give == MD_GIVE_ROWS;
}

struct md_write_way;
/** Columns, variants, plans, binds and sink. Home loop. */
enum md_code md_write_prepare(struct md_write *write, struct md_error *err);
/** Arguments of one statement (NULL: there is none) that do not come from the body. Home loop,
 * right after the plan was found. */
enum md_code md_write_bind(struct md_write *write, const struct md_plan_stmt *stmt,
			   const struct md_str *key, struct md_value **ret_args,
			   struct md_error *err);
/** The same for the children of a read. */
enum md_code md_write_bind_children(struct md_write *write, const struct md_plan *plan,
				    const struct md_str *key, struct md_value ***ret_args,
				    struct md_error *err);
/** What the conditions of ask.match need, for a write that then goes `way`. Home loop. */
enum md_code md_write_match_prepare(struct md_write *write, const struct md_write_way *way,
				    struct md_error *err);
void md_write_match_release(struct md_write *write);
/** The unit that looks at the conditions and then goes its way. */
extern const struct md_unit_ops md_write_match_ops;
/** MD412. */
enum md_code md_write_fail_match(struct md_error *err);
/** The variants of all rows, or of the first part; one at least. */
enum md_code md_write_find_variants(struct md_write *write, struct md_error *err);
/** A variant of the columns that the row at hand has, the last one then; its plan is still to be
 * found. */
enum md_code md_write_add_variant(struct md_write *write, struct md_error *err);
/** The variant of the row at hand; NULL: there is none yet. */
struct md_write_variant *md_write_find_variant(struct md_write *write);
/** The next row of the body, its variant and its values. False: none, or unit.error says what is
 * wrong with it. */
bool md_write_next_row(struct md_write *write);
/** Whether rows of the body may refer to later ones, where they are written one by one. */
bool md_write_refers_ahead(const struct md_write *write);
/** What lives as long as the rows at hand: the request, or a part of its body. */
static inline struct md_arena *md_write_arena(const struct md_write *write)
{
	return write->ask.bulk ? md_bulk_arena(write->ask.bulk) : write->ask.arena;
}
/** The next part of a body that comes in parts, checked, with the cursor before its first row.
 * False: there is none, or unit.error says why. */
bool md_write_next_part(struct md_write *write);
/** Stand before the first part, now or again. */
void md_write_first_part(struct md_write *write);
/** It has failed: say in which lines. */
void md_write_tell_part(struct md_write *write);
/** Check the rows of a part of a declared model. */
enum md_code md_write_check_part(struct md_write *write, struct md_error *err);
/** A variant of the row at hand, made on the executing thread. */
bool md_write_late_variant(struct md_write *write);
/** explain() of the unit. */
enum md_next md_write_explain(struct md_unit *unit, struct md_call *ret_call);
/** A way to do it. */
struct md_write_way {
	enum md_code (*begin)(struct md_write *write, struct md_error *err); /* NULL: nothing */
	enum md_tx (*tx)(const struct md_write *write);
	void (*start_over)(struct md_write *write); /* stand before the first row, now or again */
	struct md_unit_ops ops;
};
extern const struct md_write_way md_write_by_row, md_write_whole;
/** True when the engine takes the body whole. */
static inline bool md_write_is_whole(const struct md_write *write)
{
	return write->ops->options.dialect->templates[MD_SQL_BODY_ROWS] != NULL;
}
/** What all ways have in common, of start_over(). */
void md_write_begin_again(struct md_write *write);
/** Whether the number of rows is what it must be; unit.error says it. */
bool md_write_check_rows(struct md_write *write);
/** The same of groups, when they have been given to the sink. */
bool md_write_check_groups(struct md_write *write);
/** Location of the row inserted, from the cells of its key. */
void md_write_note_location(struct md_write *write, const struct md_value *cells);
/** Write the rows of the cursor as text. */
enum md_flow md_write_feed(struct md_write *write, struct md_rows *rows);
/** The unit ends: COMMIT, or ROLLBACK for one of its reasons. */
enum md_next md_write_end(struct md_write *write);
/** A write that is ready to run, or unit.error says why not, and it is over. NULL: no memory. */
struct md_write *md_write_new(struct md_ops *ops, const struct md_write_ask *ask);
/** The unit has ended; `ready` is called. Home loop. */
void md_write_done(struct md_unit *unit, enum md_code code);
#endif
