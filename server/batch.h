/* POST /-/batch: many operations in one transaction. The body is a list of operations, or an object
 * with the list as `operations` and the flag `continue_on_error`; the answer is the list of their
 * answers. All of them happen or none does; with continue_on_error each is a savepoint, and those
 * that can happen do.
 *
 * Writes that do not need each other's results run as one piece of work (core/ops/chain.h); all
 * else runs one by one in a session. An operation may name a value of the answer of one before it:
 * {"$ref":"id.field"} in a body, ${id.field} in a path. Private to server/. */
#ifndef MD_SERVER_BATCH_H
#define MD_SERVER_BATCH_H
#include "server/inner.h"

struct md_batch_operation {
	struct md_str id; /* not given: none */
	struct md_str method, path, headers, body;
	struct md_request *request; /* NULL: not made yet, or answered already */
	struct md_str answer;       /* of one that others refer to: its rows, as JSON */
};
struct md_batch_list {
	struct md_batch_operation *operations;
	unsigned count;
	bool continue_on_error, refers;
};

/** batch_read.c: the list of the body. In the request's arena; texts there, or in its body. */
enum md_code md_batch_read(struct md_request *request, struct md_batch_list *ret_list);
/** batch_refs.c: whether the text has references. */
bool md_batch_has_refs(struct md_str text);
/** `text` with the values in place of its references, to `out`: those of a body (`path` false) or
 * of a path. MD400: there is no such operation before number `before`, or it has no such value. */
enum md_code md_batch_put(const struct md_batch_list *list, unsigned before, struct md_str text,
			  bool path, struct md_arena *arena, struct md_buf *out,
			  struct md_error *err);

/** The client is gone: what runs ends soon, and nothing of it has happened. */
void md_batch_cancel(struct md_request *request);
#endif
