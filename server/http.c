#include "server/http.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "config/options.h"
#include "server/client.h"
#include "server/log.h"
#include "server/request.h"
#include "server/server.h"
#include "server/upload.h"

#include "core/base/banned.h"

enum { LAST_WORDS_MS = 500 };

/* Strictness of the library itself; the gate runs in any case. */
#if HAVE_DECL_MHD_OPTION_CLIENT_DISCIPLINE_LVL
#define STRICT_OPTION MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICT_OPTION MHD_OPTION_STRICT_FOR_CLIENT
#endif

/* The library has lost its own invariants: say so and stop, never go on. */
static void __attribute__((noreturn))
panicked(void *cls, const char *file, unsigned int line, const char *reason)
{
	const struct md_server *server = cls;

	md_log_line(&server->log, MD_LOG_ERROR, "the HTTP library is broken: %s (%s:%u)",
		    reason ? reason : "no reason given", file, line);
	md_log_flush(LAST_WORDS_MS);
	abort();
}

void md_http_init(struct md_server *server)
{
	MHD_set_panic_func(panicked, server);
}

static void logged(void *cls, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void logged(void *cls, const char *format, va_list args)
{
	struct md_site *site = cls;
	char text[512];
	int len;

	if (strstr(format, "system resource limit"))
		site->loop->refused = site->loop->breathless = true;
	if (site->loop->server->log.level < MD_LOG_DEBUG)
		return;
	len = vsnprintf(text, sizeof(text), format, args);
	while (len > 0 && (size_t)len < sizeof(text) && text[len - 1] == '\n')
		text[--len] = '\0';
	md_log_line(&site->loop->server->log, MD_LOG_DEBUG, "http: %s", text);
}

static struct md_client *client_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void notify_connection(void *cls, struct MHD_Connection *mhd, void **context,
			      enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		((struct md_site *)cls)->loop->breathless = false;
		*context = md_client_open(cls, mhd);
	} else if (*context) {
		md_client_close(*context);
		*context = NULL;
	}
}

/* The request line is complete: the raw target is only seen here, the library decodes it
 * afterwards. */
static void *request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct md_client *client = client_of(mhd);

	(void)cls;
	if (!client || client->cut)
		return NULL;
	md_client_enter(client, MD_CLIENT_HEADER, 0);
	return md_request_new(client, mhd, target);
}

/* Decoding is ours: the library would decode before we can route. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
				  size_t name_size, const char *value, size_t value_size)
{
	(void)kind;
	md_heads_add(cls, (struct md_str){ name, name_size },
		     (struct md_str){ value ? value : "", value_size });
	return MHD_YES;
}

/* First call: everything but the body is here. The library closes the connection after an answer
 * that is queued now, so only the gate answers here; the steps wait for the second call, which
 * comes at once when there is no body. Of a request with a very large one they run up to the
 * database, so that nobody sends what is not wanted. */
static void take_head(struct md_request *request, struct MHD_Connection *mhd, const char *method,
		      const char *version)
{
	request->method_text = md_str_of(method);
	request->method = md_method_of(request->method_text);
	md_heads_init(&request->heads, md_str_of(request->loop->options->server_trace_header));
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, add_header, &request->heads);
	request->version = md_str_of(version);
	request->has_head = true;
}

static enum MHD_Result access_request(void *cls, struct MHD_Connection *mhd, const char *url,
				      const char *method, const char *version,
				      const char *upload_data, size_t *upload_data_size,
				      void **context)
{
	struct md_request *request = *context;

	(void)cls;
	(void)url;
	if (!request)
		return MHD_NO;
	if (*upload_data_size > 0) {
		md_upload_take(request, upload_data, *upload_data_size);
		md_count(&request->loop->counters.received, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (request->suspended || request->replied)
		return MHD_YES;
	if (!request->has_head) {
		take_head(request, mhd, method, version);
		if (md_request_pass_gate(request) && !request->is_bulk)
			return MHD_YES;
	} else {
		request->has_body = true;
	}
	return md_request_run(request);
}

static void completed(void *cls, struct MHD_Connection *mhd, void **context,
		      enum MHD_RequestTerminationCode code)
{
	struct md_request *request = *context;

	(void)cls;
	(void)mhd;
	if (!request)
		return;
	*context = NULL;
	request->completed_ok = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
	md_request_let_go(request, MD_HELD_BY_HTTP);
}

enum md_code md_http_start(struct md_site *site, unsigned connections, struct md_error *err)
{
	const struct md_options *options = site->loop->options;
	int fd = fcntl(site->listener->fd, F_DUPFD_CLOEXEC, 0);
	unsigned idle_s = (unsigned)((options->idle_timeout + 999) / 1000);

	if (fd < 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "no file descriptor for a listener");
	site->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		access_request, site, MHD_OPTION_EXTERNAL_LOGGER, logged, site,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)options->connection_memory,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_s, STRICT_OPTION, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_NOTIFY_CONNECTION,
		notify_connection, site, MHD_OPTION_URI_LOG_CALLBACK, request_line, site,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, site, MHD_OPTION_NOTIFY_COMPLETED,
		completed, site, MHD_OPTION_END);
	if (!site->daemon) {
		close(fd);
		return md_fail(err, MD_UNAVAILABLE, "58030", "the HTTP library does not start");
	}
	return MD_OK;
}

void md_http_quiesce(struct md_site *site)
{
	MHD_socket fd = site->daemon ? MHD_quiesce_daemon(site->daemon) : MHD_INVALID_SOCKET;

	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

void md_http_stop(struct md_site *site)
{
	if (site->daemon)
		MHD_stop_daemon(site->daemon);
	site->daemon = NULL;
}

/* Without file descriptors the library stops listening, if it has connections, and begins again
 * when it runs for the first time after one of them has closed: that turn must come although
 * nothing happens. If it has none, it tries again and again: a loop without clients may rest
 * instead. */
enum { BREATHLESS_WAIT_MS = 100 };
static const struct timespec breath = { .tv_nsec = 10 * 1000 * 1000 };

static void front_run(struct md_front *front)
{
	struct md_loop *loop = md_container_of(front, struct md_loop, front);

	loop->refused = false;
	for (unsigned i = 0; i < loop->site_count; i++)
		MHD_run(loop->sites[i].daemon);
	if (loop->refused && loop->client_count == 0)
		nanosleep(&breath, NULL);
}

/* The library keeps connections on lists of its own that epoll knows nothing of: its timeout must
 * be honoured after each run. */
static int front_wait_ms(struct md_front *front)
{
	struct md_loop *loop = md_container_of(front, struct md_loop, front);
	int wait = loop->breathless ? BREATHLESS_WAIT_MS : -1;

	for (unsigned i = 0; i < loop->site_count; i++) {
		MHD_UNSIGNED_LONG_LONG ms;

		if (MHD_get_timeout(loop->sites[i].daemon, &ms) != MHD_YES)
			continue;
		if (ms > 1000 * 1000)
			ms = 1000 * 1000;
		if (wait < 0 || (int)ms < wait)
			wait = (int)ms;
	}
	return wait;
}

static int epoll_of(struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

enum md_code md_http_attach(struct md_loop *loop, struct md_error *err)
{
	loop->front = (struct md_front){ .run = front_run, .wait_ms = front_wait_ms };
	if (loop->site_count == 1) {
		loop->front.fd = epoll_of(loop->sites[0].daemon);
		return md_reactor_set_front(loop->reactor, &loop->front, err);
	}
	loop->front_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->front_epoll < 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "no file descriptor for a loop");
	for (unsigned i = 0; i < loop->site_count; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		if (epoll_ctl(loop->front_epoll, EPOLL_CTL_ADD, epoll_of(loop->sites[i].daemon),
			      &event) != 0)
			return md_fail(err, MD_UNAVAILABLE, "58030", "cannot watch a listener");
	}
	loop->front.fd = loop->front_epoll;
	return md_reactor_set_front(loop->reactor, &loop->front, err);
}
