#include "core/base/map.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/base/banned.h"

/* Open addressing, linear probing, backward-shift deletion; at most three quarters full. */
struct slot {
	uint64_t hash;
	struct md_str key;
	void *value; /* NULL: free */
};

struct md_map {
	struct slot *slots;
	size_t mask, count;
	uint64_t seed;
};

enum { FIRST_SLOTS = 16 };

struct md_map *md_map_new(void)
{
	struct md_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->slots = calloc(FIRST_SLOTS, sizeof(*map->slots));
	if (!map->slots) {
		free(map);
		return NULL;
	}
	map->mask = FIRST_SLOTS - 1;
	if (getrandom(&map->seed, sizeof(map->seed), GRND_NONBLOCK) != (ssize_t)sizeof(map->seed))
		map->seed = (uint64_t)(uintptr_t)map;
	return map;
}

struct md_map *md_map_free(struct md_map *map)
{
	if (!map)
		return NULL;
	free(map->slots);
	free(map);
	return NULL;
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct slot *find(struct slot *slots, size_t mask, uint64_t hash, struct md_str key)
{
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &slots[i];

		if (!slot->value || (slot->hash == hash && md_str_equal(slot->key, key)))
			return slot;
	}
}

static bool grow(struct md_map *map)
{
	size_t mask = map->mask * 2 + 1;
	struct slot *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i <= map->mask; i++)
		if (map->slots[i].value)
			*find(slots, mask, map->slots[i].hash, map->slots[i].key) = map->slots[i];
	free(map->slots);
	map->slots = slots;
	map->mask = mask;
	return true;
}

bool md_map_set(struct md_map *map, struct md_str key, void *value)
{
	uint64_t hash = md_hash(key.ptr, key.len, map->seed);
	struct slot *slot = find(map->slots, map->mask, hash, key);

	if (!slot->value) {
		if ((map->count + 1) * 4 > (map->mask + 1) * 3) {
			if (!grow(map))
				return false;
			slot = find(map->slots, map->mask, hash, key);
		}
		map->count++;
	}
	*slot = (struct slot){ .hash = hash, .key = key, .value = value };
	return true;
}

void *md_map_get(const struct md_map *map, struct md_str key)
{
	return find(map->slots, map->mask, md_hash(key.ptr, key.len, map->seed), key)->value;
}

void *md_map_remove(struct md_map *map, struct md_str key)
{
	struct slot *slot = find(map->slots, map->mask, md_hash(key.ptr, key.len, map->seed), key);
	void *value = slot->value;
	size_t hole = (size_t)(slot - map->slots);

	if (!value)
		return NULL;
	for (size_t i = (hole + 1) & map->mask; map->slots[i].value; i = (i + 1) & map->mask) {
		size_t home = map->slots[i].hash & map->mask;

		/* Move back what would not be found past the hole. */
		if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole].value = NULL;
	map->count--;
	return value;
}

size_t md_map_count(const struct md_map *map)
{
	return map->count;
}
