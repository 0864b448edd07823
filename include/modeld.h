/* libmodeld: the database layer of modeld for programs in C, without a server.
 *
 *	store	a database and the models in it              md_store_open()
 *	work	a session: one transaction after the other   md_work_open()
 *	ask	a query under construction                   md_ask_new(), md_where(), md_all() …
 *	result	rows, as JSON text and by typed getters      md_result_json(), md_result_i64() …
 *
 * Failures: a function that can fail returns enum md_code and fills `err`, which may be NULL:
 * err.wire is a SQLSTATE, PGRST… or MD… code, err.message a sentence. Outputs (ret_x) are untouched
 * on failure. Close and free take NULL.
 * Ownership: texts that are given are copied, unless something else is said; what is handed out
 * belongs to the object that handed it out. A work is closed before its store; asks are freed
 * before their work; results live on their own.
 * Threads: a store, and everything of it, belongs to the thread that opened it. Threads that want
 * to work at the same time open a store each.
 * Calls block until the database has answered. Names and operators are those of the HTTP side:
 * docs/models.md and docs/http.md. */
#ifndef MD_INCLUDE_MODELD_H
#define MD_INCLUDE_MODELD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct md_store;
struct md_work;
struct md_ask;
struct md_result;

/* --- store --- */

/** Everything may be zero. Texts are needed during the call only. */
struct md_store_options {
	const char *models; /* pattern of definition files; NULL: tables are used as they are */
	const char *schema; /* of the tables (PostgreSQL); NULL: the first of the search path */
	bool migrate;       /* make the tables that the models miss, and a SQLite file for them */
	unsigned statement_timeout_ms; /* 0: 30 seconds */
	unsigned lock_timeout_ms;      /* 0: 5 seconds */
	bool keep_journal;             /* leave the journal mode of a SQLite file alone */
};
/** Open sqlite:///FILE or postgresql://… . `options` may be NULL. MD_NOT_FOUND: no such file, or no
 * definition files; MD_INVALID: a wrong URL, mistakes in the definitions, or a table that does not
 * fit its model; MD_UNAVAILABLE: the server cannot be reached. */
enum md_code md_store_open(const char *url, const struct md_store_options *options,
			   struct md_store **ret_store, struct md_error *err);
/** Every work is closed. NULL is fine; returns NULL. */
struct md_store *md_store_close(struct md_store *store);
/** Name of the model at `index`, from 0, in the order of names; NULL: there are no more. */
const char *md_store_model(const struct md_store *store, unsigned index);
/** Name of the field at `index` of a model, those that are shown; NULL: no more, or no model. */
const char *md_store_field(const struct md_store *store, const char *model, unsigned index);

/* --- work: sessions --- */

/** A session. It takes a connection and begins a transaction with its first operation. An operation
 * that fails is undone alone; those before it stay, unless the database gave up the transaction:
 * then all that follow fail with MD410 until md_work_rollback(). */
enum md_code md_work_open(struct md_store *store, struct md_work **ret_work, struct md_error *err);
/** Roll back what is not committed, and free. NULL is fine; returns NULL. */
struct md_work *md_work_close(struct md_work *work);
/** Write what md_add() has staged. When a row is refused, it and those behind it remain staged. */
enum md_code md_work_flush(struct md_work *work, struct md_error *err);
/** Flush and commit: durable when it returns MD_OK. A flush that fails commits nothing and leaves
 * the transaction open. MD_UNCERTAIN: the connection was lost, and nobody knows. The next operation
 * begins a new transaction. */
enum md_code md_work_commit(struct md_work *work, struct md_error *err);
/** Undo everything since the last commit, and forget what is staged. */
enum md_code md_work_rollback(struct md_work *work, struct md_error *err);

/** A field and its value as text; `value` NULL is null. */
struct md_value_text {
	const char *name, *value;
	bool json; /* `value` is JSON */
};
/** Stage a row, a JSON object, that is inserted by the next flush, which comes by itself before any
 * other operation. */
enum md_code md_add(struct md_work *work, const char *model, const char *json,
		    struct md_error *err);
/** Insert a row, or the rows of a JSON array. *ret_result (may be NULL) has them as they are now,
 * with their keys. */
enum md_code md_create(struct md_work *work, const char *model, const char *json,
		       struct md_result **ret_result, struct md_error *err);
/** Insert one row from texts, which are read as the types of their fields. */
enum md_code md_create_values(struct md_work *work, const char *model,
			      const struct md_value_text *values, unsigned count,
			      struct md_result **ret_result, struct md_error *err);
/** The row with this key (of several columns: "1,2"). MD_NOT_FOUND: there is none. */
enum md_code md_get(struct md_work *work, const char *model, const char *key,
		    struct md_result **ret_result, struct md_error *err);

/* --- ask: queries --- */

/** A query of all rows of a model; what follows narrows it. It may be run any number of times. */
enum md_code md_ask_new(struct md_work *work, const char *model, struct md_ask **ret_ask,
			struct md_error *err);
/** NULL is fine; returns NULL. */
struct md_ask *md_ask_free(struct md_ask *ask);

/* The verbs below return what went wrong, and so does every later call for the ask: it is enough to
 * look at what md_all() and its like return. A column is a name, a place in a JSON column
 * ("data->>city"), or one of a joined model ("posts.title", by the name it was joined under). */

/** column op value, beside what is asked already. `operation` is eq, neq, gt, gte, lt, lte, like,
 * ilike, match, imatch, in, is, cs, fts, …; with "not." before it the contrary. `value` is written
 * as in a query string, without percent-encoding: "(1,2)" for in, "null" for is. */
enum md_code md_where(struct md_ask *ask, const char *column, const char *operation,
		      const char *value);
/** Equality; `value` NULL: the column is null. */
enum md_code md_filter(struct md_ask *ask, const char *column, const char *value);
/** The key, as of md_get(). */
enum md_code md_filter_key(struct md_ask *ask, const char *key);
/** A group as in a query string: `word` is or, and, not.or or not.and; `list` "(age.lt.18,not.and(
 * name.eq.x,age.gt.65))". */
enum md_code md_where_group(struct md_ask *ask, const char *word, const char *list);
/** The column is one of these. None: no row. */
enum md_code md_filter_in(struct md_ask *ask, const char *column, const char *const *values,
			  unsigned count);
/** Conditions up to md_end() are alternatives; or all hold, in such a group. Columns are those of
 * the asked model. */
enum md_code md_or(struct md_ask *ask);
enum md_code md_and(struct md_ask *ask);
/** None of these: the group is denied. */
enum md_code md_none(struct md_ask *ask);
enum md_code md_end(struct md_ask *ask);
/** What the rows have: "id,title,author(name),total:price.sum()". Once, before any join; without
 * it, all columns. */
enum md_code md_select(struct md_ask *ask, const char *list);
/** Rows of a related model, in a field called like the relationship. `inner`: rows without any are
 * left out. `hint` (may be NULL) tells relationships to the same model apart. */
enum md_code md_join(struct md_ask *ask, const char *relation, const char *hint, bool inner);
/** "created_at.desc.nullslast,id". Once. */
enum md_code md_order_by(struct md_ask *ask, const char *terms);
enum md_code md_limit(struct md_ask *ask, int64_t limit);
enum md_code md_offset(struct md_ask *ask, int64_t offset);

/** All rows. */
enum md_code md_all(struct md_ask *ask, struct md_result **ret_result, struct md_error *err);
/** All rows as text, in pieces: answers of any length in constant memory. `take` returns false when
 * it wants no more: MD_CANCELLED. It must not use the work. */
enum md_form {
	MD_FORM_JSON,  /* an array */
	MD_FORM_LINES, /* an object a line */
	MD_FORM_CSV
};
enum md_code md_pieces(struct md_ask *ask, enum md_form form,
		       bool (*take)(void *arg, const char *text, size_t len), void *arg,
		       struct md_error *err);
/** The first row; a result without rows when there is none. */
enum md_code md_first(struct md_ask *ask, struct md_result **ret_result, struct md_error *err);
/** The only row. MD_NOT_FOUND: there is none; MD_CONFLICT: there are more (both PGRST116). */
enum md_code md_one(struct md_ask *ask, struct md_result **ret_result, struct md_error *err);
/** How many rows there are, whatever limit and offset say. */
enum md_code md_count(struct md_ask *ask, uint64_t *ret_count, struct md_error *err);
/** Change the rows that are asked for: `json` is an object. *ret_result (may be NULL): as they are
 * now. Without a condition: all rows. Limit, offset and joins are not for writes: MD_INVALID. */
enum md_code md_update(struct md_ask *ask, const char *json, struct md_result **ret_result,
		       struct md_error *err);
enum md_code md_update_values(struct md_ask *ask, const struct md_value_text *values,
			      unsigned count, struct md_result **ret_result, struct md_error *err);
/** Delete them; *ret_result (may be NULL): as they were. */
enum md_code md_delete(struct md_ask *ask, struct md_result **ret_result, struct md_error *err);

/* --- result --- */

/** NULL is fine; returns NULL. */
struct md_result *md_result_free(struct md_result *result);
/** A JSON array of the rows, NUL-terminated. */
const char *md_result_json(const struct md_result *result);
unsigned md_result_rows(const struct md_result *result);
/** Name of the field at `index`; NULL: there are no more, or no rows. */
const char *md_result_field(const struct md_result *result, unsigned index);
/** The value as text: a string, digits, true, false, or JSON. NULL: it is null, or there is no such
 * row or field. */
const char *md_result_text(const struct md_result *result, unsigned row, const char *field);
/** False: it is null, not there, or no such number. */
bool md_result_i64(const struct md_result *result, unsigned row, const char *field,
		   int64_t *ret_value);
bool md_result_double(const struct md_result *result, unsigned row, const char *field,
		      double *ret_value);
/** True: the value is true. */
bool md_result_is_true(const struct md_result *result, unsigned row, const char *field);

#ifdef __cplusplus
}
#endif
#endif
