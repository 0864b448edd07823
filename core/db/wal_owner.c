#include "core/db/wal_owner.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/banned.h"

/* An open descriptor keeps the inode from being given to another file. One with access would take
 * SQLite's locks with it when it is closed. */
enum { NO_ACCESS = O_PATH | O_NOFOLLOW | O_CLOEXEC };

void md_wal_owner_init(struct md_wal_owner *owner)
{
	md_lock_init(&owner->lock);
	owner->log = owner->index = -1;
}

static void forget(struct md_wal_owner *owner)
{
	if (owner->log >= 0)
		close(owner->log);
	if (owner->index >= 0)
		close(owner->index);
	owner->log = owner->index = -1;
}

void md_wal_owner_release(struct md_wal_owner *owner)
{
	forget(owner);
	md_lock_release(&owner->lock);
}

static bool beside(const char *path, const char *ending, char *ret_name)
{
	int len = snprintf(ret_name, PATH_MAX, "%s%s", path, ending);

	return len > 0 && len < PATH_MAX;
}

static bool is_same(const struct stat *st, dev_t device, ino_t inode)
{
	return st->st_dev == device && st->st_ino == inode;
}

/* Under the lock. Whoever has the file open keeps it. */
static bool remove_old(int fd, const char *path, const char *ending)
{
	char name[PATH_MAX];
	struct stat known, found;

	return fd >= 0 && fstat(fd, &known) == 0 && beside(path, ending, name) &&
	       lstat(name, &found) == 0 && is_same(&found, known.st_dev, known.st_ino) &&
	       unlink(name) == 0;
}

bool md_wal_owner_check(struct md_wal_owner *owner, const char *path)
{
	bool removed = false;
	struct stat st;

	md_lock_enter(&owner->lock);
	if ((owner->log >= 0 || owner->index >= 0) && stat(path, &st) == 0 &&
	    !is_same(&st, owner->device, owner->inode)) {
		removed = remove_old(owner->log, path, "-wal");
		removed |= remove_old(owner->index, path, "-shm");
		forget(owner);
	}
	md_lock_leave(&owner->lock);
	return removed;
}

void md_wal_owner_note(struct md_wal_owner *owner, const char *path)
{
	char log[PATH_MAX], index[PATH_MAX];
	struct stat st;

	if (!beside(path, "-wal", log) || !beside(path, "-shm", index))
		return;
	md_lock_enter(&owner->lock);
	if (stat(path, &st) == 0) {
		forget(owner);
		owner->log = open(log, NO_ACCESS);
		owner->index = open(index, NO_ACCESS);
		owner->device = st.st_dev;
		owner->inode = st.st_ino;
	}
	md_lock_leave(&owner->lock);
}
