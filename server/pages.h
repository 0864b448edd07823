/* What the header of a list says about its page. Each function gives a value in the request's
 * arena, or NULL when the header is not sent. Private to server/. */
#ifndef MD_SERVER_PAGES_H
#define MD_SERVER_PAGES_H
#include "server/request.h"

/** Content-Range. */
const char *md_pages_range(struct md_request *request);
/** Content-Location: where exactly this answer is to be found, the path with its parameters in
 * order. */
const char *md_pages_location(struct md_request *request);
/** Link to the next page, when there may be one: this one has the most rows that it may have. Not
 * of a page that a GET cannot ask for, because its target would be too long. */
const char *md_pages_next(struct md_request *request);
#endif
