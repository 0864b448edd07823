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
#endif
