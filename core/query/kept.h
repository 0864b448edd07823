/* What modeld keeps as text in columns of engines without such types (MD_TYPE_KEPT_*): input is
 * brought into the one form in which equality and order are those of the values. No state. */
#ifndef MD_CORE_QUERY_KEPT_H
#define MD_CORE_QUERY_KEPT_H
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/db/value.h"
#include "core/model/model.h"

/** `text` in the form of `type`, in the arena. MD_INVALID in PostgreSQL's words: 22007 and 22008
 * dates and times, 22P02 and 22003 numbers and UUIDs, 22023 bytes. MD_NOMEM. */
enum md_code md_kept_bind(enum md_type type, struct md_str text, struct md_arena *arena,
			  struct md_value *ret_value, struct md_error *err);
#endif
