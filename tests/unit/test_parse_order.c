#include "tests/support/query.h"

START_TEST(reads_terms)
{
	struct parsed parsed = parse_ok("order=a,b.desc,c.asc.nullsfirst,d.nullslast,r(e->f).desc");
	const struct md_order *o = parsed.query.root.order;

	ck_assert(o->direction == MD_DIR_DEFAULT && o->nulls == MD_NULLS_DEFAULT);
	ck_assert(!md_str_is_given(o->relation));
	o = o->next;
	ck_assert(o->direction == MD_DIR_DESC);
	o = o->next;
	ck_assert(o->direction == MD_DIR_ASC && o->nulls == MD_NULLS_FIRST);
	o = o->next;
	ck_assert(o->direction == MD_DIR_DEFAULT && o->nulls == MD_NULLS_LAST);
	o = o->next;
	ck_assert(md_str_is(o->relation, "r") && md_str_is(o->column.name, "e"));
	ck_assert(o->column.path_len == 1 && o->direction == MD_DIR_DESC && !o->next);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(tolerates_blanks_and_quotes)
{
	check_prints("order= a.desc , \"b.c\".asc,m->0.asc,r( x )",
		     "order=a.desc,\"b.c\".asc,m->0.asc,r(x)");
}
END_TEST

START_TEST(takes_the_first_of_several)
{
	check_prints("order=a&order=b.desc", "order=a");
}
END_TEST

START_TEST(fails_as_postgrest_fails)
{
	static const struct failure failures[] = {
		{ "order=", "order", "", 1,
		  "unexpected end of input expecting field name (* or [a..z0..9_$])" },
		{ "order=a.up", "order", "a.up", 3,
		  "unexpected \"u\" expecting \"asc\", \"desc\", \"nullsfirst\" or "
		  "\"nullslast\"" },
		{ "order=a.asc.last", "order", "a.asc.last", 7,
		  "unexpected \"l\" expecting \"nullsfirst\" or \"nullslast\"" },
		{ "order=a.descending", "order", "a.descending", 7,
		  "unexpected 'e' expecting delimiter (.), \",\" or end of input" },
		{ "order=a.nullsfirst.b", "order", "a.nullsfirst.b", 13,
		  "unexpected '.' expecting \",\" or end of input" },
		{ "order=r(a,b)", "order", "r(a,b)", 2,
		  "unexpected '(' expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), "
		  "\",\" or end of input" },
		{ "order=a,,b", "order", "a,,b", 3,
		  "unexpected \",\" expecting field name (* or [a..z0..9_$])" },
	};

	check_failures(failures, COUNT(failures));
}
END_TEST

SUITE_MAIN("parse_order", reads_terms, tolerates_blanks_and_quotes, takes_the_first_of_several,
	   fails_as_postgrest_fails)
