/* The gate: the first look at a request. It refuses what the HTTP library accepts and should not:
 * everything two readers of the same bytes could understand differently, and everything over its
 * size. One table of rules in gate.c; pure, any thread. */
#ifndef MD_SERVER_GATE_H
#define MD_SERVER_GATE_H
#include <stdint.h>

#include "core/base/error.h"
#include "server/heads.h"

enum md_method {
	MD_METHOD_GET,
	MD_METHOD_HEAD,
	MD_METHOD_POST,
	MD_METHOD_PUT,
	MD_METHOD_PATCH,
	MD_METHOD_DELETE,
	MD_METHOD_OPTIONS,
	MD_METHOD_QUERY, /* RFC 10008 */
	MD_METHOD_OTHER  /* a token, but none of ours: 405 */
};

/** Sizes; inclusive. They lie below the HTTP library's own, so that the answer is ours. */
struct md_gate_limits {
	uint64_t request_line, header_size, headers_size, body;
	unsigned headers;
};
/** What is looked at. */
struct md_gate {
	struct md_str method, target, version;
	const struct md_heads *heads;
	const struct md_gate_limits *limits;
};

/** 0: pass. Otherwise the status, and `err` is filled. The connection must be closed after such an
 * answer: where the request ends is not known. */
unsigned md_gate_judge(const struct md_gate *gate, struct md_error *err);
/** Methods are case-sensitive. */
enum md_method md_method_of(struct md_str method);
const char *md_method_name(enum md_method method);
/** The length of the body the headers announce; 0 without one. Only after the gate has passed. */
uint64_t md_gate_body_length(const struct md_heads *heads);
#endif
