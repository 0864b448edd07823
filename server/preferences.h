/* Prefer: what is asked, what can be had, and what is said about the rest. The parser is
 * core/query/prefer.c. Private to server/. */
#ifndef MD_SERVER_PREFERENCES_H
#define MD_SERVER_PREFERENCES_H
#include "server/request.h"

/** All Prefer headers into request->prefer, applied and prelude. PGRST122: handling=strict, and
 * something is unknown or cannot be had; 22023: no time zone has this name. */
enum md_code md_preferences_read(struct md_request *request);
#endif
