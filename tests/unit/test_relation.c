#include "core/model/registry.h"

#include <jansson.h>

#include "tests/support/suite.h"
#include "tests/unit/model_sample.h"

static const char schema[] =
	"clients(id*, name);"
	"projects(id*, name, client_id?) client: client_id > clients(id);"
	"tasks(id*, name, project_id?) project: project_id > projects(id);"
	"users(id*, name);"
	"users_tasks(user_id*, task_id*) users_tasks_task_id_fkey: task_id > tasks(id)"
	"  users_tasks_user_id_fkey: user_id > users(id);"
	"comments(id*, commenter_id, user_id, task_id)"
	"  comments_task_id_fkey: task_id user_id > users_tasks(task_id user_id)"
	"  user: commenter_id > users(id);"
	"family_tree(id*, name, parent?) pptr: parent > family_tree(id);"
	"organizations(id*, name, referee?, auditor?)"
	"  organizations_auditor_fkey: auditor > organizations(id)"
	"  organizations_referee_fkey: referee > organizations(id);"
	"agents(id*, name, department_id?) agents_department_id_fkey: department_id > "
	"departments(id);"
	"departments(id*, name, head_id?) departments_head_id_fkey: head_id > agents(id);"
	"person(id*, name);"
	"message(id*, body, sender, recipient) message_recipient_fkey: recipient > person(id)"
	"  message_sender_fkey: sender > person(id);"
	"big_projects(big_project_id*, name);"
	"sites(site_id*, name, main_project_id?) main_project: main_project_id > "
	"big_projects(big_project_id);"
	"jobs(job_id*, name, site_id*, big_project_id*)"
	"  jobs_big_project_id_fkey: big_project_id > big_projects(big_project_id)"
	"  jobs_site_id_fkey: site_id > sites(site_id);"
	"country(id*, name);"
	"capital(id*, name, country_id+?) capital_country_id_fkey: country_id > country(id);"
	"posters(id*, name);"
	"subscriptions(subscriber*, subscribed*)"
	"  subscriptions_subscribed_fkey: subscribed > posters(id)"
	"  subscriptions_subscriber_fkey: subscriber > posters(id);"
	"view projects_view(id = projects.id, name = projects.name, client_id = "
	"projects.client_id);"
	"view projects_alt(t_id = projects.id, t_client = projects.client_id, shown);"
	"view clients_view(id = clients.id);"
	"view client_projects(cid = clients.id, pid = projects.id, client_id = "
	"projects.client_id);"
	"xqz(id*, name)";

struct fixture {
	struct md_arena *arena;
	struct md_registry *registry;
	struct md_error err;
};

static void open_sample(struct fixture *f, const char *text)
{
	struct md_catalog catalog;

	f->arena = md_arena_new(1 << 22);
	catalog = sample_catalog(f->arena, text);
	ck_assert_int_eq(md_registry_build(&(struct md_registry_source){ .catalog = &catalog,
									 .schema = MD_STR("test"),
									 .generation = 1 },
					   &f->registry, &f->err),
			 MD_OK);
}

static void close_sample(struct fixture *f)
{
	f->registry = md_registry_unref(f->registry);
	f->arena = md_arena_free(f->arena);
}

static const struct md_model *model(struct fixture *f, const char *name)
{
	const struct md_model *found = md_registry_find(f->registry, md_str_of(name));

	ck_assert_msg(found != NULL, "no model %s", name);
	return found;
}

static const struct md_relation *resolve(struct fixture *f, const char *from, const char *name,
					 const char *hint)
{
	const struct md_relation *relation = NULL;
	enum md_code code;

	memset(&f->err, 0, sizeof(f->err));
	code = md_relation_resolve(f->registry, model(f, from), md_str_of(name), md_str_of(hint),
				   &relation, &f->err);
	ck_assert_int_eq(code == MD_OK, relation != NULL);
	ck_assert_int_eq(f->err.code, code);
	return relation;
}

static void expect(struct fixture *f, const char *from, const char *name, const char *hint,
		   enum md_cardinality cardinality, const char *to, const char *constraint)
{
	const struct md_relation *r = resolve(f, from, name, hint);

	ck_assert_msg(r != NULL, "%s %s!%s: %s", from, name, hint ? hint : "", f->err.message);
	ck_assert_int_eq(r->cardinality, cardinality);
	ck_assert_str_eq(r->to->name.ptr, to);
	ck_assert_str_eq(r->constraint.ptr, constraint);
	ck_assert_str_eq(r->from->name.ptr, from);
}

START_TEST(finds_a_target_by_table_constraint_or_column)
{
	struct fixture f;

	open_sample(&f, schema);
	expect(&f, "projects", "clients", NULL, MD_MANY_TO_ONE, "clients", "client");
	expect(&f, "projects", "client", NULL, MD_MANY_TO_ONE, "clients", "client");
	expect(&f, "projects", "client_id", NULL, MD_MANY_TO_ONE, "clients", "client");
	expect(&f, "clients", "projects", NULL, MD_ONE_TO_MANY, "projects", "client");
	expect(&f, "users", "tasks", NULL, MD_MANY_TO_MANY, "tasks", "users_tasks_user_id_fkey");
	expect(&f, "comments", "users_tasks", NULL, MD_MANY_TO_ONE, "users_tasks",
	       "comments_task_id_fkey");
	expect(&f, "capital", "country", NULL, MD_ONE_TO_ONE, "country", "capital_country_id_fkey");
	expect(&f, "country", "capital", NULL, MD_ONE_TO_ONE, "capital", "capital_country_id_fkey");
	close_sample(&f);
}
END_TEST

START_TEST(narrows_by_a_hint)
{
	struct fixture f;

	open_sample(&f, schema);
	expect(&f, "message", "person", "message_sender_fkey", MD_MANY_TO_ONE, "person",
	       "message_sender_fkey");
	expect(&f, "message", "person", "recipient", MD_MANY_TO_ONE, "person",
	       "message_recipient_fkey");
	expect(&f, "person", "message", "sender", MD_ONE_TO_MANY, "message", "message_sender_fkey");
	expect(&f, "clients", "projects", "client_id", MD_ONE_TO_MANY, "projects", "client");
	expect(&f, "projects", "clients", "id", MD_MANY_TO_ONE, "clients", "client");
	expect(&f, "users", "tasks", "users_tasks", MD_MANY_TO_MANY, "tasks",
	       "users_tasks_user_id_fkey");
	expect(&f, "sites", "big_projects", "jobs", MD_MANY_TO_MANY, "big_projects",
	       "jobs_site_id_fkey");
	expect(&f, "sites", "big_projects", "main_project", MD_MANY_TO_ONE, "big_projects",
	       "main_project");
	ck_assert_ptr_null(resolve(&f, "message", "person", "space"));
	ck_assert_str_eq(f.err.details,
			 "Searched for a foreign key relationship between 'message' and 'person' "
			 "using the hint 'space' in the schema 'test', but no matches were found.");
	ck_assert_str_eq(f.err.hint, "");
	close_sample(&f);
}
END_TEST

START_TEST(tells_the_two_directions_of_a_self_relation_apart)
{
	struct fixture f;

	open_sample(&f, schema);
	expect(&f, "family_tree", "family_tree", NULL, MD_ONE_TO_MANY, "family_tree", "pptr");
	expect(&f, "family_tree", "parent", NULL, MD_MANY_TO_ONE, "family_tree", "pptr");
	expect(&f, "organizations", "organizations", "auditor", MD_ONE_TO_MANY, "organizations",
	       "organizations_auditor_fkey");
	expect(&f, "organizations", "auditor", NULL, MD_MANY_TO_ONE, "organizations",
	       "organizations_auditor_fkey");
	ck_assert_ptr_null(resolve(&f, "organizations", "organizations", NULL));
	ck_assert_str_eq(f.err.wire, "PGRST201");
	close_sample(&f);
}
END_TEST

START_TEST(lists_the_candidates_of_an_ambiguous_request)
{
	static const char details[] =
		"[{\"cardinality\":\"one-to-many\",\"embedding\":\"agents with departments\","
		"\"relationship\":\"departments_head_id_fkey using agents(id) and "
		"departments(head_id)\"},"
		"{\"cardinality\":\"many-to-one\",\"embedding\":\"agents with departments\","
		"\"relationship\":\"agents_department_id_fkey using agents(department_id) and "
		"departments(id)\"}]";
	struct fixture f;

	open_sample(&f, schema);
	ck_assert_ptr_null(resolve(&f, "agents", "departments", NULL));
	ck_assert_int_eq(f.err.code, MD_CONFLICT);
	ck_assert_str_eq(f.err.wire, "PGRST201");
	ck_assert(f.err.details_json);
	ck_assert_str_eq(f.err.message, "Could not embed because more than one relationship was "
					"found for 'agents' and 'departments'");
	ck_assert_str_eq(f.err.details, details);
	ck_assert_str_eq(f.err.hint,
			 "Try changing 'departments' to one of the following: "
			 "'departments!departments_head_id_fkey', "
			 "'departments!agents_department_id_fkey'. Find the desired relationship "
			 "in the 'details' key.");
	ck_assert_ptr_null(resolve(&f, "sites", "big_projects", NULL));
	ck_assert_ptr_nonnull(strstr(f.err.details, "\"jobs using jobs_site_id_fkey(site_id) and "
						    "jobs_big_project_id_fkey(big_project_id)\""));
	ck_assert_ptr_nonnull(
		strstr(f.err.hint, ": 'big_projects!main_project', 'big_projects!jobs'. Find"));
	close_sample(&f);
}
END_TEST

START_TEST(cuts_a_long_list_of_candidates_at_whole_entries)
{
	struct fixture f;
	char text[8192] = "hub(id*); many(id*";
	size_t len = strlen(text);
	json_t *list;

	for (int i = 0; i < 8; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", column_%d_%.*s", i, 100,
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	len += (size_t)snprintf(text + len, sizeof(text) - len, ")");
	for (int i = 0; i < 8; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					" constraint_%d_%.*s: column_%d_%.*s > hub(id)", i, 100,
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
					i, 100,
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	open_sample(&f, text);
	ck_assert_ptr_null(resolve(&f, "many", "hub", NULL));
	list = json_loads(f.err.details, 0, NULL);
	ck_assert(json_is_array(list));
	ck_assert_uint_ge(json_array_size(list), 3);
	ck_assert_uint_lt(json_array_size(list), 8);
	json_decref(list);
	ck_assert_ptr_nonnull(strstr(f.err.hint, "xx'. Find the desired relationship in the "
						 "'details' key."));
	close_sample(&f);
}
END_TEST

START_TEST(says_what_it_searched_for)
{
	struct fixture f;

	open_sample(&f, schema);
	ck_assert_ptr_null(resolve(&f, "projects", "users", NULL));
	ck_assert_int_eq(f.err.code, MD_INVALID);
	ck_assert_str_eq(f.err.wire, "PGRST200");
	ck_assert_str_eq(f.err.message, "Could not find a relationship between 'projects' and "
					"'users' in the schema cache");
	ck_assert_str_eq(
		f.err.details,
		"Searched for a foreign key relationship between 'projects' and 'users' in "
		"the schema 'test', but no matches were found.");
	ck_assert_ptr_null(resolve(&f, "projects", "client_", NULL));
	ck_assert_str_eq(f.err.hint, "Perhaps you meant 'clients' instead of 'client_'.");
	ck_assert_ptr_null(resolve(&f, "projects", "zzz", NULL));
	ck_assert_str_eq(f.err.hint, "");
	ck_assert_ptr_null(resolve(&f, "xqz", "clients", NULL));
	ck_assert_str_eq(f.err.hint, "");
	close_sample(&f);
}
END_TEST

START_TEST(knows_both_ends_of_every_relation)
{
	struct fixture f;
	unsigned count;
	const struct md_model *models;

	open_sample(&f, schema);
	models = md_registry_models(f.registry, &count);
	for (unsigned m = 0; m < count; m++) {
		for (unsigned i = 0; i < models[m].relation_count; i++) {
			const struct md_relation *r = &models[m].relations[i];
			const struct md_relation *back = r->inverse;

			ck_assert_ptr_eq(r->from, &models[m]);
			ck_assert_ptr_eq(back->inverse, r);
			ck_assert_ptr_eq(back->from, r->to);
			ck_assert_ptr_eq(back->to, r->from);
			ck_assert_int_eq(r->self, r->from == r->to);
			ck_assert_ptr_eq(r->local, back->remote);
			ck_assert_ptr_eq(r->near, back->far);
			ck_assert_ptr_nonnull(r->name.ptr);
			ck_assert_ptr_null(md_model_field(&models[m], r->name));
			for (unsigned j = 0; j < i; j++)
				ck_assert(!md_str_equal(r->name, models[m].relations[j].name));
		}
	}
	close_sample(&f);
}
END_TEST

START_TEST(names_relations_by_table_or_else_by_key)
{
	struct fixture f;

	open_sample(&f, schema);
	ck_assert_str_eq(resolve(&f, "projects", "clients", NULL)->name.ptr, "clients");
	ck_assert_str_eq(resolve(&f, "users", "tasks", NULL)->name.ptr, "tasks");
	ck_assert_str_eq(resolve(&f, "message", "sender", NULL)->name.ptr, "message_sender_fkey");
	ck_assert_str_eq(resolve(&f, "person", "message", "sender")->name.ptr,
			 "message_sender_fkey");
	ck_assert_str_eq(resolve(&f, "family_tree", "parent", NULL)->name.ptr, "pptr");
	ck_assert_str_eq(resolve(&f, "family_tree", "family_tree", NULL)->name.ptr, "family_tree");
	ck_assert_str_eq(resolve(&f, "organizations", "auditor", NULL)->name.ptr,
			 "organizations_auditor_fkey");
	ck_assert_str_eq(resolve(&f, "organizations", "organizations", "auditor")->name.ptr,
			 "organizations_auditor_fkey_inverse");
	close_sample(&f);
}
END_TEST

START_TEST(finds_a_junction_only_when_its_key_holds_both_foreign_keys)
{
	struct fixture f;
	const struct md_relation *r;

	open_sample(&f, "a(id*); b(id*);"
			"ab(id*, a_id, b_id) ab_a: a_id > a(id) ab_b: b_id > b(id)");
	ck_assert_ptr_null(resolve(&f, "a", "b", NULL));
	close_sample(&f);
	open_sample(&f, "a(x*, y*); b(id*); ab(a_x*, a_y*, b_id*, more*)"
			" ab_a: a_x a_y > a(x y) ab_b: b_id > b(id)");
	r = resolve(&f, "a", "b", NULL);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(r->cardinality, MD_MANY_TO_MANY);
	ck_assert(!r->to_one && !r->here);
	ck_assert_uint_eq(r->local_count, 2);
	ck_assert_uint_eq(r->remote_count, 1);
	ck_assert_str_eq(r->near[1]->name.ptr, "a_y");
	ck_assert_str_eq(r->local[1]->name.ptr, "y");
	ck_assert_str_eq(r->far[0]->name.ptr, "b_id");
	ck_assert_str_eq(r->far_constraint.ptr, "ab_b");
	close_sample(&f);
}
END_TEST

START_TEST(is_one_to_one_when_the_foreign_key_is_exactly_a_key)
{
	struct fixture f;

	open_sample(&f, "a(x*, y*); b(q, p, n) one: p q > a(x y) unique b_key(q p);"
			"c(q*, p*, n*) many: p q > a(x y)");
	expect(&f, "b", "a", NULL, MD_ONE_TO_ONE, "a", "one");
	expect(&f, "a", "b", NULL, MD_ONE_TO_ONE, "b", "one");
	expect(&f, "a", "c", NULL, MD_ONE_TO_MANY, "c", "many");
	close_sample(&f);
}
END_TEST

START_TEST(gives_views_the_relations_of_their_tables)
{
	struct fixture f;
	const struct md_relation *r;

	open_sample(&f, schema);
	expect(&f, "projects_view", "clients", NULL, MD_MANY_TO_ONE, "clients", "client");
	expect(&f, "clients", "projects_view", NULL, MD_ONE_TO_MANY, "projects_view", "client");
	expect(&f, "tasks", "projects_view", "project", MD_MANY_TO_ONE, "projects_view", "project");
	expect(&f, "projects_view", "tasks", NULL, MD_ONE_TO_MANY, "tasks", "project");
	expect(&f, "projects_view", "clients_view", NULL, MD_MANY_TO_ONE, "clients_view", "client");
	r = resolve(&f, "projects_alt", "clients", NULL);
	ck_assert_str_eq(r->local[0]->name.ptr, "t_client");
	ck_assert(r->here && r->to_one);
	/* A constraint's or column's name never means a view. */
	expect(&f, "projects", "client_id", NULL, MD_MANY_TO_ONE, "clients", "client");
	/* Both tables of a view are related, the view to itself too. */
	ck_assert_ptr_nonnull(resolve(&f, "client_projects", "tasks", NULL));
	ck_assert_ptr_nonnull(resolve(&f, "client_projects", "client_projects", NULL));
	close_sample(&f);
}
END_TEST

START_TEST(gives_a_view_the_keys_of_its_tables)
{
	struct fixture f;

	open_sample(&f, schema);
	ck_assert_uint_eq(model(&f, "projects_alt")->key_count, 1);
	ck_assert_str_eq(model(&f, "projects_alt")->key[0]->name.ptr, "t_id");
	ck_assert_int_eq(model(&f, "projects_alt")->fields[0].key_position, 0);
	ck_assert(!md_model_is_unique_by(model(&f, "projects_alt"), model(&f, "projects_alt")->key,
					 1));
	/* A join has those of all its tables, as PostgREST has it. */
	ck_assert_uint_eq(model(&f, "client_projects")->key_count, 2);
	ck_assert_str_eq(model(&f, "client_projects")->key[0]->name.ptr, "cid");
	ck_assert_str_eq(model(&f, "client_projects")->key[1]->name.ptr, "pid");
	ck_assert_int_eq(model(&f, "client_projects")->fields[1].key_position, 1);
	close_sample(&f);
}
END_TEST

START_TEST(counts_every_way_in_which_a_view_shows_a_key)
{
	struct fixture f;

	open_sample(&f, "a(id*); b(id*, a_id) ba: a_id > a(id);"
			"view v(one = b.a_id, two = b.a_id)");
	ck_assert_ptr_null(resolve(&f, "v", "a", NULL));
	ck_assert_str_eq(f.err.wire, "PGRST201");
	ck_assert_str_eq(resolve(&f, "v", "a", "two")->local[0]->name.ptr, "two");
	close_sample(&f);
}
END_TEST

START_TEST(leaves_out_keys_to_tables_that_are_not_served)
{
	struct fixture f;

	open_sample(&f, "a(id*, x) gone: x > elsewhere(id) odd: x > a(nothing)");
	ck_assert_uint_eq(model(&f, "a")->relation_count, 0);
	close_sample(&f);
}
END_TEST

SUITE_MAIN("relation", finds_a_target_by_table_constraint_or_column, narrows_by_a_hint,
	   tells_the_two_directions_of_a_self_relation_apart,
	   lists_the_candidates_of_an_ambiguous_request,
	   cuts_a_long_list_of_candidates_at_whole_entries, says_what_it_searched_for,
	   knows_both_ends_of_every_relation, names_relations_by_table_or_else_by_key,
	   finds_a_junction_only_when_its_key_holds_both_foreign_keys,
	   is_one_to_one_when_the_foreign_key_is_exactly_a_key,
	   gives_views_the_relations_of_their_tables, gives_a_view_the_keys_of_its_tables,
	   counts_every_way_in_which_a_view_shows_a_key,
	   leaves_out_keys_to_tables_that_are_not_served)
