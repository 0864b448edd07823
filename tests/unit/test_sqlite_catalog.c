#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/catalog.h"
#include "core/db/driver.h"
#include "core/db/sqlite_catalog.h"

#include "tests/support/suite.h"

static char lines[4096];

static void note_line(void *ctx, enum md_log_level level, const char *text)
{
	size_t len = strlen(lines);

	(void)ctx;
	if (level <= MD_LOG_WARN)
		snprintf(lines + len, sizeof(lines) - len, "%s\n", text);
}

static const struct md_log test_log = { .write = note_line, .level = MD_LOG_DEBUG };
static struct md_conn *conn;
static struct md_arena *arena;
static const struct md_catalog *catalog;

static void load(const char *sql)
{
	struct md_conn_target target = { .url = "sqlite://", .log = &test_log };
	struct md_error err;

	md_error_clear(&err);
	arena = md_arena_new(64 << 20);
	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, &err), MD_OK);
	ck_assert_msg(conn->driver->command(conn, sql, &err) == MD_OK, "%s", err.message);
	ck_assert_msg(conn->driver->catalog(conn, arena, &catalog, &err) == MD_OK, "%s",
		      err.message);
}

static void unload(void)
{
	conn->driver->close(conn);
	arena = md_arena_free(arena);
}

static const struct md_catalog_table *table(const char *name)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	return NULL;
}

struct text {
	char buf[2048];
	size_t len;
};

static void put(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text->buf + text->len, sizeof(text->buf) - text->len, fmt, args);
	va_end(args);
	text->len = strlen(text->buf);
}

static void put_places(struct text *text, const struct md_catalog_table *t, const unsigned *columns,
		       unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(text, "%s%s", i > 0 ? "," : "", t->columns[columns[i]].name);
}

/* "pkey*(a,b); other(c)": the primary key has the star. */
static const char *keys_of(const char *name)
{
	static struct text text;
	const struct md_catalog_table *t = table(name);

	text = (struct text){ .len = 0 };
	ck_assert_msg(t != NULL, "no table %s", name);
	for (unsigned i = 0; i < t->key_count; i++) {
		put(&text, "%s%s%s(", i > 0 ? "; " : "", t->keys[i].name,
		    t->keys[i].primary ? "*" : "");
		put_places(&text, t, t->keys[i].columns, t->keys[i].count);
		put(&text, ")");
	}
	return text.buf;
}

/* "name(a,b)->target(x,y)" */
static const char *foreign_keys_of(const char *name)
{
	static struct text text;
	const struct md_catalog_table *t = table(name);

	text = (struct text){ .len = 0 };
	ck_assert_msg(t != NULL, "no table %s", name);
	for (unsigned i = 0; i < t->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *key = &t->foreign_keys[i];

		put(&text, "%s%s(", i > 0 ? "; " : "", key->name);
		put_places(&text, t, key->columns, key->count);
		put(&text, ")->%s(", key->target);
		for (unsigned k = 0; k < key->count; k++)
			put(&text, "%s%s", k > 0 ? "," : "", key->target_columns[k]);
		put(&text, ")");
	}
	return text.buf;
}

/* "a,b; c!; d?": unique ones have the mark, partial ones the question; "..." stands for what is no
 * plain column. */
static const char *indexes_of(const char *name)
{
	static struct text text;
	const struct md_catalog_table *t = table(name);

	text = (struct text){ .len = 0 };
	ck_assert_msg(t != NULL, "no table %s", name);
	for (unsigned i = 0; i < t->index_count; i++) {
		put(&text, "%s", i > 0 ? "; " : "");
		put_places(&text, t, t->indexes[i].columns, t->indexes[i].count);
		put(&text, "%s%s%s", t->indexes[i].whole ? "" : "...",
		    t->indexes[i].unique ? "!" : "", t->indexes[i].partial ? "?" : "");
		if (t->indexes[i].predicate)
			put(&text, "{%s}", t->indexes[i].predicate);
	}
	return text.buf;
}

/* "name declared flags=default" with n: not null, g: generated, and @collation; views:
 * <table.column */
static const char *columns_of(const char *name)
{
	static struct text text;
	const struct md_catalog_table *t = table(name);

	text = (struct text){ .len = 0 };
	ck_assert_msg(t != NULL, "no table %s", name);
	for (unsigned i = 0; i < t->column_count; i++) {
		const struct md_catalog_column *c = &t->columns[i];

		put(&text, "%s%s:%s%s%s", i > 0 ? "; " : "", c->name, c->declared,
		    c->nullable ? "" : " n", c->generated ? " g" : "");
		if (c->fallback)
			put(&text, " =%s", c->fallback);
		if (c->collation)
			put(&text, " @%s", c->collation);
		if (c->origin_table)
			put(&text, " <%s.%s", c->origin_table, c->origin_column);
	}
	return text.buf;
}

static const char *all_tables(void)
{
	static struct text text;

	text = (struct text){ .len = 0 };
	for (unsigned i = 0; i < catalog->count; i++)
		put(&text, "%s%s", i > 0 ? "|" : "", catalog->tables[i].name);
	return text.buf;
}

START_TEST(tables_are_listed_by_name_without_those_that_are_nobodys)
{
	load("CREATE TABLE b (a); CREATE TABLE \"B2\" (a); CREATE TABLE a (id INTEGER PRIMARY KEY "
	     "AUTOINCREMENT); CREATE TABLE _modeld_objects (a); CREATE TABLE alembic_version (a);"
	     "CREATE VIRTUAL TABLE words USING fts5(title, body); ANALYZE;"
	     "CREATE VIEW v AS SELECT 1 AS one; CREATE TABLE \"é\" (a)");
	ck_assert_str_eq(all_tables(), "B2|a|b|v|words|é");
	ck_assert_int_eq(table("v")->kind, MD_REL_VIEW);
	ck_assert(!table("v")->insertable && !table("v")->updatable && !table("v")->deletable);
	ck_assert_int_eq(table("words")->kind, MD_REL_TABLE);
	ck_assert(table("b")->insertable && table("b")->updatable && table("b")->deletable);
	ck_assert_str_eq(table("b")->schema, "");
	ck_assert_str_eq(columns_of("words"), "title:; body:");
	unload();
}
END_TEST

START_TEST(an_empty_database_has_an_empty_catalog)
{
	load("");
	ck_assert_uint_eq(catalog->count, 0);
	unload();
}
END_TEST

START_TEST(columns_keep_type_default_and_collation)
{
	load("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE,"
	     " b VARCHAR(20) DEFAULT (1 + 2), c, d INT AS (id * 2) STORED,"
	     " e INT GENERATED ALWAYS AS (id * 3) VIRTUAL, f DECIMAL(10, 2) DEFAULT NULL)");
	ck_assert_str_eq(columns_of("t"), "id:INTEGER n; a:TEXT n ='x' @NOCASE; "
					  "b:VARCHAR(20) =1 + 2; c:; d:INT g; e:INT g; "
					  "f:DECIMAL(10, 2) =NULL");
	unload();
}
END_TEST

START_TEST(declared_types_mean_what_they_say)
{
	static const struct {
		const char *declared;
		enum md_type type;
	} cases[] = {
		{ "", MD_TYPE_ANY },
		{ "INTEGER", MD_TYPE_INT8 },
		{ "bigint", MD_TYPE_INT8 },
		{ "BIGINT(20)", MD_TYPE_INT8 },
		{ "UNSIGNED  BIG INT", MD_TYPE_INT8 },
		{ "int", MD_TYPE_INT4 },
		{ "MEDIUMINT", MD_TYPE_INT4 },
		{ "SMALLINT", MD_TYPE_INT2 },
		{ "int2", MD_TYPE_INT2 },
		{ "INT UNSIGNED", MD_TYPE_INT8 },
		{ "BOOL", MD_TYPE_BOOL },
		{ "Boolean", MD_TYPE_BOOL },
		{ "NVARCHAR(160)", MD_TYPE_TEXT },
		{ "character varying (3)", MD_TYPE_TEXT },
		{ "TEXT", MD_TYPE_TEXT },
		{ "NUMERIC(10,2)", MD_TYPE_NUMERIC },
		{ "decimal", MD_TYPE_NUMERIC },
		{ "DOUBLE PRECISION", MD_TYPE_FLOAT },
		{ "REAL", MD_TYPE_FLOAT },
		{ "DATE", MD_TYPE_DATE },
		{ "DATETIME", MD_TYPE_TIMESTAMP },
		{ "timestamp(3) with time zone", MD_TYPE_TIMESTAMPTZ },
		{ "timestamptz", MD_TYPE_TIMESTAMPTZ },
		{ "TIME", MD_TYPE_TIME },
		{ "UUID", MD_TYPE_UUID },
		{ "jsonb", MD_TYPE_JSON },
		{ "BLOB", MD_TYPE_BYTES },
		{ "mood", MD_TYPE_ANY },
		{ "integer[]", MD_TYPE_JSON },
		{ "interval", MD_TYPE_ANY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(md_sqlite_type(cases[i].declared) == cases[i].type, "%s: %d",
			      cases[i].declared, (int)md_sqlite_type(cases[i].declared));
}
END_TEST

START_TEST(keys_have_their_own_names_or_those_that_postgresql_would_give)
{
	load("CREATE TABLE plain (id INTEGER PRIMARY KEY, a UNIQUE, b, c, UNIQUE (c, b));"
	     "CREATE TABLE named (a TEXT CONSTRAINT first PRIMARY KEY, b CONSTRAINT \"se\"\"cond\" "
	     "UNIQUE, c, CONSTRAINT [third one] UNIQUE (c COLLATE BINARY DESC, b));"
	     "CREATE TABLE two (b, a, c, PRIMARY KEY (a, b)) WITHOUT ROWID;"
	     "CREATE TABLE none (a);"
	     "CREATE TABLE desc_key (a INTEGER PRIMARY KEY DESC);"
	     "CREATE TABLE by_index (a, b COLLATE NOCASE, c);"
	     "CREATE UNIQUE INDEX whole ON by_index (a, b);"
	     "CREATE UNIQUE INDEX partial ON by_index (a) WHERE a > 0;"
	     "CREATE UNIQUE INDEX computed ON by_index (lower(a));"
	     "CREATE UNIQUE INDEX collated ON by_index (c COLLATE NOCASE);"
	     "CREATE INDEX many ON by_index (a)");
	ck_assert_str_eq(keys_of("plain"), "plain_pkey*(id); plain_a_key(a); plain_c_b_key(c,b)");
	ck_assert_str_eq(keys_of("named"), "first*(a); se\"cond(b); third one(c,b)");
	ck_assert_str_eq(keys_of("two"), "two_pkey*(a,b)");
	ck_assert_str_eq(keys_of("none"), "");
	ck_assert_str_eq(keys_of("desc_key"), "desc_key_pkey*(a)");
	ck_assert_str_eq(keys_of("by_index"), "whole(a,b)");
	ck_assert_str_eq(columns_of("two"), "b: n; a: n; c:");
	ck_assert_str_eq(columns_of("desc_key"), "a:INTEGER");
	unload();
}
END_TEST

START_TEST(automatic_names_are_cut_and_numbered)
{
	load("CREATE TABLE a (b_c UNIQUE); CREATE TABLE a_b (c UNIQUE);"
	     "CREATE TABLE x (id INTEGER PRIMARY KEY, up REFERENCES x);"
	     "CREATE TABLE y (id INTEGER PRIMARY KEY, x_id REFERENCES x, CONSTRAINT z_pkey "
	     "UNIQUE (x_id), FOREIGN KEY (x_id) REFERENCES y);"
	     "CREATE TABLE z (id INTEGER PRIMARY KEY);"
	     "CREATE TABLE a_table_with_a_name_that_is_already_rather_long_for_itself"
	     " (a_column_with_quite_a_long_name_too UNIQUE, "
	     "  éééééééééééééééééééééééééééé UNIQUE)");
	ck_assert_str_eq(keys_of("a"), "a_b_c_key(b_c)");
	ck_assert_str_eq(keys_of("a_b"), "a_b_c_key1(c)");
	ck_assert_str_eq(foreign_keys_of("x"), "x_up_fkey(up)->x(id)");
	ck_assert_str_eq(foreign_keys_of("y"),
			 "y_x_id_fkey(x_id)->x(id); y_x_id_fkey1(x_id)->y(id)");
	ck_assert_str_eq(keys_of("z"), "z_pkey1*(id)");
	ck_assert_str_eq(keys_of("a_table_with_a_name_that_is_already_rather_long_for_itself"),
			 "a_table_with_a_name_that_is_a_a_column_with_quite_a_long_na_key("
			 "a_column_with_quite_a_long_name_too); "
			 "a_table_with_a_name_that_is_a_éééééééééééééé_key("
			 "éééééééééééééééééééééééééééé)");
	unload();
}
END_TEST

START_TEST(foreign_keys_are_read_in_every_way_they_can_be_written)
{
	load("CREATE TABLE [Two Keys] (\"a b\" INT, `c;d` INT, PRIMARY KEY (\"a b\", `c;d`));"
	     "CREATE TABLE one (id INTEGER PRIMARY KEY, code TEXT UNIQUE);"
	     "CREATE TABLE t (\n"
	     "  id INTEGER PRIMARY KEY, -- REFERENCES nothing, (\n"
	     "  a INTEGER CONSTRAINT fk_a REFERENCES one ON DELETE SET NULL ON UPDATE CASCADE,\n"
	     "  b TEXT DEFAULT 'REFERENCES one(x), (' REFERENCES ONE (CODE) /* , ) */,\n"
	     "  \"CONSTRAINT\" INT CHECK (\"CONSTRAINT\" > 0) NOT NULL REFERENCES one,\n"
	     "  up INT CONSTRAINT 'the \"parent\"' REFERENCES t(id) DEFERRABLE INITIALLY "
	     "DEFERRED,\n"
	     "  x INT, y INT CONSTRAINT nn NOT NULL,\n"
	     "  CONSTRAINT pair FOREIGN KEY (x, y) REFERENCES [two keys]\n"
	     "  FOREIGN KEY (y, x) REFERENCES `Two Keys` (`a b`, \"c;d\") MATCH FULL,\n"
	     "  CHECK (x <> y), CONSTRAINT unused CHECK (x > 0),\n"
	     "  CONSTRAINT \"second; pair\" FOREIGN KEY (x) REFERENCES one (id))");
	ck_assert_str_eq(foreign_keys_of("t"),
			 "fk_a(a)->one(id); t_b_fkey(b)->one(code); "
			 "t_CONSTRAINT_fkey(CONSTRAINT)->one(id); the \"parent\"(up)->t(id); "
			 "pair(x,y)->Two Keys(a b,c;d); t_y_x_fkey(y,x)->Two Keys(a b,c;d); "
			 "second; pair(x)->one(id)");
	ck_assert_str_eq(lines, "");
	unload();
}
END_TEST

START_TEST(foreign_keys_to_nothing_are_left_out_with_a_warning)
{
	load("CREATE TABLE a (x REFERENCES missing, y REFERENCES b (missing), z REFERENCES c);"
	     "CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE TABLE c (x)");
	ck_assert_str_eq(foreign_keys_of("a"), "");
	ck_assert_ptr_nonnull(strstr(lines, "a: the foreign key to missing is left out"));
	unload();
}
END_TEST

START_TEST(hostile_names_survive)
{
	load("CREATE TABLE \"x\"\"; DROP TABLE y; --\" (\"a'\"\"b\" PRIMARY KEY, \"é ü\" UNIQUE,"
	     " \"select\" REFERENCES \"x\"\"; DROP TABLE y; --\");"
	     "CREATE VIEW \"v'\"\"w\" AS SELECT \"é ü\" FROM \"x\"\"; DROP TABLE y; --\"");
	ck_assert_str_eq(all_tables(), "v'\"w|x\"; DROP TABLE y; --");
	ck_assert_str_eq(keys_of("x\"; DROP TABLE y; --"),
			 "x\"; DROP TABLE y; --_pkey*(a'\"b); x\"; DROP TABLE y; --_é ü_key(é ü)");
	ck_assert_str_eq(foreign_keys_of("x\"; DROP TABLE y; --"),
			 "x\"; DROP TABLE y; --_select_fkey(select)->x\"; DROP TABLE y; --(a'\"b)");
	ck_assert_str_eq(columns_of("v'\"w"), "é ü: <x\"; DROP TABLE y; --.é ü");
	unload();
}
END_TEST

START_TEST(indexes_tell_what_order_they_can_serve)
{
	load("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b COLLATE NOCASE, c);"
	     "CREATE INDEX i1 ON t (a, b); CREATE INDEX i2 ON t (a, b COLLATE BINARY, c);"
	     "CREATE INDEX i3 ON t (lower(a), b);"
	     "CREATE INDEX \"i(4\" ON t (c)  WHERE  c > 0 AND a <> ' where ';"
	     "CREATE UNIQUE INDEX i5 ON t (c, a); CREATE UNIQUE INDEX i6 ON t (c, abs(a))");
	ck_assert_str_eq(indexes_of("t"), "a,b; a...; ...; c?{c > 0 AND a <> ' where '}; c,a!; "
					  "c...!; id!");
	unload();
}
END_TEST

/* "name(expression); …" */
static const char *checks_of(const char *name)
{
	static struct text text;
	const struct md_catalog_table *t = table(name);

	text = (struct text){ .len = 0 };
	for (unsigned i = 0; i < t->check_count; i++)
		put(&text, "%s%s(%s)", i > 0 ? "; " : "", t->checks[i].name,
		    t->checks[i].expression);
	return text.buf;
}

START_TEST(checks_have_their_text_and_a_name)
{
	load("CREATE TABLE t (a CONSTRAINT a_is_fair CHECK (a > 0) CHECK ( length(a) < 9 ),"
	     " b NOT NULL CHECK (b IN ('a', 'x)')), c DEFAULT (1), CHECK (\"a\" < b /* ( */),"
	     " CONSTRAINT \"of c\" CHECK (c IS NOT NULL), CHECK (1), CHECK ([b] <> c))");
	ck_assert_str_eq(checks_of("t"), "a_is_fair(a > 0); t_a_check(length(a) < 9); "
					 "t_b_check(b IN ('a', 'x)')); t_check(\"a\" < b /* ( */); "
					 "of c(c IS NOT NULL); t_check1(1); t_check2([b] <> c)");
	unload();
}
END_TEST

/* "name: on delete, on update, D deferrable, I or initially deferred" by number. */
static const char *actions_of(const char *name)
{
	static struct text text;
	const struct md_catalog_table *t = table(name);

	text = (struct text){ .len = 0 };
	for (unsigned i = 0; i < t->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *key = &t->foreign_keys[i];

		put(&text, "%s%s:%d,%d%s%s", i > 0 ? "; " : "", t->columns[key->columns[0]].name,
		    (int)key->on_delete, (int)key->on_update, key->deferrable ? " deferrable" : "",
		    key->deferred ? " deferred" : "");
	}
	return text.buf;
}

START_TEST(foreign_keys_tell_what_they_do)
{
	load("CREATE TABLE p (id INTEGER PRIMARY KEY);"
	     "CREATE TABLE c (a REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE,"
	     " b REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED,"
	     " c NOT NULL REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED NOT NULL, d, e,"
	     " FOREIGN KEY (d) REFERENCES p ON UPDATE RESTRICT DEFERRABLE INITIALLY IMMEDIATE,"
	     " FOREIGN KEY (e) REFERENCES p MATCH SIMPLE ON DELETE SET DEFAULT)");
	ck_assert_str_eq(actions_of("c"), "a:2,3 deferrable; b:0,0; c:0,0 deferrable deferred; "
					  "d:0,1 deferrable; e:4,0");
	unload();
}
END_TEST

START_TEST(columns_tell_lengths_and_who_counts)
{
	load("CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20), b TEXT(9), c NCHAR ( 5 ),"
	     " d DECIMAL(10), e CHAR); CREATE TABLE u (id INTEGER PRIMARY KEY) WITHOUT ROWID;"
	     "CREATE TABLE v (a INT PRIMARY KEY)");
	ck_assert_uint_eq(table("t")->columns[1].max_length, 20);
	ck_assert_uint_eq(table("t")->columns[2].max_length, 0);
	ck_assert_uint_eq(table("t")->columns[3].max_length, 5);
	ck_assert_uint_eq(table("t")->columns[4].max_length, 0);
	ck_assert_uint_eq(table("t")->columns[5].max_length, 0);
	ck_assert(table("t")->columns[0].identity && !table("t")->columns[1].identity);
	ck_assert(!table("u")->columns[0].identity && !table("v")->columns[0].identity);
	unload();
}
END_TEST

START_TEST(views_tell_what_they_show_and_what_can_be_written)
{
	load("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b REAL);"
	     "CREATE TABLE u (id INTEGER PRIMARY KEY, t_id INT REFERENCES t);"
	     "CREATE VIEW v AS SELECT t.id, a AS name, b * 2 AS twice, u.id AS u_id FROM t "
	     "LEFT JOIN u ON u.t_id = t.id;"
	     "CREATE VIEW a_view_of_v AS SELECT name, u_id FROM v;"
	     "CREATE VIEW w (x) AS SELECT id FROM t UNION ALL SELECT id + 1 FROM u;"
	     "CREATE VIEW a_view_of_w AS SELECT x FROM w;"
	     "CREATE VIEW broken AS SELECT missing FROM t;"
	     "CREATE VIEW broken2 AS SELECT * FROM nowhere;"
	     "CREATE TRIGGER \"instead of\" INSTEAD OF INSERT ON v BEGIN SELECT 1; END;"
	     "CREATE TRIGGER i2 INSTEAD OF UPDATE OF name ON V BEGIN SELECT 1; END;"
	     "CREATE TRIGGER i3 INSTEAD /* of */ OF DELETE ON a_view_of_v BEGIN SELECT 1; END;"
	     "CREATE TRIGGER i4 AFTER DELETE ON t BEGIN SELECT 1; END");
	ck_assert_str_eq(all_tables(), "a_view_of_v|a_view_of_w|t|u|v|w");
	ck_assert_ptr_nonnull(strstr(lines, "broken is left out: no such column: missing"));
	ck_assert_ptr_nonnull(strstr(lines, "broken2 is left out: no such table"));
	ck_assert_str_eq(columns_of("v"), "id:INTEGER <t.id; name:TEXT @NOCASE <t.a; twice:; "
					  "u_id:INTEGER <u.id");
	ck_assert_str_eq(columns_of("a_view_of_v"), "name:TEXT @NOCASE <t.a; u_id:INTEGER <u.id");
	ck_assert_str_eq(columns_of("w"), "x:");
	ck_assert_str_eq(columns_of("a_view_of_w"), "x:");
	ck_assert(table("v")->insertable && table("v")->updatable && !table("v")->deletable);
	ck_assert(table("a_view_of_v")->deletable && !table("a_view_of_v")->insertable);
	unload();
}
END_TEST

START_TEST(analyze_gives_the_row_estimate)
{
	load("CREATE TABLE t (a UNIQUE, b); CREATE INDEX i ON t (b) WHERE b > 1;"
	     "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3); CREATE TABLE u (a); ANALYZE");
	ck_assert_double_eq(table("t")->rows_estimate, 3);
	ck_assert_double_lt(table("u")->rows_estimate, 0);
	unload();
}
END_TEST

START_TEST(old_violations_of_foreign_keys_are_told)
{
	load("PRAGMA foreign_keys=OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, up REFERENCES t);"
	     "INSERT INTO t VALUES (1, 7), (2, 8), (3, 1); PRAGMA foreign_keys=ON");
	ck_assert_ptr_nonnull(strstr(lines, "2 rows violate a foreign key, the first of them in "
					    "t"));
	unload();
}
END_TEST

START_TEST(files_beyond_our_own_limits_of_sql_can_be_served)
{
	char *sql = malloc(1 << 17);
	int len = sprintf(sql, "CREATE TABLE wide (c0");

	for (int i = 1; i < 1500; i++)
		len += sprintf(sql + len, ",c%d", i);
	len += sprintf(sql + len, "); CREATE VIEW long AS SELECT 0 AS a");
	for (int i = 1; i < 40; i++)
		len += sprintf(sql + len, " UNION SELECT %d", i);
	len += sprintf(sql + len, "; CREATE VIEW deep AS SELECT 1");
	for (int i = 1; i < 300; i++)
		len += sprintf(sql + len, "+1");
	load(sql);
	ck_assert_str_eq(all_tables(), "deep|long|wide");
	ck_assert_uint_eq(table("wide")->column_count, 1500);
	unload();
	free(sql);
}
END_TEST

/* Creating them is what takes time: MD_TEST_TABLES=10000 for the real thing. */
START_TEST(thousands_of_tables_take_a_moment)
{
	const char *wanted = getenv("MD_TEST_TABLES");
	unsigned count = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 1000;
	uint64_t start;
	char sql[128];

	load("BEGIN");
	for (unsigned i = 0; i < count; i++) {
		snprintf(sql, sizeof(sql),
			 "CREATE TABLE t%u (id INTEGER PRIMARY KEY, a TEXT UNIQUE, "
			 "b INT REFERENCES t%u)",
			 i, i / 2);
		ck_assert_int_eq(conn->driver->command(conn, sql, NULL), MD_OK);
	}
	conn->driver->command(conn, "COMMIT", NULL);
	start = md_now_ns();
	ck_assert_int_eq(conn->driver->catalog(conn, arena, &catalog, NULL), MD_OK);
	ck_assert_uint_eq(catalog->count, count);
	ck_assert_str_eq(foreign_keys_of("t999"), "t999_b_fkey(b)->t499(id)");
	if (wanted)
		fprintf(stderr, "%u tables: %.0f ms, %zu bytes\n", count,
			(double)(md_now_ns() - start) / 1e6, md_arena_used(arena));
	unload();
}
END_TEST

START_TEST(a_full_arena_is_an_error_and_no_crash)
{
	struct md_conn_target target = { .url = "sqlite://" };
	struct md_error err;
	enum md_code code = MD_NOMEM;
	unsigned failures = 0;

	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, &err), MD_OK);
	conn->driver->command(conn,
			      "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE COLLATE NOCASE,"
			      " b DEFAULT 1 REFERENCES t); CREATE VIEW v AS SELECT a FROM t;"
			      "CREATE INDEX i ON t (a, b); ANALYZE",
			      NULL);
	for (size_t limit = 0; code != MD_OK; limit += 8) {
		arena = md_arena_new(limit);
		catalog = NULL;
		code = conn->driver->catalog(conn, arena, &catalog, &err);
		if (code != MD_OK) {
			ck_assert_int_eq(code, MD_NOMEM);
			ck_assert_ptr_null(catalog);
			failures++;
		}
		arena = md_arena_free(arena);
	}
	ck_assert_uint_gt(failures, 50);
	conn->driver->close(conn);
}
END_TEST

SUITE_MAIN("sqlite_catalog", tables_are_listed_by_name_without_those_that_are_nobodys,
	   an_empty_database_has_an_empty_catalog, columns_keep_type_default_and_collation,
	   declared_types_mean_what_they_say,
	   keys_have_their_own_names_or_those_that_postgresql_would_give,
	   automatic_names_are_cut_and_numbered,
	   foreign_keys_are_read_in_every_way_they_can_be_written,
	   foreign_keys_to_nothing_are_left_out_with_a_warning, hostile_names_survive,
	   indexes_tell_what_order_they_can_serve, checks_have_their_text_and_a_name,
	   foreign_keys_tell_what_they_do, columns_tell_lengths_and_who_counts,
	   views_tell_what_they_show_and_what_can_be_written, analyze_gives_the_row_estimate,
	   old_violations_of_foreign_keys_are_told,
	   files_beyond_our_own_limits_of_sql_can_be_served, thousands_of_tables_take_a_moment,
	   a_full_arena_is_an_error_and_no_crash)
