/* Settings that an administrator changes while the daemon runs: PATCH /-/pool and PATCH /-/log.
 * They come above all other sources of settings, for a time or until the daemon ends, and take
 * effect like those of a reload, but nothing is read again but the configuration. Applied on the
 * main thread; the request waits. Private to server/. */
#ifndef MD_SERVER_TUNE_H
#define MD_SERVER_TUNE_H
#include "config/settings.h"
#include "core/base/error.h"
#include "core/base/reactor.h"

struct md_server;

struct md_tune_change {
	const char *key, *value; /* value NULL: as it was before */
};
/** Somebody on a loop who waits for a change. */
struct md_tune_ask {
	struct md_task task; /* private, first */
	struct md_tune_ask *next;
	const struct md_tune_change *changes;
	unsigned count;
	uint64_t for_ms; /* 0: until the daemon ends */
	struct md_reactor *home;
	void (*done)(struct md_tune_ask *ask); /* on the loop of `home`, once */
	struct md_error error;                 /* MD_OK: all changes took effect; else none */
};
/** Ask; everything but the private members and the error is set. Any thread. False: the server is
 * stopping, and nobody will answer. */
bool md_tune_ask(struct md_tune_ask *ask);

/** Readable when there is something to do; -1: there never is. */
int md_tune_fd(void);
/** How long main may sleep, in ms; -1: for ever. Main thread. */
int md_tune_wait_ms(void);
/** Apply what was asked for, and end what was for a time. Main thread. */
void md_tune_look(struct md_server *server, struct md_settings *settings);
/** Take no more asks, and answer those that are there. Main thread. */
void md_tune_end(void);
#endif
