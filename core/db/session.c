#include "core/db/session_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/banned.h"

enum md_code md_session_open(struct md_db_loop *loop, const struct md_session_options *options,
			     struct md_session **ret_session, struct md_error *err)
{
	struct md_session *session = calloc(1, sizeof(*session));

	if (!session)
		return md_fail_nomem(err);
	session->loop = loop;
	session->options = *options;
	session->way = loop->pipes ? &md_session_by_pipe : &md_session_by_thread;
	*ret_session = session;
	return MD_OK;
}

static void release(struct md_session *session)
{
	session->way->release(session);
	free(session);
}

static void closed(struct md_session *session, const struct md_error *err, void *arg)
{
	(void)err;
	(void)arg;
	release(session);
}

struct md_session *md_session_close(struct md_session *session)
{
	if (!session)
		return NULL;
	assert(session->work == MD_SESSION_IDLE);
	if (session->begun && !session->lost)
		md_session_rollback(session, closed, NULL);
	else
		release(session);
	return NULL;
}

/* --- units --- */

static void run_failed(struct md_task *task)
{
	struct md_unit *unit = (struct md_unit *)((char *)task - offsetof(struct md_unit, task));

	unit->ops->done(unit, unit->error.code);
}

/* Not from here: the caller believes that the unit is on its way. */
static void refuse(struct md_session *session, struct md_unit *unit)
{
	md_fail(&unit->error, MD_NOT_FOUND, "MD410", "the transaction has ended and was undone");
	unit->task.run = run_failed;
	md_reactor_post(session->loop->home, &unit->task);
}

void md_session_run(struct md_session *session, struct md_unit *unit)
{
	assert(session->work == MD_SESSION_IDLE);
	if (session->lost) {
		refuse(session, unit);
		return;
	}
	session->work = MD_SESSION_UNIT;
	session->unit = unit;
	session->way->run(session);
}

void md_session_resume(struct md_session *session, struct md_unit *unit)
{
	if (session->unit == unit)
		session->way->resume(session);
}

void md_session_cancel(struct md_session *session, struct md_unit *unit)
{
	if (session->unit == unit)
		session->way->cancel(session);
}

/* --- the end --- */

static struct md_session *session_of(struct md_task *task)
{
	return (struct md_session *)((char *)task - offsetof(struct md_session, task));
}

static void later(struct md_session *session, void (*run)(struct md_task *task))
{
	session->task.run = run;
	md_reactor_post(session->loop->home, &session->task);
}

static void ended_later(struct md_task *task)
{
	md_session_ended(session_of(task));
}

/* A connection may fail at once; the caller believes that its end is on its way. */
void md_session_ended(struct md_session *session)
{
	md_session_fn *then = session->then;
	struct md_error error = session->error;

	if (session->starting) {
		later(session, ended_later);
		return;
	}
	session->work = MD_SESSION_IDLE;
	session->begun = session->lost = false;
	then(session, &error, session->arg);
}

static void run_ended(struct md_task *task)
{
	struct md_session *session = session_of(task);

	session->way->release(session);
	md_session_ended(session);
}

static void end(struct md_session *session, enum md_session_work work, md_session_fn *then,
		void *arg)
{
	assert(session->work == MD_SESSION_IDLE);
	session->work = work;
	session->then = then;
	session->arg = arg;
	md_error_clear(&session->error);
	if (session->lost && work == MD_SESSION_COMMIT)
		md_fail(&session->error, MD_NOT_FOUND, "MD410",
			"the transaction has ended and was undone");
	if (!session->begun || session->lost) {
		later(session, run_ended);
		return;
	}
	session->starting = true;
	session->way->end(session);
	session->starting = false;
}

void md_session_commit(struct md_session *session, md_session_fn *then, void *arg)
{
	end(session, MD_SESSION_COMMIT, then, arg);
}

void md_session_rollback(struct md_session *session, md_session_fn *then, void *arg)
{
	end(session, MD_SESSION_ROLLBACK, then, arg);
}

/* --- marks --- */

static void marked_later(struct md_task *task)
{
	md_session_marked(session_of(task));
}

void md_session_marked(struct md_session *session)
{
	md_session_fn *then = session->then;
	struct md_error error = session->error;

	if (session->starting) {
		later(session, marked_later);
		return;
	}
	session->work = MD_SESSION_IDLE;
	then(session, &error, session->arg);
}

/* session->control says for what the transaction begins, and until when. `number` 0: the mark. */
static void mark(struct md_session *session, enum md_session_work work, unsigned number,
		 md_session_fn *then, void *arg)
{
	static const char *const commands[] = {
		[MD_SESSION_MARK] = "SAVEPOINT",
		[MD_SESSION_UNMARK] = "RELEASE SAVEPOINT",
		[MD_SESSION_UNDO] = "ROLLBACK TO SAVEPOINT",
	};

	assert(session->work == MD_SESSION_IDLE);
	if (number > 0)
		snprintf(session->mark, sizeof(session->mark), "%s md_point_%u", commands[work],
			 number);
	else
		snprintf(session->mark, sizeof(session->mark), "%s md_mark", commands[work]);
	session->work = work;
	session->then = then;
	session->arg = arg;
	md_error_clear(&session->error);
	if (session->lost) {
		md_fail(&session->error, MD_NOT_FOUND, "MD410",
			"the transaction has ended and was undone");
		later(session, marked_later);
		return;
	}
	session->starting = true;
	session->way->mark(session);
	session->starting = false;
}

void md_session_mark(struct md_session *session, uint64_t deadline_ns, md_session_fn *then,
		     void *arg)
{
	session->control = (struct md_unit){ .tx = MD_TX_WRITE, .deadline_ns = deadline_ns };
	mark(session, MD_SESSION_MARK, 0, then, arg);
}

void md_session_unmark(struct md_session *session, bool undo, md_session_fn *then, void *arg)
{
	session->control = (struct md_unit){ .tx = MD_TX_WRITE };
	mark(session, undo ? MD_SESSION_UNDO : MD_SESSION_UNMARK, 0, then, arg);
}

void md_session_point(struct md_session *session, enum md_point what, unsigned number,
		      md_session_fn *then, void *arg)
{
	static const enum md_session_work works[] = { [MD_POINT_SET] = MD_SESSION_MARK,
						      [MD_POINT_RELEASE] = MD_SESSION_UNMARK,
						      [MD_POINT_BACK] = MD_SESSION_UNDO };

	assert(what == MD_POINT_SET || session->begun || session->lost);
	session->control = (struct md_unit){ .tx = MD_TX_READ };
	mark(session, works[what], number, then, arg);
}

/* --- what is known of it --- */

bool md_session_is_busy(const struct md_session *session)
{
	return session->work != MD_SESSION_IDLE;
}

bool md_session_is_lost(const struct md_session *session)
{
	return session->lost;
}

bool md_session_is_begun(const struct md_session *session)
{
	return session->begun;
}

void md_session_leave(struct md_session *session)
{
	assert(session->work == MD_SESSION_IDLE);
	session->way->leave(session);
	session->loop = NULL;
}

void md_session_join(struct md_session *session, struct md_db_loop *loop)
{
	session->loop = loop;
	session->way->join(session);
}
