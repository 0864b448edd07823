/* The request headers modeld looks at, collected in one pass over what the HTTP library parsed.
 * Values are borrowed from the connection and live as long as its request. One thread; no state
 * besides the caller's struct. */
#ifndef MD_SERVER_HEADS_H
#define MD_SERVER_HEADS_H
#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"

enum md_head {
	MD_HEAD_ACCEPT,
	MD_HEAD_ACCEPT_PROFILE,
	MD_HEAD_AUTHORIZATION,
	MD_HEAD_CONTENT_LENGTH,
	MD_HEAD_CONTENT_PROFILE,
	MD_HEAD_CONTENT_TYPE,
	MD_HEAD_CORS_HEADERS, /* Access-Control-Request-Headers */
	MD_HEAD_CORS_METHOD,  /* Access-Control-Request-Method */
	MD_HEAD_EXPECT,
	MD_HEAD_FORWARDED, /* Forwarded, Via or any X-Forwarded-… but -For */
	MD_HEAD_FORWARDED_FOR,
	MD_HEAD_HOST,
	MD_HEAD_IDEMPOTENCY_KEY,
	MD_HEAD_IF_MATCH,
	MD_HEAD_IF_NONE_MATCH,
	MD_HEAD_ORIGIN,
	MD_HEAD_PREFER,
	MD_HEAD_RANGE,
	MD_HEAD_TRANSACTION,
	MD_HEAD_TRANSFER_ENCODING,
	MD_HEAD_TRACE, /* the one named by server-trace-header */
	MD_HEAD_COUNT
};
enum { MD_PREFER_HEADERS_MAX = 8 };

struct md_heads {
	struct md_str value[MD_HEAD_COUNT]; /* the first of its name; of X-Forwarded-For the last */
	unsigned char seen[MD_HEAD_COUNT];  /* how often, up to 255 */
	struct md_str prefer[MD_PREFER_HEADERS_MAX];
	size_t total;   /* bytes of all headers with ": " and line ends */
	size_t largest; /* bytes of the largest one */
	unsigned count;
	bool odd_name;       /* a name that is no token, or a framing header run together */
	bool odd_value;      /* a control character in a value */
	struct md_str trace; /* name of the trace header; not given: none */
};

/** Nothing seen yet. `trace`: the configured name of the trace header, may be not given. */
void md_heads_init(struct md_heads *heads, struct md_str trace);
/** One header as the HTTP library gave it; both sizes are the true ones. */
void md_heads_add(struct md_heads *heads, struct md_str name, struct md_str value);

static inline bool md_heads_has(const struct md_heads *heads, enum md_head head)
{
	return heads->seen[head] > 0;
}
/** RFC 9110 token: what methods and header names are made of. Empty is none. */
bool md_is_token(struct md_str s);
#endif
