/* Columns: what comes, goes, and changes. */
#include <string.h>

#include "core/migrate/ddl_postgres.h"
#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

#define ALL "ACCESS EXCLUSIVE"

/* --- pieces ------------------------------------------------------------------------------------
 */

static const char *fallback(struct pg *pg, const struct md_def_field *field)
{
	return field->is_generated ? "" : pg_put(pg, md_ddl_put_default, field);
}

static const char *table_name(struct pg *pg, const struct pg_table *table)
{
	return pg_name(pg, table->name);
}

/* One more piece of the ALTER TABLE that writes the table anew. */
static void add_rewrite(struct pg *pg, struct pg_table *table, const struct pg_column *column,
			const char *what, const char *piece)
{
	table->rewrite = table->rewrite ? pg_text(pg, "%s,\n  %s", table->rewrite, piece) : piece;
	table->rewrite_object = table->rewrite_what ? pg_object(pg, table, NULL)
						    : pg_object(pg, table, column->name);
	table->rewrite_what =
		table->rewrite_what ? pg_text(pg, "%s, %s", table->rewrite_what, what) : what;
}

static void put_comment(struct pg *pg, enum pg_phase phase, const struct pg_table *table,
			const struct pg_column *column)
{
	const char *text = column->after->description;
	const char *object = pg_object(pg, table, column->name);
	struct md_step *step = pg_step(pg, phase, "SHARE UPDATE EXCLUSIVE", object,
				       pg_text(pg, "comment on %s", object));

	pg_sql(pg, step,
	       pg_text(pg, "COMMENT ON COLUMN %s.%s IS %s", table_name(pg, table),
		       pg_name(pg, column->name), text ? pg_literal(pg, text) : "NULL"));
}

#define REMAINING "SELECT count(*) FROM %s WHERE %s IS NULL AND (%s) IS NOT NULL"

static struct md_step *put_fill(struct pg *pg, enum pg_phase phase, const struct pg_table *table,
				const struct pg_column *column, const char *what)
{
	const char *name = table_name(pg, table), *c = pg_name(pg, column->name);
	const char *object = pg_object(pg, table, column->name);
	struct md_step *step = pg_step(pg, phase, "ROW EXCLUSIVE", object,
				       pg_text(pg, "fill %s %s", object, what));

	pg_sql(pg, step,
	       pg_text(pg,
		       "UPDATE %s SET %s = %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE "
		       "%s IS NULL AND (%s) IS NOT NULL AND ctid >= '({from},0)'::tid AND ctid < "
		       "'({to},0)'::tid LIMIT {batch})) AND %s IS NULL",
		       name, c, column->fill, name, c, column->fill, c));
	step->rows = table->rows;
	step->blocks = pg_text(pg,
			       "SELECT pg_catalog.pg_relation_size(%s::regclass) / "
			       "pg_catalog.current_setting('block_size')::bigint",
			       pg_literal(pg, name));
	return step;
}

void pg_put_fill(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	struct md_step *step = put_fill(pg, PG_FILL, table, column, "where it is null");

	step->remaining = pg_text(pg, REMAINING, table_name(pg, table), pg_name(pg, column->name),
				  column->fill);
}

/* NOT NULL without reading the table under a lock: a check that holds for what comes, then is
 * proved for what is there, which spares SET NOT NULL its own look. */
static void set_not_null(struct pg *pg, const struct pg_table *table,
			 const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name), *c = pg_name(pg, column->name);
	const char *helper = pg_name(pg, pg_temporary(pg, column->name));
	struct md_step *step;

	step = pg_step(pg, PG_CHECKS, ALL, object,
		       pg_text(pg, "let %s not be null in new rows", object));
	pg_alter(pg, step, table->name, "ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID",
		 helper, c);
	if (column->fill) /* at once: the check lets nobody change such a row */
		put_fill(pg, PG_FILL_REST, table, column, "in rows that came meanwhile")->rows = -1;
	step = pg_step(pg, PG_VALIDATE, "SHARE UPDATE EXCLUSIVE", object,
		       pg_text(pg, "see that no row has null in %s", object));
	pg_alter(pg, step, table->name, "VALIDATE CONSTRAINT %s", helper);
	pg_long(step, table);
	step = pg_step(pg, PG_FINISH, ALL, object, pg_text(pg, "set %s not null", object));
	pg_alter(pg, step, table->name, "ALTER COLUMN %s SET NOT NULL", c);
	pg_alter(pg, step, table->name, "DROP CONSTRAINT %s", helper);
}

static void must_not_be_null(struct pg *pg, const struct pg_table *table,
			     const struct pg_column *column)
{
	if (!column->fill)
		pg_ask_null(pg, table, column);
	else if (!column->fill_is_constant &&
		 md_ddl_own_sql(&md_postgres_ddl, &column->after->backfill.sql))
		pg_ask_fill(pg, table, column);
	if (column->fill)
		pg_put_fill(pg, table, column);
	set_not_null(pg, table, column);
}

static void set_default(struct pg *pg, const struct pg_table *table, struct md_step *step,
			const struct pg_column *column)
{
	const char *value = fallback(pg, column->after), *c = pg_name(pg, column->name);

	if (*value)
		pg_alter(pg, step, table->name, "ALTER COLUMN %s SET DEFAULT %s", c, value);
	else
		pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP DEFAULT", c);
}

/* --- new columns -------------------------------------------------------------------------------
 */

static const char *plain(struct pg *pg, const struct pg_column *column)
{
	return pg_text(pg, "%s %s%s", pg_name(pg, column->name),
		       pg_put(pg, md_ddl_put_type, column->after),
		       pg_put(pg, md_ddl_put_collation, column->after));
}

static const char *generated(struct pg *pg, const struct pg_column *column)
{
	return pg_text(pg, "ADD COLUMN %s%s%s", plain(pg, column),
		       pg_put(pg, md_ddl_put_generated, column->after),
		       column->after->nullable ? "" : " NOT NULL");
}

static void add_column(struct pg *pg, struct pg_table *table, const struct pg_column *column)
{
	const struct md_def_field *after = column->after;
	const char *object = pg_object(pg, table, column->name), *value = fallback(pg, after);
	const char *what = pg_text(pg, "add column %s to %s", column->name, table->name);
	bool at_once = column->fill_is_constant || !column->fill, must = !after->nullable;
	struct md_step *step;

	if (after->is_generated || after->identity) {
		add_rewrite(
			pg, table, column, what,
			after->is_generated
				? generated(pg, column)
				: pg_text(pg,
					  "ADD COLUMN %s NOT NULL GENERATED BY DEFAULT AS IDENTITY",
					  plain(pg, column)));
		return;
	}
	step = pg_step(pg, PG_COLUMNS, ALL, object, what);
	pg_alter(pg, step, table->name, "ADD COLUMN %s%s%s%s", plain(pg, column),
		 must && at_once ? " NOT NULL" : "", column->fill && at_once ? " DEFAULT " : "",
		 column->fill && at_once ? column->fill : "");
	if (strcmp(column->fill && at_once ? column->fill : "", value) != 0)
		set_default(pg, table, step, column);
	if (must && !column->fill)
		pg_ask_no_rows(pg, table, column);
	if (at_once)
		return;
	if (must)
		must_not_be_null(pg, table, column);
	else
		pg_put_fill(pg, table, column);
}

const char *pg_counter(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	return pg_name(pg, pg_temporary(pg, pg_object(pg, table, column->name)));
}

static void add_identity(struct pg *pg, const struct pg_table *table,
			 const struct pg_column *column)
{
	const char *c = pg_name(pg, column->name), *name = table_name(pg, table);
	const char *object = pg_object(pg, table, column->name);
	struct md_step *step = pg_step(pg, PG_FINISH, ALL, object,
				       pg_text(pg, "let the database count %s", object));

	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP DEFAULT", c);
	pg_alter(pg, step, table->name, "ALTER COLUMN %s ADD GENERATED BY DEFAULT AS IDENTITY", c);
	pg_sql(pg, step,
	       pg_text(pg,
		       "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, %s), "
		       "greatest(coalesce(max(%s), 0), 0) + 1, false) FROM %s",
		       pg_literal(pg, name), pg_literal(pg, column->name), c, name));
}

/* Rows that came in between get numbers first, behind those that are there. */
static void count_again(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);
	const char *counter = pg_counter(pg, table, column), *c = pg_name(pg, column->name);
	struct md_step *step = pg_step(pg, PG_COLUMNS, NULL, object,
				       pg_text(pg, "find the next number of %s", object));

	pg_sql(pg, step, pg_text(pg, "CREATE SEQUENCE %s", counter));
	pg_sql(pg, step,
	       pg_text(pg,
		       "SELECT pg_catalog.setval(%s, greatest(coalesce(max(%s), 0), 0) + 1, false) "
		       "FROM %s",
		       pg_literal(pg, counter), c, table_name(pg, table)));
	must_not_be_null(pg, table, column);
	add_identity(pg, table, column);
	step = pg_step(pg, PG_FINISH, NULL, object,
		       pg_text(pg, "forget the next number of %s", object));
	pg_sql(pg, step, pg_text(pg, "DROP SEQUENCE %s", counter));
}

static void plan_new(struct pg *pg, struct pg_table *table, const struct pg_column *column)
{
	if (!column->was) {
		add_column(pg, table, column);
	} else if (column->after->identity) {
		count_again(pg, table, column);
	} else if (!column->after->is_generated) {
		struct md_step *step =
			pg_step(pg, PG_COLUMNS, ALL, pg_object(pg, table, column->name),
				pg_text(pg, "default of %s.%s", table->name, column->name));

		set_default(pg, table, step, column);
		if (!column->after->nullable)
			must_not_be_null(pg, table, column);
	}
	if (column->after->description)
		put_comment(pg,
			    column->after->is_generated || column->after->identity ? PG_FINISH
										   : PG_COLUMNS,
			    table, column);
}

/* --- dropped columns ---------------------------------------------------------------------------
 */

static bool is_in_old_key(const struct pg_table *table, const struct md_def_field *field)
{
	const struct md_def_model *before = table->pair->before;

	for (unsigned i = 0; before && i < before->key_count; i++)
		if (before->key[i] == field)
			return true;
	return false;
}

static void drop_for_good(struct pg *pg, const struct pg_table *table,
			  const struct pg_column *column)
{
	const char *object = pg_text(pg, "%s.%s", table->was, column->was);
	bool made = column->before->is_generated;
	struct md_step *step = pg_step(pg, made ? PG_COLUMNS : PG_ASIDE, ALL, object,
				       pg_text(pg, "drop column %s", object));

	pg_alter(pg, step, table->name, "DROP COLUMN %s", pg_name(pg, column->was));
	if (made)
		return;
	step->reversible = false;
	step->risk = MD_RISK_LOSS;
	step->at_risk = pg_text(pg, "the values of %s are gone for good", object);
}

static void put_aside(struct pg *pg, const struct pg_table *table, const struct pg_column *column,
		      bool renamed)
{
	const char *object = pg_text(pg, "%s.%s", table->was, column->was);
	const char *c = pg_name(pg, renamed ? column->name : column->was);
	struct md_step *step =
		pg_step(pg, PG_ASIDE, ALL, object,
			pg_text(pg, "put column %s aside as %s", object, column->name));

	if (column->before->identity)
		pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP IDENTITY IF EXISTS", c);
	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP DEFAULT", c);
	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP NOT NULL", c);
	if (!renamed)
		pg_alter(pg, step, table->name, "RENAME COLUMN %s TO %s", c,
			 pg_name(pg, column->name));
	step->risk = MD_RISK_KEPT;
	step->at_risk = pg_text(pg, "the values of %s are kept as %s until they are purged", object,
				column->name);
}

/* Whether its name is needed at once. */
static bool is_in_the_way(const struct pg_table *table, const struct pg_column *column)
{
	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct pg_column *other = &table->columns[i];

		if (other != column && other->after && strcmp(other->name, column->was) == 0)
			return true;
	}
	return false;
}

static void plan_dropped(struct pg *pg, const struct pg_table *table,
			 const struct pg_column *column)
{
	bool early = is_in_the_way(table, column);
	struct md_step *step;

	if (pg->work->request->forget || column->before->is_generated) {
		drop_for_good(pg, table, column);
		return;
	}
	if (early) {
		step = pg_step(pg, PG_RENAME, ALL, pg_text(pg, "%s.%s", table->was, column->was),
			       pg_text(pg, "make room for another column %s", column->was));
		pg_alter(pg, step, table->name, "RENAME COLUMN %s TO %s", pg_name(pg, column->was),
			 pg_name(pg, column->name));
	}
	put_aside(pg, table, column, early);
}

/* --- columns that stay -------------------------------------------------------------------------
 */

/* Names in a circle go by way of another. */
static void rename_columns(struct pg *pg, const struct pg_table *table)
{
	for (unsigned turn = 0; turn < 2; turn++)
		for (unsigned i = 0; i < table->pair->column_count; i++) {
			const struct pg_column *column = &table->columns[i];
			const char *from = column->was, *to = column->name;
			struct md_step *step;
			bool taken;

			if (!column->after || !from || strcmp(from, to) == 0)
				continue;
			taken = is_in_the_way(table, column); /* others want the name it has */
			if (turn == 0 && !taken)
				continue;
			if (turn == 0)
				to = pg_temporary(pg, to);
			else if (taken)
				from = pg_temporary(pg, to);
			step = pg_step(pg, PG_RENAME, ALL, pg_object(pg, table, column->name),
				       pg_text(pg, "rename column %s to %s", from, to));
			pg_alter(pg, step, table->name, "RENAME COLUMN %s TO %s", pg_name(pg, from),
				 pg_name(pg, to));
		}
}

static const char *type_pieces(struct pg *pg, const struct pg_column *column)
{
	const char *c = pg_name(pg, column->name), *value = fallback(pg, column->after);
	/* The expression speaks of the old name. */
	struct pg_conversion way = pg_convert(pg, column->before, column->after, c);
	const char *sql = *fallback(pg, column->before)
				  ? pg_text(pg, "ALTER COLUMN %s DROP DEFAULT, ", c)
				  : "";

	sql = pg_text(pg, "%sALTER COLUMN %s TYPE %s%s", sql, c,
		      pg_put(pg, md_ddl_put_type, column->after),
		      pg_put(pg, md_ddl_put_collation, column->after));
	if (way.using)
		sql = pg_text(pg, "%s USING %s", sql, way.using);
	if (*value)
		sql = pg_text(pg, "%s, ALTER COLUMN %s SET DEFAULT %s", sql, c, value);
	return sql;
}

static void change_type(struct pg *pg, struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);
	const char *what = pg_text(pg, "change the type of %s from %s to %s", object,
				   pg_put(pg, md_ddl_put_type, column->before),
				   pg_put(pg, md_ddl_put_type, column->after));
	bool label = column->type.change == PG_TYPE_LABEL;
	struct md_step *step;

	pg_ask_types(pg, table, column);
	if (column->type.change == PG_TYPE_REWRITE) {
		add_rewrite(pg, table, column, what, type_pieces(pg, column));
		return;
	}
	step = pg_step(pg, label ? PG_COLUMNS : PG_REWRITE, ALL, object, what);
	if (!label) {
		pg_sql(pg, step, "SET LOCAL TimeZone = 'UTC'");
		pg_long(step, table);
	}
	pg_alter(pg, step, table->name, "%s", type_pieces(pg, column));
}

static void remake(struct pg *pg, struct pg_table *table, const struct pg_column *column)
{
	bool loses = !column->before->is_generated;

	add_rewrite(pg, table, column,
		    pg_text(pg, "make generated column %s.%s anew", table->name, column->name),
		    pg_text(pg, "DROP COLUMN %s,\n  %s", pg_name(pg, column->name),
			    generated(pg, column)));
	if (column->after->description)
		put_comment(pg, PG_FINISH, table, column);
	if (loses)
		table->rewrite_loses =
			pg_text(pg, "the values of %s.%s are replaced by what the expression gives",
				table->was, column->was);
}

static void drop_identity(struct pg *pg, const struct pg_table *table,
			  const struct pg_column *column)
{
	const char *c = pg_name(pg, column->name);
	const char *object = pg_object(pg, table, column->name);
	struct md_step *step = pg_step(pg, PG_COLUMNS, ALL, object,
				       pg_text(pg, "let the database no longer count %s", object));

	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP IDENTITY IF EXISTS", c);
	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP DEFAULT", c);
	if (*fallback(pg, column->after) && column->type.change == PG_TYPE_SAME)
		set_default(pg, table, step, column);
}

static void drop_expression(struct pg *pg, const struct pg_table *table,
			    const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);
	struct md_step *step =
		pg_step(pg, PG_COLUMNS, ALL, object,
			pg_text(pg, "let %s no longer be generated, values stay", object));

	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP EXPRESSION",
		 pg_name(pg, column->name));
	if (*fallback(pg, column->after) && column->type.change == PG_TYPE_SAME)
		set_default(pg, table, step, column);
}

static void change_default(struct pg *pg, const struct pg_table *table,
			   const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);

	set_default(pg, table,
		    pg_step(pg, PG_COLUMNS, ALL, object,
			    pg_text(pg, "%s the default of %s",
				    *fallback(pg, column->after) ? "set" : "drop", object)),
		    column);
}

static void change_null(struct pg *pg, const struct pg_table *table, const struct pg_column *column)
{
	const char *object = pg_object(pg, table, column->name);
	struct md_step *step;

	if (!column->after->nullable) {
		must_not_be_null(pg, table, column);
		return;
	}
	step = pg_step(pg, is_in_old_key(table, column->before) ? PG_ASIDE : PG_COLUMNS, ALL,
		       object, pg_text(pg, "let %s be null", object));
	pg_alter(pg, step, table->name, "ALTER COLUMN %s DROP NOT NULL", pg_name(pg, column->name));
}

static void plan_both(struct pg *pg, struct pg_table *table, const struct pg_column *column)
{
	unsigned changed = column->pair->changed;
	const struct md_def_field *before = column->before, *after = column->after;

	if (column->remade) {
		remake(pg, table, column);
		return;
	}
	if ((changed & MD_COLUMN_GENERATED) && before->is_generated)
		drop_expression(pg, table, column);
	if (before->identity && !after->identity)
		drop_identity(pg, table, column);
	if (column->type.change != PG_TYPE_SAME)
		change_type(pg, table, column);
	else if ((changed & MD_COLUMN_DEFAULT) && !after->identity && !before->identity &&
		 !before->is_generated && strcmp(fallback(pg, before), fallback(pg, after)) != 0)
		change_default(pg, table, column);
	if (before->nullable != after->nullable)
		change_null(pg, table, column);
	if (!before->identity && after->identity)
		add_identity(pg, table, column);
	if (changed & MD_COLUMN_COMMENT)
		put_comment(pg, PG_COLUMNS, table, column);
}

static void make_nocase(struct pg *pg, const struct pg_table *table)
{
	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct md_def_field *after = table->columns[i].after;
		const struct md_def_field *before = table->columns[i].before;
		struct md_step *step;

		if (!after || after->collate != MD_DEF_NOCASE ||
		    (before && before->collate == MD_DEF_NOCASE))
			continue;
		step = pg_step(pg, PG_COLUMNS, NULL, pg_object(pg, table, NULL),
			       "make the collation of texts without case");
		pg_sql(pg, step, md_postgres_nocase_sql);
		return;
	}
}

static void flush_rewrite(struct pg *pg, const struct pg_table *table)
{
	struct md_step *step;

	if (!table->rewrite)
		return;
	step = pg_step(pg, PG_REWRITE, ALL, table->rewrite_object, table->rewrite_what);
	pg_sql(pg, step, "SET LOCAL TimeZone = 'UTC'");
	pg_alter(pg, step, table->name, "%s", table->rewrite);
	pg_long(step, table);
	step->rewrites = true;
	if (!table->rewrite_loses)
		return;
	step->risk = MD_RISK_LOSS;
	step->at_risk = table->rewrite_loses;
	step->reversible = false;
}

void pg_plan_columns(struct pg *pg, struct pg_table *table)
{
	unsigned count = table->pair->column_count;

	if (table->created || table->dropped)
		return;
	make_nocase(pg, table);
	for (unsigned i = 0; i < count; i++)
		if (!table->columns[i].after)
			plan_dropped(pg, table, &table->columns[i]);
	rename_columns(pg, table);
	for (unsigned i = 0; i < count; i++) {
		struct pg_column *column = &table->columns[i];

		if (column->before && column->after)
			plan_both(pg, table, column);
		else if (column->after && !table->restored)
			plan_new(pg, table, column);
	}
	flush_rewrite(pg, table);
}
