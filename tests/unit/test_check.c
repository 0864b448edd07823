/* Bodies for a declared model: what is told of them before any SQL. */
#include "core/ops/check.h"

#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/unit/declared.h"

static const char file[] =
	"{\"version\":1,\"enums\":{\"Role\":[\"user\",\"admin\"]},\"models\":{\"User\":{\"fields\":"
	"{"
	"\"username\":\"string(8) unique min_length(2)\","
	"\"email\":\"string(254) format(email)\","
	"\"role\":\"Role = user\","
	"\"age\":\"smallint? min(0) max(150)\","
	"\"balance\":\"decimal(6, 2) = 0\","
	"\"born\":\"integer? immutable\","
	"\"score\":\"integer = 0 readonly\","
	"\"secret\":\"text? hidden\","
	"\"password\":{\"type\":\"text\",\"nullable\":true,\"writeonly\":true},"
	"\"tags\":\"array(string)?\","
	"\"data\":\"json?\","
	"\"who\":\"text = auth()\","
	"\"double\":{\"type\":\"integer\",\"nullable\":true,\"generated\":{\"sql\":\"age * 2\"}}"
	"}}}}";

static struct declared user;
static struct md_arena *arena;
static struct md_error error;
static struct md_value values[32];

struct body {
	enum md_write_kind kind;
	enum md_body_kind format;
	const char *text, *columns; /* "a,b" */
	bool missing_default;
};

static unsigned split(const char *columns, struct md_str *names)
{
	unsigned count = 0;

	for (const char *p = columns; p && *p; p += *p == ',') {
		size_t len = strcspn(p, ",");

		names[count++] = (struct md_str){ p, len };
		p += len;
	}
	return count;
}

static enum md_code check_with(const struct body *body)
{
	static const struct md_body_limits limits = { .size = 1u << 20,
						      .string = 1u << 20,
						      .number = 1000,
						      .depth = 64,
						      .nodes = 100000,
						      .keys = 1000,
						      .rows = 100000 };
	static const struct md_field *fields[32];
	static struct md_body_cell cells[32];
	struct md_str columns[32];
	struct md_check check = { .kind = body->kind,
				  .model = &user.model,
				  .fields = fields,
				  .texts = body->format != MD_BODY_JSON,
				  .missing_default = body->missing_default,
				  .cells = cells,
				  .arena = arena };
	unsigned count = split(body->columns, columns);
	enum md_code code;

	md_error_clear(&error);
	code = md_body_open(arena, body->format, md_str_of(body->text), &limits,
			    count > 0 ? columns : NULL, count, &check.body, &error);
	if (code != MD_OK)
		return code;
	check.names = md_body_columns(check.body, &check.count);
	for (unsigned i = 0; i < check.count; i++)
		fields[i] = declared_field(&user, check.names[i]);
	check.scratch = md_arena_alloc(arena, md_body_scratch(check.body));
	return check.scratch ? md_check_rows(&check, values, &error) : md_fail_nomem(&error);
}

static void start(void)
{
	declared_open(&user, file);
	arena = md_arena_new(1 << 20);
}

static void stop(void)
{
	md_arena_free(arena);
	declared_close(&user);
}

/* "": nothing is wrong; else code, message and details in lines. */
static const char *told(struct body body)
{
	static char answer[sizeof(error)];

	md_arena_reset(arena, 1 << 20);
	if (check_with(&body) == MD_OK)
		return "";
	snprintf(answer, sizeof(answer), "%s %s\n%s", error.wire, error.message, error.details);
	return answer;
}

#define TOLD(expected, ...) ck_assert_str_eq(told((struct body){ __VA_ARGS__ }), expected)
#define NULL_OF(column) \
	"null value in column \"" column "\" of relation \"user\" violates not-null constraint"
#define AGE_CHECK "23514 new row for relation \"user\" violates check constraint \"user_age_check\""
#define GOOD      "\"username\":\"ann\",\"email\":\"a@x.org\",\"who\":\"a\""

START_TEST(a_good_body_passes_and_its_values_are_kept)
{
	start();
	TOLD("", .text = "{" GOOD ",\"age\":\"7\",\"balance\":1.005,\"tags\":[\"x\"]}");
	/* age, balance, email, tags, username, who */
	ck_assert_int_eq(values[0].i, 7);
	ck_assert_double_eq(values[1].r, 1.01);
	ck_assert_mem_eq(values[3].text, "[\"x\"]", 5);
	TOLD("", .text = "[{" GOOD "},{" GOOD "}]");
	TOLD("", .text = "[]");
	stop();
}
END_TEST

START_TEST(one_problem_has_its_own_code_and_words)
{
	start();
	TOLD("22001 value too long for type character varying(8)\n"
	     "/username: value too long for type character varying(8)",
	     .text = "{\"username\":\"123456789\",\"email\":\"a@x.org\",\"who\":\"a\"}");
	ck_assert_str_eq(error.errors,
			 "[{\"pointer\":\"/username\",\"code\":\"22001\",\"message\":\"value too "
			 "long for type character varying(8)\"}]");
	TOLD("23502 " NULL_OF("email") "\n/0/email: " NULL_OF("email"),
	     .text = "[{\"username\":\"ann\",\"email\":null,\"who\":\"a\"}]");
	TOLD("23502 " NULL_OF("username") "\n/username: " NULL_OF("username"),
	     .text = "{\"email\":\"a@x.org\",\"who\":\"a\"}");
	TOLD(AGE_CHECK "\n/1/age: age must be at most 150",
	     .text = "[{" GOOD ",\"age\":1},{" GOOD ",\"age\":151}]");
	ck_assert_str_eq(error.errors, "[{\"pointer\":\"/1/age\",\"code\":\"23514\",\"message\":"
				       "\"age must be at most 150\"}]");
	TOLD("22P02 invalid input syntax for type smallint: \"x\"\n"
	     "/age: invalid input syntax for type smallint: \"x\"",
	     .text = "{" GOOD ",\"age\":\"x\"}");
	TOLD("22003 value \"40000\" is out of range for type smallint\n"
	     "/age: value \"40000\" is out of range for type smallint",
	     .text = "{" GOOD ",\"age\":40000}");
	TOLD("22P02 invalid input value for enum Role: \"root\"\n"
	     "/role: invalid input value for enum Role: \"root\"",
	     .text = "{" GOOD ",\"role\":\"root\"}");
	TOLD("22003 numeric field overflow\n/balance: A field with precision 6, scale 2 must round "
	     "to an absolute value less than 10^4.",
	     .text = "{" GOOD ",\"balance\":9999.995}");
	stop();
}
END_TEST

START_TEST(columns_that_a_body_must_not_give)
{
	start();
	TOLD("PGRST204 Could not find the 'nme' column of 'user' in the schema cache\n"
	     "/nme: Could not find the 'nme' column of 'user' in the schema cache",
	     .text = "{" GOOD ",\"nme\":1}");
	TOLD("PGRST204 Could not find the 'secret' column of 'user' in the schema cache\n"
	     "/secret: Could not find the 'secret' column of 'user' in the schema cache",
	     .text = "{" GOOD ",\"secret\":\"x\"}");
	TOLD("428C9 cannot insert a non-DEFAULT value into column \"score\"\n"
	     "/score: Column \"score\" is set by the server.",
	     .text = "{" GOOD ",\"score\":\"no number\"}");
	TOLD("428C9 cannot insert a non-DEFAULT value into column \"double\"\n"
	     "/0/double: Column \"double\" is a generated column.",
	     .text = "[{" GOOD ",\"double\":1},{" GOOD ",\"double\":2}]");
	TOLD("", .text = "{" GOOD ",\"born\":1,\"password\":\"p\"}");
	TOLD("428C9 column \"born\" can only be updated to DEFAULT\n"
	     "/born: Column \"born\" cannot be changed.",
	     .kind = MD_WRITE_UPDATE, .text = "{\"born\":1}");
	stop();
}
END_TEST

START_TEST(all_problems_of_all_rows_are_told_at_once)
{
	start();
	TOLD("PGRST204 5 values are not valid\n"
	     "/0/x: Could not find the 'x' column of 'user' in the schema cache\n"
	     "/0/age: age must be at least 0\n"
	     "/0/email: invalid input syntax for type email: \"a\"\n"
	     "/1/username: " NULL_OF(
		     "username") "\n"
				 "/2/age: invalid input syntax for type smallint: \"1.5\"",
	     .text = "[{"
		     "\"username\":\"ann\",\"email\":\"a\",\"who\":\"w\",\"age\":-1,\"x\":1},"
		     "{\"username\":null,\"email\":\"a@x.org\",\"who\":\"w\",\"age\":1,\"x\":1},"
		     "{\"username\":\"bo\",\"email\":\"a@x.org\",\"who\":\"w\",\"age\":1.5,\"x\":1}"
		     "]");
	ck_assert_ptr_nonnull(
		strstr(error.errors, "{\"pointer\":\"/2/age\",\"code\":\"22P02\",\"message\":"));
	TOLD("23502 3 values are not valid\n/username: " NULL_OF("username") "\n/email: " NULL_OF(
		     "email") "\n/who: " NULL_OF("who"),
	     .text = "{}");
	stop();
}
END_TEST

START_TEST(names_in_pointers_are_escaped)
{
	start();
	TOLD("PGRST204 Could not find the 'a/b~c' column of 'user' in the schema cache\n"
	     "/a~1b~0c: Could not find the 'a/b~c' column of 'user' in the schema cache",
	     .text = "{" GOOD ",\"a/b~c\":1}");
	stop();
}
END_TEST

START_TEST(a_hundred_problems_are_told_and_all_are_counted)
{
	md_auto_buf text = MD_BUF(1 << 20);
	unsigned told_of = 0;
	int lines = 0;
	const char *last;

	start();
	md_buf_putc(&text, '[');
	for (int i = 0; i < 250; i++)
		md_buf_printf(&text, "%s{" GOOD ",\"age\":%d}", i > 0 ? "," : "", i % 2 ? 1 : -1);
	md_buf_putc(&text, ']');
	ck_assert_str_ne(told((struct body){ .text = md_buf_text(&text) }), "");
	ck_assert_str_eq(error.message, "125 values are not valid");
	for (const char *p = error.errors; (p = strstr(p, "\"pointer\"")); p++)
		told_of++;
	ck_assert_uint_eq(told_of, MD_CHECK_TOLD);
	/* The details hold fewer: each in a line, then how many more. */
	for (const char *p = error.details; (p = strchr(p, '\n')); p++)
		lines++;
	last = strrchr(error.details, '\n');
	ck_assert_int_eq(atoi(last + strlen("\nand ")), 125 - lines);
	stop();
}
END_TEST

START_TEST(a_change_is_checked_for_what_it_gives)
{
	start();
	TOLD("", .kind = MD_WRITE_UPDATE, .text = "{\"age\":3}");
	TOLD("", .kind = MD_WRITE_UPDATE, .text = "{}");
	TOLD("23502 " NULL_OF("email") "\n/email: " NULL_OF("email"), .kind = MD_WRITE_UPDATE,
	     .text = "{\"email\":null}");
	TOLD(AGE_CHECK "\n/0/age: age must be at least 0", .kind = MD_WRITE_UPDATE,
	     .text = "[{\"age\":-1},{\"age\":-2}]");
	stop();
}
END_TEST

START_TEST(columns_and_defaults_mean_what_they_do_in_postgrest)
{
	start();
	/* What a row lacks is NULL, */
	TOLD("23502 " NULL_OF("role") "\n/1/role: " NULL_OF("role"),
	     .columns = "username,email,who,role",
	     .text = "[{" GOOD ",\"role\":\"user\"},{" GOOD "}]");
	/* or its default, if it has one. */
	TOLD("", .columns = "username,email,who,role", .missing_default = true,
	     .text = "[{" GOOD ",\"role\":\"user\"},{" GOOD "}]");
	TOLD("23502 " NULL_OF("email") "\n/0/email: " NULL_OF("email"),
	     .columns = "username,email,who", .missing_default = true,
	     .text = "[{\"username\":\"ann\",\"who\":\"a\"}]");
	/* Keys that are not asked for are not looked at. */
	TOLD("", .columns = "username,email,who", .text = "{" GOOD ",\"age\":-1,\"x\":1}");
	stop();
}
END_TEST

START_TEST(texts_of_csv_and_forms)
{
	start();
	TOLD("", .format = MD_BODY_CSV,
	     .text = "username,email,who,age,data\nann,a@x.org,w,5,\"{\"\"a\"\":1}\"\n"
		     "bob,b@x.org,w,NULL,NULL\n");
	TOLD("22P02 2 values are not valid\n/1/age: invalid input syntax for type smallint: \"x\"\n"
	     "/1/data: invalid input syntax for type json",
	     .format = MD_BODY_CSV,
	     .text = "username,email,who,age,data\nann,a@x.org,w,5,1\nbob,b@x.org,w,x,{\n");
	TOLD("22P02 invalid input syntax for type email: \"a\"\n"
	     "/email: invalid input syntax for type email: \"a\"",
	     .format = MD_BODY_FORM, .text = "username=ann&email=a&who=w");
	stop();
}
END_TEST

START_TEST(survives_a_failure_of_every_allocation)
{
	static const struct body bad = { .text = "[{\"username\":\"x\",\"email\":\"a@x.org\","
						 "\"who\":\"a\",\"balance\":1.005},"
						 "{\"username\":\"123456789\",\"email\":null,"
						 "\"who\":\"a\",\"balance\":1}]" };
	int failed = 0;

	start();
	for (int n = 0;; n++) {
		bool fired;
		enum md_code code;

		md_arena_reset(arena, 1 << 20);
		fault_arm(n);
		code = check_with(&bad);
		fired = fault_fired();
		fault_disarm();
		ck_assert_int_ne(code, MD_OK);
		if (code == MD_NOMEM)
			failed++;
		else
			ck_assert_str_eq(error.message, "3 values are not valid");
		if (!fired)
			break;
		ck_assert_int_lt(n, 200);
	}
	ck_assert_int_gt(failed, 2);
	for (size_t limit = 256; limit < 8192; limit += 256) {
		md_arena_reset(arena, limit);
		if (check_with(&bad) == MD_NOMEM)
			ck_assert_str_eq(error.wire, "53200");
		else
			ck_assert_str_eq(error.message, "3 values are not valid");
	}
	stop();
}
END_TEST

SUITE_MAIN("check", a_good_body_passes_and_its_values_are_kept,
	   one_problem_has_its_own_code_and_words, columns_that_a_body_must_not_give,
	   all_problems_of_all_rows_are_told_at_once, names_in_pointers_are_escaped,
	   a_hundred_problems_are_told_and_all_are_counted, a_change_is_checked_for_what_it_gives,
	   columns_and_defaults_mean_what_they_do_in_postgrest, texts_of_csv_and_forms,
	   survives_a_failure_of_every_allocation)
