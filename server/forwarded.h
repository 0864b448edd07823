/* Who a request is from, for the log: the other end of its connection or, where that is a trusted
 * proxy, whom the proxy names in X-Forwarded-For. Pure functions. Private to server/. */
#ifndef MD_SERVER_FORWARDED_H
#define MD_SERVER_FORWARDED_H
#include <stdbool.h>
#include <sys/socket.h>

#include "core/base/str.h"

struct md_option_list;

/** Large enough for any address. */
enum { MD_ADDRESS_MAX = 48 };

/** The same address, or the one of IPv4 that a socket for both wraps in one of IPv6; that is put
 * into `plain`. NULL for NULL. */
const struct sockaddr *md_address_plain(const struct sockaddr *address,
					struct sockaddr_storage *plain);
/** The address in words; "unix" for a socket in the file system, "-" for none. */
void md_address_text(const struct sockaddr *address, char out[MD_ADDRESS_MAX]);
/** Whether it speaks for others: it is in one of the networks or, when there are any, a peer at a
 * socket in the file system. */
bool md_is_proxy(const struct sockaddr *address, const struct md_option_list *networks);
/** Of the addresses in X-Forwarded-For the last one that is no proxy's, since anybody can send what
 * stands before it; the first one when all are, and {NULL, 0} when the last is none at all. */
struct md_str md_forwarded_client(struct md_str forwarded_for,
				  const struct md_option_list *networks);
#endif
