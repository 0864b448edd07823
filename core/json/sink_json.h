/* jansson sink: the same walk as the text sink, into json_t: dict() of the C API, the command line,
 * admin routes. Reals are json_real; what jansson cannot hold exactly (NUMBER_TEXT beyond double
 * and int64) becomes a string. */
#ifndef MD_CORE_JSON_SINK_JSON_H
#define MD_CORE_JSON_SINK_JSON_H
#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/db/rows.h"
#include "core/json/shape.h"
#include "core/json/sink_text.h"

/** All rows (frame ARRAY) or the first one (frame OBJECT, JSON null when there is none); new
 * reference. `options->piece` is ignored. A cursor that answers WAIT is an error here: this sink is
 * for blocking use. */
enum md_code md_json_sink(struct md_arena *arena, const struct md_shape *shape,
			  const struct md_text_sink_options *options, struct md_rows *rows,
			  json_t **ret_json, struct md_error *err);
#endif
