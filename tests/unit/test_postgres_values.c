/* Values of every kind on their way through PostgreSQL: what is read is what row_to_json() prints,
 * byte for byte, and what was read can be written back. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/server.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"

static const char types[] = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS kinds "
			    "CASCADE; CREATE SCHEMA kinds; SET search_path = kinds;"
			    "CREATE TYPE mood AS ENUM ('sad', 'very ok', 'it''s');"
			    "CREATE TYPE pair AS (x int, \"y z\" text, j jsonb);"
			    "CREATE TYPE nest AS (p pair, l pair[], f float8);"
			    "CREATE TYPE span AS RANGE (subtype = float8);"
			    "CREATE DOMAIN small AS int CHECK (value < 1000);"
			    "CREATE DOMAIN smaller AS small CHECK (value < 100);"
			    "CREATE DOMAIN word AS varchar(10);"
			    "CREATE DOMAIN list AS int[];"
			    "CREATE DOMAIN doc AS jsonb;";

static const char table[] =
	"CREATE TABLE kinds.%s (id int PRIMARY KEY, mother int,"
	" i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(12,4), mo money,"
	" ok bool, t text, vc varchar(40), ch char(5), ch1 \"char\", na name, b bytea, u uuid,"
	" d date, ti time, titz timetz, ts timestamp, tz timestamptz, ts0 timestamp(0), iv "
	"interval,"
	" j json, jb jsonb, x xml, ip inet, ci cidr, ma macaddr, bi bit(4), vb varbit, o oid,"
	" po point, bo box, pa path, tsv tsvector, tsq tsquery, lsn pg_lsn,"
	" ai int[], at text[], an numeric[], ab bool[], aj jsonb[], ad timestamptz[], ay bytea[],"
	" ir int4range, nr numrange, dr daterange, tr tstzrange, mr int4multirange, ar int4range[],"
	" sp kinds.span, m kinds.mood, am kinds.mood[], p kinds.pair, ap kinds.pair[],"
	" ne kinds.nest, sm kinds.smaller, w kinds.word, li kinds.list, dc kinds.doc)";

/* Columns from the left, NULL from the right on. */
static const char rows[] =
	"SET client_min_messages = warning; SET timezone = 'UTC'; SET xmloption = content;"
	"INSERT INTO kinds.every VALUES "
	"(1, NULL, -32768, -2147483648, -9223372036854775808, 1.5, 0.1, "
	"1234567890123456789012345678901234567890123456789012345678901234567890"
	"123456789012345678901234567890.000100, 12.5, '-$1,234.50', true, "
	"E'quote \" back \\\\ slash / tab \\t line \\n bell \\x07 del \\x7f \\u00e9 \\U0001F600', "
	"'x', "
	"'ab', 'c', 'a name', '\\x00ff10', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2024-02-29', "
	"'23:59:59.123456', '12:00:00+05:30', '2024-02-29 01:02:03.4', '2024-02-29 01:02:03.4+02', "
	"'2024-02-29 01:02:03.6', '1 year 2 mons -3 days 04:05:06.7', "
	"'{\"b\":  1.0, \"a\":[1e400, 12345678901234567890.10],\"c\":\"\\u0041\"}', "
	"'{\"b\":  1.0, \"a\":[12345678901234567890.10, null, true]}', '<a b=\"c\">x</a>', "
	"'10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '1010', '10111', 4294967295, "
	"'(1.5,2)', '(3,4),(1,2)', '((0,0),(1,1))', 'fat:2 cat:1A', 'fat & !rat', '16/B374D848', "
	"'{1,NULL,3}', '{\"a\",\"b \\\"q\\\" \\\\\\\\\",NULL,\"null\",\"\",\"{x}\"}', "
	"'{1.10,NaN}', "
	"'{t,f}', array['{\"a\":1.0}', '[]', '\"s\"']::jsonb[], '{infinity,2024-02-29 "
	"01:02:03+00}', "
	"array['\\x01', '\\xff']::bytea[], "
	"'[1,5)', '(,1.50]', '[2024-01-01,infinity)', '[2024-01-01 00:00+00,)', '{[1,3),[5,8)}', "
	"array['[1,3)', 'empty']::int4range[], '[0.5,1.5]', 'very ok', '{sad,it''s}', "
	"row(1, 'say \"hi\" \\ (x,y)', '{\"k\": [1.0]}'), "
	"array[row(1, NULL, NULL), row(NULL, '', '[]')]::kinds.pair[], "
	"row(row(1, 'a', NULL), array[row(2, 'b', '1')]::kinds.pair[], 'NaN'), "
	"42, 'word', '{{1,2},{3,4}}', '{\"d\": null}'),"
	"(2, 1, 32767, 2147483647, 9223372036854775807, 'NaN', 'Infinity', 'NaN', 0, '$0.00', "
	"false, '', "
	"'', '', '', '', '\\x', '00000000-0000-0000-0000-000000000000', 'infinity', '00:00', "
	"'24:00:00-15:59', 'infinity', '-infinity', '-infinity', '00:00', '1', '1.0', '', '::1', "
	"'::/0', "
	"'ff:ff:ff:ff:ff:ff', '0000', '', 0, '(NaN,-Infinity)', '(0,0),(0,0)', '[(0,0)]', '', '', "
	"'0/0', "
	"'{}', '{}', '{}', '{}', '{}', '{}', '{}', 'empty', 'empty', 'empty', 'empty', '{}', '{}', "
	"'empty', 'sad', '{}', row(NULL, NULL, NULL), '{}', row(NULL, NULL, NULL), 0, '', '{}', "
	"'\"s\"');"
	"INSERT INTO kinds.every VALUES (3, 1, 0, 0, 0, '-Infinity', 1e300, '-0.00', -0.0001, "
	"'$92,233,720,368,547,758.07', NULL, "
	"repeat('long ', 5000), 'x', 'abcde', 'z', 'n', decode(repeat('00ff', 3000), 'hex'), NULL, "
	"'0044-03-15 BC', '12:00:00.5', '00:00+00', '0044-03-15 01:02:03 BC', "
	"'0044-03-15 01:02:03+00 BC', '294276-12-31 23:59:59', '-1 days', 'null', 'null');"
	"INSERT INTO kinds.every VALUES (4, 2, 1, 1, 1, 1e-45, 5e-324, 1e-20, 1), (5, 2, 1, 1, 1, "
	"3.4e38, 1.7976931348623157e308, "
	"1e130, 1);";

static void make_tables(void)
{
	char sql[4096];

	server_run(types);
	snprintf(sql, sizeof(sql), table, "every");
	server_run(sql);
	snprintf(sql, sizeof(sql), table, "copy");
	server_run(sql);
	server_run("ALTER TABLE kinds.every ADD CONSTRAINT mother FOREIGN KEY (mother) REFERENCES "
		   "kinds.every(id)");
	server_run(rows);
}

static void start(void)
{
	make_tables();
	store_start_at(server_url, "kinds", NULL);
}

/* The first cell of the last answer. */
static const char *ask(const char *sql)
{
	static char text[sizeof(store.answer)];
	PGconn *db = PQconnectdb(server_url);
	PGresult *result = PQexec(db, sql);

	ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK, "%s", PQerrorMessage(db));
	snprintf(text, sizeof(text), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(db);
	return text;
}

static void same(const char *answer, const char *sql)
{
	const char *expected = ask(sql);

	for (size_t i = 0;; i++) {
		ck_assert_msg(answer[i] == expected[i], "they differ at %zu:\n%.120s\n%.120s", i,
			      answer + (i < 40 ? 0 : i - 40), expected + (i < 40 ? 0 : i - 40));
		if (!answer[i])
			return;
	}
}

START_TEST(a_row_is_what_row_to_json_prints)
{
	start();
	same(store_get("/every", "order=id"), "SELECT array_to_json(ARRAY(SELECT row_to_json(e) "
					      "FROM kinds.every AS e ORDER BY id))");
	store_stop();
}
END_TEST

START_TEST(an_embedded_row_is_the_same)
{
	start();
	same(store_get("/every", "id=eq.1&select=id,list:every(*)&list.order=id"),
	     "SELECT array_to_json(ARRAY[row_to_json(a)]) FROM (SELECT 1 AS id, "
	     "array_to_json(ARRAY(SELECT "
	     "row_to_json(e) FROM kinds.every AS e WHERE mother = 1 ORDER BY id)) AS list) AS a");
	store_stop();
}
END_TEST

/* All of them, as one body, into a table of the same columns. */
START_TEST(what_was_read_can_be_written_back)
{
	static char body[sizeof(store.answer)];

	start();
	snprintf(body, sizeof(body), "%s", store_get("/every", "order=id"));
	ck_assert_str_eq(
		store_write("/copy", "", body, (struct md_write_ask){ .kind = MD_WRITE_INSERT }),
		"");
	ck_assert_uint_eq(store.written.rows, 5);
	ck_assert(strcmp(store_get("/copy", "order=id"), body) == 0);
	ck_assert_str_eq(ask("SELECT count(*) FROM kinds.every AS one JOIN kinds.copy AS two ON "
			     "one.id = two.id AND row_to_json(one)::text = row_to_json(two)::text"),
			 "5");
	store_stop();
}
END_TEST

START_TEST(a_representation_is_the_same_again)
{
	static char body[sizeof(store.answer)];

	const char *answer;

	start();
	snprintf(body, sizeof(body), "%s", store_get("/every", "order=id"));
	answer =
		store_write("/copy", "", body,
			    (struct md_write_ask){ .kind = MD_WRITE_INSERT, .give = MD_GIVE_ROWS });
	ck_assert(strcmp(answer, body) == 0);
	answer =
		store_write("/copy", "id=gt.1&select=id", NULL,
			    (struct md_write_ask){ .kind = MD_WRITE_DELETE, .give = MD_GIVE_ROWS });
	ck_assert_str_eq(answer, "[{\"id\":2},{\"id\":3},{\"id\":4},{\"id\":5}]");
	same(store_get("/copy", ""), "SELECT array_to_json(ARRAY(SELECT row_to_json(e) FROM "
				     "kinds.every AS e WHERE id = 1))");
	store_stop();
}
END_TEST

START_TEST(a_filter_takes_what_was_read)
{
	static const struct {
		const char *query, *ids;
	} filters[] = {
		{ "i8=eq.9223372036854775807", "[{\"id\":2}]" },
		{ "n=eq.NaN", "[{\"id\":2}]" },
		{ "f8=in.(Infinity,0.1)", "[{\"id\":1},{\"id\":2}]" },
		{ "ts=eq.infinity", "[{\"id\":2}]" },
		{ "tz=eq.2024-02-28T23:02:03.4%2B00:00", "[{\"id\":1}]" },
		{ "b=eq.\\x00ff10", "[{\"id\":1}]" },
		{ "u=eq.a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "[{\"id\":1}]" },
		{ "m=in.(\"it's\",\"very ok\")", "[{\"id\":1}]" },
		{ "am=cs.{sad}", "[{\"id\":1}]" },
		{ "at=ov.{\"b \\\"q\\\" \\\\\\\\\"}", "[{\"id\":1}]" },
		{ "jb=cs.{\"b\":1}", "[{\"id\":1}]" },
		{ "jb->a->0=eq.12345678901234567890.1", "[{\"id\":1}]" },
		{ "j->>c=eq.A", "[{\"id\":1}]" },
		{ "p->>\"y z\"=like.say*", "[{\"id\":1}]" },
		{ "ai->0=eq.1", "[{\"id\":1}]" },
		{ "ap->0->>x=eq.1", "[{\"id\":1}]" },
		{ "ir=cs.3", "22P02" },
		{ "ir=cs.[2,3)", "[{\"id\":1}]" },
		{ "ir=adj.[5,9)", "[{\"id\":1}]" },
		{ "ip=eq.10.1.2.3/8", "[{\"id\":1}]" },
		{ "sm=gte.42", "[{\"id\":1}]" },
		{ "w=eq.word", "[{\"id\":1}]" },
		{ "tsv=fts(simple).cats", "[]" },
		{ "tsv=fts(english).cats", "[{\"id\":1}]" },
		{ "jb=fts.b", "[]" },
		{ "iv=eq.-1 days", "[{\"id\":3}]" },
		{ "x=eq.x", "42883" },
		{ "d=eq.2024-13-01", "22008" },
		{ "m=eq.glad", "22P02" },
		{ "ok=is.unknown&id=lt.4", "[{\"id\":3}]" },
	};

	start();
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		md_auto_buf query = MD_BUF(1000);
		const char *answer;

		md_buf_printf(&query, "select=id&order=id&%s", filters[i].query);
		answer = store_get("/every", md_buf_text(&query));
		ck_assert_msg(strcmp(answer, filters[i].ids) == 0, "%s: %s %s", filters[i].query,
			      answer, store.error.message);
	}
	store_stop();
}
END_TEST

START_TEST(casts_and_paths_are_the_servers)
{
	start();
	same(store_get("/every", "id=eq.1&select=n::text,ok::text,tz::date,d::timestamp,b::text,"
				 "iv::time,ip::text,i4::float8,j::jsonb,li::text,m::text,p::text"),
	     "SELECT array_to_json(ARRAY[row_to_json(e.*)]) FROM (SELECT n::text,ok::text,tz::date,"
	     "d::timestamp,b::text,iv::time,ip::text,i4::float8,j::jsonb,li::text,m::text,p::text "
	     "FROM kinds.every WHERE id = 1) AS e");
	same(store_get("/every",
		       "id=eq.1&select=a:jb->a->0,b:jb->a->>0,c:p->j->k,d:ap->0,e:ap->-1->>"
		       "j,f:ne->p->>x,g:ai->>2,h:j->a->-1,i:li->1->>0,k:ir->>x"),
	     "SELECT array_to_json(ARRAY[row_to_json(e.*)]) FROM (SELECT jb->'a'->0 AS a, "
	     "jb->'a'->>0 AS "
	     "b, to_jsonb(p)->'j'->'k' AS c, to_jsonb(ap)->0 AS d, to_jsonb(ap)->-1->>'j' AS e, "
	     "to_jsonb(ne)->'p'->>'x' AS f, to_jsonb(ai)->>2 AS g, j->'a'->-1 AS h, "
	     "to_jsonb(li)->1->>0 AS i, to_jsonb(ir)->>'x' AS k FROM kinds.every WHERE id = 1) AS "
	     "e");
	ck_assert_str_eq(store_get("/every", "select=t::nosuch"), "42704");
	ck_assert_str_eq(store_get("/every", "select=i8::int2"), "22003");
	store_stop();
}
END_TEST

/* Zones and forms of intervals are the database's: they are not ours to change. Values that would
 * lose digits or have another form for each database have ours. */
START_TEST(other_zones_are_kept_and_other_forms_are_not)
{
	start();
	server_run("ALTER DATABASE postgres SET timezone = 'Asia/Kathmandu';"
		   "ALTER DATABASE postgres SET intervalstyle = 'iso_8601';"
		   "ALTER DATABASE postgres SET bytea_output = 'escape';"
		   "ALTER DATABASE postgres SET extra_float_digits = -10;"
		   "ALTER DATABASE postgres SET datestyle = 'German'");
	store_stop();
	store_start_at(server_url, "kinds", NULL);
	same(store_get("/every", "id=lt.6&order=id&select=tz,ts,d,titz,iv,tr,ad,dr,b,ay,f4,f8,po"),
	     "SET datestyle = 'ISO'; SET bytea_output = 'hex'; SET extra_float_digits = 1;"
	     "SELECT array_to_json(ARRAY(SELECT row_to_json(e) FROM (SELECT "
	     "tz,ts,d,titz,iv,tr,ad,dr,b,ay,f4,f8,po FROM kinds.every WHERE id < 6 ORDER BY id) AS "
	     "e))");
	server_run("ALTER DATABASE postgres RESET ALL");
	store_stop();
}
END_TEST

SUITE_RUN("postgres values", a_row_is_what_row_to_json_prints, an_embedded_row_is_the_same,
	  what_was_read_can_be_written_back, a_representation_is_the_same_again,
	  a_filter_takes_what_was_read, casts_and_paths_are_the_servers,
	  other_zones_are_kept_and_other_forms_are_not)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
