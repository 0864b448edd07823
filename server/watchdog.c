#include "server/watchdog.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "server/notify.h"
#include "server/server.h"

#include "core/base/banned.h"

/* Four times in the manager's span: a loop that is late once is not ended for it. */
enum { TICKS = 4 };
static const uint64_t longest_usec = 86400ull * 1000 * 1000;

void md_watchdog_init(struct md_watchdog *watchdog)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t span = 0, whose = (uint64_t)getpid();

	if (usec && !md_str_to_u64(md_str_of(usec), &span))
		span = 0;
	if (pid && !md_str_to_u64(md_str_of(pid), &whose))
		whose = 0;
	if (span > longest_usec)
		span = longest_usec;
	*watchdog =
		(struct md_watchdog){ .every_ns = whose == (uint64_t)getpid() ? span * 1000 / TICKS
									      : 0 };
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int md_watchdog_wait_ms(const struct md_watchdog *watchdog)
{
	uint64_t now = md_now_ns();

	if (watchdog->every_ns == 0)
		return -1;
	return now >= watchdog->due_ns ? 0 : (int)((watchdog->due_ns - now + MD_MS - 1) / MD_MS);
}

static bool is_due(struct md_watchdog *watchdog)
{
	uint64_t now = md_now_ns();

	if (watchdog->every_ns == 0 || now < watchdog->due_ns)
		return false;
	watchdog->due_ns = now + watchdog->every_ns;
	return true;
}

void md_watchdog_tick(struct md_watchdog *watchdog, struct md_server *server)
{
	unsigned late = 0;

	if (!is_due(watchdog))
		return;
	for (unsigned i = 0; i < server->loop_count; i++)
		late += !md_loop_ask(server->loops[i]);
	if (late == 0)
		md_notify("WATCHDOG=1");
	else if (!watchdog->told)
		md_log_line(&server->log, MD_LOG_WARN,
			    "%u of %u event loops do not answer: the watchdog is not told", late,
			    server->loop_count);
	watchdog->told = late > 0;
}

void md_watchdog_tick_anyway(struct md_watchdog *watchdog)
{
	if (is_due(watchdog))
		md_notify("WATCHDOG=1");
}
