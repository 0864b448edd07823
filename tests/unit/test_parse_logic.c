#include "tests/support/query.h"

START_TEST(reads_trees)
{
	struct parsed parsed = parse_ok("or=(a.eq.1,and(b.gt.2,not.or(c.is.null,d->x.lt.3)))");
	const struct md_logic *w = parsed.query.root.where;

	ck_assert(w->kind == MD_LOGIC_OR && !w->negated && !w->next);
	w = w->child;
	ck_assert(w->kind == MD_LOGIC_LEAF && w->leaf.op == MD_OP_EQ);
	w = w->next;
	ck_assert(w->kind == MD_LOGIC_AND && !w->next);
	w = w->child->next;
	ck_assert(w->kind == MD_LOGIC_OR && w->negated && !w->next);
	ck_assert_uint_eq(w->child->next->leaf.column.path_len, 1);
	ck_assert_uint_eq(parsed.query.value_count, 3);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(ends_values_at_commas_and_parentheses)
{
	check_prints("and=(a.eq.x y,b.eq.\"p)q\",c.cs.{1,2},d.in.(3,4),e.fts(en).f)",
		     "and=(a.eq.\"x y\",b.eq.\"p)q\",c.cs.\"{1,2}\",d.in.(\"3\",\"4\"),"
		     "e.fts(en).\"f\")");
	check_prints("or=( a.eq.1 , b.not.eq.2, not.and(c.is.true ,d.eq.) ) ",
		     "or=(a.eq.\"1 \",b.not.eq.\"2\",not.and(c.is.true,d.eq.\"\"))");
	check_prints("or=(a.eq.{b,c.eq.d)", "or=(a.eq.\"{b\",c.eq.\"d\")");
}
END_TEST

START_TEST(takes_and_or_and_not_for_columns_where_they_are)
{
	check_prints("or=(and.eq.1,or.eq.2,not.eq.3,order.eq.4)",
		     "or=(\"and\".eq.\"1\",\"or\".eq.\"2\",\"not\".eq.\"3\",\"order\".eq.\"4\")");
}
END_TEST

START_TEST(negates_by_name)
{
	check_prints("not.or=(a.eq.1)&not.and=(b.eq.2)",
		     "not.or=(a.eq.\"1\")&not.and=(b.eq.\"2\")");
	check_prints("select=r(x)&r.not.or=(x.eq.1)&not.r.and=(x.eq.2)",
		     "select=r(x)&r.not.or=(x.eq.\"1\")&r.not.and=(x.eq.\"2\")");
}
END_TEST

START_TEST(fails_as_postgrest_fails)
{
	static const struct failure failures[] = {
		{ "or=", "logic tree", "", 3, "unexpected end of input expecting \"(\"" },
		{ "not.and=x", "logic tree", "x", 8, "unexpected \"x\" expecting \"(\"" },
		{ "and=(,a.eq.1)", "logic tree", "(,a.eq.1)", 5,
		  "unexpected \",\" expecting field name (* or [a..z0..9_$]), negation operator "
		  "(not) or logic operator (and, or)" },
		{ "and=(a.eq.1", "logic tree", "(a.eq.1", 11,
		  "unexpected end of input expecting \",\" or \")\"" },
		{ "and=(a.zap.1)", "logic tree", "(a.zap.1)", 7,
		  "unexpected \"z\" expecting \"not\" or operator (eq, gt, ...)" },
		{ "or=(a.in.7)", "logic tree", "(a.in.7)", 9, "unexpected \"7\" expecting \"(\"" },
		{ "or=(andy(a.eq.1))", "logic tree", "(andy(a.eq.1))", 7,
		  "unexpected \"y\" expecting \"(\"" },
		{ "or=(not.nor(a.eq.1))", "logic tree", "(not.nor(a.eq.1))", 8,
		  "unexpected \"n\" expecting logic operator (and, or)" },
		{ "or=(a:b)", "logic tree", "(a:b)", 5,
		  "unexpected \":\" expecting letter, digit, \"-\", \"->>\", \"->\" or delimiter "
		  "(.)" },
	};

	check_failures(failures, COUNT(failures));
}
END_TEST

SUITE_MAIN("parse_logic", reads_trees, ends_values_at_commas_and_parentheses,
	   takes_and_or_and_not_for_columns_where_they_are, negates_by_name,
	   fails_as_postgrest_fails)
