/* What models are at one point of their history: definitions written down so that they can be kept
 * in a revision, in a database, and read again by any later version. A snapshot is a definition
 * document in the long form in which everything is worked in (no abstract models, no extends, no
 * shorthand), without what speaks of the way there: renamed_from and backfill. Two snapshots are
 * the same when their checksums are: the order of models, fields, indexes and checks does not
 * count. Names that constraints get by themselves are left out, keys stand at the model, and a
 * number or tree whose text would change when it is written again is {"$json":"1.50"}. Immutable;
 * any thread may read one. */
#ifndef MD_CORE_MIGRATE_SNAPSHOT_H
#define MD_CORE_MIGRATE_SNAPSHOT_H
#include <jansson.h>

#include "core/base/error.h"
#include "core/model/define.h"

/** Bytes of a checksum as text, with its NUL. */
enum { MD_CHECKSUM_TEXT = 65 };

struct md_snapshot {
	json_t *document;                         /* owned */
	const struct md_definitions *definitions; /* owned: the document, loaded */
	char checksum[MD_CHECKSUM_TEXT];          /* SHA-256 of the document, keys sorted */
};

/** Of definitions as they were loaded from files. MD_NOMEM. */
enum md_code md_snapshot_of(const struct md_definitions *definitions,
			    struct md_snapshot **ret_snapshot, struct md_error *err);
/** Of a document that came from a snapshot; taken over when MD_OK. NULL: of no models at all.
 * MD_INVALID: it is none; details name the mistakes. */
enum md_code md_snapshot_read(json_t *document, struct md_snapshot **ret_snapshot,
			      struct md_error *err);
/** NULL is fine; returns NULL. */
struct md_snapshot *md_snapshot_free(struct md_snapshot *snapshot);

/** SHA-256 of a JSON value: keys sorted, no spaces. MD_NOMEM. */
enum md_code md_json_checksum(const json_t *value, char out[MD_CHECKSUM_TEXT],
			      struct md_error *err);
#endif
