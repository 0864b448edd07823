/* Prepared statements of a session: which ids have a name on the server, least recently used first
 * out. The first use of a statement runs unnamed and is only remembered, so that shapes that come
 * once cost nothing. libpq cannot close a statement, so those that fall out are deallocated by SQL,
 * by whoever empties `doomed`. */
#include <stdio.h>
#include <stdlib.h>

#include "core/db/postgres.h"

#include "core/base/banned.h"

enum { LIMIT_DEFAULT = 256, LIMIT_MAX = 65536 };

enum md_code md_pg_names_init(struct md_pg_names *names, unsigned limit, struct md_error *err)
{
	unsigned size = 16;

	if (limit == 0)
		limit = LIMIT_DEFAULT;
	if (limit > LIMIT_MAX)
		limit = LIMIT_MAX;
	while (size < limit)
		size *= 2;
	names->buckets = calloc(size, sizeof(struct md_pg_name *));
	if (!names->buckets)
		return md_fail_nomem(err);
	names->mask = size - 1;
	names->limit = limit;
	return MD_OK;
}

void md_pg_names_release(struct md_pg_names *names)
{
	while (names->oldest) {
		struct md_pg_name *name = names->oldest;

		names->oldest = name->newer;
		free(name);
	}
	while (names->doomed) {
		struct md_pg_name *name = names->doomed;

		names->doomed = name->chain;
		free(name);
	}
	free(names->buckets);
}

static struct md_pg_name **place_of(struct md_pg_names *names, unsigned long id)
{
	struct md_pg_name **place = &names->buckets[id & names->mask];

	while (*place && (*place)->id != id)
		place = &(*place)->chain;
	return place;
}

static void unlink_use(struct md_pg_names *names, struct md_pg_name *name)
{
	*(name->newer ? &name->newer->older : &names->newest) = name->older;
	*(name->older ? &name->older->newer : &names->oldest) = name->newer;
	name->newer = name->older = NULL;
}

static void link_newest(struct md_pg_names *names, struct md_pg_name *name)
{
	name->older = names->newest;
	name->newer = NULL;
	*(names->newest ? &names->newest->newer : &names->oldest) = name;
	names->newest = name;
}

struct md_pg_name *md_pg_names_find(struct md_pg_names *names, unsigned long id)
{
	struct md_pg_name *name = id ? *place_of(names, id) : NULL;

	if (!name || name == names->newest)
		return name;
	unlink_use(names, name);
	link_newest(names, name);
	return name;
}

static void take_out(struct md_pg_names *names, struct md_pg_name *name, bool doom)
{
	*place_of(names, name->id) = name->chain;
	unlink_use(names, name);
	names->count--;
	if (!doom) {
		free(name);
		return;
	}
	name->chain = names->doomed;
	names->doomed = name;
}

struct md_pg_name *md_pg_names_add(struct md_pg_names *names, unsigned long id)
{
	unsigned long *seen = &names->seen[id & (MD_PG_SEEN - 1)];
	struct md_pg_name *name, **place;

	if (id == 0)
		return NULL;
	if (*seen != id) {
		*seen = id;
		return NULL;
	}
	name = calloc(1, sizeof(*name));
	if (!name)
		return NULL;
	if (names->count >= names->limit) {
		take_out(names, names->oldest, true);
		names->generation++; /* it may come again before its old name is gone */
	}
	name->id = id;
	name->generation = names->generation;
	place = place_of(names, id);
	name->chain = *place;
	*place = name;
	link_newest(names, name);
	names->count++;
	return name;
}

void md_pg_names_forget(struct md_pg_names *names, unsigned long id, unsigned generation, bool doom)
{
	struct md_pg_name *name = id ? *place_of(names, id) : NULL;

	if (!name || name->generation != generation)
		return;
	take_out(names, name, doom);
	names->generation++; /* the old name may still be there: never use it again */
}

void md_pg_name_text(unsigned long id, unsigned generation, char *text, size_t size)
{
	snprintf(text, size, "m%u_%lu", generation, id);
}
