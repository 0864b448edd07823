/* The process as the kernel sees it. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "server/metrics.h"
#include "server/server.h"

#include "core/base/banned.h"

/* The first two numbers of statm are pages: all of the address space, and what is in memory. */
static void put_memory(struct md_buf *out)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages[2] = { 0, 0 }, size = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[128], *from = text;

	if (!file)
		return;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	for (unsigned i = 0; i < 2; i++) {
		size_t len = strcspn(from, " ");

		if (!md_str_to_u64((struct md_str){ from, len }, &pages[i]))
			return;
		from += len + (from[len] == ' ');
	}
	md_metrics_put(out, "process_virtual_memory_bytes", "gauge", "Address space.",
		       pages[0] * size);
	md_metrics_put(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
		       pages[1] * size);
}

static void put_descriptors(struct md_buf *out)
{
	DIR *folder = opendir("/proc/self/fd");
	struct rlimit limit;
	uint64_t count = 0;

	if (folder) {
		for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
			count += entry->d_name[0] != '.';
		closedir(folder);
		/* The folder's own is not there any more. */
		md_metrics_put(out, "process_open_fds", "gauge", "File descriptors in use.",
			       count - 1);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		md_metrics_put(out, "process_max_fds", "gauge",
			       "File descriptors there may be at most.", limit.rlim_cur);
}

void md_metrics_put_process(const struct md_server *server, struct md_buf *out)
{
	struct timespec cpu;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	md_metrics_put_head(out, "process_cpu_seconds_total", "counter",
			    "Processor time, of the user's and the kernel's.");
	md_buf_printf(out, "process_cpu_seconds_total %" PRIu64 ".%03u\n", (uint64_t)cpu.tv_sec,
		      (unsigned)(cpu.tv_nsec / 1000000));
	put_memory(out);
	put_descriptors(out);
	md_metrics_put(out, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.",
		       (uint64_t)server->started_at);
}
