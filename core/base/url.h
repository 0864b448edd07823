/* What may be shown of a database URL. The one place where passwords are taken out: every log line,
 * message and `config show` goes through it. Leaf module, no state, any thread. */
#ifndef MD_CORE_BASE_URL_H
#define MD_CORE_BASE_URL_H
#include "core/base/buf.h"

/** Append `url` with `***` for each password: of the user part, of parameters, and in libpq keyword
 * strings. Rather blanks too much than too little. */
void md_url_blank_password(const char *url, struct md_buf *out);
#endif
