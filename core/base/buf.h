/* Text under construction: a growing heap block with a maximum and a sticky failure, so that ten
 * appends need one check. Belongs to one thread at a time. The bytes can be taken out and given to
 * somebody else (the HTTP library). */
#ifndef MD_CORE_BASE_BUF_H
#define MD_CORE_BASE_BUF_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/str.h"

/** Read `data` and `len` freely; change them only through the functions. All zero with `max` set is
 * a valid, empty buffer. */
struct md_buf {
	char *data; /* from malloc */
	size_t len, cap, max;
	bool failed;    /* no memory, or `max` reached: later appends do nothing */
	bool no_memory; /* failed, and it was memory */
};

/** Empty buffer of at most `max` bytes; allocates nothing. */
static inline void md_buf_init(struct md_buf *buf, size_t max)
{
	*buf = (struct md_buf){ .max = max };
}
/** Initialiser of an empty buffer; every md_auto_buf has it, or an early return would free garbage.
 */
#define MD_BUF(maximum)                                                             \
	{                                                                           \
		.data = NULL, .len = 0, .cap = 0, .max = (maximum), .failed = false \
	}
/** Free the bytes and be empty again, `max` kept. */
void md_buf_release(struct md_buf *buf);
/** Forget the content, keep the block; clears `failed`. */
static inline void md_buf_clear(struct md_buf *buf)
{
	buf->len = 0;
	buf->failed = buf->no_memory = false;
}
/** Hand the bytes over (free() them); the buffer is empty afterwards. NULL when nothing was ever
 * written. */
char *md_buf_take(struct md_buf *buf, size_t *ret_len);
/** `part` is to stand in `buf`: its failure is theirs. */
static inline void md_buf_inherit(struct md_buf *buf, const struct md_buf *part)
{
	buf->failed |= part->failed;
	buf->no_memory |= part->no_memory;
}
/** Make room for `more` bytes behind the end. False (and failed) when that cannot be. */
bool md_buf_grow(struct md_buf *buf, size_t more);

/** Room for `more` bytes: write at the returned place, then md_buf_wrote(). NULL: failed. */
static inline char *md_buf_room(struct md_buf *buf, size_t more)
{
	if (__builtin_expect(buf->cap - buf->len < more || buf->failed, 0) &&
	    !md_buf_grow(buf, more))
		return NULL;
	return buf->data + buf->len;
}
static inline void md_buf_wrote(struct md_buf *buf, size_t len)
{
	buf->len += len;
}
static inline void md_buf_put(struct md_buf *buf, const void *data, size_t len)
{
	char *p = md_buf_room(buf, len);

	if (p && len > 0) {
		memcpy(p, data, len);
		buf->len += len;
	}
}
static inline void md_buf_putc(struct md_buf *buf, char c)
{
	char *p = md_buf_room(buf, 1);

	if (p) {
		*p = c;
		buf->len++;
	}
}
static inline void md_buf_puts(struct md_buf *buf, const char *text)
{
	md_buf_put(buf, text, strlen(text));
}
static inline void md_buf_putstr(struct md_buf *buf, struct md_str s)
{
	md_buf_put(buf, s.ptr, s.len);
}
void md_buf_put_i64(struct md_buf *buf, int64_t value);
void md_buf_printf(struct md_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The content, borrowed until the next change. */
static inline struct md_str md_buf_str(const struct md_buf *buf)
{
	return (struct md_str){ buf->data ? buf->data : "", buf->len };
}
/** The content with a NUL behind it (not counted). NULL: failed. */
const char *md_buf_text(struct md_buf *buf);

#define md_auto_buf __attribute__((cleanup(md_buf_release))) struct md_buf
#endif
