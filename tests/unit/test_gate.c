#include "server/gate.h"

#include "tests/support/suite.h"

static const struct md_gate_limits limits = {
	.request_line = 64, .header_size = 64, .headers_size = 200, .body = 1000, .headers = 6
};

struct pair {
	struct md_str name, value;
};
#define H(n, v)                            \
	{                                  \
		{ (n), sizeof(n) - 1 },    \
		{                          \
			(v), sizeof(v) - 1 \
		}                          \
	}

/* The status for one request; headers end with a name of length 0. */
static unsigned judge(const char *method, struct md_str target, const char *version,
		      const struct pair *pairs)
{
	struct md_heads heads;
	struct md_gate gate = { md_str_of(method), target, md_str_of(version), &heads, &limits };
	struct md_error err;
	unsigned status;

	md_heads_init(&heads, MD_STR("X-Request-Id"));
	for (; pairs->name.ptr; pairs++)
		md_heads_add(&heads, pairs->name, pairs->value);
	md_error_clear(&err);
	status = md_gate_judge(&gate, &err);
	ck_assert_int_eq(status != 0, err.code != MD_OK);
	return status;
}

static const struct pair plain[] = { H("Host", "localhost"), { { 0 }, { 0 } } };

START_TEST(an_ordinary_request_passes)
{
	ck_assert_uint_eq(judge("GET", MD_STR("/items?id=eq.1"), "HTTP/1.1", plain), 0);
	ck_assert_uint_eq(judge("QUERY", MD_STR("/"), "HTTP/1.0", plain), 0);
}
END_TEST

static const struct {
	const char *name;
	unsigned status;
	struct pair pairs[8];
} headers_table[] = {
	{ "length and chunked",
	  400,
	  { H("Host", "a"), H("Content-Length", "3"), H("Transfer-Encoding", "chunked") } },
	{ "two lengths",
	  400,
	  { H("Host", "a"), H("Content-Length", "3"), H("content-length", "0") } },
	{ "the same length twice",
	  400,
	  { H("Host", "a"), H("Content-Length", "3"), H("Content-Length", "3") } },
	{ "chunked", 411, { H("Host", "a"), H("Transfer-Encoding", "chunked") } },
	{ "xchunked", 411, { H("Host", "a"), H("Transfer-Encoding", "xchunked") } },
	{ "gzip, chunked", 411, { H("Host", "a"), H("TRANSFER-ENCODING", "gzip, chunked") } },
	{ "chunked twice",
	  400,
	  { H("Host", "a"), H("Transfer-Encoding", "chunked"),
	    H("Transfer-Encoding", "chunked") } },
	{ "blank before the colon", 400, { H("Host", "a"), H("Transfer-Encoding ", "chunked") } },
	{ "blank before the colon of a length",
	  400,
	  { H("Host", "a"), H("Content-Length ", "5") } },
	{ "folded line", 400, { H("Host", "a"), H("Transfer-Encodingchunked", "") } },
	{ "folded length", 400, { H("Host", "a"), H("Content-Length5", "") } },
	{ "negative length", 400, { H("Host", "a"), H("Content-Length", "-1") } },
	{ "length with a list", 400, { H("Host", "a"), H("Content-Length", "3,3") } },
	{ "huge length", 413, { H("Host", "a"), H("Content-Length", "18446744073709551615") } },
	{ "length over 64 bits",
	  400,
	  { H("Host", "a"), H("Content-Length", "18446744073709551616") } },
	{ "length at the limit", 0, { H("Host", "a"), H("Content-Length", "1000") } },
	{ "length over the limit", 413, { H("Host", "a"), H("Content-Length", "1001") } },
	{ "NUL in a value", 400, { H("Host", "a"), H("X", "a\0b") } },
	{ "carriage return in a value", 400, { H("Host", "a"), H("X", "a\rb") } },
	{ "tab in a value", 0, { H("Host", "a"), H("X", "a\tb") } },
	{ "empty name", 400, { H("Host", "a"), { { "", 0 }, { "x", 1 } } } },
	{ "no host", 400, { H("X", "a") } },
	{ "two hosts", 400, { H("Host", "a"), H("Host", "a") } },
	{ "unknown expectation", 417, { H("Host", "a"), H("Expect", "the-unexpected") } },
	{ "expectation", 0, { H("Host", "a"), H("Expect", "100-Continue") } },
	{ "header at the limit",
	  0,
	  { H("Host", "a"),
	    H("X", "12345678901234567890123456789012345678901234567890123456789") } },
	{ "header over the limit",
	  431,
	  { H("Host", "a"),
	    H("X", "123456789012345678901234567890123456789012345678901234567890") } },
	{ "too many headers",
	  431,
	  { H("Host", "a"), H("A", ""), H("A", ""), H("A", ""), H("A", ""), H("A", ""),
	    H("A", "") } },
	{ "headers too large",
	  431,
	  { H("Host", "a"), H("A", "12345678901234567890123456789012345678901234567890"),
	    H("A", "12345678901234567890123456789012345678901234567890"),
	    H("A", "12345678901234567890123456789012345678901234567890"),
	    H("A", "12345678901234567890123456789012345678901234567890") } },
};

START_TEST(headers_that_can_be_understood_in_two_ways_are_refused)
{
	for (size_t i = 0; i < sizeof(headers_table) / sizeof(headers_table[0]); i++) {
		unsigned status =
			judge("POST", MD_STR("/items"), "HTTP/1.1", headers_table[i].pairs);

		ck_assert_msg(status == headers_table[i].status, "%s: %u", headers_table[i].name,
			      status);
	}
}
END_TEST

START_TEST(odd_request_lines_are_refused)
{
	ck_assert_uint_eq(judge("G@T", MD_STR("/"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("G\001T", MD_STR("/"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("", MD_STR("/"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("CONNECT", MD_STR("a:1"), "HTTP/1.1", plain), 405);
	ck_assert_uint_eq(judge("TRACE", MD_STR("/"), "HTTP/1.1", plain), 405);
	ck_assert_uint_eq(judge("GET", MD_STR("http://a/"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("OPTIONS", MD_STR("*"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("GET", MD_STR(""), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("GET", MD_STR("/a b"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("GET", MD_STR("/a\tb"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("GET", MD_STR("/a\0b"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("GET", MD_STR("/a#b"), "HTTP/1.1", plain), 400);
	ck_assert_uint_eq(judge("GET", MD_STR("/"), "HTTP/2.0", plain), 505);
	ck_assert_uint_eq(judge("GET", MD_STR("/"), "", plain), 505);
}
END_TEST

START_TEST(the_request_line_may_be_as_long_as_its_limit)
{
	char target[64];

	memset(target, 'a', sizeof(target));
	target[0] = '/';
	/* "GET ", " HTTP/1.1", CR LF: 15 bytes */
	ck_assert_uint_eq(judge("GET", (struct md_str){ target, 49 }, "HTTP/1.1", plain), 0);
	ck_assert_uint_eq(judge("GET", (struct md_str){ target, 50 }, "HTTP/1.1", plain), 414);
}
END_TEST

START_TEST(methods_are_case_sensitive)
{
	ck_assert_int_eq(md_method_of(MD_STR("GET")), MD_METHOD_GET);
	ck_assert_int_eq(md_method_of(MD_STR("QUERY")), MD_METHOD_QUERY);
	ck_assert_int_eq(md_method_of(MD_STR("get")), MD_METHOD_OTHER);
	ck_assert_int_eq(md_method_of(MD_STR("PROPFIND")), MD_METHOD_OTHER);
}
END_TEST

START_TEST(known_headers_are_found_in_any_case_and_the_first_wins)
{
	struct md_heads heads;

	md_heads_init(&heads, MD_STR("X-Request-Id"));
	md_heads_add(&heads, MD_STR("PREFER"), MD_STR("count=exact"));
	md_heads_add(&heads, MD_STR("prefer"), MD_STR("tx=commit"));
	md_heads_add(&heads, MD_STR("x-request-ID"), MD_STR("abc"));
	md_heads_add(&heads, MD_STR("X-Forwarded-Proto"), MD_STR("https"));
	md_heads_add(&heads, MD_STR("X-Forwarded-For"), MD_STR("10.0.0.1"));
	ck_assert_uint_eq(heads.seen[MD_HEAD_PREFER], 2);
	ck_assert(md_str_is(heads.value[MD_HEAD_PREFER], "count=exact"));
	ck_assert(md_str_is(heads.prefer[1], "tx=commit"));
	ck_assert(md_str_is(heads.value[MD_HEAD_TRACE], "abc"));
	ck_assert(md_heads_has(&heads, MD_HEAD_FORWARDED));
	ck_assert(md_str_is(heads.value[MD_HEAD_FORWARDED_FOR], "10.0.0.1"));
	ck_assert(!md_heads_has(&heads, MD_HEAD_HOST));
}
END_TEST

SUITE_MAIN("gate", an_ordinary_request_passes,
	   headers_that_can_be_understood_in_two_ways_are_refused, odd_request_lines_are_refused,
	   the_request_line_may_be_as_long_as_its_limit, methods_are_case_sensitive,
	   known_headers_are_found_in_any_case_and_the_first_wins)
