/* A catalog from a few words, for tests of the registry and of what stands on it:
 *
 *     clients(id*, name+) ; projects(id*, title?, client_id) client: client_id > clients(id) ;
 *     jobs(a*, b*) unique jobs_b_key(b) ; view v(id = projects.id, n)
 *
 * `*` primary key, `+` unique, `?` nullable, `=` the column that a view shows. Everything lives in
 * the arena. A mistake in the text fails the test. */
#ifndef MD_TESTS_MODEL_SAMPLE_H
#define MD_TESTS_MODEL_SAMPLE_H
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/db/catalog.h"

enum { SAMPLE_TABLES = 64, SAMPLE_COLUMNS = 16, SAMPLE_KEYS = 8 };

struct sample {
	const char *at;
	struct md_arena *arena;
};

static const char *sample_word(struct sample *s)
{
	const char *start;

	while (isspace((unsigned char)*s->at))
		s->at++;
	start = s->at;
	while (isalnum((unsigned char)*s->at) || *s->at == '_')
		s->at++;
	return s->at > start ? md_arena_strndup(s->arena, start, (size_t)(s->at - start)) : NULL;
}

static bool sample_take(struct sample *s, char c)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
	if (*s->at != c)
		return false;
	s->at++;
	return true;
}

static void sample_need(struct sample *s, char c)
{
	ck_assert_msg(sample_take(s, c), "wanted %c before: %s", c, s->at);
}

static unsigned sample_column(const struct md_catalog_table *table, const char *name)
{
	for (unsigned i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return i;
	ck_abort_msg("no column %s in %s", name, table->name);
}

/* Names up to `end` as column numbers of the table. */
static unsigned *sample_columns(struct sample *s, const struct md_catalog_table *table, char end,
				unsigned *ret_count)
{
	unsigned *columns = md_arena_alloc(s->arena, SAMPLE_COLUMNS * sizeof(*columns));

	for (*ret_count = 0; !sample_take(s, end);)
		columns[(*ret_count)++] = sample_column(table, sample_word(s));
	return columns;
}

static void sample_body(struct sample *s, struct md_catalog_table *table)
{
	struct md_catalog_column *columns =
		md_arena_zalloc(s->arena, SAMPLE_COLUMNS * sizeof(*columns));
	struct md_catalog_key *keys = md_arena_zalloc(s->arena, SAMPLE_KEYS * sizeof(*keys));
	unsigned *primary = md_arena_alloc(s->arena, SAMPLE_COLUMNS * sizeof(*primary));
	unsigned primary_count = 0, n = 0, k = 1;

	sample_need(s, '(');
	do {
		struct md_catalog_column *c = &columns[n];

		*c = (struct md_catalog_column){ .name = sample_word(s),
						 .declared = "TEXT",
						 .type = MD_TYPE_TEXT };
		if (sample_take(s, '*'))
			primary[primary_count++] = n;
		if (sample_take(s, '+')) {
			unsigned *one = md_arena_alloc(s->arena, sizeof(*one));

			*one = n;
			keys[k++] = (struct md_catalog_key){ md_arena_printf(s->arena, "%s_%s_key",
									     table->name, c->name),
							     false, one, 1 };
		}
		c->nullable = sample_take(s, '?');
		if (sample_take(s, '=')) {
			c->origin_table = sample_word(s);
			sample_need(s, '.');
			c->origin_column = sample_word(s);
		}
		n++;
	} while (sample_take(s, ','));
	sample_need(s, ')');
	if (primary_count > 0)
		keys[0] =
			(struct md_catalog_key){ md_arena_printf(s->arena, "%s_pkey", table->name),
						 true, primary, primary_count };
	table->columns = columns;
	table->column_count = n;
	table->keys = primary_count > 0 ? keys : keys + 1;
	table->key_count = primary_count > 0 ? k : k - 1;
}

static void sample_constraints(struct sample *s, struct md_catalog_table *table)
{
	struct md_catalog_foreign_key *foreign =
		md_arena_zalloc(s->arena, SAMPLE_KEYS * sizeof(*foreign));
	struct md_catalog_key *keys = md_arena_zalloc(s->arena, 2 * SAMPLE_KEYS * sizeof(*keys));
	const char *name;

	memcpy(keys, table->keys, table->key_count * sizeof(*keys));
	table->keys = keys;
	table->foreign_keys = foreign;
	for (name = sample_word(s); name; name = sample_word(s)) {
		if (strcmp(name, "unique") == 0) {
			struct md_catalog_key *key = &keys[table->key_count++];

			key->name = sample_word(s);
			sample_need(s, '(');
			key->columns = sample_columns(s, table, ')', &key->count);
		} else {
			struct md_catalog_foreign_key *key = &foreign[table->foreign_key_count++];
			const char **targets =
				md_arena_alloc(s->arena, SAMPLE_COLUMNS * sizeof(*targets));
			unsigned n = 0;

			key->name = name;
			sample_need(s, ':');
			key->columns = sample_columns(s, table, '>', &key->count);
			key->target = sample_word(s);
			sample_need(s, '(');
			while (!sample_take(s, ')'))
				targets[n++] = sample_word(s);
			key->target_columns = targets;
		}
	}
}

static int sample_compare(const void *a, const void *b)
{
	return strcmp(((const struct md_catalog_table *)a)->name,
		      ((const struct md_catalog_table *)b)->name);
}

static struct md_catalog sample_catalog(struct md_arena *arena, const char *text)
{
	struct sample s = { text, arena };
	struct md_catalog_table *tables = md_arena_zalloc(arena, SAMPLE_TABLES * sizeof(*tables));
	unsigned n = 0;

	do {
		struct md_catalog_table *table = &tables[n];

		table->name = sample_word(&s);
		if (!table->name)
			break;
		table->schema = "";
		table->rows_estimate = -1;
		table->insertable = table->updatable = table->deletable = true;
		if (strcmp(table->name, "view") == 0) {
			table->kind = MD_REL_VIEW;
			table->name = sample_word(&s);
		}
		sample_body(&s, table);
		sample_constraints(&s, table);
		n++;
	} while (sample_take(&s, ';'));
	ck_assert_str_eq(s.at, "");
	qsort(tables, n, sizeof(*tables), sample_compare);
	return (struct md_catalog){ .tables = tables, .count = n };
}
#endif
