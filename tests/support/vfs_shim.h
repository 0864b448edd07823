/* A layer between SQLite and the disk, for tests and benchmarks of durability: it slows syncs down,
 * lets calls fail, and cuts the power.
 *
 * It becomes the default VFS of the process, so whoever opens a database afterwards goes through
 * it. When it keeps track (shim_track), it remembers for every database, WAL and journal what was
 * synced; after a cut every change fails, and shim_power_on() puts the files back to what the disk
 * would have kept. Creating a file is safe with its first sync, deleting it when SQLite syncs the
 * folder. Any thread; settings are made while no database is in use, but for cuts and failures. */
#ifndef MD_TESTS_VFS_SHIM_H
#define MD_TESTS_VFS_SHIM_H
#include <stdbool.h>

enum shim_call {
	SHIM_WRITE = 1u << 0,
	SHIM_SYNC = 1u << 1,
	SHIM_TRUNCATE = 1u << 2,
	SHIM_DELETE = 1u << 3,
	SHIM_ANY = 15u
};

/** Become the default VFS. Once is enough. */
void shim_install(void);
/** Every sync takes so much longer. */
void shim_slow_sync(unsigned us);
/** False: a sync is counted, recorded and delayed, but the disk is not asked; tests that cut the
 * power need no real one. */
void shim_real_sync(bool real);
/** Remember what is synced from now on; forgets all files known so far. */
void shim_track(void);
/** Calls of these kinds so far, since the shim was told anything. */
long shim_calls(unsigned kinds);

/** The call of these kinds that comes after `calls` others fails with `rc`; `lasting`: and all that
 * follow. */
void shim_fail(unsigned kinds, long calls, int rc, bool lasting);
/** No failures any more. True: there was one. */
bool shim_heal(void);

/** The power goes instead of the changing call that comes after `calls` others. */
void shim_cut(long calls);
/** Whether the power is off. */
bool shim_is_off(void);
enum { SHIM_KEEP_ALL = ~0u };
/** All databases are closed: the files become what is on the disk. `seed` 0: nothing that was not
 * synced; SHIM_KEEP_ALL: all of it, as after kill -9; otherwise each sector of it has arrived or
 * not, by chance. Forgets the cut. */
void shim_power_on(unsigned seed);
#endif
