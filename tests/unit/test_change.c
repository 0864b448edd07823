/* Differences between models: found, applied, taken back, asked about. */
#include "core/migrate/change.h"

#include "core/base/arena.h"
#include "core/migrate/match.h"
#include "tests/support/suite.h"
#include "tests/unit/ddl_random.h"
#include "tests/unit/define_sample.h"
#include "tests/unit/snapshot_rig.h"

static const struct md_diff_options no_renames = { .no_renames = true };

static json_t *diff(const struct md_snapshot *before, const struct md_snapshot *after,
		    const struct md_diff_options *options)
{
	md_auto_arena arena = md_arena_new(1 << 20);
	const struct md_rename_question *questions;
	struct md_error err = { .code = MD_OK };
	json_t *operations = NULL;
	unsigned count;

	if (md_change_diff(before, after, options, arena, &operations, &questions, &count, &err) !=
	    MD_OK)
		ck_abort_msg("%s\n%s", err.message, err.details);
	return operations;
}

static struct md_snapshot *apply(const struct md_snapshot *before, const json_t *operations)
{
	struct md_snapshot *after = NULL;
	struct md_error err = { .code = MD_OK };

	if (md_change_apply(before, operations, 0, json_array_size(operations), false, &after,
			    &err) != MD_OK) {
		char *text = json_dumps(operations, 0);

		ck_abort_msg("%s\n%s\n%.2000s", err.message, err.details, text);
	}
	return after;
}

static json_t *invert(const json_t *operations)
{
	json_t *inverse = NULL;

	ck_assert_int_eq(md_change_invert(operations, &inverse, NULL), MD_OK);
	return inverse;
}

/* There, back, and nothing from itself to itself. */
static void must_round_trip(const struct md_snapshot *a, const struct md_snapshot *b,
			    const struct md_diff_options *options)
{
	json_t *up = diff(a, b, options), *down = invert(up), *again = invert(down);
	struct md_snapshot *there = apply(a, up), *back = apply(b, down);
	json_t *nothing = diff(there, b, NULL);

	ck_assert_str_eq(there->checksum, b->checksum);
	ck_assert_str_eq(back->checksum, a->checksum);
	ck_assert_uint_eq(json_array_size(nothing), 0);
	ck_assert_uint_eq(json_array_size(again), json_array_size(up));
	md_snapshot_free(there);
	md_snapshot_free(back);
	json_decref(nothing);
	json_decref(again);
	json_decref(down);
	json_decref(up);
}

static struct md_snapshot *random_snapshot(uint32_t seed)
{
	md_auto_buf text = MD_BUF(1 << 20);

	random_definitions(&text, seed);
	return snapshot_of_text(md_buf_text(&text));
}

START_TEST(a_difference_leads_there_and_back)
{
	struct md_snapshot *nothing = NULL, *all = snapshot_of_text(everything);

	ck_assert_int_eq(md_snapshot_read(NULL, &nothing, NULL), MD_OK);
	must_round_trip(nothing, all, NULL);
	for (uint32_t seed = 0; seed < 300; seed++) {
		struct md_snapshot *a = random_snapshot(seed), *b = random_snapshot(seed + 1000);

		must_round_trip(a, b, &no_renames);
		must_round_trip(a, nothing, NULL);
		must_round_trip(nothing, b, NULL);
		if (seed % 30 == 0)
			must_round_trip(all, b, &no_renames);
		md_snapshot_free(a);
		md_snapshot_free(b);
	}
	md_snapshot_free(nothing);
	md_snapshot_free(all);
}
END_TEST

/* Rename every third field and every second model; returns how many. */
static unsigned rename_some(const struct md_snapshot *a, json_t *operations, struct md_rename *told,
			    char (*names)[80])
{
	unsigned count = 0;

	for (unsigned m = 0; m < a->definitions->model_count; m++) {
		const struct md_def_model *model = &a->definitions->models[m];
		bool moved = dice(2) == 0;
		const char *name = model->name;

		if (moved) {
			snprintf(names[count], sizeof(names[count]), "New%u", m);
			told[count] = (struct md_rename){ NULL, model->name, names[count] };
			name = names[count++];
			json_array_append_new(operations,
					      json_pack("{s:s, s:s, s:s}", "op", "rename_model",
							"from", model->name, "to", name));
		}
		for (unsigned f = 0; f < model->field_count; f++) {
			if (dice(3) > 0)
				continue;
			snprintf(names[count], sizeof(names[count]), "n%u_%u", m, f);
			told[count] =
				(struct md_rename){ name, model->fields[f].name, names[count] };
			json_array_append_new(operations,
					      json_pack("{s:s, s:s, s:s, s:s}", "op",
							"rename_field", "model", name, "from",
							model->fields[f].name, "to", names[count]));
			count++;
		}
	}
	return count;
}

START_TEST(renames_stay_renames)
{
	for (uint32_t seed = 0; seed < 200; seed++) {
		struct md_snapshot *a = random_snapshot(seed), *b;
		struct md_rename told[100];
		char names[100][80];
		json_t *operations = json_array(), *found;
		unsigned count = rename_some(a, operations, told, names);
		struct md_diff_options options = { .renames = told, .rename_count = count };

		b = apply(a, operations);
		must_round_trip(a, b, &options);
		found = diff(a, b, &options);
		/* Nothing but the renames: all that speaks of them follows. */
		ck_assert_uint_eq(json_array_size(found), count);
		json_decref(found);
		json_decref(operations);
		md_snapshot_free(a);
		md_snapshot_free(b);
	}
}
END_TEST

/* A year of work in one revision; a clock that stops it would say that something is quadratic. */
START_TEST(many_models_are_no_trouble)
{
	md_auto_buf text = MD_BUF(64 << 20);
	md_auto_arena arena = md_arena_new(64 << 20);
	const struct md_match *match;
	struct md_snapshot *nothing = NULL, *all;
	json_t *operations;

	md_buf_puts(&text, "{\"version\":1,\"models\":{");
	for (unsigned i = 0; i < 1500; i++) {
		md_buf_printf(&text, "%s\"M%u\":{\"fields\":{", i > 0 ? "," : "", i);
		for (unsigned k = 0; k < 20; k++)
			md_buf_printf(&text, "\"f%u\":\"string? index\",", k);
		md_buf_printf(&text, "\"r\":\"-> M%u?\"}}", (i * 7) % 1500);
	}
	md_buf_puts(&text, "}}");
	all = snapshot_of_text(md_buf_text(&text));
	ck_assert_int_eq(md_snapshot_read(NULL, &nothing, NULL), MD_OK);
	must_round_trip(nothing, all, NULL);
	must_round_trip(all, nothing, NULL);
	operations = diff(nothing, all, NULL);
	ck_assert_int_eq(md_match_make(&md_sqlite_ddl, all->definitions, all->definitions,
				       operations, arena, &match, NULL),
			 MD_OK);
	for (unsigned i = 0; i < match->model_count; i++)
		ck_assert(!match->models[i].changed);
	json_decref(operations);
	md_snapshot_free(nothing);
	md_snapshot_free(all);
}
END_TEST

/* --- one change at a time ----------------------------------------------------------------------
 */

/* What the operations say, a line each. */
static void put_texts(const json_t *operations, struct md_buf *out)
{
	md_auto_arena arena = md_arena_new(1 << 20);

	for (size_t i = 0; i < json_array_size(operations); i++)
		md_buf_printf(out, "%s%s", i > 0 ? "\n" : "",
			      md_change_text(json_array_get(operations, i), arena));
	ck_assert_ptr_nonnull(md_buf_text(out));
}

#define OTHER       ",'P':{'primary_key':['a','b'],'fields':{'a':'int','b':'int'}}"
#define FIELD(text) "'A':{'fields':{'f':" text "}}" OTHER
#define WITH(text)  "'A':{'fields':{'x':'int','y':'int'}," text "}" OTHER
#define PLAIN       "'A':{'fields':{'x':'int','y':'int'}}" OTHER

static const struct {
	const char *before, *after, *texts;
} singles[] = {
	/* The matrix of what people find undetected elsewhere. */
	{ PLAIN, PLAIN ",'B':{'fields':{'x':'date'}}", "create table B" },
	{ PLAIN ",'B':{'fields':{'x':'date'}}", PLAIN, "drop table B" },
	{ PLAIN, "'A':{'fields':{'x':'int','y':'int','z':'text'}}" OTHER, "add field z to A" },
	{ "'A':{'fields':{'x':'int','y':'int','z':'text'}}" OTHER, PLAIN, "drop field z of A" },
	{ FIELD("'int'"), FIELD("'int?'"), "change field f of A: nullable" },
	{ FIELD("'int?'"), FIELD("'int'"), "change field f of A: nullable" },
	{ FIELD("'string'"), FIELD("'int'"), "change field f of A: type, max_length" },
	{ FIELD("'int'"), FIELD("'bigint'"), "change field f of A: type" },
	{ FIELD("'string(10)'"), FIELD("'string(20)'"), "change field f of A: max_length" },
	{ FIELD("'string(20)'"), FIELD("'string(10)'"), "change field f of A: max_length" },
	{ FIELD("'string'"), FIELD("'string(20)'"), "change field f of A: max_length" },
	{ FIELD("'decimal(8,2)'"), FIELD("'decimal(9,2)'"), "change field f of A: precision" },
	{ FIELD("'decimal(8,2)'"), FIELD("'decimal(8,3)'"), "change field f of A: scale" },
	{ FIELD("'json'"), FIELD("'text'"), "change field f of A: type" },
	{ FIELD("'int'"), FIELD("'bool'"), "change field f of A: type" },
	{ FIELD("'array(integer)'"), FIELD("'array(bigint)'"), "change field f of A: items" },
	{ FIELD("'datetime_local'"), FIELD("'datetime'"), "change field f of A: type" },
	{ FIELD("'int'"), FIELD("'int = 1'"), "change field f of A: default" },
	{ FIELD("'int = 1'"), FIELD("'int = 2'"), "change field f of A: default" },
	{ FIELD("'int = 1'"), FIELD("'int'"), "change field f of A: default" },
	{ FIELD("'datetime = now()'"), FIELD("'datetime'"), "change field f of A: default" },
	{ FIELD("'uuid = uuid()'"), FIELD("'uuid = uuid7()'"), "change field f of A: default" },
	{ FIELD("'decimal(8,2) = 1.5'"), FIELD("'decimal(8,2) = 1.50'"),
	  "change field f of A: default" },
	{ FIELD("'datetime'"), FIELD("'datetime on update now()'"),
	  "change field f of A: on_update" },
	{ FIELD("'int'"), FIELD("'int unique'"), "change field f of A: unique" },
	{ FIELD("'int unique'"), FIELD("'int'"), "change field f of A: unique" },
	{ FIELD("'int'"), FIELD("'int index'"), "change field f of A: index" },
	{ FIELD("'text'"), FIELD("'text collate(nocase)'"), "change field f of A: collate" },
	{ FIELD("'int'"), FIELD("'int min(1)'"), "change field f of A: min" },
	{ FIELD("'int max(1)'"), FIELD("'int max(2)'"), "change field f of A: max" },
	{ FIELD("'int'"), FIELD("'int multiple_of(2)'"), "change field f of A: multiple_of" },
	{ FIELD("'text'"), FIELD("'text min_length(2)'"), "change field f of A: min_length" },
	{ FIELD("'text'"), FIELD("'text pattern(\\'a\\')'"), "change field f of A: pattern" },
	{ FIELD("'text'"), FIELD("'text format(email)'"), "change field f of A: format" },
	{ FIELD("'int'"), FIELD("'int hidden'"), "change field f of A: hidden" },
	{ FIELD("'int'"), FIELD("{'type':'int','check':'f > 0'}"), "change field f of A: check" },
	{ FIELD("{'type':'int','check':'f > 1'}"), FIELD("{'type':'int','check':'f > 0'}"),
	  "change field f of A: check" },
	{ FIELD("'enum(a,b)'"), FIELD("'enum(a,b,c)'"), "change field f of A: enum" },
	{ FIELD("'enum(a,b)'"), FIELD("'enum(a)'"), "change field f of A: enum" },
	{ FIELD("{'type':'int','generated':{'sql':'1'}}"),
	  FIELD("{'type':'int','generated':{'sql':'2'}}"), "change field f of A: generated" },
	{ FIELD("{'type':'int','generated':{'sql':'1'}}"),
	  FIELD("{'type':'int','generated':{'sql':'1','stored':false}}"),
	  "change field f of A: generated" },
	{ FIELD("{'type':'int','generated':{'sql':'1'}}"), FIELD("'int'"),
	  "change field f of A: generated" },
	{ FIELD("'int'"), FIELD("{'type':'int','column':'g'}"), "change field f of A: column" },
	{ FIELD("'int'"), FIELD("{'type':'int','sql_type':{'postgresql':'int4'}}"),
	  "change field f of A: sql_type" },
	{ FIELD("'int'"), FIELD("{'type':'int','description':'d'}"),
	  "change field f of A: description" },
	{ FIELD("'bigint'"), FIELD("'-> A'"), "change field f of A: type, references" },
	{ FIELD("'-> A on delete cascade'"), FIELD("'-> A'"), "change field f of A: references" },
	{ FIELD("'-> A on delete cascade'"), FIELD("'-> A on delete restrict'"),
	  "change field f of A: references" },
	{ FIELD("{'references':'A'}"),
	  FIELD("{'references':{'model':'A','deferrable':'deferred'}}"),
	  "change field f of A: references" },
	{ "'A':{'fields':{'id':'bigint pk','x':'int'}}",
	  "'A':{'fields':{'id':{'type':'bigint','auto_increment':false,'primary_key':true},"
	  "'x':'int'}}",
	  "change field id of A: auto_increment" },
	{ PLAIN, WITH("'indexes':[['x']]"), "add index (x) to A" },
	{ WITH("'indexes':[['x']]"), PLAIN, "drop index (x) of A" },
	{ WITH("'indexes':[['x','y']]"), WITH("'indexes':[['y','x']]"),
	  "drop index (x, y) of A\nadd index (y, x) to A" },
	{ WITH("'indexes':[['x']]"), WITH("'indexes':[['x desc']]"),
	  "drop index (x) of A\nadd index (x desc) to A" },
	{ WITH("'indexes':[['x']]"), WITH("'indexes':[{'fields':['x'],'unique':true}]"),
	  "drop index (x) of A\nadd index (x) to A" },
	{ WITH("'indexes':[{'fields':['x'],'where':'y > 1'}]"),
	  WITH("'indexes':[{'fields':['x'],'where':'y > 2'}]"),
	  "drop index (x) of A\nadd index (x) to A" },
	{ WITH("'indexes':[['x']]"), WITH("'indexes':[{'fields':['x'],'using':'hash'}]"),
	  "drop index (x) of A\nadd index (x) to A" },
	{ WITH("'indexes':[['x']]"), WITH("'indexes':[{'fields':['x'],'include':['y']}]"),
	  "drop index (x) of A\nadd index (x) to A" },
	{ WITH("'indexes':[['x']]"), WITH("'indexes':[{'fields':['x'],'name':'i'}]"),
	  "rename index x of A to i" },
	{ WITH("'indexes':[{'fields':['x'],'name':'i'}]"),
	  WITH("'indexes':[{'fields':['x'],'name':'j'}]"), "rename index i of A to j" },
	{ WITH("'unique':[{'fields':['x'],'name':'i'}]"), WITH("'unique':[['x']]"),
	  "rename index i of A to what it is called by itself" },
	{ PLAIN, WITH("'unique':[['x','y']]"), "add unique key (x, y) to A" },
	{ WITH("'unique':[['x','y']]"), PLAIN, "drop unique key (x, y) of A" },
	{ PLAIN, WITH("'checks':['x > y']"), "add check (x > y) to A" },
	{ PLAIN, WITH("'checks':[{'name':'c','sql':'x > y'}]"), "add check c to A" },
	{ WITH("'checks':['x > y']"), WITH("'checks':['x > 1']"),
	  "drop check (x > y) of A\nadd check (x > 1) to A" },
	{ PLAIN, WITH("'foreign_keys':[{'fields':['x','y'],'model':'P'}]"),
	  "add foreign key (x, y) to P of A" },
	{ WITH("'foreign_keys':[{'fields':['x','y'],'model':'P'}]"), PLAIN,
	  "drop foreign key (x, y) to P of A" },
	{ WITH("'foreign_keys':[{'fields':['x','y'],'model':'P'}]"),
	  WITH("'foreign_keys':[{'fields':['x','y'],'model':'P','on_delete':'cascade'}]"),
	  "drop foreign key (x, y) to P of A\nadd foreign key (x, y) to P of A" },
	{ "'A':{'primary_key':['x'],'fields':{'x':'int','y':'int'}}",
	  "'A':{'primary_key':['x','y'],'fields':{'x':'int','y':'int'}}",
	  "change model A: primary_key" },
	{ PLAIN, WITH("'table':'t'"), "change model A: table" },
	{ PLAIN, WITH("'description':'d'"), "change model A: description" },
	{ PLAIN, WITH("'options':{'sqlite':{'strict':false}}"), "change model A: options" },
	{ PLAIN, WITH("'read_only':true"), "change model A: read_only" },
	{ PLAIN, WITH("'managed':false"), "change model A: managed" },
	{ PLAIN, PLAIN ",'B':{'managed':false,'fields':{'x':'date'}}",
	  "describe table B, which is not managed" },
	{ "'A':{'fields':{'a':'-> A?'}}",
	  "'A':{'fields':{'a':'-> A?'},'relations':{'up':'A via a'}}",
	  "change model A: relations" },
	/* Neither of these is a change. */
	{ PLAIN, "'A':{'fields':{'y':'int','x':'int'}}" OTHER, "" },
	{ FIELD("'-> A'"), FIELD("'-> A index'"), "change field f of A: index" },
	{ FIELD("'-> A on delete no action'"), FIELD("'-> A'"), "" },
};

START_TEST(every_single_change_is_found)
{
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		struct md_snapshot *a = snapshot_of_models(singles[i].before);
		struct md_snapshot *b = snapshot_of_models(singles[i].after);
		json_t *operations = diff(a, b, NULL);
		md_auto_buf texts = MD_BUF(1 << 16);

		put_texts(operations, &texts);
		ck_assert_msg(strcmp(md_buf_text(&texts), singles[i].texts) == 0, "%s\n%s\n%s",
			      singles[i].before, singles[i].after, md_buf_text(&texts));
		must_round_trip(a, b, NULL);
		json_decref(operations);
		md_snapshot_free(a);
		md_snapshot_free(b);
	}
}
END_TEST

START_TEST(enums_come_before_and_go_after_their_fields)
{
	struct md_snapshot *a = snapshot_of_text(
		"{\"version\":1,\"enums\":{\"K\":[\"a\",\"b\"],\"Old\":[\"x\"]},\"models\":{\"A\":"
		"{\"fields\":{\"k\":\"K\",\"o\":\"Old\"}}}}");
	struct md_snapshot *b = snapshot_of_text(
		"{\"version\":1,\"enums\":{\"K\":[\"b\",\"c\"],\"New\":[\"y\"]},\"models\":{\"A\":"
		"{\"fields\":{\"k\":\"K\",\"n\":\"New\"}}}}");
	json_t *operations = diff(a, b, &no_renames);
	md_auto_buf texts = MD_BUF(1 << 16);

	put_texts(operations, &texts);
	ck_assert_str_eq(md_buf_text(&texts), "change enum K: add c; drop a\n"
					      "add enum New\n"
					      "add field n to A\n"
					      "drop field o of A\n"
					      "drop enum Old");
	must_round_trip(a, b, &no_renames);
	json_decref(operations);
	md_snapshot_free(a);
	md_snapshot_free(b);
}
END_TEST

/* --- renames -----------------------------------------------------------------------------------
 */

static const char blog[] =
	"'Usr':{'primary_key':['id'],'fields':{'id':'bigint','name':'string(80) "
	"unique','age':'int?'},"
	"'indexes':[['age','name "
	"desc']],'relations':{'posts':{'model':'Post','back_populates':'by',"
	"'order_by':['title desc']},'tags':'Tag[] via UsrTag <-> usrs'}},"
	"'Post':{'fields':{'title':'text','usr_id':'-> Usr','who':'-> Usr.name?'},"
	"'relations':{'by':'Usr via usr_id <-> posts'}},"
	"'Tag':{'fields':{'t':'text'},'relations':{'usrs':'Usr[] via UsrTag <-> tags'}},"
	"'UsrTag':{'table':'link','fields':{'u':'-> Usr pk','t':'-> Tag pk'}}";

static const struct {
	const char *old, *new, *operation;
} follows[] = {
	{ "Usr", "Person",
	  "{'op':'rename_model','from':'Usr','to':'Person',"
	  "'table':{'from':'usr','to':'person'}}" },
	{ "UsrTag", "Link", "{'op':'rename_model','from':'UsrTag','to':'Link'}" },
	{ "name", "full_name",
	  "{'op':'rename_field','model':'Usr','from':'name','to':'full_name'}" },
	{ "usr_id", "author_id",
	  "{'op':'rename_field','model':'Post','from':'usr_id','to':'author_id'}" },
	{ "title", "heading",
	  "{'op':'rename_field','model':'Post','from':'title','to':'heading'}" },
};

/* The text with whole words replaced; free it. */
static char *replace_words(const char *text, const char *old, const char *new)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	md_auto_buf out = MD_BUF(1 << 16);
	size_t len;

	while (*text != '\0') {
		len = strspn(text, word);
		if (len == strlen(old) && strncmp(text, old, len) == 0)
			md_buf_puts(&out, new);
		else
			md_buf_put(&out, text, len);
		text += len;
		len = strcspn(text, word);
		md_buf_put(&out, text, len);
		text += len;
	}
	ck_assert_ptr_nonnull(md_buf_text(&out));
	return md_buf_take(&out, &len);
}

START_TEST(everything_follows_a_rename)
{
	struct md_snapshot *a = snapshot_of_models(blog);

	for (size_t i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
		char *text = replace_words(blog, follows[i].old, follows[i].new);
		char *quoted = double_quoted(follows[i].operation);
		struct md_snapshot *b = snapshot_of_models(text);
		json_t *wanted = json_pack("[o]", json_loads(quoted, 0, NULL)), *found;
		struct md_rename rename = { NULL, follows[i].old, follows[i].new };
		struct md_diff_options options = { .renames = &rename, .rename_count = 1 };

		rename.model =
			json_string_value(json_object_get(json_array_get(wanted, 0), "model"));
		found = diff(a, b, &options);
		if (!json_equal(found, wanted))
			ck_abort_msg("%s\n%s", text, json_dumps(found, 0));
		must_round_trip(a, b, &options);
		json_decref(found);
		json_decref(wanted);
		md_snapshot_free(b);
		free(quoted);
		free(text);
	}
	md_snapshot_free(a);
}
END_TEST

/* Diff with what definitions declare. */
static void must_declare(const char *before, const char *after, const char *texts)
{
	struct md_snapshot *a = snapshot_of_models(before);
	const struct md_definitions *definitions = load_models(after);
	struct md_snapshot *b = snapshot_of(definitions);
	struct md_diff_options options = { .definitions = definitions, .no_renames = true };
	json_t *operations = diff(a, b, &options);
	md_auto_buf found = MD_BUF(1 << 16);

	put_texts(operations, &found);
	ck_assert_str_eq(md_buf_text(&found), texts);
	must_round_trip(a, b, &options);
	json_decref(operations);
	md_snapshot_free(a);
	md_snapshot_free(b);
	md_definitions_free(definitions);
}

START_TEST(renames_are_declared_in_the_models)
{
	must_declare("'Usr':{'table':'u','fields':{'name':'text'}}",
		     "'User':{'table':'u','renamed_from':'Usr','fields':{'full':'text was(name)'}}",
		     "rename model Usr to User\nrename field name of User to full");
	/* Also of an inherited field. */
	must_declare("'A':{'fields':{'name':'text'}}",
		     "'Base':{'abstract':true,'fields':{'full':'text was(name)'}},"
		     "'A':{'extends':'Base'}",
		     "rename field name of A to full");
	/* What is over and done. */
	must_declare("'User':{'fields':{'full':'text'}}",
		     "'User':{'renamed_from':'Usr','fields':{'full':'text was(name)'}}", "");
	/* The old name has a new bearer: the rename is old, too. */
	must_declare("'A':{'fields':{'full':'text'}}",
		     "'A':{'fields':{'full':'text was(name)','name':'date'}}",
		     "add field name to A");
}
END_TEST

static void must_ask(const char *before, const char *after, const char *details)
{
	struct md_snapshot *a = snapshot_of_models(before), *b = snapshot_of_models(after);
	md_auto_arena arena = md_arena_new(1 << 20);
	const struct md_rename_question *questions = NULL;
	struct md_error err = { .code = MD_OK };
	json_t *operations = NULL;
	unsigned count = 0, lines = 1;

	ck_assert_int_eq(md_change_diff(a, b, NULL, arena, &operations, &questions, &count, &err),
			 MD_CONFLICT);
	ck_assert_str_eq(err.wire, "MD_AMBIGUOUS");
	ck_assert_str_eq(err.details, details);
	ck_assert_ptr_null(operations);
	for (const char *p = details; *p != '\0'; p++)
		lines += *p == '\n';
	ck_assert_uint_eq(count, lines);
	for (unsigned i = 0; i < count; i++)
		ck_assert(questions[i].alike > 0 && questions[i].alike <= 1);
	must_round_trip(a, b, &no_renames);
	md_snapshot_free(a);
	md_snapshot_free(b);
}

START_TEST(what_looks_like_a_rename_is_asked)
{
	must_ask("'User':{'fields':{'name':'string(80)','age':'int'}}",
		 "'User':{'fields':{'full_name':'string(80)','age':'int'}}",
		 "--rename User.name:full_name");
	/* Another length is the same type. */
	must_ask("'User':{'fields':{'name':'string(80)'}}",
		 "'User':{'fields':{'label':'string(100)?'}}", "--rename User.name:label");
	must_ask("'Usr':{'fields':{'name':'text','age':'int'}}",
		 "'Person':{'fields':{'name':'text','age':'int','born':'date'}}",
		 "--rename Usr:Person");
	/* Two of one type: those that are called alike. */
	must_ask("'A':{'fields':{'first_name':'text','zip':'text','q':'date'}}",
		 "'A':{'fields':{'given_name':'text','postal':'text','q':'date'}}",
		 "--rename A.first_name:given_name");
}
END_TEST

START_TEST(what_is_nothing_alike_is_not_asked)
{
	static const char *const pairs[][2] = {
		{ "'A':{'fields':{'x':'int','y':'text'}}",
		  "'A':{'fields':{'x':'int','z':'date'}}" },
		{ "'A':{'fields':{'x':'int','y':'text'}}",
		  "'B':{'fields':{'p':'int','q':'date'}}" },
		{ "'A':{'fields':{'x':'int'}}", "'A':{'fields':{'x':'int','y':'int'}}" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct md_snapshot *a = snapshot_of_models(pairs[i][0]);
		struct md_snapshot *b = snapshot_of_models(pairs[i][1]);

		must_round_trip(a, b, NULL);
		md_snapshot_free(a);
		md_snapshot_free(b);
	}
}
END_TEST

START_TEST(a_rename_that_cannot_be_is_refused)
{
	static const struct md_rename renames[] = {
		{ NULL, "A", "B" },   { NULL, "X", "New" }, { NULL, "Old", "A" },
		{ NULL, "Old", "X" }, { "A", "x", "y" },    { "A", "gone", "x" },
		{ "A", "q", "come" }, { "Q", "x", "y" },
	};
	struct md_snapshot *a = snapshot_of_models(
		"'A':{'fields':{'x':'int','gone':'int'}},'Old':{'fields':{'x':'int'}}");
	struct md_snapshot *b = snapshot_of_models(
		"'A':{'fields':{'x':'int','come':'int'}},'New':{'fields':{'x':'int'}}");

	for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); i++) {
		struct md_diff_options options = { .renames = &renames[i], .rename_count = 1 };
		md_auto_arena arena = md_arena_new(1 << 20);
		const struct md_rename_question *questions = NULL;
		struct md_error err = { .code = MD_OK };
		json_t *operations = NULL;
		unsigned count = 0;

		ck_assert_int_eq(md_change_diff(a, b, &options, arena, &operations, &questions,
						&count, &err),
				 MD_INVALID);
		ck_assert_ptr_nonnull(strstr(err.message, "cannot have been renamed"));
	}
	md_snapshot_free(a);
	md_snapshot_free(b);
}
END_TEST

START_TEST(backfills_go_with_the_operation_and_to_planners)
{
	struct md_snapshot *a = snapshot_of_models("'A':{'fields':{'x':'int?','z':'int'}}"), *after;
	const struct md_definitions *definitions = load_models(
		"'A':{'fields':{'x':{'type':'int','backfill':7},'y':{'type':'int','backfill':"
		"{'sql':'x + 1'}},'z':{'type':'bigint','backfill':3}}}");
	struct md_snapshot *b = snapshot_of(definitions);
	struct md_diff_options options = { .definitions = definitions };
	json_t *operations = diff(a, b, &options);
	const struct md_def_field *fields;

	ck_assert_uint_eq(json_array_size(operations), 3);
	ck_assert_str_eq(
		json_string_value(json_object_get(
			json_object_get(json_array_get(operations, 0), "backfill"), "sql")),
		"x + 1");
	ck_assert_int_eq(md_change_apply(a, operations, 0, 3, true, &after, NULL), MD_OK);
	ck_assert_str_eq(after->checksum, b->checksum);
	fields = after->definitions->models[0].fields;
	for (unsigned i = 0; i < after->definitions->models[0].field_count; i++)
		if (strcmp(fields[i].name, "x") == 0)
			ck_assert_str_eq(fields[i].backfill.literal.text, "7");
		else if (strcmp(fields[i].name, "y") == 0)
			ck_assert_str_eq(fields[i].backfill.sql.any, "x + 1");
		else /* z was never null */
			ck_assert(!fields[i].backfill.literal.kind);
	md_snapshot_free(after);
	json_decref(operations);
	md_snapshot_free(a);
	md_snapshot_free(b);
	md_definitions_free(definitions);
}
END_TEST

/* --- operations of people ----------------------------------------------------------------------
 */

static const struct {
	const char *operation, *pointer; /* NULL: it is fine */
} checks[] = {
	{ "{'op':'sql','up':'x'}", NULL },
	{ "{'op':'sql','up':['x','y'],'down':{'sqlite':'x','postgresql':['y']}}", NULL },
	{ "{'op':'sql','up':null,'down':null}", NULL },
	{ "{'op':'backfill','model':'A','field':'x','value':{'sql':'1'}}", NULL },
	{ "{'op':'rename_index','model':'A','from':'i','to':'j'}", NULL },
	{ "3", "/1/op" },
	{ "{}", "/1/op" },
	{ "{'op':'drop'}", "/1/op" },
	{ "{'op':'sql'}", "/1/up" },
	{ "{'op':'sql','up':3}", "/1/up" },
	{ "{'op':'sql','up':{'oracle':'x'}}", "/1/up" },
	{ "{'op':'sql','up':['x',1]}", "/1/up" },
	{ "{'op':'add_field','model':'A','field':'x'}", "/1/definition" },
	{ "{'op':'add_field','model':'A','field':'x','definition':'int'}", "/1/definition" },
	{ "{'op':'add_field','model':'A','field':'','definition':{}}", "/1/field" },
	{ "{'op':'add_field','model':'A','field':'x','definition':{},'after':'y'}", "/1/after" },
	{ "{'op':'create_table','model':'A','definition':{'fields':{'x':'int'}}}",
	  "/1/definition" },
	{ "{'op':'rename_model','from':'A','to':'B','table':'t'}", "/1/table" },
	{ "{'op':'alter_enum','enum':'E','from':null,'to':[]}", "/1/to" },
	{ "{'op':'alter_enum','enum':'E','to':['a']}", "/1/from" },
	{ "{'op':'add_index','model':'A','definition':['x']}", "/1/definition" },
	{ "{'op':'add_index','model':'A','definition':{},'unique':1}", "/1/unique" },
};

START_TEST(operations_of_people_are_checked)
{
	json_t *no_list = json_object();

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		md_auto_buf text = MD_BUF(4096);
		char *quoted = double_quoted(checks[i].operation);
		struct md_error err = { .code = MD_OK };
		enum md_code code;
		json_t *json;

		md_buf_printf(&text, "[{\"op\":\"sql\",\"up\":null},%s]", quoted);
		json = json_loads(md_buf_text(&text), 0, NULL);
		ck_assert_ptr_nonnull(json);
		code = md_change_check(json, &err);
		ck_assert_msg(code == (checks[i].pointer ? MD_INVALID : MD_OK), "%s", quoted);
		if (checks[i].pointer)
			ck_assert_str_eq(err.details, checks[i].pointer);
		json_decref(json);
		free(quoted);
	}
	ck_assert_int_eq(md_change_check(no_list, NULL), MD_INVALID);
	json_decref(no_list);
}
END_TEST

static const char *const misfits[] = {
	"{'op':'create_table','model':'A','definition':{'fields':{}}}",
	"{'op':'drop_table','model':'B','definition':{'fields':{}}}",
	"{'op':'drop_table','model':'A','definition':{'fields':{}}}",
	"{'op':'rename_model','from':'B','to':'C'}",
	"{'op':'rename_model','from':'A','to':'P'}",
	"{'op':'rename_model','from':'A','to':'B','table':{'from':'b','to':'c'}}",
	"{'op':'alter_model','model':'A','from':{'table':'b'},'to':{'table':'c'}}",
	"{'op':'alter_model','model':'A','from':{'fields':{}},'to':{'fields':{}}}",
	"{'op':'alter_model','model':'A','from':{},'to':{'table':'c'}}",
	"{'op':'add_field','model':'A','field':'x','definition':{'type':'integer'}}",
	"{'op':'add_field','model':'B','field':'x','definition':{'type':'integer'}}",
	"{'op':'drop_field','model':'A','field':'z','definition':{'type':'integer'}}",
	"{'op':'drop_field','model':'A','field':'x','definition':{'type':'bigint'}}",
	"{'op':'rename_field','model':'A','from':'z','to':'q'}",
	"{'op':'rename_field','model':'A','from':'x','to':'y'}",
	"{'op':'alter_field','model':'A','field':'x','from':{'type':'date'},'to':{'type':'integer'}"
	"}",
	"{'op':'drop_index','model':'A','definition':{'fields':['y']}}",
	"{'op':'drop_index','model':'A','definition':{'fields':['x']},'unique':true}",
	"{'op':'rename_index','model':'A','from':'i','to':'j'}",
	"{'op':'drop_check','model':'A','definition':{'sql':'1'}}",
	"{'op':'drop_foreign_key','model':'A','definition':{'model':'P'}}",
	"{'op':'alter_enum','enum':'E','from':['a'],'to':['b']}",
	"{'op':'backfill','model':'A','field':'z','value':1}",
	/* The result cannot be loaded. */
	"{'op':'add_field','model':'A','field':'z','definition':{'type':'txt'}}",
	"{'op':'drop_field','model':'A','field':'x','definition':{'type':'integer'}}",
};

START_TEST(what_does_not_fit_is_refused)
{
	struct md_snapshot *a = snapshot_of_models(WITH("'indexes':[['x']]"));

	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		md_auto_buf text = MD_BUF(4096);
		char *quoted = double_quoted(misfits[i]);
		struct md_snapshot *after = NULL;
		struct md_error err = { .code = MD_OK };
		json_t *json;

		md_buf_printf(&text, "[{\"op\":\"sql\",\"up\":null},%s]", quoted);
		json = json_loads(md_buf_text(&text), 0, NULL);
		ck_assert_msg(md_change_apply(a, json, 0, 2, false, &after, &err) == MD_INVALID,
			      "%s", quoted);
		ck_assert_ptr_null(after);
		ck_assert(strstr(err.details, "operation 1") || strstr(err.details, "/models/A"));
		json_decref(json);
		free(quoted);
	}
	md_snapshot_free(a);
}
END_TEST

START_TEST(sql_is_taken_back_by_its_other_half)
{
	json_t *operations =
		json_loads("[{\"op\":\"sql\",\"up\":\"a\",\"down\":\"b\"},"
			   "{\"op\":\"backfill\",\"model\":\"A\",\"field\":\"x\",\"value\":1}]",
			   0, NULL);
	json_t *wanted = json_loads("[{\"op\":\"sql\",\"up\":\"b\",\"down\":\"a\"}]", 0, NULL);
	json_t *inverse = invert(operations), *none = NULL;
	struct md_error err = { .code = MD_OK };

	ck_assert(json_equal(inverse, wanted));
	ck_assert(md_change_is_reversible(json_array_get(operations, 0)));
	ck_assert(md_change_is_reversible(json_array_get(operations, 1)));
	json_object_del(json_array_get(operations, 0), "down");
	ck_assert(!md_change_is_reversible(json_array_get(operations, 0)));
	ck_assert_int_eq(md_change_invert(operations, &none, &err), MD_CONFLICT);
	ck_assert_str_eq(err.wire, "MD_IRREVERSIBLE");
	ck_assert_ptr_null(none);
	json_decref(operations);
	json_decref(inverse);
	json_decref(wanted);
}
END_TEST

SUITE_MAIN("changes", a_difference_leads_there_and_back, renames_stay_renames,
	   many_models_are_no_trouble, every_single_change_is_found,
	   enums_come_before_and_go_after_their_fields, everything_follows_a_rename,
	   renames_are_declared_in_the_models, what_looks_like_a_rename_is_asked,
	   what_is_nothing_alike_is_not_asked, a_rename_that_cannot_be_is_refused,
	   backfills_go_with_the_operation_and_to_planners, operations_of_people_are_checked,
	   what_does_not_fit_is_refused, sql_is_taken_back_by_its_other_half)
