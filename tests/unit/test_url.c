#include "core/base/url.h"

#include "tests/support/suite.h"

static void expect(const char *url, const char *blanked)
{
	md_auto_buf out = { .max = 4096 };

	md_url_blank_password(url, &out);
	ck_assert_str_eq(md_buf_text(&out), blanked);
}

START_TEST(blanks_the_password_of_the_user_part)
{
	expect("postgresql://app:pw@db.example/shop", "postgresql://app:***@db.example/shop");
	expect("postgresql://app:pw@h1:5432,h2:5433/x", "postgresql://app:***@h1:5432,h2:5433/x");
	expect("postgresql://:pw@/x", "postgresql://:***@/x");
	expect("postgresql+psycopg://app:pw@h/x", "postgresql+psycopg://app:***@h/x");
}
END_TEST

START_TEST(blanks_passwords_that_should_have_been_encoded)
{
	expect("postgresql://app:p@w@h/x", "postgresql://app:***@h/x");
	expect("postgresql://app:p/w@h/x", "postgresql://app:***@h/x");
	expect("postgresql://app:p:w@h/x", "postgresql://app:***@h/x");
	expect("postgresql://app:p?w@h/x", "postgresql://app:***@h/x");
	expect("postgresql://app:p?a=w@h/x", "postgresql://app:***@h/x");
}
END_TEST

START_TEST(blanks_parameters)
{
	expect("postgresql://h/x?user=a&password=pw&sslmode=require",
	       "postgresql://h/x?user=a&password=***&sslmode=require");
	expect("postgresql://h/x?pass%77ord=pw", "postgresql://h/x?pass%77ord=***");
	expect("postgresql://h/x?sslpassword=pw", "postgresql://h/x?sslpassword=***");
	expect("postgresql://a:b@h/x?password=a@b", "postgresql://a:***@h/x?password=***");
}
END_TEST

START_TEST(blanks_keyword_strings)
{
	expect("host=h password=pw dbname=x", "host=h password=*** dbname=x");
	expect("password = 'a \\' b' host=h", "password = *** host=h");
	expect("host=h password='open", "host=h password=***");
	expect("password=", "password=***");
	expect("password=a\\ b host=h", "password=*** host=h");
}
END_TEST

START_TEST(leaves_the_rest_alone)
{
	expect("", "");
	expect("sqlite:///shop.db", "sqlite:///shop.db");
	expect("sqlite:////srv/a b.db", "sqlite:////srv/a b.db");
	expect("postgresql://", "postgresql://");
	expect("postgresql://h:5432/x", "postgresql://h:5432/x");
	expect("postgresql://app@h:5432/x", "postgresql://app@h:5432/x");
	expect("postgresql://h:5432/x?user=a@b", "postgresql://h:5432/x?user=a@b");
	expect("host=h  dbname=x", "host=h  dbname=x");
	expect("word other", "word other");
}
END_TEST

SUITE_MAIN("url", blanks_the_password_of_the_user_part,
	   blanks_passwords_that_should_have_been_encoded, blanks_parameters,
	   blanks_keyword_strings, leaves_the_rest_alone)
