/* The service manager's watchdog: it ends and restarts a daemon that has not told for a while that
 * it is well. Well means: every event loop has answered. Main thread only. */
#ifndef MD_SERVER_WATCHDOG_H
#define MD_SERVER_WATCHDOG_H
#include <stdbool.h>
#include <stdint.h>

struct md_server;

struct md_watchdog {
	uint64_t every_ns; /* 0: nobody asks */
	uint64_t due_ns;
	bool told; /* that a loop is late */
};

/** Is somebody asking (WATCHDOG_USEC, WATCHDOG_PID)? The variables are removed. */
void md_watchdog_init(struct md_watchdog *watchdog);
/** Milliseconds until md_watchdog_tick() has something to do; -1: for ever. */
int md_watchdog_wait_ms(const struct md_watchdog *watchdog);
/** Tell that all is well, when it is time and every loop has answered since the last time. */
void md_watchdog_tick(struct md_watchdog *watchdog, struct md_server *server);
/** The same while the loops end one by one, which has a limit of its own. */
void md_watchdog_tick_anyway(struct md_watchdog *watchdog);
#endif
