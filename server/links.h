/* Writes of the relationship that a path names: PUT /post/1/tags sets it, POST adds a row or a link
 * to it, POST and DELETE /post/1/tags/3 make and cut one link. Each is a change of the row in the
 * path with a body that names the relationship (core/ops/write.h). Private to server/. */
#ifndef MD_SERVER_LINKS_H
#define MD_SERVER_LINKS_H
#include "server/request.h"

/** Whether the request is such a write. */
bool md_links_are_asked(const struct md_request *request);
/** Fill write_ask; `key` is that of the row in the path. PGRST200: there is no such relationship.
 */
enum md_code md_links_parse(struct md_request *request, const struct md_str *key);
/** The status of a write that is done. */
unsigned md_links_status(const struct md_request *request);
/** The relation of the rows that it has made, for Location. */
struct md_str md_links_target(const struct md_request *request);
#endif
