#include "server/gate.h"

#include "core/base/banned.h"

static const char *const methods_table[] = {
	[MD_METHOD_GET] = "GET",         [MD_METHOD_HEAD] = "HEAD",   [MD_METHOD_POST] = "POST",
	[MD_METHOD_PUT] = "PUT",         [MD_METHOD_PATCH] = "PATCH", [MD_METHOD_DELETE] = "DELETE",
	[MD_METHOD_OPTIONS] = "OPTIONS", [MD_METHOD_QUERY] = "QUERY", [MD_METHOD_OTHER] = "-",
};

enum md_method md_method_of(struct md_str method)
{
	for (unsigned i = 0; i < MD_METHOD_OTHER; i++)
		if (md_str_is(method, methods_table[i]))
			return (enum md_method)i;
	return MD_METHOD_OTHER;
}

const char *md_method_name(enum md_method method)
{
	return methods_table[method];
}

static bool method_is_odd(const struct md_gate *gate)
{
	return !md_is_token(gate->method);
}

/* CONNECT makes a tunnel and TRACE an echo; neither is ever meant for an API. */
static bool method_is_refused(const struct md_gate *gate)
{
	return md_str_is(gate->method, "CONNECT") || md_str_is(gate->method, "TRACE");
}

static bool version_is_odd(const struct md_gate *gate)
{
	return !md_str_is(gate->version, "HTTP/1.1") && !md_str_is(gate->version, "HTTP/1.0");
}

/* Method, two blanks, target, version, line end. */
static size_t line_size(const struct md_gate *gate)
{
	return gate->method.len + gate->target.len + gate->version.len + 4;
}

static bool line_is_long(const struct md_gate *gate)
{
	return line_size(gate) > gate->limits->request_line;
}

/* origin-form only: a proxy in front has no business sending anything else. */
static bool target_is_odd(const struct md_gate *gate)
{
	return gate->target.len == 0 || gate->target.ptr[0] != '/';
}

static bool target_has_blank(const struct md_gate *gate)
{
	for (size_t i = 0; i < gate->target.len; i++) {
		unsigned char c = (unsigned char)gate->target.ptr[i];

		if (c <= 0x20 || c == 0x7f || c == '#')
			return true;
	}
	return false;
}

static bool header_is_large(const struct md_gate *gate)
{
	return gate->heads->largest > gate->limits->header_size;
}

static bool headers_are_large(const struct md_gate *gate)
{
	return gate->heads->total + line_size(gate) > gate->limits->headers_size ||
	       gate->heads->count > gate->limits->headers;
}

static bool name_is_odd(const struct md_gate *gate)
{
	return gate->heads->odd_name;
}

static bool value_is_odd(const struct md_gate *gate)
{
	return gate->heads->odd_value;
}

static bool framing_is_double(const struct md_gate *gate)
{
	const struct md_heads *heads = gate->heads;

	return heads->seen[MD_HEAD_CONTENT_LENGTH] > 1 ||
	       heads->seen[MD_HEAD_TRANSFER_ENCODING] > 1 ||
	       (heads->seen[MD_HEAD_CONTENT_LENGTH] > 0 &&
		heads->seen[MD_HEAD_TRANSFER_ENCODING] > 0);
}

/* Nothing but chunked exists besides identity, and chunked bodies have no length to check. */
static bool length_is_missing(const struct md_gate *gate)
{
	return md_heads_has(gate->heads, MD_HEAD_TRANSFER_ENCODING);
}

static bool length_is_odd(const struct md_gate *gate)
{
	uint64_t length;

	return md_heads_has(gate->heads, MD_HEAD_CONTENT_LENGTH) &&
	       !md_str_to_u64(gate->heads->value[MD_HEAD_CONTENT_LENGTH], &length);
}

static bool body_is_large(const struct md_gate *gate)
{
	return md_gate_body_length(gate->heads) > gate->limits->body;
}

static bool host_is_odd(const struct md_gate *gate)
{
	unsigned hosts = gate->heads->seen[MD_HEAD_HOST];

	if (hosts == 0)
		return !md_str_is(gate->version, "HTTP/1.0");
	return hosts > 1;
}

static bool expect_is_odd(const struct md_gate *gate)
{
	const struct md_heads *heads = gate->heads;

	return heads->seen[MD_HEAD_EXPECT] > 1 ||
	       (heads->seen[MD_HEAD_EXPECT] == 1 &&
		!md_str_equal_nocase(heads->value[MD_HEAD_EXPECT], MD_STR("100-continue")));
}

/* In this order: what the later rules rely on comes first. */
static const struct rule {
	bool (*broken)(const struct md_gate *gate);
	unsigned status;
	enum md_code code;
	const char *wire, *message, *hint;
} rules_table[] = {
	{ method_is_odd, 400, MD_INVALID, "MD400", "the request method is not a token", NULL },
	{ method_is_refused, 405, MD_INVALID, "PGRST117", "Unsupported HTTP method", NULL },
	{ version_is_odd, 505, MD_INVALID, "MD505", "only HTTP/1.1 and HTTP/1.0 are spoken here",
	  NULL },
	{ line_is_long, 414, MD_TOO_LARGE, "MD414", "the request line is too long",
	  "the limit is the option request-line" },
	{ header_is_large, 431, MD_TOO_LARGE, "MD431", "a request header is too large",
	  "the limit is the option header-size" },
	{ headers_are_large, 431, MD_TOO_LARGE, "MD431", "the request headers are too large",
	  "the limit is the option headers-size, and 100 headers" },
	{ target_is_odd, 400, MD_INVALID, "MD400", "the request target does not begin with /",
	  NULL },
	{ target_has_blank, 400, MD_INVALID, "MD400",
	  "the request target contains a blank, a control character or #",
	  "percent-encode such characters" },
	{ name_is_odd, 400, MD_INVALID, "MD400", "a header name is malformed", NULL },
	{ value_is_odd, 400, MD_INVALID, "MD400", "a header value contains a control character",
	  NULL },
	{ framing_is_double, 400, MD_INVALID, "MD400",
	  "the length of the request body is given more than once", NULL },
	{ length_is_missing, 411, MD_INVALID, "MD411", "Transfer-Encoding is not accepted",
	  "send the body with Content-Length" },
	{ length_is_odd, 400, MD_INVALID, "MD400", "Content-Length is not a number", NULL },
	{ body_is_large, 413, MD_TOO_LARGE, "MD413", "the request body is too large",
	  "the limit is the option body" },
	{ host_is_odd, 400, MD_INVALID, "MD400", "exactly one Host header is needed", NULL },
	{ expect_is_odd, 417, MD_INVALID, "MD417", "only Expect: 100-continue is understood",
	  NULL },
};

unsigned md_gate_judge(const struct md_gate *gate, struct md_error *err)
{
	for (size_t i = 0; i < sizeof(rules_table) / sizeof(rules_table[0]); i++) {
		const struct rule *rule = &rules_table[i];

		if (!rule->broken(gate))
			continue;
		md_fail(err, rule->code, rule->wire, "%s", rule->message);
		if (rule->hint)
			md_error_hint(err, "%s", rule->hint);
		return rule->status;
	}
	return 0;
}

uint64_t md_gate_body_length(const struct md_heads *heads)
{
	uint64_t length = 0;

	if (md_heads_has(heads, MD_HEAD_CONTENT_LENGTH) &&
	    !md_str_to_u64(heads->value[MD_HEAD_CONTENT_LENGTH], &length))
		return UINT64_MAX;
	return length;
}
