/* The server as a whole: what its loops share. Made by serve.c; read-only while loops run, except
 * where atomic. Private to server/. */
#ifndef MD_SERVER_SERVER_H
#define MD_SERVER_SERVER_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/db/db.h"
#include "server/client.h"
#include "server/listen.h"
#include "server/loop.h"
#include "server/transactions.h"

struct md_server {
	struct md_log log;
	struct md_db *db;
	struct md_loop **loops; /* data loops first, the admin loop (if any) last */
	unsigned loop_count;    /* all of them */
	unsigned data_loops;
	struct md_listener listeners[MD_LISTENERS_MAX];
	unsigned listener_count;
	struct md_ip_table *ips;
	uint64_t memory_limit;
	uint64_t started_ns; /* monotonic */
	int64_t started_at;  /* seconds since 1970 */
	bool has_identity;   /* somebody decides who may do what: an anonymous role */
	bool admin_on_public;
	struct md_transactions transactions;
	atomic_bool draining;
	_Atomic unsigned bulk_requests; /* that have a file for their body */
	_Atomic uint64_t reloads, reload_failures;
};
#endif
