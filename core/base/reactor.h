/* One event loop, for one thread. Knows fds, timers, posts and phases; nothing of HTTP or SQL (libc
 * only). A turn: wait -> MD_PHASE_DB sources -> posted tasks -> MD_PHASE_FRONT sources and the
 * front -> due timers -> turn-end hooks. Everything but md_reactor_post() and md_reactor_stop() is
 * for the owning thread only: the one that called md_reactor_run() (before that, the one that made
 * it). No fd, node or timer is owned here: nodes are intrusive, so posting and arming cannot fail
 * for lack of memory. */
#ifndef MD_CORE_BASE_REACTOR_H
#define MD_CORE_BASE_REACTOR_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct md_reactor;
enum md_phase { MD_PHASE_DB, MD_PHASE_FRONT };
enum { MD_READ = 1u, MD_WRITE = 2u, MD_HANGUP = 4u };

/** An fd and what it waits for. `ready` is called at most once a turn; errors and hang-ups come as
 * MD_HANGUP | what is wanted. The node may be forgotten and freed from inside any `ready`. */
struct md_source {
	int fd;
	unsigned wants; /* MD_READ | MD_WRITE; change, then md_reactor_watch() again. 0: hang-up
			   only */
	enum md_phase phase;
	void (*ready)(struct md_source *source, unsigned events);
	bool watched; /* private */
};
/** Work from another thread. One post in flight per node; the node may be reused from inside `run`.
 */
struct md_task {
	void (*run)(struct md_task *task);
	struct md_task *next; /* private */
};
/** Absolute CLOCK_MONOTONIC deadline; node of a pairing heap. Zero-initialise it. */
struct md_timer {
	uint64_t deadline_ns;
	void (*due)(struct md_timer *timer);
	bool armed;                                  /* read only */
	struct md_timer *child, *sibling, *previous; /* private */
};
/** Called at the end of every turn: end of the read snapshot, flush of pipelines. */
struct md_turn_hook {
	void (*end)(struct md_turn_hook *hook);
	struct md_turn_hook *next; /* private */
};
/** The one front end (the HTTP library): run every turn, and asked afterwards how long the loop may
 * sleep (-1 = for ever). */
struct md_front {
	int fd; /* its epoll fd, watched for reading */
	void (*run)(struct md_front *front);
	int (*wait_ms)(struct md_front *front);
};

/** New loop for the calling thread. Fails with MD_UNAVAILABLE (no fds) or MD_NOMEM. */
enum md_code md_reactor_new(struct md_reactor **ret_reactor, struct md_error *err);
/** Close it. Posted tasks that have not run are dropped. NULL is fine; returns NULL. */
struct md_reactor *md_reactor_free(struct md_reactor *reactor);
/** Add the source, or change what it waits for. False: the kernel refused (fd limits), errno says
 * why. */
bool md_reactor_watch(struct md_reactor *reactor, struct md_source *source);
/** Stop watching; must come before close(fd). Fine when not watched. */
void md_reactor_forget(struct md_reactor *reactor, struct md_source *source);
/** Run `task` on the loop's thread, in its next turn. Any thread; wakes the loop once for any
 * number of posts. */
void md_reactor_post(struct md_reactor *reactor, struct md_task *task);
/** Arm, or move when armed. */
void md_reactor_arm(struct md_reactor *reactor, struct md_timer *timer, uint64_t deadline_ns);
void md_reactor_disarm(struct md_reactor *reactor, struct md_timer *timer);
/** Add a hook for good. Hooks run in the order of their adding. */
void md_reactor_at_turn_end(struct md_reactor *reactor, struct md_turn_hook *hook);
/** Set the front; NULL takes it away. */
enum md_code md_reactor_set_front(struct md_reactor *reactor, struct md_front *front,
				  struct md_error *err);
/** Time, read once a turn. */
uint64_t md_reactor_now_ns(const struct md_reactor *reactor);
/** Number of this turn: identity of the turn's read snapshot. */
uint64_t md_reactor_turn(const struct md_reactor *reactor);
/** Run turns until md_reactor_stop() or until `*until` (may be NULL) is true. This is the blocking
 * face's wait. */
void md_reactor_run(struct md_reactor *reactor, const bool *until);
/** For loops in a loop: an fd that is readable when a turn would find something to do, timers
 * aside. It belongs to the reactor. */
int md_reactor_fd(const struct md_reactor *reactor);
/** Until the next timer; -1: there is none. */
int md_reactor_wait_ms(const struct md_reactor *reactor);
/** One turn, which waits no longer than `most_ms`; -1: until there is something to do. */
void md_reactor_step(struct md_reactor *reactor, int most_ms);
/** Have the next turn come at once: what was begun between turns is sent at the end of one. */
void md_reactor_nudge(struct md_reactor *reactor);
/** Make the running md_reactor_run() return after its turn. Any thread, any signal handler. */
void md_reactor_stop(struct md_reactor *reactor);
#endif
