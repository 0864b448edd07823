/* Cells of a request body as values for a column. Pure, any thread; an arena that is given is used
 * by the caller alone. */
#ifndef MD_CORE_OPS_CELL_H
#define MD_CORE_OPS_CELL_H
#include "core/db/catalog.h"
#include "core/db/value.h"
#include "core/json/body.h"
#include "core/model/model.h"

/** The value of a cell for a column of `type`, as PostgreSQL's json_to_recordset would make it;
 * `texts`: the cell comes from CSV or a form, where everything is text of the column's type. 22P02
 * and 22003 when it does not fit. An absent cell is NULL. Text is borrowed from the cell or goes to
 * the arena. */
enum md_code md_cell_value(const struct md_body_cell *cell, enum md_type type, bool texts,
			   struct md_arena *arena, struct md_value *ret_value,
			   struct md_error *err);
/** The value of a cell for a field, in the form in which it is kept: of a declared one decimals are
 * rounded, JSON in texts is JSON, and lists are JSON also when they came as array literals. Its
 * rules are not checked. */
enum md_code md_cell_field(const struct md_body_cell *cell, const struct md_field *field,
			   bool texts, struct md_arena *arena, struct md_value *ret_value,
			   struct md_error *err);
/** Whether a cell is the value that a text of the URL means, in a column of the field's type: 07 is
 * 7 among integers, but not among texts. */
bool md_cell_is(const struct md_body_cell *cell, const struct md_field *field, struct md_str text,
		struct md_arena *arena);
#endif
