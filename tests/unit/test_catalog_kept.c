/* What migrations keep, and their own tables, are invisible, on each engine. */
#include "core/db/catalog.h"
#include "core/db/db.h"
#include "core/migrate/compare.h"
#include "core/migrate/history.h"
#include "core/ops/schema.h"
#include "tests/unit/engines_rig.h"

#define BIO  "_dropped_0123456789ab_bio"
#define GONE "_dropped_0123456789ab_gone"

static struct md_db_schema *with_kept(void)
{
	struct md_db_schema *schema = rig_new();

	ck_assert_int_eq(md_history_prepare(schema, &err), MD_OK);
	rig_run(schema, "CREATE TABLE \"" GONE "\" (id int PRIMARY KEY)");
	rig_run(schema, "CREATE TABLE other (id int PRIMARY KEY, _dropped_bio text)");
	rig_run(schema, "CREATE TABLE t (id int PRIMARY KEY, \"" BIO "\" int, a int NOT NULL, b int"
			" NOT NULL, UNIQUE (b, a), UNIQUE (\"" BIO "\"), FOREIGN KEY (\"" BIO
			"\") REFERENCES other (id), FOREIGN KEY (a) REFERENCES \"" GONE
			"\" (id), FOREIGN KEY (b) REFERENCES other (id))");
	rig_run(schema, "CREATE INDEX t_b ON t (b)");
	rig_run(schema, "CREATE INDEX t_bio ON t (a, \"" BIO "\")");
	return schema;
}

static void check_seen(const struct md_catalog *catalog)
{
	const struct md_catalog_table *t;

	ck_assert_uint_eq(catalog->count, 2);
	ck_assert_str_eq(catalog->tables[0].name, "other");
	ck_assert_uint_eq(catalog->tables[0].column_count, 2);
	t = &catalog->tables[1];
	ck_assert_str_eq(t->name, "t");
	ck_assert_uint_eq(t->column_count, 3);
	ck_assert_str_eq(t->columns[1].name, "a");
	ck_assert_uint_eq(t->foreign_key_count, 1);
	ck_assert_uint_eq(t->foreign_keys[0].columns[0], 2);
	ck_assert_uint_eq(t->key_count, 2);
	for (unsigned i = 0; i < t->key_count; i++)
		if (!t->keys[i].primary) {
			ck_assert_uint_eq(t->keys[i].count, 2);
			ck_assert_uint_eq(t->keys[i].columns[0], 2);
			ck_assert_uint_eq(t->keys[i].columns[1], 1);
		}
	for (unsigned i = 0; i < t->index_count; i++)
		ck_assert(!t->indexes[i].name || strcmp(t->indexes[i].name, "t_bio") != 0);
}

static void check_all(void)
{
	struct md_db_schema *schema = with_kept();
	struct md_arena *arena = md_arena_new(16 << 20);
	const struct md_schema_database database = { .url = rig_url, .schema = rig_schema() };
	struct md_db_options options = { .url = rig_url, .schema = rig_schema() };
	const struct md_catalog *catalog;
	const struct md_dialect *dialect;
	struct md_db *db;

	/* Planners see it. */
	ck_assert_int_eq(md_db_schema_catalog(schema, arena, &catalog, &err), MD_OK);
	ck_assert_uint_eq(catalog->count, 3);
	ck_assert_str_eq(catalog->tables[0].name, GONE);
	check_seen(md_catalog_without_kept(catalog, arena));
	/* Import and export do not. */
	ck_assert_int_eq(md_schema_read(&database, arena, &catalog, &dialect, &err), MD_OK);
	check_seen(catalog);
	/* A catalog without such things is not copied. */
	ck_assert_ptr_eq(md_catalog_without_kept(catalog, arena), catalog);
	/* Requests do not. */
	ck_assert_msg(md_db_open(&options, &db, &err) == MD_OK, "%s", err.message);
	ck_assert_int_eq(md_db_catalog(db, arena, &catalog, &err), MD_OK);
	check_seen(catalog);
	md_db_close(db);
	md_arena_free(arena);
	md_db_schema_close(schema);
}
START_TEST(what_is_kept_and_the_tables_of_migrations_are_seen_by_planners_only)
{
	for_each_engine(check_all);
}
END_TEST

static void check_compare(void)
{
	static const char models[] =
		"{\"version\":1,\"models\":{\"T\":{\"table\":\"t\",\"managed\":false,\"fields\":{"
		"\"id\":\"int pk\",\"a\":\"int\",\"b\":\"int\"}}}}";
	struct md_db_schema *schema = with_kept();
	struct md_arena *arena = md_arena_new(16 << 20);
	struct md_def_source source = { "m.json", md_str_of(models) };
	struct md_def_report report = { .items = NULL };
	const struct md_definitions *definitions = NULL;
	struct md_differences differences;
	const struct md_catalog *catalog;
	bool missing[1];

	ck_assert_msg(md_definitions_load(&source, 1, NULL,
					  on_server ? MD_ENGINE_POSTGRESQL : MD_ENGINE_SQLITE,
					  &report, &definitions, &err) == MD_OK,
		      "%s", report.items ? report.items[0].message : err.message);
	ck_assert_int_eq(md_db_schema_catalog(schema, arena, &catalog, &err), MD_OK);
	ck_assert_int_eq(md_compare(md_ddl_dialect_of(md_db_schema_dialect(schema)), definitions,
				    catalog, arena, missing, &differences, &err),
			 MD_OK);
	for (unsigned i = 0; i < differences.count; i++) {
		const struct md_difference *d = &differences.items[i];

		ck_assert_msg(!md_catalog_is_kept(d->table) &&
				      (!d->column || !md_catalog_is_kept(d->column)),
			      "%s.%s: %s", d->table, d->column ? d->column : "", d->text);
	}
	md_def_report_release(&report);
	md_definitions_free(definitions);
	md_arena_free(arena);
	md_db_schema_close(schema);
}
START_TEST(what_is_kept_is_no_difference)
{
	for_each_engine(check_compare);
}
END_TEST

ENGINES_MAIN("kept", what_is_kept_and_the_tables_of_migrations_are_seen_by_planners_only,
	     what_is_kept_is_no_difference)
