/* Only for core/migrate/match*.c. */
#ifndef MD_CORE_MIGRATE_MATCH_PRIVATE_H
#define MD_CORE_MIGRATE_MATCH_PRIVATE_H
#include "core/migrate/match.h"

struct matching {
	const struct md_ddl_dialect *dialect;
	const struct md_definitions *before, *after;
	const json_t *operations;
	struct md_arena *arena;
	struct md_model_pair *models;
	unsigned model_count;
	bool failed; /* out of memory */
};

/** What a model, a field or an index of afterwards was called before the operations; NULL: what has
 * that name now was not there, or the name was taken by another. `model` is the name now. */
const char *md_match_model_before(const json_t *operations, const char *model);
const char *md_match_field_before(const json_t *operations, const char *model, const char *field);
const char *md_match_index_before(const json_t *operations, const char *model, const char *index);

/** Fill columns, indexes, checks and keys of a pair; `before` and `after` may be NULL. Keys need
 * the columns of all pairs. */
void md_match_columns(struct matching *m, struct md_model_pair *pair);
void md_match_parts(struct matching *m, struct md_model_pair *pair);

/** The field of afterwards that `field` of the pair's former model has become; NULL: dropped. */
const struct md_def_field *md_match_field_after(const struct md_model_pair *pair,
						const struct md_def_field *field);
/** The pair of a former model; NULL: it has none. */
const struct md_model_pair *md_match_pair_of(const struct matching *m,
					     const struct md_def_model *before);
bool md_match_same_text(const char *a, const char *b);
#endif
