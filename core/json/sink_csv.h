/* Private to core/json: rows as CSV, for the text sink. A cell is written as PostgreSQL writes it
 * in the text of a row, which is what PostgREST sends: nothing for NULL, t and f, a blank in a
 * timestamp; quoted when it is empty or holds a quote, a comma, a backslash, a parenthesis or white
 * space. Embedded rows are JSON in one cell; spread ones are cells of their own. */
#ifndef MD_CORE_JSON_SINK_CSV_H
#define MD_CORE_JSON_SINK_CSV_H
#include "core/base/str.h"
#include "core/json/sink_nested.h"

/** A shape made ready; immutable, lives in its arena, borrows the shape. */
struct md_csv_form;
/** NULL: arena limit. */
const struct md_csv_form *md_csv_form_new(struct md_arena *arena, const struct md_shape *shape);
/** The names of the columns and a line feed. */
struct md_str md_csv_header(const struct md_csv_form *form);
/** One row without a line feed. False: walk->err or the buffer says why. */
bool md_csv_write_row(struct md_text_walk *walk, const struct md_csv_form *form,
		      const struct md_value *cells);
#endif
