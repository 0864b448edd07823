/* A body that is larger than may be kept in memory: NDJSON or CSV. It is written to a file without
 * a name as it arrives, and read back as one small body after another, each cut at the end of a
 * row, so that whoever reads bodies can read this one. Whatever its size, a part and its rows are
 * all that stands in memory.
 *
 * Parts depend on the bytes alone, not on how they arrived: the same body has the same parts again,
 * on every engine. All parts must have the columns of the first.
 *
 * One thread at a time: it is filled by the one that talks to the client and then travels with the
 * write. */
#ifndef MD_CORE_JSON_BULK_H
#define MD_CORE_JSON_BULK_H
#include "core/json/body.h"

struct md_bulk;
struct md_bulk_options {
	enum md_body_kind kind; /* LINES or CSV */
	const char *folder;     /* where the file is made */
	size_t part;            /* bytes of a part, unless one row is longer */
	/** Of a part; `size` is that of its longest row. */
	struct md_body_limits limits;
	const struct md_str *columns; /* as for md_body_open(); borrowed */
	unsigned column_count;
};

/** Empty. MD_UNAVAILABLE: there can be no file. */
enum md_code md_bulk_new(const struct md_bulk_options *options, struct md_bulk **ret_bulk,
			 struct md_error *err);
/** NULL is fine; returns NULL. */
struct md_bulk *md_bulk_free(struct md_bulk *bulk);
/** More of the body. Once it has failed everything after it does, with the same error. */
enum md_code md_bulk_add(struct md_bulk *bulk, const void *data, size_t size, struct md_error *err);
/** The next part, checked; NULL: there is none, though a body without rows is one part without
 * rows. The part before it, and what came of md_bulk_arena() for it, is gone. Errors are those of
 * md_body_open(), with lines counted in the whole; MD_UNAVAILABLE: the file cannot be read. */
enum md_code md_bulk_next(struct md_bulk *bulk, const struct md_body **ret_part,
			  struct md_error *err);
/** Begin with the first part again. */
void md_bulk_rewind(struct md_bulk *bulk);
/** For what lives as long as the part at hand. */
struct md_arena *md_bulk_arena(struct md_bulk *bulk);
/** The lines from which the part at hand was made, counted from 1. */
void md_bulk_lines(const struct md_bulk *bulk, uint64_t *ret_first, uint64_t *ret_last);
#endif
