/* Private to core/db: what the two ways of holding a transaction share. session.c is what both have
 * in common, session_thread.c is for engines that block, session_pipe.c for those that do not. */
#ifndef MD_CORE_DB_SESSION_PRIVATE_H
#define MD_CORE_DB_SESSION_PRIVATE_H
#include "core/db/lane.h"
#include "core/db/session.h"

struct md_held;
struct md_pipe;

enum { MD_SESSION_MARK_MAX = 48 };

/** What the session is doing. */
enum md_session_work {
	MD_SESSION_IDLE,
	MD_SESSION_UNIT,
	MD_SESSION_COMMIT,
	MD_SESSION_ROLLBACK,
	MD_SESSION_MARK,
	MD_SESSION_UNMARK,
	MD_SESSION_UNDO /* back to the mark */
};
/** Of COMMIT and ROLLBACK. */
static inline bool md_session_work_ends(enum md_session_work work)
{
	return work == MD_SESSION_COMMIT || work == MD_SESSION_ROLLBACK;
}

struct md_session {
	struct md_db_loop *loop; /* NULL while it is on its way to another one */
	const struct md_session_way *way;
	struct md_session_options options;
	enum md_session_work work;
	struct md_unit *unit; /* at work */
	bool begun, lost, closing;
	bool starting;       /* way->end() or way->mark() has not returned */
	md_session_fn *then; /* of COMMIT and ROLLBACK, and of marks */
	void *arg;
	struct md_task task;    /* the work has ended */
	struct md_error error;  /* … with this */
	struct md_held *held;   /* engines that block: its thread */
	struct md_pipe *pipe;   /* others: its connection */
	struct md_unit control; /* … and what runs BEGIN, COMMIT and ROLLBACK on it; of a mark:
				   what the transaction begins for */
	struct md_stmt command;
	bool asked;                     /* `control` has given its command */
	char mark[MD_SESSION_MARK_MAX]; /* the command of MARK, UNMARK and UNDO */
};

struct md_session_way {
	/** session->unit is to be run. */
	void (*run)(struct md_session *session);
	void (*resume)(struct md_session *session);
	void (*cancel)(struct md_session *session);
	/** End the transaction, which has begun and is not lost: COMMIT or ROLLBACK, as `work`
	 * says; then md_session_ended(). */
	void (*end)(struct md_session *session);
	/** MARK, UNMARK or UNDO, as `work` says; `control` has the deadline. Then
	 * md_session_marked(). */
	void (*mark)(struct md_session *session);
	/** Give up what is held, for good. The transaction has ended or is lost. */
	void (*release)(struct md_session *session);
	void (*leave)(struct md_session *session);
	void (*join)(struct md_session *session);
};
extern const struct md_session_way md_session_by_thread, md_session_by_pipe;

/** session->pipe is closed. Home loop. */
void md_session_lose_pipe(struct md_session *session);

/** session->work, COMMIT or ROLLBACK, has ended with session->error. Home loop, at any time: also
 * from within the call that began it. */
void md_session_ended(struct md_session *session);
/** … and those of marks. */
void md_session_marked(struct md_session *session);

/** Stop the threads that sessions used; none is open. */
void md_session_threads_stop(struct md_db *db);
#endif
