/* The yardsticks of the bench over PostgreSQL.
 *
 *   yard_postgres CONNINFO             a server on libmicrohttpd, like yard_mhd: prints
 *                                      http://127.0.0.1:PORT, ends on SIGTERM or SIGINT
 *     /constant                        200 constant bytes; the connection is suspended, and resumed
 *                                      by the loop in its next turn: what a server must do that
 *                                      waits for a database. No database at all
 *     /list?from=N                     100 rows of items, id ≥ N, as the server's json_agg makes
 *                                      them: one prepared statement, one round trip
 *   yard_postgres CONNINFO insert N    N rows by a prepared INSERT … RETURNING, one round trip
 *                                      each, no HTTP; prints the nanoseconds of CPU that it and
 *                                      its back end took */
#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMORY_LIMIT = 24 * 1024, CONNECTIONS = 1200, WAITING_MAX = 1200 };

static const char list_sql[] =
	"SELECT coalesce(json_agg(t), '[]') FROM (SELECT id, name, email, age, active, score,"
	" created_at, bio, category_id, price FROM items WHERE id >= $1::text::int4 ORDER BY id"
	" LIMIT 100) t";
static const char insert_sql[] =
	"INSERT INTO event (name, size, at) VALUES ($1::text, $2::text::int4,"
	" $3::text::timestamptz) RETURNING id, name, size, at";

static PGconn *db;
static char constant[200];
static struct MHD_Connection *waiting[WAITING_MAX];
static unsigned waiting_count;

static void die(const char *what)
{
	fprintf(stderr, "yard_postgres: %s: %s\n", what, db ? PQerrorMessage(db) : strerror(errno));
	exit(2);
}

/* One statement that must give one row. */
static PGresult *run(const char *name, int count, const char *const *values)
{
	PGresult *result = PQexecPrepared(db, name, count, values, NULL, NULL, 0);

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		die(name);
	return result;
}

static void prepare(const char *name, const char *sql)
{
	PGresult *result = PQprepare(db, name, sql, 0, NULL);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		die(name);
	PQclear(result);
}

/* ---- rows without HTTP ---- */

/* CPU time in nanoseconds: `pid` 0 is this process. */
static unsigned long long cpu_ns(int pid)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *file;

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/schedstat");
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &ns) != 1)
		die(path);
	fclose(file);
	return ns;
}

static int insert_rows(unsigned long count)
{
	unsigned long long before;

	prepare("insert", insert_sql);
	before = cpu_ns(0) + cpu_ns(PQbackendPID(db));
	for (unsigned long i = 0; i < count; i++) {
		char name[32], size[24];
		const char *const values[] = { name, size, "2024-02-29T12:00:00Z" };

		snprintf(name, sizeof(name), "event %lu", i);
		snprintf(size, sizeof(size), "%lu", i % 1000);
		PQclear(run("insert", 3, values));
	}
	printf("%llu\n", cpu_ns(0) + cpu_ns(PQbackendPID(db)) - before);
	return 0;
}

/* ---- answers ---- */

static void free_result(void *result)
{
	PQclear(result);
}

static struct MHD_Response *list(struct MHD_Connection *connection)
{
	const char *from = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "from");
	PGresult *result = run("list", 1, (const char *const[]){ from ? from : "1" });

	return MHD_create_response_from_buffer_with_free_callback_cls(
		(size_t)PQgetlength(result, 0, 0), PQgetvalue(result, 0, 0), free_result, result);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *data_size, void **request)
{
	static int headed, suspended;
	struct MHD_Response *response;
	enum MHD_Result result;

	(void)arg;
	(void)method;
	(void)version;
	(void)data;
	(void)data_size;
	if (!*request) { /* the head alone */
		*request = &headed;
		return MHD_YES;
	}
	if (strcmp(url, "/list") == 0) {
		response = list(connection);
	} else if (*request == &headed) {
		*request = &suspended;
		MHD_suspend_connection(connection);
		waiting[waiting_count++] = connection;
		return MHD_YES;
	} else {
		response = MHD_create_response_from_buffer(sizeof(constant), constant,
							   MHD_RESPMEM_PERSISTENT);
	}
	if (!response)
		die("response");
	MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- server ---- */

static int open_listener(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		die("listen");
	printf("http://127.0.0.1:%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/* A turn: what was suspended in the last one goes on, then new requests. MHD's descriptors are
 * edge-triggered: MHD_get_timeout tells whether there is work left. */
static void serve(struct MHD_Daemon *daemon, int signals)
{
	struct pollfd fds[] = {
		{ .fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		  .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	for (;;) {
		MHD_UNSIGNED_LONG_LONG timeout;
		int wait = -1;

		if (waiting_count > 0)
			wait = 0;
		else if (MHD_get_timeout(daemon, &timeout) == MHD_YES)
			wait = timeout < 60000 ? (int)timeout : 60000;
		if (poll(fds, 2, wait) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents)
			return;
		while (waiting_count > 0)
			MHD_resume_connection(waiting[--waiting_count]);
		MHD_run(daemon);
	}
}

static int serve_http(void)
{
	struct MHD_Daemon *daemon;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	memset(constant, 'x', sizeof(constant));
	memcpy(constant, "{\"text\":\"", 9);
	memcpy(constant + sizeof(constant) - 2, "\"}", 2);
	prepare("list", list_sql);
	daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer,
				  NULL, MHD_OPTION_LISTEN_SOCKET, open_listener(),
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
				  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				  MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
	if (!daemon)
		die("MHD_start_daemon");
	serve(daemon, signalfd(-1, &mask, SFD_CLOEXEC));
	while (waiting_count > 0)
		MHD_resume_connection(waiting[--waiting_count]);
	MHD_stop_daemon(daemon);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 2 && !(argc == 4 && strcmp(argv[2], "insert") == 0)) {
		fputs("usage: yard_postgres CONNINFO [insert COUNT]\n", stderr);
		return 64;
	}
	db = PQconnectdb(argv[1]);
	if (PQstatus(db) != CONNECTION_OK)
		die("connect");
	PQsetClientEncoding(db, "UTF8");
	status = argc == 2 ? serve_http() : insert_rows(strtoul(argv[3], NULL, 10));
	PQfinish(db);
	return status;
}
