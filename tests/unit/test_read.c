/* Reads from query string to JSON text, through the real planner, lanes and SQLite driver. */
#include "core/ops/read.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/query/parse.h"

#include "tests/support/fault.h"
#include "tests/support/suite.h"

static const char schema[] =
	"CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, age INT, "
	"active BOOLEAN, "
	"score REAL, data JSON);"
	"CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users(id), bio TEXT);"
	"CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, author_id INTEGER REFERENCES "
	"users(id), editor_id "
	"INTEGER REFERENCES users(id));"
	"CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);"
	"CREATE TABLE post_tags (post_id INTEGER REFERENCES posts(id), tag_id INTEGER REFERENCES "
	"tags(id), PRIMARY KEY "
	"(post_id, tag_id));"
	"CREATE TABLE nodes (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES nodes(id), name "
	"TEXT);"
	"CREATE INDEX users_name ON users(name);"
	"CREATE TABLE many (id INTEGER PRIMARY KEY, body TEXT);"
	"INSERT INTO users VALUES "
	"(1,'ann','ann@x.org',30,1,1.5,'{\"a\":{\"b\":[1,2,\"x\"]},\"t\":true}'),"
	"(2,'bob',NULL,NULL,0,2,NULL),(3,'Cid','cid@x.org',25,NULL,0.1,'[1,2]');"
	"INSERT INTO profiles VALUES (1,'bio of ann');"
	"INSERT INTO posts VALUES (1,'one',1,2),(2,'two',1,NULL),(3,'three',2,1);"
	"INSERT INTO tags VALUES (1,'red'),(2,'blue');"
	"INSERT INTO post_tags VALUES (1,1),(1,2),(2,2);"
	"INSERT INTO nodes VALUES (1,NULL,'root'),(2,1,'left'),(3,1,'right'),(4,2,'leaf');"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000) INSERT INTO "
	"many SELECT i, "
	"printf('%0100d', i) FROM n;";

static struct {
	char path[64], url[128];
	struct md_reactor *reactor;
	struct md_db *db;
	struct md_db_loop *loop;
	struct md_registry *registry;
	struct md_ops *ops;
	struct md_arena *arena;
	struct md_buf out;
	char answer[1 << 16];
	struct md_error error;
	struct md_read_result result;
	unsigned pieces;
	uint64_t bytes;
	bool ended;
} t;

static void build_database(void)
{
	char *message = NULL;
	sqlite3 *handle;

	snprintf(t.path, sizeof(t.path), "/tmp/modeld-read-%d.db", (int)getpid());
	snprintf(t.url, sizeof(t.url), "sqlite:///%s", t.path);
	unlink(t.path);
	ck_assert_int_eq(sqlite3_open(t.path, &handle), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(handle, schema, NULL, NULL, &message) == SQLITE_OK, "%s",
		      message);
	sqlite3_close(handle);
}

static void clean(void)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char name[80];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", t.path, tails[i]);
		unlink(name);
	}
}

static void start_with(unsigned budget_us, uint64_t max_rows)
{
	const struct md_db_options options = {
		.url = t.url,
		.readers = 2,
		.inline_budget_us = budget_us,
		.statement_timeout_ms = 10000,
		.lock_timeout_ms = 1000,
		.stream_timeout_ms = 10000,
	};
	struct md_ops_options ops = { .plan_cache = 16,
				      .embeds = 256,
				      .max_rows = max_rows,
				      .stream_threshold = 256 * 1024,
				      .stream_piece = 64 * 1024 };
	const struct md_catalog *catalog;
	md_auto_arena arena = md_arena_new(1u << 24);

	build_database();
	ck_assert_int_eq(md_reactor_new(&t.reactor, &t.error), MD_OK);
	ck_assert_msg(md_db_open(&options, &t.db, &t.error) == MD_OK, "%s", t.error.message);
	ck_assert_msg(md_db_catalog(t.db, arena, &catalog, &t.error) == MD_OK, "%s",
		      t.error.message);
	ck_assert_int_eq(md_registry_build(catalog, MD_STR("public"), 1, &t.registry, &t.error),
			 MD_OK);
	ck_assert_int_eq(md_db_join(t.db, t.reactor, &t.loop, &t.error), MD_OK);
	ops.db = t.loop;
	ops.dialect = md_db_dialect(t.db);
	ops.features = md_db_features(t.db);
	ck_assert_int_eq(md_ops_new(&ops, t.registry, &t.ops, &t.error), MD_OK);
	t.arena = md_arena_new(1u << 20);
	md_buf_init(&t.out, 1u << 26);
}

static void start(void)
{
	start_with(2000, UINT64_MAX);
}

static void stop(void)
{
	md_ops_free(t.ops);
	md_db_leave(t.loop);
	md_db_close(t.db);
	md_reactor_free(t.reactor);
	md_arena_free(t.arena);
	md_buf_release(&t.out);
	clean();
}

static void take_piece(void)
{
	size_t room = sizeof(t.answer) - 1 - strlen(t.answer),
	       len = t.out.len < room ? t.out.len : room;

	if (len > 0)
		strncat(t.answer, t.out.data, len);
	t.bytes += t.out.len;
	t.pieces++;
	md_buf_clear(&t.out);
}

static void ready(struct md_read *read, void *arg)
{
	(void)arg;
	if (md_read_state(read) == MD_READ_PIECE) {
		take_piece();
		md_read_resume(read);
		return;
	}
	t.ended = true;
}

struct ask {
	const char *path, *query;
	enum md_prefer_count count;
	bool singular;
	struct md_range range;
};

static enum md_code fill_request(const struct ask *ask, struct md_read_request *request,
				 struct md_query *query)
{
	static struct md_str key[4];
	struct md_path path;
	enum md_code code = md_parse_path(t.arena, md_str_of(ask->path), &path, &t.error);

	if (code == MD_OK)
		code = md_parse_query(t.arena, md_str_of(ask->query), &md_parse_limits_default,
				      path.count > 1, query, &t.error);
	if (code != MD_OK)
		return code;
	*request = (struct md_read_request){
		.route = (enum md_read_route)(path.count - 1),
		.model = md_registry_find(t.registry, path.segments[0]),
		.query = query,
		.count = ask->count,
		.singular = ask->singular,
		.range = ask->range,
		.deadline_ns = md_now_ns() + 20 * MD_SEC,
		.arena = t.arena,
		.out = &t.out,
		.ready = ready,
	};
	if (!request->model)
		return md_registry_fail_model(t.registry, path.segments[0], &t.error);
	if (path.count > 1) {
		code = md_parse_key(t.arena, path.segments[1], request->model->key_count, key,
				    &t.error);
		request->key = key;
	}
	if (path.count > 2)
		request->relationship = path.segments[2];
	return code;
}

static void note_turn(struct md_task *task)
{
	task->run = NULL;
	t.ended = true;
}

/* The turn in which an inline read ran comes to its end: snapshot closed, clock read. */
static void end_turn(void)
{
	struct md_task task = { .run = note_turn };

	t.ended = false;
	md_reactor_post(t.reactor, &task);
	md_reactor_run(t.reactor, &t.ended);
}

/* The answer, or the wire code of the failure. */
static const char *run(struct ask ask)
{
	struct md_read_request request;
	struct md_query query;
	struct md_read *read;

	md_arena_reset(t.arena, 1u << 20);
	md_buf_clear(&t.out);
	t.answer[0] = '\0';
	t.pieces = 0;
	t.bytes = 0;
	t.ended = false;
	if (fill_request(&ask, &request, &query) != MD_OK)
		return t.error.wire;
	if (!md_read_start(t.ops, &request, &read))
		md_reactor_run(t.reactor, &t.ended);
	end_turn();
	t.result = *md_read_result(read);
	if (md_read_state(read) == MD_READ_FAILED) {
		t.error = *md_read_error(read);
		return t.error.wire;
	}
	take_piece();
	return t.answer;
}

static const char *get(const char *path, const char *query)
{
	return run((struct ask){ .path = path, .query = query });
}

struct example {
	const char *path, *query, *answer;
};

static void check_all(const struct example *examples, size_t count)
{
	start();
	for (size_t i = 0; i < count; i++) {
		const char *answer = get(examples[i].path, examples[i].query);

		ck_assert_msg(strcmp(answer, examples[i].answer) == 0,
			      "%s?%s\n  got      %s\n  expected %s (%s)", examples[i].path,
			      examples[i].query, answer, examples[i].answer, t.error.message);
	}
	stop();
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
	start();
	ck_assert_str_eq(run((struct ask){ .path = "/users",
					   .query = "select=id&limit=1&offset=1&order=id",
					   .count = MD_COUNT_EXACT }),
			 "[{\"id\":2}]");
	ck_assert_uint_eq(t.result.total, 3);
	ck_assert_uint_eq(t.result.first, 1);
	ck_assert_uint_eq(t.result.rows, 1);
	ck_assert_str_eq(
		run((struct ask){ .path = "/users", .query = "offset=9", .count = MD_COUNT_EXACT }),
		"PGRST103");
	ck_assert_str_eq(t.error.details,
			 "An offset of 9 was requested, but there are only 3 rows.");
	ck_assert_str_eq(run((struct ask){ .path = "/users", .query = "offset=9" }), "[]");
	ck_assert_str_eq(get("/users", "limit=-1"), "PGRST103");
	ck_assert_str_eq(
		run((struct ask){
			.path = "/users",
			.query = "select=id&order=id&limit=5",
			.range = { .given = true, .first = 1, .has_last = true, .last = 1 } }),
		"[{\"id\":2}]");
	ck_assert_str_eq(
		run((struct ask){
			.path = "/users",
			.query = "",
			.range = { .given = true, .first = 2, .has_last = true, .last = 1 } }),
		"PGRST103");
	ck_assert_str_eq(run((struct ask){ .path = "/posts",
					   .query = "select=id,tags!inner()&order=id",
					   .count = MD_COUNT_EXACT }),
			 "[{\"id\":1},{\"id\":2}]");
	ck_assert_uint_eq(t.result.total, 2);
	ck_assert_str_eq(run((struct ask){ .path = "/users",
					   .query = "select=id&id=eq.2",
					   .singular = true }),
			 "{\"id\":2}");
	ck_assert_str_eq(
		run((struct ask){ .path = "/users", .query = "select=id", .singular = true }),
		"PGRST116");
	ck_assert_str_eq(t.error.details, "The result contains 3 rows");
	stop();
}
END_TEST

START_TEST(compiles_a_shape_once)
{
	struct md_ops_stats stats;
	struct md_db_stats before, after;

	start();
	for (int i = 0; i < 3; i++) {
		char query[64];

		snprintf(query, sizeof(query), "select=name&id=eq.%d&offset=%d", i, i + 1);
		get("/users", query);
	}
	md_ops_stats(t.ops, &stats);
	ck_assert_uint_eq(stats.plan_misses, 1);
	ck_assert_uint_eq(stats.plan_hits, 2);
	md_db_stats(t.db, &before);
	get("/users", "select=name&id=eq.1&offset=7");
	md_db_stats(t.db, &after);
	ck_assert_uint_eq(before.prepares, after.prepares);
	/* lists of one padded length are one shape */
	get("/users", "select=id&id=in.(1,2,3)");
	get("/users", "select=id&id=in.(1,2,3,4)");
	md_ops_stats(t.ops, &stats);
	ck_assert_uint_eq(stats.plan_misses, 2);
	/* limit is part of the shape, so is an operator */
	get("/users", "select=id&limit=1");
	get("/users", "select=id&limit=2");
	get("/users", "select=id&id=gt.1");
	get("/users", "select=id&id=lt.1");
	md_ops_stats(t.ops, &stats);
	ck_assert_uint_eq(stats.plan_misses, 6);
	stop();
}
END_TEST

START_TEST(streams_a_large_answer_in_order)
{
	start();
	ck_assert_ptr_nonnull(get("/many", "order=id"));
	ck_assert_uint_gt(t.pieces, 5);
	ck_assert_uint_eq(t.result.rows, 20000);
	ck_assert_uint_eq(t.bytes, 2 + 20000 * (sizeof("{\"id\":,\"body\":\"\"},") - 1 + 100) - 1 +
					   88894 + 0 * t.bytes);
	stop();
}
END_TEST

START_TEST(gives_a_read_over_its_budget_to_a_reader)
{
	struct md_db_stats stats;

	start_with(1, UINT64_MAX);
	ck_assert_str_eq(get("/many", "select=id&body=like.*19999&limit=5"), "[{\"id\":19999}]");
	md_db_stats(t.db, &stats);
	ck_assert_uint_eq(stats.inline_over_budget, 1);
	ck_assert_uint_eq(stats.offloaded, 1);
	stop();
}
END_TEST

START_TEST(opens_a_replaced_file_anew)
{
	char other[80];
	sqlite3 *handle;

	start();
	ck_assert_str_eq(get("/tags", "select=name&id=eq.1"), "[{\"name\":\"red\"}]");
	snprintf(other, sizeof(other), "%s.new", t.path);
	ck_assert_int_eq(sqlite3_open(other, &handle), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(handle, schema, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(handle, "UPDATE tags SET name = 'green' WHERE id = 1", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(handle);
	ck_assert_int_eq(rename(other, t.path), 0);
	usleep(1100 * 1000); /* it looks once a second */
	end_turn();
	ck_assert_str_eq(get("/tags", "select=name&id=eq.1"), "[{\"name\":\"green\"}]");
	unlink(t.path);
	usleep(1100 * 1000);
	end_turn();
	ck_assert_str_eq(get("/tags", "select=name&id=eq.1"), "PGRST000");
	stop();
}
END_TEST

/* Fail each allocation once: the request fails with 53200, or does not need it; the next one is
 * right. */
START_TEST(survives_a_failure_of_every_allocation)
{
	static const char query[] =
		"select=id,author:users!author_id(name,profiles(bio)),tags!inner(name)"
		"&tags.name=like.r*&order=author(name)&data=is.null&limit=1";
	static const char good[] = "select=id,tags!inner(name)&tags.name=eq.red";
	int failed = 0;

	for (int n = 0;; n++) {
		const char *answer;

		start();
		fault_arm(n);
		answer = get("/posts",
			     n % 2 ? query : "select=id,tags(name)&id=in.(1,2,3)&order=id");
		if (!fault_fired() && n % 2 == 0) {
			fault_disarm();
			stop();
			break;
		}
		if (fault_fired() && answer == t.error.wire)
			failed += strcmp(answer, "53200") == 0;
		fault_disarm();
		ck_assert_str_eq(get("/posts", good), "[{\"id\":1,\"tags\":[{\"name\":\"red\"}]}]");
		stop();
		ck_assert_int_lt(n, 500);
	}
	ck_assert_int_gt(failed, 10);
}
END_TEST

START_TEST(caps_rows_of_lists_and_embeds)
{
	start_with(2000, 1);
	ck_assert_str_eq(get("/tags", "select=id&order=id"), "[{\"id\":1}]");
	ck_assert_str_eq(get("/posts", "select=id,tags(id)&tags.order=id&id=eq.1"),
			 "[{\"id\":1,\"tags\":[{\"id\":1}]}]");
	stop();
}
END_TEST

SUITE_MAIN("read", reads_columns, filters, embeds, reads_items_and_their_relationships,
	   counts_and_cuts_pages, compiles_a_shape_once, streams_a_large_answer_in_order,
	   gives_a_read_over_its_budget_to_a_reader, opens_a_replaced_file_anew,
	   survives_a_failure_of_every_allocation, caps_rows_of_lists_and_embeds)
