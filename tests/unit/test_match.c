/* Two definitions side by side: what is told to planners. */
#include "core/migrate/match.h"

#include "core/base/arena.h"
#include "tests/support/suite.h"
#include "tests/unit/snapshot_rig.h"

static struct md_arena *arena;
static const struct md_definitions *before, *after;
static const struct md_match *match;

static void match_on(const struct md_ddl_dialect *dialect, const char *one, const char *other,
		     const char *operations)
{
	json_t *json = NULL;
	char *quoted = double_quoted(operations ? operations : "[]");

	arena = md_arena_new(16 << 20);
	before = load_models(one);
	after = load_models(other);
	json = json_loads(quoted, 0, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert_int_eq(md_match_make(dialect, before, after, json, arena, &match, NULL), MD_OK);
	json_decref(json);
	free(quoted);
}

static void end(void)
{
	md_arena_free(arena);
	md_definitions_free(before);
	md_definitions_free(after);
}

static const struct md_model_pair *pair_of(const char *name)
{
	const struct md_def_model *model = md_definitions_find(after, md_str_of(name));

	if (!model)
		model = md_definitions_find(before, md_str_of(name));
	return md_match_model(match, model);
}

static const struct md_column_pair *column_of(const struct md_model_pair *pair, const char *name)
{
	for (unsigned i = 0; i < pair->column_count; i++) {
		const struct md_column_pair *column = &pair->columns[i];

		if (strcmp((column->after ? column->after : column->before)->name, name) == 0)
			return column;
	}
	return NULL;
}

/* One change of a column. */
static const struct {
	const char *before, *after;
	unsigned sqlite, postgres;
} changes[] = {
	{ "'int'", "'int'", 0, 0 },
	{ "'int'", "'bigint'", MD_COLUMN_TYPE | MD_COLUMN_CHECK, MD_COLUMN_TYPE },
	{ "'string(10)'", "'string(20)'", MD_COLUMN_LENGTH | MD_COLUMN_CHECK, MD_COLUMN_LENGTH },
	{ "'string(10)'", "'text'", MD_COLUMN_TYPE | MD_COLUMN_CHECK, MD_COLUMN_TYPE },
	{ "'text'", "'text max_length(9)'", MD_COLUMN_LENGTH | MD_COLUMN_CHECK,
	  MD_COLUMN_LENGTH | MD_COLUMN_CHECK },
	{ "'decimal(8,2)'", "'decimal(8,3)'", MD_COLUMN_TYPE, MD_COLUMN_TYPE },
	{ "'date'", "'datetime'", MD_COLUMN_TYPE, MD_COLUMN_TYPE },
	{ "'array(integer)'", "'array(text)'", MD_COLUMN_TYPE,
	  MD_COLUMN_TYPE | MD_COLUMN_COLLATION },
	{ "'int'", "'int?'", MD_COLUMN_NULL, MD_COLUMN_NULL },
	{ "'int'", "'int = 1'", MD_COLUMN_DEFAULT, MD_COLUMN_DEFAULT },
	{ "'int = 1'", "'int = 2'", MD_COLUMN_DEFAULT, MD_COLUMN_DEFAULT },
	{ "'datetime = now()'", "'datetime'", MD_COLUMN_DEFAULT, MD_COLUMN_DEFAULT },
	/* A value that only the daemon makes. */
	{ "'text = auth()'", "'text'", 0, 0 },
	{ "'text'", "'text collate(nocase)'", MD_COLUMN_COLLATION, MD_COLUMN_COLLATION },
	{ "'text'", "'text collate(binary)'", 0, 0 },
	{ "'enum(a,b)'", "'enum(a,b,c)'", MD_COLUMN_LABELS | MD_COLUMN_CHECK,
	  MD_COLUMN_LABELS | MD_COLUMN_CHECK },
	{ "'int'", "'int min(1)'", MD_COLUMN_CHECK, MD_COLUMN_CHECK },
	{ "'int'", "{'type':'int','check':'f > 2'}", MD_COLUMN_CHECK, MD_COLUMN_CHECK },
	{ "'text'", "'text pattern(\\'x\\') hidden immutable'", 0, 0 },
	{ "{'type':'int','nullable':true}",
	  "{'type':'int','nullable':true,'generated':{'sql':'1'}}", MD_COLUMN_GENERATED,
	  MD_COLUMN_GENERATED },
	{ "{'type':'int','generated':{'sql':'1'}}", "{'type':'int','generated':{'sql':'2'}}",
	  MD_COLUMN_GENERATED, MD_COLUMN_GENERATED },
	{ "{'type':'int','generated':{'sql':'1'}}",
	  "{'type':'int','generated':{'sql':{'any':'2','sqlite':'1'}}}", 0, MD_COLUMN_GENERATED },
	{ "{'type':'int','sql_type':{'postgresql':'int4'}}",
	  "{'type':'int','sql_type':{'postgresql':'money'}}", 0, MD_COLUMN_TYPE },
	{ "'int'", "{'type':'int','description':'d'}", MD_COLUMN_COMMENT, MD_COLUMN_COMMENT },
	{ "'int'", "{'type':'int','column':'g'}", MD_COLUMN_NAME | MD_COLUMN_CHECK,
	  MD_COLUMN_NAME },
	{ "'bigint'", "{'type':'bigint','column':'g'}", MD_COLUMN_NAME, MD_COLUMN_NAME },
};

START_TEST(tells_each_change_of_a_column)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		for (unsigned d = 0; d < 2; d++) {
			char one[256], other[256];
			const struct md_ddl_dialect *dialect = &md_sqlite_ddl;
			unsigned wanted = changes[i].sqlite;
			const struct md_model_pair *pair;

			if (d == 1) {
#ifdef MD_HAVE_POSTGRES
				dialect = &md_postgres_ddl;
				wanted = changes[i].postgres;
#else
				continue;
#endif
			}
			snprintf(one, sizeof(one), "'A':{'fields':{'f':%s}}", changes[i].before);
			snprintf(other, sizeof(other), "'A':{'fields':{'f':%s}}", changes[i].after);
			match_on(dialect, one, other, NULL);
			pair = pair_of("A");
			ck_assert_msg(column_of(pair, "f")->changed == wanted, "%u: %s -> %s: %x",
				      d, one, other, column_of(pair, "f")->changed);
			ck_assert_int_eq(pair->changed, wanted != 0);
			end();
		}
	}
}
END_TEST

START_TEST(follows_renames_through_everything)
{
	const struct md_model_pair *user, *post;

	match_on(&md_sqlite_ddl,
		 "'Usr':{'fields':{'name':'string(9) "
		 "unique','age':'int?'},'indexes':[['age','name']],"
		 "'checks':['1 = 1']},'Post':{'fields':{'by':'-> Usr','to':'-> Usr.name'}}",
		 "'User':{'fields':{'full_name':'string(9) unique','age':'int?'},'indexes':[['age',"
		 "'full_name']],'checks':['1 = 1']},"
		 "'Post':{'fields':{'by':'-> User','to':'-> User.full_name'}}",
		 "[{'op':'rename_field','model':'Usr','from':'name','to':'full_name'},"
		 "{'op':'rename_model','from':'Usr','to':'User'}]");
	user = pair_of("User");
	post = pair_of("Post");
	ck_assert_uint_eq(match->model_count, 2);
	ck_assert_str_eq(user->before->name, "Usr");
	ck_assert(user->table_renamed && user->key_renamed && !user->key_changed);
	ck_assert_uint_eq(column_of(user, "full_name")->changed, MD_COLUMN_NAME | MD_COLUMN_CHECK);
	ck_assert_str_eq(column_of(user, "full_name")->before->name, "name");
	ck_assert_uint_eq(user->index_count, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert(user->indexes[i].before && user->indexes[i].after &&
			  user->indexes[i].renamed && !user->indexes[i].changed);
	ck_assert_uint_eq(user->check_count, 1);
	ck_assert(user->checks[0].renamed && !user->checks[0].changed);
	ck_assert_uint_eq(post->foreign_key_count, 2);
	ck_assert(!post->changed);
	end();
}
END_TEST

START_TEST(a_name_that_another_takes_over_is_new)
{
	const struct md_model_pair *pair;

	match_on(&md_sqlite_ddl, "'A':{'fields':{'x':'int','y':'text'}}",
		 "'A':{'fields':{'x':'date','z':'int','y':'text'}}",
		 "[{'op':'rename_field','model':'A','from':'x','to':'z'},"
		 "{'op':'add_field','model':'A','field':'x'}]");
	pair = pair_of("A");
	ck_assert_ptr_null(column_of(pair, "x")->before);
	ck_assert_str_eq(column_of(pair, "z")->before->name, "x");
	end();
	/* Two names are swapped. */
	match_on(&md_sqlite_ddl, "'A':{'fields':{'x':'int','y':'text'}}",
		 "'A':{'fields':{'x':'text','y':'int'}}",
		 "[{'op':'rename_field','model':'A','from':'x','to':'t'},"
		 "{'op':'rename_field','model':'A','from':'y','to':'x'},"
		 "{'op':'rename_field','model':'A','from':'t','to':'y'}]");
	pair = pair_of("A");
	ck_assert_str_eq(column_of(pair, "x")->before->name, "y");
	ck_assert_str_eq(column_of(pair, "y")->before->name, "x");
	end();
}
END_TEST

/* What differs in the parts of a model. */
static const struct {
	const char *before, *after;
	/* -: gone, +: new, c: changed, r: renamed, =: the same */
	const char *indexes, *checks, *keys, *postgres_indexes;
} parts[] = {
	{ "'indexes':[['x']]", "'indexes':[['x']]", "=", "", "", "=" },
	{ "'indexes':[['x']]", "'indexes':[['x','y']]", "+-", "", "", "+-" },
	{ "'indexes':[['x']]", "'indexes':[{'fields':['x'],'name':'i'}]", "r", "", "", "r" },
	{ "'indexes':[{'fields':['x'],'name':'i'}]", "'indexes':[{'fields':['y'],'name':'i'}]", "c",
	  "", "", "c" },
	{ "'indexes':[['x']]", "'indexes':[['x desc']]", "c", "", "", "c" },
	{ "'indexes':[['x']]", "'indexes':[['x nulls first']]", "=", "", "", "c" },
	{ "'indexes':[['x']]", "'indexes':[{'fields':['x'],'using':'hash'}]", "=", "", "", "c" },
	{ "'indexes':[['x']]", "'indexes':[{'fields':['x'],'using':'btree'}]", "=", "", "", "=" },
	{ "'indexes':[['x']]", "'indexes':[{'fields':['x'],'include':['y']}]", "=", "", "", "c" },
	{ "'indexes':[['x']]", "'indexes':[{'fields':['x'],'where':'y > 1'}]", "c", "", "", "c" },
	{ "'indexes':[{'fields':['x'],'where':'y > 1'}]",
	  "'indexes':[{'fields':['x'],'where':'y > 2'}]", "c", "", "", "c" },
	{ "'indexes':[['x']]", "'indexes':[{'fields':['x'],'unique':true}]", "c", "", "", "c" },
	{ "'unique':[['x','y']]", "'unique':[['y','x']]", "+-", "", "", "+-" },
	{ "'unique':[['x','y']]", "'description':'none'", "-", "", "", "-" },
	{ "'checks':['x > 1']", "'checks':['x > 2']", "", "c", "", "" },
	{ "'checks':['x > 1']", "'checks':[{'name':'n','sql':'x > 1'}]", "", "r", "", "" },
	{ "'checks':[{'name':'n','sql':'x > 1'}]", "'checks':[{'name':'m','sql':'x > 2'}]", "",
	  "+-", "", "" },
	{ "'checks':['x > 1']", "'checks':[{'sql':{'mariadb':'x > 1'}}]", "", "-", "", "" },
	{ "'foreign_keys':[{'fields':['x','y'],'model':'P'}]",
	  "'foreign_keys':[{'fields':['x','y'],'model':'P','on_delete':'no action'}]", "=", "", "=",
	  "=" },
	{ "'foreign_keys':[{'fields':['x','y'],'model':'P'}]",
	  "'foreign_keys':[{'fields':['x','y'],'model':'P','on_delete':'cascade'}]", "=", "", "c",
	  "=" },
	{ "'foreign_keys':[{'fields':['x','y'],'model':'P'}]",
	  "'foreign_keys':[{'fields':['x','y'],'model':'P','name':'k','deferrable':'deferred'}]",
	  "=", "", "+-", "=" },
	{ "'foreign_keys':[{'fields':['x','y'],'model':'P'}]",
	  "'foreign_keys':[{'fields':['x','y'],'model':'P','name':'k'}]", "=", "", "r", "=" },
};

#define MARK(pairs, count, out)                                  \
	do {                                                     \
		unsigned at = 0;                                 \
                                                                 \
		for (; at < (count); at++)                       \
			(out)[at] = !(pairs)[at].before   ? '+'  \
				    : !(pairs)[at].after  ? '-'  \
				    : (pairs)[at].changed ? 'c'  \
				    : (pairs)[at].renamed ? 'r'  \
							  : '='; \
		(out)[at] = '\0';                                \
	} while (0)

static void check_parts(size_t i, const struct md_ddl_dialect *dialect, const char *indexes)
{
	static const char *const form =
		"'P':{'primary_key':['a','b'],'fields':{'a':'int','b':'int'}},"
		"'A':{'fields':{'x':'int','y':'int'},%s}";
	char one[512], other[512], marks[3][8];
	const struct md_model_pair *pair;

	snprintf(one, sizeof(one), form, parts[i].before);
	snprintf(other, sizeof(other), form, parts[i].after);
	match_on(dialect, one, other, NULL);
	pair = pair_of("A");
	MARK(pair->indexes, pair->index_count, marks[0]);
	MARK(pair->checks, pair->check_count, marks[1]);
	MARK(pair->foreign_keys, pair->foreign_key_count, marks[2]);
	ck_assert_msg(strcmp(marks[0], indexes) == 0 && strcmp(marks[1], parts[i].checks) == 0 &&
			      strcmp(marks[2], parts[i].keys) == 0,
		      "%s\n%s\n%s|%s|%s", one, other, marks[0], marks[1], marks[2]);
	end();
}

START_TEST(tells_each_change_of_a_part)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		check_parts(i, &md_sqlite_ddl, parts[i].indexes);
#ifdef MD_HAVE_POSTGRES
		check_parts(i, &md_postgres_ddl, parts[i].postgres_indexes);
#endif
	}
}
END_TEST

START_TEST(tells_what_changes_around_a_table)
{
	match_on(&md_sqlite_ddl, "'A':{'fields':{'x':'int'}},'Old':{'fields':{'x':'int'}}",
		 "'A':{'primary_key':['x','id'],'options':{'sqlite':{'strict':false}},'description'"
		 ":'d',"
		 "'fields':{'id':'bigint','x':'int'}},'New':{'fields':{'x':'int'}}",
		 NULL);
	ck_assert(pair_of("A")->key_changed && !pair_of("A")->key_renamed);
	ck_assert(pair_of("A")->options_changed && pair_of("A")->comment_changed);
	ck_assert(column_of(pair_of("A"), "id")->changed & MD_COLUMN_IDENTITY);
	ck_assert(!pair_of("New")->before && pair_of("New")->after && pair_of("New")->changed);
	ck_assert(pair_of("Old")->before && !pair_of("Old")->after);
	ck_assert_ptr_eq(md_match_column(pair_of("A"), &pair_of("A")->after->fields[1]),
			 column_of(pair_of("A"), "x"));
	end();
}
END_TEST

/* Tables of others are neither made nor dropped; a model that is given away keeps its table. */
START_TEST(leaves_alone_what_modeld_does_not_manage)
{
	match_on(&md_sqlite_ddl,
		 "'A':{'fields':{'x':'int'}},'B':{'managed':false,'fields':{'x':'int'}},"
		 "'C':{'managed':false,'fields':{'x':'int'}}",
		 "'A':{'managed':false,'fields':{'y':'int'}},'B':{'fields':{'x':'int'}}", NULL);
	ck_assert_uint_eq(match->model_count, 1);
	ck_assert_str_eq(match->models[0].after->name, "B");
	ck_assert_ptr_null(match->models[0].before);
	end();
}
END_TEST

SUITE_MAIN("matching", tells_each_change_of_a_column, follows_renames_through_everything,
	   a_name_that_another_takes_over_is_new, tells_each_change_of_a_part,
	   tells_what_changes_around_a_table, leaves_alone_what_modeld_does_not_manage)
