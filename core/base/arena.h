/* Memory of one request, one registry, one plan: many small allocations that end together, under a
 * cap. An arena belongs to one thread at a time; it travels with its unit. Under ASan every
 * allocation is a block of its own. */
#ifndef MD_CORE_BASE_ARENA_H
#define MD_CORE_BASE_ARENA_H
#include <stdarg.h>
#include <stddef.h>

#include "core/base/str.h"

struct md_arena;

/** New arena that hands out at most `limit` bytes. NULL: out of memory. */
struct md_arena *md_arena_new(size_t limit);
/** Release everything. NULL is fine; returns NULL so that `a = md_arena_free(a)` reads well. */
struct md_arena *md_arena_free(struct md_arena *arena);
/** Forget all allocations, keep the first chunk for the next use, and set a new limit. */
void md_arena_reset(struct md_arena *arena, size_t limit);
/** From now on hand out `more` bytes beyond the limit. */
void md_arena_extend(struct md_arena *arena, size_t more);
/** `size` bytes, aligned for anything, NOT zeroed. NULL: limit reached or out of memory. size 0
 * gives a valid pointer. */
void *md_arena_alloc(struct md_arena *arena, size_t size) __attribute__((warn_unused_result));
/** The same, zeroed. */
void *md_arena_zalloc(struct md_arena *arena, size_t size) __attribute__((warn_unused_result));
/** NUL-terminated copy of `len` bytes. */
char *md_arena_strndup(struct md_arena *arena, const char *ptr, size_t len)
	__attribute__((warn_unused_result));
/** Copy of a span; ptr NULL when it failed (and for a span that was not given). The copy is
 * NUL-terminated. */
struct md_str md_arena_str(struct md_arena *arena, struct md_str s);
/** printf into the arena. NULL: limit or memory. */
char *md_arena_printf(struct md_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
char *md_arena_vprintf(struct md_arena *arena, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
/** Bytes handed out since the last reset. */
size_t md_arena_used(const struct md_arena *arena);

static inline void md_arena_freep(struct md_arena **arena)
{
	*arena = md_arena_free(*arena);
}
/** A local that is freed at the end of its scope. */
#define md_auto_arena __attribute__((cleanup(md_arena_freep))) struct md_arena *
#endif
