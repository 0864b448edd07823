/* Who asks, and whether that may be. There are no tokens yet, so every Authorization header is
 * refused, never taken for an anonymous request. What protects a server without identity is that
 * it is on loopback and that the Host header says so: a web page whose name was pointed at
 * 127.0.0.1 gets 421. */
#ifndef MD_SERVER_AUTH_H
#define MD_SERVER_AUTH_H
#include <stdbool.h>

#include "core/base/str.h"

/** 127.0.0.1, [::1] or localhost, with or without a port. */
bool md_host_is_loopback(struct md_str host);
/** The same, or one of `allowed` (`count` names without port; ".example.org" allows what is below
 * it). */
bool md_host_is_allowed(struct md_str host, const char *const *allowed, unsigned count);
#endif
