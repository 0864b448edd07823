/* Questions to the data, asked before anything is changed. They speak of the table as it will be;
 * a sub-select shows the table as it is in that form. */
#include <string.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

/* --- the table as it will be -------------------------------------------------------------------
 */

/* The key of a row as it is, as text. */
static const char *key_of(struct pg *pg, const struct pg_table *table)
{
	const struct md_def_model *model =
		table->pair->before ? table->pair->before : table->pair->after;
	const char *list = "";

	for (unsigned i = 0; i < model->key_count; i++)
		list = pg_text(pg, "%s%s%s", list, i > 0 ? ", " : "",
			       pg_name(pg, md_def_column(model->key[i])));
	if (model->key_count == 0)
		return "ctid::text";
	return pg_text(pg, model->key_count > 1 ? "concat_ws(', ', %s)" : "%s::text", list);
}

static const char *value_of(struct pg *pg, const struct pg_column *column)
{
	const char *type = pg_put(pg, md_ddl_put_type, column->after);
	const char *was = column->was ? pg_name(pg, column->was) : NULL, *value = was;

	if (column->remade)
		return pg_text(pg, "NULL::%s", type);
	if (!was)
		return pg_text(pg, "%s::%s", column->fill_is_constant ? column->fill : "NULL",
			       type);
	if (column->type.change != PG_TYPE_SAME)
		value = pg_text(pg, "%s::%s", column->type.using ? column->type.using : was, type);
	if (column->type.bad)
		value = pg_text(pg, "CASE WHEN %s THEN NULL ELSE %s END", column->type.bad, value);
	if (column->fill && column->fill_is_constant)
		value = pg_text(pg, "coalesce(%s, %s::%s)", value, column->fill, type);
	return value;
}

static bool is_name_of_new(const struct pg_table *table, const char *name)
{
	for (unsigned i = 0; i < table->pair->column_count; i++)
		if (table->columns[i].after && strcmp(table->columns[i].name, name) == 0)
			return true;
	return false;
}

const char *pg_shape(struct pg *pg, const struct pg_table *table)
{
	const char *sql = pg_text(pg, "(SELECT %s AS \"_modeld_key\"", key_of(pg, table));

	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct pg_column *column = &table->columns[i];

		if (column->after)
			sql = pg_text(pg, "%s, %s AS %s", sql, value_of(pg, column),
				      pg_name(pg, column->name));
		else if (!is_name_of_new(table, column->was)) /* backfills may speak of it */
			sql = pg_text(pg, "%s, %s", sql, pg_name(pg, column->was));
	}
	return pg_text(pg, "%s FROM %s)", sql, pg_name(pg, table->was));
}

/* --- questions ---------------------------------------------------------------------------------
 */

/* The rows of `from` for which `where` is true; `from` has the name of the table there. */
static const char *limited(struct pg *pg, const struct pg_table *table, const char *from,
			   const char *where)
{
	const char *name = pg_name(pg, pg_object(pg, table, NULL));

	return pg_text(pg,
		       "SELECT %s.\"_modeld_key\" FROM %s AS %s WHERE %s ORDER BY "
		       "length(\"_modeld_key\"), 1 LIMIT %d",
		       name, from, name, where, MD_CHECK_KEYS + 1);
}

void pg_ask_types(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);

	if (!column->type.bad)
		return;
	pg_check_data(pg, object,
		      limited(pg, table,
			      pg_text(pg, "(SELECT *, %s AS \"_modeld_key\" FROM %s)",
				      key_of(pg, table), pg_name(pg, table->was)),
			      column->type.bad),
		      pg_text(pg, "%s has values that do not fit %s", object,
			      pg_put(pg, md_ddl_put_type, column->after)),
		      "correct these rows first, or in an operation \"sql\" before the change",
		      column->type.wire ? column->type.wire : "22000");
}

void pg_ask_null(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);

	pg_check_data(pg, object,
		      limited(pg, table, pg_shape(pg, table),
			      pg_text(pg, "%s IS NULL", pg_name(pg, column->name))),
		      pg_text(pg, "%s is null in some rows", object),
		      "give the field a default or a backfill, or fill these rows first", "23502");
}

/* What the expression gives no value for. */
void pg_ask_fill(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);

	for (unsigned i = 0; i < table->pair->column_count; i++)
		if (&table->columns[i] != column && !table->columns[i].was &&
		    pg_mentions(column->fill, table->columns[i].name))
			return; /* of a column that has no values yet */
	pg_check_data(pg, object,
		      limited(pg, table, pg_shape(pg, table),
			      pg_text(pg, "%s IS NULL AND (%s) IS NULL", pg_name(pg, column->name),
				      column->fill)),
		      pg_text(pg, "%s must not be null, and its backfill gives some rows no value",
			      object),
		      "let the expression give a value for every row", "23502");
}

void pg_ask_no_rows(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);

	pg_check_data(
		pg, object,
		limited(pg, table,
			pg_text(pg, "(SELECT %s AS \"_modeld_key\" FROM %s LIMIT %d)",
				key_of(pg, table), pg_name(pg, table->was), MD_CHECK_KEYS + 1),
			"true"),
		pg_text(pg, "%s must not be null, and rows that exist have no value for it",
			object),
		"give the field a default, give it a backfill, or let it be null", "23502");
}

void pg_ask_rule(struct pg *pg, const struct pg_table *table, const char *name, const char *rule)
{
	const char *object = pg_object(pg, table, NULL);

	pg_check_data(
		pg, object, limited(pg, table, pg_shape(pg, table), pg_text(pg, "NOT (%s)", rule)),
		pg_text(pg, "rows of %s do not pass the check \"%s\"", object, name),
		"correct these rows first, or in an operation \"sql\" before the change", "23514");
}

static const char *compared(struct pg *pg, const struct md_def_field *field)
{
	const char *name = pg_name(pg, md_def_column(field));

	return field->collate == MD_DEF_NOCASE ? pg_text(pg, "lower(%s)", name) : name;
}

void pg_ask_unique(struct pg *pg, const struct pg_table *table, const char *name,
		   const struct md_def_field *const *fields, unsigned count, const char *where)
{
	const char *object = pg_object(pg, table, NULL), *list = "", *given = "", *from;

	for (unsigned i = 0; i < count; i++) {
		list = pg_text(pg, "%s%s%s", list, i > 0 ? ", " : "", compared(pg, fields[i]));
		given = pg_text(pg, "%s%s IS NOT NULL AND ", given,
				pg_name(pg, md_def_column(fields[i])));
	}
	from = pg_text(pg,
		       "(SELECT \"_modeld_key\", count(*) OVER (PARTITION BY %s) AS "
		       "\"_modeld_count\" FROM %s AS %s WHERE %s(%s))",
		       list, pg_shape(pg, table), pg_name(pg, object), given,
		       where ? where : "true");
	pg_check_data(pg, object, limited(pg, table, from, "\"_modeld_count\" > 1"),
		      pg_text(pg, "rows of %s have the same values, \"%s\" wants them unique",
			      object, name),
		      "correct these rows first, or in an operation \"sql\" before the change",
		      "23505");
}

void pg_ask_target(struct pg *pg, const struct pg_table *table,
		   const struct md_def_foreign_key *key)
{
	const struct pg_table *target = pg_table_of(pg, key->to);
	const char *given = "", *same = "", *from, *object = pg_object(pg, table, NULL);

	for (unsigned i = 0; i < key->count; i++) {
		const char *column = pg_text(pg, "%s.%s", pg_name(pg, object),
					     pg_name(pg, md_def_column(key->fields[i])));

		given = pg_text(pg, "%s%s IS NOT NULL AND ", given, column);
		same = pg_text(pg, "%s%s_modeld_to.%s = %s", same, i > 0 ? " AND " : "",
			       pg_name(pg, md_def_column(key->targets[i])), column);
	}
	from = target && !target->created ? pg_shape(pg, target) : pg_name(pg, key->to->table);
	same = target && target->created
		       ? "true"
		       : pg_text(pg, "NOT EXISTS (SELECT 1 FROM %s AS _modeld_to WHERE %s)", from,
				 same);
	pg_check_data(pg, object,
		      limited(pg, table, pg_shape(pg, table), pg_text(pg, "%s%s", given, same)),
		      pg_text(pg, "rows of %s refer to rows of %s that do not exist (\"%s\")",
			      object, key->to->table, key->name),
		      "correct these rows first, or in an operation \"sql\" before the change",
		      "23503");
}
