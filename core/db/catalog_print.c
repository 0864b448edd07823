/* A number that is another one when the catalog is. FNV-1a over everything that is served; texts
 * count with their end, so that neighbours cannot lend each other letters. */
#include <stdint.h>
#include <string.h>

#include "core/db/catalog.h"

#include "core/base/banned.h"

static void mix(uint64_t *print, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < size; i++)
		*print = (*print ^ p[i]) * 0x100000001b3;
}

static void mix_number(uint64_t *print, uint64_t number)
{
	mix(print, &number, sizeof(number));
}

static void mix_text(uint64_t *print, const char *text)
{
	if (text)
		mix(print, text, strlen(text) + 1);
	else
		mix(print, "\1", 2);
}

static void mix_texts(uint64_t *print, const char *const *texts, unsigned count)
{
	mix_number(print, count);
	for (unsigned i = 0; i < count; i++)
		mix_text(print, texts[i]);
}

static void mix_places(uint64_t *print, const unsigned *places, unsigned count)
{
	mix_number(print, count);
	for (unsigned i = 0; i < count; i++)
		mix_number(print, places[i]);
}

static void mix_column(uint64_t *print, const struct md_catalog_column *column)
{
	const char *const texts[] = { column->name,         column->declared,
				      column->fallback,     column->collation,
				      column->origin_table, column->origin_column,
				      column->comment,      column->base,
				      column->element };
	const unsigned numbers[] = { column->type,         column->nullable,
				     column->generated,    column->identity,
				     column->max_length,   column->kind,
				     column->type_id,      column->always,
				     column->lacks,        column->web_lacks,
				     column->element_type, (unsigned char)column->delimiter,
				     column->origin_base,  column->fallback_of_type };

	mix_texts(print, texts, sizeof(texts) / sizeof(texts[0]));
	mix_places(print, numbers, sizeof(numbers) / sizeof(numbers[0]));
	mix_texts(print, column->labels, column->label_count);
}

static void mix_key(uint64_t *print, const struct md_catalog_key *key)
{
	mix_text(print, key->name);
	mix_number(print, key->primary);
	mix_places(print, key->columns, key->count);
}

static void mix_foreign_key(uint64_t *print, const struct md_catalog_foreign_key *key)
{
	const unsigned numbers[] = { key->on_delete, key->on_update, key->deferrable, key->deferred,
				     key->target_base };

	mix_text(print, key->name);
	mix_places(print, numbers, sizeof(numbers) / sizeof(numbers[0]));
	mix_places(print, key->columns, key->count);
	mix_text(print, key->target);
	mix_texts(print, key->target_columns, key->count);
}

static void mix_index(uint64_t *print, const struct md_catalog_index *index)
{
	const unsigned numbers[] = { index->unique, index->partial, index->whole };

	mix_text(print, index->name);
	mix_places(print, index->columns, index->count);
	mix_places(print, numbers, sizeof(numbers) / sizeof(numbers[0]));
	mix_text(print, index->predicate);
}

static void mix_table(uint64_t *print, const struct md_catalog_table *table)
{
	const char *const texts[] = { table->schema, table->name, table->comment };
	const unsigned numbers[] = {
		table->kind,      table->insertable,        table->updatable,   table->deletable,
		table->key_count, table->foreign_key_count, table->index_count, table->check_count,
		table->lacks,     table->web_lacks,         table->strict,      table->without_rowid
	};

	mix_texts(print, texts, sizeof(texts) / sizeof(texts[0]));
	mix_places(print, numbers, sizeof(numbers) / sizeof(numbers[0]));
	mix_number(print, table->column_count);
	for (unsigned i = 0; i < table->column_count; i++)
		mix_column(print, &table->columns[i]);
	for (unsigned i = 0; i < table->key_count; i++)
		mix_key(print, &table->keys[i]);
	for (unsigned i = 0; i < table->foreign_key_count; i++)
		mix_foreign_key(print, &table->foreign_keys[i]);
	mix_number(print, table->outside_count);
	for (unsigned i = 0; i < table->outside_count; i++)
		mix_foreign_key(print, &table->outside[i]);
	for (unsigned i = 0; i < table->index_count; i++)
		mix_index(print, &table->indexes[i]);
	for (unsigned i = 0; i < table->check_count; i++) {
		mix_text(print, table->checks[i].name);
		mix_text(print, table->checks[i].expression);
	}
}

static void mix_function(uint64_t *print, const struct md_catalog_function *function)
{
	const char *const texts[] = { function->name, function->comment, function->returns,
				      function->returns_relation };
	const unsigned numbers[] = {
		function->returns_id, function->returns_set, function->returns_composite,
		function->volatility, function->lacks,       function->web_lacks
	};

	mix_texts(print, texts, sizeof(texts) / sizeof(texts[0]));
	mix_places(print, numbers, sizeof(numbers) / sizeof(numbers[0]));
	mix_number(print, function->argument_count);
	for (unsigned i = 0; i < function->argument_count; i++) {
		const struct md_catalog_argument *argument = &function->arguments[i];

		mix_text(print, argument->name);
		mix_number(print, argument->mode);
		mix_text(print, argument->declared);
		mix_number(print, argument->type_id);
		mix_text(print, argument->fallback);
	}
}

uint64_t md_catalog_print(const struct md_catalog *catalog)
{
	uint64_t print = 0xcbf29ce484222325;

	mix_number(&print, catalog->count);
	for (unsigned i = 0; i < catalog->count; i++)
		mix_table(&print, &catalog->tables[i]);
	for (unsigned i = 0; i < catalog->function_count; i++)
		mix_function(&print, &catalog->functions[i]);
	mix_number(&print, catalog->base_count);
	for (unsigned i = 0; i < catalog->base_count; i++)
		mix_table(&print, &catalog->bases[i]);
	return print;
}
