/* A query in the body of a request: QUERY /{relation} (RFC 10008), and POST /-/query/{relation} for
 * those who cannot send that. Its parameters become the query string, and from there on it is a
 * GET. Private to server/. */
#ifndef MD_SERVER_QUERY_BODY_H
#define MD_SERVER_QUERY_BODY_H
#include "server/request.h"

/** What a body may be, for Accept-Query. */
#define MD_QUERY_TYPES "application/x-www-form-urlencoded, application/json"

/** The request asks by its body. */
bool md_query_is_asked(const struct md_request *request);
/** Body, and what stands in the target, into request->raw_query; raw_path becomes that of the
 * relation. MD415: neither form nor JSON; PGRST102: not of that type after all. */
enum md_code md_query_take(struct md_request *request);
#endif
