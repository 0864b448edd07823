#include "config/options.h"

#include <stdio.h>

#include "config/suggest.h"

#include "tests/support/suite.h"

static struct md_arena *arena;
static struct md_options options;

static enum md_code put(unsigned id, const char *text)
{
	if (!arena)
		arena = md_arena_new(1024 * 1024);
	return md_option_parse(arena, id, md_str_of(text), false, &options);
}

static void expect_text(unsigned id, const char *text)
{
	md_auto_buf out = { .max = 4096 };

	md_option_format(id, &options, &out);
	ck_assert_str_eq(md_buf_text(&out), text);
}

START_TEST(every_default_is_valid_and_prints_as_a_value)
{
	for (unsigned id = 0; id < MD_OPTION_COUNT; id++) {
		const struct md_option *option = md_option_at(id);
		md_auto_buf out = { .max = 4096 };

		ck_assert_msg(put(id, option->def) == MD_OK, "%s", option->name);
		md_option_format(id, &options, &out);
		ck_assert_msg(put(id, md_buf_text(&out)) == MD_OK, "%s = %s", option->name,
			      out.data);
		ck_assert(option->help[0] != '\0');
	}
	ck_assert_str_eq(options.db_url, "");
	ck_assert_uint_eq(options.pool_size, 10);
	ck_assert_int_eq(options.max_overflow, 20);
	ck_assert_uint_eq(options.pool_timeout, 30000);
	ck_assert_uint_eq(options.connection_memory, 24 * 1024);
	ck_assert_uint_eq(options.listen.count, 1);
	ck_assert_int_eq(options.log_level, MD_LEVEL_INFO);
	ck_assert_int_eq(options.db_tx_end, MD_TX_END_COMMIT);
	md_arena_free(arena);
}
END_TEST

START_TEST(reads_durations)
{
	static const struct {
		const char *text;
		uint64_t ms;
		const char *printed;
	} good[] = {
		{ "30s", 30000, "30s" },    { "500ms", 500, "500ms" }, { "2m", 120000, "2m" },
		{ "1h", 3600000, "1h" },    { "7", 7000, "7s" },       { "0", 0, "off" },
		{ "1.5s", 1500, "1500ms" }, { "0.25", 250, "250ms" },  { "-1", 0, "off" },
		{ "OFF", 0, "off" },        { "3600", 3600000, "1h" }, { "90S", 90000, "90s" },
		{ "5min", 300000, "5m" },   { "1d", 86400000, "1d" },
	};
	static const char *const bad[] = { "",
					   "s",
					   "-2",
					   "1x",
					   "1 s",
					   "1.5ms",
					   "31d",
					   ".5s",
					   "1.",
					   "1.2.3s",
					   "+1",
					   "1e3",
					   "99999999999999999999",
					   "18446744073709551615h" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(put(MD_OPTION_pool_recycle, good[i].text) == MD_OK, "%s",
			      good[i].text);
		ck_assert_uint_eq(options.pool_recycle, good[i].ms);
		expect_text(MD_OPTION_pool_recycle, good[i].printed);
	}
	options.pool_recycle = 42;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(put(MD_OPTION_pool_recycle, bad[i]) == MD_INVALID, "%s", bad[i]);
	ck_assert_uint_eq(options.pool_recycle, 42);
	ck_assert_int_eq(put(MD_OPTION_pool_timeout, "off"), MD_INVALID);
	md_arena_free(arena);
}
END_TEST

START_TEST(reads_sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		const char *printed;
	} good[] = {
		{ "16M", 16777216, "16MiB" },
		{ "1MiB", 1048576, "1MiB" },
		{ "24kib", 24576, "24KiB" },
		{ "1000", 1000, "1000B" },
		{ "0", 0, "0" },
		{ "1.5K", 1536, "1536B" },
		{ "2GB", UINT64_C(2) << 30, "2GiB" },
	};
	static const char *const bad[] = { "-1", "1x", "3GiB", "1 KiB", "0.1", "KiB", "1Ki" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(put(MD_OPTION_body, good[i].text) == MD_OK, "%s", good[i].text);
		ck_assert_uint_eq(options.body, good[i].bytes);
		expect_text(MD_OPTION_body, good[i].printed);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(put(MD_OPTION_body, bad[i]) == MD_INVALID, "%s", bad[i]);
	md_arena_free(arena);
}
END_TEST

START_TEST(reads_numbers_within_their_range)
{
	ck_assert_int_eq(put(MD_OPTION_pool_size, "0"), MD_OK);
	ck_assert_int_eq(put(MD_OPTION_pool_size, "1000"), MD_OK);
	ck_assert_uint_eq(options.pool_size, 1000);
	ck_assert_int_eq(put(MD_OPTION_pool_size, "1001"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_pool_size, "-1"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_pool_size, "4294967306"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_pool_size, "ten"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_max_overflow, "-1"), MD_OK);
	ck_assert_int_eq(options.max_overflow, -1);
	ck_assert_int_eq(put(MD_OPTION_max_overflow, "-2"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_db_max_rows, "9223372036854775807"), MD_OK);
	ck_assert_int_eq(put(MD_OPTION_db_max_rows, "9223372036854775808"), MD_INVALID);
	md_arena_free(arena);
}
END_TEST

START_TEST(reads_booleans_and_choices)
{
	static const char *const yes[] = { "true", "yes", "on", "1", "TRUE" };
	static const char *const no[] = { "false", "no", "off", "0", "Off" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		ck_assert(put(MD_OPTION_require_filter, yes[i]) == MD_OK && options.require_filter);
		ck_assert(put(MD_OPTION_echo, yes[i]) == MD_OK && options.echo == MD_ECHO_ON);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		ck_assert(put(MD_OPTION_require_filter, no[i]) == MD_OK && !options.require_filter);
		ck_assert(put(MD_OPTION_echo_pool, no[i]) == MD_OK &&
			  options.echo_pool == MD_ECHO_OFF);
	}
	ck_assert(put(MD_OPTION_echo_pool, "debug") == MD_OK && options.echo_pool == MD_ECHO_DEBUG);
	expect_text(MD_OPTION_echo_pool, "debug");
	ck_assert_int_eq(put(MD_OPTION_require_filter, "maybe"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_db_tx_end, "true"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_log_level, "verbose"), MD_INVALID);
	md_arena_free(arena);
}
END_TEST

START_TEST(reads_and_appends_lists)
{
	ck_assert_int_eq(put(MD_OPTION_listen, " a:1 , b:2"), MD_OK);
	ck_assert_uint_eq(options.listen.count, 2);
	ck_assert_str_eq(options.listen.items[1], "b:2");
	ck_assert_int_eq(md_option_parse(arena, MD_OPTION_listen, MD_STR("c:3"), true, &options),
			 MD_OK);
	expect_text(MD_OPTION_listen, "a:1,b:2,c:3");
	ck_assert_int_eq(put(MD_OPTION_listen, "a,,b"), MD_INVALID);
	ck_assert_int_eq(put(MD_OPTION_listen, ","), MD_INVALID);
	ck_assert_uint_eq(options.listen.count, 3);
	ck_assert_int_eq(put(MD_OPTION_listen, "  "), MD_OK);
	ck_assert_uint_eq(options.listen.count, 0);
	expect_text(MD_OPTION_listen, "");
	md_arena_free(arena);
}
END_TEST

START_TEST(refuses_texts_with_nul_and_too_long_ones)
{
	static char big[MD_OPTION_TEXT_MAX + 1];

	ck_assert_int_eq(put(MD_OPTION_db_url, ""), MD_OK);
	ck_assert_int_eq(md_option_parse(arena, MD_OPTION_db_url, (struct md_str){ "a\0b", 3 },
					 false, &options),
			 MD_INVALID);
	memset(big, 'a', sizeof(big));
	ck_assert_int_eq(md_option_parse(arena, MD_OPTION_db_url,
					 (struct md_str){ big, sizeof(big) }, false, &options),
			 MD_INVALID);
	md_arena_free(arena);
}
END_TEST

START_TEST(finds_keys_by_any_of_their_names)
{
	unsigned id;

	ck_assert(md_option_find(MD_STR("db_url"), &id) && id == MD_OPTION_db_url);
	ck_assert(md_option_find(MD_STR("db-uri"), &id) && id == MD_OPTION_db_url);
	ck_assert(md_option_find(MD_STR("db-pool"), &id) && id == MD_OPTION_pool_size);
	ck_assert(md_option_find(MD_STR("log_query"), &id) && id == MD_OPTION_echo);
	ck_assert(md_option_find(MD_STR("db-pool-max-lifetime"), &id) &&
		  id == MD_OPTION_pool_recycle);
	ck_assert(!md_option_find(MD_STR("db"), &id));
	ck_assert(!md_option_find(MD_STR(""), &id));
	ck_assert(!md_option_find(MD_STR("DB_URL"), &id));
}
END_TEST

START_TEST(suggests_the_nearest_key)
{
	ck_assert_str_eq(md_option_suggest(MD_STR("pool_sze")), "pool_size");
	ck_assert_str_eq(md_option_suggest(MD_STR("pool-szie")), "pool_size");
	ck_assert_str_eq(md_option_suggest(MD_STR("LISTEN")), "listen");
	ck_assert_str_eq(md_option_suggest(MD_STR("jwt-secrets")), "jwt_secret");
	ck_assert_ptr_null(md_option_suggest(MD_STR("something_else_entirely")));
	ck_assert_ptr_null(md_option_suggest(MD_STR("")));
}
END_TEST

START_TEST(says_what_a_value_should_be)
{
	static const struct {
		unsigned id;
		const char *text;
	} expected[] = {
		{ MD_OPTION_pool_size, "a whole number from 0 to 1000" },
		{ MD_OPTION_pool_timeout, "a duration such as 500ms, 30s or 2m from 0 to 1h" },
		{ MD_OPTION_connection_memory, "a size such as 24KiB or 1MiB from 8KiB to 1MiB" },
		{ MD_OPTION_echo_pool, "one of false, true, debug" },
		{ MD_OPTION_require_filter, "true or false" },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		md_auto_buf out = { .max = 4096 };

		md_option_expects(expected[i].id, &out);
		ck_assert_str_eq(md_buf_text(&out), expected[i].text);
	}
}
END_TEST

SUITE_MAIN("options", every_default_is_valid_and_prints_as_a_value, reads_durations, reads_sizes,
	   reads_numbers_within_their_range, reads_booleans_and_choices, reads_and_appends_lists,
	   refuses_texts_with_nul_and_too_long_ones, finds_keys_by_any_of_their_names,
	   suggests_the_nearest_key, says_what_a_value_should_be)
