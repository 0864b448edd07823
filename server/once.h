/* Idempotency-Key on POST and batches: what is asked happens once, however often it is asked. The
 * answer is kept with the key in the database, in the transaction of the work itself
 * (core/ops/idempotency.h); the same request with the same key gets it again, also after a restart.
 * What fails is not kept. Private to server/. */
#ifndef MD_SERVER_ONCE_H
#define MD_SERVER_ONCE_H
#include "server/request.h"

struct md_once;

/** Whether the request has a key that counts here. */
bool md_once_is_asked(const struct md_request *request);
/** Run the request's own step `run` once; a step as `run` is. */
enum md_go md_once_run(struct md_request *request, md_step_fn *run);
/** The session in which the work is done; NULL: none. */
struct md_session *md_once_session(const struct md_request *request);
/** The client is gone: the database side soon lets go. */
void md_once_cancel(struct md_request *request);
/** The client is gone, and nothing of the request runs any more: undo it. Ends with letting go. */
void md_once_abandon(struct md_request *request);
#endif
