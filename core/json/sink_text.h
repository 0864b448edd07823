/* Text sink: rows → JSON or CSV text in a buffer, with no tree in between. Resumable: it stops at a
 * full buffer and at a row that is not there yet, and goes on later. Belongs to the thread that
 * executes the unit. */
#ifndef MD_CORE_JSON_SINK_TEXT_H
#define MD_CORE_JSON_SINK_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/db/rows.h"
#include "core/json/shape.h"

enum md_frame {
	MD_FRAME_ARRAY,  /* [row,row]; [] when there are none */
	MD_FRAME_ROWS,   /* row,row without brackets; one cursor may be fed after another */
	MD_FRAME_OBJECT, /* the first row alone, nothing when there are none; the caller looks at
			    the count */
	MD_FRAME_LINES,  /* NDJSON: an object a line; one cursor may be fed after another, and
			    md_text_sink_finish() ends it */
	MD_FRAME_CSV     /* a line of names, then a line a row; the same */
};
enum md_sink {
	MD_SINK_DONE, /* all rows are written, the frame is closed */
	MD_SINK_FULL, /* `out` holds at least `piece` bytes: empty it and feed again */
	MD_SINK_WAIT, /* next row not there yet: feed again with the same cursor */
	MD_SINK_FAIL  /* err is filled */
};

/** A shape made ready for writing: what the sink would otherwise work out each time. Immutable, any
 * thread; lives in the arena it was made in and borrows the shape. */
struct md_text_form;

struct md_text_sink_options {
	enum md_frame frame;
	size_t piece; /* stop with FULL between rows when out->len has reached this; SIZE_MAX: never
		       */
	/** Arguments of child statements by slot; arrays of stmt->params values whose parent-bound
	 * places are filled in by the sink. NULL when the shape has no calls. */
	struct md_value *const *child_args;
	/** The shape's form, kept with a plan that is used again; not for CSV. NULL: the sink makes
	 * one. */
	const struct md_text_form *form;
};
struct md_text_sink;

/** NULL: arena limit. */
const struct md_text_form *md_text_form_new(struct md_arena *arena, const struct md_shape *shape);

/** New sink in `arena`. Shape and options->child_args are borrowed until the end. NULL: arena
 * limit. */
struct md_text_sink *md_text_sink_new(struct md_arena *arena, const struct md_shape *shape,
				      const struct md_text_sink_options *options);
/** Write rows until one of the four things happens. With WAIT and FULL the frame stays open. Rows
 * counted are whole ones. When `out` fails (limit): MD_SINK_FAIL with MD_TOO_LARGE. */
enum md_sink md_text_sink_feed(struct md_text_sink *sink, struct md_rows *rows, struct md_buf *out,
			       struct md_error *err);
/** All rows have been fed: write what ends LINES and CSV. No row and CSV: one line feed, as
 * PostgREST has it. Nothing for other frames. */
void md_text_sink_finish(const struct md_text_sink *sink, struct md_buf *out);
/** Rows of the root written so far: for Content-Range and the singular check. */
uint64_t md_text_sink_rows(const struct md_text_sink *sink);
/** Change options->piece for what follows: the first piece may be larger than the next ones. */
void md_text_sink_set_piece(struct md_text_sink *sink, size_t piece);
/** Start over (the unit is rerun on another connection). The caller clears the buffer. */
void md_text_sink_reset(struct md_text_sink *sink);

/** Render `name` as a JSON object key with quotes and colon into `arena`. NULL: arena limit. */
const char *md_shape_key(struct md_arena *arena, const char *name, size_t len, unsigned *ret_len);
#endif
