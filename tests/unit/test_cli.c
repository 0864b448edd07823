#include "server/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/settings.h"

#include "tests/support/suite.h"

static char out[128 * 1024], err[128 * 1024];
static char served_url[256], served_models[256];
static unsigned served_listeners;
static int served_fd;

static int fake_serve(struct md_settings *settings)
{
	snprintf(served_url, sizeof(served_url), "%s", settings->options->db_url);
	snprintf(served_models, sizeof(served_models), "%s", settings->options->models);
	served_listeners = settings->options->listen.count;
	served_fd = settings->ready_fd;
	return 42;
}

/* Words after "modeld", ended by NULL. */
static int run(char *const *words)
{
	struct md_cli cli = { .serve = fake_serve };
	char *argv[32] = { (char[]){ "modeld" } };
	int argc = 1, code;

	for (; words[argc - 1]; argc++)
		argv[argc] = words[argc - 1];
	memset(out, 0, sizeof(out));
	memset(err, 0, sizeof(err));
	served_url[0] = '\0';
	cli.argc = argc;
	cli.argv = argv;
	cli.out = fmemopen(out, sizeof(out), "w");
	cli.err = fmemopen(err, sizeof(err), "w");
	ck_assert(cli.out && cli.err);
	code = md_cli_run(&cli);
	fclose(cli.out);
	fclose(cli.err);
	return code;
}

#define RUN(...) run((char *const[]){ __VA_ARGS__, NULL })
#define W(text)  ((char[]){ text })

START_TEST(help_is_everywhere)
{
	ck_assert_int_eq(RUN(W("-h")), 0);
	ck_assert_ptr_nonnull(strstr(out, "config check"));
	ck_assert_int_eq(RUN(W("serve"), W("--help")), 0);
	ck_assert_ptr_nonnull(strstr(out, "--ready-fd N"));
	ck_assert_ptr_nonnull(strstr(out, "--models GLOB"));
	ck_assert_ptr_null(strstr(out, "--dry-run"));
	ck_assert_int_eq(RUN(W("config"), W("-h")), 0);
	ck_assert_ptr_nonnull(strstr(out, "config show"));
	ck_assert_int_eq(RUN(W("config"), W("show"), W("-h")), 0);
	ck_assert_ptr_null(strstr(out, "--ready-fd"));
	ck_assert_int_eq(RUN(W("help"), W("config"), W("show")), 0);
	ck_assert_int_eq(RUN(W("help"), W("-h")), 0);
	ck_assert_int_eq(RUN(W("help"), W("settings")), 0);
	ck_assert_ptr_nonnull(strstr(out, "  pool_timeout = 30s\n"));
	ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(the_version_is_told)
{
	ck_assert_int_eq(RUN(W("--version")), 0);
	ck_assert_str_eq(out, "modeld " PACKAGE_VERSION "\n");
	ck_assert_int_eq(RUN(W("version")), 0);
}
END_TEST

START_TEST(a_wrong_command_line_is_64_with_a_suggestion)
{
	ck_assert_int_eq(run((char *const[]){ NULL }), 64);
	ck_assert_int_eq(RUN(W("serv")), 64);
	ck_assert_ptr_nonnull(strstr(err, "did you mean \"serve\"?"));
	ck_assert_int_eq(RUN(W("config"), W("shwo")), 64);
	ck_assert_ptr_nonnull(strstr(err, "did you mean \"config show\"?"));
	ck_assert_int_eq(RUN(W("config")), 64);
	ck_assert_int_eq(RUN(W("config"), W("--config"), W("x")), 64);
	ck_assert_int_eq(RUN(W("serve"), W("--listne"), W("x")), 64);
	ck_assert_ptr_nonnull(strstr(err, "did you mean --listen?"));
	ck_assert_int_eq(RUN(W("serve"), W("--db")), 64);
	ck_assert_ptr_nonnull(strstr(err, "--db needs URL"));
	ck_assert_int_eq(RUN(W("serve"), W("stray")), 64);
	ck_assert_int_eq(RUN(W("serve"), W("--set"), W("novalue")), 64);
	ck_assert_int_eq(RUN(W("serve"), W("--help=x")), 64);
	ck_assert_int_eq(RUN(W("serve"), W("--ready-fd"), W("x")), 64);
	ck_assert_int_eq(RUN(W("serve"), W("--ready-fd"), W("999999")), 64);
	ck_assert_int_eq(RUN(W("config"), W("show"), W("--ready-fd"), W("1")), 64);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(serve_gets_what_the_command_line_says)
{
	int fd = open("/dev/null", O_WRONLY);
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	ck_assert_int_eq(RUN(W("serve"), W("--db=sqlite:///a=b.db"), W("--listen"),
			     W("127.0.0.1:0"), W("--listen"), W("127.0.0.2:0"), W("--ready-fd"),
			     number, W("--set"), W("pool_size=3"), W("--models"),
			     W("models.d/*.json")),
			 42);
	ck_assert_str_eq(served_models, "models.d/*.json");
	ck_assert_str_eq(served_url, "sqlite:///a=b.db");
	ck_assert_uint_eq(served_listeners, 2);
	ck_assert_int_eq(served_fd, fd);
	close(fd);
}
END_TEST

START_TEST(serve_does_not_start_with_a_wrong_configuration)
{
	ck_assert_int_eq(RUN(W("serve")), 78);
	ck_assert_ptr_nonnull(strstr(err, "modeld: error: db_url is not set"));
	ck_assert_int_eq(RUN(W("serve"), W("--set"), W("db_url=sqlite:///a.db"), W("--set"),
			     W("pool_sze=3")),
			 78);
	ck_assert_ptr_nonnull(strstr(err, "command line --set: pool_sze: no such setting; did you "
					  "mean 'pool_size'?"));
	ck_assert_int_eq(RUN(W("serve"), W("--config"), W("/nonexistent/x.conf")), 66);
	ck_assert_ptr_nonnull(strstr(err, "/nonexistent/x.conf"));
	ck_assert_str_eq(served_url, "");
}
END_TEST

START_TEST(config_show_and_check)
{
	ck_assert_int_eq(RUN(W("config"), W("show"), W("--db"), W("postgresql://u:hidden@h/x")), 0);
	ck_assert_ptr_nonnull(
		strstr(out, "db_url = \"postgresql://u:***@h/x\"  # command line --db"));
	ck_assert_ptr_null(strstr(out, "hidden"));
	ck_assert_int_eq(RUN(W("config"), W("check"), W("--db"), W("sqlite:///a.db")), 0);
	ck_assert_str_eq(out, "ok\n");
	ck_assert_int_eq(RUN(W("config"), W("check"), W("--set"), W("threads=many")), 78);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_nonnull(strstr(err, "threads = \"many\": expected a whole number"));
	ck_assert_int_eq(RUN(W("config"), W("show"), W("--set"), W("threads=many")), 78);
	ck_assert_ptr_nonnull(strstr(out, "threads = 0  # default"));
}
END_TEST

SUITE_MAIN("cli", help_is_everywhere, the_version_is_told,
	   a_wrong_command_line_is_64_with_a_suggestion, serve_gets_what_the_command_line_says,
	   serve_does_not_start_with_a_wrong_configuration, config_show_and_check)
