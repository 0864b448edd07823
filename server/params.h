/* What the headers of a data request ask for: representation, preferences, schema, range. The
 * decisions are tables and pure; md_step_parse() (request.h) puts them together. */
#ifndef MD_SERVER_PARAMS_H
#define MD_SERVER_PARAMS_H
#include "core/base/error.h"
#include "core/ops/read.h"
#include "core/query/headers.h"

/** The first of what the client accepts that is one of `offered` (`count`, the first being the
 * default, also when the client names application/problem+json and nothing that can be had).
 * MD_INVALID, PGRST107: none is. */
enum md_code md_media_choose(const struct md_accept *accept, const enum md_media *offered,
			     unsigned count, enum md_media *ret_media, struct md_error *err);
/** The Content-Type of a media type we offer. */
const char *md_media_type(enum md_media media);
/** What rows become in an answer of this type. */
enum md_answer md_media_answer(enum md_media media);
#endif
