/* Stopping a statement that runs. PQcancel() opens a connection and waits, so it runs on a thread
 * of its own that knows nothing but a copy of where to go. While it is on its way no new unit is
 * started, so that it cannot hit one that came after: once PQcancel() has returned, the signal is
 * with the server process, and a process that runs nothing ignores it. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/db/postgres.h"

#include "core/base/banned.h"

struct helper {
	PGcancel *cancel;
	struct md_pg_shared *shared;
};

enum md_code md_pg_shared_new(struct md_pg_shared **ret_shared, struct md_error *err)
{
	struct md_pg_shared *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return md_fail_nomem(err);
	shared->refs = 1;
	shared->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shared->wake < 0) {
		free(shared);
		return md_fail(err, MD_UNAVAILABLE, "58030",
			       "no file descriptors for a database connection");
	}
	*ret_shared = shared;
	return MD_OK;
}

void md_pg_shared_unref(struct md_pg_shared *shared)
{
	if (!shared || atomic_fetch_sub(&shared->refs, 1) > 1)
		return;
	close(shared->wake);
	free(shared);
}

void md_pg_wake(struct md_pg_shared *shared)
{
	uint64_t one = 1;
	ssize_t n;

	if (atomic_exchange(&shared->signalled, true))
		return;
	n = write(shared->wake, &one, sizeof(one));
	(void)n; /* EAGAIN: it is awake already */
}

static void *run_helper(void *arg)
{
	struct helper *helper = arg;
	char message[256];

	PQcancel(helper->cancel, message, sizeof(message)); /* too late is as good */
	PQfreeCancel(helper->cancel);
	atomic_fetch_sub(&helper->shared->cancelling, 1);
	md_pg_wake(helper->shared);
	md_pg_shared_unref(helper->shared);
	free(helper);
	return NULL;
}

static bool start_thread(struct helper *helper)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, run_helper, helper);
	pthread_attr_destroy(&attr);
	return rc == 0;
}

void md_pg_cancel_running(struct md_pg *pg)
{
	struct helper *helper = calloc(1, sizeof(*helper));

	if (!helper) /* the statement timeout will end it */
		return;
	helper->cancel = PQgetCancel(pg->db);
	helper->shared = pg->shared;
	if (!helper->cancel) {
		free(helper);
		return;
	}
	atomic_fetch_add(&pg->shared->refs, 1);
	atomic_fetch_add(&pg->shared->cancelling, 1);
	if (start_thread(helper))
		return;
	atomic_fetch_sub(&pg->shared->cancelling, 1);
	atomic_fetch_sub(&pg->shared->refs, 1);
	PQfreeCancel(helper->cancel);
	free(helper);
}
