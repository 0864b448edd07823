/* What modeld keeps as text in columns of engines without such types (MD_TYPE_KEPT_*): input is
 * brought into the one form in which equality and order are those of the values. No state. */
#ifndef MD_CORE_QUERY_KEPT_H
#define MD_CORE_QUERY_KEPT_H
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/db/value.h"
#include "core/model/model.h"
#include "core/query/plan.h"

/** `text` in the form of `type`, in the arena. MD_INVALID in PostgreSQL's words: 22007 and 22008
 * dates and times, 22P02 and 22003 numbers and UUIDs, 22023 bytes. MD_NOMEM. */
enum md_code md_kept_bind(enum md_type type, struct md_str text, struct md_arena *arena,
			  struct md_value *ret_value, struct md_error *err);
/** How the lists of a declared field are read: MD_BIND_ARRAY, or MD_BIND_ARRAY_TEXT. */
enum md_bind_as md_kept_list_of(const struct md_def_field *field);
/** JSON without white space and needless escapes, in the arena; what is no JSON stays as it is.
 * MD_NOMEM. */
enum md_code md_kept_json(struct md_str text, struct md_arena *arena, struct md_value *ret_value,
			  struct md_error *err);
/** JSON of an array literal, {a,"b c"}, or of JSON; MD_BIND_JSON takes braces with a colon for an
 * object. 22P02: the literal is malformed. MD_NOMEM. */
enum md_code md_kept_list(enum md_bind_as as, struct md_str text, struct md_arena *arena,
			  struct md_value *ret_value, struct md_error *err);
/** What the elements of a declared list are kept as; MD_TYPE_ANY: as they are. */
enum md_type md_kept_items_of(const struct md_def_field *field);
/** Bring the elements of a list, JSON as md_kept_json() makes it, into one form. Errors are those
 * of md_kept_bind(). */
enum md_code md_kept_items(enum md_type type, struct md_arena *arena, struct md_value *list,
			   struct md_error *err);
/** An array literal of a flat JSON list; anything else stays as it is. MD_NOMEM. */
enum md_code md_kept_literal(struct md_str text, struct md_arena *arena, struct md_value *ret_value,
			     struct md_error *err);
#endif
