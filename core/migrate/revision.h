/* Revisions: files with operations and the chain they form. A revision file is JSON:
 *
 *	{"revision":"1b2da42f24b1","down_revision":"1df7b9fe7daa","message":"add tags",
 *	 "created_at":"2026-11-23T09:12:00Z","modeld":"0.1.0","consent":["user.bio"],
 *	 "up":[…],"down":[…],"snapshot":"<checksum of the snapshot after it>"}
 *
 * The checksum of a revision is the SHA-256 of that without message, created_at, modeld and
 * consent, and of its parent's checksum: a chain. migrations.sum has one line per revision,
 * "1b2da42f24b1 <checksum> <file>", so that two people who add a revision meet in it, and so that a
 * change of an old file is noticed. Files are called <UTC time>_<revision>_<slug>.json. A revision
 * is named by 12 hexadecimal digits. A revision that was made while there were several heads names
 * the others in "after": it knows of them, and comes behind them as well. One thread. */
#ifndef MD_CORE_MIGRATE_REVISION_H
#define MD_CORE_MIGRATE_REVISION_H
#include <jansson.h>

#include "core/migrate/snapshot.h"

enum { MD_REVISION_TEXT = 13 };

struct md_revision {
	char id[MD_REVISION_TEXT];
	/** "": it is the first. That of the line once they are aligned; the document keeps its own,
	 * and so does the checksum. */
	char parent[MD_REVISION_TEXT];
	const char *message;     /* in `document` */
	const char *file;        /* its name, without the folder; NULL: from a database */
	json_t *document;        /* owned by the list */
	const json_t *up, *down; /* in it; down NULL: computed from up */
	const char *snapshot;    /* checksum of the models after it; NULL: not given */
	char checksum[MD_CHECKSUM_TEXT];
	const struct md_revision *previous; /* parent; NULL: the first, or it is not in the list */
};
/** A folder's revisions, parents before children. */
struct md_revisions {
	struct md_revision *items;
	unsigned count;
	/** Heads: revisions without a child. More than one when branches were brought together. */
	const struct md_revision *const *heads;
	unsigned head_count;
	/** Whose sum in migrations.sum is another, for a change of their own. */
	const struct md_revision *const *modified;
	unsigned modified_count;
	/** Lines of migrations.sum without a file: their revisions. */
	const char *const *missing;
	unsigned missing_count;
	/** The heads as the files have them, also when they have been aligned since. */
	const struct md_revision *const *tips;
	unsigned tip_count;
	struct md_arena *arena; /* private */
};

/** Read a folder. One that is missing has no revisions. MD_INVALID: a file is broken (file, line,
 * what), two have one id, a parent is missing, or they go round in a circle. */
enum md_code md_revisions_read(const char *folder, struct md_revisions **ret_revisions,
			       struct md_error *err);
/** NULL is fine; returns NULL. */
struct md_revisions *md_revisions_free(struct md_revisions *revisions);

/** Find by id or its beginning (4 digits at least). MD_NOT_FOUND, MD_REVISION. */
enum md_code md_revisions_find(const struct md_revisions *revisions, const char *name,
			       const struct md_revision **ret_revision, struct md_error *err);
/** Read one revision of a text: of a file or a database. The document is the caller's then
 * (json_decref). MD_INVALID: with the line. */
enum md_code md_revision_parse(const char *text, size_t len, const char *parent_checksum,
			       struct md_revision *ret_revision, struct md_error *err);
/** A new id. MD_INTERNAL: no random numbers. */
enum md_code md_revision_id(char out[MD_REVISION_TEXT], struct md_error *err);
/** Checksum of a document behind its parent's ("" for none). */
enum md_code md_revision_checksum(const json_t *document, const char *parent_checksum,
				  char out[MD_CHECKSUM_TEXT], struct md_error *err);
/** Write a new revision file (its name is returned), then migrations.sum, then snapshot.json: each
 * whole or not at all (written aside, synced, renamed). Makes the folder when it is missing. When
 * there are several tips and its parent is one of them, the others are noted in it as "after".
 * MD_CONFLICT: there is a file of this revision already; MD_UNAVAILABLE: the disk. `snapshot` NULL:
 * snapshot.json stays as it is. */
enum md_code md_revision_write(const char *folder, const struct md_revisions *revisions,
			       const json_t *document, const json_t *snapshot, char *ret_file,
			       size_t file_size, struct md_error *err);
/** Write migrations.sum anew for what is in the folder now. */
enum md_code md_revisions_write_sums(const char *folder, struct md_error *err);

/** Whether two lists of operations touch nothing in common, so that their order does not matter. */
bool md_operations_are_apart(const json_t *one, const json_t *other);
/** Put the revisions of several heads in one line when those beside each other are apart: the later
 * branch is hung behind the other (its parent and `previous` are changed, in memory). MD_CONFLICT,
 * MD_OUT_OF_ORDER: they are not; details name the objects. `ret_moved` (may be NULL): how many
 * were. */
enum md_code md_revisions_align(struct md_revisions *revisions, unsigned *ret_moved,
				struct md_error *err);
#endif
