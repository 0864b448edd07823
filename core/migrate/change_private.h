/* Only for core/migrate/change*.c: operations one by one. */
#ifndef MD_CORE_MIGRATE_CHANGE_PRIVATE_H
#define MD_CORE_MIGRATE_CHANGE_PRIVATE_H
#include "core/migrate/change.h"
#include "core/migrate/snapshot_private.h"

/** A document that operations are applied to, one after the other. */
struct md_applying {
	json_t *document;
	const json_t *operation;
	size_t number; /* of it, for messages */
	bool keep_backfill;
	struct md_error *err;
};
typedef enum md_code md_apply_fn(struct md_applying *a);

/** What a key of an operation may be. */
enum md_change_form {
	MD_FORM_NAME,
	MD_FORM_NAME_OR_NULL,
	MD_FORM_OBJECT,
	MD_FORM_MODEL, /* a definition */
	MD_FORM_FIELD,
	MD_FORM_LABELS_OR_NULL,
	MD_FORM_TABLES, /* {"from":…,"to":…} */
	MD_FORM_SQL,
	MD_FORM_BOOL,
	MD_FORM_ANY
};
enum { MD_CHANGE_KEYS = 5 };
struct md_change_key {
	const char *name; /* NULL: no more */
	enum md_change_form form;
	bool optional;
};
struct md_change_kind {
	const char *op;
	const char *inverse; /* NULL: it has none, and needs none */
	md_apply_fn *apply;  /* NULL: changes no definition */
	struct md_change_key keys[MD_CHANGE_KEYS];
};
/** NULL: there is no such operation. */
const struct md_change_kind *md_change_kind_of(const json_t *operation);
/** The text of a key; NULL: none, or null. */
const char *md_change_str(const json_t *operation, const char *key);

/** Apply one operation whose form was checked. */
enum md_code md_change_apply_one(struct md_applying *a);
/** MD_INVALID: the operation does not fit what is there. */
enum md_code md_change_misfit(struct md_applying *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** Where a name is mentioned. `to` NULL: only count, else write that in its place. */
struct md_mentions {
	json_t *models;
	const char *model; /* of a field; NULL: the name is that of a model */
	const char *from, *to;
	const char *other; /* a name that must not be taken for it: what `from` becomes or was */
	unsigned count;
	bool failed; /* out of memory */
};
void md_mentions_of_model(struct md_mentions *mentions);
void md_mentions_of_field(struct md_mentions *mentions);
/** Give an entry of an object another key in the same place. False: no memory. */
bool md_json_rename(json_t *object, const char *from, const char *to);

/** A difference while it is made. */
struct md_differing {
	struct md_applying applying; /* its document starts as that of before */
	const struct md_snapshot *before, *after;
	const struct md_diff_options *options;
	const json_t *models;   /* of afterwards */
	const json_t *declared; /* models as their files have them: backfills; NULL: not known */
	json_t *operations;
	struct md_arena *arena;
	struct md_rename_question *questions;
	unsigned question_count, question_room;
	struct md_error *err;
};
/** Add an operation and apply it. `operation` is taken over; NULL: memory is out. */
enum md_code md_differ_emit(struct md_differing *d, json_t *operation);
/** The model of this name in the document. */
json_t *md_differ_model(const struct md_differing *d, const char *name);
/** Find what is renamed: operations for what is known, questions for what looks like it. */
enum md_code md_differ_renames(struct md_differing *d);
/** MD_CONFLICT, MD_AMBIGUOUS with the questions. */
enum md_code md_differ_ask(struct md_differing *d);

md_apply_fn md_apply_create_table, md_apply_drop_table, md_apply_rename_model, md_apply_alter_model,
	md_apply_add_field, md_apply_drop_field, md_apply_rename_field, md_apply_alter_field,
	md_apply_add_index, md_apply_drop_index, md_apply_rename_index, md_apply_add_check,
	md_apply_drop_check, md_apply_add_foreign_key, md_apply_drop_foreign_key,
	md_apply_alter_enum, md_apply_backfill;
#endif
