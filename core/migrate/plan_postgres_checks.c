/* Checks: a new one holds for what is written from now on, is proved for what is there without
 * keeping writers out, and only then an old one goes. */
#include <string.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

#define ALL "ACCESS EXCLUSIVE"

/* A check, or what a field's check would be; rule "": none. */
struct check {
	const char *name, *rule;
};

static void drop(struct pg *pg, enum pg_phase phase, const struct pg_table *table, const char *name)
{
	struct md_step *step = pg_step(pg, phase, ALL, pg_object(pg, table, NULL),
				       pg_text(pg, "drop check %s", name));

	pg_alter(pg, step, phase == PG_KEYS_OFF ? table->was : table->name,
		 "DROP CONSTRAINT IF EXISTS %s", pg_name(pg, name));
}

static void add(struct pg *pg, const struct pg_table *table, const char *name,
		const struct check *check)
{
	const char *object = pg_object(pg, table, NULL);
	struct md_step *step;

	pg_ask_rule(pg, table, check->name, check->rule);
	step = pg_step(pg, PG_CHECKS, ALL, object, pg_text(pg, "add check %s", check->name));
	pg_alter(pg, step, table->name, "ADD CONSTRAINT %s CHECK (%s) NOT VALID", pg_name(pg, name),
		 check->rule);
	step = pg_step(pg, PG_VALIDATE, "SHARE UPDATE EXCLUSIVE", object,
		       pg_text(pg, "see that all rows pass check %s", check->name));
	pg_alter(pg, step, table->name, "VALIDATE CONSTRAINT %s", pg_name(pg, name));
	pg_long(step, table);
}

/* Beside the old one, or one that goes and has the name: it takes its own at the end. */
static void add_beside(struct pg *pg, const struct pg_table *table, const struct check *check)
{
	const char *name = pg_temporary(pg, check->name);
	struct md_step *step;

	add(pg, table, name, check);
	step = pg_step(pg, PG_LAST, ALL, pg_object(pg, table, NULL),
		       pg_text(pg, "give the new check the name %s", check->name));
	pg_alter(pg, step, table->name, "RENAME CONSTRAINT %s TO %s", pg_name(pg, name),
		 pg_name(pg, check->name));
}

static bool is_held(const struct pg_table *table, const char *name)
{
	const struct md_model_pair *pair = table->pair;

	for (unsigned i = 0; i < pair->column_count; i++)
		if (pair->columns[i].before && pair->columns[i].before->check_name &&
		    strcmp(pair->columns[i].before->check_name, name) == 0)
			return true;
	for (unsigned i = 0; i < pair->check_count; i++)
		if (pair->checks[i].before && strcmp(pair->checks[i].before->name, name) == 0)
			return true;
	return false;
}

/* `early`: the old one stands in the way of other changes. */
static void plan_check(struct pg *pg, const struct pg_table *table, struct check before,
		       struct check after, bool early)
{
	bool same = strcmp(before.rule, after.rule) == 0;

	if (*before.rule == '\0' && *after.rule == '\0')
		return;
	if (same && !early) {
		if (strcmp(before.name, after.name) != 0)
			pg_rename(pg, table, NULL, before.name, after.name);
		return;
	}
	if (*before.rule && *after.rule && !early) {
		add_beside(pg, table, &after);
		drop(pg, PG_FINISH, table, before.name);
		return;
	}
	if (*before.rule)
		drop(pg, PG_KEYS_OFF, table, before.name);
	if (*after.rule && is_held(table, after.name))
		add_beside(pg, table, &after);
	else if (*after.rule)
		add(pg, table, after.name, &after);
}

/* `field` NULL: there is none. The rule is written with the name that the column will have. */
static struct check check_of(struct pg *pg, const struct md_def_field *field, const char *column)
{
	struct md_def_field copy;

	if (!field)
		return (struct check){ "", "" };
	copy = *field;
	copy.column = column;
	return (struct check){ field->check_name ? field->check_name : "",
			       pg_put(pg, md_ddl_put_rule, &copy) };
}

static bool is_early(const struct pg_column *column)
{
	return column->remade || column->fill || column->type.change > PG_TYPE_LABEL;
}

static bool mentions_changed(const struct pg_table *table, const char *sql)
{
	for (unsigned i = 0; i < table->pair->column_count; i++) {
		const struct pg_column *column = &table->columns[i];

		if (column->before && column->after && is_early(column) &&
		    (pg_mentions(sql, column->was) || pg_mentions(sql, column->name)))
			return true;
	}
	return false;
}

static struct check own_check(const struct md_def_check *check)
{
	const char *rule = check ? md_ddl_own_sql(&md_postgres_ddl, &check->sql) : NULL;

	return (struct check){ check ? check->name : "", rule ? rule : "" };
}

void pg_plan_checks(struct pg *pg, const struct pg_table *table)
{
	const struct md_model_pair *pair = table->pair;

	if (table->created || table->dropped || table->restored)
		return;
	for (unsigned i = 0; i < pair->column_count; i++) {
		const struct pg_column *column = &table->columns[i];
		const char *name = column->after ? column->name : column->was;

		plan_check(pg, table, check_of(pg, column->before, name),
			   check_of(pg, column->after, name),
			   column->before && column->after && is_early(column));
	}
	for (unsigned i = 0; i < pair->check_count; i++) {
		struct check before = own_check(pair->checks[i].before);
		struct check after = own_check(pair->checks[i].after);

		plan_check(pg, table, before, after,
			   *before.rule && *after.rule &&
				   (mentions_changed(table, before.rule) ||
				    mentions_changed(table, after.rule)));
	}
}
