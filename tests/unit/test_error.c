#include "core/base/error.h"

#include <string.h>

#include "tests/support/suite.h"

START_TEST(fills_all_four_fields)
{
	struct md_error err;

	ck_assert_int_eq(md_fail(&err, MD_INVALID, "PGRST100", "bad '%s'", "x"), MD_INVALID);
	ck_assert_int_eq(err.code, MD_INVALID);
	ck_assert_str_eq(err.wire, "PGRST100");
	ck_assert_str_eq(err.message, "bad 'x'");
	ck_assert_str_eq(err.details, "");
	md_error_details(&err, "d%d", 1);
	md_error_hint(&err, "h");
	ck_assert_str_eq(err.details, "d1");
	ck_assert_str_eq(err.hint, "h");
}
END_TEST

START_TEST(takes_no_error_object)
{
	ck_assert_int_eq(md_fail(NULL, MD_NOMEM, "53200", "x"), MD_NOMEM);
	md_error_details(NULL, "x");
	md_error_hint(NULL, "x");
}
END_TEST

START_TEST(cuts_at_a_character)
{
	struct md_error err;
	char text[MD_MESSAGE_MAX + 10];

	memset(text, 'a', sizeof(text));
	memcpy(text + MD_MESSAGE_MAX - 2, "\xC3\xA4", 2); /* the second byte does not fit */
	text[sizeof(text) - 1] = '\0';
	md_fail(&err, MD_INVALID, "x", "%s", text);
	ck_assert_uint_eq(strlen(err.message), MD_MESSAGE_MAX - 2);
}
END_TEST

SUITE_MAIN("error", fills_all_four_fields, takes_no_error_object, cuts_at_a_character)
