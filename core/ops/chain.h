/* Several writes in one transaction, one after another, as one piece of work: all of them happen or
 * none does, and the loop hears of it once. For writes that do not need each other's results; those
 * that do go one by one, through a session (core/db/session.h). Lives in the arena that is given;
 * home loop only. */
#ifndef MD_CORE_OPS_CHAIN_H
#define MD_CORE_OPS_CHAIN_H
#include "core/ops/write.h"

struct md_chain;
struct md_chain_ask {
	const struct md_write_ask *asks; /* what each of them does; session, ready and arg, dry_run
					    and deadline mean nothing there, and each needs an
					    `out` of its own */
	unsigned count;                  /* at least 1 */
	bool dry_run;
	uint64_t deadline_ns;
	struct md_session *session; /* NULL: in a transaction of its own */
	struct md_arena *arena;
	void (*ready)(struct md_chain *chain, void *arg);
	void *arg;
};

/** Start. *ret_chain is NULL when not even that much memory is there. True: it has failed already
 * and `ready` will not be called. */
bool md_chain_start(struct md_ops *ops, const struct md_chain_ask *ask,
		    struct md_chain **ret_chain);
/** MD_READ_RUNNING, MD_READ_DONE (durable, or with its session) or MD_READ_FAILED. */
enum md_read_state md_chain_state(const struct md_chain *chain);
/** What went wrong, and with which of them. */
const struct md_error *md_chain_error(const struct md_chain *chain);
unsigned md_chain_failed(const struct md_chain *chain);
/** What each has done; when all is done. */
const struct md_write_result *md_chain_result(const struct md_chain *chain, unsigned index);
/** The write itself, for what it can tell. */
struct md_write *md_chain_write(const struct md_chain *chain, unsigned index);
/** As md_write_cancel(). */
void md_chain_cancel(struct md_chain *chain);
#endif
