/* Reading: GET and HEAD of a relation, an item, an item's relationship. The only entry of the
 * server to queries. One md_read is one request's work: it finds or compiles the plan, runs the
 * unit on the right lane, and leaves the text of the answer in a buffer, in pieces when it is
 * large. Lives in the request's arena; home loop only. */
#ifndef MD_CORE_OPS_READ_H
#define MD_CORE_OPS_READ_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/db/db.h"
#include "core/db/session.h"
#include "core/model/registry.h"
#include "core/query/ast.h"
#include "core/query/headers.h"
#include "core/query/plan.h"

/** What every loop has one of: plan cache, its place at the database, the registry it works with.
 */
struct md_ops;
struct md_read;
struct md_ops_options {
	struct md_db_loop *db;
	const struct md_dialect *dialect;
	unsigned features;
	unsigned plan_cache;     /* plans kept */
	unsigned embeds;         /* joined and child relations of a plan, depth= included */
	uint64_t max_rows;       /* db-max-rows; UINT64_MAX: no cap */
	size_t stream_threshold; /* an answer larger than this is streamed */
	size_t stream_piece;     /* producer stops at this much unsent */
	unsigned nested_depth;   /* relationships in a body, one in another; 0: none */
	unsigned nested_rows;    /* rows of such a body, all of them */
	bool aggregates;         /* db-aggregates-enabled */
	bool legacy_names;       /* url-use-legacy-target-names */
};
/** The caller's reference to the registry is taken over, unless this fails. MD_NOMEM. */
enum md_code md_ops_new(const struct md_ops_options *options, struct md_registry *registry,
			struct md_ops **ret_ops, struct md_error *err);
/** No read is in flight. NULL is fine; returns NULL. */
struct md_ops *md_ops_free(struct md_ops *ops);
/** Take a new registry (reference is taken over); plans of the old one go when its last request
 * ends. Start of a turn. */
void md_ops_adopt(struct md_ops *ops, struct md_registry *registry);
/** Change max_rows, embeds, aggregates, legacy_names and the stream sizes; for plans made after the
 * next adopt. */
void md_ops_set(struct md_ops *ops, const struct md_ops_options *options);
/** The registry of new requests; borrowed until the next adopt. */
struct md_registry *md_ops_registry(const struct md_ops *ops);

struct md_ops_stats {
	uint64_t plan_hits, plan_misses, plan_evictions;
	unsigned plans;
};
void md_ops_stats(const struct md_ops *ops, struct md_ops_stats *ret_stats);

/** What the rows of an answer become. */
enum md_answer {
	MD_ANSWER_JSON,  /* an array; an object where one row is meant */
	MD_ANSWER_LINES, /* NDJSON */
	MD_ANSWER_CSV
};

/** What is asked. Everything borrowed, from the request's arena. */
struct md_read_request {
	enum md_read_route route;
	const struct md_model *model;
	const struct md_str *key;   /* ITEM, RELATED: model->key_count parts */
	struct md_str relationship; /* RELATED */
	const struct md_query *query;
	struct md_range range; /* Range header; GET only */
	enum md_prefer_count count;
	bool singular; /* vnd.pgrst.object */
	bool strip_nulls;
	enum md_answer answer;
	bool head;           /* count the bytes, keep none */
	bool timed;          /* tell how long finding or making the plan took */
	const char *prelude; /* of md_db_zone_prelude(); NULL: none of its own */
	uint64_t deadline_ns;
	/** Run in this session's transaction; NULL: in one of its own. */
	struct md_session *session;
	/** The arena of the request; travels with the unit. */
	struct md_arena *arena;
	/** Buffer of the answer; made by the caller, `max` ≥ stream_threshold + one row's limit. */
	struct md_buf *out;
	/** A piece is in `out` (streaming), or the end has come; home loop. Called only when
	 * md_read_start() said false. */
	void (*ready)(struct md_read *read, void *arg);
	void *arg;
};

enum md_read_state {
	MD_READ_RUNNING,
	MD_READ_PIECE, /* streaming: `out` holds a piece; md_read_resume() after it was sent */
	MD_READ_DONE,  /* `out` holds the (rest of the) answer */
	MD_READ_FAILED /* md_read_error() */
};
/** Start. *ret_read is NULL when not even that much memory is there. True: state is DONE or FAILED
 * already (or PIECE) and `ready` will not be called for it.
 */
bool md_read_start(struct md_ops *ops, const struct md_read_request *request,
		   struct md_read **ret_read);
enum md_read_state md_read_state(const struct md_read *read);
/** Why it has FAILED. */
const struct md_error *md_read_error(const struct md_read *read);
/** Streaming: the caller has emptied `out`. */
void md_read_resume(struct md_read *read);
/** Client gone, deadline: ends soon with FAILED (MD_CANCELLED), through `ready`. */
void md_read_cancel(struct md_read *read);

/** What the headers need; valid when DONE (all) or PIECE (rows only with has_total). */
struct md_read_result {
	uint64_t first; /* offset of the first row */
	uint64_t rows;  /* rows in the answer */
	uint64_t most;  /* rows it may have, by limit=, Range and db-max-rows; UINT64_MAX: any */
	bool has_total;
	uint64_t total;
	uint64_t bytes;    /* of the whole answer, for HEAD */
	bool legacy_names; /* Warning: 299 */
	bool counted;      /* Prefer: count was honoured */
	bool plan_hit;
	uint64_t plan_ns; /* Server-Timing */
};
const struct md_read_result *md_read_result(const struct md_read *read);
#endif
