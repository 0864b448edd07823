/* What changes by its name alone: tables and columns that are renamed, put aside or brought back.
 * The engine itself follows a name through triggers, views, indexes and foreign keys. */
#include <stdio.h>
#include <strings.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

/* --- the list of what is kept ------------------------------------------------------------------
 */

static void note_kept(struct md_lite *lite, struct md_step *step, const char *kind,
		      const char *name, const char *was)
{
	const struct md_ddl_slot slots[] = {
		{ 'k', md_lite_text(lite, kind) },
		{ 'n', md_lite_text(lite, name) },
		{ 'm', md_lite_text(lite, was) },
		{ 's', md_lite_text(lite, lite->work->request->revision) },
		{ 0, NULL },
	};
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);

	md_ddl_put_template(&sql, lite->dialect->objects_entry, slots);
	md_lite_runf(lite, step, "%s", lite->dialect->objects_table);
	md_lite_run(lite, step, &sql);
}

static void forget_kept(struct md_lite *lite, struct md_step *step, const char *kind,
			const char *name)
{
	md_lite_runf(lite, step, "%s", lite->dialect->objects_table);
	md_lite_runf(lite, step,
		     "DELETE FROM \"_modeld_objects\" WHERE \"kind\" = %s AND \"name\" = %s",
		     md_lite_text(lite, kind), md_lite_text(lite, name));
}

/* Entries follow a table's name: its own, and those of the columns kept in it. */
static void rename_entries(struct md_lite *lite, struct md_step *step, const char *from,
			   const char *to)
{
	const char *prefix = md_lite_text(lite, md_lite_printf(lite, "%s._dropped_", from));

	md_lite_runf(lite, step, "%s", lite->dialect->objects_table);
	md_lite_runf(
		lite, step,
		"UPDATE \"_modeld_objects\" SET \"name\" = %s || substr(\"name\", length(%s) + "
		"1) WHERE \"kind\" = 'kept column' AND substr(\"name\", 1, length(%s)) = %s",
		md_lite_text(lite, to), md_lite_text(lite, from), prefix, prefix);
	md_lite_runf(lite, step,
		     "UPDATE OR REPLACE \"_modeld_objects\" SET \"name\" = %s WHERE \"kind\" = "
		     "'table' AND \"name\" = %s",
		     md_lite_text(lite, to), md_lite_text(lite, from));
}

static void rename_table(struct md_lite *lite, struct md_step *step, const char *from,
			 const char *to)
{
	md_lite_runf(lite, step, "ALTER TABLE %s RENAME TO %s", md_lite_quote(lite, from),
		     md_lite_quote(lite, to));
	md_lite_renamed(lite, from, to);
}

/* --- tables that go ----------------------------------------------------------------------------
 */

static void drop_indexes_of(struct md_lite *lite, struct md_step *step,
			    const struct md_def_model *model)
{
	for (unsigned i = 0; i < model->index_count; i++)
		if (!md_ddl_is_constraint(lite->dialect, &model->indexes[i]))
			md_lite_runf(lite, step, "DROP INDEX IF EXISTS %s",
				     md_lite_quote(lite, model->indexes[i].name));
}

static void put_aside(struct md_lite *lite, const struct md_model_pair *pair)
{
	const char *table = pair->before->table;
	struct md_def_model *aside = md_arena_alloc(lite->arena, sizeof(*aside));
	char name[MD_KEPT_NAME];
	struct md_step *step;
	const char *kept;

	md_kept_name(lite->work->request->revision, table, name);
	kept = md_lite_printf(lite, "%s", name);
	step = md_lite_step(lite, table, "drop table %s", table);
	if (!step || !aside) {
		lite->work->failed = true;
		return;
	}
	step->risk = MD_RISK_KEPT;
	step->rows = md_lite_size(lite, table, false).rows;
	step->at_risk = md_lite_printf(lite, "the rows of %s are kept as \"%s\" until it is purged",
				       table, kept);
	drop_indexes_of(lite, step, pair->before);
	rename_table(lite, step, table, kept);
	note_kept(lite, step, "kept table", kept, table);
	*aside = *pair->before;
	aside->table = kept;
	aside->foreign_key_count = 0;
	if (pair->before->foreign_key_count > 0)
		md_lite_rebuild(lite, &(struct md_lite_rebuild){
					      .pair = pair,
					      .model = aside,
					      .table = kept,
					      .bare = true,
					      .what = md_lite_printf(lite,
								     "take the foreign keys from "
								     "what is kept of %s",
								     table) });
}

static void drop(struct md_lite *lite, const struct md_model_pair *pair)
{
	const char *table = pair->before->table;
	struct md_step *step = md_lite_step(lite, table, "drop table %s for good", table);

	if (!step)
		return;
	md_plan_add_open(lite->work, "PRAGMA foreign_keys=OFF");
	md_plan_add_close(lite->work, "PRAGMA foreign_keys=ON");
	step->risk = MD_RISK_LOSS;
	step->reversible = false;
	step->rows = md_lite_size(lite, table, false).rows;
	step->at_risk = md_lite_printf(lite, "all rows of %s go", table);
	md_lite_runf(lite, step, "DROP TABLE %s", md_lite_quote(lite, table));
	md_lite_renamed(lite, table, NULL);
	forget_kept(lite, step, "table", table);
}

void md_lite_drop_tables(struct md_lite *lite)
{
	const struct md_match *match = lite->work->match;

	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++) {
		if (match->models[i].after)
			continue;
		if (lite->work->request->forget)
			drop(lite, &match->models[i]);
		else
			put_aside(lite, &match->models[i]);
	}
}

/* --- tables that come back ---------------------------------------------------------------------
 */

bool md_lite_restore_table(struct md_lite *lite, const struct md_def_model *model)
{
	char kept[MD_KEPT_NAME];
	struct md_step *step;

	md_kept_name(lite->work->request->revision, model->table, kept);
	if (!md_lite_table(lite, kept))
		return false;
	step = md_lite_step(lite, model->table, "bring table %s back", model->table);
	if (!step)
		return true;
	step->rows = md_lite_size(lite, kept, false).rows;
	rename_table(lite, step, kept, model->table);
	forget_kept(lite, step, "kept table", kept);
	return true;
}

/* --- renames -----------------------------------------------------------------------------------
 */

/* A name to go by while another still has the one wanted. */
static const char *aside_name(struct md_lite *lite, unsigned number)
{
	return md_lite_printf(lite, "_modeld_move_%u", number);
}

/* Whether the name is still in use, be it in other letters. */
static bool table_is_taken(struct md_lite *lite, const char *name)
{
	return md_lite_ask(lite,
			   "SELECT name, NULL FROM sqlite_schema WHERE type IN ('table', 'view') "
			   "AND name = ?1 COLLATE NOCASE",
			   name) != NULL;
}

static void finish_rename(struct md_lite *lite, const struct md_model_pair *pair, const char *from)
{
	struct md_step *step = md_lite_step(lite, pair->after->table, "rename table %s to %s",
					    pair->before->table, pair->after->table);

	rename_table(lite, step, from, pair->after->table);
	rename_entries(lite, step, pair->before->table, pair->after->table);
}

/* Those whose new name is taken go aside; when the others have moved, all names are free. */
void md_lite_rename_tables(struct md_lite *lite)
{
	const struct md_match *match = lite->work->match;
	const char **aside =
		md_arena_zalloc(lite->arena, (match->model_count + 1) * sizeof(*aside));

	lite->work->failed = lite->work->failed || !aside;
	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++) {
		const struct md_model_pair *pair = &match->models[i];
		struct md_step *step;

		if (!pair->before || !pair->after || !pair->table_renamed ||
		    !table_is_taken(lite, pair->after->table))
			continue;
		step = md_lite_step(lite, pair->before->table, "put table %s under another name",
				    pair->before->table);
		aside[i] = aside_name(lite, i);
		rename_table(lite, step, pair->before->table, aside[i]);
	}
	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++) {
		const struct md_model_pair *pair = &match->models[i];

		if (pair->before && pair->after && pair->table_renamed && !aside[i])
			finish_rename(lite, pair, pair->before->table);
	}
	for (unsigned i = 0; i < match->model_count && !md_lite_failed(lite); i++)
		if (aside[i])
			finish_rename(lite, &match->models[i], aside[i]);
}

static void rename_column(struct md_lite *lite, struct md_step *step, const char *table,
			  const char *from, const char *to)
{
	md_lite_runf(lite, step, "ALTER TABLE %s RENAME COLUMN %s TO %s",
		     md_lite_quote(lite, table), md_lite_quote(lite, from),
		     md_lite_quote(lite, to));
}

/* A column that is computed has nothing to keep. */
static void drop_column(struct md_lite *lite, const struct md_model_pair *pair,
			const struct md_def_field *field)
{
	const char *table = pair->after->table, *column = md_def_column(field);
	const char *object = md_lite_printf(lite, "%s.%s", pair->before->table, column);
	bool forget = lite->work->request->forget;
	char kept[MD_KEPT_NAME];
	struct md_step *step;

	if (field->is_generated)
		return;
	md_kept_name(lite->work->request->revision, column, kept);
	step = md_lite_step(lite, object, "drop column %s of %s%s", column, table,
			    forget ? " for good" : "");
	if (!step)
		return;
	step->rows = md_lite_size(lite, table, false).rows;
	step->risk = forget ? MD_RISK_LOSS : MD_RISK_KEPT;
	step->reversible = !forget;
	step->at_risk = forget ? md_lite_printf(lite, "the values of %s go", object)
			       : md_lite_printf(lite,
						"the values of %s are kept as \"%s\" until they "
						"are purged",
						object, kept);
	rename_column(lite, step, table, column, kept);
	if (!forget)
		note_kept(lite, step, "kept column", md_lite_printf(lite, "%s.%s", table, kept),
			  object);
}

static void restore_column(struct md_lite *lite, const struct md_model_pair *pair,
			   const struct md_def_field *field)
{
	const char *table = pair->after->table, *column = md_def_column(field);
	char kept[MD_KEPT_NAME];
	struct md_step *step;

	md_kept_name(lite->work->request->revision, column, kept);
	if (!md_lite_has_column(md_lite_table(lite, table), kept))
		return;
	step = md_lite_step(lite, md_lite_printf(lite, "%s.%s", table, column),
			    "bring column %s of %s back", column, table);
	rename_column(lite, step, table, kept, column);
	if (step)
		forget_kept(lite, step, "kept column", md_lite_printf(lite, "%s.%s", table, kept));
}

static void move_column(struct md_lite *lite, const char *table,
			const struct md_column_pair *column, const char *from)
{
	const char *to = md_def_column(column->after);
	struct md_step *step = md_lite_step(lite, md_lite_printf(lite, "%s.%s", table, to),
					    "rename column %s of %s to %s",
					    md_def_column(column->before), table, to);

	rename_column(lite, step, table, from, to);
}

static bool moves(const struct md_column_pair *column)
{
	return column->before && column->after && (column->changed & MD_COLUMN_NAME);
}

/* As with tables. */
static void move_columns(struct md_lite *lite, const struct md_model_pair *pair)
{
	const char *table = pair->after->table;
	const struct md_catalog_table *now = md_lite_table(lite, table);
	const char **aside =
		md_arena_zalloc(lite->arena, (pair->column_count + 1) * sizeof(*aside));

	lite->work->failed = lite->work->failed || !aside;
	for (unsigned i = 0; i < pair->column_count && !md_lite_failed(lite); i++) {
		const struct md_column_pair *column = &pair->columns[i];
		const char *from = moves(column) ? md_def_column(column->before) : "";
		struct md_step *step;

		if (!moves(column) || !md_lite_has_column(now, md_def_column(column->after)))
			continue;
		step = md_lite_step(lite, md_lite_printf(lite, "%s.%s", table, from),
				    "put column %s of %s under another name", from, table);
		aside[i] = aside_name(lite, i);
		rename_column(lite, step, table, from, aside[i]);
	}
	for (unsigned i = 0; i < pair->column_count && !md_lite_failed(lite); i++)
		if (moves(&pair->columns[i]) && !aside[i])
			move_column(lite, table, &pair->columns[i],
				    md_def_column(pair->columns[i].before));
	for (unsigned i = 0; i < pair->column_count && !md_lite_failed(lite); i++)
		if (aside[i])
			move_column(lite, table, &pair->columns[i], aside[i]);
}

void md_lite_rename_columns(struct md_lite *lite, const struct md_model_pair *pair)
{
	bool any = false;

	for (unsigned i = 0; i < pair->column_count && !md_lite_failed(lite); i++) {
		if (!pair->columns[i].after)
			drop_column(lite, pair, pair->columns[i].before);
		any = any || moves(&pair->columns[i]);
	}
	if (any)
		move_columns(lite, pair);
	for (unsigned i = 0; i < pair->column_count && !md_lite_failed(lite); i++)
		if (!pair->columns[i].before && !pair->columns[i].after->is_generated)
			restore_column(lite, pair, pair->columns[i].after);
}
