#include "server/router.h"

#include "tests/support/suite.h"

static const struct md_catalog_column columns[] = {
	{ .name = "id", .declared = "INTEGER", .type = MD_TYPE_INT8 },
	{ .name = "name", .declared = "TEXT", .type = MD_TYPE_TEXT, .nullable = true },
};
static const unsigned key_columns[] = { 0 };
static const struct md_catalog_key keys[] = { { "item_pkey", true, key_columns, 1 } };
static const struct md_catalog_table tables[] = {
	{ .schema = "",
	  .name = "item",
	  .kind = MD_REL_TABLE,
	  .columns = columns,
	  .column_count = 2,
	  .keys = keys,
	  .key_count = 1,
	  .rows_estimate = -1 },
	{ .schema = "",
	  .name = "plain",
	  .kind = MD_REL_TABLE,
	  .columns = columns,
	  .column_count = 2,
	  .rows_estimate = -1 },
};
static const struct md_catalog catalog = { .tables = tables, .count = 2 };

static const struct {
	const char *path;
	unsigned listeners;
	const char *found; /* template, or the wire code of the refusal */
} paths_table[] = {
	{ "/", MD_ON_PUBLIC, "/" },
	{ "/item", MD_ON_PUBLIC, "/{relation}" },
	{ "/item/", MD_ON_PUBLIC, "/{relation}" },
	{ "/item/1", MD_ON_PUBLIC, "/{relation}/{key}" },
	{ "/item/1/things", MD_ON_PUBLIC, "/{relation}/{key}/{relationship}" },
	{ "/item/1/things/2", MD_ON_PUBLIC, "/{relation}/{key}/{relationship}/{key}" },
	{ "/item/1/things/2/3", MD_ON_PUBLIC, "PGRST125" },
	{ "/plain/1", MD_ON_PUBLIC, "PGRST125" },
	{ "/invalid/nested/paths", MD_ON_PUBLIC, "PGRST125" },
	{ "/nothing", MD_ON_PUBLIC, "PGRST205" },
	{ "/item", MD_ON_ADMIN, "PGRST125" },
	{ "/", MD_ON_ADMIN, "PGRST125" },
	{ "/-/live", MD_ON_PUBLIC, "/-/live" },
	{ "/-/ready", MD_ON_ADMIN, "/-/ready" },
	{ "/-/models", MD_ON_PUBLIC, "/-/models" },
	{ "/-/models/item", MD_ON_PUBLIC, "/-/models/{name}" },
	{ "/-/models/nothing", MD_ON_PUBLIC, "PGRST205" },
	{ "/-/query/item", MD_ON_PUBLIC, "/-/query/{relation}" },
	{ "/-/query/plain", MD_ON_PUBLIC, "/-/query/{relation}" },
	{ "/-/query/nothing", MD_ON_PUBLIC, "PGRST205" },
	{ "/-/query", MD_ON_PUBLIC, "PGRST125" },
	{ "/-/query/item/1", MD_ON_PUBLIC, "PGRST125" },
	{ "/-/query/item", MD_ON_ADMIN, "PGRST125" },
	{ "/-/metrics", MD_ON_ADMIN, "/-/metrics" },
	{ "/-/metrics", MD_ON_PUBLIC, "PGRST125" },
	{ "/-/metrics", MD_ON_PUBLIC | MD_ON_ADMIN, "/-/metrics" },
	{ "/-", MD_ON_PUBLIC, "PGRST125" },
	{ "/-/nothing", MD_ON_PUBLIC, "PGRST125" },
	{ "/-/live/more", MD_ON_PUBLIC, "PGRST125" },
	{ "/%2D/live", MD_ON_PUBLIC, "/-/live" },
	{ "/item%2F1", MD_ON_PUBLIC, "PGRST205" },
};

START_TEST(every_path_has_its_route_or_its_refusal)
{
	md_auto_arena arena = md_arena_new(1 << 20);
	struct md_registry *registry = NULL;

	ck_assert_int_eq(md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
									 .schema = MD_STR("public"),
									 .generation = 1 },
					   &registry, NULL),
			 MD_OK);
	for (size_t i = 0; i < sizeof(paths_table) / sizeof(paths_table[0]); i++) {
		struct md_path path;
		struct md_route route;
		struct md_error err;
		const char *found;

		md_error_clear(&err);
		ck_assert_int_eq(md_parse_path(arena, md_str_of(paths_table[i].path), &path, &err),
				 MD_OK);
		found = md_route_find(&path, paths_table[i].listeners, registry, &route, &err) ==
					MD_OK
				? md_routes[route.id].template
				: err.wire;
		ck_assert_msg(strcmp(found, paths_table[i].found) == 0, "%s: %s",
			      paths_table[i].path, found);
	}
	md_registry_unref(registry);
}
END_TEST

START_TEST(other_methods_are_refused_with_what_is_allowed)
{
	struct md_route route = { .id = MD_ROUTE_RELATION };
	md_auto_buf allow = { .max = 100 };
	struct md_error err;

	md_error_clear(&err);
	ck_assert_int_eq(md_route_check(&route, MD_METHOD_GET, MD_STR("GET"), &err), MD_OK);
	ck_assert_int_eq(md_route_check(&route, MD_METHOD_OTHER, MD_STR("BREW"), &err), MD_INVALID);
	ck_assert_str_eq(err.wire, "PGRST117");
	ck_assert_str_eq(err.message, "Unsupported HTTP method: BREW");
	md_route_allow(&route, &allow);
	ck_assert_str_eq(md_buf_text(&allow), "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE");
}
END_TEST

static const struct {
	enum md_route_id id;
	bool insertable, updatable, deletable;
	unsigned key_count;
	const char *allow;
} writes_table[] = {
	{ MD_ROUTE_RELATION, true, true, true, 1, "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE" },
	{ MD_ROUTE_RELATION, true, true, true, 0, "OPTIONS,GET,HEAD,POST,PATCH,DELETE" },
	{ MD_ROUTE_RELATION, true, false, false, 1, "OPTIONS,GET,HEAD,POST" },
	{ MD_ROUTE_RELATION, false, true, false, 1, "OPTIONS,GET,HEAD,PATCH" },
	{ MD_ROUTE_RELATION, false, false, true, 1, "OPTIONS,GET,HEAD,DELETE" },
	{ MD_ROUTE_RELATION, false, false, false, 1, "OPTIONS,GET,HEAD" },
	{ MD_ROUTE_ITEM, true, true, true, 1, "OPTIONS,GET,HEAD,PUT,PATCH,DELETE" },
	{ MD_ROUTE_ITEM, true, false, true, 1, "OPTIONS,GET,HEAD,DELETE" },
	{ MD_ROUTE_QUERY, true, true, true, 1, "OPTIONS,POST" },
	{ MD_ROUTE_QUERY, false, false, false, 0, "OPTIONS,POST" },
};

START_TEST(a_relation_is_written_as_far_as_it_can_be)
{
	for (size_t i = 0; i < sizeof(writes_table) / sizeof(writes_table[0]); i++) {
		const struct md_model model = { .insertable = writes_table[i].insertable,
						.updatable = writes_table[i].updatable,
						.deletable = writes_table[i].deletable,
						.key_count = writes_table[i].key_count };
		const struct md_route route = { .id = writes_table[i].id, .model = &model };
		md_auto_buf allow = { .max = 100 };
		bool posts = writes_table[i].id == MD_ROUTE_QUERY ||
			     (writes_table[i].id == MD_ROUTE_RELATION && model.insertable);

		md_route_allow(&route, &allow);
		ck_assert_str_eq(md_buf_text(&allow), writes_table[i].allow);
		ck_assert_int_eq(md_route_check(&route, MD_METHOD_POST, MD_STR("POST"), NULL),
				 posts ? MD_OK : MD_INVALID);
	}
}
END_TEST

SUITE_MAIN("router", every_path_has_its_route_or_its_refusal,
	   other_methods_are_refused_with_what_is_allowed,
	   a_relation_is_written_as_far_as_it_can_be)
