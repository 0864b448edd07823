/* Reload: settings on the main thread, then definition files, tables and a new registry on a helper
 * thread, so that neither signals nor requests wait for introspection. What is bad is reported, and
 * the old state stays. SIGHUP asks for one, and so do requests, which then wait for the outcome.
 * Private to server/. */
#ifndef MD_SERVER_RELOAD_H
#define MD_SERVER_RELOAD_H
#include "config/settings.h"
#include "core/base/error.h"
#include "core/base/reactor.h"

struct md_definitions;
struct md_registry;
struct md_server;

/** What became of a reload. */
struct md_reload_result {
	struct md_error error; /* MD_OK: it took effect; else the rest is empty */
	uint64_t generation;   /* what is served now; 0: as before */
	unsigned models;       /* how many are served */
	unsigned made;         /* tables that were missing */
	unsigned differences, blocking;
};

/** Read the definition files of the settings and make missing tables; NULL without definition
 * files. `running`: the daemon serves already. Blocking; any thread. */
enum md_code md_reload_prepare(const struct md_server *server, const struct md_options *options,
			       bool running, const struct md_definitions **ret_definitions,
			       unsigned *ret_made, struct md_error *err);
/** Introspect and build generation `generation`. The definitions (may be NULL) are given away, also
 * when it fails. Blocking; any thread. */
enum md_code md_reload_registry(const struct md_server *server, const struct md_options *options,
				const struct md_definitions *definitions, uint64_t generation,
				struct md_registry **ret_registry, struct md_error *err);

/** Somebody on a loop who waits for a reload. */
struct md_reload_ask {
	struct md_task task; /* private, first */
	struct md_reload_ask *next;
	struct md_reactor *home;
	void (*done)(struct md_reload_ask *ask); /* on the loop of `home`, once */
	struct md_reload_result result;
};
/** Ask for a reload that begins after now; `home` and `done` are set. Any thread. False: the server
 * is stopping, and nobody will answer. */
bool md_reload_ask(struct md_reload_ask *ask);

/** Read the settings again and let them take effect; nothing else. Main thread. */
enum md_code md_reload_settings(struct md_server *server, struct md_settings *settings,
				struct md_error *err);
/** Read settings and schema again. Main thread. While a reload is running, one more is remembered.
 */
void md_reload(struct md_server *server, struct md_settings *settings);
/** The same with the settings as they are: SIGUSR1. Main thread. */
void md_reload_models(struct md_server *server, const struct md_options *options);
/** Look at the database alone. When it has changed it is served as it is now, or, with definition
 * files, the log says that a reload is needed: the files may be in the middle of an edit. Tells
 * md_reread_ended(). result.generation 0: nothing was taken over. Main thread. */
void md_reload_reread(struct md_server *server, const struct md_options *options,
		      struct md_reload_ask *asks);
/** Give all of them the result. Any thread. */
void md_reload_answer(struct md_reload_ask *asks, const struct md_reload_result *result);
/** Take no more wishes, answer those that nobody has looked at, wait for the running reload to end.
 * Main thread. */
void md_reload_end(void);
#endif
