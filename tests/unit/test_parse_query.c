#include "tests/support/query.h"

START_TEST(splits_on_both_separators_and_ignores_what_is_no_parameter)
{
	check_prints("&&a=eq.1;b=eq.2&;c&=eq.3&d=eq.4;", "a=eq.1&b=eq.2&d=eq.4");
}
END_TEST

START_TEST(attaches_parameters_to_their_level)
{
	struct parsed parsed = parse_ok("a.b.limit=3&a.x=eq.1&a.or=(y.eq.2,z.eq.3)&a.b.order=k&"
					"a.b.offset=1&q=eq.4&select=a(x,b(*))");
	const struct md_level *root = &parsed.query.root;
	const struct md_level *a = &root->select->embed->level;
	const struct md_level *b = &a->select->next->embed->level;

	ck_assert(!root->where->next && md_str_is(root->where->leaf.column.name, "q"));
	ck_assert(md_str_is(a->where->leaf.column.name, "x"));
	ck_assert_int_eq(a->where->next->kind, MD_LOGIC_OR);
	ck_assert(b->has_limit && b->limit == 3 && b->has_offset && b->offset == 1 && b->order);
	ck_assert_uint_eq(parsed.query.embed_depth, 2);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(finds_levels_by_alias_before_target)
{
	struct parsed parsed = parse_ok("select=user:author(id),author:editor(id)&author.x=eq.1");
	const struct md_select *s = parsed.query.root.select;

	ck_assert(!s->embed->level.where && !s->embed->legacy_name);
	ck_assert(s->next->embed->level.where && !s->next->embed->legacy_name);
	md_arena_free(parsed.arena);
	parsed = parse_ok("select=user:author(id)&author.x=eq.1");
	ck_assert(parsed.query.root.select->embed->legacy_name);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(refuses_levels_that_are_not_selected)
{
	struct parsed parsed = parse_as("select=a(x)&a.b.c=eq.1", false);

	ck_assert_int_eq(parsed.code, MD_INVALID);
	ck_assert_str_eq(parsed.err.wire, "PGRST108");
	ck_assert_str_eq(parsed.err.message, "'b' is not an embedded resource in this request");
	ck_assert_str_eq(parsed.err.hint,
			 "Verify that 'b' is included in the 'select' query parameter.");
	ck_assert_str_eq(parsed.err.details, "");
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(reads_limits_as_postgrest_does)
{
	static const struct {
		const char *text;
		bool has;
		int64_t limit;
	} cases[] = {
		{ "limit=5", true, 5 },    { "limit=0", true, 0 },
		{ "limit=-3", true, -3 },  { "limit=+7+", true, 7 },
		{ "limit=x", false, 0 },   { "limit=", false, 0 },
		{ "limit=1.5", false, 0 }, { "limit=5&limit=6", true, 6 },
		{ "limit=-", false, 0 },   { "limit=99999999999999999999", true, INT64_MAX },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parsed parsed = parse_ok(cases[i].text);

		ck_assert_msg(parsed.query.root.has_limit == cases[i].has, "%s", cases[i].text);
		ck_assert_int_eq(parsed.query.root.limit, cases[i].limit);
		md_arena_free(parsed.arena);
	}
}
END_TEST

START_TEST(takes_the_first_select_columns_and_on_conflict)
{
	struct parsed parsed;
	struct md_str *names;
	unsigned count;

	check_prints("select=a&columns=x,%22y,z%22&on_conflict=k&select=b&columns=c&on_conflict=d",
		     "select=a&columns=x,\"y,z\"&on_conflict=k");
	parsed = parse_ok("columns=x , \"y,z\"");
	ck_assert_int_eq(md_parse_columns(parsed.arena, parsed.query.columns, &names, &count, NULL),
			 MD_OK);
	ck_assert(count == 2 && md_str_is(names[0], "x") && md_str_is(names[1], "y,z"));
	md_arena_free(parsed.arena);
	check_fails("columns=", MD_INVALID, "PGRST100",
		    "\"failed to parse columns parameter ()\" (line 1, column 1)");
}
END_TEST

START_TEST(knows_depth_on_item_routes_only)
{
	struct parsed parsed = parse_as("depth=", true);

	ck_assert(parsed.query.has_depth && parsed.query.depth == 1);
	md_arena_free(parsed.arena);
	parsed = parse_as("depth=3", true);
	ck_assert(parsed.query.has_depth && parsed.query.depth == 3);
	md_arena_free(parsed.arena);
	parsed = parse_as("depth=eq.3", true);
	ck_assert(!parsed.query.has_depth && parsed.query.root.where);
	md_arena_free(parsed.arena);
	parsed = parse_as("depth=3", false);
	ck_assert_int_eq(parsed.code, MD_INVALID);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(decodes_once_and_leaves_malformed_escapes)
{
	struct parsed parsed = parse_ok("a=like.%25x%&b=eq.%2525&c=eq.%zz%4");
	const struct md_str *values = parsed.query.values;

	ck_assert(md_str_is(values[0], "%x%") && md_str_is(values[1], "%25"));
	ck_assert(md_str_is(values[2], "%zz%4"));
	md_arena_free(parsed.arena);
	check_fails("a=eq.%00", MD_INVALID, "22021",
		    "invalid byte sequence for encoding \"UTF8\": 0x00");
	check_fails("a=eq.%C3", MD_INVALID, "22021", "invalid byte sequence for encoding \"UTF8\"");
	check_fails("a=eq.\xFF", MD_INVALID, "22021",
		    "invalid byte sequence for encoding \"UTF8\"");
}
END_TEST

/* `before`, `count` times `piece`, `after`. */
static char *repeat(const char *before, const char *piece, size_t count, const char *after)
{
	size_t len = strlen(before), each = strlen(piece);
	char *text = malloc(len + count * each + strlen(after) + 1);

	ck_assert_ptr_nonnull(text);
	memcpy(text, before, len);
	for (size_t i = 0; i < count; i++, len += each)
		memcpy(text + len, piece, each);
	memcpy(text + len, after, strlen(after) + 1);
	return text;
}

START_TEST(enforces_every_limit)
{
	static const struct {
		const char *before, *piece, *after;
		size_t most; /* pieces that are allowed */
		const char *message;
	} cases[] = {
		{ "", "limit=1&", "", 100, "more than 100 query parameters" },
		{ "select=x", ",a()", "", 32, "more than 32 embedded resources" },
		{ "select=", "a(", "", 16, "more than 16 levels of embedded resources" },
		{ "", "a=eq.1&", "", 64, "more than 64 filters" },
		{ "or=(x.eq.1", ",x.eq.1", ")", 63, "more than 64 filters" },
		{ "a=in.(1", ",1", ")", 999, "more than 1000 values in a list" },
		{ "a=eq(any).{1", ",1", "}", 999, "more than 1000 values in a list" },
		{ "order=a", ",a", "", 7, "more than 8 terms in an order" },
		{ "or=", "(and", "", 8, "more than 8 levels of and/or" },
		{ "select=a", ",a", "", 499, "more than 500 items in a select list" },
		{ "select=a", "->b", "", 16, "more than 16 arrows in a JSON path" },
		{ "a", "->b", "=eq.1", 16, "more than 16 arrows in a JSON path" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = repeat(cases[i].before, cases[i].piece, cases[i].most, cases[i].after);
		struct parsed parsed = parse_as(text, false);

		ck_assert_msg(parsed.code != MD_TOO_LARGE, "%s", cases[i].message);
		md_arena_free(parsed.arena);
		free(text);
		text = repeat(cases[i].before, cases[i].piece, cases[i].most + 1, cases[i].after);
		/* one level is opened by the parenthesis behind the last word */
		if (strcmp(cases[i].piece, "(and") == 0) {
			free(text);
			text = repeat("or=", "(and", 8, "(a.eq.1");
		}
		check_fails(text, MD_TOO_LARGE, "MD414", cases[i].message);
		free(text);
	}
}
END_TEST

START_TEST(survives_absurd_nesting)
{
	static const char *const pieces[][2] = {
		{ "or=", "(" },       { "or=", "(and" },  { "select=", "a(" },   { "select=", "(" },
		{ "a=in.", "(" },     { "order=", "a(" }, { "a=eq(any).", "{" }, { "", "a." },
		{ "select=", "a->" }, { "a=eq.", "\"" },  { "select=", "..." },  { "select=a", "-" }
	};

	for (size_t i = 0; i < COUNT(pieces); i++) {
		char *text = repeat(pieces[i][0], pieces[i][1], 1 << 20, "");
		struct parsed parsed = parse_as(text, false);

		ck_assert(parsed.code == MD_OK || parsed.code == MD_INVALID ||
			  parsed.code == MD_TOO_LARGE);
		md_arena_free(parsed.arena);
		free(text);
	}
}
END_TEST

START_TEST(reports_memory_and_leaves_its_output_alone)
{
	const char *text = "select=a,b(c),m->x&b.c=eq.1&or=(a.eq.1,a.in.(1,2))&order=a";

	for (size_t limit = 0;; limit += 16) {
		md_auto_arena arena = md_arena_new(limit);
		struct md_query query = { .embed_count = 77 };
		struct md_error err;
		enum md_code code;

		ck_assert_ptr_nonnull(arena);
		code = md_parse_query(arena, md_str_of(text), &md_parse_limits_default, false,
				      &query, &err);
		if (code == MD_OK)
			break;
		ck_assert_int_eq(code, MD_NOMEM);
		ck_assert_uint_eq(query.embed_count, 77);
		ck_assert_uint_lt(limit, 1 << 20);
	}
}
END_TEST

SUITE_MAIN("parse_query", splits_on_both_separators_and_ignores_what_is_no_parameter,
	   attaches_parameters_to_their_level, finds_levels_by_alias_before_target,
	   refuses_levels_that_are_not_selected, reads_limits_as_postgrest_does,
	   takes_the_first_select_columns_and_on_conflict, knows_depth_on_item_routes_only,
	   decodes_once_and_leaves_malformed_escapes, enforces_every_limit, survives_absurd_nesting,
	   reports_memory_and_leaves_its_output_alone)
