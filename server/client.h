/* Connections: what the HTTP library does not watch. Absolute deadlines for each phase, the limit
 * per address, and clients that hang up while their request is suspended. A connection belongs to
 * its loop; a deadline only ever shuts the socket down, closing is the library's. Private to
 * server/. */
#ifndef MD_SERVER_CLIENT_H
#define MD_SERVER_CLIENT_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/lock.h"
#include "core/base/reactor.h"
#include "server/forwarded.h"

struct MHD_Connection;
struct md_loop;
struct md_request;
struct md_site;

enum md_client_phase {
	MD_CLIENT_FRESH,  /* accepted, no request line yet: header-deadline */
	MD_CLIENT_HEADER, /* request line seen: header-deadline */
	MD_CLIENT_BODY,   /* body-deadline */
	MD_CLIENT_WORK,   /* ours to finish: request-deadline is the database's business */
	MD_CLIENT_WRITE,  /* write-deadline, and at least 4 KiB/s */
	MD_CLIENT_IDLE    /* idle-timeout, and then the header-deadline of the next request */
};
/** Part of an address that is counted: IPv4, or the /64 of IPv6. `len` 0: not counted. */
struct md_ip {
	unsigned char len, bytes[8];
};
struct md_client {
	struct md_site *site;
	struct MHD_Connection *mhd;
	struct md_client *previous, *next;
	struct md_source hangup; /* watched while suspended for long */
	struct md_request *request;
	enum md_client_phase phase;
	uint64_t deadline_ns;
	struct md_ip ip;
	char address[MD_ADDRESS_MAX];
	bool is_proxy; /* trusted when the connection began */
	bool cut;      /* shut down by us */
	bool peeked;   /* looked whether the other side has closed */
};

/** Connections per address, of all loops. Locked; touched when a connection begins or ends, never
 * by a request. */
struct md_ip_table;
struct md_ip_table *md_ip_table_new(unsigned limit);
struct md_ip_table *md_ip_table_free(struct md_ip_table *table);
/** One more connection from there. False: that would be one too many (nothing is counted). */
bool md_ip_table_enter(struct md_ip_table *table, const struct md_ip *ip);
void md_ip_table_leave(struct md_ip_table *table, const struct md_ip *ip);
/** What is counted of an address: nothing of loopback and Unix sockets. */
struct md_ip md_ip_of(const struct sockaddr *address);
/** Whether the address is in the network "ADDRESS" or "ADDRESS/BITS". */
bool md_ip_is_in(const struct sockaddr *address, const char *network);

/** A new connection at `site`. NULL: no memory, or too many from there; it must not be served. */
struct md_client *md_client_open(struct md_site *site, struct MHD_Connection *mhd);
void md_client_close(struct md_client *client);
void md_client_enter(struct md_client *client, enum md_client_phase phase, uint64_t bytes);
/** Shut the socket down: the library then ends the connection. */
void md_client_cut(struct md_client *client);
/** The server is stopping: a connection that waits for a request gets one more moment. */
void md_client_part(struct md_client *client);
/** The request is about to be resumed: no longer our business whether the client hangs up. */
void md_client_unwatch(struct md_client *client);
/** Look after all connections of a loop. */
void md_clients_sweep(struct md_loop *loop);
#endif
