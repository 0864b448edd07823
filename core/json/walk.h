/* Private to core/json: what both sinks do alike while they walk a shape: child statements and the
 * path of rows for `depth=`. */
#ifndef MD_CORE_JSON_WALK_H
#define MD_CORE_JSON_WALK_H
#include <stdbool.h>

#include "core/base/error.h"
#include "core/db/rows.h"
#include "core/json/shape.h"

/** The rows that are being written, innermost first; on the C stack of the walk. */
struct md_walk_path {
	const struct md_walk_path *up;
	const struct md_shape *shape; /* with a cycle */
	const struct md_value *cells;
};
/** Is this row (shape->cycle is set) on the path already? A row without a key (NULL in it) never
 * is. */
bool md_walk_is_on_path(const struct md_walk_path *path, const struct md_shape *shape,
			const struct md_value *cells);

/** Run a child statement for the parent row `cells`: binds its arguments and opens it. */
enum md_code md_walk_open(struct md_rows *rows, const struct md_shape_call *call,
			  struct md_value *const *child_args, const struct md_value *cells,
			  struct md_rows **ret_child, struct md_error *err);
/** The next row of a child; waiting is a failure, since a row cannot be left half written. */
enum md_step md_walk_next(struct md_rows *child, const struct md_value **ret_cells,
			  struct md_error *err);
void md_walk_close(struct md_rows *child);
#endif
