/* Monotonic time in nanoseconds, for deadlines and durations. */
#ifndef MD_CORE_BASE_CLOCK_H
#define MD_CORE_BASE_CLOCK_H
#include <stdint.h>
#include <time.h>

#define MD_MS  1000000ull
#define MD_SEC 1000000000ull

/** CLOCK_MONOTONIC now. */
static inline uint64_t md_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * MD_SEC + (uint64_t)ts.tv_nsec;
}
#endif
