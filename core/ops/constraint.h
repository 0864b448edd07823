/* Private to core/ops: which constraint stood against a write, in PostgreSQL's words. For engines
 * that tell less than PostgreSQL: SQLite names the columns of a unique key but not the key, and of
 * a foreign key nothing at all. What the error lacks is found in the registry; for foreign keys a
 * few look-ups are made, after the write was undone (md_unit_ops.explain). What cannot be found out
 * is left out. The fields' names are the clients' names. Lives in the request's arena; executing
 * thread. */
#ifndef MD_CORE_OPS_CONSTRAINT_H
#define MD_CORE_OPS_CONSTRAINT_H
#include "core/query/plan.h"

struct md_registry;
struct md_constraint;

/** A row as the write's statement got it. */
struct md_written_row {
	const struct md_plan_stmt *stmt;
	const struct md_value *args;
	const struct md_field *const *fields;  /* by index of MD_FROM_BODY */
	const struct md_made *made;            /* by index of MD_FROM_MADE */
	const struct md_field *const *lacking; /* they get their defaults */
	unsigned lacking_count;
};

/** What was written. Everything borrowed. */
struct md_constraint_ask {
	const struct md_registry *registry;
	const struct md_dialect *dialect;
	const struct md_model *model;
	enum md_write_kind kind;
	const struct md_write_plan *plan; /* of any row */
	struct md_arena *arena;
	struct md_unit *unit; /* its error and `violated` */
	bool at_end;          /* found when all was written: a deferred foreign key */
	bool postponed;       /* all of them were */
	/** There is a row at hand: the one that failed; UPDATE and DELETE have only one, the values
	 * that all rows get. False: any row of the body may be at fault. */
	bool at_row;
	uint64_t row_count; /* of the body, up to the row at hand, or all */
	void (*row)(void *arg, struct md_written_row *ret_row); /* at hand */
	/** INSERT: go to the first or the next row. False: there are no more. */
	bool (*next)(void *arg, bool first, struct md_written_row *ret_row);
	void *arg;
};

/** Name the constraint as far as the registry knows it. NULL: nothing is to be looked up, the error
 * is as good as it gets. */
struct md_constraint *md_constraint_new(const struct md_constraint_ask *ask);
/** The next look-up; anything but MD_NEXT_CALL: done. */
enum md_next md_constraint_next(struct md_constraint *constraint, struct md_call *ret_call);
/** What it found. */
enum md_flow md_constraint_rows(struct md_constraint *constraint, struct md_rows *rows);
/** Let go of what does not live in the arena, wherever the look-ups stand. NULL is fine. */
void md_constraint_release(struct md_constraint *constraint);

/** What the definitions have to say to those who violate a check: of the model, or of another that
 * a trigger wrote to. NULL: nothing. */
const char *md_constraint_words(const struct md_registry *registry, const struct md_model *model,
				const char *check);

/** Name the unique key, the column or the check, where it was one. */
void md_constraint_find_name(const struct md_constraint_ask *ask);
/** The value that the row gives to the field; NULL: the row does not say. */
const struct md_value *md_written_value(const struct md_written_row *row,
					const struct md_field *field);
/** Whether the row gets the default of the field. */
bool md_written_lacks(const struct md_written_row *row, const struct md_field *field);

/** "(a, b)=(1, x)". False: there is a value that nobody may see, or no memory. */
bool md_constraint_put_pairs(struct md_buf *out, const struct md_field *const *fields,
			     unsigned count, const struct md_value *const *values, bool quoted);
/** A value as PostgreSQL prints it, as far as it is kept differently. */
void md_constraint_put_value(struct md_buf *out, enum md_type type, const struct md_value *value);
/** A name, in double quotes when PostgreSQL's quote_identifier() would put it so. */
void md_constraint_put_name(struct md_buf *out, struct md_str name);
#endif
