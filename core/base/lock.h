/* A mutex that knows its holder, so that md_lock_is_mine() can be asserted. Every lock of the
 * project is one of these; docs/locking.md lists them with what they guard and their order. */
#ifndef MD_CORE_BASE_LOCK_H
#define MD_CORE_BASE_LOCK_H
#include <pthread.h>
#include <stdbool.h>

struct md_lock {
	pthread_mutex_t mutex;
	pthread_t holder;
	bool held;
};

#define MD_LOCK_INIT                                              \
	{                                                         \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .held = false \
	}

static inline void md_lock_init(struct md_lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->held = false;
}
static inline void md_lock_release(struct md_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}
static inline void md_lock_enter(struct md_lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	lock->holder = pthread_self();
	lock->held = true;
}
static inline void md_lock_leave(struct md_lock *lock)
{
	lock->held = false;
	pthread_mutex_unlock(&lock->mutex);
}
/** For assertions only: reading it without the lock is a guess. */
static inline bool md_lock_is_mine(const struct md_lock *lock)
{
	return lock->held && pthread_equal(lock->holder, pthread_self());
}
/** Wait on a condition made with md_cond_init(); the holder is restored. */
static inline void md_cond_wait(pthread_cond_t *cond, struct md_lock *lock)
{
	lock->held = false;
	pthread_cond_wait(cond, &lock->mutex);
	lock->holder = pthread_self();
	lock->held = true;
}
/** The same until an absolute CLOCK_MONOTONIC time; false when that has come. */
static inline bool md_cond_wait_until(pthread_cond_t *cond, struct md_lock *lock,
				      const struct timespec *until)
{
	int rc;

	lock->held = false;
	rc = pthread_cond_timedwait(cond, &lock->mutex, until);
	lock->holder = pthread_self();
	lock->held = true;
	return rc == 0;
}
/** Condition on CLOCK_MONOTONIC: a clock step must neither end nor prolong a wait. */
static inline void md_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}
#endif
