/* What is served, written down in each format; and definition files made of databases. The golden
 * files are in tests/data/schema; with SCHEMA_WRITE=1 in the environment they are written anew. */
#include "core/ops/schema.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/db/schema.h"
#include "core/migrate/compare.h"
#include "core/model/define.h"
#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/unit/ddl_random.h"

static const unsigned engines[] = { MD_ENGINE_SQLITE, MD_ENGINE_POSTGRESQL };

enum { TEXT_MAX = 4 * 1024 * 1024, ARENA_MAX = 64 * 1024 * 1024 };

static const char library[] =
	"{\"version\": 1, \"enums\": {\"Mood\": [\"glad\", \"it's\"]}, \"models\": {"
	"\"Base\": {\"abstract\": true, \"fields\": {\"note\": \"text?\"}},"
	"\"Writer\": {\"extends\": \"Base\", \"description\": \"People who \\\"write\\\"\","
	" \"fields\": {"
	"  \"email\": \"string(254) unique format(email)\","
	"  \"name\": {\"type\": \"string\", \"max_length\": 80, \"min_length\": 1,"
	"    \"title\": \"Name\", \"description\": \"as on the cover\", \"example\": \"Ann\"},"
	"  \"mood\": \"Mood = glad\","
	"  \"secret\": \"string? hidden\","
	"  \"pin\": {\"type\": \"string\", \"nullable\": true, \"writeonly\": true},"
	"  \"code\": \"text? pattern('[a-z]+') immutable\","
	"  \"born\": \"date?\","
	"  \"worth\": \"decimal(20, 2) = 0.5 min(0)\","
	"  \"seen\": \"datetime = now() readonly\","
	"  \"tags\": {\"type\": \"array\", \"items\": \"string\", \"default\": [\"a\"]},"
	"  \"size\": \"enum(s, m, 'x l')?\"},"
	" \"checks\": [{\"name\": \"writer_named\", \"sql\": \"name <> code\"},"
	"   {\"name\": \"writer_hushed\", \"sql\": \"secret <> name\"}],"
	" \"indexes\": [[\"name\", \"born desc\"], [\"secret\", \"name\"],"
	"   {\"fields\": [\"born\"], \"name\": \"writer_alive\", \"where\": \"born > '1'\"}]},"
	"\"Book\": {\"fields\": {\"title\": \"text\", \"data\": \"json?\", \"cover\": \"bytes?\","
	"  \"pages\": \"smallint? exclusive_min(0) multiple_of(2)\","
	"  \"writer_id\": \"-> Writer on delete cascade\","
	"  \"editor_id\": \"-> Writer? hidden\"},"
	" \"relations\": {\"writer\": \"Writer via writer_id <-> books\"}},"
	"\"Award\": {\"fields\": {\"year\": \"integer\", \"book_id\": \"-> Book unique\"},"
	" \"primary_key\": [\"book_id\", \"year\"]}"
	"}}";
/* A relation has its other side. */
static const char books[] = "\"relations\": {\"books\": \"Book[] <-> writer\"}, ";

/* As much of a text as a message takes. */
static const char *shown(const char *text)
{
	static char part[2048];

	snprintf(part, sizeof(part), "%s", text);
	return part;
}

/* --- samples -----------------------------------------------------------------------------------
 */

static const struct md_definitions *read_definitions(const char *text, unsigned targets)
{
	struct md_def_source source = { "m.json", md_str_of(text) };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	md_auto_buf problems = MD_BUF(TEXT_MAX);

	md_definitions_load(&source, 1, NULL, targets, &report, &definitions, NULL);
	for (unsigned i = 0; i < report.count; i++)
		md_def_problem_print(&report.items[i], &problems);
	ck_assert_msg(definitions != NULL, "%s\n%s", md_buf_text(&problems), shown(text));
	md_def_report_release(&report);
	return definitions;
}

/* The library with the other side of its relation. */
static const char *library_text(struct md_arena *arena)
{
	const char *at = strstr(library, "\"extends\": \"Base\"");

	return md_arena_printf(arena, "%.*s%s%s", (int)(at - library), library, books, at);
}

static struct md_registry *declared(struct md_arena *arena)
{
	const struct md_definitions *definitions = read_definitions(library_text(arena), 0);
	const struct md_catalog *catalog = md_schema_catalog(definitions, arena);
	struct md_registry *registry = NULL;

	ck_assert_ptr_nonnull(catalog);
	ck_assert_int_eq(
		md_registry_build(&(struct md_registry_source){ .catalog = catalog,
								.schema = MD_STR("public"),
								.definitions = definitions },
				  &registry, NULL),
		MD_OK);
	return registry;
}

/* As PostgreSQL tells it: types that users made, lists, what the engine computes, a view. */
static struct md_catalog introspected_catalog(void)
{
	static const char *const moods[] = { "glad", "it's" };
	static const struct md_catalog_column people[] = {
		{ .name = "id",
		  .declared = "bigint",
		  .type = MD_TYPE_INT8,
		  .identity = true,
		  .always = true },
		{ .name = "name",
		  .declared = "character varying(80)",
		  .type = MD_TYPE_TEXT,
		  .max_length = 80,
		  .comment = "full name" },
		{ .name = "mood",
		  .declared = "mood",
		  .type = MD_TYPE_OTHER,
		  .kind = MD_KIND_ENUM,
		  .labels = moods,
		  .label_count = 2,
		  .fallback = "'glad'::mood" },
		{ .name = "tags",
		  .declared = "text[]",
		  .type = MD_TYPE_OTHER,
		  .nullable = true,
		  .kind = MD_KIND_ARRAY,
		  .element = "text",
		  .element_type = MD_TYPE_TEXT },
		{ .name = "spot", .declared = "point", .type = MD_TYPE_OTHER, .nullable = true },
		{ .name = "pair",
		  .declared = "pair",
		  .type = MD_TYPE_OTHER,
		  .nullable = true,
		  .kind = MD_KIND_COMPOSITE },
		{ .name = "mail", .declared = "address", .base = "text", .type = MD_TYPE_TEXT },
		{ .name = "length",
		  .declared = "integer",
		  .type = MD_TYPE_INT4,
		  .nullable = true,
		  .generated = true },
	};
	static const struct md_catalog_column pets[] = {
		{ .name = "odd name",
		  .declared = "uuid",
		  .type = MD_TYPE_UUID,
		  .fallback = "gen_random_uuid()" },
		{ .name = "owner", .declared = "bigint", .type = MD_TYPE_INT8, .nullable = true },
		{ .name = "price",
		  .declared = "numeric(8,2)",
		  .type = MD_TYPE_NUMERIC,
		  .fallback = "0" },
	};
	static const struct md_catalog_column shown[] = {
		{ .name = "id",
		  .declared = "bigint",
		  .type = MD_TYPE_INT8,
		  .nullable = true,
		  .origin_table = "people",
		  .origin_column = "id" },
		{ .name = "n", .declared = "text", .type = MD_TYPE_TEXT, .nullable = true },
	};
	static const unsigned first[] = { 0 }, second[] = { 1 };
	static const char *const id[] = { "id" };
	static const struct md_catalog_key people_keys[] = {
		{ "people_pkey", true, first, 1 }, { "people_name_key", false, second, 1 }
	};
	static const struct md_catalog_key pets_keys[] = { { "pets_pkey", true, first, 1 } };
	static const struct md_catalog_foreign_key owner[] = { { .name = "pets_owner_fkey",
								 .on_delete = MD_FK_SET_NULL,
								 .columns = second,
								 .count = 1,
								 .target = "people",
								 .target_columns = id } };
	static const struct md_catalog_index pets_indexes[] = {
		{ .name = "pets_owner_idx", .columns = second, .count = 1, .whole = true }
	};
	static const struct md_catalog_check checks[] = { { "people_name_check", "name <> ''" } };
	static const struct md_catalog_table tables[] = {
		{ .schema = "public",
		  .name = "people",
		  .comment = "All of them",
		  .insertable = true,
		  .updatable = true,
		  .deletable = true,
		  .columns = people,
		  .column_count = 8,
		  .keys = people_keys,
		  .key_count = 2,
		  .checks = checks,
		  .check_count = 1 },
		{ .schema = "public",
		  .name = "pets",
		  .insertable = true,
		  .updatable = true,
		  .deletable = true,
		  .columns = pets,
		  .column_count = 3,
		  .keys = pets_keys,
		  .key_count = 1,
		  .foreign_keys = owner,
		  .foreign_key_count = 1,
		  .indexes = pets_indexes,
		  .index_count = 1 },
		{ .schema = "public",
		  .name = "view 1",
		  .kind = MD_REL_VIEW,
		  .columns = shown,
		  .column_count = 2 },
	};

	return (struct md_catalog){ .tables = tables, .count = 3 };
}

static struct md_registry *introspected(struct md_arena *arena)
{
	const struct md_catalog catalog = introspected_catalog();
	struct md_registry *registry = NULL;

	(void)arena;
	ck_assert_int_eq(
		md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
								.schema = MD_STR("public") },
				  &registry, NULL),
		MD_OK);
	return registry;
}

static const char *write_as(const struct md_schema_source *source, enum md_schema_format format,
			    struct md_buf *text)
{
	md_buf_clear(text);
	ck_assert_int_eq(md_schema_write(source, format, text, NULL), MD_OK);
	return md_buf_text(text);
}

/* --- golden files ------------------------------------------------------------------------------
 */

static void check_golden(const char *name, const char *format, const char *text)
{
	char path[256];
	static char expected[TEXT_MAX];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), SRCDIR "/tests/data/schema/%s.%s.txt", name, format);
	if (getenv("SCHEMA_WRITE")) {
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s", path);
	len = fread(expected, 1, sizeof(expected) - 1, file);
	expected[len] = '\0';
	fclose(file);
	ck_assert_msg(strcmp(expected, text) == 0, "%s:\n%s", path, shown(text));
}

START_TEST(each_format_is_written_as_in_the_golden_files)
{
	static const struct {
		const char *name;
		struct md_registry *(*make)(struct md_arena *arena);
		unsigned engine;
	} samples[] = { { "library", declared, MD_ENGINE_SQLITE },
			{ "people", introspected, MD_ENGINE_POSTGRESQL } };

	for (unsigned s = 0; s < 2; s++) {
		md_auto_arena arena = md_arena_new(ARENA_MAX);
		md_auto_buf text = MD_BUF(TEXT_MAX);
		struct md_registry *registry = samples[s].make(arena);
		const struct md_schema_source source = {
			.registry = registry,
			.dialect = md_schema_dialect(samples[s].engine),
			.lines = true,
		};

		for (unsigned f = 0; f < MD_SCHEMA_FORMATS; f++)
			check_golden(samples[s].name, md_schema_format_name(f),
				     write_as(&source, f, &text));
		md_registry_unref(registry);
	}
}
END_TEST

START_TEST(json_on_one_line_is_the_same_json)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	md_auto_buf lines = MD_BUF(TEXT_MAX), line = MD_BUF(TEXT_MAX);
	struct md_registry *registry = declared(arena);
	struct md_schema_source source = { .registry = registry,
					   .dialect = md_schema_dialect(MD_ENGINE_SQLITE) };

	for (unsigned f = MD_SCHEMA_JSON; f <= MD_SCHEMA_OPENAPI; f++) {
		json_t *left, *right;

		source.lines = false;
		left = json_loads(write_as(&source, f, &line), JSON_REJECT_DUPLICATES, NULL);
		ck_assert_ptr_null(strchr(line.data, '\n'));
		source.lines = true;
		right = json_loads(write_as(&source, f, &lines), JSON_REJECT_DUPLICATES, NULL);
		ck_assert_ptr_nonnull(left);
		ck_assert(json_equal(left, right));
		ck_assert_uint_gt(lines.len, line.len);
		json_decref(left);
		json_decref(right);
	}
	md_registry_unref(registry);
}
END_TEST

/* --- what clients may know ---------------------------------------------------------------------
 */

START_TEST(nothing_tells_of_hidden_fields)
{
	static const char *const words[] = { "secret", "editor", "writer_hushed" };
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct md_registry *registry = declared(arena);

	for (unsigned f = 0; f < MD_SCHEMA_FORMATS; f++)
		for (unsigned e = 0; e < 2; e++) {
			const struct md_schema_source source = {
				.registry = registry,
				.dialect = md_schema_dialect(engines[e]),
				.empty = true,
			};

			write_as(&source, f, &text);
			ck_assert_ptr_nonnull(strstr(text.data, "email"));
			for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
				ck_assert_msg(!strstr(text.data, words[i]), "%s: %s\n%s",
					      md_schema_format_name(f), words[i], shown(text.data));
		}
	md_registry_unref(registry);
}
END_TEST

START_TEST(the_administrator_gets_the_sql_of_all_columns)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct md_registry *registry = declared(arena);
	const struct md_schema_source source = { .registry = registry,
						 .dialect = md_schema_dialect(MD_ENGINE_SQLITE),
						 .trusted = true };

	write_as(&source, MD_SCHEMA_SQL, &text);
	ck_assert_ptr_nonnull(strstr(text.data, "\"secret\" TEXT"));
	ck_assert_ptr_nonnull(strstr(text.data, "writer_hushed"));
	ck_assert_ptr_nonnull(strstr(text.data, "\"editor_id\""));
	md_registry_unref(registry);
}
END_TEST

START_TEST(fields_stand_only_where_they_can_be_given_or_read)
{
	static const struct {
		const char *field;
		bool row, insert, update;
	} cases[] = {
		{ "email", true, true, true },     { "pin", false, true, true },
		{ "code", true, true, false },     { "seen", true, false, false },
		{ "secret", false, false, false }, { "note", true, true, true },
	};
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct md_registry *registry = declared(arena);
	const struct md_schema_source source = { .registry = registry,
						 .dialect = md_schema_dialect(MD_ENGINE_SQLITE) };
	json_t *json = json_loads(write_as(&source, MD_SCHEMA_JSON_SCHEMA, &text), 0, NULL);
	json_t *row = json_object_get(json_object_get(json, "$defs"), "writer");
	json_t *insert = json_object_get(json_object_get(row, "$defs"), "insert");
	json_t *update = json_object_get(json_object_get(row, "$defs"), "update");

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].field;

		ck_assert_msg(cases[i].row ==
				      !!json_object_get(json_object_get(row, "properties"), name),
			      "%s", name);
		ck_assert_msg(
			cases[i].insert ==
				!!json_object_get(json_object_get(insert, "properties"), name),
			"%s", name);
		ck_assert_msg(
			cases[i].update ==
				!!json_object_get(json_object_get(update, "properties"), name),
			"%s", name);
	}
	json_decref(json);
	md_registry_unref(registry);
}
END_TEST

START_TEST(abstract_models_appear_when_they_are_asked_for)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct md_registry *registry = declared(arena);
	struct md_schema_source source = { .registry = registry,
					   .dialect = md_schema_dialect(MD_ENGINE_SQLITE) };
	json_t *json;

	for (unsigned f = MD_SCHEMA_JSON; f <= MD_SCHEMA_JSON_SCHEMA; f++) {
		source.empty = false;
		ck_assert_ptr_null(strstr(write_as(&source, f, &text), "\"Base\""));
		source.empty = true;
		ck_assert_ptr_nonnull(strstr(write_as(&source, f, &text), "\"Base\""));
	}
	json = md_registry_to_json_all(registry);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "models")), 4);
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(json, "models"), 3), "kind")),
			 "abstract");
	json_decref(json);
	json = md_registry_to_json(registry, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "models")), 3);
	json_decref(json);
	md_registry_unref(registry);
}
END_TEST

/* --- limits and failures -----------------------------------------------------------------------
 */

START_TEST(a_text_that_is_too_long_is_refused)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct md_registry *registry = introspected(arena);
	const struct md_schema_source source = { .registry = registry,
						 .dialect = md_schema_dialect(MD_ENGINE_SQLITE) };

	for (unsigned f = 0; f < MD_SCHEMA_FORMATS; f++) {
		md_auto_buf text = MD_BUF(100);
		struct md_error err;

		ck_assert_int_eq(md_schema_write(&source, f, &text, &err), MD_TOO_LARGE);
		ck_assert_ptr_nonnull(strstr(err.message, "100 bytes"));
	}
	md_registry_unref(registry);
}
END_TEST

START_TEST(formats_are_found_by_their_names)
{
	enum md_schema_format format = MD_SCHEMA_FORMATS;

	for (unsigned f = 0; f < MD_SCHEMA_FORMATS; f++) {
		ck_assert(md_schema_format_find(md_str_of(md_schema_format_name(f)), &format));
		ck_assert_uint_eq(format, f);
		ck_assert_ptr_nonnull(strchr(md_schema_format_type(f), '/'));
	}
	ck_assert(!md_schema_format_find(MD_STR("xml"), &format));
	ck_assert(!md_schema_format_find(MD_STR(""), &format));
}
END_TEST

/* Let each allocation fail once. */
static void fail_each(enum md_code (*run)(void *arg), void *arg)
{
	long n = 0;
	bool fired = true;

	for (; fired; n++) {
		enum md_code code;

		fault_arm(n);
		code = run(arg);
		fired = fault_fired();
		fault_disarm();
		ck_assert_msg(code == (fired ? MD_NOMEM : MD_OK), "call %ld: code %d", n, code);
	}
	ck_assert_int_gt(n, 2);
}

struct writing {
	struct md_schema_source source;
	enum md_schema_format format;
};

static enum md_code run_write(void *arg)
{
	const struct writing *writing = arg;
	md_auto_buf text = MD_BUF(TEXT_MAX);

	return md_schema_write(&writing->source, writing->format, &text, NULL);
}

START_TEST(every_allocation_of_a_writer_may_fail)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct md_registry *registries[] = { declared(arena), introspected(arena) };

	for (unsigned r = 0; r < 2; r++) {
		for (unsigned f = 0; f < MD_SCHEMA_FORMATS; f++) {
			struct writing writing = { { .registry = registries[r],
						     .dialect = md_schema_dialect(engines[r]),
						     .empty = true },
						   f };

			fail_each(run_write, &writing);
		}
		md_registry_unref(registries[r]);
	}
}
END_TEST

static enum md_code run_import(void *arg)
{
	md_auto_buf text = MD_BUF(TEXT_MAX), notes = MD_BUF(TEXT_MAX);

	return md_schema_import(arg, &text, &notes, NULL);
}

static enum md_code run_json(void *arg)
{
	json_t *json = md_registry_to_json_all(arg);

	json_decref(json);
	return json ? MD_OK : MD_NOMEM;
}

START_TEST(every_allocation_of_an_import_may_fail)
{
	const struct md_catalog catalog = introspected_catalog();
	struct md_schema_import source = { .catalog = &catalog,
					   .dialect = md_schema_dialect(MD_ENGINE_POSTGRESQL) };
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct md_registry *registry = declared(arena);

	fail_each(run_import, &source);
	fail_each(run_json, registry);
	md_registry_unref(registry);
}
END_TEST

/* --- import ------------------------------------------------------------------------------------
 */

START_TEST(an_import_says_what_can_be_declared_and_tells_the_rest)
{
	const struct md_catalog catalog = introspected_catalog();
	const struct md_schema_import source = { .catalog = &catalog,
						 .dialect =
							 md_schema_dialect(MD_ENGINE_POSTGRESQL) };
	md_auto_buf text = MD_BUF(TEXT_MAX), notes = MD_BUF(TEXT_MAX);

	ck_assert_int_eq(md_schema_import(&source, &text, &notes, NULL), MD_OK);
	check_golden("people", "import", md_buf_text(&text));
	check_golden("people", "notes", md_buf_text(&notes));
	md_definitions_free(read_definitions(text.data, MD_ENGINE_POSTGRESQL));
}
END_TEST

struct database {
	struct md_db_schema *schema;
	const struct md_ddl_dialect *ddl;
	const struct md_catalog *catalog;
};

static void open_database(struct database *db)
{
	const struct md_db_schema_options options = { .url = "sqlite:///none.db", .scratch = true };

	*db = (struct database){ .schema = NULL };
	ck_assert_int_eq(md_db_schema_open(&options, &db->schema, NULL), MD_OK);
	db->ddl = md_ddl_dialect_of(md_db_schema_dialect(db->schema));
}

/* An empty database in memory with the tables of the definitions. */
static void make_database(struct database *db, const struct md_definitions *definitions,
			  struct md_arena *arena)
{
	bool wanted[64];
	struct md_ddl_plan plan;
	struct md_error err;

	open_database(db);
	ck_assert_uint_le(definitions->model_count, 64);
	for (unsigned i = 0; i < definitions->model_count; i++)
		wanted[i] = !definitions->models[i].abstract;
	ck_assert_int_eq(md_ddl_plan(db->ddl, definitions, wanted, arena, &plan, NULL), MD_OK);
	for (unsigned i = 0; i < plan.count; i++)
		ck_assert_msg(md_db_schema_run(db->schema, plan.statements[i].sql, &err) == MD_OK,
			      "%s\n%s", err.message, plan.statements[i].sql);
	ck_assert_int_eq(md_db_schema_catalog(db->schema, arena, &db->catalog, NULL), MD_OK);
}

/* How a column is computed is not told: the field is readonly, and may be null. */
static bool is_of_computed(const struct md_difference *difference)
{
	return !difference->blocking &&
	       (strstr(difference->text, "generated") || strstr(difference->text, "the field may"));
}

/* What the import of a database says is the database, but for what it computes. */
static void check_import(const struct database *db, bool computes, struct md_arena *arena)
{
	const struct md_schema_import source = { .catalog = db->catalog,
						 .dialect = db->ddl->sql,
						 .managed = true };
	md_auto_buf text = MD_BUF(TEXT_MAX), notes = MD_BUF(TEXT_MAX);
	const struct md_definitions *definitions;
	struct md_differences found;
	struct database again;
	bool missing[64];

	ck_assert_int_eq(md_schema_import(&source, &text, &notes, NULL), MD_OK);
	definitions = read_definitions(md_buf_text(&text), MD_ENGINE_SQLITE);
	ck_assert_int_eq(
		md_compare(db->ddl, definitions, db->catalog, arena, missing, &found, NULL), MD_OK);
	for (unsigned i = 0; i < found.count; i++)
		ck_assert_msg(computes && is_of_computed(&found.items[i]), "%s.%s: %s\n%s",
			      found.items[i].table,
			      found.items[i].column ? found.items[i].column : "",
			      found.items[i].text, shown(text.data));
	for (unsigned i = 0; i < definitions->model_count; i++)
		ck_assert(!missing[i]);
	make_database(&again, definitions, arena);
	ck_assert_msg(computes || md_catalog_print(again.catalog) == md_catalog_print(db->catalog),
		      "%s", shown(text.data));
	ck_assert_uint_eq(again.catalog->count, db->catalog->count);
	md_db_schema_close(again.schema);
	md_definitions_free(definitions);
}

START_TEST(an_import_of_what_definitions_made_makes_the_same_tables)
{
	unsigned plain = 0;

	for (uint32_t seed = 0; seed < 200; seed++) {
		md_auto_arena arena = md_arena_new(ARENA_MAX);
		md_auto_buf text = MD_BUF(TEXT_MAX);
		const struct md_definitions *definitions;
		struct database db;
		bool computes;

		random_definitions(&text, seed);
		computes = strstr(md_buf_text(&text), "generated") != NULL;
		plain += !computes;
		definitions = read_definitions(text.data, MD_ENGINE_SQLITE);
		make_database(&db, definitions, arena);
		check_import(&db, computes, arena);
		md_db_schema_close(db.schema);
		md_definitions_free(definitions);
	}
	ck_assert_uint_gt(plain, 20);
}
END_TEST

/* The SQL of a database makes the database. */
static void check_sql(const struct database *db, struct md_arena *arena)
{
	struct md_registry *registry = NULL;
	struct md_schema_source source = { .dialect = db->ddl->sql };
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct database again;
	struct md_error err;

	ck_assert_int_eq(
		md_registry_build(&(struct md_registry_source){ .catalog = db->catalog,
								.schema = MD_STR("public") },
				  &registry, NULL),
		MD_OK);
	source.registry = registry;
	write_as(&source, MD_SCHEMA_SQL, &text);
	open_database(&again);
	for (char *p = text.data, *end; *p; p = end) {
		end = strstr(p, ";\n");
		ck_assert_msg(end != NULL, "%s", p);
		*end = '\0';
		end += 2;
		ck_assert_msg(md_db_schema_run(again.schema, p, &err) == MD_OK, "%s\n%s",
			      err.message, p);
	}
	ck_assert_int_eq(md_db_schema_catalog(again.schema, arena, &again.catalog, NULL), MD_OK);
	ck_assert(md_catalog_print(again.catalog) == md_catalog_print(db->catalog));
	md_db_schema_close(again.schema);
	md_registry_unref(registry);
}

START_TEST(the_sql_of_a_database_makes_it_again)
{
	static const char *const statements[] = {
		"CREATE TABLE artist (id INTEGER NOT NULL, name NVARCHAR(120) COLLATE NOCASE, "
		"CONSTRAINT artist_pkey PRIMARY KEY (id))",
		"CREATE TABLE album (a TEXT NOT NULL, b INTEGER NOT NULL DEFAULT 5, artist_id INT "
		"NOT NULL REFERENCES artist (id) ON DELETE CASCADE ON UPDATE RESTRICT, price "
		"NUMERIC(10,2) DEFAULT (1 + 1), anything ANY, CONSTRAINT album_pkey PRIMARY KEY "
		"(a, "
		"b), CONSTRAINT album_u UNIQUE (artist_id, b), CONSTRAINT album_c CHECK (price > "
		"0 AND a <> ';'))",
		"CREATE INDEX album_i ON album (price, a)",
		"CREATE UNIQUE INDEX album_p ON album (price) WHERE price > 1",
	};
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct database db;
	struct md_error err;

	open_database(&db);
	for (unsigned i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		ck_assert_msg(md_db_schema_run(db.schema, statements[i], &err) == MD_OK, "%s",
			      err.message);
	ck_assert_int_eq(md_db_schema_catalog(db.schema, arena, &db.catalog, NULL), MD_OK);
	check_sql(&db, arena);
	check_import(&db, false, arena);
	md_db_schema_close(db.schema);
}
END_TEST

START_TEST(an_import_gives_fields_names_of_their_own)
{
	static const char sql[] =
		"CREATE TABLE \"1 a\" (\"x y\" INTEGER NOT NULL, \"x.y\" TEXT, x_y TEXT, \"x\ny\" "
		"TEXT, CONSTRAINT \"1 a_pkey\" PRIMARY KEY (\"x y\"), CONSTRAINT \"a\nb\" CHECK "
		"(\"x.y\" > ''))";
	static const char *const names[] = { "\"__a\": {",          "\"x_y\": {",
					     "\"x_y_2\": {",        "\"x_y_3\": {",
					     "\"column\": \"x.y\"", "\"table\": \"1 a\"" };
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	md_auto_buf text = MD_BUF(TEXT_MAX), notes = MD_BUF(TEXT_MAX);
	struct md_schema_import source = { .managed = false };
	struct database db;

	open_database(&db);
	ck_assert_int_eq(md_db_schema_run(db.schema, sql, NULL), MD_OK);
	ck_assert_int_eq(md_db_schema_catalog(db.schema, arena, &db.catalog, NULL), MD_OK);
	source.catalog = db.catalog;
	source.dialect = db.ddl->sql;
	ck_assert_int_eq(md_schema_import(&source, &text, &notes, NULL), MD_OK);
	md_definitions_free(read_definitions(md_buf_text(&text), MD_ENGINE_SQLITE));
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(strstr(text.data, names[i]) != NULL, "%s\n%s", names[i],
			      shown(text.data));
	ck_assert_str_eq(md_buf_text(&notes), "table 1 a, column x?y: left out: a name that "
					      "definition files do not allow\n");
	md_db_schema_close(db.schema);
}
END_TEST

SUITE_MAIN("schema", each_format_is_written_as_in_the_golden_files,
	   json_on_one_line_is_the_same_json, nothing_tells_of_hidden_fields,
	   the_administrator_gets_the_sql_of_all_columns,
	   fields_stand_only_where_they_can_be_given_or_read,
	   abstract_models_appear_when_they_are_asked_for, a_text_that_is_too_long_is_refused,
	   formats_are_found_by_their_names, every_allocation_of_a_writer_may_fail,
	   every_allocation_of_an_import_may_fail,
	   an_import_says_what_can_be_declared_and_tells_the_rest,
	   an_import_of_what_definitions_made_makes_the_same_tables,
	   the_sql_of_a_database_makes_it_again, an_import_gives_fields_names_of_their_own)
