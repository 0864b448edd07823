#include "server/forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "config/options.h"
#include "server/client.h"

#include "core/base/banned.h"

const struct sockaddr *md_address_plain(const struct sockaddr *address,
					struct sockaddr_storage *plain)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (!address || address->sa_family != AF_INET6)
		return address;
	memcpy(&in6, address, sizeof(in6));
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return address;
	memcpy(&in.sin_addr, in6.sin6_addr.s6_addr + 12, sizeof(in.sin_addr));
	in.sin_port = in6.sin6_port;
	*plain = (struct sockaddr_storage){ .ss_family = AF_INET };
	memcpy(plain, &in, sizeof(in));
	return (const struct sockaddr *)plain;
}

void md_address_text(const struct sockaddr *address, char out[MD_ADDRESS_MAX])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	snprintf(out, MD_ADDRESS_MAX, "%s",
		 address && address->sa_family == AF_UNIX ? "unix" : "-");
	if (address && address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, out, MD_ADDRESS_MAX);
	} else if (address && address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, out, MD_ADDRESS_MAX);
	}
}

bool md_is_proxy(const struct sockaddr *address, const struct md_option_list *networks)
{
	if (networks->count > 0 && address && address->sa_family == AF_UNIX)
		return true;
	for (unsigned i = 0; i < networks->count; i++)
		if (md_ip_is_in(address, networks->items[i]))
			return true;
	return false;
}

/* False: it is no address. */
static bool parse(struct md_str text, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char copy[MD_ADDRESS_MAX];

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*ret_address = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	if (inet_pton(AF_INET, copy, &in.sin_addr) == 1)
		memcpy(ret_address, &in, sizeof(in));
	else if (inet_pton(AF_INET6, copy, &in6.sin6_addr) == 1)
		memcpy(ret_address, &in6, sizeof(in6));
	else
		return false;
	return true;
}

/* Take the last item of a list off. */
static struct md_str cut_last(struct md_str *list)
{
	size_t begin = list->len;
	struct md_str item;

	while (begin > 0 && list->ptr[begin - 1] != ',')
		begin--;
	item = (struct md_str){ list->ptr + begin, list->len - begin };
	list->len = begin > 0 ? begin - 1 : 0;
	return md_str_trim(item);
}

struct md_str md_forwarded_client(struct md_str forwarded_for,
				  const struct md_option_list *networks)
{
	struct md_str client = { NULL, 0 };
	struct sockaddr_storage address;

	while (forwarded_for.len > 0) {
		struct md_str item = cut_last(&forwarded_for);

		if (!parse(item, &address))
			break;
		client = item;
		if (!md_is_proxy((const struct sockaddr *)&address, networks))
			break;
	}
	return client;
}
