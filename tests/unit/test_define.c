#include "core/model/define.h"

#include <stdio.h>

#include "tests/support/define_dump.h"
#include "tests/support/suite.h"
#include "tests/unit/define_sample.h"

static const char blog_short[] =
	"{\"version\": 1, \"models\": {\n"
	"\"User\": {\"fields\": {\"username\": \"string(80) unique index\",\n"
	"  \"email\": \"string(254) unique format(email)\", \"full_name\": \"string?\",\n"
	"  \"is_active\": \"boolean = true\", \"created_at\": \"datetime = now()\",\n"
	"  \"updated_at\": \"datetime = now() on update now()\"},\n"
	"  \"relations\": {\"posts\": \"Post[] <-> author\", \"profile\": \"UserProfile? <-> "
	"user\"}},\n"
	"\"UserProfile\": {\"fields\": {\"user_id\": \"-> User unique on delete cascade\",\n"
	"  \"bio\": \"text?\"}, \"relations\": {\"user\": \"User <-> profile\"}},\n"
	"\"Post\": {\"fields\": {\"title\": \"string(200) min_length(1)\", \"content\": \"text\",\n"
	"  \"author_id\": \"-> User on delete restrict index\", \"published\": \"boolean = "
	"false\"},\n"
	"  \"relations\": {\"author\": \"User <-> posts\", \"tags\": \"Tag[] via PostTag <-> "
	"posts\"}},\n"
	"\"Tag\": {\"fields\": {\"name\": \"string(50) unique\"},\n"
	"  \"relations\": {\"posts\": \"Post[] via PostTag <-> tags\"}},\n"
	"\"PostTag\": {\"table\": \"post_tags\", \"fields\": {\n"
	"  \"post_id\": \"-> Post pk on delete cascade\", \"tag_id\": \"-> Tag pk on delete "
	"cascade\"}}}}";

static struct md_def_report report;

static const struct md_definitions *load_with(const char *text, const struct md_def_limits *limits)
{
	struct md_def_source source = { "m.json", md_str_of(text) };
	const struct md_definitions *definitions = NULL;
	md_auto_buf told = MD_BUF(1 << 20);

	md_def_report_release(&report);
	md_definitions_load(&source, 1, limits, 0, &report, &definitions, NULL);
	for (unsigned i = 0; i < report.count; i++)
		md_def_problem_print(&report.items[i], &told);
	if (limits)
		return definitions;
	ck_assert_msg(definitions != NULL, "%s\n%s", text, md_buf_text(&told));
	return definitions;
}

static const struct md_definitions *load(const char *text)
{
	return load_with(text, NULL);
}

static const struct md_def_model *model_of(const struct md_definitions *definitions,
					   const char *name)
{
	const struct md_def_model *model = md_definitions_find(definitions, md_str_of(name));

	ck_assert_ptr_nonnull(model);
	return model;
}

START_TEST(the_blog_is_understood)
{
	const struct md_definitions *definitions = load(blog_short);
	md_auto_buf dump = MD_BUF(1 << 20);
	const char *end;

	dump_definitions(definitions, &dump);
	end = strstr(dump.data, "Post: post\n");
	ck_assert_ptr_nonnull(end);
	ck_assert_str_eq(
		end, "Post: post\n"
		     "  field id type 3 items 0 (0, 0) length 0 identity check post_id_check\n"
		     "  field title type 6 items 0 (0, 0) length 200 required check "
		     "post_title_check\n"
		     "  field content type 7 items 0 (0, 0) length 0 required check "
		     "post_content_check\n"
		     "  field author_id type 3 items 0 (0, 0) length 0 required check "
		     "post_author_id_check -> User.id\n"
		     "  field published type 8 items 0 (0, 0) length 0 check "
		     "post_published_check\n"
		     "  key post_pkey id\n"
		     "  index post_author_id_idx author_id\n"
		     "  foreign key post_author_id_fkey delete 2 update 0 author_id -> User.id\n"
		     "  many-to-one author User by post_author_id_fkey one here <-> posts\n"
		     "  many-to-many tags Tag by post_tags_post_id_fkey <-> posts via post_tags\n"
		     "Tag: tag\n"
		     "  field id type 3 items 0 (0, 0) length 0 identity check tag_id_check\n"
		     "  field name type 6 items 0 (0, 0) length 50 required check "
		     "tag_name_check\n"
		     "  key tag_pkey id\n"
		     "  unique tag_name_key name\n"
		     "  many-to-many posts Post by post_tags_tag_id_fkey <-> tags via post_tags\n"
		     "PostTag: post_tags\n"
		     "  field post_id type 3 items 0 (0, 0) length 0 required check "
		     "post_tags_post_id_check -> Post.id\n"
		     "  field tag_id type 3 items 0 (0, 0) length 0 required check "
		     "post_tags_tag_id_check -> Tag.id\n"
		     "  key post_tags_pkey post_id tag_id\n"
		     "  index post_tags_tag_id_idx tag_id\n"
		     "  foreign key post_tags_post_id_fkey delete 3 update 0 post_id -> Post.id\n"
		     "  foreign key post_tags_tag_id_fkey delete 3 update 0 tag_id -> Tag.id\n");
	ck_assert_str_eq(model_of(definitions, "UserProfile")->table, "userprofile");
	ck_assert_int_eq(model_of(definitions, "User")->relations[1].cardinality,
			 MD_DEF_ONE_TO_ONE);
	ck_assert_uint_eq(model_of(definitions, "User")->index_count, 2);
	md_definitions_free(definitions);
}
END_TEST

/* What definitions say must not change when they are printed and read again. */
static void check_round_trip(const char *text)
{
	const struct md_definitions *first = load(text), *again;
	md_auto_buf dump = MD_BUF(1 << 22);

	dump_definitions(first, &dump);
	for (enum md_def_form form = MD_DEF_LONG; form <= MD_DEF_SHORT; form++) {
		md_auto_buf printed = MD_BUF(1 << 22);
		md_auto_buf second = MD_BUF(1 << 22);

		md_definitions_print(first, NULL, form, &printed);
		again = load(md_buf_text(&printed));
		dump_definitions(again, &second);
		ck_assert_str_eq(second.data, dump.data);
		md_definitions_free(again);
	}
	md_definitions_free(first);
}

/* A file that is rewritten says the same; rewritten again, it stays as it is. */
static void check_rewritten(const char *text)
{
	const struct md_definitions *first = load(text);
	md_auto_buf dump = MD_BUF(1 << 22);

	dump_definitions(first, &dump);
	for (enum md_def_form form = MD_DEF_LONG; form <= MD_DEF_SHORT; form++) {
		md_auto_buf once = MD_BUF(1 << 22);
		md_auto_buf twice = MD_BUF(1 << 22);
		md_auto_buf second = MD_BUF(1 << 22);
		struct md_def_source source = { "m.json", md_str_of(text) };
		const struct md_definitions *document = NULL, *again;

		ck_assert_int_eq(md_definitions_read(&source, NULL, &report, &document, NULL),
				 MD_OK);
		md_definitions_print(document, NULL, form, &once);
		document = md_definitions_free(document);
		source.text = md_str_of(md_buf_text(&once));
		ck_assert_int_eq(md_definitions_read(&source, NULL, &report, &document, NULL),
				 MD_OK);
		md_definitions_print(document, NULL, form, &twice);
		ck_assert_str_eq(md_buf_text(&twice), once.data);
		md_definitions_free(document);
		again = load(once.data);
		dump_definitions(again, &second);
		ck_assert_str_eq(second.data, dump.data);
		md_definitions_free(again);
	}
	md_definitions_free(first);
}

static const char *const sources[] = {
	blog_short,
	everything,
	"{\"version\":1,\"models\":{}}",
	"{\"version\":1,\"defaults\":{\"auto_id\":\"none\"},\"models\":{\"V\":{\"managed\":false,"
	"\"fields\":{\"x\":\"text\"}},\"W\":{\"fields\":{\"x\":\"text pk\"}}}}",
	"{\"version\":1,\"models\":{\"Node\":{\"fields\":{\"parent_id\":\"-> Node? on delete "
	"cascade\"},"
	"\"relations\":{\"parent\":\"Node? <-> children\",\"children\":\"Node[] <-> parent\"}}}}",
};

START_TEST(short_and_long_form_say_the_same)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		check_round_trip(sources[i]);
		check_rewritten(sources[i]);
	}
}
END_TEST

START_TEST(fields_are_inherited_and_stamped)
{
	const struct md_definitions *definitions = load(everything);
	const struct md_def_model *item = model_of(definitions, "Item");
	static const char *const names[] = { "id",      "note",    "owner_id",
					     "made_at", "twin_id", "created_at" };

	ck_assert_uint_eq(item->field_count, 7);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_str_eq(item->fields[i].name, names[i]);
	ck_assert_int_eq(item->fields[0].type, MD_DEF_UUID);
	ck_assert_int_eq(item->fields[0].value.fn, MD_DEF_UUID4);
	ck_assert(!item->fields[0].identity);
	ck_assert_uint_eq(item->fields[1].max_length, 7); /* the own one goes before */
	ck_assert(item->fields[3].readonly && item->fields[3].immutable);
	ck_assert_int_eq(item->foreign_keys[0].on_delete, MD_DEF_RESTRICT);
	ck_assert_str_eq(item->checks[0].name, "item_check");
	ck_assert_uint_eq(item->place.line, 49);
	ck_assert_str_eq(item->fields[1].place.pointer, "/models/Item/fields/note");
	ck_assert_str_eq(item->fields[2].place.pointer, "/models/Base/fields/owner_id");
	ck_assert_uint_eq(item->fields[2].place.line, 9);
	md_definitions_free(definitions);
}
END_TEST

START_TEST(tables_are_named_as_the_file_says)
{
	static const struct {
		const char *how, *table;
	} cases[] = { { "lower", "httpserverlog" },
		      { "snake", "http_server_log" },
		      { "exact", "HTTPServerLog" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		const struct md_definitions *definitions;

		snprintf(text, sizeof(text),
			 "{\"version\":1,\"defaults\":{\"table_name\":\"%s\"},\"models\":"
			 "{\"HTTPServerLog\":{\"fields\":{}}}}",
			 cases[i].how);
		definitions = load(text);
		ck_assert_str_eq(definitions->models[0].table, cases[i].table);
		md_definitions_free(definitions);
	}
}
END_TEST

START_TEST(long_and_taken_names_stay_different)
{
	const struct md_definitions *definitions =
		load("{\"version\":1,\"models\":{"
		     "\"A\":{\"table\":\"a\",\"fields\":{\"b_c\":\"text unique\"}},"
		     "\"B\":{\"table\":\"a_b\",\"fields\":{\"c\":\"text unique\"}},"
		     "\"L\":{\"table\":\"a_table_with_a_name_that_is_long\",\"fields\":"
		     "{\"a_field_with_a_name_that_is_long\":\"text unique\"}}}}");

	ck_assert_str_eq(definitions->models[0].indexes[0].name, "a_b_c_key");
	ck_assert_str_eq(definitions->models[1].indexes[0].name, "a_b_c_key1");
	/* 54 bytes, _ and the start of the whole name's SHA-256 */
	ck_assert_str_eq(definitions->models[2].indexes[0].name,
			 "a_table_with_a_name_that_is_long_a_field_with_a_name_t_2f9b563c");
	md_definitions_free(definitions);
}
END_TEST

START_TEST(a_foreign_key_has_one_index)
{
	const struct md_definitions *definitions =
		load("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"-> A?\",\"b\":\"-> A? "
		     "index\","
		     "\"c\":\"-> A? "
		     "unique\",\"d\":{\"references\":\"A\",\"nullable\":true,\"index\":false},"
		     "\"e\":\"-> A?\"},\"indexes\":[[\"e\",\"a\"]]}}}");
	const struct md_def_model *model = &definitions->models[0];
	static const char *const names[] = { "a_c_key", "a_e_a_idx", "a_b_idx", "a_a_idx" };

	ck_assert_uint_eq(model->index_count, 4);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_str_eq(model->indexes[i].name, names[i]);
	md_definitions_free(definitions);
}
END_TEST

START_TEST(ambiguous_relations_follow_their_other_side)
{
	const struct md_definitions *definitions =
		load("{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{"
		     "\"posts\":\"Post[] <-> author\",\"edited\":\"Post[] via editor_id\"}},"
		     "\"Post\":{\"fields\":{\"author_id\":\"-> User\",\"editor_id\":\"-> User\"},"
		     "\"relations\":{\"author\":\"User via author_id <-> posts\"}}}}");

	ck_assert_str_eq(definitions->models[0].relations[0].key->name, "post_author_id_fkey");
	ck_assert_str_eq(definitions->models[0].relations[1].key->name, "post_editor_id_fkey");
	md_definitions_free(definitions);
}
END_TEST

static void told(const char *expected)
{
	md_auto_buf text = MD_BUF(1 << 16);

	ck_assert_uint_gt(report.count, 0);
	md_def_problem_print(&report.items[0], &text);
	ck_assert_str_eq(md_buf_text(&text), expected);
}

static char big[MD_DEF_NODES * 2 + 100];

START_TEST(limits_are_told_as_m108)
{
	struct md_def_limits limits = { .file = 30 };

	ck_assert_ptr_null(load_with("{\"version\":1,\"models\":{        }       }", &limits));
	told("m.json: M108 a file has at most 30 bytes\n");
	limits = (struct md_def_limits){ .models = 1 };
	ck_assert_ptr_null(load_with("{\"version\":1,\"models\":{\"A\":{\"fields\":{}},"
				     "\"B\":{\"fields\":{}}}}",
				     &limits));
	told("m.json:1: M108 /models: at most 1 models, not 2\n");
	limits = (struct md_def_limits){ .fields = 1 };
	ck_assert_ptr_null(load_with("{\"version\":1,\"models\":{\"A\":{\"fields\":"
				     "{\"a\":\"text\",\"b\":\"text\"}}}}",
				     &limits));
	told("m.json:1: M108 /models/A/fields: a model has at most 1 fields, not 2\n");
	memset(big, '[', MD_DEF_DEPTH + 1);
	ck_assert_ptr_null(load_with(big, &limits));
	told("m.json:1: M108 nested too deeply\n");
	big[0] = '[';
	for (size_t i = 1; i + 2 < sizeof(big); i += 2)
		memcpy(big + i, "1,", 2);
	ck_assert_ptr_null(load_with(big, &limits));
	told("m.json:1: M108 too many values\n");
	snprintf(big, sizeof(big),
		 "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text = '%01024d'\"}}}}", 0);
	ck_assert_ptr_null(load_with(big, &limits));
	told("m.json:1: M108 /models/A/fields/x: a shorthand has at most 1024 bytes, not 1033\n");
}
END_TEST

START_TEST(models_of_two_files_are_counted_together)
{
	struct md_def_source two[2] = {
		{ "a.json", MD_STR("{\"version\":1,\"models\":{\"A\":{\"fields\":{}}}}") },
		{ "b.json", MD_STR("{\"version\":1,\"models\":{\"B\":{\"fields\":{}}}}") }
	};
	struct md_def_limits limits = { .models = 1 };
	const struct md_definitions *definitions = NULL;
	struct md_error err;

	md_def_report_release(&report);
	ck_assert_int_eq(md_definitions_load(two, 2, &limits, 0, &report, &definitions, &err),
			 MD_INVALID);
	told("M108 at most 1 models, not 2\n");
	ck_assert_str_eq(err.message, "the model definitions have 1 mistake");
}
END_TEST

START_TEST(only_so_many_mistakes_are_told)
{
	size_t len = (size_t)snprintf(big, sizeof(big), "{\"version\":1,\"models\":{");
	struct md_def_limits limits = { .file = 0 };

	for (int i = 0; i < 300; i++)
		len += (size_t)snprintf(big + len, sizeof(big) - len, "%s\n\"A%d\":{\"fields\":[]}",
					i > 0 ? "," : "", i);
	snprintf(big + len, sizeof(big) - len, "}}");
	ck_assert_ptr_null(load_with(big, &limits));
	ck_assert_uint_eq(report.count, MD_DEF_PROBLEMS);
	ck_assert_uint_eq(report.errors, 300);
	ck_assert_uint_eq(report.left_out, 100);
}
END_TEST

START_TEST(a_deep_chain_of_abstract_models_is_followed)
{
	size_t len = (size_t)snprintf(big, sizeof(big),
				      "{\"version\":1,\"models\":{\"A0\":{\"abstract\":true,"
				      "\"fields\":{\"x\":\"text\"}}");
	const struct md_definitions *definitions;

	for (int i = 1; i < 1900; i++)
		len += (size_t)snprintf(big + len, sizeof(big) - len,
					",\"A%d\":{\"abstract\":true,\"extends\":\"A%d\"}", i,
					i - 1);
	snprintf(big + len, sizeof(big) - len, ",\"B\":{\"extends\":\"A1899\"}}}");
	definitions = load(big);
	ck_assert_uint_eq(model_of(definitions, "B")->field_count, 2);
	md_definitions_free(definitions);
}
END_TEST

START_TEST(targets_warn_without_failing)
{
	struct md_def_source source = { "m.json",
					MD_STR("{\"version\":1,\"models\":{\"A\":{\"fields\":"
					       "{\"x\":\"decimal(20)\"}}}}") };
	const struct md_definitions *definitions = NULL;

	md_def_report_release(&report);
	ck_assert_int_eq(md_definitions_load(&source, 1, NULL, MD_ENGINE_SQLITE, &report,
					     &definitions, NULL),
			 MD_OK);
	ck_assert_uint_eq(report.warnings, 1);
	ck_assert_uint_eq(report.errors, 0);
	md_definitions_free(definitions);
}
END_TEST

SUITE_MAIN("definitions", the_blog_is_understood, short_and_long_form_say_the_same,
	   fields_are_inherited_and_stamped, tables_are_named_as_the_file_says,
	   long_and_taken_names_stay_different, a_foreign_key_has_one_index,
	   ambiguous_relations_follow_their_other_side, limits_are_told_as_m108,
	   models_of_two_files_are_counted_together, only_so_many_mistakes_are_told,
	   a_deep_chain_of_abstract_models_is_followed, targets_warn_without_failing)
