/* Private to core/json: writers that put one value at a place where the caller has made room, so
 * that a cell costs one bounds check. Each returns the place behind what it wrote, and may scribble
 * over the rest of the room it asks for. */
#ifndef MD_CORE_JSON_RAW_H
#define MD_CORE_JSON_RAW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
	MD_RAW_NUMBER_ROOM = 32, /* any int64, any double */
	MD_RAW_TEXT_FACTOR = 6,  /* \u00XX */
	MD_RAW_TEXT_ROOM = 16    /* quotes, and the tail of an 8-byte store */
};

/** Room that a string (or hex) of `len` bytes needs at most. */
static inline size_t md_raw_text_room(size_t len)
{
	return len * MD_RAW_TEXT_FACTOR + MD_RAW_TEXT_ROOM;
}
/** A text of ours. */
static inline char *md_raw_literal(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}
/** Quoted string; room: md_raw_text_room(len). */
char *md_raw_string(char *p, const char *ptr, size_t len);
/** Room: MD_RAW_NUMBER_ROOM. */
char *md_raw_i64(char *p, int64_t value);
/** Room: MD_RAW_NUMBER_ROOM. Not finite: quoted. */
char *md_raw_real(char *p, double value);
/** Quoted hex; room: md_raw_text_room(len). */
char *md_raw_hex(char *p, const void *data, size_t len);

/** Room in `out` for `need` bytes, of which perhaps fewer will be used. Grows only when that is no
 * waste.False: write it elsewhere and append what it became (unless out->failed). */
bool md_raw_reserve(struct md_buf *out, size_t need);

/** The well-formed UTF-8 sequence at `p`, with left > 0: its length; 0: none, and *ret_bad says how
 * many bytes one U+FFFD stands for (the maximal subpart, as browsers count). */
size_t md_raw_utf8(const unsigned char *p, size_t left, size_t *ret_bad);
#endif
