/* Fail the Nth call: a counter that everything able to fail asks. The fake driver asks it before
 * each operation; fault_malloc.c, linked with -Wl,--wrap, asks it before each allocation. Any
 * thread; armed by the test. */
#ifndef MD_TESTS_FAULT_H
#define MD_TESTS_FAULT_H
#include <stdbool.h>

/** Let the call after `calls` others fail, once. */
void fault_arm(long calls);
/** No failure any more. */
void fault_disarm(void);
/** The calls in between are the test's own: do not count them. Nests. */
void fault_pause(void);
void fault_resume(void);
/** True: the caller has to fail now. */
bool fault_tick(void);
/** The same for a failure that good code may survive unnoticed, such as an allocation for a cache.
 */
bool fault_tick_soft(void);
/** Whether a call has failed since it was armed, and whether that one was of the soft kind. */
bool fault_fired(void);
bool fault_is_soft(void);
#endif
