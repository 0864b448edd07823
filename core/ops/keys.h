/* Private to core/ops: values of keys as text, and sets of them. A set is the caller's and knows no
 * lock; the texts in it live in an arena. */
#ifndef MD_CORE_OPS_KEYS_H
#define MD_CORE_OPS_KEYS_H
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/db/value.h"

/** The value as JSON. */
void md_key_put(struct md_buf *out, const struct md_value *value);
/** The value as a filter that finds it: "eq.7", "is.null". */
void md_key_put_filter(struct md_buf *out, const struct md_value *value);

/** Keys that were seen. All zero is empty. */
struct md_keys {
	struct md_map *map;
};
/** Forget them all. */
void md_keys_clear(struct md_keys *keys);
/** Add a key of `count` values; its text lives in the arena. One with a NULL is never the same as
 * another. *ret_is_new: it was not there. */
enum md_code md_keys_add(struct md_keys *keys, const struct md_value *values, unsigned count,
			 struct md_arena *arena, bool *ret_is_new, struct md_error *err);
#endif
