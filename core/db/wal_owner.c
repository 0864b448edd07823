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
	owner->log = -1;
}

static void forget(struct md_wal_owner *owner)
{
	if (owner->log >= 0)
		close(owner->log);
	owner->log = -1;
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

/* Under the lock. */
static bool remove_old_log(struct md_wal_owner *owner, const char *path)
{
	char name[PATH_MAX];
	struct stat known, found;

	if (fstat(owner->log, &known) != 0 || !beside(path, "-wal", name) ||
	    lstat(name, &found) != 0 || !is_same(&found, known.st_dev, known.st_ino) ||
	    unlink(name) != 0)
		return false;
	if (beside(path, "-shm", name)) /* its index; whoever has it open keeps it */
		unlink(name);
	return true;
}

bool md_wal_owner_check(struct md_wal_owner *owner, const char *path)
{
	bool removed = false;
	struct stat st;

	md_lock_enter(&owner->lock);
	if (owner->log >= 0 && stat(path, &st) == 0 && !is_same(&st, owner->device, owner->inode)) {
		removed = remove_old_log(owner, path);
		forget(owner);
	}
	md_lock_leave(&owner->lock);
	return removed;
}

void md_wal_owner_note(struct md_wal_owner *owner, const char *path)
{
	char name[PATH_MAX];
	struct stat st;
	int log;

	if (!beside(path, "-wal", name))
		return;
	log = open(name, NO_ACCESS);
	if (log < 0)
		return;
	md_lock_enter(&owner->lock);
	if (stat(path, &st) == 0) {
		forget(owner);
		owner->log = log;
		owner->device = st.st_dev;
		owner->inode = st.st_ino;
		log = -1;
	}
	md_lock_leave(&owner->lock);
	if (log >= 0)
		close(log);
}
