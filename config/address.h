/* Addresses to listen on: HOST:PORT, [IPV6]:PORT, unix:PATH. No state, any thread. */
#ifndef MD_CONFIG_ADDRESS_H
#define MD_CONFIG_ADDRESS_H
#include <stdbool.h>
#include <stdint.h>

/** One address, taken apart. */
struct md_address {
	bool is_unix;
	bool is_v6;
	uint16_t port;  /* 0: the kernel chooses */
	char host[256]; /* without brackets; empty for unix */
	char path[108]; /* unix only */
};

/** Take `text` apart. Returns NULL, or what is wrong with it (then *ret_address is untouched). */
const char *md_address_parse(const char *text, struct md_address *ret_address);
/** Only this machine can reach it: a socket, 127.0.0.0/8, ::1 or localhost. */
bool md_address_is_local(const struct md_address *address);
/** "ADDRESS" or "ADDRESS/BITS", as trusted_proxies takes them. */
bool md_address_is_network(const char *text);
#endif
