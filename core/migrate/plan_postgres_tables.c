/* Tables as a whole: made, renamed, put aside and taken back; their options; the list of what
 * modeld made. */
#include <stdio.h>
#include <string.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

enum { STATEMENT_MAX = 64 * 1024 };

#define ALL  "ACCESS EXCLUSIVE"
#define MANY "SHARE UPDATE EXCLUSIVE"

/* --- names -------------------------------------------------------------------------------------
 */

static const char *kept(struct pg *pg, const char *name)
{
	char text[MD_KEPT_NAME];

	md_kept_name(pg->work->request->revision, name, text);
	return pg_text(pg, "%s", text);
}

static void rename_relation(struct pg *pg, struct md_step *step, const char *kind, const char *from,
			    const char *to)
{
	if (strcmp(from, to) != 0)
		pg_sql(pg, step,
		       pg_text(pg, "ALTER %s IF EXISTS %s RENAME TO %s", kind, pg_name(pg, from),
			       pg_name(pg, to)));
}

/* Names of indexes and sequences are those of a schema: nobody else could have them. `away`: they
 * are put aside, else taken back. */
static void rename_belongings(struct pg *pg, struct md_step *step, const struct pg_table *table,
			      const struct md_def_model *model, bool away)
{
	const char *key = away ? pg_live_primary_key(table, model->key_name) : model->key_name;

	if (model->key_count > 0)
		rename_relation(pg, step, "INDEX", away ? key : kept(pg, key),
				away ? kept(pg, model->key_name) : key);
	for (unsigned i = 0; i < model->index_count; i++) {
		const char *name = model->indexes[i].name;

		rename_relation(pg, step, "INDEX",
				away ? pg_live_index(pg, table, &model->indexes[i])
				     : kept(pg, name),
				away ? kept(pg, name) : name);
	}
	for (unsigned i = 0; i < model->field_count; i++) {
		const char *column = md_def_column(&model->fields[i]);
		const char *name = pg_text(pg, "%s_%s_seq", model->table, column);
		const char *found = pg_live_sequence(pg, table->was, column);

		if (!found || strlen(name) > MD_DEF_NAME)
			continue;
		if (strcmp(found, away ? name : kept(pg, name)) == 0)
			rename_relation(pg, step, "SEQUENCE", found, away ? kept(pg, name) : name);
	}
}

/* A counting column's sequence has the name that a new table would give it. */
static void rename_sequences(struct pg *pg, const struct pg_table *table)
{
	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct pg_column *column = &table->columns[i];
		const char *found, *was, *name;

		if (!column->before || !column->after || !column->after->identity)
			continue;
		found = pg_live_sequence(pg, table->was, column->was);
		was = pg_text(pg, "%s_%s_seq", table->was, column->was);
		name = pg_text(pg, "%s_%s_seq", table->name, column->name);
		if (found && strcmp(found, was) == 0 && strcmp(was, name) != 0 &&
		    strlen(name) <= MD_DEF_NAME)
			pg_rename(pg, table, "SEQUENCE", was, name);
	}
}

void pg_rename(struct pg *pg, const struct pg_table *table, const char *kind, const char *from,
	       const char *to)
{
	struct pg_rename *rename = md_arena_alloc(pg->arena, sizeof(*rename));

	if (!rename) {
		pg->work->failed = true;
		return;
	}
	*rename =
		(struct pg_rename){ kind, pg_object(pg, table, NULL), table->name, from, to, NULL };
	if (!pg->last_rename)
		pg->last_rename = &pg->renames;
	*pg->last_rename = rename;
	pg->last_rename = &rename->next;
}

static void put_rename(struct pg *pg, enum pg_phase phase, const struct pg_rename *rename,
		       const char *from, const char *to)
{
	bool is_index = rename->kind && strcmp(rename->kind, "INDEX") == 0;
	struct md_step *step = pg_step(pg, phase, is_index ? MANY : ALL, rename->object,
				       pg_text(pg, "rename %s to %s", rename->from, rename->to));

	if (rename->kind)
		rename_relation(pg, step, rename->kind, from, to);
	else
		pg_alter(pg, step, rename->table, "RENAME CONSTRAINT %s TO %s", pg_name(pg, from),
			 pg_name(pg, to));
}

/* Whether another one that is to be renamed has the name. */
static bool is_had(const struct pg *pg, const struct pg_rename *rename)
{
	for (const struct pg_rename *other = pg->renames; other; other = other->next)
		if (other != rename && strcmp(other->from, rename->to) == 0)
			return true;
	return false;
}

void pg_plan_renames(struct pg *pg)
{
	for (unsigned turn = 0; turn < 2; turn++)
		for (const struct pg_rename *one = pg->renames; one; one = one->next) {
			bool held = pg_is_held(pg, one->to), round = held || is_had(pg, one);
			const char *between = round ? pg_temporary(pg, one->to) : one->from;

			if (turn == 0 && round)
				put_rename(pg, PG_RENAME, one, one->from, between);
			if (turn == 1)
				put_rename(pg, held ? PG_LAST : PG_RENAME, one, between, one->to);
		}
}

/* --- coming and going --------------------------------------------------------------------------
 */

/* Whether another table that exists already wants this one's name. */
static bool is_in_the_way(const struct pg *pg, const struct pg_table *table)
{
	for (unsigned i = 0; i < pg->table_count; i++) {
		const struct pg_table *other = &pg->tables[i];

		if (other != table && !other->created && !other->dropped &&
		    strcmp(other->name, table->was) == 0)
			return true;
	}
	return false;
}

static void put_aside(struct pg *pg, const struct pg_table *table)
{
	const struct md_def_model *model = table->pair->before;
	bool early = is_in_the_way(pg, table);
	struct md_step *step =
		pg_step(pg, early ? PG_RENAME : PG_ASIDE, ALL, table->was,
			pg_text(pg, "put table %s aside as %s", table->was, table->name));

	rename_belongings(pg, step, table, model, true);
	pg_alter(pg, step, table->was, "RENAME TO %s", pg_name(pg, table->name));
	step->risk = MD_RISK_KEPT;
	step->at_risk = pg_text(pg, "the rows of %s are kept in %s until they are purged",
				table->was, table->name);
	step->rows = table->rows;
}

static void drop(struct pg *pg, const struct pg_table *table)
{
	struct md_step *step = pg_step(pg, is_in_the_way(pg, table) ? PG_RENAME : PG_ASIDE, ALL,
				       table->was, pg_text(pg, "drop table %s", table->was));

	pg_live_dependents(pg, table, NULL, "dropping");
	pg_sql(pg, step, pg_text(pg, "DROP TABLE %s", pg_name(pg, table->was)));
	step->reversible = false;
	step->risk = MD_RISK_LOSS;
	step->at_risk = pg_text(pg, "the rows of %s are gone for good", table->was);
	step->rows = table->rows;
}

static void take_back(struct pg *pg, const struct pg_table *table)
{
	struct md_step *step = pg_step(pg, PG_RENAME, ALL, table->name,
				       pg_text(pg, "take table %s back", table->name));

	pg_alter(pg, step, table->was, "RENAME TO %s", pg_name(pg, table->name));
	rename_belongings(pg, step, table, table->pair->after, false);
}

/* A table whose name another one takes goes by way of a name between. */
static void rename_table(struct pg *pg, const struct pg_table *table)
{
	const char *from = table->was;
	bool taken = is_in_the_way(pg, table);
	enum pg_phase phase = taken ? PG_KEYS_OFF : PG_RENAME;
	struct md_step *step;

	if (taken) {
		step = pg_step(pg, phase, ALL, table->name,
			       pg_text(pg, "make room for another table %s", from));
		pg_alter(pg, step, from, "RENAME TO %s",
			 pg_name(pg, pg_temporary(pg, table->name)));
		from = pg_temporary(pg, table->name);
	}
	step = pg_step(pg, PG_RENAME, ALL, table->name,
		       pg_text(pg, "rename table %s to %s", table->was, table->name));
	pg_alter(pg, step, from, "RENAME TO %s", pg_name(pg, table->name));
}

void pg_plan_moves(struct pg *pg, const struct pg_table *table)
{
	if (table->created)
		return;
	if (table->dropped) {
		(pg->work->request->forget ? drop : put_aside)(pg, table);
		return;
	}
	if (table->restored) {
		take_back(pg, table);
		return;
	}
	if (strcmp(table->was, table->name) != 0)
		rename_table(pg, table);
	rename_sequences(pg, table);
}

/* --- new tables --------------------------------------------------------------------------------
 */

static enum md_code
plan_statements(struct pg *pg, bool (*is_wanted)(const struct pg *pg, const struct pg_table *table),
		struct md_ddl_plan *ret_plan)
{
	const struct md_definitions *after = pg->work->match->after;
	bool *wanted = md_arena_zalloc(pg->arena, (after->model_count + 1) * sizeof(*wanted));

	if (!wanted)
		return md_fail_nomem(pg->err);
	for (unsigned i = 0; i < pg->table_count; i++)
		if (!pg->tables[i].dropped && is_wanted(pg, &pg->tables[i]))
			wanted[pg->tables[i].pair->after - after->models] = true;
	return md_ddl_plan(&md_postgres_ddl, after, wanted, pg->arena, ret_plan, pg->err);
}

static bool is_created(const struct pg *pg, const struct pg_table *table)
{
	(void)pg;
	return table->created;
}

void pg_plan_created(struct pg *pg)
{
	struct md_ddl_plan plan = { .count = 0 };

	if (pg->code == MD_OK)
		pg->code = plan_statements(pg, is_created, &plan);
	for (unsigned i = 0; i < plan.count; i++) {
		const struct md_ddl_statement *made = &plan.statements[i];
		static const char *const locks[MD_MAKES_KINDS] = {
			[MD_MAKES_INDEX] = "SHARE", /* of the new table */
			[MD_MAKES_FOREIGN_KEY] = "SHARE ROW EXCLUSIVE",
		};
		struct md_step *step =
			pg_step(pg, PG_TABLES, locks[made->makes], made->model->table,
				pg_text(pg, "make %s %s", md_ddl_kind(made->makes), made->name));

		if (made->makes == MD_MAKES_TABLE && made->model->foreign_key_count > 0)
			step->lock = "SHARE ROW EXCLUSIVE"; /* of the targets */
		pg_sql(pg, step, made->sql);
	}
}

/* --- options -----------------------------------------------------------------------------------
 */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void set_storage(struct pg *pg, const struct pg_table *table, const char *what,
			const char *sql)
{
	struct md_step *step = pg_step(pg, PG_REWRITE, ALL, pg_object(pg, table, NULL), what);

	pg_alter(pg, step, table->name, "%s", sql);
	pg_long(step, table);
	step->rewrites = true;
}

void pg_plan_options(struct pg *pg, const struct pg_table *table)
{
	const struct md_def_model *before = table->pair->before, *after = table->pair->after;
	const char *object = pg_object(pg, table, NULL);
	const struct md_def_options *a, *b;
	struct md_step *step;

	if (table->created || table->dropped || table->restored)
		return;
	a = &before->options;
	b = &after->options;
	if (a->fillfactor != b->fillfactor) {
		step = pg_step(pg, PG_COLUMNS, MANY, object,
			       pg_text(pg, "change the fill factor of %s", object));
		if (b->fillfactor > 0)
			pg_alter(pg, step, table->name, "SET (fillfactor = %u)", b->fillfactor);
		else
			pg_alter(pg, step, table->name, "RESET (fillfactor)");
	}
	if ((a->unlogged == MD_DEF_YES) != (b->unlogged == MD_DEF_YES))
		set_storage(pg, table, pg_text(pg, "change how %s is logged", object),
			    b->unlogged == MD_DEF_YES ? "SET UNLOGGED" : "SET LOGGED");
	if (!same_text(a->tablespace, b->tablespace))
		set_storage(pg, table, pg_text(pg, "move %s to another tablespace", object),
			    pg_text(pg, "SET TABLESPACE %s",
				    b->tablespace ? pg_name(pg, b->tablespace) : "pg_default"));
	if (same_text(before->description, after->description))
		return;
	step = pg_step(pg, PG_COLUMNS, MANY, object, pg_text(pg, "comment on %s", object));
	pg_sql(pg, step,
	       pg_text(pg, "COMMENT ON TABLE %s IS %s", pg_name(pg, table->name),
		       after->description ? pg_literal(pg, after->description) : "NULL"));
}

/* --- the list of what modeld made --------------------------------------------------------------
 */

static bool is_changed(const struct pg_table *table)
{
	const struct md_model_pair *pair = table->pair;

	return !pair->before || !pair->after || pair->changed ||
	       strcmp(pair->before->name, pair->after->name) != 0;
}

/* Also when only what its foreign keys refer to has another name. */
static bool is_written_otherwise(const struct pg *pg, const struct pg_table *table)
{
	const struct md_def_model *after = table->pair->after;

	for (unsigned i = 0; after && i < after->foreign_key_count; i++) {
		const struct md_def_foreign_key *key = &after->foreign_keys[i];
		const struct pg_table *target = pg_table_of(pg, key->to);

		if (!target || !target->was)
			continue;
		for (unsigned k = 0; k < key->count; k++) {
			const struct pg_column *column = pg_column_of(target, key->targets[k]);

			if (column && column->was && strcmp(column->was, column->name) != 0)
				return true;
		}
		if (strcmp(target->was, target->name) != 0)
			return true;
	}
	return is_changed(table);
}

static void forget_model(struct pg *pg, struct md_step *step, const struct md_def_model *model)
{
	if (model)
		pg_sql(pg, step,
		       pg_text(pg,
			       "DELETE FROM \"_modeld_objects\" WHERE \"model\" = %s AND \"kind\" "
			       "IN ('table', 'index', 'foreign key')",
			       pg_literal(pg, model->name)));
}

/* `was`: what it was called, "user.bio"; NULL: it is not kept any more. */
static void note_kept(struct pg *pg, struct md_step *step, const char *kind, const char *name,
		      const char *was)
{
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);
	const struct md_ddl_slot slots[] = {
		{ 'k', pg_literal(pg, kind) },
		{ 'n', pg_literal(pg, name) },
		{ 'm', was ? pg_literal(pg, was) : "" },
		{ 's', pg_literal(pg, pg->work->request->revision) },
		{ 0, NULL },
	};

	md_ddl_put_template(&sql,
			    was ? md_postgres_ddl.objects_entry
				: "DELETE FROM \"_modeld_objects\" WHERE \"kind\" = {k} AND "
				  "\"name\" = {n}",
			    slots);
	pg_sql(pg, step, md_plan_keep(pg->work, &sql));
}

static void note_columns(struct pg *pg, struct md_step *step, const struct pg_table *table)
{
	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct pg_column *column = &table->columns[i];

		if (column->restored)
			note_kept(pg, step, "kept column",
				  pg_text(pg, "%s.%s", table->name, column->was), NULL);
		if (column->after || pg->work->request->forget || column->before->is_generated)
			continue;
		note_kept(pg, step, "kept column", pg_text(pg, "%s.%s", table->name, column->name),
			  pg_text(pg, "%s.%s", table->was, column->was));
	}
}

static void note_table(struct pg *pg, struct md_step *step, const struct pg_table *table)
{
	size_t len;

	if (table->created)
		return;
	len = strlen(table->was) + 1;
	if (strcmp(table->was, table->name) != 0) /* what is kept in it moves along */
		pg_sql(pg, step,
		       pg_text(pg,
			       "UPDATE \"_modeld_objects\" SET \"name\" = %s || substr(\"name\", "
			       "%zu)"
			       " WHERE \"kind\" = 'kept column' AND left(\"name\", %zu) = %s",
			       pg_literal(pg, pg_text(pg, "%s.", table->name)), len + 1, len,
			       pg_literal(pg, pg_text(pg, "%s.", table->was))));
	if (table->restored)
		note_kept(pg, step, "kept table", table->was, NULL);
	else if (table->dropped && !pg->work->request->forget)
		note_kept(pg, step, "kept table", table->name, table->was);
	if (!table->dropped)
		note_columns(pg, step, table);
}

void pg_plan_entries(struct pg *pg)
{
	struct md_ddl_plan plan = { .count = 0 };
	struct md_step *step = NULL;

	for (unsigned i = 0; i < pg->table_count; i++) {
		const struct pg_table *table = &pg->tables[i];

		if (!is_written_otherwise(pg, table))
			continue;
		if (!step) {
			step = pg_step(pg, PG_LAST, NULL, "_modeld_objects",
				       "note what modeld made");
			pg_sql(pg, step, md_postgres_ddl.objects_table);
		}
		forget_model(pg, step, table->pair->before);
		forget_model(pg, step, table->pair->after);
		note_table(pg, step, table);
	}
	if (!step || pg->code != MD_OK)
		return;
	pg->code = plan_statements(pg, is_written_otherwise, &plan);
	for (unsigned i = 0; i < plan.count; i++) {
		md_auto_buf sql = MD_BUF(STATEMENT_MAX);

		md_ddl_put_entry(&md_postgres_ddl, &sql, &plan.statements[i]);
		pg_sql(pg, step, md_plan_keep(pg->work, &sql));
	}
}
