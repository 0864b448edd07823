#include "config/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/str.h"

#include "core/base/banned.h"

static const char *parse_path(const char *path, struct md_address *address)
{
	size_t len = strlen(path);

	if (path[0] != '/')
		return "the path of a socket must begin with /";
	if (len >= sizeof(address->path))
		return "the path of a socket may have 107 bytes";
	memcpy(address->path, path, len + 1);
	address->is_unix = true;
	return NULL;
}

static bool is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

static const char *parse_host(struct md_str host, struct md_address *address)
{
	struct in6_addr v6;

	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
		host = (struct md_str){ host.ptr + 1, host.len - 2 };
		address->is_v6 = true;
	}
	if (host.len == 0)
		return "the host is missing; 127.0.0.1 is this machine, 0.0.0.0 every address";
	if (host.len >= sizeof(address->host))
		return "the host is too long";
	memcpy(address->host, host.ptr, host.len);
	address->host[host.len] = '\0';
	if (address->is_v6)
		return inet_pton(AF_INET6, address->host, &v6) == 1
			       ? NULL
			       : "there is no IPv6 address in the brackets";
	if (memchr(host.ptr, ':', host.len))
		return "an IPv6 address must be in brackets: [::1]:8080";
	for (size_t i = 0; i < host.len; i++)
		if (!is_host_byte(host.ptr[i]))
			return "the host has a character that no host name has";
	return NULL;
}

const char *md_address_parse(const char *text, struct md_address *ret_address)
{
	struct md_address address = { .is_unix = false };
	const char *colon = strrchr(text, ':'), *wrong;
	uint64_t port;

	if (strncmp(text, "unix:", 5) == 0) {
		wrong = parse_path(text + 5, &address);
	} else if (!colon) {
		wrong = "expected HOST:PORT, [IPV6]:PORT or unix:PATH";
	} else if (!md_str_to_u64(md_str_of(colon + 1), &port) || port > UINT16_MAX) {
		wrong = "expected a port from 0 to 65535 behind the last colon";
	} else {
		address.port = (uint16_t)port;
		wrong = parse_host((struct md_str){ text, (size_t)(colon - text) }, &address);
	}
	if (!wrong)
		*ret_address = address;
	return wrong;
}

bool md_address_is_local(const struct md_address *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (address->is_unix)
		return true;
	if (address->is_v6)
		return inet_pton(AF_INET6, address->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	if (inet_pton(AF_INET, address->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return md_str_equal_nocase(md_str_of(address->host), MD_STR("localhost"));
}

bool md_address_is_network(const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN + 1];
	unsigned char bytes[16];
	uint64_t bits = 0;
	bool is_v6;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	is_v6 = inet_pton(AF_INET6, host, bytes) == 1;
	if (!is_v6 && inet_pton(AF_INET, host, bytes) != 1)
		return false;
	return !slash ||
	       (md_str_to_u64(md_str_of(slash + 1), &bits) && bits <= (is_v6 ? 128u : 32u));
}
