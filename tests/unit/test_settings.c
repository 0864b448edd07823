#include "config/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"

static char path[] = "/tmp/modeld-test-XXXXXX";
static struct md_override overrides[8];
static unsigned override_count;

static void write_file(const char *text)
{
	FILE *file;

	if (strstr(path, "XXXXXX"))
		close(mkstemp(path));
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void override(enum md_layer layer, const char *name, const char *key, const char *value)
{
	overrides[override_count++] = (struct md_override){ layer, name, key, strlen(key), value };
}

static enum md_code load(struct md_settings *settings, const char *text)
{
	write_file(text);
	*settings = (struct md_settings){ .config_path = path,
					  .overrides = overrides,
					  .override_count = override_count,
					  .serve = true,
					  .ready_fd = -1 };
	return md_settings_load(settings, NULL);
}

static void done(struct md_settings *settings)
{
	md_settings_release(settings);
	unlink(path);
}

static bool says(const struct md_settings *settings, const char *text)
{
	for (unsigned i = 0; i < settings->problems.count; i++)
		if (strstr(settings->problems.items[i].text, text))
			return true;
	for (unsigned i = 0; i < settings->problems.count; i++)
		fprintf(stderr, "%s\n", settings->problems.items[i].text);
	return false;
}

/* The file is refused, and one of the reasons holds `text`. */
static void refuses(const char *file, const char *text)
{
	struct md_settings s;

	ck_assert_int_eq(load(&s, file), MD_INVALID);
	ck_assert_ptr_null(s.options);
	ck_assert_msg(says(&s, text), "%s", text);
	done(&s);
}

/* The file is accepted, with a warning that holds `text`. */
static void warns(const char *file, const char *text)
{
	struct md_settings s;
	enum md_code code = load(&s, file);

	ck_assert_msg(says(&s, text), "%s", text);
	ck_assert_int_eq(code, MD_OK);
	done(&s);
}

#define DB "db_url = sqlite:///a.db\n"
#define PG "db_url = postgresql://h/x\n"

START_TEST(a_later_layer_wins)
{
	static char pgrst[] = "PGRST_DB_POOL=3", mine[] = "MODELD_MAX_OVERFLOW=4";
	static char *const environment[] = { mine, pgrst, NULL };
	struct md_settings s = { .config_path = path, .environment = environment, .ready_fd = -1 };

	write_file("db_url = sqlite:///file.db\npool-size = 1\nmax_overflow = 1\nthreads = 1\n");
	override(MD_LAYER_SET, "--set", "db_url", "sqlite:///set.db");
	override(MD_LAYER_OPTION, "--db", "db_url", "sqlite:///option.db");
	override(MD_LAYER_SET, "--set", "max_overflow", "5");
	s.overrides = overrides;
	s.override_count = override_count;
	ck_assert_int_eq(md_settings_load(&s, NULL), MD_OK);
	ck_assert_str_eq(s.options->db_url, "sqlite:///set.db");
	ck_assert_uint_eq(s.options->pool_size, 3);
	ck_assert_int_eq(s.options->max_overflow, 5);
	ck_assert_uint_eq(s.options->threads, 1);
	ck_assert_uint_eq(md_options_origin(s.options, MD_OPTION_threads)->line, 4);
	done(&s);
}
END_TEST

START_TEST(tells_everything_that_is_wrong_at_once)
{
	struct md_settings s;

	ck_assert_int_eq(
		load(&s, "pool_sze = 3\n\npool_size = abc\nbad line\njwt_secret = short\n"),
		MD_INVALID);
	ck_assert_uint_eq(s.problems.errors, 5);
	ck_assert(says(&s, ":1: pool_sze: no such setting; did you mean 'pool_size'?"));
	ck_assert(says(&s, ":3: pool_size = \"abc\": expected a whole number from 0 to 1000"));
	ck_assert(says(&s, ":4: expected KEY = VALUE"));
	ck_assert(says(&s, ":5: jwt_secret has 5 bytes"));
	ck_assert(says(&s, "db_url is not set"));
	done(&s);
}
END_TEST

START_TEST(the_path_of_a_file_is_told_to_its_end)
{
	const char *name = "/a/folder/whose/name/is/longer/than/that/of/most/others"
			   "/and/one/in/it/that/is/not/short/either/modeld.conf";
	struct md_origin origin = { .layer = MD_LAYER_FILE, .name = name, .line = 3 };
	md_auto_buf out = MD_BUF(1000);

	md_origin_put(&origin, &out);
	ck_assert_uint_eq(out.len, strlen(name) + 2);
	ck_assert_int_eq(memcmp(out.data, name, strlen(name)), 0);
	ck_assert_int_eq(memcmp(out.data + strlen(name), ":3", 2), 0);
}
END_TEST

START_TEST(a_file_that_was_asked_for_must_exist)
{
	struct md_settings s = { .config_path = "/nonexistent/x.conf", .ready_fd = -1 };
	struct md_error err;

	ck_assert_int_eq(md_settings_load(&s, &err), MD_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/x.conf"));
	md_settings_release(&s);
}
END_TEST

START_TEST(two_names_of_a_setting_must_agree)
{
	struct md_settings s;

	refuses(DB "db-pool = 3\npool_size = 4\n", "pool_size contradicts db-pool");
	ck_assert_int_eq(load(&s, DB "db-pool = 3\npool_size = 3\n"), MD_OK);
	done(&s);
	ck_assert_int_eq(load(&s, DB "pool_size = 3\npool-size = 4\n"), MD_OK);
	ck_assert_uint_eq(s.options->pool_size, 4);
	done(&s);
	refuses(DB "listen = 127.0.0.1:1\nserver-port = 2\n", "server-port contradicts listen");
}
END_TEST

START_TEST(lists_may_be_repeated)
{
	struct md_settings s;

	ck_assert_int_eq(load(&s, DB "listen = 127.0.0.1:1\nlisten = [::1]:2, unix:/run/x\n"),
			 MD_OK);
	ck_assert_uint_eq(s.options->listen.count, 3);
	done(&s);
	override(MD_LAYER_OPTION, "--listen", "listen", "127.0.0.1:0");
	override(MD_LAYER_OPTION, "--listen", "listen", "127.0.0.2:0");
	ck_assert_int_eq(load(&s, DB "listen = 127.0.0.1:1\n"), MD_OK);
	ck_assert_uint_eq(s.options->listen.count, 2);
	ck_assert_str_eq(s.options->listen.items[1], "127.0.0.2:0");
	done(&s);
}
END_TEST

START_TEST(host_and_port_become_an_address)
{
	static const struct {
		const char *file, *listen, *admin;
	} cases[] = {
		{ DB "server-port = 3000\n", "127.0.0.1:3000", "" },
		{ DB "server-host = localhost\n", "localhost:8080", "" },
		{ PG "db-anon-role = web\nserver-host = \"!4\"\nserver-port = 3000\n",
		  "0.0.0.0:3000", "" },
		{ PG "db-anon-role = web\nserver-host = \"*6\"\n", "[::]:8080", "" },
		{ DB "server-host = ::1\n", "[::1]:8080", "" },
		{ DB "server-unix-socket = /run/m.sock\nserver-port = 1\n", "unix:/run/m.sock",
		  "" },
		{ DB "admin-server-port = 3001\n", "127.0.0.1:8080", "127.0.0.1:3001" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct md_settings s;

		ck_assert_msg(load(&s, cases[i].file) == MD_OK, "%s", cases[i].file);
		ck_assert_uint_eq(s.options->listen.count, 1);
		ck_assert_str_eq(s.options->listen.items[0], cases[i].listen);
		ck_assert_str_eq(s.options->admin_listen, cases[i].admin);
		done(&s);
	}
	refuses(DB "server-port = 99999\n", "expected a port from 0 to 65535");
}
END_TEST

START_TEST(other_machines_need_identity)
{
	struct md_settings s;

	refuses(DB "listen = 0.0.0.0:80\n", "can be reached from other machines");
	refuses(DB "db_anon_role = web\nlisten = [::]:80\n", "can be reached from other machines");
	ck_assert_int_eq(load(&s, PG "db_anon_role = web\nlisten = 0.0.0.0:80\n"), MD_OK);
	done(&s);
	ck_assert_int_eq(load(&s, DB "allow_unauthenticated = yes\nlisten = 0.0.0.0:80\n"), MD_OK);
	done(&s);
	refuses(DB "allow_unauthenticated = yes\nadmin_listen = 0.0.0.0:80\n", "admin_listen");
}
END_TEST

START_TEST(combinations_are_checked)
{
	refuses(DB "headers_size = 24KiB\n", "headers_size (24576 bytes) must be smaller than");
	refuses(DB "request_line = 17KiB\n", "request_line (17408 bytes) must be at most");
	refuses(DB "stream_piece = 2MiB\n", "stream_piece");
	refuses(DB "db_schemas = a, b\n", "a SQLite database has only one");
	refuses(PG "db_schemas = a, b\n", "db_schemas names 2 schemas, and one can be served");
	refuses(DB "listen = nonsense\n", "expected HOST:PORT");
	refuses(DB "on-difference = ignore\n",
		"on-difference = \"ignore\": expected one of refuse, warn");
	refuses(DB "listen = 127.0.0.1:1, 127.0.0.1:1\n", "twice");
	refuses(DB "server_unix_socket_mode = 0x1\n", "expected three octal digits");
	refuses(DB "trusted_proxies = 10.0.0.0/8, nowhere\n", "\"nowhere\"");
	refuses(DB "server_trace_header = \"a b\"\n", "expected the name of a header");
	refuses("db_url = oracle://x\n", "expected a URL such as");
	refuses("db_url = \"oracle://u:pw@x\"\n", "oracle://u:***@x");
	warns(DB "request_deadline = 10s\n", "statement_timeout is not below request_deadline");
	warns(DB "pool_size = 0\n", "without limit");
	warns(DB "db_anon_role = web\n", "SQLite has no roles");
	warns("db-uri = \"sqlite:///a.db\"\n", "not on PostgREST's port 3000");
}
END_TEST

START_TEST(security_settings_without_effect_stop_the_start)
{
	struct md_settings s;

	refuses(PG "db-pre-request = f\n", "db_pre_request is not implemented yet");
	refuses(PG "jwt-aud = x\n", "jwt_aud is not implemented yet");
	refuses(PG "db-config = true\n", "db_config is not implemented yet");
	refuses(PG "ignore_unsupported = db-config, nothing\n", "\"nothing\", which is no setting");
	warns(PG "ignore_unsupported = db-pre-request\ndb-pre-request = f\n",
	      "db_pre_request has no effect yet");
	warns(PG "db-channel = x\n", "db_channel has no effect yet");
	ck_assert_int_eq(load(&s, PG "db-config = false\njwt-secret-is-base64 = false\n"
				     "jwt-secret = reallyreallyreallyreallyverysafe\n"),
			 MD_OK);
	ck_assert_uint_eq(s.problems.count, 0);
	done(&s);
}
END_TEST

START_TEST(values_come_from_files)
{
	char secret[] = "/tmp/modeld-secret-XXXXXX", text[256];
	int fd = mkstemp(secret);
	struct md_settings s;

	ck_assert_int_eq(write(fd, "sqlite:///x.db\n", 15), 15);
	close(fd);
	snprintf(text, sizeof(text), "db_url = \"@%s\"\nserver_trace_header = \"@@x\"\n", secret);
	refuses(text, "server_trace_header = \"@x\"");
	snprintf(text, sizeof(text), "db_url = \"@%s\"\n", secret);
	ck_assert_int_eq(load(&s, text), MD_OK);
	ck_assert_str_eq(s.options->db_url, "sqlite:///x.db");
	done(&s);
	unlink(secret);
	refuses(text, "cannot open /tmp/modeld-secret-");
}
END_TEST

START_TEST(a_reload_takes_what_may_change)
{
	struct md_settings s;
	const struct md_options *old;

	ck_assert_int_eq(load(&s, DB "log_level = info\nthreads = 1\nlisten = 127.0.0.1:1\n"),
			 MD_OK);
	old = md_options_ref(s.options);
	write_file(DB "log_level = debug\nthreads = 2\nlisten = 127.0.0.1:2,127.0.0.1:3\n");
	ck_assert_int_eq(md_settings_reload(&s, NULL), MD_OK);
	ck_assert_ptr_ne(s.options, old);
	ck_assert_int_eq(s.options->log_level, MD_LEVEL_DEBUG);
	ck_assert_int_eq(old->log_level, MD_LEVEL_INFO);
	ck_assert_uint_eq(s.options->threads, 1);
	ck_assert_uint_eq(s.options->listen.count, 1);
	ck_assert_uint_eq(s.changed.count, 1);
	ck_assert_str_eq(s.changed.items[0], "log_level");
	ck_assert_uint_eq(s.needs_restart.count, 2);
	md_options_unref(old);
	ck_assert_str_eq(s.options->listen.items[0], "127.0.0.1:1");
	done(&s);
}
END_TEST

START_TEST(a_bad_reload_changes_nothing)
{
	struct md_settings s;
	const struct md_options *old;

	ck_assert_int_eq(load(&s, DB), MD_OK);
	old = s.options;
	write_file(DB "pool_size = x\n");
	ck_assert_int_eq(md_settings_reload(&s, NULL), MD_INVALID);
	ck_assert_ptr_eq(s.options, old);
	ck_assert(says(&s, "pool_size"));
	unlink(path);
	ck_assert_int_eq(md_settings_reload(&s, NULL), MD_NOT_FOUND);
	ck_assert_ptr_eq(s.options, old);
	md_settings_release(&s);
}
END_TEST

START_TEST(show_masks_secrets_and_names_origins)
{
	struct md_settings s;
	md_auto_buf out = { .max = 1024 * 1024 };
	const char *text;

	override(MD_LAYER_SET, "--set", "pool_size", "7");
	ck_assert_int_eq(load(&s, "db_url = postgresql://u:hidden@h/x\n"
				  "jwt_secret = reallyreallyreallyreallyverysafe\n"
				  "app.settings.key = hidden\n"),
			 MD_OK);
	md_settings_show(&s, false, &out);
	text = md_buf_text(&out);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(strstr(text, "hidden"));
	ck_assert_ptr_null(strstr(text, "really"));
	ck_assert_ptr_nonnull(
		strstr(text, "db_url = \"postgresql://u:***@h/x\"  # /tmp/modeld-test-"));
	ck_assert_ptr_nonnull(strstr(text, "jwt_secret = \"***\"  # "));
	ck_assert_ptr_nonnull(strstr(text, "pool_size = 7  # command line --set\n"));
	ck_assert_ptr_nonnull(strstr(text, "max_overflow = 20  # default\n"));
	ck_assert_ptr_nonnull(strstr(text, "app.settings.key = \"***\""));
	ck_assert_ptr_null(strstr(text, "server_port"));
	done(&s);
}
END_TEST

START_TEST(what_show_writes_is_read_back)
{
	struct md_settings s, t;
	md_auto_buf first = { .max = 1024 * 1024 };
	md_auto_buf second = { .max = 1024 * 1024 };

	ck_assert_int_eq(load(&s, "db_url = \"postgresql://u:a\\\"b#c@h/x\"\npool_recycle = -1\n"
				  "echo = debug\nallowed_hosts = a.example, .b.example\n"
				  "server-host = ::1\napp.settings.x = \"@@a # b\"\n"),
			 MD_OK);
	md_settings_show(&s, true, &first);
	done(&s);
	ck_assert_int_eq(load(&t, md_buf_text(&first)), MD_OK);
	md_settings_show(&t, true, &second);
	ck_assert(strcmp(md_buf_text(&second), md_buf_text(&first)) == 0);
	ck_assert_str_eq(t.options->db_url, "postgresql://u:a\"b#c@h/x");
	ck_assert_uint_eq(t.options->pool_recycle, 0);
	done(&t);
}
END_TEST

START_TEST(the_sample_is_valid)
{
	const char *srcdir = getenv("srcdir");
	struct md_settings s = { .overrides = overrides, .serve = true, .ready_fd = -1 };
	char sample[4096];

	snprintf(sample, sizeof(sample), "%s/config/modeld.conf.in", srcdir ? srcdir : ".");
	override(MD_LAYER_OPTION, "--db", "db_url", "sqlite:///a.db");
	s.config_path = sample;
	s.override_count = override_count;
	ck_assert_int_eq(md_settings_load(&s, NULL), MD_OK);
	ck_assert_uint_eq(s.problems.count, 0);
	ck_assert_uint_eq(s.options->db_max_rows, 1000);
	ck_assert(s.options->require_filter);
	md_settings_release(&s);
}
END_TEST

SUITE_MAIN("settings", a_later_layer_wins, tells_everything_that_is_wrong_at_once,
	   the_path_of_a_file_is_told_to_its_end, a_file_that_was_asked_for_must_exist,
	   two_names_of_a_setting_must_agree, lists_may_be_repeated,
	   host_and_port_become_an_address, other_machines_need_identity, combinations_are_checked,
	   security_settings_without_effect_stop_the_start, values_come_from_files,
	   a_reload_takes_what_may_change, a_bad_reload_changes_nothing,
	   show_masks_secrets_and_names_origins, what_show_writes_is_read_back, the_sample_is_valid)
