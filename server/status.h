/* The one place that knows which HTTP status an error has. Pure functions over one table; any
 * thread. */
#ifndef MD_SERVER_STATUS_H
#define MD_SERVER_STATUS_H
#include <stdbool.h>

#include "core/base/error.h"

/** The status of an error: by its wire code (PGRST…, MD…, SQLSTATE or its class), by md_code when
 * it has none. `authenticated`: missing rights are 403 instead of 401. */
unsigned md_status_of(const struct md_error *err, bool authenticated);
/** Whether the client may try again soon: such an answer carries Retry-After. An uncertain outcome
 * never does. */
bool md_status_wants_retry(unsigned status, const struct md_error *err);
#endif
