#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/define.h"

#include "tests/support/suite.h"

static char folder[] = "/tmp/modeld-define-XXXXXX", pattern[64];
static struct md_def_report report;
static struct md_def_files files;
static struct md_error err;

static const char *path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", folder, name);
	return text;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(pattern, sizeof(pattern), "%s/*.json", folder);
}

static enum md_code read_with(size_t limit)
{
	struct md_def_limits limits = { .file = limit };

	md_def_files_release(&files);
	md_def_report_release(&report);
	return md_def_files_read(pattern, &limits, &report, &files, &err);
}

START_TEST(files_of_a_pattern_are_read_in_order)
{
	setup();
	ck_assert_int_eq(read_with(0), MD_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "no file matches"));
	put("b.json", "two");
	put("a.json", "");
	put("c.txt", "no");
	ck_assert_int_eq(read_with(0), MD_OK);
	ck_assert_uint_eq(files.count, 2);
	ck_assert_str_eq(files.sources[0].name, path("a.json"));
	ck_assert_uint_eq(files.sources[0].text.len, 0);
	ck_assert(md_str_is(files.sources[1].text, "two"));
	unlink(path("a.json"));
	unlink(path("b.json"));
	unlink(path("c.txt"));
	rmdir(folder);
	md_def_files_release(&files);
}
END_TEST

static bool is_told(const char *text)
{
	md_auto_buf all = MD_BUF(1 << 16);

	for (unsigned i = 0; i < report.count; i++)
		md_def_problem_print(&report.items[i], &all);
	return md_buf_text(&all) && strstr(all.data, text);
}

START_TEST(what_cannot_be_read_is_a_mistake)
{
	setup();
	ck_assert_int_eq(mkdir(path("a.json"), 0700), 0);
	ck_assert_int_eq(mkfifo(path("b.json"), 0600), 0);
	ck_assert_int_eq(symlink("nowhere", path("c.json")), 0);
	put("d.json", "0123456789");
	ck_assert_int_eq(read_with(9), MD_INVALID);
	ck_assert_uint_eq(report.errors, 4);
	ck_assert(is_told("a.json: M100 is not a file\n"));
	ck_assert(is_told("/a.json/*.json\n"));
	ck_assert(is_told("    name the files in it: "));
	ck_assert(is_told("b.json: M100 is not a file\n"));
	ck_assert(is_told("c.json: M100 cannot be read: No such file or directory\n"));
	ck_assert(is_told("d.json: M108 a file has at most 9 bytes\n"));
	ck_assert_int_eq(read_with(10), MD_INVALID);
	ck_assert_uint_eq(files.count, 1);
	rmdir(path("a.json"));
	unlink(path("b.json"));
	unlink(path("c.json"));
	unlink(path("d.json"));
	rmdir(folder);
	md_def_files_release(&files);
	md_def_report_release(&report);
}
END_TEST

SUITE_MAIN("definition files", files_of_a_pattern_are_read_in_order,
	   what_cannot_be_read_is_a_mistake)
