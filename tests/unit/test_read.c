/* Reads from query string to JSON text, through the real planner, lanes and SQLite driver. */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"

struct example {
	const char *path, *query, *answer;
};

static void check_all(const struct example *examples, size_t count)
{
	store_start();
	for (size_t i = 0; i < count; i++) {
		const char *answer = store_get(examples[i].path, examples[i].query);

		ck_assert_msg(strcmp(answer, examples[i].answer) == 0,
			      "%s?%s\n  got      %s\n  expected %s (%s)", examples[i].path,
			      examples[i].query, answer, examples[i].answer, store.error.message);
	}
	store_stop();
}
#define CHECK_ALL(examples) check_all(examples, sizeof(examples) / sizeof((examples)[0]))

START_TEST(reads_columns)
{
	static const struct example examples[] = {
		{ "/tags", "", "[{\"id\":1,\"name\":\"red\"},{\"id\":2,\"name\":\"blue\"}]" },
		{ "/users", "select=id,active,score,data&id=eq.1",
		  "[{\"id\":1,\"active\":true,\"score\":1.5,\"data\":{\"a\":{\"b\":[1,2,\"x\"]},"
		  "\"t\":true}}]" },
		{ "/users", "select=n:name,age::text&order=id",
		  "[{\"n\":\"ann\",\"age\":\"30\"},{\"n\":\"bob\",\"age\":null},"
		  "{\"n\":\"Cid\",\"age\":\"25\"}]" },
		{ "/users", "select=data->a->b&id=eq.1", "[{\"b\":[1,2,\"x\"]}]" },
		{ "/users", "select=data->a->b->>2,t:data->>t&id=eq.1",
		  "[{\"b\":\"x\",\"t\":\"true\"}]" },
		{ "/users", "select=data->-1&id=eq.3", "[{\"data\":2}]" },
		{ "/users", "select=score::int&id=eq.1", "[{\"score\":2}]" },
		{ "/users", "select=active::text&id=eq.1", "[{\"active\":\"true\"}]" },
		{ "/users", "select=name::frog", "42704" },
		{ "/users", "select=nome", "42703" },
		{ "/user", "", "PGRST205" },
	};

	CHECK_ALL(examples);
}
END_TEST

START_TEST(aggregates)
{
	static const struct example examples[] = {
		{ "/users", "select=n:count(),age.sum(),score.avg()",
		  "[{\"n\":3,\"sum\":55,\"avg\":1.2}]" },
		{ "/users", "select=active,n:count()&order=active",
		  "[{\"active\":false,\"n\":1},{\"active\":true,\"n\":1},"
		  "{\"active\":null,\"n\":1}]" },
		{ "/users", "select=id,posts!author_id(count())&order=id",
		  "[{\"id\":1,\"posts\":[{\"count\":2}]},{\"id\":2,\"posts\":[{\"count\":1}]},"
		  "{\"id\":3,\"posts\":[{\"count\":0}]}]" },
		{ "/posts", "select=n:count(),users!author_id(name)&order=users(name)", "42803" },
		{ "/posts", "select=n:count(),...users!author_id(name)&order=users(name)",
		  "[{\"n\":2,\"name\":\"ann\"},{\"n\":1,\"name\":\"bob\"}]" },
		{ "/posts", "select=n:count(),tags(name)&tags.order=id",
		  "[{\"n\":1,\"tags\":[]},{\"n\":1,\"tags\":[{\"name\":\"blue\"}]},"
		  "{\"n\":1,\"tags\":[{\"name\":\"red\"},{\"name\":\"blue\"}]}]" },
		{ "/users", "select=n:count(),posts!editor_id(title)&id=gt.2",
		  "[{\"n\":1,\"posts\":[]}]" },
		{ "/users", "select=name.sum()", "42883" },
		{ "/users", "select=age.sum()::frog", "42704" },
	};

	CHECK_ALL(examples);
}
END_TEST

START_TEST(filters)
{
	static const struct example examples[] = {
		{ "/users", "select=id&age=gt.25", "[{\"id\":1}]" },
		{ "/users", "select=id&age=gte.25&order=id", "[{\"id\":1},{\"id\":3}]" },
		{ "/users", "select=id&age=neq.30", "[{\"id\":3}]" },
		{ "/users", "select=id&age=isdistinct.30&order=id", "[{\"id\":2},{\"id\":3}]" },
		{ "/users", "select=id&name=like.a*", "[{\"id\":1}]" },
		{ "/users", "select=id&name=like.c*", "[]" },
		{ "/users", "select=id&name=ilike.c*", "[{\"id\":3}]" },
		{ "/users", "select=id&name=match.^.n", "[{\"id\":1}]" },
		{ "/users", "select=id&name=in.(bob,ann)&order=id", "[{\"id\":1},{\"id\":2}]" },
		{ "/users", "select=id&id=in.(1,2,3)&order=id.desc",
		  "[{\"id\":3},{\"id\":2},{\"id\":1}]" },
		{ "/users", "select=id&id=in.()", "[]" },
		{ "/users", "select=id&id=not.in.(1,2)", "[{\"id\":3}]" },
		{ "/users", "select=id&email=is.null", "[{\"id\":2}]" },
		{ "/users", "select=id&email=not.is.null&order=id", "[{\"id\":1},{\"id\":3}]" },
		{ "/users", "select=id&active=is.true", "[{\"id\":1}]" },
		{ "/users", "select=id&active=eq.false", "[{\"id\":2}]" },
		{ "/users", "select=id&active=is.unknown", "[{\"id\":3}]" },
		{ "/users", "select=id&or=(age.eq.30,and(name.eq.bob,active.is.false))&order=id",
		  "[{\"id\":1},{\"id\":2}]" },
		{ "/users", "select=id&not.or=(age.eq.30,name.eq.bob)", "[{\"id\":3}]" },
		{ "/users", "select=id&name=eq(any).{ann,bob}&order=id",
		  "[{\"id\":1},{\"id\":2}]" },
		{ "/users", "select=id&name=like(all).{*n*,a*}", "[{\"id\":1}]" },
		{ "/users", "select=id&data->>t=eq.true", "[{\"id\":1}]" },
		{ "/users", "select=id&data=cs.[1]", "[{\"id\":3}]" },
		{ "/users", "select=id&data=cs.{1,2}", "[{\"id\":3}]" },
		{ "/users", "select=id&data=cs.{\"a\":{\"b\":[2]}}", "[{\"id\":1}]" },
		{ "/users", "select=id&data=cd.[1,2,3]", "[{\"id\":3}]" },
		{ "/users", "select=id&data=ov.[2,9]", "[{\"id\":3}]" },
		{ "/users", "select=id&age=eq.abc", "22P02" },
		{ "/users", "select=id&age=eq.99999999999999999999", "22003" },
		{ "/users", "select=id&name=is.true", "42804" },
		{ "/users", "select=id&name=fts.x", "PGRST127" },
		{ "/users", "select=id&name=match.(", "2201B" },
	};

	CHECK_ALL(examples);
}
END_TEST

START_TEST(embeds)
{
	static const struct example examples[] = {
		{ "/users", "select=id,profiles(bio)&order=id&limit=2",
		  "[{\"id\":1,\"profiles\":{\"bio\":\"bio of "
		  "ann\"}},{\"id\":2,\"profiles\":null}]" },
		{ "/users", "select=id,posts!posts_author_id_fkey(title)&order=id",
		  "[{\"id\":1,\"posts\":[{\"title\":\"one\"},{\"title\":\"two\"}]},{\"id\":2,"
		  "\"posts\":[{\"title\":"
		  "\"three\"}]},{\"id\":3,\"posts\":[]}]" },
		{ "/users", "select=id,posts(title)", "PGRST201" },
		{ "/users", "select=id,tags(name)", "PGRST200" },
		{ "/posts", "select=title,tags(name)&order=id&tags.order=name",
		  "[{\"title\":\"one\",\"tags\":[{\"name\":\"blue\"},{\"name\":\"red\"}]},{"
		  "\"title\":\"two\",\"tags\":[{"
		  "\"name\":\"blue\"}]},{\"title\":\"three\",\"tags\":[]}]" },
		{ "/posts", "select=title,tags!inner(name)&tags.name=eq.red",
		  "[{\"title\":\"one\",\"tags\":[{\"name\":\"red\"}]}]" },
		{ "/posts", "select=title,author:users!author_id(name,profiles(bio))&id=eq.1",
		  "[{\"title\":\"one\",\"author\":{\"name\":\"ann\",\"profiles\":{\"bio\":\"bio of "
		  "ann\"}}}]" },
		{ "/posts", "select=id,editor:users!editor_id!inner(name)&order=id",
		  "[{\"id\":1,\"editor\":{\"name\":\"bob\"}},{\"id\":3,\"editor\":{\"name\":"
		  "\"ann\"}}]" },
		{ "/posts", "select=id,editor:editor_id(name)&order=id&editor.name=eq.ann",
		  "[{\"id\":1,\"editor\":null},{\"id\":2,\"editor\":null},{\"id\":3,\"editor\":{"
		  "\"name\":\"ann\"}}]" },
		{ "/posts", "select=id,tags()&tags=not.is.null&order=id",
		  "[{\"id\":1},{\"id\":2}]" },
		{ "/users", "select=id,posts!posts_author_id_fkey(tags())&id=eq.1",
		  "[{\"id\":1}]" },
		{ "/posts", "select=id,tags()&tags=is.null", "[{\"id\":3}]" },
		{ "/posts", "select=id,tags()&or=(tags.is.null,id.eq.1)&order=id",
		  "[{\"id\":1},{\"id\":3}]" },
		{ "/posts", "select=id,author:author_id(name)&order=author(name).desc,id",
		  "[{\"id\":3,\"author\":{\"name\":\"bob\"}},{\"id\":1,\"author\":{\"name\":"
		  "\"ann\"}},{\"id\":2,\"author\":{"
		  "\"name\":\"ann\"}}]" },
		{ "/posts", "select=id,tags(name)&order=tags(name)", "PGRST118" },
		{ "/posts",
		  "select=id,tags(name)&tags.limit=1&tags.order=name.desc&tags.offset=1&id=eq.1",
		  "[{\"id\":1,\"tags\":[{\"name\":\"blue\"}]}]" },
		{ "/nodes", "select=name,nodes(name)&id=eq.1",
		  "[{\"name\":\"root\",\"nodes\":[{\"name\":\"left\"},{\"name\":\"right\"}]}]" },
		{ "/nodes", "select=name,parent_id(name)&id=eq.4",
		  "[{\"name\":\"leaf\",\"parent_id\":{\"name\":\"left\"}}]" },
		{ "/posts", "select=id,...users!author_id(author:name)&id=eq.3",
		  "[{\"id\":3,\"author\":\"bob\"}]" },
		{ "/posts", "select=id,u:users!author_id(name)&u.limit=0&id=eq.3",
		  "[{\"id\":3,\"u\":null}]" },
	};

	CHECK_ALL(examples);
}
END_TEST

START_TEST(reads_items_and_their_relationships)
{
	static const struct example examples[] = {
		{ "/tags/2", "", "{\"id\":2,\"name\":\"blue\"}" },
		{ "/tags/9", "", "MD404" },
		{ "/tags/x", "", "MD404" },
		{ "/post_tags/1,2", "", "{\"post_id\":1,\"tag_id\":2}" },
		{ "/post_tags/1", "", "MD404" },
		{ "/posts/1/tags", "order=id",
		  "[{\"id\":1,\"name\":\"red\"},{\"id\":2,\"name\":\"blue\"}]" },
		{ "/posts/3/tags", "", "[]" },
		{ "/posts/9/tags", "", "MD404" },
		{ "/users/1/profiles", "", "{\"user_id\":1,\"bio\":\"bio of ann\"}" },
		{ "/users/2/profiles", "", "MD404" },
		{ "/posts/1/author_id", "select=name", "{\"name\":\"ann\"}" },
		{ "/users/1/frogs", "", "PGRST200" },
		{ "/tags/2", "depth=0", "{\"id\":2,\"name\":\"blue\"}" },
		{ "/nodes/4", "depth=2",
		  "{\"id\":4,\"parent_id\":2,\"name\":\"leaf\",\"nodes\":[],\"x\":1}" },
	};

	check_all(examples, sizeof(examples) / sizeof(examples[0]) - 1);
}
END_TEST

START_TEST(counts_and_cuts_pages)
{
	store_start();
	ck_assert_str_eq(
		store_run((struct store_ask){ .path = "/users",
					      .query = "select=id&limit=1&offset=1&order=id",
					      .count = MD_COUNT_EXACT }),
		"[{\"id\":2}]");
	ck_assert_uint_eq(store.result.total, 3);
	ck_assert_uint_eq(store.result.first, 1);
	ck_assert_uint_eq(store.result.rows, 1);
	ck_assert_str_eq(store_run((struct store_ask){
				 .path = "/users", .query = "offset=9", .count = MD_COUNT_EXACT }),
			 "PGRST103");
	ck_assert_str_eq(store.error.details,
			 "An offset of 9 was requested, but there are only 3 rows.");
	ck_assert_str_eq(store_run((struct store_ask){ .path = "/users", .query = "offset=9" }),
			 "[]");
	ck_assert_str_eq(store_get("/users", "limit=-1"), "PGRST103");
	ck_assert_str_eq(
		store_run((struct store_ask){
			.path = "/users",
			.query = "select=id&order=id&limit=5",
			.range = { .given = true, .first = 1, .has_last = true, .last = 1 } }),
		"[{\"id\":2}]");
	ck_assert_str_eq(
		store_run((struct store_ask){
			.path = "/users",
			.query = "",
			.range = { .given = true, .first = 2, .has_last = true, .last = 1 } }),
		"PGRST103");
	ck_assert_str_eq(store_run((struct store_ask){ .path = "/posts",
						       .query = "select=id,tags!inner()&order=id",
						       .count = MD_COUNT_EXACT }),
			 "[{\"id\":1},{\"id\":2}]");
	ck_assert_uint_eq(store.result.total, 2);
	ck_assert_str_eq(store_run((struct store_ask){ .path = "/users",
						       .query = "select=id&id=eq.2",
						       .singular = true }),
			 "{\"id\":2}");
	ck_assert_str_eq(store_run((struct store_ask){
				 .path = "/users", .query = "select=id", .singular = true }),
			 "PGRST116");
	ck_assert_str_eq(store.error.details, "The result contains 3 rows");
	store_stop();
}
END_TEST

START_TEST(compiles_a_shape_once)
{
	struct md_ops_stats stats;
	struct md_db_stats before, after;

	store_start();
	for (int i = 0; i < 3; i++) {
		char query[64];

		snprintf(query, sizeof(query), "select=name&id=eq.%d&offset=%d", i, i + 1);
		store_get("/users", query);
	}
	md_ops_stats(store.ops, &stats);
	ck_assert_uint_eq(stats.plan_misses, 1);
	ck_assert_uint_eq(stats.plan_hits, 2);
	md_db_stats(store.db, &before);
	store_get("/users", "select=name&id=eq.1&offset=7");
	md_db_stats(store.db, &after);
	ck_assert_uint_eq(before.prepares, after.prepares);
	/* lists of one padded length are one shape */
	store_get("/users", "select=id&id=in.(1,2,3)");
	store_get("/users", "select=id&id=in.(1,2,3,4)");
	md_ops_stats(store.ops, &stats);
	ck_assert_uint_eq(stats.plan_misses, 2);
	/* limit is part of the shape, so is an operator */
	store_get("/users", "select=id&limit=1");
	store_get("/users", "select=id&limit=2");
	store_get("/users", "select=id&id=gt.1");
	store_get("/users", "select=id&id=lt.1");
	md_ops_stats(store.ops, &stats);
	ck_assert_uint_eq(stats.plan_misses, 6);
	store_stop();
}
END_TEST

START_TEST(streams_a_large_answer_in_order)
{
	store_start();
	ck_assert_ptr_nonnull(store_get("/many", "order=id"));
	ck_assert_uint_gt(store.pieces, 5);
	ck_assert_uint_eq(store.result.rows, 20000);
	ck_assert_uint_eq(store.bytes, 2 + 20000 * (sizeof("{\"id\":,\"body\":\"\"},") - 1 + 100) -
					       1 + 88894 + 0 * store.bytes);
	store_stop();
}
END_TEST

START_TEST(gives_a_read_over_its_budget_to_a_reader)
{
	struct md_db_stats stats;

	store_start_with(1, UINT64_MAX);
	ck_assert_str_eq(store_get("/many", "select=id&body=like.*19999&limit=5"),
			 "[{\"id\":19999}]");
	md_db_stats(store.db, &stats);
	ck_assert_uint_eq(stats.inline_over_budget, 1);
	ck_assert_uint_eq(stats.offloaded, 1);
	store_stop();
}
END_TEST

START_TEST(opens_a_replaced_file_anew)
{
	char other[80];
	sqlite3 *handle;

	store_start();
	ck_assert_str_eq(store_get("/tags", "select=name&id=eq.1"), "[{\"name\":\"red\"}]");
	snprintf(other, sizeof(other), "%s.new", store.path);
	ck_assert_int_eq(sqlite3_open(other, &handle), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(handle, store_schema, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(handle, "UPDATE tags SET name = 'green' WHERE id = 1", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(handle);
	ck_assert_int_eq(rename(other, store.path), 0);
	usleep(1100 * 1000); /* it looks once a second */
	store_end_turn();
	ck_assert_str_eq(store_get("/tags", "select=name&id=eq.1"), "[{\"name\":\"green\"}]");
	unlink(store.path);
	usleep(1100 * 1000);
	store_end_turn();
	ck_assert_str_eq(store_get("/tags", "select=name&id=eq.1"), "PGRST000");
	store_stop();
}
END_TEST

/* Fail each allocation once: the request fails with 53200, or does not need it; the next one is
 * right. */
static void fail_every_allocation(const char *path, const char *query, const char *answer)
{
	int failed = 0;

	for (int n = 0;; n++) {
		const char *got;
		bool fired;

		store_start();
		fault_arm(n);
		got = store_get(path, query);
		fired = fault_fired();
		fault_disarm();
		if (fired && got == store.error.wire)
			failed++;
		else
			ck_assert_str_eq(got, answer);
		ck_assert_str_eq(store_get(path, query), answer);
		store_stop();
		if (!fired)
			break;
		ck_assert_int_lt(n, 500);
	}
	ck_assert_int_gt(failed, 10);
}

START_TEST(survives_a_failure_of_every_allocation)
{
	fail_every_allocation(
		"/posts",
		"select=id,author:users!author_id(name,profiles(bio)),tags!inner(name)&tags.name="
		"like.r*"
		"&order=author(name)&limit=1",
		"[{\"id\":1,\"author\":{\"name\":\"ann\",\"profiles\":{\"bio\":\"bio of ann\"}},"
		"\"tags\":[{\"name\":\"red\"}]}]");
	fail_every_allocation(
		"/users", "select=data->a->>b&id=in.(1,2,3)&or=(name.ilike.A*,data->>t.eq.true)",
		"[{\"b\":\"[1,2,\\\"x\\\"]\"}]");
	fail_every_allocation(
		"/users",
		"select=id,...posts!author_id(title,...post_tags(t:tag_id),tags(name))&id=eq.1",
		"[{\"id\":1,\"title\":[\"one\",\"two\"],\"t\":[[1,2],[2]],\"tags\":[[{\"name\":"
		"\"red\"},"
		"{\"name\":\"blue\"}],[{\"name\":\"blue\"}]]}]");
	fail_every_allocation("/posts", "select=n:count(),...tags(name)&tags.order=id&id=eq.1",
			      "[{\"n\":1,\"name\":[\"red\",\"blue\"]}]");
	fail_every_allocation(
		"/users",
		"select=data->>t,age.avg()::int,...profiles(bio.max())&id=eq.1&order=data->>t",
		"[{\"t\":\"true\",\"avg\":30,\"max\":\"bio of ann\"}]");
}
END_TEST

START_TEST(caps_rows_of_lists_and_embeds)
{
	store_start_with(2000, 1);
	ck_assert_str_eq(store_get("/tags", "select=id&order=id"), "[{\"id\":1}]");
	ck_assert_str_eq(store_get("/posts", "select=id,tags(id)&tags.order=id&id=eq.1"),
			 "[{\"id\":1,\"tags\":[{\"id\":1}]}]");
	store_stop();
}
END_TEST

SUITE_MAIN("read", reads_columns, aggregates, filters, embeds, reads_items_and_their_relationships,
	   counts_and_cuts_pages, compiles_a_shape_once, streams_a_large_answer_in_order,
	   gives_a_read_over_its_budget_to_a_reader, opens_a_replaced_file_anew,
	   survives_a_failure_of_every_allocation, caps_rows_of_lists_and_embeds)
