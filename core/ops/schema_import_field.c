/* One column as a field of a definition file. */
#include <stdlib.h>
#include <strings.h>

#include "core/ops/schema_import.h"

#include "core/base/banned.h"

enum { TYPE_MAX = 4096, MOST_DIGITS = 1000, LONG_DIGITS = 15 };

static const struct md_catalog_column *column_at(const struct md_import *import, unsigned table,
						 unsigned column)
{
	return &import->source->catalog->tables[table].columns[column];
}

void md_import_put_sql(struct md_import *import, struct md_str key, const char *sql)
{
	md_json_open(&import->json, key, '{');
	md_json_text_value(&import->json, import->engine, md_str_of(sql));
	md_json_close(&import->json, '}');
}

/* --- references --------------------------------------------------------------------------------
 */

const struct md_catalog_foreign_key *md_import_reference(const struct md_import *import,
							 unsigned table, unsigned column)
{
	const struct md_catalog_table *t = &import->source->catalog->tables[table];

	for (unsigned i = 0; i < t->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *key = &t->foreign_keys[i];
		int to = key->count == 1 && key->columns[0] == column
				 ? md_import_find(import, key->target)
				 : -1;

		if (to >= 0 &&
		    md_model_column(&import->models[to], md_str_of(key->target_columns[0])))
			return key;
	}
	return NULL;
}

/* What definitions refuse, engines take: null where there can be none, a default that is missing.
 */
static const char *action_of(struct md_import *import, unsigned table,
			     const struct md_catalog_foreign_key *key, enum md_fk_action action)
{
	static const char *const actions[] = {
		[MD_FK_NO_ACTION] = NULL,
		[MD_FK_RESTRICT] = "restrict",
		[MD_FK_CASCADE] = "cascade",
		[MD_FK_SET_NULL] = "set null",
		[MD_FK_SET_DEFAULT] = "set default",
	};
	bool can = true;

	for (unsigned i = 0; i < key->count; i++) {
		const struct md_catalog_column *column = column_at(import, table, key->columns[i]);
		const struct md_field *field = &import->models[table].fields[key->columns[i]];

		if (action == MD_FK_SET_NULL)
			can = can && column->nullable && field->key_position < 0;
		if (action == MD_FK_SET_DEFAULT)
			can = can && column->fallback;
	}
	if (can)
		return actions[action];
	md_import_note(import, import->source->catalog->tables[table].name, "foreign key",
		       key->name, "declared without an action that its columns do not allow");
	return NULL;
}

void md_import_put_actions(struct md_import *import, unsigned table,
			   const struct md_catalog_foreign_key *key)
{
	struct md_json_out *json = &import->json;

	if (md_import_is_name(key->name))
		md_json_text_value(json, MD_STR("name"), md_str_of(key->name));
	md_json_text_if(json, MD_STR("on_delete"),
			md_str_of(action_of(import, table, key, key->on_delete)));
	md_json_text_if(json, MD_STR("on_update"),
			md_str_of(action_of(import, table, key, key->on_update)));
	if (key->deferrable)
		md_json_text_value(json, MD_STR("deferrable"),
				   key->deferred ? MD_STR("deferred") : MD_STR("immediate"));
}

static const struct md_field *target_of(const struct md_import *import,
					const struct md_catalog_foreign_key *key)
{
	return md_model_column(&import->models[md_import_find(import, key->target)],
			       md_str_of(key->target_columns[0]));
}

static void put_reference(struct md_import *import, unsigned table,
			  const struct md_catalog_foreign_key *key)
{
	int to = md_import_find(import, key->target);

	md_json_open(&import->json, MD_STR("references"), '{');
	md_json_text_value(&import->json, MD_STR("model"), md_str_of(import->names[to]));
	md_json_text_value(&import->json, MD_STR("field"),
			   md_str_of(import->fields[to][target_of(import, key)->index]));
	md_import_put_actions(import, table, key);
	md_json_close(&import->json, '}');
	md_json_bool(&import->json, MD_STR("index"), false);
}

/* --- types -------------------------------------------------------------------------------------
 */

/* The digits in decimal(p, s). False: there are none, or some that definitions do not have. */
static bool read_digits(const char *declared, struct md_shape *shape)
{
	const char *p = strchr(declared, '(');
	unsigned long precision, scale = 0;
	char *end;

	if (!p)
		return false;
	precision = strtoul(p + 1, &end, 10);
	if (*end == ',')
		scale = strtoul(end + 1, &end, 10);
	if (*end != ')' || precision == 0 || precision > MOST_DIGITS || scale > precision)
		return false;
	shape->precision = (unsigned)precision;
	shape->scale = (unsigned)scale;
	return true;
}

/* What definitions can say of the type; the rest is in "sql_type". */
static struct md_shape shape_of(const struct md_import *import, unsigned table, unsigned column)
{
	const struct md_catalog_column *c = column_at(import, table, column);
	struct md_shape shape = md_shape_of(&import->models[table].fields[column]);
	bool list = shape.type == MD_DEF_ARRAY;

	if (shape.type == MD_DEF_DECIMAL && !read_digits(c->base ? c->base : c->declared, &shape))
		shape.type = MD_DEF_FLOAT;
	if (shape.type == MD_DEF_NONE ||
	    (list && (shape.items == MD_DEF_NONE || shape.items == MD_DEF_JSON ||
		      shape.items == MD_DEF_DECIMAL)) ||
	    (shape.type == MD_DEF_ENUM &&
	     (shape.label_count == 0 || shape.label_count > MD_DEF_LABELS)))
		shape.type = MD_DEF_TEXT;
	if (shape.type != MD_DEF_STRING)
		shape.max_length = 0;
	return shape;
}

/* Whether a table made anew would have another type. */
static bool has_own_type(struct md_import *import, const struct md_catalog_column *column,
			 const struct md_shape *shape)
{
	const struct md_ddl_dialect *ddl = import->ddl;
	const struct md_def_field field = { .type = shape->type,
					    .items = shape->items,
					    .precision = shape->precision,
					    .scale = shape->scale,
					    .max_length = shape->max_length };
	md_auto_buf text = MD_BUF(TYPE_MAX);
	const char *made;

	if (ddl->put_type)
		ddl->put_type(&text, &field);
	else if (shape->type == MD_DEF_DECIMAL && ddl->long_decimal &&
		 shape->precision > ddl->decimal_digits)
		md_buf_puts(&text, ddl->long_decimal);
	else
		md_buf_puts(&text, ddl->types[shape->type]);
	made = md_buf_text(&text);
	import->no_memory |= !made;
	return made && !(ddl->same_type ? ddl->same_type(made, column->declared)
					: strcasecmp(made, column->declared) == 0);
}

static void put_labels(struct md_import *import, const struct md_shape *shape)
{
	md_json_open(&import->json, MD_STR("enum"), '[');
	for (unsigned i = 0; i < shape->label_count; i++)
		md_json_text_value(&import->json, MD_NO_KEY, md_str_of(shape->labels[i]));
	md_json_close(&import->json, ']');
}

static void put_type(struct md_import *import, const struct md_shape *shape)
{
	struct md_json_out *json = &import->json;

	if (shape->type == MD_DEF_ENUM) {
		put_labels(import, shape);
		return;
	}
	md_json_text_value(json, MD_STR("type"), md_str_of(md_shape_name(shape->type)));
	if (shape->type == MD_DEF_ARRAY)
		md_json_text_value(json, MD_STR("items"), md_str_of(md_shape_name(shape->items)));
	if (shape->type == MD_DEF_DECIMAL) {
		md_json_unsigned(json, MD_STR("precision"), shape->precision);
		md_json_unsigned(json, MD_STR("scale"), shape->scale);
	}
	if (shape->type == MD_DEF_DECIMAL && shape->precision > LONG_DIGITS)
		md_json_text_value(json, MD_STR("json_number"), MD_STR("number"));
	if (shape->max_length > 0)
		md_json_unsigned(json, MD_STR("max_length"), shape->max_length);
	/* SQLite does not see to lengths: the table has no check for it. */
	if (shape->max_length > 0 && !import->ddl->types_have_length)
		md_json_text_value(json, MD_STR("enforce"), MD_STR("api"));
}

static void put_sql_type(struct md_import *import, const struct md_catalog_column *column,
			 const struct md_shape *shape, const struct md_field *target)
{
	bool differs = target && !md_str_is(target->declared, column->declared);

	if (*column->declared && (differs || has_own_type(import, column, shape)))
		md_import_put_sql(import, MD_STR("sql_type"), column->declared);
}

static void put_collation(struct md_import *import, const struct md_catalog_column *column)
{
	const char *const *names = import->ddl->collation_names ? import->ddl->collation_names
								: import->ddl->collations;
	bool nocase = column->collation && names[MD_DEF_NOCASE] &&
		      strcasecmp(column->collation, names[MD_DEF_NOCASE]) == 0;

	if (column->collation)
		md_json_text_value(&import->json, MD_STR("collate"),
				   nocase ? MD_STR("nocase") : MD_STR("database"));
}

/* --- the field ---------------------------------------------------------------------------------
 */

static bool counts_alone(const struct md_model *model, const struct md_field *field)
{
	return field->identity && model->key_count == 1 && field->key_position == 0;
}

static void put_default(struct md_import *import, unsigned table, unsigned number)
{
	const struct md_model *model = &import->models[table];
	const struct md_field *field = &model->fields[number];
	const struct md_catalog_column *column = column_at(import, table, number);

	if (counts_alone(model, field) || field->generated)
		return;
	if (column->fallback) {
		md_json_open(&import->json, MD_STR("default"), '{');
		md_import_put_sql(import, MD_STR("sql"), column->fallback);
		md_json_close(&import->json, '}');
	} else if (field->identity) {
		md_import_note(import, import->source->catalog->tables[table].name, "column",
			       column->name,
			       "counts by itself, which definitions say of keys only");
	}
}

void md_import_put_field(struct md_import *import, unsigned table, unsigned number)
{
	const struct md_model *model = &import->models[table];
	const struct md_field *field = &model->fields[number];
	const struct md_catalog_column *column = column_at(import, table, number);
	const struct md_catalog_foreign_key *key = md_import_reference(import, table, number);
	const struct md_shape shape = shape_of(import, table, number);
	const char *name = import->fields[table][number];
	bool whole = shape.type == MD_DEF_SMALLINT || shape.type == MD_DEF_INTEGER ||
		     shape.type == MD_DEF_BIGINT;

	md_json_open(&import->json, md_str_of(name), '{');
	if (key)
		put_reference(import, table, key);
	else
		put_type(import, &shape);
	put_sql_type(import, column, &shape, key ? target_of(import, key) : NULL);
	if (!key && md_shape_of(field).type == MD_DEF_NONE)
		md_import_note(import, import->source->catalog->tables[table].name, "column",
			       column->name, "holds values of any type: declared as text");
	if (strcmp(name, column->name) != 0)
		md_json_text_value(&import->json, MD_STR("column"), md_str_of(column->name));
	md_json_flag(&import->json, MD_STR("nullable"),
		     field->key_position < 0 && (column->nullable || field->generated));
	if (whole && !key && field->key_position == 0 && model->key_count == 1 &&
	    !field->identity && !column->fallback)
		md_json_bool(&import->json, MD_STR("auto_increment"), false);
	put_collation(import, column);
	put_default(import, table, number);
	if (field->generated) {
		md_json_bool(&import->json, MD_STR("readonly"), true);
		md_import_note(import, import->source->catalog->tables[table].name, "column",
			       column->name, "is computed, how is not known: declared readonly");
	}
	md_json_text_if(&import->json, MD_STR("description"), md_str_of(column->comment));
	md_json_close(&import->json, '}');
}
