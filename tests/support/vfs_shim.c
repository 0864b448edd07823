#include "tests/support/vfs_shim.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SECTOR = 512, KINDS = 4 };

/* What is known of one file. `image` is what the disk holds for certain. */
struct disk {
	struct disk *next;
	char *path;
	bool durable; /* the name itself: it is there after a cut */
	bool gone;    /* deleted, perhaps made anew, and the folder knows of neither for certain */
	unsigned char *image;
	size_t image_size;
	size_t live_size, low_size; /* now, and the least since the last sync */
	unsigned char *dirty;       /* a byte per sector */
	size_t dirty_count;
};

struct file {
	sqlite3_file base; /* first */
	struct disk *disk; /* NULL: of no interest */
	sqlite3_file *real;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct disk *disks;
static bool tracking, off, really = true;
static long calls[KINDS], cut_left = -1, fail_left = -1;
static unsigned fail_kinds, slow_us;
static int fail_rc;
static bool fail_lasting, failed;

static sqlite3_vfs *real_vfs;

static void *must(void *block)
{
	if (!block)
		abort();
	return block;
}

/* What becomes of a changing call: SQLITE_OK to do it, or how it fails. `no_power` is the answer
 * when that is gone. */
static int tick(enum shim_call kind, int no_power)
{
	int rc = SQLITE_OK;

	pthread_mutex_lock(&lock);
	calls[__builtin_ctz(kind)]++;
	if (cut_left >= 0 && cut_left-- == 0)
		off = true;
	if (fail_left >= 0 && (fail_kinds & kind)) {
		if (fail_left > 0) {
			fail_left--;
		} else {
			fail_left = fail_lasting ? 0 : -1;
			failed = true;
			rc = fail_rc;
		}
	}
	if (off)
		rc = no_power;
	pthread_mutex_unlock(&lock);
	return rc;
}

static void grow(unsigned char **block, size_t *size, size_t wanted)
{
	if (wanted > *size) {
		*block = must(realloc(*block, wanted));
		memset(*block + *size, 0, wanted - *size);
	}
	*size = wanted;
}

static void note_write(struct disk *disk, size_t at, size_t len)
{
	size_t first = at / SECTOR, end = (at + len + SECTOR - 1) / SECTOR;

	pthread_mutex_lock(&lock);
	if (end > disk->dirty_count)
		grow(&disk->dirty, &disk->dirty_count, end);
	memset(disk->dirty + first, 1, end - first);
	if (at + len > disk->live_size)
		disk->live_size = at + len;
	pthread_mutex_unlock(&lock);
}

static void note_size(struct disk *disk, size_t size)
{
	pthread_mutex_lock(&lock);
	disk->live_size = size;
	if (size < disk->low_size)
		disk->low_size = size;
	if ((size + SECTOR - 1) / SECTOR < disk->dirty_count)
		disk->dirty_count = (size + SECTOR - 1) / SECTOR;
	pthread_mutex_unlock(&lock);
}

/* Bytes of the real file into the image. */
static void copy(struct file *file, size_t at, size_t len)
{
	struct disk *disk = file->disk;

	if (at >= disk->live_size)
		return;
	if (at + len > disk->live_size)
		len = disk->live_size - at;
	file->real->pMethods->xRead(file->real, disk->image + at, (int)len, (sqlite3_int64)at);
}

static void resize_image(struct disk *disk, size_t size)
{
	if (size < disk->image_size)
		disk->image_size = size;
	else
		grow(&disk->image, &disk->image_size, size);
}

static void note_sync(struct file *file)
{
	struct disk *disk = file->disk;

	pthread_mutex_lock(&lock);
	if (disk->low_size < disk->image_size)
		resize_image(disk, disk->low_size);
	resize_image(disk, disk->live_size);
	for (size_t i = 0; i < disk->dirty_count; i++)
		if (disk->dirty[i])
			copy(file, i * SECTOR, SECTOR);
	disk->dirty_count = 0;
	disk->low_size = disk->live_size;
	disk->durable = true;
	disk->gone = false;
	pthread_mutex_unlock(&lock);
}

static struct disk *find(const char *path)
{
	struct disk *disk = disks;

	while (disk && strcmp(disk->path, path) != 0)
		disk = disk->next;
	return disk;
}

/* A file that is opened: what it holds the first time it is seen counts as synced. */
static void attach(struct file *file, const char *path, bool existed)
{
	sqlite3_int64 size = 0;
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = find(path);
	if (!disk) {
		disk = must(calloc(1, sizeof(*disk)));
		disk->path = must(strdup(path));
		disk->next = disks;
		disks = disk;
		file->disk = disk;
		file->real->pMethods->xFileSize(file->real, &size);
		disk->durable = existed;
		disk->live_size = disk->low_size = (size_t)size;
		resize_image(disk, (size_t)size);
		copy(file, 0, (size_t)size);
	}
	file->disk = disk;
	pthread_mutex_unlock(&lock);
}

static void note_delete(const char *path, bool synced)
{
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = find(path);
	if (disk) {
		disk->live_size = disk->low_size = disk->dirty_count = 0;
		disk->gone = !synced;
		if (synced) {
			disk->durable = false;
			disk->image_size = 0;
		}
	}
	pthread_mutex_unlock(&lock);
}

#define REAL(file) (((struct file *)(file))->real)

static int shim_close(sqlite3_file *file)
{
	return REAL(file)->pMethods->xClose(REAL(file));
}

static int shim_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
	return REAL(file)->pMethods->xRead(REAL(file), to, len, at);
}

static int shim_write(sqlite3_file *base, const void *from, int len, sqlite3_int64 at)
{
	struct file *file = (struct file *)base;
	int rc = tick(SHIM_WRITE, SQLITE_IOERR_WRITE);

	if (rc != SQLITE_OK)
		return rc;
	rc = file->real->pMethods->xWrite(file->real, from, len, at);
	if (rc == SQLITE_OK && file->disk)
		note_write(file->disk, (size_t)at, (size_t)len);
	return rc;
}

static int shim_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct file *file = (struct file *)base;
	int rc = tick(SHIM_TRUNCATE, SQLITE_IOERR_TRUNCATE);

	if (rc != SQLITE_OK)
		return rc;
	rc = file->real->pMethods->xTruncate(file->real, size);
	if (rc == SQLITE_OK && file->disk)
		note_size(file->disk, (size_t)size);
	return rc;
}

static int shim_sync(sqlite3_file *base, int flags)
{
	struct file *file = (struct file *)base;
	struct timespec pause = { slow_us / 1000000, slow_us % 1000000 * 1000L };
	int rc = tick(SHIM_SYNC, SQLITE_IOERR_FSYNC);

	if (rc != SQLITE_OK)
		return rc;
	if (slow_us > 0)
		nanosleep(&pause, NULL);
	if (really)
		rc = file->real->pMethods->xSync(file->real, flags);
	if (rc == SQLITE_OK && file->disk)
		note_sync(file);
	return rc;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	return REAL(file)->pMethods->xFileSize(REAL(file), ret_size);
}

static int shim_lock(sqlite3_file *file, int level)
{
	return REAL(file)->pMethods->xLock(REAL(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
	return REAL(file)->pMethods->xUnlock(REAL(file), level);
}

static int shim_check_lock(sqlite3_file *file, int *ret_locked)
{
	return REAL(file)->pMethods->xCheckReservedLock(REAL(file), ret_locked);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
	return REAL(file)->pMethods->xFileControl(REAL(file), op, arg);
}

static int shim_sector(sqlite3_file *file)
{
	return REAL(file)->pMethods->xSectorSize(REAL(file));
}

static int shim_traits(sqlite3_file *file)
{
	return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, ret);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return REAL(file)->pMethods->xShmLock(REAL(file), offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
	REAL(file)->pMethods->xShmBarrier(REAL(file));
}

static int shim_shm_unmap(sqlite3_file *file, int and_delete)
{
	return REAL(file)->pMethods->xShmUnmap(REAL(file), and_delete);
}

/* Version 2: shared memory for the WAL, no memory-mapped reads. */
static const sqlite3_io_methods methods = {
	2,           shim_close,   shim_read,     shim_write,       shim_truncate,  shim_sync,
	shim_size,   shim_lock,    shim_unlock,   shim_check_lock,  shim_control,   shim_sector,
	shim_traits, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap, NULL,
	NULL,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
		     int *ret_flags)
{
	struct file *file = (struct file *)base;
	int watched = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
	int existed = 0, rc;

	(void)vfs;
	*file = (struct file){ .real = (sqlite3_file *)(file + 1) };
	if (name)
		real_vfs->xAccess(real_vfs, name, SQLITE_ACCESS_EXISTS, &existed);
	if (shim_is_off() && !existed)
		return SQLITE_CANTOPEN;
	rc = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
	if (rc != SQLITE_OK)
		return rc;
	file->base.pMethods = &methods;
	if (tracking && name && (flags & watched))
		attach(file, name, existed);
	return SQLITE_OK;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	int rc = tick(SHIM_DELETE, SQLITE_IOERR_DELETE);

	(void)vfs;
	if (rc != SQLITE_OK)
		return rc;
	rc = real_vfs->xDelete(real_vfs, name, really ? sync_folder : 0);
	if (rc == SQLITE_OK)
		note_delete(name, sync_folder);
	return rc;
}

void shim_install(void)
{
	static sqlite3_vfs vfs;

	if (real_vfs)
		return;
	sqlite3_initialize();
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "shim";
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.xOpen = shim_open;
	vfs.xDelete = shim_delete;
	sqlite3_vfs_register(&vfs, 1);
}

void shim_slow_sync(unsigned us)
{
	slow_us = us;
}

void shim_real_sync(bool real)
{
	really = real;
}

static void forget_all(void)
{
	while (disks) {
		struct disk *disk = disks;

		disks = disk->next;
		free(disk->path);
		free(disk->image);
		free(disk->dirty);
		free(disk);
	}
}

void shim_track(void)
{
	pthread_mutex_lock(&lock);
	forget_all();
	tracking = true;
	pthread_mutex_unlock(&lock);
}

long shim_calls(unsigned kinds)
{
	long sum = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < KINDS; i++)
		sum += kinds & 1u << i ? calls[i] : 0;
	pthread_mutex_unlock(&lock);
	return sum;
}

void shim_fail(unsigned kinds, long after, int rc, bool lasting)
{
	pthread_mutex_lock(&lock);
	fail_kinds = kinds;
	fail_left = after;
	fail_rc = rc;
	fail_lasting = lasting;
	failed = false;
	pthread_mutex_unlock(&lock);
}

bool shim_heal(void)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = failed;
	fail_left = -1;
	failed = false;
	pthread_mutex_unlock(&lock);
	return was;
}

void shim_cut(long after)
{
	pthread_mutex_lock(&lock);
	cut_left = after;
	pthread_mutex_unlock(&lock);
}

bool shim_is_off(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = off;
	pthread_mutex_unlock(&lock);
	return is;
}

static bool by_chance(unsigned *seed)
{
	return *seed != 0 && (rand_r(seed) >> 8) % 2 == 0;
}

/* Sectors that arrived although nobody waited for them. */
static void add_survivors(struct disk *disk, unsigned *seed)
{
	int fd;

	/* The old file or the new one, not a mixture. */
	if (disk->gone && !by_chance(seed))
		return;
	if (disk->gone) {
		disk->durable = false;
		resize_image(disk, 0);
	}
	fd = open(disk->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (disk->low_size < disk->image_size && by_chance(seed))
		resize_image(disk, disk->low_size);
	for (size_t i = 0; i < disk->dirty_count; i++) {
		size_t at = i * SECTOR;
		ssize_t got;

		if (!disk->dirty[i] || !by_chance(seed))
			continue;
		if (at + SECTOR > disk->image_size)
			resize_image(disk, at + SECTOR);
		got = pread(fd, disk->image + at, SECTOR, (off_t)at);
		if (got >= 0 && got < SECTOR && at + SECTOR == disk->image_size)
			disk->image_size = at + (size_t)got;
		disk->durable = true;
	}
	close(fd);
}

static void put_back(const struct disk *disk)
{
	int fd;

	if (!disk->durable) {
		unlink(disk->path);
		return;
	}
	fd = open(disk->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, disk->image, disk->image_size) != (ssize_t)disk->image_size)
		abort();
	close(fd);
}

/* Shared memory does not outlive the power. */
static void drop_shm(const char *path)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
}

void shim_power_on(unsigned seed)
{
	pthread_mutex_lock(&lock);
	for (struct disk *disk = disks; disk; disk = disk->next) {
		if (seed != 0 && seed != SHIM_KEEP_ALL)
			add_survivors(disk, &seed);
		if (seed != SHIM_KEEP_ALL)
			put_back(disk);
		drop_shm(disk->path);
	}
	forget_all();
	off = false;
	cut_left = -1;
	pthread_mutex_unlock(&lock);
}
