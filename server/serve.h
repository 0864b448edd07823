/* The daemon from start to stop: opens the database, listens, runs the event loops, obeys signals.
 * Called once, by main, on the main thread. */
#ifndef MD_SERVER_SERVE_H
#define MD_SERVER_SERVE_H
#include "config/settings.h"

struct md_db_options;
struct md_server;

/** The database as these settings want it; texts are borrowed from them. The search path is left
 * out: it belongs to the start. */
void md_serve_db_options(const struct md_server *server, const struct md_options *o,
			 struct md_db_options *ret_options);
/** Serve until told to stop; returns a sysexits code. */
int md_serve(struct md_settings *settings);
#endif
