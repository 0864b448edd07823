/* Whether a table has been altered since the catalog was read. Asked when a value did not fit its
 * column: it may fit the column that there is now, and nothing else would tell. One question that
 * the engine answers from its catalog, on errors only. Lives in the request's arena; home loop. */
#ifndef MD_CORE_OPS_ALTERED_H
#define MD_CORE_OPS_ALTERED_H
#include <stdbool.h>
#include <stdint.h>

struct md_altered;
struct md_arena;
struct md_error;
struct md_model;
struct md_ops;

/** Whether `err` may be one of a value for a column as it was, and the engine can be asked. */
bool md_altered_is_possible(const struct md_ops *ops, const struct md_error *err);
/** Ask; `ready` is called once, perhaps before the return. The model is not used afterwards. NULL:
 * no memory, and nobody will call. */
struct md_altered *md_altered_ask(struct md_ops *ops, const struct md_model *model,
				  uint64_t deadline_ns, struct md_arena *arena,
				  void (*ready)(void *arg), void *arg);
/** The answer; false also when there was none. */
bool md_altered_is_so(const struct md_altered *altered);
#endif
