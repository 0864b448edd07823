/* Errors as RFC 9457 has them, for clients that say they understand it. Private to server/. */
#ifndef MD_SERVER_PROBLEM_H
#define MD_SERVER_PROBLEM_H
#include "server/request.h"

#define MD_PROBLEM_TYPE "application/problem+json"

/** Accept names application/problem+json, wherever. */
bool md_problem_is_wanted(const struct md_request *request);
/** The error as a problem, replacing what is in `out`: type, title, status, detail, and as
 * extensions the members that md_error_to_json() writes. */
void md_problem_to_json(const struct md_error *error, unsigned status, bool minimal,
			struct md_buf *out);
#endif
