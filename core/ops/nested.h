/* Private to core/ops: writes whose body names relationships: parents, children and links together,
 * in one transaction. md_write_start() begins them like any other write, and what it returns is
 * one; this is where it hands over. Home loop only.
 *
 * Relationships are members of a row's object that are no columns. To-one objects are written
 * first, because the row has their key; lists after the row, because they have its key. */
#ifndef MD_CORE_OPS_NESTED_H
#define MD_CORE_OPS_NESTED_H
#include "core/ops/write.h"

struct md_nested;
/** As md_write_start(), for an ask that md_write_is_nested(). */
bool md_nest_start(struct md_ops *ops, const struct md_write_ask *ask, struct md_write **ret_write);
/** As md_write_cancel(). */
void md_nest_cancel(struct md_nested *nest);
#endif
