#include "tests/support/query.h"

START_TEST(reads_columns_casts_and_paths)
{
	struct parsed parsed = parse_ok("select=title,cents:price::text,meta->size->>0,*");
	const struct md_select *s = parsed.query.root.select;

	ck_assert(parsed.query.has_select && s->kind == MD_SELECT_COLUMN);
	ck_assert(md_str_is(s->column.name, "title") && !md_str_is_given(s->alias));
	s = s->next;
	ck_assert(md_str_is(s->alias, "cents") && md_str_is(s->cast, "text"));
	s = s->next;
	ck_assert_uint_eq(s->column.path_len, 2);
	ck_assert(!s->column.path[0].as_text && md_str_is(s->column.path[0].key, "size"));
	ck_assert(s->column.path[1].as_text && s->column.path[1].is_index);
	ck_assert_int_eq(s->next->kind, MD_SELECT_STAR);
	ck_assert_ptr_null(s->next->next);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(takes_a_star_when_nothing_is_selected)
{
	struct parsed parsed = parse_ok("");

	ck_assert(!parsed.query.has_select);
	ck_assert_int_eq(parsed.query.root.select->kind, MD_SELECT_STAR);
	md_arena_free(parsed.arena);
	parsed = parse_ok("select=");
	ck_assert(parsed.query.has_select && !parsed.query.root.select);
	md_arena_free(parsed.arena);
}
END_TEST

START_TEST(reads_names_as_they_come)
{
	check_prints("select=first+name,%22a.b%22,unit-price,%C3%A9tat,$id,_x,7",
		     "select=\"first name\",\"a.b\",\"unit-price\",%C3%A9tat,$id,_x,7");
	check_prints("select= a , b ,\"c\\\"d\\\\\"", "select=a,b,\"c\\\"d\\\\\"");
	check_prints("select=a - b", "select=\"a-b\"");
	check_prints("select=meta->\"x,y\"->z w->\"3\"", "select=meta->\"x,y\"->\"z w\"->\"3\"");
}
END_TEST

START_TEST(reads_embeds_with_hints_in_either_order)
{
	struct parsed parsed = parse_ok("select=a:author!inner!fk(id),...tag!fk!left(*),note()");
	const struct md_select *s = parsed.query.root.select;

	ck_assert(md_str_is(s->embed->relation, "author") && md_str_is(s->embed->alias, "a"));
	ck_assert(md_str_is(s->embed->hint, "fk") && s->embed->join == MD_JOIN_INNER);
	ck_assert(!s->embed->spread && s->embed->level.select);
	s = s->next;
	ck_assert(s->embed->spread && s->embed->join == MD_JOIN_LEFT);
	ck_assert(md_str_is(s->embed->hint, "fk") && !md_str_is_given(s->embed->alias));
	ck_assert_ptr_null(s->next->embed->level.select);
	ck_assert_uint_eq(parsed.query.embed_count, 3);
	ck_assert_uint_eq(parsed.query.embed_depth, 1);
	md_arena_free(parsed.arena);
	check_prints("select=a( b ( c ) , d ) ", "select=a(b(c),d)");
	check_prints("select=a!leftover(b),c!\"inner\"(d)", "select=a!leftover(b),c!\"inner\"(d)");
}
END_TEST

START_TEST(reads_aggregates)
{
	struct parsed parsed = parse_ok("select=n:count()::text,price::int.avg()::text,count");
	const struct md_select *s = parsed.query.root.select;

	ck_assert(!md_str_is_given(s->column.name) && s->aggregate == MD_AGG_COUNT);
	ck_assert(md_str_is(s->alias, "n") && md_str_is(s->aggregate_cast, "text"));
	s = s->next;
	ck_assert(s->aggregate == MD_AGG_AVG && md_str_is(s->cast, "int"));
	ck_assert(md_str_is(s->aggregate_cast, "text"));
	s = s->next;
	ck_assert(md_str_is(s->column.name, "count") && s->aggregate == MD_AGG_NONE);
	md_arena_free(parsed.arena);
	check_prints("select=a.sum(),b.min(),c->d.max(),e.count(),rel(count())",
		     "select=a.sum(),b.min(),c->d.max(),e.count(),rel(count())");
}
END_TEST

START_TEST(fails_as_postgrest_fails)
{
	static const char select[] = "select parameter";
	static const struct failure failures[] = {
		{ "select=price->>-x", select, "price->>-x", 10,
		  "unexpected \"x\" expecting digit" },
		{ "select=m->-1x", select, "m->-1x", 6,
		  "unexpected 'x' expecting digit, \"->\", \"::\", \".\", \",\" or end of input" },
		{ "select=a,b[0]", select, "a,b[0]", 4,
		  "unexpected '[' expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", "
		  "\")\", \",\" or end of input" },
		{ "select=a,", select, "a,", 3,
		  "unexpected end of input expecting \"...\", field name (* or [a..z0..9_$]), "
		  "\"*\" or \"count()\"" },
		{ "select=a::", select, "a::", 4,
		  "unexpected end of input expecting letter or digit" },
		{ "select=a:b:c", select, "a:b:c", 4, "unexpected \"c\" expecting \"::\"" },
		{ "select=a-", select, "a-", 3,
		  "unexpected end of input expecting letter or digit" },
		{ "select=*a", select, "*a", 2,
		  "unexpected 'a' expecting \")\", \",\" or end of input" },
		{ "select=...tag", select, "...tag", 7,
		  "unexpected end of input expecting letter, digit, \"-\", \"!\" or \"(\"" },
		{ "select=...tag->x(a)", select, "...tag->x(a)", 9, "unexpected '>'" },
		{ "select=a.mean()", select, "a.mean()", 3,
		  "unexpected \"m\" expecting \"sum\", \"avg\", \"count\", \"max\" or \"min\"" },
		{ "select=a.sup()", select, "a.sup()", 3, "unexpected \"p\" expecting \"sum\"" },
		{ "select=a.sum", select, "a.sum", 6, "unexpected end of input expecting \"()\"" },
		{ "select=\"a", select, "\"a", 3,
		  "unexpected end of input expecting \"\\\\\" or \"\\\"\"" },
		{ "select=r(a,b(c)", select, "r(a,b(c)", 9,
		  "unexpected end of input expecting \",\" or \")\"" },
		{ "select=a->(", select, "a->(", 4,
		  "unexpected \"(\" expecting any non reserved character different from: .,>()" },
		{ "select=a%09%C3%A9%5B", select, "a\t\xC3\xA9[", 9,
		  "unexpected '\\233' expecting \"::\", \".\", \")\", \",\" or end of input" },
	};

	check_failures(failures, COUNT(failures));
}
END_TEST

START_TEST(refuses_numbers_that_are_no_index)
{
	check_fails("select=a->99999999999", MD_INVALID, "22003",
		    "value \"99999999999\" is out of range for type integer");
}
END_TEST

SUITE_MAIN("parse_select", reads_columns_casts_and_paths, takes_a_star_when_nothing_is_selected,
	   reads_names_as_they_come, reads_embeds_with_hints_in_either_order, reads_aggregates,
	   fails_as_postgrest_fails, refuses_numbers_that_are_no_index)
