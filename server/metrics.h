/* The pieces of /-/metrics, each in a file of its own: Prometheus' text format, from counters that
 * each loop keeps for itself. Read on the admin loop. Private to server/. */
#ifndef MD_SERVER_METRICS_H
#define MD_SERVER_METRICS_H
#include <stddef.h>

#include "core/base/buf.h"

struct md_request;
struct md_server;

/** Count a request that is over: what it was, how it ended, how long it took. Its loop's thread. */
void md_metrics_count(struct md_request *request, unsigned status, uint64_t took_ns);

/** Requests by route, method and kind of status; how long they took; statuses one by one. */
void md_metrics_put_requests(const struct md_server *server, struct md_buf *out);
/** What the kernel knows of the process, under the names every exporter has. */
void md_metrics_put_process(const struct md_server *server, struct md_buf *out);

/** What HELP and TYPE say of a metric. */
void md_metrics_put_head(struct md_buf *out, const char *name, const char *type, const char *help);
/** A metric with one value. */
void md_metrics_put(struct md_buf *out, const char *name, const char *type, const char *help,
		    uint64_t value);
/** The sum over the loops of a counter, by its place in struct md_counters. */
uint64_t md_metrics_sum(const struct md_server *server, size_t offset);
#endif
