/* The one place where an answer is put together: status, headers, body. Private to server/. */
#ifndef MD_SERVER_REPLY_H
#define MD_SERVER_REPLY_H
#include "server/request.h"

/** The error as JSON, replacing what is in `out`: code, details, hint, message; with
 * client-error-verbosity=minimal code and message. */
void md_error_to_json(const struct md_error *error, bool minimal, struct md_buf *out);
#endif
