/* Tables made of definitions on PostgreSQL, on a server of its own. */
#include "core/migrate/ddl.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/catalog.h"
#include "core/db/schema.h"
#include "core/ops/tables.h"
#include "tests/support/server.h"
#include "tests/support/suite.h"
#include "tests/unit/ddl_random.h"
#include "tests/unit/define_sample.h"

static struct md_arena *arena;
static const struct md_definitions *definitions;
static const struct md_catalog *catalog;
static struct md_tables tables;
static struct md_error err;

static void begin(void)
{
	server_run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS shop CASCADE;"
		   "CREATE SCHEMA shop");
	arena = md_arena_new(64 << 20);
	ck_assert_ptr_nonnull(arena);
}

static void end(void)
{
	definitions = md_definitions_free(definitions);
	arena = md_arena_free(arena);
}

static void load(const char *text)
{
	struct md_def_source source = { "test.json", md_str_of(text) };
	struct md_def_report report = { .items = NULL };
	enum md_code code;

	definitions = md_definitions_free(definitions);
	code = md_definitions_load(&source, 1, NULL, MD_ENGINE_POSTGRESQL, &report, &definitions,
				   &err);
	if (code != MD_OK)
		ck_abort_msg("%s\n%s: %s", text, report.items ? report.items[0].place.pointer : "",
			     report.items ? report.items[0].message : err.message);
	md_def_report_release(&report);
}

static void load_fields(const char *fields)
{
	char text[4096];

	snprintf(text, sizeof(text), "{\"version\":1,\"models\":{\"A\":{\"fields\":{%s}}}}",
		 fields);
	load(text);
}

static struct md_tables_options options_of(bool dry_run)
{
	return (struct md_tables_options){
		.url = server_url, .schema = "shop", .definitions = definitions, .dry_run = dry_run
	};
}

static enum md_code create(bool dry_run)
{
	const struct md_tables_options options = options_of(dry_run);

	md_error_clear(&err);
	memset(&tables, 0, sizeof(tables));
	return md_tables_create(&options, arena, &tables, &err);
}

static void must_create(const char *source)
{
	if (create(false) != MD_OK)
		ck_abort_msg("%s\n%s\n%s", source, err.message, err.details);
}

static void introspect(void)
{
	const struct md_db_schema_options options = { .url = server_url,
						      .schema = "shop",
						      .read_only = true };
	struct md_db_schema *schema = NULL;

	ck_assert_int_eq(md_db_schema_open(&options, &schema, &err), MD_OK);
	ck_assert(!md_db_schema_is_file(schema));
	ck_assert_int_eq(md_db_schema_catalog(schema, arena, &catalog, &err), MD_OK);
	md_db_schema_close(schema);
}

/* One line a difference: ! blocks. */
static const char *differences(void)
{
	static char text[8192];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < tables.differences.count; i++) {
		const struct md_difference *d = &tables.differences.items[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s.%s: %s\n",
					d->blocking ? "!" : "", d->table,
					d->column ? d->column : "", d->text);
	}
	return text;
}

/* --- definition → DDL → catalog ----------------------------------------------------------------
 */

static const struct md_catalog_table *find_table(const char *name)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	ck_abort_msg("no table %s", name);
	return NULL;
}

static const char *expected_type(const struct md_def_field *field, char *text, size_t size)
{
	static const char *const names[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_SMALLINT] = "smallint",
		[MD_DEF_INTEGER] = "integer",
		[MD_DEF_BIGINT] = "bigint",
		[MD_DEF_FLOAT] = "double precision",
		[MD_DEF_DECIMAL] = "numeric",
		[MD_DEF_STRING] = "character varying",
		[MD_DEF_TEXT] = "text",
		[MD_DEF_BOOLEAN] = "boolean",
		[MD_DEF_DATETIME] = "timestamp with time zone",
		[MD_DEF_DATETIME_LOCAL] = "timestamp without time zone",
		[MD_DEF_DATE] = "date",
		[MD_DEF_TIME] = "time without time zone",
		[MD_DEF_UUID] = "uuid",
		[MD_DEF_JSON] = "jsonb",
		[MD_DEF_BYTES] = "bytea",
		[MD_DEF_ENUM] = "character varying",
	};

	if (field->type == MD_DEF_ARRAY)
		snprintf(text, size, "%s[]", names[field->items]);
	else if (field->type == MD_DEF_STRING)
		snprintf(text, size, "%s(%u)", names[field->type], field->max_length);
	else if (field->type == MD_DEF_DECIMAL)
		snprintf(text, size, "%s(%u,%u)", names[field->type], field->precision,
			 field->scale);
	else
		snprintf(text, size, "%s", names[field->type]);
	return text;
}

static bool has_default(const struct md_def_field *field)
{
	const struct md_def_default *value = &field->value;

	return (value->literal.kind != MD_DEF_NO_VALUE && value->literal.kind != MD_DEF_NULL) ||
	       value->sql.any ||
	       (value->fn != MD_DEF_FN_NONE && value->fn != MD_DEF_UUID7 &&
		value->fn != MD_DEF_AUTH);
}

static void same_columns(const struct md_def_model *model, const struct md_catalog_table *table)
{
	char type[64];

	ck_assert_uint_eq(table->column_count, model->field_count);
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i];
		const struct md_catalog_column *column = &table->columns[i];

		ck_assert_str_eq(column->name, md_def_column(field));
		ck_assert_str_eq(column->declared, expected_type(field, type, sizeof(type)));
		ck_assert_int_eq(column->nullable, field->nullable);
		ck_assert_int_eq(column->generated, field->is_generated);
		ck_assert_int_eq(column->identity, field->identity);
		ck_assert_str_eq(column->collation ? column->collation : "",
				 field->collate == MD_DEF_NOCASE ? "modeld_nocase" : "");
		ck_assert_int_eq(column->fallback != NULL, has_default(field));
	}
}

static bool is_column(const struct md_catalog_table *table, unsigned column,
		      const struct md_def_field *field)
{
	return strcmp(table->columns[column].name, md_def_column(field)) == 0;
}

static const struct md_catalog_key *key_named(const struct md_catalog_table *table,
					      const char *name)
{
	for (unsigned i = 0; i < table->key_count; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return &table->keys[i];
	return NULL;
}

static const struct md_catalog_index *index_named(const struct md_catalog_table *table,
						  const char *name)
{
	for (unsigned i = 0; i < table->index_count; i++)
		if (table->indexes[i].name && strcmp(table->indexes[i].name, name) == 0)
			return &table->indexes[i];
	return NULL;
}

static void same_index(const struct md_def_index *index, const struct md_catalog_table *table)
{
	bool some = index->where.any != NULL, key_wanted = index->unique && !some;
	const struct md_catalog_index *found = index_named(table, index->name);
	const struct md_catalog_key *key = key_named(table, index->name);
	const unsigned *columns = key_wanted && key ? key->columns : found ? found->columns : NULL;
	unsigned count = key_wanted && key ? key->count : found ? found->count : 0;

	ck_assert_msg(key_wanted ? key != NULL : found != NULL, "no index %s", index->name);
	ck_assert_uint_eq(count, index->count);
	for (unsigned k = 0; k < count; k++)
		ck_assert(is_column(table, columns[k], index->columns[k].field));
	if (!found)
		return;
	ck_assert_int_eq(found->unique, index->unique);
	ck_assert_int_eq(found->partial, some);
	ck_assert(found->whole);
}

static void same_keys(const struct md_def_model *model, const struct md_catalog_table *table)
{
	const struct md_catalog_key *key = key_named(table, model->key_name);

	ck_assert_ptr_nonnull(key);
	ck_assert(key->primary);
	ck_assert_uint_eq(key->count, model->key_count);
	for (unsigned i = 0; i < key->count; i++)
		ck_assert(is_column(table, key->columns[i], model->key[i]));
	for (unsigned i = 0; i < model->index_count; i++)
		same_index(&model->indexes[i], table);
	/* Indexes and no more: one of the key, and those of the model. */
	ck_assert_uint_eq(table->index_count, 1 + model->index_count);
}

static enum md_fk_action action(enum md_def_action action)
{
	static const enum md_fk_action actions[] = {
		[MD_DEF_ACTION_UNSET] = MD_FK_NO_ACTION, [MD_DEF_NO_ACTION] = MD_FK_NO_ACTION,
		[MD_DEF_RESTRICT] = MD_FK_RESTRICT,      [MD_DEF_CASCADE] = MD_FK_CASCADE,
		[MD_DEF_SET_NULL] = MD_FK_SET_NULL,      [MD_DEF_SET_DEFAULT] = MD_FK_SET_DEFAULT,
	};

	return actions[action];
}

static void same_foreign_key(const struct md_def_foreign_key *key,
			     const struct md_catalog_table *table)
{
	const struct md_catalog_foreign_key *found = NULL;

	for (unsigned k = 0; k < table->foreign_key_count; k++)
		if (strcmp(table->foreign_keys[k].name, key->name) == 0)
			found = &table->foreign_keys[k];
	ck_assert_msg(found, "no foreign key %s", key->name);
	ck_assert_str_eq(found->target, key->to->table);
	ck_assert_uint_eq(found->count, key->count);
	for (unsigned k = 0; k < key->count; k++) {
		ck_assert(is_column(table, found->columns[k], key->fields[k]));
		ck_assert_str_eq(found->target_columns[k], md_def_column(key->targets[k]));
	}
	ck_assert_int_eq(found->on_delete, action(key->on_delete));
	ck_assert_int_eq(found->on_update, action(key->on_update));
	ck_assert_int_eq(found->deferrable, key->deferrable != MD_DEF_NOT_DEFERRABLE);
	ck_assert_int_eq(found->deferred, key->deferrable == MD_DEF_DEFERRED);
}

static void same_everything(void)
{
	unsigned made = 0;

	introspect();
	for (unsigned i = 0; i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];
		const struct md_catalog_table *table;

		if (model->abstract)
			continue;
		made++;
		table = find_table(model->table);
		same_columns(model, table);
		same_keys(model, table);
		ck_assert_uint_eq(table->foreign_key_count, model->foreign_key_count);
		for (unsigned k = 0; k < model->foreign_key_count; k++)
			same_foreign_key(&model->foreign_keys[k], table);
		for (unsigned k = 0; k < table->check_count; k++)
			ck_assert_str_ne(table->checks[k].expression, "");
	}
	ck_assert_uint_eq(catalog->count, made);
}

/* The second run finds nothing to do and nothing that differs. */
static void again_makes_nothing(const char *source)
{
	must_create(source);
	if (tables.differences.count > 0)
		ck_abort_msg("%s\n%s", source, differences());
	ck_assert_uint_eq(tables.plan.count, 0);
	ck_assert_uint_eq(tables.script_count, 0);
}

static const char *blog(void)
{
	static char text[16 * 1024];
	FILE *file = fopen(SRCDIR "/config/models/blog.json", "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

START_TEST(the_blog_comes_back_from_the_database)
{
	begin();
	load(blog());
	must_create("blog");
	ck_assert_uint_eq(tables.plan.count, 7);
	same_everything();
	again_makes_nothing("blog");
	ck_assert_str_eq(server_ask("SELECT count(*) FROM shop._modeld_objects"), "7");
	ck_assert_str_eq(server_ask("SELECT kind || ' ' || model || ' ' || length(checksum) FROM "
				    "shop._modeld_objects WHERE name = 'post_author_id_idx'"),
			 "index Post 64");
	ck_assert_str_eq(server_ask("SELECT to_regclass('public.post') IS NULL"), "t");
	end();
}
END_TEST

START_TEST(generated_definitions_come_back_from_the_database)
{
	uint64_t stop = md_now_ns() + 20 * MD_SEC;
	unsigned seed = 1;

	random_stored_only = true;
	for (; seed <= 30 || (seed <= 300 && md_now_ns() < stop); seed++) {
		md_auto_buf text = MD_BUF(1 << 20);

		begin();
		random_definitions(&text, seed);
		load(md_buf_text(&text));
		must_create(text.data);
		same_everything();
		again_makes_nothing(text.data);
		end();
	}
	printf("%u sets of definitions\n", seed - 1);
}
END_TEST

/* Put `in` for the first `out` of a text. */
static void replace(struct md_buf *text, const char *out, const char *in)
{
	md_auto_buf rest = MD_BUF(1 << 20);
	const char *at = strstr(md_buf_text(text), out);
	size_t before = (size_t)(at - text->data);

	ck_assert_ptr_nonnull(at);
	md_buf_puts(&rest, at + strlen(out));
	text->len = before;
	md_buf_puts(text, in);
	md_buf_puts(text, md_buf_text(&rest));
}

START_TEST(everything_the_format_has_becomes_tables)
{
	md_auto_buf text = MD_BUF(1 << 20);

	begin();
	server_run("CREATE TABLE shop.old (x bigint PRIMARY KEY, a uuid NOT NULL, b uuid NOT NULL,"
		   " created_at timestamptz NOT NULL DEFAULT now(),"
		   " updated_at timestamptz NOT NULL DEFAULT now());"
		   "CREATE INDEX old_a_b_idx ON shop.old (a, b)");
	md_buf_puts(&text, everything);
	replace(&text, "\"t s\"", "\"pg_default\""); /* a tablespace is a folder of the server */
	replace(&text, "\"unlogged\": true", "\"unlogged\": false"); /* others refer to it */
	replace(&text, "\"any\": \"2\"", "\"any\": \"true\"");
	load(md_buf_text(&text));
	must_create("everything");
	must_create("everything");
	/* The table that is not managed has no key of its own; nothing else differs. */
	ck_assert_str_eq(differences(),
			 "old.: the foreign key \"to friend\" to friend is missing\n");
	end();
}
END_TEST

/* --- values ------------------------------------------------------------------------------------
 */

START_TEST(defaults_are_what_the_definition_says_and_are_known_again)
{
	static const struct {
		const char *field, *stored;
	} cases[] = {
		{ "\"boolean = false\"", "f" },
		{ "\"integer = -7\"", "-7" },
		{ "\"smallint = 7\"", "7" },
		{ "\"float = -1.5e3\"", "-1500" },
		{ "\"decimal(10, 2) = 1.50\"", "1.50" },
		{ "\"decimal(30, 2) = '12345678901234567.89'\"", "12345678901234567.89" },
		{ "\"string = 'it\\\\'s'\"", "it's" },
		{ "\"enum(a, 'b c') = 'b c'\"", "b c" },
		{ "\"datetime = '2020-02-29T23:30:00.5-01:30'\"", "2020-03-01 01:00:00.5+00" },
		{ "\"datetime = '2020-01-01 00:00:00Z'\"", "2020-01-01 00:00:00+00" },
		{ "\"datetime_local = '2020-01-01 10:20:30.120'\"", "2020-01-01 10:20:30.12" },
		{ "\"date = '2020-01-31'\"", "2020-01-31" },
		{ "\"time = '10:20:30.25'\"", "10:20:30.25" },
		{ "\"bytes = 'AAEC/w=='\"", "\\x000102ff" },
		{ "\"bytes = '\\\\\\\\xFF00'\"", "\\xff00" },
		{ "{ \"type\": \"json\", \"default\": \"a\\\"b\" }", "\"a\\\"b\"" },
		{ "{ \"type\": \"json\", \"default\": 0.10 }", "0.10" },
		{ "{ \"type\": \"json\", \"default\": {\"bb\": [true, \"it's\"], \"a\": null} }",
		  "{\"a\": null, \"bb\": [true, \"it's\"]}" },
		{ "{ \"type\": \"array\", \"items\": \"integer\", \"default\": [1, null, -2] }",
		  "{1,NULL,-2}" },
		{ "{ \"type\": \"array\", \"items\": \"boolean\", \"default\": [true, false] }",
		  "{t,f}" },
		{ "{ \"type\": \"array\", \"items\": \"text\", \"default\": [\"a\", \"\", \"b c\","
		  " \"q\\\"\\\\{,}\", \"null\", \"\\u00e4\\ud83d\\ude00\\n\", \"'\"] }",
		  "{a,\"\",\"b c\",\"q\\\"\\\\{,}\",\"null\",\"\303\244\360\237\230\200\n\",'}" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		begin();
		snprintf(text, sizeof(text), "\"x\":%s", cases[i].field);
		load_fields(text);
		must_create(text);
		ck_assert_str_eq(server_ask("SET TimeZone = UTC; INSERT INTO shop.a DEFAULT VALUES "
					    "RETURNING x"),
				 cases[i].stored);
		again_makes_nothing(text);
		end();
	}
}
END_TEST

START_TEST(functions_give_values_and_are_known_again)
{
	static const struct {
		const char *field, *test;
	} cases[] = {
		{ "datetime = now()", "x = now()" },
		{ "datetime_local = now()", "x = now() AT TIME ZONE 'UTC'" },
		{ "date = today()", "x = (now() AT TIME ZONE 'UTC')::date" },
		{ "uuid = uuid()", "x::text LIKE '________-____-4___-____-____________'" },
		{ "text = random_hex()", "x ~ '^[0-9a-f]{32}$'" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		begin();
		snprintf(text, sizeof(text), "\"x\":\"%s\"", cases[i].field);
		load_fields(text);
		must_create(text);
		snprintf(text, sizeof(text), "INSERT INTO shop.a DEFAULT VALUES RETURNING %s",
			 cases[i].test);
		ck_assert_str_eq(server_ask(text), "t");
		again_makes_nothing(cases[i].field);
		end();
	}
}
END_TEST

START_TEST(checks_refuse_what_the_model_refuses)
{
	static const struct {
		const char *field, *good, *bad;
	} cases[] = {
		{ "string(3) min_length(2)", "'äöü'", "'abcd'" },
		{ "string(3) min_length(2)", "'ab'", "'a'" },
		{ "text max_length(3)", "'äöü'", "'abcd'" },
		{ "bytes max_length(2)", "'\\xffff'", "'\\xffffff'" },
		{ "boolean", "true", "2" },
		{ "smallint", "-32768", "32768" },
		{ "integer min(0) max(10)", "10", "11" },
		{ "integer multiple_of(3)", "-6", "7" },
		{ "float exclusive_min(0) exclusive_max(1)", "0.5", "1.0" },
		{ "decimal(8,2) max('9.99')", "9.99", "10" },
		{ "decimal(30,2) max('99999999999999999999.99')", "99999999999999999999.99",
		  "100000000000000000000" },
		{ "enum(a, 'b c')", "'b c'", "'c'" },
		{ "json", "'{\"a\": 1}'", "'{a'" },
		{ "array(integer)", "'{1}'", "'{a}'" },
		{ "uuid", "'01234567-89ab-4def-8123-456789abcdef'", "'x'" },
		{ "date min('2020-01-01')", "'2020-01-01'", "'2019-12-31'" },
		{ "datetime min('2020-01-01T01:00:00+01:00')", "'2020-01-01T00:00:00Z'",
		  "'2019-12-31T23:59:59.999999+00:00'" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		begin();
		snprintf(text, sizeof(text), "\"x\":\"%s\"", cases[i].field);
		load_fields(text);
		must_create(text);
		snprintf(text, sizeof(text), "INSERT INTO shop.a (x) VALUES (%s) RETURNING 'done'",
			 cases[i].good);
		ck_assert_str_eq(server_ask(text), "done");
		snprintf(text, sizeof(text), "INSERT INTO shop.a (x) VALUES (%s) RETURNING 'done'",
			 cases[i].bad);
		ck_assert_msg(strncmp(server_ask(text), "ERROR", 5) == 0, "%s took %s",
			      cases[i].field, cases[i].bad);
		end();
	}
}
END_TEST

START_TEST(texts_sort_by_bytes_and_nocase_knows_no_case)
{
	begin();
	load_fields("\"x\":\"text\", \"y\": \"string(9) collate(nocase) unique\","
		    " \"z\": \"text collate(database)\"");
	must_create("collations");
	ck_assert_str_eq(server_ask("INSERT INTO shop.a (x, y, z) VALUES ('b', 'Bob', ''),"
				    " ('A', 'Ann', ''), ('a', 'cid', '') RETURNING 'done'"),
			 "done");
	ck_assert_str_eq(server_ask("SELECT string_agg(x, '' ORDER BY x) FROM shop.a"), "Aab");
	ck_assert_str_eq(server_ask("SELECT x FROM shop.a WHERE y = 'BOB'"), "b");
	ck_assert_ptr_nonnull(strstr(
		server_ask("INSERT INTO shop.a (x, y, z) VALUES ('', 'bOB', '')"), "a_y_key"));
	ck_assert_str_eq(server_ask("SELECT collation_name FROM information_schema.columns WHERE"
				    " table_schema = 'shop' AND table_name = 'a' AND column_name ="
				    " 'z'"),
			 "");
	again_makes_nothing("collations");
	end();
}
END_TEST

START_TEST(options_comments_and_kinds_of_indexes_reach_the_server)
{
	begin();
	load("{\"version\":1,\"models\":{\"A\":{\"description\":\"it's\",\"options\":{"
	     "\"postgresql\":"
	     "{\"unlogged\":true,\"fillfactor\":70,\"tablespace\":\"pg_default\"}},\"fields\":{"
	     "\"x\":{\"type\":\"json\",\"description\":\"a \\\"x\\\"\"},\"n\":\"integer\"},"
	     "\"indexes\":[{\"fields\":[\"x\"],\"using\":\"gin\"},{\"fields\":[\"n desc nulls "
	     "last\"],"
	     "\"include\":[\"x\"]}]}}}");
	must_create("options");
	introspect();
	ck_assert_str_eq(find_table("a")->comment, "it's");
	ck_assert_str_eq(find_table("a")->columns[1].comment, "a \"x\"");
	ck_assert_str_eq(
		server_ask("SELECT relpersistence::text || array_to_string(reloptions, ',') FROM"
			   " pg_class WHERE oid = 'shop.a'::regclass"),
		"ufillfactor=70");
	ck_assert_str_eq(server_ask("SELECT string_agg(substring(indexdef, 'USING.*'), ';' ORDER BY"
				    " indexname) FROM pg_indexes WHERE schemaname = 'shop' AND"
				    " indexname LIKE 'a_%idx'"),
			 "USING btree (n DESC NULLS LAST) INCLUDE (x);USING gin (x)");
	end();
}
END_TEST

START_TEST(foreign_keys_of_a_circle_come_at_the_end)
{
	begin();
	load("{\"version\":1,\"models\":{"
	     "\"X\":{\"fields\":{\"y\":\"-> Y? unique\"}},\"Y\":{\"fields\":{\"x\":\"-> X? "
	     "unique\",\"self\":\"-> Y? unique\"}}}}");
	must_create("circle");
	ck_assert_uint_eq(tables.plan.count, 3);
	ck_assert_int_eq(tables.plan.statements[2].makes, MD_MAKES_FOREIGN_KEY);
	ck_assert_str_eq(tables.plan.statements[2].name, "x_y_fkey");
	same_everything();
	again_makes_nothing("circle");
	ck_assert_str_eq(server_ask("SELECT kind || model FROM shop._modeld_objects WHERE name ="
				    " 'x_y_fkey'"),
			 "foreign keyX");
	end();
}
END_TEST

/* --- differences -------------------------------------------------------------------------------
 */

START_TEST(tables_that_others_made_are_compared_by_what_they_mean)
{
	begin();
	server_run("CREATE TYPE shop.mood AS ENUM ('sad', 'ok'); CREATE TABLE shop.a (id serial"
		   " PRIMARY KEY, m shop.mood NOT NULL, o shop.mood NOT NULL, t int[] NOT NULL,"
		   " s char(3) NOT NULL DEFAULT 'x', d int8 NOT NULL DEFAULT '7',"
		   " b bool NOT NULL DEFAULT true, u int NOT NULL)");
	load_fields("\"id\":\"integer pk\",\"m\":\"enum(sad, ok)\",\"o\":{\"type\":\"text\","
		    "\"sql_type\":\"mood\"},\"t\":\"array(bigint)\",\"s\":{\"type\":\"string\","
		    "\"max_length\":3,\"sql_type\":\"CHAR( 3 )\",\"default\":\"x\"},"
		    "\"d\":\"bigint = 7\",\"b\":\"boolean = true\","
		    "\"u\":{\"type\":\"integer\",\"sql_type\":\"int4\"}");
	ck_assert_int_eq(create(false), MD_OK);
	ck_assert_str_eq(differences(), "");

	server_run("ALTER TABLE shop.a ALTER t TYPE text[] USING NULL, ALTER d SET DEFAULT 8,"
		   " ALTER b DROP DEFAULT, ALTER u TYPE bigint, ALTER m DROP NOT NULL,"
		   " ADD extra text COLLATE \"und-x-icu\"");
	ck_assert_int_eq(create(false), MD_OK);
	ck_assert_str_eq(differences(),
			 "a.m: the column may be null, the field may not\n"
			 "!a.t: the type text[] cannot hold what the model says, an array\n"
			 "a.d: the default is 8, the model says 7\n"
			 "a.b: the default is missing, the model says true\n"
			 "a.u: the type is bigint, the model says int4\n"
			 "a.extra: the model has no such field; the column is not served\n");
	end();
}
END_TEST

/* --- transactions ------------------------------------------------------------------------------
 */

START_TEST(a_dry_run_finds_mistakes_and_changes_nothing)
{
	begin();
	load(blog());
	ck_assert_int_eq(create(true), MD_OK);
	ck_assert_uint_eq(tables.plan.count, 7);
	introspect();
	ck_assert_uint_eq(catalog->count, 0);
	load("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\"},"
	     "\"checks\":[\"y > 1\"]}}}");
	for (int dry = 1; dry >= 0; dry--) {
		ck_assert_int_ne(create(dry), MD_OK);
		ck_assert_ptr_nonnull(strstr(err.message, "y"));
		ck_assert_ptr_nonnull(strstr(err.details, "CREATE TABLE \"a\""));
	}
	introspect();
	ck_assert_uint_eq(catalog->count, 0);
	ck_assert_str_eq(server_ask("SELECT to_regclass('shop._modeld_objects') IS NULL"), "t");
	end();
}
END_TEST

START_TEST(a_failure_of_any_statement_leaves_nothing_behind)
{
	begin();
	load(blog());
	ck_assert_int_eq(create(true), MD_OK);
	for (unsigned k = 0; k < tables.plan.count; k++) {
		char sql[512], name[100];

		/* An index or a table of another kind has the name already. */
		snprintf(name, sizeof(name), "%s", tables.plan.statements[k].name);
		snprintf(sql, sizeof(sql), "CREATE SEQUENCE shop.\"%s\"", name);
		server_run(sql);
		ck_assert_msg(create(false) != MD_OK, "statement %u did not fail", k);
		ck_assert_msg(strncmp(err.details, "in: ", 4) == 0, "%u: %s", k, err.message);
		introspect();
		ck_assert_uint_eq(catalog->count, 0);
		ck_assert_str_eq(server_ask("SELECT to_regclass('shop._modeld_objects') IS NULL"),
				 "t");
		snprintf(sql, sizeof(sql), "DROP SEQUENCE shop.\"%s\"", name);
		server_run(sql);
		ck_assert_int_eq(create(true), MD_OK);
	}
	end();
}
END_TEST

struct daemon_start {
	pthread_t thread;
	const struct md_definitions *definitions;
	enum md_code code;
	unsigned made, different;
	struct md_error error;
};

static void *start_daemon(void *arg)
{
	struct daemon_start *start = arg;
	struct md_arena *own = md_arena_new(16 << 20);
	const struct md_tables_options options = { .url = server_url,
						   .schema = "shop",
						   .definitions = start->definitions };
	struct md_tables found;

	memset(&found, 0, sizeof(found));
	start->code = md_tables_create(&options, own, &found, &start->error);
	start->made = found.plan.count;
	start->different = found.differences.count;
	md_arena_free(own);
	return NULL;
}

START_TEST(of_daemons_that_start_at_once_one_makes_the_tables)
{
	struct daemon_start starts[8];
	unsigned made = 0;

	begin();
	load(blog());
	for (unsigned i = 0; i < 8; i++) {
		starts[i] = (struct daemon_start){ .definitions = definitions };
		ck_assert_int_eq(pthread_create(&starts[i].thread, NULL, start_daemon, &starts[i]),
				 0);
	}
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(starts[i].thread, NULL);
		ck_assert_msg(starts[i].code == MD_OK, "%s", starts[i].error.message);
		ck_assert_uint_eq(starts[i].different, 0);
		ck_assert(starts[i].made == 7 || starts[i].made == 0);
		made += starts[i].made;
	}
	ck_assert_uint_eq(made, 7);
	same_everything();
	end();
}
END_TEST

START_TEST(the_lock_is_not_waited_for_longer_than_told)
{
	PGconn *other = PQconnectdb(server_url);
	struct md_tables_options options;

	begin();
	load(blog());
	options = options_of(false);
	options.lock_timeout_ms = 200;
	PQclear(PQexec(other, "BEGIN; SELECT pg_advisory_xact_lock(120265298963556)"));
	ck_assert_int_eq(md_tables_create(&options, arena, &tables, &err), MD_BUSY);
	ck_assert_str_eq(err.wire, "55P03");
	PQclear(PQexec(other, "COMMIT"));
	ck_assert_int_eq(md_tables_create(&options, arena, &tables, &err), MD_OK);
	PQfinish(other);
	end();
}
END_TEST

START_TEST(a_database_that_is_missing_is_not_made)
{
	struct md_tables_options options;
	char url[300];

	begin();
	load(blog());
	options = options_of(false);
	server_url_with("dbname=nowhere", url, sizeof(url));
	options.url = url;
	ck_assert_int_eq(md_tables_create(&options, arena, &tables, &err), MD_UNAVAILABLE);
	ck_assert_str_eq(err.wire, "3D000");
	options.url = server_url;
	options.schema = "nowhere";
	ck_assert_int_eq(md_tables_create(&options, arena, &tables, &err), MD_INVALID);
	ck_assert_str_eq(err.wire, "3F000");
	end();
}
END_TEST

SUITE_RUN("postgres ddl", the_blog_comes_back_from_the_database,
	  generated_definitions_come_back_from_the_database,
	  everything_the_format_has_becomes_tables,
	  defaults_are_what_the_definition_says_and_are_known_again,
	  functions_give_values_and_are_known_again, checks_refuse_what_the_model_refuses,
	  texts_sort_by_bytes_and_nocase_knows_no_case,
	  options_comments_and_kinds_of_indexes_reach_the_server,
	  foreign_keys_of_a_circle_come_at_the_end,
	  tables_that_others_made_are_compared_by_what_they_mean,
	  a_dry_run_finds_mistakes_and_changes_nothing,
	  a_failure_of_any_statement_leaves_nothing_behind,
	  of_daemons_that_start_at_once_one_makes_the_tables,
	  the_lock_is_not_waited_for_longer_than_told, a_database_that_is_missing_is_not_made)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
