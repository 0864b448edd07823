/* Only for core/migrate/match*.c. */
#ifndef MD_CORE_MIGRATE_MATCH_PRIVATE_H
#define MD_CORE_MIGRATE_MATCH_PRIVATE_H
#include "core/migrate/match.h"

/** One renaming of the operations, in their order. */
struct renaming {
	const char *part; /* "rename_field", "rename_index"; NULL: of a model */
	const char *model, *from, *to;
};
struct matching {
	const struct md_ddl_dialect *dialect;
	const struct md_definitions *before, *after;
	const struct renaming *renamings;
	unsigned renaming_count;
	struct md_arena *arena;
	const struct md_def_model **former; /* by number of the model of afterwards; NULL: none */
	struct md_model_pair *models;
	unsigned model_count;
	bool failed; /* out of memory */
};

/** Find the renamings. */
void md_match_renamings(struct matching *m, const json_t *operations);
/** What a model, a field or an index of afterwards was called before the operations; NULL: what has
 * that name now was not there, or the name was taken by another. `model` is the name now. */
const char *md_match_model_before(const struct matching *m, const char *model);
const char *md_match_field_before(const struct matching *m, const char *model, const char *field);
const char *md_match_index_before(const struct matching *m, const char *model, const char *index);

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
