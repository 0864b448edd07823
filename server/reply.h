/* The one place where an answer is put together: status, headers, body. Private to server/. */
#ifndef MD_SERVER_REPLY_H
#define MD_SERVER_REPLY_H
#include "server/request.h"

/** The members of an error as JSON, without braces: code, details, hint, message, errors; `minimal`
 * (client-error-verbosity): code and message. */
void md_error_put_members(const struct md_error *error, bool minimal, struct md_buf *out);
/** The error as an object, replacing what is in `out`. */
void md_error_to_json(const struct md_error *error, bool minimal, struct md_buf *out);
/** A header's value as it is; NULL: there was no memory for it, and the answer will not be sent. */
const char *md_reply_kept(struct md_request *request, const char *text);
/** The same, in the request's arena. */
const char *md_reply_kept_buf(struct md_request *request, const struct md_buf *text);
/** Status, type, length and what else the answer says about itself; the body of an error. */
void md_reply_describe(struct md_request *request);
/** Every header of the answer. Values are in the arena, or for ever. */
void md_reply_each_header(struct md_request *request,
			  void (*each)(void *arg, const char *name, const char *value), void *arg);
/** Whether the header says something about the answer itself, not about this way of sending it. */
bool md_reply_is_told(const char *name);
#endif
