/* Two definitions side by side, for planners: which model, field, index, check and key of the one
 * is which of the other, and in what they differ as far as a database is concerned. Renames come
 * from the operations; everything else is matched by name, foreign keys and indexes that lost their
 * name by what they are. Everything lives in the arena. No state, any thread. */
#ifndef MD_CORE_MIGRATE_MATCH_H
#define MD_CORE_MIGRATE_MATCH_H
#include "core/migrate/change.h"
#include "core/migrate/ddl.h"

/** What differs between two forms of a column, as bits. */
enum md_column_change {
	MD_COLUMN_NAME = 1 << 0,
	MD_COLUMN_TYPE = 1 << 1,   /* type, items, precision and scale, own SQL type */
	MD_COLUMN_LENGTH = 1 << 2, /* max_length of a string */
	MD_COLUMN_NULL = 1 << 3,
	MD_COLUMN_DEFAULT = 1 << 4,
	MD_COLUMN_GENERATED =
		1 << 5, /* comes, goes, or has another expression or is stored otherwise */
	MD_COLUMN_COLLATION = 1 << 6,
	MD_COLUMN_IDENTITY = 1 << 7,
	MD_COLUMN_LABELS = 1 << 8, /* of an enum */
	MD_COLUMN_CHECK = 1 << 9,  /* the CHECK that the field's rules make: name or text */
	MD_COLUMN_COMMENT = 1 << 10,
};
struct md_column_pair {
	const struct md_def_field *before, *after; /* one is NULL: added, dropped */
	unsigned changed;                          /* enum md_column_change */
};
/** A pair of which both sides are there and `changed` is false is the same; `renamed`: it is but
 * for its name. */
struct md_index_pair {
	const struct md_def_index *before, *after;
	bool changed, renamed;
};
struct md_check_pair {
	const struct md_def_check *before, *after;
	bool changed, renamed;
};
struct md_key_pair {
	const struct md_def_foreign_key *before, *after;
	bool changed, renamed;
};
struct md_model_pair {
	const struct md_def_model *before, *after; /* one is NULL: created, dropped */
	bool table_renamed;
	bool key_changed;     /* other columns in the primary key */
	bool key_renamed;     /* its constraint */
	bool options_changed; /* strict, without_rowid, fillfactor … */
	bool comment_changed;
	bool changed; /* any of it, below included */
	const struct md_column_pair *columns;
	unsigned column_count;
	const struct md_index_pair *indexes; /* unique keys included */
	unsigned index_count;
	const struct md_check_pair *checks; /* of the model; those of fields are in the columns */
	unsigned check_count;
	const struct md_key_pair *foreign_keys;
	unsigned foreign_key_count;
};
struct md_match {
	const struct md_definitions *before, *after;
	const struct md_model_pair *models; /* only those with a table that modeld makes */
	unsigned model_count;
};

/** Put side by side. `operations` may rename; others of them are not looked at. The dialect decides
 * what the texts of defaults, types and checks are. MD_NOMEM. */
enum md_code md_match_make(const struct md_ddl_dialect *dialect,
			   const struct md_definitions *before, const struct md_definitions *after,
			   const json_t *operations, struct md_arena *arena,
			   const struct md_match **ret_match, struct md_error *err);
/** The pair with this model on one of its sides; NULL: none. */
const struct md_model_pair *md_match_model(const struct md_match *match,
					   const struct md_def_model *model);
const struct md_column_pair *md_match_column(const struct md_model_pair *pair,
					     const struct md_def_field *field);
#endif
