/* Cross-origin requests of browsers, answered as PostgREST does. Without
 * server-cors-allowed-origins everybody may read; with it, the listed origins may, with
 * credentials. Private to server/. */
#ifndef MD_SERVER_CORS_H
#define MD_SERVER_CORS_H
#include <stdbool.h>

#include "server/request.h"

#define MD_CORS_METHODS "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
/* Those of modeld, which PostgREST does not have or expose. */
#define MD_CORS_EXPOSED_TOO \
	"Accept-Query, ETag, Link, Preference-Applied, Proxy-Status, Retry-After"
#define MD_CORS_EXPOSED                                                                     \
	"Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, " \
	"Server, Transfer-Encoding, Range-Unit"

/** A browser asks whether it may send what it has in mind: OPTIONS with Origin and
 * Access-Control-Request-Method. Answered for any path. */
bool md_cors_is_preflight(const struct md_request *request);
/** The value of Access-Control-Allow-Origin: "*", the origin, or NULL when it gets none. */
const char *md_cors_origin(struct md_request *request);
/** Whether origins are listed, so that the answer depends on Origin. */
bool md_cors_is_restricted(const struct md_request *request);
/** The value of Access-Control-Allow-Headers; NULL: no memory. */
const char *md_cors_headers(struct md_request *request);
#endif
