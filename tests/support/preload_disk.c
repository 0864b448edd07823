/* A disk that fails when it is told to, between a program and the C library: for LD_PRELOAD, with
 * DISK_FAULTS naming a file of eight 64-bit numbers that the test changes while the program runs.
 * In the daemon only SQLite makes these calls, so no file is told from another. Any thread.
 *
 *   0  room: files may grow by so many bytes, then ENOSPC, as on a full disk; negative: no limit
 *   1  errno of every write, 0: none
 *   2  errno of every sync, 0: none
 *   3  every sync takes so many microseconds more
 *   4  calls that have failed so far
 *   5  syncs so far, those that failed not among them
 *   6  not zero: the real disk is not asked to sync (the delay stands for it) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROOM, WRITE_ERRNO, SYNC_ERRNO, SYNC_US, FAILED, SYNCS, NO_SYNC, NUMBERS };

static _Atomic int64_t idle[NUMBERS] = { [ROOM] = -1 };
static _Atomic int64_t *control = idle;

static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("DISK_FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	*(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
	*(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
	*(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
	*(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(idle), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		control = page;
}

static int fail(int64_t why)
{
	control[FAILED]++;
	errno = (int)why;
	return -1;
}

/* How much of a change that ends at `end` the disk has room for: `want`, or less. */
static size_t take_room(int fd, off64_t end, size_t want)
{
	struct stat64 st;
	int64_t left = control[ROOM], grows;

	if (left < 0 || fstat64(fd, &st) != 0 || end <= st.st_size)
		return want;
	grows = end - st.st_size;
	if (grows <= left) {
		control[ROOM] -= grows;
		return want;
	}
	control[ROOM] = 0;
	grows -= left;
	return grows < (int64_t)want ? want - (size_t)grows : 0;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	size_t may;

	if (control[WRITE_ERRNO] != 0)
		return fail(control[WRITE_ERRNO]);
	may = take_room(fd, offset + (off64_t)size, size);
	if (may == 0 && size > 0)
		return fail(ENOSPC);
	return real_pwrite(fd, data, may, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}

int ftruncate64(int fd, off64_t size)
{
	if (control[WRITE_ERRNO] != 0)
		return fail(control[WRITE_ERRNO]);
	if (take_room(fd, size, 1) == 0)
		return fail(ENOSPC);
	return real_ftruncate(fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

static int sync_or_fail(int (*real)(int), int fd)
{
	int64_t us = control[SYNC_US];
	struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

	if (control[SYNC_ERRNO] != 0)
		return fail(control[SYNC_ERRNO]);
	control[SYNCS]++;
	if (us > 0)
		nanosleep(&pause, NULL);
	return control[NO_SYNC] != 0 ? 0 : real(fd);
}

int fsync(int fd)
{
	return sync_or_fail(real_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_or_fail(real_fdatasync, fd);
}
