/* Private to core/migrate/compare*.c: a comparison on its way. compare.c looks at tables and
 * columns, compare_keys.c at keys, indexes and foreign keys, compare_checks.c at checks. One
 * thread. */
#ifndef MD_CORE_MIGRATE_COMPARE_PRIVATE_H
#define MD_CORE_MIGRATE_COMPARE_PRIVATE_H
#include <string.h>

#include "core/db/catalog.h"
#include "core/migrate/compare.h"

enum { TEXT_MAX = 64 * 1024 };

struct comparison {
	const struct md_ddl_dialect *dialect;
	const struct md_definitions *definitions;
	const struct md_catalog *catalog;
	struct md_arena *arena;
	struct md_differences *out;
	bool failed; /* memory */
	/* The model in question. */
	const struct md_def_model *model;
	const struct md_catalog_table *table;
};

enum weight { WARNS, BLOCKS };

static inline struct md_difference *room_for_one(struct comparison *c)
{
	struct md_differences *out = c->out;

	if (out->count == out->room) {
		unsigned room = out->room == 0 ? 8 : out->room * 2;
		struct md_difference *items = md_arena_alloc(c->arena, room * sizeof(*items));

		if (!items)
			return NULL;
		if (out->count > 0)
			memcpy(items, out->items, out->count * sizeof(*items));
		out->items = items;
		out->room = room;
	}
	return &out->items[out->count];
}

/* `text` and `mend` are in the arena, or constant. */
static inline void tell(struct comparison *c, enum weight weight, const char *column,
			const char *text, const char *mend)
{
	struct md_difference *item = room_for_one(c);

	if (!item || !text) {
		c->failed = true;
		return;
	}
	*item = (struct md_difference){
		weight == BLOCKS, c->model, c->table ? c->table->name : c->model->table,
		column,           text,     mend
	};
	c->out->count++;
	c->out->blocking += weight == BLOCKS;
}

static inline const char *keep(struct comparison *c, struct md_buf *text)
{
	const char *kept = text->failed ? NULL : md_arena_strndup(c->arena, text->data, text->len);

	c->failed = c->failed || !kept;
	return kept ? kept : "";
}

/** What a change needs that no statement of the engine can do. */
#define MD_MAKE_ANEW "the table must be made anew and its rows copied"

/** Keys, indexes and foreign keys of the model in question. */
void md_compare_keys(struct comparison *c);
/** Its checks. */
void md_compare_checks(struct comparison *c);
/** Whether two expressions of SQL are the same but for white space, comments, the case of words,
 * quotes of names and brackets around the whole. */
bool md_same_sql(struct comparison *c, const char *a, const char *b);
#endif
