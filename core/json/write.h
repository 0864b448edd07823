/* Writers of single JSON values into a buffer: strings, numbers, hex. Used by the text sink and by
 * small documents. */
#ifndef MD_CORE_JSON_WRITE_H
#define MD_CORE_JSON_WRITE_H
#include <stdint.h>

#include "core/base/buf.h"

/** Quoted JSON string; control characters, quote and backslash escaped as PostgreSQL's escape_json
 * does; invalid UTF-8 becomes U+FFFD, so that the answer is always well-formed. */
void md_json_write_string(struct md_buf *out, const char *ptr, size_t len);
/** Shortest text that reads back as the same double, in PostgreSQL's float8out form (1, 0.1,
 * 1e+20, 1.5e-07); NaN and infinities are quoted as to_json does. */
void md_json_write_real(struct md_buf *out, double value);
/** "\\x0a0b…" as PostgreSQL writes bytea in JSON. */
void md_json_write_hex(struct md_buf *out, const void *data, size_t len);
/** Well-formed JSON text (RFC 8259), at most `depth` levels, valid UTF-8, nothing behind it but
 * white space. */
bool md_json_is_valid(const char *ptr, size_t len, unsigned depth);
/** What a JSON string stands for: without its quotes, checked. */
void md_json_put_plain(struct md_buf *out, const char *ptr, size_t len);
/** A JSON text that is well-formed, without white space between its values and with no escapes but
 * those that are needed. Numbers and the order of keys stay as they are. */
void md_json_compact(struct md_buf *out, const char *ptr, size_t len);
/** Take members that are null out of the well-formed JSON in `text`, and blanks, as PostgreSQL's
 * json_strip_nulls(): nulls in arrays stay. Returns the new length. */
size_t md_json_strip_nulls(char *text, size_t len);
/** A JSON number, the whole text. */
bool md_json_is_number(const char *ptr, size_t len);
#endif
