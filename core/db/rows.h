/* A cursor over one statement's rows: all that the sinks of core/json see of a database. It belongs
 * to the engine, and to the executing thread until its unit is done. */
#ifndef MD_CORE_DB_ROWS_H
#define MD_CORE_DB_ROWS_H
#include "core/base/error.h"
#include "core/db/value.h"

struct md_call;

enum md_step {
	MD_STEP_ROW,  /* cells are set */
	MD_STEP_END,  /* no more rows */
	MD_STEP_WAIT, /* non-blocking engine: not here yet, call again later */
	MD_STEP_FAIL  /* err is filled */
};

struct md_rows {
	unsigned columns;
	/** Next row: cells[0..columns) are borrowed until the next call. */
	enum md_step (*next)(struct md_rows *rows, const struct md_value **ret_cells,
			     struct md_error *err);
	/** Optional (MD_DB_NESTED): run `call` on the same connection and snapshot while this
	 * cursor stays open. The child must be closed before its statement can be run again. */
	enum md_code (*child)(struct md_rows *rows, const struct md_call *call,
			      struct md_rows **ret_rows, struct md_error *err);
	/** Optional, with child: end a child cursor, whether it was read to its end or not. */
	void (*close)(struct md_rows *rows);
};
#endif
