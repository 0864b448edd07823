/* Requests that are done once: the answer of a request with a key is kept in the database, in the
 * same transaction as what the request does, and told again to whoever sends the same request with
 * that key. In a session: first md_idempotency_claim(); when the key was not there, the request's
 * own work; then md_idempotency_keep(), and commit. Two requests with one key wait for each other
 * in the database. The table, _modeld_idempotency, is made when it is first needed. Lives in the
 * arena that is given; home loop only. */
#ifndef MD_CORE_OPS_IDEMPOTENCY_H
#define MD_CORE_OPS_IDEMPOTENCY_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/db/session.h"

enum { MD_IDEMPOTENCY_KEY_MAX = 255, MD_FINGERPRINT_MAX = 65 };

/** What is kept of an answer. */
struct md_kept_answer {
	unsigned status;
	struct md_str headers, body; /* texts of the caller's making */
};

struct md_idempotency;
/** `key` is the client's, `fingerprint` what the request says, with its NUL; both are borrowed.
 * Answers older than `lifetime_s` are forgotten. NULL: no memory. */
struct md_idempotency *md_idempotency_new(struct md_arena *arena, struct md_session *session,
					  struct md_str key, const char *fingerprint,
					  uint64_t lifetime_s,
					  void (*ready)(struct md_idempotency *what, void *arg),
					  void *arg);
/** Look for the key, and enter it when it is not there; `ready` comes later. */
void md_idempotency_claim(struct md_idempotency *what, uint64_t deadline_ns);
/** Keep the answer under the key that was entered; `ready` comes later. */
void md_idempotency_keep(struct md_idempotency *what, const struct md_kept_answer *answer,
			 uint64_t deadline_ns);
/** Ends soon with MD_CANCELLED, through `ready`. */
void md_idempotency_cancel(struct md_idempotency *what);

/** What went wrong; MD_OK: nothing. MD422: the key belongs to another request. */
const struct md_error *md_idempotency_error(const struct md_idempotency *what);
/** The answer that was kept; NULL: the key is new. */
const struct md_kept_answer *md_idempotency_answer(const struct md_idempotency *what);

/** The fingerprint of some texts, to `out`. False: no memory. */
bool md_idempotency_fingerprint(const struct md_str *texts, unsigned count,
				char out[MD_FINGERPRINT_MAX]);
#endif
