/* Transactions over several requests: POST /-/transactions begins one, the header "Transaction: ID"
 * puts a request into it, commit and rollback end it. One request at a time is in it; between
 * requests it may be idle for a short time only, and as a whole it has an end, because it holds a
 * connection, and on engines with one writer, once it has written, everybody else's writes.
 *
 * A transaction lives at one loop. A request that comes to another one waits until it has been
 * handed over. The table is shared by all loops; a transaction in it is touched by the request that
 * is in it, or else by its loop. Private to server/. */
#ifndef MD_SERVER_TRANSACTIONS_H
#define MD_SERVER_TRANSACTIONS_H
#include "core/base/lock.h"
#include "server/request.h"

struct md_transaction;

struct md_transactions {
	struct md_lock lock;
	/* Guarded by it. */
	struct md_transaction *first;
	unsigned count;
	bool closed; /* the server stops: no new ones */
	/* Counters for metrics. */
	_Atomic uint64_t begun, committed, rolled_back, expired;
};

void md_transactions_init(struct md_transactions *transactions);
/** None is left. */
void md_transactions_release(struct md_transactions *transactions);
/** How many are open. Any thread. */
unsigned md_transactions_count(struct md_transactions *transactions);

/** Before a request runs: the one its header names. ON: it is in it, or has none; SUSPEND: on its
 * way, enter again; FAIL: there is none (MD410), another request is in it (MD409), or the route
 * takes none (MD400). */
enum md_go md_transaction_enter(struct md_request *request);
/** The session that the request is to run in; NULL: none. */
struct md_session *md_transaction_session(const struct md_request *request);
/** The request's work is done: others may enter. Fine when it is in none, and when it has left. */
void md_transaction_leave(struct md_request *request);
/** The loop stops: end those that nobody is in, and let nobody in. On the loop. */
void md_transactions_drain(struct md_loop *loop);
#endif
