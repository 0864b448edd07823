/* What a definition asks of a field's values, compiled once when the registry is built: lengths,
 * ranges, pattern, format, labels of an enum. Immutable; any thread. */
#ifndef MD_CORE_MODEL_RULES_H
#define MD_CORE_MODEL_RULES_H
#include "core/base/error.h"

struct md_arena;
struct md_def_field;
struct md_rules;
struct md_value;

/** The rules of a field, in `arena`; *ret_rules NULL: it asks for nothing that its type does not.
 * MD_NOMEM. */
enum md_code md_rules_new(struct md_arena *arena, const struct md_def_field *field,
			  const struct md_rules **ret_rules, struct md_error *err);
/** Let go of what does not live in the arena. NULL is fine. */
void md_rules_free(const struct md_rules *rules);
/** Check a value that has the form in which it is kept (core/db/value.h). NULL values pass: whether
 * they may be is the field's business. MD_INVALID with the SQLSTATE of PostgreSQL and its words:
 * 22001 too long, 23514 range, minimum length, pattern, 22P02 format and enum. */
enum md_code md_rules_check(const struct md_rules *rules, const struct md_value *value,
			    struct md_error *err);
#endif
