/* Whose write-ahead log stands beside an SQLite file. SQLite finds the log by its name: when the
 * file is replaced while we serve it, the log of the old file would be taken for one of the new
 * file, and its pages written into it. Every connection asks here before it opens the file, and
 * says afterwards what it found. Any thread; locked inside. */
#ifndef MD_CORE_DB_WAL_OWNER_H
#define MD_CORE_DB_WAL_OWNER_H
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/lock.h"

struct md_wal_owner {
	struct md_lock lock;
	int log, index; /* descriptors of -wal and -shm as seen, without access; -1: none */
	dev_t device;
	ino_t inode; /* of the file that it belongs to */
};

void md_wal_owner_init(struct md_wal_owner *owner);
void md_wal_owner_release(struct md_wal_owner *owner);
/** Before `path` is opened: when it is another file than the one noted, and the log beside it, or
 * the index of the log, is still the old one's, remove that. True: removed. */
bool md_wal_owner_check(struct md_wal_owner *owner, const char *path);
/** `path` is open, and its log stands beside it if it has one. */
void md_wal_owner_note(struct md_wal_owner *owner, const char *path);
#endif
