#include "core/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/banned.h"

/* Under a sanitizer every allocation is its own block, so an overrun is seen at once. */
#if defined(__SANITIZE_ADDRESS__)
#define MD_ARENA_SPLIT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MD_ARENA_SPLIT 1
#endif
#endif
#ifndef MD_ARENA_SPLIT
#define MD_ARENA_SPLIT 0
#endif

enum { ALIGN = 16, FIRST_CHUNK = 16384 - 64, MAX_CHUNK = 256 * 1024 };

struct chunk {
	struct chunk *older;
	size_t size, used;
	size_t pad;
	_Alignas(ALIGN) char data[];
};

struct md_arena {
	struct chunk *head;
	size_t limit, total;
};

struct md_arena *md_arena_new(size_t limit)
{
	struct md_arena *arena = malloc(sizeof(*arena));

	if (!arena)
		return NULL;
	*arena = (struct md_arena){ .head = NULL, .limit = limit, .total = 0 };
	return arena;
}

struct md_arena *md_arena_free(struct md_arena *arena)
{
	if (!arena)
		return NULL;
	for (struct chunk *chunk = arena->head, *older; chunk; chunk = older) {
		older = chunk->older;
		free(chunk);
	}
	free(arena);
	return NULL;
}

void md_arena_reset(struct md_arena *arena, size_t limit)
{
	struct chunk *chunk = arena->head;

	while (chunk && (chunk->older || MD_ARENA_SPLIT)) {
		struct chunk *older = chunk->older;

		free(chunk);
		chunk = older;
	}
	arena->head = chunk;
	if (chunk)
		chunk->used = 0;
	arena->total = 0;
	arena->limit = limit;
}

void md_arena_extend(struct md_arena *arena, size_t more)
{
	arena->limit = more > SIZE_MAX - arena->limit ? SIZE_MAX : arena->limit + more;
}

static struct chunk *add_chunk(struct md_arena *arena, size_t size)
{
	size_t want = arena->head ? arena->head->size * 2 : FIRST_CHUNK;
	struct chunk *chunk;

	if (want > MAX_CHUNK)
		want = MAX_CHUNK;
	if (MD_ARENA_SPLIT || want < size)
		want = size;
	chunk = malloc(sizeof(*chunk) + want);
	if (!chunk)
		return NULL;
	chunk->older = arena->head;
	chunk->size = want;
	chunk->used = 0;
	arena->head = chunk;
	return chunk;
}

void *md_arena_alloc(struct md_arena *arena, size_t size)
{
	struct chunk *chunk = arena->head;
	void *p;

	if (size > SIZE_MAX - ALIGN)
		return NULL;
	if (!MD_ARENA_SPLIT)
		size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > arena->limit - arena->total)
		return NULL;
	if (MD_ARENA_SPLIT || !chunk || size > chunk->size - chunk->used)
		chunk = add_chunk(arena, size);
	if (!chunk)
		return NULL;
	p = chunk->data + chunk->used;
	chunk->used += size;
	arena->total += size;
	return p;
}

void *md_arena_zalloc(struct md_arena *arena, size_t size)
{
	void *p = md_arena_alloc(arena, size);

	if (p)
		memset(p, 0, size);
	return p;
}

char *md_arena_strndup(struct md_arena *arena, const char *ptr, size_t len)
{
	char *copy = len < SIZE_MAX ? md_arena_alloc(arena, len + 1) : NULL;

	if (!copy)
		return NULL;
	if (len > 0)
		memcpy(copy, ptr, len);
	copy[len] = '\0';
	return copy;
}

struct md_str md_arena_str(struct md_arena *arena, struct md_str s)
{
	char *copy = s.ptr ? md_arena_strndup(arena, s.ptr, s.len) : NULL;

	return (struct md_str){ copy, copy ? s.len : 0 };
}

char *md_arena_vprintf(struct md_arena *arena, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	text = len < 0 ? NULL : md_arena_alloc(arena, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}

char *md_arena_printf(struct md_arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = md_arena_vprintf(arena, fmt, args);
	va_end(args);
	return text;
}

size_t md_arena_used(const struct md_arena *arena)
{
	return arena->total;
}
