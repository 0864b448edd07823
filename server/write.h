/* Writes over HTTP: what a POST, PATCH, PUT or DELETE asks for, by PostgREST's rules, and what its
 * answer says. The writing itself is core/ops/write.h. Private to server/. */
#ifndef MD_SERVER_WRITE_H
#define MD_SERVER_WRITE_H
#include "server/request.h"

/** Whether the request's method writes rows. */
bool md_is_write(const struct md_request *request);
/** Fill write_ask from a parsed query, preferences and the body. `key`: of an item route, or NULL.
 */
enum md_code md_write_parse(struct md_request *request, const struct md_str *key);
/** The parts of write_ask that come from route, preferences and headers. */
void md_write_fill_ask(struct md_request *request, const struct md_str *key);
/** Whether nothing of it is to be kept: db-tx-end and Prefer: tx. */
bool md_write_is_dry_run(const struct md_request *request);
/** Status, headers and length of the answer to a write that is done. */
void md_write_describe(struct md_request *request);
#endif
