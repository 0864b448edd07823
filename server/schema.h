/* GET /-/schema: what is served, in the formats of core/ops/schema.h. Each loop keeps the texts
 * that it has made, until it has another registry; so a request costs a copy, and nothing is ever
 * stale. Belongs to the loop's thread. Private to server/. */
#ifndef MD_SERVER_SCHEMA_H
#define MD_SERVER_SCHEMA_H
#include <stdbool.h>

struct md_request;
struct md_schema_texts;

/** NULL is fine. */
void md_schema_texts_free(struct md_schema_texts *texts);

/** Whether the query says include_empty=true. False: it says something that is neither; the
 * request's error is set. Other parameters are no business of this. */
bool md_schema_wants_empty(struct md_request *request, bool *ret_empty);
#endif
