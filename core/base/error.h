/* Errors: a code to react on, and a caller-owned text in PostgREST's four wire fields.
 * A function that can fail returns `enum md_code` and takes `struct md_error *err` last, which may
 * be NULL. On failure its outputs are untouched and `err` is filled exactly once; on success `err`
 * is untouched. Fixed arrays: nothing to allocate when memory is out, nothing to free, safe to
 * copy. Any thread. */
#ifndef MD_CORE_BASE_ERROR_H
#define MD_CORE_BASE_ERROR_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/** What the caller can do about it; causes are told by `wire` and the texts. */
enum md_code {
	MD_OK = 0,
	MD_INVALID,     /* the caller's mistake: do not repeat it unchanged */
	MD_NOT_FOUND,   /* what was named does not exist */
	MD_CONFLICT,    /* a constraint or a concurrent change stands against it */
	MD_TOO_LARGE,   /* a limit of ours was reached */
	MD_BUSY,        /* not now: lock held, or an inline read over its budget */
	MD_TIMEOUT,     /* a deadline passed; nothing was changed */
	MD_UNAVAILABLE, /* the database cannot be reached; nothing was changed */
	MD_UNCERTAIN,   /* the connection was lost after a write was sent: it may or may not have
			   happened */
	MD_CANCELLED,   /* by md_db_cancel(): client gone */
	MD_NOMEM,       /* out of memory, or the request's memory limit */
	MD_INTERNAL     /* our own fault */
};

enum { MD_WIRE_MAX = 32, MD_MESSAGE_MAX = 512, MD_DETAILS_MAX = 1536, MD_HINT_MAX = 512 };

/** One failure. `wire` is the code clients see: a SQLSTATE, `PGRST…` or `MD…`. Empty details or
 * hint = null. */
struct md_error {
	enum md_code code;
	bool details_json; /* details holds a JSON value, not a text */
	bool stale;        /* the engine does not know what our catalog told: that may be old */
	char wire[MD_WIRE_MAX];
	char message[MD_MESSAGE_MAX];
	char details[MD_DETAILS_MAX];
	char hint[MD_HINT_MAX];
	const char *errors; /* JSON list of all that is wrong with a body, borrowed from the
			       request's arena; NULL: none */
};

/** Make `err` empty without touching the text arrays beyond their first byte. */
static inline void md_error_clear(struct md_error *err)
{
	err->code = MD_OK;
	err->details_json = err->stale = false;
	err->errors = NULL;
	err->wire[0] = err->message[0] = err->details[0] = err->hint[0] = '\0';
}

/** Fill `err` (may be NULL) with code, wire code and message; details and hint become empty.
 * Returns `code`, so that a failing path is one line. Text longer than its array is cut at a UTF-8
 * boundary. */
enum md_code md_fail(struct md_error *err, enum md_code code, const char *wire, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));
/** Add details to a filled `err` (may be NULL). */
void md_error_details(struct md_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** Add a hint to a filled `err` (may be NULL). */
void md_error_hint(struct md_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** The one way to report that memory is out: MD_NOMEM, 53200. */
enum md_code md_fail_nomem(struct md_error *err);
#endif
