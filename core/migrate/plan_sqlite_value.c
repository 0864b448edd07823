/* What the rows that are there get in each column of a table that is made anew. */
#include <strings.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

const char *md_lite_source_column(struct md_lite *lite, const struct md_lite_source *source,
				  const struct md_column_pair *column)
{
	char name[MD_KEPT_NAME];

	if (source->renamed)
		return md_lite_has_column(source->table, md_def_column(column->after))
			       ? md_def_column(column->after)
			       : NULL;
	if (column->before)
		return md_def_column(column->before);
	md_kept_name(lite->work->request->revision, md_def_column(column->after), name);
	return md_lite_has_column(source->table, name)
		       ? md_arena_strndup(lite->arena, name, strlen(name))
		       : NULL;
}

/* --- fillers -----------------------------------------------------------------------------------
 */

/* As a default would be written; nothing: there is none. */
static void put_given(struct md_lite *lite, struct md_buf *sql, const struct md_def_field *field,
		      const struct md_def_default *value)
{
	struct md_def_field copy = *field;

	copy.value = *value;
	md_ddl_put_default(lite->dialect, sql, &copy);
}

/* A backfill goes before the default. */
static void put_filler(struct md_lite *lite, struct md_buf *sql, const struct md_def_field *field)
{
	size_t before = sql->len;

	put_given(lite, sql, field, &field->backfill);
	if (sql->len == before)
		put_given(lite, sql, field, &field->value);
}

bool md_lite_has_filler(const struct md_lite *lite, const struct md_column_pair *column)
{
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);
	struct md_lite local = *lite;

	put_filler(&local, &sql, column->after);
	return md_lite_wrote(lite, &sql);
}

static bool has_backfill(const struct md_lite *lite, const struct md_def_field *field)
{
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);
	struct md_lite local = *lite;

	put_given(&local, &sql, field, &field->backfill);
	return md_lite_wrote(lite, &sql);
}

/* --- values ------------------------------------------------------------------------------------
 */

static void put_old(struct md_lite *lite, struct md_buf *sql, const struct md_column_pair *column,
		    const char *name)
{
	const char *quoted = md_lite_quote(lite, name);

	if (column->before)
		md_lite_put_cast(lite, sql, md_lite_cast(column->before, column->after).expression,
				 column->before, column->after, quoted);
	else
		md_buf_puts(sql, quoted);
}

bool md_lite_put_value(struct md_lite *lite, struct md_buf *sql,
		       const struct md_lite_source *source, const struct md_column_pair *column)
{
	const struct md_def_field *field = column->after;
	const char *name = md_lite_source_column(lite, source, column);
	md_auto_buf filler = MD_BUF(MD_LITE_SQL);
	bool fills;

	if (field->is_generated || (!name && field->identity))
		return false;
	put_filler(lite, &filler, field);
	md_buf_inherit(sql, &filler);
	if (!name) {
		md_buf_puts(sql, filler.len > 0 ? md_buf_text(&filler) : "NULL");
		return true;
	}
	fills = filler.len > 0 &&
		(has_backfill(lite, field) ||
		 (!field->nullable && (!column->before || column->before->nullable)));
	md_buf_puts(sql, fills ? "coalesce(" : "");
	put_old(lite, sql, column, name);
	if (fills)
		md_buf_printf(sql, ", %s)", md_buf_text(&filler));
	return true;
}

/* --- where they come from ----------------------------------------------------------------------
 */

const char *md_lite_rowid(const struct md_catalog_table *table)
{
	static const char *const names[] = { "_rowid_", "rowid", "oid" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool taken = false;

		for (unsigned k = 0; k < table->column_count; k++)
			taken = taken || strcasecmp(table->columns[k].name, names[i]) == 0;
		if (!taken)
			return names[i];
	}
	return NULL;
}

static bool has_sql(const struct md_lite *lite, const struct md_model_pair *pair)
{
	for (unsigned i = 0; i < pair->column_count; i++)
		if (pair->columns[i].after &&
		    md_ddl_own_sql(lite->dialect, &pair->columns[i].after->backfill.sql))
			return true;
	return false;
}

/* The names that a column has not in the source: what it was called before, or what it is to be. */
static void put_alias(struct md_lite *lite, struct md_buf *sql, const struct md_lite_source *source,
		      const struct md_column_pair *column)
{
	const char *there = NULL, *other = NULL;
	char kept[MD_KEPT_NAME];

	if (!column->after) {
		md_kept_name(lite->work->request->revision, md_def_column(column->before), kept);
		there = kept;
		other = md_def_column(column->before);
	} else if (column->before && (column->changed & MD_COLUMN_NAME)) {
		there = md_def_column(source->renamed ? column->after : column->before);
		other = md_def_column(source->renamed ? column->before : column->after);
	}
	if (there && md_lite_has_column(source->table, there) &&
	    !md_lite_has_column(source->table, other))
		md_buf_printf(sql, ", %s AS %s", md_lite_quote(lite, there),
			      md_lite_quote(lite, other));
}

void md_lite_put_from(struct md_lite *lite, struct md_buf *sql, const struct md_lite_source *source,
		      const char *rowid)
{
	const char *table = md_lite_quote(lite, source->table->name);

	if (!has_sql(lite, source->pair)) {
		md_buf_puts(sql, table);
		return;
	}
	md_buf_puts(sql, "(SELECT *");
	if (rowid)
		md_buf_printf(sql, ", %s AS %s", rowid, rowid);
	for (unsigned i = 0; i < source->pair->column_count; i++)
		put_alias(lite, sql, source, &source->pair->columns[i]);
	md_buf_printf(sql, " FROM %s)", table);
}
