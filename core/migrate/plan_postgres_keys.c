/* Indexes, unique keys and primary keys: made beside the old ones while others write, then put in
 * their place. */
#include <string.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

enum { STATEMENT_MAX = 1024 * 1024 };

#define ALL  "ACCESS EXCLUSIVE"
#define MANY "SHARE UPDATE EXCLUSIVE"

/* --- making ------------------------------------------------------------------------------------
 */

/* CREATE INDEX CONCURRENTLY under a name. */
static const char *concurrently(struct pg *pg, const struct pg_table *table,
				const struct md_def_index *index, const char *name)
{
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);
	struct md_def_index copy = *index;
	const char *text, *head = index->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";

	copy.name = name;
	md_ddl_put_index(&md_postgres_ddl, &sql, table->pair->after, &copy);
	text = md_plan_keep(pg->work, &sql);
	return *text ? pg_text(pg, "%sCONCURRENTLY %s", head, text + strlen(head)) : "";
}

/* An index that is made while others write; when that was cut off it is there, but is not valid. */
static void make(struct pg *pg, const struct pg_table *table, const char *name, const char *sql,
		 const char *what)
{
	struct md_step *step = pg_step(pg, PG_INDEXES, MANY, pg_object(pg, table, NULL), what);
	const char *quoted = pg_name(pg, name);

	pg_sql(pg, step, sql);
	pg_long(step, table);
	step->probe = pg_text(pg,
			      "SELECT 1 FROM pg_catalog.pg_index WHERE indexrelid = to_regclass(%s)"
			      " AND indisvalid",
			      pg_literal(pg, quoted));
	step->clean = pg_text(pg, "DROP INDEX CONCURRENTLY IF EXISTS %s", quoted);
}

static void ask_unique(struct pg *pg, const struct pg_table *table,
		       const struct md_def_index *index)
{
	const struct md_def_field **fields =
		md_arena_alloc(pg->arena, index->count * sizeof(*fields));

	pg->work->failed = pg->work->failed || !fields;
	for (unsigned i = 0; fields && i < index->count; i++)
		fields[i] = index->columns[i].field;
	if (fields)
		pg_ask_unique(pg, table, index->name, fields, index->count,
			      md_ddl_own_sql(&md_postgres_ddl, &index->where));
}

/* A constraint is made of an index, which takes its name. */
static void use_index(struct pg *pg, const struct pg_table *table, const char *name,
		      const char *kind, const char *index)
{
	struct md_step *step = pg_step(pg, PG_FINISH, ALL, pg_object(pg, table, NULL),
				       pg_text(pg, "add constraint %s", name));

	pg_alter(pg, step, table->name, "ADD CONSTRAINT %s %s USING INDEX %s", pg_name(pg, name),
		 kind, pg_name(pg, index));
}

/* `beside`: one of that name is there, and goes before the end. */
static void create(struct pg *pg, const struct pg_table *table, const struct md_def_index *index,
		   bool beside)
{
	const char *name = beside ? pg_temporary(pg, index->name) : index->name;
	struct md_step *step;

	if (index->unique)
		ask_unique(pg, table, index);
	make(pg, table, name, concurrently(pg, table, index, name),
	     pg_text(pg, "make %s %s", index->unique ? "unique index" : "index", index->name));
	if (md_ddl_is_constraint(&md_postgres_ddl, index)) {
		use_index(pg, table, index->name, "UNIQUE", name);
	} else if (beside) {
		step = pg_step(
			pg, PG_FINISH, MANY, pg_object(pg, table, NULL),
			pg_text(pg, "put the new index %s in the place of the old", index->name));
		pg_sql(pg, step,
		       pg_text(pg, "ALTER INDEX %s RENAME TO %s", pg_name(pg, name),
			       pg_name(pg, index->name)));
	}
}

static void drop(struct pg *pg, enum pg_phase phase, const struct pg_table *table,
		 const struct md_def_index *index)
{
	const char *name = pg_live_index(pg, table, index);
	struct md_step *step = pg_step(pg, phase, ALL, pg_object(pg, table, NULL),
				       pg_text(pg, "drop index %s", name));
	bool constraint = table->live ? pg_live_constraint(pg, table->was, name, 'u')
				      : md_ddl_is_constraint(&md_postgres_ddl, index);

	if (constraint)
		pg_alter(pg, step, phase == PG_KEYS_OFF ? table->was : table->name,
			 "DROP CONSTRAINT IF EXISTS %s", pg_name(pg, name));
	else
		pg_sql(pg, step, pg_text(pg, "DROP INDEX IF EXISTS %s", pg_name(pg, name)));
}

/* --- what stays --------------------------------------------------------------------------------
 */

/* An index that goes with a column that is made anew, or whose condition speaks of a column that
 * gets another type. */
static bool is_remade(const struct pg_table *table, const struct md_def_index *index)
{
	const char *where = md_ddl_own_sql(&md_postgres_ddl, &index->where);

	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct pg_column *column = &table->columns[i];

		if (!column->before ||
		    (column->after && !column->remade && column->type.change <= PG_TYPE_LABEL))
			continue;
		if (where && pg_mentions(where, column->was))
			return true;
		for (unsigned k = 0; column->remade && k < index->count; k++)
			if (index->columns[k].field == column->before)
				return true;
	}
	return false;
}

bool pg_is_held(struct pg *pg, const char *name)
{
	for (unsigned t = 0; t < pg->table_count; t++) {
		const struct pg_table *table = &pg->tables[t];

		if (!table->pair->before || !table->pair->after)
			continue;
		for (unsigned i = 0; i < table->pair->index_count; i++) {
			const struct md_index_pair *pair = &table->pair->indexes[i];

			if (pair->before && (!pair->after || pair->changed) &&
			    strcmp(pg_live_index(pg, table, pair->before), name) == 0)
				return true;
		}
	}
	return false;
}

void pg_plan_index_drops(struct pg *pg, const struct pg_table *table)
{
	if (!table->pair->before || !table->pair->after)
		return;
	for (unsigned i = 0; i < table->pair->index_count; i++) {
		const struct md_index_pair *pair = &table->pair->indexes[i];
		bool remade = pair->before && is_remade(table, pair->before);

		if (remade || (pair->before && (!pair->after || pair->changed)))
			drop(pg, remade ? PG_KEYS_OFF : PG_FINISH, table, pair->before);
	}
}

/* Values that differ now may be the same in another type or collation. */
static bool is_read_otherwise(const struct pg_table *table, const struct md_def_field *field)
{
	const struct pg_column *column = pg_column_of(table, field);

	return column && column->type.change > PG_TYPE_LABEL;
}

static bool gets_other_values(const struct pg_table *table, const struct md_def_index *index)
{
	for (unsigned i = 0; i < index->count; i++)
		if (is_read_otherwise(table, index->columns[i].field))
			return true;
	return false;
}

static void plan_index(struct pg *pg, const struct pg_table *table,
		       const struct md_index_pair *pair)
{
	bool remade = pair->before && is_remade(table, pair->before);
	const char *from;

	if (!pair->after)
		return;
	if (!pair->before || remade || pair->changed) {
		create(pg, table, pair->after, !remade && pg_is_held(pg, pair->after->name));
		return;
	}
	if (pair->after->unique && gets_other_values(table, pair->after))
		ask_unique(pg, table, pair->after);
	from = pg_live_index(pg, table, pair->before);
	if (strcmp(from, pair->after->name) != 0)
		pg_rename(pg, table, "INDEX", from, pair->after->name);
}

void pg_plan_indexes(struct pg *pg, const struct pg_table *table)
{
	if (table->created || table->dropped || table->restored)
		return;
	for (unsigned i = 0; i < table->pair->index_count; i++)
		plan_index(pg, table, &table->pair->indexes[i]);
}

/* --- primary keys ------------------------------------------------------------------------------
 */

static const char *key_columns(struct pg *pg, const struct md_def_model *model)
{
	const char *list = "";

	for (unsigned i = 0; i < model->key_count; i++)
		list = pg_text(pg, "%s%s%s", list, i > 0 ? ", " : "",
			       pg_name(pg, md_def_column(model->key[i])));
	return list;
}

/* The new key is proved unique by an index; the swap is a change of the catalog. */
static void change_key(struct pg *pg, const struct pg_table *table)
{
	const struct md_def_model *before = table->pair->before, *after = table->pair->after;
	const char *object = pg_object(pg, table, NULL), *index;
	struct md_step *step;

	if (before->key_count > 0) {
		const char *name = pg_live_primary_key(table, before->key_name);

		step = pg_step(pg, PG_FINISH, ALL, object,
			       pg_text(pg, "drop primary key %s", name));
		pg_alter(pg, step, table->name, "DROP CONSTRAINT %s", pg_name(pg, name));
	}
	if (after->key_count == 0)
		return;
	index = pg_temporary(pg, after->key_name);
	pg_ask_unique(pg, table, after->key_name, after->key, after->key_count, NULL);
	make(pg, table, index,
	     pg_text(pg, "CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)", pg_name(pg, index),
		     pg_name(pg, table->name), key_columns(pg, after)),
	     pg_text(pg, "make the index of the new primary key of %s", object));
	use_index(pg, table, after->key_name, "PRIMARY KEY", index);
}

void pg_plan_primary_key(struct pg *pg, const struct pg_table *table)
{
	const struct md_model_pair *pair = table->pair;
	const char *name;

	if (table->created || table->dropped || table->restored)
		return;
	if (pair->key_changed) {
		change_key(pg, table);
		return;
	}
	if (pair->after->key_count == 0)
		return;
	for (unsigned i = 0; i < pair->after->key_count; i++)
		if (is_read_otherwise(table, pair->after->key[i])) {
			pg_ask_unique(pg, table, pair->after->key_name, pair->after->key,
				      pair->after->key_count, NULL);
			break;
		}
	name = pg_live_primary_key(table, pair->before->key_name);
	if (strcmp(name, pair->after->key_name) != 0)
		pg_rename(pg, table, NULL, name, pair->after->key_name);
}
