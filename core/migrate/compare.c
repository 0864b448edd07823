#include "core/migrate/compare.h"

#include <string.h>
#include <strings.h>

#include "core/db/catalog.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 64 * 1024 };

struct comparison {
	const struct md_ddl_dialect *dialect;
	const struct md_definitions *definitions;
	const struct md_catalog *catalog;
	struct md_arena *arena;
	struct md_differences *out;
	bool failed; /* memory */
	/* The model in question. */
	const struct md_def_model *model;
	const struct md_catalog_table *table;
};

enum weight { WARNS, BLOCKS };

/* --- telling -----------------------------------------------------------------------------------
 */

static struct md_difference *room_for_one(struct comparison *c)
{
	struct md_differences *out = c->out;

	if (out->count == out->room) {
		unsigned room = out->room == 0 ? 8 : out->room * 2;
		struct md_difference *items = md_arena_alloc(c->arena, room * sizeof(*items));

		if (!items)
			return NULL;
		if (out->count > 0)
			memcpy(items, out->items, out->count * sizeof(*items));
		out->items = items;
		out->room = room;
	}
	return &out->items[out->count];
}

/* `text` and `mend` are in the arena, or constant. */
static void tell(struct comparison *c, enum weight weight, const char *column, const char *text,
		 const char *mend)
{
	struct md_difference *item = room_for_one(c);

	if (!item || !text) {
		c->failed = true;
		return;
	}
	*item = (struct md_difference){
		weight == BLOCKS, c->model, c->table ? c->table->name : c->model->table,
		column,           text,     mend
	};
	c->out->count++;
	c->out->blocking += weight == BLOCKS;
}

static const char *keep(struct comparison *c, struct md_buf *text)
{
	const char *kept = text->failed ? NULL : md_arena_strndup(c->arena, text->data, text->len);

	c->failed = c->failed || !kept;
	return kept ? kept : "";
}

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
		return "the table must be made anew and its rows copied";
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
		tell(c, BLOCKS, name, "the column is missing", add_column(c, field));
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

static void compare_type(struct comparison *c, const struct md_def_field *field,
			 const struct md_catalog_column *column)
{
	const char *own = md_ddl_own_sql(c->dialect, &field->sql_type);

	if (own && !same_type(c, own, column->declared))
		tell(c, WARNS, column->name,
		     md_arena_printf(c->arena, "the type is %s, the model says %s",
				     column->declared, own),
		     NULL);
	if (own || is_served(c, field, column))
		return;
	tell(c, BLOCKS, column->name,
	     md_arena_printf(c->arena, "the type %s cannot hold what the model says, %s",
			     column->declared, c->dialect->types[field->type]),
	     "change the type of the field, or make the table anew and copy its rows");
}

/* Expressions are the same when they are, but for brackets around them. */
static bool same_expression(struct md_str a, struct md_str b)
{
	struct md_str *sides[] = { &a, &b };

	for (unsigned i = 0; i < 2; i++)
		if (sides[i]->len >= 2 && sides[i]->ptr[0] == '(' &&
		    sides[i]->ptr[sides[i]->len - 1] == ')')
			*sides[i] = (struct md_str){ sides[i]->ptr + 1, sides[i]->len - 2 };
	return md_str_equal(a, b);
}

static bool same_default(const struct comparison *c, const struct md_def_field *field,
			 const char *wanted, const char *found)
{
	return c->dialect->same_default ? c->dialect->same_default(field, wanted, found)
					: same_expression(md_str_of(wanted), md_str_of(found));
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
	else if (!same_default(c, field, wanted, found))
		tell(c, WARNS, column->name,
		     md_arena_printf(c->arena, "the default is %s, the model says %s",
				     *found ? found : "missing", *wanted ? wanted : "none"),
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
	bool needed = !column->nullable && !column->fallback && !column->generated;

	tell(c, WARNS, column->name,
	     needed ? "the model has no such field, and the column must be given: rows cannot be "
		      "inserted"
		    : "the model has no such field; the column is not served",
	     NULL);
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
		if (!find_field(c->model, c->table->columns[i].name) &&
		    c->model->managed != MD_DEF_NO)
			tell_extra(c, &c->table->columns[i]);
}

/* --- keys and indexes --------------------------------------------------------------------------
 */

/* The same columns in the same order? */
static bool is_same(const struct comparison *c, const struct md_def_field *const *fields,
		    unsigned count, const unsigned *columns, unsigned column_count)
{
	if (count != column_count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(md_def_column(fields[i]), c->table->columns[columns[i]].name) != 0)
			return false;
	return true;
}

static const char *list(struct comparison *c, const struct md_def_field *const *fields,
			unsigned count)
{
	md_auto_buf text = MD_BUF(TEXT_MAX);

	for (unsigned i = 0; i < count; i++)
		md_buf_printf(&text, "%s%s", i > 0 ? ", " : "", md_def_column(fields[i]));
	return keep(c, &text);
}

static void compare_primary_key(struct comparison *c)
{
	const struct md_catalog_key *key = c->table->key_count > 0 ? c->table->keys : NULL;

	if (key && !key->primary)
		key = NULL;
	if (key ? is_same(c, c->model->key, c->model->key_count, key->columns, key->count)
		: c->model->key_count == 0)
		return;
	tell(c, BLOCKS, NULL,
	     md_arena_printf(c->arena, "the primary key is not (%s)",
			     list(c, c->model->key, c->model->key_count)),
	     "change the key of the model, or make the table anew and copy its rows");
}

/* NULL: no memory. */
static const struct md_def_field **fields_of(struct comparison *c, const struct md_def_index *index)
{
	const struct md_def_field **fields =
		md_arena_alloc(c->arena, index->count * sizeof(*fields));

	c->failed = c->failed || !fields;
	for (unsigned i = 0; fields && i < index->count; i++)
		fields[i] = index->columns[i].field;
	return fields;
}

static bool has_index(struct comparison *c, const struct md_def_index *index)
{
	const struct md_def_field **fields = fields_of(c, index);

	if (!fields)
		return true;
	for (unsigned i = 0; index->unique && i < c->table->key_count; i++)
		if (is_same(c, fields, index->count, c->table->keys[i].columns,
			    c->table->keys[i].count))
			return true;
	for (unsigned i = 0; !index->unique && i < c->table->index_count; i++)
		if (is_same(c, fields, index->count, c->table->indexes[i].columns,
			    c->table->indexes[i].count))
			return true;
	return false;
}

static void compare_indexes(struct comparison *c)
{
	for (unsigned i = 0; i < c->model->index_count; i++) {
		const struct md_def_index *index = &c->model->indexes[i];
		md_auto_buf sql = MD_BUF(TEXT_MAX);

		if (md_ddl_own_sql(c->dialect, &index->where) || has_index(c, index))
			continue;
		md_ddl_put_index(c->dialect, &sql, c->model, index);
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the %s \"%s\" is missing",
				     index->unique ? "unique key" : "index", index->name),
		     keep(c, &sql));
	}
}

static bool same_targets(const struct md_def_foreign_key *key,
			 const struct md_catalog_foreign_key *found)
{
	if (strcmp(key->to->table, found->target) != 0)
		return false;
	for (unsigned i = 0; i < key->count; i++)
		if (strcmp(md_def_column(key->targets[i]), found->target_columns[i]) != 0)
			return false;
	return true;
}

static void compare_foreign_key(struct comparison *c, const struct md_def_foreign_key *key)
{
	const struct md_catalog_foreign_key *found = NULL;

	for (unsigned i = 0; !found && i < c->table->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *one = &c->table->foreign_keys[i];

		if (is_same(c, key->fields, key->count, one->columns, one->count) &&
		    same_targets(key, one))
			found = one;
	}
	if (!found)
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the foreign key \"%s\" to %s is missing", key->name,
				     key->to->table),
		     NULL);
	else if (strcmp(found->name, key->name) != 0)
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the foreign key \"%s\" is called \"%s\"", key->name,
				     found->name),
		     NULL);
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
	compare_primary_key(c);
	compare_indexes(c);
	for (unsigned i = 0; i < c->model->foreign_key_count; i++)
		compare_foreign_key(c, &c->model->foreign_keys[i]);
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
				.catalog = catalog,
				.arena = arena,
				.out = &found };

	for (unsigned i = 0; i < definitions->model_count; i++) {
		c.model = &definitions->models[i];
		ret_missing[i] = false;
		if (c.model->abstract)
			continue;
		c.table = find_table(catalog, c.model->table, false);
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
