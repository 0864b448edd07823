/* Private to core/migrate/revision*.c: a folder of revisions as a graph, and migrations.sum. One
 * thread. */
#ifndef MD_CORE_MIGRATE_REVISION_PRIVATE_H
#define MD_CORE_MIGRATE_REVISION_PRIVATE_H
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/migrate/revision.h"

/** What a folder may contain. A revision must fit into a row of the history with its snapshot. */
enum {
	MD_REVISION_FILES = 10000,
	MD_REVISION_BYTES = 24 << 20,
	MD_REVISION_DEPTH = 64,
	MD_REVISION_SUMS_BYTES = 8 << 20
};
#define MD_REVISION_SUMS     "migrations.sum"
#define MD_REVISION_SNAPSHOT "snapshot.json"

/** A line of migrations.sum. */
struct md_revision_sum {
	char id[MD_REVISION_TEXT];
	char checksum[MD_CHECKSUM_TEXT];
	const char *file;
};
/** Lines into the arena. MD_INVALID: line and what is wrong with it. */
enum md_code md_revision_sums_parse(struct md_str text, struct md_arena *arena,
				    const struct md_revision_sum **ret_sums, unsigned *ret_count,
				    struct md_error *err);
void md_revision_sums_put(struct md_buf *out, const char *id, const char *checksum,
			  const char *file);
/** The number of the first line with a mark of a merge that git could not make; 0: none. */
unsigned md_revision_conflict_line(struct md_str text);

/** A file of the folder, whole. MD_NOT_FOUND: there is none. The texts of errors name it. */
enum md_code md_revision_slurp(int folder, const char *name, size_t max, struct md_buf *out,
			       struct md_error *err);
/** As md_revisions_read(), but migrations.sum is not looked at: it may be broken. */
enum md_code md_revisions_read_files(const char *folder, struct md_revisions **ret_revisions,
				     struct md_error *err);
/** The lines of migrations.sum; none when there is no such file. */
enum md_code md_revision_sums_read(int folder, struct md_arena *arena,
				   const struct md_revision_sum **ret_sums, unsigned *ret_count,
				   struct md_error *err);

/** The graph: which revisions come before which. By numbers of items. */
struct md_revision_graph {
	unsigned count, words;
	uint64_t *before; /* count rows of `words`: bit j of row i: j comes before i */
};
bool md_revision_comes_before(const struct md_revision_graph *graph, unsigned one, unsigned other);
/** Sort parents before children, a branch in one piece, the earlier file first; fill `previous`,
 * heads and tips. MD_INVALID: a parent is missing, or they go round in a circle. */
enum md_code md_revision_order(struct md_revisions *revisions, struct md_error *err);
/** Of items in order; in the arena. NULL: no memory. */
const struct md_revision_graph *md_revision_graph_make(const struct md_revisions *revisions);
/** The revisions that one follows: parent (from its document), and those that it says it comes
 * `after`. Returns NULL behind the last. */
const char *md_revision_follows(const struct md_revision *revision, unsigned number);

/** What two lists of operations touch both, as texts ("User.bio"), separated by commas; empty:
 * they are apart. MD_NOMEM. */
enum md_code md_operations_common(const json_t *one, const json_t *other, struct md_buf *out,
				  struct md_error *err);

static inline void md_json_release(json_t **json)
{
	json_decref(*json);
}
#define md_json_local __attribute__((cleanup(md_json_release))) json_t *
#endif
