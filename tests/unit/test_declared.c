/* Models from definition files, and what a client sees of them. */
#include <jansson.h>
#include <string.h>

#include "core/db/schema.h"
#include "core/migrate/ddl.h"
#include "core/model/define.h"
#include "core/model/registry.h"
#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"
#include "tests/unit/ddl_random.h"

static const char blog[] =
	"{\"version\": 1, \"models\": {"
	"\"User\": {\"description\": \"People\", \"fields\": {"
	"  \"username\": \"string(80) unique\","
	"  \"mail\": {\"type\": \"string\", \"nullable\": true, \"column\": \"e-mail\"},"
	"  \"password\": \"string? hidden\","
	"  \"pin\": {\"type\": \"string\", \"nullable\": true, \"writeonly\": true},"
	"  \"active\": \"boolean = true\","
	"  \"big\": {\"type\": \"bigint\", \"nullable\": true, \"json_number\": \"string\"},"
	"  \"born\": \"datetime?\"},"
	" \"relations\": {\"posts\": {\"model\": \"Post\", \"uselist\": true, \"via\": "
	"\"author_id\","
	"   \"back_populates\": \"author\", \"order_by\": [\"title desc\"]},"
	"  \"profile\": \"Profile? <-> user\"}},"
	"\"Profile\": {\"fields\": {\"user_id\": {\"references\": \"User\", \"unique\": true,"
	"   \"column\": \"owner\"}, \"bio\": \"text?\"},"
	" \"relations\": {\"user\": {\"model\": \"User\", \"back_populates\": \"profile\", "
	"\"load\": "
	"\"always\"}}},"
	"\"Post\": {\"fields\": {\"title\": \"string(200)\", \"author_id\": \"-> User\","
	"  \"editor_id\": {\"references\": \"User\", \"nullable\": true, \"hidden\": true}},"
	" \"relations\": {\"author\": \"User via author_id <-> posts\", \"tags\": \"Tag[] via "
	"PostTag\","
	"   \"labels\": \"Tag[] via PostTag\", \"notes\": \"Tag[] via Note\"}},"
	"\"Tag\": {\"table\": \"tags\", \"fields\": {\"name\": \"string(50) unique\"}},"
	"\"PostTag\": {\"table\": \"post_tags\", \"fields\": {\"post_id\": \"-> Post pk\","
	"  \"tag_id\": \"-> Tag pk\"}},"
	"\"Note\": {\"fields\": {\"post_id\": \"-> Post\", \"tag_id\": \"-> Tag\"}},"
	"\"Node\": {\"fields\": {\"parent_id\": \"-> Node?\"}, \"relations\": {"
	"  \"parent\": \"Node <-> children\", \"children\": \"Node[] <-> parent\"}},"
	"\"Secret\": {\"read_only\": true, \"fields\": {\"key\": \"string(8) pk\","
	"  \"x\": \"int?\"}}"
	"}}";

static const char rows[] =
	"INSERT INTO \"user\" (username, \"e-mail\", password, pin, active, big, born) VALUES"
	" ('ann', 'ann@x.org', 'p1', '11', 1, 9007199254740993, "
	"'2020-02-29T23:59:59.120000+00:00'),"
	" ('bob', NULL, 'p2', '22', 0, NULL, NULL);"
	"INSERT INTO profile (owner, bio) VALUES (1, 'bio');"
	"INSERT INTO post (title, author_id, editor_id) VALUES ('a', 1, 2), ('b', 1, NULL);"
	"INSERT INTO tags (name) VALUES ('red'), ('blue');"
	"INSERT INTO post_tags VALUES (1, 1), (1, 2); INSERT INTO note (post_id, tag_id) VALUES "
	"(2, 1);"
	"INSERT INTO node (parent_id) VALUES (NULL), (1);"
	"INSERT INTO secret VALUES ('s1', 1);";

static void begin(void)
{
	store_start_models(NULL, blog);
	store_execute(rows);
}

#define ck_get(path, query, expected) ck_assert_str_eq(store_get(path, query), expected)
/* The code, and what the message holds. */
#define ck_refused(path, query, code, part)                                                   \
	do {                                                                                  \
		ck_assert_str_eq(store_get(path, query), code);                               \
		ck_assert_msg(strstr(store.error.message, part) != NULL, "%s is in %s", part, \
			      store.error.message);                                           \
	} while (0)

START_TEST(serves_fields_under_their_names)
{
	begin();
	ck_get("/user", "id=eq.1",
	       "[{\"id\":1,\"username\":\"ann\",\"mail\":\"ann@x.org\",\"active\":true,"
	       "\"big\":\"9007199254740993\",\"born\":\"2020-02-29T23:59:59.12+00:00\"}]");
	ck_get("/User", "select=username&mail=like.ann*&order=mail", "[{\"username\":\"ann\"}]");
	ck_get("/user", "select=active&mail=is.null", "[{\"active\":false}]");
	ck_refused("/user", "select=e-mail", "42703", "column user.e-mail does not exist");
	ck_refused("/Users", "", "PGRST205", "'public.Users'");
	store_stop();
}
END_TEST

START_TEST(keeps_what_is_hidden_to_itself)
{
	static const char *const queries[] = {
		"select=password", "password=eq.p1", "order=password",         "select=pin",
		"pin=eq.11",       "order=pin",      "select=posts(password)", "select=passwrd",
		"select=pim"
	};

	begin();
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		ck_assert_msg(strcmp(store_get("/user", queries[i]), "42703") == 0, "%s: %s",
			      queries[i], store.answer);
		ck_assert_msg(!strstr(store.error.hint, "password") &&
				      !strstr(store.error.hint, "pin"),
			      "%s", store.error.hint);
	}
	ck_get("/user/1", "depth=0",
	       "{\"id\":1,\"username\":\"ann\",\"mail\":\"ann@x.org\",\"active\":true,"
	       "\"big\":\"9007199254740993\",\"born\":\"2020-02-29T23:59:59.12+00:00\"}");
	/* A hidden foreign key is no way to an embed, but the relation itself is there. */
	ck_refused("/post", "select=editor_id(id)", "PGRST200", "'editor_id'");
	store_stop();
}
END_TEST

START_TEST(writes_what_is_only_written)
{
	const struct md_write_ask post = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_ROWS };
	const struct md_write_ask keys = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_KEYS };

	begin();
	ck_assert_str_eq(store_write("/user", "select=id,mail",
				     "{\"username\":\"cid\",\"pin\":\"33\",\"mail\":\"c@x\"}",
				     post),
			 "[{\"id\":3,\"mail\":\"c@x\"}]");
	ck_get("/user", "select=username&id=eq.3", "[{\"username\":\"cid\"}]");
	ck_assert_str_eq(store_write("/user", "", "{\"username\":\"x\",\"password\":\"y\"}", post),
			 "PGRST204");
	ck_assert_str_eq(store_write("/User", "", "{\"username\":\"dan\"}", keys), "");
	ck_assert_str_eq(store.written.location, "?id=eq.4");
	/* Relations that are always loaded are part of what a write gives back. */
	ck_assert_str_eq(
		store_write("/profile", "", "{\"user_id\":2}", post),
		"[{\"id\":2,\"user_id\":2,\"bio\":null,\"user\":{\"id\":2,\"username\":\"bob\","
		"\"mail\":null,\"active\":false,\"big\":null,\"born\":null}}]");
	store_stop();
}
END_TEST

START_TEST(embeds_by_every_name_of_a_relation)
{
	static const char *const same[] = { "author(username)", "author:author_id(username)",
					    "author:post_author_id_fkey(username)",
					    "author:user!author(username)",
					    "author:User!author_id(username)" };

	begin();
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		char query[128] = "id=eq.1&select=title,";

		strcat(query, same[i]);
		ck_get("/post", query, "[{\"title\":\"a\",\"author\":{\"username\":\"ann\"}}]");
	}
	ck_get("/profile", "select=user_id(username)", "[{\"user_id\":{\"username\":\"ann\"}}]");
	ck_get("/profile", "select=user(username)", "[{\"user\":{\"username\":\"ann\"}}]");
	ck_get("/profile", "select=User(username)", "[{\"User\":{\"username\":\"ann\"}}]");
	ck_get("/user", "select=profile(bio)&id=eq.2", "[{\"profile\":null}]");
	ck_refused("/post", "select=user(username)", "PGRST201", "'post' and 'user'");
	ck_assert_ptr_nonnull(strstr(store.error.hint, "'author'"));
	ck_assert_ptr_null(strstr(store.error.details, "editor_id)"));
	ck_refused("/post", "select=autor(username)", "PGRST200", "'autor'");
	ck_assert_ptr_nonnull(strstr(store.error.hint, "'author'"));
	store_stop();
}
END_TEST

START_TEST(follows_junctions_and_circles)
{
	begin();
	ck_get("/post/1", "select=tags(name),labels(name)",
	       "{\"tags\":[{\"name\":\"red\"},{\"name\":\"blue\"}],"
	       "\"labels\":[{\"name\":\"red\"},{\"name\":\"blue\"}]}");
	ck_get("/post/2", "select=notes(name),tags(name)",
	       "{\"notes\":[{\"name\":\"red\"}],\"tags\":[]}");
	ck_get("/tags/1", "select=post!post_tags(title)", "{\"post\":[{\"title\":\"a\"}]}");
	ck_get("/tags/1", "select=post!Note(title)", "{\"post\":[{\"title\":\"b\"}]}");
	ck_get("/node", "select=id,parent(id),children(id)",
	       "[{\"id\":1,\"parent\":null,\"children\":[{\"id\":2}]},"
	       "{\"id\":2,\"parent\":{\"id\":1},\"children\":[]}]");
	ck_get("/node", "select=id,node(id),parent_id(id)&id=eq.1",
	       "[{\"id\":1,\"node\":[{\"id\":2}],\"parent_id\":null}]");
	store_stop();
}
END_TEST

START_TEST(loads_and_orders_as_declared)
{
	begin();
	ck_get("/user/1", "select=posts(title)",
	       "{\"posts\":[{\"title\":\"b\"},{\"title\":\"a\"}]}");
	ck_get("/user/1", "select=posts(title)&posts.order=title",
	       "{\"posts\":[{\"title\":\"a\"},{\"title\":\"b\"}]}");
	ck_get("/user/1", "select=posts(title)&posts.limit=1", "{\"posts\":[{\"title\":\"b\"}]}");
	ck_get("/user/1/posts", "select=title", "[{\"title\":\"b\"},{\"title\":\"a\"}]");
	ck_get("/profile", "bio=eq.bio&limit=5",
	       "[{\"id\":1,\"user_id\":1,\"bio\":\"bio\",\"user\":{\"id\":1,\"username\":\"ann\","
	       "\"mail\":\"ann@x.org\",\"active\":true,\"big\":\"9007199254740993\","
	       "\"born\":\"2020-02-29T23:59:59.12+00:00\"}}]");
	ck_get("/profile", "select=bio", "[{\"bio\":\"bio\"}]");
	ck_get("/user/1/profile", "", "{\"id\":1,\"user_id\":1,\"bio\":\"bio\"}");
	store_stop();
}
END_TEST

START_TEST(compares_kept_values_by_what_they_mean)
{
	begin();
	ck_get("/user", "select=id&born=eq.2020-03-01T01:59:59.12%2B02:00", "[{\"id\":1}]");
	ck_get("/user", "select=id&born=gt.2020-02-29T23:59:59.1Z", "[{\"id\":1}]");
	ck_get("/user", "select=id&born=lt.2020-02-29", "[]");
	ck_get("/user", "select=id&active=is.true", "[{\"id\":1}]");
	ck_refused("/user", "born=eq.2020-02-29T23:59:59", "22007", "timestamp with time zone");
	ck_assert_ptr_nonnull(strstr(store.error.hint, "offset"));
	ck_refused("/user", "born=eq.2020-02-30", "22008", "out of range");
	store_stop();
}
END_TEST

START_TEST(keeps_long_decimals_and_bytes)
{
	const struct md_write_ask post = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_ROWS };

	store_start_models(NULL, "{\"version\":1,\"models\":{\"Sum\":{\"fields\":{"
				 "\"d\":\"decimal(30,4) = 0.1000\",\"b\":\"bytes?\",\"t\":"
				 "{\"type\":\"time\",\"nullable\":true,\"column\":\"T t\"}}}}}");
	ck_assert_str_eq(store_write("/sum", "select=d,b,t",
				     "[{\"d\":12345678901234567890.1200,\"b\":\"AAEC\","
				     "\"t\":\"9:30\"},"
				     "{\"d\":\"9\",\"b\":\"\\\\x00ff\",\"t\":null}]",
				     post),
			 "[{\"d\":\"12345678901234567890.12\",\"b\":\"\\\\x000102\","
			 "\"t\":\"09:30:00\"},"
			 "{\"d\":\"9\",\"b\":\"\\\\x00ff\",\"t\":null}]");
	store_execute("INSERT INTO sum DEFAULT VALUES");
	ck_get("/sum", "select=d&order=d.desc",
	       "[{\"d\":\"12345678901234567890.12\"},{\"d\":\"9\"},{\"d\":\"0.1\"}]");
	ck_get("/sum", "select=d&d=gt.12345678901234567890.11",
	       "[{\"d\":\"12345678901234567890.12\"}]");
	ck_get("/sum", "select=id&d=eq.00.10", "[{\"id\":3}]");
	ck_get("/sum", "select=id&b=eq.AAEC", "[{\"id\":1}]");
	ck_get("/sum", "select=id&t=lte.09:30", "[{\"id\":1}]");
	store_stop();
}
END_TEST

START_TEST(refuses_a_model_whose_table_differs)
{
	const struct md_write_ask post = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_COUNT };
	const struct md_differences *all;
	const struct md_model *user;

	store_start_models("CREATE TABLE \"user\" (id INTEGER PRIMARY KEY, username TEXT NOT NULL, "
			   "active BLOB); CREATE TABLE post (id INTEGER PRIMARY KEY AUTOINCREMENT, "
			   "title TEXT NOT NULL, author_id INTEGER NOT NULL, editor_id INTEGER);"
			   "CREATE TABLE other (x)",
			   blog);
	ck_refused("/user", "", "MD503", "the table of model User differs from its definition");
	ck_assert_str_eq(store.error.details, "user.e-mail: the column is missing");
	ck_assert_str_eq(store_write("/user", "", "{}", post), "MD503");
	user = md_registry_find(store.registry, MD_STR("User"));
	ck_assert(user->broken && user->field_count == 0 && user->relation_count == 0);
	ck_assert_uint_gt(user->difference_count, 2);
	/* Nothing leads through it. */
	ck_refused("/post", "select=author(id)", "PGRST200", "'author'");
	ck_get("/post", "select=title", "[]");
	ck_refused("/other", "", "PGRST205", "other");
	all = md_registry_differences(store.registry);
	ck_assert_uint_gt(all->blocking, 0);
	ck_assert_ptr_null(all->items[all->count - 1].model);
	ck_assert_str_eq(all->items[all->count - 1].table, "other");
	store_stop();
}
END_TEST

/* Columns that no field has are not served; keys and indexes with them neither. */
START_TEST(maps_keys_and_indexes_to_fields)
{
	const struct md_model *m;
	unsigned on_d = 0;

	store_start_models(
		"CREATE TABLE a (extra TEXT, id INTEGER PRIMARY KEY, c TEXT, b TEXT NOT "
		"NULL UNIQUE, d TEXT); CREATE INDEX a_d ON a (d); CREATE UNIQUE INDEX a_e "
		"ON a (b, extra); CREATE INDEX a_x ON a (extra, c);",
		"{\"version\":1,\"models\":{\"A\":{\"fields\":{\"b\":\"text unique\","
		"\"id\":\"int pk\",\"see\":{\"type\":\"text\",\"nullable\":true,\"column\":\"c\"},"
		"\"d\":\"text? index\"}}}}");
	m = md_registry_find(store.registry, MD_STR("a"));
	ck_assert_ptr_eq(m, md_registry_find(store.registry, MD_STR("A")));
	ck_assert_uint_eq(m->field_count, 4);
	ck_assert_str_eq(m->fields[0].name.ptr, "b");
	ck_assert_uint_eq(m->keys_count, 2);
	ck_assert_ptr_eq(m->key[0], &m->fields[1]);
	ck_assert_ptr_eq(m->keys[1].fields[0], &m->fields[0]);
	ck_assert(m->fields[0].unique && m->fields[3].indexed && !m->fields[2].indexed);
	for (unsigned i = 0; i < m->index_count; i++) {
		ck_assert_uint_eq(m->indexes[i].count, 1);
		on_d += m->indexes[i].columns[0] == 3;
	}
	ck_assert_uint_eq(on_d, 1);
	ck_assert_ptr_eq(md_model_column(m, MD_STR("c")), &m->fields[2]);
	ck_assert_ptr_null(md_model_column(m, MD_STR("see")));
	ck_assert_ptr_null(md_model_column(m, MD_STR("extra")));
	ck_assert_ptr_null(md_model_field(m, MD_STR("c")));
	store_stop();
}
END_TEST

/* --- the document ------------------------------------------------------------------------------
 */

START_TEST(tells_models_as_they_are_declared)
{
	json_t *json, *model;
	char *text;

	store_start_models("CREATE TABLE x (y)", blog);
	json = md_registry_to_json(store.registry, NULL);
	text = json_dumps(json, JSON_COMPACT);
	ck_assert_ptr_null(strstr(text, "password"));
	ck_assert_ptr_null(strstr(text, "editor_id\""));
	ck_assert_ptr_nonnull(strstr(text, "\"model\":\"User\""));
	ck_assert_ptr_nonnull(strstr(text, "\"description\":\"People\""));
	ck_assert_ptr_nonnull(strstr(text, "\"name\":\"big\",\"type\":\"bigint\""));
	ck_assert_ptr_nonnull(strstr(text, "\"max_length\":80"));
	ck_assert_ptr_nonnull(strstr(text, "\"broken\":false,\"differences\":[]"));
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(json, "differences"), 0), "table")),
			 "x");
	free(text);
	json_decref(json);
	store_stop();
	store_start_models("CREATE TABLE tags (id INTEGER PRIMARY KEY)", blog);
	model = md_registry_to_json(store.registry,
				    md_registry_find(store.registry, MD_STR("tags")));
	text = json_dumps(model, JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(text, "\"broken\":true"));
	ck_assert_ptr_nonnull(strstr(text, "\"text\":\"the column is missing\""));
	free(text);
	json_decref(model);
	store_stop();
}
END_TEST

/* --- properties --------------------------------------------------------------------------------
 */

struct made {
	struct md_arena *arena;
	const struct md_definitions *definitions;
	const struct md_catalog *catalog;
	struct md_registry *registry;
};

/* Tables of the definitions in an empty database in memory. */
static void make(struct made *made, const char *text)
{
	const struct md_def_source source = { "models.json", md_str_of(text) };
	const struct md_db_schema_options options = { .url = "sqlite:///x.db", .scratch = true };
	struct md_def_report report = { .items = NULL };
	struct md_db_schema *schema = NULL;
	struct md_ddl_plan plan;
	struct md_error err;
	bool wanted[RANDOM_MODELS + 16];

	md_error_clear(&err);
	memset(wanted, true, sizeof(wanted));
	made->arena = md_arena_new(1u << 24);
	ck_assert_int_eq(md_definitions_load(&source, 1, NULL, MD_ENGINE_SQLITE, &report,
					     &made->definitions, &err),
			 MD_OK);
	md_def_report_release(&report);
	ck_assert_int_eq(md_db_schema_open(&options, &schema, &err), MD_OK);
	ck_assert_int_eq(
		md_ddl_plan(&md_sqlite_ddl, made->definitions, wanted, made->arena, &plan, &err),
		MD_OK);
	for (unsigned i = 0; i < plan.count; i++)
		ck_assert_msg(md_db_schema_run(schema, plan.statements[i].sql, &err) == MD_OK, "%s",
			      err.message);
	ck_assert_int_eq(md_db_schema_catalog(schema, made->arena, &made->catalog, &err), MD_OK);
	md_db_schema_close(schema);
}

static enum md_code build(struct made *made, struct md_error *err)
{
	const struct md_registry_source source = { .catalog = made->catalog,
						   .schema = MD_STR("public"),
						   .generation = 1,
						   .definitions = made->definitions };

	return md_registry_build(&source, &made->registry, err);
}

/* Every relation of the file is found by its name and leads where the file says; every field that
 * may be seen is found, and no other. */
static void check_model(const struct made *made, const struct md_def_model *def)
{
	const struct md_model *model = md_registry_find(made->registry, md_str_of(def->table));

	ck_assert_ptr_eq(model->def, def);
	ck_assert(!model->broken);
	ck_assert_uint_eq(model->field_count, def->field_count);
	ck_assert_uint_eq(model->key_count, def->key_count);
	for (unsigned i = 0; i < def->field_count; i++) {
		const struct md_def_field *field = &def->fields[i];
		const struct md_field *found = md_model_field(model, md_str_of(field->name));

		ck_assert_ptr_eq(md_model_column(model, md_str_of(md_def_column(field))),
				 &model->fields[i]);
		ck_assert_ptr_eq(found,
				 field->hidden || field->writeonly ? NULL : &model->fields[i]);
		ck_assert_ptr_eq(md_model_input(model, md_str_of(field->name)),
				 field->hidden ? NULL : &model->fields[i]);
	}
	for (unsigned i = 0; i < model->relation_count; i++) {
		ck_assert_ptr_eq(model->relations[i].inverse->inverse->local,
				 model->relations[i].local);
		ck_assert_ptr_null(md_model_field(model, model->relations[i].name));
		for (unsigned j = 0; j < i; j++)
			ck_assert(
				!md_str_equal(model->relations[i].name, model->relations[j].name));
	}
	for (unsigned i = 0; i < def->relation_count; i++) {
		const struct md_def_relation *declared = &def->relations[i];
		const struct md_relation *found = NULL;

		ck_assert_int_eq(md_relation_resolve(made->registry, model,
						     md_str_of(declared->name), MD_STR(""), &found,
						     NULL) == MD_OK ||
					 md_relation_resolve(
						 made->registry, model, md_str_of(declared->name),
						 (struct md_str){ NULL, 0 }, &found, NULL) == MD_OK,
				 true);
		ck_assert_ptr_eq(found->to->def, declared->to);
		ck_assert_str_eq(found->name.ptr, declared->name);
		ck_assert_int_eq((int)found->cardinality, (int)declared->cardinality);
		ck_assert_int_eq(found->to_one, declared->to_one);
		ck_assert_ptr_eq(found->local[0]->def, declared->here ? declared->key->fields[0]
								      : declared->key->targets[0]);
	}
}

static void check_all(struct made *made)
{
	struct md_error err = { .code = MD_OK };

	ck_assert_msg(build(made, &err) == MD_OK, "%s", err.message);
	for (unsigned i = 0; i < made->definitions->model_count; i++)
		if (!made->definitions->models[i].abstract)
			check_model(made, &made->definitions->models[i]);
	md_registry_unref(made->registry);
	md_arena_free(made->arena);
}

START_TEST(serves_all_that_random_definitions_declare)
{
	for (uint32_t seed = 0; seed < 300; seed++) {
		md_auto_buf text = MD_BUF(1u << 20);
		struct made made;

		random_definitions(&text, seed);
		make(&made, md_buf_text(&text));
		check_all(&made);
	}
}
END_TEST

START_TEST(serves_all_relations_of_a_blog)
{
	struct made made;

	make(&made, blog);
	check_all(&made);
}
END_TEST

START_TEST(survives_a_failure_of_every_allocation)
{
	struct made made;
	enum md_code code;
	long n = 0;

	fault_disarm();
	make(&made, blog);
	do {
		struct md_error err = { .code = MD_OK };

		made.registry = NULL;
		fault_arm(n++);
		code = build(&made, &err);
		fault_disarm();
		ck_assert_int_eq(err.code, code);
		ck_assert(code == MD_OK || (code == MD_NOMEM && !made.registry));
		ck_assert_int_lt(n, 100000);
	} while (code != MD_OK);
	ck_assert_int_gt(n, 5);
	md_registry_unref(made.registry);
	md_arena_free(made.arena);
}
END_TEST

SUITE_MAIN("declared", serves_fields_under_their_names, keeps_what_is_hidden_to_itself,
	   writes_what_is_only_written, embeds_by_every_name_of_a_relation,
	   follows_junctions_and_circles, loads_and_orders_as_declared,
	   compares_kept_values_by_what_they_mean, keeps_long_decimals_and_bytes,
	   refuses_a_model_whose_table_differs, maps_keys_and_indexes_to_fields,
	   tells_models_as_they_are_declared, serves_all_that_random_definitions_declare,
	   serves_all_relations_of_a_blog, survives_a_failure_of_every_allocation)
