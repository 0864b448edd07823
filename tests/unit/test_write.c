/* Writes from body to durable rows, through the real planner, writer lane and SQLite driver. */
#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"

#define GIVE(what)                                            \
	(struct md_write_ask)                                 \
	{                                                     \
		.kind = MD_WRITE_##what, .give = MD_GIVE_ROWS \
	}
#define DO(what)                        \
	(struct md_write_ask)           \
	{                               \
		.kind = MD_WRITE_##what \
	}

static void check(const char *got, const char *expected)
{
	ck_assert_msg(strcmp(got, expected) == 0, "got      %s\nexpected %s\n(%s)", got, expected,
		      store.error.message);
}

START_TEST(inserts_an_object_and_an_array)
{
	store_start();
	check(store_write("/tags", "", "{\"name\":\"green\"}", DO(INSERT)), "");
	ck_assert_uint_eq(store.written.rows, 1);
	check(store_write("/tags", "", "[{\"id\":7,\"name\":\"a\"},{\"id\":8,\"name\":null}]",
			  GIVE(INSERT)),
	      "[{\"id\":7,\"name\":\"a\"},{\"id\":8,\"name\":null}]");
	check(store_write("/tags", "select=name", "{\"name\":\"x\"}",
			  (struct md_write_ask){ .give = MD_GIVE_ROWS, .singular = true }),
	      "{\"name\":\"x\"}");
	check(store_write("/tags", "", "[]", GIVE(INSERT)), "[]");
	check(store_write("/tags", "", "{}", GIVE(INSERT)), "[{\"id\":10,\"name\":null}]");
	check(store_get("/tags", "select=id&order=id"),
	      "[{\"id\":1},{\"id\":2},{\"id\":3},{\"id\":7},{\"id\":8},{\"id\":9},{\"id\":10}]");
	store_stop();
}
END_TEST

START_TEST(gives_back_rows_with_their_embeds)
{
	store_start();
	check(store_write("/posts", "select=title,author:users!author_id(name),tags(name)",
			  "[{\"id\":9,\"title\":\"new\",\"author_id\":1},{\"id\":8,\"title\":"
			  "\"newer\",\"author_id\":2}]",
			  GIVE(INSERT)),
	      "[{\"title\":\"new\",\"author\":{\"name\":\"ann\"},\"tags\":[]},{\"title\":\"newer\","
	      "\"author\":{\"name\":\"bob\"},"
	      "\"tags\":[]}]");
	check(store_write("/posts", "select=id,tags(name)&id=lte.2&order=id.desc&tags.order=name",
			  "{\"title\":\"t\"}", GIVE(UPDATE)),
	      "[{\"id\":2,\"tags\":[{\"name\":\"blue\"}]},{\"id\":1,\"tags\":[{\"name\":\"blue\"},{"
	      "\"name\":\"red\"}]}]");
	check(store_write("/post_tags", "select=tag_id,tags(name)&post_id=eq.1&order=tag_id", NULL,
			  GIVE(DELETE)),
	      "[{\"tag_id\":1,\"tags\":{\"name\":\"red\"}},{\"tag_id\":2,\"tags\":{\"name\":"
	      "\"blue\"}}]");
	check(store_get("/post_tags", "select=post_id"), "[{\"post_id\":2}]");
	store_stop();
}
END_TEST

START_TEST(updates_and_deletes_what_the_filters_say)
{
	store_start();
	check(store_write("/users", "age=gt.20&select=id,age&order=id",
			  "{\"age\":1,\"active\":false}", GIVE(UPDATE)),
	      "[{\"id\":1,\"age\":1},{\"id\":3,\"age\":1}]");
	check(store_write("/users", "id=eq.99", "{\"age\":1}", GIVE(UPDATE)), "[]");
	check(store_write("/users", "id=eq.1", "{}", GIVE(UPDATE)), "[]");
	check(store_write("/tags/1", "", "{\"name\":\"RED\"}", GIVE(UPDATE)),
	      "[{\"id\":1,\"name\":\"RED\"}]");
	check(store_write("/tags/99", "", "{\"name\":\"RED\"}", GIVE(UPDATE)), "MD404");
	check(store_write("/post_tags/1,2", "", NULL, GIVE(DELETE)),
	      "[{\"post_id\":1,\"tag_id\":2}]");
	check(store_write("/post_tags", "tag_id=in.(1,2)", NULL, DO(DELETE)), "");
	ck_assert_uint_eq(store.written.rows, 2);
	store_stop();
}
END_TEST

START_TEST(upserts)
{
	struct md_write_ask merge = { .give = MD_GIVE_ROWS, .resolution = MD_RESOLUTION_MERGE };
	struct md_write_ask ignore = { .give = MD_GIVE_ROWS, .resolution = MD_RESOLUTION_IGNORE };

	store_start();
	check(store_write("/tags", "", "[{\"id\":1,\"name\":\"a\"},{\"id\":5,\"name\":\"b\"}]",
			  merge),
	      "[{\"id\":1,\"name\":\"a\"},{\"id\":5,\"name\":\"b\"}]");
	ck_assert_uint_eq(store.written.rows, 2);
	ck_assert_uint_eq(store.written.inserted, 1);
	ck_assert(store.written.resolved);
	check(store_write("/tags", "", "[{\"id\":1,\"name\":\"z\"},{\"id\":6,\"name\":\"c\"}]",
			  ignore),
	      "[{\"id\":6,\"name\":\"c\"}]");
	ck_assert_uint_eq(store.written.inserted, 1);
	check(store_get("/tags", "select=name&id=eq.1"), "[{\"name\":\"a\"}]");
	store_stop();
}
END_TEST

START_TEST(lets_missing_columns_have_their_defaults)
{
	struct md_write_ask ask = { .give = MD_GIVE_ROWS, .missing_default = true };

	store_start();
	store_execute(
		"CREATE TABLE d (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', b INT DEFAULT 5)");
	store_stop();
	store_start();
	check(store_write("/tags", "columns=id,name",
			  "[{\"id\":20},{\"id\":21,\"name\":\"n\"},{\"id\":22}]", ask),
	      "[{\"id\":20,\"name\":null},{\"id\":21,\"name\":\"n\"},{\"id\":22,\"name\":null}]");
	check(store_write("/tags", "columns=id", "[{\"id\":23,\"name\":\"ignored\"}]",
			  GIVE(INSERT)),
	      "[{\"id\":23,\"name\":null}]");
	check(store_write("/tags", "columns=frog", "[{\"id\":23}]", GIVE(INSERT)), "PGRST204");
	store_stop();
}
END_TEST

START_TEST(converts_values_as_postgresql_would)
{
	store_start();
	check(store_write("/users", "select=name,age,active,score,data",
			  "{\"name\":12,\"age\":\"34\",\"active\":\"yes\",\"score\":1e1,\"data\":"
			  "\"text\"}",
			  GIVE(INSERT)),
	      "[{\"name\":\"12\",\"age\":34,\"active\":true,\"score\":10,\"data\":\"text\"}]");
	check(store_write("/users", "select=data", "{\"name\":\"n\",\"data\":{\"a\":[1,2.50]}}",
			  GIVE(INSERT)),
	      "[{\"data\":{\"a\":[1,2.50]}}]");
	check(store_write("/users", "", "{\"name\":\"n\",\"age\":\"abc\"}", DO(INSERT)), "22P02");
	check(store_write("/users", "", "{\"name\":\"n\",\"age\":1.5}", DO(INSERT)), "22P02");
	check(store_write("/users", "", "{\"name\":\"n\",\"active\":7}", DO(INSERT)), "22P02");
	check(store_write("/users", "select=name,age,data",
			  "name,age,data\nq,3,\"{\"\"k\"\":1}\"\nr,NULL,NULL\n",
			  (struct md_write_ask){ .give = MD_GIVE_ROWS, .texts = true }),
	      "[{\"name\":\"q\",\"age\":3,\"data\":{\"k\":1}},{\"name\":\"r\",\"age\":null,"
	      "\"data\":null}]");
	store_stop();
}
END_TEST

START_TEST(writes_all_or_nothing)
{
	struct md_write_ask dry = { .give = MD_GIVE_ROWS, .dry_run = true };
	struct md_write_ask one = { .kind = MD_WRITE_DELETE,
				    .give = MD_GIVE_ROWS,
				    .singular = true };
	struct md_write_ask few = { .kind = MD_WRITE_UPDATE,
				    .has_max_affected = true,
				    .max_affected = 1 };

	store_start();
	check(store_write("/tags", "", "[{\"id\":30,\"name\":\"a\"},{\"id\":1,\"name\":\"b\"}]",
			  DO(INSERT)),
	      "23505");
	check(store_write("/tags", "", "[{\"id\":30,\"name\":\"a\"},{\"id\":\"x\",\"name\":\"b\"}]",
			  DO(INSERT)),
	      "22P02");
	check(store_write("/users", "", "{\"age\":3}", DO(INSERT)), "23502");
	check(store_write("/posts", "", "{\"title\":\"t\",\"author_id\":99}", DO(INSERT)), "23503");
	check(store_write("/tags", "", "{\"id\":31,\"name\":\"dry\"}", dry),
	      "[{\"id\":31,\"name\":\"dry\"}]");
	check(store_write("/post_tags", "", NULL, one), "PGRST116");
	check(store_write("/tags", "id=gt.0", "{\"name\":\"x\"}", few), "PGRST124");
	check(store_get("/tags", ""), "[{\"id\":1,\"name\":\"red\"},{\"id\":2,\"name\":\"blue\"}]");
	ck_assert_str_ne(store_get("/post_tags", ""), "[]");
	store_stop();
}
END_TEST

START_TEST(tells_where_a_new_row_is)
{
	struct md_write_ask ask = { .give = MD_GIVE_KEYS };

	store_start();
	check(store_write("/tags", "", "{\"id\":40,\"name\":\"a\"}", ask), "");
	ck_assert_str_eq(store.written.location, "?id=eq.40");
	check(store_write("/post_tags", "", "{\"post_id\":3,\"tag_id\":1}", ask), "");
	ck_assert_str_eq(store.written.location, "?post_id=eq.3&tag_id=eq.1");
	store_stop();
}
END_TEST

START_TEST(happens_with_its_session_or_not_at_all)
{
	struct md_session *session;

	store_start();
	store_begin();
	session = store.session;
	check(store_write("/tags", "select=id", "{\"id\":40,\"name\":\"a\"}", GIVE(INSERT)),
	      "[{\"id\":40}]");
	check(store_write("/tags", "", "[{\"id\":41},{\"id\":40}]", DO(INSERT)), "23505");
	check(store_write("/posts", "select=id,users!author_id(name)",
			  "{\"id\":50,\"author_id\":1}", GIVE(INSERT)),
	      "[{\"id\":50,\"users\":{\"name\":\"ann\"}}]");
	check(store_get("/tags", "id=gte.40&select=id"), "[{\"id\":40}]");
	store.session = NULL;
	check(store_get("/tags", "id=gte.40&select=id"), "[]");
	store.session = session;
	ck_assert_int_eq(store_commit(), MD_OK);
	check(store_get("/tags", "id=gte.40&select=id"), "[{\"id\":40}]");
	store_stop();
}
END_TEST

/* Fail each allocation once: the write fails with a code and has not happened, or it does not need
 * it. */
START_TEST(survives_a_failure_of_every_allocation)
{
	int failed = 0;

	for (int n = 0;; n++) {
		const char *answer;
		bool fired;

		store_start();
		fault_arm(n);
		answer = store_write("/posts", "select=id,users!author_id(name)",
				     "[{\"id\":50,\"author_id\":1}]", GIVE(INSERT));
		fired = fault_fired();
		fault_disarm();
		if (fired && answer == store.error.wire) {
			failed++;
			check(store_get("/posts", "select=id&id=eq.50"), "[]");
		} else {
			check(answer, "[{\"id\":50,\"users\":{\"name\":\"ann\"}}]");
		}
		store_stop();
		if (!fired)
			break;
		ck_assert_int_lt(n, 500);
	}
	ck_assert_int_gt(failed, 10);
}
END_TEST

SUITE_MAIN("write", inserts_an_object_and_an_array, gives_back_rows_with_their_embeds,
	   updates_and_deletes_what_the_filters_say, upserts,
	   lets_missing_columns_have_their_defaults, converts_values_as_postgresql_would,
	   writes_all_or_nothing, tells_where_a_new_row_is, happens_with_its_session_or_not_at_all,
	   survives_a_failure_of_every_allocation)
