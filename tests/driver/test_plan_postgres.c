/* Plans for PostgreSQL: run on a server of its own, up, down and up again, and held against a new
 * database of the same definitions. */
#include "tests/driver/plan_rig.h"

/* --- there and back ----------------------------------------------------------------------------
 */

struct change {
	const char *title;
	const char *before, *after; /* models */
	const char *seed;           /* rows of before */
	const char *renames, *back; /* operations; NULL: none */
	const char *rows;           /* a query of rows after … */
	const char *expected;       /* … and what it gives */
	bool lossy;                 /* values are others when gone back */
};

#define USER(fields) "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\"," fields "}}"
#define POST(fields) "\"Post\":{\"table\":\"post\",\"fields\":{\"id\":\"bigint pk\"," fields "}}"
#define HUNDRED(columns, values) \
	"INSERT INTO shop.\"user\" (" columns ") SELECT " values " FROM generate_series(1, 100) i"
#define ALL_USERS "SELECT * FROM \"user\" ORDER BY id"

static const struct change changes[] = {
	{ "a table comes", USER("\"name\":\"text\""),
	  USER("\"name\":\"text\"") "," POST(
		  "\"title\":\"string(20) index\",\"user_id\":\"-> User index\""),
	  HUNDRED("name", "'n' || i"), NULL, NULL, "SELECT count(*) FROM post", "0\n", false },
	{ "a column that may be null comes", USER("\"name\":\"text\""),
	  USER("\"name\":\"text\",\"bio\":\"text?\""), HUNDRED("name", "'n' || i"), NULL, NULL,
	  "SELECT count(*), count(bio) FROM \"user\"", "100|0\n", false },
	{ "a column with a constant comes", USER("\"name\":\"text\""),
	  USER("\"name\":\"text\",\"n\":\"integer = 7\",\"at\":\"datetime = now()\","
	       "\"k\":\"enum(a, b) = b\""),
	  HUNDRED("name", "'n' || i"), NULL, NULL, "SELECT sum(n), count(at), min(k) FROM \"user\"",
	  "700|100|b\n", false },
	{ "a column whose default is another for each row comes", USER("\"name\":\"text\""),
	  USER("\"name\":\"text\",\"token\":\"uuid = uuid() unique\",\"t7\":\"uuid = uuid7()\","
	       "\"h\":{\"type\":\"text\",\"default\":{\"fn\":\"random_hex\"}}"),
	  HUNDRED("name", "'n' || i"), NULL, NULL,
	  "SELECT count(DISTINCT token), count(DISTINCT t7), min(substr(t7::text, 15, 1)),"
	  " count(DISTINCT h) FROM \"user\"",
	  "100|100|7|100\n", false },
	{ "a column with a backfill comes", USER("\"first\":\"text\",\"last\":\"text\""),
	  USER("\"full\":{\"type\":\"text\",\"backfill\":{\"sql\":\"first || ' ' || last\"}},"
	       "\"n\":{\"type\":\"integer\",\"default\":1,\"backfill\":5}"),
	  HUNDRED("first, last", "'f' || i, 'l' || i"), NULL, NULL,
	  "SELECT count(*), max(\"full\"), sum(n) FROM \"user\"", "100|f99 l99|500\n", false },
	{ "a column must not be null any more", USER("\"a\":\"text?\",\"b\":\"integer? = 3\""),
	  USER("\"a\":{\"type\":\"text\",\"backfill\":\"none\"},\"b\":\"integer = 3\""),
	  HUNDRED("a, b", "CASE WHEN i % 2 = 0 THEN 'x' END, CASE WHEN i % 4 = 0 THEN i END"), NULL,
	  NULL,
	  "SELECT count(*) FILTER (WHERE a = 'none'), count(*) FILTER (WHERE b = 3) FROM \"user\"",
	  "50|75\n", true },
	{ "defaults come and go", USER("\"a\":\"integer = 1\",\"b\":\"text\",\"c\":\"text = 'x'\""),
	  USER("\"a\":\"integer\",\"b\":\"text = 'y'\",\"c\":\"text = 'z'\""),
	  HUNDRED("b", "'n' || i"), NULL, NULL, "SELECT sum(a) FROM \"user\"", "100\n", false },
	{ "strings get longer",
	  USER("\"a\":\"string(10)\",\"b\":\"string(10) index\",\"c\":\"text\""),
	  USER("\"a\":\"string(20)\",\"b\":\"text index\",\"c\":\"string(30)\""),
	  HUNDRED("a, b, c", "'a' || i, 'b' || i, 'c' || i"), NULL, NULL, ALL_USERS " LIMIT 1",
	  "1|a1|b1|c1\n", false },
	{ "numbers get wider",
	  USER("\"a\":\"smallint = 4\",\"b\":\"integer unique\",\"c\":\"decimal(8, 2)\","
	       "\"d\":\"integer? min(0)\""),
	  USER("\"a\":\"integer = 5\",\"b\":\"bigint unique\",\"c\":\"decimal(12, 2)\","
	       "\"d\":\"decimal(20, 4)? min(0)\""),
	  HUNDRED("b, c, d", "i, i / 100.0, i"), NULL, NULL, ALL_USERS " LIMIT 1",
	  "1|4|1|0.01|1.0000\n", false },
	{ "texts become what they say",
	  USER("\"a\":\"text\",\"b\":\"string(40)\",\"c\":\"text\",\"d\":\"text\","
	       "\"e\":\"text?\",\"f\":\"text\""),
	  USER("\"a\":\"integer\",\"b\":\"uuid\",\"c\":\"date\",\"d\":\"datetime\","
	       "\"e\":\"boolean?\",\"f\":\"decimal(10, 2)\""),
	  HUNDRED("a, b, c, d, e, f",
		  "i::text, gen_random_uuid()::text, '2024-02-29', '2024-02-29 10:00:00+00', "
		  "CASE WHEN i > 1 THEN 'true' END, (i / 4.0)::numeric(10, 2)::text"),
	  NULL, NULL, "SELECT a, c, d, e, f FROM \"user\" ORDER BY id LIMIT 2",
	  "1|2024-02-29|2024-02-29 10:00:00+00|-|0.25\n2|2024-02-29|2024-02-29 "
	  "10:00:00+00|t|0.50\n",
	  false },
	{ "moments change their zone", USER("\"a\":\"datetime_local index\",\"b\":\"date\""),
	  USER("\"a\":\"datetime index\",\"b\":\"datetime\""),
	  HUNDRED("a, b", "'2024-02-29 10:00:00', '2024-02-29'"), NULL, NULL,
	  "SELECT a AT TIME ZONE 'UTC', b AT TIME ZONE 'UTC' FROM \"user\" LIMIT 1",
	  "2024-02-29 10:00:00|2024-02-29 00:00:00\n", false },
	{ "arrays hold another type", USER("\"a\":\"array(integer)\""),
	  USER("\"a\":\"array(text)\""), HUNDRED("a", "ARRAY[i, i]"), NULL, NULL,
	  ALL_USERS " LIMIT 1", "1|{1,1}\n", true },
	{ "labels of an enum come", USER("\"k\":\"enum(a, b) = a\""),
	  USER("\"k\":\"enum(a, b, c) = c\""),
	  HUNDRED("k", "CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END"), NULL, NULL,
	  "SELECT min(k), max(k) FROM \"user\"", "a|b\n", false },
	{ "checks come, go and change",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\",\"a\":\"integer min(0)\","
	  "\"b\":\"integer max(200)\"},\"checks\":[{\"name\":\"one\",\"sql\":\"a < 1000\"},"
	  "{\"name\":\"two\",\"sql\":\"b > -5\"}]}",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\",\"a\":\"integer min(1)\","
	  "\"b\":\"integer\"},\"checks\":[{\"name\":\"one\",\"sql\":\"a < 2000\"},"
	  "{\"name\":\"three\",\"sql\":\"a + b > 0\"}]}",
	  HUNDRED("a, b", "i, i"), NULL, NULL, "SELECT count(*) FROM \"user\"", "100\n", false },
	{ "indexes come, go and change",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\",\"a\":\"integer unique\","
	  "\"b\":\"integer "
	  "index\",\"c\":\"text\"},\"unique\":[{\"fields\":[\"a\",\"b\"],\"name\":\"uq\"}],"
	  "\"indexes\":[{\"name\":\"one\",\"fields\":[\"a\"]},{\"name\":\"two\",\"fields\":[\"b\"]}"
	  "]}",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\",\"a\":\"integer\","
	  "\"b\":\"integer "
	  "unique\",\"c\":\"text\"},\"unique\":[{\"fields\":[\"b\",\"c\"],\"name\":\"uq\"}],"
	  "\"indexes\":[{\"name\":\"one\",\"fields\":[\"a desc\",\"c nulls first\"],\"where\":\"a "
	  "> 5\","
	  "\"include\":[\"b\"]},{\"name\":\"three\",\"fields\":[\"c\"],\"using\":\"hash\"},"
	  "{\"name\":\"four\",\"fields\":[\"c\"],\"unique\":true,\"where\":\"b > 3\"}]}",
	  HUNDRED("a, b, c", "i, i, 'c' || i"), NULL, NULL, "SELECT count(*) FROM \"user\"",
	  "100\n", false },
	{ "names change",
	  USER("\"name\":\"string(9) unique min_length(1)\",\"a\":\"integer "
	       "index\",\"b\":\"integer\"") "," POST("\"user_id\":\"-> User\""),
	  "\"Person\":{\"table\":\"person\",\"fields\":{\"key\":\"bigint pk\","
	  "\"full_name\":\"string(9) unique min_length(1)\",\"b\":\"integer index\","
	  "\"a\":\"integer\"}}," POST("\"user_id\":\"-> Person\""),
	  HUNDRED("name, a, b", "'n' || i, i, -i") ";INSERT INTO shop.post (user_id) SELECT id "
						   "FROM shop.\"user\"",
	  "[{\"op\":\"rename_model\",\"from\":\"User\",\"to\":\"Person\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"id\",\"to\":\"key\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"name\",\"to\":\"full_name\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"a\",\"to\":\"c\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"b\",\"to\":\"a\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"c\",\"to\":\"b\"}]",
	  "[{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"b\",\"to\":\"c\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"a\",\"to\":\"b\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"c\",\"to\":\"a\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"full_name\",\"to\":\"name\"},"
	  "{\"op\":\"rename_field\",\"model\":\"Person\",\"from\":\"key\",\"to\":\"id\"},"
	  "{\"op\":\"rename_model\",\"from\":\"Person\",\"to\":\"User\"}]",
	  "SELECT key, full_name, a, b FROM person ORDER BY key LIMIT 1", "1|n1|-1|1\n", false },
	{ "a column and a table go",
	  USER("\"name\":\"string(9) unique\",\"age\":\"integer = 4 min(0) "
	       "index\",\"last\":\"text\"") "," POST("\"user_id\":\"-> User "
						     "index\",\"title\":\"text unique\""),
	  USER("\"name\":\"string(9) unique\""),
	  HUNDRED("name, age, last",
		  "'n' || i, i, 'l' || i") ";INSERT INTO shop.post (user_id, title) SELECT id, "
					   "id::text FROM shop.\"user\"",
	  NULL, NULL, "SELECT id, name FROM \"user\" ORDER BY id LIMIT 1", "1|n1\n", false },
	{ "foreign keys come, go and change",
	  USER("\"name\":\"text\",\"code\":\"integer unique\"") "," POST(
		  "\"user_id\":\"-> User\",\"other_id\":\"bigint?\",\"third\":\"-> User?\""),
	  USER("\"name\":\"text\",\"code\":\"integer unique\"") "," POST(
		  "\"user_id\":\"-> User on delete cascade\",\"other_id\":\"-> User? on delete set "
		  "null\",\"third\":\"bigint?\",\"code\":\"-> User.code?\""),
	  HUNDRED("name, code", "'n', i + 1000") ";INSERT INTO shop.post (user_id, other_id) "
						 "SELECT id, id FROM shop.\"user\"",
	  NULL, NULL, "SELECT count(*), count(other_id) FROM post", "100|100\n", false },
	{ "keys that others refer to get wider",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"integer "
	  "pk\",\"name\":\"text\"}}," POST("\"user_id\":\"-> User index\""),
	  USER("\"name\":\"text\"") "," POST("\"user_id\":\"-> User index\""),
	  HUNDRED("name", "'n'") ";INSERT INTO shop.post (user_id) SELECT id FROM shop.\"user\"",
	  NULL, NULL, "SELECT count(*) FROM post JOIN \"user\" u ON u.id = user_id", "100\n",
	  false },
	{ "the primary key is another",
	  USER("\"code\":\"string(20)\",\"name\":\"text\"") "," POST("\"user_id\":\"-> User\""),
	  "\"User\":{\"table\":\"user\",\"primary_key\":[\"code\"],\"fields\":{\"id\":\"bigint "
	  "unique\","
	  "\"code\":\"string(20)\",\"name\":\"text\"}}," POST("\"user_id\":\"-> User.id\""),
	  HUNDRED("code, name",
		  "'c' || i, 'n'") ";INSERT INTO shop.post (user_id) SELECT id FROM shop.\"user\"",
	  NULL, NULL, "SELECT count(*), min(code) FROM post JOIN \"user\" u ON u.id = user_id",
	  "100|c1\n", false },
	{ "what the database counts is another",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":{\"type\":\"bigint\",\"primary_key\":"
	  "true,"
	  "\"auto_increment\":false},\"name\":\"text\"}}",
	  USER("\"name\":\"text\""), HUNDRED("id, name", "i * 2, 'n'"), NULL, NULL,
	  "INSERT INTO \"user\" (name) VALUES ('new') RETURNING id", "201\n", true },
	{ "a generated column comes, goes and changes",
	  USER("\"a\":\"integer\",\"b\":\"integer\",\"s\":{\"type\":\"integer\",\"generated\":{"
	       "\"sql\":\"a + b\","
	       "\"stored\":true},\"nullable\":true,\"index\":true},\"p\":{\"type\":\"integer\","
	       "\"nullable\":true,"
	       "\"generated\":{\"sql\":\"b * 2\",\"stored\":true}}"),
	  USER("\"a\":\"bigint\",\"b\":\"integer\",\"s\":{\"type\":\"integer\",\"generated\":{"
	       "\"sql\":\"(a - b)::integer\","
	       "\"stored\":true},\"nullable\":true,\"index\":true},\"d\":{\"type\":\"bigint\","
	       "\"nullable\":true,"
	       "\"generated\":{\"sql\":\"a * 2\",\"stored\":true},\"description\":\"twice\"}"),
	  HUNDRED("a, b", "i, 2 * i"), NULL, NULL, "SELECT sum(s), sum(d) FROM \"user\"",
	  "-5050|10100\n", false },
	{ "order of texts changes", USER("\"a\":\"string(20) unique\",\"b\":\"text index\""),
	  USER("\"a\":\"string(20) unique collate(nocase)\",\"b\":\"text index "
	       "collate(database)\""),
	  HUNDRED("a, b", "'a' || i, 'b'"), NULL, NULL,
	  "SELECT count(*) FROM \"user\" WHERE a = 'A1'", "1\n", false },
	{ "options and comments change",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\",\"a\":{\"type\":\"text\","
	  "\"description\":\"it's "
	  "a\"}},\"description\":\"users\",\"options\":{\"postgresql\":{\"fillfactor\":70}}}",
	  "\"User\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint "
	  "pk\",\"a\":{\"type\":\"text\"}},"
	  "\"description\":\"people\",\"options\":{\"postgresql\":{\"unlogged\":true}}}",
	  HUNDRED("a", "'n'"), NULL, NULL, "SELECT count(*) FROM \"user\"", "100\n", false },
	{ "columns and tables change places",
	  USER("\"a\":\"text\",\"b\":\"integer\"") "," POST("\"x\":\"text\""),
	  "\"Post\":{\"table\":\"user\",\"fields\":{\"id\":\"bigint pk\",\"x\":\"text\"}},"
	  "\"User\":{\"table\":\"post\",\"fields\":{\"id\":\"bigint "
	  "pk\",\"a\":\"text\",\"b\":\"integer\"}}",
	  HUNDRED("a, b", "'a', i") ";INSERT INTO shop.post (x) VALUES ('x')", NULL, NULL,
	  "SELECT (SELECT count(*) FROM \"user\"), count(*) FROM post", "1|100\n", false },
	{ "another column takes the name of one that goes",
	  USER("\"a\":\"text\",\"b\":\"integer index\""), USER("\"a\":\"integer index\""),
	  HUNDRED("a, b", "'a' || i, i"),
	  "[{\"op\":\"drop_field\",\"model\":\"User\",\"field\":\"a\"},"
	  "{\"op\":\"rename_field\",\"model\":\"User\",\"from\":\"b\",\"to\":\"a\"}]",
	  "[{\"op\":\"rename_field\",\"model\":\"User\",\"from\":\"a\",\"to\":\"b\"},"
	  "{\"op\":\"add_field\",\"model\":\"User\",\"field\":\"a\"}]",
	  "SELECT sum(a) FROM \"user\"", "5050\n", false },
};

static void go(const struct change *change, const struct md_definitions *from,
	       const struct md_definitions *to, const char *renames)
{
	const char *found;

	if (plan_to(from, to, renames, false) != MD_OK)
		ck_abort_msg("%s: %s", change->title, err.message);
	found = check_data();
	if (*found)
		ck_abort_msg("%s\n%s", change->title, found);
	run_plan(-1);
	same_as_fresh(to, change->title);
}

static const char *ask_shop(const char *sql)
{
	struct md_db_schema *schema = open_schema("shop");
	const char *text = ask(schema, sql);

	md_db_schema_close(schema);
	return text;
}

/* A checksum of the rows of each table, as far as the definitions know it. */
static const char *rows_of(const struct md_definitions *definitions)
{
	const char *all = "";

	for (unsigned m = 0; m < definitions->model_count; m++) {
		const struct md_def_model *model = &definitions->models[m];
		const char *list = "";

		for (unsigned i = 0; i < model->field_count; i++)
			list = md_arena_printf(arena, "%s%s\"%s\"", list, i > 0 ? ", " : "",
					       md_def_column(&model->fields[i]));
		list = md_arena_printf(arena,
				       "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY id)) "
				       "FROM (SELECT %s FROM \"%s\") AS t",
				       list, model->table);
		all = md_arena_printf(arena, "%s%s: %s", all, model->table, ask_shop(list));
	}
	return all;
}

START_TEST(a_change_leads_there_and_back_and_there_again)
{
	const struct change *change = &changes[_i];
	const struct md_definitions *before, *after;
	const char *rows;

	begin();
	before = load(change->before);
	after = load(change->after);
	make_tables(before, "shop");
	server_run(change->seed);
	rows = rows_of(before);
	go(change, before, after, change->renames);
	ck_assert_msg(strcmp(ask_shop(change->rows), change->expected) == 0, "%s: %s%s",
		      change->title, ask_shop(change->rows), script());
	go(change, after, before, change->back);
	if (!change->lossy)
		ck_assert_msg(strcmp(rows_of(before), rows) == 0, "%s: rows are others\n%s%s\n%s",
			      change->title, rows, rows_of(before), script());
	go(change, before, after, change->renames);
	md_definitions_free(before);
	md_definitions_free(after);
	end();
}
END_TEST

START_TEST(a_step_takes_the_lock_and_writes_the_table_as_it_says)
{
	const struct change *change = &changes[_i];
	const struct md_definitions *before, *after;

	begin();
	before = load(change->before);
	after = load(change->after);
	make_tables(before, "shop");
	server_run(change->seed);
	watching = true;
	go(change, before, after, change->renames);
	go(change, after, before, change->back);
	md_definitions_free(before);
	md_definitions_free(after);
	end();
}
END_TEST

enum { CHANGES = sizeof(changes) / sizeof(changes[0]), MEMORY_FIRST = 14, MEMORY_LAST = 18 };

START_TEST(memory_that_runs_out_while_planning_is_told)
{
	const struct change *change = &changes[_i];
	const struct md_definitions *before, *after;
	enum md_code code = MD_NOMEM;
	unsigned failures = 0;

	begin();
	before = load(change->before);
	after = load(change->after);
	make_tables(before, "shop");
	for (size_t limit = 512; code == MD_NOMEM; limit += 203) {
		arena = md_arena_free(arena);
		arena = md_arena_new(limit);
		code = plan_to(before, after, change->renames, false);
		ck_assert_msg(code == MD_NOMEM || code == MD_OK, "%zu: %u %s", limit, code,
			      err.message);
		failures += code == MD_NOMEM;
	}
	ck_assert_uint_gt(failures, 50);
	md_definitions_free(before);
	md_definitions_free(after);
	end();
}
END_TEST

START_TEST(a_connection_that_is_lost_while_planning_is_told)
{
	struct md_plan_request request = { .dialect = &md_postgres_ddl, .revision = REVISION };
	struct md_plan_work work = { .request = &request, .plan = &plan };
	const struct md_definitions *before, *after;

	begin();
	before = load(changes[0].before);
	after = load(changes[0].after);
	make_tables(before, "shop");
	work.arena = arena;
	ck_assert_int_eq(
		md_match_make(&md_postgres_ddl, before, after, NULL, arena, &work.match, &err),
		MD_OK);
	request.live = open_schema("shop");
	server_kill_sessions();
	ck_assert_int_eq(md_postgres_planner.plan(&work, &err), MD_UNAVAILABLE);
	ck_assert_uint_eq(plan.step_count, 0);
	md_db_schema_close(request.live);
	/* Without a database, what its definitions say. */
	request.live = NULL;
	ck_assert_int_eq(md_postgres_planner.plan(&work, &err), MD_OK);
	run_plan(-1);
	same_as_fresh(after, "without a look");
	md_definitions_free(before);
	md_definitions_free(after);
	end();
}
END_TEST

static TCase *changing(void)
{
	TCase *tests = tcase_create("plan_postgres");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_change_leads_there_and_back_and_there_again, 0, CHANGES);
	tcase_add_loop_test(tests, a_step_takes_the_lock_and_writes_the_table_as_it_says, 0,
			    CHANGES);
	tcase_add_loop_test(tests, memory_that_runs_out_while_planning_is_told, MEMORY_FIRST,
			    MEMORY_LAST);
	tcase_add_test(tests, a_connection_that_is_lost_while_planning_is_told);
	return tests;
}

int main(void)
{
	return plan_main(changing());
}
