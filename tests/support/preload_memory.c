/* Memory that runs out when it is told to: for LD_PRELOAD, with MEMORY_FAULTS naming a file of two
 * 64-bit numbers that the test changes while the program runs. Every allocation of the program and
 * its libraries counts. Any thread. Not for builds with sanitizers, which bring their own malloc.
 *
 *   0  so many allocations succeed, the next one fails, once; negative: none fails
 *   1  allocations that have failed so far */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEFT, FAILED, NUMBERS };

/* glibc's own, by the names that it exports for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static _Atomic int64_t idle[NUMBERS] = { [LEFT] = -1 };
static _Atomic int64_t *control = idle;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("MEMORY_FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(idle), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		control = page;
}

static bool fails(void)
{
	if (control[LEFT] < 0 || control[LEFT]-- != 0)
		return false;
	control[FAILED]++;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return fails() ? NULL : __libc_realloc(block, size);
}
