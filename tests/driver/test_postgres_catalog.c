/* Introspection of PostgreSQL, on a server of its own. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/db/catalog.h"
#include "core/db/driver.h"
#include "tests/support/fault.h"
#include "tests/support/server.h"
#include "tests/support/suite.h"

static struct md_arena *arena;
static const struct md_catalog *catalog;
static struct md_error err;

static struct md_conn *open_schema(const char *schema)
{
	const struct md_conn_target target = { .url = server_url,
					       .read_only = true,
					       .schema = schema };
	struct md_conn *conn = NULL;

	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
	return conn;
}

static enum md_code look(const char *schema)
{
	struct md_conn *conn = open_schema(schema);
	enum md_code code;

	md_error_clear(&err);
	arena = md_arena_free(arena);
	arena = md_arena_new(256 << 20);
	code = md_postgres_driver.catalog(conn, arena, &catalog, &err);
	md_postgres_driver.close(conn);
	return code;
}

static void begin(const char *sql)
{
	server_run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS api, other CASCADE;"
		   "CREATE SCHEMA api; CREATE SCHEMA other");
	server_run(sql);
	if (look("api") != MD_OK)
		ck_abort_msg("%s", err.message);
}

static void end(void)
{
	arena = md_arena_free(arena);
}

static const struct md_catalog_table *table_named(const char *name)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	return NULL;
}

static const struct md_catalog_table *the_table(const char *name)
{
	const struct md_catalog_table *table = table_named(name);

	if (!table)
		ck_abort_msg("no table %s", name);
	return table;
}

static const struct md_catalog_column *the_column(const char *table, const char *name)
{
	const struct md_catalog_table *t = the_table(table);

	for (unsigned i = 0; i < t->column_count; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return &t->columns[i];
	ck_abort_msg("no column %s.%s", table, name);
	return NULL;
}

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

/* Everything of a table on lines, so that one comparison sees it all. */
static const char *tell(const char *name)
{
	static char text[8192];
	static const char *const actions[] = { "", " restrict", " cascade", " null", " default" };
	const struct md_catalog_table *t = the_table(name);
	size_t n = 0;

#define ADD(...) n += (size_t)snprintf(text + n, sizeof(text) - n, __VA_ARGS__)
	text[0] = '\0';
	for (unsigned i = 0; i < t->key_count; i++) {
		ADD("%s %s", t->keys[i].primary ? "primary" : "unique", t->keys[i].name);
		for (unsigned k = 0; k < t->keys[i].count; k++)
			ADD(" %s", t->columns[t->keys[i].columns[k]].name);
		ADD("\n");
	}
	for (unsigned i = 0; i < t->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *key = &t->foreign_keys[i];

		ADD("foreign %s", key->name);
		for (unsigned k = 0; k < key->count; k++)
			ADD(" %s", t->columns[key->columns[k]].name);
		ADD(" -> %s", key->target);
		for (unsigned k = 0; k < key->count; k++)
			ADD(" %s", key->target_columns[k]);
		ADD("%s%s%s%s%s%s\n", key->on_delete ? " on delete" : "", actions[key->on_delete],
		    key->on_update ? " on update" : "", actions[key->on_update],
		    key->deferrable ? " deferrable" : "", key->deferred ? " deferred" : "");
	}
	for (unsigned i = 0; i < t->index_count; i++) {
		const struct md_catalog_index *index = &t->indexes[i];

		ADD("index %s", or_none(index->name));
		for (unsigned k = 0; k < index->count; k++)
			ADD(" %s", t->columns[index->columns[k]].name);
		ADD("%s%s%s\n", index->unique ? " unique" : "", index->partial ? " partial" : "",
		    index->whole ? "" : " more");
	}
	for (unsigned i = 0; i < t->check_count; i++)
		ADD("check %s %s\n", t->checks[i].name, t->checks[i].expression);
	return text;
#undef ADD
}

/* --- tables and columns ------------------------------------------------------------------------
 */

START_TEST(tables_come_sorted_with_comments_and_without_what_is_not_served)
{
	begin("CREATE TABLE api.zebra (id int); CREATE TABLE api.\"Ant\" (id int);"
	      "CREATE TABLE api.\"it's a \"\"name\"\"\" (\"a b\" int, \"Q\"\"q\" text);"
	      "COMMENT ON TABLE api.zebra IS 'striped ''horse''';"
	      "COMMENT ON COLUMN api.zebra.id IS 'number';"
	      "CREATE TABLE api._modeld_objects (a int); CREATE TABLE api._modeldx (a int);"
	      "CREATE TABLE api.alembic_version (version_num text);"
	      "CREATE TABLE other.elsewhere (id int); CREATE SEQUENCE api.seq;"
	      "CREATE TYPE api.pair AS (a int, b int); CREATE TABLE api.empty ()");
	ck_assert_uint_eq(catalog->count, 5);
	ck_assert_str_eq(catalog->tables[0].name, "Ant");
	ck_assert_str_eq(catalog->tables[1].name, "_modeldx");
	ck_assert_str_eq(catalog->tables[2].name, "empty");
	ck_assert_uint_eq(catalog->tables[2].column_count, 0);
	ck_assert_str_eq(catalog->tables[3].name, "it's a \"name\"");
	ck_assert_str_eq(catalog->tables[3].columns[0].name, "a b");
	ck_assert_str_eq(catalog->tables[3].columns[1].name, "Q\"q");
	ck_assert_str_eq(catalog->tables[4].name, "zebra");
	ck_assert_str_eq(catalog->tables[4].schema, "api");
	ck_assert_str_eq(catalog->tables[4].comment, "striped 'horse'");
	ck_assert_str_eq(catalog->tables[4].columns[0].comment, "number");
	ck_assert_ptr_null(catalog->tables[0].comment);
	ck_assert(catalog->tables[4].insertable && catalog->tables[4].updatable &&
		  catalog->tables[4].deletable);
	end();
}
END_TEST

START_TEST(temporary_tables_of_other_sessions_are_not_listed)
{
	PGconn *other = PQconnectdb(server_url);

	PQclear(PQexec(other, "CREATE TEMP TABLE passing (id int)"));
	begin("CREATE TABLE api.staying (id int)");
	ck_assert_uint_eq(catalog->count, 1);
	ck_assert_int_eq(look(NULL), MD_OK);
	ck_assert_ptr_null(table_named("passing"));
	PQfinish(other);
	end();
}
END_TEST

START_TEST(types_are_told_through_domains_arrays_and_ranges)
{
	static const struct {
		const char *sql, *declared;
		enum md_type type;
		enum md_type_kind kind;
		const char *base, *element;
		enum md_type element_type;
		unsigned max_length;
	} cases[] = {
		{ "smallint", "smallint", MD_TYPE_INT2, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "integer", "integer", MD_TYPE_INT4, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "bigint", "bigint", MD_TYPE_INT8, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "real", "real", MD_TYPE_FLOAT, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "float8", "double precision", MD_TYPE_FLOAT, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "numeric(10,2)", "numeric(10,2)", MD_TYPE_NUMERIC, MD_KIND_SCALAR, NULL, NULL, 0,
		  0 },
		{ "bool", "boolean", MD_TYPE_BOOL, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "text", "text", MD_TYPE_TEXT, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "varchar(80)", "character varying(80)", MD_TYPE_TEXT, MD_KIND_SCALAR, NULL, NULL,
		  0, 80 },
		{ "varchar", "character varying", MD_TYPE_TEXT, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "char(3)", "character(3)", MD_TYPE_TEXT, MD_KIND_SCALAR, NULL, NULL, 0, 3 },
		{ "date", "date", MD_TYPE_DATE, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "time", "time without time zone", MD_TYPE_TIME, MD_KIND_SCALAR, NULL, NULL, 0,
		  0 },
		{ "timestamp(3)", "timestamp(3) without time zone", MD_TYPE_TIMESTAMP,
		  MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "timestamptz", "timestamp with time zone", MD_TYPE_TIMESTAMPTZ, MD_KIND_SCALAR,
		  NULL, NULL, 0, 0 },
		{ "uuid", "uuid", MD_TYPE_UUID, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "json", "json", MD_TYPE_JSON, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "jsonb", "jsonb", MD_TYPE_JSON, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "bytea", "bytea", MD_TYPE_BYTES, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "interval", "interval", MD_TYPE_OTHER, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "inet", "inet", MD_TYPE_OTHER, MD_KIND_SCALAR, NULL, NULL, 0, 0 },
		{ "int[]", "integer[]", MD_TYPE_OTHER, MD_KIND_ARRAY, NULL, "integer", MD_TYPE_INT4,
		  0 },
		{ "api.mood", "api.mood", MD_TYPE_OTHER, MD_KIND_ENUM, NULL, NULL, 0, 0 },
		{ "api.mood[]", "api.mood[]", MD_TYPE_OTHER, MD_KIND_ARRAY, NULL, "api.mood",
		  MD_TYPE_OTHER, 0 },
		{ "int4range", "int4range", MD_TYPE_OTHER, MD_KIND_RANGE, NULL, "integer",
		  MD_TYPE_INT4, 0 },
		{ "api.pair", "api.pair", MD_TYPE_OTHER, MD_KIND_COMPOSITE, NULL, NULL, 0, 0 },
		{ "api.feeling", "api.feeling", MD_TYPE_OTHER, MD_KIND_ENUM, "api.mood", NULL, 0,
		  0 },
		{ "api.email", "api.email", MD_TYPE_TEXT, MD_KIND_SCALAR, "character varying(50)",
		  NULL, 0, 50 },
		{ "api.work_email", "api.work_email", MD_TYPE_TEXT, MD_KIND_SCALAR,
		  "character varying(50)", NULL, 0, 50 },
		{ "api.email[]", "api.email[]", MD_TYPE_OTHER, MD_KIND_ARRAY, NULL, "api.email",
		  MD_TYPE_TEXT, 0 },
		{ "api.ints", "api.ints", MD_TYPE_OTHER, MD_KIND_ARRAY, "integer[]", "integer",
		  MD_TYPE_INT4, 0 },
	};
	enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
	char sql[4096] = "CREATE TYPE api.mood AS ENUM ('sad', 'it''s ok', 'happy');"
			 "CREATE TYPE api.pair AS (a int, b text);"
			 "CREATE DOMAIN api.feeling AS api.mood; CREATE DOMAIN api.ints AS int[];"
			 "CREATE DOMAIN api.email AS varchar(50);"
			 "CREATE DOMAIN api.work_email AS api.email NOT NULL;CREATE TABLE api.t (";

	for (unsigned i = 0; i < COUNT; i++)
		snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), "%s c%u %s",
			 i > 0 ? "," : "", i, cases[i].sql);
	strcat(sql, ")");
	begin(sql);
	for (unsigned i = 0; i < COUNT; i++) {
		const struct md_catalog_column *column = &the_table("t")->columns[i];

		ck_assert_str_eq(column->declared, cases[i].declared);
		ck_assert_msg(column->type == cases[i].type, "%s", cases[i].sql);
		ck_assert_msg(column->kind == cases[i].kind, "%s", cases[i].sql);
		ck_assert_str_eq(or_none(column->base), or_none(cases[i].base));
		ck_assert_str_eq(or_none(column->element), or_none(cases[i].element));
		ck_assert_msg(column->element_type == cases[i].element_type, "%s", cases[i].sql);
		ck_assert_uint_eq(column->max_length, cases[i].max_length);
		ck_assert_msg(column->nullable == (strcmp(cases[i].sql, "api.work_email") != 0),
			      "%s", cases[i].sql);
		ck_assert_uint_eq(column->label_count, column->kind == MD_KIND_ENUM ? 3 : 0);
		if (column->label_count > 0)
			ck_assert_str_eq(column->labels[1], "it's ok");
	}
	end();
}
END_TEST

START_TEST(defaults_identities_and_generated_columns_are_told)
{
	begin("CREATE TABLE api.t (a int GENERATED BY DEFAULT AS IDENTITY,"
	      "b int GENERATED ALWAYS AS IDENTITY, c serial, gone text,"
	      "d int GENERATED ALWAYS AS (a + 1) STORED, e text DEFAULT 'it''s' NOT NULL,"
	      "f timestamptz DEFAULT '2020-01-01T00:00:00+02:00',"
	      "g text COLLATE \"und-x-icu\", h text COLLATE \"C\");"
	      "ALTER TABLE api.t DROP gone; ALTER TABLE api.t ADD late int");
	ck_assert_uint_eq(the_table("t")->column_count, 9);
	ck_assert(the_column("t", "a")->identity && !the_column("t", "a")->always);
	ck_assert_ptr_null(the_column("t", "a")->fallback);
	ck_assert(!the_column("t", "a")->nullable);
	ck_assert(the_column("t", "b")->identity && the_column("t", "b")->always);
	ck_assert(the_column("t", "c")->identity && !the_column("t", "c")->always);
	ck_assert_str_eq(the_column("t", "c")->fallback, "nextval('api.t_c_seq'::regclass)");
	ck_assert(the_column("t", "d")->generated && !the_column("t", "d")->fallback);
	ck_assert_str_eq(the_column("t", "e")->fallback, "'it''s'::text");
	ck_assert(!the_column("t", "e")->nullable && !the_column("t", "e")->identity);
	ck_assert_str_eq(the_column("t", "f")->fallback,
			 "'2019-12-31 22:00:00+00'::timestamp with time zone");
	ck_assert_str_eq(the_column("t", "g")->collation, "und-x-icu");
	ck_assert_ptr_null(the_column("t", "h")->collation);
	ck_assert_ptr_null(the_column("t", "e")->collation);
	ck_assert(the_column("t", "late")->nullable);
	end();
}
END_TEST

START_TEST(row_counts_are_estimates_or_unknown)
{
	begin("CREATE TABLE api.counted AS SELECT i FROM generate_series(1, 1000) i;"
	      "CREATE TABLE api.new (i int); CREATE VIEW api.v AS SELECT 1 AS one;"
	      "ANALYZE api.counted");
	ck_assert_double_eq(the_table("counted")->rows_estimate, 1000);
	ck_assert_double_lt(the_table("new")->rows_estimate, 0);
	ck_assert_double_lt(the_table("v")->rows_estimate, 0);
	end();
}
END_TEST

/* --- keys --------------------------------------------------------------------------------------
 */

START_TEST(keys_foreign_keys_and_checks_are_told)
{
	begin("CREATE TABLE api.artist (artist_id int PRIMARY KEY, name varchar(120));"
	      "CREATE TABLE other.hidden (id int PRIMARY KEY);"
	      "CREATE TABLE api.album (gone int, album_id int, title text NOT NULL CHECK (title <> "
	      "''),"
	      "artist_id int NOT NULL REFERENCES api.artist ON DELETE CASCADE ON UPDATE SET NULL,"
	      "hidden_id int REFERENCES other.hidden,"
	      "CONSTRAINT \"PK album\" PRIMARY KEY (album_id), UNIQUE (title, artist_id));"
	      "ALTER TABLE api.album DROP gone;"
	      "ALTER TABLE api.album ADD parent_id int DEFAULT 0"
	      " REFERENCES api.album ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED;"
	      "CREATE TABLE api.pairs (b int, a int, x int, y int, PRIMARY KEY (a, b),"
	      "CONSTRAINT xy FOREIGN KEY (x, y) REFERENCES api.pairs (b, a) ON DELETE RESTRICT"
	      " DEFERRABLE, UNIQUE (b, a), CHECK ((x > 0) AND (y > 0)), CHECK (x IN (1, 2)))");
	ck_assert_str_eq(tell("artist"),
			 "primary artist_pkey artist_id\nindex - artist_id unique\n");
	ck_assert_str_eq(
		tell("album"),
		"primary PK album album_id\n"
		"unique album_title_artist_id_key title artist_id\n"
		"foreign album_artist_id_fkey artist_id -> artist artist_id on delete"
		" cascade on update null\n"
		"foreign album_parent_id_fkey parent_id -> album album_id on delete default"
		" deferrable deferred\n"
		"index - album_id unique\nindex - title artist_id unique\n"
		"check album_title_check title <> ''::text\n");
	ck_assert_str_eq(tell("pairs"),
			 "primary pairs_pkey a b\nunique pairs_b_a_key b a\n"
			 "foreign xy x y -> pairs b a on delete restrict deferrable\n"
			 "index - a b unique\nindex - b a unique\n"
			 "check pairs_check (x > 0) AND (y > 0)\n"
			 "check pairs_x_check x = ANY (ARRAY[1, 2])\n");
	end();
}
END_TEST

START_TEST(indexes_say_what_they_can_serve)
{
	begin("CREATE TABLE api.t (a int, b text, c text, d jsonb);"
	      "CREATE INDEX i1 ON api.t (b, a DESC); CREATE UNIQUE INDEX i2 ON api.t (a, b);"
	      "CREATE UNIQUE INDEX i3 ON api.t (a) WHERE b IS NULL;"
	      "CREATE INDEX i4 ON api.t (a, lower(b)); CREATE INDEX i5 ON api.t (lower(c), a);"
	      "CREATE INDEX i6 ON api.t USING gin (d); CREATE INDEX i7 ON api.t USING hash (a);"
	      "CREATE INDEX i8 ON api.t (a) INCLUDE (b);"
	      "CREATE INDEX i9 ON api.t (a, b COLLATE \"und-x-icu\", c);"
	      "CREATE INDEX j1 ON api.t (c text_pattern_ops)");
	ck_assert_str_eq(tell("t"), "unique i2 a b\n"
				    "index i1 b a\nindex i2 a b unique\n"
				    "index i3 a unique partial\nindex i4 a more\nindex i5 more\n"
				    "index i6 d partial\nindex i7 a partial\nindex i8 a\n"
				    "index i9 a\nindex j1 c partial\n");
	end();
}
END_TEST

START_TEST(of_a_partitioned_table_only_the_whole_is_listed)
{
	begin("CREATE TABLE api.owner (id int PRIMARY KEY);"
	      "CREATE TABLE api.log (day date NOT NULL, id int NOT NULL, owner_id int"
	      " REFERENCES api.owner, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);"
	      "CREATE TABLE api.log_1 PARTITION OF api.log FOR VALUES FROM ('2020-01-01') TO"
	      " ('2021-01-01') PARTITION BY LIST (id);"
	      "CREATE TABLE api.log_1_1 PARTITION OF api.log_1 DEFAULT;"
	      "CREATE TABLE api.note (day date, id int, FOREIGN KEY (day, id) REFERENCES api.log)");
	ck_assert_uint_eq(catalog->count, 3);
	ck_assert_str_eq(tell("log"), "primary log_pkey day id\n"
				      "foreign log_owner_id_fkey owner_id -> owner id\n"
				      "index - day id unique\n");
	ck_assert_str_eq(tell("note"), "foreign note_day_id_fkey day id -> log day id\n");
	ck_assert(the_table("log")->kind == MD_REL_TABLE && the_table("log")->insertable);
	end();
}
END_TEST

/* --- views -------------------------------------------------------------------------------------
 */

static void shows(const char *view, const char *column, const char *origin)
{
	const struct md_catalog_column *c = the_column(view, column);
	char text[200] = "-";

	if (c->origin_table)
		snprintf(text, sizeof(text), "%s.%s", c->origin_table, c->origin_column);
	if (strcmp(text, origin) != 0)
		ck_abort_msg("%s.%s shows %s, not %s", view, column, text, origin);
}

START_TEST(columns_of_views_are_traced_to_their_tables)
{
	begin("CREATE TABLE api.\"A a\" (gone int, \"I d\" int PRIMARY KEY, \"(x\\} \" text);"
	      "ALTER TABLE api.\"A a\" DROP gone;"
	      "CREATE TABLE other.o (gone int, id int PRIMARY KEY, a_id int REFERENCES api.\"A a\","
	      " parent int REFERENCES other.o);"
	      "ALTER TABLE other.o DROP gone;"
	      "CREATE TABLE other.b (id int PRIMARY KEY, hidden int);"
	      "CREATE TABLE other.unseen (o_id int REFERENCES other.o);"
	      "CREATE TABLE api.b (id int PRIMARY KEY, a_id int REFERENCES api.\"A a\", n int,"
	      " o_id int REFERENCES other.o);"
	      "CREATE VIEW api.simple AS SELECT \"(x\\} \" AS \":resno 7\", \"I d\" AS id FROM"
	      " api.\"A a\" ORDER BY \"I d\" + 1;"
	      "CREATE VIEW api.joined AS SELECT b.id, a.\"I d\" AS a_id, b.n + 1 AS more,"
	      " (SELECT max(id) FROM api.b) AS top FROM api.b JOIN api.\"A a\" a ON"
	      " a.\"I d\" = b.a_id;"
	      "CREATE VIEW other.between AS SELECT id AS step FROM api.joined;"
	      "CREATE VIEW api.far AS WITH w AS (SELECT step FROM other.between) SELECT w.step AS "
	      "z,"
	      " s.q FROM w, (SELECT n AS q FROM api.b) s;"
	      "CREATE VIEW api.both AS SELECT id FROM api.b UNION SELECT \"I d\" FROM api.\"A a\";"
	      "CREATE VIEW api.outside AS SELECT o.id, b.id AS b_id, o.parent FROM other.o,"
	      " other.b;"
	      "CREATE MATERIALIZED VIEW api.kept AS SELECT id, n FROM api.b;"
	      "CREATE UNIQUE INDEX kept_key ON api.kept (id)");
	shows("simple", ":resno 7", "A a.(x\\} ");
	shows("simple", "id", "A a.I d");
	shows("joined", "id", "b.id");
	shows("joined", "a_id", "A a.I d");
	shows("joined", "more", "-");
	shows("joined", "top", "-");
	shows("far", "z", "b.id");
	shows("far", "q", "b.n");
	shows("both", "id", "-");
	shows("outside", "id", "o.id");
	shows("outside", "b_id", "b.id"); /* of two tables of this name, the other one */
	shows("outside", "parent", "o.parent");
	ck_assert_uint_eq(catalog->base_count, 2);
	ck_assert_uint_eq(the_column("outside", "id")->origin_base, 1);
	ck_assert_uint_eq(the_column("outside", "b_id")->origin_base, 2);
	ck_assert_uint_eq(the_column("joined", "id")->origin_base, 0);
	ck_assert_str_eq(catalog->bases[0].schema, "other");
	ck_assert_str_eq(catalog->bases[0].keys[0].name, "o_pkey");
	ck_assert_uint_eq(catalog->bases[0].foreign_key_count, 2);
	ck_assert_uint_eq(catalog->bases[0].foreign_keys[0].target_base, 0);
	ck_assert_uint_eq(catalog->bases[0].foreign_keys[1].target_base, 1);
	ck_assert_str_eq(catalog->bases[1].name, "b");
	ck_assert_uint_eq(the_table("b")->foreign_key_count, 1);
	ck_assert_uint_eq(the_table("b")->outside_count, 1);
	ck_assert_str_eq(the_table("b")->outside[0].name, "b_o_id_fkey");
	ck_assert_uint_eq(the_table("b")->outside[0].target_base, 1);
	shows("kept", "n", "b.n");
	shows("b", "id", "-");
	ck_assert_str_eq(tell("kept"), "unique kept_key id\nindex kept_key id unique\n");
	end();
}
END_TEST

START_TEST(views_say_what_can_be_done_with_them)
{
	static const struct {
		const char *name;
		bool insert, update, remove;
	} cases[] = {
		{ "t", true, true, true },          { "plain", true, true, true },
		{ "grouped", false, false, false }, { "triggered", false, true, false },
		{ "kept", false, false, false },    { "f", false, false, false },
	};

	begin("CREATE TABLE api.t (id int, n int); CREATE VIEW api.plain AS SELECT * FROM api.t;"
	      "CREATE VIEW api.grouped AS SELECT n, count(*) FROM api.t GROUP BY n;"
	      "CREATE VIEW api.triggered AS SELECT n, count(*) FROM api.t GROUP BY n;"
	      "CREATE FUNCTION other.nothing() RETURNS trigger LANGUAGE plpgsql AS"
	      " 'BEGIN RETURN NULL; END';"
	      "CREATE TRIGGER tr INSTEAD OF UPDATE ON api.triggered FOR EACH ROW EXECUTE FUNCTION"
	      " other.nothing();"
	      "CREATE MATERIALIZED VIEW api.kept AS SELECT * FROM api.t;"
	      "CREATE FOREIGN DATA WRAPPER w;"
	      "CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE api.f (id int) SERVER "
	      "s");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct md_catalog_table *table = the_table(cases[i].name);

		ck_assert_msg(table->insertable == cases[i].insert, "%s", cases[i].name);
		ck_assert_msg(table->updatable == cases[i].update, "%s", cases[i].name);
		ck_assert_msg(table->deletable == cases[i].remove, "%s", cases[i].name);
	}
	ck_assert(the_table("f")->kind == MD_REL_TABLE);
	ck_assert(the_table("kept")->kind == MD_REL_VIEW);
	server_run("SET client_min_messages = warning; DROP FOREIGN DATA WRAPPER w CASCADE");
	end();
}
END_TEST

/* --- where -------------------------------------------------------------------------------------
 */

START_TEST(a_schema_that_is_missing_is_told)
{
	ck_assert_int_eq(look("no such"), MD_INVALID);
	ck_assert_str_eq(err.message, "the schema \"no such\" does not exist");
	ck_assert_str_eq(err.wire, "3F000");
	end();
}
END_TEST

START_TEST(without_a_schema_the_sessions_own_is_told)
{
	begin("CREATE TABLE IF NOT EXISTS public.\"in public\" (id int)");
	ck_assert_int_eq(look(NULL), MD_OK);
	ck_assert_ptr_nonnull(table_named("in public"));
	server_run("DROP TABLE public.\"in public\"");
	end();
}
END_TEST

START_TEST(inside_a_transaction_what_it_made_is_seen_and_its_settings_stay)
{
	struct md_conn *conn;
	PGconn *watcher;

	begin("CREATE TABLE api.t (id int)");
	conn = open_schema("api");
	ck_assert_int_eq(conn->driver->command(conn, "BEGIN READ WRITE", &err), MD_OK);
	ck_assert_int_eq(conn->driver->command(conn, "SET LOCAL search_path = api", &err), MD_OK);
	ck_assert_int_eq(conn->driver->command(conn, "CREATE TABLE fresh (id int)", &err), MD_OK);
	ck_assert_int_eq(conn->driver->catalog(conn, arena, &catalog, &err), MD_OK);
	ck_assert_ptr_nonnull(table_named("fresh"));
	ck_assert_int_eq(conn->driver->command(conn, "CREATE TABLE later (id int)", &err), MD_OK);
	ck_assert_int_eq(conn->driver->command(conn, "COMMIT", &err), MD_OK);
	watcher = PQconnectdb(server_url);
	PQfinish(watcher);
	ck_assert_str_eq(server_ask("SELECT to_regclass('api.later') IS NOT NULL"), "t");
	conn->driver->close(conn);
	end();
}
END_TEST

/* --- failures ----------------------------------------------------------------------------------
 */

START_TEST(a_failed_transaction_is_not_committed_quietly)
{
	struct md_conn *conn = open_schema(NULL);

	ck_assert_int_eq(conn->driver->command(conn, "BEGIN", &err), MD_OK);
	ck_assert_int_ne(conn->driver->command(conn, "SELECT 1 / 0", &err), MD_OK);
	ck_assert_str_eq(err.wire, "22012");
	ck_assert_int_eq(conn->driver->catalog(conn, NULL, &catalog, &err), MD_INVALID);
	ck_assert_str_eq(err.wire, "25P02");
	ck_assert_int_eq(conn->driver->command(conn, "COMMIT", &err), MD_CONFLICT);
	ck_assert_int_eq(conn->driver->command(conn, "SELECT 1", &err), MD_OK);
	ck_assert_int_eq(conn->driver->command(conn, "", &err), MD_INVALID);
	ck_assert_int_eq(conn->driver->command(conn, "COPY pg_class TO STDOUT", &err), MD_INVALID);
	ck_assert(conn->broken);
	ck_assert_int_eq(conn->driver->command(conn, "SELECT 1", &err), MD_UNAVAILABLE);
	conn->driver->close(conn);
}
END_TEST

START_TEST(a_server_that_is_not_there_or_goes_is_told)
{
	struct md_conn_target target = { .url = "postgresql:///x?host=/nowhere/at/all" };
	struct md_conn *conn = NULL;
	char url[300];
	enum md_code code;

	code = md_postgres_driver.connect(&target, &conn, &err);
	if (code == MD_OK) {
		code = md_postgres_driver.catalog(conn, NULL, &catalog, &err);
		md_postgres_driver.close(conn);
	}
	ck_assert_int_eq(code, MD_UNAVAILABLE);

	server_url_with("dbname=nowhere", url, sizeof(url));
	target.url = url;
	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
	ck_assert_int_eq(md_postgres_driver.catalog(conn, NULL, &catalog, &err), MD_NOT_FOUND);
	ck_assert_str_eq(err.wire, "3D000");
	md_postgres_driver.close(conn);

	conn = open_schema(NULL);
	ck_assert_int_eq(md_postgres_driver.command(conn, "BEGIN", &err), MD_OK);
	server_kill_sessions();
	ck_assert_int_eq(md_postgres_driver.command(conn, "COMMIT", &err), MD_UNCERTAIN);
	ck_assert(conn->broken);
	md_postgres_driver.close(conn);

	conn = open_schema(NULL);
	ck_assert_int_eq(md_postgres_driver.command(conn, "BEGIN", &err), MD_OK);
	server_kill_sessions();
	ck_assert_int_eq(md_postgres_driver.catalog(conn, NULL, &catalog, &err), MD_UNAVAILABLE);
	md_postgres_driver.close(conn);
}
END_TEST

/* Ends the session that waits for the lock on pg_enum. */
static void *kill_the_waiting(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 200; i++) {
		if (strcmp(server_ask("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE"
				      " relation = 'pg_enum'::regclass AND NOT granted"),
			   "1") == 0)
			break;
		usleep(50000);
	}
	return NULL;
}

START_TEST(a_session_that_ends_in_the_middle_is_told)
{
	struct md_conn_target target = { .url = server_url, .statement_timeout_ms = 300 };
	PGconn *other = PQconnectdb(server_url);
	struct md_conn *conn = open_schema(NULL);
	pthread_t killer;

	PQclear(PQexec(other, "BEGIN; LOCK TABLE pg_enum IN ACCESS EXCLUSIVE MODE"));
	arena = md_arena_new(16 << 20);
	catalog = NULL;
	ck_assert_int_eq(pthread_create(&killer, NULL, kill_the_waiting, NULL), 0);
	ck_assert_int_eq(md_postgres_driver.catalog(conn, arena, &catalog, &err), MD_UNAVAILABLE);
	pthread_join(killer, NULL);
	ck_assert_str_eq(err.wire, "57P01");
	ck_assert(conn->broken);
	md_postgres_driver.close(conn);

	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
	ck_assert_int_eq(md_postgres_driver.catalog(conn, arena, &catalog, &err), MD_TIMEOUT);
	ck_assert_ptr_null(catalog);
	PQfinish(other);
	ck_assert_int_eq(md_postgres_driver.catalog(conn, arena, &catalog, &err), MD_OK);
	md_postgres_driver.close(conn);
	end();
}
END_TEST

START_TEST(a_server_that_says_nothing_is_not_waited_for)
{
	char dir[] = "/tmp/modeld-mute-XXXXXX", url[128];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct md_conn_target target = { .url = url };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	uint64_t start = md_now_ns();
	struct md_conn *conn;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", dir);
	snprintf(url, sizeof(url), "host=%s port=5432 user=x dbname=x connect_timeout=2", dir);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
	ck_assert_int_eq(md_postgres_driver.catalog(conn, NULL, &catalog, &err), MD_UNAVAILABLE);
	ck_assert_str_eq(err.wire, "08001");
	ck_assert_uint_lt(md_now_ns() - start, 8 * MD_SEC);
	md_postgres_driver.close(conn);
	close(listener);
	unlink(address.sun_path);
	rmdir(dir);
}
END_TEST

/* Refuse the function behind one question after the other, and let a session end there. */
static void break_function(const char *name, const char *how)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
		 "SELECT format('%s', oid::regprocedure) FROM pg_proc WHERE"
		 " proname = '%s' AND pronamespace = 'pg_catalog'::regnamespace"
		 " ORDER BY pronargs LIMIT 1",
		 how, name);
	snprintf(sql, sizeof(sql), "%s", server_ask(sql));
	server_run(sql);
}

START_TEST(a_permission_that_is_missing_is_told)
{
	static const char *const functions[] = { "pg_relation_is_updatable", "format_type",
						 "pg_get_expr" };
	char url[300];
	const struct md_conn_target target = { .url = url, .schema = "api" };

	begin("CREATE TABLE api.t (id int DEFAULT 1 CHECK (id > 0)); CREATE VIEW api.v AS SELECT 1 "
	      "AS a;"
	      "CREATE ROLE nobody_special LOGIN");
	server_url_with("user=nobody_special", url, sizeof(url));
	for (unsigned i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		struct md_conn *conn;

		break_function(functions[i],
			       "REVOKE EXECUTE ON FUNCTION pg_catalog.%s FROM public");
		ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
		catalog = NULL;
		ck_assert_int_eq(md_postgres_driver.catalog(conn, arena, &catalog, &err),
				 MD_INVALID);
		ck_assert_ptr_null(catalog);
		ck_assert_str_eq(err.wire, "42501");
		ck_assert_ptr_nonnull(strstr(err.message, functions[i]));
		break_function(functions[i], "GRANT EXECUTE ON FUNCTION pg_catalog.%s TO public");
		/* The connection is none the worse. */
		ck_assert_int_eq(md_postgres_driver.catalog(conn, arena, &catalog, &err), MD_OK);
		ck_assert_uint_eq(catalog->count, 2);
		md_postgres_driver.close(conn);
	}
	server_run("DROP ROLE nobody_special");
	end();
}
END_TEST

/* Our allocations, one after the other; libpq's own are its own business. */
START_TEST(every_allocation_may_fail)
{
	bool fired = true;

	begin("CREATE TYPE api.mood AS ENUM ('sad', 'ok');"
	      "CREATE TABLE api.a (id int PRIMARY KEY, m api.mood, CHECK (id > 0));"
	      "CREATE TABLE api.b (id int PRIMARY KEY REFERENCES api.a, t text DEFAULT 'x');"
	      "CREATE TABLE other.o (id int PRIMARY KEY, b int REFERENCES api.b);"
	      "CREATE VIEW api.v AS SELECT b.*, o.id AS o FROM api.b, other.o");
	for (long n = 0; fired; n++) {
		struct md_conn_target target = { .url = server_url, .schema = "api" };
		struct md_arena *own = NULL;
		struct md_conn *conn = NULL;
		const struct md_catalog *found = NULL;
		enum md_code code;

		fault_arm(n);
		own = md_arena_new(16 << 20);
		code = own ? md_postgres_driver.connect(&target, &conn, &err) : MD_NOMEM;
		if (code == MD_OK)
			code = md_postgres_driver.catalog(conn, own, &found, &err);
		if (conn)
			md_postgres_driver.close(conn);
		fault_disarm();
		fired = fault_fired();
		if (!fired)
			ck_assert_int_eq(code, MD_OK);
		if (code == MD_OK)
			ck_assert_uint_eq(found->count, 3);
		else
			ck_assert_ptr_null(found);
		if (code != MD_OK && code != MD_NOMEM)
			ck_assert_int_eq(code, MD_UNAVAILABLE);
		md_arena_free(own);
		ck_assert_int_lt(n, 5000);
	}
	end();
}
END_TEST

/* An arena that is too small, at every size: that is how a reload's limit looks. */
START_TEST(a_limit_of_memory_may_be_reached_anywhere)
{
	struct md_conn *conn;
	enum md_code code = MD_NOMEM;
	size_t size = 16;

	begin("CREATE TYPE api.mood AS ENUM ('sad', 'ok');"
	      "CREATE TABLE api.a (id int PRIMARY KEY, m api.mood, CHECK (id > 0));"
	      "CREATE TABLE api.b (id int PRIMARY KEY REFERENCES api.a, t text DEFAULT 'x');"
	      "CREATE TABLE other.o (id int PRIMARY KEY, b int REFERENCES api.b);"
	      "CREATE VIEW api.v AS SELECT b.*, o.id AS o FROM api.b, other.o");
	conn = open_schema("api");
	for (; code != MD_OK; size += 48) {
		struct md_arena *small = md_arena_new(size);

		catalog = NULL;
		code = md_postgres_driver.catalog(conn, small, &catalog, &err);
		ck_assert(code == MD_OK || code == MD_NOMEM);
		ck_assert_ptr_eq(code == MD_OK ? NULL : catalog, NULL);
		md_arena_free(small);
	}
	ck_assert_uint_gt(size, 1000);
	md_postgres_driver.close(conn);
	end();
}
END_TEST

SUITE_RUN("postgres catalog", tables_come_sorted_with_comments_and_without_what_is_not_served,
	  temporary_tables_of_other_sessions_are_not_listed,
	  types_are_told_through_domains_arrays_and_ranges,
	  defaults_identities_and_generated_columns_are_told, row_counts_are_estimates_or_unknown,
	  keys_foreign_keys_and_checks_are_told, indexes_say_what_they_can_serve,
	  of_a_partitioned_table_only_the_whole_is_listed,
	  columns_of_views_are_traced_to_their_tables, views_say_what_can_be_done_with_them,
	  a_schema_that_is_missing_is_told, without_a_schema_the_sessions_own_is_told,
	  inside_a_transaction_what_it_made_is_seen_and_its_settings_stay,
	  a_failed_transaction_is_not_committed_quietly, a_server_that_is_not_there_or_goes_is_told,
	  a_session_that_ends_in_the_middle_is_told, a_server_that_says_nothing_is_not_waited_for,
	  a_permission_that_is_missing_is_told, every_allocation_may_fail,
	  a_limit_of_memory_may_be_reached_anywhere)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
