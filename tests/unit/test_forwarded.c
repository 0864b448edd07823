#include "server/forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "config/options.h"

#include "tests/support/suite.h"

static const char *const networks[] = { "10.0.0.0/8", "::1" };
static const struct md_option_list proxies = { networks, 2 };

static const struct {
	const char *header, *client;
} lists_table[] = {
	{ "192.0.2.7", "192.0.2.7" },
	{ "2001:db8::7", "2001:db8::7" },
	{ " 192.0.2.7 ", "192.0.2.7" },
	{ "192.0.2.6, 192.0.2.7", "192.0.2.7" },
	{ "192.0.2.6,192.0.2.7,10.0.0.1, ::1", "192.0.2.7" },
	{ "10.0.0.2, 10.0.0.1", "10.0.0.2" },
	{ "me, 10.0.0.1", "10.0.0.1" },
	{ "192.0.2.7, me", NULL },
	{ "192.0.2.7,", NULL },
	{ "192.0.2.7 status=200", NULL },
	{ "unknown", NULL },
	{ ",", NULL },
	{ "", NULL },
	{ "1234567890123456789012345678901234567890123456789012345678901234567890", NULL },
};

START_TEST(the_last_address_that_is_no_proxys_is_the_clients)
{
	for (size_t i = 0; i < sizeof(lists_table) / sizeof(lists_table[0]); i++) {
		struct md_str got = md_forwarded_client(md_str_of(lists_table[i].header), &proxies);
		struct md_str want = md_str_of(lists_table[i].client);

		ck_assert_msg(md_str_is_given(got) == md_str_is_given(want) &&
				      md_str_equal(got, want),
			      "%s: %.*s", lists_table[i].header, MD_STR_ARG(got));
	}
	ck_assert(!md_str_is_given(md_forwarded_client((struct md_str){ NULL, 0 }, &proxies)));
}
END_TEST

START_TEST(a_socket_in_the_file_system_is_a_proxys_when_there_are_any)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	static const struct md_option_list none = { NULL, 0 };
	char text[MD_ADDRESS_MAX];

	ck_assert(md_is_proxy((struct sockaddr *)&un, &proxies));
	ck_assert(!md_is_proxy((struct sockaddr *)&un, &none));
	md_address_text((struct sockaddr *)&un, text);
	ck_assert_str_eq(text, "unix");
	ck_assert_int_eq(inet_pton(AF_INET, "10.1.2.3", &in.sin_addr), 1);
	ck_assert(md_is_proxy((struct sockaddr *)&in, &proxies));
	ck_assert(!md_is_proxy((struct sockaddr *)&in, &none));
	md_address_text((struct sockaddr *)&in, text);
	ck_assert_str_eq(text, "10.1.2.3");
	md_address_text(NULL, text);
	ck_assert_str_eq(text, "-");
	ck_assert(!md_is_proxy(NULL, &proxies));
}
END_TEST

START_TEST(an_address_of_ipv4_is_one_on_a_socket_for_both)
{
	static const struct {
		const char *six, *text;
	} pairs[] = { { "::ffff:10.1.2.3", "10.1.2.3" },
		      { "::ffff:127.0.0.1", "127.0.0.1" },
		      { "2001:db8::1", "2001:db8::1" },
		      { "::1", "::1" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		struct sockaddr_storage plain;
		char text[MD_ADDRESS_MAX];

		ck_assert_int_eq(inet_pton(AF_INET6, pairs[i].six, &in6.sin6_addr), 1);
		md_address_text(md_address_plain((struct sockaddr *)&in6, &plain), text);
		ck_assert_str_eq(text, pairs[i].text);
	}
	ck_assert_ptr_null(md_address_plain(NULL, NULL));
}
END_TEST

SUITE_MAIN("forwarded", an_address_of_ipv4_is_one_on_a_socket_for_both,
	   the_last_address_that_is_no_proxys_is_the_clients,
	   a_socket_in_the_file_system_is_a_proxys_when_there_are_any)
