/* What is wrong with the rows of a body for a declared model: all of it at once, before any SQL.
 * Introspected models are their engine's to check. Pure; one thread at a time. */
#ifndef MD_CORE_OPS_CHECK_H
#define MD_CORE_OPS_CHECK_H
#include "core/base/buf.h"
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
	/** Fields that rows get although the body does not have them. */
	const struct md_field *const *granted;
	unsigned granted_count;
	/** Where row number `row` of the body stands, as a pointer (RFC 6901); NULL: in a list of
	 * them, or, when there is one only, nowhere else. */
	void (*put_row)(struct md_buf *out, size_t row, void *arg);
	void *arg;
};

/** All that has been found, in one body or in several. All zero is empty. */
struct md_findings {
	uint64_t count;
	struct md_error first;
	struct md_buf list, lines;
	unsigned lines_told;
	bool nomem;
};
/** Add what is wrong with rows, as md_check_rows() does it. MD_NOMEM. */
enum md_code md_findings_check(struct md_findings *all, const struct md_check *check,
			       struct md_value *ret_values);
/** One more problem, at this pointer. */
void md_findings_add(struct md_findings *findings, struct md_str pointer,
		     const struct md_error *problem);
/** MD_OK: there are none; else as md_check_rows(). Releases what it has. */
enum md_code md_findings_finish(struct md_findings *findings, struct md_arena *arena,
				struct md_error *err);
/** A step of a pointer: /name. */
void md_pointer_put(struct md_buf *out, struct md_str name);

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
