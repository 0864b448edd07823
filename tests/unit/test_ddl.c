#include "core/migrate/ddl.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db/catalog.h"
#include "core/db/schema.h"
#include "core/ops/tables.h"
#include "tests/support/suite.h"
#include "tests/unit/ddl_random.h"
#include "tests/unit/define_sample.h"

static char path[64], url[96];
static struct md_arena *arena;
static const struct md_definitions *definitions;
static const struct md_catalog *catalog;
static struct md_tables tables;
static struct md_error err;

static void begin(void)
{
	snprintf(path, sizeof(path), "/tmp/modeld-ddl-%d.db", (int)getpid());
	snprintf(url, sizeof(url), "sqlite:///%s", path);
	unlink(path);
	arena = md_arena_new(64 << 20);
	ck_assert_ptr_nonnull(arena);
}

static void end(void)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char name[96];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
	definitions = md_definitions_free(definitions);
	arena = md_arena_free(arena);
}

static void load(const char *text, unsigned targets)
{
	struct md_def_source source = { "test.json", md_str_of(text) };
	struct md_def_report report = { .items = NULL };
	enum md_code code;

	definitions = md_definitions_free(definitions);
	code = md_definitions_load(&source, 1, NULL, targets, &report, &definitions, &err);
	if (code != MD_OK)
		ck_abort_msg("%s\n%s: %s", text, report.items ? report.items[0].place.pointer : "",
			     report.items ? report.items[0].message : err.message);
	md_def_report_release(&report);
}

static enum md_code create(bool dry_run)
{
	struct md_tables_options options = {
		.url = url, .definitions = definitions, .dry_run = dry_run, .keep_journal = true
	};

	md_error_clear(&err);
	return md_tables_create(&options, arena, &tables, &err);
}

static void must_create(const char *source)
{
	if (create(false) != MD_OK)
		ck_abort_msg("%s\n%s\n%s", source, err.message, err.details);
}

static void introspect(void)
{
	const struct md_db_schema_options options = { .url = url, .read_only = true };
	struct md_db_schema *schema = NULL;

	ck_assert_int_eq(md_db_schema_open(&options, &schema, &err), MD_OK);
	ck_assert_int_eq(md_db_schema_catalog(schema, arena, &catalog, &err), MD_OK);
	md_db_schema_close(schema);
}

/* The first column of the first row of a query. */
static const char *ask(const char *sql, const char *parameter)
{
	static char text[4096];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		ck_abort_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_bind_text(stmt, 1, parameter, -1, SQLITE_STATIC);
	snprintf(text, sizeof(text), "%s",
		 sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0)
			 ? (const char *)sqlite3_column_text(stmt, 0)
			 : sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
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

static const char *expected_type(const struct md_def_field *field)
{
	static const char *const others[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_SMALLINT] = "INTEGER", [MD_DEF_INTEGER] = "INTEGER",
		[MD_DEF_BIGINT] = "INTEGER",   [MD_DEF_BOOLEAN] = "INTEGER",
		[MD_DEF_FLOAT] = "REAL",       [MD_DEF_DECIMAL] = "REAL",
		[MD_DEF_BYTES] = "BLOB",
	};

	if (field->type == MD_DEF_DECIMAL && field->precision > 15)
		return "TEXT";
	return others[field->type] ? others[field->type] : "TEXT";
}

static void same_columns(const struct md_def_model *model, const struct md_catalog_table *table)
{
	ck_assert_uint_eq(table->column_count, model->field_count);
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i];
		const struct md_catalog_column *column = &table->columns[i];

		ck_assert_str_eq(column->name, md_def_column(field));
		ck_assert_str_eq(column->declared, expected_type(field));
		ck_assert_int_eq(column->nullable, field->nullable);
		ck_assert_int_eq(column->generated, field->is_generated);
		ck_assert_str_eq(column->collation ? column->collation : "",
				 field->collate == MD_DEF_NOCASE ? "NOCASE" : "");
		ck_assert_int_eq(column->fallback != NULL,
				 (field->value.literal.kind != MD_DEF_NO_VALUE &&
				  field->value.literal.kind != MD_DEF_NULL) ||
					 field->value.sql.any ||
					 (field->value.fn != MD_DEF_FN_NONE &&
					  field->value.fn != MD_DEF_UUID7 &&
					  field->value.fn != MD_DEF_AUTH));
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

static void same_keys(const struct md_def_model *model, const struct md_catalog_table *table)
{
	const struct md_catalog_key *key = key_named(table, model->key_name);

	ck_assert_ptr_nonnull(key);
	ck_assert(key->primary);
	ck_assert_uint_eq(key->count, model->key_count);
	for (unsigned i = 0; i < key->count; i++)
		ck_assert(is_column(table, key->columns[i], model->key[i]));
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *index = &model->indexes[i];

		if (!index->unique || index->where.any) {
			ck_assert_str_eq(ask("SELECT tbl_name FROM sqlite_schema WHERE name = ?1",
					     index->name),
					 model->table);
			continue;
		}
		key = key_named(table, index->name);
		ck_assert_msg(key, "no key %s", index->name);
		ck_assert_uint_eq(key->count, index->count);
		for (unsigned k = 0; k < key->count; k++)
			ck_assert(is_column(table, key->columns[k], index->columns[k].field));
	}
}

static const char *action(enum md_def_action action)
{
	static const char *const names[] = { "NO ACTION", "NO ACTION", "RESTRICT",
					     "CASCADE",   "SET NULL",  "SET DEFAULT" };

	return names[action];
}

static void same_action(const struct md_def_model *model, const struct md_def_foreign_key *key)
{
	char sql[512], expected[64];

	snprintf(sql, sizeof(sql),
		 "SELECT on_delete || '/' || on_update FROM pragma_foreign_key_list(?1) WHERE "
		 "\"from\" = '%s'",
		 md_def_column(key->fields[0]));
	snprintf(expected, sizeof(expected), "%s/%s", action(key->on_delete),
		 action(key->on_update));
	ck_assert_str_eq(ask(sql, model->table), expected);
}

static void same_foreign_keys(const struct md_def_model *model,
			      const struct md_catalog_table *table)
{
	ck_assert_uint_eq(table->foreign_key_count, model->foreign_key_count);
	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		const struct md_def_foreign_key *key = &model->foreign_keys[i];
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
		same_action(model, key);
	}
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
		same_foreign_keys(model, table);
	}
	ck_assert_uint_eq(catalog->count, made);
}

/* The second run finds nothing to do and nothing that differs. */
static void again_makes_nothing(const char *source)
{
	must_create(source);
	if (tables.differences.count > 0)
		ck_abort_msg("%s\n%s.%s: %s", source, tables.differences.items[0].table,
			     tables.differences.items[0].column ? tables.differences.items[0].column
								: "",
			     tables.differences.items[0].text);
	ck_assert_uint_eq(tables.plan.count, 0);
	ck_assert_uint_eq(tables.script_count, 0);
}

static const char *blog(void)
{
	static char text[16 * 1024];
	const char *folder = getenv("srcdir");
	char name[512];
	FILE *file;
	size_t len;

	snprintf(name, sizeof(name), "%s/config/models/blog.json", folder ? folder : ".");
	file = fopen(name, "r");
	ck_assert_msg(file, "cannot open %s", name);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

START_TEST(the_blog_comes_back_from_the_database)
{
	begin();
	load(blog(), MD_ENGINE_SQLITE);
	must_create("blog");
	ck_assert_uint_eq(tables.plan.count, 7);
	same_everything();
	again_makes_nothing("blog");
	ck_assert_str_eq(ask("SELECT count(*) FROM _modeld_objects", NULL), "7");
	ck_assert_str_eq(ask("SELECT kind || ' ' || model || ' ' || length(checksum) FROM "
			     "_modeld_objects WHERE name = ?1",
			     "post_author_id_idx"),
			 "index Post 64");
	end();
}
END_TEST

START_TEST(generated_definitions_come_back_from_the_database)
{
	for (unsigned seed = 1; seed <= 300; seed++) {
		md_auto_buf text = MD_BUF(1 << 20);

		begin();
		random_definitions(&text, seed);
		load(md_buf_text(&text), MD_ENGINE_SQLITE);
		must_create(text.data);
		same_everything();
		again_makes_nothing(text.data);
		end();
	}
}
END_TEST

static void execute(const char *sql);

/* --- one thing is otherwise ---------------------------------------------------------------------
 */

static const char mutable[] =
	"{\"version\":1,\"models\":{\"Team\":{\"fields\":{\"name\":\"string(20) unique\","
	"\"rank\":\"integer = 1 min(0) index\"}},\"Player\":{\"fields\":{\"team\":\"-> Team on "
	"delete "
	"cascade\",\"boss\":{\"references\":{\"model\":\"Player\",\"deferrable\":\"deferred\"},"
	"\"nullable\":true,\"index\":false},\"nick\":\"text? "
	"collate(nocase)\",\"age\":\"integer?\","
	"\"mail\":\"text?\"},\"checks\":[\"age > 5\"],\"indexes\":[[\"age\",\"nick\"],{\"fields\":"
	"[\"mail\"],\"where\":\"mail is not null\",\"unique\":true}],\"unique\":[[\"nick\","
	"\"age\"]]}}}";

#define ANEW " -> the table must be made anew and its rows copied"

/* `from` becomes `to` in the statements that make the tables; expected: "" for none. */
static const struct {
	const char *from, *to, *expected;
} mutations[] = {
	{ "length(\"name\") <= 20", "LENGTH( name ) /* it */ <=20", "" },
	{ "CHECK (age > 5)", "CHECK ((([age] > 5)))", "" },
	{ "WHERE mail is not null", "WHERE (`mail` IS NOT  NULL)", "" },
	{ "\"team_name_key\" UNIQUE (\"name\")", "\"other\" UNIQUE (\"name\")", "" },
	{ "INDEX \"player_age_nick_idx\"", "INDEX \"other\"", "" },
	{ "<= 20)", "<= 30)",
	  "team.name: the check \"team_name_check\" is (length(\"name\") <= 30), the model says "
	  "(length(\"name\") <= 20)" ANEW },
	{ "CHECK (age > 5)", "CHECK (age > 'five')",
	  "player.: the check \"player_check\" is (age > 'five'), the model says (age > 5)" ANEW },
	{ ",\n  CONSTRAINT \"player_check\" CHECK (age > 5)", "",
	  "player.: the check \"player_check\" is missing: (age > 5)" ANEW },
	{ "CONSTRAINT \"player_check\" CHECK", "CONSTRAINT \"old\" CHECK",
	  "player.: the check \"player_check\" is called \"old\"" },
	{ "CHECK (age > 5)", "CHECK (age > 5), CONSTRAINT odd CHECK (age % 2)",
	  "player.: the model has no check \"odd\", which may refuse its rows: (age % 2)" },
	{ "DEFAULT 1", "DEFAULT 2", "team.rank: the default is 2, the model says 1" },
	{ " DEFAULT 1", "", "team.rank: the default is missing, the model says 1" },
	{ "\"age\" INTEGER", "\"age\" INTEGER DEFAULT 7",
	  "player.age: the default is 7, the model says none" },
	{ "\"rank\" INTEGER NOT NULL", "\"rank\" INTEGER",
	  "team.rank: the column may be null, the field may not" },
	{ "\"age\" INTEGER", "\"age\" INTEGER NOT NULL",
	  "player.age: the column may not be null, the field may" },
	{ " COLLATE NOCASE", "", "player.nick: the collation is binary, the model says NOCASE" },
	{ "\"mail\" TEXT", "\"mail\" TEXT GENERATED ALWAYS AS ('x')",
	  "player.mail: the column is generated, the field is not" },
	{ "\"mail\" TEXT", "\"mail\" TEXT, \"more\" TEXT",
	  "player.more: the model has no such field; the column is not served" },
	{ "\"mail\" TEXT", "\"mail\" TEXT, \"more\" TEXT NOT NULL",
	  "!player.more: the model has no such field, and the column must be given: rows cannot be "
	  "inserted -> give the column a default, or the model a field for it" },
	{ "\"mail\" TEXT", "\"mail\" TEXT, \"more\" TEXT NOT NULL DEFAULT ''",
	  "player.more: the model has no such field; the column is not served" },
	{ "\"age\" INTEGER", "\"age\" TEXT",
	  "!player.age: the type TEXT cannot hold what the model says, INTEGER -> change the type "
	  "of "
	  "the field, or make the table anew and copy its rows" },
	{ "\"boss\" INTEGER", "\"Boss\" INTEGER",
	  "!player.boss: the column is called \"Boss\" -> give the field \"column\": \"Boss\"\n"
	  "player.Boss: the model has no such field; the column is not served\n"
	  "player.: the foreign key \"player_boss_fkey\" to player is missing" ANEW "\n"
	  "player.: the model has no foreign key \"player_boss_fkey\", which may refuse its rows" },
	{ "INTEGER CONSTRAINT \"team_pkey\" PRIMARY KEY AUTOINCREMENT",
	  "INT CONSTRAINT \"team_pkey\" PRIMARY KEY",
	  "!team.id: the database does not count this key: rows cannot be inserted without it -> "
	  "give the field \"auto_increment\": false, or make the table anew and copy its rows" },
	{ ",\n  CONSTRAINT \"team_name_key\" UNIQUE (\"name\")", "",
	  "team.: the unique key \"team_name_key\" is missing -> CREATE UNIQUE INDEX "
	  "\"team_name_key\" ON \"team\" (\"name\")" },
	{ "UNIQUE (\"nick\", \"age\")", "UNIQUE (\"age\", \"nick\")",
	  "player.: the unique key \"player_nick_age_key\" has the columns (age, nick), the model "
	  "says (nick, age)" ANEW },
	{ "UNIQUE (\"nick\", \"age\")", "UNIQUE (\"nick\", \"age\"), UNIQUE (\"mail\")",
	  "player.: the model has no unique key \"player_mail_key\", which may refuse its rows" },
	{ "CREATE INDEX \"team_rank_idx\" ON \"team\" (\"rank\")", "SELECT 1",
	  "team.: the index \"team_rank_idx\" is missing -> CREATE INDEX \"team_rank_idx\" ON "
	  "\"team\" (\"rank\")" },
	{ "(\"age\", \"nick\")", "(\"age\")",
	  "player.: the index \"player_age_nick_idx\" has the columns (age), the model says (age, "
	  "nick) -> drop it first: CREATE INDEX \"player_age_nick_idx\" ON \"player\" (\"age\", "
	  "\"nick\")" },
	{ "(\"age\", \"nick\")", "(\"age\", lower(\"nick\"))",
	  "player.: the index \"player_age_nick_idx\" has the columns (age, …), the model says "
	  "(age, "
	  "nick) -> drop it first: CREATE INDEX \"player_age_nick_idx\" ON \"player\" (\"age\", "
	  "\"nick\")" },
	{ "CREATE INDEX \"team_rank_idx\"", "CREATE UNIQUE INDEX \"team_rank_idx\"",
	  "team.: the index \"team_rank_idx\" is unique, the model says it is not -> drop it "
	  "first: "
	  "CREATE INDEX \"team_rank_idx\" ON \"team\" (\"rank\")" },
	{ "CREATE UNIQUE INDEX", "CREATE INDEX",
	  "player.: the index \"player_mail_idx\" is not unique, the model says it is -> drop it "
	  "first: CREATE UNIQUE INDEX \"player_mail_idx\" ON \"player\" (\"mail\") WHERE mail is "
	  "not "
	  "null" },
	{ "WHERE mail is not null", "WHERE mail <> ''",
	  "player.: the index \"player_mail_idx\" has the condition (mail <> ''), the model says "
	  "(mail is not null) -> drop it first: CREATE UNIQUE INDEX \"player_mail_idx\" ON "
	  "\"player\" (\"mail\") WHERE mail is not null" },
	{ " WHERE mail is not null", "",
	  "player.: the index \"player_mail_idx\" has the condition (), the model says (mail is "
	  "not "
	  "null) -> drop it first: CREATE UNIQUE INDEX \"player_mail_idx\" ON \"player\" "
	  "(\"mail\") "
	  "WHERE mail is not null" },
	{ "CREATE INDEX \"team_rank_idx\"",
	  "CREATE UNIQUE INDEX low ON team (lower(name)); CREATE INDEX any_other ON team (name, "
	  "rank);"
	  "CREATE INDEX \"team_rank_idx\"",
	  "team.: the model has no unique key \"low\", which may refuse its rows" },
	{ " ON DELETE CASCADE", "",
	  "player.: the foreign key \"player_team_fkey\" is ON DELETE NO ACTION, the model says "
	  "CASCADE" ANEW },
	{ " ON DELETE CASCADE", " ON DELETE CASCADE ON UPDATE SET NULL",
	  "player.: the foreign key \"player_team_fkey\" is ON UPDATE SET NULL, the model says NO "
	  "ACTION" ANEW },
	{ " DEFERRABLE INITIALLY DEFERRED", "",
	  "player.: the foreign key \"player_boss_fkey\" is not deferrable, the model says "
	  "deferrable, "
	  "initially deferred" ANEW },
	{ "INITIALLY DEFERRED", "INITIALLY IMMEDIATE",
	  "player.: the foreign key \"player_boss_fkey\" is deferrable, initially immediate, the "
	  "model "
	  "says deferrable, initially deferred" ANEW },
	{ "REFERENCES \"team\"", "REFERENCES \"player\"",
	  "player.: the foreign key \"player_team_fkey\" refers to player (id, …), the model says "
	  "team "
	  "(id, …)" ANEW },
	{ "CONSTRAINT \"player_team_fkey\" FOREIGN", "CONSTRAINT \"mine\" FOREIGN",
	  "player.: the foreign key \"player_team_fkey\" is called \"mine\"" },
	{ ",\n  CONSTRAINT \"player_boss_fkey\" FOREIGN KEY (\"boss\") REFERENCES \"player\" "
	  "(\"id\") "
	  "DEFERRABLE INITIALLY DEFERRED",
	  "", "player.: the foreign key \"player_boss_fkey\" to player is missing" ANEW },
	{ "\"mail\" TEXT,", "\"mail\" TEXT REFERENCES \"team\" (\"name\"),",
	  "player.: the model has no foreign key \"player_mail_fkey\", which may refuse its rows" },
	{ "CREATE INDEX \"team_rank_idx\"",
	  "CREATE TABLE extra (x); CREATE INDEX \"team_rank_idx\"",
	  "extra.: no model describes this table" },
};

START_TEST(a_full_arena_is_told_whatever_its_size)
{
	enum md_code code = MD_NOMEM;
	unsigned full = 0;

	for (size_t size = 1024; code != MD_OK; size += 2048) {
		begin();
		load(mutable, MD_ENGINE_SQLITE);
		must_create(mutable);
		execute("DROP INDEX player_mail_idx; DROP INDEX team_rank_idx; CREATE TABLE extra "
			"(x)");
		md_arena_free(arena);
		arena = md_arena_new(size);
		code = create(true);
		ck_assert_msg(code == MD_OK || code == MD_NOMEM, "%s", err.message);
		full += code == MD_NOMEM;
		ck_assert(code != MD_OK || tables.differences.count == 3);
		end();
	}
	ck_assert_uint_gt(full, 5);
}
END_TEST

/* All statements, with the mutation at its one place. */
static void make_mutated(const char *from, const char *to)
{
	md_auto_buf sql = MD_BUF(1 << 20);
	const char *text, *at;

	for (unsigned i = 0; i < tables.plan.count; i++)
		md_buf_printf(&sql, "%s;\n", tables.plan.statements[i].sql);
	text = md_buf_text(&sql);
	at = strstr(text, from);
	ck_assert_msg(at && !strstr(at + 1, from), "%s: not there, or not once", from);
	execute(md_arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
}

static const char *all_differences(void)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < tables.differences.count; i++) {
		const struct md_difference *d = &tables.differences.items[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s.%s: %s%s%s",
					i > 0 ? "\n" : "", d->blocking ? "!" : "", d->table,
					d->column ? d->column : "", d->text, d->mend ? " -> " : "",
					d->mend ? d->mend : "");
	}
	return text;
}

START_TEST(what_is_otherwise_in_one_thing_differs_in_that_thing)
{
	for (unsigned i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++) {
		begin();
		load(mutable, MD_ENGINE_SQLITE);
		ck_assert_int_eq(create(true), MD_OK);
		make_mutated(mutations[i].from, mutations[i].to);
		ck_assert_msg(create(true) == MD_OK, "%s: %s", mutations[i].to, err.message);
		ck_assert_str_eq(all_differences(), mutations[i].expected);
		end();
	}
}
END_TEST

/* --- failures ----------------------------------------------------------------------------------
 */

static void execute(const char *sql)
{
	char *message = NULL;
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		ck_abort_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

/* Make the k-th statement of the script fail: its name is taken by an index, or its note is refused
 * by a trigger. */
static void lay_trap(const char *statement, unsigned k)
{
	char sql[2048], name[128];
	const char *quoted = strstr(statement, k < tables.plan.count + 1 ? "\"" : "VALUES");

	if (k <= tables.plan.count) {
		sscanf(quoted, "\"%100[^\"]\"", name);
		snprintf(sql, sizeof(sql), "CREATE TABLE trap(a); CREATE INDEX \"%s\" ON trap(a)",
			 name);
	} else {
		sscanf(quoted, "VALUES ('%*[^']', '%100[^']'", name);
		snprintf(sql, sizeof(sql),
			 "%s; CREATE TRIGGER trap BEFORE INSERT ON _modeld_objects WHEN NEW.name = "
			 "'%s' BEGIN SELECT raise(ABORT, 'trapped'); END",
			 md_sqlite_ddl.objects_table, name);
	}
	execute(sql);
}

START_TEST(a_failure_of_any_statement_leaves_nothing_behind)
{
	static const char everything_there[] = "SELECT group_concat(type || name || "
					       "coalesce(sql, '')) FROM sqlite_schema";
	unsigned count;

	begin();
	load(blog(), MD_ENGINE_SQLITE);
	ck_assert_int_eq(create(true), MD_OK);
	count = tables.script_count;
	ck_assert_uint_eq(count, 2 * 7 + 1);
	end();
	for (unsigned k = 0; k < count; k++) {
		char before[4096];

		begin();
		load(blog(), MD_ENGINE_SQLITE);
		ck_assert_int_eq(create(true), MD_OK);
		ck_assert_int_ne(access(path, F_OK), 0);
		lay_trap(tables.script[k], k);
		snprintf(before, sizeof(before), "%s", ask(everything_there, NULL));
		ck_assert_msg(create(false) != MD_OK, "statement %u did not fail", k);
		ck_assert_msg(strncmp(err.details, "in: ", 4) == 0, "%u: %s", k, err.message);
		ck_assert_str_eq(ask(everything_there, NULL), before);
		if (k > tables.plan.count)
			ck_assert_str_eq(ask("SELECT count(*) FROM _modeld_objects", NULL), "0");
		end();
	}
}
END_TEST

START_TEST(bad_sql_of_users_is_found_before_the_file_is_made)
{
	begin();
	load("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\"},"
	     "\"checks\":[\"y > 1\"]}}}",
	     MD_ENGINE_SQLITE);
	ck_assert_int_ne(create(false), MD_OK);
	ck_assert_ptr_nonnull(strstr(err.message, "y"));
	ck_assert_ptr_nonnull(strstr(err.details, "CREATE TABLE \"a\""));
	ck_assert_int_ne(access(path, F_OK), 0);
	end();
}
END_TEST

/* --- the text ----------------------------------------------------------------------------------
 */

START_TEST(everything_the_format_has_becomes_tables)
{
	const struct md_db_schema_options options = { .url = "sqlite:///:memory:",
						      .scratch = true };
	struct md_db_schema *schema = NULL;
	struct md_ddl_plan plan;
	bool wanted[16] = { false };

	begin();
	load(everything, 0);
	ck_assert_uint_le(definitions->model_count, 16);
	for (unsigned i = 0; i < definitions->model_count; i++)
		wanted[i] = md_ddl_is_made(&definitions->models[i]);
	ck_assert_int_eq(md_ddl_plan(&md_sqlite_ddl, definitions, wanted, arena, &plan, &err),
			 MD_OK);
	ck_assert_int_eq(md_db_schema_open(&options, &schema, &err), MD_OK);
	ck_assert_ptr_eq(md_ddl_dialect_of(md_db_schema_dialect(schema)), &md_sqlite_ddl);
	for (unsigned i = 0; i < plan.count; i++)
		if (md_db_schema_run(schema, plan.statements[i].sql, &err) != MD_OK)
			ck_abort_msg("%s: %s", plan.statements[i].sql, err.message);
	md_db_schema_close(schema);
	end();
}
END_TEST

/* Also through moments: offsets are taken off, fractions have six digits. */
START_TEST(defaults_are_stored_as_the_daemon_writes_them)
{
	static const struct {
		const char *field, *stored;
	} cases[] = {
		{ "\"boolean = false\"", "0" },
		{ "\"integer = -7\"", "-7" },
		{ "\"float = -1.5e3\"", "-1500.0" },
		{ "\"decimal(10, 2) = 1.50\"", "1.5" },
		{ "\"decimal(30, 2) = '12345678901234567.89'\"", "'12345678901234567.89'" },
		{ "\"string = 'it\\\\'s'\"", "'it''s'" },
		{ "\"enum(a, 'b c') = 'b c'\"", "'b c'" },
		{ "\"datetime = '2020-02-29T23:30:00.5-01:30'\"",
		  "'2020-03-01T01:00:00.500000+00:00'" },
		{ "\"datetime = '2020-01-01 00:00:00Z'\"", "'2020-01-01T00:00:00.000000+00:00'" },
		{ "\"datetime_local = '2020-01-01 10:20:30.123456'\"",
		  "'2020-01-01T10:20:30.123456'" },
		{ "\"date = '2020-01-31'\"", "'2020-01-31'" },
		{ "\"time = '10:20:30.25'\"", "'10:20:30.250000'" },
		{ "\"bytes = 'AAEC/w=='\"", "X'000102FF'" },
		{ "\"bytes = '\\\\\\\\xff00'\"", "X'FF00'" },
		{ "{ \"type\": \"json\", \"default\": \"a\\\"b\" }", "'\"a\\\"b\"'" },
		{ "{ \"type\": \"json\", \"default\": 0.10 }", "'0.10'" },
		{ "{ \"type\": \"json\", \"default\": {\"a\": [true, \"it's\"]} }",
		  "'{\"a\":[true,\"it''s\"]}'" },
		{ "{ \"type\": \"array\", \"items\": \"integer\", \"default\": [1, 2] }",
		  "'[1,2]'" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		begin();
		snprintf(text, sizeof(text),
			 "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":%s}}}}",
			 cases[i].field);
		load(text, MD_ENGINE_SQLITE);
		must_create(text);
		execute("INSERT INTO a DEFAULT VALUES");
		ck_assert_str_eq(ask("SELECT quote(x) FROM a", NULL), cases[i].stored);
		again_makes_nothing(text);
		end();
	}
}
END_TEST

START_TEST(functions_give_values_of_one_form)
{
	static const struct {
		const char *field, *like;
	} cases[] = {
		{ "datetime = now()", "20__-__-__T__:__:__.___000+00:00" },
		{ "datetime_local = now()", "20__-__-__T__:__:__.___000" },
		{ "date = today()", "20__-__-__" },
		{ "uuid = uuid()", "________-____-4___-____-____________" },
		{ "text = random_hex()", "________________________________" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		begin();
		snprintf(text, sizeof(text),
			 "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"%s\"}}}}",
			 cases[i].field);
		load(text, MD_ENGINE_SQLITE);
		must_create(text);
		execute("INSERT INTO a DEFAULT VALUES");
		ck_assert_str_eq(ask("SELECT x LIKE ?1 AND (lower(x) = x OR x LIKE '20__-%') FROM "
				     "a",
				     cases[i].like),
				 "1");
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
		{ "boolean", "1", "2" },
		{ "smallint", "-32768", "32768" },
		{ "integer min(0) max(10)", "10", "11" },
		{ "integer multiple_of(3)", "-6", "7" },
		{ "float exclusive_min(0) exclusive_max(1)", "0.5", "1.0" },
		{ "decimal(8,2) max('9.99')", "9.99", "10" },
		{ "enum(a, 'b c')", "'b c'", "'c'" },
		{ "json", "'{\"a\": 1}'", "'{a'" },
		{ "json?", "NULL", "'['" },
		{ "array(integer)?", "NULL", "'[1'" },
		{ "enum(a)?", "NULL", "'b'" },
		{ "array(integer)", "'[1]'", "'{}'" },
		{ "uuid", "'01234567-89ab-4def-8123-456789abcdef'", "'x'" },
		{ "date min('2020-01-01')", "'2020-01-01'", "'2019-12-31'" },
		{ "datetime min('2020-01-01T01:00:00+01:00')", "'2020-01-01T00:00:00.000000+00:00'",
		  "'2019-12-31T23:59:59.999999+00:00'" },
		{ "bigint", "9223372036854775807", "'text'" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], sql[256];
		const char *answer;

		begin();
		snprintf(text, sizeof(text),
			 "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"%s\"}}}}",
			 cases[i].field);
		load(text, MD_ENGINE_SQLITE);
		must_create(text);
		snprintf(sql, sizeof(sql), "INSERT INTO a (x) VALUES (%s) RETURNING 'done'",
			 cases[i].good);
		ck_assert_str_eq(ask(sql, NULL), "done");
		snprintf(sql, sizeof(sql), "INSERT INTO a (x) VALUES (%s) RETURNING 'done'",
			 cases[i].bad);
		answer = ask(sql, NULL);
		ck_assert_msg(strcmp(answer, "CHECK constraint failed: a_x_check") == 0 ||
				      strstr(answer, "cannot store TEXT value"),
			      "%s: %s", cases[i].field, answer);
		end();
	}
}
END_TEST

START_TEST(tables_come_after_those_they_refer_to)
{
	static const char *const order[] = { "c", "b", "a", "x", "y" };

	begin();
	load("{\"version\":1,\"models\":{"
	     "\"A\":{\"fields\":{\"b\":\"-> B unique\",\"self\":\"-> A? unique\"}},"
	     "\"B\":{\"fields\":{\"c\":\"-> C unique\"}},\"C\":{\"fields\":{\"n\":\"text\"}},"
	     "\"X\":{\"fields\":{\"y\":\"-> Y? unique\"}},\"Y\":{\"fields\":{\"x\":\"-> X? "
	     "unique\"}}}}",
	     MD_ENGINE_SQLITE);
	ck_assert_int_eq(create(true), MD_OK);
	ck_assert_uint_eq(tables.plan.count, 5);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_str_eq(tables.plan.statements[i].name, order[i]);
	end();
}
END_TEST

SUITE_MAIN("ddl", the_blog_comes_back_from_the_database,
	   generated_definitions_come_back_from_the_database,
	   what_is_otherwise_in_one_thing_differs_in_that_thing,
	   a_full_arena_is_told_whatever_its_size, a_failure_of_any_statement_leaves_nothing_behind,
	   bad_sql_of_users_is_found_before_the_file_is_made,
	   everything_the_format_has_becomes_tables, defaults_are_stored_as_the_daemon_writes_them,
	   functions_give_values_of_one_form, checks_refuse_what_the_model_refuses,
	   tables_come_after_those_they_refer_to)
