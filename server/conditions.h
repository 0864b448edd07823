/* Requests that depend on the row they are about: If-Match and If-None-Match, for the ETag of an
 * item. Private to server/. */
#ifndef MD_SERVER_CONDITIONS_H
#define MD_SERVER_CONDITIONS_H
#include "server/request.h"

/** Both headers into request->match. MD400: malformed, or there is more than one of a kind. */
enum md_code md_conditions_read(struct md_request *request);
/** What a write has to look at before it is made; `key` of the row, NULL: it is about a list.
 * MD412: a list has no ETag to match. */
enum md_code md_conditions_ask(struct md_request *request, const struct md_str *key);
/** The answer of a read is a whole item: its ETag, and what the conditions make of it, 304 or
 * MD412. */
void md_conditions_answer(struct md_request *request);
/** The ETag of the JSON in `out`. */
void md_conditions_tag(struct md_request *request);
#endif
