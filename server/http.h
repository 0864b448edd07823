/* The HTTP library: one daemon per listener and loop, in external epoll mode, and its callbacks.
 * The only place besides reply.c and stream.c that calls it. All of it runs on the loop's thread.
 * Private to server/. */
#ifndef MD_SERVER_HTTP_H
#define MD_SERVER_HTTP_H
#include "core/base/error.h"
#include "server/loop.h"

/** Once per process, before any daemon: what happens when the library finds itself broken. */
void md_http_init(struct md_server *server);
/** Start the daemon of a site on a dup() of its listener; `connections` is its limit. */
enum md_code md_http_start(struct md_site *site, unsigned connections, struct md_error *err);
/** Accept nothing more; our dup of the listener is closed. */
void md_http_quiesce(struct md_site *site);
/** End it. No connection is suspended. Fine when never started. */
void md_http_stop(struct md_site *site);
/** Make the loop's front of all its daemons. */
enum md_code md_http_attach(struct md_loop *loop, struct md_error *err);
#endif
