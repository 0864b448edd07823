/* Values that modeld makes: their form, which are new in each row, and which are not ours. */
#include "core/ops/generate.h"

#include <stdio.h>
#include <time.h>

#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/unit/declared.h"

static const char file[] =
	"{\"version\":1,\"models\":{\"Thing\":{\"fields\":{"
	"\"at\":\"datetime = now() on update now()\",\"local\":\"datetime_local = now()\","
	"\"day\":\"date = today()\",\"four\":\"uuid = uuid()\",\"seven\":\"uuid = uuid7()\","
	"\"hex\":\"text = random_hex()\",\"who\":\"text? = auth()\",\"count\":\"integer = 7\","
	"\"price\":\"decimal(6, 2) = 1.50\",\"on\":\"boolean = true\",\"off\":\"boolean = false\","
	"\"name\":\"string = 'it'\",\"none\":\"string? = null\",\"plain\":\"string\","
	"\"list\":{\"type\":\"array\",\"items\":\"integer\",\"default\":[1,2]},"
	"\"data\":{\"type\":\"json\",\"default\":\"x\"},"
	"\"theirs\":{\"type\":\"integer\",\"default\":{\"sql\":\"1 + 1\"}}}}}}";

static struct declared thing;
static struct md_generator generator;
static struct md_error error;

static struct md_made made(const char *name, bool update)
{
	return (struct md_made){ declared_field(&thing, md_str_of(name)), update };
}

static struct md_value make(const char *name)
{
	static char room[MD_GENERATED_TEXT];
	const struct md_made field = made(name, false);
	struct md_value value;

	ck_assert_int_eq(md_generate(&generator, &field, thing.arena, room, &value, &error), MD_OK);
	return value;
}

static const char *text(const char *name)
{
	static char copy[64];
	struct md_value value = make(name);

	ck_assert_int_eq(value.type, MD_TEXT);
	snprintf(copy, sizeof(copy), "%.*s", (int)value.len, value.text);
	return copy;
}

static void start(void)
{
	declared_open(&thing, file);
	md_generator_start(&generator);
}

START_TEST(now_is_one_value_per_request_in_the_kept_form)
{
	char first[128], expected[64];
	time_t seconds;
	struct tm tm;

	start();
	seconds = (time_t)generator.seconds;
	ck_assert_int_le(llabs((long long)(time(NULL) - seconds)), 2);
	gmtime_r(&seconds, &tm);
	strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(first, sizeof(first), "%s.%06u+00:00", expected, generator.micros);
	ck_assert_str_eq(text("at"), first);
	ck_assert_str_eq(text("at"), first);
	snprintf(first, sizeof(first), "%s.%06u", expected, generator.micros);
	ck_assert_str_eq(text("local"), first);
	expected[10] = '\0';
	ck_assert_str_eq(text("day"), expected);
	declared_close(&thing);
}
END_TEST

static void check_uuid(const char *uuid, char version)
{
	ck_assert_uint_eq(strlen(uuid), 36);
	for (int i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23)
			ck_assert_int_eq(uuid[i], '-');
		else
			ck_assert_ptr_nonnull(strchr("0123456789abcdef", uuid[i]));
	ck_assert_int_eq(uuid[14], version);
	ck_assert_ptr_nonnull(strchr("89ab", uuid[19]));
}

START_TEST(uuids_are_new_in_each_row_and_seven_sorts)
{
	char last[64] = "", four[64] = "";

	start();
	for (int i = 0; i < 20000; i++) {
		const char *now = text("seven");

		check_uuid(now, '7');
		ck_assert_msg(strcmp(now, last) > 0, "%s after %s", now, last);
		snprintf(last, sizeof(last), "%s", now);
	}
	for (int i = 0; i < 1000; i++) {
		const char *now = text("four");

		check_uuid(now, '4');
		ck_assert_str_ne(now, four);
		snprintf(four, sizeof(four), "%s", now);
	}
	declared_close(&thing);
}
END_TEST

START_TEST(a_uuid_of_version_seven_tells_its_time)
{
	unsigned long long ms;
	char digits[16];
	const char *uuid;
	struct timespec now;

	start();
	uuid = text("seven");
	snprintf(digits, sizeof(digits), "%.8s%.4s", uuid, uuid + 9);
	ms = strtoull(digits, NULL, 16);
	clock_gettime(CLOCK_REALTIME, &now);
	ck_assert_int_le(llabs((long long)now.tv_sec * 1000 - (long long)ms), 3000);
	declared_close(&thing);
}
END_TEST

START_TEST(random_hex_has_32_digits)
{
	char first[64];

	start();
	snprintf(first, sizeof(first), "%s", text("hex"));
	ck_assert_uint_eq(strlen(first), 32);
	ck_assert_uint_eq(strspn(first, "0123456789abcdef"), 32);
	ck_assert_str_ne(text("hex"), first);
	declared_close(&thing);
}
END_TEST

START_TEST(literals_are_values_of_their_type)
{
	start();
	ck_assert_int_eq(make("count").i, 7);
	ck_assert_double_eq(make("price").r, 1.5);
	ck_assert_int_eq(make("on").i, 1);
	ck_assert_int_eq(make("off").type, MD_INT);
	ck_assert_int_eq(make("off").i, 0);
	ck_assert_str_eq(text("name"), "it");
	ck_assert_int_eq(make("none").type, MD_NULL);
	ck_assert_int_eq(make("who").type, MD_NULL);
	ck_assert_str_eq(text("list"), "[1,2]");
	ck_assert_str_eq(text("data"), "\"x\"");
	declared_close(&thing);
}
END_TEST

START_TEST(only_what_is_ours_is_made)
{
	static const char *const per_row[] = { "four", "seven", "hex" };
	struct md_made change;

	start();
	ck_assert(!md_is_made(made("plain", false).field, false));
	ck_assert(!md_is_made(made("theirs", false).field, false));
	ck_assert(!md_is_made(made("id", false).field, false));
	ck_assert(md_is_made(made("none", false).field, false));
	ck_assert(md_is_made(made("at", false).field, true));
	ck_assert(!md_is_made(made("local", false).field, true));
	for (size_t i = 0; i < sizeof(per_row) / sizeof(per_row[0]); i++) {
		change = made(per_row[i], false);
		ck_assert(md_is_made_per_row(&change));
	}
	change = made("at", false);
	ck_assert(!md_is_made_per_row(&change));
	declared_close(&thing);
}
END_TEST

START_TEST(survives_a_failure_of_every_allocation)
{
	int failed = 0;

	start();
	for (int n = 0;; n++) {
		static char room[MD_GENERATED_TEXT];
		const struct md_made field = made("data", false);
		struct md_arena *arena = md_arena_new(4096);
		struct md_value value = md_value_null();
		enum md_code code;
		bool fired;

		fault_arm(n);
		code = md_generate(&generator, &field, arena, room, &value, &error);
		fired = fault_fired();
		fault_disarm();
		ck_assert_int_eq(code, value.type == MD_NULL ? MD_NOMEM : MD_OK);
		failed += code != MD_OK;
		md_arena_free(arena);
		if (!fired)
			break;
		ck_assert_int_lt(n, 20);
	}
	ck_assert_int_gt(failed, 0);
	declared_close(&thing);
}
END_TEST

SUITE_MAIN("generate", now_is_one_value_per_request_in_the_kept_form,
	   uuids_are_new_in_each_row_and_seven_sorts, a_uuid_of_version_seven_tells_its_time,
	   random_hex_has_32_digits, literals_are_values_of_their_type, only_what_is_ours_is_made,
	   survives_a_failure_of_every_allocation)
