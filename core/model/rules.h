/* What a definition asks of a field's values, compiled once when the registry is built: ranges,
 * lengths, limits, labels of an enum, elements of an array, format, pattern. Immutable; any thread.
 * Values have the form in which they are kept (core/db/value.h). What an engine keeps in a form of
 * its own (dates as it reads them) is left to the engine. */
#ifndef MD_CORE_MODEL_RULES_H
#define MD_CORE_MODEL_RULES_H
#include "core/base/error.h"

struct md_arena;
struct md_def_field;
struct md_rules;
struct md_value;

/** The rules of a field, in `arena`; *ret_rules NULL: it asks for nothing that its type does not.
 * `relation` is the table's name, for messages; it and the field are borrowed. MD_NOMEM. */
enum md_code md_rules_new(struct md_arena *arena, const char *relation,
			  const struct md_def_field *field, const struct md_rules **ret_rules,
			  struct md_error *err);
/** Let go of what does not live in the arena. NULL is fine. */
void md_rules_free(const struct md_rules *rules);
/** Bring a decimal to its scale, rounded half away from zero as PostgreSQL does; other values stay.
 * Text goes to the arena. MD_NOMEM. NULL rules ask for nothing. */
enum md_code md_rules_fit(const struct md_rules *rules, struct md_arena *arena,
			  struct md_value *value, struct md_error *err);
/** Check a value that fits. NULL values pass: whether they may be is the field's business.
 * MD_INVALID with the SQLSTATE of PostgreSQL and its words: 22001 too long, 22003 range, 23514
 * limits, minimum length, pattern, 22P02 format, enum and array. Where its words say little
 * (constraints), details say what is asked. */
enum md_code md_rules_check(const struct md_rules *rules, const struct md_value *value,
			    struct md_error *err);
#endif
