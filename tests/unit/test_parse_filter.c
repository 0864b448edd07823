#include "tests/support/query.h"

START_TEST(reads_every_operator)
{
	static const char *const texts[] = {
		"a=eq.1",         "a=neq.1",         "a=gt.1",       "a=gte.1",
		"a=lt.1",         "a=lte.1",         "a=like.*x*",   "a=ilike.x*",
		"a=match.^x",     "a=imatch.x$",     "a=in.(\"1\")", "a=is.null",
		"a=isdistinct.1", "a=fts.x",         "a=plfts.x",    "a=phfts.x",
		"a=wfts.x",       "a=cs.{1}",        "a=cd.{1}",     "a=ov.[1,2]",
		"a=sl.(1,2)",     "a=sr.(1,2)",      "a=nxr.(1,2)",  "a=nxl.(1,2)",
		"a=adj.(1,2)",    "a=is.not_null",   "a=is.true",    "a=is.false",
		"a=is.unknown",   "a=fts(french).x", "a=not.eq.1",   "a=not.in.(\"1\")"
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		check_prints(texts[i], texts[i]);
}
END_TEST

START_TEST(keeps_values_apart_from_the_tree)
{
	struct parsed parsed =
		parse_ok("a=eq.x+y&b=in.(1,\"2,3\",\"q\\\"q\",\"x\"y)&c=is.NULL&d=gt.");
	const struct md_logic *w = parsed.query.root.where;
	const struct md_str *values = parsed.query.values;

	ck_assert(w->leaf.op == MD_OP_EQ && w->leaf.value == 0 && w->leaf.value_count == 1);
	w = w->next;
	ck_assert(w->leaf.op == MD_OP_IN && w->leaf.value == 1 && w->leaf.value_count == 4);
	w = w->next;
	ck_assert(w->leaf.op == MD_OP_IS && w->leaf.is == MD_IS_NULL && w->leaf.value_count == 0);
	w = w->next;
	ck_assert(w->leaf.op == MD_OP_GT && w->leaf.value == 5 && !w->next);
	ck_assert_uint_eq(parsed.query.value_count, 6);
	ck_assert(md_str_is(values[0], "x y") && md_str_is(values[1], "1"));
	ck_assert(md_str_is(values[2], "2,3") && md_str_is(values[3], "q\"q"));
	ck_assert(md_str_is(values[4], "\"x\"y") && values[5].len == 0);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(borrows_values_that_need_no_decoding)
{
	static const char text[] = "a=eq.plain&b=eq.100%25";
	struct parsed parsed = parse_ok(text);

	ck_assert_ptr_eq(parsed.query.values[0].ptr, text + 5);
	ck_assert(md_str_is(parsed.query.values[1], "100%"));
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(takes_empty_parentheses_for_the_empty_set)
{
	struct parsed parsed = parse_ok("a=in.()&b=in.(,)");

	ck_assert_uint_eq(parsed.query.root.where->leaf.value_count, 0);
	ck_assert_uint_eq(parsed.query.root.where->next->leaf.value_count, 2);
	ck_assert_uint_eq(parsed.query.value_count, 2);
	md_arena_free(parsed.arena);
	check_prints("a=in. ( 1,2 ) ", "a=in.(\"1\",\"2 \")");
}
END_TEST

START_TEST(splits_array_literals_of_quantifiers)
{
	struct parsed parsed = parse_ok("a=like(any).{x*, \"y,\\\"z\" ,null,\"NULL\",\\ b\\ }");
	const struct md_filter *f = &parsed.query.root.where->leaf;
	const struct md_str *values = parsed.query.values;

	ck_assert(f->quantifier == MD_QUANT_ANY && f->value_count == 5);
	ck_assert(md_str_is(values[0], "x*") && md_str_is(values[1], "y,\"z"));
	ck_assert(!md_str_is_given(values[2]) && md_str_is(values[3], "NULL"));
	ck_assert(md_str_is(values[4], " b "));
	md_arena_free(parsed.arena);
	check_prints("a=not.gt(all).{}", "a=not.gt(all).{}");
	check_prints("or=(a.eq(any).{1,2},b.eq.1)",
		     "or=(a.eq(any).\"{\\\"1\\\",\\\"2\\\"}\",b.eq.\"1\")");
}
END_TEST

START_TEST(refuses_malformed_array_literals)
{
	static const struct {
		const char *literal, *details;
	} cases[] = {
		{ "1", "Array value must start with \"{\" or dimension information." },
		{ "{1", "Unexpected end of input." },
		{ "{1,", "Unexpected \",\" character." },
		{ "{1,}", "Unexpected \"}\" character." },
		{ "{,1}", "Unexpected \",\" character." },
		{ "{1}x", "Junk after closing right brace." },
		{ "{{1}}", "Unexpected array element." },
		{ "{\"a\"b}", "Unexpected array element." },
		{ "{\"a", "Unexpected end of input." },
		{ "{a\\", "Unexpected end of input." },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[64];
		struct parsed parsed;

		snprintf(text, sizeof(text), "a=eq(any).%s", cases[i].literal);
		parsed = parse_as(text, false);
		ck_assert_str_eq(parsed.err.wire, "22P02");
		if (i != 2)
			ck_assert_str_eq(parsed.err.details, cases[i].details);
		md_arena_free(parsed.arena);
	}
}
END_TEST

START_TEST(reads_json_paths_in_names)
{
	struct parsed parsed = parse_ok("meta->a-b->>-2=eq.1&%22x.y%22=eq.2&price-net=gt.3");
	const struct md_logic *w = parsed.query.root.where;

	ck_assert(md_str_is(w->leaf.column.name, "meta") && w->leaf.column.path_len == 2);
	ck_assert(md_str_is(w->leaf.column.path[0].key, "a-b"));
	ck_assert_int_eq(w->leaf.column.path[1].index, -2);
	ck_assert(md_str_is(w->next->leaf.column.name, "x.y"));
	ck_assert(md_str_is(w->next->next->leaf.column.name, "price-net"));
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(fails_as_postgrest_fails)
{
	static const char op[] = "unexpected \"z\" expecting \"not\" or operator (eq, gt, ...)";
	static const struct failure failures[] = {
		{ "a=zap", "filter", "zap", 1, op },
		{ "a=zap.1", "filter", "zap.1", 1, op },
		{ "a=", "filter", "", 1,
		  "unexpected end of input expecting \"not\" or operator (eq, gt, ...)" },
		{ "a=not.zap.1", "filter", "not.zap.1", 5,
		  "unexpected \"z\" expecting operator (eq, gt, ...)" },
		{ "a=notin.1", "filter", "notin.1", 4, "unexpected \"i\" expecting delimiter (.)" },
		{ "a=gtx.1", "filter", "gtx.1", 3,
		  "unexpected \"x\" expecting operator (eq, gt, ...)" },
		{ "a=lte", "filter", "lte", 4,
		  "unexpected end of input expecting operator (eq, gt, ...)" },
		{ "a=like(ane).x", "filter", "like(ane).x", 6,
		  "unexpected \"e\" expecting operator (eq, gt, ...)" },
		{ "a=lt(any.x", "filter", "lt(any.x", 7,
		  "unexpected \".\" expecting operator (eq, gt, ...)" },
		{ "a=wfts(-).x", "filter", "wfts(-).x", 6,
		  "unexpected \"-\" expecting operator (eq, gt, ...)" },
		{ "a=cs(any).{1}", "filter", "cs(any).{1}", 3,
		  "unexpected \"(\" expecting operator (eq, gt, ...)" },
		{ "a=in.1", "filter", "in.1", 4, "unexpected \"1\" expecting \"(\"" },
		{ "a=in.(1", "filter", "in.(1", 6,
		  "unexpected end of input expecting \",\" or \")\"" },
		{ "a=is.maybe", "filter", "is.maybe", 4,
		  "unexpected \"m\" expecting isVal: (null, not_null, true, false, unknown)" },
		{ "a=is.nul", "filter", "is.nul", 7,
		  "unexpected end of input expecting isVal: (null, not_null, true, false, "
		  "unknown)" },
		{ "a.=eq.1", "tree path", "a.", 3,
		  "unexpected end of input expecting field name (* or [a..z0..9_$])" },
		{ "a=%0Ax", "filter", "\nx", 1,
		  "unexpected \"\\n\" expecting \"not\" or operator (eq, gt, ...)" },
	};

	check_failures(failures, COUNT(failures));
}
END_TEST

SUITE_MAIN("parse_filter", reads_every_operator, keeps_values_apart_from_the_tree,
	   borrows_values_that_need_no_decoding, takes_empty_parentheses_for_the_empty_set,
	   splits_array_literals_of_quantifiers, refuses_malformed_array_literals,
	   reads_json_paths_in_names, fails_as_postgrest_fails)
