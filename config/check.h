/* What one value cannot show: settings that do not go together, and settings that promise more than
 * there is yet. Private to config/. No state. */
#ifndef MD_CONFIG_CHECK_H
#define MD_CONFIG_CHECK_H
#include "config/problems.h"

/** Add a problem for everything that stands in the way of serving with `options`. `origins` has
 * MD_OPTION_COUNT entries. `serve`: somebody is about to, so a database must be named. */
void md_check_options(const struct md_options *options, const struct md_origin *origins, bool serve,
		      struct md_problems *problems);
#endif
