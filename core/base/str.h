/* Text that is borrowed: a pointer and a length, no NUL promised. Scanners that need no locale and
 * report failure. Leaf module, no state, any thread. */
#ifndef MD_CORE_BASE_STR_H
#define MD_CORE_BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** A borrowed span of bytes. `{NULL, 0}` means "not given"; an empty text has a pointer. */
struct md_str {
	const char *ptr;
	size_t len;
};

#define MD_STR(literal) ((struct md_str){ (literal), sizeof(literal) - 1 })
/** For printf: "%.*s", MD_STR_ARG(s). Capped, because it is only used for messages. */
#define MD_STR_ARG(s) (int)((s).len > 256 ? 256 : (s).len), ((s).ptr ? (s).ptr : "")

static inline struct md_str md_str_of(const char *text)
{
	return (struct md_str){ text, text ? strlen(text) : 0 };
}
static inline bool md_str_is_given(struct md_str s)
{
	return s.ptr != NULL;
}
static inline bool md_str_equal(struct md_str a, struct md_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool md_str_is(struct md_str a, const char *text)
{
	return md_str_equal(a, md_str_of(text));
}
/** ASCII case folded comparison, for header names and keywords. */
bool md_str_equal_nocase(struct md_str a, struct md_str b);
/** memcmp order, shorter first. */
int md_str_compare(struct md_str a, struct md_str b);
bool md_str_starts_with(struct md_str s, struct md_str prefix);
/** Without leading and trailing spaces and tabs. */
struct md_str md_str_trim(struct md_str s);
/** Eight bytes at a time, with a final mix; for tables of names we chose, in memory. Tables keyed
 * by clients use md_map, which seeds. */
uint64_t md_hash(const void *data, size_t len, uint64_t seed);

/** Decimal integer, optional sign, the whole text, no spaces. False: not one, or it does not fit;
 * *ret untouched. */
bool md_str_to_i64(struct md_str s, int64_t *ret_value);
/** Digits only, the whole text. */
bool md_str_to_u64(struct md_str s, uint64_t *ret_value);
/** A number as JSON or SQL writes it (also "1.", ".5", "1e5"), the whole text, locale "C". False:
 * not one or not finite. */
bool md_str_to_double(struct md_str s, double *ret_value);
/** A UUID in any form that PostgreSQL reads, as 36 characters in lower case. False: it is none. */
bool md_uuid_from_text(struct md_str s, char out[36]);
/** What a hexadecimal digit of either case stands for; -1: it is none. */
static inline int md_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
/** Well-formed UTF-8 without surrogates and overlong forms (RFC 3629). */
bool md_utf8_is_valid(const char *ptr, size_t len);
/** Decimal text of `value` into `out` (at least 20 bytes); returns the length. No NUL. */
size_t md_i64_to_text(int64_t value, char *out);
#endif
