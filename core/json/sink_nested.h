/* Private to core/json: what a sink for another format borrows from the text sink: the walk over a
 * row and its child statements, and values of a shape as JSON text. */
#ifndef MD_CORE_JSON_SINK_NESTED_H
#define MD_CORE_JSON_SINK_NESTED_H
#include <stdbool.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/db/rows.h"
#include "core/json/shape.h"
#include "core/json/walk.h"

/** One feed of a sink. */
struct md_text_walk {
	struct md_buf *out;
	struct md_rows *rows; /* the cursor whose cells are being written */
	struct md_value *const *child_args;
	const struct md_walk_path *path;
	struct md_error *err;
};

/** An item with a key and a child, made ready to be written without the key. */
struct md_text_value;
/** NULL: arena limit. */
const struct md_text_value *md_text_value_new(struct md_arena *arena,
					      const struct md_shape_item *item);
/** Its JSON text behind walk->out. False: walk->err or the buffer says why. */
bool md_text_value_write(struct md_text_walk *walk, const struct md_text_value *value,
			 const struct md_value *cells);
/** Lists of values (MD_NEST_COLUMNS), made ready to be written. */
struct md_text_columns;
/** NULL: arena limit. */
const struct md_text_columns *md_text_columns_new(struct md_arena *arena,
						  const struct md_shape_item *item);
/** How many lists there are, and the item that each is of. */
unsigned md_text_columns_count(const struct md_text_columns *columns);
const struct md_shape_item *md_text_columns_item(const struct md_text_columns *columns, unsigned i);
/** Empty lists, for one row; NULL: no memory. The caller closes them. */
struct md_buf *md_text_columns_open(struct md_text_walk *walk,
				    const struct md_text_columns *columns);
/** NULL is fine. */
void md_text_columns_close(const struct md_text_columns *columns, struct md_buf *lists);
/** Fill them from the child statement of the row `cells`. False: walk->err or walk->out says why.
 */
bool md_text_columns_collect(struct md_text_walk *walk, const struct md_text_columns *columns,
			     const struct md_value *cells, struct md_buf *lists);
/** A list as JSON, behind `out`. */
void md_text_columns_put(struct md_buf *out, const struct md_buf *list);
#endif
