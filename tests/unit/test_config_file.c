#include "config/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/suite.h"

/* Collects "LINE key|value\n" and "LINE !problem\n". */
struct collector {
	struct md_file_reader base;
	struct md_buf out;
};

static void take_value(struct md_file_reader *base, unsigned line, struct md_str key,
		       struct md_str value)
{
	struct collector *c = (struct collector *)base;

	md_buf_printf(&c->out, "%u %.*s|%.*s\n", line, MD_STR_ARG(key), MD_STR_ARG(value));
}

static void take_problem(struct md_file_reader *base, unsigned line, const char *what)
{
	struct collector *c = (struct collector *)base;

	md_buf_printf(&c->out, "%u !%s\n", line, what);
}

static void expect(struct md_str text, const char *result)
{
	struct collector c = { { take_value, take_problem }, { .max = 65536 } };

	ck_assert_int_eq(md_file_parse(text, &c.base), MD_OK);
	ck_assert_str_eq(md_buf_text(&c.out), result);
	md_buf_release(&c.out);
}

START_TEST(reads_keys_and_values)
{
	expect(MD_STR("a = 1\nb=2\r\n  db-url\t=  sqlite:///a b.db  \n\n# c = 4\nlast = x"),
	       "1 a|1\n2 b|2\n3 db-url|sqlite:///a b.db\n6 last|x\n");
	expect(MD_STR(""), "");
	expect(MD_STR("\n\n"), "");
	expect(MD_STR("app.settings.Name = x"), "1 app.settings.Name|x\n");
}
END_TEST

START_TEST(reads_quotes_and_comments)
{
	expect(MD_STR("a = \"x # y\" # comment\nb = x#y # z\nc = \"\"\nd = \"a\\\"b\\\\c\\n\\t\""),
	       "1 a|x # y\n2 b|x#y\n3 c|\n4 d|a\"b\\c\n\t\n");
	expect(MD_STR("a = b=c\nb = \"é\"#x"), "1 a|b=c\n2 b|é\n");
}
END_TEST

START_TEST(tells_every_bad_line_and_goes_on)
{
	expect(MD_STR("[database]\nkey\n= x\na =\nb = \"x\nc = \"x\" y\nd = \"\\q\"\ne = 1\n"),
	       "1 !expected KEY = VALUE; there are no sections\n"
	       "2 !expected KEY = VALUE\n"
	       "3 !expected KEY = VALUE\n"
	       "4 !the value is missing; write \"\" for none\n"
	       "5 !the closing quote is missing\n"
	       "6 !there is text behind the closing quote\n"
	       "7 !only \\\" \\\\ \\n \\r \\t may follow a backslash in quotes\n"
	       "8 e|1\n");
}
END_TEST

START_TEST(refuses_bytes_that_are_no_text)
{
	expect((struct md_str){ "a = x\0y\nb = 1", 13 },
	       "1 !the line has a control character\n2 b|1\n");
	expect(MD_STR("a = \xFF\nb = \x1B"),
	       "1 !the line is not UTF-8\n2 !the line has a control character\n");
}
END_TEST

START_TEST(writes_what_it_reads)
{
	static const char *const values[] = { "",     "plain",     "a \"b\" c",   "back\\slash",
					      "# no", "tab\there", "line\nend\r", "  spaces  " };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		md_auto_buf line = { .max = 4096 };
		md_auto_buf result = { .max = 4096 };

		md_buf_puts(&line, "k = ");
		ck_assert(md_file_quote(md_str_of(values[i]), &line));
		md_buf_printf(&result, "1 k|%s\n", values[i]);
		expect((struct md_str){ line.data, line.len }, md_buf_text(&result));
	}
}
END_TEST

START_TEST(does_not_write_control_characters)
{
	md_auto_buf out = { .max = 4096 };

	ck_assert(!md_file_quote(MD_STR("a\x01"), &out));
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(reads_regular_files_up_to_a_size)
{
	char path[] = "/tmp/modeld-test-XXXXXX";
	int fd = mkstemp(path);
	md_auto_buf out = { .max = 65536 };
	md_auto_buf small = { .max = 65536 };
	struct md_error err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	close(fd);
	ck_assert_int_eq(md_file_read(path, 5, &out, &err), MD_OK);
	ck_assert_str_eq(md_buf_text(&out), "hello");
	ck_assert_int_eq(md_file_read(path, 4, &small, &err), MD_TOO_LARGE);
	unlink(path);
	ck_assert_int_eq(md_file_read(path, 5, &small, &err), MD_NOT_FOUND);
	ck_assert_int_eq(md_file_read("/tmp", 5, &small, &err), MD_INVALID);
	ck_assert_int_eq(md_file_read("/dev/null", 5, &small, &err), MD_INVALID);
}
END_TEST

SUITE_MAIN("config file", reads_keys_and_values, reads_quotes_and_comments,
	   tells_every_bad_line_and_goes_on, refuses_bytes_that_are_no_text, writes_what_it_reads,
	   does_not_write_control_characters, reads_regular_files_up_to_a_size)
