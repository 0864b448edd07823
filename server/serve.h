/* The daemon from start to stop: opens the database, listens, runs the event loops, obeys signals.
 * Called once, by main, on the main thread. */
#ifndef MD_SERVER_SERVE_H
#define MD_SERVER_SERVE_H
#include "config/settings.h"

/** Serve until told to stop; returns a sysexits code. */
int md_serve(struct md_settings *settings);
#endif
