/* A request inside of a request: an operation of a batch. It has a target, headers and a body like
 * any other and takes the same steps, but nobody hears its answer but its owner, who says in which
 * session it runs. It belongs to the owner's loop. Private to server/. */
#ifndef MD_SERVER_INNER_H
#define MD_SERVER_INNER_H
#include "server/request.h"

struct md_inner {
	struct md_request *outer;
	struct md_session *session; /* NULL: none */
	/** The request has waited for the database and goes on: call md_inner_run(). */
	void (*ready)(struct md_request *request, void *arg);
	void *arg;
};

/** A request for `target`, with `body` (not given: none), before its first step. Both texts are
 * borrowed until it is freed, `inner` too. NULL: no memory. */
struct md_request *md_inner_new(const struct md_inner *inner, struct md_str method,
				struct md_str target, struct md_str body);
/** It is at rest. NULL is fine; returns NULL. */
struct md_request *md_inner_free(struct md_request *request);
/** A header, as a client would have sent it. */
void md_inner_add_header(struct md_request *request, struct md_str name, struct md_str value);
/** Look its route up and parse it: what it asks for stands in ask or write_ask. ON, or FAIL:
 * request->error says what is wrong with it. */
enum md_go md_inner_parse(struct md_request *request);
/** Run what was parsed, or go on with it. ON: done; SUSPEND: inner->ready() will be called; FAIL.
 */
enum md_go md_inner_run(struct md_request *request);
/** Write status, headers and body of the answer as members of a JSON object:
 * "status":200,"headers":{…},"body":… */
void md_inner_put_answer(struct md_request *request, struct md_buf *out);
#endif
