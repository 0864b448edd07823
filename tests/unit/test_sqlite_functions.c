#include <float.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/driver.h"
#include "core/db/sqlite_functions.h"

#include "tests/support/script.h"
#include "tests/support/suite.h"

static struct md_conn *conn;

static void open_memory(void)
{
	struct md_conn_target target = { .url = "sqlite://" };

	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, NULL), MD_OK);
}

static void close_memory(void)
{
	conn->driver->close(conn);
}

/* Call a function with text arguments (NULL: SQL NULL); an error is "wire message". */
static const char *call(const char *sql, const char *a, const char *b)
{
	static struct script s;
	struct md_value args[2] = { md_value_null(), md_value_null() };

	if (a)
		args[0] = md_value_text(md_str_of(a));
	if (b)
		args[1] = md_value_text(md_str_of(b));
	script_init(&s, MD_TX_READ);
	script_add(&s, 0, sql, args, 2);
	if (script_run(&s, conn) == MD_OK) {
		s.text[strlen(s.text) - 1] = '\0';
		return s.text;
	}
	ck_assert_int_eq(s.code, MD_INVALID);
	snprintf(s.text, sizeof(s.text), "%s %s", s.unit.error.wire, s.unit.error.message);
	return s.text;
}

struct triple {
	const char *a, *b, *result;
};

static void check_all(const char *sql, const struct triple *cases, size_t count)
{
	open_memory();
	for (size_t i = 0; i < count; i++) {
		const char *result = call(sql, cases[i].a, cases[i].b);

		ck_assert_msg(strcmp(result, cases[i].result) == 0, "%s with '%s', '%s': %s", sql,
			      cases[i].a, cases[i].b, result);
	}
	close_memory();
}

#define CHECK(sql, ...)                                                  \
	do {                                                             \
		static const struct triple cases[] = { __VA_ARGS__ };    \
		check_all(sql, cases, sizeof(cases) / sizeof(cases[0])); \
	} while (0)

/* What PostgreSQL's numeric gives for the same values. */
START_TEST(sums_and_averages_are_exact)
{
	CHECK("SELECT md_sum(value) FROM json_each(?1)", { "[1,2,3]", NULL, "6" },
	      { "[]", NULL, "NULL" }, { "[null]", NULL, "NULL" }, { "[0.1,0.2]", NULL, "0.3" },
	      { "[9223372036854775807,1]", NULL, "9223372036854775808" },
	      { "[-9223372036854775808,-1]", NULL, "-9223372036854775809" },
	      { "[\"12.50\",\"-0.25\",3]", NULL, "15.25" }, { "[\"-0.5\",\"0.5\"]", NULL, "0.0" },
	      { "[1e30,1]", NULL, "1000000000000000000000000000001" },
	      { "[\"1e-20\",-1]", NULL, "-0.99999999999999999999" },
	      { "[\"x\"]", NULL, "22P02 invalid input syntax for type numeric: \"x\"" },
	      { "[\"1e2000\"]", NULL, "22003 value overflows numeric format" });
	CHECK("SELECT md_avg(value) FROM json_each(?1)", { "[1,2]", NULL, "1.5000000000000000" },
	      { "[1,1,2]", NULL, "1.3333333333333333" }, { "[1,2,2]", NULL, "1.6666666666666667" },
	      { "[-1,-2,-2]", NULL, "-1.6666666666666667" },
	      { "[0,0]", NULL, "0.00000000000000000000" },
	      { "[12345,12346]", NULL, "12345.5000000000000000" },
	      { "[\"0.001\",\"0.002\"]", NULL, "0.00150000000000000000" },
	      { "[1e20,3]", NULL, "50000000000000000002" }, { "[null]", NULL, "NULL" });
	CHECK("SELECT md_sum(?1 + 0.0)", { "9e999", NULL, "Infinity" },
	      { "-9e999", NULL, "-Infinity" });
	CHECK("SELECT md_round(?1)", { "2.5", NULL, "3" }, { "-2.5", NULL, "-3" },
	      { "2.4999", NULL, "2" }, { "x", NULL, "x" }, { NULL, NULL, "NULL" });
}
END_TEST

START_TEST(like_follows_postgresql)
{
	CHECK("SELECT md_like(?1, ?2, 0)", { "abc", "abc", "1" }, { "abc", "ABC", "0" },
	      { "a%", "abc", "1" }, { "%", "", "1" }, { "", "", "1" }, { "", "a", "0" },
	      { "_", "", "0" }, { "%c", "abc", "1" }, { "%b%", "abc", "1" }, { "a_c", "abc", "1" },
	      { "a_c", "aéc", "1" }, { "a__c", "aéc", "0" }, { "_", "𝄞", "1" },
	      { "%_%_%", "ab", "1" }, { "%_%_%", "a", "0" }, { "a\\%c", "a%c", "1" },
	      { "a\\%c", "abc", "0" }, { "a\\_c", "abc", "0" }, { "a\\\\c", "a\\c", "1" },
	      { "\\a", "a", "1" }, { "%\\%", "10%", "1" }, { "%\\%", "10", "0" },
	      { "a\\", "a", "22025 LIKE pattern must not end with escape character" },
	      { "%\\\\", "a\\", "1" }, { "*", "a", "0" }, { "[a]", "a", "0" },
	      { NULL, "a", "NULL" }, { "a", NULL, "NULL" }, { "%aab", "aaaab", "1" },
	      { "a%b%c", "axxbxbxxc", "1" }, { "%é%", "xéx", "1" }, { "%ab%ab", "abab", "1" },
	      { "%ab%ab", "ab", "0" }, { "\xff%", "\xff\xfe", "1" }, { "%%%", "x", "1" },
	      { "%%%x%%", "yxy", "1" });
	CHECK("SELECT md_like(?1, 150, 0)", { "1_0", NULL, "1" }, { "15", NULL, "0" });
	CHECK("SELECT md_like(?1, 0.1 + 0.2, 0)", { "0.30000000000000004", NULL, "1" });
}
END_TEST

START_TEST(ilike_folds_the_letters_of_all_scripts)
{
	CHECK("SELECT md_like(?1, ?2, 1)", { "ABC%", "abcd", "1" }, { "%É%", "café", "1" },
	      { "ΣΊΣΥΦΟΣ", "σίσυφος", "1" }, { "ПРИВЕТ", "привет", "1" },
	      { "ԵՐԵՎԱՆ", "երևան", "0" }, { "ԵՐԵՒԱՆ", "երեւան", "1" },
	      { "თბილისი", "ᲗᲑᲘᲚᲘᲡᲘ", "1" }, { "ß", "ẞ", "1" }, { "ss", "ß", "0" },
	      { "𐐀", "𐐨", "1" }, { "Ÿ", "ÿ", "1" }, { "k", "\u212A", "1" }, { "×", "÷", "0" },
	      { "a\\%", "A%", "1" }, { "_É", "xé", "1" });
}
END_TEST

START_TEST(folding_is_idempotent_and_ascii_stays_ascii)
{
	for (uint32_t c = 0; c < 0x110000; c++)
		ck_assert_uint_eq(md_sqlite_fold(md_sqlite_fold(c)), md_sqlite_fold(c));
	for (uint32_t c = 0; c < 0x80; c++)
		ck_assert_uint_lt(md_sqlite_fold(c), 0x80);
}
END_TEST

START_TEST(like_does_not_blow_up)
{
	char *value = malloc(50001), pattern[1002];
	uint64_t start = md_now_ns();

	memset(value, 'a', 50000);
	value[50000] = '\0';
	for (int i = 0; i < 990; i += 2)
		memcpy(pattern + i, "a%", 3);
	strcat(pattern, "b");
	open_memory();
	ck_assert_str_eq(call("SELECT md_like(?1, ?2, 0)", pattern, value), "0");
	ck_assert_str_eq(call("SELECT md_like(?1, ?2, 1)", pattern, value), "0");
	memset(pattern, 'a', 1001);
	pattern[1001] = '\0';
	ck_assert_str_eq(call("SELECT md_like(?1, ?2, 0)", pattern, value),
			 "54000 the LIKE pattern is too long");
	close_memory();
	free(value);
	ck_assert(md_now_ns() - start < 5 * MD_SEC);
}
END_TEST

#ifdef MD_HAVE_PCRE2
START_TEST(regex_matches_and_refuses_what_runs_away)
{
	static const char escapes[] = "2201B invalid regular expression: back references and the "
				      "escapes of Perl are not supported";
	static const char groups[] = "2201B invalid regular expression: look-around and the groups "
				     "of Perl are not supported";

	CHECK("SELECT md_regex(?1, ?2, 0)", { "^a.c$", "abc", "1" }, { "^a.c$", "ABC", "0" },
	      { "b", "abc", "1" }, { "", "abc", "1" }, { "^.$", "é", "1" }, { "^.$", "𝄞", "1" },
	      { "(a|b)+c", "ababc", "1" }, { "(?:a)", "a", "1" }, { "(?i)A", "a", "1" },
	      { "[]a]", "]", "1" }, { "[[:alpha:]]+", "a", "1" }, { "[(?=]", "=", "1" },
	      { "\\(\\?=", "(?=", "1" }, { "\\d{3}", "123", "1" }, { "(a)\\1", "aa", escapes },
	      { "(?<n>a)", "a", groups }, { "a(?=b)", "ab", groups }, { "a(?!b)", "ac", groups },
	      { "(?<=a)b", "ab", groups }, { "(*COMMIT)a", "a", groups }, { "a(?R)?", "a", groups },
	      { "(a)(?1)", "aa", groups }, { "\\Qa\\E", "a", escapes }, { "\\g1", "a", escapes },
	      { NULL, "a", "NULL" }, { "a", NULL, "NULL" },
	      { "\xff", "a",
		"2201B invalid regular expression: UTF-8 error: illegal byte (0xfe or 0xff)" },
	      { "(", "a", "2201B invalid regular expression: missing closing parenthesis" });
	CHECK("SELECT md_regex(?1, ?2, 1)", { "É", "é", "1" }, { "^ПР", "привет", "1" });
	CHECK("SELECT md_regex(?1, 150, 0)", { "^15", NULL, "1" });
}
END_TEST

START_TEST(regex_stays_within_its_limits)
{
	char *value = malloc(30001), pattern[300];
	uint64_t start = md_now_ns();
	struct script s;

	memset(value, 'a', 30000);
	value[30000] = '\0';
	open_memory();
	ck_assert_ptr_nonnull(
		strstr(call("SELECT md_regex(?1, ?2, 0)", "(a+)+(a+)+(a+)+[bc]", value),
		       "2201B regular expression failed"));
	ck_assert_ptr_nonnull(
		strstr(call("SELECT md_regex(?1, 'a', 0)", "((a{1,100}){1,100}){1,100}", NULL),
		       "2201B invalid regular expression"));
	memset(pattern, 'a', 257);
	pattern[257] = '\0';
	ck_assert_str_eq(call("SELECT md_regex(?1, 'a', 0)", pattern, NULL),
			 "2201B invalid regular expression: the pattern is longer than 256 bytes");
	/* Compiled once: a thousand rows of a pattern from outside. */
	script_init(&s, MD_TX_READ);
	script_one(&s, conn, MD_TX_READ,
		   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) "
		   "SELECT count(*) FROM n WHERE md_regex('^1', i, 0)");
	ck_assert_str_eq(s.text, "112;");
	close_memory();
	free(value);
	ck_assert(md_now_ns() - start < 5 * MD_SEC);
}
END_TEST
#endif

START_TEST(integers_are_cast_with_their_ranges)
{
	CHECK("SELECT md_cast_int4(?1)", { "12", NULL, "12" }, { " -12\n", NULL, "-12" },
	      { "+7", NULL, "7" }, { NULL, NULL, "NULL" },
	      { "abc", NULL, "22P02 invalid input syntax for type integer: \"abc\"" },
	      { "1.5", NULL, "22P02 invalid input syntax for type integer: \"1.5\"" },
	      { "", NULL, "22P02 invalid input syntax for type integer: \"\"" },
	      { "-", NULL, "22P02 invalid input syntax for type integer: \"-\"" },
	      { "99999999999", NULL,
		"22003 value \"99999999999\" is out of range for type integer" },
	      { "2147483647", NULL, "2147483647" },
	      { "99999999999999999999999", NULL,
		"22003 value \"99999999999999999999999\" is out of range for type integer" });
	CHECK("SELECT md_cast_int2(?1)", { "32767", NULL, "32767" },
	      { "32768", NULL, "22003 value \"32768\" is out of range for type smallint" });
	CHECK("SELECT md_cast_int8(?1)", { "-9223372036854775808", NULL, "-9223372036854775808" },
	      { "9223372036854775808", NULL,
		"22003 value \"9223372036854775808\" is out of range for type bigint" });
	CHECK("SELECT md_cast_int4(2.5), md_cast_int4(-2.5), md_cast_int4(2.4)",
	      { NULL, NULL, "2,-2,2" });
	CHECK("SELECT md_cast_int4(1e10)", { NULL, NULL, "22003 integer out of range" });
	CHECK("SELECT md_cast_int4(3000000000)", { NULL, NULL, "22003 integer out of range" });
	CHECK("SELECT md_cast_int8(9223372036854775807.0)",
	      { NULL, NULL, "22003 bigint out of range" });
	CHECK("SELECT md_cast_int8(-9223372036854775808.0)",
	      { NULL, NULL, "-9223372036854775808" });
	CHECK("SELECT md_cast_int8(x'31')",
	      { NULL, NULL, "42846 cannot cast type bytea to bigint" });
}
END_TEST

START_TEST(reals_and_numerics_are_cast)
{
	CHECK("SELECT md_cast_real(?1), typeof(md_cast_real(?1))", { "1.5", NULL, "1.5,real" },
	      { "12", NULL, "12,real" }, { " 1e3 ", NULL, "1000,real" },
	      { "-Infinity", NULL, "-inf,real" }, { "NaN", NULL, "NaN,text" },
	      { NULL, NULL, "NULL,null" },
	      { "abc", NULL, "22P02 invalid input syntax for type double precision: \"abc\"" },
	      { "1e400", NULL, "22003 \"1e400\" is out of range for type double precision" },
	      { "1e", NULL, "22P02 invalid input syntax for type double precision: \"1e\"" },
	      { "0x10", NULL, "22P02 invalid input syntax for type double precision: \"0x10\"" });
	CHECK("SELECT md_cast_numeric(?1), typeof(md_cast_numeric(?1))",
	      { "9007199254740993", NULL, "9007199254740993,integer" },
	      { "1.25", NULL, "1.25,real" },
	      { "1,5", NULL, "22P02 invalid input syntax for type numeric: \"1,5\"" });
}
END_TEST

START_TEST(booleans_are_cast_from_every_spelling)
{
	CHECK("SELECT md_cast_bool(?1)", { "t", NULL, "1" }, { "TRUE", NULL, "1" },
	      { "tr", NULL, "1" }, { "yes", NULL, "1" }, { "on", NULL, "1" }, { "1", NULL, "1" },
	      { "f", NULL, "0" }, { "n", NULL, "0" }, { "of", NULL, "0" }, { " off ", NULL, "0" },
	      { "0", NULL, "0" }, { NULL, NULL, "NULL" },
	      { "o", NULL, "22P02 invalid input syntax for type boolean: \"o\"" },
	      { "", NULL, "22P02 invalid input syntax for type boolean: \"\"" },
	      { "truest", NULL, "22P02 invalid input syntax for type boolean: \"truest\"" });
	CHECK("SELECT md_cast_bool(7), md_cast_bool(0)", { NULL, NULL, "1,0" });
	CHECK("SELECT md_cast_bool(0.5)",
	      { NULL, NULL, "42846 cannot cast type double precision to boolean" });
}
END_TEST

START_TEST(texts_are_what_postgresql_would_write)
{
	CHECK("SELECT md_cast_text(?1)", { "abc", NULL, "abc" }, { NULL, NULL, "NULL" });
	CHECK("SELECT md_cast_text(12), md_cast_text(0.1), md_cast_text(0.1 + 0.2), "
	      "md_cast_text(1e20), md_cast_text(-1.5e-7), md_cast_text(100.0), "
	      "md_cast_text(x'0aff'),"
	      " md_cast_text(x'')",
	      { NULL, NULL, "12,0.1,0.30000000000000004,1e+20,-1.5e-07,100,\\x0aff,\\x" });
	CHECK("SELECT md_cast_text(1, 1), md_cast_text(0, 1), md_cast_text(NULL, 1), "
	      "md_cast_text('x', 1), md_cast_text(1, 0)",
	      { NULL, NULL, "true,false,NULL,x,1" });
}
END_TEST

START_TEST(reals_read_back_as_the_same_double)
{
	char text[MD_SQLITE_NUMBER_MAX];
	double value;

	srand(1);
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = 0;
		size_t len;
		double back;

		for (int k = 0; k < 8; k++)
			bits = bits << 8 | (rand() & 255);
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		if (i % 2)
			value = (double)(rand() % 2000000 - 1000000) / (double)(1 + rand() % 1000);
		len = md_sqlite_real_text(value, text);
		ck_assert_uint_eq(len, strlen(text));
		ck_assert(md_str_to_double((struct md_str){ text, len }, &back));
		ck_assert_msg(back == value, "%s %.17g", text, value);
	}
	md_sqlite_real_text(-DBL_MAX, text);
	ck_assert_str_eq(text, "-1.7976931348623157e+308");
	md_sqlite_real_text(DBL_TRUE_MIN, text);
	ck_assert_str_eq(text, "4.94065645841247e-324");
	md_sqlite_real_text(-0.0, text);
	ck_assert_str_eq(text, "-0");
	md_sqlite_real_text(0.0001, text);
	ck_assert_str_eq(text, "0.0001");
	md_sqlite_real_text(123456789012345680.0, text);
	ck_assert_str_eq(text, "1.2345678901234568e+17");
	md_sqlite_real_text(123456789012345.6, text);
	ck_assert_str_eq(text, "123456789012345.6");
	md_sqlite_real_text(1e15, text);
	ck_assert_str_eq(text, "1e+15");
	md_sqlite_real_text(1e14, text);
	ck_assert_str_eq(text, "100000000000000");
}
END_TEST

START_TEST(uuids_become_lower_case_with_hyphens)
{
	static const char good[] = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

	CHECK("SELECT md_cast_uuid(?1)", { good, NULL, good },
	      { "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", NULL, good },
	      { "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", NULL, good },
	      { "a0eebc999c0b4ef8bb6d6bb9bd380a11", NULL, good }, { NULL, NULL, "NULL" },
	      { "abc", NULL, "22P02 invalid input syntax for type uuid: \"abc\"" },
	      { "a0eebc99--9c0b4ef8bb6d6bb9bd380a11", NULL,
		"22P02 invalid input syntax for type uuid: "
		"\"a0eebc99--9c0b4ef8bb6d6bb9bd380a11\"" },
	      { "a0eebc999c0b4ef8bb6d6bb9bd380a111", NULL,
		"22P02 invalid input syntax for type uuid: "
		"\"a0eebc999c0b4ef8bb6d6bb9bd380a111\"" });
	CHECK("SELECT md_cast_uuid(1)", { NULL, NULL, "42846 cannot cast type bigint to uuid" });
}
END_TEST

START_TEST(dates_and_times_are_normalised)
{
	CHECK("SELECT md_cast_date(?1)", { "2020-01-31", NULL, "2020-01-31" },
	      { "2020-1-5", NULL, "2020-01-05" }, { "20200229", NULL, "2020-02-29" },
	      { "2020-02-29T10:00:00Z", NULL, "2020-02-29" }, { "infinity", NULL, "infinity" },
	      { NULL, NULL, "NULL" },
	      { "2021-02-29", NULL, "22008 date/time field value out of range: \"2021-02-29\"" },
	      { "2020-13-01", NULL, "22008 date/time field value out of range: \"2020-13-01\"" },
	      { "abc", NULL, "22007 invalid input syntax for type date: \"abc\"" },
	      { "", NULL, "22007 invalid input syntax for type date: \"\"" },
	      { "2020", NULL, "22007 invalid input syntax for type date: \"2020\"" },
	      { "2020-01-01x", NULL, "22007 invalid input syntax for type date: \"2020-01-01x\"" },
	      { "10:00:00", NULL, "22007 invalid input syntax for type date: \"10:00:00\"" });
	CHECK("SELECT md_cast_time(?1)", { "10:00", NULL, "10:00:00" },
	      { "9:05:06.1234567", NULL, "09:05:06.123457" }, { "24:00:00", NULL, "24:00:00" },
	      { "10:00:60", NULL, "10:01:00" }, { "2020-01-01 10:00", NULL, "10:00:00" },
	      { "25:00", NULL, "22008 date/time field value out of range: \"25:00\"" },
	      { "2020-01-01", NULL, "22007 invalid input syntax for type time: \"2020-01-01\"" });
	CHECK("SELECT md_cast_timestamp(?1)",
	      { "2020-01-31 10:00:00.50", NULL, "2020-01-31T10:00:00.5" },
	      { "2020-01-31", NULL, "2020-01-31T00:00:00" },
	      { "2020-12-31 24:00", NULL, "2021-01-01T00:00:00" },
	      { "2020-12-31 23:59:59.9999999", NULL, "2021-01-01T00:00:00" },
	      { "2020-01-31T10:00:00+02", NULL, "2020-01-31T10:00:00" },
	      { "0001-01-01 00:00", NULL, "0001-01-01T00:00:00" });
	CHECK("SELECT md_cast_timestamptz(?1)",
	      { "2020-01-31 10:00:00+02", NULL, "2020-01-31T08:00:00+00:00" },
	      { "2020-01-31T10:00:00Z", NULL, "2020-01-31T10:00:00+00:00" },
	      { "2020-01-01 00:30 +01:00", NULL, "2019-12-31T23:30:00+00:00" },
	      { "2020-01-31 10:00:00-0330", NULL, "2020-01-31T13:30:00+00:00" },
	      { "2020-02-28 23:00-05", NULL, "2020-02-29T04:00:00+00:00" },
	      { "2020-01-31 10:00", NULL, "2020-01-31T10:00:00+00:00" },
	      { "2020-01-31 10:00+99", NULL,
		"22008 date/time field value out of range: \"2020-01-31 10:00+99\"" },
	      { "2020-01-31 10:00 CET", NULL,
		"22007 invalid input syntax for type timestamp with time zone: "
		"\"2020-01-31 10:00 CET\"" });
	CHECK("SELECT md_cast_date(1)",
	      { NULL, NULL, "42846 cannot cast a value that is not text to type date" });
}
END_TEST

START_TEST(every_day_survives_the_calendar)
{
	open_memory();
	/* SQLite's own calendar is the judge. */
	ck_assert_str_eq(call("WITH RECURSIVE n(d) AS (SELECT '0001-01-01' UNION ALL SELECT "
			      "date(d, '+37 days') FROM n WHERE d < '9999-11-01') SELECT count(*) "
			      "FROM n WHERE md_cast_date(d) <> d OR md_cast_timestamptz(d || "
			      "' 00:00+01') <> date(d, '-1 day') || 'T23:00:00+00:00' "
			      "AND d > '0001-01-01'",
			      NULL, NULL),
			 "0");
	close_memory();
}
END_TEST

START_TEST(json_is_checked_and_kept)
{
	static const char bad[] = "22P02 invalid input syntax for type json";

	CHECK("SELECT md_cast_json(?1)",
	      { "{\"a\": [1, 2.50, \"x\\u00e9\"]}", NULL, "{\"a\": [1, 2.50, \"x\\u00e9\"]}" },
	      { " null ", NULL, " null " }, { "-0.5e+7", NULL, "-0.5e+7" }, { "[]", NULL, "[]" },
	      { "{}", NULL, "{}" }, { NULL, NULL, "NULL" }, { "", NULL, bad }, { "{", NULL, bad },
	      { "[1,]", NULL, bad }, { "{\"a\"}", NULL, bad }, { "{1:2}", NULL, bad },
	      { "01", NULL, bad }, { "1.", NULL, bad }, { "-", NULL, bad }, { "+1", NULL, bad },
	      { "1 2", NULL, bad }, { "\"\\x\"", NULL, bad }, { "\"\\u12g4\"", NULL, bad },
	      { "\"a", NULL, bad }, { "\"\n\"", NULL, bad }, { "nul", NULL, bad },
	      { "[1 2]", NULL, bad }, { "{\"a\":1,}", NULL, bad }, { "abc", NULL, bad },
	      { "\"\\", NULL, bad }, { "1e", NULL, bad }, { "[", NULL, bad });
	CHECK("SELECT md_cast_json(12)", { NULL, NULL, "12" });
}
END_TEST

/* SQLite's own answer, as text. */
static const char *own_json_valid(const char *text)
{
	static char answer[8];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_prepare_v2(db, "SELECT coalesce(json_valid(?1), 0)", -1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	snprintf(answer, sizeof(answer), "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}

START_TEST(json_valid_answers_as_sqlites_own_and_may_stand_in_a_check)
{
	static const char *const texts[] = {
		NULL,        "",         " ",          "null",        "nul",
		"0",         "01",       "-1.5e3",     "1.",          ".5",
		"+1",        "\"a\"",    "\"a",        "\"\\u00e4\"", "\"\\x\"",
		"\"\t\"",    "[]",       "[1, 2 ]",    "[1,]",        "{}",
		"{\"a\":1}", "{a:1}",    "{\"a\"}",    "{\"a\":}",    "{\"a\":1,}",
		"[[[[]]]]",  "[[[]",     "true false", "'a'",         " [1] \r\n",
		"NaN",       "Infinity", "{\"a\":[]",  "/**/ 1",
	};
	char deep[1201];

	open_memory();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *answer = call("SELECT json_valid(?1) || ''", texts[i], NULL);

		ck_assert_msg(strcmp(answer, own_json_valid(texts[i])) == 0, "%s: %s",
			      texts[i] ? texts[i] : "NULL", answer);
	}
	memset(deep, '[', 600);
	memset(deep + 600, ']', 600);
	deep[1200] = '\0';
	ck_assert_str_eq(own_json_valid(deep), "1");
	ck_assert_str_eq(call("SELECT json_valid(?1) || ''", deep, NULL), "1");
	ck_assert_int_eq(
		conn->driver->command(conn, "CREATE TABLE a (x CHECK (json_valid(x)))", NULL),
		MD_OK);
	ck_assert_int_eq(conn->driver->command(conn, "INSERT INTO a VALUES ('[1]')", NULL), MD_OK);
	ck_assert_int_eq(conn->driver->command(conn, "INSERT INTO a VALUES ('[1')", NULL),
			 MD_INVALID);
	close_memory();
}
END_TEST

START_TEST(json_contains_as_jsonb_does)
{
	CHECK("SELECT md_json_contains(?1, ?2)",
	      { "{\"a\":1,\"b\":{\"c\":[1,2,{\"d\":3}]}}", "{\"b\":{\"c\":[{\"d\":3}, 1]}}", "1" },
	      { "{\"a\":1}", "{\"a\":2}", "0" }, { "{\"a\":1}", "{}", "1" },
	      { "{\"a\":1}", "{\"b\":1}", "0" }, { "[1,2,3]", "[3, 1]", "1" },
	      { "[1,2,3]", "[1,1]", "1" }, { "[1,2,3]", "[4]", "0" }, { "[1,2,3]", "[]", "1" },
	      { "[]", "[1]", "0" }, { "[1,[2,3]]", "[2]", "0" }, { "[1,[2,3]]", "[[3]]", "1" },
	      { "[\"foo\",\"bar\"]", "\"bar\"", "1" }, { "\"bar\"", "[\"bar\"]", "0" },
	      { "[[\"bar\"]]", "[\"bar\"]", "0" }, { "{\"a\":[1]}", "{\"a\":1}", "0" },
	      { "1", "1.0", "1" }, { "100", "1e2", "1" },
	      { "12345678901234567891", "12345678901234567891", "1" },
	      { "9007199254740993", "9007199254740992", "0" }, { "\"\\u00e9\"", "\"é\"", "1" },
	      { "\"\\ud834\\udd1e\"", "\"𝄞\"", "1" }, { "\"a\\/b\\n\"", "\"a/b\\u000a\"", "1" },
	      { "\"ab\"", "\"a\"", "0" }, { "{\"\\u0061\":1}", "{\"a\":1}", "1" },
	      { "{\"a\":1,\"a\":2}", "{\"a\":1}", "0" }, { "{\"a\":1,\"a\":2}", "{\"a\":2}", "1" },
	      { "null", "null", "1" }, { "true", "false", "0" }, { "[true]", "[true]", "1" },
	      { "{}", "[]", "0" }, { "[1]", "{}", "1" }, { "[]", "{}", "1" },
	      { "{\"a\":1}", "[]", "0" }, { "[]", "{\"a\":1}", "0" },
	      { " [ 1 , {\"a\" : \"]\" } ] ", " [ {\"a\":\"]\"} ] ", "1" }, { NULL, "1", "NULL" },
	      { "1", NULL, "NULL" }, { "{", "1", "22P02 invalid input syntax for type json" });
}
END_TEST

START_TEST(empty_braces_are_what_the_value_is)
{
	CHECK("SELECT md_json_contains(?1, ?2, 1)", { "{}", "[]", "1" }, { "{}", "[1]", "0" },
	      { "{}", "{}", "1" }, { "{}", "{\"a\":1}", "0" }, { "[]", "{}", "0" },
	      { "[1]", "{}", "0" });
}
END_TEST

START_TEST(json_contains_is_bounded)
{
	char *many = malloc(400000), *needle = malloc(400000);
	uint64_t start = md_now_ns();
	size_t len = 1;

	for (int i = 0; i < 50000; i++, len += 6)
		memcpy(many + len, "[9,1],", 6);
	many[0] = '[';
	memcpy(many + len - 1, "]", 2);
	memcpy(needle, many, len + 1);
	for (size_t i = 2; i < len; i += 6)
		needle[i] = '8';
	open_memory();
	ck_assert_str_eq(call("SELECT md_json_contains(?1, ?2)", many, many), "1");
	needle[len - 5] = '1';
	ck_assert_str_eq(call("SELECT md_json_contains(?1, ?2)", many, needle), "0");
	for (size_t i = 2; i < len; i += 6)
		many[i] = i + 8 < len ? '7' : '8';
	for (size_t i = 2; i < len; i += 6)
		needle[i] = '8';
	ck_assert_str_eq(call("SELECT md_json_contains(?1, ?2)", many, needle),
			 "54000 the JSON values are too large to compare");
	close_memory();
	free(many);
	free(needle);
	ck_assert(md_now_ns() - start < 20 * MD_SEC);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		like_follows_postgresql,
		ilike_folds_the_letters_of_all_scripts,
		folding_is_idempotent_and_ascii_stays_ascii,
		like_does_not_blow_up,
#ifdef MD_HAVE_PCRE2
		regex_matches_and_refuses_what_runs_away,
		regex_stays_within_its_limits,
#endif
		integers_are_cast_with_their_ranges,
		reals_and_numerics_are_cast,
		booleans_are_cast_from_every_spelling,
		texts_are_what_postgresql_would_write,
		sums_and_averages_are_exact,
		reals_read_back_as_the_same_double,
		uuids_become_lower_case_with_hyphens,
		dates_and_times_are_normalised,
		every_day_survives_the_calendar,
		json_is_checked_and_kept,
		json_valid_answers_as_sqlites_own_and_may_stand_in_a_check,
		json_contains_as_jsonb_does,
		empty_braces_are_what_the_value_is,
		json_contains_is_bounded,
	};
	Suite *suite = suite_create("sqlite_functions");
	TCase *tcase = tcase_create("sqlite_functions");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
