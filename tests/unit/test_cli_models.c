#include "server/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"

static char out[128 * 1024], err[128 * 1024];
static char folder[] = "/tmp/modeld-cli-XXXXXX", good[64], bad[64], commented[64];

static int run(char *const *words)
{
	struct md_cli cli = { .argc = 1 };
	char *argv[32] = { (char[]){ "modeld" } };
	int code;

	for (; words[cli.argc - 1]; cli.argc++)
		argv[cli.argc] = words[cli.argc - 1];
	memset(out, 0, sizeof(out));
	memset(err, 0, sizeof(err));
	cli.argv = argv;
	cli.out = fmemopen(out, sizeof(out), "w");
	cli.err = fmemopen(err, sizeof(err), "w");
	code = md_cli_run(&cli);
	fclose(cli.out);
	fclose(cli.err);
	return code;
}

#define RUN(...) run((char *const[]){ (char[]){ "models" }, __VA_ARGS__, NULL })
#define W(text)  ((char[]){ text })

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static const char *get(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(good, sizeof(good), "%s/good.json", folder);
	snprintf(bad, sizeof(bad), "%s/bad.json", folder);
	snprintf(commented, sizeof(commented), "%s/commented.json", folder);
	put(good, "{\"version\":1,\"models\":{\"Base\":{\"abstract\":true,\"fields\":{}},\n"
		  "\"User\":{\"extends\":\"Base\",\"fields\":{\"name\":{\"type\":\"text\"}}}}}");
	put(bad, "{\"version\":1,\n\"models\":{\"A\":{\"fields\":{\"x\":\"txt\"}}}}");
	put(commented, "{\"version\":1, // why\n\"models\":{\"B\":{\"fields\":{}}}}");
}

static void end(void)
{
	unlink(good);
	unlink(bad);
	unlink(commented);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(check_tells_everything_and_65)
{
	char setting[128];

	begin();
	ck_assert_int_eq(RUN(W("check"), good, commented), 0);
	ck_assert_str_eq(out, "ok: 3 models in 2 files\n");
	ck_assert_str_eq(err, "");
	ck_assert_int_eq(RUN(W("check"), good, bad), 65);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_nonnull(strstr(err, "bad.json:2: M120 /models/A/fields/x: unknown type"));
	ck_assert_ptr_nonnull(strstr(err, "\n1 mistake, 0 warnings\n"));
	ck_assert_int_eq(RUN(W("check"), W("/nonexistent/*.json")), 66);
	ck_assert_str_eq(err, "modeld: no file matches /nonexistent/*.json\n");
	ck_assert_int_eq(RUN(W("check")), 66);
	ck_assert_int_eq(RUN(W("check"), good, W("--set"), W("models_targets=oracle")), 78);
	ck_assert_ptr_nonnull(strstr(err, "models_targets = oracle: expected sqlite"));
	snprintf(setting, sizeof(setting), "models=%s/[gc]*.json", folder);
	ck_assert_int_eq(RUN(W("check"), W("--set"), setting), 0);
	ck_assert_str_eq(out, "ok: 3 models in 2 files\n");
	ck_assert_int_eq(RUN(W("check"), good, W("--set"), W("models_count=1")), 65);
	ck_assert_int_eq(RUN(W("check"), W("-h")), 0);
	ck_assert_int_eq(RUN(W("-h")), 0);
	ck_assert_int_eq(RUN(W("check"), W("--long")), 64);
	ck_assert_int_eq(RUN(W("chekc")), 64);
	end();
}
END_TEST

START_TEST(targets_come_from_the_database_or_the_setting)
{
	begin();
	put(good, "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\"},\n"
		  "\"indexes\":[{\"fields\":[\"x\"],\"using\":\"gin\"}]}}}");
	ck_assert_int_eq(RUN(W("check"), good), 0);
	ck_assert_int_eq(RUN(W("check"), good, W("--db"), W("postgresql://h/d")), 0);
	ck_assert_int_eq(RUN(W("check"), good, W("--db"), W("sqlite:///a.db")), 65);
	ck_assert_ptr_nonnull(strstr(err, "good.json:2: M231 "));
	ck_assert_int_eq(RUN(W("check"), good, W("--db"), W("sqlite:///a.db"), W("--set"),
			     W("models_targets=postgresql")),
			 0);
	end();
}
END_TEST

START_TEST(a_pattern_without_quotes_is_explained)
{
	ck_assert_int_eq(
		run((char *const[]){ W("serve"), W("--models"), W("a.json"), W("b.json"), NULL }),
		64);
	ck_assert_str_eq(err, "modeld: serve does not take \"b.json\"\n"
			      "A pattern of files for --models stands in quotes.\n"
			      "Try: modeld serve --help\n");
}
END_TEST

START_TEST(list_and_show_print_models)
{
	begin();
	ck_assert_int_eq(RUN(W("list"), good), 0);
	ck_assert_ptr_nonnull(strstr(out, "User                     user                       2"));
	ck_assert_ptr_null(strstr(out, "Base"));
	ck_assert_int_eq(RUN(W("list"), W("--all"), good), 0);
	ck_assert_ptr_nonnull(strstr(out, "(abstract)"));
	ck_assert_int_eq(RUN(W("show"), W("User"), good), 0);
	ck_assert_str_eq(out, "{\n  \"version\": 1,\n  \"models\": {\n    \"User\": {\n"
			      "      \"table\": \"user\",\n      \"fields\": {\n"
			      "        \"id\": { \"type\": \"bigint\", \"primary_key\": true },\n"
			      "        \"name\": { \"type\": \"text\" }\n      }\n    }\n  }\n}\n");
	ck_assert_int_eq(RUN(W("show"), W("user"), good), 0);
	ck_assert_ptr_nonnull(strstr(out, "\"User\": {"));
	ck_assert_int_eq(RUN(W("show"), W("Usr"), good), 66);
	ck_assert_str_eq(err, "modeld: there is no model \"Usr\"; did you mean \"User\"?\n");
	ck_assert_int_eq(RUN(W("show")), 64);
	ck_assert_int_eq(RUN(W("list"), bad), 65);
	end();
}
END_TEST

START_TEST(fmt_rewrites_files_and_keeps_what_it_cannot)
{
	struct stat status;

	begin();
	ck_assert_int_eq(chmod(good, 0640), 0);
	ck_assert_int_eq(RUN(W("fmt"), good), 0);
	ck_assert_ptr_nonnull(strstr(out, "good.json\n"));
	ck_assert_ptr_nonnull(strstr(get(good), "\n        \"name\": \"text\"\n"));
	ck_assert_int_eq(stat(good, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0640);
	ck_assert_int_eq(RUN(W("fmt"), good), 0);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(RUN(W("fmt"), W("--long"), good), 0);
	ck_assert_ptr_nonnull(strstr(get(good), "\"name\": { \"type\": \"text\" }"));
	ck_assert_int_eq(RUN(W("fmt"), commented, bad, good), 65);
	ck_assert_ptr_nonnull(strstr(err, "commented.json: has comments, which would be lost"));
	ck_assert_ptr_nonnull(strstr(err, "bad.json:2: M120"));
	ck_assert_ptr_nonnull(strstr(out, "good.json"));
	ck_assert_ptr_nonnull(strstr(get(commented), "// why"));
	ck_assert_ptr_nonnull(strstr(get(bad), "txt"));
	ck_assert_int_eq(RUN(W("fmt"), W("--force"), commented), 0);
	ck_assert_ptr_null(strstr(get(commented), "// why"));
	end();
}
END_TEST

SUITE_MAIN("cli models", check_tells_everything_and_65,
	   targets_come_from_the_database_or_the_setting, a_pattern_without_quotes_is_explained,
	   list_and_show_print_models, fmt_rewrites_files_and_keeps_what_it_cannot)
