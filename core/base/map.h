/* Hash table from text to pointer. Keys and values are borrowed: they must outlive the table. One
 * thread at a time, or any number of readers once it no longer changes. Seeded, so that clients
 * cannot choose colliding keys. */
#ifndef MD_CORE_BASE_MAP_H
#define MD_CORE_BASE_MAP_H
#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"

struct md_map;

/** NULL: out of memory. */
struct md_map *md_map_new(void);
/** Frees the table, not what it points to. NULL is fine; returns NULL. */
struct md_map *md_map_free(struct md_map *map);
/** Add or replace. False: out of memory, nothing changed. `value` must not be NULL. */
bool md_map_set(struct md_map *map, struct md_str key, void *value)
	__attribute__((warn_unused_result));
/** The value, or NULL. */
void *md_map_get(const struct md_map *map, struct md_str key);
/** Take the entry out and return its value; NULL when there was none. */
void *md_map_remove(struct md_map *map, struct md_str key);
size_t md_map_count(const struct md_map *map);
#endif
