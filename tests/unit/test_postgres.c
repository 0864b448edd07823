/* What the PostgreSQL driver does without a server; the rest is tests/driver. */
#include "core/db/dialect.h"
#include "core/db/driver.h"

#include "tests/support/suite.h"

START_TEST(the_driver_is_found_by_scheme_and_by_keywords)
{
	ck_assert_ptr_eq(md_db_driver_find("postgresql://h/db"), &md_postgres_driver);
	ck_assert_ptr_eq(md_db_driver_find("postgres://h/db"), &md_postgres_driver);
	ck_assert_ptr_eq(md_db_driver_find("postgresql+asyncpg://h/db"), &md_postgres_driver);
	ck_assert_ptr_eq(md_db_driver_find("host=/run dbname=x"), &md_postgres_driver);
	ck_assert_ptr_eq(md_db_driver_find("service = s"), &md_postgres_driver);
	ck_assert_ptr_null(md_db_driver_find("host"));
	ck_assert_ptr_null(md_db_driver_find("postgresql"));
	ck_assert_ptr_null(md_db_driver_find("postgresqlx://h/db"));
}
END_TEST

START_TEST(names_are_quoted_and_parameters_numbered)
{
	md_auto_buf sql = { .max = 1000 };

	md_postgres_dialect.put_name(&sql, MD_STR("a\"b'c"));
	md_postgres_dialect.put_param(&sql, 12);
	ck_assert_str_eq(md_buf_text(&sql), "\"a\"\"b'c\"$12");
}
END_TEST

static void expect_refused(const char *url)
{
	struct md_conn_target target = { .url = url };
	struct md_conn *conn = NULL;
	struct md_error err = { 0 };

	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_INVALID);
	ck_assert_ptr_null(conn);
	ck_assert_ptr_null(strstr(err.message, "geheim"));
	ck_assert_ptr_null(strstr(err.details, "geheim"));
	ck_assert_str_ne(err.hint, "");
}

START_TEST(an_address_that_is_none_is_refused_without_its_password)
{
	expect_refused("postgresql://u:geheim@h:1:2/db?x");
	expect_refused("postgresql://u:geheim%zz@h/db");
	expect_refused("host=h password='geheim");
	expect_refused("host=h geheim");
	expect_refused("nonsense=geheim");
}
END_TEST

SUITE_MAIN("PostgreSQL", the_driver_is_found_by_scheme_and_by_keywords,
	   names_are_quoted_and_parameters_numbered,
	   an_address_that_is_none_is_refused_without_its_password)
