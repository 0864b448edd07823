/* libmodeld: the database layer of modeld for programs in C, without a server.
 *
 *	store	a database and the models in it              md_store_open()
 *	work	a session: one transaction after the other   md_work_open()
 *	ask	a query under construction                   md_ask_new(), md_where(), md_all() …
 *	result	rows, as JSON text and by typed getters      md_result_json(), md_result_i64() …
 *
 * Every verb that asks the database is there twice: md_all() waits for the answer, md_async_all()
 * has a function called with it, in a turn of the caller's own event loop. One session has one verb
 * on its way at a time; sessions of one store run side by side.
 *
 * Failures: a function that can fail returns enum md_code and fills `err`, which may be NULL:
 * err.wire is a SQLSTATE, PGRST… or MD… code, err.message a sentence. Outputs (ret_x) are untouched
 * on failure. Close and free take NULL.
 * Ownership: texts that are given are copied, unless something else is said; what is handed out
 * belongs to the object that handed it out. Works are closed before their store, asks freed before
 * it; results live on their own.
 * Threads: a store, and everything of it, belongs to the thread that opened it. Threads that want
 * to work at the same time open a store each.
 * Names and operators are those of the HTTP side: docs/models.md and docs/http.md. */
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
	unsigned connections; /* PostgreSQL: sessions with a transaction at a time, more wait; 0: 8
			       */
};
/** Open sqlite:///FILE or postgresql://… . `options` may be NULL. MD_NOT_FOUND: no such file, or no
 * definition files; MD_INVALID: a wrong URL, mistakes in the definitions, or a table that does not
 * fit its model; MD_UNAVAILABLE: the server cannot be reached. */
enum md_code md_store_open(const char *url, const struct md_store_options *options,
			   struct md_store **ret_store, struct md_error *err);
/** Every work is closed; waits for those whose rollback is on its way. Not from a callback. NULL is
 * fine; returns NULL. */
struct md_store *md_store_close(struct md_store *store);

/* --- the models of a store; texts belong to it --- */

/** Name of the model at `index`, from 0, in the order of names; NULL: there are no more. */
const char *md_store_model(const struct md_store *store, unsigned index);
/** Name of the field at `index` of a model, those that are shown; NULL: no more, or no model. */
const char *md_store_field(const struct md_store *store, const char *model, unsigned index);
/** How many those are; 0: no model. */
unsigned md_store_field_count(const struct md_store *store, const char *model);

struct md_field_info {
	const char *name;
	const char *column; /* of the table */
	const char *type; /* as in definition files: "integer", "string", "datetime" …; of tables
			     without definitions the nearest to what the database says */
	const char *declared; /* what the database says: "VARCHAR(20)" */
	/* What a new row gets that does not give the field; NULL each: nothing, or null. */
	const char *default_value;    /* as text; a document as JSON */
	const char *default_function; /* of definition files: "now" */
	const char *default_sql;      /* an expression of the database */
	unsigned max_length;          /* of texts; 0: any */
	bool nullable;
	bool primary_key; /* or one column of it */
	bool unique;      /* alone */
	bool generated;   /* the database computes it */
	bool identity;    /* the database counts when no value is given */
	bool readonly;    /* writing it is refused */
};
/** What is known about a field that is shown. False: there is no such field or model. */
bool md_store_field_info(const struct md_store *store, const char *model, const char *field,
			 struct md_field_info *ret_info);
/** Name of the field at `index` of the primary key, in its order; NULL: no more, or none that is
 * shown. */
const char *md_store_key(const struct md_store *store, const char *model, unsigned index);

struct md_relation_info {
	const char *name;        /* for md_join() */
	const char *target;      /* model */
	const char *cardinality; /* "many-to-one", "one-to-many", "one-to-one" or "many-to-many" */
	const char *through;     /* model between the two of many-to-many; NULL: none */
	bool to_one;             /* a joined row has an object, not an array */
};
/** The relationship at `index` of a model. False: there are no more, or no model. */
bool md_store_relation(const struct md_store *store, const char *model, unsigned index,
		       struct md_relation_info *ret_info);

/* --- work: sessions --- */

/** A session. It takes a connection and begins a transaction with its first operation. An operation
 * that fails is undone alone; those before it stay, unless the database gave up the transaction:
 * then all that follow fail with MD410 until md_work_rollback(). */
enum md_code md_work_open(struct md_store *store, struct md_work **ret_work, struct md_error *err);
/** Roll back what is not committed, and free. It waits for the rollback, but not in a callback, nor
 * for a verb that is on its way: that one is cancelled, its callback is never called, and the rest
 * is done in the turns to come. (A commit on its way may still happen.) NULL is fine; returns NULL.
 */
struct md_work *md_work_close(struct md_work *work);
/** Write what md_add() has staged. When a row is refused, it and those behind it remain staged. */
enum md_code md_work_flush(struct md_work *work, struct md_error *err);
/** Flush and commit: durable when it returns MD_OK. A flush that fails commits nothing and leaves
 * the transaction open. MD_UNCERTAIN: the connection was lost, and nobody knows. The next operation
 * begins a new transaction. */
enum md_code md_work_commit(struct md_work *work, struct md_error *err);
/** Undo everything since the last commit, and forget what is staged. */
enum md_code md_work_rollback(struct md_work *work, struct md_error *err);

/* Savepoints: scopes in a transaction, and in one another. An operation that fails in one is undone
 * alone, like any other. They end with the transaction, too. */

/** Flush, and begin a scope. *ret_savepoint is its number: 1, or one more than that around it. */
enum md_code md_work_savepoint(struct md_work *work, unsigned *ret_savepoint, struct md_error *err);
/** Flush, and end the scope, with those in it: what was done becomes part of what is around it.
 * MD_INVALID: there is none of this number. */
enum md_code md_work_release(struct md_work *work, unsigned savepoint, struct md_error *err);
/** Undo what was done in the scope and forget what is staged; the scope ends, with those in it.
 * MD_INVALID: there is none of this number. */
enum md_code md_work_rollback_to(struct md_work *work, unsigned savepoint, struct md_error *err);

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
/** Takes a piece of a text. False: it wants no more. It must not use the work. */
typedef bool md_take_fn(void *arg, const char *text, size_t len);
enum md_form {
	MD_FORM_JSON,  /* an array */
	MD_FORM_LINES, /* an object a line */
	MD_FORM_CSV
};
/** All rows as text, in pieces: answers of any length in constant memory. MD_CANCELLED: `take` has
 * said that it wants no more. */
enum md_code md_pieces(struct md_ask *ask, enum md_form form, md_take_fn *take, void *arg,
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

/* --- the same without waiting --- */

/* The caller's event loop waits for md_store_fd() to become readable, no longer than
 * md_store_wait_ms(), and then calls md_store_turn(store, 0, …): callbacks run in there, and only
 * there (or while a blocking verb of another session waits). docs/examples/async.c is such a loop
 * around poll(); the descriptor may as well be watched by epoll, libuv, GLib or another loop. */

/** A descriptor for poll() and its like, level-triggered, readable when there is something to do.
 * It belongs to the store, and stays the same. */
int md_store_fd(const struct md_store *store);
/** How long the loop may sleep though nothing becomes readable; -1: for ever. Ask before each
 * sleep. */
int md_store_wait_ms(const struct md_store *store);
/** Do what can be done, and call back. It waits for that no longer than `most_ms`: 0 not at all, -1
 * until there is something. MD_INVALID in a callback. */
enum md_code md_store_turn(struct md_store *store, int most_ms, struct md_error *err);

/** How a verb has ended. */
struct md_outcome {
	enum md_code code;
	const struct md_error *error; /* until the callback returns; code MD_OK: it went well */
	struct md_result *result;     /* yours to free; NULL: there is none */
	uint64_t count; /* md_async_count(): of all rows; md_async_savepoint(): the number; else how
			   many rows were given, or written */
};
/** Called once, in a turn, after the verb's beginning has returned. It may begin the next verb in
 * `work`, or in any other session, and may close them; it must not call what waits (MD_INVALID). */
typedef void md_done_fn(struct md_work *work, const struct md_outcome *outcome, void *arg);
struct md_then {
	md_done_fn *done; /* not NULL */
	void *arg;
	bool no_rows; /* of a write: how many is enough */
};

/* All of these begin a verb and return. MD_OK: it is on its way, and `then`, which is copied, is
 * called when it has ended. Anything else: nothing was begun, and nobody is called. MD_INVALID
 * (MD400) also when a verb is on its way in the session already. What the verbs do is said at those
 * that wait; texts are not needed any longer than the call. An ask that is in use by a verb on its
 * way cannot be changed; it may be freed. */
enum md_code md_async_flush(struct md_work *work, const struct md_then *then, struct md_error *err);
enum md_code md_async_commit(struct md_work *work, const struct md_then *then,
			     struct md_error *err);
enum md_code md_async_rollback(struct md_work *work, const struct md_then *then,
			       struct md_error *err);
enum md_code md_async_savepoint(struct md_work *work, const struct md_then *then,
				struct md_error *err);
enum md_code md_async_release(struct md_work *work, unsigned savepoint, const struct md_then *then,
			      struct md_error *err);
enum md_code md_async_rollback_to(struct md_work *work, unsigned savepoint,
				  const struct md_then *then, struct md_error *err);
enum md_code md_async_create(struct md_work *work, const char *model, const char *json,
			     const struct md_then *then, struct md_error *err);
enum md_code md_async_create_values(struct md_work *work, const char *model,
				    const struct md_value_text *values, unsigned count,
				    const struct md_then *then, struct md_error *err);
enum md_code md_async_get(struct md_work *work, const char *model, const char *key,
			  const struct md_then *then, struct md_error *err);
enum md_code md_async_all(struct md_ask *ask, const struct md_then *then, struct md_error *err);
/** `take` gets then->arg, in turns, before the end is told. */
enum md_code md_async_pieces(struct md_ask *ask, enum md_form form, md_take_fn *take,
			     const struct md_then *then, struct md_error *err);
enum md_code md_async_first(struct md_ask *ask, const struct md_then *then, struct md_error *err);
enum md_code md_async_one(struct md_ask *ask, const struct md_then *then, struct md_error *err);
enum md_code md_async_count(struct md_ask *ask, const struct md_then *then, struct md_error *err);
enum md_code md_async_update(struct md_ask *ask, const char *json, const struct md_then *then,
			     struct md_error *err);
enum md_code md_async_update_values(struct md_ask *ask, const struct md_value_text *values,
				    unsigned count, const struct md_then *then,
				    struct md_error *err);
enum md_code md_async_delete(struct md_ask *ask, const struct md_then *then, struct md_error *err);

/** Have the verb that is on its way end soon, with MD_CANCELLED when it is not too late. The
 * transaction may be given up with it: see md_work_open(). None is on its way: nothing happens. */
void md_work_cancel(struct md_work *work);

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
