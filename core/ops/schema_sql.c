/* SQL that makes the tables. Of declared models it is what modeld itself would run; of others it is
 * put together from what the catalog tells, as far as it tells. */
#include <string.h>

#include "core/base/map.h"
#include "core/db/dialect.h"
#include "core/migrate/ddl.h"
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

/* --- declared ----------------------------------------------------------------------------------
 */

static bool is_view(const struct md_schema *schema, const struct md_def_model *def)
{
	const struct md_model *model =
		md_registry_find(schema->source->registry, md_str_of(def->table));

	return model && model->kind == MD_REL_VIEW;
}

static void put_plan(struct md_schema *schema, const struct md_ddl_dialect *dialect,
		     const struct md_definitions *definitions)
{
	bool *wanted =
		md_arena_alloc(schema->arena, (definitions->model_count + 1) * sizeof(*wanted));
	struct md_ddl_plan plan;
	enum md_code code = wanted ? MD_OK : MD_NOMEM;

	for (unsigned i = 0; wanted && i < definitions->model_count; i++)
		wanted[i] = !definitions->models[i].abstract &&
			    !is_view(schema, &definitions->models[i]);
	if (code == MD_OK)
		code = md_ddl_plan(dialect, definitions, wanted, schema->arena, &plan, NULL);
	schema->no_memory |= code != MD_OK;
	for (unsigned i = 0; code == MD_OK && i < plan.count; i++)
		md_buf_printf(schema->out, "%s;\n", plan.statements[i].sql);
}

/* --- introspected ------------------------------------------------------------------------------
 */

struct script {
	struct md_buf *out;
	const struct md_dialect *sql;
	bool late_keys; /* foreign keys when all tables are there */
};

static void put_fields(const struct script *script, const struct md_field *const *fields,
		       unsigned count)
{
	md_buf_putc(script->out, '(');
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(script->out, i > 0 ? ", " : "");
		script->sql->put_name(script->out, fields[i]->column);
	}
	md_buf_putc(script->out, ')');
}

static bool counts(const struct md_field *field)
{
	return field->identity &&
	       (!field->fallback || strncmp(field->fallback, "nextval(", 8) == 0);
}

/* A key that counts is told by its type on SQLite. */
static void put_column(const struct script *script, const struct md_field *field)
{
	struct md_buf *out = script->out;

	md_buf_puts(out, "\n  ");
	script->sql->put_name(out, field->column);
	if (field->base || field->declared.len > 0)
		md_buf_putc(out, ' ');
	if (field->base)
		md_buf_puts(out, field->base);
	else
		md_buf_putstr(out, field->declared);
	if (field->collation) {
		md_buf_puts(out, " COLLATE ");
		script->sql->put_name(out, md_str_of(field->collation));
	}
	if (!field->nullable)
		md_buf_puts(out, " NOT NULL");
	if (field->generated && field->fallback)
		md_buf_printf(out, " GENERATED ALWAYS AS (%s) STORED", field->fallback);
	else if (counts(field) && !script->sql->typed_cells)
		md_buf_printf(out, " GENERATED %s AS IDENTITY",
			      field->always ? "ALWAYS" : "BY DEFAULT");
	else if (field->fallback && !field->generated)
		md_buf_printf(out, script->sql->typed_cells ? " DEFAULT (%s)" : " DEFAULT %s",
			      field->fallback);
}

static void put_constraint(const struct script *script, struct md_str name)
{
	md_buf_puts(script->out, ",\n  CONSTRAINT ");
	script->sql->put_name(script->out, name);
	md_buf_putc(script->out, ' ');
}

static void put_foreign_key(const struct script *script, const struct md_relation *r)
{
	static const char *const actions[] = {
		[MD_FK_NO_ACTION] = NULL,
		[MD_FK_RESTRICT] = "RESTRICT",
		[MD_FK_CASCADE] = "CASCADE",
		[MD_FK_SET_NULL] = "SET NULL",
		[MD_FK_SET_DEFAULT] = "SET DEFAULT",
	};
	struct md_buf *out = script->out;

	md_buf_puts(out, "FOREIGN KEY ");
	put_fields(script, r->local, r->local_count);
	md_buf_puts(out, " REFERENCES ");
	script->sql->put_name(out, r->to->name);
	md_buf_putc(out, ' ');
	put_fields(script, r->remote, r->remote_count);
	if (actions[r->on_delete])
		md_buf_printf(out, " ON DELETE %s", actions[r->on_delete]);
	if (actions[r->on_update])
		md_buf_printf(out, " ON UPDATE %s", actions[r->on_update]);
	md_buf_puts(out, r->deferred ? " DEFERRABLE INITIALLY DEFERRED" : "");
}

static bool is_own_key(const struct md_relation *r)
{
	return r->here && r->from->kind == MD_REL_TABLE && r->to->kind == MD_REL_TABLE &&
	       md_relation_is_known(r);
}

static void put_constraints(const struct script *script, const struct md_model *model)
{
	for (unsigned i = 0; i < model->keys_count; i++) {
		const struct md_key *key = &model->keys[i];

		put_constraint(script, key->name);
		md_buf_puts(script->out, key->primary ? "PRIMARY KEY " : "UNIQUE ");
		put_fields(script, key->fields, key->count);
	}
	for (unsigned i = 0; i < model->relation_count && !script->late_keys; i++) {
		if (!is_own_key(&model->relations[i]))
			continue;
		put_constraint(script, model->relations[i].constraint);
		put_foreign_key(script, &model->relations[i]);
	}
	for (unsigned i = 0; i < model->check_count; i++) {
		put_constraint(script, md_str_of(model->checks[i].name));
		md_buf_printf(script->out, "CHECK (%s)", model->checks[i].expression);
	}
}

/* A comment ends with its line, whatever the name. */
static void put_left_out(const struct script *script, const char *what, struct md_str name)
{
	md_buf_printf(script->out, "-- left out, a %s: ", what);
	for (size_t i = 0; i < name.len; i++)
		md_buf_putc(script->out, (unsigned char)name.ptr[i] < ' ' ? '?' : name.ptr[i]);
	md_buf_putc(script->out, '\n');
}

static void put_table(const struct script *script, const struct md_model *model)
{
	bool first = true;

	md_buf_puts(script->out, "CREATE TABLE ");
	script->sql->put_name(script->out, model->name);
	md_buf_puts(script->out, " (");
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_field *field = &model->fields[i];

		/* Its expression is not known on every engine. */
		if (field->generated && !field->fallback)
			continue;
		md_buf_puts(script->out, first ? "" : ",");
		put_column(script, field);
		first = false;
	}
	put_constraints(script, model);
	md_buf_puts(script->out, "\n);\n");
	for (unsigned i = 0; i < model->field_count; i++)
		if (model->fields[i].generated && !model->fields[i].fallback)
			put_left_out(script, "computed column", model->fields[i].name);
}

static bool is_key(const struct md_model *model, const struct md_catalog_index *index)
{
	for (unsigned i = 0; i < model->keys_count; i++)
		if (md_str_is(model->keys[i].name, index->name))
			return true;
	return false;
}

static void put_index(const struct script *script, const struct md_model *model,
		      const struct md_catalog_index *index)
{
	if (!index->name || !index->whole || index->count == 0 || is_key(model, index))
		return;
	md_buf_puts(script->out, index->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
	script->sql->put_name(script->out, md_str_of(index->name));
	md_buf_puts(script->out, " ON ");
	script->sql->put_name(script->out, model->name);
	md_buf_puts(script->out, " (");
	for (unsigned i = 0; i < index->count; i++) {
		md_buf_puts(script->out, i > 0 ? ", " : "");
		script->sql->put_name(script->out, model->fields[index->columns[i]].column);
	}
	md_buf_putc(script->out, ')');
	if (index->predicate)
		md_buf_printf(script->out, " WHERE %s", index->predicate);
	md_buf_puts(script->out, ";\n");
}

static void put_indexes(const struct script *script, const struct md_model *model)
{
	for (unsigned i = 0; i < model->index_count; i++)
		put_index(script, model, &model->indexes[i]);
	for (unsigned i = 0; i < model->unique_index_count; i++)
		if (model->unique_indexes[i].predicate)
			put_index(script, model, &model->unique_indexes[i]);
}

static void put_late_keys(const struct script *script, const struct md_model *model)
{
	for (unsigned i = 0; i < model->relation_count; i++) {
		const struct md_relation *r = &model->relations[i];

		if (!is_own_key(r))
			continue;
		md_buf_puts(script->out, "ALTER TABLE ");
		script->sql->put_name(script->out, model->name);
		md_buf_puts(script->out, " ADD CONSTRAINT ");
		script->sql->put_name(script->out, r->constraint);
		md_buf_putc(script->out, ' ');
		put_foreign_key(script, r);
		md_buf_puts(script->out, ";\n");
	}
}

static void put_enum(const struct script *script, struct md_str name, const struct md_field *field)
{
	md_buf_puts(script->out, "CREATE TYPE ");
	md_buf_putstr(script->out, name);
	md_buf_puts(script->out, " AS ENUM (");
	for (unsigned i = 0; i < field->label_count; i++) {
		md_buf_puts(script->out, i > 0 ? ", " : "");
		md_ddl_put_text(script->out, field->labels[i]);
	}
	md_buf_puts(script->out, ");\n");
}

/* Types that users made, each once. */
static void put_enums(struct md_schema *schema, const struct script *script)
{
	struct md_map *seen = md_map_new();

	schema->no_memory |= !seen;
	for (unsigned m = 0; m < schema->count && seen; m++)
		for (unsigned i = 0; i < schema->models[m].field_count; i++) {
			const struct md_field *field = &schema->models[m].fields[i];
			struct md_str name = field->base ? md_str_of(field->base) : field->declared;

			if (field->kind != MD_KIND_ENUM || md_map_get(seen, name))
				continue;
			schema->no_memory |= !md_map_set(seen, name, schema);
			put_enum(script, name, field);
		}
	md_map_free(seen);
}

void md_schema_write_sql(struct md_schema *schema)
{
	const struct md_ddl_dialect *dialect = md_ddl_dialect_of(schema->source->dialect);
	const struct md_definitions *definitions =
		md_registry_definitions(schema->source->registry);
	const struct script script = { schema->out, schema->source->dialect,
				       dialect && dialect->targets_first };

	if (definitions && dialect) {
		if (!schema->source->trusted)
			definitions = md_definitions_known(schema->source->registry, schema->arena);
		if (definitions)
			put_plan(schema, dialect, definitions);
		else
			schema->no_memory = true;
		return;
	}
	put_enums(schema, &script);
	for (unsigned i = 0; i < schema->count; i++)
		if (schema->models[i].kind == MD_REL_TABLE) {
			put_table(&script, &schema->models[i]);
			put_indexes(&script, &schema->models[i]);
		} else {
			put_left_out(&script, "view", schema->models[i].name);
		}
	for (unsigned i = 0; i < schema->count && script.late_keys; i++)
		if (schema->models[i].kind == MD_REL_TABLE)
			put_late_keys(&script, &schema->models[i]);
}
