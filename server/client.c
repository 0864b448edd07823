#include "server/client.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "server/request.h"
#include "server/server.h"

#include "core/base/banned.h"

/* A slow reader must take at least this much. */
enum { WRITE_BYTES_PER_SECOND = 4096 };
/* What a loop keeps for those that come. */
enum { KEPT_CLIENTS = 64 };
/* A suspended request is watched for hang-up when it has waited this long. */
static const uint64_t watch_after_ns = 100 * MD_MS;
/* How long a server that is stopping waits for a request on an open connection. */
static const uint64_t parting_ns = MD_SEC;

/* One address. */
struct ip_entry {
	struct md_ip ip;
	unsigned count;
};
struct md_ip_table {
	struct md_lock lock; /* guards map and the entries */
	struct md_map *map;
	unsigned limit;
};

struct md_ip_table *md_ip_table_new(unsigned limit)
{
	struct md_ip_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->limit = limit;
	table->map = md_map_new();
	if (!table->map) {
		free(table);
		return NULL;
	}
	md_lock_init(&table->lock);
	return table;
}

struct md_ip_table *md_ip_table_free(struct md_ip_table *table)
{
	if (!table)
		return NULL;
	md_map_free(table->map);
	md_lock_release(&table->lock);
	free(table);
	return NULL;
}

static struct md_str ip_key(const struct md_ip *ip)
{
	return (struct md_str){ (const char *)ip->bytes, ip->len };
}

static bool enter_locked(struct md_ip_table *table, const struct md_ip *ip)
{
	struct ip_entry *entry = md_map_get(table->map, ip_key(ip));

	if (entry) {
		if (entry->count >= table->limit)
			return false;
		entry->count++;
		return true;
	}
	entry = malloc(sizeof(*entry));
	if (!entry)
		return false;
	*entry = (struct ip_entry){ .ip = *ip, .count = 1 };
	if (!md_map_set(table->map, ip_key(&entry->ip), entry)) {
		free(entry);
		return false;
	}
	return true;
}

bool md_ip_table_enter(struct md_ip_table *table, const struct md_ip *ip)
{
	bool entered;

	if (ip->len == 0 || table->limit == 0)
		return true;
	md_lock_enter(&table->lock);
	entered = enter_locked(table, ip);
	md_lock_leave(&table->lock);
	return entered;
}

void md_ip_table_leave(struct md_ip_table *table, const struct md_ip *ip)
{
	struct ip_entry *entry;

	if (ip->len == 0 || table->limit == 0)
		return;
	md_lock_enter(&table->lock);
	entry = md_map_get(table->map, ip_key(ip));
	if (entry && --entry->count == 0) {
		md_map_remove(table->map, ip_key(ip));
		free(entry);
	}
	md_lock_leave(&table->lock);
}

struct md_ip md_ip_of(const struct sockaddr *address)
{
	struct md_ip ip = { .len = 0 };

	if (address && address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		if (ntohl(in.sin_addr.s_addr) >> 24 == 127)
			return ip;
		ip.len = 4;
		memcpy(ip.bytes, &in.sin_addr, 4);
	} else if (address && address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		if (IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr))
			return ip;
		ip.len = 8; /* a site gets a /64 */
		memcpy(ip.bytes, &in6.sin6_addr, 8);
	}
	return ip;
}

/* The bytes of an address; returns how many, 0 for what is none. */
static unsigned address_bytes(const struct sockaddr *address, unsigned char bytes[16])
{
	if (address && address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		memcpy(bytes, &in.sin_addr, 4);
		return 4;
	}
	if (address && address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		memcpy(bytes, &in6.sin6_addr, 16);
		return 16;
	}
	return 0;
}

bool md_ip_is_in(const struct sockaddr *address, const char *network)
{
	unsigned char have[16], want[16];
	size_t len = strcspn(network, "/");
	unsigned bytes = address_bytes(address, have), whole, rest;
	char text[INET6_ADDRSTRLEN];
	uint64_t bits = bytes * 8;

	if (bytes == 0 || len >= sizeof(text))
		return false;
	memcpy(text, network, len);
	text[len] = '\0';
	if (inet_pton(bytes == 4 ? AF_INET : AF_INET6, text, want) != 1 ||
	    (network[len] == '/' && !md_str_to_u64(md_str_of(network + len + 1), &bits)) ||
	    bits > bytes * 8)
		return false;
	whole = (unsigned)bits / 8;
	rest = (unsigned)bits % 8;
	return memcmp(have, want, whole) == 0 &&
	       (rest == 0 || (have[whole] ^ want[whole]) >> (8 - rest) == 0);
}

/* The client has gone while its request was with the database. */
static void hung_up(struct md_source *source, unsigned events)
{
	struct md_client *client = md_container_of(source, struct md_client, hangup);

	(void)events;
	md_client_unwatch(client);
	if (client->request)
		md_request_cancel(client->request);
}

/* The library would keep it, and nobody look after it. */
static struct md_client *turn_away(const union MHD_ConnectionInfo *fd)
{
	if (fd)
		shutdown(fd->connect_fd, SHUT_RDWR);
	return NULL;
}

struct md_client *md_client_open(struct md_site *site, struct MHD_Connection *mhd)
{
	struct md_loop *loop = site->loop;
	const union MHD_ConnectionInfo *address =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr_storage plain;
	const struct sockaddr *peer =
		md_address_plain(address ? address->client_addr : NULL, &plain);
	struct md_ip ip = md_ip_of(peer);
	struct md_client *client = loop->free_clients;
	bool is_proxy = md_is_proxy(peer, &loop->options->trusted_proxies);

	if (is_proxy) /* it speaks for many */
		ip.len = 0;
	if (!fd || !md_ip_table_enter(loop->server->ips, &ip))
		return turn_away(fd);
	if (client) {
		loop->free_clients = client->next;
		loop->free_client_count--;
	} else {
		client = malloc(sizeof(*client));
	}
	if (!client) {
		md_ip_table_leave(loop->server->ips, &ip);
		return turn_away(fd);
	}
	*client = (struct md_client){
		.site = site,
		.mhd = mhd,
		.ip = ip,
		.is_proxy = is_proxy,
		.next = loop->clients,
		.hangup = { .fd = fd->connect_fd, .phase = MD_PHASE_FRONT, .ready = hung_up }
	};
	md_address_text(peer, client->address);
	if (loop->clients)
		loop->clients->previous = client;
	loop->clients = client;
	md_shrink_note(&loop->shrink, ++loop->client_count);
	md_count(&loop->counters.accepted, 1);
	atomic_store_explicit(&loop->counters.connections, loop->client_count,
			      memory_order_relaxed);
	md_client_enter(client, MD_CLIENT_FRESH, 0);
	md_loop_wake_janitor(loop);
	return client;
}

void md_client_close(struct md_client *client)
{
	struct md_loop *loop = client->site->loop;

	/* The library forgets to say that a request is over when it closes because a request line
	 * does not fit its memory. */
	if (client->request)
		md_request_let_go(client->request, MD_HELD_BY_HTTP);
	md_client_unwatch(client);
	md_ip_table_leave(loop->server->ips, &client->ip);
	if (client->previous)
		client->previous->next = client->next;
	else
		loop->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	loop->client_count--;
	atomic_store_explicit(&loop->counters.connections, loop->client_count,
			      memory_order_relaxed);
	if (loop->free_client_count >= KEPT_CLIENTS) {
		free(client); /* it would keep a page */
		return;
	}
	client->next = loop->free_clients;
	loop->free_clients = client;
	loop->free_client_count++;
}

/* Milliseconds a connection may stay in a phase; 0: no limit of ours. */
static uint64_t phase_limit_ms(const struct md_options *options, enum md_client_phase phase)
{
	switch (phase) {
	case MD_CLIENT_FRESH:
	case MD_CLIENT_HEADER:
		return options->header_deadline;
	case MD_CLIENT_BODY:
		return options->body_deadline;
	case MD_CLIENT_WORK:
		return 0;
	case MD_CLIENT_WRITE:
		return options->write_deadline;
	case MD_CLIENT_IDLE:
		return options->idle_timeout + options->header_deadline;
	}
	return 0;
}

void md_client_enter(struct md_client *client, enum md_client_phase phase, uint64_t bytes)
{
	struct md_loop *loop = client->site->loop;
	uint64_t limit = phase_limit_ms(loop->options, phase);

	client->phase = phase;
	client->peeked = false;
	client->deadline_ns = limit == 0 ? 0
					 : md_loop_now(loop) + limit * MD_MS +
						   bytes / WRITE_BYTES_PER_SECOND * MD_SEC;
}

void md_client_cut(struct md_client *client)
{
	if (client->cut)
		return;
	client->cut = true;
	shutdown(client->hangup.fd, SHUT_RDWR);
}

void md_client_part(struct md_client *client)
{
	if (client->phase == MD_CLIENT_FRESH || client->phase == MD_CLIENT_HEADER ||
	    client->phase == MD_CLIENT_IDLE)
		client->deadline_ns = md_loop_now(client->site->loop) + parting_ns;
}

/* A request has come since the library last looked: it shall have its answer. */
static bool is_asking(const struct md_client *client)
{
	char byte;

	return (client->phase == MD_CLIENT_FRESH || client->phase == MD_CLIENT_IDLE) &&
	       recv(client->hangup.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void md_client_unwatch(struct md_client *client)
{
	if (client->hangup.watched)
		md_reactor_forget(client->site->loop->reactor, &client->hangup);
}

/* The other side has closed, and the library has not noticed: what came together with data it has
 * not asked for again. Asked in each sweep while a request is coming in, once when none is. */
static bool is_left(struct md_client *client)
{
	bool asks = client->phase < MD_CLIENT_WORK;
	char byte;

	if (!asks && (client->phase != MD_CLIENT_IDLE || client->peeked))
		return false;
	client->peeked = true;
	return recv(client->hangup.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep_one(struct md_loop *loop, struct md_client *client, uint64_t now)
{
	struct md_request *request = client->request;

	if (client->deadline_ns != 0 && now >= client->deadline_ns && !client->cut &&
	    !(loop->draining && is_asking(client))) {
		md_count(&loop->counters.cut, 1);
		md_client_cut(client);
	}
	if (!client->cut && is_left(client))
		md_client_cut(client);
	if (request && request->suspended && !client->hangup.watched && !request->gone &&
	    now - request->suspended_ns >= watch_after_ns)
		md_reactor_watch(loop->reactor, &client->hangup);
}

void md_clients_sweep(struct md_loop *loop)
{
	uint64_t now = md_loop_now(loop);

	for (struct md_client *client = loop->clients, *next; client; client = next) {
		next = client->next;
		sweep_one(loop, client, now);
	}
}
