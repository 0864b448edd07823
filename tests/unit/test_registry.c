#include "core/model/registry.h"

#include <jansson.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/model_sample.h"

/* The linker sends every allocation of the library through here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
static long fail_at = -1, allocations;

static bool is_to_fail(void)
{
	return fail_at >= 0 && allocations++ == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return is_to_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_to_fail() ? NULL : __real_calloc(count, size);
}

static const char schema[] =
	"clients(id*, name+, note?);"
	"projects(id*, name, client_id?) client: client_id > clients(id)"
	" unique projects_name_key(client_id name);"
	"tags(id*, label);"
	"projects_tags(tag_id*, project_id*) pt_tag: tag_id > tags(id)"
	" pt_project: project_id > projects(id);"
	"tree(id*, parent?) tree_fkey: parent > tree(id);"
	"view projects_view(id = projects.id, name = projects.name, c = projects.client_id);"
	"view names(n = clients.name, m)";

static struct md_registry *build(struct md_arena *arena, const char *text)
{
	struct md_catalog catalog = sample_catalog(arena, text);
	struct md_registry *registry = NULL;

	ck_assert_int_eq(md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
									 .schema = MD_STR("public"),
									 .generation = 7 },
					   &registry, NULL),
			 MD_OK);
	return registry;
}

START_TEST(copies_all_that_the_catalog_says)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry = build(arena, schema);
	const struct md_model *m;
	unsigned count;

	arena = md_arena_free(arena); /* nothing points into the catalog */
	ck_assert_uint_eq(md_registry_generation(registry), 7);
	m = md_registry_models(registry, &count);
	ck_assert_uint_eq(count, 7);
	for (unsigned i = 0; i < count; i++)
		ck_assert_ptr_eq(md_registry_find(registry, m[i].name), &m[i]);
	m = md_registry_find(registry, MD_STR("projects"));
	ck_assert_str_eq(m->schema.ptr, "public");
	ck_assert_uint_eq(m->field_count, 3);
	ck_assert_uint_eq(m->keys_count, 2);
	ck_assert(m->keys[0].primary && !m->keys[1].primary);
	ck_assert_str_eq(m->keys[1].name.ptr, "projects_name_key");
	ck_assert_ptr_eq(m->key[0], &m->fields[0]);
	ck_assert(m->fields[0].unique && m->fields[0].indexed && !m->fields[0].nullable);
	ck_assert(!m->fields[1].unique && !m->fields[1].indexed);
	ck_assert(!m->fields[2].unique && m->fields[2].indexed && m->fields[2].nullable);
	ck_assert_int_eq(m->fields[0].key_position, 0);
	ck_assert_int_eq(m->fields[1].key_position, -1);
	m = md_registry_find(registry, MD_STR("projects_tags"));
	ck_assert_int_eq(m->fields[1].key_position, 1);
	ck_assert(!m->fields[0].unique);
	ck_assert_ptr_null(m->comment.ptr);
	ck_assert_ptr_null(md_registry_unref(registry));
}
END_TEST

START_TEST(is_fine_with_an_empty_database)
{
	struct md_catalog catalog = { .count = 0 };
	struct md_registry *registry = NULL;
	struct md_error err;
	json_t *json;

	ck_assert_int_eq(md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
									 .schema = MD_STR(""),
									 .generation = 1 },
					   &registry, &err),
			 MD_OK);
	md_registry_fail_model(registry, MD_STR("x"), &err);
	ck_assert_str_eq(err.message, "Could not find the table '.x' in the schema cache");
	json = md_registry_to_json(registry, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "models")), 0);
	json_decref(json);
	md_registry_unref(registry);
}
END_TEST

START_TEST(finds_fields_by_exact_name)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry = build(arena, schema);
	const struct md_model *m;
	unsigned count;

	m = md_registry_models(registry, &count);
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < m[i].field_count; j++) {
			ck_assert_uint_eq(m[i].fields[j].index, j);
			ck_assert_ptr_eq(md_model_field(&m[i], m[i].fields[j].name),
					 &m[i].fields[j]);
		}
	ck_assert_ptr_null(md_model_field(m, MD_STR("ID")));
	ck_assert_ptr_null(md_model_field(m, MD_STR("")));
	ck_assert_ptr_null(md_registry_find(registry, MD_STR("Clients")));
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

START_TEST(knows_which_columns_hold_a_value_once)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry = build(arena, schema);
	const struct md_model *m = md_registry_find(registry, MD_STR("projects"));
	const struct md_field *id[] = { &m->fields[0] };
	const struct md_field *name[] = { &m->fields[1] };
	const struct md_field *both[] = { &m->fields[1], &m->fields[2] };

	ck_assert(md_model_is_unique_by(m, id, 1));
	ck_assert(!md_model_is_unique_by(m, name, 1));
	ck_assert(md_model_is_unique_by(m, both, 2));
	ck_assert(!md_model_is_unique_by(m, both, 0));
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

START_TEST(lives_as_long_as_somebody_holds_it)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry = build(arena, schema);

	ck_assert_ptr_eq(md_registry_ref(registry), registry);
	md_registry_unref(registry);
	ck_assert_uint_eq(md_registry_generation(registry), 7);
	md_registry_unref(registry);
	ck_assert_ptr_null(md_registry_unref(NULL));
	md_arena_free(arena);
}
END_TEST

START_TEST(proposes_a_table_with_a_similar_name)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry = build(arena, schema);
	struct md_error err;
	char name[300];

	ck_assert_int_eq(md_registry_fail_model(registry, MD_STR("project"), &err), MD_NOT_FOUND);
	ck_assert_str_eq(err.wire, "PGRST205");
	ck_assert_str_eq(err.message,
			 "Could not find the table 'public.project' in the schema cache");
	ck_assert_str_eq(err.hint, "Perhaps you meant the table 'public.projects'");
	ck_assert_str_eq(err.details, "");
	md_registry_fail_model(registry, MD_STR("garlic"), &err);
	ck_assert_str_eq(err.hint, "");
	memset(name, 'x', sizeof(name));
	md_registry_fail_model(registry, (struct md_str){ name, sizeof(name) }, &err);
	ck_assert_uint_lt(strlen(err.message), 130);
	ck_assert_int_eq(md_registry_fail_model(registry, MD_STR("x"), NULL), MD_NOT_FOUND);
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

START_TEST(proposes_columns_as_postgresql_does)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry =
		build(arena, "t(id*, firstname, lastname, aaaa, aaab, aaac, x)");
	const struct md_model *m = md_registry_find(registry, MD_STR("t"));
	struct md_error err;

	ck_assert_int_eq(md_model_fail_field(m, MD_STR("firstnam"), &err), MD_INVALID);
	ck_assert_str_eq(err.wire, "42703");
	ck_assert_str_eq(err.message, "column t.firstnam does not exist");
	ck_assert_str_eq(err.hint, "Perhaps you meant to reference the column \"t.firstname\".");
	md_model_fail_field(m, MD_STR("FirstName"), &err);
	ck_assert_str_eq(err.hint, "Perhaps you meant to reference the column \"t.firstname\".");
	md_model_fail_field(m, MD_STR("lstname"), &err);
	ck_assert_str_eq(err.hint, "Perhaps you meant to reference the column \"t.lastname\".");
	md_model_fail_field(m, MD_STR("nothing_like_it"), &err);
	ck_assert_str_eq(err.hint, "");
	md_model_fail_field(m, MD_STR("y"), &err);
	ck_assert_str_eq(err.hint, "");
	md_model_fail_field(m, MD_STR("i"), &err);
	ck_assert_str_eq(err.hint, "");
	md_model_fail_field(m, MD_STR("bx"), &err);
	ck_assert_str_eq(err.hint, "Perhaps you meant to reference the column \"t.x\".");
	md_model_fail_field(m, MD_STR("aaa"), &err); /* three are too many */
	ck_assert_str_eq(err.hint, "");
	md_model_fail_field(m, MD_STR(""), &err);
	ck_assert_str_eq(err.message, "column t. does not exist");
	md_registry_unref(registry);
	registry = build(arena, "t(aaaa, aaab)");
	md_model_fail_field(md_registry_find(registry, MD_STR("t")), MD_STR("aaac"), &err);
	ck_assert_str_eq(err.hint, "Perhaps you meant to reference the column \"t.aaaa\" or the "
				   "column \"t.aaab\".");
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

START_TEST(writes_the_document_of_models)
{
	static const char wanted[] =
		"{\"generation\":7,\"schema\":\"public\",\"models\":["
		"{\"name\":\"a\",\"kind\":\"table\",\"fields\":["
		"{\"name\":\"id\",\"type\":\"text\",\"declared\":\"TEXT\",\"nullable\":false,"
		"\"generated\":false,\"primary_key\":true,\"unique\":true,\"default\":null},"
		"{\"name\":\"n\",\"type\":\"text\",\"declared\":\"TEXT\",\"nullable\":true,"
		"\"generated\":false,\"primary_key\":false,\"unique\":true,\"default\":null}],"
		"\"primary_key\":[\"id\"],\"unique\":[{\"name\":\"a_n_key\",\"fields\":[\"n\"]}],"
		"\"relations\":[{\"name\":\"v\",\"model\":\"v\",\"cardinality\":\"one-to-one\","
		"\"constraint\":\"f\",\"fields\":[\"n\"],\"references\":[\"one\"]},"
		"{\"name\":\"w\",\"model\":\"w\",\"cardinality\":\"one-to-one\","
		"\"constraint\":\"f\",\"fields\":[\"n\"],\"references\":[\"one\"]}],"
		"\"methods\":[\"OPTIONS\",\"GET\",\"HEAD\",\"POST\",\"PUT\",\"PATCH\",\"DELETE\"]},"
		"{\"name\":\"v\",\"kind\":\"view\",";
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry =
		build(arena, "a(id*, n+?); view v(one = w.one); w(one*) f: one > a(n)");
	json_t *json = md_registry_to_json(registry, NULL);
	char *text = json_dumps(json, JSON_COMPACT);

	ck_assert_int_eq(strncmp(text, wanted, sizeof(wanted) - 1), 0);
	free(text);
	json_decref(json);
	md_registry_unref(registry);
	registry = build(arena, schema);
	json = md_registry_to_json(registry, md_registry_find(registry, MD_STR("tags")));
	text = json_dumps(json, JSON_COMPACT);
	ck_assert_ptr_nonnull(
		strstr(text, "{\"name\":\"projects\",\"model\":\"projects\",\"cardinality\":"
			     "\"many-to-many\",\"constraint\":\"pt_tag\",\"fields\":[\"id\"],"
			     "\"references\":[\"id\"],\"through\":{\"model\":\"projects_tags\","
			     "\"fields\":[\"tag_id\"],\"references\":[\"project_id\"],"
			     "\"constraint\":\"pt_project\"}}"));
	free(text);
	json_decref(json);
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

START_TEST(survives_a_failure_of_every_allocation)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_catalog catalog = sample_catalog(arena, schema);
	struct md_registry *registry = NULL;
	enum md_code code;
	long n = 0;

	do {
		struct md_error err = { .code = MD_OK };

		allocations = 0;
		fail_at = n++;
		code = md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
								       .schema = MD_STR("public"),
								       .generation = 1 },
					 &registry, &err);
		fail_at = -1;
		ck_assert_int_eq(err.code, code);
		ck_assert(code == MD_OK || (code == MD_NOMEM && !registry));
		ck_assert_int_lt(n, 100000);
	} while (code != MD_OK);
	ck_assert_int_gt(n, 5);
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

START_TEST(gives_up_the_document_when_memory_is_out)
{
	struct md_arena *arena = md_arena_new(1 << 20);
	struct md_registry *registry = build(arena, schema);
	json_t *json;
	long n = 0;

	json_set_alloc_funcs(__wrap_malloc, free);
	do {
		allocations = 0;
		fail_at = n++;
		json = md_registry_to_json(registry, NULL);
		fail_at = -1;
		ck_assert_int_lt(n, 100000);
	} while (!json);
	ck_assert_int_gt(n, 100);
	json_decref(json);
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

/* 10,000 tables of 6 columns, each with a foreign key to the one before and one to a hub. */
static struct md_catalog big_catalog(struct md_arena *arena, unsigned count)
{
	static const unsigned first[] = { 0 }, second[] = { 1 }, third[] = { 2 };
	static const char *const id[] = { "column_0" };
	struct md_catalog_table *tables = md_arena_zalloc(arena, count * sizeof(*tables));

	for (unsigned t = 0; t < count; t++) {
		struct md_catalog_column *columns = md_arena_zalloc(arena, 6 * sizeof(*columns));
		struct md_catalog_key *key = md_arena_zalloc(arena, sizeof(*key));
		struct md_catalog_foreign_key *foreign =
			md_arena_zalloc(arena, 2 * sizeof(*foreign));

		for (unsigned c = 0; c < 6; c++)
			columns[c] = (struct md_catalog_column){
				.name = md_arena_printf(arena, "column_%u", c), .declared = "TEXT"
			};
		*key = (struct md_catalog_key){ md_arena_printf(arena, "table_%05u_pkey", t), true,
						first, 1 };
		foreign[0] = (struct md_catalog_foreign_key){
			.name = md_arena_printf(arena, "table_%05u_column_1_fkey", t),
			.columns = second,
			.count = 1,
			.target = "table_00000",
			.target_columns = id,
		};
		foreign[1] = (struct md_catalog_foreign_key){
			.name = md_arena_printf(arena, "table_%05u_column_2_fkey", t),
			.columns = third,
			.count = 1,
			.target = md_arena_printf(arena, "table_%05u", t > 0 ? t - 1 : 0),
			.target_columns = id,
		};
		tables[t] =
			(struct md_catalog_table){ .schema = "",
						   .name = md_arena_printf(arena, "table_%05u", t),
						   .columns = columns,
						   .column_count = 6,
						   .keys = key,
						   .key_count = 1,
						   .foreign_keys = foreign,
						   .foreign_key_count = 2 };
	}
	return (struct md_catalog){ .tables = tables, .count = count };
}

START_TEST(builds_ten_thousand_tables_in_no_time)
{
	struct md_arena *arena = md_arena_new(1 << 28);
	struct md_catalog catalog = big_catalog(arena, 10000);
	struct md_registry *registry = NULL;
	struct md_error err;
	uint64_t start = md_now_ns(), built, guessed;

	ck_assert_int_eq(md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
									 .schema = MD_STR("public"),
									 .generation = 1 },
					   &registry, &err),
			 MD_OK);
	built = md_now_ns();
	ck_assert_uint_eq(md_registry_find(registry, MD_STR("table_00000"))->relation_count, 10004);
	guessed = md_now_ns();
	md_registry_fail_model(registry, MD_STR("table_0100x"), &err);
	guessed = md_now_ns() - guessed;
	ck_assert_str_ne(err.hint, "");
	printf("build %.1f ms, hint %.2f ms\n", (double)(built - start) / 1e6,
	       (double)guessed / 1e6);
	/* Far more than it takes, for sanitizers on a busy machine. */
	ck_assert_uint_lt(built - start, 5 * MD_SEC);
	md_registry_unref(registry);
	md_arena_free(arena);
}
END_TEST

SUITE_MAIN("registry", copies_all_that_the_catalog_says, is_fine_with_an_empty_database,
	   finds_fields_by_exact_name, knows_which_columns_hold_a_value_once,
	   lives_as_long_as_somebody_holds_it, proposes_a_table_with_a_similar_name,
	   proposes_columns_as_postgresql_does, writes_the_document_of_models,
	   survives_a_failure_of_every_allocation, gives_up_the_document_when_memory_is_out,
	   builds_ten_thousand_tables_in_no_time)
