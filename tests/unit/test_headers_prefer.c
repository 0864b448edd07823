#include "core/query/headers.h"

#include "tests/support/suite.h"

static struct md_prefer parse(const char *first, const char *second)
{
	struct md_prefer prefer;

	md_prefer_init(&prefer);
	md_prefer_parse(&prefer, md_str_of(first));
	md_prefer_parse(&prefer, md_str_of(second));
	return prefer;
}

START_TEST(reads_every_preference)
{
	struct md_prefer p =
		parse("return=representation,count=exact ,resolution=merge-duplicates",
		      "missing=default, tx=rollback,\thandling=strict,timezone=Asia/Tokyo,"
		      "max-affected=10");

	ck_assert(p.ret == MD_RETURN_REPRESENTATION && p.count == MD_COUNT_EXACT);
	ck_assert(p.resolution == MD_RESOLUTION_MERGE && p.missing == MD_MISSING_DEFAULT);
	ck_assert(p.tx == MD_TX_PREFER_ROLLBACK && p.handling == MD_HANDLING_STRICT);
	ck_assert(md_str_is(p.timezone, "Asia/Tokyo"));
	ck_assert(p.has_max_affected && p.max_affected == 10);
	ck_assert_uint_eq(p.invalid_count, 0);
}
END_TEST

START_TEST(lets_the_first_valid_one_win)
{
	struct md_prefer p =
		parse("tx=maybe,tx=commit,tx=rollback", "max-affected=x,max-affected=3");

	ck_assert_int_eq(p.tx, MD_TX_PREFER_COMMIT);
	ck_assert_int_eq(p.max_affected, 3);
	p = parse("count=planned", "count=exact,timezone=UTC,timezone=Europe/Rome");
	ck_assert_int_eq(p.count, MD_COUNT_PLANNED);
	ck_assert(md_str_is(p.timezone, "UTC"));
}
END_TEST

START_TEST(lists_what_it_does_not_understand)
{
	struct md_prefer p = parse("wish, return=all", ",, timezone=, Return=minimal;x");

	ck_assert_uint_eq(p.invalid_count, 4);
	ck_assert(md_str_is(p.invalid[0], "wish") && md_str_is(p.invalid[1], "return=all"));
	ck_assert(md_str_is(p.invalid[2], "timezone="));
	ck_assert(md_str_is(p.invalid[3], "Return=minimal;x"));
	ck_assert(p.ret == MD_RETURN_NONE && !md_str_is_given(p.timezone));
	p = parse("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r", "");
	ck_assert_uint_eq(p.invalid_count, 16);
}
END_TEST

START_TEST(writes_preference_applied_in_fixed_order)
{
	struct md_prefer p =
		parse("max-affected=5,timezone=UTC,handling=strict,tx=commit,"
		      "count=exact,return=minimal,missing=null,resolution=ignore-duplicates",
		      "");
	md_auto_buf out = { .max = 1000 };

	md_prefer_applied(&p, ~0u, &out);
	ck_assert_str_eq(md_buf_text(&out),
			 "resolution=ignore-duplicates, missing=null, return=minimal, count=exact, "
			 "tx=commit, handling=strict, timezone=UTC, max-affected=5");
	md_buf_clear(&out);
	md_prefer_applied(&p, MD_PREFER_COUNT | MD_PREFER_MAX_AFFECTED, &out);
	ck_assert_str_eq(md_buf_text(&out), "count=exact, max-affected=5");
	md_buf_clear(&out);
	md_prefer_init(&p);
	md_prefer_applied(&p, ~0u, &out);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

SUITE_MAIN("headers_prefer", reads_every_preference, lets_the_first_valid_one_win,
	   lists_what_it_does_not_understand, writes_preference_applied_in_fixed_order)
