/* RAISE SQLSTATE 'PGRST': a database function decides about the whole answer. MESSAGE is JSON with
 * code, message, details and hint, DETAIL is JSON with status and headers. Private to server/. */
#ifndef MD_SERVER_RAISED_H
#define MD_SERVER_RAISED_H
#include "server/request.h"

/** Put what was raised into the request's error, status and raised headers; what cannot be read is
 * PGRST121. Any other error stays as it is. */
void md_raised_apply(struct md_request *request);
/** A header that was raised, and the first behind the last: NULL. In the request's arena. */
struct md_raised_header {
	const char *name, *value;
	struct md_raised_header *next;
};
#endif
