/* A definition file of what a database contains. What definitions cannot say is left out, and said
 * so; types are named as the database names them, so that a table made again is the same. */
#include "core/ops/schema_import.h"

#include <stddef.h>
#include <strings.h>

#include "core/db/dialect.h"

#include "core/base/banned.h"

enum { SCRATCH_MAX = 512 * 1024 * 1024 };

/* --- names -------------------------------------------------------------------------------------
 */

int md_import_find(const struct md_import *import, const char *table)
{
	const struct md_catalog *catalog = import->source->catalog;

	for (unsigned i = 0; i < catalog->count; i++)
		if (import->names[i] && strcmp(catalog->tables[i].name, table) == 0)
			return (int)i;
	return -1;
}

const char *md_import_name(struct md_import *import, const char *name)
{
	size_t len = strnlen(name, MD_DEF_NAME);
	char *copy = md_arena_strndup(import->arena, name, len);

	import->no_memory |= !copy;
	for (size_t i = 0; copy && i < len; i++) {
		char c = copy[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_'))
			copy[i] = '_';
	}
	if (copy && copy[0] >= '0' && copy[0] <= '9')
		copy[0] = '_';
	return copy;
}

void md_import_note(struct md_import *import, const char *table, const char *what, const char *name,
		    const char *why)
{
	size_t before = import->notes->len;

	md_buf_printf(import->notes, "table %s%s%s%s%s: %s", table, *what ? ", " : "", what,
		      *name ? " " : "", name, why);
	for (size_t i = before; !import->notes->failed && i < import->notes->len; i++)
		if ((unsigned char)import->notes->data[i] < ' ')
			import->notes->data[i] = '?'; /* a note is one line */
	md_buf_putc(import->notes, '\n');
}

bool md_import_is_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return len > 0 && len <= MD_DEF_NAME;
}

/* Two names that differ in case alone are one to some engines. */
static bool is_taken(const char *const *names, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (names[i] && strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* The name, or with a number behind it when another one has it. NULL: out of memory. */
static const char *free_name(struct md_import *import, const char *const *names, unsigned count,
			     const char *wanted)
{
	enum { DIGITS = 6 };
	const char *name = md_import_name(import, wanted);

	for (unsigned i = 2; name && is_taken(names, count, name); i++)
		name = md_arena_printf(import->arena, "%.*s_%u", MD_DEF_NAME - DIGITS,
				       md_import_name(import, wanted), i);
	import->no_memory |= !name;
	return name;
}

static bool is_twin(const struct md_import *import, unsigned number)
{
	const struct md_catalog_table *tables = import->source->catalog->tables;

	for (unsigned i = 0; i < number; i++)
		if (import->names[i] && strcasecmp(tables[i].name, tables[number].name) == 0)
			return true;
	return false;
}

static bool is_twin_column(const struct md_catalog_table *table, unsigned number)
{
	for (unsigned i = 0; i < number; i++)
		if (strcasecmp(table->columns[i].name, table->columns[number].name) == 0)
			return true;
	return false;
}

static const char *why_not(const struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];

	if (import->models[number].key_count == 0)
		return table->kind == MD_REL_VIEW ? "left out: a view without a key"
						  : "left out: it has no primary key";
	if (import->models[number].key_count > MD_DEF_KEY_FIELDS)
		return "left out: the primary key has too many columns";
	if (!md_import_is_name(table->name) || table->name[0] == '-')
		return "left out: a name that definition files do not allow";
	return is_twin(import, number) ? "left out: another one differs in case alone" : NULL;
}

static void name_fields(struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];
	const char **names =
		md_arena_zalloc(import->arena, (table->column_count + 1) * sizeof(*names));

	import->fields[number] = names;
	import->no_memory |= !names;
	for (unsigned i = 0; names && i < table->column_count; i++) {
		const char *column = table->columns[i].name;

		if (md_import_is_name(column) && !is_twin_column(table, i))
			names[i] = free_name(import, names, i, column);
		else
			md_import_note(import, table->name, "column", column,
				       "left out: a name that definition files do not allow");
	}
}

static bool has_key(const struct md_import *import, unsigned number)
{
	const struct md_model *model = &import->models[number];

	for (unsigned i = 0; i < model->key_count; i++)
		if (!import->fields[number][model->key[i]->index])
			return false;
	return true;
}

/* Which tables and columns become models and fields, and under which names. */
static void name_all(struct md_import *import)
{
	const struct md_catalog *catalog = import->source->catalog;

	import->names = md_arena_zalloc(import->arena, (catalog->count + 1) * sizeof(char *));
	import->fields = md_arena_zalloc(import->arena, (catalog->count + 1) * sizeof(char **));
	import->no_memory |= !import->names || !import->fields;
	for (unsigned i = 0; !import->no_memory && i < catalog->count; i++) {
		const char *name = free_name(import, import->names, i, catalog->tables[i].name);
		const char *why = why_not(import, i);

		if (why) {
			md_import_note(import, catalog->tables[i].name, "", "", why);
			continue;
		}
		name_fields(import, i);
		if (import->no_memory)
			return;
		import->names[i] = has_key(import, i) ? name : NULL;
	}
}

/* --- what stands beside fields -----------------------------------------------------------------
 */

/* Whether all columns are fields, and not too many for a key. */
static bool are_fields(const struct md_import *import, unsigned table, const unsigned *columns,
		       unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!import->fields[table][columns[i]])
			return false;
	return count > 0 && count <= MD_DEF_KEY_FIELDS;
}

static void put_columns(struct md_import *import, struct md_str key, unsigned table,
			const unsigned *columns, unsigned count)
{
	md_json_open(&import->json, key, '[');
	for (unsigned i = 0; i < count; i++)
		md_json_text_value(&import->json, MD_NO_KEY,
				   md_str_of(import->fields[table][columns[i]]));
	md_json_close(&import->json, ']');
}

static void put_constraint_name(struct md_import *import, const char *name)
{
	if (md_import_is_name(name))
		md_json_text_value(&import->json, MD_STR("name"), md_str_of(name));
}

/* A unique key that an index makes stands among the indexes. */
static bool is_index(const struct md_catalog_table *table, const struct md_catalog_key *key)
{
	for (unsigned i = 0; i < table->index_count; i++)
		if (table->indexes[i].name && strcmp(table->indexes[i].name, key->name) == 0)
			return true;
	return false;
}

static void put_unique(struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];

	md_json_open(&import->json, MD_STR("unique"), '[');
	for (unsigned i = 0; i < table->key_count; i++) {
		const struct md_catalog_key *key = &table->keys[i];

		if (key->primary || is_index(table, key))
			continue;
		if (!are_fields(import, number, key->columns, key->count)) {
			md_import_note(import, table->name, "unique key", key->name, "left out");
			continue;
		}
		md_json_open(&import->json, MD_NO_KEY, '{');
		put_columns(import, MD_STR("fields"), number, key->columns, key->count);
		put_constraint_name(import, key->name);
		md_json_close(&import->json, '}');
	}
	md_json_close(&import->json, ']');
}

static void put_indexes(struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];

	md_json_open(&import->json, MD_STR("indexes"), '[');
	for (unsigned i = 0; i < table->index_count; i++) {
		const struct md_catalog_index *index = &table->indexes[i];

		if (!index->name)
			continue;
		if (!index->whole || (index->partial && !index->predicate) ||
		    !md_import_is_name(index->name) ||
		    !are_fields(import, number, index->columns, index->count)) {
			md_import_note(import, table->name, "index", index->name,
				       "left out: not of columns alone, or not a tree");
			continue;
		}
		md_json_open(&import->json, MD_NO_KEY, '{');
		put_columns(import, MD_STR("fields"), number, index->columns, index->count);
		put_constraint_name(import, index->name);
		md_json_flag(&import->json, MD_STR("unique"), index->unique);
		if (index->predicate)
			md_import_put_sql(import, MD_STR("where"), index->predicate);
		md_json_close(&import->json, '}');
	}
	md_json_close(&import->json, ']');
}

static int column_of(const struct md_catalog_table *table, const char *name)
{
	for (unsigned i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Fields of a foreign key have the types of what they refer to. */
static bool same_types(const struct md_import *import, unsigned number,
		       const struct md_catalog_foreign_key *key)
{
	int to = md_import_find(import, key->target);
	const struct md_catalog_table *target =
		to >= 0 ? &import->source->catalog->tables[to] : NULL;

	for (unsigned i = 0; target && i < key->count; i++) {
		int column = column_of(target, key->target_columns[i]);

		if (column < 0 || !import->fields[to][column] ||
		    md_shape_of(&import->models[to].fields[column]).type !=
			    md_shape_of(&import->models[number].fields[key->columns[i]]).type)
			return false;
	}
	return target && are_fields(import, number, key->columns, key->count);
}

static void put_targets(struct md_import *import, const struct md_catalog_foreign_key *key)
{
	int to = md_import_find(import, key->target);
	const struct md_catalog_table *target = &import->source->catalog->tables[to];

	md_json_open(&import->json, MD_STR("references"), '[');
	for (unsigned i = 0; i < key->count; i++)
		md_json_text_value(
			&import->json, MD_NO_KEY,
			md_str_of(import->fields[to][column_of(target, key->target_columns[i])]));
	md_json_close(&import->json, ']');
}

static void put_foreign_keys(struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];

	md_json_open(&import->json, MD_STR("foreign_keys"), '[');
	for (unsigned i = 0; i < table->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *key = &table->foreign_keys[i];

		if (key->count == 1 && md_import_reference(import, number, key->columns[0]) == key)
			continue;
		if (!same_types(import, number, key)) {
			md_import_note(import, table->name, "foreign key", key->name,
				       "left out: its target is, or has another type");
			continue;
		}
		md_json_open(&import->json, MD_NO_KEY, '{');
		put_columns(import, MD_STR("fields"), number, key->columns, key->count);
		md_json_text_value(&import->json, MD_STR("model"),
				   md_str_of(import->names[md_import_find(import, key->target)]));
		put_targets(import, key);
		md_import_put_actions(import, number, key);
		md_json_close(&import->json, '}');
	}
	md_json_close(&import->json, ']');
}

static void put_checks(struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];

	md_json_open(&import->json, MD_STR("checks"), '[');
	for (unsigned i = 0; i < table->check_count; i++) {
		md_json_open(&import->json, MD_NO_KEY, '{');
		put_constraint_name(import, table->checks[i].name);
		md_import_put_sql(import, MD_STR("sql"), table->checks[i].expression);
		md_json_close(&import->json, '}');
	}
	md_json_close(&import->json, ']');
}

/* A table that is made anew stays what it is. */
static void put_options(struct md_import *import, const struct md_catalog_table *table)
{
	if (import->ddl->engine != MD_ENGINE_SQLITE || (table->strict && !table->without_rowid))
		return;
	md_json_open(&import->json, MD_STR("options"), '{');
	md_json_open(&import->json, import->engine, '{');
	if (!table->strict)
		md_json_bool(&import->json, MD_STR("strict"), false);
	md_json_flag(&import->json, MD_STR("without_rowid"), table->without_rowid);
	md_json_close(&import->json, '}');
	md_json_close(&import->json, '}');
}

static void put_key(struct md_import *import, unsigned number)
{
	const struct md_model *model = &import->models[number];

	md_json_open(&import->json, MD_STR("primary_key"), '[');
	for (unsigned i = 0; i < model->key_count; i++)
		md_json_text_value(&import->json, MD_NO_KEY,
				   md_str_of(import->fields[number][model->key[i]->index]));
	md_json_close(&import->json, ']');
}

static void put_model(struct md_import *import, unsigned number)
{
	const struct md_catalog_table *table = &import->source->catalog->tables[number];
	bool view = table->kind == MD_REL_VIEW;

	md_json_open(&import->json, md_str_of(import->names[number]), '{');
	md_json_text_value(&import->json, MD_STR("table"), md_str_of(table->name));
	if (!import->source->managed || view)
		md_json_bool(&import->json, MD_STR("managed"), false);
	md_json_flag(&import->json, MD_STR("read_only"), view && !table->insertable);
	md_json_text_if(&import->json, MD_STR("description"), md_str_of(table->comment));
	md_json_open(&import->json, MD_STR("fields"), '{');
	for (unsigned i = 0; i < table->column_count; i++)
		if (import->fields[number][i])
			md_import_put_field(import, number, i);
	md_json_close(&import->json, '}');
	put_key(import, number);
	if (!view) {
		put_unique(import, number);
		put_indexes(import, number);
		put_foreign_keys(import, number);
		put_checks(import, number);
		put_options(import, table);
	}
	md_json_close(&import->json, '}');
}

/* --- the file ----------------------------------------------------------------------------------
 */

static void put_file(struct md_import *import)
{
	struct md_json_out *json = &import->json;

	md_json_open(json, MD_NO_KEY, '{');
	md_json_unsigned(json, MD_STR("version"), 1);
	md_json_open(json, MD_STR("defaults"), '{');
	md_json_text_value(json, MD_STR("auto_id"), MD_STR("none"));
	md_json_text_value(json, MD_STR("table_name"), MD_STR("exact"));
	md_json_close(json, '}');
	md_json_open(json, MD_STR("models"), '{');
	for (unsigned i = 0; i < import->source->catalog->count; i++)
		if (import->names[i])
			put_model(import, i);
	md_json_close(json, '}');
	md_json_close(json, '}');
}

enum md_code md_schema_import(const struct md_schema_import *source, struct md_buf *out,
			      struct md_buf *notes, struct md_error *err)
{
	const struct md_registry_source registry_source = { .catalog = source->catalog,
							    .schema = MD_STR("public") };
	md_auto_arena arena = md_arena_new(SCRATCH_MAX);
	struct md_import import = { .source = source,
				    .ddl = md_ddl_dialect_of(source->dialect),
				    .json = { .out = out, .lines = true },
				    .notes = notes,
				    .arena = arena };
	struct md_registry *registry = NULL;
	unsigned count;
	enum md_code code;

	if (!import.ddl)
		return md_fail(err, MD_INVALID, "MD400",
			       "definitions cannot be made from this engine yet");
	if (!arena)
		return md_fail_nomem(err);
	code = md_registry_build(&registry_source, &registry, err);
	if (code != MD_OK)
		return code;
	import.engine = md_str_of(import.ddl->sql->name);
	import.models = md_registry_models(registry, &count);
	name_all(&import);
	if (!import.no_memory)
		put_file(&import);
	md_registry_unref(registry);
	if (import.no_memory || out->no_memory || notes->no_memory)
		return md_fail_nomem(err);
	if (out->failed || notes->failed)
		return md_fail(err, MD_TOO_LARGE, "54000",
			       "the definition file is longer than %zu bytes", out->max);
	return MD_OK;
}
