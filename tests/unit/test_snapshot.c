/* Definitions written down and read again say the same to every engine. */
#include "core/migrate/snapshot.h"

#include "core/base/arena.h"
#include "core/migrate/ddl.h"
#include "tests/support/suite.h"
#include "tests/unit/ddl_random.h"
#include "tests/unit/define_sample.h"
#include "tests/unit/snapshot_rig.h"

/* All that engines would be told. */
static void put_ddl(const struct md_definitions *definitions, struct md_buf *out)
{
	const struct md_ddl_dialect *const dialects[] = {
		&md_sqlite_ddl,
#ifdef MD_HAVE_POSTGRES
		&md_postgres_ddl,
#endif
	};

	for (size_t d = 0; d < sizeof(dialects) / sizeof(dialects[0]); d++) {
		md_auto_arena arena = md_arena_new(64 << 20);
		bool *wanted = calloc(definitions->model_count + 1, sizeof(*wanted));
		struct md_ddl_plan plan;

		for (unsigned i = 0; i < definitions->model_count; i++)
			wanted[i] = md_ddl_is_made(&definitions->models[i]);
		ck_assert_int_eq(md_ddl_plan(dialects[d], definitions, wanted, arena, &plan, NULL),
				 MD_OK);
		for (unsigned i = 0; i < plan.count; i++)
			md_buf_printf(out, "%s;\n", plan.statements[i].sql);
		free(wanted);
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text, sorted, without commas at their ends: snapshots have no order of checks. */
static char **lines_of(struct md_buf *text, size_t *ret_count)
{
	char *line, *rest = (char *)(uintptr_t)md_buf_text(text), **lines;
	size_t count = 0;

	ck_assert_ptr_nonnull(rest);
	lines = calloc(text->len + 1, sizeof(*lines));
	while ((line = strsep(&rest, "\n"))) {
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == ',')
			line[len - 1] = '\0';
		lines[count++] = line;
	}
	qsort(lines, count, sizeof(*lines), compare_lines);
	*ret_count = count;
	return lines;
}

static void must_say_the_same(const struct md_definitions *one, const struct md_definitions *other)
{
	md_auto_buf first = MD_BUF(64 << 20), second = MD_BUF(64 << 20);
	size_t first_count, second_count;
	char **first_lines, **second_lines;

	put_ddl(one, &first);
	put_ddl(other, &second);
	first_lines = lines_of(&first, &first_count);
	second_lines = lines_of(&second, &second_count);
	ck_assert_uint_eq(first_count, second_count);
	for (size_t i = 0; i < first_count; i++)
		ck_assert_msg(strcmp(first_lines[i], second_lines[i]) == 0, "%.300s\n%.300s",
			      first_lines[i], second_lines[i]);
	free(first_lines);
	free(second_lines);
}

static void check_text(const char *text)
{
	const struct md_definitions *definitions = load_definitions(text);
	struct md_snapshot *snapshot = snapshot_of(definitions), *again = NULL, *read = NULL;
	char *written = json_dumps(snapshot->document, 0);

	must_say_the_same(definitions, snapshot->definitions);
	/* A snapshot of a snapshot is the same, and so is one that was written and read. */
	again = snapshot_of(snapshot->definitions);
	ck_assert_str_eq(again->checksum, snapshot->checksum);
	read = read_snapshot(written);
	ck_assert_str_eq(read->checksum, snapshot->checksum);
	must_say_the_same(definitions, read->definitions);
	free(written);
	md_snapshot_free(read);
	md_snapshot_free(again);
	md_snapshot_free(snapshot);
	md_definitions_free(definitions);
}

START_TEST(a_snapshot_says_what_the_definitions_say)
{
	check_text(everything);
	check_text("{\"version\":1,\"models\":{}}");
	/* A field that would have an index, were it not for its saying no. */
	check_text("{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"bigint\","
		   "\"index\":false},\"y\":\"bigint\"},\"foreign_keys\":[{\"fields\":[\"x\"],"
		   "\"model\":\"A\"},{\"fields\":[\"y\"],\"model\":\"A\"}]}}}");
	for (uint32_t seed = 0; seed < 300; seed++) {
		md_auto_buf text = MD_BUF(1 << 20);

		random_definitions(&text, seed);
		check_text(md_buf_text(&text));
	}
}
END_TEST

static void must_equal(const char *one, const char *other)
{
	struct md_snapshot *a = snapshot_of_text(one), *b = snapshot_of_text(other);

	ck_assert_msg(strcmp(a->checksum, b->checksum) == 0, "%s\n%s", one, other);
	md_snapshot_free(a);
	md_snapshot_free(b);
}

START_TEST(what_means_the_same_is_the_same)
{
	static const char *const pairs[][2] = {
		/* Order of fields, keys at fields or at the model, short and long form. */
		{ "'A':{'fields':{'id':'bigint pk','x':'int?','y':'text'}}",
		  "'A':{'primary_key':['id'],'fields':{'y':'text','x':{'type':'integer',"
		  "'nullable':true},'id':'bigint'}}" },
		{ "'A':{'fields':{'x':'int'}}",
		  "'A':{'table':'a','managed':true,'fields':{'x':'int','id':'bigint pk'}}" },
		/* Order of models, indexes and checks. */
		{ "'A':{'fields':{'x':'int'}},'B':{'fields':{'y':'-> A'}}",
		  "'B':{'fields':{'y':'-> A.id on delete no action'}},'A':{'fields':{'x':'int'}}" },
		{ "'A':{'fields':{'x':'int','y':'int'},'indexes':[['x'],['y']],'unique':[['x','y']]"
		  "}",
		  "'A':{'fields':{'x':'int','y':'int'},'unique':[{'fields':['x','y'],'name':"
		  "'a_x_y_key'}],'indexes':[['y'],['x asc']]}" },
		{ "'A':{'fields':{'x':'int'},'checks':[{'name':'p','sql':'x > "
		  "1'},{'name':'q','sql':'x "
		  "> 0'}]}",
		  "'A':{'fields':{'x':'int'},'checks':[{'name':'q','sql':'x > "
		  "0'},{'name':'p','sql':'x > 1'}]}" },
		/* What was inherited, and what tells the way there. */
		{ "'Base':{'abstract':true,'fields':{'x':'int'}},'A':{'extends':'Base'}",
		  "'A':{'renamed_from':'Z','fields':{'x':{'type':'int','renamed_from':'y',"
		  "'backfill':3}}}" },
		{ "'A':{'timestamps':true,'fields':{'x':'string = \\'a\\''}}",
		  "'A':{'fields':{'x':{'type':'string','max_length':255,'default':'a'},"
		  "'created_at':'datetime = now() readonly immutable',"
		  "'updated_at':'datetime = now() on update now() readonly'}}" },
		{ "'A':{'fields':{'x':'int unique index'},'options':{'sqlite':{'strict':true}}}",
		  "'A':{'fields':{'x':'int unique'}}" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *one = models_text(pairs[i][0]), *other = models_text(pairs[i][1]);

		must_equal(one, other);
		free(one);
		free(other);
	}
}
END_TEST

START_TEST(numbers_and_trees_keep_their_text)
{
	struct md_snapshot *snapshot = snapshot_of_models(
		"'A':{'fields':{'p':'decimal(38,2) = 123456789012345678901234567890123456.70',"
		"'f':'float = 1.50e3','g':'float = 0.1','n':'int = 7','j':{'type':'json',"
		"'default':{'a':[0.10,'\\u00e4'],'$json':'1'}}}}");
	const struct md_def_field *fields = snapshot->definitions->models[0].fields;
	const json_t *json = json_object_get(
		json_object_get(json_object_get(json_object_get(snapshot->document, "models"), "A"),
				"fields"),
		"g");

	ck_assert_str_eq(fields[0].name, "id");
	ck_assert_str_eq(fields[1].value.literal.text, "123456789012345678901234567890123456.70");
	ck_assert_str_eq(fields[2].value.literal.text, "1.50e3");
	ck_assert_str_eq(fields[3].value.literal.text, "0.1");
	ck_assert(json_is_real(json_object_get(json, "default")));
	ck_assert_str_eq(fields[4].value.literal.text, "7");
	ck_assert_str_eq(fields[5].value.literal.text,
			 "{\"a\":[0.10,\"\\u00e4\"],\"$json\":\"1\"}");
	md_snapshot_free(snapshot);
}
END_TEST

/* Two unnamed checks have a number by their order, which a snapshot does not keep. */
START_TEST(names_come_out_the_same_again)
{
	struct md_snapshot *snapshot =
		snapshot_of_models("'A':{'fields':{'x':'int','y':'int'},'checks':['x > 1','x > 0'],"
				   "'indexes':[{'fields':['x'],'where':'y > 0'},['x'],['y']]}");
	const struct md_def_model *model = &snapshot->definitions->models[0];
	const json_t *json = json_object_get(json_object_get(snapshot->document, "models"), "A");
	size_t at;
	json_t *item;

	ck_assert_uint_eq(model->check_count, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_str_eq(model->checks[i].name,
				 strcmp(model->checks[i].sql.any, "x > 1") == 0 ? "a_check"
										: "a_check1");
	json_array_foreach(json_object_get(json, "indexes"), at, item)
	{
		const char *field =
			json_string_value(json_array_get(json_object_get(item, "fields"), 0));

		ck_assert(strcmp(field, "y") != 0 || !json_object_get(item, "name"));
	}
	for (unsigned i = 0; i < model->index_count; i++) {
		bool where = model->indexes[i].where.any;

		if (strcmp(model->indexes[i].columns[0].name, "x") == 0)
			ck_assert_str_eq(model->indexes[i].name, where ? "a_x_idx" : "a_x_idx1");
	}
	md_snapshot_free(snapshot);
}
END_TEST

START_TEST(many_models_are_no_trouble)
{
	md_auto_buf text = MD_BUF(64 << 20);
	const struct md_definitions *definitions;
	struct md_snapshot *snapshot;

	md_buf_puts(&text,
		    "{\"version\":1,\"enums\":{\"E\":[\"a\"],\"Unused\":[\"x\"]},\"models\":{");
	for (unsigned i = 0; i < 1500; i++) {
		md_buf_printf(&text, "%s\"M%u\":{\"fields\":{\"e\":\"E\"", i > 0 ? "," : "", i);
		for (unsigned k = 0; k < 20; k++)
			md_buf_printf(&text, ",\"f%u\":\"string? min_length(1)\"", k);
		md_buf_printf(&text, ",\"r\":\"-> M%u?\"}}", (i * 7) % 1500);
	}
	md_buf_puts(&text, "}}");
	definitions = load_definitions(md_buf_text(&text));
	snapshot = snapshot_of(definitions);
	ck_assert_uint_eq(snapshot->definitions->model_count, 1500);
	ck_assert_uint_eq(json_object_size(json_object_get(snapshot->document, "enums")), 1);
	must_say_the_same(definitions, snapshot->definitions);
	md_snapshot_free(snapshot);
	md_definitions_free(definitions);
}
END_TEST

START_TEST(what_is_no_snapshot_is_refused)
{
	static const char *const texts[] = {
		"[]",
		"{}",
		"{\"models\":3}",
		"{\"models\":{}}",
		"{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"txt\"}}}}}",
		"{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"int\","
		"\"default\":{\"$json\":\"1},\\\"y\\\":{\"}}}}}}",
	};
	struct md_snapshot *empty = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct md_snapshot *snapshot = NULL;
		struct md_error err = { .code = MD_OK };
		json_t *json = json_loads(texts[i], 0, NULL);

		ck_assert_int_eq(md_snapshot_read(json, &snapshot, &err), MD_INVALID);
		ck_assert_int_eq(err.code, MD_INVALID);
		ck_assert_ptr_null(snapshot);
		ck_assert(i != 4 ||
			  strstr(err.details, "snapshot:1: M120 /models/A/fields/x/type: unknown"));
		json_decref(json);
	}
	ck_assert_int_eq(md_snapshot_read(NULL, &empty, NULL), MD_OK);
	ck_assert_uint_eq(empty->definitions->model_count, 0);
	md_snapshot_free(empty);
}
END_TEST

SUITE_MAIN("snapshots", a_snapshot_says_what_the_definitions_say, what_means_the_same_is_the_same,
	   numbers_and_trees_keep_their_text, names_come_out_the_same_again,
	   many_models_are_no_trouble, what_is_no_snapshot_is_refused)
