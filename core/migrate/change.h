/* Changes between two snapshots, engine-neutral, as JSON: what a revision file contains. An
 * operation says where it applies and what is there before and after, so that each has an inverse
 * and can be refused where it does not fit. Applying the operations of a difference to the one
 * snapshot gives the other.
 *
 *	{"op":"create_table","model":"User","definition":{...}}         drop_table is its inverse
 *	{"op":"rename_model","from":"Usr","to":"User"}        references and relations follow; with
 *		"table":{"from":"usr","to":"user"} the table is called otherwise, too
 *	{"op":"alter_model","model":"User","from":{...},"to":{...}}        the keys of a model that
 *		differ and have no operation of their own: table, schema, primary_key, options,
 *		relations, description ...; a key that is missing on one side is null there
 *	{"op":"add_field","model":"User","field":"bio","definition":{...},"backfill":...}
 *		drop_field is its inverse
 *	{"op":"rename_field","model":"User","from":"name","to":"full_name"}        keys, indexes,
 *		references and relations follow; SQL does not
 *	{"op":"alter_field","model":"User","field":"bio","from":{...},"to":{...},"backfill":...}
 *		whole definitions
 *	{"op":"add_index","model":"User","definition":{...}}        drop_index is its inverse; also
 *		of `unique`, then with "unique":true
 *	{"op":"rename_index","model":"User","from":"i","to":null,"definition":{...}}        null is
 *		the name that comes by itself; definition: the index without its name
 *	{"op":"add_check","model":"User","definition":{...}}             drop_check
 *	{"op":"add_foreign_key","model":"User","definition":{...}}       drop_foreign_key
 *	{"op":"alter_enum","enum":"Kind","from":["a"],"to":["a","b"]}  null: it is not there
 *	{"op":"sql","up":SQL,"down":SQL}        by hand; SQL is a text, a list of texts, or an
 *		object by engine ("sqlite", "postgresql") of those; null: nothing; down missing: it
 *		cannot be taken back
 *	{"op":"backfill","model":"User","field":"bio","value":...}       by hand; a literal or
 *		{"sql":"..."}: fills where it is null; its inverse is nothing
 *
 * Definitions have the long form, as in a snapshot. A field's reference is part of its definition.
 * No state, any thread. */
#ifndef MD_CORE_MIGRATE_CHANGE_H
#define MD_CORE_MIGRATE_CHANGE_H
#include "core/migrate/snapshot.h"

/** "old:new" of models, "Model.old:new" of fields (Model as it is called afterwards). */
struct md_rename {
	const char *model; /* NULL: a model is renamed */
	const char *from, *to;
};

/** Things that went and came and look alike: a rename, or not? */
struct md_rename_question {
	const char *model; /* NULL: about models */
	const char *from, *to;
	double alike; /* 0 to 1 */
};

struct md_diff_options {
	/** The definitions that `after` was made of: where renamed_from and backfill stand. NULL:
	 * there are none. A renamed_from whose old name is not in `before` is over and done. */
	const struct md_definitions *definitions;
	const struct md_rename *renames; /* told from outside; go before everything */
	unsigned rename_count;
	bool no_renames; /* what looks alike is dropped and added: no questions */
};

/** What makes `after` of `before`: a JSON array of operations, in an order in which they can be
 * applied; empty when they are the same. MD_CONFLICT with wire code MD_AMBIGUOUS: there are
 * questions, told in ret_questions (in the arena) and in details as the options that would answer
 * them. MD_INVALID: a rename told from outside that does not fit. MD_NOMEM. */
enum md_code md_change_diff(const struct md_snapshot *before, const struct md_snapshot *after,
			    const struct md_diff_options *options, struct md_arena *arena,
			    json_t **ret_operations,
			    const struct md_rename_question **ret_questions,
			    unsigned *ret_question_count, struct md_error *err);

/** The operations that take these back, in their order. MD_CONFLICT, MD_IRREVERSIBLE: one cannot
 * be. */
enum md_code md_change_invert(const json_t *operations, json_t **ret_operations,
			      struct md_error *err);
/** Whether an operation could be taken back. */
bool md_change_is_reversible(const json_t *operation);

/** What a snapshot is after operations [first, first + count). `keep_backfill` leaves the backfill
 * of operations in the definitions, for planners; such a snapshot has the checksum of the one
 * without. MD_INVALID with the number of the operation in details: not a list of operations, or one
 * that does not fit. */
enum md_code md_change_apply(const struct md_snapshot *before, const json_t *operations,
			     size_t first, size_t count, bool keep_backfill,
			     struct md_snapshot **ret_after, struct md_error *err);

/** Check the form of operations that people may have written. MD_INVALID, with a JSON pointer. */
enum md_code md_change_check(const json_t *operations, struct md_error *err);

/** One line for people: "add field bio to User". In the arena; NULL: no memory. */
const char *md_change_text(const json_t *operation, struct md_arena *arena);
#endif
