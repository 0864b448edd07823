/* What is wrong with the rows of a body for a declared model: all of it at once, before any SQL.
 * Introspected models are their engine's to check. Pure; one thread at a time. */
#ifndef MD_CORE_OPS_CHECK_H
#define MD_CORE_OPS_CHECK_H
#include "core/db/value.h"
#include "core/json/body.h"
#include "core/query/plan.h"

enum { MD_CHECK_TOLD = 100 /* problems told; the rest is counted */ };

/** A body and what becomes of it. Borrowed. */
struct md_check {
	enum md_write_kind kind;
	const struct md_model *model; /* declared */
	const struct md_body *body;
	uint64_t rows_before;                 /* of a part of a body: the rows of those before it */
	const struct md_str *names;           /* of the body's columns */
	const struct md_field *const *fields; /* theirs; NULL: there is none */
	unsigned count;
	bool texts, missing_default; /* as in md_write_ask */
	struct md_body_cell *cells;  /* `count`, to work with */
	char *scratch;               /* of the body's cursor */
	struct md_arena *arena;
};

/** Check all rows of an INSERT, the one of an UPDATE. `ret_values`, one per column, gets the values
 * of the last row; they live in the arena when there is one row only. MD_INVALID: one problem has
 * its own code and PostgreSQL's words; several have the code of the first, and details tell of
 * each; err->errors has them all. MD_NOMEM. */
enum md_code md_check_rows(const struct md_check *check, struct md_value *ret_values,
			   struct md_error *err);
/** 23502: the field must not be null; one that is hidden is not named. */
enum md_code md_check_fail_null(const struct md_model *model, const struct md_field *field,
				struct md_error *err);
/** PGRST204: the model has no such column. */
enum md_code md_check_fail_column(const struct md_model *model, struct md_str name,
				  struct md_error *err);
#endif
