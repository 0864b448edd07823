/* One line per request at level info: method, route template, relation, status, time, bytes, id;
 * never a value of the query. Lines of one turn are written together. Private to server/. */
#ifndef MD_SERVER_ACCESS_LOG_H
#define MD_SERVER_ACCESS_LOG_H
#include "server/request.h"

/** The request is over: count it, and write its line into the loop's buffer. */
void md_access_log(struct md_request *request);
/** Write out what the turn has gathered. */
void md_access_log_flush(struct md_loop *loop);
#endif
