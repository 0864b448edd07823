/* Allocations that fail when fault_tick_soft() says so. Link with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc: the calls of our own objects come here, those
 * inside shared libraries do not. */
#include <stddef.h>

#include "tests/support/fault.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
	return fault_tick_soft() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fault_tick_soft() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fault_tick_soft() ? NULL : __real_realloc(block, size);
}
