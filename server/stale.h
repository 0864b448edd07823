/* A request that failed because the database is not what it was when it was introspected waits for
 * a new look at it and begins again: nothing of it has happened. Private to server/. */
#ifndef MD_SERVER_STALE_H
#define MD_SERVER_STALE_H
#include "server/request.h"

/** A step has failed. ON: begin with request->step; SUSPEND: enter that step once more later; FAIL:
 * it is the request's own mistake, or nobody can help it. */
enum md_go md_stale_look(struct md_request *request);
#endif
