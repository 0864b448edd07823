/* A closed-loop HTTP load generator for the bench: N keep-alive connections on one thread, each
 * sends its next request when its answer is complete. Paths are taken in turn. Loopback only,
 * always a bounded number of requests.
 *
 *   load [-c CONNECTIONS] [-n REQUESTS] [-l LENGTH] [-r HIGHEST] [-b FILE] URL PATH…
 *
 * URL is http://127.0.0.1:PORT. A %d in a PATH is replaced by a number from 1 to HIGHEST, another
 * one each time, the same ones in each run. With -b the requests are POSTs of that file's JSON.
 * Prints one line of JSON; exits 1 when an answer was wrong: status other than 200 (of a POST
 * also 201), no Content-Length, or a body length other than LENGTH. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 4096,
	READ_SIZE = 256 * 1024,
	HEAD_MAX = 8192,
	BODY_MAX = 8 * 1024 * 1024,
	LATENCY_MAX_US = 1000 * 1000,
	STALL_MS = 30 * 1000
};

struct connection {
	int fd;
	uint64_t sent_ns;
	size_t head_len; /* bytes of the head so far */
	long body_left;  /* -1: still in the head */
	char head[HEAD_MAX];
};

static struct {
	struct sockaddr_in address;
	char *const *paths;
	int path_count;
	unsigned connections;
	unsigned long requests, range, sent, answered, wrong;
	long length; /* -1: any */
	char *body;  /* NULL: GET */
	size_t body_len;
	uint64_t *latency;
	char error[256];
} load = { .connections = 64, .requests = 10000, .range = 100000, .length = -1 };

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void wrong(const char *what, const char *head)
{
	if (load.wrong++ == 0)
		snprintf(load.error, sizeof(load.error), "%s: %.80s", what, head);
}

/* The next path with its number, as a request. */
static int next_request(char *text, size_t size)
{
	unsigned long turn = load.sent;
	const char *path = load.paths[turn % (unsigned long)load.path_count];
	const char *mark = strstr(path, "%d");
	char number[24] = "";
	int head = mark ? (int)(mark - path) : (int)strlen(path);

	/* 7919 is prime: all parts of the table are visited. */
	if (mark)
		snprintf(number, sizeof(number), "%lu", 1 + turn * 7919 % load.range);
	if (load.body)
		return snprintf(text, size,
				"POST %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
				"application/json\r\nContent-Length: %zu\r\n\r\n",
				head, path, number, mark ? mark + 2 : "", load.body_len);
	return snprintf(text, size, "GET %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", head, path,
			number, mark ? mark + 2 : "");
}

/* Head and body in one call, as clients send them; the socket blocks. */
static void send_all(int fd, char *head, size_t head_len)
{
	struct iovec parts[] = { { head, head_len }, { load.body, load.body_len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = load.body ? 2 : 1 };
	size_t want = head_len + load.body_len;

	if (sendmsg(fd, &message, MSG_NOSIGNAL) != (ssize_t)want)
		die("send");
}

static void send_next(struct connection *connection)
{
	char text[2048];
	int len = next_request(text, sizeof(text));

	if (len < 0 || (size_t)len >= sizeof(text))
		die("path");
	load.sent++;
	connection->head_len = 0;
	connection->body_left = -1;
	connection->sent_ns = now_ns();
	send_all(connection->fd, text, (size_t)len);
}

/* The head is complete at `end`: what it says about the body. */
static void read_head(struct connection *connection, const char *end)
{
	const char *length = strcasestr(connection->head, "\r\nContent-Length:");

	if (strncmp(connection->head, "HTTP/1.1 200", 12) != 0 &&
	    (!load.body || strncmp(connection->head, "HTTP/1.1 201", 12) != 0))
		wrong("status", connection->head);
	if (!length || length > end) {
		wrong("no Content-Length", connection->head);
		connection->body_left = 0;
		return;
	}
	connection->body_left = strtol(length + 17, NULL, 10);
	if (load.length >= 0 && connection->body_left != load.length)
		wrong("length", length + 2);
}

/* Take what was received; true when the answer is complete. */
static bool take(struct connection *connection, const char *data, size_t len)
{
	size_t part = HEAD_MAX - 1 - connection->head_len;
	char *end;

	if (connection->body_left < 0) {
		size_t before = connection->head_len;

		part = len < part ? len : part;
		memcpy(connection->head + before, data, part);
		connection->head_len += part;
		connection->head[connection->head_len] = '\0';
		end = strstr(connection->head, "\r\n\r\n");
		if (!end && connection->head_len == HEAD_MAX - 1)
			die("the head of an answer is too long");
		if (!end)
			return false;
		read_head(connection, end);
		part = (size_t)(end + 4 - connection->head) - before;
		len -= part;
	}
	connection->body_left -= (long)len;
	if (connection->body_left < 0) {
		wrong("more bytes than announced", connection->head);
		connection->body_left = 0;
	}
	return connection->body_left == 0;
}

static void finish(struct connection *connection)
{
	uint64_t us = (now_ns() - connection->sent_ns) / 1000;

	load.latency[us < LATENCY_MAX_US ? us : LATENCY_MAX_US]++;
	load.answered++;
	if (load.sent < load.requests)
		send_next(connection);
}

static void receive(struct connection *connection)
{
	static char data[READ_SIZE];
	ssize_t n = recv(connection->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n == 0) {
		errno = ECONNRESET;
		die("the server closed a connection");
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die("recv");
	if (n > 0 && take(connection, data, (size_t)n))
		finish(connection);
}

static void open_connection(int epoll, struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int on = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		die("socket");
	if (connect(connection->fd, (struct sockaddr *)&load.address, sizeof(load.address)) != 0)
		die("connect");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		die("epoll_ctl");
}

static unsigned percentile_us(unsigned per_cent)
{
	uint64_t seen = 0;
	unsigned us = 0;

	for (; us < LATENCY_MAX_US; us++) {
		seen += load.latency[us];
		if (seen * 100 >= load.answered * per_cent)
			break;
	}
	return us;
}

static void run(int epoll, struct connection *connections)
{
	struct epoll_event events[256];

	for (unsigned i = 0; i < load.connections && load.sent < load.requests; i++)
		send_next(&connections[i]);
	while (load.answered < load.requests) {
		int count = epoll_wait(epoll, events, 256, STALL_MS);

		if (count == 0)
			errno = ETIMEDOUT;
		if (count == 0 || (count < 0 && errno != EINTR))
			die("waiting for answers");
		for (int i = 0; i < count; i++)
			receive(events[i].data.ptr);
	}
}

static void read_body(const char *path)
{
	FILE *file = fopen(path, "rb");

	load.body = file ? malloc(BODY_MAX) : NULL;
	if (!load.body)
		die(path);
	load.body_len = fread(load.body, 1, BODY_MAX, file);
	fclose(file);
}

static void parse_arguments(int argc, char **argv)
{
	int option;
	unsigned long port;

	while ((option = getopt(argc, argv, "b:c:n:l:r:")) != -1) {
		unsigned long value = option == '?' ? 0 : strtoul(optarg, NULL, 10);

		if (option == 'b')
			read_body(optarg);
		else if (option == 'c' && value > 0 && value <= CONNECTIONS_MAX)
			load.connections = (unsigned)value;
		else if (option == 'n')
			load.requests = value;
		else if (option == 'l')
			load.length = (long)value;
		else if (option == 'r' && value > 0)
			load.range = value;
		else
			exit(64);
	}
	if (argc - optind < 2 || strncmp(argv[optind], "http://127.0.0.1:", 17) != 0) {
		fputs("usage: load [-c CONNECTIONS] [-n REQUESTS] [-l LENGTH] [-r HIGHEST] "
		      "[-b FILE] http://127.0.0.1:PORT PATH...\n",
		      stderr);
		exit(64);
	}
	port = strtoul(argv[optind] + 17, NULL, 10);
	load.address.sin_family = AF_INET;
	load.address.sin_port = htons((uint16_t)port);
	load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.paths = argv + optind + 1;
	load.path_count = argc - optind - 1;
}

int main(int argc, char **argv)
{
	struct connection *connections;
	uint64_t start;
	double seconds;
	int epoll;

	parse_arguments(argc, argv);
	connections = calloc(load.connections, sizeof(*connections));
	load.latency = calloc(LATENCY_MAX_US + 1, sizeof(*load.latency));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!connections || !load.latency || epoll < 0)
		die("start");
	for (unsigned i = 0; i < load.connections; i++)
		open_connection(epoll, &connections[i]);
	start = now_ns();
	run(epoll, connections);
	seconds = (double)(now_ns() - start) / 1e9;
	printf("{\"requests\":%lu,\"wrong\":%lu,\"seconds\":%.4f,\"rps\":%.0f,\"p50_us\":%u,"
	       "\"p99_us\":%u}\n",
	       load.answered, load.wrong, seconds, (double)load.answered / seconds,
	       percentile_us(50), percentile_us(99));
	if (load.wrong > 0)
		fprintf(stderr, "load: %lu wrong answers, the first: %s\n", load.wrong, load.error);
	for (unsigned i = 0; i < load.connections; i++)
		close(connections[i].fd);
	free(connections);
	free(load.latency);
	free(load.body);
	close(epoll);
	return load.wrong > 0;
}
