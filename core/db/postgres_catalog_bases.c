/* Tables that are not served, but that views show: those of other schemas, and partitions. A view
 * has their keys as it has those of tables that are served, so their names and columns are read. */
#include <stdlib.h>
#include <string.h>

#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

enum { B_ID, B_SCHEMA, B_NAME, B_NUMBER, B_COLUMN };

static const char bases_question[] =
	"SELECT c.oid, n.nspname, c.relname, a.attnum, a.attname"
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	" JOIN pg_attribute a ON a.attrelid = c.oid"
	" WHERE " MD_PG_BASES " AND a.attnum > 0 AND NOT a.attisdropped"
	" ORDER BY c.oid, a.attnum";

struct md_pg_table *md_pg_survey_any(const struct md_pg_survey *survey, unsigned id)
{
	struct md_pg_table *served = md_pg_survey_table(survey, id);
	const struct md_pg_survey bases = { .tables = survey->bases, .count = survey->base_count };

	return served ? served : md_pg_survey_table(&bases, id);
}

/* {16384,16385} */
static bool put_ids(struct md_pg_survey *survey, const struct md_pg_shown *shown, unsigned count)
{
	enum { DIGITS = 11 };
	char *text = md_arena_alloc(survey->arena, count * (size_t)(DIGITS + 1) + 3), *p = text;

	if (!text)
		return false;
	*p++ = '{';
	for (unsigned i = 0; i < count; i++) {
		if (i > 0 && shown[i].table == shown[i - 1].table)
			continue;
		if (i > 0)
			*p++ = ',';
		p += md_i64_to_text(shown[i].table, p);
	}
	*p++ = '}';
	*p = '\0';
	survey->base_ids = text;
	return true;
}

struct columns {
	const PGresult *result;
	struct md_catalog_column *items;
	int *numbers;
	unsigned *collations;
};

/* The table whose first column is that of `row`. NULL: no memory. */
static struct md_pg_table *add_base(struct md_pg_survey *survey, const struct columns *columns,
				    int row)
{
	struct md_catalog_table *out = &survey->bases_out[survey->base_count];
	struct md_pg_table *table = &survey->bases[survey->base_count];

	*table = (struct md_pg_table){
		.id = md_pg_cell_id(columns->result, row, B_ID),
		.kind = 'r',
		.out = out,
		.columns = &columns->items[row],
		.numbers = &columns->numbers[row],
		.collations = &columns->collations[row],
		.base = ++survey->base_count,
	};
	out->columns = table->columns;
	out->rows_estimate = -1;
	return md_pg_cell_keep(survey, columns->result, row, B_SCHEMA, &out->schema) &&
			       md_pg_cell_keep(survey, columns->result, row, B_NAME, &out->name)
		       ? table
		       : NULL;
}

/* Columns of one table stand together. */
static bool hand_out(struct md_pg_survey *survey, const struct columns *columns, int rows)
{
	struct md_pg_table *table = NULL;

	for (int i = 0; i < rows; i++) {
		struct md_catalog_column *column = &columns->items[i];

		if (!table || table->id != md_pg_cell_id(columns->result, i, B_ID))
			table = add_base(survey, columns, i);
		if (!table || !md_pg_cell_keep(survey, columns->result, i, B_COLUMN, &column->name))
			return false;
		columns->numbers[i] = (int)md_pg_cell_id(columns->result, i, B_NUMBER);
		column->declared = "";
		column->nullable = true;
		table->out->column_count++;
	}
	return true;
}

static bool keep_bases(struct md_pg_survey *survey, const PGresult *result)
{
	struct md_arena *arena = survey->arena;
	size_t rows = (size_t)PQntuples(result);
	const struct columns columns = {
		.result = result,
		.items = md_arena_zalloc(arena, rows * sizeof(*columns.items)),
		.numbers = md_arena_alloc(arena, rows * sizeof(*columns.numbers)),
		.collations = md_arena_zalloc(arena, rows * sizeof(*columns.collations)),
	};

	survey->bases = md_arena_zalloc(arena, rows * sizeof(*survey->bases));
	survey->bases_out = md_arena_zalloc(arena, rows * sizeof(*survey->bases_out));
	return columns.items && columns.numbers && columns.collations && survey->bases &&
	       survey->bases_out && hand_out(survey, &columns, (int)rows);
}

static void tell(const struct md_pg_survey *survey, const struct md_pg_shown *shown)
{
	const struct md_pg_table *base = md_pg_survey_any(survey, shown->table);
	unsigned place = base ? md_pg_survey_place(base, shown->number) : MD_PG_NO_PLACE;

	if (place == MD_PG_NO_PLACE)
		return;
	shown->column->origin_table = base->out->name;
	shown->column->origin_column = base->columns[place].name;
	shown->column->origin_base = base->base;
}

enum md_code md_pg_read_bases(struct md_pg_survey *survey, const struct md_pg_shown *shown,
			      unsigned count)
{
	PGresult *result;
	enum md_code code;

	if (count == 0)
		return MD_OK;
	if (!put_ids(survey, shown, count))
		return md_pg_survey_nomem(survey);
	code = md_pg_survey_ask_bases(survey, bases_question, &result);
	if (code != MD_OK)
		return code;
	if (!keep_bases(survey, result))
		code = md_pg_survey_nomem(survey);
	PQclear(result);
	for (unsigned i = 0; code == MD_OK && i < count; i++)
		tell(survey, &shown[i]);
	return code;
}
