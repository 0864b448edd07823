#include "core/query/headers.h"

#include "tests/support/suite.h"

START_TEST(knows_the_media_types)
{
	static const struct {
		const char *text;
		enum md_media media;
	} cases[] = {
		{ "application/json", MD_MEDIA_JSON },
		{ "Application/JSON; charset=utf-8", MD_MEDIA_JSON },
		{ "*/*", MD_MEDIA_ANY },
		{ "application/*", MD_MEDIA_ANY },
		{ "application/vnd.pgrst.object", MD_MEDIA_OBJECT },
		{ "application/vnd.pgrst.object+json", MD_MEDIA_OBJECT },
		{ "application/vnd.pgrst.object+json; nulls=stripped", MD_MEDIA_OBJECT_STRIPPED },
		{ "application/vnd.pgrst.array+json;nulls=stripped", MD_MEDIA_ARRAY_STRIPPED },
		{ "application/vnd.pgrst.array", MD_MEDIA_JSON },
		{ "text/csv", MD_MEDIA_CSV },
		{ "application/openapi+json", MD_MEDIA_OPENAPI },
		{ "application/vnd.pgrst.plan+json; for=\"text/csv;a,b\"; options=analyze",
		  MD_MEDIA_PLAN },
		{ "application/geo+json", MD_MEDIA_GEOJSON },
		{ "text/plain", MD_MEDIA_TEXT },
		{ "text/html", MD_MEDIA_HTML },
		{ "application/x-ndjson", MD_MEDIA_NDJSON },
		{ "application/problem+json", MD_MEDIA_PROBLEM },
		{ "image/png", MD_MEDIA_OTHER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct md_accept accept;

		md_accept_parse(md_str_of(cases[i].text), &accept);
		ck_assert_uint_eq(accept.count, 1);
		ck_assert_int_eq(accept.media[0], cases[i].media);
		ck_assert(md_str_is(accept.text[0], cases[i].text));
	}
}
END_TEST

START_TEST(sorts_by_quality_then_precision_then_place)
{
	struct md_accept a;

	md_accept_parse(MD_STR("*/*, text/csv;q=0.5, text/html, image/png; q=0, "
			       "application/json;q=0.9;x=1, text/plain"),
			&a);
	ck_assert_uint_eq(a.count, 5);
	ck_assert_int_eq(a.media[0], MD_MEDIA_HTML);
	ck_assert_int_eq(a.media[1], MD_MEDIA_TEXT);
	ck_assert_int_eq(a.media[2], MD_MEDIA_ANY);
	ck_assert_int_eq(a.media[3], MD_MEDIA_JSON);
	ck_assert_int_eq(a.media[4], MD_MEDIA_CSV);
	ck_assert(md_str_is(a.text[3], "application/json") && md_str_is(a.text[4], "text/csv"));
}
END_TEST

START_TEST(keeps_a_bounded_number)
{
	struct md_accept a;

	md_accept_parse((struct md_str){ NULL, 0 }, &a);
	ck_assert_uint_eq(a.count, 0);
	md_accept_parse(MD_STR(" , ,"), &a);
	ck_assert_uint_eq(a.count, 0);
	md_accept_parse(
		MD_STR("a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b"), &a);
	ck_assert_uint_eq(a.count, MD_ACCEPT_MAX);
}
END_TEST

SUITE_MAIN("headers_accept", knows_the_media_types, sorts_by_quality_then_precision_then_place,
	   keeps_a_bounded_number)
