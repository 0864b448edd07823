/* Rules of fields: each against values that it lets pass and values that it refuses, and what it
 * says then. */
#include "core/model/rules.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/db/value.h"
#include "core/model/define.h"
#include "core/model/format.h"
#include "tests/support/fault.h"
#include "tests/support/suite.h"

enum { ARENA = 1 << 20 };

static struct md_arena *arena;
static const struct md_definitions *definitions;
static const struct md_rules *rules;
static struct md_error error;

/* A model "Thing" with one field "f", written in the shorthand or as an object. */
static const struct md_def_field *define(const char *field)
{
	md_auto_buf text = MD_BUF(1 << 16);
	struct md_def_report report = { .count = 0 };
	struct md_def_source source = { "m.json", { NULL, 0 } };

	md_buf_printf(&text,
		      "{\"version\":1,\"enums\":{\"Role\":[\"user\",\"admin\"]},\"models\":{"
		      "\"Thing\":{\"fields\":{\"f\":%s%s%s}}}}",
		      field[0] == '{' ? "" : "\"", field, field[0] == '{' ? "" : "\"");
	source.text = (struct md_str){ text.data, text.len };
	md_definitions_load(&source, 1, NULL, 0, &report, &definitions, &error);
	ck_assert_msg(definitions != NULL, "%s: %s", field,
		      report.count > 0 ? report.items[0].message : error.message);
	md_def_report_release(&report);
	return &definitions->models[0].fields[1];
}

static void open_rules(const char *field)
{
	const struct md_def_field *def = define(field);

	arena = md_arena_new(ARENA);
	rules = NULL;
	ck_assert_int_eq(md_rules_new(arena, "thing", def, &rules, &error), MD_OK);
}

static void close_rules(void)
{
	md_rules_free(rules);
	md_arena_free(arena);
	md_definitions_free(definitions);
	definitions = NULL;
}

static struct md_value text(const char *s)
{
	return md_value_text(md_str_of(s));
}

/* "": it passes; else the code, and the message with the details behind it. */
static const char *told(struct md_value value)
{
	static char answer[sizeof(error.message) + sizeof(error.details) + 64];

	md_error_clear(&error);
	ck_assert_int_eq(md_rules_fit(rules, arena, &value, &error), MD_OK);
	if (md_rules_check(rules, &value, &error) == MD_OK)
		return "";
	ck_assert_int_eq(error.code, MD_INVALID);
	snprintf(answer, sizeof(answer), "%s %s%s%s", error.wire, error.message,
		 error.details[0] ? " | " : "", error.details);
	return answer;
}

#define PASSES(value)            ck_assert_str_eq(told(value), "")
#define REFUSES(value, expected) ck_assert_str_eq(told(value), expected)
#define CHECK_F(asked)                                                                        \
	"23514 new row for relation \"thing\" violates check constraint \"thing_f_check\" | " \
	"f must " asked

START_TEST(fields_without_demands_have_no_rules)
{
	static const char *const free[] = { "text", "bigint", "float?",   "boolean", "json",
					    "uuid", "bytes",  "datetime", "date" };

	for (size_t i = 0; i < sizeof(free) / sizeof(free[0]); i++) {
		open_rules(free[i]);
		ck_assert_ptr_null(rules);
		PASSES(text("anything"));
		close_rules();
	}
}
END_TEST

START_TEST(lengths_are_counted_in_characters)
{
	open_rules("string(4) min_length(2)");
	PASSES(md_value_null());
	PASSES(text("ab"));
	PASSES(text("äöüß"));
	PASSES(text("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"));
	REFUSES(text("äöüßx"), "22001 value too long for type character varying(4)");
	REFUSES(text("ä"), CHECK_F("have at least 2 characters"));
	REFUSES(text(""), CHECK_F("have at least 2 characters"));
	close_rules();
	open_rules("text max_length(3)"); /* a type without a length: a check of the table */
	REFUSES(text("äöüß"), CHECK_F("have at most 3 characters"));
	close_rules();
	open_rules("bytes max_length(2) min_length(1)");
	PASSES(((struct md_value){ .type = MD_BLOB, .len = 2, .text = "\xC3\xA4" }));
	REFUSES(((struct md_value){ .type = MD_BLOB, .len = 3, .text = "abc" }),
		CHECK_F("have at most 2 bytes"));
	REFUSES(((struct md_value){ .type = MD_BLOB, .len = 0, .text = "" }),
		CHECK_F("have at least 1 byte"));
	close_rules();
}
END_TEST

START_TEST(whole_numbers_fit_their_type)
{
	open_rules("smallint");
	PASSES(md_value_int(32767));
	PASSES(md_value_int(-32768));
	REFUSES(md_value_int(32768), "22003 value \"32768\" is out of range for type smallint");
	REFUSES(md_value_int(-32769), "22003 value \"-32769\" is out of range for type smallint");
	close_rules();
	open_rules("integer");
	PASSES(md_value_int(INT32_MIN));
	REFUSES(md_value_int(INT64_MAX),
		"22003 value \"9223372036854775807\" is out of range for type integer");
	close_rules();
}
END_TEST

START_TEST(limits_of_numbers)
{
	open_rules("integer min(1) max(9) multiple_of(2)");
	PASSES(md_value_int(2));
	PASSES(md_value_int(8));
	REFUSES(md_value_int(0), CHECK_F("be at least 1"));
	REFUSES(md_value_int(10), CHECK_F("be at most 9"));
	REFUSES(md_value_int(3), CHECK_F("be a multiple of 2"));
	close_rules();
	open_rules("bigint max(9007199254740992)");
	PASSES(md_value_int(9007199254740992));
	REFUSES(md_value_int(9007199254740993), CHECK_F("be at most 9007199254740992"));
	close_rules();
	open_rules("float exclusive_min(0) exclusive_max(1.5)");
	PASSES(md_value_real(0.1));
	PASSES(md_value_int(1));
	REFUSES(md_value_int(0), CHECK_F("be more than 0"));
	REFUSES(md_value_real(1.5), CHECK_F("be less than 1.5"));
	close_rules();
	open_rules("float multiple_of(0.1)");
	PASSES(md_value_real(0.3));
	PASSES(md_value_real(-12.7));
	PASSES(md_value_int(5));
	REFUSES(md_value_real(0.35), CHECK_F("be a multiple of 0.1"));
	close_rules();
	open_rules("{\"type\":\"integer\",\"min\":1,\"enforce\":\"api\"}");
	REFUSES(md_value_int(0), "23514 f must be at least 1");
	close_rules();
	open_rules("{\"type\":\"bigint\",\"min\":1,\"enforce\":\"database\"}");
	ck_assert_ptr_null(rules);
	close_rules();
}
END_TEST

START_TEST(limits_of_moments)
{
	open_rules("datetime min('2024-01-01T00:00:00+02:00')");
	PASSES(text("2023-12-31T22:00:00.000000+00:00"));
	REFUSES(text("2023-12-31T21:59:59.999999+00:00"),
		CHECK_F("be at least 2024-01-01T00:00:00+02:00"));
	/* What an engine reads in its own way is left to it. */
	PASSES(text("1 January 2020"));
	PASSES(text("yesterday"));
	close_rules();
	open_rules("date max('2024-02-29')");
	PASSES(text("2024-02-29"));
	REFUSES(text("2024-03-01"), CHECK_F("be at most 2024-02-29"));
	close_rules();
	open_rules("time exclusive_min('08:00:00')");
	PASSES(text("08:00:00.000001"));
	REFUSES(text("08:00:00.000000"), CHECK_F("be more than 08:00:00"));
	close_rules();
}
END_TEST

START_TEST(decimals_are_rounded_and_then_checked)
{
	struct md_value value = md_value_real(2.675);

	open_rules("decimal(5, 2) min(-1) max(500)");
	ck_assert_int_eq(md_rules_fit(rules, arena, &value, &error), MD_OK);
	ck_assert_double_eq(value.r, 2.68);
	value = md_value_real(-0.005);
	ck_assert_int_eq(md_rules_fit(rules, arena, &value, &error), MD_OK);
	ck_assert_double_eq(value.r, -0.01);
	PASSES(md_value_int(500));
	PASSES(md_value_real(500.004));
	REFUSES(md_value_real(500.005), CHECK_F("be at most 500"));
	REFUSES(md_value_int(1000),
		"22003 numeric field overflow | A field with precision 5, scale 2 must round to an "
		"absolute value less than 10^3.");
	PASSES(md_value_real(-1));
	close_rules();
	open_rules("decimal(3, 3)");
	PASSES(md_value_real(0.9994));
	REFUSES(md_value_real(0.9995),
		"22003 numeric field overflow | A field with precision 3, scale 3 must round to an "
		"absolute value less than 1.");
	close_rules();
}
END_TEST

START_TEST(long_decimals_stay_texts)
{
	struct md_value value = text("12345678901234567890.125");

	open_rules("decimal(30, 2) max('12345678901234567890.13') multiple_of(0.01)");
	ck_assert_int_eq(md_rules_fit(rules, arena, &value, &error), MD_OK);
	ck_assert_int_eq(value.type, MD_TEXT);
	ck_assert_uint_eq(value.len, strlen("12345678901234567890.13"));
	ck_assert_mem_eq(value.text, "12345678901234567890.13", value.len);
	PASSES(value);
	value = text("-1e3");
	ck_assert_int_eq(md_rules_fit(rules, arena, &value, &error), MD_OK);
	ck_assert_mem_eq(value.text, "-1000", value.len);
	REFUSES(text("12345678901234567890.135"), CHECK_F("be at most 12345678901234567890.13"));
	ck_assert_ptr_nonnull(strstr(told(text("1e28")), "22003 numeric field overflow"));
	close_rules();
}
END_TEST

START_TEST(labels_of_enums)
{
	open_rules("enum(b, 'a c', a)");
	PASSES(text("a"));
	PASSES(text("b"));
	PASSES(text("a c"));
	REFUSES(text("A"), "22P02 invalid input value for enum f: \"A\"");
	REFUSES(text(""), "22P02 invalid input value for enum f: \"\"");
	close_rules();
	open_rules("Role");
	PASSES(text("admin"));
	REFUSES(text("root"), "22P02 invalid input value for enum Role: \"root\"");
	close_rules();
}
END_TEST

START_TEST(elements_of_arrays)
{
	open_rules("array(smallint)");
	PASSES(text("[]"));
	PASSES(text(" [ 1 , -2,null ] "));
	REFUSES(text("[1,\"2\"]"), "22P02 invalid input syntax for type smallint: \"2\"");
	REFUSES(text("[1,2.5]"), "22P02 invalid input syntax for type smallint: \"2.5\"");
	REFUSES(text("[1,40000]"), "22003 value \"40000\" is out of range for type smallint");
	REFUSES(text("[1,9223372036854775808]"),
		"22003 value \"9223372036854775808\" is out of range for type smallint");
	REFUSES(text("[-]"), "22P02 invalid input syntax for type smallint: \"-\"");
	REFUSES(text("{\"a\":1}"), "22P02 expected JSON array: \"{\"a\":1}\"");
	REFUSES(text("[[1]]"), "22P02 invalid input syntax for type smallint: \"[1\"");
	close_rules();
	open_rules("array(string)");
	PASSES(text("[\"a]\\\",[\", \"\"]"));
	REFUSES(text("[true]"), "22P02 invalid input syntax for type text: \"true\"");
	close_rules();
	open_rules("array(uuid)");
	PASSES(text("[\"00000000-0000-4000-8000-00000000000a\"]"));
	REFUSES(text("[\"x\"]"), "22P02 invalid input syntax for type uuid: \"x\"");
	close_rules();
	open_rules("array(boolean)");
	PASSES(text("[true,false]"));
	REFUSES(text("[1]"), "22P02 invalid input syntax for type boolean: \"1\"");
	close_rules();
	open_rules("array(date)");
	PASSES(text("[\"2024-02-29\"]"));
	REFUSES(text("[\"2023-02-29\"]"),
		"22P02 invalid input syntax for type date: \"2023-02-29\"");
	close_rules();
}
END_TEST

START_TEST(patterns_match_the_whole_value)
{
	open_rules("text pattern('a+|b')");
	PASSES(text("aaa"));
	PASSES(text("b"));
	REFUSES(text("ab"), "23514 f must match the pattern a+|b");
	REFUSES(text("b\nb"), "23514 f must match the pattern a+|b");
	REFUSES(text(""), "23514 f must match the pattern a+|b");
	close_rules();
	open_rules("text pattern('^.{3}$')");
	PASSES(text("äöü"));
	PASSES(text("\xF0\x9F\x98\x80"
		    "ab"));
	REFUSES(text("ä"), "23514 f must match the pattern ^.{3}$");
	close_rules();
	open_rules("text pattern('[äöü]+')");
	PASSES(text("öä"));
	REFUSES(text("ß"), "23514 f must match the pattern [äöü]+");
	/* The text ends where its length says. */
	ck_assert_str_eq(told((struct md_value){ .type = MD_TEXT, .len = 2, .text = "öx" }), "");
	close_rules();
}
END_TEST

START_TEST(formats)
{
	static const struct {
		enum md_def_format format;
		bool fits;
		const char *text;
	} cases[] = {
		{ MD_DEF_EMAIL, true, "a@b.org" },
		{ MD_DEF_EMAIL, true, "first.last+tag@sub.example.co" },
		{ MD_DEF_EMAIL, true, "jörg@bücher.example" },
		{ MD_DEF_EMAIL, false, "a" },
		{ MD_DEF_EMAIL, false, "@b.org" },
		{ MD_DEF_EMAIL, false, "a@" },
		{ MD_DEF_EMAIL, false, "a@localhost" },
		{ MD_DEF_EMAIL, false, "a@b@c.org" },
		{ MD_DEF_EMAIL, false, "a..b@c.org" },
		{ MD_DEF_EMAIL, false, ".a@c.org" },
		{ MD_DEF_EMAIL, false, "a b@c.org" },
		{ MD_DEF_EMAIL, false, "a@c..org" },
		{ MD_DEF_EMAIL, false, "a@-c.org" },
		{ MD_DEF_EMAIL, false, "a@c.org " },
		{ MD_DEF_EMAIL, false, "" },
		{ MD_DEF_URI, true, "https://example.org/a?b=c#d" },
		{ MD_DEF_URI, true, "mailto:a@b.org" },
		{ MD_DEF_URI, true, "http://[::1]:80/%C3%A4" },
		{ MD_DEF_URI, false, "example.org" },
		{ MD_DEF_URI, false, "http:" },
		{ MD_DEF_URI, false, "http://a b" },
		{ MD_DEF_URI, false, "http://a/%2" },
		{ MD_DEF_URI, false, "http://ä" },
		{ MD_DEF_URI, false, "1http://a" },
		{ MD_DEF_URI, false, "" },
		{ MD_DEF_HOSTNAME, true, "localhost" },
		{ MD_DEF_HOSTNAME, true, "a-1.example.org" },
		{ MD_DEF_HOSTNAME, false, "a_b" },
		{ MD_DEF_HOSTNAME, false, "a." },
		{ MD_DEF_HOSTNAME, false, "-a" },
		{ MD_DEF_HOSTNAME, false, "" },
		{ MD_DEF_IPV4, true, "127.0.0.1" },
		{ MD_DEF_IPV4, false, "127.0.0.256" },
		{ MD_DEF_IPV4, false, "127.1" },
		{ MD_DEF_IPV4, false, "::1" },
		{ MD_DEF_IPV6, true, "::1" },
		{ MD_DEF_IPV6, true, "2001:db8::ffff:1.2.3.4" },
		{ MD_DEF_IPV6, false, "1.2.3.4" },
		{ MD_DEF_IPV6, false, ":::" },
		{ MD_DEF_SLUG, true, "a-part-2" },
		{ MD_DEF_SLUG, false, "A" },
		{ MD_DEF_SLUG, false, "a--b" },
		{ MD_DEF_SLUG, false, "-a" },
		{ MD_DEF_SLUG, false, "a-" },
		{ MD_DEF_SLUG, false, "" },
		{ MD_DEF_PHONE, true, "+49 30 1234-567" },
		{ MD_DEF_PHONE, true, "(030) 1234567" },
		{ MD_DEF_PHONE, true, "5551234" },
		{ MD_DEF_PHONE, false, "123" },
		{ MD_DEF_PHONE, false, "1234567890123456" },
		{ MD_DEF_PHONE, false, "12+34567" },
		{ MD_DEF_PHONE, false, "555-1234x" },
		{ MD_DEF_PHONE, false, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(md_format_fits(cases[i].format, md_str_of(cases[i].text)) ==
				      cases[i].fits,
			      "%s", cases[i].text);
	open_rules("string(254) format(email)");
	PASSES(text("ann@example.org"));
	REFUSES(text("ann"), "22P02 invalid input syntax for type email: \"ann\"");
	close_rules();
}
END_TEST

/* Rules are made while memory is short, or not at all; nothing is lost on the way. */
START_TEST(survive_a_failure_of_every_allocation)
{
	const struct md_def_field *def = define("{\"enum\":\"Role\",\"immutable\":true}");
	const struct md_def_field *second;
	const struct md_definitions *first = definitions;
	int failed = 0;

	second = define("string(9) pattern('^[a-z]{2,9}$') min_length(2)");
	for (int n = 0;; n++) {
		const struct md_rules *made[2] = { NULL, NULL };
		enum md_code code;
		bool fired;

		fault_arm(n);
		arena = md_arena_new(ARENA);
		code = arena ? md_rules_new(arena, "thing", def, &made[0], &error) : MD_NOMEM;
		if (code == MD_OK)
			code = md_rules_new(arena, "thing", second, &made[1], &error);
		fired = fault_fired();
		fault_disarm();
		ck_assert(code == MD_OK || (code == MD_NOMEM && fired));
		failed += code == MD_NOMEM;
		md_rules_free(made[0]);
		md_rules_free(made[1]);
		md_arena_free(arena);
		if (!fired)
			break;
		ck_assert_int_lt(n, 300);
	}
	ck_assert_int_gt(failed, 0);
	for (size_t limit = 64; limit < 4096; limit += 64) { /* an arena that is full */
		const struct md_rules *made = NULL;

		arena = md_arena_new(limit);
		if (md_rules_new(arena, "thing", second, &made, &error) != MD_OK)
			ck_assert_int_eq(error.code, MD_NOMEM);
		md_rules_free(made);
		md_arena_free(arena);
	}
	md_definitions_free(first);
	md_definitions_free(definitions);
}
END_TEST

SUITE_MAIN("rules", fields_without_demands_have_no_rules, lengths_are_counted_in_characters,
	   whole_numbers_fit_their_type, limits_of_numbers, limits_of_moments,
	   decimals_are_rounded_and_then_checked, long_decimals_stay_texts, labels_of_enums,
	   elements_of_arrays, patterns_match_the_whole_value, formats,
	   survive_a_failure_of_every_allocation)
