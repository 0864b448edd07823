/* The one place where an answer is put together: status, headers, body. Private to server/. */
#ifndef MD_SERVER_REPLY_H
#define MD_SERVER_REPLY_H
#include "server/request.h"

/** The members of an error as JSON, without braces: code, details, hint, message, errors; `minimal`
 * (client-error-verbosity): code and message. */
void md_error_put_members(const struct md_error *error, bool minimal, struct md_buf *out);
/** The error as an object, replacing what is in `out`. */
void md_error_to_json(const struct md_error *error, bool minimal, struct md_buf *out);
#endif
