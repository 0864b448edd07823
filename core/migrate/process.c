/* Whether the process that once held a lock is still there. A number alone does not tell: it is
 * used again, and means something else on another machine or in another container. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/migrate/history_private.h"

#include "core/base/banned.h"

enum { START_FIELD = 22, STAT_MAX = 1024, BOOT_TEXT = 40, SPACE_TEXT = 40 };

static bool read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return false;
	out[len] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return true;
}

/* Where numbers of processes mean the same: the machine since it was started, and the container. */
static bool put_space(char *out, size_t size)
{
	char boot[BOOT_TEXT], space[SPACE_TEXT];
	ssize_t len = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);

	if (len <= 0 || !read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)))
		return false;
	space[len] = '\0';
	snprintf(out, size, "%s %s", boot, space);
	return true;
}

/* The state and, in ticks since the machine was started, the beginning of a process. */
static bool read_start(int64_t pid, char *ret_state, unsigned long long *ret_start)
{
	char path[64], text[STAT_MAX];
	const char *p;
	char *end;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	if (!read_text(path, text, sizeof(text)))
		return false;
	p = strrchr(text, ')'); /* its name may be anything */
	if (!p || p[1] != ' ')
		return false;
	*ret_state = p[2];
	p++;
	for (int field = 3; field <= START_FIELD && p; field++)
		p = strchr(p + (field > 3), ' ');
	if (!p)
		return false;
	*ret_start = strtoull(p + 1, &end, 10);
	return end != p + 1;
}

bool md_process_mark(int64_t pid, char out[MD_PROCESS_TEXT])
{
	char space[BOOT_TEXT + SPACE_TEXT + 1], state;
	unsigned long long start;

	if (!put_space(space, sizeof(space)) || !read_start(pid, &state, &start))
		return false;
	snprintf(out, MD_PROCESS_TEXT, "%s %llu", space, start);
	return true;
}

enum md_process_state md_process_look(int64_t pid, const char *mark)
{
	char space[BOOT_TEXT + SPACE_TEXT + 1], now[MD_PROCESS_TEXT], state = 'R';
	unsigned long long start;
	size_t len;

	if (pid <= 0 || pid > INT32_MAX || !put_space(space, sizeof(space)))
		return MD_PROCESS_UNKNOWN;
	len = strlen(space);
	if (strncmp(mark, space, len) != 0 || mark[len] != ' ')
		return MD_PROCESS_UNKNOWN;
	if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		return MD_PROCESS_GONE;
	if (!read_start(pid, &state, &start)) /* it may be hidden */
		return MD_PROCESS_UNKNOWN;
	snprintf(now, sizeof(now), "%s %llu", space, start);
	if (state == 'Z' || state == 'X' || strcmp(now, mark) != 0)
		return MD_PROCESS_GONE;
	return MD_PROCESS_ALIVE;
}
