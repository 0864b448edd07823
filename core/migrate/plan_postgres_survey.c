/* What becomes of each column: found out before anything is planned, so that tables can look at
 * each other. */
#include <string.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

/* As md_uuid7: milliseconds in front, then the version, the rest is random. */
#define UUID7                                                                                     \
	"overlay(overlay(replace(gen_random_uuid()::text, '-', '') placing lpad(to_hex((extract(" \
	"epoch from clock_timestamp()) * 1000)::bigint), 12, '0') from 1 for 12) placing '7'"     \
	" from 13 for 1)::uuid"

/* --- survey ------------------------------------------------------------------------------------
 */

const char *pg_fill_expression(struct pg *pg, const struct md_def_field *field,
			       const struct md_def_default *value)
{
	struct md_def_field copy = *field;
	const char *sql;

	copy.value = *value;
	sql = pg_put(pg, md_ddl_put_default, &copy);
	if (*sql == '\0' && value->fn == MD_DEF_UUID7)
		sql = field->type == MD_DEF_UUID ? UUID7 : "(" UUID7 ")::text";
	return *sql ? sql : NULL;
}

static bool is_given(const struct md_def_default *value)
{
	return value->literal.kind != MD_DEF_NO_VALUE || value->fn != MD_DEF_FN_NONE ||
	       md_ddl_own_sql(&md_postgres_ddl, &value->sql);
}

/* One value for all rows, or evaluated for each? A default of a user cannot speak of columns, but
 * calls of functions may be anything. */
static bool is_constant(const struct md_def_default *value, bool backfill)
{
	const char *own = md_ddl_own_sql(&md_postgres_ddl, &value->sql);

	if (own)
		return !backfill && !strchr(own, '(');
	return value->literal.kind != MD_DEF_NO_VALUE || value->fn == MD_DEF_NOW ||
	       value->fn == MD_DEF_TODAY;
}

/* Rows without a value get one when the column is new, or must have one now. */
static void survey_fill(struct pg *pg, const struct pg_table *table, struct pg_column *column)
{
	const struct md_def_field *after = column->after, *before = column->before;
	bool backfill = is_given(&after->backfill);
	const struct md_def_default *value = backfill ? &after->backfill : &after->value;
	bool must = !after->nullable && (!before || before->nullable);

	if (column->restored && after->identity) {
		column->fill =
			pg_text(pg, "nextval(%s)", pg_literal(pg, pg_counter(pg, table, column)));
		return;
	}
	if (after->is_generated || after->identity || (column->was && !must))
		return;
	column->fill = pg_fill_expression(pg, after, value);
	column->fill_is_constant = column->fill && is_constant(value, backfill);
}

static void survey_new(struct pg *pg, const struct pg_table *table, struct pg_column *column)
{
	char kept[MD_KEPT_NAME];

	column->name = md_def_column(column->after);
	md_kept_name(pg->work->request->revision, column->name, kept);
	if (table->restored)
		column->was = column->name;
	else if (table->was && pg_live_kept(pg, table->was, kept))
		column->was = pg_text(pg, "%s", kept);
	column->restored = column->was && !table->restored;
}

static void survey_dropped(struct pg *pg, const struct pg_table *table, struct pg_column *column)
{
	char kept[MD_KEPT_NAME];

	column->was = md_def_column(column->before);
	md_kept_name(pg->work->request->revision, column->was, kept);
	column->name = pg_text(pg, "%s", kept);
	if (pg->work->request->forget || column->before->is_generated)
		pg_live_dependents(pg, table, column->was, "dropping");
}

static void survey_both(struct pg *pg, struct pg_column *column)
{
	const struct md_def_field *before = column->before, *after = column->after;

	column->was = md_def_column(before);
	column->name = md_def_column(after);
	if (column->pair->changed & MD_COLUMN_GENERATED)
		column->remade = after->is_generated;
	if (!column->remade)
		column->type = pg_convert(pg, before, after, pg_name(pg, column->was));
	if (after->is_generated && column->type.change != PG_TYPE_SAME)
		column->remade = true;
	if (column->remade)
		column->type = (struct pg_conversion){ .change = PG_TYPE_SAME };
}

/* A generated column cannot stay when the type of what it is made of changes. */
static bool is_made_of_changed(const struct pg_table *table, const struct pg_column *column)
{
	const char *own = md_ddl_own_sql(&md_postgres_ddl, &column->before->generated);

	for (unsigned i = 0; own && i < table->pair->column_count; i++) {
		const struct pg_column *other = &table->columns[i];

		if (other != column && other->before && other->type.change != PG_TYPE_SAME &&
		    pg_mentions(own, other->was))
			return true;
	}
	return false;
}

void pg_survey_columns(struct pg *pg, struct pg_table *table)
{
	unsigned count = table->pair->column_count;

	table->columns = md_arena_zalloc(pg->arena, (count + 1) * sizeof(*table->columns));
	if (!table->columns) {
		pg->work->failed = true;
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct pg_column *column = &table->columns[i];

		column->pair = &table->pair->columns[i];
		column->before = column->pair->before;
		column->after = column->pair->after;
		if (!column->before)
			survey_new(pg, table, column);
		else if (!column->after)
			survey_dropped(pg, table, column);
		else
			survey_both(pg, column);
		if (column->after)
			survey_fill(pg, table, column);
	}
	for (unsigned i = 0; i < count; i++) {
		struct pg_column *column = &table->columns[i];

		if (column->before && column->after && column->after->is_generated)
			column->remade |= is_made_of_changed(table, column);
		if (column->before && column->after &&
		    (column->remade || column->type.change != PG_TYPE_SAME))
			pg_live_dependents(pg, table, column->was, "changing the type of");
	}
}
