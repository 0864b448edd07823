/* /-/metrics: Prometheus' text format, from counters that each loop keeps for itself. */
#include <inttypes.h>

#include "core/base/clock.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

uint64_t md_metrics_sum(const struct md_server *server, size_t offset)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < server->loop_count; i++) {
		const char *counters = (const char *)&server->loops[i]->counters;

		total += md_counted((const _Atomic uint64_t *)(const void *)(counters + offset));
	}
	return total;
}

void md_metrics_put_head(struct md_buf *out, const char *name, const char *type, const char *help)
{
	md_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void md_metrics_put(struct md_buf *out, const char *name, const char *type, const char *help,
		    uint64_t value)
{
	md_metrics_put_head(out, name, type, help);
	md_buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* Sums of what the loops count. */
static const struct {
	const char *name, *type, *help;
	size_t offset;
} loop_table[] = {
#define LOOP(member, name, type, help)                                 \
	{                                                              \
		name, type, help, offsetof(struct md_counters, member) \
	}
	LOOP(connections, "modeld_connections", "gauge", "Client connections."),
	LOOP(accepted, "modeld_connections_accepted_total", "counter",
	     "Client connections accepted."),
	LOOP(in_flight, "modeld_requests_in_flight", "gauge", "Requests being worked on."),
	LOOP(received, "modeld_request_bytes_total", "counter", "Bytes of requests' bodies."),
	LOOP(bytes, "modeld_response_bytes_total", "counter", "Bytes of answers' bodies."),
	LOOP(streams, "modeld_streams_total", "counter", "Answers sent in pieces."),
	LOOP(cut, "modeld_connections_cut_total", "counter", "Connections cut by a deadline."),
	LOOP(memory, "modeld_request_memory_bytes", "gauge", "Memory of requests in flight."),
#undef LOOP
};

static void put_plans(const struct md_server *server, struct md_buf *out)
{
	struct md_ops_stats total = { .plan_hits = 0 };

	for (unsigned i = 0; i < server->data_loops; i++) {
		struct md_ops_stats stats;

		md_ops_stats(server->loops[i]->ops, &stats);
		total.plan_hits += stats.plan_hits;
		total.plan_misses += stats.plan_misses;
		total.plan_evictions += stats.plan_evictions;
		total.plans += stats.plans;
	}
	md_metrics_put(out, "modeld_plan_hits_total", "counter", "Requests whose plan was known.",
		       total.plan_hits);
	md_metrics_put(out, "modeld_plan_misses_total", "counter", "Plans made.",
		       total.plan_misses);
	md_metrics_put(out, "modeld_plan_evictions_total", "counter",
		       "Plans dropped for newer ones.", total.plan_evictions);
	md_metrics_put(out, "modeld_plans", "gauge", "Plans kept.", total.plans);
}

static void put_database(const struct md_server *server, struct md_buf *out)
{
	struct md_db_stats stats;

	md_db_stats(server->db, &stats);
	md_metrics_put(out, "modeld_prepares_total", "counter", "Statements prepared.",
		       stats.prepares);
	md_metrics_put(out, "modeld_db_inline_reads_total", "counter", "Reads run on event loops.",
		       stats.inline_reads);
	md_metrics_put(out, "modeld_db_inline_over_budget_total", "counter",
		       "Reads that took too long for an event loop and were run again by a reader.",
		       stats.inline_over_budget);
	md_metrics_put(out, "modeld_db_offloaded_total", "counter", "Reads run by readers.",
		       stats.offloaded);
	md_metrics_put(out, "modeld_db_snapshots_total", "counter", "Read snapshots opened.",
		       stats.snapshots);
	md_metrics_put(out, "modeld_db_snapshot_renewals_total", "counter",
		       "Read snapshots renewed because of a write.", stats.snapshot_renewals);
	md_metrics_put(out, "modeld_db_commits_total", "counter", "Commits of the writer.",
		       stats.commits);
	md_metrics_put(out, "modeld_db_writes_total", "counter", "Writes in these commits.",
		       stats.writes);
	md_metrics_put(
		out, "modeld_db_write_reruns_total", "counter",
		"Writes run again because another one destroyed the transaction they shared.",
		stats.reruns);
	md_metrics_put(out, "modeld_db_writes_waiting", "gauge", "Writes waiting for the writer.",
		       stats.writes_waiting);
	md_metrics_put(out, "modeld_db_readers", "gauge", "Readers.", stats.readers);
	md_metrics_put(out, "modeld_db_readers_busy", "gauge", "Readers at work.",
		       stats.readers_busy);
	md_metrics_put(out, "modeld_db_waiting", "gauge", "Requests waiting for a reader.",
		       stats.waiting);
	md_metrics_put(out, "modeld_db_up", "gauge",
		       "1 when the last use of the database succeeded.", stats.alive);
}

static void put_differences(const struct md_registry *registry, struct md_buf *out)
{
	const struct md_differences *differences = md_registry_differences(registry);

	md_buf_printf(out,
		      "# HELP modeld_schema_differences What differs between declared models and "
		      "tables; blocking: the model answers 503.\n"
		      "# TYPE modeld_schema_differences gauge\n"
		      "modeld_schema_differences{blocking=\"true\"} %u\n"
		      "modeld_schema_differences{blocking=\"false\"} %u\n",
		      differences->blocking, differences->count - differences->blocking);
}

static void put_pool(const struct md_server *server, struct md_buf *out)
{
	struct md_pool_stats pool;

	md_db_pool(server->db, &pool);
	md_metrics_put(out, "modeld_pool_size", "gauge",
		       "Connections kept, or readers; 0 is no limit.", pool.size);
	md_metrics_put(out, "modeld_pool_idle", "gauge", "Idle connections.", pool.idle);
	md_metrics_put(out, "modeld_pool_in_use", "gauge", "Connections lent to a request.",
		       pool.in_use);
	md_metrics_put(out, "modeld_pool_shared", "gauge",
		       "Connections reserved for short requests.", pool.reserved);
	md_metrics_put(out, "modeld_pool_overflow", "gauge", "Connections beyond the size.",
		       pool.overflow);
	md_metrics_put(out, "modeld_pool_waiting", "gauge", "Requests waiting for a connection.",
		       pool.waiting);
	md_metrics_put(out, "modeld_pool_opened_total", "counter", "Connections opened.",
		       pool.opened);
	md_metrics_put(out, "modeld_pool_recycled_total", "counter",
		       "Connections replaced for their age.", pool.recycled);
	md_metrics_put(out, "modeld_pool_invalidated_total", "counter", "Connections lost.",
		       pool.invalidated);
	md_metrics_put(out, "modeld_pool_failures_total", "counter",
		       "Connections that could not be opened.", pool.failures);
	md_metrics_put(out, "modeld_pool_timeouts_total", "counter",
		       "Requests that waited too long for a connection.", pool.timeouts);
	md_metrics_put(out, "modeld_pool_reruns_total", "counter",
		       "Requests that began again on another connection.", pool.reruns);
}

static void put_transactions(struct md_server *server, struct md_buf *out)
{
	struct md_transactions *all = &server->transactions;

	md_metrics_put(out, "modeld_transactions_open", "gauge",
		       "Transactions over several requests.", md_transactions_count(all));
	md_metrics_put(out, "modeld_transactions_total", "counter",
		       "Such transactions that were begun.", atomic_load(&all->begun));
	md_metrics_put(out, "modeld_transactions_committed_total", "counter",
		       "Those to be committed.", atomic_load(&all->committed));
	md_metrics_put(out, "modeld_transactions_rolled_back_total", "counter",
		       "Those to be rolled back.", atomic_load(&all->rolled_back));
	md_metrics_put(out, "modeld_transactions_expired_total", "counter",
		       "Those nobody ended in time.", atomic_load(&all->expired));
}

static void put_daemon(const struct md_server *server, struct md_buf *out)
{
	md_metrics_put(out, "modeld_uptime_seconds", "gauge", "Seconds since the start.",
		       (md_now_ns() - server->started_ns) / MD_SEC);
	md_metrics_put(out, "modeld_reloads_total", "counter", "Reloads that took effect.",
		       atomic_load(&server->reloads));
	md_metrics_put(out, "modeld_reload_failures_total", "counter",
		       "Reloads that failed; the old state was kept.",
		       atomic_load(&server->reload_failures));
	md_metrics_put(out, "modeld_loops", "gauge", "Event loops that serve data.",
		       server->data_loops);
	md_metrics_put(out, "modeld_log_lost_lines_total", "counter",
		       "Lines of the log that could not be written.", md_log_lost());
	md_metrics_put_head(out, "modeld_build_info", "gauge", "1; the version is in the label.");
	md_buf_puts(out, "modeld_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
}

enum md_go md_run_metrics(struct md_request *request)
{
	const struct md_server *server = request->loop->server;
	struct md_buf *out = &request->out;

	md_buf_clear(out);
	md_metrics_put_requests(server, out);
	for (size_t i = 0; i < sizeof(loop_table) / sizeof(loop_table[0]); i++)
		md_metrics_put(out, loop_table[i].name, loop_table[i].type, loop_table[i].help,
			       md_metrics_sum(server, loop_table[i].offset));
	put_plans(server, out);
	put_database(server, out);
	put_pool(server, out);
	put_transactions(request->loop->server, out);
	put_differences(request->loop->registry, out);
	put_daemon(server, out);
	md_metrics_put_process(server, out);
	request->type = "text/plain; version=0.0.4; charset=utf-8";
	request->status = 200;
	request->length = out->len;
	return MD_GO_ON;
}
