#include "server/access_log.h"

#include <stdio.h>
#include <unistd.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/server.h"

#include "core/base/banned.h"

/* A closed connection has no status on the wire; 499 is what proxies call it. */
enum { STATUS_GONE = 499, FLUSH_AT = 32 * 1024 };

static unsigned final_status(const struct md_request *request)
{
	return request->replied ? request->status : STATUS_GONE;
}

static void put_ms(struct md_buf *out, uint64_t ns)
{
	uint64_t us = ns / 1000;
	char digits[4] = { '.', (char)('0' + us % 1000 / 100), (char)('0' + us % 100 / 10),
			   (char)('0' + us % 10) };

	md_buf_put_i64(out, (int64_t)(us / 1000));
	md_buf_put(out, digits, sizeof(digits));
}

/* Names in the registry can hold anything; the log is one line of visible text. */
static void put_name(struct md_buf *out, struct md_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		md_buf_putc(out, c <= 0x20 || c == 0x7f || c == '=' ? '_' : (char)c);
	}
}

/* The other end of the connection, or whom a trusted proxy names. */
static void put_client(const struct md_request *request, struct md_buf *out)
{
	const struct md_client *client = request->client;
	struct md_str name = { NULL, 0 };

	if (client->is_proxy && request->has_head)
		name = md_forwarded_client(request->heads.value[MD_HEAD_FORWARDED_FOR],
					   &request->loop->options->trusted_proxies);
	if (md_str_is_given(name))
		md_buf_put(out, name.ptr, name.len);
	else
		md_buf_puts(out, client->address);
}

static void put_line(struct md_request *request, uint64_t took_ns, struct md_buf *out)
{
	md_buf_puts(out, md_log_prefix(MD_LOG_INFO));
	md_buf_puts(out, "request method=");
	md_buf_puts(out, request->has_head ? md_method_name(request->method) : "-");
	md_buf_puts(out, " route=");
	md_buf_puts(out, request->has_route ? md_routes[request->route.id].template : "-");
	if (md_str_is_given(request->route.relation)) {
		md_buf_puts(out, " relation=");
		put_name(out, request->route.relation);
	}
	md_buf_puts(out, " status=");
	md_buf_put_i64(out, final_status(request));
	md_buf_puts(out, " ms=");
	put_ms(out, took_ns);
	md_buf_puts(out, " bytes=");
	md_buf_put_i64(out, request->method == MD_METHOD_HEAD ? 0 : (int64_t)request->length);
	md_buf_puts(out, " client=");
	put_client(request, out);
	md_buf_puts(out, " id=");
	md_buf_puts(out, md_request_id(request));
	md_buf_putc(out, '\n');
}

void md_access_log(struct md_request *request)
{
	struct md_loop *loop = request->loop;
	uint64_t took_ns = md_now_ns() - request->started_ns;

	md_metrics_count(request, final_status(request), took_ns);
	md_count(&loop->counters.bytes, request->length);
	if (loop->options->log_level < MD_LEVEL_INFO)
		return;
	put_line(request, took_ns, &loop->log);
	if (loop->log.len >= FLUSH_AT)
		md_access_log_flush(loop);
}

void md_access_log_flush(struct md_loop *loop)
{
	if (loop->log.len > 0)
		md_log_write(loop->log.data, loop->log.len);
	md_buf_clear(&loop->log);
}
