#include "server/heads.h"

#include "core/base/banned.h"

static const struct {
	struct md_str name;
	enum md_head head;
} names_table[] = {
#define NAME(text, head)                         \
	{                                        \
		{ text, sizeof(text) - 1 }, head \
	}
	NAME("accept", MD_HEAD_ACCEPT),
	NAME("accept-profile", MD_HEAD_ACCEPT_PROFILE),
	NAME("access-control-request-headers", MD_HEAD_CORS_HEADERS),
	NAME("access-control-request-method", MD_HEAD_CORS_METHOD),
	NAME("authorization", MD_HEAD_AUTHORIZATION),
	NAME("content-length", MD_HEAD_CONTENT_LENGTH),
	NAME("content-profile", MD_HEAD_CONTENT_PROFILE),
	NAME("content-type", MD_HEAD_CONTENT_TYPE),
	NAME("expect", MD_HEAD_EXPECT),
	NAME("forwarded", MD_HEAD_FORWARDED),
	NAME("host", MD_HEAD_HOST),
	NAME("if-match", MD_HEAD_IF_MATCH),
	NAME("if-none-match", MD_HEAD_IF_NONE_MATCH),
	NAME("idempotency-key", MD_HEAD_IDEMPOTENCY_KEY),
	NAME("origin", MD_HEAD_ORIGIN),
	NAME("prefer", MD_HEAD_PREFER),
	NAME("range", MD_HEAD_RANGE),
	NAME("transaction", MD_HEAD_TRANSACTION),
	NAME("transfer-encoding", MD_HEAD_TRANSFER_ENCODING),
	NAME("via", MD_HEAD_FORWARDED),
	NAME("x-forwarded-for", MD_HEAD_FORWARDED_FOR),
#undef NAME
};

/* The names whose value decides where a request ends. A folded line leaves them with text behind
 * ("Transfer-Encodingchunked"), so their beginning alone is a warning. */
static const struct md_str framing_table[] = {
	{ "transfer-encoding", 17 },
	{ "content-length", 14 },
};

/* RFC 9110 §5.6.2: visible ASCII without delimiters. */
static const bool token_table[256] = {
	['!'] = true,         ['#'] = true,         ['$'] = true, ['%'] = true,
	['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true,
	['-'] = true,         ['.'] = true,         ['^'] = true, ['_'] = true,
	['`'] = true,         ['|'] = true,         ['~'] = true, ['0' ... '9'] = true,
	['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

bool md_is_token(struct md_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!token_table[(unsigned char)s.ptr[i]])
			return false;
	return s.len > 0;
}

static bool begins(struct md_str s, struct md_str prefix)
{
	return s.len >= prefix.len &&
	       md_str_equal_nocase((struct md_str){ s.ptr, prefix.len }, prefix);
}

static bool is_run_together(struct md_str name)
{
	for (size_t i = 0; i < sizeof(framing_table) / sizeof(framing_table[0]); i++)
		if (name.len > framing_table[i].len && begins(name, framing_table[i]))
			return true;
	return false;
}

/* Tabs are white space; every other control character is refused, above all NUL and bare CR. */
static bool has_control(struct md_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static enum md_head lookup(const struct md_heads *heads, struct md_str name)
{
	for (size_t i = 0; i < sizeof(names_table) / sizeof(names_table[0]); i++)
		if (names_table[i].name.len == name.len &&
		    (name.ptr[0] | 0x20) == names_table[i].name.ptr[0] &&
		    md_str_equal_nocase(name, names_table[i].name))
			return names_table[i].head;
	if (heads->trace.len == name.len && md_str_equal_nocase(name, heads->trace))
		return MD_HEAD_TRACE;
	if (begins(name, MD_STR("x-forwarded-")))
		return MD_HEAD_FORWARDED;
	return MD_HEAD_COUNT;
}

void md_heads_init(struct md_heads *heads, struct md_str trace)
{
	memset(heads->seen, 0, sizeof(heads->seen));
	memset(heads->value, 0, sizeof(heads->value));
	heads->total = heads->largest = 0;
	heads->count = 0;
	heads->odd_name = heads->odd_value = false;
	heads->trace = trace;
}

void md_heads_add(struct md_heads *heads, struct md_str name, struct md_str value)
{
	size_t size = name.len + value.len + 4;
	enum md_head head;

	heads->count++;
	heads->total += size;
	if (size > heads->largest)
		heads->largest = size;
	if (!md_is_token(name) || is_run_together(name))
		heads->odd_name = true;
	if (has_control(value))
		heads->odd_value = true;
	head = name.len > 0 ? lookup(heads, name) : MD_HEAD_COUNT;
	if (head == MD_HEAD_COUNT)
		return;
	if (head == MD_HEAD_PREFER && heads->seen[head] < MD_PREFER_HEADERS_MAX)
		heads->prefer[heads->seen[head]] = value;
	/* What a client has sent stands before what its proxy adds. */
	if (heads->seen[head] == 0 || head == MD_HEAD_FORWARDED_FOR)
		heads->value[head] = value;
	if (heads->seen[head] < 255)
		heads->seen[head]++;
}
