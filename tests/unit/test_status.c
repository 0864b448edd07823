#include "server/status.h"

#include <string.h>

#include "tests/support/suite.h"

static unsigned status_of(const char *wire, enum md_code code, const char *message)
{
	struct md_error err;

	md_error_clear(&err);
	md_fail(&err, code, wire, "%s", message);
	return md_status_of(&err, false);
}

static const struct {
	const char *wire;
	unsigned status;
} expected_table[] = {
	{ "PGRST000", 503 }, { "PGRST003", 504 }, { "PGRST100", 400 }, { "PGRST103", 416 },
	{ "PGRST106", 406 }, { "PGRST107", 406 }, { "PGRST116", 406 }, { "PGRST117", 405 },
	{ "PGRST125", 404 }, { "PGRST201", 300 }, { "PGRST205", 404 }, { "PGRST300", 500 },
	{ "PGRST301", 401 }, { "MD400", 400 },    { "MD403", 403 },    { "MD404", 404 },
	{ "MD413", 413 },    { "MD414", 400 },    { "MD421", 421 },    { "MD431", 431 },
	{ "MD503", 503 },    { "MD504", 504 },    { "PT418", 418 },    { "PT999", 500 },
	{ "PTabc", 500 },    { "PT100", 500 },    { "08006", 503 },    { "22P02", 400 },
	{ "23502", 400 },    { "23505", 409 },    { "25006", 405 },    { "25001", 500 },
	{ "28000", 403 },    { "42P01", 404 },    { "42703", 400 },    { "53200", 503 },
	{ "53400", 500 },    { "54000", 500 },    { "55P03", 503 },    { "57014", 500 },
	{ "57P01", 503 },    { "53100", 507 },    { "58030", 503 },    { "P0001", 400 },
	{ "P0002", 500 },    { "XX000", 500 },    { "42501", 401 },
};

START_TEST(every_wire_code_has_the_status_of_the_dialect)
{
	for (size_t i = 0; i < sizeof(expected_table) / sizeof(expected_table[0]); i++)
		ck_assert_msg(status_of(expected_table[i].wire, MD_INVALID, "x") ==
				      expected_table[i].status,
			      "%s", expected_table[i].wire);
}
END_TEST

START_TEST(missing_rights_are_403_for_who_is_known)
{
	struct md_error err;

	md_error_clear(&err);
	md_fail(&err, MD_INVALID, "42501", "permission denied");
	ck_assert_uint_eq(md_status_of(&err, true), 403);
}
END_TEST

START_TEST(a_role_that_does_not_exist_is_401_and_another_bad_parameter_400)
{
	ck_assert_uint_eq(status_of("22023", MD_INVALID, "role \"x\" does not exist"), 401);
	ck_assert_uint_eq(status_of("22023", MD_INVALID, "bad time zone"), 400);
}
END_TEST

START_TEST(digits_that_are_no_status_are_not_believed)
{
	ck_assert_uint_eq(status_of("PT999", MD_INVALID, "x"), 500);
	ck_assert_uint_eq(status_of("MD1", MD_INVALID, "x"), 400);
	ck_assert_uint_eq(status_of("MD4x4", MD_INTERNAL, "x"), 500);
}
END_TEST

START_TEST(an_error_without_wire_code_goes_by_its_code)
{
	ck_assert_uint_eq(status_of("", MD_INTERNAL, "x"), 500);
	ck_assert_uint_eq(status_of("", MD_UNAVAILABLE, "x"), 503);
	ck_assert_uint_eq(status_of("", (enum md_code)99, "x"), 500);
}
END_TEST

START_TEST(only_certain_503_invite_to_try_again)
{
	struct md_error err;

	md_error_clear(&err);
	md_fail(&err, MD_UNAVAILABLE, "PGRST001", "x");
	ck_assert(md_status_wants_retry(503, &err));
	ck_assert(!md_status_wants_retry(500, &err));
	md_fail(&err, MD_UNCERTAIN, "08006", "x");
	ck_assert(!md_status_wants_retry(503, &err));
	md_fail(&err, MD_INTERNAL, "MD503", "a model that differs from its table");
	ck_assert(!md_status_wants_retry(503, &err));
	md_fail(&err, MD_TIMEOUT, "MD504", "a deadline");
	ck_assert(md_status_wants_retry(504, &err));
}
END_TEST

SUITE_MAIN("status", every_wire_code_has_the_status_of_the_dialect,
	   missing_rights_are_403_for_who_is_known,
	   a_role_that_does_not_exist_is_401_and_another_bad_parameter_400,
	   digits_that_are_no_status_are_not_believed, an_error_without_wire_code_goes_by_its_code,
	   only_certain_503_invite_to_try_again)
