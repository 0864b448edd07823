#include "server/auth.h"

#include "tests/support/suite.h"

static const char *const allowed[] = { "api.example.org", ".internal" };

static const struct {
	const char *host;
	bool loopback, allowed;
} hosts_table[] = {
	{ "127.0.0.1", true, true },
	{ "127.0.0.1:8080", true, true },
	{ "localhost", true, true },
	{ "LocalHost:8080", true, true },
	{ "[::1]", true, true },
	{ "[::1]:8080", true, true },
	{ "", false, false },
	{ ":8080", false, false },
	{ "localhost.", false, false },
	{ "localhost.evil.example", false, false },
	{ "127.0.0.1.evil.example", false, false },
	{ "127.0.0.2", false, false },
	{ "evil.example:8080", false, false },
	{ "evil.example@localhost", false, false },
	{ "[::1].evil.example", false, false },
	{ "api.example.org", false, true },
	{ "API.example.org:443", false, true },
	{ "xapi.example.org", false, false },
	{ "a.b.internal", false, true },
	{ ".internal", false, false },
	{ "internal", false, false },
	{ "notinternal", false, false },
};

START_TEST(only_loopback_names_and_allowed_ones_are_answered)
{
	for (size_t i = 0; i < sizeof(hosts_table) / sizeof(hosts_table[0]); i++) {
		struct md_str host = md_str_of(hosts_table[i].host);

		ck_assert_msg(md_host_is_loopback(host) == hosts_table[i].loopback, "%s",
			      hosts_table[i].host);
		ck_assert_msg(md_host_is_allowed(host, allowed, 2) == hosts_table[i].allowed, "%s",
			      hosts_table[i].host);
	}
}
END_TEST

SUITE_MAIN("auth", only_loopback_names_and_allowed_ones_are_answered)
