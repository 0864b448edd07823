/* Requests: how many, of which kind, how they ended and how long they took. */
#include <inttypes.h>
#include <stddef.h>

#include "core/base/clock.h"
#include "server/metrics.h"
#include "server/request.h"
#include "server/server.h"

#include "core/base/banned.h"

/* Upper ends of the histogram, in microseconds and as Prometheus has them. */
static const struct {
	uint64_t us;
	const char *le;
} buckets_table[MD_BUCKETS] = {
	{ 100, "0.0001" },  { 250, "0.00025" }, { 500, "0.0005" },      { 1000, "0.001" },
	{ 2500, "0.0025" }, { 5000, "0.005" },  { 10000, "0.01" },      { 25000, "0.025" },
	{ 50000, "0.05" },  { 100000, "0.1" },  { 250000, "0.25" },     { 500000, "0.5" },
	{ 1000000, "1" },   { 2500000, "2.5" }, { 5000000, "5" },       { 10000000, "10" },
	{ 30000000, "30" }, { 60000000, "60" }, { UINT64_MAX, "+Inf" },
};

static const char *const classes_table[MD_STATUS_CLASSES] = { "1xx", "2xx", "3xx", "4xx", "5xx" };

void md_metrics_count(struct md_request *request, unsigned status, uint64_t took_ns)
{
	struct md_counters *counters = &request->loop->counters;
	unsigned route = request->has_route ? request->route.id : MD_ROUTE_COUNT, bucket = 0;
	unsigned method = request->has_head ? request->method : MD_METHOD_OTHER;
	uint64_t us = took_ns / 1000;

	if (status >= MD_STATUS_MIN && status < MD_STATUS_MAX) {
		md_count(&counters->status[status - MD_STATUS_MIN], 1);
		md_count(&counters->requests[route][method][status / 100 - 1], 1);
	}
	while (us > buckets_table[bucket].us)
		bucket++;
	md_count(&counters->took[route].buckets[bucket], 1);
	md_count(&counters->took[route].us, us);
}

static const char *route_name(unsigned route)
{
	return route < MD_ROUTE_COUNT ? md_routes[route].template : "-";
}

static void put_kinds(const struct md_server *server, unsigned route, unsigned method,
		      struct md_buf *out)
{
	for (unsigned kind = 0; kind < MD_STATUS_CLASSES; kind++) {
		uint64_t n = md_metrics_sum(
			server, offsetof(struct md_counters, requests[route][method][kind]));

		if (n > 0)
			md_buf_printf(out,
				      "modeld_requests_total{route=\"%s\",method=\"%s\","
				      "status=\"%s\"} %" PRIu64 "\n",
				      route_name(route), md_method_name((enum md_method)method),
				      classes_table[kind], n);
	}
}

static void put_histogram(const struct md_server *server, unsigned route, struct md_buf *out)
{
	static const char name[] = "modeld_request_duration_seconds";
	uint64_t count = 0, each[MD_BUCKETS], us;

	for (unsigned i = 0; i < MD_BUCKETS; i++) {
		each[i] = md_metrics_sum(server,
					 offsetof(struct md_counters, took[route].buckets[i]));
		count += each[i];
	}
	if (count == 0)
		return;
	us = md_metrics_sum(server, offsetof(struct md_counters, took[route].us));
	for (unsigned i = 0; i < MD_BUCKETS; i++) {
		if (i > 0)
			each[i] += each[i - 1];
		md_buf_printf(out, "%s_bucket{route=\"%s\",le=\"%s\"} %" PRIu64 "\n", name,
			      route_name(route), buckets_table[i].le, each[i]);
	}
	md_buf_printf(out, "%s_sum{route=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n", name,
		      route_name(route), us / 1000000, us % 1000000);
	md_buf_printf(out, "%s_count{route=\"%s\"} %" PRIu64 "\n", name, route_name(route), count);
}

void md_metrics_put_requests(const struct md_server *server, struct md_buf *out)
{
	md_metrics_put_head(out, "modeld_requests_total", "counter",
			    "Requests by route, method and kind of status.");
	for (unsigned route = 0; route <= MD_ROUTE_COUNT; route++)
		for (unsigned method = 0; method <= MD_METHOD_OTHER; method++)
			put_kinds(server, route, method, out);
	md_metrics_put_head(out, "modeld_request_duration_seconds", "histogram",
			    "From the request line to the last byte of the answer, by route.");
	for (unsigned route = 0; route <= MD_ROUTE_COUNT; route++)
		put_histogram(server, route, out);
	md_metrics_put_head(out, "modeld_responses_total", "counter", "Answers by status.");
	for (unsigned i = 0; i < MD_STATUS_MAX - MD_STATUS_MIN; i++) {
		uint64_t n = md_metrics_sum(server, offsetof(struct md_counters, status[i]));

		if (n > 0)
			md_buf_printf(out, "modeld_responses_total{code=\"%u\"} %" PRIu64 "\n",
				      i + MD_STATUS_MIN, n);
	}
}
