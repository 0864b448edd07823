/* Writing: POST, PATCH, PUT and DELETE of a relation or an item. One md_write is one request's work
 * in one savepoint of the group commit: all of it happens or nothing, and nothing is told before it
 * is durable. Lives in the request's arena; home loop only. */
#ifndef MD_CORE_OPS_WRITE_H
#define MD_CORE_OPS_WRITE_H
#include <stdbool.h>
#include <stdint.h>

#include "core/json/bulk.h"
#include "core/ops/read.h"

/** A write of the relationship that a path names; the body is an object with it as its one member.
 */
enum md_link {
	MD_LINK_NONE,
	MD_LINK_SET,   /* this is all there is */
	MD_LINK_ADD,   /* new rows, and links to others; the new rows are given back */
	MD_LINK_REMOVE /* these are linked no longer: MD404 when they were not */
};

struct md_write;
/** Conditions on the row that a write is about, for its representation as GET of the same target
 * gives it. */
struct md_match {
	struct md_etags if_match, if_none_match;
	const struct md_str *key; /* model->key_count parts */
};
/** What is asked. Everything borrowed, from the request's arena. */
struct md_write_ask {
	enum md_write_kind kind;
	enum md_give give;
	const struct md_model *model;
	const struct md_str
		*key; /* of an item route: model->key_count parts; NULL: the filters decide */
	const struct md_query *query;
	const struct md_body *body; /* NULL for DELETE */
	/** The rows come in parts, of which `body` is the first, to be read again; travels with
	 * the write. NULL: they are all in `body`. */
	struct md_bulk *bulk;
	bool texts; /* the body's cells are texts of their column's type (CSV, forms) */
	enum md_prefer_resolution resolution;
	const struct md_str *conflict; /* on_conflict=; NULL: the primary key */
	unsigned conflict_count;
	bool replace;                 /* PUT: the body is one row and has the key of the path */
	bool missing_default;         /* Prefer: missing=default */
	const struct md_match *match; /* MD412 when it does not hold; NULL: none */
	bool singular;
	bool strip_nulls;
	enum md_answer answer;
	enum md_link link; /* kind UPDATE, with a key; NONE: of rows */
	bool link_single;  /* … what was sent is one object of the list in the body */
	bool dry_run;      /* Prefer: tx=rollback */
	bool has_max_affected;
	int64_t max_affected;
	const char *prelude; /* of md_db_zone_prelude(); NULL: none of its own */
	uint64_t deadline_ns;
	/** Run in this session's transaction, and be durable with it; NULL: in one of its own. */
	struct md_session *session;
	struct md_arena *arena;
	bool timed; /* result.plan_ns is wanted */
	struct md_buf *out;
	void (*ready)(struct md_write *write, void *arg);
	void *arg;
};

struct md_write_result {
	uint64_t rows;        /* inserted, changed or deleted */
	uint64_t groups;      /* given back, when rows were asked for in groups */
	bool grouped;         /* … which they were */
	uint64_t inserted;    /* of an upsert: those that were not there */
	const char *location; /* "?id=eq.7" of the one row inserted; NULL: none */
	bool lost_location;   /* there was no memory for it */
	bool resolved;        /* the resolution was used: there is a key to conflict with */
	uint64_t plan_ns;     /* Server-Timing */
};

/** Whether the body has relationships: JSON members that are no columns, but relations of the
 * model. Such a write is several, in a session of its own or in the ask's. */
bool md_write_is_nested(const struct md_ops *ops, const struct md_write_ask *ask);
/** Start. *ret_write is NULL when not even that much memory is there. True: it has failed already
 * and `ready` will not be called. */
bool md_write_start(struct md_ops *ops, const struct md_write_ask *ask,
		    struct md_write **ret_write);
/** MD_READ_RUNNING, MD_READ_DONE (durable) or MD_READ_FAILED (nothing happened, or MD_UNCERTAIN).
 */
enum md_read_state md_write_state(const struct md_write *write);
/** Why it has FAILED. */
const struct md_error *md_write_error(const struct md_write *write);
/** Valid when DONE. */
const struct md_write_result *md_write_result(const struct md_write *write);
/** Client gone or deadline: rolls back when it is not too late; still ends through `ready`. */
void md_write_cancel(struct md_write *write);
#endif
