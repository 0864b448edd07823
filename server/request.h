/* One request, from its request line to the moment the library, the response and the database have
 * all let go of it: then it goes back to its loop's free list with its arena and its buffer. All
 * its memory is the arena (parse tree, binds, texts), `body` (what was sent) and `out` (the
 * answer). It belongs to its loop's thread; while a write runs, arena and `out` are the writer's.
 * Private to server/.
 *
 *   gate ──► route ──► admit ──► parse ──► auth ──► run ──► reply ──► (done)
 *     │        │         │         │        │       │ ▲        ▲
 *     │        │         │         │        │       └─┘ suspended in the database
 *     └────────┴─────────┴─────────┴────────┴──── any failure goes to reply
 */
#ifndef MD_SERVER_REQUEST_H
#define MD_SERVER_REQUEST_H
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/ops/read.h"
#include "core/ops/write.h"
#include "core/query/headers.h"
#include "core/query/parse.h"
#include "server/gate.h"
#include "server/heads.h"
#include "server/range.h"
#include "server/router.h"

struct md_aside;
struct md_batch;
struct md_client;
struct md_inner;
struct md_job;
struct md_once;
struct md_loop;
struct md_raised_header;
struct md_reload_wait;
struct md_tune_wait;
struct md_transaction;
struct md_stale_probe;
struct md_stale_wait;

/** The steps in order. */
enum md_step_id {
	MD_STEP_ID_ROUTE,
	MD_STEP_ID_ADMIT,
	MD_STEP_ID_PARSE,
	MD_STEP_ID_AUTH,
	MD_STEP_ID_RUN,
	MD_STEP_ID_REPLY,
	MD_STEP_ID_DONE
};
enum md_go {
	MD_GO_ON,
	MD_GO_SUSPEND, /* the library's connection is to be suspended; the step is entered again */
	MD_GO_REPLY,   /* the answer is known: skip what is in between */
	MD_GO_FAIL,    /* request->error says why */
	MD_GO_DROP     /* nobody is there any more: close the connection */
};
struct md_request;
typedef enum md_go md_step_fn(struct md_request *request);

/** Who still uses the request. */
enum {
	MD_HELD_BY_HTTP = 1u,
	MD_HELD_BY_RESPONSE = 2u,
	MD_HELD_BY_READ = 4u,
	MD_HELD_BY_WRITE = 8u,
	MD_HELD_BY_RELOAD = 16u,
	MD_HELD_BY_TRANSACTION = 32u,
	MD_HELD_BY_OUTER = 64u, /* of an inner request: who made it */
	MD_HELD_BY_BATCH = 128u,
	MD_HELD_BY_ONCE = 256u,
	/* Who waits for what the database has to say. */
	MD_HELD_BY_ASKER = MD_HELD_BY_HTTP | MD_HELD_BY_OUTER,
	MD_HELD_BY_DATABASE = MD_HELD_BY_READ | MD_HELD_BY_WRITE
};
enum { MD_REQUEST_ID_MAX = 65 };

struct md_request {
	/* Kept from request to request. */
	struct md_loop *loop;
	struct md_request *next_free;
	struct md_arena *arena;
	struct md_buf out;  /* the answer */
	struct md_buf body; /* of a write, as it was sent */

	/* Zero at the beginning: from `client` up to `heads`. */
	struct md_client *client;
	struct MHD_Connection *mhd;
	unsigned held;
	enum md_step_id step;
	bool has_head, suspended, replied, must_close, streaming, gone, completed_ok;
	bool is_turned_away; /* there is no memory for its body */
	bool lost_header;    /* there is no memory for one of the answer's headers */
	bool is_bulk;        /* its body is too large to be kept, and goes to a file */
	bool has_body;       /* all of it has come */
	uint64_t started_ns, suspended_ns, parse_ns, accounted;
	struct md_str target, raw_path, raw_query, method_text, version;
	enum md_method method;
	bool has_route;
	struct md_route route;
	unsigned applied;     /* md_prefer_bit */
	const char *prelude;  /* what Prefer: timezone needs; NULL: nothing */
	struct md_read *read; /* one of the two, or neither */
	struct md_write *write;
	struct md_bulk *bulk;
	struct md_reload_wait *reload;      /* admin.c; in the arena; NULL: none asked for */
	struct md_stale_wait *stale;        /* stale.c; the same */
	struct md_stale_probe *probe;       /* stale.c; the same */
	uint64_t generation;                /* of the registry that it was routed by */
	unsigned restarts;                  /* how often it began again with a newer one */
	uint64_t deadline_ns;               /* md_request_deadline(); 0: not begun */
	const struct md_inner *inner;       /* whose answer goes elsewhere; NULL: the client's */
	struct md_aside *aside;             /* a document that is made elsewhere; NULL: none */
	struct md_tune_wait *tune;          /* pool.c; in the arena; NULL: none asked for */
	struct md_job *job;                 /* migrations_http.c; in the arena; NULL: none */
	struct md_batch *batch;             /* its operations; NULL: it is none */
	struct md_once *once;               /* its Idempotency-Key; NULL: none */
	struct md_transaction *transaction; /* it is in; NULL: none */
	bool transaction_over;              /* it has ended the one it was in */
	unsigned status;
	const char *type;                /* Content-Type; NULL: none */
	const char *etag;                /* in the arena; NULL: none */
	const char *location;            /* the same */
	struct md_raised_header *raised; /* by a function of the database; NULL: none */
	bool has_page;                   /* Content-Range, Content-Location of a read */
	bool is_preflight;
	bool has_query; /* query and prefer are filled */
	bool has_match; /* If-Match or If-None-Match was sent */
	struct md_page page;
	uint64_t length;  /* bytes of the body, also when HEAD sends none */
	size_t stream_at; /* bytes of `out` the library has taken */

	/* Filled when they are needed. */
	struct md_heads heads;
	struct md_path path;
	struct md_query query;
	struct md_prefer prefer;
	enum md_media media;
	struct md_match match; /* filled when has_match */
	struct md_read_request ask;
	struct md_write_ask write_ask;
	struct md_error error; /* cleared at the beginning */
	char id[MD_REQUEST_ID_MAX];
};

/** From the free list, with its target. NULL: no memory. */
struct md_request *md_request_new(struct md_client *client, struct MHD_Connection *mhd,
				  const char *target);
/** Likewise, for inner.h. */
struct md_request *md_request_inside(const struct md_inner *inner, struct md_str target);
/** Give its memory back to the system; nobody holds it. */
void md_request_free(struct md_request *request);
/** Somebody lets go; the last one sends it home. */
void md_request_let_go(struct md_request *request, unsigned holder);
/** The gate, before the body is read. False: refused, and the next step is the reply. */
bool md_request_pass_gate(struct md_request *request);
/** Run steps until the end or until the request has to wait. */
enum MHD_Result md_request_run(struct md_request *request);
/** Run one step, whichever is next. */
enum md_go md_request_step(struct md_request *request, enum md_step_id step);
/** Stop the library's connection until md_request_resume(); from a callback of the library only. */
void md_request_suspend(struct md_request *request);
/** Go on after a suspension; not suspended: nothing happens. */
void md_request_resume(struct md_request *request);
/** The client is gone, or time is up: end the read or write, and the rest follows. */
void md_request_cancel(struct md_request *request);
/** When its work must be over: request_deadline after this was first asked. Beginning again gives
 * no more time. */
uint64_t md_request_deadline(struct md_request *request);
/** Count the request's memory into its loop's. */
void md_request_account(struct md_request *request);
/** There is memory for its work, and for the part of its body that has come. */
bool md_request_has_memory(const struct md_request *request);
/** The request's id: the trusted header's value, or 16 hexadecimal digits. */
const char *md_request_id(struct md_request *request);

/* Steps with a file of their own. */
enum md_go md_step_parse(struct md_request *request); /* params.c */
/** params.c: the schema that a header names must be the one that is served. */
enum md_code md_check_profile(struct md_request *request);
enum md_go md_step_auth(struct md_request *request);  /* auth.c */
enum md_go md_step_reply(struct md_request *request); /* reply.c */
#endif
