#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/address.h"
#include "core/base/str.h"
#include "server/router.h"

#include "core/base/banned.h"

enum { BACKLOG = 1024, FIRST_INHERITED = 3 };

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
	}
	if (address->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

/* Ask the bound socket what it is: port 0 and inherited sockets are only known now. */
static enum md_code describe(struct md_listener *listener, struct md_error *err)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	uint64_t number = 0;

	if (getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "a listening socket is unusable: %m");
	if (address.ss_family == AF_UNIX) {
		struct sockaddr_un un;

		memcpy(&un, &address, sizeof(un));
		listener->is_unix = true;
		snprintf(listener->url, sizeof(listener->url), "unix:%.*s",
			 (int)sizeof(un.sun_path), un.sun_path);
		return MD_OK;
	}
	if (getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "a listening socket is unusable");
	md_str_to_u64(md_str_of(port), &number);
	listener->port = (int)number;
	listener->is_loopback = is_loopback(&address);
	snprintf(listener->url, sizeof(listener->url),
		 address.ss_family == AF_INET6 ? "http://[%.255s]:%.8s" : "http://%.255s:%.8s",
		 host, port);
	return MD_OK;
}

static enum md_code in_use(const char *text, bool is_unix, struct md_error *err)
{
	md_fail(err, MD_CONFLICT, "MD503", "%.300s is in use by another program", text);
	if (is_unix)
		md_error_hint(err, "take another path: --listen unix:/run/modeld/other.sock");
	else
		md_error_hint(err, "take another port: --listen 127.0.0.1:8081");
	return MD_CONFLICT;
}

/* Whoever removes or makes a socket file holds its folder, so that of two daemons that start at the
 * same time one does not remove what the other has just made. Returns a descriptor, or -1: the
 * folder cannot be read, and then nobody else of ours could, either. */
static int hold_folder(const char *path)
{
	char folder[MD_SOCKET_PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

/* A socket file whose server is gone refuses connections: it may go. One whose server hangs does
 * not, and may stay. */
static bool remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale && unlink(address->sun_path) == 0;
}

static enum md_code bind_unix(const char *text, const struct sockaddr_un *un, mode_t mode,
			      struct md_listener *listener, struct md_error *err)
{
	struct stat st;
	mode_t mask;
	int rc;

	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "no socket for %.300s: %m", text);
	mask = umask(0177); /* nobody else before the mode is set */
	rc = bind(listener->fd, (const struct sockaddr *)un, sizeof(*un));
	umask(mask);
	if (rc != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "cannot listen on %.300s: %m", text);
	memcpy(listener->path, un->sun_path, sizeof(listener->path));
	if (lstat(un->sun_path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	if (chmod(un->sun_path, mode) != 0 || listen(listener->fd, BACKLOG) != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "cannot listen on %.300s: %m", text);
	return MD_OK;
}

static enum md_code open_unix(const char *text, const struct md_address *address,
			      const struct md_listen_options *options, struct md_listener *listener,
			      struct md_error *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	enum md_code code;
	int folder;

	memcpy(un.sun_path, address->path, sizeof(un.sun_path));
	folder = hold_folder(un.sun_path);
	code = remove_stale(&un) ? bind_unix(text, &un, (mode_t)options->unix_mode, listener, err)
				 : in_use(text, true, err);
	if (folder >= 0)
		close(folder);
	return code;
}

static int bind_one(const struct addrinfo *info, bool reuseport)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			info->ai_protocol);
	int one = 1, saved;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuseport)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static enum md_code open_tcp(const char *text, const struct md_address *address,
			     const struct md_listen_options *options, struct md_listener *listener,
			     struct md_error *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", address->port);
	rc = getaddrinfo(address->host, port, &hints, &list);

	if (rc != 0)
		return md_fail(err, MD_INVALID, "MD400", "cannot listen on %.300s: %s", text,
			       gai_strerror(rc));
	errno = 0;
	for (struct addrinfo *info = list; info && listener->fd < 0; info = info->ai_next)
		listener->fd = bind_one(info, options->reuseport);
	rc = errno;
	freeaddrinfo(list);
	if (listener->fd >= 0)
		return MD_OK;
	if (rc == EADDRINUSE)
		return in_use(text, false, err);
	errno = rc;
	md_fail(err, MD_UNAVAILABLE, "58030", "cannot listen on %.300s: %m", text);
	if (rc == EACCES)
		md_error_hint(err, "ports below 1024 need a privilege; take another: "
				   "--listen 127.0.0.1:8081");
	return MD_UNAVAILABLE;
}

enum md_code md_listener_open(const char *text, const struct md_listen_options *options,
			      struct md_listener *ret_listener, struct md_error *err)
{
	struct md_listener listener = { .fd = -1 };
	struct md_address address;
	const char *wrong = md_address_parse(text, &address);
	enum md_code code;

	if (wrong)
		return md_fail(err, MD_INVALID, "MD400", "cannot listen on %.300s: %s", text,
			       wrong);
	if (address.is_unix)
		code = open_unix(text, &address, options, &listener, err);
	else
		code = open_tcp(text, &address, options, &listener, err);
	if (code == MD_OK)
		code = describe(&listener, err);
	if (code != MD_OK) {
		md_listener_close(&listener);
		return code;
	}
	*ret_listener = listener;
	return MD_OK;
}

/* The name of inherited socket `index` in LISTEN_FDNAMES. */
static struct md_str inherited_name(const char *names, unsigned index)
{
	const char *p = names ? names : "";

	for (; index > 0 && *p; index--) {
		p += strcspn(p, ":");
		p += *p == ':';
	}
	return (struct md_str){ p, strcspn(p, ":") };
}

static bool is_listening(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

enum md_code md_listener_inherit(struct md_listener *listeners, unsigned max, unsigned *ret_count,
				 struct md_error *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	enum md_code code = MD_OK;
	uint64_t number = 0, count = 0;

	if (!pid || !fds || !md_str_to_u64(md_str_of(pid), &number) ||
	    number != (uint64_t)getpid() || !md_str_to_u64(md_str_of(fds), &count))
		count = 0;
	if (count > max)
		return md_fail(err, MD_INVALID, "MD400", "more than %u inherited sockets", max);
	for (unsigned i = 0; i < count && code == MD_OK; i++) {
		struct md_listener *listener = &listeners[i];
		bool admin = md_str_is(inherited_name(names, i), "admin");

		*listener = (struct md_listener){ .fd = FIRST_INHERITED + (int)i,
						  .routes = admin ? MD_ON_ADMIN : MD_ON_PUBLIC,
						  .inherited = true };
		fcntl(listener->fd, F_SETFD, FD_CLOEXEC);
		if (is_listening(listener->fd))
			code = describe(listener, err);
		else
			code = md_fail(err, MD_INVALID, "MD400",
				       "inherited file descriptor %d is no listening socket",
				       listener->fd);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (code == MD_OK)
		*ret_count = (unsigned)count;
	return code;
}

/* Somebody may have removed our file and made another. */
static bool is_ours(const struct md_listener *listener)
{
	struct stat st;

	return lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
	       st.st_ino == listener->inode;
}

void md_listener_close(struct md_listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
	if (listener->path[0] != '\0' && is_ours(listener))
		unlink(listener->path);
	listener->path[0] = '\0';
}
