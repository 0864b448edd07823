#include "core/base/url.h"

#include "core/base/banned.h"

#define BLANK "***"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Does the name of a parameter say that its value is secret? Names may be percent-encoded. */
static bool is_secret(struct md_str name)
{
	static const char *const words[] = { "password", "secret", "token" };
	char plain[64];
	size_t len = 0;

	for (size_t i = 0; i < name.len && len < sizeof(plain) - 1; i++) {
		char c = name.ptr[i];

		if (c == '%' && i + 2 < name.len && hex(name.ptr[i + 1]) >= 0 &&
		    hex(name.ptr[i + 2]) >= 0) {
			c = (char)(hex(name.ptr[i + 1]) * 16 + hex(name.ptr[i + 2]));
			i += 2;
		}
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		plain[len++] = c;
	}
	plain[len] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(plain, words[i]))
			return true;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The end of a keyword's value: libpq's rules, quotes and backslashes. */
static const char *value_end(const char *p)
{
	bool quoted = *p == '\'';

	for (p += quoted; *p && (quoted ? *p != '\'' : !is_space(*p)); p++)
		if (*p == '\\' && p[1])
			p++;
	return *p == '\'' && quoted ? p + 1 : p;
}

/* "host=a password = 'b c'" */
static void put_keywords(const char *p, struct md_buf *out)
{
	while (*p) {
		const char *name = p, *end, *value;

		while (*p && *p != '=' && !is_space(*p))
			p++;
		end = p;
		while (is_space(*p))
			p++;
		if (*p != '=') {
			if (p == name) /* nothing moved: an end */
				break;
			md_buf_put(out, name, (size_t)(p - name));
			continue;
		}
		for (p++; is_space(*p);)
			p++;
		value = p;
		p = value_end(p);
		md_buf_put(out, name, (size_t)(value - name));
		if (is_secret((struct md_str){ name, (size_t)(end - name) }))
			md_buf_puts(out, BLANK);
		else
			md_buf_put(out, value, (size_t)(p - value));
		while (is_space(*p))
			md_buf_putc(out, *p++);
	}
}

/* Behind the `?`: "a=b&password=c". */
static void put_parameters(const char *p, struct md_buf *out)
{
	while (*p) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");

		if (name < len && is_secret((struct md_str){ p, name })) {
			md_buf_put(out, p, name + 1);
			md_buf_puts(out, BLANK);
		} else {
			md_buf_put(out, p, len);
		}
		p += len;
		if (*p)
			md_buf_putc(out, *p++);
	}
}

/* Where the parameters begin: the last `?` with a NAME= behind it, else the end. A `?` in a
 * password that is not encoded must not end the user part. */
static const char *find_parameters(const char *rest)
{
	const char *found = rest + strlen(rest), *first = strchr(rest, '?');

	for (const char *p = first; p; p = strchr(p + 1, '?')) {
		size_t len = strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_%");

		if (len > 0 && p[1 + len] == '=' && !strchr(p, '@'))
			return p;
	}
	/* An @ behind every `?`: of a parameter, if a path stands before it, else of the user. */
	return first && memchr(rest, '/', (size_t)(first - rest)) ? first : found;
}

void md_url_blank_password(const char *url, struct md_buf *out)
{
	const char *rest = strstr(url, "://"), *parameters, *at = NULL, *colon;

	if (!rest) {
		put_keywords(url, out);
		return;
	}
	rest += 3;
	md_buf_put(out, url, (size_t)(rest - url));
	parameters = find_parameters(rest);
	for (const char *p = rest; p < parameters; p++)
		if (*p == '@')
			at = p;
	colon = at ? memchr(rest, ':', (size_t)(at - rest)) : NULL;
	if (colon) {
		md_buf_put(out, rest, (size_t)(colon + 1 - rest));
		md_buf_puts(out, BLANK);
		rest = at;
	}
	md_buf_put(out, rest, (size_t)(parameters - rest));
	put_parameters(parameters, out);
}
