/* The planner for PostgreSQL: others read and write all the while. Locks that keep them out are
 * held as long as the catalog is written, no longer; what takes time runs under locks that let them
 * be. What cannot be done that way (another type, a generated column) says so. */
#include <string.h>

#include "core/db/dialect.h"
#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

/* --- looking up --------------------------------------------------------------------------------
 */

struct pg_table *pg_table_of(const struct pg *pg, const struct md_def_model *model)
{
	for (unsigned i = 0; i < pg->table_count; i++)
		if (pg->tables[i].pair->before == model || pg->tables[i].pair->after == model)
			return &pg->tables[i];
	return NULL;
}

struct pg_column *pg_column_of(const struct pg_table *table, const struct md_def_field *field)
{
	for (unsigned i = 0; i < table->pair->column_count; i++)
		if (table->columns[i].before == field || table->columns[i].after == field)
			return &table->columns[i];
	return NULL;
}

static const struct md_catalog_table *find_live(const struct pg *pg, const char *name)
{
	const struct md_catalog *catalog = pg->work->catalog;

	for (unsigned i = 0; catalog && i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	return NULL;
}

/* --- survey ------------------------------------------------------------------------------------
 */

static void survey_table(struct pg *pg, struct pg_table *table, const struct md_model_pair *pair)
{
	char kept[MD_KEPT_NAME];

	table->pair = pair;
	table->name = pair->after ? pair->after->table : NULL;
	table->was = pair->before ? pair->before->table : NULL;
	if (!pair->before) {
		md_kept_name(pg->work->request->revision, table->name, kept);
		table->restored = pg_live_kept(pg, kept, NULL);
		table->created = !table->restored;
		if (table->restored)
			table->was = pg_text(pg, "%s", kept);
	}
	if (!pair->after) {
		md_kept_name(pg->work->request->revision, table->was, kept);
		table->dropped = true;
		table->name = pg_text(pg, "%s", kept);
	}
	table->live = table->was ? find_live(pg, table->was) : NULL;
	table->rows = table->live ? table->live->rows_estimate : -1;
	if (pg->work->operation > 0) /* names may be others by then */
		table->live = NULL;
	pg_survey_columns(pg, table);
}

static void begin(struct pg *pg)
{
	const struct md_match *match = pg->work->match;

	pg_live_read(pg);
	pg->tables = md_arena_zalloc(pg->arena, (match->model_count + 1) * sizeof(*pg->tables));
	if (!pg->tables) {
		pg->work->failed = true;
		return;
	}
	pg->table_count = match->model_count;
	for (unsigned i = 0; i < match->model_count; i++)
		survey_table(pg, &pg->tables[i], &match->models[i]);
}

/* --- planning ----------------------------------------------------------------------------------
 */

static void plan_table(struct pg *pg, struct pg_table *table)
{
	if (!table->pair->changed && table->pair->before && table->pair->after)
		return;
	pg_plan_columns(pg, table);
	pg_plan_checks(pg, table);
	pg_plan_indexes(pg, table);
	pg_plan_primary_key(pg, table);
	pg_plan_options(pg, table);
}

static enum md_code outcome(const struct pg *pg)
{
	return pg->work->failed ? md_fail_nomem(pg->err) : pg->code;
}

static enum md_code plan(struct md_plan_work *work, struct md_error *err)
{
	struct pg pg = { .work = work, .arena = work->arena, .err = err };

	begin(&pg);
	if (outcome(&pg) != MD_OK)
		return outcome(&pg);
	for (unsigned i = 0; i < pg.table_count; i++)
		pg_plan_moves(&pg, &pg.tables[i]);
	for (unsigned i = 0; i < pg.table_count; i++)
		pg_plan_foreign_keys(&pg, &pg.tables[i]);
	for (unsigned i = 0; i < pg.table_count; i++)
		pg_plan_index_drops(&pg, &pg.tables[i]);
	for (unsigned i = 0; i < pg.table_count; i++)
		plan_table(&pg, &pg.tables[i]);
	pg_plan_renames(&pg);
	pg_plan_created(&pg);
	pg_plan_entries(&pg);
	if (outcome(&pg) == MD_OK)
		pg_flush(&pg);
	return outcome(&pg);
}

static enum md_code backfill(struct md_plan_work *work, const struct md_def_model *model,
			     const struct md_def_field *field, const struct md_def_default *value,
			     struct md_error *err)
{
	struct pg pg = { .work = work, .arena = work->arena, .err = err };
	const struct md_model_pair pair = { .before = model, .after = model };
	struct pg_column column = { .after = field, .name = md_def_column(field) };
	struct pg_table table = { .pair = &pair, .was = model->table, .name = model->table };

	table.live = find_live(&pg, model->table);
	table.rows = table.live ? table.live->rows_estimate : -1;
	column.fill = pg_fill_expression(&pg, field, value);
	if (!column.fill)
		return md_fail(err, MD_INVALID, "MD400",
			       "the backfill of \"%s\" has no value on PostgreSQL", field->name);
	pg_put_fill(&pg, &table, &column);
	if (outcome(&pg) == MD_OK)
		pg_flush(&pg);
	return outcome(&pg);
}

const struct md_planner md_postgres_planner = {
	.sql = &md_postgres_dialect,
	.plan = plan,
	.backfill = backfill,
};
