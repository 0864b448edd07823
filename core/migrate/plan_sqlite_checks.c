/* What the data must be before a table is changed: questions to the database as it is now, in terms
 * of what each row would be afterwards. */
#include <stdio.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

#define KEY "\"_modeld_key\""

struct check {
	struct md_lite *lite;
	const struct md_model_pair *pair;
	struct md_lite_source source;
	const char *rows; /* a sub-select: KEY, and all columns as they are to be */
	const char *key;  /* an expression on the table */
	bool generates;   /* some columns of afterwards are not in it */
};

/* One question; the shadow, which is as the database is, says whether it can be asked. */
static void add(struct check *check, const char *object, const char *wire, const char *sql,
		const char *message, const char *hint)
{
	struct md_data_check *one;

	if (md_lite_failed(check->lite) || !md_lite_takes(check->lite, sql))
		return;
	one = md_plan_add_check(check->lite->work);
	if (!one)
		return;
	*one = (struct md_data_check){ object, sql, message, hint, wire };
}

static const char *object_of(struct check *check, const struct md_def_field *field)
{
	return md_lite_printf(check->lite, "%s.%s", check->pair->after->table,
			      md_def_column(field));
}

static const char *limited(struct check *check, const char *condition)
{
	return md_lite_printf(check->lite, "SELECT " KEY " FROM %s WHERE %s LIMIT %d", check->rows,
			      condition, MD_CHECK_KEYS + 1);
}

/* --- rows as they are to be --------------------------------------------------------------------
 */

static const char *key_of(struct check *check)
{
	const struct md_def_model *model = check->pair->before;
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);

	for (unsigned i = 0; i < model->key_count; i++)
		md_buf_printf(&sql, "%sCAST(%s AS TEXT)", i > 0 ? " || ',' || " : "",
			      md_lite_quote(check->lite, md_def_column(model->key[i])));
	if (model->key_count == 0)
		md_buf_puts(&sql, "CAST(_rowid_ AS TEXT)");
	return md_plan_keep(check->lite->work, &sql);
}

static const char *rows_of(struct check *check)
{
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);

	md_buf_printf(&sql, "(SELECT %s AS " KEY, check->key);
	for (unsigned i = 0; i < check->pair->column_count; i++) {
		const struct md_column_pair *column = &check->pair->columns[i];
		md_auto_buf value = MD_BUF(MD_LITE_SQL);

		if (!column->after)
			continue;
		if (!md_lite_put_value(check->lite, &value, &check->source, column)) {
			check->generates = true;
			continue;
		}
		md_buf_inherit(&sql, &value);
		md_buf_printf(&sql, ", %s AS %s", value.failed ? "" : md_buf_text(&value),
			      md_lite_quote(check->lite, md_def_column(column->after)));
	}
	md_buf_puts(&sql, " FROM ");
	md_lite_put_from(check->lite, &sql, &check->source,
			 check->pair->before->key_count == 0 ? "_rowid_" : NULL);
	md_buf_putc(&sql, ')');
	return md_plan_keep(check->lite->work, &sql);
}

/* --- columns -----------------------------------------------------------------------------------
 */

/* Values that have no counterpart in the new type. */
static void check_cast(struct check *check, const struct md_column_pair *column)
{
	const struct md_lite_cast cast = md_lite_cast(column->before, column->after);
	md_auto_buf bad = MD_BUF(MD_LITE_SQL);
	const char *sql;

	if (!cast.bad)
		return;
	md_lite_put_cast(check->lite, &bad, cast.bad, column->before, column->after,
			 md_lite_quote(check->lite, md_def_column(column->before)));
	sql = md_lite_printf(check->lite,
			     "SELECT %s FROM %s WHERE %s IS NOT NULL AND (%s) LIMIT %d", check->key,
			     md_lite_quote(check->lite, check->source.table->name),
			     md_lite_quote(check->lite, md_def_column(column->before)),
			     md_plan_keep(check->lite->work, &bad), MD_CHECK_KEYS + 1);
	add(check, object_of(check, column->after), "22P02", sql,
	    md_lite_printf(check->lite, "%s has values that cannot become %s",
			   object_of(check, column->after), md_lite_type_name(column->after->type)),
	    "change those rows first, for example by an operation \"sql\" in front");
}

static void check_null(struct check *check, const struct md_column_pair *column)
{
	static const char ways[] =
		"give the field a default, or a backfill for the rows that are there, or let it be "
		"null and fill it by a revision of its own";
	const struct md_def_field *field = column->after;
	const char *object = object_of(check, field);
	bool is_new =
		!column->before && !md_lite_source_column(check->lite, &check->source, column);

	if (field->nullable || field->is_generated || field->identity ||
	    (column->before && !column->before->nullable) ||
	    md_lite_has_filler(check->lite, column))
		return;
	add(check, object, "23502",
	    limited(check, md_lite_printf(check->lite, "%s IS NULL",
					  md_lite_quote(check->lite, md_def_column(field)))),
	    md_lite_printf(check->lite, "%s %s", object,
			   is_new ? "would be null in the rows that are there"
				  : "is null in some rows"),
	    ways);
}

static void check_rule(struct check *check, const struct md_column_pair *column)
{
	const struct md_def_field *field = column->after;
	const char *object = object_of(check, field);
	md_auto_buf rule = MD_BUF(MD_LITE_SQL);
	const char *what = "the rules of the field do not allow";

	md_ddl_put_rule(check->lite->dialect, &rule, field);
	if (!md_lite_wrote(check->lite, &rule) || field->is_generated)
		return;
	if (column->before && (column->changed & MD_COLUMN_LABELS))
		what = "are no longer labels";
	else if (column->before && column->before->type == field->type &&
		 (column->changed & MD_COLUMN_LENGTH))
		what = "are too long";
	add(check, object, "23514",
	    limited(check, md_lite_printf(check->lite, "NOT (%s)",
					  md_plan_keep(check->lite->work, &rule))),
	    md_lite_printf(check->lite, "%s has values that %s", object, what),
	    "change those rows first, for example by an operation \"sql\" in front");
}

static void check_column(struct check *check, const struct md_column_pair *column)
{
	if (!column->after)
		return;
	if (column->before && (column->changed & MD_COLUMN_TYPE))
		check_cast(check, column);
	if (!column->before || (column->changed & MD_COLUMN_NULL))
		check_null(check, column);
	if (column->before &&
	    (column->changed & (MD_COLUMN_CHECK | MD_COLUMN_TYPE | MD_COLUMN_LABELS)))
		check_rule(check, column);
}

/* --- keys --------------------------------------------------------------------------------------
 */

/* Whether values may be the same now that were not before. */
static bool may_coincide(const struct check *check, const struct md_def_field *field)
{
	const struct md_column_pair *column = md_match_column(check->pair, field);

	return column &&
	       (!column->before ||
		(column->changed & (MD_COLUMN_TYPE | MD_COLUMN_COLLATION | MD_COLUMN_NULL)));
}

static void put_key_column(struct check *check, struct md_buf *list, struct md_buf *given,
			   const struct md_def_field *field)
{
	const char *name = md_lite_quote(check->lite, md_def_column(field));

	md_buf_printf(list, "%s%s%s", list->len > 0 ? ", " : "", name,
		      field->collate == MD_DEF_NOCASE ? " COLLATE NOCASE" : " COLLATE BINARY");
	md_buf_printf(given, "%s%s IS NOT NULL", given->len > 0 ? " AND " : "", name);
}

static void add_twice(struct check *check, struct md_buf *list, struct md_buf *given,
		      const char *names)
{
	const char *sql = md_lite_printf(check->lite,
					 "SELECT min(" KEY ") || ' and ' || max(" KEY
					 ") FROM %s WHERE %s GROUP BY %s HAVING "
					 "count(*) > 1 LIMIT %d",
					 check->rows, md_plan_keep(check->lite->work, given),
					 md_plan_keep(check->lite->work, list), MD_CHECK_KEYS + 1);

	add(check, check->pair->after->table, "23505", sql,
	    md_lite_printf(check->lite, "rows of %s have the same %s", check->pair->after->table,
			   names),
	    "change or delete one of each first");
}

static void check_unique(struct check *check, const struct md_index_pair *pair)
{
	const struct md_def_index *index = pair->after;
	md_auto_buf list = MD_BUF(MD_LITE_SQL), given = MD_BUF(MD_LITE_SQL);
	md_auto_buf names = MD_BUF(MD_LITE_SQL);
	const char *where = index ? md_ddl_own_sql(check->lite->dialect, &index->where) : NULL;
	bool asks = !pair->before || pair->changed;

	if (!index || !index->unique)
		return;
	for (unsigned i = 0; i < index->count; i++) {
		asks = asks || may_coincide(check, index->columns[i].field);
		put_key_column(check, &list, &given, index->columns[i].field);
		md_buf_printf(&names, "%s%s", i > 0 ? ", " : "",
			      md_def_column(index->columns[i].field));
	}
	if (where)
		md_buf_printf(&given, " AND (%s)", where);
	if (asks)
		add_twice(check, &list, &given, md_plan_keep(check->lite->work, &names));
}

static void check_primary_key(struct check *check)
{
	const struct md_def_model *model = check->pair->after;
	md_auto_buf list = MD_BUF(MD_LITE_SQL), given = MD_BUF(MD_LITE_SQL);
	md_auto_buf names = MD_BUF(MD_LITE_SQL);
	bool asks = check->pair->key_changed;

	for (unsigned i = 0; i < model->key_count; i++) {
		if (model->key[i]->identity && check->pair->key_changed &&
		    !md_match_column(check->pair, model->key[i])->before)
			return; /* counted anew */
		asks = asks || may_coincide(check, model->key[i]);
		put_key_column(check, &list, &given, model->key[i]);
		md_buf_printf(&names, "%s%s", i > 0 ? ", " : "", md_def_column(model->key[i]));
	}
	if (asks && model->key_count > 0)
		add_twice(check, &list, &given, md_plan_keep(check->lite->work, &names));
}

/* A target by its names of now; false: it is not there yet, so that no row can refer to it. */
static bool put_target(struct check *check, struct md_buf *sql,
		       const struct md_def_foreign_key *key)
{
	const struct md_match *match = check->lite->work->match;
	const struct md_model_pair *to = md_match_model(match, key->to);

	if (to && !to->before)
		return false;
	md_buf_printf(sql, "SELECT 1 FROM %s AS \"_modeld_to\" WHERE ",
		      md_lite_quote(check->lite, to ? to->before->table : key->to->table));
	for (unsigned i = 0; i < key->count; i++) {
		const struct md_column_pair *column =
			to ? md_match_column(to, key->targets[i]) : NULL;
		const struct md_def_field *target =
			column && column->before ? column->before : key->targets[i];

		md_buf_printf(sql, "%s\"_modeld_to\".%s = \"_modeld_row\".%s", i > 0 ? " AND " : "",
			      md_lite_quote(check->lite, md_def_column(target)),
			      md_lite_quote(check->lite, md_def_column(key->fields[i])));
	}
	return true;
}

static void check_foreign_key(struct check *check, const struct md_key_pair *pair)
{
	const struct md_def_foreign_key *key = pair->after;
	md_auto_buf target = MD_BUF(MD_LITE_SQL), given = MD_BUF(MD_LITE_SQL);
	const char *sql;

	if (!key || (pair->before && !pair->changed))
		return;
	for (unsigned i = 0; i < key->count; i++)
		md_buf_printf(&given, "%s%s IS NOT NULL", i > 0 ? " AND " : "",
			      md_lite_quote(check->lite, md_def_column(key->fields[i])));
	if (put_target(check, &target, key))
		md_buf_printf(&given, " AND NOT EXISTS (%s)",
			      md_plan_keep(check->lite->work, &target));
	sql = md_lite_printf(
		check->lite, "SELECT " KEY " FROM %s AS \"_modeld_row\" WHERE %s LIMIT %d",
		check->rows, md_plan_keep(check->lite->work, &given), MD_CHECK_KEYS + 1);
	add(check, object_of(check, key->fields[0]), "23503", sql,
	    md_lite_printf(check->lite, "rows of %s refer to rows of %s that are not there",
			   check->pair->after->table, key->to->table),
	    "add what they refer to, or change them first");
}

static void check_model(struct check *check, const struct md_check_pair *pair)
{
	const char *own =
		pair->after ? md_ddl_own_sql(check->lite->dialect, &pair->after->sql) : NULL;

	if (!own || check->generates || (pair->before && !pair->changed))
		return;
	add(check, check->pair->after->table, "23514",
	    limited(check, md_lite_printf(check->lite, "NOT (%s)", own)),
	    md_lite_printf(check->lite, "rows of %s do not hold to the check %s",
			   check->pair->after->table, pair->after->name),
	    "change those rows first, for example by an operation \"sql\" in front");
}

void md_lite_check(struct md_lite *lite, const struct md_model_pair *pair)
{
	struct check check = { .lite = lite, .pair = pair, .source = { .pair = pair } };

	check.source.table = md_lite_table(lite, pair->before->table);
	if (!check.source.table || md_lite_failed(lite))
		return;
	check.key = key_of(&check);
	check.rows = rows_of(&check);
	for (unsigned i = 0; i < pair->column_count; i++)
		check_column(&check, &pair->columns[i]);
	check_primary_key(&check);
	for (unsigned i = 0; i < pair->index_count; i++)
		check_unique(&check, &pair->indexes[i]);
	for (unsigned i = 0; i < pair->foreign_key_count; i++)
		check_foreign_key(&check, &pair->foreign_keys[i]);
	for (unsigned i = 0; i < pair->check_count; i++)
		check_model(&check, &pair->checks[i]);
}
