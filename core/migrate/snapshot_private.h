/* Private to core/migrate: JSON of snapshots and changes. Functions that build JSON return false
 * when memory is out. No state, any thread. */
#ifndef MD_CORE_MIGRATE_SNAPSHOT_PRIVATE_H
#define MD_CORE_MIGRATE_SNAPSHOT_PRIVATE_H
#include "core/base/buf.h"
#include "core/migrate/snapshot.h"

enum { MD_JSON_MAX = 512 * 1024 * 1024 };

/** {"$json":"1.50"} in a snapshot is the JSON value 1.50, kept as the text that a definition file
 * has for it: numbers and trees that would be another text when written again. */
#define MD_JSON_EXACT "$json"

enum md_json_form {
	MD_JSON_SORTED, /* keys sorted: for checksums */
	MD_JSON_AS_IS,  /* keys in their order */
	MD_JSON_LOADED  /* the same, and values kept as texts are written as they are */
};
/** Write without spaces; reals are the shortest text for their double. `out` fails when memory is
 * out. */
void md_json_put(struct md_buf *out, const json_t *value, enum md_json_form form);

/** Sort the lists of models that have no order of their own. */
bool md_snapshot_sort(json_t *document);
/** Whether a list of a model has none: "indexes", "unique", "checks", "foreign_keys". */
extern const char *const md_snapshot_lists[];
enum { MD_SNAPSHOT_LISTS = 4 };

/** A document that says of the definitions what counts, names of constraints all given. NULL: no
 * memory. */
json_t *md_snapshot_document(const struct md_definitions *definitions);
/** Load a document. MD_INVALID: details name the mistakes. MD_NOMEM. */
enum md_code md_snapshot_load(const json_t *document, const struct md_definitions **ret_definitions,
			      struct md_error *err);
/** As md_snapshot_read(). Backfills in the document go to the definitions and are taken out of it
 * then. */
enum md_code md_snapshot_take(json_t *document, struct md_snapshot **ret_snapshot,
			      struct md_error *err);

/** Copies that are whole, or NULL: jansson's own lack what there was no memory for. */
json_t *md_json_copy(const json_t *value);
json_t *md_json_deep_copy(const json_t *value);
/** Whether two objects are equal but for one key. */
bool md_json_equal_but(const json_t *one, const json_t *other, const char *key);

static inline void md_json_freep(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}
/** A local that is given up at the end of its scope. */
#define md_auto_json __attribute__((cleanup(md_json_freep))) json_t *
#endif
