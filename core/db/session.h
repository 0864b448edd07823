/* A session: one caller's transaction over several units. It begins with the first unit that is run
 * in it and ends with commit, rollback or close; until then it has a connection of its own. Each
 * unit runs in a savepoint: one that fails is undone alone, and the session goes on, unless the
 * engine gave up the whole transaction (md_session_is_lost()).
 *
 *   open ──► run … run ──► commit ──► (open again: the next unit begins a new transaction)
 *                    └───► rollback, close: everything is undone
 *
 * Several units that are undone together, without the rest, stand between mark and unmark.
 *
 * On engines with one writer the session takes the writer with its first write (or before, see
 * options.writes) and gives it back at its end: other writes wait for that long. A session that has
 * read before sees what it has read; when that has changed since, its first write fails with 40001.
 *
 * Limits in time are the caller's business. A session belongs to the loop that opened it, or that
 * took it over; its functions are for that loop only. One unit at a time. */
#ifndef MD_CORE_DB_SESSION_H
#define MD_CORE_DB_SESSION_H
#include <stdbool.h>
#include <stdint.h>

#include "core/db/db.h"

struct md_session;
struct md_session_options {
	bool writes; /* it will write: take what that needs with the first unit, whatever it is */
};
/** The end of a transaction; err is valid during the call, and MD_OK when it went well. */
typedef void md_session_fn(struct md_session *session, const struct md_error *err, void *arg);

/** Open. No connection is taken yet. MD_NOMEM. */
enum md_code md_session_open(struct md_db_loop *loop, const struct md_session_options *options,
			     struct md_session **ret_session, struct md_error *err);
/** Roll back what is open, and free it, now or when that is done. No unit is at work and no end
 * under way. NULL is fine; returns NULL. */
struct md_session *md_session_close(struct md_session *session);

/** Run a unit in the session. Never fails and never blocks: failure arrives in done(), and never
 * before this has returned. unit->alone, and the group of a write, mean nothing here. */
void md_session_run(struct md_session *session, struct md_unit *unit);
/** Go on after paused(). */
void md_session_resume(struct md_session *session, struct md_unit *unit);
/** The unit ends soon with MD_CANCELLED, still through done(). The transaction may be lost with
 * it. */
void md_session_cancel(struct md_session *session, struct md_unit *unit);

/** Commit or undo what the session has done. No unit is at work. `then` comes later, once: a commit
 * that it reports is durable; MD_UNCERTAIN: nobody knows. After a failure everything is undone. */
void md_session_commit(struct md_session *session, md_session_fn *then, void *arg);
void md_session_rollback(struct md_session *session, md_session_fn *then, void *arg);

/** Remember the present place, at the beginning or between units, and have the transaction begin if
 * it has not. `then` comes later, once. One mark at a time. */
void md_session_mark(struct md_session *session, uint64_t deadline_ns, md_session_fn *then,
		     void *arg);
/** Forget the mark. `undo`: everything that has been done since is undone. */
void md_session_unmark(struct md_session *session, bool undo, md_session_fn *then, void *arg);

/** Savepoints with numbers, which the caller counts from 1; marks come and go between them. */
enum md_point {
	MD_POINT_SET,     /* remember the present place; the transaction begins if it has not */
	MD_POINT_RELEASE, /* forget it, and those set after it */
	MD_POINT_BACK     /* undo what was done since, and forget those set after it */
};
/** `then` comes later, once. */
void md_session_point(struct md_session *session, enum md_point what, unsigned number,
		      md_session_fn *then, void *arg);

/** A unit is at work, or an end under way. */
bool md_session_is_busy(const struct md_session *session);
/** The transaction has been given up and undone by the engine, or with the connection: nothing but
 * rollback or close will do. Units fail with MD410. */
bool md_session_is_lost(const struct md_session *session);
/** It has begun, and holds a connection. */
bool md_session_is_begun(const struct md_session *session);

/** Hand it to another loop: leave here, then join there, on that loop's thread. It is not busy. */
void md_session_leave(struct md_session *session);
void md_session_join(struct md_session *session, struct md_db_loop *loop);
#endif
