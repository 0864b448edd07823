/* What surrounds a start, which a migration can make long: enough file descriptors for what the
 * settings allow, and an end at once on SIGTERM and SIGINT. Nobody waits for an answer yet, and
 * what an end in the middle leaves behind is mended by the next start, as after a crash. Main
 * thread. Private to server/. */
#ifndef MD_SERVER_STARTING_H
#define MD_SERVER_STARTING_H
#include <pthread.h>
#include <stdbool.h>

#include "core/base/log.h"

struct md_options;

struct md_starting {
	const struct md_log *log; /* borrowed */
	pthread_t thread;
	bool running;
};

/** From now on SIGTERM and SIGINT, which must be blocked, end the process. */
void md_starting_begin(struct md_starting *starting, const struct md_log *log);
/** They stay pending from now on, for whoever reads them. */
void md_starting_end(struct md_starting *starting);

/** Let the process have the file descriptors that its connections need, if it may; else say so. */
void md_starting_raise_descriptors(const struct md_options *options, const struct md_log *log);
#endif
