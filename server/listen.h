/* Listening sockets: where clients come in. Opened once by the main thread, before the loops start;
 * every loop gets a dup() of each, because the HTTP library closes what it was given. */
#ifndef MD_SERVER_LISTEN_H
#define MD_SERVER_LISTEN_H
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/error.h"

enum { MD_HOST_MAX = 256, MD_SOCKET_PATH_MAX = 108, MD_LISTENERS_MAX = 16 };

struct md_listener {
	int fd;
	unsigned routes;  /* MD_ON_PUBLIC, MD_ON_ADMIN: what is answered here */
	bool is_loopback; /* TCP on this machine only */
	bool is_unix;
	bool inherited; /* from systemd: neither bound nor removed by us */
	int port;       /* TCP */
	char url[MD_HOST_MAX + 32];
	char path[MD_SOCKET_PATH_MAX]; /* to remove at the end; "" when not ours */
	dev_t device;                  /* of the file we made at `path` */
	ino_t inode;
};
struct md_listen_options {
	unsigned unix_mode;
	bool reuseport;
};

/** Bind and listen. A socket file nobody answers on is removed. MD_INVALID: the address cannot be;
 * MD_CONFLICT: somebody else has it; MD_UNAVAILABLE: anything else. */
enum md_code md_listener_open(const char *text, const struct md_listen_options *options,
			      struct md_listener *ret_listener, struct md_error *err);
/** Take over the sockets of LISTEN_FDS (those called "admin" for administration); *ret_count is 0
 * when there are none. The variables are removed from the environment. */
enum md_code md_listener_inherit(struct md_listener *listeners, unsigned max, unsigned *ret_count,
				 struct md_error *err);
/** Close, and remove the socket file. */
void md_listener_close(struct md_listener *listener);
#endif
