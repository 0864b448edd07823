/* The yardstick of the bench: the least that a server on libmicrohttpd can do for the same answers.
 * One thread, external epoll, the same memory limit and SQLite settings as modeld; statements
 * prepared once, a minimal encoder of its own (its texts and doubles are the bench's, so it takes
 * short cuts that a server must not). Each request reads in a transaction of its own.
 *
 *   yard_mhd DATABASE       prints http://127.0.0.1:PORT, ends on SIGTERM or SIGINT
 *
 *   /constant               200 constant bytes
 *   /list?from=N            100 rows of items, id ≥ N
 *   /embed?from=N           20 rows of author, id ≥ N, each with its country and its books */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMORY_LIMIT = 24 * 1024, CONNECTIONS = 1200 };

enum statement { LIST, AUTHORS, BOOKS, BEGIN, COMMIT, STATEMENTS };
static const char *const texts[STATEMENTS] = {
	[LIST] = "SELECT id, name, email, age, active, score, created_at, bio, category_id, price"
		 " FROM items WHERE id >= ?1 ORDER BY id LIMIT 100",
	[AUTHORS] = "SELECT a.id, a.name, c.id, c.name FROM author a"
		    " LEFT JOIN country c ON c.id = a.country_id"
		    " WHERE a.id >= ?1 ORDER BY a.id LIMIT 20",
	[BOOKS] = "SELECT id, title, price FROM book WHERE author_id = ?1",
	[BEGIN] = "BEGIN",
	[COMMIT] = "COMMIT",
};
static const char *const item_keys[] = {
	"{\"id\":",    ",\"name\":",       ",\"email\":", ",\"age\":",         ",\"active\":",
	",\"score\":", ",\"created_at\":", ",\"bio\":",   ",\"category_id\":", ",\"price\":",
};

static sqlite3 *db;
static sqlite3_stmt *statements[STATEMENTS];
static char constant[200];

static void die(const char *what)
{
	fprintf(stderr, "yard_mhd: %s: %s\n", what, db ? sqlite3_errmsg(db) : strerror(errno));
	exit(2);
}

/* ---- encoder ---- */

struct text {
	char *data, *end;
	size_t size;
};

/* Room for `more` bytes at the end. */
static char *room(struct text *text, size_t more)
{
	size_t used = (size_t)(text->end - text->data);

	if (text->size - used < more) {
		text->size = (text->size + more) * 2;
		text->data = realloc(text->data, text->size);
		if (!text->data)
			die("memory");
		text->end = text->data + used;
	}
	return text->end;
}

static void put(struct text *text, const char *data)
{
	size_t len = strlen(data);

	memcpy(room(text, len), data, len);
	text->end += len;
}

static char *put_digits(char *p, int64_t value, unsigned decimals)
{
	char digits[24], *d = digits + sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t len;

	if (value < 0)
		*p++ = '-';
	for (unsigned n = 0; rest > 0 || n <= decimals; n++) {
		if (n == decimals && decimals > 0)
			*--d = '.';
		*--d = (char)('0' + rest % 10);
		rest /= 10;
	}
	len = (size_t)(digits + sizeof(digits) - d);
	memcpy(p, d, len);
	return p + len;
}

static char *put_real(char *p, double value)
{
	static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };

	for (unsigned k = 0; k < sizeof(powers) / sizeof(powers[0]); k++) {
		int64_t number = (int64_t)(value * powers[k] + (value < 0 ? -0.5 : 0.5));
		double back = (double)number / powers[k];

		if (!(back < value) && !(back > value))
			return put_digits(p, number, k);
	}
	return p + snprintf(p, 32, "%.17g", value);
}

static void put_string(struct text *text, const unsigned char *s, size_t len)
{
	char *p = room(text, 2 * len + 2);

	*p++ = '"';
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			*p++ = '\\';
		*p++ = (char)s[i];
	}
	*p++ = '"';
	text->end = p;
}

static void put_column(struct text *text, sqlite3_stmt *statement, int column, bool boolean)
{
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		if (boolean)
			put(text, sqlite3_column_int(statement, column) ? "true" : "false");
		else
			text->end = put_digits(room(text, 32),
					       sqlite3_column_int64(statement, column), 0);
		break;
	case SQLITE_FLOAT:
		text->end = put_real(room(text, 40), sqlite3_column_double(statement, column));
		break;
	case SQLITE_TEXT:
		put_string(text, sqlite3_column_text(statement, column),
			   (size_t)sqlite3_column_bytes(statement, column));
		break;
	default:
		put(text, "null");
	}
}

/* ---- answers ---- */

static void finish(sqlite3_stmt *statement)
{
	if (sqlite3_reset(statement) != SQLITE_OK)
		die("reading");
}

static void run(enum statement which)
{
	if (sqlite3_step(statements[which]) != SQLITE_DONE)
		die(texts[which]);
	finish(statements[which]);
}

static void write_list(struct text *text, int64_t from)
{
	sqlite3_stmt *statement = statements[LIST];
	const char *separator = "[";

	sqlite3_bind_int64(statement, 1, from);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		put(text, separator);
		for (int i = 0; i < 10; i++) {
			put(text, item_keys[i]);
			put_column(text, statement, i, i == 4);
		}
		put(text, "}");
		separator = ",";
	}
	finish(statement);
	put(text, *separator == '[' ? "[]" : "]");
}

static void write_books(struct text *text, sqlite3_int64 author)
{
	sqlite3_stmt *statement = statements[BOOKS];
	const char *separator = "[";

	sqlite3_bind_int64(statement, 1, author);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		put(text, separator);
		put(text, "{\"id\":");
		put_column(text, statement, 0, false);
		put(text, ",\"title\":");
		put_column(text, statement, 1, false);
		put(text, ",\"price\":");
		put_column(text, statement, 2, false);
		put(text, "}");
		separator = ",";
	}
	finish(statement);
	put(text, *separator == '[' ? "[]" : "]");
}

static void write_embed(struct text *text, int64_t from)
{
	sqlite3_stmt *statement = statements[AUTHORS];
	const char *separator = "[";

	run(BEGIN);
	sqlite3_bind_int64(statement, 1, from);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		put(text, separator);
		put(text, "{\"id\":");
		put_column(text, statement, 0, false);
		put(text, ",\"name\":");
		put_column(text, statement, 1, false);
		put(text, ",\"country\":");
		if (sqlite3_column_type(statement, 2) == SQLITE_NULL) {
			put(text, "null");
		} else {
			put(text, "{\"id\":");
			put_column(text, statement, 2, false);
			put(text, ",\"name\":");
			put_column(text, statement, 3, false);
			put(text, "}");
		}
		put(text, ",\"book\":");
		write_books(text, sqlite3_column_int64(statement, 0));
		put(text, "}");
		separator = ",";
	}
	finish(statement);
	run(COMMIT);
	put(text, *separator == '[' ? "[]" : "]");
}

static struct MHD_Response *respond(struct MHD_Connection *connection, const char *url)
{
	const char *from = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "from");
	int64_t number = from ? strtoll(from, NULL, 10) : 1;
	struct text text = { NULL, NULL, 0 };

	if (strcmp(url, "/constant") == 0)
		return MHD_create_response_from_buffer(sizeof(constant), constant,
						       MHD_RESPMEM_PERSISTENT);
	room(&text, 8192);
	if (strcmp(url, "/list") == 0)
		write_list(&text, number);
	else if (strcmp(url, "/embed") == 0)
		write_embed(&text, number);
	return MHD_create_response_from_buffer((size_t)(text.end - text.data), text.data,
					       MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *data_size, void **request)
{
	static int seen;
	struct MHD_Response *response;
	enum MHD_Result result;

	(void)arg;
	(void)method;
	(void)version;
	(void)data;
	(void)data_size;
	if (!*request) { /* the head alone; answer when the request is complete */
		*request = &seen;
		return MHD_YES;
	}
	response = respond(connection, url);
	if (!response)
		die("response");
	MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- server ---- */

static void open_database(const char *path)
{
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA mmap_size=0; PRAGMA cache_size=-2000", NULL, NULL, NULL) !=
		    SQLITE_OK)
		die(path);
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i],
				       NULL) != SQLITE_OK)
			die(texts[i]);
}

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

/* MHD's descriptors are edge-triggered: after each run it may still have work at once, which is
 * what MHD_get_timeout tells. */
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

		if (MHD_get_timeout(daemon, &timeout) == MHD_YES)
			wait = timeout < 60000 ? (int)timeout : 60000;
		if (poll(fds, 2, wait) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents)
			return;
		MHD_run(daemon);
	}
}

int main(int argc, char **argv)
{
	struct MHD_Daemon *daemon;
	sigset_t mask;

	if (argc != 2) {
		fputs("usage: yard_mhd DATABASE\n", stderr);
		return 64;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	memset(constant, 'x', sizeof(constant));
	memcpy(constant, "{\"text\":\"", 9);
	memcpy(constant + sizeof(constant) - 2, "\"}", 2);
	open_database(argv[1]);
	daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, NULL,
				  MHD_OPTION_LISTEN_SOCKET, open_listener(),
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
				  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				  MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
	if (!daemon)
		die("MHD_start_daemon");
	serve(daemon, signalfd(-1, &mask, SFD_CLOEXEC));
	MHD_stop_daemon(daemon);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(statements[i]);
	sqlite3_close(db);
	return 0;
}
