/* Request headers that change what a query means: Prefer, Range, Accept, If-Match. Pure parsers
 * with fuzz targets. Texts in the results are spans of the header, which must live as long. */
#ifndef MD_CORE_QUERY_HEADERS_H
#define MD_CORE_QUERY_HEADERS_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"

enum md_prefer_return {
	MD_RETURN_NONE,
	MD_RETURN_MINIMAL,
	MD_RETURN_HEADERS_ONLY,
	MD_RETURN_REPRESENTATION
};
enum md_prefer_count { MD_COUNT_NONE, MD_COUNT_EXACT, MD_COUNT_PLANNED, MD_COUNT_ESTIMATED };
enum md_prefer_resolution { MD_RESOLUTION_NONE, MD_RESOLUTION_MERGE, MD_RESOLUTION_IGNORE };
enum md_prefer_missing { MD_MISSING_NONE, MD_MISSING_DEFAULT, MD_MISSING_NULL };
enum md_prefer_tx { MD_TX_PREFER_NONE, MD_TX_PREFER_COMMIT, MD_TX_PREFER_ROLLBACK };
enum md_prefer_handling { MD_HANDLING_NONE, MD_HANDLING_STRICT, MD_HANDLING_LENIENT };

/** All Prefer headers of a request. Of each preference the first valid one wins. */
struct md_prefer {
	enum md_prefer_return ret;
	enum md_prefer_count count;
	enum md_prefer_resolution resolution;
	enum md_prefer_missing missing;
	enum md_prefer_tx tx;
	enum md_prefer_handling handling;
	struct md_str timezone; /* not given: none */
	bool has_max_affected;
	int64_t max_affected;
	struct md_str
		invalid[16]; /* what was not understood, in order; for handling=strict (PGRST122) */
	unsigned invalid_count;
};
/** Set to nothing preferred. */
void md_prefer_init(struct md_prefer *prefer);
/** Add one header's value; call for every Prefer header in order. Never fails: what is not
 * understood is listed. */
void md_prefer_parse(struct md_prefer *prefer, struct md_str header);
/** Sets of preferences, as bits. */
enum md_prefer_bit {
	MD_PREFER_RESOLUTION = 1u << 0,
	MD_PREFER_MISSING = 1u << 1,
	MD_PREFER_RETURN = 1u << 2,
	MD_PREFER_COUNT = 1u << 3,
	MD_PREFER_TX = 1u << 4,
	MD_PREFER_HANDLING = 1u << 5,
	MD_PREFER_TIMEZONE = 1u << 6,
	MD_PREFER_MAX_AFFECTED = 1u << 7
};
/** The Preference-Applied value in PostgREST's order (resolution, missing, return, count, tx,
 * handling, timezone, max-affected) of the preferences whose bit is set in `applied`; writes
 * nothing when none is. */
void md_prefer_applied(const struct md_prefer *prefer, unsigned applied, struct md_buf *out);

/** Range: a-b, a-, -b. */
struct md_range {
	bool given;
	int64_t first;
	bool has_last;
	int64_t last; /* inclusive */
};
/** A Range header as PostgREST reads it (unit "items" or none). What is no range is no range: given
 * = false. Whether first > last is the planner's business (416 PGRST103). */
void md_range_parse(struct md_str header, struct md_range *ret_range);

/** If-Match or If-None-Match. */
struct md_etags {
	bool given, any;    /* any: * */
	struct md_str list; /* of tags, well-formed */
};
enum { MD_ETAG_MAX = 19 };
/** The strong ETag of these bytes: quotes around 16 digits, NUL-terminated. */
void md_etag_of(const void *data, size_t len, char out[MD_ETAG_MAX]);
/** False: it is not a list of at least one tag, nor *. */
bool md_etags_parse(struct md_str header, struct md_etags *ret_etags);
/** Whether `etag` is in the list. `weakly`: there it may be a weak one. */
bool md_etags_have(const struct md_etags *etags, const char *etag, bool weakly);

enum md_media {
	MD_MEDIA_JSON,            /* application/json, * / * */
	MD_MEDIA_OBJECT,          /* application/vnd.pgrst.object[+json] */
	MD_MEDIA_ARRAY_STRIPPED,  /* application/vnd.pgrst.array;nulls=stripped */
	MD_MEDIA_OBJECT_STRIPPED, /* application/vnd.pgrst.object;nulls=stripped */
	MD_MEDIA_CSV,
	MD_MEDIA_OPENAPI,
	MD_MEDIA_PLAN,
	MD_MEDIA_GEOJSON,
	MD_MEDIA_TEXT,
	MD_MEDIA_HTML,
	MD_MEDIA_NDJSON,
	MD_MEDIA_PROBLEM, /* application/problem+json */
	MD_MEDIA_ANY,     /* * / * or application/ * */
	MD_MEDIA_OTHER
};
enum { MD_ACCEPT_MAX = 16 };
/** What a client accepts, best first: by q, then by order. More than MD_ACCEPT_MAX: the rest is
 * ignored. */
struct md_accept {
	enum md_media media[MD_ACCEPT_MAX];
	struct md_str text[MD_ACCEPT_MAX]; /* as written, for the message of PGRST107 */
	unsigned count;                    /* 0: no header, or all of it is refused */
	unsigned refused;                  /* with q=0: a bit for each of enum md_media */
};
/** Parse an Accept header (not given: count and refused are 0). Never fails. */
void md_accept_parse(struct md_str header, struct md_accept *ret_accept);
#endif
