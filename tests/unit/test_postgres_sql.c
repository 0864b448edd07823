/* The text of PostgreSQL's SQL, which comes from the shape of a request and never from its values.
 */
#include <stdio.h>

#include "core/query/parse.h"
#include "core/query/plan.h"
#include "tests/support/suite.h"
#include "tests/unit/model_sample.h"

static const char tables[] =
	"clients(id*, name) ;projects(id*, title?, data, tags, client_id?, doc) client: client_id "
	"> clients(id) ;jobs(id*, a, project_id?) job_project: project_id > projects(id) "
	";people(id*, name, boss_id?) boss: boss_id > people(id) ;members(project_id*, person_id*) "
	"m_project: project_id > projects(id) m_person: person_id > people(id)";

struct rig {
	struct md_arena *arena;
	struct md_registry *registry;
	struct md_error err;
	struct md_plan *plan;
	struct md_query query;
	struct md_walk walk;
	struct md_plan_request request;
	char text[8192];
};
static struct rig rig;

static const struct {
	const char *table, *column;
	enum md_type type;
} types[] = { { "projects", "data", MD_TYPE_JSON }, { "projects", "tags", MD_TYPE_OTHER } };

static enum md_type type_of(const char *table, const char *column)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].table, table) == 0 && strcmp(types[i].column, column) == 0)
			return types[i].type;
	return strcmp(column, "id") == 0 ? MD_TYPE_INT4 : MD_TYPE_TEXT;
}

/* The sample with types, in a schema. */
static struct md_catalog typed_catalog(void)
{
	struct md_catalog catalog = sample_catalog(rig.arena, tables);
	struct md_catalog_table *copy = md_arena_alloc(rig.arena, catalog.count * sizeof(*copy));

	memcpy(copy, catalog.tables, catalog.count * sizeof(*copy));
	for (unsigned i = 0; i < catalog.count; i++) {
		size_t size = copy[i].column_count * sizeof(struct md_catalog_column);
		struct md_catalog_column *columns = md_arena_alloc(rig.arena, size);

		memcpy(columns, copy[i].columns, size);
		for (unsigned k = 0; k < copy[i].column_count; k++)
			columns[k].type = type_of(copy[i].name, columns[k].name);
		copy[i].schema = "app";
		copy[i].columns = columns;
	}
	catalog.tables = copy;
	return catalog;
}

static void start(void)
{
	struct md_catalog catalog;

	rig.arena = md_arena_new(1u << 24);
	catalog = typed_catalog();
	ck_assert_int_eq(md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
									 .schema = MD_STR("app") },
					   &rig.registry, &rig.err),
			 MD_OK);
}

static void stop(void)
{
	md_plan_free(rig.plan);
	md_registry_unref(rig.registry);
	md_arena_free(rig.arena);
	rig.plan = NULL;
}

static const struct md_plan_context *context(void)
{
	static struct md_plan_context c;

	c = (struct md_plan_context){ .registry = rig.registry,
				      .dialect = &md_postgres_dialect,
				      .embeds = 100,
				      .max_rows = UINT64_MAX };
	return &c;
}

/* The SQL of a GET, or the wire code of the failure. */
static const char *sql_of(const char *model, const char *query)
{
	md_auto_buf key = MD_BUF(1u << 16);

	if (md_parse_query(rig.arena, md_str_of(query), &md_parse_limits_default,
			   rig.request.route != MD_READ_LIST, &rig.query, &rig.err) != MD_OK)
		return rig.err.wire;
	rig.request.model = md_registry_find(rig.registry, md_str_of(model));
	rig.request.query = &rig.query;
	rig.request.array_lists = true;
	rig.request.has_limit = rig.query.root.has_limit;
	rig.request.limit = rig.query.root.limit;
	rig.request.has_offset = rig.query.root.has_offset;
	ck_assert_int_eq(md_plan_key(&rig.request, &key, &rig.walk, &rig.err), MD_OK);
	rig.plan = md_plan_free(rig.plan);
	if (md_plan_build(&rig.request, &rig.walk, context(), &rig.plan, &rig.err) != MD_OK)
		return rig.err.wire;
	return rig.plan->select.stmt.sql;
}

/* The conditions alone. */
static const char *where_of(const char *model, const char *query)
{
	const char *sql = sql_of(model, query), *where = strstr(sql, " WHERE ");

	return where ? where + 7 : sql;
}

/* The arguments as text, each followed by a bar. */
static const char *args_of(const struct md_plan_stmt *stmt)
{
	static const struct md_str key[] = { { "7", 1 }, { "8", 1 } };
	const struct md_plan_values values = {
		.query = &rig.query, .walk = &rig.walk, .key = key, .offset = 5, .arena = rig.arena
	};
	struct md_value args[64];

	if (md_plan_bind(stmt, &values, args, &rig.err) != MD_OK)
		return rig.err.wire;
	rig.text[0] = '\0';
	for (unsigned i = 0; i < stmt->stmt.params; i++) {
		size_t len = strlen(rig.text);

		if (args[i].type == MD_INT)
			snprintf(rig.text + len, sizeof(rig.text) - len, "%lld|",
				 (long long)args[i].i);
		else
			snprintf(rig.text + len, sizeof(rig.text) - len, "%.*s|", (int)args[i].len,
				 args[i].text);
	}
	return rig.text;
}

START_TEST(columns_come_as_text_and_others_as_json)
{
	start();
	ck_assert_str_eq(sql_of("projects", "select=id,title,data,tags"),
			 "SELECT t0.\"id\",t0.\"title\",t0.\"data\",to_json(t0.\"tags\") FROM "
			 "\"app\".\"projects\" AS t0");
	ck_assert_str_eq(
		sql_of("projects", "select=id::text,title::my_type,n:data::time with time zone"),
		"SELECT CAST(t0.\"id\" AS text),to_json(CAST(t0.\"title\" AS "
		"\"my_type\")),to_json(CAST(t0.\"data\" AS timetz)) FROM "
		"\"app\".\"projects\" AS t0");
	stop();
}
END_TEST

START_TEST(a_cast_is_a_name_and_nothing_else)
{
	start();
	ck_assert_str_eq(sql_of("clients", "select=id::1 UNION SELECT x FROM y"),
			 "SELECT to_json(CAST(t0.\"id\" AS \"1 union select x from y\")) FROM "
			 "\"app\".\"clients\" AS t0");
	ck_assert_str_eq(
		sql_of("clients", "select=id::Mood"),
		"SELECT to_json(CAST(t0.\"id\" AS \"mood\")) FROM \"app\".\"clients\" AS t0");
	stop();
}
END_TEST

START_TEST(filters_are_typed_by_the_server)
{
	start();
	ck_assert_str_eq(where_of("projects", "id=eq.abc&title=like.a*"),
			 "(t0.\"id\" = $1) AND (t0.\"title\" LIKE $2)");
	ck_assert_str_eq(args_of(&rig.plan->select), "abc|a%|");
	ck_assert_str_eq(where_of("projects", "title=not.ilike.x&tags=cs.{a,b}"),
			 "NOT (t0.\"title\" ILIKE $1) AND (t0.\"tags\" @> $2)");
	ck_assert_str_eq(args_of(&rig.plan->select), "x|{a,b}|");
	ck_assert_str_eq(where_of("projects", "tags=sl.[1,2]&tags=sr.[1,2]&tags=nxr.[1,2]&tags=nxl."
					      "[1,2]&tags=adj.[1,2]&tags=ov.[1,2]&tags=cd.[1,2]"),
			 "(t0.\"tags\" << $1) AND (t0.\"tags\" >> $2) AND (t0.\"tags\" &< $3) AND "
			 "(t0.\"tags\" &> $4) AND (t0.\"tags\" -|- $5) AND (t0.\"tags\" && $6) AND "
			 "(t0.\"tags\" <@ $7)");
	ck_assert_str_eq(where_of("projects", "title=match.^a&title=imatch.b&title=isdistinct.c"),
			 "(t0.\"title\" ~ $1) AND (t0.\"title\" ~* $2) AND (t0.\"title\" IS "
			 "DISTINCT FROM $3)");
	ck_assert_str_eq(
		where_of("projects", "title=is.true&id=is.unknown&tags=is.null"),
		"(t0.\"title\" IS TRUE) AND (t0.\"id\" IS UNKNOWN) AND (t0.\"tags\" IS NULL)");
	stop();
}
END_TEST

START_TEST(lists_are_one_parameter)
{
	start();
	ck_assert_str_eq(where_of("projects", "title=in.(a,\"b,\\\"c\",d\\\\)&id=in.()"),
			 "(t0.\"title\" = ANY($1)) AND (false)");
	ck_assert_str_eq(where_of("projects", "title=in.(a,\"b,\\\"c\",NULL,{x})"),
			 "(t0.\"title\" = ANY($1))");
	ck_assert_str_eq(args_of(&rig.plan->select), "{\"a\",\"b,\\\"c\",\"NULL\",\"{x}\"}|");
	ck_assert_str_eq(where_of("projects", "title=like(any).{a*,*b}&id=gt(all).{1,2}"),
			 "(t0.\"title\" LIKE ANY($1)) AND (t0.\"id\" > ALL($2))");
	ck_assert_str_eq(args_of(&rig.plan->select), "{\"a%\",\"%b\"}|{\"1\",\"2\"}|");
	stop();
}
END_TEST

START_TEST(text_search_makes_texts_searchable)
{
	start();
	ck_assert_str_eq(where_of("projects", "title=fts.a&tags=plfts(german).b"),
			 "(to_tsvector(t0.\"title\") @@ to_tsquery($1)) AND (t0.\"tags\" @@ "
			 "plainto_tsquery($2::regconfig, $3))");
	ck_assert_str_eq(args_of(&rig.plan->select), "a|german|b|");
	ck_assert_str_eq(where_of("projects", "data->>x=wfts(english).c&title=not.phfts.d"),
			 "(to_tsvector($2::regconfig, (t0.\"data\" ->> $1::text)) @@ "
			 "websearch_to_tsquery($2::regconfig, $3)) AND NOT "
			 "(to_tsvector(t0.\"title\") @@ phraseto_tsquery($4))");
	stop();
}
END_TEST

START_TEST(paths_are_parameters)
{
	start();
	ck_assert_str_eq(sql_of("projects", "select=data->a->0->>b,tags->>-1&data->'x'=eq.1"),
			 "SELECT (((t0.\"data\" -> $1::text) -> $2::int) ->> "
			 "$3::text),(to_jsonb(t0.\"tags\") ->> $4::int) FROM \"app\".\"projects\" "
			 "AS t0 WHERE ((t0.\"data\" -> $5::text) = $6)");
	ck_assert_str_eq(args_of(&rig.plan->select), "a|0|b|-1|'x'|1|");
	stop();
}
END_TEST

START_TEST(the_limit_is_text_and_the_offset_a_parameter)
{
	start();
	ck_assert_str_eq(sql_of("clients", "select=id&order=id.desc&limit=3&offset=2"),
			 "SELECT t0.\"id\" FROM \"app\".\"clients\" AS t0 ORDER BY t0.\"id\" DESC "
			 "LIMIT 3 OFFSET $1");
	ck_assert_str_eq(sql_of("clients", "select=id&offset=2"),
			 "SELECT t0.\"id\" FROM \"app\".\"clients\" AS t0 LIMIT ALL OFFSET $1");
	stop();
}
END_TEST

START_TEST(to_one_embeds_are_joined)
{
	start();
	ck_assert_str_eq(
		sql_of("projects", "select=id,clients!inner(name)&clients.name=eq.x"),
		"SELECT t0.\"id\",t1.\"id\",t1.\"name\" FROM \"app\".\"projects\" AS t0 JOIN "
		"\"app\".\"clients\" AS t1 ON t1.\"id\" = t0.\"client_id\" AND (t1.\"name\" = $1)");
	ck_assert_str_eq(
		sql_of("projects", "select=id,clients(name)&clients.limit=0"),
		"SELECT t0.\"id\",t1.\"id\",t1.\"name\" FROM \"app\".\"projects\" AS t0 LEFT JOIN "
		"\"app\".\"clients\" AS t1 ON t1.\"id\" = t0.\"client_id\" AND false");
	stop();
}
END_TEST

START_TEST(to_many_embeds_are_json_of_sub_selects)
{
	start();
	ck_assert_str_eq(
		sql_of("clients", "select=name,p:projects(title,x:jobs(a))&p.order=title&p.limit=2&"
				  "p.title=neq.z"),
		"SELECT t0.\"name\",array_to_json(ARRAY(SELECT row_to_json(e.*) FROM (SELECT "
		"t1.\"title\" AS \"title\",array_to_json(ARRAY(SELECT row_to_json(e.*) FROM "
		"(SELECT t2.\"a\" AS \"a\" FROM \"app\".\"jobs\" AS t2 WHERE t2.\"project_id\" = "
		"t1.\"id\") AS e)) AS \"x\" FROM \"app\".\"projects\" AS t1 WHERE t1.\"client_id\" "
		"= t0.\"id\" AND (t1.\"title\" <> $1) ORDER BY t1.\"title\" NULLS LAST,t1.\"id\" "
		"LIMIT 2) AS e)) FROM \"app\".\"clients\" AS t0");
	stop();
}
END_TEST

START_TEST(in_a_sub_select_one_is_a_row_and_what_is_spread_is_joined)
{
	start();
	ck_assert_str_eq(
		sql_of("projects", "select=jobs(a,projects(id,...clients(name)))"),
		"SELECT array_to_json(ARRAY(SELECT row_to_json(e.*) FROM (SELECT t1.\"a\" AS "
		"\"a\",(SELECT row_to_json(e.*) FROM (SELECT t2.\"id\" AS \"id\",t3.\"name\" AS "
		"\"name\" FROM \"app\".\"projects\" AS t2 LEFT JOIN \"app\".\"clients\" AS t3 ON "
		"t3.\"id\" = t2.\"client_id\" WHERE t2.\"id\" = t1.\"project_id\" LIMIT 1) AS e) "
		"AS \"projects\" FROM \"app\".\"jobs\" AS t1 WHERE t1.\"project_id\" = t0.\"id\") "
		"AS e)) FROM \"app\".\"projects\" AS t0");
	stop();
}
END_TEST

START_TEST(a_list_is_spread_as_columns)
{
	start();
	ck_assert_str_eq(
		sql_of("clients", "select=id,...projects(id,x:title)&projects.order=title"),
		"SELECT t0.\"id\",t2.c0,t2.c1 FROM \"app\".\"clients\" AS t0 LEFT JOIN LATERAL ("
		"SELECT coalesce(array_to_json(array_agg(to_json(e.c0))), '[]') AS c0,"
		"coalesce(array_to_json(array_agg(to_json(e.c1))), '[]') AS c1 FROM ("
		"SELECT t1.\"id\" AS c0,t1.\"title\" AS c1 FROM \"app\".\"projects\" AS t1 "
		"WHERE t1.\"client_id\" = t0.\"id\" ORDER BY t1.\"title\" NULLS LAST) AS e) "
		"AS t2 ON true");
	ck_assert_str_eq(sql_of("clients", "select=...projects(id.count())"), "PGRST123");
	ck_assert_str_eq(sql_of("clients", "select=projects(...jobs(id.count()))"), "PGRST123");
	stop();
}
END_TEST

START_TEST(junctions_are_joined_in_the_sub_select)
{
	start();
	ck_assert_str_eq(sql_of("projects", "select=id,people(name)"),
			 "SELECT t0.\"id\",array_to_json(ARRAY(SELECT row_to_json(e.*) FROM "
			 "(SELECT t1.\"name\" AS \"name\" FROM \"app\".\"people\" AS t1 JOIN "
			 "\"app\".\"members\" AS t2 ON t2.\"person_id\" = t1.\"id\" WHERE "
			 "t2.\"project_id\" = t0.\"id\") AS e)) FROM \"app\".\"projects\" AS t0");
	stop();
}
END_TEST

START_TEST(counts_and_estimates_have_statements_of_their_own)
{
	start();
	rig.request.count = MD_ROWS_COUNTED;
	sql_of("clients", "name=eq.x&limit=1");
	ck_assert_str_eq(rig.plan->count->stmt.sql,
			 "SELECT count(*) FROM \"app\".\"clients\" AS t1 WHERE (t1.\"name\" = $1)");
	ck_assert_ptr_null(rig.plan->estimate);
	rig.request.count = MD_ROWS_ESTIMATED;
	sql_of("clients", "name=eq.x&limit=1");
	ck_assert_ptr_null(rig.plan->count);
	ck_assert_str_eq(rig.plan->estimate->stmt.sql,
			 "EXPLAIN (FORMAT JSON) SELECT 1 FROM \"app\".\"clients\" AS t1 WHERE "
			 "(t1.\"name\" = $1)");
	rig.request.count = MD_ROWS_BOTH;
	rig.request.count_limit = 11;
	sql_of("clients", "limit=1");
	ck_assert_str_eq(
		rig.plan->count->stmt.sql,
		"SELECT count(*) FROM (SELECT 1 FROM \"app\".\"clients\" AS t1 LIMIT 11) AS c");
	ck_assert_ptr_nonnull(rig.plan->estimate);
	stop();
}
END_TEST

START_TEST(keys_of_integers_are_wide_enough_to_be_absent)
{
	start();
	rig.request.route = MD_READ_ITEM;
	ck_assert_str_eq(where_of("clients", ""), "t0.\"id\" = $1");
	ck_assert_uint_eq(rig.plan->select.stmt.param_types[0], 20);
	ck_assert_str_eq(args_of(&rig.plan->select), "7|");
	stop();
}
END_TEST

START_TEST(depth_ends_where_a_row_comes_again)
{
	const char *sql;

	start();
	rig.request.route = MD_READ_ITEM;
	sql = sql_of("people", "depth=2");
	ck_assert_ptr_nonnull(
		strstr(sql, "CASE WHEN t5.\"id\" = t3.\"id\" OR t5.\"id\" = t0.\"id\" THEN (SELECT "
			    "row_to_json(e.*) FROM (SELECT t5.\"id\" AS \"id\") AS e) ELSE"));
	stop();
}
END_TEST

/* Texts that would be SQL, where a value, a key of JSON or a language stands. */
START_TEST(no_value_changes_the_text)
{
	static const char *const texts[] = {
		"1;DROP TABLE x", "1'--",         "' OR '1'='1", "x\" OR \"1\"=\"1", "$1", "%00",
		"\\\\'",          "{a}\"}'::x[]", "/*x*/ SELECT"
	};
	static const char *const places[][2] = {
		{ "title=eq.", "" },      { "title=in.(x,", ")" }, { "title=like(any).{", "}" },
		{ "data->>'", "'=eq.1" }, { "title=fts(", ").a" }, { "title=imatch.", "" },
		{ "tags=cs.", "" },
	};
	start();
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		char expected[4096] = "";

		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			char query[256];
			const char *sql;

			snprintf(query, sizeof(query), "%s%s%s", places[p][0],
				 i == 0 ? "x" : texts[i], places[p][1]);
			sql = sql_of("projects", query);
			if (strncmp(sql, "SELECT", 6) != 0)
				continue; /* refused by the grammar */
			if (!expected[0])
				snprintf(expected, sizeof(expected), "%s", sql);
			ck_assert_str_eq(sql, expected);
		}
		ck_assert_msg(expected[0], "%s was never taken", places[p][0]);
	}
	stop();
}
END_TEST

/* The SQL of a write of these columns, separated by blanks. */
static const char *write_of(const char *model, const char *query, const char *columns,
			    struct md_write_request settings)
{
	static const struct md_field *fields[8];
	static struct md_write_plan *plan;
	struct md_write_request request = settings;
	md_auto_buf key = MD_BUF(1u << 16);

	if (md_parse_query(rig.arena, md_str_of(query), &md_parse_limits_default, false, &rig.query,
			   &rig.err) != MD_OK)
		return rig.err.wire;
	request.model = md_registry_find(rig.registry, md_str_of(model));
	request.query = &rig.query;
	request.fields = fields;
	while (*columns) {
		size_t len = strcspn(columns, " ");

		fields[request.field_count++] =
			md_model_field(request.model, (struct md_str){ columns, len });
		columns += len + (columns[len] == ' ');
	}
	if (request.resolution != MD_RESOLVE_NOT) {
		request.conflict = request.model->key;
		request.conflict_count = request.model->key_count;
	}
	ck_assert_int_eq(md_write_plan_key(&request, &key, &rig.walk, &rig.err), MD_OK);
	plan = md_write_plan_free(plan);
	if (md_write_plan_build(&request, &rig.walk, context(), &plan, &rig.err) != MD_OK)
		return rig.err.wire;
	snprintf(rig.text, sizeof(rig.text), "%s", plan->write.stmt.sql);
	plan = md_write_plan_free(plan);
	return rig.text;
}

START_TEST(a_body_is_inserted_in_one_statement)
{
	const struct md_write_request count = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_COUNT },
				      keys = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_KEYS },
				      rows = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_ROWS };
	start();
	ck_assert_str_eq(write_of("clients", "", "id name", count),
			 "INSERT INTO \"app\".\"clients\" AS t0 (\"id\",\"name\") SELECT "
			 "r.\"id\",r.\"name\" FROM json_to_recordset($1::json) AS r(\"id\" "
			 "TEXT,\"name\" TEXT)");
	ck_assert_str_eq(write_of("clients", "", "", keys),
			 "INSERT INTO \"app\".\"clients\" AS t0 SELECT FROM "
			 "json_array_elements($1::json) AS r RETURNING t0.\"id\"");
	ck_assert_str_eq(
		write_of("projects", "select=title,clients(name),tags&order=id", "title", rows),
		"WITH w AS (INSERT INTO \"app\".\"projects\" AS t0 (\"title\") SELECT r.\"title\" "
		"FROM json_to_recordset($1::json) AS r(\"title\" TEXT) RETURNING "
		"t0.\"id\",t0.\"title\",t0.\"tags\",t0.\"client_id\") SELECT "
		"t1.\"title\",t2.\"id\",t2.\"name\",to_json(t1.\"tags\") FROM w AS t1 LEFT JOIN "
		"\"app\".\"clients\" AS t2 ON t2.\"id\" = t1.\"client_id\" ORDER BY t1.\"id\"");
	stop();
}
END_TEST

START_TEST(an_upsert_tells_what_it_merged)
{
	const struct md_write_request merge = { .kind = MD_WRITE_INSERT,
						.give = MD_GIVE_COUNT,
						.resolution = MD_RESOLVE_MERGE },
				      ignore = { .kind = MD_WRITE_INSERT,
						 .give = MD_GIVE_COUNT,
						 .resolution = MD_RESOLVE_IGNORE };
	const char *sql;

	start();
	sql = write_of("clients", "", "id name", merge);
	ck_assert_ptr_nonnull(
		strstr(sql, " ON CONFLICT (\"id\") DO UPDATE SET \"id\" = excluded.\"id\",\"name\" "
			    "= excluded.\"name\" WHERE set_config('modeld.merged', "));
	ck_assert_ptr_nonnull(strstr(
		sql, " RETURNING current_setting('modeld.merged', true) AS \"modeld merges\""));
	sql = write_of("clients", "", "id name", ignore);
	ck_assert_str_eq(strstr(sql, " ON CONFLICT"), " ON CONFLICT (\"id\") DO NOTHING");
	stop();
}
END_TEST

START_TEST(a_change_takes_the_first_row_of_the_body)
{
	const struct md_write_request change = { .kind = MD_WRITE_UPDATE, .give = MD_GIVE_COUNT },
				      item = { .kind = MD_WRITE_UPDATE,
					       .give = MD_GIVE_ROWS,
					       .item = true },
				      gone = { .kind = MD_WRITE_DELETE, .give = MD_GIVE_ROWS };
	start();
	ck_assert_str_eq(write_of("clients", "id=gt.3", "name", change),
			 "UPDATE \"app\".\"clients\" AS t0 SET \"name\" = r.\"name\" FROM (SELECT "
			 "r.\"name\" AS \"name\" FROM json_to_recordset($1::json) AS r(\"name\" "
			 "TEXT) LIMIT 1) AS r WHERE (t0.\"id\" > $2)");
	ck_assert_str_eq(write_of("clients", "select=name", "", item),
			 "SELECT t0.\"name\" FROM \"app\".\"clients\" AS t0 WHERE t0.\"id\" = $1");
	ck_assert_str_eq(
		write_of("clients", "select=name,projects(id)&id=eq.1", "", gone),
		"WITH w AS (DELETE FROM \"app\".\"clients\" AS t0 WHERE (t0.\"id\" = $1) RETURNING "
		"t0.\"id\",t0.\"name\") SELECT t1.\"name\",array_to_json(ARRAY(SELECT "
		"row_to_json(e.*) FROM (SELECT t2.\"id\" AS \"id\" FROM \"app\".\"projects\" AS t2 "
		"WHERE t2.\"client_id\" = t1.\"id\") AS e)) FROM w AS t1");
	stop();
}
END_TEST

SUITE_MAIN("postgres_sql", columns_come_as_text_and_others_as_json,
	   a_cast_is_a_name_and_nothing_else, filters_are_typed_by_the_server,
	   lists_are_one_parameter, text_search_makes_texts_searchable, paths_are_parameters,
	   the_limit_is_text_and_the_offset_a_parameter, to_one_embeds_are_joined,
	   to_many_embeds_are_json_of_sub_selects,
	   in_a_sub_select_one_is_a_row_and_what_is_spread_is_joined, a_list_is_spread_as_columns,
	   junctions_are_joined_in_the_sub_select,
	   counts_and_estimates_have_statements_of_their_own,
	   keys_of_integers_are_wide_enough_to_be_absent, depth_ends_where_a_row_comes_again,
	   no_value_changes_the_text, a_body_is_inserted_in_one_statement,
	   an_upsert_tells_what_it_merged, a_change_takes_the_first_row_of_the_body)
