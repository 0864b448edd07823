#include "server/starting.h"

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config/options.h"
#include "server/log.h"

#include "core/base/banned.h"

enum { LAST_WORDS_MS = 500, EXIT_BY_SIGNAL = 128 };
/* For files, loops, listeners and the administration; and a connection of the database is up to so
 * many (SQLite: the file and its log). */
enum { OTHER_DESCRIPTORS = 160, PER_DATABASE_CONNECTION = 3 };

/* As if the signal had never been blocked. The first process of a container is not ended by that.
 */
static void __attribute__((noreturn)) die_of(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	_exit(EXIT_BY_SIGNAL + number);
}

static void *watch(void *cls)
{
	const struct md_starting *starting = cls;
	sigset_t set;
	int number, state;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigwait(&set, &number) != 0)
		return NULL;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	md_log_line(starting->log, MD_LOG_INFO, "stopping before the start is over");
	md_log_flush(LAST_WORDS_MS);
	die_of(number);
}

void md_starting_begin(struct md_starting *starting, const struct md_log *log)
{
	*starting = (struct md_starting){ .log = log };
	starting->running = pthread_create(&starting->thread, NULL, watch, starting) == 0;
}

void md_starting_end(struct md_starting *starting)
{
	if (!starting->running)
		return;
	pthread_cancel(starting->thread);
	pthread_join(starting->thread, NULL);
	starting->running = false;
}

/* Each loop takes a quarter more connections than its share. */
static uint64_t descriptors_wanted(const struct md_options *o)
{
	uint64_t database = o->pool_size + (o->max_overflow > 0 ? (uint64_t)o->max_overflow : 0);

	return o->connections + o->connections / 4 + database * PER_DATABASE_CONNECTION +
	       OTHER_DESCRIPTORS;
}

void md_starting_raise_descriptors(const struct md_options *options, const struct md_log *log)
{
	uint64_t wanted = descriptors_wanted(options);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
		return;
	md_log_line(log, MD_LOG_WARN,
		    "%llu file descriptors are all there may be, and %llu connections may need "
		    "%llu: newcomers will wait (ulimit -n, LimitNOFILE=, or fewer connections)",
		    (unsigned long long)limit.rlim_cur, (unsigned long long)options->connections,
		    (unsigned long long)wanted);
}
