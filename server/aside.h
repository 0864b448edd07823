/* Work of a request that would keep its loop from the other requests: a document about thousands of
 * models. It is done by one helper thread, one document after another; what is small is done at
 * once. While it waits or is being made, the request's `out` and what `arg` points to belong to it.
 * Private to server/.
 *
 *   md_aside_run() ──► helper: make() ──► loop: keep() ──► md_aside_run() again: ON or FAIL
 *        └──────────── small: make(), keep() ──► ON or FAIL
 */
#ifndef MD_SERVER_ASIDE_H
#define MD_SERVER_ASIDE_H
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/reactor.h"
#include "server/request.h"

struct md_registry;

/** A request's work; in its arena. */
struct md_aside {
	struct md_task task; /* private, first */
	struct md_aside *next;
	struct md_timer timer; /* while it waits */
	struct md_request *request;
	struct md_registry *registry; /* for make(); the work has a reference of its own */
	enum md_code (*make)(struct md_aside *aside, struct md_error *err); /* any thread */
	void (*keep)(struct md_aside *aside); /* on the loop, whatever make() said; NULL: nothing */
	void *arg;
	bool is_small; /* however many models there are */
	bool over;
	struct md_error error;
};

/** Do what `work` says (make, keep and arg) for the newest registry; called again after SUSPEND,
 * and then `work` is not looked at. */
enum md_go md_aside_run(struct md_request *request, const struct md_aside *work);
/** Nobody waits for it: what has not begun never does. */
void md_aside_cancel(struct md_request *request);
/** The loops have ended: nothing waits. Main thread. */
void md_aside_end(void);
#endif
