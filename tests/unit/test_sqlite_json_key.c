#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/db/driver.h"

#include "tests/support/script.h"
#include "tests/support/suite.h"

/* The order of ordinary values is checked on both engines (tests/http/test_json_order.py). */
static struct md_conn *conn;

static const char *ask(const char *sql, struct md_str a, struct md_str b)
{
	static struct script s;
	struct md_conn_target target = { .url = "sqlite://" };
	struct md_value args[2] = { md_value_text(a), md_value_text(b) };
	bool good;

	ck_assert_int_eq(md_sqlite_driver.connect(&target, &conn, NULL), MD_OK);
	script_init(&s, MD_TX_READ);
	script_add(&s, 0, sql, args, 2);
	good = script_run(&s, conn) == MD_OK;
	conn->driver->close(conn);
	if (!good)
		snprintf(s.text, sizeof(s.text), "%s", s.unit.error.wire);
	return s.text;
}

#define LESS "SELECT md_json_key(?1) < md_json_key(?2)"
#define SAME "SELECT md_json_key(?1) = md_json_key(?2)"

static bool holds(const char *sql, const char *a, const char *b)
{
	return ask(sql, md_str_of(a), md_str_of(b))[0] == '1';
}

START_TEST(numbers_have_no_limits)
{
	static const char *const numbers[] = {
		"-1e99999999999999999999",
		"-1e400",
		"-123456789012345678901234567890.5",
		"-123456789012345678901234567890",
		"-1e-400",
		"0",
		"1e-99999999999999999999",
		"1e-400",
		"0.1",
		"0.10000000000000000000000000000000001",
		"123456789012345678901234567890",
		"123456789012345678901234567890.5",
		"1e400",
		"1e99999999999999999999",
	};

	for (size_t i = 0; i + 1 < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ck_assert_msg(holds(LESS, numbers[i], numbers[i + 1]), "%s", numbers[i]);
		ck_assert_msg(!holds(LESS, numbers[i + 1], numbers[i]), "%s", numbers[i]);
	}
	ck_assert(holds(SAME, "1E+2", "100.00"));
	ck_assert(holds(SAME, "-0.0e5", "0"));
}
END_TEST

START_TEST(texts_may_have_anything_inside)
{
	ck_assert(holds(LESS, "\"a\"", "\"a\\u0000\""));
	ck_assert(holds(LESS, "\"a\\u0000\"", "\"a\\u0000b\""));
	ck_assert(holds(LESS, "\"a\\u0000b\"", "\"a\\u0001\""));
	ck_assert(holds(LESS, "[\"a\",9]", "[\"a\\u0000\",1]"));
	ck_assert(holds(SAME, "\"\\u20ac\\ud834\\udd1e\\u00e9\\/\"", "\"€𝄞é/\""));
	ck_assert(!holds(SAME, "\"\\ud800\"", "\"\\ud801\""));
}
END_TEST

START_TEST(what_is_no_json_is_a_text)
{
	ck_assert(holds(LESS, "{\"a\":", "0"));
	ck_assert(holds(SAME, "a", "\"a\""));
	ck_assert(holds(SAME, "", "\"\""));
	ck_assert(holds(SAME, " 1 ", "1"));
}
END_TEST

static void put_times(struct md_buf *out, const char *text, unsigned count)
{
	while (count-- > 0)
		md_buf_puts(out, text);
}

START_TEST(depth_and_size_are_bounded)
{
	md_auto_buf deep = MD_BUF(1u << 20), wide = MD_BUF(1u << 24);

	put_times(&deep, "[", 2000);
	put_times(&deep, "]", 2000);
	ck_assert_str_eq(ask(SAME, md_buf_str(&deep), md_buf_str(&deep)), "1;");
	/* A large value behind many levels, all of which have to be sorted. */
	put_times(&wide, "{\"b\":0,\"a\":", 1500);
	md_buf_putc(&wide, '"');
	put_times(&wide, "0123456789abcdef", 10000);
	md_buf_putc(&wide, '"');
	put_times(&wide, "}", 1500);
	ck_assert_str_eq(ask(SAME, md_buf_str(&wide), md_buf_str(&wide)), "54000");
}
END_TEST

SUITE_MAIN("sqlite_json_key", numbers_have_no_limits, texts_may_have_anything_inside,
	   what_is_no_json_is_a_text, depth_and_size_are_bounded)
