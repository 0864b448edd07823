#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static struct md_settings load(const char *const *environment)
{
	struct md_settings settings = { .default_path = "/nonexistent/modeld.conf",
					.environment = (char *const *)(uintptr_t)environment,
					.ready_fd = -1 };

	md_settings_load(&settings, NULL);
	return settings;
}

static bool says(const struct md_settings *settings, const char *text)
{
	for (unsigned i = 0; i < settings->problems.count; i++)
		if (strstr(settings->problems.items[i].text, text))
			return true;
	return false;
}

START_TEST(takes_both_prefixes_and_prefers_its_own)
{
	static const char *const environment[] = { "MODELD_DB_URL=sqlite:///mine.db",
						   "PGRST_DB_URI=postgresql://theirs",
						   "PGRST_DB_POOL=3",
						   "PGRST_SERVER_PORT=9",
						   "HOME=/root",
						   NULL };
	struct md_settings s = load(environment);

	ck_assert_ptr_nonnull(s.options);
	ck_assert_str_eq(s.options->db_url, "sqlite:///mine.db");
	ck_assert_uint_eq(s.options->pool_size, 3);
	ck_assert_str_eq(s.options->listen.items[0], "127.0.0.1:9");
	ck_assert_str_eq(md_options_origin(s.options, MD_OPTION_db_url)->name, "MODELD_DB_URL");
	ck_assert_int_eq(md_options_origin(s.options, MD_OPTION_pool_size)->layer, MD_LAYER_PGRST);
	md_settings_release(&s);
}
END_TEST

START_TEST(warns_of_unknown_names)
{
	static const char *const environment[] = { "MODELD_DB_URL=sqlite:///a.db",
						   "MODELD_SERVICE_HOST=10.0.0.1",
						   "MODELD_POOL_SZE=3",
						   "MODELD_=x",
						   "MODELD",
						   NULL };
	struct md_settings s = load(environment);

	ck_assert_ptr_nonnull(s.options);
	ck_assert_uint_eq(s.problems.errors, 0);
	ck_assert_uint_eq(s.problems.count, 2);
	ck_assert(says(&s, "environment MODELD_SERVICE_HOST: no such setting"));
	ck_assert(says(&s, "did you mean 'pool_size'?"));
	md_settings_release(&s);
}
END_TEST

START_TEST(refuses_bad_values_and_names_the_variable)
{
	static const char *const environment[] = { "MODELD_DB_URL=sqlite:///a.db",
						   "MODELD_POOL_SIZE=lots", NULL };
	struct md_settings s = load(environment);

	ck_assert_ptr_null(s.options);
	ck_assert(says(&s, "environment MODELD_POOL_SIZE: pool_size = \"lots\": expected a whole "
			   "number from 0 to 1000"));
	md_settings_release(&s);
}
END_TEST

START_TEST(keeps_app_settings)
{
	static const char *const environment[] = { "MODELD_DB_URL=sqlite:///a.db",
						   "PGRST_APP_SETTINGS_JWT_LIFETIME=60", NULL };
	struct md_settings s = load(environment);

	ck_assert_ptr_nonnull(s.options);
	ck_assert_uint_eq(s.options->app_settings_count, 1);
	ck_assert_str_eq(s.options->app_settings[0].name, "app.settings.jwt_lifetime");
	ck_assert_str_eq(s.options->app_settings[0].value, "60");
	md_settings_release(&s);
}
END_TEST

SUITE_MAIN("environment", takes_both_prefixes_and_prefers_its_own, warns_of_unknown_names,
	   refuses_bad_values_and_names_the_variable, keeps_app_settings)
