/* What a database has otherwise than its history says: its catalog held against its newest
 * snapshot. What modeld did not make (other tables, additional columns that nobody must give) is
 * told or left out, never taken away. */
#include <string.h>

#include "core/db/catalog.h"
#include "core/ops/migrate_private.h"
#include "core/ops/tables.h"

#include "core/base/banned.h"

enum { NAME_TEXT = 256 };

/* How texts of a comparison begin, what they speak of, and what that makes of them. A name in
 * quotes follows where `part` is not a column. */
struct reading {
	const char *begins, *part, *kind; /* kind NULL: by how it ends */
	bool named;
};
static const struct reading readings[] = {
	{ "the table is missing", "", "missing", false },
	{ "the column is missing", "columns", "missing", false },
	{ "the model has no such field", "columns", "unexpected", false },
	{ "the model has no unique key ", "indexes", "unexpected", true },
	{ "the model has no foreign key ", "foreign_keys", "unexpected", true },
	{ "the model has no check ", "checks", "unexpected", true },
	{ "the index ", "indexes", NULL, true },
	{ "the unique key ", "indexes", NULL, true },
	{ "the foreign key ", "foreign_keys", NULL, true },
	{ "the check ", "checks", NULL, true },
	{ "the primary key ", "primary_key", "changed", false },
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* The first name in double quotes; "": none. */
static void take_name(const char *text, char name[NAME_TEXT])
{
	const char *from = strchr(text, '"');
	const char *to = from ? strchr(from + 1, '"') : NULL;
	size_t len = to ? (size_t)(to - from - 1) : 0;

	if (len >= NAME_TEXT)
		len = NAME_TEXT - 1;
	if (len > 0)
		memcpy(name, from + 1, len);
	name[len] = '\0';
}

static const struct reading *find_reading(const char *text)
{
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
		if (strncmp(text, readings[i].begins, strlen(readings[i].begins)) == 0)
			return &readings[i];
	return NULL;
}

/* Only the name of a constraint is another: the tables of other tools have their own. */
static bool is_name_only(const char *text)
{
	return strstr(text, "\" is called \"") &&
	       (strncmp(text, "the foreign key ", 16) == 0 || strncmp(text, "the check ", 10) == 0);
}

static enum md_code add(json_t *list, const char *path, const char *kind, const char *text,
			const char *mend, struct md_error *err)
{
	json_t *item = json_pack("{s:s,s:s,s:s,s:s?}", "path", path, "kind", kind, "text", text,
				 "mend", mend);

	return item && json_array_append_new(list, item) == 0 ? MD_OK : md_fail_nomem(err);
}

static const char *kind_of(const struct reading *reading, const char *text)
{
	if (reading && reading->kind)
		return reading->kind;
	return strstr(text, " is missing: ") || ends_with(text, " is missing") ? "missing"
									       : "changed";
}

static enum md_code add_difference(json_t *list, const struct md_difference *found,
				   struct md_error *err)
{
	const struct reading *reading = find_reading(found->text);
	md_auto_buf path = MD_BUF(4096);
	char name[NAME_TEXT];

	if (!found->model || is_name_only(found->text) || md_is_kept_name(found->table) ||
	    (found->column && md_is_kept_name(found->column)))
		return MD_OK;
	md_buf_printf(&path, "/tables/%s", found->table);
	if (reading && reading->named) {
		take_name(found->text, name);
		md_buf_printf(&path, "/%s/%s", reading->part, name);
	} else if (found->column) {
		md_buf_printf(&path, "/columns/%s", found->column);
	} else if (reading && *reading->part) {
		md_buf_printf(&path, "/%s", reading->part);
	}
	if (!md_buf_text(&path))
		return md_fail_nomem(err);
	return add(list, path.data, kind_of(reading, found->text), found->text, found->mend, err);
}

/* --- indexes that nobody declared --------------------------------------------------------------
 */

static bool has_index(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; i < model->index_count; i++)
		if (model->indexes[i].name && strcmp(model->indexes[i].name, name) == 0)
			return true;
	return false;
}

static bool exists(const struct md_catalog_table *table, const char *name)
{
	for (unsigned i = 0; i < table->index_count; i++)
		if (table->indexes[i].name && strcmp(table->indexes[i].name, name) == 0)
			return true;
	return false;
}

static bool same_columns(const struct md_def_index *wanted, const struct md_catalog_table *table,
			 const struct md_catalog_index *found)
{
	if (!found->whole || found->count != wanted->count)
		return false;
	for (unsigned i = 0; i < found->count; i++)
		if (strcmp(table->columns[found->columns[i]].name,
			   md_def_column(wanted->columns[i].field)) != 0)
			return false;
	return true;
}

/* One that a model has under a name that is not there: an adopted table's. */
static bool has_under_another_name(const struct md_def_model *model,
				   const struct md_catalog_table *table,
				   const struct md_catalog_index *found)
{
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *wanted = &model->indexes[i];
		bool partial = md_def_sql_is_given(&wanted->where);

		if (!wanted->unique && partial == found->partial && wanted->name &&
		    !exists(table, wanted->name) && same_columns(wanted, table, found))
			return true;
	}
	return false;
}

static enum md_code add_indexes(json_t *list, const struct md_def_model *model,
				const struct md_catalog_table *table, struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < table->index_count; i++) {
		const struct md_catalog_index *index = &table->indexes[i];
		md_auto_buf path = MD_BUF(4096);

		if (!index->name || index->unique || has_index(model, index->name) ||
		    md_is_kept_name(index->name) || has_under_another_name(model, table, index))
			continue;
		md_buf_printf(&path, "/tables/%s/indexes/%s", table->name, index->name);
		if (!md_buf_text(&path))
			return md_fail_nomem(err);
		code = add(list, path.data, "unexpected", "the model has no such index", NULL, err);
	}
	return code;
}

static enum md_code add_all_indexes(json_t *list, const struct md_definitions *definitions,
				    const struct md_catalog *catalog, struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned m = 0; m < definitions->model_count; m++)
		for (unsigned t = 0; code == MD_OK && t < catalog->count; t++)
			if (definitions->models[m].table &&
			    strcmp(definitions->models[m].table, catalog->tables[t].name) == 0 &&
			    md_ddl_is_made(&definitions->models[m]))
				code = add_indexes(list, &definitions->models[m],
						   &catalog->tables[t], err);
	return code;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

enum md_code md_migrate_hold_against(struct md_migrate *migrate,
				     const struct md_definitions *definitions, bool indexes,
				     json_t *list, struct md_error *err)
{
	struct md_differences found = { .items = NULL };
	const struct md_catalog *catalog = NULL;
	enum md_code code = md_db_schema_catalog(migrate->db, migrate->arena, &catalog, err);

	if (code == MD_OK)
		code = md_tables_compare(md_db_schema_dialect(migrate->db), definitions, catalog,
					 migrate->arena, &found, err);
	for (unsigned i = 0; code == MD_OK && i < found.count; i++)
		code = add_difference(list, &found.items[i], err);
	return code == MD_OK && indexes ? add_all_indexes(list, definitions, catalog, err) : code;
}

enum md_code md_migrate_find_drift(struct md_migrate *migrate, json_t *list, struct md_error *err)
{
	md_auto_snapshot now = NULL;
	enum md_code code = MD_OK;

	if (migrate->line.applied_count == 0)
		return MD_OK;
	code = md_line_snapshot(migrate, &now, err);
	return code == MD_OK ? md_migrate_hold_against(migrate, now->definitions, true, list, err)
			     : code;
}

/* --- mending -----------------------------------------------------------------------------------
 */

static bool is_sql(const char *mend)
{
	return mend && (strncmp(mend, "ALTER TABLE ", 12) == 0 || strncmp(mend, "CREATE ", 7) == 0);
}

/* What can be added is; what would take something away is left to people. */
static enum md_code mend_all(struct md_migrate *migrate, const json_t *list, json_t *mended,
			     struct md_error *err)
{
	const json_t *item;
	size_t i;
	enum md_code code = md_db_schema_begin(migrate->db, err);

	json_array_foreach(list, i, item)
	{
		const char *mend = json_string_value(json_object_get(item, "mend"));

		if (code != MD_OK || !is_sql(mend))
			continue;
		code = md_db_schema_run(migrate->db, mend, err);
		if (code != MD_OK)
			md_error_details(err, "in: %.1400s", mend);
		json_array_append(mended, json_object_get(item, "path"));
	}
	if (code == MD_OK)
		code = md_db_schema_commit(migrate->db, err);
	if (code != MD_OK)
		md_db_schema_rollback(migrate->db, NULL);
	return code;
}

static enum md_code fix_drift(struct md_migrate *migrate, json_t *list, json_t *mended,
			      struct md_error *err)
{
	bool taken = false;
	enum md_code code = md_migrate_load(migrate, true, err);

	if (code == MD_OK)
		code = md_migrate_lock(migrate, "drift", NULL, NULL, &taken, err);
	if (code == MD_OK)
		code = mend_all(migrate, list, mended, err);
	json_array_clear(list);
	if (code == MD_OK)
		code = md_migrate_find_drift(migrate, list, err);
	md_migrate_give(migrate);
	return code;
}

enum md_code md_migrate_drift(struct md_migrate *migrate, bool fix,
			      const struct md_consent *consent, json_t **ret_document,
			      struct md_error *err)
{
	md_auto_json list = json_array();
	md_auto_json mended = json_array();
	enum md_code code = list && mended ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	(void)consent; /* nothing is taken away */
	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK && !migrate->missing)
		code = md_migrate_find_drift(migrate, list, err);
	if (code == MD_OK && fix && json_array_size(list) > 0)
		code = fix_drift(migrate, list, mended, err);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:O,s:O}", "drift", list, "mended", mended),
				 ret_document, err);
}
