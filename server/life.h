/* What the main thread does while the loops serve: it obeys signals, keeps the watchdog content,
 * and ends everything in order. Main thread only. Private to server/. */
#ifndef MD_SERVER_LIFE_H
#define MD_SERVER_LIFE_H
#include "server/watchdog.h"

struct md_settings;

struct md_life {
	struct md_server *server;
	int signals; /* descriptor; -1: there is none */
	struct md_watchdog watchdog;
};

/** Signals come through a descriptor from now on; before threads, which inherit that. A broken
 * pipe or a full disk becomes an error of the call that met it. */
void md_life_init(struct md_life *life, struct md_server *server);
/** Until SIGTERM or SIGINT; SIGHUP reads everything again. */
void md_life_obey(struct md_life *life, struct md_settings *settings);
/** Take no more requests about migrations, and let one that runs come to its end, while all others
 * are served. False: a second signal did not want to wait; it still runs, nothing can be freed. */
bool md_life_await_migrations(struct md_life *life);
/** Finish what is in flight, for `drain_ms` at most and not beyond a second signal, and end the
 * loops. False: the database does not let go of a request, nothing can be freed. */
bool md_life_stop(struct md_life *life, uint64_t drain_ms);
void md_life_release(struct md_life *life);
#endif
