#include "core/migrate/compare.h"

#include <string.h>
#include <strings.h>

#include "core/migrate/compare_private.h"
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

/* --- columns -----------------------------------------------------------------------------------
 */

static const struct md_catalog_column *find_column(const struct md_catalog_table *table,
						   const char *name, bool folded)
{
	for (unsigned i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0 ||
		    (folded && strcasecmp(table->columns[i].name, name) == 0))
			return &table->columns[i];
	return NULL;
}

/* A column can be added when rows that exist would know what to put there. */
static const char *add_column(struct comparison *c, const struct md_def_field *field)
{
	md_auto_buf sql = MD_BUF(TEXT_MAX);
	bool constant = field->value.literal.kind != MD_DEF_NO_VALUE &&
			field->value.literal.kind != MD_DEF_NULL;

	if (field->primary_key || field->unique || field->is_generated || field->reference ||
	    (!field->nullable && !constant))
		return MD_MAKE_ANEW;
	md_buf_puts(&sql, "ALTER TABLE ");
	md_ddl_put_name(c->dialect, &sql, c->table->name);
	md_buf_puts(&sql, " ADD COLUMN ");
	md_ddl_put_column(c->dialect, &sql, c->model, field);
	return keep(c, &sql);
}

static void tell_absent(struct comparison *c, const struct md_def_field *field)
{
	const char *name = md_def_column(field);
	const struct md_catalog_column *like = find_column(c->table, name, true);

	if (like)
		tell(c, BLOCKS, name,
		     md_arena_printf(c->arena, "the column is called \"%s\"", like->name),
		     md_arena_printf(c->arena, "give the field \"column\": \"%s\"", like->name));
	else
		tell(c, BLOCKS, name, "the column is missing",
		     c->model->managed == MD_DEF_NO
			     ? "take the field away, or have the column added: modeld does not "
			       "manage the table"
			     : add_column(c, field));
}

static bool is_long(const struct comparison *c, const struct md_def_field *field)
{
	return field->type == MD_DEF_DECIMAL && field->precision > c->dialect->decimal_digits;
}

static bool is_served(const struct comparison *c, const struct md_def_field *field,
		      const struct md_catalog_column *column)
{
	unsigned served = is_long(c, field) ? c->dialect->served_long_decimal
					    : c->dialect->served_by[field->type];

	return c->dialect->serves ? c->dialect->serves(field, column)
				  : (served & 1u << column->type) != 0;
}

static bool same_type(const struct comparison *c, const char *own, const char *declared)
{
	return c->dialect->same_type ? c->dialect->same_type(own, declared)
				     : strcasecmp(own, declared) == 0;
}

static void tell_type(struct comparison *c, const struct md_catalog_column *column,
		      const char *wanted)
{
	tell(c, WARNS, column->name,
	     md_arena_printf(c->arena, "the type is %s, the model says %s", column->declared,
			     wanted),
	     NULL);
}

static void compare_type(struct comparison *c, const struct md_def_field *field,
			 const struct md_catalog_column *column)
{
	const char *own = md_ddl_own_sql(c->dialect, &field->sql_type);
	md_auto_buf sql = MD_BUF(TEXT_MAX);

	if (own && !same_type(c, own, column->declared))
		tell_type(c, column, own);
	if (own)
		return;
	if (is_served(c, field, column)) {
		if (!c->dialect->other_numbers ||
		    !c->dialect->other_numbers(field, column->declared))
			return;
		md_ddl_put_type(c->dialect, &sql, field);
		tell_type(c, column, keep(c, &sql));
		return;
	}
	tell(c, BLOCKS, column->name,
	     md_arena_printf(c->arena, "the type %s cannot hold what the model says, %s",
			     column->declared, c->dialect->types[field->type]),
	     "change the type of the field, or make the table anew and copy its rows");
}

static bool same_default(struct comparison *c, const struct md_def_field *field, const char *wanted,
			 const char *found)
{
	return c->dialect->same_default ? c->dialect->same_default(field, wanted, found)
					: md_same_sql(c, wanted, found);
}

static void compare_default(struct comparison *c, const struct md_def_field *field,
			    const struct md_catalog_column *column)
{
	md_auto_buf sql = MD_BUF(TEXT_MAX);
	const char *wanted, *found = column->fallback ? column->fallback : "";

	if (field->is_generated || column->generated || (field->identity && column->identity))
		return;
	md_ddl_put_default(c->dialect, &sql, field);
	wanted = md_buf_text(&sql);
	if (!wanted)
		c->failed = true;
	else if (!(column->fallback_of_type && !*wanted) && !same_default(c, field, wanted, found))
		tell(c, WARNS, column->name,
		     md_arena_printf(c->arena, "the default is %s, the model says %s",
				     *found ? found : "missing", *wanted ? wanted : "none"),
		     NULL);
}

static void compare_length(struct comparison *c, const struct md_def_field *field,
			   const struct md_catalog_column *column)
{
	if (column->max_length == 0 || column->max_length == field->max_length ||
	    md_ddl_own_sql(c->dialect, &field->sql_type))
		return;
	tell(c, WARNS, column->name,
	     field->max_length > 0
		     ? md_arena_printf(c->arena, "the length is %u, the model says %u",
				       column->max_length, field->max_length)
		     : md_arena_printf(c->arena, "the length is %u, the model says any",
				       column->max_length),
	     NULL);
}

static void compare_column(struct comparison *c, const struct md_def_field *field,
			   const struct md_catalog_column *column)
{
	const char *const *collations =
		c->dialect->collation_names ? c->dialect->collation_names : c->dialect->collations;
	const char *wanted = collations[field->collate];
	const char *found = column->collation;

	compare_type(c, field, column);
	if (c->table->kind == MD_REL_VIEW)
		return;
	if (field->nullable != column->nullable)
		tell(c, WARNS, column->name,
		     column->nullable ? "the column may be null, the field may not"
				      : "the column may not be null, the field may",
		     NULL);
	if (field->is_generated != column->generated)
		tell(c, WARNS, column->name,
		     column->generated ? "the column is generated, the field is not"
				       : "the column is not generated, the field is",
		     NULL);
	if (field->collate != MD_DEF_COLLATE_DATABASE &&
	    (field->collate || !md_ddl_own_sql(c->dialect, &field->sql_type)) &&
	    strcasecmp(wanted ? wanted : "", found ? found : "") != 0)
		tell(c, WARNS, column->name,
		     md_arena_printf(c->arena, "the collation is %s, the model says %s",
				     found ? found : "binary", wanted ? wanted : "binary"),
		     NULL);
	compare_default(c, field, column);
	compare_length(c, field, column);
}

static const struct md_def_field *find_field(const struct md_def_model *model, const char *column)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (strcmp(md_def_column(&model->fields[i]), column) == 0)
			return &model->fields[i];
	return NULL;
}

static void tell_extra(struct comparison *c, const struct md_catalog_column *column)
{
	bool needed =
		!column->nullable && !column->fallback && !column->generated && !column->identity;
	bool managed = c->model->managed != MD_DEF_NO;

	if (needed)
		tell(c, managed && !c->model->read_only ? BLOCKS : WARNS, column->name,
		     "the model has no such field, and the column must be given: rows cannot be "
		     "inserted",
		     "give the column a default, or the model a field for it");
	else if (managed)
		tell(c, WARNS, column->name,
		     "the model has no such field; the column is not served", NULL);
}

static void compare_columns(struct comparison *c)
{
	for (unsigned i = 0; i < c->model->field_count; i++) {
		const struct md_def_field *field = &c->model->fields[i];
		const struct md_catalog_column *column =
			find_column(c->table, md_def_column(field), false);

		if (column)
			compare_column(c, field, column);
		else
			tell_absent(c, field);
	}
	for (unsigned i = 0; i < c->table->column_count; i++)
		if (!find_field(c->model, c->table->columns[i].name))
			tell_extra(c, &c->table->columns[i]);
}

/* --- tables ------------------------------------------------------------------------------------
 */

static const struct md_catalog_table *find_table(const struct md_catalog *catalog, const char *name,
						 bool folded)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0 ||
		    (folded && strcasecmp(catalog->tables[i].name, name) == 0))
			return &catalog->tables[i];
	return NULL;
}

static void compare_table(struct comparison *c)
{
	compare_columns(c);
	if (c->table->kind == MD_REL_VIEW)
		return;
	md_compare_keys(c);
	md_compare_checks(c);
}

/* Returns whether the table is to be made. */
static bool see_absent(struct comparison *c)
{
	const struct md_catalog_table *like = find_table(c->catalog, c->model->table, true);

	if (like) {
		tell(c, BLOCKS, NULL,
		     md_arena_printf(c->arena, "the table is called \"%s\"", like->name),
		     md_arena_printf(c->arena, "give the model \"table\": \"%s\"", like->name));
		return false;
	}
	if (md_ddl_is_made(c->model))
		return true;
	tell(c, BLOCKS, NULL, "the table is missing, and modeld does not manage it",
	     "make it, or take \"managed\": false away");
	return false;
}

static void see_extra_tables(struct comparison *c)
{
	c->model = NULL;
	for (unsigned t = 0; t < c->catalog->count; t++) {
		bool known = c->catalog->tables[t].kind == MD_REL_VIEW;

		for (unsigned i = 0; !known && i < c->definitions->model_count; i++)
			known = !c->definitions->models[i].abstract &&
				strcasecmp(c->definitions->models[i].table,
					   c->catalog->tables[t].name) == 0;
		c->table = &c->catalog->tables[t];
		if (!known)
			tell(c, WARNS, NULL, "no model describes this table", NULL);
	}
}

enum md_code md_compare(const struct md_ddl_dialect *dialect,
			const struct md_definitions *definitions, const struct md_catalog *catalog,
			struct md_arena *arena, bool *ret_missing,
			struct md_differences *ret_differences, struct md_error *err)
{
	struct md_differences found = { .items = NULL };
	struct comparison c = { .dialect = dialect,
				.definitions = definitions,
				.catalog = md_catalog_without_kept(catalog, arena),
				.arena = arena,
				.out = &found };

	if (!c.catalog)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < definitions->model_count; i++) {
		c.model = &definitions->models[i];
		ret_missing[i] = false;
		if (c.model->abstract)
			continue;
		c.table = find_table(c.catalog, c.model->table, false);
		if (c.table)
			compare_table(&c);
		else
			ret_missing[i] = see_absent(&c);
	}
	see_extra_tables(&c);
	if (c.failed)
		return md_fail_nomem(err);
	*ret_differences = found;
	return MD_OK;
}
