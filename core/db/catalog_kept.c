/* The catalog without what migrations keep of what was dropped. */
#include <string.h>

#include "core/base/arena.h"
#include "core/db/catalog.h"

#include "core/base/banned.h"

enum { REVISION_DIGITS = 12 };

bool md_catalog_is_kept(const char *name)
{
	static const char begins[] = "_dropped_";

	if (strncmp(name, begins, sizeof(begins) - 1) != 0)
		return false;
	name += sizeof(begins) - 1;
	return strspn(name, "0123456789abcdef") == REVISION_DIGITS && name[REVISION_DIGITS] == '_';
}

/* --- one table ---------------------------------------------------------------------------------
 */

/* The columns of one table under their new numbers. */
struct without {
	struct md_arena *arena;
	unsigned *numbers;
	const bool *gone; /* by old number */
};

static bool holds_gone(const struct without *without, const unsigned *columns, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (without->gone[columns[i]])
			return true;
	return false;
}

/* NULL: no memory. */
static const unsigned *renumber(const struct without *without, const unsigned *columns,
				unsigned count)
{
	unsigned *copy = md_arena_alloc(without->arena, count * sizeof(*copy));

	for (unsigned i = 0; copy && i < count; i++)
		copy[i] = without->numbers[columns[i]];
	return copy;
}

static bool copy_columns(const struct without *without, struct md_catalog_table *table)
{
	struct md_catalog_column *columns =
		md_arena_alloc(without->arena, table->column_count * sizeof(*columns));
	unsigned count = 0;

	if (!columns)
		return false;
	for (unsigned i = 0; i < table->column_count; i++)
		if (!without->gone[i])
			columns[count++] = table->columns[i];
	table->columns = columns;
	table->column_count = count;
	return true;
}

static bool copy_keys(const struct without *without, struct md_catalog_table *table)
{
	struct md_catalog_key *keys =
		md_arena_alloc(without->arena, table->key_count * sizeof(*keys));
	unsigned count = 0;

	for (unsigned i = 0; keys && i < table->key_count; i++) {
		struct md_catalog_key key = table->keys[i];

		if (holds_gone(without, key.columns, key.count))
			continue;
		key.columns = renumber(without, key.columns, key.count);
		if (!key.columns)
			return false;
		keys[count++] = key;
	}
	table->keys = keys;
	table->key_count = count;
	return keys;
}

static bool copy_indexes(const struct without *without, struct md_catalog_table *table)
{
	struct md_catalog_index *indexes =
		md_arena_alloc(without->arena, table->index_count * sizeof(*indexes));
	unsigned count = 0;

	for (unsigned i = 0; indexes && i < table->index_count; i++) {
		struct md_catalog_index index = table->indexes[i];

		if (holds_gone(without, index.columns, index.count))
			continue;
		index.columns = renumber(without, index.columns, index.count);
		if (!index.columns)
			return false;
		indexes[count++] = index;
	}
	table->indexes = indexes;
	table->index_count = count;
	return indexes;
}

static bool targets_kept(const struct md_catalog_foreign_key *key)
{
	for (unsigned i = 0; i < key->count; i++)
		if (md_catalog_is_kept(key->target_columns[i]))
			return true;
	return md_catalog_is_kept(key->target);
}

static bool copy_foreign_keys(const struct without *without,
			      const struct md_catalog_foreign_key **list, unsigned *list_count)
{
	struct md_catalog_foreign_key *keys =
		md_arena_alloc(without->arena, *list_count * sizeof(*keys));
	unsigned count = 0;

	for (unsigned i = 0; keys && i < *list_count; i++) {
		struct md_catalog_foreign_key key = (*list)[i];

		if (targets_kept(&key) || holds_gone(without, key.columns, key.count))
			continue;
		key.columns = renumber(without, key.columns, key.count);
		if (!key.columns)
			return false;
		keys[count++] = key;
	}
	*list = keys;
	*list_count = count;
	return keys;
}

static bool copy_table(struct md_arena *arena, struct md_catalog_table *table)
{
	unsigned *numbers = md_arena_alloc(arena, table->column_count * sizeof(*numbers));
	bool *gone = md_arena_alloc(arena, table->column_count * sizeof(*gone));
	const struct without without = { arena, numbers, gone };
	unsigned number = 0;

	if (!numbers || !gone)
		return false;
	for (unsigned i = 0; i < table->column_count; i++) {
		gone[i] = md_catalog_is_kept(table->columns[i].name);
		numbers[i] = number;
		number += !gone[i];
	}
	return copy_keys(&without, table) && copy_indexes(&without, table) &&
	       copy_foreign_keys(&without, &table->foreign_keys, &table->foreign_key_count) &&
	       copy_foreign_keys(&without, &table->outside, &table->outside_count) &&
	       copy_columns(&without, table);
}

/* --- all of them -------------------------------------------------------------------------------
 */

static bool keeps_something(const struct md_catalog_table *table)
{
	bool keeps = md_catalog_is_kept(table->name);

	for (unsigned i = 0; !keeps && i < table->column_count; i++)
		keeps = md_catalog_is_kept(table->columns[i].name);
	for (unsigned i = 0; !keeps && i < table->foreign_key_count; i++)
		keeps = targets_kept(&table->foreign_keys[i]);
	return keeps;
}

const struct md_catalog *md_catalog_without_kept(const struct md_catalog *catalog,
						 struct md_arena *arena)
{
	struct md_catalog *copy;
	struct md_catalog_table *tables;
	bool keeps = false;

	for (unsigned i = 0; !keeps && i < catalog->count; i++)
		keeps = keeps_something(&catalog->tables[i]);
	if (!keeps)
		return catalog;
	copy = md_arena_alloc(arena, sizeof(*copy));
	tables = md_arena_alloc(arena, catalog->count * sizeof(*tables));
	if (!copy || !tables)
		return NULL;
	*copy = *catalog;
	copy->tables = tables;
	copy->count = 0;
	for (unsigned i = 0; i < catalog->count; i++) {
		struct md_catalog_table table = catalog->tables[i];

		if (md_catalog_is_kept(table.name))
			continue;
		if (keeps_something(&table) && !copy_table(arena, &table))
			return NULL;
		tables[copy->count++] = table;
	}
	return copy;
}
