#include "tests/support/store.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/model/define.h"
#include "core/ops/tables.h"
#include "core/query/parse.h"

const char store_schema[] =
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

struct store store;

static const char *more = ""; /* besides the schema */

static void build_database(const char *schema)
{
	char *message = NULL;
	sqlite3 *handle;

	snprintf(store.path, sizeof(store.path), "/tmp/modeld-read-%d.db", (int)getpid());
	snprintf(store.url, sizeof(store.url), "sqlite:///%s", store.path);
	unlink(store.path);
	ck_assert_int_eq(sqlite3_open(store.path, &handle), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(handle, schema, NULL, NULL, &message) == SQLITE_OK, "%s",
		      message);
	ck_assert_msg(sqlite3_exec(handle, more, NULL, NULL, &message) == SQLITE_OK, "%s", message);
	sqlite3_close(handle);
}

static void clean(void)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char name[80];

	for (int i = 0; i < 3 && store.path[0]; i++) {
		snprintf(name, sizeof(name), "%s%s", store.path, tails[i]);
		unlink(name);
	}
}

/* Definitions, with what is missing of their tables made. */
static void declare(const char *models, struct md_arena *arena, struct md_tables *tables,
		    const struct md_definitions **ret_definitions)
{
	const struct md_def_source source = { "models.json", md_str_of(models) };
	struct md_def_report report = { .items = NULL };
	struct md_tables_options options = { .url = store.url, .schema = store.schema };
	unsigned engine = store.path[0] ? MD_ENGINE_SQLITE : MD_ENGINE_POSTGRESQL;
	enum md_code code = md_definitions_load(&source, 1, NULL, engine, &report, ret_definitions,
						&store.error);

	ck_assert_msg(code == MD_OK, "%s: %s", report.items ? report.items[0].place.pointer : "",
		      report.items ? report.items[0].message : store.error.message);
	md_def_report_release(&report);
	options.definitions = *ret_definitions;
	ck_assert_msg(md_tables_create(&options, arena, tables, &store.error) == MD_OK, "%s: %s",
		      store.error.message, store.error.details);
}

static void start(unsigned budget_us, uint64_t max_rows, const char *models)
{
	struct md_registry_source source = { .schema = MD_STR("public"), .generation = 1 };
	struct md_tables tables = { .script_count = 0 };
	const struct md_db_options options = {
		.url = store.url,
		.readers = 2,
		.inline_budget_us = budget_us,
		.statement_timeout_ms = 10000,
		.lock_timeout_ms = 1000,
		.stream_timeout_ms = 10000,
		.queue_timeout_ms = 10000,
		.schema = store.schema,
	};
	struct md_ops_options ops = { .plan_cache = 16,
				      .embeds = 256,
				      .max_rows = max_rows,
				      .nested_depth = 5,
				      .nested_rows = 1000,
				      .aggregates = true,
				      .legacy_names = true,
				      .stream_threshold = 256 * 1024,
				      .stream_piece = 64 * 1024 };
	md_auto_arena arena = md_arena_new(1u << 24);

	if (models)
		declare(models, arena, &tables, &source.definitions);
	source.differences = models ? &tables.differences : NULL;
	ck_assert_int_eq(md_reactor_new(&store.reactor, &store.error), MD_OK);
	ck_assert_msg(md_db_open(&options, &store.db, &store.error) == MD_OK, "%s",
		      store.error.message);
	ck_assert_msg(md_db_catalog(store.db, arena, &source.catalog, &store.error) == MD_OK, "%s",
		      store.error.message);
	ck_assert_int_eq(md_registry_build(&source, &store.registry, &store.error), MD_OK);
	ck_assert_int_eq(md_db_join(store.db, store.reactor, &store.loop, &store.error), MD_OK);
	ops.db = store.loop;
	ops.dialect = md_db_dialect(store.db);
	ops.features = md_db_features(store.db);
	ck_assert_int_eq(md_ops_new(&ops, store.registry, &store.ops, &store.error), MD_OK);
	store.arena = md_arena_new(1u << 20);
	md_buf_init(&store.out, 1u << 26);
}

void store_start_with(unsigned budget_us, uint64_t max_rows)
{
	build_database(store_schema);
	start(budget_us, max_rows, NULL);
}

void store_start_at(const char *url, const char *schema, const char *models)
{
	store.path[0] = '\0';
	store.schema = schema;
	snprintf(store.url, sizeof(store.url), "%s", url);
	start(2000, UINT64_MAX, models);
}

void store_start_models(const char *schema, const char *models)
{
	build_database(schema ? schema : "");
	start(2000, UINT64_MAX, models);
}

void store_start(void)
{
	store_start_with(2000, UINT64_MAX);
}

void store_start_on(const char *sql)
{
	more = sql;
	store_start();
	more = "";
}

void store_stop(void)
{
	md_ops_free(store.ops);
	md_db_leave(store.loop);
	md_db_close(store.db);
	md_reactor_free(store.reactor);
	md_arena_free(store.arena);
	md_buf_release(&store.out);
	clean();
}

static void take_piece(void)
{
	size_t room = sizeof(store.answer) - 1 - strlen(store.answer),
	       len = store.out.len < room ? store.out.len : room;

	if (len > 0)
		strncat(store.answer, store.out.data, len);
	store.bytes += store.out.len;
	store.pieces++;
	md_buf_clear(&store.out);
}

static void ready(struct md_read *read, void *arg)
{
	(void)arg;
	if (md_read_state(read) == MD_READ_PIECE) {
		take_piece();
		md_read_resume(read);
		return;
	}
	store.ended = true;
}

static enum md_code fill_request(const struct store_ask *ask, struct md_read_request *request,
				 struct md_query *query)
{
	static struct md_str key[4];
	struct md_path path;
	enum md_code code = md_parse_path(store.arena, md_str_of(ask->path), &path, &store.error);

	if (code == MD_OK)
		code = md_parse_query(store.arena, md_str_of(ask->query), &md_parse_limits_default,
				      path.count > 1, query, &store.error);
	if (code != MD_OK)
		return code;
	*request = (struct md_read_request){
		.route = (enum md_read_route)(path.count - 1),
		.model = md_registry_find(store.registry, path.segments[0]),
		.query = query,
		.count = ask->count,
		.singular = ask->singular,
		.range = ask->range,
		.deadline_ns = md_now_ns() + 20 * MD_SEC,
		.session = store.session,
		.arena = store.arena,
		.out = &store.out,
		.ready = ready,
	};
	if (!request->model)
		return md_registry_fail_model(store.registry, path.segments[0], &store.error);
	if (path.count > 1) {
		code = md_parse_key(store.arena, path.segments[1], request->model->key_count, key,
				    &store.error);
		request->key = key;
	}
	if (path.count > 2)
		request->relationship = path.segments[2];
	return code;
}

static void note_turn(struct md_task *task)
{
	task->run = NULL;
	store.ended = true;
}

/* The turn in which an inline read ran comes to its end: snapshot closed, clock read. */
void store_end_turn(void)
{
	struct md_task task = { .run = note_turn };

	store.ended = false;
	md_reactor_post(store.reactor, &task);
	md_reactor_run(store.reactor, &store.ended);
}

/* The answer, or the wire code of the failure. */
const char *store_run(struct store_ask ask)
{
	struct md_read_request request;
	struct md_query query;
	struct md_read *read;

	md_arena_reset(store.arena, 1u << 20);
	md_buf_clear(&store.out);
	store.answer[0] = '\0';
	store.pieces = 0;
	store.bytes = 0;
	store.ended = false;
	if (fill_request(&ask, &request, &query) != MD_OK)
		return store.error.wire;
	if (!md_read_start(store.ops, &request, &read))
		md_reactor_run(store.reactor, &store.ended);
	if (!read) {
		md_fail_nomem(&store.error);
		return store.error.wire;
	}
	store_end_turn();
	store.result = *md_read_result(read);
	if (md_read_state(read) == MD_READ_FAILED) {
		store.error = *md_read_error(read);
		return store.error.wire;
	}
	take_piece();
	return store.answer;
}

const char *store_get(const char *path, const char *query)
{
	return store_run((struct store_ask){ .path = path, .query = query });
}

void store_execute(const char *sql)
{
	char *message = NULL;
	sqlite3 *handle;

	ck_assert_int_eq(sqlite3_open(store.path, &handle), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(handle, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
	sqlite3_close(handle);
}

void store_begin(void)
{
	const struct md_session_options options = { .writes = false };

	ck_assert_int_eq(md_session_open(store.loop, &options, &store.session, &store.error),
			 MD_OK);
}

static void committed(struct md_session *session, const struct md_error *err, void *arg)
{
	(void)arg;
	store.error = *err;
	store.session = md_session_close(session);
	store.ended = true;
}

enum md_code store_commit(void)
{
	store.ended = false;
	md_session_commit(store.session, committed, NULL);
	md_reactor_run(store.reactor, &store.ended);
	return store.error.code;
}

static void write_ready(struct md_write *write, void *arg)
{
	(void)write;
	(void)arg;
	store.ended = true;
}

static enum md_code open_body(const char *text, struct md_write_ask *ask)
{
	static const struct md_body_limits limits = { .size = 1u << 20,
						      .string = 1u << 20,
						      .number = 1000,
						      .depth = 64,
						      .nodes = 100000,
						      .keys = 1000,
						      .rows = 100000 };
	struct md_str *columns = NULL;
	unsigned count = 0;
	enum md_code code = MD_OK;

	if (!text)
		return MD_OK;
	if (md_str_is_given(ask->query->columns))
		code = md_parse_columns(store.arena, ask->query->columns, &columns, &count,
					&store.error);
	if (code != MD_OK)
		return code;
	return md_body_open(store.arena, ask->texts ? MD_BODY_CSV : MD_BODY_JSON, md_str_of(text),
			    &limits, columns, count, &ask->body, &store.error);
}

static enum md_code fill_write(const char *path, const char *query, const char *body,
			       struct md_write_ask *ask)
{
	struct md_read_request request;
	static struct md_query parsed;
	const struct store_ask get = { .path = path, .query = query };
	enum md_code code = fill_request(&get, &request, &parsed);

	if (code != MD_OK)
		return code;
	ask->model = request.model;
	ask->key = request.key;
	ask->query = &parsed;
	ask->deadline_ns = request.deadline_ns;
	ask->arena = store.arena;
	ask->out = &store.out;
	ask->ready = write_ready;
	return open_body(body, ask);
}

const char *store_write(const char *path, const char *query, const char *body,
			struct md_write_ask settings)
{
	struct md_write *write;

	md_arena_reset(store.arena, 1u << 22);
	md_buf_clear(&store.out);
	store.answer[0] = '\0';
	store.pieces = 0;
	store.bytes = 0;
	store.ended = false;
	settings.session = store.session;
	if (fill_write(path, query, body, &settings) != MD_OK)
		return store.error.wire;
	if (!md_write_start(store.ops, &settings, &write))
		md_reactor_run(store.reactor, &store.ended);
	if (!write) {
		md_fail_nomem(&store.error);
		return store.error.wire;
	}
	store.written = *md_write_result(write);
	if (md_write_state(write) == MD_READ_FAILED) {
		store.error = *md_write_error(write);
		return store.error.wire;
	}
	take_piece();
	return store.answer;
}
