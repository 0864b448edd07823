/* The verbs of the query builder make the tree that the parsers make of the same request. */
#include "core/query/compose.h"
#include "tests/support/fault.h"
#include "tests/support/query.h"

static struct md_arena *arena;
static struct md_query query;
static struct md_error error;
static struct md_composer composer;
static struct md_parse_limits limits;

static void start(void)
{
	arena = md_arena_new(1 << 24);
	ck_assert_ptr_nonnull(arena);
	limits = md_parse_limits_default;
	query = (struct md_query){ .value_count = 0 };
	md_error_clear(&error);
	composer = (struct md_composer){
		.arena = arena, .limits = &limits, .query = &query, .err = &error
	};
}

static struct md_str s(const char *text)
{
	return text ? md_str_of(text) : (struct md_str){ NULL, 0 };
}

/* The tree prints as this, and is that of the parser. */
static void ends_as(const char *text)
{
	struct parsed parsed = parse_ok(text);
	md_auto_buf composed = MD_BUF(1 << 16);
	md_auto_buf expected = MD_BUF(1 << 16);

	ck_assert_int_eq(md_compose_end(&composer), MD_OK);
	md_query_print(&query, &composed);
	md_query_print(&parsed.query, &expected);
	ck_assert_str_eq(md_buf_text(&composed) ? composed.data : "",
			 md_buf_text(&expected) ? expected.data : "");
	ck_assert_uint_eq(query.value_count, parsed.query.value_count);
	for (unsigned i = 0; i < query.value_count; i++)
		ck_assert(md_str_is_given(query.values[i]) ==
				  md_str_is_given(parsed.query.values[i]) &&
			  md_str_equal(query.values[i], parsed.query.values[i]));
	ck_assert_uint_eq(query.embed_count, parsed.query.embed_count);
	ck_assert_uint_eq(query.embed_depth, parsed.query.embed_depth);
	ck_assert(query.has_select == parsed.query.has_select);
	md_arena_free(parsed.arena);
	arena = md_arena_free(arena);
}

#define OK(call) ck_assert_msg((call) == MD_OK, "%s: %s", #call, error.message)

START_TEST(nothing_said_is_everything)
{
	start();
	ends_as("");
	start();
	OK(md_compose_end(&composer));
	ck_assert(query.root.select && query.root.select->kind == MD_SELECT_STAR);
	ends_as("");
}
END_TEST

START_TEST(where_makes_every_kind_of_comparison)
{
	const struct md_str values[] = { s("1"), s("2,3") }, nulls[] = { s("x"), s(NULL) };
	struct md_scope root;

	start();
	root = md_compose_root(&composer);
#define WHERE(column, ...) \
	OK(md_compose_where(&composer, &root, s(column), &(struct md_comparison){ __VA_ARGS__ }))
	for (enum md_op op = MD_OP_EQ; op <= MD_OP_ADJ; op++)
		if (op != MD_OP_IN && op != MD_OP_IS)
			WHERE("a", .op = op, .values = values, .value_count = 1);
	WHERE("b", .op = MD_OP_EQ, .negated = true, .values = values, .value_count = 1);
	WHERE("c", .op = MD_OP_IN, .values = values, .value_count = 2);
	WHERE("c", .op = MD_OP_IN, .negated = true);
	for (enum md_is is = MD_IS_NULL; is <= MD_IS_UNKNOWN; is++)
		WHERE("d", .op = MD_OP_IS, .is = is);
	WHERE("e", .op = MD_OP_LIKE, .quantifier = MD_QUANT_ANY, .values = nulls, .value_count = 2);
	WHERE("e", .op = MD_OP_GT, .quantifier = MD_QUANT_ALL, .values = values, .value_count = 2);
	WHERE("f", .op = MD_OP_FTS, .language = MD_STR("french"), .values = values,
	      .value_count = 1);
	WHERE("meta->a->>-2", .op = MD_OP_EQ, .values = values, .value_count = 1);
	WHERE("\"x.y\"", .op = MD_OP_EQ, .values = values, .value_count = 1);
#undef WHERE
	ends_as("a=eq.1&a=neq.1&a=gt.1&a=gte.1&a=lt.1&a=lte.1&a=like.1&a=ilike.1&a=match.1&"
		"a=imatch.1&a=isdistinct.1&a=fts.1&a=plfts.1&a=phfts.1&a=wfts.1&a=cs.1&a=cd.1&"
		"a=ov.1&a=sl.1&a=sr.1&a=nxr.1&a=nxl.1&a=adj.1&b=not.eq.1&c=in.(1,\"2,3\")&"
		"c=not.in.()&d=is.null&d=is.not_null&d=is.true&d=is.false&d=is.unknown&"
		"e=like(any).{x,NULL}&e=gt(all).{1,\"2,3\"}&f=fts(french).1&"
		"meta->a->>-2=eq.1&\"x.y\"=eq.1");
}
END_TEST

START_TEST(where_reads_the_operators_of_the_query_string)
{
	struct md_scope root;

	start();
	root = md_compose_root(&composer);
#define WHERE(column, operation, value) \
	OK(md_compose_where_text(&composer, &root, s(column), s(operation), s(value)))
	WHERE("age", "gte", "18");
	WHERE("name", "not.in", "(a,\"b,c\")");
	WHERE("name", "like(any)", "{x*,y}");
	WHERE("gone", "is", "null");
	WHERE("title", "fts(french)", "100% & more");
#undef WHERE
	ends_as("age=gte.18&name=not.in.(a,\"b,c\")&name=like(any).{x*,y}&gone=is.null&"
		"title=fts(french).100%25 %26 more");
}
END_TEST

START_TEST(groups_are_trees_of_conditions)
{
	struct md_comparison one = { .values = (struct md_str[]){ s("1") }, .value_count = 1 };
	struct md_scope root, either, both;

	start();
	root = md_compose_root(&composer);
	OK(md_compose_where(&composer, &root, s("a"), &one));
	OK(md_compose_group(&composer, &root, MD_LOGIC_OR, true, &either));
	OK(md_compose_where(&composer, &either, s("b"), &one));
	OK(md_compose_group(&composer, &either, MD_LOGIC_AND, false, &both));
	OK(md_compose_where(&composer, &both, s("c"), &one));
	OK(md_compose_where(&composer, &both, s("d"), &one));
	OK(md_compose_where(&composer, &either, s("e"), &one));
	OK(md_compose_where(&composer, &root, s("f"), &one));
	ends_as("a=eq.1&not.or=(b.eq.1,and(c.eq.1,d.eq.1),e.eq.1)&f=eq.1");
}
END_TEST

START_TEST(filter_means_equality_null_and_lists)
{
	const struct md_str values[] = { s("1"), s("2"), s(NULL) };
	struct md_scope root;

	start();
	root = md_compose_root(&composer);
	OK(md_compose_filter(&composer, &root, s("a"), values, 1));
	OK(md_compose_filter(&composer, &root, s("b"), values, 2));
	OK(md_compose_filter(&composer, &root, s("c"), values + 2, 1));
	OK(md_compose_filter(&composer, &root, s("d"), NULL, 0));
	ends_as("a=eq.1&b=in.(1,2)&c=is.null&d=is.null");
	start();
	root = md_compose_root(&composer);
	ck_assert_int_eq(md_compose_filter(&composer, &root, s("b"), values, 3), MD_INVALID);
	md_arena_free(arena);
}
END_TEST

START_TEST(join_embeds_and_opens_a_level_of_its_own)
{
	struct md_comparison one = { .values = (struct md_str[]){ s("1") }, .value_count = 1 };
	struct md_scope root, posts, tags, found;

	start();
	root = md_compose_root(&composer);
	OK(md_compose_join(&composer, &root,
			   &(struct md_joined){ .relation = MD_STR("posts"),
						.hint = MD_STR("author_id"),
						.join = MD_JOIN_INNER },
			   &posts));
	OK(md_compose_select_all(&composer, &posts));
	OK(md_compose_join(&composer, &posts,
			   &(struct md_joined){ .relation = MD_STR("tags"),
						.alias = MD_STR("t"),
						.join = MD_JOIN_LEFT },
			   &tags));
	OK(md_compose_select(&composer, &tags, &(struct md_shown){ .column = MD_STR("name") }));
	OK(md_compose_join(&composer, &root,
			   &(struct md_joined){ .relation = MD_STR("boss"), .spread = true },
			   &found));
	OK(md_compose_select(&composer, &found, &(struct md_shown){ .column = MD_STR("name") }));
	OK(md_compose_find(&composer, s("posts.t"), &found));
	ck_assert(found.level == tags.level && found.embeds == 2);
	OK(md_compose_where(&composer, &found, s("name"), &one));
	OK(md_compose_order_by(&composer, &posts, s("id"), MD_DIR_DESC, MD_NULLS_DEFAULT));
	md_compose_limit(&posts, 3);
	md_compose_offset(&tags, 1);
	ends_as("select=*,posts!author_id!inner(*,t:tags!left(name)),...boss(name)&"
		"posts.t.name=eq.1&posts.order=id.desc&posts.limit=3&posts.t.offset=1");
	start();
	ck_assert_int_eq(md_compose_find(&composer, s("posts"), &found), MD_INVALID);
	ck_assert_str_eq(error.wire, "PGRST108");
	md_arena_free(arena);
}
END_TEST

START_TEST(select_has_aliases_casts_and_aggregates)
{
	struct md_scope root;

	start();
	root = md_compose_root(&composer);
#define SHOW(...) OK(md_compose_select(&composer, &root, &(struct md_shown){ __VA_ARGS__ }))
	SHOW(.column = MD_STR("id"), .alias = MD_STR("n"), .cast = MD_STR("text"));
	SHOW(.column = MD_STR("meta->>city"));
	SHOW(.column = MD_STR("price"), .cast = MD_STR("int"), .aggregate = MD_AGG_SUM,
	     .aggregate_cast = MD_STR("text"), .alias = MD_STR("total"));
	SHOW(.column = MD_STR("price"), .aggregate = MD_AGG_AVG);
	SHOW(.column = MD_STR("price"), .aggregate = MD_AGG_MIN);
	SHOW(.column = MD_STR("price"), .aggregate = MD_AGG_MAX);
	SHOW(.aggregate = MD_AGG_COUNT);
#undef SHOW
	ends_as("select=n:id::text,meta->>city,total:price::int.sum()::text,price.avg(),"
		"price.min(),price.max(),count()");
	start();
	ck_assert_int_eq(md_compose_select(&composer, &root, &(struct md_shown){ .cast = s("x") }),
			 MD_INVALID);
	md_arena_free(arena);
	start();
	root = md_compose_root(&composer);
	OK(md_compose_select_text(&composer, s("id,posts(title)")));
	ck_assert_int_eq(md_compose_select_text(&composer, s("id")), MD_INVALID);
	ends_as("select=id,posts(title)");
}
END_TEST

START_TEST(order_limit_and_depth_are_those_of_the_parser)
{
	struct md_scope root;

	start();
	root = md_compose_root(&composer);
	OK(md_compose_select_text(&composer, s("*,boss(name)")));
	OK(md_compose_order_by(&composer, &root, s("a"), MD_DIR_ASC, MD_NULLS_FIRST));
	OK(md_compose_order_by(&composer, &root, s("b->c"), MD_DIR_DEFAULT, MD_NULLS_LAST));
	OK(md_compose_order_by_related(&composer, &root, s("boss"), s("name"), MD_DIR_DESC,
				       MD_NULLS_DEFAULT));
	ck_assert_int_eq(md_compose_order_text(&composer, &root, s("id")), MD_INVALID);
	md_compose_limit(&root, 0);
	md_compose_offset(&root, 20);
	ends_as("select=*,boss(name)&order=a.asc.nullsfirst,b->c.nullslast,boss(name).desc&"
		"limit=0&offset=20");
	start();
	root = md_compose_root(&composer);
	OK(md_compose_order_text(&composer, &root, s("a.desc,b")));
	ends_as("order=a.desc,b");
	start();
	md_compose_dict(&composer, 2);
	ck_assert(query.has_depth && query.depth == 2);
	md_arena_free(arena);
}
END_TEST

START_TEST(limits_and_errors_are_those_of_the_parser)
{
	struct md_comparison one = { .values = (struct md_str[]){ s("1") }, .value_count = 1 };
	struct md_joined joined = { .relation = MD_STR("posts") };
	struct md_scope scope;

#define LIMIT(which, most, said, call)                                       \
	do {                                                                 \
		enum md_code code = MD_OK;                                   \
		unsigned times = 0;                                          \
		start();                                                     \
		limits.which = (most);                                       \
		scope = md_compose_root(&composer);                          \
		for (; times <= (most) && (code = (call)) == MD_OK; times++) \
			;                                                    \
		ck_assert_uint_eq(times, (most));                            \
		ck_assert_int_eq(code, MD_TOO_LARGE);                        \
		ck_assert_str_eq(error.wire, "MD414");                       \
		ck_assert_str_eq(error.message, said);                       \
		md_arena_free(arena);                                        \
	} while (0)
	LIMIT(filters, 3u, "more than 3 filters",
	      md_compose_where(&composer, &scope, s("a"), &one));
	LIMIT(filters, 2u, "more than 2 filters",
	      md_compose_where_text(&composer, &scope, s("a"), s("eq"), s("1")));
	LIMIT(order_terms, 2u, "more than 2 terms in an order",
	      md_compose_order_by(&composer, &scope, s("a"), MD_DIR_ASC, MD_NULLS_FIRST));
	LIMIT(select_items, 4u, "more than 4 items in a select list",
	      md_compose_select_all(&composer, &scope));
	LIMIT(logic_depth, 3u, "more than 3 levels of and/or",
	      md_compose_group(&composer, &scope, MD_LOGIC_AND, false, &scope));
	LIMIT(embed_depth, 2u, "more than 2 levels of embedded resources",
	      md_compose_join(&composer, &scope, &joined, &scope));
	LIMIT(embeds, 3u, "more than 3 embedded resources",
	      md_compose_join(&composer, &(struct md_scope){ .level = &query.root }, &joined,
			      &(struct md_scope){ .embeds = 0 }));
#undef LIMIT
	start();
	limits.in_values = 1;
	scope = md_compose_root(&composer);
	ck_assert_int_eq(md_compose_filter(&composer, &scope, s("a"),
					   (struct md_str[]){ s("1"), s("2") }, 2),
			 MD_TOO_LARGE);
	ck_assert_int_eq(md_compose_where_text(&composer, &scope, s("a"), s("near"), s("1")),
			 MD_INVALID);
	ck_assert_str_eq(error.wire, "PGRST100");
	ck_assert_int_eq(md_compose_where(&composer, &scope, s("a b) --"), &one), MD_INVALID);
	ck_assert_str_eq(error.wire, "PGRST100");
	one.values = (struct md_str[]){ { "a\0b", 3 } };
	ck_assert_int_eq(md_compose_where(&composer, &scope, s("a"), &one), MD_INVALID);
	ck_assert_str_eq(error.wire, "22021");
	one.values = (struct md_str[]){ { "\xff", 1 } };
	ck_assert_int_eq(md_compose_where(&composer, &scope, s("a"), &one), MD_INVALID);
	ck_assert_str_eq(error.wire, "22021");
	one.value_count = 0;
	ck_assert_int_eq(md_compose_where(&composer, &scope, s("a"), &one), MD_INVALID);
	one = (struct md_comparison){ .op = MD_OP_NEQ, .quantifier = MD_QUANT_ANY };
	ck_assert_int_eq(md_compose_where(&composer, &scope, s("a"), &one), MD_INVALID);
	ck_assert_ptr_null(query.root.where);
	md_arena_free(arena);
}
END_TEST

static enum md_code compose_all(void)
{
	const struct md_str values[] = { s("1"), s("2") };
	struct md_comparison fts = {
		.op = MD_OP_FTS, .language = MD_STR("french"), .values = values, .value_count = 1
	};
	struct md_joined joined = { .relation = MD_STR("posts"),
				    .alias = MD_STR("p"),
				    .hint = MD_STR("h") };
	struct md_shown shown = { .column = MD_STR("meta->>a"),
				  .alias = MD_STR("n"),
				  .cast = MD_STR("text"),
				  .aggregate = MD_AGG_MAX,
				  .aggregate_cast = MD_STR("text") };
	struct md_scope root = md_compose_root(&composer), group, posts;
	enum md_code code = md_compose_where(&composer, &root, s("a"), &fts);

	if (code == MD_OK)
		code = md_compose_group(&composer, &root, MD_LOGIC_OR, false, &group);
	if (code == MD_OK)
		code = md_compose_filter(&composer, &group, s("b"), values, 2);
	if (code == MD_OK)
		code = md_compose_where_text(&composer, &group, s("b"), s("in"), s("(1,2)"));
	if (code == MD_OK)
		code = md_compose_join(&composer, &root, &joined, &posts);
	if (code == MD_OK)
		code = md_compose_select(&composer, &posts, &shown);
	if (code == MD_OK)
		code = md_compose_order_by_related(&composer, &root, s("p"), s("a->b"), MD_DIR_DESC,
						   MD_NULLS_FIRST);
	if (code == MD_OK)
		code = md_compose_order_text(&composer, &posts, s("id.desc"));
	return code ? code : md_compose_end(&composer);
}

START_TEST(every_allocation_may_fail)
{
	for (int n = 0;; n++) {
		enum md_code code;

		fault_pause();
		start();
		fault_resume();
		fault_arm(n);
		code = compose_all();
		fault_disarm();
		if (!fault_fired()) {
			ck_assert_int_eq(code, MD_OK);
			ck_assert_int_gt(n, 0);
			break;
		}
		ck_assert_int_eq(code, MD_NOMEM);
		ck_assert_int_eq(error.code, MD_NOMEM);
		md_arena_free(arena);
	}
	md_arena_free(arena);
}
END_TEST

/* The cap of an arena is met before the memory of the machine. */
START_TEST(every_limit_of_the_arena_is_reported)
{
	enum md_code code = MD_NOMEM;
	size_t limit = 0;

	for (; code != MD_OK; limit += 16) {
		start();
		md_arena_reset(arena, limit);
		code = compose_all();
		ck_assert(code == MD_OK || (code == MD_NOMEM && error.code == MD_NOMEM));
		md_arena_free(arena);
		ck_assert_uint_lt(limit, 1 << 16);
	}
	ck_assert_uint_gt(limit, 512);
}
END_TEST

SUITE_MAIN("compose", nothing_said_is_everything, where_makes_every_kind_of_comparison,
	   where_reads_the_operators_of_the_query_string, groups_are_trees_of_conditions,
	   filter_means_equality_null_and_lists, join_embeds_and_opens_a_level_of_its_own,
	   select_has_aliases_casts_and_aggregates, order_limit_and_depth_are_those_of_the_parser,
	   limits_and_errors_are_those_of_the_parser, every_allocation_may_fail,
	   every_limit_of_the_arena_is_reported)
