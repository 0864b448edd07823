/* Memory that runs out when it is told to, and an account of it: for LD_PRELOAD, with MEMORY_FAULTS
 * naming a file of 64-bit numbers that the test reads and changes while the program runs. Every
 * allocation of the program and its libraries counts. Any thread. A sanitizer's own allocator is
 * used when there is one, so that it still finds what is lost or used too late.
 *
 *   0  so many allocations succeed, the next one fails; negative: none fails
 *   1  allocations that have failed so far
 *   2  how many fail in a row then; 0 is taken for 1
 *   3  allocations that were asked for so far
 *   4  blocks in use */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEFT, FAILED, RUN, ASKED, BLOCKS, NUMBERS };

/* glibc's own, by the names that it exports for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);
/* Those of a sanitizer's runtime; without one they are not there. */
#define ONLY_THERE __attribute__((weak))
ONLY_THERE void *__interceptor_malloc(size_t size);
ONLY_THERE void *__interceptor_calloc(size_t count, size_t size);
ONLY_THERE void *__interceptor_realloc(void *block, size_t size);
ONLY_THERE void *__interceptor_aligned_alloc(size_t alignment, size_t size);
ONLY_THERE void __interceptor_free(void *block);
#define CALL(name, ...) \
	(__interceptor_malloc ? __interceptor_##name(__VA_ARGS__) : __libc_##name(__VA_ARGS__))

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
	control[ASKED]++;
	if (control[LEFT] < 0 || (control[LEFT] > 0 && control[LEFT]-- > 0))
		return false;
	if (control[RUN]-- <= 1)
		control[LEFT] = -1;
	control[FAILED]++;
	errno = ENOMEM;
	return true;
}

static void *counted(void *block)
{
	control[BLOCKS] += block != NULL;
	return block;
}

void *malloc(size_t size)
{
	return fails() ? NULL : counted(CALL(malloc, size));
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : counted(CALL(calloc, count, size));
}

void *realloc(void *block, size_t size)
{
	if (!block)
		return malloc(size);
	if (size == 0) {
		free(block);
		return NULL;
	}
	return fails() ? NULL : CALL(realloc, block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (fails())
		return NULL;
	return counted(__interceptor_malloc ? __interceptor_aligned_alloc(alignment, size)
					    : __libc_memalign(alignment, size));
}

void free(void *block)
{
	control[BLOCKS] -= block != NULL;
	CALL(free, block);
}
