/* A transaction's way:
 *
 *   begin ──► open ◄──► used by a request ──► commit, rollback ──► gone
 *               └──► idle for too long, too old, the server stops ──► rolled back, gone
 */
#include "server/transactions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "core/db/session.h"
#include "server/inner.h"
#include "server/loop.h"
#include "server/once.h"
#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

enum { ID_BYTES = 16, ID_LEN = 2 * ID_BYTES };

struct md_transaction {
	char id[ID_LEN + 1];
	struct md_loop *loop; /* where its session is; changed by a hand-over only */
	struct md_session *session;
	struct md_timer timer; /* at that loop, while nobody is in it */
	struct md_task task;   /* of a hand-over */
	uint64_t end_ns;       /* of its life */
	bool blocks;           /* it has written, and other writes wait */
	/* Guarded by the table's lock. */
	struct md_request *user;
	bool ending; /* nobody may enter any more */
	struct md_transaction *next;
};

static struct md_transactions *table_of(const struct md_loop *loop)
{
	return &loop->server->transactions;
}

/* --- the table --- */

void md_transactions_init(struct md_transactions *transactions)
{
	md_lock_init(&transactions->lock);
}

void md_transactions_release(struct md_transactions *transactions)
{
	md_lock_release(&transactions->lock);
}

unsigned md_transactions_count(struct md_transactions *transactions)
{
	unsigned count;

	md_lock_enter(&transactions->lock);
	count = transactions->count;
	md_lock_leave(&transactions->lock);
	return count;
}

/* Half of the connections at most; where there is one writer, one. */
static unsigned most(const struct md_loop *loop)
{
	const struct md_options *o = loop->options;
	uint64_t connections = (uint64_t)o->pool_size + (uint64_t)(o->max_overflow);

	if (o->transactions > 0)
		return (unsigned)o->transactions;
	if (md_db_has_one_writer(loop->server->db))
		return 1;
	if (o->pool_size == 0 || o->max_overflow < 0)
		return 100;
	return connections < 4 ? 1 : (unsigned)(connections / 2);
}

static bool add(struct md_transactions *table, struct md_transaction *transaction, unsigned limit)
{
	bool room;

	md_lock_enter(&table->lock);
	room = !table->closed && table->count < limit;
	if (room) {
		transaction->next = table->first;
		table->first = transaction;
		table->count++;
	}
	md_lock_leave(&table->lock);
	return room;
}

/* Its session is closed. */
static void forget(struct md_transaction *transaction)
{
	struct md_transactions *table = table_of(transaction->loop);
	struct md_transaction **at = &table->first;

	md_lock_enter(&table->lock);
	while (*at != transaction)
		at = &(*at)->next;
	*at = transaction->next;
	table->count--;
	md_lock_leave(&table->lock);
	transaction->loop->session_count--;
	free(transaction);
}

/* --- the end --- */

static void undone(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_transaction *transaction = arg;

	(void)err;
	md_session_close(session);
	forget(transaction);
}

/* Nobody is in it, and nobody may enter any more. */
static void undo(struct md_transaction *transaction)
{
	md_reactor_disarm(transaction->loop->reactor, &transaction->timer);
	md_session_rollback(transaction->session, undone, transaction);
}

/* False: a request is in it, or on its way. */
static bool shut(struct md_transaction *transaction)
{
	struct md_transactions *table = table_of(transaction->loop);
	bool alone;

	md_lock_enter(&table->lock);
	alone = !transaction->user && !transaction->ending;
	if (alone)
		transaction->ending = true;
	md_lock_leave(&table->lock);
	return alone;
}

static void time_is_up(struct md_timer *timer)
{
	struct md_transaction *transaction = md_container_of(timer, struct md_transaction, timer);

	if (!shut(transaction))
		return; /* whoever is in it will see */
	atomic_fetch_add_explicit(&table_of(transaction->loop)->expired, 1, memory_order_relaxed);
	md_log_line(&transaction->loop->server->log, MD_LOG_INFO,
		    "transaction expired, rolled back");
	undo(transaction);
}

static void wait_for_user(struct md_transaction *transaction)
{
	const struct md_options *o = transaction->loop->options;
	uint64_t idle_ms = transaction->blocks ? o->transaction_write_idle : o->transaction_idle;
	uint64_t due = md_now_ns() + idle_ms * MD_MS;

	md_reactor_arm(transaction->loop->reactor, &transaction->timer,
		       due < transaction->end_ns ? due : transaction->end_ns);
}

void md_transactions_drain(struct md_loop *loop)
{
	struct md_transactions *table = table_of(loop);
	struct md_transaction *one;

	do {
		md_lock_enter(&table->lock);
		table->closed = true;
		one = table->first;
		while (one && (one->loop != loop || one->user || one->ending))
			one = one->next;
		if (one)
			one->ending = true;
		md_lock_leave(&table->lock);
		if (one)
			undo(one);
	} while (one);
}

/* --- requests in it --- */

static enum md_go fail_gone(struct md_request *request)
{
	md_fail(&request->error, MD_NOT_FOUND, "MD410", "there is no such transaction (any more)");
	md_error_hint(&request->error,
		      "Transactions that are idle for too long, or too old, are rolled back.");
	return MD_GO_FAIL;
}

/* Take it for the request. NULL: request->error says why not. */
static struct md_transaction *take(struct md_request *request, struct md_str id)
{
	struct md_transactions *table = table_of(request->loop);
	struct md_transaction *found;
	bool busy;

	md_lock_enter(&table->lock);
	found = table->first;
	while (found && !md_str_is(id, found->id))
		found = found->next;
	if (found && (found->ending || table->closed))
		found = NULL;
	busy = found && found->user;
	if (found && !busy)
		found->user = request;
	md_lock_leave(&table->lock);
	if (!busy && found)
		return found;
	if (!busy) {
		fail_gone(request);
		return NULL;
	}
	md_fail(&request->error, MD_CONFLICT, "MD409",
		"another request of this transaction is being served");
	md_error_hint(&request->error, "Send the requests of a transaction one after another.");
	return NULL;
}

static void joined(struct md_task *task)
{
	struct md_transaction *transaction = md_container_of(task, struct md_transaction, task);
	struct md_request *request = transaction->user;

	transaction->loop = request->loop;
	transaction->loop->session_count++;
	md_session_join(transaction->session, request->loop->db);
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	else
		md_transaction_leave(request);
	md_request_let_go(request, MD_HELD_BY_TRANSACTION);
}

static void left(struct md_task *task)
{
	struct md_transaction *transaction = md_container_of(task, struct md_transaction, task);

	md_reactor_disarm(transaction->loop->reactor, &transaction->timer);
	md_session_leave(transaction->session);
	transaction->loop->session_count--;
	transaction->task.run = joined;
	md_reactor_post(transaction->user->loop->reactor, &transaction->task);
}

/* The request is alone in it; have it at the request's loop. */
static enum md_go bring(struct md_request *request, struct md_transaction *transaction)
{
	request->transaction = transaction;
	if (transaction->loop == request->loop) {
		md_reactor_disarm(request->loop->reactor, &transaction->timer);
		return MD_GO_ON;
	}
	request->held |= MD_HELD_BY_TRANSACTION;
	transaction->task.run = left;
	md_reactor_post(transaction->loop->reactor, &transaction->task);
	return MD_GO_SUSPEND;
}

enum md_go md_transaction_enter(struct md_request *request)
{
	struct md_transaction *transaction;

	if (request->transaction)
		return request->transaction->loop == request->loop ? MD_GO_ON : MD_GO_SUSPEND;
	if (request->inner || !md_heads_has(&request->heads, MD_HEAD_TRANSACTION))
		return MD_GO_ON;
	if (!request->route.model) {
		md_fail(&request->error, MD_INVALID, "MD400",
			"only requests for tables can be in a transaction");
		return MD_GO_FAIL;
	}
	transaction = take(request, request->heads.value[MD_HEAD_TRANSACTION]);
	return transaction ? bring(request, transaction) : MD_GO_FAIL;
}

struct md_session *md_transaction_session(const struct md_request *request)
{
	if (request->inner)
		return request->inner->session;
	if (request->once)
		return md_once_session(request);
	return request->transaction ? request->transaction->session : NULL;
}

static bool is_over(const struct md_transaction *transaction)
{
	return md_session_is_lost(transaction->session) || md_now_ns() >= transaction->end_ns ||
	       transaction->loop->draining;
}

/* From its first write on it must hurry, where everybody else's writes wait for it. */
static void note_write(struct md_transaction *transaction, const struct md_request *request)
{
	const struct md_loop *loop = request->loop;
	uint64_t end_ns = md_now_ns() + loop->options->transaction_write_lifetime * MD_MS;

	if (transaction->blocks || !request->write || !md_db_has_one_writer(loop->server->db))
		return;
	transaction->blocks = true;
	if (end_ns < transaction->end_ns)
		transaction->end_ns = end_ns;
}

void md_transaction_leave(struct md_request *request)
{
	struct md_transaction *transaction = request->transaction;
	struct md_transactions *table;
	bool over;

	if (!transaction || transaction->user != request)
		return;
	table = table_of(request->loop);
	request->transaction = NULL;
	note_write(transaction, request);
	over = is_over(transaction);
	if (!over)
		wait_for_user(transaction);
	md_lock_enter(&table->lock);
	transaction->user = NULL;
	transaction->ending = over;
	md_lock_leave(&table->lock);
	if (over)
		undo(transaction);
}

/* --- POST /-/transactions --- */

static enum md_code make_id(char *id, struct md_error *err)
{
	unsigned char bytes[ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return md_fail(err, MD_UNAVAILABLE, "58030", "the system gives no random bytes");
	for (int i = 0; i < ID_BYTES; i++)
		snprintf(id + 2 * (size_t)i, 3, "%02x", bytes[i]);
	return MD_OK;
}

static struct md_transaction *new_transaction(struct md_loop *loop, struct md_error *err)
{
	const struct md_session_options how = { .writes = false };
	struct md_transaction *transaction = calloc(1, sizeof(*transaction));
	enum md_code code = transaction ? make_id(transaction->id, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = md_session_open(loop->db, &how, &transaction->session, err);
	if (code != MD_OK) {
		free(transaction);
		return NULL;
	}
	transaction->loop = loop;
	transaction->timer.due = time_is_up;
	transaction->end_ns = md_now_ns() + loop->options->transaction_lifetime * MD_MS;
	return transaction;
}

/* Seconds are enough: it is a promise that requests that come later are too late. */
static void put_time(struct md_buf *out, uint64_t ms_from_now)
{
	time_t at = time(NULL) + (time_t)(ms_from_now / 1000);
	struct tm parts;
	char text[32];

	gmtime_r(&at, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
	md_buf_puts(out, text);
}

static enum md_go tell_begun(struct md_request *request, const struct md_transaction *transaction)
{
	md_buf_clear(&request->out);
	md_buf_printf(&request->out, "{\"id\":\"%s\",\"expires_at\":\"", transaction->id);
	put_time(&request->out, request->loop->options->transaction_lifetime);
	md_buf_puts(&request->out, "\"}");
	request->location = md_arena_printf(request->arena, "/-/transactions/%s", transaction->id);
	request->type = "application/json; charset=utf-8";
	request->status = 201;
	request->length = request->out.len;
	return MD_GO_ON;
}

enum md_go md_run_begin(struct md_request *request)
{
	struct md_loop *loop = request->loop;
	struct md_transaction *transaction = new_transaction(loop, &request->error);

	if (!transaction)
		return MD_GO_FAIL;
	loop->session_count++;
	if (!add(table_of(loop), transaction, most(loop))) {
		md_session_close(transaction->session);
		free(transaction);
		loop->session_count--;
		md_fail(&request->error, MD_BUSY, "MD503", "too many transactions are open");
		md_error_hint(&request->error, "Try again in a moment.");
		return MD_GO_FAIL;
	}
	atomic_fetch_add_explicit(&table_of(loop)->begun, 1, memory_order_relaxed);
	wait_for_user(transaction);
	return tell_begun(request, transaction);
}

/* --- POST /-/transactions/{id}/commit and …/rollback --- */

static void ended(struct md_session *session, const struct md_error *err, void *arg)
{
	struct md_transaction *transaction = arg;
	struct md_request *request = transaction->user;

	request->error = *err;
	request->transaction_over = true;
	request->transaction = NULL;
	md_session_close(session);
	forget(transaction);
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_TRANSACTION);
}

static enum md_go tell_ended(struct md_request *request, const char *state)
{
	if (request->error.code != MD_OK)
		return MD_GO_FAIL;
	md_buf_clear(&request->out);
	md_buf_printf(&request->out, "{\"state\":\"%s\"}", state);
	request->type = "application/json; charset=utf-8";
	request->status = 200;
	request->length = request->out.len;
	return MD_GO_ON;
}

/* With db-tx-end = rollback nothing is kept. */
static bool keeps(const struct md_request *request)
{
	int end = (int)request->loop->options->db_tx_end;

	return end == MD_TX_END_COMMIT || end == MD_TX_END_COMMIT_OVERRIDE;
}

static enum md_go end(struct md_request *request, bool commit)
{
	struct md_transactions *table = table_of(request->loop);
	struct md_transaction *transaction = request->transaction;

	if (request->transaction_over)
		return tell_ended(request, commit ? "committed" : "rolled back");
	if (!transaction) {
		enum md_go go;

		transaction = take(request, request->path.segments[2]);
		go = transaction ? bring(request, transaction) : MD_GO_FAIL;
		if (go != MD_GO_ON)
			return go;
	}
	md_lock_enter(&table->lock);
	transaction->ending = true;
	md_lock_leave(&table->lock);
	request->held |= MD_HELD_BY_TRANSACTION;
	atomic_fetch_add_explicit(commit ? &table->committed : &table->rolled_back, 1,
				  memory_order_relaxed);
	if (commit && keeps(request))
		md_session_commit(transaction->session, ended, transaction);
	else
		md_session_rollback(transaction->session, ended, transaction);
	return MD_GO_SUSPEND;
}

enum md_go md_run_commit(struct md_request *request)
{
	return end(request, true);
}

enum md_go md_run_rollback(struct md_request *request)
{
	return end(request, false);
}
