/* When to look at the database again by ourselves: after signs that it is not what it was when it
 * was introspected. At most once a second. From the second in a row on, a look that finds nothing
 * new doubles the pause to the next, up to half a minute, so that clients who name what never
 * existed cannot keep us at it; one that finds something, or a sign that no client can give, makes
 * it a second again.
 *
 *   a sign, any thread ──► main: md_reread_look() ──► helper (reload.h) ──► md_reread_ended()
 *
 * Private to server/. */
#ifndef MD_SERVER_REREAD_H
#define MD_SERVER_REREAD_H
#include <stdbool.h>
#include <stdint.h>

struct md_options;
struct md_reload_ask;
struct md_server;

/** A sure sign. Any thread. */
void md_reread_hint(void);
/** A request has failed as it would if its registry `generation` were old: ask for a newer one.
 * False: not soon enough to wait for, or the server is stopping; nobody will answer. Any thread. */
bool md_reread_ask(struct md_reload_ask *ask, uint64_t generation);
/** The request that asked has begun again, and had success. Any thread. */
void md_reread_helped(void);
/** Readable when there is something to look at; -1: there never is. */
int md_reread_fd(void);
/** How long main may sleep, in ms; -1: for ever. Main thread. */
int md_reread_wait_ms(void);
/** Start a look if it is time for one. Main thread. */
void md_reread_look(struct md_server *server, const struct md_options *options);
/** A reload, or a look of ours, is over; every loop has been given `generation`, 0: none. Returns
 * asks that came meanwhile and do not wait for another: its result is for them, too, or it found
 * nothing and the next look is far. Any thread. */
struct md_reload_ask *md_reread_ended(uint64_t generation, bool ours);
/** Take no more asks; returns those that were not answered. Main thread. */
struct md_reload_ask *md_reread_end(void);
#endif
