/* One event loop: a thread with a reactor, one HTTP daemon per listener, its place at the database
 * and everything its requests need. Loops share nothing on the hot path but the immutable registry
 * and options. Everything in here belongs to the loop's own thread, except: `counters` and `memory`
 * (written by it alone, read by anybody), and the md_loop_post_… functions (any thread).
 * Private to server/. */
#ifndef MD_SERVER_LOOP_H
#define MD_SERVER_LOOP_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/reactor.h"
#include "core/model/registry.h"
#include "core/ops/read.h"
#include "core/query/parse.h"
#include "server/gate.h"
#include "server/listen.h"
#include "server/router.h"
#include "server/shrink.h"

struct MHD_Daemon;
struct md_client;
struct md_loop;
struct md_options;
struct md_request;
struct md_schema_texts;
struct md_server;

/** The struct that `member` is part of. */
#define md_container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

enum { MD_STATUS_MAX = 600, MD_STATUS_MIN = 100, MD_STATUS_CLASSES = 5, MD_BUCKETS = 19 };
/** Written by the loop with relaxed stores, so that reading them never disturbs it. */
struct md_counters {
	_Atomic uint64_t status[MD_STATUS_MAX - MD_STATUS_MIN];
	/* By route, the last being none; by method; by hundreds of the status. */
	_Atomic uint64_t requests[MD_ROUTE_COUNT + 1][MD_METHOD_OTHER + 1][MD_STATUS_CLASSES];
	struct {
		_Atomic uint64_t buckets[MD_BUCKETS], us; /* not cumulative; their sum */
	} took[MD_ROUTE_COUNT + 1];
	_Atomic uint64_t connections, accepted, in_flight, received, bytes, streams, cut;
	_Atomic uint64_t memory; /* of requests in flight, bytes */
};
static inline void md_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}
static inline uint64_t md_counted(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/** A listener as one loop serves it. */
struct md_site {
	struct md_loop *loop;
	const struct md_listener *listener;
	struct MHD_Daemon *daemon;
};

struct md_loop {
	struct md_server *server;
	unsigned index;
	bool is_admin; /* administration: no place at the database */
	pthread_t thread;
	bool started;
	struct md_reactor *reactor;
	struct md_db_loop *db;        /* NULL on the admin loop */
	struct md_ops *ops;           /* NULL on the admin loop */
	struct md_registry *registry; /* of new requests; on data loops ops holds the reference */
	const struct md_options *options; /* counted */
	struct md_gate_limits gate;       /* from options */
	struct md_parse_limits parse;     /* from options */
	struct md_site *sites;
	unsigned site_count;
	struct md_front front;
	bool refused;    /* in this turn: no file descriptor for a client */
	bool breathless; /* … and no client has been taken since */
	int front_epoll; /* over the daemons' when there are several; else -1 */
	struct md_timer janitor;
	struct md_turn_hook turn_end;
	struct md_task drain_task, hurry_task, asked_task;
	atomic_bool asked;         /* whether it is well, and has not answered */
	struct md_client *clients; /* all of them */
	unsigned client_count, request_count;
	unsigned session_count; /* transactions over several requests that are here */
	struct md_client *free_clients;
	unsigned free_client_count;
	struct md_shrink shrink;
	struct md_request *free_requests;
	unsigned free_request_count;
	struct md_buf log;                    /* access log of this turn */
	struct md_schema_texts *schema_texts; /* schema.c; NULL: nobody has asked */
	uint64_t id_base, id_next;
	bool draining, cancelled, stuck;
	uint64_t drain_until_ns;
	struct md_counters counters;
};

struct md_loop_options {
	struct md_server *server;
	unsigned index;
	bool is_admin;
	const struct md_listener *listeners; /* those with a route of this loop are served */
	unsigned listener_count;
	unsigned connections;             /* limit of each HTTP daemon */
	struct md_registry *registry;     /* the loop takes a reference of its own */
	const struct md_options *options; /* the same */
};
/** Make a loop, on the starting thread; md_loop_start() then gives it its own. */
enum md_code md_loop_new(const struct md_loop_options *options, struct md_loop **ret_loop,
			 struct md_error *err);
enum md_code md_loop_start(struct md_loop *loop, struct md_error *err);
/** After the thread has ended (or was never started). NULL is fine; returns NULL. A loop that is
 * stuck in the database is left alone. */
struct md_loop *md_loop_free(struct md_loop *loop);

/** Stop accepting, answer what is there, end the thread; after `drain_ms` requests are cancelled.
 * Any thread, once. */
void md_loop_post_drain(struct md_loop *loop, uint64_t drain_ms);
/** The drain's time is over. Any thread, once, after md_loop_post_drain(). */
void md_loop_post_hurry(struct md_loop *loop);
/** Ask whether the loop still turns. False: it has not answered the last time. One thread. */
bool md_loop_ask(struct md_loop *loop);
/** Take over a new registry and new options; one reference of each is given away. Either may be
 * NULL. Any thread. MD_NOMEM: nothing was given away. */
enum md_code md_loop_post_adopt(struct md_loop *loop, struct md_registry *registry,
				const struct md_options *options, struct md_error *err);

/** Time of this turn. */
static inline uint64_t md_loop_now(const struct md_loop *loop)
{
	return md_reactor_now_ns(loop->reactor);
}
/** The janitor has work as long as there are connections. */
void md_loop_wake_janitor(struct md_loop *loop);
#endif
