#include "server/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/support/suite.h"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
		memcpy(&storage, &in, sizeof(in));
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
		memcpy(&storage, &in6, sizeof(in6));
	}
	return storage;
}

static struct md_ip ip_of(const char *text)
{
	struct sockaddr_storage storage = address_of(text);

	return md_ip_of((struct sockaddr *)&storage);
}

static const struct {
	const char *address, *network;
	bool in;
} networks_table[] = {
	{ "10.1.2.3", "10.0.0.0/8", true },         { "11.1.2.3", "10.0.0.0/8", false },
	{ "10.1.2.3", "10.1.2.3", true },           { "10.1.2.4", "10.1.2.3", false },
	{ "10.1.2.3", "10.1.2.2/31", true },        { "10.1.2.4", "10.1.2.2/31", false },
	{ "10.1.2.3", "0.0.0.0/0", true },          { "10.1.2.3", "10.0.0.0/33", false },
	{ "10.1.2.3", "10.0.0.0/x", false },        { "10.1.2.3", "::/0", false },
	{ "2001:db8::1", "2001:db8::/32", true },   { "2001:db9::1", "2001:db8::/32", false },
	{ "2001:db8::1", "2001:db8::1/128", true },
};

START_TEST(an_address_is_in_its_networks)
{
	for (size_t i = 0; i < sizeof(networks_table) / sizeof(networks_table[0]); i++) {
		struct sockaddr_storage storage = address_of(networks_table[i].address);

		ck_assert_msg(md_ip_is_in((struct sockaddr *)&storage, networks_table[i].network) ==
				      networks_table[i].in,
			      "%s in %s", networks_table[i].address, networks_table[i].network);
	}
	ck_assert(!md_ip_is_in(NULL, "0.0.0.0/0"));
}
END_TEST

START_TEST(an_address_may_have_so_many_connections_and_loopback_any_number)
{
	struct md_ip_table *table = md_ip_table_new(2);
	struct md_ip one = ip_of("192.0.2.1"), other = ip_of("192.0.2.2"),
		     home = ip_of("127.0.0.1");

	ck_assert(md_ip_table_enter(table, &one));
	ck_assert(md_ip_table_enter(table, &one));
	ck_assert(!md_ip_table_enter(table, &one));
	ck_assert(md_ip_table_enter(table, &other));
	for (int i = 0; i < 10; i++)
		ck_assert(md_ip_table_enter(table, &home));
	md_ip_table_leave(table, &one);
	ck_assert(md_ip_table_enter(table, &one));
	md_ip_table_leave(table, &one);
	md_ip_table_leave(table, &one);
	md_ip_table_leave(table, &other);
	md_ip_table_free(table);
}
END_TEST

START_TEST(a_network_of_ipv6_counts_as_one)
{
	struct md_ip one = ip_of("2001:db8::1"), two = ip_of("2001:db8::2"),
		     far = ip_of("2001:db8:0:1::1");

	ck_assert_uint_eq(one.len, 8);
	ck_assert_int_eq(memcmp(one.bytes, two.bytes, 8), 0);
	ck_assert_int_ne(memcmp(one.bytes, far.bytes, 8), 0);
	ck_assert_uint_eq(ip_of("::1").len, 0);
}
END_TEST

SUITE_MAIN("client", an_address_is_in_its_networks,
	   an_address_may_have_so_many_connections_and_loopback_any_number,
	   a_network_of_ipv6_counts_as_one)
