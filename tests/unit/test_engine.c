/* The engines by name, and by the URLs of their databases. */
#include "core/base/engine.h"

#include "tests/support/suite.h"

START_TEST(the_scheme_of_a_url_tells_the_engine)
{
	static const struct {
		const char *url, *name;
	} cases[] = {
		{ "sqlite:///a.db", "sqlite" },
		{ "sqlite+pysqlite:///a.db", "sqlite" },
		{ "SQLite://", "sqlite" },
		{ "postgresql://h/db", "postgresql" },
		{ "postgres://h/db", "postgresql" },
		{ "postgresql+asyncpg://h/db", "postgresql" },
		{ "host=/run dbname=x", "postgresql" },
		{ "service = s", "postgresql" },
		{ "options='-c a:b' host=h", "postgresql" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct md_engine *engine = md_engine_of_url(cases[i].url);

		ck_assert_msg(engine != NULL, "%s", cases[i].url);
		ck_assert_str_eq(engine->name, cases[i].name);
	}
}
END_TEST

START_TEST(other_texts_are_of_no_engine)
{
	static const char *const others[] = {
		"",
		"sqlite",
		"sqlite3:///a.db",
		"oracle://x",
		"host",
		"postgresqlx://h/db",
		"mariadb://h/db",
		"a.db",
		"/srv/a=b.db",
		"C:\\a.db",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(md_engine_of_url(others[i]) == NULL, "%s", others[i]);
}
END_TEST

START_TEST(names_are_exact_and_have_a_bit_each)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < MD_ENGINES; i++) {
		ck_assert_ptr_eq(md_engine_named(md_str_of(md_engines[i].name)), &md_engines[i]);
		ck_assert_uint_eq(bits & md_engines[i].bit, 0);
		bits |= md_engines[i].bit;
	}
	ck_assert_uint_eq(bits, MD_ENGINE_SQLITE | MD_ENGINE_POSTGRESQL | MD_ENGINE_MARIADB);
	ck_assert_ptr_null(md_engine_named(MD_STR("SQLite")));
	ck_assert_ptr_null(md_engine_named(MD_STR("postgres")));
	ck_assert_ptr_null(md_engine_named(MD_STR("")));
}
END_TEST

SUITE_MAIN("engine", the_scheme_of_a_url_tells_the_engine, other_texts_are_of_no_engine,
	   names_are_exact_and_have_a_bit_each)
