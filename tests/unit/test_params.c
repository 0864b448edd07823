#include "server/params.h"

#include "tests/support/suite.h"

static const enum md_media offers[] = { MD_MEDIA_JSON, MD_MEDIA_OBJECT };

static const struct {
	const char *accept;
	int media; /* -1: none */
} accepts_table[] = {
	{ "application/json", MD_MEDIA_JSON },
	{ "*/*", MD_MEDIA_JSON },
	{ "text/unknowntype, */*", MD_MEDIA_JSON },
	{ "application/vnd.pgrst.object+json", MD_MEDIA_OBJECT },
	{ "application/json;q=0.1, application/vnd.pgrst.object", MD_MEDIA_OBJECT },
	{ "text/unknowntype, text/csv", -1 },
	{ " , ", MD_MEDIA_JSON },
	{ "application/json;q=0", -1 },
	{ "text/csv;q=0", -1 },
	{ "*/*;q=0", -1 },
	{ "text/csv;q=0, */*", MD_MEDIA_JSON },
	{ "*/*, application/json;q=0.0", MD_MEDIA_OBJECT },
	{ "*/*;q=0, application/json", MD_MEDIA_JSON },
};

START_TEST(the_best_type_that_is_offered_is_chosen)
{
	for (size_t i = 0; i < sizeof(accepts_table) / sizeof(accepts_table[0]); i++) {
		struct md_accept accept;
		enum md_media media = MD_MEDIA_OTHER;
		enum md_code code;

		md_accept_parse(md_str_of(accepts_table[i].accept), &accept);
		code = md_media_choose(&accept, offers, 2, &media, NULL);
		ck_assert_msg((code == MD_OK ? (int)media : -1) == accepts_table[i].media, "%s",
			      accepts_table[i].accept);
	}
}
END_TEST

START_TEST(what_cannot_be_had_is_named)
{
	struct md_accept accept;
	enum md_media media;
	struct md_error err;

	md_error_clear(&err);
	md_accept_parse(MD_STR("text/unknowntype, text/csv"), &accept);
	ck_assert_int_eq(md_media_choose(&accept, offers, 2, &media, &err), MD_INVALID);
	ck_assert_str_eq(err.wire, "PGRST107");
	ck_assert_str_eq(err.message,
			 "None of these media types are available: text/unknowntype, text/csv");
}
END_TEST

START_TEST(every_offer_has_a_content_type)
{
	ck_assert_str_eq(md_media_type(MD_MEDIA_JSON), "application/json; charset=utf-8");
	ck_assert_str_eq(md_media_type(MD_MEDIA_ARRAY_STRIPPED),
			 "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8");
}
END_TEST

SUITE_MAIN("params", the_best_type_that_is_offered_is_chosen, what_cannot_be_had_is_named,
	   every_offer_has_a_content_type)
